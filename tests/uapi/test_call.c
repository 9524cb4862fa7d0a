// SPDX-License-Identifier: MIT
/* The call itself, versions, queries, contexts. */
#include <signal.h>
#include <sys/time.h>

#include "tests/uapi/uapi.h"

/* --- the call itself ------------------------------------------------------- */

MOCK_TEST(ioctl_unknown)
{
	uint64_t a[4] = { 0 };

	CHECK_EQ(tuff_local_ioctl(f, _IOC(_IOC_READ, 't', 0x7f, 32), a), -ENOTTY);
	CHECK_EQ(tuff_local_ioctl(f, _IOC(_IOC_READ, 'u', 0, 32), a), -ENOTTY);
	CHECK_EQ(tuff_local_ioctl(f, _IOC(_IOC_WRITE, 't', TUFF_GET_VERSION, 32), a), -ENOTTY);
	CHECK_EQ(tuff_local_ioctl(f, TUFF_IOCTL_GET_VERSION, NULL), -EFAULT);
}

static const uint32_t all_ioctls[] = {
	TUFF_IOCTL_GET_VERSION, TUFF_IOCTL_DEV_QUERY, TUFF_IOCTL_CTX_CREATE,
	TUFF_IOCTL_CTX_DESTROY, TUFF_IOCTL_CTX_SET_PARAM, TUFF_IOCTL_CTX_GET_STATE,
	TUFF_IOCTL_BO_CREATE, TUFF_IOCTL_BO_MMAP_OFFSET, TUFF_IOCTL_BO_INFO, TUFF_IOCTL_BO_WAIT,
	TUFF_IOCTL_BO_SYNC, TUFF_IOCTL_BO_CLOSE, TUFF_IOCTL_BO_EXPORT, TUFF_IOCTL_BO_IMPORT,
	TUFF_IOCTL_KERNEL_CREATE, TUFF_IOCTL_KERNEL_WAIT, TUFF_IOCTL_KERNEL_DESTROY,
	TUFF_IOCTL_CMDBUF_CREATE, TUFF_IOCTL_CMDBUF_DESTROY, TUFF_IOCTL_SUBMIT,
	TUFF_IOCTL_JOB_TIMESTAMPS, TUFF_IOCTL_SYNCOBJ_CREATE, TUFF_IOCTL_SYNCOBJ_DESTROY,
	TUFF_IOCTL_SYNCOBJ_WAIT, TUFF_IOCTL_SYNCOBJ_RESET, TUFF_IOCTL_SYNCOBJ_SIGNAL,
	TUFF_IOCTL_SYNCOBJ_QUERY, TUFF_IOCTL_SYNCOBJ_EVENTFD, TUFF_IOCTL_QUERY_FDINFO,
	TUFF_IOCTL_SET_CLIENT_NAME };
#define COUNT	(sizeof(all_ioctls) / sizeof(all_ioctls[0]))

static uint32_t resized(uint32_t nr, uint32_t size)
{
	return _IOC(_IOC_DIR(nr), _IOC_TYPE(nr), _IOC_NR(nr), size);
}

MOCK_TEST(ioctl_every_number_is_its_own)
{
	CHECK_EQ(COUNT, TUFF_IOCTL_COUNT);
	for (uint32_t i = 0; i < COUNT; i++) {
		CHECK_EQ(_IOC_NR(all_ioctls[i]), i);
		CHECK_EQ(_IOC_SIZE(all_ioctls[i]) % 8, 0);
	}
}

/* Structs grow at their end, every one of them. */
MOCK_TEST(ioctl_every_struct_may_grow)
{
	uint64_t buf[80];

	for (uint32_t i = 0; i < COUNT; i++) {
		uint32_t nr = all_ioctls[i], size = _IOC_SIZE(nr);
		int plain;

		memset(buf, 0, sizeof(buf));
		plain = tuff_local_ioctl(f, nr, buf);
		memset(buf, 0, sizeof(buf));
		CHECK_EQ(tuff_local_ioctl(f, resized(nr, size + 64), buf), plain);
		memset(buf, 0, sizeof(buf));
		((char *)buf)[size + 63] = 1;
		CHECK_EQ(tuff_local_ioctl(f, resized(nr, size + 64), buf),
			 _IOC_DIR(nr) & _IOC_WRITE ? -E2BIG : plain);
	}
}

/* The first version of a struct may have been 8 bytes: what is missing is 0. */
MOCK_TEST(ioctl_every_struct_may_be_short)
{
	uint64_t buf[80];

	for (uint32_t i = 0; i < COUNT; i++) {
		uint32_t nr = all_ioctls[i];
		int plain;

		memset(buf, 0, sizeof(buf));
		plain = tuff_local_ioctl(f, nr, buf);
		memset(buf, 0xff, sizeof(buf));
		buf[0] = 0;
		CHECK_EQ(tuff_local_ioctl(f, resized(nr, 8), buf), plain);
		for (int k = 1; k < 80; k++)	/* and nothing is written behind it */
			CHECK_EQ(buf[k], UINT64_MAX);
	}
}

