/* SPDX-License-Identifier: MIT */
/*
 * Inside a session. session.c makes and ends one, open.c gets its program,
 * weights.c its constants, plan.c instantiates the program for a set of
 * shapes, run.c runs a plan, bind.c says where inputs and outputs lie, async.c
 * runs behind a fence, override.c exchanges initializers, inspect.c tells.
 */
#ifndef TUFF_SESSION_H
#define TUFF_SESSION_H

#include <pthread.h>
#include <sys/types.h>

#include "compiler/tuffc.h"
#include "program/program.h"
#include "userspace/cpu/cpu.h"
#include "userspace/device.h"
#include "userspace/tuff.h"

#define EXPORT __attribute__((visibility("default")))
#define SESSION_PLANS 8		/* shapes remembered */

/* A step with everything resolved for one set of sizes. */
struct plan_step {
	struct cpu_args args;
	struct cpu_tensor *in, *out;
	void *state;		/* of cpu_op.prepare */
	bool nothing;		/* its results have no elements */
};

/* The program for one set of input shapes. */
struct plan {
	uint64_t used;		/* for the LRU */
	int64_t *syms;		/* key */
	int64_t *vals;		/* expressions, evaluated */
	void **data;		/* by buffer; of inputs and outputs, set at each run */
	void **home;		/* by buffer: the plan's own memory for it, or NULL */
	void *arena;
	struct tuff_memplan mem;
	struct plan_step *steps;
	struct cpu_tensor *tensors;	/* pool behind steps[].in and .out */
	struct plan_move {	/* tensors whose data is not the same in every run */
		struct cpu_tensor *t;
		uint32_t buf;
	} *moves;
	uint32_t nmoves;
	void **in_convert, **out_convert;	/* by io index: widened copies, or NULL */
	bool *out_direct;	/* by output: its buffer may lie where the caller wants */
	int64_t macs;
	struct device_plan *dev;	/* NULL on the CPU */
};

/* Memory that tuff_session_alloc() gave. */
struct session_mem {
	struct session_mem *next;
	uint8_t *data;
	size_t size;
	struct device_bo bo;	/* on a device */
};

/* An initializer that is an input of the program. */
struct session_optional {
	void *data;		/* its value, as the program stores it */
	size_t size;
	struct device_bo bo;	/* where data lies, on a device */
	bool given;		/* by tuff_session_override() */
};

struct tuff_fence {
	enum { FENCE_NONE, FENCE_QUEUED, FENCE_RUNNING, FENCE_DEVICE, FENCE_DONE } state;
	int fd;			/* eventfd, -1 until asked for */
	uint64_t point;		/* FENCE_DEVICE: of the device's timeline */
	uint64_t run;		/* FENCE_DEVICE: its number in traces, which end it when somebody looks */
	bool cancel;		/* atomic */
	struct tuff_error err;	/* FENCE_DONE: how it ended */
};

struct tuff_binding {
	struct tuff_session *s;
	struct tuff_binding *next;	/* of the session's */
	struct tuff_binding *queue;	/* behind this one in the worker's queue */
	struct tuff_tensor *in;		/* data NULL and no size: not bound */
	bool *bound;			/* by input */
	struct bind_out {
		void *data;	/* NULL: the session's memory */
		size_t room;
	} *to;
	struct tuff_tensor *out;	/* what the last run made */
	bool ran;
	struct tuff_fence fence;
};

struct tuff_session {
	/* of the session */
	char path[4096];
	char why[256];		/* why this device */
	char *cache_dir;	/* NULL: the default; "": none */
	struct tuff_shape *shapes;
	uint32_t nshapes, noverridable;
	char **overridable;	/* names that are inputs of the program */
	uint32_t priority;
	pid_t pid;		/* that made it */
	struct cpu_pool *pool;
	unsigned int threads;
	struct device *dev;	/* NULL: all on the CPU */
	uint64_t clock;		/* counts uses of plans, and runs in traces */
	uint64_t *profile;	/* ns by step, during tuff_run_profiled() */
	struct session_mem *mems;
	struct tuff_binding *bindings;
	struct tuff_binding *plain;	/* that of tuff_run() */
	const bool *cancel;	/* of the run under way, or NULL */
	struct async {		/* async.c */
		pthread_mutex_t lock;
		pthread_cond_t work, done;
		pthread_t thread;
		bool started, stop;
		struct tuff_binding *head, *tail, *running;
	} async;

	/* of the program: session_swap() exchanges all from here */
	struct tuff_program *p;
	uint32_t nreq;		/* inputs that are no initializers: the first ones */
	struct session_optional *optional;	/* of inputs nreq.. */
	struct tuff_weight_src src;
	void **weights;		/* by weight index, NULL where unused */
	uint64_t *weight_size;	/* bytes of each */
	uint64_t weight_bytes;
	struct packed *packed;	/* weights as operators packed them */
	void *plain_weight;	/* of the weight being packed: mmap */
	size_t plain_size;
	int64_t *syms;		/* of the run under way */
	struct plan *plans[SESSION_PLANS];
	struct plan *last;
	struct device_program *on_dev;
	struct interp *interp;	/* of a script, else NULL */
	struct tuff_session *parent;	/* of a program inside a script: its path, pool, device and files */
	uint64_t value_bytes;	/* held by the interpreter; of the outermost session */
	bool from_file;		/* a program file: it cannot be compiled again */
};

