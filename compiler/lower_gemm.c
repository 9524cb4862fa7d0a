// SPDX-License-Identifier: MIT
/*
 * Matrix products. By a constant whose sides are whole vec4s: the kernel of
 * convolutions, rows for pixels. All others: gemm.glsl, by strides.
 */
#include <errno.h>
#include <string.h>

#include "compiler/lower_conv.h"

enum gemm_word {
	GW_M, GW_N, GW_K0, GW_K1, GW_AM, GW_AK, GW_BK, GW_BN,	/* sizes, strides */
	GW_TN, GW_TM,		/* tiles across, down */
	GW_FLAGS, GW_ALPHA, GW_BETA, GW_P0, GW_P1,
	GW_BIAS,		/* packed: vec4 index of the bias */
	GW_TILE0,		/* packed: first tile */
	GW_BATCH,		/* products */
	GW_NB,			/* batch dimensions, each: size, stride in A, in B */
	GW_KP,			/* packed: K rounded up */
	GW_BATCHES,
	GW_RM = GW_BATCHES + 18, GW_RN, GW_RB,	/* strides of what is added */
	GW_COUNT,
};

struct product {
	struct ir_value *a, *b, *add;	/* add: bias or residual by strides */
	ir_expr rows, cols, k;		/* of one product */
	ir_expr am, ak, bk, bn;
	int nb;
	ir_expr size[6], sa[6], sb[6], batches;
	bool constant;			/* b is a rank-2 constant */
	bool trans_b;
	float alpha, beta;
	uint32_t bias_weight;		/* constant by column */
	ir_expr rm, rn, rb;
	int act;
	float p[2];
};

static bool is_float(uint32_t dtype)
{
	return dtype == TUFF_F32 || dtype == TUFF_F16 || dtype == TUFF_BF16;
}

/* one element for each column, or one for all, by its constant shape */
static bool by_column(struct ir_module *m, const struct ir_value *v, ir_expr cols)
{
	int64_t n = 1, c;

	if (v->weight == TUFF_NONE || !ex_value(m, cols, &c))
		return false;
	for (int i = 0; i < v->rank; i++) {
		int64_t d;

		if (!ex_value(m, v->dim[i], &d) || (i < v->rank - 1 && d != 1))
			return false;
		n *= d;
	}
	return n == 1 || n == c;
}

/* stride of dimension i of an operand of rank r broadcast to one of size `to` */
static ir_expr broadcast(struct ir_module *m, ir_expr dim, ir_expr to, ir_expr stride)
{
	if (dim == to)
		return stride;
	if (ex_is(m, dim, 1))
		return ex_const(m, 0);
	return ex_select(m, ex_op(m, TUFF_E_EQ, dim, ex_const(m, 1)), ex_const(m, 0), stride);
}

static const char *added(struct ir_module *m, const struct ir_node *n, struct product *g)
{
	struct ir_value *bias = n->nin > 2 ? n->in[2] : NULL, *res = n->nin > 3 ? n->in[3] : NULL, *o = n->out[0];
	ir_expr zero = ex_const(m, 0);

	g->bias_weight = TUFF_NONE;
	if (bias && g->beta == 0)
		bias = NULL;
	if (bias && g->constant && by_column(m, bias, g->cols) && is_float(bias->dtype)) {
		g->bias_weight = bias->weight;
		bias = NULL;
	}
	if (bias && res)
		return "a bias that is not a constant by column, and a residual";
	g->add = bias ? bias : res;
	g->rm = g->rn = g->rb = zero;
	if (!g->add)
		return NULL;
	if (res) {
		g->beta = 1;
		g->rn = ex_const(m, 1);
		g->rm = g->cols;
		g->rb = ex_mul(m, g->rows, g->cols);
		return NULL;
	}
	if (bias->rank > 2)
		return "a bias of more than two dimensions";
	if (bias->rank > 0)
		g->rn = broadcast(m, bias->dim[bias->rank - 1], o->dim[o->rank - 1], ex_const(m, 1));
	if (bias->rank > 1)
		g->rm = broadcast(m, bias->dim[0], o->dim[o->rank - 2], bias->dim[1]);
	return NULL;
}

static const char *read_gemm(struct ir_module *m, const struct ir_node *n, struct product *g)
{
	bool ta = ir_attr_int(n, "transA", 0);

	g->trans_b = ir_attr_int(n, "transB", 0);
	g->alpha = ir_attr_float(n, "alpha", 1);
	g->beta = ir_attr_float(n, "beta", 1);
	g->rows = n->out[0]->dim[0];
	g->cols = n->out[0]->dim[1];
	g->k = g->a->dim[!ta];
	g->am = ta ? ex_const(m, 1) : g->k;
	g->ak = ta ? g->rows : ex_const(m, 1);
	g->bk = g->trans_b ? ex_const(m, 1) : g->cols;
	g->bn = g->trans_b ? g->k : ex_const(m, 1);
	g->constant = g->b->weight != TUFF_NONE;
	g->batches = ex_const(m, 1);
	return NULL;
}

