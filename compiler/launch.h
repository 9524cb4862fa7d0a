/* SPDX-License-Identifier: MIT */
/*
 * Lowering to Vulkan. Each lower_<family>.c turns an ir_node into dispatches
 * with this builder (lower.c). A lowering is asked twice: can() by pass_place,
 * without side effects; emit() when the program is made.
 *
 * What a lowering may count on:
 * - Every tensor on the device has 4-byte elements (value->storage is F32, I32
 *   or U32; bool is U32 0/1) and is dense: TUFF_PLAIN = row-major, TUFF_CL =
 *   [N, S.., Cp] with Cp = round_up(C, 4) and zeros in the pad lanes (a kernel
 *   that writes CL keeps them zero). value->layout says which.
 * - Shapes are symbolic: dims are expressions, read by the kernel from the dims
 *   block. Only structure is a spec constant (window, stride, activation, tile).
 * - Kernel ABI: set 0, binding 0 = uniform `Dims { ivec4 d[16]; }` (64 words),
 *   bindings 1..4 = storage buffers; no push constants; at most 128 invocations
 *   a group; <= 65535 groups an axis; loops of one invocation < 2^15 iterations
 *   together; correct at any subgroup size and without subgroup features.
 * - A float parameter travels as its bits: launch_f32().
 * - Between two dispatches there is a barrier.
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
/* by enum tuff_op, NULL = no lowering; the table is in lower_table.c */
extern const struct lower_ops *const lower_table[];
/* weak: a family that is not built in is NULL in the table */
#define LOWER(x) extern const struct lower_ops lower_##x __attribute__((weak))
LOWER(conv); LOWER(convt); LOWER(gemm); LOWER(matmul); LOWER(pool);
LOWER(gpool); LOWER(batchnorm); LOWER(layernorm); LOWER(instancenorm); LOWER(lrn);
LOWER(softmax); LOWER(reduce); LOWER(argmax); LOWER(gather); LOWER(transpose);
LOWER(concat); LOWER(split); LOWER(slice); LOWER(pad); LOWER(tile);
LOWER(expand); LOWER(resize); LOWER(cumsum); LOWER(trilu); LOWER(range);
LOWER(known); LOWER(rnn); LOWER(layout); LOWER(convert); LOWER(ew);
LOWER(index_elements); LOWER(index_nd); LOWER(topk); LOWER(gridsample);
#undef LOWER

struct ir_module *launch_module(struct launch *l);

/*
 * Index of a kernel: hand-written shader `shader` (shaders/<shader>.comp) with
 * these constants; one for each distinct set. nbind storage buffers at bindings
 * 1..nbind, bit i of write_mask: binding i+1 is written.
 */
uint32_t launch_kernel(struct launch *l, const char *shader, uint32_t nbind,
		       uint32_t write_mask, const uint32_t *spec_id,
		       const uint32_t *spec_value, uint32_t nspec);
/* the same from generated GLSL (compiled and cached by glsl.c) */
uint32_t launch_kernel_glsl(struct launch *l, const char *name, const char *glsl,
			    uint32_t nbind, uint32_t write_mask);
/* the tensor index of a value (makes it). A constant arrives plain, in v->storage. */
uint32_t launch_tensor(struct launch *l, struct ir_value *v);
/* the same buffer seen under another name by a lowering that makes views; internal */
/*
 * A constant in packed form (program/pack.c): `packed_size` bytes, a multiple
 * of 16; param[] as the packing says. bias: weight index appended after the
 * packed bytes, zero padded, or TUFF_NONE. The source's own scale is kept.
 */
uint32_t launch_weight(struct launch *l, struct ir_value *v, uint32_t pack,
		       const int32_t param[8], uint32_t storage, uint64_t packed_size,
		       uint32_t bias_weight);
/* rows [first, first + rows) of a constant along its first dimension, plain, in v->storage */
uint32_t launch_rows(struct launch *l, struct ir_value *v, int64_t first, int64_t rows);
/* bytes that a binding may have on the device */
uint64_t launch_range(const struct ir_module *m);
/* `size` bytes (expression) in the arena, alive during this node only */
uint32_t launch_scratch(struct launch *l, ir_expr size);
/*
 * One dispatch. bind[i] is the tensor at binding i+1; ndims <= TUFF_DIMS_WORDS;
 * grid in workgroups (expressions). grid[0] may exceed 65535: use launch_grid1()
 * for one-dimensional work; the kernel computes
 * gid = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x.
 */
int launch_dispatch(struct launch *l, struct ir_node *n, uint32_t kernel,
		    const uint32_t *bind, uint32_t nbind,
		    const ir_expr *dims, uint32_t ndims, const ir_expr grid[3]);
void launch_grid1(struct launch *l, ir_expr invocations, uint32_t local, ir_expr grid[3]);

/* word of a dims block that holds a float */
ir_expr launch_f32(struct ir_module *m, float f);
/* round_up(C, 4) of a CL value of rank >= 2 */
ir_expr launch_cp(struct ir_module *m, const struct ir_value *v);
/* stored elements: with the pad lanes if CL */
ir_expr launch_numel(struct ir_module *m, const struct ir_value *v);
/*
 * Element strides of v as stored, one for each logical dimension in ONNX order
 * (dims that are 1 keep their stride; broadcasting is the caller's business).
 */
void launch_strides(struct ir_module *m, const struct ir_value *v, ir_expr stride[TUFF_MAX_RANK]);
/* activation of the epilogue: enum tuff_ew or -1, p[2] its parameters */
int launch_act(const struct ir_node *n, float p[2]);

#endif
