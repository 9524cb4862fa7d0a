// SPDX-License-Identifier: MIT
/* Rules of check.c: windows, normalisations, reductions, products, recurrences. */
#include <string.h>

#include "userspace/cpu/check.h"

#define LARGEST (1 << 20)	/* of a window, stride, dilation or pad: as the compiler has it */

static int typed(const struct cpu_args *a, uint32_t i)
{
	return !cpu_has(a, i) || a->in[i].dtype == a->in[0].dtype ? 0 :
		BAD(a, "operand %u is %s beside %s", i, tuff_dtype_name(a->in[i].dtype), tuff_dtype_name(a->in[0].dtype));
}

/* the result has the input's shape, layout and type */
static int copied(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0], *o = &a->out[0];

	return check_dims(x, o) && x->layout == o->layout && x->dtype == o->dtype ? 0 : check_differ(a, 0);
}

struct window {
	int n;
	int64_t s[TUFF_MAX_RANK], d[TUFF_MAX_RANK], p0[TUFF_MAX_RANK], p1[TUFF_MAX_RANK];
};

/* strides, dilations and pads: one for each axis, or none; k: the kernel */
static int window_of(const struct cpu_args *a, const int64_t *k, struct window *w)
{
	const char *ap = tuff_attr_str(a->p, a->s, "auto_pad", "NOTSET");
	size_t ns, nd, np;
	const int64_t *s = tuff_attr_ints(a->p, a->s, "strides", &ns), *d = tuff_attr_ints(a->p, a->s, "dilations", &nd);
	const int64_t *p = tuff_attr_ints(a->p, a->s, "pads", &np);
	size_t n = w->n = (int)a->in[0].rank - 2;

	if ((ns && ns != n) || (nd && nd != n) || (np && np != 2 * n))
		return BAD(a, "strides, dilations or pads do not fit %zu spatial dimensions", n);
	for (size_t i = 0; i < n; i++) {
		bool pads = np && strcmp(ap, "VALID");

		w->s[i] = ns ? s[i] : 1;
		w->d[i] = nd ? d[i] : 1;
		w->p0[i] = pads ? p[i] : 0;
		w->p1[i] = pads ? p[n + i] : 0;
		if (k[i] < 1 || k[i] > LARGEST || w->s[i] < 1 || w->s[i] > LARGEST || w->d[i] < 1 || w->d[i] > LARGEST ||
		    w->p0[i] < 0 || w->p0[i] > LARGEST || w->p1[i] < 0 || w->p1[i] > LARGEST)
			return BAD(a, "kernel, stride, dilation or pad out of range on axis %zu", i);
	}
	return 0;
}

/* what a window makes of the axis; ceil_mode as the compiler's shape rule has it */
static int64_t slides(const struct cpu_args *a, const struct window *w, int i, int64_t k, bool ceil_mode)
{
	int64_t in = a->in[0].dim[2 + i], span = (k - 1) * w->d[i] + 1, room = in + w->p0[i] + w->p1[i] - span, n;

	if (!strncmp(tuff_attr_str(a->p, a->s, "auto_pad", "NOTSET"), "SAME", 4))
		return (in + w->s[i] - 1) / w->s[i];
	if (room < 0 && !ceil_mode)
		return 0;
	n = (room < 0 ? -(-room / w->s[i]) : (room + (ceil_mode ? w->s[i] - 1 : 0)) / w->s[i]) + 1;
	return ceil_mode && (n - 1) * w->s[i] >= in + w->p0[i] ? n - 1 : n;
}

int check_conv(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0], *w = &a->in[1], *o = &a->out[0];
	int64_t group = tuff_attr_int(a->p, a->s, "group", 1);
	struct window win;
	int ret;

	if (x->rank < 3 || w->rank != x->rank || o->rank != x->rank || o->dim[0] != x->dim[0] || o->dim[1] != w->dim[0])
		return check_differ(a, 0);
	if (group < 1 || w->dim[0] % group || w->dim[1] > x->dim[1] || w->dim[1] * group != x->dim[1] || group > x->dim[1])
		return BAD(a, "weights for %lld channels in %lld groups, the input has %lld", (long long)w->dim[1], (long long)group, (long long)x->dim[1]);
	ret = window_of(a, w->dim + 2, &win);
	for (int i = 0; !ret && i < win.n; i++)
		if (o->dim[2 + i] != slides(a, &win, i, w->dim[2 + i], false))
			ret = check_differ(a, 0);
	for (uint32_t i = 1; i < a->nin && !ret; i++)
		ret = typed(a, i);
	if (!ret && cpu_has(a, 2))
		ret = check_is(a, &a->in[2], "the bias", 0, 1, w->dim);
	if (!ret && cpu_has(a, 3) && (!check_dims(&a->in[3], o) || a->in[3].layout != o->layout))
		ret = check_differ(a, 3);
	if (!ret && w->layout != TUFF_PLAIN)
		ret = BAD(a, "weights are channels last");
	return ret || o->dtype == x->dtype ? ret : check_differ(a, 0);
}

