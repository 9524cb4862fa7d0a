// SPDX-License-Identifier: MIT
/*
 * Instantiation: sizes from symbols, buffers placed in one arena, every step's
 * tensors resolved and prepared. After that a run allocates nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/session.h"

#define ARENA_ALIGN 64

void plan_destroy(const struct tuff_session *s, struct plan *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; p->steps && i < s->p->nsteps; i++)
		if (p->steps[i].state)
			cpu_ops[s->p->steps[i].op].destroy(p->steps[i].state);
	for (uint32_t i = 0; p->in_convert && i < s->p->ninputs; i++)
		free(p->in_convert[i]);
	for (uint32_t i = 0; p->out_convert && i < s->p->noutputs; i++)
		free(p->out_convert[i]);
	device_plan_destroy(s, p->dev);
	free(p->in_convert);
	free(p->out_convert);
	free(p->out_direct);
	free(p->moves);
	free(p->home);
	free(p->steps);
	free(p->tensors);
	free(p->arena);
	free(p->data);
	free(p->vals);
	free(p->syms);
	free(p);
}

static int place(struct tuff_session *s, struct plan *pl, uint64_t *sizes, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	uint64_t *off = calloc(p->nbufs + 1, sizeof(*off));
	int ret = off ? 0 : -ENOMEM;

	for (uint32_t i = 0; !ret && i < p->nbufs; i++) {
		int64_t v = pl->vals[p->bufs[i].size];

		if (v < 0 || v > CPU_MAX_BYTES) {
			ret = session_error(err, -EINVAL, "%s: a tensor of %lld bytes comes from these input shapes", s->path, (long long)v);
			goto out;
		}
		sizes[i] = v;
	}
	for (uint32_t i = 0; !ret && i < p->ntensors; i++)
		for (uint32_t d = 0; d < p->tensors[i].rank; d++)
			if (pl->vals[p->tensors[i].dim[d]] < 0) {
				ret = session_error(err, -EINVAL, "%s: tensor '%s': dimension %u is %lld", s->path, tuff_str(p, p->tensors[i].name), d,
						    (long long)pl->vals[p->tensors[i].dim[d]]);
				goto out;
			}
	if (!ret && s->dev) {
		ret = device_plan_create(s, pl, sizes, err);
		goto out;
	}
	if (!ret)
		ret = tuff_memplan(p->bufs, p->nbufs, TUFF_BUF_ARENA, sizes, ARENA_ALIGN, off, &pl->mem);
	if (!ret) {
		pl->arena = aligned_alloc(ARENA_ALIGN, (pl->mem.size + 2 * ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN);
		ret = pl->arena ? 0 : -ENOMEM;
	}
	if (ret) {
		session_error(err, ret, "%s: no memory for activations of %llu bytes", s->path, (unsigned long long)pl->mem.size);
		goto out;
	}
	for (uint32_t i = 0; i < p->nbufs; i++) {
		if (p->bufs[i].kind == TUFF_BUF_ARENA)
			pl->data[i] = (char *)pl->arena + off[i];
		else if (p->bufs[i].kind == TUFF_BUF_WEIGHT)
			pl->data[i] = s->weights[p->bufs[i].index];
	}
out:
	free(off);
	return ret;
}

static void resolve(const struct tuff_program *p, const struct plan *pl, uint32_t t, struct cpu_tensor *out)
{
	memset(out, 0, sizeof(*out));
	if (t == TUFF_NONE)
		return;
	out->dtype = p->tensors[t].storage;
	out->logical = p->tensors[t].dtype;
	out->rank = p->tensors[t].rank;
	out->layout = p->tensors[t].layout;
	for (uint32_t i = 0; i < out->rank; i++)
		out->dim[i] = pl->vals[p->tensors[t].dim[i]];
	out->data = pl->data[p->tensors[t].buffer];
}

/*
 * Is all of a tensor there? A program file says how large a buffer is, which
 * weight it shows and which type that has; nothing of it has to be true.
 */
