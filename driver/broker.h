/* SPDX-License-Identifier: MIT */
/*
 * The broker half: files, handles, contexts, syncobjs, jobs, accounting. It
 * never calls a back end; it sends messages (executor/msg.h) and believes
 * nothing that comes back.
 *
 * Locks, in this order: the list of devices; device->lock, which holds all of
 * the broker and the scheduler; the executor's; the leaf locks of the transport
 * (reply_lock, bg_lock).
 */
#ifndef TUFF_DRIVER_BROKER_H
#define TUFF_DRIVER_BROKER_H

#include <pthread.h>

#include "driver/driver.h"
#include "driver/executor/msg.h"
#include "driver/idr.h"
#include "driver/sched/sched.h"

#define TUFF_CREDITS		64	/* jobs on the device at once */
#define TUFF_AHEAD_US		16000	/* work of a context on the device at once, about */
#define TUFF_TIMEOUT_NS		(30 * 1000000000ll)	/* of a job */
#define TUFF_TIMEOUT_MAX_MS	600000
#define TUFF_CALL_NS		(60 * 1000000000ll)
#define TUFF_MAKE_NS		(180 * 1000000000ll)	/* of a kernel; executors give up before */
#define TUFF_GRACE_NS		2000000	/* before the background thread looks */
#define TUFF_KEEP_STAMPS	16	/* jobs with timestamps, per context */

struct tuff_device;
struct tuff_exec;

/* An answer that is waited for. */
struct tuff_pend {
	uint64_t cookie;	/* 0 = none */
	uint32_t type;
	int64_t expiry;		/* by the scheduler's clock; 0: not watched here */
	/* payload: r->size bytes */
	void (*done)(struct tuff_device *dev, struct tuff_pend *p, const struct tuff_reply *r,
		     const void *payload);
};

/* An answer on its way; the payload is the transport's copy. */
struct tuff_answer {
	struct tuff_reply r;
	void *payload;
};

struct tuff_device {
	struct tuff_device *next;	/* list of devices */
	uint32_t ref;			/* files; list lock */
	const struct tuff_be_ops *be;	/* names the device, counters for tests */
	uint32_t index;
	struct tuff_be_info info;	/* what the executor says of it, checked */

	/* transport */
	struct tuff_exec *exec;
	pthread_mutex_t reply_lock;
	struct tuff_answer *answers;	/* ring */
	uint32_t rhead, rtail, rcap;
	pthread_mutex_t bg_lock;
	pthread_cond_t bg_cond;
	pthread_t bg;
	bool bg_started, bg_stop, bg_kick, bg_active;

	pthread_mutex_t lock;		/* all that follows */
	pthread_cond_t cond;		/* something ended */
	uint32_t waiters;
	bool pump;			/* a thread waits for the device */
	bool manual;			/* a test holds the clock */
	struct tuff_scheduler sched;
	struct tuff_scheduler *sched_list[1];
	struct idr pends;
	uint64_t cookie;
	uint32_t flights;		/* RUN messages not answered */
	uint32_t asked;			/* others */
	int64_t call_ns;		/* patience of tuff_call(), on the real clock */
	int64_t expiry;			/* the first of the pends'; atomic, 0 = none */
	struct idr mems, kernels, cmdbufs;	/* ids of the executor's objects */
	struct list files;
	uint64_t next_client;
	struct tuff_kjob *job_pool;
	struct tuff_sync_point *point_pool;
	uint64_t used_B[2];		/* by placement */
	uint64_t jobs_done, jobs_failed, resets;
	int dead;			/* 0, -EIO lost, -ETIME poisoned */
};

struct tuff_file {
	uint32_t ref;			/* the client's, and jobs and BOs */
	struct tuff_device *dev;
	struct list node;
	uint64_t client;
	bool closed;
	char name[65];
	struct idr ctxs, bos, kernels, cmdbufs, syncobjs;
	uint64_t busy_ns, jobs_queued, jobs_running, resets;
	uint64_t total_B[2], shared_B;
};

struct tuff_stamps {
	uint64_t seqno;
	uint64_t *ns;
	uint32_t count;
};

struct tuff_ctx {
	uint32_t ref;
	uint32_t id;
	struct tuff_file *file;
	struct tuff_sched_entity entity;
	int guilty;
	uint32_t state, reset_count;
	int32_t last_error;
	uint64_t fault_ctx, fault_seqno, done_seqno;
	int64_t timeout_ns;
	bool no_recovery;
	struct tuff_stamps stamps[TUFF_KEEP_STAMPS];
	uint32_t next_stamps;
};

struct tuff_bo_use {
	struct tuff_fence *fence;
	bool write;
};

