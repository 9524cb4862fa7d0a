/* SPDX-License-Identifier: MIT */
/* Large models of one kind of layer each, and what a process needs to load and run one. */
#ifndef TUFF_TESTS_BIG_MODEL_H
#define TUFF_TESTS_BIG_MODEL_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "onnx.pb-c.h"
#include "userspace/tuff.h"

#define MB 1048576.0

struct kind {
	const char *name, *op;
	int64_t dim[4], rank;	/* of a weight */
	int64_t in[4], in_rank;	/* of the input, and of every value between layers */
	int uses;		/* consecutive layers that share a weight */
	int half, external, norm, trans;
};
static const struct kind kinds[] = {
	{ "matmul", "MatMul", { 2048, 2048 }, 2, { 1, 2048 }, 2, 1 },
	{ "gemm-transposed", "Gemm", { 2048, 2048 }, 2, { 1, 2048 }, 2, 1, .trans = 1 },
	{ "weights-used-twice", "MatMul", { 2048, 2048 }, 2, { 1, 2048 }, 2, 2 },
	{ "few-large", "MatMul", { 5120, 5120 }, 2, { 1, 5120 }, 2, 1 },
	{ "external-data", "MatMul", { 2048, 2048 }, 2, { 1, 2048 }, 2, 1, .external = 1 },
	{ "conv3x3", "Conv", { 512, 512, 3, 3 }, 4, { 1, 512, 8, 8 }, 4, 1 },
	{ "conv1x1", "Conv", { 1024, 1024, 1, 1 }, 4, { 1, 1024, 7, 7 }, 4, 1 },
	{ "conv-batchnorm", "Conv", { 512, 512, 3, 3 }, 4, { 1, 512, 8, 8 }, 4, 1, .norm = 1 },
	{ "float16", "MatMul", { 2048, 2048 }, 2, { 1, 2048 }, 2, 1, .half = 1 },
};

static void put_varint(FILE *f, uint64_t v)
{
	for (; v >= 128; v >>= 7)
		fputc((int)(v & 127) | 128, f);
	fputc((int)v, f);
}

static size_t varint_len(uint64_t v)
{
	size_t n = 1;

	for (; v >= 128; v >>= 7)
		n++;
	return n;
}

static size_t elements(const struct kind *k)
{
	size_t n = 1;

	for (int i = 0; i < k->rank; i++)
		n *= k->dim[i];
	return n;
}

static size_t bytes_of(const struct kind *k)
{
	return elements(k) * (k->half ? 2 : 4);
}

static Onnx__ValueInfoProto *value(const struct kind *k, const char *name)
{
	Onnx__ValueInfoProto *v = calloc(1, sizeof(*v));

	onnx__value_info_proto__init(v);
	v->name = strdup(name);
	v->type = calloc(1, sizeof(*v->type));
	onnx__type_proto__init(v->type);
	v->type->tensor_type = calloc(1, sizeof(*v->type->tensor_type));
	onnx__type_proto__tensor__init(v->type->tensor_type);
	v->type->tensor_type->has_elem_type = 1;
	v->type->tensor_type->elem_type = k->half ? 10 : 1;
	v->type->tensor_type->shape = calloc(1, sizeof(Onnx__TensorShapeProto));
	onnx__tensor_shape_proto__init(v->type->tensor_type->shape);
	v->type->tensor_type->shape->dim = calloc(k->in_rank, sizeof(void *));
	for (int i = 0; i < k->in_rank; i++) {
		Onnx__TensorShapeProto__Dimension *d = calloc(1, sizeof(*d));

		onnx__tensor_shape_proto__dimension__init(d);
		d->has_dim_value = 1;
		d->dim_value = k->in[i];
		v->type->tensor_type->shape->dim[v->type->tensor_type->shape->n_dim++] = d;
	}
	return v;
}

