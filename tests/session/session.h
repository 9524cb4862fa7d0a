/* SPDX-License-Identifier: MIT */
/* Models from text, and sessions of them on each device, for tests of libtuff's interface. */
#ifndef TUFF_TESTS_SESSION_H
#define TUFF_TESTS_SESSION_H

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include "tests/compiler/model.h"
#include "tests/devices.h"
#include "tests/harness.h"
#include "userspace/session.h"

static struct tuff_error err;

/* inside functions that return 0 for a pass */
#define OK(cond) do { if (!(cond)) { \
	printf("  %s:%d: %s%s%s\n", __FILE__, __LINE__, #cond, err.text[0] ? ": " : "", err.text); return 1; } } while (0)
#define GIVES(call, code) do { long long r_ = (call); if (r_ != (code)) { \
	printf("  %s:%d: %s = %lld, not %lld: %s\n", __FILE__, __LINE__, #call, r_, (long long)(code), err.text); return 1; } } while (0)

static float noise(uint32_t seed, uint32_t i)
{
	uint32_t x = seed * 2654435761u + i * 40503u;

	x ^= x >> 15;
	x *= 2246822519u;
	x ^= x >> 13;
	return (x >> 8) / 16777216.f - 0.5f;
}

struct text {
	char s[1 << 16];
	size_t n;
};

static void line(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	t->n += vsnprintf(t->s + t->n, sizeof(t->s) - t->n, fmt, ap);
	va_end(ap);
}

/* const name float32[dims] of noise around `around` */
static void constant(struct text *t, const char *name, const char *dims, uint32_t count, uint32_t seed, float around)
{
	line(t, "const %s float32[%s]", name, dims);
	for (uint32_t i = 0; i < count; i++)
		line(t, " %.6f", around + noise(seed, i));
	line(t, "\n");
}

/* the values that constant() gives */
static struct tuff_tensor values(float *to, uint32_t count, uint32_t seed, float around, uint32_t rank, ...)
{
	struct tuff_tensor t = { .dtype = TUFF_F32, .rank = rank, .data = to, .size = count * 4 };
	va_list ap;

	va_start(ap, rank);
	for (uint32_t i = 0; i < rank; i++)
		t.dim[i] = va_arg(ap, int);
	va_end(ap);
	for (uint32_t i = 0; i < count; i++) {
		char s[32];

		snprintf(s, sizeof(s), "%.6f", around + noise(seed, i));
		to[i] = strtod(s, NULL);
	}
	return t;
}

/* Convolution, batch normalization, relu, pooling, product: seeds of w, scale, b, mean, m */
enum { W, SCALE, B, MEAN, M, SEEDS };
static const uint32_t seeds_1[SEEDS] = { 1, 2, 3, 4, 5 };
static inline void network(struct text *t, const uint32_t *seed, bool listed)
{
	t->n = 0;
	line(t, "opset 17\ninput x float32[N,3,8,8]\n");
	if (listed)	/* as IR versions before 4 must */
		line(t, "input w float32[8,3,3,3]\ninput scale float32[8]\ninput m float32[8,5]\n");
	constant(t, "w", "8,3,3,3", 216, seed[W], 0);
	constant(t, "scale", "8", 8, seed[SCALE], 1);
	constant(t, "b", "8", 8, seed[B], 0);
	constant(t, "mean", "8", 8, seed[MEAN], 0);
	constant(t, "var", "8", 8, 9, 1);
	constant(t, "m", "8,5", 40, seed[M], 0);
	line(t, "node Conv x w -> c pads=[1,1,1,1]\nnode BatchNormalization c scale b mean var -> n\nnode Relu n -> r\n"
		"node GlobalAveragePool r -> g\nnode Flatten g -> f\nnode MatMul f m -> y\noutput y\noutput r\n");
}

/* what model_text() builds lives as long as the test */
extern void __lsan_disable(void) __attribute__((weak));
extern void __lsan_enable(void) __attribute__((weak));

/* the model's file; name is a template, "/tmp/..XXXXXX" */
static int write_model(char *name, struct text *t)
{
	unsigned char *bytes;
	size_t size = 0;
	bool ok;
	int fd;

	if (__lsan_disable)
		__lsan_disable();
	bytes = model_text(t->s, &size);
	if (__lsan_enable)
		__lsan_enable();
	fd = mkstemp(name);
	ok = bytes && fd >= 0 && write(fd, bytes, size) == (ssize_t)size;
	close(fd);
	free(bytes);
	return ok ? 0 : 1;
}

static int open_text(struct text *t, const char *device, const struct tuff_session_options *opt, struct tuff_session **s)
{
	char name[] = "/tmp/tuff-session-XXXXXX";
	struct tuff_session_options o = { .size = sizeof(o) };
	int ret;

	if (write_model(name, t))
		return -EIO;
	if (opt)
		o = *opt;
	o.device = device;
	ret = tuff_session_create_with(name, &o, s, &err);
	if (!ret)	/* an override compiles again: the file stays until close_session() */
		return 0;
	unlink(name);
	return ret;
}

static void close_session(struct tuff_session *s)
{
	unlink(s->path);
	tuff_session_destroy(s);
}

static inline struct tuff_tensor image(float *to, int n, uint32_t seed)
{
	return values(to, n * 192, seed, 0, 4, n, 3, 8, 8);
}

/* 0 if a and b have one shape and differ by at most tol of the largest value */
static inline int same(const struct tuff_tensor *a, const struct tuff_tensor *b, double tol)
{
	const float *x = a->data, *y = b->data;
	double most = 1e-6;

	if (a->size != b->size || a->rank != b->rank || memcmp(a->dim, b->dim, sizeof(a->dim)) || a->dtype != TUFF_F32 || b->dtype != TUFF_F32)
		return 1;
	for (size_t i = 0; i < a->size / 4; i++)
		most = fabs(y[i]) > most ? fabs(y[i]) : most;
	for (size_t i = 0; i < a->size / 4; i++)
		if (!(fabs(x[i] - y[i]) <= tol * most)) {
			printf("  element %zu is %g, not %g\n", i, x[i], y[i]);
			return 1;
		}
	return 0;
}

/* what the network with these seeds makes of the image, on the CPU path; data is the caller's to free */
static inline int reference(const uint32_t *seed, int n, uint32_t image_seed, struct tuff_tensor *out)
{
	static struct text t;
	float *px = malloc(n * 768);
	struct tuff_tensor in = image(px, n, image_seed);
	struct tuff_session *s;

	network(&t, seed, false);
	GIVES(open_text(&t, "cpu", NULL, &s), 0);
	GIVES(tuff_run(s, &in, 1, out, 2, &err), 0);
	for (int i = 0; i < 2; i++)
		out[i].data = memcpy(malloc(out[i].size), out[i].data, out[i].size);
	close_session(s);
	free(px);
	return 0;
}

static inline void free_outputs(struct tuff_tensor *out, int n)
{
	for (int i = 0; i < n; i++)
		free(out[i].data);
}

/* products in a row, so that a run takes a while on any device */
static inline void slow_network(struct text *t, int n)
{
	t->n = 0;
	line(t, "opset 17\ninput t0 float32[384,1024]\nconst m float32[1024,1024] 0.001\n");
	for (int i = 0; i < n; i++)
		line(t, "node MatMul t%d m -> a%d\nnode Tanh a%d -> t%d\n", i, i, i, i + 1);
	line(t, "output t%d\n", n);
}

#endif
