// SPDX-License-Identifier: MIT
/*
 * Whole networks on devices that can do less: each way of reaching shared
 * memory refused in turn, and the specification's minimum limits without
 * optional features (TUFF_DEBUG, driver/vulkan/debug.c). The CPU path says what
 * is right.
 */
#include <math.h>

#include "tests/devices.h"
#include "tests/harness.h"
#include "userspace/session.h"

#define MAX_IO	8

static const char *const models[] = {
	"demo/digits.onnx", "tests/models/bert_16/model.onnx", "tests/models/vit_16/model.onnx" };

static void *generate(const struct tuff_io_info *info, struct tuff_tensor *t)
{
	size_t n = 1;
	char *p;

	*t = (struct tuff_tensor){ .dtype = info->dtype, .rank = info->rank };
	for (uint32_t i = 0; i < info->rank; i++) {
		t->dim[i] = info->dim[i] < 0 ? 3 : info->dim[i];
		n *= (size_t)t->dim[i];
	}
	t->size = n * tuff_type_size(info->dtype);
	t->data = p = calloc(1, t->size + 1);
	for (size_t i = 0; p && i < n; i++) {
		if (info->dtype == TUFF_F32)
			((float *)t->data)[i] = (float)(i * 37 % 101) / 101;
		else	/* ids, masks: little endian, small */
			p[i * tuff_type_size(info->dtype)] = info->dtype == TUFF_BOOL ? 1 : (char)(i % 2);
	}
	return p;
}

static int compare(const struct tuff_tensor *x, const struct tuff_tensor *y)
{
	double big = 0, diff = 0;

	if (x->size != y->size || x->dtype != y->dtype)
		return -1;
	if (x->dtype != TUFF_F32)
		return memcmp(x->data, y->data, x->size);
	for (size_t i = 0; i < x->size / 4; i++) {
		double a = ((float *)x->data)[i], b = ((float *)y->data)[i];

		big = fmax(big, fabs(b));
		diff = fmax(diff, isfinite(a) ? fabs(a - b) : INFINITY);
	}
	return diff <= 1e-3 * big + 1e-6 ? 0 : -1;
}

/* The device is as poor as it was asked to be. */
static int check_device(const struct tuff_query_dev *q, const char *words)
{
	static const struct { const char *word; uint32_t way; } ways[] = {
		{ "nodevmap", TUFF_REACH_DEVMAP }, { "nohostptr", TUFF_REACH_HOSTPTR },
		{ "nodmabuf", TUFF_REACH_DMABUF }, { "nostaging", TUFF_REACH_STAGING } };

	for (int i = 0; i < 4; i++)
		if (strstr(words, ways[i].word) && (q->reach & ways[i].way))
			return -1;
	if (!strstr(words, "floors"))
		return 0;
	return q->max_storage_buffers == 4 && q->max_invocations == 128 && q->shared_size == 16384 &&
	       q->storage_align == 256 && q->max_storage_range == 1u << 27 && q->subgroup_size == 1 &&
	       !(q->features & ~(uint32_t)TUFF_FEATURE_SOFTWARE) ? 0 : -1;
}

static int one(const char *model, const char *words)
{
	struct tuff_tensor in[MAX_IO] = { 0 }, x[MAX_IO] = { 0 }, y[MAX_IO] = { 0 };
	struct tuff_session *s = NULL, *cpu = NULL;
	struct tuff_be_counters a, b;
	struct tuff_io_info info;
	struct tuff_error err;
	uint32_t ni, no;
	int bad = -1;

	if (tuff_session_create(model, "vulkan", &s, &err) || tuff_session_create(model, "cpu", &cpu, &err)) {
		printf("  %s\n", err.text);
		goto out;
	}
	if (check_device(&s->dev->info, words)) {
		printf("  the device is not limited by %s\n", words);
		goto out;
	}
	ni = tuff_session_inputs(s);
	no = tuff_session_outputs(s);
	for (uint32_t i = 0; i < ni; i++)
		if (tuff_session_input(s, i, &info) || !generate(&info, &in[i]))
			goto out;
	bad = tuff_run(cpu, in, ni, y, no, &err);
	for (int run = 0; run < 3 && !bad; run++) {
		if (run == 2)
			tuff_local_counters(s->dev->file, &a);
		bad = tuff_run(s, in, ni, x, no, &err);
		for (uint32_t i = 0; i < no && !bad; i++)
			if ((bad = compare(&x[i], &y[i])))
				snprintf(err.text, sizeof(err.text), "%s: output %u differs", model, i);
	}
	if (bad) {
		printf("  %s: %s\n", words, err.text);
		goto out;
	}
	tuff_local_counters(s->dev->file, &b);
	if (a.allocs != b.allocs || a.imports != b.imports || a.records != b.records || a.pipelines != b.pipelines) {
		printf("  %s: %s: a run with seen bindings made something\n", words, model);
		bad = -1;
	}
out:
	for (int i = 0; i < MAX_IO; i++)
		free(in[i].data);
	tuff_session_destroy(s);
	tuff_session_destroy(cpu);
	return bad;
}

static int all(const char *words, enum test_device dev)
{
	const char *old = getenv("TUFF_DEBUG");
	char debug[128];
	int bad = 0;

	snprintf(debug, sizeof(debug), "%s,%s", old ? old : "", words);
	setenv("TUFF_DEBUG", debug, 1);
	/* SwiftShader takes its time to compile */
	for (size_t i = 0; i < (dev == DEV_SWIFTSHADER ? 1 : sizeof(models) / sizeof(models[0])); i++)
		bad |= one(models[i], words);
	return bad;
}

#define LIMITS(id, words) TEST_DEVICE(id, all, words, DEV_LAVAPIPE)
LIMITS(no_devmap, "nodevmap")
LIMITS(no_hostptr, "nohostptr")
LIMITS(no_dmabuf, "nodmabuf")
LIMITS(no_staging, "nostaging")
LIMITS(only_devmap, "nohostptr,nodmabuf,nostaging")
LIMITS(only_hostptr, "nodevmap,nodmabuf,nostaging")
LIMITS(only_staging, "nodevmap,nohostptr,nodmabuf")
LIMITS(floors, "floors")
LIMITS(floors_only_hostptr, "floors,nodevmap,nodmabuf,nostaging")
LIMITS(floors_only_staging, "floors,nodevmap,nohostptr,nodmabuf")
TEST_DEVICE(floors_only_staging_swiftshader, all, "floors,nodevmap,nohostptr,nodmabuf", DEV_SWIFTSHADER)
