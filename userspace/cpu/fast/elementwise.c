// SPDX-License-Identifier: MIT
/* Elementwise operators on float32 as bodies of one instruction; the rest as the reference does it. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "userspace/cpu/fast/ew.h"
#include "userspace/cpu/ref/ref.h"

static const struct {
	uint32_t op;
	int ew;
} map[] = {
	{ TUFF_OP_ADD, TUFF_EW_ADD }, { TUFF_OP_SUB, TUFF_EW_SUB }, { TUFF_OP_MUL, TUFF_EW_MUL }, { TUFF_OP_DIV, TUFF_EW_DIV },
	{ TUFF_OP_POW, TUFF_EW_POW }, { TUFF_OP_MIN, TUFF_EW_MIN }, { TUFF_OP_MAX, TUFF_EW_MAX },
	{ TUFF_OP_NEG, TUFF_EW_NEG }, { TUFF_OP_ABS, TUFF_EW_ABS }, { TUFF_OP_SIGN, TUFF_EW_SIGN }, { TUFF_OP_EXP, TUFF_EW_EXP },
	{ TUFF_OP_LOG, TUFF_EW_LOG }, { TUFF_OP_SQRT, TUFF_EW_SQRT }, { TUFF_OP_RECIPROCAL, TUFF_EW_RECIP }, { TUFF_OP_SIN, TUFF_EW_SIN },
	{ TUFF_OP_COS, TUFF_EW_COS }, { TUFF_OP_TAN, TUFF_EW_TAN }, { TUFF_OP_ASIN, TUFF_EW_ASIN }, { TUFF_OP_ACOS, TUFF_EW_ACOS },
	{ TUFF_OP_ATAN, TUFF_EW_ATAN }, { TUFF_OP_SINH, TUFF_EW_SINH }, { TUFF_OP_COSH, TUFF_EW_COSH }, { TUFF_OP_TANH, TUFF_EW_TANH },
	{ TUFF_OP_ASINH, TUFF_EW_ASINH }, { TUFF_OP_ACOSH, TUFF_EW_ACOSH }, { TUFF_OP_ATANH, TUFF_EW_ATANH }, { TUFF_OP_ERF, TUFF_EW_ERF },
	{ TUFF_OP_FLOOR, TUFF_EW_FLOOR }, { TUFF_OP_CEIL, TUFF_EW_CEIL }, { TUFF_OP_ROUND, TUFF_EW_ROUND }, { TUFF_OP_RELU, TUFF_EW_RELU },
	{ TUFF_OP_SIGMOID, TUFF_EW_SIGMOID }, { TUFF_OP_SOFTPLUS, TUFF_EW_SOFTPLUS }, { TUFF_OP_SOFTSIGN, TUFF_EW_SOFTSIGN },
	{ TUFF_OP_LEAKY_RELU, TUFF_EW_LEAKY }, { TUFF_OP_ELU, TUFF_EW_ELU }, { TUFF_OP_SELU, TUFF_EW_SELU }, { TUFF_OP_CELU, TUFF_EW_CELU },
	{ TUFF_OP_CLIP, TUFF_EW_CLIP }, { TUFF_OP_HARD_SIGMOID, TUFF_EW_HARDSIGMOID }, { TUFF_OP_HARD_SWISH, TUFF_EW_HARDSWISH },
	{ TUFF_OP_THRESHOLDED_RELU, TUFF_EW_THRESHOLD }, { TUFF_OP_GELU, TUFF_EW_GELU }, { TUFF_OP_MISH, TUFF_EW_MISH },
	{ TUFF_OP_SWISH, TUFF_EW_SWISH },
};

static int find(uint32_t op)
{
	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (map[i].op == op)
			return map[i].ew;
	return -1;
}

int cpu_unary(const struct cpu_args *a, void *st)
{
	struct cpu_args one = *a;
	int op = find(a->s->op);
	double p = 0, q = 0;

	if (a->in[0].dtype != TUFF_F32 || a->out[0].dtype != TUFF_F32 || op < 0)
		return cpu_unary_ref(a, st);
	cpu_unary_params(a, &p, &q);
	if (op == TUFF_EW_SWISH && p != 1)
		return cpu_unary_ref(a, st);
	one.nin = 1;	/* the bounds of Clip are parameters by now */
	return ew_one(&one, op, p, q);
}

int cpu_binary(const struct cpu_args *a, void *st)
{
	int op = find(a->s->op);

	if (a->nin != 2 || a->in[0].dtype != TUFF_F32 || a->in[1].dtype != TUFF_F32 || a->out[0].dtype != TUFF_F32 || op < 0)
		return cpu_binary_ref(a, st);
	return ew_one(a, op, 0, 0);
}

int cpu_where(const struct cpu_args *a, void *st)
{
	struct tuff_ew_insn insn = { .op = TUFF_EW_SELECT, .dtype = TUFF_F32, .a = 0, .b = 1, .c = 2 };

	if (a->in[1].dtype != TUFF_F32 || a->in[2].dtype != TUFF_F32)
		return cpu_where_ref(a, st);
	return ew_run(a, &insn, 1);
}

int cpu_prelu(const struct cpu_args *a, void *st)
{
	static const struct tuff_ew_insn insn[] = {
		{ .op = TUFF_EW_CONST, .dtype = TUFF_F32 },
		{ .op = TUFF_EW_LT, .dtype = TUFF_BOOL, .a = 0, .b = 2 },
		{ .op = TUFF_EW_MUL, .dtype = TUFF_F32, .a = 0, .b = 1 },
		{ .op = TUFF_EW_SELECT, .dtype = TUFF_F32, .a = 3, .b = 4, .c = 0 },
	};

	if (a->in[0].dtype != TUFF_F32 || a->in[1].dtype != TUFF_F32)
		return cpu_prelu_ref(a, st);
	return ew_run(a, insn, 4);
}

int cpu_cast(const struct cpu_args *a, void *st)
{
	uint32_t to = a->out[0].logical ? a->out[0].logical : a->out[0].dtype;
	struct tuff_ew_insn insn = { .op = TUFF_EW_CAST, .dtype = to };

	if (a->in[0].dtype == TUFF_F64 || to == TUFF_F64 || a->in[0].dtype == TUFF_U64 || to == TUFF_U64 || a->nin != 1)
		return cpu_cast_ref(a, st);
	return ew_run(a, &insn, 1);
}
