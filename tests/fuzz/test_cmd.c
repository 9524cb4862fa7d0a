// SPDX-License-Identifier: MIT
/*
 * Mutated command streams through CMDBUF_CREATE, and those that pass through
 * SUBMIT, on the mock back end, which executes copies and fills: under a
 * sanitizer nothing may be touched outside. Each rejected one says why.
 * Deterministic; TUFF_FUZZ sets the number.
 */
#include "driver/mock/mock.h"
#include "tests/client.h"
#include "tests/harness.h"
#include "tests/vulkan/add.h"

#define SLOT	4096u
#define WORDS	256

static unsigned long long state = 1;

static unsigned int rnd(unsigned int n)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned int)(state >> 33) % n;
}

struct world {
	struct tuff_file *f;
	uint32_t ctx, so, bo, kernel;
	uint64_t point;
	unsigned long accepted, rejected;
};

static int open_world(struct world *w)
{
	struct tuff_spec spec = { 0, 64 };
	char err[256] = "";
	int ret;

	memset(w, 0, sizeof(*w));
	tuff_mock_reset();
	ret = tuff_local_open(&tuff_be_mock, 0, &w->f, err, sizeof(err));
	if (ret)
		return ret;
	w->ctx = new_ctx(w->f, 0);
	w->so = new_so(w->f);
	/* slots fill it exactly: one byte beyond is beyond the memory */
	w->bo = new_bo(w->f, 4 * SLOT, TUFF_BO_MAPPABLE, 0);
	return new_kernel(w->f, add_spv, sizeof(add_spv), &spec, 1,
			  TUFF_KERNEL_UNIFORM | TUFF_KERNEL_WAIT_READY, 3, 2, &w->kernel, err,
			  sizeof(err));
}

/* A valid stream of every packet there is. */
static uint32_t seed(struct world *w, uint32_t *out)
{
	struct {
		struct tuff_cmd_dispatch d;
		struct tuff_cmd_bind b[3];
		struct tuff_cmd_barrier bar;
		struct tuff_cmd_copy copy;
		struct tuff_cmd_fill fill;
		struct tuff_cmd_timestamp t0, t1;
		struct tuff_cmd_dispatch_indirect i;
		struct tuff_cmd_bind c[3];
	} s = {
		{ TUFF_CMD_DISPATCH, 24, w->kernel, { 4, 1, 1 }, 3 },
		{ { 0, 0, 0, 256 }, { 1, 0, 0, SLOT }, { 2, 0, 0, SLOT } },
		{ TUFF_CMD_BARRIER, 2, 0 },
		{ TUFF_CMD_COPY, 10, 1, 2, 0, 0, 2048, 2048 },
		{ TUFF_CMD_FILL, 8, 2, 0xabcd, 0, 0, 2048 },
		{ TUFF_CMD_TIMESTAMP, 2, 0 }, { TUFF_CMD_TIMESTAMP, 2, 1 },
		{ TUFF_CMD_DISPATCH_INDIRECT, 28, w->kernel, { 3, 0, 256, 12 }, 3, 0 },
		{ { 0, 0, 0, 256 }, { 1, 0, 0, SLOT }, { 2, 0, 0, SLOT } } };

	memcpy(out, &s, sizeof(s));
	return sizeof(s) / 4;
}

static uint32_t mutate(uint32_t *w, uint32_t n)
{
	static const uint32_t nasty[] = { 0, 1, 2, 3, 4, 63, 64, 255, 256, 4095, 4096, 4097, 65535,
					  65536, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff };
	static const uint32_t start[] = { 0, 24, 26, 36, 44, 46, 48 };

	for (unsigned int k = 1 + rnd(3); k; k--) {
		uint32_t at = rnd(2) ? start[rnd(7)] + rnd(2) : rnd(n);

		if (at >= n)
			at = n - 1;
		switch (rnd(5)) {
		case 0:
			w[at] ^= 1u << rnd(32);
			break;
		case 1:
			w[at] = nasty[rnd(18)];
			break;
		case 2:
			w[at] = w[rnd(n)];
			break;
		case 3:
			n = 2 + (at & ~1u);
			break;
		default:	/* another order, or twice */
			if (n + 10 < WORDS) {
				memmove(w + at + 10, w + at, (n - at) * 4);
				n += 10;
			}
		}
	}
	return n;
}

