// SPDX-License-Identifier: MIT
/* The builder that decompositions use. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "compiler/decompose.h"

void dec_begin(struct dec *d, struct ir_module *m, struct ir_node *n)
{
	d->m = m;
	d->n = n;
	d->ret = 0;
	d->none = ir_value_new(m, "");
	d->none->rank = 0;
	d->none->dtype = TUFF_F32;
}

struct ir_value *dec_in(const struct dec *d, uint32_t i)
{
	return i < d->n->nin ? d->n->in[i] : NULL;
}

struct ir_value *dec_out(const struct dec *d, uint32_t i)
{
	return i < d->n->nout ? d->n->out[i] : NULL;
}

struct ir_node *dec_node(struct dec *d, uint32_t op, uint32_t nin, uint32_t nout, ...)
{
	struct ir_node *x = ir_node_new(d->m, op, d->n->name, nin, nout, d->n);
	va_list ap;

	x->onnx_op = d->n->onnx_op;
	x->opset = 30;
	va_start(ap, nout);
	for (uint32_t i = 0; i < nin; i++)
		x->in[i] = va_arg(ap, struct ir_value *);
	va_end(ap);
	return x;
}

struct ir_value *dec_end(struct dec *d, struct ir_node *x, struct ir_value *out)
{
	if (d->ret || d->m->oom) {
		ir_node_remove(d->m, x);
		return d->none;
	}
	if (!out)
		out = ir_value_new(d->m, "");
	for (uint32_t i = 0; i < d->n->nout; i++)	/* x takes it over */
		if (d->n->out[i] == out)
			d->n->out[i] = NULL;
	x->out[0] = out;
	out->def = x;
	d->ret = shape_node(d->m, x);
	return d->ret ? d->none : out;
}

struct ir_value *dec_to(struct dec *d, uint32_t op, struct ir_value *a, struct ir_value *b, struct ir_value *out)
{
	return dec_end(d, dec_node(d, op, b ? 2 : 1, 1, a, b), out);
}

struct ir_value *dec_1(struct dec *d, uint32_t op, struct ir_value *a)
{
	return dec_to(d, op, a, NULL, NULL);
}

struct ir_value *dec_2(struct dec *d, uint32_t op, struct ir_value *a, struct ir_value *b)
{
	return dec_to(d, op, a, b, NULL);
}

struct ir_value *dec_where(struct dec *d, struct ir_value *c, struct ir_value *a, struct ir_value *b)
{
	return dec_end(d, dec_node(d, TUFF_OP_WHERE, 3, 1, c, a, b), NULL);
}

struct ir_value *dec_float(struct dec *d, double v, const struct ir_value *like)
{
	float f = v;
	uint16_t h = tuff_f32_to_f16(f);
	uint32_t bits;
	const void *p = &f;
	size_t n = 4;

	switch (like->dtype) {
	case TUFF_F16:
		p = &h;
		n = 2;
		break;
	case TUFF_BF16:
		memcpy(&bits, &f, 4);
		h = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
		p = &h;
		n = 2;
		break;
	case TUFF_F64:
		p = &v;
		n = 8;
		break;
	}
	return ir_const(d->m, ir_weight_data(d->m, "", n == 4 ? TUFF_F32 : like->dtype, 0, NULL, p, n));
}

struct ir_value *dec_ints(struct dec *d, const int64_t *v, uint32_t n)
{
	int64_t dim = n;

	return ir_const(d->m, ir_weight_data(d->m, "", TUFF_I64, 1, &dim, v, n * 8));
}

struct ir_value *dec_int(struct dec *d, int64_t v)
{
	return ir_const(d->m, ir_weight_data(d->m, "", TUFF_I64, 0, NULL, &v, 8));
}

struct ir_value *dec_cast(struct dec *d, struct ir_value *a, uint32_t dtype)
{
	struct ir_node *x;

	if (a->dtype == dtype)
		return a;
	x = dec_node(d, TUFF_OP_CAST, 1, 1, a);
	ir_attr_set_int(d->m, x, "to", dtype);
	return dec_end(d, x, NULL);
}

struct ir_value *dec_transpose(struct dec *d, struct ir_value *a, const int64_t *perm, struct ir_value *out)
{
	struct ir_node *x = dec_node(d, TUFF_OP_TRANSPOSE, 1, 1, a);

	ir_attr_set_ints(d->m, x, "perm", perm, a->rank);
	return dec_end(d, x, out);
}

struct ir_value *dec_reshape(struct dec *d, struct ir_value *a, int rank, const ir_expr *dim, struct ir_value *out)
{
	struct ir_node *x = dec_node(d, TUFF_OP_RESHAPE, 1, 1, a);

	if (d->ret || d->m->oom) {
		ir_node_remove(d->m, x);
		return d->none;
	}
	if (!out)
		out = ir_value_new(d->m, "");
	set_shape(out, a->dtype, rank, dim);
	return dec_end(d, x, out);
}

struct ir_value *dec_expand(struct dec *d, struct ir_value *a, int rank, const ir_expr *dim)
{
	struct ir_value *s = ir_value_new(d->m, "");	/* content only: nobody reads it */
	struct ir_node *x;

