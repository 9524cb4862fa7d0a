// SPDX-License-Identifier: MIT
/*
 * Where each node runs: on the device if it has a kernel for these types and
 * shapes, else on the CPU, with the reason. int64 lives on the device as int32
 * where an interval of its values is proved to fit.
 *
 * Integers that are known as expressions (what models compute from shapes) need
 * no arithmetic there: a lowering takes its parameters from the expressions, and
 * what a kernel reads is written out from the dims block (tuff.Known).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ew.h"
#include "compiler/lower_util.h"

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

/* Integers known as expressions reach the device by the dims block: where one does not fit, making a plan fails. */
static struct range content(const struct ir_module *m, const struct ir_value *v)
{
	struct range r = { 0, INT32_MAX };

	for (uint32_t i = 0; i < v->nival; i++)
		if (!ex_not_negative(m, v->ival[i]))
			r.lo = INT32_MIN;
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

	if (n->out[0] && n->out[0]->ival)
		return content(m, n->out[0]);
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
	case TUFF_OP_NEG:
		return fits(a) ? (struct range){ -a.hi, -a.lo } : any;
	case TUFF_OP_ABS:
		return fits(a) ? (struct range){ 0, a.hi > -a.lo ? a.hi : -a.lo } : any;
	case TUFF_OP_DIV: case TUFF_OP_MODULO:
		return both ? (struct range){ INT32_MIN + 1ll, INT32_MAX } : any;
	case TUFF_OP_MIN: case TUFF_OP_MAX:
		return both ? hull(a, b) : any;
	case TUFF_OP_CLIP: {
		struct range c = n->nin > 2 && n->in[2] ? r[n->in[2]->id] : any;

		a.lo = b.lo > a.lo ? b.lo : a.lo;
		a.hi = c.hi < a.hi ? c.hi : a.hi;
		return a;
	}
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
	case TUFF_OP_TOPK:	/* values or positions */
		return hull(a, (struct range){ 0, INT32_MAX });
	case TUFF_OP_GATHER_ND:
		return a;
	case TUFF_OP_SCATTER_ELEMENTS: case TUFF_OP_SCATTER_ND:
		return n->in[2] ? hull(a, r[n->in[2]->id]) : any;
	case TUFF_OP_RANGE:	/* up to the limit, which is no part of it */
		return both && a.lo >= 0 ? (struct range){ 0, INT32_MAX } : both ? hull(a, b) : any;
	}
	return any;
}

/* inputs that are read as positions: out of range stays out of range when clamped */
static bool is_index(const struct ir_node *n, uint32_t i)
{
	return i == 1 && (n->op == TUFF_OP_GATHER || n->op == TUFF_OP_GATHER_ELEMENTS || n->op == TUFF_OP_GATHER_ND ||
			  n->op == TUFF_OP_SCATTER_ELEMENTS || n->op == TUFF_OP_SCATTER_ND);
}

/* parameters that the lowering reads when the program is made, not operands */
bool ir_is_parameter(const struct ir_node *n, uint32_t i)
{
	const struct ir_value *v = n->in[i];

	if (v->weight == TUFF_NONE && !v->ival)
		return false;
	if (!i)
		return n->op == TUFF_OP_RANGE;
	switch (n->op) {
	case TUFF_OP_SLICE: case TUFF_OP_PAD: case TUFF_OP_TILE: case TUFF_OP_EXPAND: case TUFF_OP_RESIZE:
	case TUFF_OP_SPLIT: case TUFF_OP_TRILU: case TUFF_OP_CUMSUM: case TUFF_OP_RANGE: case TUFF_OP_TOPK:
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

/* Does the lowering cut this constant into buffers that fit? */
static bool splits(const struct ir_module *m, const struct ir_node *n, uint32_t i)
{
	int64_t rows, row;

	if (n->in[i]->weight == TUFF_NONE)
		return false;
	if (n->op == TUFF_OP_CONV || n->op == TUFF_OP_CONV_TRANSPOSE || n->op == TUFF_OP_GEMM || n->op == TUFF_OP_MATMUL)
		return i == 1 && (n->op != TUFF_OP_MATMUL || n->in[i]->rank == 2);
	return !i && lt_split_rows(m, n, &rows, &row);
}

/* surely larger than a binding may be, by its size known now */
static bool too_large(const struct ir_module *m, const struct ir_value *v)
{
	uint64_t n = 4;
	int64_t d;

	for (int i = 0; i < v->rank; i++)
		if (!ex_value(m, v->dim[i], &d) || __builtin_mul_overflow(n, (uint64_t)d, &n))
			return false;
	return n > launch_range(m);
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
	for (uint32_t i = 0; i < n->nin && !why; i++)
		if (n->in[i] && !ir_is_parameter(n, i) && too_large(m, n->in[i]) && !splits(m, n, i))
			why = "a tensor larger than a buffer of the device may be";
	for (uint32_t i = 0; i < n->nout && !why; i++)
		if (n->out[i] && too_large(m, n->out[i]))
			why = "a result larger than a buffer of the device may be";
	if (why || is_view(n->op))
		return why;
	if (!lower_table[n->op])
		return "no kernel for this operator";
	return lower_table[n->op]->can(m, n);
}

static bool is_known(const struct ir_value *v)
{
	return v && v->ival && v->weight == TUFF_NONE && v->def;
}

/* Parameters of device nodes become content that nobody makes; what such nodes read, a tuff.Known. */
static int known(struct ir_module *m, const struct range *r)
{
	bool *read = calloc(m->nvalues + 1, sizeof(*read));
	uint32_t nvalues = m->nvalues;

	if (!read)
		return -ENOMEM;
	for (struct ir_node *n = m->first; n; n = n->next)
		for (uint32_t i = 0; i < n->nin && n->device; i++) {
			struct ir_value *v = n->in[i], *p;

			if (!v || !v->ival || v->weight != TUFF_NONE)	/* also inputs of a segment */
				continue;
			if (!ir_is_parameter(n, i)) {
				read[v->id] = true;
				continue;
			}
			p = ir_value_like(m, v, v->name);
			p->ival = v->ival;
			p->nival = v->nival;
			n->in[i] = p;
		}
	for (struct ir_node *n = m->first; n; n = n->next) {
		struct ir_value *v = n->out[0];

		if (n->nout != 1 || !is_known(v) || v->id >= nvalues || !read[v->id] || v->nival >= TUFF_DIMS_WORDS || wide(v, r[v->id]))
			continue;
		n->op = TUFF_OP_KNOWN;
		n->nin = n->nattr = 0;
		n->device = 1;
		n->reason = NULL;
	}
	free(read);
	ir_remove_dead(m);
	return m->oom ? -ENOMEM : 0;
}

int pass_place(struct ir_module *m)
{
	struct range *r;
	int ret;

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
	ret = known(m, r);
	free(r);
	return ret;
}
