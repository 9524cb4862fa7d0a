// SPDX-License-Identifier: MIT
/* Entities: one queue of jobs each, usually one per context. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "driver/sched/sched.h"
#include "uapi/tuff_trace.h"

int tuff_sched_entity_init(struct tuff_sched_entity *e, enum tuff_sched_priority prio,
			   struct tuff_scheduler **list, uint32_t n, int *guilty,
			   uint64_t client)
{
	memset(e, 0, sizeof(*e));
	if (!n || (unsigned int)prio >= TUFF_SCHED_PRIORITIES)
		return -EINVAL;
	e->stats = calloc(1, sizeof(*e->stats));
	if (!e->stats)
		return -ENOMEM;
	e->stats->ref = 1;
	list_init(&e->jobs);
	list_init(&e->node);
	list_init(&e->cb.node);
	e->list = list;
	e->nlist = n;
	e->sched = list[0];
	e->priority = prio;
	e->guilty = guilty;
	e->client = client;
	e->context = tuff_fence_context_alloc(2);
	return 0;
}

void tuff_entity_stats_put(struct tuff_entity_stats *s)
{
	if (s && !--s->ref)
		free(s);
}

bool tuff_sched_entity_ready(const struct tuff_sched_entity *e)
{
	return !list_empty(&e->jobs) && !e->dependency;
}

int tuff_sched_entity_error(const struct tuff_sched_entity *e)
{
	return e->last_scheduled ? e->last_scheduled->error : 0;
}

static struct tuff_fence *next_dependency(struct tuff_sched_job *job)
{
	const struct tuff_sched_ops *ops = job->sched->ops;

	if (job->next_dep < job->ndeps)
		return tuff_fence_get(job->deps[job->next_dep++]);
	return ops->prepare_job ? ops->prepare_job(job) : NULL;
}

static void dependency_signaled(struct tuff_fence *f, struct tuff_fence_cb *cb)
{
	struct tuff_sched_entity *e = container_of(cb, struct tuff_sched_entity, cb);

	e->dependency = NULL;
	tuff_fence_put(f);
	tuff_sched_wake(e->sched);
}

/* false: nothing to wait for */
static bool wait_dependency(struct tuff_sched_entity *e, struct tuff_sched_job *job)
{
	struct tuff_fence *f = e->dependency;
	struct tuff_sched_fence *sf = to_tuff_sched_fence(f);

	/* what this entity did before is before it in any case */
	if (f->context == e->context || f->context == e->context + 1)
		goto drop;
	if (sf && sf->sched == e->sched && !f->error && !(f->flags & TUFF_FENCE_DONT_PIPELINE)) {
		/* the same device runs them in this order: wait for the start only */
		tuff_fence_get(&sf->scheduled);
		tuff_fence_put(f);
		e->dependency = f = &sf->scheduled;
	}
	if (tuff_fence_add_cb(f, &e->cb, dependency_signaled)) {
		TUFF_TRACE(sched_job_unschedulable, job->s_fence->finished.context,
			   job->s_fence->finished.seqno, f->context, f->seqno);
		return true;
	}
drop:
	e->dependency = NULL;
	tuff_fence_put(f);
	return false;
}

/* The head, if nothing keeps it. */
struct tuff_sched_job *tuff_sched_entity_pop(struct tuff_sched_entity *e)
{
	struct tuff_sched_job *job = list_first(&e->jobs, struct tuff_sched_job, node);

	if (!job)
		return NULL;
	while ((e->dependency = next_dependency(job)))
		if (wait_dependency(e, job))
			return NULL;
	if (e->guilty && *e->guilty)
		tuff_fence_set_error(&job->s_fence->finished, -ECANCELED);
	tuff_fence_put(e->last_scheduled);
	e->last_scheduled = tuff_fence_get(&job->s_fence->finished);
	list_del(&job->node);
	e->njobs--;
	job->priority = e->priority;
	tuff_sched_rq_pop(e->sched, e);
	job->entity = NULL;
	return job;
}

/* Moves to the least loaded scheduler, when nothing binds it to the old one. */
void tuff_sched_entity_select(struct tuff_sched_entity *e)
{
	if (e->nlist < 2 && e->sched == e->list[0])
		return;
	if (!list_empty(&e->jobs))
		return;
	if (e->last_scheduled && !e->last_scheduled->signaled)
		return;
	e->sched = tuff_sched_pick_best(e->list, e->nlist);
}

void tuff_sched_entity_modify_sched(struct tuff_sched_entity *e, struct tuff_scheduler **list,
				    uint32_t n)
{
	e->list = list;
	e->nlist = n;
}

void tuff_sched_entity_set_priority(struct tuff_sched_entity *e, enum tuff_sched_priority p)
{
	e->priority = p;
}

static void kill_job(struct tuff_sched_job *job);

static void kill_cb(struct tuff_fence *f, struct tuff_fence_cb *cb)
{
	struct tuff_sched_job *job = container_of(cb, struct tuff_sched_job, cb);
	struct tuff_scheduler *s = job->sched;

	job->waiting = NULL;
	tuff_fence_put(f);
	kill_job(job);
	tuff_sched_free_done(s);
}

/* Waits for the dependencies that are left, then ends the job. */
static void kill_job(struct tuff_sched_job *job)
{
	struct tuff_scheduler *s = job->sched;

	while (job->next_dep < job->ndeps) {
		struct tuff_fence *f = tuff_fence_get(job->deps[job->next_dep++]);

		job->waiting = f;
		if (tuff_fence_add_cb(f, &job->cb, kill_cb))
			return;
		job->waiting = NULL;
		tuff_fence_put(f);
	}
	list_del(&job->node);
	list_add_tail(&job->node, &s->done);
	s->score--;
	job->finished = true;
	tuff_fence_signal(&job->s_fence->scheduled, s->now(s->owner));
	tuff_sched_fence_finish(s, job, -ESRCH);
}

void tuff_sched_entity_fini(struct tuff_sched_entity *e)
{
	struct tuff_fence *prev = e->last_scheduled;	/* takes its reference */
	struct tuff_scheduler *s = e->sched;
	struct tuff_sched_job *job;
	struct list jobs;

	if (!e->stats)
		return;
	e->stopped = true;
	tuff_sched_rq_remove(s, e);
	if (e->dependency) {
		tuff_fence_remove_cb(e->dependency, &e->cb);
		/* given back to the head: it still waits for it */
		job = list_first(&e->jobs, struct tuff_sched_job, node);
		if (job && job->next_dep)
			job->next_dep--;
		tuff_fence_put(e->dependency);
		e->dependency = NULL;
	}
	list_move_all(&e->jobs, &jobs);
	e->njobs = 0;
	while ((job = list_first(&jobs, struct tuff_sched_job, node))) {
		list_del(&job->node);
		list_add_tail(&job->node, &s->killed);
		job->entity = NULL;
		tuff_fence_set_error(&job->s_fence->finished, -ESRCH);
		/* in order: each also waits for the one before */
		if (prev && tuff_sched_job_add_dependency(job, prev))
			prev = NULL;	/* no memory: out of order, but it ends */
		prev = tuff_fence_get(&job->s_fence->finished);
		kill_job(job);
	}
	tuff_fence_put(prev);
	e->last_scheduled = NULL;
	tuff_entity_stats_put(e->stats);
	e->stats = NULL;
	tuff_sched_free_done(s);
}
