// SPDX-License-Identifier: MIT
/* Text of the graph: what --dump-after prints and tests compare. */
#include <stdio.h>

#include "compiler/ir.h"

static void value(const struct ir_module *m, const struct ir_value *v, FILE *f, bool type)
{
	char t[256];

	if (!v) {
		fputc('_', f);
		return;
	}
	fprintf(f, "%%%s", v->name);
	if (!*v->name)
		fprintf(f, "%u", v->id);
	if (type) {
		ir_shape_text(m, v, t, sizeof(t));
		fprintf(f, ": %s%s", t, v->layout == TUFF_CL ? " channels last" : "");
	}
}

void ir_dump(const struct ir_module *m, void *file)
{
	FILE *f = file;

	for (uint32_t i = 0; i < m->nin; i++) {
		fputs("input ", f);
		value(m, m->in[i], f, true);
		fputc('\n', f);
	}
	for (const struct ir_node *n = m->first; n; n = n->next) {
		for (uint32_t i = 0; i < n->nout; i++) {
			fputs(i ? ", " : "", f);
			value(m, n->out[i], f, true);
		}
		fprintf(f, " = %s(", tuff_op_name(n->op));
		for (uint32_t i = 0; i < n->nin; i++) {
			fputs(i ? ", " : "", f);
			value(m, n->in[i], f, false);
		}
		fputs(")\n", f);
	}
	for (uint32_t i = 0; i < m->nout; i++) {
		fputs("output ", f);
		value(m, m->out[i], f, true);
		fputc('\n', f);
	}
}
