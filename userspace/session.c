// SPDX-License-Identifier: MIT
/* Making a session and ending it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "userspace/interp.h"

int session_enter(const struct tuff_session *s, struct tuff_error *err)
{
	if (s->pid != getpid())
		return session_error(err, -ECHILD, "%s: a child of fork() cannot use a session of its parent", s->path);
	session_idle(s);
	return 0;
}

/* what s->p needs; files are the outermost session's */
static int load_program(struct tuff_session *s, struct tuff_error *err)
{
	char why[512] = "";
	int ret = 0;

	while (s->nreq < s->p->ninputs && !(s->p->inputs[s->nreq].flags & TUFF_IO_OPTIONAL))
		s->nreq++;
	if (s->parent)
		s->src = (struct tuff_weight_src){ .p = s->p, .files = s->parent->src.files };
	else
		ret = tuff_weight_src_open(s->p, &s->src, why, sizeof(why));
	if (ret)
		return session_error(err, ret, "%s", *why ? why : "out of memory");
	ret = session_load_weights(s, err);
	if (!ret && s->dev && !tuff_program_scripted(s->p))
		ret = device_load(s, err);
	ret = ret ? ret : session_load_optional(s, err);
	if (!ret && tuff_program_scripted(s->p))
		ret = interp_open(s, err);
	if (ret)
		return ret;
	s->syms = calloc(s->p->nsyms + 1, sizeof(*s->syms));
	return s->syms ? 0 : session_error(err, -ENOMEM, "out of memory");
}

int session_load(struct tuff_session *s, struct tuff_error *err)
{
	int ret = session_open_program(s, err);

	return ret ? ret : load_program(s, err);
}

void session_unload(struct tuff_session *s)
{
	interp_close(s);
	for (int i = 0; i < SESSION_PLANS; i++)
		plan_destroy(s, s->plans[i]);
	session_free_optional(s);
	session_free_weights(s);
	device_unload(s);
	free(s->syms);
	if (s->parent)	/* these are the outermost session's */
		return;
	if (s->src.p)
		tuff_weight_src_close(&s->src);
	tuff_program_destroy(s->p);
	s->p = NULL;
}

int session_inside(struct tuff_session *parent, struct tuff_program *p, struct tuff_session **out, struct tuff_error *err)
{
	struct tuff_session *s = calloc(1, sizeof(*s));
	int ret;

	*out = NULL;
	if (!s)
		return session_error(err, -ENOMEM, "out of memory");
	s->parent = parent;
	s->p = p;
	s->pid = parent->pid;
	s->pool = parent->pool;
	s->threads = parent->threads;
	s->dev = parent->dev;
	s->from_file = parent->from_file;
	memcpy(s->path, parent->path, sizeof(s->path));
	ret = load_program(s, err);
	if (!ret && binding_new(s, &s->plain))
		ret = session_error(err, -ENOMEM, "out of memory");
	if (ret) {
		session_inside_end(s);
		return ret;
	}
	*out = s;
	return 0;
}

void session_inside_end(struct tuff_session *s)
{
	binding_free(s->plain);
	session_unload(s);
	free(s);
}

void session_swap(struct tuff_session *a, struct tuff_session *b)
{
	const size_t from = offsetof(struct tuff_session, p), n = sizeof(*a) - from;
	char tmp[sizeof(*a)];

	interp_release(a);	/* values know whose they are */
	interp_release(b);
	memcpy(tmp, (char *)a + from, n);
	memcpy((char *)a + from, (char *)b + from, n);
	memcpy((char *)b + from, tmp, n);
	interp_adopt(a);
	interp_adopt(b);
}

/* the caller's strings and arrays, copied */
static int keep_options(struct tuff_session *s, const struct tuff_session_options *o)
{
	s->priority = o->priority;
	if (o->cache_dir && !(s->cache_dir = strdup(o->cache_dir)))
		return -ENOMEM;
	s->shapes = calloc(o->nshapes + 1, sizeof(*s->shapes));
	s->overridable = calloc(o->noverridable + 1, sizeof(*s->overridable));
	if (!s->shapes || !s->overridable)
		return -ENOMEM;
	for (uint32_t i = 0; i < o->nshapes; i++) {
		s->shapes[i] = o->shapes[i];
		s->shapes[i].input = strdup(o->shapes[i].input);
		if (!s->shapes[i].input)
			return -ENOMEM;
		s->nshapes++;
	}
	for (uint32_t i = 0; i < o->noverridable; i++) {
		s->overridable[i] = strdup(o->overridable[i]);
		if (!s->overridable[i])
			return -ENOMEM;
		s->noverridable++;
	}
	return 0;
}

