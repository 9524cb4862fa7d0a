// SPDX-License-Identifier: MIT
/*
 * Is a script in order? Its steps are segments and dynamic operators and
 * nothing else, its programs take and give what the steps hand over, and its
 * symbols are measured from tensors that it has. check.c has looked at the
 * tables before, and the loader at the programs inside.
 */
#include <errno.h>
#include <stdio.h>

#include "compiler/ops.h"
#include "program/script.h"

#define FAIL(...) (snprintf(err, errlen, __VA_ARGS__), -EINVAL)

static bool same_type(const struct tuff_program *a, uint32_t t, const struct tuff_program *b, uint32_t u)
{
	return t != TUFF_NONE && a->tensors[t].layout == TUFF_PLAIN && a->tensors[t].dtype == b->tensors[u].dtype && a->tensors[t].rank == b->tensors[u].rank;
}

static int segment(const struct tuff_program *p, uint32_t i, char *err, size_t errlen)
{
	const struct tuff_step *s = &p->steps[i];
	const struct tuff_program *sub = p->subs[s->kernel];
	const uint32_t *args = p->args + s->arg;
	const int64_t *syms;
	size_t n;

	if (tuff_program_scripted(sub))
		return FAIL("step %u: its segment is a script", i);
	if (s->nin != sub->ninputs || s->nout != sub->noutputs)
		return FAIL("step %u: %u inputs and %u outputs, its segment has %u and %u", i, s->nin, s->nout, sub->ninputs, sub->noutputs);
	for (uint32_t k = 0; k < s->nin; k++)
		if (!same_type(p, args[k], sub, sub->inputs[k].tensor))
			return FAIL("step %u: input %u is not what its segment takes", i, k);
	for (uint32_t k = 0; k < s->nout; k++)
		if (!same_type(p, args[s->nin + k], sub, sub->outputs[k].tensor))
			return FAIL("step %u: output %u is not what its segment gives", i, k);
	syms = tuff_attr_ints(p, s, "syms", &n);
	if (n != sub->nsyms)
		return FAIL("step %u: %zu sizes for a segment that takes %u", i, n, sub->nsyms);
	for (size_t k = 0; k < n; k++)
		if (syms[k] < 0 || syms[k] >= p->nsyms)
			return FAIL("step %u: size %zu out of range", i, k);
	return 0;
}

int tuff_program_check_script(const struct tuff_program *p, char *err, size_t errlen)
{
	bool script = tuff_program_scripted(p);
	uint32_t next = 0;

	if (!script && p->nsubs)
		return FAIL("section 'programs': %u inside a program that is no script", p->nsubs);
	for (uint32_t i = 0; i < p->nsubs; i++)
		if (p->subs[i]->target != p->target)
			return FAIL("program %u is for another target", i);
	for (uint32_t i = 0; i < p->nsyms; i++) {
		const struct tuff_symbol *y = &p->syms[i];

		if (!(y->flags & TUFF_SYM_DATA))
			continue;
		if (!script || y->tensor >= p->ntensors || (y->at < TUFF_MAX_RANK && y->at >= p->tensors[y->tensor].rank))
			return FAIL("symbol %u: measured from nothing", i);
	}
	for (uint32_t i = 0; i < p->nsteps; i++) {
		const struct tuff_step *s = &p->steps[i];
		int ret, regions = tuff_op_regions(s->op);

		if ((s->kind >= TUFF_STEP_RUN) != script)
			return FAIL("step %u: a step of kind %u among others", i, s->kind);
		if (!script)
			continue;
		/* each program is of one step: what it gave may lie in its memory until the run ends */
		if (s->kernel != next || s->ndims > p->nsubs - next)
			return FAIL("step %u: its programs are out of range or another step's", i);
		next += s->ndims;
		if (s->kind == TUFF_STEP_RUN ? s->op != TUFF_OP_RUN || s->ndims != 1 : regions < 0 || s->ndims != (uint32_t)regions)
			return FAIL("step %u: %s with %u programs", i, tuff_op_name(s->op), s->ndims);
		ret = s->kind == TUFF_STEP_RUN ? segment(p, i, err, errlen) : 0;
		if (ret)
			return ret;
	}
	return 0;
}
