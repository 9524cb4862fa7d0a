// SPDX-License-Identifier: MIT
// Activations of the epilogue, by enum tuff_ew (program/program.h) in the
// specialisation constant 0; -1 = none. compiler/lower_conv.c checks the numbers.
#ifndef TUFF_ACT_GLSL
#define TUFF_ACT_GLSL

#include "math.glsl"

layout(constant_id = 0) const int ACT = -1;

#define EW_NEG 19
#define EW_ABS 20
#define EW_EXP 22
#define EW_LOG 23
#define EW_SQRT 24
#define EW_TANH 35
#define EW_ERF 39
#define EW_RELU 43
#define EW_SIGMOID 44
#define EW_SOFTPLUS 45
#define EW_SOFTSIGN 46
#define EW_LEAKY 47
#define EW_ELU 48
#define EW_SELU 49
#define EW_CELU 50
#define EW_CLIP 51
#define EW_HARDSIGMOID 52
#define EW_HARDSWISH 53
#define EW_THRESHOLD 54
#define EW_GELU 55
#define EW_MISH 56
#define EW_SWISH 62

#define TUFF_VEC4(f) vec4 f(vec4 v) { return vec4(f(v.x), f(v.y), f(v.z), f(v.w)); }
TUFF_VEC4(tuff_exp) TUFF_VEC4(tuff_expm1) TUFF_VEC4(tuff_log) TUFF_VEC4(tuff_tanh) TUFF_VEC4(tuff_erf)
TUFF_VEC4(tuff_sigmoid) TUFF_VEC4(tuff_softplus) TUFF_VEC4(tuff_gelu) TUFF_VEC4(tuff_gelu_tanh) TUFF_VEC4(tuff_mish)

vec4 tuff_act(vec4 v, float p0, float p1)
{
	switch (ACT) {
	case EW_NEG: return -v;
	case EW_ABS: return abs(v);
	case EW_EXP: return tuff_exp(v);
	case EW_LOG: return tuff_log(v);
	case EW_SQRT: return sqrt(v);
	case EW_TANH: return tuff_tanh(v);
	case EW_ERF: return tuff_erf(v);
	case EW_RELU: return max(v, vec4(0.0));
	case EW_SIGMOID: return tuff_sigmoid(v);
	case EW_SOFTPLUS: return tuff_softplus(v);
	case EW_SOFTSIGN: return v / (1.0 + abs(v));
	case EW_LEAKY: return mix(v, p0 * v, lessThan(v, vec4(0.0)));
	case EW_ELU: return mix(v, p0 * tuff_expm1(min(v, vec4(0.0))), lessThan(v, vec4(0.0)));
	case EW_SELU: return p1 * mix(v, p0 * tuff_expm1(min(v, vec4(0.0))), lessThan(v, vec4(0.0)));
	case EW_CELU: return max(v, vec4(0.0)) + min(p0 * tuff_expm1(min(v, vec4(0.0)) / p0), vec4(0.0));
	case EW_CLIP: return min(max(v, vec4(p0)), vec4(p1));
	case EW_HARDSIGMOID: return clamp(p0 * v + p1, vec4(0.0), vec4(1.0));
	case EW_HARDSWISH: return v * clamp(v / 6.0 + 0.5, vec4(0.0), vec4(1.0));
	case EW_THRESHOLD: return mix(vec4(0.0), v, greaterThan(v, vec4(p0)));
	case EW_GELU: return p0 == 0.0 ? tuff_gelu(v) : tuff_gelu_tanh(v);
	case EW_MISH: return tuff_mish(v);
	case EW_SWISH: return v * tuff_sigmoid(v);
	}
	return v;
}

#endif
