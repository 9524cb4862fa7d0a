// SPDX-License-Identifier: MIT
/* Quantised operators, as arithmetic on float32 and int32. */
#include <errno.h>
#include <string.h>

#include "compiler/decompose.h"

/* a scale or zero point of one axis, seen at x's rank */
static struct ir_value *on_axis(struct dec *d, struct ir_value *v, const struct ir_value *x, int64_t axis)
{
	ir_expr dim[TUFF_MAX_RANK];

	if (v->rank == 0 || d->ret)
		return v;
	axis += axis < 0 ? x->rank : 0;
	if (v->rank == 1 && ex_is(d->m, v->dim[0], 1))
		return dec_reshape(d, v, 0, dim, NULL);
	if (v->rank != 1 || axis < 0 || axis >= x->rank) {
		dec_error(d, v, "a scale or zero point for blocks is not supported");
		return d->none;
	}
	for (int i = 0; i < x->rank; i++)
		dim[i] = i == axis ? v->dim[0] : ex_const(d->m, 1);
	return dec_reshape(d, v, x->rank, dim, NULL);
}

static struct ir_value *dequantize(struct dec *d, struct ir_value *x, struct ir_value *scale, struct ir_value *zp, int64_t axis, struct ir_value *out)
{
	struct ir_value *f = dec_cast(d, x, TUFF_F32);

	if (zp)
		f = dec_2(d, TUFF_OP_SUB, f, on_axis(d, dec_cast(d, zp, TUFF_F32), x, axis));
	scale = on_axis(d, scale, x, axis);
	if (scale->dtype == TUFF_F32)
		return dec_to(d, TUFF_OP_MUL, f, scale, out);
	f = dec_2(d, TUFF_OP_MUL, f, dec_cast(d, scale, TUFF_F32));
	return dec_to(d, TUFF_OP_IDENTITY, dec_cast(d, f, scale->dtype), NULL, out);
}

static struct ir_value *quantize(struct dec *d, struct ir_value *x, struct ir_value *scale, struct ir_value *zp, uint32_t dtype,
				 int64_t axis, struct ir_value *out)
{
	double lo, hi;
	struct ir_node *c;

	switch (dtype) {
	case TUFF_U8: lo = 0; hi = 255; break;
	case TUFF_I8: lo = -128; hi = 127; break;
	case TUFF_U16: lo = 0; hi = 65535; break;
	case TUFF_I16: lo = -32768; hi = 32767; break;
	default:
		dec_error(d, x, "quantising to this type is not supported");
		return d->none;
	}
	scale = dec_cast(d, on_axis(d, scale, x, axis), TUFF_F32);
	x = dec_1(d, TUFF_OP_ROUND, dec_2(d, TUFF_OP_DIV, dec_cast(d, x, TUFF_F32), scale));
	if (zp)
		x = dec_2(d, TUFF_OP_ADD, x, on_axis(d, dec_cast(d, zp, TUFF_F32), x, axis));
	x = dec_end(d, dec_node(d, TUFF_OP_CLIP, 3, 1, x, dec_float(d, lo, x), dec_float(d, hi, x)), NULL);
	c = dec_node(d, TUFF_OP_CAST, 1, 1, x);
	ir_attr_set_int(d->m, c, "to", dtype);
	return dec_end(d, c, out);
}

static bool blocked(const struct ir_node *n)
{
	return ir_attr_int(n, "block_size", 0) != 0;
}

int shape_quantize(struct ir_module *m, struct ir_node *n)
{
	struct dec d;
	int64_t dtype;

	dec_begin(&d, m, n);
	if (blocked(n))
		return dec_error(&d, n->in[1], "blocks are not supported");
	dtype = dec_in(&d, 2) ? n->in[2]->dtype : ir_attr_int(n, "output_dtype", 0) ? ir_attr_int(n, "output_dtype", 0) : TUFF_U8;
	quantize(&d, n->in[0], n->in[1], dec_in(&d, 2), dtype, ir_attr_int(n, "axis", 1), n->out[0]);
	return dec_done(&d);
}