/* error.c: all fill err (NULL is fine) and return code */
int session_null(struct tuff_error *err);
int session_error(struct tuff_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* adds node and operator of a step */
void session_error_step(struct tuff_error *err, const struct tuff_program *p, const struct tuff_step *st);
/* adds a tensor and its shape (dims < 0 are open) */
void session_error_tensor(struct tuff_error *err, const char *name, const int64_t *dim, uint32_t rank);
/* at the end of a call: names the session's file, if the call failed */
int session_result(const struct tuff_session *s, struct tuff_error *err, int ret);

/* session.c: a caller's growing struct of options, `known` bytes of which we know */
int session_options(const void *given, uint32_t size, void *to, size_t known, struct tuff_error *err);
/* program, weights, kernels of a session whose device and options are set */
int session_load(struct tuff_session *s, struct tuff_error *err);
void session_unload(struct tuff_session *s);
void session_swap(struct tuff_session *a, struct tuff_session *b);
/* before what changes a session: no run is in flight; -ECHILD in a child of fork() */
int session_enter(const struct tuff_session *s, struct tuff_error *err);

/* a session for a program inside s's script; ends before s does */
int session_inside(struct tuff_session *s, struct tuff_program *p, struct tuff_session **out, struct tuff_error *err);
void session_inside_end(struct tuff_session *s);

/* open.c: s->p from s->path, for s->dev */
int session_open_program(struct tuff_session *s, struct tuff_error *err);
/* weights.c: reads what the steps use, tensor by tensor */
int session_load_weights(struct tuff_session *s, struct tuff_error *err);
void session_free_weights(struct tuff_session *s);
uint64_t session_weight_elements(const struct tuff_weight *w);
/* override.c: memory and defaults of optional inputs */
int session_load_optional(struct tuff_session *s, struct tuff_error *err);
void session_free_optional(struct tuff_session *s);
/* eval.c: the evaluator for the compiler's constants (struct tuffc_eval) */
int tuff_eval(void *priv, uint32_t op, const struct tuff_program *p, const struct tuff_step *s,
	      const struct tuffc_tensor *in, uint32_t nin, struct tuffc_tensor *out, uint32_t nout);

/* plan.c */
int plan_get(struct tuff_session *s, const int64_t *syms, struct plan **out, struct tuff_error *err);
void plan_destroy(const struct tuff_session *s, struct plan *p);

/* run.c */
uint64_t session_now(void);
/* type, rank and size of input i, and its dimensions where the model fixes them */
int session_check_input(const struct tuff_session *s, uint32_t i, const struct tuff_tensor *t, struct tuff_error *err);
/* symbols from b's inputs; those that a script measures stay -1 */
int session_symbols(const struct tuff_session *s, const struct tuff_binding *b, int64_t *syms, struct tuff_error *err);
/* a run of pl, which fits b's inputs */
int session_run_plan(struct tuff_session *s, struct plan *pl, struct tuff_binding *b, struct tuff_error *err);
uint32_t session_script_steps(const struct tuff_session *s, uint32_t end);	/* inspect.c: that users see, before step `end` */
bool session_cancelled(const struct tuff_session *s);
/* the plan for b's inputs */
int session_plan(struct tuff_session *s, struct tuff_binding *b, struct plan **out, struct tuff_error *err);
/* inputs and outputs to where the plan looks: copies what cannot stay where it is */
int session_place(struct tuff_session *s, struct plan *pl, struct tuff_binding *b, struct tuff_error *err);
/* output i was made: b->out[i], in the session's memory or copied to where it is wanted */
int session_deliver(const struct tuff_session *s, struct tuff_binding *b, uint32_t i, const struct tuff_tensor *made, struct tuff_error *err);
/* all outputs of a plan that ran */
int session_collect(struct tuff_session *s, struct plan *pl, struct tuff_binding *b, struct tuff_error *err);
/* runs b on this thread; nothing else of the session runs */
int session_run(struct tuff_session *s, struct tuff_binding *b, struct tuff_error *err);

/* bind.c */
int binding_new(struct tuff_session *s, struct tuff_binding **out);
void binding_free(struct tuff_binding *b);
/* the buffer object that a device can use for size bytes at data, or NULL */
const struct device_bo *session_mem_bo(const struct tuff_session *s, const void *data, size_t size, uint64_t *offset);
void session_free_mems(struct tuff_session *s);
/* does output i, of size bytes, go where the caller wants, without a copy? */
bool binding_direct(const struct tuff_session *s, const struct plan *pl, const struct tuff_binding *b, uint32_t i, size_t size);

/* async.c */
int async_init(struct tuff_session *s);
void async_end(struct tuff_session *s);
/* until no run is in flight */
void session_idle(const struct tuff_session *s);
/* is a run of b in flight? */
bool binding_busy(struct tuff_binding *b);

/* convert.c: halves to float32 and back */
void session_widen(const void *from, uint32_t dtype, size_t n, float *to);
void session_narrow(const float *from, size_t n, uint32_t dtype, void *to);

#endif
