// SPDX-License-Identifier: MIT
/* Data movement, generic by element size. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "userspace/cpu/cpu.h"

/* row-major to channels last and back */
int cpu_layout(const struct cpu_args *a, void *st)
{
	struct cpu_tensor o = cpu_stored(&a->out[0]);
	int64_t s[TUFF_MAX_RANK], p[TUFF_MAX_RANK];

	cpu_strides(&a->in[0], s);
	for (uint32_t i = 0; i < o.rank; i++)
		p[cpu_axis(&a->out[0], i)] = s[i];
	cpu_strided(a, &o, a->in[0].data, p);
	return 0;
}

int cpu_transpose(const struct cpu_args *a, void *st)
{
	int64_t s[TUFF_MAX_RANK], p[TUFF_MAX_RANK];
	size_t n;
	const int64_t *perm = tuff_attr_ints(a->p, a->s, "perm", &n);

	cpu_strides(&a->in[0], s);
	for (uint32_t i = 0; i < a->in[0].rank; i++)
		p[i] = s[n ? perm[i] : a->in[0].rank - 1 - i];
	cpu_strided(a, &a->out[0], a->in[0].data, p);
	return 0;
}

int cpu_expand(const struct cpu_args *a, void *st)
{
	int64_t s[TUFF_MAX_RANK], p[TUFF_MAX_RANK];

	cpu_strides(&a->in[0], s);
	for (uint32_t i = 0; i < a->out[0].rank; i++) {
		int k = (int)i - (int)(a->out[0].rank - a->in[0].rank);

		p[i] = k >= 0 && a->in[0].dim[k] != 1 ? s[k] : 0;
	}
	cpu_strided(a, &a->out[0], a->in[0].data, p);
	return 0;
}

int cpu_slice(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	int64_t s[TUFF_MAX_RANK], p[TUFF_MAX_RANK], base = 0;
	int64_t n = cpu_numel(&a->in[1]);
	struct cpu_tensor o;

	cpu_strides(x, s);
	for (int64_t i = 0; i < n; i++) {
		int64_t ax = cpu_has(a, 3) ? cpu_get_int(&a->in[3], i) : i, step = cpu_has(a, 4) ? cpu_get_int(&a->in[4], i) : 1;
		int64_t from = cpu_get_int(&a->in[1], i), dim;

		ax += ax < 0 ? x->rank : 0;
		dim = x->dim[ax];
		from += from < 0 ? dim : 0;
		from = from < 0 ? 0 : from;
		if (from > dim - (step < 0))
			from = dim - (step < 0);
		base += from * s[ax];
		s[ax] *= step;
	}
	o = cpu_stored(&a->out[0]);
	for (uint32_t i = 0; i < o.rank; i++)
		p[cpu_axis(&a->out[0], i)] = s[i];
	if (cpu_numel(&o))
		cpu_strided(a, &o, (char *)x->data + base * (int64_t)tuff_dtype_size(x->dtype), p);
	return 0;
}

static int64_t reflect(int64_t i, int64_t n, const char *mode)
{
	if (!strcmp(mode, "edge"))
		return i < 0 ? 0 : i >= n ? n - 1 : i;
	if (!strcmp(mode, "wrap"))
		return ((i % n) + n) % n;
	while (n > 1 && (i < 0 || i >= n))
		i = i < 0 ? -i : 2 * (n - 1) - i;
	return n > 1 ? i : 0;
}

int cpu_pad(const struct cpu_args *a, void *st)
{
	struct cpu_tensor in = cpu_stored(&a->in[0]), out = cpu_stored(&a->out[0]), *x = &in, *o = &out;
	const char *mode = tuff_attr_str(a->p, a->s, "mode", "constant");
	size_t es = tuff_dtype_size(o->dtype);
	int64_t n = cpu_numel(o), s[TUFF_MAX_RANK];
	uint8_t zero[16] = { 0 };
	const void *fill = cpu_has(a, 2) ? a->in[2].data : zero;
	int64_t before[TUFF_MAX_RANK];

	for (uint32_t d = 0; d < x->rank; d++)
		before[cpu_axis(&a->in[0], d)] = cpu_get_int(&a->in[1], d);
	cpu_strides(x, s);
	for (int64_t i = 0; i < n; i++) {
		int64_t r = i, off = 0;
		bool inside = true;

		for (int d = (int)o->rank - 1; d >= 0; d--) {
			int64_t k = r % o->dim[d] - before[d];

			r /= o->dim[d];
			if (strcmp(mode, "constant") && x->dim[d])
				k = reflect(k, x->dim[d], mode);
			inside &= k >= 0 && k < x->dim[d];
			off += k * s[d];
		}
		memcpy((char *)o->data + i * es, inside ? (char *)x->data + off * (int64_t)es : fill, es);
	}
	return 0;
}

