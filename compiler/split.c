// SPDX-License-Identifier: MIT
/*
 * Cuts a graph in which sizes depend on data into segments: graphs of which
 * every symbol is known when they start. What runs between them is the
 * interpreter's (tuff_op_regions). Segment 0 has what only the inputs decide;
 * what needs a result of segment k's or of an operator after it that sizes
 * itself, or a symbol measured from one, is in segment k + 1 or later.
 *
 * The result is another module, the script: RUN nodes with the segments and the
 * interpreter's nodes, in order. A graph without such nodes and symbols is left
 * as it is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ir.h"

/* one of the modules that are made, and what of the old one is in it */
struct part {
	struct ir_module *m;
	uint32_t level;		/* of a segment; the script itself needs no content */
	struct ir_value **value;	/* by value id of the old module */
	uint32_t *weight, *sym, *expr;	/* likewise, TUFF_NONE: not there */
};

#define OUTSIDE 2
#define NEVER (UINT32_MAX - 1)	/* nobody asks for it, so nobody measures it */

struct split {
	struct ir_module *m;
	uint32_t *avail;	/* by value id: first segment that may use it */
	uint32_t *made;		/* by value id: segment that makes it, TUFF_NONE: none */
	uint32_t *need;		/* by symbol: first segment where it is known */
	uint32_t *level;	/* by node seq: segment, or the one that it runs after */
	uint8_t *live;		/* by value id: somebody asks for it, OUTSIDE: beyond its segment */
	uint8_t *symlive;
	uint32_t *first, *next;	/* symbols measured from a value: by value id, then by symbol */
	uint32_t *stack;
	uint8_t *mark;		/* by expression */
	uint32_t *reach;	/* by expression: highest need[] of its symbols */
	uint32_t nlevels;
	struct part script;
};

static bool interpreted(const struct ir_node *n)
{
	return tuff_op_regions(n->op) >= 0;
}

