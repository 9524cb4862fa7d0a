// SPDX-License-Identifier: MIT
/*
 * Attention in its several dresses, as matrix products and a softmax:
 * ai.onnx Attention (23), com.microsoft Attention and MultiHeadAttention.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "compiler/decompose.h"

struct att {
	struct ir_value *q, *k, *v;	/* [B,N,S,D], [B,Nk,T,D], [B,Nk,T,Dv]; past joined */
	struct ir_value *keep;		/* bool, broadcasts to [B,N,S,T]; NULL = all */
	struct ir_value *bias;		/* added to the scores, or NULL */
	struct ir_value *fill;		/* what a masked score gets added */
	ir_expr past;			/* rows of k before q's first */
	int causal;
	double scale;			/* 0: 1 / sqrt(D) */
	float softcap;
	struct ir_value *qk[4];		/* ONNX: where each qk_matmul_output_mode is read */
};

static struct ir_value *heads(struct dec *d, struct ir_value *x, int64_t n)
{
	static const int64_t perm[] = { 0, 2, 1, 3 };
	int64_t h;
	ir_expr dim[4];

	if (x->rank != 3 || n < 1 || !ex_value(d->m, x->dim[2], &h) || h % n) {
		dec_error(d, x, "needs [batch,sequence,hidden] with hidden a multiple of the heads");
		return d->none;
	}
	dim[0] = x->dim[0];
	dim[1] = x->dim[1];
	dim[2] = ex_const(d->m, n);
	dim[3] = ex_const(d->m, h / n);
	return dec_transpose(d, dec_reshape(d, x, 4, dim, NULL), perm, NULL);
}

/* [B,N,S,D] to [B,S,N*D] */
static void join_heads(struct dec *d, struct ir_value *x, struct ir_value *out)
{
	static const int64_t perm[] = { 0, 2, 1, 3 };
	struct ir_value *t = dec_transpose(d, x, perm, NULL);
	ir_expr dim[3];

	if (d->ret)
		return;
	dim[0] = t->dim[0];
	dim[1] = t->dim[1];
	dim[2] = ex_mul(d->m, t->dim[2], t->dim[3]);
	dec_reshape(d, t, 3, dim, out);
}

/* fewer heads of keys than of queries: each serves a group */
static struct ir_value *repeat(struct dec *d, struct ir_value *x, int64_t group)
{
	ir_expr dim[5];

	if (group == 1 || d->ret)
		return x;
	dim[0] = x->dim[0];
	dim[1] = x->dim[1];
	dim[2] = ex_const(d->m, group);
	dim[3] = x->dim[2];
	dim[4] = x->dim[3];
	x = dec_expand(d, dec_unsqueeze(d, x, 2, NULL), 5, dim);
	dim[1] = ex_mul(d->m, dim[1], dim[2]);
	dim[2] = dim[3];
	dim[3] = dim[4];
	return dec_reshape(d, x, 4, dim, NULL);
}

/* bool [S,T]: query i sees keys 0 .. past + i */
static struct ir_value *causal(struct dec *d, const struct att *a)
{
	ir_expr S = a->q->dim[2], T = a->k->dim[2];
	struct ir_value *cols = dec_range(d, T), *rows, *part[2];
	int64_t p;

	if (S == T && ex_is(d->m, a->past, 0)) {
		rows = cols;
	} else if (ex_value(d->m, a->past, &p)) {
		rows = dec_range(d, S);
		if (p)
			rows = dec_2(d, TUFF_OP_ADD, rows, dec_int(d, p));
	} else {	/* the last S of T, without a scalar that only a run knows */
		ir_expr cut[2] = { a->past, S };

		dec_split(d, cols, 0, cut, 2, part);
		rows = part[1];
	}
	return dec_2(d, TUFF_OP_LESS_EQUAL, dec_unsqueeze(d, cols, 0, NULL), dec_unsqueeze(d, rows, 1, NULL));
}

/* softmax(q k' * scale + masks) v, [B,N,S,Dv] */
static struct ir_value *attend(struct dec *d, struct att *a)
{
	static const int64_t swap[] = { 0, 1, 3, 2 };
	int64_t nq, nk, D;
	struct ir_value *s, *k = a->k, *v = a->v, *keep = a->keep, *q = a->q;
	struct ir_node *x;

