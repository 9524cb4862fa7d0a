// SPDX-License-Identifier: MIT
/* Operators with bodies: If, Loop, Scan. A body is a session of its own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/interp.h"

/* what one operator hands to its body and gets back */
struct round {
	struct tuff_session *s, *body;
	struct value **in, **out;	/* of the body */
	char *why;
	size_t len;
	struct tuff_error *err;
	bool *said;			/* a node inside the body has told err */
};

static int fail(struct round *r, int ret, const char *what)
{
	snprintf(r->why, r->len, "%s", what);
	return ret;
}

static void put_all(struct value **v, uint32_t n)
{
	for (uint32_t i = 0; v && i < n; i++) {
		value_put(v[i]);
		v[i] = NULL;
	}
}

static int round_init(struct round *r)
{
	r->in = calloc(r->body->p->ninputs + 1, sizeof(*r->in));
	r->out = calloc(r->body->p->noutputs + 1, sizeof(*r->out));
	return r->in && r->out ? 0 : -ENOMEM;
}

static void round_fini(struct round *r)
{
	put_all(r->in, r->in ? r->body->p->ninputs : 0);
	put_all(r->out, r->out ? r->body->p->noutputs : 0);
	free(r->in);
	free(r->out);
}

/* the captures: the operator's last inputs, the body's last inputs */
static int captures(struct round *r, struct value *const *in, uint32_t nin, uint32_t nformal)
{
	uint32_t n = r->body->p->ninputs;

	if (n < nformal || nin < n - nformal)
		return fail(r, -EINVAL, "its body takes other inputs");
	for (uint32_t i = nformal; i < n; i++) {
		struct value *v = in[nin - (n - i)];

		if (!v)
			return fail(r, -EINVAL, "a value from outside its body is missing");
		r->in[i] = value_get(v);
	}
	return 0;
}

static int one_int(const struct value *v, int64_t *out)
{
	if (v->seq || v->t.size != tuff_dtype_size(v->t.dtype))
		return -EINVAL;
	if (v->t.dtype == TUFF_I64)
		*out = *(const int64_t *)v->t.data;
	else if (v->t.dtype == TUFF_BOOL)
		*out = *(const uint8_t *)v->t.data != 0;
	else
		return -EINVAL;
	return 0;
}

static int scalar(struct round *r, uint32_t at, int64_t x)
{
	const struct tuff_tens *t = &r->body->p->tensors[r->body->p->inputs[at].tensor];
	int64_t one[TUFF_MAX_RANK] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	struct value *v;
	int ret = value_make(r->s, t->dtype, t->rank, one, &v, r->why, r->len);

	if (ret)
		return ret;
	if (t->dtype == TUFF_I64)
		*(int64_t *)v->t.data = x;
	else
		memset(v->t.data, x != 0, v->t.size);
	value_put(r->in[at]);
	r->in[at] = v;
	return 0;
}

static int body_run(struct round *r)
{
	int ret;

	if (session_cancelled(r->s))	/* a body may have no step that looks */
		return fail(r, -ECANCELED, "the run was cancelled");
	put_all(r->out, r->body->p->noutputs);
	ret = interp_call(r->body, r->in, r->body->p->ninputs, r->out, r->body->p->noutputs, r->err);
	*r->said |= ret != 0;
	return ret;
}

/* ---- results of all rounds, joined along a new dimension ---- */
struct rounds {
	uint64_t n, cap;
	struct value **v;
};

