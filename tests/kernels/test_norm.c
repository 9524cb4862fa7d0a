// SPDX-License-Identifier: MIT
/* Norms, Gather, Resize, ArgMax, CumSum, Trilu, LSTM, GRU, RNN: odd sizes, both layouts. */
#include "tests/kernels/model.h"

TEST(layernorm)
{
	static const int rows[] = { 7, 64, 65, 768, 1500 };

	for (int i = 0; i < 10; i++) {
		km_reset();
		km_input("x", F32, 3, 2, 5, rows[i / 2]);
		km_weight("s", F32, 1, rows[i / 2]);
		km_weight("b", F32, 1, rows[i / 2]);
		km_node("LayerNormalization", i & 1 ? "x,s" : "x,s,b", "o");
		km_output("o", F32);
		KM_CHECK("row of %d", rows[i / 2]);
	}
	km_reset();
	km_input("x", F32, 3, -3, -5, 6);
	km_weight("s", F32, 2, 5, 6);
	km_node("LayerNormalization", "x,s", "o");
	km_attr_i("axis", 1);
	km_output("o", F32);
	KM_CHECK("two axes, one symbolic");
}

TEST(instancenorm)
{
	for (int i = 0; i < 6; i++) {
		int c = 3 + i / 2;

		km_reset();
		km_input("x", F32, 4, 2, c, 9, 17);
		km_weight("s", F32, 1, c);
		km_weight("b", F32, 1, c);
		if (i & 1)
			km_cl("x", "y", 4);
		else
			km_node("Abs", "x", "y");
		km_node("InstanceNormalization", "y,s,b", "o");
		km_output("o", F32);
		KM_CHECK("%d channels, layout %d", c, i & 1);
	}
}

TEST(batchnorm)
{
	for (int i = 0; i < 12; i++) {
		int c = 4 + i % 3, constant = i & 1;

		km_reset();
		km_input("x", F32, i < 6 ? 4 : 2, 2, c, 5, 3);
		for (int k = 0; k < 4; k++) {
			const char *const names[] = { "s", "b", "m", "u" };

			if (constant)
				km_weight(names[k], F32, 1, c);
			else
				km_input(names[k], F32, 1, c);
		}
		km_node("Abs", "u", "v");
		km_node("BatchNormalization", "x,s,b,m,v", "y");
		km_node("Sigmoid", "y", "z");
		if (i < 6)
			km_cl("z", "o", 4);
		else
			km_node("Neg", "z", "o");
		km_output("o", F32);
		KM_CHECK("case %d", i);
	}
}

TEST(lrn)
{
	for (int i = 0; i < 6; i++) {
		km_reset();
		km_input("x", F32, 4, 2, 5 + i, 3, 4);
		km_node("LRN", "x", "y");
		km_attr_i("size", 3 + i / 2);
		km_attr_f("alpha", 0.3f);
		km_attr_f("beta", i & 1 ? 0.75f : 0.6f);
		km_attr_f("bias", 1.5f);
		km_cl("y", "o", 4);
		km_output("o", F32);
		KM_CHECK("case %d", i);
	}
}

TEST(gather)
{
	for (int i = 0; i < 6; i++) {
		km_reset();
		km_input("x", F32, 3, 5, 6, i & 1 ? 8 : 7);
		km_ints("j", 4, 0, -1, 3, 2);
		km_node("Gather", "x,j", "o");
		km_attr_i("axis", i / 2);
		km_output("o", F32);
		KM_CHECK("axis %d", i / 2);
	}
	km_reset();
	km_weight("x", F32, 2, 20, 12);
	km_input("j", I64, 2, 3, -5);
	for (int i = 0; i < 15; i++)
		((int64_t *)km.data[0].data)[i] = i * 7 % 20;
	km_node("Gather", "x,j", "o");
	km_output("o", F32);
	KM_CHECK("embedding");
}

TEST(resize)
{
	static const char *const modes[] = { "nearest", "linear", "cubic" };
	static const char *const coord[] = { "half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel",
					    "half_pixel_symmetric" };
	static const char *const near[] = { "floor", "ceil", "round_prefer_floor", "round_prefer_ceil" };
	static const float scale[][2] = { { 2, 2 }, { 0.6f, 1.5f }, { 0.5f, 3 }, { 1, 1.75f } };

	for (int i = 0; i < 120; i++) {
		int how = i & 3, sizes = i >> 2 & 1, mode = (i >> 3) % 3, c = i / 24;

		km_reset();
		km_floats("s", 4, 1., 1., scale[how][0], scale[how][1]);
		km_ints("z", 4, 1, 5, 3 + how * 2, 13 - how);
		km_input("x", F32, 4, 1, 5, 6, 7);
		km_node("Resize", sizes ? "x,-,-,z" : "x,-,s", "y");
		km_attr_s("mode", modes[mode]);
		km_attr_s("coordinate_transformation_mode", coord[c]);
		km_attr_s("nearest_mode", near[(i + c) & 3]);
		km_cl("y", "o", 4);
		km_output("o", F32);
		KM_CHECK("%s %s %s, %s %d", modes[mode], coord[c], near[(i + c) & 3], sizes ? "sizes" : "scales", how);
	}
	for (int i = 0; i < 4; i++) {
		km_reset();
		km_floats("s", 3, 1., 1., 2.5);
		km_floats("t", 5, 1., 1., 2., 1.5, .5);
		if (i & 1)
			km_input("x", F32, 3, 2, 3, 9);
		else
			km_input("x", F32, 5, 1, 3, 3, 5, 6);
		km_node("Resize", i & 1 ? "x,-,s" : "x,-,t", "o");
		km_attr_s("mode", modes[i / 2]);
		km_output("o", F32);
		KM_CHECK("axes, case %d", i);
	}
}

