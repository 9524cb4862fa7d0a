// SPDX-License-Identifier: MIT
/* Sequences: a value that holds values. Nobody changes one: each operator makes another. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/interp.h"

struct call {
	struct tuff_session *s;
	const struct tuff_step *st;
	struct value *const *in;
	struct value **out;
	char *why;
	size_t len;
};

#define FAIL(c, ...) (snprintf((c)->why, (c)->len, __VA_ARGS__), -EINVAL)

static struct value *input(const struct call *c, uint32_t i)
{
	return i < c->st->nin ? c->in[i] : NULL;
}

static int integer(const struct value *v, uint64_t i, int64_t *x)
{
	if (v->seq || (v->t.dtype != TUFF_I64 && v->t.dtype != TUFF_I32) || i >= v->t.size / tuff_dtype_size(v->t.dtype))
		return -EINVAL;
	*x = v->t.dtype == TUFF_I64 ? ((const int64_t *)v->t.data)[i] : ((const int32_t *)v->t.data)[i];
	return 0;
}

/* input i: a position in n elements (or behind them), counted from the end if negative; def where it is absent */
static int position(struct call *c, uint32_t i, uint64_t n, bool behind, int64_t def, uint64_t *at)
{
	const struct value *v = input(c, i);
	int64_t x = def;

	if (v && integer(v, 0, &x))
		return FAIL(c, "a position is one integer");
	if (x < -(int64_t)n || x >= (int64_t)n + behind)
		return FAIL(c, "position %lld in a sequence of %llu", (long long)x, (unsigned long long)n);
	*at = x < 0 ? x + (int64_t)n : x;
	return 0;
}

/* elements of seq, with x before position at (x NULL: without the one there) */
static int changed(struct call *c, const struct value *seq, struct value *x, uint64_t at)
{
	uint64_t n = x ? seq->n + 1 : seq->n - 1;
	struct value *v;
	int ret = value_sequence(c->s, seq->t.dtype, n, &v, c->why, c->len);

	if (ret)
		return ret;
	for (uint64_t i = 0, from = 0; i < n; i++) {
		if (x && i == at) {
			v->item[i] = value_get(x);
			continue;
		}
		from += !x && from == at;
		v->item[i] = value_get(seq->item[from++]);
	}
	c->out[0] = v;
	return 0;
}

static int construct(struct call *c)
{
	uint32_t n = c->st->op == TUFF_OP_SEQ_EMPTY ? 0 : c->st->nin;
	uint32_t dtype = n ? c->in[0] ? c->in[0]->t.dtype : 0 : tuff_attr_int(c->s->p, c->st, "dtype", TUFF_F32);
	int ret;

	for (uint32_t i = 0; i < n; i++)
		if (!c->in[i] || c->in[i]->seq || c->in[i]->t.dtype != dtype)
			return FAIL(c, "element %u has another type", i);
	ret = value_sequence(c->s, dtype, n, &c->out[0], c->why, c->len);
	for (uint32_t i = 0; i < n && !ret; i++)
		c->out[0]->item[i] = value_get(c->in[i]);
	return ret;
}

static int64_t product(const int64_t *dim, uint32_t from, uint32_t to)
{
	int64_t n = 1;

	while (from < to)
		n *= dim[from++];
	return n;
}

/* ConcatFromSequence: joined along an axis that they have, or along a new one */
static int concat(struct call *c, const struct value *seq)
{
	bool more = tuff_attr_int(c->s->p, c->st, "new_axis", 0);
	int64_t axis = tuff_attr_int(c->s->p, c->st, "axis", 0), dim[TUFF_MAX_RANK + 1], length = 0, outer, at = 0;
	const struct tuff_tensor *x = seq->n ? &seq->item[0]->t : NULL;
	size_t es = tuff_dtype_size(seq->t.dtype);
	uint32_t rank;
	int ret;

	if (!x)
		return FAIL(c, "the sequence is empty");
	rank = x->rank + more;
	axis += axis < 0 ? rank : 0;
	if (rank > TUFF_MAX_RANK || axis < 0 || axis >= rank)
		return FAIL(c, "axis %lld is out of range", (long long)axis);
	for (uint64_t i = 0; i < seq->n; i++) {
		const struct tuff_tensor *y = &seq->item[i]->t;
		bool same = y->rank == x->rank;

		for (uint32_t k = 0; k < x->rank && same; k++)
			same = y->dim[k] == x->dim[k] || (!more && k == axis);
		if (!same)
			return FAIL(c, "element %llu does not fit the first one", (unsigned long long)i);
		length += more ? 1 : y->dim[axis];
	}
	for (uint32_t k = 0, from = 0; k < rank; k++)
		dim[k] = k == axis ? (from += !more, length) : x->dim[from++];
	ret = value_make(c->s, seq->t.dtype, rank, dim, &c->out[0], c->why, c->len);
	if (ret)
		return ret;
	outer = product(dim, 0, axis);
	for (uint64_t i = 0; i < seq->n; i++) {
		const struct tuff_tensor *y = &seq->item[i]->t;
		int64_t part = product(dim, axis + 1, rank) * (more ? 1 : y->dim[axis]), row = product(dim, axis, rank);

		for (int64_t o = 0; o < outer && part; o++)
			memcpy((char *)c->out[0]->t.data + (o * row + at) * es, (const char *)y->data + o * part * es, part * es);
		at += part;
	}
	return 0;
}

