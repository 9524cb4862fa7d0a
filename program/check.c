// SPDX-License-Identifier: MIT
/*
 * Is every index, offset and string of a program in range? A program file is
 * untrusted; after this, nothing that walks the tables needs to look again.
 * (What sizes come out for given inputs is checked at instantiation.)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "compiler/ops.h"
#include "program/program.h"
#include "program/script.h"

struct ctx {
	const struct tuff_program *p;
	char *err;
	size_t errlen;
};

#define FAIL(c, ...) (snprintf((c)->err, (c)->errlen, __VA_ARGS__), -EINVAL)

static bool str_ok(const struct tuff_program *p, uint32_t off)
{
	return off < p->strings_size;
}

static bool expr_ok(const struct tuff_program *p, uint32_t e)
{
	return e < p->nexprs;
}

static int exprs(struct ctx *c)
{
	const struct tuff_program *p = c->p;

	for (uint32_t i = 0; i < p->nsyms; i++)
		if (!str_ok(p, p->syms[i].name) || p->syms[i].flags & ~(TUFF_SYM_DATA | TUFF_SYM_SIGNED))
			return FAIL(c, "symbol %u: name or flags out of range", i);
	for (uint32_t i = 0; i < p->nexprs; i++) {
		const struct tuff_expr *e = &p->exprs[i];
		int operands = e->op == TUFF_E_CONST || e->op == TUFF_E_SYM ? 0 : e->op == TUFF_E_SELECT ? 3 : 2;

		if (e->op > TUFF_E_SELECT || (e->op == TUFF_E_SYM && e->a >= p->nsyms) ||
		    (operands > 0 && e->a >= i) || (operands > 1 && e->b >= i) || (operands > 2 && e->c >= i))
			return FAIL(c, "expression %u: operation %u or an operand out of range", i, e->op);
	}
	return 0;
}

static int tensors(struct ctx *c)
{
	const struct tuff_program *p = c->p;

	for (uint32_t i = 0; i < p->nbufs; i++) {
		const struct tuff_buf *b = &p->bufs[i];
		uint32_t limit = b->kind == TUFF_BUF_WEIGHT ? p->nweights : b->kind == TUFF_BUF_INPUT ? p->ninputs :
				 UINT32_MAX;

		if (b->kind >= TUFF_BUF_OUTPUT || b->index >= limit || !expr_ok(p, b->size))	/* results lie in arenas */
			return FAIL(c, "buffer %u: kind %u, index %u or size out of range", i, b->kind, b->index);
		if (b->kind == TUFF_BUF_SHARED && p->target == TUFF_TARGET_CPU)
			return FAIL(c, "buffer %u: shared memory on the CPU", i);
		if (b->first > b->last || b->last > p->nsteps)
			return FAIL(c, "buffer %u: lives from step %u to %u of %u", i, b->first, b->last, p->nsteps);
	}
	for (uint32_t i = 0; i < p->ntensors; i++) {
		const struct tuff_tens *t = &p->tensors[i];

		if (!str_ok(p, t->name) || t->rank > TUFF_MAX_RANK || t->buffer >= p->nbufs || t->layout > (tuff_program_scripted(p) ? TUFF_SEQUENCE : TUFF_CL) ||
		    !tuff_dtype_size(t->dtype) || !tuff_dtype_size(t->storage) || t->offset != TUFF_NONE)
			return FAIL(c, "tensor %u: name, type, rank %u or buffer %u out of range", i, t->rank, t->buffer);
		for (uint32_t d = 0; d < t->rank; d++)
			if (!expr_ok(p, t->dim[d]))
				return FAIL(c, "tensor %u: dimension %u out of range", i, d);
	}
	return 0;
}

