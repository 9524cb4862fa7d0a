// SPDX-License-Identifier: MIT
/*
 * Jobs: SUBMIT, and what the scheduler asks of one. A submit first prepares all
 * of its jobs, which may fail; then arms and pushes them, which may not. On a
 * run that was seen before, jobs, fences and points come from pools.
 */
#include <stdio.h>

#include "driver/broker.h"
#include "uapi/tuff_trace.h"

static void job_release(struct tuff_kjob *job)
{
	struct tuff_device *dev = job->file->dev;

	for (uint32_t i = 0; i < job->nsignals; i++)
		tuff_sync_point_free(job->signals[i]);
	tuff_fence_put(job->after);
	tuff_sched_job_cleanup(&job->base);
	for (uint32_t i = 0; i < job->nbos; i++)
		tuff_bo_unref(job->bos[i]);
	for (uint32_t i = 0; i < job->ncmdbufs; i++)
		tuff_cmdbuf_unref(job->cmdbufs[i]);
	tuff_ctx_unref(job->ctx);
	tuff_file_unref(job->file);
	job->next = dev->job_pool;
	dev->job_pool = job;
}

void tuff_job_pool_free(struct tuff_device *dev)
{
	struct tuff_kjob *job;

	while ((job = dev->job_pool)) {
		dev->job_pool = job->next;
		free(job);
	}
}

/*
 * Jobs that take long take more of the credits, so that what is on the device
 * ends soon: another client may be more urgent, and what has not started can be
 * cancelled. Two are always there, the device does not wait for us.
 */
static uint32_t credits(const struct tuff_ctx *ctx)
{
	int64_t n = ctx->entity.stats->avg_us * TUFF_CREDITS / TUFF_AHEAD_US;

	return n < 1 ? 1 : n > TUFF_CREDITS / 2 ? TUFF_CREDITS / 2 : (uint32_t)n;
}

/* --- preparing ---------------------------------------------------------------- */

static int add_slots(struct tuff_file *f, struct tuff_kjob *job, const struct tuff_job *a,
		     uint8_t *at, bool *staged)
{
	const struct tuff_be_limits *l = &f->dev->info.limits;
	uint32_t align = l->storage_align > l->uniform_align ? l->storage_align :
							       l->uniform_align;
	int ret;

	for (uint32_t i = 0; i < a->slots.count; i++) {
		struct tuff_msg_slot *m = &job->msg.slots[i];
		struct tuff_job_slot s;
		struct tuff_bo *bo;

		ret = tuff_copy_element(f, &a->slots, i, &s, sizeof(s));
		if (ret)
			return ret;
		if (s.pad || s.slot >= TUFF_MAX_SLOTS || at[s.slot] || !s.flags ||
		    (s.flags & ~(TUFF_SLOT_READ | TUFF_SLOT_WRITE)))
			return -EINVAL;
		bo = idr_find(&f->bos, s.bo_handle);
		if (!bo)
			return -ENOENT;
		if (!s.range || s.offset % align || s.offset > bo->size_B ||
		    s.range > bo->size_B - s.offset)
			return -EINVAL;
		at[s.slot] = (uint8_t)(i + 1);
		*m = (struct tuff_msg_slot){ s.slot, bo->mem, s.flags, 0, s.offset, s.range };
		*staged |= bo->staged;
		bo->ref++;
		job->bos[job->nbos++] = bo;
		ret = tuff_bo_reserve(bo);
		if (ret)
			return ret;
	}
	job->msg.nslots = a->slots.count;
	return 0;
}

static int add_cmdbuf(struct tuff_kjob *job, struct tuff_cmdbuf *cb, const uint8_t *at)
{
	int ret;

	for (uint32_t i = 0; i < cb->nslots; i++) {
		const struct tuff_cmdbuf_slot *d = &cb->slots[i];
		const struct tuff_msg_slot *s;

		if (!at[d->slot])
			return -EINVAL;
		s = &job->msg.slots[at[d->slot] - 1];
		if (s->range < d->size || (d->flags & ~s->flags))
			return -EINVAL;
	}
	if (cb->ready)
		return 0;
	cb->ready = true;
	for (uint32_t i = 0; i < cb->nkernels; i++) {
		struct tuff_fence *made = &cb->kernels[i]->made;

		if (made->signaled && !made->error)
			continue;
		cb->ready = false;
		if (made->signaled)
			return made->error;
		ret = tuff_sched_job_add_dependency(&job->base, tuff_fence_get(made));
		if (ret)
			return ret;
	}
	return 0;
}

