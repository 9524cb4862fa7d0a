/* SPDX-License-Identifier: MIT */
/* Shape rules of ops.h, one function a rule; shape.c and shape_move.c. */
#ifndef TUFF_SHAPE_H
#define TUFF_SHAPE_H

#include <string.h>

#include "compiler/ir.h"

#define X(id, name, lo, hi, out, rule) int shape_##rule(struct ir_module *m, struct ir_node *n);
TUFF_OPS(X)
#undef X

/* the rule of n (1: n is made of others now, see decompose.h), then the content of its outputs */
int shape_node(struct ir_module *m, struct ir_node *n);
/* dynamic.c: parameters that decide about sizes have known content, measured if need be */
int dynamic_parameters(struct ir_module *m, struct ir_node *n);
/*
 * 1: n's sizes follow from data by no expression (axes, steps, scales, numbers
 * that are not constant): it is a SIZED node now, which the interpreter runs
 */
int dynamic_sized(struct ir_module *m, struct ir_node *n);
/* fold.c: n becomes a constant if it is one and small, which shapes may depend on */
int fold_small(struct ir_module *m, struct ir_node *n);
/*
 * Sizes that must agree, of tensor v: an error where they are known not to, a
 * condition of the program (1 / condition) where only the inputs can tell.
 */
int size_same(struct ir_module *m, struct ir_node *n, const struct ir_value *v, ir_expr a, ir_expr b);
int size_divides(struct ir_module *m, struct ir_node *n, const struct ir_value *v, ir_expr a, ir_expr by);
/* two dimensions that broadcast: what comes out */
int size_bcast(struct ir_module *m, struct ir_node *n, const struct ir_value *v, ir_expr a, ir_expr b, ir_expr *out);
/* v broadcasts to the dimensions of `to` and adds none */
int size_into(struct ir_module *m, struct ir_node *n, const struct ir_value *v, int rank, const ir_expr *to);
/* v, if it is there, has exactly these dimensions */
int size_is(struct ir_module *m, struct ir_node *n, const struct ir_value *v, int rank, const ir_expr *dim);
/* ival.c: content of the node's outputs where its inputs' content is known */
void ival_node(struct ir_module *m, struct ir_node *n);

/* shape_sequence.c */
void ir_set_sequence(struct ir_value *v, uint32_t dtype, int32_t erank);
int32_t ir_rank_join(int32_t a, int32_t b);
/* a condition */
static inline bool ir_is_sequence_op(uint32_t op) { return op >= TUFF_OP_SEQ_EMPTY && op <= TUFF_OP_PASS; }

static inline void set_shape(struct ir_value *v, uint32_t dtype, int rank, const ir_expr *dim)
{
	v->dtype = dtype;
	v->rank = rank;
	if (rank > 0)
		memmove(v->dim, dim, rank * sizeof(*dim));
}

#endif
