// SPDX-License-Identifier: MIT
/* SUBMIT: what it does, all that it checks, and closing while busy. */
#include "tests/uapi/uapi.h"

/* --- submit --------------------------------------------------------------------------- */

MOCK_TEST(submit_fill)
{
	struct tuff_bo_wait w = { 0 };
	uint32_t *p;
	struct sub s;
	int error;

	good_submit(f, &s);
	CHECK_EQ(CALL(f, SUBMIT, &s.a), 0);
	CHECK_EQ(s.a.first_seqno, 1);
	w.handle = s.bo;
	w.flags = TUFF_BO_READ;
	CHECK_EQ(CALL(f, BO_WAIT, &w), -EBUSY);
	CHECK_EQ(wait_so(f, s.so, 0, SEC, &error), 0);
	CHECK_EQ(error, 0);
	CHECK_EQ(CALL(f, BO_WAIT, &w), 0);
	p = tuff_local_mmap(f, s.bo, NULL);
	CHECK(p[0] == 0 && p[1023] == 0 && p[1024] == 7 && p[2047] == 7);
}
#define BAD_SUBMIT(name, change, ret) \
	MOCK_TEST(name) \
	{ \
		struct sub s; \
		struct tuff_syncobj_query q = { .count = 1 }; \
		uint64_t v = 9; \
		good_submit(f, &s); \
		change; \
		CHECK_EQ(CALL(f, SUBMIT, &s.a), ret); \
		/* all or nothing: nothing was submitted */ \
		q.handles = PTR(&s.so); \
		q.points = PTR(&v); \
		q.flags = TUFF_QUERY_LAST_SUBMITTED; \
		CHECK_EQ(CALL(f, SYNCOBJ_QUERY, &q), 0); \
		CHECK_EQ(v, 0); \
	}
BAD_SUBMIT(submit_bad_flags, s.a.flags = 1, -EINVAL)
BAD_SUBMIT(submit_bad_ctx, s.a.ctx_id = 99, -ENOENT)
BAD_SUBMIT(submit_bad_seqno, s.a.first_seqno = 1, -EINVAL)
BAD_SUBMIT(submit_no_jobs, s.a.jobs = (struct tuff_array){ 0 }, -EINVAL)
BAD_SUBMIT(submit_jobs_null, s.a.jobs.array = 0, -EFAULT)
BAD_SUBMIT(submit_jobs_stride, s.a.jobs.stride = 8, -EINVAL)
BAD_SUBMIT(submit_jobs_count, s.a.jobs.count = 65, -EINVAL)
BAD_SUBMIT(submit_job_flags, s.j.flags = 2, -EINVAL)
BAD_SUBMIT(submit_chain_of_nothing, s.j.flags = TUFF_JOB_CHAIN, -EINVAL)
BAD_SUBMIT(submit_job_pad, s.j.pad = 1, -EINVAL)
BAD_SUBMIT(submit_job_deadline, s.j.deadline_ns = -1, -EINVAL)
BAD_SUBMIT(submit_cmdbuf_unknown, s.cb = 99, -ENOENT)
BAD_SUBMIT(submit_cmdbufs_null, s.j.cmdbufs.array = 0, -EFAULT)
BAD_SUBMIT(submit_cmdbufs_count, s.j.cmdbufs.count = 65, -EINVAL)
BAD_SUBMIT(submit_slot_missing, s.s.slot = 1, -EINVAL)
BAD_SUBMIT(submit_slot_number, s.s.slot = 64, -EINVAL)
BAD_SUBMIT(submit_slot_bo, s.s.bo_handle = 99, -ENOENT)
BAD_SUBMIT(submit_slot_flags, s.s.flags = 8, -EINVAL)
BAD_SUBMIT(submit_slot_not_written, s.s.flags = TUFF_SLOT_READ, -EINVAL)
BAD_SUBMIT(submit_slot_pad, s.s.pad = 1, -EINVAL)
BAD_SUBMIT(submit_slot_misaligned, s.s.offset = 4, -EINVAL)
BAD_SUBMIT(submit_slot_outside, s.s.offset = 8192, -EINVAL)
BAD_SUBMIT(submit_slot_too_long, s.s.range = 8192, -EINVAL)
BAD_SUBMIT(submit_slot_overflow, s.s.offset = ~4095ull, -EINVAL)
BAD_SUBMIT(submit_slot_smaller_than_declared, s.s.range = 2048, -EINVAL)
BAD_SUBMIT(submit_slot_range_0, s.s.range = 0, -EINVAL)
BAD_SUBMIT(submit_slots_count, s.j.slots.count = 65, -EINVAL)
BAD_SUBMIT(submit_sync_type, s.y.flags = TUFF_SYNC_SIGNAL | 2, -EINVAL)
BAD_SUBMIT(submit_sync_flags, s.y.flags = TUFF_SYNC_SIGNAL | 0x100, -EINVAL)
BAD_SUBMIT(submit_sync_unknown, s.y.handle = 99, -ENOENT)
BAD_SUBMIT(submit_sync_binary_point, s.y.timeline_value = 1, -EINVAL)
BAD_SUBMIT(submit_sync_timeline_0, s.y.flags |= TUFF_SYNC_TIMELINE, -EINVAL)
BAD_SUBMIT(submit_wait_not_submitted, s.y.flags = 0, -EINVAL)
BAD_SUBMIT(submit_syncs_count, s.j.syncs.count = 65, -EINVAL)

