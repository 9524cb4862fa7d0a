// SPDX-License-Identifier: MIT
/*
 * Convolution by oneDNN, as chunks for the pool: an image, a block of output
 * rows, a block of output channels each. A chunk of rows is a convolution of
 * its own, whose padding is what of the whole's reaches into it. Large weights
 * are cut by output channels, so that each part is read once; those chunks
 * compute into scratch and are copied where they belong, residual and
 * activation on the way. Weights are packed once for a session.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/cpu/cpu.h"
#include "userspace/cpu/fast/dnnl.h"
#include "userspace/cpu/fast/ew.h"

#define MAX_VARIANTS 8
#define CHUNKS 4		/* for each worker: what is left over at the end is small */
#define MIN_NS 8000		/* of a chunk */
#define MACS_NS 100		/* multiply-adds and bytes of activations in a nanosecond, about: */
#define BYTES_NS 32		/* depthwise convolutions are bound by these */
#define MIN_PIXELS 48		/* of a chunk: fewer starve the matrix kernels */
#define BIG_WEIGHTS (1 << 19)	/* bytes: a quarter of a core's L2 */
#define HEADER 1024		/* before packed weights: their description */

enum { SRC, WEI, BIAS, DST, SCRATCH, NMEM };

struct variant {		/* one shape of chunk */
	int64_t rows, in_rows, pad0, pad1;
	dnnl_primitive_desc_t pd;
	dnnl_primitive_t prim;
	dnnl_memory_t (*mem)[NMEM];	/* by worker */
	size_t scratch;
};

struct block {			/* of output rows */
	int64_t out, in;
	int variant;
};

struct conv {
	unsigned int workers;
	int nvar;
	struct variant var[MAX_VARIANTS];
	int64_t nblocks, parts;	/* row blocks; parts of the output channels */
	struct block *block;
	int64_t oc, row_in, row_out, image_in, image_out;	/* elements; oc of a part */
	size_t part_bytes;	/* packed weights of a part */
	char *weights;
	void *own;		/* weights that are not constant: packed at each run */
	dnnl_primitive_t reorder;
	dnnl_memory_t plain, packed;
	int act;
	float p0, p1;
	bool act_done, sum;	/* by the primitive */
};

_Static_assert(sizeof(dnnl_memory_desc_t) <= HEADER, "a description fits before the weights");

struct geometry {
	int n;			/* spatial dimensions */
	dnnl_dims_t s, d, p0, p1, k;
	int64_t group;
};

static void forget(struct conv *c)
{
	for (int i = 0; i < c->nvar; i++) {
		if (c->var[i].pd)
			dnnl_primitive_desc_destroy(c->var[i].pd);
		c->var[i].pd = NULL;
	}
}

void cpu_conv_destroy(void *st)
{
	struct conv *c = st;

	if (!c)
		return;
	forget(c);
	for (int i = 0; i < c->nvar; i++) {
		struct variant *v = &c->var[i];

		for (unsigned int w = 0; v->mem && w < c->workers; w++)
			for (int k = 0; k < NMEM; k++)
				if (v->mem[w][k])
					dnnl_memory_destroy(v->mem[w][k]);
		free(v->mem);
		if (v->prim)
			dnnl_primitive_destroy(v->prim);
	}
	if (c->plain)
		dnnl_memory_destroy(c->plain);
	if (c->packed)
		dnnl_memory_destroy(c->packed);
	if (c->reorder)
		dnnl_primitive_destroy(c->reorder);
	free(c->block);
	free(c->own);
	free(c);
}

bool cpu_conv_packs(const struct tuff_program *p, const struct tuff_step *s, uint32_t i)
{
	const struct tuff_tens *x = &p->tensors[p->args[s->arg]];

	return i == 1 && x->storage == TUFF_F32 && x->rank <= 5 && x->rank >= 3 &&
	       p->bufs[p->tensors[p->args[s->arg + 1]].buffer].kind == TUFF_BUF_WEIGHT;
}

static void geometry_of(const struct cpu_args *a, struct geometry *g)
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
static void cut(const struct cpu_args *a, const struct geometry *g, struct conv *c)
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

