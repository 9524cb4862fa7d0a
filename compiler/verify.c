// SPDX-License-Identifier: MIT
/*
 * What every pass must leave true. A breach is a bug of the pass that it names,
 * never of the model.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ir.h"

struct check {
	struct ir_module *m;
	const char *after;
	uint8_t *made;		/* by value id */
	bool typed;		/* shape inference has run */
};

static int bad(struct check *c, const struct ir_node *n, const struct ir_value *v, const char *what)
{
	return ir_error(c->m, -ENOTRECOVERABLE, n, v, "after pass %s: %s (a bug of the compiler)", c->after, what);
}

static int value(struct check *c, const struct ir_node *n, const struct ir_value *v)
{
	if (v->rank > TUFF_MAX_RANK || (c->typed && v->rank < 0))
		return bad(c, n, v, "no rank");
	if (c->typed && !tuff_dtype_size(v->dtype))
		return bad(c, n, v, "no type");
	for (int i = 0; i < v->rank; i++)
		if (v->dim[i] >= c->m->nexprs)
			return bad(c, n, v, "a dimension is no expression");
	if (v->weight != TUFF_NONE) {
		const struct tuff_weight *w = v->weight < c->m->nweights ? &c->m->weights[v->weight] : NULL;

		if (!w || w->dtype != v->dtype || (int)w->rank != v->rank)
			return bad(c, n, v, "does not match its constant");
		for (int i = 0; i < v->rank; i++)
			if (!ex_is(c->m, v->dim[i], w->dim[i]))
				return bad(c, n, v, "does not have the dimensions of its constant");
	}
	if (v->layout == TUFF_CL && v->rank < 3)
		return bad(c, n, v, "channels last needs three dimensions");
	return 0;
}

static int used(struct check *c, const struct ir_node *n, const struct ir_value *v)
{
	if (v->fwd)
		return bad(c, n, v, "used after it was replaced");
	if (v->def ? !c->made[v->id] : v->input < 0 && v->weight == TUFF_NONE && !v->ival)
		return bad(c, n, v, "used before it is made");
	return v->def ? 0 : value(c, n, v);
}

static int body(struct check *c, const struct ir_node *n)
{
	uint64_t cnt;
	const struct tuff_ew_insn *x = (const void *)ir_attr_ints(n, "body", &cnt);

	if (!x || cnt % 6 || !cnt)
		return bad(c, n, NULL, "a fused node without a body");
	for (uint64_t i = 0; i < cnt / 6; i++) {
		int64_t regs = n->nin + i;

		if (x[i].op < 0 || x[i].op >= TUFF_EW_COUNT)
			return bad(c, n, NULL, "an instruction that is none");
		if (x[i].op != TUFF_EW_CONST && (x[i].a < 0 || x[i].a >= regs || x[i].b < 0 || x[i].b >= regs || x[i].c < 0 || x[i].c >= regs))
			return bad(c, n, NULL, "an instruction reads a register before it is written");
	}
	return (uint32_t)x[cnt / 6 - 1].dtype == n->out[0]->dtype ? 0 : bad(c, n, n->out[0], "the body gives another type");
}

static int node(struct check *c, const struct ir_node *n)
{
	int ret = 0;

	if (n->op >= TUFF_OP_COUNT || (n->next && n->next->prev != n) || (n->prev && n->prev->next != n))
		return bad(c, n, NULL, "broken list");
	for (uint32_t i = 0; i < n->nin && !ret; i++)
		ret = n->in[i] ? used(c, n, n->in[i]) : 0;
	for (uint32_t i = 0; i < n->nout && !ret; i++) {
		const struct ir_value *v = n->out[i];

		if (!v)
			continue;
		if (v->def != n || v->weight != TUFF_NONE || v->input >= 0)
			ret = bad(c, n, v, "broken definition");
		else if (c->made[v->id])
			ret = bad(c, n, v, "made twice");
		else
			ret = value(c, n, v);
		c->made[v->id] = 1;
	}
	if (!ret && n->op == TUFF_OP_FUSED)
		ret = body(c, n);
	if (!ret && n->op == TUFF_OP_LAYOUT && (n->in[0]->layout == n->out[0]->layout || n->in[0]->dtype != n->out[0]->dtype))
		ret = bad(c, n, n->out[0], "a layout node that moves nothing");
	return ret;
}

int ir_verify(struct ir_module *m, const char *after)
{
	struct check c = { .m = m, .after = after, .made = calloc(m->nvalues + 1, 1), .typed = strcmp(after, "canon") != 0 };
	int ret = 0;

	if (!c.made)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->nin && !ret; i++)
		ret = c.typed ? value(&c, NULL, m->in[i]) : 0;
	for (struct ir_node *n = m->first; n && !ret; n = n->next)
		ret = node(&c, n);
	for (uint32_t i = 0; i < m->nout && !ret; i++)
		ret = used(&c, NULL, m->out[i]);
	free(c.made);
	return ret;
}
