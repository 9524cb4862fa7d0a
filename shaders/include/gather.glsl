// SPDX-License-Identifier: MIT
/*
 * Gather along one axis. An index outside of [-n, n) reads nothing and gives 0.
 * d: 0 count, 1 inner, 2 indices, 3 n; 4 first and 5 number of those that X has; in T.
 */
layout(local_size_x = 128) in;
#include "abi.glsl"

layout(constant_id = 0) const int PART = 0;	/* 0 X is whole, 1 the first part of it, 2 another: writes what it has */
layout(set = 0, binding = 1, std430) readonly buffer X { T x[]; };
layout(set = 0, binding = 2, std430) readonly buffer J { int j[]; };
layout(set = 0, binding = 3, std430) writeonly buffer O { T o[]; };

void main()
{
	uint i = tuff_gid(), inner = uint(D(1)), q, at;
	int k, n = D(3);
	T v = T(0u);

	if (i >= uint(D(0)))
		return;
	q = i / inner;
	at = i % inner;
	k = j[q % uint(D(2))];
	k += k < 0 ? n : 0;
	if (PART != 0 && k >= 0 && k < n) {
		k -= D(4);
		n = D(5);
		if (PART == 2 && (k < 0 || k >= n))
			return;
	} else if (PART == 2) {
		return;
	}
	if (k >= 0 && k < n)
		v = x[(q / uint(D(2)) * uint(n) + uint(k)) * inner + at];
	o[i] = v;
}
