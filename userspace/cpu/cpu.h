/* SPDX-License-Identifier: MIT */
/*
 * The CPU path: one row per operator of compiler/ops.h. Tensors are dense,
 * row-major or channels last (TUFF_CL: [N,C,S..] stored [N,S..,C]); float16 and
 * bfloat16 are stored as float32. Work is cut into chunks for the thread pool.
 */
#ifndef TUFF_CPU_H
#define TUFF_CPU_H

#include "compiler/ops.h"
#include "program/program.h"
#include "userspace/cpu/pool.h"

struct cpu_tensor {
	uint32_t dtype;		/* stored element type; 0 = absent optional input */
	uint32_t logical;	/* the model's type: Cast rounds to it */
	uint32_t rank;
	uint32_t layout;	/* enum tuff_layout */
	int64_t dim[TUFF_MAX_RANK];	/* in ONNX order, whatever the layout */
	void *data;		/* may be NULL when there are no elements */
};

struct cpu_weights;		/* userspace/weights.c */

struct cpu_args {
	const struct tuff_program *p;
	const struct tuff_step *s;
	const struct cpu_tensor *in;
	struct cpu_tensor *out;	/* dims and data are set by the caller */
	uint32_t nin, nout;
	char *err;		/* a sentence on failure */
	size_t errlen;
	struct cpu_pool *pool;	/* NULL: this thread alone */
	unsigned int threads;
	struct cpu_weights *weights;	/* NULL: all inputs have data (constant folding) */
};

struct cpu_op {
	/* once per plan, shapes known, constant inputs have data; may be NULL */
	int (*prepare)(const struct cpu_args *a, void **state);
	int (*run)(const struct cpu_args *a, void *state);
	void (*destroy)(void *state);
	/* may it pack constant input i itself? then the plain form is not loaded */
	bool (*packs)(const struct tuff_program *p, const struct tuff_step *s, uint32_t i);
};
extern const struct cpu_op cpu_ops[TUFF_OP_COUNT];	/* run NULL: not there */
/* check.c: before prepare() and run(): -EINVAL with a->err where shapes, types or attributes do not fit */
int cpu_check(const struct cpu_args *a);
#define CPU_MAX_BYTES (1ll << 40)	/* of a tensor */

static inline bool cpu_has(const struct cpu_args *a, uint32_t i)
{
	return i < a->nin && a->in[i].dtype;
}
static inline int64_t cpu_count(const struct cpu_tensor *t, uint32_t from, uint32_t to)
{
	int64_t n = 1;

	for (uint32_t i = from; i < to; i++)
		n *= t->dim[i];
	return n;
}
static inline int64_t cpu_numel(const struct cpu_tensor *t)
{
	return cpu_count(t, 0, t->rank);
}
/* element strides by logical dimension */
static inline void cpu_strides(const struct cpu_tensor *t, int64_t *st)
{
	int64_t s = 1;

	if (t->layout == TUFF_CL) {
		st[1] = 1;
		s = t->dim[1];
	}
	for (int i = (int)t->rank - 1; i >= 0; i--) {
		if (i == 1 && t->layout == TUFF_CL)
			continue;
		st[i] = s;
		s *= t->dim[i];
	}
}
/* where logical dimension i stands in memory order */
static inline int cpu_axis(const struct cpu_tensor *t, int i)
{
	return t->layout != TUFF_CL || !i ? i : i == 1 ? (int)t->rank - 1 : i - 1;
}
/* the same memory as a row-major tensor */
static inline struct cpu_tensor cpu_stored(const struct cpu_tensor *t)
{
	struct cpu_tensor s = *t;

	s.layout = TUFF_PLAIN;
	for (uint32_t i = 0; i < t->rank; i++)
		s.dim[cpu_axis(t, i)] = t->dim[i];
	return s;
}
int64_t cpu_get_int(const struct cpu_tensor *t, int64_t i);	/* any integer type, bool */
double cpu_get(const struct cpu_tensor *t, int64_t i);		/* any numeric type */
void cpu_set(struct cpu_tensor *t, int64_t i, double v);
void cpu_set_int(struct cpu_tensor *t, int64_t i, int64_t v);
static inline bool cpu_is_float(uint32_t dtype)
{
	return dtype == TUFF_F32 || dtype == TUFF_F64;
}
/* a weight: its data is there before the first run and never changes */
static inline bool cpu_is_weight(const struct cpu_args *a, uint32_t i)
{
	uint32_t t = i < a->nin ? a->p->args[a->s->arg + i] : TUFF_NONE;

	return t != TUFF_NONE && a->p->bufs[a->p->tensors[t].buffer].kind == TUFF_BUF_WEIGHT;
}
float cpu_act(int act, float x, float p0, float p1);	/* enum tuff_ew, -1 = none */

