// SPDX-License-Identifier: MIT
/* Element types: sizes, names, conversion of one element. */
#include <string.h>

#include "program/program.h"

static const struct {
	const char *name;
	uint8_t size;
} types[] = {
	[TUFF_UNDEFINED] = { "undefined", 0 }, [TUFF_F32] = { "float32", 4 },
	[TUFF_U8] = { "uint8", 1 }, [TUFF_I8] = { "int8", 1 },
	[TUFF_U16] = { "uint16", 2 }, [TUFF_I16] = { "int16", 2 },
	[TUFF_I32] = { "int32", 4 }, [TUFF_I64] = { "int64", 8 },
	[TUFF_STRING] = { "string", 0 }, [TUFF_BOOL] = { "bool", 1 },
	[TUFF_F16] = { "float16", 2 }, [TUFF_F64] = { "float64", 8 },
	[TUFF_U32] = { "uint32", 4 }, [TUFF_U64] = { "uint64", 8 },
	[TUFF_C64] = { "complex64", 8 }, [TUFF_C128] = { "complex128", 16 },
	[TUFF_BF16] = { "bfloat16", 2 },
};

size_t tuff_dtype_size(uint32_t dtype)
{
	return dtype < sizeof(types) / sizeof(types[0]) ? types[dtype].size : 0;
}

const char *tuff_dtype_name(uint32_t dtype)
{
	return dtype < sizeof(types) / sizeof(types[0]) ? types[dtype].name : "unknown type";
}

float tuff_f16_to_f32(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, exp = (h >> 10) & 31, man = h & 1023;
	uint32_t bits;
	float f;

	if (exp == 31) {
		bits = sign | 0x7f800000 | man << 13;
	} else if (exp) {
		bits = sign | (exp + 112) << 23 | man << 13;
	} else {	/* subnormal: exact as a product */
		f = (float)man * 0x1p-24f;
		return sign ? -f : f;
	}
	memcpy(&f, &bits, 4);
	return f;
}

/* IEEE 754 binary16, round to nearest even. */
uint16_t tuff_f32_to_f16(float f)
{
	uint32_t x, sign, man;
	int exp;

	memcpy(&x, &f, 4);
	sign = x >> 16 & 0x8000;
	exp = (int)(x >> 23 & 255) - 112;
	man = x & 0x7fffff;
	if (exp == 143)
		return sign | 0x7c00 | (man ? 0x200 | man >> 13 : 0);
	if (exp >= 31)
		return sign | 0x7c00;
	if (exp <= 0) {
		uint32_t shift = 14 - exp, rest;

		if (shift > 24)
			return sign;
		man |= 0x800000;
		rest = man & ((1u << shift) - 1);
		man >>= shift;
		man += rest > 1u << (shift - 1) || (rest == 1u << (shift - 1) && (man & 1));
		return sign | man;
	}
	x = (uint32_t)exp << 10 | man >> 13;
	x += (man & 0x1fff) > 0x1000 || ((man & 0x1fff) == 0x1000 && (x & 1));
	return sign | x;
}
