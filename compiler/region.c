// SPDX-License-Identifier: MIT
/*
 * Modules inside modules: segments of a script, bodies of operators. A body is
 * imported when shape inference of the graph around it reaches the operator, so
 * that its inputs have types, known sizes stay known, and constants from outside
 * are constants inside.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/region.h"
#include "compiler/shape.h"

struct ir_module *ir_module_inside(struct ir_module *m)
{
	struct ir_module *r = ir_module_create(m->opt, m->err);

	if (!r) {
		m->oom = true;
		return NULL;
	}
	r->files = m->files;
	r->maps = m->maps;
	r->nfiles = m->nfiles;
	r->borrowed = true;
	r->import = m->import;
	r->opset = m->opset;
	r->ir_version = m->ir_version;
	r->producer = m->producer;
	r->next_region = m->regions;
	m->regions = r;
	return r;
}

int region_begin(struct ir_module *m, struct ir_node *n, const char *name, struct region **out)
{
	const struct ir_attr *a = ir_attr_find(n, name);
	struct import *im = m->import;
	struct region *r = ir_alloc(m, sizeof(*r));
	int ret;

	if (m->oom)
		return -ENOMEM;
	if (!a || a->type != IR_A_GRAPH || !n->scope)
		return ir_error(m, -EINVAL, n, NULL, "attribute '%s' must be a graph", name);
	if (n->scope->depth >= IMPORT_MAX_DEPTH)
		return ir_error(m, -E2BIG, n, NULL, "graphs and functions nested deeper than %d", IMPORT_MAX_DEPTH);
	if (im->nregions++ == IMPORT_MAX_REGIONS)
		return ir_error(m, -E2BIG, n, NULL, "more than %d graphs in nodes", IMPORT_MAX_REGIONS);
	*r = (struct region){ .outer = m, .n = n, .g = a->graph, .m = ir_module_inside(m) };
	if (!r->m)
		return -ENOMEM;
	ir_alloc(r->m, 1);
	r->sc = scope_new(im, n->scope, r->m, import_names(r->g));
	if (!r->sc)
		return -ENOMEM;
	r->sc->region = r;
	ret = import_initializers(r->sc, r->g);
	*out = r;
	return ret;
}

static void *grown(struct ir_module *m, void *old, uint32_t n, uint32_t *cap, size_t es)
{
	void *p;

	if (n < *cap)
		return old;
	*cap = *cap ? 2 * *cap : 8;
	p = ir_alloc(m, *cap * es);
	if (p && n)
		memcpy(p, old, n * es);
	return p;
}

ir_expr region_inner(struct region *r, ir_expr outer)
{
	char text[160];
	int64_t v;

	if (ex_value(r->outer, outer, &v))
		return ex_const(r->m, v);
	for (uint32_t i = 0; i < r->nsize; i++)
		if (r->size[i].outer == outer)
			return r->size[i].inner;
	r->size = grown(r->outer, r->size, r->nsize, &r->cap_size, sizeof(*r->size));
	if (!r->size)
		return ex_const(r->m, 0);
	ex_text(r->outer, outer, text, sizeof(text));
	r->size[r->nsize].outer = outer;
	r->size[r->nsize].inner = ex_new(r->m, text);
	return r->size[r->nsize++].inner;
}

static bool outer_size(struct region *r, ir_expr inner, int depth, ir_expr *outer)
{
	struct tuff_expr x = r->m->exprs[inner];
	ir_expr a, b, c = 0;

	if (x.op == TUFF_E_CONST) {
		*outer = ex_const(r->outer, x.value);
		return true;
	}
	for (uint32_t i = 0; x.op == TUFF_E_SYM && i < r->nsize; i++)
		if (r->size[i].inner == inner) {
			*outer = r->size[i].outer;
			return true;
		}
	if (x.op == TUFF_E_SYM || !depth || !outer_size(r, x.a, depth - 1, &a) || !outer_size(r, x.b, depth - 1, &b) ||
	    (x.op == TUFF_E_SELECT && !outer_size(r, x.c, depth - 1, &c)))
		return false;
	*outer = x.op == TUFF_E_SELECT ? ex_select(r->outer, a, b, c) : ex_op(r->outer, x.op, a, b);
	return true;
}

bool region_size(struct region *r, ir_expr inner, ir_expr *outer)
{
	return outer_size(r, inner, 6, outer);
}

static int append_input(struct ir_module *m, struct ir_value *v)
{
	uint32_t cap = m->nin;

	if (!(m->nin & (m->nin - 1))) {
		cap = m->nin ? m->nin : 0;
		m->in = grown(m, m->in, m->nin, &cap, sizeof(*m->in));
	}
	if (!m->in)
		return -ENOMEM;
	v->input = m->nin;
	m->in[m->nin++] = v;
	return 0;
}

static int typed_like(struct region *r, const struct ir_value *like, uint32_t vary, struct ir_value *v)
{
	v->dtype = like->dtype;
	v->rank = like->rank;
	v->seq = like->seq;
	v->erank = like->erank;
	for (int i = 0; i < like->rank; i++)
		v->dim[i] = vary >> i & 1 ? ex_new(r->m, v->name) : region_inner(r, like->dim[i]);
	return r->m->oom || r->outer->oom ? -ENOMEM : append_input(r->m, v);
}

/* the body names its inputs; a declared type is not needed, ours is at least as exact */
static const char *formal_name(struct region *r)
{
	uint32_t i = r->nformal++;

	return i < r->g->n_input && r->g->input[i]->name ? r->g->input[i]->name : NULL;
}

