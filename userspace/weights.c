// SPDX-License-Identifier: MIT
/*
 * Weights of a session: read through their recipes, one after the other, and
 * the source's pages given back as they are consumed, so that loading peaks
 * little above the model's size. What an operator packs for itself is packed
 * once for all plans, and its plain form is never kept.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "userspace/session.h"

#define SLICE (1u << 20)

struct packed {
	struct packed *next;
	uint32_t weight;
	size_t keylen;
	void *key, *data;
};

static uint64_t elements(const struct tuff_weight *w)
{
	uint64_t n = 1;

	for (uint32_t d = 0; d < w->rank; d++)
		n *= w->dim[d];
	return n;
}

/* dst from the mapped file, whose pages go as soon as they are read */
static void copy(const struct tuff_weight_src *src, uint32_t i, char *dst, size_t n)
{
	const char *b = tuff_weight_bytes(src, i);
	uintptr_t page = sysconf(_SC_PAGESIZE), done = ((uintptr_t)b + page - 1) & -page;

	for (size_t at = 0; at < n; at += SLICE) {
		size_t len = n - at < SLICE ? n - at : SLICE;
		uintptr_t end = ((uintptr_t)b + at + len) & -page;

		memcpy(dst + at, b + at, len);
		if (end > done) {
			madvise((void *)done, end - done, MADV_DONTNEED);
			done = end;
		}
	}
}

static int read_into(struct tuff_session *s, uint32_t i, uint32_t storage, void *dst)
{
	const struct tuff_weight *w = &s->p->weights[i];
	uint64_t n = elements(w);
	int ret = 0;

	if ((w->src == TUFF_W_FILE || (w->src == TUFF_W_DATA && s->p->mapped)) && storage == w->dtype)
		copy(&s->src, i, dst, n * tuff_dtype_size(storage));
	else
		ret = tuff_weight_read(&s->src, i, storage, dst);
	if (ret)
		return ret;
	tuff_weight_drop(&s->src, i);
	if (w->scale != TUFF_NONE && w->rank && w->dim[0]) {
		const float *scale = tuff_weight_bytes(&s->src, w->scale);
		uint64_t row = n / w->dim[0];
		float *f = dst;

		for (int64_t o = 0; o < w->dim[0]; o++)
			for (uint64_t k = 0; k < row; k++)
				f[o * row + k] *= scale[o];
	}
	return 0;
}

static void *room(size_t n)
{
	return aligned_alloc(64, (n + 127) / 64 * 64);
}

static int load(struct tuff_session *s, uint32_t i, uint32_t storage)
{
	uint64_t size = elements(&s->p->weights[i]) * tuff_dtype_size(storage);

	if (s->weights[i])
		return 0;
	s->weights[i] = room(size);
	if (!s->weights[i])
		return -ENOMEM;
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
	if (!s->weights || !read) {
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
			session_error(err, ret, "%s: weight '%s': %s", s->path, tuff_str(p, p->weights[b->index].name), strerror(-ret));
	}
	free(read);
	return ret;
}

void session_free_weights(struct tuff_session *s)
{
	struct packed *next;

	for (uint32_t i = 0; s->weights && i < s->p->nweights; i++)
		free(s->weights[i]);
	free(s->weights);
	for (struct packed *k = s->packed; k; k = next) {
		next = k->next;
		free(k->data);
		free(k);
	}
	free(s->plain_weight);
}

static uint32_t weight_of(const struct cpu_args *a, uint32_t i)
{
	return a->p->bufs[a->p->tensors[a->p->args[a->s->arg + i]].buffer].index;
}

static struct tuff_session *session_of(const struct cpu_args *a)
{
	return (struct tuff_session *)a->weights;
}

const void *cpu_weight_plain(const struct cpu_args *a, uint32_t i)
{
	struct tuff_session *s = session_of(a);
	uint32_t w = weight_of(a, i);

	if (a->in[i].data)
		return a->in[i].data;
	if (s->weights[w])
		return s->weights[w];
	free(s->plain_weight);
	s->plain_weight = room(elements(&s->p->weights[w]) * sizeof(float));
	if (s->plain_weight && read_into(s, w, TUFF_F32, s->plain_weight)) {
		free(s->plain_weight);
		s->plain_weight = NULL;
	}
	return s->plain_weight;
}

void cpu_weight_done(const struct cpu_args *a, uint32_t i)
{
	struct tuff_session *s = session_of(a);

	if (!s)
		return;
	free(s->plain_weight);
	s->plain_weight = NULL;
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