BAD_SUBMIT(submit_jobs_tail, struct { struct tuff_job j; uint64_t more; } w = { s.j };
	   w.more = 1; s.a.jobs = ARRAY(&w, 1), -E2BIG)
BAD_SUBMIT(submit_cmdbufs_stride, s.j.cmdbufs.stride = 2, -EINVAL)
BAD_SUBMIT(submit_cmdbufs_odd, s.j.cmdbufs.stride = 7, -EINVAL)
BAD_SUBMIT(submit_slots_null, s.j.slots.array = 0, -EFAULT)
BAD_SUBMIT(submit_slots_stride, s.j.slots.stride = 16, -EINVAL)
BAD_SUBMIT(submit_slot_no_flags, s.s.flags = 0, -EINVAL)
BAD_SUBMIT(submit_slots_tail, struct { struct tuff_job_slot s; uint64_t more; } w = { s.s };
	   w.more = 1; s.j.slots = ARRAY(&w, 1), -E2BIG)
BAD_SUBMIT(submit_syncs_null, s.j.syncs.array = 0, -EFAULT)
BAD_SUBMIT(submit_syncs_stride, s.j.syncs.stride = 8, -EINVAL)
BAD_SUBMIT(submit_syncs_tail, struct { struct tuff_sync_op y; uint64_t more; } w = { s.y };
	   w.more = 1; s.j.syncs = ARRAY(&w, 1), -E2BIG)

MOCK_TEST(submit_grown_elements)
{
	struct { struct tuff_job j; uint64_t more; } j;
	struct { struct tuff_job_slot s; uint64_t more; } w;
	struct sub s;

	good_submit(f, &s);
	memset(&j, 0, sizeof(j));
	memset(&w, 0, sizeof(w));
	w.s = s.s;
	j.j = s.j;
	j.j.slots = ARRAY(&w, 1);
	s.a.jobs = ARRAY(&j, 1);
	CHECK_EQ(CALL(f, SUBMIT, &s.a), 0);
	CHECK_EQ(wait_so(f, s.so, 0, SEC, NULL), 0);
}

MOCK_TEST(submit_slot_twice)
{
	struct tuff_job_slot two[2];
	struct sub s;

	good_submit(f, &s);
	two[0] = two[1] = s.s;
	s.j.slots = ARRAY(two, 2);
	CHECK_EQ(CALL(f, SUBMIT, &s.a), -EINVAL);
}

MOCK_TEST(submit_all_or_nothing)
{
	struct tuff_job j[2];
	struct sub s;
	uint32_t bad = 99;

	good_submit(f, &s);
	j[0] = j[1] = s.j;
	j[1].cmdbufs = ARRAY(&bad, 1);
	s.a.jobs = ARRAY(j, 2);
	CHECK_EQ(CALL(f, SUBMIT, &s.a), -ENOENT);
	CHECK_EQ(wait_so(f, s.so, 0, 0, NULL), -EINVAL);	/* nothing submitted */
}

MOCK_TEST(submit_timeline_must_grow)
{
	struct sub s;

	good_submit(f, &s);
	s.y = (struct tuff_sync_op){ TUFF_SYNC_SIGNAL | TUFF_SYNC_TIMELINE, s.so, 5 };
	CHECK_EQ(CALL(f, SUBMIT, &s.a), 0);
	s.a.first_seqno = 0;
	CHECK_EQ(CALL(f, SUBMIT, &s.a), -EINVAL);
	s.y.timeline_value = 6;
	CHECK_EQ(CALL(f, SUBMIT, &s.a), 0);
	CHECK_EQ(wait_so(f, s.so, 6, SEC, NULL), 0);
}