int cpu_tile(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	struct cpu_tensor *o = &a->out[0];
	size_t es = tuff_dtype_size(o->dtype);
	int64_t n = cpu_numel(o), s[TUFF_MAX_RANK];

	cpu_strides(x, s);
	for (int64_t i = 0; i < n; i++) {
		int64_t r = i, off = 0;

		for (int d = (int)o->rank - 1; d >= 0; d--) {
			off += r % o->dim[d] % x->dim[d] * s[d];
			r /= o->dim[d];
		}
		memcpy((char *)o->data + i * es, (char *)x->data + off * es, es);
	}
	return 0;
}

int cpu_gather(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0], *ix = &a->in[1];
	int64_t axis = tuff_attr_int(a->p, a->s, "axis", 0), outer = cpu_count(x, 0, axis), dim = x->dim[axis];
	int64_t n = cpu_numel(ix);
	size_t row = cpu_count(x, axis + 1, x->rank) * tuff_dtype_size(x->dtype);
	char *dst = a->out[0].data;

	for (int64_t o = 0; o < outer; o++)
		for (int64_t i = 0; i < n; i++, dst += row) {
			int64_t k = cpu_get_int(ix, i);

			if (k < -dim || k >= dim) {
				snprintf(a->err, a->errlen, "index %lld is outside of [%lld, %lld]", (long long)k, (long long)-dim, (long long)dim - 1);
				return -EINVAL;
			}
			if (row)
				memcpy(dst, (char *)x->data + (o * dim + (k < 0 ? k + dim : k)) * row, row);
		}
	return 0;
}

int cpu_shape(const struct cpu_args *a, void *st)
{
	int64_t from = tuff_attr_int(a->p, a->s, "start", 0), n = cpu_numel(&a->out[0]);

	from += from < 0 ? a->in[0].rank : 0;
	from = from < 0 ? 0 : from;
	for (int64_t i = 0; i < n; i++)
		cpu_set_int(&a->out[0], i, a->in[0].dim[from + i]);
	return 0;
}

int cpu_fill(const struct cpu_args *a, void *st)
{
	const struct tuff_attr *v = tuff_attr_find(a->p, a->s, "value");
	struct cpu_tensor *o = &a->out[0];
	size_t es = tuff_dtype_size(o->dtype);
	int64_t n = cpu_numel(o);
	uint8_t one[16] = { 0 };

	if (v && v->type == TUFF_A_TENSOR) {
		const struct tuff_weight *w;
		uint32_t i;

		memcpy(&i, a->p->attr_data + v->data, 4);
		w = i < a->p->nweights ? &a->p->weights[i] : NULL;
		if (!w || w->src != TUFF_W_DATA || w->size != tuff_dtype_size(w->dtype)) {
			/* in the file: compile.c folds what is constant; this is the rest */
			snprintf(a->err, a->errlen, "a value kept in the file is not supported for a size that varies");
			return -EOPNOTSUPP;
		}
		memcpy(one, a->p->data + w->offset, w->size);
	}
	for (int64_t i = 0; i < n; i++)
		memcpy((char *)o->data + i * es, one, es);
	return 0;
}

int cpu_range(const struct cpu_args *a, void *st)
{
	int64_t n = cpu_numel(&a->out[0]);

	for (int64_t i = 0; i < n; i++) {
		if (cpu_is_float(a->in[0].dtype))
			cpu_set(&a->out[0], i, cpu_get(&a->in[0], 0) + i * cpu_get(&a->in[2], 0));
		else
			cpu_set_int(&a->out[0], i, cpu_get_int(&a->in[0], 0) + i * cpu_get_int(&a->in[2], 0));
	}
	return 0;
}

int cpu_trilu(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	int64_t k = cpu_has(a, 1) ? cpu_get_int(&a->in[1], 0) : 0, n = cpu_numel(x), upper = tuff_attr_int(a->p, a->s, "upper", 1);
	int64_t cols = x->dim[x->rank - 1], rows = x->dim[x->rank - 2];
	size_t es = tuff_dtype_size(x->dtype);

	for (int64_t i = 0; i < n; i++) {
		int64_t c = i % cols, r = i / cols % rows;

		if (upper ? c - r >= k : c - r <= k)
			memcpy((char *)a->out[0].data + i * es, (char *)x->data + i * es, es);
		else
			memset((char *)a->out[0].data + i * es, 0, es);
	}
	return 0;
}

