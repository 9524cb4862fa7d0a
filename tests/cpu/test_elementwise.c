// SPDX-License-Identifier: MIT
/* Vector functions and bodies against the plain operators. */
#include "tests/cpu/op.h"
#include "userspace/cpu/ref/ref.h"

/* every unary operator over its range, fast against plain */
TEST(unary_as_reference)
{
	static const struct { uint32_t op; float lo, hi; } ops[] = {
		{ TUFF_OP_NEG, -9, 9 }, { TUFF_OP_ABS, -9, 9 }, { TUFF_OP_SIGN, -9, 9 }, { TUFF_OP_EXP, -110, 88.7f },
		{ TUFF_OP_LOG, 1e-6f, 1e6f }, { TUFF_OP_SQRT, 0, 1e6f }, { TUFF_OP_RECIPROCAL, 0.1f, 1e6f }, { TUFF_OP_SIN, -30, 30 },
		{ TUFF_OP_COS, -30, 30 }, { TUFF_OP_TAN, -1.5f, 1.5f }, { TUFF_OP_ASIN, -1, 1 }, { TUFF_OP_ACOS, -1, 1 },
		{ TUFF_OP_ATAN, -50, 50 }, { TUFF_OP_SINH, -9, 9 }, { TUFF_OP_COSH, -9, 9 }, { TUFF_OP_TANH, -12, 12 },
		{ TUFF_OP_ASINH, -50, 50 }, { TUFF_OP_ACOSH, 1, 50 }, { TUFF_OP_ATANH, -0.99f, 0.99f }, { TUFF_OP_ERF, -6, 6 },
		{ TUFF_OP_FLOOR, -9, 9 }, { TUFF_OP_CEIL, -9, 9 }, { TUFF_OP_ROUND, -9, 9 }, { TUFF_OP_RELU, -9, 9 },
		{ TUFF_OP_SIGMOID, -100, 100 }, { TUFF_OP_SOFTPLUS, -60, 60 }, { TUFF_OP_SOFTSIGN, -60, 60 }, { TUFF_OP_LEAKY_RELU, -9, 9 },
		{ TUFF_OP_ELU, -20, 20 }, { TUFF_OP_SELU, -20, 20 }, { TUFF_OP_CELU, -20, 20 }, { TUFF_OP_CLIP, -9, 9 },
		{ TUFF_OP_HARD_SIGMOID, -9, 9 }, { TUFF_OP_HARD_SWISH, -9, 9 }, { TUFF_OP_THRESHOLDED_RELU, -9, 9 },
		{ TUFF_OP_GELU, -9, 9 }, { TUFF_OP_MISH, -30, 30 }, { TUFF_OP_SWISH, -60, 60 },
	};
	int64_t n = 5003;
	struct cpu_pool *pool = cpu_pool_get(0);

	for (size_t k = 0; k < sizeof(ops) / sizeof(ops[0]); k++) {
		struct op o;
		float *x, *y, *want = malloc(n * 4);

		op_init(&o, ops[k].op);
		x = op_tensor(&o, TUFF_F32, TUFF_PLAIN, 1, &n)->data;
		y = op_tensor(&o, TUFF_F32, TUFF_PLAIN, 1, &n)->data;
		for (int64_t i = 0; i < n; i++)
			x[i] = ops[k].lo + (ops[k].hi - ops[k].lo) * i / (n - 1);
		x[7] = NAN;
		CHECK_EQ(op_run(&o, cpu_unary_ref, NULL, 1), 0);
		memcpy(want, y, n * 4);
		CHECK_EQ(op_run(&o, cpu_unary, pool, 2), 0);
		for (int64_t i = 0; i < n; i++)
			if (!op_close(y[i], want[i], 2e-6)) {
				printf("  operator %u of %.9g: %.9g, not %.9g\n", ops[k].op, x[i], y[i], want[i]);
				CHECK(false);
			}
		free(want);
		op_free(&o);
	}
	cpu_pool_put(pool);
}

TEST(exp_at_its_ends)
{
	static const float in[] = { INFINITY, -INFINITY, 88.72f, 88.73f, 89, 1000, -87.3f, -100, -103.9f, -104, -1000, 0, 1, -1 };
	int64_t n = sizeof(in) / sizeof(in[0]);
	struct op o;

	op_init(&o, TUFF_OP_EXP);
	memcpy(op_tensor(&o, TUFF_F32, TUFF_PLAIN, 1, &n)->data, in, sizeof(in));
	op_tensor(&o, TUFF_F32, TUFF_PLAIN, 1, &n);
	CHECK_EQ(op_run(&o, cpu_unary, NULL, 1), 0);
	for (int64_t i = 0; i < n; i++)
		CHECK(op_close(((float *)o.t[1].data)[i], expf(in[i]), 1e-6));
	op_free(&o);
}

