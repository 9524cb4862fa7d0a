/* SPDX-License-Identifier: MIT */
/* The window of a pooling operator, by spatial dimension. */
#ifndef TUFF_CPU_WINDOW_H
#define TUFF_CPU_WINDOW_H

#include "userspace/cpu/cpu.h"

struct cpu_window {
	int n;		/* spatial dimensions */
	int64_t k[6], s[6], d[6], p[6];	/* kernel, stride, dilation, pad at the start */
	int64_t pe[6];			/* and at the end */
};
/* Of a window that starts at `base`: how many taps fall into [0, dim), and the first of them. */
static inline int64_t cpu_taps(const struct cpu_window *w, int d, int64_t base, int64_t dim, int64_t *first)
{
	int64_t end = base < dim ? (dim - base + w->d[d] - 1) / w->d[d] : 0;

	*first = base < 0 ? (w->d[d] - 1 - base) / w->d[d] : 0;
	end = end < w->k[d] ? end : w->k[d];
	return end > *first ? end - *first : 0;
}

void cpu_window_of(const struct cpu_args *a, struct cpu_window *w);

#endif
