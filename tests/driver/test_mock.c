// SPDX-License-Identifier: MIT
/* The whole driver on a device that the test holds: memory, recordings, clients, threads. */
#include <pthread.h>
#include <unistd.h>

#include "tests/driver/run.h"
#include "tests/harness.h"
#include "tests/vulkan/add.h"

/* --- ways of reaching memory ------------------------------------------------ */

static void with_reach(uint32_t reach, bool floors, uint32_t flags, uint32_t expect)
{
	struct tuff_be_counters c0, c1;
	struct tuff_bo_info i = { 0 };
	struct tuff_file *f;
	struct run r;

	m = tuff_mock_reset();
	m->reach = reach;
	m->floors = floors;
	f = open_file();
	CHECK(f);
	CHECK_EQ(run_init(f, &r, flags), 0);
	i.handle = r.in;
	CHECK_EQ(CALL(f, BO_INFO, &i), 0);
	CHECK_EQ(i.reach, expect);
	for (int k = 0; k < 5; k++)
		CHECK_EQ(run_once(f, &r), 0);
	tuff_local_counters(f, &c0);
	for (int k = 0; k < 20; k++)
		CHECK_EQ(run_once(f, &r), 0);
	tuff_local_counters(f, &c1);
	CHECK_EQ(c0.allocs, c1.allocs);
	CHECK_EQ(c0.records, c1.records);
	tuff_local_close(f);
	CHECK_EQ(tuff_mock_objects(), 0);
}

#define EXP	TUFF_BO_EXPORTABLE
TEST(reach_all) { with_reach(15, false, 0, TUFF_REACH_DEVMAP); }
TEST(reach_all_exportable) { with_reach(15, false, EXP, TUFF_REACH_DMABUF); }
TEST(reach_no_devmap) { with_reach(15 & ~4, false, 0, TUFF_REACH_DMABUF); }
TEST(reach_no_dmabuf) { with_reach(15 & ~1, false, EXP, TUFF_REACH_HOSTPTR); }
TEST(reach_hostptr_only) { with_reach(2, false, 0, TUFF_REACH_HOSTPTR); }
TEST(reach_staging_only) { with_reach(8, false, 0, TUFF_REACH_STAGING); }
TEST(reach_staging_exportable) { with_reach(12, false, EXP, TUFF_REACH_STAGING); }
TEST(floors_all) { with_reach(15, true, 0, TUFF_REACH_DEVMAP); }
TEST(floors_hostptr) { with_reach(2, true, EXP, TUFF_REACH_HOSTPTR); }
TEST(floors_staging) { with_reach(8, true, 0, TUFF_REACH_STAGING); }

TEST(reach_none)
{
	struct tuff_bo_create a = { .size = 4096 };
	struct tuff_file *f;

	m = tuff_mock_reset();
	m->reach = 0;
	f = open_file();
	CHECK(f);
	CHECK_EQ(CALL(f, BO_CREATE, &a), -EOPNOTSUPP);
	tuff_local_close(f);
}

TEST(floors_are_enforced)
{
	struct tuff_cmdbuf_slot decl[2] = { { 0, 3, 1ull << 28 }, { 1, 3, 4096 } };
	struct { struct tuff_cmd_dispatch d; struct tuff_cmd_bind b[3]; } p = {
		{ TUFF_CMD_DISPATCH, 24, 0, { 1, 1, 1 }, 3 },
		{ { 1, 0, 0, 256 }, { 0, 0, 0, (1u << 27) + 4 }, { 0, 0, 0, 64 } } };
	struct tuff_cmd_timestamp t = { TUFF_CMD_TIMESTAMP, 2, 0 };
	struct tuff_spec spec = { 0, 128 };
	struct tuff_file *f;
	uint32_t cb, k;

	m = tuff_mock_reset();
	m->floors = true;
	f = open_file();
	CHECK(f);
	spec.value = 129;
	CHECK_EQ(new_kernel(f, add_spv, sizeof(add_spv), &spec, 1, TUFF_KERNEL_UNIFORM |
			    TUFF_KERNEL_WAIT_READY, 3, 2, &k, err, sizeof(err)), -EINVAL);
	CHECK(strstr(err, "128"));
	spec.value = 128;
	CHECK_EQ(new_kernel(f, add_spv, sizeof(add_spv), &spec, 1, TUFF_KERNEL_UNIFORM |
			    TUFF_KERNEL_WAIT_READY, 3, 2, &k, err, sizeof(err)), 0);
	p.d.kernel_id = k;
	CHECK_EQ(new_cmdbuf(f, &p, sizeof(p), decl, 2, &cb, err, sizeof(err)), -EINVAL);
	CHECK(strstr(err, "limit 134217728"));
	p.b[1].range = 1u << 27;
	p.b[1].offset = 128;
	CHECK_EQ(new_cmdbuf(f, &p, sizeof(p), decl, 2, &cb, err, sizeof(err)), -EINVAL);
	CHECK(strstr(err, "multiple of 256"));
	p.b[1].offset = 256;
	CHECK_EQ(new_cmdbuf(f, &p, sizeof(p), decl, 2, &cb, err, sizeof(err)), 0);
	CHECK_EQ(new_cmdbuf(f, &t, sizeof(t), NULL, 0, &cb, err, sizeof(err)), -EOPNOTSUPP);
	CHECK(strstr(err, "TIMESTAMP: the device has none"));
	tuff_local_close(f);
	CHECK_EQ(tuff_mock_objects(), 0);
}

