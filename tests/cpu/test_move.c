// SPDX-License-Identifier: MIT
/* Strided copies, Concat and Split against plain loops: every element size, odd sizes, on several workers. */
#include "tests/cpu/op.h"

#define WORKERS 2

static const uint32_t types[] = { TUFF_U8, TUFF_F16, TUFF_F32, TUFF_I64, TUFF_C128 };


/* out[i..] = in[base + sum(i * st)], whole and guarded */
static int strided_bad(uint32_t type, uint32_t rank, const int64_t *dim, const int64_t *st, int64_t base, int64_t nin)
{
	struct cpu_pool *pool = cpu_pool_get(0);
	size_t es = tuff_dtype_size(type);
	struct cpu_tensor o = { .dtype = type, .rank = rank };
	struct cpu_args a = { .out = &o, .nout = 1, .pool = pool, .threads = WORKERS };
	int64_t n = 1, at[TUFF_MAX_RANK] = { 0 };
	unsigned char *in = malloc(nin * es), *out;
	int bad = 0;

	for (uint32_t d = 0; d < rank; d++)
		n *= o.dim[d] = dim[d];
	for (size_t i = 0; i < nin * es; i++)
		in[i] = 1 + i % 251;
	out = calloc(n * es + 64, 1);
	o.data = out;
	cpu_strided(&a, &o, in + base * es, st);
	for (int64_t i = 0; i < n && !bad; i++) {
		int64_t off = base;

		for (uint32_t d = 0; d < rank; d++)
			off += at[d] * st[d];
		bad = memcmp(out + i * es, in + off * es, es);
		for (int d = (int)rank - 1; d >= 0 && ++at[d] == dim[d]; d--)
			at[d] = 0;
	}
	for (int i = 0; i < 64; i++)
		bad |= out[n * es + i];
	free(in);
	free(out);
	cpu_pool_put(pool);
	return bad;
}

TEST(strided)
{
	static const struct {
		uint32_t rank;
		int64_t dim[5], st[5], base, nin;
	} c[] = {
		{ 1, { 1 }, { 1 }, 0, 1 },
		{ 1, { 70001 }, { 1 }, 0, 70001 },
		{ 2, { 37, 3 }, { 1, 37 }, 0, 111 },			/* few channels go last */
		{ 3, { 2, 12321, 3 }, { 36963, 1, 12321 }, 0, 73926 },
		{ 3, { 2, 33, 401 }, { 13233, 1, 33 }, 0, 26466 },	/* and come first again */
		{ 4, { 3, 17, 5, 19 }, { 1, 3, 51, 255 }, 0, 4845 },	/* what is contiguous goes first */
		{ 4, { 5, 17, 3, 19 }, { 969, 3, 1, 51 }, 0, 4845 },	/* next to last */
		{ 4, { 3, 7, 1, 11 }, { 0, 11, 0, 1 }, 0, 77 },		/* expand */
		{ 3, { 9, 11, 13 }, { 11, 1, 0 }, 0, 99 },		/* expand of the last */
		{ 2, { 21, 31 }, { -62, -2 }, 1301, 1302 },		/* slice backwards */
		{ 5, { 2, 3, 4, 5, 6 }, { 360, 1, 90, 18, 3 }, 0, 720 },
		{ 2, { 0, 5 }, { 5, 1 }, 0, 1 },
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++)
		for (size_t k = 0; k < sizeof(types) / sizeof(types[0]); k++)
			if (strided_bad(types[k], c[i].rank, c[i].dim, c[i].st, c[i].base, c[i].nin)) {
				printf("  case %zu, %s\n", i, tuff_dtype_name(types[k]));
				failed_ = 1;
				return;
			}
}

/* three parts side by side along `axis`, and each back again */
static int joined(uint32_t layout, int64_t axis)
{
	static const int64_t sizes[] = { 5, 1, 20 };
	int64_t dim[] = { 3, 26, 33, 17 }, all = 0;
	struct cpu_pool *pool = cpu_pool_get(0);
	struct op o;
	int bad = 0;

	op_init(&o, TUFF_OP_CONCAT);
	op_int(&o, "axis", axis);
	for (int i = 0; i < 3; i++) {
		dim[axis] = sizes[i];
		all += sizes[i];
		op_tensor(&o, TUFF_F32, layout, 4, dim);
	}
	dim[axis] = all;
	op_tensor(&o, TUFF_F32, layout, 4, dim);
	bad = op_run(&o, NULL, pool, WORKERS);
	for (int64_t i[4] = { 0 }; !bad && i[0] < dim[0]; i[0]++)
		for (i[1] = 0; i[1] < dim[1]; i[1]++)
			for (i[2] = 0; i[2] < dim[2]; i[2]++)
				for (i[3] = 0; i[3] < dim[3]; i[3]++) {
					int64_t from[4] = { i[0], i[1], i[2], i[3] };
					int part = 0;

					while (from[axis] >= sizes[part])
						from[axis] -= sizes[part++];
					bad |= op_at(&o.t[3], i) != op_at(&o.t[part], from);
				}
	if (!bad) {	/* Split into the middle part: one output is enough, the others are checked by ONNX's own cases */
		struct cpu_tensor whole = o.t[3], part[3] = { o.t[0], o.t[1], o.t[2] };
		struct cpu_args a = { .p = &o.p, .s = &o.s, .in = &whole, .out = part, .nin = 1, .nout = 3, .err = o.err,
				      .errlen = sizeof(o.err), .pool = pool, .threads = WORKERS };
		void *had = part[1].data, *was = malloc(cpu_numel(&part[1]) * 4);

		memcpy(was, had, cpu_numel(&part[1]) * 4);
		memset(had, 0, cpu_numel(&part[1]) * 4);
		bad = cpu_split(&a, NULL) || memcmp(had, was, cpu_numel(&part[1]) * 4);
		part[2].dim[axis]++;	/* more than there is */
		bad |= cpu_split(&a, NULL) != -22 || !o.err[0];
		free(was);
	}
	op_free(&o);
	cpu_pool_put(pool);
	return bad;
}

TEST(concat_split)
{
	for (int64_t axis = 0; axis < 4; axis++) {
		CHECK(!joined(TUFF_PLAIN, axis));
		CHECK(!joined(TUFF_CL, axis));
	}
}
