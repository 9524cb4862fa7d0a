// SPDX-License-Identifier: MIT
/*
 * Graph to program: a step a node, views share their input's buffer, what can
 * be overwritten in place is, and every buffer knows when it lives.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/emit.h"

struct owner {			/* what the program's priv is */
	struct tuff_program p;
	void *parts[16];
};

void *emit_push(struct launch *e, struct vec *v, const void *item, size_t count)
{
	if (v->n + count > v->cap) {
		size_t cap = v->cap * 2 > v->n + count ? v->cap * 2 : v->n + count + 16;
		void *p = realloc(v->p, cap * v->es);

		if (!p) {
			e->oom = true;
			return NULL;
		}
		v->p = p;
		v->cap = cap;
	}
	if (count)
		memcpy((char *)v->p + v->n * v->es, item, count * v->es);
	v->n += count;
	return (char *)v->p + (v->n - count) * v->es;
}

uint32_t emit_str(struct launch *e, const char *s)
{
	uint32_t at = e->strings.n;

	if (!s || !*s)
		return 0;
	emit_push(e, &e->strings, s, strlen(s) + 1);
	return at;
}

/* the CPU path widens the half formats; precision.c decides for devices */
static uint32_t storage_of(const struct ir_value *v)
{
	if (v->storage)
		return v->storage;
	return v->dtype == TUFF_F16 || v->dtype == TUFF_BF16 ? TUFF_F32 : v->dtype;
}

uint32_t emit_tensor(struct launch *e, struct ir_value *v, uint32_t share)
{
	struct ir_module *m = e->m;
	struct tuff_tens t = { .offset = TUFF_NONE };
	uint32_t at = e->tensor[v->id];

	if (at != TUFF_NONE)
		return at;
	t.name = emit_str(e, v->name);
	t.dtype = v->dtype;
	t.storage = storage_of(v);
	t.layout = v->seq ? TUFF_SEQUENCE : v->layout;
	t.rank = v->rank;
	for (int i = 0; i < v->rank; i++)
		t.dim[i] = v->dim[i];
	t.buffer = share;
	if (share == TUFF_NONE) {
		struct tuff_buf b = { .kind = TUFF_BUF_ARENA, .first = e->steps.n, .last = e->steps.n };

		b.size = ex_mul(m, launch_numel(m, v), ex_const(m, tuff_dtype_size(t.storage)));
		if (v->weight != TUFF_NONE) {
			b.kind = TUFF_BUF_WEIGHT;
			b.index = v->weight;
		} else if (v->input >= 0) {
			b.kind = TUFF_BUF_INPUT;
			b.index = v->input;
		}
		t.buffer = e->bufs.n;
		emit_push(e, &e->bufs, &b, 1);
	}
	at = e->tensors.n;
	emit_push(e, &e->tensors, &t, 1);
	e->tensor[v->id] = at;
	return at;
}

struct tuff_buf *emit_buf_of(struct launch *e, uint32_t t)
{
	return (struct tuff_buf *)e->bufs.p + ((struct tuff_tens *)e->tensors.p)[t].buffer;
}

static void attrs(struct launch *e, const struct ir_node *n, struct tuff_step *s)
{
	static const uint8_t zero[8];

	s->attr = e->attrs.n;
	s->nattr = n->nattr;
	for (uint32_t i = 0; i < n->nattr; i++) {
		const struct ir_attr *a = &n->attr[i];
		struct tuff_attr t = { .name = emit_str(e, a->name), .type = a->type, .count = a->n };
		uint32_t off;

		emit_push(e, &e->attr_data, zero, (8 - e->attr_data.n % 8) % 8);
		t.data = e->attr_data.n;
		switch (a->type) {
		case TUFF_A_FLOAT:
			emit_push(e, &e->attr_data, &a->f1, 4);
			break;
		case TUFF_A_INT:
			emit_push(e, &e->attr_data, &a->i1, 8);
			break;
		case TUFF_A_FLOATS:
			emit_push(e, &e->attr_data, a->f, 4 * a->n);
			break;
		case TUFF_A_INTS:
			emit_push(e, &e->attr_data, a->i, 8 * a->n);
			break;
		case TUFF_A_TENSOR:
			emit_push(e, &e->attr_data, &a->weight, 4);
			break;
		default:
			for (uint64_t k = 0; k < a->n; k++) {
				off = emit_str(e, a->s[k]);
				emit_push(e, &e->attr_data, &off, 4);
			}
		}
		emit_push(e, &e->attrs, &t, 1);
	}
}

