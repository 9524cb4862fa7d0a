#version 450
// SPDX-License-Identifier: MIT
/* Index of the largest (smallest) element of each row (axis.glsl), dense. */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x_id = 0) in;
#include "axis.glsl"

layout(constant_id = 1) const int TREE = 1;
layout(constant_id = 2) const int SMALLEST = 0;
layout(constant_id = 3) const int LAST = 0;
layout(constant_id = 4) const int TYPE = 0;	/* 0 float, 1 int, 2 uint */
layout(set = 0, binding = 1, std430) readonly buffer X { uint x[]; };
layout(set = 0, binding = 2, std430) writeonly buffer O { int o[]; };

shared uint sv[128];
shared int sk[128];

bool less(uint a, uint b)
{
	return TYPE == 0 ? uintBitsToFloat(a) < uintBitsToFloat(b) : TYPE == 1 ? int(a) < int(b) : a < b;
}

/* is (v, k) to be taken before (b, at)? an index below 0 is none */
bool better(uint v, int k, uint b, int at)
{
	if (k < 0 || at < 0)
		return at < 0 && k >= 0;
	if (SMALLEST != 0 ? less(v, b) : less(b, v))
		return true;
	return !(SMALLEST != 0 ? less(b, v) : less(v, b)) && (LAST != 0 ? k > at : k < at);
}

void main()
{
	uint row = TREE != 0 ? tuff_group() : tuff_gid(), l = gl_LocalInvocationID.x, best = 0u;
	uint first = TREE != 0 ? l : 0u, step = TREE != 0 ? gl_WorkGroupSize.x : 1u;
	int base, at = -1;
	bool lane;

	if (!row_of(row, base, lane))
		return;
	for (uint k = first; k < ROW_N; k += step) {
		uint v = x[base + int(k) * ROW_SK];

		if (better(v, int(k), best, at)) {
			best = v;
			at = int(k);
		}
	}
	if (TREE != 0) {
		sv[l] = best;
		sk[l] = at;
		barrier();
		for (uint s = gl_WorkGroupSize.x >> 1; s > 0u; s >>= 1) {
			if (l < s && better(sv[l + s], sk[l + s], sv[l], sk[l])) {
				sv[l] = sv[l + s];
				sk[l] = sk[l + s];
			}
			barrier();
		}
		at = sk[0];
	}
	if (TREE == 0 || l == 0u)
		o[row] = max(at, 0);
}