/* Where output index i reads from on one axis (ONNX Resize, coordinate modes). */
static double coordinate(const char *mode, int64_t i, double scale, int64_t in, int64_t out)
{
	if (!strcmp(mode, "align_corners"))
		return out > 1 ? (double)i * (in - 1) / (out - 1) : 0;
	if (!strcmp(mode, "asymmetric"))
		return i / scale;
	if (!strcmp(mode, "pytorch_half_pixel") && out <= 1)
		return 0;
	if (!strcmp(mode, "tf_half_pixel_for_nn"))
		return (i + 0.5) / scale;
	return (i + 0.5) / scale - 0.5;
}

static double nearest(const char *mode, double x)
{
	if (!strcmp(mode, "floor"))
		return floor(x);
	if (!strcmp(mode, "ceil"))
		return ceil(x);
	return !strcmp(mode, "round_prefer_ceil") ? floor(x + 0.5) : ceil(x - 0.5);
}

int cpu_resize(const struct cpu_args *a, void *st)
{
	struct cpu_tensor in = cpu_stored(&a->in[0]), out = cpu_stored(&a->out[0]), *x = &in, *o = &out;
	const char *mode = tuff_attr_str(a->p, a->s, "mode", "nearest");
	const char *coord = tuff_attr_str(a->p, a->s, "coordinate_transformation_mode", "half_pixel");
	const char *near = tuff_attr_str(a->p, a->s, "nearest_mode", "round_prefer_floor");
	bool linear = !strcmp(mode, "linear") || !strcmp(mode, "bilinear");
	int64_t n = cpu_numel(o), s[TUFF_MAX_RANK];
	double given[TUFF_MAX_RANK];

	if (!linear && strcmp(mode, "nearest")) {
		snprintf(a->err, a->errlen, "mode '%.40s' is not supported", mode);
		return -EOPNOTSUPP;
	}
	if (!strcmp(coord, "tf_crop_and_resize")) {
		snprintf(a->err, a->errlen, "tf_crop_and_resize is not supported");
		return -EOPNOTSUPP;
	}
	if (n && !cpu_numel(x)) {
		snprintf(a->err, a->errlen, "nothing to make %lld elements of", (long long)n);
		return -EINVAL;
	}
	cpu_strides(x, s);
	for (uint32_t d = 0; d < x->rank; d++)
		given[cpu_axis(&a->in[0], d)] = cpu_has(a, 2) && cpu_numel(&a->in[2]) ? cpu_get(&a->in[2], d) :
						(double)a->out[0].dim[d] / a->in[0].dim[d];
	for (int64_t i = 0; i < n; i++) {
		double lo_w[TUFF_MAX_RANK], v = 0;
		int64_t lo[TUFF_MAX_RANK], hi[TUFF_MAX_RANK], r = i;
		uint32_t wide = 0;

		for (int d = (int)o->rank - 1; d >= 0; d--) {
			double scale = given[d];
			double c = o->dim[d] == x->dim[d] && scale == 1 ? r % o->dim[d] :
				   coordinate(coord, r % o->dim[d], scale, x->dim[d], o->dim[d]);

			r /= o->dim[d];
			if (!linear)
				c = nearest(near, c);
			lo[d] = floor(c);
			lo_w[d] = 1 - (c - lo[d]);
			hi[d] = lo[d] + 1;
			lo[d] = lo[d] < 0 ? 0 : lo[d] >= x->dim[d] ? x->dim[d] - 1 : lo[d];
			hi[d] = hi[d] < 0 ? 0 : hi[d] >= x->dim[d] ? x->dim[d] - 1 : hi[d];
			if (lo_w[d] != 1)
				wide |= 1u << d;
		}
		for (uint32_t m = wide;; m = (m - 1) & wide) {	/* corners of the cell */
			int64_t off = 0;
			double w = 1;

			for (uint32_t d = 0; d < o->rank; d++) {
				off += (m >> d & 1 ? hi[d] : lo[d]) * s[d];
				w *= m >> d & 1 ? 1 - lo_w[d] : wide >> d & 1 ? lo_w[d] : 1;
			}
			v += w * cpu_get(x, off);
			if (!m)
				break;
		}
		cpu_set(o, i, v);
	}
	return 0;
}
