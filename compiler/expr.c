// SPDX-License-Identifier: MIT
/* Size expressions: hash-consed, so that equal sizes have equal indices. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ir.h"

static size_t slot_of(const struct ir_module *m, const struct tuff_expr *e)
{
	uint64_t h = e->op;

	h = (h ^ e->a) * 0x9e3779b97f4a7c15ull;
	h = (h ^ h >> 29 ^ e->b) * 0x9e3779b97f4a7c15ull;
	h = (h ^ h >> 29 ^ e->c) * 0x9e3779b97f4a7c15ull;
	h = (h ^ h >> 29 ^ (uint64_t)e->value) * 0x9e3779b97f4a7c15ull;
	return (h ^ h >> 29) & (2 * m->cap_exprs - 1);
}

static bool grow(struct ir_module *m)
{
	uint32_t cap = m->cap_exprs ? m->cap_exprs * 2 : 256;
	struct tuff_expr *p = realloc(m->exprs, cap * sizeof(*p));
	uint32_t *hash;

	if (!p)
		return false;
	m->exprs = p;
	hash = calloc(2 * (size_t)cap, sizeof(*hash));	/* index + 1; half empty */
	if (!hash)
		return false;
	free(m->expr_hash);
	m->expr_hash = hash;
	m->cap_exprs = cap;
	for (uint32_t k = 0; k < m->nexprs; k++) {
		size_t i = slot_of(m, &p[k]);

		while (hash[i])
			i = (i + 1) & (2 * (size_t)cap - 1);
		hash[i] = k + 1;
	}
	return true;
}

static ir_expr intern(struct ir_module *m, struct tuff_expr e)
{
	size_t i;

	if (m->nexprs == m->cap_exprs && !grow(m)) {
		m->oom = true;
		return 0;
	}
	for (i = slot_of(m, &e); m->expr_hash[i]; i = (i + 1) & (2 * (size_t)m->cap_exprs - 1))
		if (!memcmp(&m->exprs[m->expr_hash[i] - 1], &e, sizeof(e)))
			return m->expr_hash[i] - 1;
	m->exprs[m->nexprs] = e;
	m->expr_hash[i] = m->nexprs + 1;
	return m->nexprs++;
}

ir_expr ex_const(struct ir_module *m, int64_t v)
{
	return intern(m, (struct tuff_expr){ .op = TUFF_E_CONST, .value = v });
}

static ir_expr new_sym(struct ir_module *m, const char *name, uint32_t flags)
{
	if (!(m->nsyms & (m->nsyms - 1))) {
		void *p = realloc(m->syms, (m->nsyms ? m->nsyms * 2 : 1) * sizeof(*m->syms));

		if (!p) {
			m->oom = true;
			return ex_const(m, 0);
		}
		m->syms = p;
	}
	m->syms[m->nsyms] = (struct ir_sym){ .name = ir_strdup(m, name), .flags = flags };
	return intern(m, (struct tuff_expr){ .op = TUFF_E_SYM, .a = m->nsyms++ });
}

ir_expr ex_sym(struct ir_module *m, const char *name, uint32_t flags)
{
	for (uint32_t i = 0; i < m->nsyms; i++)
		if (!(m->syms[i].flags & TUFF_SYM_DATA) && !strcmp(m->syms[i].name, name))
			return intern(m, (struct tuff_expr){ .op = TUFF_E_SYM, .a = i });
	return new_sym(m, name, flags);
}

ir_expr ex_new(struct ir_module *m, const char *name)
{
	return new_sym(m, name, 0);
}

ir_expr ex_data(struct ir_module *m, struct ir_value *v, uint32_t at)
{
	bool element = at >= TUFF_MAX_RANK;
	char name[160];
	ir_expr e;

	snprintf(name, sizeof(name), element ? "%.120s[%u]" : "%.120s.%u", v->name, element ? at - TUFF_MAX_RANK : at);
	e = new_sym(m, name, TUFF_SYM_DATA | (element ? TUFF_SYM_SIGNED : 0));
	if (m->oom)
		return e;
	m->syms[m->nsyms - 1].of = v;
	m->syms[m->nsyms - 1].at = at;
	return e;
}

