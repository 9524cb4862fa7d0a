// SPDX-License-Identifier: MIT
/*
 * Operators of which the sizes follow from data by no expression: the sizes
 * here, the work by the operator's own row on tensors of those sizes.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "userspace/cpu/dynamic.h"
#include "userspace/session.h"

static int bad(struct dyn *d, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(d->err, d->errlen, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static bool is_int(const struct cpu_tensor *t)
{
	return t->dtype == TUFF_I64 || t->dtype == TUFF_I32;
}

static bool has(const struct dyn *d, uint32_t i)
{
	return i < d->nin && d->in[i].dtype;
}

/* axes of input i as bits below `rank`; each once */
static int axes_of(struct dyn *d, uint32_t i, int rank, uint32_t *mask)
{
	*mask = 0;
	if (!has(d, i))
		return 0;
	if (!is_int(&d->in[i]) || d->in[i].rank > 1)
		return bad(d, "axes must be integers");
	for (int64_t k = 0; k < cpu_numel(&d->in[i]); k++) {
		int64_t a = cpu_get_int(&d->in[i], k);

		a += a < 0 ? rank : 0;
		if (a < 0 || a >= rank || *mask >> a & 1)
			return bad(d, "axis %lld is out of range or stands twice", (long long)cpu_get_int(&d->in[i], k));
		*mask |= 1u << a;
	}
	return 0;
}

static int slice(struct dyn *d, int64_t *dim)
{
	const struct cpu_tensor *x = &d->in[0];
	uint32_t seen = 0;
	int64_t n;

	if (!has(d, 1) || !has(d, 2) || !is_int(&d->in[1]) || !is_int(&d->in[2]) || (has(d, 3) && !is_int(&d->in[3])) || (has(d, 4) && !is_int(&d->in[4])))
		return bad(d, "starts, ends, axes and steps must be integers");
	n = cpu_numel(&d->in[1]);
	if (n > x->rank || cpu_numel(&d->in[2]) != n || (has(d, 3) && cpu_numel(&d->in[3]) != n) || (has(d, 4) && cpu_numel(&d->in[4]) != n))
		return bad(d, "starts, ends, axes and steps do not fit");
	memcpy(dim, x->dim, sizeof(x->dim));
	for (int64_t i = 0; i < n; i++) {
		int64_t a = has(d, 3) ? cpu_get_int(&d->in[3], i) : i, step = has(d, 4) ? cpu_get_int(&d->in[4], i) : 1, z;
		int64_t from = cpu_get_int(&d->in[1], i), to = cpu_get_int(&d->in[2], i);

		a += a < 0 ? x->rank : 0;
		if (a < 0 || a >= x->rank || seen >> a & 1 || !step || step < -INT32_MAX || step > INT32_MAX)
			return bad(d, "axis %lld or step %lld is out of range", (long long)a, (long long)step);
		seen |= 1u << a;
		z = x->dim[a];
		from = from < -z ? -z : from;
		to = to < -z - 1 ? -z - 1 : to;
		from += from < 0 ? z : 0;
		to += to < 0 ? z : 0;
		if (step > 0) {
			from = from > z ? z : from;
			to = to < 0 ? 0 : to > z ? z : to;
			dim[a] = to > from ? (to - from + step - 1) / step : 0;
		} else {
			from = from >= z ? z - 1 : from;
			to = to < -1 ? -1 : to >= z ? z : to;
			dim[a] = from > to ? (from - to - step - 1) / -step : 0;
		}
	}
	return x->rank;
}

static int squeeze(struct dyn *d, int64_t *dim)
{
	const struct cpu_tensor *x = &d->in[0];
	uint32_t mask;
	int rank = 0, ret = axes_of(d, 1, x->rank, &mask);

	for (uint32_t i = 0; i < x->rank && !ret; i++) {
		if (!(mask >> i & 1))
			dim[rank++] = x->dim[i];
		else if (x->dim[i] != 1)
			ret = bad(d, "dimension %u is %lld, not 1", i, (long long)x->dim[i]);
	}
	return ret ? ret : rank;
}

