// SPDX-License-Identifier: MIT
/* Look-ups and what goes by index. Every index from data is checked. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/cpu/cpu.h"

static int outside(const struct cpu_args *a, int64_t k, int64_t dim)
{
	snprintf(a->err, a->errlen, "index %lld is outside of [%lld, %lld]", (long long)k, (long long)-dim, (long long)dim - 1);
	return -EINVAL;
}

/* the index at i, made not negative; -1 with an error said */
static int64_t index_at(const struct cpu_args *a, const struct cpu_tensor *ix, int64_t i, int64_t dim)
{
	int64_t k = cpu_get_int(ix, i);

	if (k < -dim || k >= dim)
		return outside(a, k, dim);
	return k < 0 ? k + dim : k;
}

static void dense(const struct cpu_tensor *x, int64_t *st)
{
	int64_t s = 1;

	for (int i = (int)x->rank - 1; i >= 0; s *= x->dim[i--])
		st[i] = s;
}

/* offset in x of the element that position i of ix names on `axis`; -EINVAL */
static int64_t element(const struct cpu_args *a, const struct cpu_tensor *x, const struct cpu_tensor *ix, int axis, const int64_t *st, int64_t i)
{
	int64_t off = 0, r = i;

	for (int d = (int)ix->rank - 1; d >= 0; d--) {
		int64_t k = r % ix->dim[d];

		r /= ix->dim[d];
		if (d == axis)
			k = index_at(a, ix, i, x->dim[d]);
		if (k < 0 || k >= x->dim[d])
			return k < 0 ? k : outside(a, k, x->dim[d]);
		off += k * st[d];
	}
	return off;
}

int cpu_gather_elements(const struct cpu_args *a, void *state)
{
	const struct cpu_tensor *x = &a->in[0], *ix = &a->in[1];
	int64_t n = cpu_numel(ix), st[TUFF_MAX_RANK];
	size_t es = tuff_dtype_size(x->dtype);
	int axis = tuff_attr_int(a->p, a->s, "axis", 0);

	dense(x, st);
	for (int64_t i = 0; i < n; i++) {
		int64_t off = element(a, x, ix, axis, st, i);

		if (off < 0)
			return off;
		memcpy((char *)a->out[0].data + i * es, (char *)x->data + off * es, es);
	}
	return 0;
}

enum { SET, ADD, MUL, MAX, MIN };

static int reduction(const struct cpu_args *a)
{
	static const char *const names[] = { "none", "add", "mul", "max", "min" };
	const char *r = tuff_attr_str(a->p, a->s, "reduction", "none");

	for (int i = 0; i < 5; i++)
		if (!strcmp(r, names[i]))
			return i;
	snprintf(a->err, a->errlen, "reduction '%.40s' is not known", r);
	return -EINVAL;
}

static void combine(struct cpu_tensor *o, int64_t at, const struct cpu_tensor *u, int64_t from, int how)
{
	size_t es = tuff_dtype_size(o->dtype);

	if (how == SET) {
		memcpy((char *)o->data + at * es, (char *)u->data + from * es, es);
	} else if (cpu_is_float(o->dtype)) {
		double x = cpu_get(o, at), y = cpu_get(u, from);

		cpu_set(o, at, how == ADD ? x + y : how == MUL ? x * y : how == MAX ? (y > x || isnan(y) ? y : x) : y < x || isnan(y) ? y : x);
	} else {
		int64_t x = cpu_get_int(o, at), y = cpu_get_int(u, from);

		cpu_set_int(o, at, how == ADD ? (int64_t)((uint64_t)x + (uint64_t)y) : how == MUL ? (int64_t)((uint64_t)x * (uint64_t)y) :
			    how == MAX ? (y > x ? y : x) : y < x ? y : x);
	}
}

static void copy_input(const struct cpu_args *a)
{
	size_t n = cpu_numel(&a->in[0]) * tuff_dtype_size(a->in[0].dtype);

	if (n && a->out[0].data != a->in[0].data)
		memcpy(a->out[0].data, a->in[0].data, n);
}

