/* SPDX-License-Identifier: MIT */
/*
 * What the executor half asks of a device. One table per kind of device:
 * driver/vulkan (tuff_be_vulkan) and driver/mock (tuff_be_mock).
 *
 * A back end trusts its caller: kernels, commands and slots were validated by
 * the executor. All functions of one device are called under the executor's
 * lock, except kernel_wait() and wait(), which may block and are called
 * without it. Functions return 0 or -errno.
 */
#ifndef TUFF_DRIVER_EXECUTOR_BACKEND_H
#define TUFF_DRIVER_EXECUTOR_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TUFF_BE_MAX_DEVICES	16
#define TUFF_BE_MAX_REGIONS	8
#define TUFF_BE_MAX_STORAGE	4	/* storage buffers, bindings 1..4 */
#define TUFF_BE_MAX_BIND	(1 + TUFF_BE_MAX_STORAGE)	/* 0 = dims block */
#define TUFF_BE_MAX_SPEC	32

/* Same numbers as enum tuff_target in program/program.h. */
enum tuff_be_class {
	TUFF_BE_SOFTWARE_WIDE = 1,	/* lavapipe */
	TUFF_BE_SOFTWARE_SMALL = 2,	/* SwiftShader */
	TUFF_BE_GPU = 3,		/* subgroups of 16 and more, or unknown */
	TUFF_BE_GPU_COOPMAT = 4,
};

#define TUFF_BE_F_STORAGE16	(1u << 0)
#define TUFF_BE_F_STORAGE8	(1u << 1)
#define TUFF_BE_F_FLOAT16	(1u << 2)
#define TUFF_BE_F_INT8		(1u << 3)
#define TUFF_BE_F_INT16		(1u << 4)
#define TUFF_BE_F_INT64		(1u << 5)
#define TUFF_BE_F_FLOAT64	(1u << 6)
#define TUFF_BE_F_SUBGROUP_ARITH	(1u << 7)
#define TUFF_BE_F_SUBGROUP_SHUFFLE	(1u << 8)
#define TUFF_BE_F_SUBGROUP_BALLOT	(1u << 9)
#define TUFF_BE_F_DOT8		(1u << 10)
#define TUFF_BE_F_COOPMAT	(1u << 11)
#define TUFF_BE_F_TIMESTAMP	(1u << 12)
#define TUFF_BE_F_TIMELINE	(1u << 13)
#define TUFF_BE_F_MEMORY_BUDGET	(1u << 14)
#define TUFF_BE_F_UNIFIED	(1u << 15)	/* all device memory is host visible */
#define TUFF_BE_F_COMPILE_ONLY	(1u << 16)	/* no hardware behind: pipelines only */
#define TUFF_BE_F_SOFTWARE	(1u << 17)

/* Ways in which a device reaches a client's shared memory; bit = 1 << way. */
enum tuff_be_reach {
	TUFF_BE_REACH_DMABUF = 0,	/* memfd -> udmabuf -> dma-buf import */
	TUFF_BE_REACH_HOSTPTR = 1,	/* VK_EXT_external_memory_host of the mapping */
	TUFF_BE_REACH_DEVMAP = 2,	/* device memory that clients map (in-process) */
	TUFF_BE_REACH_STAGING = 3,	/* copied around every use */
	TUFF_BE_REACH_COUNT,
};

struct tuff_be_limits {
	uint32_t max_storage_buffers;	/* per stage; at least 4 */
	uint32_t max_uniform_range;
	uint64_t max_storage_range;
	uint64_t max_alloc_B;
	uint64_t max_buffer_B;
	uint32_t storage_align;		/* of bound offsets, power of two */
	uint32_t uniform_align;
	uint32_t import_align;		/* host pointers; 0 = not supported */
	uint32_t shared_B;		/* workgroup memory */
	uint32_t max_invocations;
	uint32_t max_group_size[3];
	uint32_t max_group_count[3];
	uint32_t subgroup_size;
	uint32_t subgroup_min, subgroup_max;
	uint32_t timestamp_bits;	/* 0 = none */
	float timestamp_ns;		/* per tick */
};

