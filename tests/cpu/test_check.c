// SPDX-License-Identifier: MIT
/* Steps whose shapes, types or attributes do not fit are refused; every operator of the CPU path has a rule. */
#include <errno.h>

#include "tests/harness.h"
#include "userspace/cpu/cpu.h"

/* a step of at most 4 operands, with int lists as attributes */
struct made {
	struct tuff_program p;
	struct tuff_step s;
	struct cpu_tensor t[6];
	struct cpu_args a;
	char strings[128];
	struct tuff_attr attr[4];
	int64_t data[64];
	char err[256];
};

static struct cpu_tensor tensor(uint32_t dtype, int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
	return (struct cpu_tensor){ .dtype = dtype, .logical = dtype, .rank = rank, .dim = { a, b, c, d } };
}
#define F(rank, ...) tensor(TUFF_F32, rank, __VA_ARGS__)

static struct made *make(uint32_t op, uint32_t nin, const struct cpu_tensor *in, struct cpu_tensor out)
{
	static struct made m;

	memset(&m, 0, sizeof(m));
	m.p.strings = m.strings;
	m.p.strings_size = sizeof(m.strings);
	m.p.attrs = m.attr;
	m.p.attr_data = (uint8_t *)m.data;
	m.p.attr_data_size = sizeof(m.data);
	m.s.op = op;
	if (nin)
		memcpy(m.t, in, nin * sizeof(*in));
	m.t[nin] = out;
	m.a = (struct cpu_args){ .p = &m.p, .s = &m.s, .in = m.t, .out = m.t + nin, .nin = nin, .nout = 1, .err = m.err, .errlen = sizeof(m.err) };
	return &m;
}

static void ints(struct made *m, const char *name, int n, const int64_t *v)
{
	uint32_t at = m->s.nattr * 24 + 1, k = m->s.nattr++;

	strcpy(m->strings + at, name);
	m->attr[k] = (struct tuff_attr){ .name = at, .type = n ? TUFF_A_INTS : TUFF_A_INT, .count = n ? n : 1, .data = k * 128 };
	memcpy(m->data + k * 16, v, (n ? n : 1) * sizeof(*v));
}
#define INTS(m, name, ...) ints(m, name, sizeof((int64_t[]){ __VA_ARGS__ }) / 8, (int64_t[]){ __VA_ARGS__ })
#define INT(m, name, v) ints(m, name, 0, (int64_t[]){ v })
#define OK(step) do { struct made *m_ = step; int r_ = cpu_check(&m_->a); if (r_) printf("  %s\n", m_->err); CHECK_EQ(r_, 0); } while (0)
#define BAD(step, text) do { struct made *m_ = step; CHECK_EQ(cpu_check(&m_->a), -EINVAL); \
	if (!strstr(m_->err, text)) { printf("  '%s'\n", m_->err); CHECK(!text); } } while (0)

TEST(every_operator_has_a_rule)
{
	for (uint32_t op = 0; op < TUFF_OP_COUNT; op++) {
		struct made *m = make(op, 0, NULL, F(0, 0, 0, 0, 0));
		struct cpu_tensor none[6] = { { 0 } };

		m->a.in = none;
		m->a.nin = 4;
		if (!cpu_ops[op].run)
			continue;
		if (cpu_check(&m->a) == -EOPNOTSUPP)
			printf("  %s\n", tuff_op_name(op));
		CHECK(cpu_check(&m->a) != -EOPNOTSUPP);
	}
}

TEST(tensors)
{
	struct cpu_tensor x = F(2, 2, 3, 0, 0), o = x;
	char memory[64];
	struct made *m;

	OK(make(TUFF_OP_EXP, 1, &x, o));
	x.dim[1] = -1;
	BAD(make(TUFF_OP_EXP, 1, &x, o), "operand 0: dimension 1 is -1");
	x.dim[1] = INT64_MAX;
	BAD(make(TUFF_OP_EXP, 1, &x, o), "operand 0: dimension 1");
	x = F(1, 4, 0, 0, 0), x.layout = TUFF_CL;
	BAD(make(TUFF_OP_EXP, 1, &x, o), "cannot be channels last");
	/* what copies may not overwrite what it reads */
	x = F(2, 4, 4, 0, 0), o = x;
	x.data = o.data = memory;
	OK(make(TUFF_OP_EXP, 1, &x, o));
	m = make(TUFF_OP_TRANSPOSE, 1, &x, o);
	BAD(m, "overwrite operand 0");
}

