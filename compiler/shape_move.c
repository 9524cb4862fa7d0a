// SPDX-License-Identifier: MIT
/* Shapes of operators that move data: views, joins, cuts, look-ups. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "compiler/decompose.h"

/* Integer content that must be constant; -EOPNOTSUPP names the tensor. */
static int consts(struct ir_module *m, struct ir_node *n, struct ir_value *v, int64_t *out, uint32_t max)
{
	if (!v->ival || v->nival > max)
		return ir_error(m, -EOPNOTSUPP, n, v, "must be constant with at most %u elements", max);
	for (uint32_t i = 0; i < v->nival; i++)
		if (!ex_value(m, v->ival[i], &out[i]))
			return ir_error(m, -EOPNOTSUPP, n, v, "element %u must be constant", i);
	return 0;
}

static int axis_of(struct ir_module *m, struct ir_node *n, int64_t axis, int rank, int *out)
{
	*out = 0;
	if (axis < -rank || axis >= rank)
		return ir_error(m, -EINVAL, n, n->in[0], "axis %lld is out of range", (long long)axis);
	*out = axis < 0 ? axis + rank : axis;
	return 0;
}

/* the same dimensions in another order: equal, whatever they are */
static bool same_factors(const struct ir_value *x, int rank, const ir_expr *d)
{
	uint32_t used = 0;

	if (rank != x->rank)
		return false;
	for (int i = 0; i < rank; i++) {
		int j;

		for (j = 0; j < rank && (used >> j & 1 || d[j] != x->dim[i]); j++)
			;
		if (j == rank)
			return false;
		used |= 1u << j;
	}
	return true;
}

/*
 * A shape with elements that only data tells: each may turn out to be -1 or 0.
 * (Two of -1 leave a product that is not the number of elements.)
 */
static int reshape_measured(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *s = n->in[1];
	ir_expr d[TUFF_MAX_RANK], known[TUFF_MAX_RANK], one = ex_const(m, 1), total = ex_numel(m, x, 0, x->rank), all = one;

	for (uint32_t i = 0; i < s->nival; i++) {
		known[i] = s->ival[i];
		if ((int)i < x->rank && !ir_attr_int(n, "allowzero", 0))
			known[i] = ex_select(m, ex_op(m, TUFF_E_EQ, s->ival[i], ex_const(m, 0)), x->dim[i], known[i]);
	}
	for (uint32_t i = 0; i < s->nival; i++) {
		ir_expr rest = one;

		for (uint32_t j = 0; j < s->nival; j++)
			rest = j == i ? rest : ex_mul(m, rest, known[j]);
		d[i] = ex_select(m, ex_op(m, TUFF_E_EQ, s->ival[i], ex_const(m, -1)),
				 ex_op(m, TUFF_E_DIV, total, ex_op(m, TUFF_E_MAX, rest, one)), known[i]);
		all = ex_mul(m, all, d[i]);
	}
	set_shape(n->out[0], x->dtype, s->nival, d);
	return size_same(m, n, x, total, all);
}

