// SPDX-License-Identifier: MIT
/*
 * Does a step's shapes, types and attributes fit together? The compiler's
 * shape rules make it so, but a program file is somebody's word: operators
 * index by what they find here, so that nothing runs before it passed. It is
 * checked for every plan, of every program: the compiler's own errors end here
 * as well. Values known only in a run (indices) are checked by the operators.
 */
#include <string.h>

#include "userspace/cpu/check.h"

const char *check_text(const struct cpu_tensor *t, char *buf)
{
	size_t n = snprintf(buf, CHECK_TEXT, "%s [", tuff_dtype_name(t->dtype));

	for (uint32_t i = 0; i < t->rank && n < CHECK_TEXT - 2; i++)
		n += snprintf(buf + n, CHECK_TEXT - n, "%s%lld", i ? "," : "", (long long)t->dim[i]);
	if (n < CHECK_TEXT - 1)
		strcpy(buf + n, "]");
	return buf;
}

bool check_dims(const struct cpu_tensor *x, const struct cpu_tensor *y)
{
	return x->rank == y->rank && !memcmp(x->dim, y->dim, x->rank * sizeof(*x->dim));
}

bool check_spread(const struct cpu_tensor *x, const struct cpu_tensor *o)
{
	for (uint32_t i = 0; i < x->rank && x->rank <= o->rank; i++)
		if (x->dim[i] != 1 && x->dim[i] != o->dim[o->rank - x->rank + i])
			return false;
	return x->rank <= o->rank;
}

int check_differ(const struct cpu_args *a, uint32_t i)
{
	char x[CHECK_TEXT], o[CHECK_TEXT];

	return BAD(a, "a result of %s does not follow from operand %u of %s", check_text(&a->out[0], o), i, check_text(&a->in[i], x));
}

int check_is(const struct cpu_args *a, const struct cpu_tensor *t, const char *name, uint32_t dtype, uint32_t n, const int64_t *dim)
{
	struct cpu_tensor want = { .dtype = dtype ? dtype : t->dtype, .rank = n };
	char is[CHECK_TEXT], w[CHECK_TEXT];

	memcpy(want.dim, dim, n * sizeof(*dim));
	if (t->dtype != want.dtype || !check_dims(t, &want))
		return BAD(a, "%s is %s, not %s", name, check_text(t, is), check_text(&want, w));
	return 0;
}

int check_axis(const struct cpu_args *a, int64_t rank, int64_t def, bool negative, int64_t *axis)
{
	*axis = tuff_attr_int(a->p, a->s, "axis", def);
	if (*axis < (negative ? -rank : 0) || *axis >= rank)
		return BAD(a, "axis %lld of %lld dimensions", (long long)*axis, (long long)rank);
	*axis += *axis < 0 ? rank : 0;
	return 0;
}

bool check_one(const struct cpu_args *a, uint32_t i, uint32_t dtype)
{
	return !cpu_has(a, i) || (cpu_numel(&a->in[i]) > 0 && (!dtype || a->in[i].dtype == dtype));
}

/* the result has in[i]'s dims and layout */
static int shaped(const struct cpu_args *a, uint32_t i)
{
	return check_dims(&a->in[i], &a->out[0]) && a->in[i].layout == a->out[0].layout ? 0 : check_differ(a, i);
}

/* and its type */
static int copied(const struct cpu_args *a)
{
	return a->in[0].dtype == a->out[0].dtype ? shaped(a, 0) : check_differ(a, 0);
}

static int typed(const struct cpu_args *a, uint32_t i)
{
	return a->in[i].dtype == a->out[0].dtype ? 0 : check_differ(a, i);
}

static int spread(const struct cpu_args *a, uint32_t n)
{
	if (a->nin != n)
		return BAD(a, "%u operands, not %u", a->nin, n);
	for (uint32_t i = 0; i < n; i++)
		if (!a->in[i].dtype || !check_spread(&a->in[i], &a->out[0]))
			return check_differ(a, i);
	return 0;
}

static int unary(const struct cpu_args *a)
{
	if (!check_one(a, 1, 0) || !check_one(a, 2, 0))	/* the bounds of Clip */
		return BAD(a, "a bound has no value");
	return shaped(a, 0);
}

static int binary(const struct cpu_args *a)
{
	return spread(a, 2);
}

