// SPDX-License-Identifier: MIT
/*
 * What depends on data, in shape inference: operators that size their own
 * outputs get a symbol for each such size, integer parameters whose content
 * nobody knows get a symbol for each element. Both are measured by the session
 * when the tensor is there; split.c cuts the graph so that they are known in time.
 */
#include <errno.h>

#include "compiler/shape.h"

int ir_content(struct ir_module *m, struct ir_node *n, struct ir_value *v)
{
	int64_t count = 1, dim;

	if (!v || v->ival || (v->dtype != TUFF_I64 && v->dtype != TUFF_I32))
		return 0;
	for (int i = 0; i < v->rank; i++) {
		if (!ex_value(m, v->dim[i], &dim))
			return ir_error(m, -EOPNOTSUPP, n, v, "a shape whose number of dimensions depends on data is not supported");
		count *= dim > IR_MAX_IVAL ? IR_MAX_IVAL + 1 : dim;
		if (count > IR_MAX_IVAL)
			return 0;	/* the rule says what it takes */
	}
	v->ival = ir_alloc(m, (count + 1) * sizeof(*v->ival));
	v->nival = count;
	for (int64_t i = 0; i < count; i++)
		v->ival[i] = ex_data(m, v, TUFF_MAX_RANK + i);
	return 0;
}

/* inputs that decide about sizes, a bit each */
static uint32_t parameters(uint32_t op)
{
	switch (op) {
	case TUFF_OP_RESHAPE: case TUFF_OP_EXPAND: case TUFF_OP_TILE: case TUFF_OP_PAD: case TUFF_OP_TOPK:
	case TUFF_OP_SPLIT: case TUFF_OP_ONE_HOT:
		return 1u << 1;
	case TUFF_OP_CONSTANT_OF_SHAPE:
		return 1u << 0;
	case TUFF_OP_RANGE:
		return 7u;
	case TUFF_OP_SLICE:
		return 1u << 1 | 1u << 2;
	case TUFF_OP_RESIZE:
		return 1u << 3;
	}
	return 0;
}

int dynamic_parameters(struct ir_module *m, struct ir_node *n)
{
	uint32_t mask = parameters(n->op);
	int ret = 0;

	for (uint32_t i = 0; i < n->nin && mask >> i && !ret; i++)
		if (mask >> i & 1)
			ret = ir_content(m, n, n->in[i]);
	return ret;
}

/* positions in a tensor and counts of its elements: what a device cannot address is refused elsewhere */
static void narrow(struct ir_value *v)
{
	if (v)
		v->narrow = true;
}

static ir_expr measured(struct ir_module *m, struct ir_value *v, uint32_t at)
{
	return v ? ex_data(m, v, at) : ex_const(m, 0);
}

/* [rank of x, number of elements that are not 0] */
int shape_nonzero(struct ir_module *m, struct ir_node *n)
{
	/* a scalar counts as one dimension (NumPy) */
	ir_expr d[2] = { ex_const(m, n->in[0]->rank ? n->in[0]->rank : 1), measured(m, n->out[0], 1) };

	set_shape(n->out[0], TUFF_I64, 2, d);
	narrow(n->out[0]);
	return 0;
}

int shape_compress(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *c = n->in[1];
	struct ir_attr *a = ir_attr_find(n, "axis");
	int64_t axis = ir_attr_int(n, "axis", 0);
	ir_expr d[TUFF_MAX_RANK];

	if (c->rank != 1 || c->dtype != TUFF_BOOL)
		return ir_error(m, -EINVAL, n, c, "the condition must be bool [n]");
	if (!x->rank || (a && (axis < -x->rank || axis >= x->rank)))
		return ir_error(m, -EINVAL, n, x, "axis %lld is out of range", (long long)axis);
	if (!a) {
		d[0] = measured(m, n->out[0], 0);
		set_shape(n->out[0], x->dtype, 1, d);
		return 0;
	}
	axis += axis < 0 ? x->rank : 0;
	for (int i = 0; i < x->rank; i++)
		d[i] = i == axis ? measured(m, n->out[0], i) : x->dim[i];
	set_shape(n->out[0], x->dtype, x->rank, d);
	return ir_attr_set_int(m, n, "axis", axis);
}

