// SPDX-License-Identifier: MIT
/* Softmax, layer normalisation and reductions over the last axis, float32, by rows. */
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "userspace/cpu/fast/clones.h"
#include "userspace/cpu/fast/ew.h"
#include "userspace/cpu/ref/ref.h"

#define WORK 16384	/* elements of a chunk, at least */

struct rows {
	const struct cpu_args *a;
	const float *x, *scale, *bias;
	float *o;
	int64_t n, count, each;	/* elements of a row; rows; rows of a chunk */
	float eps;
	bool log;
	uint32_t op;
	_Atomic bool failed;	/* out of memory */
};

static void by_rows(struct rows *r, cpu_chunk_fn fn)
{
	r->each = WORK / (r->n ? r->n : 1) + 1;
	cpu_for(r->a, (r->count + r->each - 1) / r->each, fn, r);
}

/* partial sums in 16 lanes: what vectorises, and loses less than one sum */
CPU_CLONES
static float sum(const float *x, int64_t n)
{
	float s[16] = { 0 }, t = 0;
	int64_t i = 0;

	for (; i + 16 <= n; i += 16)
		for (int k = 0; k < 16; k++)
			s[k] += x[i + k];
	for (; i < n; i++)
		t += x[i];
	for (int k = 0; k < 16; k++)
		t += s[k];
	return t;
}

CPU_CLONES
static float squares(const float *x, float mean, int64_t n)
{
	float s[16] = { 0 }, t = 0;
	int64_t i = 0;

	for (; i + 16 <= n; i += 16)
		for (int k = 0; k < 16; k++)
			s[k] += (x[i + k] - mean) * (x[i + k] - mean);
	for (; i < n; i++)
		t += (x[i] - mean) * (x[i] - mean);
	for (int k = 0; k < 16; k++)
		t += s[k];
	return t;
}

CPU_CLONES
static float largest(const float *x, int64_t n)
{
	float s[16], t = -INFINITY;
	int64_t i = 0;

	for (int k = 0; k < 16; k++)
		s[k] = -INFINITY;
	for (; i + 16 <= n; i += 16)
		for (int k = 0; k < 16; k++)
			s[k] = x[i + k] > s[k] || x[i + k] != x[i + k] ? x[i + k] : s[k];
	for (; i < n; i++)
		t = x[i] > t || x[i] != x[i] ? x[i] : t;
	for (int k = 0; k < 16; k++)
		t = s[k] > t || s[k] != s[k] ? s[k] : t;
	return t;
}

CPU_CLONES
static void shift(float *o, const float *x, float by, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		o[i] = x[i] - by;
}

CPU_CLONES
static void times(float *o, float s, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		o[i] *= s;
}

CPU_CLONES
static void affine(float *o, const float *x, float mean, float inv, const float *g, const float *b, int64_t n)
{
	if (b)
		for (int64_t i = 0; i < n; i++)
			o[i] = (x[i] - mean) * inv * g[i] + b[i];
	else
		for (int64_t i = 0; i < n; i++)
			o[i] = (x[i] - mean) * inv * g[i];
}

static void softmax(void *arg, int64_t c, unsigned int worker)
{
	struct rows *r = arg;

	for (int64_t k = c * r->each; k < (c + 1) * r->each && k < r->count; k++) {
		const float *x = r->x + k * r->n;
		float *o = r->o + k * r->n, max = largest(x, r->n);

		if (r->log) {
			float *tmp = cpu_scratch(r->n * sizeof(*tmp));

			if (!tmp) {
				r->failed = true;
				return;
			}
			shift(tmp, x, max, r->n);
			ew_exp(tmp, tmp, r->n);
			shift(o, x, max + logf(sum(tmp, r->n)), r->n);
			continue;
		}
		shift(o, x, max, r->n);
		ew_exp(o, o, r->n);
		times(o, 1 / sum(o, r->n), r->n);
	}
}

