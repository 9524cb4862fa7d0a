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

/* index into a broadcast operand of rank <= 1 beside an output of n */
static ir_expr at(const struct ir_value *v, uint32_t i)
{
	return v->ival[v->nival == 1 ? 0 : i];
}

static void binary(struct ir_module *m, struct ir_node *n, uint32_t op, bool swap)
{
	struct ir_value *a = n->in[swap], *b = n->in[!swap], *out = n->out[0];
	ir_expr *e;

	if (!a->ival || !b->ival || a->rank > 1 || b->rank > 1 || !(e = make(m, out)))
		return;
	for (uint32_t i = 0; i < out->nival; i++) {
		int64_t x, y;

		/* Div truncates towards zero; sizes are not negative, constants may be */
		if (op == TUFF_E_DIV && ((ex_value(m, at(a, i), &x) && x < 0) || (ex_value(m, at(b, i), &y) && y <= 0)))
			return;
		/* an expression that nobody needs must not fail for some sizes */
		if (op == TUFF_E_MOD && (!ex_value(m, at(b, i), &y) || y <= 0))
			return;
		e[i] = ex_op(m, op, at(a, i), at(b, i));
	}
	out->ival = e;
}

static void gather(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *ix = n->in[1], *out = n->out[0];
	ir_expr *e;

	if (!x->ival || !ix->ival || x->rank != 1 || !(e = make(m, out)))
		return;
	for (uint32_t i = 0; i < out->nival; i++) {
		int64_t k;

		if (!ex_value(m, ix->ival[i], &k))
			return;
		k += k < 0 ? x->nival : 0;
		if (k < 0 || k >= x->nival)
			return;
		e[i] = x->ival[k];
	}
	out->ival = e;
}

static void concat(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *out = n->out[0];
	uint32_t k = 0;
	ir_expr *e;

	if (out->rank != 1 || !(e = make(m, out)))
		return;
	for (uint32_t i = 0; i < n->nin; i++) {
		if (!n->in[i]->ival || k + n->in[i]->nival > out->nival)
			return;
		for (uint32_t j = 0; j < n->in[i]->nival; j++)
			e[k++] = n->in[i]->ival[j];
	}
	out->ival = e;
}

static void slice(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *out = n->out[0];
	int64_t from, step = 1;
	ir_expr *e;

	if (!x->ival || x->rank != 1 || n->in[1]->nival != 1 || !ex_value(m, n->in[1]->ival[0], &from) || !(e = make(m, out)))
		return;
	if (n->nin > 4 && n->in[4] && !ex_value(m, n->in[4]->ival[0], &step))
		return;
	from += from < 0 ? x->nival : 0;
	from = from < 0 ? 0 : from;
	if (step < 0 && from >= (int64_t)x->nival)
		from = (int64_t)x->nival - 1;
	for (uint32_t i = 0; i < out->nival; i++) {
		int64_t k = from + i * step;

		if (k < 0 || k >= x->nival)
			return;
		e[i] = x->ival[k];
	}
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
	ir_expr *e;

	if (!c->ival || !a->ival || !b->ival || c->rank > 1 || a->rank > 1 || b->rank > 1 || !(e = make(m, out)))
		return;
	for (uint32_t i = 0; i < out->nival; i++)
		e[i] = ex_select(m, at(c, i), at(a, i), at(b, i));
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
	case TUFF_OP_REDUCE_PROD:
		e = x->ival && x->rank == 1 ? make(m, out) : NULL;
		if (!e || out->nival != 1)
			return;
		e[0] = ex_const(m, 1);
		for (uint32_t i = 0; i < x->nival; i++)
			e[0] = ex_mul(m, e[0], x->ival[i]);
		out->ival = e;
		return;
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