/* the distinct elements or slices, where each is first, which each is, how many of each */
int shape_unique(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0];
	struct ir_attr *a = ir_attr_find(n, "axis");
	int64_t axis = ir_attr_int(n, "axis", 0);
	ir_expr d[TUFF_MAX_RANK], count = 0, all;

	if (a && (axis < -x->rank || axis >= x->rank))
		return ir_error(m, -EINVAL, n, x, "axis %lld is out of range", (long long)axis);
	axis += axis < 0 ? x->rank : 0;
	all = a ? x->dim[axis] : ex_numel(m, x, 0, x->rank);
	for (uint32_t i = 0; i < n->nout && i < 4; i++) {
		if (!n->out[i])
			continue;
		if (i != 2 && !count)	/* one size, measured from the first output that has it */
			count = measured(m, n->out[i], i || !a ? 0 : axis);
		if (i) {
			set_shape(n->out[i], TUFF_I64, 1, i == 2 ? &all : &count);
			narrow(n->out[i]);
			continue;
		}
		for (int k = 0; k < (a ? x->rank : 1); k++)	/* a scalar is a row of one */
			d[k] = a && k != axis ? x->dim[k] : count;
		set_shape(n->out[0], x->dtype, a ? x->rank : 1, d);
	}
	return a ? ir_attr_set_int(m, n, "axis", axis) : 0;
}

/* boxes [batch, n, 4], scores [batch, classes, n]: [selected, 3] of (batch, class, box) */
int shape_nms(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *boxes = n->in[0], *scores = n->in[1];
	ir_expr d[2];
	int ret;

	if (boxes->rank != 3 || scores->rank != 3 || boxes->dtype != TUFF_F32 || scores->dtype != TUFF_F32)
		return ir_error(m, -EINVAL, n, boxes->rank != 3 ? boxes : scores, "needs float32 boxes [batch,n,4] and scores [batch,classes,n]");
	ret = size_same(m, n, boxes, boxes->dim[2], ex_const(m, 4));
	ret = ret ? ret : size_same(m, n, scores, scores->dim[0], boxes->dim[0]);
	ret = ret ? ret : size_same(m, n, scores, scores->dim[2], boxes->dim[1]);
	for (uint32_t i = 2; i < n->nin && !ret; i++)
		if (n->in[i] && (n->in[i]->rank > 1 || n->in[i]->dtype != (i == 2 ? TUFF_I64 : TUFF_F32)))
			ret = ir_error(m, -EINVAL, n, n->in[i], "needs one %s", i == 2 ? "int64" : "float32");
		else if (n->in[i])
			ret = size_same(m, n, n->in[i], ex_numel(m, n->in[i], 0, n->in[i]->rank), ex_const(m, 1));
	d[0] = measured(m, n->out[0], 0);
	d[1] = ex_const(m, 3);
	set_shape(n->out[0], TUFF_I64, 2, d);
	narrow(n->out[0]);
	return ret;
}

static bool constants(const struct ir_module *m, const struct ir_value *v)
{
	int64_t x;

	if (!v)
		return true;
	for (uint32_t i = 0; v->ival && i < v->nival; i++)
		if (!ex_value(m, v->ival[i], &x))
			return false;
	return v->ival != NULL;
}

static struct ir_value *input(const struct ir_node *n, uint32_t i)
{
	return i < n->nin ? n->in[i] : NULL;
}

static bool fixed(const struct ir_module *m, const struct ir_value *v)
{
	int64_t x;

	for (int i = 0; i < v->rank; i++)
		if (!ex_value(m, v->dim[i], &x))
			return false;
	return true;
}

static bool is_reduce(uint32_t op)
{
	return op >= TUFF_OP_REDUCE_SUM && op <= TUFF_OP_REDUCE_LOGSUMEXP;
}

