/* SPDX-License-Identifier: MIT */
/* The plain forms: every type, wide accumulation; what cpu/fast is tested against. */
#ifndef TUFF_CPU_REF_H
#define TUFF_CPU_REF_H

#include "userspace/cpu/cpu.h"

int cpu_unary_ref(const struct cpu_args *a, void *st);
int cpu_binary_ref(const struct cpu_args *a, void *st);
int cpu_where_ref(const struct cpu_args *a, void *st);
int cpu_prelu_ref(const struct cpu_args *a, void *st);
int cpu_cast_ref(const struct cpu_args *a, void *st);
int cpu_pool_ref(const struct cpu_args *a, void *st);
int cpu_gpool_ref(const struct cpu_args *a, void *st);
int cpu_layernorm_ref(const struct cpu_args *a, void *st);
int cpu_softmax_ref(const struct cpu_args *a, void *st);
int cpu_reduce_ref(const struct cpu_args *a, void *st);

/* the parameters of a unary operator, by enum tuff_ew's p0 and p1 */
void cpu_unary_params(const struct cpu_args *a, double *p, double *q);

#endif