int check_convt(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0], *w = &a->in[1], *o = &a->out[0];
	int64_t group = tuff_attr_int(a->p, a->s, "group", 1), in = 1;
	struct window win;
	int ret;

	if (x->rank < 3 || w->rank != x->rank || o->rank != x->rank || o->dim[0] != x->dim[0] || w->dim[0] != x->dim[1] ||
	    x->layout != TUFF_PLAIN || o->layout != TUFF_PLAIN)
		return check_differ(a, 0);
	if (group < 1 || group > LARGEST || w->dim[0] % group || w->dim[1] > CPU_MAX_BYTES / LARGEST || o->dim[1] != w->dim[1] * group)
		return BAD(a, "weights do not fit group %lld", (long long)group);
	ret = window_of(a, w->dim + 2, &win);
	for (int i = 0; !ret && i < 2 * win.n; i++)	/* positions of the input times the kernel's are one table */
		if (__builtin_mul_overflow(in, i < win.n ? x->dim[2 + i] : w->dim[2 + i - win.n], &in) || in > CPU_MAX_BYTES / 8)
			ret = BAD(a, "the kernel is too large for the input");
	if (!ret && cpu_has(a, 2) && cpu_numel(&a->in[2]) != o->dim[1])
		ret = BAD(a, "the bias does not have one element per output channel");
	return ret;
}

int check_pool(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0], *o = &a->out[0];
	struct window w;
	size_t nk;
	const int64_t *k = tuff_attr_ints(a->p, a->s, "kernel_shape", &nk);
	int ret;

	if (x->rank < 3 || o->rank != x->rank || o->dtype != x->dtype || o->dim[0] != x->dim[0] || o->dim[1] != x->dim[1])
		return check_differ(a, 0);
	if (nk != x->rank - 2)
		return BAD(a, "a kernel of %zu dimensions for an input of %u", nk, x->rank);
	ret = window_of(a, k, &w);
	for (int i = 0; !ret && i < w.n; i++)
		if (o->dim[2 + i] != slides(a, &w, i, k[i], tuff_attr_int(a->p, a->s, "ceil_mode", 0)))
			ret = check_differ(a, 0);
	return ret;
}

int check_gpool(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0], *o = &a->out[0];

	if (x->rank < 2 || o->rank != x->rank || o->dtype != x->dtype || o->dim[0] != x->dim[0] || o->dim[1] != x->dim[1] ||
	    cpu_count(o, 2, o->rank) != 1)
		return check_differ(a, 0);
	return 0;
}

int check_channels(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0];
	int64_t c = x->rank > 1 ? x->dim[1] : 1;

	for (uint32_t i = 1; i < a->nin; i++)
		if (cpu_numel(&a->in[i]) < c)
			return BAD(a, "operand %u has %lld elements for %lld channels", i, (long long)cpu_numel(&a->in[i]), (long long)c);
	return copied(a);
}

int check_layernorm(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0];
	int64_t axis;
	int ret = check_axis(a, x->rank, -1, true, &axis);

	if (!ret && (!check_one(a, 1, x->dtype) || !check_one(a, 2, x->dtype)))
		ret = cpu_numel(x) ? BAD(a, "scale or bias is empty or not %s", tuff_dtype_name(x->dtype)) : 0;
	return ret ? ret : copied(a);
}

int check_lrn(const struct cpu_args *a)
{
	int64_t size = tuff_attr_int(a->p, a->s, "size", 1);

	if (a->in[0].rank < 2 || size < 1 || size > LARGEST)
		return BAD(a, "size %lld over %u dimensions", (long long)size, a->in[0].rank);
	return copied(a);
}

int check_softmax(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0];
	int64_t axis = tuff_attr_int(a->p, a->s, "axis", -1);

	/* flat: over nothing where the axis is behind the last */
	if (x->rank && (axis < -(int64_t)x->rank || axis > x->rank || (axis == x->rank && !tuff_attr_int(a->p, a->s, "tuff.flat", 0))))
		return BAD(a, "axis %lld of %u dimensions", (long long)axis, x->rank);
	return copied(a);
}