/* a layout move of [N,C,1,1..] moves nothing when there are no pad lanes */
static bool moves_nothing(struct ir_module *m, const struct ir_node *n)
{
	const struct ir_value *v = n->out[0];
	int64_t c;

	for (int i = 2; i < v->rank; i++)
		if (!ex_is(m, v->dim[i], 1))
			return false;
	return v->rank >= 2 && (m->opt->device.target == TUFF_TARGET_CPU || (ex_value(m, v->dim[1], &c) && c % 4 == 0));
}

static bool is_view(const struct ir_node *n)
{
	return n->op == TUFF_OP_RESHAPE || n->op == TUFF_OP_FLATTEN || n->op == TUFF_OP_SQUEEZE ||
	       n->op == TUFF_OP_UNSQUEEZE || (n->op == TUFF_OP_LAYOUT && n->device == 2);
}

/* Elementwise on one shape: output element i needs input element i only. */
static bool in_place(const struct ir_node *n, uint32_t i)
{
	const struct ir_value *x = n->in[i], *o = n->out[0];

	if (!x || !o || storage_of(x) != storage_of(o) || x->layout != o->layout || x->rank != o->rank ||
	    memcmp(x->dim, o->dim, x->rank * sizeof(*x->dim)))
		return false;
	/* a residual: each chunk reads what it overwrites, and nothing else does */
	if (i == 3 && !n->device && (n->op == TUFF_OP_CONV || n->op == TUFF_OP_MATMUL || n->op == TUFF_OP_GEMM))
		return true;
	return (n->op >= TUFF_OP_ADD && n->op <= TUFF_OP_DIV && i < 2) || n->op == TUFF_OP_FUSED ||
	       (n->op >= TUFF_OP_NEG && n->op <= TUFF_OP_MISH && n->op != TUFF_OP_PRELU && i == 0) || n->op == TUFF_OP_SWISH ||
	       (n->op == TUFF_OP_BATCHNORM && i == 0);
}

/* lives of values, before buffers: views extend what they look at */
static void last_uses(struct launch *e)
{
	struct ir_module *m = e->m;
	uint32_t i = 0;

	for (struct ir_node *n = m->first; n; n = n->next, i++)
		for (uint32_t k = 0; k < n->nin; k++)
			if (n->in[k])
				e->last_use[n->in[k]->id] = i;
	for (uint32_t k = 0; k < m->nout; k++)
		e->last_use[m->out[k]->id] = TUFF_NONE;
}

uint32_t emit_macs(struct ir_module *m, const struct ir_node *n)
{
	const struct ir_value *o = n->out[0];

	if (n->op == TUFF_OP_CONV)
		return ex_mul(m, ex_numel(m, o, 0, o->rank), ex_numel(m, n->in[1], 1, n->in[1]->rank));
	if (n->op == TUFF_OP_GEMM)
		return ex_mul(m, ex_numel(m, o, 0, 2), n->in[1]->dim[!!ir_attr_int(n, "transB", 0)]);
	if (n->op == TUFF_OP_MATMUL)
		return ex_mul(m, ex_numel(m, o, 0, o->rank), n->in[0]->dim[n->in[0]->rank - 1]);
	return TUFF_NONE;
}

