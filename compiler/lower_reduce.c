// SPDX-License-Identifier: MIT
/*
 * Reductions over a constant set of axes, global pools among them. The stored
 * box is cut into what is kept and what is reduced; a long reduction takes a
 * workgroup for each result, a very long one several and a second pass.
 */
#include <errno.h>
#include <string.h>

#include "compiler/lower_util.h"

#define CHUNK 65536	/* elements of one workgroup when there are several */

enum { PRE_NONE, PRE_ABS, PRE_SQUARE };
enum { R_SUM, R_MAX, R_MIN, R_PROD, R_LSE };
enum { POST_NONE, POST_DIV, POST_SQRT, POST_LOG };

struct red {
	uint32_t pre, op, post;
};

static bool red_of(uint32_t op, struct red *r)
{
	switch (op) {
	case TUFF_OP_REDUCE_SUM: *r = (struct red){ PRE_NONE, R_SUM, POST_NONE }; return true;
	case TUFF_OP_REDUCE_MEAN:
	case TUFF_OP_GLOBAL_AVGPOOL: *r = (struct red){ PRE_NONE, R_SUM, POST_DIV }; return true;
	case TUFF_OP_REDUCE_MAX:
	case TUFF_OP_GLOBAL_MAXPOOL: *r = (struct red){ PRE_NONE, R_MAX, POST_NONE }; return true;
	case TUFF_OP_REDUCE_MIN: *r = (struct red){ PRE_NONE, R_MIN, POST_NONE }; return true;
	case TUFF_OP_REDUCE_PROD: *r = (struct red){ PRE_NONE, R_PROD, POST_NONE }; return true;
	case TUFF_OP_REDUCE_L1: *r = (struct red){ PRE_ABS, R_SUM, POST_NONE }; return true;
	case TUFF_OP_REDUCE_L2: *r = (struct red){ PRE_SQUARE, R_SUM, POST_SQRT }; return true;
	case TUFF_OP_REDUCE_SUMSQ: *r = (struct red){ PRE_SQUARE, R_SUM, POST_NONE }; return true;
	case TUFF_OP_REDUCE_LOGSUM: *r = (struct red){ PRE_NONE, R_SUM, POST_LOG }; return true;
	case TUFF_OP_REDUCE_LOGSUMEXP: *r = (struct red){ PRE_NONE, R_LSE, POST_LOG }; return true;
	}
	return false;
}

static bool is_gpool(const struct ir_node *n)
{
	return n->op == TUFF_OP_GLOBAL_AVGPOOL || n->op == TUFF_OP_GLOBAL_MAXPOOL;
}

/* bit i: axis i is reduced */
static bool mask_of(struct ir_module *m, const struct ir_node *n, uint32_t *mask)
{
	const struct ir_value *x = n->in[0], *axes = n->nin > 1 ? n->in[1] : NULL;

	*mask = 0;
	if (is_gpool(n)) {
		*mask = ((1u << x->rank) - 1) & ~3u;
		return true;
	}
	if (axes && !axes->ival)
		return false;
	for (uint32_t i = 0; axes && i < axes->nival; i++) {
		int64_t v;

		if (!ex_value(m, axes->ival[i], &v) || v < -x->rank || v >= x->rank)
			return false;
		*mask |= 1u << (v < 0 ? v + x->rank : v);
	}
	if (!*mask && !ir_attr_int(n, "noop_with_empty_axes", 0))
		*mask = (1u << x->rank) - 1;
	return true;
}

static const char *reduce_can(struct ir_module *m, const struct ir_node *n)
{
	ir_expr total = ex_const(m, 1);
	struct red r = { 0 };
	uint32_t mask;
	int64_t v;

	if (!mask_of(m, n, &mask))
		return "axes that depend on data";
	red_of(n->op, &r);
	if (!lt_float(n->in[0]) && (r.op == R_LSE || r.post == POST_SQRT || r.post == POST_LOG))
		return "a root or logarithm of integers";
	for (int i = 0; i < n->in[0]->rank; i++)
		if (mask >> i & 1)
			total = ex_mul(m, total, n->in[0]->dim[i]);
	if (r.op == R_LSE && ex_value(m, total, &v) && v > 128 * (LT_LOOP / 2))
		return "a reduction of more than two million elements";
	return lt_types(n);
}

struct plan {
	int nk, nr;
	struct { ir_expr size, si, so; } k[TUFF_MAX_RANK];
	struct { ir_expr size, si; } r[TUFF_MAX_RANK];
	ir_expr lanes;
};

