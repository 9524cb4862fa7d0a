// SPDX-License-Identifier: MIT
// Depthwise convolution: P neighbours along the width by one vec4 of channels
// an invocation. Weights TUFF_PACK_DW with one input channel: [tap][vec4].
// Dims: enum conv_word in compiler/lower_conv.h.
#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "abi.glsl"
#include "act.glsl"

#define P 4
layout(local_size_x = 32) in;

layout(set = 0, binding = 1, std430) readonly buffer X { vec4 x[]; };
layout(set = 0, binding = 2, std430) readonly buffer W { vec4 w[]; };
layout(set = 0, binding = 3, std430) buffer O { vec4 o[]; };
layout(set = 0, binding = 4, std430) readonly buffer R { vec4 r[]; };

void main()
{
	int gid = int(tuff_gid()), c4n = D(7), c = gid % c4n, rest = gid / c4n, ow = D(1), tx = D(3), ih = D(4), iw = D(5);
	int x0 = rest % tx * P, row = rest / tx, oy = row % D(2), n = row / D(2), flags = D(22), kw = D(13);
	vec4 acc[P];

	if (n >= D(0))
		return;
	[[unroll]] for (int p = 0; p < P; p++)
		acc[p] = w[D(23) + c];
	for (int ky = 0; ky < D(12); ky++) {
		int y = oy * D(14) - D(18) + ky * D(16);

		if (uint(y) >= uint(ih))
			continue;
		for (int kx = 0; kx < kw; kx++) {
			vec4 k = w[(ky * kw + kx) * c4n + c];
			int z = x0 * D(15) - D(19) + kx * D(17), at = ((n * ih + y) * iw) * c4n + c;

			[[unroll]] for (int p = 0; p < P; p++) {
				bool ok = uint(z + p * D(15)) < uint(iw);
				vec4 v = x[at + (ok ? z + p * D(15) : 0) * c4n];

				acc[p] = fma(ok ? v : vec4(0.0), k, acc[p]);
			}
		}
	}
	for (int p = 0; p < P && x0 + p < ow; p++) {
		int at = (row * ow + x0 + p) * c4n + c;
		vec4 v = p == 0 ? acc[0] : p == 1 ? acc[1] : p == 2 ? acc[2] : acc[3];

		if ((flags & 1) != 0)
			v += r[at];
		v = tuff_act(v, DF(24), DF(25));
		o[at] = mix(vec4(0.0), v, notEqual(tuff_lanes(c, D(11)), vec4(0.0)));
	}
}