static dnnl_status_t attributes(const struct conv *c, dnnl_primitive_attr_t *attr)
{
	float alpha, beta;
	dnnl_alg_kind_t alg;
	dnnl_post_ops_t ops = NULL;
	dnnl_status_t st = dnnl_primitive_attr_create(attr);

	st = st ? st : dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
	st = st ? st : dnnl_post_ops_create(&ops);
	if (!st && c->sum)
		st = dnnl_post_ops_append_sum(ops, 1);
	if (!st && c->act_done && cpu_dnnl_act(c->act, c->p0, c->p1, &alg, &alpha, &beta))
		st = dnnl_post_ops_append_eltwise(ops, 1, alg, alpha, beta);
	st = st ? st : dnnl_primitive_attr_set_post_ops(*attr, ops);
	if (ops)
		dnnl_post_ops_destroy(ops);
	return st;
}

/* oneDNN's plain loops take whatever the others refuse, a hundred times slower */
static bool is_slow(const_dnnl_primitive_desc_t pd)
{
	const char *name = "";

	return dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name) || !strncmp(name, "ref", 3);
}

/* how oneDNN would compute a variant with weights of form *wmd, which may be "any" */
static dnnl_status_t describe(const struct cpu_args *a, const struct geometry *g, const struct conv *c, struct variant *v,
			      const dnnl_memory_desc_t *wmd)
{
	static const dnnl_format_tag_t tags[] = { 0, 0, 0, dnnl_abc, dnnl_abcd, dnnl_abcde, dnnl_abcdef };
	static const dnnl_format_tag_t last[] = { 0, 0, 0, dnnl_acb, dnnl_acdb, dnnl_acdeb };
	const struct cpu_tensor *x = &a->in[0], *o = &a->out[0];
	dnnl_dims_t xd = { 0 }, od = { 0 }, bd = { 0 }, p0 = { 0 }, p1 = { 0 };
	dnnl_memory_desc_t xm, bm, om;
	dnnl_convolution_desc_t cd;
	dnnl_primitive_attr_t attr = NULL;
	dnnl_status_t st;

	memcpy(xd, x->dim, sizeof(x->dim));
	memcpy(od, o->dim, sizeof(o->dim));
	xd[0] = od[0] = 1;
	xd[2] = v->in_rows;
	od[2] = v->rows;
	od[1] = bd[0] = c->oc;
	memcpy(p0, g->p0, sizeof(g->p0));
	memcpy(p1, g->p1, sizeof(g->p1));
	p0[0] = v->pad0;
	p1[0] = v->pad1;
	st = dnnl_memory_desc_init_by_tag(&xm, x->rank, xd, dnnl_f32, (x->layout == TUFF_CL ? last : tags)[x->rank]);
	st = st ? st : dnnl_memory_desc_init_by_tag(&om, o->rank, od, dnnl_f32, (o->layout == TUFF_CL ? last : tags)[o->rank]);
	st = st ? st : dnnl_memory_desc_init_by_tag(&bm, 1, bd, dnnl_f32, dnnl_a);
	st = st ? st : dnnl_dilated_convolution_forward_desc_init(&cd, dnnl_forward_inference, dnnl_convolution_direct, &xm, wmd,
								  cpu_has(a, 2) ? &bm : NULL, &om, g->s, g->d, p0, p1);
	st = st ? st : attributes(c, &attr);
	st = st ? st : dnnl_primitive_desc_create(&v->pd, &cd, attr, cpu_dnnl_engine(), NULL);
	if (attr)
		dnnl_primitive_attr_destroy(attr);
	return st;
}

/* descriptions of all variants for weights of one form; false: some have only slow ones */
static bool agree(const struct cpu_args *a, const struct geometry *g, struct conv *c, const dnnl_memory_desc_t *wmd)
{
	for (int i = 0; i < c->nvar; i++)
		if (!c->var[i].pd && (describe(a, g, c, &c->var[i], wmd) || is_slow(c->var[i].pd))) {
			forget(c);
			return false;
		}
	return true;
}

static dnnl_status_t make(const struct conv *c, struct variant *v)
{
	static const struct {
		dnnl_query_t what;
		int arg;
	} of[NMEM] = { [SRC] = { dnnl_query_src_md }, [WEI] = { dnnl_query_weights_md }, [BIAS] = { dnnl_query_weights_md, 1 },
		       [DST] = { dnnl_query_dst_md }, [SCRATCH] = { dnnl_query_scratchpad_md } };
	dnnl_status_t st = dnnl_primitive_create(&v->prim, v->pd);

	v->scratch = dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(v->pd, dnnl_query_scratchpad_md, 0));
	v->mem = calloc(c->workers, sizeof(*v->mem));
	st = st ? st : v->mem ? 0 : dnnl_out_of_memory;
	for (unsigned int w = 0; w < c->workers && !st; w++)
		for (int k = 0; k < NMEM && !st; k++)
			st = dnnl_memory_create(&v->mem[w][k], dnnl_primitive_desc_query_md(v->pd, of[k].what, of[k].arg),
						cpu_dnnl_engine(), NULL);
	return st;
}