MOCK_TEST(ioctl_every_direction_null_and_size)
{
	uint64_t buf[80] = { 0 };

	for (uint32_t i = 0; i < COUNT; i++) {
		uint32_t nr = all_ioctls[i];

		CHECK_EQ(tuff_local_ioctl(f, nr, NULL), -EFAULT);
		CHECK_EQ(tuff_local_ioctl(f, resized(nr, 0), buf), -ENOTTY);
		CHECK_EQ(tuff_local_ioctl(f, nr ^ _IOC(_IOC_READ, 0, 0, 0), buf), -ENOTTY);
	}
}

MOCK_TEST(ioctl_short_struct_is_extended)
{
	struct { uint32_t flags, priority; } a = { 0, 0 };
	uint32_t nr = _IOC(TUFF_WR, 't', TUFF_CTX_CREATE, sizeof(a));

	CHECK_EQ(tuff_local_ioctl(f, nr, &a), 0);
}

MOCK_TEST(ioctl_long_struct_zero_tail)
{
	struct { struct tuff_ctx_create a; uint64_t more; } a = { 0 };
	uint32_t nr = _IOC(TUFF_WR, 't', TUFF_CTX_CREATE, sizeof(a));

	CHECK_EQ(tuff_local_ioctl(f, nr, &a), 0);
	CHECK(a.a.ctx_id);
	a.a.ctx_id = 0;
	a.more = 1;
	CHECK_EQ(tuff_local_ioctl(f, nr, &a), -E2BIG);
}

MOCK_TEST(failed_call_changes_nothing)
{
	struct tuff_bo_create a = { .size = 100, .flags = 1u << 30 }, b = a;

	CHECK_EQ(CALL(f, BO_CREATE, &a), -EINVAL);
	CHECK(!memcmp(&a, &b, sizeof(a)));
}

