// SPDX-License-Identifier: MIT
/*
 * Initializers that callers replace. One that is an input of the program (its
 * tuff_io is TUFF_IO_OPTIONAL) has memory of the session that each run binds:
 * the model's value, or what tuff_session_override() put there. Any other was
 * folded, fused or packed, so the model is compiled again with it as an input.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/session.h"

static const struct tuff_tens *tensor_of(const struct tuff_session *s, uint32_t k)
{
	return &s->p->tensors[s->p->inputs[s->nreq + k].tensor];
}

/* optional input k gets the model's value */
static int set_default(struct tuff_session *s, uint32_t k)
{
	struct session_optional *o = &s->optional[k];
	int ret = tuff_weight_read(&s->src, s->p->inputs[s->nreq + k].weight, tensor_of(s, k)->storage, o->data);

	o->given = false;
	return ret;
}

/* room for optional input k, 64-byte aligned, some of it to spare */
static int room(struct tuff_session *s, uint32_t k)
{
	const struct tuff_tens *t = tensor_of(s, k);
	struct session_optional *o = &s->optional[k];

	o->size = tuff_dtype_size(t->storage);
	for (uint32_t d = 0; d < t->rank; d++)
		o->size *= s->p->exprs[t->dim[d]].value;
	if (s->dev) {
		int ret = device_bo_create(s->dev, o->size + 16, TUFF_PLACE_SYSTEM, true, &o->bo);

		o->data = o->bo.map;
		return ret;
	}
	o->data = aligned_alloc(64, (o->size + 127) / 64 * 64);
	return o->data ? 0 : -ENOMEM;
}

int session_load_optional(struct tuff_session *s, struct tuff_error *err)
{
	uint32_t n = s->p->ninputs - s->nreq;
	int ret = 0;

	s->optional = calloc(n + 1, sizeof(*s->optional));
	if (!s->optional)
		return session_error(err, -ENOMEM, "out of memory");
	for (uint32_t k = 0; k < n && !ret; k++) {
		ret = room(s, k);
		ret = ret ? ret : set_default(s, k);
		s->weight_bytes += s->optional[k].size;
		if (ret)
			session_error(err, ret, "%s: initializer '%s': %s", s->path,
				      tuff_str(s->p, s->p->inputs[s->nreq + k].name), strerror(-ret));
	}
	return ret;
}

void session_free_optional(struct tuff_session *s)
{
	for (uint32_t k = 0; s->optional && k < s->p->ninputs - s->nreq; k++) {
		if (s->dev)
			device_bo_destroy(s->dev, &s->optional[k].bo);
		else
			free(s->optional[k].data);
	}
	free(s->optional);
}

/* the index of the optional input of that name, or -1 */
static int find(const struct tuff_session *s, const char *name)
{
	for (uint32_t i = s->nreq; i < s->p->ninputs; i++)
		if (!strcmp(tuff_str(s->p, s->p->inputs[i].name), name))
			return i - s->nreq;
	return -1;
}

/* the model's initializer of that name, or NULL */
static const struct tuff_weight *initializer(const struct tuff_session *s, const char *name)
{
	for (uint32_t i = 0; i < s->p->nweights; i++)
		if (s->p->weights[i].flags & TUFF_W_INITIALIZER && !strcmp(tuff_str(s->p, s->p->weights[i].name), name))
			return &s->p->weights[i];
	return NULL;
}

/* the i-th thing that can be overridden: a weight of the program, or NULL */
static const struct tuff_weight *listed(const struct tuff_session *s, uint32_t i)
{
	if (s->from_file)
		return i < s->p->ninputs - s->nreq ? &s->p->weights[s->p->inputs[s->nreq + i].weight] : NULL;
	for (uint32_t k = 0; k < s->p->nweights; k++)
		if (s->p->weights[k].flags & TUFF_W_INITIALIZER && !i--)
			return &s->p->weights[k];
	return NULL;
}

EXPORT uint32_t tuff_session_initializers(const struct tuff_session *s)
{
	uint32_t n = 0;

	if (!s)
		return 0;
	if (s->from_file)
		return s->p->ninputs - s->nreq;
	for (uint32_t k = 0; k < s->p->nweights; k++)
		n += !!(s->p->weights[k].flags & TUFF_W_INITIALIZER);
	return n;
}

EXPORT int tuff_session_initializer(const struct tuff_session *s, uint32_t i, struct tuff_io_info *info)
{
	const struct tuff_weight *w = s ? listed(s, i) : NULL;

	if (!info)
		return -EINVAL;
	memset(info, 0, sizeof(*info));
	if (!w)
		return -EINVAL;
	info->name = s->from_file ? tuff_str(s->p, s->p->inputs[s->nreq + i].name) : tuff_str(s->p, w->name);
	info->dtype = w->dtype;
	info->rank = w->rank;
	memcpy(info->dim, w->dim, sizeof(info->dim));
	return 0;
}

