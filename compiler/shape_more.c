// SPDX-License-Identifier: MIT
/* Shapes of look-ups, recurrent networks, Einsum and transposed convolution. */
#include <errno.h>
#include <string.h>

#include "compiler/shape.h"

static int axis_in(struct ir_module *m, struct ir_node *n, int64_t def, int *out)
{
	int64_t axis = ir_attr_int(n, "axis", def);
	int rank = n->in[0]->rank;

	*out = 0;
	if (axis < -rank || axis >= rank)
		return ir_error(m, -EINVAL, n, n->in[0], "axis %lld is out of range", (long long)axis);
	*out = axis < 0 ? axis + rank : axis;
	return ir_attr_set_int(m, n, "axis", *out);
}

int shape_size(struct ir_module *m, struct ir_node *n)
{
	set_shape(n->out[0], TUFF_I64, 0, NULL);
	return 0;
}

int shape_gatherel(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *ix = n->in[1];
	int axis, ret = axis_in(m, n, 0, &axis);

	if (ret)
		return ret;
	if (ix->rank != x->rank)
		return ir_error(m, -EINVAL, n, ix, "indices do not have the input's rank");
	for (int i = 0; i < x->rank; i++) {
		int64_t a, b;

		if (i != axis && ex_value(m, x->dim[i], &a) && ex_value(m, ix->dim[i], &b) && b > a)
			return ir_error(m, -EINVAL, n, ix, "dimension %d is larger than the input's", i);
	}
	set_shape(n->out[0], x->dtype, ix->rank, ix->dim);
	return 0;
}

int shape_scatterel(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *ix = n->in[1], *u = n->in[2];
	int axis, ret = axis_in(m, n, 0, &axis);

	if (ret)
		return ret;
	if (ix->rank != x->rank || u->rank != x->rank || u->dtype != x->dtype)
		return ir_error(m, -EINVAL, n, ix, "indices and updates do not have the input's rank and type");
	for (int i = 0; i < x->rank; i++) {
		int64_t a, b;

		ret = size_same(m, n, u, ix->dim[i], u->dim[i]);
		if (ret)
			return ret;
		if (i != axis && ex_value(m, x->dim[i], &a) && ex_value(m, ix->dim[i], &b) && b > a)
			return ir_error(m, -EINVAL, n, ix, "dimension %d is larger than the input's", i);
	}
	set_shape(n->out[0], x->dtype, x->rank, x->dim);
	return 0;
}

/* the length of an index tuple: the last dimension of the indices */
static int tuple(struct ir_module *m, struct ir_node *n, int64_t batch, int64_t *k)
{
	struct ir_value *x = n->in[0], *ix = n->in[1];

	if (ix->rank < 1 || !ex_value(m, ix->dim[ix->rank - 1], k))
		return ir_error(m, -EOPNOTSUPP, n, ix, "the last dimension of the indices must be known");
	if (batch < 0 || batch >= ix->rank || *k < 0 || *k + batch > x->rank)
		return ir_error(m, -EINVAL, n, ix, "the indices do not fit the input");
	return 0;
}

int shape_gathernd(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *ix = n->in[1];
	int64_t batch = ir_attr_int(n, "batch_dims", 0), k;
	ir_expr d[2 * TUFF_MAX_RANK];
	int at = 0, ret = tuple(m, n, batch, &k);

	if (ret)
		return ret;
	for (int i = 0; i + 1 < ix->rank; i++)
		d[at++] = ix->dim[i];
	for (int i = 0; i < batch && !ret; i++)
		ret = size_same(m, n, ix, ix->dim[i], x->dim[i]);
	if (ret)
		return ret;
	for (int i = batch + k; i < x->rank; i++)
		d[at++] = x->dim[i];
	if (at > TUFF_MAX_RANK)
		return ir_error(m, -EINVAL, n, x, "more than 8 dimensions");
	set_shape(n->out[0], x->dtype, at, d);
	return 0;
}

