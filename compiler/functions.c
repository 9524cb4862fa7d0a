// SPDX-License-Identifier: MIT
/* ai.onnx operators that are made of others. */
#include <errno.h>
#include <string.h>

#include "compiler/decompose.h"

/* parts of a dimension: constant where it is, else by expression */
static ir_expr over(struct dec *d, ir_expr a, int64_t b)
{
	return ex_op(d->m, TUFF_E_DIV, a, ex_const(d->m, b));
}

int shape_d2s(struct ir_module *m, struct ir_node *n)
{
	static const int64_t dcr[] = { 0, 3, 4, 1, 5, 2 }, crd[] = { 0, 1, 4, 2, 5, 3 };
	struct ir_value *x = n->in[0];
	int64_t b = ir_attr_int(n, "blocksize", 0), c;
	bool is_crd = !strcmp(ir_attr_str(n, "mode", "DCR"), "CRD");
	ir_expr dim[6];
	struct dec d;

	dec_begin(&d, m, n);
	if (x->rank != 4 || b < 1 || b > 1 << 10 || !ex_value(m, x->dim[1], &c) || c % (b * b))
		return ir_error(m, -EINVAL, n, x, "needs [N,C,H,W] with C a multiple of blocksize squared");
	dim[0] = x->dim[0];
	dim[1] = ex_const(m, is_crd ? c / (b * b) : b);
	dim[2] = ex_const(m, b);
	dim[3] = ex_const(m, is_crd ? b : c / (b * b));
	dim[4] = x->dim[2];
	dim[5] = x->dim[3];
	x = dec_transpose(&d, dec_reshape(&d, x, 6, dim, NULL), is_crd ? crd : dcr, NULL);
	dim[1] = ex_const(m, c / (b * b));
	dim[2] = ex_mul(m, dim[4], ex_const(m, b));
	dim[3] = ex_mul(m, dim[5], ex_const(m, b));
	dec_reshape(&d, x, 4, dim, n->out[0]);
	return dec_done(&d);
}

int shape_s2d(struct ir_module *m, struct ir_node *n)
{
	static const int64_t perm[] = { 0, 3, 5, 1, 2, 4 };
	struct ir_value *x = n->in[0];
	int64_t b = ir_attr_int(n, "blocksize", 0), h, w;
	ir_expr dim[6];
	struct dec d;

	dec_begin(&d, m, n);
	if (x->rank != 4 || b < 1 || b > 1 << 10 || (ex_value(m, x->dim[2], &h) && h % b) || (ex_value(m, x->dim[3], &w) && w % b))
		return ir_error(m, -EINVAL, n, x, "needs [N,C,H,W] with H and W multiples of blocksize");
	dim[0] = x->dim[0];
	dim[1] = x->dim[1];
	dim[2] = over(&d, x->dim[2], b);
	dim[4] = over(&d, x->dim[3], b);
	dim[3] = dim[5] = ex_const(m, b);
	x = dec_transpose(&d, dec_reshape(&d, x, 6, dim, NULL), perm, NULL);
	dim[1] = ex_mul(m, dim[1], ex_const(m, b * b));
	dim[3] = dim[4];
	dec_reshape(&d, x, 4, dim, n->out[0]);
	return dec_done(&d);
}

/* [C] seen as [C,1,..] beside x of this rank */
static struct ir_value *per_channel(struct dec *d, struct ir_value *v, int rank)
{
	ir_expr dim[TUFF_MAX_RANK];

	dim[0] = ex_numel(d->m, v, 0, v->rank);
	for (int i = 1; i < rank - 1; i++)
		dim[i] = ex_const(d->m, 1);
	return dec_reshape(d, v, rank - 1, dim, NULL);
}

