// SPDX-License-Identifier: MIT
/* oneDNN's side of a convolution: which of its kernels, which form of weights. */
#include <stdlib.h>
#include <string.h>

#include "userspace/cpu/fast/conv.h"

dnnl_status_t cpu_conv_weights_md(const struct cpu_args *a, const struct conv_geometry *g, int64_t oc, bool any, dnnl_memory_desc_t *md)
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
static dnnl_status_t describe(const struct cpu_args *a, const struct conv_geometry *g, const struct conv *c, struct conv_variant *v,
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

void cpu_conv_forget(struct conv *c)
{
	for (int i = 0; i < c->nvar; i++) {
		if (c->var[i].pd)
			dnnl_primitive_desc_destroy(c->var[i].pd);
		c->var[i].pd = NULL;
	}
}

/* descriptions of all variants for weights of one form; false: some have only slow ones */
static bool agree(const struct cpu_args *a, const struct conv_geometry *g, struct conv *c, const dnnl_memory_desc_t *wmd)
{
	for (int i = 0; i < c->nvar; i++)
		if (!c->var[i].pd && (describe(a, g, c, &c->var[i], wmd) || is_slow(c->var[i].pd))) {
			cpu_conv_forget(c);
			return false;
		}
	return true;
}

dnnl_status_t cpu_conv_make(const struct conv *c, struct conv_variant *v)
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

dnnl_status_t cpu_conv_choose(const struct cpu_args *a, const struct conv_geometry *g, struct conv *c, dnnl_memory_desc_t *md, bool given)
{
	int64_t want = c->nblocks;
	dnnl_memory_desc_t any;
	dnnl_status_t st = cpu_conv_weights_md(a, g, c->oc, true, &any);

	for (c->nblocks = want; c->nblocks && !st; c->nblocks /= 2) {
		if (!cpu_conv_blocks(a, g, c))
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
			cpu_conv_forget(c);
		}
	}
	c->nblocks = want;
	return st ? st : dnnl_unimplemented;
}
