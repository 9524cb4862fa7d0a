// SPDX-License-Identifier: MIT
/*
 * Mutated command streams through CMDBUF_CREATE, and those that pass through
 * SUBMIT with slots that may be mutated too, on the mock back end, which
 * executes copies and fills; dispatches touch all that they are bound to. Under
 * a sanitizer nothing may be touched outside. Each refusal says why. See
 * fuzz.h for how it is steered.
 */
#include "driver/mock/mock.h"
#include "tests/client.h"
#include "tests/fuzz/fuzz.h"
#include "tests/vulkan/add.h"

#define SLOT	4096u
#define WORDS	256
#define SLOTS	4

struct world {
	struct tuff_file *f;
	uint32_t ctx, so, bo[SLOTS], kernel;
	uint64_t point;
};

static unsigned long outside, dispatched;

/* what a kernel could do: read and write all of every binding */
static void touch(const struct tuff_be_cmd *c, const struct tuff_be_slot *slots, void *const *host)
{
	dispatched++;
	for (int i = 0; i < TUFF_BE_MAX_BIND; i++) {
		const struct tuff_be_bind *b = &c->bind[i];

		if (b->slot == UINT32_MAX || !host[b->slot])	/* the driver's own scratch has no host address */
			continue;
		if (b->offset > slots[b->slot].range || b->range > slots[b->slot].range - b->offset)
			outside++;
		else
			memset((char *)host[b->slot] + b->offset, i, b->range);
	}
}