static int formal(struct region *r, struct ir_value **out)
{
	const char *name = formal_name(r);
	int ret;

	if (!name)
		return ir_error(r->outer, -EINVAL, r->n, NULL, "its graph has %zu inputs, %u are given", r->g->n_input, r->nformal);
	*out = ir_value_new(r->m, name);
	ret = scope_set(r->sc, name, *out);
	return ret == -EEXIST ? ir_error(r->outer, -EINVAL, r->n, NULL, "its graph has input '%.100s' twice", name) : ret;
}

int region_input(struct region *r, const struct ir_value *like, uint32_t vary, struct ir_value **out)
{
	int ret = formal(r, out);

	return ret ? ret : typed_like(r, like, vary, *out);
}

int region_scalar(struct region *r, uint32_t dtype, struct ir_value **out)
{
	const Onnx__ValueInfoProto *vi = r->nformal < r->g->n_input ? r->g->input[r->nformal] : NULL;
	int ret = formal(r, out);

	if (ret)
		return ret;
	(*out)->dtype = dtype;
	/* some exporters declare [1] and use it so */
	(*out)->rank = vi->type && vi->type->tensor_type && vi->type->tensor_type->shape && vi->type->tensor_type->shape->n_dim == 1;
	(*out)->dim[0] = ex_const(r->m, 1);
	return append_input(r->m, *out);
}

/* a constant of the outer graph is one inside, too */
static int constant(struct region *r, const struct ir_value *v, struct ir_value **out)
{
	const struct tuff_weight *w = &r->outer->weights[v->weight];
	const char *name = r->outer->wname[v->weight];
	uint32_t at;

	if (w->src == TUFF_W_DATA) {
		at = ir_weight_data(r->m, name, w->dtype, w->rank, w->dim, ir_weight_bytes(r->outer, v->weight), w->size);
	} else {
		struct tuff_weight copy = *w;

		at = ir_weight_new(r->m, name, w->dtype, w->rank, w->dim, w->size);
		if (at != TUFF_NONE)
			r->m->weights[at] = copy;
		if (r->m->nfiles < r->outer->nfiles)
			r->m->nfiles = r->outer->nfiles;
	}
	if (at == TUFF_NONE)
		return -ENOMEM;
	*out = ir_const(r->m, at);
	return 0;
}