	if (d->ret)
		return d->none;
	if (q->rank != 4 || k->rank != 4 || v->rank != 4 || !ex_value(d->m, q->dim[1], &nq) || !ex_value(d->m, k->dim[1], &nk) ||
	    nk < 1 || nq % nk || !ex_value(d->m, q->dim[3], &D) || D < 1) {
		dec_error(d, q, "heads and their size must be known, and those of queries a multiple of those of keys");
		return d->none;
	}
	k = repeat(d, k, nq / nk);
	v = repeat(d, v, nq / nk);
	s = dec_2(d, TUFF_OP_MATMUL, q, dec_transpose(d, k, swap, NULL));
	s = dec_2(d, TUFF_OP_MUL, s, dec_float(d, a->scale ? a->scale : 1 / sqrt(D), q));
	a->qk[0] = s;
	if (a->causal) {
		struct ir_value *c = causal(d, a);

		keep = keep ? dec_2(d, TUFF_OP_AND, keep, c) : c;
	}
	if (a->softcap) {	/* before the masks, or they would be capped too */
		struct ir_value *cap = dec_float(d, a->softcap, q);

		s = dec_2(d, TUFF_OP_MUL, dec_1(d, TUFF_OP_TANH, dec_2(d, TUFF_OP_DIV, s, cap)), cap);
	}
	a->qk[1] = s;
	if (a->bias)
		s = dec_2(d, TUFF_OP_ADD, s, a->bias);
	if (keep)
		s = dec_2(d, TUFF_OP_ADD, s, dec_where(d, keep, dec_float(d, 0, q), a->fill));
	a->qk[2] = s;
	x = dec_node(d, TUFF_OP_SOFTMAX, 1, 1, s);
	ir_attr_set_int(d->m, x, "axis", 3);
	s = dec_end(d, x, NULL);
	a->qk[3] = s;
	return dec_2(d, TUFF_OP_MATMUL, s, v);
}

static struct ir_value *positive(struct dec *d, struct ir_value *mask)
{
	int64_t z = 0;
	struct ir_value *zero;

	if (mask->dtype == TUFF_BOOL)
		return mask;
	zero = ir_const(d->m, ir_weight_data(d->m, "", mask->dtype, 0, NULL, &z, tuff_dtype_size(mask->dtype)));
	return dec_2(d, TUFF_OP_GREATER, mask, zero);
}

/* com.microsoft's mask_index, by its rank, to bool that broadcasts to [B,N,S,T] */
static struct ir_value *ms_mask(struct dec *d, struct ir_value *mask, const struct ir_value *x, ir_expr T)
{
	struct ir_module *m = d->m;
	ir_expr B = x->dim[0], half[2] = { B, B };
	struct ir_value *part[2], *col, *to, *from = NULL;

	switch (mask->rank) {
	case 1:
		col = dec_unsqueeze(d, dec_range(d, T), 0, NULL);
		to = mask;
		if (mask->dim[0] == ex_mul(m, B, ex_const(m, 2)) && mask->dim[0] != B) {
			dec_split(d, mask, 0, half, 2, part);
			to = part[0];
			from = dec_cast(d, dec_unsqueeze(d, part[1], 1, NULL), TUFF_I64);
		} else if (mask->dim[0] != B && !ex_is(m, B, 1)) {
			dec_error(d, mask, "a mask_index of one dimension has batch or 2 * batch elements");
			return d->none;
		}
		to = dec_2(d, TUFF_OP_LESS, col, dec_cast(d, dec_unsqueeze(d, to, 1, NULL), TUFF_I64));
		if (from)
			to = dec_2(d, TUFF_OP_AND, to, dec_2(d, TUFF_OP_LESS_EQUAL, from, col));
		return dec_unsqueeze(d, dec_unsqueeze(d, to, 1, NULL), 1, NULL);
	case 2:
		return dec_unsqueeze(d, dec_unsqueeze(d, positive(d, mask), 1, NULL), 1, NULL);
	case 3:
		return dec_unsqueeze(d, positive(d, mask), 1, NULL);
	}
	dec_error(d, mask, "a mask of this rank is not supported (1, 2 and 3 are)");
	return d->none;
}

