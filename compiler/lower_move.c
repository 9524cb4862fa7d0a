// SPDX-License-Identifier: MIT
/*
 * Data movement as boxes that are copied: Transpose, Concat, Split, Slice,
 * Pad, Tile, Expand; and the change of layout.
 */
#include <errno.h>
#include <string.h>

#include "compiler/lower_util.h"

static const char *can_types(struct ir_module *m, const struct ir_node *n)
{
	return lt_types(n);
}

/* ---- LAYOUT ---- */
static int layout_emit(struct launch *l, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *o = n->out[0];

	if (x->layout == o->layout || x->rank < 2) {
		struct ir_module *m = launch_module(l);
		ir_expr st[TUFF_MAX_RANK];
		int order[TUFF_MAX_RANK];
		struct lt_box b;

		launch_strides(m, x, st);
		lt_box_of(m, &b, o, st, order);
		return lt_copy(l, n, &b, launch_tensor(l, x), launch_tensor(l, o));
	}
	return lt_relayout(l, n, o, o->layout == TUFF_CL, launch_tensor(l, x), launch_tensor(l, o));
}
const struct lower_ops lower_layout = { can_types, layout_emit };

/* ---- TRANSPOSE ---- */
static int transpose_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *o = n->out[0];
	ir_expr st[TUFF_MAX_RANK], si[TUFF_MAX_RANK];
	int order[TUFF_MAX_RANK];
	const int64_t *perm;
	struct lt_box b;
	uint64_t cnt;

	perm = ir_attr_ints(n, "perm", &cnt);
	launch_strides(m, x, st);
	for (int i = 0; i < o->rank; i++)
		si[i] = st[perm ? perm[i] : x->rank - 1 - i];
	lt_box_of(m, &b, o, si, order);
	return lt_copy(l, n, &b, launch_tensor(l, x), launch_tensor(l, o));
}
const struct lower_ops lower_transpose = { can_types, transpose_emit };

/* ---- CONCAT, SPLIT ---- */

/*
 * Between `part`, dimensions [at, at + part) of the axis, and `whole`. When
 * the axis is the channels of CL tensors, the part that ends the row also
 * writes the pad lanes behind it.
 */
static int piece(struct launch *l, struct ir_node *n, int axis, struct ir_value *part, struct ir_value *whole,
		 ir_expr at, bool join, bool ends)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *o = join ? whole : part;
	ir_expr sp[TUFF_MAX_RANK], sw[TUFF_MAX_RANK], off;
	int order[TUFF_MAX_RANK];
	struct lt_box b;

	launch_strides(m, part, sp);
	launch_strides(m, whole, sw);
	lt_box_of(m, &b, o, join ? sp : sw, order);
	off = ex_mul(m, at, sw[axis]);
	if (join) {
		for (int k = 0; k < b.rank; k++) {
			struct lt_dim *d = &b.dim[k];

			if (order[k] != axis)
				continue;
			d->size = d->n = part->dim[axis];
			if (whole->layout == TUFF_CL && axis == 1) {
				b.lanes = LT_NO_LANES;
				if (ends && !lt_div4(m, whole->dim[1])) {
					d->size = d->n = ex_sub(m, launch_cp(m, whole), at);
					b.lanes = part->dim[1];
				}
			}
		}
		b.out = off;
	} else {
		b.in = off;
	}
	return lt_copy(l, n, &b, launch_tensor(l, join ? part : whole), launch_tensor(l, o));
}

static int pieces(struct launch *l, struct ir_node *n, bool join)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *whole = join ? n->out[0] : n->in[0];
	uint32_t count = join ? n->nin : n->nout;
	int axis = lt_axis_attr(n, "axis", join ? 1 : 0, whole->rank), ret = 0;
	ir_expr at = ex_const(m, 0);

	if (axis < 0)
		return ir_error(m, -EINVAL, n, whole, "axis is out of range");
	for (uint32_t i = 0; i < count && !ret; i++) {
		struct ir_value *part = join ? n->in[i] : n->out[i];

		if (!ex_is(m, part->dim[axis], 0) || i + 1 == count)
			ret = piece(l, n, axis, part, whole, at, join, i + 1 == count);
		at = ex_add(m, at, part->dim[axis]);
	}
	return ret;
}

