// SPDX-License-Identifier: MIT
/*
 * One result for each point of the kept box, over the reduced box (or one
 * chunk of it: gl_WorkGroupID.z). TREE: a workgroup for each result.
 * d: 0 results, 1 reduced elements, 2 of them in a chunk, 4 lanes, 5 divisor;
 * from 8 for each kept dimension size, si, so; from 32 for each reduced
 * dimension size, si.
 */
layout(local_size_x_id = 0) in;
#include "abi.glsl"
#include "math.glsl"

layout(constant_id = 1) const int NK = 1;
layout(constant_id = 2) const int NR = 1;
layout(constant_id = 3) const int TREE = 0;
layout(constant_id = 4) const int TYPE = 0;	/* 0 float, 1 int, 2 uint */
layout(constant_id = 5) const int PRE = 0;	/* 1 abs, 2 square */
layout(constant_id = 6) const int OP = 0;	/* 0 sum, 1 max, 2 min, 3 product, 4 log of sum of exp */
layout(constant_id = 7) const int POST = 0;	/* 1 divide, 2 sqrt, 3 log */
layout(constant_id = 8) const int LANES = 0;
layout(set = 0, binding = 1, std430) readonly buffer X { T x[]; };
layout(set = 0, binding = 2, std430) writeonly buffer O { T o[]; };

shared T sh[128];

#ifdef VEC4
#define F vec4
#define I ivec4
#define EACH(f) F(f(a.x, b.x), f(a.y, b.y), f(a.z, b.z), f(a.w, b.w))
#define EACH1(f) F(f(a.x), f(a.y), f(a.z), f(a.w))
#else
#define F float
#define I int
#define EACH(f) f(a, b)
#define EACH1(f) f(a)
#endif
F fmax2(F a, F b) { return EACH(tuff_max); }
F fmin2(F a, F b) { return EACH(tuff_min); }
F flog(F a) { return EACH1(tuff_log); }
F fexp(F a) { return EACH1(tuff_exp); }
T bits(F v) { return floatBitsToUint(v); }
F flt(T v) { return uintBitsToFloat(v); }

T combine(int op, T a, T b)
{
	if (TYPE == 0) {
		F u = flt(a), v = flt(b);

		return bits(op == 1 ? fmax2(u, v) : op == 2 ? fmin2(u, v) : op == 3 ? u * v : u + v);
	}
	if (op == 0)
		return a + b;
	if (op == 3)
		return a * b;
	if (TYPE == 1)
		return op == 1 ? T(max(I(a), I(b))) : T(min(I(a), I(b)));
	return op == 1 ? max(a, b) : min(a, b);
}

T neutral(int op)
{
	if (TYPE == 0)
		return T(floatBitsToUint(op == 1 ? -TUFF_INF : op == 2 ? TUFF_INF : op == 3 ? 1.0 : 0.0));
	if (op == 0 || op == 3)
		return T(op == 3 ? 1u : 0u);
	if (TYPE == 1)
		return T(op == 1 ? 0x80000000u : 0x7fffffffu);
	return T(op == 1 ? 0u : 0xffffffffu);
}

T load(int base, uint k)
{
	T v;

	for (int r = NR - 1; r > 0; r--) {
		uint size = uint(D(32 + 2 * r));

		base += int(k % size) * D(33 + 2 * r);
		k /= size;
	}
	v = x[base + int(k) * D(33)];
	if (TYPE == 0)
		return PRE == 1 ? bits(abs(flt(v))) : PRE == 2 ? bits(flt(v) * flt(v)) : v;
	return PRE == 1 && TYPE == 1 ? T(abs(I(v))) : PRE == 2 ? v * v : v;
}

T fold(int op, T v)
{
	uint l = gl_LocalInvocationID.x;

	if (TREE == 0)
		return v;
	sh[l] = v;
	barrier();
	for (uint s = gl_WorkGroupSize.x >> 1; s > 0u; s >>= 1) {
		if (l < s)
			sh[l] = combine(op, sh[l], sh[l + s]);
		barrier();
	}
	v = sh[0];
	barrier();
	return v;
}

void main()
{
	uint i = TREE != 0 ? tuff_group() : tuff_gid(), first = TREE != 0 ? gl_LocalInvocationID.x : 0u, r = i;
	uint step = TREE != 0 ? gl_WorkGroupSize.x : 1u, from = gl_WorkGroupID.z * uint(d[0].z);
	uint end = min(from + uint(d[0].z), uint(d[0].y));
	int ib = 0, ob = int(gl_WorkGroupID.z), last = 0;
	T acc = neutral(OP == 4 ? 1 : OP);
	F m = F(0.0), u;

	if (i >= uint(d[0].x))
		return;
	for (int k = NK - 1; k >= 0; k--) {
		uint size = uint(D(8 + 3 * k));
		int at = int(r % size);

		r /= size;
		if (k == NK - 1)
			last = at;
		ib += at * D(9 + 3 * k);
		ob += at * D(10 + 3 * k);
	}
	if (LANES != 0 && last >= d[1].x) {
		if (TREE == 0 || gl_LocalInvocationID.x == 0u)
			o[ob] = T(0u);
		return;	/* the same for the whole workgroup */
	}
	if (OP == 4) {
		for (uint k = from + first; k < end; k += step)
			acc = combine(1, acc, load(ib, k));
		m = flt(fold(1, acc));
		u = F(0.0);
		for (uint k = from + first; k < end; k += step)
			u += fexp(flt(load(ib, k)) - m);
		acc = bits(u);
	} else {
		for (uint k = from + first; k < end; k += step)
			acc = combine(OP, acc, load(ib, k));
	}
	acc = fold(OP == 4 ? 0 : OP, acc);
	if (TYPE == 0) {
		u = flt(acc);
		if (POST == 1)
			u /= float(d[1].y);
		else if (POST == 2)
			u = sqrt(u);
		else if (POST == 3)
			u = m + flog(u);
		acc = bits(u);
	} else if (POST == 1) {
		acc = TYPE == 1 ? T(I(acc) / I(d[1].y)) : acc / T(uint(d[1].y));
	}
	if (TREE == 0 || gl_LocalInvocationID.x == 0u)
		o[ob] = acc;
}