static const char *read_matmul(struct ir_module *m, const struct ir_node *n, struct product *g)
{
	const struct ir_value *a = g->a, *b = g->b;
	int ra = a->rank, rb = b->rank, nb = (ra > rb ? ra : rb) - 2;
	ir_expr one = ex_const(m, 1), sa, sb;

	if (ra < 1 || rb < 1)
		return "an operand is a scalar";
	g->alpha = g->beta = 1;
	g->k = a->dim[ra - 1];
	g->rows = ra > 1 ? a->dim[ra - 2] : one;
	g->cols = rb > 1 ? b->dim[rb - 1] : one;
	g->am = g->k;
	g->ak = g->bn = one;
	g->bk = rb > 1 ? g->cols : one;
	g->constant = rb == 2 && b->weight != TUFF_NONE;
	g->batches = one;
	if (rb <= 2) {	/* rows of all products are rows of one */
		g->rows = ra > 1 ? ex_numel(m, a, 0, ra - 1) : one;
		return NULL;
	}
	sa = ex_mul(m, g->rows, g->k);
	sb = ex_mul(m, g->k, g->cols);
	if (nb > 6)
		return "more than six batch dimensions";
	g->nb = nb;
	for (int i = nb - 1; i >= 0; i--) {
		int ia = i - (nb - (ra - 2)), ib = i - (nb - (rb - 2));
		ir_expr da = ra > 1 && ia >= 0 ? a->dim[ia] : one, db = ib >= 0 ? b->dim[ib] : one;

		g->size[i] = ex_is(m, da, 1) ? db : ex_is(m, db, 1) ? da : ex_op(m, TUFF_E_MAX, da, db);
		g->sa[i] = broadcast(m, da, g->size[i], sa);
		g->sb[i] = broadcast(m, db, g->size[i], sb);
		sa = ex_mul(m, sa, da);
		sb = ex_mul(m, sb, db);
		g->batches = ex_mul(m, g->batches, g->size[i]);
	}
	return NULL;
}

static const char *read_product(struct ir_module *m, const struct ir_node *n, struct product *g)
{
	const char *why;

	memset(g, 0, sizeof(*g));
	g->a = n->in[0];
	g->b = n->in[1];
	if (!is_float(g->a->dtype) || !is_float(g->b->dtype))
		return "only floats have a kernel";
	why = n->op == TUFF_OP_GEMM ? read_gemm(m, n, g) : read_matmul(m, n, g);
	why = why ? why : added(m, n, g);
	g->act = launch_act(n, g->p);
	return why ? why : conv_act_ok(g->act) ? NULL : "no kernel has this activation";
}

static const char *can(struct ir_module *m, const struct ir_node *n)
{
	struct product g;

	return read_product(m, n, &g);
}

static int32_t bits(float f)
{
	int32_t i;

	memcpy(&i, &f, 4);
	return i;
}

/* the kernel of convolutions, if all is whole vec4s */
static int emit_tiles(struct launch *l, struct ir_node *n, const struct product *g, int64_t k, int64_t cols)
{
	struct ir_module *m = launch_module(l);
	struct conv_parts c = { .w = g->b, .pack = TUFF_PACK_GEMM, .bias_weight = g->bias_weight, .taps = 1, .ic4 = k / 4, .act = g->act };
	ir_expr dims[CW_COUNT], one = ex_const(m, 1), zero = ex_const(m, 0);
	int64_t known = -1;

	ex_value(m, g->rows, &known);
	c.tile = conv_tile(m, known, cols / 4);
	c.tiles = (cols / 4 + c.tile->c - 1) / c.tile->c;
	c.param[0] = c.tile->c;
	c.param[1] = g->trans_b;
	c.param[4] = bits(g->alpha);
	c.param[5] = bits(g->beta);
	memcpy(c.p, g->p, sizeof(c.p));
	c.x = launch_tensor(l, g->a);
	c.o = launch_tensor(l, n->out[0]);
	c.r = g->add ? launch_tensor(l, g->add) : TUFF_NONE;
	for (int i = 0; i < CW_COUNT; i++)
		dims[i] = zero;
	dims[CW_NPIX] = dims[CW_OW] = dims[CW_OHW] = dims[CW_IW] = g->rows;
	dims[CW_IH] = dims[CW_KH] = dims[CW_KW] = dims[CW_SH] = dims[CW_SW] = dims[CW_DH] = dims[CW_DW] = one;
	dims[CW_XROW] = dims[CW_IC4] = ex_const(m, k / 4);
	dims[CW_OROW] = dims[CW_OC4G] = ex_const(m, cols / 4);
	dims[CW_OC] = ex_const(m, cols);
	dims[CW_TILES_G] = ex_const(m, c.tiles);
	return conv_emit_parts(l, n, &c, dims, g->rows);
}

