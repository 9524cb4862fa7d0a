// SPDX-License-Identifier: MIT
/* What a session's steps are and how long each took. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/session.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT const char *tuff_session_device(const struct tuff_session *s)
{
	return s && s->dev ? s->dev->info.name : "cpu";
}

EXPORT uint32_t tuff_session_steps(const struct tuff_session *s)
{
	return s ? s->p->nsteps : 0;
}

EXPORT int tuff_session_step(const struct tuff_session *s, uint32_t i, struct tuff_step_info *info)
{
	const struct tuff_program *p;
	const struct tuff_step *st;

	if (!info)
		return -EINVAL;
	memset(info, 0, sizeof(*info));
	if (!s || i >= s->p->nsteps)
		return -EINVAL;
	p = s->p;
	st = &p->steps[i];
	info->node = tuff_str(p, st->node);
	info->op = tuff_op_name(st->op);
	info->on_device = st->kind == TUFF_STEP_DISPATCH;
	info->kernel = info->on_device ? tuff_str(p, p->kernels[st->kernel].name) : "";
	info->reason = tuff_str(p, st->reason);
	info->macs = st->macs != TUFF_NONE && s->last ? s->last->vals[st->macs] : -1;
	return 0;
}

EXPORT uint32_t tuff_session_kernels(const struct tuff_session *s)
{
	return s ? s->p->nkernels : 0;
}

EXPORT int tuff_run_profiled(struct tuff_session *s, const struct tuff_tensor *in, uint32_t nin,
			     struct tuff_tensor *out, uint32_t nout, uint64_t *ns, struct tuff_error *err)
{
	int ret;

	if (err)
		memset(err, 0, sizeof(*err));
	if (!s || !ns)
		return session_error(err, -EINVAL, "no %s given", s ? "place for the times is" : "session is");
	memset(ns, 0, s->p->nsteps * sizeof(*ns));
	s->profile = ns;
	ret = tuff_run(s, in, nin, out, nout, err);
	s->profile = NULL;
	return ret;
}