static int weights(struct ctx *c)
{
	const struct tuff_program *p = c->p;

	for (uint32_t i = 0; i < p->nfiles; i++)
		if (!str_ok(p, p->files[i]))
			return FAIL(c, "file %u: name out of range", i);
	for (uint32_t i = 0; i < p->nweights; i++) {
		const struct tuff_weight *w = &p->weights[i];
		uint64_t n = tuff_dtype_size(w->dtype);

		if (!str_ok(p, w->name) || w->src > TUFF_W_FILL || w->rank > TUFF_MAX_RANK || !n || !tuff_dtype_size(w->storage) ||
		    w->pack > TUFF_PACK_LAST)
			return FAIL(c, "weight %u: name, source, type or rank out of range", i);
		if ((w->scale != TUFF_NONE && w->scale >= p->nweights) || (w->bias != TUFF_NONE && w->bias >= p->nweights))
			return FAIL(c, "weight %u: scale or bias out of range", i);
		for (uint32_t d = 0; d < w->rank; d++)
			if (w->dim[d] < 0 || __builtin_mul_overflow(n, w->dim[d] ? (uint64_t)w->dim[d] : 1, &n) || n > 1ull << 40)
				return FAIL(c, "weight %u: dimension %u is %lld", i, d, (long long)w->dim[d]);
		for (uint32_t d = 0; d < w->rank; d++)
			n = w->dim[d] ? n : 0;
		if (w->src != TUFF_W_FILL && w->size != n)
			return FAIL(c, "weight %u: %llu bytes, its dimensions make %llu", i, (unsigned long long)w->size, (unsigned long long)n);
		if (w->flags & ~(TUFF_W_PACKED | TUFF_W_INITIALIZER) || (w->flags & TUFF_W_PACKED && w->src == TUFF_W_FILL))
			return FAIL(c, "weight %u: flags %#x", i, w->flags);
		if (w->src == TUFF_W_FILE && (w->file >= p->nfiles || w->offset + w->size < w->offset))
			return FAIL(c, "weight %u: file %u out of range", i, w->file);
		if (w->src == TUFF_W_DATA && (w->offset > p->data_size || w->size > p->data_size - w->offset))
			return FAIL(c, "weight %u: bytes %llu to %llu of %zu", i, (unsigned long long)w->offset,
				    (unsigned long long)(w->offset + w->size), p->data_size);
		if (w->packed_size > 1ull << 40)
			return FAIL(c, "weight %u: packed size %llu", i, (unsigned long long)w->packed_size);
		if (w->scale != TUFF_NONE) {
			const struct tuff_weight *s = &p->weights[w->scale];

			if (s->src == TUFF_W_FILL || s->dtype != TUFF_F32 || s->rank != 1 || !w->rank || s->dim[0] < w->dim[0] ||
			    (w->dtype != TUFF_F32 && w->dtype != TUFF_F16 && w->dtype != TUFF_BF16))
				return FAIL(c, "weight %u: scale %u does not fit it", i, w->scale);
		}
	}
	return 0;
}

static int attributes(struct ctx *c)
{
	const struct tuff_program *p = c->p;

	for (uint32_t i = 0; i < p->nattrs; i++) {
		const struct tuff_attr *a = &p->attrs[i];
		uint64_t es = a->type == TUFF_A_INT || a->type == TUFF_A_INTS ? 8 : 4;
		bool known = (a->type >= TUFF_A_FLOAT && a->type <= TUFF_A_TENSOR) || (a->type >= TUFF_A_FLOATS && a->type <= TUFF_A_STRINGS);

		if (!known || !str_ok(p, a->name) || a->data % 8 || a->count > p->attr_data_size ||
		    a->data > p->attr_data_size || a->count * es > p->attr_data_size - a->data ||
		    (a->type < TUFF_A_FLOATS && a->count != 1))
			return FAIL(c, "attribute %u: name, type %u or data out of range", i, a->type);
		for (uint64_t k = 0; k < a->count && (a->type == TUFF_A_STRING || a->type == TUFF_A_STRINGS || a->type == TUFF_A_TENSOR); k++) {
			uint32_t v;

			memcpy(&v, p->attr_data + a->data + 4 * k, 4);
			if (v >= (a->type == TUFF_A_TENSOR ? p->nweights : p->strings_size))
				return FAIL(c, "attribute %u: value %u out of range", i, v);
		}
	}
	return 0;
}

static bool args_ok(const struct tuff_program *p, uint32_t at, uint64_t count)
{
	return at <= p->nargs && count <= p->nargs - at;
}

static int dispatch(struct ctx *c, uint32_t i)
{
	const struct tuff_program *p = c->p;
	const struct tuff_step *s = &p->steps[i];
	uint32_t nbind;

	if (s->kernel >= p->nkernels)
		return FAIL(c, "step %u: kernel %u of %u", i, s->kernel, p->nkernels);
	nbind = p->kernels[s->kernel].nbind;
	if (s->ndims > TUFF_DIMS_WORDS || !args_ok(p, s->bind, nbind) || !args_ok(p, s->dims, s->ndims))
		return FAIL(c, "step %u: bindings or sizes out of range", i);
	for (uint32_t k = 0; k < nbind; k++)
		if (p->args[s->bind + k] >= p->ntensors)
			return FAIL(c, "step %u: binding %u out of range", i, k);
	for (uint32_t k = 0; k < s->ndims; k++)
		if (!expr_ok(p, p->args[s->dims + k]))
			return FAIL(c, "step %u: size %u out of range", i, k);
	for (int k = 0; k < 3; k++)
		if (!expr_ok(p, s->grid[k]))
			return FAIL(c, "step %u: grid out of range", i);
	return 0;
}

