// SPDX-License-Identifier: MIT
/*
 * Elementwise bodies: a block of elements goes through all instructions before
 * the next, so what is between them never leaves the cache. Floats are float32
 * rows, everything else int64 rows wrapped to the type of the result. Operands
 * broadcast by strides; dimensions that lie together are walked as one.
 */
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "userspace/cpu/fast/ew.h"

#define MAX_IN 8
#define MAX_INSN 64
#define PIECE 8192		/* elements of a chunk, at least */

struct body {
	const struct cpu_args *a;
	const struct tuff_ew_insn *insn;
	size_t ninsn;
	int nin, rank;
	int64_t dim[TUFF_MAX_RANK], st[MAX_IN][TUFF_MAX_RANK];	/* in the output's memory order */
	int64_t row, pieces, blocks;	/* length; pieces of a row; blocks a chunk */
	int64_t total;			/* blocks */
	_Atomic int failed;
};

static bool is_float(uint32_t dtype)
{
	return dtype == TUFF_F32 || dtype == TUFF_F16 || dtype == TUFF_BF16;
}

static float round_to(uint32_t dtype, float f)
{
	uint32_t u;

	if (dtype == TUFF_F16)
		return tuff_f16_to_f32(tuff_f32_to_f16(f));
	if (dtype == TUFF_BF16 && f == f) {
		memcpy(&u, &f, 4);
		u = (u + 0x7fff + (u >> 16 & 1)) & 0xffff0000u;
		memcpy(&f, &u, 4);
	}
	return f;
}

static int64_t wrap(uint32_t dtype, int64_t v)
{
	switch (dtype) {
	case TUFF_BOOL: return v != 0;
	case TUFF_U8: return (uint8_t)v;
	case TUFF_I8: return (int8_t)v;
	case TUFF_U16: return (uint16_t)v;
	case TUFF_I16: return (int16_t)v;
	case TUFF_U32: return (uint32_t)v;
	case TUFF_I32: return (int32_t)v;
	}
	return v;
}

static int64_t to_int(uint32_t dtype, float f)
{
	if (dtype == TUFF_BOOL)
		return f != 0;
	return wrap(dtype, isnan(f) ? 0 : f >= 0x1p63f ? INT64_MAX : f <= -0x1p63f ? INT64_MIN : (int64_t)f);
}

static int64_t on_int(int op, uint32_t dtype, int64_t x, int64_t y)
{
	bool uns = dtype == TUFF_U64;
	int64_t r;

	switch (op) {
	case TUFF_EW_ADD: return (uint64_t)x + (uint64_t)y;
	case TUFF_EW_SUB: return (uint64_t)x - (uint64_t)y;
	case TUFF_EW_MUL: return (uint64_t)x * (uint64_t)y;
	case TUFF_EW_DIV:
		if (uns)
			return y ? (uint64_t)x / (uint64_t)y : 0;
		return y == -1 ? (int64_t)(0 - (uint64_t)x) : y ? x / y : 0;
	case TUFF_EW_MOD: case TUFF_EW_FMOD:
		if (uns)
			return y ? (uint64_t)x % (uint64_t)y : 0;
		r = y == 0 || y == -1 ? 0 : x % y;
		return op == TUFF_EW_MOD && r && (r < 0) != (y < 0) ? r + y : r;
	case TUFF_EW_MIN: return uns ? ((uint64_t)x < (uint64_t)y ? x : y) : x < y ? x : y;
	case TUFF_EW_MAX: return uns ? ((uint64_t)x > (uint64_t)y ? x : y) : x > y ? x : y;
	case TUFF_EW_EQ: return x == y;
	case TUFF_EW_LT: return uns ? (uint64_t)x < (uint64_t)y : x < y;
	case TUFF_EW_LE: return uns ? (uint64_t)x <= (uint64_t)y : x <= y;
	case TUFF_EW_GT: return uns ? (uint64_t)x > (uint64_t)y : x > y;
	case TUFF_EW_GE: return uns ? (uint64_t)x >= (uint64_t)y : x >= y;
	case TUFF_EW_AND: return x && y;
	case TUFF_EW_OR: return x || y;
	case TUFF_EW_XOR: return !x != !y;
	case TUFF_EW_NOT: return !x;
	case TUFF_EW_NEG: return 0 - (uint64_t)x;
	case TUFF_EW_ABS: return x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
	case TUFF_EW_SIGN: return (x > 0) - (x < 0);
	case TUFF_EW_RELU: return x < 0 ? 0 : x;
	}
	return x;
}

