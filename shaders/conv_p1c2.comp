// SPDX-License-Identifier: MIT
// One row: matrix-vector products, convolutions of one pixel.
#version 450
#extension GL_GOOGLE_include_directive : require
#define P 1
#define C 2
#define LOCAL 8
#include "conv.glsl"
