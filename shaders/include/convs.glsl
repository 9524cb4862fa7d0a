// SPDX-License-Identifier: MIT
// conv.glsl for GPUs: 64 invocations work on TP pixels by C vec4 of channels
// through shared memory, KS vec4 of the sum at a time. An invocation has PT
// pixels, 8 apart, by CT vec4, 8 apart: neighbours read neighbours, of shared
// memory without bank conflicts, of weights and pixels in whole lines.
// Dims and weights as conv.glsl; one group a tile.
#extension GL_EXT_control_flow_attributes : require
#include "abi.glsl"
#include "act.glsl"

#define TP (8 * PT)
#define C (8 * CT)
#define KS 4
#define ADV (64 / TP)		/* distance of the vec4 that one invocation fetches */

layout(local_size_x = 64) in;
layout(constant_id = 1) const int PAD = 1;

layout(set = 0, binding = 1, std430) readonly buffer X { vec4 x[]; };
layout(set = 0, binding = 2, std430) readonly buffer W { vec4 w[]; };
layout(set = 0, binding = 3, std430) buffer O { vec4 o[]; };
layout(set = 0, binding = 4, std430) readonly buffer R { vec4 r[]; };

shared vec4 sx[KS * TP];
shared vec4 sw[KS * 4 * C];

void main()
{
	int lid = int(gl_LocalInvocationID.x), group = int(tuff_group()), tiles = D(3);
	int tile = group % tiles, q0 = group / tiles * TP, npix = D(0);

	if (q0 >= npix)
		return;
	int g = (tile + D(27)) / D(9), tg = tile + D(27) - g * D(9);
	int ow = D(1), ohw = D(2), ih = D(4), iw = D(5), i0 = D(20), i1 = D(21), kw = D(13), ic4 = D(8), flags = D(22);
	int taps = D(12) * kw, total = taps * (i1 - i0), tx = lid & 7, ty = lid >> 3;
	/* the pixel this invocation fetches, and where it is in the sum */
	int q = min(q0 + lid % TP, npix - 1), n = q / ohw, rest = q - n * ohw, oy = rest / ow;
	int iy = oy * D(14) - D(18), ix = (rest - oy * ow) * D(15) - D(19), base = n * ih, xrow = D(6), chan = g * ic4;
	int ky = 0, kx = 0, i = i0 + lid / TP, k = lid / TP;
	vec4 acc[PT][CT];

	[[unroll]] for (int p = 0; p < PT; p++)
		[[unroll]] for (int c = 0; c < CT; c++)
			acc[p][c] = vec4(0.0);
	while (i >= i1 && k < total) {
		i -= i1 - i0;
		kx++;
		if (kx == kw) {
			kx = 0;
			ky++;
		}
	}
	for (int k0 = 0; k0 < total; k0 += KS) {
		[[unroll]] for (int s = 0; s < KS / ADV; s++) {
			int y = iy + ky * D(16), z = ix + kx * D(17);
			bool ok = k < total && (PAD == 0 || (uint(y) < uint(ih) && uint(z) < uint(iw)));
			vec4 v = vec4(0.0);

			if (ok)
				v = x[((base + y) * iw + z) * xrow + chan + i];
			sx[(s * ADV + lid / TP) * TP + lid % TP] = v;
			k += ADV;
			i += ADV;
			while (i >= i1 && k < total) {
				i -= i1 - i0;
				kx++;
				if (kx == kw) {
					kx = 0;
					ky++;
				}
			}
		}
		[[unroll]] for (int s = 0; s < KS * 4 * C / 64; s++) {
			/* vec4 number `at` of this step, of the sum's element `e` */
			int at = s * 64 + lid, e = k0 + at / (4 * C), tap = i1 - i0 == ic4 ? 0 : e / (i1 - i0);
			int row = i1 - i0 == ic4 ? e : tap * ic4 + i0 + e - tap * (i1 - i0);

			sw[at] = e < total ? w[(tile * taps * ic4 + row) * 4 * C + at % (4 * C)] : vec4(0.0);
		}
		barrier();
		[[unroll]] for (int s = 0; s < KS; s++) {
			vec4 v[PT];

			[[unroll]] for (int p = 0; p < PT; p++)
				v[p] = sx[s * TP + p * 8 + ty];
			[[unroll]] for (int j = 0; j < 4; j++)
				[[unroll]] for (int c = 0; c < CT; c++) {
					vec4 b = sw[(s * 4 + j) * C + c * 8 + tx];

					[[unroll]] for (int p = 0; p < PT; p++)
						acc[p][c] = fma(vec4(v[p][j]), b, acc[p][c]);
				}
		}
		barrier();
	}

	int oc4 = D(7), oc = g * D(10) + tg * C, left = D(10) - tg * C;

	[[unroll]] for (int c = 0; c < CT; c++) {
		int mine = c * 8 + tx;

		if (mine < left) {
			vec4 bias = (flags & 2) != 0 ? vec4(0.0) : w[D(23) + tile * C + mine];
			vec4 lanes = tuff_lanes(oc + mine, D(11));

			[[unroll]] for (int p = 0; p < PT; p++) {
				int pix = q0 + p * 8 + ty, at = pix * oc4 + oc + mine;

				if (pix < npix) {
					vec4 v = acc[p][c] + bias;

					if ((flags & 2) != 0)
						v += o[at];
					if ((flags & 1) != 0)
						v += r[at];
					if ((flags & 4) != 0)
						v = max(v, vec4(DF(24)));
					if ((flags & 8) != 0)
						v = min(v, vec4(DF(25)));
					o[at] = mix(vec4(0.0), v, notEqual(lanes, vec4(0.0)));
				}
			}
		}
	}
	if (ACT < 0)
		return;
	for (int p = 0; p < PT; p++)	/* rolled: see conv.glsl */
		for (int c = 0; c < CT; c++) {
			int pix = q0 + p * 8 + ty, mine = c * 8 + tx, at = pix * oc4 + oc + mine;

			if (pix < npix && mine < left)
				o[at] = tuff_act(o[at], DF(24), DF(25)) * tuff_lanes(oc + mine, D(11));
		}
}
