// SPDX-License-Identifier: MIT
/* The life of a job: dependencies, timeouts, resets, guilt, the end of an entity. */
#include "tests/sched/hw.h"

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
