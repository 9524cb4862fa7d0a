#version 450
// SPDX-License-Identifier: MIT
/* The upper or lower triangle of matrices. d: 0 count, 1 rows, 2 columns, 3 k. */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "abi.glsl"

layout(constant_id = 0) const int UPPER = 1;
layout(set = 0, binding = 1, std430) readonly buffer X { uint x[]; };
layout(set = 0, binding = 2, std430) writeonly buffer O { uint o[]; };

void main()
{
	uint i = tuff_gid();
	int c, r;

	if (i >= uint(D(0)))
		return;
	c = int(i % uint(D(2)));
	r = int(i / uint(D(2)) % uint(D(1)));
	o[i] = (UPPER != 0 ? c - r >= D(3) : c - r <= D(3)) ? x[i] : 0u;
}
