// SPDX-License-Identifier: MIT
/*
 * Layouts: convolutions and what stands around them work channels last, the
 * rest row-major; a Layout node where the two meet. One walk in program order:
 * an operator either wants channels last, or follows what it is given, or
 * takes row-major only. A value is moved at most once, before its first reader
 * of the other kind; [N,C,1,1] is the same in both and emit makes it a view.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/launch.h"

enum wish { PLAIN_ONLY, WANTS_CL, FOLLOWS };

static bool is_elementwise(uint32_t op)
{
	return (op >= TUFF_OP_ADD && op <= TUFF_OP_CAST && op != TUFF_OP_DROPOUT) || op == TUFF_OP_FUSED ||
	       op == TUFF_OP_SWISH || op == TUFF_OP_CONVERT;
}

static bool is_reduce(uint32_t op)
{
	return op >= TUFF_OP_REDUCE_SUM && op <= TUFF_OP_REDUCE_LOGSUMEXP;
}

/* does input i of n take part in the layout, or is it a parameter? */
static bool is_data(const struct ir_node *n, uint32_t i)
{
	if (!n->in[i])
		return false;
	if (is_elementwise(n->op) || n->op == TUFF_OP_CONCAT)
		return true;
	if (n->op == TUFF_OP_CONV)
		return i == 0 || i == 3;
	return i == 0;
}

static bool same_dims(const struct ir_value *a, const struct ir_value *b)
{
	return a->rank == b->rank && !memcmp(a->dim, b->dim, a->rank * sizeof(*a->dim));
}

static bool on_cpu(const struct ir_module *m)
{
	return m->opt->device.target == TUFF_TARGET_CPU;
}

static enum wish wish_of(const struct ir_module *m, const struct ir_node *n)
{
	const struct ir_value *x = n->nin ? n->in[0] : NULL, *o = n->nout ? n->out[0] : NULL;
	bool cpu = on_cpu(m);

	if (!o || o->rank < 3 || (!cpu && !n->device))
		return PLAIN_ONLY;
	switch (n->op) {
	case TUFF_OP_CONV:
		/* other types take the plain loops of the CPU path */
		return cpu && ((x->dtype != TUFF_F32 && x->dtype != TUFF_F16 && x->dtype != TUFF_BF16) || x->rank > 5) ? PLAIN_ONLY : WANTS_CL;
	case TUFF_OP_CONV_TRANSPOSE:
		return cpu ? PLAIN_ONLY : WANTS_CL;
	case TUFF_OP_MAXPOOL: case TUFF_OP_AVGPOOL:
		if (n->nout > 1 && n->out[1])	/* its indices count row-major */
			return PLAIN_ONLY;
		return cpu ? FOLLOWS : WANTS_CL;
	case TUFF_OP_GLOBAL_AVGPOOL: case TUFF_OP_GLOBAL_MAXPOOL: case TUFF_OP_BATCHNORM: case TUFF_OP_LRN:
	case TUFF_OP_INSTANCENORM:
		return cpu ? FOLLOWS : WANTS_CL;
	case TUFF_OP_RESIZE: case TUFF_OP_DEPTH_TO_SPACE: case TUFF_OP_SPACE_TO_DEPTH:
		return o->rank != 4 ? PLAIN_ONLY : cpu ? FOLLOWS : WANTS_CL;
	case TUFF_OP_CONCAT: case TUFF_OP_SPLIT: case TUFF_OP_SLICE: case TUFF_OP_PAD:
		return FOLLOWS;
	case TUFF_OP_SOFTMAX: case TUFF_OP_LOGSOFTMAX:
		return cpu && !ir_attr_int(n, "tuff.flat", 0) ? FOLLOWS : PLAIN_ONLY;
	}
	if (is_reduce(n->op))
		return ir_attr_int(n, "keepdims", 1) && x->rank == o->rank ? FOLLOWS : PLAIN_ONLY;
	return is_elementwise(n->op) ? FOLLOWS : PLAIN_ONLY;
}

