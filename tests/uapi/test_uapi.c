// SPDX-License-Identifier: MIT
/* Every ioctl, in IGT's manner: what it does, then one subtest per check. */
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver/mock/mock.h"
#include "tests/client.h"
#include "tests/harness.h"
#include "tests/vulkan/add.h"

static struct tuff_mock *m;

static struct tuff_file *open_mock(void)
{
	struct tuff_file *f = NULL;
	char err[128];

	m = tuff_mock_reset();
	if (tuff_local_open(&tuff_be_mock, 0, &f, err, sizeof(err)))
		printf("  %s\n", err);
	return f;
}

/* Body of a test with a fresh device; leaks nothing. */
#define MOCK_TEST(name) \
	static void name##_body(struct tuff_file *f); \
	TEST(name) \
	{ \
		struct tuff_file *f = open_mock(); \
		CHECK(f); \
		name##_body(f); \
		tuff_local_close(f); \
		if (!failed_) \
			CHECK_EQ(tuff_mock_objects(), 0); \
	} \
	static void name##_body(struct tuff_file *f)
/* One wrong field in an otherwise good argument. */
#define BAD(name, NAME, type, good, change, ret) \
	MOCK_TEST(name) \
	{ \
		struct type a = good(f); \
		change; \
		CHECK_EQ(CALL(f, NAME, &a), ret); \
	}

/* --- the call itself ------------------------------------------------------- */

