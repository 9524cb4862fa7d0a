/* SPDX-License-Identifier: MIT */
/* One operator of the CPU path, without a model around it. */
#ifndef TUFF_TESTS_CPU_OP_H
#define TUFF_TESTS_CPU_OP_H

#include <math.h>
#include <stdarg.h>

#include "tests/harness.h"
#include "userspace/cpu/cpu.h"

#define MAX_T 8

struct op {
	struct tuff_program p;
	struct tuff_step s;
	struct tuff_attr attr[16];
	struct cpu_tensor t[MAX_T];	/* inputs, then the output */
	struct tuff_tens tens[MAX_T];
	struct tuff_buf buf[MAX_T];
	uint32_t args[MAX_T];
	uint32_t nin;
	char strings[512];
	size_t strings_size;
	_Alignas(8) uint8_t data[2048];
	size_t data_size;
	char err[256];
};

static inline void op_init(struct op *o, uint32_t op)
{
	memset(o, 0, sizeof(*o));
	o->s.op = op;
	o->strings_size = 1;
}

static inline uint32_t op_name(struct op *o, const char *s)
{
	uint32_t at = o->strings_size;

	o->strings_size += snprintf(o->strings + at, sizeof(o->strings) - at, "%s", s) + 1;
	return at;
}

static inline void op_attr(struct op *o, const char *name, uint32_t type, const void *v, size_t n, size_t size)
{
	struct tuff_attr *a = &o->attr[o->s.nattr++];

	o->data_size = (o->data_size + 7) / 8 * 8;
	*a = (struct tuff_attr){ .name = op_name(o, name), .type = type, .count = n, .data = o->data_size };
	memcpy(o->data + o->data_size, v, size);
	o->data_size += size;
}

static inline void op_int(struct op *o, const char *name, int64_t v)
{
	op_attr(o, name, TUFF_A_INT, &v, 1, 8);
}

static inline void op_ints(struct op *o, const char *name, const int64_t *v, size_t n)
{
	op_attr(o, name, TUFF_A_INTS, v, n, 8 * n);
}

static inline void op_floats(struct op *o, const char *name, const float *v, size_t n)
{
	op_attr(o, name, TUFF_A_FLOATS, v, n, 4 * n);
}

static uint32_t op_seed = 1;
static inline float op_random(void)
{
	op_seed = op_seed * 1664525u + 1013904223u;
	return (float)(op_seed >> 8) / (1 << 23) - 1;
}

/* appends a tensor of random float32 (or zeroes); the last one is the output */
static inline struct cpu_tensor *op_tensor(struct op *o, uint32_t dtype, uint32_t layout, uint32_t rank, const int64_t *dim)
{
	struct cpu_tensor *t = &o->t[o->nin++];
	int64_t n = 1;

	t->dtype = t->logical = dtype;
	t->layout = layout;
	t->rank = rank;
	for (uint32_t i = 0; i < rank; i++)
		n *= t->dim[i] = dim[i];
	t->data = aligned_alloc(64, (n * 8 + 127) / 64 * 64);
	memset(t->data, 0, n * 8);
	for (int64_t i = 0; i < n && dtype == TUFF_F32; i++)
		((float *)t->data)[i] = op_random();
	return t;
}

static inline void op_absent(struct op *o)
{
	o->nin++;
}

static inline void op_free(struct op *o)
{
	for (uint32_t i = 0; i < o->nin; i++)
		free(o->t[i].data);
}

/* runs on `threads` workers; the output is the last tensor */
static inline int op_run(struct op *o, int (*fn)(const struct cpu_args *, void *), struct cpu_pool *pool, unsigned int threads)
{
	uint32_t nin = o->nin - 1;
	struct cpu_args a = { .p = &o->p, .s = &o->s, .in = o->t, .out = o->t + nin, .nin = nin, .nout = 1,
			      .err = o->err, .errlen = sizeof(o->err), .pool = pool, .threads = threads };
	void *state = NULL;
	int ret = 0;

	for (uint32_t i = 0; i < o->nin; i++) {
		o->args[i] = i;
		o->tens[i].buffer = i;
		o->buf[i].kind = TUFF_BUF_ARENA;
	}
	o->s.nin = nin;
	o->s.nout = 1;
	o->p.attrs = o->attr;
	o->p.nattrs = o->s.nattr;
	o->p.strings = o->strings;
	o->p.strings_size = o->strings_size;
	o->p.attr_data = o->data;
	o->p.attr_data_size = o->data_size;
	o->p.args = o->args;
	o->p.nargs = o->nin;
	o->p.tensors = o->tens;
	o->p.ntensors = o->nin;
	o->p.bufs = o->buf;
	o->p.nbufs = o->nin;
	if (!fn) {
		const struct cpu_op *op = &cpu_ops[o->s.op];

		if (op->prepare)
			ret = op->prepare(&a, &state);
		ret = ret ? ret : op->run(&a, state);
		if (state)
			op->destroy(state);
		return ret;
	}
	return fn(&a, NULL);
}

/* element at a logical index, whatever the layout */
static inline float op_at(const struct cpu_tensor *t, const int64_t *i)
{
	int64_t st[TUFF_MAX_RANK], at = 0;

	cpu_strides(t, st);
	for (uint32_t d = 0; d < t->rank; d++)
		at += i[d] * st[d];
	return ((float *)t->data)[at];
}

static inline bool op_close(double a, double b, double tol)
{
	return (isnan(a) && isnan(b)) || a == b || fabs(a - b) <= tol * (1 + fabs(b));
}

#endif
