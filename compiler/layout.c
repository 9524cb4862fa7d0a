// SPDX-License-Identifier: MIT
/*
 * Layouts. Convolution-like operators want channels last; operators that do not
 * care follow their operands; all others, the model's inputs and outputs and
 * nodes on the CPU of a device program are plain. Where two meet, a Layout
 * node, shared by all who need it.
 */
#include <errno.h>
#include <stdlib.h>

#include "compiler/ir.h"

enum want { WANT_PLAIN, WANT_CL, FOLLOW };

static bool elementwise(uint32_t op)
{
	return (op >= TUFF_OP_ADD && op <= TUFF_OP_IDENTITY) || op == TUFF_OP_CAST || op == TUFF_OP_FUSED;
}

static enum want wants(const struct ir_node *n)
{
	int rank = n->nin && n->in[0] ? n->in[0]->rank : 0;

	if (!n->device || rank < 2)
		return WANT_PLAIN;
	if (elementwise(n->op))
		return FOLLOW;
	if (rank < 3)
		return WANT_PLAIN;
	switch (n->op) {
	case TUFF_OP_CONV: case TUFF_OP_CONV_TRANSPOSE:
	case TUFF_OP_MAXPOOL: case TUFF_OP_AVGPOOL: case TUFF_OP_GLOBAL_AVGPOOL: case TUFF_OP_GLOBAL_MAXPOOL:
	case TUFF_OP_BATCHNORM: case TUFF_OP_INSTANCENORM: case TUFF_OP_LRN:
	case TUFF_OP_DEPTH_TO_SPACE: case TUFF_OP_SPACE_TO_DEPTH:
		return WANT_CL;
	case TUFF_OP_RESIZE:
		return rank == 4 ? WANT_CL : FOLLOW;
	case TUFF_OP_CONCAT: case TUFF_OP_SPLIT: case TUFF_OP_SLICE: case TUFF_OP_PAD:
		return FOLLOW;
	case TUFF_OP_REDUCE_SUM: case TUFF_OP_REDUCE_MEAN: case TUFF_OP_REDUCE_MAX: case TUFF_OP_REDUCE_MIN:
	case TUFF_OP_REDUCE_PROD: case TUFF_OP_REDUCE_L1: case TUFF_OP_REDUCE_L2: case TUFF_OP_REDUCE_SUMSQ:
	case TUFF_OP_REDUCE_LOGSUM: case TUFF_OP_REDUCE_LOGSUMEXP:
		return ir_attr_int(n, "keepdims", 1) ? FOLLOW : WANT_PLAIN;
	}
	return WANT_PLAIN;
}

/* does operand i of n have the layout of its result? (weights, axes, scales have not) */
static bool is_activation(const struct ir_node *n, uint32_t i)
{
	switch (n->op) {
	case TUFF_OP_CONV:
		return i == 0 || i == 3;
	case TUFF_OP_CONCAT:
		return true;
	}
	return i == 0;
}

static bool same_dims(const struct ir_value *a, const struct ir_value *b)
{
	for (int i = 0; i < a->rank; i++)
		if (a->rank != b->rank || a->dim[i] != b->dim[i])
			return false;
	return a->rank == b->rank;
}

struct state {
	struct ir_module *m;
	struct ir_value **other;	/* by value id: the same in the other layout */
	uint32_t nvalues;
};

static struct ir_value *in_layout(struct state *s, struct ir_value *v, uint32_t layout)
{
	struct ir_module *m = s->m;
	struct ir_node *n;
	struct ir_value *o;

	if (v->layout == layout)
		return v;
	if (v->id < s->nvalues && s->other[v->id])
		return s->other[v->id];
	n = ir_node_new(m, TUFF_OP_LAYOUT, v->name, 1, 1, v->def ? v->def->next : m->first);
	n->device = m->opt->device.target != TUFF_TARGET_CPU;
	n->in[0] = v;
	o = ir_value_like(m, v, v->name);
	o->layout = layout;
	o->def = n;
	n->out[0] = o;
	if (v->id < s->nvalues)
		s->other[v->id] = o;
	return o;
}

static void node(struct state *s, struct ir_node *n)
{
	enum want w = wants(n);
	bool cl = w == WANT_CL, ew = elementwise(n->op);

	for (uint32_t i = 0; w == FOLLOW && i < n->nin && !cl; i++)
		cl = n->in[i] && n->in[i]->layout == TUFF_CL && n->in[i]->rank == n->out[0]->rank &&
		     n->in[i]->rank >= 3 && (ew || is_activation(n, i));
	for (uint32_t i = 0; i < n->nin; i++) {
		struct ir_value *v = n->in[i];

		if (!v)
			continue;
		if (ew) {
			/* operands that broadcast are read by strides, whatever their layout */
			if (cl && v->weight == TUFF_NONE && same_dims(v, n->out[0]))
				n->in[i] = in_layout(s, v, TUFF_CL);
			else if (!n->device)
				n->in[i] = in_layout(s, v, TUFF_PLAIN);
			continue;
		}
		n->in[i] = in_layout(s, v, cl && is_activation(n, i) ? TUFF_CL : TUFF_PLAIN);
	}
	for (uint32_t i = 0; i < n->nout; i++)
		if (n->out[i])
			n->out[i]->layout = cl ? TUFF_CL : TUFF_PLAIN;
}

int pass_layout(struct ir_module *m)
{
	struct state s = { .m = m, .nvalues = m->nvalues };
	struct ir_node *next;

	if (m->opt->device.target == TUFF_TARGET_CPU)
		return 0;
	s.other = calloc(m->nvalues + 1, sizeof(*s.other));
	if (!s.other)
		return -ENOMEM;
	for (struct ir_node *n = m->first; n; n = next) {
		next = n->next;
		if (n->op != TUFF_OP_LAYOUT)
			node(&s, n);
	}
	for (uint32_t i = 0; i < m->nout; i++)
		m->out[i] = in_layout(&s, m->out[i], TUFF_PLAIN);
	free(s.other);
	return m->oom ? -ENOMEM : 0;
}
