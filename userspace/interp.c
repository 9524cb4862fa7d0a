// SPDX-License-Identifier: MIT
/* Scripts: segments and dynamic operators in order, sizes measured between them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "uapi/tuff_trace.h"
#include "userspace/interp.h"

static int step_error(struct tuff_session *s, uint32_t i, int ret, const char *why, struct tuff_error *err)
{
	const struct tuff_step *st = &s->p->steps[i];

	session_error(err, ret, "%s: node '%s' (%s): %s", s->path, tuff_str(s->p, st->node), tuff_op_name(st->op), *why ? why : strerror(-ret));
	if (err) {
		snprintf(err->node, sizeof(err->node), "%s", tuff_str(s->p, st->node));
		snprintf(err->op, sizeof(err->op), "%s", tuff_op_name(st->op));
	}
	return ret;
}

int interp_open(struct tuff_session *s, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	struct interp *it;
	int ret = 0;

	s->interp = it = calloc(1, sizeof(*it));
	if (!it)
		return session_error(err, -ENOMEM, "out of memory");
	it->sub = calloc(p->nsubs + 1, sizeof(*it->sub));
	it->slot = calloc(p->ntensors + 1, sizeof(*it->slot));
	it->syms = calloc(p->nsyms + 1, sizeof(*it->syms));
	it->first = malloc((p->ntensors + 1) * sizeof(*it->first));
	it->next = malloc((p->nsyms + 1) * sizeof(*it->next));
	it->held = calloc(p->noutputs + 1, sizeof(*it->held));
	if (!it->sub || !it->slot || !it->syms || !it->first || !it->next || !it->held)
		return session_error(err, -ENOMEM, "out of memory");
	memset(it->first, 0xff, (p->ntensors + 1) * sizeof(*it->first));
	for (uint32_t i = 0; i < p->nsyms; i++) {
		if (!(p->syms[i].flags & TUFF_SYM_DATA))
			continue;
		it->next[i] = it->first[p->syms[i].tensor];
		it->first[p->syms[i].tensor] = i;
	}
	for (uint32_t i = 0; i < p->nsubs && !ret; i++) {
		ret = session_inside(s, p->subs[i], &it->sub[i], err);
		it->nsubs += !ret;
	}
	return ret;
}

static void clear(struct tuff_session *s)
{
	for (uint32_t i = 0; i < s->p->ntensors; i++) {
		value_put(s->interp->slot[i]);
		s->interp->slot[i] = NULL;
	}
}

void interp_adopt(struct tuff_session *s)
{
	for (uint32_t i = 0; s->interp && i < s->interp->nsubs; i++)
		s->interp->sub[i]->parent = s;
}

void interp_release(struct tuff_session *s)
{
	if (!s->interp)
		return;
	for (uint32_t i = 0; i < s->p->noutputs; i++) {
		value_put(s->interp->held[i]);
		s->interp->held[i] = NULL;
	}
}

void interp_close(struct tuff_session *s)
{
	struct interp *it = s->interp;

	if (!it)
		return;
	if (it->slot)
		clear(s);
	if (it->held)
		interp_release(s);
	for (uint32_t i = 0; i < it->nsubs; i++)
		session_inside_end(it->sub[i]);
	free(it->sub);
	free(it->slot);
	free(it->syms);
	free(it->first);
	free(it->next);
	free(it->held);
	free(it);
	s->interp = NULL;
}

/* symbols that tensor t gives; it is in its slot now */
static int measure(struct tuff_session *s, uint32_t t, struct tuff_error *err)
{
	struct interp *it = s->interp;

	for (uint32_t k = it->first[t]; k != TUFF_NONE; k = it->next[k]) {
		const struct tuff_tensor *v = &it->slot[t]->t;
		uint32_t at = s->p->syms[k].at;
		int64_t x;

		if (at < TUFF_MAX_RANK) {
			it->syms[k] = v->dim[at];
			continue;
		}
		at -= TUFF_MAX_RANK;
		if ((v->dtype != TUFF_I64 && v->dtype != TUFF_I32) || at >= v->size / tuff_dtype_size(v->dtype))
			return session_error(err, -EINVAL, "%s: tensor '%s' has no integer element %u", s->path, tuff_str(s->p, s->p->tensors[t].name), at);
		x = v->dtype == TUFF_I64 ? ((const int64_t *)v->data)[at] : ((const int32_t *)v->data)[at];
		it->syms[k] = x > SYM_BOUND ? SYM_BOUND : x < -SYM_BOUND ? -SYM_BOUND : x;
	}
	return 0;
}