static int split(struct call *c, const struct value *x)
{
	const struct value *lengths = input(c, 1);
	bool keep = lengths || tuff_attr_int(c->s->p, c->st, "keepdims", 1);
	int64_t axis = tuff_attr_int(c->s->p, c->st, "axis", 0), each = 1, total, at = 0, n;
	size_t es = tuff_dtype_size(x->t.dtype);
	bool equal = !lengths || !lengths->t.rank;
	struct value *seq;
	int ret;

	if (axis < 0 || axis >= x->t.rank)
		return FAIL(c, "axis %lld is out of range", (long long)axis);
	total = x->t.dim[axis];
	if (lengths && equal && (integer(lengths, 0, &each) || each < 1))
		return FAIL(c, "a length of %lld", (long long)each);
	n = equal ? total / each + (total % each != 0) : (int64_t)(lengths->t.size / tuff_dtype_size(lengths->t.dtype));
	ret = value_sequence(c->s, x->t.dtype, n, &seq, c->why, c->len);
	if (ret)
		return ret;
	for (int64_t i = 0; i < n && !ret; i++) {
		int64_t dim[TUFF_MAX_RANK], len = total - at < each ? total - at : each, outer, inner, to = 0;

		if (!equal && (integer(lengths, i, &len) || len < 0 || len > total - at)) {
			ret = FAIL(c, "lengths that do not make %lld", (long long)total);
			break;
		}
		for (uint32_t k = 0; k < x->t.rank; k++)
			if (keep || k != axis)
				dim[to++] = k == axis ? len : x->t.dim[k];
		ret = value_make(c->s, x->t.dtype, to, dim, &seq->item[i], c->why, c->len);
		outer = product(x->t.dim, 0, axis);
		inner = product(x->t.dim, axis + 1, x->t.rank);
		for (int64_t o = 0; o < outer && len && inner && !ret; o++)
			memcpy((char *)seq->item[i]->t.data + o * len * inner * es,
			       (const char *)x->t.data + (o * total + at) * inner * es, len * inner * es);
		at += len;
	}
	if (!ret && at != total)
		ret = FAIL(c, "lengths that do not make %lld", (long long)total);
	if (ret)
		value_put(seq);
	else
		c->out[0] = seq;
	return ret;
}

int interp_sequence(struct tuff_session *s, uint32_t i, struct value *const *in, struct value **out, char *why, size_t len)
{
	struct call c = { .s = s, .st = &s->p->steps[i], .in = in, .out = out, .why = why, .len = len };
	struct value *x = input(&c, 0);
	uint64_t at;
	int ret;

	if (c.st->nout != 1)
		return FAIL(&c, "one output");
	if (c.st->op == TUFF_OP_SEQ_EMPTY || c.st->op == TUFF_OP_SEQ_CONSTRUCT)
		return construct(&c);
	if (!x || x->seq != (c.st->op != TUFF_OP_SEQ_SPLIT))
		return FAIL(&c, x ? "input 0 is of another kind" : "input 0 is missing");
	switch (c.st->op) {
	case TUFF_OP_SEQ_INSERT:
		if (!input(&c, 1) || in[1]->seq || in[1]->t.dtype != x->t.dtype)
			return FAIL(&c, "an element of another type");
		ret = position(&c, 2, x->n, true, x->n, &at);
		return ret ? ret : changed(&c, x, in[1], at);
	case TUFF_OP_SEQ_ERASE:
		ret = position(&c, 1, x->n, false, -1, &at);
		return ret ? ret : changed(&c, x, NULL, at);
	case TUFF_OP_SEQ_AT:
		ret = position(&c, 1, x->n, false, 0, &at);
		out[0] = ret ? NULL : value_get(x->item[at]);
		return ret;
	case TUFF_OP_SEQ_LENGTH:
		ret = value_make(s, TUFF_I64, 0, NULL, &out[0], why, len);
		if (!ret)
			*(int64_t *)out[0]->t.data = x->n;
		return ret;
	case TUFF_OP_SEQ_CONCAT:
		return concat(&c, x);
	case TUFF_OP_SEQ_SPLIT:
		return split(&c, x);
	}
	out[0] = value_get(x);	/* tuff.Pass */
	return 0;
}
