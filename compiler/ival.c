// SPDX-License-Identifier: MIT
/*
 * Integer content by expression: what Shape, Gather, Concat and arithmetic on
 * small integer tensors give. Anything else simply has no known content.
 */
#include "compiler/shape.h"

static ir_expr *make(struct ir_module *m, struct ir_value *v)
{
	int64_t n, total = 1;

	for (int i = 0; i < v->rank; i++) {
		if (!ex_value(m, v->dim[i], &n) || n < 0 || n > IR_MAX_IVAL)
			return NULL;
		total *= n;
		if (total > IR_MAX_IVAL)
			return NULL;
	}
	v->nival = total;
	return ir_alloc(m, (total + 1) * sizeof(ir_expr));
}

static void copy(struct ir_module *m, struct ir_value *out, const struct ir_value *in)
{
	ir_expr *e = make(m, out);

	if (!e || out->nival != in->nival)
		return;
	for (uint32_t i = 0; i < in->nival; i++)
		e[i] = in->ival[i];
	out->ival = e;
}

/* constant dimensions, and the strides of such a tensor */
struct nd {
	int rank;
	int64_t dim[TUFF_MAX_RANK], st[TUFF_MAX_RANK];
};

static bool nd_of(const struct ir_module *m, const struct ir_value *v, struct nd *d)
{
	int64_t s = 1;

	d->rank = v->rank;
	for (int i = v->rank - 1; i >= 0; i--) {
		if (!ex_value(m, v->dim[i], &d->dim[i]))
			return false;
		d->st[i] = s;
		s *= d->dim[i];
	}
	return true;
}

static void position(const struct nd *d, uint32_t i, int64_t at[TUFF_MAX_RANK])
{
	for (int k = 0; k < d->rank; k++)
		at[k] = i / d->st[k] % d->dim[k];
}

/* element i of v's output, taken from an operand that broadcasts to it */
static ir_expr at(const struct ir_value *v, const struct nd *d, const struct nd *o, uint32_t i)
{
	int64_t p[TUFF_MAX_RANK], k = 0;

	position(o, i, p);
	for (int j = 0; j < d->rank; j++)
		if (d->dim[j] > 1)
			k += p[o->rank - d->rank + j] * d->st[j];
	return v->ival[k];
}

static void binary(struct ir_module *m, struct ir_node *n, uint32_t op, bool swap)
{
	struct ir_value *a = n->in[swap], *b = n->in[!swap], *out = n->out[0];
	struct nd da, db, d;
	ir_expr *e;

	if (!a->ival || !b->ival || !(e = make(m, out)) || !nd_of(m, a, &da) || !nd_of(m, b, &db) || !nd_of(m, out, &d))
		return;
	for (uint32_t i = 0; i < out->nival; i++) {
		ir_expr ea = at(a, &da, &d, i), eb = at(b, &db, &d, i);
		int64_t x, y;

		/* Div truncates towards zero; sizes are not negative, constants may be */
		if (op == TUFF_E_DIV && ((ex_value(m, ea, &x) && x < 0) || (ex_value(m, eb, &y) && y <= 0)))
			return;
		/* an expression that nobody needs must not fail for some sizes */
		if (op == TUFF_E_MOD && (!ex_value(m, eb, &y) || y <= 0))
			return;
		e[i] = ex_op(m, op, ea, eb);
	}
	out->ival = e;
}

static int axis_of(const struct ir_node *n, int rank)
{
	int64_t axis = ir_attr_int(n, "axis", 0);

	return axis < 0 ? axis + rank : axis;
}

static void gather(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *ix = n->in[1], *out = n->out[0];
	int axis = axis_of(n, x->rank);
	struct nd dx;
	int64_t inner;
	ir_expr *e;

	if (!x->ival || !ix->ival || !nd_of(m, x, &dx) || !(e = make(m, out)))
		return;
	inner = dx.st[axis];
	for (uint32_t i = 0; i < out->nival; i++) {
		int64_t k, outer = i / inner / ix->nival;

		if (!ex_value(m, ix->ival[i / inner % ix->nival], &k))
			return;
		k += k < 0 ? dx.dim[axis] : 0;
		if (k < 0 || k >= dx.dim[axis])
			return;
		e[i] = x->ival[(outer * dx.dim[axis] + k) * inner + i % inner];
	}
	out->ival = e;
}

static void concat(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *out = n->out[0];
	int axis = axis_of(n, out->rank);
	int64_t from = 0;
	struct nd d;
	ir_expr *e;

	if (!(e = make(m, out)) || !nd_of(m, out, &d))
		return;
	for (uint32_t i = 0; i < n->nin; i++) {
		const struct ir_value *x = n->in[i];
		int64_t p[TUFF_MAX_RANK];
		struct nd dx;

		if (!x->ival || !nd_of(m, x, &dx))
			return;
		for (uint32_t j = 0; j < x->nival; j++) {
			int64_t k = from * d.st[axis];

			position(&dx, j, p);
			for (int r = 0; r < d.rank; r++)
				k += p[r] * d.st[r];
			if (k >= out->nival)
				return;
			e[k] = x->ival[j];
		}
		from += dx.dim[axis];
	}
	out->ival = e;
}

