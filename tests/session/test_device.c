// SPDX-License-Identifier: MIT
/* Sessions on a Vulkan device: what a run may do, shapes, errors, program files. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness.h"
#include "userspace/session.h"

#define MODEL "demo/digits.onnx"
#define MAX_BATCH 50

static struct tuff_error err;
static float image[MAX_BATCH * 64];

static void fill(void)
{
	for (int i = 0; i < MAX_BATCH * 64; i++)
		image[i] = (i * 37 % 101) / 101.f;
}

static struct tuff_tensor input(int64_t batch)
{
	return (struct tuff_tensor){ .dtype = TUFF_F32, .rank = 4, .dim = { batch, 1, 8, 8 }, .data = image, .size = batch * 256 };
}

/* opens `s` on a device; leaves the test if there is none */
#define OPEN(s, device) \
	struct tuff_session *s = NULL; \
	do { \
		int ret_ = tuff_session_create(MODEL, device, &s, &err); \
		if (ret_ == -ENODEV && strcmp(device, "cpu")) \
			SKIP("no Vulkan device"); \
		if (ret_) \
			printf("  %s\n", err.text); \
		CHECK_EQ(ret_, 0); \
	} while (0)

static struct tuff_be_counters count(const struct tuff_session *s)
{
	struct tuff_be_counters c = { .validation = UINT64_MAX };

	tuff_local_counters(s->dev->file, &c);
	return c;
}

TEST(seen_bindings_allocate_record_and_compile_nothing)
{
	OPEN(s, "vulkan");
	struct tuff_tensor in = input(3), out;
	struct tuff_be_counters a, b;

	CHECK_EQ(tuff_run(s, &in, 1, &out, 1, &err), 0);
	a = count(s);
	for (int i = 0; i < 20; i++) {
		image[i] += 0.25f;	/* other values, the same bindings */
		CHECK_EQ(tuff_run(s, &in, 1, &out, 1, &err), 0);
	}
	b = count(s);
	CHECK(b.submits > a.submits);
	CHECK_EQ(b.allocs, a.allocs);
	CHECK_EQ(b.imports, a.imports);
	CHECK_EQ(b.pipelines, a.pipelines);
	CHECK_EQ(b.records, a.records);
	CHECK_EQ(b.validation, 0);
	tuff_session_destroy(s);
}

TEST(fifty_sizes_make_no_pipeline_and_agree_with_the_cpu)
{
	OPEN(s, "vulkan");
	OPEN(cpu, "cpu");
	struct tuff_be_counters a;

	fill();
	a = count(s);
	CHECK(a.pipelines > 0);
	for (int n = 1; n <= MAX_BATCH; n++) {
		struct tuff_tensor in = input(n), x, y;

		CHECK_EQ(tuff_run(s, &in, 1, &x, 1, &err), 0);
		CHECK_EQ(tuff_run(cpu, &in, 1, &y, 1, &err), 0);
		CHECK_EQ(x.dim[0], n);
		CHECK_EQ(x.size, y.size);
		for (int i = 0; i < n * 10; i++)
			CHECK(fabsf(((float *)x.data)[i] - ((float *)y.data)[i]) < 1e-4f);
	}
	CHECK_EQ(count(s).pipelines, a.pipelines);
	tuff_session_destroy(s);
	tuff_session_destroy(cpu);
}

TEST(every_step_of_a_convolutional_network_is_on_the_device)
{
	OPEN(s, "vulkan");

	CHECK(tuff_session_steps(s) > 5);
	for (uint32_t i = 0; i < tuff_session_steps(s); i++) {
		struct tuff_step_info info;

		CHECK_EQ(tuff_session_step(s, i, &info), 0);
		CHECK(info.on_device);
	}
	tuff_session_destroy(s);
}

TEST(profiled_run_gives_the_same_and_times_every_step)
{
	OPEN(s, "vulkan");
	struct tuff_tensor in = input(2), out;
	float want[20];
	uint64_t *ns = calloc(tuff_session_steps(s), sizeof(*ns)), sum = 0;
	int ret;

	fill();
	CHECK_EQ(tuff_run(s, &in, 1, &out, 1, &err), 0);
	memcpy(want, out.data, sizeof(want));
	ret = tuff_run_profiled(s, &in, 1, &out, 1, ns, &err);
	if (ret == -EOPNOTSUPP)
		SKIP("the device has no timestamps");
	CHECK_EQ(ret, 0);
	CHECK(!memcmp(want, out.data, sizeof(want)));
	for (uint32_t i = 0; i < tuff_session_steps(s); i++)
		sum += ns[i];
	CHECK(sum > 0);
	free(ns);
	tuff_session_destroy(s);
}

TEST(two_sessions_share_the_device)
{
	OPEN(a, "vulkan");
	OPEN(b, "vulkan");
	struct tuff_tensor in = input(1), x, y;

	fill();
	CHECK_EQ(tuff_run(a, &in, 1, &x, 1, &err), 0);
	CHECK_EQ(tuff_run(b, &in, 1, &y, 1, &err), 0);
	CHECK(!memcmp(x.data, y.data, x.size));
	tuff_session_destroy(a);
	CHECK_EQ(tuff_run(b, &in, 1, &y, 1, &err), 0);
	tuff_session_destroy(b);
}

TEST(unknown_devices_are_named)
{
	struct tuff_session *s = NULL;

	CHECK_EQ(tuff_session_create(MODEL, "gpu", &s, &err), -ENODEV);
	CHECK(strstr(err.text, "'gpu'"));
	CHECK_EQ(tuff_session_create(MODEL, "vulkan:99", &s, &err), -ENODEV);
	CHECK(!s);
}

TEST(program_files_run_and_name_what_they_are_for)
{
	const char *target[] = { "cpu", "gpu" };
	OPEN(ref, "cpu");
	struct tuff_tensor in = input(2), x, y;
	char path[] = "/tmp/tuff-test-XXXXXX";

	fill();
	close(mkstemp(path));
	CHECK_EQ(tuff_run(ref, &in, 1, &y, 1, &err), 0);
	for (int i = 0; i < 2; i++) {
		struct tuff_session *s = NULL;
		int ret;

		CHECK_EQ(tuff_compile(MODEL, target[i], path, NULL, &err), 0);
		ret = tuff_session_create(path, "cpu", &s, &err);
		if (i) {
			CHECK_EQ(ret, -ENOEXEC);
			CHECK(strstr(err.text, "compiled for gpu"));
			continue;
		}
		CHECK_EQ(ret, 0);
		CHECK_EQ(tuff_run(s, &in, 1, &x, 1, &err), 0);
		CHECK(!memcmp(x.data, y.data, x.size));
		tuff_session_destroy(s);
	}
	CHECK_EQ(tuff_compile(MODEL, "toaster", path, NULL, &err), -EINVAL);
	tuff_session_destroy(ref);
	unlink(path);
}