struct tuff_be_region {
	uint64_t size_B;
	uint64_t budget_B;		/* what this process may use now */
	uint32_t device_local;
	uint32_t host_visible;
};

struct tuff_be_info {
	char name[256];
	char driver[128];		/* name and version, for people */
	uint32_t vendor_id, device_id, driver_version, api_version;
	uint8_t uuid[16];		/* pipelineCacheUUID */
	uint32_t class;			/* enum tuff_be_class */
	uint32_t features;		/* TUFF_BE_F_* */
	uint32_t reach;			/* mask of enum tuff_be_reach, probed at open */
	uint32_t nregions;
	struct tuff_be_region regions[TUFF_BE_MAX_REGIONS];
	struct tuff_be_limits limits;
	int32_t drm_primary[2], drm_render[2];	/* major, minor; -1 = none */
	char drm_node[64];		/* /dev/dri/renderD128, or "" */
	char pci[16];			/* 0000:03:00.0, or "" */
	char rejected[160];		/* why it cannot be used, "" = it can */
};

enum tuff_be_placement {
	TUFF_BE_SYSTEM,		/* host visible and cached where possible */
	TUFF_BE_DEVICE,		/* device local; mappable only by luck */
};

struct tuff_be_mem_desc {
	uint64_t size;		/* multiple of the page size */
	uint32_t placement;	/* enum tuff_be_placement */
	uint32_t flags;		/* TUFF_BE_MEM_* */
};
#define TUFF_BE_MEM_MAP		(1u << 0)	/* must be mappable */

/* Counters since open; tests hold the "nothing on a seen run" promise to them. */
struct tuff_be_counters {
	uint64_t allocs, frees, imports;
	uint64_t pipelines;	/* created */
	uint64_t cache_hits;	/* of them, found in a cache */
	uint64_t records;
	uint64_t submits;	/* queue submissions */
	uint64_t recs_submitted;
	uint64_t validation;	/* messages of the validation layer */
	uint64_t mem_B;		/* bytes allocated now */
};

struct tuff_be_device;
struct tuff_be_mem;
struct tuff_be_kernel;
struct tuff_be_rec;

struct tuff_be_kernel_desc {
	const uint32_t *code;	/* copied if the call returns before it is done */
	size_t size_B;
	const char *entry;
	uint32_t storage_mask;	/* bit i: storage buffer at binding i+1 */
	bool uniform;		/* binding 0 present */
	uint32_t nspec;
	uint32_t spec_id[TUFF_BE_MAX_SPEC];
	uint32_t spec_value[TUFF_BE_MAX_SPEC];
	uint64_t hash;
};

enum tuff_be_op {
	TUFF_BE_DISPATCH,
	TUFF_BE_DISPATCH_INDIRECT,
	TUFF_BE_COPY,
	TUFF_BE_FILL,
	TUFF_BE_BARRIER,
	TUFF_BE_TIMESTAMP,
};

struct tuff_be_bind {
	uint32_t slot;		/* UINT32_MAX = unused */
	uint32_t pad;
	uint64_t offset;	/* within the slot */
	uint64_t range;
};

/* A validated command; offsets are within slots, all in bounds. */
struct tuff_be_cmd {
	uint32_t op;		/* enum tuff_be_op */
	uint32_t index;		/* TIMESTAMP: result index */
	struct tuff_be_kernel *kernel;
	uint32_t group[3];	/* DISPATCH */
	uint32_t value;		/* FILL */
	struct tuff_be_bind bind[TUFF_BE_MAX_BIND];
	struct tuff_be_bind src, dst;	/* COPY; FILL: dst; INDIRECT: src */
};

struct tuff_be_slot {	/* what submit bound to a slot */
	struct tuff_be_mem *mem;	/* NULL = slot unused */
	uint64_t offset, range;
};

struct tuff_be_ops {
	const char *name;	/* "vulkan", "mock" */