MOCK_TEST(submit_chain_in_one_call)
{
	struct tuff_sync_op y[3];
	struct tuff_job j[2];
	struct sub s;

	good_submit(f, &s);
	y[0] = (struct tuff_sync_op){ TUFF_SYNC_SIGNAL | TUFF_SYNC_TIMELINE, s.so, 1 };
	y[1] = (struct tuff_sync_op){ TUFF_SYNC_TIMELINE, s.so, 1 };
	y[2] = (struct tuff_sync_op){ TUFF_SYNC_SIGNAL | TUFF_SYNC_TIMELINE, s.so, 2 };
	j[0] = j[1] = s.j;
	j[0].syncs = ARRAY(&y[0], 1);
	j[1].syncs = ARRAY(&y[1], 2);
	s.a.jobs = ARRAY(j, 2);
	CHECK_EQ(CALL(f, SUBMIT, &s.a), 0);
	CHECK_EQ(wait_so(f, s.so, 2, SEC, NULL), 0);
}

MOCK_TEST(submit_close_while_busy)
{
	struct tuff_bo_close c = { 0 };
	struct tuff_cmdbuf_destroy d = { 0 };
	struct tuff_syncobj_destroy y = { 0 };
	struct tuff_ctx_destroy x = { 0 };
	struct sub s;

	good_submit(f, &s);
	m->self_advance = false;
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(CALL(f, SUBMIT, &s.a), 0);
		s.a.first_seqno = 0;
	}
	c.handle = s.bo;
	d.cmdbuf_id = s.cb;
	y.handle = s.so;
	x.ctx_id = s.a.ctx_id;
	CHECK_EQ(CALL(f, BO_CLOSE, &c), 0);
	CHECK_EQ(CALL(f, CMDBUF_DESTROY, &d), 0);
	CHECK_EQ(CALL(f, SYNCOBJ_DESTROY, &y), 0);
	CHECK_EQ(CALL(f, CTX_DESTROY, &x), 0);
}

MOCK_TEST(file_close_while_busy)
{
	struct tuff_file *g;
	char err[64];
	struct sub s;

	CHECK_EQ(tuff_local_open(&tuff_be_mock, 0, &g, err, sizeof(err)), 0);
	good_submit(g, &s);
	m->self_advance = false;
	for (int i = 0; i < 200; i++) {
		CHECK_EQ(CALL(g, SUBMIT, &s.a), 0);
		s.a.first_seqno = 0;
	}
	tuff_local_close(g);
	CHECK(tuff_mock_objects() > 0);
	tuff_mock_advance(SEC);
	{	/* any call that looks */
		struct tuff_query_stats q;
		struct tuff_dev_query a = { TUFF_QUERY_STATS, sizeof(q), PTR(&q) };

		CHECK_EQ(CALL(f, DEV_QUERY, &a), 0);
		CHECK_EQ(q.jobs_running, 0);
		CHECK_EQ(q.jobs_done, 200);
	}
	CHECK_EQ(tuff_mock_objects(), 0);
}

MOCK_TEST(job_timestamps)
{
	struct tuff_cmd_timestamp p[2] = { { TUFF_CMD_TIMESTAMP, 2, 0 },
					   { TUFF_CMD_TIMESTAMP, 2, 1 } };
	struct tuff_job_timestamps a = { .ctx_id = new_ctx(f, 0) };
	uint32_t cb, so = new_so(f);
	uint64_t seqno, ns[2] = { 0, 0 };

	CHECK_EQ(new_cmdbuf(f, p, sizeof(p), NULL, 0, &cb, NULL, 0), 0);
	m->self_advance = false;
	CHECK_EQ(submit1(f, a.ctx_id, cb, NULL, 0, so, 0, &seqno), 0);
	a.seqno = seqno;
	CHECK_EQ(CALL(f, JOB_TIMESTAMPS, &a), -EBUSY);
	tuff_mock_advance(SEC);
	CHECK_EQ(CALL(f, JOB_TIMESTAMPS, &a), 0);
	CHECK_EQ(a.count, 2);
	CHECK_EQ(CALL(f, JOB_TIMESTAMPS, &a), -EFAULT);
	a.array = PTR(ns);
	CHECK_EQ(CALL(f, JOB_TIMESTAMPS, &a), 0);
	CHECK(ns[0] == 1001000000 && ns[1] >= ns[0]);
	a.seqno = 77;
	CHECK_EQ(CALL(f, JOB_TIMESTAMPS, &a), -ENOENT);
	a.ctx_id = 77;
	CHECK_EQ(CALL(f, JOB_TIMESTAMPS, &a), -ENOENT);
}
