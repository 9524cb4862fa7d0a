// SPDX-License-Identifier: MIT
/* MatMul and Gemm against plain loops. */
#include "tests/kernels/kern.h"

struct product {
	const char *what;
	int ra, rb;
	int64_t a[5], b[5];
	int const_b, gemm, ta, tb;
	float alpha, beta;
	int bias;	/* 1 constant by column, 2 constant of the whole, 3 an input by row, 4 a scalar */
	int residual, relu;
};

static const struct product cases[] = {
	{ "by a constant", 2, 2, { 70, 32 }, { 32, 48 }, 1 },
	{ "by a constant, bias, residual, activation", 3, 2, { 3, 35, 64 }, { 64, 40 }, 1, .bias = 1, .residual = 1, .relu = 1 },
	{ "one row by a constant", 2, 2, { 1, 256 }, { 256, 100 }, 1, .bias = 1 },
	{ "by a constant, odd", 2, 2, { 19, 33 }, { 33, 21 }, 1, .bias = 1, .relu = 1 },
	{ "one row by an odd constant", 2, 2, { 1, 37 }, { 37, 11 }, 1, .bias = 1 },
	{ "vector by a constant", 1, 2, { 24 }, { 24, 12 }, 1 },
	{ "by a vector", 3, 1, { 2, 5, 9 }, { 9 }, 0 },
	{ "two vectors", 1, 1, { 33 }, { 33 }, 0 },
	{ "two activations", 2, 2, { 21, 17 }, { 17, 30 }, 0 },
	{ "batches", 4, 4, { 2, 3, 9, 10 }, { 2, 3, 10, 11 }, 0 },
	{ "broadcast batches", 4, 3, { 2, 3, 9, 8 }, { 3, 8, 7 }, 0 },
	{ "broadcast both ways", 4, 4, { 2, 1, 6, 5 }, { 1, 3, 5, 4 }, 0 },
	{ "five dimensions by a batched constant", 5, 3, { 2, 1, 3, 4, 6 }, { 3, 6, 5 }, 1 },
	{ "matrix by batches", 2, 3, { 5, 6 }, { 4, 6, 7 }, 0 },
	{ "a long sum", 2, 2, { 2, 40001 }, { 40001, 5 }, 1, .bias = 1, .relu = 1 },
	{ "a long sum of vec4", 2, 2, { 2, 80000 }, { 80000, 8 }, 1, .bias = 1, .relu = 1 },
	{ "a long sum of activations", 2, 2, { 3, 40000 }, { 40000, 4 }, 0 },
	{ "Gemm, B transposed", 2, 2, { 70, 32 }, { 48, 32 }, 1, 1, 0, 1, 1, 1, 1 },
	{ "Gemm, factors", 2, 2, { 9, 16 }, { 20, 16 }, 1, 1, 0, 1, 0.5f, 2, 1 },
	{ "Gemm, A transposed", 2, 2, { 16, 10 }, { 16, 12 }, 1, 1, 1, 0, 1, 1, 1 },
	{ "Gemm, both", 2, 2, { 15, 10 }, { 13, 15 }, 0, 1, 1, 1, 0.25f, 0.5f, 2 },
	{ "Gemm, bias of the whole", 2, 2, { 7, 12 }, { 12, 8 }, 1, 1, 0, 0, 1, 1, 2 },
	{ "Gemm, bias by row", 2, 2, { 7, 12 }, { 12, 9 }, 0, 1, 0, 0, 2, 3, 3 },
	{ "Gemm, bias by row, constant B", 2, 2, { 7, 12 }, { 12, 8 }, 1, 1, 0, 0, 2, 3, 3 },
	{ "Gemm, bias for all", 2, 2, { 1, 12 }, { 12, 8 }, 1, 1, 0, 0, 1, 2, 4 },
};

