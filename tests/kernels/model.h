/* SPDX-License-Identifier: MIT */
/*
 * Small models made in place, run on the CPU path and on the Vulkan device:
 * every step must be on the device, and the results must agree. TUFF_CL around
 * an operator comes from MaxPool nodes of one element on both sides.
 */
#ifndef TUFF_TESTS_KERNELS_MODEL_H
#define TUFF_TESTS_KERNELS_MODEL_H

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include "compiler/tuffc.h"
#include "onnx.pb-c.h"
#include "tests/harness.h"
#include "userspace/session.h"

#define KM_MAX 64
#define F32 1
#define U8 2
#define I32 6
#define I64 7
#define BOOL 9
#define F16 10

static struct {
	Onnx__NodeProto *pnode[KM_MAX];
	Onnx__TensorProto *pinit[KM_MAX];
	Onnx__ValueInfoProto *pin[KM_MAX], *pout[KM_MAX], *formal[KM_MAX];
	struct tuff_tensor data[KM_MAX];
	Onnx__FunctionProto *function;	/* of the model, or NULL */
	uint32_t nnode, ninit, nformal, nin, nout, rnd, opset;
	double tol;
	int cpu_ok;	/* steps on the CPU are no failure */
	uint32_t range;	/* bytes that a binding may have, where fewer than the device's */
	uint32_t parts;	/* constants that such bindings hold */
	float *want;	/* what the first output is, where the CPU path alone is not to say */
	size_t nwant;
	void *heap[16384];
	uint32_t nheap;
} km;

static void *km_new(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p || km.nheap == 16384)
		exit(98);
	return km.heap[km.nheap++] = p;
}

static char *km_str(const char *s, size_t n)
{
	return memcpy(km_new(n + 1), s, n);
}

static inline void km_reset(void)
{
	while (km.nheap)
		free(km.heap[--km.nheap]);
	memset(&km, 0, sizeof(km));
	km.rnd = 1;
	km.opset = 18;
	km.tol = 2e-5;
}

static inline uint32_t km_rand(void)
{
	km.rnd = km.rnd * 1664525u + 1013904223u;
	return km.rnd >> 8;
}

/* fills t: floats in [-2, 2), integers in [-9, 9], or 0 .. for unsigned */
static inline void km_fill(struct tuff_tensor *t)
{
	size_t es = tuff_type_size(t->dtype), n = 1;

	for (uint32_t i = 0; i < t->rank; i++)
		n *= t->dim[i];
	t->size = n * es;
	t->data = km_new(t->size + 16);
	for (size_t i = 0; i < n; i++) {
		float f = (int)(km_rand() % 4096 - 2048) / 1024.f;
		int64_t v = (int)(km_rand() % 19) - 9;

		switch (t->dtype) {
		case F32: ((float *)t->data)[i] = f; break;
		case I32: ((int32_t *)t->data)[i] = v; break;
		case I64: ((int64_t *)t->data)[i] = v; break;
		case U8: ((uint8_t *)t->data)[i] = v + 9; break;
		case BOOL: ((uint8_t *)t->data)[i] = v & 1; break;
		case F16: ((uint16_t *)t->data)[i] = 0x3000 + (km_rand() & 0x8fff); break;
		}
	}
}

static inline Onnx__ValueInfoProto *km_value(const char *name, int dtype, int rank, const int64_t *dim)
{
	Onnx__ValueInfoProto *v = km_new(sizeof(*v));
	Onnx__TypeProto *t = km_new(sizeof(*t));
	Onnx__TypeProto__Tensor *tt = km_new(sizeof(*tt));

	onnx__value_info_proto__init(v);
	onnx__type_proto__init(t);
	onnx__type_proto__tensor__init(tt);
	v->name = km_str(name, strlen(name));
	v->type = t;
	t->tensor_type = tt;
	tt->has_elem_type = 1;
	tt->elem_type = dtype;
	if (rank >= 0) {
		Onnx__TensorShapeProto *s = km_new(sizeof(*s));

		onnx__tensor_shape_proto__init(s);
		s->n_dim = rank;
		s->dim = km_new(rank * sizeof(*s->dim));
		for (int i = 0; i < rank; i++) {
			s->dim[i] = km_new(sizeof(**s->dim));
			onnx__tensor_shape_proto__dimension__init(s->dim[i]);
			if (dim[i] < 0) {	/* symbolic, given by the data */
				s->dim[i]->dim_param = km_new(16);
				snprintf(s->dim[i]->dim_param, 16, "%s%d", name, i);
			} else {
				s->dim[i]->has_dim_value = 1;
				s->dim[i]->dim_value = dim[i];
			}
		}
		tt->shape = s;
	}
	return v;
}

