#version 450
// SPDX-License-Identifier: MIT
#extension GL_GOOGLE_include_directive : require
#define VEC4
#define T vec4
#include "affine.glsl"
