// SPDX-License-Identifier: MIT
/* Elementwise operators, with multidirectional broadcasting. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "userspace/cpu/ref/ref.h"

/* Walks the output in memory order; o[] are the inputs' offsets of a row. */
struct walk {
	int n, rank;
	int64_t dim[TUFF_MAX_RANK], st[3][TUFF_MAX_RANK], o[3], at[TUFF_MAX_RANK];
	int64_t rows, row;	/* count, length of the innermost dimension */
};

static void walk_init(struct walk *w, const struct cpu_tensor *out, const struct cpu_tensor *in, int n)
{
	struct cpu_tensor stored = cpu_stored(out);

	memset(w, 0, sizeof(*w));
	w->n = n;
	w->rank = out->rank;
	memcpy(w->dim, stored.dim, sizeof(w->dim));
	for (int i = 0; i < n; i++) {
		int64_t s[TUFF_MAX_RANK];

		cpu_strides(&in[i], s);
		for (int d = 0; d < w->rank; d++) {	/* 0 where it broadcasts */
			int k = d - (w->rank - (int)in[i].rank);

			w->st[i][cpu_axis(out, d)] = k >= 0 && in[i].dim[k] != 1 ? s[k] : 0;
		}
	}
	w->row = w->rank ? w->dim[w->rank - 1] : 1;
	w->rows = w->row ? cpu_numel(out) / w->row : 0;
}

static void walk_next(struct walk *w)
{
	for (int d = w->rank - 2; d >= 0; d--) {
		for (int i = 0; i < w->n; i++)
			w->o[i] += w->st[i][d];
		if (++w->at[d] < w->dim[d])
			return;
		for (int i = 0; i < w->n; i++)
			w->o[i] -= w->st[i][d] * w->at[d];
		w->at[d] = 0;
	}
}

static int64_t inner(const struct walk *w, int i)
{
	return w->rank ? w->st[i][w->rank - 1] : 0;
}

static double on_float(uint32_t op, double x, double y, bool fmod_)
{
	switch (op) {
	case TUFF_OP_ADD: return x + y;
	case TUFF_OP_SUB: return x - y;
	case TUFF_OP_MUL: return x * y;
	case TUFF_OP_DIV: return x / y;
	case TUFF_OP_POW: return pow(x, y);
	case TUFF_OP_MIN: return isnan(x) || x < y ? x : y;
	case TUFF_OP_MAX: return isnan(x) || x > y ? x : y;
	case TUFF_OP_MODULO: return fmod_ ? fmod(x, y) : x - y * floor(x / y);
	case TUFF_OP_EQUAL: return x == y;
	case TUFF_OP_LESS: return x < y;
	case TUFF_OP_LESS_EQUAL: return x <= y;
	case TUFF_OP_GREATER: return x > y;
	case TUFF_OP_GREATER_EQUAL: return x >= y;
	}
	return 0;
}

static int64_t int_pow(int64_t x, int64_t y)
{
	uint64_t r = 1, b = x;

	if (y < 0)
		return x == 1 ? 1 : x == -1 ? (y & 1 ? -1 : 1) : 0;
	for (; y; y >>= 1, b *= b)
		r *= y & 1 ? b : 1;
	return r;
}

static int64_t on_int(uint32_t op, int64_t x, int64_t y, bool is_unsigned, bool fmod_, bool left)
{
	int64_t r;

	switch (op) {
	case TUFF_OP_ADD: return (uint64_t)x + (uint64_t)y;
	case TUFF_OP_SUB: return (uint64_t)x - (uint64_t)y;
	case TUFF_OP_MUL: return (uint64_t)x * (uint64_t)y;
	case TUFF_OP_DIV:	/* division by zero is undefined in ONNX; 0 here */
		if (is_unsigned)
			return y ? (uint64_t)x / (uint64_t)y : 0;
		return y == -1 ? (int64_t)(0 - (uint64_t)x) : y ? x / y : 0;
	case TUFF_OP_MODULO:
		if (is_unsigned)
			return y ? (uint64_t)x % (uint64_t)y : 0;
		r = y == 0 || y == -1 ? 0 : x % y;
		return !fmod_ && r && (r < 0) != (y < 0) ? r + y : r;
	case TUFF_OP_POW: return int_pow(x, y);
	case TUFF_OP_MIN: return is_unsigned ? ((uint64_t)x < (uint64_t)y ? x : y) : x < y ? x : y;
	case TUFF_OP_MAX: return is_unsigned ? ((uint64_t)x > (uint64_t)y ? x : y) : x > y ? x : y;
	case TUFF_OP_EQUAL: return x == y;
	case TUFF_OP_LESS: return is_unsigned ? (uint64_t)x < (uint64_t)y : x < y;
	case TUFF_OP_LESS_EQUAL: return is_unsigned ? (uint64_t)x <= (uint64_t)y : x <= y;
	case TUFF_OP_GREATER: return is_unsigned ? (uint64_t)x > (uint64_t)y : x > y;
	case TUFF_OP_GREATER_EQUAL: return is_unsigned ? (uint64_t)x >= (uint64_t)y : x >= y;
	case TUFF_OP_AND: return x && y;
	case TUFF_OP_OR: return x || y;
	case TUFF_OP_XOR: return !x != !y;
	case TUFF_OP_BIT_AND: return x & y;
	case TUFF_OP_BIT_OR: return x | y;
	case TUFF_OP_BIT_XOR: return x ^ y;
	case TUFF_OP_BIT_SHIFT: return (uint64_t)y > 63 ? 0 : left ? (int64_t)((uint64_t)x << y) : (int64_t)((uint64_t)x >> y);
	}
	return 0;
}

