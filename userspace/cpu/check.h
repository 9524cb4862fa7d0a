/* SPDX-License-Identifier: MIT */
/* Predicates that the rules of check.c and check_nn.c are made of. */
#ifndef TUFF_CPU_CHECK_H
#define TUFF_CPU_CHECK_H

#include <errno.h>
#include <stdio.h>

#include "userspace/cpu/cpu.h"

#define BAD(a, ...) (snprintf((a)->err, (a)->errlen, __VA_ARGS__), -EINVAL)
#define CHECK_TEXT 192

const char *check_text(const struct cpu_tensor *t, char *buf);	/* "float32 [2,3]"; buf[CHECK_TEXT] */
bool check_dims(const struct cpu_tensor *x, const struct cpu_tensor *y);	/* the same rank and dims */
bool check_spread(const struct cpu_tensor *x, const struct cpu_tensor *o);	/* x broadcasts to o */
/* the result does not follow from operand i: says so, with both shapes */
int check_differ(const struct cpu_args *a, uint32_t i);
/* dims (n of them) are t's, whose type is dtype if that is not 0; t named in the error */
int check_is(const struct cpu_args *a, const struct cpu_tensor *t, const char *name, uint32_t dtype, uint32_t n, const int64_t *dim);
/* attribute "axis" in [0, rank) (or from -rank on) */
int check_axis(const struct cpu_args *a, int64_t rank, int64_t def, bool negative, int64_t *axis);
bool check_one(const struct cpu_args *a, uint32_t i, uint32_t dtype);	/* absent, or an element at least, of dtype if not 0 */

/* check_nn.c: rules of windows, products, normalisations and recurrences */
int check_conv(const struct cpu_args *a);
int check_convt(const struct cpu_args *a);
int check_pool(const struct cpu_args *a);
int check_gpool(const struct cpu_args *a);
int check_channels(const struct cpu_args *a);
int check_layernorm(const struct cpu_args *a);
int check_lrn(const struct cpu_args *a);
int check_softmax(const struct cpu_args *a);
int check_reduce(const struct cpu_args *a);
int check_argmax(const struct cpu_args *a);
int check_cumsum(const struct cpu_args *a);
int check_gemm(const struct cpu_args *a);
int check_matmul(const struct cpu_args *a);
int check_einsum(const struct cpu_args *a);
int check_lstm(const struct cpu_args *a);
int check_rnn(const struct cpu_args *a);
int check_grid_sample(const struct cpu_args *a);
int check_resize(const struct cpu_args *a);

#endif
