// SPDX-License-Identifier: MIT
/* Devices that do not open, hang, get lost or refuse; compilers that hang. */
#include <pthread.h>
#include <unistd.h>

#include "driver/broker.h"
#include "driver/executor/exec.h"
#include "tests/driver/run.h"
#include "tests/harness.h"
#include "tests/vulkan/add.h"

/* --- faults ------------------------------------------------------------------- */

TEST(open_fails)
{
	m = tuff_mock_reset();
	m->open_error = -ENODEV;
	CHECK(!open_file());
	CHECK(strstr(err, "mock:0 does not open"));
}

TEST(timeout_poisons)
{
	struct tuff_ctx_get_state s;
	struct tuff_bo_create bo = { .size = 4096 };
	struct tuff_file *f, *g;
	struct run r, q;
	char text[2048];
	struct tuff_query_fdinfo i = { 0, sizeof(text), PTR(text) };
	int error = 0;

	m = tuff_mock_reset();
	CHECK((f = open_file()) && (g = open_file()));
	CHECK_EQ(run_init(f, &r, 0), 0);
	CHECK_EQ(run_init(g, &q, 0), 0);
	CHECK_EQ(run_once(f, &r), 0);
	m->hang = true;
	CHECK_EQ(run_submit(f, &r), 0);
	CHECK_EQ(run_submit(f, &r), 0);
	CHECK_EQ(run_submit(g, &q), 0);
	tuff_mock_advance(29 * SEC);
	CHECK_EQ(get_state(f, r.ctx, &s), 0);
	CHECK_EQ(s.state, 0);
	tuff_mock_advance(2 * SEC);
	CHECK_EQ(get_state(f, r.ctx, &s), 0);
	CHECK_EQ(s.state, TUFF_CTX_STATE_TIMEDOUT | TUFF_CTX_STATE_GUILTY | TUFF_CTX_STATE_FATAL);
	CHECK_EQ(s.reset_count, 1);
	CHECK(s.fault_fence_ctx == s.fence_ctx && s.fault_fence_seqno == 2);
	CHECK_EQ(wait_so(f, r.so, 2, SEC, &error), 0);
	CHECK_EQ(error, -ETIME);
	CHECK_EQ(wait_so(f, r.so, 3, SEC, &error), 0);
	CHECK_EQ(error, -ECANCELED);
	CHECK_EQ(wait_so(g, q.so, 1, SEC, &error), 0);
	CHECK(error == -EIO);
	CHECK_EQ(run_submit(g, &q), -EIO);
	CHECK_EQ(CALL(g, BO_CREATE, &bo), -EIO);
	CHECK_EQ(CALL(g, QUERY_FDINFO, &i), 0);
	CHECK(strstr(text, "tuff-device-dead:\tpoisoned"));
	CHECK(!open_file());
	CHECK(strstr(err, "poisoned"));
	/* memory that the device may touch stays although it was closed */
	{
		struct tuff_bo_close c = { r.out, 0 };

		CHECK_EQ(CALL(f, BO_CLOSE, &c), 0);
		memset(r.pout, 1, 8192);
	}
	tuff_local_close(f);
	tuff_local_close(g);
	CHECK_EQ(tuff_mock_objects(), 0);
}

TEST(timeout_of_a_context)
{
	struct tuff_ctx_set_param p = { 0, TUFF_CTX_TIMEOUT_MS, 5 };
	struct tuff_ctx_get_state s;
	struct tuff_file *f;
	struct run r;

	m = tuff_mock_reset();
	f = open_file();
	CHECK_EQ(run_init(f, &r, 0), 0);
	p.ctx_id = r.ctx;
	CHECK_EQ(CALL(f, CTX_SET_PARAM, &p), 0);
	m->hang = true;
	CHECK_EQ(run_submit(f, &r), 0);
	tuff_mock_advance(6000000);
	CHECK_EQ(get_state(f, r.ctx, &s), 0);
	CHECK(s.state & TUFF_CTX_STATE_TIMEDOUT);
	tuff_local_close(f);
}

