// SPDX-License-Identifier: MIT
/*
 * Types and shapes, rule by rule of ops.h. Dimensions are expressions; small
 * integer tensors carry their content as expressions too (ival.c), which is
 * what exported transformers compute their Reshapes from.
 */
#include <errno.h>
#include <string.h>

#include "compiler/ir.h"
#include "compiler/shape.h"

static int same(struct ir_module *m, struct ir_node *n)
{
	set_shape(n->out[0], n->in[0]->dtype, n->in[0]->rank, n->in[0]->dim);
	return 0;
}

int shape_same(struct ir_module *m, struct ir_node *n)
{
	return same(m, n);
}

/* scale, bias, mean, variance: one element per channel */
int shape_channels(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0];
	int ret = x->rank < 2 ? ir_error(m, -EINVAL, n, x, "needs [N,C,..]") : same(m, n);

	for (uint32_t i = 1; i < n->nin && !ret; i++)
		ret = size_is(m, n, n->in[i], 1, &x->dim[1]);
	return ret;
}

int shape_prelu(struct ir_module *m, struct ir_node *n)
{
	int ret = size_into(m, n, n->in[1], n->in[0]->rank, n->in[0]->dim);

	return ret ? ret : same(m, n);
}

static int one_element(struct ir_module *m, struct ir_node *n, struct ir_value *v)
{
	return v ? size_same(m, n, v, ex_numel(m, v, 0, v->rank), ex_const(m, 1)) : 0;
}

/* parameters of one element: bounds of Clip, the axis of CumSum, the diagonal of Trilu */
int shape_scalars(struct ir_module *m, struct ir_node *n)
{
	int ret = n->op == TUFF_OP_TRILU && n->in[0]->rank < 2 ? ir_error(m, -EINVAL, n, n->in[0], "needs a matrix") : same(m, n);

	for (uint32_t i = 1; i < n->nin && !ret; i++)
		ret = one_element(m, n, n->in[i]);
	return ret;
}

int shape_lrn(struct ir_module *m, struct ir_node *n)
{
	return n->in[0]->rank < 2 ? ir_error(m, -EINVAL, n, n->in[0], "needs [N,C,..]") : same(m, n);
}

int shape_softmax(struct ir_module *m, struct ir_node *n)
{
	int64_t axis = ir_attr_int(n, "axis", -1);
	int rank = n->in[0]->rank;

	if (axis < -rank || axis > rank || (axis == rank && !ir_attr_int(n, "tuff.flat", 0) && rank))
		return ir_error(m, -EINVAL, n, n->in[0], "axis %lld is out of range", (long long)axis);
	return same(m, n);
}

int shape_isbool(struct ir_module *m, struct ir_node *n)
{
	set_shape(n->out[0], TUFF_BOOL, n->in[0]->rank, n->in[0]->dim);
	return 0;
}

int shape_cast(struct ir_module *m, struct ir_node *n)
{
	set_shape(n->out[0], ir_attr_int(n, "to", n->in[0]->dtype), n->in[0]->rank, n->in[0]->dim);
	if (!tuff_dtype_size(n->out[0]->dtype))
		return ir_error(m, -EOPNOTSUPP, n, NULL, "casting to %s is not supported", tuff_dtype_name(n->out[0]->dtype));
	return 0;
}

int shape_layout(struct ir_module *m, struct ir_node *n)
{
	return same(m, n);
}

int shape_dropout(struct ir_module *m, struct ir_node *n)
{
	return same(m, n);
}

/* Multidirectional broadcasting of all inputs from `from` on. */
static int bcast(struct ir_module *m, struct ir_node *n, uint32_t from, uint32_t dtype)
{
	ir_expr d[TUFF_MAX_RANK];
	int rank = 0;

	for (uint32_t i = from; i < n->nin; i++)
		if (n->in[i] && n->in[i]->rank > rank)
			rank = n->in[i]->rank;
	for (int k = 0; k < rank; k++) {
		d[k] = ex_const(m, 1);
		for (uint32_t i = from; i < n->nin; i++) {
			int at = n->in[i] ? k - (rank - n->in[i]->rank) : -1;
			int ret = at >= 0 ? size_bcast(m, n, n->in[i], d[k], n->in[i]->dim[at], &d[k]) : 0;

			if (ret)
				return ret;
		}
	}
	set_shape(n->out[0], dtype, rank, d);
	return 0;
}

