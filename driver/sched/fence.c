// SPDX-License-Identifier: MIT
/* Fences: always signalled in the end, with an error or without. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "driver/sched/sched.h"
#include "uapi/tuff_trace.h"

uint64_t tuff_fence_context_alloc(uint32_t n)
{
	static uint64_t next = 1;

	return __atomic_fetch_add(&next, n, __ATOMIC_RELAXED);
}

void tuff_fence_init(struct tuff_fence *f, uint64_t context, uint64_t seqno,
		     void (*release)(struct tuff_fence *f))
{
	memset(f, 0, sizeof(*f));
	f->ref = 1;
	f->context = context;
	f->seqno = seqno;
	f->release = release;
	list_init(&f->cbs);
}

struct tuff_fence *tuff_fence_get(struct tuff_fence *f)
{
	if (f)
		f->ref++;
	return f;
}

void tuff_fence_put(struct tuff_fence *f)
{
	if (f && !--f->ref && f->release)
		f->release(f);
}

void tuff_fence_set_error(struct tuff_fence *f, int error)
{
	if (!f->signaled && !f->error)
		f->error = error;
}

void tuff_fence_signal(struct tuff_fence *f, int64_t timestamp)
{
	struct tuff_fence_cb *cb;
	bool counted = f->release != NULL;
	struct list cbs;

	if (f->signaled)
		return;
	f->signaled = true;
	f->timestamp = timestamp;
	/* memory of an owner's may go with the last callback */
	if (counted)
		tuff_fence_get(f);
	/* taken one by one: a callback may remove another */
	list_move_all(&f->cbs, &cbs);
	while ((cb = list_first(&cbs, struct tuff_fence_cb, node))) {
		list_del(&cb->node);
		cb->func(f, cb);
	}
	if (counted)
		tuff_fence_put(f);
}

bool tuff_fence_add_cb(struct tuff_fence *f, struct tuff_fence_cb *cb,
		       void (*func)(struct tuff_fence *f, struct tuff_fence_cb *cb))
{
	list_init(&cb->node);
	if (f->signaled)
		return false;
	cb->func = func;
	list_add_tail(&cb->node, &f->cbs);
	return true;
}

bool tuff_fence_remove_cb(struct tuff_fence *f, struct tuff_fence_cb *cb)
{
	bool waiting = !list_empty(&cb->node);

	(void)f;
	list_del(&cb->node);
	return waiting;
}

struct tuff_sched_fence *to_tuff_sched_fence(struct tuff_fence *f)
{
	if (f->kind == TUFF_FENCE_SCHEDULED)
		return container_of(f, struct tuff_sched_fence, scheduled);
	if (f->kind == TUFF_FENCE_FINISHED)
		return container_of(f, struct tuff_sched_fence, finished);
	return NULL;
}

static void release_scheduled(struct tuff_fence *f)
{
	struct tuff_sched_fence *sf = to_tuff_sched_fence(f);

	tuff_fence_put(sf->parent);
	sf->parent = NULL;
	sf->next = sf->sched->pool;
	sf->sched->pool = sf;
}

/* The finished fence holds the scheduled one, which holds the memory. */
static void release_finished(struct tuff_fence *f)
{
	tuff_fence_put(&to_tuff_sched_fence(f)->scheduled);
}

struct tuff_sched_fence *tuff_sched_fence_alloc(struct tuff_scheduler *s)
{
	struct tuff_sched_fence *sf = s->pool;

	if (sf)
		s->pool = sf->next;
	else
		sf = malloc(sizeof(*sf));
	if (!sf)
		return NULL;
	sf->sched = s;
	sf->parent = NULL;
	sf->next = NULL;
	tuff_fence_init(&sf->scheduled, 0, 0, release_scheduled);
	tuff_fence_init(&sf->finished, 0, 0, release_finished);
	sf->scheduled.kind = TUFF_FENCE_SCHEDULED;
	sf->finished.kind = TUFF_FENCE_FINISHED;
	return sf;
}

/* Signals finished, with what the job already had or `error`. */
void tuff_sched_fence_finish(struct tuff_scheduler *s, struct tuff_sched_job *job, int error)
{
	struct tuff_fence *f = &job->s_fence->finished;

	if (error)
		tuff_fence_set_error(f, error);
	TUFF_TRACE(sched_job_done, f->context, f->seqno, f->error);
	tuff_fence_signal(f, s->now(s->owner));
}
