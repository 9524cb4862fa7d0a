// SPDX-License-Identifier: MIT
/*
 * Elementwise graphs become one node: from each last operator backwards,
 * producers join while their value has the result's shape, nobody else reads
 * it, and at most three operands remain. Constants of one element go into the
 * body. What would stand alone is left as it is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ew.h"

#define MAX_NODES 24

struct group {
	struct ir_node *node[MAX_NODES];	/* [0] = the last operator */
	uint32_t n;
	struct ir_value *in[EW_MAX_IN];		/* operands */
	uint32_t nin;
};

static bool type_ok(const struct ir_value *v)
{
	return v->dtype == TUFF_F32 || v->dtype == TUFF_I32 || v->dtype == TUFF_BOOL;
}

static bool constant(const struct ir_module *m, const struct ir_value *v, double *f, int64_t *i)
{
	if (v->weight == TUFF_NONE || v->input >= 0)
		return false;
	if (v->dtype == TUFF_F32)
		return ir_scalar(m, v, f);
	return type_ok(v) && v->ival && v->nival == 1 && ex_value(m, v->ival[0], i);
}

/* can n be part of a body? */
static bool elementwise(struct ir_module *m, const struct ir_node *n)
{
	struct ew_body b;
	bool op = (n->op >= TUFF_OP_ADD && n->op <= TUFF_OP_ISINF) || n->op == TUFF_OP_CAST || n->op == TUFF_OP_SWISH || n->op == TUFF_OP_FUSED;

	if (!op || n->nout != 1 || !n->out[0] || !type_ok(n->out[0]) || n->out[0]->ival)
		return false;
	for (uint32_t i = 0; i < n->nin; i++)
		if (n->in[i] && !type_ok(n->in[i]))
			return false;
	if (n->op == TUFF_OP_PRELU && n->in[1]->rank > n->in[0]->rank)
		return false;
	return !ew_body(m, n, &b);
}

static bool same_shape(const struct ir_value *a, const struct ir_value *b)
{
	return a->rank == b->rank && !memcmp(a->dim, b->dim, a->rank * sizeof(*a->dim));
}

static bool inside(const struct group *g, const struct ir_node *n)
{
	for (uint32_t i = 0; i < g->n; i++)
		if (g->node[i] == n)
			return true;
	return false;
}

/* operands of the group with n in it; false if they are too many */
static bool operands(struct ir_module *m, struct group *g)
{
	g->nin = 0;
	for (uint32_t i = 0; i < g->n; i++) {
		const struct ir_node *n = g->node[i];

		for (uint32_t k = 0; k < n->nin; k++) {
			struct ir_value *v = n->in[k];
			int64_t x;
			double f;
			uint32_t j;

			if (!v || constant(m, v, &f, &x) || (v->def && inside(g, v->def)))
				continue;
			for (j = 0; j < g->nin && g->in[j] != v; j++)
				;
			if (j < g->nin)
				continue;
			if (g->nin == EW_MAX_IN)
				return false;
			g->in[g->nin++] = v;
		}
	}
	return true;
}

static bool joins(struct ir_module *m, struct group *g, struct ir_value *v)
{
	const struct ir_value *out = g->node[0]->out[0];
	struct group with;

	if (!v || !v->def || v->nuses != 1 || !same_shape(v, out) || g->n == MAX_NODES || inside(g, v->def) || !elementwise(m, v->def))
		return false;
	with = *g;
	with.node[with.n++] = v->def;
	if (!operands(m, &with))
		return false;
	*g = with;
	return true;
}

static int by_position(const void *a, const void *b)
{
	const struct ir_node *x = *(struct ir_node *const *)a, *y = *(struct ir_node *const *)b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int64_t put(struct ew_body *b, struct tuff_ew_insn x)
{
	if (b->ninsn == EW_MAX_INSN)
		return -1;
	b->insn[b->ninsn] = x;
	return b->nin + b->ninsn++;
}

static uint32_t operands_of(int64_t op)
{
	if (op == TUFF_EW_CONST)
		return 0;
	return op == TUFF_EW_SELECT ? 3 : op <= TUFF_EW_XOR ? 2 : 1;
}

/* register of v in the body; constants are put there */
static int64_t reg_of(struct ir_module *m, const struct group *g, const int64_t *made, struct ew_body *b, const struct ir_value *v)
{
	struct tuff_ew_insn c = { .op = TUFF_EW_CONST, .dtype = v->dtype };
	uint32_t bits;
	double f;
	float f32;

	for (uint32_t i = 0; i < g->nin; i++)
		if (g->in[i] == v)
			return i;
	for (uint32_t i = 0; i < g->n; i++)
		if (g->node[i]->out[0] == v)
			return made[i];
	if (!constant(m, v, &f, &c.imm))
		return -1;
	if (v->dtype == TUFF_F32) {
		f32 = f;
		memcpy(&bits, &f32, 4);
		c.imm = bits;
	}
	return put(b, c);
}

/* the bodies of the group's nodes, one after the other; false if too long */
static bool body_of(struct ir_module *m, struct group *g, struct ew_body *b)
{
	int64_t made[MAX_NODES];

	memset(b, 0, sizeof(*b));
	b->nin = g->nin;
	for (uint32_t i = 0; i < g->n; i++) {
		int64_t reg[EW_MAX_IN + EW_MAX_INSN];
		struct ew_body one;

		if (ew_body(m, g->node[i], &one))
			return false;
		for (uint32_t k = 0; k < one.nin; k++) {
			reg[k] = reg_of(m, g, made, b, one.in[k]);
			if (reg[k] < 0)
				return false;
		}
		for (uint32_t k = 0; k < one.ninsn; k++) {
			struct tuff_ew_insn x = one.insn[k];
			uint32_t cnt = operands_of(x.op);

			x.a = cnt > 0 ? reg[x.a] : 0;
			x.b = cnt > 1 ? reg[x.b] : 0;
			x.c = cnt > 2 ? reg[x.c] : 0;
			reg[one.nin + k] = put(b, x);
			if (reg[one.nin + k] < 0)
				return false;
		}
		made[i] = reg[one.nin + one.ninsn - 1];
	}
	return true;
}

static int replace(struct ir_module *m, struct group *g, const struct ew_body *b)
{
	struct ir_node *last = g->node[g->n - 1];

	last->op = TUFF_OP_FUSED;
	last->nattr = 0;
	last->nin = g->nin;
	memcpy(last->in, g->in, g->nin * sizeof(*g->in));
	for (uint32_t i = 0; i + 1 < g->n; i++)
		ir_node_remove(m, g->node[i]);
	return ir_attr_set_ints(m, last, "body", (const int64_t *)b->insn, 6ull * b->ninsn);
}

int pass_fuse_ew(struct ir_module *m)
{
	ir_count_uses(m);
	for (struct ir_node *n = m->last; n; n = n->prev) {
		struct group g = { .node = { n }, .n = 1 };
		struct ew_body b;

		if (!elementwise(m, n) || !operands(m, &g))
			continue;
		for (uint32_t i = 0; i < g.n; i++)
			for (uint32_t k = 0; k < g.node[i]->nin; k++)
				joins(m, &g, g.node[i]->in[k]);
		if (g.n < 2 || !g.nin)
			continue;
		/* the last one is last by position: everything feeds it */
		qsort(g.node, g.n, sizeof(g.node[0]), by_position);
		if (body_of(m, &g, &b) && replace(m, &g, &b))
			return -ENOMEM;
	}
	return 0;
}