static uint32_t later(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* a size is asked for, and so is what its symbols are measured from */
static void want_size(struct split *s, uint32_t e)
{
	struct ir_module *m = s->m;
	uint32_t n = 0;

	s->stack[n++] = e;
	while (n) {
		const struct tuff_expr *x = &m->exprs[e = s->stack[--n]];

		if (s->mark[e])
			continue;
		s->mark[e] = 1;
		if (x->op == TUFF_E_SYM) {
			s->symlive[x->a] = 1;
			if (m->syms[x->a].of)
				s->live[m->syms[x->a].of->id] = 1;
		} else if (x->op != TUFF_E_CONST) {
			s->stack[n++] = x->a;
			s->stack[n++] = x->b;
			if (x->op == TUFF_E_SELECT)
				s->stack[n++] = x->c;
		}
	}
}

static void want_sizes(struct split *s, const struct ir_value *v, bool content)
{
	for (int i = 0; i < v->rank; i++)
		want_size(s, v->dim[i]);
	for (uint32_t i = 0; content && v->ival && i < v->nival; i++)
		want_size(s, v->ival[i]);
}

/* what a lowering reads when the program is made must be known when it starts */
static bool reads_content(const struct ir_node *n, uint32_t i)
{
	return !interpreted(n) && (n->op == TUFF_OP_RANGE || ir_is_parameter(n, i));
}

/* from the outputs back: a size is measured from what is made before it is used */
static void liveness(struct split *s)
{
	struct ir_module *m = s->m;

	for (uint32_t i = 0; i < m->nin; i++)
		want_sizes(s, m->in[i], false);
	for (uint32_t i = 0; i < m->nout; i++) {
		want_sizes(s, m->out[i], false);
		s->live[m->out[i]->id] = 1;
	}
	for (struct ir_node *n = m->last, *prev; n; n = prev) {
		uint32_t used = 0;

		prev = n->prev;
		for (uint32_t i = 0; i < n->nout; i++)
			used |= n->out[i] && s->live[n->out[i]->id];
		if (!used) {
			ir_node_remove(m, n);
			continue;
		}
		for (uint32_t i = 0; i < n->nout; i++)
			if (n->out[i])
				want_sizes(s, n->out[i], false);
		for (uint32_t i = 0; i < n->nin; i++) {
			if (!n->in[i])
				continue;
			s->live[n->in[i]->id] = 1;
			want_sizes(s, n->in[i], reads_content(n, i));
		}
	}
}

/* where all symbols of an expression are known; asked when each of them is levelled */
static uint32_t reach_of(struct split *s, uint32_t e)
{
	uint32_t n = 0;

	s->stack[n++] = e;
	while (n) {
		const struct tuff_expr *x = &s->m->exprs[e = s->stack[n - 1]];
		uint32_t op[3] = { x->a, x->b, x->c }, nop = x->op <= TUFF_E_SYM ? 0 : x->op == TUFF_E_SELECT ? 3 : 2, r = 0, before = n;

		for (uint32_t i = 0; i < nop && s->reach[e] == TUFF_NONE; i++) {
			if (s->reach[op[i]] == TUFF_NONE)
				s->stack[n++] = op[i];
			else
				r = later(r, s->reach[op[i]]);
		}
		if (n > before)
			continue;
		if (s->reach[e] == TUFF_NONE)
			s->reach[e] = x->op == TUFF_E_SYM ? s->need[x->a] : r;
		n--;
	}
	return s->reach[s->stack[0]];
}

static uint32_t sizes_known(struct split *s, const struct ir_value *v, bool content)
{
	uint32_t at = 0;

	for (int i = 0; i < v->rank; i++)
		at = later(at, reach_of(s, v->dim[i]));
	for (uint32_t i = 0; content && v->ival && i < v->nival; i++)
		at = later(at, reach_of(s, v->ival[i]));
	return at;
}

/* A symbol is known when its value is there: before the segment after the one, or the operator, that makes it. */
static void levels(struct split *s)
{
	struct ir_module *m = s->m;

	for (uint32_t i = 0; i < m->nvalues; i++)
		s->made[i] = s->first[i] = TUFF_NONE;
	for (uint32_t i = 0; i < m->nexprs; i++)
		s->reach[i] = TUFF_NONE;
	for (uint32_t i = 0; i < m->nsyms; i++) {
		if (!m->syms[i].of)
			continue;
		s->need[i] = s->symlive[i] ? 0 : NEVER;
		s->next[i] = s->first[m->syms[i].of->id];
		s->first[m->syms[i].of->id] = i;
	}
	for (struct ir_node *n = m->first; n; n = n->next) {
		uint32_t at = 0;

		for (uint32_t i = 0; i < n->nin; i++)
			if (n->in[i])
				at = later(at, later(s->avail[n->in[i]->id], interpreted(n) ? 0 : sizes_known(s, n->in[i], reads_content(n, i))));
		for (uint32_t i = 0; i < n->nout && !interpreted(n); i++)
			if (n->out[i])
				at = later(at, sizes_known(s, n->out[i], false));
		s->level[n->seq] = at;
		s->nlevels = later(s->nlevels, at + 1);
		for (uint32_t i = 0; i < n->nout; i++) {
			if (!n->out[i])
				continue;
			s->avail[n->out[i]->id] = interpreted(n) ? at + 1 : at;
			s->made[n->out[i]->id] = interpreted(n) ? TUFF_NONE : at;
			for (uint32_t k = s->first[n->out[i]->id]; k != TUFF_NONE; k = s->next[k])
				s->need[k] = s->symlive[k] ? at + 1 : NEVER;
		}
	}
}

static int part_init(struct split *s, struct part *p, struct ir_module *owner)
{
	struct ir_module *m = s->m;

	p->m = ir_module_inside(owner);
	p->value = calloc(m->nvalues + 1, sizeof(*p->value));
	p->weight = malloc((m->nweights + 1) * sizeof(*p->weight));
	p->sym = malloc((m->nsyms + 1) * sizeof(*p->sym));
	p->expr = calloc(m->nexprs + 1, sizeof(*p->expr));
	if (!p->m || !p->value || !p->weight || !p->sym || !p->expr)
		return -ENOMEM;
	memset(p->weight, 0xff, (m->nweights + 1) * sizeof(*p->weight));
	memset(p->sym, 0xff, (m->nsyms + 1) * sizeof(*p->sym));
	return 0;
}

static void part_fini(struct part *p)
{
	free(p->value);
	free(p->weight);
	free(p->sym);
	free(p->expr);
	memset(p, 0, sizeof(*p));
}

static uint32_t weight_in(struct split *s, struct part *p, uint32_t i)
{
	struct tuff_weight w;
	uint32_t at;

	if (i == TUFF_NONE || p->weight[i] != TUFF_NONE)
		return i == TUFF_NONE ? i : p->weight[i];
	w = s->m->weights[i];
	if (w.src == TUFF_W_DATA)
		at = ir_weight_data(p->m, s->m->wname[i], w.dtype, w.rank, w.dim, ir_weight_bytes(s->m, i), w.size);
	else
		at = ir_weight_new(p->m, s->m->wname[i], w.dtype, w.rank, w.dim, w.size);
	if (at == TUFF_NONE)
		return at;
	p->weight[i] = at;
	w.offset = w.src == TUFF_W_DATA ? p->m->weights[at].offset : w.offset;
	w.scale = weight_in(s, p, w.scale);
	w.bias = weight_in(s, p, w.bias);
	p->m->weights[at] = w;
	return at;
}

/* the content of v, which may be measured from it later */
static bool content_known(struct split *s, const struct ir_value *v, uint32_t level)
{
	for (uint32_t i = 0; v->ival && i < v->nival; i++)
		if (level == TUFF_NONE || reach_of(s, v->ival[i]) > level)
			return false;
	return v->ival != NULL;
}

/* v as p knows it: a constant of its own, what a node there makes, else an input */
static struct ir_value *value_in(struct split *s, struct part *p, struct ir_value *v)
{
	struct ir_value *c = p->value[v->id];

	if (c)
		return c;
	c = p->value[v->id] = ir_value_new(p->m, v->name);
	c->dtype = v->dtype;
	c->seq = v->seq;
	c->narrow = v->narrow;
	c->erank = v->erank;
	c->rank = v->rank;
	for (int i = 0; i < v->rank; i++)
		c->dim[i] = p->expr[v->dim[i]];
	if (content_known(s, v, p->level)) {
		c->nival = v->nival;
		c->ival = ir_alloc(p->m, (v->nival + 1) * sizeof(*c->ival));
		for (uint32_t i = 0; i < v->nival && c->ival; i++)
			c->ival[i] = p->expr[v->ival[i]];
	}
	if (v->weight != TUFF_NONE && v->input < 0)
		c->weight = weight_in(s, p, v->weight);
	return c;
}

static int move_node(struct split *s, struct part *p, struct ir_node *n)
{
	struct ir_module *m = p->m;

	n->prev = m->last;
	n->next = NULL;
	*(m->last ? &m->last->next : &m->first) = n;
	m->last = n;
	for (uint32_t i = 0; i < n->nin; i++)
		n->in[i] = n->in[i] ? value_in(s, p, n->in[i]) : NULL;
	for (uint32_t i = 0; i < n->nout; i++) {
		if (!n->out[i])
			continue;
		n->out[i] = value_in(s, p, n->out[i]);
		n->out[i]->def = n;
	}
	for (uint32_t i = 0; i < n->nattr; i++)
		if (n->attr[i].type == TUFF_A_TENSOR)
			n->attr[i].weight = weight_in(s, p, n->attr[i].weight);
	return m->oom ? -ENOMEM : 0;
}

static void mark_known(struct split *s, const struct ir_value *v, uint32_t level)
{
	bool content = v && content_known(s, v, level);

	for (int i = 0; v && i < v->rank; i++)
		s->mark[v->dim[i]] = 1;
	for (uint32_t i = 0; content && i < v->nival; i++)
		s->mark[v->ival[i]] = 1;
}

/* expressions that the nodes of one level and its conditions use, in p */
static void sizes_in(struct split *s, struct part *p, struct ir_node **nodes, uint32_t count)
{
	struct ir_module *m = s->m;
	uint32_t level = p->level;

	memset(s->mark, 0, m->nexprs);
	for (uint32_t k = 0; k < count; k++) {
		for (uint32_t i = 0; i < nodes[k]->nin; i++)
			mark_known(s, nodes[k]->in[i], level);
		for (uint32_t i = 0; i < nodes[k]->nout; i++)
			mark_known(s, nodes[k]->out[i], level);
	}
	for (uint32_t i = 0; i < m->nexprs; i++)	/* 1 / condition, where all of it is known */
		if (m->exprs[i].op == TUFF_E_DIV && ex_is(m, m->exprs[i].a, 1) && reach_of(s, i) == level)
			s->mark[i] = 1;
	ex_extract(p->m, m, s->mark, p->sym, p->expr);
}

static int add_list(struct ir_module *m, struct ir_value ***list, uint32_t *n, struct ir_value *v)
{
	if (!(*n & (*n - 1))) {
		struct ir_value **p = ir_alloc(m, (*n ? *n * 2 : 1) * sizeof(*p));

		if (!p)
			return -ENOMEM;
		if (*n)
			memcpy(p, *list, *n * sizeof(*p));
		*list = p;
	}
	(*list)[(*n)++] = v;
	return 0;
}

/* one segment of these nodes, and the node that runs it */
static int segment(struct split *s, struct ir_node **nodes, uint32_t count, uint32_t level)
{
	struct ir_module *m = s->m;
	struct part p = { 0 };
	struct ir_value **in = NULL, **out = NULL;
	uint32_t nin = 0, nout = 0;
	struct ir_node *run;
	char name[64];
	int64_t *syms;
	int ret = part_init(s, &p, s->script.m);

	if (ret)
		goto out;
	p.level = level;
	sizes_in(s, &p, nodes, count);
	for (uint32_t k = 0; k < count && !ret; k++) {
		for (uint32_t i = 0; i < nodes[k]->nin && !ret; i++) {
			struct ir_value *v = nodes[k]->in[i], *c;

			if (!v || p.value[v->id])
				continue;
			c = value_in(s, &p, v);
			if (c->weight != TUFF_NONE)
				continue;
			c->input = p.m->nin;
			ret = add_list(p.m, &p.m->in, &p.m->nin, c);
			ret = ret ? ret : add_list(m, &in, &nin, v);
		}
		for (uint32_t i = 0; i < nodes[k]->nout && !ret; i++) {
			struct ir_value *v = nodes[k]->out[i];

			if (!v)
				continue;
			if (s->live[v->id] & OUTSIDE) {
				ret = add_list(p.m, &p.m->out, &p.m->nout, value_in(s, &p, v));
				ret = ret ? ret : add_list(m, &out, &nout, v);
			}
		}
		ret = ret ? ret : move_node(s, &p, nodes[k]);
	}
	if (ret)
		goto out;
	p.m->outname = ir_alloc(p.m, (nout + 1) * sizeof(*p.m->outname));
	for (uint32_t i = 0; i < nout && p.m->outname; i++)
		p.m->outname[i] = p.m->out[i]->name;
	snprintf(name, sizeof(name), "segment %u (%u nodes)", level, count);
	run = ir_node_new(s->script.m, TUFF_OP_RUN, name, nin, nout, NULL);
	run->region = ir_alloc(s->script.m, sizeof(*run->region));
	syms = ir_alloc(m, (m->nsyms + 1) * sizeof(*syms));
	if (p.m->oom || s->script.m->oom || m->oom) {
		ret = -ENOMEM;
		goto out;
	}
	run->region[run->nregion++] = p.m;
	for (uint32_t i = 0; i < nin; i++)
		run->in[i] = value_in(s, &s->script, in[i]);
	for (uint32_t i = 0; i < nout; i++) {
		run->out[i] = value_in(s, &s->script, out[i]);
		run->out[i]->def = run;
	}
	for (uint32_t i = 0; i < m->nsyms; i++)
		if (p.sym[i] != TUFF_NONE) {
			syms[p.sym[i]] = s->script.sym[i];
			p.m->syms[p.sym[i]].flags &= ~TUFF_SYM_DATA;
		}
	ret = ir_attr_set_ints(s->script.m, run, "syms", syms, p.m->nsyms);
out:
	part_fini(&p);
	return ret;
}

/* the script's inputs, outputs and symbols */
static int script_begin(struct split *s)
{
	struct ir_module *m = s->m, *to;
	int ret = part_init(s, &s->script, m);

	if (ret)
		return ret;
	to = s->script.m;
	s->script.level = TUFF_NONE;
	/* liveness() has marked the sizes; conditions are the segments' */
	ex_extract(to, m, s->mark, s->script.sym, s->script.expr);
	to->in = ir_alloc(to, (m->nin + 1) * sizeof(*to->in));
	to->in_default = ir_alloc(to, (m->nin + 1) * sizeof(*to->in_default));
	for (uint32_t i = 0; i < m->nin && to->in && to->in_default; i++) {
		to->in[i] = value_in(s, &s->script, m->in[i]);
		to->in[i]->input = i;
		to->in_default[i] = m->in_default ? weight_in(s, &s->script, m->in_default[i]) : TUFF_NONE;
	}
	to->nin = m->nin;
	/* the session lists the model's initializers, wherever they are used */
	for (uint32_t i = 0; i < m->nweights && !m->borrowed; i++)
		if (m->weights[i].flags & TUFF_W_INITIALIZER)
			weight_in(s, &s->script, i);
	return to->oom ? -ENOMEM : 0;
}

static int script_end(struct split *s)
{
	struct ir_module *m = s->m, *to = s->script.m;

	to->out = ir_alloc(to, (m->nout + 1) * sizeof(*to->out));
	to->outname = m->outname;
	for (uint32_t i = 0; i < m->nout && to->out; i++)
		to->out[i] = value_in(s, &s->script, m->out[i]);
	to->nout = m->nout;
	for (uint32_t i = 0; i < m->nsyms; i++) {
		struct ir_sym *y = s->script.sym[i] == TUFF_NONE ? NULL : &to->syms[s->script.sym[i]];

		if (!y || !m->syms[i].of)
			continue;
		y->of = value_in(s, &s->script, m->syms[i].of);
		y->at = m->syms[i].at;
	}
	/* the script holds values as the model knows them */
	for (uint32_t i = 0; i < to->nvalues; i++)
		to->values[i]->storage = to->values[i]->dtype;
	m->script = to;
	return to->oom ? -ENOMEM : 0;
}

static int cut(struct split *s)
{
	struct ir_module *m = s->m;
	struct ir_node **all, *next;
	uint32_t count = 0;
	int ret;

	ir_count_uses(m);
	liveness(s);
	levels(s);
	for (uint32_t i = 0; i < m->nout; i++)
		s->live[m->out[i]->id] |= OUTSIDE;
	for (uint32_t i = 0; i < m->nsyms; i++)
		if (m->syms[i].of && s->symlive[i])
			s->live[m->syms[i].of->id] |= OUTSIDE;
	for (struct ir_node *n = m->first; n; n = n->next, count++)
		for (uint32_t i = 0; i < n->nin; i++)
			if (n->in[i] && s->made[n->in[i]->id] != (interpreted(n) ? TUFF_NONE : s->level[n->seq]))
				s->live[n->in[i]->id] |= OUTSIDE;
	all = calloc(count + 1, sizeof(*all));
	ret = all ? script_begin(s) : -ENOMEM;
	for (uint32_t l = 0; l < s->nlevels && !ret; l++) {
		count = 0;
		for (struct ir_node *n = m->first; n; n = n->next)
			if (s->level[n->seq] == l && !interpreted(n))
				all[count++] = n;
		for (uint32_t i = 0; i < count; i++)
			ir_node_unlink(m, all[i]);
		ret = count ? segment(s, all, count, l) : 0;
		for (struct ir_node *n = m->first; n && !ret; n = next) {
			next = n->next;
			if (s->level[n->seq] != l)
				continue;
			n->reason = n->nregion ? "the interpreter runs its body" : "its sizes depend on data";
			ir_node_unlink(m, n);
			ret = move_node(s, &s->script, n);
		}
	}
	free(all);
	return ret ? ret : script_end(s);
}

int pass_split(struct ir_module *m)
{
	struct split s = { .m = m };
	bool any = false;
	int ret = -ENOMEM;

	for (uint32_t i = 0; i < m->nsyms; i++)
		any |= m->syms[i].of != NULL;
	for (struct ir_node *n = m->first; n; n = n->next)
		any |= interpreted(n);
	if (!any)
		return 0;
	ir_count_uses(m);
	s.avail = calloc(m->nvalues + 1, sizeof(*s.avail));
	s.made = calloc(m->nvalues + 1, sizeof(*s.made));
	s.live = calloc(m->nvalues + 1, 1);
	s.need = calloc(m->nsyms + 1, sizeof(*s.need));
	s.symlive = calloc(m->nsyms + 1, 1);
	s.level = calloc((m->last ? m->last->seq : 0) + 1, sizeof(*s.level));
	s.mark = calloc(m->nexprs + 1, 1);
	s.reach = calloc(m->nexprs + 1, sizeof(*s.reach));
	s.first = calloc(m->nvalues + 1, sizeof(*s.first));
	s.next = calloc(m->nsyms + 1, sizeof(*s.next));
	s.stack = calloc(3 * (size_t)m->nexprs + 4, sizeof(*s.stack));
	if (s.avail && s.made && s.live && s.need && s.symlive && s.level && s.mark && s.reach && s.first && s.next && s.stack)
		ret = cut(&s);
	part_fini(&s.script);
	free(s.avail);
	free(s.made);
	free(s.live);
	free(s.need);
	free(s.symlive);
	free(s.level);
	free(s.mark);
	free(s.reach);
	free(s.first);
	free(s.next);
	free(s.stack);
	return ret;
}