int shape_reshape(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *s = n->nin > 1 ? n->in[1] : NULL;
	ir_expr d[TUFF_MAX_RANK], known = ex_const(m, 1), total = ex_numel(m, x, 0, x->rank);
	int minus = -1, allowzero = ir_attr_int(n, "allowzero", 0);
	int64_t a, b;

	if (!s)		/* made by a pass: the shape is on the output already */
		return n->out[0]->rank >= 0 ? 0 : ir_error(m, -EINVAL, n, NULL, "input 1, the shape, is missing");
	if (!s->ival)
		return ir_error(m, -EOPNOTSUPP, n, s, "a shape that depends on data is not supported");
	if (s->nival > TUFF_MAX_RANK)
		return ir_error(m, -EINVAL, n, s, "more than 8 dimensions");
	for (uint32_t i = 0; i < s->nival; i++)
		if (ex_signed(m, s->ival[i]))
			return reshape_measured(m, n);
	for (uint32_t i = 0; i < s->nival; i++) {
		int64_t v;
		bool c = ex_value(m, s->ival[i], &v);

		if (c && v == -1) {
			if (minus >= 0)
				return ir_error(m, -EINVAL, n, s, "-1 stands twice");
			minus = i;
			continue;
		}
		if (c && v < -1)
			return ir_error(m, -EINVAL, n, s, "dimension %lld is negative", (long long)v);
		d[i] = s->ival[i];
		if (c && v == 0 && !allowzero) {
			if ((int)i >= x->rank)
				return ir_error(m, -EINVAL, n, s, "0 copies dimension %u, which the input does not have", i);
			d[i] = x->dim[i];
		}
		known = ex_mul(m, known, d[i]);
	}
	if (minus >= 0) {
		/* factors that both sides share cancel: (batch * 8) / batch */
		ir_expr num = ex_const(m, 1), den = ex_const(m, 1);
		uint32_t used = 0;

		for (int i = 0; i < x->rank; i++) {
			uint32_t j;

			for (j = 0; j < s->nival; j++)
				if ((int)j != minus && !(used >> j & 1) && d[j] == x->dim[i] && !ex_value(m, d[j], &a))
					break;
			if (j < s->nival)
				used |= 1u << j;
			else
				num = ex_mul(m, num, x->dim[i]);
		}
		for (uint32_t j = 0; j < s->nival; j++)
			if ((int)j != minus && !(used >> j & 1))
				den = ex_mul(m, den, d[j]);
		if (ex_value(m, den, &b) && !b)
			return ir_error(m, -EINVAL, n, s, "-1 beside a dimension of 0");
		if (ex_value(m, num, &a) && ex_value(m, den, &b) && a % b)
			return ir_error(m, -EINVAL, n, s, "%lld elements do not divide by %lld", (long long)a, (long long)b);
		d[minus] = ex_op(m, TUFF_E_DIV, num, den);
		if (!ex_is(m, den, 1) && size_divides(m, n, x, num, den))
			return -EINVAL;
	} else if (ex_value(m, total, &a) && ex_value(m, known, &b) && a != b) {
		return ir_error(m, -EINVAL, n, x, "%lld elements do not fit a shape of %lld", (long long)a, (long long)b);
	} else if (!same_factors(x, s->nival, d) && size_same(m, n, x, total, known)) {
		return -EINVAL;
	}
	set_shape(n->out[0], x->dtype, s->nival, d);
	return 0;
}

int shape_flatten(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0];
	int64_t axis = ir_attr_int(n, "axis", 1);
	ir_expr d[2];

	if (axis < -x->rank || axis > x->rank)
		return ir_error(m, -EINVAL, n, x, "axis %lld is out of range", (long long)axis);
	axis += axis < 0 ? x->rank : 0;
	d[0] = ex_numel(m, x, 0, axis);
	d[1] = ex_numel(m, x, axis, x->rank);
	set_shape(n->out[0], x->dtype, 2, d);
	return 0;
}

int shape_squeeze(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *axes = n->nin > 1 ? n->in[1] : NULL;
	int64_t a[TUFF_MAX_RANK];
	uint32_t mask = 0;
	ir_expr d[TUFF_MAX_RANK];
	int rank = 0, ret;

	if (axes) {
		ret = consts(m, n, axes, a, TUFF_MAX_RANK);
		for (uint32_t i = 0; !ret && i < axes->nival; i++) {
			int at, one;

			ret = axis_of(m, n, a[i], x->rank, &at);
			if (ret)
				break;
			one = ex_is(m, x->dim[at], 1);
			if (!one && ex_value(m, x->dim[at], &a[i]))
				ret = ir_error(m, -EINVAL, n, x, "dimension %d is not 1", at);
			else if (!one)
				ret = size_same(m, n, x, x->dim[at], ex_const(m, 1));
			mask |= 1u << at;
		}
		if (ret)
			return ret;
	}
	for (int i = 0; i < x->rank; i++)
		if (axes ? !(mask >> i & 1) : !ex_is(m, x->dim[i], 1))
			d[rank++] = x->dim[i];
	set_shape(n->out[0], x->dtype, rank, d);
	return 0;
}