int shape_bcast(struct ir_module *m, struct ir_node *n)
{
	int64_t axis = ir_attr_int(n, "tuff.axis", -1);

	/* opset < 7 form: B aligned from `axis`; its view gets ones behind */
	if (axis >= 0 && n->in[1]->rank + axis < n->in[0]->rank) {
		struct ir_node *u = ir_node_new(m, TUFF_OP_RESHAPE, n->name, 1, 1, n);
		struct ir_value *v = ir_value_like(m, n->in[1], "");

		while (v->rank + axis < n->in[0]->rank)
			v->dim[v->rank++] = ex_const(m, 1);
		u->in[0] = n->in[1];
		u->out[0] = v;
		v->def = u;
		n->in[1] = v;
	}
	return bcast(m, n, 0, n->in[0]->dtype);
}

int shape_pow(struct ir_module *m, struct ir_node *n)
{
	return bcast(m, n, 0, n->in[0]->dtype);
}

int shape_compare(struct ir_module *m, struct ir_node *n)
{
	return bcast(m, n, 0, TUFF_BOOL);
}

int shape_where(struct ir_module *m, struct ir_node *n)
{
	return bcast(m, n, 0, n->in[1]->dtype);
}

int shape_fused(struct ir_module *m, struct ir_node *n)
{
	return bcast(m, n, 0, n->out[0]->dtype);
}

/* Output size of one window axis; fills pads when auto_pad asks for it. */
static ir_expr window(struct ir_module *m, ir_expr in, int64_t k, int64_t s, int64_t d, int64_t p0, int64_t p1,
		      int ceil_mode, const char *auto_pad)
{
	int64_t span = (k - 1) * d + 1;
	ir_expr e, one = ex_const(m, 1);

	if (!strncmp(auto_pad, "SAME", 4))
		return ex_cdiv(m, in, s);
	e = ex_sub(m, ex_add(m, in, ex_const(m, p0 + p1)), ex_const(m, span));
	e = ex_op(m, ceil_mode ? TUFF_E_CDIV : TUFF_E_DIV, e, ex_const(m, s));
	e = ex_add(m, e, one);
	if (ceil_mode) {	/* the last window starts inside the input or its left pad */
		ir_expr last = ex_mul(m, ex_sub(m, e, one), ex_const(m, s));
		ir_expr out = ex_op(m, TUFF_E_LT, last, ex_add(m, in, ex_const(m, p0)));

		e = ex_select(m, out, e, ex_sub(m, e, one));
	}
	return e;
}

static int windows(struct ir_module *m, struct ir_node *n, const int64_t *k, int ns, int ceil_mode, ir_expr *out)
{
	const char *auto_pad = ir_attr_str(n, "auto_pad", "NOTSET");
	uint64_t nstr, ndil, npad;
	const int64_t *str = ir_attr_ints(n, "strides", &nstr);
	const int64_t *dil = ir_attr_ints(n, "dilations", &ndil);
	const int64_t *pad = ir_attr_ints(n, "pads", &npad);

	if ((str && nstr != (uint64_t)ns) || (dil && ndil != (uint64_t)ns) || (pad && npad != 2u * ns))
		return ir_error(m, -EINVAL, n, n->in[0], "strides, dilations or pads do not fit %d spatial dimensions", ns);
	for (int i = 0; i < ns; i++) {
		int64_t s = str ? str[i] : 1, d = dil ? dil[i] : 1, p0 = pad ? pad[i] : 0, p1 = pad ? pad[ns + i] : 0, v;

		if (!strcmp(auto_pad, "VALID"))
			p0 = p1 = 0;
		if (k[i] < 1 || s < 1 || d < 1 || p0 < 0 || p1 < 0 || k[i] > 1 << 20 || s > 1 << 20 || d > 1 << 20 || p0 > 1 << 20 || p1 > 1 << 20)
			return ir_error(m, -EINVAL, n, NULL, "kernel, stride, dilation or pad out of range on axis %d", i);
		out[i] = window(m, n->in[0]->dim[2 + i], k[i], s, d, p0, p1, ceil_mode, auto_pad);
		if (ex_value(m, out[i], &v) && v < 1)
			return ir_error(m, -EINVAL, n, n->in[0], "the window is larger than the padded input on axis %d", i);
	}
	return 0;
}

