// SPDX-License-Identifier: MIT
/* The passes, in order, and the way through them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/ir.h"
#include "uapi/tuff_trace.h"

#define EXPORT __attribute__((visibility("default")))

static const struct {
	const char *name;
	int (*run)(struct ir_module *);
} passes[] = {
	{ "canon", pass_canon },	/* one form per meaning */
	{ "shape", pass_shape },	/* types, shapes, integer content */
	{ "fold", pass_fold },		/* constants */
	{ "simplify", pass_simplify },	/* identities, common subexpressions, dead code */
	{ "match", pass_match },	/* formulas spelt out */
	{ "fuse", pass_fuse },		/* into convolutions and products */
	{ "fuse_ew", pass_fuse_ew },	/* elementwise graphs into one node each */
	{ "clean", pass_simplify },	/* what fusion left */
	{ "split", pass_split },	/* segments, where sizes depend on data */
	{ "place", pass_place },	/* device or CPU */
	{ "layout", pass_layout },	/* channels last or row-major */
	{ "precision", pass_precision },	/* stored types */
};
static const char *names[sizeof(passes) / sizeof(passes[0]) + 1];

/* where a region goes on that shape inference of the graph around it has seen */
static size_t after_shape(void)
{
	size_t i = 0;

	while (passes[i].run != pass_shape)
		i++;
	return i + 1;
}

EXPORT const char *const *tuffc_passes(void)
{
	for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]); i++)
		names[i] = passes[i].name;
	return names;
}

/* a name that dump_after may have */
static int check_dump(const char *name, struct tuffc_error *err)
{
	size_t at;

	if (!name || !strcmp(name, "all"))
		return 0;
	at = snprintf(err->text, sizeof(err->text), "there is no pass '%.40s' to dump after; there are all", name);
	for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]); i++) {
		if (!strcmp(name, passes[i].name)) {
			err->text[0] = 0;
			return 0;
		}
		at += snprintf(err->text + at, at < sizeof(err->text) ? sizeof(err->text) - at : 0, ", %s", passes[i].name);
	}
	return -EINVAL;
}

static int run(struct ir_module *m, size_t from, struct tuff_program **out);

/* a script: its segments and regions first */
static int script(struct ir_module *m, size_t split, struct tuff_program **out)
{
	struct tuff_program **subs;
	uint32_t count = 0, at = 0;
	int ret = 0;

	for (struct ir_node *n = m->first; n; n = n->next)
		count += n->nregion;
	subs = calloc(count + 1, sizeof(*subs));
	if (!subs)
		return -ENOMEM;
	for (struct ir_node *n = m->first; n && !ret; n = n->next)
		for (uint32_t i = 0; i < n->nregion && !ret; i++)
			ret = run(n->region[i], n->op == TUFF_OP_RUN ? split + 1 : after_shape(), &subs[at++]);
	ret = ret ? ret : ir_emit(m, out);
	if (!ret) {
		(*out)->subs = subs;
		(*out)->nsubs = count;
		return 0;
	}
	while (at)
		tuff_program_destroy(subs[--at]);
	free(subs);
	return ret;
}

static int run(struct ir_module *m, size_t from, struct tuff_program **out)
{
	const struct tuffc_options *opt = m->opt;
	int ret = 0;

	for (size_t i = from; i < sizeof(passes) / sizeof(passes[0]) && !ret; i++) {
		bool split;

		TUFF_TRACE(pass_begin, (int)i);
		ret = passes[i].run(m);
		TUFF_TRACE(pass_end, (int)i, m->nvalues, ret);
		if (!ret && m->oom)
			ret = -ENOMEM;
		split = !ret && m->script;
		m = split ? m->script : m;
		if (!ret && opt->dump_after && (!strcmp(opt->dump_after, "all") || !strcmp(opt->dump_after, passes[i].name)))
			ir_dump(m, opt->dump_file ? opt->dump_file : stderr);
		if (!ret)
			ret = ir_verify(m, passes[i].name);
		if (!ret && split)
			return script(m, i, out);
	}
	return ret ? ret : ir_emit(m, out);
}

static int compile(const void *bytes, size_t size, const char *path, const char *dir,
		   const struct tuffc_options *opt, struct tuff_program **out, struct tuffc_error *err)
{
	struct ir_module *m = ir_module_create(opt, err);
	int ret = m ? check_dump(opt->dump_after, err) : -ENOMEM;

	if (!ret) {
		ir_alloc(m, 1);
		ret = import_onnx(m, bytes, size, path, dir);
		if (!ret)
			nodes_note(m);
	}
	if (!ret)
		ret = run(m, 0, out);
	if (ret && !err->text[0])
		snprintf(err->text, sizeof(err->text), "%s", strerror(-ret));
	ir_module_destroy(m);
	return ret;
}

EXPORT int tuffc_compile_memory(const void *bytes, size_t size, const char *dir,
				const struct tuffc_options *opt,
				struct tuff_program **out, struct tuffc_error *err)
{
	*out = NULL;
	memset(err, 0, sizeof(*err));
	return compile(bytes, size, NULL, dir, opt, out, err);
}

EXPORT int tuffc_compile(const char *path, const struct tuffc_options *opt,
			 struct tuff_program **out, struct tuffc_error *err)
{
	const char *slash = strrchr(path, '/');
	char dir[4096], text[512];
	void *map = NULL;
	struct stat st;
	int fd, ret;

	*out = NULL;
	memset(err, 0, sizeof(*err));
	snprintf(err->file, sizeof(err->file), "%s", path);
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
	if (slash == path)
		strcpy(dir, "/");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st)) {
		ret = -errno;
		goto err_file;
	}
	ret = !S_ISREG(st.st_mode) || !st.st_size ? -EINVAL : 0;
	if (ret) {
		snprintf(err->text, sizeof(err->text), "%.300s: %s", path, S_ISREG(st.st_mode) ? "the file is empty" : "not a regular file");
		close(fd);
		return ret;
	}
	map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED) {
		ret = -errno;
		goto err_file;
	}
	close(fd);
	ret = compile(map, st.st_size, path, dir, opt, out, err);
	munmap(map, st.st_size);
	if (ret) {
		memcpy(text, err->text, sizeof(text));
		snprintf(err->text, sizeof(err->text), "%.150s: %.340s", path, text);
	}
	return ret;
err_file:
	if (fd >= 0)
		close(fd);
	snprintf(err->text, sizeof(err->text), "%.300s: %s", path, strerror(-ret));
	return ret;
}