	s->rank = 1;
	s->dtype = TUFF_I64;
	s->dim[0] = ex_const(d->m, rank);
	s->nival = rank;
	s->ival = ir_alloc(d->m, (rank + 1) * sizeof(*s->ival));
	memcpy(s->ival, dim, rank * sizeof(*dim));
	x = dec_node(d, TUFF_OP_EXPAND, 2, 1, a, s);
	a = dec_end(d, x, NULL);
	x->nin = 1;
	return a;
}

struct ir_value *dec_unsqueeze(struct dec *d, struct ir_value *a, int axis, struct ir_value *out)
{
	ir_expr dim[TUFF_MAX_RANK + 1];

	if (a->rank >= TUFF_MAX_RANK) {
		dec_error(d, a, "more than 8 dimensions");
		return d->none;
	}
	for (int i = 0; i <= a->rank; i++)
		dim[i] = i == axis ? ex_const(d->m, 1) : a->dim[i - (i > axis)];
	return dec_reshape(d, a, a->rank + 1, dim, out);
}

struct ir_value *dec_concat(struct dec *d, int axis, struct ir_value *a, struct ir_value *b, struct ir_value *out)
{
	struct ir_node *x = dec_node(d, TUFF_OP_CONCAT, 2, 1, a, b);

	ir_attr_set_int(d->m, x, "axis", axis);
	return dec_end(d, x, out);
}

void dec_split(struct dec *d, struct ir_value *a, int axis, const ir_expr *part, uint32_t nparts, struct ir_value **out)
{
	struct ir_node *x = dec_node(d, TUFF_OP_SPLIT, 1, nparts, a);

	ir_attr_set_int(d->m, x, "axis", axis);
	for (uint32_t i = 0; i < nparts; i++) {
		out[i] = x->out[i] = ir_value_new(d->m, "");
		set_shape(out[i], a->dtype, a->rank, a->dim);
		out[i]->dim[axis < a->rank ? axis : 0] = part[i];
		out[i]->def = x;
	}
	if (a->rank <= axis)
		dec_error(d, a, "has too few dimensions");
	if (d->ret)
		ir_node_remove(d->m, x);
}

struct ir_value *dec_range(struct dec *d, ir_expr count)
{
	struct ir_value *zero = dec_int(d, 0), *end = ir_value_new(d->m, ""), *r;
	struct ir_node *x;
	int64_t c;

	end->rank = 0;
	end->dtype = TUFF_I64;
	end->nival = 1;
	end->ival = ir_alloc(d->m, sizeof(*end->ival));
	end->ival[0] = count;
	if (ex_value(d->m, count, &c))
		end = dec_int(d, c);
	x = dec_node(d, TUFF_OP_RANGE, 3, 1, zero, end, dec_int(d, 1));
	r = dec_end(d, x, NULL);
	if (end->weight == TUFF_NONE)
		x->in[1] = NULL;	/* the output's dimension says it */
	return r;
}

struct ir_value *dec_reduce(struct dec *d, uint32_t op, struct ir_value *a, const int64_t *axes, uint32_t n, int keep)
{
	struct ir_node *x = dec_node(d, op, 2, 1, a, dec_ints(d, axes, n));

	ir_attr_set_int(d->m, x, "keepdims", keep);
	return dec_end(d, x, NULL);
}

struct ir_value *dec_layernorm(struct dec *d, struct ir_value *x, struct ir_value *gamma, struct ir_value *beta,
			       float eps, int64_t axis, struct ir_value *out)
{
	struct ir_node *n = dec_node(d, TUFF_OP_LAYERNORM, beta ? 3 : 2, 1, x, gamma, beta);

	ir_attr_set_float(d->m, n, "epsilon", eps);
	ir_attr_set_int(d->m, n, "axis", axis);
	return dec_end(d, n, out);
}

struct ir_value *dec_rmsnorm(struct dec *d, struct ir_value *x, struct ir_value *gamma, float eps, int64_t axis, struct ir_value *out)
{
	struct ir_value *f = x->dtype == TUFF_F64 ? x : dec_cast(d, x, TUFF_F32), *v;
	int64_t axes[TUFF_MAX_RANK];
	uint32_t n = 0;

	axis += axis < 0 ? x->rank : 0;
	for (int64_t i = axis < 0 ? 0 : axis; i < x->rank; i++)
		axes[n++] = i;
	v = dec_reduce(d, TUFF_OP_REDUCE_MEAN, dec_2(d, TUFF_OP_MUL, f, f), axes, n, 1);
	v = dec_1(d, TUFF_OP_SQRT, dec_2(d, TUFF_OP_ADD, v, dec_float(d, eps, f)));
	v = dec_cast(d, dec_2(d, TUFF_OP_DIV, f, v), x->dtype);
	return dec_to(d, TUFF_OP_MUL, v, gamma, out);
}

int dec_error(struct dec *d, const struct ir_value *v, const char *what)
{
	if (!d->ret)
		d->ret = ir_error(d->m, -EOPNOTSUPP, d->n, v, "%s", what);
	return d->ret;
}