int shape_conv(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *w = n->in[1];
	int64_t k[TUFF_MAX_RANK], cin, cw, group = ir_attr_int(n, "group", 1), oc;
	ir_expr d[TUFF_MAX_RANK];
	int ret;

	if (x->rank < 3 || w->rank != x->rank)
		return ir_error(m, -EINVAL, n, x, "needs an input [N,C,spatial..] and weights of the same rank");
	for (int i = 2; i < w->rank; i++)
		if (!ex_value(m, w->dim[i], &k[i - 2]))
			return ir_error(m, -EOPNOTSUPP, n, w, "the size of the window is not known");
	if (group < 1 || !ex_value(m, w->dim[1], &cw) || !ex_value(m, w->dim[0], &oc) || oc % group)
		return ir_error(m, -EINVAL, n, w, "weights do not fit group %lld", (long long)group);
	if (ex_value(m, x->dim[1], &cin) && cin != cw * group)
		return ir_error(m, -EINVAL, n, x, "%lld channels, the weights take %lld", (long long)cin, (long long)(cw * group));
	ret = size_same(m, n, x, x->dim[1], ex_const(m, cw * group));
	if (ret)
		return ret;
	if (n->nin > 2 && n->in[2] && (n->in[2]->rank != 1 || n->in[2]->dim[0] != w->dim[0]))
		return ir_error(m, -EINVAL, n, n->in[2], "the bias does not have one element per output channel");
	d[0] = x->dim[0];
	d[1] = w->dim[0];
	ret = windows(m, n, k, x->rank - 2, 0, d + 2);
	if (!ret)
		set_shape(n->out[0], x->dtype, x->rank, d);
	return ret;
}

int shape_pool(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0];
	ir_expr d[TUFF_MAX_RANK];
	const int64_t *k;
	uint64_t nk;
	int ret;

	k = ir_attr_ints(n, "kernel_shape", &nk);
	if (x->rank < 3 || nk != (uint64_t)x->rank - 2)
		return ir_error(m, -EINVAL, n, x, "kernel_shape does not fit the input");
	d[0] = x->dim[0];
	d[1] = x->dim[1];
	ret = windows(m, n, k, x->rank - 2, ir_attr_int(n, "ceil_mode", 0), d + 2);
	if (ret)
		return ret;
	set_shape(n->out[0], x->dtype, x->rank, d);
	if (n->nout > 1 && n->out[1])
		set_shape(n->out[1], TUFF_I64, x->rank, d);
	return 0;
}

int shape_gpool(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0];
	ir_expr d[TUFF_MAX_RANK];

	if (x->rank < 3)
		return ir_error(m, -EINVAL, n, x, "needs [N,C,spatial..]");
	for (int i = 0; i < x->rank; i++)
		d[i] = i < 2 ? x->dim[i] : ex_const(m, 1);
	set_shape(n->out[0], x->dtype, x->rank, d);
	return 0;
}

static int inner(struct ir_module *m, struct ir_node *n, ir_expr a, ir_expr b)
{
	int64_t x, y;

	if (ex_value(m, a, &x) && ex_value(m, b, &y) && x != y)
		return ir_error(m, -EINVAL, n, n->in[1], "inner dimensions differ: %lld and %lld", (long long)x, (long long)y);
	return size_same(m, n, n->in[1], a, b);
}

int shape_gemm(struct ir_module *m, struct ir_node *n)
{
	int ta = !!ir_attr_int(n, "transA", 0), tb = !!ir_attr_int(n, "transB", 0);
	struct ir_value *a = n->in[0], *b = n->in[1];
	ir_expr d[2];
	int ret;

	if (a->rank != 2 || b->rank != 2)
		return ir_error(m, -EINVAL, n, a->rank != 2 ? a : b, "must be a matrix");
	d[0] = a->dim[ta];
	d[1] = b->dim[!tb];
	set_shape(n->out[0], a->dtype, 2, d);
	ret = n->nin > 2 && n->in[2] ? size_into(m, n, n->in[2], 2, d) : 0;
	return ret ? ret : inner(m, n, a->dim[!ta], b->dim[tb]);
}

