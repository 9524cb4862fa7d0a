// SPDX-License-Identifier: MIT
/* GridSample of images. */
#include <errno.h>
#include <string.h>

#include "compiler/lower_util.h"

static const char *gridsample_can(struct ir_module *m, const struct ir_node *n)
{
	if (n->in[0]->rank != 4)
		return "sampling in three dimensions";
	return lt_float(n->in[0]) && lt_float(n->in[1]) ? NULL : "sampling of integers";
}

static int gridsample_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *g = n->in[1], *o = n->out[0];
	const char *mode = ir_attr_str(n, "mode", "linear"), *pad = ir_attr_str(n, "padding_mode", "zeros");
	uint32_t id[] = { 0, 1, 2 }, bind[] = { launch_tensor(l, x), launch_tensor(l, g), launch_tensor(l, o) };
	uint32_t spec[] = { !strcmp(mode, "nearest") ? 0 : strstr(mode, "cubic") ? 2 : 1,
			    !strcmp(pad, "border") ? 1 : !strcmp(pad, "reflection") ? 2 : 0, !!ir_attr_int(n, "align_corners", 0) };
	ir_expr d[5] = { ex_numel(m, o, 0, 4), ex_numel(m, o, 2, 4), x->dim[1], x->dim[2], x->dim[3] };

	return lt_grid(l, n, launch_kernel(l, "gridsample", 3, 4, id, spec, 3), bind, 3, d, 5, d[0], 64);
}
const struct lower_ops lower_gridsample = { gridsample_can, gridsample_emit };
