// SPDX-License-Identifier: MIT
/*
 * Elementary functions to about 1e-6 relative. Vulkan promises little: sin and
 * cos 2^-11 absolute, atan 4096 ULP, pow of a negative base nothing, and a
 * driver may assume that there are no NaNs. So: polynomials after an exact
 * range reduction, scaling and tests on bits. Polynomials in Horner form with
 * coefficients in the manner of Cephes and of N. Juffa's published fits.
 */
#ifndef TUFF_MATH_GLSL
#define TUFF_MATH_GLSL

#define TUFF_INF uintBitsToFloat(0x7f800000u)
#define TUFF_NAN uintBitsToFloat(0x7fc00000u)

bool tuff_isnan(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u; }
bool tuff_isinf(float x) { return (floatBitsToUint(x) & 0x7fffffffu) == 0x7f800000u; }
bool tuff_neg(float x) { return (floatBitsToUint(x) >> 31) != 0u; }
float tuff_copysign(float x, float s)
{
	return uintBitsToFloat((floatBitsToUint(x) & 0x7fffffffu) | (floatBitsToUint(s) & 0x80000000u));
}

/* x * 2^n for n in [-250, 250]: two factors, so that neither leaves the range */
float tuff_ldexp(float x, int n)
{
	int h = n >> 1;

	return x * intBitsToFloat((h + 127) << 23) * intBitsToFloat((n - h + 127) << 23);
}

/* min and max that carry a NaN on, as numpy's do */
float tuff_max(float a, float b) { return tuff_isnan(a) ? a : (tuff_isnan(b) || b > a ? b : a); }
float tuff_min(float a, float b) { return tuff_isnan(a) ? a : (tuff_isnan(b) || b < a ? b : a); }
float tuff_sign(float x) { return x > 0.0 ? 1.0 : (x < 0.0 ? -1.0 : x); }

/* exp(r) - 1 - r for |r| <= ln(2) / 2 */
float tuff_exp_tail(float r)
{
	float p = 1.9875691500e-4;

	p = p * r + 1.3981999507e-3;
	p = p * r + 8.3334519073e-3;
	p = p * r + 4.1665795894e-2;
	p = p * r + 1.6666665459e-1;
	p = p * r + 5.0000001201e-1;
	return p * r * r;
}

float tuff_exp(float x)
{
	float c = clamp(x, -104.0, 89.0), n = floor(c * 1.44269504088896341 + 0.5);
	precise float r = c - n * 0.693359375;

	if (tuff_isnan(x))
		return x;
	r = r + n * 2.12194440e-4;
	return tuff_ldexp(tuff_exp_tail(r) + r + 1.0, int(n));
}

float tuff_expm1(float x)
{
	return abs(x) < 0.34 ? tuff_exp_tail(x) + x : tuff_exp(x) - 1.0;
}

float tuff_log(float x)
{
	uint b;
	int e = 0;
	float m, p, z;
	precise float y;

	if (tuff_isnan(x) || (floatBitsToUint(x) == 0x7f800000u))
		return x;
	if (x <= 0.0)
		return x == 0.0 ? -TUFF_INF : TUFF_NAN;
	if (x < 1.17549435e-38) {
		x *= 8388608.0;
		e = -23;
	}
	b = floatBitsToUint(x);
	e += int(b >> 23) - 126;
	m = uintBitsToFloat((b & 0x7fffffu) | 0x3f000000u);	/* [0.5, 1) */
	if (m < 0.707106781186547524) {
		e -= 1;
		m = m + m - 1.0;
	} else {
		m = m - 1.0;
	}
	z = m * m;
	p = 7.0376836292e-2;
	p = p * m - 1.1514610310e-1;
	p = p * m + 1.1676998740e-1;
	p = p * m - 1.2420140846e-1;
	p = p * m + 1.4249322787e-1;
	p = p * m - 1.6668057665e-1;
	p = p * m + 2.0000714765e-1;
	p = p * m - 2.4999993993e-1;
	p = p * m + 3.3333331174e-1;
	y = m * z * p;
	y = y - float(e) * 2.12194440e-4;
	y = y - 0.5 * z;
	y = m + y;
	return y + float(e) * 0.693359375;
}

float tuff_log1p(float x)
{
	precise float u = 1.0 + x;
	precise float d = u - 1.0;

	if (d == 0.0)
		return x;
	return tuff_isinf(u) ? u : tuff_log(u) * (x / d);
}

