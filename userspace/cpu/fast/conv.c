// SPDX-License-Identifier: MIT
/*
 * Convolution by oneDNN, in chunks for the pool. Weights are packed once for a
 * session. Chunks of a part of the output channels compute into scratch and are
 * copied where they belong, residual and activation on the way.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/cpu/fast/conv.h"
#include "userspace/cpu/fast/ew.h"

#define HEADER 1024		/* before packed weights: their description */

_Static_assert(sizeof(dnnl_memory_desc_t) <= HEADER, "a description fits before the weights");

void cpu_conv_destroy(void *st)
{
	struct conv *c = st;

	if (!c)
		return;
	cpu_conv_forget(c);
	for (int i = 0; i < c->nvar; i++) {
		struct conv_variant *v = &c->var[i];

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

static dnnl_status_t reorder(struct conv *c, void *from, void *to)
{
	dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, c->plain }, { DNNL_ARG_TO, c->packed } };
	dnnl_status_t st = dnnl_memory_set_data_handle(c->plain, from);

	st = st ? st : dnnl_memory_set_data_handle(c->packed, to);
	st = st ? st : dnnl_primitive_execute(c->reorder, cpu_dnnl_stream(), 2, args);
	return st ? st : dnnl_stream_wait(cpu_dnnl_stream());
}

static dnnl_status_t make_reorder(const struct cpu_args *a, const struct conv_geometry *g, struct conv *c, const dnnl_memory_desc_t *to)
{
	dnnl_primitive_desc_t pd = NULL;
	dnnl_memory_desc_t from;
	dnnl_status_t st = cpu_conv_weights_md(a, g, c->oc, false, &from);

	st = st ? st : dnnl_memory_create(&c->plain, &from, cpu_dnnl_engine(), NULL);
	st = st ? st : dnnl_memory_create(&c->packed, to, cpu_dnnl_engine(), NULL);
	st = st ? st : dnnl_reorder_primitive_desc_create(&pd, &from, cpu_dnnl_engine(), to, cpu_dnnl_engine(), NULL);
	st = st ? st : dnnl_primitive_create(&c->reorder, pd);
	if (pd)
		dnnl_primitive_desc_destroy(pd);
	return st;
}

/* packs the constant weights under `key`, or prepares for packing at each run */
static dnnl_status_t pack(const struct cpu_args *a, const struct conv_geometry *g, struct conv *c, const dnnl_memory_desc_t *md, int64_t key)
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
	plain = cpu_weight_plain(a, 1, &c->error);
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

static dnnl_status_t prepare(const struct cpu_args *a, struct conv *c)
{
	const struct cpu_tensor *x = &a->in[0], *o = &a->out[0];
	struct conv_geometry g = { 0 };
	dnnl_memory_desc_t md;
	const char *had;
	int64_t key;
	dnnl_status_t st;

	cpu_conv_geometry(a, &g);
	cpu_conv_cut(a, &g, c);
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
		if (cpu_conv_choose(a, &g, c, &md, true)) {
			had = NULL;
			key = -c->parts - (int64_t)x->dim[2] * 1024;
		}
	}
	if (!had) {
		st = cpu_conv_choose(a, &g, c, &md, false);
		st = st ? st : pack(a, &g, c, &md, key);
		if (st)
			return st;
	} else {
		c->weights = (char *)had + HEADER;
		c->part_bytes = (dnnl_memory_desc_get_size(&md) + 63) / 64 * 64;
	}
	for (int i = 0; i < c->nvar; i++) {
		st = cpu_conv_make(c, &c->var[i]);
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
		int ret = c->error ? c->error : cpu_dnnl_errno(st);

		if (!c->error)
			snprintf(a->err, a->errlen, ret == -ENOMEM ? "out of memory" : "oneDNN has no convolution for this (status %d)", st);
		cpu_conv_destroy(c);
		return ret;
	}
	*state = c;
	return 0;
}

struct run {
	const struct cpu_args *a;
	struct conv *c;
	_Atomic int failed;	/* errno */
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
	const struct conv_block *bl = &c->block[b];
	const struct conv_variant *v = &c->var[bl->variant];
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
		r->failed = ENOMEM;
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
		r->failed = EIO;
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
		r.failed = EIO;
	else
		cpu_for(a, r.c->nblocks * a->in[0].dim[0] * r.c->parts, chunk, &r);
	if (r.failed) {
		snprintf(a->err, a->errlen, r.failed == ENOMEM ? "out of memory" : "oneDNN failed");
		return -r.failed;
	}
	return 0;
}
