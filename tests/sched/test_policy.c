// SPDX-License-Identifier: MIT
/* Who is next: virtual runtime, priorities, credits, more than one scheduler. */
#include "tests/sched/hw.h"

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