static int where(const struct cpu_args *a)
{
	int ret = spread(a, 3);

	ret = ret ? ret : typed(a, 1);
	ret = ret ? ret : typed(a, 2);
	return ret || a->in[0].dtype == TUFF_BOOL ? ret : BAD(a, "the condition is %s", tuff_dtype_name(a->in[0].dtype));
}

static int cast(const struct cpu_args *a)
{
	const struct cpu_tensor *o = &a->out[0];

	if ((o->logical == TUFF_F16 || o->logical == TUFF_BF16) && o->dtype != TUFF_F32)
		return BAD(a, "%s is stored as %s", tuff_dtype_name(o->logical), tuff_dtype_name(o->dtype));
	return shaped(a, 0);
}

static int layout(const struct cpu_args *a)
{
	return a->in[0].dtype == a->out[0].dtype && check_dims(&a->in[0], &a->out[0]) ? 0 : check_differ(a, 0);
}

static int fused(const struct cpu_args *a)
{
	size_t n;
	const int64_t *v = tuff_attr_ints(a->p, a->s, "body", &n);

	for (uint32_t i = 0; i < a->nin; i++)
		if (!a->in[i].dtype || !check_spread(&a->in[i], &a->out[0]))
			return check_differ(a, i);
	return v && n && n % 6 == 0 ? 0 : BAD(a, "it has no body");
}

static int transpose(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0], *o = &a->out[0];
	uint32_t seen = 0;
	size_t n;
	const int64_t *perm = tuff_attr_ints(a->p, a->s, "perm", &n);

	if ((n && n != x->rank) || o->rank != x->rank)
		return check_differ(a, 0);
	for (uint32_t i = 0; i < x->rank; i++) {
		int64_t k = n ? perm[i] : x->rank - 1 - i;

		if (k < 0 || k >= x->rank || seen >> k & 1)
			return BAD(a, "perm is not a permutation of %u dimensions", x->rank);
		seen |= 1u << k;
		if (o->dim[i] != x->dim[k])
			return check_differ(a, 0);
	}
	return typed(a, 0);
}

/* all dims but `axis` are the whole's; adds up that one */
static int part(const struct cpu_args *a, const struct cpu_tensor *whole, const struct cpu_tensor *t, int64_t axis, int64_t *sum)
{
	char x[CHECK_TEXT], o[CHECK_TEXT];
	bool ok = t->dtype == whole->dtype && t->rank == whole->rank && t->layout == whole->layout;

	for (uint32_t i = 0; ok && i < whole->rank; i++)
		ok = i == axis || t->dim[i] == whole->dim[i];
	if (!ok)
		return BAD(a, "%s is not a part of %s along axis %lld", check_text(t, x), check_text(whole, o), (long long)axis);
	*sum += t->dim[axis];	/* of a whole that passed: far from overflow by the number of parts */
	return *sum <= whole->dim[axis] ? 0 : BAD(a, "the parts are longer than the whole along axis %lld", (long long)axis);
}

static int concat(const struct cpu_args *a)
{
	int64_t axis, sum = 0;
	int ret = check_axis(a, a->out[0].rank, 0, false, &axis);

	for (uint32_t i = 0; i < a->nin && !ret; i++)
		ret = part(a, &a->out[0], &a->in[i], axis, &sum);
	return ret || sum == a->out[0].dim[axis] ? ret : BAD(a, "the parts are shorter than the whole along axis %lld", (long long)axis);
}

static int split(const struct cpu_args *a)
{
	int64_t axis, sum = 0;
	int ret = check_axis(a, a->in[0].rank, 0, false, &axis);

	for (uint32_t i = 0; i < a->nout && !ret; i++)
		ret = part(a, &a->in[0], &a->out[i], axis, &sum);
	return ret;
}

static int slice(const struct cpu_args *a)
{
	int64_t n = cpu_numel(&a->in[1]);

	if (a->out[0].rank != a->in[0].rank || a->in[1].rank > 1 || n > a->in[0].rank)
		return check_differ(a, 0);
	for (uint32_t i = 2; i < a->nin; i++)
		if (cpu_has(a, i) && cpu_numel(&a->in[i]) < n)
			return BAD(a, "operand %u has fewer elements than there are starts", i);
	return typed(a, 0);
}