int shape_scatternd(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *ix = n->in[1], *u = n->in[2];
	int64_t k;
	int ret = tuple(m, n, 0, &k);

	if (ret)
		return ret;
	if (u->dtype != x->dtype || u->rank != ix->rank - 1 + x->rank - k)
		return ir_error(m, -EINVAL, n, u, "the updates do not fit indices and input");
	for (int i = 0; i < u->rank; i++) {
		ir_expr want = i + 1 < ix->rank ? ix->dim[i] : x->dim[k + i - (ix->rank - 1)];

		ret = size_same(m, n, u, u->dim[i], want);
		if (ret)
			return ret;
	}
	set_shape(n->out[0], x->dtype, x->rank, x->dim);
	return 0;
}

int shape_revseq(struct ir_module *m, struct ir_node *n)
{
	int64_t b = ir_attr_int(n, "batch_axis", 1), t = ir_attr_int(n, "time_axis", 0);

	if (n->in[0]->rank < 2 || !((b == 0 && t == 1) || (b == 1 && t == 0)) || n->in[1]->rank != 1)
		return ir_error(m, -EINVAL, n, n->in[0], "needs at least two dimensions, the first two being time and batch, and a length for each entry");
	set_shape(n->out[0], n->in[0]->dtype, n->in[0]->rank, n->in[0]->dim);
	return size_same(m, n, n->in[1], n->in[1]->dim[0], n->in[0]->dim[b]);
}

int shape_eyelike(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0];
	int64_t dtype = ir_attr_int(n, "dtype", x->dtype);

	if (x->rank != 2 || !tuff_dtype_size(dtype))
		return ir_error(m, -EINVAL, n, x, "needs a matrix and a numeric type");
	set_shape(n->out[0], dtype, 2, x->dim);
	return 0;
}

int shape_onehot(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *depth = n->in[1];
	int64_t axis = ir_attr_int(n, "axis", -1);
	ir_expr d[TUFF_MAX_RANK + 1], deep = 0;
	int at = 0;

	if (depth->ival && depth->nival == 1) {
		deep = depth->ival[0];
	} else if (depth->weight != TUFF_NONE && depth->input < 0 && m->weights[depth->weight].size == 4 && depth->dtype == TUFF_F32 &&
		   ir_weight_bytes(m, depth->weight)) {
		float f;

		memcpy(&f, ir_weight_bytes(m, depth->weight), 4);
		deep = ex_const(m, f >= 0 && f < 1e9f ? (int64_t)f : 0);
	} else {
		return ir_error(m, -EOPNOTSUPP, n, depth, "a depth that depends on data is not supported");
	}
	if (axis < -x->rank - 1 || axis > x->rank || x->rank == TUFF_MAX_RANK)
		return ir_error(m, -EINVAL, n, x, "axis %lld is out of range", (long long)axis);
	if (n->in[2]->rank != 1 || !ex_is(m, n->in[2]->dim[0], 2))
		return ir_error(m, -EINVAL, n, n->in[2], "needs the two values off and on");
	axis += axis < 0 ? x->rank + 1 : 0;
	for (int i = 0; i <= x->rank; i++)
		d[i] = i == axis ? deep : x->dim[at++];
	set_shape(n->out[0], n->in[2]->dtype, x->rank + 1, d);
	return ir_attr_set_int(m, n, "axis", axis);
}

int shape_topk(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *k = n->nin > 1 ? n->in[1] : NULL;
	ir_expr d[TUFF_MAX_RANK];
	int axis, ret = axis_in(m, n, -1, &axis);
	int64_t a, b;

	if (ret)
		return ret;
	if (!k || !k->ival || k->nival != 1)
		return ir_error(m, -EOPNOTSUPP, n, k, "a count that depends on data is not supported");
	if (ex_value(m, k->ival[0], &a) && (a < 0 || (ex_value(m, x->dim[axis], &b) && a > b)))
		return ir_error(m, -EINVAL, n, x, "%lld elements of dimension %d are not there", (long long)a, axis);
	ret = size_same(m, n, x, ex_op(m, TUFF_E_LT, x->dim[axis], k->ival[0]), ex_const(m, 0));
	if (ret)
		return ret;
	memcpy(d, x->dim, sizeof(d));
	d[axis] = k->ival[0];
	set_shape(n->out[0], x->dtype, x->rank, d);
	if (n->nout > 1 && n->out[1])
		set_shape(n->out[1], TUFF_I64, x->rank, d);
	return 0;
}

