#version 450
// SPDX-License-Identifier: MIT
/* [N,C,S] to [N,S,Cp]: one invocation, four channels of one place; S runs fastest. */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "abi.glsl"

layout(set = 0, binding = 1, std430) readonly buffer X { uint x[]; };
layout(set = 0, binding = 2, std430) writeonly buffer O { uvec4 o[]; };

void main()	/* d: 0 count, 1 C, 2 S, 3 Cp / 4 */
{
	uint i = tuff_gid(), S = uint(d[0].z), C4 = uint(d[0].w), C = uint(d[0].y);
	uint s, c, n, at;
	uvec4 v = uvec4(0u);

	if (i >= uint(d[0].x))
		return;
	s = i % S;
	i /= S;
	c = i % C4;
	n = i / C4;
	at = (n * C + 4u * c) * S + s;
	v.x = x[at];
	if (4u * c + 1u < C)
		v.y = x[at + S];
	if (4u * c + 2u < C)
		v.z = x[at + 2u * S];
	if (4u * c + 3u < C)
		v.w = x[at + 3u * S];
	o[(n * S + s) * C4 + c] = v;
}