void ex_extract(struct ir_module *m, const struct ir_module *from, uint8_t *need, uint32_t *sym, uint32_t *memo)
{
	for (uint32_t i = from->nexprs; i--; ) {	/* operands have smaller indices */
		const struct tuff_expr *x = &from->exprs[i];

		if (!need[i] || x->op == TUFF_E_CONST || x->op == TUFF_E_SYM)
			continue;
		need[x->a] = need[x->b] = 1;
		if (x->op == TUFF_E_SELECT)
			need[x->c] = 1;
	}
	for (uint32_t i = 0; i < from->nexprs && !m->oom; i++) {
		struct tuff_expr x = from->exprs[i];

		if (!need[i])
			continue;
		if (x.op == TUFF_E_SYM && sym[x.a] == TUFF_NONE) {
			memo[i] = new_sym(m, from->syms[x.a].name, from->syms[x.a].flags);
			sym[x.a] = m->nsyms - 1;
			continue;
		}
		if (x.op == TUFF_E_SYM) {
			x.a = sym[x.a];
		} else if (x.op != TUFF_E_CONST) {
			x.a = memo[x.a];
			x.b = memo[x.b];
			x.c = x.op == TUFF_E_SELECT ? memo[x.c] : 0;
		}
		memo[i] = intern(m, x);
	}
}

bool ex_value(const struct ir_module *m, ir_expr e, int64_t *v)
{
	if (m->exprs[e].op != TUFF_E_CONST)
		return false;
	*v = m->exprs[e].value;
	return true;
}

bool ex_is(const struct ir_module *m, ir_expr e, int64_t v)
{
	return m->exprs[e].op == TUFF_E_CONST && m->exprs[e].value == v;
}

/* Sizes are not negative, and neither is what is made of them without minus. */
static bool not_negative(const struct ir_module *m, ir_expr e, int depth)
{
	const struct tuff_expr *x = &m->exprs[e];

	switch (x->op) {
	case TUFF_E_CONST:
		return x->value >= 0;
	case TUFF_E_SYM:
		return !(m->syms[x->a].flags & TUFF_SYM_SIGNED);
	case TUFF_E_EQ: case TUFF_E_LT:
		return true;
	case TUFF_E_ADD: case TUFF_E_MUL: case TUFF_E_DIV: case TUFF_E_CDIV: case TUFF_E_MIN:
		return depth && not_negative(m, x->a, depth - 1) && not_negative(m, x->b, depth - 1);
	case TUFF_E_MAX:
		return depth && (not_negative(m, x->a, depth - 1) || not_negative(m, x->b, depth - 1));
	case TUFF_E_SELECT:
		return depth && not_negative(m, x->b, depth - 1) && not_negative(m, x->c, depth - 1);
	}
	return false;
}

bool ex_not_negative(const struct ir_module *m, ir_expr e)
{
	return not_negative(m, e, 8);
}

static bool has_signed(const struct ir_module *m, ir_expr e, int depth)
{
	const struct tuff_expr *x = &m->exprs[e];

	if (x->op == TUFF_E_SYM)
		return m->syms[x->a].flags & TUFF_SYM_SIGNED;
	return depth && x->op != TUFF_E_CONST &&
	       (has_signed(m, x->a, depth - 1) || has_signed(m, x->b, depth - 1) || (x->op == TUFF_E_SELECT && has_signed(m, x->c, depth - 1)));
}

bool ex_signed(const struct ir_module *m, ir_expr e)
{
	return has_signed(m, e, 6);
}