/* weights of one part, as the model has them */
static dnnl_status_t plain_md(const struct cpu_args *a, const struct geometry *g, int64_t oc, bool any, dnnl_memory_desc_t *md)
{
	static const dnnl_format_tag_t tags[] = { 0, 0, 0, dnnl_abc, dnnl_abcd, dnnl_abcde, dnnl_abcdef };
	const struct cpu_tensor *w = &a->in[1];
	dnnl_dims_t d = { 0 };
	int r = w->rank;

	memcpy(d, w->dim, sizeof(*d) * w->rank);
	d[0] = oc;
	if (g->group > 1) {
		d[0] = g->group;
		d[1] = oc / g->group;
		memcpy(d + 2, w->dim + 1, sizeof(*d) * (w->rank - 1));
		r++;
	}
	return dnnl_memory_desc_init_by_tag(md, r, d, dnnl_f32, any ? dnnl_format_tag_any : tags[r]);
}

static dnnl_status_t reorder(struct conv *c, void *from, void *to)
{
	dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, c->plain }, { DNNL_ARG_TO, c->packed } };
	dnnl_status_t st = dnnl_memory_set_data_handle(c->plain, from);

	st = st ? st : dnnl_memory_set_data_handle(c->packed, to);
	st = st ? st : dnnl_primitive_execute(c->reorder, cpu_dnnl_stream(), 2, args);
	return st ? st : dnnl_stream_wait(cpu_dnnl_stream());
}

static dnnl_status_t make_reorder(const struct cpu_args *a, const struct geometry *g, struct conv *c, const dnnl_memory_desc_t *to)
{
	dnnl_primitive_desc_t pd = NULL;
	dnnl_memory_desc_t from;
	dnnl_status_t st = plain_md(a, g, c->oc, false, &from);

	st = st ? st : dnnl_memory_create(&c->plain, &from, cpu_dnnl_engine(), NULL);
	st = st ? st : dnnl_memory_create(&c->packed, to, cpu_dnnl_engine(), NULL);
	st = st ? st : dnnl_reorder_primitive_desc_create(&pd, &from, cpu_dnnl_engine(), to, cpu_dnnl_engine(), NULL);
	st = st ? st : dnnl_primitive_create(&c->reorder, pd);
	if (pd)
		dnnl_primitive_desc_destroy(pd);
	return st;
}

/* packs the constant weights under `key`, or prepares for packing at each run */
static dnnl_status_t pack(const struct cpu_args *a, const struct geometry *g, struct conv *c, const dnnl_memory_desc_t *md, int64_t key)
{
	int64_t count = cpu_numel(&a->in[1]) / c->parts;
	dnnl_status_t st = make_reorder(a, g, c, md);
	bool constant = cpu_is_weight(a, 1);
	const float *plain;
	char *to;

	if (st)
		return st;
	c->part_bytes = (dnnl_memory_desc_get_size(md) + 63) / 64 * 64;
	if (!constant || !a->weights) {
		c->own = aligned_alloc(64, c->part_bytes + 64);
		c->weights = c->own;
		return c->own ? 0 : dnnl_out_of_memory;
	}
	plain = cpu_weight_plain(a, 1);
	to = plain ? cpu_weight_add(a, 1, &key, sizeof(key), HEADER + c->parts * c->part_bytes) : NULL;
	if (!to)
		return dnnl_out_of_memory;
	memcpy(to, md, sizeof(*md));
	c->weights = to + HEADER;
	for (int64_t i = 0; i < c->parts && !st; i++)
		st = reorder(c, (float *)plain + i * count, c->weights + i * c->part_bytes);
	cpu_weight_done(a, 1);
	return st;
}

/* row blocks and the variants of chunks they need; false: too many kinds */
static bool blocks(const struct cpu_args *a, const struct geometry *g, struct conv *c)
{
	int64_t H = a->in[0].dim[2], OH = a->out[0].dim[2], span = (g->k[0] - 1) * (g->d[0] + 1) + 1, at = 0;

	c->nvar = 0;
	for (int64_t i = 0; i < c->nblocks; i++) {
		int64_t end = OH * (i + 1) / c->nblocks, i0 = at * g->s[0] - g->p0[0], i1 = (end - 1) * g->s[0] - g->p0[0] + span;
		struct variant v = { .rows = end - at };
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
		if (k == MAX_VARIANTS)
			return false;
		if (k == c->nvar)
			c->var[c->nvar++] = v;
		c->block[i] = (struct block){ .out = at, .in = i0 < 0 ? 0 : i0, .variant = k };
		at = end;
	}
	return true;
}

