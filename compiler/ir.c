// SPDX-License-Identifier: MIT
/* Making and changing the graph. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "compiler/ir.h"

struct ir_arena {
	struct ir_arena *next;
	size_t used, size;
	max_align_t bytes[];
};

/* Given out when memory is gone, so that a pass can end in order. */
static _Thread_local max_align_t spare[4096];

void *ir_alloc(struct ir_module *m, size_t n)
{
	struct ir_arena *a = m->arena;
	void *p;

	if (n > SIZE_MAX / 2)
		goto oom;
	n = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	if (!a || a->size - a->used < n) {
		size_t size = n > 65536 ? n : 65536;

		a = calloc(1, sizeof(*a) + size);
		if (!a)
			goto oom;
		a->size = size;
		a->next = m->arena;
		m->arena = a;
	}
	p = (char *)a->bytes + a->used;
	a->used += n;
	return p;
oom:
	m->oom = true;
	return n <= sizeof(spare) ? memset(spare, 0, sizeof(spare)) : NULL;
}

char *ir_strdup(struct ir_module *m, const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = ir_alloc(m, n);

	return p ? memcpy(p, s, n) : "";
}

char *ir_printf(struct ir_module *m, const char *fmt, ...)
{
	char buf[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	return ir_strdup(m, buf);
}

struct ir_module *ir_module_create(const struct tuffc_options *opt, struct tuffc_error *err)
{
	struct ir_module *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->opt = opt;
	m->err = err;
	return m;
}

void ir_module_destroy(struct ir_module *m)
{
	struct ir_module *next_region;

	if (!m)
		return;
	if (!m->borrowed)
		import_close(m->import);
	for (struct ir_module *r = m->regions; r; r = next_region) {
		next_region = r->next_region;
		ir_module_destroy(r);
	}
	for (struct ir_arena *a = m->arena, *next; a; a = next) {
		next = a->next;
		free(a);
	}
	for (uint32_t i = 0; i < m->nfiles && !m->borrowed; i++)
		if (m->maps[i].map)
			munmap((void *)m->maps[i].map, m->maps[i].size);
	if (!m->borrowed) {
		free(m->maps);
		free(m->files);
	}
	free(m->exprs);
	free(m->expr_hash);
	free(m->syms);
	free(m->values);
	free(m->weights);
	free(m->wname);
	free(m->data);
	free(m);
}

struct ir_value *ir_value_new(struct ir_module *m, const char *name)
{
	struct ir_value *v = ir_alloc(m, sizeof(*v));

	if (!(m->nvalues & (m->nvalues - 1))) {
		void *p = realloc(m->values, (m->nvalues ? m->nvalues * 2 : 1) * sizeof(*m->values));

		if (!p) {
			m->oom = true;
			return v;
		}
		m->values = p;
	}
	v->id = m->nvalues;
	v->name = ir_strdup(m, name);
	v->rank = -1;
	v->weight = TUFF_NONE;
	v->input = -1;
	m->values[m->nvalues++] = v;
	return v;
}

struct ir_value *ir_value_like(struct ir_module *m, const struct ir_value *o, const char *name)
{
	struct ir_value *v = ir_value_new(m, name);

	v->dtype = o->dtype;
	v->storage = o->storage;
	v->layout = o->layout;
	v->rank = o->rank;
	memcpy(v->dim, o->dim, sizeof(v->dim));
	return v;
}

struct ir_node *ir_node_new(struct ir_module *m, uint32_t op, const char *name,
			    uint32_t nin, uint32_t nout, struct ir_node *at)
{
	struct ir_node *n = ir_alloc(m, sizeof(*n));

	n->op = op;
	n->name = ir_strdup(m, name);
	n->onnx_op = tuff_op_name(op);
	n->nin = nin;
	n->nout = nout;
	n->in = ir_alloc(m, (nin + 4) * sizeof(*n->in));	/* room for what fusion adds */
	n->out = ir_alloc(m, (nout + 1) * sizeof(*n->out));
	n->next = at;
	n->prev = at ? at->prev : m->last;
	*(n->prev ? &n->prev->next : &m->first) = n;
	*(at ? &at->prev : &m->last) = n;
	return n;
}

void ir_node_unlink(struct ir_module *m, struct ir_node *n)
{
	*(n->prev ? &n->prev->next : &m->first) = n->next;
	*(n->next ? &n->next->prev : &m->last) = n->prev;
}

void ir_node_remove(struct ir_module *m, struct ir_node *n)
{
	ir_node_unlink(m, n);
	for (uint32_t i = 0; i < n->nout; i++)
		if (n->out[i] && n->out[i]->def == n)
			n->out[i]->def = NULL;
}

void ir_count_uses(struct ir_module *m)
{
	uint32_t seq = 0;

	for (uint32_t i = 0; i < m->nvalues; i++) {
		m->values[i]->nuses = 0;
		m->values[i]->user = NULL;
	}
	for (struct ir_node *n = m->first; n; n = n->next) {
		n->seq = seq++;
		for (uint32_t i = 0; i < n->nin; i++) {
			if (!n->in[i])
				continue;
			n->in[i]->nuses++;
			n->in[i]->user = n;
		}
	}
	for (uint32_t i = 0; i < m->nout; i++)
		m->out[i]->nuses++;
	for (uint32_t i = 0; i < m->nsyms; i++)	/* measured: as an output is */
		if (m->syms[i].of)
			m->syms[i].of->nuses++;
}

struct ir_attr *ir_attr_find(const struct ir_node *n, const char *name)
{
	for (uint32_t i = 0; i < n->nattr; i++)
		if (!strcmp(n->attr[i].name, name))
			return &n->attr[i];
	return NULL;
}

int64_t ir_attr_int(const struct ir_node *n, const char *name, int64_t def)
{
	const struct ir_attr *a = ir_attr_find(n, name);

	return a && a->type == TUFF_A_INT ? a->i1 : def;
}

float ir_attr_float(const struct ir_node *n, const char *name, float def)
{
	const struct ir_attr *a = ir_attr_find(n, name);

	return a && a->type == TUFF_A_FLOAT ? a->f1 : def;
}

const int64_t *ir_attr_ints(const struct ir_node *n, const char *name, uint64_t *cnt)
{
	const struct ir_attr *a = ir_attr_find(n, name);

	*cnt = a && a->type == TUFF_A_INTS ? a->n : 0;
	return *cnt ? a->i : NULL;
}

const char *ir_attr_str(const struct ir_node *n, const char *name, const char *def)
{
	const struct ir_attr *a = ir_attr_find(n, name);

	return a && a->type == TUFF_A_STRING ? a->s[0] : def;
}

/* The attribute of that name, made if absent. */
static struct ir_attr *attr_slot(struct ir_module *m, struct ir_node *n, const char *name,
				 uint32_t type, uint64_t cnt)
{
	struct ir_attr *a = ir_attr_find(n, name);

	if (!a) {
		struct ir_attr *all = ir_alloc(m, (n->nattr + 1) * sizeof(*all));

		if (n->nattr)
			memcpy(all, n->attr, n->nattr * sizeof(*all));
		n->attr = all;
		a = &all[n->nattr++];
	}
	a->name = ir_strdup(m, name);
	a->type = type;
	a->n = cnt;
	return a;
}

int ir_attr_set_int(struct ir_module *m, struct ir_node *n, const char *name, int64_t v)
{
	attr_slot(m, n, name, TUFF_A_INT, 1)->i1 = v;
	return 0;
}

int ir_attr_set_float(struct ir_module *m, struct ir_node *n, const char *name, float v)
{
	attr_slot(m, n, name, TUFF_A_FLOAT, 1)->f1 = v;
	return 0;
}

int ir_attr_set_str(struct ir_module *m, struct ir_node *n, const char *name, const char *v)
{
	struct ir_attr *a = attr_slot(m, n, name, TUFF_A_STRING, 1);

	a->s = ir_alloc(m, sizeof(*a->s));
	a->s[0] = ir_strdup(m, v);
	return 0;
}

int ir_attr_set_ints(struct ir_module *m, struct ir_node *n, const char *name, const int64_t *v, uint64_t cnt)
{
	int64_t *copy = ir_alloc(m, (cnt + 1) * sizeof(*v));

	if (!copy)
		return -ENOMEM;
	memcpy(copy, v, cnt * sizeof(*v));
	attr_slot(m, n, name, TUFF_A_INTS, cnt)->i = copy;
	return 0;
}

int ir_attr_set_floats(struct ir_module *m, struct ir_node *n, const char *name, const float *v, uint64_t cnt)
{
	float *copy = ir_alloc(m, (cnt + 1) * sizeof(*v));

	if (!copy)
		return -ENOMEM;
	memcpy(copy, v, cnt * sizeof(*v));
	attr_slot(m, n, name, TUFF_A_FLOATS, cnt)->f = copy;
	return 0;
}

uint32_t ir_weight_new(struct ir_module *m, const char *name, uint32_t dtype,
		       uint32_t rank, const int64_t *dim, uint64_t size)
{
	struct tuff_weight *w;

	if (m->nweights == m->cap_weights) {
		uint32_t cap = m->cap_weights ? m->cap_weights * 2 : 64;
		void *a = realloc(m->weights, cap * sizeof(*m->weights));
		void *b;

		if (a)
			m->weights = a;
		b = a ? realloc(m->wname, cap * sizeof(*m->wname)) : NULL;
		if (b)
			m->wname = b;
		if (!a || !b) {
			m->oom = true;
			return TUFF_NONE;
		}
		m->cap_weights = cap;
	}
	w = &m->weights[m->nweights];
	memset(w, 0, sizeof(*w));
	w->dtype = w->storage = dtype;
	w->rank = rank;
	if (rank)
		memcpy(w->dim, dim, rank * sizeof(*dim));
	w->size = w->packed_size = size;
	w->scale = w->bias = TUFF_NONE;
	m->wname[m->nweights] = ir_strdup(m, name);
	return m->nweights++;
}

uint32_t ir_weight_data(struct ir_module *m, const char *name, uint32_t dtype,
			uint32_t rank, const int64_t *dim, const void *bytes, size_t size)
{
	size_t at = (m->data_size + 15) / 16 * 16;
	uint32_t w;

	if (size > m->data_cap - (at < m->data_cap ? at : m->data_cap)) {
		size_t cap = m->data_cap * 2 > at + size ? m->data_cap * 2 : at + size + 4096;
		uint8_t *p = realloc(m->data, cap);

		if (!p) {
			m->oom = true;
			return TUFF_NONE;
		}
		memset(p + m->data_size, 0, cap - m->data_size);
		m->data = p;
		m->data_cap = cap;
	}
	w = ir_weight_new(m, name, dtype, rank, dim, size);
	if (w == TUFF_NONE)
		return w;
	if (size)
		memcpy(m->data + at, bytes, size);
	m->data_size = at + size;
	m->weights[w].src = TUFF_W_DATA;
	m->weights[w].offset = at;
	return w;
}

const void *ir_weight_bytes(const struct ir_module *m, uint32_t i)
{
	const struct tuff_weight *w = &m->weights[i];

	if (w->src == TUFF_W_FILE)
		return m->maps[w->file].map + w->offset;
	return w->src == TUFF_W_DATA ? m->data + w->offset : NULL;
}

/* Content of a constant integer tensor, as expressions that all passes share. */
static void ival_of_weight(struct ir_module *m, struct ir_value *v)
{
	const struct tuff_weight *w = &m->weights[v->weight];
	const uint8_t *b = ir_weight_bytes(m, v->weight);
	uint64_t n = 1;

	if (w->dtype != TUFF_I64 && w->dtype != TUFF_I32 && w->dtype != TUFF_BOOL)
		return;
	for (uint32_t i = 0; i < w->rank; i++)
		n = n > IR_MAX_IVAL ? n : n * (uint64_t)w->dim[i];
	if (n > IR_MAX_IVAL)
		return;
	v->ival = ir_alloc(m, (n + 1) * sizeof(ir_expr));
	v->nival = n;
	for (uint64_t i = 0; i < n; i++) {
		size_t es = tuff_dtype_size(w->dtype);
		int64_t x = 0;
		int32_t x32;

		if (!b) {
			memcpy(&x, &w->fill, es);
		} else if (es == 4) {
			memcpy(&x32, b + 4 * i, 4);
			x = x32;
		} else {
			memcpy(&x, b + es * i, es);
		}
		if (!b && es == 4)
			x = (int32_t)w->fill;
		v->ival[i] = ex_const(m, x);
	}
}

void ir_make_const(struct ir_module *m, struct ir_value *v, uint32_t w)
{
	v->weight = w;
	v->dtype = m->weights[w].dtype;
	v->rank = m->weights[w].rank;
	for (int i = 0; i < v->rank; i++)
		v->dim[i] = ex_const(m, m->weights[w].dim[i]);
	ival_of_weight(m, v);
}

struct ir_value *ir_const(struct ir_module *m, uint32_t w)
{
	struct ir_value *v = ir_value_new(m, w == TUFF_NONE ? "" : m->wname[w]);

	if (w != TUFF_NONE)
		ir_make_const(m, v, w);
	return v;
}

void ir_shape_text(const struct ir_module *m, const struct ir_value *v, char *buf, size_t n)
{
	size_t at = snprintf(buf, n, "%s[", tuff_dtype_name(v->dtype));

	for (int i = 0; i < v->rank && at < n; i++) {
		char e[160];

		ex_text(m, v->dim[i], e, sizeof(e));
		at += snprintf(buf + at, n - at, "%s%s", i ? "," : "", e);
	}
	if (at < n)
		snprintf(buf + at, n - at, v->rank < 0 ? "?]" : "]");
}

int ir_error(struct ir_module *m, int code, const struct ir_node *n,
	     const struct ir_value *v, const char *fmt, ...)
{
	struct tuffc_error *e = m->err;
	char what[256];
	size_t at = 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(e->node, sizeof(e->node), "%s", n ? n->name : "");
	snprintf(e->op, sizeof(e->op), "%s", n ? n->onnx_op : "");
	snprintf(e->tensor, sizeof(e->tensor), "%s", v ? v->name : "");
	e->shape[0] = 0;
	if (v && v->rank >= 0)
		ir_shape_text(m, v, e->shape, sizeof(e->shape));
	if (n)
		at += snprintf(e->text, sizeof(e->text), "node '%.100s' (%.40s): ", e->node, e->op);
	if (v)
		at += snprintf(e->text + at, sizeof(e->text) - at, "tensor '%.100s'%s%.60s: ",
			       e->tensor, *e->shape ? " " : "", e->shape);
	snprintf(e->text + at, sizeof(e->text) - at, "%s", what);
	return code;
}