static int concat_emit(struct launch *l, struct ir_node *n)
{
	return pieces(l, n, true);
}
const struct lower_ops lower_concat = { can_types, concat_emit };

static int split_emit(struct launch *l, struct ir_node *n)
{
	return pieces(l, n, false);
}
const struct lower_ops lower_split = { can_types, split_emit };

/* ---- SLICE ---- */
static bool ival(const struct ir_node *n, uint32_t i, uint32_t k, ir_expr *e)
{
	if (n->nin <= i || !n->in[i] || !n->in[i]->ival || k >= n->in[i]->nival)
		return false;
	*e = n->in[i]->ival[k];
	return true;
}

static const char *slice_can(struct ir_module *m, const struct ir_node *n)
{
	ir_expr e;
	int64_t v;

	if (!n->in[1]->ival)
		return "starts that depend on data";
	for (uint32_t i = 0; i < n->in[1]->nival; i++) {
		if (n->nin > 3 && n->in[3] && (!ival(n, 3, i, &e) || !ex_value(m, e, &v)))
			return "axes that depend on data";
		if (n->nin > 4 && n->in[4] && (!ival(n, 4, i, &e) || !ex_value(m, e, &v) || v > INT32_MAX || v < -INT32_MAX))
			return "steps that depend on data";
	}
	return lt_types(n);
}

static int slice_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *o = n->out[0];
	ir_expr si[TUFF_MAX_RANK], base = ex_const(m, 0), zero = base, e;
	int order[TUFF_MAX_RANK];
	struct lt_box b;

	launch_strides(m, x, si);
	for (uint32_t i = 0; i < n->in[1]->nival; i++) {
		int64_t ax = i, step = 1, c;
		ir_expr from = n->in[1]->ival[i], dim, top;

		if (ival(n, 3, i, &e))
			ex_value(m, e, &ax);
		if (ival(n, 4, i, &e))
			ex_value(m, e, &step);
		ax += ax < 0 ? x->rank : 0;
		if (ax < 0 || ax >= x->rank)
			return ir_error(m, -EINVAL, n, x, "axis is out of range");
		dim = x->dim[ax];
		top = step < 0 ? ex_sub(m, dim, ex_const(m, 1)) : dim;
		if (!ex_value(m, from, &c) || c < 0)
			from = ex_select(m, ex_op(m, TUFF_E_LT, from, zero), ex_add(m, from, dim), from);
		if (!ex_value(m, from, &c) || c != 0)	/* 0 is at most top unless there is nothing to copy */
			from = ex_op(m, TUFF_E_MIN, ex_op(m, TUFF_E_MAX, from, zero), top);
		base = ex_add(m, base, ex_mul(m, from, si[ax]));
		si[ax] = ex_mul(m, si[ax], ex_const(m, step));
	}
	lt_box_of(m, &b, o, si, order);
	b.in = base;
	return lt_copy(l, n, &b, launch_tensor(l, x), launch_tensor(l, o));
}
const struct lower_ops lower_slice = { slice_can, slice_emit };

/* ---- PAD ---- */
static const char *pad_can(struct ir_module *m, const struct ir_node *n)
{
	const char *mode = ir_attr_str(n, "mode", "constant");

	if (!n->in[1]->ival || n->in[1]->nival != 2u * n->in[0]->rank)
		return "pads that depend on data";
	if (n->nin > 3 && n->in[3])
		return "axes of Pad";
	if (strcmp(mode, "constant") && strcmp(mode, "edge") && strcmp(mode, "reflect") && strcmp(mode, "wrap"))
		return "an unknown mode of Pad";
	if (n->nin > 2 && n->in[2] && n->in[2]->weight == TUFF_NONE)
		return "a pad value that depends on data";
	return lt_types(n);
}