static int try_one(struct world *w, const uint32_t *stream, uint32_t n)
{
	struct tuff_cmdbuf_slot decl[4] = {
		{ 0, TUFF_SLOT_READ, SLOT }, { 1, TUFF_SLOT_READ, SLOT },
		{ 2, TUFF_SLOT_WRITE, SLOT }, { 3, TUFF_SLOT_READ, SLOT } };
	struct tuff_job_slot slots[4];
	struct tuff_cmdbuf_destroy d = { 0 };
	char err[256] = "";
	int ret, error = 0;

	/* declarations too, now and then */
	if (!rnd(4)) {
		decl[rnd(4)].size = rnd(2) ? rnd(8192) : 4u << rnd(12);
		decl[rnd(4)].flags = rnd(4);
		decl[rnd(4)].slot = rnd(6);
	}
	ret = new_cmdbuf(w->f, stream, n * 4, decl, 4, &d.cmdbuf_id, err, sizeof(err));
	if (ret) {
		w->rejected++;
		if (!err[0])
			printf("  rejected with %d and no word why\n", ret);
		return !err[0];
	}
	w->accepted++;
	for (uint32_t i = 0; i < 4; i++)
		slots[i] = (struct tuff_job_slot){ decl[i].slot, w->bo, decl[i].flags, 0,
						   i * SLOT, SLOT };
	ret = submit1(w->f, w->ctx, d.cmdbuf_id, slots, 4, w->so, ++w->point, NULL);
	if (!ret)
		ret = wait_so(w->f, w->so, w->point, 10 * SEC, &error);
	else if (ret == -EINVAL)
		ret = 0;	/* a declaration above what is bound */
	CALL(w->f, CMDBUF_DESTROY, &d);
	return ret || error;
}

TEST(mutated_streams)
{
	int runs = getenv("TUFF_FUZZ") ? atoi(getenv("TUFF_FUZZ")) : 20000;
	uint32_t base[WORDS], w[WORDS], n;
	struct world world;

	CHECK_EQ(open_world(&world), 0);
	n = seed(&world, base);
	CHECK_EQ(try_one(&world, base, n), 0);
	for (int i = 0; i < runs; i++) {
		memset(w, 0, sizeof(w));
		memcpy(w, base, n * 4);
		CHECK_EQ(try_one(&world, w, mutate(w, n)), 0);
	}
	printf("  %lu accepted, %lu rejected\n", world.accepted, world.rejected);
	CHECK(world.accepted > (unsigned long)runs / 100);
	CHECK(world.rejected > (unsigned long)runs / 4);
	tuff_local_close(world.f);
	CHECK_EQ(tuff_mock_objects(), 0);
}

TEST(random_words)
{
	int runs = getenv("TUFF_FUZZ") ? atoi(getenv("TUFF_FUZZ")) / 4 : 5000;
	struct world world;
	uint32_t w[WORDS];

	CHECK_EQ(open_world(&world), 0);
	for (int i = 0; i < runs; i++) {
		uint32_t n = 2 + 2 * rnd(WORDS / 2 - 1);

		for (uint32_t k = 0; k < n; k++)
			w[k] = rnd(3) ? rnd(16) : rnd(0x7fffffff) * 2 + rnd(2);
		w[0] = (1 + rnd(7)) | (2 + 2 * rnd(16)) << 16;
		CHECK_EQ(try_one(&world, w, n), 0);
	}
	tuff_local_close(world.f);
	CHECK_EQ(tuff_mock_objects(), 0);
}

/* What each check says. */
static void expect(const void *stream, uint32_t size, const char *text)
{
	static const struct tuff_cmdbuf_slot decl[3] = {
		{ 0, TUFF_SLOT_READ, SLOT }, { 1, TUFF_SLOT_READ, SLOT },
		{ 2, TUFF_SLOT_READ | TUFF_SLOT_WRITE, SLOT } };
	struct world w;
	char err[256] = "";
	uint32_t id;

	CHECK_EQ(open_world(&w), 0);
	new_cmdbuf(w.f, stream, size, decl, 3, &id, err, sizeof(err));
	if (!strstr(err, text))
		printf("  '%s' is not in '%s'\n", text, err);
	CHECK(strstr(err, text));
	tuff_local_close(w.f);
}
#define EXPECT(name, text, type, ...) \
	TEST(name) { struct type p = { __VA_ARGS__ }; expect(&p, sizeof(p), text); }
