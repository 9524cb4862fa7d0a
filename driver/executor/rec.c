// SPDX-License-Identifier: MIT
/*
 * Recordings. Their bindings cannot change, so one is kept for each (command
 * buffer, memory, offset and range of every slot), the least recently used
 * going first. One in flight is not used again: then another is made.
 */
#include "driver/executor/exec.h"

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ (h >> 29);
}

static void drop(struct tuff_exec *x, struct exec_rec *r)
{
	list_del(&r->lru);
	list_del(&r->bucket);
	x->nrecs--;
	x->be->rec_destroy(x->dev, r->be);
	if (r->scratch)
		x->be->mem_free(x->dev, r->scratch);
	free(r);
}

static bool same(const struct exec_rec *r, uint64_t hash, const struct exec_cmdbuf *cb,
		 const struct tuff_msg_slot *slots)
{
	if (r->busy || r->hash != hash || r->cb != cb)
		return false;
	for (uint32_t i = 0; i < cb->nslots; i++) {
		const struct tuff_msg_slot *s = &slots[cb->slots[i].slot];

		if (r->key[i].mem != s->mem || r->key[i].offset != s->offset ||
		    r->key[i].range != s->range)
			return false;
	}
	return true;
}

/* Room for one more. All busy: the bound is exceeded, flights are bounded. */
static void evict(struct tuff_exec *x)
{
	struct list *n, *prev;

	for (n = x->lru.prev; n != &x->lru && x->nrecs >= EXEC_RECS; n = prev) {
		struct exec_rec *r = container_of(n, struct exec_rec, lru);

		prev = n->prev;
		if (!r->busy)
			drop(x, r);
	}
}

/* Slots may be bound to the same bytes; to copy those onto themselves is undefined. */
static int check_copies(const struct exec_cmdbuf *cb, const struct tuff_be_slot *slots)
{
	for (uint32_t i = 0; i < cb->ncmds; i++) {
		const struct tuff_be_cmd *c = &cb->cmds[i];
		const struct tuff_be_slot *s, *d;
		uint64_t from, to;

		if (c->op != TUFF_BE_COPY)
			continue;
		s = &slots[c->src.slot];
		d = &slots[c->dst.slot];
		from = s->offset + c->src.offset;
		to = d->offset + c->dst.offset;
		if (s->mem == d->mem && from < to + c->dst.range &&
		    to < from + c->dst.range)
			return -EINVAL;
	}
	return 0;
}

static int record(struct tuff_exec *x, struct exec_cmdbuf *cb, struct exec_rec *r,
		  const struct tuff_be_slot *be_slots)
{
	struct tuff_be_slot all[EXEC_SCRATCH + 1];
	struct tuff_be_mem_desc desc = { .placement = TUFF_BE_DEVICE };
	int ret;

	for (uint32_t i = 0; !cb->resolved && i < cb->ncmds; i++) {
		struct exec_kernel *k = cb->kernels[i];

		if (k && !k->ready)
			return k->error ? k->error : -EBUSY;
		cb->cmds[i].kernel = k ? k->be : NULL;
	}
	cb->resolved = true;
	memset(all, 0, sizeof(all));
	for (uint32_t i = 0; i < cb->nslots; i++)
		all[cb->slots[i].slot] = be_slots[cb->slots[i].slot];
	ret = check_copies(cb, all);
	if (ret)
		return ret;
	if (cb->nindirect) {
		desc.size = ((uint64_t)cb->nindirect * EXEC_SCRATCH_STEP + 4095) & ~4095ull;
		ret = x->be->mem_alloc(x->dev, &desc, &r->scratch);
		if (ret)
			return ret;
		all[EXEC_SCRATCH] = (struct tuff_be_slot){ r->scratch, 0, desc.size };
	}
	ret = x->be->record(x->dev, cb->cmds, cb->ncmds, all, EXEC_SCRATCH + 1, &r->be);
	if (ret && r->scratch)
		x->be->mem_free(x->dev, r->scratch);
	return ret;
}

int exec_rec_get(struct tuff_exec *x, struct exec_cmdbuf *cb, const struct tuff_msg_slot *slots,
		 const struct tuff_be_slot *be_slots, struct exec_rec **out)
{
	uint64_t hash = mix(0, cb->id);
	struct list *bucket;
	struct exec_rec *r;
	int ret;

	for (uint32_t i = 0; i < cb->nslots; i++) {
		const struct tuff_msg_slot *s = &slots[cb->slots[i].slot];

		hash = mix(mix(mix(hash, s->mem), s->offset), s->range);
	}
	bucket = &x->buckets[hash % EXEC_BUCKETS];
	list_for_each(r, bucket, bucket) {
		if (!same(r, hash, cb, slots))
			continue;
		x->rec_hits++;
		list_del(&r->lru);
		list_add_head(&r->lru, &x->lru);
		goto found;
	}
	evict(x);
	r = calloc(1, sizeof(*r) + cb->nslots * sizeof(r->key[0]));
	if (!r)
		return -ENOMEM;
	r->hash = hash;
	r->cb = cb;
	r->nslots = cb->nslots;
	for (uint32_t i = 0; i < cb->nslots; i++) {
		const struct tuff_msg_slot *s = &slots[cb->slots[i].slot];

		r->key[i] = (struct exec_rec_key){ s->mem, 0, s->offset, s->range };
	}
	ret = record(x, cb, r, be_slots);
	if (ret) {
		free(r);
		return ret;
	}
	x->nrecs++;
	list_add_head(&r->lru, &x->lru);
	list_add_head(&r->bucket, bucket);
found:
	r->busy = true;
	*out = r;
	return 0;
}

void exec_rec_put(struct tuff_exec *x, struct exec_rec *r)
{
	(void)x;
	r->busy = false;
}

void exec_rec_purge(struct tuff_exec *x, const struct exec_cmdbuf *cb, uint32_t mem)
{
	struct exec_rec *r, *n;

	list_for_each_safe(r, n, &x->lru, lru) {
		bool match = cb ? r->cb == cb : !mem;

		for (uint32_t i = 0; mem && i < r->nslots; i++)
			match |= r->key[i].mem == mem;
		if (match)
			drop(x, r);
	}
}
