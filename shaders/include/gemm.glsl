// SPDX-License-Identifier: MIT
// Matrix product of any strides, batches and sizes: P rows by C vec4 of columns
// an invocation. Rows and columns need not be whole vec4s, so all loads and
// stores are of single floats (which costs lavapipe nothing); products of whole
// vec4s by a constant take conv.glsl.
// Dims: enum gemm_word in compiler/lower_gemm.c.
#extension GL_EXT_control_flow_attributes : require
#include "abi.glsl"
#include "act.glsl"

layout(local_size_x = LOCAL) in;
// 1: B is TUFF_PACK_GEMM with tiles of C, its bias behind it
layout(constant_id = 1) const int PACKED = 0;

layout(set = 0, binding = 1, std430) readonly buffer A { float a[]; };
layout(set = 0, binding = 2, std430) readonly buffer B { float b[]; };
layout(set = 0, binding = 2, std430) readonly buffer B4 { vec4 b4[]; };
layout(set = 0, binding = 3, std430) buffer O { float o[]; };
layout(set = 0, binding = 4, std430) readonly buffer R { float r[]; };

void main()
{
	int gid = int(tuff_gid()), tn = D(8), tm = D(9), flags = D(10), rows = D(0), cols = D(1), k0 = D(2), k1 = D(3);
	int tile = gid % tn, rest = gid / tn, m0 = rest % tm * P, batch = rest / tm, left = batch, ao = 0, bo = 0;
	int n0 = (tile + D(16)) * 4 * C, ap[P], bn[4 * C];
	vec4 acc[P][C];

	if (batch >= D(17))
		return;
	for (int i = D(18) - 1; i >= 0; i--) {
		int w = 20 + 3 * i, size = d[w >> 2][w & 3], at = left % size;

		ao += at * d[(w + 1) >> 2][(w + 1) & 3];
		bo += at * d[(w + 2) >> 2][(w + 2) & 3];
		left /= size;
	}
	[[unroll]] for (int p = 0; p < P; p++) {
		ap[p] = ao + min(m0 + p, rows - 1) * D(4) + k0 * D(5);
		[[unroll]] for (int c = 0; c < C; c++)
			acc[p][c] = vec4(0.0);
	}
	[[unroll]] for (int j = 0; j < 4 * C; j++)
		bn[j] = bo + min(n0 + j, cols - 1) * D(7) + k0 * D(6);
	int bp = (tile * D(19) + k0) * C, ak = D(5), bk = D(6), astep = 0, bstep = 0;

	for (int k = k0; k < k1; k++) {
		vec4 v[C];

		[[unroll]] for (int c = 0; c < C; c++) {
			if (PACKED != 0)
				v[c] = b4[bp + c];
			else
				v[c] = vec4(b[bn[4 * c] + bstep], b[bn[4 * c + 1] + bstep], b[bn[4 * c + 2] + bstep], b[bn[4 * c + 3] + bstep]);
		}
		[[unroll]] for (int p = 0; p < P; p++) {
			float s = a[ap[p] + astep];

			[[unroll]] for (int c = 0; c < C; c++)
				acc[p][c] = fma(vec4(s), v[c], acc[p][c]);
		}
		bp += C;
		astep += ak;
		bstep += bk;
	}
	[[unroll]] for (int c = 0; c < C; c++) {
		vec4 bias = PACKED != 0 && (flags & 2) == 0 ? b4[D(15) + tile * C + c] : vec4(0.0);

		[[unroll]] for (int p = 0; p < P; p++)
			acc[p][c] = acc[p][c] * DF(11) + bias;
	}
	int base = batch * rows * cols;

	[[unroll]] for (int p = 0; p < P; p++)
		[[unroll]] for (int c = 0; c < C; c++)
			[[unroll]] for (int j = 0; j < 4; j++)
				if (m0 + p < rows && n0 + 4 * c + j < cols) {
					int at = base + (m0 + p) * cols + n0 + 4 * c + j;
					float s = acc[p][c][j];

					if ((flags & 2) != 0)	// what was summed before
						s += o[at];
					o[at] = s;
				}
	if ((flags & 1) == 0 && ACT < 0)
		return;
	for (int p = 0; p < P && m0 + p < rows; p++)
		for (int j = 0; j < 4 * C && n0 + j < cols; j++) {
			int at = base + (m0 + p) * cols + n0 + j;
			float s = o[at];

			if ((flags & 1) != 0)
				s += DF(12) * r[batch * D(40) + (m0 + p) * D(38) + (n0 + j) * D(39)];
			o[at] = tuff_act(vec4(s), DF(13), DF(14)).x;
		}
}
