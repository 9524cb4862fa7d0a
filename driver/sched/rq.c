// SPDX-License-Identifier: MIT
/*
 * The run queue: entities with jobs in the order of their virtual runtime, the
 * FAIR policy. A sorted list: contexts with work at one time are tens, and the
 * walk starts at the end that is wanted.
 */
#include "driver/sched/sched.h"

/* A nanosecond on the device costs an entity 1 << shift. */
static const int shift[TUFF_SCHED_PRIORITIES] = { 1, 2, 4, 7 };

static void insert(struct tuff_scheduler *s, struct tuff_sched_entity *e)
{
	struct tuff_sched_entity *at;

	list_for_each(at, &s->rq, node)
		if (at->stats->vruntime > e->stats->vruntime)
			break;
	list_add_before(&e->node, &at->node);
}

static void update(struct tuff_sched_entity *e)
{
	struct tuff_entity_stats *st = e->stats;

	st->vruntime += (st->runtime - st->prev_runtime) << shift[e->priority];
	st->prev_runtime = st->runtime;
}

/* Where an entity that was idle continues, relative to the first one. */
static void restore(struct tuff_scheduler *s, struct tuff_sched_entity *e)
{
	struct tuff_sched_entity *head = list_first(&s->rq, struct tuff_sched_entity, node);
	struct tuff_entity_stats *st = e->stats;
	int64_t v = st->vruntime;

	if (!head)
		return;
	if (!v) {	/* it was the first, or is new */
		if (e->priority > head->priority)
			v = (1 + st->avg_us + s->avg_us) * 1000 << shift[e->priority];
		else if (e->priority < head->priority)
			v = -(int64_t)(head->priority - e->priority);
		else if (st->avg_us < head->stats->avg_us)
			v = -1;
		else
			v = 1;
	}
	st->vruntime = head->stats->vruntime + v;
}

/* Before the entity leaves: keeps its distance from the first of the others. */
static void save(struct tuff_scheduler *s, struct tuff_sched_entity *e)
{
	struct tuff_sched_entity *head = list_first(&s->rq, struct tuff_sched_entity, node);
	struct tuff_entity_stats *st = e->stats;

	if (head && st->vruntime > head->stats->vruntime)
		st->vruntime -= head->stats->vruntime;
	else
		st->vruntime = 0;
}

void tuff_sched_rq_add(struct tuff_scheduler *s, struct tuff_sched_entity *e)
{
	if (e->on_rq)
		return;
	/* what ran while it was away is charged first */
	update(e);
	restore(s, e);
	e->on_rq = true;
	insert(s, e);
}

void tuff_sched_rq_remove(struct tuff_scheduler *s, struct tuff_sched_entity *e)
{
	if (!e->on_rq)
		return;
	e->on_rq = false;
	list_del(&e->node);
	save(s, e);
}

/* A job was taken from the entity. */
void tuff_sched_rq_pop(struct tuff_scheduler *s, struct tuff_sched_entity *e)
{
	if (list_empty(&e->jobs)) {
		update(e);
		tuff_sched_rq_remove(s, e);
		return;
	}
	list_del(&e->node);
	update(e);
	insert(s, e);
}

/*
 * The first ready one in order. If its job does not fit, nothing is chosen:
 * neither a smaller job nor a less important one passes it.
 */
struct tuff_sched_entity *tuff_sched_rq_select(struct tuff_scheduler *s, bool *full)
{
	struct tuff_sched_entity *e;

	*full = false;
	list_for_each(e, &s->rq, node) {
		struct tuff_sched_job *job;

		if (!tuff_sched_entity_ready(e))
			continue;
		job = list_first(&e->jobs, struct tuff_sched_job, node);
		*full = s->credit_count + tuff_sched_job_credits(s, job) > s->credit_limit ||
			(s->exclusive && s->credit_count && s->current != e->context);
		return *full ? NULL : e;
	}
	return NULL;
}
