// SPDX-License-Identifier: MIT
/*
 * Tensors of the file: bytes stay where they lie, in the model or in external
 * files; only typed data fields, which protobuf has parsed anyway, are copied.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/import.h"
#include "compiler/scan.h"

int import_file(struct import *im, struct ir_module *to, const char *path, uint32_t *index)
{
	struct ir_module *m = im->root;
	struct stat st;
	void *map = NULL;
	int fd;

	for (*index = 0; *index < m->nfiles; ++*index)
		if (!strcmp(m->files[*index], path))
			goto out;
	if (!m->files) {	/* once: modules inside point to them */
		m->files = calloc(IMPORT_MAX_FILES, sizeof(*m->files));
		m->maps = calloc(IMPORT_MAX_FILES, sizeof(*m->maps));
		if (!m->files || !m->maps)
			return -ENOMEM;
	}
	if (m->nfiles == IMPORT_MAX_FILES)
		return ir_error(m, -E2BIG, NULL, NULL, "%s: more than %d files", path, IMPORT_MAX_FILES);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		int ret = fd < 0 ? -errno : -EINVAL;

		if (fd >= 0)
			close(fd);
		return ir_error(m, ret, NULL, NULL, "%s: %s", path,
				ret == -EINVAL ? "not a regular file" : strerror(-ret));
	}
	if (st.st_size)
		map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return ir_error(m, -errno, NULL, NULL, "%s: mmap: %s", path, strerror(errno));
	m->files[m->nfiles] = ir_strdup(m, path);
	m->maps[m->nfiles] = (struct ir_map){ map, st.st_size };
	m->nfiles++;
out:
	to->files = m->files;
	to->maps = m->maps;
	to->nfiles = m->nfiles;
	return 0;
}

int import_tensor_error(struct ir_module *m, const Onnx__TensorProto *t, const char *what)
{
	return ir_error(m, -EINVAL, NULL, NULL, "tensor '%.100s': %s",
			t->name ? t->name : "", what);
}

static bool number(const char *s, uint64_t *v)
{
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*v = strtoull(s, &end, 10);
	return !errno && !*end;
}

/* a component of the path is ".." */
static bool climbs(const char *path)
{
	for (const char *p = strstr(path, ".."); p; p = strstr(p + 1, ".."))
		if ((p == path || p[-1] == '/') && (!p[2] || p[2] == '/'))
			return true;
	return false;
}

/*
 * A symbolic link leads elsewhere than below the model's folder or, where the
 * model is a link itself (a download cache), the folder that it leads to.
 * What is not there is another's error.
 */
static bool leaves(const struct import *im, const char *path)
{
	char real[PATH_MAX], top[PATH_MAX];
	size_t n;

	if (!realpath(path, real))
		return false;
	for (int i = 0; i < (im->path ? 2 : 1); i++) {
		if (!realpath(i ? im->path : im->dir ? im->dir : ".", top))
			continue;
		n = i ? (size_t)(strrchr(top, '/') - top) : strlen(top);
		if (n < 2 || (!strncmp(real, top, n) && real[n] == '/'))
			return false;
	}
	return true;
}

/* External data: paths stay below the model's folder (ONNX external data spec). */
static int external(struct import *im, struct ir_module *m, const Onnx__TensorProto *t, uint32_t w)
{
	struct tuff_weight *wt = &m->weights[w];
	const char *location = NULL;
	char path[PATH_MAX];
	uint64_t offset = 0, length = wt->size;
	uint32_t file;
	int ret;

	for (size_t i = 0; i < t->n_external_data; i++) {
		const char *k = t->external_data[i]->key, *v = t->external_data[i]->value;

		if (!k || !v)
			continue;
		if (!strcmp(k, "location"))
			location = v;
		if ((!strcmp(k, "offset") && !number(v, &offset)) || (!strcmp(k, "length") && !number(v, &length)))
			return ir_error(m, -EINVAL, NULL, NULL, "tensor '%.100s': external data's %s '%.40s' is not a number", t->name ? t->name : "", k, v);
	}
	if (!location || location[0] == '/' || climbs(location))
		return ir_error(m, -EINVAL, NULL, NULL, "tensor '%.100s': external data location '%.100s' must be a path below the model's folder",
				t->name ? t->name : "", location ? location : "");
	if (length != wt->size)
		return ir_error(m, -EINVAL, NULL, NULL, "tensor '%.100s': %llu bytes of external data, its shape needs %llu", t->name ? t->name : "",
				(unsigned long long)length, (unsigned long long)wt->size);
	if (snprintf(path, sizeof(path), "%s/%s", im->dir ? im->dir : ".", location) >= PATH_MAX)
		return import_tensor_error(m, t, "external data location is too long");
	if (leaves(im, path))
		return ir_error(m, -EINVAL, NULL, NULL, "tensor '%.100s': external data location '%.100s' is a link out of the model's folder",
				t->name ? t->name : "", location);
	ret = import_file(im, m, path, &file);
	if (ret)
		return ret;
	if (offset > m->maps[file].size || wt->size > m->maps[file].size - offset)
		return import_tensor_error(m, t, "external data ends beyond its file");
	wt->src = TUFF_W_FILE;
	wt->file = file;
	wt->offset = offset;
	return 0;
}