int check_reduce(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0], *o = &a->out[0], *ax = &a->in[1];
	bool keep = o->rank == x->rank;
	uint32_t mask = 0, to = 0;

	if (cpu_has(a, 1) && cpu_numel(ax) && (!ax->data || (a->weights && !cpu_is_weight(a, 1))))
		return BAD(a, "the axes are not constant");
	for (int64_t i = 0; cpu_has(a, 1) && i < cpu_numel(ax); i++) {
		int64_t k = cpu_get_int(ax, i);

		if (k < -(int64_t)x->rank || k >= x->rank)
			return BAD(a, "axis %lld of %u dimensions", (long long)k, x->rank);
		mask |= 1u << (k < 0 ? k + x->rank : k);
	}
	if (!mask && !tuff_attr_int(a->p, a->s, "noop_with_empty_axes", 0))
		mask = ~0u;
	for (uint32_t i = 0; i < x->rank; i++) {
		if (mask >> i & 1 && !keep)
			continue;
		if (to >= o->rank || o->dim[to++] != (mask >> i & 1 ? 1 : x->dim[i]))
			return check_differ(a, 0);
	}
	if (to != o->rank || x->dtype != o->dtype || (o->layout == TUFF_CL && !keep))
		return check_differ(a, 0);
	return 0;
}

int check_argmax(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0];
	int64_t axis;
	int ret = check_axis(a, x->rank, 0, true, &axis);

	if (!ret && cpu_numel(&a->out[0]) != cpu_count(x, 0, axis) * cpu_count(x, axis + 1, x->rank))
		ret = check_differ(a, 0);
	return ret;
}

int check_cumsum(const struct cpu_args *a)
{
	return check_one(a, 1, 0) ? copied(a) : BAD(a, "the axis has no value");
}

/* bias and residual of a product; c: what the bias may be spread over */
static int epilogue(const struct cpu_args *a)
{
	const struct cpu_tensor *o = &a->out[0];

	for (uint32_t i = 1; i < a->nin; i++)
		if (typed(a, i))
			return -EINVAL;
	if (o->dtype != a->in[0].dtype)
		return check_differ(a, 0);
	return cpu_has(a, 3) && !check_dims(&a->in[3], o) ? check_differ(a, 3) : 0;
}

int check_gemm(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0], *y = &a->in[1], *o = &a->out[0];
	bool ta = tuff_attr_int(a->p, a->s, "transA", 0), tb = tuff_attr_int(a->p, a->s, "transB", 0);

	if (x->rank != 2 || o->rank != 2 || o->dim[0] != x->dim[ta])
		return check_differ(a, 0);
	if (y->rank != 2 || o->dim[1] != y->dim[!tb] || x->dim[!ta] != y->dim[tb])
		return check_differ(a, 1);
	if (cpu_has(a, 2) && !check_spread(&a->in[2], o))
		return check_differ(a, 2);
	return epilogue(a);
}

int check_matmul(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0], *y = &a->in[1], *o = &a->out[0];
	struct cpu_tensor want = { 0 };
	int nb = (int)(x->rank > y->rank ? x->rank : y->rank) - 2;

	if (!x->rank || !y->rank || x->dim[x->rank - 1] != y->dim[y->rank > 1 ? y->rank - 2 : 0])
		return check_differ(a, 1);
	for (int i = 0; i < nb; i++) {
		int ix = i - (nb - ((int)x->rank - 2)), iy = i - (nb - ((int)y->rank - 2));
		int64_t dx = ix >= 0 ? x->dim[ix] : 1, dy = iy >= 0 ? y->dim[iy] : 1;

		if (dx != dy && dx != 1 && dy != 1)
			return check_differ(a, 1);
		want.dim[want.rank++] = dx == 1 ? dy : dx;
	}
	if (x->rank > 1)
		want.dim[want.rank++] = x->dim[x->rank - 2];
	if (y->rank > 1)
		want.dim[want.rank++] = y->dim[y->rank - 1];
	if (!check_dims(&want, o))
		return check_differ(a, 0);
	if (cpu_has(a, 2) && cpu_numel(&a->in[2]) != 1 && cpu_numel(&a->in[2]) != (y->rank > 1 ? y->dim[y->rank - 1] : 1))
		return check_differ(a, 2);
	return epilogue(a);
}

/* "tuff.labels": for each operand and the result, its rank and then a label for each dimension */
int check_einsum(const struct cpu_args *a)
{
	int64_t labels = tuff_attr_int(a->p, a->s, "tuff.nlabels", 0), size[64], sum = 1;
	const struct cpu_tensor *o = &a->out[0];
	uint64_t seen = 0;
	size_t n, pos = 0;
	const int64_t *list = tuff_attr_ints(a->p, a->s, "tuff.labels", &n);

	if (labels < 0 || labels > 64)
		return BAD(a, "%lld labels", (long long)labels);
	for (int i = 0; i < 64; i++)
		size[i] = 1;
	for (uint32_t i = 0; i <= a->nin; i++) {
		const struct cpu_tensor *t = i < a->nin ? &a->in[i] : o;

		if (pos >= n || list[pos] != t->rank || n - pos - 1 < t->rank || !t->dtype)
			return BAD(a, "labels do not fit operand %u", i);
		pos++;
		for (uint32_t k = 0; k < t->rank; k++) {
			int64_t l = list[pos++];

			if (l < 0 || l >= labels || (i == a->nin && seen >> l & 1))
				return BAD(a, "label %lld of %lld", (long long)l, (long long)labels);
			if (i == a->nin) {
				seen |= 1ull << l;
				if (t->dim[k] != size[l])
					return check_differ(a, 0);
			} else if (t->dim[k] != 1) {
				if (size[l] != 1 && size[l] != t->dim[k])
					return BAD(a, "dimension %u of operand %u is %lld, elsewhere %lld", k, i, (long long)t->dim[k], (long long)size[l]);
				size[l] = t->dim[k];
			}
		}
	}
	for (int l = 0; l < labels; l++)
		if (__builtin_mul_overflow(sum, size[l] ? size[l] : 1, &sum))
			return BAD(a, "the sum has too many terms");
	return 0;
}

