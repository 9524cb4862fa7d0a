// SPDX-License-Identifier: MIT
/* One operator on host tensors, by the CPU path's rows: for constant folding. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/session.h"

static bool is_half(uint32_t dtype)
{
	return dtype == TUFF_F16 || dtype == TUFF_BF16;
}

/* as the CPU path stores it: 16-bit floats as float32 */
static int enter(const struct tuffc_tensor *t, struct cpu_tensor *c, bool load)
{
	size_t n = t->size / 2;

	c->logical = c->dtype = t->dtype;
	c->rank = t->rank;
	memcpy(c->dim, t->dim, sizeof(c->dim));
	c->data = t->data;
	if (!is_half(t->dtype))
		return 0;
	c->dtype = TUFF_F32;
	c->data = calloc(n + 1, 4);
	if (!c->data)
		return -ENOMEM;
	for (size_t i = 0; load && i < n; i++) {
		uint16_t h = ((uint16_t *)t->data)[i];
		uint32_t u = (uint32_t)h << 16;

		if (t->dtype == TUFF_F16)
			((float *)c->data)[i] = tuff_f16_to_f32(h);
		else
			memcpy((float *)c->data + i, &u, 4);
	}
	return 0;
}

static void leave(struct tuffc_tensor *t, const struct cpu_tensor *c)
{
	for (size_t i = 0; is_half(t->dtype) && i < t->size / 2; i++) {
		float f = ((float *)c->data)[i];
		uint32_t u;

		memcpy(&u, &f, 4);
		((uint16_t *)t->data)[i] = t->dtype == TUFF_F16 ? tuff_f32_to_f16(f) :
			(u & 0x7fffffff) > 0x7f800000 ? u >> 16 | 64 : (u + 0x7fff + (u >> 16 & 1)) >> 16;
	}
}

int tuff_eval(void *priv, uint32_t op, const struct tuff_program *p, const struct tuff_step *s,
	      const struct tuffc_tensor *in, uint32_t nin, struct tuffc_tensor *out, uint32_t nout)
{
	struct cpu_tensor *c = calloc(nin + nout + 1, sizeof(*c));
	char why[256] = "";
	struct cpu_args a = { .p = p, .s = s, .in = c, .out = c + nin, .nin = nin, .nout = nout, .err = why, .errlen = sizeof(why) };
	void *state = NULL;
	int ret = c ? 0 : -ENOMEM;

	if (!ret && (op >= TUFF_OP_COUNT || !cpu_ops[op].run))
		ret = -EOPNOTSUPP;
	for (uint32_t i = 0; i < nin && !ret; i++)
		ret = enter(&in[i], &c[i], true);
	for (uint32_t i = 0; i < nout && !ret; i++)
		ret = enter(&out[i], &c[nin + i], false);
	ret = ret ? ret : cpu_check(&a);
	if (!ret && cpu_ops[op].prepare)
		ret = cpu_ops[op].prepare(&a, &state);
	if (!ret)
		ret = cpu_ops[op].run(&a, state);
	if (state && cpu_ops[op].destroy)
		cpu_ops[op].destroy(state);
	for (uint32_t i = 0; i < nout && !ret; i++)
		leave(&out[i], &c[nin + i]);
	for (uint32_t i = 0; c && i < nin + nout; i++)
		if (is_half(c[i].logical))
			free(c[i].data);
	free(c);
	return ret;
}
