// SPDX-License-Identifier: MIT
/*
 * Nodes that do nothing, nodes that do the same, nodes that nobody asks, and
 * inputs that shape inference has used up. One walk forward, one back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ir.h"

static bool same_shape(const struct ir_value *a, const struct ir_value *b)
{
	return a->rank == b->rank && !memcmp(a->dim, b->dim, a->rank * sizeof(*a->dim));
}

static bool all_ints(const struct ir_module *m, const struct ir_value *v, int64_t want)
{
	if (!v || !v->ival)
		return false;
	for (uint32_t i = 0; i < v->nival; i++)
		if (!ex_is(m, v->ival[i], want))
			return false;
	return true;
}

static bool is_view(uint32_t op)
{
	return op == TUFF_OP_RESHAPE || op == TUFF_OP_FLATTEN || op == TUFF_OP_SQUEEZE || op == TUFF_OP_UNSQUEEZE;
}

/* Does n give its first input back? */
static bool identity(const struct ir_module *m, const struct ir_node *n)
{
	const struct ir_value *x = n->nin ? n->in[0] : NULL, *o = n->out[0];

	if (!x || !o || x->dtype != o->dtype || !same_shape(x, o))
		return false;
	for (uint32_t i = 1; i < n->nout; i++)
		if (n->out[i])
			return false;
	switch (n->op) {
	case TUFF_OP_IDENTITY: case TUFF_OP_DROPOUT: case TUFF_OP_CAST:
	case TUFF_OP_RESHAPE: case TUFF_OP_FLATTEN: case TUFF_OP_SQUEEZE: case TUFF_OP_UNSQUEEZE:
	case TUFF_OP_EXPAND: case TUFF_OP_SPLIT:
		return true;
	case TUFF_OP_CONCAT:
		return n->nin == 1;
	case TUFF_OP_SLICE:
		return n->nin < 5 || !n->in[4] || all_ints(m, n->in[4], 1);
	case TUFF_OP_PAD:
		return all_ints(m, n->in[1], 0);
	case TUFF_OP_TILE:
		return all_ints(m, n->in[1], 1);
	case TUFF_OP_TRANSPOSE: {
		uint64_t cnt;
		const int64_t *p = ir_attr_ints(n, "perm", &cnt);

		for (uint64_t i = 0; i < cnt; i++)
			if (p[i] != (int64_t)i)
				return false;
		return cnt == (uint64_t)x->rank;
	}
	}
	return false;
}

