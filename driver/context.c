// SPDX-License-Identifier: MIT
/* Contexts: an entity of the scheduler, its faults and its timestamps. */
#include "driver/broker.h"
#include "uapi/tuff_trace.h"

/* The interface's priorities, zero being the default, to the scheduler's. */
static const enum tuff_sched_priority priorities[] = {
	[TUFF_PRIORITY_NORMAL] = TUFF_SCHED_NORMAL,
	[TUFF_PRIORITY_HIGH] = TUFF_SCHED_HIGH,
	[TUFF_PRIORITY_LOW] = TUFF_SCHED_LOW,
};

static int check_priority(uint64_t prio)
{
	if (prio > TUFF_PRIORITY_LOW)
		return -EINVAL;
	/* in-process there is nobody to take from: the process is one client */
	return 0;
}

int tuff_ioctl_ctx_create(struct tuff_file *f, void *arg)
{
	struct tuff_ctx_create *a = arg;
	struct tuff_ctx *ctx;
	int ret = check_priority(a->priority);

	if (a->flags || a->ctx_id || (a->engine_mask & ~1u))
		return -EINVAL;
	if (ret)
		return ret;
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return -ENOMEM;
	ctx->ref = 1;
	ctx->file = f;
	ret = tuff_sched_entity_init(&ctx->entity, priorities[a->priority], f->dev->sched_list,
				     1, &ctx->guilty, f->client);
	if (!ret)
		ret = idr_alloc(&f->ctxs, ctx, &ctx->id);
	if (ret) {
		tuff_sched_entity_fini(&ctx->entity);
		free(ctx);
		return ret;
	}
	tuff_file_ref(f);
	a->ctx_id = ctx->id;
	TUFF_TRACE(ctx_create, f->client, ctx->entity.context + 1, ctx->entity.priority);
	return 0;
}

void tuff_ctx_unref(struct tuff_ctx *ctx)
{
	if (--ctx->ref)
		return;
	for (int i = 0; i < TUFF_KEEP_STAMPS; i++)
		free(ctx->stamps[i].ns);
	tuff_file_unref(ctx->file);
	free(ctx);
}

void tuff_ctx_kill(struct tuff_ctx *ctx)
{
	TUFF_TRACE(ctx_destroy, ctx->file->client, ctx->entity.context + 1);
	tuff_sched_entity_fini(&ctx->entity);
	tuff_ctx_unref(ctx);
}

int tuff_ioctl_ctx_destroy(struct tuff_file *f, void *arg)
{
	struct tuff_ctx_destroy *a = arg;
	struct tuff_ctx *ctx;

	if (a->pad)
		return -EINVAL;
	ctx = idr_remove(&f->ctxs, a->ctx_id);
	if (!ctx)
		return -ENOENT;
	tuff_ctx_kill(ctx);
	return 0;
}

int tuff_ioctl_ctx_set_param(struct tuff_file *f, void *arg)
{
	struct tuff_ctx_set_param *a = arg;
	struct tuff_ctx *ctx = idr_find(&f->ctxs, a->ctx_id);
	int ret;

	if (!ctx)
		return -ENOENT;
	switch (a->param) {
	case TUFF_CTX_PRIORITY:
		ret = check_priority(a->value);
		if (!ret)
			tuff_sched_entity_set_priority(&ctx->entity, priorities[a->value]);
		return ret;
	case TUFF_CTX_TIMEOUT_MS:
		if (!a->value || a->value > TUFF_TIMEOUT_MAX_MS)
			return -EINVAL;
		ctx->timeout_ns = (int64_t)a->value * 1000000;
		return 0;
	case TUFF_CTX_NO_RECOVERY:
		if (a->value > 1)
			return -EINVAL;
		ctx->no_recovery = a->value;
		return 0;
	}
	return -EINVAL;
}

int tuff_ioctl_ctx_get_state(struct tuff_file *f, void *arg)
{
	struct tuff_ctx_get_state *a = arg;
	struct tuff_ctx *ctx = idr_find(&f->ctxs, a->ctx_id);

	if (!ctx)
		return -ENOENT;
	if (a->state || a->reset_count || a->last_error || a->fault_fence_ctx ||
	    a->fault_fence_seqno || a->fence_ctx)
		return -EINVAL;
	tuff_poll(f->dev);
	a->state = ctx->state | (f->dev->dead ? TUFF_CTX_STATE_FATAL : 0);
	a->reset_count = ctx->reset_count;
	a->last_error = ctx->last_error;
	a->fault_fence_ctx = ctx->fault_ctx;
	a->fault_fence_seqno = ctx->fault_seqno;
	a->fence_ctx = ctx->entity.context + 1;
	return 0;
}

/* Takes ns. */
void tuff_ctx_stamps(struct tuff_ctx *ctx, uint64_t seqno, uint64_t *ns, uint32_t count)
{
	struct tuff_stamps *s = &ctx->stamps[ctx->next_stamps++ % TUFF_KEEP_STAMPS];

	free(s->ns);
	*s = (struct tuff_stamps){ seqno, ns, count };
}

int tuff_ioctl_job_timestamps(struct tuff_file *f, void *arg)
{
	struct tuff_job_timestamps *a = arg;
	struct tuff_ctx *ctx = idr_find(&f->ctxs, a->ctx_id);
	uint32_t n;
	int ret;

	if (!ctx || !a->seqno || a->seqno > ctx->entity.seq)
		return -ENOENT;
	tuff_poll(f->dev);
	for (int i = 0; i < TUFF_KEEP_STAMPS; i++) {
		struct tuff_stamps *s = &ctx->stamps[i];

		if (s->seqno != a->seqno)
			continue;
		n = a->count < s->count ? a->count : s->count;
		ret = tuff_copy_out(f, a->array, s->ns, n * 8ull);
		if (!ret)
			a->count = s->count;
		return ret;
	}
	return a->seqno > ctx->done_seqno ? -EBUSY : -ENOENT;
}
