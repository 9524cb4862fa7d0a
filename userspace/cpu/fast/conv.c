// SPDX-License-Identifier: MIT
/*
 * Convolution by oneDNN: weights reordered once, when the plan is made, into
 * whatever layout the primitive likes; scratchpad ours, so that a primitive can
 * be shared; residual and activation in one sweep after it.
 */
#include <errno.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/cpu/cpu.h"

struct conv {
	dnnl_engine_t engine;
	dnnl_stream_t stream;
	dnnl_primitive_t prim, reorder;
	dnnl_memory_t plain;	/* weights as they come */
	bool constant;		/* weights are packed already */
	dnnl_memory_t mem[5];	/* src, weights, bias, dst, scratchpad */
	void *weights, *scratch;
};

void cpu_conv_destroy(void *st)
{
	struct conv *c = st;

	if (!c)
		return;
	for (int i = 0; i < 5; i++)
		if (c->mem[i])
			dnnl_memory_destroy(c->mem[i]);
	if (c->plain)
		dnnl_memory_destroy(c->plain);
	if (c->reorder)
		dnnl_primitive_destroy(c->reorder);
	if (c->prim)
		dnnl_primitive_destroy(c->prim);
	if (c->stream)
		dnnl_stream_destroy(c->stream);
	if (c->engine)
		dnnl_engine_destroy(c->engine);
	free(c->weights);
	free(c->scratch);
	free(c);
}

static void *aligned(size_t n)
{
	return aligned_alloc(64, (n + 127) / 64 * 64);
}

/* plain weights (at the caller's address) to the primitive's layout */
static dnnl_status_t pack(struct conv *c, void *data)
{
	dnnl_exec_arg_t args[] = { { DNNL_ARG_FROM, c->plain }, { DNNL_ARG_TO, c->mem[1] } };
	dnnl_status_t s = dnnl_memory_set_data_handle(c->plain, data);

	s = s ? s : dnnl_primitive_execute(c->reorder, c->stream, 2, args);
	return s ? s : dnnl_stream_wait(c->stream);
}

static dnnl_status_t make_reorder(struct conv *c, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to)
{
	dnnl_primitive_desc_t pd = NULL;
	dnnl_status_t s;

	c->weights = aligned(dnnl_memory_desc_get_size(to));
	if (!c->weights)
		return dnnl_out_of_memory;
	s = dnnl_memory_create(&c->plain, from, c->engine, NULL);
	s = s ? s : dnnl_memory_create(&c->mem[1], to, c->engine, c->weights);
	s = s ? s : dnnl_reorder_primitive_desc_create(&pd, from, c->engine, to, c->engine, NULL);
	s = s ? s : dnnl_primitive_create(&c->reorder, pd);
	if (pd)
		dnnl_primitive_desc_destroy(pd);
	return s;
}

static void pads(const struct cpu_args *a, int64_t *s, int64_t *d, int64_t *p0, int64_t *p1)
{
	const struct cpu_tensor *x = &a->in[0], *w = &a->in[1], *o = &a->out[0];
	const char *ap = tuff_attr_str(a->p, a->s, "auto_pad", "NOTSET");
	size_t ns, nd, np;
	const int64_t *st = tuff_attr_ints(a->p, a->s, "strides", &ns), *di = tuff_attr_ints(a->p, a->s, "dilations", &nd);
	const int64_t *pa = tuff_attr_ints(a->p, a->s, "pads", &np);
	int n = x->rank - 2;

	for (int i = 0; i < n; i++) {
		int64_t span, total;

		s[i] = ns ? st[i] : 1;
		d[i] = (nd ? di[i] : 1) - 1;	/* oneDNN counts the holes */
		p0[i] = np && strcmp(ap, "VALID") ? pa[i] : 0;
		span = (w->dim[2 + i] - 1) * (d[i] + 1) + 1;
		total = (o->dim[2 + i] - 1) * s[i] + span - x->dim[2 + i];
		if (!strncmp(ap, "SAME", 4))
			p0[i] = total < 0 ? 0 : !strcmp(ap, "SAME_LOWER") ? (total + 1) / 2 : total / 2;
		p1[i] = total - p0[i];	/* what the output size implies; may be negative */
	}
}

