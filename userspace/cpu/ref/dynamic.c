// SPDX-License-Identifier: MIT
/* NonZero, Compress, Unique. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/cpu/dynamic.h"

const dyn_fn cpu_dynamic[TUFF_OP_COUNT] = {
	[TUFF_OP_NONZERO] = dyn_nonzero, [TUFF_OP_COMPRESS] = dyn_compress, [TUFF_OP_UNIQUE] = dyn_unique, [TUFF_OP_NMS] = dyn_nms,
	[TUFF_OP_SIZED] = dyn_sized,
};

static double number(const struct cpu_tensor *t, int64_t i)
{
	uint16_t h;
	uint32_t u;
	float f;

	if (t->dtype != TUFF_F16 && t->dtype != TUFF_BF16)
		return cpu_get(t, i);
	memcpy(&h, (const char *)t->data + 2 * i, 2);
	if (t->dtype == TUFF_F16)
		return tuff_f16_to_f32(h);
	u = (uint32_t)h << 16;
	memcpy(&f, &u, 4);
	return f;
}

static bool is_zero(const struct cpu_tensor *t, int64_t i)
{
	switch (t->dtype) {
	case TUFF_F32: case TUFF_F64: case TUFF_F16: case TUFF_BF16:
		return number(t, i) == 0;
	}
	return cpu_get_int(t, i) == 0;
}

int dyn_nonzero(struct dyn *d)
{
	const struct cpu_tensor *x = &d->in[0];
	int64_t n = cpu_numel(x), dim[2] = { x->rank ? x->rank : 1, 0 }, at = 0, *o;
	int ret;

	for (int64_t i = 0; i < n; i++)
		dim[1] += !is_zero(x, i);
	ret = d->make(d, 0, TUFF_I64, 2, dim);
	if (ret)
		return ret;
	o = d->out[0].data;
	for (int64_t i = 0; i < n; i++) {
		int64_t rest = i;

		if (is_zero(x, i))
			continue;
		for (int k = (int)x->rank - 1; k >= 0; k--) {
			o[k * dim[1] + at] = rest % x->dim[k];
			rest /= x->dim[k];
		}
		if (!x->rank)
			o[at] = 0;
		at++;
	}
	return 0;
}

int dyn_compress(struct dyn *d)
{
	const struct cpu_tensor *x = &d->in[0], *c = &d->in[1];
	bool flat = !tuff_attr_find(d->p, d->s, "axis");
	int64_t axis = tuff_attr_int(d->p, d->s, "axis", 0), dim[TUFF_MAX_RANK], outer, length, inner, keep = 0, n;
	size_t es = tuff_dtype_size(x->dtype);
	const uint8_t *yes = c->data;
	char *o;
	int ret;

	if (!flat && (axis < 0 || axis >= x->rank || !x->rank)) {
		snprintf(d->err, d->errlen, "axis %lld is out of range", (long long)axis);
		return -EINVAL;
	}
	if (c->rank != 1 || c->dtype != TUFF_BOOL) {
		snprintf(d->err, d->errlen, "the condition must be bool [n]");
		return -EINVAL;
	}
	outer = flat ? 1 : cpu_count(x, 0, axis);
	length = flat ? cpu_numel(x) : x->dim[axis];
	inner = flat ? 1 : cpu_count(x, axis + 1, x->rank);
	n = c->dim[0] < length ? c->dim[0] : length;	/* what the condition does not reach is left out */
	for (int64_t i = 0; i < n; i++)
		keep += yes[i] != 0;
	memcpy(dim, x->dim, sizeof(dim));
	dim[flat ? 0 : axis] = keep;
	ret = d->make(d, 0, x->dtype, flat ? 1 : x->rank, dim);
	if (ret)
		return ret;
	o = d->out[0].data;
	for (int64_t a = 0; a < outer; a++)
		for (int64_t i = 0; i < n; i++)
			if (yes[i]) {
				memcpy(o, (const char *)x->data + (a * length + i) * inner * es, inner * es);
				o += inner * es;
			}
	return 0;
}

struct slices {			/* of x along an axis: what Unique compares */
	const struct cpu_tensor *x;
	int64_t outer, length, inner;
};