/* broadcasting in every combination of layouts */
TEST(binary_broadcast_as_reference)
{
	static const int64_t shapes[][4] = { { 2, 5, 7, 11 }, { 1, 5, 1, 1 }, { 2, 1, 7, 11 }, { 1, 1, 1, 11 }, { 2, 5, 1, 1 }, { 1, 1, 1, 1 } };
	static const uint32_t ops[] = { TUFF_OP_ADD, TUFF_OP_SUB, TUFF_OP_MUL, TUFF_OP_DIV, TUFF_OP_MIN, TUFF_OP_MAX, TUFF_OP_PRELU };
	struct cpu_pool *pool = cpu_pool_get(0);

	for (size_t k = 0; k < sizeof(ops) / sizeof(ops[0]); k++)
		for (int s = 0; s < 6; s++)
			for (int l = 0; l < 8; l++) {
				bool prelu = ops[k] == TUFF_OP_PRELU;
				int64_t n = 2 * 5 * 7 * 11;
				float *want = malloc(n * 4);
				struct op o;

				op_init(&o, ops[k]);
				op_tensor(&o, TUFF_F32, l & 1, 4, shapes[0]);
				op_tensor(&o, TUFF_F32, l >> 1 & 1, 4, shapes[s]);
				op_tensor(&o, TUFF_F32, l >> 2 & 1, 4, shapes[0]);
				CHECK_EQ(op_run(&o, prelu ? cpu_prelu_ref : cpu_binary_ref, NULL, 1), 0);
				memcpy(want, o.t[2].data, n * 4);
				CHECK_EQ(op_run(&o, prelu ? cpu_prelu : cpu_binary, pool, 2), 0);
				for (int64_t i = 0; i < n; i++)
					CHECK(op_close(((float *)o.t[2].data)[i], want[i], 1e-6));
				free(want);
				op_free(&o);
			}
	cpu_pool_put(pool);
}

TEST(cast_as_reference)
{
	static const uint32_t to[] = { TUFF_I64, TUFF_I32, TUFF_I16, TUFF_I8, TUFF_U8, TUFF_U16, TUFF_U32, TUFF_BOOL, TUFF_F16 };
	int64_t n = 1029;

	for (size_t k = 0; k < sizeof(to) / sizeof(to[0]); k++) {
		uint32_t stored = to[k] == TUFF_F16 ? TUFF_F32 : to[k];
		size_t size = n * tuff_dtype_size(stored);
		void *want = malloc(size);
		struct op o;

		op_init(&o, TUFF_OP_CAST);
		op_tensor(&o, TUFF_F32, TUFF_PLAIN, 1, &n);
		for (int64_t i = 0; i < n; i++)	/* what fits: beyond it C and ONNX say nothing */
			((float *)o.t[0].data)[i] = to[k] == TUFF_BOOL || to[k] == TUFF_F16 ? i - 500.25f : i % 100 + 0.75f;
		op_tensor(&o, stored, TUFF_PLAIN, 1, &n)->logical = to[k];
		CHECK_EQ(op_run(&o, cpu_cast_ref, NULL, 1), 0);
		memcpy(want, o.t[1].data, size);
		CHECK_EQ(op_run(&o, cpu_cast, NULL, 1), 0);
		CHECK(!memcmp(want, o.t[1].data, size));
		free(want);
		op_free(&o);
	}
}

static int64_t bits(float f)
{
	uint32_t u;

	memcpy(&u, &f, 4);
	return u;
}

/* where(x > y, gelu(x) * 0.5, float(int(y) + 3)) over broadcasts, float and integers mixed */
TEST(fused_body)
{
	static const int64_t big[] = { 3, 33, 41 }, small[] = { 33, 1 };
	struct tuff_ew_insn body[] = {
		{ TUFF_EW_GT, TUFF_BOOL, 0, 1, 0, 0 },		/* r2 */
		{ TUFF_EW_GELU, TUFF_F32, 0, 0, 0, 0 },		/* r3 */
		{ TUFF_EW_CONST, TUFF_F32, 0, 0, 0, bits(0.5f) },	/* r4 */
		{ TUFF_EW_MUL, TUFF_F32, 3, 4, 0, 0 },		/* r5 */
		{ TUFF_EW_CAST, TUFF_I32, 1, 0, 0, 0 },		/* r6 */
		{ TUFF_EW_CONST, TUFF_I32, 0, 0, 0, 3 },	/* r7 */
		{ TUFF_EW_ADD, TUFF_I32, 6, 7, 0, 0 },		/* r8 */
		{ TUFF_EW_CAST, TUFF_F32, 8, 0, 0, 0 },		/* r9 */
		{ TUFF_EW_SELECT, TUFF_F32, 2, 5, 9, 0 },	/* r10 */
	};
	struct cpu_pool *pool = cpu_pool_get(0);
	struct op o;
	float *x, *y, *z;

	op_init(&o, TUFF_OP_FUSED);
	op_ints(&o, "body", (int64_t *)body, sizeof(body) / 8);
	x = op_tensor(&o, TUFF_F32, TUFF_PLAIN, 3, big)->data;
	y = op_tensor(&o, TUFF_F32, TUFF_PLAIN, 2, small)->data;
	z = op_tensor(&o, TUFF_F32, TUFF_PLAIN, 3, big)->data;
	for (int i = 0; i < 33; i++)
		y[i] *= 4;
	CHECK_EQ(op_run(&o, NULL, pool, 2), 0);
	for (int i = 0; i < 3 * 33 * 41; i++) {
		float b = y[i / 41 % 33], want = x[i] > b ? 0.25f * x[i] * (1 + erff(x[i] * 0.70710678f)) : (float)((int)b + 3);

		CHECK(op_close(z[i], want, 2e-6));
	}
	op_free(&o);
	cpu_pool_put(pool);
}

TEST(fused_body_refused)
{
	struct tuff_ew_insn body[] = { { TUFF_EW_ADD, TUFF_F32, 0, 5, 0, 0 } };
	int64_t n = 4;
	struct op o;

	op_init(&o, TUFF_OP_FUSED);
	op_ints(&o, "body", (int64_t *)body, 6);
	op_tensor(&o, TUFF_F32, TUFF_PLAIN, 1, &n);
	op_tensor(&o, TUFF_F32, TUFF_PLAIN, 1, &n);
	CHECK_EQ(op_run(&o, NULL, NULL, 1), -22);
	CHECK(o.err[0]);
	op_free(&o);
}
