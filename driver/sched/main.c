// SPDX-License-Identifier: MIT
/* Jobs from the queues to the device and back; timeouts and resets. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/sched/sched.h"
#include "uapi/tuff_trace.h"

void tuff_sched_init(struct tuff_scheduler *s, const struct tuff_sched_ops *ops, void *owner,
		     int64_t (*now)(void *owner), uint32_t credit_limit, int64_t timeout)
{
	memset(s, 0, sizeof(*s));
	s->ops = ops;
	s->owner = owner;
	s->now = now;
	s->credit_limit = credit_limit;
	s->timeout = timeout;
	list_init(&s->rq);
	list_init(&s->pending);
	list_init(&s->done);
	list_init(&s->killed);
}

struct tuff_scheduler *tuff_sched_pick_best(struct tuff_scheduler **list, uint32_t n)
{
	struct tuff_scheduler *best = list[0];

	for (uint32_t i = 1; i < n; i++)
		if (list[i]->score < best->score)
			best = list[i];
	return best;
}

/* --- jobs ------------------------------------------------------------------ */

int tuff_sched_job_init(struct tuff_sched_job *job, struct tuff_sched_entity *e,
			uint32_t credits, uint64_t client)
{
	memset(job, 0, sizeof(*job));
	if (!credits)
		return -EINVAL;
	if (e->stopped)
		return -ENOENT;
	job->s_fence = tuff_sched_fence_alloc(e->sched);
	if (!job->s_fence)
		return -ENOMEM;
	list_init(&job->node);
	list_init(&job->cb.node);
	job->entity = e;
	job->credits = credits;
	job->client = client;
	job->deps = job->inline_deps;
	job->cap_deps = TUFF_SCHED_INLINE_DEPS;
	return 0;
}

int tuff_sched_job_add_dependency(struct tuff_sched_job *job, struct tuff_fence *f)
{
	struct tuff_fence **deps;

	if (!f)
		return 0;
	for (uint32_t i = job->next_dep; i < job->ndeps; i++) {
		if (job->deps[i]->context != f->context)
			continue;
		if (job->deps[i]->seqno < f->seqno) {
			tuff_fence_put(job->deps[i]);
			job->deps[i] = f;
		} else {
			tuff_fence_put(f);
		}
		return 0;
	}
	if (job->ndeps == job->cap_deps) {
		deps = malloc(2 * job->cap_deps * sizeof(*deps));
		if (!deps) {
			tuff_fence_put(f);
			return -ENOMEM;
		}
		memcpy(deps, job->deps, job->ndeps * sizeof(*deps));
		if (job->deps != job->inline_deps)
			free(job->deps);
		job->deps = deps;
		job->cap_deps *= 2;
	}
	job->deps[job->ndeps++] = f;
	return 0;
}

void tuff_sched_job_arm(struct tuff_sched_job *job)
{
	struct tuff_sched_entity *e = job->entity;
	struct tuff_sched_fence *sf = job->s_fence;

	tuff_sched_entity_select(e);
	job->sched = e->sched;
	job->priority = e->priority;
	job->stats = e->stats;
	job->stats->ref++;
	sf->sched = e->sched;
	sf->scheduled.context = e->context;
	sf->finished.context = e->context + 1;
	sf->scheduled.seqno = sf->finished.seqno = ++e->seq;
	e->sched->score++;
}

void tuff_sched_job_push(struct tuff_sched_job *job)
{
	struct tuff_sched_entity *e = job->entity;
	struct tuff_scheduler *s = job->sched;
	struct tuff_fence *f = &job->s_fence->finished;

	list_add_tail(&job->node, &e->jobs);
	e->njobs++;
	TUFF_TRACE(sched_job_queue, s->dev, f->context, f->seqno, s->ring, e->njobs,
		   s->credit_count, job->client);
	for (uint32_t i = 0; i < job->ndeps; i++)
		TUFF_TRACE(sched_job_add_dep, f->context, f->seqno, job->deps[i]->context,
			   job->deps[i]->seqno);
	if (e->njobs == 1)
		tuff_sched_rq_add(s, e);
	tuff_sched_wake(s);
}

void tuff_sched_job_cleanup(struct tuff_sched_job *job)
{
	for (uint32_t i = 0; i < job->ndeps; i++)
		tuff_fence_put(job->deps[i]);
	if (job->deps != job->inline_deps)
		free(job->deps);
	job->deps = job->inline_deps;
	job->ndeps = 0;
	if (!job->s_fence)
		return;
	/* one reference of each kind; the finished one holds the scheduled */
	tuff_fence_put(&job->s_fence->finished);
	job->s_fence = NULL;
	tuff_entity_stats_put(job->stats);
	job->stats = NULL;
}

