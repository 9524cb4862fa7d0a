// SPDX-License-Identifier: MIT
/* Transposed convolution by its definition: every input element is spread over its window. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/cpu/cpu.h"

struct spread {
	int n;
	int64_t s[6], d[6], p[6], k[6], in[6], out[6];
	int64_t K, IN, OUT;
};

/* output position of input position i and window position k, or -1 */
static int64_t where(const struct spread *w, int64_t i, int64_t k)
{
	int64_t off = 0, stride = 1;

	for (int j = w->n - 1; j >= 0; j--) {
		int64_t o = i % w->in[j] * w->s[j] + k % w->k[j] * w->d[j] - w->p[j];

		i /= w->in[j];
		k /= w->k[j];
		if (o < 0 || o >= w->out[j])
			return -1;
		off += o * stride;
		stride *= w->out[j];
	}
	return off;
}

static void channel(const struct cpu_args *a, const struct spread *w, const int64_t *at, int64_t xo, int64_t wo, double *acc)
{
	const struct cpu_tensor *x = &a->in[0], *f = &a->in[1];

	for (int64_t i = 0; i < w->IN; i++) {
		double v = cpu_get(x, xo + i);

		for (int64_t k = 0; k < w->K; k++)
			if (at[i * w->K + k] >= 0)
				acc[at[i * w->K + k]] += v * cpu_get(f, wo + k);
	}
}

int cpu_convt(const struct cpu_args *a, void *st)
{
	const struct cpu_tensor *x = &a->in[0], *f = &a->in[1];
	struct cpu_tensor *o = &a->out[0];
	int64_t group = tuff_attr_int(a->p, a->s, "group", 1), ic = f->dim[0] / group, oc = f->dim[1];
	size_t ns, nd, np;
	const int64_t *s = tuff_attr_ints(a->p, a->s, "strides", &ns), *d = tuff_attr_ints(a->p, a->s, "dilations", &nd);
	const int64_t *p = tuff_attr_ints(a->p, a->s, "pads", &np);
	struct spread w = { .n = (int)x->rank - 2, .K = 1, .IN = 1, .OUT = 1 };
	int64_t *at;
	double *acc;

	for (int j = 0; j < w.n; j++) {
		w.s[j] = ns ? s[j] : 1;
		w.d[j] = nd ? d[j] : 1;
		w.p[j] = np ? p[j] : 0;
		w.K *= w.k[j] = f->dim[2 + j];
		w.IN *= w.in[j] = x->dim[2 + j];
		w.OUT *= w.out[j] = o->dim[2 + j];
	}
	at = calloc(w.IN * w.K + 1, sizeof(*at));
	acc = calloc(w.OUT + 1, sizeof(*acc));
	if (!at || !acc) {
		free(at);
		free(acc);
		return -ENOMEM;
	}
	for (int64_t i = 0; i < w.IN * w.K; i++)
		at[i] = where(&w, i / w.K, i % w.K);
	for (int64_t n = 0; n < x->dim[0]; n++)
		for (int64_t c = 0; c < oc * group; c++) {
			int64_t g = c / oc, to = (n * oc * group + c) * w.OUT;

			for (int64_t i = 0; i < w.OUT; i++)
				acc[i] = cpu_has(a, 2) ? cpu_get(&a->in[2], c) : 0;
			for (int64_t i = g * ic; i < (g + 1) * ic; i++)
				channel(a, &w, at, (n * x->dim[1] + i) * w.IN, (i * oc + c % oc) * w.K, acc);
			for (int64_t i = 0; i < w.OUT; i++)
				cpu_set(o, to + i, acc[i]);
		}
	free(at);
	free(acc);
	return 0;
}
