// SPDX-License-Identifier: MIT
/*
 * Mutated program files. As they are: found damaged. With the hash made right
 * again, as a forger would: tables are refused by name, or hold what they say,
 * so that sizes evaluate and buffers are placed without a fault. TUFF_FUZZ
 * sets the number per seed.
 */
#include <errno.h>
#include <unistd.h>

#include "program/file.h"
#include "tests/harness.h"
#include "userspace/tuff.h"

static unsigned long long state;

static unsigned int rnd(unsigned int n)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned int)(state >> 33) % n;
}

static unsigned char *slurp(const char *path, size_t *n)
{
	unsigned char *b = NULL;
	FILE *f = fopen(path, "rb");

	if (f && !fseek(f, 0, SEEK_END)) {
		*n = ftell(f);
		rewind(f);
		b = aligned_alloc(4096, (*n + 8191) / 4096 * 4096);
		if (b && fread(b, 1, *n, f) != *n)
			*n = 0;
	}
	if (f)
		fclose(f);
	return b;
}

/* hits in the head and in the used part of sections */
static size_t mutate(unsigned char *b, size_t n, const struct tuff_file_head *h)
{
	static const unsigned char nasty[] = { 0, 1, 0x7f, 0x80, 0xff, 0xfe };

	for (unsigned int k = 1 + rnd(3); k; k--) {
		unsigned int s = rnd(SEC_COUNT + 1);
		size_t from = s == SEC_COUNT ? 0 : h->section[s].offset;
		size_t len = s == SEC_COUNT ? sizeof(*h) : h->section[s].count * tuff_section_size[s];
		size_t at = len ? from + rnd(len) : 0;

		if (at >= n)
			continue;
		switch (rnd(16)) {
		case 0:
			n = at + 1;
			break;
		case 1: case 2: case 3: case 4: case 5:
			b[at] = nasty[rnd(sizeof(nasty))];
			break;
		default:
			b[at] ^= 1 << rnd(8);
		}
	}
	return n;
}

/* can what was accepted be sized and placed? */
static void instantiate(const struct tuff_program *p)
{
	int64_t *syms = calloc(p->nsyms + 1, 8), *vals = calloc(p->nexprs + 1, 8);
	uint64_t *sizes = calloc(p->nbufs + 1, 8), *off = calloc(p->nbufs + 1, 8);
	struct tuff_memplan plan;
	uint32_t bad;

	for (uint32_t i = 0; i < p->nsyms; i++)
		syms[i] = 3;
	if (!tuff_expr_eval(p->exprs, p->nexprs, syms, p->nsyms, vals, &bad)) {
		for (uint32_t i = 0; i < p->nbufs; i++)
			sizes[i] = vals[p->bufs[i].size] > 0 && vals[p->bufs[i].size] < 1 << 30 ? vals[p->bufs[i].size] : 64;
		tuff_memplan(p->bufs, p->nbufs, TUFF_BUF_ARENA, sizes, 64, off, &plan);
	}
	free(syms);
	free(vals);
	free(sizes);
	free(off);
}

static int fuzz(const char *model, const char *target)
{
	char path[] = "/tmp/tuff-fuzz-XXXXXX", text[256];
	int runs = getenv("TUFF_FUZZ") ? atoi(getenv("TUFF_FUZZ")) : 2000, bad = 0, accepted = 0;
	struct tuff_error err;
	unsigned char *seed = NULL, *b = NULL;
	size_t size = 0;

	close(mkstemp(path));
	bad = tuff_compile(model, target, path, NULL, &err);
	seed = bad ? NULL : slurp(path, &size);
	unlink(path);
	b = seed ? aligned_alloc(4096, (size + 8191) / 4096 * 4096) : NULL;
	for (int i = 0; b && i < runs && !bad; i++) {
		const struct tuff_file_head *h = (const void *)seed;
		struct tuff_program *p = NULL;
		size_t n;
		int ret;

		memcpy(b, seed, size);
		n = mutate(b, size, h);
		*text = 0;
		ret = tuff_program_parse(b, n, &p, text, sizeof(text));
		bad |= ret && (!*text || p);
		tuff_program_destroy(p);
		if (n != size || memcmp(((struct tuff_file_head *)b)->section, h->section, sizeof(h->section)))
			continue;
		((struct tuff_file_head *)b)->hash = tuff_file_hash(b);	/* sections are where they were */
		*text = 0;
		p = NULL;
		ret = tuff_program_parse(b, n, &p, text, sizeof(text));
		bad |= ret && (!*text || p);
		if (!ret) {
			accepted++;
			instantiate(p);
		}
		tuff_program_destroy(p);
	}
	bad |= !b || (runs >= 1000 && !accepted);
	free(seed);
	free(b);
	return bad;
}

TEST(mutated_cpu_program)
{
	CHECK(!fuzz("demo/digits.onnx", "cpu"));
}

TEST(mutated_gpu_program)
{
	CHECK(!fuzz("tests/models/vit_13/model.onnx", "gpu"));
}

TEST(garbage)
{
	struct tuff_program *p;
	char text[256] = "";

	CHECK_EQ(tuff_program_parse("tuff", 4, &p, text, sizeof(text)), -EINVAL);
	CHECK(strstr(text, "not a tuff program"));
	CHECK_EQ(tuff_program_load("/nonexistent.tuff", &p, text, sizeof(text)), -ENOENT);
	CHECK(*text);
}
