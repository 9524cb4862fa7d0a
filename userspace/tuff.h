/* SPDX-License-Identifier: MIT */
/*
 * libtuff: run ONNX models. Version 0.1, not yet stable.
 *
 * A session owns one model on one device.
 *
 * Results: functions that return int return 0 (or a number that is asked for)
 * or -errno, and fill a struct tuff_error where they take one (NULL is fine).
 * A NULL where something is needed gives -EINVAL, or nothing of what is counted.
 *
 * Threads: a session, its bindings and its memory are used by one thread at a
 * time; different sessions are independent. Fences may be waited for, polled
 * and cancelled by any thread. Where a run is in flight, a function that is not
 * said to differ waits for it.
 *
 * fork(): a child may not use what the parent made. Its runs give -ECHILD and
 * destroying does nothing there; after exec() all is well.
 *
 * Growth: structs that callers fill start with their size (sizeof); what lies
 * beyond a caller's size is taken as zero, and zero means the default. Structs
 * that are filled for the caller end with reserved fields that are zero now.
 *
 * Times are ns of CLOCK_MONOTONIC, sizes are bytes.
 */
#ifndef TUFF_H
#define TUFF_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TUFF_DIMS 8

/* What went wrong and where; empty strings where a field does not apply. */
struct tuff_error {
	int code;		/* -errno */
	char text[640];		/* one complete line */
	char file[256], node[128], op[64], tensor[128], shape[128];
};

/* A dense row-major tensor. dtype: onnx.TensorProto.DataType (float32 is 1). */
struct tuff_tensor {
	uint32_t dtype, rank;
	int64_t dim[TUFF_DIMS];
	void *data;
	size_t size;		/* bytes at data */
};

struct tuff_session;

/* ---- making a session ------------------------------------------------- */

/* A size that the model leaves open, given when it is compiled. */
struct tuff_shape {
	const char *input;
	uint32_t rank;
	int64_t dim[TUFF_DIMS];	/* -1: as the model says */
};

enum tuff_session_priority {	/* of its jobs among all clients of the device */
	TUFF_SESSION_NORMAL, TUFF_SESSION_HIGH, TUFF_SESSION_LOW,
};

struct tuff_session_options {
	uint32_t size;		/* sizeof(struct tuff_session_options) */
	uint32_t threads;	/* for operators on the CPU; 0: TUFF_THREADS, else one a processor */
	/* "auto" (or NULL: a real GPU if there is one, else the CPU), "cpu",
	 * "vulkan" (a real GPU first) or "vulkan:N" of tuff_devices() */
	const char *device;
	/* folder for kernels that were generated; NULL: $XDG_CACHE_HOME/tuff or
	 * ~/.cache/tuff; "": none. Pipelines of a device are the process's and
	 * are cached in the default folder whatever stands here. */
	const char *cache_dir;
	const struct tuff_shape *shapes;	/* .onnx only */
	uint32_t nshapes;
	uint32_t noverridable;
	/* names of initializers that tuff_session_override() will replace:
	 * naming them here saves the second compilation */
	const char *const *overridable;
	uint32_t priority;	/* enum tuff_session_priority; -EACCES where it is not allowed */
	uint32_t reserved;	/* 0 */
};

/* opt: NULL is all defaults. Strings and arrays are copied. */
int tuff_session_create_with(const char *model_path, const struct tuff_session_options *opt,
			     struct tuff_session **out, struct tuff_error *err);
/* device as in the options; one that is not there is refused with -ENODEV */
/*
 * A session keeps the model's files open and reads weights when it packs them,
 * some of them in the first run. Files may be replaced by rename or deleted. One
 * that is cut short gives -EIO where its weights are missing; an .onnx file must
 * keep its size until the session is there.
 */
int tuff_session_create(const char *model_path, const char *device,
			struct tuff_session **out, struct tuff_error *err);
/*
 * NULL is fine. Runs in flight are cancelled and waited for. The session's
 * bindings, fences and memory go with it.
 */
void tuff_session_destroy(struct tuff_session *s);

/* ---- what there is ------------------------------------------------------ */

#define TUFF_DEVICE_USABLE	(1u << 0)	/* else `reason` says why not */
#define TUFF_DEVICE_SOFTWARE	(1u << 1)	/* runs on the CPU */
#define TUFF_DEVICE_AUTO	(1u << 2)	/* what "auto" takes */
#define TUFF_DEVICE_UNIFIED	(1u << 3)	/* its memory is the system's */

struct tuff_device_info {
	char id[16];		/* "cpu", "vulkan:0": what a session takes */
	char name[256], driver[128];
	char device_class[24];	/* target of tuff_compile() that fits it */
	char reason[256];	/* why it is not usable, or why "auto" takes or passes it */
	char drm_node[64], pci[16];	/* "/dev/dri/renderD128", "0000:03:00.0", or "" */
	uint32_t flags;		/* TUFF_DEVICE_* */
	uint32_t vendor_id, device_id, api_version;	/* of Vulkan; 0 for the CPU */
	uint64_t memory, memory_budget;	/* of its own memory, or of the system's it uses */
	uint32_t threads;	/* the CPU: processors of this process */
	uint32_t reserved[15];
};
/*
 * Fills at most `room` entries, the CPU first; returns how many there are. Asks
 * the drivers each time (tens of ms). Any thread.
 */
