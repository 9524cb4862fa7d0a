/* SPDX-License-Identifier: MIT */
/*
 * One operator as a model, compiled for each class of device and run on
 * lavapipe and SwiftShader whatever the class: kernels meant for GPUs must
 * compute the same there. The expected values are the caller's, in plain C.
 */
#ifndef TUFF_TESTS_KERN_H
#define TUFF_TESTS_KERN_H

#include <math.h>
#include <stdint.h>
#include <sys/stat.h>

#include "onnx.pb-c.h"
#include "program/program.h"
#include "tests/devices.h"
#include "tests/harness.h"
#include "tests/heap.h"
#include "userspace/tuff.h"

#define KERN_MAX 8

struct kern_value {
	const char *name;
	int rank;
	int64_t dim[8];
	float *data;
	int constant;
};
struct kern_model {
	struct kern_value in[KERN_MAX];
	int nin;
	Onnx__NodeProto *node[KERN_MAX];
	int nnode;
};

static inline int64_t kern_numel(const struct kern_value *v)
{
	int64_t n = 1;

	for (int i = 0; i < v->rank; i++)
		n *= v->dim[i];
	return n;
}

static uint32_t kern_seed = 1;
/* small multiples of 1/16: sums of a few thousand products are nearly exact */
static inline float kern_rand(void)
{
	kern_seed = kern_seed * 1664525u + 1013904223u;
	return (float)((int)(kern_seed >> 24) % 33 - 16) / 16.0f;
}

static inline float *kern_input(struct kern_model *m, const char *name, int constant, int rank, const int64_t *dim)
{
	struct kern_value *v = &m->in[m->nin++];

	*v = (struct kern_value){ .name = name, .rank = rank, .constant = constant };
	if (rank)	/* a scalar has no dimensions to point to */
		memcpy(v->dim, dim, rank * sizeof(*dim));
	v->data = malloc(4 * kern_numel(v) + 4);
	for (int64_t i = 0; i < kern_numel(v); i++)
		v->data[i] = kern_rand();
	return v->data;
}

static inline Onnx__NodeProto *kern_node(struct kern_model *m, const char *op, const char *out, const char *a, const char *b, const char *c)
{
	Onnx__NodeProto *n = calloc(1, sizeof(*n));
	const char *in[3] = { a, b, c };

	onnx__node_proto__init(n);
	n->op_type = (char *)op;
	n->name = (char *)op;
	n->input = calloc(3, sizeof(*n->input));
	for (int i = 0; i < 3 && in[i]; i++)
		n->input[n->n_input++] = (char *)in[i];
	n->output = calloc(1, sizeof(*n->output));
	n->output[n->n_output++] = (char *)out;
	n->attribute = calloc(KERN_MAX, sizeof(*n->attribute));
	m->node[m->nnode++] = n;
	return n;
}

static inline Onnx__AttributeProto *kern_attr(Onnx__NodeProto *n, const char *name, int type)
{
	Onnx__AttributeProto *a = calloc(1, sizeof(*a));

	onnx__attribute_proto__init(a);
	a->name = (char *)name;
	a->has_type = 1;
	a->type = type;
	n->attribute[n->n_attribute++] = a;
	return a;
}
static inline void kern_int(Onnx__NodeProto *n, const char *name, int64_t v)
{
	Onnx__AttributeProto *a = kern_attr(n, name, 2);

	a->has_i = 1;
	a->i = v;
}
static inline void kern_float(Onnx__NodeProto *n, const char *name, float v)
{
	Onnx__AttributeProto *a = kern_attr(n, name, 1);

	a->has_f = 1;
	a->f = v;
}
static inline void kern_ints(Onnx__NodeProto *n, const char *name, const int64_t *v, int cnt)
{
	Onnx__AttributeProto *a = kern_attr(n, name, 7);

	a->ints = malloc(cnt * sizeof(*v));
	memcpy(a->ints, v, cnt * sizeof(*v));
	a->n_ints = cnt;
}

static inline Onnx__ValueInfoProto *kern_info(const char *name, int rank, const int64_t *dim)
{
	Onnx__ValueInfoProto *v = heap_new(sizeof(*v));
	Onnx__TypeProto *t = heap_new(sizeof(*t));
	Onnx__TypeProto__Tensor *tt = heap_new(sizeof(*tt));
	Onnx__TensorShapeProto *s = heap_new(sizeof(*s));

	onnx__value_info_proto__init(v);
	onnx__type_proto__init(t);
	onnx__type_proto__tensor__init(tt);
	onnx__tensor_shape_proto__init(s);
	v->name = (char *)name;
	v->type = t;
	t->tensor_type = tt;
	tt->has_elem_type = 1;
	tt->elem_type = 1;
	if (rank < 0)
		return v;
	tt->shape = s;
	s->dim = heap_new((rank + 1) * sizeof(*s->dim));
	s->n_dim = rank;
	for (int i = 0; i < rank; i++) {
		s->dim[i] = heap_new(sizeof(**s->dim));
		onnx__tensor_shape_proto__dimension__init(s->dim[i]);
		s->dim[i]->has_dim_value = 1;
		s->dim[i]->dim_value = dim[i];
	}
	return v;
}

