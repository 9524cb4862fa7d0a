// SPDX-License-Identifier: MIT
/*
 * ONNX import: skeleton (scan.c) to graph. Tensor bytes stay in the mapped
 * file; only typed data fields, which protobuf has parsed anyway, are copied.
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

#include "compiler/ir.h"
#include "compiler/scan.h"
#include "onnx.pb-c.h"

/* Largest tensor: sizes in bytes stay far from overflow. */
#define MAX_BYTES (1ull << 46)

struct import {
	struct ir_module *m;
	const uint8_t *bytes;
	size_t size;
	const char *path;	/* NULL: the bytes are copied */
	const char *dir;
	struct { const char *name; struct ir_value *v; } *map;	/* open addressing */
	size_t cap, used;
};

static uint64_t hash(const char *s)
{
	uint64_t h = 14695981039346656037ull;

	while (*s)
		h = (h ^ (uint8_t)*s++) * 1099511628211ull;
	return h;
}

static struct ir_value **lookup(struct import *im, const char *name)
{
	size_t i = hash(name) & (im->cap - 1);

	while (im->map[i].name && strcmp(im->map[i].name, name))
		i = (i + 1) & (im->cap - 1);
	if (!im->map[i].name) {
		im->map[i].name = name;
		im->used++;
	}
	return &im->map[i].v;
}

static int file_index(struct import *im, const char *path, uint32_t *index)
{
	struct ir_module *m = im->m;
	struct stat st;
	void *files, *maps, *map = NULL;
	int fd;

	for (*index = 0; *index < m->nfiles; ++*index)
		if (!strcmp(m->files[*index], path))
			return 0;
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
	files = realloc(m->files, (m->nfiles + 1) * sizeof(*m->files));
	if (files)
		m->files = files;
	maps = realloc(m->maps, (m->nfiles + 1) * sizeof(*m->maps));
	if (maps)
		m->maps = maps;
	if (!files || !maps) {
		if (map)
			munmap(map, st.st_size);
		return -ENOMEM;
	}
	m->files[m->nfiles] = ir_strdup(m, path);
	m->maps[m->nfiles] = (struct ir_map){ map, st.st_size };
	m->nfiles++;
	return 0;
}

static int tensor_error(struct import *im, const Onnx__TensorProto *t, const char *what)
{
	return ir_error(im->m, -EINVAL, NULL, NULL, "tensor '%.100s': %s",
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
static int external(struct import *im, const Onnx__TensorProto *t, uint32_t w)
{
	struct tuff_weight *wt = &im->m->weights[w];
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
			return ir_error(im->m, -EINVAL, NULL, NULL, "tensor '%.100s': external data's %s '%.40s' is not a number", t->name ? t->name : "", k, v);
	}
	if (!location || location[0] == '/' || climbs(location))
		return ir_error(im->m, -EINVAL, NULL, NULL, "tensor '%.100s': external data location '%.100s' must be a path below the model's folder",
				t->name ? t->name : "", location ? location : "");
	if (length != wt->size)
		return ir_error(im->m, -EINVAL, NULL, NULL, "tensor '%.100s': %llu bytes of external data, its shape needs %llu", t->name ? t->name : "",
				(unsigned long long)length, (unsigned long long)wt->size);
	if (snprintf(path, sizeof(path), "%s/%s", im->dir ? im->dir : ".", location) >= PATH_MAX)
		return tensor_error(im, t, "external data location is too long");
	if (leaves(im, path))
		return ir_error(im->m, -EINVAL, NULL, NULL, "tensor '%.100s': external data location '%.100s' is a link out of the model's folder",
				t->name ? t->name : "", location);
	ret = file_index(im, path, &file);
	if (ret)
		return ret;
	if (offset > im->m->maps[file].size || wt->size > im->m->maps[file].size - offset)
		return tensor_error(im, t, "external data ends beyond its file");
	wt->src = TUFF_W_FILE;
	wt->file = file;
	wt->offset = offset;
	return 0;
}

/* Typed fields: int32_data carries the narrow types, one element an entry. */
static int typed(struct import *im, const Onnx__TensorProto *t, uint64_t n, size_t es, uint32_t *w)
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
		return tensor_error(im, t, "number of elements does not match its dims");
	}
	for (size_t i = 0; i < t->n_dims; i++)
		dims[i] = t->dims[i];
	*w = ir_weight_data(im->m, t->name ? t->name : "", t->data_type, t->n_dims, dims, b, n * es);
	free(b);
	return *w == TUFF_NONE ? -ENOMEM : 0;
}

