// SPDX-License-Identifier: MIT
// Convolution for GPUs, few pixels: 16 by 32 channels a group.
#version 450
#extension GL_GOOGLE_include_directive : require
#define PT 2
#define CT 1
#include "convs.glsl"
