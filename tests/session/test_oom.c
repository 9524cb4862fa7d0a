// SPDX-License-Identifier: MIT
/*
 * The N-th allocation of ours fails, for every N that there is, and then all
 * from the N-th on: a session is refused with -ENOMEM or does its work, and
 * nothing crashes or is left behind. The linker sends our calls here (Makefile).
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "tests/harness.h"
#include "userspace/tuff.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);

static long count, fail_at = LONG_MAX;
static bool onwards, hit;

static bool refused(void)
{
	long n = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);

	if (onwards ? n < fail_at : n != fail_at)
		return false;
	hit = true;
	return true;
}

void *__wrap_malloc(size_t n)
{
	return refused() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return refused() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return refused() ? NULL : __real_realloc(p, n);
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
	return refused() ? NULL : __real_aligned_alloc(align, n);
}

/* 0: it worked; -ENOMEM; anything else is wrong */
static int once(const char *path, char *text)
{
	static uint64_t data[1 << 16];
	struct tuff_tensor in[8], out[8];
	struct tuff_session *s = NULL;
	struct tuff_error err;
	int ret = tuff_session_create(path, "cpu", &s, &err);

	if (ret && s)
		return -EEXIST;
	for (uint32_t i = 0; !ret && i < tuff_session_inputs(s); i++) {
		struct tuff_io_info info;

		tuff_session_input(s, i, &info);
		in[i] = (struct tuff_tensor){ .dtype = info.dtype, .rank = info.rank, .data = data, .size = tuff_type_size(info.dtype) };
		for (uint32_t d = 0; d < info.rank; d++)
			in[i].size *= in[i].dim[d] = info.dim[d] < 0 ? 2 : info.dim[d];
		if (in[i].size > sizeof(data))
			ret = -E2BIG;
	}
	for (int k = 0; k < 2 && !ret; k++)
		ret = tuff_run(s, in, tuff_session_inputs(s), out, tuff_session_outputs(s), &err);
	snprintf(text, sizeof(err.text), "%s", ret ? err.text : "");
	tuff_session_destroy(s);
	return ret;
}

static void every(const char *path)
{
	char text[1024];

	fail_at = LONG_MAX;
	CHECK_EQ(once(path, text), 0);	/* what is made once is there now */
	for (int mode = 0; mode < 2; mode++) {
		long n;

		onwards = mode;
		for (n = 1; n < 100000; n++) {
			int ret;

			count = 0;
			hit = false;
			fail_at = n;
			ret = once(path, text);
			fail_at = LONG_MAX;
			if (ret && (ret != -ENOMEM || !*text))
				printf("  allocation %ld%s of %s: %d '%s'\n", n, mode ? " and all after it" : "", path, ret, text);
			CHECK(!ret || (ret == -ENOMEM && *text));
			if (!hit)
				break;
		}
		if (!mode)
			printf("  %s: %ld allocations\n", path, n - 1);
		CHECK(n > 10 && n < 100000);
	}
}

TEST(digits)
{
	every("demo/digits.onnx");
}

TEST(encoder)
{
	every("tests/models/bert_13/model.onnx");
}

TEST(digits_program)
{
	char path[] = "/tmp/tuff-oom-XXXXXX", text[1024] = "";
	struct tuff_error err;

	close(mkstemp(path));
	if (tuff_compile("demo/digits.onnx", "cpu", path, NULL, &err))
		snprintf(text, sizeof(text), "%s", err.text);
	else
		every(path);
	unlink(path);
	CHECK(!*text);
}

/* each reaches other parts of the compiler */
static void nodes(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "/usr/share/libonnx-testdata/data/node/%s/model.onnx", name);
	if (access(path, R_OK))
		SKIP("no libonnx-testdata");
	every(path);
}
TEST(lstm) { nodes("test_lstm_defaults"); }
TEST(log_softmax) { nodes("test_logsoftmax_default_axis"); }
TEST(gru) { nodes("test_gru_with_initial_bias"); }
TEST(einsum) { nodes("test_einsum_batch_matmul"); }
TEST(softmax_loss) { nodes("test_sce_NCd1d2d3_none_no_weight_negative_ii_expanded"); }
TEST(quantized) { nodes("test_qlinearmatmul_3D"); }
TEST(grid_sample) { nodes("test_gridsample_bicubic"); }
TEST(convolution) { nodes("test_basic_conv_with_padding"); }
TEST(transposed_convolution) { nodes("test_convtranspose_1d"); }