static int tensor(struct import *im, const Onnx__TensorProto *t, uint32_t *w)
{
	size_t es = tuff_dtype_size(t->data_type);
	struct scan_raw raw;
	uint64_t n = 1;
	int64_t dims[TUFF_MAX_RANK];

	if (t->n_dims > TUFF_MAX_RANK)
		return tensor_error(im, t, "more than 8 dimensions");
	if (!es)
		return ir_error(im->m, -EOPNOTSUPP, NULL, NULL, "tensor '%.100s': element type %s (%d) is not supported",
				t->name ? t->name : "", tuff_dtype_name(t->data_type), t->data_type);
	for (size_t i = 0; i < t->n_dims; i++) {
		if (t->dims[i] < 0)
			return tensor_error(im, t, "negative dimension");
		if (__builtin_mul_overflow(n, (uint64_t)t->dims[i], &n) || n > MAX_BYTES)
			return tensor_error(im, t, "too large");
		dims[i] = t->dims[i];
	}
	if (t->data_location == 1) {
		*w = ir_weight_new(im->m, t->name ? t->name : "", t->data_type, t->n_dims, dims, n * es);
		return *w == TUFF_NONE ? -ENOMEM : external(im, t, *w);
	}
	if (!t->has_raw_data) {
		/* what is there bounds what is asked for, before it is allocated */
		uint64_t there = t->n_float_data + t->n_double_data + t->n_int64_data +
				 t->n_uint64_data + t->n_int32_data;

		if (n > there)
			return tensor_error(im, t, "number of elements does not match its dims");
		return typed(im, t, n, es, w);
	}
	if (t->raw_data.len != sizeof(raw))
		return tensor_error(im, t, "bad raw data");
	memcpy(&raw, t->raw_data.data, sizeof(raw));
	if (raw.size != n * es)
		return ir_error(im->m, -EINVAL, NULL, NULL, "tensor '%.100s': %llu bytes of raw data, its shape needs %llu",
				t->name ? t->name : "", (unsigned long long)raw.size, (unsigned long long)(n * es));
	if (!im->path) {
		*w = ir_weight_data(im->m, t->name ? t->name : "", t->data_type, t->n_dims, dims,
				    im->bytes + raw.offset, raw.size);
		return *w == TUFF_NONE ? -ENOMEM : 0;
	}
	*w = ir_weight_new(im->m, t->name ? t->name : "", t->data_type, t->n_dims, dims, raw.size);
	if (*w == TUFF_NONE)
		return -ENOMEM;
	im->m->weights[*w].src = TUFF_W_FILE;
	im->m->weights[*w].file = 0;
	im->m->weights[*w].offset = raw.offset;
	return 0;
}

static const char *bytes_str(struct ir_module *m, ProtobufCBinaryData b)
{
	char *s = ir_alloc(m, b.len + 1);

	if (s && b.len)
		memcpy(s, b.data, b.len);
	return s ? s : "";
}

static int attribute(struct import *im, struct ir_node *n, const Onnx__AttributeProto *a, struct ir_attr *out)
{
	struct ir_module *m = im->m;
	int type = a->type;

	if (!a->name)
		return ir_error(m, -EINVAL, n, NULL, "an attribute has no name");
	if (!a->has_type)	/* IR version 1 leaves it out */
		type = a->has_f ? TUFF_A_FLOAT : a->has_i ? TUFF_A_INT : a->has_s ? TUFF_A_STRING :
		       a->t ? TUFF_A_TENSOR : a->n_floats ? TUFF_A_FLOATS : a->n_strings ? TUFF_A_STRINGS : TUFF_A_INTS;
	out->name = ir_strdup(m, a->name);
	out->type = type;
	out->n = 1;
	switch (type) {
	case TUFF_A_FLOAT:
		out->f1 = a->f;
		return 0;
	case TUFF_A_INT:
		out->i1 = a->i;
		return 0;
	case TUFF_A_STRING:
		out->s = ir_alloc(m, sizeof(*out->s));
		out->s[0] = bytes_str(m, a->s);
		return 0;
	case TUFF_A_TENSOR:
		if (!a->t)
			break;
		return tensor(im, a->t, &out->weight);
	case TUFF_A_FLOATS: {
		float *f = ir_alloc(m, (a->n_floats + 1) * sizeof(*f));

		if (!f)
			return -ENOMEM;
		if (a->n_floats)
			memcpy(f, a->floats, a->n_floats * sizeof(*f));
		out->f = f;
		out->n = a->n_floats;
		return 0;
	}
	case TUFF_A_INTS: {
		int64_t *v = ir_alloc(m, (a->n_ints + 1) * sizeof(*v));

		if (!v)
			return -ENOMEM;
		if (a->n_ints)
			memcpy(v, a->ints, a->n_ints * sizeof(*v));
		out->i = v;
		out->n = a->n_ints;
		return 0;
	}
	case TUFF_A_STRINGS:
		out->s = ir_alloc(m, (a->n_strings + 1) * sizeof(*out->s));
		out->n = a->n_strings;
		if (!out->s)
			return -ENOMEM;
		for (size_t i = 0; i < a->n_strings; i++)
			out->s[i] = bytes_str(m, a->strings[i]);
		return 0;
	}
	return ir_error(m, -EOPNOTSUPP, n, NULL, "attribute '%.60s' of type %d is not supported", a->name, type);
}