/* x op y by value, or by algebra where one side says it all */
static bool simple(struct ir_module *m, uint32_t op, ir_expr a, ir_expr b, ir_expr *r)
{
	const struct tuff_expr *ea = &m->exprs[a], *eb;
	int64_t v;

	switch (op) {
	case TUFF_E_ADD:
		if (ex_is(m, a, 0))
			return *r = b, true;
		return ex_is(m, b, 0) ? (*r = a, true) : false;
	case TUFF_E_SUB:
		if (a == b)
			return *r = ex_const(m, 0), true;
		if (ea->op == TUFF_E_ADD && (ea->a == b || ea->b == b))
			return *r = ea->a == b ? ea->b : ea->a, true;
		return ex_is(m, b, 0) ? (*r = a, true) : false;
	case TUFF_E_MUL:
		if (ex_is(m, a, 0) || ex_is(m, b, 0))
			return *r = ex_const(m, 0), true;
		if (ex_is(m, a, 1))
			return *r = b, true;
		return ex_is(m, b, 1) ? (*r = a, true) : false;
	case TUFF_E_DIV:
	case TUFF_E_CDIV:
		if (ex_is(m, b, 1))
			return *r = a, true;
		if (a == b)
			return *r = ex_const(m, 1), true;
		/* (x * y) / y */
		if (ea->op == TUFF_E_MUL && (ea->a == b || ea->b == b))
			return *r = ea->a == b ? ea->b : ea->a, true;
		return false;
	case TUFF_E_MIN:
	case TUFF_E_MAX:
		if (a == b)
			return *r = a, true;
		if (ex_is(m, a, 0) && not_negative(m, b, 4))
			return *r = op == TUFF_E_MAX ? b : a, true;
		if (ex_is(m, b, 0) && not_negative(m, a, 4))
			return *r = op == TUFF_E_MAX ? a : b, true;
		/* max(max(x, y), x) */
		if (ea->op == op && (ea->a == b || ea->b == b))
			return *r = a, true;
		eb = &m->exprs[b];
		return eb->op == op && (eb->a == a || eb->b == a) ? (*r = b, true) : false;
	case TUFF_E_EQ:
		if (a == b)
			return *r = ex_const(m, 1), true;
		return (ex_value(m, a, &v) && v < 0 && not_negative(m, b, 4)) ||
		       (ex_value(m, b, &v) && v < 0 && not_negative(m, a, 4)) ? (*r = ex_const(m, 0), true) : false;
	case TUFF_E_LT:
		return a == b || (ex_value(m, b, &v) && v <= 0 && not_negative(m, a, 4)) ? (*r = ex_const(m, 0), true) : false;
	}
	return false;
}

ir_expr ex_op(struct ir_module *m, uint32_t op, ir_expr a, ir_expr b)
{
	int64_t x, y;
	ir_expr r;

	if (ex_value(m, a, &x) && ex_value(m, b, &y)) {
		struct tuff_expr e[3] = {
			{ .op = TUFF_E_CONST, .value = x }, { .op = TUFF_E_CONST, .value = y },
			{ .op = op, .a = 0, .b = 1 } };
		int64_t v[3];
		uint32_t bad;

		if (!tuff_expr_eval(e, 3, NULL, 0, v, &bad))
			return ex_const(m, v[2]);
	}
	if (simple(m, op, a, b, &r))
		return r;
	if (a > b && (op == TUFF_E_ADD || op == TUFF_E_MUL || op == TUFF_E_MIN ||
		      op == TUFF_E_MAX || op == TUFF_E_EQ)) {
		ir_expr t = a;

		a = b;
		b = t;
	}
	return intern(m, (struct tuff_expr){ .op = op, .a = a, .b = b });
}

ir_expr ex_select(struct ir_module *m, ir_expr c, ir_expr a, ir_expr b)
{
	int64_t v;

	if (a == b)
		return a;
	if (ex_value(m, c, &v))
		return v ? a : b;
	return intern(m, (struct tuff_expr){ .op = TUFF_E_SELECT, .a = c, .b = a, .c = b });
}

ir_expr ex_numel(struct ir_module *m, const struct ir_value *v, int from, int to)
{
	ir_expr e = ex_const(m, 1);

	for (int i = from; i < to; i++)
		e = ex_mul(m, e, v->dim[i]);
	return e;
}

static const char *sym_name(void *m, uint32_t sym)
{
	return ((const struct ir_module *)m)->syms[sym].name;
}

void ex_text(const struct ir_module *m, ir_expr e, char *buf, size_t n)
{
	tuff_expr_text(m->exprs, e, sym_name, (void *)m, buf, n);
}