/* Typed fields: int32_data carries the narrow types, one element an entry. */
static int typed(struct ir_module *m, const Onnx__TensorProto *t, uint64_t n, size_t es, uint32_t *w)
{
	int64_t dims[TUFF_MAX_RANK];
	uint8_t *b;
	bool ok = true;

	b = calloc(n ? n : 1, es);
	if (!b)
		return -ENOMEM;
	switch (t->data_type) {
	case TUFF_F32: case TUFF_C64:	/* of a complex number real and imaginary part */
		ok = t->n_float_data == n * es / 4;
		if (ok && n)
			memcpy(b, t->float_data, n * es);
		break;
	case TUFF_F64: case TUFF_C128:
		ok = t->n_double_data == n * es / 8;
		if (ok && n)
			memcpy(b, t->double_data, n * es);
		break;
	case TUFF_I64:
		ok = t->n_int64_data == n;
		if (ok && n)
			memcpy(b, t->int64_data, n * 8);
		break;
	case TUFF_U64:
	case TUFF_U32:
		ok = t->n_uint64_data == n;
		for (uint64_t i = 0; ok && i < n; i++)
			memcpy(b + i * es, &t->uint64_data[i], es);
		break;
	default:	/* little endian: the low bytes are the element */
		ok = t->n_int32_data == n;
		for (uint64_t i = 0; ok && i < n; i++)
			memcpy(b + i * es, &t->int32_data[i], es);
	}
	if (!ok) {
		free(b);
		return import_tensor_error(m, t, "number of elements does not match its dims");
	}
	for (size_t i = 0; i < t->n_dims; i++)
		dims[i] = t->dims[i];
	*w = ir_weight_data(m, t->name ? t->name : "", t->data_type, t->n_dims, dims, b, n * es);
	free(b);
	return *w == TUFF_NONE ? -ENOMEM : 0;
}

int import_tensor(struct import *im, struct ir_module *m, const Onnx__TensorProto *t, uint32_t *w)
{
	size_t es = tuff_dtype_size(t->data_type);
	struct scan_raw raw;
	uint64_t n = 1;
	int64_t dims[TUFF_MAX_RANK];

	if (t->n_dims > TUFF_MAX_RANK)
		return import_tensor_error(m, t, "more than 8 dimensions");
	if (!es)
		return ir_error(m, -EOPNOTSUPP, NULL, NULL, "tensor '%.100s': element type %s (%d) is not supported",
				t->name ? t->name : "", tuff_dtype_name(t->data_type), t->data_type);
	for (size_t i = 0; i < t->n_dims; i++) {
		if (t->dims[i] < 0)
			return import_tensor_error(m, t, "negative dimension");
		if (__builtin_mul_overflow(n, (uint64_t)t->dims[i], &n) || n > IMPORT_MAX_BYTES)
			return import_tensor_error(m, t, "too large");
		dims[i] = t->dims[i];
	}
	if (t->data_location == 1) {
		*w = ir_weight_new(m, t->name ? t->name : "", t->data_type, t->n_dims, dims, n * es);
		return *w == TUFF_NONE ? -ENOMEM : external(im, m, t, *w);
	}
	if (!t->has_raw_data) {
		/* what is there bounds what is asked for, before it is allocated */
		uint64_t there = t->n_float_data + t->n_double_data + t->n_int64_data +
				 t->n_uint64_data + t->n_int32_data;

		if (n > there)
			return import_tensor_error(m, t, "number of elements does not match its dims");
		return typed(m, t, n, es, w);
	}
	if (t->raw_data.len != sizeof(raw))
		return import_tensor_error(m, t, "bad raw data");
	memcpy(&raw, t->raw_data.data, sizeof(raw));
	if (raw.size != n * es)
		return ir_error(m, -EINVAL, NULL, NULL, "tensor '%.100s': %llu bytes of raw data, its shape needs %llu",
				t->name ? t->name : "", (unsigned long long)raw.size, (unsigned long long)(n * es));
	if (!im->path) {
		*w = ir_weight_data(m, t->name ? t->name : "", t->data_type, t->n_dims, dims,
				    im->bytes + raw.offset, raw.size);
		return *w == TUFF_NONE ? -ENOMEM : 0;
	}
	*w = ir_weight_new(m, t->name ? t->name : "", t->data_type, t->n_dims, dims, raw.size);
	if (*w == TUFF_NONE)
		return -ENOMEM;
	m->weights[*w].src = TUFF_W_FILE;
	m->weights[*w].file = 0;
	m->weights[*w].offset = raw.offset;
	return 0;
}

/* of an attribute: one that is small is not left in the file, so that kernels can read it */
int import_small_tensor(struct import *im, struct ir_module *m, const Onnx__TensorProto *t, uint32_t *w)
{
	int ret = import_tensor(im, m, t, w);
	struct tuff_weight x;

	if (ret || m->weights[*w].src != TUFF_W_FILE || m->weights[*w].size > 64)
		return ret;
	x = m->weights[*w];
	*w = ir_weight_data(m, t->name ? t->name : "", x.dtype, x.rank, x.dim, ir_weight_bytes(m, *w), x.size);
	return *w == TUFF_NONE ? -ENOMEM : 0;
}