/* The kept dimensions in the order of the output's storage, the reduced in that of the input's. */
static int cut(struct ir_module *m, struct ir_node *n, uint32_t mask, struct plan *p)
{
	struct ir_value *x = n->in[0], *o = n->out[0];
	ir_expr sx[TUFF_MAX_RANK], so[TUFF_MAX_RANK], zero = ex_const(m, 0);
	bool keep = is_gpool(n) || ir_attr_int(n, "keepdims", 1), cl = o->layout == TUFF_CL && o->rank >= 2;
	bool xcl = x->layout == TUFF_CL && x->rank >= 2;
	int from[TUFF_MAX_RANK], at = 0;

	memset(p, 0, sizeof(*p));
	p->lanes = LT_NO_LANES;
	launch_strides(m, x, sx);
	launch_strides(m, o, so);
	for (int i = 0; i < x->rank; i++)	/* from[d]: the input's axis of output axis d */
		if (keep || !(mask >> i & 1))
			from[at++] = i;
	if (at != o->rank)
		return ir_error(m, -EINVAL, n, x, "the output's rank does not fit");
	for (int k = 0; k < o->rank; k++) {
		int d = !cl || !k ? k : k + 1 < o->rank ? k + 1 : 1;
		bool last = cl && k == o->rank - 1, lanes = last && !lt_div4(m, o->dim[1]);
		ir_expr size = lanes ? launch_cp(m, o) : o->dim[d], si = mask >> from[d] & 1 ? zero : sx[from[d]];

		if (lanes)
			p->lanes = o->dim[1];
		if (ex_is(m, size, 1))
			continue;
		if (p->nk && !lanes && p->k[p->nk - 1].si == ex_mul(m, si, size) && p->k[p->nk - 1].so == ex_mul(m, so[d], size)) {
			p->nk--;
			size = ex_mul(m, size, p->k[p->nk].size);
		}
		p->k[p->nk].size = size;
		p->k[p->nk].si = si;
		p->k[p->nk++].so = so[d];
	}
	for (int k = 0; k < x->rank; k++) {
		int d = !xcl || !k ? k : k + 1 < x->rank ? k + 1 : 1;
		ir_expr size = x->dim[d];

		if (!(mask >> d & 1) || ex_is(m, size, 1))
			continue;
		if (p->nr && p->r[p->nr - 1].si == ex_mul(m, sx[d], size)) {
			p->nr--;
			size = ex_mul(m, size, p->r[p->nr].size);
		}
		p->r[p->nr].size = size;
		p->r[p->nr++].si = sx[d];
	}
	if (!p->nk) {
		p->k[0].size = ex_const(m, 1);
		p->k[0].si = p->k[p->nk++].so = zero;
	}
	if (!p->nr) {
		p->r[0].size = ex_const(m, 1);
		p->r[p->nr++].si = zero;
	}
	return 0;
}

/*
 * Four channels at a time. The pad lanes need no care if they are reduced from
 * zeros to zero.
 */
static bool fours(struct ir_module *m, const struct ir_node *n, const struct red *r, struct plan *p)
{
	struct ir_value *x = n->in[0];
	bool lanes = p->lanes != LT_NO_LANES;
	ir_expr size = p->k[p->nk - 1].size;

	if (lanes && (r->op == R_LSE || r->op == R_PROD || r->post == POST_LOG || x->layout != TUFF_CL))
		return false;
	if (!ex_is(m, p->k[p->nk - 1].si, 1) || !ex_is(m, p->k[p->nk - 1].so, 1) || !lt_div4(m, size))
		return false;
	for (int k = 0; k < p->nk - 1; k++)
		if (!lt_div4(m, p->k[k].si) || !lt_div4(m, p->k[k].so))
			return false;
	for (int k = 0; k < p->nr; k++)
		if (!lt_div4(m, p->r[k].si))
			return false;
	for (int k = 0; k < p->nk; k++) {
		p->k[k].si = k < p->nk - 1 ? lt_div(m, p->k[k].si) : p->k[k].si;
		p->k[k].so = k < p->nk - 1 ? lt_div(m, p->k[k].so) : p->k[k].so;
	}
	p->k[p->nk - 1].size = lt_div(m, size);
	for (int k = 0; k < p->nr; k++)
		p->r[k].si = lt_div(m, p->r[k].si);
	p->lanes = LT_NO_LANES;
	return true;
}