static int pad(const struct cpu_args *a)
{
	if (a->out[0].rank != a->in[0].rank || a->in[0].layout != a->out[0].layout)
		return check_differ(a, 0);
	if (cpu_numel(&a->in[1]) < 2 * (int64_t)a->in[0].rank)
		return BAD(a, "%lld pads for %u dimensions", (long long)cpu_numel(&a->in[1]), a->in[0].rank);
	if (!check_one(a, 2, a->out[0].dtype))
		return BAD(a, "the padding has no value of type %s", tuff_dtype_name(a->out[0].dtype));
	return typed(a, 0);
}

static int tile(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0], *o = &a->out[0];

	for (uint32_t i = 0; i < x->rank && x->rank == o->rank; i++)
		if (x->dim[i] ? o->dim[i] % x->dim[i] : o->dim[i])
			return check_differ(a, 0);
	return x->rank == o->rank ? typed(a, 0) : check_differ(a, 0);
}

static int expand(const struct cpu_args *a)
{
	return check_spread(&a->in[0], &a->out[0]) ? typed(a, 0) : check_differ(a, 0);
}

static int gather(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0], *ix = &a->in[1], *o = &a->out[0];
	int64_t axis;
	int ret = check_axis(a, x->rank, 0, false, &axis);

	if (ret)
		return ret;
	if (o->rank != x->rank - 1 + ix->rank || memcmp(o->dim, x->dim, axis * sizeof(*o->dim)) ||
	    memcmp(o->dim + axis, ix->dim, ix->rank * sizeof(*o->dim)) ||
	    memcmp(o->dim + axis + ix->rank, x->dim + axis + 1, (x->rank - axis - 1) * sizeof(*o->dim)))
		return check_differ(a, 0);
	return typed(a, 0);
}

static int shape(const struct cpu_args *a)
{
	int64_t from = tuff_attr_int(a->p, a->s, "start", 0), rank = a->in[0].rank, n = cpu_numel(&a->out[0]);

	from += from < 0 ? rank : 0;
	from = from < 0 ? 0 : from;
	return !n || (from <= rank && n <= rank - from) ? 0 : check_differ(a, 0);
}

static int fill(const struct cpu_args *a)
{
	return 0;	/* any result */
}

static int range(const struct cpu_args *a)
{
	return cpu_has(a, 0) && cpu_has(a, 2) && check_one(a, 0, 0) && check_one(a, 2, 0) ? 0 : BAD(a, "start or delta has no value");
}

static int trilu(const struct cpu_args *a)
{
	if (a->in[0].rank < 2 || !check_one(a, 1, 0))
		return BAD(a, "takes a matrix, and one diagonal");
	return copied(a);
}

static int gather_elements(const struct cpu_args *a)
{
	int64_t axis;
	int ret = check_axis(a, a->in[0].rank, 0, false, &axis);

	if (!ret && (a->in[1].rank != a->in[0].rank || !check_dims(&a->in[1], &a->out[0])))
		ret = check_differ(a, 1);
	return ret ? ret : typed(a, 0);
}

static int scatter_elements(const struct cpu_args *a)
{
	int64_t axis;
	int ret = check_axis(a, a->in[0].rank, 0, false, &axis);

	if (!ret && (a->in[1].rank != a->in[0].rank || !check_dims(&a->in[1], &a->in[2])))
		ret = check_differ(a, 1);
	ret = ret ? ret : typed(a, 2);
	return ret ? ret : copied(a);
}

static int gather_nd(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0], *ix = &a->in[1], *o = &a->out[0];
	int64_t batch = tuff_attr_int(a->p, a->s, "batch_dims", 0), k, rest;

	if (!ix->rank || batch < 0 || batch >= ix->rank || batch >= x->rank || memcmp(x->dim, ix->dim, batch * sizeof(*x->dim)))
		return BAD(a, "batch_dims of %lld do not fit data and indices", (long long)batch);
	k = ix->dim[ix->rank - 1];
	rest = (int64_t)x->rank - batch - k;
	if (k > TUFF_MAX_RANK || rest < 0 || o->rank != ix->rank - 1 + rest || memcmp(o->dim, ix->dim, (ix->rank - 1) * sizeof(*o->dim)) ||
	    memcmp(o->dim + ix->rank - 1, x->dim + batch + k, rest * sizeof(*o->dim)))
		return check_differ(a, 1);
	return typed(a, 0);
}

