// SPDX-License-Identifier: MIT
// Convolution as an implicit matrix product, one register tile an invocation:
// P output pixels by C vec4 of output channels, U vec4 of input channels an
// iteration. Also the matrix product by a constant (one tap, rows for pixels).
// Weights: program/pack.c, TUFF_PACK_CONV and TUFF_PACK_GEMM with C vec4 a tile.
//
// Dims (compiler/lower_conv.h): see enum conv_word.
#extension GL_EXT_control_flow_attributes : require
#include "abi.glsl"
#include "act.glsl"

layout(local_size_x = LOCAL) in;
// 1: taps may fall outside the input, which is then read as zero
layout(constant_id = 1) const int PAD = 1;

layout(set = 0, binding = 1, std430) readonly buffer X { vec4 x[]; };
layout(set = 0, binding = 2, std430) readonly buffer W { vec4 w[]; };
layout(set = 0, binding = 3, std430) buffer O { vec4 o[]; };
layout(set = 0, binding = 4, std430) readonly buffer R { vec4 r[]; };

void main()
{
	int gid = int(tuff_gid()), tiles = D(3), tile = gid % tiles, q0 = gid / tiles * P;
	int g = (tile + D(27)) / D(9), tg = (tile + D(27)) - g * D(9);
	int npix = D(0), ow = D(1), ohw = D(2), ih = D(4), iw = D(5), i0 = D(20), i1 = D(21), flags = D(22);
	int base[P], iy[P], ix[P], a[P], oc = g * D(10) + tg * C;
	bool ok[P];
	vec4 acc[P][C];

	if (q0 >= npix)
		return;
	{
		int n = q0 / ohw, rest = q0 - n * ohw, oy = rest / ow, ox = rest - oy * ow, oh = ohw / ow;

		[[unroll]] for (int p = 0; p < P; p++) {
			base[p] = n * ih;
			iy[p] = oy * D(14) - D(18);
			ix[p] = ox * D(15) - D(19);
			if (q0 + p + 1 < npix) {	// beyond the end: the last pixel again
				ox++;
				oy += ox == ow ? 1 : 0;
				ox = ox == ow ? 0 : ox;
				n += oy == oh ? 1 : 0;
				oy = oy == oh ? 0 : oy;
			}
		}
	}
	[[unroll]] for (int p = 0; p < P; p++)
		[[unroll]] for (int c = 0; c < C; c++)
			acc[p][c] = vec4(0.0);
	int kh = D(12), kw = D(13), span = 4 * C, ic4 = D(8);

	for (int ky = 0; ky < kh; ky++)
		for (int kx = 0; kx < kw; kx++) {
			int b = ((tile * kh + ky) * kw + kx) * ic4 * span + i0 * span;

			[[unroll]] for (int p = 0; p < P; p++) {
				int y = iy[p] + ky * D(16), z = ix[p] + kx * D(17);

				ok[p] = PAD == 0 || (uint(y) < uint(ih) && uint(z) < uint(iw));
				a[p] = ok[p] ? ((base[p] + y) * iw + z) * D(6) + g * ic4 : 0;
			}
			for (int i = i0; i < i1; i++) {
				vec4 k[4][C];

				[[unroll]] for (int j = 0; j < 4; j++)
					[[unroll]] for (int c = 0; c < C; c++)
						k[j][c] = w[b + j * C + c];
				b += span;
				[[unroll]] for (int p = 0; p < P; p++) {
					vec4 v = x[a[p] + i];

					if (PAD != 0)
						v = ok[p] ? v : vec4(0.0);
					[[unroll]] for (int c = 0; c < C; c++)
						acc[p][c] = fma(vec4(v.x), k[0][c], acc[p][c]);
					[[unroll]] for (int c = 0; c < C; c++)
						acc[p][c] = fma(vec4(v.y), k[1][c], acc[p][c]);
					[[unroll]] for (int c = 0; c < C; c++)
						acc[p][c] = fma(vec4(v.z), k[2][c], acc[p][c]);
					[[unroll]] for (int c = 0; c < C; c++)
						acc[p][c] = fma(vec4(v.w), k[3][c], acc[p][c]);
				}
			}
		}

	int oc4 = D(7), left = D(10) - tg * C;	// vec4 of this group from here on

	[[unroll]] for (int c = 0; c < C; c++) {
		if (c < left) {
			vec4 bias = (flags & 2) != 0 ? vec4(0.0) : w[D(23) + tile * C + c];
			vec4 lanes = tuff_lanes(oc + c, D(11));

			[[unroll]] for (int p = 0; p < P; p++) {
				int at = (q0 + p) * oc4 + oc + c;

				if (q0 + p < npix) {
					vec4 v = acc[p][c] + bias;

					if ((flags & 2) != 0)	// what was summed before
						v += o[at];
					if ((flags & 1) != 0)
						v += r[at];
					if ((flags & 4) != 0)
						v = max(v, vec4(DF(24)));
					if ((flags & 8) != 0)
						v = min(v, vec4(DF(25)));
					o[at] = lanes.w != 0.0 ? v : mix(vec4(0.0), v, notEqual(lanes, vec4(0.0)));
				}
			}
		}
	}
	if (ACT < 0)
		return;
	// rolled, over what this invocation wrote: inlined P * C times an
	// exponential is a megabyte of code
	for (int p = 0; p < P && q0 + p < npix; p++)
		for (int c = 0; c < C && c < left; c++) {
			int at = (q0 + p) * oc4 + oc + c;

			o[at] = tuff_act(o[at], DF(24), DF(25)) * tuff_lanes(oc + c, D(11));
		}
}
