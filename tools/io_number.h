/* SPDX-License-Identifier: MIT */
#ifndef TUFF_IO_NUMBER_H
#define TUFF_IO_NUMBER_H

#include <stdbool.h>

#include "userspace/tuff.h"

/* Numbers of onnx.TensorProto.DataType that the tool names. */
enum { TYPE_F32 = 1, TYPE_U8 = 2, TYPE_BOOL = 9, TYPE_F16 = 10, TYPE_F64 = 11, TYPE_BF16 = 16 };

static inline bool number_is_float(uint32_t dtype)
{
	return dtype == TYPE_F32 || dtype == TYPE_F16 || dtype == TYPE_F64 || dtype == TYPE_BF16;
}

size_t number_count(const struct tuff_tensor *t);	/* elements, 0 if they are not numbers */
/* element i; integers beyond 2^53 are rounded */
double number_get(const struct tuff_tensor *t, size_t i);
/* element i of a floating-point tensor, rounded to nearest even (bfloat16: cut) */
void number_set(struct tuff_tensor *t, size_t i, double v);
/* element i as text, integers exactly; buf of 32 */
const char *number_text(const struct tuff_tensor *t, size_t i, char *buf);

#endif
