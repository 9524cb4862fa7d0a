// SPDX-License-Identifier: MIT
/*
 * Resize: nearest, linear and cubic over any axes. Where an output index reads
 * is a fraction of integers (scales as their author wrote them: tuff_ratio()),
 * so that rounding is exact and the same as in the kernel for Vulkan.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "userspace/cpu/cpu.h"

struct tap {
	int64_t at[4];	/* clamped to the axis */
	double w[4];
};

/* index i of the output reads at (i * p + q) / r of the input */
struct line {
	int64_t p, q, r;
};

static struct line line_of(const char *coord, float scale, int64_t in, int64_t out)
{
	struct line l = { out <= 1 ? 0 : in - 1, 0, out <= 1 ? 1 : out - 1 };
	int64_t up = out, down = in;

	if (in == out && (scale == 0 || scale == 1))
		return (struct line){ 1, 0, 1 };
	if (!strcmp(coord, "align_corners"))
		return l;
	if (scale > 0)
		tuff_ratio(scale, &up, &down);
	if (!strcmp(coord, "asymmetric"))
		return (struct line){ down, 0, up };
	if (!strcmp(coord, "tf_half_pixel_for_nn"))
		return (struct line){ 2 * down, down, 2 * up };
	if (!strcmp(coord, "pytorch_half_pixel") && out <= 1)
		return (struct line){ 0, 0, 1 };
	l = (struct line){ 2 * down, down - up, 2 * up };
	if (!strcmp(coord, "half_pixel_symmetric"))
		l.q += in * up - out * down;
	return l;
}

static int64_t nearest(const char *mode, int64_t k, int64_t rem, int64_t r)
{
	if (!strcmp(mode, "floor"))
		return k;
	if (!strcmp(mode, "ceil"))
		return k + (rem > 0);
	return k + (!strcmp(mode, "round_prefer_ceil") ? 2 * rem >= r : 2 * rem > r);
}

/* the four of a cubic convolution with coefficient c around position t in [0, 1) */
static void cubic(double c, double t, double w[4])
{
	for (int k = 0; k < 4; k++) {
		double d = fabs(t + 1 - k);

		w[k] = d <= 1 ? ((c + 2) * d - (c + 3)) * d * d + 1 : ((c * d - 5 * c) * d + 8 * c) * d - 4 * c;
	}
}

/* fills the taps of one axis; how many each index has */
static int taps_of(const struct cpu_args *a, struct tap *t, float scale, int64_t in, int64_t out)
{
	const char *mode = tuff_attr_str(a->p, a->s, "mode", "nearest");
	const char *near = tuff_attr_str(a->p, a->s, "nearest_mode", "round_prefer_floor");
	struct line l = line_of(tuff_attr_str(a->p, a->s, "coordinate_transformation_mode", "half_pixel"), scale, in, out);
	bool exclude = tuff_attr_int(a->p, a->s, "exclude_outside", 0);
	int n = !strcmp(mode, "nearest") || l.p == l.r ? 1 : !strcmp(mode, "cubic") ? 4 : 2;

	for (int64_t i = 0; i < out; i++, t++) {
		int64_t num = i * l.p + l.q, k = num / l.r - (num % l.r < 0), rem = num - k * l.r, first = n == 4 ? k - 1 : k;
		double f = (double)rem / l.r, sum = 0;

		*t = (struct tap){ .w = { n == 1 ? 1 : 1 - f, f } };
		if (!strcmp(mode, "nearest"))
			first = nearest(near, k, rem, l.r);
		if (n == 4)
			cubic(tuff_attr_float(a->p, a->s, "cubic_coeff_a", -0.75f), f, t->w);
		for (int j = 0; j < n; j++) {
			int64_t at = first + j;

			if (exclude && n == 4 && (at < 0 || at >= in))
				t->w[j] = 0;
			t->at[j] = at < 0 ? 0 : at >= in ? in - 1 : at;
			sum += t->w[j];
		}
		for (int j = 0; j < n && exclude && n == 4; j++)
			t->w[j] /= sum;
	}
	return n;
}

int cpu_resize(const struct cpu_args *a, void *st)
{
	struct cpu_tensor in = cpu_stored(&a->in[0]), out = cpu_stored(&a->out[0]), *x = &in, *o = &out;
	const char *mode = tuff_attr_str(a->p, a->s, "mode", "nearest");
	int64_t n = cpu_numel(o), s[TUFF_MAX_RANK], all = 0;
	struct tap *taps, *of[TUFF_MAX_RANK];
	int width[TUFF_MAX_RANK];

	if (strcmp(mode, "linear") && strcmp(mode, "bilinear") && strcmp(mode, "nearest") && strcmp(mode, "cubic")) {
		snprintf(a->err, a->errlen, "mode '%.40s' is not supported", mode);
		return -EOPNOTSUPP;
	}
	if (!strcmp(tuff_attr_str(a->p, a->s, "coordinate_transformation_mode", ""), "tf_crop_and_resize")) {
		snprintf(a->err, a->errlen, "tf_crop_and_resize is not supported");
		return -EOPNOTSUPP;
	}
	if (!n)
		return 0;
	if (!cpu_numel(x)) {
		snprintf(a->err, a->errlen, "nothing can be resized to something");
		return -EINVAL;
	}
	cpu_strides(x, s);
	for (uint32_t d = 0; d < o->rank; d++)
		all += o->dim[d];
	taps = cpu_scratch(all * sizeof(*taps));
	if (!taps)
		return -ENOMEM;
	for (uint32_t d = 0, at = 0; d < o->rank; d++) {
		int k = cpu_axis(&a->in[0], d);
		float scale = cpu_has(a, 2) && cpu_numel(&a->in[2]) ? cpu_get(&a->in[2], d) : 0;

		of[k] = taps + at;
		at += o->dim[k];
		width[k] = taps_of(a, of[k], scale, x->dim[k], o->dim[k]);
	}
	for (int64_t i = 0; i < n; i++) {
		const struct tap *t[TUFF_MAX_RANK];
		int j[TUFF_MAX_RANK] = { 0 }, d;
		int64_t r = i;
		double v = 0;

		for (d = (int)o->rank - 1; d >= 0; d--) {
			t[d] = &of[d][r % o->dim[d]];
			r /= o->dim[d];
		}
		do {	/* all combinations of the axes' taps */
			int64_t off = 0;
			double w = 1;

			for (uint32_t k = 0; k < o->rank; k++) {
				off += t[k]->at[j[k]] * s[k];
				w *= t[k]->w[j[k]];
			}
			if (w)
				v += w * cpu_get(x, off);
			for (d = (int)o->rank - 1; d >= 0 && ++j[d] == width[d]; d--)
				j[d] = 0;
		} while (d >= 0);
		cpu_set(o, i, v);
	}
	return 0;
}
