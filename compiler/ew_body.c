// SPDX-License-Identifier: MIT
/* The scalar program of an elementwise node (struct tuff_ew_insn, program.h). */
#include <math.h>
#include <string.h>

#include "compiler/ew.h"

char ew_class(uint32_t dtype)
{
	switch (dtype) {
	case TUFF_F32: case TUFF_F16: case TUFF_BF16:
		return 'f';
	case TUFF_I8: case TUFF_I16: case TUFF_I32: case TUFF_I64:
		return 'i';
	case TUFF_BOOL: case TUFF_U8: case TUFF_U16: case TUFF_U32:
		return 'u';
	}
	return 0;
}

static int64_t imm(float p0, float p1)
{
	uint32_t a, b;

	memcpy(&a, &p0, 4);
	memcpy(&b, &p1, 4);
	return (int64_t)((uint64_t)b << 32 | a);
}

/* appends; returns the register */
static int64_t put(struct ew_body *b, int64_t op, uint32_t dtype, int64_t x, int64_t y, int64_t z, int64_t im)
{
	if (b->ninsn == EW_MAX_INSN)
		return -1;
	b->insn[b->ninsn] = (struct tuff_ew_insn){ op, dtype, x, y, z, im };
	return b->nin + b->ninsn++;
}

static int64_t put_const(struct ew_body *b, uint32_t dtype, float f, int64_t i)
{
	return put(b, TUFF_EW_CONST, dtype, 0, 0, 0, ew_class(dtype) == 'f' ? imm(f, 0) : i);
}

/* operators of one operand and no parameter, in the order of ops.h */
static int unary(uint32_t op)
{
	static const struct { uint32_t op; int ew; } map[] = {
		{ TUFF_OP_NEG, TUFF_EW_NEG }, { TUFF_OP_ABS, TUFF_EW_ABS }, { TUFF_OP_SIGN, TUFF_EW_SIGN },
		{ TUFF_OP_EXP, TUFF_EW_EXP }, { TUFF_OP_LOG, TUFF_EW_LOG }, { TUFF_OP_SQRT, TUFF_EW_SQRT },
		{ TUFF_OP_RECIPROCAL, TUFF_EW_RECIP }, { TUFF_OP_SIN, TUFF_EW_SIN }, { TUFF_OP_COS, TUFF_EW_COS },
		{ TUFF_OP_TAN, TUFF_EW_TAN }, { TUFF_OP_ASIN, TUFF_EW_ASIN }, { TUFF_OP_ACOS, TUFF_EW_ACOS },
		{ TUFF_OP_ATAN, TUFF_EW_ATAN }, { TUFF_OP_SINH, TUFF_EW_SINH }, { TUFF_OP_COSH, TUFF_EW_COSH },
		{ TUFF_OP_TANH, TUFF_EW_TANH }, { TUFF_OP_ASINH, TUFF_EW_ASINH }, { TUFF_OP_ACOSH, TUFF_EW_ACOSH },
		{ TUFF_OP_ATANH, TUFF_EW_ATANH }, { TUFF_OP_ERF, TUFF_EW_ERF }, { TUFF_OP_FLOOR, TUFF_EW_FLOOR },
		{ TUFF_OP_CEIL, TUFF_EW_CEIL }, { TUFF_OP_ROUND, TUFF_EW_ROUND }, { TUFF_OP_RELU, TUFF_EW_RELU },
		{ TUFF_OP_SIGMOID, TUFF_EW_SIGMOID }, { TUFF_OP_SOFTPLUS, TUFF_EW_SOFTPLUS },
		{ TUFF_OP_SOFTSIGN, TUFF_EW_SOFTSIGN }, { TUFF_OP_HARD_SWISH, TUFF_EW_HARDSWISH },
		{ TUFF_OP_MISH, TUFF_EW_MISH }, { TUFF_OP_SWISH, TUFF_EW_SWISH }, { TUFF_OP_NOT, TUFF_EW_NOT }, { TUFF_OP_IDENTITY, TUFF_EW_IDENTITY },
		{ TUFF_OP_ISNAN, TUFF_EW_ISNAN },
	};

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (map[i].op == op)
			return map[i].ew;
	return -1;
}