static int covered(const struct tuff_session *s, const struct plan *pl, const uint64_t *sizes, uint32_t t, const char **what)
{
	const struct tuff_program *p = s->p;
	const struct tuff_buf *b = &p->bufs[p->tensors[t].buffer];
	uint64_t need = tuff_dtype_size(p->tensors[t].storage), room = sizes[p->tensors[t].buffer], n = 1;

	for (uint32_t d = 0; d < p->tensors[t].rank; d++) {
		int64_t v = pl->vals[p->tensors[t].dim[d]];

		*what = "has a negative or too large dimension";
		if (v < 0 || v > CPU_MAX_BYTES || __builtin_mul_overflow(n, (uint64_t)v, &n) || n > CPU_MAX_BYTES)
			return -EINVAL;
	}
	need *= n;
	*what = "is larger than its memory";
	if (b->kind == TUFF_BUF_INPUT && !pl->dev) {	/* the caller's: as large as the input is */
		const struct tuff_tens *in = &p->tensors[p->inputs[b->index].tensor];

		room = tuff_dtype_size(in->storage);
		for (uint32_t d = 0; d < in->rank; d++)	/* of the caller's tensor: its size has been seen */
			room *= pl->vals[in->dim[d]];
	} else if (b->kind == TUFF_BUF_WEIGHT && s->weights[b->index]) {
		room = s->weight_size[b->index];
	} else if (b->kind == TUFF_BUF_WEIGHT) {	/* an operator reads it for itself, as float32 */
		room = p->tensors[t].storage == TUFF_F32 ? 4 * session_weight_elements(&p->weights[b->index]) : 0;
	} else if (!pl->data[p->tensors[t].buffer]) {
		room = 0;
	}
	return need <= room ? 0 : -EINVAL;
}

static int ios(const struct tuff_session *s, const struct plan *pl, const uint64_t *sizes, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	const char *what;

	for (uint32_t i = 0; i < p->ninputs + p->noutputs; i++) {
		bool in = i < p->ninputs;
		const struct tuff_io *io = in ? &p->inputs[i] : &p->outputs[i - p->ninputs];

		if (covered(s, pl, sizes, io->tensor, &what))
			return session_error(err, -EINVAL, "%s: %s '%s' %s", s->path, in ? "input" : "output", tuff_str(p, io->name), what);
	}
	return 0;
}

static int prepare(struct tuff_session *s, struct plan *pl, uint32_t i, const uint64_t *sizes, struct cpu_tensor **pool, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	const struct tuff_step *st = &p->steps[i];
	struct plan_step *ps = &pl->steps[i];
	char why[256] = "";
	int ret = 0;

	ps->in = *pool;
	ps->out = *pool + st->nin;
	*pool += st->nin + st->nout;
	ps->nothing = true;
	for (uint32_t k = 0; k < st->nin + st->nout; k++) {
		uint32_t t = p->args[st->arg + k];
		const char *what;

		resolve(p, pl, t, &ps->in[k]);
		if (t == TUFF_NONE)
			continue;
		if (covered(s, pl, sizes, t, &what)) {
			session_error_step(err, p, st);
			session_error_tensor(err, tuff_str(p, p->tensors[t].name), ps->in[k].dim, ps->in[k].rank);
			return session_error(err, -EINVAL, "%s: node '%s' (%s): tensor '%s' %s with these input shapes", s->path,
					     tuff_str(p, st->node), tuff_op_name(st->op), tuff_str(p, p->tensors[t].name), what);
		}
		ps->nothing &= k < st->nin || !cpu_numel(&ps->in[k]);
	}
	ps->args = (struct cpu_args){ .p = p, .s = st, .in = ps->in, .out = ps->out, .nin = st->nin, .nout = st->nout,
				      .err = why, .errlen = sizeof(why),
				      .pool = s->pool, .threads = s->threads, .weights = (struct cpu_weights *)s };
	ret = cpu_ops[st->op].run ? cpu_check(&ps->args) : -EOPNOTSUPP;
	if (!ret && cpu_ops[st->op].prepare)
		ret = cpu_ops[st->op].prepare(&ps->args, &ps->state);
	if (ret)
		session_error(err, ret, "%s: node '%s' (%s): %s", s->path, tuff_str(p, st->node), tuff_op_name(st->op),
			      *why ? why : "this operator is not supported on the CPU");
	if (ret)
		session_error_step(err, p, st);
	return ret;
}