/* out = act(out + bias (if the operator has not done it) + residual), of MATMUL and GEMM */

/*
 * Weights that an operator packs. All in userspace/weights.c, once a session.
 * plain: float32 row-major source of constant input i, valid until done();
 * packed: what was added under this key, or NULL.
 */
const void *cpu_weight_plain(const struct cpu_args *a, uint32_t i, int *ret);	/* NULL: *ret, and a->err says why */
void cpu_weight_done(const struct cpu_args *a, uint32_t i);
void *cpu_weight_packed(const struct cpu_args *a, uint32_t i, const void *key, size_t keylen);
void *cpu_weight_add(const struct cpu_args *a, uint32_t i, const void *key, size_t keylen, size_t size);

/*
 * fast/strided.c: out[i0,i1..] = in[sum(i * st)]; strides in elements of out's
 * type, any sign, 0 repeats. `o` as stored (cpu_stored()).
 */
void cpu_strided(const struct cpu_args *a, const struct cpu_tensor *o, const void *in, const int64_t *st);

/* the rows, by file */
int cpu_unary(const struct cpu_args *a, void *st);
int cpu_binary(const struct cpu_args *a, void *st);
int cpu_where(const struct cpu_args *a, void *st);
int cpu_cast(const struct cpu_args *a, void *st);
int cpu_prelu(const struct cpu_args *a, void *st);
int cpu_pool(const struct cpu_args *a, void *st);
int cpu_gpool(const struct cpu_args *a, void *st);
int cpu_batchnorm(const struct cpu_args *a, void *st);
int cpu_layernorm(const struct cpu_args *a, void *st);
int cpu_instancenorm(const struct cpu_args *a, void *st);
int cpu_lrn(const struct cpu_args *a, void *st);
int cpu_softmax(const struct cpu_args *a, void *st);
int cpu_reduce(const struct cpu_args *a, void *st);
int cpu_argmax(const struct cpu_args *a, void *st);
int cpu_matmul(const struct cpu_args *a, void *st);
int cpu_gemm(const struct cpu_args *a, void *st);
int cpu_transpose(const struct cpu_args *a, void *st);
int cpu_concat(const struct cpu_args *a, void *st);
int cpu_split(const struct cpu_args *a, void *st);
int cpu_slice(const struct cpu_args *a, void *st);
int cpu_pad(const struct cpu_args *a, void *st);
int cpu_expand(const struct cpu_args *a, void *st);
int cpu_tile(const struct cpu_args *a, void *st);
int cpu_gather(const struct cpu_args *a, void *st);
int cpu_resize(const struct cpu_args *a, void *st);
int cpu_shape(const struct cpu_args *a, void *st);
int cpu_fill(const struct cpu_args *a, void *st);
int cpu_range(const struct cpu_args *a, void *st);
int cpu_lstm(const struct cpu_args *a, void *st);
int cpu_cumsum(const struct cpu_args *a, void *st);
int cpu_trilu(const struct cpu_args *a, void *st);
int cpu_fused(const struct cpu_args *a, void *st);
int cpu_layout(const struct cpu_args *a, void *st);
int cpu_gather_elements(const struct cpu_args *a, void *st);
int cpu_scatter_elements(const struct cpu_args *a, void *st);
int cpu_gather_nd(const struct cpu_args *a, void *st);
int cpu_scatter_nd(const struct cpu_args *a, void *st);
int cpu_one_hot(const struct cpu_args *a, void *st);
int cpu_eye_like(const struct cpu_args *a, void *st);
int cpu_size(const struct cpu_args *a, void *st);
int cpu_identity(const struct cpu_args *a, void *st);
int cpu_reverse_sequence(const struct cpu_args *a, void *st);
int cpu_topk(const struct cpu_args *a, void *st);
int cpu_gru(const struct cpu_args *a, void *st);
int cpu_grid_sample(const struct cpu_args *a, void *st);
int cpu_convt(const struct cpu_args *a, void *st);
int cpu_einsum(const struct cpu_args *a, void *st);
int cpu_conv_prepare(const struct cpu_args *a, void **st);
int cpu_conv_run(const struct cpu_args *a, void *st);
void cpu_conv_destroy(void *st);
bool cpu_conv_packs(const struct tuff_program *p, const struct tuff_step *s, uint32_t i);

#endif