/* writes the model; the last node's output is the result */
static inline int kern_write(const struct kern_model *m, const char *path)
{
	Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
	Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
	Onnx__OperatorSetIdProto set = ONNX__OPERATOR_SET_ID_PROTO__INIT, *sets[1] = { &set };
	Onnx__ValueInfoProto *in[KERN_MAX], *out[1];
	Onnx__TensorProto *init[KERN_MAX];
	size_t size;
	uint8_t *b;
	FILE *f;
	int ret;

	model.has_ir_version = 1;
	model.ir_version = 8;
	set.has_version = 1;
	set.version = 14;
	model.opset_import = sets;
	model.n_opset_import = 1;
	model.graph = &graph;
	graph.name = (char *)"g";
	graph.node = (Onnx__NodeProto **)m->node;
	graph.n_node = m->nnode;
	graph.input = in;
	graph.output = out;
	graph.initializer = init;
	for (int i = 0; i < m->nin; i++) {
		const struct kern_value *v = &m->in[i];
		Onnx__TensorProto *t;

		if (!v->constant) {
			in[graph.n_input++] = kern_info(v->name, v->rank, v->dim);
			continue;
		}
		t = heap_new(sizeof(*t));
		onnx__tensor_proto__init(t);
		t->name = (char *)v->name;
		t->has_data_type = 1;
		t->data_type = 1;
		t->dims = (int64_t *)v->dim;
		t->n_dims = v->rank;
		t->has_raw_data = 1;
		t->raw_data.data = (uint8_t *)v->data;
		t->raw_data.len = 4 * kern_numel(v);
		init[graph.n_initializer++] = t;
	}
	out[graph.n_output++] = kern_info(m->node[m->nnode - 1]->output[0], -1, NULL);
	size = onnx__model_proto__get_packed_size(&model);
	b = malloc(size + 1);
	onnx__model_proto__pack(&model, b);
	f = fopen(path, "wb");
	ret = f && fwrite(b, 1, size, f) == size ? 0 : -1;
	if (f)
		ret |= fclose(f);
	free(b);
	heap_free();
	return ret;
}

static const char *const kern_class[] = { "software-wide", "software-small", "gpu" };
#define KERN_CLASSES 3		/* of Vulkan devices; "cpu" is the CPU path */

/*
 * Runs m compiled for the class on this process's device; compares with `want`.
 * 0, or 1 with a line printed. *on_cpu counts steps that are not on the device.
 */
static inline int kern_run(const struct kern_model *m, const char *what, const char *cls, enum test_device dev,
			   const float *want, int64_t nwant, double tol)
{
	char onnx[] = "/tmp/tuff-kern-XXXXXX", tuff[64], err[300];
	struct tuff_tensor in[KERN_MAX] = { 0 }, out = { 0 };
	struct tuff_session *s = NULL;
	struct tuff_program *p = NULL, copy;
	struct tuff_error e = { 0 };
	double worst = 0;
	int fd = mkstemp(onnx), nin = 0, bad = 1;
	int64_t at = -1;

	snprintf(tuff, sizeof(tuff), "%s.tuff", onnx);
	if (fd < 0 || kern_write(m, onnx))
		goto out;
	if (tuff_compile(onnx, cls, tuff, NULL, &e)) {
		printf("  %s, %s: %s\n", what, cls, e.text);
		goto out;
	}
	if (tuff_program_load(tuff, &p, err, sizeof(err))) {
		printf("  %s, %s: %s\n", what, cls, err);
		goto out;
	}
	for (uint32_t i = 0; i < p->nsteps && dev != DEV_CPU; i++)
		if (p->steps[i].kind != TUFF_STEP_DISPATCH) {
			printf("  %s, %s: %s is on the CPU: %s\n", what, cls, tuff_str(p, p->steps[i].node), tuff_str(p, p->steps[i].reason));
			goto out;
		}
	/* the device need not be of the class: say that it is */
	copy = *p;
	if (dev != DEV_CPU)
		copy.target = dev == DEV_LAVAPIPE ? TUFF_TARGET_SW_WIDE : TUFF_TARGET_SW_SMALL;
	if (tuff_program_write(&copy, tuff, err, sizeof(err)) || tuff_session_create(tuff, test_device_arg(dev), &s, &e)) {
		printf("  %s, %s: %s%s\n", what, cls, err, e.text);
		goto out;
	}
	for (int i = 0; i < m->nin; i++) {
		if (m->in[i].constant)
			continue;
		in[nin] = (struct tuff_tensor){ .dtype = 1, .rank = m->in[i].rank, .data = m->in[i].data, .size = 4 * kern_numel(&m->in[i]) };
		memcpy(in[nin++].dim, m->in[i].dim, sizeof(in[0].dim));
	}
	if (tuff_run(s, in, nin, &out, 1, &e)) {
		printf("  %s, %s: %s\n", what, cls, e.text);
		goto out;
	}
	if (out.size != 4 * (size_t)nwant) {
		printf("  %s, %s: %zu bytes, not %lld\n", what, cls, out.size, 4 * (long long)nwant);
		goto out;
	}
	for (int64_t i = 0; i < nwant; i++) {
		double d = fabs(((float *)out.data)[i] - (double)want[i]) / (1 + fabs((double)want[i]));

		if (!(d <= worst)) {
			worst = d;
			at = i;
		}
	}
	bad = !(worst <= tol);
	if (bad)
		printf("  %s, %s: error %g at %lld: %g, not %g\n", what, cls, worst, (long long)at, ((float *)out.data)[at], want[at]);
out:
	tuff_program_destroy(p);
	tuff_session_destroy(s);
	if (fd >= 0)
		close(fd);
	unlink(onnx);
	unlink(tuff);
	return bad;
}

static inline void kern_free(struct kern_model *m)
{
	for (int i = 0; i < m->nin; i++)
		free(m->in[i].data);
	for (int i = 0; i < m->nnode; i++) {
		Onnx__NodeProto *n = m->node[i];

		for (size_t k = 0; k < n->n_attribute; k++) {
			free(n->attribute[k]->ints);
			free(n->attribute[k]);
		}
		free(n->attribute);
		free(n->input);
		free(n->output);
		free(n);
	}
	memset(m, 0, sizeof(*m));
}

#endif
