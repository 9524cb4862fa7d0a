// SPDX-License-Identifier: MIT
/*
 * ONNX import: skeleton (scan.c) to graph. Names have scopes; calls of the
 * model's functions are inlined; graphs in attributes wait for region.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/import.h"
#include "compiler/scan.h"

static uint64_t hash(const char *s)
{
	uint64_t h = 14695981039346656037ull;

	while (*s)
		h = (h ^ (uint8_t)*s++) * 1099511628211ull;
	return h;
}

struct scope *scope_new(struct import *im, struct scope *outer, struct ir_module *m, size_t names)
{
	struct scope *sc = calloc(1, sizeof(*sc));

	if (!sc)
		return NULL;
	for (sc->cap = 64; sc->cap < 2 * names; )
		sc->cap *= 2;
	sc->map = calloc(sc->cap, sizeof(*sc->map));
	if (!sc->map) {
		free(sc);
		return NULL;
	}
	sc->im = im;
	sc->outer = outer;
	sc->m = m;
	sc->depth = outer ? outer->depth + 1 : 0;
	sc->opset = outer ? outer->opset : m->opset;
	if (outer) {
		sc->call = outer->call;
		sc->fn = outer->fn;
		sc->caller = outer->caller;
	}
	sc->all = im->scopes;
	im->scopes = sc;
	return sc;
}

static size_t slot_of(const struct scope *sc, const char *name)
{
	size_t i = hash(name) & (sc->cap - 1);

	while (sc->map[i].name && strcmp(sc->map[i].name, name))
		i = (i + 1) & (sc->cap - 1);
	return i;
}

int scope_set(struct scope *sc, const char *name, struct ir_value *v)
{
	size_t i = slot_of(sc, name);

	if (sc->map[i].known)
		return -EEXIST;
	if (2 * (sc->used + 1) > sc->cap) {	/* names that functions and captures add */
		struct scope big = { .cap = 2 * sc->cap, .map = calloc(2 * sc->cap, sizeof(*sc->map)) };

		if (!big.map)
			return -ENOMEM;
		for (size_t k = 0; k < sc->cap; k++)
			if (sc->map[k].name)
				big.map[slot_of(&big, sc->map[k].name)] = sc->map[k];
		free(sc->map);
		sc->map = big.map;
		sc->cap = big.cap;
		i = slot_of(sc, name);
	}
	sc->map[i].name = name;
	sc->map[i].v = v;
	sc->map[i].known = true;
	sc->used++;
	return 0;
}

/* a name that is there stands for v from now on */
static void scope_replace(struct scope *sc, const char *name, struct ir_value *v)
{
	sc->map[slot_of(sc, name)].v = v;
}

int scope_find(struct scope *sc, const char *name, bool *known, struct ir_value **v)
{
	size_t i = slot_of(sc, name);
	int ret;

	*v = NULL;
	*known = sc->map[i].known;
	if (*known) {
		*v = sc->map[i].v ? ir_resolve(sc->map[i].v) : NULL;
		return 0;
	}
	if (!sc->outer)
		return 0;
	ret = scope_find(sc->outer, name, known, v);
	if (ret || !*known || !sc->region)
		return ret;
	ret = *v ? region_capture(sc, *v, v) : 0;
	return ret ? ret : scope_set(sc, name, *v);
}

static const char *bytes_str(struct ir_module *m, ProtobufCBinaryData b)
{
	char *s = ir_alloc(m, b.len + 1);

	if (s && b.len)
		memcpy(s, b.data, b.len);
	return s ? s : "";
}

/* what a function's body refers to: of the call, else the function's default */
static const Onnx__AttributeProto *given(const struct scope *sc, const char *name)
{
	for (size_t i = 0; sc->call && i < sc->call->n_attribute; i++) {
		const Onnx__AttributeProto *a = sc->call->attribute[i];

		if (a->name && !strcmp(a->name, name))
			return a->ref_attr_name && *a->ref_attr_name ? sc->caller ? given(sc->caller, a->ref_attr_name) : NULL : a;
	}
	for (size_t i = 0; sc->fn && i < sc->fn->n_attribute_proto; i++)
		if (sc->fn->attribute_proto[i]->name && !strcmp(sc->fn->attribute_proto[i]->name, name))
			return sc->fn->attribute_proto[i];
	return NULL;
}