int shape_groupnorm(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *y, *scale = n->in[1], *bias = n->in[2];
	int64_t g = ir_attr_int(n, "num_groups", 0), c, sc;
	float eps = ir_attr_float(n, "epsilon", 1e-5f), ones[1] = { 1 }, zeros[1] = { 0 };
	struct ir_node *in;
	bool by_group;
	ir_expr dim[3];
	struct dec d;

	dec_begin(&d, m, n);
	if (x->rank < 3 || g < 1 || !ex_value(m, x->dim[1], &c) || c % g || scale->rank != 1 || !ex_value(m, scale->dim[0], &sc))
		return ir_error(m, -EINVAL, n, x, "needs [N,C,spatial..] with C a multiple of num_groups");
	by_group = sc == g && g != c;	/* opset 18 */
	dim[0] = x->dim[0];
	dim[1] = ex_const(m, g);
	dim[2] = ex_mul(m, ex_const(m, c / g), ex_numel(m, x, 2, x->rank));
	y = dec_reshape(&d, x, 3, dim, NULL);
	if (by_group) {
		in = dec_node(&d, TUFF_OP_INSTANCENORM, 3, 1, y, scale, bias);
	} else {
		ir_expr ge = ex_const(m, g);
		int64_t one = 1;
		struct ir_value *s1 = ir_const(m, ir_weight_data(m, "", TUFF_F32, 1, &one, ones, 4));
		struct ir_value *b0 = ir_const(m, ir_weight_data(m, "", TUFF_F32, 1, &one, zeros, 4));

		in = dec_node(&d, TUFF_OP_INSTANCENORM, 3, 1, y, dec_cast(&d, dec_expand(&d, s1, 1, &ge), x->dtype),
			      dec_cast(&d, dec_expand(&d, b0, 1, &ge), x->dtype));
	}
	ir_attr_set_float(m, in, "epsilon", eps);
	y = dec_reshape(&d, dec_end(&d, in, NULL), x->rank, x->dim, by_group ? n->out[0] : NULL);
	if (!by_group) {
		y = dec_2(&d, TUFF_OP_MUL, y, per_channel(&d, scale, x->rank));
		dec_to(&d, TUFF_OP_ADD, y, per_channel(&d, bias, x->rank), n->out[0]);
	}
	return dec_done(&d);
}

int shape_mvn(struct ir_module *m, struct ir_node *n)
{
	static const int64_t def[] = { 0, 2, 3 };
	struct ir_value *x = n->in[0], *c, *v;
	uint64_t cnt;
	const int64_t *axes = ir_attr_ints(n, "axes", &cnt);
	struct dec d;

	dec_begin(&d, m, n);
	cnt = axes ? cnt : 3;
	axes = axes ? axes : def;
	c = dec_2(&d, TUFF_OP_SUB, x, dec_reduce(&d, TUFF_OP_REDUCE_MEAN, x, axes, cnt, 1));
	v = dec_reduce(&d, TUFF_OP_REDUCE_MEAN, dec_2(&d, TUFF_OP_MUL, c, c), axes, cnt, 1);
	v = dec_2(&d, TUFF_OP_ADD, dec_1(&d, TUFF_OP_SQRT, v), dec_float(&d, 1e-9, x));
	dec_to(&d, TUFF_OP_DIV, c, v, n->out[0]);
	return dec_done(&d);
}

int shape_shrink(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *l, *b, *zero, *y;
	struct dec d;

	dec_begin(&d, m, n);
	l = dec_cast(&d, dec_float(&d, ir_attr_float(n, "lambd", 0.5f), x), x->dtype);
	b = dec_cast(&d, dec_float(&d, ir_attr_float(n, "bias", 0), x), x->dtype);
	zero = dec_cast(&d, dec_float(&d, 0, x), x->dtype);
	y = dec_where(&d, dec_2(&d, TUFF_OP_GREATER, x, l), dec_2(&d, TUFF_OP_SUB, x, b), zero);
	l = dec_2(&d, TUFF_OP_LESS, x, dec_1(&d, TUFF_OP_NEG, l));
	b = dec_2(&d, TUFF_OP_ADD, x, b);
	dec_end(&d, dec_node(&d, TUFF_OP_WHERE, 3, 1, l, b, y), n->out[0]);
	return dec_done(&d);
}

