/* SPDX-License-Identifier: MIT */
/*
 * ONNX models from a few lines of text, for tests:
 *
 *   opset 13
 *   input x float32[N,3]
 *   const w float32[3] 1 2 3		(fewer numbers: the last repeats)
 *   node MatMul x w -> y axis=1 perm=[0,1] mode=linear scale=0.5 domain=com.microsoft
 *   output y
 *
 * '_' is an absent input or output. model_text() gives the file's bytes.
 */
#ifndef TUFF_TESTS_MODEL_H
#define TUFF_TESTS_MODEL_H

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx.pb-c.h"
#include "tests/heap.h"

static int model_type(const char *s)
{
	static const char *const names[] = { "", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "float64" };

	for (int i = 1; i < 12; i++)
		if (!strcmp(s, names[i]))
			return i;
	return 0;
}

/* "float32[N,3]": type and dimensions; the text is cut up */
static int model_shape(char *s, char **dim)
{
	char *open = strchr(s, '['), *save;
	int n = 0;

	if (!open)
		return 0;
	*open = 0;
	for (char *d = strtok_r(open + 1, ",]", &save); d && n < 8; d = strtok_r(NULL, ",]", &save))
		dim[n++] = d;
	return n;
}

static void model_push(void ***list, size_t *n, void *item)
{
	void **longer = heap_new((*n + 1) * sizeof(*longer));

	if (*n)
		memcpy(longer, *list, *n * sizeof(*longer));
	*list = longer;
	longer[(*n)++] = item;
}

static Onnx__ValueInfoProto *model_io(char *name, char *type)
{
	Onnx__ValueInfoProto *v = heap_new(sizeof(*v));
	char *dim[8];
	int n = type ? model_shape(type, dim) : 0;

	onnx__value_info_proto__init(v);
	v->name = name;
	if (!type)
		return v;
	v->type = heap_new(sizeof(*v->type));
	onnx__type_proto__init(v->type);
	v->type->tensor_type = heap_new(sizeof(*v->type->tensor_type));
	onnx__type_proto__tensor__init(v->type->tensor_type);
	v->type->tensor_type->has_elem_type = 1;
	v->type->tensor_type->elem_type = model_type(type);
	v->type->tensor_type->shape = heap_new(sizeof(Onnx__TensorShapeProto));
	onnx__tensor_shape_proto__init(v->type->tensor_type->shape);
	for (int i = 0; i < n; i++) {
		Onnx__TensorShapeProto__Dimension *d = heap_new(sizeof(*d));

		onnx__tensor_shape_proto__dimension__init(d);
		if (isdigit((unsigned char)*dim[i])) {
			d->has_dim_value = 1;
			d->dim_value = atoll(dim[i]);
		} else {
			d->dim_param = dim[i];
		}
		model_push((void ***)&v->type->tensor_type->shape->dim, &v->type->tensor_type->shape->n_dim, d);
	}
	return v;
}

static Onnx__TensorProto *model_const(char *name, char *type, char *values)
{
	Onnx__TensorProto *t = heap_new(sizeof(*t));
	char *dim[8], *end = values;
	int n = model_shape(type, dim);
	size_t count = 1;
	double v = 0;

	onnx__tensor_proto__init(t);
	t->name = name;
	t->has_data_type = 1;
	t->data_type = model_type(type);
	t->dims = heap_new((n + 1) * sizeof(*t->dims));
	t->n_dims = n;
	for (int i = 0; i < n; i++)
		count *= t->dims[i] = atoll(dim[i]);
	t->float_data = heap_new((count + 1) * sizeof(float));
	t->int64_data = heap_new((count + 1) * sizeof(int64_t));
	t->int32_data = heap_new((count + 1) * sizeof(int32_t));
	for (size_t i = 0; i < count; i++) {
		double next = strtod(values, &end);

		if (end != values)
			v = next;
		values = end;
		t->float_data[i] = v;
		t->int64_data[i] = v;
		t->int32_data[i] = v;
	}
	t->n_float_data = t->data_type == 1 ? count : 0;
	t->n_int64_data = t->data_type == 7 ? count : 0;
	t->n_int32_data = t->data_type != 1 && t->data_type != 7 ? count : 0;
	return t;
}