static int attribute(struct scope *sc, struct ir_node *n, const Onnx__AttributeProto *a, const char *name, struct ir_attr *out)
{
	struct ir_module *m = sc->m;
	int type = a->type;

	if (!name)
		return ir_error(m, -EINVAL, n, NULL, "an attribute has no name");
	if (!a->has_type)	/* IR version 1 leaves it out */
		type = a->has_f ? TUFF_A_FLOAT : a->has_i ? TUFF_A_INT : a->has_s ? TUFF_A_STRING :
		       a->t ? TUFF_A_TENSOR : a->g ? IR_A_GRAPH : a->n_floats ? TUFF_A_FLOATS : a->n_strings ? TUFF_A_STRINGS : TUFF_A_INTS;
	out->name = ir_strdup(m, name);
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
		return import_small_tensor(sc->im, m, a->t, &out->weight);
	case IR_A_GRAPH:
		if (!a->g)
			break;
		out->graph = a->g;
		return 0;
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
	return ir_error(m, -EOPNOTSUPP, n, NULL, "attribute '%.60s' of type %d is not supported", name, type);
}

static int find_op(const char *name)
{
	for (uint32_t i = 0; i < TUFF_OP_COUNT; i++)
		if (!strcmp(tuff_op_name(i), name))
			return strncmp(name, "tuff.", 5) ? (int)i : -1;
	return -1;
}

static const Onnx__FunctionProto *find_function(const struct import *im, const Onnx__NodeProto *p, const char *domain)
{
	for (size_t i = 0; i < im->model->n_functions; i++) {
		const Onnx__FunctionProto *f = im->model->functions[i];
		const char *d = f->domain && strcmp(f->domain, "ai.onnx") ? f->domain : "";

		if (f->name && p->op_type && !strcmp(f->name, p->op_type) && !strcmp(d, domain) &&
		    !strcmp(f->overload ? f->overload : "", p->overload ? p->overload : ""))
			return f;
	}
	return NULL;
}

/* a call: the function's nodes with the call's values and attributes */
static int call(struct scope *sc, const Onnx__NodeProto *p, const Onnx__FunctionProto *f, struct ir_node *at)
{
	struct ir_module *m = sc->m;
	size_t names = 16 + f->n_input + f->n_output;
	struct scope *in;
	int ret = 0;

	if (sc->depth >= IMPORT_MAX_DEPTH)
		return ir_error(m, -E2BIG, NULL, NULL, "function '%.100s': graphs and functions nested deeper than %d", f->name, IMPORT_MAX_DEPTH);
	if (p->n_input > f->n_input || p->n_output > f->n_output)
		return ir_error(m, -EINVAL, NULL, NULL, "function '%.100s' takes %zu inputs and gives %zu outputs, a call has %zu and %zu",
				f->name, f->n_input, f->n_output, p->n_input, p->n_output);
	for (size_t i = 0; i < f->n_node; i++)
		names += f->node[i]->n_output;
	in = scope_new(sc->im, NULL, m, names);
	if (!in)
		return -ENOMEM;
	in->depth = sc->depth + 1;
	in->opset = sc->opset;
	in->call = p;
	in->fn = f;
	in->caller = sc;
	for (size_t i = 0; i < f->n_opset_import; i++)
		if (!f->opset_import[i]->domain || !*f->opset_import[i]->domain || !strcmp(f->opset_import[i]->domain, "ai.onnx"))
			in->opset = f->opset_import[i]->version < 1 || f->opset_import[i]->version > 30 ? 0 : f->opset_import[i]->version;
	if (!in->opset)
		return ir_error(m, -EOPNOTSUPP, NULL, NULL, "function '%.100s' is of an operator set that is not known", f->name);
	for (size_t i = 0; i < f->n_input && !ret; i++) {
		struct ir_value *v = NULL;
		bool known = true;

		if (i < p->n_input && *p->input[i])
			ret = scope_find(sc, p->input[i], &known, &v);
		if (!ret && !known)
			return ir_error(m, -EINVAL, NULL, NULL, "a call of '%.100s': input '%.100s' is made by no node before it", f->name, p->input[i]);
		ret = ret ? ret : scope_set(in, f->input[i], v);
	}
	ret = ret == -EEXIST ? ir_error(m, -EINVAL, NULL, NULL, "function '%.100s' has two inputs of one name", f->name) : ret;
	ret = ret ? ret : import_nodes(in, f->node, f->n_node, at);
	for (size_t i = 0; i < p->n_output && !ret; i++) {
		struct ir_value *v;
		bool known;

		if (!*p->output[i])
			continue;
		ret = scope_find(in, f->output[i], &known, &v);
		if (!ret && (!known || !v))
			return ir_error(m, -EINVAL, NULL, NULL, "function '%.100s': output '%.100s' is made by no node", f->name, f->output[i]);
		ret = ret ? ret : scope_set(sc, p->output[i], v);
		if (ret == -EEXIST)
			return ir_error(m, -EINVAL, NULL, NULL, "a call of '%.100s': output '%.100s' has a producer already", f->name, p->output[i]);
	}
	return ret;
}