int shape_unsqueeze(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0];
	int64_t a[TUFF_MAX_RANK];
	uint32_t mask = 0;
	ir_expr d[TUFF_MAX_RANK];
	int ret, rank, at = 0;

	ret = consts(m, n, n->in[1], a, TUFF_MAX_RANK);
	if (ret)
		return ret;
	rank = x->rank + n->in[1]->nival;
	if (rank > TUFF_MAX_RANK)
		return ir_error(m, -EINVAL, n, x, "more than 8 dimensions");
	for (uint32_t i = 0; i < n->in[1]->nival; i++) {
		int64_t v = a[i] < 0 ? a[i] + rank : a[i];

		if (v < 0 || v >= rank || mask >> v & 1)
			return ir_error(m, -EINVAL, n, x, "axis %lld is out of range or stands twice", (long long)a[i]);
		mask |= 1u << v;
	}
	for (int i = 0; i < rank; i++)
		d[i] = mask >> i & 1 ? ex_const(m, 1) : x->dim[at++];
	set_shape(n->out[0], x->dtype, rank, d);
	return 0;
}

int shape_transpose(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0];
	int64_t p[TUFF_MAX_RANK];
	ir_expr d[TUFF_MAX_RANK];
	uint32_t mask = 0;
	uint64_t cnt;
	const int64_t *perm = ir_attr_ints(n, "perm", &cnt);

	if (perm && cnt != (uint64_t)x->rank)
		return ir_error(m, -EINVAL, n, x, "perm has %llu entries", (unsigned long long)cnt);
	for (int i = 0; i < x->rank; i++) {
		p[i] = perm ? perm[i] : x->rank - 1 - i;
		if (p[i] < 0 || p[i] >= x->rank || mask >> p[i] & 1)
			return ir_error(m, -EINVAL, n, x, "perm is not a permutation");
		mask |= 1u << p[i];
		d[i] = x->dim[p[i]];
	}
	set_shape(n->out[0], x->dtype, x->rank, d);
	return ir_attr_set_ints(m, n, "perm", p, x->rank);
}

int shape_concat(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0];
	ir_expr d[TUFF_MAX_RANK];
	int axis, ret;

	ret = axis_of(m, n, ir_attr_int(n, "axis", 1), x->rank, &axis);
	if (ret)
		return ret;
	memcpy(d, x->dim, sizeof(d));
	for (uint32_t i = 1; i < n->nin; i++) {
		if (!n->in[i] || n->in[i]->rank != x->rank)
			return ir_error(m, -EINVAL, n, n->in[i], "input %u does not have the rank of input 0", i);
		for (int k = 0; k < x->rank; k++) {
			int64_t a, b;

			if (k != axis && ex_value(m, x->dim[k], &a) && ex_value(m, n->in[i]->dim[k], &b) && a != b)
				return ir_error(m, -EINVAL, n, n->in[i], "dimension %d is %lld beside %lld", k, (long long)b, (long long)a);
			if (k != axis && size_same(m, n, n->in[i], x->dim[k], n->in[i]->dim[k]))
				return -EINVAL;
		}
		d[axis] = ex_add(m, d[axis], n->in[i]->dim[axis]);
	}
	set_shape(n->out[0], x->dtype, x->rank, d);
	return ir_attr_set_int(m, n, "axis", axis);
}

int shape_split(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *s = n->nin > 1 ? n->in[1] : NULL;
	int axis, ret;
	ir_expr part;

	ret = axis_of(m, n, ir_attr_int(n, "axis", 0), x->rank, &axis);
	if (ret)
		return ret;
	if (s && !s->ival)
		return ir_error(m, -EOPNOTSUPP, n, s, "sizes that depend on data are not supported");
	if (s && s->nival != n->nout)
		return ir_error(m, -EINVAL, n, s, "%u sizes needed, one per output", n->nout);
	part = ex_cdiv(m, x->dim[axis], n->nout);
	if (s) {
		ir_expr sum = ex_const(m, 0);

		for (uint32_t i = 0; i < s->nival; i++)
			sum = ex_add(m, sum, s->ival[i]);
		ret = size_same(m, n, x, sum, x->dim[axis]);
		if (ret)
			return ret;
	}
	for (uint32_t i = 0; i < n->nout; i++) {
		ir_expr d[TUFF_MAX_RANK];

		if (!n->out[i])
			return ir_error(m, -EOPNOTSUPP, n, NULL, "output %u is missing", i);
		memcpy(d, x->dim, sizeof(d));
		d[axis] = s ? s->ival[i] : i + 1 < n->nout ? part :
			  ex_sub(m, x->dim[axis], ex_mul(m, part, ex_const(m, n->nout - 1)));
		set_shape(n->out[i], x->dtype, x->rank, d);
	}
	return ir_attr_set_int(m, n, "axis", axis);
}

