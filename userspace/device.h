/* SPDX-License-Identifier: MIT */
/*
 * The device client: what a session holds on a device and how a plan runs
 * there. Everything goes through the ioctls of uapi/tuff_accel.h.
 */
#ifndef TUFF_DEVICE_H
#define TUFF_DEVICE_H

#include "compiler/tuffc.h"
#include "driver/driver.h"
#include "program/program.h"
#include "userspace/tuff.h"

struct tuff_session;
struct plan;

/* of a command buffer; inputs and outputs have one each from SLOT_IO on, as far as they go */
enum device_slot { SLOT_WEIGHTS, SLOT_ARENA, SLOT_SHARED, SLOT_DIMS, SLOT_IO };

struct device_bo {
	uint32_t handle;	/* 0 = none */
	bool staged;		/* needs BO_SYNC around CPU access */
	uint64_t size;
	uint8_t *map;		/* NULL if not mappable */
};

struct device {
	struct tuff_file *file;
	struct tuff_query_dev info;
	uint32_t ctx, timeline;
	uint64_t point, waited;		/* the last one submitted, and the last known to be reached */
	uint32_t seg_from, seg_to;	/* segments submitted and not waited for, for traces */
	uint64_t bytes, peak_bytes;	/* in buffer objects: now, and at most */
};

/* What a program has on the device. */
struct device_program {
	uint32_t *kernels;		/* ids, by program kernel index */
	struct device_bo weights;
	uint64_t *weight_offset;	/* by weight index; UINT64_MAX = not on the device */
};

/* A run of DISPATCH steps, as command buffers: a job each, timed ones all in one. */
struct device_segment {
	uint32_t first, count;		/* steps */
	uint32_t ncmdbufs, *cmdbufs;
	uint32_t ntimed, *timed;	/* with timestamps around every dispatch; made when asked for */
};

/* An input or output with a slot of its own: where it lies can change from run to run. */
struct device_io {
	uint32_t buf;
	uint32_t flags;			/* TUFF_SLOT_* */
	uint64_t home, range;		/* in the shared arena */
	uint32_t handle;		/* where it is in the next run; 0: at home */
	uint64_t offset;
};

struct device_plan {
	struct device_bo arena, shared, dims;
	uint64_t shared_size;		/* of the shared arena, without the homes behind it */
	uint64_t *offset;		/* by program buffer, in its arena */
	uint32_t nio;
	struct device_io *io;		/* of slots SLOT_IO.. */
	uint32_t *slot;			/* by program buffer: its slot, 0: by its kind */
	uint32_t nsegments;
	struct device_segment *segments;
};

/* devices.c: what a name comes to: index -1 is the CPU; why: a line. -ENODEV names what is there. */
int device_choose(const char *name, int *index, char *why, size_t size, struct tuff_error *err);

/* device.c; priority: enum tuff_priority */
int device_open(uint32_t index, uint32_t priority, struct device **out, struct tuff_error *err);
void device_close(struct device *d);	/* NULL is fine */
void device_describe(const struct device *d, struct tuffc_device *to);
/* kernels and weights of the session's program */
int device_load(struct tuff_session *s, struct tuff_error *err);
void device_unload(struct tuff_session *s);

/* sizes: bytes of every program buffer */
int device_plan_create(struct tuff_session *s, struct plan *pl, const uint64_t *sizes, struct tuff_error *err);
/* streams, when all CPU steps are prepared */
int device_plan_record(struct tuff_session *s, struct plan *pl, const uint64_t *sizes, struct tuff_error *err);
/* timed command buffers, if not there yet */
int device_plan_time(struct tuff_session *s, struct plan *pl, struct tuff_error *err);
/* ns of the steps of segment i, by step index, after job `seqno` ended */
int device_times(struct tuff_session *s, struct plan *pl, uint32_t i, uint64_t seqno, uint64_t *ns, struct tuff_error *err);
void device_plan_destroy(const struct tuff_session *s, struct device_plan *dp);
/* Buffer `buf` lies at offset of bo in the runs that follow; bo NULL: at home.
 * False: it has no slot of its own and stays at home. */
bool device_place(struct device_plan *dp, uint32_t buf, const struct device_bo *bo, uint64_t offset);
bool device_slotted(const struct device_plan *dp, uint32_t buf);
/* submits segment i; device_wait() before the CPU looks at its results */
int device_submit(struct tuff_session *s, struct plan *pl, uint32_t i, bool timed, uint64_t *seqno, struct tuff_error *err);
/* until all that was submitted has ended; no device: 0 */
int device_wait(struct tuff_session *s, struct tuff_error *err);
/* around CPU access to the shared arena where it is copied */
int device_sync(struct tuff_session *s, struct plan *pl, bool end);

int device_bo_create(struct device *d, uint64_t size, uint32_t placement, bool map, struct device_bo *out);
void device_bo_destroy(struct device *d, struct device_bo *bo);

#endif
