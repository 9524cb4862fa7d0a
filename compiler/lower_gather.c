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
	int axis = lt_axis_attr(n, "axis", 0, x->rank), ret = 0;
	ir_expr inner = ex_numel(m, x, axis + 1, x->rank), nidx = ex_numel(m, ix, 0, ix->rank), d[6];
	bool v4 = lt_div4(m, inner);
	uint32_t out = lt_out(l, o), bind[] = { TUFF_NONE, lt_in(l, n, ix), out }, id = 0, part = 0;
	int64_t rows, row, most;

	d[1] = v4 ? lt_div(m, inner) : inner;
	d[0] = ex_mul(m, ex_mul(m, ex_numel(m, x, 0, axis), nidx), d[1]);
	d[2] = nidx;
	d[3] = x->dim[axis];
	d[4] = ex_const(m, 0);
	d[5] = d[3];
	if (lt_split_rows(m, n, &rows, &row)) {	/* a table larger than a buffer may be: by parts of its rows */
		most = launch_range(m) / row;
		for (int64_t r = 0; r < rows && !ret; r += most) {
			int64_t count = rows - r < most ? rows - r : most;

			bind[0] = launch_rows(l, x, r, count);
			d[4] = ex_const(m, r);
			d[5] = ex_const(m, count);
			part = r ? 2 : 1;
			ret = lt_grid(l, n, launch_kernel(l, v4 ? "gather4" : "gather", 3, 4, &id, &part, 1), bind, 3, d, 6, d[0], LT_LOCAL);
		}
	} else {
		bind[0] = lt_in(l, n, x);
		ret = lt_grid(l, n, launch_kernel(l, v4 ? "gather4" : "gather", 3, 4, &id, &part, 1), bind, 3, d, 6, d[0], LT_LOCAL);
	}
	return ret ? ret : lt_out_done(l, n, o, out);
}
const struct lower_ops lower_gather = { gather_can, gather_emit };
