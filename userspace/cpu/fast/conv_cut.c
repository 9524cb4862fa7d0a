// SPDX-License-Identifier: MIT
/*
 * How a convolution is cut: an image, a block of output rows, a part of the
 * output channels for each chunk. A block of rows is a convolution of its own,
 * whose padding is what of the whole's reaches into it. Large weights are cut by
 * output channels, so that each part is read once.
 */
#include <string.h>

#include "userspace/cpu/fast/conv.h"

#define CHUNKS 4		/* for each worker: what is left over at the end is small */
#define MIN_NS 8000		/* of a chunk */
#define MACS_NS 100		/* multiply-adds and bytes of activations in a nanosecond, about: */
#define BYTES_NS 32		/* depthwise convolutions are bound by these */
#define MIN_PIXELS 48		/* of a chunk: fewer starve the matrix kernels */
#define BIG_WEIGHTS (1 << 19)	/* bytes: a quarter of a core's L2 */

void cpu_conv_geometry(const struct cpu_args *a, struct conv_geometry *g)
{
	const struct cpu_tensor *x = &a->in[0], *w = &a->in[1], *o = &a->out[0];
	const char *ap = tuff_attr_str(a->p, a->s, "auto_pad", "NOTSET");
	size_t ns, nd, np;
	const int64_t *st = tuff_attr_ints(a->p, a->s, "strides", &ns), *di = tuff_attr_ints(a->p, a->s, "dilations", &nd);
	const int64_t *pa = tuff_attr_ints(a->p, a->s, "pads", &np);

	g->n = x->rank - 2;
	g->group = tuff_attr_int(a->p, a->s, "group", 1);
	for (int i = 0; i < g->n; i++) {
		int64_t span, total;

		g->k[i] = w->dim[2 + i];
		g->s[i] = ns ? st[i] : 1;
		g->d[i] = (nd ? di[i] : 1) - 1;	/* oneDNN counts the holes */
		g->p0[i] = np && strcmp(ap, "VALID") ? pa[i] : 0;
		span = (g->k[i] - 1) * (g->d[i] + 1) + 1;
		total = (o->dim[2 + i] - 1) * g->s[i] + span - x->dim[2 + i];
		if (!strncmp(ap, "SAME", 4))
			g->p0[i] = total < 0 ? 0 : !strcmp(ap, "SAME_LOWER") ? (total + 1) / 2 : total / 2;
		g->p1[i] = total - g->p0[i];	/* what the output size implies; may be negative */
	}
}

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* How to cut. Parts depend on the weights alone, so that plans share them. */
void cpu_conv_cut(const struct cpu_args *a, const struct conv_geometry *g, struct conv *c)
{
	const struct cpu_tensor *x = &a->in[0], *w = &a->in[1], *o = &a->out[0];
	int64_t want = CHUNKS * (int64_t)a->threads, oc = w->dim[0], wcount = cpu_numel(w);
	int64_t pixels = cpu_count(o, 2, o->rank);
	int64_t ns = wcount * pixels / MACS_NS + (cpu_count(x, 1, x->rank) + cpu_count(o, 1, o->rank)) * (int64_t)sizeof(float) / BYTES_NS;

	c->parts = c->nblocks = 1;
	if (a->threads < 2 || x->layout != TUFF_CL)
		return;
	if (g->group == 1 && wcount * 4 > BIG_WEIGHTS && cpu_is_weight(a, 1) && a->weights)
		for (int64_t n = clamp(oc / 64, 1, want); n > 1; n--)
			if (oc % n == 0 && oc / n % 16 == 0) {
				c->parts = n;
				break;
			}
	want = (want + x->dim[0] * c->parts - 1) / (x->dim[0] * c->parts);
	want = clamp(want, 1, o->dim[2]);
	if (g->group == 1 && want > pixels / MIN_PIXELS)
		want = pixels / MIN_PIXELS;
	if (want > ns / c->parts / MIN_NS)
		want = ns / c->parts / MIN_NS;
	c->nblocks = want < 1 ? 1 : want;
}

bool cpu_conv_blocks(const struct cpu_args *a, const struct conv_geometry *g, struct conv *c)
{
	int64_t H = a->in[0].dim[2], OH = a->out[0].dim[2], span = (g->k[0] - 1) * (g->d[0] + 1) + 1, at = 0;

	c->nvar = 0;
	for (int64_t i = 0; i < c->nblocks; i++) {
		int64_t end = OH * (i + 1) / c->nblocks, i0 = at * g->s[0] - g->p0[0], i1 = (end - 1) * g->s[0] - g->p0[0] + span;
		struct conv_variant v = { .rows = end - at };
		int k;

		v.pad0 = i0 < 0 ? -i0 : 0;
		v.pad1 = i1 > H ? i1 - H : 0;
		if (c->nblocks == 1)
			v.pad1 = g->p1[0], i1 = H + v.pad1;
		v.in_rows = (i1 > H ? H : i1) - (i0 < 0 ? 0 : i0);
		if (c->nblocks == 1)
			v.pad0 = g->p0[0], v.in_rows = H, i0 = -v.pad0;
		if (v.in_rows < 1)
			return false;
		for (k = 0; k < c->nvar; k++)
			if (!memcmp(&c->var[k], &v, 4 * sizeof(int64_t)))
				break;
		if (k == CONV_VARIANTS)
			return false;
		if (k == c->nvar)
			c->var[c->nvar++] = v;
		c->block[i] = (struct conv_block){ .out = at, .in = i0 < 0 ? 0 : i0, .variant = k };
		at = end;
	}
	return true;
}