/*
 * Blocks and descriptions of their kernels: as many blocks as cut() would like,
 * fewer where no form of the weights suits all of them. *md: that form, which
 * is `given` if weights are packed already.
 */
static dnnl_status_t choose(const struct cpu_args *a, const struct geometry *g, struct conv *c, dnnl_memory_desc_t *md, bool given)
{
	int64_t want = c->nblocks;
	dnnl_memory_desc_t any;
	dnnl_status_t st = plain_md(a, g, c->oc, true, &any);

	for (c->nblocks = want; c->nblocks && !st; c->nblocks /= 2) {
		if (!blocks(a, g, c))
			continue;
		if (given) {
			if (agree(a, g, c, md))
				return 0;
			continue;
		}
		for (int k = 0; k < c->nvar; k++) {
			st = describe(a, g, c, &c->var[k], &any);
			if (st)
				break;
			*md = *dnnl_primitive_desc_query_md(c->var[k].pd, dnnl_query_weights_md, 0);
			if (c->nblocks == 1 || (!is_slow(c->var[k].pd) && agree(a, g, c, md)))
				return 0;
			forget(c);
		}
	}
	c->nblocks = want;
	return st ? st : dnnl_unimplemented;
}

static dnnl_status_t prepare(const struct cpu_args *a, struct conv *c)
{
	const struct cpu_tensor *x = &a->in[0], *o = &a->out[0];
	struct geometry g = { 0 };
	dnnl_memory_desc_t md;
	const char *had;
	int64_t key;
	dnnl_status_t st;

	geometry_of(a, &g);
	cut(a, &g, c);
	c->oc = o->dim[1] / c->parts;
	c->row_in = cpu_count(x, 3, x->rank) * (x->layout == TUFF_CL ? x->dim[1] : 1);
	c->row_out = cpu_count(o, 3, o->rank) * (o->layout == TUFF_CL ? o->dim[1] : 1);
	c->image_in = cpu_count(x, 1, x->rank);
	c->image_out = cpu_count(o, 1, o->rank);
	c->sum = cpu_has(a, 3) && c->parts == 1;
	{
		dnnl_alg_kind_t alg;
		float alpha, beta;

		c->act_done = c->act >= 0 && (c->parts == 1 || !cpu_has(a, 3)) && cpu_dnnl_act(c->act, c->p0, c->p1, &alg, &alpha, &beta);
	}
	c->block = calloc(c->nblocks, sizeof(*c->block));
	if (!c->block)
		return dnnl_out_of_memory;
	key = c->parts;
	had = a->weights && cpu_is_weight(a, 1) ? cpu_weight_packed(a, 1, &key, sizeof(key)) : NULL;
	if (had) {	/* as an earlier plan packed them, if these shapes have kernels for that */
		memcpy(&md, had, sizeof(md));
		if (choose(a, &g, c, &md, true)) {
			had = NULL;
			key = -c->parts - (int64_t)x->dim[2] * 1024;
		}
	}
	if (!had) {
		st = choose(a, &g, c, &md, false);
		st = st ? st : pack(a, &g, c, &md, key);
		if (st)
			return st;
	} else {
		c->weights = (char *)had + HEADER;
		c->part_bytes = (dnnl_memory_desc_get_size(&md) + 63) / 64 * 64;
	}
	for (int i = 0; i < c->nvar; i++) {
		st = make(c, &c->var[i]);
		if (st)
			return st;
	}
	return 0;
}