static int dispatch(struct launch *l, struct ir_node *n, const struct plan *p, const struct red *r, uint32_t type, bool v4, bool tree,
		    uint32_t local, ir_expr chunk, ir_expr nchunks, ir_expr divisor, uint32_t in, uint32_t out)
{
	struct ir_module *m = launch_module(l);
	ir_expr d[48], zero = ex_const(m, 0), kept = ex_const(m, 1), red = ex_const(m, 1), grid[3];
	uint32_t id[9], bind[] = { in, out };
	uint32_t spec[9] = { local, p->nk, p->nr, tree, type, r->pre, r->op, r->post, p->lanes != LT_NO_LANES };

	for (int i = 0; i < 9; i++)
		id[i] = i;
	for (int i = 0; i < 48; i++)
		d[i] = zero;
	for (int i = 0; i < p->nk; i++) {
		kept = ex_mul(m, kept, p->k[i].size);
		d[8 + 3 * i] = p->k[i].size;
		d[9 + 3 * i] = p->k[i].si;
		d[10 + 3 * i] = p->k[i].so;
	}
	for (int i = 0; i < p->nr; i++) {
		red = ex_mul(m, red, p->r[i].size);
		d[32 + 2 * i] = p->r[i].size;
		d[33 + 2 * i] = p->r[i].si;
	}
	d[0] = kept;
	d[1] = red;
	d[2] = chunk == TUFF_NONE ? red : chunk;
	d[4] = p->lanes != LT_NO_LANES ? p->lanes : zero;
	d[5] = divisor;
	launch_grid1(l, kept, tree ? 1 : local, grid);
	grid[2] = nchunks;
	return launch_dispatch(l, n, launch_kernel(l, v4 ? "reduce4" : "reduce", 2, 2, id, spec, 9), bind, 2, d, 48, grid);
}

static int reduce_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *o = n->out[0];
	ir_expr total = ex_const(m, 1), one = ex_const(m, 1), nchunks, part;
	uint32_t type = x->storage == TUFF_I32 ? 1 : x->storage == TUFF_U32 ? 2 : 0, mask, tmp;
	struct red r = { 0 }, first, second;
	struct plan p, q;
	bool v4, known, tree;
	int64_t count = 0;
	int ret;

	if (!red_of(n->op, &r) || !mask_of(m, n, &mask))
		return ir_error(m, -EINVAL, n, x, "axes are not constant");
	ret = cut(m, n, mask, &p);
	if (ret)
		return ret;
	for (int i = 0; i < p.nr; i++)
		total = ex_mul(m, total, p.r[i].size);
	known = ex_value(m, total, &count);
	v4 = fours(m, n, &r, &p);
	/* short, or results that lie side by side: an invocation each */
	tree = !known || count > (ex_is(m, p.k[p.nk - 1].si, 1) ? 512 : 32);
	if ((known && count <= 4 * CHUNK) || r.op == R_LSE)
		return dispatch(l, n, &p, &r, type, v4, tree, tree ? (known && count < 1024 ? 32 : 128) : 64, TUFF_NONE, one, total,
				launch_tensor(l, x), launch_tensor(l, o));
	/* partial results, dense, chunks of one result side by side; then those */
	nchunks = ex_op(m, TUFF_E_MIN, ex_op(m, TUFF_E_MAX, ex_cdiv(m, total, CHUNK), one), ex_const(m, 4096));
	part = ex_op(m, TUFF_E_CDIV, total, nchunks);
	first = (struct red){ r.pre, r.op, POST_NONE };
	second = (struct red){ PRE_NONE, r.op, r.post };
	q = p;
	q.nr = 1;
	q.r[0].size = nchunks;
	q.r[0].si = one;
	p.lanes = LT_NO_LANES;
	for (int i = p.nk - 1; i >= 0; i--) {
		p.k[i].so = q.k[i].si = i == p.nk - 1 ? nchunks : ex_mul(m, p.k[i + 1].so, p.k[i + 1].size);
	}
	total = ex_mul(m, total, one);
	{
		ir_expr bytes = ex_mul(m, nchunks, ex_const(m, v4 ? 16 : 4));

		for (int i = 0; i < p.nk; i++)
			bytes = ex_mul(m, bytes, p.k[i].size);
		tmp = launch_scratch(l, bytes);
	}
	ret = dispatch(l, n, &p, &first, type, v4, true, 128, part, nchunks, one, launch_tensor(l, x), tmp);
	return ret ? ret : dispatch(l, n, &q, &second, type, v4, false, 64, TUFF_NONE, one, total, tmp, launch_tensor(l, o));
}
const struct lower_ops lower_reduce = { reduce_can, reduce_emit };
const struct lower_ops lower_gpool = { reduce_can, reduce_emit };
