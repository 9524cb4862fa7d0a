// SPDX-License-Identifier: MIT
/* The whole driver over the Vulkan back end: dispatches through the ioctls. */
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/client.h"
#include "tests/harness.h"
#include "tests/vulkan/add.h"

#define N	1000
#define STRIDE	4096u

static struct tuff_file *open_any(void)
{
	struct tuff_be_info infos[TUFF_BE_MAX_DEVICES];
	int n = tuff_be_vulkan.enumerate(infos, TUFF_BE_MAX_DEVICES);
	struct tuff_file *f;
	char err[256];

	for (int i = 0; i < n; i++)
		if (!infos[i].rejected[0] && !(infos[i].features & TUFF_BE_F_COMPILE_ONLY) &&
		    !tuff_local_open(&tuff_be_vulkan, (uint32_t)i, &f, err, sizeof(err)))
			return f;
	return NULL;
}

static int make_add(struct tuff_file *f, uint32_t flags, uint32_t *id)
{
	struct tuff_spec spec[2] = { { 0, 64 }, { 1, 0x40000000 } };	/* 2.0f */
	char err[256] = "";
	int ret = new_kernel(f, add_spv, sizeof(add_spv), spec, 2, TUFF_KERNEL_UNIFORM | flags,
			     3, 2, id, err, sizeof(err));

	if (ret)
		printf("  %s\n", err);
	return ret;
}

struct add_packet {
	struct tuff_cmd_dispatch d;
	struct tuff_cmd_bind b[3];
};

static const struct tuff_cmdbuf_slot add_slots[3] = {
	{ 0, TUFF_SLOT_READ, 256 }, { 1, TUFF_SLOT_READ, STRIDE }, { 2, TUFF_SLOT_WRITE, STRIDE } };

static struct add_packet add_packet(uint32_t kernel)
{
	return (struct add_packet){
		{ TUFF_CMD_DISPATCH, sizeof(struct add_packet) / 4, kernel, { 16, 1, 1 }, 3 },
		{ { 0, 0, 0, 256 }, { 1, 0, 0, STRIDE }, { 2, 0, 0, STRIDE } } };
}

TEST(dispatch)
{
	struct tuff_file *f = open_any();
	uint32_t ctx, bo, so, k, cb;
	struct tuff_be_counters c0, c1;
	struct add_packet p;
	char err[256] = "", *m;
	uint64_t size;
	int error = 0;

	if (!f)
		SKIP("no device");
	CHECK((ctx = new_ctx(f, 0)));
	CHECK((so = new_so(f)));
	CHECK((bo = new_bo(f, 65536, TUFF_BO_MAPPABLE, TUFF_PLACE_SYSTEM)));
	CHECK_EQ(make_add(f, 0, &k), 0);
	p = add_packet(k);
	CHECK_EQ(new_cmdbuf(f, &p, sizeof(p), add_slots, 3, &cb, err, sizeof(err)), 0);
	m = tuff_local_mmap(f, bo, &size);
	CHECK(m && size == 65536);
	*(int *)m = N;
	for (int run = 1; run < 100; run++) {
		struct tuff_job_slot s[3] = {
			{ 0, bo, TUFF_SLOT_READ, 0, 0, 256 },
			{ 1, bo, TUFF_SLOT_READ, 0, 4096, STRIDE },
			{ 2, bo, TUFF_SLOT_WRITE, 0, 16384, STRIDE } };
		float *a = (float *)(m + 4096), *o = (float *)(m + 16384);

		for (int i = 0; i < N; i++)
			a[i] = (float)(i * run);
		if (run == 3)
			tuff_local_counters(f, &c0);
		CHECK_EQ(submit1(f, ctx, cb, s, 3, so, (uint64_t)run, NULL), 0);
		CHECK_EQ(wait_so(f, so, (uint64_t)run, 10 * SEC, &error), 0);
		CHECK_EQ(error, 0);
		for (int i = 0; i < N; i++)
			CHECK(o[i] == 2.0f * i * run + 1);
	}
	/* a run that was seen takes no memory, makes no pipeline, records nothing */
	tuff_local_counters(f, &c1);
	CHECK_EQ(c1.allocs, c0.allocs);
	CHECK_EQ(c1.pipelines, c0.pipelines);
	CHECK_EQ(c1.records, c0.records);
	CHECK_EQ(c1.submits, c0.submits + 97);
	CHECK_EQ(c1.validation, 0);
	tuff_local_close(f);
}