static int converts(struct tuff_session *s, struct plan *pl, const struct tuff_io *io, uint32_t n, void **to)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct tuff_tens *t = &s->p->tensors[io[i].tensor];
		bool in = to == pl->in_convert;
		int64_t size = 1;

		if (t->dtype == t->storage)
			continue;
		for (uint32_t d = 0; d < t->rank; d++)
			size *= pl->vals[t->dim[d]];
		to[i] = aligned_alloc(64, (size * tuff_dtype_size(in ? t->storage : t->dtype) + 127) / 64 * 64);
		if (!to[i])
			return -ENOMEM;
	}
	return 0;
}

/* bytes of a tensor as it is stored */
static uint64_t stored(const struct tuff_program *p, const struct plan *pl, const struct tuff_tens *t)
{
	uint64_t n = tuff_dtype_size(t->storage);

	for (uint32_t d = 0; d < t->rank; d++)
		n *= pl->vals[t->dim[d]];
	return n;
}

/* May output i lie anywhere? If its buffer is all its own, of its size, in the model's form. */
static bool direct(const struct tuff_session *s, const struct plan *pl, const uint64_t *sizes, uint32_t i)
{
	const struct tuff_program *p = s->p;
	const struct tuff_tens *t = &p->tensors[p->outputs[i].tensor];

	for (uint32_t k = 0; k < p->noutputs; k++)
		if (k != i && p->tensors[p->outputs[k].tensor].buffer == t->buffer)
			return false;
	if (pl->out_convert[i] || stored(p, pl, t) != sizes[t->buffer] || t->layout != TUFF_PLAIN || t->offset != TUFF_NONE)
		return false;
	return pl->dev ? device_slotted(pl->dev, t->buffer) : p->bufs[t->buffer].kind == TUFF_BUF_ARENA;
}

/* the tensors of CPU steps whose memory a run decides */
static int moves(struct tuff_session *s, struct plan *pl, const uint64_t *sizes, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	bool *moving = calloc(p->nbufs + 1, sizeof(*moving));
	uint32_t n = 0;
	int ret = 0;

	if (!moving)
		return session_error(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < p->nbufs && !ret; i++) {
		moving[i] = p->bufs[i].kind == TUFF_BUF_INPUT;
		/* a run copies the input's bytes there */
		if (moving[i] && sizes[i] != stored(p, pl, &p->tensors[p->inputs[p->bufs[i].index].tensor]))
			ret = session_error(err, -EINVAL, "%s: the buffer of input %u has %llu bytes, not what its shape needs", s->path,
					    p->bufs[i].index, (unsigned long long)sizes[i]);
	}
	for (uint32_t i = 0; i < p->noutputs && !ret; i++) {
		pl->out_direct[i] = direct(s, pl, sizes, i);
		moving[p->tensors[p->outputs[i].tensor].buffer] |= pl->out_direct[i];
	}
	for (int fill = 0; fill < 2 && !ret; fill++) {
		for (uint32_t i = n = 0; i < p->nsteps; i++)
			for (uint32_t k = 0; p->steps[i].kind == TUFF_STEP_CPU && k < p->steps[i].nin + p->steps[i].nout; k++) {
				uint32_t t = p->args[p->steps[i].arg + k];

				if (t == TUFF_NONE || !moving[p->tensors[t].buffer])
					continue;
				if (fill)
					pl->moves[n] = (struct plan_move){ &pl->steps[i].in[k], p->tensors[t].buffer };
				n++;
			}
		if (!fill) {
			pl->moves = calloc(n + 1, sizeof(*pl->moves));
			if (!pl->moves)
				ret = session_error(err, -ENOMEM, "out of memory");
		}
	}
	pl->nmoves = n;
	memcpy(pl->home, pl->data, p->nbufs * sizeof(*pl->home));
	free(moving);
	return ret;
}

static const char *sym_name(void *p, uint32_t sym)
{
	return tuff_str(p, ((const struct tuff_program *)p)->syms[sym].name);
}

