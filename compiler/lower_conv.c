// SPDX-License-Identifier: MIT
/*
 * Convolutions. Register or shared tiles (conv.glsl) where groups are whole
 * vec4s, a kernel of its own for depthwise ones, a plain one for the rest
 * (convg.comp). A third spatial dimension that the window does not see joins
 * the batch. Activations that are a minimum and a maximum are numbers in the
 * dims block, others a constant: so few pipelines do.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "compiler/lower_conv.h"


_Static_assert(TUFF_EW_NEG == 19 && TUFF_EW_ABS == 20 && TUFF_EW_EXP == 22 && TUFF_EW_SQRT == 24 && TUFF_EW_TANH == 35 &&
	       TUFF_EW_ERF == 39 && TUFF_EW_RELU == 43 && TUFF_EW_SOFTSIGN == 46 && TUFF_EW_LEAKY == 47 && TUFF_EW_CLIP == 51 &&
	       TUFF_EW_THRESHOLD == 54 && TUFF_EW_MISH == 56 && TUFF_EW_SWISH == 62, "shaders/include/act.glsl has other numbers");

const struct conv_tile *conv_tile(struct ir_module *m, int64_t rows, int64_t oc4)
{
	static const struct conv_tile wide = { "conv_p14c4", 14, 4, 8, false, true }, few = { "conv_p7c2", 7, 2, 8, false, true },
		one = { "conv_p1c2", 1, 2, 8, false }, shared = { "convs_p8c2", 64, 16, 64, true }, shared_few = { "convs_p2c1", 16, 8, 64, true };
	uint32_t target = m->opt->device.target;

	if (rows == 1)
		return &one;
	/* a group a tile: below a thousand or so tiles a GPU would idle */
	if (target == TUFF_TARGET_GPU || target == TUFF_TARGET_GPU_COOPMAT)
		return rows >= 0 && rows * oc4 < 64 * 1024 ? &shared_few : &shared;
	if (m->opt->device.target != TUFF_TARGET_SW_WIDE || (rows >= 0 && rows < 64) || oc4 < 4)
		return &few;
	return &wide;
}

bool conv_act_ok(int act)
{
	switch (act) {
	case -1: case TUFF_EW_NEG: case TUFF_EW_ABS: case TUFF_EW_SQRT: case TUFF_EW_TANH: case TUFF_EW_ERF:
	case TUFF_EW_RELU ... TUFF_EW_MISH: case TUFF_EW_SWISH:
		return true;
	}
	return false;
}

