// SPDX-License-Identifier: MIT
// Convolution, tile for few pixels (lavapipe) and for SwiftShader.
#version 450
#extension GL_GOOGLE_include_directive : require
#define P 7
#define C 2
#define LOCAL 8
#include "conv.glsl"
