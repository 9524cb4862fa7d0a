// SPDX-License-Identifier: MIT
/* Data movement, reductions, softmax, pools: both layouts, odd sizes. */
#include "tests/kernels/model.h"

/* one node on [N,C,H,W] input "x", layout by cl; attributes come after */
static void one(const char *op, const char *in, int cl, int n, int c, int h, int w)
{
	km_input("i", F32, 4, n, c, h, w);
	if (cl)
		km_cl("i", "x", 4);
	else
		km_node("Abs", "i", "x");
	km_node(op, in, cl ? "y" : "o");
}

static void done(int cl, int rank)
{
	if (cl)
		km_cl("y", "o", rank);
	km_output("o", F32);
}

TEST(transpose)
{
	static const int perms[][4] = { { 0, 2, 3, 1 }, { 0, 3, 1, 2 }, { 3, 2, 1, 0 }, { 0, 1, 3, 2 }, { 1, 0, 2, 3 } };

	for (int i = 0; i < 10; i++) {
		const int *p = perms[i / 2];

		km_reset();
		one("Transpose", "x", i & 1, 2, 6 + i % 3, 5, 8);
		km_attr_ints("perm", 4, p[0], p[1], p[2], p[3]);
		done(i & 1, 4);
		KM_CHECK("perm %d layout %d", i / 2, i & 1);
	}
}

TEST(concat)
{
	for (int i = 0; i < 16; i++) {
		int cl = i & 1, axis = i / 2 % 4, c = i < 8 ? 5 : 8;

		km_reset();
		km_input("z", F32, 4, axis == 0 ? 3 : 2, axis == 1 ? 7 : c, axis == 2 ? 2 : 3, axis == 3 ? 4 : 5);
		km_node("Abs", "z", "a");
		if (cl)
			km_cl("z", "b", 4);
		else
			km_node("Neg", "z", "b");
		one("Concat", "x,b,a,x", cl, 2, c, 3, 5);
		km_attr_i("axis", axis);
		done(cl, 4);
		KM_CHECK("axis %d layout %d", axis, cl);
	}
}

TEST(split)
{
	for (int i = 0; i < 8; i++) {
		int cl = i & 1, axis = i / 2;
		char out[3][2] = { "p", "q", "r" };

		km_reset();
		km_ints("s", 3, 3, 4, 2);
		one("Split", "x,s", cl, axis == 0 ? 9 : 2, 9, 9, 9);
		km_pnode_outputs("y0,y1,y2");
		km_attr_i("axis", axis);
		for (int k = 0; k < 3; k++) {
			char y[3] = { 'y', '0' + k, 0 };

			if (cl)
				km_cl(y, out[k], 4);
			else
				km_node("Neg", y, out[k]);
			km_output(out[k], F32);
		}
		KM_CHECK("axis %d layout %d", axis, cl);
	}
}

TEST(slice)
{
	for (int i = 0; i < 24; i++) {
		int cl = i & 1, axis = i / 2 % 4, step = i < 8 ? 1 : i < 16 ? 2 : -1;

		km_reset();
		km_ints("s", 1, step < 0 ? -2 : 1);
		km_ints("e", 1, step < 0 ? -10000 : 1000);
		km_ints("a", 1, axis);
		km_ints("p", 1, step);
		one("Slice", "x,s,e,a,p", cl, 3, 9, 5, 7);
		done(cl, 4);
		KM_CHECK("axis %d layout %d step %d", axis, cl, step);
	}
	km_reset();	/* sizes known only to the run */
	km_ints("s", 1, -3);
	km_ints("e", 1, 1000);
	km_ints("a", 1, 2);
	km_input("x", F32, 3, -2, 4, -7);
	km_node("Slice", "x,s,e,a", "o");
	km_output("o", F32);
	KM_CHECK("symbolic");
}