const char *conv_geometry(struct ir_module *m, const struct ir_node *n, bool transposed, struct conv_geometry *g)
{
	const struct ir_value *x = n->in[0], *w = n->in[1], *o = n->out[0];
	const char *ap = ir_attr_str(n, "auto_pad", "NOTSET");
	uint64_t ns, nd, np;
	const int64_t *s = ir_attr_ints(n, "strides", &ns), *d = ir_attr_ints(n, "dilations", &nd), *p = ir_attr_ints(n, "pads", &np);
	int64_t a, b;

	g->ns = x->rank - 2;
	if (g->ns < 1 || g->ns > 3)
		return "only one to three spatial dimensions have a kernel";
	if (w->weight == TUFF_NONE)
		return "the weights are not constant";
	if (x->dtype != TUFF_F32 && x->dtype != TUFF_F16 && x->dtype != TUFF_BF16)
		return "only floats have a kernel";
	if (!ex_value(m, w->dim[0], &a) || !ex_value(m, w->dim[1], &b))
		return "the weights' shape is not known";
	g->group = ir_attr_int(n, "group", 1);
	g->oc = transposed ? b * g->group : a;
	g->ic = transposed ? a : b * g->group;
	if (g->group < 1 || g->oc < 1 || g->ic < 1 || g->oc % g->group || g->ic % g->group || g->oc > 1 << 24 || g->ic > 1 << 24)
		return "the groups do not fit";
	if (n->nin > 2 && n->in[2] && n->in[2]->weight == TUFF_NONE)
		return "the bias is not constant";
	g->batch = x->dim[0];
	for (int i = 0; i < 3; i++) {
		int at = i - (3 - g->ns);

		g->k[i] = g->s[i] = g->d[i] = 1;
		g->p[i] = ex_const(m, 0);
		g->in[i] = g->out[i] = ex_const(m, 1);
		if (at < 0)
			continue;
		if (!ex_value(m, w->dim[2 + at], &g->k[i]))
			return "the size of the window is not known";
		g->s[i] = s && ns == (uint64_t)g->ns ? s[at] : 1;
		g->d[i] = d && nd == (uint64_t)g->ns ? d[at] : 1;
		if (g->k[i] > LOOP_BOUND || g->s[i] > 1 << 20 || g->d[i] > 1 << 20)
			return "the window is too large";
		g->in[i] = x->dim[2 + at];
		g->out[i] = o->dim[2 + at];
		if (p && np == 2u * g->ns && strcmp(ap, "VALID"))
			g->p[i] = ex_const(m, p[at]);
		if (!strncmp(ap, "SAME", 4)) {
			ir_expr span = ex_const(m, (g->k[i] - 1) * g->d[i] + 1), one = ex_const(m, 1), total;
			ir_expr many = transposed ? g->in[i] : g->out[i], size = transposed ? g->out[i] : g->in[i];

			total = ex_sub(m, ex_add(m, ex_mul(m, ex_sub(m, many, one), ex_const(m, g->s[i])), span), size);
			total = ex_op(m, TUFF_E_MAX, total, ex_const(m, 0));
			if (!strcmp(ap, "SAME_LOWER"))
				total = ex_add(m, total, one);
			g->p[i] = ex_op(m, TUFF_E_DIV, total, ex_const(m, 2));
		}
	}
	return NULL;
}

static bool whole_groups(const struct conv_geometry *g)
{
	return g->group == 1 || (g->ic / g->group % 4 == 0 && g->oc / g->group % 4 == 0);
}

/* no window along z: slices are images */
static bool flat(struct ir_module *m, const struct conv_geometry *g)
{
	return g->k[0] == 1 && g->s[0] == 1 && g->in[0] == g->out[0] && ex_is(m, g->p[0], 0);
}

static bool depthwise(const struct conv_geometry *g)
{
	return g->group > 1 && g->group == g->ic && g->ic == g->oc;
}

static const char *can(struct ir_module *m, const struct ir_node *n)
{
	struct conv_geometry g;
	const char *why = conv_geometry(m, n, false, &g);
	int64_t taps;
	float p[2];

	if (why)
		return why;
	taps = g.k[0] * g.k[1] * g.k[2];
	if (!conv_act_ok(launch_act(n, p)))
		return "no kernel has this activation";
	if (flat(m, &g) && (whole_groups(&g) || depthwise(&g)))
		return taps > LOOP_BOUND ? "the window is too large" : NULL;
	if (taps > LOOP_BOUND || taps * (g.ic / g.group) > LOOP_BOUND)
		return "too many weights an output for the kernel of this kind of convolution";
	return (uint64_t)taps * (g.ic / g.group) * (g.oc + 3) * 4 > launch_range(m) ? "the weights are larger than a buffer may be" : NULL;
}

/* words that all convolution kernels have at the same place */
static void epilogue(struct ir_module *m, int act, const float p[2], bool residual, bool generic, ir_expr *dims)
{
	int flags = residual ? CF_RESIDUAL : 0;
	float p0 = p[0];

	if (!generic && act == TUFF_EW_RELU) {
		flags |= CF_LOW;
		p0 = 0;
	}
	if (!generic && act == TUFF_EW_CLIP)
		flags |= (p[0] > -INFINITY ? CF_LOW : 0) | (p[1] < INFINITY ? CF_HIGH : 0);
	dims[CW_FLAGS] = ex_const(m, flags);
	dims[CW_P0] = launch_f32(m, p0);
	dims[CW_P1] = launch_f32(m, p[1]);
}

