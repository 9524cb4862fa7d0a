// SPDX-License-Identifier: MIT
/*
 * Command streams of clients: checked once, packet by packet, and turned into
 * the back end's commands. After this every range is within its slot's declared
 * size, and submit binds at least that.
 */
#include <stdarg.h>
#include <stdio.h>

#include "driver/executor/exec.h"

#define MAX_PACKETS	(1u << 18)

struct parse {
	struct tuff_exec *x;
	struct exec_cmdbuf *cb;
	const struct tuff_cmdbuf_slot *slot[TUFF_MAX_SLOTS];
	uint32_t cap, packet;
	uint32_t stamps[TUFF_CMD_MAX_TIMESTAMPS / 32];
	char *err;
	size_t errlen;
};

#define FAIL(p, ...) fail(p, __VA_ARGS__)
static int __attribute__((format(printf, 2, 3))) fail(struct parse *p, const char *fmt, ...)
{
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(p->err, p->errlen, "packet %u: %s", p->packet, what);
	return -EINVAL;
}

static int emit(struct parse *p, const struct tuff_be_cmd *c, struct exec_kernel *k)
{
	struct exec_cmdbuf *cb = p->cb;

	if (cb->ncmds == p->cap) {
		uint32_t cap = p->cap ? 2 * p->cap : 32;
		struct tuff_be_cmd *cmds = realloc(cb->cmds, cap * sizeof(*cmds));
		struct exec_kernel **ks;

		if (!cmds)
			return -ENOMEM;
		cb->cmds = cmds;
		ks = realloc(cb->kernels, cap * sizeof(*ks));
		if (!ks)
			return -ENOMEM;
		cb->kernels = ks;
		p->cap = cap;
	}
	cb->cmds[cb->ncmds] = *c;
	cb->kernels[cb->ncmds++] = k ? exec_kernel_get(k) : NULL;
	return 0;
}

static int barrier(struct parse *p)
{
	return emit(p, &(struct tuff_be_cmd){ .op = TUFF_BE_BARRIER }, NULL);
}

/* A range of a slot that is declared for `need`. */
static int check_range(struct parse *p, const char *what, uint32_t slot, uint64_t offset,
		       uint64_t range, uint32_t need, uint32_t align, struct tuff_be_bind *out)
{
	const struct tuff_cmdbuf_slot *s = slot < TUFF_MAX_SLOTS ? p->slot[slot] : NULL;

	if (!s)
		return FAIL(p, "%s: slot %u is not declared", what, slot);
	if ((s->flags & need) != need)
		return FAIL(p, "%s: slot %u is not declared for %s", what, slot,
			    need & ~s->flags & TUFF_SLOT_WRITE ? "writing" : "reading");
	if (!range || range % 4)
		return FAIL(p, "%s: range %llu is not a positive multiple of 4", what,
			    (unsigned long long)range);
	if (offset % align)
		return FAIL(p, "%s: offset %llu is not a multiple of %u", what,
			    (unsigned long long)offset, align);
	if (offset > s->size || range > s->size - offset)
		return FAIL(p, "%s: %llu bytes at %llu are outside slot %u of %llu", what,
			    (unsigned long long)range, (unsigned long long)offset, slot,
			    (unsigned long long)s->size);
	*out = (struct tuff_be_bind){ .slot = slot, .offset = offset, .range = range };
	return 0;
}