static bool compare(int op, const float *x, const float *y, int64_t *o, int64_t n)
{
	switch (op) {
	case TUFF_EW_EQ: for (int64_t i = 0; i < n; i++) o[i] = x[i] == y[i]; break;
	case TUFF_EW_LT: for (int64_t i = 0; i < n; i++) o[i] = x[i] < y[i]; break;
	case TUFF_EW_LE: for (int64_t i = 0; i < n; i++) o[i] = x[i] <= y[i]; break;
	case TUFF_EW_GT: for (int64_t i = 0; i < n; i++) o[i] = x[i] > y[i]; break;
	case TUFF_EW_GE: for (int64_t i = 0; i < n; i++) o[i] = x[i] >= y[i]; break;
	case TUFF_EW_ISNAN: for (int64_t i = 0; i < n; i++) o[i] = isnan(x[i]); break;
	case TUFF_EW_ISINF: for (int64_t i = 0; i < n; i++) o[i] = isinf(x[i]) != 0; break;
	default: return false;
	}
	return true;
}

struct reg {
	uint32_t dtype;
	const void *p;		/* float[] or int64_t[] */
};

/* a block of input k: in place where it can be read as it lies */
static const void *load(const struct body *b, int k, int64_t off, int64_t step, int64_t n, void *buf)
{
	const struct cpu_tensor *x = &b->a->in[k];
	float *f = buf;
	int64_t *v = buf;

	if (x->dtype == TUFF_F32) {
		const float *p = (float *)x->data + off;

		if (step == 1)
			return p;
		if (!step)
			for (int64_t i = 0; i < n; i++)
				f[i] = *p;
		else
			for (int64_t i = 0; i < n; i++)
				f[i] = p[i * step];
		return buf;
	}
	if (x->dtype == TUFF_I64 && step == 1)
		return (int64_t *)x->data + off;
	for (int64_t i = 0; i < n; i++)
		v[i] = cpu_get_int(x, off + i * step);
	return buf;
}

static bool convert(const struct tuff_ew_insn *in, const struct reg *x, void *out, int64_t n)
{
	float *f = out;
	int64_t *v = out;

	if (is_float(in->dtype)) {
		for (int64_t i = 0; i < n; i++)
			f[i] = round_to(in->dtype, is_float(x->dtype) ? ((float *)x->p)[i] : x->dtype == TUFF_U64 ?
				(float)((uint64_t *)x->p)[i] : (float)((int64_t *)x->p)[i]);
	} else {
		for (int64_t i = 0; i < n; i++)
			v[i] = is_float(x->dtype) ? to_int(in->dtype, ((float *)x->p)[i]) : wrap(in->dtype, ((int64_t *)x->p)[i]);
	}
	return true;
}

/* how many registers an operation reads */
static int operands(int64_t op)
{
	switch (op) {
	case TUFF_EW_CONST:
		return 0;
	case TUFF_EW_SELECT:
		return 3;
	}
	return op <= TUFF_EW_XOR ? 2 : 1;
}

