// SPDX-License-Identifier: MIT
/*
 * A run: sizes from the inputs' shapes, the plan for them, inputs and outputs
 * put where the plan's steps look, the steps on the CPU and the segments on
 * the device in order, and what was made handed out.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "uapi/tuff_trace.h"
#include "userspace/interp.h"

/* oneDNN brings libgomp: one thread each, or its barriers spin */
extern void omp_set_num_threads(int) __attribute__((weak));

uint64_t session_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* adds what an input should be to an error about it */
static int mismatch(const struct tuff_session *s, const struct tuff_tensor *t, uint32_t i, struct tuff_error *err)
{
	session_error_tensor(err, tuff_str(s->p, s->p->inputs[i].name), t->dim, t->rank);
	return -EINVAL;
}

int session_check_input(const struct tuff_session *s, uint32_t i, const struct tuff_tensor *in, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	const struct tuff_tens *t = &p->tensors[p->inputs[i].tensor];
	const char *name = tuff_str(p, p->inputs[i].name);
	uint64_t size = tuff_dtype_size(t->dtype);

	if (in->dtype != t->dtype) {
		session_error(err, -EINVAL, "input '%s' is %s, the model takes %s", name, tuff_dtype_name(in->dtype), tuff_dtype_name(t->dtype));
		return mismatch(s, in, i, err);
	}
	if (in->rank != t->rank) {
		session_error(err, -EINVAL, "input '%s' has %u dimensions, the model takes %u", name, in->rank, t->rank);
		return mismatch(s, in, i, err);
	}
	for (uint32_t d = 0; d < t->rank; d++) {
		const struct tuff_expr *e = &p->exprs[t->dim[d]];
		int64_t v = in->dim[d];

		if (v < 0) {
			session_error(err, -EINVAL, "input '%s': dimension %u is %lld", name, d, (long long)v);
			return mismatch(s, in, i, err);
		}
		if (__builtin_mul_overflow(size, (uint64_t)v, &size)) {
			session_error(err, -EINVAL, "input '%s': its dimensions make more bytes than 64 bits can count", name);
			return mismatch(s, in, i, err);
		}
		if (e->op == TUFF_E_CONST && v != e->value) {
			session_error(err, -EINVAL, "input '%s': dimension %u is %lld, the model takes %lld", name, d, (long long)v, (long long)e->value);
			return mismatch(s, in, i, err);
		}
	}
	if (size != in->size || (size && !in->data)) {
		session_error(err, -EINVAL, "input '%s': %zu bytes given, its shape needs %llu", name, in->data ? in->size : 0, (unsigned long long)size);
		return mismatch(s, in, i, err);
	}
	return 0;
}

/* Symbols from the inputs' shapes; every mismatch names input and dimension. */
int session_symbols(const struct tuff_session *s, const struct tuff_binding *b, int64_t *syms, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;

	for (uint32_t i = 0; i < p->nsyms; i++)
		syms[i] = -1;
	for (uint32_t i = 0; i < s->nreq; i++) {
		const struct tuff_tens *t = &p->tensors[p->inputs[i].tensor];
		const char *name = tuff_str(p, p->inputs[i].name);
		int ret;

		if (t->layout == TUFF_SEQUENCE)	/* of a body; interp.c has looked at it */
			continue;
		if (!b->bound[i]) {
			session_error_tensor(err, name, NULL, TUFF_DIMS + 1);
			return session_error(err, -EINVAL, "input '%s' is not bound", name);
		}
		ret = session_check_input(s, i, &b->in[i], err);
		if (ret)
			return ret;
		for (uint32_t d = 0; d < t->rank; d++) {
			const struct tuff_expr *e = &p->exprs[t->dim[d]];

			if (e->op != TUFF_E_SYM)
				continue;
			if (syms[e->a] < 0)
				syms[e->a] = b->in[i].dim[d];
			if (syms[e->a] == b->in[i].dim[d])
				continue;
			session_error(err, -EINVAL, "input '%s': dimension %u is %lld, the inputs before it make %s %lld", name, d,
				      (long long)b->in[i].dim[d], tuff_str(p, p->syms[e->a].name), (long long)syms[e->a]);
			return mismatch(s, &b->in[i], i, err);
		}
	}
	for (uint32_t i = 0; i < p->nsyms; i++)
		if (syms[i] < 0 && !(p->syms[i].flags & TUFF_SYM_DATA))
			return session_error(err, -EINVAL, "%s: size '%s' is given by no input", s->path, tuff_str(p, p->syms[i].name));
	return 0;
}

