// SPDX-License-Identifier: MIT
/*
 * Sequences: values of the interpreter only. One has a type of element and,
 * unless it is empty or mixed, the number of dimensions of an element; sizes of
 * elements are measured when one is taken out.
 */
#include <errno.h>

#include "compiler/shape.h"

static int sequence(struct ir_module *m, struct ir_node *n, uint32_t i)
{
	const struct ir_value *v = i < n->nin ? n->in[i] : NULL;

	return v && v->seq ? 0 : ir_error(m, -EINVAL, n, v, "input %u must be a sequence", i);
}

static int position(struct ir_module *m, struct ir_node *n, uint32_t i)
{
	struct ir_value *v = i < n->nin ? n->in[i] : NULL;

	if (!v)
		return 0;
	if (v->seq || (v->dtype != TUFF_I64 && v->dtype != TUFF_I32))
		return ir_error(m, -EINVAL, n, v, "a position is one integer");
	return size_same(m, n, v, ex_numel(m, v, 0, v->rank), ex_const(m, 1));
}

void ir_set_sequence(struct ir_value *v, uint32_t dtype, int32_t erank)
{
	v->seq = true;
	v->dtype = dtype;
	v->erank = erank;
	v->rank = 0;
}

int shape_seqempty(struct ir_module *m, struct ir_node *n)
{
	int64_t dtype = ir_attr_int(n, "dtype", TUFF_F32);

	if (!tuff_dtype_size(dtype))
		return ir_error(m, -EOPNOTSUPP, n, NULL, "sequences of %s are not supported", tuff_dtype_name(dtype));
	ir_set_sequence(n->out[0], dtype, IR_RANK_NONE);
	return 0;
}

int shape_seqconstruct(struct ir_module *m, struct ir_node *n)
{
	int32_t rank = n->in[0]->rank;

	for (uint32_t i = 0; i < n->nin; i++) {
		if (!n->in[i] || n->in[i]->seq || n->in[i]->dtype != n->in[0]->dtype)
			return ir_error(m, -EINVAL, n, n->in[i], "elements of one type, %s", tuff_dtype_name(n->in[0]->dtype));
		rank = n->in[i]->rank == rank ? rank : IR_RANK_MIXED;
	}
	ir_set_sequence(n->out[0], n->in[0]->dtype, rank);
	return 0;
}

int32_t ir_rank_join(int32_t a, int32_t b)
{
	return a == b || b == IR_RANK_NONE ? a : a == IR_RANK_NONE ? b : IR_RANK_MIXED;
}

int shape_seqinsert(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *s = n->in[0], *x = n->in[1];
	int ret = sequence(m, n, 0);

	ret = ret ? ret : position(m, n, 2);
	if (ret)
		return ret;
	if (x->seq || x->dtype != s->dtype)
		return ir_error(m, -EINVAL, n, x, "does not go into a sequence of %s", tuff_dtype_name(s->dtype));
	ir_set_sequence(n->out[0], s->dtype, ir_rank_join(s->erank, x->rank));
	return 0;
}

int shape_seqerase(struct ir_module *m, struct ir_node *n)
{
	int ret = sequence(m, n, 0);

	ret = ret ? ret : position(m, n, 1);
	if (!ret)
		ir_set_sequence(n->out[0], n->in[0]->dtype, n->in[0]->erank);
	return ret;
}

int shape_seqpass(struct ir_module *m, struct ir_node *n)
{
	int ret = sequence(m, n, 0);

	if (!ret)
		ir_set_sequence(n->out[0], n->in[0]->dtype, n->in[0]->erank);
	return ret;
}

/* a tensor of that rank, every size measured */
static int measured(struct ir_module *m, struct ir_node *n, uint32_t dtype, int32_t rank)
{
	ir_expr d[TUFF_MAX_RANK];

	if (rank < 0)
		return ir_error(m, -EOPNOTSUPP, n, n->in[0], "the number of dimensions of the sequence's elements is not known");
	if (rank > TUFF_MAX_RANK)
		return ir_error(m, -EINVAL, n, n->in[0], "more than 8 dimensions");
	for (int i = 0; i < rank; i++)
		d[i] = ex_data(m, n->out[0], i);
	set_shape(n->out[0], dtype, rank, d);
	return 0;
}

int shape_seqat(struct ir_module *m, struct ir_node *n)
{
	int ret = sequence(m, n, 0);

	ret = ret ? ret : position(m, n, 1);
	return ret ? ret : measured(m, n, n->in[0]->dtype, n->in[0]->erank);
}

int shape_seqlength(struct ir_module *m, struct ir_node *n)
{
	int ret = sequence(m, n, 0);

	set_shape(n->out[0], TUFF_I64, 0, NULL);
	n->out[0]->narrow = true;
	return ret;
}

int shape_seqconcat(struct ir_module *m, struct ir_node *n)
{
	int more = ir_attr_int(n, "new_axis", 0) != 0, ret = sequence(m, n, 0);

	if (!ret && !ir_attr_find(n, "axis"))
		ret = ir_error(m, -EINVAL, n, NULL, "an axis is needed");
	return ret ? ret : measured(m, n, n->in[0]->dtype, n->in[0]->erank < 0 ? -1 : n->in[0]->erank + more);
}

int shape_seqsplit(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *split = n->nin > 1 ? n->in[1] : NULL;
	int64_t axis = ir_attr_int(n, "axis", 0);

	if (x->seq || axis < -x->rank || axis >= x->rank)
		return ir_error(m, -EINVAL, n, x, "axis %lld is out of range", (long long)axis);
	if (split && (split->seq || split->rank > 1 || (split->dtype != TUFF_I64 && split->dtype != TUFF_I32)))
		return ir_error(m, -EINVAL, n, split, "a length or a list of lengths");
	ir_set_sequence(n->out[0], x->dtype, x->rank - (!split && !ir_attr_int(n, "keepdims", 1)));
	return ir_attr_set_int(m, n, "axis", axis + (axis < 0 ? x->rank : 0));
}
