/* SPDX-License-Identifier: MIT */
/* Elementwise programs (struct tuff_ew_insn) in blocks that stay in the cache. */
#ifndef TUFF_CPU_EW_H
#define TUFF_CPU_EW_H

#include "userspace/cpu/cpu.h"

#define EW_BLOCK 512

/* o[i] = op(x[i], y[i], z[i]) on float32; false: not an operation on floats */
bool ew_float(int op, float p0, float p1, const float *x, const float *y, float *o, int64_t n);
/* a body over the operator's inputs, by the pool */
int ew_run(const struct cpu_args *a, const struct tuff_ew_insn *insn, size_t ninsn);
/* one float32 operation over all inputs; -EOPNOTSUPP: not for these types */
int ew_one(const struct cpu_args *a, int op, float p0, float p1);
/* vector functions for the operators that need exp */
void ew_exp(float *o, const float *x, int64_t n);

#endif
