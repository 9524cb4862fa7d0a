// SPDX-License-Identifier: MIT
/*
 * The scheduler by itself, on hardware made of a clock: jobs take `duration`
 * each, one after the other, and the test says how much time goes by.
 */
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

static void hw_init(struct hw *hw, uint32_t credits, int64_t timeout)
{
	memset(hw, 0, sizeof(*hw));
	list_init(&hw->busy);
	tuff_sched_init(&hw->sched, &ops, hw, the_clock, credits, timeout);
	clock_ns = 1000 * MS;
	norder = 0;
}

/* Time goes by on all of them. */
static void advance_n(struct hw *hw, int n, int64_t ns)
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

static void advance(struct hw *hw, int64_t ns) { advance_n(hw, 1, ns); }

/* The finished fence, referenced; dep (taken) may be NULL. */
static struct tuff_fence *submit(struct tuff_sched_entity *e, int id, int64_t duration,
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

static void put_all(struct tuff_fence **f, int n)
{
	for (int i = 0; i < n; i++)
		tuff_fence_put(f[i]);
}

/* lists point into the struct: initialised in place */
#define ENTITY(e, hw, p) \
	struct tuff_scheduler *e##_list[1]; struct tuff_sched_entity e; \
	e##_list[0] = &(hw)->sched; \
	CHECK_EQ(tuff_sched_entity_init(&e, p, e##_list, 1, NULL, 1), 0)

TEST(basic_submit)
{
	struct hw hw;
	struct tuff_fence *f;

	hw_init(&hw, 1, 0);
	ENTITY(e, &hw, TUFF_SCHED_NORMAL);
	f = submit(&e, 1, MS, 1, NULL);
	CHECK_EQ(hw.runs, 1);
	CHECK(!f->signaled);
	advance(&hw, MS - 1);
	CHECK(!f->signaled);
	advance(&hw, 1);
	CHECK(f->signaled);
	CHECK_EQ(f->error, 0);
	CHECK_EQ(hw.freed, 1);
	CHECK_EQ(f->timestamp, 1001 * MS);
	tuff_fence_put(f);
	tuff_sched_entity_fini(&e);
	tuff_sched_fini(&hw.sched);
}

TEST(queue_of_100)
{
	struct tuff_fence *f[100];
	struct hw hw;

	hw_init(&hw, 2, 0);
	ENTITY(e, &hw, TUFF_SCHED_NORMAL);
	for (int i = 0; i < 100; i++)
		f[i] = submit(&e, i, MS, 1, NULL);
	CHECK_EQ(hw.runs, 2);
	for (int i = 0; i < 100; i++) {
		advance(&hw, MS);
		CHECK(f[i]->signaled);
		CHECK_EQ(f[i]->seqno, i + 1);
		CHECK(i == 99 || !f[i + 1]->signaled);
		CHECK_EQ(order[i], i);
	}
	put_all(f, 100);
	tuff_sched_entity_fini(&e);
	tuff_sched_fini(&hw.sched);
}

TEST(dependency_chains_over_4_entities)
{
	struct tuff_fence *f[40], *prev = NULL;
	struct tuff_scheduler *list[4][1];
	struct tuff_sched_entity e[4];
	struct hw hw[2];

	hw_init(&hw[0], 4, 0);
	hw_init(&hw[1], 4, 0);
	for (int i = 0; i < 4; i++) {
		list[i][0] = &hw[i & 1].sched;
		CHECK_EQ(tuff_sched_entity_init(&e[i], TUFF_SCHED_NORMAL, list[i], 1, NULL, 1), 0);
	}
	for (int i = 0; i < 40; i++) {
		f[i] = submit(&e[i % 4], i, MS, 1, tuff_fence_get(prev));
		prev = f[i];
	}
	advance_n(hw, 2, 100 * MS);
	for (int i = 0; i < 40; i++) {
		CHECK(f[i]->signaled && !f[i]->error);
		CHECK_EQ(order[i], i);
		/* across devices a job starts only after the other ended */
		CHECK(!i || f[i]->timestamp >= f[i - 1]->timestamp);
	}
	put_all(f, 40);
	for (int i = 0; i < 4; i++)
		tuff_sched_entity_fini(&e[i]);
	tuff_sched_fini(&hw[0].sched);
	tuff_sched_fini(&hw[1].sched);
}

TEST(same_scheduler_pipelines)
{
	struct tuff_fence *a, *b;
	struct hw hw;

	hw_init(&hw, 4, 0);
	ENTITY(e1, &hw, TUFF_SCHED_NORMAL);
	ENTITY(e2, &hw, TUFF_SCHED_NORMAL);
	a = submit(&e1, 1, MS, 1, NULL);
	b = submit(&e2, 2, MS, 1, tuff_fence_get(a));
	CHECK_EQ(hw.runs, 2);	/* a has started: enough */
	CHECK(!a->signaled);
	a->flags |= TUFF_FENCE_DONT_PIPELINE;
	tuff_fence_put(b);
	b = submit(&e2, 3, MS, 1, tuff_fence_get(a));
	CHECK_EQ(hw.runs, 2);
	advance(&hw, MS);
	CHECK_EQ(hw.runs, 3);
	advance(&hw, 5 * MS);
	CHECK(b->signaled);
	tuff_fence_put(a);
	tuff_fence_put(b);
	tuff_sched_entity_fini(&e1);
	tuff_sched_entity_fini(&e2);
	tuff_sched_fini(&hw.sched);
}

TEST(one_dependency_per_context)
{
	struct tuff_fence *a, *b;
	struct mjob *j = calloc(1, sizeof(*j));
	struct hw hw;

	hw_init(&hw, 1, 0);
	ENTITY(e1, &hw, TUFF_SCHED_NORMAL);
	ENTITY(e2, &hw, TUFF_SCHED_NORMAL);
	a = submit(&e1, 1, MS, 1, NULL);
	b = submit(&e1, 2, MS, 1, NULL);
	CHECK_EQ(tuff_sched_job_init(&j->base, &e2, 1, 1), 0);
	CHECK_EQ(tuff_sched_job_add_dependency(&j->base, b), 0);
	CHECK_EQ(tuff_sched_job_add_dependency(&j->base, a), 0);
	CHECK_EQ(j->base.ndeps, 1);
	CHECK(j->base.deps[0] == b);
	tuff_sched_job_cleanup(&j->base);
	free(j);
	advance(&hw, 5 * MS);
	tuff_sched_entity_fini(&e1);
	tuff_sched_entity_fini(&e2);
	tuff_sched_fini(&hw.sched);
}

TEST(own_entity_is_no_dependency)
{
	struct tuff_fence *a, *b;
	struct hw hw;

	hw_init(&hw, 2, 0);
	ENTITY(e, &hw, TUFF_SCHED_NORMAL);
	a = submit(&e, 1, MS, 1, NULL);
	a->flags |= TUFF_FENCE_DONT_PIPELINE;	/* not even so */
	b = submit(&e, 2, MS, 1, tuff_fence_get(a));
	CHECK_EQ(hw.runs, 2);
	advance(&hw, 2 * MS);
	CHECK(b->signaled);
	tuff_fence_put(a);
	tuff_fence_put(b);
	tuff_sched_entity_fini(&e);
	tuff_sched_fini(&hw.sched);
}

/* A fence in error is not replaced by its scheduled one, which may never be signalled. */
TEST(error_is_not_pipelined)
{
	struct tuff_fence *a, *b;
	struct hw hw;

	hw_init(&hw, 4, 0);
	ENTITY(e1, &hw, TUFF_SCHED_NORMAL);
	ENTITY(e2, &hw, TUFF_SCHED_NORMAL);
	a = submit(&e1, 1, MS, 1, NULL);
	tuff_fence_set_error(a, -EIO);
	b = submit(&e2, 2, MS, 1, tuff_fence_get(a));
	CHECK_EQ(hw.runs, 1);
	advance(&hw, 2 * MS);
	CHECK_EQ(a->error, -EIO);
	CHECK(b->signaled && !b->error);	/* the error is not handed on */
	tuff_fence_put(a);
	tuff_fence_put(b);
	tuff_sched_entity_fini(&e1);
	tuff_sched_entity_fini(&e2);
	tuff_sched_fini(&hw.sched);
}

TEST(prepare_job_adds_a_dependency)
{
	struct tuff_fence ext, *a;
	struct hw hw;

	hw_init(&hw, 1, 0);
	ENTITY(e, &hw, TUFF_SCHED_NORMAL);
	tuff_fence_init(&ext, 999999, 1, NULL);
	more = tuff_fence_get(&ext);
	a = submit(&e, 1, MS, 1, NULL);
	CHECK_EQ(hw.runs, 0);
	tuff_fence_signal(&ext, clock_ns);
	CHECK_EQ(hw.runs, 1);
	advance(&hw, MS);
	CHECK(a->signaled);
	tuff_fence_put(a);
	tuff_sched_entity_fini(&e);
	tuff_sched_fini(&hw.sched);
}

TEST(entity_freed_with_half_pending)
{
	struct tuff_fence *f[20];
	struct hw hw;

	hw_init(&hw, 1, 0);
	ENTITY(e, &hw, TUFF_SCHED_NORMAL);
	for (int i = 0; i < 20; i++)
		f[i] = submit(&e, i, MS, 1, NULL);
	advance(&hw, 10 * MS);
	tuff_sched_entity_fini(&e);
	/* the killed ones end in order, after the one that runs */
	CHECK(!f[11]->signaled);
	advance(&hw, 5 * MS);
	for (int i = 0; i < 20; i++) {
		CHECK(f[i]->signaled);
		CHECK_EQ(f[i]->error, i < 11 ? 0 : -ESRCH);
	}
	CHECK_EQ(hw.runs, 11);
	CHECK_EQ(hw.freed, 20);
	put_all(f, 20);
	tuff_sched_fini(&hw.sched);
}

TEST(killed_waits_for_its_dependencies)
{
	struct tuff_fence *a, *b;
	struct hw hw[2];

	hw_init(&hw[0], 1, 0);
	hw_init(&hw[1], 1, 0);
	ENTITY(e1, &hw[0], TUFF_SCHED_NORMAL);
	ENTITY(e2, &hw[1], TUFF_SCHED_NORMAL);
	a = submit(&e1, 1, 3 * MS, 1, NULL);
	b = submit(&e2, 2, MS, 1, tuff_fence_get(a));
	tuff_sched_entity_fini(&e2);
	CHECK(!b->signaled);
	advance_n(hw, 2, 3 * MS);
	CHECK(b->signaled);
	CHECK_EQ(b->error, -ESRCH);
	tuff_fence_put(a);
	tuff_fence_put(b);
	tuff_sched_entity_fini(&e1);
	tuff_sched_fini(&hw[0].sched);
	tuff_sched_fini(&hw[1].sched);
}

TEST(timeout_and_reset)
{
	struct tuff_fence *f[4];
	struct hw hw;

	hw_init(&hw, 2, 10 * MS);
	hw.verdict = TUFF_SCHED_RESET;
	hw.stuck = true;
	ENTITY(e, &hw, TUFF_SCHED_NORMAL);
	for (int i = 0; i < 4; i++)
		f[i] = submit(&e, i, MS, 1, NULL);
	advance(&hw, 9 * MS);
	CHECK_EQ(hw.timeouts, 0);
	advance(&hw, 1 * MS);
	CHECK_EQ(hw.timeouts, 1);
	CHECK_EQ(f[0]->error, -ETIME);
	CHECK_EQ(f[1]->error, -ECANCELED);
	advance(&hw, 5 * MS);
	CHECK(f[3]->signaled);
	CHECK_EQ(f[2]->error, 0);
	CHECK_EQ(f[3]->error, 0);
	put_all(f, 4);
	tuff_sched_entity_fini(&e);
	tuff_sched_fini(&hw.sched);
}

TEST(timer_restarts_with_each_head)
{
	struct tuff_fence *f[5];
	struct hw hw;

	hw_init(&hw, 5, 10 * MS);
	ENTITY(e, &hw, TUFF_SCHED_NORMAL);
	for (int i = 0; i < 5; i++)
		f[i] = submit(&e, i, 8 * MS, 1, NULL);
	for (int i = 0; i < 40; i++)
		advance(&hw, MS);
	CHECK_EQ(hw.timeouts, 0);
	CHECK(f[4]->signaled);
	put_all(f, 5);
	tuff_sched_entity_fini(&e);
	tuff_sched_fini(&hw.sched);
}

TEST(fault_at_once_and_the_device_is_gone)
{
	struct tuff_fence *f[3];
	struct hw hw;

	hw_init(&hw, 1, 10 * MS);
	hw.verdict = TUFF_SCHED_ENODEV;
	hw.stuck = true;
	ENTITY(e, &hw, TUFF_SCHED_NORMAL);
	for (int i = 0; i < 3; i++)
		f[i] = submit(&e, i, MS, 1, NULL);
	tuff_sched_fault(&hw.sched);	/* no timer has run out */
	CHECK_EQ(hw.timeouts, 1);
	CHECK_EQ(f[0]->error, -ETIME);
	hw.stuck = true;
	advance(&hw, 1000 * MS);	/* and none ever does */
	CHECK_EQ(hw.timeouts, 1);
	CHECK_EQ(hw.sched.timer, 0);
	hw.stuck = false;
	advance(&hw, 2 * MS);
	put_all(f, 3);
	tuff_sched_entity_fini(&e);
	tuff_sched_fini(&hw.sched);
}

TEST(skip_reset_no_hang)
{
	struct tuff_fence *f;
	struct hw hw;

	hw_init(&hw, 1, 10 * MS);
	hw.verdict = TUFF_SCHED_NO_HANG;
	ENTITY(e, &hw, TUFF_SCHED_NORMAL);
	f = submit(&e, 1, 25 * MS, 1, NULL);
	for (int i = 0; i < 24; i++)
		advance(&hw, MS);
	CHECK_EQ(hw.timeouts, 2);
	CHECK(!f->signaled);
	advance(&hw, MS);
	CHECK(f->signaled);
	CHECK_EQ(f->error, 0);
	tuff_fence_put(f);
	tuff_sched_entity_fini(&e);
	tuff_sched_fini(&hw.sched);
}

TEST(guilty_entity_is_cancelled)
{
	struct tuff_scheduler *list[1];
	struct tuff_sched_entity e;
	struct tuff_fence *a, *b;
	int guilty = 0;
	struct hw hw;

	hw_init(&hw, 1, 0);
	list[0] = &hw.sched;
	CHECK_EQ(tuff_sched_entity_init(&e, TUFF_SCHED_NORMAL, list, 1, &guilty, 1), 0);
	a = submit(&e, 1, MS, 1, NULL);
	b = submit(&e, 2, MS, 1, NULL);
	tuff_sched_increase_karma(&hw.sched, list_first(&hw.sched.pending, struct tuff_sched_job,
							node), &e);
	CHECK_EQ(guilty, 1);
	advance(&hw, 5 * MS);
	CHECK_EQ(a->error, 0);
	CHECK_EQ(b->error, -ECANCELED);
	CHECK_EQ(tuff_sched_entity_error(&e), -ECANCELED);
	CHECK_EQ(hw.runs, 1);
	tuff_fence_put(a);
	tuff_fence_put(b);
	tuff_sched_entity_fini(&e);
	tuff_sched_fini(&hw.sched);
}

TEST(kernel_priority_has_no_karma)
{
	struct tuff_scheduler *list[1];
	struct tuff_sched_entity e;
	int guilty = 0;
	struct hw hw;

	hw_init(&hw, 1, 0);
	list[0] = &hw.sched;
	CHECK_EQ(tuff_sched_entity_init(&e, TUFF_SCHED_KERNEL, list, 1, &guilty, 1), 0);
	tuff_fence_put(submit(&e, 1, MS, 1, NULL));
	tuff_sched_increase_karma(&hw.sched, list_first(&hw.sched.pending, struct tuff_sched_job,
							node), &e);
	CHECK_EQ(guilty, 0);
	advance(&hw, MS);
	tuff_sched_entity_fini(&e);
	tuff_sched_fini(&hw.sched);
}

TEST(cancel_at_fini)
{
	struct hw hw;

	hw_init(&hw, 2, 0);
	ENTITY(e, &hw, TUFF_SCHED_NORMAL);
	for (int i = 0; i < 4; i++)
		tuff_fence_put(submit(&e, i, MS, 1, NULL));
	tuff_sched_entity_fini(&e);
	tuff_sched_fini(&hw.sched);
	CHECK_EQ(hw.cancelled, 2);
	CHECK_EQ(hw.freed, 4);
}

TEST(deadline_missed)
{
	struct tuff_fence *a, *f;
	struct mjob *j = calloc(1, sizeof(*j));
	struct hw hw;

	hw_init(&hw, 1, 0);
	ENTITY(e, &hw, TUFF_SCHED_NORMAL);
	a = submit(&e, 1, 5 * MS, 1, NULL);
	CHECK_EQ(tuff_sched_job_init(&j->base, &e, 1, 1), 0);
	list_init(&j->node);
	j->base.deadline = clock_ns + 2 * MS;
	tuff_sched_job_arm(&j->base);
	f = tuff_fence_get(&j->base.s_fence->finished);
	tuff_sched_job_push(&j->base);
	advance(&hw, 6 * MS);
	CHECK_EQ(f->error, -ETIME);
	CHECK_EQ(hw.runs, 1);
	tuff_fence_put(a);
	tuff_fence_put(f);
	tuff_sched_entity_fini(&e);
	tuff_sched_fini(&hw.sched);
}

/* Keeps two entities busy; the shares of the device that each got, in percent. */
static int share(enum tuff_sched_priority pa, enum tuff_sched_priority pb, int64_t da, int64_t db)
{
	struct tuff_scheduler *list[1];
	struct tuff_sched_entity e[2];
	int64_t got[2] = { 0, 0 };
	struct hw hw;

	hw_init(&hw, 1, 0);
	list[0] = &hw.sched;
	if (tuff_sched_entity_init(&e[0], pa, list, 1, NULL, 1) ||
	    tuff_sched_entity_init(&e[1], pb, list, 1, NULL, 2))
		return -1;
	for (int i = 0; i < 2000; i++) {
		for (int k = 0; k < 2; k++)
			while (e[k].njobs < 16)
				tuff_fence_put(submit(&e[k], k, k ? db : da, 1, NULL));
		norder = 0;
		advance(&hw, MS / 2);
		for (int n = 0; n < norder; n++)
			got[order[n]] += order[n] ? db : da;
	}
	tuff_sched_entity_fini(&e[0]);
	tuff_sched_entity_fini(&e[1]);
	tuff_sched_fini(&hw.sched);
	return (int)(100 * got[0] / (got[0] + got[1] + 1));
}

/* shares go by 1 : 1/2 : 1/8 : 1/64 */
TEST(fair_equal) { int s = share(2, 2, MS, MS); CHECK(s >= 48 && s <= 52); }
TEST(fair_equal_long_and_short_jobs) { int s = share(2, 2, MS, MS / 8); CHECK(s >= 45 && s <= 55); }
TEST(fair_high_over_normal) { int s = share(1, 2, MS, MS); CHECK(s >= 77 && s <= 83); }
TEST(fair_normal_over_low) { int s = share(2, 3, MS, MS); CHECK(s >= 85 && s <= 92); }
TEST(fair_kernel_over_high) { int s = share(0, 1, MS, MS); CHECK(s >= 63 && s <= 70); }
TEST(fair_low_is_not_starved) { int s = share(3, 1, MS, MS); CHECK(s >= 1 && s <= 8); }

TEST(fairness_of_two_clients_over_time)
{
	struct tuff_scheduler *list[1];
	struct tuff_sched_entity e[2];
	int got[2] = { 0, 0 };
	struct hw hw;

	hw_init(&hw, 1, 0);
	list[0] = &hw.sched;
	for (int k = 0; k < 2; k++)
		CHECK_EQ(tuff_sched_entity_init(&e[k], TUFF_SCHED_NORMAL, list, 1, NULL, k), 0);
	printf("  progress of two clients, percent:");
	for (int i = 1; i <= 100; i++) {
		for (int k = 0; k < 2; k++)
			while (e[k].njobs < 4)
				tuff_fence_put(submit(&e[k], k, MS, 1, NULL));
		norder = 0;
		advance(&hw, 10 * MS);
		for (int n = 0; n < norder; n++)
			got[order[n]]++;
		if (!(i % 25))
			printf("  %d/%d", got[0] / 10, got[1] / 10);
		CHECK(got[0] - got[1] <= 2 && got[1] - got[0] <= 2);
	}
	printf("\n");
	tuff_sched_entity_fini(&e[0]);
	tuff_sched_entity_fini(&e[1]);
	tuff_sched_fini(&hw.sched);
}

TEST(idle_time_earns_nothing)
{
	struct hw hw;

	hw_init(&hw, 1, 0);
	ENTITY(a, &hw, TUFF_SCHED_NORMAL);
	ENTITY(b, &hw, TUFF_SCHED_NORMAL);
	for (int i = 0; i < 50; i++) {
		tuff_fence_put(submit(&a, 0, MS, 1, NULL));
		advance(&hw, MS);
	}
	norder = 0;
	for (int i = 0; i < 20; i++) {
		tuff_fence_put(submit(&a, 0, MS, 1, NULL));
		tuff_fence_put(submit(&b, 1, MS, 1, NULL));
	}
	advance(&hw, 40 * MS);
	for (int i = 0, n = 0; i < 10; i++) {
		n += order[i];
		CHECK(i != 9 || (n >= 4 && n <= 6));
	}
	tuff_sched_entity_fini(&a);
	tuff_sched_entity_fini(&b);
	tuff_sched_fini(&hw.sched);
}

/* Where an entity comes in that was first when it left, or is new; 1 = before the head. */
TEST(rejoin_with_nothing_saved)
{
	static const struct {
		enum tuff_sched_priority prio;
		int64_t avg_us, behind;	/* of the head, ns << shift */
	} cases[] = {
		{ TUFF_SCHED_LOW, 0, (1 + 0 + 2000) * 1000 << 7 },
		{ TUFF_SCHED_LOW, 500, (1 + 500 + 2000) * 1000ll << 7 },
		{ TUFF_SCHED_HIGH, 0, -1 },
		{ TUFF_SCHED_KERNEL, 9000, -2 },
		{ TUFF_SCHED_NORMAL, 999, -1 },	/* shorter jobs go first */
		{ TUFF_SCHED_NORMAL, 1001, 1 },
	};
	struct hw hw;

	for (int i = 0; i < 6; i++) {
		hw_init(&hw, 1, 0);
		ENTITY(a, &hw, TUFF_SCHED_NORMAL);
		ENTITY(b, &hw, cases[i].prio);
		tuff_fence_put(submit(&a, 0, MS, 1, NULL));	/* runs */
		tuff_fence_put(submit(&a, 0, MS, 1, NULL));	/* the head */
		a.stats->vruntime = 1000000;
		a.stats->avg_us = 1000;
		hw.sched.avg_us = 2000;
		b.stats->avg_us = cases[i].avg_us;
		tuff_fence_put(submit(&b, 1, MS, 1, NULL));
		CHECK_EQ(b.stats->vruntime - a.stats->vruntime, cases[i].behind);
		CHECK(list_first(&hw.sched.rq, struct tuff_sched_entity, node) ==
		      (cases[i].behind < 0 ? &b : &a));
		advance(&hw, 5 * MS);
		tuff_sched_entity_fini(&a);
		tuff_sched_entity_fini(&b);
		tuff_sched_fini(&hw.sched);
	}
}

TEST(rejoin_keeps_the_distance)
{
	struct hw hw;

	hw_init(&hw, 1, 0);
	ENTITY(a, &hw, TUFF_SCHED_NORMAL);
	ENTITY(b, &hw, TUFF_SCHED_NORMAL);
	for (int i = 0; i < 3; i++)
		tuff_fence_put(submit(&a, 0, MS, 1, NULL));
	tuff_fence_put(submit(&b, 1, MS, 1, NULL));
	b.stats->vruntime = a.stats->vruntime + 777;
	tuff_sched_rq_remove(&hw.sched, &b);
	CHECK_EQ(b.stats->vruntime, 777);
	a.stats->vruntime += 5000;	/* the others go on */
	tuff_sched_rq_add(&hw.sched, &b);
	CHECK_EQ(b.stats->vruntime, a.stats->vruntime + 777);
	advance(&hw, 5 * MS);
	tuff_sched_entity_fini(&a);
	tuff_sched_entity_fini(&b);
	tuff_sched_fini(&hw.sched);
}

/* A job is charged from the end of the one before it, however long both were there. */
TEST(charged_one_after_the_other)
{
	struct tuff_fence *f[3];
	struct hw hw;

	hw_init(&hw, 3, 0);
	ENTITY(a, &hw, TUFF_SCHED_NORMAL);
	for (int i = 0; i < 3; i++)
		f[i] = submit(&a, i, 2 * MS, 1, NULL);
	CHECK_EQ(hw.runs, 3);
	advance(&hw, 6 * MS);
	CHECK(f[2]->signaled);
	CHECK_EQ(a.stats->runtime, 6 * MS);
	CHECK_EQ(f[2]->timestamp - to_tuff_sched_fence(f[2])->scheduled.timestamp, 2 * MS);
	put_all(f, 3);
	tuff_sched_entity_fini(&a);
	tuff_sched_fini(&hw.sched);
}

TEST(priority_changed_while_running)
{
	int n = 0;
	struct hw hw;

	hw_init(&hw, 1, 0);
	ENTITY(a, &hw, TUFF_SCHED_NORMAL);
	ENTITY(b, &hw, TUFF_SCHED_NORMAL);
	for (int i = 0; i < 40; i++) {
		tuff_fence_put(submit(&a, 0, MS, 1, NULL));
		tuff_fence_put(submit(&b, 1, MS, 1, NULL));
	}
	advance(&hw, 20 * MS);
	tuff_sched_entity_set_priority(&b, TUFF_SCHED_HIGH);
	norder = 0;
	advance(&hw, 20 * MS);
	for (int i = 0; i < norder; i++)
		n += order[i];
	CHECK(n >= 14);
	advance(&hw, 100 * MS);
	tuff_sched_entity_fini(&a);
	tuff_sched_entity_fini(&b);
	tuff_sched_fini(&hw.sched);
}

TEST(scheduler_list_changed_while_running)
{
	struct tuff_scheduler *one[1], *two[2];
	struct tuff_sched_entity e;
	struct hw hw[2];

	hw_init(&hw[0], 1, 0);
	hw_init(&hw[1], 1, 0);
	one[0] = two[0] = &hw[0].sched;
	two[1] = &hw[1].sched;
	CHECK_EQ(tuff_sched_entity_init(&e, TUFF_SCHED_NORMAL, one, 1, NULL, 1), 0);
	tuff_fence_put(submit(&e, 0, MS, 1, NULL));
	tuff_sched_entity_modify_sched(&e, &two[1], 1);
	tuff_fence_put(submit(&e, 1, MS, 1, NULL));
	CHECK_EQ(hw[1].runs, 0);	/* not while its last job runs */
	advance_n(hw, 2, 3 * MS);
	tuff_fence_put(submit(&e, 2, MS, 1, NULL));
	CHECK_EQ(hw[0].runs, 2);
	CHECK_EQ(hw[1].runs, 1);
	advance_n(hw, 2, 3 * MS);
	tuff_sched_entity_fini(&e);
	tuff_sched_fini(&hw[0].sched);
	tuff_sched_fini(&hw[1].sched);
}

TEST(least_loaded_is_picked)
{
	struct tuff_scheduler *two[2];
	struct tuff_sched_entity e[4];
	struct hw hw[2];

	hw_init(&hw[0], 1, 0);
	hw_init(&hw[1], 1, 0);
	two[0] = &hw[0].sched;
	two[1] = &hw[1].sched;
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(tuff_sched_entity_init(&e[i], TUFF_SCHED_NORMAL, two, 2, NULL, 1), 0);
		tuff_fence_put(submit(&e[i], i, MS, 1, NULL));
	}
	CHECK_EQ(hw[0].sched.score, 2);
	CHECK_EQ(hw[1].sched.score, 2);
	advance_n(hw, 2, 5 * MS);
	for (int i = 0; i < 4; i++)
		tuff_sched_entity_fini(&e[i]);
	tuff_sched_fini(&hw[0].sched);
	tuff_sched_fini(&hw[1].sched);
}

TEST(credits_head_of_line)
{
	struct hw hw;

	hw_init(&hw, 4, 0);
	ENTITY(a, &hw, TUFF_SCHED_NORMAL);
	ENTITY(b, &hw, TUFF_SCHED_NORMAL);
	tuff_fence_put(submit(&a, 0, MS, 3, NULL));
	tuff_fence_put(submit(&a, 1, MS, 3, NULL));
	tuff_fence_put(submit(&b, 2, MS, 1, NULL));	/* would fit */
	CHECK(hw.sched.credit_count <= 4);
	advance(&hw, 5 * MS);
	CHECK_EQ(hw.freed, 3);
	CHECK_EQ(hw.sched.credit_count, 0);
	tuff_sched_entity_fini(&a);
	tuff_sched_entity_fini(&b);
	tuff_sched_fini(&hw.sched);
}

TEST(credit_limit_1_and_truncation)
{
	struct tuff_fence *f;
	struct hw hw;

	hw_init(&hw, 1, 0);
	ENTITY(a, &hw, TUFF_SCHED_NORMAL);
	f = submit(&a, 0, MS, 9, NULL);		/* cut, so that it can run at all */
	CHECK_EQ(hw.runs, 1);
	tuff_fence_put(submit(&a, 1, MS, 1, NULL));
	CHECK_EQ(hw.runs, 1);
	advance(&hw, 3 * MS);
	CHECK(f->signaled);
	CHECK_EQ(hw.runs, 2);
	tuff_fence_put(f);
	tuff_sched_entity_fini(&a);
	tuff_sched_fini(&hw.sched);
}

TEST(one_entity_at_a_time)
{
	struct hw hw;

	hw_init(&hw, 4, 0);
	hw.sched.exclusive = true;
	ENTITY(a, &hw, TUFF_SCHED_NORMAL);
	ENTITY(b, &hw, TUFF_SCHED_NORMAL);
	tuff_fence_put(submit(&a, 0, MS, 1, NULL));
	tuff_fence_put(submit(&a, 0, MS, 1, NULL));
	CHECK_EQ(hw.runs, 2);	/* further credit for the same */
	tuff_fence_put(submit(&b, 1, MS, 1, NULL));
	CHECK_EQ(hw.runs, 2);
	advance(&hw, 2 * MS);
	CHECK_EQ(hw.runs, 3);
	advance(&hw, 2 * MS);
	tuff_sched_entity_fini(&a);
	tuff_sched_entity_fini(&b);
	tuff_sched_fini(&hw.sched);
}

TEST(queue_overhead_and_ping_pong)
{
	struct timespec t0, t1, t2;
	struct hw hw;

	hw_init(&hw, 1, 0);
	ENTITY(a, &hw, TUFF_SCHED_NORMAL);
	ENTITY(b, &hw, TUFF_SCHED_NORMAL);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (int i = 0; i < 20000; i++) {
		tuff_fence_put(submit(&a, 0, 1, 1, NULL));
		advance(&hw, 1);
	}
	clock_gettime(CLOCK_MONOTONIC, &t1);
	for (int i = 0; i < 10000; i++) {
		struct tuff_fence *f = submit(&a, 0, 1, 1, NULL);

		tuff_fence_put(submit(&b, 1, 1, 1, f));
		advance(&hw, 2);
	}
	clock_gettime(CLOCK_MONOTONIC, &t2);
	printf("  a job: %lld ns, ping-pong: %lld ns\n",
	       ((t1.tv_sec - t0.tv_sec) * 1000000000ll + t1.tv_nsec - t0.tv_nsec) / 20000,
	       ((t2.tv_sec - t1.tv_sec) * 1000000000ll + t2.tv_nsec - t1.tv_nsec) / 20000);
	CHECK_EQ(hw.freed, 40000);
	tuff_sched_entity_fini(&a);
	tuff_sched_entity_fini(&b);
	tuff_sched_fini(&hw.sched);
}
