// SPDX-License-Identifier: MIT
/* From a file to a program: .tuff is read, .onnx goes through the compiler library. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program/file.h"
#include "userspace/session.h"

/* there when the compiler is linked in (tests), else found by dlopen */
extern int tuffc_compile(const char *, const struct tuffc_options *, struct tuff_program **, struct tuffc_error *)
	__attribute__((weak));

typedef int (*compile_fn)(const char *, const struct tuffc_options *, struct tuff_program **, struct tuffc_error *);

static compile_fn find_compiler(struct tuff_error *err)
{
	char path[4096];
	const char *slash;
	void *lib, *fn = NULL;
	Dl_info info;

	if (tuffc_compile)
		return tuffc_compile;
	if (!dladdr((void *)(uintptr_t)find_compiler, &info) || !info.dli_fname)
		info.dli_fname = "";
	slash = strrchr(info.dli_fname, '/');
	snprintf(path, sizeof(path), "%.*slibtuffc.so", slash ? (int)(slash - info.dli_fname) + 1 : 0, info.dli_fname);
	lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		lib = dlopen("libtuffc.so", RTLD_NOW | RTLD_LOCAL);
	if (lib)
		fn = dlsym(lib, "tuffc_compile");
	if (!fn)
		session_error(err, -ELIBACC, "the compiler library libtuffc.so, which .onnx files need, cannot be loaded: %s", dlerror());
	return (compile_fn)(uintptr_t)fn;
}

/* where generated kernels are kept; NULL if nowhere */
static const char *cache_dir(char *buf, size_t size)
{
	const char *x = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	int n;

	if (x && *x == '/')
		n = snprintf(buf, size, "%s/tuff", x);
	else if (home && *home == '/')
		n = snprintf(buf, size, "%s/.cache/tuff", home);
	else
		return NULL;
	return n < (int)size ? buf : NULL;
}

_Static_assert(TUFF_DIMS == TUFF_MAX_RANK && sizeof(struct tuff_shape) == sizeof(struct tuffc_shape), "tuff_shape is tuffc_shape");

/* cache: the caller's wish: NULL for the default, "" for none */
static int compile(const char *path, struct tuffc_options *opt, const char *cache, const struct tuff_shape *shapes,
		   struct tuff_program **out, struct tuff_error *err)
{
	struct tuffc_error why;
	char dir[4096];
	compile_fn fn = find_compiler(err);
	int ret;

	if (!fn)
		return -ELIBACC;
	opt->eval.run = tuff_eval;
	opt->cache_dir = cache ? (*cache ? cache : NULL) : cache_dir(dir, sizeof(dir));
	opt->shapes = (const struct tuffc_shape *)shapes;
	ret = fn(path, opt, out, &why);
	if (ret && err) {
		session_error(err, ret, "%s", why.text);
		memcpy(err->file, why.file, sizeof(err->file));
		memcpy(err->node, why.node, sizeof(err->node));
		memcpy(err->op, why.op, sizeof(err->op));
		memcpy(err->tensor, why.tensor, sizeof(err->tensor));
		memcpy(err->shape, why.shape, sizeof(err->shape));
	}
	return ret;
}

static const char *const targets[] = { "cpu", "software-wide", "software-small", "gpu", "gpu-coopmat" };

static bool is_program(const char *path)
{
	char magic[8] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool yes = fd >= 0 && read(fd, magic, 8) == 8 && !memcmp(magic, TUFF_FILE_MAGIC, 8);

	if (fd >= 0)
		close(fd);
	return yes;
}

int session_open_program(struct tuff_session *s, struct tuff_error *err)
{
	struct tuffc_options opt = { .device.target = TUFF_TARGET_CPU, .nshapes = s->nshapes,
				     .optional = (const char *const *)s->overridable, .noptional = s->noverridable };
	char why[256] = "";
	int ret;

	if (s->dev)
		device_describe(s->dev, &opt.device);
	if (!is_program(s->path))
		return compile(s->path, &opt, s->cache_dir, s->shapes, &s->p, err);
	ret = tuff_program_load(s->path, &s->p, why, sizeof(why));
	if (ret) {
		if (err)
			snprintf(err->file, sizeof(err->file), "%.255s", s->path);
		return session_error(err, ret, "%.300s: %s", s->path, *why ? why : strerror(-ret));
	}
	s->from_file = true;
	if (s->p->target != opt.device.target)
		return session_error(err, -ENOEXEC, "%.300s: compiled for %s, the device is of class %s: compile the model with --target %s", s->path,
				     targets[s->p->target], targets[opt.device.target], targets[opt.device.target]);
	if (s->nshapes)
		return session_error(err, -EINVAL, "%.300s: shapes are given when a model is compiled, this file is compiled", s->path);
	for (uint32_t i = 0; i < s->noverridable; i++) {
		uint32_t k = 0;

		while (k < s->p->ninputs && (!s->p->inputs[k].flags || strcmp(tuff_str(s->p, s->p->inputs[k].name), s->overridable[i])))
			k++;
		if (k < s->p->ninputs)
			continue;
		session_error_tensor(err, s->overridable[i], NULL, TUFF_DIMS + 1);
		return session_error(err, -ENOENT, "%.300s: initializer '%.100s' cannot be overridden: the program was not compiled for that",
				     s->path, s->overridable[i]);
	}
	return 0;
}

EXPORT int tuff_compile_with(const char *model, const struct tuff_compile_options *given, const char *out, struct tuff_error *err)
{
	struct tuff_compile_options o = { 0 };
	/* what a class promises at least; the driver checks what a kernel needs */
	struct tuffc_options opt = { .device = { .subgroup_size = 32, .max_invocations = 128, .max_groups = { 65535, 65535, 65535 },
						 .max_storage_range = 128u << 20 } };
	struct tuff_program *p = NULL;
	char why[256] = "";
	int ret;

	if (err)
		memset(err, 0, sizeof(*err));
	if (!model || !*model)
		return session_error(err, -EINVAL, "no path of a model is given");
	ret = session_options(given, given ? given->size : 0, &o, sizeof(o), err);
	if (ret)
		return ret;
	if (o.reserved || (o.nshapes && !o.shapes) || (o.noverridable && !o.overridable))
		return session_error(err, -EINVAL, "a reserved field of the options is not 0, or an array is missing");
	for (opt.device.target = 0; strcmp(targets[opt.device.target], o.target ? o.target : "cpu"); opt.device.target++)
		if (opt.device.target == TUFF_TARGET_GPU)
			return session_error(err, -EINVAL, "target '%.40s' is unknown: cpu, software-wide, software-small or gpu", o.target);
	opt.nshapes = o.nshapes;
	opt.optional = o.overridable;
	opt.noptional = o.noverridable;
	opt.dump_after = o.dump_after;
	ret = compile(model, &opt, o.cache_dir, o.shapes, &p, err);
	if (ret)
		return ret;
	if (out) {
		ret = tuff_program_write(p, out, why, sizeof(why));
		if (ret && err)
			snprintf(err->file, sizeof(err->file), "%.255s", out);
		if (ret)
			session_error(err, ret, "%.300s: %s", out, *why ? why : strerror(-ret));
	}
	tuff_program_destroy(p);
	return ret;
}

EXPORT int tuff_compile(const char *model, const char *target, const char *out, const char *dump_after, struct tuff_error *err)
{
	struct tuff_compile_options o = { .size = sizeof(o), .target = target, .dump_after = dump_after };

	return tuff_compile_with(model, &o, out, err);
}
