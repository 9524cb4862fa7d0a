// SPDX-License-Identifier: MIT
// Convolution of any kind, one vec4 of output channels an invocation: groups of
// any width, one to three spatial dimensions, transposed (TRANS). Weights
// TUFF_PACK_DW: [tap][input channel of the group][output vec4].
// Dims: enum convg_word in compiler/lower_conv.h.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "abi.glsl"
#include "act.glsl"

layout(local_size_x = 32) in;
layout(constant_id = 1) const int TRANS = 0;
// 1: a vec4 of outputs is of one group, and groups start at whole vec4s
layout(constant_id = 2) const int WHOLE = 0;

layout(set = 0, binding = 1, std430) readonly buffer X { vec4 x[]; };
layout(set = 0, binding = 2, std430) readonly buffer W { vec4 w[]; };
layout(set = 0, binding = 3, std430) buffer O { vec4 o[]; };
layout(set = 0, binding = 4, std430) readonly buffer R { vec4 r[]; };

float lane(vec4 v, int i) { return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w; }

// input position of a tap, or -1
int place(int out_, int tap, int stride, int dil, int pad, int size)
{
	int t;

	if (TRANS == 0) {
		t = out_ * stride - pad + tap * dil;
	} else {
		t = out_ + pad - tap * dil;
		if (t < 0 || t % stride != 0)
			return -1;
		t /= stride;
	}
	return uint(t) < uint(size) ? t : -1;
}

void main()
{
	int gid = int(tuff_gid()), n4 = D(28), c4 = gid % n4, q = gid / n4, flags = D(22);

	if (q >= D(0))
		return;
	int rest = q, ox = rest % D(1);
	rest /= D(1);
	int oy = rest % D(2);
	rest /= D(2);
	int oz = rest % D(3), n = rest / D(3), oc = 4 * (c4 + D(27)), icg = D(8), ocg = D(9), row = D(20);
	ivec4 g = min((ivec4(0, 1, 2, 3) + oc) / ocg, ivec4(D(29) - 1));
	vec4 acc = vec4(0.0);

	for (int kz = 0; kz < D(12); kz++) {
		int z = place(oz, kz, D(30), D(31), D(32), D(4));

		if (z < 0)
			continue;
		for (int ky = 0; ky < D(13); ky++) {
			int y = place(oy, ky, D(14), D(16), D(18), D(5));

			if (y < 0)
				continue;
			for (int kx = 0; kx < D(21); kx++) {
				int u = place(ox, kx, D(15), D(17), D(19), D(6));

				if (u < 0)
					continue;
				int at = (((n * D(4) + z) * D(5) + y) * D(6) + u) * D(10);
				int k = ((kz * D(13) + ky) * D(21) + kx) * icg * row + c4;

				if (WHOLE != 0) {
					at += g.x * (icg >> 2);
					for (int i = 0; i < icg; i += 4, at++, k += 4 * row) {
						vec4 v = x[at];

						acc = fma(vec4(v.x), w[k], acc);
						acc = fma(vec4(v.y), w[k + row], acc);
						acc = fma(vec4(v.z), w[k + 2 * row], acc);
						acc = fma(vec4(v.w), w[k + 3 * row], acc);
					}
				} else {
					for (int i = 0; i < icg; i++, k += row) {
						ivec4 c = g * icg + i;
						vec4 v;

						v.x = lane(x[at + (c.x >> 2)], c.x & 3);
						v.y = lane(x[at + (c.y >> 2)], c.y & 3);
						v.z = lane(x[at + (c.z >> 2)], c.z & 3);
						v.w = lane(x[at + (c.w >> 2)], c.w & 3);
						acc = fma(v, w[k], acc);
					}
				}
			}
		}
	}
	int to = q * D(7) + c4 + D(27);

	acc += w[D(23) + c4];
	if ((flags & 1) != 0)
		acc += r[to];
	acc = tuff_act(acc, DF(24), DF(25));
	o[to] = mix(vec4(0.0), acc, notEqual(tuff_lanes(c4 + D(27), D(11)), vec4(0.0)));
}
