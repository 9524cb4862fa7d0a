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

enum device_slot { SLOT_WEIGHTS, SLOT_ARENA, SLOT_SHARED, SLOT_DIMS, SLOT_COUNT };

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
	uint64_t point;			/* last one submitted */
	uint32_t seg_from, seg_to;	/* segments submitted and not waited for, for traces */
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

struct device_plan {
	struct device_bo arena, shared, dims;
	uint64_t *offset;		/* by program buffer, in its arena */
	uint32_t nsegments;
	struct device_segment *segments;
};

/* name: "vulkan" or "vulkan:N". -ENODEV names what is there. */
int device_open(const char *name, struct device **out, struct tuff_error *err);
void device_close(struct device *d);	/* NULL is fine */
/* index of the first real GPU, -1 if there is none */
int device_first_gpu(void);
void device_describe(const struct device *d, struct tuffc_device *to);
/* kernels and weights of the session's program */
int device_load(struct tuff_session *s, struct tuff_error *err);

/* sizes: bytes of every program buffer */
int device_plan_create(struct tuff_session *s, struct plan *pl, const uint64_t *sizes, struct tuff_error *err);
/* streams, when all CPU steps are prepared */
int device_plan_record(struct tuff_session *s, struct plan *pl, const uint64_t *sizes, struct tuff_error *err);
/* timed command buffers, if not there yet */
int device_plan_time(struct tuff_session *s, struct plan *pl, struct tuff_error *err);
/* ns of the steps of segment i, by step index, after job `seqno` ended */
int device_times(struct tuff_session *s, struct plan *pl, uint32_t i, uint64_t seqno, uint64_t *ns, struct tuff_error *err);
void device_plan_destroy(const struct tuff_session *s, struct device_plan *dp);
/* submits segment i; device_wait() before the CPU looks at its results */
int device_submit(struct tuff_session *s, struct plan *pl, uint32_t i, bool timed, uint64_t *seqno, struct tuff_error *err);
int device_wait(struct tuff_session *s, struct tuff_error *err);
/* around CPU access to the shared arena where it is copied */
int device_sync(struct tuff_session *s, struct plan *pl, bool end);

int device_bo_create(struct device *d, uint64_t size, uint32_t placement, bool map, struct device_bo *out);
void device_bo_destroy(struct device *d, struct device_bo *bo);

#endif