int shape_dequantize(struct ir_module *m, struct ir_node *n)
{
	struct dec d;

	dec_begin(&d, m, n);
	if (blocked(n))
		return dec_error(&d, n->in[1], "blocks are not supported");
	dequantize(&d, n->in[0], n->in[1], dec_in(&d, 2), ir_attr_int(n, "axis", 1), n->out[0]);
	return dec_done(&d);
}

int shape_dynquant(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *lo, *hi, *scale, *zp, *zero;
	int64_t all[TUFF_MAX_RANK];
	struct dec d;

	dec_begin(&d, m, n);
	for (int i = 0; i < x->rank; i++)
		all[i] = i;
	zero = dec_float(&d, 0, x);
	lo = dec_2(&d, TUFF_OP_MIN, dec_reduce(&d, TUFF_OP_REDUCE_MIN, x, all, x->rank, 0), zero);
	hi = dec_2(&d, TUFF_OP_MAX, dec_reduce(&d, TUFF_OP_REDUCE_MAX, x, all, x->rank, 0), zero);
	scale = dec_to(&d, TUFF_OP_DIV, dec_2(&d, TUFF_OP_SUB, hi, lo), dec_float(&d, 255, x), dec_out(&d, 1));
	zp = dec_1(&d, TUFF_OP_ROUND, dec_2(&d, TUFF_OP_DIV, dec_2(&d, TUFF_OP_SUB, zero, lo), scale));
	zp = dec_end(&d, dec_node(&d, TUFF_OP_CLIP, 3, 1, zp, zero, dec_float(&d, 255, x)), NULL);
	zp = dec_cast(&d, zp, TUFF_U8);
	if (dec_out(&d, 2))
		zp = dec_to(&d, TUFF_OP_IDENTITY, zp, NULL, n->out[2]);
	quantize(&d, x, scale, zp, TUFF_U8, 0, n->out[0]);
	return dec_done(&d);
}

/* x - zero point in `dtype`; the zero point broadcasts on `axis` */
static struct ir_value *shifted(struct dec *d, struct ir_value *x, struct ir_value *zp, uint32_t dtype, int64_t axis)
{
	struct ir_value *y = dec_cast(d, x, dtype);

	return zp ? dec_2(d, TUFF_OP_SUB, y, on_axis(d, dec_cast(d, zp, dtype), x, axis)) : y;
}

int shape_matmulint(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *a, *b;
	struct dec d;

	dec_begin(&d, m, n);
	a = shifted(&d, n->in[0], dec_in(&d, 2), TUFF_I32, -2);
	b = shifted(&d, n->in[1], dec_in(&d, 3), TUFF_I32, -1);
	dec_to(&d, TUFF_OP_MATMUL, a, b, n->out[0]);
	return dec_done(&d);
}

static struct ir_value *conv(struct dec *d, struct ir_value *x, struct ir_value *w, struct ir_value *b)
{
	struct ir_node *c = dec_node(d, TUFF_OP_CONV, b ? 3 : 2, 1, x, w, b);

	c->attr = d->n->attr;
	c->nattr = d->n->nattr;
	return dec_end(d, c, NULL);
}

int shape_convint(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x, *w;
	struct ir_node *c;
	struct dec d;

	dec_begin(&d, m, n);
	/* products of eight bits sum exactly in float32 up to 2^24 */
	x = shifted(&d, n->in[0], dec_in(&d, 2), TUFF_F32, 1);
	w = shifted(&d, n->in[1], dec_in(&d, 3), TUFF_F32, 0);
	x = conv(&d, x, w, NULL);
	c = dec_node(&d, TUFF_OP_CAST, 1, 1, x);
	ir_attr_set_int(m, c, "to", TUFF_I32);
	dec_end(&d, c, n->out[0]);
	return dec_done(&d);
}

