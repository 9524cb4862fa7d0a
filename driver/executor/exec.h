/* SPDX-License-Identifier: MIT */
/*
 * The executor half: owns one open device of a back end and does what messages
 * say. It checks everything they say: in the service they come from a client's
 * rings.
 */
#ifndef TUFF_DRIVER_EXECUTOR_EXEC_H
#define TUFF_DRIVER_EXECUTOR_EXEC_H

#include <pthread.h>

#include "driver/executor/backend.h"
#include "driver/executor/msg.h"
#include "driver/idr.h"
#include "driver/list.h"

#define EXEC_FLIGHTS	256	/* submissions in flight */
#define EXEC_RECS	256	/* recordings kept */
#define EXEC_BUCKETS	256
#define EXEC_COMPILERS	2
#define EXEC_SCRATCH	TUFF_MAX_SLOTS	/* slot of clamped indirect counts */
#define EXEC_SCRATCH_STEP 256

struct exec_mem {
	struct tuff_be_mem *be;
	uint64_t size_B;
	bool staged;
};

struct exec_kernel {
	uint32_t ref;
	uint32_t storage_mask, write_mask;
	bool uniform, ready;
	int error;
	struct tuff_be_kernel *be;
	struct list node;		/* waiting for a compiler */
	uint64_t cookie;		/* 0 = nobody asked: the driver's own */
	struct tuff_msg_kernel_create *msg;	/* until it is made */
};

struct exec_cmdbuf {
	uint32_t id;
	uint64_t cookie;		/* its answer is held until x->clamp is made */
	uint32_t nslots, ncmds, ntimestamps, nindirect;
	struct tuff_cmdbuf_slot slots[TUFF_MAX_SLOTS];
	struct tuff_be_cmd *cmds;
	struct exec_kernel **kernels;	/* of cmds, NULL where there is none */
	bool resolved;			/* cmds[].kernel is set */
};

struct exec_rec {
	struct list lru, bucket;
	uint64_t hash;
	struct exec_cmdbuf *cb;
	struct tuff_be_rec *be;
	struct tuff_be_mem *scratch;
	bool busy;
	uint32_t nslots;
	struct exec_rec_key {
		uint32_t mem, pad;
		uint64_t offset, range;
	} key[];
};

struct exec_flight {
	uint64_t seqno, cookie;
	uint32_t nrecs, nstaged;
	struct exec_rec *recs[TUFF_MAX_CMDBUFS];
	struct tuff_msg_slot *staged;	/* TUFF_MAX_SLOTS, made when first needed */
};

struct tuff_exec {
	const struct tuff_be_ops *be;
	struct tuff_be_device *dev;
	const struct tuff_be_info *info;
	void (*reply)(void *arg, const struct tuff_reply *r, const void *payload);
	void *arg;

	pthread_mutex_t lock;		/* what follows */
	struct idr mems, kernels, cmdbufs;
	struct list lru;		/* newest first */
	struct list buckets[EXEC_BUCKETS];
	uint32_t nrecs;
	uint64_t rec_hits;
	struct exec_flight flights[EXEC_FLIGHTS];
	uint64_t head, tail;		/* in flight: [head, tail) */
	uint64_t seqno;
	int dead;			/* 0 or the error of every RUN */
	bool poisoned;
	struct exec_kernel *clamp;	/* of DISPATCH_INDIRECT, from the first on */
	uint64_t *stamps;		/* room to read them */
	uint32_t cap_stamps;

	struct list compile;		/* kernels to be made */
	pthread_cond_t compile_cond;
	pthread_t compiler[EXEC_COMPILERS];
	uint32_t ncompilers;
	bool stop;
	int64_t compile_timeout;	/* ns */
};

/**
 * tuff_exec_create - opens device `index` of a back end
 * @reply: called with answers and their r->size bytes, from any thread, with the
 * executor's lock held
 */
int tuff_exec_create(const struct tuff_be_ops *be, uint32_t index,
		     void (*reply)(void *arg, const struct tuff_reply *r, const void *payload),
		     void *arg, struct tuff_exec **out);
void tuff_exec_destroy(struct tuff_exec *x);
/* The message is the caller's again when it returns. */
void tuff_exec_handle(struct tuff_exec *x, const struct tuff_msg *msg);
/*
 * Blocks until the oldest submission ended or timeout_ns (relative) went by;
 * answers what ended. 0, -ETIME, -EIO (lost), -ENOENT (nothing in flight).
 */
int tuff_exec_wait(struct tuff_exec *x, int64_t timeout_ns);
/* Only where both halves share a process: the address of memory. */
void *tuff_exec_map(struct tuff_exec *x, uint32_t mem);

/* --- between the files of the executor --- */
void exec_answer(struct tuff_exec *x, uint32_t type, uint64_t cookie, int error,
		 uint64_t value, const char *text);
/* cmd.c: `env` has the slots; fills cmds, kernels, counts. -EINVAL with a text. */
int exec_cmd_validate(struct tuff_exec *x, const uint32_t *stream, uint32_t size_B,
		      struct exec_cmdbuf *cb, char *err, size_t errlen);
/* kernel.c */
int exec_kernel_create(struct tuff_exec *x, const struct tuff_msg_kernel_create *m);
struct exec_kernel *exec_kernel_get(struct exec_kernel *k);
void exec_kernel_put(struct tuff_exec *x, struct exec_kernel *k);
void exec_compilers_stop(struct tuff_exec *x);
int exec_clamp(struct tuff_exec *x);	/* starts x->clamp, once */
/* exec.c: x->clamp is made, or is not: the answers that waited for it */
void exec_clamp_made(struct tuff_exec *x, int error, const char *text);
/* rec.c: a recording of cb with these slots (by slot number), marked busy */
int exec_rec_get(struct tuff_exec *x, struct exec_cmdbuf *cb, const struct tuff_msg_slot *slots,
		 const struct tuff_be_slot *be_slots, struct exec_rec **out);
void exec_rec_put(struct tuff_exec *x, struct exec_rec *r);
/* Drops the recordings of a command buffer, or on a memory (id), or all. */
void exec_rec_purge(struct tuff_exec *x, const struct exec_cmdbuf *cb, uint32_t mem);
void exec_cmdbuf_free(struct tuff_exec *x, struct exec_cmdbuf *cb);
#endif