static int find_op(const char *name)
{
	for (uint32_t i = 0; i < TUFF_OP_COUNT; i++)
		if (!strcmp(tuff_op_name(i), name))
			return strncmp(name, "tuff.", 5) ? (int)i : -1;
	return -1;
}

static int node(struct import *im, const Onnx__NodeProto *p, size_t index)
{
	struct ir_module *m = im->m;
	const char *type = p->op_type ? p->op_type : "";
	const char *domain = p->domain && strcmp(p->domain, "ai.onnx") ? p->domain : "";
	struct ir_node *n;
	char name[64], full[128];
	int op;

	snprintf(full, sizeof(full), "%.60s%s%.60s", domain, *domain ? "." : "", type);
	op = find_op(full);
	snprintf(name, sizeof(name), "%.40s_%zu", type, index);
	n = ir_node_new(m, op < 0 ? 0 : op, p->name && *p->name ? p->name : name, p->n_input, p->n_output, NULL);
	n->onnx_op = ir_strdup(m, type);
	n->opset = m->opset;
	/* older names of what is one operator now */
	if (op < 0 && !strcmp(full, "Upsample"))
		op = TUFF_OP_RESIZE;
	if (op < 0 && !strcmp(full, "Scatter"))
		op = TUFF_OP_SCATTER_ELEMENTS;
	if (op < 0 && *domain)
		return ir_error(m, -EOPNOTSUPP, n, NULL, "this operator of domain '%.60s' is not supported", domain);
	if (op < 0)
		return ir_error(m, -EOPNOTSUPP, n, NULL, "this operator is not supported");
	n->op = op;
	if (!n->in || !n->out)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_input; i++) {
		struct ir_value **v;

		if (!*p->input[i])
			continue;
		v = lookup(im, p->input[i]);
		if (!*v)
			return ir_error(m, -EINVAL, n, NULL, "input %zu '%.100s' is made by no node before it, no initializer and no graph input",
					i, p->input[i]);
		n->in[i] = *v;
	}
	for (size_t i = 0; i < p->n_output; i++) {
		struct ir_value **v;

		n->out[i] = NULL;
		if (!*p->output[i])
			continue;
		v = lookup(im, p->output[i]);
		if (*v)
			return ir_error(m, -EINVAL, n, NULL, "output '%.100s' has a producer already", p->output[i]);
		*v = n->out[i] = ir_value_new(m, p->output[i]);
		n->out[i]->def = n;
	}
	n->attr = ir_alloc(m, (p->n_attribute + 1) * sizeof(*n->attr));
	if (!n->attr)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_attribute; i++) {
		int ret = attribute(im, n, p->attribute[i], &n->attr[i]);

		if (ret)
			return ret;
		n->nattr++;
	}
	return 0;
}