uint32_t tuff_sched_job_credits(struct tuff_scheduler *s, struct tuff_sched_job *job)
{
	if (job->credits > s->credit_limit) {
		fprintf(stderr, "tuff: job of %u credits cut to the limit of %u\n", job->credits,
			s->credit_limit);
		job->credits = s->credit_limit;
	}
	return job->credits;
}

/* --- running ------------------------------------------------------------------ */

static void restart_timer(struct tuff_scheduler *s)
{
	struct tuff_sched_job *job = list_first(&s->pending, struct tuff_sched_job, node);
	int64_t timeout = job && job->timeout ? job->timeout : s->timeout;

	s->timer = job && timeout && !s->dead ? s->now(s->owner) + timeout : 0;
}

void tuff_sched_free_done(struct tuff_scheduler *s)
{
	struct tuff_sched_job *job;

	if (s->running || s->hold)
		return;
	while ((job = list_first(&s->done, struct tuff_sched_job, node))) {
		list_del(&job->node);
		s->ops->free_job(job);
	}
}

static void charge(struct tuff_scheduler *s, struct tuff_sched_job *job)
{
	struct tuff_fence *sched = &job->s_fence->scheduled;
	struct tuff_entity_stats *st = job->stats;
	int64_t now = s->now(s->owner), ns;

	ns = now - sched->timestamp;
	if (!sched->signaled || ns < 0)
		ns = 0;
	st->runtime += ns;
	st->avg_us = st->avg_us ? (7 * st->avg_us + ns / 1000) / 8 : ns / 1000;
	s->avg_us = s->avg_us ? (7 * s->avg_us + ns / 1000) / 8 : ns / 1000;
	s->last_finish = now;
}

static void job_done(struct tuff_scheduler *s, struct tuff_sched_job *job, int error)
{
	struct tuff_sched_job *next;
	bool head = list_first(&s->pending, struct tuff_sched_job, node) == job;

	if (job->finished)
		return;
	job->finished = true;
	s->credit_count -= job->credits;
	s->score--;
	charge(s, job);
	list_del(&job->node);
	list_add_tail(&job->node, &s->done);
	/* it may be part of the job, which goes before the fences do */
	tuff_fence_put(job->s_fence->parent);
	job->s_fence->parent = NULL;
	next = list_first(&s->pending, struct tuff_sched_job, node);
	/* it shared the device with this one until now */
	if (head && next && next->s_fence->scheduled.timestamp < s->last_finish)
		next->s_fence->scheduled.timestamp = s->last_finish;
	if (head)
		restart_timer(s);
	tuff_sched_fence_finish(s, job, error);
	tuff_sched_wake(s);
}

static void parent_signaled(struct tuff_fence *f, struct tuff_fence_cb *cb)
{
	struct tuff_sched_job *job = container_of(cb, struct tuff_sched_job, cb);

	job_done(job->sched, job, f->error);
}

/* left: jobs that its entity still holds */
static void run_one(struct tuff_scheduler *s, struct tuff_sched_job *job, uint32_t left)
{
	struct tuff_sched_fence *sf = job->s_fence;
	struct tuff_fence *parent;
	int64_t now = s->now(s->owner);
	int error = 0;

	if (job->deadline && job->deadline < now)
		tuff_fence_set_error(&sf->finished, -ETIME);
	s->credit_count += job->credits;
	s->current = sf->scheduled.context;
	list_add_tail(&job->node, &s->pending);
	if (!s->timer)
		restart_timer(s);
	TUFF_TRACE(sched_job_run, s->dev, sf->finished.context, sf->finished.seqno, s->ring,
		   left, s->credit_count, job->client);
	parent = s->ops->run_job(job, &error);
	tuff_fence_signal(&sf->scheduled, now);
	if (!parent) {
		job_done(s, job, error ? error : sf->finished.error ? 0 : -ECANCELED);
		return;
	}
	sf->parent = parent;
	if (!tuff_fence_add_cb(parent, &job->cb, parent_signaled))
		job_done(s, job, parent->error);
}

void tuff_sched_wake(struct tuff_scheduler *s)
{
	struct tuff_sched_entity *e;
	struct tuff_sched_job *job;
	bool full;

	if (s->running) {
		s->again = true;
		return;
	}
	s->running = true;
	do {
		s->again = false;
		while (!s->stopped && (e = tuff_sched_rq_select(s, &full))) {
			job = tuff_sched_entity_pop(e);
			if (job)
				run_one(s, job, e->njobs);
		}
	} while (s->again);
	s->running = false;
	tuff_sched_free_done(s);
}