/* Is what decides about n's sizes, other than by an expression, known? */
static bool settled(const struct ir_module *m, const struct ir_node *n)
{
	const struct ir_value *a = input(n, 1), *b = input(n, 2);
	int64_t x;

	switch (n->op) {
	case TUFF_OP_SQUEEZE: case TUFF_OP_UNSQUEEZE:
		return constants(m, a);
	case TUFF_OP_SLICE:
		if (!a || !b || !constants(m, input(n, 3)) || !constants(m, input(n, 4)))
			return !a || !b;
		for (uint32_t i = 0; input(n, 4) && i < n->in[4]->nival; i++)	/* backward: by numbers only */
			if (ex_value(m, n->in[4]->ival[i], &x) && x < 0)
				return constants(m, a) && constants(m, b) && fixed(m, n->in[0]);
		return true;
	case TUFF_OP_PAD:
		return !input(n, 3) || (constants(m, a) && constants(m, n->in[3]));
	case TUFF_OP_RANGE:
		return (!a || a->dtype == TUFF_I64 || a->dtype == TUFF_I32);
	case TUFF_OP_ONE_HOT:
		return !a || a->weight != TUFF_NONE || a->dtype == TUFF_I64 || a->dtype == TUFF_I32;
	case TUFF_OP_RESIZE:
		return input(n, 3) || !b || (b->weight != TUFF_NONE && b->input < 0);
	}
	return !is_reduce(n->op) || constants(m, a);
}

/* dimensions of n's output of which only the number is known; -1: not even that */
static int rank_of(const struct ir_module *m, const struct ir_node *n, int64_t axes)
{
	int rank = n->in[0]->rank;

	switch (n->op) {
	case TUFF_OP_SQUEEZE:
		return axes < 0 ? -1 : rank - axes;
	case TUFF_OP_UNSQUEEZE:
		return axes < 0 ? -1 : rank + axes;
	case TUFF_OP_RANGE:
		return 1;
	case TUFF_OP_ONE_HOT:
		return rank + 1;
	case TUFF_OP_SLICE: case TUFF_OP_RESIZE: case TUFF_OP_PAD:
		return rank;
	}
	if (ir_attr_int(n, "keepdims", 1))
		return rank;
	if (axes)
		return axes < 0 ? -1 : rank - axes;
	return ir_attr_int(n, "noop_with_empty_axes", 0) ? rank : 0;
}

int dynamic_sized(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *axes = input(n, 1), *out = n->nout ? n->out[0] : NULL;
	ir_expr d[TUFF_MAX_RANK];
	uint32_t dtype;
	int64_t count = -1;
	int rank;

	if (settled(m, n) || !out)
		return 0;
	if (axes && axes->rank == 1 && !ex_value(m, axes->dim[0], &count))
		count = -1;
	rank = rank_of(m, n, count);
	if (rank < 0 || rank > TUFF_MAX_RANK)
		return ir_error(m, -EOPNOTSUPP, n, axes, "the number of dimensions depends on data");
	if (n->op == TUFF_OP_RESIZE && (ir_attr_find(n, "axes") || ir_attr_find(n, "keep_aspect_ratio_policy") || ir_attr_int(n, "antialias", 0)))
		return ir_error(m, -EOPNOTSUPP, n, n->in[0], "axes, aspect ratio policy and antialias are not supported");
	if (n->op == TUFF_OP_ONE_HOT && ir_attr_set_int(m, n, "axis", ir_attr_int(n, "axis", -1) + (ir_attr_int(n, "axis", -1) < 0 ? rank : 0)))
		return -ENOMEM;
	dtype = n->op == TUFF_OP_ONE_HOT && input(n, 2) ? n->in[2]->dtype : n->in[0]->dtype;
	for (int i = 0; i < rank; i++)
		d[i] = ex_data(m, out, i);
	set_shape(out, dtype, rank, d);
	if (ir_attr_set_int(m, n, "tuff.op", n->op))
		return -ENOMEM;
	n->op = TUFF_OP_SIZED;
	return 1;
}