/* v (whose reference it takes) becomes tensor t */
static int set(struct tuff_session *s, uint32_t t, struct value *v, struct tuff_error *err)
{
	const struct tuff_tens *want = &s->p->tensors[t];

	value_put(s->interp->slot[t]);
	s->interp->slot[t] = v;
	if (v->seq && want->layout == TUFF_SEQUENCE && v->t.dtype == want->dtype)
		return 0;
	if (v->seq || want->layout == TUFF_SEQUENCE)
		return session_error(err, -EINVAL, "%s: tensor '%s' comes as %s of %s", s->path, tuff_str(s->p, want->name),
				     v->seq ? "a sequence" : "a tensor", tuff_dtype_name(v->t.dtype));
	if (v->t.dtype != want->dtype || v->t.rank != want->rank)
		return session_error(err, -EINVAL, "%s: tensor '%s' comes as %s with %u dimensions, not as %s with %u", s->path,
				     tuff_str(s->p, want->name), tuff_dtype_name(v->t.dtype), v->t.rank, tuff_dtype_name(want->dtype), want->rank);
	return measure(s, t, err);
}

/* what a segment takes must have the sizes that it was planned for */
static int fits(struct tuff_session *sub, const struct plan *pl, struct value *const *in, struct tuff_error *err)
{
	const struct tuff_program *p = sub->p;

	for (uint32_t i = 0; i < p->ninputs; i++) {
		const struct tuff_tens *t = &p->tensors[p->inputs[i].tensor];

		for (uint32_t d = 0; d < t->rank; d++)
			if (in[i]->t.dim[d] != pl->vals[t->dim[d]])
				return session_error(err, -EINVAL, "%s: tensor '%s': dimension %u is %lld, %lld is what the model says", sub->path,
						     tuff_str(p, p->inputs[i].name), d, (long long)in[i]->t.dim[d], (long long)pl->vals[t->dim[d]]);
	}
	return 0;
}

/*
 * An output as a value. It keeps what it lies in: an input that it is a view of,
 * the plan's memory if nobody runs the plan again in this run (`borrow`), else a copy.
 */
static int take(struct tuff_session *sub, const struct tuff_tensor *t, struct value *const *in, uint32_t nin, bool borrow,
		struct value **out, char *why, size_t len)
{
	int ret;

	for (uint32_t i = 0; i < nin; i++) {
		const char *from = in[i]->t.data;

		if (!t->size || (const char *)t->data < from || (const char *)t->data >= from + in[i]->t.size)
			continue;
		ret = value_borrow(t, out);
		if (!ret)
			(*out)->base = value_get(in[i]);
		return ret;
	}
	if (borrow)
		return value_borrow(t, out);
	ret = value_make(sub, t->dtype, t->rank, t->dim, out, why, len);
	if (!ret && t->size)
		memcpy((*out)->t.data, t->data, t->size);
	return ret;
}

/* values as the inputs of s's own binding */
static int bind(struct tuff_session *s, struct value *const *in, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;

	for (uint32_t i = 0; i < p->ninputs; i++) {
		if (in[i]->seq && (!s->interp || p->tensors[p->inputs[i].tensor].layout != TUFF_SEQUENCE))
			return session_error(err, -EINVAL, "%s: input '%s' comes as a sequence", s->path, tuff_str(p, p->inputs[i].name));
		s->plain->in[i] = in[i]->t;
		s->plain->bound[i] = true;
	}
	return 0;
}