int conv_emit_parts(struct launch *l, struct ir_node *n, const struct conv_parts *c, ir_expr dims[CW_COUNT], ir_expr rows)
{
	struct ir_module *m = launch_module(l);
	const struct conv_tile *t = c->tile;
	bool simple = c->act < 0 || c->act == TUFF_EW_RELU || c->act == TUFF_EW_CLIP;
	int64_t tile_B = 16ll * t->c * (c->taps * c->ic4 * 4 + 1), most = launch_range(m) / tile_B;
	int64_t step = c->ic4 * c->taps > LOOP_BOUND ? LOOP_BOUND / c->taps : c->ic4;
	uint32_t bind[4] = { c->x, TUFF_NONE, c->o, c->r != TUFF_NONE ? c->r : c->x };
	ir_expr grid[3], along = ex_cdiv(m, rows, t->p);
	int32_t param[8];
	int ret;

	if (most < 1)
		return ir_error(m, -EOPNOTSUPP, n, c->w, "the weights of one channel are larger than a buffer may be");
	for (int64_t t0 = 0; t0 < c->tiles; t0 += most) {
		int64_t nt = c->tiles - t0 < most ? c->tiles - t0 : most;

		memcpy(param, c->param, sizeof(param));
		param[2] = t0;
		param[3] = nt;
		bind[1] = launch_weight(l, c->w, c->pack, param, TUFF_F32, nt * tile_B, c->bias_weight);
		dims[CW_TILE0] = ex_const(m, t0);
		dims[CW_TILES] = ex_const(m, nt);
		dims[CW_BIAS] = ex_const(m, nt * t->c * c->taps * c->ic4 * 4);
		for (int64_t i0 = 0; i0 < c->ic4; i0 += step) {
			bool last = i0 + step >= c->ic4;
			float none[2] = { 0, 0 };
			bool pad = c->pad || (t->pads && c->pack == TUFF_PACK_CONV);
			uint32_t id[2] = { 0, 1 }, v[2] = { last && !simple ? c->act : -1, pad };
			int64_t flags;

			epilogue(m, last ? c->act : -1, last ? c->p : none, c->r != TUFF_NONE && !i0, !simple, dims);
			if (i0 && ex_value(m, dims[CW_FLAGS], &flags))
				dims[CW_FLAGS] = ex_const(m, flags | CF_MORE);
			dims[CW_I0] = ex_const(m, i0);
			dims[CW_I1] = ex_const(m, last ? c->ic4 : i0 + step);
			if (t->shared) {
				ir_expr groups = ex_mul(m, along, ex_const(m, nt));

				launch_grid1(l, groups, 1, grid);
			} else {
				launch_grid1(l, ex_mul(m, along, ex_const(m, nt)), t->local, grid);
			}
			ret = launch_dispatch(l, n, launch_kernel(l, t->shader, 4, 4, id, v, 2), bind, 4, dims, CW_COUNT, grid);
			if (ret)
				return ret;
		}
	}
	return 0;
}

static void fill(struct ir_module *m, const struct conv_geometry *g, ir_expr dims[CW_COUNT])
{
	int64_t words[CW_COUNT] = { 0 };

	words[CW_XROW] = (g->ic + 3) / 4;
	words[CW_OROW] = (g->oc + 3) / 4;
	words[CW_IC4] = (g->ic / g->group + 3) / 4;
	words[CW_OC4G] = (g->oc / g->group + 3) / 4;
	words[CW_OC] = g->oc;
	words[CW_KH] = g->k[1];
	words[CW_KW] = g->k[2];
	words[CW_SH] = g->s[1];
	words[CW_SW] = g->s[2];
	words[CW_DH] = g->d[1];
	words[CW_DW] = g->d[2];
	for (int i = 0; i < CW_COUNT; i++)
		dims[i] = ex_const(m, words[i]);
	dims[CW_IH] = g->in[1];
	dims[CW_IW] = g->in[2];
	dims[CW_OW] = g->out[2];
	dims[CW_PH] = g->p[1];
	dims[CW_PW] = g->p[2];
}