int shape_hardmax(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *flat, *r;
	int64_t axis = ir_attr_int(n, "axis", n->opset < 13 ? 1 : -1);
	ir_expr dim[TUFF_MAX_RANK];
	struct ir_node *am;
	struct dec d;
	int rank;

	dec_begin(&d, m, n);
	axis += axis < 0 ? x->rank : 0;
	if (axis < 0 || axis >= x->rank)
		return ir_error(m, -EINVAL, n, x, "axis is out of range");
	flat = x;
	if (n->opset < 13) {	/* over all from axis on */
		dim[0] = ex_numel(m, x, 0, axis);
		dim[1] = ex_numel(m, x, axis, x->rank);
		flat = dec_reshape(&d, x, 2, dim, NULL);
		axis = 1;
	}
	rank = d.ret ? 1 : flat->rank;
	am = dec_node(&d, TUFF_OP_ARGMAX, 1, 1, flat);
	ir_attr_set_int(m, am, "axis", axis);
	ir_attr_set_int(m, am, "keepdims", 1);
	r = dec_end(&d, am, NULL);
	for (int i = 0; i < rank; i++)
		dim[i] = i == axis ? flat->dim[i] : ex_const(m, 1);
	r = dec_2(&d, TUFF_OP_EQUAL, r, dec_reshape(&d, dec_range(&d, flat->dim[axis]), rank, dim, NULL));
	r = dec_cast(&d, r, x->dtype);
	dec_reshape(&d, r, x->rank, x->dim, n->out[0]);
	return dec_done(&d);
}

int shape_mean(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *s = n->in[0];
	struct dec d;

	dec_begin(&d, m, n);
	for (uint32_t i = 1; i < n->nin; i++) {
		if (!n->in[i])
			return ir_error(m, -EINVAL, n, NULL, "input %u is missing", i);
		s = dec_2(&d, TUFF_OP_ADD, s, n->in[i]);
	}
	dec_to(&d, TUFF_OP_MUL, s, dec_float(&d, 1.0 / n->nin, n->in[0]), n->out[0]);
	return dec_done(&d);
}

int shape_castlike(struct ir_module *m, struct ir_node *n)
{
	ir_attr_set_int(m, n, "to", n->in[1]->dtype);
	n->op = TUFF_OP_CAST;
	n->nin = 1;
	return shape_cast(m, n);
}

static int64_t spatial(const struct ir_value *x, int64_t *axes)
{
	for (int i = 2; i < x->rank; i++)
		axes[i - 2] = i;
	return x->rank - 2;
}

/* |x|^p, summed by the caller, then ^(1/p) */
static struct ir_value *power(struct dec *d, struct ir_value *x, double p)
{
	return p == 1 ? x : dec_2(d, TUFF_OP_POW, x, dec_float(d, p, x));
}

int shape_glppool(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0];
	int64_t p = ir_attr_int(n, "p", 2), axes[TUFF_MAX_RANK], cnt;
	struct dec d;

	dec_begin(&d, m, n);
	if (x->rank < 3 || p < 1)
		return ir_error(m, -EINVAL, n, x, "needs [N,C,spatial..] and p of at least 1");
	cnt = spatial(x, axes);
	x = dec_reduce(&d, TUFF_OP_REDUCE_SUM, power(&d, dec_1(&d, TUFF_OP_ABS, x), p), axes, cnt, 1);
	dec_to(&d, TUFF_OP_POW, x, dec_float(&d, 1.0 / p, x), n->out[0]);
	return dec_done(&d);
}

