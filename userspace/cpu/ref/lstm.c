// SPDX-License-Identifier: MIT
/* LSTM (ONNX, layout 0, default activations): gates i, o, f, c. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "userspace/cpu/cpu.h"

static double sigmoid(double x)
{
	return 1 / (1 + exp(-x));
}

static int unsupported(const struct cpu_args *a, const char *what)
{
	snprintf(a->err, a->errlen, "%s is not supported", what);
	return -EOPNOTSUPP;
}

/* the default set, spelt out or left out, is what this computes */
static bool other_activations(const struct cpu_args *a)
{
	static const char *const def[] = { "sigmoid", "tanh", "tanh" };
	const struct tuff_attr *t = tuff_attr_find(a->p, a->s, "activations");

	for (uint64_t i = 0; t && t->type == TUFF_A_STRINGS && i < t->count; i++) {
		uint32_t s;

		memcpy(&s, a->p->attr_data + t->data + 4 * i, 4);
		if (strcasecmp(tuff_str(a->p, s), def[i % 3]))
			return true;
	}
	return false;
}

int cpu_lstm(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *X = &a->in[0];
	const float *x = X->data, *W = a->in[1].data, *R = a->in[2].data;
	int64_t seq = X->dim[0], B = X->dim[1], I = X->dim[2], H = a->in[2].dim[2], D = a->in[1].dim[0];
	const char *dir = tuff_attr_str(a->p, a->s, "direction", "forward");
	float *h, *c, *g;

	if (X->dtype != TUFF_F32)
		return unsupported(a, "a type other than float32");
	if (other_activations(a) || tuff_attr_find(a->p, a->s, "clip") || tuff_attr_int(a->p, a->s, "input_forget", 0))
		return unsupported(a, "activations, clip or input_forget");
	if (cpu_has(a, 4))
		return unsupported(a, "sequence_lens");
	h = cpu_scratch((2 * B * H + 4 * H + 1) * sizeof(*h));
	if (!h)
		return -ENOMEM;
	c = h + B * H;
	g = c + B * H;
	for (int64_t d = 0; d < D; d++) {
		bool back = d == 1 || !strcmp(dir, "reverse");
		const float *b = cpu_has(a, 3) ? (float *)a->in[3].data + d * 8 * H : NULL;
		const float *P = cpu_has(a, 7) ? (float *)a->in[7].data + d * 3 * H : NULL;

		for (int64_t i = 0; i < B * H; i++) {
			h[i] = cpu_has(a, 5) ? ((float *)a->in[5].data)[d * B * H + i] : 0;
			c[i] = cpu_has(a, 6) ? ((float *)a->in[6].data)[d * B * H + i] : 0;
		}
		for (int64_t t = 0; t < seq; t++) {
			int64_t at = back ? seq - 1 - t : t;

			for (int64_t n = 0; n < B; n++) {
				float *hn = h + n * H, *cn = c + n * H;

				for (int64_t k = 0; k < 4 * H; k++) {
					const float *w = W + (d * 4 * H + k) * I, *r = R + (d * 4 * H + k) * H, *xs = x + (at * B + n) * I;
					double s = b ? (double)b[k] + b[4 * H + k] : 0;

					for (int64_t i = 0; i < I; i++)
						s += (double)w[i] * xs[i];
					for (int64_t i = 0; i < H; i++)
						s += (double)r[i] * hn[i];
					g[k] = s;
				}
				for (int64_t k = 0; k < H; k++) {
					double i = sigmoid(g[k] + (P ? P[k] * cn[k] : 0));
					double f = sigmoid(g[2 * H + k] + (P ? P[2 * H + k] * cn[k] : 0)), o;

					cn[k] = f * cn[k] + i * tanh(g[3 * H + k]);
					o = sigmoid(g[H + k] + (P ? P[H + k] * cn[k] : 0));
					hn[k] = o * tanh(cn[k]);
				}
				if (a->out[0].dtype)
					memcpy((float *)a->out[0].data + ((at * D + d) * B + n) * H, hn, H * sizeof(*hn));
			}
		}
		if (a->nout > 1 && a->out[1].dtype)
			memcpy((float *)a->out[1].data + d * B * H, h, B * H * sizeof(*h));
		if (a->nout > 2 && a->out[2].dtype)
			memcpy((float *)a->out[2].data + d * B * H, c, B * H * sizeof(*c));
	}
	return 0;
}