int cpu_softmax(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	int64_t axis = tuff_attr_int(a->p, a->s, "axis", -1);
	struct rows r = { .a = a, .x = x->data, .o = a->out[0].data, .log = a->s->op == TUFF_OP_LOGSOFTMAX };

	axis += axis < 0 ? x->rank : 0;
	if (x->dtype != TUFF_F32 || !x->rank || axis < 0 || axis >= x->rank || !cpu_numel(x) || x->layout != a->out[0].layout ||
	    (cpu_axis(x, axis) != (int)x->rank - 1 && !tuff_attr_int(a->p, a->s, "tuff.flat", 0)))
		return cpu_softmax_ref(a, st);
	r.n = tuff_attr_int(a->p, a->s, "tuff.flat", 0) ? cpu_count(x, axis, x->rank) : x->dim[axis];
	r.count = cpu_numel(x) / r.n;
	by_rows(&r, softmax);
	return r.failed ? -ENOMEM : 0;
}

static void layernorm(void *arg, int64_t c, unsigned int worker)
{
	const struct rows *r = arg;

	for (int64_t k = c * r->each; k < (c + 1) * r->each && k < r->count; k++) {
		const float *x = r->x + k * r->n;
		float mean = sum(x, r->n) / r->n, var = squares(x, mean, r->n) / r->n;

		affine(r->o + k * r->n, x, mean, 1 / sqrtf(var + r->eps), r->scale, r->bias, r->n);
	}
}

int cpu_layernorm(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	int64_t axis = tuff_attr_int(a->p, a->s, "axis", -1);
	struct rows r = { .a = a, .x = x->data, .o = a->out[0].data, .eps = tuff_attr_float(a->p, a->s, "epsilon", 1e-5f) };

	axis += axis < 0 ? x->rank : 0;
	r.n = axis >= 0 && axis < x->rank ? cpu_count(x, axis, x->rank) : 0;
	if (x->dtype != TUFF_F32 || !r.n || r.n > 1 << 16 || cpu_numel(&a->in[1]) != r.n ||
	    (cpu_has(a, 2) && cpu_numel(&a->in[2]) != r.n))
		return cpu_layernorm_ref(a, st);
	for (uint32_t i = 1; i < a->nout; i++)
		if (a->out[i].dtype)
			return cpu_layernorm_ref(a, st);
	r.scale = a->in[1].data;
	r.bias = cpu_has(a, 2) ? a->in[2].data : NULL;
	r.count = cpu_numel(x) / r.n;
	by_rows(&r, layernorm);
	return 0;
}

static void reduce(void *arg, int64_t c, unsigned int worker)
{
	const struct rows *r = arg;

	for (int64_t k = c * r->each; k < (c + 1) * r->each && k < r->count; k++) {
		const float *x = r->x + k * r->n;

		switch (r->op) {
		case TUFF_OP_REDUCE_SUM:
			r->o[k] = sum(x, r->n);
			break;
		case TUFF_OP_REDUCE_MEAN:
			r->o[k] = sum(x, r->n) / r->n;
			break;
		case TUFF_OP_REDUCE_MAX:
			r->o[k] = largest(x, r->n);
			break;
		case TUFF_OP_REDUCE_SUMSQ:
			r->o[k] = squares(x, 0, r->n);
			break;
		case TUFF_OP_REDUCE_L2:
			r->o[k] = sqrtf(squares(x, 0, r->n));
			break;
		}
	}
}

int cpu_reduce(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	struct rows r = { .a = a, .x = x->data, .o = a->out[0].data, .op = a->s->op, .n = 1 };
	uint32_t mask = 0, low = x->rank;

	for (int64_t i = 0; cpu_has(a, 1) && i < cpu_numel(&a->in[1]); i++) {
		int64_t ax = cpu_get_int(&a->in[1], i);

		mask |= 1u << (ax < 0 ? ax + x->rank : ax);
	}
	while (low && mask >> (low - 1) & 1)
		r.n *= x->dim[--low];
	/* the last axes, all of them; short enough for float32 sums */
	if (x->dtype != TUFF_F32 || x->layout != TUFF_PLAIN || !mask || mask != ((1u << x->rank) - 1) - ((1u << low) - 1) ||
	    !r.n || r.n > 1 << 16 ||
	    (r.op != TUFF_OP_REDUCE_SUM && r.op != TUFF_OP_REDUCE_MEAN && r.op != TUFF_OP_REDUCE_MAX &&
	     r.op != TUFF_OP_REDUCE_SUMSQ && r.op != TUFF_OP_REDUCE_L2))
		return cpu_reduce_ref(a, st);
	r.count = cpu_numel(&a->out[0]);
	by_rows(&r, reduce);
	return 0;
}
