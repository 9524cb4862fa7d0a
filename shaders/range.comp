#version 450
// SPDX-License-Identifier: MIT
/* start + i * step of integers. d: 0 count, 1 start, 2 step. */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "abi.glsl"

layout(set = 0, binding = 1, std430) writeonly buffer O { int o[]; };

void main()
{
	uint i = tuff_gid();

	if (i < uint(D(0)))
		o[i] = D(1) + int(i) * D(2);
}