int shape_ms_attention(struct ir_module *m, struct ir_node *n)
{
	struct att a = { 0 };
	struct ir_value *x = n->in[0], *w = n->in[1], *qkv, *part[3], *past, *out, *pr;
	int64_t heads_n = ir_attr_int(n, "num_heads", 0), total, each[3];
	uint64_t cnt;
	const int64_t *sizes = ir_attr_ints(n, "qkv_hidden_sizes", &cnt);
	ir_expr cut[3];
	struct dec d;

	dec_begin(&d, m, n);
	if (dec_in(&d, 6) || ir_attr_int(n, "do_rotary", 0) || ir_attr_int(n, "past_present_share_buffer", 0))
		return dec_error(&d, x, "rotary embedding and shared past buffers are not supported");
	if (x->rank != 3 || w->rank != 2 || !ex_value(m, w->dim[1], &total) || (sizes && cnt != 3) || (!sizes && total % 3) || heads_n < 1)
		return ir_error(m, -EINVAL, n, w, "needs an input [batch,sequence,hidden], weights [hidden,q+k+v] and num_heads");
	for (int i = 0; i < 3; i++) {
		each[i] = sizes ? sizes[i] : total / 3;
		cut[i] = ex_const(m, each[i]);
		if (each[i] < 1 || each[i] > total || each[i] % heads_n)
			return ir_error(m, -EINVAL, n, w, "hidden sizes do not divide by the heads");
	}
	if (each[0] + each[1] + each[2] != total)
		return ir_error(m, -EINVAL, n, w, "qkv_hidden_sizes do not sum to the weights' columns");
	qkv = dec_2(&d, TUFF_OP_MATMUL, x, w);
	if (dec_in(&d, 2))
		qkv = dec_2(&d, TUFF_OP_ADD, qkv, n->in[2]);
	dec_split(&d, qkv, 2, cut, 3, part);
	a.q = heads(&d, part[0], heads_n);
	a.k = heads(&d, part[1], heads_n);
	a.v = heads(&d, part[2], heads_n);
	a.past = ex_const(m, 0);
	past = dec_in(&d, 4);
	if (past && !d.ret) {
		ir_expr one[2] = { ex_const(m, 1), ex_const(m, 1) };
		struct ir_value *kv[2];

		if (past->rank != 5)
			return ir_error(m, -EINVAL, n, past, "needs [2,batch,heads,past,size]");
		dec_split(&d, past, 0, one, 2, kv);
		a.past = past->dim[3];
		a.k = dec_concat(&d, 2, dec_reshape(&d, kv[0], 4, kv[0]->dim + 1, NULL), a.k, NULL);
		a.v = dec_concat(&d, 2, dec_reshape(&d, kv[1], 4, kv[1]->dim + 1, NULL), a.v, NULL);
	}
	pr = dec_out(&d, 1);
	if (pr)
		dec_concat(&d, 0, dec_unsqueeze(&d, a.k, 0, NULL), dec_unsqueeze(&d, a.v, 0, NULL), pr);
	if (dec_in(&d, 3) && !d.ret)
		a.keep = ms_mask(&d, n->in[3], x, a.k->dim[2]);
	a.bias = dec_in(&d, 5);
	a.causal = ir_attr_int(n, "unidirectional", 0);
	a.scale = ir_attr_float(n, "scale", 0);
	a.fill = dec_float(&d, ir_attr_float(n, "mask_filter_value", -10000), x);
	out = attend(&d, &a);
	join_heads(&d, out, n->out[0]);
	return dec_done(&d);
}

/* one of q, k, v of MultiHeadAttention: its slice of the bias, then heads */
static struct ir_value *mha_in(struct dec *d, struct ir_value *x, struct ir_value *bias, int64_t n)
{
	if (x->rank == 4)	/* [B,N,T,D]: of another attention, made already */
		return x;
	if (bias)
		x = dec_2(d, TUFF_OP_ADD, x, bias);
	return heads(d, x, n);
}

int shape_ms_mha(struct ir_module *m, struct ir_node *n)
{
	struct att a = { 0 };
	int64_t heads_n = ir_attr_int(n, "num_heads", 0);
	struct ir_value *b[3] = { NULL }, *mask, *out;
	struct dec d;

	dec_begin(&d, m, n);
	if (!dec_in(&d, 1) || !dec_in(&d, 2) || dec_in(&d, 8) || dec_in(&d, 9))
		return dec_error(&d, n->in[0], "packed projections and shared past buffers are not supported");
	if (dec_in(&d, 3)) {
		ir_expr cut[3];

		for (int i = 0; i < 3; i++) {
			if (n->in[i]->rank != 3)
				return dec_error(&d, n->in[i], "a bias needs [batch,sequence,hidden]");
			cut[i] = n->in[i]->dim[2];
		}
		dec_split(&d, n->in[3], 0, cut, 3, b);
	}
	a.q = mha_in(&d, n->in[0], b[0], heads_n);
	a.k = mha_in(&d, n->in[1], b[1], heads_n);
	a.v = mha_in(&d, n->in[2], b[2], heads_n);
	a.past = ex_const(m, 0);
	if (dec_in(&d, 6) && dec_in(&d, 7)) {
		if (n->in[6]->rank != 4)
			return ir_error(m, -EINVAL, n, n->in[6], "needs [batch,heads,past,size]");
		a.past = n->in[6]->dim[2];
		a.k = dec_concat(&d, 2, n->in[6], a.k, dec_out(&d, 1));
		a.v = dec_concat(&d, 2, n->in[7], a.v, dec_out(&d, 2));
	} else {
		if (dec_out(&d, 1))
			a.k = dec_to(&d, TUFF_OP_IDENTITY, a.k, NULL, n->out[1]);
		if (dec_out(&d, 2))
			a.v = dec_to(&d, TUFF_OP_IDENTITY, a.v, NULL, n->out[2]);
	}
	mask = dec_in(&d, 4);
	if (mask && !d.ret)
		a.keep = ms_mask(&d, mask, n->in[0], a.k->dim[2]);
	a.bias = dec_in(&d, 5);
	a.causal = ir_attr_int(n, "unidirectional", 0);
	a.scale = ir_attr_float(n, "scale", 0);
	a.fill = dec_float(&d, ir_attr_float(n, "mask_filter_value", -10000), n->in[0]);
	out = attend(&d, &a);
	join_heads(&d, out, n->out[0]);
	return dec_done(&d);
}

