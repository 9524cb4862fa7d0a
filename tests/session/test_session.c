// SPDX-License-Identifier: MIT
/* Sessions on the CPU: arguments that are wrong, and files that change under them. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/harness.h"
#include "userspace/tuff.h"

static float image[64], answer[10];

static void input(struct tuff_tensor *t)
{
	for (int i = 0; i < 64; i++)
		image[i] = (float)(i * 7 % 17);
	*t = (struct tuff_tensor){ .dtype = 1, .rank = 4, .dim = { 1, 1, 8, 8 }, .data = image, .size = sizeof(image) };
}

TEST(null_pointers)
{
	struct tuff_tensor in, out;
	struct tuff_session *s = (void *)1;
	struct tuff_io_info info;
	struct tuff_step_info step;
	struct tuff_error err;

	CHECK_EQ(tuff_session_create(NULL, "cpu", &s, &err), -EINVAL);
	CHECK(!s && strstr(err.text, "no path"));
	CHECK_EQ(tuff_session_create("", "cpu", &s, NULL), -EINVAL);
	CHECK_EQ(tuff_session_create("demo/digits.onnx", "cpu", NULL, &err), -EINVAL);
	CHECK_EQ(tuff_session_create("demo/digits.onnx", "gramophone", &s, &err), -ENODEV);
	CHECK_EQ(tuff_compile(NULL, "cpu", NULL, NULL, &err), -EINVAL);
	CHECK_EQ(tuff_compile("demo/digits.onnx", "gramophone", NULL, NULL, &err), -EINVAL);
	CHECK_EQ(tuff_session_inputs(NULL) + tuff_session_outputs(NULL) + tuff_session_steps(NULL) + tuff_session_kernels(NULL), 0);
	CHECK_EQ(tuff_session_input(NULL, 0, &info), -EINVAL);
	CHECK_EQ(tuff_run(NULL, NULL, 0, NULL, 0, &err), -EINVAL);
	tuff_session_destroy(NULL);

	CHECK_EQ(tuff_session_create("demo/digits.onnx", "cpu", &s, NULL), 0);
	input(&in);
	CHECK_EQ(tuff_session_input(s, 0, NULL), -EINVAL);
	CHECK_EQ(tuff_session_input(s, 1, &info), -EINVAL);
	CHECK_EQ(tuff_session_output(s, UINT32_MAX, &info), -EINVAL);
	CHECK_EQ(tuff_session_step(s, UINT32_MAX, &step), -EINVAL);
	CHECK_EQ(tuff_session_step(s, 0, NULL), -EINVAL);
	CHECK_EQ(tuff_run(s, NULL, 1, &out, 1, &err), -EINVAL);
	CHECK_EQ(tuff_run(s, &in, 1, NULL, 1, &err), -EINVAL);
	CHECK_EQ(tuff_run_profiled(s, &in, 1, &out, 1, NULL, &err), -EINVAL);
	CHECK_EQ(tuff_run(s, &in, 1, &out, 1, NULL), 0);
	tuff_session_destroy(s);
}

/* every other function that takes a pointer, as tuff.h promises at its top */
TEST(null_pointers_elsewhere)
{
	struct tuff_memory memory = { .weights = 1 };
	struct tuff_model_info model = { .steps = 1 };
	struct tuff_binding *b = (void *)1;
	struct tuff_fence *f = (void *)1;
	struct tuff_node_info node;
	struct tuff_tensor in, out;
	struct tuff_io_info info;
	struct tuff_session *s;
	struct tuff_error err;

	input(&in);
	CHECK_EQ(tuff_devices(NULL, 4), tuff_devices(NULL, 0));
	CHECK_EQ(tuff_session_find_input(NULL, "image"), -EINVAL);
	CHECK_EQ(tuff_session_find_output(NULL, "probability"), -EINVAL);
	CHECK_EQ(tuff_session_initializers(NULL) + tuff_session_nodes(NULL) + tuff_session_threads(NULL), 0);
	CHECK_EQ(tuff_session_initializer(NULL, 0, &info), -EINVAL);
	CHECK_EQ(tuff_session_node(NULL, 0, &node), -EINVAL);
	CHECK(!strcmp(tuff_session_why(NULL), ""));
	tuff_session_memory(NULL, &memory);
	tuff_session_info(NULL, &model);
	CHECK(!memory.weights && !model.steps && model.macs == -1);
	CHECK_EQ(tuff_session_override(NULL, "w", &in, &err), -EINVAL);
	CHECK(strstr(err.text, "NULL"));
	CHECK(!tuff_session_alloc(NULL, 4));
	tuff_session_free(NULL, image);
	CHECK_EQ(tuff_binding_create(NULL, &b, &err), -EINVAL);
	CHECK(!b);
	tuff_binding_destroy(NULL);
	CHECK_EQ(tuff_bind_input(NULL, 0, &in, NULL), -EINVAL);
	CHECK_EQ(tuff_bind_output(NULL, 0, image, 4, NULL), -EINVAL);
	CHECK_EQ(tuff_run_bound(NULL, &err), -EINVAL);
	CHECK_EQ(tuff_bound_output(NULL, 0, &out), -EINVAL);
	CHECK_EQ(tuff_run_async(NULL, &f, &err), -EINVAL);
	CHECK(!f);
	CHECK_EQ(tuff_fence_wait(NULL, 0, &err), -EINVAL);
	CHECK_EQ(tuff_fence_fd(NULL), -EINVAL);
	tuff_fence_cancel(NULL);

	CHECK_EQ(tuff_session_create("demo/digits.onnx", "cpu", &s, NULL), 0);
	CHECK_EQ(tuff_binding_create(s, NULL, &err), -EINVAL);
	CHECK_EQ(tuff_binding_create(s, &b, NULL), 0);
	CHECK_EQ(tuff_session_find_input(s, NULL), -EINVAL);
	CHECK_EQ(tuff_session_find_output(s, NULL), -EINVAL);
	CHECK_EQ(tuff_session_initializer(s, 0, NULL), -EINVAL);
	CHECK_EQ(tuff_session_node(s, 0, NULL), -EINVAL);
	tuff_session_memory(s, NULL);
	tuff_session_info(s, NULL);
	CHECK_EQ(tuff_session_override(s, NULL, &in, NULL), -EINVAL);
	CHECK_EQ(tuff_bind_input(b, 0, NULL, NULL), -EINVAL);
	CHECK_EQ(tuff_bound_output(b, 0, NULL), -EINVAL);
	CHECK_EQ(tuff_run_async(b, NULL, NULL), -EINVAL);
	CHECK_EQ(tuff_bind_input(b, 0, &in, NULL), 0);
	CHECK_EQ(tuff_run_bound(b, NULL), 0);
	tuff_session_destroy(s);
}

