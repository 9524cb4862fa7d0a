// SPDX-License-Identifier: MIT
/* Reductions, ArgMax and ArgMin, CumSum. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "userspace/cpu/ref/ref.h"

static double step(uint32_t op, double acc, double v)
{
	switch (op) {
	case TUFF_OP_REDUCE_MAX: return v > acc || isnan(v) ? v : acc;
	case TUFF_OP_REDUCE_MIN: return v < acc || isnan(v) ? v : acc;
	case TUFF_OP_REDUCE_PROD: return acc * v;
	case TUFF_OP_REDUCE_L1: return acc + fabs(v);
	case TUFF_OP_REDUCE_L2:
	case TUFF_OP_REDUCE_SUMSQ: return acc + v * v;
	}
	return acc + v;
}

int cpu_reduce_ref(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	struct cpu_tensor *o = &a->out[0];
	int64_t n = cpu_numel(o), inner = 1, st_in[TUFF_MAX_RANK], st_out[TUFF_MAX_RANK];
	int red[TUFF_MAX_RANK], keep[TUFF_MAX_RANK], nred = 0, nkeep = 0;
	uint32_t mask = 0, op = a->s->op;

	for (int64_t i = 0; cpu_has(a, 1) && i < cpu_numel(&a->in[1]); i++) {
		int64_t ax = cpu_get_int(&a->in[1], i);

		mask |= 1u << (ax < 0 ? ax + x->rank : ax);
	}
	if (!mask && !tuff_attr_int(a->p, a->s, "noop_with_empty_axes", 0))
		mask = ~0u;
	cpu_strides(x, st_in);
	cpu_strides(o, st_out);
	for (uint32_t i = 0; i < x->rank; i++) {
		if (mask >> i & 1) {
			red[nred++] = i;
			inner *= x->dim[i];
		} else {
			keep[nkeep++] = i;
		}
	}
	for (int64_t i = 0; i < n; i++) {
		double acc = op == TUFF_OP_REDUCE_MAX ? -INFINITY : op == TUFF_OP_REDUCE_MIN ? INFINITY : op == TUFF_OP_REDUCE_PROD;
		double max = -INFINITY;
		int64_t base = 0, to = o->layout == TUFF_CL ? 0 : i, r = i;

		for (int d = nkeep - 1; d >= 0; d--) {
			base += r % x->dim[keep[d]] * st_in[keep[d]];
			if (o->layout == TUFF_CL)	/* then all dimensions are kept */
				to += r % x->dim[keep[d]] * st_out[keep[d]];
			r /= x->dim[keep[d]];
		}
		for (int pass = op == TUFF_OP_REDUCE_LOGSUMEXP ? 0 : 1; pass < 2; pass++)
			for (int64_t k = 0; k < inner; k++) {
				int64_t off = base, q = k;
				double v;

				for (int d = nred - 1; d >= 0; d--) {
					off += q % x->dim[red[d]] * st_in[red[d]];
					q /= x->dim[red[d]];
				}
				v = cpu_get(x, off);
				if (!pass)
					max = fmax(max, v);
				else if (op == TUFF_OP_REDUCE_LOGSUMEXP)
					acc += exp(v - max);
				else
					acc = step(op, acc, v);
			}
		if (op == TUFF_OP_REDUCE_MEAN)
			acc /= inner;
		else if (op == TUFF_OP_REDUCE_L2)
			acc = sqrt(acc);
		else if (op == TUFF_OP_REDUCE_LOGSUM)
			acc = log(acc);
		else if (op == TUFF_OP_REDUCE_LOGSUMEXP)
			acc = max + log(acc);
		cpu_set(o, to, acc);
	}
	return 0;
}

int cpu_argmax(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	int64_t axis = tuff_attr_int(a->p, a->s, "axis", 0), n, in, outer;
	bool last = tuff_attr_int(a->p, a->s, "select_last_index", 0), max = a->s->op == TUFF_OP_ARGMAX;

	axis += axis < 0 ? x->rank : 0;
	n = x->dim[axis];
	in = cpu_count(x, axis + 1, x->rank);
	outer = cpu_count(x, 0, axis);
	for (int64_t o = 0; o < outer * in; o++) {
		int64_t at = o / in * n * in + o % in, best = 0;

		for (int64_t k = 1; k < n; k++) {
			double v = cpu_get(x, at + k * in), b = cpu_get(x, at + best * in);

			if (max ? v > b : v < b)
				best = k;
			else if (v == b && last)
				best = k;
		}
		cpu_set_int(&a->out[0], o, best);
	}
	return 0;
}

int cpu_cumsum(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	int64_t axis = cpu_get_int(&a->in[1], 0), n, in, outer;
	bool excl = tuff_attr_int(a->p, a->s, "exclusive", 0), rev = tuff_attr_int(a->p, a->s, "reverse", 0);

	axis += axis < 0 ? x->rank : 0;
	if (axis < 0 || axis >= x->rank) {
		snprintf(a->err, a->errlen, "axis is out of range");
		return -EINVAL;
	}
	n = x->dim[axis];
	in = cpu_count(x, axis + 1, x->rank);
	outer = cpu_count(x, 0, axis);
	for (int64_t o = 0; o < outer * in; o++) {
		double sum = 0;

		for (int64_t k = 0; k < n; k++) {
			int64_t at = o / in * n * in + o % in + (rev ? n - 1 - k : k) * in;
			double v = cpu_get(x, at);

			cpu_set(&a->out[0], at, excl ? sum : sum + v);
			sum += v;
		}
	}
	return 0;
}