static int scatter_nd(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0], *ix = &a->in[1], *u = &a->in[2];
	int64_t k = ix->rank ? ix->dim[ix->rank - 1] : INT64_MAX, rest = k <= x->rank ? x->rank - k : -1;
	int ret;

	if (rest < 0 || u->rank != ix->rank - 1 + rest || memcmp(u->dim, ix->dim, (ix->rank - 1) * sizeof(*u->dim)) ||
	    memcmp(u->dim + ix->rank - 1, x->dim + k, rest * sizeof(*u->dim)))
		return check_differ(a, 2);
	ret = typed(a, 2);
	return ret ? ret : copied(a);
}

static int one_hot(const struct cpu_args *a)
{
	const struct cpu_tensor *ix = &a->in[0], *o = &a->out[0];
	int64_t axis;
	int ret = check_axis(a, o->rank, 0, false, &axis);

	if (ret)
		return ret;
	if (o->rank != ix->rank + 1 || memcmp(o->dim, ix->dim, axis * sizeof(*o->dim)) ||
	    memcmp(o->dim + axis + 1, ix->dim + axis, (ix->rank - axis) * sizeof(*o->dim)))
		return check_differ(a, 0);
	return cpu_numel(&a->in[2]) >= 2 ? typed(a, 2) : BAD(a, "values are not two");
}

static int eye_like(const struct cpu_args *a)
{
	return a->out[0].rank == 2 ? 0 : BAD(a, "makes a matrix");
}

static int size(const struct cpu_args *a)
{
	return cpu_numel(&a->out[0]) == 1 ? 0 : check_differ(a, 0);
}

static int reverse_sequence(const struct cpu_args *a)
{
	int64_t time = tuff_attr_int(a->p, a->s, "time_axis", 0);

	if (a->in[0].rank < 2 || time < 0 || time > 1 || cpu_numel(&a->in[1]) < a->in[0].dim[!time])
		return BAD(a, "time_axis or sequence_lens do not fit the input");
	return copied(a);
}

static int topk(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0], *o = &a->out[0];
	int64_t axis, sum = 0;
	int ret = check_axis(a, x->rank, 0, false, &axis);

	ret = ret ? ret : part(a, x, o, axis, &sum);
	if (!ret && a->nout > 1 && a->out[1].dtype && !check_dims(o, &a->out[1]))
		return BAD(a, "values and indices are of different shapes");
	return ret;
}

#define SAME(id) [TUFF_OP_##id] = unary
#define TWO(id) [TUFF_OP_##id] = binary
#define RULE(id, fn) [TUFF_OP_##id] = fn
static int (*const rules[TUFF_OP_COUNT])(const struct cpu_args *) = {
	SAME(NOT), SAME(NEG), SAME(ABS), SAME(SIGN), SAME(EXP), SAME(LOG), SAME(SQRT), SAME(RECIPROCAL), SAME(SIN), SAME(COS), SAME(TAN),
	SAME(ASIN), SAME(ACOS), SAME(ATAN), SAME(SINH), SAME(COSH), SAME(TANH), SAME(ASINH), SAME(ACOSH), SAME(ATANH), SAME(ERF),
	SAME(FLOOR), SAME(CEIL), SAME(ROUND), SAME(RELU), SAME(SIGMOID), SAME(SOFTPLUS), SAME(SOFTSIGN), SAME(LEAKY_RELU), SAME(ELU),
	SAME(SELU), SAME(CELU), SAME(CLIP), SAME(HARD_SIGMOID), SAME(HARD_SWISH), SAME(THRESHOLDED_RELU), SAME(GELU), SAME(MISH),
	SAME(ISNAN), SAME(ISINF), SAME(SWISH), SAME(BIT_NOT),
	TWO(ADD), TWO(SUB), TWO(MUL), TWO(DIV), TWO(POW), TWO(MIN), TWO(MAX), TWO(MODULO), TWO(EQUAL), TWO(LESS), TWO(LESS_EQUAL),
	TWO(GREATER), TWO(GREATER_EQUAL), TWO(AND), TWO(OR), TWO(XOR), TWO(PRELU), TWO(BIT_SHIFT), TWO(BIT_AND), TWO(BIT_OR), TWO(BIT_XOR),
	RULE(WHERE, where), RULE(CAST, cast), RULE(FUSED, fused), RULE(TRANSPOSE, transpose), RULE(CONCAT, concat), RULE(SPLIT, split),
	RULE(SLICE, slice), RULE(PAD, pad), RULE(TILE, tile), RULE(EXPAND, expand), RULE(GATHER, gather), RULE(SHAPE, shape),
	RULE(CONSTANT_OF_SHAPE, fill), RULE(RANGE, range), RULE(TRILU, trilu), RULE(GATHER_ELEMENTS, gather_elements),
	RULE(SCATTER_ELEMENTS, scatter_elements), RULE(GATHER_ND, gather_nd), RULE(SCATTER_ND, scatter_nd), RULE(ONE_HOT, one_hot),
	RULE(EYE_LIKE, eye_like), RULE(SIZE, size), RULE(IDENTITY, copied), RULE(LAYOUT, layout), RULE(REVERSE_SEQUENCE, reverse_sequence),
	RULE(TOPK, topk), RULE(CONV, check_conv), RULE(CONV_TRANSPOSE, check_convt), RULE(MAXPOOL, check_pool), RULE(AVGPOOL, check_pool),
	RULE(GLOBAL_AVGPOOL, check_gpool), RULE(GLOBAL_MAXPOOL, check_gpool), RULE(BATCHNORM, check_channels), RULE(INSTANCENORM, check_channels),
	RULE(LAYERNORM, check_layernorm), RULE(LRN, check_lrn), RULE(SOFTMAX, check_softmax), RULE(LOGSOFTMAX, check_softmax),
	RULE(REDUCE_SUM, check_reduce), RULE(REDUCE_MEAN, check_reduce), RULE(REDUCE_MAX, check_reduce), RULE(REDUCE_MIN, check_reduce),
	RULE(REDUCE_PROD, check_reduce), RULE(REDUCE_L1, check_reduce), RULE(REDUCE_L2, check_reduce), RULE(REDUCE_SUMSQ, check_reduce),
	RULE(REDUCE_LOGSUM, check_reduce), RULE(REDUCE_LOGSUMEXP, check_reduce), RULE(ARGMAX, check_argmax), RULE(ARGMIN, check_argmax),
	RULE(CUMSUM, check_cumsum), RULE(GEMM, check_gemm), RULE(MATMUL, check_matmul), RULE(EINSUM, check_einsum), RULE(LSTM, check_lstm),
	RULE(GRU, check_rnn), RULE(RNN, check_rnn), RULE(GRID_SAMPLE, check_grid_sample), RULE(RESIZE, check_resize),
};