/* Scales mean what their author wrote: 0.6 of 5 is 3, and index 1 of those reads at 2, wherever float32 puts 0.6. */
TEST(resize_fractions)
{
	static const struct {
		float scale;
		int in, out;
		int from[8];
	} t[] = {
		{ 0.6f, 5, 3, { 0, 2, 3 } }, { 0.7f, 10, 7, { 0, 1, 3, 4, 5, 7, 8 } },
		{ 1 / 3.f, 9, 3, { 1, 4, 7 } }, { 0.6f, 4, 2, { 0, 2 } }, { 0.5f, 3, 1, { 0 } },
	};

	for (int i = 0; i < 10; i++) {
		int k = i / 2, n = t[k].in;
		float *want;

		km_reset();
		km_floats("s", 3, 1., 1., t[k].scale);
		km_input("x", F32, 3, 1, 1, i & 1 ? -n : n);
		km_node("Resize", "x,-,s", "o");
		km_attr_s("coordinate_transformation_mode", "pytorch_half_pixel");
		km_attr_s("nearest_mode", "floor");
		km_output("o", F32);
		want = km_want(t[k].out);
		for (int j = 0; j < t[k].out; j++)
			want[j] = ((float *)km.data[0].data)[t[k].from[j]];
		KM_CHECK("%d by %g", n, t[k].scale);
	}
}

TEST(argmax)
{
	for (int i = 0; i < 24; i++) {
		km_reset();
		km_input("x", i & 1 ? I32 : F32, 3, 5, 7, 60);
		km_node(i & 2 ? "ArgMin" : "ArgMax", "x", "o");
		km_attr_i("axis", i / 8);
		km_attr_i("select_last_index", i >> 2 & 1);
		km_attr_i("keepdims", i & 1);
		km_output("o", I64);
		KM_CHECK("case %d", i);
	}
}

TEST(cumsum_trilu)
{
	for (int i = 0; i < 12; i++) {
		km_reset();
		km_ints("a", 1, i / 4);
		km_input("x", F32, 3, 4, 5, 6);
		km_node("CumSum", "x,a", "o");
		km_attr_i("exclusive", i & 1);
		km_attr_i("reverse", i >> 1 & 1);
		km_output("o", F32);
		KM_CHECK("cumsum %d", i);
		km_reset();
		km_ints("k", 1, i / 2 - 3);
		km_input("x", i & 2 ? F32 : I32, 3, 2, 5, 7);
		km_node("Trilu", "x,k", "o");
		km_attr_i("upper", i & 1);
		km_output("o", i & 2 ? F32 : I32);
		KM_CHECK("trilu %d", i);
	}
}

TEST(lstm)
{
	static const char *const dirs[] = { "forward", "reverse", "bidirectional" };

	for (int i = 0; i < 12; i++) {
		int d = i % 3 == 2 ? 2 : 1, h = i & 1 ? 13 : 32, s = i < 6 ? 1 : 70;

		km_reset();
		km.tol = 1e-4;
		km_input("x", F32, 3, s, 2, 5);
		km_weight("w", F32, 3, d, 4 * h, 5);
		km_weight("r", F32, 3, d, 4 * h, h);
		km_weight("b", F32, 2, d, 8 * h);
		km_input("h", F32, 3, d, 2, h);
		km_input("c", F32, 3, d, 2, h);
		for (int k = 0; k < 3; k++)	/* small weights: it stays a contraction */
			for (size_t j = 0; j < (size_t)km.pinit[k]->raw_data.len / 4; j++)
				((float *)km.pinit[k]->raw_data.data)[j] *= 0.1f;
		km_node("LSTM", i & 4 ? "x,w,r,b,-,h,c" : "x,w,r", i & 4 ? "o,p,q" : "o,p");
		km_attr_i("hidden_size", h);
		km_attr_s("direction", dirs[i % 3]);
		km_output("o", F32);
		km_output("p", F32);
		if (i & 4)
			km_output("q", F32);
		KM_CHECK("case %d", i);
	}
}

TEST(gru_rnn)
{
	static const char *const dirs[] = { "forward", "reverse", "bidirectional" };

	for (int i = 0; i < 24; i++) {
		int d = i % 3 == 2 ? 2 : 1, h = i & 1 ? 13 : 32, s = i & 8 ? 70 : 3, gru = i < 16, gates = gru ? 3 : 1;

		km_reset();
		km.tol = 1e-4;
		km_input("x", F32, 3, s, 2, 5);
		km_weight("w", F32, 3, d, gates * h, 5);
		km_weight("r", F32, 3, d, gates * h, h);
		km_weight("b", F32, 2, d, 2 * gates * h);
		km_input("h", F32, 3, d, 2, h);
		for (int k = 0; k < 3; k++)	/* small weights: it stays a contraction */
			for (size_t j = 0; j < (size_t)km.pinit[k]->raw_data.len / 4; j++)
				((float *)km.pinit[k]->raw_data.data)[j] *= k == 1 ? 0.05f : 0.2f;
		km_node(gru ? "GRU" : "RNN", i & 4 ? "x,w,r,b,-,h" : "x,w,r", i & 2 ? "o,p" : "o");
		km_attr_i("hidden_size", h);
		km_attr_s("direction", dirs[i % 3]);
		if (gru)
			km_attr_i("linear_before_reset", i & 1);
		else if (i & 1)
			km_attr_strs("activations", d, "Relu");
		km_output("o", F32);
		if (i & 2)
			km_output("p", F32);
		KM_CHECK("case %d", i);
	}
}