/* X, W, R, B and the states of LSTM (4 gates), GRU (3), RNN (1) */
static int recurrent(const struct cpu_args *a, int64_t gates, bool layout, uint32_t dtype)
{
	const struct cpu_tensor *x = &a->in[0], *w = &a->in[1], *r = &a->in[2];
	int64_t seq, B, I, H, D;
	int ret;

	if (x->rank != 3 || w->rank != 3 || r->rank != 3)
		return BAD(a, "X, W and R have 3 dimensions");
	seq = x->dim[layout], B = x->dim[!layout], I = x->dim[2], H = r->dim[2], D = w->dim[0];
	if (D < 1 || D > 2 || H > CPU_MAX_BYTES / 64)
		return BAD(a, "%lld directions of %lld", (long long)D, (long long)H);
	ret = check_is(a, w, "W", dtype, 3, (int64_t[]){ D, gates * H, I });
	ret = ret ? ret : check_is(a, r, "R", dtype, 3, (int64_t[]){ D, gates * H, H });
	if (!ret && cpu_has(a, 3))
		ret = check_is(a, &a->in[3], "B", dtype, 2, (int64_t[]){ D, 2 * gates * H });
	if (!ret && cpu_has(a, 4))
		ret = check_is(a, &a->in[4], "sequence_lens", 0, 1, &B);
	for (uint32_t i = 5; i < 7 && !ret; i++)
		if (cpu_has(a, i))
			ret = check_is(a, &a->in[i], "the initial state", dtype, 3, layout ? (int64_t[]){ B, D, H } : (int64_t[]){ D, B, H });
	if (!ret && cpu_has(a, 7))
		ret = check_is(a, &a->in[7], "P", dtype, 2, (int64_t[]){ D, 3 * H });
	if (!ret && a->out[0].dtype)
		ret = check_is(a, &a->out[0], "Y", dtype, 4, layout ? (int64_t[]){ B, seq, D, H } : (int64_t[]){ seq, D, B, H });
	for (uint32_t i = 1; i < a->nout && !ret; i++)
		if (a->out[i].dtype)
			ret = check_is(a, &a->out[i], "the final state", dtype, 3, layout ? (int64_t[]){ B, D, H } : (int64_t[]){ D, B, H });
	return ret;
}

int check_lstm(const struct cpu_args *a)
{
	if (tuff_attr_int(a->p, a->s, "layout", 0))
		return BAD(a, "layout is not 0");
	return recurrent(a, 4, false, a->in[0].dtype);
}

int check_rnn(const struct cpu_args *a)
{
	int64_t layout = tuff_attr_int(a->p, a->s, "layout", 0);

	if (layout != 0 && layout != 1)
		return BAD(a, "layout %lld is not 0 or 1", (long long)layout);
	return recurrent(a, a->s->op == TUFF_OP_GRU ? 3 : 1, layout, 0);
}

int check_grid_sample(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0], *g = &a->in[1], *o = &a->out[0];

	if (x->rank < 4 || x->rank > 5 || g->rank != x->rank || g->dim[g->rank - 1] != x->rank - 2 || g->dim[0] != x->dim[0])
		return BAD(a, "the grid does not fit the input");
	if (o->rank != x->rank || o->dim[0] != x->dim[0] || o->dim[1] != x->dim[1] ||
	    memcmp(o->dim + 2, g->dim + 1, (x->rank - 2) * sizeof(*o->dim)))
		return check_differ(a, 1);
	return 0;
}

int check_resize(const struct cpu_args *a)
{
	const struct cpu_tensor *x = &a->in[0], *o = &a->out[0];

	if (o->rank != x->rank || o->layout != x->layout || (!cpu_numel(x) && cpu_numel(o)))
		return check_differ(a, 0);
	if (cpu_has(a, 2) && cpu_numel(&a->in[2]) && cpu_numel(&a->in[2]) < x->rank)
		return BAD(a, "%lld scales for %u dimensions", (long long)cpu_numel(&a->in[2]), x->rank);
	return 0;
}
