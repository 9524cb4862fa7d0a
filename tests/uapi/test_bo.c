// SPDX-License-Identifier: MIT
/* Buffer objects. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/uapi/uapi.h"

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

static struct tuff_bo_mmap_offset good_offset(struct tuff_file *f)
{
	return (struct tuff_bo_mmap_offset){ .handle = new_bo(f, 4096, TUFF_BO_MAPPABLE, 0) };
}

static struct tuff_bo_info good_info(struct tuff_file *f)
{
	return (struct tuff_bo_info){ .handle = new_bo(f, 4096, 0, 0) };
}

static struct tuff_bo_export good_export(struct tuff_file *f)
{
	return (struct tuff_bo_export){ .handle = new_bo(f, 4096, TUFF_BO_EXPORTABLE, 0) };
}

static struct tuff_bo_import good_import(struct tuff_file *f)
{
	(void)f;
	return (struct tuff_bo_import){ .fd = 0 };	/* looked at last */
}

static struct tuff_bo_sync good_sync(struct tuff_file *f)
{
	return (struct tuff_bo_sync){ .handle = new_bo(f, 4096, 0, 0), .flags = TUFF_BO_READ,
				      .size = 4096 };
}

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

BAD(bo_mmap_offset_out, BO_MMAP_OFFSET, tuff_bo_mmap_offset, good_offset, a.offset = 1, -EINVAL)
BAD(bo_info_out_flags, BO_INFO, tuff_bo_info, good_info, a.flags = 1, -EINVAL)
BAD(bo_info_out_size, BO_INFO, tuff_bo_info, good_info, a.size = 1, -EINVAL)
BAD(bo_info_out_placement, BO_INFO, tuff_bo_info, good_info, a.placement = 1, -EINVAL)
BAD(bo_info_out_status, BO_INFO, tuff_bo_info, good_info, a.status = 1, -EINVAL)
BAD(bo_info_out_reach, BO_INFO, tuff_bo_info, good_info, a.reach = 1, -EINVAL)
BAD(bo_export_out_fd, BO_EXPORT, tuff_bo_export, good_export, a.fd = 1, -EINVAL)
BAD(bo_export_pad, BO_EXPORT, tuff_bo_export, good_export, a.pad = 1, -EINVAL)
BAD(bo_import_out_handle, BO_IMPORT, tuff_bo_import, good_import, a.handle = 1, -EINVAL)
BAD(bo_import_out_size, BO_IMPORT, tuff_bo_import, good_import, a.size = 1, -EINVAL)
BAD(bo_sync_flags, BO_SYNC, tuff_bo_sync, good_sync, a.flags |= 8, -EINVAL)
BAD(bo_sync_no_access, BO_SYNC, tuff_bo_sync, good_sync, a.flags = TUFF_BO_SYNC_END, -EINVAL)
BAD(bo_sync_overflow, BO_SYNC, tuff_bo_sync, good_sync, a.offset = 8; a.size = UINT64_MAX - 4, -EINVAL)
BAD(bo_sync_outside, BO_SYNC, tuff_bo_sync, good_sync, a.offset = 4097, -EINVAL)

MOCK_TEST(bo_import_write_sealed)
{
	int fd = memfd_create("t", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct tuff_bo_import i = { .fd = fd };

	CHECK(!ftruncate(fd, 4096));
	CHECK(!fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
	CHECK_EQ(CALL(f, BO_IMPORT, &i), -EACCES);	/* it would be mapped for writing */
	close(fd);
}