static int rounds_add(struct rounds *l, struct value *v)
{
	if (l->n == l->cap) {
		uint64_t cap = l->cap ? 2 * l->cap : 16;
		struct value **p = realloc(l->v, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		l->v = p;
		l->cap = cap;
	}
	l->v[l->n++] = value_get(v);
	return 0;
}

static void rounds_fini(struct rounds *l)
{
	for (uint64_t i = 0; i < l->n; i++)
		value_put(l->v[i]);
	free(l->v);
}

static int64_t product(const int64_t *dim, uint32_t from, uint32_t to)
{
	int64_t n = 1;

	while (from < to)
		n *= dim[from++];
	return n;
}

/* without rounds the sizes are those that the script knows; what it would measure is 0 */
static int64_t known_size(const struct tuff_session *s, uint32_t e, int depth)
{
	const struct tuff_expr *x = &s->p->exprs[e];

	if (x->op == TUFF_E_CONST)
		return x->value;
	if (x->op == TUFF_E_SYM)
		return s->interp->syms[x->a] < 0 ? 0 : s->interp->syms[x->a];
	if (depth) {
		struct tuff_expr y[4] = { { .op = TUFF_E_CONST, .value = known_size(s, x->a, depth - 1) },
					  { .op = TUFF_E_CONST, .value = known_size(s, x->b, depth - 1) },
					  { .op = TUFF_E_CONST, .value = x->op == TUFF_E_SELECT ? known_size(s, x->c, depth - 1) : 0 },
					  { .op = x->op, .a = 0, .b = 1, .c = 2 } };
		int64_t v[4];
		uint32_t bad;

		if (!tuff_expr_eval(y, 4, NULL, 0, v, &bad) && v[3] >= 0)
			return v[3];
	}
	return 0;
}

/* want: what it becomes */
static int join_as(struct round *r, const struct rounds *l, uint32_t axis, bool backward, const struct tuff_tens *want, struct value **out)
{
	int64_t dim[TUFF_MAX_RANK] = { 0 }, inner, outer;
	uint32_t rank = want->rank;
	size_t es = tuff_dtype_size(want->dtype);
	int ret;

	if (!rank || axis >= rank)
		return fail(r, -EINVAL, "a result without the dimension of its rounds");
	for (uint32_t k = 0; k < rank; k++)
		dim[k] = k == axis ? (int64_t)l->n : l->n ? 0 : known_size(r->s, want->dim[k], 8);
	for (uint64_t i = 0; i < l->n; i++) {
		const struct tuff_tensor *x = &l->v[i]->t;

		if (l->v[i]->seq || x->rank + 1 != rank || x->dtype != want->dtype || (i && memcmp(x->dim, l->v[0]->t.dim, x->rank * sizeof(*x->dim))))
			return fail(r, -EINVAL, "a scan output changes its shape from round to round");
	}
	for (uint32_t k = 0, from = 0; l->n && k < rank; k++)
		if (k != axis)
			dim[k] = l->v[0]->t.dim[from++];
	ret = value_make(r->s, want->dtype, rank, dim, out, r->why, r->len);
	if (ret)
		return ret;
	outer = product(dim, 0, axis);
	inner = product(dim, axis + 1, rank) * es;
	for (uint64_t i = 0; i < l->n; i++) {
		uint64_t to = backward ? l->n - 1 - i : i;

		for (int64_t o = 0; o < outer && inner; o++)
			memcpy((char *)(*out)->t.data + (o * l->n + to) * inner, (const char *)l->v[i]->t.data + o * inner, inner);
	}
	return 0;
}

static int join(struct round *r, const struct rounds *l, uint32_t axis, bool backward, uint32_t t, struct value **out)
{
	return join_as(r, l, axis, backward, &r->s->p->tensors[t], out);
}

/* element i of v along an axis, without it */
static int part(struct round *r, const struct value *v, uint32_t axis, int64_t i, struct value **out)
{
	int64_t dim[TUFF_MAX_RANK], outer = product(v->t.dim, 0, axis), inner, length = v->t.dim[axis];
	int ret;

	for (uint32_t k = 0, to = 0; k < v->t.rank; k++)
		if (k != axis)
			dim[to++] = v->t.dim[k];
	ret = value_make(r->s, v->t.dtype, v->t.rank - 1, dim, out, r->why, r->len);
	if (ret)
		return ret;
	inner = product(v->t.dim, axis + 1, v->t.rank) * tuff_dtype_size(v->t.dtype);
	for (int64_t o = 0; o < outer && inner; o++)
		memcpy((char *)(*out)->t.data + o * inner, (const char *)v->t.data + (o * length + i) * inner, inner);
	return 0;
}

static int run_if(struct round *r, const struct tuff_step *st, struct value *const *in, struct value **out)
{
	struct interp *it = r->s->interp;
	uint32_t nthen = it->sub[st->kernel]->p->ninputs, nelse = it->sub[st->kernel + 1]->p->ninputs;
	int64_t yes;
	int ret;

	if (!st->nin || !in[0] || one_int(in[0], &yes) || 1 + nthen + nelse != st->nin)
		return fail(r, -EINVAL, "needs one bool and the branches' inputs");
	r->body = it->sub[st->kernel + !yes];
	if (r->body->p->noutputs != st->nout)
		return fail(r, -EINVAL, "its branches have other outputs");
	ret = round_init(r);
	ret = ret ? ret : captures(r, in, yes ? 1 + nthen : st->nin, 0);
	ret = ret ? ret : body_run(r);
	for (uint32_t i = 0; i < st->nout && !ret; i++)
		out[i] = value_get(r->out[i]);
	round_fini(r);
	return ret;
}

/* the values that go round: from the last results to the next inputs */
static void carry(struct round *r, uint32_t in, uint32_t out, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		value_put(r->in[in + i]);
		r->in[in + i] = value_get(r->out[out + i]);
	}
}

