// SPDX-License-Identifier: MIT
/* Syncobjs, waiting for objects, statistics. */
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/uapi/uapi.h"

/* --- syncobjs ----------------------------------------------------------------------------- */

MOCK_TEST(syncobj_create_destroy)
{
	struct tuff_syncobj_create a = { TUFF_SYNCOBJ_SIGNALED, 0 };
	struct tuff_syncobj_destroy d = { 0 };

	CHECK_EQ(CALL(f, SYNCOBJ_CREATE, &a), 0);
	CHECK_EQ(wait_so(f, a.handle, 0, 0, NULL), 0);
	d.handle = a.handle;
	CHECK_EQ(CALL(f, SYNCOBJ_DESTROY, &d), 0);
	CHECK_EQ(CALL(f, SYNCOBJ_DESTROY, &d), -ENOENT);
	d.pad = 1;
	CHECK_EQ(CALL(f, SYNCOBJ_DESTROY, &d), -EINVAL);
	a = (struct tuff_syncobj_create){ 2, 0 };
	CHECK_EQ(CALL(f, SYNCOBJ_CREATE, &a), -EINVAL);
	a = (struct tuff_syncobj_create){ 0, 3 };
	CHECK_EQ(CALL(f, SYNCOBJ_CREATE, &a), -EINVAL);
}

static struct tuff_syncobj_wait good_wait(struct tuff_file *f)
{
	static uint32_t h;
	struct tuff_syncobj_create a = { TUFF_SYNCOBJ_SIGNALED, 0 };

	CALL(f, SYNCOBJ_CREATE, &a);
	h = a.handle;
	return (struct tuff_syncobj_wait){ .handles = PTR(&h), .count = 1 };
}
BAD(wait_bad_flags, SYNCOBJ_WAIT, tuff_syncobj_wait, good_wait, a.flags = 8, -EINVAL)
BAD(wait_count_0, SYNCOBJ_WAIT, tuff_syncobj_wait, good_wait, a.count = 0, -EINVAL)
BAD(wait_count_huge, SYNCOBJ_WAIT, tuff_syncobj_wait, good_wait, a.count = 1025, -EINVAL)
BAD(wait_null, SYNCOBJ_WAIT, tuff_syncobj_wait, good_wait, a.handles = 0, -EFAULT)
BAD(wait_out_fields, SYNCOBJ_WAIT, tuff_syncobj_wait, good_wait, a.first_signaled = 1, -EINVAL)
BAD(wait_unknown_handle, SYNCOBJ_WAIT, tuff_syncobj_wait, good_wait,
    uint32_t h = 99; a.handles = PTR(&h), -ENOENT)
BAD(wait_point_not_submitted, SYNCOBJ_WAIT, tuff_syncobj_wait, good_wait,
    uint64_t p = 5; a.points = PTR(&p), -EINVAL)
BAD(wait_for_submit_polls, SYNCOBJ_WAIT, tuff_syncobj_wait, good_wait,
    uint64_t p = 5; a.points = PTR(&p); a.flags = TUFF_WAIT_FOR_SUBMIT, -ETIME)
BAD(wait_for_submit_expires, SYNCOBJ_WAIT, tuff_syncobj_wait, good_wait,
    uint64_t p = 5; a.points = PTR(&p); a.flags = TUFF_WAIT_FOR_SUBMIT;
    a.timeout_ns = now() + 1000000, -ETIME)
BAD(wait_past_deadline_polls, SYNCOBJ_WAIT, tuff_syncobj_wait, good_wait, a.timeout_ns = -5, 0)

BAD(wait_out_error, SYNCOBJ_WAIT, tuff_syncobj_wait, good_wait, a.error = 1, -EINVAL)

MOCK_TEST(wait_any_and_all)
{
	uint32_t h[20], ctx = new_ctx(f, 0);
	struct tuff_syncobj_wait a = { .handles = PTR(h), .count = 20 };

	for (int i = 0; i < 20; i++)
		h[i] = new_so(f);
	m->self_advance = false;
	for (int i = 19; i >= 0; i--)
		CHECK_EQ(submit1(f, ctx, 0, NULL, 0, h[i], 0, NULL), 0);
	CHECK_EQ(CALL(f, SYNCOBJ_WAIT, &a), -ETIME);
	a.flags = TUFF_WAIT_AVAILABLE | TUFF_WAIT_ALL;
	CHECK_EQ(CALL(f, SYNCOBJ_WAIT, &a), 0);
	tuff_mock_advance(3 * 1000000);
	a.flags = 0;
	CHECK_EQ(CALL(f, SYNCOBJ_WAIT, &a), 0);
	CHECK_EQ(a.first_signaled, 17);
	a.first_signaled = 0;
	a.flags = TUFF_WAIT_ALL;
	CHECK_EQ(CALL(f, SYNCOBJ_WAIT, &a), -ETIME);
	m->self_advance = true;
	a.timeout_ns = now() + 10 * SEC;
	CHECK_EQ(CALL(f, SYNCOBJ_WAIT, &a), 0);
}

