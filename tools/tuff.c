// SPDX-License-Identifier: MIT
/* The command: tuff run | bench | info | devices. See the table at the end. */
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "tools/io_npy.h"
#include "tools/io_png.h"

#define MAX_IO 64

int tuff_cmd_devices(int argc, char **argv);	/* devices.c */

struct opts {
	const char *model, *device, *out_dir;
	const char *inputs[MAX_IO];
	int ninputs, top, runs;
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static long peak_rss_kb(void)
{
	struct rusage u;

	return getrusage(RUSAGE_SELF, &u) ? 0 : u.ru_maxrss;
}

static int usage(FILE *f)
{
	fputs("usage: tuff run MODEL [-i [NAME=]FILE.npy|FILE.png]... [-o DIR] [--top K] [--device auto|cpu]\n"
	      "       tuff bench MODEL [-i ...] [-n RUNS]\n"
	      "       tuff info MODEL\n"
	      "       tuff devices [--json]\n"
	      "Inputs that are not given are generated: element i of n is i/n (float), 0 (integers);\n"
	      "unknown dimensions are 1. A PNG becomes [1,C,H,W], pixel/255.\n", f);
	return 2;
}

static int parse(int argc, char **argv, struct opts *o)
{
	*o = (struct opts){ .device = "auto", .runs = 50 };
	for (int i = 0; i < argc; i++) {
		const char *a = argv[i];
		bool takes = !strcmp(a, "-i") || !strcmp(a, "-o") || !strcmp(a, "-n") || !strcmp(a, "--top") || !strcmp(a, "--device");
		char *end = "";

		if (takes && ++i == argc) {
			fprintf(stderr, "tuff: %s needs a value\n", a);
			return usage(stderr);
		}
		if (!strcmp(a, "-i")) {
			if (o->ninputs == MAX_IO) {
				fprintf(stderr, "tuff: more than %d inputs\n", MAX_IO);
				return 2;
			}
			o->inputs[o->ninputs++] = argv[i];
		} else if (!strcmp(a, "-o")) {
			o->out_dir = argv[i];
		} else if (!strcmp(a, "--device")) {
			o->device = argv[i];
		} else if (!strcmp(a, "--top")) {
			o->top = strtol(argv[i], &end, 10);
		} else if (!strcmp(a, "-n")) {
			o->runs = strtol(argv[i], &end, 10);
		} else if (*a == '-' || o->model) {
			fprintf(stderr, "tuff: '%s' is not understood\n", a);
			return usage(stderr);
		} else {
			o->model = a;
		}
		if (*end || o->runs < 1 || o->runs > 1000000 || o->top < 0) {
			fprintf(stderr, "tuff: %s: '%s' is not a number in range\n", a, argv[i]);
			return 2;
		}
	}
	if (!o->model) {
		fputs("tuff: no model given\n", stderr);
		return usage(stderr);
	}
	return 0;
}

static int fail(const char *text)
{
	fprintf(stderr, "tuff: %s\n", text);
	return 1;
}

static int generate(const struct tuff_io_info *info, struct tuff_tensor *t)
{
	size_t n = 1;

	*t = (struct tuff_tensor){ .dtype = info->dtype, .rank = info->rank };
	for (uint32_t i = 0; i < info->rank; i++)
		n *= t->dim[i] = info->dim[i] < 0 ? 1 : info->dim[i];
	t->size = n * tuff_type_size(t->dtype);
	t->data = calloc(t->size ? t->size : 1, 1);
	for (size_t i = 0; t->data && t->dtype == 1 && i < n; i++)
		((float *)t->data)[i] = (float)((double)i / n);
	return t->data ? 0 : -ENOMEM;
}

static int read_input(struct tuff_session *s, const char *arg, int order, struct tuff_tensor *in)
{
	const char *eq = strchr(arg, '='), *file = eq ? eq + 1 : arg;
	struct tuff_io_info info;
	uint32_t at = order;
	char why[512];
	size_t len = strlen(file);
	int ret;

	if (eq)
		for (at = 0; !tuff_session_input(s, at, &info); at++)
			if (strlen(info.name) == (size_t)(eq - arg) && !memcmp(info.name, arg, eq - arg))
				break;
	if (tuff_session_input(s, at, &info)) {
		fprintf(stderr, "tuff: the model has no input for '%s'\n", arg);
		return 1;
	}
	free(in[at].data);
	if (len > 4 && !strcmp(file + len - 4, ".png"))
		ret = png_read(file, info.rank == 4 ? info.dim[1] : 0, &in[at], why, sizeof(why));
	else
		ret = npy_read(file, &in[at], why, sizeof(why));
	return ret ? fail(why) : 0;
}

static int open_model(const struct opts *o, struct tuff_session **s, struct tuff_tensor *in)
{
	struct tuff_error err;

	if (tuff_session_create(o->model, o->device, s, &err))
		return fail(err.text);
	if (tuff_session_inputs(*s) > MAX_IO || tuff_session_outputs(*s) > MAX_IO)
		return fail("more than 64 inputs or outputs");
	for (int i = 0; i < o->ninputs; i++)
		if (read_input(*s, o->inputs[i], i, in))
			return 1;
	for (uint32_t i = 0; i < tuff_session_inputs(*s); i++) {
		struct tuff_io_info info;

		if (!in[i].data && (tuff_session_input(*s, i, &info) || generate(&info, &in[i])))
			return fail("out of memory");
	}
	return 0;
}

static void close_model(struct tuff_session *s, struct tuff_tensor *in)
{
	for (int i = 0; i < MAX_IO; i++)
		free(in[i].data);
	tuff_session_destroy(s);
}

static void shape(const struct tuff_tensor *t)
{
	printf("%s [", tuff_type_name(t->dtype));
	for (uint32_t i = 0; i < t->rank; i++)
		printf("%s%lld", i ? "," : "", (long long)t->dim[i]);
	printf("]");
}

static void top(const struct tuff_tensor *t, int k)
{
	size_t n = t->size / 4;
	const float *f = t->data;
	float limit = INFINITY;
	size_t last = 0;

	for (int r = 0; r < k && (size_t)r < n; r++) {
		size_t best = n;

		/* the next lower value, or the same value further on */
		for (size_t i = 0; i < n; i++)
			if ((f[i] < limit || (r && f[i] == limit && i > last)) && (best == n || f[i] > f[best]))
				best = i;
		if (best == n)
			break;
		printf("  %zu: %g\n", best, f[best]);
		limit = f[best];
		last = best;
	}
}

static int save(struct tuff_session *s, const char *dir, const struct tuff_tensor *out)
{
	for (uint32_t i = 0; i < tuff_session_outputs(s); i++) {
		char path[1024], why[1200];

		snprintf(path, sizeof(path), "%s/output_%u.npy", dir, i);
		if (npy_write(path, &out[i], why, sizeof(why)))
			return fail(why);
	}
	return 0;
}

static int cmd_run(const struct opts *o)
{
	struct tuff_tensor in[MAX_IO] = { 0 }, out[MAX_IO] = { 0 };
	struct tuff_session *s = NULL;
	struct tuff_memory mem;
	struct tuff_error err;
	double start = now_ms(), loaded, first, again;
	int ret = open_model(o, &s, in);

	if (ret)
		goto out;
	loaded = now_ms();
	ret = tuff_run(s, in, tuff_session_inputs(s), out, tuff_session_outputs(s), &err);
	first = now_ms();
	if (!ret)
		ret = tuff_run(s, in, tuff_session_inputs(s), out, tuff_session_outputs(s), &err);
	again = now_ms();
	if (ret) {
		ret = fail(err.text);
		goto out;
	}
	for (uint32_t i = 0; i < tuff_session_outputs(s); i++) {
		struct tuff_io_info info;

		tuff_session_output(s, i, &info);
		printf("%s: ", info.name);
		shape(&out[i]);
		printf("\n");
		if (out[i].dtype == 1)
			top(&out[i], o->top ? o->top : 5);
	}
	tuff_session_memory(s, &mem);
	printf("device cpu, load %.1f ms, first run %.2f ms, next %.2f ms\n"
	       "memory: weights %.1f kB, activations %.1f kB, process peak %.1f MB\n",
	       loaded - start, first - loaded, again - first, mem.weights / 1e3, mem.arena / 1e3, peak_rss_kb() / 1e3);
	if (o->out_dir)
		ret = save(s, o->out_dir, out);
out:
	close_model(s, in);
	return ret;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int cmd_bench(const struct opts *o)
{
	struct tuff_tensor in[MAX_IO] = { 0 }, out[MAX_IO] = { 0 };
	struct tuff_session *s = NULL;
	struct tuff_error err;
	double *t = calloc(o->runs, sizeof(*t));
	int ret = t ? open_model(o, &s, in) : fail("out of memory");

	for (int i = -3; !ret && i < o->runs; i++) {	/* three to warm up */
		double from = now_ms();

		if (tuff_run(s, in, tuff_session_inputs(s), out, tuff_session_outputs(s), &err))
			ret = fail(err.text);
		if (i >= 0)
			t[i] = now_ms() - from;
	}
	if (!ret) {
		qsort(t, o->runs, sizeof(*t), by_value);
		printf("%d runs: median %.3f ms, min %.3f, 90%% %.3f, 99%% %.3f; %.1f per second; process peak %.1f MB\n", o->runs,
		       t[o->runs / 2], t[0], t[o->runs * 9 / 10], t[o->runs * 99 / 100], 1e3 / t[o->runs / 2], peak_rss_kb() / 1e3);
	}
	close_model(s, in);
	free(t);
	return ret;
}

static void print_io(const char *what, const struct tuff_io_info *info)
{
	printf("%s %s: %s [", what, info->name, tuff_type_name(info->dtype));
	for (uint32_t i = 0; i < info->rank; i++)
		if (info->dim[i] >= 0)
			printf("%s%lld", i ? "," : "", (long long)info->dim[i]);
		else
			printf("%s%s", i ? "," : "", info->symbol[i] ? info->symbol[i] : "?");
	printf("]\n");
}

static int cmd_info(const struct opts *o)
{
	struct tuff_tensor in[MAX_IO] = { 0 }, out[MAX_IO] = { 0 };
	struct tuff_session *s = NULL;
	struct tuff_model_info mi;
	struct tuff_io_info info;
	struct tuff_memory mem;
	struct tuff_error err;
	int ret = open_model(o, &s, in);

	if (!ret) {
		for (uint32_t i = 0; !tuff_session_input(s, i, &info); i++)
			print_io("input", &info);
		for (uint32_t i = 0; !tuff_session_output(s, i, &info); i++)
			print_io("output", &info);
		/* sizes that inputs decide are known once there is an input */
		if (tuff_run(s, in, tuff_session_inputs(s), out, tuff_session_outputs(s), &err))
			ret = fail(err.text);
	}
	if (!ret) {
		tuff_session_info(s, &mi);
		tuff_session_memory(s, &mem);
		printf("opset %u, %u steps, %llu parameters, %lld multiply-adds\n", mi.opset, mi.steps,
		       (unsigned long long)mi.parameters, (long long)mi.macs);
		printf("weights %llu bytes, activation arena %llu bytes, largest sum of live tensors %llu bytes\n",
		       (unsigned long long)mem.weights, (unsigned long long)mem.arena, (unsigned long long)mem.live_peak);
	}
	close_model(s, in);
	return ret;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct opts *);
	} cmds[] = { { "run", cmd_run }, { "bench", cmd_bench }, { "info", cmd_info } };
	struct opts o;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return usage(stdout), 0;
	if (argc > 1 && !strcmp(argv[1], "--version"))
		return puts("tuff " TUFF_VERSION), 0;
	if (argc > 1 && !strcmp(argv[1], "devices"))
		return tuff_cmd_devices(argc - 1, argv + 1);
	for (size_t i = 0; argc > 1 && i < sizeof(cmds) / sizeof(cmds[0]); i++)
		if (!strcmp(argv[1], cmds[i].name))
			return parse(argc - 2, argv + 2, &o) ? 2 : cmds[i].run(&o);
	if (argc > 1)
		fprintf(stderr, "tuff: no command '%s'\n", argv[1]);
	return usage(stderr);
}
