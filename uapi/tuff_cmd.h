/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT) */
/*
 * The command stream of CMDBUF_CREATE: a row of packets over slots.
 *
 * Every packet starts with {opcode, size_dw}; size_dw counts 4-byte words with
 * the header and is even, so that every packet starts at a multiple of 8. A
 * packet names ranges of slots, never addresses: submit binds slots to buffer
 * objects. All pads must be zero. Two packets that touch the same bytes, one of
 * them writing, need a BARRIER between them.
 *
 * Offsets of storage and uniform bindings are multiples of the device's
 * storage_align and uniform_align, ranges multiples of 4.
 */
#ifndef _UAPI_TUFF_CMD_H
#define _UAPI_TUFF_CMD_H

#include <linux/types.h>

#if defined(__cplusplus)
extern "C" {
#define TUFF_STATIC_ASSERT(c, text) static_assert(c, text)
#else
#define TUFF_STATIC_ASSERT(c, text) _Static_assert(c, text)
#endif

enum tuff_cmd_op {
	TUFF_CMD_DISPATCH = 1,
	TUFF_CMD_DISPATCH_INDIRECT = 2,
	TUFF_CMD_COPY = 3,
	TUFF_CMD_FILL = 4,
	TUFF_CMD_BARRIER = 5,
	TUFF_CMD_TIMESTAMP = 6,
};

#define TUFF_CMD_MAX_BIND	5		/* 0 = dims uniform, 1..4 = storage */
#define TUFF_CMD_MAX_TIMESTAMPS	4096
#define TUFF_SLOT_NONE		0xffffffffu	/* a bind that is not used */

struct tuff_cmd_hdr {
	__u16 opcode;
	__u16 size_dw;
};

/** struct tuff_cmd_bind - a range of a slot */
struct tuff_cmd_bind {
	__u32 slot;
	__u32 pad;
	/** @offset: within the slot */
	__u64 offset;
	__u64 range;
};

/**
 * struct tuff_cmd_dispatch - runs a kernel; followed by nbind tuff_cmd_bind
 *
 * Bind i goes to binding i of set 0. Bindings that the kernel declared must be
 * bound, all others must be TUFF_SLOT_NONE with offset and range 0. A slot that
 * the kernel writes (write_mask) must be declared with TUFF_SLOT_WRITE.
 */
struct tuff_cmd_dispatch {
	__u16 opcode, size_dw;
	__u32 kernel_id;
	/** @group: workgroups, each at most max_group_count; 0 runs nothing */
	__u32 group[3];
	__u32 nbind;
};

/**
 * struct tuff_cmd_dispatch_indirect - workgroups read from a slot
 *
 * Three u32 at src (range 12, offset multiple of storage_align), clamped by the
 * driver to the device's limits. Followed by nbind tuff_cmd_bind.
 */
struct tuff_cmd_dispatch_indirect {
	__u16 opcode, size_dw;
	__u32 kernel_id;
	struct tuff_cmd_bind src;
	__u32 nbind;
	__u32 pad;
};

/** struct tuff_cmd_copy - bytes between slots; 4-byte multiples; no overlap, also of
 * what the slots are bound to: such a job ends with EINVAL */
struct tuff_cmd_copy {
	__u16 opcode, size_dw;
	__u32 src_slot;
	__u32 dst_slot;
	__u32 pad;
	__u64 src_offset;
	__u64 dst_offset;
	__u64 size;
};

/** struct tuff_cmd_fill - a 4-byte pattern; 4-byte multiples */
struct tuff_cmd_fill {
	__u16 opcode, size_dw;
	__u32 slot;
	__u32 value;
	__u32 pad;
	__u64 offset;
	__u64 size;
};

/** struct tuff_cmd_barrier - what follows sees what came before */
struct tuff_cmd_barrier {
	__u16 opcode, size_dw;
	__u32 pad;
};

/** struct tuff_cmd_timestamp - device time after what came before; each index once */
struct tuff_cmd_timestamp {
	__u16 opcode, size_dw;
	__u32 index;
};

TUFF_STATIC_ASSERT(sizeof(struct tuff_cmd_hdr) == 4, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_cmd_bind) == 24, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_cmd_dispatch) == 24, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_cmd_dispatch_indirect) == 40, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_cmd_copy) == 40, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_cmd_fill) == 32, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_cmd_barrier) == 8, "uapi");
TUFF_STATIC_ASSERT(sizeof(struct tuff_cmd_timestamp) == 8, "uapi");

#if defined(__cplusplus)
}
#endif
#endif
