/* SPDX-License-Identifier: MIT */
/*
 * Operators that size their own outputs. Tensors are row-major and of the
 * model's types, float16 and bfloat16 included.
 */
#ifndef TUFF_CPU_DYNAMIC_H
#define TUFF_CPU_DYNAMIC_H

#include "userspace/cpu/cpu.h"

struct dyn {
	const struct tuff_program *p;
	const struct tuff_step *s;
	const struct cpu_tensor *in;	/* dtype 0: absent */
	struct cpu_tensor *out;		/* made by make() */
	uint32_t nin, nout;
	/* makes output i if it is asked for (out[i].data is then not NULL); -ENOMEM, -E2BIG */
	int (*make)(struct dyn *d, uint32_t i, uint32_t dtype, uint32_t rank, const int64_t *dim);
	char *err;			/* a sentence on failure */
	size_t errlen;
};

typedef int (*dyn_fn)(struct dyn *d);
extern const dyn_fn cpu_dynamic[TUFF_OP_COUNT];	/* NULL: not one of them */

int dyn_nonzero(struct dyn *d);
int dyn_compress(struct dyn *d);
int dyn_unique(struct dyn *d);
int dyn_nms(struct dyn *d);
int dyn_sized(struct dyn *d);

#endif