/* A transpose of a transpose is one; one that moves only ones is a view. */
static int transpose(struct ir_module *m, struct ir_node *n)
{
	struct ir_node *t = n->in[0]->def;
	int64_t perm[TUFF_MAX_RANK], last = -1;
	uint64_t cnt, inner;
	const int64_t *p = ir_attr_ints(n, "perm", &cnt), *q;
	bool view = true;

	if (!p || cnt != (uint64_t)n->in[0]->rank || cnt > TUFF_MAX_RANK)
		return 0;
	if (t && t->op == TUFF_OP_TRANSPOSE && (q = ir_attr_ints(t, "perm", &inner)) && inner == cnt) {
		for (uint64_t i = 0; i < cnt; i++)
			perm[i] = q[p[i]];
		n->in[0] = t->in[0];
		if (ir_attr_set_ints(m, n, "perm", perm, cnt))
			return -ENOMEM;
		p = ir_attr_ints(n, "perm", &cnt);
	}
	for (uint64_t i = 0; i < cnt; i++) {
		if (ex_is(m, n->out[0]->dim[i], 1))
			continue;
		view &= p[i] > last;
		last = p[i];
	}
	if (view && !identity(m, n)) {
		n->op = TUFF_OP_RESHAPE;
		n->nattr = 0;
	}
	return 0;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

static uint64_t mix_bytes(uint64_t h, const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = mix(h, ((const uint8_t *)p)[i]);
	return h;
}

/* payload of an attribute: where and how many bytes */
static const void *payload(const struct ir_attr *a, size_t *n)
{
	switch (a->type) {
	case TUFF_A_INT:
		*n = 8;
		return &a->i1;
	case TUFF_A_FLOAT:
		*n = 4;
		return &a->f1;
	case TUFF_A_TENSOR:
		*n = 4;
		return &a->weight;
	case TUFF_A_INTS:
		*n = 8 * a->n;
		return a->i;
	case TUFF_A_FLOATS:
		*n = 4 * a->n;
		return a->f;
	}
	*n = 0;
	return "";
}

static uint64_t hash_node(const struct ir_node *n)
{
	uint64_t h = mix(n->op, n->nin);

	for (uint32_t i = 0; i < n->nin; i++)
		h = mix(h, n->in[i] ? n->in[i]->id : UINT64_MAX);
	for (uint32_t i = 0; i < n->nattr; i++) {
		size_t len;
		const void *p = payload(&n->attr[i], &len);

		h = mix_bytes(mix(h, n->attr[i].type), p, len);
	}
	/* views and fills differ by what they make */
	for (int i = 0; n->out[0] && i < n->out[0]->rank; i++)
		h = mix(h, n->out[0]->dim[i]);
	return h;
}

static bool same_attrs(const struct ir_node *a, const struct ir_node *b)
{
	if (a->nattr != b->nattr)
		return false;
	for (uint32_t i = 0; i < a->nattr; i++) {
		const struct ir_attr *x = &a->attr[i], *y = &b->attr[i];
		size_t nx, ny;
		const void *px = payload(x, &nx), *py = payload(y, &ny);

		if (x->type != y->type || x->n != y->n || strcmp(x->name, y->name) || nx != ny || memcmp(px, py, nx))
			return false;
		if (x->type == TUFF_A_STRING || x->type == TUFF_A_STRINGS)
			for (uint64_t k = 0; k < x->n; k++)
				if (strcmp(x->s[k], y->s[k]))
					return false;
	}
	return true;
}

/* could b stand for a? */
static bool same_node(const struct ir_node *a, const struct ir_node *b)
{
	if (a->nregion || a->op != b->op || a->nin != b->nin || a->nout != b->nout || memcmp(a->in, b->in, a->nin * sizeof(*a->in)))
		return false;
	for (uint32_t i = 0; i < a->nout; i++)
		if (a->out[i] && (!b->out[i] || a->out[i]->dtype != b->out[i]->dtype || !same_shape(a->out[i], b->out[i])))
			return false;
	return same_attrs(a, b);
}

/* Small tensors of equal content, constant or known by expression. */
static bool content(const struct ir_module *m, const struct ir_value *v, const void **p, size_t *n)
{
	if (v->ival) {
		*p = v->ival;
		*n = v->nival * sizeof(*v->ival);
		return true;
	}
	if (v->weight == TUFF_NONE || m->weights[v->weight].size > 64 || m->weights[v->weight].scale != TUFF_NONE)
		return false;
	*p = ir_weight_bytes(m, v->weight);
	*n = m->weights[v->weight].size;
	return *p;
}

static uint64_t hash_content(const struct ir_value *v, const void *p, size_t n)
{
	uint64_t h = mix_bytes(mix(v->dtype, v->rank), p, n);

	for (int i = 0; i < v->rank; i++)
		h = mix(h, v->dim[i]);
	return mix(h, 1);
}

struct table {
	struct { uint64_t h; void *p; } *slot;
	size_t mask;
};

static int table_init(struct table *t, size_t n)
{
	for (t->mask = 64; t->mask < 2 * n; )
		t->mask *= 2;
	t->slot = calloc(t->mask, sizeof(*t->slot));
	t->mask--;
	return t->slot ? 0 : -ENOMEM;
}

/* the first value with v's content: v itself if it is the first */
static struct ir_value *same_content(const struct ir_module *m, struct table *t, struct ir_value *v)
{
	const void *p, *q;
	size_t n, k, i;
	uint64_t h;

	if (!content(m, v, &p, &n))
		return v;
	h = hash_content(v, p, n);
	for (i = h & t->mask; t->slot[i].p; i = (i + 1) & t->mask) {
		struct ir_value *u = t->slot[i].p;

		if (t->slot[i].h == h && u->dtype == v->dtype && same_shape(u, v) && !u->ival == !v->ival &&
		    content(m, u, &q, &k) && k == n && !memcmp(p, q, n))
			return u;
	}
	t->slot[i].h = h;
	t->slot[i].p = v;
	return v;
}

static struct ir_node *same_work(struct table *t, struct ir_node *n)
{
	uint64_t h = hash_node(n);
	size_t i;

	for (i = h & t->mask; t->slot[i].p; i = (i + 1) & t->mask)
		if (t->slot[i].h == h && same_node(n, t->slot[i].p))
			return t->slot[i].p;
	t->slot[i].h = h;
	t->slot[i].p = n;
	return n;
}

void ir_remove_dead(struct ir_module *m)
{
	ir_count_uses(m);
	for (struct ir_node *n = m->last, *prev; n; n = prev) {
		uint32_t used = 0;

		prev = n->prev;
		for (uint32_t i = 0; i < n->nout; i++)
			used += n->out[i] ? n->out[i]->nuses : 0;
		if (used)
			continue;
		for (uint32_t i = 0; i < n->nin; i++)
			if (n->in[i])
				n->in[i]->nuses--;
		ir_node_remove(m, n);
	}
}

static int forward_node(struct ir_module *m, struct ir_node *n, struct table *nodes, struct table *values)
{
	struct ir_node *first;

	for (uint32_t i = 0; i < n->nin; i++) {
		if (!n->in[i])
			continue;
		n->in[i] = ir_resolve(n->in[i]);
		/* a constant beside one of the same bytes; a graph input is never merged */
		if (n->in[i]->weight != TUFF_NONE)
			n->in[i] = same_content(m, values, n->in[i]);
	}
	if (n->op == TUFF_OP_TRANSPOSE && transpose(m, n))
		return -ENOMEM;
	if (identity(m, n)) {
		n->out[0]->fwd = n->in[0];
		ir_node_remove(m, n);
		return 0;
	}
	if (is_view(n->op) && n->in[0]->def && is_view(n->in[0]->def->op))
		n->in[0] = n->in[0]->def->in[0];
	if (n->nout == 1 && n->out[0] && n->out[0]->ival) {
		struct ir_value *v = same_content(m, values, n->out[0]);

		if (v != n->out[0]) {
			n->out[0]->fwd = v;
			ir_node_remove(m, n);
			return 0;
		}
	}
	first = same_work(nodes, n);
	if (first != n) {
		for (uint32_t i = 0; i < n->nout; i++)
			if (n->out[i])
				n->out[i]->fwd = first->out[i];
		ir_node_remove(m, n);
	}
	return 0;
}

int pass_simplify(struct ir_module *m)
{
	struct table nodes = { 0 }, values = { 0 };
	size_t count = 0;
	int ret;

	for (struct ir_node *n = m->first; n; n = n->next, count++)
		/* the output's dimensions say it all */
		if (n->op == TUFF_OP_RESHAPE || n->op == TUFF_OP_EXPAND ||
		    n->op == TUFF_OP_SQUEEZE || n->op == TUFF_OP_UNSQUEEZE)
			n->nin = 1;
	ret = table_init(&nodes, count);
	ret = ret ? ret : table_init(&values, m->nvalues);
	for (struct ir_node *n = m->first, *next; n && !ret; n = next) {
		next = n->next;
		ret = forward_node(m, n, &nodes, &values);
	}
	for (uint32_t i = 0; i < m->nout; i++)
		m->out[i] = ir_resolve(m->out[i]);
	for (uint32_t i = 0; i < m->nsyms; i++)
		m->syms[i].of = m->syms[i].of ? ir_resolve(m->syms[i].of) : NULL;
	free(nodes.slot);
	free(values.slot);
	ir_remove_dead(m);
	return ret;
}
