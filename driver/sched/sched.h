/* SPDX-License-Identifier: MIT */
/*
 * The scheduler, in the language of the kernel's drm_sched: who knows one knows
 * the other (Documentation/scheduler.md). One difference of form: there are no
 * work queues. Everything here, fences included, is called under one lock of
 * the owner's (the device lock), and runs on the thread that caused it.
 *
 * Life of a job: job_init, add_dependency.., arm (the point of no return: takes
 * a seqno), push, [dependencies signalled, credits fit], run_job, scheduled
 * fence, hardware fence, finished fence, free_job.
 */
#ifndef TUFF_DRIVER_SCHED_H
#define TUFF_DRIVER_SCHED_H

#include <stdint.h>

#include "driver/list.h"

struct tuff_scheduler;
struct tuff_sched_entity;
struct tuff_sched_job;

/* --- fences ----------------------------------------------------------- */

enum tuff_fence_kind { TUFF_FENCE_PLAIN, TUFF_FENCE_SCHEDULED, TUFF_FENCE_FINISHED };

#define TUFF_FENCE_DONT_PIPELINE	1u	/* wait for the end, not the start */

struct tuff_fence {
	uint32_t ref;
	uint8_t kind;
	uint8_t flags;
	bool signaled;
	int32_t error;		/* 0 or -errno, fixed once signalled */
	uint64_t context, seqno;
	int64_t timestamp;	/* of the signal, ns */
	struct list cbs;
	void (*release)(struct tuff_fence *f);	/* NULL = memory of the owner's */
};

struct tuff_fence_cb {
	struct list node;
	void (*func)(struct tuff_fence *f, struct tuff_fence_cb *cb);
};

uint64_t tuff_fence_context_alloc(uint32_t n);
void tuff_fence_init(struct tuff_fence *f, uint64_t context, uint64_t seqno,
		     void (*release)(struct tuff_fence *f));
struct tuff_fence *tuff_fence_get(struct tuff_fence *f);	/* NULL is allowed */
void tuff_fence_put(struct tuff_fence *f);			/* NULL is allowed */
/* The first error wins; without effect once signalled. */
void tuff_fence_set_error(struct tuff_fence *f, int error);
void tuff_fence_signal(struct tuff_fence *f, int64_t timestamp);
/* false: already signalled, the callback will not run */
bool tuff_fence_add_cb(struct tuff_fence *f, struct tuff_fence_cb *cb,
		       void (*func)(struct tuff_fence *f, struct tuff_fence_cb *cb));
/* false: it was not waiting */
bool tuff_fence_remove_cb(struct tuff_fence *f, struct tuff_fence_cb *cb);

/* scheduled has the entity's context, finished that + 1; same seqno. */
struct tuff_sched_fence {
	struct tuff_fence scheduled, finished;
	struct tuff_scheduler *sched;	/* set by arm */
	struct tuff_fence *parent;	/* hardware fence */
	struct tuff_sched_fence *next;	/* in the pool */
};
struct tuff_sched_fence *to_tuff_sched_fence(struct tuff_fence *f);	/* or NULL */

/* --- entities ---------------------------------------------------------- */

enum tuff_sched_priority {	/* smaller is more important */
	TUFF_SCHED_KERNEL, TUFF_SCHED_HIGH, TUFF_SCHED_NORMAL, TUFF_SCHED_LOW,
	TUFF_SCHED_PRIORITIES,
};

/* Jobs outlive their entity, and are charged to this. */
struct tuff_entity_stats {
	uint32_t ref;
	int64_t runtime;	/* ns on the device, all jobs */
	int64_t prev_runtime;	/* when vruntime was last brought up to it */
	int64_t vruntime;	/* ns << shift; while idle: relative to the queue's first */
	int64_t avg_us;		/* moving average of a job */
};

struct tuff_sched_entity {
	struct list jobs;
	uint32_t njobs;
	struct tuff_scheduler **list;	/* the owner's */
	uint32_t nlist;
	struct tuff_scheduler *sched;	/* whose run queue it uses */
	enum tuff_sched_priority priority;
	uint64_t context, seq;
	bool stopped;
	int *guilty;			/* NULL = never guilty */
	uint64_t client;		/* for traces */
	struct tuff_fence *last_scheduled;	/* finished fence */
	struct tuff_fence *dependency;		/* what the head waits for */
	struct tuff_fence_cb cb;
	struct tuff_entity_stats *stats;
	struct list node;		/* in the run queue while it has jobs */
	bool on_rq;
};

int tuff_sched_entity_init(struct tuff_sched_entity *e, enum tuff_sched_priority prio,
			   struct tuff_scheduler **list, uint32_t n, int *guilty,
			   uint64_t client);
/* Queued jobs wait for their dependencies, then end with -ESRCH. */
void tuff_sched_entity_fini(struct tuff_sched_entity *e);
void tuff_sched_entity_set_priority(struct tuff_sched_entity *e, enum tuff_sched_priority p);
/* Takes effect when the queue is empty and the last job ended. */
void tuff_sched_entity_modify_sched(struct tuff_sched_entity *e, struct tuff_scheduler **list,
				    uint32_t n);
/* 0 or the error of the last job that ended */
int tuff_sched_entity_error(const struct tuff_sched_entity *e);
void tuff_entity_stats_put(struct tuff_entity_stats *s);

/* --- jobs ---------------------------------------------------------------- */

#define TUFF_SCHED_INLINE_DEPS	16

