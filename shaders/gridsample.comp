#version 450
// SPDX-License-Identifier: MIT
/*
 * GridSample in two dimensions, row-major: an invocation for each element.
 * d: 0 count, 1 points of an image, 2 channels, 3 H, 4 W.
 */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 64) in;
#include "abi.glsl"

layout(constant_id = 0) const int MODE = 1;	/* 0 nearest, 1 linear, 2 cubic */
layout(constant_id = 1) const int PAD = 0;	/* 0 zeros, 1 border, 2 reflection */
layout(constant_id = 2) const int CORNERS = 0;
layout(set = 0, binding = 1, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 2, std430) readonly buffer G { float g[]; };
layout(set = 0, binding = 3, std430) writeonly buffer O { float o[]; };

float reflected(float v, float lo, float hi)
{
	float range = hi - lo, e = abs(v - lo);

	if (range <= 0.0)
		return lo;
	e -= 2.0 * range * floor(e / (2.0 * range));
	return lo + (e <= range ? e : 2.0 * range - e);
}

/* a coordinate in [-1, 1] as an index, a real number */
float coordinate(float v, int size)
{
	float s = float(size);

	v = CORNERS != 0 ? (v + 1.0) / 2.0 * (s - 1.0) : ((v + 1.0) * s - 1.0) / 2.0;
	if (PAD == 1)
		v = clamp(v, 0.0, s - 1.0);
	if (PAD == 2)
		v = CORNERS != 0 ? reflected(v, 0.0, s - 1.0) : reflected(v, -0.5, s - 0.5);
	return isnan(v) ? -1e9 : clamp(v, -1e9, 1e9);
}

/* an index in range, or -1: outside and zero */
int place(int i, int size)
{
	if (i >= 0 && i < size)
		return i;
	if (PAD == 0)
		return -1;
	if (PAD == 2)
		i = int(floor((CORNERS != 0 ? reflected(float(i), 0.0, float(size - 1)) : reflected(float(i), -0.5, float(size) - 0.5)) + 0.5));
	return clamp(i, 0, size - 1);
}

int taps(float v, out vec4 w)
{
	float f = floor(v), a = -0.75, t = v - f, u = 1.0 - t;

	w = vec4(1.0, 0.0, 0.0, 0.0);
	if (MODE == 0)
		return int(roundEven(v));
	if (MODE == 1) {
		w = vec4(u, t, 0.0, 0.0);
		return int(f);
	}
	w.x = ((a * (t + 1.0) - 5.0 * a) * (t + 1.0) + 8.0 * a) * (t + 1.0) - 4.0 * a;
	w.y = ((a + 2.0) * t - (a + 3.0)) * t * t + 1.0;
	w.z = ((a + 2.0) * u - (a + 3.0)) * u * u + 1.0;
	w.w = ((a * (u + 1.0) - 5.0 * a) * (u + 1.0) + 8.0 * a) * (u + 1.0) - 4.0 * a;
	return int(f) - 1;
}

void main()
{
	uint i = tuff_gid(), points = uint(D(1)), at;
	const int N = MODE == 0 ? 1 : MODE == 1 ? 2 : 4;
	int y, k, base, H = D(3), W = D(4);
	vec4 wy, wx;
	float sum = 0.0;

	if (i >= uint(D(0)))
		return;
	at = 2u * (i / points / uint(D(2)) * points + i % points);
	base = int(i / points) * H * W;
	y = taps(coordinate(g[at + 1u], H), wy);
	k = taps(coordinate(g[at], W), wx);
	for (int a = 0; a < N; a++)
		for (int b = 0; b < N; b++) {
			int py = place(y + a, H), px = place(k + b, W);

			if (py >= 0 && px >= 0 && wy[a] * wx[b] != 0.0)
				sum += wy[a] * wx[b] * x[base + py * W + px];
		}
	o[i] = sum;
}
