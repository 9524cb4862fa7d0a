// SPDX-License-Identifier: MIT
/* What the lowerings of data movement, reductions and norms share. */
#include <errno.h>
#include <string.h>

#include "compiler/lower_util.h"

bool lt_div4(const struct ir_module *m, ir_expr e)
{
	const struct tuff_expr *x = &m->exprs[e];

	switch (x->op) {
	case TUFF_E_CONST:
		return x->value % 4 == 0;
	case TUFF_E_MUL:
		return lt_div4(m, x->a) || lt_div4(m, x->b);
	case TUFF_E_ADD: case TUFF_E_SUB: case TUFF_E_MIN: case TUFF_E_MAX:
		return lt_div4(m, x->a) && lt_div4(m, x->b);
	case TUFF_E_SELECT:
		return lt_div4(m, x->b) && lt_div4(m, x->c);
	}
	return false;
}

bool lt_split_rows(const struct ir_module *m, const struct ir_node *n, int64_t *rows, int64_t *row)
{
	const struct ir_value *x = n->in[0];
	int64_t v;

	if (n->op != TUFF_OP_GATHER || x->weight == TUFF_NONE || x->rank < 1 || lt_axis_attr(n, "axis", 0, x->rank) ||
	    m->weights[x->weight].scale != TUFF_NONE || !ex_value(m, x->dim[0], rows))
		return false;
	*row = 4;
	for (int i = 1; i < x->rank; i++) {
		if (!ex_value(m, x->dim[i], &v))
			return false;
		*row *= v;
	}
	return *row > 0 && *rows > (int64_t)launch_range(m) / *row && *row <= (int64_t)launch_range(m);
}

ir_expr lt_div(struct ir_module *m, ir_expr e)
{
	return ex_op(m, TUFF_E_DIV, e, ex_const(m, 4));
}

ir_expr lt_bytes(struct ir_module *m, ir_expr numel)
{
	return ex_mul(m, numel, ex_const(m, 4));
}

bool lt_float(const struct ir_value *v)
{
	return v->dtype == TUFF_F32 || v->dtype == TUFF_F16 || v->dtype == TUFF_BF16;
}

static bool has_form(const struct ir_value *v)
{
	switch (v->dtype) {
	case TUFF_F64: case TUFF_STRING: case TUFF_C64: case TUFF_C128: case TUFF_UNDEFINED:
		return false;
	}
	return true;
}

const char *lt_types(const struct ir_node *n)
{
	for (uint32_t i = 0; i < n->nin; i++)
		if (n->in[i] && !has_form(n->in[i]))
			return "an element type without a 4-byte form";
	for (uint32_t i = 0; i < n->nout; i++)
		if (n->out[i] && !has_form(n->out[i]))
			return "an element type without a 4-byte form";
	return NULL;
}

int lt_axis_attr(const struct ir_node *n, const char *name, int64_t def, int rank)
{
	int64_t axis = ir_attr_int(n, name, def);

	axis += axis < 0 ? rank : 0;
	return axis < 0 || axis >= rank ? -1 : (int)axis;
}

int lt_grid(struct launch *l, struct ir_node *n, uint32_t kernel, const uint32_t *bind, uint32_t nbind,
	    const ir_expr *d, uint32_t nd, ir_expr invocations, uint32_t local)
{
	ir_expr grid[3];

	launch_grid1(l, invocations, local, grid);
	return launch_dispatch(l, n, kernel, bind, nbind, d, nd, grid);
}

void lt_box_of(struct ir_module *m, struct lt_box *b, const struct ir_value *o, const ir_expr *si, int order[TUFF_MAX_RANK])
{
	bool cl = o->layout == TUFF_CL && o->rank >= 2;
	ir_expr so[TUFF_MAX_RANK], zero = ex_const(m, 0);

	memset(b, 0, sizeof(*b));
	launch_strides(m, o, so);
	b->rank = o->rank;
	b->in = b->out = zero;
	b->lanes = LT_NO_LANES;
	for (int k = 0; k < o->rank; k++) {
		int at = !cl || !k ? k : k + 1 < o->rank ? k + 1 : 1;

		order[k] = at;
		b->dim[k] = (struct lt_dim){ o->dim[at], si[at], so[at], zero, o->dim[at], true };
	}
	if (cl && !lt_div4(m, o->dim[1])) {
		b->dim[o->rank - 1].size = launch_cp(m, o);
		b->dim[o->rank - 1].n = b->dim[o->rank - 1].size;
		b->lanes = o->dim[1];
	}
}

