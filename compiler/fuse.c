// SPDX-License-Identifier: MIT
/*
 * Fusion into convolutions and matrix products: batch normalisation and
 * per-channel scale and shift go into a convolution's weights (a recipe:
 * packing applies the scale), a row of constants added to a product becomes its
 * bias (input 2), an added tensor the residual (input 3), an activation the
 * epilogue: act(x w + bias + residual).
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ir.h"

/* A constant with one element per channel (or one for all), as float. */
static bool channels(struct ir_module *m, const struct ir_value *v, int rank, int64_t oc, float *out)
{
	const struct tuff_weight *w;
	const uint8_t *b;
	uint64_t n = 1;

	if (!v || v->weight == TUFF_NONE)
		return false;
	w = &m->weights[v->weight];
	for (uint32_t i = 0; i < w->rank; i++) {
		n *= w->dim[i];
		/* [C,1,1] beside [N,C,H,W]: only the channel axis may be wide */
		if (rank && w->dim[i] != 1 && (int)(w->rank - i) != rank - 1)
			return false;
	}
	if ((n != (uint64_t)oc && n != 1) || (w->dtype != TUFF_F32 && w->dtype != TUFF_F16))
		return false;
	b = ir_weight_bytes(m, v->weight);
	for (int64_t i = 0; i < oc; i++) {
		uint64_t k = !b || n == 1 ? 0 : i;
		const uint8_t *p = b ? b : (const uint8_t *)&w->fill;
		uint16_t h;

		if (w->dtype == TUFF_F32) {
			memcpy(&out[i], p + 4 * k, 4);
		} else {
			memcpy(&h, p + 2 * k, 2);
			out[i] = tuff_f16_to_f32(h);
		}
	}
	return true;
}

/* y = s * x + b of the node after a convolution, if it is that */
static bool affine(struct ir_module *m, struct ir_node *n, const struct ir_value *x, int64_t oc, float *s, float *b)
{
	struct ir_value *other = n->nin > 1 ? (n->in[0] == x ? n->in[1] : n->in[0]) : NULL;
	float *mean = s + 2 * oc, *var = s + 3 * oc, eps;

	for (int64_t i = 0; i < oc; i++) {
		s[i] = 1;
		b[i] = 0;
	}
	switch (n->op) {
	case TUFF_OP_BATCHNORM:
		if (n->in[0] != x || !channels(m, n->in[1], 0, oc, s) || !channels(m, n->in[2], 0, oc, b) ||
		    !channels(m, n->in[3], 0, oc, mean) || !channels(m, n->in[4], 0, oc, var))
			return false;
		eps = ir_attr_float(n, "epsilon", 1e-5f);
		for (int64_t i = 0; i < oc; i++) {
			s[i] /= sqrtf(var[i] + eps);
			b[i] -= mean[i] * s[i];
		}
		return true;
	case TUFF_OP_MUL:
		return channels(m, other, x->rank, oc, s);
	case TUFF_OP_ADD:
		return channels(m, other, x->rank, oc, b);
	}
	return false;
}

