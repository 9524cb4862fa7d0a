// SPDX-License-Identifier: MIT
/* Gather along one axis. */
#include <errno.h>

#include "compiler/lower_util.h"

static const char *gather_can(struct ir_module *m, const struct ir_node *n)
{
	return lt_axis_attr(n, "axis", 0, n->in[0]->rank) < 0 ? "an axis out of range" : lt_types(n);
}

static int gather_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *ix = n->in[1], *o = n->out[0];
	int axis = lt_axis_attr(n, "axis", 0, x->rank), ret;
	ir_expr inner = ex_numel(m, x, axis + 1, x->rank), nidx = ex_numel(m, ix, 0, ix->rank), d[4];
	bool v4 = lt_div4(m, inner);
	uint32_t out = lt_out(l, o), bind[] = { lt_in(l, n, x), lt_in(l, n, ix), out };

	d[1] = v4 ? lt_div(m, inner) : inner;
	d[0] = ex_mul(m, ex_mul(m, ex_numel(m, x, 0, axis), nidx), d[1]);
	d[2] = nidx;
	d[3] = x->dim[axis];
	ret = lt_grid(l, n, launch_kernel(l, v4 ? "gather4" : "gather", 3, 4, NULL, NULL, 0), bind, 3, d, 4, d[0], LT_LOCAL);
	return ret ? ret : lt_out_done(l, n, o, out);
}
const struct lower_ops lower_gather = { gather_can, gather_emit };