int tuff_devices(struct tuff_device_info *list, uint32_t room);

struct tuff_io_info {
	const char *name;	/* lives until the next override */
	uint32_t dtype, rank;
	int64_t dim[TUFF_DIMS];	/* -1: given by the inputs of a run */
	const char *symbol[TUFF_DIMS];	/* name of such a dimension, else NULL */
};
/* In the model's order. Initializers are not inputs, even where the model lists them. */
uint32_t tuff_session_inputs(const struct tuff_session *s);
uint32_t tuff_session_outputs(const struct tuff_session *s);
int tuff_session_input(const struct tuff_session *s, uint32_t i, struct tuff_io_info *info);
int tuff_session_output(const struct tuff_session *s, uint32_t i, struct tuff_io_info *info);
/* index of that name, or -ENOENT */
int tuff_session_find_input(const struct tuff_session *s, const char *name);
int tuff_session_find_output(const struct tuff_session *s, const char *name);
/*
 * What tuff_session_override() takes: every initializer of an .onnx model; of a
 * program file those it was compiled for. Names live until the next override.
 */
uint32_t tuff_session_initializers(const struct tuff_session *s);
int tuff_session_initializer(const struct tuff_session *s, uint32_t i, struct tuff_io_info *info);

struct tuff_memory {
	uint64_t weights;	/* on the CPU, what operators pack for themselves counts from the first run */
	uint64_t arena;		/* planned activations of the shapes last used */
	uint64_t live_peak;	/* largest sum of simultaneously live activations, of these */
	uint64_t device;	/* all that the session has in buffers of the device now */
	uint64_t device_peak;	/* the most it had */
	uint64_t bound;		/* what tuff_session_alloc() gave */
	uint32_t plans;		/* sets of shapes that are kept ready, 8 at most */
	uint32_t reserved[7];
};
void tuff_session_memory(const struct tuff_session *s, struct tuff_memory *m);

struct tuff_model_info {
	uint32_t opset, steps;
	uint64_t parameters;	/* elements of weights in use */
	int64_t macs;		/* multiply-adds of the last plan, -1 before a run */
};
void tuff_session_info(const struct tuff_session *s, struct tuff_model_info *info);

/* A step of the program, in the order of execution: what runs where, and why. */
struct tuff_step_info {
	const char *node, *op;	/* of the model; live until the next override */
	const char *kernel;	/* "" on the CPU */
	const char *reason;	/* why it is not on the device, or "" */
	int on_device;
	int64_t macs;		/* multiply-adds of the last shapes, -1 if none are counted */
};
uint32_t tuff_session_steps(const struct tuff_session *s);
int tuff_session_step(const struct tuff_session *s, uint32_t i, struct tuff_step_info *info);
/* A node of the model, in its order: what became of it. A program file keeps them. */
struct tuff_node_info {
	const char *node, *op;	/* as the model writes them; live until the next override */
	int32_t step;		/* that computes it, alone or with others; -1: none */
	const char *why;	/* why there is no step, or "" */
};
uint32_t tuff_session_nodes(const struct tuff_session *s);
int tuff_session_node(const struct tuff_session *s, uint32_t i, struct tuff_node_info *info);

uint32_t tuff_session_kernels(const struct tuff_session *s);	/* distinct pipelines */
const char *tuff_session_device(const struct tuff_session *s);	/* "cpu" or the device's name */
const char *tuff_session_why(const struct tuff_session *s);	/* why that device: one line */
uint32_t tuff_session_threads(const struct tuff_session *s);	/* for operators on the CPU */

/* ---- running -------------------------------------------------------------- */

/*
 * Runs. inputs[] and outputs[] stand in the model's order. The session fills
 * outputs[]; their data is the session's and stays until its next run.
 */
int tuff_run(struct tuff_session *s, const struct tuff_tensor *inputs, uint32_t ninputs,
	     struct tuff_tensor *outputs, uint32_t noutputs, struct tuff_error *err);

/*
 * tuff_run(), with the time of each step in ns[tuff_session_steps()]: by the
 * device's timestamps on a device (its dispatches then run one by one), by the
 * clock on the CPU.
 */
int tuff_run_profiled(struct tuff_session *s, const struct tuff_tensor *inputs, uint32_t ninputs,
		      struct tuff_tensor *outputs, uint32_t noutputs, uint64_t *ns, struct tuff_error *err);

/*
 * Replaces an initializer by a tensor of its type and shape, which is copied;
 * t NULL: the model's value again. Holds for all runs that are started later.
 *
 * The first time for a name that the options did not list, an .onnx model is
 * compiled and its weights are loaded once more (peak memory: both), since
 * what was folded into or packed with the initializer is no longer constant;
 * from then on the value is an input, and runs are slower by what is not folded.
 * A failure leaves the session as it was. Later calls copy the tensor only.
 *
 * -ENOENT: no such initializer, or not one that a program file was compiled
 * for; -EINVAL: another type or shape; -EOPNOTSUPP: the model does not
 * compile with this initializer open (a shape depends on its content);
 * -ESTALE: the model's file is not what it was.
 */
