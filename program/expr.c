// SPDX-License-Identifier: MIT
/* Evaluation of size expressions: one pass, operands come before their users. */
#include <errno.h>

#include <stdio.h>

#include "program/program.h"

static int64_t floor_div(int64_t a, int64_t b)
{
	int64_t q = a / b;

	return q - ((a % b != 0) && ((a < 0) != (b < 0)));
}

static int eval_one(const struct tuff_expr *e, const int64_t *v, int64_t *r)
{
	int64_t a = v[e->a], b = v[e->b];

	switch (e->op) {
	case TUFF_E_ADD:
		return __builtin_add_overflow(a, b, r);
	case TUFF_E_SUB:
		return __builtin_sub_overflow(a, b, r);
	case TUFF_E_MUL:
		return __builtin_mul_overflow(a, b, r);
	case TUFF_E_DIV:
	case TUFF_E_CDIV:
	case TUFF_E_MOD:
		if (b == 0 || (a == INT64_MIN && b == -1))
			return 1;
		*r = floor_div(a, b);
		if (e->op == TUFF_E_CDIV)
			*r += a % b != 0;
		else if (e->op == TUFF_E_MOD)
			*r = a - *r * b;
		return 0;
	case TUFF_E_MIN:
		*r = a < b ? a : b;
		return 0;
	case TUFF_E_MAX:
		*r = a > b ? a : b;
		return 0;
	case TUFF_E_EQ:
		*r = a == b;
		return 0;
	case TUFF_E_LT:
		*r = a < b;
		return 0;
	case TUFF_E_SELECT:
		*r = a ? b : v[e->c];
		return 0;
	}
	return 1;
}

int tuff_expr_eval(const struct tuff_expr *e, uint32_t n, const int64_t *syms,
		   uint32_t nsyms, int64_t *out, uint32_t *bad)
{
	for (uint32_t i = 0; i < n; i++) {
		int err = 0;

		if (e[i].op == TUFF_E_CONST)
			out[i] = e[i].value;
		else if (e[i].op == TUFF_E_SYM)
			err = e[i].a >= nsyms || (out[i] = syms[e[i].a], 0);
		else
			err = e[i].a >= i || e[i].b >= i ||
			      (e[i].op == TUFF_E_SELECT && e[i].c >= i) ||
			      eval_one(&e[i], out, &out[i]);
		if (err) {
			*bad = i;
			return -EDOM;
		}
	}
	return 0;
}

struct text {
	const struct tuff_expr *e;
	const char *(*name)(void *priv, uint32_t sym);
	void *priv;
	char *s;
	size_t at, n;
};

static void put(struct text *t, const char *s)
{
	while (*s && t->at + 1 < t->n)
		t->s[t->at++] = *s++;
	t->s[t->at] = 0;
}

/* a bounded text, not a bounded expression: every level puts at least one character */
static void write_expr(struct text *t, uint32_t i)
{
	static const char *const ops[] = { [TUFF_E_ADD] = "+", [TUFF_E_SUB] = "-",
		[TUFF_E_MUL] = "*", [TUFF_E_DIV] = "/", [TUFF_E_CDIV] = "/^",
		[TUFF_E_MOD] = "%", [TUFF_E_MIN] = "min(", [TUFF_E_MAX] = "max(",
		[TUFF_E_EQ] = "==", [TUFF_E_LT] = "<", [TUFF_E_SELECT] = "?" };
	const struct tuff_expr *x = &t->e[i];
	bool call = x->op == TUFF_E_MIN || x->op == TUFF_E_MAX;
	char number[24];

	if (t->at + 1 >= t->n)
		return;
	if (x->op == TUFF_E_CONST) {
		snprintf(number, sizeof(number), "%lld", (long long)x->value);
		put(t, number);
		return;
	}
	if (x->op == TUFF_E_SYM) {
		put(t, t->name(t->priv, x->a));
		return;
	}
	put(t, call ? ops[x->op] : "(");
	write_expr(t, x->a);
	put(t, call ? "," : ops[x->op]);
	write_expr(t, x->b);
	if (x->op == TUFF_E_SELECT) {
		put(t, ":");
		write_expr(t, x->c);
	}
	put(t, ")");
}

void tuff_expr_text(const struct tuff_expr *e, uint32_t i, const char *(*name)(void *priv, uint32_t sym), void *priv, char *buf, size_t n)
{
	struct text t = { e, name, priv, buf, 0, n };

	write_expr(&t, i);
}
