// SPDX-License-Identifier: MIT
/*
 * out[ob + i.so] = in[ib + j.si] over a box: transposes, slices, joins, cuts,
 * broadcasts, pads and tiles. T is a word or four; everything counts in T.
 * d: 0 count, 1 ib, 2 ob, 3 fill, 4 lanes; from 8 for each dimension size,
 * si, so, lo, n, where j = i - lo taken into [0, n) as MODE says.
 */
layout(local_size_x = 128) in;
#include "abi.glsl"

layout(constant_id = 0) const int RANK = 1;
layout(constant_id = 1) const int MODE = 0;	/* 0 j = i, 1 fill outside, 2 wrap, 3 edge, 4 reflect */
layout(constant_id = 2) const int LANES = 0;	/* words of the last dimension from `lanes` on are 0 */
layout(set = 0, binding = 1, std430) readonly buffer X { T x[]; };
layout(set = 0, binding = 2, std430) writeonly buffer O { T o[]; };

void main()
{
	uint r = tuff_gid();
	int ib = d[0].y, ob = d[0].z, last = 0;
	bool inside = true;
	T v;

	if (r >= uint(d[0].x))
		return;
	for (int k = RANK - 1; k >= 0; k--) {
		int w = 8 + 5 * k;
		uint size = uint(D(w));
		int i = int(r % size);

		r /= size;
		if (k == RANK - 1)
			last = i;
		ob += i * D(w + 2);
		if (MODE != 0) {
			int n = D(w + 4);

			i -= D(w + 3);
			if (MODE == 1) {
				inside = inside && i >= 0 && i < n;
			} else if (MODE == 2) {
				/* i > -2^30; lo is below 2^20 times n */
				i = i >= 0 ? int(uint(i) % uint(n)) : n - 1 - int(uint(-1 - i) % uint(n));
			} else if (MODE == 3) {
				i = clamp(i, 0, n - 1);
			} else {
				int p = max(2 * (n - 1), 1);

				i = int(uint(abs(i)) % uint(p));
				i = i < n ? i : p - i;
			}
		}
		ib += i * D(w + 1);
	}
	v = T(uint(d[0].w));
#ifndef VEC4
	if (LANES != 0 && last >= d[1].x) {
		v = 0u;
		inside = false;
	}
#endif
	if (inside)
		v = x[ib];
#ifdef VEC4
	if (LANES != 0)
		v = mix(v, T(0u), greaterThanEqual(ivec4(4 * last) + ivec4(0, 1, 2, 3), ivec4(d[1].x)));
#endif
	o[ob] = v;
}