static int node(struct scope *sc, const Onnx__NodeProto *p, size_t index, struct ir_node *at)
{
	struct ir_module *m = sc->m;
	const char *type = p->op_type ? p->op_type : "";
	const char *domain = p->domain && strcmp(p->domain, "ai.onnx") ? p->domain : "";
	const Onnx__FunctionProto *f;
	struct ir_node *n;
	char name[64], full[128];
	int op, ret = 0;

	if (sc->im->nnodes++ == IMPORT_MAX_NODES)
		return ir_error(m, -E2BIG, NULL, NULL, "more than %u nodes", IMPORT_MAX_NODES);
	snprintf(full, sizeof(full), "%.60s%s%.60s", domain, *domain ? "." : "", type);
	op = find_op(full);
	f = op < 0 || *domain ? find_function(sc->im, p, domain) : NULL;
	if (f)
		return call(sc, p, f, at);
	snprintf(name, sizeof(name), "%.40s_%zu", type, index);
	n = ir_node_new(m, op < 0 ? 0 : op, p->name && *p->name ? p->name : name, p->n_input, p->n_output, at);
	n->onnx_op = ir_strdup(m, type);
	n->opset = sc->opset;
	n->scope = sc;
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
		bool known;

		if (!*p->input[i])
			continue;
		ret = scope_find(sc, p->input[i], &known, &n->in[i]);
		if (ret)
			return ret;
		if (!known)
			return ir_error(m, -EINVAL, n, NULL, "input %zu '%.100s' is made by no node before it, no initializer and no graph input",
					i, p->input[i]);
	}
	for (size_t i = 0; i < p->n_output; i++) {
		n->out[i] = NULL;
		if (!*p->output[i])
			continue;
		n->out[i] = ir_value_new(m, p->output[i]);
		n->out[i]->def = n;
		ret = scope_set(sc, p->output[i], n->out[i]);
		if (ret)
			return ret == -EEXIST ? ir_error(m, -EINVAL, n, NULL, "output '%.100s' has a producer already", p->output[i]) : ret;
	}
	n->attr = ir_alloc(m, (p->n_attribute + 1) * sizeof(*n->attr));
	if (!n->attr)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_attribute; i++) {
		const Onnx__AttributeProto *a = p->attribute[i];

		if (a->ref_attr_name && *a->ref_attr_name)
			a = given(sc, a->ref_attr_name);
		ret = a ? attribute(sc, n, a, p->attribute[i]->name, &n->attr[n->nattr]) : 0;
		if (ret)
			return ret;
		n->nattr += a != NULL;
	}
	return 0;
}

