// SPDX-License-Identifier: MIT
/*
 * Where each node runs: on the device if it has a kernel for these types and
 * shapes, else on the CPU, with the reason. int64 lives on the device as int32
 * where an interval of its values is proved to fit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ew.h"
#include "compiler/launch.h"

struct range {
	int64_t lo, hi;
};
static const struct range any = { INT64_MIN, INT64_MAX };

static bool fits(struct range r)
{
	return r.lo >= INT32_MIN && r.hi <= INT32_MAX;
}

static struct range constant(const struct ir_module *m, const struct ir_value *v)
{
	const struct tuff_weight *w = &m->weights[v->weight];
	const uint8_t *b = ir_weight_bytes(m, v->weight);
	struct range r = { 0, 0 };

	if (w->dtype != TUFF_I64)
		return (struct range){ INT32_MIN, INT32_MAX };
	for (uint64_t i = 0; i < (b ? w->size / 8 : 1); i++) {
		int64_t x;

		memcpy(&x, b ? b + 8 * i : (const uint8_t *)&w->fill, 8);
		r.lo = !i || x < r.lo ? x : r.lo;
		r.hi = !i || x > r.hi ? x : r.hi;
	}
	return r;
}

static struct range hull(struct range a, struct range b)
{
	return (struct range){ a.lo < b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi };
}

/* of an int64 result, from those of the operands */
static struct range result(const struct ir_module *m, const struct ir_node *n, const struct range *r)
{
	struct range a = n->nin && n->in[0] ? r[n->in[0]->id] : any, b = n->nin > 1 && n->in[1] ? r[n->in[1]->id] : any;
	bool both = fits(a) && fits(b);

	switch (n->op) {
	case TUFF_OP_ADD:
		return both ? (struct range){ a.lo + b.lo, a.hi + b.hi } : any;
	case TUFF_OP_SUB:
		return both ? (struct range){ a.lo - b.hi, a.hi - b.lo } : any;
	case TUFF_OP_MUL: {
		int64_t p[4] = { 0 };

		if (!both)
			return any;
		p[0] = a.lo * b.lo, p[1] = a.lo * b.hi, p[2] = a.hi * b.lo, p[3] = a.hi * b.hi;
		return hull(hull((struct range){ p[0], p[0] }, (struct range){ p[1], p[1] }),
			    hull((struct range){ p[2], p[2] }, (struct range){ p[3], p[3] }));
	}
	case TUFF_OP_DIV: case TUFF_OP_MODULO: case TUFF_OP_NEG: case TUFF_OP_ABS:
		return both || (fits(a) && n->nin == 1) ? (struct range){ INT32_MIN + 1ll, INT32_MAX } : any;
	case TUFF_OP_MIN: case TUFF_OP_MAX:
		return both ? hull(a, b) : any;
	case TUFF_OP_WHERE:
		return hull(b, n->in[2] ? r[n->in[2]->id] : any);
	case TUFF_OP_CAST:
		if (n->in[0]->dtype == TUFF_BOOL)
			return (struct range){ 0, 1 };
		return n->in[0]->dtype == TUFF_I64 ? a : ew_class(n->in[0]->dtype) != 0 && ew_class(n->in[0]->dtype) != 'f' ? (struct range){ INT32_MIN, INT32_MAX } : any;
	case TUFF_OP_ARGMAX: case TUFF_OP_ARGMIN: case TUFF_OP_SHAPE: case TUFF_OP_SIZE:
		return (struct range){ 0, INT32_MAX };
	case TUFF_OP_RESHAPE: case TUFF_OP_FLATTEN: case TUFF_OP_SQUEEZE: case TUFF_OP_UNSQUEEZE:
	case TUFF_OP_TRANSPOSE: case TUFF_OP_SLICE: case TUFF_OP_SPLIT: case TUFF_OP_TILE: case TUFF_OP_EXPAND:
	case TUFF_OP_GATHER: case TUFF_OP_IDENTITY: case TUFF_OP_LAYOUT: case TUFF_OP_GATHER_ELEMENTS:
		return a;
	case TUFF_OP_CONCAT: {
		struct range all = a;

		for (uint32_t i = 1; i < n->nin; i++)
			all = hull(all, n->in[i] ? r[n->in[i]->id] : any);
		return all;
	}
	case TUFF_OP_RANGE:
		return both ? hull(a, b) : any;
	}
	return any;
}