int region_capture(struct scope *sc, struct ir_value *v, struct ir_value **out)
{
	struct region *r = sc->region;
	bool known = true;
	int64_t x;

	if (v->weight != TUFF_NONE && v->input < 0)
		return constant(r, v, out);
	if (v->rank < 0 || !v->dtype)	/* shape inference has not come to its node */
		return ir_error(r->outer, -EINVAL, r->n, v, "its graph uses a value that no node before it makes");
	r->capture = grown(r->outer, r->capture, r->ncapture, &r->cap_capture, sizeof(*r->capture));
	if (!r->capture)
		return -ENOMEM;
	r->capture[r->ncapture++] = v;
	*out = ir_value_new(r->m, v->name);
	for (uint32_t i = 0; i < v->nival && v->ival; i++)
		known &= ex_value(r->outer, v->ival[i], &x);
	if (v->ival && known) {
		(*out)->ival = ir_alloc(r->m, (v->nival + 1) * sizeof(ir_expr));
		(*out)->nival = v->nival;
		for (uint32_t i = 0; i < v->nival && (*out)->ival; i++) {
			ex_value(r->outer, v->ival[i], &x);
			(*out)->ival[i] = ex_const(r->m, x);
		}
	}
	return typed_like(r, v, 0, *out);
}

int region_end(struct region *r)
{
	struct ir_module *m = r->m;
	const Onnx__GraphProto *g = r->g;
	int ret;

	if (g->n_input != r->nformal)
		return ir_error(r->outer, -EINVAL, r->n, NULL, "its graph has %zu inputs, %u are given", g->n_input, r->nformal);
	ret = import_nodes(r->sc, g->node, g->n_node, NULL);
	m->out = ir_alloc(m, (g->n_output + 1) * sizeof(*m->out));
	m->outname = ir_alloc(m, (g->n_output + 1) * sizeof(*m->outname));
	if (!m->out || !m->outname)
		return -ENOMEM;
	for (size_t i = 0; i < g->n_output && !ret; i++) {
		struct ir_value *v = NULL;
		bool known = false;

		ret = g->output[i]->name ? scope_find(r->sc, g->output[i]->name, &known, &v) : 0;
		if (!ret && (!known || !v))
			return ir_error(r->outer, -EINVAL, r->n, NULL, "output %zu of its graph is made by no node", i);
		m->outname[m->nout] = g->output[i]->name ? ir_strdup(m, g->output[i]->name) : "";
		m->out[m->nout++] = v;
	}
	ret = ret ? ret : pass_canon(m);
	ret = ret ? ret : pass_shape(m);
	for (uint32_t i = 0; i < m->nout && !ret; i++) {
		struct ir_node *n;

		m->out[i] = ir_resolve(m->out[i]);
		if (!m->out[i]->seq || m->out[i]->input < 0)
			continue;
		/* a sequence that goes through: the interpreter's, even if nothing else is */
		n = ir_node_new(m, TUFF_OP_PASS, m->out[i]->name, 1, 1, NULL);
		n->in[0] = m->out[i];
		m->out[i] = n->out[0] = ir_value_new(m, n->in[0]->name);
		n->out[0]->def = n;
		ret = shape_node(m, n);
	}
	return ret ? ret : m->oom || r->outer->oom ? -ENOMEM : 0;
}

int region_attach(struct ir_module *m, struct ir_node *n, struct region *const *r, uint32_t nr)
{
	uint32_t nin = r[0]->n->nin, at = nin;
	struct ir_value **in;

	for (uint32_t i = 0; i < nr; i++)
		nin += r[i]->ncapture;
	in = ir_alloc(m, (nin + 4) * sizeof(*in));
	n->region = ir_alloc(m, (nr + 1) * sizeof(*n->region));
	if (!in || !n->region)
		return -ENOMEM;
	memcpy(in, n->in, at * sizeof(*in));
	for (uint32_t i = 0; i < nr; i++) {
		for (uint32_t k = 0; k < r[i]->ncapture; k++)
			in[at++] = r[i]->capture[k];
		n->region[i] = r[i]->m;
	}
	n->in = in;
	n->nin = nin;
	n->nregion = nr;
	/* the graphs are modules now */
	at = 0;
	for (uint32_t i = 0; i < n->nattr; i++)
		if (n->attr[i].type != IR_A_GRAPH)
			n->attr[at++] = n->attr[i];
	n->nattr = at;
	return 0;
}
