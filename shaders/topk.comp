#version 450
// SPDX-License-Identifier: MIT
/*
 * TopK: an invocation for each element counts those that come before it in its
 * row (axis.glsl), which is its place in the result. d: 8 k.
 */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 64) in;
#include "axis.glsl"

layout(constant_id = 0) const int SMALLEST = 0;
layout(constant_id = 1) const int TYPE = 0;	/* 0 float, 1 int, 2 uint */
layout(set = 0, binding = 1, std430) readonly buffer X { uint x[]; };
layout(set = 0, binding = 2, std430) writeonly buffer V { uint v[]; };
layout(set = 0, binding = 3, std430) writeonly buffer O { int o[]; };

bool less(uint a, uint b)
{
	return TYPE == 0 ? uintBitsToFloat(a) < uintBitsToFloat(b) : TYPE == 1 ? int(a) < int(b) : a < b;
}

void main()
{
	uint i = tuff_gid(), row = i / ROW_N, mine = i % ROW_N, before = 0u, inner = uint(d[0].z), e, at;
	int base;
	bool lane;

	if (!row_of(row, base, lane))
		return;
	e = x[base + int(mine) * ROW_SK];
	for (uint k = 0u; k < ROW_N; k++) {
		uint f = x[base + int(k) * ROW_SK];
		bool first = SMALLEST != 0 ? less(f, e) : less(e, f), last = SMALLEST != 0 ? less(e, f) : less(f, e);

		before += uint(first || (!last && k < mine));
	}
	if (before >= uint(d[2].x))
		return;
	at = (row / inner * uint(d[2].x) + before) * inner + row % inner;
	v[at] = e;
	o[at] = int(mine);
}
