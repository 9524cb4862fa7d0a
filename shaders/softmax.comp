#version 450
// SPDX-License-Identifier: MIT
/* Softmax of rows (axis.glsl). TREE: a workgroup a row, else an invocation. */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x_id = 0) in;
#include "axis.glsl"

layout(constant_id = 1) const int TREE = 1;
layout(constant_id = 2) const int LOG = 0;
layout(set = 0, binding = 1, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 2, std430) buffer O { float o[]; };

shared float sh[128];

float fold(bool sum, float v)
{
	uint l = gl_LocalInvocationID.x;

	if (TREE == 0)
		return v;
	sh[l] = v;
	barrier();
	for (uint s = gl_WorkGroupSize.x >> 1; s > 0u; s >>= 1) {
		if (l < s)
			sh[l] = sum ? sh[l] + sh[l + s] : max(sh[l], sh[l + s]);
		barrier();
	}
	v = sh[0];
	barrier();
	return v;
}

void main()
{
	uint first = TREE != 0 ? gl_LocalInvocationID.x : 0u, step = TREE != 0 ? gl_WorkGroupSize.x : 1u;
	int base, sk = ROW_SK;
	float m = -3.4028235e38, s = 0.0;
	bool lane;

	if (!row_of(TREE != 0 ? tuff_group() : tuff_gid(), base, lane))
		return;
	for (uint k = first; k < ROW_N; k += step)
		m = max(m, x[base + int(k) * sk]);
	m = fold(false, m);
	for (uint k = first; k < ROW_N; k += step) {
		float v = x[base + int(k) * sk] - m, e = tuff_exp(v);

		s += e;
		o[base + int(k) * sk] = LOG != 0 ? v : e;
	}
	s = fold(true, s);
	s = LOG != 0 ? tuff_log(s) : 1.0 / s;
	for (uint k = first; k < ROW_N; k += step) {
		float v = o[base + int(k) * sk];

		o[base + int(k) * sk] = lane ? 0.0 : LOG != 0 ? v - s : v * s;
	}
	for (uint k = first; k < ROW_PAD; k += step)
		o[base + int(ROW_N + k) * sk] = 0.0;
}
