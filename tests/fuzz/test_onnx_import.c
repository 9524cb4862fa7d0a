// SPDX-License-Identifier: MIT
/*
 * Mutated models through the whole compiler: never a crash or a hang, and each
 * rejected one says why. Deterministic; TUFF_FUZZ sets the number per seed,
 * TUFF_FUZZ_SEED names one more.
 */
#include <errno.h>
#include <unistd.h>

#include "compiler/tuffc.h"
#include "tests/harness.h"

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
		b = malloc(*n + 64);
		if (b && fread(b, 1, *n, f) != *n)
			*n = 0;
	}
	if (f)
		fclose(f);
	return b;
}

static size_t mutate(unsigned char *b, size_t n)
{
	static const unsigned char nasty[] = { 0, 1, 0x7f, 0x80, 0xff, 0xfe, 8, 0x3f };

	for (unsigned int k = 1 + rnd(4); k && n; k--) {
		/* structure is dense where bytes are small: half the hits in the first 4 kB */
		size_t at = rnd(2) && n > 4096 ? rnd(4096) : rnd(n);

		switch (rnd(4)) {
		case 0:
			b[at] ^= 1 << rnd(8);
			break;
		case 1:
			b[at] = nasty[rnd(sizeof(nasty))];
			break;
		case 2:
			n = at + 1;
			break;
		default:
			memmove(b + at, b + rnd(n - at) + at, 1);
		}
	}
	return n;
}

static int fuzz(const char *path)
{
	const struct tuffc_options opt = { .device.target = TUFF_TARGET_CPU };
	int runs = getenv("TUFF_FUZZ") ? atoi(getenv("TUFF_FUZZ")) : 1000, bad = 0;
	size_t size = 0;
	unsigned char *seed = slurp(path, &size), *b = malloc(size + 64);

	for (int i = 0; seed && b && i < runs && !bad; i++) {
		struct tuff_program *p;
		struct tuffc_error err;
		size_t n;
		int ret;

		memcpy(b, seed, size);
		n = mutate(b, size);
		ret = tuffc_compile_memory(b, n, "/nonexistent", &opt, &p, &err);
		if (ret && (!*err.text || p))
			bad = 1;
		tuff_program_destroy(p);
	}
	bad |= !seed || !b || !size;
	free(seed);
	free(b);
	return bad;
}

TEST(mutated_digits)
{
	CHECK(!fuzz("demo/digits.onnx"));
}

TEST(mutated_bert)
{
	CHECK(!fuzz("tests/models/bert_13/model.onnx"));
}

TEST(mutated_vit)
{
	CHECK(!fuzz("tests/models/vit_16/model.onnx"));
}

#define NODES "/usr/share/libonnx-testdata/data/node/"

TEST(mutated_regions)
{
	if (access(NODES, R_OK))
		SKIP("libonnx-testdata is not installed");
	CHECK(!fuzz(NODES "test_if/model.onnx"));
	CHECK(!fuzz(NODES "test_loop11/model.onnx"));
	CHECK(!fuzz(NODES "test_scan_sum/model.onnx"));
	CHECK(!fuzz(NODES "test_scan9_sum/model.onnx"));
	CHECK(!fuzz(NODES "test_range_float_type_positive_delta_expanded/model.onnx"));
	CHECK(!fuzz(NODES "test_nonmaxsuppression_two_batches/model.onnx"));
}

TEST(mutated_seed)
{
	if (!getenv("TUFF_FUZZ_SEED"))
		SKIP("TUFF_FUZZ_SEED names no model");
	CHECK(!fuzz(getenv("TUFF_FUZZ_SEED")));
}

/* graph in attribute in node in graph, 10,000 deep, lengths from the inside out */
TEST(nested_ten_thousand_deep)
{
	static const unsigned char keys[] = { 7 << 3 | 2, 1 << 3 | 2, 5 << 3 | 2, 6 << 3 | 2 };
	const struct tuffc_options opt = { .device.target = TUFF_TARGET_CPU };
	size_t cap = 10000 * 8, at = cap;
	unsigned char *b = calloc(1, cap);
	struct tuff_program *p;
	struct tuffc_error err;

	CHECK(b);
	for (int i = 9999; i >= 0; i--) {
		size_t len = cap - at;
		unsigned char v[5];
		int n = 0;

		do
			v[n++] = (len & 127) | (len > 127 ? 128 : 0);
		while (len >>= 7);
		at -= n;
		memcpy(b + at, v, n);
		b[--at] = i ? keys[1 + (i - 1) % 3] : keys[0];
	}
	CHECK_EQ(tuffc_compile_memory(b + at, cap - at, NULL, &opt, &p, &err), -EINVAL);
	free(b);
	CHECK(strstr(err.text, "nested deeper than 64"));
}

TEST(empty_and_garbage)
{
	const struct tuffc_options opt = { .device.target = TUFF_TARGET_CPU };
	struct tuff_program *p;
	struct tuffc_error err;

	CHECK_EQ(tuffc_compile_memory("", 0, NULL, &opt, &p, &err), -EINVAL);
	CHECK(strstr(err.text, "no graph"));
	CHECK_EQ(tuffc_compile_memory("GIF89a", 6, NULL, &opt, &p, &err), -EINVAL);
	CHECK(strstr(err.text, "not a valid ONNX file"));
	CHECK_EQ(tuffc_compile("/nonexistent/x.onnx", &opt, &p, &err), -ENOENT);
	CHECK(strstr(err.text, "/nonexistent/x.onnx"));
}
