// SPDX-License-Identifier: MIT
/*
 * Einsum: a matrix product where it is one. What stays has the equation in
 * numbers, attribute "tuff.labels": for each operand and last for the output
 * its rank and a label for each dimension.
 */
#include <errno.h>

#include "compiler/decompose.h"

struct equation {
	struct ir_module *m;
	struct ir_node *n;
	int map[256];		/* letter to label + 1 */
	int nlabels, ndots;	/* ndots: dimensions of "..", labels 0..ndots-1 */
	ir_expr dim[64];
	int64_t list[1024];
	int count;
};

static int term(struct equation *q, const char **text, const struct ir_value *v, int64_t *labels, int *rank)
{
	const char *s = *text;
	int letters = 0, dots = 0;

	for (const char *c = s; *c && *c != ',' && *c != '-'; c++)
		letters += (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
	*rank = 0;
	for (; *s && *s != ',' && *s != '-'; s++) {
		if (*s == ' ')
			continue;
		if (*s == '.') {
			int k = v ? v->rank - letters : q->ndots;

			if (dots || s[1] != '.' || s[2] != '.' || k < 0 || k > TUFF_MAX_RANK)
				return -EINVAL;
			dots = 1;
			s += 2;
			for (int i = 0; i < k && *rank < TUFF_MAX_RANK; i++)
				labels[(*rank)++] = q->ndots - k + i;
			continue;
		}
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z')) || *rank >= TUFF_MAX_RANK || (!v && !q->map[(uint8_t)*s]))
			return -EINVAL;
		if (!q->map[(uint8_t)*s])
			q->map[(uint8_t)*s] = ++q->nlabels;
		labels[(*rank)++] = q->map[(uint8_t)*s] - 1;
	}
	*text = s;
	return 0;
}

static int add_term(struct equation *q, const int64_t *labels, int rank)
{
	if (q->count + rank + 1 > (int)(sizeof(q->list) / sizeof(q->list[0])))
		return -EINVAL;
	q->list[q->count++] = rank;
	for (int i = 0; i < rank; i++)
		q->list[q->count++] = labels[i];
	return 0;
}

static int operand_dims(struct equation *q, const struct ir_value *v, const int64_t *labels, int rank)
{
	if (rank != v->rank)
		return ir_error(q->m, -EINVAL, q->n, v, "the equation gives it %d dimensions", rank);
	for (int i = 0; i < rank; i++) {
		ir_expr *e = &q->dim[labels[i]];
		int64_t a, b;

		if (ex_value(q->m, *e, &a) && ex_value(q->m, v->dim[i], &b) && a != b && a != 1 && b != 1)
			return ir_error(q->m, -EINVAL, q->n, v, "dimension %d is %lld, elsewhere %lld", i, (long long)b, (long long)a);
		if (ex_is(q->m, *e, 1))
			*e = v->dim[i];
	}
	return 0;
}

/* labels of an operand or of the output, as a set too */
struct labels {
	int n;
	int64_t l[TUFF_MAX_RANK];
	uint64_t set;
};

static int add_label(struct labels *s, int64_t label)
{
	if (s->n == TUFF_MAX_RANK || s->set >> label & 1)
		return -1;
	s->l[s->n++] = label;
	s->set |= 1ull << label;
	return 0;
}

/* those of `from` in `set`, after what is in s */
static int append(struct labels *s, const struct labels *from, uint64_t set)
{
	for (int i = 0; i < from->n; i++)
		if (set >> from->l[i] & 1 && add_label(s, from->l[i]))
			return -1;
	return 0;
}

/* v with its labels in this order */
static struct ir_value *ordered(struct dec *d, struct ir_value *v, const struct labels *from, const struct labels *to, struct ir_value *out)
{
	int64_t perm[TUFF_MAX_RANK];

	for (int i = 0; i < to->n; i++)
		for (int k = 0; k < from->n; k++)
			if (from->l[k] == to->l[i])
				perm[i] = k;
	return dec_transpose(d, v, perm, out);
}

/* what stands in neither the other operand nor the result is summed first */
static struct ir_value *summed(struct dec *d, struct ir_value *v, struct labels *s, uint64_t keep)
{
	struct labels left = { 0 };
	int64_t axes[TUFF_MAX_RANK];
	uint32_t n = 0;

	for (int i = 0; i < s->n; i++)
		if (!(s->set & keep & 1ull << s->l[i]))
			axes[n++] = i;
	append(&left, s, keep);
	*s = left;
	return n ? dec_reduce(d, TUFF_OP_REDUCE_SUM, v, axes, n, 0) : v;
}

/* [labels of batch.., rows, columns] */
static struct ir_value *matrix(struct dec *d, struct ir_value *v, struct labels *s, const struct labels *batch,
			       const struct labels *rows, const struct labels *cols)
{
	struct labels to = *batch;
	ir_expr dim[TUFF_MAX_RANK];

	append(&to, rows, ~0ull);
	append(&to, cols, ~0ull);
	v = ordered(d, v, s, &to, NULL);
	memcpy(dim, v->dim, sizeof(dim));
	dim[batch->n] = ex_numel(d->m, v, batch->n, batch->n + rows->n);
	dim[batch->n + 1] = ex_numel(d->m, v, batch->n + rows->n, to.n);
	return dec_reshape(d, v, batch->n + 2, dim, NULL);
}

/*
 * One operand is a sum and a transpose; two are a matrix product with what
 * stands in both and the result as batch. 1: made of those; 0: it stays Einsum
 * (a label twice in an operand, broadcasting, integers, more operands).
 */
static int as_product(struct equation *q)
{
	struct labels t[3] = { 0 }, batch = { 0 }, rows = { 0 }, cols = { 0 }, inner = { 0 }, got;
	struct ir_node *n = q->n;
	struct ir_value *a, *b, *o = n->out[0];
	const int64_t *l = q->list;
	uint32_t f = o->dtype;
	ir_expr dim[TUFF_MAX_RANK];
	struct dec d;

	if (n->nin > 2 || (f != TUFF_F32 && f != TUFF_F16 && f != TUFF_BF16))
		return 0;
	for (uint32_t i = 0; i <= n->nin; i++, l++) {
		struct labels *s = &t[i < n->nin ? i : 2];

		for (int64_t rank = *l; rank; rank--)
			if (add_label(s, *++l) || (i < n->nin && n->in[i]->dim[s->n - 1] != q->dim[*l]))
				return 0;
	}
	append(&batch, &t[2], t[0].set & t[1].set);
	append(&rows, &t[2], t[0].set & ~t[1].set);
	append(&cols, &t[2], t[1].set & ~t[0].set);
	append(&inner, &t[1], t[0].set & ~t[2].set);
	if (batch.n + 2 > TUFF_MAX_RANK || batch.n + rows.n + cols.n > TUFF_MAX_RANK)
		return 0;
	dec_begin(&d, q->m, n);
	a = summed(&d, n->in[0], &t[0], t[1].set | t[2].set);
	if (n->nin == 1) {
		ordered(&d, a, &t[0], &t[2], o);
		return dec_done(&d);
	}
	b = summed(&d, n->in[1], &t[1], t[0].set | t[2].set);
	a = matrix(&d, a, &t[0], &batch, &rows, &inner);
	b = matrix(&d, b, &t[1], &batch, &inner, &cols);
	a = dec_2(&d, TUFF_OP_MATMUL, a, b);
	got = batch;
	append(&got, &rows, ~0ull);
	append(&got, &cols, ~0ull);
	for (int i = 0; i < got.n; i++)
		dim[i] = q->dim[got.l[i]];
	ordered(&d, dec_reshape(&d, a, got.n, dim, NULL), &got, &t[2], o);
	return dec_done(&d);
}

int shape_einsum(struct ir_module *m, struct ir_node *n)
{
	struct equation q = { .m = m, .n = n };
	const char *text = ir_attr_str(n, "equation", ""), *s = text;
	int64_t labels[TUFF_MAX_RANK];
	ir_expr d[TUFF_MAX_RANK];
	int rank, seen[256] = { 0 }, ret = 0;

	/* how many dimensions the widest ".." has */
	for (uint32_t i = 0; i < n->nin; i++) {
		int letters = 0, dots = 0;

		if (!n->in[i])
			return ir_error(m, -EINVAL, n, NULL, "input %u is missing", i);
		for (; *s && *s != ',' && *s != '-'; s++) {
			letters += (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');
			dots |= *s == '.';
		}
		if (dots && n->in[i]->rank - letters > q.ndots)
			q.ndots = n->in[i]->rank - letters;
		s += *s == ',';
	}
	q.nlabels = q.ndots;
	for (int i = 0; i < 64; i++)
		q.dim[i] = ex_const(m, 1);
	s = text;
	for (uint32_t i = 0; i < n->nin && !ret; i++) {
		for (const char *c = s; *c && *c != ',' && *c != '-'; c++)
			seen[(uint8_t)*c]++;
		ret = term(&q, &s, n->in[i], labels, &rank);
		if (ret || q.nlabels > 60)
			break;
		ret = operand_dims(&q, n->in[i], labels, rank);
		if (ret)
			return ret;
		ret = add_term(&q, labels, rank);
		if (!ret && i + 1 < n->nin && *s++ != ',')
			ret = -EINVAL;
	}
	if (ret || q.nlabels > 60 || (*s && strncmp(s, "->", 2)))
		return ir_error(m, -EINVAL, n, NULL, "the equation '%.100s' does not fit the operands", text);
	if (*s) {
		s += 2;
		ret = term(&q, &s, NULL, labels, &rank);
	} else {	/* all labels that stand once, in alphabetical order */
		rank = 0;
		for (int i = 0; i < q.ndots; i++)
			labels[rank++] = i;
		for (int c = 'A'; c <= 'z'; c++)
			if (q.map[c] && seen[c] == 1 && rank < TUFF_MAX_RANK)
				labels[rank++] = q.map[c] - 1;
	}
	if (ret || *s || add_term(&q, labels, rank))
		return ir_error(m, -EINVAL, n, NULL, "the equation '%.100s' has a result that its operands do not have", text);
	for (int i = 0; i < rank; i++)
		d[i] = q.dim[labels[i]];
	set_shape(n->out[0], n->in[0]->dtype, rank, d);
	ret = as_product(&q);
	if (ret)
		return ret;
	ir_attr_set_int(m, n, "tuff.nlabels", q.nlabels);
	return ir_attr_set_ints(m, n, "tuff.labels", q.list, q.count);
}