int shape_matmul(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *a = n->in[0], *b = n->in[1];
	ir_expr d[TUFF_MAX_RANK];
	int ra = a->rank, rb = b->rank, rank, at = 0;

	if (ra < 1 || rb < 1)
		return ir_error(m, -EINVAL, n, ra < 1 ? a : b, "a scalar cannot be multiplied");
	rank = (ra > rb ? ra : rb) > 2 ? (ra > rb ? ra : rb) : 2;
	for (int i = 0; i < rank - 2; i++) {
		int ia = i - (rank - (ra > 1 ? ra : 2)), ib = i - (rank - (rb > 1 ? rb : 2));
		ir_expr ea = ia >= 0 ? a->dim[ia] : ex_const(m, 1), eb = ib >= 0 ? b->dim[ib] : ex_const(m, 1);
		int ret = size_bcast(m, n, b, ea, eb, &d[at++]);

		if (ret)
			return ret;
	}
	if (ra > 1)
		d[at++] = a->dim[ra - 2];
	if (rb > 1)
		d[at++] = b->dim[rb - 1];
	set_shape(n->out[0], a->dtype, at, d);
	return inner(m, n, a->dim[ra - 1], b->dim[rb > 1 ? rb - 2 : 0]);
}

int shape_reduce(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *axes = n->nin > 1 ? n->in[1] : NULL;
	int keep = ir_attr_int(n, "keepdims", 1), rank = 0;
	uint32_t mask = 0;
	ir_expr d[TUFF_MAX_RANK];

	if (axes && !axes->ival)
		return ir_error(m, -EOPNOTSUPP, n, axes, "axes that are not constant are not supported");
	for (uint32_t i = 0; axes && i < axes->nival; i++) {
		int64_t v;

		if (!ex_value(m, axes->ival[i], &v) || v < -x->rank || v >= x->rank)
			return ir_error(m, -EINVAL, n, x, "axis %lld is out of range", (long long)v);
		mask |= 1u << (v < 0 ? v + x->rank : v);
	}
	if ((!axes || !axes->nival) && !ir_attr_int(n, "noop_with_empty_axes", 0))
		mask = ~0u;
	for (int i = 0; i < x->rank; i++) {
		if (!(mask >> i & 1))
			d[rank++] = x->dim[i];
		else if (keep)
			d[rank++] = ex_const(m, 1);
	}
	set_shape(n->out[0], x->dtype, rank, d);
	return 0;
}

int shape_argmax(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0];
	int64_t axis = ir_attr_int(n, "axis", 0);
	int keep = ir_attr_int(n, "keepdims", 1), rank = 0;
	ir_expr d[TUFF_MAX_RANK];

	if (axis < -x->rank || axis >= x->rank)
		return ir_error(m, -EINVAL, n, x, "axis %lld is out of range", (long long)axis);
	axis += axis < 0 ? x->rank : 0;
	for (int i = 0; i < x->rank; i++)
		if (i != axis)
			d[rank++] = x->dim[i];
		else if (keep)
			d[rank++] = ex_const(m, 1);
	set_shape(n->out[0], TUFF_I64, rank, d);
	return 0;
}

int shape_lstm(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *r = n->in[2];
	int layout = ir_attr_int(n, "layout", 0);
	ir_expr y[4], h[3];

	if (x->rank != 3 || r->rank != 3 || layout)
		return ir_error(m, layout ? -EOPNOTSUPP : -EINVAL, n, x, "needs [seq,batch,input] (layout 0)");
	{
		struct ir_value *w = n->in[1];
		ir_expr four = ex_const(m, 4), rd[3] = { r->dim[0], ex_mul(m, four, r->dim[2]), r->dim[2] }, wd[3] = { rd[0], rd[1], x->dim[2] };
		ir_expr b[2] = { rd[0], ex_mul(m, ex_const(m, 8), r->dim[2]) }, st[3] = { rd[0], x->dim[1], r->dim[2] }, p[2] = { rd[0], ex_mul(m, ex_const(m, 3), r->dim[2]) };
		int ret = size_is(m, n, r, 3, rd);

		ret = ret ? ret : size_is(m, n, w, 3, wd);
		ret = ret ? ret : size_is(m, n, n->nin > 3 ? n->in[3] : NULL, 2, b);
		ret = ret ? ret : size_is(m, n, n->nin > 4 ? n->in[4] : NULL, 1, &x->dim[1]);
		ret = ret ? ret : size_is(m, n, n->nin > 5 ? n->in[5] : NULL, 3, st);
		ret = ret ? ret : size_is(m, n, n->nin > 6 ? n->in[6] : NULL, 3, st);
		ret = ret ? ret : size_is(m, n, n->nin > 7 ? n->in[7] : NULL, 2, p);
		if (ret)
			return ret;
	}
	y[0] = x->dim[0];
	y[1] = h[0] = r->dim[0];
	y[2] = h[1] = x->dim[1];
	y[3] = h[2] = r->dim[2];
	if (n->out[0])
		set_shape(n->out[0], x->dtype, 4, y);
	for (uint32_t i = 1; i < n->nout; i++)
		if (n->out[i])
			set_shape(n->out[i], x->dtype, 3, h);
	return 0;
}

