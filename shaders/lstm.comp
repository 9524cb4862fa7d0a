#version 450
// SPDX-License-Identifier: MIT
/*
 * Steps t0 .. t1 of an LSTM: a workgroup for each sequence (x) and direction
 * (y). State [d, h or c, n, H] goes from dispatch to dispatch.
 * d: 0 batch, 1 directions, 2 t0, 3 t1, 4 length.
 */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "abi.glsl"
#include "math.glsl"

layout(constant_id = 0) const int H = 1;
layout(constant_id = 1) const int BACK = 0;	/* bit d: direction d runs from the end */
layout(constant_id = 2) const int STEP = 1;	/* elements of a product at once; divides H */
layout(set = 0, binding = 1, std430) readonly buffer G { float g[]; };
layout(set = 0, binding = 2, std430) readonly buffer R { float r[]; };
layout(set = 0, binding = 3, std430) buffer S { float state[]; };
layout(set = 0, binding = 4, std430) writeonly buffer Y { float y[]; };

shared float h[H];
shared float gate[4 * H];

void main()
{
	uint n = gl_WorkGroupID.x, dir = gl_WorkGroupID.y, l = gl_LocalInvocationID.x, B = uint(D(0)), dirs = uint(D(1));
	uint hs = (2u * dir * B + n) * uint(H), cs = ((2u * dir + 1u) * B + n) * uint(H);

	for (uint u = l; u < uint(H); u += 128u)
		h[u] = state[hs + u];
	barrier();
	for (int t = D(2); t < D(3); t++) {
		uint at = uint((BACK >> dir & 1) != 0 ? D(4) - 1 - t : t);

		for (uint k = l; k < 4u * uint(H); k += 128u) {
			uint row = (dir * 4u * uint(H) + k) * uint(H);
			float sum = g[((at * B + n) * dirs + dir) * 4u * uint(H) + k];

			for (uint j = 0u; j < uint(H); j += uint(STEP)) {
				sum += r[row + j] * h[j];
				if (STEP == 4)
					sum += r[row + j + 1u] * h[j + 1u] + r[row + j + 2u] * h[j + 2u] + r[row + j + 3u] * h[j + 3u];
			}
			gate[k] = sum;
		}
		barrier();
		for (uint u = l; u < uint(H); u += 128u) {
			float c = tuff_sigmoid(gate[2 * H + int(u)]) * state[cs + u] + tuff_sigmoid(gate[u]) * tuff_tanh(gate[3 * H + int(u)]);

			state[cs + u] = c;
			h[u] = tuff_sigmoid(gate[H + int(u)]) * tuff_tanh(c);
			y[((at * dirs + dir) * B + n) * uint(H) + u] = h[u];
		}
		barrier();
	}
	for (uint u = l; u < uint(H); u += 128u)
		state[hs + u] = h[u];
}