/* an input with random content; a negative dimension: symbolic, of that size */
static inline void km_input(const char *name, int dtype, int rank, ...)
{
	struct tuff_tensor *t = &km.data[km.nin];
	int64_t dim[8];
	va_list ap;

	va_start(ap, rank);
	t->dtype = dtype;
	t->rank = rank;
	for (int i = 0; i < rank; i++) {
		dim[i] = va_arg(ap, int);
		t->dim[i] = dim[i] < 0 ? -dim[i] : dim[i];
	}
	va_end(ap);
	km_fill(t);
	km.pin[km.nin++] = km_value(name, dtype, rank, dim);
}

static inline void km_const(const char *name, const struct tuff_tensor *t)
{
	Onnx__TensorProto *p = km_new(sizeof(*p));

	onnx__tensor_proto__init(p);
	p->name = km_str(name, strlen(name));
	p->n_dims = t->rank;
	p->dims = (int64_t *)km_str((const char *)t->dim, sizeof(t->dim));
	p->has_data_type = p->has_raw_data = 1;
	p->data_type = t->dtype;
	p->raw_data.len = t->size;
	p->raw_data.data = t->data;
	km.pinit[km.ninit++] = p;
}

/* a random constant */
static inline void km_weight(const char *name, int dtype, int rank, ...)
{
	struct tuff_tensor t = { .dtype = dtype, .rank = rank };
	va_list ap;

	va_start(ap, rank);
	for (int i = 0; i < rank; i++)
		t.dim[i] = va_arg(ap, int);
	va_end(ap);
	km_fill(&t);
	km_const(name, &t);
}

static inline void km_ints(const char *name, int n, ...)
{
	struct tuff_tensor t = { .dtype = I64, .rank = 1, .dim = { n }, .size = 8 * n };
	va_list ap;

	t.data = km_new(8 * n);
	va_start(ap, n);
	for (int i = 0; i < n; i++)
		((int64_t *)t.data)[i] = va_arg(ap, int);
	va_end(ap);
	km_const(name, &t);
}

static inline void km_floats(const char *name, int n, ...)
{
	struct tuff_tensor t = { .dtype = F32, .rank = n < 0 ? 0 : 1, .dim = { n }, .size = 4 * abs(n) };
	va_list ap;

	t.data = km_new(4 * abs(n));
	va_start(ap, n);
	for (int i = 0; i < abs(n); i++)
		((float *)t.data)[i] = va_arg(ap, double);
	va_end(ap);
	km_const(name, &t);
}

static inline char **km_names(const char *s, size_t *n)
{
	char **v = km_new(32 * sizeof(*v));

	for (*n = 0; *s; s += strspn(s, ",")) {
		size_t len = strcspn(s, ",");

		v[(*n)++] = km_str(s, len == 1 && *s == '-' ? 0 : len);
		s += len;
	}
	return v;
}

/* names separated by commas, "-" = absent */
static inline void km_node(const char *op, const char *in, const char *out)
{
	Onnx__NodeProto *n = km_new(sizeof(*n));

	onnx__node_proto__init(n);
	n->op_type = km_str(op, strlen(op));
	n->input = km_names(in, &n->n_input);
	n->output = km_names(out, &n->n_output);
	n->attribute = km_new(16 * sizeof(*n->attribute));
	km.pnode[km.nnode++] = n;
}

/* other outputs of the last node */
static inline void km_pnode_outputs(const char *out)
{
	km.pnode[km.nnode - 1]->output = km_names(out, &km.pnode[km.nnode - 1]->n_output);
}

static inline Onnx__AttributeProto *km_attr(const char *name, int type)
{
	Onnx__NodeProto *n = km.pnode[km.nnode - 1];
	Onnx__AttributeProto *a = km_new(sizeof(*a));

	onnx__attribute_proto__init(a);
	a->name = km_str(name, strlen(name));
	a->has_type = 1;
	a->type = type;
	n->attribute[n->n_attribute++] = a;
	return a;
}

static inline void km_attr_i(const char *name, int64_t v)
{
	Onnx__AttributeProto *a = km_attr(name, 2);

	a->has_i = 1;
	a->i = v;
}

static inline void km_attr_f(const char *name, float v)
{
	Onnx__AttributeProto *a = km_attr(name, 1);

	a->has_f = 1;
	a->f = v;
}

static inline void km_attr_s(const char *name, const char *v)
{
	Onnx__AttributeProto *a = km_attr(name, 3);

	a->has_s = 1;
	a->s.len = strlen(v);
	a->s.data = (uint8_t *)km_str(v, strlen(v));
}

static inline void km_attr_ints(const char *name, int n, ...)
{
	Onnx__AttributeProto *a = km_attr(name, 7);
	va_list ap;

	a->n_ints = n;
	a->ints = km_new(8 * n);
	va_start(ap, n);
	for (int i = 0; i < n; i++)
		a->ints[i] = va_arg(ap, int);
	va_end(ap);
}