/* by votes: what is moved otherwise. A constant or a graph input costs as well. */
static bool follow_cl(const struct ir_node *n)
{
	int cl = 0, plain = 0;

	for (uint32_t i = 0; i < n->nin; i++) {
		const struct ir_value *v = n->in[i];

		if (!is_data(n, i) || v->rank != n->out[0]->rank)
			continue;
		if (is_elementwise(n->op) && !same_dims(v, n->out[0]))
			cl += v->layout == TUFF_CL && n->nin == 1;	/* addressed by strides, either way */
		else if (v->layout == TUFF_CL)
			cl++;
		else
			plain += v->weight == TUFF_NONE;
	}
	return cl && cl >= plain;
}

/* must input i of n have the node's layout? */
static bool is_bound(const struct ir_node *n, uint32_t i, bool cl)
{
	const struct ir_value *v = n->in[i];

	if (!is_data(n, i) || v->rank < 3)
		return false;
	if (!is_elementwise(n->op))
		return true;
	/* broadcasts and constants are read by strides; so is what has few elements */
	return same_dims(v, n->out[0]) && !(cl && v->weight != TUFF_NONE);
}

struct pass {
	struct ir_module *m;
	struct ir_value **moved;	/* by value id: the same in the other layout */
	uint32_t nvalues;
};

static struct ir_value *in_layout(struct pass *p, struct ir_value *v, uint32_t layout, struct ir_node *at)
{
	struct ir_node *n;
	struct ir_value *o;

	if (v->layout == layout)
		return v;
	if (v->id < p->nvalues && p->moved[v->id])
		return p->moved[v->id];
	/* what a move made goes back for free */
	if (v->def && v->def->op == TUFF_OP_LAYOUT && v->def->in[0]->layout == layout)
		return v->def->in[0];
	n = ir_node_new(p->m, TUFF_OP_LAYOUT, v->name, 1, 1, at);
	n->device = !on_cpu(p->m);
	n->in[0] = v;
	o = ir_value_like(p->m, v, v->name);
	o->layout = layout;
	o->def = n;
	n->out[0] = o;
	if (v->id < p->nvalues)
		p->moved[v->id] = o;
	return o;
}

/* [N,S..,C] from [N,C,S..] channels last, or the other way round: a view */
static bool transpose_view(struct pass *p, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *o = n->out[0];
	bool to_last = true, to_first = true;
	uint64_t cnt;
	const int64_t *perm = ir_attr_ints(n, "perm", &cnt);
	int64_t c;
	int r = x->rank;

	if (!perm || cnt != (uint64_t)r || r < 3 || (!on_cpu(p->m) && !n->device))
		return false;
	for (int i = 0; i < r; i++) {
		to_last &= perm[i] == (!i ? 0 : i == r - 1 ? 1 : i + 1);
		to_first &= perm[i] == (!i ? 0 : i == 1 ? r - 1 : i - 1);
	}
	/* of three dimensions a swap is both: what x is decides */
	to_last &= x->layout == TUFF_CL;
	if (!on_cpu(p->m) && !(ex_value(p->m, x->dim[to_last ? 1 : r - 1], &c) && c % 4 == 0))
		return false;
	if (to_last) {
		o->layout = TUFF_PLAIN;
	} else if (to_first && x->layout == TUFF_PLAIN && x->def) {
		o->layout = TUFF_CL;
	} else {
		return false;
	}
	n->op = TUFF_OP_RESHAPE;
	n->nattr = 0;
	return true;
}