/* what a step needs at least: sizes that are known are on the result, and no operand any more */
static bool needed(uint32_t op, uint32_t k, uint32_t lo)
{
	return k < lo && !(k == 1 && (op == TUFF_OP_EXPAND || op == TUFF_OP_RANGE));
}

/* operators whose first result may be the one that nobody wants */
static bool may_lack_first(uint32_t op)
{
	return op == TUFF_OP_LSTM || op == TUFF_OP_GRU || op == TUFF_OP_RNN;
}

static int steps(struct ctx *c)
{
	static const struct { uint8_t lo, hi, out; } arity[] = {
#define X(id, name, lo, hi, out, rule) { lo, hi, out },
		TUFF_OPS(X)
#undef X
	};
	const struct tuff_program *p = c->p;

	for (uint32_t i = 0; i < p->nkernels; i++) {
		const struct tuff_kernel *k = &p->kernels[i];

		if (!str_ok(p, k->name) || k->nbind > 4 || k->write_mask >> k->nbind || k->nspec > TUFF_KERNEL_SPECS ||
		    k->spirv % 4 || k->spirv_size % 4 || !k->spirv_size || k->spirv > p->spirv_size || k->spirv_size > p->spirv_size - k->spirv)
			return FAIL(c, "kernel %u: bindings, constants or code out of range", i);
	}
	for (uint32_t i = 0; i < p->nsteps; i++) {
		const struct tuff_step *s = &p->steps[i];
		int ret;

		if (s->kind > TUFF_STEP_DYNAMIC || s->op >= TUFF_OP_COUNT || !str_ok(p, s->node) || !str_ok(p, s->reason) ||
		    (s->macs != TUFF_NONE && !expr_ok(p, s->macs)))
			return FAIL(c, "step %u: kind %u, operator %u or name out of range", i, s->kind, s->op);
		if (!args_ok(p, s->arg, (uint64_t)s->nin + s->nout) || s->nattr > p->nattrs || s->attr > p->nattrs - s->nattr)
			return FAIL(c, "step %u: arguments or attributes out of range", i);
		if (s->kind == TUFF_STEP_DISPATCH && p->target == TUFF_TARGET_CPU)
			return FAIL(c, "step %u: a dispatch on the CPU", i);
		if (s->kind == TUFF_STEP_DISPATCH) {
			ret = dispatch(c, i);
			if (ret)
				return ret;
			continue;
		}
		if ((s->nin < arity[s->op].lo && needed(s->op, s->nin, arity[s->op].lo)) || (arity[s->op].hi && s->nin > arity[s->op].hi) || !s->nout ||
		    (arity[s->op].out && s->nout > arity[s->op].out))
			return FAIL(c, "step %u: %s with %u inputs and %u outputs", i, tuff_op_name(s->op), s->nin, s->nout);
		for (uint32_t k = 0; k < s->nin + s->nout; k++) {
			uint32_t t = p->args[s->arg + k];

			if (t == TUFF_NONE ? (k < s->nin && needed(s->op, k, arity[s->op].lo)) || (k == s->nin && !may_lack_first(s->op)) : t >= p->ntensors)
				return FAIL(c, "step %u: argument %u out of range", i, k);
			/* results go to arenas: inputs and weights are other people's */
			if (k >= s->nin && t != TUFF_NONE && p->bufs[p->tensors[t].buffer].kind != TUFF_BUF_ARENA &&
			    p->bufs[p->tensors[t].buffer].kind != TUFF_BUF_SHARED)
				return FAIL(c, "step %u: result %u is written where nothing may be", i, k - s->nin);
			if (t != TUFF_NONE && (p->bufs[p->tensors[t].buffer].kind == TUFF_BUF_ARENA || p->bufs[p->tensors[t].buffer].kind == TUFF_BUF_SHARED) &&
			    (p->bufs[p->tensors[t].buffer].first > i || p->bufs[p->tensors[t].buffer].last < i))
				return FAIL(c, "step %u: argument %u does not live at that step", i, k);
		}
	}
	return 0;
}