/* a program without a script; syms: NULL = from its inputs */
static int run_static(struct tuff_session *sub, const int64_t *syms, struct value *const *in, struct value **out, bool borrow, struct tuff_error *err)
{
	const struct tuff_program *p = sub->p;
	struct tuff_binding *b = sub->plain;
	struct plan *pl = NULL;
	char why[160] = "";
	int ret = bind(sub, in, err);

	sub->cancel = sub->parent->cancel;
	if (!ret && !syms)
		ret = session_plan(sub, b, &pl, err);
	else if (!ret)
		ret = plan_get(sub, syms, &pl, err);
	sub->last = ret ? sub->last : pl;
	ret = ret ? ret : fits(sub, pl, in, err);
	ret = ret ? ret : session_run_plan(sub, pl, b, err);
	for (uint32_t i = 0; i < p->noutputs && !ret; i++) {
		ret = take(sub, &b->out[i], in, p->ninputs, borrow, &out[i], why, sizeof(why));
		if (ret)
			session_error(err, ret, "%s: tensor '%s': %s", sub->path, tuff_str(p, p->outputs[i].name), *why ? why : strerror(-ret));
	}
	return ret;
}

struct maker {
	struct dyn d;
	struct tuff_session *s;
	struct value **out;
};

static int make(struct dyn *d, uint32_t i, uint32_t dtype, uint32_t rank, const int64_t *dim)
{
	struct maker *m = (struct maker *)d;
	struct cpu_tensor *c = &d->out[i];
	int ret;

	if (i >= d->nout || d->p->args[d->s->arg + d->nin + i] == TUFF_NONE)
		return 0;
	ret = value_make(m->s, dtype, rank, dim, &m->out[i], d->err, d->errlen);
	if (ret)
		return ret;
	*c = (struct cpu_tensor){ .dtype = dtype, .logical = dtype, .rank = rank, .data = m->out[i]->t.data };
	if (rank)
		memcpy(c->dim, dim, rank * sizeof(*dim));
	return 0;
}

/* an operator that sizes its outputs; c: room for its inputs and outputs */
static int run_kernel(struct tuff_session *s, uint32_t i, struct value *const *in, struct value **out, struct cpu_tensor *c, char *why, size_t len)
{
	const struct tuff_step *st = &s->p->steps[i];
	struct maker m = { .d = { .p = s->p, .s = st, .in = c, .out = c + st->nin, .nin = st->nin, .nout = st->nout,
				  .make = make, .err = why, .errlen = len }, .s = s, .out = out };

	for (uint32_t k = 0; k < st->nin; k++) {
		if (!in[k])
			continue;
		if (in[k]->seq) {
			snprintf(why, len, "input %u is a sequence", k);
			return -EINVAL;
		}
		c[k] = (struct cpu_tensor){ .dtype = in[k]->t.dtype, .logical = in[k]->t.dtype, .rank = in[k]->t.rank, .data = in[k]->t.data };
		memcpy(c[k].dim, in[k]->t.dim, sizeof(c[k].dim));
	}
	return cpu_dynamic[st->op] ? cpu_dynamic[st->op](&m.d) : -EOPNOTSUPP;
}