static int build(struct tuff_session *s, const int64_t *syms, struct plan **out, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	struct plan *pl = calloc(1, sizeof(*pl));
	uint64_t ntens = 1, *sizes = calloc(p->nbufs + 1, sizeof(*sizes));
	struct cpu_tensor *pool;
	uint32_t bad;
	int ret = -ENOMEM;

	if (!pl || !sizes) {
		free(pl);
		free(sizes);
		return session_error(err, -ENOMEM, "out of memory");
	}
	for (uint32_t i = 0; i < p->nsteps; i++)
		ntens += p->steps[i].nin + p->steps[i].nout;
	pl->syms = calloc(p->nsyms + 1, sizeof(*pl->syms));
	pl->vals = calloc(p->nexprs + 1, sizeof(*pl->vals));
	pl->data = calloc(p->nbufs + 1, sizeof(*pl->data));
	pl->home = calloc(p->nbufs + 1, sizeof(*pl->home));
	pl->out_direct = calloc(p->noutputs + 1, sizeof(*pl->out_direct));
	pl->steps = calloc(p->nsteps + 1, sizeof(*pl->steps));
	pl->in_convert = calloc(p->ninputs + 1, sizeof(void *));
	pl->out_convert = calloc(p->noutputs + 1, sizeof(void *));
	pool = pl->tensors = calloc(ntens, sizeof(*pl->tensors));
	if (!pl->syms || !pl->vals || !pl->data || !pl->steps || !pool || !pl->in_convert || !pl->out_convert || !pl->home || !pl->out_direct) {
		session_error(err, ret, "out of memory");
		goto err_plan;
	}
	memcpy(pl->syms, syms, p->nsyms * sizeof(*syms));
	ret = tuff_expr_eval(p->exprs, p->nexprs, syms, p->nsyms, pl->vals, &bad);
	if (ret) {
		const struct tuff_expr *e = &p->exprs[bad];
		char what[200];

		tuff_expr_text(p->exprs, e->op == TUFF_E_DIV ? e->b : bad, sym_name, (void *)p, what, sizeof(what));
		ret = session_error(err, -EINVAL, "%s: the input shapes do not fit together: %s%s", s->path, what,
			      e->op == TUFF_E_DIV ? " does not hold" : " cannot be computed");
		goto err_plan;
	}
	ret = place(s, pl, sizes, err);
	ret = ret ? ret : ios(s, pl, sizes, err);
	for (uint32_t i = 0; !ret && i < p->nsteps; i++) {
		if (p->steps[i].kind == TUFF_STEP_CPU)
			ret = prepare(s, pl, i, sizes, &pool, err);
		if (!ret && p->steps[i].macs != TUFF_NONE && __builtin_add_overflow(pl->macs, pl->vals[p->steps[i].macs], &pl->macs))
			pl->macs = INT64_MAX;
	}
	if (!ret) {
		ret = converts(s, pl, p->inputs, s->nreq, pl->in_convert);
		ret = ret ? ret : converts(s, pl, p->outputs, p->noutputs, pl->out_convert);
		if (ret)
			session_error(err, ret, "out of memory");
	}
	ret = ret ? ret : moves(s, pl, sizes, err);
	if (!ret && s->dev)
		ret = device_plan_record(s, pl, sizes, err);
	if (ret)
		goto err_plan;
	free(sizes);
	*out = pl;
	return 0;
err_plan:
	free(sizes);
	plan_destroy(s, pl);
	return ret;
}

int plan_get(struct tuff_session *s, const int64_t *syms, struct plan **out, struct tuff_error *err)
{
	uint32_t oldest = 0;
	int ret;

	for (uint32_t i = 0; i < SESSION_PLANS; i++) {
		struct plan *p = s->plans[i];

		if (p && !memcmp(p->syms, syms, s->p->nsyms * sizeof(*syms))) {
			p->used = ++s->clock;
			*out = p;
			return 0;
		}
		if (!p || (s->plans[oldest] && p->used < s->plans[oldest]->used))
			oldest = i;
	}
	ret = build(s, syms, out, err);
	if (ret)
		return ret;
	if (s->last == s->plans[oldest])
		s->last = NULL;
	plan_destroy(s, s->plans[oldest]);
	s->plans[oldest] = *out;
	(*out)->used = ++s->clock;
	return 0;
}
