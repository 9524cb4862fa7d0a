/* SPDX-License-Identifier: MIT */
/*
 * What the broker half and the executor half say to each other. Every request
 * has a cookie and is answered once, later, or never; requests that release
 * something are not answered. Ids are the broker's choice, one space each for
 * memory, kernels and command buffers. No pointer crosses; descriptors travel
 * beside the message. Each side treats the other as untrusted.
 */
#ifndef TUFF_DRIVER_EXECUTOR_MSG_H
#define TUFF_DRIVER_EXECUTOR_MSG_H

#include <stdint.h>

#include "driver/executor/backend.h"
#include "uapi/tuff_accel.h"

enum tuff_msg_type {
	TUFF_MSG_MEM_CREATE = 1,
	TUFF_MSG_MEM_DESTROY,		/* no answer */
	TUFF_MSG_KERNEL_CREATE,		/* answered when the pipeline is made */
	TUFF_MSG_KERNEL_DESTROY,	/* no answer */
	TUFF_MSG_CMDBUF_CREATE,
	TUFF_MSG_CMDBUF_DESTROY,	/* no answer */
	TUFF_MSG_RUN,			/* answered when it ended */
	TUFF_MSG_POISON,		/* no answer; touch the device no more */
	TUFF_MSG_INFO,			/* answered with a struct tuff_be_info */
	TUFF_MSG_STATS,			/* answered with a struct tuff_exec_stats */
};

struct tuff_msg {
	uint32_t type;
	uint32_t size;		/* with everything that follows */
	uint64_t cookie;
};

struct tuff_msg_mem_create {
	struct tuff_msg base;
	uint32_t id;
	uint32_t placement;	/* enum tuff_placement */
	uint32_t map;		/* must be mappable */
	uint32_t reach;		/* enum tuff_be_reach; not DEVMAP: import fd */
	uint64_t size_B;
	int32_t fd;		/* borrowed */
	uint32_t pad;
};

struct tuff_msg_id {		/* *_DESTROY */
	struct tuff_msg base;
	uint32_t id;
	uint32_t pad;
};

struct tuff_msg_kernel_create {
	struct tuff_msg base;
	uint32_t id;
	uint32_t code_size;	/* words follow the struct */
	uint32_t storage_mask, write_mask;
	uint32_t uniform;
	uint32_t nspec;
	uint64_t hash;
	struct tuff_spec spec[TUFF_MAX_SPEC];
	char entry[128];
};

struct tuff_msg_cmdbuf_create {
	struct tuff_msg base;
	uint32_t id;
	uint32_t stream_size;	/* packets follow the struct */
	uint32_t nslots;
	uint32_t pad;
	struct tuff_cmdbuf_slot slots[TUFF_MAX_SLOTS];
};

struct tuff_msg_slot {
	uint32_t slot;
	uint32_t mem;
	uint32_t flags;
	uint32_t pad;
	uint64_t offset, range;
};

struct tuff_msg_run {
	struct tuff_msg base;
	uint32_t ncmdbufs;
	uint32_t nslots;
	uint32_t cmdbufs[TUFF_MAX_CMDBUFS];
	struct tuff_msg_slot slots[TUFF_MAX_SLOTS];
};

#define TUFF_REPLY_TEXT	240

/*
 * An answer; `size` bytes go with it. After an error: its text, if there is
 * one. RUN: the u64 of its TIMESTAMP packets. INFO, STATS: the struct.
 */
struct tuff_reply {
	uint64_t cookie;
	uint32_t type;		/* of the request */
	int32_t error;		/* 0 or -errno */
	uint64_t value;		/* CMDBUF_CREATE: timestamps; MEM_CREATE: 1 = staged */
	uint32_t size;
	uint32_t pad;
};

struct tuff_exec_stats {
	struct tuff_be_counters counters;
	uint64_t rec_hits;
	uint64_t cpu_ns, device_ns;	/* at one instant; 0 where that is not known */
	struct tuff_be_region regions[TUFF_BE_MAX_REGIONS];
};

#endif