MOCK_TEST(syncobj_signal_reset_query)
{
	uint32_t h[2] = { new_so(f), new_so(f) };
	uint64_t p[2] = { 4, 9 }, v[2];
	int32_t e[2] = { 1, 1 };
	struct tuff_syncobj_signal s = { PTR(h), PTR(p), 2, 0 };
	struct tuff_syncobj_query q = { PTR(h), PTR(v), PTR(e), 2, 0 };
	struct tuff_syncobj_reset r = { PTR(h), 2, 0 };

	CHECK_EQ(CALL(f, SYNCOBJ_SIGNAL, &s), 0);
	CHECK_EQ(CALL(f, SYNCOBJ_QUERY, &q), 0);
	CHECK(v[0] == 4 && v[1] == 9 && !e[0] && !e[1]);
	CHECK_EQ(CALL(f, SYNCOBJ_SIGNAL, &s), -EINVAL);	/* does not grow */
	CHECK_EQ(CALL(f, SYNCOBJ_RESET, &r), 0);
	CHECK_EQ(CALL(f, SYNCOBJ_QUERY, &q), 0);
	CHECK(!v[0] && !v[1]);
	s.points = 0;
	CHECK_EQ(CALL(f, SYNCOBJ_SIGNAL, &s), 0);
	CHECK_EQ(CALL(f, SYNCOBJ_QUERY, &q), 0);
	CHECK(v[0] == 1 && v[1] == 1);
	s.pad = 1;
	CHECK_EQ(CALL(f, SYNCOBJ_SIGNAL, &s), -EINVAL);
	r.pad = 1;
	CHECK_EQ(CALL(f, SYNCOBJ_RESET, &r), -EINVAL);
	q.flags = 2;
	CHECK_EQ(CALL(f, SYNCOBJ_QUERY, &q), -EINVAL);
	q.flags = 0;
	q.points = 0;
	CHECK_EQ(CALL(f, SYNCOBJ_QUERY, &q), -EFAULT);
	h[1] = 99;
	q.points = PTR(v);
	s.pad = r.pad = 0;
	CHECK_EQ(CALL(f, SYNCOBJ_QUERY, &q), -ENOENT);
	CHECK_EQ(CALL(f, SYNCOBJ_SIGNAL, &s), -ENOENT);
	CHECK_EQ(CALL(f, SYNCOBJ_RESET, &r), -ENOENT);
}

static int readable(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, 0);
}

