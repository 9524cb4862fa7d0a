// SPDX-License-Identifier: MIT
/* The table of the CPU path, and access to single elements by type. */
#include <math.h>
#include <string.h>

#include "userspace/cpu/cpu.h"

#define RUN(id, fn) [TUFF_OP_##id] = { .run = fn }
const struct cpu_op cpu_ops[TUFF_OP_COUNT] = {
	[TUFF_OP_CONV] = { cpu_conv_prepare, cpu_conv_run, cpu_conv_destroy, cpu_conv_packs },
	RUN(GEMM, cpu_gemm), RUN(MATMUL, cpu_matmul), RUN(BATCHNORM, cpu_batchnorm),
	RUN(INSTANCENORM, cpu_instancenorm), RUN(LAYERNORM, cpu_layernorm), RUN(LRN, cpu_lrn),
	RUN(MAXPOOL, cpu_pool), RUN(AVGPOOL, cpu_pool), RUN(GLOBAL_AVGPOOL, cpu_gpool), RUN(GLOBAL_MAXPOOL, cpu_gpool),
	RUN(SOFTMAX, cpu_softmax), RUN(LOGSOFTMAX, cpu_softmax),
	RUN(REDUCE_SUM, cpu_reduce), RUN(REDUCE_MEAN, cpu_reduce), RUN(REDUCE_MAX, cpu_reduce), RUN(REDUCE_MIN, cpu_reduce),
	RUN(REDUCE_PROD, cpu_reduce), RUN(REDUCE_L1, cpu_reduce), RUN(REDUCE_L2, cpu_reduce), RUN(REDUCE_SUMSQ, cpu_reduce),
	RUN(REDUCE_LOGSUM, cpu_reduce), RUN(REDUCE_LOGSUMEXP, cpu_reduce), RUN(ARGMAX, cpu_argmax), RUN(ARGMIN, cpu_argmax),
	RUN(ADD, cpu_binary), RUN(SUB, cpu_binary), RUN(MUL, cpu_binary), RUN(DIV, cpu_binary), RUN(POW, cpu_binary),
	RUN(MIN, cpu_binary), RUN(MAX, cpu_binary), RUN(MODULO, cpu_binary), RUN(EQUAL, cpu_binary), RUN(LESS, cpu_binary),
	RUN(LESS_EQUAL, cpu_binary), RUN(GREATER, cpu_binary), RUN(GREATER_EQUAL, cpu_binary), RUN(AND, cpu_binary),
	RUN(OR, cpu_binary), RUN(XOR, cpu_binary), RUN(NOT, cpu_unary), RUN(WHERE, cpu_where),
	RUN(NEG, cpu_unary), RUN(ABS, cpu_unary), RUN(SIGN, cpu_unary), RUN(EXP, cpu_unary), RUN(LOG, cpu_unary),
	RUN(SQRT, cpu_unary), RUN(RECIPROCAL, cpu_unary), RUN(SIN, cpu_unary), RUN(COS, cpu_unary), RUN(TAN, cpu_unary),
	RUN(ASIN, cpu_unary), RUN(ACOS, cpu_unary), RUN(ATAN, cpu_unary), RUN(SINH, cpu_unary), RUN(COSH, cpu_unary),
	RUN(TANH, cpu_unary), RUN(ASINH, cpu_unary), RUN(ACOSH, cpu_unary), RUN(ATANH, cpu_unary), RUN(ERF, cpu_unary),
	RUN(FLOOR, cpu_unary), RUN(CEIL, cpu_unary), RUN(ROUND, cpu_unary), RUN(RELU, cpu_unary), RUN(SIGMOID, cpu_unary),
	RUN(SOFTPLUS, cpu_unary), RUN(SOFTSIGN, cpu_unary), RUN(LEAKY_RELU, cpu_unary), RUN(PRELU, cpu_prelu), RUN(ELU, cpu_unary),
	RUN(SELU, cpu_unary), RUN(CELU, cpu_unary), RUN(CLIP, cpu_unary), RUN(HARD_SIGMOID, cpu_unary), RUN(HARD_SWISH, cpu_unary),
	RUN(THRESHOLDED_RELU, cpu_unary), RUN(GELU, cpu_unary), RUN(MISH, cpu_unary), RUN(ISNAN, cpu_unary), RUN(ISINF, cpu_unary),
	RUN(CAST, cpu_cast), RUN(TRANSPOSE, cpu_transpose), RUN(CONCAT, cpu_concat), RUN(SPLIT, cpu_split), RUN(SLICE, cpu_slice),
	RUN(PAD, cpu_pad), RUN(TILE, cpu_tile), RUN(EXPAND, cpu_expand), RUN(GATHER, cpu_gather), RUN(RESIZE, cpu_resize),
	RUN(SHAPE, cpu_shape), RUN(CONSTANT_OF_SHAPE, cpu_fill), RUN(RANGE, cpu_range), RUN(LSTM, cpu_lstm),
	RUN(SWISH, cpu_unary), RUN(CUMSUM, cpu_cumsum), RUN(TRILU, cpu_trilu),
	RUN(GATHER_ELEMENTS, cpu_gather_elements), RUN(SCATTER_ELEMENTS, cpu_scatter_elements), RUN(GATHER_ND, cpu_gather_nd),
	RUN(SCATTER_ND, cpu_scatter_nd), RUN(ONE_HOT, cpu_one_hot), RUN(EYE_LIKE, cpu_eye_like), RUN(SIZE, cpu_size),
	RUN(IDENTITY, cpu_identity), RUN(REVERSE_SEQUENCE, cpu_reverse_sequence), RUN(TOPK, cpu_topk), RUN(GRU, cpu_gru), RUN(RNN, cpu_gru),
	RUN(CONV_TRANSPOSE, cpu_convt), RUN(GRID_SAMPLE, cpu_grid_sample), RUN(EINSUM, cpu_einsum), RUN(BIT_SHIFT, cpu_binary), RUN(BIT_AND, cpu_binary),
	RUN(BIT_OR, cpu_binary), RUN(BIT_XOR, cpu_binary), RUN(BIT_NOT, cpu_unary), RUN(LAYOUT, cpu_layout), RUN(FUSED, cpu_fused),
};