static int run_loop(struct round *r, const struct tuff_step *st, struct value *const *in, struct value **out)
{
	int64_t n = tuff_attr_int(r->s->p, st, "tuff.carried", -1), trip = INT64_MAX, go = 1;
	struct rounds *scan = NULL;
	uint32_t nscan;
	int ret;

	r->body = r->s->interp->sub[st->kernel];
	if (n < 0 || st->nin < 2 || n > st->nin - 2 || n > st->nout || r->body->p->noutputs != 1 + st->nout || r->body->p->ninputs < 2 + n ||
	    !in[0] || one_int(in[0], &trip) || !in[1] || one_int(in[1], &go))
		return fail(r, -EINVAL, "its body takes or gives other values, or the trip count is not one int64");
	nscan = st->nout - n;
	scan = calloc(nscan + 1, sizeof(*scan));
	ret = round_init(r);
	ret = scan ? ret : -ENOMEM;
	ret = ret ? ret : captures(r, in, st->nin, 2 + n);
	for (int64_t i = 0; i < n && !ret; i++) {
		ret = in[2 + i] ? 0 : fail(r, -EINVAL, "an initial value is missing");
		r->in[2 + i] = ret ? NULL : value_get(in[2 + i]);
	}
	for (int64_t i = 0; i < trip && go && !ret; i++) {
		ret = scalar(r, 0, i);
		ret = ret ? ret : scalar(r, 1, go);
		ret = ret ? ret : body_run(r);
		if (!ret && one_int(r->out[0], &go))
			ret = fail(r, -EINVAL, "its body's condition is not one bool");
		for (uint32_t k = 0; k < nscan && !ret; k++)
			ret = rounds_add(&scan[k], r->out[1 + n + k]);
		if (!ret)
			carry(r, 2, 1, n);
	}
	for (int64_t i = 0; i < n && !ret; i++)
		out[i] = value_get(r->in[2 + i]);
	for (uint32_t k = 0; k < nscan && !ret; k++) {
		uint32_t t = r->s->p->args[st->arg + st->nin + n + k];

		if (t != TUFF_NONE)
			ret = join(r, &scan[k], 0, false, t, &out[n + k]);
	}
	for (uint32_t k = 0; scan && k < nscan; k++)
		rounds_fini(&scan[k]);
	free(scan);
	round_fini(r);
	return ret;
}

static bool backward(const struct round *r, const struct tuff_step *st, const char *name, uint32_t i)
{
	size_t n;
	const int64_t *v = tuff_attr_ints(r->s->p, st, name, &n);

	return i < n && v[i] == 1;
}

/* one sequence: states in r->in, results in scan[] */
static int scan_once(struct round *r, const struct tuff_step *st, struct value *const *x, const int64_t *axes, uint32_t nstate,
		     uint32_t nx, bool old, struct rounds *scan)
{
	int64_t length = x[0]->t.dim[axes[0]];
	int ret = 0;

	for (int64_t i = 0; i < length && !ret; i++) {
		for (uint32_t k = 0; k < nx && !ret; k++) {
			bool back = backward(r, st, old ? "directions" : "scan_input_directions", k);
			struct value *v;

			ret = part(r, x[k], axes[k], back ? length - 1 - i : i, &v);
			if (ret)
				break;
			value_put(r->in[nstate + k]);
			r->in[nstate + k] = v;
		}
		ret = ret ? ret : body_run(r);
		for (uint32_t k = nstate; k < r->body->p->noutputs && !ret; k++)
			ret = rounds_add(&scan[k - nstate], r->out[k]);
		if (!ret)
			carry(r, 0, 0, nstate);
	}
	return ret;
}

static int scan_new(struct round *r, const struct tuff_step *st, struct value *const *in, const int64_t *axes, const int64_t *outs,
		    uint32_t nstate, uint32_t nx, struct value **out)
{
	uint32_t nscan = st->nout - nstate;
	struct rounds *scan = calloc(nscan + 1, sizeof(*scan));
	int ret = scan ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < nstate && !ret; i++)
		r->in[i] = value_get(in[i]);
	ret = ret ? ret : scan_once(r, st, in + nstate, axes, nstate, nx, false, scan);
	for (uint32_t i = 0; i < nstate && !ret; i++)
		out[i] = value_get(r->in[i]);
	for (uint32_t k = 0; k < nscan && !ret; k++) {
		uint32_t t = r->s->p->args[st->arg + st->nin + nstate + k];

		if (t != TUFF_NONE)
			ret = join(r, &scan[k], outs[k], backward(r, st, "scan_output_directions", k), t, &out[nstate + k]);
	}
	for (uint32_t k = 0; scan && k < nscan; k++)
		rounds_fini(&scan[k]);
	free(scan);
	return ret;
}