static int add_cmdbufs(struct tuff_file *f, struct tuff_kjob *job, const struct tuff_job *a,
		       const uint8_t *at)
{
	int ret = 0;

	for (uint32_t i = 0; !ret && i < a->cmdbufs.count; i++) {
		struct tuff_cmdbuf *cb;
		uint32_t id;

		ret = tuff_copy_element(f, &a->cmdbufs, i, &id, sizeof(id));
		if (ret)
			return ret;
		cb = idr_find(&f->cmdbufs, id);
		if (!cb)
			return -ENOENT;
		cb->ref++;
		job->cmdbufs[job->ncmdbufs++] = cb;
		job->msg.cmdbufs[i] = cb->exec_id;
		job->ntimestamps += cb->timestamps;
		ret = add_cmdbuf(job, cb, at);
	}
	job->msg.ncmdbufs = job->ncmdbufs;
	return ret;
}

/* Does one of the jobs before, or this one, signal it already? */
static bool signaled_before(struct tuff_kjob **jobs, uint32_t n, const struct tuff_syncobj *so,
			    uint64_t point)
{
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < jobs[i]->nsignals; k++)
			if (jobs[i]->signals[k]->so == so &&
			    (point ? jobs[i]->signals[k]->point >= point :
				     !jobs[i]->signals[k]->point))
				return true;
	return false;
}

static int add_syncs(struct tuff_file *f, struct tuff_kjob **jobs, uint32_t n,
		     const struct tuff_job *a)
{
	struct tuff_kjob *job = jobs[n];
	int ret = 0;

	for (uint32_t i = 0; !ret && i < a->syncs.count; i++) {
		struct tuff_syncobj *so;
		struct tuff_sync_op s;
		uint32_t type;

		ret = tuff_copy_element(f, &a->syncs, i, &s, sizeof(s));
		if (ret)
			return ret;
		type = s.flags & TUFF_SYNC_TYPE_MASK;
		if ((s.flags & ~(TUFF_SYNC_TYPE_MASK | TUFF_SYNC_SIGNAL)) ||
		    type > TUFF_SYNC_TIMELINE || (type == TUFF_SYNC_TIMELINE) != !!s.timeline_value)
			return -EINVAL;
		so = idr_find(&f->syncobjs, s.handle);
		if (!so)
			return -ENOENT;
		if (!(s.flags & TUFF_SYNC_SIGNAL)) {
			/* jobs of a submit run in order anyway */
			if (!signaled_before(jobs, n, so, s.timeline_value))
				ret = tuff_syncobj_depend(so, s.timeline_value, &job->base);
			continue;
		}
		if (s.timeline_value && (s.timeline_value <= so->last ||
					 signaled_before(jobs, n + 1, so, s.timeline_value)))
			return -EINVAL;
		job->signals[job->nsignals] = tuff_sync_point_new(so, s.timeline_value);
		if (!job->signals[job->nsignals])
			return -ENOMEM;
		job->nsignals++;
	}
	return ret;
}

static int prepare(struct tuff_file *f, struct tuff_ctx *ctx, const struct tuff_array *array,
		   struct tuff_kjob **jobs, uint32_t n)
{
	struct tuff_device *dev = f->dev;
	struct tuff_kjob *job = dev->job_pool;
	uint8_t at[TUFF_MAX_SLOTS];	/* place in slots + 1 */
	bool staged = false;
	struct tuff_job a;
	int ret;

	ret = tuff_copy_element(f, array, n, &a, sizeof(a));
	if (ret)
		return ret;
	if ((a.flags & ~TUFF_JOB_CHAIN) || (a.flags && !n) || a.pad || a.deadline_ns < 0)
		return -EINVAL;
	ret = tuff_check_array(&a.cmdbufs, TUFF_MAX_CMDBUFS, 4);
	if (!ret)
		ret = tuff_check_array(&a.slots, TUFF_MAX_SLOTS, sizeof(struct tuff_job_slot));
	if (!ret)
		ret = tuff_check_array(&a.syncs, TUFF_MAX_SYNCS, sizeof(struct tuff_sync_op));
	if (ret)
		return ret;
	if (job)
		dev->job_pool = job->next;
	else
		job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	ret = tuff_sched_job_init(&job->base, &ctx->entity, credits(ctx), f->client);
	if (ret) {
		job->next = dev->job_pool;
		dev->job_pool = job;
		return ret;
	}
	job->file = tuff_file_ref(f);
	job->ctx = ctx;
	ctx->ref++;
	job->ncmdbufs = job->nbos = job->nsignals = job->ntimestamps = 0;
	job->pend.cookie = 0;
	job->chain = a.flags & TUFF_JOB_CHAIN;
	job->after = NULL;
	job->tag = a.tag;
	job->base.deadline = a.deadline_ns;
	job->base.timeout = ctx->timeout_ns;
	jobs[n] = job;
	memset(at, 0, sizeof(at));
	ret = add_slots(f, job, &a, at, &staged);
	if (!ret)
		ret = add_cmdbufs(f, job, &a, at);
	if (!ret)
		ret = add_syncs(f, jobs, n, &a);
	/* copies around a job want the device for themselves */
	if (staged)
		job->base.credits = dev->sched.credit_limit;
	if (ret)
		job_release(job);
	return ret;
}

