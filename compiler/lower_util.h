/* SPDX-License-Identifier: MIT */
/* What the lowerings of data movement, reductions and norms share. */
#ifndef TUFF_LOWER_UTIL_H
#define TUFF_LOWER_UTIL_H

#include "compiler/launch.h"

#define LT_LOCAL 128	/* invocations of a group, where a kernel does not say otherwise */
#define LT_LOOP 32000	/* iterations that an invocation may spend */

/* One dimension of a box that is copied: out at i * so, in at j * si. */
struct lt_dim {
	ir_expr size, si, so;
	ir_expr lo, n;	/* j = i - lo, taken into [0, n); whole: j = i */
	bool whole;
};
enum lt_mode { LT_PLAIN, LT_FILL, LT_WRAP, LT_EDGE, LT_REFLECT };
struct lt_box {
	int rank;
	struct lt_dim dim[2 * TUFF_MAX_RANK];
	ir_expr in, out;	/* offsets in elements */
	ir_expr lanes;		/* last dimension: 0 from here on; LT_NO_LANES */
	uint32_t fill;		/* bits outside of the input */
	uint32_t mode;
};
#define LT_NO_LANES UINT32_MAX

/*
 * A box over the whole of o as it is stored (pad lanes included); si and size
 * are o's, by logical dimension; the caller changes it before lt_copy().
 * order[k] = logical dimension of box dimension k.
 */
void lt_box_of(struct ir_module *m, struct lt_box *b, const struct ir_value *o, const ir_expr *si, int order[TUFF_MAX_RANK]);
int lt_copy(struct launch *l, struct ir_node *n, struct lt_box *b, uint32_t in, uint32_t out);

/* the value in PLAIN form: itself, or a scratch that a dispatch fills */
uint32_t lt_in(struct launch *l, struct ir_node *n, struct ir_value *v);
/* where a PLAIN result goes; lt_out_done() brings it to v's layout */
uint32_t lt_out(struct launch *l, struct ir_value *v);
int lt_out_done(struct launch *l, struct ir_node *n, struct ir_value *v, uint32_t t);
int lt_relayout(struct launch *l, struct ir_node *n, const struct ir_value *v, bool to_cl, uint32_t in, uint32_t out);

/* Rows along an axis, as shaders/include/axis.glsl takes them: dims words 0..7. */
struct lt_axis {
	ir_expr outer, n, inner, so, sk, lanes, cp, pad;
	ir_expr rows;
};
bool lt_axis_of(struct ir_module *m, const struct ir_value *v, int axis, struct lt_axis *a);
uint32_t lt_axis_dims(struct ir_module *m, const struct lt_axis *a, ir_expr *d);

int lt_grid(struct launch *l, struct ir_node *n, uint32_t kernel, const uint32_t *bind, uint32_t nbind,
	    const ir_expr *d, uint32_t nd, ir_expr invocations, uint32_t local);

/* a Gather of rows out of a constant that no buffer holds: how many, and bytes of each on the device */
bool lt_split_rows(const struct ir_module *m, const struct ir_node *n, int64_t *rows, int64_t *row);
bool lt_div4(const struct ir_module *m, ir_expr e);	/* surely a multiple of 4 */
ir_expr lt_div(struct ir_module *m, ir_expr e);		/* a quarter of such a one */
ir_expr lt_bytes(struct ir_module *m, ir_expr numel);
bool lt_float(const struct ir_value *v);	/* float32, float16, bfloat16 */
const char *lt_types(const struct ir_node *n);	/* NULL = all have a 4-byte form */
int lt_axis_attr(const struct ir_node *n, const char *name, int64_t def, int rank);	/* -1 = out of range */

#endif