MOCK_TEST(ioctl_unknown)
{
	uint64_t a[4] = { 0 };

	CHECK_EQ(tuff_local_ioctl(f, _IOC(_IOC_READ, 't', 0x7f, 32), a), -ENOTTY);
	CHECK_EQ(tuff_local_ioctl(f, _IOC(_IOC_READ, 'u', 0, 32), a), -ENOTTY);
	CHECK_EQ(tuff_local_ioctl(f, _IOC(_IOC_WRITE, 't', TUFF_GET_VERSION, 32), a), -ENOTTY);
	CHECK_EQ(tuff_local_ioctl(f, TUFF_IOCTL_GET_VERSION, NULL), -EFAULT);
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

/* --- buffer objects ------------------------------------------------------------ */

static struct tuff_bo_create good_bo(struct tuff_file *f)
{
	(void)f;
	return (struct tuff_bo_create){ .size = 5000, .flags = TUFF_BO_MAPPABLE };
}

MOCK_TEST(bo_create_map_close)
{
	struct tuff_bo_create a = good_bo(f);
	struct tuff_bo_close c = { 0 };
	struct tuff_bo_mmap_offset o = { 0 };
	struct tuff_bo_info i = { 0 };
	uint64_t size = 0;
	char *p;

	CHECK_EQ(CALL(f, BO_CREATE, &a), 0);
	CHECK_EQ(a.size, 8192);
	p = tuff_local_mmap(f, a.handle, &size);
	CHECK(p && size == 8192);
	for (int k = 0; k < 8192; k++)
		CHECK(!p[k]);
	o.handle = i.handle = c.handle = a.handle;
	CHECK_EQ(CALL(f, BO_MMAP_OFFSET, &o), 0);
	CHECK(o.offset);
	CHECK_EQ(CALL(f, BO_INFO, &i), 0);
	CHECK(i.size == 8192 && i.status == TUFF_BO_STATUS_RESIDENT &&
	      i.flags == TUFF_BO_MAPPABLE && i.reach == TUFF_REACH_DEVMAP);
	CHECK_EQ(CALL(f, BO_CLOSE, &c), 0);
	CHECK_EQ(CALL(f, BO_CLOSE, &c), -ENOENT);
	c.pad = 1;
	CHECK_EQ(CALL(f, BO_CLOSE, &c), -EINVAL);
	CHECK(!tuff_local_mmap(f, a.handle, &size));
}
BAD(bo_create_size_0, BO_CREATE, tuff_bo_create, good_bo, a.size = 0, -EINVAL)
BAD(bo_create_size_overflow, BO_CREATE, tuff_bo_create, good_bo, a.size = UINT64_MAX, -EINVAL)
BAD(bo_create_too_large, BO_CREATE, tuff_bo_create, good_bo, a.size = 1ull << 50, -ENOSPC)
BAD(bo_create_over_budget, BO_CREATE, tuff_bo_create, good_bo,
    m->budget_B = 4096; a.placement = TUFF_PLACE_DEVICE, -ENOSPC)
BAD(bo_create_bad_flags, BO_CREATE, tuff_bo_create, good_bo, a.flags = 4, -EINVAL)
BAD(bo_create_bad_placement, BO_CREATE, tuff_bo_create, good_bo, a.placement = 2, -EINVAL)
BAD(bo_create_bad_handle, BO_CREATE, tuff_bo_create, good_bo, a.handle = 1, -EINVAL)
BAD(bo_create_bad_pad, BO_CREATE, tuff_bo_create, good_bo, a.pad = 1, -EINVAL)
BAD(bo_create_device_exportable, BO_CREATE, tuff_bo_create, good_bo,
    a.placement = 1; a.flags = TUFF_BO_EXPORTABLE, -EOPNOTSUPP)
BAD(bo_create_no_memory, BO_CREATE, tuff_bo_create, good_bo,
    m->alloc_error = -ENOMEM; a.placement = TUFF_PLACE_DEVICE, -ENOMEM)

MOCK_TEST(bo_not_mappable)
{
	uint32_t bo = new_bo(f, 4096, 0, TUFF_PLACE_DEVICE);
	struct tuff_bo_mmap_offset o = { bo, 0, 0 };

	CHECK(bo);
	CHECK_EQ(CALL(f, BO_MMAP_OFFSET, &o), -EACCES);
	CHECK(!tuff_local_mmap(f, bo, NULL));
	o.flags = 1;
	CHECK_EQ(CALL(f, BO_MMAP_OFFSET, &o), -EINVAL);
	o.handle = 99;
	CHECK_EQ(CALL(f, BO_MMAP_OFFSET, &o), -ENOENT);
}

MOCK_TEST(bo_info_bad)
{
	struct tuff_bo_info i = { .handle = 7 };

	CHECK_EQ(CALL(f, BO_INFO, &i), -ENOENT);
	i.handle = new_bo(f, 4096, 0, 0);
	i.pad = 1;
	CHECK_EQ(CALL(f, BO_INFO, &i), -EINVAL);
}

MOCK_TEST(bo_export_import)
{
	struct tuff_bo_export e = { .handle = new_bo(f, 4096, TUFF_BO_MAPPABLE | TUFF_BO_EXPORTABLE, 0) };
	struct tuff_bo_import i = { 0 };
	struct tuff_file *g;
	char err[64], *a, *b;

	CHECK(e.handle);
	CHECK_EQ(CALL(f, BO_EXPORT, &e), 0);
	CHECK(fcntl(e.fd, F_GETFD) & FD_CLOEXEC);
	CHECK((fcntl(e.fd, F_GET_SEALS) & (F_SEAL_SHRINK | F_SEAL_GROW)) ==
	      (F_SEAL_SHRINK | F_SEAL_GROW));
	CHECK_EQ(tuff_local_open(&tuff_be_mock, 0, &g, err, sizeof(err)), 0);
	i.fd = e.fd;
	CHECK_EQ(CALL(g, BO_IMPORT, &i), 0);
	CHECK_EQ(i.size, 4096);
	a = tuff_local_mmap(f, e.handle, NULL);
	b = tuff_local_mmap(g, i.handle, NULL);
	CHECK(a && b);
	a[100] = 42;
	CHECK_EQ(b[100], 42);
	tuff_local_close(g);
	close(e.fd);
}

MOCK_TEST(bo_export_bad)
{
	struct tuff_bo_export e = { .handle = new_bo(f, 4096, TUFF_BO_MAPPABLE, 0) };

	CHECK_EQ(CALL(f, BO_EXPORT, &e), -EACCES);
	e.flags = 2;
	CHECK_EQ(CALL(f, BO_EXPORT, &e), -EINVAL);
	e.handle = 99;
	CHECK_EQ(CALL(f, BO_EXPORT, &e), -ENOENT);
}

MOCK_TEST(bo_import_bad)
{
	struct tuff_bo_import i = { .fd = -1 };
	int pipefd[2], fd = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	CHECK_EQ(CALL(f, BO_IMPORT, &i), -EBADF);
	CHECK(!pipe(pipefd));
	i.fd = pipefd[0];
	CHECK_EQ(CALL(f, BO_IMPORT, &i), -EINVAL);
	i.fd = fd;
	CHECK_EQ(CALL(f, BO_IMPORT, &i), -EINVAL);	/* empty */
	CHECK(!ftruncate(fd, 5000));
	CHECK_EQ(CALL(f, BO_IMPORT, &i), -EINVAL);	/* not pages */
	CHECK(!ftruncate(fd, 8192));
	i.flags = 2;
	CHECK_EQ(CALL(f, BO_IMPORT, &i), -EINVAL);
	i.flags = 0;
	i.pad = 1;
	CHECK_EQ(CALL(f, BO_IMPORT, &i), -EINVAL);
	i.pad = 0;
	CHECK_EQ(CALL(f, BO_IMPORT, &i), 0);
	/* from now on nobody can pull it away */
	CHECK(ftruncate(fd, 4096) < 0);
	close(fd);
	/* one that cannot be sealed */
	fd = memfd_create("t", MFD_CLOEXEC);
	CHECK(!ftruncate(fd, 4096));
	i = (struct tuff_bo_import){ .fd = fd };
	CHECK_EQ(CALL(f, BO_IMPORT, &i), -EINVAL);
	close(fd);
	close(pipefd[0]);
	close(pipefd[1]);
}

/* --- kernels ------------------------------------------------------------------- */

static const struct tuff_spec specs[2] = { { 0, 64 }, { 1, 0 } };

static struct tuff_kernel_create good_kernel(struct tuff_file *f)
{
	(void)f;
	return (struct tuff_kernel_create){
		.code = PTR(add_spv), .code_size = sizeof(add_spv), .entry = PTR("main"),
		.entry_len = 4, .flags = TUFF_KERNEL_UNIFORM | TUFF_KERNEL_WAIT_READY,
		.storage_mask = 3, .write_mask = 2, .spec = ARRAY(specs, 2) };
}

MOCK_TEST(kernel_create_wait_destroy)
{
	struct tuff_kernel_create a = good_kernel(f), b = a;
	struct tuff_kernel_destroy d = { 0 };
	struct tuff_kernel_wait w = { 0 };

	CHECK_EQ(CALL(f, KERNEL_CREATE, &a), 0);
	CHECK(a.kernel_id && a.hash);
	b.flags = TUFF_KERNEL_UNIFORM;
	CHECK_EQ(CALL(f, KERNEL_CREATE, &b), 0);
	CHECK_EQ(a.hash, b.hash);
	w.kernel_id = b.kernel_id;
	w.timeout_ns = now() + 10 * SEC;
	CHECK_EQ(CALL(f, KERNEL_WAIT, &w), 0);
	w.pad = 1;
	CHECK_EQ(CALL(f, KERNEL_WAIT, &w), -EINVAL);
	w.pad = 0;
	w.pad2 = 1;
	CHECK_EQ(CALL(f, KERNEL_WAIT, &w), -EINVAL);
	w.kernel_id = 99;
	CHECK_EQ(CALL(f, KERNEL_WAIT, &w), -ENOENT);
	d.kernel_id = a.kernel_id;
	CHECK_EQ(CALL(f, KERNEL_DESTROY, &d), 0);
	CHECK_EQ(CALL(f, KERNEL_DESTROY, &d), -ENOENT);
	d.pad = 1;
	CHECK_EQ(CALL(f, KERNEL_DESTROY, &d), -EINVAL);
}
BAD(kernel_no_code, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.code = 0, -EFAULT)
BAD(kernel_size_0, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.code_size = 0, -EINVAL)
BAD(kernel_size_odd, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.code_size -= 2, -EINVAL)
BAD(kernel_size_huge, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.code_size = 1u << 30, -EINVAL)
BAD(kernel_truncated, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.code_size -= 4, -EINVAL)
BAD(kernel_bad_flags, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.flags = 1u << 9, -EINVAL)
BAD(kernel_bad_storage, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.storage_mask = 16, -EINVAL)
BAD(kernel_write_not_storage, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.write_mask = 4, -EINVAL)
BAD(kernel_undeclared_binding, KERNEL_CREATE, tuff_kernel_create, good_kernel,
    a.storage_mask = 2, -EINVAL)
BAD(kernel_entry_empty, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.entry_len = 0, -EINVAL)
BAD(kernel_entry_long, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.entry_len = 128, -EINVAL)
BAD(kernel_entry_unknown, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.entry_len = 3, -EINVAL)
BAD(kernel_entry_null, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.entry = 0, -EFAULT)
BAD(kernel_too_many_specs, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.spec.count = 33, -EINVAL)
BAD(kernel_spec_stride, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.spec.stride = 4, -EINVAL)
BAD(kernel_spec_null, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.spec.array = 0, -EFAULT)
BAD(kernel_bad_id, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.kernel_id = 1, -EINVAL)
BAD(kernel_driver_refuses, KERNEL_CREATE, tuff_kernel_create, good_kernel,
    m->kernel_error = -ENOMEM, -ENOMEM)

MOCK_TEST(kernel_error_text)
{
	struct tuff_kernel_create a = good_kernel(f);
	struct tuff_kernel_wait w = { 0 };
	char err[200] = "", tiny[4] = "xxx";

	a.entry_len = 3;
	a.flags = TUFF_KERNEL_UNIFORM;
	CHECK_EQ(CALL(f, KERNEL_CREATE, &a), 0);
	w.kernel_id = a.kernel_id;
	w.timeout_ns = now() + 10 * SEC;
	w.error = PTR(err);
	w.error_size = sizeof(err);
	CHECK_EQ(CALL(f, KERNEL_WAIT, &w), -EINVAL);
	CHECK(strstr(err, "mai"));
	w.error = PTR(tiny);
	w.error_size = sizeof(tiny);
	CHECK_EQ(CALL(f, KERNEL_WAIT, &w), -EINVAL);
	CHECK_EQ(strlen(tiny), 3);
}

MOCK_TEST(kernel_wait_timeout)
{
	struct tuff_kernel_create a = good_kernel(f);
	struct tuff_kernel_wait w = { 0 };

	tuff_mock_lock();
	m->kernel_hang = true;
	tuff_mock_unlock();
	a.flags = TUFF_KERNEL_UNIFORM;
	CHECK_EQ(CALL(f, KERNEL_CREATE, &a), 0);
	w.kernel_id = a.kernel_id;
	CHECK_EQ(CALL(f, KERNEL_WAIT, &w), -EBUSY);
	w.timeout_ns = now() + SEC / 50;
	CHECK_EQ(CALL(f, KERNEL_WAIT, &w), -ETIME);
	tuff_mock_lock();
	m->kernel_hang = false;
	tuff_mock_unlock();
	w.timeout_ns = now() + 10 * SEC;
	CHECK_EQ(CALL(f, KERNEL_WAIT, &w), 0);
}

/* --- command buffers ---------------------------------------------------------------- */

static const struct tuff_cmd_fill fill4k = { TUFF_CMD_FILL, 8, 0, 7, 0, 0, 4096 };
static const struct tuff_cmdbuf_slot slot_w[2] = { { 0, TUFF_SLOT_WRITE, 4096 },
						   { 1, TUFF_SLOT_READ, 4096 } };

static struct tuff_cmdbuf_create good_cmdbuf(struct tuff_file *f)
{
	(void)f;
	return (struct tuff_cmdbuf_create){ .stream = PTR(&fill4k), .stream_size = sizeof(fill4k),
					    .slots = ARRAY(slot_w, 1) };
}

MOCK_TEST(cmdbuf_create_destroy)
{
	struct tuff_cmdbuf_create a = good_cmdbuf(f);
	struct tuff_cmdbuf_destroy d = { 0 };

	CHECK_EQ(CALL(f, CMDBUF_CREATE, &a), 0);
	CHECK(a.cmdbuf_id && !a.timestamps);
	d.cmdbuf_id = a.cmdbuf_id;
	CHECK_EQ(CALL(f, CMDBUF_DESTROY, &d), 0);
	CHECK_EQ(CALL(f, CMDBUF_DESTROY, &d), -ENOENT);
	d.pad = 1;
	CHECK_EQ(CALL(f, CMDBUF_DESTROY, &d), -EINVAL);
}
BAD(cmdbuf_bad_flags, CMDBUF_CREATE, tuff_cmdbuf_create, good_cmdbuf, a.flags = 1, -EINVAL)
BAD(cmdbuf_bad_id, CMDBUF_CREATE, tuff_cmdbuf_create, good_cmdbuf, a.cmdbuf_id = 1, -EINVAL)
BAD(cmdbuf_odd_size, CMDBUF_CREATE, tuff_cmdbuf_create, good_cmdbuf, a.stream_size = 28, -EINVAL)
BAD(cmdbuf_huge, CMDBUF_CREATE, tuff_cmdbuf_create, good_cmdbuf, a.stream_size = 1u << 30, -EINVAL)
BAD(cmdbuf_null, CMDBUF_CREATE, tuff_cmdbuf_create, good_cmdbuf, a.stream = 0, -EFAULT)
BAD(cmdbuf_no_slots, CMDBUF_CREATE, tuff_cmdbuf_create, good_cmdbuf,
    a.slots = (struct tuff_array){ 0 }, -EINVAL)
BAD(cmdbuf_slots_stride, CMDBUF_CREATE, tuff_cmdbuf_create, good_cmdbuf, a.slots.stride = 8, -EINVAL)
BAD(cmdbuf_slots_count, CMDBUF_CREATE, tuff_cmdbuf_create, good_cmdbuf, a.slots.count = 65, -EINVAL)

/* --- submit --------------------------------------------------------------------------- */

struct sub {
	struct tuff_submit a;
	struct tuff_job j;
	struct tuff_job_slot s;
	struct tuff_sync_op y;
	uint32_t cb, bo, so;
};

static void good_submit(struct tuff_file *f, struct sub *s)
{
	struct tuff_cmdbuf_create c = good_cmdbuf(f);

	memset(s, 0, sizeof(*s));
	CALL(f, CMDBUF_CREATE, &c);
	s->cb = c.cmdbuf_id;
	s->bo = new_bo(f, 8192, TUFF_BO_MAPPABLE, 0);
	s->so = new_so(f);
	s->s = (struct tuff_job_slot){ 0, s->bo, TUFF_SLOT_WRITE, 0, 4096, 4096 };
	s->y = (struct tuff_sync_op){ TUFF_SYNC_SIGNAL, s->so, 0 };
	s->j = (struct tuff_job){ .cmdbufs = ARRAY(&s->cb, 1), .slots = ARRAY(&s->s, 1),
				  .syncs = ARRAY(&s->y, 1) };
	s->a = (struct tuff_submit){ .ctx_id = new_ctx(f, 0), .jobs = ARRAY(&s->j, 1) };
}

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
BAD_SUBMIT(submit_job_flags, s.j.flags = 1, -EINVAL)
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
