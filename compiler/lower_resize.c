// SPDX-License-Identifier: MIT
/*
 * Resize: nearest, linear, cubic over the last three axes (spatial ones of
 * channels last). A coordinate is a fraction of integers, so that the kernel
 * rounds where the specification does.
 */
#include <errno.h>
#include <string.h>

#include "compiler/lower_util.h"

static const char *const coords[] = { "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "asymmetric", "align_corners" };
enum { HALF, SYMMETRIC, PYTORCH, ASYMMETRIC, CORNERS };
static const char *const nears[] = { "floor", "ceil", "round_prefer_floor", "round_prefer_ceil" };

static int find(const char *const *list, int n, const char *s)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(list[i], s))
			return i;
	return -1;
}

static int mode_of(const struct ir_node *n)
{
	const char *mode = ir_attr_str(n, "mode", "nearest");

	if (!strcmp(mode, "nearest"))
		return 0;
	if (!strcmp(mode, "linear") || !strcmp(mode, "bilinear"))
		return 1;
	return !strcmp(mode, "cubic") ? 2 : -1;
}

/* the scale that the model gives for an axis; 0 = by the sizes */
static float given(struct ir_module *m, const struct ir_node *n, int axis)
{
	const struct ir_value *s = n->nin > 2 ? n->in[2] : NULL;
	const uint8_t *b;
	float f;

	if (n->nin > 3 && n->in[3])
		return 0;
	if (!s || s->weight == TUFF_NONE || s->dtype != TUFF_F32 || m->weights[s->weight].size < 4u * n->in[0]->rank)
		return 0;
	b = ir_weight_bytes(m, s->weight);
	memcpy(&f, b ? b + 4 * axis : (const uint8_t *)&m->weights[s->weight].fill, 4);
	return f;
}

static bool same(struct ir_module *m, const struct ir_node *n, int axis)
{
	float f = given(m, n, axis);

	return n->in[0]->dim[axis] == n->out[0]->dim[axis] && (f == 0 || f == 1);
}

static const char *resize_can(struct ir_module *m, const struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	int from = x->rank > 3 ? x->rank - 3 : 0;

	if (!lt_float(x))
		return "resizing integers";
	if (mode_of(n) < 0)
		return "an unknown mode of Resize";
	if (find(coords, 5, ir_attr_str(n, "coordinate_transformation_mode", "half_pixel")) < 0)
		return "tf_crop_and_resize";
	if (find(nears, 4, ir_attr_str(n, "nearest_mode", "round_prefer_floor")) < 0)
		return "an unknown nearest_mode";
	if (ir_attr_find(n, "axes") || ir_attr_find(n, "keep_aspect_ratio_policy") || ir_attr_int(n, "antialias", 0))
		return "axes, aspect ratio policy or antialias of Resize";
	if (x->rank >= 3 && x->rank <= 5)	/* may come channels last */
		from = 2;
	for (int i = 0; i < from; i++)
		if (!same(m, n, i))
			return "resizing of batch or channels";
	return NULL;
}

/* i reads at (i P + Q) / R of the input's axis */
static void line(struct ir_module *m, const struct ir_node *n, int axis, int coord, ir_expr *P, ir_expr *Q, ir_expr *R)
{
	ir_expr in = n->in[0]->dim[axis], out = n->out[0]->dim[axis], one = ex_const(m, 1), zero = ex_const(m, 0), two = ex_const(m, 2);
	ir_expr p = out, q = in, only = ex_op(m, TUFF_E_LT, out, two);
	float f = given(m, n, axis);
	int64_t a, b;

	if (same(m, n, axis)) {
		*P = *R = one;
		*Q = zero;
		return;
	}
	if (f > 0) {
		tuff_ratio(f, &a, &b);
		p = ex_const(m, a);
		q = ex_const(m, b);
	}
	if (coord == CORNERS) {
		*P = ex_select(m, only, zero, ex_sub(m, in, one));
		*Q = zero;
		*R = ex_op(m, TUFF_E_MAX, ex_sub(m, out, one), one);
	} else if (coord == ASYMMETRIC) {
		*P = q;
		*Q = zero;
		*R = p;
	} else {
		*P = ex_mul(m, two, q);
		*Q = ex_sub(m, q, p);
		*R = ex_mul(m, two, p);
		if (coord == SYMMETRIC)
			*Q = ex_add(m, *Q, ex_sub(m, ex_mul(m, in, p), ex_mul(m, out, q)));
		if (coord == PYTORCH) {
			*P = ex_select(m, only, zero, *P);
			*Q = ex_select(m, only, zero, *Q);
		}
	}
}

static int resize_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *o = n->out[0];
	bool cl = o->layout == TUFF_CL;
	int coord = find(coords, 5, ir_attr_str(n, "coordinate_transformation_mode", "half_pixel")), axes = cl ? x->rank - 2 : x->rank;
	ir_expr st[TUFF_MAX_RANK], d[22], one = ex_const(m, 1), zero = ex_const(m, 0);
	uint32_t id[] = { 0, 1, 2 }, spec[3], bind[] = { launch_tensor(l, x), launch_tensor(l, o) };

	if (x->layout != o->layout || (cl && axes > 3))
		return ir_error(m, -EINVAL, n, x, "a resize between two layouts");
	axes = axes > 3 ? 3 : axes;
	launch_strides(m, x, st);
	d[0] = cl ? lt_div(m, launch_numel(m, o)) : ex_numel(m, o, 0, o->rank);
	d[1] = cl ? lt_div(m, launch_cp(m, o)) : one;
	for (int k = 0; k < 3; k++) {
		int a = x->rank - 3 + k;	/* counted from the last axis */
		ir_expr *w = d + 5 + 5 * k;

		d[2 + k] = w[0] = w[2] = w[4] = one;
		w[1] = w[3] = zero;
		if (k < 3 - axes)
			continue;
		d[2 + k] = o->dim[a];
		w[0] = x->dim[a];
		w[1] = cl ? lt_div(m, st[a]) : st[a];
		line(m, n, a, coord, &w[2], &w[3], &w[4]);
	}
	d[20] = cl ? lt_div(m, st[0]) : ex_numel(m, x, x->rank - axes, x->rank);
	d[21] = launch_f32(m, ir_attr_float(n, "cubic_coeff_a", -0.75f));
	spec[0] = mode_of(n);
	spec[1] = spec[0] ? 0 : find(nears, 4, ir_attr_str(n, "nearest_mode", "round_prefer_floor"));
	spec[2] = spec[0] == 2 && ir_attr_int(n, "exclude_outside", 0);
	return lt_grid(l, n, launch_kernel(l, cl ? "resize4" : "resize", 2, 2, id, spec, 3), bind, 2, d, 22, d[0], 64);
}
const struct lower_ops lower_resize = { resize_can, resize_emit };
