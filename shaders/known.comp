#version 450
// SPDX-License-Identifier: MIT
/* Integers from the dims block: what a model computed from sizes. d: 0 count, 1.. values. */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 64) in;
#include "abi.glsl"

layout(set = 0, binding = 1, std430) writeonly buffer O { int o[]; };

void main()
{
	uint i = tuff_gid();

	if (i < uint(D(0)))
		o[i] = D(1u + i);
}
