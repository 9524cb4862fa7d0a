// SPDX-License-Identifier: MIT
/* Matrix products: oneDNN's sgemm for float32, plain loops for the rest. */
#include <errno.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <string.h>

#include "userspace/cpu/cpu.h"

static int sgemm(const struct cpu_args *a, bool ta, bool tb, int64_t M, int64_t N, int64_t K,
		 float alpha, const float *x, const float *y, float beta, float *o)
{
	if (!M || !N)
		return 0;
	if (!K) {
		memset(o, 0, M * N * sizeof(*o));
		return 0;
	}
	if (dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', M, N, K, alpha, x, ta ? M : K, y, tb ? K : N, beta, o, N) != dnnl_success) {
		snprintf(a->err, a->errlen, "oneDNN refuses a product of %lldx%lldx%lld", (long long)M, (long long)K, (long long)N);
		return -EIO;
	}
	return 0;
}

static void plain(const struct cpu_tensor *x, int64_t ox, const struct cpu_tensor *y, int64_t oy,
		  struct cpu_tensor *o, int64_t oo, int64_t M, int64_t N, int64_t K)
{
	for (int64_t m = 0; m < M; m++)
		for (int64_t n = 0; n < N; n++) {
			uint64_t si = 0;
			double sf = 0;

			for (int64_t k = 0; k < K; k++) {
				if (cpu_is_float(o->dtype))
					sf += cpu_get(x, ox + m * K + k) * cpu_get(y, oy + k * N + n);
				else
					si += (uint64_t)cpu_get_int(x, ox + m * K + k) * (uint64_t)cpu_get_int(y, oy + k * N + n);
			}
			if (cpu_is_float(o->dtype))
				cpu_set(o, oo + m * N + n, sf);
			else
				cpu_set_int(o, oo + m * N + n, si);
		}
}

int cpu_matmul(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0], *y = &a->in[1];
	struct cpu_tensor *o = &a->out[0];
	int64_t K = x->dim[x->rank - 1], M = x->rank > 1 ? x->dim[x->rank - 2] : 1, N = y->rank > 1 ? y->dim[y->rank - 1] : 1;
	int nb = (int)(x->rank > y->rank ? x->rank : y->rank) - 2, ret = 0;
	int64_t batches = 1, dims[TUFF_MAX_RANK];

	for (int i = 0; i < nb; i++) {
		int ix = i - (nb - ((int)x->rank - 2)), iy = i - (nb - ((int)y->rank - 2));
		int64_t dx = ix >= 0 ? x->dim[ix] : 1, dy = iy >= 0 ? y->dim[iy] : 1;

		dims[i] = dx == 1 ? dy : dx;
		batches *= dims[i];
	}
	/* one right side for all: rows of every batch are rows of one matrix */
	if (y->rank <= 2 && x->rank > 1) {
		M *= batches;
		batches = 1;
		nb = 0;
	}
	for (int64_t b = 0; b < batches && !ret; b++) {
		int64_t ox = 0, oy = 0, mx = 1, my = 1, r = b;

		for (int i = nb - 1; i >= 0; i--) {
			int ix = i - (nb - ((int)x->rank - 2)), iy = i - (nb - ((int)y->rank - 2));
			int64_t k = r % dims[i];

			r /= dims[i];
			if (ix >= 0) {
				ox += (x->dim[ix] == 1 ? 0 : k) * mx;
				mx *= x->dim[ix];
			}
			if (iy >= 0) {
				oy += (y->dim[iy] == 1 ? 0 : k) * my;
				my *= y->dim[iy];
			}
		}
		if (o->dtype == TUFF_F32)
			ret = sgemm(a, false, false, M, N, K, 1, (float *)x->data + ox * M * K, (float *)y->data + oy * K * N, 0,
				    (float *)o->data + b * M * N);
		else
			plain(x, ox * M * K, y, oy * K * N, o, b * M * N, M, N, K);
	}
	if (!ret)
		cpu_epilogue(a, true);
	return ret;
}

int cpu_gemm(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0], *y = &a->in[1], *c = &a->in[2];
	struct cpu_tensor *o = &a->out[0];
	bool ta = tuff_attr_int(a->p, a->s, "transA", 0), tb = tuff_attr_int(a->p, a->s, "transB", 0);
	float alpha = tuff_attr_float(a->p, a->s, "alpha", 1), beta = tuff_attr_float(a->p, a->s, "beta", 1);
	int64_t M = o->dim[0], N = o->dim[1], K = x->dim[!ta];
	bool bias = cpu_has(a, 2) && beta;
	int64_t sr = 0, sc = 0;

	if (bias) {
		sc = c->rank && c->dim[c->rank - 1] != 1;
		sr = c->rank > 1 && c->dim[0] != 1 ? c->dim[c->rank - 1] : 0;
	}
	if (o->dtype == TUFF_F32) {
		float *out = o->data;

		for (int64_t m = 0; bias && m < M; m++)
			for (int64_t n = 0; n < N; n++)
				out[m * N + n] = beta * ((float *)c->data)[m * sr + n * sc];
		int ret = sgemm(a, ta, tb, M, N, K, alpha, x->data, y->data, bias ? 1 : 0, out);

		if (!ret)
			cpu_epilogue(a, false);
		return ret;
	}
	for (int64_t m = 0; m < M; m++)
		for (int64_t n = 0; n < N; n++) {
			double s = 0;

			for (int64_t k = 0; k < K; k++)
				s += cpu_get(x, ta ? k * M + m : m * K + k) * cpu_get(y, tb ? n * K + k : k * N + n);
			cpu_set(o, m * N + n, alpha * s + (bias ? beta * cpu_get(c, m * sr + n * sc) : 0));
		}
	cpu_epilogue(a, false);
	return 0;
}
