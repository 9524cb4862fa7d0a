// SPDX-License-Identifier: MIT
/* Transposed convolutions: each output gathers from the inputs that reach it. */
#include <errno.h>

#include "compiler/lower_conv.h"

static const char *can(struct ir_module *m, const struct ir_node *n)
{
	struct conv_geometry g;
	const char *why = conv_geometry(m, n, true, &g);
	int64_t work;
	float p[2];

	if (why)
		return why;
	if (ir_attr_find(n, "output_shape"))
		return "pads that follow from an output_shape have no kernel";
	work = g.k[0] * g.k[1] * g.k[2];
	if (work > LOOP_BOUND || work * (g.ic / g.group) > LOOP_BOUND || work * (g.ic / g.group) * (g.oc + 3) * 4 > 128 << 20)
		return "too many weights an output for the kernel";
	return conv_act_ok(launch_act(n, p)) ? NULL : "no kernel has this activation";
}

static int emit(struct launch *l, struct ir_node *n)
{
	struct conv_geometry g;
	const char *why = conv_geometry(launch_module(l), n, true, &g);

	if (why)
		return ir_error(launch_module(l), -EOPNOTSUPP, n, NULL, "%s", why);
	return conv_emit_general(l, n, &g, true);
}

const struct lower_ops lower_convt = { can, emit };
