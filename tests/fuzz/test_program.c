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

/* hashes made right, from the inside out; sections are where they were */
static void seal(unsigned char *b, size_t size)
{
	struct tuff_file_head *h = (void *)b;
	struct tuff_file_sub *t = (void *)(b + h->section[SEC_SUBS].offset);

	for (uint64_t i = 0; i < h->section[SEC_SUBS].count; i++) {
		uint64_t at = h->section[SEC_IMAGES].offset + t[i].offset;
		struct tuff_file_head in = { 0 };
		bool fits = t[i].offset < size && at % TUFF_FILE_PAGE == 0 && at <= size - sizeof(in);

		if (!fits)
			continue;
		memcpy(&in, b + at, sizeof(in));
		for (int k = 0; k < SEC_COUNT; k++)
			fits &= in.section[k].offset < size && in.section[k].count < size && in.section[k].offset % TUFF_FILE_PAGE == 0 &&
				at + in.section[k].offset + in.section[k].count * tuff_section_size[k] <= size;
		if (!fits)
			continue;
		seal(b + at, size - at);
		t[i].hash = ((struct tuff_file_head *)(b + at))->hash;
	}
	h->hash = tuff_file_hash(b);
}

/* a script is run too: its steps and programs are the file's word */
static int run_script(const unsigned char *b, size_t n)
{
	char path[] = "/tmp/tuff-fuzz-XXXXXX";
	int fd = mkstemp(path), ret = 0;
	struct tuff_session *s = NULL;
	struct tuff_error err;

	if (fd < 0 || write(fd, b, n) != (ssize_t)n)
		ret = 1;
	if (fd >= 0)
		close(fd);
	if (!ret && !tuff_session_create(path, "cpu", &s, &err)) {
		uint32_t nin = tuff_session_inputs(s), nout = tuff_session_outputs(s);
		struct tuff_tensor *in = calloc(nin + 1, sizeof(*in)), *out = calloc(nout + 1, sizeof(*out));

		for (uint32_t i = 0; i < nin; i++) {
			struct tuff_io_info info;

			tuff_session_input(s, i, &info);
			in[i].dtype = info.dtype;
			in[i].rank = info.rank;
			in[i].size = tuff_type_size(info.dtype);
			for (uint32_t d = 0; d < info.rank; d++) {
				in[i].dim[d] = info.dim[d] < 0 ? 3 : info.dim[d] < 64 ? info.dim[d] : 64;
				in[i].size *= in[i].dim[d];
			}
			in[i].data = in[i].size < 1 << 20 ? calloc(in[i].size + 1, 1) : NULL;
		}
		*err.text = 0;
		ret = tuff_run(s, in, nin, out, nout, &err) && !*err.text;
		for (uint32_t i = 0; i < nin; i++)
			free(in[i].data);
		free(in);
		free(out);
	}
	tuff_session_destroy(s);
	unlink(path);
	return ret;
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
		seal(b, n);
		*text = 0;
		p = NULL;
		ret = tuff_program_parse(b, n, &p, text, sizeof(text));
		bad |= ret && (!*text || p);
		if (!ret) {
			accepted++;
			instantiate(p);
			bad |= tuff_program_scripted(p) && run_script(b, n);
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

#define NODES "/usr/share/libonnx-testdata/data/node/"

TEST(mutated_script)
{
	if (access(NODES, R_OK))
		SKIP("libonnx-testdata is not installed");
	CHECK(!fuzz(NODES "test_nonmaxsuppression_two_batches/model.onnx", "cpu"));
	CHECK(!fuzz(NODES "test_reshape_zero_and_negative_dim/model.onnx", "cpu"));
	CHECK(!fuzz(NODES "test_if/model.onnx", "cpu"));
	CHECK(!fuzz(NODES "test_loop11/model.onnx", "cpu"));
	CHECK(!fuzz(NODES "test_scan9_sum/model.onnx", "cpu"));
	CHECK(!fuzz(NODES "test_unique_sorted_with_axis_3d/model.onnx", "cpu"));
}

TEST(mutated_seed)
{
	if (!getenv("TUFF_FUZZ_SEED"))
		SKIP("TUFF_FUZZ_SEED names no model");
	CHECK(!fuzz(getenv("TUFF_FUZZ_SEED"), "cpu"));
}
