/* SPDX-License-Identifier: MIT */
/*
 * The scheduler by itself, on hardware made of a clock: jobs take `duration`
 * each, one after the other, and the test says how much time goes by.
 */
#ifndef TUFF_TESTS_SCHED_HW_H
#define TUFF_TESTS_SCHED_HW_H

#include <errno.h>
#include <stdint.h>
#include <time.h>

#include "driver/sched/sched.h"
#include "tests/harness.h"

#define MS	1000000ll

struct hw {
	struct tuff_scheduler sched;
	struct list busy;		/* mjob, oldest first */
	int64_t end;			/* of the last of them */
	bool stuck;
	enum tuff_sched_stat verdict;	/* of timedout_job */
	int timeouts, runs, freed, cancelled, recover;
};

struct mjob {
	struct tuff_sched_job base;
	struct tuff_fence fence;
	struct list node;
	struct hw *hw;
	int64_t duration, end;
	int id;
};

static int64_t clock_ns;
static int order[512], norder;

static int64_t the_clock(void *owner) { (void)owner; return clock_ns; }

static struct tuff_fence *run_job(struct tuff_sched_job *base, int *error)
{
	struct mjob *j = container_of(base, struct mjob, base);
	struct hw *hw = container_of(base->sched, struct hw, sched);

	(void)error;
	if (base->s_fence->finished.error)
		return NULL;
	j->hw = hw;
	hw->runs++;
	if (norder < 512)
		order[norder++] = j->id;
	if (hw->end < clock_ns)
		hw->end = clock_ns;
	j->end = hw->end += j->duration;
	tuff_fence_init(&j->fence, 0, 0, NULL);
	list_add_tail(&j->node, &hw->busy);
	return &j->fence;
}

static enum tuff_sched_stat timedout(struct tuff_sched_job *base)
{
	struct hw *hw = container_of(base->sched, struct hw, sched);

	hw->timeouts++;
	if (hw->verdict == TUFF_SCHED_NO_HANG)
		return hw->verdict;
	tuff_sched_increase_karma(&hw->sched, base, NULL);
	tuff_sched_stop(&hw->sched, base);
	while (!list_empty(&hw->busy))
		list_del(hw->busy.next);
	hw->end = clock_ns;
	hw->stuck = false;
	tuff_fence_set_error(&base->s_fence->finished, -ETIME);
	tuff_sched_start(&hw->sched, -ECANCELED);
	return hw->verdict;
}

static void free_job(struct tuff_sched_job *base)
{
	struct mjob *j = container_of(base, struct mjob, base);

	container_of(base->sched, struct hw, sched)->freed++;
	tuff_sched_job_cleanup(base);
	list_del(&j->node);
	free(j);
}

static void cancel_job(struct tuff_sched_job *base)
{
	container_of(base->sched, struct hw, sched)->cancelled++;
}

static struct tuff_fence *more;	/* what the next prepare_job returns, once */

static struct tuff_fence *prepare_job(struct tuff_sched_job *base)
{
	struct tuff_fence *f = more;

	(void)base;
	more = NULL;
	return f;
}

static const struct tuff_sched_ops ops = {
	.prepare_job = prepare_job, .run_job = run_job, .timedout_job = timedout, .free_job = free_job,
	.cancel_job = cancel_job };

static inline void hw_init(struct hw *hw, uint32_t credits, int64_t timeout)
{
	memset(hw, 0, sizeof(*hw));
	list_init(&hw->busy);
	tuff_sched_init(&hw->sched, &ops, hw, the_clock, credits, timeout);
	clock_ns = 1000 * MS;
	norder = 0;
}

/* Time goes by on all of them. */
static inline void advance_n(struct hw *hw, int n, int64_t ns)
{
	int64_t until = clock_ns + ns;

	for (;;) {
		struct mjob *first = NULL;

		for (int i = 0; i < n; i++) {
			struct mjob *j = list_first(&hw[i].busy, struct mjob, node);

			if (j && !hw[i].stuck && j->end <= until && (!first || j->end < first->end))
				first = j;
		}
		if (!first)
			break;
		if (first->end > clock_ns)
			clock_ns = first->end;
		list_del(&first->node);
		tuff_fence_signal(&first->fence, clock_ns);
	}
	clock_ns = until;
	for (int i = 0; i < n; i++)
		tuff_sched_check_timeout(&hw[i].sched);
}

static inline void advance(struct hw *hw, int64_t ns) { advance_n(hw, 1, ns); }

/* The finished fence, referenced; dep (taken) may be NULL. */
static inline struct tuff_fence *submit(struct tuff_sched_entity *e, int id, int64_t duration,
				 uint32_t credits, struct tuff_fence *dep)
{
	struct mjob *j = calloc(1, sizeof(*j));
	struct tuff_fence *f;

	if (!j || tuff_sched_job_init(&j->base, e, credits, 1) ||
	    tuff_sched_job_add_dependency(&j->base, dep))
		abort();
	list_init(&j->node);
	j->duration = duration;
	j->id = id;
	tuff_sched_job_arm(&j->base);
	f = tuff_fence_get(&j->base.s_fence->finished);
	tuff_sched_job_push(&j->base);
	return f;
}

static inline void put_all(struct tuff_fence **f, int n)
{
	for (int i = 0; i < n; i++)
		tuff_fence_put(f[i]);
}

/* lists point into the struct: initialised in place */
#define ENTITY(e, hw, p) \
	struct tuff_scheduler *e##_list[1]; struct tuff_sched_entity e; \
	e##_list[0] = &(hw)->sched; \
	CHECK_EQ(tuff_sched_entity_init(&e, p, e##_list, 1, NULL, 1), 0)
#endif
