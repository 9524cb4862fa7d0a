// SPDX-License-Identifier: MIT
/* Concat and Split: rows of the whole, which are rows of the parts side by side. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "userspace/cpu/cpu.h"

#define CHUNK (1 << 14)		/* bytes, at least */

struct join {
	const struct cpu_tensor *part;
	uint32_t nparts;
	int64_t axis;		/* as stored */
	char *whole;
	int64_t outer, each;	/* rows; rows of a chunk */
	size_t row, es;		/* bytes */
	bool split;
};

static size_t part_row(const struct join *j, uint32_t i)
{
	struct cpu_tensor t = cpu_stored(&j->part[i]);

	return cpu_count(&t, j->axis, t.rank) * j->es;
}

static void chunk(void *arg, int64_t i, unsigned int worker)
{
	const struct join *j = arg;
	int64_t from = i * j->each, end = from + j->each < j->outer ? from + j->each : j->outer;
	size_t at = 0;

	for (uint32_t k = 0; k < j->nparts; k++) {
		size_t n = part_row(j, k);
		char *part = j->part[k].data;

		for (int64_t r = from; n && r < end; r++) {
			char *w = j->whole + r * j->row + at;

			memcpy(j->split ? part + r * n : w, j->split ? w : part + r * n, n);
		}
		at += n;
	}
}

static int join(const struct cpu_args *a, const struct cpu_tensor *whole, const struct cpu_tensor *part, uint32_t nparts, bool split)
{
	struct cpu_tensor w = cpu_stored(whole);
	struct join j = { .part = part, .nparts = nparts, .whole = whole->data, .split = split, .es = tuff_dtype_size(whole->dtype) };
	size_t sum = 0;

	j.axis = cpu_axis(whole, tuff_attr_int(a->p, a->s, "axis", 0));
	j.outer = cpu_count(&w, 0, j.axis);
	j.row = cpu_count(&w, j.axis, w.rank) * j.es;
	for (uint32_t i = 0; i < nparts; i++)
		sum += part_row(&j, i);
	if (sum > j.row) {
		snprintf(a->err, a->errlen, "the parts are longer than the whole");
		return -EINVAL;
	}
	j.each = CHUNK / (j.row ? j.row : 1) + 1;
	cpu_for(a, (j.outer + j.each - 1) / j.each, chunk, &j);
	return 0;
}

int cpu_concat(const struct cpu_args *a, void *st)
{
	return join(a, &a->out[0], a->in, a->nin, false);
}

int cpu_split(const struct cpu_args *a, void *st)
{
	return join(a, &a->in[0], a->out, a->nout, true);
}
