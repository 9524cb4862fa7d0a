#version 450
// SPDX-License-Identifier: MIT
/*
 * Native element types, packed in words, to and from the 4-byte ones. One
 * invocation owns one word of the output, so that no store is narrower.
 */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "abi.glsl"

layout(constant_id = 0) const int FROM = 1;	/* enum tuff_dtype */
layout(constant_id = 1) const int TO = 1;
layout(set = 0, binding = 1, std430) readonly buffer X { uint x[]; };
layout(set = 0, binding = 2, std430) writeonly buffer O { uint o[]; };

const int F32 = 1, U8 = 2, I8 = 3, U16 = 4, I16 = 5, I32 = 6, I64 = 7, BOOL = 9, F16 = 10, U32 = 12, U64 = 13, BF16 = 16;

/* nearest even by bits: packHalf2x16 may round as it likes */
uint half_bits(uint b)
{
	uint s = (b >> 16) & 0x8000u, a = b & 0x7fffffffu, r, sh;

	if (a > 0x7f800000u)
		return s | 0x7e00u;
	if (a >= 0x477ff000u)
		return s | 0x7c00u;
	if (a < 0x33000000u)
		return s;
	if (a < 0x38800000u) {	/* subnormal: units of 2^-24 */
		sh = 126u - (a >> 23);
		a = (a & 0x7fffffu) | 0x800000u;
		r = a >> sh;
		a &= (1u << sh) - 1u;
		return s | (r + uint(a > (1u << (sh - 1u)) || (a == (1u << (sh - 1u)) && (r & 1u) != 0u)));
	}
	a -= 112u << 23;
	return s | ((a + 0xfffu + ((a >> 13) & 1u)) >> 13);
}

uint from_half(uint h)
{
	uint s = (h & 0x8000u) << 16, e = (h >> 10) & 31u, m = h & 1023u;

	if (e == 31u)
		return s | 0x7f800000u | (m << 13);
	if (e == 0u)	/* m * 2^-24: exact, and never a subnormal float */
		return s | floatBitsToUint(float(m) * 5.9604644775390625e-8);
	return s | ((e + 112u) << 23) | (m << 13);
}

uint bf16_bits(uint b)
{
	if ((b & 0x7fffffffu) > 0x7f800000u)
		return (b >> 16) | 0x40u;
	return (b + 0x7fffu + ((b >> 16) & 1u)) >> 16;
}

uint load(uint i)	/* element i as 4 bytes */
{
	uint w, h;

	if (FROM == U8 || FROM == I8 || FROM == BOOL) {
		w = (x[i >> 2] >> (8u * (i & 3u))) & 0xffu;
		if (FROM == BOOL)
			return uint(w != 0u);
		return FROM == I8 ? uint(bitfieldExtract(int(w), 0, 8)) : w;
	}
	if (FROM == U16 || FROM == I16 || FROM == F16 || FROM == BF16) {
		w = (x[i >> 1] >> (16u * (i & 1u))) & 0xffffu;
		if (FROM == I16)
			return uint(bitfieldExtract(int(w), 0, 16));
		return FROM == F16 ? from_half(w) : FROM == BF16 ? w << 16 : w;
	}
	if (FROM == I64) {	/* saturates */
		w = x[2u * i];
		h = x[2u * i + 1u];
		if (int(h) != (int(w) >> 31))
			return int(h) < 0 ? 0x80000000u : 0x7fffffffu;
		return w;
	}
	if (FROM == U64)
		return x[2u * i + 1u] != 0u ? 0xffffffffu : x[2u * i];
	return x[i];
}

void main()	/* d: 0 elements, 1 words of the output */
{
	uint i = tuff_gid(), n = uint(d[0].x), w = 0u;

	if (i >= uint(d[0].y))
		return;
	if (TO == U8 || TO == I8 || TO == BOOL) {
		for (uint k = 0u; k < 4u; k++)
			if (4u * i + k < n) {
				uint v = load(4u * i + k);

				w |= (TO == BOOL ? uint(v != 0u) : v & 0xffu) << (8u * k);
			}
	} else if (TO == U16 || TO == I16 || TO == F16 || TO == BF16) {
		for (uint k = 0u; k < 2u; k++)
			if (2u * i + k < n) {
				uint v = load(2u * i + k);

				v = TO == F16 ? half_bits(v) : TO == BF16 ? bf16_bits(v) : v & 0xffffu;
				w |= v << (16u * k);
			}
	} else if (TO == I64 || TO == U64) {
		w = load(i >> 1);
		if ((i & 1u) != 0u)
			w = TO == I64 && (FROM != U32 && FROM != BOOL) ? uint(int(w) >> 31) : 0u;
	} else {
		w = load(i);
	}
	o[i] = w;
}
