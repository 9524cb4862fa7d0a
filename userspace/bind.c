// SPDX-License-Identifier: MIT
/* Where inputs and outputs lie: bindings, and memory that a device reaches too. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "userspace/session.h"

#define ALIGN 256	/* the specification's largest offset alignment */

/* ---- memory ---- */

EXPORT void *tuff_session_alloc(struct tuff_session *s, size_t size)
{
	struct session_mem *m = s ? calloc(1, sizeof(*m)) : NULL;
	size_t room = size + ALIGN;

	if (!m || room < size || session_enter(s, NULL)) {
		free(m);
		return NULL;
	}
	m->size = size;
	if (s->dev) {
		if (!device_bo_create(s->dev, room, TUFF_PLACE_SYSTEM, true, &m->bo))
			m->data = m->bo.map;
	} else {
		m->data = aligned_alloc(64, (room + 63) / 64 * 64);
	}
	if (!m->data) {
		free(m);
		return NULL;
	}
	memset(m->data, 0, size);
	m->next = s->mems;
	s->mems = m;
	return m->data;
}

static void mem_free(struct tuff_session *s, struct session_mem *m)
{
	if (s->dev)
		device_bo_destroy(s->dev, &m->bo);
	else
		free(m->data);
	free(m);
}

static bool inside(const struct session_mem *m, const void *data, size_t size)
{
	uintptr_t at = (uintptr_t)data - (uintptr_t)m->data;

	return data && (uintptr_t)data >= (uintptr_t)m->data && at <= m->size && size <= m->size - at;
}

EXPORT void tuff_session_free(struct tuff_session *s, void *data)
{
	if (!s)
		return;
	for (struct session_mem **at = &s->mems; data && *at; at = &(*at)->next) {
		struct session_mem *m = *at;

		if (m->data != data)
			continue;
		session_idle(s);
		for (struct tuff_binding *b = s->bindings; b; b = b->next) {
			for (uint32_t i = 0; i < s->nreq; i++)
				if (b->bound[i] && inside(m, b->in[i].data, 0))
					b->bound[i] = false;
			for (uint32_t i = 0; i < s->p->noutputs; i++)
				if (inside(m, b->to[i].data, 0))
					b->to[i] = (struct bind_out){ 0 };
		}
		*at = m->next;
		mem_free(s, m);
		return;
	}
}

void session_free_mems(struct tuff_session *s)
{
	struct session_mem *next;

	for (struct session_mem *m = s->mems; m; m = next) {
		next = m->next;
		mem_free(s, m);
	}
	s->mems = NULL;
}

const struct device_bo *session_mem_bo(const struct tuff_session *s, const void *data, size_t size, uint64_t *offset)
{
	for (const struct session_mem *m = s->mems; m; m = m->next)
		if (m->bo.handle && inside(m, data, size)) {
			*offset = (uintptr_t)data - (uintptr_t)m->data;
			return *offset % ALIGN ? NULL : &m->bo;
		}
	return NULL;
}

/* ---- bindings ---- */

int binding_new(struct tuff_session *s, struct tuff_binding **out)
{
	struct tuff_binding *b = calloc(1, sizeof(*b));

	*out = b;
	if (!b)
		return -ENOMEM;
	b->s = s;
	b->fence.fd = -1;
	b->in = calloc(s->nreq + 1, sizeof(*b->in));
	b->bound = calloc(s->nreq + 1, sizeof(*b->bound));
	b->to = calloc(s->p->noutputs + 1, sizeof(*b->to));
	b->out = calloc(s->p->noutputs + 1, sizeof(*b->out));
	if (b->in && b->bound && b->to && b->out)
		return 0;
	binding_free(b);
	*out = NULL;
	return -ENOMEM;
}

void binding_free(struct tuff_binding *b)
{
	if (!b)
		return;
	if (b->fence.fd >= 0)
		close(b->fence.fd);
	free(b->in);
	free(b->bound);
	free(b->to);
	free(b->out);
	free(b);
}

EXPORT int tuff_binding_create(struct tuff_session *s, struct tuff_binding **out, struct tuff_error *err)
{
	int ret;

	if (out)
		*out = NULL;
	if (!s || !out)
		return session_null(err);
	if (err)
		memset(err, 0, sizeof(*err));
	ret = session_enter(s, err);
	if (ret)
		return session_result(s, err, ret);
	if (binding_new(s, out))
		return session_result(s, err, session_error(err, -ENOMEM, "out of memory"));
	(*out)->next = s->bindings;
	s->bindings = *out;
	return 0;
}

