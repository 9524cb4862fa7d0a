// SPDX-License-Identifier: MIT
/*
 * Memory planning: offsets in one arena for buffers with known life spans.
 * Largest first, each into the smallest gap among the placed buffers whose
 * lives overlap its own (Pisarchyk and Lee, "Efficient Memory Management for
 * Deep Neural Net Inference", 2020: greedy by size).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "program/program.h"

#define ATTEMPTS 32	/* per order; each is quadratic in the buffers */
#define WORK (1ull << 30)	/* of the attempts of one order, then there are fewer */
#define MANY 65536	/* buffers */

struct slot {
	uint64_t size, offset;
	uint64_t crowd;		/* largest sum of live bytes during its life */
	uint32_t buf, first, life;
};

/* No one order is best for every graph, so the plan is the best of these. */
static int by_size(const void *x, const void *y)
{
	const struct slot *a = x, *b = y;

	if (a->size != b->size)
		return a->size < b->size ? 1 : -1;
	return a->buf < b->buf ? -1 : a->buf > b->buf;
}

static int by_birth(const void *x, const void *y)
{
	const struct slot *a = x, *b = y;

	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	return by_size(x, y);
}

static int by_life(const void *x, const void *y)
{
	const struct slot *a = x, *b = y;

	if (a->life != b->life)
		return a->life < b->life ? 1 : -1;
	return by_size(x, y);
}

static int by_crowd(const void *x, const void *y)
{
	const struct slot *a = x, *b = y;

	if (a->crowd != b->crowd)
		return a->crowd < b->crowd ? 1 : -1;
	return by_size(x, y);
}

static uint64_t align_up(uint64_t v, uint64_t a)
{
	return (v + a - 1) / a * a;
}

/* placed[] is sorted by offset: walks the gaps between overlapping lives */
static uint64_t best_gap(const struct slot *placed, uint32_t n,
			 const struct tuff_buf *bufs, const struct slot *s)
{
	const struct tuff_buf *me = &bufs[s->buf];
	uint64_t end = 0, best = UINT64_MAX, best_size = UINT64_MAX;

	for (uint32_t i = 0; i < n; i++) {
		const struct tuff_buf *o = &bufs[placed[i].buf];

		if (o->last < me->first || o->first > me->last)
			continue;
		if (placed[i].offset >= end + s->size &&
		    placed[i].offset - end < best_size) {
			best = end;
			best_size = placed[i].offset - end;
		}
		if (placed[i].offset + placed[i].size > end)
			end = placed[i].offset + placed[i].size;
	}
	return best == UINT64_MAX ? end : best;
}

static uint64_t live_peak(const struct tuff_buf *bufs, struct slot *s, uint32_t n)
{
	uint64_t peak = 0;

	/* the sum can only rise where a buffer is born */
	for (uint32_t i = 0; i < n; i++) {
		uint64_t sum = 0;
		uint32_t at = s[i].first;

		for (uint32_t j = 0; j < n; j++)
			if (bufs[s[j].buf].first <= at && bufs[s[j].buf].last >= at)
				sum += s[j].size;
		if (sum > peak)
			peak = sum;
		for (uint32_t j = 0; j < n; j++)
			if (bufs[s[j].buf].first <= at && bufs[s[j].buf].last >= at && sum > s[j].crowd)
				s[j].crowd = sum;
	}
	return peak;
}

/* Places todo[] in its order; returns the arena's size. */
static uint64_t place(const struct tuff_buf *bufs, struct slot *todo, uint32_t n, struct slot *placed)
{
	uint64_t size = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = i;

		todo[i].offset = best_gap(placed, i, bufs, &todo[i]);
		while (at && placed[at - 1].offset > todo[i].offset) {
			placed[at] = placed[at - 1];
			at--;
		}
		placed[at] = todo[i];
		if (todo[i].offset + todo[i].size > size)
			size = todo[i].offset + todo[i].size;
	}
	return size;
}

static void raise_top(struct slot *todo, uint32_t n, uint64_t size)
{
	for (uint32_t i = 1; i < n; i++) {
		struct slot top = todo[i];

		if (top.offset + top.size != size)
			continue;
		memmove(todo + 1, todo, i * sizeof(*todo));
		todo[0] = top;
		return;
	}
}

int tuff_memplan(const struct tuff_buf *bufs, uint32_t n, uint32_t kind,
		 const uint64_t *sizes, uint64_t align, uint64_t *offsets,
		 struct tuff_memplan *out)
{
	static int (*const orders[])(const void *, const void *) = { by_size, by_crowd, by_life, by_birth };
	struct slot *todo = calloc(n ? n : 1, sizeof(*todo));
	struct slot *placed = calloc(n ? n : 1, sizeof(*placed));
	uint32_t count = 0;
	int attempts = ATTEMPTS, ret = -ENOMEM;

	memset(out, 0, sizeof(*out));
	if (!todo || !placed)
		goto out_free;
	ret = -EOVERFLOW;
	for (uint32_t i = 0; i < n; i++) {
		if (bufs[i].kind != kind || !sizes[i])
			continue;
		if (sizes[i] > UINT64_MAX / 4 / n)
			goto out_free;
		todo[count++] = (struct slot){ .size = align_up(sizes[i], align), .buf = i, .first = bufs[i].first,
					       .life = bufs[i].last - bufs[i].first };
	}
	if (count > MANY) {	/* side by side: planning would take longer than anybody waits */
		for (uint32_t i = 0; i < count; i++) {
			offsets[todo[i].buf] = out->size;
			out->size += todo[i].size;
		}
		out->live_peak = out->size;
		ret = 0;
		goto out_free;
	}
	while (attempts > 1 && (uint64_t)count * count * attempts > WORK)
		attempts /= 2;
	out->live_peak = live_peak(bufs, todo, count);
	out->size = UINT64_MAX;
	for (size_t o = 0; o < sizeof(orders) / sizeof(orders[0]); o++) {
		qsort(todo, count, sizeof(*todo), orders[o]);
		/* what sticks out at the top goes first in the next attempt */
		for (int attempt = 0; attempt < attempts && out->size != out->live_peak; attempt++) {
			uint64_t size = place(bufs, todo, count, placed);

			if (size < out->size) {
				out->size = size;
				for (uint32_t i = 0; i < count; i++)
					offsets[todo[i].buf] = todo[i].offset;
			}
			raise_top(todo, count, size);
		}
	}
	ret = 0;
out_free:
	free(placed);
	free(todo);
	return ret;
}