TEST(inputs_that_do_not_fit)
{
	static const struct { const char *text; struct tuff_tensor t; } cases[] = {
		{ "is int64, the model takes float32", { 7, 4, { 1, 1, 8, 8 }, image, 512 } },
		{ "is unknown", { 4711, 4, { 1, 1, 8, 8 }, image, 256 } },
		{ "has 3 dimensions, the model takes 4", { 1, 3, { 1, 8, 8 }, image, 256 } },
		{ "has 4000000000 dimensions", { 1, 4000000000u, { 1, 1, 8, 8 }, image, 256 } },
		{ "dimension 2 is 9, the model takes 8", { 1, 4, { 1, 1, 9, 8 }, image, 288 } },
		{ "dimension 0 is -1", { 1, 4, { -1, 1, 8, 8 }, image, 256 } },
		{ "more bytes than 64 bits", { 1, 4, { INT64_MAX, 1, 8, 8 }, image, 256 } },
		{ "255 bytes given, its shape needs 256", { 1, 4, { 1, 1, 8, 8 }, image, 255 } },
		{ "256 bytes given, its shape needs 512", { 1, 4, { 2, 1, 8, 8 }, image, 256 } },
		{ "bytes given", { 1, 4, { 1, 1, 8, 8 }, NULL, 256 } },
		{ "bytes", { 1, 4, { 1ll << 36, 1, 8, 8 }, image, 1ull << 44 } },	/* sizes, not memory, are too large */
	};
	struct tuff_tensor in, out;
	struct tuff_session *s;
	struct tuff_error err;

	CHECK_EQ(tuff_session_create("demo/digits.onnx", "cpu", &s, &err), 0);
	input(&in);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int ret = tuff_run(s, &cases[i].t, 1, &out, 1, &err);

		if (ret >= 0 || !strstr(err.text, cases[i].text))
			printf("  %d '%s', not '%s'\n", ret, err.text, cases[i].text);
		CHECK(ret < 0 && strstr(err.text, cases[i].text));
	}
	CHECK_EQ(tuff_run(s, &in, 0, &out, 1, &err), -EINVAL);
	CHECK_EQ(tuff_run(s, &in, 1, &out, 2, &err), -EINVAL);
	CHECK_EQ(tuff_run(s, &in, 1, &out, 1, &err), 0);	/* and goes on */
	tuff_session_destroy(s);
}

