// SPDX-License-Identifier: MIT
/* Kernels and command buffers; tests/fuzz/test_cmd.c has what streams may say. */
#include "tests/uapi/uapi.h"

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

MOCK_TEST(kernel_wait_destroyed)
{
	struct tuff_kernel_create a = good_kernel(f);
	struct tuff_kernel_destroy d = { 0 };
	struct tuff_kernel_wait w = { 0 };

	CHECK_EQ(CALL(f, KERNEL_CREATE, &a), 0);
	d.kernel_id = w.kernel_id = a.kernel_id;
	CHECK_EQ(CALL(f, KERNEL_DESTROY, &d), 0);
	CHECK_EQ(CALL(f, KERNEL_WAIT, &w), -ENOENT);
}
BAD(kernel_out_hash, KERNEL_CREATE, tuff_kernel_create, good_kernel, a.hash = 1, -EINVAL)
BAD(kernel_entry_with_0, KERNEL_CREATE, tuff_kernel_create, good_kernel,
    a.entry = PTR("ma\0n"), -EINVAL)
BAD(kernel_spec_twice, KERNEL_CREATE, tuff_kernel_create, good_kernel,
    struct tuff_spec two[2] = { { 0 } }; a.spec = ARRAY(two, 2), -EINVAL)
BAD(kernel_spec_stride_huge, KERNEL_CREATE, tuff_kernel_create, good_kernel,
    a.spec.stride = 8192, -EINVAL)
BAD(kernel_spec_grown, KERNEL_CREATE, tuff_kernel_create, good_kernel,
    uint32_t wide[3] = { 0 }; wide[1] = 64; a.spec = ARRAY(wide, 1); a.spec.stride = 12, 0)
BAD(kernel_spec_tail, KERNEL_CREATE, tuff_kernel_create, good_kernel,
    uint32_t wide[3] = { 0 }; wide[2] = 1; a.spec = ARRAY(wide, 1); a.spec.stride = 12, -E2BIG)

/* --- command buffers ---------------------------------------------------------------- */

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
BAD(cmdbuf_out_timestamps, CMDBUF_CREATE, tuff_cmdbuf_create, good_cmdbuf, a.timestamps = 1, -EINVAL)
BAD(cmdbuf_slots_null, CMDBUF_CREATE, tuff_cmdbuf_create, good_cmdbuf, a.slots.array = 0, -EFAULT)
BAD(cmdbuf_slot_tail, CMDBUF_CREATE, tuff_cmdbuf_create, good_cmdbuf,
    uint64_t wide[3] = { 2ull << 32 }; wide[1] = 4096; wide[2] = 1; a.slots = ARRAY(wide, 1);
    a.slots.stride = 24, -E2BIG)
BAD(cmdbuf_slot_grown, CMDBUF_CREATE, tuff_cmdbuf_create, good_cmdbuf,
    uint64_t wide[3] = { 2ull << 32 }; wide[1] = 4096; a.slots = ARRAY(wide, 1);
    a.slots.stride = 24, 0)