/* GRU and RNN: Y [seq,D,B,H], Y_h [D,B,H]; batch first with layout 1 */
int shape_gru(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *w = n->in[1], *r = n->in[2];
	int64_t layout = ir_attr_int(n, "layout", 0), gates = n->op == TUFF_OP_GRU ? 3 : 1, h, g, hidden = ir_attr_int(n, "hidden_size", 0);
	ir_expr y[4], yh[3], seq, batch, b[2], st[3];
	int ret;

	if (x->rank != 3 || w->rank != 3 || r->rank != 3 || (layout != 0 && layout != 1))
		return ir_error(m, -EINVAL, n, x, "needs [seq,batch,input] and weights of three dimensions");
	if (!ex_value(m, r->dim[2], &h) || !ex_value(m, r->dim[1], &g) || g != gates * h || (hidden && hidden != h) ||
	    w->dim[1] != r->dim[1] || w->dim[0] != r->dim[0])
		return ir_error(m, -EINVAL, n, r, "the recurrent weights do not fit hidden_size");
	seq = x->dim[layout];
	batch = x->dim[!layout];
	b[0] = r->dim[0];
	b[1] = ex_mul(m, ex_const(m, 2), r->dim[1]);
	st[0] = layout ? batch : r->dim[0];
	st[1] = layout ? r->dim[0] : batch;
	st[2] = r->dim[2];
	ret = size_same(m, n, w, w->dim[2], x->dim[2]);
	ret = ret ? ret : size_is(m, n, n->nin > 3 ? n->in[3] : NULL, 2, b);
	ret = ret ? ret : size_is(m, n, n->nin > 4 ? n->in[4] : NULL, 1, &batch);
	ret = ret ? ret : size_is(m, n, n->nin > 5 ? n->in[5] : NULL, 3, st);
	if (ret)
		return ret;
	y[0] = layout ? batch : seq;
	y[1] = layout ? seq : r->dim[0];
	y[2] = layout ? r->dim[0] : batch;
	y[3] = r->dim[2];
	yh[0] = layout ? batch : r->dim[0];
	yh[1] = layout ? r->dim[0] : batch;
	yh[2] = r->dim[2];
	if (n->out[0])
		set_shape(n->out[0], x->dtype, 4, y);
	if (n->nout > 1 && n->out[1])
		set_shape(n->out[1], x->dtype, 3, yh);
	return 0;
}