int cpu_conv_prepare(const struct cpu_args *a, void **state)
{
	const struct cpu_tensor *x = &a->in[0];
	dnnl_status_t st;
	struct conv *c;
	const float *p;
	size_t np;

	if (x->dtype != TUFF_F32 || x->rank > 5 || x->rank < 3) {
		snprintf(a->err, a->errlen, "needs float32 and at most 3 spatial dimensions");
		return -EOPNOTSUPP;
	}
	if (!cpu_numel(&a->out[0]))
		return 0;
	if (!cpu_dnnl_engine()) {
		snprintf(a->err, a->errlen, "oneDNN cannot start");
		return -EIO;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->workers = a->threads ? a->threads : 1;
	c->act = tuff_attr_int(a->p, a->s, "act", -1);
	p = tuff_attr_floats(a->p, a->s, "act_p", &np);
	c->p0 = np > 0 ? p[0] : 0;
	c->p1 = np > 1 ? p[1] : 0;
	st = prepare(a, c);
	if (st) {
		snprintf(a->err, a->errlen, "oneDNN has no convolution for this (status %d)", st);
		cpu_conv_destroy(c);
		return cpu_dnnl_errno(st);
	}
	*state = c;
	return 0;
}

struct run {
	const struct cpu_args *a;
	struct conv *c;
	_Atomic int failed;
};

static void finish(const struct conv *c, float *o, int64_t n)
{
	ew_float(c->act, c->p0, c->p1, o, o, o, n);
}

/* a part's channels from scratch to where they belong */
static void scatter(const struct conv *c, const float *from, float *to, const float *res, int64_t pixels, int64_t stride)
{
	for (int64_t i = 0; i < pixels; i++) {
		float *o = to + i * stride;
		const float *f = from + i * c->oc, *r = res + i * stride;

		if (res)
			for (int64_t k = 0; k < c->oc; k++)
				o[k] = f[k] + r[k];
		else
			memcpy(o, f, c->oc * sizeof(*o));
		if (c->act >= 0 && !c->act_done)
			finish(c, o, c->oc);
	}
}

static void chunk(void *arg, int64_t i, unsigned int worker)
{
	struct run *r = arg;
	const struct conv *c = r->c;
	const struct cpu_args *a = r->a;
	/* parts outermost: a worker keeps to a part's weights */
	int64_t b = i % c->nblocks, n = i / c->nblocks % a->in[0].dim[0], part = i / c->nblocks / a->in[0].dim[0];
	const struct block *bl = &c->block[b];
	const struct variant *v = &c->var[bl->variant];
	dnnl_memory_t *m = v->mem[worker];
	/* row-major images are whole: c->row_out is a row of one channel */
	size_t count = a->out[0].layout == TUFF_CL ? v->rows * c->row_out : c->image_out, tmp = c->parts > 1 ? count / c->parts * sizeof(float) : 0, pad = (v->scratch + 63) / 64 * 64;
	int64_t at = n * c->image_out + bl->out * c->row_out;
	float *out = (float *)a->out[0].data + at, *dst = out;
	const float *res = cpu_has(a, 3) ? (float *)a->in[3].data + at : NULL;
	char *scratch = pad + tmp ? cpu_scratch(pad + tmp) : NULL;
	dnnl_exec_arg_t args[NMEM] = { { DNNL_ARG_SRC, m[SRC] }, { DNNL_ARG_WEIGHTS, m[WEI] }, { DNNL_ARG_DST, m[DST] },
				       { DNNL_ARG_SCRATCHPAD, m[SCRATCH] }, { DNNL_ARG_BIAS, m[BIAS] } };
	bool bias = cpu_has(a, 2);

	if (pad + tmp && !scratch) {
		r->failed = 1;
		return;
	}
	if (tmp)
		dst = (float *)(scratch + pad);
	else if (res && res != out)
		memcpy(out, res, count * sizeof(*out));
	if (bias)
		dnnl_memory_set_data_handle(m[BIAS], (float *)a->in[2].data + part * c->oc);
	dnnl_memory_set_data_handle(m[SRC], (float *)a->in[0].data + n * c->image_in + bl->in * c->row_in);
	dnnl_memory_set_data_handle(m[WEI], c->weights + part * c->part_bytes);
	dnnl_memory_set_data_handle(m[DST], dst);
	dnnl_memory_set_data_handle(m[SCRATCH], scratch);
	if (dnnl_primitive_execute(v->prim, cpu_dnnl_stream(), bias ? 5 : 4, args))
		r->failed = 1;
	else if (tmp)
		scatter(c, dst, out + part * c->oc, res ? res + part * c->oc : NULL, count / a->out[0].dim[1], a->out[0].dim[1]);
	else if (c->act >= 0 && !c->act_done)
		finish(c, out, count);
}

int cpu_conv_run(const struct cpu_args *a, void *state)
{
	struct run r = { .a = a, .c = state };

	if (!state)
		return 0;
	if (r.c->own && reorder(r.c, a->in[1].data, r.c->own))
		r.failed = 1;
	else
		cpu_for(a, r.c->nblocks * a->in[0].dim[0] * r.c->parts, chunk, &r);
	if (r.failed) {
		snprintf(a->err, a->errlen, "oneDNN failed");
		return -EIO;
	}
	return 0;
}