MOCK_TEST(syncobj_eventfd)
{
	struct tuff_syncobj_eventfd a = { .handle = new_so(f), .point = 2,
					  .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	struct tuff_syncobj_eventfd b = a;
	struct tuff_dev_query q = { TUFF_QUERY_STATS, 0, 0 };
	uint32_t ctx = new_ctx(f, 0);

	CHECK_EQ(CALL(f, SYNCOBJ_EVENTFD, &a), 0);
	b.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	b.flags = TUFF_WAIT_AVAILABLE;
	CHECK_EQ(CALL(f, SYNCOBJ_EVENTFD, &b), 0);
	m->self_advance = false;
	CHECK_EQ(submit1(f, ctx, 0, NULL, 0, a.handle, 1, NULL), 0);
	CHECK(!readable(b.fd));
	CHECK_EQ(submit1(f, ctx, 0, NULL, 0, a.handle, 2, NULL), 0);
	CHECK(readable(b.fd));
	CHECK(!readable(a.fd));
	tuff_mock_advance(SEC);
	CHECK_EQ(CALL(f, DEV_QUERY, &q), 0);
	CHECK(readable(a.fd));
	close(a.fd);
	close(b.fd);
}

MOCK_TEST(syncobj_eventfd_bad)
{
	int fd[2];
	struct tuff_syncobj_eventfd a = { .handle = new_so(f), .fd = -1 };

	CHECK_EQ(CALL(f, SYNCOBJ_EVENTFD, &a), -EBADF);
	CHECK(!pipe(fd));
	a.fd = fd[0];
	CHECK_EQ(CALL(f, SYNCOBJ_EVENTFD, &a), -EINVAL);
	a.flags = 1;
	CHECK_EQ(CALL(f, SYNCOBJ_EVENTFD, &a), -EINVAL);
	a.flags = 0;
	a.pad = 1;
	CHECK_EQ(CALL(f, SYNCOBJ_EVENTFD, &a), -EINVAL);
	a.handle = 99;
	CHECK_EQ(CALL(f, SYNCOBJ_EVENTFD, &a), -ENOENT);
	close(fd[0]);
	close(fd[1]);
}

/* --- waiting for objects, stats ---------------------------------------------------------- */

MOCK_TEST(bo_wait_read_and_write)
{
	struct tuff_bo_wait w = { .flags = TUFF_BO_WRITE };
	struct tuff_bo_sync y = { .flags = TUFF_BO_READ, .size = 4096 };
	struct tuff_bo_info i = { 0 };
	struct sub s;

	good_submit(f, &s);
	m->self_advance = false;
	CHECK_EQ(CALL(f, SUBMIT, &s.a), 0);
	w.handle = y.handle = i.handle = s.bo;
	CHECK_EQ(CALL(f, BO_SYNC, &y), -EBUSY);
	CHECK_EQ(CALL(f, BO_INFO, &i), 0);
	CHECK(i.status & TUFF_BO_STATUS_ACTIVE);
	w.timeout_ns = now() + 1000000;
	CHECK_EQ(CALL(f, BO_WAIT, &w), -ETIME);
	tuff_mock_advance(SEC);
	CHECK_EQ(CALL(f, BO_WAIT, &w), 0);
	CHECK_EQ(CALL(f, BO_SYNC, &y), 0);
	w.flags = 0;
	CHECK_EQ(CALL(f, BO_WAIT, &w), -EINVAL);
	w.flags = 4;
	CHECK_EQ(CALL(f, BO_WAIT, &w), -EINVAL);
	w.handle = 99;
	CHECK_EQ(CALL(f, BO_WAIT, &w), -ENOENT);
	y.flags = 0;
	CHECK_EQ(CALL(f, BO_SYNC, &y), -EINVAL);
	y.flags = TUFF_BO_READ;
	y.offset = 8000;
	CHECK_EQ(CALL(f, BO_SYNC, &y), -EINVAL);
	y.handle = 99;
	CHECK_EQ(CALL(f, BO_SYNC, &y), -ENOENT);
}

MOCK_TEST(fdinfo_and_name)
{
	struct tuff_set_client_name n = { PTR("resnet50"), 8, 0 };
	struct tuff_query_fdinfo q = { 0 };
	char text[4096];
	struct sub s;

	CHECK_EQ(CALL(f, SET_CLIENT_NAME, &n), 0);
	good_submit(f, &s);
	CHECK_EQ(CALL(f, SUBMIT, &s.a), 0);
	CHECK_EQ(wait_so(f, s.so, 0, SEC, NULL), 0);
	CHECK_EQ(CALL(f, QUERY_FDINFO, &q), 0);
	CHECK(q.size > 100 && q.size < sizeof(text));
	q.pointer = PTR(text);
	CHECK_EQ(CALL(f, QUERY_FDINFO, &q), 0);
	CHECK(strstr(text, "drm-driver:\ttuff\n"));
	CHECK(strstr(text, "drm-client-name:\tresnet50\n"));
	CHECK(strstr(text, "drm-engine-compute:\t1000000 ns\n"));
	CHECK(strstr(text, "drm-total-memory:\t8 KiB\n"));
	q.flags = 2;
	CHECK_EQ(CALL(f, QUERY_FDINFO, &q), -EINVAL);
	n.len = 65;
	CHECK_EQ(CALL(f, SET_CLIENT_NAME, &n), -EINVAL);
	n.len = 8;
	n.pad = 1;
	CHECK_EQ(CALL(f, SET_CLIENT_NAME, &n), -EINVAL);
	n.pad = 0;
	n.name = PTR("a\nb");
	n.len = 3;
	CHECK_EQ(CALL(f, SET_CLIENT_NAME, &n), -EINVAL);
	n.name = 0;
	CHECK_EQ(CALL(f, SET_CLIENT_NAME, &n), -EFAULT);
}

MOCK_TEST(fdinfo_of_all_needs_a_right)
{
	struct tuff_query_fdinfo q = { .flags = TUFF_FDINFO_ALL };

	CHECK_EQ(CALL(f, QUERY_FDINFO, &q), geteuid() ? -EACCES : 0);
}
