// SPDX-License-Identifier: MIT
/*
 * Constants that are larger than a binding may be come in parts, along the
 * output or along the rows of a table: programs made for bindings of 16 KiB.
 */
#include "tests/kernels/model.h"

#define RANGE 16384

static void begin(void)
{
	km_reset();
	km.range = RANGE;
	km.tol = 1e-3;
}

#define CHECK_PARTS(n, ...) do { KM_CHECK(__VA_ARGS__); CHECK(km.parts >= (n)); } while (0)

TEST(gather)
{
	for (int i = 0; i < 4; i++) {
		int width = i & 1 ? 7 : 8;

		begin();
		km_weight("e", i & 2 ? F16 : F32, 2, 2000, width);
		km_input("j", I64, 2, 3, -11);
		for (int k = 0; k < 33; k++)
			((int64_t *)km.data[0].data)[k] = k & 1 ? k * 60 : -1 - k * 60;
		km_node("Gather", "e,j", "o");
		km_output("o", i & 2 ? F16 : F32);
		CHECK_PARTS(4, "a table of %d columns", width);
	}
}

TEST(products)
{
	for (int i = 0; i < 6; i++) {
		int k = i & 1 ? 33 : 32, n = i & 1 ? 401 : 400, b = i >> 1;

		begin();
		km_input("x", F32, 2, i < 2 ? 1 : 5, k);
		km_weight("w", F32, 2, b == 2 ? n : k, b == 2 ? k : n);
		km_weight("b", F32, 1, n);
		if (b == 2) {
			km_node("Gemm", "x,w,b", "y");
			km_attr_i("transB", 1);
		} else {
			km_node("MatMul", "x,w", "z");
			km_node("Add", "z,b", "y");
		}
		km_node("Relu", "y", "o");
		km_output("o", F32);
		CHECK_PARTS(3, "%d by %d, case %d", k, n, b);
	}
}

TEST(convolutions)
{
	for (int i = 0; i < 3; i++) {
		int k = i ? 3 : 1, group = i == 2 ? 4 : 1, oc = 208;

		begin();
		km.range = i == 1 ? 4 * RANGE : RANGE;	/* of one tile of channels at least */
		km_input("x", F32, 4, 1, 64, 4, 4);
		km_weight("w", F32, 4, oc, 64 / group, k, k);
		km_weight("b", F32, 1, oc);
		km_node("Conv", "x,w,b", "y");
		km_attr_ints("pads", 4, k / 2, k / 2, k / 2, k / 2);
		km_attr_i("group", group);
		km_node("Relu", "y", "o");
		km_output("o", F32);
		CHECK_PARTS(2, "window %d, %d groups", k, group);
	}
}