/* bits of the constant scalar v as it is stored on the device */
static uint32_t scalar(struct ir_module *m, const struct ir_value *v)
{
	const struct tuff_weight *w = &m->weights[v->weight];
	const void *b = ir_weight_bytes(m, v->weight);
	uint32_t bits = 0;
	float f;

	if (!b)
		b = &w->fill;
	switch (w->dtype) {
	case TUFF_F16:
		f = tuff_f16_to_f32(*(const uint16_t *)b);
		memcpy(&bits, &f, 4);
		return bits;
	case TUFF_BF16: return (uint32_t)*(const uint16_t *)b << 16;
	case TUFF_I8: return *(const int8_t *)b;
	case TUFF_I16: return *(const int16_t *)b;
	case TUFF_BOOL: return *(const uint8_t *)b != 0;
	}
	memcpy(&bits, b, tuff_dtype_size(w->dtype) < 4 ? tuff_dtype_size(w->dtype) : 4);
	return bits;
}

static int pad_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *o = n->out[0];
	const char *mode = ir_attr_str(n, "mode", "constant");
	ir_expr si[TUFF_MAX_RANK];
	int order[TUFF_MAX_RANK];
	struct lt_box b;

	launch_strides(m, x, si);
	lt_box_of(m, &b, o, si, order);
	b.mode = !strcmp(mode, "constant") ? LT_FILL : !strcmp(mode, "edge") ? LT_EDGE : !strcmp(mode, "wrap") ? LT_WRAP : LT_REFLECT;
	b.fill = b.mode == LT_FILL && n->nin > 2 && n->in[2] ? scalar(m, n->in[2]) : 0;
	for (int k = 0; k < b.rank; k++) {
		struct lt_dim *d = &b.dim[k];
		int at = order[k];
		ir_expr lo = n->in[1]->ival[at], hi = n->in[1]->ival[at + x->rank];

		d->whole = ex_is(m, lo, 0) && ex_is(m, hi, 0);
		d->lo = lo;
		d->n = x->dim[at];
		/* untouched channels: their zeros come along, unless around them a fill */
		if (at == 1 && d->whole && b.lanes != LT_NO_LANES && !b.fill && x->layout == TUFF_CL)
			b.lanes = LT_NO_LANES;
	}
	return lt_copy(l, n, &b, launch_tensor(l, x), launch_tensor(l, o));
}
const struct lower_ops lower_pad = { pad_can, pad_emit };

/* ---- TILE ---- */
static const char *tile_can(struct ir_module *m, const struct ir_node *n)
{
	return n->in[1]->ival && n->in[1]->nival == (uint32_t)n->in[0]->rank ? lt_types(n) : "repeats that depend on data";
}

static int tile_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *o = n->out[0];
	ir_expr si[TUFF_MAX_RANK];
	int order[TUFF_MAX_RANK];
	struct lt_box b;

	launch_strides(m, x, si);
	lt_box_of(m, &b, o, si, order);
	b.mode = LT_WRAP;
	for (int k = 0; k < b.rank; k++) {
		b.dim[k].n = x->dim[order[k]];
		b.dim[k].whole = ex_is(m, n->in[1]->ival[order[k]], 1);
	}
	return lt_copy(l, n, &b, launch_tensor(l, x), launch_tensor(l, o));
}
const struct lower_ops lower_tile = { tile_can, tile_emit };

/* ---- EXPAND ---- */
static int expand_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *o = n->out[0];
	ir_expr st[TUFF_MAX_RANK], si[TUFF_MAX_RANK], zero = ex_const(m, 0), one = ex_const(m, 1);
	int order[TUFF_MAX_RANK];
	struct lt_box b;

	launch_strides(m, x, st);
	for (int i = 0; i < o->rank; i++) {
		int k = i - (o->rank - x->rank);

		if (k < 0 || ex_is(m, x->dim[k], 1))
			si[i] = zero;
		else	/* a size that may turn out to be 1 */
			si[i] = x->dim[k] == o->dim[i] ? st[k] : ex_select(m, ex_op(m, TUFF_E_EQ, x->dim[k], one), zero, st[k]);
	}
	lt_box_of(m, &b, o, si, order);
	return lt_copy(l, n, &b, launch_tensor(l, x), launch_tensor(l, o));
}
const struct lower_ops lower_expand = { can_types, expand_emit };