/* An optional input: its default has its type and its constant dimensions. */
static int optional(struct ctx *c, uint32_t i)
{
	const struct tuff_program *p = c->p;
	const struct tuff_io *io = &p->inputs[i];
	const struct tuff_tens *t = &p->tensors[io->tensor];
	const struct tuff_weight *w;

	if (io->flags & ~TUFF_IO_OPTIONAL)
		return FAIL(c, "input %u: flags %#x are unknown", i, io->flags);
	if (!io->flags)
		return i && p->inputs[i - 1].flags ? FAIL(c, "input %u: comes after an optional one", i) : 0;
	if (io->weight == TUFF_NONE)
		return FAIL(c, "input %u: is optional and has no default", i);
	w = &p->weights[io->weight];
	if (w->dtype != t->dtype || w->rank != t->rank || t->layout != TUFF_PLAIN)
		return FAIL(c, "input %u: its default has another type or rank", i);
	for (uint32_t d = 0; d < t->rank; d++)
		if (p->exprs[t->dim[d]].op != TUFF_E_CONST || p->exprs[t->dim[d]].value != w->dim[d])
			return FAIL(c, "input %u: dimension %u is not that of its default", i, d);
	return 0;
}

static int ios(struct ctx *c, const char *what, const struct tuff_io *io, uint32_t n)
{
	const struct tuff_program *p = c->p;

	for (uint32_t i = 0; i < n; i++) {
		const struct tuff_tens *t = &p->tensors[io[i].tensor < p->ntensors ? io[i].tensor : 0];

		if (!str_ok(p, io[i].name) || io[i].tensor >= p->ntensors || (io[i].weight != TUFF_NONE && io[i].weight >= p->nweights))
			return FAIL(c, "%s %u: name, tensor or weight out of range", what, i);
		if (t->dtype != t->storage && ((t->dtype != TUFF_F16 && t->dtype != TUFF_BF16) || t->storage != TUFF_F32))
			return FAIL(c, "%s %u: %s is not stored as %s", what, i, tuff_dtype_name(t->dtype), tuff_dtype_name(t->storage));
	}
	return 0;
}

int tuff_program_check(const struct tuff_program *p, char *err, size_t errlen)
{
	struct ctx c = { p, err, errlen };
	int ret;

	if (p->target > TUFF_TARGET_GPU_COOPMAT)
		return FAIL(&c, "target %u is unknown", p->target);
	if (!p->strings_size || p->strings[0] || p->strings[p->strings_size - 1])
		return FAIL(&c, "section 'strings' does not end with a zero");
	ret = exprs(&c);
	ret = ret ? ret : tensors(&c);
	ret = ret ? ret : weights(&c);
	ret = ret ? ret : attributes(&c);
	ret = ret ? ret : steps(&c);
	ret = ret ? ret : ios(&c, "input", p->inputs, p->ninputs);
	ret = ret ? ret : ios(&c, "output", p->outputs, p->noutputs);
	ret = ret ? ret : tuff_program_check_script(p, err, errlen);
	for (uint32_t i = 0; !ret && i < p->ninputs; i++) {	/* one buffer for each input, of that index */
		const struct tuff_tens *t = &p->tensors[p->inputs[i].tensor];

		if (p->bufs[t->buffer].kind != TUFF_BUF_INPUT || p->bufs[t->buffer].index != i || (t->layout != TUFF_PLAIN && t->layout != TUFF_SEQUENCE))
			ret = FAIL(&c, "input %u: its buffer is not an input's", i);
		for (uint32_t d = 0; d < t->rank && !ret; d++)	/* what is given decides; nothing is computed */
			if (p->exprs[t->dim[d]].op > TUFF_E_SYM)
				ret = FAIL(&c, "input %u: dimension %u is neither a number nor a symbol", i, d);
	}
	for (uint32_t i = 0; !ret && i < p->noutputs; i++) {
		const struct tuff_tens *t = &p->tensors[p->outputs[i].tensor];
		const struct tuff_buf *b = &p->bufs[t->buffer];

		if ((t->layout != TUFF_PLAIN && t->layout != TUFF_SEQUENCE) || (p->target != TUFF_TARGET_CPU && b->kind == TUFF_BUF_ARENA) ||
		    ((b->kind == TUFF_BUF_ARENA || b->kind == TUFF_BUF_SHARED) && b->last < p->nsteps))
			ret = FAIL(&c, "output %u: it does not live to the end, or where the host can read it", i);
	}
	for (uint32_t i = 0; !ret && i < p->ninputs; i++)
		ret = optional(&c, i);
	for (uint32_t i = 0; !ret && i < p->noutputs; i++)
		if (p->outputs[i].flags)
			ret = FAIL(&c, "output %u: flags %#x are unknown", i, p->outputs[i].flags);
	if (!ret && ((p->info.macs != TUFF_NONE && p->info.macs && !expr_ok(p, p->info.macs)) || !args_ok(p, p->info.nodes, 3ull * p->info.nnodes)))
		ret = FAIL(&c, "section 'arguments' does not hold what the head says of nodes, or its macs are out of range");
	return ret;
}