static bool step(const struct tuff_ew_insn *in, const struct reg *r, void *out, int64_t n)
{
	int count = operands(in->op);	/* what it does not read may be of any type, and as short as that */
	const struct reg *x = &r[count > 0 ? in->a : 0], *y = count > 1 ? &r[in->b] : x, *z = count > 2 ? &r[in->c] : x;
	uint32_t w[2] = { (uint32_t)in->imm, (uint32_t)((uint64_t)in->imm >> 32) };
	bool fl = is_float(in->dtype);
	float p0, p1, *f = out;
	int64_t *v = out;

	memcpy(&p0, &w[0], 4);
	memcpy(&p1, &w[1], 4);
	switch (in->op) {
	case TUFF_EW_CONST:
		for (int64_t i = 0; i < n; i++) {
			if (fl)
				f[i] = p0;
			else
				v[i] = in->imm;
		}
		return true;
	case TUFF_EW_CAST:
		return convert(in, x, out, n);
	case TUFF_EW_SELECT:
		if (is_float(x->dtype))
			return false;
		for (int64_t i = 0; i < n; i++) {
			bool c = ((int64_t *)x->p)[i];

			if (fl)
				f[i] = c ? ((float *)y->p)[i] : ((float *)z->p)[i];
			else
				v[i] = c ? ((int64_t *)y->p)[i] : ((int64_t *)z->p)[i];
		}
		return true;
	}
	if (fl)
		return is_float(x->dtype) && ew_float(in->op, p0, p1, x->p, y->p, f, n);
	if (is_float(x->dtype))
		return compare(in->op, x->p, y->p, v, n);
	for (int64_t i = 0; i < n; i++)
		v[i] = wrap(in->dtype, on_int(in->op, x->dtype, ((int64_t *)x->p)[i], ((int64_t *)y->p)[i]));
	return true;
}

static void block(struct body *b, int64_t row, int64_t at, int64_t n, char *scratch)
{
	struct cpu_tensor *o = &b->a->out[0];
	struct reg r[MAX_IN + MAX_INSN];
	int last = b->rank - 1;
	int64_t to = row * b->row + at;

	for (int k = 0; k < b->nin; k++) {
		int64_t off = at * b->st[k][last], q = row;

		for (int d = last - 1; d >= 0; d--) {
			off += q % b->dim[d] * b->st[k][d];
			q /= b->dim[d];
		}
		r[k].dtype = b->a->in[k].dtype;
		r[k].p = load(b, k, off, b->st[k][last], n, scratch + k * 8 * EW_BLOCK);
	}
	for (size_t i = 0; i < b->ninsn; i++) {
		/* the last one goes straight to the output where the forms agree */
		bool direct = i + 1 == b->ninsn && (o->dtype == TUFF_F32 || o->dtype == TUFF_I64);
		void *out = direct ? (char *)o->data + to * (o->dtype == TUFF_F32 ? 4 : 8) : scratch + (b->nin + i) * 8 * EW_BLOCK;

		r[b->nin + i].dtype = b->insn[i].dtype;
		r[b->nin + i].p = out;
		if (!step(&b->insn[i], r, out, n)) {
			b->failed = 1;
			return;
		}
	}
	if (o->dtype != TUFF_F32 && o->dtype != TUFF_I64)
		for (int64_t i = 0; i < n; i++)
			cpu_set_int(o, to + i, ((const int64_t *)r[b->nin + b->ninsn - 1].p)[i]);
}

static void chunk(void *arg, int64_t c, unsigned int worker)
{
	struct body *b = arg;
	char *scratch = cpu_scratch((b->nin + b->ninsn) * 8 * EW_BLOCK);
	int64_t end = (c + 1) * b->blocks;

	if (!scratch) {
		b->failed = 2;
		return;
	}
	for (int64_t k = c * b->blocks; k < end && k < b->total; k++) {
		int64_t row = k / b->pieces, at = k % b->pieces * EW_BLOCK;

		block(b, row, at, b->row - at < EW_BLOCK ? b->row - at : EW_BLOCK, scratch);
	}
}

/* dimensions in memory order, ones gone, neighbours merged */
static void shape(struct body *b, const struct cpu_args *a)
{
	const struct cpu_tensor *o = &a->out[0];
	struct cpu_tensor stored = cpu_stored(o);
	int64_t st[MAX_IN][TUFF_MAX_RANK] = { { 0 } };

	for (int k = 0; k < b->nin; k++) {
		int64_t s[TUFF_MAX_RANK];

		cpu_strides(&a->in[k], s);
		for (uint32_t d = o->rank - a->in[k].rank; d < o->rank; d++) {
			uint32_t i = d - (o->rank - a->in[k].rank);

			st[k][cpu_axis(o, d)] = a->in[k].dim[i] != 1 ? s[i] : 0;
		}
	}
	for (uint32_t d = 0; d < o->rank; d++) {
		bool merge = b->rank > 0;

		if (stored.dim[d] == 1)
			continue;
		for (int k = 0; k < b->nin && merge; k++)
			merge = b->st[k][b->rank - 1] == st[k][d] * stored.dim[d];
		if (!merge)
			b->dim[b->rank++] = 1;
		b->dim[b->rank - 1] *= stored.dim[d];
		for (int k = 0; k < b->nin; k++)
			b->st[k][b->rank - 1] = st[k][d];
	}
	if (!b->rank)
		b->dim[b->rank++] = 1;
}