uint32_t emit_in_place(struct launch *e, const struct ir_node *n, const uint32_t *list)
{
	for (uint32_t i = 0; i < n->nin && !e->oom; i++) {
		bool twice = false;

		/* the buffer's last reader is this step, and it is not read twice */
		if (!n->in[i] || !in_place(n, i) || emit_buf_of(e, list[i])->kind != TUFF_BUF_ARENA ||
		    e->last_use[n->in[i]->id] != e->index || !n->in[i]->def || is_view(n->in[i]->def))
			continue;
		for (uint32_t k = 0; k < n->nin; k++)
			twice |= k != i && n->in[k] && emit_buf_of(e, list[k]) == emit_buf_of(e, list[i]);
		if (!twice && !emit_buf_of(e, list[i])->pad)	/* nobody views it */
			return ((struct tuff_tens *)e->tensors.p)[list[i]].buffer;
	}
	return TUFF_NONE;
}

static void step(struct launch *e, struct ir_node *n)
{
	struct tuff_step s = { .kind = TUFF_STEP_CPU, .op = n->op, .node = emit_str(e, n->name), .nin = n->nin, .nout = n->nout };
	uint32_t none = TUFF_NONE, shared;
	uint32_t *list = calloc(n->nin + n->nout + 1, sizeof(*list));

	if (!list) {
		e->oom = true;
		return;
	}
	for (uint32_t i = 0; i < n->nin; i++) {
		struct tuff_buf *b;

		list[i] = n->in[i] ? emit_tensor(e, n->in[i], TUFF_NONE) : none;
		if (!n->in[i] || e->oom)
			continue;
		b = emit_buf_of(e, list[i]);
		if (b->last != TUFF_NONE && b->last < e->steps.n)
			b->last = e->steps.n;
	}
	shared = n->out[0] ? emit_in_place(e, n, list) : TUFF_NONE;
	for (uint32_t i = 0; i < n->nout; i++)
		list[n->nin + i] = n->out[i] ? emit_tensor(e, n->out[i], i ? TUFF_NONE : shared) : none;
	s.reason = emit_str(e, n->reason);
	s.arg = e->args.n;
	emit_push(e, &e->args, list, n->nin + n->nout);
	attrs(e, n, &s);
	s.macs = emit_macs(e->m, n);
	if (n->op == TUFF_OP_RUN || tuff_op_regions(n->op) >= 0) {	/* of a script */
		s.kind = n->op == TUFF_OP_RUN ? TUFF_STEP_RUN : TUFF_STEP_DYNAMIC;
		s.kernel = e->nsubs;
		s.ndims = n->nregion;
		e->nsubs += n->nregion;
	}
	emit_push(e, &e->steps, &s, 1);
	free(list);
}

static void io(struct launch *e, struct vec *to, struct ir_value *v, const char *name)
{
	struct tuff_io x = { .name = emit_str(e, name), .tensor = emit_tensor(e, v, TUFF_NONE), .weight = TUFF_NONE };

	emit_push(e, to, &x, 1);
	if (to == &e->out && !e->oom)
		emit_buf_of(e, x.tensor)->last = TUFF_NONE;
}

static void destroy(struct tuff_program *p)
{
	struct owner *o = p->priv;

	for (uint32_t i = 0; i < p->nsubs; i++)
		tuff_program_destroy(p->subs[i]);
	free((void *)p->subs);
	for (size_t i = 0; i < sizeof(o->parts) / sizeof(o->parts[0]); i++)
		free(o->parts[i]);
	free(o);
}

/* on a device program, what the host or a CPU step touches is in shared memory */
static void shared(struct launch *e)
{
	struct tuff_step *s = e->steps.p;

	if (e->m->opt->device.target == TUFF_TARGET_CPU)
		return;
	for (size_t i = 0; i < e->steps.n; i++)
		for (uint32_t k = 0; s[i].kind == TUFF_STEP_CPU && k < s[i].nin + s[i].nout; k++) {
			uint32_t t = ((uint32_t *)e->args.p)[s[i].arg + k];

			if (t != TUFF_NONE && emit_buf_of(e, t)->kind == TUFF_BUF_ARENA)
				emit_buf_of(e, t)->kind = TUFF_BUF_SHARED;
		}
	for (size_t i = 0; i < e->out.n; i++) {
		struct tuff_buf *b = emit_buf_of(e, ((struct tuff_io *)e->out.p)[i].tensor);

		if (b->kind == TUFF_BUF_ARENA)
			b->kind = TUFF_BUF_SHARED;
	}
}