struct tuff_sched_job {
	struct list node;		/* entity's jobs, then pending, then done */
	struct tuff_scheduler *sched;	/* from arm on */
	struct tuff_sched_entity *entity;	/* NULL once popped */
	struct tuff_sched_fence *s_fence;
	struct tuff_entity_stats *stats;
	struct tuff_fence *inline_deps[TUFF_SCHED_INLINE_DEPS];
	struct tuff_fence **deps;
	uint32_t ndeps, cap_deps, next_dep;
	struct tuff_fence_cb cb;	/* on the parent; killed: on a dependency */
	struct tuff_fence *waiting;	/* killed: that dependency */
	uint64_t client;
	uint32_t credits;
	int32_t karma;
	enum tuff_sched_priority priority;
	int64_t deadline;		/* ns, 0 = none: when it must have started */
	int64_t timeout;		/* ns on the device, 0 = the scheduler's */
	bool pending, finished;
};

/* Takes memory (a fence from the pool); undone by job_cleanup. */
int tuff_sched_job_init(struct tuff_sched_job *job, struct tuff_sched_entity *e,
			uint32_t credits, uint64_t client);
/* Takes the reference, also when it fails. One fence per context is kept. */
int tuff_sched_job_add_dependency(struct tuff_sched_job *job, struct tuff_fence *f);
void tuff_sched_job_arm(struct tuff_sched_job *job);
void tuff_sched_job_push(struct tuff_sched_job *job);
/* Before arm: gives everything back. After: only by free_job. */
void tuff_sched_job_cleanup(struct tuff_sched_job *job);

/* --- the scheduler ---------------------------------------------------------- */

enum tuff_sched_stat {
	TUFF_SCHED_RESET,	/* recovered: stop and start were called */
	TUFF_SCHED_ENODEV,	/* the device is gone */
	TUFF_SCHED_NO_HANG,	/* false alarm */
};

struct tuff_sched_ops {
	/* more dependencies, one at a time; may be NULL */
	struct tuff_fence *(*prepare_job)(struct tuff_sched_job *job);
	/*
	 * The hardware fence (a reference), or NULL with *error. When the finished
	 * fence has an error already the job must not run: return NULL.
	 */
	struct tuff_fence *(*run_job)(struct tuff_sched_job *job, int *error);
	enum tuff_sched_stat (*timedout_job)(struct tuff_sched_job *job);
	void (*free_job)(struct tuff_sched_job *job);
	void (*cancel_job)(struct tuff_sched_job *job);	/* at fini; may be NULL */
};

struct tuff_scheduler {
	const struct tuff_sched_ops *ops;
	void *owner;
	int64_t (*now)(void *owner);
	uint32_t dev, ring;		/* for traces */
	uint32_t credit_limit, credit_count;
	/* further credit only for the entity that is on the device */
	bool exclusive;
	uint64_t current;		/* its fence context */
	int64_t timeout;		/* ns, 0 = none */
	int64_t timer;			/* when the head times out, 0 = off */
	bool stopped, running, again, dead;
	bool hold;			/* free nothing: a callback looks at a job */
	struct list rq;			/* entities with jobs, by virtual runtime */
	struct list pending;		/* on the device, oldest first */
	struct list done;		/* to be freed */
	struct list killed;
	uint32_t score;			/* jobs that are armed and not done */
	int64_t avg_us;
	int64_t last_finish;
	struct tuff_sched_fence *pool;
};

void tuff_sched_init(struct tuff_scheduler *s, const struct tuff_sched_ops *ops, void *owner,
		     int64_t (*now)(void *owner), uint32_t credit_limit, int64_t timeout);
/* Entities are gone by now. Pending jobs are cancelled and freed. */
void tuff_sched_fini(struct tuff_scheduler *s);
/* Runs what can run. */
void tuff_sched_wake(struct tuff_scheduler *s);
/* Handles a head whose time is up. */
void tuff_sched_check_timeout(struct tuff_scheduler *s);
/* Times the head out at once. */
void tuff_sched_fault(struct tuff_scheduler *s);
/* The reset recipe: stop, reset, start. */
void tuff_sched_stop(struct tuff_scheduler *s, struct tuff_sched_job *bad);
void tuff_sched_start(struct tuff_scheduler *s, int error);
void tuff_sched_increase_karma(struct tuff_scheduler *s, struct tuff_sched_job *bad,
			       struct tuff_sched_entity *entity);
/* The least loaded. */
struct tuff_scheduler *tuff_sched_pick_best(struct tuff_scheduler **list, uint32_t n);

/* --- between the files of the scheduler ------------------------------------- */
struct tuff_sched_fence *tuff_sched_fence_alloc(struct tuff_scheduler *s);
void tuff_sched_fence_finish(struct tuff_scheduler *s, struct tuff_sched_job *job, int error);
void tuff_sched_rq_add(struct tuff_scheduler *s, struct tuff_sched_entity *e);
void tuff_sched_rq_remove(struct tuff_scheduler *s, struct tuff_sched_entity *e);
void tuff_sched_rq_pop(struct tuff_scheduler *s, struct tuff_sched_entity *e);
/* NULL: nothing is ready; *full: the first ready one does not fit */
struct tuff_sched_entity *tuff_sched_rq_select(struct tuff_scheduler *s, bool *full);
bool tuff_sched_entity_ready(const struct tuff_sched_entity *e);
struct tuff_sched_job *tuff_sched_entity_pop(struct tuff_sched_entity *e);
void tuff_sched_entity_select(struct tuff_sched_entity *e);
void tuff_sched_free_done(struct tuff_scheduler *s);
uint32_t tuff_sched_job_credits(struct tuff_scheduler *s, struct tuff_sched_job *job);
#endif