TEST(elementwise)
{
	struct cpu_tensor in[3] = { F(2, 2, 3, 0, 0), F(1, 3, 0, 0, 0) }, w[3] = { tensor(TUFF_BOOL, 1, 3, 0, 0, 0), F(1, 3, 0, 0, 0), F(0, 0, 0, 0, 0) };

	OK(make(TUFF_OP_ADD, 2, in, F(2, 2, 3, 0, 0)));
	BAD(make(TUFF_OP_ADD, 2, in, F(2, 2, 4, 0, 0)), "[2,4] does not follow from operand 0 of float32 [2,3]");
	BAD(make(TUFF_OP_ADD, 2, in, F(1, 3, 0, 0, 0)), "does not follow from operand 0");
	BAD(make(TUFF_OP_ADD, 1, in, F(2, 2, 3, 0, 0)), "1 operands, not 2");
	OK(make(TUFF_OP_WHERE, 3, w, F(1, 3, 0, 0, 0)));
	w[0].dtype = TUFF_F32;
	BAD(make(TUFF_OP_WHERE, 3, w, F(1, 3, 0, 0, 0)), "the condition is float32");
	w[0].dtype = TUFF_BOOL, w[2].dtype = TUFF_F64;
	BAD(make(TUFF_OP_WHERE, 3, w, F(1, 3, 0, 0, 0)), "operand 2 of float64");
}

TEST(moves)
{
	struct cpu_tensor x = F(3, 2, 3, 4, 0), g[2] = { x, tensor(TUFF_I64, 1, 5, 0, 0, 0) }, c[2] = { x, x };
	struct made *m;

	m = make(TUFF_OP_TRANSPOSE, 1, &x, F(3, 4, 2, 3, 0));
	INTS(m, "perm", 2, 0, 1);
	OK(m);
	m = make(TUFF_OP_TRANSPOSE, 1, &x, F(3, 4, 2, 3, 0));
	INTS(m, "perm", 2, 0, 0);
	BAD(m, "perm is not a permutation");
	m = make(TUFF_OP_TRANSPOSE, 1, &x, F(3, 4, 2, 3, 0));
	INTS(m, "perm", 2, 0, 7);
	BAD(m, "perm is not a permutation");
	m = make(TUFF_OP_GATHER, 2, g, F(3, 2, 5, 4, 0));
	INT(m, "axis", 1);
	OK(m);
	m = make(TUFF_OP_GATHER, 2, g, F(3, 2, 5, 4, 0));
	INT(m, "axis", 3);
	BAD(m, "axis 3 of 3 dimensions");
	m = make(TUFF_OP_GATHER, 2, g, F(3, 2, 6, 4, 0));
	INT(m, "axis", 1);
	BAD(m, "does not follow");
	m = make(TUFF_OP_CONCAT, 2, c, F(3, 2, 3, 8, 0));
	INT(m, "axis", 2);
	OK(m);
	m = make(TUFF_OP_CONCAT, 2, c, F(3, 2, 3, 7, 0));
	INT(m, "axis", 2);
	BAD(m, "longer than the whole");
	m = make(TUFF_OP_CONCAT, 2, c, F(3, 2, 3, 9, 0));
	INT(m, "axis", 2);
	BAD(m, "shorter than the whole");
	m = make(TUFF_OP_EXPAND, 1, &x, tensor(TUFF_F64, 3, 2, 3, 4, 0));
	BAD(m, "float64 [2,3,4] does not follow");
}

TEST(windows)
{
	struct cpu_tensor in[3] = { F(4, 1, 4, 8, 8), F(4, 6, 4, 3, 3), F(1, 6, 0, 0, 0) }, x = in[0];
	struct made *m;

	OK(make(TUFF_OP_CONV, 3, in, F(4, 1, 6, 6, 6)));
	BAD(make(TUFF_OP_CONV, 3, in, F(4, 1, 6, 8, 8)), "does not follow from operand 0");
	BAD(make(TUFF_OP_CONV, 3, in, F(4, 1, 7, 6, 6)), "does not follow from operand 0");
	m = make(TUFF_OP_CONV, 3, in, F(4, 1, 6, 8, 8));
	INTS(m, "pads", 1, 1, 1, 1);
	OK(m);
	m = make(TUFF_OP_CONV, 3, in, F(4, 1, 6, 8, 8));
	INTS(m, "pads", 1, 1);
	BAD(m, "do not fit 2 spatial dimensions");
	m = make(TUFF_OP_CONV, 3, in, F(4, 1, 6, 6, 6));
	INT(m, "group", 2);
	BAD(m, "channels in 2 groups, the input has 4");
	m = make(TUFF_OP_CONV, 3, in, F(4, 1, 6, 6, 6));
	INTS(m, "strides", 0, 1);
	BAD(m, "out of range on axis 0");
	in[2].dim[0] = 5;
	BAD(make(TUFF_OP_CONV, 3, in, F(4, 1, 6, 6, 6)), "the bias is float32 [5], not float32 [6]");
	m = make(TUFF_OP_MAXPOOL, 1, &x, F(4, 1, 4, 4, 4));
	INTS(m, "kernel_shape", 2, 2);
	INTS(m, "strides", 2, 2);
	OK(m);
	m = make(TUFF_OP_MAXPOOL, 1, &x, F(4, 1, 4, 4, 4));
	INTS(m, "kernel_shape", 2);
	BAD(m, "a kernel of 1 dimensions");
	m = make(TUFF_OP_MAXPOOL, 1, &x, F(4, 1, 4, 4, 4));
	INTS(m, "kernel_shape", 1ll << 40, 2);
	BAD(m, "out of range on axis 0");
}

