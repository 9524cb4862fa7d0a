#version 450
// SPDX-License-Identifier: MIT
/* [N,S,Cp] to [N,C,S]: one invocation, four channels of one place; S runs fastest. */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "abi.glsl"

layout(set = 0, binding = 1, std430) readonly buffer X { uvec4 x[]; };
layout(set = 0, binding = 2, std430) writeonly buffer O { uint o[]; };

void main()	/* d: 0 count, 1 C, 2 S, 3 Cp / 4 */
{
	uint i = tuff_gid(), S = uint(d[0].z), C4 = uint(d[0].w), C = uint(d[0].y);
	uint s, c, n, at;
	uvec4 v;

	if (i >= uint(d[0].x))
		return;
	s = i % S;
	i /= S;
	c = i % C4;
	n = i / C4;
	v = x[(n * S + s) * C4 + c];
	at = (n * C + 4u * c) * S + s;
	o[at] = v.x;
	if (4u * c + 1u < C)
		o[at + S] = v.y;
	if (4u * c + 2u < C)
		o[at + 2u * S] = v.z;
	if (4u * c + 3u < C)
		o[at + 3u * S] = v.w;
}