static int compare(const struct slices *s, int64_t a, int64_t b)
{
	bool real = cpu_is_float(s->x->dtype) || s->x->dtype == TUFF_F16 || s->x->dtype == TUFF_BF16;

	for (int64_t o = 0; o < s->outer; o++)
		for (int64_t i = 0; i < s->inner; i++) {
			int64_t ia = (o * s->length + a) * s->inner + i, ib = (o * s->length + b) * s->inner + i;

			if (real) {
				double x = number(s->x, ia), y = number(s->x, ib);

				/* not a number: after all numbers, equal to itself (NumPy) */
				if (x != x || y != y) {
					if ((x != x) != (y != y))
						return x != x ? 1 : -1;
				} else if (x != y) {
					return x < y ? -1 : 1;
				}
			} else if (s->x->dtype == TUFF_U64) {
				uint64_t x = cpu_get_int(s->x, ia), y = cpu_get_int(s->x, ib);

				if (x != y)
					return x < y ? -1 : 1;
			} else {
				int64_t x = cpu_get_int(s->x, ia), y = cpu_get_int(s->x, ib);

				if (x != y)
					return x < y ? -1 : 1;
			}
		}
	return 0;
}

static int by_content(const void *a, const void *b, void *s)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	int c = compare(s, x, y);

	return c ? c : x < y ? -1 : x > y;	/* the first one first */
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

int dyn_unique(struct dyn *d)
{
	const struct cpu_tensor *x = &d->in[0];
	bool flat = !tuff_attr_find(d->p, d->s, "axis"), sorted = tuff_attr_int(d->p, d->s, "sorted", 1);
	int64_t axis = tuff_attr_int(d->p, d->s, "axis", 0), dim[TUFF_MAX_RANK], n, count = 0;
	struct slices s = { .x = x };
	int64_t *order, *first, *group, *place;
	size_t es = tuff_dtype_size(x->dtype);
	int ret;

	if (!flat && (axis < 0 || axis >= x->rank || !x->rank)) {
		snprintf(d->err, d->errlen, "axis %lld is out of range", (long long)axis);
		return -EINVAL;
	}
	s.outer = flat ? 1 : cpu_count(x, 0, axis);
	s.length = n = flat ? cpu_numel(x) : x->dim[axis];
	s.inner = flat ? 1 : cpu_count(x, axis + 1, x->rank);
	order = malloc((n + 1) * sizeof(*order));
	first = malloc((n + 1) * sizeof(*first));	/* the first slice of each group */
	group = malloc((n + 1) * sizeof(*group));	/* of a slice, by content */
	place = malloc((n + 1) * sizeof(*place));	/* of a group, in the output */
	ret = order && first && group && place ? 0 : -ENOMEM;
	for (int64_t i = 0; i < n && !ret; i++)
		order[i] = i;
	if (!ret)
		qsort_r(order, n, sizeof(*order), by_content, &s);
	for (int64_t i = 0; i < n && !ret; i++) {
		if (!i || compare(&s, order[i - 1], order[i]))
			first[count++] = order[i];
		group[order[i]] = count - 1;
	}
	if (!ret && !sorted)
		qsort(first, count, sizeof(*first), by_number);
	for (int64_t i = 0; i < count && !ret; i++)
		place[group[first[i]]] = i;
	memcpy(dim, x->dim, sizeof(dim));
	dim[flat ? 0 : axis] = count;
	ret = ret ? ret : d->make(d, 0, x->dtype, flat ? 1 : x->rank, dim);
	for (uint32_t i = 1; i < d->nout && !ret; i++)
		ret = d->make(d, i, TUFF_I64, 1, i == 2 ? &n : &count);
	for (int64_t o = 0; o < s.outer && !ret && d->out[0].data; o++)
		for (int64_t i = 0; i < count; i++)
			memcpy((char *)d->out[0].data + (o * count + i) * s.inner * es,
			       (const char *)x->data + (o * n + first[i]) * s.inner * es, s.inner * es);
	if (!ret && d->nout > 1 && d->out[1].data && count)
		memcpy(d->out[1].data, first, count * sizeof(*first));
	for (int64_t i = 0; i < n && !ret && d->nout > 2 && d->out[2].data; i++)
		((int64_t *)d->out[2].data)[i] = place[group[i]];
	if (!ret && d->nout > 3 && d->out[3].data) {
		int64_t *times = d->out[3].data;

		memset(times, 0, count * sizeof(*times));
		for (int64_t i = 0; i < n; i++)
			times[place[group[i]]]++;
	}
	free(order);
	free(first);
	free(group);
	free(place);
	return ret;
}
