/* SPDX-License-Identifier: MIT */
/* Public header of the compiler library: model.onnx in, program out. */
#ifndef TUFFC_H
#define TUFFC_H

#include "program/program.h"

/* What went wrong, and where. Empty strings where a field does not apply. */
struct tuffc_error {
	char text[512];		/* one line, complete: what, where, what is accepted */
	char file[256], node[128], op[64], tensor[128], shape[128];
};

/* What the compiler knows of the device it compiles for. */
struct tuffc_device {
	uint32_t target;		/* enum tuff_target */
	uint32_t subgroup_size;
	uint32_t max_invocations;	/* 128 at the floor */
	uint32_t max_groups[3];		/* 65535 at the floor */
	uint32_t max_storage_range;	/* 128 MiB at the floor */
	uint32_t features;		/* subgroup ops etc.: TUFFC_FEAT_* */
};
#define TUFFC_FEAT_SUBGROUP_BROADCAST 1u

/* A dense, row-major tensor on the host. */
struct tuffc_tensor {
	uint32_t dtype, rank;
	int64_t dim[TUFF_MAX_RANK];
	void *data;		/* NULL when there are no elements */
	size_t size;
};
/*
 * The evaluator that constant folding calls (libtuff hands its reference
 * operators in): op = enum tuff_op. Outputs arrive with dtype, rank, dims and
 * allocated data. Returns 0, or -EOPNOTSUPP to leave the node alone.
 */
struct tuffc_eval {
	int (*run)(void *priv, uint32_t op, const struct tuff_program *attr_owner,
		   const struct tuff_step *step, const struct tuffc_tensor *in,
		   uint32_t nin, struct tuffc_tensor *out, uint32_t nout);
	void *priv;
};

struct tuffc_shape {		/* concrete shape for an input (B fallback, --shape) */
	const char *input;
	uint32_t rank;
	int64_t dim[TUFF_MAX_RANK];	/* -1 = leave as the model says */
};

struct tuffc_options {
	struct tuffc_device device;
	struct tuffc_eval eval;		/* run == NULL: nothing is folded */
	const struct tuffc_shape *shapes;
	uint32_t nshapes;
	const char *const *optional;	/* initializers that stay inputs of the program, with their value as default */
	uint32_t noptional;
	const char *dump_after;		/* pass name, "all" or NULL */
	void *dump_file;		/* FILE *, default stderr */
	const char *cache_dir;		/* for generated SPIR-V; NULL = none */
};

/* Compiles. On error *out is NULL and err is filled. -EOPNOTSUPP: an operator
 * or type is not supported; -EINVAL: the model is broken. */
int tuffc_compile(const char *onnx_path, const struct tuffc_options *opt,
		  struct tuff_program **out, struct tuffc_error *err);
/* The bytes of a model in memory (tests, fuzzing); external data relative to dir. */
int tuffc_compile_memory(const void *bytes, size_t size, const char *dir,
			 const struct tuffc_options *opt,
			 struct tuff_program **out, struct tuffc_error *err);
/* names of the passes, in order, NULL-terminated */
const char *const *tuffc_passes(void);

#endif
