// SPDX-License-Identifier: MIT
/*
 * Constants: known integer content becomes data, ConstantOfShape becomes a
 * fill that nobody materialises, views of weights become weights, and what has
 * constant inputs only is computed by the evaluator that libtuff hands in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/shape.h"

static bool const_dims(struct ir_module *m, const struct ir_value *v, int64_t *dim, uint64_t *n)
{
	*n = 1;
	for (int i = 0; i < v->rank; i++) {
		if (!ex_value(m, v->dim[i], &dim[i]) || dim[i] < 0 || dim[i] > 1ll << 40 ||
		    __builtin_mul_overflow(*n, (uint64_t)dim[i], n) || *n > 1ull << 40)
			return false;
	}
	return true;
}

static uint32_t from_ival(struct ir_module *m, const struct ir_value *v, uint32_t rank, const int64_t *dim)
{
	uint8_t bytes[8 * IR_MAX_IVAL];
	size_t es = tuff_dtype_size(v->dtype);

	for (uint32_t i = 0; i < v->nival; i++) {
		int64_t x;

		if (!ex_value(m, v->ival[i], &x))
			return TUFF_NONE;
		memcpy(bytes + i * es, &x, es);
	}
	return ir_weight_data(m, v->name, v->dtype, rank, dim, bytes, v->nival * es);
}

static uint32_t from_fill(struct ir_module *m, const struct ir_node *n, const int64_t *dim, uint64_t count)
{
	struct ir_attr *a = ir_attr_find(n, "value");
	const struct ir_value *v = n->out[0];
	size_t es = tuff_dtype_size(v->dtype);
	uint64_t bits = 0;
	uint32_t w;

	if (a && a->type == TUFF_A_TENSOR) {
		const void *b = ir_weight_bytes(m, a->weight);

		if (m->weights[a->weight].size != es || es > sizeof(bits))
			return TUFF_NONE;
		if (b)
			memcpy(&bits, b, es);
		else
			bits = m->weights[a->weight].fill;
	}
	w = ir_weight_new(m, v->name, v->dtype, v->rank, dim, count * es);
	if (w != TUFF_NONE) {
		m->weights[w].src = TUFF_W_FILL;
		m->weights[w].fill = bits;
	}
	return w;
}

static uint32_t view_of(struct ir_module *m, const struct ir_node *n, const int64_t *dim)
{
	struct tuff_weight src = m->weights[n->in[0]->weight];
	uint32_t w = ir_weight_new(m, n->out[0]->name, src.dtype, n->out[0]->rank, dim, src.size);

	if (w != TUFF_NONE) {
		m->weights[w].src = src.src;
		m->weights[w].file = src.file;
		m->weights[w].offset = src.offset;
		m->weights[w].fill = src.fill;
	}
	return w;
}

/* Folding must not make a model much larger, nor compiling it long. */
#define FOLD_ALWAYS (64u << 10)
#define FOLD_MAX (64u << 20)
#define FOLD_WORK (1ull << 28)

/* A node's attributes as a program holds them. */
struct attrs {
	struct tuff_program p;
	struct tuff_step s;
	struct tuff_attr *attr;
	char *strings;
	uint8_t *data;
	uint32_t *args;
};

static void attrs_free(struct attrs *a)
{
	free(a->attr);
	free(a->strings);
	free(a->data);
	free(a->args);
}

static uint32_t intern(struct attrs *a, size_t *at, const char *s)
{
	size_t n = strlen(s) + 1, from = *at;

	memcpy(a->strings + from, s, n);
	*at += n;
	return from;
}