	/* Fills up to max infos, returns how many there are or -errno. */
	int (*enumerate)(struct tuff_be_info *infos, uint32_t max);
	int (*open)(uint32_t index, struct tuff_be_device **out);
	/* After the device was lost or poisoned close() leaks what may be in use. */
	void (*close)(struct tuff_be_device *dev);
	const struct tuff_be_info *(*info)(struct tuff_be_device *dev);
	/* Refreshes regions[].budget_B. */
	void (*budget)(struct tuff_be_device *dev, struct tuff_be_region *regions);

	int (*mem_alloc)(struct tuff_be_device *dev, const struct tuff_be_mem_desc *desc,
			 struct tuff_be_mem **out);
	/*
	 * Shared memory `fd` (borrowed) of `size` bytes, reached the given way.
	 * DEVMAP is not an import: use mem_alloc with TUFF_BE_MEM_MAP.
	 */
	int (*mem_import)(struct tuff_be_device *dev, int fd, uint64_t size, uint32_t reach,
			  struct tuff_be_mem **out);
	void (*mem_free)(struct tuff_be_device *dev, struct tuff_be_mem *mem);
	/* Address in this process for the memory's life, NULL if not mappable. */
	void *(*mem_map)(struct tuff_be_mem *mem);
	/* STAGING only, no-op otherwise: host bytes to device or back. Idle device. */
	int (*mem_sync)(struct tuff_be_mem *mem, uint64_t offset, uint64_t size, bool to_device);
	/* bool: does mem_sync do anything */
	bool (*mem_staged)(struct tuff_be_mem *mem);

	/*
	 * Starts the creation of a pipeline, possibly on a worker thread;
	 * kernel_wait() ends it: 0, -ETIME, or the error with its text.
	 */
	int (*kernel_create)(struct tuff_be_device *dev, const struct tuff_be_kernel_desc *desc,
			     struct tuff_be_kernel **out);
	int (*kernel_wait)(struct tuff_be_kernel *k, int64_t timeout_ns);
	void (*kernel_destroy)(struct tuff_be_device *dev, struct tuff_be_kernel *k);

	int (*record)(struct tuff_be_device *dev, const struct tuff_be_cmd *cmds, uint32_t ncmds,
		      const struct tuff_be_slot *slots, uint32_t nslots, struct tuff_be_rec **out);
	void (*rec_destroy)(struct tuff_be_device *dev, struct tuff_be_rec *rec);

	/*
	 * One queue submission of n recordings (n = 0 is legal: an empty one)
	 * that completes as `seqno`; seqnos grow by any step. A recording is in
	 * flight at most once: the caller waits or records again.
	 */
	int (*submit)(struct tuff_be_device *dev, struct tuff_be_rec *const *recs, uint32_t n,
		      uint64_t seqno);
	/*
	 * Blocks until `seqno` completed or timeout_ns (relative, 0 = poll) went
	 * by. *done = last completed seqno in every case.
	 * 0, -ETIME, -EIO (device lost).
	 */
	int (*wait)(struct tuff_be_device *dev, uint64_t seqno, int64_t timeout_ns, uint64_t *done);
	/* Nanoseconds of the recording's TIMESTAMP packets after it completed. */
	int (*timestamps)(struct tuff_be_device *dev, struct tuff_be_rec *rec, uint64_t *ns,
			  uint32_t count);
	/* CLOCK_MONOTONIC and the clock of timestamps at one instant; -EOPNOTSUPP. */
	int (*clocks)(struct tuff_be_device *dev, uint64_t *cpu_ns, uint64_t *device_ns);
	/* Never touches the device again; close() leaks. */
	void (*poison)(struct tuff_be_device *dev);
	void (*counters)(struct tuff_be_device *dev, struct tuff_be_counters *out);
	/*
	 * Only a back end whose clock a test holds: the time by which jobs are
	 * timed; then nothing happens unless the test asks for it.
	 */
	int64_t (*now)(void);
};

/* visible: tools/devices.c lists devices without opening a session */
extern const struct tuff_be_ops tuff_be_vulkan __attribute__((visibility("default")));
extern const struct tuff_be_ops tuff_be_mock;

#endif