/* operator set 8: a batch of sequences, one after the other, joined along dimension 0 */
static int scan_old(struct round *r, const struct tuff_step *st, struct value *const *in, uint32_t nstate, uint32_t nx, struct value **out)
{
	int64_t batch = in[nstate]->t.dim[0], zero[TUFF_MAX_RANK] = { 0 };
	struct rounds *all = calloc(st->nout + 1, sizeof(*all));
	struct rounds *scan = calloc(st->nout + 1, sizeof(*scan));
	struct value **x = calloc(nx + 1, sizeof(*x));
	int ret = all && scan && x ? 0 : -ENOMEM;

	for (int64_t b = 0; b < batch && !ret; b++) {
		for (uint32_t i = 0; i < nstate && !ret; i++) {
			value_put(r->in[i]);
			r->in[i] = NULL;
			ret = part(r, in[i], 0, b, &r->in[i]);
		}
		for (uint32_t k = 0; k < nx && !ret; k++)
			ret = part(r, in[nstate + k], 0, b, &x[k]);
		ret = ret ? ret : scan_once(r, st, x, zero, nstate, nx, true, scan);
		for (uint32_t i = 0; i < nstate && !ret; i++)
			ret = rounds_add(&all[i], r->in[i]);
		for (uint32_t k = nstate; k < st->nout && !ret; k++) {
			uint32_t t = r->s->p->args[st->arg + st->nin + k];
			struct tuff_tens like;
			struct value *v = NULL;

			if (t == TUFF_NONE)
				continue;
			like = r->s->p->tensors[t];
			memmove(like.dim, like.dim + 1, (like.rank ? like.rank - 1 : 0) * sizeof(*like.dim));
			like.rank -= like.rank > 0;
			ret = join_as(r, &scan[k - nstate], 0, false, &like, &v);
			ret = ret ? ret : rounds_add(&all[k], v);
			value_put(v);
		}
		for (uint32_t k = 0; k < st->nout - nstate; k++) {
			rounds_fini(&scan[k]);
			scan[k] = (struct rounds){ 0 };
		}
		put_all(x, nx);
	}
	for (uint32_t k = 0; k < st->nout && !ret; k++) {
		uint32_t t = r->s->p->args[st->arg + st->nin + k];

		if (t != TUFF_NONE)
			ret = join(r, &all[k], 0, false, t, &out[k]);
	}
	for (uint32_t k = 0; all && k < st->nout; k++)
		rounds_fini(&all[k]);
	put_all(x, x ? nx : 0);
	free(all);
	free(scan);
	free(x);
	return ret;
}

static int run_scan(struct round *r, const struct tuff_step *st, struct value *const *in, struct value **out)
{
	bool old = tuff_attr_int(r->s->p, st, "tuff.batch", 0);
	int64_t nstate = tuff_attr_int(r->s->p, st, "tuff.carried", -1);
	size_t nx, nouts;
	const int64_t *axes = tuff_attr_ints(r->s->p, st, "tuff.in_axes", &nx), *outs = tuff_attr_ints(r->s->p, st, "tuff.out_axes", &nouts);
	int ret;

	r->body = r->s->interp->sub[st->kernel];
	if (nstate < 0 || nstate > st->nout || !nx || (int64_t)st->nin < nstate + (int64_t)nx || r->body->p->noutputs != st->nout || (int64_t)nouts != st->nout - nstate ||
	    (int64_t)r->body->p->ninputs < nstate + (int64_t)nx)
		return fail(r, -EINVAL, "its body takes or gives other values");
	for (size_t i = 0; i < (size_t)nstate + nx; i++) {
		const struct value *v = in[i], *first = in[nstate];
		int64_t axis = (int64_t)i < nstate ? 0 : old ? 1 : axes[i - nstate];

		if (!v || !first || (v->seq && ((int64_t)i >= nstate || old)) || axis < 0 || ((int64_t)i >= nstate && axis >= v->t.rank) || (old && !v->t.rank))
			return fail(r, -EINVAL, "an input is missing or has no such axis");
		if (((int64_t)i >= nstate && v->t.dim[axis] != first->t.dim[old ? 1 : axes[0]]) || (old && v->t.dim[0] != first->t.dim[0]))
			return fail(r, -EINVAL, "sequences of different lengths");
	}
	ret = round_init(r);
	ret = ret ? ret : captures(r, in, st->nin, nstate + nx);
	if (!ret)
		ret = old ? scan_old(r, st, in, nstate, nx, out) : scan_new(r, st, in, axes, outs, nstate, nx, out);
	round_fini(r);
	return ret;
}

int interp_region(struct tuff_session *s, uint32_t i, struct value *const *in, struct value **out, char *why, size_t len,
		  bool *said, struct tuff_error *err)
{
	const struct tuff_step *st = &s->p->steps[i];
	struct round r = { .s = s, .why = why, .len = len, .err = err, .said = said };

	switch (st->op) {
	case TUFF_OP_IF:
		return run_if(&r, st, in, out);
	case TUFF_OP_LOOP:
		return run_loop(&r, st, in, out);
	}
	return run_scan(&r, st, in, out);
}
