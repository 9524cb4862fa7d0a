// SPDX-License-Identifier: MIT
/* Pooling, normalisation, softmax. Accumulation in double. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "userspace/cpu/ref/ref.h"
#include "userspace/cpu/window.h"

/* Element (image n, channel c, position i): n * sn + c * sc + i * si. */
struct planes {
	int64_t C, in, sn, sc, si;
};

static struct planes planes_of(const struct cpu_tensor *t)
{
	struct planes p = { .C = t->rank > 1 ? t->dim[1] : 1, .in = t->rank > 2 ? cpu_count(t, 2, t->rank) : 1 };

	p.sn = p.C * p.in;
	p.sc = t->layout == TUFF_CL ? 1 : p.in;
	p.si = t->layout == TUFF_CL ? p.C : 1;
	return p;
}

static int64_t plane_at(const struct planes *p, int64_t nc)
{
	return nc / p->C * p->sn + nc % p->C * p->sc;
}

void cpu_window_of(const struct cpu_args *a, struct cpu_window *w)
{
	const struct cpu_tensor *x = &a->in[0], *o = &a->out[0];
	const char *ap = tuff_attr_str(a->p, a->s, "auto_pad", "NOTSET");
	size_t nk, ns, nd, np;
	const int64_t *k = tuff_attr_ints(a->p, a->s, "kernel_shape", &nk), *s = tuff_attr_ints(a->p, a->s, "strides", &ns);
	const int64_t *d = tuff_attr_ints(a->p, a->s, "dilations", &nd), *p = tuff_attr_ints(a->p, a->s, "pads", &np);

	w->n = x->rank - 2;
	for (int i = 0; i < w->n; i++) {
		w->k[i] = k[i];
		w->s[i] = ns ? s[i] : 1;
		w->d[i] = nd ? d[i] : 1;
		w->p[i] = np && strcmp(ap, "VALID") ? p[i] : 0;
		w->pe[i] = np && strcmp(ap, "VALID") ? p[w->n + i] : 0;
		if (!strncmp(ap, "SAME", 4)) {
			int64_t total = (o->dim[2 + i] - 1) * w->s[i] + (k[i] - 1) * w->d[i] + 1 - x->dim[2 + i];

			total = total < 0 ? 0 : total;
			w->p[i] = !strcmp(ap, "SAME_LOWER") ? (total + 1) / 2 : total / 2;
			w->pe[i] = total - w->p[i];
		}
	}
}

int cpu_pool_ref(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	struct cpu_tensor *o = &a->out[0];
	bool max = a->s->op == TUFF_OP_MAXPOOL, pad = tuff_attr_int(a->p, a->s, "count_include_pad", 0);
	int64_t out = cpu_count(o, 2, o->rank), planes = x->dim[0] * x->dim[1];
	struct planes px = planes_of(x), po = planes_of(o);
	struct cpu_window w;

	if (a->nout > 1 && a->out[1].dtype) {
		snprintf(a->err, a->errlen, "indices of MaxPool are not supported");
		return -EOPNOTSUPP;
	}
	cpu_window_of(a, &w);
	for (int64_t c = 0; c < planes; c++)
		for (int64_t i = 0; i < out; i++) {
			int64_t base[6], first[6], n[6], r = i, taps = 1, padded = 1;
			double acc = max ? -INFINITY : 0;

			for (int d = w.n - 1; d >= 0; d--) {
				int64_t end;

				base[d] = r % o->dim[2 + d] * w.s[d] - w.p[d];
				r /= o->dim[2 + d];
				/* taps beyond the padded input (ceil_mode) never count */
				end = (x->dim[2 + d] + w.pe[d] - base[d] + w.d[d] - 1) / w.d[d];
				padded *= end < w.k[d] ? end : w.k[d];
				n[d] = cpu_taps(&w, d, base[d], x->dim[2 + d], &first[d]);
				taps *= n[d];
			}
			for (int64_t t = 0; t < taps; t++) {
				int64_t at = 0, mul = 1, q = t;
				double v;

				for (int d = w.n - 1; d >= 0; d--) {
					at += (base[d] + (first[d] + q % n[d]) * w.d[d]) * mul;
					mul *= x->dim[2 + d];
					q /= n[d];
				}
				v = cpu_get(x, plane_at(&px, c) + at * px.si);
				acc = max ? (v > acc || isnan(v) ? v : acc) : acc + v;
			}
			cpu_set(o, plane_at(&po, c) + i * po.si, max ? acc : acc / (pad ? padded : taps));
		}
	return 0;
}

int cpu_gpool_ref(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	int64_t planes = x->dim[0] * x->dim[1], in = cpu_count(x, 2, x->rank);
	struct planes px = planes_of(x);

	for (int64_t c = 0; c < planes; c++) {
		double acc = a->s->op == TUFF_OP_GLOBAL_MAXPOOL ? -INFINITY : 0;

		for (int64_t i = 0; i < in; i++) {
			double v = cpu_get(x, plane_at(&px, c) + i * px.si);

			acc = a->s->op == TUFF_OP_GLOBAL_MAXPOOL ? fmax(acc, v) : acc + v / in;
		}
		cpu_set(&a->out[0], c, acc);
	}
	return 0;
}