/* remainder of x by pi/2 in [-pi/4, pi/4]; q = quadrant, modulo 4 */
float tuff_trig_reduce(float x, out int q)
{
	float a = abs(x);
	precise float r;

	if (a < 2048.0) {
		float n = floor(x * 0.636619772367581343 + 0.5);

		/* pi/2 in parts of few bits: n times a part is exact */
		r = x - n * 1.5703125;
		r = r - n * 4.8351287841796875e-4;
		r = r - n * 3.1385570764541626e-7;
		r = r - n * 6.0771005065061922e-11;
		q = int(n) & 3;
		return r;
	} else {
		/* 2/pi to 192 bits times the mantissa, modulo 4 (Payne, Hanek) */
		const uint t[6] = uint[6](0x28be60dbu, 0x9391054au, 0x7f09d5f4u, 0x7d4d3770u, 0x36d8a566u, 0x4f10e410u);
		uint b = floatBitsToUint(a), m = (b << 8) | 0x80000000u;
		int e = int(b >> 23) - 126, i = e >> 5, s = e & 31;
		uint hi = i > 0 ? t[i - 1] : 0u, mid = t[i], lo = t[i + 1], nx = t[min(i + 2, 5)], ph, pl, th, tl, c;

		if (b >= 0x7f800000u) {
			q = 0;
			return TUFF_NAN;
		}
		if (s != 0) {
			hi = (hi << s) | (mid >> (32 - s));
			mid = (mid << s) | (lo >> (32 - s));
			lo = (lo << s) | (nx >> (32 - s));
		}
		umulExtended(m, lo, ph, pl);
		umulExtended(m, mid, th, tl);
		pl = uaddCarry(tl, ph, c);
		ph = th + c + m * hi;
		q = int(ph >> 30);
		ph &= 0x3fffffffu;
		if ((ph & 0x20000000u) != 0u) {
			ph -= 0x40000000u;
			q++;
		}
		r = (float(int(ph)) + float(pl) * 2.3283064365386963e-10) * 1.4629180792671596e-9;
		if (x < 0.0) {
			r = -r;
			q = -q;
		}
		q &= 3;
		return r;
	}
}

float tuff_sin_poly(float r)
{
	float z = r * r;

	return ((-1.9515295891e-4 * z + 8.3321608736e-3) * z - 1.6666654611e-1) * z * r + r;
}

float tuff_cos_poly(float r)
{
	float z = r * r;

	return ((2.443315711809948e-5 * z - 1.388731625493765e-3) * z + 4.166664568298827e-2) * z * z - 0.5 * z + 1.0;
}

float tuff_sin(float x)
{
	int q;
	float r = tuff_trig_reduce(x, q), y = (q & 1) != 0 ? tuff_cos_poly(r) : tuff_sin_poly(r);

	return (q & 2) != 0 ? -y : y;
}

float tuff_cos(float x)
{
	int q;
	float r = tuff_trig_reduce(x, q), y = (q & 1) != 0 ? tuff_sin_poly(r) : tuff_cos_poly(r);

	return ((q + 1) & 2) != 0 ? -y : y;
}

float tuff_tan(float x)
{
	int q;
	float r = tuff_trig_reduce(x, q), s = tuff_sin_poly(r), c = tuff_cos_poly(r);

	return (q & 1) != 0 ? -c / s : s / c;
}

float tuff_atan(float x)
{
	float a = abs(x), y = 0.0, z;

	if (tuff_isnan(x))
		return x;
	if (a > 2.414213562373095) {
		y = 1.5707963267948966;
		a = -1.0 / a;
	} else if (a > 0.4142135623730950) {
		y = 0.7853981633974483;
		a = (a - 1.0) / (a + 1.0);
	}
	z = a * a;
	y += (((8.05374449538e-2 * z - 1.38776856032e-1) * z + 1.99777106478e-1) * z - 3.33329491539e-1) * z * a + a;
	return tuff_copysign(y, x);
}

/* asin for 0 <= a <= 0.5 */
float tuff_asin_poly(float a)
{
	float z = a * a;

	return ((((4.2163199048e-2 * z + 2.4181311049e-2) * z + 4.5470025998e-2) * z + 7.4953002686e-2) * z +
		1.6666752422e-1) * z * a + a;
}

float tuff_asin(float x)
{
	float a = abs(x), y;

	if (!(a <= 1.0))
		return TUFF_NAN;
	y = a > 0.5 ? 1.5707963267948966 - 2.0 * tuff_asin_poly(sqrt(0.5 * (1.0 - a))) : tuff_asin_poly(a);
	return tuff_copysign(y, x);
}