TEST(products)
{
	struct cpu_tensor in[4] = { F(3, 2, 4, 5, 0), F(2, 5, 6, 0, 0), F(1, 6, 0, 0, 0), F(3, 2, 4, 6, 0) }, g[3] = { F(2, 4, 5, 0, 0), F(2, 6, 5, 0, 0), F(2, 4, 1, 0, 0) };
	struct made *m;

	OK(make(TUFF_OP_MATMUL, 4, in, F(3, 2, 4, 6, 0)));
	BAD(make(TUFF_OP_MATMUL, 4, in, F(3, 2, 4, 7, 0)), "does not follow");
	in[2].dim[0] = 5;
	BAD(make(TUFF_OP_MATMUL, 4, in, F(3, 2, 4, 6, 0)), "operand 2");
	in[2].dim[0] = 6, in[3].dim[0] = 1;
	BAD(make(TUFF_OP_MATMUL, 4, in, F(3, 2, 4, 6, 0)), "operand 3");
	in[1].dtype = TUFF_I8;
	BAD(make(TUFF_OP_MATMUL, 2, in, F(3, 2, 4, 6, 0)), "operand 1 is int8 beside float32");
	m = make(TUFF_OP_GEMM, 3, g, F(2, 4, 6, 0, 0));
	INT(m, "transB", 1);
	OK(m);
	BAD(make(TUFF_OP_GEMM, 3, g, F(2, 4, 6, 0, 0)), "operand 1");
	g[2].dim[1] = 3;
	m = make(TUFF_OP_GEMM, 3, g, F(2, 4, 6, 0, 0));
	INT(m, "transB", 1);
	BAD(m, "operand 2");
}

TEST(reductions)
{
	int64_t axes[2] = { 1, -3 };
	struct cpu_tensor in[2] = { F(3, 2, 3, 4, 0), tensor(TUFF_I64, 1, 2, 0, 0, 0) };

	in[1].data = axes;
	OK(make(TUFF_OP_REDUCE_SUM, 2, in, F(1, 4, 0, 0, 0)));
	OK(make(TUFF_OP_REDUCE_SUM, 2, in, F(3, 1, 1, 4, 0)));
	BAD(make(TUFF_OP_REDUCE_SUM, 2, in, F(1, 3, 0, 0, 0)), "does not follow");
	axes[0] = 64;
	BAD(make(TUFF_OP_REDUCE_SUM, 2, in, F(1, 4, 0, 0, 0)), "axis 64 of 3 dimensions");
	in[1].data = NULL;
	BAD(make(TUFF_OP_REDUCE_SUM, 2, in, F(1, 4, 0, 0, 0)), "the axes are not constant");
}

TEST(recurrences)
{
	struct cpu_tensor in[4] = { F(3, 5, 2, 3, 0), F(3, 1, 16, 3, 0), F(3, 1, 16, 4, 0), F(2, 1, 32, 0, 0) };

	OK(make(TUFF_OP_LSTM, 4, in, F(4, 5, 1, 2, 4)));
	BAD(make(TUFF_OP_LSTM, 4, in, F(4, 5, 1, 2, 5)), "Y is float32 [5,1,2,5], not float32 [5,1,2,4]");
	in[3].dim[1] = 16;
	BAD(make(TUFF_OP_LSTM, 4, in, F(4, 5, 1, 2, 4)), "B is float32 [1,16], not float32 [1,32]");
	in[1].dim[0] = 3;
	BAD(make(TUFF_OP_LSTM, 4, in, F(4, 5, 1, 2, 4)), "3 directions");
}
