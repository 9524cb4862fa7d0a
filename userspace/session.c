// SPDX-License-Identifier: MIT
/* Sessions: a model on a device. This version has one device, the CPU. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "uapi/tuff_trace.h"
#include "userspace/session.h"

#define EXPORT __attribute__((visibility("default")))

/* oneDNN brings libgomp: one thread each, or its barriers spin */
extern void omp_set_num_threads(int) __attribute__((weak));

int session_error(struct tuff_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

EXPORT int tuff_session_create(const char *path, const char *device,
			       struct tuff_session **out, struct tuff_error *err)
{
	struct tuff_session *s;
	char why[512] = "", name[32];
	int ret;

	if (err)
		memset(err, 0, sizeof(*err));
	if (out)
		*out = NULL;
	if (!out || !path || !*path)
		return session_error(err, -EINVAL, "%s", out ? "no path of a model is given" : "there is no place for the session");
	if (!device || !strcmp(device, "auto")) {	/* a real GPU, else the CPU path rather than a software one */
		int gpu = device_first_gpu();

		snprintf(name, sizeof(name), gpu < 0 ? "cpu" : "vulkan:%d", gpu);
		device = name;
	}
	if (strcmp(device, "cpu") && strncmp(device, "vulkan", 6))
		return session_error(err, -ENODEV, "device '%.40s' is unknown: auto, cpu, vulkan or vulkan:N", device);
	s = calloc(1, sizeof(*s));
	if (!s)
		return session_error(err, -ENOMEM, "out of memory");
	if (snprintf(s->path, sizeof(s->path), "%s", path) >= (int)sizeof(s->path)) {
		ret = session_error(err, -ENAMETOOLONG, "the path is too long");
		goto err_session;
	}
	ret = strcmp(device, "cpu") ? device_open(device, &s->dev, err) : 0;
	ret = ret ? ret : session_open_program(s, err);
	if (ret)
		goto err_session;
	ret = tuff_weight_src_open(s->p, &s->src, why, sizeof(why));
	if (ret) {
		session_error(err, ret, "%s", *why ? why : "out of memory");
		goto err_session;
	}
	s->threads = cpu_pool_threads(0);
	s->pool = cpu_pool_get(s->threads);
	ret = s->pool ? session_load_weights(s, err) : session_error(err, -ENOMEM, "out of memory");
	if (!ret && s->dev)
		ret = device_load(s, err);
	if (ret)
		goto err_session;
	s->syms = calloc(s->p->nsyms + 1, sizeof(*s->syms));
	if (!s->syms) {
		ret = session_error(err, -ENOMEM, "out of memory");
		goto err_session;
	}
	*out = s;
	return 0;
err_session:
	tuff_session_destroy(s);
	return ret;
}

EXPORT void tuff_session_destroy(struct tuff_session *s)
{
	if (!s)
		return;
	for (int i = 0; i < SESSION_PLANS; i++)
		plan_destroy(s, s->plans[i]);
	session_free_weights(s);
	cpu_pool_put(s->pool);
	free(s->syms);
	if (s->src.p)
		tuff_weight_src_close(&s->src);
	tuff_program_destroy(s->p);
	device_close(s->dev);
	free(s);
}

EXPORT uint32_t tuff_session_inputs(const struct tuff_session *s)
{
	return s ? s->p->ninputs : 0;
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
	return s && info && i < s->p->ninputs ? io_info(s, &s->p->inputs[i], info) : -EINVAL;
}

EXPORT int tuff_session_output(const struct tuff_session *s, uint32_t i, struct tuff_io_info *info)
{
	return s && info && i < s->p->noutputs ? io_info(s, &s->p->outputs[i], info) : -EINVAL;
}

EXPORT void tuff_session_memory(const struct tuff_session *s, struct tuff_memory *m)
{
	memset(m, 0, sizeof(*m));
	if (!s)
		return;
	m->weights = s->weight_bytes;
	m->arena = s->last ? s->last->mem.size : 0;
	m->live_peak = s->last ? s->last->mem.live_peak : 0;
}

EXPORT void tuff_session_info(const struct tuff_session *s, struct tuff_model_info *info)
{
	memset(info, 0, sizeof(*info));
	if (!s)
		return;
	info->opset = s->p->info.opset;
	info->steps = s->p->nsteps;
	info->parameters = s->p->info.parameters;
	info->macs = s->last ? s->last->macs : -1;
}

/* Symbols from the inputs' shapes; every mismatch names input and dimension. */
static int bind(struct tuff_session *s, const struct tuff_tensor *in, int64_t *syms, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;

	for (uint32_t i = 0; i < p->nsyms; i++)
		syms[i] = -1;
	for (uint32_t i = 0; i < p->ninputs; i++) {
		const struct tuff_tens *t = &p->tensors[p->inputs[i].tensor];
		const char *name = tuff_str(p, p->inputs[i].name);
		uint64_t size = tuff_dtype_size(t->dtype);

		if (in[i].dtype != t->dtype)
			return session_error(err, -EINVAL, "input '%s' is %s, the model takes %s", name,
					     tuff_dtype_name(in[i].dtype), tuff_dtype_name(t->dtype));
		if (in[i].rank != t->rank)
			return session_error(err, -EINVAL, "input '%s' has %u dimensions, the model takes %u", name, in[i].rank, t->rank);
		for (uint32_t d = 0; d < t->rank; d++) {
			const struct tuff_expr *e = &p->exprs[t->dim[d]];
			int64_t v = in[i].dim[d], want = e->op == TUFF_E_SYM ? syms[e->a] : e->value;

			if (v < 0 || __builtin_mul_overflow(size, (uint64_t)v, &size))
				return session_error(err, -EINVAL, "input '%s': dimension %u is %lld", name, d, (long long)v);
			if (e->op == TUFF_E_SYM && want < 0)
				syms[e->a] = want = v;
			if (want != v)
				return session_error(err, -EINVAL, "input '%s': dimension %u is %lld, the model takes %lld%s%s", name, d,
						     (long long)v, (long long)want, e->op == TUFF_E_SYM ? " for " : "",
						     e->op == TUFF_E_SYM ? tuff_str(p, p->syms[e->a].name) : "");
		}
		if (size != in[i].size || (size && !in[i].data))
			return session_error(err, -EINVAL, "input '%s': %zu bytes given, its shape needs %llu", name, in[i].size, (unsigned long long)size);
	}
	for (uint32_t i = 0; i < p->nsyms; i++)
		if (syms[i] < 0)
			return session_error(err, -EOPNOTSUPP, "%s: size '%s' depends on data", s->path, tuff_str(p, p->syms[i].name));
	return 0;
}

static void widen_input(const struct tuff_tensor *in, float *to)
{
	for (size_t i = 0; i < in->size / 2; i++) {
		uint16_t h;
		uint32_t u;

		memcpy(&h, (char *)in->data + 2 * i, 2);
		if (in->dtype == TUFF_F16) {
			to[i] = tuff_f16_to_f32(h);
		} else {
			u = (uint32_t)h << 16;
			memcpy(&to[i], &u, 4);
		}
	}
}

static void narrow_output(const float *from, struct tuff_tensor *out)
{
	for (size_t i = 0; i < out->size / 2; i++) {
		uint16_t h = tuff_f32_to_f16(from[i]);
		uint32_t u;

		if (out->dtype == TUFF_BF16) {	/* nearest even */
			memcpy(&u, &from[i], 4);
			h = (u & 0x7fffffff) > 0x7f800000 ? u >> 16 | 64 : (u + 0x7fff + (u >> 16 & 1)) >> 16;
		}
		memcpy((char *)out->data + 2 * i, &h, 2);
	}
}

static void set_inputs(struct tuff_session *s, struct plan *pl, const struct tuff_tensor *in)
{
	const struct tuff_program *p = s->p;

	for (uint32_t i = 0; i < p->nbufs; i++) {
		const struct tuff_buf *b = &p->bufs[i];

		if (b->kind != TUFF_BUF_INPUT)
			continue;
		if (pl->dev) {
			if (in[b->index].size)
				memcpy(pl->data[i], in[b->index].data, in[b->index].size);
			continue;
		}
		pl->data[i] = in[b->index].data;
		if (pl->in_convert[b->index]) {
			widen_input(&in[b->index], pl->in_convert[b->index]);
			pl->data[i] = pl->in_convert[b->index];
		}
	}
	for (uint32_t i = 0; i < p->nsteps && !pl->dev; i++)
		for (uint32_t k = 0; k < p->steps[i].nin; k++) {
			uint32_t t = p->args[p->steps[i].arg + k];

			if (t != TUFF_NONE && p->bufs[p->tensors[t].buffer].kind == TUFF_BUF_INPUT)
				pl->steps[i].in[k].data = pl->data[p->tensors[t].buffer];
		}
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* CPU steps first .. end-1 */
static int run_steps(struct tuff_session *s, struct plan *pl, uint32_t first, uint32_t end, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	char why[256] = "";
	int ret = 0;

	for (uint32_t i = first; i < end && !ret; i++) {
		struct cpu_args *a = &pl->steps[i].args;

		a->err = why;
		a->errlen = sizeof(why);
		if (s->profile)
			s->profile[i] = now_ns();
		TUFF_TRACE(cpu_op_begin, (uint64_t)(uintptr_t)s, s->clock, i, p->steps[i].op);
		ret = pl->steps[i].nothing ? 0 : cpu_ops[p->steps[i].op].run(a, pl->steps[i].state);
		TUFF_TRACE(cpu_op_end, (uint64_t)(uintptr_t)s, s->clock, i, p->steps[i].op);
		if (s->profile)
			s->profile[i] = now_ns() - s->profile[i];
		if (ret) {
			session_error(err, ret, "%s: node '%s' (%s): %s", s->path, tuff_str(p, p->steps[i].node),
				      tuff_op_name(p->steps[i].op), *why ? why : strerror(-ret));
			if (err) {
				snprintf(err->node, sizeof(err->node), "%s", tuff_str(p, p->steps[i].node));
				snprintf(err->op, sizeof(err->op), "%s", tuff_op_name(p->steps[i].op));
			}
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
		ret = device_submit(s, pl, i, s->profile, &seqno, err);
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

EXPORT int tuff_run(struct tuff_session *s, const struct tuff_tensor *in, uint32_t nin,
		    struct tuff_tensor *out, uint32_t nout, struct tuff_error *err)
{
	const struct tuff_program *p;
	struct plan *pl = NULL;
	int64_t *syms;
	int ret;

	if (err)
		memset(err, 0, sizeof(*err));
	if (!s || (nin && !in) || (nout && !out))
		return session_error(err, -EINVAL, "no %s given", !s ? "session is" : nin && !in ? "inputs are" : "place for outputs is");
	p = s->p;
	syms = s->syms;
	if (nin != p->ninputs || nout != p->noutputs)
		return session_error(err, -EINVAL, "%u inputs and %u outputs given, the model has %u and %u", nin, nout, p->ninputs, p->noutputs);
	ret = bind(s, in, syms, err);
	if (ret)
		return ret;
	if (omp_set_num_threads)
		omp_set_num_threads(1);
	ret = plan_get(s, syms, &pl, err);
	if (ret)
		return ret;
	s->last = pl;
	set_inputs(s, pl, in);
	TUFF_TRACE(session_run_begin, (uint64_t)(uintptr_t)s, s->clock);
	ret = pl->dev ? run_device(s, pl, err) : run_steps(s, pl, 0, p->nsteps, err);
	TUFF_TRACE(session_run_end, (uint64_t)(uintptr_t)s, s->clock, ret);
	for (uint32_t i = 0; i < nout && !ret; i++) {
		const struct tuff_tens *t = &p->tensors[p->outputs[i].tensor];
		void *data = pl->data[t->buffer];

		out[i] = (struct tuff_tensor){ .dtype = t->dtype, .rank = t->rank, .data = data, .size = tuff_dtype_size(t->dtype) };
		for (uint32_t d = 0; d < t->rank; d++) {
			out[i].dim[d] = pl->vals[t->dim[d]];
			out[i].size *= out[i].dim[d];
		}
		if (pl->out_convert[i]) {
			out[i].data = pl->out_convert[i];
			narrow_output(data, &out[i]);
		}
	}
	return ret;
}

EXPORT const char *tuff_type_name(uint32_t dtype)
{
	return tuff_dtype_name(dtype);
}

EXPORT size_t tuff_type_size(uint32_t dtype)
{
	return tuff_dtype_size(dtype);
}
