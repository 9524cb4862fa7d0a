#version 450
// SPDX-License-Identifier: MIT
/*
 * What the gates of an LSTM, GRU or RNN get from its input, for every time at
 * once: G[s,n,d,k] = B[d,k] + B[d,GH+k] + W[d,k,:] . X[s,n,:]; GH = gates times
 * units. d: 0 count, 1 GH, 2 directions, 3 input size, 4 gate rows from here on
 * get B[d,GH+k] later.
 */
#extension GL_GOOGLE_include_directive : require
layout(local_size_x = 128) in;
#include "abi.glsl"

layout(constant_id = 0) const int BIAS = 1;
layout(set = 0, binding = 1, std430) readonly buffer X { float x[]; };
layout(set = 0, binding = 2, std430) readonly buffer W { float w[]; };
layout(set = 0, binding = 3, std430) readonly buffer B { float b[]; };
layout(set = 0, binding = 4, std430) writeonly buffer G { float g[]; };

void main()
{
	uint i = tuff_gid(), GH = uint(D(1)), n = uint(D(3)), k, dir, at, row;
	float sum = 0.0;

	if (i >= uint(D(0)))
		return;
	k = i % GH;
	dir = i / GH % uint(D(2));
	at = i / GH / uint(D(2)) * n;
	row = (dir * GH + k) * n;
	if (BIAS != 0)
		sum = b[dir * 2u * GH + k] + (k < uint(D(4)) ? b[dir * 2u * GH + GH + k] : 0.0);
	for (uint j = 0u; j < n; j++)
		sum += w[row + j] * x[at + j];
	g[i] = sum;
}