static Onnx__NodeProto *node(const char *op, int at, const char *const *more, int n)
{
	Onnx__NodeProto *p = calloc(1, sizeof(*p));
	char name[16];

	onnx__node_proto__init(p);
	p->op_type = strdup(op);
	p->input = calloc(n + 1, sizeof(char *));
	p->output = calloc(1, sizeof(char *));
	snprintf(name, sizeof(name), "x%d", at);
	p->input[p->n_input++] = strdup(name);
	for (int i = 0; i < n; i++)
		p->input[p->n_input++] = strdup(more[i]);
	snprintf(name, sizeof(name), "x%d", at + 1);
	p->output[p->n_output++] = strdup(name);
	return p;
}

static void attribute(Onnx__NodeProto *n, const char *name, int count, int64_t v)
{
	Onnx__AttributeProto *a = calloc(1, sizeof(*a));

	onnx__attribute_proto__init(a);
	a->name = strdup(name);
	a->has_type = 1;
	a->type = count ? 7 : 2;
	a->has_i = !count;
	a->i = v;
	a->ints = calloc(count + 1, sizeof(int64_t));
	for (int i = 0; i < count; i++)
		a->ints[a->n_ints++] = v;
	n->attribute = realloc(n->attribute, (n->n_attribute + 1) * sizeof(void *));
	n->attribute[n->n_attribute++] = a;
}

/* all but the weights; returns how many of those there are */
static int graph_of(const struct kind *k, uint64_t size, Onnx__GraphProto *g)
{
	int weights = (int)(size / bytes_of(k)), at = 0;
	char w[16], last[16];

	onnx__graph_proto__init(g);
	g->node = calloc(weights * (k->uses + k->norm), sizeof(void *));
	for (int i = 0; i < weights; i++)
		for (int u = 0; u < k->uses + k->norm; u++) {
			static const char *const stats[] = { "one", "zero", "zero", "one" };
			const char *in[] = { w };
			bool norm = u == k->uses;
			Onnx__NodeProto *n;

			snprintf(w, sizeof(w), "w%d", i);
			n = norm ? node("BatchNormalization", at, stats, 4) : node(k->op, at, in, 1);
			at++;
			if (!norm && k->rank == 4 && k->dim[2] > 1)
				attribute(n, "pads", 4, k->dim[2] / 2);
			if (k->trans)
				attribute(n, "transB", 0, 1);
			g->node[g->n_node++] = n;
		}
	snprintf(last, sizeof(last), "x%d", at);
	g->input = calloc(1, sizeof(void *));
	g->input[g->n_input++] = value(k, "x0");
	g->output = calloc(1, sizeof(void *));
	g->output[g->n_output++] = value(k, last);
	for (int i = 0; i < 2 * k->norm; i++) {
		Onnx__TensorProto *t = calloc(1, sizeof(*t));

		onnx__tensor_proto__init(t);
		t->name = strdup(i ? "one" : "zero");
		t->has_data_type = t->data_type = 1;
		t->dims = calloc(1, sizeof(int64_t));
		t->n_dims = 1;
		t->n_float_data = t->dims[0] = k->dim[0];
		t->float_data = calloc(k->dim[0], sizeof(float));
		for (int c = 0; c < k->dim[0]; c++)
			t->float_data[c] = i;
		g->initializer = realloc(g->initializer, 2 * sizeof(void *));
		g->initializer[g->n_initializer++] = t;
	}
	return weights;
}

/* a weight's message without its bytes, which follow as raw_data or lie in big.bin */
static size_t tensor_head(const struct kind *k, int i, uint8_t *buf)
{
	Onnx__TensorProto t = ONNX__TENSOR_PROTO__INIT;
	Onnx__StringStringEntryProto e[2] = { ONNX__STRING_STRING_ENTRY_PROTO__INIT, ONNX__STRING_STRING_ENTRY_PROTO__INIT }, *list[] = { &e[0], &e[1] };
	char name[16], offset[32];

	snprintf(name, sizeof(name), "w%d", i);
	snprintf(offset, sizeof(offset), "%llu", (unsigned long long)i * bytes_of(k));
	t.name = name;
	t.has_data_type = 1;
	t.data_type = k->half ? 10 : 1;
	t.n_dims = k->rank;
	t.dims = (int64_t *)k->dim;
	if (k->external) {
		e[0].key = "location", e[0].value = "big.bin", e[1].key = "offset", e[1].value = offset;
		t.external_data = list;
		t.n_external_data = 2;
		t.has_data_location = t.data_location = 1;
	}
	return onnx__tensor_proto__pack(&t, buf);
}

