// SPDX-License-Identifier: MIT
/* Convolutions of every kind against plain loops. */
#include "tests/kernels/kern.h"

struct conv {
	const char *what;
	int ns;
	int64_t n, ic, oc, group, in[3], k[3], s[3], d[3], p[6];
	int bias, residual;
	const char *act;
	int transposed;
};
#define S2(a, b) { a, b, 1 }
#define ONE { 1, 1, 1 }

static const struct conv cases[] = {
	{ "3x3", 2, 1, 5, 7, 1, S2(9, 11), S2(3, 3), ONE, ONE, { 1, 1, 1, 1 }, 1, 0, NULL, 0 },
	{ "3x3 wide", 2, 1, 16, 37, 1, S2(13, 17), S2(3, 3), ONE, ONE, { 1, 1, 1, 1 }, 1, 1, "Relu", 0 },
	{ "3x3 stride 2, uneven pads", 2, 2, 12, 20, 1, S2(15, 14), S2(3, 3), S2(2, 2), ONE, { 0, 1, 1, 0 }, 1, 0, "Relu", 0 },
	{ "7x7 stride 2 of three channels", 2, 1, 3, 64, 1, S2(33, 31), S2(7, 7), S2(2, 2), ONE, { 3, 3, 3, 3 }, 1, 0, "Relu", 0 },
	{ "1x1", 2, 1, 64, 64, 1, S2(9, 9), S2(1, 1), ONE, ONE, { 0 }, 0, 0, NULL, 0 },
	{ "1x1, residual", 2, 2, 33, 50, 1, S2(7, 7), S2(1, 1), ONE, ONE, { 0 }, 1, 1, "Relu", 0 },
	{ "1x1 stride 2", 2, 1, 24, 40, 1, S2(19, 18), S2(1, 1), S2(2, 2), ONE, { 0 }, 1, 0, NULL, 0 },
	{ "1x1, padded", 2, 1, 8, 8, 1, S2(5, 6), S2(1, 1), ONE, ONE, { 1, 2, 3, 0 }, 1, 0, NULL, 0 },
	{ "1x1 of one pixel", 2, 1, 70, 31, 1, S2(1, 1), S2(1, 1), ONE, ONE, { 0 }, 1, 0, "Sigmoid", 0 },
	{ "dilated", 2, 1, 8, 12, 1, S2(20, 19), S2(3, 2), ONE, S2(2, 3), { 2, 0, 1, 3 }, 1, 0, "LeakyRelu", 0 },
	{ "two groups", 2, 1, 24, 40, 2, S2(10, 9), S2(3, 3), ONE, ONE, { 1, 1, 1, 1 }, 1, 1, "Relu", 0 },
	{ "three groups of odd width", 2, 1, 15, 21, 3, S2(8, 7), S2(3, 3), S2(2, 1), ONE, { 1, 1, 1, 1 }, 1, 0, "Sigmoid", 0 },
	{ "1x1 of groups of four", 2, 1, 24, 24, 6, S2(12, 11), S2(1, 1), ONE, ONE, { 0 }, 1, 0, NULL, 0 },
	{ "depthwise 3x3", 2, 2, 19, 19, 19, S2(11, 13), S2(3, 3), ONE, ONE, { 1, 1, 1, 1 }, 1, 0, "HardSwish", 0 },
	{ "depthwise 5x5 stride 2", 2, 1, 8, 8, 8, S2(17, 15), S2(5, 5), S2(2, 2), ONE, { 2, 2, 2, 2 }, 1, 1, NULL, 0 },
	{ "depthwise, two for each", 2, 1, 6, 12, 6, S2(9, 9), S2(3, 3), ONE, ONE, { 1, 1, 1, 1 }, 1, 0, "Relu", 0 },
	{ "one dimension", 1, 2, 10, 14, 1, { 37, 1, 1 }, { 5, 1, 1 }, { 2, 1, 1 }, ONE, { 2, 1 }, 1, 0, "Relu", 0 },
	{ "three dimensions", 3, 1, 6, 9, 1, { 5, 6, 7 }, { 3, 3, 3 }, { 1, 2, 1 }, ONE, { 1, 1, 1, 1, 0, 1 }, 1, 0, "Relu", 0 },
	{ "three, flat window", 3, 1, 8, 16, 1, { 3, 6, 7 }, { 1, 3, 3 }, ONE, ONE, { 0, 1, 1, 0, 1, 1 }, 1, 0, NULL, 0 },
	{ "a sum in parts", 2, 1, 70000, 5, 1, S2(2, 1), S2(1, 1), ONE, ONE, { 0 }, 1, 1, "Relu", 0 },
	{ "a sum in parts, 3x3", 2, 1, 8000, 6, 1, S2(3, 3), S2(3, 3), ONE, ONE, { 1, 1, 1, 1 }, 1, 0, "Sigmoid", 0 },
	{ "transposed 2x2", 2, 1, 12, 10, 1, S2(6, 5), S2(2, 2), S2(2, 2), ONE, { 0 }, 1, 0, NULL, 1 },
	{ "transposed 4x4, pads", 2, 2, 6, 9, 3, S2(5, 7), S2(4, 4), S2(2, 2), ONE, { 1, 1, 1, 1 }, 1, 0, NULL, 1 },
	{ "transposed 3x3, dilated", 2, 1, 8, 8, 2, S2(5, 4), S2(3, 3), S2(2, 1), S2(1, 2), { 1, 0, 0, 1 }, 0, 0, NULL, 1 },
};
/* which the CPU path cuts by output channels, or for which oneDNN packs blocks of unequal rows differently */
static const struct conv large[] = {
	{ "large weights", 2, 1, 512, 1024, 1, S2(7, 7), S2(1, 1), ONE, ONE, { 0 }, 1, 1, "Relu", 0 },
	{ "large weights 3x3", 2, 2, 256, 160, 1, S2(7, 6), S2(3, 3), ONE, ONE, { 1, 1, 1, 1 }, 1, 0, "Relu", 0 },
	{ "blocks of three and four rows", 2, 1, 192, 64, 1, S2(14, 14), S2(1, 1), ONE, ONE, { 0 }, 1, 0, NULL, 0 },
};

