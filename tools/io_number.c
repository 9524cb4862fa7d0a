// SPDX-License-Identifier: MIT
/* Elements of tensors as numbers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/io_number.h"

#define AT(type) ((const type *)t->data)[i]

size_t number_count(const struct tuff_tensor *t)
{
	size_t es = tuff_type_size(t->dtype);

	return es ? t->size / es : 0;
}

double number_get(const struct tuff_tensor *t, size_t i)
{
	switch (t->dtype) {
	case TYPE_F32: return AT(float);
	case TYPE_U8: case TYPE_BOOL: return AT(uint8_t);
	case 3: return AT(int8_t);
	case 4: return AT(uint16_t);
	case 5: return AT(int16_t);
	case 6: return AT(int32_t);
	case 7: return AT(int64_t);
	case TYPE_F16: return (double)AT(_Float16);
	case TYPE_F64: return AT(double);
	case 12: return AT(uint32_t);
	case 13: return AT(uint64_t);
	case TYPE_BF16: {
		uint32_t u = (uint32_t)AT(uint16_t) << 16;
		float f;

		memcpy(&f, &u, 4);
		return f;
	}
	}
	return NAN;
}

void number_set(struct tuff_tensor *t, size_t i, double v)
{
	float f = v;
	uint32_t u;

	switch (t->dtype) {
	case TYPE_F32: ((float *)t->data)[i] = v; break;
	case TYPE_F64: ((double *)t->data)[i] = v; break;
	case TYPE_F16: ((_Float16 *)t->data)[i] = (_Float16)f; break;
	case TYPE_BF16:
		memcpy(&u, &f, 4);
		((uint16_t *)t->data)[i] = u >> 16;
	}
}

const char *number_text(const struct tuff_tensor *t, size_t i, char *buf)
{
	if (t->dtype == 7)
		snprintf(buf, 32, "%lld", (long long)AT(int64_t));
	else if (t->dtype == 13)
		snprintf(buf, 32, "%llu", (unsigned long long)AT(uint64_t));
	else
		snprintf(buf, 32, number_is_float(t->dtype) ? "%.6g" : "%.0f", number_get(t, i));
	return buf;
}