/* --- committing ------------------------------------------------------------------ */

/* *last: the finished fence of the job before, then of this one; references. */
static void commit(struct tuff_kjob *job, struct tuff_fence **last)
{
	struct tuff_fence *done;
	uint32_t n = job->nsignals;

	job->queued = true;
	job->file->jobs_queued++;
	tuff_sched_job_arm(&job->base);
	done = &job->base.s_fence->finished;
	if (job->chain)
		job->after = tuff_fence_get(*last);
	tuff_fence_put(*last);
	*last = tuff_fence_get(done);
	for (uint32_t i = 0; i < job->nbos; i++)
		tuff_bo_attach(job->bos[i], done, job->msg.slots[i].flags & TUFF_SLOT_WRITE);
	job->nsignals = 0;
	for (uint32_t i = 0; i < n; i++)
		tuff_sync_point_set(job->signals[i], done);
	tuff_sched_job_push(&job->base);
}

int tuff_ioctl_submit(struct tuff_file *f, void *arg)
{
	struct tuff_submit *a = arg;
	struct tuff_kjob *jobs[TUFF_MAX_JOBS];
	struct tuff_device *dev = f->dev;
	struct tuff_fence *last = NULL;
	struct tuff_ctx *ctx;
	uint32_t n = 0;
	int ret;

	if (a->flags || a->first_seqno || !a->jobs.count)
		return -EINVAL;
	ret = tuff_check_array(&a->jobs, TUFF_MAX_JOBS, sizeof(struct tuff_job));
	if (ret)
		return ret;
	ctx = idr_find(&f->ctxs, a->ctx_id);
	if (!ctx)
		return -ENOENT;
	if (dev->dead)
		return -EIO;
	if (ctx->guilty)
		return -ECANCELED;
	if (dev->info.features & TUFF_BE_F_COMPILE_ONLY)
		return -EOPNOTSUPP;
	for (; n < a->jobs.count; n++) {
		ret = prepare(f, ctx, &a->jobs, jobs, n);
		if (ret)
			goto err_jobs;
	}
	a->first_seqno = ctx->entity.seq + 1;
	for (uint32_t i = 0; i < n; i++)
		commit(jobs[i], &last);
	tuff_fence_put(last);
	tuff_drain(dev);
	tuff_bg_active(dev, !list_empty(&dev->sched.rq));
	if (dev->waiters)	/* for something not submitted, perhaps */
		pthread_cond_broadcast(&dev->cond);
	return 0;

err_jobs:
	while (n--)
		job_release(jobs[n]);
	return ret;
}

/* --- what the scheduler asks -------------------------------------------------------- */

/* Stamps that are not what was asked for are no stamps. */
static void keep_stamps(struct tuff_kjob *job, const void *payload, uint32_t size)
{
	uint64_t *ns;

	if (!job->ntimestamps || size != job->ntimestamps * sizeof(*ns))
		return;
	ns = malloc(size);
	if (!ns)
		return;
	memcpy(ns, payload, size);
	tuff_ctx_stamps(job->ctx, job->base.s_fence->finished.seqno, ns, job->ntimestamps);
}

static void run_done(struct tuff_device *dev, struct tuff_pend *p, const struct tuff_reply *r,
		     const void *payload)
{
	struct tuff_kjob *job = container_of(p, struct tuff_kjob, pend);

	dev->flights--;
	job->file->jobs_running--;
	if (r->error) {
		tuff_fence_set_error(&job->hw, r->error);
		if (r->error == -EIO && !dev->dead)
			tuff_device_kill(dev, -EIO);
	} else {
		keep_stamps(job, payload, r->size);
		if (job->after)		/* jobs of a context end in order */
			tuff_fence_set_error(&job->hw, job->after->error);
	}
	tuff_fence_signal(&job->hw, tuff_sched_clock(dev));
}

