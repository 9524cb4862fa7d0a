// SPDX-License-Identifier: MIT
/*
 * Whole networks against reference outputs: the two transformers in the tree
 * (torch), and where TUFF_TEST_DATA is set the corpus (ONNX Runtime, onnx).
 * Relative error = max|a-b| / max|b| per output, under 1e-3 (float16: 1e-2).
 */
#include <math.h>

#include "onnx.pb-c.h"
#include "tests/harness.h"
#include "tools/io_npy.h"

static float half(const void *p, size_t i)
{
	unsigned short h;
	int e;
	float f;

	memcpy(&h, (const char *)p + 2 * i, 2);
	e = h >> 10 & 31;
	f = e ? ldexpf(1 + (h & 1023) / 1024.f, e - 15) : ldexpf(h & 1023, -24);
	return h & 0x8000 ? -f : f;
}

static double at(const struct tuff_tensor *t, size_t i)
{
	return t->dtype == 10 ? half(t->data, i) : t->dtype == 1 ? ((float *)t->data)[i] : NAN;
}

/* largest difference over largest reference value; a NaN anywhere is infinite */
static double difference(const struct tuff_tensor *a, const struct tuff_tensor *b)
{
	double d = 0, m = 0;

	if (a->dtype != b->dtype || a->rank != b->rank || a->size != b->size || memcmp(a->dim, b->dim, a->rank * 8))
		return INFINITY;
	for (size_t i = 0; i < a->size / tuff_type_size(a->dtype); i++) {
		double x = fabs(at(a, i) - at(b, i));

		if (!(x <= d))
			d = isnan(x) ? INFINITY : x;
		m = fmax(m, fabs(at(b, i)));
	}
	return m > 0 ? d / m : d;
}

static int create(const char *model, struct tuff_session **s)
{
	struct tuff_error err;

	if (!tuff_session_create(model, "cpu", s, &err))
		return 0;
	printf("  %s\n", err.text);
	return -1;
}

/* arena against live peak: acceptance point 5 of the first issue */
static int arena_ok(struct tuff_session *s)
{
	struct tuff_memory m;

	tuff_session_memory(s, &m);
	if (m.arena > 1.15 * m.live_peak) {
		printf("  arena %llu, live peak %llu\n", (unsigned long long)m.arena, (unsigned long long)m.live_peak);
		return 0;
	}
	return 1;
}

static int folder(const char *dir)
{
	struct tuff_tensor in[16] = { 0 }, out[16] = { 0 }, ref;
	struct tuff_session *s;
	struct tuff_error err;
	char path[600], why[300];
	int bad = 0;

	snprintf(path, sizeof(path), "%s/model.onnx", dir);
	if (create(path, &s))
		return -1;
	for (uint32_t i = 0; i < tuff_session_inputs(s) && i < 16; i++) {
		snprintf(path, sizeof(path), "%s/input_%u.npy", dir, i);
		if (npy_read(path, &in[i], why, sizeof(why))) {
			printf("  %s\n", why);
			bad = 1;
		}
	}
	/* twice: the second run finds its plan made */
	for (int run = 0; run < 2 && !bad; run++) {
		if (tuff_run(s, in, tuff_session_inputs(s), out, tuff_session_outputs(s), &err)) {
			printf("  %s\n", err.text);
			bad = 1;
		}
		for (uint32_t i = 0; !bad && i < tuff_session_outputs(s); i++) {
			double d;

			snprintf(path, sizeof(path), "%s/output_%u.npy", dir, i);
			if (npy_read(path, &ref, why, sizeof(why))) {
				printf("  %s\n", why);
				bad = 1;
				break;
			}
			d = difference(&out[i], &ref);
			if (!(d < (ref.dtype == 10 ? 1e-2 : 1e-3))) {
				printf("  %s: relative error %g\n", path, d);
				bad = 1;
			}
			free(ref.data);
		}
	}
	bad |= !bad && !arena_ok(s);
	for (int i = 0; i < 16; i++)
		free(in[i].data);
	tuff_session_destroy(s);
	return bad;
}

/* onnx's light networks: one input, element i of n is i / n */
static int light(const char *base, const char *name)
{
	struct tuff_tensor in = { 0 }, out = { 0 }, ref = { 0 };
	Onnx__TensorProto *t = NULL;
	struct tuff_session *s;
	struct tuff_io_info info;
	struct tuff_error err;
	unsigned char *bytes = NULL;
	char path[600];
	size_t n;
	FILE *f;
	int bad = 1;
	double d;

	snprintf(path, sizeof(path), "%s/light/light_%s.onnx", base, name);
	if (create(path, &s))
		return -1;
	tuff_session_input(s, 0, &info);
	in.dtype = info.dtype;
	in.rank = info.rank;
	in.size = 4;
	for (uint32_t i = 0; i < info.rank; i++)
		in.size *= in.dim[i] = info.dim[i];
	in.data = malloc(in.size);
	n = in.size / 4;
	for (size_t i = 0; in.data && i < n; i++)
		((float *)in.data)[i] = (float)((double)i / n);
	snprintf(path, sizeof(path), "%s/light/light_%s_output_0.pb", base, name);
	f = fopen(path, "rb");
	bytes = malloc(1 << 20);
	if (f && bytes)
		t = onnx__tensor_proto__unpack(NULL, fread(bytes, 1, 1 << 20, f), bytes);
	if (f)
		fclose(f);
	if (!t || tuff_run(s, &in, 1, &out, 1, &err)) {
		printf("  %s\n", t ? err.text : path);
		goto out;
	}
	ref.dtype = t->data_type;
	ref.rank = t->n_dims;
	memcpy(ref.dim, t->dims, t->n_dims * 8);
	ref.data = t->raw_data.len ? (void *)t->raw_data.data : (void *)t->float_data;
	ref.size = t->raw_data.len ? t->raw_data.len : 4 * t->n_float_data;
	d = difference(&out, &ref);
	bad = !(d < 1e-3);
	if (bad)
		printf("  relative error %g\n", d);
	bad |= !arena_ok(s);
out:
	if (t)
		onnx__tensor_proto__free_unpacked(t, NULL);
	free(bytes);
	free(in.data);
	tuff_session_destroy(s);
	return bad;
}

#define TREE(name) TEST(name) { CHECK(!folder("tests/models/" #name)); }
#define MODEL(name) TEST(name) { const char *d = getenv("TUFF_TEST_DATA"); char p[512]; \
	if (!d) SKIP("TUFF_TEST_DATA is not set"); \
	snprintf(p, sizeof(p), "%s/models/" #name, d); CHECK(!folder(p)); }
#define LIGHT(name) TEST(light_##name) { const char *d = getenv("TUFF_TEST_DATA"); \
	if (!d) SKIP("TUFF_TEST_DATA is not set"); \
	CHECK(!light(d, #name)); }

TREE(vit_13) TREE(vit_16) TREE(bert_13) TREE(bert_16)
MODEL(mnist_8) MODEL(yolox_nano) MODEL(nanodet_m_320) MODEL(rfb320)
MODEL(squeezenet_fp16) MODEL(dtln_1) MODEL(tiny_gpt2_past)
LIGHT(bvlc_alexnet) LIGHT(densenet121) LIGHT(inception_v1) LIGHT(inception_v2) LIGHT(resnet50)
LIGHT(shufflenet) LIGHT(squeezenet) LIGHT(vgg19) LIGHT(zfnet512)