static uint32_t bias_of(const struct ir_node *n)
{
	return n->nin > 2 && n->in[2] ? n->in[2]->weight : TUFF_NONE;
}

static uint32_t residual_of(struct launch *l, const struct ir_node *n)
{
	return n->nin > 3 && n->in[3] ? launch_tensor(l, n->in[3]) : TUFF_NONE;
}

static int emit_tiles(struct launch *l, struct ir_node *n, const struct conv_geometry *g)
{
	struct ir_module *m = launch_module(l);
	struct conv_parts c = { .w = n->in[1], .pack = TUFF_PACK_CONV, .bias_weight = bias_of(n) };
	int64_t oc4g = (g->oc / g->group + 3) / 4, known = -1, tiles_g;
	ir_expr dims[CW_COUNT], ohw = ex_mul(m, g->out[1], g->out[2]), images = ex_mul(m, g->batch, g->in[0]), rows = ex_mul(m, images, ohw);

	fill(m, g, dims);
	ex_value(m, rows, &known);
	c.tile = conv_tile(m, known, oc4g);
	tiles_g = (oc4g + c.tile->c - 1) / c.tile->c;
	c.tiles = tiles_g * g->group;
	c.taps = g->k[1] * g->k[2];
	c.ic4 = (g->ic / g->group + 3) / 4;
	c.param[0] = c.tile->c;
	c.param[1] = g->group;
	c.act = launch_act(n, c.p);
	c.pad = c.taps > 1;
	for (int i = 1; i < 3; i++)	/* a back pad shows in the size only */
		c.pad |= !ex_is(m, g->p[i], 0) || (g->s[i] == 1 ? g->in[i] != g->out[i] : ir_attr_find(n, "pads") != NULL);
	if (c.pad && c.taps == 1) {	/* pads given and all zero are none */
		uint64_t np;
		const int64_t *p = ir_attr_ints(n, "pads", &np);
		bool any = false;

		for (uint64_t i = 0; p && i < np; i++)
			any |= p[i] != 0;
		c.pad = any || (!p && c.pad);
	}
	c.x = launch_tensor(l, n->in[0]);
	c.o = launch_tensor(l, n->out[0]);
	c.r = residual_of(l, n);
	dims[CW_NPIX] = rows;
	dims[CW_OHW] = ohw;
	dims[CW_TILES_G] = ex_const(m, tiles_g);
	return conv_emit_parts(l, n, &c, dims, rows);
}

static int emit_depthwise(struct launch *l, struct ir_node *n, const struct conv_geometry *g)
{
	struct ir_module *m = launch_module(l);
	int64_t c4 = (g->oc + 3) / 4, taps = g->k[1] * g->k[2];
	int32_t param[8] = { g->group, 0, 0, c4 };
	uint32_t r = residual_of(l, n), id = 0, act;
	uint32_t bind[4] = { launch_tensor(l, n->in[0]), TUFF_NONE, launch_tensor(l, n->out[0]), r };
	ir_expr dims[CW_COUNT], grid[3], across = ex_cdiv(m, g->out[2], 4);
	float p[2];

	act = launch_act(n, p);
	bind[1] = launch_weight(l, n->in[1], TUFF_PACK_DW, param, TUFF_F32, 16ull * c4 * (taps + 1), bias_of(n));
	bind[3] = r == TUFF_NONE ? bind[0] : r;
	fill(m, g, dims);
	dims[CW_NPIX] = ex_mul(m, g->batch, g->in[0]);
	dims[CW_OHW] = g->out[1];
	dims[CW_TILES] = across;
	dims[CW_BIAS] = ex_const(m, c4 * taps);
	epilogue(m, act, p, r != TUFF_NONE, true, dims);
	launch_grid1(l, ex_mul(m, ex_mul(m, dims[CW_NPIX], g->out[1]), ex_mul(m, across, ex_const(m, c4))), 32, grid);
	return launch_dispatch(l, n, launch_kernel(l, "convdw", 4, 4, &id, &act, 1), bind, 4, dims, CW_COUNT, grid);
}