int cpu_conv_prepare(const struct cpu_args *a, void **state)
{
	static const dnnl_format_tag_t tags[] = { 0, 0, 0, dnnl_abc, dnnl_abcd, dnnl_abcde, dnnl_abcdef };
	static const dnnl_format_tag_t last[] = { 0, 0, 0, dnnl_acb, dnnl_acdb, dnnl_acdeb };
	const struct cpu_tensor *x = &a->in[0], *w = &a->in[1], *o = &a->out[0];
	int64_t group = tuff_attr_int(a->p, a->s, "group", 1);
	dnnl_dims_t xd = { 0 }, od = { 0 }, bd = { 0 }, s = { 0 }, d = { 0 }, p0 = { 0 }, p1 = { 0 };
	dnnl_memory_desc_t xm, wm, wany, bm, om;
	dnnl_convolution_desc_t cd;
	dnnl_primitive_desc_t pd = NULL;
	dnnl_primitive_attr_t attr = NULL;
	dnnl_dims_t wd = { 0 };
	dnnl_status_t st;
	struct conv *c;
	int wr = w->rank;

	if (x->dtype != TUFF_F32 || x->rank > 5) {
		snprintf(a->err, a->errlen, "needs float32 and at most 3 spatial dimensions");
		return -EOPNOTSUPP;
	}
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	memcpy(wd, w->dim, sizeof(*wd) * w->rank);
	if (group > 1) {
		wd[0] = group;
		wd[1] = w->dim[0] / group;
		memcpy(wd + 2, w->dim + 1, sizeof(*wd) * (w->rank - 1));
		wr++;
	}
	memcpy(xd, x->dim, sizeof(x->dim));
	memcpy(od, o->dim, sizeof(o->dim));
	bd[0] = o->dim[1];
	pads(a, s, d, p0, p1);
	st = dnnl_engine_create(&c->engine, dnnl_cpu, 0);
	st = st ? st : dnnl_stream_create(&c->stream, c->engine, dnnl_stream_default_flags);
	st = st ? st : dnnl_memory_desc_init_by_tag(&xm, x->rank, xd, dnnl_f32, (x->layout == TUFF_CL ? last : tags)[x->rank]);
	st = st ? st : dnnl_memory_desc_init_by_tag(&om, o->rank, od, dnnl_f32, (o->layout == TUFF_CL ? last : tags)[o->rank]);
	st = st ? st : dnnl_memory_desc_init_by_tag(&wm, wr, wd, dnnl_f32, tags[wr]);
	st = st ? st : dnnl_memory_desc_init_by_tag(&wany, wr, wd, dnnl_f32, dnnl_format_tag_any);
	if (!st && cpu_has(a, 2))
		st = dnnl_memory_desc_init_by_tag(&bm, 1, bd, dnnl_f32, dnnl_a);
	st = st ? st : dnnl_dilated_convolution_forward_desc_init(&cd, dnnl_forward_inference, dnnl_convolution_direct, &xm, &wany,
								  cpu_has(a, 2) ? &bm : NULL, &om, s, d, p0, p1);
	st = st ? st : dnnl_primitive_attr_create(&attr);
	st = st ? st : dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
	st = st ? st : dnnl_primitive_desc_create(&pd, &cd, attr, c->engine, NULL);
	st = st ? st : dnnl_primitive_create(&c->prim, pd);
	if (!st) {
		const dnnl_memory_desc_t *sm = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);

		c->scratch = aligned(dnnl_memory_desc_get_size(sm));
		st = c->scratch ? dnnl_memory_create(&c->mem[4], sm, c->engine, c->scratch) : dnnl_out_of_memory;
		st = st ? st : make_reorder(c, &wm, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0));
		c->constant = cpu_is_weight(a, 1);
		if (!st && c->constant)
			st = pack(c, w->data);
	}
	st = st ? st : dnnl_memory_create(&c->mem[0], &xm, c->engine, NULL);
	st = st ? st : dnnl_memory_create(&c->mem[3], &om, c->engine, NULL);
	if (!st && cpu_has(a, 2))
		st = dnnl_memory_create(&c->mem[2], &bm, c->engine, NULL);
	if (pd)
		dnnl_primitive_desc_destroy(pd);
	if (attr)
		dnnl_primitive_attr_destroy(attr);
	if (st) {
		snprintf(a->err, a->errlen, "oneDNN has no convolution for this (status %d)", st);
		cpu_conv_destroy(c);
		return st == dnnl_out_of_memory ? -ENOMEM : -EOPNOTSUPP;
	}
	*state = c;
	return 0;
}

int cpu_conv_run(const struct cpu_args *a, void *state)
{
	struct conv *c = state;
	int act = tuff_attr_int(a->p, a->s, "act", -1);
	size_t np;
	const float *p = tuff_attr_floats(a->p, a->s, "act_p", &np);
	float *o = a->out[0].data, *r = cpu_has(a, 3) ? a->in[3].data : NULL;
	float p0 = np > 0 ? p[0] : 0, p1 = np > 1 ? p[1] : 0;
	int64_t n = cpu_numel(&a->out[0]);
	dnnl_exec_arg_t args[5] = {
		{ DNNL_ARG_SRC, c->mem[0] }, { DNNL_ARG_WEIGHTS, c->mem[1] }, { DNNL_ARG_DST, c->mem[3] },
		{ DNNL_ARG_SCRATCHPAD, c->mem[4] }, { DNNL_ARG_BIAS, c->mem[2] } };

	if (!n)
		return 0;
	dnnl_memory_set_data_handle(c->mem[0], a->in[0].data);
	dnnl_memory_set_data_handle(c->mem[3], o);
	if (c->mem[2])
		dnnl_memory_set_data_handle(c->mem[2], a->in[2].data);
	if ((!c->constant && pack(c, a->in[1].data)) ||
	    dnnl_primitive_execute(c->prim, c->stream, c->mem[2] ? 5 : 4, args) || dnnl_stream_wait(c->stream)) {
		snprintf(a->err, a->errlen, "oneDNN failed");
		return -EIO;
	}
	if (r)
		for (int64_t i = 0; i < n; i++)
			o[i] += r[i];
	if (act == TUFF_EW_RELU)
		for (int64_t i = 0; i < n; i++)
			o[i] = o[i] > 0 ? o[i] : 0;
	else if (act >= 0)
		for (int64_t i = 0; i < n; i++)
			o[i] = cpu_act(act, o[i], p0, p1);
	return 0;
}
