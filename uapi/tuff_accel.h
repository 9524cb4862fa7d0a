/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT) */
/*
 * tuff's device interface, version 0.1: NOT YET STABLE.
 *
 * Versions: 0.1 - initial interface
 * Once it is stable each new field or flag raises the minor number; what a device
 * can do is said by the features of TUFF_QUERY_DEV.
 *
 * Conventions:
 * - Fixed-size fields, natural alignment, explicit pads that must be zero.
 *   Unknown flags and non-zero pads give EINVAL.
 * - Pointers are __u64. Arrays are struct tuff_array {stride, count, array};
 *   elements may grow at the end, zero keeps the old behaviour.
 * - Structs may grow at the end: shorter ones are zero-extended, longer ones
 *   must be zero there (E2BIG).
 * - Handles and ids are per file and never 0. Closing the file frees everything.
 * - Timeouts and deadlines are absolute, CLOCK_MONOTONIC, ns; 0 or past = poll.
 * - An ioctl that fails changed nothing; only the buffers for the text of an error
 *   (@error) are written. EINTR and EAGAIN: call again with the same arguments.
 * - Fields marked "out" must be 0 on entry, unless they are "in/out".
 *
 * Errors: EINVAL bad argument; ENOENT unknown handle or id; EFAULT bad pointer;
 * ENOMEM host memory; ENOSPC device memory or table full; EACCES not allowed;
 * EBUSY not ready when polling; ETIME a wait expired; ECANCELED the context is
 * guilty; EIO the device is dead; ENODEV it is gone; EOPNOTSUPP the device lacks
 * it; ENOTTY no such ioctl; E2BIG non-zero tail; EBADF bad file descriptor; EPROTO
 * the device's executor broke its protocol. A job may also end with ESRCH: its
 * context was destroyed before it started.
 */
#ifndef _UAPI_TUFF_ACCEL_H
#define _UAPI_TUFF_ACCEL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include "tuff_cmd.h"