TEST(pad)
{
	static const char *const modes[] = { "constant", "edge", "reflect" };

	for (int i = 0; i < 24; i++) {
		int cl = i & 1, mode = i / 2 % 3, where = i / 6;

		km_reset();
		if (where == 0)
			km_ints("p", 8, 0, 0, 1, 2, 0, 0, 2, 1);
		else if (where == 1)
			km_ints("p", 8, 0, 1, 0, 0, 0, 2, 0, 0);
		else if (where == 2)
			km_ints("p", 8, 1, 2, 1, 1, 0, 0, 2, 2);
		else
			km_ints("p", 8, 0, 0, -1, 1, 0, 0, 1, -2);
		km_floats("v", -1, 1.5);
		one("Pad", mode || i & 4 ? "x,p" : "x,p,v", cl, 2, 4 + where, 4, 5);
		km_attr_s("mode", modes[mode]);
		done(cl, 4);
		KM_CHECK("%s layout %d pads %d", modes[mode], cl, where);
	}
}

TEST(tile_expand)
{
	for (int cl = 0; cl < 2; cl++) {
		km_reset();
		km_ints("r", 4, 2, 3, 1, 2);
		one("Tile", "x,r", cl, 2, 3, 5, 3);
		done(cl, 4);
		KM_CHECK("tile, layout %d", cl);
		km_reset();
		km_ints("r", 4, 2, 3, 1, 7);
		one("Expand", "x,r", cl, 1, 3, 5, 1);
		done(cl, 4);
		KM_CHECK("expand, layout %d", cl);
	}
	km_reset();
	km_ints("r", 3, 2, 1, 6);
	km_input("x", F32, 2, -5, -1);
	km_node("Expand", "x,r", "o");
	km_output("o", F32);
	KM_CHECK("a size that turns out to be 1");
}

TEST(move_integers)
{
	for (int t = 0; t < 4; t++) {
		static const int types[] = { I32, U8, BOOL, F16 };

		km_reset();
		km_input("x", types[t], 3, 3, 5, 2);
		km_node("Transpose", "x", "y");
		km_node("Concat", "y,y", "o");
		km_attr_i("axis", 1);
		km_output("o", types[t]);
		KM_CHECK("type %d", types[t]);
	}
}

TEST(convert_halves)
{
	km_reset();
	km_input("x", F16, 2, 5, 7);
	km_node("Transpose", "x", "o");
	km_output("o", F16);
	KM_CHECK("float16");
}

TEST(softmax)
{
	static const int sizes[][4] = { { 2, 5, 3, 7 }, { 1, 9, 1, 1 }, { 2, 3, 40, 130 }, { 1, 1, 2, 1001 } };

	for (int i = 0; i < 32; i++) {
		const int *z = sizes[i / 8];
		int axis = i % 4, cl = i / 4 & 1;

		km_reset();
		one("Softmax", "x", cl, z[0], z[1], z[2], z[3]);
		km_attr_i("axis", axis);
		done(cl, 4);
		KM_CHECK("size %d axis %d layout %d", i / 8, axis, cl);
	}
	km_reset();
	km.opset = 11;
	one("LogSoftmax", "x", 1, 2, 5, 3, 7);
	km_attr_i("axis", 1);
	done(1, 4);
	KM_CHECK("flat");
	km_reset();
	km_input("x", F32, 3, -2, -5, -9);
	km_node("Softmax", "x", "o");
	km_attr_i("axis", 1);
	km_output("o", F32);
	KM_CHECK("symbolic");
}