static void tables(struct launch *e)
{
	struct ir_module *m = e->m;

	for (uint32_t i = 0; i < m->nsyms; i++) {
		struct tuff_symbol s = { .name = emit_str(e, m->syms[i].name), .flags = m->syms[i].flags, .max = m->syms[i].max };

		if (m->syms[i].of) {
			s.tensor = emit_tensor(e, m->syms[i].of, TUFF_NONE);
			s.at = m->syms[i].at;
		}
		emit_push(e, &e->syms, &s, 1);
	}
	for (uint32_t i = 0; i < m->nweights; i++) {
		m->weights[i].name = emit_str(e, m->wname[i]);
		emit_push(e, &e->weights, &m->weights[i], 1);
	}
	for (uint32_t i = 0; i < m->nfiles; i++) {
		uint32_t s = emit_str(e, m->files[i]);

		emit_push(e, &e->files, &s, 1);
	}
}

static int finish(struct launch *e, struct tuff_program **out)
{
	struct ir_module *m = e->m;
	struct owner *o = calloc(1, sizeof(*o));
	struct tuff_program *p;
	struct vec *v[] = { &e->strings, &e->tensors, &e->bufs, &e->steps, &e->args, &e->attrs,
			    &e->attr_data, &e->syms, &e->weights, &e->in, &e->out, &e->files, &e->kernels, &e->spirv };

	if (!o || e->oom || m->oom) {
		free(o);
		return -ENOMEM;
	}
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		o->parts[i] = v[i]->p;
	o->parts[14] = m->exprs;
	o->parts[15] = m->data;
	p = &o->p;
	p->target = m->opt->device.target;
	p->strings = e->strings.p, p->strings_size = e->strings.n;
	p->tensors = e->tensors.p, p->ntensors = e->tensors.n;
	p->bufs = e->bufs.p, p->nbufs = e->bufs.n;
	p->steps = e->steps.p, p->nsteps = e->steps.n;
	p->args = e->args.p, p->nargs = e->args.n;
	p->attrs = e->attrs.p, p->nattrs = e->attrs.n;
	p->attr_data = e->attr_data.p, p->attr_data_size = e->attr_data.n;
	p->syms = e->syms.p, p->nsyms = e->syms.n;
	p->weights = e->weights.p, p->nweights = e->weights.n;
	p->inputs = e->in.p, p->ninputs = e->in.n;
	p->outputs = e->out.p, p->noutputs = e->out.n;
	p->files = e->files.p, p->nfiles = e->files.n;
	p->kernels = e->kernels.p, p->nkernels = e->kernels.n;
	p->spirv = e->spirv.p, p->spirv_size = e->spirv.n;
	p->exprs = m->exprs, p->nexprs = m->nexprs;
	p->data = m->data, p->data_size = m->data_size;
	m->exprs = NULL;
	m->data = NULL;
	p->info.opset = m->opset;
	p->info.ir_version = m->ir_version;
	p->priv = o;
	p->destroy = destroy;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		v[i]->p = NULL;
	*out = p;
	return 0;
}

