// SPDX-License-Identifier: MIT
/* What every pass must leave true: uses follow definitions, ranks are sane. */
#include <errno.h>
#include <stdlib.h>

#include "compiler/ir.h"

int ir_verify(struct ir_module *m, const char *after)
{
	uint8_t *seen = calloc(m->nvalues + 1, 1);
	const struct ir_value *bad = NULL;
	int ret = 0;

	if (!seen)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->nvalues; i++)
		seen[i] = !m->values[i]->def;	/* inputs and constants */
	for (struct ir_node *n = m->first; n && !ret; n = n->next) {
		for (uint32_t i = 0; i < n->nin && !ret; i++)
			if (n->in[i] && !seen[n->in[i]->id])
				ret = ir_error(m, -ENOTRECOVERABLE, n, n->in[i], "after pass %s: used before it is made", after);
		for (uint32_t i = 0; i < n->nout && !ret; i++) {
			struct ir_value *v = n->out[i];

			if (!v)
				continue;
			if (v->def != n || v->rank > TUFF_MAX_RANK)
				ret = ir_error(m, -ENOTRECOVERABLE, n, v, "after pass %s: broken definition", after);
			seen[v->id] = 1;
		}
		if (!ret && !ir_layout_ok(m, n, &bad))
			ret = ir_error(m, -ENOTRECOVERABLE, n, bad, "after pass %s: laid out as this operator does not take it", after);
	}
	for (uint32_t i = 0; i < m->nin + m->nout && !ret; i++) {
		bad = i < m->nin ? m->in[i] : m->out[i - m->nin];
		if (bad->layout != TUFF_PLAIN)
			ret = ir_error(m, -ENOTRECOVERABLE, NULL, bad, "after pass %s: an input or output that is not row-major", after);
	}
	free(seen);
	return ret;
}