int import_nodes(struct scope *sc, Onnx__NodeProto *const *nodes, size_t n, struct ir_node *at)
{
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++)
		ret = node(sc, nodes[i], i, at);
	return ret;
}

static int graph_input(struct scope *sc, const Onnx__ValueInfoProto *vi)
{
	struct ir_module *m = sc->m;
	const Onnx__TypeProto__Tensor *t = vi->type ? vi->type->tensor_type : NULL;
	const struct tuffc_shape *fixed = NULL;
	struct ir_value *v;
	bool known;

	if (!vi->name || !t)
		return ir_error(m, -EOPNOTSUPP, NULL, NULL, "graph input '%.100s' is not a tensor", vi->name ? vi->name : "");
	if (scope_find(sc, vi->name, &known, &v) || known)	/* an initializer, constant unless opt->optional names it */
		return 0;
	v = ir_value_new(m, vi->name);
	if (scope_set(sc, vi->name, v))
		return -ENOMEM;
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
			if ((uint64_t)d->dim_value > IMPORT_MAX_BYTES)
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
static int optional_input(struct scope *sc, const char *name)
{
	struct ir_module *m = sc->m;
	struct ir_value *c, *v;
	bool known;

	if (scope_find(sc, name, &known, &c))
		return -ENOMEM;
	if (c && c->input >= 0 && m->in_default[c->input] != TUFF_NONE)
		return 0;	/* named twice */
	if (!c || c->weight == TUFF_NONE)
		return ir_error(m, -ENOENT, NULL, NULL, "there is no initializer '%.100s'", name);
	v = ir_value_new(m, name);
	if (m->oom)
		return -ENOMEM;
	v->dtype = c->dtype;
	v->rank = c->rank;
	memcpy(v->dim, c->dim, sizeof(v->dim));
	v->input = m->nin;
	m->in_default[m->nin] = c->weight;
	m->in[m->nin++] = v;
	scope_replace(sc, name, v);
	return 0;
}

static int shapes_are_used(struct ir_module *m, const Onnx__GraphProto *g)
{
	const struct tuffc_options *o = m->opt;

	for (uint32_t i = 0; i < o->nshapes; i++) {
		size_t k = 0;

		while (k < g->n_input && (!g->input[k]->name || strcmp(g->input[k]->name, o->shapes[i].input)))
			k++;
		if (k == g->n_input)
			return ir_error(m, -EINVAL, NULL, NULL, "a shape was given for '%.100s', which is no input", o->shapes[i].input);
	}
	return 0;
}

size_t import_names(const Onnx__GraphProto *g)
{
	size_t names = 16 + g->n_initializer + g->n_input + g->n_output;

	for (size_t i = 0; i < g->n_node; i++)
		names += g->node[i]->n_output;
	return names;
}

int import_initializers(struct scope *sc, const Onnx__GraphProto *g)
{
	struct ir_module *m = sc->m;

	if (g->n_sparse_initializer) {
		const Onnx__TensorProto *t = g->sparse_initializer[0]->values;

		return ir_error(m, -EOPNOTSUPP, NULL, NULL, "initializer '%.100s' is sparse, which is not supported", t && t->name ? t->name : "");
	}
	for (size_t i = 0; i < g->n_initializer; i++) {
		const Onnx__TensorProto *t = g->initializer[i];
		uint32_t w;
		int ret;

		if (!t->name || !*t->name)
			return ir_error(m, -EINVAL, NULL, NULL, "initializer %zu has no name", i);
		ret = import_tensor(sc->im, m, t, &w);
		if (!ret) {
			m->weights[w].flags |= TUFF_W_INITIALIZER;
			ret = scope_set(sc, t->name, ir_const(m, w));
		}
		if (ret)
			return ret == -EEXIST ? import_tensor_error(m, t, "two initializers have this name") : ret;
	}
	return 0;
}

static int graph(struct import *im, const Onnx__GraphProto *g)
{
	struct ir_module *m = im->root;
	struct scope *sc = scope_new(im, NULL, m, import_names(g));
	size_t nin = g->n_input + m->opt->noptional;
	int ret;

	m->in = ir_alloc(m, (nin + 1) * sizeof(*m->in));
	m->in_default = ir_alloc(m, (nin + 1) * sizeof(*m->in_default));
	m->out = ir_alloc(m, (g->n_output + 1) * sizeof(*m->out));
	m->outname = ir_alloc(m, (g->n_output + 1) * sizeof(*m->outname));
	if (!sc || !m->in || !m->in_default || !m->out || !m->outname)
		return -ENOMEM;
	memset(m->in_default, 0xff, (nin + 1) * sizeof(*m->in_default));
	ret = import_initializers(sc, g);
	for (size_t i = 0; i < g->n_input && !ret; i++)
		ret = graph_input(sc, g->input[i]);
	for (uint32_t i = 0; i < m->opt->noptional && !ret; i++)
		ret = optional_input(sc, m->opt->optional[i]);
	ret = ret ? ret : shapes_are_used(m, g);
	ret = ret ? ret : import_nodes(sc, g->node, g->n_node, NULL);
	for (size_t i = 0; i < g->n_output && !ret; i++) {
		struct ir_value *v = NULL;
		bool known = false;

		ret = g->output[i]->name ? scope_find(sc, g->output[i]->name, &known, &v) : 0;
		if (!ret && (!known || !v))
			return ir_error(m, -EINVAL, NULL, NULL, "graph output '%.100s' is made by no node",
					g->output[i]->name ? g->output[i]->name : "");
		m->outname[m->nout] = ir_strdup(m, g->output[i]->name);
		m->out[m->nout++] = v;
	}
	return ret || m->nout ? ret : ir_error(m, -EINVAL, NULL, NULL, "the graph has no outputs");
}

void import_close(struct import *im)
{
	if (!im)
		return;
	for (struct scope *sc = im->scopes, *next; sc; sc = next) {
		next = sc->all;
		free(sc->map);
		free(sc);
	}
	if (im->model)
		onnx__model_proto__free_unpacked(im->model, NULL);
	free(im->skeleton);
	free(im);
}

int import_onnx(struct ir_module *m, const void *bytes, size_t size, const char *path, const char *dir)
{
	struct import *im = calloc(1, sizeof(*im));
	Onnx__ModelProto *model;
	size_t skeleton_size;
	char what[256] = "";
	uint32_t first;
	int ret;

	if (!im)
		return -ENOMEM;
	*im = (struct import){ .root = m, .bytes = bytes, .size = size, .path = path, .dir = dir };
	m->import = im;		/* regions are imported when the types of their inputs are known */
	ret = path ? import_file(im, m, path, &first) : 0;
	if (ret)
		return ret;
	ret = onnx_scan(bytes, size, &im->skeleton, &skeleton_size, what, sizeof(what));
	if (ret)
		return ir_error(m, ret, NULL, NULL, "%s", what);
	im->model = model = onnx__model_proto__unpack(NULL, skeleton_size, im->skeleton);
	if (!model || !model->graph)
		return ir_error(m, -EINVAL, NULL, NULL, model ? "the model has no graph" : "not a valid ONNX file: a list is cut short, or a field is of another type than the format gives it");
	m->ir_version = model->ir_version;
	m->producer = ir_strdup(m, model->producer_name ? model->producer_name : "");
	m->opset = 1;	/* IR version 1 and 2 name no operator set */
	for (size_t i = 0; i < model->n_opset_import; i++) {
		const char *d = model->opset_import[i]->domain;

		if (!d || !*d || !strcmp(d, "ai.onnx"))
			m->opset = model->opset_import[i]->version;
	}
	if (m->opset < 1 || m->opset > 30)
		return ir_error(m, -EOPNOTSUPP, NULL, NULL, "operator set %u is not known", m->opset);
	ret = graph(im, model->graph);
	return m->oom ? -ENOMEM : ret;
}
