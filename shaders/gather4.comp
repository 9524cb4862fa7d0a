#version 450
// SPDX-License-Identifier: MIT
#extension GL_GOOGLE_include_directive : require
#define VEC4
#define T uvec4
#include "gather.glsl"
