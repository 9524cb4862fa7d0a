/* SPDX-License-Identifier: MIT */
/*
 * Operators made of others. A decomposition is a shape rule (ops.h): it builds
 * nodes before n, each with its shape inferred at once, and the last ones take
 * over n's outputs; pass_shape then drops n. An error stays in d->ret, so that
 * a decomposition reads like the formula.
 */
#ifndef TUFF_DECOMPOSE_H
#define TUFF_DECOMPOSE_H

#include "compiler/shape.h"

struct dec {
	struct ir_module *m;
	struct ir_node *n;
	int ret;
	struct ir_value *none;	/* stands for any value after an error */
};

/* what the rule returns: 1 = made of others */
static inline int dec_done(const struct dec *d)
{
	return d->ret ? d->ret : 1;
}
void dec_begin(struct dec *d, struct ir_module *m, struct ir_node *n);
struct ir_value *dec_in(const struct dec *d, uint32_t i);	/* NULL = absent */
struct ir_value *dec_out(const struct dec *d, uint32_t i);
/* a node before n; its attributes are set before dec_end() infers its shape */
struct ir_node *dec_node(struct dec *d, uint32_t op, uint32_t nin, uint32_t nout, ...);
/* out: the value to make, or NULL for a new one */
struct ir_value *dec_end(struct dec *d, struct ir_node *x, struct ir_value *out);
struct ir_value *dec_1(struct dec *d, uint32_t op, struct ir_value *a);
struct ir_value *dec_2(struct dec *d, uint32_t op, struct ir_value *a, struct ir_value *b);
struct ir_value *dec_to(struct dec *d, uint32_t op, struct ir_value *a, struct ir_value *b, struct ir_value *out);
struct ir_value *dec_where(struct dec *d, struct ir_value *c, struct ir_value *a, struct ir_value *b);
struct ir_value *dec_float(struct dec *d, double v, const struct ir_value *like);	/* scalar of like's type */
struct ir_value *dec_ints(struct dec *d, const int64_t *v, uint32_t n);	/* int64 [n] */
struct ir_value *dec_int(struct dec *d, int64_t v);			/* int64 scalar */
struct ir_value *dec_cast(struct dec *d, struct ir_value *a, uint32_t dtype);
struct ir_value *dec_transpose(struct dec *d, struct ir_value *a, const int64_t *perm, struct ir_value *out);
/* to these dimensions, which hold the same elements */
struct ir_value *dec_reshape(struct dec *d, struct ir_value *a, int rank, const ir_expr *dim, struct ir_value *out);
struct ir_value *dec_expand(struct dec *d, struct ir_value *a, int rank, const ir_expr *dim);
struct ir_value *dec_unsqueeze(struct dec *d, struct ir_value *a, int axis, struct ir_value *out);
struct ir_value *dec_concat(struct dec *d, int axis, struct ir_value *a, struct ir_value *b, struct ir_value *out);
/* part k of a cut in parts along axis */
void dec_split(struct dec *d, struct ir_value *a, int axis, const ir_expr *part, uint32_t nparts, struct ir_value **out);
struct ir_value *dec_range(struct dec *d, ir_expr count);	/* int64 0 .. count-1 */
struct ir_value *dec_reduce(struct dec *d, uint32_t op, struct ir_value *a, const int64_t *axes, uint32_t n, int keep);
struct ir_value *dec_layernorm(struct dec *d, struct ir_value *x, struct ir_value *gamma, struct ir_value *beta,
			       float eps, int64_t axis, struct ir_value *out);
/* x / sqrt(mean(x^2) + eps) * gamma over dimensions from axis on */
struct ir_value *dec_rmsnorm(struct dec *d, struct ir_value *x, struct ir_value *gamma, float eps, int64_t axis, struct ir_value *out);
int dec_error(struct dec *d, const struct ir_value *v, const char *what);

#endif