static int run_operator(struct tuff_session *s, uint32_t i, struct value *const *in, struct value **out, struct tuff_error *err)
{
	const struct tuff_step *st = &s->p->steps[i];
	struct cpu_tensor *c;
	char why[200] = "";
	bool said = false;
	int ret;

	if (st->op >= TUFF_OP_SEQ_EMPTY && st->op <= TUFF_OP_PASS) {
		ret = interp_sequence(s, i, in, out, why, sizeof(why));
		return ret ? step_error(s, i, ret, why, err) : 0;
	}
	if (tuff_op_regions(st->op) > 0) {
		ret = interp_region(s, i, in, out, why, sizeof(why), &said, err);
		return ret && !said ? step_error(s, i, ret, why, err) : ret;
	}
	c = calloc(st->nin + st->nout + 1, sizeof(*c));
	if (!c)
		return step_error(s, i, -ENOMEM, why, err);
	ret = run_kernel(s, i, in, out, c, why, sizeof(why));
	free(c);
	return ret ? step_error(s, i, ret, why, err) : 0;
}
static int step(struct tuff_session *s, uint32_t i, struct tuff_error *err)
{
	struct interp *it = s->interp;
	const struct tuff_program *p = s->p;
	const struct tuff_step *st = &p->steps[i];
	const uint32_t *args = p->args + st->arg;
	struct value **v = calloc(st->nin + st->nout + 1, sizeof(*v)), **out = v + st->nin;
	int64_t *syms = NULL;
	int ret = v ? 0 : session_error(err, -ENOMEM, "out of memory");

	for (uint32_t k = 0; k < st->nin && !ret; k++) {
		v[k] = args[k] == TUFF_NONE ? NULL : it->slot[args[k]];
		if (!v[k] && args[k] != TUFF_NONE)
			ret = session_error(err, -EINVAL, "%s: step %u reads tensor '%s' before it is made", s->path, i, tuff_str(p, p->tensors[args[k]].name));
	}
	if (!ret && st->kind == TUFF_STEP_RUN) {
		struct tuff_session *sub = it->sub[st->kernel];
		const int64_t *map;
		size_t n;

		map = tuff_attr_ints(p, st, "syms", &n);
		syms = calloc(n + 1, sizeof(*syms));
		ret = syms ? 0 : session_error(err, -ENOMEM, "out of memory");
		for (size_t k = 0; k < n && !ret; k++) {
			syms[k] = it->syms[map[k]];
			if (syms[k] == SYM_UNKNOWN)
				ret = session_error(err, -EINVAL, "%s: size '%s' is not known at step %u", s->path, tuff_str(p, p->syms[map[k]].name), i);
		}
		/* at the top each segment runs once a run */
		ret = ret ? ret : run_static(sub, syms, v, out, !s->parent, err);
	} else if (!ret) {
		ret = run_operator(s, i, v, out, err);
	}
	for (uint32_t k = 0; k < st->nout; k++) {
		uint32_t t = args[st->nin + k];

		if (!out || !out[k])
			continue;
		if (ret || t == TUFF_NONE)
			value_put(out[k]);
		else
			ret = set(s, t, out[k], err);
	}
	/* what nobody asks for any more */
	for (uint32_t k = 0; k < st->nin + st->nout && !ret; k++) {
		uint32_t t = args[k];

		if (t == TUFF_NONE || p->bufs[p->tensors[t].buffer].last > i)
			continue;
		value_put(it->slot[t]);
		it->slot[t] = NULL;
	}
	free(syms);
	free(v);
	return ret;
}

/* constants that the script's own steps read or that are measured */
static int constants(struct tuff_session *s, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	int ret = 0;

	for (uint32_t t = 0; t < p->ntensors && !ret; t++) {
		const struct tuff_buf *b = &p->bufs[p->tensors[t].buffer];
		struct tuff_tensor c = { .dtype = p->tensors[t].dtype, .rank = p->tensors[t].rank };
		struct value *v;

		if (b->kind != TUFF_BUF_WEIGHT || !s->weights[b->index])
			continue;
		c.data = s->weights[b->index];
		c.size = tuff_dtype_size(c.dtype);
		for (uint32_t d = 0; d < c.rank; d++) {
			c.dim[d] = p->weights[b->index].rank == c.rank ? p->weights[b->index].dim[d] : 0;
			c.size *= c.dim[d];
		}
		if (c.size > s->weight_size[b->index])
			return session_error(err, -EINVAL, "%s: tensor '%s' is not of its constant's type", s->path, tuff_str(p, p->tensors[t].name));
		ret = value_borrow(&c, &v) ? session_error(err, -ENOMEM, "out of memory") : set(s, t, v, err);
	}
	return ret;
}

