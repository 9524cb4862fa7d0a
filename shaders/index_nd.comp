#version 450
// SPDX-License-Identifier: MIT
/*
 * GatherND and, onto a copy of the data, ScatterND: a tuple of K indices finds
 * `inner` elements. A tuple outside of the data: 0, or nothing.
 * d: 0 count, 1 inner, 2 tuples of a batch, 3 elements of a batch of the data;
 * from 4 for each index of a tuple the dimension's size and stride.
 */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "abi.glsl"

layout(constant_id = 0) const int K = 1;
layout(constant_id = 1) const int SCATTER = 0;
layout(set = 0, binding = 1, std430) readonly buffer X { uint x[]; };
layout(set = 0, binding = 2, std430) readonly buffer J { int j[]; };
layout(set = 0, binding = 3, std430) buffer O { uint o[]; };

void main()
{
	uint i = tuff_gid(), t = i / uint(D(1));
	int at = int(t) / D(2) * D(3) + int(i % uint(D(1)));
	bool inside = true;

	if (i >= uint(D(0)))
		return;
	for (int w = 0; w < K; w++) {
		int n = D(4 + 2 * w), k = j[int(t) * K + w];

		k += k < 0 ? n : 0;
		inside = inside && k >= 0 && k < n;
		at += k * D(5 + 2 * w);
	}
	if (SCATTER == 0)
		o[i] = inside ? x[at] : 0u;
	else if (inside)
		o[at] = x[i];
}