/* One bound of a slice as the specification clamps it, for a step above 0. */
static ir_expr bound(struct ir_module *m, ir_expr v, ir_expr dim)
{
	ir_expr zero = ex_const(m, 0);
	ir_expr neg = ex_op(m, TUFF_E_LT, v, zero);
	int64_t c;

	if (ex_value(m, v, &c) && c >= INT32_MAX)
		return dim;
	if (ex_value(m, v, &c) && c == 0)
		return v;
	v = ex_select(m, neg, ex_add(m, v, dim), v);
	return ex_op(m, TUFF_E_MIN, ex_op(m, TUFF_E_MAX, v, zero), dim);
}

int shape_slice(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *st = n->in[1], *en = n->in[2];
	struct ir_value *ax = n->nin > 3 ? n->in[3] : NULL, *sp = n->nin > 4 ? n->in[4] : NULL;
	ir_expr d[TUFF_MAX_RANK];
	int64_t steps[TUFF_MAX_RANK] = { 0 }, axes[TUFF_MAX_RANK] = { 0 };
	int ret = 0;

	if (!st->ival || !en->ival)
		return ir_error(m, -EOPNOTSUPP, n, st->ival ? en : st, "bounds that depend on data are not supported");
	if (st->nival > (uint32_t)x->rank || en->nival != st->nival || (ax && ax->nival != st->nival) || (sp && sp->nival != st->nival))
		return ir_error(m, -EINVAL, n, x, "starts, ends, axes and steps do not fit");
	for (uint32_t i = 0; i < st->nival; i++) {
		axes[i] = i;
		steps[i] = 1;
	}
	if (ax)
		ret = consts(m, n, ax, axes, TUFF_MAX_RANK);
	if (!ret && sp)
		ret = consts(m, n, sp, steps, TUFF_MAX_RANK);
	if (ret)
		return ret;
	memcpy(d, x->dim, sizeof(d));
	for (uint32_t i = 0; i < st->nival; i++) {
		ir_expr dim, from, to;
		int64_t s, e, z;
		int a;

		ret = axis_of(m, n, axes[i], x->rank, &a);
		if (ret)
			return ret;
		dim = x->dim[a];
		if (!steps[i])
			return ir_error(m, -EINVAL, n, x, "step 0");
		if (steps[i] > 0) {
			from = bound(m, st->ival[i], dim);
			to = bound(m, en->ival[i], dim);
			from = ex_sub(m, to, from);
			if (!ex_value(m, st->ival[i], &s) || s)
				from = ex_op(m, TUFF_E_MAX, from, ex_const(m, 0));
			d[a] = ex_cdiv(m, from, steps[i]);
			continue;
		}
		if (!ex_value(m, st->ival[i], &s) || !ex_value(m, en->ival[i], &e) || !ex_value(m, dim, &z))
			return ir_error(m, -EAGAIN, n, x, "a backward slice of an unknown size");
		s = s < 0 ? s + z : s;
		s = s < 0 ? -1 : s >= z ? z - 1 : s;
		e = e < -z ? -1 : e < 0 ? e + z : e >= z ? z - 1 : e;
		d[a] = ex_const(m, s > e ? (s - e - steps[i] - 1) / -steps[i] : 0);
	}
	set_shape(n->out[0], x->dtype, x->rank, d);
	return 0;
}

/* pads of some axes as pads of all */
static int pad_axes(struct ir_module *m, struct ir_node *n)
{
	int64_t axes[TUFF_MAX_RANK], some[2 * TUFF_MAX_RANK], all[2 * TUFF_MAX_RANK] = { 0 }, count = 2 * n->in[0]->rank;
	int ret = consts(m, n, n->in[3], axes, TUFF_MAX_RANK), rank = n->in[0]->rank;
	uint32_t cnt = n->in[3]->nival, seen = 0;

	ret = ret ? ret : consts(m, n, n->in[1], some, 2 * TUFF_MAX_RANK);
	if (!ret && n->in[1]->nival != 2 * cnt)
		ret = ir_error(m, -EINVAL, n, n->in[1], "needs %u elements", 2 * cnt);
	for (uint32_t i = 0; i < cnt && !ret; i++) {
		int a;

		ret = axis_of(m, n, axes[i], rank, &a);
		if (!ret && seen >> a & 1)
			ret = ir_error(m, -EINVAL, n, n->in[3], "axis %d stands twice", a);
		if (ret)
			break;
		seen |= 1u << a;
		all[a] = some[i];
		all[a + rank] = some[i + cnt];
	}
	if (ret)
		return ret;
	n->in[1] = ir_const(m, ir_weight_data(m, "pads", TUFF_I64, 1, &count, all, count * 8));
	n->in[3] = NULL;
	n->nin = 3;
	return m->oom ? -ENOMEM : 0;
}