EXPECT(unknown_opcode, "packet 0: unknown opcode 77", tuff_cmd_barrier, 77, 2, 0)
EXPECT(size_zero, "packet 0: size of 0 words", tuff_cmd_barrier, TUFF_CMD_BARRIER, 0, 0)
EXPECT(size_odd, "packet 0: size of 1 words", tuff_cmd_barrier, TUFF_CMD_BARRIER, 1, 0)
EXPECT(size_too_long, "packet 0: size of 4 words, 2 are left", tuff_cmd_barrier, TUFF_CMD_BARRIER, 4, 0)
EXPECT(barrier_pad, "BARRIER: bad size or pad", tuff_cmd_barrier, TUFF_CMD_BARRIER, 2, 1)
EXPECT(fill_undeclared, "slot 9 is not declared", tuff_cmd_fill, TUFF_CMD_FILL, 8, 9, 0, 0, 0, 64)
EXPECT(fill_read_only, "slot 1 is not declared for writing", tuff_cmd_fill, TUFF_CMD_FILL, 8, 1, 0, 0, 0, 64)
EXPECT(fill_outside, "64 bytes at 4096 are outside slot 2 of 4096", tuff_cmd_fill, TUFF_CMD_FILL, 8, 2, 0, 0, 4096, 64)
EXPECT(fill_overflow, "are outside slot 2", tuff_cmd_fill, TUFF_CMD_FILL, 8, 2, 0, 0, 64, ~3ull)
EXPECT(fill_range_odd, "range 6 is not", tuff_cmd_fill, TUFF_CMD_FILL, 8, 2, 0, 0, 0, 6)
EXPECT(fill_range_zero, "range 0 is not", tuff_cmd_fill, TUFF_CMD_FILL, 8, 2, 0, 0, 0, 0)
EXPECT(fill_offset_odd, "offset 2 is not a multiple of 4", tuff_cmd_fill, TUFF_CMD_FILL, 8, 2, 0, 0, 2, 64)
EXPECT(copy_overlap, "COPY: source and target overlap", tuff_cmd_copy, TUFF_CMD_COPY, 10, 2, 2, 0, 0, 32, 64)
EXPECT(stamp_index, "TIMESTAMP: index 4096", tuff_cmd_timestamp, TUFF_CMD_TIMESTAMP, 2, 4096)
EXPECT(stamp_gap, "index 0 is left out", tuff_cmd_timestamp, TUFF_CMD_TIMESTAMP, 2, 1)
EXPECT(dispatch_no_kernel, "packet 0: no kernel 99", tuff_cmd_dispatch, TUFF_CMD_DISPATCH, 6, 99, { 1, 1, 1 }, 0)
EXPECT(dispatch_groups, "65536 workgroups in axis 1, limit 65535", tuff_cmd_dispatch, TUFF_CMD_DISPATCH, 6, 1, { 1, 65536, 1 }, 0)
EXPECT(dispatch_unbound, "bind 0: the kernel uses it", tuff_cmd_dispatch, TUFF_CMD_DISPATCH, 6, 1, { 1, 1, 1 }, 0)
EXPECT(dispatch_nbind, "do not hold its binds", tuff_cmd_dispatch, TUFF_CMD_DISPATCH, 6, 1, { 1, 1, 1 }, 2)

struct disp3 {
	struct tuff_cmd_dispatch d;
	struct tuff_cmd_bind b[4];
};
EXPECT(bind_pad, "bind 1: pad is not 0", disp3, { TUFF_CMD_DISPATCH, 30, 1, { 1, 1, 1 }, 4 },
       { { 0, 0, 0, 256 }, { 1, 1, 0, 64 }, { 2, 0, 0, 64 }, { TUFF_SLOT_NONE, 0, 0, 0 } })
EXPECT(bind_not_there, "bind 3: the kernel does not have", disp3,
       { TUFF_CMD_DISPATCH, 30, 1, { 1, 1, 1 }, 4 },
       { { 0, 0, 0, 256 }, { 1, 0, 0, 64 }, { 2, 0, 0, 64 }, { 2, 0, 0, 64 } })
EXPECT(bind_unused_range, "bind 3: unused, but has a range", disp3,
       { TUFF_CMD_DISPATCH, 30, 1, { 1, 1, 1 }, 4 },
       { { 0, 0, 0, 256 }, { 1, 0, 0, 64 }, { 2, 0, 0, 64 }, { TUFF_SLOT_NONE, 0, 0, 4 } })
EXPECT(bind_misaligned, "bind 1: offset 4 is not a multiple of 16", disp3,
       { TUFF_CMD_DISPATCH, 30, 1, { 1, 1, 1 }, 4 },
       { { 0, 0, 0, 256 }, { 1, 0, 4, 64 }, { 2, 0, 0, 64 }, { TUFF_SLOT_NONE, 0, 0, 0 } })
EXPECT(bind_writes_read_only, "bind 2: slot 1 is not declared for writing", disp3,
       { TUFF_CMD_DISPATCH, 30, 1, { 1, 1, 1 }, 4 },
       { { 0, 0, 0, 256 }, { 1, 0, 0, 64 }, { 1, 0, 0, 64 }, { TUFF_SLOT_NONE, 0, 0, 0 } })
EXPECT(bind_uniform_range, "bind 0: range 131072, limit 65536", disp3,
       { TUFF_CMD_DISPATCH, 30, 1, { 1, 1, 1 }, 4 },
       { { 0, 0, 0, 131072 }, { 1, 0, 0, 64 }, { 2, 0, 0, 64 }, { TUFF_SLOT_NONE, 0, 0, 0 } })
