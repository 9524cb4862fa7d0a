// SPDX-License-Identifier: MIT
/* GRU and RNN, in double, with every attribute of ONNX. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "userspace/cpu/cpu.h"

static const char *const act_names[] = { "relu", "tanh", "sigmoid", "affine", "leakyrelu", "thresholdedrelu", "scaledtanh",
					 "hardsigmoid", "elu", "softsign", "softplus" };

struct act {
	int kind;
	double alpha, beta;
};

static double apply(const struct act *f, double x)
{
	switch (f->kind) {
	case 0: return x > 0 ? x : 0;
	case 1: return tanh(x);
	case 2: return 1 / (1 + exp(-x));
	case 3: return f->alpha * x + f->beta;
	case 4: return x < 0 ? f->alpha * x : x;
	case 5: return x > f->alpha ? x : 0;
	case 6: return f->alpha * tanh(f->beta * x);
	case 7: return fmax(0, fmin(1, f->alpha * x + f->beta));
	case 8: return x < 0 ? f->alpha * expm1(x) : x;
	case 9: return x / (1 + fabs(x));
	}
	return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* activation `at` of the list, or the default */
static int pick(const struct cpu_args *a, uint64_t at, const char *def, struct act *f)
{
	static const double alpha[] = { 0, 0, 0, 1, 0.01, 1, 1, 0.2, 1, 0, 0 }, beta[] = { 0, 0, 0, 0, 0, 0, 1, 0.5, 0, 0, 0 };
	const struct tuff_attr *t = tuff_attr_find(a->p, a->s, "activations");
	const char *name = def;
	const float *p;
	uint32_t s;
	size_t n;

	if (t && t->type == TUFF_A_STRINGS && at < t->count) {
		memcpy(&s, a->p->attr_data + t->data + 4 * at, 4);
		name = tuff_str(a->p, s);
	}
	for (f->kind = 0; f->kind < 11 && strcasecmp(name, act_names[f->kind]); f->kind++)
		;
	if (f->kind == 11) {
		snprintf(a->err, a->errlen, "activation '%.40s' is not known", name);
		return -EOPNOTSUPP;
	}
	p = tuff_attr_floats(a->p, a->s, "activation_alpha", &n);
	f->alpha = at < n ? p[at] : alpha[f->kind];
	p = tuff_attr_floats(a->p, a->s, "activation_beta", &n);
	f->beta = at < n ? p[at] : beta[f->kind];
	return 0;
}

static double dot(const struct cpu_tensor *w, int64_t at, const double *x, int64_t n)
{
	double s = 0;

	for (int64_t i = 0; i < n; i++)
		s += cpu_get(w, at + i) * x[i];
	return s;
}

struct rnn {
	const struct cpu_args *a;
	bool gru, linear;
	int64_t seq, B, I, H, G, layout;	/* G gates */
	struct act f, g;
	double clip;
	double *x, *h, *next, *rh;	/* one step of one entry */
};

static double clipped(const struct rnn *r, double v)
{
	return r->clip > 0 ? fmax(-r->clip, fmin(r->clip, v)) : v;
}

/* W x + Wb (and Rb, R h unless later) of gate row k of direction d */
static double gate(const struct rnn *r, int64_t d, int64_t k, const double *h)
{
	const struct cpu_args *a = r->a;
	int64_t row = d * r->G * r->H + k;
	double s = dot(&a->in[1], row * r->I, r->x, r->I) + dot(&a->in[2], row * r->H, h, r->H);

	if (cpu_has(a, 3))
		s += cpu_get(&a->in[3], d * 2 * r->G * r->H + k) + cpu_get(&a->in[3], (d * 2 + 1) * r->G * r->H + k);
	return s;
}

