// SPDX-License-Identifier: MIT
/* What a session is made of: inputs, outputs, steps, memory, device. */
#include <errno.h>
#include <string.h>

#include "userspace/interp.h"

EXPORT uint32_t tuff_session_inputs(const struct tuff_session *s)
{
	return s ? s->nreq : 0;
}

EXPORT uint32_t tuff_session_outputs(const struct tuff_session *s)
{
	return s ? s->p->noutputs : 0;
}

static int io_info(const struct tuff_session *s, const struct tuff_io *io, struct tuff_io_info *info)
{
	const struct tuff_program *p = s->p;
	const struct tuff_tens *t = &p->tensors[io->tensor];

	memset(info, 0, sizeof(*info));
	info->name = tuff_str(p, io->name);
	info->dtype = t->dtype;
	info->rank = t->rank;
	for (uint32_t i = 0; i < t->rank; i++) {
		const struct tuff_expr *e = &p->exprs[t->dim[i]];

		info->dim[i] = e->op == TUFF_E_CONST ? e->value : -1;
		if (e->op == TUFF_E_SYM)
			info->symbol[i] = tuff_str(p, p->syms[e->a].name);
	}
	return 0;
}

EXPORT int tuff_session_input(const struct tuff_session *s, uint32_t i, struct tuff_io_info *info)
{
	return s && info && i < s->nreq ? io_info(s, &s->p->inputs[i], info) : -EINVAL;
}

EXPORT int tuff_session_output(const struct tuff_session *s, uint32_t i, struct tuff_io_info *info)
{
	return s && info && i < s->p->noutputs ? io_info(s, &s->p->outputs[i], info) : -EINVAL;
}

static int find(const struct tuff_session *s, const struct tuff_io *io, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(tuff_str(s->p, io[i].name), name))
			return i;
	return -ENOENT;
}

EXPORT int tuff_session_find_input(const struct tuff_session *s, const char *name)
{
	return s && name ? find(s, s->p->inputs, s->nreq, name) : -EINVAL;
}

EXPORT int tuff_session_find_output(const struct tuff_session *s, const char *name)
{
	return s && name ? find(s, s->p->outputs, s->p->noutputs, name) : -EINVAL;
}

EXPORT void tuff_session_memory(const struct tuff_session *s, struct tuff_memory *m)
{
	if (m)
		memset(m, 0, sizeof(*m));
	if (!s || !m)
		return;
	session_idle(s);
	m->weights = s->weight_bytes;
	m->arena = s->last ? s->last->mem.size : 0;
	m->live_peak = s->last ? s->last->mem.live_peak : 0;
	if (s->dev) {
		m->device = s->dev->bytes;
		m->device_peak = s->dev->peak_bytes;
	}
	for (const struct session_mem *k = s->mems; k; k = k->next)
		m->bound += k->size;
	for (int i = 0; i < SESSION_PLANS; i++)
		m->plans += !!s->plans[i];
	for (uint32_t i = 0; s->interp && i < s->interp->nsubs; i++) {
		struct tuff_memory in;

		tuff_session_memory(s->interp->sub[i], &in);
		m->weights += in.weights;
		m->arena += in.arena;
		m->live_peak += in.live_peak;
		m->plans += in.plans;
	}
}

EXPORT void tuff_session_info(const struct tuff_session *s, struct tuff_model_info *info)
{
	if (info)
		*info = (struct tuff_model_info){ .macs = -1 };
	if (!s || !info)
		return;
	session_idle(s);
	info->opset = s->p->info.opset;
	info->steps = tuff_session_steps(s);
	info->parameters = s->p->info.parameters;
	info->macs = s->last ? s->last->macs : -1;
	for (uint32_t i = 0; s->interp && i < s->interp->nsubs; i++) {
		struct tuff_model_info in;

		tuff_session_info(s->interp->sub[i], &in);
		info->parameters += in.parameters;
		if (in.macs >= 0)
			info->macs = in.macs + (info->macs < 0 ? 0 : info->macs);
	}
}

