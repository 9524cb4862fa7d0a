// SPDX-License-Identifier: MIT
/*
 * Formulas that exporters spell out, found from their least common node and
 * made one operator again: GELU, LayerNormalization, Swish, HardSwish. The
 * last node of a formula becomes the operator; the others die if nobody else
 * asks them.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "compiler/ir.h"

static bool near(double a, double b)
{
	return fabs(a - b) <= 1e-3 * fabs(b);
}

bool ir_scalar(const struct ir_module *m, const struct ir_value *v, double *out)
{
	const struct tuff_weight *w;
	const void *b;
	uint16_t h;
	float f;

	if (!v || v->weight == TUFF_NONE || v->input >= 0)
		return false;
	w = &m->weights[v->weight];
	b = ir_weight_bytes(m, v->weight);
	if (w->size != tuff_dtype_size(w->dtype) || w->scale != TUFF_NONE)
		return false;
	b = b ? b : &w->fill;
	switch (w->dtype) {
	case TUFF_F32:
		memcpy(&f, b, 4);
		*out = f;
		return true;
	case TUFF_F16:
		memcpy(&h, b, 2);
		*out = tuff_f16_to_f32(h);
		return true;
	case TUFF_F64:
		memcpy(out, b, 8);
		return true;
	}
	return false;
}

/* the producer of v, if it is this operator */
static struct ir_node *made_by(const struct ir_value *v, uint32_t op)
{
	return v && v->def && v->def->op == op ? v->def : NULL;
}

/* n = x op constant, in either order: x, and the constant */
static struct ir_value *with_scalar(const struct ir_module *m, const struct ir_node *n, double *c)
{
	if (!n || n->nin < 2)
		return NULL;
	if (ir_scalar(m, n->in[1], c))
		return n->in[0];
	return n->op != TUFF_OP_SUB && n->op != TUFF_OP_DIV && n->op != TUFF_OP_POW && ir_scalar(m, n->in[0], c) ? n->in[1] : NULL;
}

static struct ir_value *scaled(const struct ir_module *m, const struct ir_value *v, double *c)
{
	struct ir_node *n = made_by(v, TUFF_OP_MUL);
	struct ir_value *x = with_scalar(m, n, c);

	if (x)
		return x;
	n = made_by(v, TUFF_OP_DIV);
	x = with_scalar(m, n, c);
	*c = x ? 1 / *c : 0;
	return x;
}

static struct ir_value *other(const struct ir_node *n, const struct ir_value *v)
{
	return n->in[0] == v ? n->in[1] : n->in[1] == v ? n->in[0] : NULL;
}

static struct ir_node *user(const struct ir_value *v, uint32_t op)
{
	return v && v->nuses == 1 && v->user && v->user->op == op ? v->user : NULL;
}

/* n becomes op(x..) */
static void become(struct ir_node *n, uint32_t op, uint32_t nin, ...)
{
	va_list ap;

	n->op = op;
	n->nattr = 0;
	n->nin = nin;
	va_start(ap, nin);
	for (uint32_t i = 0; i < nin; i++)
		n->in[i] = va_arg(ap, struct ir_value *);
	va_end(ap);
}

/*
 * The rest of GELU behind g = erf(..) or tanh(..): 0.5 x (1 + g), the factors
 * in any order. Returns the last product.
 */
static struct ir_node *half_x_one_plus(const struct ir_module *m, const struct ir_value *g, const struct ir_value *x)
{
	struct ir_node *n = user(g, TUFF_OP_ADD);
	bool half = false, by_x = false;
	double c;

	if (!n || !with_scalar(m, n, &c) || !near(c, 1))
		return NULL;
	for (int i = 0; i < 2; i++) {
		const struct ir_value *v = n->out[0], *f;
		struct ir_node *next = user(v, TUFF_OP_MUL);

		if (!next)
			next = user(v, TUFF_OP_DIV);
		if (!next)
			return NULL;
		n = next;
		f = other(n, v);
		if (n->op == TUFF_OP_DIV) {	/* / 2 */
			if (n->in[0] != v || !ir_scalar(m, n->in[1], &c) || !near(c, 2) || half)
				return NULL;
			half = true;
		} else if (ir_scalar(m, f, &c)) {
			if (!near(c, 0.5) || half)
				return NULL;
			half = true;
		} else if (f == x && !by_x) {
			by_x = true;
		} else if (!half && !by_x && scaled(m, f, &c) == x && near(c, 0.5)) {
			return n;
		} else {
			return NULL;
		}
		if (half && by_x)
			return n;
	}
	return NULL;
}

