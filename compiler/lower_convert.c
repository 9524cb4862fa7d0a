// SPDX-License-Identifier: MIT
/* Between the element types of the model or the CPU and the device's 4-byte ones. */
#include "compiler/lower_util.h"

static const char *convert_can(struct ir_module *m, const struct ir_node *n)
{
	return lt_types(n);
}

static int convert_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *o = n->out[0];
	uint32_t id[] = { 0, 1 }, spec[] = { x->storage, o->storage }, bind[] = { launch_tensor(l, x), launch_tensor(l, o) };
	ir_expr d[2];

	d[0] = launch_numel(m, o);
	d[1] = ex_cdiv(m, ex_mul(m, d[0], ex_const(m, tuff_dtype_size(o->storage))), 4);
	return lt_grid(l, n, launch_kernel(l, "convert", 2, 2, id, spec, 2), bind, 2, d, 2, d[1], LT_LOCAL);
}
const struct lower_ops lower_convert = { convert_can, convert_emit };
