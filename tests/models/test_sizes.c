// SPDX-License-Identifier: MIT
/*
 * Sizes are data: one session is fed 50 sizes of images, or of batches and
 * sequences; after the first no kernel is made, and every answer is the CPU
 * path's. More sizes than a session remembers plans for.
 */
#include <math.h>

#include "tests/devices.h"
#include "tests/harness.h"
#include "userspace/session.h"

#define SIZES 50

static uint64_t pipelines(struct tuff_session *s)
{
	struct tuff_be_counters c = { 0 };

	if (s->dev)
		tuff_local_counters(s->dev->file, &c);
	return c.pipelines;
}

/* deterministic numbers in [-1, 1) or, of integers, below 2 */
static void *content(uint32_t dtype, size_t n, uint32_t seed)
{
	size_t es = tuff_type_size(dtype);
	char *p = calloc(n, es);

	for (size_t i = 0; p && i < n; i++) {
		uint32_t x = (uint32_t)(i + 1) * 2654435761u + seed * 40503u;

		x ^= x >> 15;
		if (dtype == 1)
			((float *)p)[i] = (float)(int32_t)x / 2147483648.f;
		else	/* token ids, masks and types: all may be 0 or 1 */
			p[i * es] = (char)(x >> 8 & 1);
	}
	return p;
}

static int fill(struct tuff_session *s, const int64_t free_dims[2], struct tuff_tensor *in)
{
	for (uint32_t i = 0; i < tuff_session_inputs(s); i++) {
		struct tuff_io_info info;
		size_t n = 1;
		int k = 0;

		tuff_session_input(s, i, &info);
		in[i] = (struct tuff_tensor){ .dtype = info.dtype, .rank = info.rank };
		for (uint32_t d = 0; d < info.rank; d++) {
			in[i].dim[d] = info.dim[d];
			/* "batch" stays 1 where an image has height and width */
			if (info.dim[d] < 0)
				in[i].dim[d] = info.rank == 4 && !d ? 1 : free_dims[k++];
			n *= in[i].dim[d];
		}
		in[i].size = n * tuff_type_size(info.dtype);
		in[i].data = content(info.dtype, n, i);
		if (!in[i].data)
			return -1;
	}
	return 0;
}

static double worst(const struct tuff_tensor *a, const struct tuff_tensor *b)
{
	double d = 0, m = 0;

	if (a->rank != b->rank || a->size != b->size || memcmp(a->dim, b->dim, 8 * a->rank))
		return INFINITY;
	for (size_t i = 0; i < a->size / 4; i++) {
		double x = fabs((double)((float *)a->data)[i] - ((float *)b->data)[i]);

		if (!(x <= d))
			d = isnan(x) ? INFINITY : x;
		m = fmax(m, fabs(((float *)b->data)[i]));
	}
	return m > 0 ? d / m : d;
}

static int run_sizes(const char *dir, enum test_device dev)
{
	struct tuff_session *s = NULL, *ref = NULL;
	struct tuff_error err;
	uint64_t made = 0;
	char path[512];
	int bad = 0;

	snprintf(path, sizeof(path), "%s/model.onnx", dir);
	if (tuff_session_create(path, test_device_arg(dev), &s, &err) || tuff_session_create(path, "cpu", &ref, &err)) {
		printf("  %s: %s\n", test_device_name[dev], err.text);
		tuff_session_destroy(s);
		return -1;
	}
	for (int r = 0; r < SIZES && !bad; r++) {
		struct tuff_tensor in[8] = { 0 }, out[8] = { 0 }, want[8] = { 0 };
		uint32_t nin = tuff_session_inputs(s), nout = tuff_session_outputs(s);
		/* images: odd and even; texts: batch 1 to 5, length 1 to 40 (all its positions) */
		int image = strstr(dir, "fcn") != NULL;
		int64_t size[2] = { image ? 9 + r * 7 % 53 : 1 + r % 5, image ? 8 + r * 11 % 61 : 1 + r * 13 % 40 };

		if (fill(s, size, in) || tuff_run(s, in, nin, out, nout, &err) || tuff_run(ref, in, nin, want, nout, &err)) {
			printf("  %lldx%lld: %s\n", (long long)size[0], (long long)size[1], err.text);
			bad = 1;
		}
		for (uint32_t i = 0; i < nout && !bad; i++) {
			double d = worst(&out[i], &want[i]);

			if (!(d < 1e-3)) {
				printf("  %lldx%lld: output %u differs from the CPU path by %g\n", (long long)size[0], (long long)size[1], i, d);
				bad = 1;
			}
		}
		if (!r)
			made = pipelines(s);
		else if (pipelines(s) != made) {
			printf("  %lldx%lld made %llu pipelines\n", (long long)size[0], (long long)size[1],
			       (unsigned long long)(pipelines(s) - made));
			bad = 1;
		}
		for (uint32_t i = 0; i < nin; i++)
			free(in[i].data);
	}
	if (!bad && dev != DEV_CPU && !made) {
		printf("  no pipeline was made at all\n");
		bad = 1;
	}
	tuff_session_destroy(s);
	tuff_session_destroy(ref);
	return bad;
}

TEST_DEVICES(images, run_sizes, "tests/models/fcn_13")
TEST_DEVICES(sequences, run_sizes, "tests/models/bert_13")