static Onnx__AttributeProto *model_attr(char *key, char *text)
{
	Onnx__AttributeProto *a = heap_new(sizeof(*a));
	bool number = isdigit((unsigned char)*text) || *text == '-', real = strpbrk(text, ".e") != NULL;
	char *save;

	onnx__attribute_proto__init(a);
	a->name = key;
	a->has_type = 1;
	if (*text == '[') {
		a->type = real ? 6 : 7;
		a->floats = heap_new(strlen(text) * sizeof(float));	/* as many at most */
		a->ints = heap_new(strlen(text) * sizeof(int64_t));
		for (char *d = strtok_r(text + 1, ",]", &save); d; d = strtok_r(NULL, ",]", &save)) {
			if (real)
				a->floats[a->n_floats++] = atof(d);
			else
				a->ints[a->n_ints++] = atoll(d);
		}
	} else if (number && real) {
		a->type = 1;
		a->has_f = 1;
		a->f = atof(text);
	} else if (number) {
		a->type = 2;
		a->has_i = 1;
		a->i = atoll(text);
	} else {
		a->type = 3;
		a->has_s = 1;
		a->s.data = (void *)text;
		a->s.len = strlen(text);
	}
	return a;
}

static Onnx__NodeProto *model_node(char *op, char *rest)
{
	Onnx__NodeProto *n = heap_new(sizeof(*n));
	bool out = false;
	char *save;

	onnx__node_proto__init(n);
	n->op_type = op;
	for (char *w = strtok_r(rest, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
		char *eq = strchr(w, '=');

		if (!strcmp(w, "->")) {
			out = true;
		} else if (eq) {
			*eq = 0;
			if (!strcmp(w, "domain"))
				n->domain = eq + 1;
			else
				model_push((void ***)&n->attribute, &n->n_attribute, model_attr(w, eq + 1));
		} else if (out) {
			model_push((void ***)&n->output, &n->n_output, strcmp(w, "_") ? w : "");
		} else {
			model_push((void ***)&n->input, &n->n_input, strcmp(w, "_") ? w : "");
		}
	}
	return n;
}

/* Bytes of the model that the text describes (the text is cut up); NULL = the line at fault is printed. What it
 * builds lives as long as the test. */
static unsigned char *model_text(char *text, size_t *size)
{
	Onnx__ModelProto m = ONNX__MODEL_PROTO__INIT;
	Onnx__GraphProto g = ONNX__GRAPH_PROTO__INIT;
	static Onnx__OperatorSetIdProto set[2];
	static Onnx__OperatorSetIdProto *sets[2] = { &set[0], &set[1] };
	unsigned char *bytes;
	char *save;

	onnx__operator_set_id_proto__init(&set[0]);
	onnx__operator_set_id_proto__init(&set[1]);
	set[0].has_version = set[1].has_version = 1;
	set[0].version = 17;
	set[1].version = 1;
	set[1].domain = "com.microsoft";
	m.has_ir_version = 1;
	m.ir_version = 8;
	m.graph = &g;
	m.n_opset_import = 2;
	m.opset_import = sets;
	g.name = "test";
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *in, *word = strtok_r(line, " \t", &in), *name = strtok_r(NULL, " \t", &in), *type = NULL;

		if (!word || *word == '#')
			continue;
		if (!strcmp(word, "input") || !strcmp(word, "const"))
			type = strtok_r(NULL, " \t", &in);
		if (!strcmp(word, "opset") && name)
			set[0].version = atoi(name);
		else if (!strcmp(word, "input") && name)
			model_push((void ***)&g.input, &g.n_input, model_io(name, type));
		else if (!strcmp(word, "output") && name)
			model_push((void ***)&g.output, &g.n_output, model_io(name, NULL));
		else if (!strcmp(word, "const") && name)
			model_push((void ***)&g.initializer, &g.n_initializer, model_const(name, type, in));
		else if (!strcmp(word, "node") && name)
			model_push((void ***)&g.node, &g.n_node, model_node(name, in));
		else
			return printf("  not understood: %s\n", word), NULL;
	}
	*size = onnx__model_proto__get_packed_size(&m);
	bytes = malloc(*size + 1);
	onnx__model_proto__pack(&m, bytes);
	heap_free();
	return bytes;
}

#endif