static int graph_input(struct import *im, const Onnx__ValueInfoProto *vi)
{
	struct ir_module *m = im->m;
	const Onnx__TypeProto__Tensor *t = vi->type ? vi->type->tensor_type : NULL;
	const struct tuffc_shape *fixed = NULL;
	struct ir_value **slot, *v;

	if (!vi->name || !t)
		return ir_error(m, -EOPNOTSUPP, NULL, NULL, "graph input '%.100s' is not a tensor", vi->name ? vi->name : "");
	slot = lookup(im, vi->name);
	if (*slot)	/* an initializer, constant unless opt->optional names it */
		return 0;
	v = *slot = ir_value_new(m, vi->name);
	v->dtype = t->elem_type;
	v->input = m->nin;
	m->in[m->nin++] = v;
	if (!tuff_dtype_size(v->dtype))
		return ir_error(m, -EOPNOTSUPP, NULL, v, "inputs of type %s are not supported", tuff_dtype_name(v->dtype));
	for (uint32_t i = 0; i < m->opt->nshapes; i++)
		if (!strcmp(m->opt->shapes[i].input, vi->name))
			fixed = &m->opt->shapes[i];
	if (!t->shape && !fixed)
		return 0;	/* rank unknown: compiled again when a shape is known */
	if (t->shape && fixed && fixed->rank != t->shape->n_dim)
		return ir_error(m, -EINVAL, NULL, v, "has %zu dimensions, a shape with %u was given", t->shape->n_dim, fixed->rank);
	v->rank = fixed ? fixed->rank : t->shape->n_dim;
	if (v->rank > TUFF_MAX_RANK)
		return v->rank = -1, ir_error(m, -EINVAL, NULL, v, "more than 8 dimensions");
	for (int i = 0; i < v->rank; i++) {
		const Onnx__TensorShapeProto__Dimension *d = t->shape ? t->shape->dim[i] : NULL;
		char name[160];

		if (fixed && fixed->dim[i] >= 0) {
			if (d && d->has_dim_value && d->dim_value > 0 && d->dim_value != fixed->dim[i])
				return v->rank = -1, ir_error(m, -EINVAL, NULL, v, "dimension %d is %lld, not %lld",
						i, (long long)d->dim_value, (long long)fixed->dim[i]);
			v->dim[i] = ex_const(m, fixed->dim[i]);
		} else if (d && d->has_dim_value && d->dim_value > 0) {
			if ((uint64_t)d->dim_value > MAX_BYTES)
				return v->rank = -1, ir_error(m, -EINVAL, NULL, v, "dimension %d is too large", i);
			v->dim[i] = ex_const(m, d->dim_value);
		} else if (d && d->dim_param && *d->dim_param) {
			v->dim[i] = ex_sym(m, d->dim_param, 0);
		} else {
			snprintf(name, sizeof(name), "%.120s.%d", vi->name, i);
			v->dim[i] = ex_sym(m, name, 0);
		}
	}
	return 0;
}

/* An initializer that callers override: an input with a default. */
static int optional_input(struct import *im, const char *name)
{
	struct ir_module *m = im->m;
	struct ir_value **slot = lookup(im, name), *c = *slot, *v;

	if (c && c->input >= 0 && m->in_default[c->input] != TUFF_NONE)
		return 0;	/* named twice */
	if (!c || c->weight == TUFF_NONE)
		return ir_error(m, -ENOENT, NULL, NULL, "there is no initializer '%.100s'", name);
	v = *slot = ir_value_new(m, name);
	if (m->oom)
		return -ENOMEM;
	v->dtype = c->dtype;
	v->rank = c->rank;
	memcpy(v->dim, c->dim, sizeof(v->dim));
	v->input = m->nin;
	m->in_default[m->nin] = c->weight;
	m->in[m->nin++] = v;
	return 0;
}

static int shapes_are_used(struct import *im, const Onnx__GraphProto *g)
{
	const struct tuffc_options *o = im->m->opt;

	for (uint32_t i = 0; i < o->nshapes; i++) {
		size_t k = 0;

		while (k < g->n_input && (!g->input[k]->name || strcmp(g->input[k]->name, o->shapes[i].input)))
			k++;
		if (k == g->n_input)
			return ir_error(im->m, -EINVAL, NULL, NULL, "a shape was given for '%.100s', which is no input", o->shapes[i].input);
	}
	return 0;
}