TEST(late_completion_is_no_hang)
{
	struct tuff_ctx_get_state s;
	struct tuff_file *f;
	struct run r;
	int error;

	m = tuff_mock_reset();
	m->self_advance = false;
	f = open_file();
	CHECK_EQ(run_init(f, &r, 0), 0);
	CHECK_EQ(run_submit(f, &r), 0);
	tuff_mock_advance(100 * SEC);	/* ended long ago, nobody looked */
	CHECK_EQ(get_state(f, r.ctx, &s), 0);
	CHECK_EQ(s.state, 0);
	CHECK_EQ(wait_so(f, r.so, 1, 0, &error), 0);
	CHECK_EQ(error, 0);
	tuff_local_close(f);
}

TEST(device_lost)
{
	struct tuff_ctx_get_state s;
	struct tuff_file *f;
	struct run r;
	int error = 0;

	m = tuff_mock_reset();
	f = open_file();
	CHECK_EQ(run_init(f, &r, 0), 0);
	m->hang = true;
	CHECK_EQ(run_submit(f, &r), 0);
	m->lost = true;
	CHECK_EQ(wait_so(f, r.so, 1, SEC, &error), 0);
	CHECK_EQ(error, -EIO);
	CHECK_EQ(run_submit(f, &r), -EIO);
	CHECK_EQ(get_state(f, r.ctx, &s), 0);
	CHECK(s.state & TUFF_CTX_STATE_FATAL);
	CHECK_EQ(s.last_error, -EIO);
	tuff_local_close(f);
	CHECK_EQ(tuff_mock_objects(), 0);
}

TEST(submit_and_record_fail)
{
	struct tuff_file *f;
	struct run r;
	int error = 0;

	m = tuff_mock_reset();
	f = open_file();
	CHECK_EQ(run_init(f, &r, 0), 0);
	m->submit_error = -ENOMEM;
	CHECK_EQ(run_submit(f, &r), 0);
	CHECK_EQ(wait_so(f, r.so, 1, SEC, &error), 0);
	CHECK_EQ(error, -ENOMEM);
	m->submit_error = 0;
	CHECK_EQ(run_once(f, &r), 0);
	/* another tuple of slots records again */
	m->record_error = -ENOSPC;
	{
		struct tuff_job_slot s[2] = { { 0, r.in, TUFF_SLOT_READ, 0, 0, 4096 },
					      { 1, r.out, TUFF_SLOT_WRITE, 0, 0, 4096 } };

		CHECK_EQ(submit1(f, r.ctx, r.cb, s, 2, r.so, 9, NULL), 0);
		CHECK_EQ(wait_so(f, r.so, 9, SEC, &error), 0);
		CHECK_EQ(error, -ENOSPC);
	}
	m->record_error = 0;
	r.point = 9;
	CHECK_EQ(run_once(f, &r), 0);
	tuff_local_close(f);
	CHECK_EQ(tuff_mock_objects(), 0);
}

TEST(kernel_fails_under_a_queued_job)
{
	struct { struct tuff_cmd_dispatch d; struct tuff_cmd_bind b[3]; } p = {
		{ TUFF_CMD_DISPATCH, 24, 0, { 1, 1, 1 }, 3 },
		{ { 0, 0, 0, 256 }, { 0, 0, 0, 64 }, { 1, 0, 0, 64 } } };
	struct tuff_cmdbuf_slot decl[2] = { { 0, TUFF_SLOT_READ, 4096 }, { 1, TUFF_SLOT_WRITE, 4096 } };
	struct tuff_spec spec = { 0, 64 };
	struct tuff_file *f;
	struct run r;
	int error = 0;

	m = tuff_mock_reset();
	f = open_file();
	CHECK_EQ(run_init(f, &r, 0), 0);
	m->kernel_hang = true;
	m->kernel_error = -ENOMEM;
	CHECK_EQ(new_kernel(f, add_spv, sizeof(add_spv), &spec, 1, TUFF_KERNEL_UNIFORM, 3, 2,
			    &p.d.kernel_id, err, sizeof(err)), 0);
	CHECK_EQ(new_cmdbuf(f, &p, sizeof(p), decl, 2, &r.cb, err, sizeof(err)), 0);
	CHECK_EQ(run_submit(f, &r), 0);
	CHECK_EQ(wait_so(f, r.so, 1, SEC / 50, &error), -ETIME);
	tuff_mock_lock();
	m->kernel_hang = false;
	tuff_mock_unlock();
	CHECK_EQ(wait_so(f, r.so, 1, 10 * SEC, &error), 0);
	CHECK_EQ(error, -ENOMEM);
	CHECK_EQ(run_submit(f, &r), -ENOMEM);
	tuff_local_close(f);
	CHECK_EQ(tuff_mock_objects(), 0);
}