int shape_qmatmul(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *a, *b, *y;
	struct dec d;

	dec_begin(&d, m, n);
	a = dequantize(&d, n->in[0], n->in[1], n->in[2], -2, NULL);
	b = dequantize(&d, n->in[3], n->in[4], n->in[5], -1, NULL);
	y = dec_2(&d, TUFF_OP_MATMUL, a, b);
	quantize(&d, y, n->in[6], n->in[7], n->in[7]->dtype, -1, n->out[0]);
	return dec_done(&d);
}

int shape_qconv(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x, *w, *b = NULL, *y;
	struct dec d;

	dec_begin(&d, m, n);
	x = dequantize(&d, n->in[0], n->in[1], n->in[2], 1, NULL);
	w = dequantize(&d, n->in[3], n->in[4], n->in[5], 0, NULL);
	if (dec_in(&d, 8)) {
		struct ir_value *s = dec_2(&d, TUFF_OP_MUL, n->in[1], n->in[4]);

		b = dec_2(&d, TUFF_OP_MUL, dec_cast(&d, n->in[8], TUFF_F32), s);
	}
	y = conv(&d, x, w, b);
	quantize(&d, y, n->in[6], n->in[7], n->in[7]->dtype, 1, n->out[0]);
	return dec_done(&d);
}

/* com.microsoft: dequantise, compute, quantise */
int shape_qbinary(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *a, *b;
	struct dec d;

	dec_begin(&d, m, n);
	if (!dec_in(&d, 3) || !dec_in(&d, 4) || !dec_in(&d, 6))
		return ir_error(m, -EINVAL, n, NULL, "needs two tensors with their scales and the result's scale");
	a = dequantize(&d, n->in[0], n->in[1], dec_in(&d, 2), -1, NULL);
	b = dequantize(&d, n->in[3], n->in[4], dec_in(&d, 5), -1, NULL);
	a = dec_2(&d, n->op == TUFF_OP_MS_QADD ? TUFF_OP_ADD : TUFF_OP_MUL, a, b);
	quantize(&d, a, n->in[6], dec_in(&d, 7), n->in[0]->dtype, -1, n->out[0]);
	return dec_done(&d);
}

int shape_qunary(struct ir_module *m, struct ir_node *n)
{
	static const struct { uint32_t q, op; } map[] = {
		{ TUFF_OP_MS_QAVGPOOL, TUFF_OP_AVGPOOL }, { TUFF_OP_MS_QGAVGPOOL, TUFF_OP_GLOBAL_AVGPOOL }, { TUFF_OP_MS_QSIGMOID, TUFF_OP_SIGMOID },
		{ TUFF_OP_MS_QLEAKY, TUFF_OP_LEAKY_RELU }, { TUFF_OP_MS_QSOFTMAX, TUFF_OP_SOFTMAX },
	};
	struct ir_node *x;
	struct ir_value *v;
	uint32_t op = 0;
	struct dec d;

	dec_begin(&d, m, n);
	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (map[i].q == n->op)
			op = map[i].op;
	if (!dec_in(&d, 3))
		return ir_error(m, -EINVAL, n, NULL, "input 3 is missing");
	if (ir_attr_int(n, "channels_last", 0))
		return dec_error(&d, n->in[0], "channels_last is not supported");
	v = dequantize(&d, n->in[0], n->in[1], dec_in(&d, 2), -1, NULL);
	x = dec_node(&d, op, 1, 1, v);
	x->attr = n->attr;
	x->nattr = n->nattr;
	if (op == TUFF_OP_SOFTMAX) {
		int64_t old = ir_attr_int(n, "opset", 13) < 13;

		if (old)
			ir_attr_set_int(m, x, "tuff.flat", 1);
		ir_attr_set_int(m, x, "axis", ir_attr_int(n, "axis", old ? 1 : -1));
	}
	v = dec_end(&d, x, NULL);
	quantize(&d, v, n->in[3], dec_in(&d, 4), n->in[0]->dtype, -1, n->out[0]);
	return dec_done(&d);
}