/* input i: where it lies, else copied or converted to the plan's own memory */
static void place_input(struct tuff_session *s, struct plan *pl, const struct tuff_binding *b, uint32_t i, uint32_t buf)
{
	const struct session_optional *o = i < s->nreq ? NULL : &s->optional[i - s->nreq];
	void *from = o ? o->data : b->in[i].data;
	size_t size = o ? o->size : b->in[i].size;
	uint64_t offset = 0;

	pl->data[buf] = from;
	if (pl->dev) {
		const struct device_bo *bo = o ? &o->bo : session_mem_bo(s, from, size, &offset);

		if (bo && device_place(pl->dev, buf, bo, offset))
			return;
		device_place(pl->dev, buf, NULL, 0);
		pl->data[buf] = pl->home[buf];
		if (size)
			memcpy(pl->data[buf], from, size);
	} else if (!o && pl->in_convert[i]) {
		session_widen(from, b->in[i].dtype, size / 2, pl->in_convert[i]);
		pl->data[buf] = pl->in_convert[i];
	}
}

/* shape and size of output i */
static void describe(const struct tuff_session *s, const struct plan *pl, uint32_t i, struct tuff_tensor *out)
{
	const struct tuff_tens *t = &s->p->tensors[s->p->outputs[i].tensor];

	*out = (struct tuff_tensor){ .dtype = t->dtype, .rank = t->rank, .size = tuff_dtype_size(t->dtype) };
	for (uint32_t d = 0; d < t->rank; d++) {
		out->dim[d] = pl->vals[t->dim[d]];
		out->size *= out->dim[d];
	}
}

static int no_room(const struct tuff_session *s, const struct tuff_binding *b, uint32_t i, const struct tuff_tensor *t, struct tuff_error *err)
{
	const char *name = tuff_str(s->p, s->p->outputs[i].name);

	session_error_tensor(err, name, t->dim, t->rank);
	return session_error(err, -ENOSPC, "output '%s' has %zu bytes, %zu are bound", name, t->size, b->to[i].room);
}

static int place_output(struct tuff_session *s, struct plan *pl, const struct tuff_binding *b, uint32_t i, struct tuff_error *err)
{
	uint32_t buf = s->p->tensors[s->p->outputs[i].tensor].buffer;
	const struct bind_out *to = &b->to[i];
	const struct device_bo *bo = NULL;
	struct tuff_tensor t;
	uint64_t offset = 0;

	describe(s, pl, i, &t);
	if (to->data && to->room < t.size)	/* before anything runs */
		return no_room(s, b, i, &t, err);
	if (!pl->out_direct[i])
		return 0;
	pl->data[buf] = pl->home[buf];
	if (!binding_direct(s, pl, b, i, t.size)) {
		if (pl->dev)
			device_place(pl->dev, buf, NULL, 0);
		return 0;
	}
	if (pl->dev) {
		bo = session_mem_bo(s, to->data, t.size, &offset);
		device_place(pl->dev, buf, bo, offset);
	}
	pl->data[buf] = to->data;
	return 0;
}

int session_plan(struct tuff_session *s, struct tuff_binding *b, struct plan **out, struct tuff_error *err)
{
	int ret = session_symbols(s, b, s->syms, err);

	if (omp_set_num_threads)
		omp_set_num_threads(1);
	ret = ret ? ret : plan_get(s, s->syms, out, err);
	if (!ret)
		s->last = *out;
	return ret;
}

