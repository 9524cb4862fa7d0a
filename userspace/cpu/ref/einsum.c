// SPDX-License-Identifier: MIT
/* Einsum by its definition: a sum over all labels that the result does not have. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "userspace/cpu/cpu.h"

#define MAX_LABELS 64
#define MAX_OPERANDS 32

int cpu_einsum(const struct cpu_args *a, void *st)
{
	int64_t stride[MAX_OPERANDS][MAX_LABELS] = { 0 }, size[MAX_LABELS], off[MAX_OPERANDS] = { 0 }, at[MAX_LABELS] = { 0 };
	int labels = tuff_attr_int(a->p, a->s, "tuff.nlabels", 0), order[MAX_LABELS], nout = 0, n = 0;
	struct cpu_tensor *o = &a->out[0];
	bool in_out[MAX_LABELS] = { false };
	int64_t total, sum = 1, outs = cpu_numel(o);
	size_t cnt, pos = 0;
	const int64_t *list = tuff_attr_ints(a->p, a->s, "tuff.labels", &cnt);

	if (labels > MAX_LABELS || a->nin > MAX_OPERANDS) {
		snprintf(a->err, a->errlen, "more than %d operands", MAX_OPERANDS);
		return -EOPNOTSUPP;
	}
	for (int i = 0; i < labels; i++)
		size[i] = 1;
	for (uint32_t i = 0; i < a->nin; i++) {
		int64_t rank = list[pos++], s = 1;

		for (int64_t k = rank - 1; k >= 0; s *= a->in[i].dim[k--]) {
			int64_t l = list[pos + k];

			if (a->in[i].dim[k] == 1)
				continue;
			if (size[l] != 1 && size[l] != a->in[i].dim[k]) {
				snprintf(a->err, a->errlen, "dimension %lld of operand %u is %lld, elsewhere %lld", (long long)k, i,
					 (long long)a->in[i].dim[k], (long long)size[l]);
				return -EINVAL;
			}
			size[l] = a->in[i].dim[k];
			stride[i][l] += s;
		}
		pos += rank;
	}
	/* result's labels outside, the rest inside */
	for (int64_t k = 0, rank = list[pos++]; k < rank; k++) {
		order[n++] = list[pos + k];
		in_out[list[pos + k]] = true;
	}
	nout = n;
	for (int l = 0; l < labels; l++)
		if (!in_out[l]) {
			order[n++] = l;
			sum *= size[l];
		}
	for (int64_t i = 0; i < outs; i++) {
		double f = 0;
		uint64_t u = 0;

		for (total = 0; total < sum; total++) {
			double pf = 1;
			uint64_t pu = 1;

			for (uint32_t k = 0; k < a->nin; k++) {
				if (cpu_is_float(o->dtype))
					pf *= cpu_get(&a->in[k], off[k]);
				else
					pu *= (uint64_t)cpu_get_int(&a->in[k], off[k]);
			}
			f += pf;
			u += pu;
			for (int j = n - 1; j >= nout; j--) {
				int l = order[j];

				for (uint32_t k = 0; k < a->nin; k++)
					off[k] += stride[k][l];
				if (++at[l] < size[l])
					break;
				for (uint32_t k = 0; k < a->nin; k++)
					off[k] -= stride[k][l] * at[l];
				at[l] = 0;
			}
		}
		if (cpu_is_float(o->dtype))
			cpu_set(o, i, f);
		else
			cpu_set_int(o, i, u);
		for (int j = nout - 1; j >= 0; j--) {
			int l = order[j];

			for (uint32_t k = 0; k < a->nin; k++)
				off[k] += stride[k][l];
			if (++at[l] < size[l])
				break;
			for (uint32_t k = 0; k < a->nin; k++)
				off[k] -= stride[k][l] * at[l];
			at[l] = 0;
		}
	}
	return 0;
}
