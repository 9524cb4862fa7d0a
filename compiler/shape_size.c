// SPDX-License-Identifier: MIT
/* Sizes that must agree. */
#include <errno.h>

#include "compiler/shape.h"

static void must(struct ir_module *m, ir_expr condition)
{
	ex_op(m, TUFF_E_DIV, ex_const(m, 1), condition);
}

int size_same(struct ir_module *m, struct ir_node *n, const struct ir_value *v, ir_expr a, ir_expr b)
{
	int64_t x, y;

	if (a == b)
		return 0;
	if (ex_value(m, a, &x) && ex_value(m, b, &y))
		return ir_error(m, -EINVAL, n, v, "sizes differ: %lld and %lld", (long long)x, (long long)y);
	must(m, ex_op(m, TUFF_E_EQ, a, b));
	return 0;
}

int size_divides(struct ir_module *m, struct ir_node *n, const struct ir_value *v, ir_expr a, ir_expr by)
{
	return size_same(m, n, v, ex_op(m, TUFF_E_MOD, a, by), ex_const(m, 0));
}

int size_bcast(struct ir_module *m, struct ir_node *n, const struct ir_value *v, ir_expr a, ir_expr b, ir_expr *out)
{
	ir_expr one = ex_const(m, 1), a1, b1;
	int64_t x, y;
	bool ca = ex_value(m, a, &x), cb = ex_value(m, b, &y);

	*out = a;
	if (a == b || (cb && y == 1))
		return 0;
	*out = b;
	if (ca && x == 1)
		return 0;
	if (ca && cb)
		return ir_error(m, -EINVAL, n, v, "does not broadcast: %lld beside %lld", (long long)y, (long long)x);
	a1 = ex_op(m, TUFF_E_EQ, a, one);
	b1 = ex_op(m, TUFF_E_EQ, b, one);
	must(m, ex_op(m, TUFF_E_MAX, ex_op(m, TUFF_E_EQ, a, b), ex_op(m, TUFF_E_MAX, a1, b1)));
	/* beside a constant above 1 it is that constant, or 1 */
	*out = ca ? a : cb ? b : ex_select(m, a1, b, a);
	return 0;
}

int size_into(struct ir_module *m, struct ir_node *n, const struct ir_value *v, int rank, const ir_expr *to)
{
	ir_expr one = ex_const(m, 1);

	if (v->rank > rank)
		return ir_error(m, -EINVAL, n, v, "has more dimensions than what it broadcasts to");
	for (int i = 0; i < v->rank; i++) {
		ir_expr a = v->dim[i], b = to[rank - v->rank + i];
		int64_t x, y;

		if (a == b || ex_is(m, a, 1))
			continue;
		if (ex_value(m, a, &x) && ex_value(m, b, &y))
			return ir_error(m, -EINVAL, n, v, "dimension %d is %lld, not %lld or 1", i, (long long)x, (long long)y);
		must(m, ex_op(m, TUFF_E_MAX, ex_op(m, TUFF_E_EQ, a, b), ex_op(m, TUFF_E_EQ, a, one)));
	}
	return 0;
}

int size_is(struct ir_module *m, struct ir_node *n, const struct ir_value *v, int rank, const ir_expr *dim)
{
	int ret = 0;

	if (!v)
		return 0;
	if (v->rank != rank)
		return ir_error(m, -EINVAL, n, v, "has %d dimensions, not %d", v->rank, rank);
	for (int i = 0; i < rank && !ret; i++)
		ret = size_same(m, n, v, v->dim[i], dim[i]);
	return ret;
}