/* --- timeouts ------------------------------------------------------------------ */

void tuff_sched_fault(struct tuff_scheduler *s)
{
	struct tuff_sched_job *job = list_first(&s->pending, struct tuff_sched_job, node);
	struct tuff_fence *f;
	enum tuff_sched_stat stat;

	if (!job || s->dead)
		return;
	f = tuff_fence_get(&job->s_fence->finished);
	/* off the list while the driver looks at it; stop() or we put it back */
	list_del(&job->node);
	s->timer = 0;
	s->hold = true;
	stat = s->ops->timedout_job(job);
	TUFF_TRACE(sched_job_timeout, f->context, f->seqno, job->client, stat);
	if (stat == TUFF_SCHED_NO_HANG && !job->finished && list_empty(&job->node))
		list_add_head(&job->node, &s->pending);
	tuff_fence_put(f);
	s->hold = false;
	if (stat == TUFF_SCHED_ENODEV)
		s->dead = true;
	restart_timer(s);
	tuff_sched_free_done(s);
}

void tuff_sched_check_timeout(struct tuff_scheduler *s)
{
	if (s->timer && s->now(s->owner) >= s->timer)
		tuff_sched_fault(s);
}

void tuff_sched_stop(struct tuff_scheduler *s, struct tuff_sched_job *bad)
{
	struct tuff_sched_job *job;
	struct list *n, *prev;

	TUFF_TRACE(reset_begin, s->dev, s->ring);
	s->stopped = true;
	if (bad && !bad->finished && list_empty(&bad->node))
		list_add_head(&bad->node, &s->pending);
	/* newest first: an older one must not look like the cause of a newer */
	for (n = s->pending.prev; n != &s->pending; n = prev) {
		prev = n->prev;
		job = container_of(n, struct tuff_sched_job, node);
		if (!job->s_fence->parent)
			continue;
		if (tuff_fence_remove_cb(job->s_fence->parent, &job->cb)) {
			tuff_fence_put(job->s_fence->parent);
			job->s_fence->parent = NULL;
			s->credit_count -= job->credits;
		}
	}
	s->timer = 0;
}

void tuff_sched_start(struct tuff_scheduler *s, int error)
{
	struct tuff_sched_job *job;
	struct list jobs;

	list_move_all(&s->pending, &jobs);
	while ((job = list_first(&jobs, struct tuff_sched_job, node))) {
		list_del(&job->node);
		list_add_tail(&job->node, &s->pending);
		s->credit_count += job->credits;
		if (!job->s_fence->parent)
			job_done(s, job, error ? error : -ECANCELED);
		else if (!tuff_fence_add_cb(job->s_fence->parent, &job->cb, parent_signaled))
			job_done(s, job, job->s_fence->parent->error);
	}
	s->stopped = false;
	TUFF_TRACE(reset_end, s->dev, s->ring, error);
	restart_timer(s);
	tuff_sched_wake(s);
}

void tuff_sched_increase_karma(struct tuff_scheduler *s, struct tuff_sched_job *bad,
			       struct tuff_sched_entity *entity)
{
	(void)s;
	if (bad->priority == TUFF_SCHED_KERNEL)
		return;
	bad->karma++;
	if (entity && entity->guilty && entity->context == bad->s_fence->scheduled.context)
		*entity->guilty = 1;
}

void tuff_sched_fini(struct tuff_scheduler *s)
{
	struct tuff_sched_job *job;
	struct tuff_sched_fence *sf;

	s->stopped = true;
	while ((job = list_last(&s->pending, struct tuff_sched_job, node))) {
		if (job->s_fence->parent)
			tuff_fence_remove_cb(job->s_fence->parent, &job->cb);
		if (s->ops->cancel_job)
			s->ops->cancel_job(job);
		job_done(s, job, -ECANCELED);
	}
	while ((job = list_first(&s->killed, struct tuff_sched_job, node))) {
		if (job->waiting) {
			tuff_fence_remove_cb(job->waiting, &job->cb);
			tuff_fence_put(job->waiting);
			job->waiting = NULL;
		}
		list_del(&job->node);
		list_add_tail(&job->node, &s->done);
		tuff_sched_fence_finish(s, job, -ESRCH);
	}
	tuff_sched_free_done(s);
	while ((sf = s->pool)) {
		s->pool = sf->next;
		free(sf);
	}
}