static int open_world(struct world *w)
{
	struct tuff_spec spec = { 0, 64 };
	char err[256] = "";
	int ret;

	memset(w, 0, sizeof(*w));
	tuff_mock_reset()->dispatch = touch;
	ret = tuff_local_open(&tuff_be_mock, 0, &w->f, err, sizeof(err));
	if (ret)
		return ret;
	w->ctx = new_ctx(w->f, 0);
	w->so = new_so(w->f);
	/* slots fill them exactly: one byte beyond is beyond the memory */
	for (int i = 0; i < SLOTS; i++)
		w->bo[i] = new_bo(w->f, (1 + i % 2) * SLOT, TUFF_BO_MAPPABLE, 0);
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

/* a range of 16 to 256 bytes of slot s that is in it */
static struct tuff_cmd_bind range(uint32_t s)
{
	return (struct tuff_cmd_bind){ s, 0, 256 * rnd(SLOT / 256), 16 + 16 * rnd(16) };
}

/* packets of any kind in any order, their fields as they may be; where each starts in start[] */
static uint32_t build(const struct world *w, uint32_t *out, uint32_t *start, uint32_t *count)
{
	uint32_t at = 0, stamps = 0;

	for (*count = 0; *count < 6 && at + 36 < WORDS - 10; ++*count) {
		struct tuff_cmd_bind b[3] = { range(0), range(1), range(2) }, other = range(1 + 2 * rnd(2));
		struct {
			union {
				struct tuff_cmd_dispatch d;
				struct tuff_cmd_dispatch_indirect i;
				struct tuff_cmd_copy copy;
				struct tuff_cmd_fill fill;
				struct tuff_cmd_timestamp t;
				struct tuff_cmd_barrier bar;
			};
			struct tuff_cmd_bind b[3];
		} p = { 0 };
		uint32_t n, head;

		switch (rnd(6)) {
		case 0:
			p.d = (struct tuff_cmd_dispatch){ TUFF_CMD_DISPATCH, 24, w->kernel, { rnd(4), rnd(4), rnd(4) }, 3 };
			n = 24, head = sizeof(p.d);
			break;
		case 1:
			p.i = (struct tuff_cmd_dispatch_indirect){ TUFF_CMD_DISPATCH_INDIRECT, 28, w->kernel, other, 3, 0 };
			p.i.src.range = 12;
			n = 28, head = sizeof(p.i);
			break;
		case 2:
			p.copy = (struct tuff_cmd_copy){ TUFF_CMD_COPY, 10, other.slot, 2, 0, other.offset, b[2].offset, b[2].range };
			n = 10, head = n * 4;
			break;
		case 3:
			p.fill = (struct tuff_cmd_fill){ TUFF_CMD_FILL, 8, 2, rnd(1000), 0, b[2].offset, b[2].range };
			n = 8, head = n * 4;
			break;
		case 4:
			p.t = (struct tuff_cmd_timestamp){ TUFF_CMD_TIMESTAMP, 2, stamps++ };
			n = 2, head = n * 4;
			break;
		default:
			p.bar = (struct tuff_cmd_barrier){ TUFF_CMD_BARRIER, 2, 0 };
			n = 2, head = n * 4;
		}
		start[*count] = at;
		memcpy(out + at, &p, head);
		memcpy((char *)(out + at) + head, b, n * 4 - head);
		at += n;
	}
	return at;
}

static uint32_t mutate(uint32_t *w, uint32_t n)
{
	static const uint32_t start[] = { 0, 24, 26, 36, 44, 46, 48 };

	for (uint32_t k = rnd(2) ? 1 : 1 + rnd(3); k; k--) {
		uint32_t at = rnd(6) ? rnd(n) : start[rnd(7)] + rnd(2);

		if (at >= n)
			at = n - 1;
		switch (rnd(6)) {
		case 0:
			w[at] ^= 1u << rnd(32);
			break;
		case 1:
			w[at] = nasty();
			break;
		case 2:
			w[at] = w[rnd(n)];
			break;
		case 3:
			w[at] += (rnd(2) ? 4u : -4u) << 2 * rnd(4);
			break;
		case 4:
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

/* submit with slots as declared, or not quite; what is refused touches nothing, the rest ends without an error */
static int submit(struct world *w, uint32_t cmdbuf, const struct tuff_cmdbuf_slot *decl)
{
	struct tuff_job_slot slots[SLOTS];
	bool shared = false;
	int ret, error = 0;

	for (uint32_t i = 0; i < SLOTS; i++)
		slots[i] = (struct tuff_job_slot){ decl[i].slot, w->bo[i], decl[i].flags, 0, 0, SLOT };
	if (!rnd(3)) {
		struct tuff_job_slot *s = &slots[rnd(SLOTS)];

		switch (rnd(6)) {
		case 0:
			s->offset = rnd(2) ? nasty() : 256 * rnd(40);
			break;
		case 1:
			s->range = rnd(2) ? nasty() : 4 * rnd(4096);
			break;
		case 2:
			s->bo_handle = rnd(2) ? nasty() : w->bo[rnd(SLOTS)];
			break;
		case 3:
			s->flags = rnd(8);
			break;
		case 4:
			s->slot = rnd(2) ? nasty() : rnd(6);
			break;
		default:
			s->pad = 1;
		}
	}
	ret = submit1(w->f, w->ctx, cmdbuf, slots, SLOTS - !rnd(16), w->so, w->point + 1, NULL);
	if (ret)
		return ret != -EINVAL && ret != -ENOENT && ret != -EACCES;
	for (int i = 0; i < SLOTS; i++)
		for (int k = 0; k < i; k++)
			shared |= slots[i].bo_handle == slots[k].bo_handle;
	ret = wait_so(w->f, w->so, ++w->point, 10 * SEC, &error);
	/* a copy of bytes onto themselves ends with EINVAL */
	return ret || (error && !(shared && error == -EINVAL));
}

static int try_one(struct world *w, struct fuzz *f, const uint32_t *stream, uint32_t n)
{
	struct tuff_cmdbuf_slot decl[SLOTS] = {
		{ 0, TUFF_SLOT_READ, SLOT }, { 1, TUFF_SLOT_READ, SLOT },
		{ 2, TUFF_SLOT_WRITE, SLOT }, { 3, TUFF_SLOT_READ, SLOT } };
	struct tuff_cmdbuf_destroy d = { 0 };
	char err[256] = "";
	int ret;

	if (f && !rnd(4)) {	/* declarations too, now and then */
		decl[rnd(SLOTS)].size = rnd(2) ? rnd(8192) : 4u << rnd(12);
		decl[rnd(SLOTS)].flags = rnd(4);
		decl[rnd(SLOTS)].slot = rnd(6);
	}
	ret = new_cmdbuf(w->f, stream, n * 4, decl, SLOTS, &d.cmdbuf_id, err, sizeof(err));
	if (ret) {
		if (f)
			f->rejected++;
		return !fuzz_says(ret, err);
	}
	ret = submit(w, d.cmdbuf_id, decl);
	if (f) {
		f->accepted++;
		f->ran += w->point != f->ran;
	}
	CALL(w->f, CMDBUF_DESTROY, &d);
	return ret || outside;
}

static void run(bool words)
{
	uint32_t base[WORDS], *w = NULL, n;
	struct world world;
	struct fuzz f;
	bool ok = true;

	CHECK_EQ(open_world(&world), 0);
	n = seed(&world, base);
	CHECK_EQ(try_one(&world, NULL, base, n), 0);
	CHECK(dispatched);
	fuzz_begin(&f, words ? "words" : "streams");
	f.until -= FUZZ_SECONDS / 2;
	while (ok && fuzz_next(&f)) {
		uint32_t size = n;

		/* of its very size: what is read behind it is seen */
		uint32_t all[WORDS] = { 0 };
		if (words) {
			size = 2 + 2 * rnd(WORDS / 2 - 1);
			for (uint32_t k = 0; k < size; k++)
				all[k] = rnd(3) ? rnd(16) : nasty();
			all[0] = (1 + rnd(7)) | (2 + 2 * rnd(16)) << 16;
		} else if (rnd(2)) {
			uint32_t start[8], count;

			size = build(&world, all, start, &count);
			if (rnd(2))	/* one field of one packet */
				all[start[rnd(count)] + 1 + rnd(8)] = rnd(2) ? nasty() : 16 * rnd(512);
		} else {
			memcpy(all, base, n * 4);
			size = mutate(all, n);
		}
		w = malloc(size * 4);
		memcpy(w, all, size * 4);
		fuzz_input(&f, w, size * 4);
		ok = fuzz_done(&f, try_one(&world, &f, w, size));
		free(w);
	}
	fuzz_end(&f);
	tuff_local_close(world.f);
	CHECK(ok && !outside);
	CHECK_EQ(tuff_mock_objects(), 0);
	CHECK(words || f.accepted + f.rejected < 500 || (f.accepted > f.rejected / 100 && f.rejected > f.accepted / 10));
}

TEST(mutated_streams)
{
	run(false);
}

TEST(random_words)
{
	run(true);
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
