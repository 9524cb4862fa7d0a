// SPDX-License-Identifier: MIT
/* What fusion appends to a matrix product: bias, residual, activation. */
#include "userspace/cpu/cpu.h"

void cpu_epilogue(const struct cpu_args *a, bool bias)
{
	const float *p, *b, *r;
	int act = tuff_attr_int(a->p, a->s, "act", -1);
	struct cpu_tensor *o = &a->out[0];
	int64_t n = cpu_numel(o), N = o->rank ? o->dim[o->rank - 1] : 1;
	float *out = o->data, p0, p1;
	size_t np;

	bias &= cpu_has(a, 2);
	if (!n || o->dtype != TUFF_F32 || (!bias && !cpu_has(a, 3) && act < 0))
		return;
	b = bias ? a->in[2].data : NULL;
	r = cpu_has(a, 3) ? a->in[3].data : NULL;
	p = tuff_attr_floats(a->p, a->s, "act_p", &np);
	p0 = np > 0 ? p[0] : 0;
	p1 = np > 1 ? p[1] : 0;
	for (int64_t at = 0; at < n; at += N) {
		for (int64_t i = 0; b && i < N; i++)
			out[at + i] += b[i];
		for (int64_t i = 0; r && i < N; i++)
			out[at + i] += r[at + i];
		for (int64_t i = 0; act >= 0 && i < N; i++)
			out[at + i] = cpu_act(act, out[at + i], p0, p1);
	}
}