static int binary(uint32_t op)
{
	static const struct { uint32_t op; int ew; } map[] = {
		{ TUFF_OP_ADD, TUFF_EW_ADD }, { TUFF_OP_SUB, TUFF_EW_SUB }, { TUFF_OP_MUL, TUFF_EW_MUL },
		{ TUFF_OP_DIV, TUFF_EW_DIV }, { TUFF_OP_MIN, TUFF_EW_MIN }, { TUFF_OP_MAX, TUFF_EW_MAX },
		{ TUFF_OP_EQUAL, TUFF_EW_EQ }, { TUFF_OP_LESS, TUFF_EW_LT }, { TUFF_OP_LESS_EQUAL, TUFF_EW_LE },
		{ TUFF_OP_GREATER, TUFF_EW_GT }, { TUFF_OP_GREATER_EQUAL, TUFF_EW_GE },
		{ TUFF_OP_AND, TUFF_EW_AND }, { TUFF_OP_OR, TUFF_EW_OR }, { TUFF_OP_XOR, TUFF_EW_XOR },
	};

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (map[i].op == op)
			return map[i].ew;
	return -1;
}

static void params(struct ew_body *b, int ew, uint32_t dt, float p0, float p1)
{
	put(b, ew, dt, 0, 0, 0, imm(p0, p1));
}

static const char *clip(struct ew_body *b, const struct ir_node *n, uint32_t dt)
{
	int64_t r = 0;

	if (n->nin > 1 && n->in[1])
		b->in[b->nin++] = n->in[1];
	if (n->nin > 2 && n->in[2])
		b->in[b->nin++] = n->in[2];
	if (n->nin > 1 && n->in[1])
		r = put(b, TUFF_EW_MAX, dt, 0, 1, 0, 0);
	if (n->nin > 2 && n->in[2])
		put(b, TUFF_EW_MIN, dt, r, b->nin - 1, 0, 0);
	if (!b->ninsn)
		put(b, TUFF_EW_IDENTITY, dt, 0, 0, 0, 0);
	return NULL;
}

static const char *fused(struct ir_module *m, const struct ir_node *n, struct ew_body *b)
{
	uint64_t cnt;
	const int64_t *v = ir_attr_ints(n, "body", &cnt);

	if (!v || cnt % 6 || cnt / 6 > EW_MAX_INSN || n->nin > EW_MAX_IN)
		return "the fused body is too long";
	b->nin = n->nin;
	memcpy(b->in, n->in, n->nin * sizeof(*n->in));
	b->ninsn = cnt / 6;
	memcpy(b->insn, v, cnt * sizeof(*v));
	return NULL;
}

static const char *many(struct ew_body *b, const struct ir_node *n, uint32_t dt)
{
	int64_t r = 0;

	if (n->nin > EW_MAX_IN)
		return "more than three operands";
	b->nin = n->nin;
	memcpy(b->in, n->in, n->nin * sizeof(*n->in));
	for (uint32_t i = 1; i < n->nin; i++)
		r = put(b, TUFF_EW_ADD, dt, r, i, 0, 0);
	put(b, TUFF_EW_MUL, dt, r, put_const(b, dt, 1.0f / n->nin, 1), 0, 0);
	return NULL;
}

