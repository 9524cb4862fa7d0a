// SPDX-License-Identifier: MIT
/*
 * Weights of a session: read through their recipes, one after the other,
 * straight to where they stay, so that loading peaks little above the model's size. What an operator packs for itself is packed
 * once for all plans, and its plain form is never kept.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "userspace/session.h"

struct packed {
	struct packed *next;
	uint32_t weight;
	size_t keylen;
	void *key, *data;
};

uint64_t session_weight_elements(const struct tuff_weight *w)
{
	uint64_t n = 1;

	for (uint32_t d = 0; d < w->rank; d++)
		n *= w->dim[d];
	return n;
}

static int read_into(struct tuff_session *s, uint32_t i, uint32_t storage, float *dst)
{
	const struct tuff_weight *w = &s->p->weights[i];
	float *scale;
	uint64_t row;
	int ret;

	if (w->scale != TUFF_NONE && storage != TUFF_F32)
		return -EINVAL;
	ret = tuff_weight_read(&s->src, i, storage, dst);
	if (ret || w->scale == TUFF_NONE || !w->rank || !w->dim[0])
		return ret;
	scale = malloc(w->dim[0] * sizeof(*scale));
	ret = scale ? tuff_weight_fetch(&s->src, w->scale, 0, scale, w->dim[0] * sizeof(*scale)) : -ENOMEM;
	row = session_weight_elements(w) / w->dim[0];
	for (int64_t o = 0; o < w->dim[0] && !ret; o++)
		for (uint64_t k = 0; k < row; k++)
			dst[o * row + k] *= scale[o];
	free(scale);
	return ret;
}

/* why a weight could not be read */
static const char *reason(int ret)
{
	return ret == -EIO ? "its file is shorter than it was, or cannot be read" : strerror(-ret);
}

static void *room(size_t n)
{
	return aligned_alloc(64, (n + 127) / 64 * 64);
}

static int load(struct tuff_session *s, uint32_t i, uint32_t storage)
{
	uint64_t size = session_weight_elements(&s->p->weights[i]) * tuff_dtype_size(storage);

	if (s->weights[i])
		return 0;
	s->weights[i] = room(size);
	if (!s->weights[i])
		return -ENOMEM;
	s->weight_size[i] = size;
	s->weight_bytes += size;
	return read_into(s, i, storage, s->weights[i]);
}

/* a bit for each tensor: a CPU step reads its plain form */
static uint8_t *plain_readers(const struct tuff_program *p)
{
	uint8_t *read = calloc(p->ntensors + 1, 1);

	for (uint32_t i = 0; read && i < p->nsteps; i++) {
		const struct tuff_step *st = &p->steps[i];

		for (uint32_t k = 0; st->kind != TUFF_STEP_DISPATCH && k < st->nin; k++) {
			uint32_t t = p->args[st->arg + k];

			if (t != TUFF_NONE && !(cpu_ops[st->op].packs && cpu_ops[st->op].packs(p, st, k)))
				read[t] = 1;
		}
	}
	for (uint32_t i = 0; read && i < p->noutputs; i++)	/* a constant output */
		read[p->outputs[i].tensor] = 1;
	for (uint32_t i = 0; read && i < p->nsyms; i++)		/* or one that sizes are measured from */
		if (p->syms[i].flags & TUFF_SYM_DATA)
			read[p->syms[i].tensor] = 1;
	return read;
}

int session_load_weights(struct tuff_session *s, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	uint8_t *read = plain_readers(p);
	int ret = 0;

	s->weights = calloc(p->nweights ? p->nweights : 1, sizeof(*s->weights));
	s->weight_size = calloc(p->nweights + 1, sizeof(*s->weight_size));
	if (!s->weights || !s->weight_size || !read) {
		free(read);
		return session_error(err, -ENOMEM, "out of memory");
	}
	/* a view of a weight reads the weight */
	for (uint32_t i = 0; i < p->ntensors && !ret; i++) {
		const struct tuff_buf *b = &p->bufs[p->tensors[i].buffer];

		if (b->kind != TUFF_BUF_WEIGHT || !read[i])
			continue;
		ret = load(s, b->index, p->tensors[i].storage);
		if (ret)
			session_error(err, ret, "%s: weight '%s': %s", s->path, tuff_str(p, p->weights[b->index].name), reason(ret));
	}
	free(read);
	return ret;
}

static void drop_plain(struct tuff_session *s)
{
	if (s->plain_weight)
		munmap(s->plain_weight, s->plain_size);
	s->plain_weight = NULL;
}

void session_free_weights(struct tuff_session *s)
{
	struct packed *next;

	for (uint32_t i = 0; s->weights && i < s->p->nweights; i++)
		free(s->weights[i]);
	free(s->weights);
	free(s->weight_size);
	for (struct packed *k = s->packed; k; k = next) {
		next = k->next;
		free(k->data);
		free(k);
	}
	drop_plain(s);
}

static uint32_t weight_of(const struct cpu_args *a, uint32_t i)
{
	return a->p->bufs[a->p->tensors[a->p->args[a->s->arg + i]].buffer].index;
}

static struct tuff_session *session_of(const struct cpu_args *a)
{
	return (struct tuff_session *)a->weights;
}

const void *cpu_weight_plain(const struct cpu_args *a, uint32_t i, int *ret)
{
	struct tuff_session *s = session_of(a);
	uint32_t w = weight_of(a, i);

	*ret = 0;
	if (a->in[i].data)
		return a->in[i].data;
	if (s->weights[w])
		return s->weights[w];
	drop_plain(s);
	/* not from the heap: between what is packed, each would leave a hole that the next does not fit */
	s->plain_size = session_weight_elements(&s->p->weights[w]) * sizeof(float) + 64;
	s->plain_weight = mmap(NULL, s->plain_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->plain_weight == MAP_FAILED)
		s->plain_weight = NULL;
	*ret = s->plain_weight ? read_into(s, w, TUFF_F32, s->plain_weight) : -ENOMEM;
	if (!*ret)
		return s->plain_weight;
	snprintf(a->err, a->errlen, "weight '%s': %s", tuff_str(s->p, s->p->weights[w].name), reason(*ret));
	drop_plain(s);
	return NULL;
}

void cpu_weight_done(const struct cpu_args *a, uint32_t i)
{
	struct tuff_session *s = session_of(a);

	if (s)
		drop_plain(s);
}

void *cpu_weight_packed(const struct cpu_args *a, uint32_t i, const void *key, size_t keylen)
{
	uint32_t w = weight_of(a, i);

	for (struct packed *k = session_of(a)->packed; k; k = k->next)
		if (k->weight == w && k->keylen == keylen && !memcmp(k->key, key, keylen))
			return k->data;
	return NULL;
}

void *cpu_weight_add(const struct cpu_args *a, uint32_t i, const void *key, size_t keylen, size_t size)
{
	struct tuff_session *s = session_of(a);
	struct packed *k = malloc(sizeof(*k) + keylen);

	if (!k)
		return NULL;
	k->data = room(size);
	if (!k->data) {
		free(k);
		return NULL;
	}
	k->weight = weight_of(a, i);
	k->keylen = keylen;
	k->key = k + 1;
	memcpy(k->key, key, keylen);
	k->next = s->packed;
	s->packed = k;
	s->weight_bytes += size;
	return k->data;
}