int cpu_binary_ref(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0], *y = &a->in[1];
	struct cpu_tensor *o = &a->out[0];
	bool f = cpu_is_float(x->dtype) || cpu_is_float(y->dtype), u = x->dtype == TUFF_U64;
	bool fm = tuff_attr_int(a->p, a->s, "fmod", 0), left = !strcmp(tuff_attr_str(a->p, a->s, "direction", ""), "LEFT");
	struct walk w;

	walk_init(&w, o, a->in, 2);
	for (int64_t r = 0; r < w.rows; r++, walk_next(&w)) {
		int64_t sx = inner(&w, 0), sy = inner(&w, 1);

		for (int64_t i = 0; i < w.row; i++) {
			int64_t ix = w.o[0] + i * sx, iy = w.o[1] + i * sy;

			if (f)
				cpu_set(o, r * w.row + i, on_float(a->s->op, cpu_get(x, ix), cpu_get(y, iy), fm));
			else
				cpu_set_int(o, r * w.row + i, on_int(a->s->op, cpu_get_int(x, ix), cpu_get_int(y, iy), u, fm, left));
		}
	}
	return 0;
}

int cpu_where_ref(const struct cpu_args *a, void *st)
{
	struct cpu_tensor *o = &a->out[0];
	size_t es = tuff_dtype_size(o->dtype);
	struct walk w;

	walk_init(&w, o, a->in, 3);
	for (int64_t r = 0; r < w.rows; r++, walk_next(&w))
		for (int64_t i = 0; i < w.row; i++) {
			int k = ((uint8_t *)a->in[0].data)[w.o[0] + i * inner(&w, 0)] ? 1 : 2;

			memcpy((char *)o->data + (r * w.row + i) * es,
			       (char *)a->in[k].data + (w.o[k] + i * inner(&w, k)) * es, es);
		}
	return 0;
}

int cpu_prelu_ref(const struct cpu_args *a, void *st)
{
	struct walk w;

	walk_init(&w, &a->out[0], a->in, 2);
	for (int64_t r = 0; r < w.rows; r++, walk_next(&w))
		for (int64_t i = 0; i < w.row; i++) {
			double x = cpu_get(&a->in[0], w.o[0] + i * inner(&w, 0));

			cpu_set(&a->out[0], r * w.row + i, x < 0 ? x * cpu_get(&a->in[1], w.o[1] + i * inner(&w, 1)) : x);
		}
	return 0;
}

static double gelu(double x, bool tanh_)
{
	return tanh_ ? 0.5 * x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))) :
		       0.5 * x * (1 + erf(x * 0.7071067811865476));
}