/* Rules that this version does not have: said at compile time, with the node. */
#define NO_RULE(rule) int shape_##rule(struct ir_module *m, struct ir_node *n) \
	{ return ir_error(m, -EOPNOTSUPP, n, n->nin ? n->in[0] : NULL, "this operator is not supported yet"); }
NO_RULE(constant) NO_RULE(known)

typedef int (*rule_fn)(struct ir_module *, struct ir_node *);
static const struct {
	rule_fn rule;
	uint8_t lo, hi, out;	/* hi, out: 0 is any number */
} rules[] = {
#define X(id, name, lo, hi, out, rule) { shape_##rule, lo, hi, out },
	TUFF_OPS(X)
#undef X
};

int shape_node(struct ir_module *m, struct ir_node *n)
{
	bool regions = tuff_op_regions(n->op) > 0;
	int ret;

	/* of a list of any length each one is there, but for what a body takes */
	for (uint32_t i = 0; i < (rules[n->op].hi || regions ? rules[n->op].lo : n->nin); i++)
		if ((n->nin <= i || !n->in[i]) && !(i && n->op == TUFF_OP_RESHAPE))
			return ir_error(m, -EINVAL, n, NULL, "input %u is missing", i);
	while (!regions && n->nin > rules[n->op].lo && !n->in[n->nin - 1])	/* left out at the end */
		n->nin--;
	while (n->nout > 1 && !n->out[n->nout - 1] && rules[n->op].out)
		n->nout--;
	if (rules[n->op].hi && n->nin > rules[n->op].hi)
		return ir_error(m, -EINVAL, n, NULL, "%u inputs, it takes %u at most", n->nin, rules[n->op].hi);
	if (rules[n->op].out && n->nout > rules[n->op].out)
		return ir_error(m, -EINVAL, n, NULL, "%u outputs, it has %u at most", n->nout, rules[n->op].out);
	for (uint32_t i = 0; i < n->nin; i++)
		if (n->in[i] && n->in[i]->seq && !regions && !ir_is_sequence_op(n->op)) {
			if (n->op != TUFF_OP_IDENTITY)
				return ir_error(m, -EINVAL, n, n->in[i], "a sequence where a tensor is taken");
			ir_set_sequence(n->out[0], n->in[i]->dtype, n->in[i]->erank);
			return 0;
		}
	ret = dynamic_sized(m, n);
	if (ret)
		return ret < 0 ? ret : m->oom ? -ENOMEM : 0;
	ret = dynamic_parameters(m, n);
	ret = ret ? ret : rules[n->op].rule(m, n);
	if (ret < 0)
		return ret;
	if (m->oom)
		return -ENOMEM;
	if (!ret)
		ival_node(m, n);
	return ret;
}

int pass_shape(struct ir_module *m)
{
	for (uint32_t i = 0; i < m->nin; i++)
		if (m->in[i]->rank < 0)
			return ir_error(m, -EAGAIN, NULL, m->in[i], "the model does not say the shape of this input: give one");
	for (struct ir_node *n = m->first, *next; n; n = next) {
		int ret = shape_node(m, n);

		if (ret < 0)
			return ret;
		next = n->next;
		if (ret)	/* the nodes before it do its work */
			ir_node_remove(m, n);
		else if (fold_small(m, n))
			return -ENOMEM;
	}
	for (uint32_t i = 0; i < m->nout && !m->borrowed; i++)
		if (m->out[i]->seq)
			return ir_error(m, -EOPNOTSUPP, NULL, m->out[i], "an output that is a sequence is not supported");
	return 0;
}