int shape_lppool(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0];
	double p = ir_attr_int(n, "p", 2);
	struct ir_node *pool;
	int64_t size = 1;
	uint64_t cnt;
	const int64_t *k = ir_attr_ints(n, "kernel_shape", &cnt);
	struct dec d;

	dec_begin(&d, m, n);
	for (uint64_t i = 0; i < cnt; i++)
		size = size > 1 << 20 || k[i] < 1 || k[i] > 1 << 20 ? 1 << 21 : size * k[i];
	if (p < 1 || size > 1 << 20)
		return ir_error(m, -EINVAL, n, x, "p or kernel_shape is out of range");
	pool = dec_node(&d, TUFF_OP_AVGPOOL, 1, 1, power(&d, dec_1(&d, TUFF_OP_ABS, x), p));
	pool->attr = n->attr;
	pool->nattr = n->nattr;
	ir_attr_set_int(m, pool, "count_include_pad", 1);
	x = dec_end(&d, pool, NULL);
	x = dec_2(&d, TUFF_OP_MUL, x, dec_float(&d, size, x));
	dec_to(&d, TUFF_OP_POW, x, dec_float(&d, 1 / p, x), n->out[0]);
	return dec_done(&d);
}

int shape_lpnorm(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *norm, *zero;
	int64_t axis = ir_attr_int(n, "axis", -1);
	struct dec d;

	dec_begin(&d, m, n);
	norm = dec_reduce(&d, ir_attr_int(n, "p", 2) == 1 ? TUFF_OP_REDUCE_L1 : TUFF_OP_REDUCE_L2, x, &axis, 1, 1);
	zero = dec_2(&d, TUFF_OP_EQUAL, norm, dec_float(&d, 0, x));
	norm = dec_where(&d, zero, dec_float(&d, 1, x), norm);	/* zeros stay zeros */
	dec_to(&d, TUFF_OP_DIV, x, norm, n->out[0]);
	return dec_done(&d);
}

int shape_layernorm(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *c, *v, *mean, *f;
	int64_t axis = ir_attr_int(n, "axis", -1), axes[TUFF_MAX_RANK];
	uint32_t cnt = 0;
	struct dec d;

	axis += axis < 0 ? x->rank : 0;
	if (axis < 0 || axis >= x->rank)
		return ir_error(m, -EINVAL, n, x, "axis is out of range");
	for (uint32_t i = 1; i < n->nout; i++)
		if (n->out[i] && !n->out[i]->nuses)
			n->out[i] = NULL;
	if ((n->nout < 2 || !n->out[1]) && (n->nout < 3 || !n->out[2])) {
		n->nout = 1;
		for (uint32_t i = 1; i < n->nin; i++)
			if (n->in[i] && size_is(m, n, n->in[i], x->rank - axis, x->dim + axis))
				return -EINVAL;
		return shape_same(m, n);
	}
	/* mean and deviation are asked for too */
	dec_begin(&d, m, n);
	for (int64_t i = axis; i < x->rank; i++)
		axes[cnt++] = i;
	f = x->dtype == TUFF_F64 ? x : dec_cast(&d, x, TUFF_F32);
	mean = dec_reduce(&d, TUFF_OP_REDUCE_MEAN, f, axes, cnt, 1);
	if (n->nout > 1 && n->out[1])
		mean = dec_to(&d, TUFF_OP_IDENTITY, mean, NULL, n->out[1]);
	c = dec_2(&d, TUFF_OP_SUB, f, mean);
	v = dec_reduce(&d, TUFF_OP_REDUCE_MEAN, dec_2(&d, TUFF_OP_MUL, c, c), axes, cnt, 1);
	v = dec_2(&d, TUFF_OP_ADD, v, dec_float(&d, ir_attr_float(n, "epsilon", 1e-5f), f));
	v = dec_to(&d, TUFF_OP_RECIPROCAL, dec_1(&d, TUFF_OP_SQRT, v), NULL, dec_out(&d, 2));
	v = dec_cast(&d, dec_2(&d, TUFF_OP_MUL, c, v), x->dtype);
	if (dec_in(&d, 2))
		dec_to(&d, TUFF_OP_ADD, dec_2(&d, TUFF_OP_MUL, v, n->in[1]), n->in[2], n->out[0]);
	else
		dec_to(&d, TUFF_OP_MUL, v, n->in[1], n->out[0]);
	return dec_done(&d);
}