static int emit_any(struct launch *l, struct ir_node *n, const struct product *g)
{
	struct ir_module *m = launch_module(l);
	bool few = ex_is(m, g->rows, 1), packed;
	int64_t k = -1, cols = -1, P = few ? 1 : 8, C = 2, kp, tiles, most, parts, step;
	uint32_t bind[4] = { launch_tensor(l, g->a), TUFF_NONE, launch_tensor(l, n->out[0]), TUFF_NONE };
	ir_expr dims[GW_COUNT], grid[3], tn = ex_cdiv(m, g->cols, 4 * C), tm = ex_cdiv(m, g->rows, P);
	int ret;

	packed = g->constant && ex_value(m, g->k, &k) && ex_value(m, g->cols, &cols);
	bind[3] = g->add ? launch_tensor(l, g->add) : bind[0];
	for (int i = 0; i < GW_COUNT; i++)
		dims[i] = ex_const(m, 0);
	dims[GW_M] = g->rows, dims[GW_N] = g->cols;
	dims[GW_AM] = g->am, dims[GW_AK] = g->ak, dims[GW_BK] = g->bk, dims[GW_BN] = g->bn;
	dims[GW_TM] = tm;
	dims[GW_ALPHA] = launch_f32(m, packed ? 1 : g->alpha);
	dims[GW_BETA] = launch_f32(m, g->beta);
	dims[GW_P0] = launch_f32(m, g->p[0]);
	dims[GW_P1] = launch_f32(m, g->p[1]);
	dims[GW_BATCH] = g->batches;
	dims[GW_NB] = ex_const(m, g->nb);
	for (int i = 0; i < g->nb; i++) {
		dims[GW_BATCHES + 3 * i] = g->size[i];
		dims[GW_BATCHES + 3 * i + 1] = g->sa[i];
		dims[GW_BATCHES + 3 * i + 2] = g->sb[i];
	}
	dims[GW_RM] = g->rm, dims[GW_RN] = g->rn, dims[GW_RB] = g->rb;
	kp = packed ? (k + 3) / 4 * 4 : 0;
	tiles = packed ? (cols + 4 * C - 1) / (4 * C) : 1;
	most = packed ? (int64_t)launch_range(m) / (16 * C * (kp + 1)) : 1;
	if (most < 1)
		return ir_error(m, -EOPNOTSUPP, n, g->b, "one column is larger than a buffer may be");
	dims[GW_KP] = ex_const(m, kp);
	parts = ex_value(m, g->k, &k) && k > LOOP_BOUND ? (k + LOOP_BOUND - 1) / LOOP_BOUND : 1;
	step = LOOP_BOUND;
	for (int64_t t0 = 0; t0 < tiles; t0 += most) {
		int64_t nt = tiles - t0 < most ? tiles - t0 : most;
		int32_t param[8] = { C, g->trans_b, t0, nt, bits(g->alpha), bits(g->beta) };

		if (packed) {
			bind[1] = launch_weight(l, g->b, TUFF_PACK_GEMM, param, TUFF_F32, 16 * nt * C * (kp + 1), g->bias_weight);
			tn = ex_const(m, nt);
		} else {
			bind[1] = launch_tensor(l, g->b);
		}
		dims[GW_TN] = tn;
		dims[GW_TILE0] = ex_const(m, t0);
		dims[GW_BIAS] = ex_const(m, nt * C * kp);
		launch_grid1(l, ex_mul(m, ex_mul(m, tn, tm), g->batches), 16, grid);
		for (int64_t i = 0; i < parts; i++) {
			bool last = i + 1 == parts;
			uint32_t id[2] = { 0, 1 }, v[2] = { last ? g->act : -1, packed };

			dims[GW_FLAGS] = ex_const(m, (g->add && last ? CF_RESIDUAL : 0) | (i ? CF_MORE : 0));
			dims[GW_K0] = ex_const(m, i * step);
			dims[GW_K1] = last ? g->k : ex_const(m, (i + 1) * step);
			ret = launch_dispatch(l, n, launch_kernel(l, few ? "gemm_p1c2" : "gemm_p8c2", 4, 4, id, v, 2), bind, 4, dims, GW_COUNT, grid);
			if (ret)
				return ret;
		}
	}
	return 0;
}

static int emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct product g;
	const char *why = read_product(m, n, &g);
	int64_t k, cols;
	bool dense;

	if (why)
		return ir_error(m, -EOPNOTSUPP, n, NULL, "%s", why);
	/* rows one after another; what is added is as large as the result */
	dense = ex_is(m, g.ak, 1) && (!g.add || (g.rm == g.cols && ex_is(m, g.rn, 1) && g.beta == 1));
	if (g.constant && dense && ex_value(m, g.k, &k) && ex_value(m, g.cols, &cols) && k >= 4 && cols >= 4 && k % 4 == 0 && cols % 4 == 0)
		return emit_tiles(l, n, &g, k, cols);
	return emit_any(l, n, &g);
}

const struct lower_ops lower_gemm = { can, emit }, lower_matmul = { can, emit };