/* a mean over exactly the spatial axes is a global pool */
static int mean_to_pool(struct pass *p, struct ir_node *n)
{
	struct ir_module *m = p->m;
	struct ir_value *x = n->in[0], *o = n->out[0], *v;
	uint32_t op = n->op == TUFF_OP_REDUCE_MEAN ? TUFF_OP_GLOBAL_AVGPOOL : TUFF_OP_GLOBAL_MAXPOOL;
	const struct ir_value *axes = n->nin > 1 ? n->in[1] : NULL;
	struct ir_node *view;
	uint32_t mask = 0;

	if ((n->op != TUFF_OP_REDUCE_MEAN && n->op != TUFF_OP_REDUCE_MAX) || x->layout != TUFF_CL || !axes ||
	    (x->dtype != TUFF_F32 && x->dtype != TUFF_F16) || (!on_cpu(m) && !n->device))
		return 0;
	for (uint64_t i = 0; i < (axes->ival ? axes->nival : axes->weight != TUFF_NONE ? m->weights[axes->weight].size / 8 : 0); i++) {
		const int64_t *b = axes->ival ? NULL : ir_weight_bytes(m, axes->weight);
		int64_t ax;

		if (!axes->ival && (axes->dtype != TUFF_I64 || !b))
			return 0;
		if (b)
			memcpy(&ax, b + i, 8);
		else if (!ex_value(m, axes->ival[i], &ax))
			return 0;
		ax += ax < 0 ? x->rank : 0;
		if (ax < 0 || ax >= x->rank)
			return 0;
		mask |= 1u << ax;
	}
	if (mask != ((1u << x->rank) - 1) - 3 || (!on_cpu(m) && !lower_table[op]))
		return 0;
	n->op = op;
	n->nin = 1;
	n->nattr = 0;
	if (o->rank == x->rank)
		return 0;
	v = ir_value_like(m, x, o->name);
	for (int i = 2; i < x->rank; i++)
		v->dim[i] = ex_const(m, 1);
	v->dtype = o->dtype;
	n->out[0] = v;
	v->def = n;
	view = ir_node_new(m, TUFF_OP_RESHAPE, n->name, 1, 1, n->next);
	view->device = n->device;
	view->in[0] = v;
	view->out[0] = o;
	o->def = view;
	return m->oom ? -ENOMEM : 0;
}

static int node(struct pass *p, struct ir_node *n)
{
	enum wish w;
	bool cl;
	int ret;

	if (n->op == TUFF_OP_TRANSPOSE && transpose_view(p, n))
		return 0;
	if (is_reduce(n->op)) {
		ret = mean_to_pool(p, n);
		if (ret)
			return ret;
	}
	w = wish_of(p->m, n);
	cl = w == WANTS_CL || (w == FOLLOWS && follow_cl(n));
	for (uint32_t i = 0; i < n->nin; i++) {
		if (!n->in[i])
			continue;
		if (w == PLAIN_ONLY)
			n->in[i] = in_layout(p, n->in[i], TUFF_PLAIN, n);
		else if (is_bound(n, i, cl))
			n->in[i] = in_layout(p, n->in[i], cl ? TUFF_CL : TUFF_PLAIN, n);
		else if (!is_data(n, i))
			n->in[i] = in_layout(p, n->in[i], TUFF_PLAIN, n);
		if (p->m->oom)
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < n->nout; i++)
		if (n->out[i])
			n->out[i]->layout = cl && n->out[i]->rank >= 3 ? TUFF_CL : TUFF_PLAIN;
	return 0;
}

int pass_layout(struct ir_module *m)
{
	struct pass p = { .m = m, .nvalues = m->nvalues };
	int ret = 0;

	p.moved = calloc(m->nvalues + 1, sizeof(*p.moved));
	if (!p.moved)
		return -ENOMEM;
	for (struct ir_node *n = m->first; n && !ret; n = n->next)
		if (n->op != TUFF_OP_LAYOUT)
			ret = node(&p, n);
	for (uint32_t i = 0; i < m->nout && !ret; i++) {
		m->out[i] = in_layout(&p, m->out[i], TUFF_PLAIN, NULL);
		ret = m->oom ? -ENOMEM : 0;
	}
	free(p.moved);
	return ret;
}

/* for the verifier: may input i of n be laid out as it is? */
bool ir_layout_ok(const struct ir_module *m, const struct ir_node *n, const struct ir_value **bad)
{
	bool view = n->op == TUFF_OP_RESHAPE, cl = n->nout && n->out[0] && n->out[0]->layout == TUFF_CL;
	enum wish w;

	if (n->op == TUFF_OP_LAYOUT || view)
		return true;
	w = wish_of(m, n);
	for (uint32_t i = 0; i < n->nin; i++) {
		*bad = n->in[i];
		if (!n->in[i] || n->in[i]->layout == TUFF_PLAIN)
			continue;
		if (n->in[i]->rank < 3 || w == PLAIN_ONLY || !is_data(n, i) || (is_bound(n, i, cl) && !cl))
			return false;
	}
	for (uint32_t i = 0; i < n->nout; i++) {
		*bad = n->out[i];
		if (n->out[i] && n->out[i]->layout == TUFF_CL && (n->out[i]->rank < 3 || w == PLAIN_ONLY))
			return false;
	}
	return true;
}