/* a mask shorter than the keys masks the rest */
static struct ir_value *pad_mask(struct dec *d, struct ir_value *mask, ir_expr T)
{
	int64_t have, want, pads[2 * TUFF_MAX_RANK] = { 0 };
	double low = -INFINITY;
	uint8_t no = 0;
	struct ir_value *fill;

	if (mask->rank < 1 || mask->dim[mask->rank - 1] == T || !ex_value(d->m, mask->dim[mask->rank - 1], &have) ||
	    !ex_value(d->m, T, &want) || have >= want || have == 1)
		return mask;
	pads[2 * mask->rank - 1] = want - have;
	fill = mask->dtype == TUFF_BOOL ? ir_const(d->m, ir_weight_data(d->m, "", TUFF_BOOL, 0, NULL, &no, 1)) : dec_float(d, low, mask);
	return dec_end(d, dec_node(d, TUFF_OP_PAD, 3, 1, mask, dec_ints(d, pads, 2 * mask->rank), fill), NULL);
}

int shape_attention(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *mask, *out;
	int64_t nq = ir_attr_int(n, "q_num_heads", 0), nk = ir_attr_int(n, "kv_num_heads", 0), mode = ir_attr_int(n, "qk_matmul_output_mode", 0);
	struct att a = { .scale = ir_attr_float(n, "scale", 0), .softcap = ir_attr_float(n, "softcap", 0), .causal = ir_attr_int(n, "is_causal", 0) };
	bool flat = x->rank == 3;
	struct dec d;

	dec_begin(&d, m, n);
	if (mode < 0 || mode > 3)
		return ir_error(m, -EINVAL, n, NULL, "qk_matmul_output_mode is out of range");
	a.q = flat ? heads(&d, x, nq) : x;
	a.k = flat ? heads(&d, n->in[1], nk) : n->in[1];
	a.v = flat ? heads(&d, n->in[2], nk) : n->in[2];
	a.past = ex_const(m, 0);
	if (dec_in(&d, 4) && dec_in(&d, 5)) {
		if (n->in[4]->rank != 4)
			return ir_error(m, -EINVAL, n, n->in[4], "needs [batch,heads,past,size]");
		a.past = n->in[4]->dim[2];
		a.k = dec_concat(&d, 2, n->in[4], a.k, dec_out(&d, 1));
		a.v = dec_concat(&d, 2, n->in[5], a.v, dec_out(&d, 2));
	} else {
		if (dec_out(&d, 1))
			a.k = dec_to(&d, TUFF_OP_IDENTITY, a.k, NULL, n->out[1]);
		if (dec_out(&d, 2))
			a.v = dec_to(&d, TUFF_OP_IDENTITY, a.v, NULL, n->out[2]);
	}
	if (d.ret)
		return d.ret;
	a.fill = dec_float(&d, -INFINITY, x);
	mask = dec_in(&d, 3);
	if (mask) {
		mask = pad_mask(&d, mask, a.k->dim[2]);
		if (mask->dtype == TUFF_BOOL)
			a.keep = mask;
		else
			a.bias = dec_cast(&d, mask, x->dtype);
	}
	if (dec_in(&d, 6)) {	/* lengths of the batch's entries */
		struct ir_value *col = dec_unsqueeze(&d, dec_range(&d, a.k->dim[2]), 0, NULL);
		struct ir_value *k = dec_2(&d, TUFF_OP_LESS, col, dec_cast(&d, dec_unsqueeze(&d, n->in[6], 1, NULL), TUFF_I64));

		k = dec_unsqueeze(&d, dec_unsqueeze(&d, k, 1, NULL), 1, NULL);
		a.keep = a.keep ? dec_2(&d, TUFF_OP_AND, a.keep, k) : k;
	}
	out = attend(&d, &a);
	if (dec_out(&d, 3))
		dec_to(&d, TUFF_OP_IDENTITY, a.qk[mode], NULL, n->out[3]);
	if (flat)
		join_heads(&d, out, n->out[0]);
	else
		dec_to(&d, TUFF_OP_IDENTITY, out, NULL, n->out[0]);
	return dec_done(&d);
}
