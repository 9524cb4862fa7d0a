// SPDX-License-Identifier: MIT
// Matrix product, any sizes.
#version 450
#extension GL_GOOGLE_include_directive : require
#define P 8
#define C 2
#define LOCAL 16
#include "gemm.glsl"
