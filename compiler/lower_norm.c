// SPDX-License-Identifier: MIT
/* Normalisations: batch, layer, instance, local response. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/lower_util.h"

#define ROW_MAX ((int64_t)128 * (LT_LOOP / 3))	/* three passes of a workgroup */

static const char *floats(const struct ir_node *n)
{
	for (uint32_t i = 0; i < n->nin; i++)
		if (n->in[i] && !lt_float(n->in[i]))
			return "a norm of a type that is not a float";
	for (uint32_t i = 1; i < n->nout; i++)
		if (n->out[i])
			return "mean and deviation as outputs";
	return NULL;
}

/* ---- LAYERNORM ---- */
static const char *layernorm_can(struct ir_module *m, const struct ir_node *n)
{
	int axis = lt_axis_attr(n, "axis", -1, n->in[0]->rank);
	int64_t v;

	if (axis < 0)
		return "an axis out of range";
	if (ex_value(m, ex_numel(m, n->in[0], axis, n->in[0]->rank), &v) && v > ROW_MAX)
		return "a row of more than a million elements";
	return floats(n);
}

static int layernorm_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *s = n->in[1], *b = n->nin > 2 ? n->in[2] : NULL;
	int axis = lt_axis_attr(n, "axis", -1, x->rank), ret;
	uint32_t id[] = { 0, 1, 2 }, spec[] = { 128, 0, b != NULL }, out = lt_out(l, n->out[0]);
	uint32_t bind[] = { lt_in(l, n, x), lt_in(l, n, s), b ? lt_in(l, n, b) : lt_in(l, n, s), out };
	ir_expr one = ex_const(m, 1), rows = ex_numel(m, x, 0, axis), row = ex_numel(m, x, axis, x->rank);
	ir_expr d[8] = { rows, row, one, row, one, ex_numel(m, s, 0, s->rank), one,
			 launch_f32(m, ir_attr_float(n, "epsilon", 1e-5f)) };
	int64_t v;

	if (b && ex_numel(m, b, 0, b->rank) != d[5])
		return ir_error(m, -EOPNOTSUPP, n, b, "scale and bias of different sizes");
	if (ex_value(m, row, &v) && v <= 1024)
		spec[0] = v <= 64 ? 16 : 32;
	ret = lt_grid(l, n, launch_kernel(l, "norm", 4, 8, id, spec, 3), bind, 4, d, 8, rows, 1);
	return ret ? ret : lt_out_done(l, n, n->out[0], out);
}
const struct lower_ops lower_layernorm = { layernorm_can, layernorm_emit };

/* ---- INSTANCENORM ---- */
static const char *instancenorm_can(struct ir_module *m, const struct ir_node *n)
{
	int64_t v;

	if (n->in[0]->rank < 3)
		return "an instance without spatial axes";
	if (ex_value(m, ex_numel(m, n->in[0], 2, n->in[0]->rank), &v) && v > ROW_MAX)
		return "an instance of more than a million elements";
	return floats(n);
}

static int instancenorm_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0];
	bool cl = x->layout == TUFF_CL && n->out[0]->layout == TUFF_CL;
	uint32_t id[] = { 0, 1, 2 }, spec[] = { 128, 1, 1 }, out = cl ? launch_tensor(l, n->out[0]) : lt_out(l, n->out[0]);
	uint32_t bind[] = { cl ? launch_tensor(l, x) : lt_in(l, n, x), lt_in(l, n, n->in[1]), lt_in(l, n, n->in[2]), out };
	ir_expr one = ex_const(m, 1), s = ex_numel(m, x, 2, x->rank), c4 = lt_div(m, launch_cp(m, x));
	ir_expr rows = ex_mul(m, x->dim[0], cl ? c4 : x->dim[1]), inner = cl ? c4 : one;
	ir_expr d[8] = { rows, s, inner, ex_mul(m, s, inner), inner, x->dim[1], x->dim[1],
			 launch_f32(m, ir_attr_float(n, "epsilon", 1e-5f)) };
	int ret = lt_grid(l, n, launch_kernel(l, cl ? "norm4" : "norm", 4, 8, id, spec, 3), bind, 4, d, 8, rows, 1);

	return ret || cl ? ret : lt_out_done(l, n, n->out[0], out);
}
const struct lower_ops lower_instancenorm = { instancenorm_can, instancenorm_emit };

/* ---- BATCHNORM ---- */
static const char *batchnorm_can(struct ir_module *m, const struct ir_node *n)
{
	return n->in[0]->rank < 2 ? "batch normalisation without channels" : floats(n);
}

static bool constant(struct ir_module *m, const struct ir_value *v, int64_t c, float *out)
{
	const struct tuff_weight *w;
	const uint8_t *b;

	if (v->weight == TUFF_NONE)
		return false;
	w = &m->weights[v->weight];
	if (w->dtype != TUFF_F32 || w->rank != 1 || w->dim[0] != c)
		return false;
	b = ir_weight_bytes(m, v->weight);
	for (int64_t i = 0; i < c; i++)
		memcpy(&out[i], b ? b + 4 * i : (const uint8_t *)&w->fill, 4);
	return true;
}

