// SPDX-License-Identifier: MIT
/*
 * Whole networks against reference outputs on every device: those in the tree
 * (torch), and where TUFF_TEST_DATA is set the corpus (ONNX Runtime, onnx).
 * Relative error = max|a-b| / max|b| per output, under 1e-3 (float16: 1e-2).
 * On a Vulkan device no node of a convolutional network may run on the CPU, and
 * a run with bindings seen before allocates, makes and records nothing.
 */
#include <math.h>

#include "onnx.pb-c.h"
#include "tests/devices.h"
#include "tests/harness.h"
#include "tools/io_npy.h"
#include "userspace/session.h"

/* what a folder's model may do; everything else is a convolutional network */
static int is_convolutional(const char *dir)
{
	return !strstr(dir, "/vit_") && !strstr(dir, "/bert_") && !strstr(dir, "/tiny_gpt2") && !strstr(dir, "/dtln");
}

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

static int create(const char *model, enum test_device d, struct tuff_session **s)
{
	struct tuff_error err;

	if (!tuff_session_create(model, test_device_arg(d), s, &err))
		return 0;
	printf("  %s: %s\n", test_device_name[d], err.text);
	return -1;
}

/* the planned arenas against the largest sum of live tensors: at most 1.15 times */
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

/* every step of a convolutional network is a dispatch */
static int all_on_device(struct tuff_session *s)
{
	const struct tuff_program *p = s->p;
	int ok = 1;

	for (uint32_t i = 0; i < p->nsteps; i++)
		if (p->steps[i].kind == TUFF_STEP_CPU) {
			printf("  node '%s' (%s) runs on the CPU: %s\n", tuff_str(p, p->steps[i].node),
			       tuff_op_name(p->steps[i].op), tuff_str(p, p->steps[i].reason));
			ok = 0;
		}
	return ok;
}

static struct tuff_be_counters counters(struct tuff_session *s)
{
	struct tuff_be_counters c = { 0 };

	if (s->dev)
		tuff_local_counters(s->dev->file, &c);
	return c;
}

/* between two runs with the same bindings */
static int nothing_made(const struct tuff_be_counters *a, const struct tuff_be_counters *b)
{
	if (a->allocs == b->allocs && a->imports == b->imports && a->pipelines == b->pipelines && a->records == b->records &&
	    !b->validation)
		return 1;
	printf("  a run like the one before made %llu allocations, %llu imports, %llu pipelines, %llu recordings; %llu validation messages\n",
	       (unsigned long long)(b->allocs - a->allocs), (unsigned long long)(b->imports - a->imports),
	       (unsigned long long)(b->pipelines - a->pipelines), (unsigned long long)(b->records - a->records),
	       (unsigned long long)b->validation);
	return 0;
}

static int folder(const char *dir, enum test_device dev)
{
	struct tuff_be_counters c[3];
	struct tuff_tensor in[16] = { 0 }, out[16] = { 0 }, ref;
	struct tuff_session *s;
	struct tuff_error err;
	char path[600], why[300];
	int bad = 0;

	snprintf(path, sizeof(path), "%s/model.onnx", dir);
	if (create(path, dev, &s))
		return -1;
	bad = dev != DEV_CPU && is_convolutional(dir) && !all_on_device(s);
	for (uint32_t i = 0; i < tuff_session_inputs(s) && i < 16; i++) {
		snprintf(path, sizeof(path), "%s/input_%u.npy", dir, i);
		if (npy_read(path, &in[i], why, sizeof(why))) {
			printf("  %s\n", why);
			bad = 1;
		}
	}
	/* the second run finds its plan made, the third all that a second one makes */
	for (int run = 0; run < 3 && !bad; run++) {
		if (tuff_run(s, in, tuff_session_inputs(s), out, tuff_session_outputs(s), &err)) {
			printf("  %s\n", err.text);
			bad = 1;
		}
		c[run] = counters(s);
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
	bad |= !bad && (!arena_ok(s) || !nothing_made(&c[1], &c[2]));
	for (int i = 0; i < 16; i++)
		free(in[i].data);
	tuff_session_destroy(s);
	return bad;
}

/* onnx's light networks: one input, element i of n is i / n */
static int light(const char *name, enum test_device dev)
{
	struct tuff_tensor in = { 0 }, out = { 0 }, ref = { 0 };
	Onnx__TensorProto *t = NULL;
	struct tuff_session *s;
	struct tuff_io_info info;
	struct tuff_error err;
	unsigned char *bytes = NULL;
	const char *base = getenv("TUFF_TEST_DATA");
	char path[600];
	size_t n;
	FILE *f;
	int bad = 1;
	double d;

	snprintf(path, sizeof(path), "%s/light/light_%s.onnx", base, name);
	if (create(path, dev, &s))
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
	bad |= !arena_ok(s) || (dev != DEV_CPU && !all_on_device(s));
out:
	if (t)
		onnx__tensor_proto__free_unpacked(t, NULL);
	free(bytes);
	free(in.data);
	tuff_session_destroy(s);
	return bad;
}

/* a model of the corpus */
static int model(const char *name, enum test_device dev)
{
	char dir[512];

	snprintf(dir, sizeof(dir), "%s/models/%s", getenv("TUFF_TEST_DATA"), name);
	return folder(dir, dev);
}

static int need_corpus(int (*fn)(const char *, enum test_device), const char *name, enum test_device dev)
{
	if (getenv("TUFF_TEST_DATA"))
		return test_device_run(fn, name, dev, 240);
	printf("  skipped: TUFF_TEST_DATA is not set\n");
	return 77;
}

#define CORPUS_ON(id, fn, name, dev) TEST(id) { int ret = need_corpus(fn, name, dev); \
	if (ret == 77) { skipped_ = 1; return; } CHECK_EQ(ret, 0); }
#define CORPUS(id, fn, name) CORPUS_ON(id##_cpu, fn, name, DEV_CPU) CORPUS_ON(id##_lavapipe, fn, name, DEV_LAVAPIPE) \
	CORPUS_ON(id##_swiftshader, fn, name, DEV_SWIFTSHADER)
#define TREE(name) TEST_DEVICES(name, folder, "tests/models/" #name)
#define MODEL(name) CORPUS(name, model, #name)
#define LIGHT(name) CORPUS(light_##name, light, #name)

TREE(vit_13) TREE(vit_16) TREE(bert_13) TREE(bert_16) TREE(fcn_13)
MODEL(mnist_8) MODEL(yolox_nano) MODEL(nanodet_m_320) MODEL(rfb320)
MODEL(squeezenet_fp16) MODEL(dtln_1) MODEL(tiny_gpt2_past)
LIGHT(bvlc_alexnet) LIGHT(densenet121) LIGHT(inception_v1) LIGHT(inception_v2) LIGHT(resnet50)
LIGHT(shufflenet) LIGHT(squeezenet) LIGHT(vgg19) LIGHT(zfnet512)