/* the same string n times */
static inline void km_attr_strs(const char *name, int n, const char *v)
{
	Onnx__AttributeProto *a = km_attr(name, 8);

	a->n_strings = n;
	a->strings = km_new(n * sizeof(*a->strings));
	for (int i = 0; i < n; i++) {
		a->strings[i].len = strlen(v);
		a->strings[i].data = (uint8_t *)km_str(v, strlen(v));
	}
}

/*
 * A graph for an attribute: what is made between begin and end is its own; its
 * inputs by km_formal(), its outputs by km_output().
 */
struct km_graph {
	uint32_t nnode, nformal, nout, ninit;
};

static inline struct km_graph km_graph_begin(void)
{
	struct km_graph g = { km.nnode, km.nformal, km.nout, km.ninit };

	return g;
}

static inline void km_formal(const char *name, int dtype)
{
	km.formal[km.nformal++] = km_value(name, dtype, -1, NULL);
}

static inline void *km_list(void *from, uint32_t n)
{
	return memcpy(km_new((n + 1) * sizeof(void *)), from, n * sizeof(void *));
}

static inline Onnx__GraphProto *km_graph_end(struct km_graph b)
{
	Onnx__GraphProto *g = km_new(sizeof(*g));

	onnx__graph_proto__init(g);
	g->name = (char *)"region";
	g->n_node = km.nnode - b.nnode;
	g->node = km_list(km.pnode + b.nnode, g->n_node);
	g->n_input = km.nformal - b.nformal;
	g->input = km_list(km.formal + b.nformal, g->n_input);
	g->n_output = km.nout - b.nout;
	g->output = km_list(km.pout + b.nout, g->n_output);
	g->n_initializer = km.ninit - b.ninit;
	g->initializer = km_list(km.pinit + b.ninit, g->n_initializer);
	km.nnode = b.nnode;
	km.nformal = b.nformal;
	km.nout = b.nout;
	km.ninit = b.ninit;
	return g;
}

static inline void km_attr_g(const char *name, Onnx__GraphProto *g)
{
	km_attr(name, 5)->g = g;
}

static inline void km_output(const char *name, int dtype)
{
	km.pout[km.nout++] = km_value(name, dtype, -1, NULL);
}

/* [N,C,S..] of `rank` comes channels last out of this, and goes back in the like */
static inline void km_cl(const char *in, const char *out, int rank)
{
	Onnx__AttributeProto *a;

	km_node("MaxPool", in, out);
	a = km_attr("kernel_shape", 7);
	a->n_ints = rank - 2;
	a->ints = km_new(8 * rank);
	for (int i = 0; i < rank - 2; i++)
		a->ints[i] = 1;
}

static inline double km_get(const struct tuff_tensor *t, size_t i)
{
	switch (t->dtype) {
	case F32: return ((float *)t->data)[i];
	case I32: return ((int32_t *)t->data)[i];
	case I64: return ((int64_t *)t->data)[i];
	case F16: {	/* enough for what km_fill makes */
		uint16_t h = ((uint16_t *)t->data)[i];
		int e = h >> 10 & 31;
		double d = e == 31 ? (h & 1023 ? NAN : INFINITY) : e ? ldexp(1 + (h & 1023) / 1024., e - 15) : ldexp(h & 1023, -24);

		return h & 0x8000 ? -d : d;
	}
	}
	return ((uint8_t *)t->data)[i];
}

static inline int km_differs(const struct tuff_tensor *a, const struct tuff_tensor *b)
{
	if (a->dtype != b->dtype || a->rank != b->rank || a->size != b->size || memcmp(a->dim, b->dim, 8 * a->rank)) {
		printf("  another shape: [");
		for (uint32_t i = 0; i < a->rank; i++)
			printf("%lld ", (long long)a->dim[i]);
		printf("] beside [");
		for (uint32_t i = 0; i < b->rank; i++)
			printf("%lld ", (long long)b->dim[i]);
		printf("]\n");
		return 1;
	}
	for (size_t i = 0; i < a->size / tuff_type_size(a->dtype); i++) {
		double x = km_get(a, i), y = km_get(b, i);

		if ((isnan(x) && isnan(y)) || x == y)
			continue;
		if (!(fabs(x - y) <= km.tol * (1 + fabs(y)))) {
			printf("  element %zu is %.9g, on the CPU %.9g\n", i, x, y);
			return 1;
		}
	}
	return 0;
}

static inline float *km_want(size_t n)
{
	km.nwant = n;
	return km.want = km_new(4 * n);
}