static int unsqueeze(struct dyn *d, int64_t *dim)
{
	const struct cpu_tensor *x = &d->in[0];
	int64_t n = has(d, 1) ? cpu_numel(&d->in[1]) : 0;
	uint32_t mask, at = 0;
	int ret;

	if (x->rank + n > TUFF_MAX_RANK)
		return bad(d, "more than 8 dimensions");
	ret = axes_of(d, 1, x->rank + n, &mask);
	for (uint32_t i = 0; i < x->rank + n && !ret; i++)
		dim[i] = mask >> i & 1 ? 1 : x->dim[at++];
	return ret ? ret : (int)(x->rank + n);
}

static int reduce(struct dyn *d, int64_t *dim)
{
	const struct cpu_tensor *x = &d->in[0];
	bool keep = tuff_attr_int(d->p, d->s, "keepdims", 1);
	uint32_t mask;
	int rank = 0, ret = axes_of(d, 1, x->rank, &mask);

	if (!mask && !tuff_attr_int(d->p, d->s, "noop_with_empty_axes", 0))
		mask = ~0u;
	for (uint32_t i = 0; i < x->rank && !ret; i++) {
		if (!(mask >> i & 1))
			dim[rank++] = x->dim[i];
		else if (keep)
			dim[rank++] = 1;
	}
	return ret ? ret : rank;
}

/* float16 and bfloat16 as they are */
static double number(const struct cpu_tensor *t)
{
	uint16_t h;
	uint32_t u;
	float f;

	if (t->dtype != TUFF_F16 && t->dtype != TUFF_BF16)
		return cpu_get(t, 0);
	memcpy(&h, t->data, 2);
	u = (uint32_t)h << 16;
	memcpy(&f, &u, 4);
	return t->dtype == TUFF_F16 ? tuff_f16_to_f32(h) : f;
}

static int range(struct dyn *d, int64_t *dim)
{
	double n;

	for (uint32_t i = 0; i < 3; i++)
		if (!has(d, i) || cpu_numel(&d->in[i]) != 1 || d->in[i].dtype != d->in[0].dtype)
			return bad(d, "start, limit and delta must be one number each");
	n = ceil((number(&d->in[1]) - number(&d->in[0])) / number(&d->in[2]));
	if (isnan(n) || n > 0x1p40)
		return bad(d, "from %g to %g by %g", number(&d->in[0]), number(&d->in[1]), number(&d->in[2]));
	dim[0] = n > 0 ? (int64_t)n : 0;
	return 1;
}

static int one_hot(struct dyn *d, int64_t *dim)
{
	const struct cpu_tensor *x = &d->in[0];
	int64_t axis = tuff_attr_int(d->p, d->s, "axis", -1);
	int at = 0;
	double n;

	axis += axis < 0 ? x->rank + 1 : 0;
	if (!has(d, 1) || !has(d, 2) || cpu_numel(&d->in[1]) != 1 || cpu_numel(&d->in[2]) != 2 || axis < 0 || axis > x->rank || x->rank == TUFF_MAX_RANK)
		return bad(d, "axis, depth or values out of range");
	n = number(&d->in[1]);
	if (!(n >= 0 && n < 0x1p40))
		return bad(d, "a depth of %g", n);
	for (int i = 0; i <= (int)x->rank; i++)
		dim[i] = i == axis ? (int64_t)n : x->dim[at++];
	return x->rank + 1;
}

static int resize(struct dyn *d, int64_t *dim)
{
	const struct cpu_tensor *x = &d->in[0];

	if (!has(d, 2) || d->in[2].dtype != TUFF_F32 || cpu_numel(&d->in[2]) != x->rank)
		return bad(d, "needs one float32 scale for each dimension");
	for (uint32_t i = 0; i < x->rank; i++) {
		double f = cpu_get(&d->in[2], i);

		if (!(f > 0) || f > 65536)
			return bad(d, "scale %g is out of range", f);
		dim[i] = (int64_t)(x->dim[i] * f);
	}
	return x->rank;
}