static bool same_shape(const struct ir_value *a, const struct ir_value *b)
{
	return a->rank == b->rank && a->dtype == b->dtype && !memcmp(a->dim, b->dim, a->rank * sizeof(*a->dim));
}

static void gelu_erf(struct ir_module *m, struct ir_node *e)
{
	double c;
	struct ir_value *x = scaled(m, e->in[0], &c);
	struct ir_node *last = x && near(c, M_SQRT1_2) ? half_x_one_plus(m, e->out[0], x) : NULL;

	if (last && same_shape(x, last->out[0]))
		become(last, TUFF_OP_GELU, 1, x);
}

/* x^3 */
static bool cube(const struct ir_module *m, const struct ir_value *v, const struct ir_value *x)
{
	struct ir_node *n = made_by(v, TUFF_OP_POW), *sq;
	double c;

	if (n)
		return n->in[0] == x && ir_scalar(m, n->in[1], &c) && c == 3;
	n = made_by(v, TUFF_OP_MUL);
	if (!n || !other(n, x))
		return false;
	sq = made_by(other(n, x), TUFF_OP_MUL);
	if (sq)
		return sq->in[0] == x && sq->in[1] == x;
	sq = made_by(other(n, x), TUFF_OP_POW);
	return sq && sq->in[0] == x && ir_scalar(m, sq->in[1], &c) && c == 2;
}

static void gelu_tanh(struct ir_module *m, struct ir_node *t)
{
	double c, k;
	struct ir_value *s = scaled(m, t->in[0], &c);
	struct ir_node *add = made_by(s, TUFF_OP_ADD), *last;

	if (!add || !near(c, 0.7978845608))
		return;
	for (int i = 0; i < 2; i++) {
		struct ir_value *x = add->in[i], *c3 = scaled(m, add->in[!i], &k);

		if (!c3 || !near(k, 0.044715) || !cube(m, c3, x))
			continue;
		last = half_x_one_plus(m, t->out[0], x);
		if (last && same_shape(x, last->out[0])) {
			become(last, TUFF_OP_GELU, 1, x);
			ir_attr_set_str(m, last, "approximate", "tanh");
		}
		return;
	}
}

/* mean over the last axis, kept */
static struct ir_value *mean_of(const struct ir_module *m, const struct ir_value *v)
{
	struct ir_node *n = made_by(v, TUFF_OP_REDUCE_MEAN);
	const struct ir_value *axes = n && n->nin > 1 ? n->in[1] : NULL;
	int64_t a;

	if (!axes || !axes->ival || axes->nival != 1 || !ir_attr_int(n, "keepdims", 1) || !ex_value(m, axes->ival[0], &a))
		return NULL;
	return a == -1 || a == n->in[0]->rank - 1 ? n->in[0] : NULL;
}

/* one element per position of the last axis of x */
static bool per_last(const struct ir_value *v, const struct ir_value *x)
{
	return v && v->rank == 1 && x->rank > 0 && v->dim[0] == x->dim[x->rank - 1] && v->dtype == x->dtype;
}