static double softplus(double x)
{
	return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double on_one(uint32_t op, double x, double p, double q)
{
	switch (op) {
	case TUFF_OP_NOT: return !x;
	case TUFF_OP_NEG: return -x;
	case TUFF_OP_ABS: return fabs(x);
	case TUFF_OP_SIGN: return (x > 0) - (x < 0);
	case TUFF_OP_EXP: return exp(x);
	case TUFF_OP_LOG: return log(x);
	case TUFF_OP_SQRT: return sqrt(x);
	case TUFF_OP_RECIPROCAL: return 1 / x;
	case TUFF_OP_SIN: return sin(x);
	case TUFF_OP_COS: return cos(x);
	case TUFF_OP_TAN: return tan(x);
	case TUFF_OP_ASIN: return asin(x);
	case TUFF_OP_ACOS: return acos(x);
	case TUFF_OP_ATAN: return atan(x);
	case TUFF_OP_SINH: return sinh(x);
	case TUFF_OP_COSH: return cosh(x);
	case TUFF_OP_TANH: return tanh(x);
	case TUFF_OP_ASINH: return asinh(x);
	case TUFF_OP_ACOSH: return acosh(x);
	case TUFF_OP_ATANH: return atanh(x);
	case TUFF_OP_ERF: return erf(x);
	case TUFF_OP_FLOOR: return floor(x);
	case TUFF_OP_CEIL: return ceil(x);
	case TUFF_OP_ROUND: return nearbyint(x);
	case TUFF_OP_RELU: return x > 0 || isnan(x) ? x : 0;
	case TUFF_OP_SIGMOID: return 1 / (1 + exp(-x));
	case TUFF_OP_SOFTPLUS: return softplus(x);
	case TUFF_OP_SOFTSIGN: return x / (1 + fabs(x));
	case TUFF_OP_LEAKY_RELU: return x < 0 ? p * x : x;
	case TUFF_OP_ELU: return x < 0 ? p * expm1(x) : x;
	case TUFF_OP_SELU: return q * (x > 0 ? x : p * expm1(x));
	case TUFF_OP_CELU: return x > 0 ? x : p * expm1(x / p);
	case TUFF_OP_CLIP: x = x < p ? p : x; return x > q ? q : x;
	case TUFF_OP_HARD_SIGMOID: x = p * x + q; return x < 0 ? 0 : x > 1 ? 1 : x;	/* NaN stays */
	case TUFF_OP_HARD_SWISH: return x * fmax(0, fmin(1, x / 6 + 0.5));
	case TUFF_OP_THRESHOLDED_RELU: return x > p ? x : 0;
	case TUFF_OP_GELU: return gelu(x, p != 0);
	case TUFF_OP_SWISH: return x / (1 + exp(-p * x));
	case TUFF_OP_MISH: return x * tanh(softplus(x));
	case TUFF_OP_ISNAN: return isnan(x);
	case TUFF_OP_ISINF: return isinf(x) && (x > 0 ? q != 0 : p != 0);
	}
	return x;
}

void cpu_unary_params(const struct cpu_args *a, double *p, double *q)
{
	switch (a->s->op) {
	case TUFF_OP_LEAKY_RELU: *p = tuff_attr_float(a->p, a->s, "alpha", 0.01f); break;
	case TUFF_OP_SWISH: case TUFF_OP_ELU: case TUFF_OP_CELU: case TUFF_OP_THRESHOLDED_RELU:
		*p = tuff_attr_float(a->p, a->s, "alpha", 1);
		break;
	case TUFF_OP_SELU:
		*p = tuff_attr_float(a->p, a->s, "alpha", 1.67326319217681884765625f);
		*q = tuff_attr_float(a->p, a->s, "gamma", 1.05070102214813232421875f);
		break;
	case TUFF_OP_HARD_SIGMOID:
		*p = tuff_attr_float(a->p, a->s, "alpha", 0.2f);
		*q = tuff_attr_float(a->p, a->s, "beta", 0.5f);
		break;
	case TUFF_OP_CLIP:
		*p = cpu_has(a, 1) ? cpu_get(&a->in[1], 0) : -INFINITY;
		*q = cpu_has(a, 2) ? cpu_get(&a->in[2], 0) : INFINITY;
		break;
	case TUFF_OP_GELU: *p = !strcmp(tuff_attr_str(a->p, a->s, "approximate", "none"), "tanh"); break;
	case TUFF_OP_ISINF:
		*p = tuff_attr_int(a->p, a->s, "detect_negative", 1);
		*q = tuff_attr_int(a->p, a->s, "detect_positive", 1);
		break;
	}
}

int cpu_unary_ref(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	int64_t n = cpu_numel(x);
	double p = 0, q = 0;

	cpu_unary_params(a, &p, &q);
	for (int64_t i = 0; i < n; i++) {
		int64_t v;

		if (cpu_is_float(x->dtype)) {
			cpu_set(&a->out[0], i, on_one(a->s->op, cpu_get(x, i), p, q));
			continue;
		}
		v = cpu_get_int(x, i);	/* exact where double would round */
		switch (a->s->op) {
		case TUFF_OP_NEG: v = 0 - (uint64_t)v; break;
		case TUFF_OP_ABS: v = v < 0 ? (int64_t)(0 - (uint64_t)v) : v; break;
		case TUFF_OP_SIGN: v = (v > 0) - (v < 0); break;
		case TUFF_OP_NOT: v = !v; break;
		case TUFF_OP_BIT_NOT: v = ~v; break;
		case TUFF_OP_RELU: v = v < 0 ? 0 : v; break;
		case TUFF_OP_CLIP:
			v = cpu_has(a, 1) && v < cpu_get_int(&a->in[1], 0) ? cpu_get_int(&a->in[1], 0) : v;
			v = cpu_has(a, 2) && v > cpu_get_int(&a->in[2], 0) ? cpu_get_int(&a->in[2], 0) : v;
			break;
		default: v = on_one(a->s->op, v, p, q);
		}
		cpu_set_int(&a->out[0], i, v);
	}
	return 0;
}

int cpu_cast_ref(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0];
	struct cpu_tensor *o = &a->out[0];
	int64_t n = cpu_numel(x);

	for (int64_t i = 0; i < n; i++) {
		if (o->dtype == TUFF_BOOL)
			((uint8_t *)o->data)[i] = cpu_get(x, i) != 0;
		else if (cpu_is_float(x->dtype) || cpu_is_float(o->dtype))
			cpu_set(o, i, cpu_get(x, i));
		else
			cpu_set_int(o, i, cpu_get_int(x, i));
		if (o->logical == TUFF_F16)
			((float *)o->data)[i] = tuff_f16_to_f32(tuff_f32_to_f16(((float *)o->data)[i]));
	}
	return 0;
}
