// SPDX-License-Identifier: MIT
/* What every hand-written kernel of this family shares: dims block, flat index. */
#ifndef TUFF_DIMS_GLSL
#define TUFF_DIMS_GLSL

layout(set = 0, binding = 0, std140) uniform Dims { ivec4 d[16]; };

int D(int i) { return d[i >> 2][i & 3]; }
/* launch_grid1(): y continues x */
uint group1() { return gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x; }
uint flat1() { return group1() * gl_WorkGroupSize.x + gl_LocalInvocationID.x; }

#endif