static int check(const char *name, const struct tuff_weight *w, const struct tuff_tensor *t, struct tuff_error *err)
{
	uint64_t size = tuff_dtype_size(w->dtype);
	int ret = 0;

	for (uint32_t d = 0; d < w->rank; d++)
		size *= w->dim[d];
	if (t->dtype != w->dtype)
		ret = session_error(err, -EINVAL, "initializer '%s' is %s, %s is given", name, tuff_dtype_name(w->dtype), tuff_dtype_name(t->dtype));
	else if (t->rank != w->rank)
		ret = session_error(err, -EINVAL, "initializer '%s' has %u dimensions, %u are given", name, w->rank, t->rank);
	for (uint32_t d = 0; d < w->rank && !ret; d++)
		if (t->dim[d] != w->dim[d])
			ret = session_error(err, -EINVAL, "initializer '%s': dimension %u is %lld, %lld is given", name, d,
					    (long long)w->dim[d], (long long)t->dim[d]);
	if (!ret && (t->size != size || (size && !t->data)))
		ret = session_error(err, -EINVAL, "initializer '%s': %zu bytes given, its shape needs %llu", name, t->data ? t->size : 0,
				    (unsigned long long)size);
	if (ret)
		session_error_tensor(err, name, t->dim, t->rank);
	return ret;
}

static void store(struct tuff_session *s, uint32_t k, const struct tuff_tensor *t)
{
	struct session_optional *o = &s->optional[k];

	if (tensor_of(s, k)->storage != t->dtype)
		session_widen(t->data, t->dtype, t->size / 2, o->data);
	else if (t->size)
		memcpy(o->data, t->data, t->size);
	o->given = true;
}

/* what is overridden now, in the program that takes the place of this one */
static void carry(const struct tuff_session *from, struct tuff_session *to)
{
	for (uint32_t k = 0; k < from->p->ninputs - from->nreq; k++) {
		int at = find(to, tuff_str(from->p, from->p->inputs[from->nreq + k].name));

		if (at < 0 || !from->optional[k].given || from->optional[k].size != to->optional[at].size)
			continue;
		memcpy(to->optional[at].data, from->optional[k].data, from->optional[k].size);
		to->optional[at].given = true;
	}
}

/* compiles again with name as an input; on failure nothing has changed */
static int open_up(struct tuff_session *s, const char *name, struct tuff_error *err)
{
	char **names = realloc(s->overridable, (s->noverridable + 2) * sizeof(*names));
	struct tuff_session *next;
	int ret;

	if (!names)
		return session_error(err, -ENOMEM, "out of memory");
	s->overridable = names;
	names[s->noverridable] = strdup(name);
	next = malloc(sizeof(*next));
	if (!names[s->noverridable] || !next) {
		ret = session_error(err, -ENOMEM, "out of memory");
		goto err_name;
	}
	s->noverridable++;
	memcpy(next, s, sizeof(*next));
	memset((char *)next + offsetof(struct tuff_session, p), 0, sizeof(*next) - offsetof(struct tuff_session, p));
	ret = session_load(next, err);
	/* bindings have room for what there was */
	if (!ret && (next->nreq != s->nreq || next->p->noutputs != s->p->noutputs))
		ret = session_error(err, -ESTALE, "%s: the file is another model now: %u inputs and %u outputs, not %u and %u", s->path,
				    next->nreq, next->p->noutputs, s->nreq, s->p->noutputs);
	if (!ret) {
		carry(s, next);
		session_swap(s, next);
	}
	session_unload(next);
	if (!ret) {
		free(next);
		return 0;
	}
	s->noverridable--;
err_name:
	free(names[s->noverridable]);
	free(next);
	return ret;
}

EXPORT int tuff_session_override(struct tuff_session *s, const char *name, const struct tuff_tensor *t, struct tuff_error *err)
{
	const struct tuff_weight *w;
	int k, ret;

	if (!s || !name)
		return session_null(err);
	if (err)
		memset(err, 0, sizeof(*err));
	ret = session_enter(s, err);
	if (ret)
		return session_result(s, err, ret);
	k = find(s, name);
	w = k >= 0 ? &s->p->weights[s->p->inputs[s->nreq + k].weight] : initializer(s, name);
	if (!w || (k < 0 && s->from_file)) {
		session_error_tensor(err, name, NULL, TUFF_DIMS + 1);
		ret = session_error(err, -ENOENT, s->from_file ? "%s: initializer '%s' cannot be overridden: the program was not compiled for that" :
							  "%s: there is no initializer '%s'", s->path, name);
		return session_result(s, err, ret);
	}
	ret = t ? check(name, w, t, err) : 0;
	if (!ret && k < 0 && t) {
		ret = open_up(s, name, err);
		k = find(s, name);
		if (!ret && k < 0)
			ret = session_error(err, -ENOENT, "%s: initializer '%s' did not become an input", s->path, name);
	}
	if (!ret && t)
		store(s, k, t);
	else if (!ret && k >= 0 && s->optional[k].given)
		ret = set_default(s, k);
	return session_result(s, err, ret);
}