struct tuff_bo {
	uint32_t ref;
	struct tuff_file *file;
	uint32_t handle;
	uint32_t mem;			/* executor's id */
	uint64_t size_B;
	uint32_t flags, placement, reach;
	bool staged, shared;
	int fd;				/* memfd, -1 = none */
	struct tuff_bo_use *uses;	/* one per context */
	uint32_t nuses, cap_uses;
};

struct tuff_kernel {
	uint32_t ref;
	struct tuff_device *dev;
	uint32_t exec_id;
	struct tuff_pend pend;
	struct tuff_fence made;		/* signalled when the pipeline is there, or not */
	char text[TUFF_REPLY_TEXT];
};

struct tuff_cmdbuf {
	uint32_t ref;
	struct tuff_device *dev;
	uint32_t exec_id;
	uint32_t nslots, timestamps, nkernels;
	struct tuff_cmdbuf_slot slots[TUFF_MAX_SLOTS];
	struct tuff_kernel **kernels;
	bool ready;			/* all kernels are made */
};

struct tuff_sync_point {
	struct tuff_sync_point *next;	/* pool */
	struct list node;
	struct tuff_fence_cb cb;
	struct tuff_syncobj *so;
	struct tuff_fence *fence;
	uint64_t point;
};

#define TUFF_SYNC_ERRORS	8

struct tuff_syncobj {
	uint32_t ref;
	struct tuff_device *dev;
	struct tuff_fence *fence;	/* binary */
	struct tuff_fence_cb cb;
	uint64_t value, last;		/* timeline: reached, submitted */
	struct list points;		/* submitted, not reached */
	struct list eventfds;
	struct {
		uint64_t lo, hi;	/* points in (lo, hi] failed */
		int32_t error;
	} errors[TUFF_SYNC_ERRORS];
	uint32_t next_error;
};

struct tuff_kjob {
	struct tuff_sched_job base;
	struct tuff_kjob *next;		/* pool */
	struct tuff_fence hw;
	struct tuff_pend pend;
	struct tuff_file *file;
	struct tuff_ctx *ctx;
	struct tuff_cmdbuf *cmdbufs[TUFF_MAX_CMDBUFS];
	struct tuff_bo *bos[TUFF_MAX_SLOTS];
	struct tuff_sync_point *signals[TUFF_MAX_SYNCS];	/* point 0: binary */
	uint32_t ncmdbufs, nbos, nsignals, ntimestamps;
	bool queued;			/* counted in the file's jobs_queued */
	bool chain;
	struct tuff_fence *after;	/* chain: the finished fence of the one before */
	uint64_t tag;
	struct tuff_msg_run msg;
};
static inline struct tuff_kjob *to_tuff_kjob(struct tuff_sched_job *job)
{
	return container_of(job, struct tuff_kjob, base);
}

/* device.c */
int tuff_device_get(const struct tuff_be_ops *be, uint32_t index, struct tuff_device **out,
		    char *err, size_t errlen);
void tuff_device_put(struct tuff_device *dev);
int64_t tuff_now(void);			/* CLOCK_MONOTONIC, ns */
int64_t tuff_sched_clock(void *dev);
void tuff_device_kill(struct tuff_device *dev, int why);
int tuff_device_stats(struct tuff_device *dev, struct tuff_exec_stats *s);

/* transport: how the halves are joined (transport/local.c) */
int tuff_transport_init(struct tuff_device *dev);
void tuff_transport_fini(struct tuff_device *dev);
void tuff_send(struct tuff_device *dev, struct tuff_msg *msg);
/* With `within` (ns, 0 = for ever) an answer that does not come is -ETIME by then. */
int tuff_pend_add(struct tuff_device *dev, struct tuff_pend *p, struct tuff_msg *msg,
		  int64_t within);
void tuff_pend_del(struct tuff_device *dev, struct tuff_pend *p);
/*
 * Sends and waits for the answer; its error. buf gets the payload, r->size what
 * there is of it. -ETIME: none came, the executor may still do it.
 */
int tuff_call(struct tuff_device *dev, struct tuff_msg *msg, struct tuff_reply *r, void *buf,
	      uint32_t size);
/* Hands an answer to who waits for it; frees its payload. */
void tuff_answered(struct tuff_device *dev, struct tuff_answer *a);
/* Ends with an error what is to be answered by `until`; INT64_MAX: everything. */
void tuff_give_up(struct tuff_device *dev, int error, int64_t until);
/* Text of an executor, made safe to print. */
void tuff_text(char *dst, size_t room, const void *text, uint32_t size);
void tuff_drain(struct tuff_device *dev);	/* handles what was answered */
/* Looks once, does not block; poll also at timeouts. */
void tuff_look(struct tuff_device *dev);
void tuff_poll(struct tuff_device *dev);
/* Until cond(arg) or the deadline (absolute): 0 or -ETIME. Drops the lock. */
int tuff_wait(struct tuff_device *dev, bool (*cond)(void *arg), void *arg, int64_t deadline);
/* Work was given to the device, or somebody needs it who does not wait. */
void tuff_bg_active(struct tuff_device *dev, bool urgent);
int tuff_bg_start(struct tuff_device *dev);
/* An answer arrived, with r->size bytes; any thread. */
void tuff_reply_push(struct tuff_device *dev, const struct tuff_reply *r, const void *payload);

