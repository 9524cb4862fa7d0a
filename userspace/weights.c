// SPDX-License-Identifier: MIT
/* Weights of a session: read through their recipes, one after the other. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/session.h"

static int load(struct tuff_session *s, uint32_t i, uint32_t storage)
{
	const struct tuff_weight *w = &s->p->weights[i];
	size_t es = tuff_dtype_size(storage);
	uint64_t n = 1;
	int ret;

	for (uint32_t d = 0; d < w->rank; d++)
		n *= w->dim[d];
	if (s->weights[i])
		return 0;
	s->weights[i] = aligned_alloc(64, (n * es + 127) / 64 * 64);
	if (!s->weights[i])
		return -ENOMEM;
	ret = tuff_weight_read(&s->src, i, storage, s->weights[i]);
	if (ret)
		return ret;
	tuff_weight_drop(&s->src, i);
	s->weight_bytes += n * es;
	if (w->scale != TUFF_NONE && w->rank && w->dim[0]) {
		const float *scale = tuff_weight_bytes(&s->src, w->scale);
		float *f = s->weights[i];
		uint64_t row = n / w->dim[0];

		for (uint64_t k = 0; k < n; k++)
			f[k] *= scale[k / row];
	}
	return 0;
}

/* does a CPU step read it? on a device program most are packed there instead */
static bool on_host(const struct tuff_program *p, uint32_t t)
{
	for (uint32_t i = 0; i < p->nsteps; i++)
		for (uint32_t k = 0; p->steps[i].kind == TUFF_STEP_CPU && k < p->steps[i].nin; k++)
			if (p->args[p->steps[i].arg + k] == t)
				return true;
	return false;
}

int session_load_weights(struct tuff_session *s, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;

	s->weights = calloc(p->nweights ? p->nweights : 1, sizeof(*s->weights));
	if (!s->weights)
		return session_error(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < p->ntensors; i++) {
		const struct tuff_buf *b = &p->bufs[p->tensors[i].buffer];
		int ret;

		if (b->kind != TUFF_BUF_WEIGHT || (s->dev && !on_host(p, i)))
			continue;
		ret = load(s, b->index, p->tensors[i].storage);
		if (ret)
			return session_error(err, ret, "%s: weight '%s': %s", s->path,
					     tuff_str(p, p->weights[b->index].name), strerror(-ret));
	}
	return 0;
}