int session_options(const void *given, uint32_t size, void *to, size_t known, struct tuff_error *err)
{
	const char *bytes = given;

	memset(to, 0, known);
	if (!given)
		return 0;
	if (size < sizeof(uint32_t))
		return session_error(err, -EINVAL, "the size of the options is not set");
	memcpy(to, given, size < known ? size : known);
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return session_error(err, -E2BIG, "options of %u bytes: byte %zu is of a later version", size, i);
	return 0;
}

static int check_options(const struct tuff_session_options *opt, struct tuff_session_options *o, struct tuff_error *err)
{
	int ret = session_options(opt, opt ? opt->size : 0, o, sizeof(*o), err);

	if (ret)
		return ret;
	if (o->reserved)
		return session_error(err, -EINVAL, "a reserved field of the options is not 0");
	if (o->priority > TUFF_SESSION_LOW)
		return session_error(err, -EINVAL, "priority %u is unknown", o->priority);
	if ((o->nshapes && !o->shapes) || (o->noverridable && !o->overridable))
		return session_error(err, -EINVAL, "an array of the options is missing");
	for (uint32_t i = 0; i < o->nshapes; i++)
		if (!o->shapes[i].input || o->shapes[i].rank > TUFF_DIMS)
			return session_error(err, -EINVAL, "shape %u of the options: no input is named, or more than 8 dimensions", i);
	for (uint32_t i = 0; i < o->noverridable; i++)
		if (!o->overridable[i])
			return session_error(err, -EINVAL, "name %u of what is overridable is missing", i);
	return 0;
}

static int create(struct tuff_session *s, const char *path, const struct tuff_session_options *o, struct tuff_error *err)
{
	int ret, index;

	if (snprintf(s->path, sizeof(s->path), "%s", path) >= (int)sizeof(s->path))
		return session_error(err, -ENAMETOOLONG, "the path is too long");
	ret = keep_options(s, o);
	if (ret)
		return session_error(err, ret, "out of memory");
	ret = device_choose(o->device, &index, s->why, sizeof(s->why), err);
	if (!ret && index >= 0)
		ret = device_open(index, s->priority, &s->dev, err);
	if (ret)
		return ret;
	s->threads = cpu_pool_threads(o->threads);
	s->pool = cpu_pool_get(s->threads);
	if (!s->pool)
		return session_error(err, -ENOMEM, "out of memory");
	ret = session_load(s, err);
	if (!ret && binding_new(s, &s->plain))
		ret = session_error(err, -ENOMEM, "out of memory");
	return ret;
}

static void destroy(struct tuff_session *s)
{
	struct tuff_binding *next;

	async_end(s);
	for (struct tuff_binding *b = s->bindings; b; b = next) {
		next = b->next;
		binding_free(b);
	}
	binding_free(s->plain);
	session_unload(s);
	session_free_mems(s);
	cpu_pool_put(s->pool);
	device_close(s->dev);
	for (uint32_t i = 0; i < s->nshapes; i++)
		free((char *)s->shapes[i].input);
	for (uint32_t i = 0; i < s->noverridable; i++)
		free(s->overridable[i]);
	free(s->shapes);
	free(s->overridable);
	free(s->cache_dir);
	free(s);
}

EXPORT int tuff_session_create_with(const char *path, const struct tuff_session_options *opt,
				    struct tuff_session **out, struct tuff_error *err)
{
	struct tuff_session_options o;
	struct tuff_session *s;
	int ret;

	if (err)
		memset(err, 0, sizeof(*err));
	if (out)
		*out = NULL;
	if (!out || !path || !*path)
		return session_error(err, -EINVAL, "%s", out ? "no path of a model is given" : "there is no place for the session");
	ret = check_options(opt, &o, err);
	if (ret)
		return ret;
	s = calloc(1, sizeof(*s));
	if (!s || async_init(s)) {
		free(s);
		return session_error(err, -ENOMEM, "out of memory");
	}
	s->pid = getpid();
	ret = create(s, path, &o, err);
	if (ret) {
		session_result(s, err, ret);
		destroy(s);
		return ret;
	}
	*out = s;
	return 0;
}

EXPORT int tuff_session_create(const char *path, const char *device, struct tuff_session **out, struct tuff_error *err)
{
	struct tuff_session_options o = { .size = sizeof(o), .device = device };

	return tuff_session_create_with(path, &o, out, err);
}

EXPORT void tuff_session_destroy(struct tuff_session *s)
{
	/* a child's copy: its threads and its device are the parent's */
	if (s && s->pid == getpid())
		destroy(s);
}
