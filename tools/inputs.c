// SPDX-License-Identifier: MIT
/* Inputs: files by name and in order, what is left generated. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/io_file.h"
#include "tools/io_image.h"
#include "tools/io_npy.h"
#include "tools/io_npz.h"
#include "tools/io_number.h"
#include "tools/io_pb.h"
#include "tools/tool.h"

#define ERR 700

/* "1,3,224,224" */
static bool parse_shape(const char *p, struct tuff_tensor *t)
{
	for (t->rank = 0; t->rank < TUFF_DIMS; p++) {
		char *end;

		errno = 0;
		t->dim[t->rank++] = strtoll(p, &end, 10);
		if (end == p || t->dim[t->rank - 1] < 0 || errno)
			return false;
		p = end;
		if (*p != ',')
			return !*p;
	}
	return false;
}

/* --shape for input i; *given says whether there was one */
static int shape_option(const struct opts *o, const struct model *m, uint32_t i, struct tuff_tensor *t, bool *given)
{
	*given = false;
	for (int k = 0; k < o->nshapes; k++) {
		const char *sizes = o->shapes[k];
		uint32_t rank = t->rank;
		int at = model_name(m, false, sizes, &sizes);

		if (at < 0 && (strchr(sizes, '=') || m->nin != 1))
			return model_no_such(m, false, "--shape", sizes);
		if (at >= 0 && at != (int)i)
			continue;
		if (!parse_shape(sizes, t) || t->rank != rank)
			return fail("--shape %s: %u dimensions are needed, as 1,2,3", o->shapes[k], rank);
		*given = true;
	}
	return 0;
}

/* floats uniform in [0,1), integers and booleans 0 */
static int generate(const struct opts *o, struct model *m, uint32_t at)
{
	uint64_t seed = (o->seed + at + 1) * 0x9e3779b97f4a7c15ull;
	struct tuff_tensor *t = &m->in[at];
	struct tuff_io_info info;
	size_t n = 1;
	bool given;

	tuff_session_input(m->s, at, &info);
	*t = (struct tuff_tensor){ .dtype = info.dtype, .rank = info.rank };
	for (uint32_t i = 0; i < info.rank; i++)
		t->dim[i] = info.dim[i] < 0 ? 1 : info.dim[i];
	if (shape_option(o, m, at, t, &given))
		return 1;
	t->size = tuff_type_size(t->dtype);
	if (!t->size)
		return fail("input '%s' is %s, which cannot be generated", info.name, tuff_type_name(t->dtype));
	for (uint32_t i = 0; i < info.rank; i++)
		if (__builtin_mul_overflow(n, (size_t)t->dim[i], &n) || n > (size_t)1 << 40)
			return fail("input '%s': too large to be generated", info.name);
	t->size *= n;
	t->data = calloc(t->size ? t->size : 1, 1);
	if (!t->data)
		return fail("input '%s': no memory for %zu bytes", info.name, t->size);
	for (size_t i = 0; number_is_float(t->dtype) && i < n; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		number_set(t, i, (seed >> 53) / 2048.);	/* 11 bits: exact in float16 too */
	}
	return 0;
}

struct npz {
	struct model *m;
	const char *path;
	int only;		/* the input that the whole file was given for, -1: each array by its name */
	uint32_t arrays;
	bool matched;		/* an array has the name of that input */
};

static void take(struct model *m, int at, const char *path, struct tuff_tensor *t)
{
	free(m->in[at].data);
	m->in[at] = *t;
	m->from[at] = path;
}

static int npz_take(void *priv, const char *name, struct tuff_tensor *t, char *err, size_t errlen)
{
	struct npz *z = priv;
	struct tuff_io_info info;
	int at = -1, number;
	char rest;

	for (uint32_t i = 0; at < 0 && !tuff_session_input(z->m->s, i, &info); i++)
		if (!strcmp(info.name, name))
			at = i;
	if (z->only >= 0) {
		bool match = at == z->only;

		if (match || !z->arrays)	/* a file's only array may have any name */
			take(z->m, z->only, z->path, t);
		else
			free(t->data);
		z->matched |= match;
		z->arrays++;
		return 0;
	}
	if (at < 0 && sscanf(name, "arr_%d%c", &number, &rest) == 1 && number >= 0 && number < (int)z->m->nin)
		at = number;	/* numpy.savez() without names */
	if (at >= 0 && !z->m->from[at]) {
		take(z->m, at, z->path, t);
		return 0;
	}
	free(t->data);
	return at < 0 ? io_error(err, errlen, -EINVAL, "%s: the model has no input '%s'", z->path, name) :
	       io_error(err, errlen, -EINVAL, "%s: array '%s': that input is given twice", z->path, name);
}