int ir_emit(struct ir_module *m, struct tuff_program **out)
{
	struct launch e = { .m = m,
		.strings.es = 1, .tensors.es = sizeof(struct tuff_tens), .bufs.es = sizeof(struct tuff_buf),
		.steps.es = sizeof(struct tuff_step), .args.es = 4, .attrs.es = sizeof(struct tuff_attr),
		.attr_data.es = 1, .syms.es = sizeof(struct tuff_symbol), .weights.es = sizeof(struct tuff_weight),
		.in.es = sizeof(struct tuff_io), .out.es = sizeof(struct tuff_io), .files.es = 4, .kernels.es = sizeof(struct tuff_kernel), .spirv.es = 1 };
	struct vec *v[] = { &e.strings, &e.tensors, &e.bufs, &e.steps, &e.args, &e.attrs,
			    &e.attr_data, &e.syms, &e.weights, &e.in, &e.out, &e.files, &e.kernels, &e.spirv };
	uint32_t index = 0, first, nodes, nvalues = m->nvalues;	/* constants that lowerings make have no tensor by value */
	uint64_t params = 0;
	int ret;

	e.tensor = malloc((m->nvalues + 1) * sizeof(*e.tensor));
	e.last_use = calloc(m->nvalues + 1, sizeof(*e.last_use));
	e.step = malloc((m->nvalues + 1) * sizeof(*e.step));
	e.oom = !e.tensor || !e.last_use || !e.step;
	emit_push(&e, &e.strings, "", 1);
	if (!e.oom) {
		memset(e.tensor, 0xff, (m->nvalues + 1) * sizeof(*e.tensor));
		memset(e.step, 0xff, (m->nvalues + 1) * sizeof(*e.step));
		last_uses(&e);
	}
	for (uint32_t i = 0; i < m->nin && !e.oom; i++) {
		io(&e, &e.in, m->in[i], m->in[i]->name);
		if (!e.oom && m->in_default && m->in_default[i] != TUFF_NONE) {
			struct tuff_io *x = (struct tuff_io *)e.in.p + i;

			x->flags = TUFF_IO_OPTIONAL;
			x->weight = m->in_default[i];
		}
	}
	for (struct ir_node *n = m->first; n && !e.oom; n = n->next, index++) {
		if (n->op == TUFF_OP_LAYOUT && moves_nothing(m, n))
			n->device = 2;	/* a view */
		if (is_view(n)) {
			uint32_t t = emit_tensor(&e, n->in[0], TUFF_NONE);

			if (e.oom)
				break;
			emit_buf_of(&e, t)->pad = 1;	/* viewed: not for in-place use */
			emit_tensor(&e, n->out[0], ((struct tuff_tens *)e.tensors.p)[t].buffer);
			e.step[n->out[0]->id] = TUFF_NODE_SIZES;
			continue;
		}
		e.index = index;
		first = e.steps.n;
		ret = 0;
		if (n->device)
			ret = lower_node(&e, n);
		else
			step(&e, n);
		if (ret)
			goto out;
		for (uint32_t i = 0; i < n->nout; i++)
			if (n->out[i])
				e.step[n->out[i]->id] = e.steps.n > first ? first : TUFF_NODE_SIZES;
	}
	for (uint32_t i = 0; i < m->nout && !e.oom; i++)
		io(&e, &e.out, m->out[i], m->outname[i]);
	for (size_t i = 0; i < e.bufs.n && !e.oom; i++) {
		struct tuff_buf *b = (struct tuff_buf *)e.bufs.p + i;

		b->pad = 0;
		if (b->last == TUFF_NONE)
			b->last = e.steps.n;
	}
	for (uint32_t i = 0; i < nvalues; i++) {
		const struct ir_value *x = m->values[i];
		uint64_t n = 1;

		if (x->weight == TUFF_NONE || e.oom || e.tensor[i] == TUFF_NONE)
			continue;
		for (uint32_t k = 0; k < m->weights[x->weight].rank; k++)
			n *= m->weights[x->weight].dim[k];
		params += n;
	}
	nodes = e.args.n;
	if (!e.oom)
		nodes_emit(&e);
	if (!e.oom) {
		shared(&e);
		tables(&e);
	}
	ret = finish(&e, out);
	if (!ret) {
		(*out)->info.parameters = params;
		(*out)->info.nnodes = m->nnodes;
		(*out)->info.nodes = nodes;
	}
out:
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		free(v[i]->p);
	free(e.tensor);
	free(e.last_use);
	free(e.step);
	return ret;
}