int shape_pad(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *p = n->in[1];
	ir_expr d[TUFF_MAX_RANK];

	if (n->nin > 3 && n->in[3]) {	/* then both are constant (dynamic.c) */
		int ret = pad_axes(m, n);

		if (ret)
			return ret;
		p = n->in[1];
	}
	if (!p->ival)
		return ir_error(m, -EOPNOTSUPP, n, p, "pads that depend on data are not supported");
	if (p->nival != 2u * x->rank)
		return ir_error(m, -EINVAL, n, p, "needs %d known elements", 2 * x->rank);
	for (int i = 0; i < x->rank; i++)
		d[i] = ex_add(m, x->dim[i], ex_add(m, p->ival[i], p->ival[i + x->rank]));
	set_shape(n->out[0], x->dtype, x->rank, d);
	return 0;
}

int shape_tile(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *r = n->in[1];
	ir_expr d[TUFF_MAX_RANK];

	if (!r->ival)
		return ir_error(m, -EOPNOTSUPP, n, r, "repeats that depend on data are not supported");
	if (r->nival != (uint32_t)x->rank)
		return ir_error(m, -EINVAL, n, r, "needs %d known elements", x->rank);
	for (int i = 0; i < x->rank; i++)
		d[i] = ex_mul(m, x->dim[i], r->ival[i]);
	set_shape(n->out[0], x->dtype, x->rank, d);
	return 0;
}

int shape_expand(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *s = n->in[1];
	ir_expr d[TUFF_MAX_RANK];
	int rank;

	if (!s->ival || s->nival > TUFF_MAX_RANK)
		return ir_error(m, -EOPNOTSUPP, n, s, "a shape that depends on data is not supported");
	rank = x->rank > (int)s->nival ? x->rank : (int)s->nival;
	for (int i = 0; i < rank; i++) {
		int ix = i - (rank - x->rank), is = i - (rank - (int)s->nival);
		ir_expr a = ix >= 0 ? x->dim[ix] : ex_const(m, 1), b = is >= 0 ? s->ival[is] : ex_const(m, 1);
		int ret = size_bcast(m, n, x, a, b, &d[i]);

		if (ret)
			return ret;
	}
	set_shape(n->out[0], x->dtype, rank, d);
	return 0;
}

int shape_gather(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *ix = n->in[1];
	ir_expr d[2 * TUFF_MAX_RANK];
	int axis, at = 0, ret;

	ret = axis_of(m, n, ir_attr_int(n, "axis", 0), x->rank, &axis);
	if (ret)
		return ret;
	if (x->rank - 1 + ix->rank > TUFF_MAX_RANK)
		return ir_error(m, -EINVAL, n, x, "more than 8 dimensions");
	for (int i = 0; i < axis; i++)
		d[at++] = x->dim[i];
	for (int i = 0; i < ix->rank; i++)
		d[at++] = ix->dim[i];
	for (int i = axis + 1; i < x->rank; i++)
		d[at++] = x->dim[i];
	set_shape(n->out[0], x->dtype, at, d);
	return ir_attr_set_int(m, n, "axis", axis);
}