int cpu_scatter_elements(const struct cpu_args *a, void *state)
{
	const struct cpu_tensor *ix = &a->in[1];
	struct cpu_tensor *o = &a->out[0];
	int64_t n = cpu_numel(ix), st[TUFF_MAX_RANK];
	int axis = tuff_attr_int(a->p, a->s, "axis", 0), how = reduction(a);

	if (how < 0)
		return how;
	copy_input(a);
	dense(o, st);
	for (int64_t i = 0; i < n; i++) {
		int64_t off = element(a, o, ix, axis, st, i);

		if (off < 0)
			return off;
		combine(o, off, &a->in[2], i, how);
	}
	return 0;
}

int cpu_gather_nd(const struct cpu_args *a, void *state)
{
	const struct cpu_tensor *x = &a->in[0], *ix = &a->in[1];
	int64_t batch = tuff_attr_int(a->p, a->s, "batch_dims", 0), k = ix->dim[ix->rank - 1];
	int64_t batches = cpu_count(ix, 0, batch), rows = cpu_count(ix, batch, ix->rank - 1), st[TUFF_MAX_RANK];
	int64_t size = cpu_count(x, batch + k, x->rank), per = cpu_count(x, batch, x->rank);
	size_t es = tuff_dtype_size(x->dtype);
	char *out = a->out[0].data;

	dense(x, st);
	for (int64_t b = 0; b < batches; b++)
		for (int64_t r = 0; r < rows; r++) {
			int64_t off = b * per;

			for (int64_t j = 0; j < k; j++) {
				int64_t v = index_at(a, ix, (b * rows + r) * k + j, x->dim[batch + j]);

				if (v < 0)
					return v;
				off += v * st[batch + j];
			}
			if (size)
				memcpy(out + (b * rows + r) * size * es, (char *)x->data + off * es, size * es);
		}
	return 0;
}

int cpu_scatter_nd(const struct cpu_args *a, void *state)
{
	const struct cpu_tensor *ix = &a->in[1];
	struct cpu_tensor *o = &a->out[0];
	int64_t k = ix->dim[ix->rank - 1], rows = cpu_count(ix, 0, ix->rank - 1), size = cpu_count(o, k, o->rank), st[TUFF_MAX_RANK];
	int how = reduction(a);

	if (how < 0)
		return how;
	copy_input(a);
	dense(o, st);
	for (int64_t r = 0; r < rows; r++) {
		int64_t off = 0;

		for (int64_t j = 0; j < k; j++) {
			int64_t v = index_at(a, ix, r * k + j, o->dim[j]);

			if (v < 0)
				return v;
			off += v * st[j];
		}
		for (int64_t i = 0; i < size; i++)
			combine(o, off + i, &a->in[2], r * size + i, how);
	}
	return 0;
}

int cpu_one_hot(const struct cpu_args *a, void *state)
{
	const struct cpu_tensor *ix = &a->in[0];
	struct cpu_tensor *o = &a->out[0];
	int axis = tuff_attr_int(a->p, a->s, "axis", 0);
	int64_t inner = cpu_count(o, axis + 1, o->rank), depth = o->dim[axis], n = cpu_numel(o);
	size_t es = tuff_dtype_size(o->dtype);
	const char *values = a->in[2].data;

	for (int64_t i = 0; i < n; i++) {
		int64_t at = i / (inner * depth) * inner + i % inner, d = i / inner % depth;
		int64_t k = cpu_is_float(ix->dtype) ? (int64_t)fmax(-1e18, fmin(1e18, cpu_get(ix, at))) : cpu_get_int(ix, at);

		k += k < 0 ? depth : 0;
		memcpy((char *)o->data + i * es, values + (k == d ? es : 0), es);
	}
	return 0;
}

int cpu_eye_like(const struct cpu_args *a, void *state)
{
	struct cpu_tensor *o = &a->out[0];
	int64_t k = tuff_attr_int(a->p, a->s, "k", 0), cols = o->dim[1], n = cpu_numel(o);

	for (int64_t i = 0; i < n; i++)
		cpu_set(o, i, i % cols - i / cols == k);
	return 0;
}

