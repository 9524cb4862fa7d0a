// SPDX-License-Identifier: MIT
/* CumSum, ArgMax and ArgMin, Trilu, Range, known integers. */
#include <errno.h>
#include <string.h>

#include "compiler/lower_util.h"

static uint32_t type_of(const struct ir_value *v)
{
	return v->storage == TUFF_I32 ? 1 : v->storage == TUFF_U32 ? 2 : 0;
}

static bool one_ival(struct ir_module *m, const struct ir_node *n, uint32_t i, ir_expr *e)
{
	if (n->nin <= i || !n->in[i] || !n->in[i]->ival || n->in[i]->nival != 1)
		return false;
	*e = n->in[i]->ival[0];
	return true;
}

/* ---- CUMSUM ---- */
static int cumsum_axis(struct ir_module *m, const struct ir_node *n)
{
	ir_expr e;
	int64_t v;

	if (!one_ival(m, n, 1, &e) || !ex_value(m, e, &v))
		return -1;
	v += v < 0 ? n->in[0]->rank : 0;
	return v < 0 || v >= n->in[0]->rank ? -1 : (int)v;
}

static const char *cumsum_can(struct ir_module *m, const struct ir_node *n)
{
	int axis = cumsum_axis(m, n);
	int64_t v;

	if (axis < 0)
		return "an axis that depends on data";
	if (!ex_value(m, n->in[0]->dim[axis], &v) || v > LT_LOOP)
		return "a running sum over more than 32000 elements, or over a size that varies";
	return lt_types(n);
}

static int cumsum_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], p = *x;
	uint32_t id[] = { 0, 1, 2 }, out = lt_out(l, n->out[0]), bind[] = { lt_in(l, n, x), out };
	uint32_t spec[] = { !!ir_attr_int(n, "exclusive", 0), !!ir_attr_int(n, "reverse", 0), type_of(x) };
	struct lt_axis a;
	ir_expr d[8];
	int ret;

	p.layout = TUFF_PLAIN;
	if (!lt_axis_of(m, &p, cumsum_axis(m, n), &a))
		return ir_error(m, -EINVAL, n, x, "axis is out of range");
	lt_axis_dims(m, &a, d);
	ret = lt_grid(l, n, launch_kernel(l, "cumsum", 2, 2, id, spec, 3), bind, 2, d, 8, a.rows, 64);
	return ret ? ret : lt_out_done(l, n, n->out[0], out);
}
const struct lower_ops lower_cumsum = { cumsum_can, cumsum_emit };

/* ---- ARGMAX, ARGMIN ---- */
static const char *argmax_can(struct ir_module *m, const struct ir_node *n)
{
	int axis = lt_axis_attr(n, "axis", 0, n->in[0]->rank);
	int64_t v;

	if (axis < 0)
		return "an axis out of range";
	if (ex_value(m, n->in[0]->dim[axis], &v) && v > 128 * LT_LOOP)
		return "a row of more than four million elements";
	return lt_types(n);
}

static int argmax_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], p = *x;
	uint32_t id[] = { 0, 1, 2, 3, 4 }, out = lt_out(l, n->out[0]), bind[] = { lt_in(l, n, x), out }, spec[5];
	struct lt_axis a;
	ir_expr d[8];
	int64_t v;
	int ret;

	p.layout = TUFF_PLAIN;
	if (!lt_axis_of(m, &p, lt_axis_attr(n, "axis", 0, x->rank), &a))
		return ir_error(m, -EINVAL, n, x, "axis is out of range");
	if (!ex_value(m, a.n, &v))
		v = -1;
	spec[1] = v < 0 || v > (ex_is(m, a.inner, 1) ? 32 : LT_LOOP);
	spec[0] = !spec[1] ? 64 : 128;
	spec[2] = n->op == TUFF_OP_ARGMIN;
	spec[3] = !!ir_attr_int(n, "select_last_index", 0);
	spec[4] = type_of(x);
	lt_axis_dims(m, &a, d);
	ret = lt_grid(l, n, launch_kernel(l, "argmax", 2, 2, id, spec, 5), bind, 2, d, 8, a.rows, spec[1] ? 1 : 64);
	return ret ? ret : lt_out_done(l, n, n->out[0], out);
}
const struct lower_ops lower_argmax = { argmax_can, argmax_emit };

/* ---- TRILU ---- */
static const char *trilu_can(struct ir_module *m, const struct ir_node *n)
{
	ir_expr e;

	if (n->nin > 1 && n->in[1] && !one_ival(m, n, 1, &e))
		return "a diagonal that depends on data";
	return n->in[0]->rank < 2 ? "less than a matrix" : lt_types(n);
}

static int trilu_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0];
	uint32_t id = 0, upper = !!ir_attr_int(n, "upper", 1), out = lt_out(l, n->out[0]), bind[] = { lt_in(l, n, x), out };
	ir_expr k = ex_const(m, 0), d[4];
	int ret;

	one_ival(m, n, 1, &k);
	/* beyond the matrix is beyond it, however far */
	k = ex_op(m, TUFF_E_MAX, ex_op(m, TUFF_E_MIN, k, ex_const(m, INT32_MAX)), ex_const(m, -INT32_MAX));
	d[0] = ex_numel(m, x, 0, x->rank);
	d[1] = x->dim[x->rank - 2];
	d[2] = x->dim[x->rank - 1];
	d[3] = k;
	ret = lt_grid(l, n, launch_kernel(l, "trilu", 2, 2, &id, &upper, 1), bind, 2, d, 4, d[0], LT_LOCAL);
	return ret ? ret : lt_out_done(l, n, n->out[0], out);
}
const struct lower_ops lower_trilu = { trilu_can, trilu_emit };

/* ---- RANGE ---- */
static const char *range_can(struct ir_module *m, const struct ir_node *n)
{
	ir_expr e;

	if (lt_float(n->out[0]) || !one_ival(m, n, 0, &e) || !one_ival(m, n, 2, &e))
		return "a range of floats, or one that depends on data";
	return lt_types(n);
}

static int range_emit(struct launch *l, struct ir_node *n)
{
	uint32_t bind[] = { launch_tensor(l, n->out[0]) };
	ir_expr d[3] = { n->out[0]->dim[0], n->in[0]->ival[0], n->in[2]->ival[0] };

	return lt_grid(l, n, launch_kernel(l, "range", 1, 1, NULL, NULL, 0), bind, 1, d, 3, d[0], LT_LOCAL);
}
const struct lower_ops lower_range = { range_can, range_emit };

/* ---- KNOWN ---- */
static const char *known_can(struct ir_module *m, const struct ir_node *n)
{
	return NULL;	/* pass_place makes them */
}

static int known_emit(struct launch *l, struct ir_node *n)
{
	const struct ir_value *o = n->out[0];
	uint32_t bind[] = { launch_tensor(l, n->out[0]) };
	ir_expr d[TUFF_DIMS_WORDS];

	d[0] = ex_const(launch_module(l), o->nival);
	memcpy(d + 1, o->ival, o->nival * sizeof(*d));
	return lt_grid(l, n, launch_kernel(l, "known", 1, 1, NULL, NULL, 0), bind, 1, d, 1 + o->nival, d[0], 64);
}
const struct lower_ops lower_known = { known_can, known_emit };