/* Counts in memory, wild ones too: the driver clamps them. */
TEST(dispatch_indirect)
{
	struct {
		struct tuff_cmd_dispatch_indirect d;
		struct tuff_cmd_bind b[3];
	} p = { { TUFF_CMD_DISPATCH_INDIRECT, sizeof(p) / 4, 0, { 3, 0, 0, 12 }, 3, 0 },
		{ { 0, 0, 0, 256 }, { 1, 0, 0, STRIDE }, { 2, 0, 0, STRIDE } } };
	struct tuff_cmdbuf_slot slots[4] = {
		add_slots[0], add_slots[1], add_slots[2], { 3, TUFF_SLOT_READ, 256 } };
	struct tuff_file *f = open_any();
	uint32_t ctx, bo, so, k, cb;
	char err[256] = "", *m;
	int error = 0;

	if (!f)
		SKIP("no device");
	ctx = new_ctx(f, 0);
	so = new_so(f);
	bo = new_bo(f, 65536, TUFF_BO_MAPPABLE, TUFF_PLACE_SYSTEM);
	CHECK_EQ(make_add(f, TUFF_KERNEL_WAIT_READY, &k), 0);
	p.d.kernel_id = k;
	CHECK_EQ(new_cmdbuf(f, &p, sizeof(p), slots, 4, &cb, err, sizeof(err)), 0);
	m = tuff_local_mmap(f, bo, NULL);
	CHECK(m);
	*(int *)m = N;
	for (uint32_t run = 0; run < 3; run++) {
		struct tuff_job_slot s[4] = {
			{ 0, bo, TUFF_SLOT_READ, 0, 0, 256 },
			{ 1, bo, TUFF_SLOT_READ, 0, 4096, STRIDE },
			{ 2, bo, TUFF_SLOT_WRITE, 0, 16384, STRIDE },
			{ 3, bo, TUFF_SLOT_READ, 0, 32768, 256 } };
		uint32_t *count = (uint32_t *)(m + 32768);
		float *a = (float *)(m + 4096), *o = (float *)(m + 16384);
		int expect = run == 0 ? N : run == 1 ? 64 : N;

		count[0] = run == 0 ? 16 : run == 1 ? 1 : 0xffffffff;
		count[1] = count[2] = 1;
		for (int i = 0; i < N; i++) {
			a[i] = (float)i;
			o[i] = -1;
		}
		CHECK_EQ(submit1(f, ctx, cb, s, 4, so, 0, NULL), 0);
		CHECK_EQ(wait_so(f, so, 0, 10 * SEC, &error), 0);
		CHECK_EQ(error, 0);
		for (int i = 0; i < N; i++)
			CHECK(o[i] == (i < expect ? 2.0f * i + 1 : -1));
	}
	tuff_local_close(f);
}

