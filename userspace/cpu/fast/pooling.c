// SPDX-License-Identifier: MIT
/* Pooling channels last: a vector loop over the channels, chunks of output rows. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "userspace/cpu/cpu.h"
#include "userspace/cpu/fast/clones.h"
#include "userspace/cpu/ref/ref.h"
#include "userspace/cpu/window.h"

#define BLOCK 256		/* channels at a time of a global pool */
#define PARTIAL 256		/* pixels of a partial sum */
#define SPLIT (1 << 14)		/* elements worth a second worker */

struct pool_run {
	const struct cpu_args *a;
	struct cpu_window w;
	bool max, pad;
};

CPU_CLONES
static void take_max(float *o, const float *x, int64_t n)
{
	for (int64_t c = 0; c < n; c++)
		o[c] = x[c] > o[c] || x[c] != x[c] ? x[c] : o[c];
}

CPU_CLONES
static void take_sum(float *o, const float *x, int64_t n)
{
	for (int64_t c = 0; c < n; c++)
		o[c] += x[c];
}

CPU_CLONES
static void scale(float *o, float s, int64_t n)
{
	for (int64_t c = 0; c < n; c++)
		o[c] *= s;
}

static int64_t padded(const struct pool_run *r, int d, int64_t base, int64_t dim)
{
	/* taps beyond the padded input (ceil_mode) never count */
	int64_t end = (dim + r->w.pe[d] - base + r->w.d[d] - 1) / r->w.d[d];

	return end < r->w.k[d] ? end : r->w.k[d];
}

/* one output row: [image, row] = i */
static void row(void *arg, int64_t i, unsigned int worker)
{
	const struct pool_run *r = arg;
	const struct cpu_tensor *x = &r->a->in[0], *o = &r->a->out[0];
	const struct cpu_window *w = &r->w;
	int64_t C = x->dim[1], H = x->dim[2], W = x->dim[3], OW = o->dim[3];
	int64_t n = i / o->dim[2], y0 = i % o->dim[2] * w->s[0] - w->p[0];
	const float *in = (float *)x->data + n * H * W * C;
	float *out = (float *)o->data + i * OW * C;

	for (int64_t ox = 0; ox < OW; ox++, out += C) {
		int64_t x0 = ox * w->s[1] - w->p[1], ky, kx, ny = cpu_taps(w, 0, y0, H, &ky), nx = cpu_taps(w, 1, x0, W, &kx);

		for (int64_t c = 0; c < C; c++)
			out[c] = r->max ? -INFINITY : 0;
		for (int64_t i = 0; i < ny; i++)
			for (int64_t j = 0; j < nx; j++) {
				int64_t at = (y0 + (ky + i) * w->d[0]) * W + x0 + (kx + j) * w->d[1];

				if (r->max)
					take_max(out, in + at * C, C);
				else
					take_sum(out, in + at * C, C);
			}
		if (!r->max)
			scale(out, 1.0f / (r->pad ? padded(r, 0, y0, H) * padded(r, 1, x0, W) : ny * nx), C);
	}
}

int cpu_pool(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0], *o = &a->out[0];
	struct pool_run r = { .a = a, .max = a->s->op == TUFF_OP_MAXPOOL, .pad = tuff_attr_int(a->p, a->s, "count_include_pad", 0) };

	if (x->dtype != TUFF_F32 || x->layout != TUFF_CL || x->rank != 4 || o->layout != TUFF_CL)
		return cpu_pool_ref(a, st);
	cpu_window_of(a, &r.w);
	if (cpu_numel(o))
		cpu_for(a, o->dim[0] * o->dim[2], row, &r);
	return 0;
}

struct global_run {
	const struct cpu_args *a;
	int64_t parts, part;	/* of the channels */
};

static void global_part(void *arg, int64_t i, unsigned int worker)
{
	const struct global_run *r = arg;
	const struct cpu_tensor *x = &r->a->in[0];
	int64_t C = x->dim[1], in = cpu_count(x, 2, x->rank), n = i / r->parts, c = i % r->parts * r->part;
	int64_t len = C - c < r->part ? C - c : r->part;
	const float *p = (float *)x->data + n * in * C + c;
	float *out = (float *)r->a->out[0].data + n * C + c;
	bool max = r->a->s->op == TUFF_OP_GLOBAL_MAXPOOL;

	if (len <= 0)
		return;
	memcpy(out, p, len * sizeof(*out));
	/* sums of a few hundred each are summed: one long sum in float32 would lose digits */
	for (int64_t k = 1; k < in; k += PARTIAL) {
		float part[BLOCK], *to = max ? out : part;
		int64_t end = k + PARTIAL < in ? k + PARTIAL : in;

		memset(part, 0, len * sizeof(*part));
		for (int64_t i = k; i < end; i++)
			(max ? take_max : take_sum)(to, p + i * C, len);
		if (!max)
			take_sum(out, part, len);
	}
	if (!max)
		scale(out, 1.0f / in, len);
}

int cpu_gpool(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	struct global_run r = { .a = a, .parts = 1, .part = x->dim[1] };

	if (x->dtype != TUFF_F32 || x->layout != TUFF_CL || !cpu_numel(x))
		return cpu_gpool_ref(a, st);
	if (a->threads > 1 && cpu_numel(x) > SPLIT) {
		r.part = (x->dim[1] / (2 * a->threads) + 15) / 16 * 16;
		r.part = r.part < 16 ? 16 : r.part > BLOCK ? BLOCK : r.part;
	}
	r.part = r.part > BLOCK ? BLOCK : r.part;
	r.parts = (x->dim[1] + r.part - 1) / r.part;
	cpu_for(a, x->dim[0] * r.parts, global_part, &r);
	return 0;
}