/* Drops dimensions of 1, joins neighbours that are one run on both sides. */
static void merge(struct ir_module *m, struct lt_box *b)
{
	int at = 0;

	for (int k = 0; k < b->rank; k++) {
		bool last = k == b->rank - 1 && b->lanes != LT_NO_LANES;
		struct lt_dim *d = &b->dim[k], *p = at ? &b->dim[at - 1] : NULL;

		if (ex_is(m, d->size, 1) && d->whole && !last)
			continue;
		if (p && !last && p->whole && d->whole && p->si == ex_mul(m, d->si, d->size) && p->so == ex_mul(m, d->so, d->size)) {
			p->size = p->n = ex_mul(m, p->size, d->size);
			p->si = d->si;
			p->so = d->so;
			continue;
		}
		b->dim[at++] = *d;
	}
	if (!at) {
		ir_expr one = ex_const(m, 1);

		b->dim[at++] = (struct lt_dim){ one, one, one, ex_const(m, 0), one, true };
	}
	b->rank = at;
}

/* Four at a time: the last dimension is contiguous, everything else in fours. */
static bool fours(struct ir_module *m, struct lt_box *b)
{
	struct lt_dim *d = &b->dim[b->rank - 1];

	if (!d->whole || !ex_is(m, d->si, 1) || !ex_is(m, d->so, 1) || !lt_div4(m, d->size) || !lt_div4(m, b->in) || !lt_div4(m, b->out))
		return false;
	for (int k = 0; k < b->rank - 1; k++)
		if (!lt_div4(m, b->dim[k].si) || !lt_div4(m, b->dim[k].so))
			return false;
	d->size = d->n = lt_div(m, d->size);
	for (int k = 0; k < b->rank - 1; k++) {
		b->dim[k].si = lt_div(m, b->dim[k].si);
		b->dim[k].so = lt_div(m, b->dim[k].so);
	}
	b->in = lt_div(m, b->in);
	b->out = lt_div(m, b->out);
	return true;
}

int lt_copy(struct launch *l, struct ir_node *n, struct lt_box *b, uint32_t in, uint32_t out)
{
	struct ir_module *m = launch_module(l);
	ir_expr d[48], count = ex_const(m, 1);
	uint32_t id[] = { 0, 1, 2 }, spec[3], bind[] = { in, out };
	bool v4;

	merge(m, b);
	if (b->rank > TUFF_MAX_RANK)
		return ir_error(m, -EOPNOTSUPP, n, NULL, "more than 8 dimensions after joining");
	v4 = fours(m, b);
	for (int k = 0; k < b->rank; k++) {
		const struct lt_dim *x = &b->dim[k];
		ir_expr w[5] = { x->size, x->si, x->so, x->lo, x->whole ? x->size : x->n };

		count = ex_mul(m, count, x->size);
		memcpy(d + 8 + 5 * k, w, sizeof(w));
	}
	d[0] = count;
	d[1] = b->in;
	d[2] = b->out;
	d[3] = ex_const(m, (int32_t)b->fill);
	d[4] = b->lanes != LT_NO_LANES ? b->lanes : d[0];
	d[5] = d[6] = d[7] = ex_const(m, 0);
	spec[0] = b->rank;
	spec[1] = b->mode;
	spec[2] = b->lanes != LT_NO_LANES;
	return lt_grid(l, n, launch_kernel(l, v4 ? "copy4" : "copy", 2, 2, id, spec, 3), bind, 2, d, 8 + 5 * b->rank, count, LT_LOCAL);
}

