// SPDX-License-Identifier: MIT
/* MaxPool, AveragePool. Global pools are reductions: lower_reduce.c. */
#include <errno.h>
#include <string.h>

#include "compiler/lower_util.h"

static const char *pool_can(struct ir_module *m, const struct ir_node *n)
{
	int64_t taps = 1;
	uint64_t nk;
	const int64_t *k = ir_attr_ints(n, "kernel_shape", &nk);

	if (n->nout > 1 && n->out[1])
		return "the indices of MaxPool";
	if (!lt_float(n->in[0]))
		return "pooling of integers";
	if (n->in[0]->rank < 3 || n->in[0]->rank > 5 || !k || nk != (uint64_t)n->in[0]->rank - 2)
		return "pooling over more than three axes";
	for (uint64_t i = 0; i < nk; i++)
		taps *= k[i] > LT_LOOP ? LT_LOOP : k[i];
	return taps >= LT_LOOP ? "a window of more than 32000 elements" : NULL;
}

/* pads before and after along spatial axis i, as expressions (auto_pad) */
static void pads(struct ir_module *m, const struct ir_node *n, int i, int64_t k, int64_t s, int64_t d, ir_expr *lo, ir_expr *hi)
{
	const char *ap = ir_attr_str(n, "auto_pad", "NOTSET");
	uint64_t np;
	const int64_t *p = ir_attr_ints(n, "pads", &np);
	ir_expr total, zero = ex_const(m, 0);
	int ns = n->in[0]->rank - 2;

	if (!strncmp(ap, "SAME", 4)) {
		total = ex_mul(m, ex_sub(m, n->out[0]->dim[2 + i], ex_const(m, 1)), ex_const(m, s));
		total = ex_sub(m, ex_add(m, total, ex_const(m, (k - 1) * d + 1)), n->in[0]->dim[2 + i]);
		total = ex_op(m, TUFF_E_MAX, total, zero);
		*lo = !strcmp(ap, "SAME_LOWER") ? ex_cdiv(m, total, 2) : ex_op(m, TUFF_E_DIV, total, ex_const(m, 2));
		*hi = ex_sub(m, total, *lo);
	} else {
		bool none = !p || np != 2u * ns || !strcmp(ap, "VALID");

		*lo = none ? zero : ex_const(m, p[i]);
		*hi = none ? zero : ex_const(m, p[ns + i]);
	}
}

static int pool_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *o = n->out[0];
	bool cl = o->layout == TUFF_CL;
	int ns = x->rank - 2;
	uint64_t nk, nst, nd;
	const int64_t *k = ir_attr_ints(n, "kernel_shape", &nk), *s = ir_attr_ints(n, "strides", &nst), *d = ir_attr_ints(n, "dilations", &nd);
	ir_expr st[TUFF_MAX_RANK], w[19], one = ex_const(m, 1), zero = ex_const(m, 0), count;
	uint32_t id[11], spec[11], bind[2] = { launch_tensor(l, x), launch_tensor(l, o) };

	if (x->layout != o->layout)
		return ir_error(m, -EINVAL, n, x, "pooling between two layouts");
	launch_strides(m, x, st);
	count = launch_numel(m, o);
	w[0] = cl ? lt_div(m, count) : count;
	w[1] = cl ? lt_div(m, launch_cp(m, o)) : o->dim[1];
	w[5] = cl ? lt_div(m, st[0]) : st[0];
	w[6] = st[1];
	for (int i = 0; i < 11; i++)
		id[i] = i;
	spec[0] = n->op == TUFF_OP_MAXPOOL;
	spec[10] = !!ir_attr_int(n, "count_include_pad", 0);
	for (int a = 0; a < 3; a++) {	/* z, y, x; the last axes are the model's */
		int i = a - (3 - ns);

		spec[1 + a] = i < 0 ? 1 : k[i];
		spec[4 + a] = i < 0 || !s || nst != (uint64_t)ns ? 1 : s[i];
		spec[7 + a] = i < 0 || !d || nd != (uint64_t)ns ? 1 : d[i];
		w[2 + a] = i < 0 ? one : o->dim[2 + i];
		w[7 + a] = i < 0 ? zero : cl ? lt_div(m, st[2 + i]) : st[2 + i];
		w[10 + a] = i < 0 ? one : x->dim[2 + i];
		w[13 + a] = w[16 + a] = zero;
		if (i >= 0)
			pads(m, n, i, spec[1 + a], spec[4 + a], spec[7 + a], &w[13 + a], &w[16 + a]);
	}
	return lt_grid(l, n, launch_kernel(l, cl ? "pool4" : "pool", 2, 2, id, spec, 11), bind, 2, w, 19, w[0], 64);
}
const struct lower_ops lower_pool = { pool_can, pool_emit };
