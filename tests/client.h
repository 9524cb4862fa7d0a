/* SPDX-License-Identifier: MIT */
/* Short ways through the ioctls, for tests. Everything returns 0 or -errno. */
#ifndef TUFF_TESTS_CLIENT_H
#define TUFF_TESTS_CLIENT_H

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "driver/driver.h"

#define PTR(p)	((uint64_t)(uintptr_t)(p))
#define ARRAY(p, n)	((struct tuff_array){ sizeof(*(p)), (n), PTR(p) })
#define CALL(f, NAME, arg)	tuff_local_ioctl(f, TUFF_IOCTL_##NAME, arg)
#define SEC	1000000000ll

static inline int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SEC + ts.tv_nsec;
}

static inline uint32_t new_ctx(struct tuff_file *f, uint32_t prio)
{
	struct tuff_ctx_create a = { .priority = prio };

	return CALL(f, CTX_CREATE, &a) ? 0 : a.ctx_id;
}

static inline uint32_t new_bo(struct tuff_file *f, uint64_t size, uint32_t flags, uint32_t place)
{
	struct tuff_bo_create a = { .size = size, .flags = flags, .placement = place };

	return CALL(f, BO_CREATE, &a) ? 0 : a.handle;
}

static inline uint32_t new_so(struct tuff_file *f)
{
	struct tuff_syncobj_create a = { 0 };

	return CALL(f, SYNCOBJ_CREATE, &a) ? 0 : a.handle;
}

static inline int new_cmdbuf(struct tuff_file *f, const void *stream, uint64_t size,
			     const struct tuff_cmdbuf_slot *slots, uint32_t n, uint32_t *id,
			     char *err, uint32_t errlen)
{
	struct tuff_cmdbuf_create a = { .stream = PTR(stream), .stream_size = size,
		.slots = ARRAY(slots, n), .error = PTR(err), .error_size = errlen };
	int ret = CALL(f, CMDBUF_CREATE, &a);

	*id = ret ? 0 : a.cmdbuf_id;
	return ret;
}

static inline int new_kernel(struct tuff_file *f, const uint32_t *code, uint64_t size,
			     const struct tuff_spec *spec, uint32_t nspec, uint32_t flags,
			     uint32_t storage, uint32_t write, uint32_t *id, char *err,
			     uint32_t errlen)
{
	struct tuff_kernel_create a = { .code = PTR(code), .code_size = size,
		.entry = PTR("main"), .entry_len = 4, .flags = flags, .storage_mask = storage,
		.write_mask = write, .spec = ARRAY(spec, nspec), .error = PTR(err),
		.error_size = errlen };
	int ret = CALL(f, KERNEL_CREATE, &a);

	*id = ret ? 0 : a.kernel_id;
	return ret;
}

/* One job that signals so (point 0: binary). */
static inline int submit1(struct tuff_file *f, uint32_t ctx, uint32_t cmdbuf,
			  const struct tuff_job_slot *slots, uint32_t nslots, uint32_t so,
			  uint64_t point, uint64_t *seqno)
{
	struct tuff_sync_op s = { TUFF_SYNC_SIGNAL | (point ? TUFF_SYNC_TIMELINE : 0), so, point };
	struct tuff_job j = { .cmdbufs = ARRAY(&cmdbuf, cmdbuf ? 1 : 0),
		.slots = ARRAY(slots, nslots), .syncs = ARRAY(&s, so ? 1 : 0) };
	struct tuff_submit a = { .ctx_id = ctx, .jobs = ARRAY(&j, 1) };
	int ret = CALL(f, SUBMIT, &a);

	if (seqno)
		*seqno = a.first_seqno;
	return ret;
}

static inline int wait_so(struct tuff_file *f, uint32_t so, uint64_t point, int64_t timeout,
			  int *error)
{
	struct tuff_syncobj_wait a = { .handles = PTR(&so), .points = point ? PTR(&point) : 0,
		.timeout_ns = timeout ? now() + timeout : 0, .count = 1 };
	int ret = CALL(f, SYNCOBJ_WAIT, &a);

	if (error)
		*error = a.error;
	return ret;
}
#endif