/* a scalar of like's integer type */
static struct ir_value *int_like(struct dec *d, int64_t v, const struct ir_value *like)
{
	return ir_const(d->m, ir_weight_data(d->m, "", like->dtype, 0, NULL, &v, tuff_dtype_size(like->dtype)));
}

/* negative log likelihood of logp [N,C,d..] at target [N,d..] */
static int nll(struct dec *d, struct ir_value *logp, struct ir_value *target, struct ir_value *weight, struct ir_value *out)
{
	struct ir_module *m = d->m;
	const char *reduction = ir_attr_str(d->n, "reduction", "mean");
	struct ir_value *ignored = NULL, *t = target, *loss, *w = NULL;
	int64_t all[TUFF_MAX_RANK];
	struct ir_node *g;

	if (d->ret)
		return d->ret;
	if (logp->rank < 2 || target->rank != logp->rank - 1)
		return ir_error(m, -EINVAL, d->n, target, "needs [N,d..] beside scores [N,C,d..]");
	if (ir_attr_find(d->n, "ignore_index")) {
		ignored = dec_2(d, TUFF_OP_EQUAL, target, int_like(d, ir_attr_int(d->n, "ignore_index", 0), target));
		t = dec_where(d, ignored, int_like(d, 0, target), target);
	}
	t = dec_unsqueeze(d, t, 1, NULL);
	g = dec_node(d, TUFF_OP_GATHER_ELEMENTS, 2, 1, logp, t);
	ir_attr_set_int(m, g, "axis", 1);
	loss = dec_end(d, g, NULL);
	loss = dec_1(d, TUFF_OP_NEG, dec_reshape(d, loss, target->rank, target->dim, NULL));
	if (weight)
		w = dec_reshape(d, dec_2(d, TUFF_OP_GATHER, weight, t), target->rank, target->dim, NULL);
	else if (ignored)
		w = dec_float(d, 1, logp);
	if (ignored)
		w = dec_where(d, ignored, dec_float(d, 0, logp), w);
	if (w)
		loss = dec_2(d, TUFF_OP_MUL, loss, w);
	for (int i = 0; i < target->rank; i++)
		all[i] = i;
	if (!strcmp(reduction, "none")) {
		dec_to(d, TUFF_OP_IDENTITY, loss, NULL, out);
	} else if (!strcmp(reduction, "sum")) {
		dec_to(d, TUFF_OP_IDENTITY, dec_reduce(d, TUFF_OP_REDUCE_SUM, loss, all, target->rank, 0), NULL, out);
	} else if (w) {
		dec_to(d, TUFF_OP_DIV, dec_reduce(d, TUFF_OP_REDUCE_SUM, loss, all, target->rank, 0),
		       dec_reduce(d, TUFF_OP_REDUCE_SUM, w, all, target->rank, 0), out);
	} else {
		dec_to(d, TUFF_OP_IDENTITY, dec_reduce(d, TUFF_OP_REDUCE_MEAN, loss, all, target->rank, 0), NULL, out);
	}
	return dec_done(d);
}

int shape_nll(struct ir_module *m, struct ir_node *n)
{
	struct dec d;

	dec_begin(&d, m, n);
	return nll(&d, n->in[0], n->in[1], dec_in(&d, 2), n->out[0]);
}

int shape_sce(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *out = n->out[0], *logp;
	struct ir_node *s;
	struct dec d;

	dec_begin(&d, m, n);
	s = dec_node(&d, TUFF_OP_LOGSOFTMAX, 1, 1, n->in[0]);
	ir_attr_set_int(m, s, "axis", 1);
	logp = dec_end(&d, s, dec_out(&d, 1));
	return nll(&d, logp, n->in[1], dec_in(&d, 2), out);
}