static int attrs_make(struct attrs *a, const struct ir_node *n)
{
	size_t text = 1, data = 0, at = 1;

	memset(a, 0, sizeof(*a));
	for (uint32_t i = 0; i < n->nattr; i++) {
		text += strlen(n->attr[i].name) + 1;
		data += 8 * n->attr[i].n + 8;
		for (uint64_t k = 0; (n->attr[i].type == TUFF_A_STRING || n->attr[i].type == TUFF_A_STRINGS) && k < n->attr[i].n; k++)
			text += strlen(n->attr[i].s[k]) + 1;
	}
	a->attr = calloc(n->nattr + 1, sizeof(*a->attr));
	a->strings = calloc(1, text);
	a->data = calloc(1, data + 8);
	a->args = malloc((n->nin + n->nout + 1) * sizeof(*a->args));
	if (!a->attr || !a->strings || !a->data || !a->args) {
		attrs_free(a);
		return -ENOMEM;
	}
	memset(a->args, 0xff, (n->nin + n->nout + 1) * sizeof(*a->args));
	data = 0;
	for (uint32_t i = 0; i < n->nattr; i++) {
		const struct ir_attr *x = &n->attr[i];
		struct tuff_attr *t = &a->attr[i];

		*t = (struct tuff_attr){ .name = intern(a, &at, x->name), .type = x->type, .count = x->n, .data = data };
		switch (x->type) {
		case TUFF_A_FLOAT: memcpy(a->data + data, &x->f1, 4); break;
		case TUFF_A_INT: memcpy(a->data + data, &x->i1, 8); break;
		case TUFF_A_FLOATS: memcpy(a->data + data, x->f, 4 * x->n); break;
		case TUFF_A_INTS: memcpy(a->data + data, x->i, 8 * x->n); break;
		case TUFF_A_TENSOR: memcpy(a->data + data, &x->weight, 4); break;
		default:
			for (uint64_t k = 0; k < x->n; k++) {
				uint32_t off = intern(a, &at, x->s[k]);

				memcpy(a->data + data + 4 * k, &off, 4);
			}
		}
		data += (8 * x->n + 7) / 8 * 8;
	}
	a->p.attrs = a->attr;
	a->p.nattrs = n->nattr;
	a->p.attr_data = a->data;
	a->p.attr_data_size = data;
	a->p.strings = a->strings;
	a->p.strings_size = at;
	a->p.args = a->args;
	a->p.nargs = n->nin + n->nout;
	a->s = (struct tuff_step){ .kind = TUFF_STEP_CPU, .op = n->op, .nin = n->nin, .nout = n->nout, .nattr = n->nattr };
	return 0;
}

/* every input constant, every output of known and reasonable size? */
static bool foldable(struct ir_module *m, const struct ir_node *n)
{
	uint64_t in = 0, out = 0, work = 1, count;
	int64_t dim[TUFF_MAX_RANK];

	for (uint32_t i = 0; i < n->nin; i++) {
		const struct ir_value *v = n->in[i];

		if (v && (v->weight == TUFF_NONE || v->input >= 0 || m->weights[v->weight].scale != TUFF_NONE))
			return false;
		if (v)
			in += m->weights[v->weight].size;
	}
	for (uint32_t i = 0; i < n->nout; i++) {
		const struct ir_value *v = n->out[i];

		if (!v)
			continue;
		if (!tuff_dtype_size(v->dtype) || !const_dims(m, v, dim, &count) || count > FOLD_MAX)
			return false;
		out += count * tuff_dtype_size(v->dtype);
	}
	switch (n->op) {
	case TUFF_OP_MATMUL: case TUFF_OP_GEMM: case TUFF_OP_CONV: case TUFF_OP_CONV_TRANSPOSE: case TUFF_OP_EINSUM:
	case TUFF_OP_LSTM: case TUFF_OP_GRU: case TUFF_OP_RNN:
		work = in;
	}
	return n->nin && in <= 4ull * FOLD_MAX && out <= FOLD_MAX && (out <= FOLD_ALWAYS || out <= 4 * in) &&
	       work <= FOLD_WORK / (out + 1);
}

/* source bytes of a constant, a fill written out */
static int operand(struct ir_module *m, const struct ir_value *v, struct tuffc_tensor *t)
{
	const struct tuff_weight *w = &m->weights[v->weight];
	const void *b = ir_weight_bytes(m, v->weight);
	size_t es = tuff_dtype_size(w->dtype);

	t->dtype = w->dtype;
	t->rank = w->rank;
	memcpy(t->dim, w->dim, sizeof(t->dim));
	t->size = w->size;
	t->data = malloc(w->size + 8);	/* aligned, which bytes in a file need not be */
	if (!t->data)
		return -ENOMEM;
	if (b)
		memcpy(t->data, b, w->size);
	for (size_t i = 0; !b && i + es <= w->size; i += es)
		memcpy((char *)t->data + i, &w->fill, es);
	return 0;
}