static double act(const char *name, double v)
{
	if (!name)
		return v;
	if (!strcmp(name, "Relu"))
		return v > 0 ? v : 0;
	if (!strcmp(name, "Sigmoid"))
		return 1 / (1 + exp(-v));
	if (!strcmp(name, "LeakyRelu"))
		return v < 0 ? 0.01f * v : v;
	return v * fmin(fmax(v / 6 + 0.5, 0), 1);	/* HardSwish */
}

/* one output element */
static double value(const struct conv *c, const float *x, const float *w, const int64_t *o, int64_t n, int64_t oc)
{
	int64_t icg = c->ic / c->group, ocg = c->oc / c->group, g = oc / ocg, k[3];
	double sum = 0;

	for (int64_t ic = 0; ic < icg; ic++)
		for (k[0] = 0; k[0] < c->k[0]; k[0]++)
			for (k[1] = 0; k[1] < c->k[1]; k[1]++)
				for (k[2] = 0; k[2] < c->k[2]; k[2]++) {
					int64_t at = n * c->ic + g * icg + ic, wt;
					int ok = 1;

					wt = c->transposed ? (g * icg + ic) * ocg + oc % ocg : oc * icg + ic;
					for (int d = 0; d < 3; d++) {
						int64_t pos, pad = d < c->ns ? c->p[d] : 0;

						wt = wt * c->k[d] + k[d];
						if (c->transposed) {
							pos = o[d] + pad - k[d] * c->d[d];
							ok &= pos >= 0 && pos % c->s[d] == 0;
							pos /= c->s[d];
						} else {
							pos = o[d] * c->s[d] - pad + k[d] * c->d[d];
						}
						ok &= pos >= 0 && pos < c->in[d];
						at = at * c->in[d] + pos;
					}
					if (ok)
						sum += (double)x[at] * w[wt];
				}
	return sum;
}