EXPORT const char *tuff_session_device(const struct tuff_session *s)
{
	return s && s->dev ? s->dev->info.name : "cpu";
}

EXPORT const char *tuff_session_why(const struct tuff_session *s)
{
	return s ? s->why : "";
}

EXPORT uint32_t tuff_session_threads(const struct tuff_session *s)
{
	return s ? s->threads : 0;
}

/* steps of a script's step i: those of its segment, else itself; bodies are their operator's */
static uint32_t steps_of(const struct tuff_session *s, uint32_t i)
{
	const struct tuff_step *st = &s->p->steps[i];

	return st->kind == TUFF_STEP_RUN ? s->interp->sub[st->kernel]->p->nsteps : 1;
}

uint32_t session_script_steps(const struct tuff_session *s, uint32_t end)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < end; i++)
		n += steps_of(s, i);
	return n;
}

EXPORT uint32_t tuff_session_steps(const struct tuff_session *s)
{
	return !s ? 0 : s->interp ? session_script_steps(s, s->p->nsteps) : s->p->nsteps;
}

EXPORT int tuff_session_step(const struct tuff_session *s, uint32_t i, struct tuff_step_info *info)
{
	const struct tuff_program *p;
	const struct tuff_step *st;
	uint32_t at = 0;

	if (!info)
		return -EINVAL;
	memset(info, 0, sizeof(*info));
	if (i >= tuff_session_steps(s))
		return -EINVAL;
	p = s->p;
	session_idle(s);
	for (; s->interp && i >= steps_of(s, at); at++)
		i -= steps_of(s, at);
	if (s->interp && p->steps[at].kind == TUFF_STEP_RUN)
		return tuff_session_step(s->interp->sub[p->steps[at].kernel], i, info);
	st = &p->steps[s->interp ? at : i];
	info->node = tuff_str(p, st->node);
	info->op = tuff_op_name(st->op == TUFF_OP_SIZED ? tuff_attr_int(p, st, "tuff.op", st->op) : st->op);
	info->on_device = st->kind == TUFF_STEP_DISPATCH;
	info->kernel = info->on_device ? tuff_str(p, p->kernels[st->kernel].name) : "";
	info->reason = tuff_str(p, st->reason);
	info->macs = st->macs != TUFF_NONE && s->last ? s->last->vals[st->macs] : -1;
	return 0;
}

EXPORT uint32_t tuff_session_nodes(const struct tuff_session *s)
{
	return s ? s->p->info.nnodes : 0;
}

EXPORT int tuff_session_node(const struct tuff_session *s, uint32_t i, struct tuff_node_info *info)
{
	const struct tuff_program *p;
	const uint32_t *at;

	if (!info)
		return -EINVAL;
	memset(info, 0, sizeof(*info));
	if (!s || i >= s->p->info.nnodes)
		return -EINVAL;
	p = s->p;
	at = p->args + p->info.nodes + 3ull * i;
	info->node = tuff_str(p, at[0]);
	info->op = tuff_str(p, at[1]);
	info->step = at[2] < p->nsteps ? (int32_t)at[2] : -1;
	info->why = info->step >= 0 ? "" : at[2] == TUFF_NODE_CONSTANT ? "computed when the model was compiled" :
		    at[2] == TUFF_NODE_SIZES ? "part of the arithmetic of sizes, or a view" :
		    at[2] == TUFF_NODE_PART ? "in a part that is planned when its sizes are known" : "nothing needs its result";
	return 0;
}

EXPORT uint32_t tuff_session_kernels(const struct tuff_session *s)
{
	uint32_t n = s ? s->p->nkernels : 0;

	for (uint32_t i = 0; s && s->interp && i < s->interp->nsubs; i++)
		n += tuff_session_kernels(s->interp->sub[i]);
	return n;
}

EXPORT const char *tuff_type_name(uint32_t dtype)
{
	return tuff_dtype_name(dtype);
}

EXPORT size_t tuff_type_size(uint32_t dtype)
{
	return tuff_dtype_size(dtype);
}