MOCK_TEST(get_version)
{
	struct tuff_get_version a = { 9, 9, 9, 9, "" };

	CHECK_EQ(CALL(f, GET_VERSION, &a), 0);
	CHECK(a.major == 0 && a.minor == 1 && !a.pad && !strcmp(a.name, "tuff"));
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* Signals all the time: a wait ends when it should, and says nothing else. */
MOCK_TEST(interrupted_waits)
{
	struct sigaction sa = { .sa_handler = on_alarm }, old;	/* no SA_RESTART */
	struct itimerval often = { { 0, 300 }, { 0, 300 } }, never = { { 0, 0 }, { 0, 0 } };
	struct tuff_bo_wait w = { .flags = TUFF_BO_READ }, w0;
	struct tuff_syncobj_wait y = { .count = 1 }, y0;
	struct sub s;
	int ret[3];

	good_submit(f, &s);
	m->hang = true;
	CHECK_EQ(CALL(f, SUBMIT, &s.a), 0);
	w.handle = s.bo;
	y.handles = PTR(&s.so);
	CHECK(!sigaction(SIGALRM, &sa, &old));
	setitimer(ITIMER_REAL, &often, NULL);
	w.timeout_ns = y.timeout_ns = now() + 30000000;
	w0 = w;
	y0 = y;
	ret[0] = CALL(f, BO_WAIT, &w);
	ret[1] = now() >= w0.timeout_ns;
	ret[2] = CALL(f, SYNCOBJ_WAIT, &y);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	CHECK_EQ(ret[0], -ETIME);
	CHECK_EQ(ret[1], 1);
	CHECK_EQ(ret[2], -ETIME);
	CHECK(!memcmp(&w, &w0, sizeof(w)) && !memcmp(&y, &y0, sizeof(y)));
	m->hang = false;
	CHECK_EQ(wait_so(f, s.so, 0, SEC, NULL), 0);
}

/* --- queries ---------------------------------------------------------------- */

MOCK_TEST(query_dev)
{
	struct tuff_dev_query a = { TUFF_QUERY_DEV, 0, 0 };
	struct tuff_query_dev d;

	CHECK_EQ(CALL(f, DEV_QUERY, &a), 0);
	CHECK_EQ(a.size, sizeof(d));
	a.pointer = PTR(&d);
	CHECK_EQ(CALL(f, DEV_QUERY, &a), 0);
	CHECK(!strcmp(d.name, "mock") && d.nengines == 1 && d.max_storage_buffers >= 4);
	a.size = 8;
	memset(&d, 0xee, sizeof(d));
	CHECK_EQ(CALL(f, DEV_QUERY, &a), 0);
	CHECK(a.size == 8 && !memcmp(d.name, "mock", 5) && (unsigned char)d.name[8] == 0xee);
}

MOCK_TEST(query_others)
{
	static const uint32_t sizes[] = { 0, 32, 32, 96, 16 };
	unsigned char buf[1024];

	for (uint32_t t = 1; t < 5; t++) {
		struct tuff_dev_query a = { t, sizeof(buf), PTR(buf) };

		CHECK_EQ(CALL(f, DEV_QUERY, &a), 0);
		CHECK_EQ(a.size, sizes[t]);
	}
}

MOCK_TEST(query_bad_type)
{
	struct tuff_dev_query a = { 77, 0, 0 };

	CHECK_EQ(CALL(f, DEV_QUERY, &a), -EINVAL);
}

/* --- contexts ---------------------------------------------------------------- */

static struct tuff_ctx_create good_ctx(struct tuff_file *f)
{
	(void)f;
	return (struct tuff_ctx_create){ 0 };
}

MOCK_TEST(ctx_create_destroy)
{
	struct tuff_ctx_destroy d = { 0 };

	for (uint32_t p = 0; p < 3; p++)
		CHECK_EQ(new_ctx(f, p), p + 1);
	for (d.ctx_id = 1; d.ctx_id < 4; d.ctx_id++)
		CHECK_EQ(CALL(f, CTX_DESTROY, &d), 0);
	d.ctx_id = 1;
	CHECK_EQ(CALL(f, CTX_DESTROY, &d), -ENOENT);
	d.pad = 1;
	CHECK_EQ(CALL(f, CTX_DESTROY, &d), -EINVAL);
}
BAD(ctx_create_bad_flags, CTX_CREATE, tuff_ctx_create, good_ctx, a.flags = 1, -EINVAL)
BAD(ctx_create_bad_priority, CTX_CREATE, tuff_ctx_create, good_ctx, a.priority = 3, -EINVAL)
BAD(ctx_create_bad_engine, CTX_CREATE, tuff_ctx_create, good_ctx, a.engine_mask = 2, -EINVAL)
BAD(ctx_create_bad_id, CTX_CREATE, tuff_ctx_create, good_ctx, a.ctx_id = 5, -EINVAL)

MOCK_TEST(ctx_set_param)
{
	struct tuff_ctx_set_param a = { new_ctx(f, 0), TUFF_CTX_PRIORITY, TUFF_PRIORITY_LOW };

	CHECK_EQ(CALL(f, CTX_SET_PARAM, &a), 0);
	a.value = 3;
	CHECK_EQ(CALL(f, CTX_SET_PARAM, &a), -EINVAL);
	a.param = TUFF_CTX_TIMEOUT_MS;
	CHECK_EQ(CALL(f, CTX_SET_PARAM, &a), 0);
	a.value = 0;
	CHECK_EQ(CALL(f, CTX_SET_PARAM, &a), -EINVAL);
	a.value = 1u << 30;
	CHECK_EQ(CALL(f, CTX_SET_PARAM, &a), -EINVAL);
	a.param = TUFF_CTX_NO_RECOVERY;
	a.value = 1;
	CHECK_EQ(CALL(f, CTX_SET_PARAM, &a), 0);
	a.value = 2;
	CHECK_EQ(CALL(f, CTX_SET_PARAM, &a), -EINVAL);
	a.param = 99;
	CHECK_EQ(CALL(f, CTX_SET_PARAM, &a), -EINVAL);
	a.ctx_id = 99;
	CHECK_EQ(CALL(f, CTX_SET_PARAM, &a), -ENOENT);
}

MOCK_TEST(ctx_get_state)
{
	struct tuff_ctx_get_state a = { .ctx_id = new_ctx(f, 0) };

	CHECK_EQ(CALL(f, CTX_GET_STATE, &a), 0);
	CHECK(!a.state && !a.reset_count && !a.last_error && a.fence_ctx);
	CHECK_EQ(CALL(f, CTX_GET_STATE, &a), -EINVAL);	/* out fields must be 0 */
	a = (struct tuff_ctx_get_state){ .ctx_id = 9 };
	CHECK_EQ(CALL(f, CTX_GET_STATE, &a), -ENOENT);
}


static struct tuff_ctx_get_state good_state(struct tuff_file *f)
{
	return (struct tuff_ctx_get_state){ .ctx_id = new_ctx(f, 0) };
}
BAD(ctx_state_out_state, CTX_GET_STATE, tuff_ctx_get_state, good_state, a.state = 1, -EINVAL)
BAD(ctx_state_out_reset_count, CTX_GET_STATE, tuff_ctx_get_state, good_state, a.reset_count = 1, -EINVAL)
BAD(ctx_state_out_last_error, CTX_GET_STATE, tuff_ctx_get_state, good_state, a.last_error = -1, -EINVAL)
BAD(ctx_state_out_fault_ctx, CTX_GET_STATE, tuff_ctx_get_state, good_state, a.fault_fence_ctx = 1, -EINVAL)
BAD(ctx_state_out_fault_seqno, CTX_GET_STATE, tuff_ctx_get_state, good_state, a.fault_fence_seqno = 1, -EINVAL)
BAD(ctx_state_out_fence_ctx, CTX_GET_STATE, tuff_ctx_get_state, good_state, a.fence_ctx = 1, -EINVAL)