float tuff_acos(float x)
{
	float a = abs(x), y;

	if (!(a <= 1.0))
		return TUFF_NAN;
	if (a <= 0.5)
		return 1.5707963267948966 - tuff_copysign(tuff_asin_poly(a), x);
	y = 2.0 * tuff_asin_poly(sqrt(0.5 * (1.0 - a)));
	return x < 0.0 ? 3.141592653589793 - y : y;
}

float tuff_sinh(float x)
{
	float a = abs(x), z = x * x, e;

	if (tuff_isnan(x))
		return x;
	if (a < 1.0)
		return ((2.03721912945e-4 * z + 8.33028376239e-3) * z + 1.66667160211e-1) * z * x + x;
	e = tuff_exp(a > 9.0 ? 0.5 * a : a);
	return tuff_copysign(a > 9.0 ? 0.5 * e * e : 0.5 * (e - 1.0 / e), x);
}

float tuff_cosh(float x)
{
	float a = abs(x), e = tuff_exp(a > 9.0 ? 0.5 * a : a);

	return a > 9.0 ? 0.5 * e * e : 0.5 * (e + 1.0 / e);
}

float tuff_tanh(float x)
{
	float a = abs(x), z = x * x;

	if (tuff_isnan(x))
		return x;
	if (a < 0.625)
		return ((((-5.70498872745e-3 * z + 2.06390887954e-2) * z - 5.37397155531e-2) * z + 1.33314422036e-1) * z -
			3.33332819422e-1) * z * x + x;
	return tuff_copysign(a > 9.1 ? 1.0 : 1.0 - 2.0 / (tuff_exp(2.0 * a) + 1.0), x);
}

float tuff_asinh(float x)
{
	float a = abs(x), y;

	if (tuff_isnan(x))
		return x;
	if (a > 1e8)
		y = tuff_log(a) + 0.693147180559945;
	else
		y = tuff_log1p(a + a * a / (sqrt(a * a + 1.0) + 1.0));
	return tuff_copysign(y, x);
}

float tuff_acosh(float x)
{
	float t = x - 1.0;

	if (!(x >= 1.0))
		return TUFF_NAN;
	return x > 1e8 ? tuff_log(x) + 0.693147180559945 : tuff_log1p(t + sqrt(2.0 * t + t * t));
}

float tuff_atanh(float x)
{
	float a = abs(x);

	if (!(a <= 1.0))
		return TUFF_NAN;
	return tuff_copysign(a == 1.0 ? TUFF_INF : 0.5 * tuff_log1p(2.0 * a / (1.0 - a)), x);
}

float tuff_erf(float x)
{
	float t = min(abs(x), 4.5), s = t * t, r, u;

	if (tuff_isnan(x))
		return x;
	if (t > 0.927734375) {
		r = -1.72853470e-5 * t + 3.83197126e-4;
		u = -3.88396438e-3 * t + 2.42546219e-2;
		r = r * s + u;
		r = r * t - 1.06777877e-1;
		r = r * t - 6.34846687e-1;
		r = r * t - 1.28717512e-1;
		r = r * t - t;
		return tuff_copysign(1.0 - tuff_exp(r), x);
	}
	r = -5.96761703e-4;
	r = r * s + 4.99119423e-3;
	r = r * s - 2.67681349e-2;
	r = r * s + 1.12819925e-1;
	r = r * s - 3.76125336e-1;
	r = r * s + 1.28379166e-1;
	return r * x + x;
}

/* a * b = hi + lo exactly (Dekker); |a|, |b| < 2^115 */
void tuff_two_prod(float a, float b, out float hi, out float lo)
{
	precise float p = a * b;
	precise float ca = a * 4097.0, cb = b * 4097.0;
	precise float ah = ca - (ca - a), bh = cb - (cb - b);
	precise float al = a - ah, bl = b - bh;
	precise float e = ah * bh - p;

	e = e + ah * bl;
	e = e + al * bh;
	lo = e + al * bl;
	hi = p;
}

/* log2 of a normal x > 0 as hi + lo, about 2^-40 relative */
void tuff_log2_ext(float x, out float hi, out float lo)
{
	uint b = floatBitsToUint(x);
	int e = int(b >> 23) - 127;
	float m = uintBitsToFloat((b & 0x7fffffu) | 0x3f800000u), ph, pl, t, z, k, qh, ql;

	if (m > 1.41421356) {
		m *= 0.5;
		e += 1;
	}
	precise float f = m - 1.0;
	precise float g = m + 1.0;
	precise float gl = m - (g - 1.0);
	precise float s = f / g;

	tuff_two_prod(s, g, ph, pl);
	precise float sl = (((f - ph) - pl) - s * gl) / g;

	z = s * s;
	t = ((((0.18181818 * z + 0.22222222) * z + 0.28571429) * z + 0.4) * z + 0.66666667) * z * s;
	/* log m = 2 s + (2 sl + t); times log2(e) = c + d */
	precise float lh = 2.0 * s + (2.0 * sl + t);
	precise float ll = (2.0 * s - lh) + (2.0 * sl + t);

	tuff_two_prod(lh, 1.4426950216293335, qh, ql);
	ql += ll * 1.4426950216293335 + lh * 1.9259629911266175e-8;
	k = float(e);
	precise float h = k + qh;
	precise float l = abs(k) > abs(qh) ? (k - h) + qh : (qh - h) + k;

	hi = h;
	lo = l + ql;
}

