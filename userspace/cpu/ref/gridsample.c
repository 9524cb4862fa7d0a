// SPDX-License-Identifier: MIT
/* GridSample: nearest, linear and cubic, in two and three dimensions. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "userspace/cpu/cpu.h"

enum { NEAREST, LINEAR, CUBIC };
enum { ZEROS, BORDER, REFLECTION };

struct sampler {
	const struct cpu_tensor *x;
	int n, mode, padding;
	bool corners;
};

/* a grid coordinate in [-1, 1] to an index, as a real number */
static double unnormalise(const struct sampler *s, double g, int64_t size)
{
	return s->corners ? (g + 1) / 2 * (size - 1) : ((g + 1) * size - 1) / 2;
}

static double reflect(double x, double lo, double hi)
{
	double range = hi - lo, d;

	if (range <= 0)
		return lo;
	d = fabs(x - lo);
	d = fmod(d, 2 * range);
	return lo + (d <= range ? d : 2 * range - d);
}

/* an index in range, or -1: outside and zero */
static int64_t place(const struct sampler *s, int64_t i, int64_t size)
{
	double r;

	if (i >= 0 && i < size)
		return i;
	if (s->padding == ZEROS)
		return -1;
	if (s->padding == BORDER)
		return i < 0 ? 0 : size - 1;
	r = s->corners ? reflect(i, 0, size - 1) : reflect(i, -0.5, size - 0.5);
	i = llround(r);
	return i < 0 ? 0 : i >= size ? size - 1 : i;
}

/* taps along one axis: first index and weights; returns how many */
static int taps(const struct sampler *s, double x, int64_t *from, double w[4])
{
	const double a = -0.75;
	double f;

	x = fmax(-1e9, fmin(1e9, isnan(x) ? -1e9 : x));
	if (s->mode == NEAREST) {
		*from = llrint(x);
		w[0] = 1;
		return 1;
	}
	f = floor(x);
	*from = (int64_t)f;
	f = x - f;
	if (s->mode == LINEAR) {
		w[0] = 1 - f;
		w[1] = f;
		return 2;
	}
	*from -= 1;
	for (int i = 0; i < 4; i++) {
		double t = fabs(f + 1 - i);

		w[i] = t <= 1 ? ((a + 2) * t - (a + 3)) * t * t + 1 : t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
	}
	return 4;
}

/* the sample of the plane at `base`, at the grid point whose coordinates start at g */
static double sample(const struct sampler *s, int64_t base, const double *at)
{
	int64_t from[3], dim[3], k[3] = { 0 };
	double w[3][4], sum = 0;
	int cnt[3], total = 1;

	for (int d = 0; d < s->n; d++) {
		dim[d] = s->x->dim[2 + d];
		cnt[d] = taps(s, at[d], &from[d], w[d]);
		total *= cnt[d];
	}
	for (int t = 0; t < total; t++) {
		int64_t off = 0;
		double f = 1;
		int r = t;

		for (int d = s->n - 1; d >= 0; r /= cnt[d--])
			k[d] = r % cnt[d];
		for (int d = 0; d < s->n && off >= 0; d++) {
			int64_t i = place(s, from[d] + k[d], dim[d]);

			f *= w[d][k[d]];
			off = i < 0 ? -1 : off * dim[d] + i;
		}
		if (off >= 0 && f)
			sum += f * cpu_get(s->x, base + off);
	}
	return sum;
}

int cpu_grid_sample(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0], *g = &a->in[1];
	const char *mode = tuff_attr_str(a->p, a->s, "mode", "linear"), *pad = tuff_attr_str(a->p, a->s, "padding_mode", "zeros");
	struct sampler s = { .x = x, .n = (int)x->rank - 2, .corners = tuff_attr_int(a->p, a->s, "align_corners", 0) };
	int64_t points = cpu_count(g, 1, g->rank - 1), plane = cpu_count(x, 2, x->rank);

	s.mode = !strcmp(mode, "nearest") ? NEAREST : strstr(mode, "cubic") ? CUBIC : LINEAR;
	s.padding = !strcmp(pad, "border") ? BORDER : !strcmp(pad, "reflection") ? REFLECTION : ZEROS;
	if (!plane && cpu_numel(&a->out[0])) {
		snprintf(a->err, a->errlen, "there is nothing to sample");
		return -EINVAL;
	}
	for (int64_t n = 0; n < x->dim[0]; n++)
		for (int64_t p = 0; p < points; p++) {
			double at[3];

			for (int d = 0; d < s.n; d++) {	/* the grid says x first */
				int64_t size = x->dim[2 + d];

				at[d] = unnormalise(&s, cpu_get(g, (n * points + p) * s.n + s.n - 1 - d), size);
				if (s.padding == BORDER)
					at[d] = fmax(0, fmin(size - 1, at[d]));
				else if (s.padding == REFLECTION)
					at[d] = s.corners ? reflect(at[d], 0, size - 1) : reflect(at[d], -0.5, size - 0.5);
			}
			for (int64_t c = 0; c < x->dim[1]; c++)
				cpu_set(&a->out[0], (n * x->dim[1] + c) * points + p, sample(&s, (n * x->dim[1] + c) * plane, at));
		}
	return 0;
}