/* file.c */
int tuff_file_open(struct tuff_device *dev, struct tuff_file **out);
void tuff_file_close(struct tuff_file *f);
struct tuff_file *tuff_file_ref(struct tuff_file *f);
void tuff_file_unref(struct tuff_file *f);
int tuff_copy_in(struct tuff_file *f, void *dst, uint64_t src, size_t n);
int tuff_copy_out(struct tuff_file *f, uint64_t dst, const void *src, size_t n);
/* Element i of an array into size_B bytes; a longer element must be 0 there. */
int tuff_copy_element(struct tuff_file *f, const struct tuff_array *a, uint32_t i, void *dst,
		      size_t size_B);
int tuff_check_array(const struct tuff_array *a, uint32_t max, uint32_t min_stride);
void tuff_copy_text(struct tuff_file *f, uint64_t dst, uint32_t size, const char *text);

/* objects */
void tuff_ctx_kill(struct tuff_ctx *ctx);	/* the client's reference */
void tuff_ctx_unref(struct tuff_ctx *ctx);
void tuff_ctx_stamps(struct tuff_ctx *ctx, uint64_t seqno, uint64_t *ns, uint32_t count);
void tuff_bo_unref(struct tuff_bo *bo);
void tuff_bo_forget(struct tuff_bo *bo);	/* the handle goes */
void tuff_bo_mapped(const struct tuff_bo *bo);	/* for traces */
int tuff_bo_reserve(struct tuff_bo *bo);
void tuff_bo_attach(struct tuff_bo *bo, struct tuff_fence *f, bool write);
void tuff_kernel_unref(struct tuff_kernel *k);
void tuff_cmdbuf_unref(struct tuff_cmdbuf *cb);
void tuff_syncobj_unref(struct tuff_syncobj *so);
/* Adds the fences of a wait to the job: 0, -EINVAL not submitted, -ENOMEM. */
int tuff_syncobj_depend(struct tuff_syncobj *so, uint64_t point, struct tuff_sched_job *job);
struct tuff_sync_point *tuff_sync_point_new(struct tuff_syncobj *so, uint64_t point);
void tuff_sync_point_free(struct tuff_sync_point *p);
/* The fence is what the point (0: the binary state) now waits for. Consumes p. */
void tuff_sync_point_set(struct tuff_sync_point *p, struct tuff_fence *f);
extern const struct tuff_sched_ops tuff_job_ops;
void tuff_job_pool_free(struct tuff_device *dev);

/* ioctls; called with device->lock held */
#define TUFF_HANDLER(name) int tuff_ioctl_##name(struct tuff_file *f, void *arg)
TUFF_HANDLER(get_version);
TUFF_HANDLER(dev_query);
TUFF_HANDLER(ctx_create);
TUFF_HANDLER(ctx_destroy);
TUFF_HANDLER(ctx_set_param);
TUFF_HANDLER(ctx_get_state);
TUFF_HANDLER(bo_create);
TUFF_HANDLER(bo_mmap_offset);
TUFF_HANDLER(bo_info);
TUFF_HANDLER(bo_wait);
TUFF_HANDLER(bo_sync);
TUFF_HANDLER(bo_close);
TUFF_HANDLER(bo_export);
TUFF_HANDLER(bo_import);
TUFF_HANDLER(kernel_create);
TUFF_HANDLER(kernel_wait);
TUFF_HANDLER(kernel_destroy);
TUFF_HANDLER(cmdbuf_create);
TUFF_HANDLER(cmdbuf_destroy);
TUFF_HANDLER(submit);
TUFF_HANDLER(job_timestamps);
TUFF_HANDLER(syncobj_create);
TUFF_HANDLER(syncobj_destroy);
TUFF_HANDLER(syncobj_wait);
TUFF_HANDLER(syncobj_reset);
TUFF_HANDLER(syncobj_signal);
TUFF_HANDLER(syncobj_query);
TUFF_HANDLER(syncobj_eventfd);
TUFF_HANDLER(query_fdinfo);
TUFF_HANDLER(set_client_name);
int tuff_ioctl(struct tuff_file *f, uint32_t nr, void *arg);
#endif