/* Pads become explicit: what a lowering and the CPU read is `pads` alone. */
int shape_convt(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *w = n->in[1];
	int ns = x->rank - 2;
	const char *mode = ir_attr_str(n, "auto_pad", "NOTSET");
	uint64_t nstr, ndil, npad, nopad, nshape;
	const int64_t *str = ir_attr_ints(n, "strides", &nstr), *dil = ir_attr_ints(n, "dilations", &ndil);
	const int64_t *pad = ir_attr_ints(n, "pads", &npad), *opad = ir_attr_ints(n, "output_padding", &nopad);
	const int64_t *shape = ir_attr_ints(n, "output_shape", &nshape);
	int64_t group = ir_attr_int(n, "group", 1), cin, cx, ocg, pads[2 * TUFF_MAX_RANK];
	ir_expr d[TUFF_MAX_RANK];

	if (x->rank < 3 || w->rank != x->rank)
		return ir_error(m, -EINVAL, n, x, "needs an input [N,C,spatial..] and weights of the same rank");
	if ((str && nstr != (uint64_t)ns) || (dil && ndil != (uint64_t)ns) || (pad && npad != 2u * ns) || (opad && nopad != (uint64_t)ns) ||
	    (shape && nshape != (uint64_t)ns && nshape != (uint64_t)ns + 2))
		return ir_error(m, -EINVAL, n, x, "strides, dilations, pads or output_shape do not fit %d spatial dimensions", ns);
	if (!ex_value(m, w->dim[0], &cin) || !ex_value(m, w->dim[1], &ocg) || group < 1 || cin % group || ocg < 1 || group > 1 << 20)
		return ir_error(m, -EINVAL, n, w, "weights do not fit group %lld", (long long)group);
	if (ex_value(m, x->dim[1], &cx) && cx != cin)
		return ir_error(m, -EINVAL, n, x, "%lld channels, the weights take %lld", (long long)cx, (long long)cin);
	if (size_same(m, n, x, x->dim[1], w->dim[0]))
		return -EINVAL;
	if (n->nin > 2 && n->in[2] && (n->in[2]->rank != 1 || !ex_is(m, n->in[2]->dim[0], ocg * group)))
		return ir_error(m, -EINVAL, n, n->in[2], "the bias does not have one element per output channel");
	if (shape && nshape == (uint64_t)ns + 2)
		shape += 2;
	d[0] = x->dim[0];
	d[1] = ex_const(m, ocg * group);
	for (int i = 0; i < ns; i++) {
		int64_t s = str ? str[i] : 1, dl = dil ? dil[i] : 1, op = opad ? opad[i] : 0, k, in, total;
		int64_t p0 = pad ? pad[i] : 0, p1 = pad ? pad[ns + i] : 0;
		bool same = !strncmp(mode, "SAME", 4);
		ir_expr full;

		if (!ex_value(m, w->dim[2 + i], &k) || k < 1 || k > 1 << 20 || s < 1 || s > 1 << 20 || dl < 1 || dl > 1 << 20 ||
		    op < 0 || op > 1 << 20 || p0 < 0 || p1 < 0 || p0 > 1 << 20 || p1 > 1 << 20)
			return ir_error(m, -EINVAL, n, w, "kernel, stride, dilation or pad out of range on axis %d", i);
		if (!strcmp(mode, "VALID"))
			p0 = p1 = 0;
		/* s * (in - 1) + op + (k - 1) * d + 1 */
		full = ex_add(m, ex_mul(m, ex_sub(m, x->dim[2 + i], ex_const(m, 1)), ex_const(m, s)), ex_const(m, op + (k - 1) * dl + 1));
		if (shape) {
			if (!ex_value(m, x->dim[2 + i], &in))
				return ir_error(m, -EAGAIN, n, x, "output_shape beside an unknown size");
			total = s * (in - 1) + op + (k - 1) * dl + 1 - shape[i];
			if (shape[i] < 1 || shape[i] > 1 << 20)
				return ir_error(m, -EINVAL, n, x, "output_shape is out of range");
			d[2 + i] = ex_const(m, shape[i]);
		} else if (same) {
			total = op + (k - 1) * dl + 1 - s;
			d[2 + i] = ex_mul(m, x->dim[2 + i], ex_const(m, s));
		} else {
			total = p0 + p1;
			d[2 + i] = ex_sub(m, full, ex_const(m, total));
		}
		if (shape || same) {
			total = total < 0 ? 0 : total;
			p0 = !strcmp(mode, "SAME_UPPER") ? total / 2 : total - total / 2;
			p1 = total - p0;
		}
		if (ex_value(m, d[2 + i], &in) && in < 1)
			return ir_error(m, -EINVAL, n, x, "nothing is left of axis %d", i);
		pads[i] = p0;
		pads[ns + i] = p1;
	}
	set_shape(n->out[0], x->dtype, x->rank, d);
	ir_attr_set_str(m, n, "auto_pad", "NOTSET");
	return ir_attr_set_ints(m, n, "pads", pads, 2 * ns);
}

int shape_gridsample(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *x = n->in[0], *g = n->in[1];
	ir_expr d[TUFF_MAX_RANK];

	if (x->rank < 4 || x->rank > 5 || g->rank != x->rank || !ex_is(m, g->dim[g->rank - 1], x->rank - 2))
		return ir_error(m, -EINVAL, n, g, "needs [N,C,H,W] and a grid [N,h,w,2], or [N,C,D,H,W] and [N,d,h,w,3]");
	if (size_same(m, n, g, g->dim[0], x->dim[0]))
		return -EINVAL;
	d[0] = x->dim[0];
	d[1] = x->dim[1];
	for (int i = 2; i < x->rank; i++)
		d[i] = g->dim[i - 1];
	set_shape(n->out[0], x->dtype, x->rank, d);
	return 0;
}
