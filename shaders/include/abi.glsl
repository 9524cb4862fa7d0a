// SPDX-License-Identifier: MIT
// What every kernel starts with (compiler/launch.h): the dims block and the
// flat index of launch_grid1(). Storage buffers are at bindings 1..4.
#ifndef TUFF_ABI_GLSL
#define TUFF_ABI_GLSL

// declare the local size before this: gl_WorkGroupSize is a constant of what was seen
layout(set = 0, binding = 0, std140) uniform Dims { ivec4 d[16]; };

// word i of the dims block (i a constant: lavapipe then loads it once)
#define D(i) d[(i) >> 2][(i) & 3]
#define DF(i) intBitsToFloat(D(i))

// index of this group, of this invocation in a one-dimensional launch
uint tuff_group() { return gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x; }
// (a macro: in a function here gl_WorkGroupSize would still be 1, its layout comes later)
#define tuff_gid() (tuff_group() * gl_WorkGroupSize.x + gl_LocalInvocationID.x)

// ones for the lanes of vec4 number c4 that are channels, zeros for padding
vec4 tuff_lanes(int c4, int channels) { return vec4(lessThan(ivec4(0, 1, 2, 3) + 4 * c4, ivec4(channels))); }

#endif