static int fuse_affine(struct ir_module *m, struct ir_node *conv, struct ir_node *n)
{
	int64_t oc, dim;
	struct tuff_weight *w;
	uint32_t copy, ws, wb;
	float *s, *b, *old;
	int ret = 0;

	if (conv->in[1]->weight == TUFF_NONE || !ex_value(m, conv->out[0]->dim[1], &oc) || oc <= 0 || oc > 1 << 20)
		return 0;
	if (conv->in[0]->dtype == TUFF_F64 || conv->in[1]->dtype != conv->in[0]->dtype)
		return 0;
	s = calloc(5 * oc, sizeof(*s));
	if (!s)
		return -ENOMEM;
	b = s + oc;
	old = s + 4 * oc;
	if (!affine(m, n, conv->out[0], oc, s, b))
		goto out;
	if (conv->nin > 2 && conv->in[2] && !channels(m, conv->in[2], 0, oc, old))
		goto out;
	for (int64_t i = 0; i < oc; i++)
		b[i] += old[i] * s[i];
	w = &m->weights[conv->in[1]->weight];
	if (w->scale != TUFF_NONE) {	/* a second one: multiply what is there */
		const float *had = ir_weight_bytes(m, w->scale);

		for (int64_t i = 0; i < oc; i++)
			s[i] *= had[i];
	}
	dim = oc;
	ws = ir_weight_data(m, "", TUFF_F32, 1, &dim, s, 4 * oc);
	wb = ir_weight_data(m, "", TUFF_F32, 1, &dim, b, 4 * oc);
	w = &m->weights[conv->in[1]->weight];
	copy = ir_weight_new(m, m->wname[conv->in[1]->weight], w->dtype, w->rank, w->dim, w->size);
	if (ws == TUFF_NONE || wb == TUFF_NONE || copy == TUFF_NONE) {
		ret = -ENOMEM;
		goto out;
	}
	w = &m->weights[conv->in[1]->weight];
	m->weights[copy].src = w->src;
	m->weights[copy].file = w->file;
	m->weights[copy].offset = w->offset;
	m->weights[copy].fill = w->fill;
	m->weights[copy].scale = ws;
	conv->in[1] = ir_const(m, copy);
	conv->in[2] = ir_const(m, wb);
	if (conv->nin < 3)
		conv->nin = 3;
	ret = 1;
out:
	free(s);
	return ret;
}

static bool same_shape(const struct ir_value *a, const struct ir_value *b)
{
	return a->rank == b->rank && !memcmp(a->dim, b->dim, a->rank * sizeof(*a->dim));
}

/* is v made before node n? inputs and constants always are */
static bool made_before(const struct ir_value *v, const struct ir_node *n)
{
	return !v->def || v->def->seq < n->seq;
}

static int act_of(struct ir_module *m, const struct ir_node *n, float p[2])
{
	float lo = -INFINITY, hi = INFINITY;

	p[0] = p[1] = 0;
	switch (n->op) {
	case TUFF_OP_RELU:
		return TUFF_EW_RELU;
	case TUFF_OP_SIGMOID:
		return TUFF_EW_SIGMOID;
	case TUFF_OP_HARD_SWISH:
		return TUFF_EW_HARDSWISH;
	case TUFF_OP_SWISH:
		return ir_attr_float(n, "alpha", 1) == 1 ? TUFF_EW_SWISH : -1;
	case TUFF_OP_TANH:
		return TUFF_EW_TANH;
	case TUFF_OP_MISH:
		return TUFF_EW_MISH;
	case TUFF_OP_GELU:
		p[0] = !strcmp(ir_attr_str(n, "approximate", "none"), "tanh");
		return TUFF_EW_GELU;
	case TUFF_OP_ELU:
		p[0] = ir_attr_float(n, "alpha", 1);
		return TUFF_EW_ELU;
	case TUFF_OP_HARD_SIGMOID:
		p[0] = ir_attr_float(n, "alpha", 0.2f);
		p[1] = ir_attr_float(n, "beta", 0.5f);
		return TUFF_EW_HARDSIGMOID;
	case TUFF_OP_LEAKY_RELU:
		p[0] = ir_attr_float(n, "alpha", 0.01f);
		return TUFF_EW_LEAKY;
	case TUFF_OP_CLIP:
		if ((n->nin > 1 && n->in[1] && !channels(m, n->in[1], 0, 1, &lo)) ||
		    (n->nin > 2 && n->in[2] && !channels(m, n->in[2], 0, 1, &hi)))
			return -1;
		p[0] = lo;
		p[1] = hi;
		return TUFF_EW_CLIP;
	}
	return -1;
}

/* n's work is done by conv now: conv takes over its output */
static void absorb(struct ir_module *m, struct ir_node *conv, struct ir_node *n)
{
	struct ir_value *out = n->out[0];

	ir_node_remove(m, n);
	conv->out[0] = out;
	out->def = conv;
}

