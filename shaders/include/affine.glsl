// SPDX-License-Identifier: MIT
/*
 * act(x * s[c] + b[c]): batch normalisation. p: Cp scales, then Cp shifts.
 * d: 0 count, 1 channels as stored (in T), 2 elements between channels, 3 C,
 * 4 and 5 parameters of the activation, 6 Cp.
 */
layout(local_size_x = 128) in;
#include "abi.glsl"
#include "act.glsl"

layout(set = 0, binding = 1, std430) readonly buffer X { T x[]; };
layout(set = 0, binding = 2, std430) readonly buffer P { float p[]; };
layout(set = 0, binding = 3, std430) writeonly buffer O { T o[]; };

void main()
{
	uint i = tuff_gid(), c;

	if (i >= uint(D(0)))
		return;
	c = i / uint(D(2)) % uint(D(1));
#ifdef VEC4
	{
		uint k = 4u * c, b = uint(D(6)) + k;

		o[i] = tuff_act(x[i] * vec4(p[k], p[k + 1u], p[k + 2u], p[k + 3u]) + vec4(p[b], p[b + 1u], p[b + 2u], p[b + 3u]),
				DF(4), DF(5)) * tuff_lanes(int(c), D(3));
	}
#else
	o[i] = tuff_act(vec4(x[i] * p[c] + p[uint(D(6)) + c]), DF(4), DF(5)).x;
#endif
}
