// SPDX-License-Identifier: MIT
/*
 * (x - mean) / sqrt(var + eps) * scale + bias of rows; a workgroup a row, the
 * variance in a second pass. Row = (outer, inner), element k at base + k * sk.
 * d: 0 rows, 1 n, 2 inner, 3 outer stride, 4 sk, 5 elements of scale, 6 C, 7 eps.
 */
layout(local_size_x_id = 0) in;
#include "abi.glsl"

layout(constant_id = 1) const int CHANNEL = 0;	/* scale by channel = inner index, not by k */
layout(constant_id = 2) const int BIAS = 1;
layout(set = 0, binding = 1, std430) readonly buffer X { T x[]; };
layout(set = 0, binding = 2, std430) readonly buffer S { float s[]; };
layout(set = 0, binding = 3, std430) readonly buffer B { float b[]; };
layout(set = 0, binding = 4, std430) writeonly buffer O { T o[]; };

shared T sh[128];

T total(T v)
{
	uint l = gl_LocalInvocationID.x;

	sh[l] = v;
	barrier();
	for (uint h = gl_WorkGroupSize.x >> 1; h > 0u; h >>= 1) {
		if (l < h)
			sh[l] += sh[l + h];
		barrier();
	}
	v = sh[0];
	barrier();
	return v;
}

void main()
{
	uint row = tuff_group(), first = gl_LocalInvocationID.x, step = gl_WorkGroupSize.x, n = uint(D(1)), inner = uint(D(2));
	uint c = row % inner;
	int base = int(row / inner) * D(3) + int(c), sk = D(4);
	T mean = T(0.0), var = T(0.0), g = T(1.0), h = T(0.0);

	if (row >= uint(D(0)))
		return;
	for (uint k = first; k < n; k += step)
		mean += x[base + int(k) * sk];
	mean = total(mean) / float(n);
	for (uint k = first; k < n; k += step) {
		T v = x[base + int(k) * sk] - mean;

		var += v * v;
	}
	var = 1.0 / sqrt(total(var) / float(n) + DF(7));
	if (CHANNEL != 0) {
#ifdef VEC4
		for (int j = 0; j < 4; j++) {
			bool real = 4 * int(c) + j < D(6);

			g[j] = real ? s[4 * int(c) + j] : 0.0;
			h[j] = real ? b[4 * int(c) + j] : 0.0;
		}
#else
		g = s[row % uint(D(6))];
		h = b[row % uint(D(6))];
#endif
	}
	for (uint k = first; k < n; k += step) {
		T v = (x[base + int(k) * sk] - mean) * var;
#ifndef VEC4
		if (CHANNEL == 0) {
			uint p = k % uint(D(5));

			g = s[p];
			h = BIAS != 0 ? b[p] : 0.0;
		}
#endif
		o[base + int(k) * sk] = v * g + h;
	}
}
