#version 450
// SPDX-License-Identifier: MIT
/* s = scale / sqrt(var + eps) at SHIFT 0; then b = bias - mean * s behind it. */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "abi.glsl"

layout(constant_id = 0) const int SHIFT = 0;
layout(set = 0, binding = 1, std430) readonly buffer A { float a[]; };
layout(set = 0, binding = 2, std430) readonly buffer B { float b[]; };
layout(set = 0, binding = 3, std430) buffer P { float p[]; };

void main()	/* d: 0 C, 1 Cp, 2 eps */
{
	uint c = tuff_gid();
	bool real = c < uint(D(0));

	if (c >= uint(D(1)))
		return;
	if (SHIFT == 0)
		p[c] = real ? a[c] / sqrt(b[c] + DF(2)) : 0.0;
	else
		p[uint(D(1)) + c] = real ? a[c] - b[c] * p[c] : 0.0;
}