/* out[p] = x[from + p * step], by dimension of x */
static void strided(struct ir_module *m, const struct ir_value *x, struct ir_value *out, const int *dim_of,
		    const int64_t *from, const int64_t *step)
{
	struct nd dx, d;
	ir_expr *e;

	if (!x->ival || !(e = make(m, out)) || !nd_of(m, x, &dx) || !nd_of(m, out, &d))
		return;
	for (uint32_t i = 0; i < out->nival; i++) {
		int64_t p[TUFF_MAX_RANK], at = 0;

		position(&d, i, p);
		for (int k = 0; k < d.rank; k++) {
			int64_t j = from[k] + p[k] * step[k];

			if (j < 0 || j >= dx.dim[dim_of[k]])
				return;
			at += j * dx.st[dim_of[k]];
		}
		e[i] = x->ival[at];
	}
	out->ival = e;
}

static const int same_dim[TUFF_MAX_RANK] = { 0, 1, 2, 3, 4, 5, 6, 7 };
static const int64_t ones[TUFF_MAX_RANK] = { 1, 1, 1, 1, 1, 1, 1, 1 }, zeros[TUFF_MAX_RANK];

static void slice(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *axes = n->nin > 3 ? n->in[3] : NULL, *steps = n->nin > 4 ? n->in[4] : NULL;
	int64_t from[TUFF_MAX_RANK] = { 0 }, step[TUFF_MAX_RANK];
	struct nd dx;

	if (!x->ival || !n->in[1]->ival || !nd_of(m, x, &dx))
		return;
	memcpy(step, ones, sizeof(step));
	for (uint32_t i = 0; i < n->in[1]->nival; i++) {
		int64_t a = i, f, s = 1;

		if ((axes && (!axes->ival || !ex_value(m, axes->ival[i], &a))) || !ex_value(m, n->in[1]->ival[i], &f) ||
		    (steps && (!steps->ival || !ex_value(m, steps->ival[i], &s))))
			return;
		a += a < 0 ? x->rank : 0;
		f += f < 0 ? dx.dim[a] : 0;
		f = f < 0 ? 0 : f;
		from[a] = s < 0 && f >= dx.dim[a] ? dx.dim[a] - 1 : f;
		step[a] = s;
	}
	strided(m, x, n->out[0], same_dim, from, step);
}

static void transpose(struct ir_module *m, struct ir_node *n)
{
	int rank = n->in[0]->rank, dim_of[TUFF_MAX_RANK];
	uint64_t cnt;
	const int64_t *perm = ir_attr_ints(n, "perm", &cnt);

	for (int k = 0; k < rank; k++)
		dim_of[k] = perm && cnt == (uint64_t)rank ? (int)perm[k] : rank - 1 - k;
	strided(m, n->in[0], n->out[0], dim_of, zeros, ones);
}

static void split(struct ir_module *m, struct ir_node *n)
{
	int64_t from[TUFF_MAX_RANK] = { 0 }, size;
	int axis = axis_of(n, n->in[0]->rank);

	for (uint32_t i = 0; i < n->nout; i++) {
		if (!n->out[i] || !ex_value(m, n->out[i]->dim[axis], &size))
			return;
		strided(m, n->in[0], n->out[i], same_dim, from, ones);
		from[axis] += size;
	}
}

static void expand(struct ir_module *m, struct ir_node *n)
{
	const struct ir_value *x = n->in[0];
	struct ir_value *out = n->out[0];
	struct nd dx, d;
	ir_expr *e;

	if (!x->ival || !(e = make(m, out)) || !nd_of(m, x, &dx) || !nd_of(m, out, &d))
		return;
	for (uint32_t i = 0; i < out->nival; i++)
		e[i] = at(x, &dx, &d, i);
	out->ival = e;
}

/* over all elements; a reduction along one axis of several has no known content */
static void reduce(struct ir_module *m, struct ir_node *n, uint32_t op)
{
	const struct ir_value *x = n->in[0];
	ir_expr *e = x->ival && x->nival ? make(m, n->out[0]) : NULL;

	if (!e || n->out[0]->nival != 1)
		return;
	e[0] = x->ival[0];
	for (uint32_t i = 1; i < x->nival; i++)
		e[0] = ex_op(m, op, e[0], x->ival[i]);
	n->out[0]->ival = e;
}

static void range(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *from = n->in[0], *step = n->in[2], *out = n->out[0];
	ir_expr *e;

	if (!from->ival || !step->ival || from->nival != 1 || step->nival != 1 || !(e = make(m, out)))
		return;
	for (uint32_t i = 0; i < out->nival; i++)
		e[i] = ex_add(m, from->ival[0], ex_mul(m, step->ival[0], ex_const(m, i)));
	out->ival = e;
}

