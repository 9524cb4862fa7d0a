// SPDX-License-Identifier: MIT
/* GatherElements, GatherND, ScatterElements, ScatterND, TopK, GridSample, and integers that sizes give. */
#include "tests/kernels/model.h"

/* input i: indices in [-n, n), every `once` of them different */
static void indices(uint32_t i, int n, int once)
{
	int64_t *p = km.data[i].data;

	for (size_t k = 0; k < km.data[i].size / 8; k++) {
		int64_t v = (k % (once ? once : 1) * 7 + (once ? 0 : km_rand())) % n;

		p[k] = k & 1 ? v : v - n;
	}
}

TEST(gather_elements)
{
	for (int axis = 0; axis < 3; axis++) {
		km_reset();
		km_input("x", axis == 1 ? I32 : F32, 3, 5, 6, 7);
		km_input("j", I64, 3, axis ? 4 : 9, axis == 1 ? 8 : 3, axis == 2 ? 11 : 7);
		indices(1, (int[]){ 5, 6, 7 }[axis], 0);
		km_node("GatherElements", "x,j", "o");
		km_attr_i("axis", axis ? axis : -3);
		km_output("o", axis == 1 ? I32 : F32);
		KM_CHECK("axis %d", axis);
	}
}

TEST(gather_nd)
{
	static const struct { int k, batch; } t[] = { { 1, 0 }, { 2, 0 }, { 3, 0 }, { 1, 1 }, { 2, 1 }, { 1, 2 } };

	for (int i = 0; i < 6; i++) {
		km_reset();
		km_input("x", F32, 4, 3, 4, -4, 5);
		km_input("j", I64, 3, 3, 4, t[i].k);
		indices(1, 3, 0);
		km_node("GatherND", "x,j", "o");
		km_attr_i("batch_dims", t[i].batch);
		km_output("o", F32);
		KM_CHECK("tuples of %d, %d batch dimensions", t[i].k, t[i].batch);
	}
}

TEST(scatter_elements)
{
	for (int axis = 0; axis < 2; axis++) {
		km_reset();
		km_input("x", F32, 2, 13, 13);
		km_input("j", I64, 2, axis ? 6 : 5, axis ? 5 : 6);
		indices(1, 13, axis ? 5 : 0);
		for (int k = 0; k < 30 && !axis; k++)	/* different along the axis */
			((int64_t *)km.data[1].data)[k] = (k / 6 * 3 + k % 6) % 13;
		km_input("u", F32, 2, axis ? 6 : 5, axis ? 5 : 6);
		km_node("ScatterElements", "x,j,u", "o");
		km_attr_i("axis", axis);
		km_output("o", F32);
		KM_CHECK("axis %d", axis);
	}
}

TEST(scatter_nd)
{
	for (int k = 1; k < 4; k++) {
		km_reset();
		km_input("x", F32, 3, 11, 11, 11);
		km_input("j", I64, 2, 5, k);
		indices(1, 11, 5 * k);
		for (int i = 0; i < 5; i++)	/* no tuple twice */
			((int64_t *)km.data[1].data)[i * k] = i * 2;
		km_input("u", F32, 4 - k, 5, 11, 11);
		km_node("ScatterND", "x,j,u", "o");
		km_output("o", F32);
		KM_CHECK("tuples of %d", k);
	}
}

/* x[..., 0:2] = .., as exporters write it: the indices are constant */
TEST(scatter_nd_constant)
{
	km_reset();
	km_input("x", F32, 2, 4, 3);
	km_ints("s", 2, 3, 1);
	km_ints("f", 3, 1, 3, 1);
	km_node("Reshape", "f,s", "j");
	km_input("u", F32, 2, 3, 3);
	km_node("ScatterND", "x,j,u", "o");
	km_output("o", F32);
	/* rows 1 and 3 are written, 1 twice: by rows 0 and 2 of u, which are the same */
	memcpy((float *)km.data[1].data + 6, km.data[1].data, 12);
	KM_CHECK("constant indices");
}

TEST(topk)
{
	for (int i = 0; i < 24; i++) {
		int type = i % 3 == 1 ? I32 : F32, n = i & 4 ? 300 : 9;

		km_reset();
		km_ints("k", 1, 1 + i % 9);
		km_input("x", type, 3, 4, i & 8 ? n : 3, i & 8 ? 3 : n);
		for (size_t k = 0; k < km.data[0].size / 4; k += 3)	/* equal ones */
			memset((char *)km.data[0].data + 4 * k, 0, 4);
		km_node("TopK", "x,k", "v,j");
		km_attr_i("axis", i & 8 ? 1 : -1);
		km_attr_i("largest", i & 1);
		km_output("v", type);
		km_output("j", I64);
		KM_CHECK("case %d", i);
	}
}

TEST(grid_sample)
{
	static const char *const modes[] = { "nearest", "bilinear", "bicubic" }, *const pads[] = { "zeros", "border", "reflection" };

	for (int i = 0; i < 18; i++) {
		km_reset();
		km_input("x", F32, 4, 2, 3, 7, 6);
		km_input("g", F32, 4, 2, 5, 4, 2);
		for (size_t k = 0; k < km.data[1].size / 4; k++)	/* some outside; none at a tie */
			((float *)km.data[1].data)[k] = ((float *)km.data[1].data)[k] * 0.71f + 0.0037f;
		km_node("GridSample", "x,g", "o");
		km_attr_s("mode", modes[i % 3]);
		km_attr_s("padding_mode", pads[i / 3 % 3]);
		km_attr_i("align_corners", i / 9);
		km_output("o", F32);
		km.tol = 1e-4;
		KM_CHECK("%s %s %d", modes[i % 3], pads[i / 3 % 3], i / 9);
	}
}

/* What a model computes from sizes: positions that are looked up, pads as exporters write them. */
TEST(sizes)
{
	km_reset();
	km_input("x", F32, 4, 1, 3, -5, -9);
	km_weight("w", F32, 2, 40, 4);
	km_ints("two", 1, 2);
	km_ints("three", 1, 3);
	km_ints("four", 1, 4);
	km_ints("zeros", 4, 0, 0, 0, 0);
	km_ints("pairs", 2, -1, 2);
	km_ints("flat", 1, -1);
	km_ints("last", 1, -1);
	km_ints("first", 1, 0);
	km_ints("before", 1, -100);
	km_node("Shape", "x", "s");
	km_node("Slice", "s,two,four", "hw");
	km_node("Gather", "s,two", "h");
	km_node("Mod", "h,three", "a");			/* 5 % 3 */
	km_node("Sub", "three,a", "b");
	km_node("Concat", "a,b,b,a,zeros", "p");		/* last axis first: begin, end; .. */
	km_attr_i("axis", 0);
	km_node("Reshape", "p,pairs", "pp");
	km_node("Slice", "pp,last,before,first,last", "back");
	km_node("Transpose", "back", "t");
	km_attr_ints("perm", 2, 1, 0);
	km_node("Reshape", "t,flat", "pads");
	km_node("Pad", "x,pads", "y");
	km_node("Gather", "w,hw", "z");
	km_output("y", F32);
	km_output("z", F32);
	KM_CHECK("pads and positions");
}