/* --- recordings and scheduling ----------------------------------------------------- */

TEST(recordings_are_bounded)
{
	struct tuff_be_counters c0, c1;
	struct tuff_file *f;
	struct run r;
	uint32_t big;

	m = tuff_mock_reset();
	f = open_file();
	CHECK_EQ(run_init(f, &r, 0), 0);
	big = new_bo(f, 4096 * 1000, TUFF_BO_MAPPABLE, 0);
	for (int pass = 0; pass < 2; pass++) {
		tuff_local_counters(f, &c0);
		for (uint64_t i = 0; i < 600; i++) {
			struct tuff_job_slot s[2] = {
				{ 0, r.in, TUFF_SLOT_READ, 0, 0, 4096 },
				{ 1, big, TUFF_SLOT_WRITE, 0, i * 4096, 4096 } };

			CHECK_EQ(submit1(f, r.ctx, r.cb, s, 2, r.so, ++r.point, NULL), 0);
			CHECK_EQ(wait_so(f, r.so, r.point, SEC, NULL), 0);
		}
		tuff_local_counters(f, &c1);
		CHECK_EQ(c1.records - c0.records, 600);	/* 256 are kept */
	}
	CHECK(tuff_mock_objects() < 300);
	tuff_local_close(f);
	CHECK_EQ(tuff_mock_objects(), 0);
}

/* Slots that overlap are fine; a copy between them where they do is not. */
TEST(copy_onto_itself)
{
	struct tuff_file *f;
	struct run r;
	int error;

	m = tuff_mock_reset();
	f = open_file();
	CHECK_EQ(run_init(f, &r, 0), 0);
	for (uint64_t from = 0; from <= 4096; from += 512) {	/* 1024 bytes from there to 1024 */
		struct tuff_job_slot s[2] = { { 0, r.out, TUFF_SLOT_READ, 0, from, 4096 },
					      { 1, r.out, TUFF_SLOT_WRITE, 0, 1024, 4096 } };

		CHECK_EQ(submit1(f, r.ctx, r.cb, s, 2, r.so, ++r.point, NULL), 0);
		CHECK_EQ(wait_so(f, r.so, r.point, SEC, &error), 0);
		CHECK_EQ(error, from > 0 && from < 2048 ? -EINVAL : 0);
	}
	tuff_local_close(f);
	CHECK_EQ(tuff_mock_objects(), 0);
}

TEST(same_recording_in_flight_twice)
{
	struct tuff_file *f;
	struct run r;

	m = tuff_mock_reset();
	m->self_advance = false;
	f = open_file();
	CHECK_EQ(run_init(f, &r, 0), 0);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(run_submit(f, &r), 0);
	tuff_mock_advance(SEC);
	CHECK_EQ(wait_so(f, r.so, 10, SEC, NULL), 0);
	tuff_local_close(f);
	CHECK_EQ(tuff_mock_objects(), 0);
}

