// SPDX-License-Identifier: MIT
/*
 * MaxPool and AveragePool over up to three spatial axes. VEC4: channels last,
 * four channels an invocation; else row-major planes.
 * d: 0 count, 1 C (in T), 2..4 output sizes; 5..9 input strides of n, c, z, y,
 * x; 10..12 input sizes; 13..15 pads before, 16..18 after.
 */
layout(local_size_x = 64) in;
#include "abi.glsl"
#include "math.glsl"

layout(constant_id = 0) const int MAXIMUM = 0;
layout(constant_id = 1) const int KZ = 1;
layout(constant_id = 2) const int KY = 1;
layout(constant_id = 3) const int KX = 1;
layout(constant_id = 4) const int SZ = 1;
layout(constant_id = 5) const int SY = 1;
layout(constant_id = 6) const int SX = 1;
layout(constant_id = 7) const int DZ = 1;
layout(constant_id = 8) const int DY = 1;
layout(constant_id = 9) const int DX = 1;
layout(constant_id = 10) const int COUNT_PAD = 0;
layout(set = 0, binding = 1, std430) readonly buffer X { T x[]; };
layout(set = 0, binding = 2, std430) writeonly buffer O { T o[]; };

int padded(int base, int i, int pe, int K, int dil)
{
	return min(K, (i + pe - base + dil - 1) / dil);
}

void main()
{
	uint i = tuff_gid(), r = i, n, c;
	int oz, oy, ox, bz, by, bx, count = 0;
	T acc = T(MAXIMUM != 0 ? -TUFF_INF : 0.0);

	if (i >= uint(D(0)))
		return;
#ifdef VEC4
	c = r % uint(D(1));
	r /= uint(D(1));
#endif
	ox = int(r % uint(D(4)));
	r /= uint(D(4));
	oy = int(r % uint(D(3)));
	r /= uint(D(3));
	oz = int(r % uint(D(2)));
	r /= uint(D(2));
#ifndef VEC4
	c = r % uint(D(1));
	r /= uint(D(1));
#endif
	n = r;
	bz = oz * SZ - D(13);
	by = oy * SY - D(14);
	bx = ox * SX - D(15);
	for (int kz = 0; kz < KZ; kz++) {
		int z = bz + kz * DZ;

		if (z < 0 || z >= D(10))
			continue;
		for (int ky = 0; ky < KY; ky++) {
			int y = by + ky * DY, row = int(n) * D(5) + int(c) * D(6) + z * D(7) + y * D(8);

			if (y < 0 || y >= D(11))
				continue;
			for (int kx = 0; kx < KX; kx++) {
				int at = bx + kx * DX;

				if (at < 0 || at >= D(12))
					continue;
				T v = x[row + at * D(9)];

				if (MAXIMUM != 0)
#ifdef VEC4
					acc = T(tuff_max(acc.x, v.x), tuff_max(acc.y, v.y), tuff_max(acc.z, v.z), tuff_max(acc.w, v.w));
#else
					acc = tuff_max(acc, v);
#endif
				else
					acc += v;
				count++;
			}
		}
	}
	if (MAXIMUM == 0) {
		if (COUNT_PAD != 0)	/* taps beyond the padded input (ceil_mode) never count */
			count = padded(bz, D(10), D(16), KZ, DZ) * padded(by, D(11), D(17), KY, DY) * padded(bx, D(12), D(18), KX, DX);
		acc /= float(max(count, 1));
	}
	o[i] = acc;
}