/* registers made before they are read; no row of floats read as one of integers, which is twice as long */
static bool sane(const struct body *b)
{
	bool fl[MAX_IN + MAX_INSN];

	if (b->nin > MAX_IN || !b->ninsn || b->ninsn > MAX_INSN)
		return false;
	for (int i = 0; i < b->nin; i++)
		fl[i] = b->a->in[i].dtype == TUFF_F32;
	for (size_t i = 0; i < b->ninsn; i++) {
		const struct tuff_ew_insn *n = &b->insn[i];
		const int64_t reg[3] = { n->a, n->b, n->c };
		int count = operands(n->op);

		if (n->op < 0 || n->op >= TUFF_EW_COUNT || !tuff_dtype_size(n->dtype) || n->dtype != (uint32_t)n->dtype)
			return false;
		fl[b->nin + i] = is_float(n->dtype);
		for (int k = 0; k < count; k++)
			if (reg[k] < 0 || reg[k] >= (int64_t)(b->nin + i))
				return false;
		if (count == 2 && fl[n->a] != fl[n->b])
			return false;
		if (count == 3 && (fl[n->a] || fl[n->b] != fl[b->nin + i] || fl[n->c] != fl[b->nin + i]))
			return false;
	}
	return is_float(b->insn[b->ninsn - 1].dtype) == (b->a->out[0].dtype == TUFF_F32);
}

int ew_run(const struct cpu_args *a, const struct tuff_ew_insn *insn, size_t ninsn)
{
	struct body b = { .a = a, .insn = insn, .ninsn = ninsn, .nin = a->nin };
	int64_t n = cpu_numel(&a->out[0]);

	if (!sane(&b)) {
		snprintf(a->err, a->errlen, "a body that is not one");
		return -EINVAL;
	}
	if (!n)
		return 0;
	shape(&b, a);
	b.row = b.dim[b.rank - 1];
	b.pieces = (b.row + EW_BLOCK - 1) / EW_BLOCK;
	b.total = n / b.row * b.pieces;
	b.blocks = PIECE / (b.row < EW_BLOCK ? b.row : EW_BLOCK);
	cpu_for(a, (b.total + b.blocks - 1) / b.blocks, chunk, &b);
	if (b.failed) {
		snprintf(a->err, a->errlen, b.failed == 2 ? "out of memory" : "an operation on types it is not for");
		return b.failed == 2 ? -ENOMEM : -EOPNOTSUPP;
	}
	return 0;
}

int ew_one(const struct cpu_args *a, int op, float p0, float p1)
{
	struct tuff_ew_insn insn = { .op = op, .dtype = TUFF_F32, .a = 0, .b = a->nin > 1, .c = a->nin > 2 ? 2 : 0 };
	uint32_t w[2];

	for (uint32_t i = 0; i < a->nin; i++)
		if (a->in[i].dtype != TUFF_F32)
			return -EOPNOTSUPP;
	memcpy(&w[0], &p0, 4);
	memcpy(&w[1], &p1, 4);
	insn.imm = (int64_t)((uint64_t)w[1] << 32 | w[0]);
	return ew_run(a, &insn, 1);
}

int cpu_fused(const struct cpu_args *a, void *st)
{
	size_t n;
	const int64_t *v = tuff_attr_ints(a->p, a->s, "body", &n);

	for (uint32_t i = 0; i < a->nin; i++)
		if (a->in[i].dtype == TUFF_F64 || !a->in[i].dtype) {
			snprintf(a->err, a->errlen, "operand %u is not of a type that bodies take", i);
			return -EOPNOTSUPP;
		}
	return ew_run(a, (const struct tuff_ew_insn *)v, n / 6);
}
