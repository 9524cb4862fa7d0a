// SPDX-License-Identifier: MIT
/*
 * Rows along one axis of a dense tensor: row = (outer, inner), element k of it
 * at base + k * sk. d: 0 rows, 1 elements of a row, 2 inner, 3 outer stride,
 * 4 sk, 5 C and 6 Cp: a row whose inner index modulo Cp is at or above C is a
 * pad lane; 7 pad elements behind every row (the axis is the channels).
 */
#include "abi.glsl"
#include "math.glsl"

bool row_of(uint row, out int base, out bool lane)
{
	uint inner = uint(d[0].z), b;

	base = 0;
	lane = false;
	if (row >= uint(d[0].x))
		return false;
	b = row % inner;
	base = int(row / inner) * d[0].w + int(b);
	lane = int(b % uint(d[1].z)) >= d[1].y;
	return true;
}
#define ROW_N	uint(d[0].y)
#define ROW_SK	d[1].x
#define ROW_PAD	uint(d[1].w)