/* a copy of the digits, as .onnx or .tuff; the right answer */
static int copy(const char *path, int program)
{
	struct tuff_session *s;
	struct tuff_tensor in, out;
	char cmd[256];
	int ret;

	input(&in);
	ret = tuff_session_create("demo/digits.onnx", "cpu", &s, NULL);
	if (ret)
		return ret;
	ret = tuff_run(s, &in, 1, &out, 1, NULL);
	if (!ret)
		memcpy(answer, out.data, sizeof(answer));
	tuff_session_destroy(s);
	snprintf(cmd, sizeof(cmd), "cp demo/digits.onnx %s", path);
	return ret ? ret : program ? tuff_compile("demo/digits.onnx", "cpu", path, NULL, NULL) : system(cmd);
}

/* what is done to the file: before the first run, or after it */
static void changed(int program, int ran, int (*change)(const char *path), int want)
{
	char path[] = "/tmp/tuff-session-XXXXXX";
	struct tuff_session *s;
	struct tuff_tensor in, out;
	struct tuff_error err;

	close(mkstemp(path));
	CHECK_EQ(copy(path, program), 0);
	input(&in);
	CHECK_EQ(tuff_session_create(path, "cpu", &s, &err), 0);
	if (ran)
		CHECK_EQ(tuff_run(s, &in, 1, &out, 1, &err), 0);
	CHECK_EQ(change(path), 0);
	for (int i = 0; i < 2; i++) {
		int ret = tuff_run(s, &in, 1, &out, 1, &err);

		CHECK_EQ(ret, want);
		if (ret)
			CHECK(strstr(err.text, "weight '") && strstr(err.text, "shorter than it was"));
		else
			CHECK(!memcmp(out.data, answer, sizeof(answer)));
	}
	tuff_session_destroy(s);
	unlink(path);
}

static int cut(const char *path) { return truncate(path, 100); }
static int scribble(const char *path)
{
	struct stat st;
	FILE *f = fopen(path, "r+b");

	if (!f || fstat(fileno(f), &st))
		return -1;
	for (off_t i = 0; i < 4096 * 12 && i < st.st_size; i++)
		fputc(0xff, f);
	return fclose(f);
}

TEST(program_cut_short) { changed(1, 0, cut, -EIO); }
TEST(program_cut_short_after_a_run) { changed(1, 1, cut, 0); }
TEST(program_deleted) { changed(1, 0, unlink, 0); }
TEST(program_overwritten_after_a_run) { changed(1, 1, scribble, 0); }
TEST(model_cut_short) { changed(0, 0, cut, -EIO); }
TEST(model_cut_short_after_a_run) { changed(0, 1, cut, 0); }
TEST(model_deleted) { changed(0, 0, unlink, 0); }