static int graph(struct import *im, const Onnx__GraphProto *g)
{
	struct ir_module *m = im->m;
	size_t nin = g->n_input + m->opt->noptional, names = 16 + g->n_initializer + nin + g->n_output;
	int ret;

	for (size_t i = 0; i < g->n_node; i++)
		names += g->node[i]->n_output + g->node[i]->n_input;
	for (im->cap = 64; im->cap < 2 * names; )
		im->cap *= 2;
	im->map = calloc(im->cap, sizeof(*im->map));
	m->in = ir_alloc(m, (nin + 1) * sizeof(*m->in));
	m->in_default = ir_alloc(m, (nin + 1) * sizeof(*m->in_default));
	m->out = ir_alloc(m, (g->n_output + 1) * sizeof(*m->out));
	m->outname = ir_alloc(m, (g->n_output + 1) * sizeof(*m->outname));
	if (!im->map || !m->in || !m->in_default || !m->out || !m->outname)
		return -ENOMEM;
	memset(m->in_default, 0xff, (nin + 1) * sizeof(*m->in_default));
	if (g->n_sparse_initializer) {
		const Onnx__TensorProto *t = g->sparse_initializer[0]->values;

		return ir_error(m, -EOPNOTSUPP, NULL, NULL, "initializer '%.100s' is sparse, which is not supported", t && t->name ? t->name : "");
	}
	for (size_t i = 0; i < g->n_initializer; i++) {
		const Onnx__TensorProto *t = g->initializer[i];
		struct ir_value **slot;
		uint32_t w;

		if (!t->name || !*t->name)
			return ir_error(m, -EINVAL, NULL, NULL, "initializer %zu has no name", i);
		slot = lookup(im, t->name);
		if (*slot)
			return tensor_error(im, t, "two initializers have this name");
		ret = tensor(im, t, &w);
		if (ret)
			return ret;
		m->weights[w].flags |= TUFF_W_INITIALIZER;
		*slot = ir_const(m, w);
	}
	for (size_t i = 0; i < g->n_input; i++) {
		ret = graph_input(im, g->input[i]);
		if (ret)
			return ret;
	}
	for (uint32_t i = 0; i < m->opt->noptional; i++) {
		ret = optional_input(im, m->opt->optional[i]);
		if (ret)
			return ret;
	}
	ret = shapes_are_used(im, g);
	if (ret)
		return ret;
	for (size_t i = 0; i < g->n_node; i++) {
		ret = node(im, g->node[i], i);
		if (ret)
			return ret;
	}
	for (size_t i = 0; i < g->n_output; i++) {
		struct ir_value **slot;

		if (!g->output[i]->name || !*(slot = lookup(im, g->output[i]->name)))
			return ir_error(m, -EINVAL, NULL, NULL, "graph output '%.100s' is made by no node",
					g->output[i]->name ? g->output[i]->name : "");
		m->outname[m->nout] = ir_strdup(m, g->output[i]->name);
		m->out[m->nout++] = *slot;
	}
	return m->nout ? 0 : ir_error(m, -EINVAL, NULL, NULL, "the graph has no outputs");
}

int import_onnx(struct ir_module *m, const void *bytes, size_t size, const char *path, const char *dir)
{
	struct import im = { .m = m, .bytes = bytes, .size = size, .path = path, .dir = dir };
	Onnx__ModelProto *model = NULL;
	uint8_t *skeleton = NULL;
	size_t skeleton_size;
	char what[256] = "";
	uint32_t first;
	int ret;

	ret = path ? file_index(&im, path, &first) : 0;
	if (ret)
		return ret;
	ret = onnx_scan(bytes, size, &skeleton, &skeleton_size, what, sizeof(what));
	if (ret)
		return ir_error(m, ret, NULL, NULL, "%s", what);
	model = onnx__model_proto__unpack(NULL, skeleton_size, skeleton);
	if (!model || !model->graph) {
		ret = ir_error(m, -EINVAL, NULL, NULL, model ? "the model has no graph" : "not a valid ONNX file: a list is cut short, or a field is of another type than the format gives it");
		goto out;
	}
	m->ir_version = model->ir_version;
	m->producer = ir_strdup(m, model->producer_name ? model->producer_name : "");
	m->opset = 1;	/* IR version 1 and 2 name no operator set */
	for (size_t i = 0; i < model->n_opset_import; i++) {
		const char *d = model->opset_import[i]->domain;

		if (!d || !*d || !strcmp(d, "ai.onnx"))
			m->opset = model->opset_import[i]->version;
	}
	if (m->opset < 1 || m->opset > 30) {
		ret = ir_error(m, -EOPNOTSUPP, NULL, NULL, "operator set %u is not known", m->opset);
		goto out;
	}
	ret = graph(&im, model->graph);
out:
	free(im.map);
	if (model)
		onnx__model_proto__free_unpacked(model, NULL);
	free(skeleton);
	return m->oom ? -ENOMEM : ret;
}