/* inputs that are read as positions: out of range stays out of range when clamped */
static bool is_index(const struct ir_node *n, uint32_t i)
{
	return i == 1 && (n->op == TUFF_OP_GATHER || n->op == TUFF_OP_GATHER_ELEMENTS || n->op == TUFF_OP_GATHER_ND);
}

/* parameters that the lowering reads when the program is made, not operands */
bool ir_is_parameter(const struct ir_node *n, uint32_t i)
{
	const struct ir_value *v = n->in[i];

	if (!i || (v->weight == TUFF_NONE && !v->ival))
		return false;
	switch (n->op) {
	case TUFF_OP_SLICE: case TUFF_OP_PAD: case TUFF_OP_TILE: case TUFF_OP_EXPAND: case TUFF_OP_RESIZE:
	case TUFF_OP_SPLIT: case TUFF_OP_TRILU: case TUFF_OP_CUMSUM:
		return n->op != TUFF_OP_PAD || i != 2;
	}
	return n->op >= TUFF_OP_REDUCE_SUM && n->op <= TUFF_OP_REDUCE_LOGSUMEXP;
}

static bool is_view(uint32_t op)
{
	return op == TUFF_OP_RESHAPE || op == TUFF_OP_FLATTEN || op == TUFF_OP_SQUEEZE || op == TUFF_OP_UNSQUEEZE;
}

static const char *wide(const struct ir_value *v, struct range r)
{
	switch (v->dtype) {
	case TUFF_F64:
		return "float64 stays on the CPU";
	case TUFF_U64:
		return "uint64 stays on the CPU";
	case TUFF_STRING: case TUFF_C64: case TUFF_C128:
		return "this element type stays on the CPU";
	case TUFF_I64:
		return fits(r) ? NULL : "int64 values that are not proved to fit 32 bits";
	}
	return NULL;
}

static const char *why_not(struct ir_module *m, const struct ir_node *n, const struct range *r)
{
	const char *why = NULL;

	for (uint32_t i = 0; i < n->nin && !why; i++)
		if (n->in[i] && !is_index(n, i) && !ir_is_parameter(n, i))
			why = wide(n->in[i], r[n->in[i]->id]);
	for (uint32_t i = 0; i < n->nout && !why; i++)
		if (n->out[i])
			why = wide(n->out[i], r[n->out[i]->id]);
	if (why || is_view(n->op))
		return why;
	if (!lower_table[n->op])
		return "no kernel for this operator";
	return lower_table[n->op]->can(m, n);
}

int pass_place(struct ir_module *m)
{
	struct range *r;

	if (m->opt->device.target == TUFF_TARGET_CPU)
		return 0;
	r = malloc((m->nvalues + 1) * sizeof(*r));
	if (!r)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->nvalues; i++) {
		struct ir_value *v = m->values[i];

		r[i] = v->dtype != TUFF_I64 || v->narrow ? (struct range){ INT32_MIN, INT32_MAX } : any;
		if (v->weight != TUFF_NONE)
			r[i] = constant(m, v);
	}
	for (struct ir_node *n = m->first; n; n = n->next) {
		for (uint32_t i = 0; i < n->nout; i++)
			if (n->out[i] && n->out[i]->dtype == TUFF_I64)
				r[n->out[i]->id] = result(m, n, r);
		n->reason = why_not(m, n, r);
		n->device = !n->reason;
		/* a view stays where its operand is made: moving it costs, it does not */
		if (is_view(n->op) && n->in[0]->def && !n->in[0]->def->device)
			n->device = 0;
	}
	free(r);
	return 0;
}
