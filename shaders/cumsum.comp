#version 450
// SPDX-License-Identifier: MIT
/* Running sums of rows (axis.glsl), an invocation a row. */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 64) in;
#include "axis.glsl"

layout(constant_id = 0) const int EXCLUSIVE = 0;
layout(constant_id = 1) const int REVERSE = 0;
layout(constant_id = 2) const int TYPE = 0;
layout(set = 0, binding = 1, std430) readonly buffer X { uint x[]; };
layout(set = 0, binding = 2, std430) writeonly buffer O { uint o[]; };

void main()
{
	uint sum = 0u;
	int base;
	bool lane;

	if (!row_of(tuff_gid(), base, lane))
		return;
	for (uint k = 0u; k < ROW_N; k++) {
		int at = base + int(REVERSE != 0 ? ROW_N - 1u - k : k) * ROW_SK;
		uint next = TYPE == 0 ? floatBitsToUint(uintBitsToFloat(sum) + uintBitsToFloat(x[at])) : sum + x[at];

		o[at] = EXCLUSIVE != 0 ? sum : next;
		sum = next;
	}
}
