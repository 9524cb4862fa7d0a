#version 450
// SPDX-License-Identifier: MIT
/*
 * x / (bias + alpha / size * sum of squares of the channels around)^beta.
 * d: 0 count, 1 C, 2 channels as stored, 3 elements between channels, 4 alpha
 * / size, 5 beta, 6 bias, 7 channels before, 8 after.
 */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 64) in;
#include "abi.glsl"
#include "math.glsl"

layout(set = 0, binding = 1, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 2, std430) writeonly buffer O { float o[]; };

void main()
{
	uint i = tuff_gid();
	int c, st = D(3);
	float sum = 0.0;

	if (i >= uint(D(0)))
		return;
	c = int(i / uint(st) % uint(D(2)));
	if (c >= D(1)) {
		o[i] = 0.0;
		return;
	}
	for (int k = max(c - D(7), 0); k <= min(c + D(8), D(1) - 1); k++) {
		float v = x[int(i) + (k - c) * st];

		sum += v * v;
	}
	o[i] = x[i] * tuff_pow(DF(6) + DF(4) * sum, -DF(5));
}
