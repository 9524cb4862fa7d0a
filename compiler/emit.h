/* SPDX-License-Identifier: MIT */
/* Shared by emit.c (the program's tables) and lower.c (dispatches). */
#ifndef TUFF_EMIT_H
#define TUFF_EMIT_H

#include "compiler/launch.h"

/* A growing array; out of memory is remembered, not returned. */
struct vec {
	void *p;
	size_t n, cap, es;
};

struct launch {
	struct ir_module *m;
	bool oom;
	struct vec strings, tensors, bufs, steps, args, attrs, attr_data, syms, weights, in, out, files;
	struct vec kernels, spirv;
	uint32_t *tensor;	/* by value id */
	uint32_t *last_use;	/* node index of the last use, by value id */
	uint32_t *step;		/* by value id: the one that computes it, TUFF_NONE */
	uint32_t index;		/* of the node being emitted */
	uint32_t nsubs;		/* programs inside, so far */
	struct ir_node *node;	/* being lowered */
	struct launch_pack {	/* packed constants: one for each recipe */
		struct launch_pack *next;
		uint32_t weight, pack, bias, storage, tensor;
		int32_t param[8];
	} *packs;
};

void *emit_push(struct launch *e, struct vec *v, const void *item, size_t count);
uint32_t emit_str(struct launch *e, const char *s);
struct tuff_buf *emit_buf_of(struct launch *e, uint32_t tensor);
/* the tensor of a value; share: buffer to live in, or TUFF_NONE for its own */
uint32_t emit_tensor(struct launch *e, struct ir_value *v, uint32_t share);
/* buffer that output 0 of n may overwrite, or TUFF_NONE; list = tensors of its inputs */
uint32_t emit_in_place(struct launch *e, const struct ir_node *n, const uint32_t *list);
uint32_t emit_macs(struct ir_module *m, const struct ir_node *n);
/* nodes.c: what became of every node, when all steps are there */
void nodes_emit(struct launch *e);
/* lower.c: the dispatches of one node */
int lower_node(struct launch *l, struct ir_node *n);

#endif