TEST(reduce)
{
	static const char *const ops[] = { "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2",
					   "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp" };

	for (int op = 0; op < 10; op++)
		for (int set = 1; set < 16; set += op < 2 ? 1 : 5)
			for (int cl = 0; cl < 2; cl++) {
				char v[8];

				km_reset();
				km.tol = 1e-4;
				km_input("i", F32, 4, 2, set & 1 ? 6 : 8, 5, 3);
				km_node("Abs", "i", "j");
				if (cl)
					km_cl("j", "x", 4);
				else
					km_node("Abs", "j", "x");
				snprintf(v, sizeof(v), "a");
				if (set == 1) km_ints(v, 1, 0);
				else if (set == 2) km_ints(v, 1, 1);
				else if (set == 3) km_ints(v, 2, 0, -3);
				else if (set == 6) km_ints(v, 2, 1, 2);
				else if (set == 8) km_ints(v, 1, 3);
				else if (set == 11) km_ints(v, 3, 0, 1, 3);
				else if (set == 12) km_ints(v, 2, 2, 3);
				else km_ints(v, 4, 0, 1, 2, 3);
				km_node(ops[op], "x,a", cl ? "y" : "o");
				km_attr_i("keepdims", cl || (set & 2));
				done(cl, 4);
				if (km.opset == 18 && !op)
					km.opset = 13;
				KM_CHECK("%s axes %x layout %d", ops[op], set, cl);
			}
}

TEST(reduce_long)
{
	km_reset();
	km.tol = 1e-3;
	km_input("x", F32, 2, 3, 300007);
	km_ints("a", 1, 1);
	km_node("ReduceMean", "x,a", "o");
	km_node("ReduceMax", "x", "p");
	km_output("o", F32);
	km_output("p", F32);
	KM_CHECK("two passes");
	km_reset();
	km.tol = 1e-3;
	km_input("x", F32, 2, -70001, -3);
	km_ints("a", 1, 0);
	km_node("ReduceMax", "x,a", "o");
	km_node("ReduceMean", "x,a", "p");
	km_output("o", F32);
	km_output("p", F32);
	KM_CHECK("symbolic");
}

TEST(reduce_integers)
{
	static const char *const ops[] = { "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceMean" };

	for (int i = 0; i < 5; i++) {
		km_reset();
		km_input("x", I32, 2, 7, 6);
		km_ints("a", 1, i & 1);
		km_node(ops[i], "x,a", "o");
		km_output("o", I32);
		KM_CHECK("%s", ops[i]);
	}
}

TEST(pool)
{
	for (int i = 0; i < 32; i++) {
		km_reset();
		one(i & 1 ? "MaxPool" : "AveragePool", "x", i >> 1 & 1, 2, 5 + (i >> 4) * 3, 9, 8);
		km_attr_ints("kernel_shape", 2, 3, 2);
		km_attr_ints("strides", 2, 2, 1 + (i >> 2 & 1));
		if (i & 8)
			km_attr_s("auto_pad", i & 16 ? "SAME_UPPER" : "SAME_LOWER");
		else
			km_attr_ints("pads", 4, 1, 0, 1, 1);
		if (!(i & 8))
			km_attr_i("ceil_mode", i >> 2 & 1);
		if (i & 1)
			km_attr_ints("dilations", 2, 2, 1);
		else
			km_attr_i("count_include_pad", i >> 3 & 1);
		done(i >> 1 & 1, 4);
		KM_CHECK("case %d", i);
	}
	for (int i = 0; i < 4; i++) {	/* one and three axes */
		km_reset();
		if (i & 1)
			km_input("x", F32, 3, 2, 6, 19);
		else
			km_input("x", F32, 5, 1, 3, 5, 6, 7);
		km_node(i & 2 ? "MaxPool" : "AveragePool", "x", "o");
		if (i & 1)
			km_attr_ints("kernel_shape", 1, 4);
		else
			km_attr_ints("kernel_shape", 3, 2, 3, 2);
		km_output("o", F32);
		KM_CHECK("axes, case %d", i);
	}
}

TEST(global_pool)
{
	for (int i = 0; i < 12; i++) {
		km_reset();
		one(i & 1 ? "GlobalMaxPool" : "GlobalAveragePool", "x", i >> 1 & 1, 2, 3 + (i >> 2), i < 6 ? 7 : 30, 29);
		done(i >> 1 & 1, 4);
		KM_CHECK("case %d", i);
	}
}