/* x [.., S, N, R] rotated by cos, sin [B|1, S, 1, R/2] */
static struct ir_value *rotate(struct dec *d, struct ir_value *x, struct ir_value *c, struct ir_value *s, ir_expr half, bool interleaved)
{
	struct ir_value *part[2], *re, *im;
	ir_expr dim[5], cut[2] = { half, half };

	if (d->ret)
		return d->none;
	memcpy(dim, x->dim, 4 * sizeof(*dim));
	if (interleaved) {
		ir_expr one[2] = { ex_const(d->m, 1), ex_const(d->m, 1) };

		dim[3] = half;
		dim[4] = ex_const(d->m, 2);
		dec_split(d, dec_reshape(d, x, 5, dim, NULL), 4, one, 2, part);
		part[0] = dec_reshape(d, part[0], 4, dim, NULL);
		part[1] = dec_reshape(d, part[1], 4, dim, NULL);
	} else {
		dec_split(d, x, 3, cut, 2, part);
	}
	re = dec_2(d, TUFF_OP_SUB, dec_2(d, TUFF_OP_MUL, c, part[0]), dec_2(d, TUFF_OP_MUL, s, part[1]));
	im = dec_2(d, TUFF_OP_ADD, dec_2(d, TUFF_OP_MUL, s, part[0]), dec_2(d, TUFF_OP_MUL, c, part[1]));
	if (!interleaved)
		return dec_concat(d, 3, re, im, NULL);
	re = dec_concat(d, 4, dec_unsqueeze(d, re, 4, NULL), dec_unsqueeze(d, im, 4, NULL), NULL);
	return dec_reshape(d, re, 4, x->dim, NULL);
}

int shape_rotary(struct ir_module *m, struct ir_node *n)
{
	static const int64_t perm[] = { 0, 2, 1, 3 };
	struct ir_value *x = n->in[0], *c = n->in[1], *s = n->in[2], *y, *part[2] = { NULL };
	int64_t heads = ir_attr_int(n, "num_heads", 0), rot = ir_attr_int(n, "rotary_embedding_dim", 0), D;
	ir_expr dim[4], cut[2];
	bool flat = x->rank == 3;
	struct dec d;

	dec_begin(&d, m, n);
	if ((!flat && x->rank != 4) || !ex_value(m, x->dim[x->rank - 1], &D) || (flat && (heads < 1 || D % heads)))
		return ir_error(m, -EINVAL, n, x, "needs [batch,heads,sequence,size], or [batch,sequence,hidden] and num_heads");
	if (flat) {
		D /= heads;
		dim[0] = x->dim[0];
		dim[1] = x->dim[1];
		dim[2] = ex_const(m, heads);
		dim[3] = ex_const(m, D);
		y = dec_reshape(&d, x, 4, dim, NULL);
	} else {
		y = dec_transpose(&d, x, perm, NULL);
	}
	rot = rot ? rot : D;
	if (rot > D || rot < 2 || rot % 2)
		return ir_error(m, -EINVAL, n, x, "rotary_embedding_dim is out of range");
	if (dec_in(&d, 3)) {
		c = dec_2(&d, TUFF_OP_GATHER, c, n->in[3]);
		s = dec_2(&d, TUFF_OP_GATHER, s, n->in[3]);
	}
	c = dec_unsqueeze(&d, c, 2, NULL);
	s = dec_unsqueeze(&d, s, 2, NULL);
	if (rot < D) {
		cut[0] = ex_const(m, rot);
		cut[1] = ex_const(m, D - rot);
		dec_split(&d, y, 3, cut, 2, part);
		y = part[0];
	}
	y = rotate(&d, y, c, s, ex_const(m, rot / 2), ir_attr_int(n, "interleaved", 0));
	if (part[1])
		y = dec_concat(&d, 3, y, part[1], NULL);
	if (flat)
		dec_reshape(&d, y, 3, x->dim, n->out[0]);
	else
		dec_transpose(&d, y, perm, n->out[0]);
	return dec_done(&d);
}
