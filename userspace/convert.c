// SPDX-License-Identifier: MIT
/* 16-bit floats at the model's boundary: the CPU path stores them as float32. */
#include <string.h>

#include "userspace/session.h"

void session_widen(const void *from, uint32_t dtype, size_t n, float *to)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t h;
		uint32_t u;

		memcpy(&h, (const char *)from + 2 * i, 2);
		if (dtype == TUFF_F16) {
			to[i] = tuff_f16_to_f32(h);
		} else {
			u = (uint32_t)h << 16;
			memcpy(&to[i], &u, 4);
		}
	}
}

void session_narrow(const float *from, size_t n, uint32_t dtype, void *to)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t h = tuff_f32_to_f16(from[i]);
		uint32_t u;

		if (dtype == TUFF_BF16) {	/* nearest even */
			memcpy(&u, &from[i], 4);
			h = (u & 0x7fffffff) > 0x7f800000 ? u >> 16 | 64 : (u + 0x7fff + (u >> 16 & 1)) >> 16;
		}
		memcpy((char *)to + 2 * i, &h, 2);
	}
}