TEST(priority_between_clients)
{
	struct tuff_ctx_set_param p = { 0, TUFF_CTX_PRIORITY, TUFF_PRIORITY_HIGH };
	struct tuff_syncobj_query q[2] = { { .count = 1 }, { .count = 1 } };
	struct tuff_file *f[2];
	uint64_t v[2] = { 0, 0 };
	struct run r[2];

	m = tuff_mock_reset();
	m->self_advance = false;
	for (int i = 0; i < 2; i++) {
		CHECK((f[i] = open_file()));
		CHECK_EQ(run_init(f[i], &r[i], 0), 0);
		q[i].handles = PTR(&r[i].so);
		q[i].points = PTR(&v[i]);
	}
	p.ctx_id = r[1].ctx;
	CHECK_EQ(CALL(f[1], CTX_SET_PARAM, &p), 0);
	for (int n = 0; n < 400; n++)
		for (int i = 0; i < 2; i++)
			CHECK_EQ(run_submit(f[i], &r[i]), 0);
	for (int n = 0; n < 400; n++) {
		tuff_mock_advance(1000000);
		for (int i = 0; i < 2; i++)
			CHECK_EQ(CALL(f[i], SYNCOBJ_QUERY, &q[i]), 0);
	}
	printf("  normal %llu, high %llu jobs\n", (unsigned long long)v[0], (unsigned long long)v[1]);
	CHECK(v[1] > 2 * v[0] && v[0] > 10);
	for (int i = 0; i < 2; i++)
		tuff_local_close(f[i]);
	CHECK_EQ(tuff_mock_objects(), 0);
}

/*
 * A run of many command buffers, a job each: what is not on the device can be
 * cancelled, and gives way to another client.
 */
TEST(long_jobs_leave_room)
{
	struct tuff_query_stats st;
	struct tuff_dev_query q = { TUFF_QUERY_STATS, sizeof(st), PTR(&st) };
	struct tuff_ctx_destroy d = { 0 };
	struct tuff_file *f[2];
	struct run r[2];
	int error;

	m = tuff_mock_reset();
	for (int i = 0; i < 2; i++) {
		CHECK((f[i] = open_file()));
		CHECK_EQ(run_init(f[i], &r[i], 0), 0);
	}
	m->job_ns = 20000000;
	for (int i = 0; i < 30; i++)	/* 20 ms each, as the driver learns */
		CHECK_EQ(run_once(f[0], &r[0]), 0);
	m->self_advance = false;
	for (int i = 0; i < 40; i++)
		CHECK_EQ(run_submit(f[0], &r[0]), 0);
	CHECK_EQ(CALL(f[0], DEV_QUERY, &q), 0);
	CHECK_EQ(st.jobs_running, 2);
	/* another client is next when those two are done, though 38 were there before */
	CHECK_EQ(run_submit(f[1], &r[1]), 0);
	tuff_mock_advance(2 * m->job_ns);
	CHECK_EQ(CALL(f[0], DEV_QUERY, &q), 0);
	tuff_mock_advance(m->job_ns);
	CHECK_EQ(wait_so(f[1], r[1].so, 1, 0, &error), 0);
	CHECK_EQ(error, 0);
	/* cancelled: those on the device end, the others never start */
	CHECK_EQ(CALL(f[0], DEV_QUERY, &q), 0);
	d.ctx_id = r[0].ctx;
	CHECK_EQ(CALL(f[0], CTX_DESTROY, &d), 0);
	tuff_mock_advance(2 * m->job_ns);
	CHECK_EQ(wait_so(f[0], r[0].so, 34, 0, &error), 0);
	CHECK_EQ(error, 0);
	CHECK_EQ(wait_so(f[0], r[0].so, 35, 0, &error), 0);
	CHECK_EQ(error, -ESRCH);
	CHECK_EQ(wait_so(f[0], r[0].so, 70, 0, &error), 0);
	CHECK_EQ(error, -ESRCH);
	for (int i = 0; i < 2; i++)
		tuff_local_close(f[i]);
	CHECK_EQ(tuff_mock_objects(), 0);
}

