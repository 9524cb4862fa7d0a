// SPDX-License-Identifier: MIT
/*
 * Resize of up to three axes. Output index i reads at (i * P + Q) / R, exactly:
 * floating point would fall on the wrong side of a whole number.
 * d: 0 count, 1 C (in T; VEC4), 2..4 output sizes; for z, y, x from 5, 10, 15:
 * input size, stride, P, Q, R; 20 stride of a plane, 21 cubic coefficient.
 */
layout(local_size_x = 64) in;
#include "abi.glsl"

layout(constant_id = 0) const int MODE = 0;	/* 0 nearest, 1 linear, 2 cubic */
layout(constant_id = 1) const int NEAR = 0;	/* 0 floor, 1 ceil, 2 round_prefer_floor, 3 round_prefer_ceil */
layout(constant_id = 2) const int EXCLUDE = 0;
layout(set = 0, binding = 1, std430) readonly buffer X { T x[]; };
layout(set = 0, binding = 2, std430) writeonly buffer O { T o[]; };

/* first tap and the weights of four */
int taps(int w, uint i, out vec4 weight)
{
	int n = int(i) * D(w + 2) + D(w + 3), R = D(w + 4), k, rem;

	k = n >= 0 ? int(uint(n) / uint(R)) : -int((uint(-n) + uint(R) - 1u) / uint(R));
	rem = n - k * R;
	weight = vec4(1.0, 0.0, 0.0, 0.0);
	if (MODE == 0) {
		if (NEAR == 1)
			return k + int(rem > 0);
		if (NEAR == 2)
			return k + int(rem > R - rem);
		return NEAR == 3 ? k + int(rem >= R - rem) : k;
	}
	if (rem == 0 && (MODE == 1 || EXCLUDE == 0))
		return k;
	float t = float(rem) / float(R);

	if (MODE == 1) {
		weight = vec4(1.0 - t, t, 0.0, 0.0);
		return k;
	}
	float a = DF(21), u = 1.0 - t;

	weight.x = ((a * (t + 1.0) - 5.0 * a) * (t + 1.0) + 8.0 * a) * (t + 1.0) - 4.0 * a;
	weight.y = ((a + 2.0) * t - (a + 3.0)) * t * t + 1.0;
	weight.z = ((a + 2.0) * u - (a + 3.0)) * u * u + 1.0;
	weight.w = ((a * (u + 1.0) - 5.0 * a) * (u + 1.0) + 8.0 * a) * (u + 1.0) - 4.0 * a;
	if (EXCLUDE != 0) {
		weight *= vec4(greaterThanEqual(ivec4(k - 1) + ivec4(0, 1, 2, 3), ivec4(0))) *
			  vec4(lessThan(ivec4(k - 1) + ivec4(0, 1, 2, 3), ivec4(D(w))));
		weight /= weight.x + weight.y + weight.z + weight.w;
	}
	return k - 1;
}

void main()
{
	uint i = tuff_gid(), r = i, oz, oy, ox, c = 0u;
	const int N = MODE == 0 ? 1 : MODE == 1 ? 2 : 4;
	int z, y, w, base;
	vec4 wz, wy, wx;
	T acc = T(0.0);

	if (i >= uint(D(0)))
		return;
#ifdef VEC4
	c = r % uint(D(1));
	r /= uint(D(1));
#endif
	ox = r % uint(D(4));
	r /= uint(D(4));
	oy = r % uint(D(3));
	r /= uint(D(3));
	oz = r % uint(D(2));
	r /= uint(D(2));
	base = int(r) * D(20) + int(c);
	z = taps(5, oz, wz);
	y = taps(10, oy, wy);
	w = taps(15, ox, wx);
	for (int kz = 0; kz < N; kz++) {
		int bz = base + clamp(z + kz, 0, D(5) - 1) * D(6);

		if (wz[kz] == 0.0)
			continue;
		for (int ky = 0; ky < N; ky++) {
			int by = bz + clamp(y + ky, 0, D(10) - 1) * D(11);

			if (wy[ky] == 0.0)
				continue;
			for (int kx = 0; kx < N; kx++)
				if (wx[kx] != 0.0)
					acc += wz[kz] * wy[ky] * wx[kx] * x[by + clamp(w + kx, 0, D(15) - 1) * D(16)];
		}
	}
	o[i] = acc;
}