const char *ew_body(struct ir_module *m, const struct ir_node *n, struct ew_body *b)
{
	uint32_t dt = n->out[0]->dtype;
	int ew;

	memset(b, 0, sizeof(*b));
	if (n->op == TUFF_OP_FUSED)
		return fused(m, n, b);
	b->nin = 1;
	b->in[0] = n->in[0];
	ew = unary(n->op);
	if (ew >= 0) {
		put(b, ew, dt, 0, 0, 0, 0);
		return NULL;
	}
	ew = binary(n->op);
	if (ew >= 0) {
		b->nin = 2;
		b->in[1] = n->in[1];
		put(b, ew, dt, 0, 1, 0, 0);
		return NULL;
	}
	switch (n->op) {
	case TUFF_OP_POW:
		b->nin = 2;
		b->in[1] = n->in[1];
		ew = 1;
		if (ew_class(n->in[1]->dtype) != ew_class(dt))
			ew = put(b, TUFF_EW_CAST, dt, 1, 0, 0, 0);
		put(b, TUFF_EW_POW, dt, 0, ew, 0, 0);
		return ew_class(dt) == 'f' ? NULL : "an integer power";
	case TUFF_OP_MODULO:
		b->nin = 2;
		b->in[1] = n->in[1];
		put(b, ir_attr_int(n, "fmod", 0) ? TUFF_EW_FMOD : TUFF_EW_MOD, dt, 0, 1, 0, 0);
		return NULL;
	case TUFF_OP_WHERE:
		b->nin = 3;
		memcpy(b->in, n->in, 3 * sizeof(*n->in));
		put(b, TUFF_EW_SELECT, dt, 0, 1, 2, 0);
		return NULL;
	case TUFF_OP_MEAN:
		return many(b, n, dt);
	case TUFF_OP_CAST:
		put(b, TUFF_EW_CAST, dt, 0, 0, 0, 0);
		return NULL;
	case TUFF_OP_PRELU:
		b->nin = 2;
		b->in[1] = n->in[1];
		{
			int64_t zero = put_const(b, dt, 0, 0);
			int64_t lt = put(b, TUFF_EW_LT, TUFF_BOOL, 0, zero, 0, 0);
			int64_t mul = put(b, TUFF_EW_MUL, dt, 0, 1, 0, 0);

			put(b, TUFF_EW_SELECT, dt, lt, mul, 0, 0);
		}
		return NULL;
	case TUFF_OP_CLIP:
		return clip(b, n, dt);
	case TUFF_OP_LEAKY_RELU:
		params(b, TUFF_EW_LEAKY, dt, ir_attr_float(n, "alpha", 0.01f), 0);
		return NULL;
	case TUFF_OP_ELU:
		params(b, TUFF_EW_ELU, dt, ir_attr_float(n, "alpha", 1), 0);
		return NULL;
	case TUFF_OP_SELU:
		params(b, TUFF_EW_SELU, dt, ir_attr_float(n, "alpha", 1.67326319217681884765625f),
		       ir_attr_float(n, "gamma", 1.05070102214813232421875f));
		return NULL;
	case TUFF_OP_CELU:
		params(b, TUFF_EW_CELU, dt, ir_attr_float(n, "alpha", 1), 0);
		return NULL;
	case TUFF_OP_HARD_SIGMOID:
		params(b, TUFF_EW_HARDSIGMOID, dt, ir_attr_float(n, "alpha", 0.2f), ir_attr_float(n, "beta", 0.5f));
		return NULL;
	case TUFF_OP_THRESHOLDED_RELU:
		params(b, TUFF_EW_THRESHOLD, dt, ir_attr_float(n, "alpha", 1), 0);
		return NULL;
	case TUFF_OP_GELU:
		params(b, TUFF_EW_GELU, dt, strcmp(ir_attr_str(n, "approximate", "none"), "tanh") ? 0 : 1, 0);
		return NULL;
	case TUFF_OP_ISINF:
		if (!ir_attr_int(n, "detect_negative", 1) || !ir_attr_int(n, "detect_positive", 1))
			return "one sign of infinity only";
		put(b, TUFF_EW_ISINF, dt, 0, 0, 0, 0);
		return NULL;
	}
	return "no kernel for this operator";
}