#define TYPES(X) X(TUFF_F32, float) X(TUFF_F64, double) X(TUFF_I64, int64_t) X(TUFF_I32, int32_t) \
	X(TUFF_U8, uint8_t) X(TUFF_I8, int8_t) X(TUFF_U16, uint16_t) X(TUFF_I16, int16_t) \
	X(TUFF_BOOL, uint8_t) X(TUFF_U32, uint32_t) X(TUFF_U64, uint64_t)

int64_t cpu_get_int(const struct cpu_tensor *t, int64_t i)
{
	switch (t->dtype) {
#define X(id, type) case id: return (int64_t)((const type *)t->data)[i];
	TYPES(X)
#undef X
	}
	return 0;
}

double cpu_get(const struct cpu_tensor *t, int64_t i)
{
	switch (t->dtype) {
#define X(id, type) case id: return ((const type *)t->data)[i];
	TYPES(X)
#undef X
	}
	return 0;
}

void cpu_set_int(struct cpu_tensor *t, int64_t i, int64_t v)
{
	switch (t->dtype) {
#define X(id, type) case id: ((type *)t->data)[i] = (type)v; return;
	TYPES(X)
#undef X
	}
}

/* double to an integer type: out of range is undefined in C, so saturate first */
static int64_t to_int(double v)
{
	return isnan(v) ? 0 : v >= 0x1p63 ? INT64_MAX : v <= -0x1p63 ? INT64_MIN : (int64_t)v;
}

void cpu_set(struct cpu_tensor *t, int64_t i, double v)
{
	if (t->dtype == TUFF_F32)
		((float *)t->data)[i] = v;
	else if (t->dtype == TUFF_F64)
		((double *)t->data)[i] = v;
	else if (t->dtype == TUFF_BOOL)
		((uint8_t *)t->data)[i] = v != 0;
	else
		cpu_set_int(t, i, to_int(v));
}

float cpu_act(int act, float x, float p0, float p1)
{
	switch (act) {
	case TUFF_EW_RELU:
		return x > 0 || isnan(x) ? x : 0;
	case TUFF_EW_SIGMOID:
		return 1 / (1 + expf(-x));
	case TUFF_EW_LEAKY:
		return x < 0 ? x * p0 : x;
	case TUFF_EW_CLIP:
		x = x < p0 ? p0 : x;
		return x > p1 ? p1 : x;
	case TUFF_EW_SWISH:
		return x / (1 + expf(-x));
	case TUFF_EW_TANH:
		return tanhf(x);
	case TUFF_EW_GELU:
		return p0 ? 0.5f * x * (1 + tanhf(0.7978845608f * (x + 0.044715f * x * x * x))) : 0.5f * x * (1 + erff(x * 0.70710678f));
	case TUFF_EW_ELU:
		return x < 0 ? p0 * expm1f(x) : x;
	case TUFF_EW_HARDSIGMOID:
		return fminf(fmaxf(p0 * x + p1, 0), 1);
	case TUFF_EW_MISH:
		return x * tanhf(x > 0 ? x + log1pf(expf(-x)) : log1pf(expf(x)));
	case TUFF_EW_HARDSWISH:
		return x * fminf(fmaxf(x / 6 + 0.5f, 0), 1);
	}
	return x;
}