int tuff_session_override(struct tuff_session *s, const char *name, const struct tuff_tensor *t,
			  struct tuff_error *err);

/* ---- bindings: inputs and outputs where the caller wants them -------------- */

/*
 * Memory that device and caller both reach: tensors in it that start at a
 * multiple of 256 are used in place. From such a start up to the multiple of 16
 * after its end a tensor's memory may be overwritten. On the CPU any memory is
 * used in place; there this is aligned to 64. NULL: out of memory.
 */
void *tuff_session_alloc(struct tuff_session *s, size_t size);
/* What is bound in it is bound no more. NULL is fine. */
void tuff_session_free(struct tuff_session *s, void *data);

struct tuff_binding;
/* A set of inputs and outputs. One run of it at a time; several bindings queue. */
int tuff_binding_create(struct tuff_session *s, struct tuff_binding **out, struct tuff_error *err);
void tuff_binding_destroy(struct tuff_binding *b);	/* cancels its run and waits; NULL is fine */
/*
 * The tensor's data stays the caller's, who may change what is in it between
 * runs. Checked here against the model, and again by a run where sizes that are
 * open must fit together. -EBUSY while a run of this binding is in flight.
 */
int tuff_bind_input(struct tuff_binding *b, uint32_t i, const struct tuff_tensor *t, struct tuff_error *err);
/*
 * room: bytes at data; a run that needs more gives -ENOSPC. data NULL: into the
 * session's memory, as tuff_run() does. Written directly, without a copy, where
 * the program's last operator can: on the CPU in any memory, on a device in
 * memory of tuff_session_alloc(); and not where it overlaps an input.
 */
int tuff_bind_output(struct tuff_binding *b, uint32_t i, void *data, size_t room, struct tuff_error *err);
/*
 * A run with bindings that were seen before allocates nothing, makes no
 * pipeline and records no command buffer.
 */
int tuff_run_bound(struct tuff_binding *b, struct tuff_error *err);
/* What the last run made: shape, data, size. -EBUSY: in flight; -ENODATA: no run succeeded. */
int tuff_bound_output(const struct tuff_binding *b, uint32_t i, struct tuff_tensor *out);

/* ---- asynchronous runs ------------------------------------------------------- */

struct tuff_fence;
/*
 * Starts a run and returns. Runs of a session execute in the order in which
 * they were started. The fence belongs to the binding and tells of its latest
 * run. Until it is signaled, what is bound is not to be touched. Where all of
 * a model runs on the device, and nothing is to be copied, the run is queued
 * there from this thread; else a thread of the session does it. What goes wrong
 * with the run, its fence tells; here: -EBUSY, a run of this binding is in
 * flight; -ENOMEM or -EAGAIN, no thread.
 *
 * An output that is not bound lies in the session's memory, which the next run
 * of any binding overwrites.
 */
int tuff_run_async(struct tuff_binding *b, struct tuff_fence **fence, struct tuff_error *err);
/*
 * Until the run has ended: its result, and err tells of it. -ETIME: not by
 * deadline_ns (0 or the past polls, INT64_MAX waits for ever). -ENODATA: the
 * binding was never run. -ECANCELED: the run was cancelled.
 */
int tuff_fence_wait(struct tuff_fence *f, int64_t deadline_ns, struct tuff_error *err);
/*
 * An eventfd, for poll() and epoll: readable when the run has ended, and until the
 * binding's next run. The fence's: do not read or close it; dup() it to keep it.
 * Or -errno.
 */
int tuff_fence_fd(struct tuff_fence *f);
/*
 * A run that has not begun ends with -ECANCELED at once, one that has at the
 * next operator on the CPU or the next submission; what is on the device ends as it would.
 */
void tuff_fence_cancel(struct tuff_fence *f);

/* ---- compiling to a file ----------------------------------------------------- */

struct tuff_compile_options {
	uint32_t size;		/* sizeof(struct tuff_compile_options) */
	uint32_t nshapes;
	const char *target;	/* "cpu" (or NULL), "software-wide", "software-small", "gpu" */
	const struct tuff_shape *shapes;
	const char *const *overridable;	/* initializers that sessions may override */
	uint32_t noverridable;
	uint32_t reserved;	/* 0 */
	const char *cache_dir;	/* as for a session */
	const char *dump_after;	/* pass name or "all": prints the graph on stderr; or NULL */
};
/*
 * Compiles model (.onnx) into a program file that sessions open without the
 * compiler. out: NULL compiles only.
 */
int tuff_compile_with(const char *model, const struct tuff_compile_options *opt, const char *out,
		      struct tuff_error *err);
int tuff_compile(const char *model, const char *target, const char *out, const char *dump_after,
		 struct tuff_error *err);

const char *tuff_type_name(uint32_t dtype);	/* "float32" */
size_t tuff_type_size(uint32_t dtype);		/* bytes, 0 if not a number */

#ifdef __cplusplus
}
#endif
#endif