static void step(struct rnn *r, int64_t d)
{
	const struct cpu_args *a = r->a;
	int64_t H = r->H;

	if (!r->gru) {
		for (int64_t k = 0; k < H; k++)
			r->next[k] = apply(&r->f, clipped(r, gate(r, d, k, r->h)));
		memcpy(r->h, r->next, H * sizeof(*r->h));
		return;
	}
	/* gates z, r, h */
	for (int64_t k = 0; k < H; k++)
		r->rh[k] = apply(&r->f, clipped(r, gate(r, d, H + k, r->h))) * (r->linear ? 1 : r->h[k]);
	for (int64_t k = 0; k < H; k++) {
		double z = apply(&r->f, clipped(r, gate(r, d, k, r->h))), c;

		if (r->linear) {
			int64_t row = d * 3 * H + 2 * H + k;
			double u = dot(&a->in[2], row * H, r->h, H);

			c = dot(&a->in[1], row * r->I, r->x, r->I);
			if (cpu_has(a, 3)) {
				c += cpu_get(&a->in[3], d * 6 * H + 2 * H + k);
				u += cpu_get(&a->in[3], d * 6 * H + 5 * H + k);
			}
			c += r->rh[k] * u;
		} else {
			c = gate(r, d, 2 * H + k, r->rh);
		}
		c = apply(&r->g, clipped(r, c));
		r->next[k] = (1 - z) * c + z * r->h[k];
	}
	memcpy(r->h, r->next, H * sizeof(*r->h));
}

static void sequence(struct rnn *r, int64_t d, int64_t D, int64_t b, bool back)
{
	const struct cpu_args *a = r->a;
	struct cpu_tensor *y = &a->out[0];
	int64_t len = cpu_has(a, 4) ? cpu_get_int(&a->in[4], b) : r->seq;
	int64_t state = (r->layout ? b * D + d : d * r->B + b) * r->H;

	len = len < 0 ? 0 : len > r->seq ? r->seq : len;
	for (int64_t k = 0; k < r->H; k++)
		r->h[k] = cpu_has(a, 5) ? cpu_get(&a->in[5], state + k) : 0;
	for (int64_t t = 0; t < r->seq; t++) {
		int64_t at = back && t < len ? len - 1 - t : t;
		int64_t xo = (r->layout ? b * r->seq + at : at * r->B + b) * r->I;
		int64_t yo = (r->layout ? (b * r->seq + at) * D + d : (at * D + d) * r->B + b) * r->H;

		if (t < len) {
			for (int64_t i = 0; i < r->I; i++)
				r->x[i] = cpu_get(&a->in[0], xo + i);
			step(r, d);
		}
		for (int64_t k = 0; y->dtype && k < r->H; k++)
			cpu_set(y, yo + k, t < len ? r->h[k] : 0);
	}
	for (int64_t k = 0; a->nout > 1 && a->out[1].dtype && k < r->H; k++)
		cpu_set(&a->out[1], state + k, r->h[k]);
}

int cpu_gru(const struct cpu_args *a, void *st)
{
	struct rnn r = { .a = a, .gru = a->s->op == TUFF_OP_GRU, .linear = tuff_attr_int(a->p, a->s, "linear_before_reset", 0),
			 .layout = tuff_attr_int(a->p, a->s, "layout", 0), .clip = tuff_attr_float(a->p, a->s, "clip", 0) };
	const char *dir = tuff_attr_str(a->p, a->s, "direction", "forward");
	int64_t D = a->in[1].dim[0];
	int ret = 0;

	r.seq = a->in[0].dim[r.layout];
	r.B = a->in[0].dim[!r.layout];
	r.I = a->in[0].dim[2];
	r.H = a->in[2].dim[2];
	r.G = r.gru ? 3 : 1;
	r.x = cpu_scratch((r.I + 3 * r.H + 1) * sizeof(double));
	if (!r.x)
		return -ENOMEM;
	r.h = r.x + r.I;
	r.next = r.h + r.H;
	r.rh = r.next + r.H;
	for (int64_t d = 0; d < D && !ret; d++) {
		int per = r.gru ? 2 : 1;

		ret = pick(a, d * per, r.gru ? "sigmoid" : "tanh", &r.f);
		if (!ret && r.gru)
			ret = pick(a, d * per + 1, "tanh", &r.g);
		for (int64_t b = 0; b < r.B && !ret; b++)
			sequence(&r, d, D, b, d == 1 || !strcmp(dir, "reverse"));
	}
	return ret;
}
