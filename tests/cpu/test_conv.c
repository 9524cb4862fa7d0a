// SPDX-License-Identifier: MIT
/* Convolutions, cut by rows and by output channels, against plain loops: both layouts, one worker and two. */
#include "tests/cpu/op.h"

struct shape {
	int64_t n, c, h, w, oc, group, k, stride, dilation, pad;
	int act;		/* enum tuff_ew, -1 */
	bool residual;
};

static const struct shape shapes[] = {
	{ 1, 3, 57, 61, 32, 1, 3, 2, 1, 1, TUFF_EW_RELU },	/* a first layer */
	{ 2, 17, 23, 19, 21, 1, 3, 1, 1, 1, -1, true },		/* nothing a multiple of anything */
	{ 1, 64, 28, 28, 192, 1, 1, 1, 1, 0, TUFF_EW_CLIP },
	{ 1, 192, 14, 14, 64, 1, 1, 1, 1, 0, -1, true },	/* blocks of 3 and 4 rows */
	{ 1, 96, 31, 31, 96, 96, 3, 1, 1, 1, TUFF_EW_RELU },	/* depthwise */
	{ 1, 96, 31, 31, 96, 96, 5, 2, 1, 2, TUFF_EW_SWISH },
	{ 1, 32, 29, 13, 64, 4, 3, 1, 1, 1, TUFF_EW_LEAKY },
	{ 1, 48, 33, 33, 48, 1, 3, 1, 3, 3, -1 },
	{ 1, 512, 7, 7, 1024, 1, 1, 1, 1, 0, TUFF_EW_RELU, true },	/* cut by output channels */
	{ 3, 960, 7, 7, 320, 1, 1, 1, 1, 0, -1 },
	{ 1, 8, 1, 1, 8, 1, 1, 1, 1, 0, -1 },
	{ 1, 4, 5, 300, 6, 1, 3, 1, 1, 1, TUFF_EW_HARDSWISH },
};

static double want(const struct op *o, const struct shape *s, const int64_t *at)
{
	int64_t ic = s->c / s->group, first = at[1] / (s->oc / s->group) * ic;
	const float *w = o->t[1].data, *b = o->t[2].data;
	double sum = b[at[1]];

	for (int64_t c = 0; c < ic; c++)
		for (int64_t y = 0; y < s->k; y++)
			for (int64_t x = 0; x < s->k; x++) {
				int64_t i[] = { at[0], first + c, at[2] * s->stride - s->pad + y * s->dilation,
						at[3] * s->stride - s->pad + x * s->dilation };

				if (i[2] >= 0 && i[2] < s->h && i[3] >= 0 && i[3] < s->w)
					sum += (double)op_at(&o->t[0], i) * w[((at[1] * ic + c) * s->k + y) * s->k + x];
			}
	return sum + (s->residual ? op_at(&o->t[3], at) : 0);
}

static int conv(const struct shape *s, uint32_t layout, unsigned int threads)
{
	int64_t oh = (s->h + 2 * s->pad - (s->k - 1) * s->dilation - 1) / s->stride + 1;
	int64_t ow = (s->w + 2 * s->pad - (s->k - 1) * s->dilation - 1) / s->stride + 1;
	int64_t x[] = { s->n, s->c, s->h, s->w }, w[] = { s->oc, s->c / s->group, s->k, s->k }, out[] = { s->n, s->oc, oh, ow };
	struct cpu_pool *pool = cpu_pool_get(0);
	struct op o;
	int bad = 0;

	op_init(&o, TUFF_OP_CONV);
	op_int(&o, "group", s->group);
	op_ints(&o, "strides", (int64_t[]){ s->stride, s->stride }, 2);
	op_ints(&o, "dilations", (int64_t[]){ s->dilation, s->dilation }, 2);
	op_ints(&o, "pads", (int64_t[]){ s->pad, s->pad, s->pad, s->pad }, 4);
	op_int(&o, "act", s->act);
	op_floats(&o, "act_p", (float[]){ s->act == TUFF_EW_CLIP ? -0.5f : 0.1f, 0.5f }, 2);
	op_tensor(&o, TUFF_F32, layout, 4, x);
	op_tensor(&o, TUFF_F32, TUFF_PLAIN, 4, w);
	op_tensor(&o, TUFF_F32, TUFF_PLAIN, 1, &s->oc);
	if (s->residual)
		op_tensor(&o, TUFF_F32, layout, 4, out);
	op_tensor(&o, TUFF_F32, layout, 4, out);
	bad = op_run(&o, NULL, pool, threads);
	if (bad)
		printf("  %s\n", o.err);
	/* every element of small ones, some of large ones */
	for (int64_t i = 0, n = s->n * s->oc * oh * ow; i < n && !bad; i += n > 20000 ? 37 : 1) {
		int64_t at[] = { i / (s->oc * oh * ow), i / (oh * ow) % s->oc, i / ow % oh, i % ow };
		float got = op_at(&o.t[o.nin - 1], at);
		float ref = cpu_act(s->act, want(&o, s, at), s->act == TUFF_EW_CLIP ? -0.5f : 0.1f, 0.5f);

		if (!op_close(got, ref, 1e-4)) {
			printf("  [%lld,%lld,%lld,%lld] is %g, not %g\n", (long long)at[0], (long long)at[1], (long long)at[2],
			       (long long)at[3], got, ref);
			bad = 1;
		}
	}
	op_free(&o);
	cpu_pool_put(pool);
	return bad;
}

static int all(uint32_t layout, unsigned int threads)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (conv(&shapes[i], layout, threads)) {
			printf("  shape %zu\n", i);
			return 1;
		}
	return 0;
}

TEST(conv_plain) { CHECK(!all(TUFF_PLAIN, 1)); }
TEST(conv_channels_last) { CHECK(!all(TUFF_CL, 1)); }
TEST(conv_channels_last_two_workers) { CHECK(!all(TUFF_CL, 2)); }
