/* SPDX-License-Identifier: MIT */
/*
 * libtuff: run ONNX models. Version 0.1, not yet stable.
 *
 * A session owns one model on one device. A session is used by one thread at a
 * time; different sessions are independent. Functions return 0 or -errno and
 * fill a struct tuff_error (NULL: no text is wanted). A NULL where something is
 * needed gives -EINVAL, or nothing of what is counted.
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

struct tuff_io_info {
	const char *name;	/* lives as long as the session */
	uint32_t dtype, rank;
	int64_t dim[TUFF_DIMS];	/* -1: given by the inputs of a run */
	const char *symbol[TUFF_DIMS];	/* name of such a dimension, else NULL */
};

struct tuff_memory {		/* bytes; of the plan last used */
	uint64_t weights;
	uint64_t arena;		/* planned activations */
	uint64_t live_peak;	/* largest sum of simultaneously live activations */
};

struct tuff_model_info {
	uint32_t opset, steps;
	uint64_t parameters;	/* elements of weights in use */
	int64_t macs;		/* multiply-adds of the last plan, -1 before a run */
};

struct tuff_session;

/*
 * device: "auto" (or NULL: a real GPU if there is one, else the CPU), "cpu",
 * "vulkan" or "vulkan:N"; one that is not there is refused with -ENODEV.
 *
 * A session keeps the model's files open and reads weights when it packs them,
 * some of them in the first run. Files may be replaced by rename or deleted. One
 * that is cut short gives -EIO where its weights are missing; an .onnx file must
 * keep its size until tuff_session_create() returns.
 */
int tuff_session_create(const char *model_path, const char *device,
			struct tuff_session **out, struct tuff_error *err);
void tuff_session_destroy(struct tuff_session *s);	/* NULL is fine */

uint32_t tuff_session_inputs(const struct tuff_session *s);
uint32_t tuff_session_outputs(const struct tuff_session *s);
int tuff_session_input(const struct tuff_session *s, uint32_t i, struct tuff_io_info *info);
int tuff_session_output(const struct tuff_session *s, uint32_t i, struct tuff_io_info *info);
void tuff_session_memory(const struct tuff_session *s, struct tuff_memory *m);
void tuff_session_info(const struct tuff_session *s, struct tuff_model_info *info);

/*
 * Runs. inputs[] and outputs[] stand in the model's order. The session fills
 * outputs[]; their data is the session's and stays until its next run.
 */
int tuff_run(struct tuff_session *s, const struct tuff_tensor *inputs, uint32_t ninputs,
	     struct tuff_tensor *outputs, uint32_t noutputs, struct tuff_error *err);

/* A step of the program, in the order of execution. */
struct tuff_step_info {
	const char *node, *op;	/* of the model; live as long as the session */
	const char *kernel;	/* "" on the CPU */
	const char *reason;	/* why it is not on the device, or "" */
	int on_device;
	int64_t macs;		/* multiply-adds of the last shapes, -1 if none are counted */
};
uint32_t tuff_session_steps(const struct tuff_session *s);
int tuff_session_step(const struct tuff_session *s, uint32_t i, struct tuff_step_info *info);
uint32_t tuff_session_kernels(const struct tuff_session *s);	/* distinct pipelines */
const char *tuff_session_device(const struct tuff_session *s);	/* "cpu" or the device's name */

/*
 * tuff_run(), with the time of each step in ns[tuff_session_steps()]: by the
 * device's timestamps on a device (its dispatches then run one by one), by the
 * clock on the CPU.
 */
int tuff_run_profiled(struct tuff_session *s, const struct tuff_tensor *inputs, uint32_t ninputs,
		      struct tuff_tensor *outputs, uint32_t noutputs, uint64_t *ns, struct tuff_error *err);

/*
 * Compiles model (.onnx) into a program file that sessions open without the
 * compiler. target: "cpu" (or NULL), "software-wide", "software-small", "gpu".
 * out: NULL compiles only. dump_after: pass name or "all": prints the graph on
 * stderr; or NULL.
 */
int tuff_compile(const char *model, const char *target, const char *out, const char *dump_after,
		 struct tuff_error *err);

const char *tuff_type_name(uint32_t dtype);	/* "float32" */
size_t tuff_type_size(uint32_t dtype);		/* bytes, 0 if not a number */

#ifdef __cplusplus
}
#endif
#endif
