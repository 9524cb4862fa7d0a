/* SPDX-License-Identifier: MIT */
/*
 * Lowering to Vulkan: each lower_<family>.c turns an ir_node into dispatches
 * with this builder. A lowering is asked twice: `can` (pass_place: says why not
 * without side effects) and `emit`.
 */
#ifndef TUFF_LAUNCH_H
#define TUFF_LAUNCH_H

#include "compiler/ir.h"

struct launch;			/* lower.c */

struct lower_ops {
	/* NULL = this node can run on the device; else the reason it cannot */
	const char *(*can)(struct ir_module *m, const struct ir_node *n);
	int (*emit)(struct launch *l, struct ir_node *n);
};
extern const struct lower_ops *const lower_table[];	/* by enum tuff_op; lower.c */
extern const struct lower_ops lower_conv, lower_gemm, lower_pool, lower_norm,
	lower_softmax, lower_reduce, lower_gather, lower_move, lower_resize,
	lower_layout, lower_fused, lower_convert;

struct ir_module *launch_module(struct launch *l);
/* index of a kernel: hand-written shader by name + spec constants; one per distinct set */
uint32_t launch_kernel(struct launch *l, const char *shader, uint32_t nbind,
		       uint32_t write_mask, const uint32_t *spec_id,
		       const uint32_t *spec_value, uint32_t nspec);
/* the same from generated GLSL (compiled and cached by ewgen.c) */
uint32_t launch_kernel_glsl(struct launch *l, const char *name, const char *glsl,
			    uint32_t nbind, uint32_t write_mask);
/* the tensor index of a value (creates it); a packed weight instead of its plain form */
uint32_t launch_tensor(struct launch *l, struct ir_value *v);
uint32_t launch_weight(struct launch *l, struct ir_value *v, uint32_t pack,
		       const int32_t param[8], uint32_t storage, uint64_t packed_size,
		       uint32_t scale_weight, uint32_t bias_weight);
/* scratch tensor of `size` bytes (expr) living in the arena for this node only */
uint32_t launch_scratch(struct launch *l, ir_expr size);
/* one dispatch; bind[i] is the tensor of binding i+1; dims <= TUFF_DIMS_WORDS;
 * grid in workgroups. Groups beyond 65535 in x are folded by the kernels'
 * convention gid = wg.x + wg.y * numwg.x: use launch_grid1() for 1-D work. */
int launch_dispatch(struct launch *l, struct ir_node *n, uint32_t kernel,
		    const uint32_t *bind, uint32_t nbind,
		    const ir_expr *dims, uint32_t ndims, const ir_expr grid[3]);
void launch_grid1(struct launch *l, ir_expr invocations, uint32_t local, ir_expr grid[3]);

#endif