int cpu_batchnorm(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	struct planes px = planes_of(x);
	int64_t C = px.C, in = px.in;
	double eps = tuff_attr_float(a->p, a->s, "epsilon", 1e-5f);

	for (int64_t nc = 0; nc < x->dim[0] * C; nc++) {
		int64_t c = nc % C;
		double s = cpu_get(&a->in[1], c) / sqrt(cpu_get(&a->in[4], c) + eps);
		double b = cpu_get(&a->in[2], c) - cpu_get(&a->in[3], c) * s;

		for (int64_t i = 0; i < in; i++)
			cpu_set(&a->out[0], plane_at(&px, nc) + i * px.si, cpu_get(x, plane_at(&px, nc) + i * px.si) * s + b);
	}
	return 0;
}

/* (x - mean) / sqrt(var + eps) over n elements from `at`, st apart */
static void standardise(const struct cpu_args *a, int64_t at, int64_t n, int64_t st, double eps)
{
	const struct cpu_tensor *x = &a->in[0];
	double mean = 0, var = 0;

	for (int64_t i = 0; i < n; i++)
		mean += cpu_get(x, at + i * st);
	mean /= n;
	for (int64_t i = 0; i < n; i++)
		var += (cpu_get(x, at + i * st) - mean) * (cpu_get(x, at + i * st) - mean);
	var = 1 / sqrt(var / n + eps);
	for (int64_t i = 0; i < n; i++)
		cpu_set(&a->out[0], at + i * st, (cpu_get(x, at + i * st) - mean) * var);
}

int cpu_layernorm_ref(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	int64_t axis = tuff_attr_int(a->p, a->s, "axis", -1), n, total = cpu_numel(x);

	axis += axis < 0 ? x->rank : 0;
	n = cpu_count(x, axis, x->rank);
	for (int64_t at = 0; n && at < total; at += n) {
		standardise(a, at, n, 1, tuff_attr_float(a->p, a->s, "epsilon", 1e-5f));
		for (int64_t i = 0; i < n; i++)
			cpu_set(&a->out[0], at + i, cpu_get(&a->out[0], at + i) * cpu_get(&a->in[1], i % cpu_numel(&a->in[1])) +
				(cpu_has(a, 2) ? cpu_get(&a->in[2], i % cpu_numel(&a->in[2])) : 0));
	}
	return 0;
}

int cpu_instancenorm(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	struct planes px = planes_of(x);

	for (int64_t nc = 0; px.in && nc < x->dim[0] * px.C; nc++) {
		int64_t at = plane_at(&px, nc);

		standardise(a, at, px.in, px.si, tuff_attr_float(a->p, a->s, "epsilon", 1e-5f));
		for (int64_t i = 0; i < px.in; i++)
			cpu_set(&a->out[0], at + i * px.si, cpu_get(&a->out[0], at + i * px.si) * cpu_get(&a->in[1], nc % px.C) +
				cpu_get(&a->in[2], nc % px.C));
	}
	return 0;
}

int cpu_lrn(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	int64_t size = tuff_attr_int(a->p, a->s, "size", 1), C = x->dim[1], in = cpu_count(x, 2, x->rank);
	double alpha = tuff_attr_float(a->p, a->s, "alpha", 1e-4f), beta = tuff_attr_float(a->p, a->s, "beta", 0.75f);
	double bias = tuff_attr_float(a->p, a->s, "bias", 1);
	struct planes px = planes_of(x);

	for (int64_t nc = 0; nc < x->dim[0] * C; nc++) {
		int64_t c = nc % C, lo = c - (size - 1) / 2, hi = c + size / 2;	/* floor, ceil of (size-1)/2 */

		lo = lo < 0 ? 0 : lo;
		hi = hi >= C ? C - 1 : hi;
		for (int64_t i = 0; i < in; i++) {
			double sum = 0, v;

			for (int64_t k = lo; k <= hi; k++) {
				v = cpu_get(x, plane_at(&px, nc - c + k) + i * px.si);
				sum += v * v;
			}
			cpu_set(&a->out[0], plane_at(&px, nc) + i * px.si,
				cpu_get(x, plane_at(&px, nc) + i * px.si) / pow(bias + alpha / size * sum, beta));
		}
	}
	return 0;
}

int cpu_softmax_ref(const struct cpu_args *a, void *st)
{
	struct cpu_tensor stored = cpu_stored(&a->in[0]), *x = &stored;
	int64_t axis = tuff_attr_int(a->p, a->s, "axis", -1), n, in, total = cpu_numel(x);
	bool log_ = a->s->op == TUFF_OP_LOGSOFTMAX;

	axis += axis < 0 ? x->rank : 0;
	if (axis < 0 || axis >= (int64_t)x->rank + (x->rank == 0)) {
		snprintf(a->err, a->errlen, "axis %lld is out of range", (long long)axis);
		return -EINVAL;
	}
	axis = cpu_axis(&a->in[0], axis);
	n = x->rank ? x->dim[axis] : 1;
	in = x->rank ? cpu_count(x, axis + 1, x->rank) : 1;
	if (tuff_attr_int(a->p, a->s, "tuff.flat", 0)) {	/* opset < 13: over all from axis on */
		n *= in;
		in = 1;
	}
	for (int64_t o = 0; total && o < total / (n * in); o++)
		for (int64_t i = 0; i < in; i++) {
			int64_t at = o * n * in + i;
			double max = -INFINITY, sum = 0;

			for (int64_t k = 0; k < n; k++)
				max = fmax(max, cpu_get(x, at + k * in));
			for (int64_t k = 0; k < n; k++)
				sum += exp(cpu_get(x, at + k * in) - max);
			for (int64_t k = 0; k < n; k++) {
				double v = cpu_get(x, at + k * in) - max;

				cpu_set(&a->out[0], at + k * in, log_ ? v - log(sum) : exp(v) / sum);
			}
		}
	return 0;
}