/* [Cp scales, Cp shifts] as a constant of the program; TUFF_NONE = not constant */
static uint32_t folded(struct launch *l, struct ir_node *n, float eps)
{
	struct ir_module *m = launch_module(l);
	static const int32_t none[8];
	int64_t c, cp, dim;
	uint32_t w, t = TUFF_NONE;
	float *v;

	if (!ex_value(m, n->in[0]->dim[1], &c) || c < 1 || c > 1 << 20)
		return TUFF_NONE;
	cp = (c + 3) / 4 * 4;
	dim = 2 * cp;
	v = calloc(2 * cp + 4 * c, sizeof(*v));
	if (!v)
		return TUFF_NONE;
	if (constant(m, n->in[1], c, v + 2 * cp) && constant(m, n->in[2], c, v + 2 * cp + c) &&
	    constant(m, n->in[3], c, v + 2 * cp + 2 * c) && constant(m, n->in[4], c, v + 2 * cp + 3 * c)) {
		for (int64_t i = 0; i < c; i++) {
			const float *p = v + 2 * cp + i;

			v[i] = p[0] / sqrtf(p[3 * c] + eps);
			v[cp + i] = p[c] - p[2 * c] * v[i];
		}
		w = ir_weight_data(m, n->name, TUFF_F32, 1, &dim, v, 8 * cp);
		if (w != TUFF_NONE)
			t = launch_weight(l, ir_const(m, w), TUFF_PACK_NONE, none, TUFF_F32, (8 * cp + 15) / 16 * 16, TUFF_NONE);
	}
	free(v);
	return t;
}

static int batchnorm_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *o = n->out[0];
	bool cl = x->layout == TUFF_CL && o->layout == TUFF_CL;
	float eps = ir_attr_float(n, "epsilon", 1e-5f), p[2];
	uint32_t param = folded(l, n, eps), act = launch_act(n, p), id = 0, out = cl ? launch_tensor(l, o) : lt_out(l, o);
	ir_expr one = ex_const(m, 1), cp = launch_cp(m, x), count, d[7];
	int ret;

	if (param == TUFF_NONE) {
		ir_expr b[3] = { x->dim[1], cp, launch_f32(m, eps) };

		param = launch_scratch(l, ex_mul(m, cp, ex_const(m, 8)));
		for (uint32_t shift = 0; shift < 2; shift++) {
			uint32_t bind[] = { lt_in(l, n, n->in[shift ? 2 : 1]), lt_in(l, n, n->in[shift ? 3 : 4]), param };

			ret = lt_grid(l, n, launch_kernel(l, "bn_scale", 3, 4, &id, &shift, 1), bind, 3, b, 3, cp, LT_LOCAL);
			if (ret)
				return ret;
		}
	}
	count = cl ? lt_div(m, launch_numel(m, x)) : ex_numel(m, x, 0, x->rank);
	d[0] = count;
	d[1] = cl ? lt_div(m, cp) : x->dim[1];
	d[2] = cl ? one : ex_numel(m, x, 2, x->rank);
	d[3] = x->dim[1];
	d[4] = launch_f32(m, p[0]);
	d[5] = launch_f32(m, p[1]);
	d[6] = cp;
	{
		uint32_t bind[] = { cl ? launch_tensor(l, x) : lt_in(l, n, x), param, out };

		ret = lt_grid(l, n, launch_kernel(l, cl ? "affine4" : "affine", 3, 4, &id, &act, 1), bind, 3, d, 7, count, LT_LOCAL);
	}
	return ret || cl ? ret : lt_out_done(l, n, o, out);
}
const struct lower_ops lower_batchnorm = { batchnorm_can, batchnorm_emit };

/* ---- LRN ---- */
static const char *lrn_can(struct ir_module *m, const struct ir_node *n)
{
	if (n->in[0]->rank < 3 || ir_attr_int(n, "size", 1) < 1 || ir_attr_int(n, "size", 1) > LT_LOOP)
		return "local response normalisation of such a size";
	return floats(n);
}

static int lrn_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *o = n->out[0];
	bool cl = x->layout == TUFF_CL && o->layout == TUFF_CL;
	int64_t size = ir_attr_int(n, "size", 1);
	uint32_t bind[] = { cl ? launch_tensor(l, x) : lt_in(l, n, x), cl ? launch_tensor(l, o) : lt_out(l, o) };
	ir_expr count = cl ? launch_numel(m, x) : ex_numel(m, x, 0, x->rank);
	ir_expr d[9] = { count, x->dim[1], cl ? launch_cp(m, x) : x->dim[1], cl ? ex_const(m, 1) : ex_numel(m, x, 2, x->rank),
			 launch_f32(m, ir_attr_float(n, "alpha", 1e-4f) / size), launch_f32(m, ir_attr_float(n, "beta", 0.75f)),
			 launch_f32(m, ir_attr_float(n, "bias", 1)), ex_const(m, (size - 1) / 2), ex_const(m, size / 2) };
	int ret = lt_grid(l, n, launch_kernel(l, "lrn", 2, 2, NULL, NULL, 0), bind, 2, d, 9, count, 64);

	return ret || cl ? ret : lt_out_done(l, n, o, bind[1]);
}
const struct lower_ops lower_lrn = { lrn_can, lrn_emit };