int session_place(struct tuff_session *s, struct plan *pl, struct tuff_binding *b, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	int ret = 0;

	for (uint32_t i = 0; i < p->nbufs; i++)
		if (p->bufs[i].kind == TUFF_BUF_INPUT)
			place_input(s, pl, b, p->bufs[i].index, i);
	for (uint32_t i = 0; i < p->noutputs && !ret; i++)
		ret = place_output(s, pl, b, i, err);
	for (uint32_t i = 0; i < pl->nmoves; i++)
		pl->moves[i].t->data = pl->data[pl->moves[i].buf];
	return ret;
}

int session_deliver(const struct tuff_session *s, struct tuff_binding *b, uint32_t i, const struct tuff_tensor *made, struct tuff_error *err)
{
	const struct bind_out *to = &b->to[i];

	if (to->data && to->room < made->size)
		return no_room(s, b, i, made, err);
	b->out[i] = *made;
	if (!to->data || to->data == made->data)
		return 0;
	b->out[i].data = to->data;
	if (made->size)
		memmove(to->data, made->data, made->size);
	return 0;
}

int session_collect(struct tuff_session *s, struct plan *pl, struct tuff_binding *b, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	int ret = 0;

	for (uint32_t i = 0; i < p->noutputs && !ret; i++) {
		void *made = pl->data[p->tensors[p->outputs[i].tensor].buffer];
		struct tuff_tensor t;

		describe(s, pl, i, &t);
		t.data = made;
		if (pl->out_convert[i]) {
			t.data = b->to[i].data && b->to[i].room >= t.size ? b->to[i].data : pl->out_convert[i];
			session_narrow(made, t.size / 2, t.dtype, t.data);
		}
		ret = session_deliver(s, b, i, &t, err);
	}
	b->ran = !ret;
	return ret;
}

bool session_cancelled(const struct tuff_session *s)
{
	return s->cancel && __atomic_load_n(s->cancel, __ATOMIC_RELAXED);
}

/* CPU steps first .. end-1 */
static int run_steps(struct tuff_session *s, struct plan *pl, uint32_t first, uint32_t end, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	char why[256] = "";
	int ret = 0;

	for (uint32_t i = first; i < end && !ret; i++) {
		struct cpu_args *a = &pl->steps[i].args;

		if (session_cancelled(s))
			return session_error(err, -ECANCELED, "%s: the run was cancelled", s->path);
		a->err = why;
		a->errlen = sizeof(why);
		if (s->profile)
			s->profile[i] = session_now();
		TUFF_TRACE(cpu_op_begin, (uint64_t)(uintptr_t)s, s->clock, i, p->steps[i].op);
		ret = pl->steps[i].nothing ? 0 : cpu_ops[p->steps[i].op].run(a, pl->steps[i].state);
		TUFF_TRACE(cpu_op_end, (uint64_t)(uintptr_t)s, s->clock, i, p->steps[i].op);
		if (s->profile)
			s->profile[i] = session_now() - s->profile[i];
		if (ret) {
			session_error(err, ret, "%s: node '%s' (%s): %s", s->path, tuff_str(p, p->steps[i].node),
				      tuff_op_name(p->steps[i].op), *why ? why : strerror(-ret));
			session_error_step(err, p, &p->steps[i]);
		}
	}
	return ret;
}

