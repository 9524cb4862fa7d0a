// SPDX-License-Identifier: MIT
/* com.microsoft operators but attention, as ContribOperators.md describes them. */
#include <errno.h>
#include <string.h>

#include "compiler/decompose.h"

static struct ir_value *gather(struct dec *d, struct ir_value *table, struct ir_value *ids)
{
	return dec_2(d, TUFF_OP_GATHER, table, ids);
}

int shape_ms_embed(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *ids = n->in[0], *sum, *p, *count;
	float eps = ir_attr_float(n, "epsilon", 1e-12f);
	struct dec d;

	dec_begin(&d, m, n);
	if (!dec_in(&d, 2) || !dec_in(&d, 3) || !dec_in(&d, 5) || !dec_in(&d, 6) || ids->rank != 2 || n->in[2]->rank != 2 || n->in[3]->rank != 2)
		return ir_error(m, -EINVAL, n, ids, "needs input_ids [batch,sequence], two embedding tables, gamma and beta");
	if (dec_in(&d, 8)) {
		p = gather(&d, n->in[3], n->in[8]);
	} else {
		p = gather(&d, n->in[3], dec_range(&d, ids->dim[1]));
		p = dec_unsqueeze(&d, p, 0, NULL);
	}
	sum = dec_2(&d, TUFF_OP_ADD, gather(&d, n->in[2], ids), p);
	if (dec_in(&d, 1) && dec_in(&d, 4))
		sum = dec_2(&d, TUFF_OP_ADD, sum, gather(&d, n->in[4], n->in[1]));
	if (dec_out(&d, 2))
		sum = dec_to(&d, TUFF_OP_IDENTITY, sum, NULL, n->out[2]);
	dec_layernorm(&d, sum, n->in[5], n->in[6], eps, -1, n->out[0]);
	if (dec_out(&d, 1)) {
		static const int64_t one = 1;
		struct ir_value *mask = dec_in(&d, 7);

		if (mask) {
			count = dec_reduce(&d, TUFF_OP_REDUCE_SUM, mask, &one, 1, 0);
			dec_to(&d, TUFF_OP_IDENTITY, count, NULL, n->out[1]);
		} else {	/* zeros [batch] */
			count = dec_reduce(&d, TUFF_OP_REDUCE_SUM, dec_2(&d, TUFF_OP_SUB, ids, ids), &one, 1, 0);
			dec_to(&d, TUFF_OP_IDENTITY, dec_cast(&d, count, TUFF_I32), NULL, n->out[1]);
		}
	}
	return dec_done(&d);
}

static int skip_norm(struct ir_module *m, struct ir_node *n, bool rms)
{
	float eps = ir_attr_float(n, "epsilon", rms ? 1e-6f : 1e-12f);
	uint32_t at_bias = rms ? 3 : 4;
	struct ir_value *sum;
	struct dec d;

	dec_begin(&d, m, n);
	if (dec_out(&d, 1) || dec_out(&d, 2))
		return dec_error(&d, n->out[1] ? n->out[1] : n->out[2], "mean and deviation as outputs are not supported");
	sum = n->in[0];
	if (dec_in(&d, at_bias))
		sum = dec_2(&d, TUFF_OP_ADD, sum, n->in[at_bias]);
	sum = dec_to(&d, TUFF_OP_ADD, sum, n->in[1], dec_out(&d, 3));
	if (rms)
		dec_rmsnorm(&d, sum, n->in[2], eps, -1, n->out[0]);
	else
		dec_layernorm(&d, sum, n->in[2], dec_in(&d, 3), eps, -1, n->out[0]);
	return dec_done(&d);
}

int shape_ms_skipnorm(struct ir_module *m, struct ir_node *n)
{
	return skip_norm(m, n, false);
}

int shape_ms_skiprms(struct ir_module *m, struct ir_node *n)
{
	return skip_norm(m, n, true);
}

int shape_ms_gelu(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0];
	struct ir_node *g;
	struct dec d;

	dec_begin(&d, m, n);
	if (n->op == TUFF_OP_MS_QUICK_GELU) {
		struct ir_value *s = dec_2(&d, TUFF_OP_MUL, x, dec_float(&d, ir_attr_float(n, "alpha", 1.702f), x));

		dec_to(&d, TUFF_OP_MUL, x, dec_1(&d, TUFF_OP_SIGMOID, s), n->out[0]);
		return dec_done(&d);
	}
	if (dec_in(&d, 1))
		x = dec_2(&d, TUFF_OP_ADD, x, n->in[1]);
	g = dec_node(&d, TUFF_OP_GELU, 1, 1, x);
	if (n->op == TUFF_OP_MS_FAST_GELU)
		ir_attr_set_str(m, g, "approximate", "tanh");
	dec_end(&d, g, n->out[0]);
	return dec_done(&d);
}

int shape_ms_matmul(struct ir_module *m, struct ir_node *n)
{
	static const char *const trans[] = { "transA", "transB" };
	float alpha = ir_attr_float(n, "alpha", 1);
	struct ir_value *v[2];
	struct dec d;

	dec_begin(&d, m, n);
	if (ir_attr_int(n, "transBatchA", 0) || ir_attr_int(n, "transBatchB", 0))
		return dec_error(&d, n->in[0], "transBatchA and transBatchB are not supported");
	for (int i = 0; i < 2; i++) {
		int64_t perm[TUFF_MAX_RANK];
		int r = n->in[i]->rank;

		v[i] = n->in[i];
		if (!ir_attr_int(n, trans[i], 0) || r < 2)
			continue;
		for (int k = 0; k < r; k++)
			perm[k] = k < r - 2 ? k : k == r - 2 ? r - 1 : r - 2;
		v[i] = dec_transpose(&d, v[i], perm, NULL);
	}
	if (alpha == 1)
		dec_to(&d, TUFF_OP_MATMUL, v[0], v[1], n->out[0]);
	else
		dec_to(&d, TUFF_OP_MUL, dec_2(&d, TUFF_OP_MATMUL, v[0], v[1]), dec_float(&d, alpha, v[0]), n->out[0]);
	return dec_done(&d);
}

int shape_rmsnorm(struct ir_module *m, struct ir_node *n)
{
	struct dec d;

	dec_begin(&d, m, n);
	dec_rmsnorm(&d, n->in[0], n->in[1], ir_attr_float(n, "epsilon", 1e-5f), ir_attr_int(n, "axis", -1), n->out[0]);
	return dec_done(&d);
}

/* x * sigmoid(alpha * x): the operator stands for alpha = 1 */
int shape_swish(struct ir_module *m, struct ir_node *n)
{
	float alpha = ir_attr_float(n, "alpha", 1);
	struct dec d;

	if (alpha == 1)
		return shape_same(m, n);
	dec_begin(&d, m, n);
	dec_to(&d, TUFF_OP_MUL, n->in[0], dec_1(&d, TUFF_OP_SIGMOID, dec_2(&d, TUFF_OP_MUL, n->in[0], dec_float(&d, alpha, n->in[0]))), n->out[0]);
	return dec_done(&d);
}
