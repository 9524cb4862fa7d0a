#version 450
// SPDX-License-Identifier: MIT
/*
 * Steps t0 .. t1 of a GRU or RNN: a workgroup for each sequence (x) and
 * direction (y). State h [d, n, H] goes from dispatch to dispatch; behind it
 * the bias [d, H] of a GRU's hidden row that is reset with the product.
 * d: 0 batch, 1 directions, 2 t0, 3 t1, 4 length.
 */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "abi.glsl"
#include "math.glsl"

layout(constant_id = 0) const int H = 1;
layout(constant_id = 1) const int BACK = 0;	/* bit d: direction d runs from the end */
layout(constant_id = 2) const int STEP = 1;	/* elements of a product at once; divides H */
layout(constant_id = 3) const int KIND = 0;	/* 0 RNN with tanh, 1 with relu; GRU: 2, 3 linear before reset */
layout(set = 0, binding = 1, std430) readonly buffer G { float g[]; };
layout(set = 0, binding = 2, std430) readonly buffer R { float r[]; };
layout(set = 0, binding = 3, std430) buffer S { float state[]; };
layout(set = 0, binding = 4, std430) writeonly buffer Y { float y[]; };

const int GATES = KIND < 2 ? 1 : 3;
shared float h[H];
shared float rh[H];		/* h, reset */
shared float gate[3 * H];

float row_h(uint row)
{
	float sum = 0.0;

	for (uint j = 0u; j < uint(H); j += uint(STEP)) {
		sum += r[row + j] * h[j];
		if (STEP == 4)
			sum += r[row + j + 1u] * h[j + 1u] + r[row + j + 2u] * h[j + 2u] + r[row + j + 3u] * h[j + 3u];
	}
	return sum;
}

float row_rh(uint row)
{
	float sum = 0.0;

	for (uint j = 0u; j < uint(H); j += uint(STEP)) {
		sum += r[row + j] * rh[j];
		if (STEP == 4)
			sum += r[row + j + 1u] * rh[j + 1u] + r[row + j + 2u] * rh[j + 2u] + r[row + j + 3u] * rh[j + 3u];
	}
	return sum;
}

void main()
{
	uint n = gl_WorkGroupID.x, dir = gl_WorkGroupID.y, l = gl_LocalInvocationID.x, B = uint(D(0)), dirs = uint(D(1)), U = uint(H);
	uint hs = (dir * B + n) * U, bias = (dirs * B + dir) * U, rows = dir * uint(GATES) * U;

	for (uint u = l; u < U; u += 128u)
		h[u] = state[hs + u];
	barrier();
	for (int t = D(2); t < D(3); t++) {
		uint at = uint((BACK >> dir & 1) != 0 ? D(4) - 1 - t : t), in_at = ((at * B + n) * dirs + dir) * uint(GATES) * U;

		for (uint k = l; k < uint(KIND == 2 ? 2 : GATES) * U; k += 128u)
			gate[k] = row_h((rows + k) * U) + (KIND == 3 && k >= 2u * U ? state[bias + k - 2u * U] : g[in_at + k]);
		barrier();
		if (KIND == 2) {
			for (uint u = l; u < U; u += 128u)
				rh[u] = tuff_sigmoid(gate[U + u]) * h[u];
			barrier();
		}
		for (uint u = l; u < U; u += 128u) {
			float v = gate[u], c;

			if (KIND == 0)
				v = tuff_tanh(v);
			if (KIND == 1)
				v = max(v, 0.0);
			if (KIND >= 2) {
				v = tuff_sigmoid(v);
				c = g[in_at + 2u * U + u];
				c += KIND == 2 ? row_rh((rows + 2u * U + u) * U) : tuff_sigmoid(gate[U + u]) * gate[2u * U + u];
				v = (1.0 - v) * tuff_tanh(c) + v * h[u];
			}
			h[u] = v;
			y[((at * dirs + dir) * B + n) * U + u] = v;
		}
		barrier();
	}
	for (uint u = l; u < U; u += 128u)
		state[hs + u] = h[u];
}
