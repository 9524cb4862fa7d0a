// SPDX-License-Identifier: MIT
/* Softmax, LogSoftmax along any axis of either layout. */
#include <errno.h>
#include <string.h>

#include "compiler/lower_util.h"

static const char *softmax_can(struct ir_module *m, const struct ir_node *n)
{
	int64_t v;
	int axis = lt_axis_attr(n, "axis", -1, n->in[0]->rank);

	if (!lt_float(n->in[0]))
		return "a softmax of a type that is not a float";
	if (axis < 0)
		return "an axis out of range";
	if (ir_attr_int(n, "tuff.flat", 0) ? ex_value(m, ex_numel(m, n->in[0], axis, n->in[0]->rank), &v) : ex_value(m, n->in[0]->dim[axis], &v))
		return v > 128 * (LT_LOOP / 3) ? "a row of more than a million elements" : NULL;
	return NULL;
}

static int softmax_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *o = n->out[0];
	bool flat = ir_attr_int(n, "tuff.flat", 0), plain = x->layout != o->layout || (flat && x->layout == TUFF_CL);
	struct ir_value xp = *x;
	int axis = lt_axis_attr(n, "axis", -1, x->rank), ret;
	uint32_t id[] = { 0, 1, 2 }, spec[3], bind[2];
	struct lt_axis a;
	ir_expr d[8];
	int64_t row;

	if (plain)
		xp.layout = TUFF_PLAIN;
	if (!lt_axis_of(m, &xp, axis, &a))
		return ir_error(m, -EINVAL, n, x, "axis is out of range");
	if (flat) {	/* opset < 13: over all from the axis on */
		a.n = a.so = ex_mul(m, a.n, a.inner);
		a.inner = a.sk = ex_const(m, 1);
		a.rows = a.outer;
	}
	bind[0] = plain ? lt_in(l, n, x) : launch_tensor(l, x);
	bind[1] = plain ? lt_out(l, o) : launch_tensor(l, o);
	if (!ex_value(m, a.n, &row))
		row = -1;
	/* neighbouring rows lie side by side: an invocation each, if rows are short */
	spec[1] = ex_is(m, a.inner, 1) || row < 0 || row > LT_LOOP / 3;
	spec[0] = !spec[1] ? 64 : row < 0 || row > 512 ? 128 : 32;
	spec[2] = n->op == TUFF_OP_LOGSOFTMAX;
	lt_axis_dims(m, &a, d);
	ret = lt_grid(l, n, launch_kernel(l, "softmax", 2, 2, id, spec, 3), bind, 2, d, 8, a.rows, spec[1] ? 1 : spec[0]);
	return ret || !plain ? ret : lt_out_done(l, n, o, bind[1]);
}
const struct lower_ops lower_softmax = { softmax_can, softmax_emit };