TEST(dependency_across_files)
{
	struct tuff_sync_op y = { 0, 0, 0 };
	struct tuff_job j = { .syncs = ARRAY(&y, 1) };
	struct tuff_submit a = { .jobs = ARRAY(&j, 1) };
	struct tuff_file *f;
	uint32_t c1, c2, s1, s2;
	int error;

	m = tuff_mock_reset();
	m->self_advance = false;
	f = open_file();
	c1 = new_ctx(f, 0);
	c2 = new_ctx(f, 0);
	s1 = new_so(f);
	s2 = new_so(f);
	for (uint64_t i = 1; i < 40; i++)
		CHECK_EQ(submit1(f, c1, 0, NULL, 0, s1, i, NULL), 0);
	y = (struct tuff_sync_op){ TUFF_SYNC_TIMELINE, s1, 30 };
	a.ctx_id = c2;
	CHECK_EQ(CALL(f, SUBMIT, &a), 0);
	CHECK_EQ(submit1(f, c2, 0, NULL, 0, s2, 0, NULL), 0);
	tuff_mock_advance(SEC);
	m->self_advance = true;
	CHECK_EQ(wait_so(f, s2, 0, 5 * SEC, &error), 0);
	CHECK_EQ(error, 0);
	tuff_local_close(f);
}

TEST(deadline)
{
	struct tuff_sync_op y = { TUFF_SYNC_SIGNAL, 0, 0 };
	struct tuff_job j = { .syncs = ARRAY(&y, 1) };
	struct tuff_submit a = { .jobs = ARRAY(&j, 1) };
	struct tuff_file *f;
	int error = 0;

	m = tuff_mock_reset();
	f = open_file();
	a.ctx_id = new_ctx(f, 0);
	y.handle = new_so(f);
	j.deadline_ns = tuff_mock_clock() - 1;
	CHECK_EQ(CALL(f, SUBMIT, &a), 0);
	CHECK_EQ(wait_so(f, y.handle, 0, SEC, &error), 0);
	CHECK_EQ(error, -ETIME);
	tuff_local_close(f);
}

/* --- threads -------------------------------------------------------------------------- */

static void *client(void *arg)
{
	struct tuff_file *f = open_file();
	struct run r;
	int bad = 0;

	(void)arg;
	if (!f || run_init(f, &r, 0))
		return (void *)1;
	for (int i = 0; i < 300 && !bad; i++)
		bad = run_once(f, &r);
	tuff_local_close(f);
	return (void *)(intptr_t)bad;
}

TEST(four_threads_four_files)
{
	pthread_t t[4];
	void *ret;

	tuff_mock_reset();
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&t[i], NULL, client, NULL));
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &ret);
		CHECK(!ret);
	}
	CHECK_EQ(tuff_mock_objects(), 0);
}

static struct tuff_file *shared;

static void *worker(void *arg)
{
	struct tuff_spec spec = { 0, 64 };
	struct run r;
	uint32_t k;
	char text[64];
	int bad = 0;

	(void)arg;
	if (run_init(shared, &r, 0))
		return (void *)1;
	for (int i = 0; i < 100 && !bad; i++) {
		struct tuff_kernel_destroy d = { 0 };

		bad = run_once(shared, &r);
		if (i % 10)
			continue;
		bad |= new_kernel(shared, add_spv, sizeof(add_spv), &spec, 1, TUFF_KERNEL_UNIFORM |
				  (i & 1 ? TUFF_KERNEL_WAIT_READY : 0), 3, 2, &k, text, sizeof(text));
		d.kernel_id = k;
		bad |= CALL(shared, KERNEL_DESTROY, &d);
	}
	return (void *)(intptr_t)bad;
}

TEST(four_threads_one_file)
{
	pthread_t t[4];
	void *ret;

	tuff_mock_reset();
	CHECK((shared = open_file()));
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&t[i], NULL, worker, NULL));
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &ret);
		CHECK(!ret);
	}
	tuff_local_close(shared);
	CHECK_EQ(tuff_mock_objects(), 0);
}

static void *waiter(void *arg)
{
	uint32_t so = *(uint32_t *)arg;

	return (void *)(intptr_t)wait_so(shared, so, 1, 10 * SEC, NULL);
}

/* One waits for the device, the others for it; all get their own. */
TEST(waiters_take_turns)
{
	pthread_t t[4];
	uint32_t so[4], ctx;
	void *ret;

	tuff_mock_reset()->self_advance = false;
	CHECK((shared = open_file()));
	ctx = new_ctx(shared, 0);
	for (int i = 0; i < 4; i++) {
		so[i] = new_so(shared);
		CHECK_EQ(submit1(shared, ctx, 0, NULL, 0, so[i], 1, NULL), 0);
	}
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&t[i], NULL, waiter, &so[3 - i]));
	for (int i = 0; i < 4; i++) {
		usleep(2000);
		tuff_mock_advance(1000000);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &ret);
		CHECK(!ret);
	}
	tuff_local_close(shared);
}
