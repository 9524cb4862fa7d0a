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

struct slot {
	uint64_t size, offset;
	uint32_t buf;
};

static int by_size(const void *x, const void *y)
{
	const struct slot *a = x, *b = y;

	if (a->size != b->size)
		return a->size < b->size ? 1 : -1;
	return a->buf < b->buf ? -1 : a->buf > b->buf;
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

static uint64_t live_peak(const struct tuff_buf *bufs, const struct slot *s, uint32_t n)
{
	uint64_t peak = 0;

	/* the sum can only rise where a buffer is born */
	for (uint32_t i = 0; i < n; i++) {
		uint64_t sum = 0;
		uint32_t at = bufs[s[i].buf].first;

		for (uint32_t j = 0; j < n; j++)
			if (bufs[s[j].buf].first <= at && bufs[s[j].buf].last >= at)
				sum += s[j].size;
		if (sum > peak)
			peak = sum;
	}
	return peak;
}

int tuff_memplan(const struct tuff_buf *bufs, uint32_t n, uint32_t kind,
		 const uint64_t *sizes, uint64_t align, uint64_t *offsets,
		 struct tuff_memplan *out)
{
	struct slot *todo = calloc(n ? n : 1, sizeof(*todo));
	struct slot *placed = calloc(n ? n : 1, sizeof(*placed));
	uint32_t count = 0;
	int ret = -ENOMEM;

	memset(out, 0, sizeof(*out));
	if (!todo || !placed)
		goto out_free;
	ret = -EOVERFLOW;
	for (uint32_t i = 0; i < n; i++) {
		if (bufs[i].kind != kind || !sizes[i])
			continue;
		if (sizes[i] > UINT64_MAX / 4 / n)
			goto out_free;
		todo[count++] = (struct slot){ align_up(sizes[i], align), 0, i };
	}
	qsort(todo, count, sizeof(*todo), by_size);
	out->live_peak = live_peak(bufs, todo, count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = i;

		todo[i].offset = best_gap(placed, i, bufs, &todo[i]);
		while (at && placed[at - 1].offset > todo[i].offset) {
			placed[at] = placed[at - 1];
			at--;
		}
		placed[at] = todo[i];
		offsets[todo[i].buf] = todo[i].offset;
		if (todo[i].offset + todo[i].size > out->size)
			out->size = todo[i].offset + todo[i].size;
	}
	ret = 0;
out_free:
	free(placed);
	free(todo);
	return ret;
}
