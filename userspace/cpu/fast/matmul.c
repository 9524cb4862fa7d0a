// SPDX-License-Identifier: MIT
/*
 * Matrix products: oneDNN's sgemm for float32, in chunks of a batch, rows and
 * columns; each chunk starts from bias and residual and ends in the activation
 * while it is in the cache. Plain loops for the other types.
 */
#include <errno.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "userspace/cpu/fast/ew.h"

#define CHUNKS 4		/* for each worker */
#define MIN_MACS (1 << 20)	/* of a chunk */
#define MIN_READ (1 << 16)	/* elements of a chunk's operands: what binds a matrix times a vector */
#define MIN_COLS 128		/* narrower chunks pack the left side too often */
#define MIN_ROWS 32

struct product {
	const struct cpu_args *a;
	bool ta, tb;
	int64_t M, N, K, batches;
	float alpha, beta;
	int nb;			/* batch dimensions */
	int64_t dims[TUFF_MAX_RANK], sx[TUFF_MAX_RANK], sy[TUFF_MAX_RANK];	/* in matrices */
	const float *c;		/* added before the activation: c[m * cr + n * cc] */
	int64_t cr, cc;
	const float *res;	/* like the output */
	int act;
	float p0, p1;
	int64_t rows, cols, nrows, ncols;	/* of a chunk; chunks of a matrix */
	int64_t each;		/* matrices of a chunk */
	_Atomic int failed;
};

static void begin(const struct product *p, float *o, int64_t at, int64_t m0, int64_t n0, int64_t m, int64_t n)
{
	for (int64_t i = 0; i < m; i++) {
		float *row = o + (m0 + i) * p->N + n0;
		const float *r = p->res ? p->res + at + (m0 + i) * p->N + n0 : NULL;
		const float *c = p->c ? p->c + (m0 + i) * p->cr + n0 * p->cc : NULL;

		if (r && c)
			for (int64_t k = 0; k < n; k++)
				row[k] = r[k] + p->beta * c[k * p->cc];
		else if (c)
			for (int64_t k = 0; k < n; k++)
				row[k] = p->beta * c[k * p->cc];
		else if (r != row)
			memcpy(row, r, n * sizeof(*row));
	}
}

static void block(struct product *p, int64_t b, int64_t m0, int64_t n0)
{
	const struct cpu_args *a = p->a;
	int64_t m = p->M - m0 < p->rows ? p->M - m0 : p->rows, n = p->N - n0 < p->cols ? p->N - n0 : p->cols;
	int64_t ox = 0, oy = 0, r = b, lx = p->ta ? p->M : p->K, ly = p->tb ? p->K : p->N;
	float *o = (float *)a->out[0].data + b * p->M * p->N;
	bool add = p->c || p->res;

	for (int i = p->nb - 1; i >= 0; i--) {
		ox += r % p->dims[i] * p->sx[i];
		oy += r % p->dims[i] * p->sy[i];
		r /= p->dims[i];
	}
	if (add)
		begin(p, o, b * p->M * p->N, m0, n0, m, n);
	if (!p->K) {
		for (int64_t i = 0; i < m && !add; i++)
			memset(o + (m0 + i) * p->N + n0, 0, n * sizeof(*o));
	} else if (dnnl_sgemm(p->ta ? 'T' : 'N', p->tb ? 'T' : 'N', m, n, p->K, p->alpha,
			      (float *)a->in[0].data + ox * p->M * p->K + (p->ta ? m0 : m0 * lx), lx,
			      (float *)a->in[1].data + oy * p->K * p->N + (p->tb ? n0 * ly : n0), ly,
			      add, o + m0 * p->N + n0, p->N) != dnnl_success) {
		p->failed = 1;
	}
	for (int64_t i = 0; p->act >= 0 && i < m; i++) {
		float *row = o + (m0 + i) * p->N + n0;

		ew_float(p->act, p->p0, p->p1, row, row, row, n);
	}
}

static void chunk(void *arg, int64_t i, unsigned int worker)
{
	struct product *p = arg;
	int64_t n = i % p->ncols, m = i / p->ncols % p->nrows, b = i / p->ncols / p->nrows * p->each;

	for (int64_t k = b; k < b + p->each && k < p->batches; k++)
		block(p, k, m * p->rows, n * p->cols);
}

static int64_t ceil_div(int64_t a, int64_t b)
{
	return (a + b - 1) / b;
}

/* pieces of `len`, at least `least` long and a multiple of 16 */
static int64_t piece(int64_t len, int64_t pieces, int64_t least)
{
	int64_t n = ceil_div(len, pieces < 1 ? 1 : pieces);

	n = n < least ? least : ceil_div(n, 16) * 16;
	return n < len ? n : len;
}