static struct tuff_fence *run_job(struct tuff_sched_job *base, int *error)
{
	struct tuff_kjob *job = to_tuff_kjob(base);
	struct tuff_device *dev = job->file->dev;

	job->queued = false;
	job->file->jobs_queued--;
	if (base->s_fence->finished.error)
		return NULL;
	if (dev->dead) {
		*error = -EIO;
		return NULL;
	}
	if (job->after && job->after->signaled && job->after->error) {
		*error = job->after->error;
		return NULL;
	}
	for (uint32_t i = 0; i < job->ncmdbufs; i++)
		for (uint32_t k = 0; !job->cmdbufs[i]->ready && k < job->cmdbufs[i]->nkernels; k++)
			if (job->cmdbufs[i]->kernels[k]->made.error) {
				*error = job->cmdbufs[i]->kernels[k]->made.error;
				return NULL;
			}
	tuff_fence_init(&job->hw, 0, 0, NULL);
	job->msg.base.type = TUFF_MSG_RUN;
	job->msg.base.size = sizeof(job->msg);
	job->pend.done = run_done;
	*error = tuff_pend_add(dev, &job->pend, &job->msg.base, 0);
	if (*error)
		return NULL;
	dev->flights++;
	job->file->jobs_running++;
	tuff_send(dev, &job->msg.base);
	return &job->hw;
}

static void free_job(struct tuff_sched_job *base)
{
	struct tuff_kjob *job = to_tuff_kjob(base);
	struct tuff_device *dev = job->file->dev;
	struct tuff_sched_fence *sf = base->s_fence;
	struct tuff_ctx *ctx = job->ctx;

	if (job->pend.cookie) {	/* it will never be answered, or nobody listens */
		tuff_pend_del(dev, &job->pend);
		dev->flights--;
		job->file->jobs_running--;
	}
	if (job->queued)	/* killed in the queue */
		job->file->jobs_queued--;
	else if (sf->finished.timestamp > sf->scheduled.timestamp)
		job->file->busy_ns += (uint64_t)(sf->finished.timestamp - sf->scheduled.timestamp);
	ctx->last_error = sf->finished.error;
	if (sf->finished.seqno > ctx->done_seqno)
		ctx->done_seqno = sf->finished.seqno;
	dev->jobs_done++;
	if (sf->finished.error)
		dev->jobs_failed++;
	job_release(job);
	if (dev->waiters)
		pthread_cond_broadcast(&dev->cond);
}

/*
 * In one process nothing can be reset: the VkDevice may share its address space
 * with every other. It is poisoned, and all that it may touch stays.
 */
static enum tuff_sched_stat timedout_job(struct tuff_sched_job *base)
{
	struct tuff_kjob *job = to_tuff_kjob(base);
	struct tuff_device *dev = job->file->dev;
	struct tuff_fence *done = &base->s_fence->finished;
	struct tuff_ctx *ctx = job->ctx;
	struct tuff_sched_job *other;

	tuff_look(dev);
	if (base->finished)
		return TUFF_SCHED_NO_HANG;
	ctx->state |= TUFF_CTX_STATE_TIMEDOUT | TUFF_CTX_STATE_GUILTY;
	tuff_sched_increase_karma(&dev->sched, base, ctx->entity.stats ? &ctx->entity : NULL);
	list_for_each(other, &dev->sched.pending, node) {
		struct tuff_ctx *o = to_tuff_kjob(other)->ctx;

		if (o != ctx)
			o->state |= TUFF_CTX_STATE_INNOCENT;
		if (o->no_recovery)
			o->guilty = 1;
		o->reset_count += o != ctx;
		o->fault_ctx = done->context;
		o->fault_seqno = done->seqno;
	}
	ctx->reset_count++;
	ctx->fault_ctx = done->context;
	ctx->fault_seqno = done->seqno;
	job->file->resets++;
	tuff_device_kill(dev, -ETIME);
	tuff_sched_stop(&dev->sched, base);
	tuff_fence_set_error(done, -ETIME);
	tuff_sched_start(&dev->sched, -ECANCELED);
	return TUFF_SCHED_ENODEV;
}

const struct tuff_sched_ops tuff_job_ops = {
	.run_job = run_job,
	.timedout_job = timedout_job,
	.free_job = free_job,
};