static int check_binds(struct parse *p, const struct exec_kernel *k, uint32_t n,
		       const struct tuff_cmd_bind *b, struct tuff_be_cmd *c)
{
	const struct tuff_be_limits *l = &p->x->info->limits;
	char what[24];

	for (uint32_t i = 0; i < TUFF_CMD_MAX_BIND; i++) {
		uint32_t bit = i ? 1u << (i - 1) : 0;
		bool used = i ? k->storage_mask & bit : k->uniform;
		uint64_t max = i ? l->max_storage_range : l->max_uniform_range;
		uint32_t need = i && (k->write_mask & bit) ? TUFF_SLOT_WRITE : TUFF_SLOT_READ;
		int ret;

		c->bind[i].slot = UINT32_MAX;
		snprintf(what, sizeof(what), "bind %u", i);
		if (i < n && b[i].pad)
			return FAIL(p, "%s: pad is not 0", what);
		if (i >= n || b[i].slot == TUFF_SLOT_NONE) {
			if (used)
				return FAIL(p, "%s: the kernel uses it, nothing is bound", what);
			if (i < n && (b[i].offset || b[i].range))
				return FAIL(p, "%s: unused, but has a range", what);
			continue;
		}
		if (!used)
			return FAIL(p, "%s: the kernel does not have this binding", what);
		if (b[i].range > max)
			return FAIL(p, "%s: range %llu, limit %llu", what,
				    (unsigned long long)b[i].range, (unsigned long long)max);
		ret = check_range(p, what, b[i].slot, b[i].offset, b[i].range, need,
				  i ? l->storage_align : l->uniform_align, &c->bind[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static int find_kernel(struct parse *p, uint32_t id, struct exec_kernel **k)
{
	*k = idr_find(&p->x->kernels, id);
	return *k ? 0 : FAIL(p, "no kernel %u", id);
}

static int dispatch(struct parse *p, const uint32_t *w, uint32_t size)
{
	const struct tuff_cmd_dispatch *d = (const void *)w;
	const uint32_t *max = p->x->info->limits.max_group_count;
	struct tuff_be_cmd c = { .op = TUFF_BE_DISPATCH };
	struct exec_kernel *k;
	int ret;

	if (size < sizeof(*d) || d->nbind > TUFF_CMD_MAX_BIND ||
	    size != sizeof(*d) + d->nbind * sizeof(struct tuff_cmd_bind))
		return FAIL(p, "DISPATCH: %u bytes do not hold its binds", size);
	ret = find_kernel(p, d->kernel_id, &k);
	if (ret)
		return ret;
	for (int i = 0; i < 3; i++) {
		if (d->group[i] > max[i])
			return FAIL(p, "DISPATCH: %u workgroups in axis %d, limit %u",
				    d->group[i], i, max[i]);
		c.group[i] = d->group[i];
	}
	ret = check_binds(p, k, d->nbind, (const void *)(d + 1), &c);
	return ret ? ret : emit(p, &c, k);
}

/*
 * The counts go through a kernel of ours that clamps them into memory of ours:
 * what the client's memory says may change after it was looked at.
 */
static int dispatch_indirect(struct parse *p, const uint32_t *w, uint32_t size)
{
	const struct tuff_cmd_dispatch_indirect *d = (const void *)w;
	struct tuff_be_cmd c = { .op = TUFF_BE_DISPATCH_INDIRECT };
	struct tuff_be_cmd clamp = { .op = TUFF_BE_DISPATCH, .group = { 1, 1, 1 } };
	struct tuff_be_bind own = { .slot = EXEC_SCRATCH, .range = 12,
				    .offset = (uint64_t)p->cb->nindirect * EXEC_SCRATCH_STEP };
	struct exec_kernel *k;
	int ret;

	if (size < sizeof(*d) || d->nbind > TUFF_CMD_MAX_BIND ||
	    size != sizeof(*d) + d->nbind * sizeof(struct tuff_cmd_bind))
		return FAIL(p, "DISPATCH_INDIRECT: %u bytes do not hold its binds", size);
	if (d->pad || d->src.pad)
		return FAIL(p, "DISPATCH_INDIRECT: pad is not 0");
	if (d->src.range != 12)
		return FAIL(p, "DISPATCH_INDIRECT: range of the counts is %llu, not 12",
			    (unsigned long long)d->src.range);
	ret = find_kernel(p, d->kernel_id, &k);
	if (!ret)
		ret = check_range(p, "DISPATCH_INDIRECT", d->src.slot, d->src.offset, 12,
				  TUFF_SLOT_READ, p->x->info->limits.storage_align, &c.src);
	if (!ret)
		ret = check_binds(p, k, d->nbind, (const void *)(d + 1), &c);
	if (!ret)
		ret = exec_clamp(p->x);
	if (ret)
		return ret;
	for (int i = 0; i < TUFF_BE_MAX_BIND; i++)
		clamp.bind[i].slot = UINT32_MAX;
	clamp.bind[1] = c.src;
	clamp.bind[2] = own;
	c.src = own;
	ret = barrier(p);
	if (!ret)
		ret = emit(p, &clamp, p->x->clamp);
	if (!ret)
		ret = barrier(p);
	if (!ret)
		ret = emit(p, &c, k);
	p->cb->nindirect++;
	return ret;
}

static int copy(struct parse *p, const uint32_t *w, uint32_t size)
{
	const struct tuff_cmd_copy *d = (const void *)w;
	struct tuff_be_cmd c = { .op = TUFF_BE_COPY };
	int ret;

	if (size != sizeof(*d) || d->pad)
		return FAIL(p, "COPY: bad size or pad");
	ret = check_range(p, "COPY source", d->src_slot, d->src_offset, d->size,
			  TUFF_SLOT_READ, 4, &c.src);
	if (!ret)
		ret = check_range(p, "COPY target", d->dst_slot, d->dst_offset, d->size,
				  TUFF_SLOT_WRITE, 4, &c.dst);
	if (ret)
		return ret;
	if (d->src_slot == d->dst_slot && d->src_offset < d->dst_offset + d->size &&
	    d->dst_offset < d->src_offset + d->size)
		return FAIL(p, "COPY: source and target overlap");
	return emit(p, &c, NULL);
}

static int fill(struct parse *p, const uint32_t *w, uint32_t size)
{
	const struct tuff_cmd_fill *d = (const void *)w;
	struct tuff_be_cmd c = { .op = TUFF_BE_FILL };
	int ret;

	if (size != sizeof(*d) || d->pad)
		return FAIL(p, "FILL: bad size or pad");
	c.value = d->value;
	ret = check_range(p, "FILL", d->slot, d->offset, d->size, TUFF_SLOT_WRITE, 4, &c.dst);
	return ret ? ret : emit(p, &c, NULL);
}

static int timestamp(struct parse *p, const uint32_t *w, uint32_t size)
{
	const struct tuff_cmd_timestamp *d = (const void *)w;
	struct tuff_be_cmd c = { .op = TUFF_BE_TIMESTAMP };
	uint32_t *word;

	if (size != sizeof(*d))
		return FAIL(p, "TIMESTAMP: bad size");
	if (d->index >= TUFF_CMD_MAX_TIMESTAMPS)
		return FAIL(p, "TIMESTAMP: index %u, limit %u", d->index,
			    TUFF_CMD_MAX_TIMESTAMPS);
	word = &p->stamps[d->index / 32];
	if (*word & (1u << d->index % 32))
		return FAIL(p, "TIMESTAMP: index %u twice", d->index);
	if (!(p->x->info->features & TUFF_BE_F_TIMESTAMP)) {
		FAIL(p, "TIMESTAMP: the device has none");
		return -EOPNOTSUPP;
	}
	*word |= 1u << d->index % 32;
	c.index = d->index;
	if (d->index >= p->cb->ntimestamps)
		p->cb->ntimestamps = d->index + 1;
	return emit(p, &c, NULL);
}

static int one(struct parse *p, const uint32_t *w, uint32_t op, uint32_t size)
{
	switch (op) {
	case TUFF_CMD_DISPATCH:
		return dispatch(p, w, size);
	case TUFF_CMD_DISPATCH_INDIRECT:
		return dispatch_indirect(p, w, size);
	case TUFF_CMD_COPY:
		return copy(p, w, size);
	case TUFF_CMD_FILL:
		return fill(p, w, size);
	case TUFF_CMD_BARRIER:
		if (size != sizeof(struct tuff_cmd_barrier) || w[1])
			return FAIL(p, "BARRIER: bad size or pad");
		return barrier(p);
	case TUFF_CMD_TIMESTAMP:
		return timestamp(p, w, size);
	}
	return FAIL(p, "unknown opcode %u", op);
}

static int check_slots(struct parse *p)
{
	const struct exec_cmdbuf *cb = p->cb;

	for (uint32_t i = 0; i < cb->nslots; i++) {
		const struct tuff_cmdbuf_slot *s = &cb->slots[i];

		if (s->slot >= TUFF_MAX_SLOTS || p->slot[s->slot] || !s->size || !s->flags ||
		    (s->flags & ~(TUFF_SLOT_READ | TUFF_SLOT_WRITE))) {
			snprintf(p->err, p->errlen,
				 "slot declaration %u: number %u, flags 0x%x, size %llu", i,
				 s->slot, s->flags, (unsigned long long)s->size);
			return -EINVAL;
		}
		p->slot[s->slot] = s;
	}
	return 0;
}

/* A stamp that is never written would never be available. */
static int check_stamps(struct parse *p)
{
	for (uint32_t i = 0; i < p->cb->ntimestamps; i++)
		if (!(p->stamps[i / 32] & (1u << i % 32)))
			return FAIL(p, "TIMESTAMP: index %u is left out", i);
	return 0;
}

int exec_cmd_validate(struct tuff_exec *x, const uint32_t *stream, uint32_t size_B,
		      struct exec_cmdbuf *cb, char *err, size_t errlen)
{
	struct parse p = { .x = x, .cb = cb, .err = err, .errlen = errlen };
	uint32_t at = 0, n = size_B / 4;
	int ret = check_slots(&p);

	if (!ret && (size_B % 8 || size_B > TUFF_MAX_STREAM_B)) {
		snprintf(err, errlen, "stream of %u bytes: not a multiple of 8 of at most %u",
			 size_B, TUFF_MAX_STREAM_B);
		ret = -EINVAL;
	}
	while (!ret && at < n) {
		uint32_t op = stream[at] & 0xffff, dw = stream[at] >> 16;

		if (dw < 2 || dw % 2 || dw > n - at)
			return FAIL(&p, "size of %u words, %u are left", dw, n - at);
		if (p.packet == MAX_PACKETS)
			return FAIL(&p, "more than %u packets", MAX_PACKETS);
		ret = one(&p, &stream[at], op, dw * 4);
		at += dw;
		p.packet++;
	}
	return ret ? ret : check_stamps(&p);
}