static int one(const struct product *c, enum test_device dev, int cls)
{
	struct kern_model m = { 0 };
	int64_t K = c->gemm ? c->a[!c->ta] : c->a[c->ra - 1], M = c->gemm ? c->a[c->ta] : c->ra > 1 ? c->a[c->ra - 2] : 1;
	int64_t N = c->gemm ? c->b[!c->tb] : c->rb > 1 ? c->b[c->rb - 1] : 1, od[5], n = 1, at = 0, batches = 1;
	int nb = (c->ra > c->rb ? c->ra : c->rb) - 2, ro = 0, bad = 0;
	float *a, *b, *bias = NULL, *res = NULL, *want;
	const char *last = "y";
	Onnx__NodeProto *node;

	for (int i = 0; i < nb; i++) {
		int ia = i - nb + c->ra - 2, ib = i - nb + c->rb - 2;
		int64_t da = ia >= 0 ? c->a[ia] : 1, db = ib >= 0 ? c->b[ib] : 1;

		od[ro++] = da > db ? da : db;
		batches *= da > db ? da : db;
	}
	if (c->ra > 1)
		od[ro++] = M;
	if (c->rb > 1)
		od[ro++] = N;
	for (int i = 0; i < ro; i++)
		n *= od[i];
	a = kern_input(&m, "a", 0, c->ra, c->a);
	b = kern_input(&m, "b", c->const_b, c->rb, c->b);
	if (c->bias) {
		int64_t whole[2] = { M, N }, row[2] = { M, 1 };

		bias = c->bias == 1 ? kern_input(&m, "c", 1, 1, &N) : c->bias == 2 ? kern_input(&m, "c", 1, 2, whole)
			: c->bias == 3 ? kern_input(&m, "c", 0, 2, row) : kern_input(&m, "c", 1, 0, NULL);
	}
	if (c->residual)
		res = kern_input(&m, "r", 0, ro, od);
	node = kern_node(&m, c->gemm ? "Gemm" : "MatMul", last, "a", "b", c->gemm && bias ? "c" : NULL);
	if (c->gemm) {
		kern_int(node, "transA", c->ta);
		kern_int(node, "transB", c->tb);
		kern_float(node, "alpha", c->alpha);
		kern_float(node, "beta", c->beta);
	} else if (bias) {
		kern_node(&m, "Add", "y2", last, "c", NULL);
		last = "y2";
	}
	if (res) {
		kern_node(&m, "Add", "y3", last, "r", NULL);
		last = "y3";
	}
	if (c->relu)
		kern_node(&m, "Relu", "y4", last, NULL, NULL);
	want = malloc(4 * n);
	for (int64_t q = 0; q < batches; q++) {
		int64_t oa = 0, ob = 0, ma = 1, mb = 1, left = q;

		for (int i = nb - 1; i >= 0; i--) {
			int ia = i - nb + c->ra - 2, ib = i - nb + c->rb - 2;
			int64_t k = left % od[i];

			left /= od[i];
			if (ia >= 0) {
				oa += (c->a[ia] == 1 ? 0 : k) * ma;
				ma *= c->a[ia];
			}
			if (ib >= 0) {
				ob += (c->b[ib] == 1 ? 0 : k) * mb;
				mb *= c->b[ib];
			}
		}
		for (int64_t i = 0; i < M; i++)
			for (int64_t j = 0; j < N; j++, at++) {
				double s = 0;

				for (int64_t k = 0; k < K; k++)
					s += (double)a[oa * M * K + (c->ta ? k * M + i : i * K + k)] * b[ob * K * N + (c->tb ? j * K + k : k * N + j)];
				if (c->gemm)
					s *= c->alpha;
				if (bias)
					s += (c->gemm ? c->beta : 1) * bias[c->bias == 1 ? j : c->bias == 2 ? i * N + j : c->bias == 3 ? i : 0];
				if (res)
					s += res[at];
				want[at] = c->relu && s < 0 ? 0 : s;
			}
	}
	bad = kern_run(&m, c->what, kern_class[cls], dev, want, n, K > 1000 ? 1e-4 : 1e-5);
	free(want);
	kern_free(&m);
	return bad;
}

static int all(const char *arg, enum test_device dev)
{
	int bad = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int k = 0; k < KERN_CLASSES; k++)	/* SwiftShader takes its time over large tiles */
			if (dev != DEV_SWIFTSHADER || k == 1 || (k == 2 && i < 2))
				bad |= one(&cases[i], dev, k);
	return bad;
}

/* weights of more than 128 MiB are two buffers */
static int large(const char *arg, enum test_device dev)
{
	static const struct product c = { "132 MiB of weights", 2, 2, { 2, 1024 }, { 1024, 33792 }, 1 },
		odd = { "132 MiB of weights, odd", 2, 2, { 1, 1024 }, { 1024, 33793 }, 1, .bias = 1 };

	return one(&c, dev, 0) | one(&odd, dev, 0);
}

TEST_DEVICE(product_lavapipe, all, "", DEV_LAVAPIPE)
TEST_DEVICE(product_swiftshader, all, "", DEV_SWIFTSHADER)
TEST_DEVICE(product_large_lavapipe, large, "", DEV_LAVAPIPE)