static struct ir_node *only_user(const struct ir_value *v)
{
	return v->nuses == 1 ? v->user : NULL;
}

/* product + row of constants: its bias, if it has none; 1 if done */
static int fuse_bias(struct ir_module *m, struct ir_node *n, struct ir_node *add)
{
	struct ir_value *o = n->out[0], *b = add->in[0] == o ? add->in[1] : add->in[0], *row;
	const struct tuff_weight *w;
	struct tuff_weight *v;
	uint32_t copy;

	if (add->op != TUFF_OP_ADD || (n->nin > 2 && n->in[2]) || b->weight == TUFF_NONE || b->input >= 0 || b->rank < 1 ||
	    o->rank < 2 || b->rank > o->rank || b->dim[b->rank - 1] != o->dim[o->rank - 1] || b->dtype != o->dtype)
		return 0;
	for (int i = 0; i + 1 < b->rank; i++)
		if (!ex_is(m, b->dim[i], 1))
			return 0;
	row = b;
	if (b->rank > 1) {	/* seen as [N] */
		w = &m->weights[b->weight];
		copy = ir_weight_new(m, m->wname[b->weight], w->dtype, 1, &w->dim[b->rank - 1], w->size);
		if (copy == TUFF_NONE)
			return -ENOMEM;
		w = &m->weights[b->weight];
		v = &m->weights[copy];
		v->src = w->src;
		v->file = w->file;
		v->offset = w->offset;
		v->fill = w->fill;
		row = ir_const(m, copy);
	}
	n->in[2] = row;
	n->nin = n->nin < 3 ? 3 : n->nin;
	if (n->op == TUFF_OP_GEMM)
		ir_attr_set_float(m, n, "beta", 1);
	return 1;
}

static int fuse_into(struct ir_module *m, struct ir_node *into)
{
	struct ir_node *n;
	float p[2];
	int act, ret;

	while ((n = only_user(into->out[0]))) {
		bool closed = ir_attr_find(into, "act") || (into->nin > 3 && into->in[3]);
		struct ir_value *other;

		ret = closed ? 0 : into->op == TUFF_OP_CONV ? fuse_affine(m, into, n) : fuse_bias(m, into, n);
		if (ret < 0)
			return ret;
		if (ret) {
			absorb(m, into, n);
			continue;
		}
		act = ir_attr_find(into, "act") ? -1 : act_of(m, n, p);
		if (act >= 0) {
			ir_attr_set_int(m, into, "act", act);
			ret = ir_attr_set_floats(m, into, "act_p", p, 2);
			if (ret)
				return ret;
			absorb(m, into, n);
			continue;
		}
		if (closed || n->op != TUFF_OP_ADD)
			return 0;
		other = n->in[0] == into->out[0] ? n->in[1] : n->in[0];
		if (other == into->out[0] || !same_shape(other, n->out[0]) || !same_shape(into->out[0], n->out[0]) ||
		    other->weight != TUFF_NONE || !made_before(other, into))
			return 0;
		if (into->nin < 3)
			into->in[2] = NULL;
		into->in[3] = other;
		into->nin = 4;
		absorb(m, into, n);
	}
	return 0;
}

/* Products of two activations stay bare: what follows is a softmax anyway. */
static bool takes(const struct ir_node *n)
{
	if (!n->nin || !n->in[0] || (n->in[0]->dtype != TUFF_F32 && n->in[0]->dtype != TUFF_F16))
		return false;
	return n->op == TUFF_OP_CONV ||
	       ((n->op == TUFF_OP_GEMM || n->op == TUFF_OP_MATMUL) && n->in[1]->weight != TUFF_NONE && n->in[1]->rank == 2 && n->in[0]->rank > 1);
}

int pass_fuse(struct ir_module *m)
{
	ir_count_uses(m);
	for (struct ir_node *n = m->first; n; n = n->next) {
		int ret = takes(n) ? fuse_into(m, n) : 0;

		if (ret)
			return ret;
	}
	return 0;
}