/* The job goes before the pipeline is made, the context in the middle of it. */
TEST(close_while_busy)
{
	for (int i = 0; i < 20; i++) {
		struct tuff_file *f = open_any();
		uint32_t ctx, bo, k, cb;
		struct add_packet p;
		char err[256], *m;

		if (!f)
			SKIP("no device");
		ctx = new_ctx(f, 0);
		bo = new_bo(f, 65536, TUFF_BO_MAPPABLE, TUFF_PLACE_SYSTEM);
		CHECK_EQ(make_add(f, 0, &k), 0);
		p = add_packet(k);
		CHECK_EQ(new_cmdbuf(f, &p, sizeof(p), add_slots, 3, &cb, err, sizeof(err)), 0);
		m = tuff_local_mmap(f, bo, NULL);
		*(int *)m = N;
		for (int n = 0; n < 5; n++) {
			struct tuff_job_slot s[3] = {
				{ 0, bo, TUFF_SLOT_READ, 0, 0, 256 },
				{ 1, bo, TUFF_SLOT_READ, 0, 4096, STRIDE },
				{ 2, bo, TUFF_SLOT_WRITE, 0, 16384, STRIDE } };

			CHECK_EQ(submit1(f, ctx, cb, s, 3, 0, 0, NULL), 0);
		}
		if (i & 1) {
			struct tuff_ctx_destroy d = { ctx, 0 };

			CHECK_EQ(CALL(f, CTX_DESTROY, &d), 0);
		}
		tuff_local_close(f);
	}
}

TEST(bad_spirv_says_why)
{
	uint32_t code[sizeof(add_spv) / 4], id;
	struct tuff_file *f = open_any();
	char err[256] = "";

	if (!f)
		SKIP("no device");
	memcpy(code, add_spv, sizeof(code));
	code[0]++;
	CHECK_EQ(new_kernel(f, code, sizeof(code), NULL, 0,
			    TUFF_KERNEL_UNIFORM | TUFF_KERNEL_WAIT_READY, 3, 2, &id, err,
			    sizeof(err)), -EINVAL);
	CHECK(strstr(err, "SPIR-V"));
	tuff_local_close(f);
}

TEST(timestamps)
{
	struct tuff_cmd_timestamp p[2] = { { TUFF_CMD_TIMESTAMP, 2, 0 },
					   { TUFF_CMD_TIMESTAMP, 2, 1 } };
	struct tuff_file *f = open_any();
	struct tuff_job_timestamps a = { .count = 2 };
	uint64_t ns[2] = { 0, 0 };
	uint32_t ctx, so, cb;
	char err[256] = "";

	if (!f)
		SKIP("no device");
	ctx = new_ctx(f, 0);
	so = new_so(f);
	if (new_cmdbuf(f, p, sizeof(p), NULL, 0, &cb, err, sizeof(err)) == -EOPNOTSUPP) {
		tuff_local_close(f);
		SKIP("the device has no timestamps");
	}
	CHECK_EQ(submit1(f, ctx, cb, NULL, 0, so, 0, (uint64_t *)&a.seqno), 0);
	CHECK_EQ(wait_so(f, so, 0, SEC, NULL), 0);
	a.ctx_id = ctx;
	a.array = PTR(ns);
	CHECK_EQ(CALL(f, JOB_TIMESTAMPS, &a), 0);
	CHECK_EQ(a.count, 2);
	CHECK(ns[0] && ns[1] >= ns[0]);
	tuff_local_close(f);
}

/* The two clocks of QUERY_TIMESTAMP go together, and the device's is that of TIMESTAMP. */
TEST(clocks)
{
	struct tuff_cmd_timestamp p = { TUFF_CMD_TIMESTAMP, 2, 0 };
	struct tuff_file *f = open_any();
	struct tuff_query_timestamp t[2];
	struct tuff_dev_query q = { TUFF_QUERY_TIMESTAMP, sizeof(t[0]), 0 };
	struct tuff_job_timestamps a = { .count = 1 };
	uint64_t ns = 0;
	uint32_t so, cb;
	char err[256];

	if (!f)
		SKIP("no device");
	q.pointer = PTR(&t[0]);
	CHECK_EQ(CALL(f, DEV_QUERY, &q), 0);
	CHECK(t[0].cpu_ns && (int64_t)t[0].cpu_ns <= now());
	if (!t[0].device_ns) {
		tuff_local_close(f);
		SKIP("the device's clock cannot be read");
	}
	a.ctx_id = new_ctx(f, 0);
	a.array = PTR(&ns);
	so = new_so(f);
	CHECK_EQ(new_cmdbuf(f, &p, sizeof(p), NULL, 0, &cb, err, sizeof(err)), 0);
	CHECK_EQ(submit1(f, a.ctx_id, cb, NULL, 0, so, 0, (uint64_t *)&a.seqno), 0);
	CHECK_EQ(wait_so(f, so, 0, SEC, NULL), 0);
	CHECK_EQ(CALL(f, JOB_TIMESTAMPS, &a), 0);
	q.pointer = PTR(&t[1]);
	CHECK_EQ(CALL(f, DEV_QUERY, &q), 0);
	CHECK(t[0].device_ns <= ns && ns <= t[1].device_ns);
	CHECK(t[1].cpu_ns > t[0].cpu_ns);
	tuff_local_close(f);
}