static void fill(struct ir_module *m, struct ir_node *n)
{
	struct ir_attr *a = ir_attr_find(n, "value");
	struct ir_value *out = n->out[0];
	int64_t v = 0;
	ir_expr *e;

	if (out->dtype != TUFF_I64 || !(e = make(m, out)))
		return;
	if (a && a->type == TUFF_A_TENSOR && ir_weight_bytes(m, a->weight) && m->weights[a->weight].size == 8)
		memcpy(&v, ir_weight_bytes(m, a->weight), 8);
	for (uint32_t i = 0; i < out->nival; i++)
		e[i] = ex_const(m, v);
	out->ival = e;
}

static void where(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *c = n->in[0], *a = n->in[1], *b = n->in[2], *out = n->out[0];
	struct nd dc, da, db, d;
	ir_expr *e;

	if (!c->ival || !a->ival || !b->ival || !(e = make(m, out)) || !nd_of(m, c, &dc) || !nd_of(m, a, &da) ||
	    !nd_of(m, b, &db) || !nd_of(m, out, &d))
		return;
	for (uint32_t i = 0; i < out->nival; i++)
		e[i] = ex_select(m, at(c, &dc, &d, i), at(a, &da, &d, i), at(b, &db, &d, i));
	out->ival = e;
}

void ival_node(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->nin ? n->in[0] : NULL, *out = n->out[0];
	int64_t from;
	ir_expr *e;

	if (!out || (out->dtype != TUFF_I64 && out->dtype != TUFF_I32 && out->dtype != TUFF_BOOL))
		return;
	switch (n->op) {
	case TUFF_OP_SHAPE:
		from = ir_attr_int(n, "start", 0);
		from = from < 0 ? from + x->rank : from;
		from = from < 0 ? 0 : from;
		e = make(m, out);
		for (uint32_t i = 0; e && i < out->nival; i++)
			e[i] = x->dim[from + i];
		out->ival = e;
		return;
	case TUFF_OP_SIZE:
		e = make(m, out);
		if (e)
			e[0] = ex_numel(m, x, 0, x->rank);
		out->ival = e;
		return;
	case TUFF_OP_CAST:
		if (x->dtype != TUFF_I64 && x->dtype != TUFF_I32)
			return;
		/* fallthrough */
	case TUFF_OP_SQUEEZE: case TUFF_OP_UNSQUEEZE: case TUFF_OP_RESHAPE: case TUFF_OP_FLATTEN: case TUFF_OP_IDENTITY:
		if (x->ival)
			copy(m, out, x);
		return;
	case TUFF_OP_ADD:
		return binary(m, n, TUFF_E_ADD, false);
	case TUFF_OP_SUB:
		return binary(m, n, TUFF_E_SUB, false);
	case TUFF_OP_MUL:
		return binary(m, n, TUFF_E_MUL, false);
	case TUFF_OP_DIV:
		return binary(m, n, TUFF_E_DIV, false);
	case TUFF_OP_MIN:
		return binary(m, n, TUFF_E_MIN, false);
	case TUFF_OP_MAX:
		return binary(m, n, TUFF_E_MAX, false);
	case TUFF_OP_EQUAL:
		return binary(m, n, TUFF_E_EQ, false);
	case TUFF_OP_LESS:
		return binary(m, n, TUFF_E_LT, false);
	case TUFF_OP_GREATER:
		return binary(m, n, TUFF_E_LT, true);
	case TUFF_OP_MODULO:
		if (!ir_attr_int(n, "fmod", 0))
			binary(m, n, TUFF_E_MOD, false);
		return;
	case TUFF_OP_AND:	/* of 0 and 1 */
		return binary(m, n, TUFF_E_MUL, false);
	case TUFF_OP_OR:
		return binary(m, n, TUFF_E_MAX, false);
	case TUFF_OP_NOT:
		e = x->ival ? make(m, out) : NULL;
		for (uint32_t i = 0; e && i < out->nival; i++)
			e[i] = ex_op(m, TUFF_E_EQ, x->ival[i], ex_const(m, 0));
		out->ival = e;
		return;
	case TUFF_OP_NEG:
		e = x->ival ? make(m, out) : NULL;
		for (uint32_t i = 0; e && i < out->nival; i++)
			e[i] = ex_sub(m, ex_const(m, 0), x->ival[i]);
		out->ival = e;
		return;
	case TUFF_OP_REDUCE_PROD:
		return reduce(m, n, TUFF_E_MUL);
	case TUFF_OP_REDUCE_SUM:
		return reduce(m, n, TUFF_E_ADD);
	case TUFF_OP_REDUCE_MIN:
		return reduce(m, n, TUFF_E_MIN);
	case TUFF_OP_REDUCE_MAX:
		return reduce(m, n, TUFF_E_MAX);
	case TUFF_OP_TRANSPOSE:
		return transpose(m, n);
	case TUFF_OP_SPLIT:
		return split(m, n);
	case TUFF_OP_EXPAND:
		return expand(m, n);
	case TUFF_OP_RANGE:
		return range(m, n);
	case TUFF_OP_GATHER:
		return gather(m, n);
	case TUFF_OP_CONCAT:
		return concat(m, n);
	case TUFF_OP_SLICE:
		return slice(m, n);
	case TUFF_OP_CONSTANT_OF_SHAPE:
		return fill(m, n);
	case TUFF_OP_WHERE:
		return where(m, n);
	}
}
