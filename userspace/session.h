/* SPDX-License-Identifier: MIT */
/* Inside a session: program, weights, plans. */
#ifndef TUFF_SESSION_H
#define TUFF_SESSION_H

#include "compiler/tuffc.h"
#include "program/program.h"
#include "userspace/cpu/cpu.h"
#include "userspace/device.h"
#include "userspace/tuff.h"

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
	void **data;		/* by buffer; INPUT entries are set at each run */
	void *arena;
	struct tuff_memplan mem;
	struct plan_step *steps;
	struct cpu_tensor *tensors;	/* pool behind steps[].in and .out */
	void **in_convert, **out_convert;	/* by io index: widened copies, or NULL */
	int64_t macs;
	struct device_plan *dev;	/* NULL on the CPU */
};

struct tuff_session {
	struct tuff_program *p;
	struct tuff_weight_src src;
	void **weights;		/* by weight index, NULL where unused */
	uint64_t *weight_size;	/* bytes of each */
	uint64_t weight_bytes;
	struct packed *packed;	/* weights as operators packed them */
	void *plain;		/* of the weight being packed: mmap */
	size_t plain_size;
	struct cpu_pool *pool;
	unsigned int threads;
	int64_t *syms;		/* of the run under way */
	struct plan *plans[SESSION_PLANS];
	struct plan *last;
	uint64_t clock;
	struct device *dev;	/* NULL: all on the CPU */
	uint64_t *profile;	/* ns by step, during tuff_run_profiled() */
	char path[4096];
};

int session_error(struct tuff_error *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* open.c: s->p from s->path, for s->dev */
int session_open_program(struct tuff_session *s, struct tuff_error *err);
/* weights.c: reads what the steps use, tensor by tensor */
int session_load_weights(struct tuff_session *s, struct tuff_error *err);
void session_free_weights(struct tuff_session *s);
uint64_t session_weight_elements(const struct tuff_weight *w);
/* eval.c: the evaluator for the compiler's constants (struct tuffc_eval) */
int tuff_eval(void *priv, uint32_t op, const struct tuff_program *p, const struct tuff_step *s,
	      const struct tuffc_tensor *in, uint32_t nin, struct tuffc_tensor *out, uint32_t nout);
/* plan.c */
int plan_get(struct tuff_session *s, const int64_t *syms, struct plan **out, struct tuff_error *err);
void plan_destroy(const struct tuff_session *s, struct plan *p);

#endif