#if defined(__cplusplus)
extern "C" {
#endif

#define TUFF_VERSION_MAJOR	0
#define TUFF_VERSION_MINOR	1
#define TUFF_VERSION_PATCH	0

#define TUFF_MAX_SLOTS		64	/* slots of a command buffer or job */
#define TUFF_MAX_CMDBUFS	64	/* command buffers of a job */
#define TUFF_MAX_JOBS		64	/* jobs of a submit */
#define TUFF_MAX_SYNCS		64	/* sync operations of a job */
#define TUFF_MAX_WAIT		1024	/* handles of a syncobj ioctl */
#define TUFF_MAX_SPEC		32	/* specialization constants */
#define TUFF_MAX_STREAM_B	(16u << 20)
#define TUFF_MAX_KERNEL_B	(4u << 20)

/* Append only, never reuse. */
enum tuff_ioctl_id {
	TUFF_GET_VERSION = 0x00,
	TUFF_DEV_QUERY = 0x01,
	TUFF_CTX_CREATE = 0x02,
	TUFF_CTX_DESTROY = 0x03,
	TUFF_CTX_SET_PARAM = 0x04,
	TUFF_CTX_GET_STATE = 0x05,
	TUFF_BO_CREATE = 0x06,
	TUFF_BO_MMAP_OFFSET = 0x07,
	TUFF_BO_INFO = 0x08,
	TUFF_BO_WAIT = 0x09,
	TUFF_BO_SYNC = 0x0a,
	TUFF_BO_CLOSE = 0x0b,
	TUFF_BO_EXPORT = 0x0c,
	TUFF_BO_IMPORT = 0x0d,
	TUFF_KERNEL_CREATE = 0x0e,
	TUFF_KERNEL_WAIT = 0x0f,
	TUFF_KERNEL_DESTROY = 0x10,
	TUFF_CMDBUF_CREATE = 0x11,
	TUFF_CMDBUF_DESTROY = 0x12,
	TUFF_SUBMIT = 0x13,
	TUFF_JOB_TIMESTAMPS = 0x14,
	TUFF_SYNCOBJ_CREATE = 0x15,
	TUFF_SYNCOBJ_DESTROY = 0x16,
	TUFF_SYNCOBJ_WAIT = 0x17,
	TUFF_SYNCOBJ_RESET = 0x18,
	TUFF_SYNCOBJ_SIGNAL = 0x19,
	TUFF_SYNCOBJ_QUERY = 0x1a,
	TUFF_SYNCOBJ_EVENTFD = 0x1b,
	TUFF_QUERY_FDINFO = 0x1c,
	TUFF_SET_CLIENT_NAME = 0x1d,
	TUFF_IOCTL_COUNT
};

/** struct tuff_array - elements of a caller's array */
struct tuff_array {
	/** @stride: bytes from one element to the next; 0 only if count is 0 */
	__u32 stride;
	__u32 count;
	__u64 array;
};

struct tuff_get_version {
	__u32 major, minor, patch, pad;
	char name[16];
};

/* --- device ---------------------------------------------------------- */

enum tuff_query_type {
	TUFF_QUERY_DEV = 0,		/* struct tuff_query_dev */
	TUFF_QUERY_MEM = 1,		/* struct tuff_query_mem [regions] */
	TUFF_QUERY_ENGINE = 2,		/* struct tuff_query_engine [engines] */
	TUFF_QUERY_STATS = 3,		/* struct tuff_query_stats */
	TUFF_QUERY_TIMESTAMP = 4,	/* struct tuff_query_timestamp */
};

/**
 * struct tuff_dev_query - pointer 0 returns the size; else copies
 * min(size, what there is) bytes and returns the size copied
 */
struct tuff_dev_query {
	__u32 type;
	__u32 size;
	__u64 pointer;
};

enum tuff_dev_class {
	TUFF_CLASS_SOFTWARE_WIDE = 1,	/* lavapipe */
	TUFF_CLASS_SOFTWARE_SMALL = 2,	/* SwiftShader */
	TUFF_CLASS_GPU = 3,
	TUFF_CLASS_GPU_COOPMAT = 4,
};

#define TUFF_FEATURE_STORAGE16		(1u << 0)
#define TUFF_FEATURE_STORAGE8		(1u << 1)
#define TUFF_FEATURE_FLOAT16		(1u << 2)
#define TUFF_FEATURE_INT8		(1u << 3)
#define TUFF_FEATURE_INT16		(1u << 4)
#define TUFF_FEATURE_INT64		(1u << 5)
#define TUFF_FEATURE_FLOAT64		(1u << 6)
#define TUFF_FEATURE_SUBGROUP_ARITH	(1u << 7)
#define TUFF_FEATURE_SUBGROUP_SHUFFLE	(1u << 8)
#define TUFF_FEATURE_SUBGROUP_BALLOT	(1u << 9)
#define TUFF_FEATURE_DOT8		(1u << 10)
#define TUFF_FEATURE_COOPMAT		(1u << 11)
#define TUFF_FEATURE_TIMESTAMP		(1u << 12)
#define TUFF_FEATURE_TIMELINE		(1u << 13)
#define TUFF_FEATURE_MEMORY_BUDGET	(1u << 14)
#define TUFF_FEATURE_UNIFIED		(1u << 15)
#define TUFF_FEATURE_COMPILE_ONLY	(1u << 16)	/* kernels only, no submit */
#define TUFF_FEATURE_SOFTWARE		(1u << 17)

/* How the device reaches system memory, as probed; bits of reach. */
#define TUFF_REACH_DMABUF		(1u << 0)
#define TUFF_REACH_HOSTPTR		(1u << 1)
#define TUFF_REACH_DEVMAP		(1u << 2)
#define TUFF_REACH_STAGING		(1u << 3)

struct tuff_query_dev {
	char name[256];
	char driver[128];
	__u32 vendor_id, device_id, driver_version, api_version;
	__u8 uuid[16];
	/** @dev_class: enum tuff_dev_class */
	__u32 dev_class;
	__u32 features;
	__u32 reach;
	__u32 nengines;
	__u32 max_storage_buffers, max_uniform_range;
	__u64 max_storage_range, max_alloc, max_buffer;
	__u32 storage_align, uniform_align, import_align;
	__u32 shared_size, max_invocations;
	__u32 max_group_size[3], max_group_count[3];
	__u32 subgroup_size, subgroup_min, subgroup_max;
	__u32 timestamp_bits, timestamp_period_ps;
	/** @drm_primary: major, minor of the DRM node, -1 = none */
	__s32 drm_primary[2], drm_render[2];
	char drm_node[64];
	char pci[16];
};

struct tuff_query_mem {
	__u64 size;
	/** @budget: what this process may use now */
	__u64 budget;
	/** @used: by all files of the device */
	__u64 used;
	__u32 device_local, host_visible;
};

struct tuff_query_engine {
	char name[16];
	/** @id: bit of engine_mask */
	__u32 id;
	__u32 capacity;
	/** @credits: jobs that may be on the device at once */
	__u32 credits;
	__u32 pad;
};

struct tuff_query_stats {
	__u64 jobs_queued, jobs_running, jobs_done, jobs_failed;
	__u64 resets;
	/** @records: command buffers recorded; @record_hits: replayed from the cache */
	__u64 records, record_hits;
	__u64 pipelines, pipeline_cache_hits;
	__u64 allocs, memory;
	/** @dead: 0, or the device is dead: EIO (lost), ETIME (poisoned by a timeout) */
	__u32 dead;
	__u32 pad;
};

/** struct tuff_query_timestamp - two clocks at one instant */
struct tuff_query_timestamp {
	/** @cpu_ns: CLOCK_MONOTONIC */
	__u64 cpu_ns;
	/** @device_ns: the clock of TIMESTAMP packets; 0: the device cannot tell */
	__u64 device_ns;
};

/* --- contexts --------------------------------------------------------- */

enum tuff_priority {
	TUFF_PRIORITY_NORMAL = 0,
	TUFF_PRIORITY_HIGH = 1,		/* EACCES unless configured; in one process allowed */
	TUFF_PRIORITY_LOW = 2,
};

struct tuff_ctx_create {
	/** @flags: must be 0 */
	__u32 flags;
	__u32 priority;
	/** @engine_mask: 0 = any */
	__u32 engine_mask;
	/** @ctx_id: out */
	__u32 ctx_id;
};

/** struct tuff_ctx_destroy - jobs not yet on the device end with ESRCH */
struct tuff_ctx_destroy {
	__u32 ctx_id;
	__u32 pad;
};

enum tuff_ctx_param {
	TUFF_CTX_PRIORITY = 0,
	TUFF_CTX_TIMEOUT_MS = 1,	/* 1 .. the device's own limit */
	TUFF_CTX_NO_RECOVERY = 2,	/* 0 | 1: an innocent reset bans it too */
};

struct tuff_ctx_set_param {
	__u32 ctx_id;
	__u32 param;
	__u64 value;
};

#define TUFF_CTX_STATE_TIMEDOUT	(1u << 0)
#define TUFF_CTX_STATE_GUILTY	(1u << 1)
#define TUFF_CTX_STATE_INNOCENT	(1u << 2)	/* lost jobs to another's fault */
#define TUFF_CTX_STATE_FATAL	(1u << 3)	/* no job will run any more */

struct tuff_ctx_get_state {
	__u32 ctx_id;
	__u32 state;
	__u32 reset_count;
	/** @last_error: of the last job, 0 or -errno */
	__s32 last_error;
	/** @fault_fence_ctx: the job at fault, also in traces; 0 = none */
	__u64 fault_fence_ctx;
	__u64 fault_fence_seqno;
	/** @fence_ctx: the context's own key in traces */
	__u64 fence_ctx;
};

/* --- buffer objects ---------------------------------------------------- */

enum tuff_placement {
	TUFF_PLACE_SYSTEM = 0,		/* shared memory, mappable */
	TUFF_PLACE_DEVICE = 1,		/* where the device is fastest */
};

#define TUFF_BO_MAPPABLE	(1u << 0)
#define TUFF_BO_EXPORTABLE	(1u << 1)	/* SYSTEM only */

struct tuff_bo_create {
	/** @size: in/out, rounded up to pages */
	__u64 size;
	__u32 flags;
	__u32 placement;
	/** @handle: out */
	__u32 handle;
	__u32 pad;
};

/**
 * struct tuff_bo_mmap_offset - offset to mmap() the device file at; a transport
 * without a file to map has its own way to the same pages
 */
struct tuff_bo_mmap_offset {
	__u32 handle;
	/** @flags: must be 0 */
	__u32 flags;
	__u64 offset;
};

#define TUFF_BO_STATUS_RESIDENT	(1u << 0)
#define TUFF_BO_STATUS_ACTIVE	(1u << 1)	/* a job uses it */
#define TUFF_BO_STATUS_SHARED	(1u << 2)	/* exported or imported */
#define TUFF_BO_STATUS_STAGED	(1u << 3)	/* copied around every use */

struct tuff_bo_info {
	__u32 handle;
	/** @flags: out, as created */
	__u32 flags;
	__u64 size;
	__u32 placement;
	__u32 status;
	/** @reach: the TUFF_REACH_* bit in use, 0 for device memory */
	__u32 reach;
	__u32 pad;
};

#define TUFF_BO_READ	(1u << 0)
#define TUFF_BO_WRITE	(1u << 1)

/**
 * struct tuff_bo_wait - until the caller may read (jobs that write are done) or
 * write (all jobs are done). EBUSY when polling, ETIME when expired.
 */
struct tuff_bo_wait {
	__u32 handle;
	__u32 flags;
	__s64 timeout_ns;
};

#define TUFF_BO_SYNC_END	(1u << 2)	/* else begin */

/** struct tuff_bo_sync - around CPU access (with TUFF_BO_READ | _WRITE) */
struct tuff_bo_sync {
	__u32 handle;
	__u32 flags;
	__u64 offset;
	__u64 size;
};

struct tuff_bo_close {
	__u32 handle;
	__u32 pad;
};

#define TUFF_BO_FD_CLOEXEC	(1u << 0)	/* always set on the fd; accepted */

/**
 * struct tuff_bo_export - a memfd sealed against shrinking and growing
 *
 * TUFF_BO_IMPORT takes a memfd; it must be sealed against shrinking or allow it,
 * and not be sealed against writing (EACCES).
 */
struct tuff_bo_export {
	__u32 handle;
	__u32 flags;
	__s32 fd;
	__u32 pad;
};

struct tuff_bo_import {
	/** @handle: out */
	__u32 handle;
	__u32 flags;
	__s32 fd;
	__u32 pad;
	/** @size: out */
	__u64 size;
};

/* --- kernels and command buffers --------------------------------------- */

struct tuff_spec {
	__u32 id;
	__u32 value;
};

#define TUFF_KERNEL_WAIT_READY	(1u << 0)	/* return when it is made */
#define TUFF_KERNEL_UNIFORM	(1u << 1)	/* it has the dims block, binding 0 */

/**
 * struct tuff_kernel_create - a SPIR-V compute kernel, immutable
 *
 * Made asynchronously; KERNEL_WAIT and the first job that uses it wait. With
 * TUFF_KERNEL_WAIT_READY an error is returned here, and then there is no kernel.
 */
struct tuff_kernel_create {
	__u64 code;
	__u64 code_size;
	/** @entry: name of the entry point, entry_len bytes (no 0 needed) */
	__u64 entry;
	__u32 entry_len;
	__u32 flags;
	/** @storage_mask: bit i: storage buffer at binding i + 1; @write_mask: of
	 * them, what is written */
	__u32 storage_mask;
	__u32 write_mask;
	/** @spec: struct tuff_spec */
	struct tuff_array spec;
	/** @error: buffer for the text of an error, or 0 */
	__u64 error;
	__u32 error_size;
	/** @kernel_id: out */
	__u32 kernel_id;
	/** @hash: out: of everything that makes the kernel */
	__u64 hash;
};

/** struct tuff_kernel_wait - 0 when made; EBUSY, ETIME, or why it failed */
struct tuff_kernel_wait {
	__u32 kernel_id;
	__u32 pad;
	__s64 timeout_ns;
	__u64 error;
	__u32 error_size;
	__u32 pad2;
};

struct tuff_kernel_destroy {
	__u32 kernel_id;
	__u32 pad;
};

#define TUFF_SLOT_READ	(1u << 0)
#define TUFF_SLOT_WRITE	(1u << 1)

/** struct tuff_cmdbuf_slot - a slot that the stream uses */
struct tuff_cmdbuf_slot {
	__u32 slot;
	/** @flags: TUFF_SLOT_READ | TUFF_SLOT_WRITE */
	__u32 flags;
	/** @size: bytes the stream may touch; submit must bind at least this */
	__u64 size;
};

/** struct tuff_cmdbuf_create - validated once, immutable; it keeps its kernels */
struct tuff_cmdbuf_create {
	/** @stream: packets of tuff_cmd.h; size 0 is an empty command buffer */
	__u64 stream;
	__u64 stream_size;
	/** @slots: struct tuff_cmdbuf_slot */
	struct tuff_array slots;
	__u64 error;
	__u32 error_size;
	/** @flags: must be 0 */
	__u32 flags;
	/** @cmdbuf_id: out */
	__u32 cmdbuf_id;
	/** @timestamps: out: 1 + the highest index of a TIMESTAMP */
	__u32 timestamps;
};

struct tuff_cmdbuf_destroy {
	__u32 cmdbuf_id;
	__u32 pad;
};

/* --- submit -------------------------------------------------------------- */

/** struct tuff_job_slot - binds a slot for all command buffers of the job */
struct tuff_job_slot {
	__u32 slot;
	__u32 bo_handle;
	/** @flags: must cover what the command buffers declared */
	__u32 flags;
	__u32 pad;
	/** @offset: multiple of storage_align and uniform_align */
	__u64 offset;
	__u64 range;
};

#define TUFF_SYNC_SYNCOBJ	0u		/* binary: timeline_value is 0 */
#define TUFF_SYNC_TIMELINE	1u		/* timeline_value is not 0 */
#define TUFF_SYNC_TYPE_MASK	0xffu
#define TUFF_SYNC_SIGNAL	(1u << 31)	/* else wait */

struct tuff_sync_op {
	__u32 flags;
	__u32 handle;
	__u64 timeline_value;
};

/*
 * The error of the job before it in the submit is this one's too, and it does
 * not run when that one has failed by then: a run in several jobs.
 */
#define TUFF_JOB_CHAIN	(1u << 0)

struct tuff_job {
	/** @cmdbufs: __u32 ids, run in order */
	struct tuff_array cmdbufs;
	/** @slots: struct tuff_job_slot */
	struct tuff_array slots;
	/** @syncs: struct tuff_sync_op */
	struct tuff_array syncs;
	/** @deadline_ns: a job that has not started by then ends with ETIME; 0 = none */
	__s64 deadline_ns;
	/** @tag: for traces */
	__u64 tag;
	/** @flags: TUFF_JOB_CHAIN, not on the first */
	__u32 flags;
	__u32 pad;
};

/** struct tuff_submit - all jobs or none; they run in order within the context */
struct tuff_submit {
	__u32 ctx_id;
	/** @flags: must be 0 */
	__u32 flags;
	/** @jobs: struct tuff_job */
	struct tuff_array jobs;
	/** @first_seqno: out; job i has first_seqno + i */
	__u64 first_seqno;
};

/**
 * struct tuff_job_timestamps - what the TIMESTAMP packets of a job wrote, ns of
 * the device's clock, of all its command buffers in a row. Kept for the last 16
 * jobs with timestamps of a context. EBUSY before it ended, ENOENT if forgotten.
 */
struct tuff_job_timestamps {
	__u32 ctx_id;
	/** @count: in: room in the array; out: how many there are */
	__u32 count;
	__u64 seqno;
	/** @array: __u64 */
	__u64 array;
};

/* --- synchronisation ------------------------------------------------------ */

#define TUFF_SYNCOBJ_SIGNALED	(1u << 0)

struct tuff_syncobj_create {
	__u32 flags;
	/** @handle: out */
	__u32 handle;
};

struct tuff_syncobj_destroy {
	__u32 handle;
	__u32 pad;
};

#define TUFF_WAIT_ALL		(1u << 0)	/* else any */
#define TUFF_WAIT_FOR_SUBMIT	(1u << 1)	/* else EINVAL if nothing was submitted */
#define TUFF_WAIT_AVAILABLE	(1u << 2)	/* submitted is enough */

/** struct tuff_syncobj_wait - ETIME when expired (also when polling) */
struct tuff_syncobj_wait {
	/** @handles: __u32; @points: __u64, or 0: all binary (a point of 0 is binary) */
	__u64 handles;
	__u64 points;
	__s64 timeout_ns;
	__u32 count;
	__u32 flags;
	/** @first_signaled: out, any: index */
	__u32 first_signaled;
	/** @error: out: 0 or -errno of the work behind (any: the first; all: one of them) */
	__s32 error;
};

struct tuff_syncobj_reset {
	__u64 handles;
	__u32 count;
	__u32 pad;
};

/** struct tuff_syncobj_signal - points: 0, or __u64 that grow */
struct tuff_syncobj_signal {
	__u64 handles;
	__u64 points;
	__u32 count;
	__u32 pad;
};

#define TUFF_QUERY_LAST_SUBMITTED	(1u << 0)

/** struct tuff_syncobj_query - values (binary: 0 | 1) and, if not 0, errors */
struct tuff_syncobj_query {
	__u64 handles;
	/** @points: out: __u64 [count] */
	__u64 points;
	/** @errors: out: __s32 [count], or 0; the last 8 rows of failed points are known */
	__u64 errors;
	__u32 count;
	__u32 flags;
};

/** struct tuff_syncobj_eventfd - adds 1 to the eventfd when the point is reached */
struct tuff_syncobj_eventfd {
	__u32 handle;
	/** @flags: 0 or TUFF_WAIT_AVAILABLE */
	__u32 flags;
	__u64 point;
	__s32 fd;
	__u32 pad;
};

/* --- stats ------------------------------------------------------------------ */

#define TUFF_FDINFO_ALL		(1u << 0)	/* every client; EACCES unless privileged */

/** struct tuff_query_fdinfo - text in the format of drm-usage-stats */
struct tuff_query_fdinfo {
	__u32 flags;
	/** @size: in: of the buffer; out: of the text with its 0 */
	__u32 size;
	__u64 pointer;
};

/** struct tuff_set_client_name - at most 64 printable ASCII characters */
struct tuff_set_client_name {
	__u64 name;
	__u32 len;
	__u32 pad;
};

#define TUFF_IOC(dir, id, type)	_IOC(dir, 't', id, sizeof(struct type))
#define TUFF_R	_IOC_READ
#define TUFF_W	_IOC_WRITE
#define TUFF_WR	(_IOC_READ | _IOC_WRITE)

#define TUFF_IOCTL_GET_VERSION	TUFF_IOC(TUFF_R, TUFF_GET_VERSION, tuff_get_version)
#define TUFF_IOCTL_DEV_QUERY	TUFF_IOC(TUFF_WR, TUFF_DEV_QUERY, tuff_dev_query)
#define TUFF_IOCTL_CTX_CREATE	TUFF_IOC(TUFF_WR, TUFF_CTX_CREATE, tuff_ctx_create)
#define TUFF_IOCTL_CTX_DESTROY	TUFF_IOC(TUFF_W, TUFF_CTX_DESTROY, tuff_ctx_destroy)
#define TUFF_IOCTL_CTX_SET_PARAM TUFF_IOC(TUFF_W, TUFF_CTX_SET_PARAM, tuff_ctx_set_param)
#define TUFF_IOCTL_CTX_GET_STATE TUFF_IOC(TUFF_WR, TUFF_CTX_GET_STATE, tuff_ctx_get_state)
#define TUFF_IOCTL_BO_CREATE	TUFF_IOC(TUFF_WR, TUFF_BO_CREATE, tuff_bo_create)
#define TUFF_IOCTL_BO_MMAP_OFFSET TUFF_IOC(TUFF_WR, TUFF_BO_MMAP_OFFSET, tuff_bo_mmap_offset)
#define TUFF_IOCTL_BO_INFO	TUFF_IOC(TUFF_WR, TUFF_BO_INFO, tuff_bo_info)
#define TUFF_IOCTL_BO_WAIT	TUFF_IOC(TUFF_W, TUFF_BO_WAIT, tuff_bo_wait)
#define TUFF_IOCTL_BO_SYNC	TUFF_IOC(TUFF_W, TUFF_BO_SYNC, tuff_bo_sync)
#define TUFF_IOCTL_BO_CLOSE	TUFF_IOC(TUFF_W, TUFF_BO_CLOSE, tuff_bo_close)
#define TUFF_IOCTL_BO_EXPORT	TUFF_IOC(TUFF_WR, TUFF_BO_EXPORT, tuff_bo_export)
#define TUFF_IOCTL_BO_IMPORT	TUFF_IOC(TUFF_WR, TUFF_BO_IMPORT, tuff_bo_import)
#define TUFF_IOCTL_KERNEL_CREATE TUFF_IOC(TUFF_WR, TUFF_KERNEL_CREATE, tuff_kernel_create)
#define TUFF_IOCTL_KERNEL_WAIT	TUFF_IOC(TUFF_W, TUFF_KERNEL_WAIT, tuff_kernel_wait)
#define TUFF_IOCTL_KERNEL_DESTROY TUFF_IOC(TUFF_W, TUFF_KERNEL_DESTROY, tuff_kernel_destroy)
#define TUFF_IOCTL_CMDBUF_CREATE TUFF_IOC(TUFF_WR, TUFF_CMDBUF_CREATE, tuff_cmdbuf_create)
#define TUFF_IOCTL_CMDBUF_DESTROY TUFF_IOC(TUFF_W, TUFF_CMDBUF_DESTROY, tuff_cmdbuf_destroy)
#define TUFF_IOCTL_SUBMIT	TUFF_IOC(TUFF_WR, TUFF_SUBMIT, tuff_submit)
#define TUFF_IOCTL_JOB_TIMESTAMPS TUFF_IOC(TUFF_WR, TUFF_JOB_TIMESTAMPS, tuff_job_timestamps)
#define TUFF_IOCTL_SYNCOBJ_CREATE TUFF_IOC(TUFF_WR, TUFF_SYNCOBJ_CREATE, tuff_syncobj_create)
#define TUFF_IOCTL_SYNCOBJ_DESTROY TUFF_IOC(TUFF_W, TUFF_SYNCOBJ_DESTROY, tuff_syncobj_destroy)
#define TUFF_IOCTL_SYNCOBJ_WAIT	TUFF_IOC(TUFF_WR, TUFF_SYNCOBJ_WAIT, tuff_syncobj_wait)
#define TUFF_IOCTL_SYNCOBJ_RESET TUFF_IOC(TUFF_W, TUFF_SYNCOBJ_RESET, tuff_syncobj_reset)
#define TUFF_IOCTL_SYNCOBJ_SIGNAL TUFF_IOC(TUFF_W, TUFF_SYNCOBJ_SIGNAL, tuff_syncobj_signal)
#define TUFF_IOCTL_SYNCOBJ_QUERY TUFF_IOC(TUFF_W, TUFF_SYNCOBJ_QUERY, tuff_syncobj_query)
#define TUFF_IOCTL_SYNCOBJ_EVENTFD TUFF_IOC(TUFF_W, TUFF_SYNCOBJ_EVENTFD, tuff_syncobj_eventfd)
#define TUFF_IOCTL_QUERY_FDINFO	TUFF_IOC(TUFF_WR, TUFF_QUERY_FDINFO, tuff_query_fdinfo)
#define TUFF_IOCTL_SET_CLIENT_NAME TUFF_IOC(TUFF_W, TUFF_SET_CLIENT_NAME, tuff_set_client_name)

TUFF_STATIC_ASSERT(sizeof(struct tuff_array) == 16, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_get_version) == 32, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_dev_query) == 16, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_query_dev) == 624, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_query_mem) == 32, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_query_engine) == 32, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_query_stats) == 96, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_query_timestamp) == 16, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_ctx_create) == 16, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_ctx_destroy) == 8, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_ctx_set_param) == 16, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_ctx_get_state) == 40, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_bo_create) == 24, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_bo_mmap_offset) == 16, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_bo_info) == 32, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_bo_wait) == 16, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_bo_sync) == 24, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_bo_close) == 8, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_bo_export) == 16, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_bo_import) == 24, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_spec) == 8, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_kernel_create) == 80, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_kernel_wait) == 32, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_kernel_destroy) == 8, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_cmdbuf_slot) == 16, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_cmdbuf_create) == 56, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_cmdbuf_destroy) == 8, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_job_slot) == 32, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_sync_op) == 16, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_job) == 72, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_submit) == 32, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_job_timestamps) == 24, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_syncobj_create) == 8, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_syncobj_destroy) == 8, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_syncobj_wait) == 40, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_syncobj_reset) == 16, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_syncobj_signal) == 24, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_syncobj_query) == 32, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_syncobj_eventfd) == 24, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_query_fdinfo) == 16, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_set_client_name) == 16, "uapi");

#if defined(__cplusplus)
}
#endif
#endif