int lt_relayout(struct launch *l, struct ir_node *n, const struct ir_value *v, bool to_cl, uint32_t in, uint32_t out)
{
	struct ir_module *m = launch_module(l);
	ir_expr s = ex_numel(m, v, 2, v->rank), c4 = lt_div(m, launch_cp(m, v));
	ir_expr count = ex_mul(m, ex_mul(m, v->dim[0], c4), s), d[4] = { count, v->dim[1], s, c4 };
	uint32_t bind[] = { in, out };

	if (ex_is(m, s, 1) && lt_div4(m, v->dim[1])) {	/* the same bytes */
		struct lt_box b = { .rank = 1, .lanes = LT_NO_LANES };
		ir_expr one = ex_const(m, 1), zero = ex_const(m, 0);

		b.in = b.out = zero;
		b.dim[0] = (struct lt_dim){ ex_mul(m, v->dim[0], v->dim[1]), one, one, zero, one, true };
		return lt_copy(l, n, &b, in, out);
	}
	return lt_grid(l, n, launch_kernel(l, to_cl ? "to_cl" : "from_cl", 2, 2, NULL, NULL, 0), bind, 2, d, 4, count, LT_LOCAL);
}

static uint32_t scratch_of(struct launch *l, const struct ir_value *v)
{
	struct ir_module *m = launch_module(l);

	return launch_scratch(l, lt_bytes(m, ex_numel(m, v, 0, v->rank)));
}

uint32_t lt_in(struct launch *l, struct ir_node *n, struct ir_value *v)
{
	uint32_t t;

	if (v->layout != TUFF_CL || v->rank < 2)
		return launch_tensor(l, v);
	t = scratch_of(l, v);
	return lt_relayout(l, n, v, false, launch_tensor(l, v), t) ? TUFF_NONE : t;
}

uint32_t lt_out(struct launch *l, struct ir_value *v)
{
	return v->layout != TUFF_CL || v->rank < 2 ? launch_tensor(l, v) : scratch_of(l, v);
}

int lt_out_done(struct launch *l, struct ir_node *n, struct ir_value *v, uint32_t t)
{
	if (v->layout != TUFF_CL || v->rank < 2)
		return 0;
	return lt_relayout(l, n, v, true, t, launch_tensor(l, v));
}

bool lt_axis_of(struct ir_module *m, const struct ir_value *v, int axis, struct lt_axis *a)
{
	bool cl = v->layout == TUFF_CL && v->rank >= 2;
	ir_expr one = ex_const(m, 1), st[TUFF_MAX_RANK];

	if (axis < 0 || axis >= v->rank)
		return false;
	launch_strides(m, v, st);
	a->n = v->dim[axis];
	a->pad = ex_const(m, 0);
	a->lanes = a->cp = one;	/* inner % 1 is below 1: no pad lane */
	if (!cl) {
		a->outer = ex_numel(m, v, 0, axis);
		a->inner = ex_numel(m, v, axis + 1, v->rank);
	} else if (axis == 1) {
		a->outer = ex_mul(m, v->dim[0], ex_numel(m, v, 2, v->rank));
		a->inner = one;
		a->pad = ex_sub(m, launch_cp(m, v), v->dim[1]);
	} else {
		a->cp = launch_cp(m, v);
		a->lanes = v->dim[1];
		a->outer = axis ? ex_mul(m, v->dim[0], ex_numel(m, v, 2, axis)) : one;
		a->inner = ex_mul(m, ex_numel(m, v, axis ? axis + 1 : 2, v->rank), a->cp);
	}
	a->sk = a->inner;
	a->so = ex_mul(m, ex_add(m, a->n, a->pad), a->inner);
	a->rows = ex_mul(m, a->outer, a->inner);
	return true;
}

uint32_t lt_axis_dims(struct ir_module *m, const struct lt_axis *a, ir_expr *d)
{
	ir_expr w[8] = { a->rows, a->n, a->inner, a->so, a->sk, a->lanes, a->cp, a->pad };

	memcpy(d, w, sizeof(w));
	return 8;
}