/*
 * About `size` bytes of weights. Messages that follow each other are one: the graph without its weights is
 * packed, and each weight is appended to it, so that no more than one is held.
 */
static int write_model(const struct kind *k, uint64_t size, const char *path, const char *bin)
{
	size_t n = elements(k), bytes = bytes_of(k), len, tail;
	uint8_t *buf = malloc(1 << 20), head[256];
	float *row = malloc(n * sizeof(*row));
	FILE *f = fopen(path, "wb"), *b = k->external ? fopen(bin, "wb") : f;
	Onnx__GraphProto g;
	uint64_t total;
	int weights;

	if (!f || !b || !row || !buf)
		return -1;
	for (size_t i = 0; i < n; i++) {	/* small, and none like the other; halves by their bits */
		uint32_t h = (uint32_t)(i * 2654435761u);

		if (k->half)
			((uint16_t *)row)[i] = (uint16_t)(0x2000 | (h >> 20 & 0x83ff));
		else
			row[i] = ((float)(h >> 20) - 2048) / (2048 * 64.f);
	}
	weights = graph_of(k, size, &g);
	len = onnx__graph_proto__pack(&g, buf);
	tail = k->external ? 0 : 1 + varint_len(bytes) + bytes;
	total = len;
	for (int i = 0; i < weights; i++) {
		size_t h = tensor_head(k, i, head) + tail;

		total += 1 + varint_len(h) + h;
	}
	fwrite("\x08\x08\x42\x02\x10\x0d", 1, 6, f);	/* ir_version 8, opset_import { version 13 }, graph */
	put_varint(f, 7 << 3 | 2);
	put_varint(f, total);
	fwrite(buf, 1, len, f);
	for (int i = 0; i < weights; i++) {
		size_t h = tensor_head(k, i, head);

		put_varint(f, 5 << 3 | 2);
		put_varint(f, h + tail);
		fwrite(head, 1, h, f);
		if (!k->external) {
			put_varint(f, 9 << 3 | 2);
			put_varint(f, bytes);
		}
		row[0] = (float)i / 1000;	/* no two weights are one */
		fwrite(row, 1, bytes, b);
	}
	return (k->external ? fclose(b) : 0) | fclose(f);
}

/* "VmHWM" or "RssAnon" of this process, MB */
static double status_mb(const char *key)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	double mb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			mb = atol(line + strlen(key) + 1) / 1024.0;
	if (f)
		fclose(f);
	return mb;
}

/* loads and runs; to the pipe: peak, anonymous memory, weights (MB) */
static void load(const struct kind *k, const char *path, int to)
{
	struct tuff_tensor in = { .dtype = k->half ? 10 : 1, .rank = k->in_rank, .size = k->half ? 2 : 4 }, out;
	struct tuff_session *s;
	struct tuff_memory m;
	struct tuff_error err;
	double r[3];

	for (int i = 0; i < k->in_rank; i++)
		in.size *= in.dim[i] = k->in[i];
	in.data = calloc(1, in.size);
	if (tuff_session_create(path, "cpu", &s, &err) || tuff_run(s, &in, 1, &out, 1, &err)) {
		fprintf(stderr, "bench_memory: %s\n", err.text);
		_exit(1);
	}
	tuff_session_memory(s, &m);
	r[0] = status_mb("VmHWM");
	r[1] = status_mb("RssAnon");
	r[2] = m.weights / MB;
	_exit(write(to, r, sizeof(r)) != sizeof(r));
}

static int measure(const struct kind *k, const char *path, double r[3])
{
	int fd[2], status;
	pid_t pid;

	if (pipe(fd))
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid)
		load(k, path, fd[1]);
	close(fd[1]);
	status = read(fd[0], r, 3 * sizeof(double)) == 3 * sizeof(double) ? 0 : -1;
	close(fd[0]);
	waitpid(pid, NULL, 0);
	return status;
}

#endif