float tuff_pow(float x, float y)
{
	float a = abs(x), lh, ll, ph, pl, n, r, v, c = clamp(y, -1e10, 1e10), e = 0.0;
	bool whole = floor(y) == y, odd = whole && abs(y) < 16777216.0 && (int(y) & 1) != 0;
	float sign = x < 0.0 && odd ? -1.0 : 1.0;

	if (y == 0.0 || x == 1.0)
		return 1.0;
	if (tuff_isnan(x) || tuff_isnan(y))
		return TUFF_NAN;
	if (a == 0.0)
		return y > 0.0 ? (odd ? x : 0.0) : (odd ? tuff_copysign(TUFF_INF, x) : TUFF_INF);
	if (tuff_isinf(x))
		return y > 0.0 ? (sign < 0.0 ? -TUFF_INF : TUFF_INF) : 0.0 * sign;
	if (tuff_isinf(y))
		return a == 1.0 ? 1.0 : ((a > 1.0) == (y > 0.0) ? TUFF_INF : 0.0);
	if (x < 0.0 && !whole)
		return TUFF_NAN;
	if (a < 1.17549435e-38) {
		a *= 16777216.0;
		e = -24.0;
	}
	tuff_log2_ext(a, lh, ll);
	lh += e;
	tuff_two_prod(c, lh, ph, pl);
	pl += c * ll;
	if (ph > 130.0)
		return sign * TUFF_INF;
	if (ph < -152.0)
		return 0.0 * sign;
	n = floor(ph + 0.5);
	precise float f = (ph - n) + pl;

	r = f * 0.693147180559945;
	v = tuff_ldexp(tuff_exp_tail(r) + r + 1.0, int(n));
	return sign * v;
}

/* C's fmod: the sign of x */
float tuff_fmod(float x, float y)
{
	float b = abs(y), q, hi, lo;

	if (tuff_isnan(x) || tuff_isnan(y) || tuff_isinf(x) || b == 0.0)
		return TUFF_NAN;
	if (tuff_isinf(y))
		return x;
	q = trunc(abs(x) / b);
	tuff_two_prod(q, b, hi, lo);
	precise float r = (abs(x) - hi) - lo;

	if (r < 0.0)
		r += b;
	if (r >= b)
		r -= b;
	return tuff_copysign(r, x);
}

/* the sign of y */
float tuff_mod(float x, float y)
{
	float r = tuff_fmod(x, y);

	return r != 0.0 && (r < 0.0) != (y < 0.0) ? r + y : r;
}

/* Vulkan leaves % of negative operands undefined */
int tuff_irem(int a, int b)
{
	uint r;

	if (b == 0)
		return 0;
	r = uint(abs(a)) % uint(abs(b));
	return a < 0 ? -int(r) : int(r);
}

int tuff_imod(int a, int b)
{
	int r = tuff_irem(a, b);

	return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

int tuff_ipow(int a, int n)
{
	int r = 1;

	if (n < 0)
		return a == 1 ? 1 : (a == -1 ? ((n & 1) != 0 ? -1 : 1) : 0);
	for (int i = 0; i < 31 && n != 0; i++, n >>= 1) {
		r *= (n & 1) != 0 ? a : 1;
		a *= a;
	}
	return r;
}

float tuff_sigmoid(float x)
{
	float e = tuff_exp(-abs(x));

	return (x < 0.0 ? e : 1.0) / (1.0 + e);
}

float tuff_softplus(float x)
{
	return (x > 0.0 ? x : 0.0) + tuff_log1p(tuff_exp(-abs(x)));
}

float tuff_gelu(float x) { return 0.5 * x * (1.0 + tuff_erf(x * 0.70710678118654752)); }
float tuff_gelu_tanh(float x)
{
	return 0.5 * x * (1.0 + tuff_tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
}
float tuff_mish(float x) { return x * tuff_tanh(tuff_softplus(x)); }

#endif
