// SPDX-License-Identifier: MIT
/*
 * The strided copy: what transposes, slices, expands and changes of layout are.
 * Rows are copied whole where the input has them, tiles are turned where the
 * input is contiguous along another dimension, and chunks follow the output, as
 * those of the operators around do.
 */
#include <stdint.h>
#include <string.h>

#include "userspace/cpu/cpu.h"

#define CHUNK (1 << 14)		/* bytes, at least */
#define TILE 16			/* elements: a cache line of four bytes each */

struct copy {
	int n;			/* dimensions left after merging; at least 1 */
	int64_t dim[TUFF_MAX_RANK], in[TUFF_MAX_RANK];	/* strides in elements */
	int turn;		/* the dimension along which the input is contiguous, -1: the last, or none */
	size_t es;
	const char *from;
	char *to;
	int64_t outer, tiles;	/* rows, or tiles of `turn` for each of the dimensions before it */
	int64_t units, each;	/* of work; of a chunk */
};

/* without dimensions of one, those that are one in the input as well merged */
static void merge(struct copy *c, const struct cpu_tensor *o, const int64_t *st)
{
	for (uint32_t i = 0; i < o->rank; i++) {
		if (o->dim[i] == 1)
			continue;
		if (c->n && c->in[c->n - 1] == st[i] * o->dim[i]) {
			c->dim[c->n - 1] *= o->dim[i];
			c->in[c->n - 1] = st[i];
			continue;
		}
		c->dim[c->n] = o->dim[i];
		c->in[c->n++] = st[i];
	}
	if (!c->n) {
		c->dim[0] = c->in[0] = 1;
		c->n = 1;
	}
}

#define RUN(type) do { \
	const type *f = (const type *)from; \
	type *t = (type *)to; \
	for (int64_t l0 = 0; l0 < n; l0 += TILE) { \
		int64_t end = l0 + TILE < n ? l0 + TILE : n; \
		for (int64_t i = 0; i < rows; i++) \
			for (int64_t l = l0; l < end; l++) \
				t[i * ot + l] = f[i * it + l * il]; \
	} \
} while (0)

/* t[i * ot + l] = f[i * it + l * il] for i < rows, l < n */
static void turn(size_t es, const char *from, char *to, int64_t rows, int64_t n, int64_t it, int64_t il, int64_t ot)
{
	switch (es) {
	case 1: RUN(uint8_t); break;
	case 2: RUN(uint16_t); break;
	case 4: RUN(uint32_t); break;
	case 8: RUN(uint64_t); break;
	default:
		for (int64_t i = 0; i < rows; i++)
			for (int64_t l = 0; l < n; l++)
				memcpy(to + (i * ot + l) * es, from + (i * it + l * il) * (int64_t)es, es);
	}
}

static void unit(const struct copy *c, int64_t u)
{
	int last = c->n - 1, stop = c->turn < 0 ? last : c->turn;
	int64_t row = c->dim[last], at = u / c->tiles, from = 0, inner = 1, first = u % c->tiles * TILE, rows;

	if (c->turn < 0) {	/* one row of the output */
		for (int d = last - 1; d >= 0; d--) {
			from += at % c->dim[d] * c->in[d];
			at /= c->dim[d];
		}
		if (c->in[last] == 1)
			memcpy(c->to + u * row * c->es, c->from + from * (int64_t)c->es, row * c->es);
		else
			turn(c->es, c->from + from * (int64_t)c->es, c->to + u * row * c->es, 1, row, 0, c->in[last], 0);
		return;
	}
	/* a tile of `turn`, every index between it and the last, the whole last */
	for (int d = stop - 1; d >= 0; d--) {
		from += at % c->dim[d] * c->in[d];
		at /= c->dim[d];
	}
	for (int d = stop + 1; d < last; d++)
		inner *= c->dim[d];
	rows = c->dim[stop] - first < TILE ? c->dim[stop] - first : TILE;
	for (int64_t m = 0; m < inner; m++) {
		int64_t r = m, in = from + first;

		for (int d = last - 1; d > stop; d--) {
			in += r % c->dim[d] * c->in[d];
			r /= c->dim[d];
		}
		turn(c->es, c->from + in * (int64_t)c->es, c->to + (((u / c->tiles * c->dim[stop] + first) * inner + m) * row) * c->es,
		     rows, row, 1, c->in[last], inner * row);
	}
}

static void chunk(void *arg, int64_t i, unsigned int worker)
{
	const struct copy *c = arg;

	for (int64_t u = i * c->each; u < (i + 1) * c->each && u < c->units; u++)
		unit(c, u);
}

void cpu_strided(const struct cpu_args *a, const struct cpu_tensor *o, const void *in, const int64_t *st)
{
	struct copy c = { .es = tuff_dtype_size(o->dtype), .turn = -1, .from = in, .to = o->data, .tiles = 1 };
	int64_t all = cpu_numel(o), bytes;

	if (!all)
		return;
	merge(&c, o, st);
	for (int d = 0; d < c.n - 1 && c.in[c.n - 1] != 1; d++)
		if (c.in[d] == 1)
			c.turn = d;
	c.units = all / c.dim[c.n - 1];
	if (c.turn >= 0) {
		c.tiles = (c.dim[c.turn] + TILE - 1) / TILE;
		c.units = c.tiles;
		for (int d = 0; d < c.turn; d++)
			c.units *= c.dim[d];
	}
	bytes = all * (int64_t)c.es / c.units;
	c.each = bytes >= CHUNK ? 1 : (CHUNK + bytes - 1) / (bytes ? bytes : 1);
	cpu_for(a, (c.units + c.each - 1) / c.each, chunk, &c);
}
