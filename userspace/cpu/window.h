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
void cpu_window_of(const struct cpu_args *a, struct cpu_window *w);

#endif