/* --- compilers that hang ----------------------------------------------------------- */

TEST(compiler_does_not_end)
{
	struct tuff_file *f;
	struct run r;
	uint32_t k;

	m = tuff_mock_reset();
	f = open_file();
	CHECK_EQ(run_init(f, &r, 0), 0);
	f->dev->exec->compile_timeout = SEC / 50;
	m->kernel_hang = true;
	CHECK_EQ(new_kernel(f, add_spv, sizeof(add_spv), NULL, 0, TUFF_KERNEL_UNIFORM |
			    TUFF_KERNEL_WAIT_READY, 3, 2, &k, err, sizeof(err)), -ETIME);
	CHECK(strstr(err, "compiler did not end"));
	CHECK_EQ(run_once(f, &r), 0);	/* the others go on */
	tuff_local_close(f);
}

static struct {
	struct tuff_file *f;
	uint32_t kernel, cb;
	int ret;
} held;

static void *make_indirect(void *arg)
{
	struct { struct tuff_cmd_dispatch_indirect d; struct tuff_cmd_bind b[3]; } p = {
		{ TUFF_CMD_DISPATCH_INDIRECT, 28, held.kernel, { 0, 0, 0, 12 }, 3, 0 },
		{ { 0, 0, 0, 256 }, { 0, 0, 0, 64 }, { 1, 0, 0, 64 } } };
	struct tuff_cmdbuf_slot decl[2] = { { 0, TUFF_SLOT_READ, 4096 }, { 1, TUFF_SLOT_WRITE, 4096 } };

	held.ret = new_cmdbuf(held.f, &p, sizeof(p), decl, 2, &held.cb, err, sizeof(err));
	return arg;
}

/* The kernel that clamps indirect counts is made like any other: nobody else waits for it. */
static void clamp_kernel(int error)
{
	pthread_t t;
	struct run r;

	m = tuff_mock_reset();
	held.f = open_file();
	CHECK_EQ(run_init(held.f, &r, 0), 0);
	CHECK_EQ(new_kernel(held.f, add_spv, sizeof(add_spv), NULL, 0, TUFF_KERNEL_UNIFORM |
			    TUFF_KERNEL_WAIT_READY, 3, 2, &held.kernel, err, sizeof(err)), 0);
	tuff_mock_lock();
	m->kernel_hang = true;
	m->kernel_error = error;
	tuff_mock_unlock();
	held.ret = 1;
	CHECK(!pthread_create(&t, NULL, make_indirect, NULL));
	for (int i = 0; i < 50; i++) {
		CHECK_EQ(run_once(held.f, &r), 0);
		usleep(200);
	}
	CHECK_EQ(__atomic_load_n(&held.ret, __ATOMIC_ACQUIRE), 1);
	tuff_mock_lock();
	m->kernel_hang = false;
	tuff_mock_unlock();
	pthread_join(t, NULL);
	CHECK_EQ(held.ret, error);
	m->kernel_error = 0;
	make_indirect(NULL);	/* made by now, or tried again */
	CHECK_EQ(held.ret, 0);
	r.cb = held.cb;
	CHECK_EQ(run_submit(held.f, &r), 0);
	CHECK_EQ(wait_so(held.f, r.so, r.point, SEC, NULL), 0);
	tuff_local_close(held.f);
	CHECK_EQ(tuff_mock_objects(), 0);
}
TEST(clamp_kernel_is_asynchronous) { clamp_kernel(0); }
TEST(clamp_kernel_fails) { clamp_kernel(-ENOMEM); }