static int evaluate(struct ir_module *m, struct ir_node *n)
{
	struct tuffc_tensor *t = calloc(n->nin + n->nout + 1, sizeof(*t)), *out = t + n->nin;
	struct attrs a;
	int ret = t ? attrs_make(&a, n) : -ENOMEM;

	if (ret) {
		free(t);
		return ret;
	}
	for (uint32_t i = 0; i < n->nin && !ret; i++)
		ret = n->in[i] ? operand(m, n->in[i], &t[i]) : 0;
	for (uint32_t i = 0; i < n->nout && !ret; i++) {
		const struct ir_value *v = n->out[i];
		uint64_t count;

		if (!v)
			continue;
		const_dims(m, v, out[i].dim, &count);
		out[i].dtype = v->dtype;
		out[i].rank = v->rank;
		out[i].size = count * tuff_dtype_size(v->dtype);
		out[i].data = calloc(1, out[i].size + 8);
		ret = out[i].data ? 0 : -ENOMEM;
	}
	if (!ret)
		ret = m->opt->eval.run(m->opt->eval.priv, n->op, &a.p, &a.s, t, n->nin, out, n->nout);
	for (uint32_t i = 0; i < n->nout && !ret; i++) {
		uint32_t w;

		if (!n->out[i])
			continue;
		w = ir_weight_data(m, n->out[i]->name, out[i].dtype, out[i].rank, out[i].dim, out[i].data, out[i].size);
		if (w == TUFF_NONE)
			ret = -ENOMEM;
		else
			ir_make_const(m, n->out[i], w);
	}
	for (uint32_t i = 0; i < n->nin + n->nout; i++)
		free(t[i].data);
	free(t);
	attrs_free(&a);
	return ret;
}

static int fold_node(struct ir_module *m, struct ir_node *n, uint64_t most)
{
	struct ir_value *v = n->out[0];
	int64_t dim[TUFF_MAX_RANK];
	uint32_t w = TUFF_NONE;
	ir_expr *ival;
	uint64_t count;
	int ret;

	for (uint32_t i = 0; i < n->nout; i++)
		if (n->out[i] && (!const_dims(m, n->out[i], dim, &count) || count > most))
			return 0;
	if (n->nout == 1 && v && const_dims(m, v, dim, &count)) {
		if (v->ival)
			w = from_ival(m, v, v->rank, dim);
		else if (n->op == TUFF_OP_CONSTANT_OF_SHAPE)
			w = from_fill(m, n, dim, count);
		else if ((n->op == TUFF_OP_RESHAPE || n->op == TUFF_OP_SQUEEZE || n->op == TUFF_OP_UNSQUEEZE ||
			  n->op == TUFF_OP_FLATTEN) && n->in[0]->weight != TUFF_NONE)
			w = view_of(m, n, dim);
	}
	if (w != TUFF_NONE) {
		ival = v->ival;
		ir_node_remove(m, n);
		ir_make_const(m, v, w);
		if (ival)
			v->ival = ival;
		return 0;
	}
	if (!m->opt->eval.run || !foldable(m, n))
		return 0;
	ret = evaluate(m, n);
	if (!ret)	/* what cannot be evaluated says why when it runs */
		ir_node_remove(m, n);
	return ret == -ENOMEM ? ret : 0;
}

int fold_small(struct ir_module *m, struct ir_node *n)
{
	return fold_node(m, n, IR_MAX_IVAL);
}

int pass_fold(struct ir_module *m)
{
	for (struct ir_node *n = m->first, *next; n; n = next) {
		int ret;

		next = n->next;
		ret = fold_node(m, n, UINT64_MAX);
		if (ret)
			return ret;
	}
	return 0;
}