/* a session on the Vulkan device whose program is made for bindings of km.range */
static inline int km_small(const char *path, struct tuff_session **s, struct tuff_error *err)
{
	static const uint32_t targets[] = { TUFF_TARGET_SW_WIDE, TUFF_TARGET_SW_SMALL };
	struct tuffc_options opt = { .device = { .target = TUFF_TARGET_SW_SMALL, .subgroup_size = 4, .max_invocations = 128,
						 .max_groups = { 65535, 65535, 65535 }, .max_storage_range = km.range },
				     .eval.run = tuff_eval };
	char tuff[64], why[300] = "";
	struct tuffc_error e;
	struct tuff_program *p;
	int ret = tuffc_compile(path, &opt, &p, &e);

	if (ret) {
		snprintf(err->text, sizeof(err->text), "%s", e.text);
		return ret;
	}
	for (uint32_t i = 0; i < p->nbufs; i++)
		if (p->bufs[i].kind == TUFF_BUF_WEIGHT && p->exprs[p->bufs[i].size].op == TUFF_E_CONST &&
		    p->exprs[p->bufs[i].size].value <= km.range)
			km.parts++;
	snprintf(tuff, sizeof(tuff), "%s.tuff", path);
	ret = -ENODEV;
	for (int i = 0; i < 2 && ret; i++) {	/* whichever the device is */
		struct tuff_program copy = *p;

		copy.target = targets[i];
		ret = tuff_program_write(&copy, tuff, why, sizeof(why));
		ret = ret ? ret : tuff_session_create(tuff, "vulkan", s, err);
	}
	unlink(tuff);
	tuff_program_destroy(p);
	return ret;
}

/* the model as a file: 0, or -1 */
static inline int km_write(int fd)
{
	Onnx__ModelProto m = ONNX__MODEL_PROTO__INIT;
	Onnx__GraphProto g = ONNX__GRAPH_PROTO__INIT;
	Onnx__OperatorSetIdProto o = ONNX__OPERATOR_SET_ID_PROTO__INIT, *po = &o;
	uint8_t *bytes;
	size_t size;

	m.has_ir_version = 1;
	m.ir_version = 9;
	o.has_version = 1;
	o.version = km.opset;
	m.n_opset_import = 1;
	m.opset_import = &po;
	m.graph = &g;
	m.n_functions = km.function != NULL;
	m.functions = &km.function;
	g.name = (char *)"kernel";
	g.n_node = km.nnode;
	g.node = km.pnode;
	g.n_initializer = km.ninit;
	g.initializer = km.pinit;
	g.n_input = km.nin;
	g.input = km.pin;
	g.n_output = km.nout;
	g.output = km.pout;
	size = onnx__model_proto__get_packed_size(&m);
	bytes = km_new(size);
	onnx__model_proto__pack(&m, bytes);
	return fd < 0 || write(fd, bytes, size) != (ssize_t)size ? -1 : 0;
}

/* the model on both paths: 0 = the same; 77 = no device */
static inline int km_run(void)
{
	struct tuff_session *s[2] = { NULL, NULL };
	struct tuff_tensor out[2][KM_MAX];
	struct tuff_error err = { 0 };
	char path[] = "/tmp/tuff-kernel-XXXXXX";
	int fd = mkstemp(path), bad = 1;

	if (km_write(fd))
		goto out;
	for (int d = 0; d < 2; d++) {
		int ret = d && km.range ? km_small(path, &s[d], &err) : tuff_session_create(path, d ? "vulkan" : "cpu", &s[d], &err);

		if (d && ret == -ENODEV) {
			bad = 77;
			goto out;
		}
		ret = ret ? ret : tuff_run(s[d], km.data, km.nin, out[d], km.nout, &err);
		if (ret) {
			printf("  %s: %s\n", d ? "vulkan" : "cpu", err.text);
			goto out;
		}
	}
	bad = 0;
	for (uint32_t i = 0; i < tuff_session_steps(s[1]); i++) {
		struct tuff_step_info info;

		if (tuff_session_step(s[1], i, &info) || info.on_device || km.cpu_ok)
			continue;
		printf("  %s is on the CPU: %s\n", info.op, info.reason);
		bad = 1;
	}
	for (uint32_t i = 0; i < km.nout; i++)
		bad |= km_differs(&out[1][i], &out[0][i]);
	if (km.want && (out[0][0].size != 4 * km.nwant || memcmp(out[0][0].data, km.want, 4 * km.nwant))) {
		printf("  the CPU path gives something else\n");
		bad = 1;
	}
out:
	if (bad && getenv("TUFF_KEEP"))
		printf("  kept %s\n", path);
	else
		unlink(path);
	if (fd >= 0)
		close(fd);
	tuff_session_destroy(s[0]);
	tuff_session_destroy(s[1]);
	return bad;
}

#define KM_CHECK(...) do { int r_ = km_run(); if (r_ == 77) SKIP("no Vulkan device"); \
	if (r_) { printf("  " __VA_ARGS__); printf("\n"); failed_ = 1; return; } } while (0)

#endif