/* Nobody waits: queued jobs go on and the eventfd is told all the same. */
TEST(eventfd_without_waiting)
{
	struct tuff_file *f = open_any();
	struct tuff_syncobj_eventfd e = { .point = 300 };
	struct pollfd p = { .events = POLLIN };
	uint32_t ctx, cb;
	char err[64];

	if (!f)
		SKIP("no device");
	ctx = new_ctx(f, 0);
	e.handle = new_so(f);
	p.fd = e.fd = eventfd(0, EFD_CLOEXEC);
	CHECK_EQ(new_cmdbuf(f, NULL, 0, NULL, 0, &cb, err, sizeof(err)), 0);
	CHECK_EQ(CALL(f, SYNCOBJ_EVENTFD, &e), 0);
	for (uint64_t i = 1; i <= 300; i++)
		CHECK_EQ(submit1(f, ctx, cb, NULL, 0, e.handle, i, NULL), 0);
	CHECK_EQ(poll(&p, 1, 5000), 1);
	close(e.fd);
	tuff_local_close(f);
}

/* 300 at once, more than the device takes; then only the last is waited for. */
TEST(deep_queue)
{
	struct tuff_file *f = open_any();
	uint32_t ctx, cb, so;
	char err[64];
	int error = 0;

	if (!f)
		SKIP("no device");
	ctx = new_ctx(f, 0);
	so = new_so(f);
	CHECK_EQ(new_cmdbuf(f, NULL, 0, NULL, 0, &cb, err, sizeof(err)), 0);
	for (uint64_t i = 1; i <= 3000; i++)
		CHECK_EQ(submit1(f, ctx, cb, NULL, 0, so, i, NULL), 0);
	CHECK_EQ(wait_so(f, so, 3000, 10 * SEC, &error), 0);
	CHECK_EQ(error, 0);
	tuff_local_close(f);
}

TEST(priority_low_and_stats)
{
	struct tuff_query_stats st;
	struct tuff_query_mem mem[8];
	struct tuff_dev_query q = { TUFF_QUERY_STATS, sizeof(st), PTR(&st) };
	struct tuff_file *f = open_any();
	uint32_t ctx, cb, so;
	char err[64];

	if (!f)
		SKIP("no device");
	CHECK((ctx = new_ctx(f, TUFF_PRIORITY_LOW)));
	so = new_so(f);
	CHECK_EQ(new_cmdbuf(f, NULL, 0, NULL, 0, &cb, err, sizeof(err)), 0);
	for (uint64_t i = 1; i <= 10; i++) {
		CHECK_EQ(submit1(f, ctx, cb, NULL, 0, so, i, NULL), 0);
		CHECK_EQ(wait_so(f, so, i, SEC, NULL), 0);
	}
	CHECK_EQ(CALL(f, DEV_QUERY, &q), 0);
	CHECK(st.jobs_done == 10 && st.records == 1 && st.record_hits == 9 && !st.dead);
	CHECK(new_bo(f, 1 << 20, 0, TUFF_PLACE_DEVICE));
	q = (struct tuff_dev_query){ TUFF_QUERY_MEM, sizeof(mem), PTR(mem) };
	CHECK_EQ(CALL(f, DEV_QUERY, &q), 0);
	CHECK(q.size >= sizeof(mem[0]) && mem[0].size && mem[0].used >= 1 << 20);
	tuff_local_close(f);
}