static int run(struct product *p)
{
	const struct cpu_args *a = p->a;
	int64_t want = CHUNKS * (int64_t)a->threads, K = p->K ? p->K : 1;
	int64_t most = p->M * p->N * K * p->batches / MIN_MACS, read = (p->M + p->N) * K * p->batches / MIN_READ;
	size_t np;
	const float *ap = tuff_attr_floats(a->p, a->s, "act_p", &np);

	if (!p->M || !p->N || !p->batches)
		return 0;
	p->act = tuff_attr_int(a->p, a->s, "act", -1);
	p->p0 = np > 0 ? ap[0] : 0;
	p->p1 = np > 1 ? ap[1] : 0;
	p->res = cpu_has(a, 3) ? a->in[3].data : NULL;
	most = most > read ? most : read;
	if (want > most)
		want = most;
	if (a->threads < 2 || want < 1)
		want = 1;
	/* as many whole matrices as balance allows, else columns, else rows */
	p->rows = p->M;
	p->cols = p->N;
	p->each = ceil_div(p->batches, want);
	if (p->batches < want) {
		p->cols = piece(p->N, ceil_div(want, p->batches), p->M > 4 ? MIN_COLS : 16);
		p->ncols = ceil_div(p->N, p->cols);
		p->rows = piece(p->M, ceil_div(want, p->batches * p->ncols), MIN_ROWS);
	}
	p->ncols = ceil_div(p->N, p->cols);
	p->nrows = ceil_div(p->M, p->rows);
	cpu_for(a, ceil_div(p->batches, p->each) * p->nrows * p->ncols, chunk, p);
	if (p->failed) {
		snprintf(a->err, a->errlen, "oneDNN refuses a product of %lldx%lldx%lld", (long long)p->M, (long long)p->K, (long long)p->N);
		return -EIO;
	}
	return 0;
}

/* other types: wide accumulation, element by element */
static void plain(struct product *p)
{
	const struct cpu_tensor *x = &p->a->in[0], *y = &p->a->in[1];
	struct cpu_tensor *o = &p->a->out[0];
	const struct cpu_tensor *c = cpu_has(p->a, 2) ? &p->a->in[2] : NULL;
	int64_t M = p->M, N = p->N, K = p->K;

	for (int64_t i = 0; i < p->batches * M * N; i++) {
		int64_t b = i / (M * N), m = i / N % M, n = i % N, ox = 0, oy = 0;
		uint64_t si = 0;
		double sf = 0;

		for (int d = p->nb - 1; d >= 0; d--) {
			ox += b % p->dims[d] * p->sx[d] * M * K;
			oy += b % p->dims[d] * p->sy[d] * K * N;
			b /= p->dims[d];
		}
		for (int64_t k = 0; k < K; k++) {
			int64_t ix = ox + (p->ta ? k * M + m : m * K + k), iy = oy + (p->tb ? n * K + k : k * N + n);

			if (cpu_is_float(o->dtype))
				sf += cpu_get(x, ix) * cpu_get(y, iy);
			else
				si += (uint64_t)cpu_get_int(x, ix) * (uint64_t)cpu_get_int(y, iy);
		}
		if (cpu_is_float(o->dtype))
			cpu_set(o, i, p->alpha * sf + (c && p->beta ? p->beta * cpu_get(c, m * p->cr + n * p->cc) : 0));
		else
			cpu_set_int(o, i, (int64_t)(p->alpha * (int64_t)si) +
				    (c && p->beta ? (int64_t)(p->beta * cpu_get_int(c, m * p->cr + n * p->cc)) : 0));
	}
}

int cpu_matmul(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0], *y = &a->in[1];
	struct product p = { .a = a, .alpha = 1, .beta = 1, .batches = 1 };
	int64_t mx = 1, my = 1;

	p.K = x->dim[x->rank - 1];
	p.M = x->rank > 1 ? x->dim[x->rank - 2] : 1;
	p.N = y->rank > 1 ? y->dim[y->rank - 1] : 1;
	p.nb = (int)(x->rank > y->rank ? x->rank : y->rank) - 2;
	p.nb = p.nb < 0 ? 0 : p.nb;
	for (int i = p.nb - 1; i >= 0; i--) {
		int ix = i - (p.nb - ((int)x->rank - 2)), iy = i - (p.nb - ((int)y->rank - 2));
		int64_t dx = ix >= 0 ? x->dim[ix] : 1, dy = iy >= 0 ? y->dim[iy] : 1;

		p.dims[i] = dx == 1 ? dy : dx;
		p.sx[i] = dx == 1 ? 0 : mx;
		p.sy[i] = dy == 1 ? 0 : my;
		mx *= dx;
		my *= dy;
		p.batches *= p.dims[i];
	}
	/* one right side for all: rows of every batch are rows of one matrix */
	if (y->rank <= 2 && x->rank > 1) {
		p.M *= p.batches;
		p.batches = 1;
		p.nb = 0;
	}
	if (cpu_has(a, 2)) {	/* a bias that fusion found */
		p.c = a->in[2].data;
		p.cc = cpu_numel(&a->in[2]) > 1;
	}
	if (a->out[0].dtype == TUFF_F32)
		return run(&p);
	plain(&p);
	return 0;
}

int cpu_gemm(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0], *c = &a->in[2];
	struct product p = { .a = a, .batches = 1 };

	p.ta = tuff_attr_int(a->p, a->s, "transA", 0);
	p.tb = tuff_attr_int(a->p, a->s, "transB", 0);
	p.alpha = tuff_attr_float(a->p, a->s, "alpha", 1);
	p.beta = tuff_attr_float(a->p, a->s, "beta", 1);
	p.M = a->out[0].dim[0];
	p.N = a->out[0].dim[1];
	p.K = x->dim[!p.ta];
	if (cpu_has(a, 2) && p.beta) {
		p.cc = c->rank && c->dim[c->rank - 1] != 1;
		p.cr = c->rank > 1 && c->dim[0] != 1 ? c->dim[c->rank - 1] : 0;
		p.c = c->data;
	}
	if (a->out[0].dtype == TUFF_F32)
		return run(&p);
	plain(&p);
	return 0;
}