int conv_emit_general(struct launch *l, struct ir_node *n, const struct conv_geometry *g, bool transposed)
{
	struct ir_module *m = launch_module(l);
	int64_t c4 = (g->oc + 3) / 4, taps = g->k[0] * g->k[1] * g->k[2], icg = g->ic / g->group;
	int64_t words[CG_COUNT] = { 0 };
	int32_t param[8] = { g->group, transposed, 0, c4 };
	uint32_t r = residual_of(l, n), id[3] = { 0, 1, 2 }, v[3];
	uint32_t bind[4] = { launch_tensor(l, n->in[0]), TUFF_NONE, launch_tensor(l, n->out[0]), r };
	ir_expr dims[CG_COUNT], grid[3];
	float p[2];

	bind[1] = launch_weight(l, n->in[1], TUFF_PACK_DW, param, TUFF_F32, 16ull * c4 * (taps * icg + 1), bias_of(n));
	bind[3] = r == TUFF_NONE ? bind[0] : r;
	words[CG_OROW] = c4;
	words[CG_ICG] = icg;
	words[CG_OCG] = g->oc / g->group;
	words[CG_XROW] = (g->ic + 3) / 4;
	words[CG_OC] = g->oc;
	words[CG_KD] = g->k[0], words[CG_KH] = g->k[1], words[CG_KW] = g->k[2];
	words[CG_SD] = g->s[0], words[CG_SH] = g->s[1], words[CG_SW] = g->s[2];
	words[CG_DD] = g->d[0], words[CG_DH] = g->d[1], words[CG_DW] = g->d[2];
	words[CG_ROW] = words[CG_N4] = c4;
	words[CG_BIAS] = c4 * taps * icg;
	words[CG_GROUPS] = g->group;
	/* a vec4 of weights past the last channel is zero: reading the padding of x is harmless */
	v[2] = g->group == 1 ? icg % 4 == 0 : whole_groups(g);
	for (int i = 0; i < CG_COUNT; i++)
		dims[i] = ex_const(m, words[i]);
	dims[CG_OW] = g->out[2], dims[CG_OH] = g->out[1], dims[CG_OD] = g->out[0];
	dims[CG_IW] = g->in[2], dims[CG_IH] = g->in[1], dims[CG_ID] = g->in[0];
	dims[CG_PD] = g->p[0], dims[CG_PH] = g->p[1], dims[CG_PW] = g->p[2];
	dims[CG_NPIX] = ex_mul(m, ex_mul(m, g->batch, g->out[0]), ex_mul(m, g->out[1], g->out[2]));
	v[0] = launch_act(n, p);
	v[1] = transposed;
	epilogue(m, v[0], p, r != TUFF_NONE, true, dims);
	launch_grid1(l, ex_mul(m, dims[CG_NPIX], ex_const(m, c4)), 32, grid);
	return launch_dispatch(l, n, launch_kernel(l, "convg", 4, 4, id, v, 3), bind, 4, dims, CG_COUNT, grid);
}

static int emit(struct launch *l, struct ir_node *n)
{
	struct conv_geometry g;
	const char *why = conv_geometry(launch_module(l), n, false, &g);

	if (why)
		return ir_error(launch_module(l), -EOPNOTSUPP, n, NULL, "%s", why);
	if (flat(launch_module(l), &g) && depthwise(&g))
		return emit_depthwise(l, n, &g);
	if (flat(launch_module(l), &g) && whole_groups(&g))
		return emit_tiles(l, n, &g);
	return conv_emit_general(l, n, &g, false);
}

const struct lower_ops lower_conv = { can, emit };