/* Segments on the device and the CPU steps between them, in order. */
static int run_device(struct tuff_session *s, struct plan *pl, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	uint32_t at = 0;
	uint64_t seqno;
	int ret = device_sync(s, pl, true);	/* the inputs */

	if (!ret && s->profile)
		ret = device_plan_time(s, pl, err);
	for (uint32_t i = 0; i <= pl->dev->nsegments && !ret; i++) {
		const struct device_segment *g = &pl->dev->segments[i];
		uint32_t end = i < pl->dev->nsegments ? g->first : p->nsteps;

		if (end > at) {
			ret = device_wait(s, err);
			ret = ret ? ret : device_sync(s, pl, false);
			ret = ret ? ret : run_steps(s, pl, at, end, err);
			ret = ret ? ret : device_sync(s, pl, true);
		}
		if (ret || i == pl->dev->nsegments)
			break;
		if (session_cancelled(s))
			ret = session_error(err, -ECANCELED, "%s: the run was cancelled", s->path);
		ret = ret ? ret : device_submit(s, pl, i, s->profile, &seqno, err);
		if (!ret && s->profile) {
			ret = device_wait(s, err);
			ret = ret ? ret : device_times(s, pl, i, seqno, s->profile, err);
		}
		at = g->first + g->count;
	}
	/* also after a failure: nothing may run on buffers that go away */
	if (ret)
		device_wait(s, NULL);
	else
		ret = device_wait(s, err);
	return ret ? ret : device_sync(s, pl, false);
}

int session_run_plan(struct tuff_session *s, struct plan *pl, struct tuff_binding *b, struct tuff_error *err)
{
	int ret;

	b->ran = false;
	ret = session_place(s, pl, b, err);
	if (ret)
		return ret;
	TUFF_TRACE(session_run_begin, (uint64_t)(uintptr_t)s, s->clock);
	ret = pl->dev ? run_device(s, pl, err) : run_steps(s, pl, 0, s->p->nsteps, err);
	TUFF_TRACE(session_run_end, (uint64_t)(uintptr_t)s, s->clock, ret);
	return ret ? ret : session_collect(s, pl, b, err);
}

int session_run(struct tuff_session *s, struct tuff_binding *b, struct tuff_error *err)
{
	struct plan *pl = NULL;
	int ret;

	b->ran = false;
	if (s->interp) {
		if (omp_set_num_threads)
			omp_set_num_threads(1);
		return interp_run(s, b, err);
	}
	ret = session_plan(s, b, &pl, err);
	return ret ? ret : session_run_plan(s, pl, b, err);
}

EXPORT int tuff_run(struct tuff_session *s, const struct tuff_tensor *in, uint32_t nin,
		    struct tuff_tensor *out, uint32_t nout, struct tuff_error *err)
{
	struct tuff_binding *b;
	int ret;

	if (err)
		memset(err, 0, sizeof(*err));
	if (!s || (nin && !in) || (nout && !out))
		return session_error(err, -EINVAL, "no %s given", !s ? "session is" : nin && !in ? "inputs are" : "place for outputs is");
	b = s->plain;
	if (nin != s->nreq || nout != s->p->noutputs) {
		ret = session_error(err, -EINVAL, "%u inputs and %u outputs given, the model has %u and %u", nin, nout, s->nreq, s->p->noutputs);
		return session_result(s, err, ret);
	}
	ret = session_enter(s, err);
	if (ret)
		return session_result(s, err, ret);
	if (nin)
		memcpy(b->in, in, nin * sizeof(*in));
	memset(b->bound, 1, nin * sizeof(*b->bound));
	ret = session_run(s, b, err);
	if (!ret && nout)
		memcpy(out, b->out, nout * sizeof(*out));
	return session_result(s, err, ret);
}

EXPORT int tuff_run_profiled(struct tuff_session *s, const struct tuff_tensor *in, uint32_t nin,
			     struct tuff_tensor *out, uint32_t nout, uint64_t *ns, struct tuff_error *err)
{
	int ret;

	if (err)
		memset(err, 0, sizeof(*err));
	if (!s || !ns)
		return session_error(err, -EINVAL, "no %s given", s ? "place for the times is" : "session is");
	session_idle(s);	/* the times are of this run */
	memset(ns, 0, tuff_session_steps(s) * sizeof(*ns));
	s->profile = ns;
	ret = tuff_run(s, in, nin, out, nout, err);
	s->profile = NULL;
	return ret;
}