/* d / sqrt(mean(d^2) + eps) * gamma + beta, d = x - mean(x); from the Div */
static void layernorm(struct ir_module *m, struct ir_node *div)
{
	struct ir_node *sub = made_by(div->in[0], TUFF_OP_SUB), *sqrt_ = made_by(div->in[1], TUFF_OP_SQRT), *add, *sq, *mul;
	struct ir_value *x, *d, *var, *gamma, *beta = NULL, *squared;
	struct ir_node *last;
	double eps, two;

	if (!sub || !sqrt_)
		return;
	d = sub->out[0];
	x = sub->in[0];
	if (mean_of(m, sub->in[1]) != x || !same_shape(x, div->out[0]))
		return;
	add = made_by(sqrt_->in[0], TUFF_OP_ADD);
	var = with_scalar(m, add, &eps);
	squared = var ? mean_of(m, var) : NULL;
	if (!squared || !squared->def)
		return;
	sq = squared->def;
	if (!(sq->op == TUFF_OP_MUL && sq->in[0] == d && sq->in[1] == d) &&
	    !(sq->op == TUFF_OP_POW && sq->in[0] == d && ir_scalar(m, sq->in[1], &two) && two == 2))
		return;
	mul = user(div->out[0], TUFF_OP_MUL);
	gamma = mul ? other(mul, div->out[0]) : NULL;
	if (!per_last(gamma, x) || !same_shape(mul->out[0], x))
		return;
	last = user(mul->out[0], TUFF_OP_ADD);
	beta = last ? other(last, mul->out[0]) : NULL;
	if (!per_last(beta, x) || !same_shape(last->out[0], x)) {
		last = mul;
		beta = NULL;
	}
	/* what it reads must be made before it: it is, `last` comes after all */
	become(last, TUFF_OP_LAYERNORM, beta ? 3 : 2, x, gamma, beta);
	ir_attr_set_float(m, last, "epsilon", eps);
	ir_attr_set_int(m, last, "axis", -1);
}

/* clip(x + 3, 0, 6) */
static bool relu6_of_x_plus_3(const struct ir_module *m, const struct ir_value *v, const struct ir_value *x)
{
	struct ir_node *clip = made_by(v, TUFF_OP_CLIP);
	double lo, hi, c;

	return clip && clip->nin > 2 && ir_scalar(m, clip->in[1], &lo) && ir_scalar(m, clip->in[2], &hi) && lo == 0 && hi == 6 &&
	       with_scalar(m, made_by(clip->in[0], TUFF_OP_ADD), &c) == x && c == 3;
}

static void gates(struct ir_module *m, struct ir_node *mul)
{
	double c;

	for (int i = 0; i < 2; i++) {
		struct ir_value *x = mul->in[i], *g = mul->in[!i];
		struct ir_node *n = made_by(g, TUFF_OP_SIGMOID), *last;

		if (!x || !g || x == g || !same_shape(x, mul->out[0]))
			continue;
		if (n && n->in[0] == x) {
			become(mul, TUFF_OP_SWISH, 1, x);
			return;
		}
		n = made_by(g, TUFF_OP_HARD_SIGMOID);
		if (n && n->in[0] == x && near(ir_attr_float(n, "alpha", 0.2f), 1 / 6.0) && near(ir_attr_float(n, "beta", 0.5f), 0.5)) {
			become(mul, TUFF_OP_HARD_SWISH, 1, x);
			return;
		}
		if (relu6_of_x_plus_3(m, scaled(m, g, &c), x) && near(c, 1 / 6.0)) {
			become(mul, TUFF_OP_HARD_SWISH, 1, x);
			return;
		}
		if (!relu6_of_x_plus_3(m, g, x))
			continue;
		last = user(mul->out[0], TUFF_OP_DIV);
		last = last ? last : user(mul->out[0], TUFF_OP_MUL);
		if (last && scaled(m, last->out[0], &c) == mul->out[0] && near(c, 1 / 6.0)) {
			become(last, TUFF_OP_HARD_SWISH, 1, x);
			return;
		}
	}
}

int pass_match(struct ir_module *m)
{
	ir_count_uses(m);
	for (struct ir_node *n = m->first; n; n = n->next) {
		switch (n->op) {
		case TUFF_OP_ERF:
			gelu_erf(m, n);
			break;
		case TUFF_OP_TANH:
			gelu_tanh(m, n);
			break;
		case TUFF_OP_DIV:
			layernorm(m, n);
			break;
		case TUFF_OP_MUL:
			gates(m, n);
			break;
		}
	}
	ir_remove_dead(m);
	return 0;
}