EXPORT void tuff_binding_destroy(struct tuff_binding *b)
{
	struct tuff_binding **at;

	if (!b || b->s->pid != getpid())
		return;
	tuff_fence_cancel(&b->fence);
	tuff_fence_wait(&b->fence, INT64_MAX, NULL);
	for (at = &b->s->bindings; *at != b; at = &(*at)->next)
		;
	*at = b->next;
	binding_free(b);
}

static int busy(struct tuff_binding *b, struct tuff_error *err)
{
	if (!binding_busy(b))
		return 0;
	return session_result(b->s, err, session_error(err, -EBUSY, "a run of this binding is in flight"));
}

EXPORT int tuff_bind_input(struct tuff_binding *b, uint32_t i, const struct tuff_tensor *t, struct tuff_error *err)
{
	struct tuff_session *s = b ? b->s : NULL;
	int ret;

	if (!b || !t)
		return session_null(err);
	if (err)
		memset(err, 0, sizeof(*err));
	if (i >= s->nreq)
		return session_result(s, err, session_error(err, -EINVAL, "input %u is bound, the model has %u", i, s->nreq));
	ret = busy(b, err);
	if (ret)
		return ret;
	ret = session_check_input(s, i, t, err);
	if (ret)
		return session_result(s, err, ret);
	b->in[i] = *t;
	b->bound[i] = true;
	return 0;
}

static bool overlap(const void *a, size_t na, const void *b, size_t nb)
{
	return na && nb && (uintptr_t)a < (uintptr_t)b + nb && (uintptr_t)b < (uintptr_t)a + na;
}

EXPORT int tuff_bind_output(struct tuff_binding *b, uint32_t i, void *data, size_t room, struct tuff_error *err)
{
	struct tuff_session *s = b ? b->s : NULL;
	int ret;

	if (!b)
		return session_null(err);
	if (err)
		memset(err, 0, sizeof(*err));
	if (i >= s->p->noutputs)
		return session_result(s, err, session_error(err, -EINVAL, "output %u is bound, the model has %u", i, s->p->noutputs));
	ret = busy(b, err);
	if (ret)
		return ret;
	for (uint32_t k = 0; k < s->p->noutputs && data; k++)
		if (k != i && overlap(data, room, b->to[k].data, b->to[k].data ? b->to[k].room : 0)) {
			session_error_tensor(err, tuff_str(s->p, s->p->outputs[i].name), NULL, TUFF_DIMS + 1);
			session_error(err, -EINVAL, "output '%s' is bound to memory of output '%s'", tuff_str(s->p, s->p->outputs[i].name),
				      tuff_str(s->p, s->p->outputs[k].name));
			return session_result(s, err, -EINVAL);
		}
	b->to[i] = (struct bind_out){ data, data ? room : 0 };
	return 0;
}

bool binding_direct(const struct tuff_session *s, const struct plan *pl, const struct tuff_binding *b, uint32_t i, size_t size)
{
	const void *data = b->to[i].data;
	uint64_t offset;

	/* written while an input is still read */
	for (uint32_t k = 0; k < s->nreq; k++)
		if (overlap(data, size, b->in[k].data, b->in[k].size))
			return false;
	if (!data || !pl->out_direct[i])
		return false;
	if (!pl->dev)
		return (uintptr_t)data % tuff_dtype_size(s->p->tensors[s->p->outputs[i].tensor].dtype) == 0;
	return session_mem_bo(s, data, size, &offset);
}

EXPORT int tuff_run_bound(struct tuff_binding *b, struct tuff_error *err)
{
	struct tuff_session *s = b ? b->s : NULL;
	int ret;

	if (!b)
		return session_null(err);
	if (err)
		memset(err, 0, sizeof(*err));
	ret = session_enter(s, err);
	ret = ret ? ret : session_run(s, b, err);
	return session_result(s, err, ret);
}

EXPORT int tuff_bound_output(const struct tuff_binding *b, uint32_t i, struct tuff_tensor *out)
{
	if (out)
		memset(out, 0, sizeof(*out));
	if (!b || !out || i >= b->s->p->noutputs)
		return -EINVAL;
	if (binding_busy((struct tuff_binding *)b))
		return -EBUSY;
	if (!b->ran)
		return -ENODATA;
	*out = b->out[i];
	return 0;
}