/* operators whose output may lie in an operand's memory: element i of one is made of element i of the other */
static bool in_place(uint32_t op, uint32_t i)
{
	return rules[op] == unary || rules[op] == binary || op == TUFF_OP_FUSED || op == TUFF_OP_CAST || op == TUFF_OP_IDENTITY ||
	       op == TUFF_OP_BATCHNORM || (i == 3 && (op == TUFF_OP_CONV || op == TUFF_OP_MATMUL || op == TUFF_OP_GEMM)) ||
	       (!i && (op == TUFF_OP_SCATTER_ELEMENTS || op == TUFF_OP_SCATTER_ND));
}

int cpu_check(const struct cpu_args *a)
{
	for (uint32_t i = 0; i < a->nin + a->nout; i++) {
		const struct cpu_tensor *t = i < a->nin ? &a->in[i] : &a->out[i - a->nin];
		int64_t n = tuff_dtype_size(t->dtype);

		if (!t->dtype)
			continue;
		if (t->layout == TUFF_CL && t->rank < 2)
			return BAD(a, "a tensor of %u dimensions cannot be channels last", t->rank);
		for (uint32_t d = 0; d < t->rank; d++)
			if (t->dim[d] < 0 || __builtin_mul_overflow(n, t->dim[d] ? t->dim[d] : 1, &n) || n > CPU_MAX_BYTES)
				return BAD(a, "%s %u: dimension %u is %lld", i < a->nin ? "operand" : "result", i < a->nin ? i : i - a->nin, d,
					   (long long)t->dim[d]);
		for (uint32_t k = 0; k < a->nin && i >= a->nin && t->data; k++)
			if (a->in[k].data == t->data && (!in_place(a->s->op, k) || a->in[k].dtype != t->dtype) && cpu_numel(t) &&
			    cpu_numel(&a->in[k]))
				return BAD(a, "the result would overwrite operand %u while it is read", k);
	}
	if (!a->out[0].dtype && a->s->op != TUFF_OP_LSTM && a->s->op != TUFF_OP_GRU && a->s->op != TUFF_OP_RNN)
		return BAD(a, "it has no result");
	return rules[a->s->op] ? rules[a->s->op](a) : -EOPNOTSUPP;
}
