// SPDX-License-Identifier: MIT
/*
 * Elementwise operations on rows of float32, as loops that vectorise: no calls
 * and no branches where time goes (exp and what is made of it, erf), libm for
 * the rest. exp, erf: Cephes (S. Moshier), within 2 ulp of libm.
 */
#include <math.h>
#include <string.h>

#include "userspace/cpu/fast/clones.h"
#include "userspace/cpu/fast/ew.h"

#define INLINE static inline __attribute__((always_inline))

INLINE float bits(int32_t i)
{
	float f;

	memcpy(&f, &i, 4);
	return f;
}

INLINE float vexp(float x)
{
	const float magic = 12582912.0f;	/* 1.5 * 2^23: adding it rounds to an integer */
	float c = x > 89.0f ? 89.0f : x < -104.0f ? -104.0f : x;	/* keeps NaN */
	float t = c * 1.44269504088896341f + magic, n = t - magic, r, p;
	int32_t k, h;

	r = c - n * 0.693359375f;
	r = r + n * 2.12194440e-4f;
	p = 1.9875691500e-4f;
	p = p * r + 1.3981999507e-3f;
	p = p * r + 8.3334519073e-3f;
	p = p * r + 4.1665795894e-2f;
	p = p * r + 1.6666665459e-1f;
	p = p * r + 5.0000001201e-1f;
	p = p * r * r + r + 1;
	memcpy(&k, &t, 4);
	k = (int32_t)((uint32_t)k - 0x4b400000u);
	k = k > 200 || k < -200 ? 0 : k;	/* NaN */
	h = k >> 1;		/* in two steps: the ends of the range are not powers of two */
	return p * bits((h + 127) << 23) * bits((k - h + 127) << 23);
}

INLINE float vtanh(float x)
{
	float a = fabsf(x), z = x * x, e, big, small;

	e = vexp(2 * (a > 20 ? 20 : a));
	big = 1 - 2 / (e + 1);
	big = x < 0 ? -big : big;
	small = -5.70498872745e-3f;
	small = small * z + 2.06390887954e-2f;
	small = small * z - 5.37397155531e-2f;
	small = small * z + 1.33314422036e-1f;
	small = small * z - 3.33332819422e-1f;
	small = small * z * x + x;
	return x != x ? x : a < 0.625f ? small : big;
}

INLINE float vsigmoid(float x)
{
	return 1 / (1 + vexp(-x));
}

INLINE float verf(float x)
{
	float a = fabsf(x), z = x * x, in, q, y, p, r, out;

	in = 7.853861353153693e-5f;
	in = in * z - 8.010193625184903e-4f;
	in = in * z + 5.188327685732524e-3f;
	in = in * z - 2.685381193529856e-2f;
	in = in * z + 1.128358514861418e-1f;
	in = in * z - 3.761262582423300e-1f;
	in = in * z + 1.128379165726710f;
	in *= x;
	a = a > 10 ? 10 : a < 1 ? 1 : a;
	q = 1 / a;
	y = q * q;
	p = 2.326819970068386e-2f;
	p = p * y - 1.387039388740657e-1f;
	p = p * y + 3.687424674597105e-1f;
	p = p * y - 5.824733027278666e-1f;
	p = p * y + 6.210004621745983e-1f;
	p = p * y - 4.944515323274145e-1f;
	p = p * y + 3.404879937665872e-1f;
	p = p * y - 2.741127028184656e-1f;
	p = p * y + 5.638259427472472e-1f;
	r = -1.047766399936249e+1f;
	r = r * y + 1.297719955372516e+1f;
	r = r * y - 7.495518717768503f;
	r = r * y + 2.921019019210786f;
	r = r * y - 1.015265279202700f;
	r = r * y + 4.218463358204948e-1f;
	r = r * y - 2.820767439740514e-1f;
	r = r * y + 5.641895067754075e-1f;
	out = 1 - vexp(-a * a) * q * (a < 2 ? p : r);
	out = x < 0 ? -out : out;
	return x != x ? x : fabsf(x) < 1 ? in : out;
}

INLINE float vclip(float x, float lo, float hi)
{
	x = x < lo ? lo : x;
	return x > hi ? hi : x;
}

INLINE float vgelu_tanh(float x)
{
	return 0.5f * x * (1 + vtanh(0.7978845608f * (x + 0.044715f * x * x * x)));
}

CPU_CLONES
void ew_exp(float *o, const float *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		o[i] = vexp(x[i]);
}

#define LOOP(expr) for (int64_t i = 0; i < n; i++) { float x = a[i]; o[i] = expr; } return true
#define LOOP2(expr) for (int64_t i = 0; i < n; i++) { float x = a[i], y = b[i]; o[i] = expr; } return true