static int run_script(struct tuff_session *s, const struct tuff_binding *b, struct value *const *in, struct value **out, struct tuff_error *err)
{
	struct interp *it = s->interp;
	const struct tuff_program *p = s->p;
	int ret = session_symbols(s, b, it->syms, err);

	if (s->parent)
		s->cancel = s->parent->cancel;
	for (uint32_t i = 0; i < p->nsyms; i++)
		if (p->syms[i].flags & TUFF_SYM_DATA)
			it->syms[i] = SYM_UNKNOWN;
	for (uint32_t i = 0; i < p->ninputs && !ret; i++)
		ret = set(s, p->inputs[i].tensor, value_get(in[i]), err);
	ret = ret ? ret : constants(s, err);
	for (uint32_t i = 0; i < p->nsteps && !ret; i++) {
		uint64_t *ns = s->profile ? s->profile + session_script_steps(s, i) : NULL, t = ns ? session_now() : 0;
		bool run = p->steps[i].kind == TUFF_STEP_RUN;

		TUFF_TRACE(cpu_op_begin, (uint64_t)(uintptr_t)s, s->clock, i, p->steps[i].op);
		if (session_cancelled(s)) {
			ret = session_error(err, -ECANCELED, "%s: the run was cancelled", s->path);
			break;
		}
		if (run)
			it->sub[p->steps[i].kernel]->profile = ns;
		ret = step(s, i, err);
		TUFF_TRACE(cpu_op_end, (uint64_t)(uintptr_t)s, s->clock, i, p->steps[i].op);
		if (ns && !run)
			*ns = session_now() - t;
	}
	for (uint32_t i = 0; i < p->noutputs && !ret; i++) {
		struct value *v = it->slot[p->outputs[i].tensor];

		if (!v)
			ret = session_error(err, -EINVAL, "%s: output '%s' is made by no step", s->path, tuff_str(p, p->outputs[i].name));
		else
			out[i] = value_get(v);
	}
	clear(s);
	return ret;
}

int interp_call(struct tuff_session *s, struct value *const *in, uint32_t nin, struct value **out, uint32_t nout, struct tuff_error *err)
{
	int ret;

	if (nin != s->p->ninputs || nout != s->p->noutputs)
		return session_error(err, -EINVAL, "%s: %u inputs and %u outputs for a region of %u and %u", s->path, nin, nout, s->p->ninputs, s->p->noutputs);
	memset(out, 0, nout * sizeof(*out));
	ret = s->interp ? bind(s, in, err) : 0;
	ret = ret ? ret : s->interp ? run_script(s, s->plain, in, out, err) : run_static(s, NULL, in, out, false, err);
	for (uint32_t i = 0; i < nout && ret; i++) {
		value_put(out[i]);
		out[i] = NULL;
	}
	return ret;
}

/* input i of the whole: what is bound, or the value of an initializer */
static int input(struct tuff_session *s, const struct tuff_binding *b, uint32_t i, struct value **v)
{
	const struct tuff_tens *t = &s->p->tensors[s->p->inputs[i].tensor];
	struct tuff_tensor x = { .dtype = t->dtype, .rank = t->rank };

	if (i < s->nreq)
		return value_borrow(&b->in[i], v);
	x.data = s->optional[i - s->nreq].data;
	x.size = s->optional[i - s->nreq].size;
	for (uint32_t d = 0; d < t->rank; d++)
		x.dim[d] = s->p->exprs[t->dim[d]].value;
	return value_borrow(&x, v);
}

int interp_run(struct tuff_session *s, struct tuff_binding *b, struct tuff_error *err)
{
	struct interp *it = s->interp;
	const struct tuff_program *p = s->p;
	struct value **v = calloc(p->ninputs + 1, sizeof(*v));
	int ret = v ? 0 : session_error(err, -ENOMEM, "out of memory");

	interp_release(s);
	b->ran = false;
	for (uint32_t i = 0; i < s->nreq && !ret; i++)
		if (!b->bound[i])
			ret = session_symbols(s, b, it->syms, err);	/* which says so */
	for (uint32_t i = 0; i < p->ninputs && !ret; i++)
		ret = input(s, b, i, &v[i]) ? session_error(err, -ENOMEM, "out of memory") : 0;
	s->clock++;
	TUFF_TRACE(session_run_begin, (uint64_t)(uintptr_t)s, s->clock);
	ret = ret ? ret : run_script(s, b, v, it->held, err);
	TUFF_TRACE(session_run_end, (uint64_t)(uintptr_t)s, s->clock, ret);
	for (uint32_t i = 0; v && i < p->ninputs; i++)
		value_put(v[i]);
	free(v);
	for (uint32_t i = 0; i < p->noutputs && !ret; i++)
		ret = session_deliver(s, b, i, &it->held[i]->t, err);
	b->ran = !ret;
	return ret;
}