/* all: pads of every axis */
static int pad(struct dyn *d, int64_t *dim, int64_t *all)
{
	const struct cpu_tensor *x = &d->in[0];
	uint32_t mask;
	int64_t n;
	int ret = axes_of(d, 3, x->rank, &mask);

	if (ret)
		return ret;
	if (!has(d, 1) || !has(d, 3) || !is_int(&d->in[1]) || cpu_numel(&d->in[1]) != 2 * cpu_numel(&d->in[3]))
		return bad(d, "pads do not fit the axes");
	if (has(d, 2) && (d->in[2].dtype != x->dtype || cpu_numel(&d->in[2]) != 1))
		return bad(d, "needs one value of the input's type");
	n = cpu_numel(&d->in[3]);
	memset(all, 0, 2 * TUFF_MAX_RANK * sizeof(*all));
	memcpy(dim, x->dim, sizeof(x->dim));
	for (int64_t i = 0; i < n; i++) {
		int64_t a = cpu_get_int(&d->in[3], i), lo = cpu_get_int(&d->in[1], i), hi = cpu_get_int(&d->in[1], n + i);

		a += a < 0 ? x->rank : 0;
		if (lo < -(1ll << 40) || lo > 1ll << 40 || hi < -(1ll << 40) || hi > 1ll << 40)
			return bad(d, "pads %lld and %lld", (long long)lo, (long long)hi);
		all[a] = lo;
		all[a + x->rank] = hi;
		dim[a] += lo + hi;
	}
	return x->rank;
}

static struct tuffc_tensor host(const struct cpu_tensor *t)
{
	struct tuffc_tensor h = { .dtype = t->dtype, .rank = t->rank, .data = t->data };

	memcpy(h.dim, t->dim, sizeof(h.dim));
	h.size = t->dtype ? cpu_numel(t) * tuff_dtype_size(t->dtype) : 0;
	return h;
}

int dyn_sized(struct dyn *d)
{
	int64_t op = tuff_attr_int(d->p, d->s, "tuff.op", TUFF_OP_COUNT), dim[TUFF_MAX_RANK], all[2 * TUFF_MAX_RANK];
	uint32_t nin = d->nin < 5 ? d->nin : 5;
	struct tuffc_tensor in[5], out;
	struct tuff_step s = *d->s;
	int rank, ret;

	switch (op) {
	case TUFF_OP_SLICE: rank = slice(d, dim); break;
	case TUFF_OP_SQUEEZE: rank = squeeze(d, dim); break;
	case TUFF_OP_UNSQUEEZE: rank = unsqueeze(d, dim); break;
	case TUFF_OP_RANGE: rank = range(d, dim); break;
	case TUFF_OP_ONE_HOT: rank = one_hot(d, dim); break;
	case TUFF_OP_RESIZE: rank = resize(d, dim); break;
	case TUFF_OP_PAD: rank = pad(d, dim, all); break;
	default:
		rank = op >= TUFF_OP_REDUCE_SUM && op <= TUFF_OP_REDUCE_LOGSUMEXP ? reduce(d, dim) : bad(d, "no operator that is sized here");
	}
	if (rank < 0)
		return rank;
	ret = d->make(d, 0, op == TUFF_OP_ONE_HOT ? d->in[2].dtype : d->in[0].dtype, rank, dim);
	if (ret)
		return ret;
	out = host(&d->out[0]);
	if (op == TUFF_OP_SQUEEZE || op == TUFF_OP_UNSQUEEZE) {
		if (out.size)
			memcpy(out.data, d->in[0].data, out.size);
		return 0;
	}
	for (uint32_t i = 0; i < nin; i++)
		in[i] = host(&d->in[i]);
	if (op == TUFF_OP_PAD) {	/* its row takes pads of all axes */
		in[1] = (struct tuffc_tensor){ .dtype = TUFF_I64, .rank = 1, .dim = { 2 * rank }, .data = all, .size = 16 * rank };
		nin = 3;
	}
	s.op = op;
	ret = tuff_eval(NULL, op, d->p, &s, in, nin, &out, 1);
	if (ret)
		snprintf(d->err, d->errlen, "%s: %s", tuff_op_name(op), strerror(-ret));
	return ret;
}
