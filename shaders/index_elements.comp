#version 450
// SPDX-License-Identifier: MIT
/*
 * GatherElements and, onto a copy of the data, ScatterElements: index j[i]
 * replaces i's coordinate along the axis. Outside of [-n, n): 0, or nothing.
 * d: 0 count, 1 n, 2 stride along the axis; from 4 for each dimension of the
 * indices its size and the data's stride, 0 for the axis.
 */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "abi.glsl"

layout(constant_id = 0) const int RANK = 1;
layout(constant_id = 1) const int SCATTER = 0;
layout(set = 0, binding = 1, std430) readonly buffer X { uint x[]; };
layout(set = 0, binding = 2, std430) readonly buffer J { int j[]; };
layout(set = 0, binding = 3, std430) buffer O { uint o[]; };

void main()
{
	uint i = tuff_gid(), r = i;
	int at = 0, k, n = D(1);

	if (i >= uint(D(0)))
		return;
	for (int w = RANK - 1; w >= 0; w--) {
		at += int(r % uint(D(4 + 2 * w))) * D(5 + 2 * w);
		r /= uint(D(4 + 2 * w));
	}
	k = j[i];
	k += k < 0 ? n : 0;
	at += k * D(2);
	if (SCATTER != 0) {
		if (k >= 0 && k < n)
			o[at] = x[i];
	} else {
		o[i] = k >= 0 && k < n ? x[at] : 0u;
	}
}
