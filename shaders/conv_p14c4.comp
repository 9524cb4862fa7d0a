// SPDX-License-Identifier: MIT
// Convolution, large tile for lavapipe: loads cost there, not registers.
#version 450
#extension GL_GOOGLE_include_directive : require
#define P 14
#define C 4
#define LOCAL 8
#include "conv.glsl"