/* A file to input `at`, -1 if none is left; a .npz that has no name before it goes where its names say. */
static int read_file(const struct opts *o, struct model *m, int at, bool named, const char *path)
{
	struct tuff_tensor t = { 0 };
	struct image im = { 0 };
	struct tuff_io_info info;
	char err[ERR] = "";
	uint8_t *bytes;
	size_t size;
	int ret = file_read(path, &bytes, &size, err, sizeof(err));

	if (ret)
		return fail("%s", err);
	if (size > 3 && !memcmp(bytes, "PK\3\4", 4)) {
		struct npz z = { .m = m, .path = path, .only = named ? at : -1 };

		ret = npz_parse(bytes, size, path, npz_take, &z, err, sizeof(err));
		if (!ret && named && !z.matched && z.arrays != 1) {
			tuff_session_input(m->s, at, &info);
			ret = io_error(err, sizeof(err), -EINVAL, "%s: %u arrays, none of them '%s'", path, z.arrays, info.name);
		}
	} else if (at < 0) {
		ret = io_error(err, sizeof(err), -EINVAL, "%s: no input is left for it (the model has %u)", path, m->nin);
	} else {
		tuff_session_input(m->s, at, &info);
		if (size > 7 && !memcmp(bytes, "\x89PNG\r\n\x1a\n", 8))
			ret = png_parse(bytes, size, path, &im, err, sizeof(err));
		else if (size > 2 && !memcmp(bytes, "\xff\xd8\xff", 3))
			ret = jpeg_parse(bytes, size, path, &im, err, sizeof(err));
		else if (size > 5 && !memcmp(bytes, "\x93NUMPY", 6))
			ret = npy_parse(bytes, size, path, &t, err, sizeof(err));
		else
			ret = pb_parse(bytes, size, path, &t, err, sizeof(err));
		if (im.px)
			ret = image_tensor(&im, path, &o->image, &info, &t, err, sizeof(err));
		free(im.px);
		if (!ret)
			take(m, at, path, &t);
	}
	free(bytes);
	return ret ? fail("%s", err) : 0;
}

int inputs_read(const struct opts *o, struct model *m)
{
	const char *path;
	uint32_t next = 0;
	int ret = 0;

	/* those with a name first: the others fill what is left, in order */
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < o->ninputs; i++) {
			const char *arg = o->inputs[i];
			int at = model_name(m, false, arg, &path);

			if ((at >= 0) != !pass)
				continue;
			if (at >= 0 && m->from[at])
				return fail("-i %s: that input is given twice", arg);
			if (at < 0 && strchr(arg, '=') && access(arg, F_OK))
				return model_no_such(m, false, "-i", arg);
			while (next < m->nin && m->from[next])
				next++;
			if (read_file(o, m, at >= 0 ? at : next < m->nin ? (int)next : -1, at >= 0, at >= 0 ? path : arg))
				return 1;
		}
	for (uint32_t i = 0; i < m->nin && !ret; i++) {
		struct tuff_tensor t = { 0 };
		struct tuff_io_info info;
		bool given = false;

		if (!m->from[i]) {
			ret = generate(o, m, i);
			continue;
		}
		tuff_session_input(m->s, i, &info);
		t.rank = info.rank;
		ret = shape_option(o, m, i, &t, &given);
		if (given)
			ret = fail("--shape: input '%s' comes from %s", info.name, m->from[i]);
	}
	return ret;
}

void inputs_print(const struct opts *o, const struct model *m, json_object *to)
{
	json_object *list = to ? json_object_new_array() : NULL;

	for (uint32_t i = 0; i < m->nin; i++) {
		struct tuff_io_info info;

		tuff_session_input(m->s, i, &info);
		if (to) {
			json_object *j = json_tensor(info.name, &m->in[i]);

			json_object_object_add(j, "from", m->from[i] ? json_object_new_string(m->from[i]) : NULL);
			if (!m->from[i])
				json_object_object_add(j, "seed", json_object_new_uint64(o->seed));
			json_object_array_add(list, j);
			continue;
		}
		printf("input ");
		print_tensor(info.name, &m->in[i]);
		if (m->from[i])
			printf(" from %s\n", m->from[i]);
		else if (number_is_float(m->in[i].dtype))
			printf(" generated, seed %llu\n", (unsigned long long)o->seed);
		else
			printf(" generated, all 0\n");
	}
	if (to)
		json_object_object_add(to, "inputs", list);
}
