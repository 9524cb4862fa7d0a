// SPDX-License-Identifier: MIT
// Convolution for GPUs: 64 pixels by 64 channels a group.
#version 450
#extension GL_GOOGLE_include_directive : require
#define PT 8
#define CT 2
#include "convs.glsl"