int shape_resize(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0];
	struct ir_value *scales = n->nin > 2 ? n->in[2] : NULL, *sizes = n->nin > 3 ? n->in[3] : NULL;
	ir_expr d[TUFF_MAX_RANK];

	if (ir_attr_find(n, "axes") || ir_attr_find(n, "keep_aspect_ratio_policy") || ir_attr_int(n, "antialias", 0))
		return ir_error(m, -EOPNOTSUPP, n, x, "axes, aspect ratio policy and antialias are not supported");
	if (sizes) {
		if (!sizes->ival)
			return ir_error(m, -EOPNOTSUPP, n, sizes, "sizes that depend on data are not supported");
		if (sizes->nival != (uint32_t)x->rank)
			return ir_error(m, -EINVAL, n, sizes, "needs %d known elements", x->rank);
		set_shape(n->out[0], x->dtype, x->rank, sizes->ival);
		return 0;
	}
	if (!scales || scales->weight == TUFF_NONE || scales->dtype != TUFF_F32 || !ir_weight_bytes(m, scales->weight) ||
	    m->weights[scales->weight].size != 4u * x->rank)
		return ir_error(m, -EOPNOTSUPP, n, scales, "scales must be a constant with one element per dimension");
	for (int i = 0; i < x->rank; i++) {
		const uint8_t *b = ir_weight_bytes(m, scales->weight);
		int64_t p, q;
		float f;
		int e;

		memcpy(&f, b + 4 * i, 4);
		if (!(f >= 1 / 65536.f) || f > 65536)
			return ir_error(m, -EINVAL, n, scales, "scale %g is out of range", f);
		if (!tuff_ratio(f, &p, &q)) {	/* what it is exactly: 24 bits and a power of two */
			p = (int64_t)ldexpf(frexpf(f, &e), 24);
			q = 1ll << (24 - e);
		}
		d[i] = ex_op(m, TUFF_E_DIV, ex_mul(m, x->dim[i], ex_const(m, p)), ex_const(m, q));
	}
	set_shape(n->out[0], x->dtype, x->rank, d);
	return 0;
}

int shape_shape(struct ir_module *m, struct ir_node *n)
{
	int rank = n->in[0]->rank;
	int64_t from = ir_attr_int(n, "start", 0), to = ir_attr_int(n, "end", rank);
	ir_expr d;

	from = from < 0 ? from + rank : from;
	to = to < 0 ? to + rank : to;
	from = from < 0 ? 0 : from > rank ? rank : from;
	to = to < from ? from : to > rank ? rank : to;
	d = ex_const(m, to - from);
	set_shape(n->out[0], TUFF_I64, 1, &d);
	return 0;
}

int shape_constofshape(struct ir_module *m, struct ir_node *n)
{
	struct ir_attr *a = ir_attr_find(n, "value");
	struct ir_value *s = n->in[0], *one;
	bool constant = true;
	struct dec d;
	int64_t v;

	if (!s->ival || s->nival > TUFF_MAX_RANK)
		return ir_error(m, -EOPNOTSUPP, n, s, "a shape that depends on data is not supported");
	set_shape(n->out[0], a && a->type == TUFF_A_TENSOR ? m->weights[a->weight].dtype : TUFF_F32, s->nival, s->ival);
	for (uint32_t i = 0; i < s->nival; i++)
		constant &= ex_value(m, s->ival[i], &v);
	if (constant)	/* a fill: fold.c */
		return 0;
	dec_begin(&d, m, n);
	one = a && a->type == TUFF_A_TENSOR ? ir_const(m, a->weight) : dec_float(&d, 0, n->out[0]);
	dec_to(&d, TUFF_OP_EXPAND, one, s, n->out[0]);
	return dec_done(&d);
}

int shape_range(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *a = n->in[0], *b = n->in[1], *c = n->in[2];
	ir_expr d;
	int64_t step;

	if (!a->ival || !b->ival || !c->ival || a->nival != 1 || b->nival != 1 || c->nival != 1)
		return ir_error(m, -EOPNOTSUPP, n, b, "a range that depends on data is not supported");
	if (!ex_value(m, c->ival[0], &step)) {
		ir_expr zero = ex_const(m, 0), back = ex_op(m, TUFF_E_LT, c->ival[0], zero);

		d = ex_op(m, TUFF_E_CDIV, ex_select(m, back, ex_sub(m, a->ival[0], b->ival[0]), ex_sub(m, b->ival[0], a->ival[0])),
			  ex_select(m, back, ex_sub(m, zero, c->ival[0]), c->ival[0]));
	} else if (!step) {
		return ir_error(m, -EINVAL, n, c, "step 0");
	} else {
		d = step > 0 ? ex_cdiv(m, ex_sub(m, b->ival[0], a->ival[0]), step) : ex_cdiv(m, ex_sub(m, a->ival[0], b->ival[0]), -step);
	}
	d = ex_op(m, TUFF_E_MAX, d, ex_const(m, 0));
	set_shape(n->out[0], a->dtype, 1, &d);
	return 0;
}
