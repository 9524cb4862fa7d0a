// SPDX-License-Identifier: MIT
/* GatherElements, GatherND, ScatterElements, ScatterND, TopK. */
#include <errno.h>
#include <string.h>

#include "compiler/lower_util.h"

static bool scatters(const struct ir_node *n)
{
	return n->op == TUFF_OP_SCATTER_ELEMENTS || n->op == TUFF_OP_SCATTER_ND;
}

static const char *index_can(struct ir_module *m, const struct ir_node *n)
{
	/* whoever comes last wins: only without a reduction does the order not matter */
	if (scatters(n) && strcmp(ir_attr_str(n, "reduction", "none"), "none"))
		return "a scatter that adds up";
	return lt_types(n);
}

/* a scatter writes onto a copy of its data */
static int copy_data(struct launch *l, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *o = n->out[0];
	ir_expr st[TUFF_MAX_RANK];
	int order[TUFF_MAX_RANK];
	struct lt_box b;

	launch_strides(launch_module(l), x, st);
	lt_box_of(launch_module(l), &b, o, st, order);
	return lt_copy(l, n, &b, launch_tensor(l, x), launch_tensor(l, o));
}

static int index_launch(struct launch *l, struct ir_node *n, const char *shader, uint32_t first_spec, const ir_expr *d, uint32_t nd)
{
	uint32_t id[] = { 0, 1 }, spec[] = { first_spec, scatters(n) };
	uint32_t bind[] = { launch_tensor(l, n->in[scatters(n) ? 2 : 0]), launch_tensor(l, n->in[1]), launch_tensor(l, n->out[0]) };
	int ret = scatters(n) ? copy_data(l, n) : 0;

	return ret ? ret : lt_grid(l, n, launch_kernel(l, shader, 3, 4, id, spec, 2), bind, 3, d, nd, d[0], LT_LOCAL);
}

static int index_elements_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *ix = n->in[1];
	int axis = lt_axis_attr(n, "axis", 0, x->rank);
	ir_expr st[TUFF_MAX_RANK], d[4 + 2 * TUFF_MAX_RANK];

	if (axis < 0)
		return ir_error(m, -EINVAL, n, x, "axis is out of range");
	launch_strides(m, x, st);
	d[0] = ex_numel(m, ix, 0, ix->rank);
	d[1] = x->dim[axis];
	d[2] = st[axis];
	d[3] = ex_const(m, 0);
	for (int i = 0; i < x->rank; i++) {
		d[4 + 2 * i] = ix->dim[i];
		d[5 + 2 * i] = i == axis ? d[3] : st[i];
	}
	return index_launch(l, n, "index_elements", x->rank, d, 4 + 2 * x->rank);
}
const struct lower_ops lower_index_elements = { index_can, index_elements_emit };

static int index_nd_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *ix = n->in[1];
	int batch = scatters(n) ? 0 : ir_attr_int(n, "batch_dims", 0);
	ir_expr st[TUFF_MAX_RANK], d[4 + 2 * TUFF_MAX_RANK], tuples;
	int64_t k;

	if (!ex_value(m, ix->dim[ix->rank - 1], &k) || batch < 0 || k < 0 || batch + k > x->rank)
		return ir_error(m, -EINVAL, n, ix, "the indices do not fit the input");
	launch_strides(m, x, st);
	tuples = ex_numel(m, ix, batch, ix->rank - 1);
	d[1] = ex_numel(m, x, batch + k, x->rank);
	d[0] = ex_mul(m, ex_numel(m, ix, 0, ix->rank - 1), d[1]);
	d[2] = tuples;
	d[3] = ex_numel(m, x, batch, x->rank);
	for (int i = 0; i < k; i++) {
		d[4 + 2 * i] = x->dim[batch + i];
		d[5 + 2 * i] = st[batch + i];
	}
	return index_launch(l, n, "index_nd", k, d, 4 + 2 * k);
}
const struct lower_ops lower_index_nd = { index_can, index_nd_emit };

/* ---- TOPK ---- */
static const char *topk_can(struct ir_module *m, const struct ir_node *n)
{
	int axis = lt_axis_attr(n, "axis", -1, n->in[0]->rank);
	int64_t v;

	if (axis < 0 || !n->in[1]->ival || n->in[1]->nival != 1)
		return "a count that depends on data";
	if (!ex_value(m, n->in[0]->dim[axis], &v) || v > LT_LOOP)
		return "the largest of more than 32000 elements, or of a size that varies";
	return lt_types(n);
}

static int topk_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *o = n->out[0] ? n->out[0] : n->out[1];
	uint32_t id[] = { 0, 1 }, bind[3] = { launch_tensor(l, x) };
	uint32_t spec[] = { !ir_attr_int(n, "largest", 1), x->storage == TUFF_I32 ? 1 : x->storage == TUFF_U32 ? 2 : 0 };
	struct lt_axis a;
	ir_expr d[9];

	if (!o || !lt_axis_of(m, x, lt_axis_attr(n, "axis", -1, x->rank), &a))
		return ir_error(m, -EINVAL, n, x, "axis is out of range");
	for (uint32_t i = 0; i < 2; i++)
		bind[1 + i] = n->nout > i && n->out[i] ? launch_tensor(l, n->out[i]) :
							 launch_scratch(l, lt_bytes(m, ex_numel(m, o, 0, o->rank)));
	lt_axis_dims(m, &a, d);
	d[8] = n->in[1]->ival[0];
	return lt_grid(l, n, launch_kernel(l, "topk", 3, 6, id, spec, 2), bind, 3, d, 9, ex_mul(m, a.rows, a.n), 64);
}
const struct lower_ops lower_topk = { topk_can, topk_emit };