static int one(const struct conv *t, enum test_device dev)
{
	struct kern_model m = { 0 };
	struct conv c = *t;
	int64_t xd[5] = { c.n, c.ic }, wd[5] = { c.oc, c.ic / c.group }, od[5] = { c.n, c.oc }, o[3], out[3], i = 0, n;
	float *x, *w, *b = NULL, *r = NULL, *want;
	Onnx__NodeProto *node;
	const char *last = "y";
	double tol = c.ic > 1000 ? 1e-4 : 1e-5;
	int bad = 0;

	for (int d = 0; d < 3; d++) {
		if (d >= c.ns)
			c.in[d] = c.k[d] = c.s[d] = c.d[d] = 1;
		out[d] = d >= c.ns ? 1 : c.transposed ? c.s[d] * (c.in[d] - 1) + (c.k[d] - 1) * c.d[d] + 1 - c.p[d] - c.p[c.ns + d]
			: (c.in[d] + c.p[d] + c.p[c.ns + d] - (c.k[d] - 1) * c.d[d] - 1) / c.s[d] + 1;
		xd[2 + d] = c.in[d];
		wd[2 + d] = c.k[d];
		od[2 + d] = out[d];
	}
	if (c.transposed) {
		wd[0] = c.ic;
		wd[1] = c.oc / c.group;
	}
	x = kern_input(&m, "x", 0, 2 + c.ns, xd);
	w = kern_input(&m, "w", 1, 2 + c.ns, wd);
	if (c.bias)
		b = kern_input(&m, "b", 1, 1, od + 1);
	if (c.residual)
		r = kern_input(&m, "r", 0, 2 + c.ns, od);
	node = kern_node(&m, c.transposed ? "ConvTranspose" : "Conv", last, "x", "w", c.bias ? "b" : NULL);
	kern_ints(node, "strides", c.s, c.ns);
	kern_ints(node, "dilations", c.d, c.ns);
	kern_ints(node, "pads", c.p, 2 * c.ns);
	kern_int(node, "group", c.group);
	if (c.residual) {
		kern_node(&m, "Add", "y2", last, "r", NULL);
		last = "y2";
	}
	if (c.act)
		kern_node(&m, c.act, "y3", last, NULL, NULL);
	n = c.n * c.oc * out[0] * out[1] * out[2];
	want = malloc(4 * n);
	for (int64_t a = 0; a < c.n; a++)
		for (int64_t oc = 0; oc < c.oc; oc++)
			for (o[0] = 0; o[0] < out[0]; o[0]++)
				for (o[1] = 0; o[1] < out[1]; o[1]++)
					for (o[2] = 0; o[2] < out[2]; o[2]++, i++)
						want[i] = act(c.act, value(&c, x, w, o, a, oc) + (b ? b[oc] : 0) + (r ? r[i] : 0));
	if (dev == DEV_CPU)
		bad = kern_run(&m, c.what, "cpu", dev, want, n, tol);
	for (int k = 0; k < KERN_CLASSES && dev != DEV_CPU; k++)	/* SwiftShader takes its time over large tiles */
		if (dev != DEV_SWIFTSHADER || k == 1 || (k == 2 && t < cases + 3))
			bad |= kern_run(&m, c.what, kern_class[k], dev, want, n, tol);
	free(want);
	kern_free(&m);
	return bad;
}

static int all(const char *arg, enum test_device dev)
{
	int bad = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		bad |= one(&cases[i], dev);
	if (dev == DEV_CPU)
		for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
			bad |= one(&large[i], dev);
	return bad;
}

TEST_DEVICE(conv_cpu, all, "", DEV_CPU)
TEST_DEVICE(conv_lavapipe, all, "", DEV_LAVAPIPE)
TEST_DEVICE(conv_swiftshader, all, "", DEV_SWIFTSHADER)