int cpu_size(const struct cpu_args *a, void *state)
{
	cpu_set_int(&a->out[0], 0, cpu_numel(&a->in[0]));
	return 0;
}

/* copies: what names a value and nothing more */
int cpu_identity(const struct cpu_args *a, void *state)
{
	copy_input(a);
	return 0;
}

int cpu_reverse_sequence(const struct cpu_args *a, void *state)
{
	const struct cpu_tensor *x = &a->in[0];
	int64_t time = tuff_attr_int(a->p, a->s, "time_axis", 0);
	int64_t T = x->dim[time], B = x->dim[!time], row = cpu_count(x, 2, x->rank) * tuff_dtype_size(x->dtype);

	for (int64_t b = 0; b < B; b++) {
		int64_t len = cpu_get_int(&a->in[1], b);

		if (len < 0 || len > T) {
			snprintf(a->err, a->errlen, "length %lld of entry %lld is outside of [0, %lld]", (long long)len, (long long)b, (long long)T);
			return -EINVAL;
		}
		for (int64_t t = 0; t < T; t++) {
			int64_t from = t < len ? len - 1 - t : t;
			int64_t to_at = time ? b * T + t : t * B + b, from_at = time ? b * T + from : from * B + b;

			if (row)
				memcpy((char *)a->out[0].data + to_at * row, (char *)x->data + from_at * row, row);
		}
	}
	return 0;
}

struct ranked {
	double v;
	int64_t i64;	/* exact where double would round */
	int64_t at;
};

static int larger(const void *p, const void *q)
{
	const struct ranked *x = p, *y = q;

	if (x->v != y->v && !(isnan(x->v) && isnan(y->v)))
		return isnan(x->v) ? -1 : isnan(y->v) ? 1 : x->v > y->v ? -1 : 1;
	if (x->i64 != y->i64)
		return x->i64 > y->i64 ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static int smaller(const void *p, const void *q)
{
	const struct ranked *x = p, *y = q;

	if (x->v != y->v && !(isnan(x->v) && isnan(y->v)))
		return isnan(x->v) ? 1 : isnan(y->v) ? -1 : x->v < y->v ? -1 : 1;
	if (x->i64 != y->i64)
		return x->i64 < y->i64 ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

int cpu_topk(const struct cpu_args *a, void *state)
{
	const struct cpu_tensor *x = &a->in[0];
	int axis = tuff_attr_int(a->p, a->s, "axis", 0);
	int64_t n = x->dim[axis], k = a->out[0].dim[axis], inner = cpu_count(x, axis + 1, x->rank), outer = cpu_count(x, 0, axis);
	bool most = tuff_attr_int(a->p, a->s, "largest", 1);
	size_t es = tuff_dtype_size(x->dtype);
	struct ranked *r;

	if (k > n) {
		snprintf(a->err, a->errlen, "%lld elements asked of %lld", (long long)k, (long long)n);
		return -EINVAL;
	}
	r = cpu_scratch((n + 1) * sizeof(*r));
	if (!r)
		return -ENOMEM;
	for (int64_t o = 0; o < outer; o++)
		for (int64_t c = 0; c < inner; c++) {
			for (int64_t i = 0; i < n; i++) {
				int64_t at = (o * n + i) * inner + c;

				r[i] = (struct ranked){ .at = i };
				if (cpu_is_float(x->dtype))
					r[i].v = cpu_get(x, at);
				else	/* unsigned above the sign bit sorts last by flipping it */
					r[i].i64 = cpu_get_int(x, at) ^ (x->dtype == TUFF_U64 ? INT64_MIN : 0);
			}
			qsort(r, n, sizeof(*r), most ? larger : smaller);
			for (int64_t i = 0; i < k; i++) {
				int64_t to = (o * k + i) * inner + c;

				memcpy((char *)a->out[0].data + to * es, (char *)x->data + ((o * n + r[i].at) * inner + c) * es, es);
				if (a->nout > 1 && a->out[1].dtype)
					cpu_set_int(&a->out[1], to, r[i].at);
			}
		}
	return 0;
}