CPU_CLONES
static bool quick(int op, float p0, float p1, const float *a, const float *b, float *o, int64_t n)
{
	switch (op) {
	case TUFF_EW_ADD: LOOP2(x + y);
	case TUFF_EW_SUB: LOOP2(x - y);
	case TUFF_EW_MUL: LOOP2(x * y);
	case TUFF_EW_DIV: LOOP2(x / y);
	case TUFF_EW_MIN: LOOP2(x != x || x < y ? x : y);
	case TUFF_EW_MAX: LOOP2(x != x || x > y ? x : y);
	case TUFF_EW_NEG: LOOP(-x);
	case TUFF_EW_ABS: LOOP(fabsf(x));
	case TUFF_EW_SQRT: LOOP(sqrtf(x));
	case TUFF_EW_RECIP: LOOP(1 / x);
	case TUFF_EW_RSQRT: LOOP(1 / sqrtf(x));
	case TUFF_EW_EXP: LOOP(vexp(x));
	case TUFF_EW_TANH: LOOP(vtanh(x));
	case TUFF_EW_ERF: LOOP(verf(x));
	case TUFF_EW_RELU: LOOP(x > 0 || x != x ? x : 0);
	case TUFF_EW_SIGMOID: LOOP(vsigmoid(x));
	case TUFF_EW_SOFTSIGN: LOOP(x / (1 + fabsf(x)));
	case TUFF_EW_LEAKY: LOOP(x < 0 ? x * p0 : x);
	case TUFF_EW_CLIP: LOOP(vclip(x, p0, p1));
	case TUFF_EW_HARDSIGMOID: LOOP(vclip(p0 * x + p1, 0, 1));
	case TUFF_EW_HARDSWISH: LOOP(x * vclip(x * (1.0f / 6) + 0.5f, 0, 1));
	case TUFF_EW_THRESHOLD: LOOP(x > p0 ? x : 0);
	case TUFF_EW_SWISH: LOOP(x * vsigmoid(x));
	case TUFF_EW_GELU:
		if (p0) {
			LOOP(vgelu_tanh(x));
		}
		LOOP(0.5f * x * (1 + verf(x * 0.70710678f)));
	case TUFF_EW_IDENTITY: LOOP(x);
	}
	return false;
}

static float softplus(float x)
{
	return x > 0 ? x + log1pf(expf(-x)) : log1pf(expf(x));
}

bool ew_float(int op, float p0, float p1, const float *a, const float *b, float *o, int64_t n)
{
	if (quick(op, p0, p1, a, b, o, n))
		return true;
	switch (op) {
	case TUFF_EW_POW: LOOP2(y == 2 ? x * x : y == 0.5f ? sqrtf(x) : powf(x, y));
	case TUFF_EW_MOD: LOOP2(x - y * floorf(x / y));
	case TUFF_EW_FMOD: LOOP2(fmodf(x, y));
	case TUFF_EW_SIGN: LOOP((x > 0) - (x < 0));
	case TUFF_EW_LOG: LOOP(logf(x));
	case TUFF_EW_SIN: LOOP(sinf(x));
	case TUFF_EW_COS: LOOP(cosf(x));
	case TUFF_EW_TAN: LOOP(tanf(x));
	case TUFF_EW_ASIN: LOOP(asinf(x));
	case TUFF_EW_ACOS: LOOP(acosf(x));
	case TUFF_EW_ATAN: LOOP(atanf(x));
	case TUFF_EW_SINH: LOOP(sinhf(x));
	case TUFF_EW_COSH: LOOP(coshf(x));
	case TUFF_EW_ASINH: LOOP(asinhf(x));
	case TUFF_EW_ACOSH: LOOP(acoshf(x));
	case TUFF_EW_ATANH: LOOP(atanhf(x));
	case TUFF_EW_FLOOR: LOOP(floorf(x));
	case TUFF_EW_CEIL: LOOP(ceilf(x));
	case TUFF_EW_ROUND: LOOP(nearbyintf(x));
	case TUFF_EW_SOFTPLUS: LOOP(softplus(x));
	case TUFF_EW_ELU: LOOP(x < 0 ? p0 * expm1f(x) : x);
	case TUFF_EW_SELU: LOOP(p1 * (x > 0 ? x : p0 * expm1f(x)));
	case TUFF_EW_CELU: LOOP(x > 0 ? x : p0 * expm1f(x / p0));
	case TUFF_EW_MISH: LOOP(x * tanhf(softplus(x)));
	}
	return false;
}
