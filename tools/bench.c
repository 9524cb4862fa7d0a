// SPDX-License-Identifier: MIT
/* tuff bench */
#include <stdlib.h>

#include "tools/tool.h"

#define WARM_UP 3

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int time_runs(struct model *m, double *t, int runs)
{
	int ret = 0;

	for (int i = -WARM_UP; !ret && i < runs; i++) {
		double from = now_ms();

		ret = model_run(m, m->in);
		if (i >= 0)
			t[i] = now_ms() - from;
		progress("timing, run %d of %d", i + 1 > 0 ? i + 1 : 0, runs);
	}
	progress_end();
	qsort(t, runs, sizeof(*t), by_value);
	return ret;
}

static void print(const struct opts *o, const struct model *m, const double *t)
{
	static const struct { const char *key; int percent; } points[] = {
		{ "min_ms", 0 }, { "p10_ms", 10 }, { "median_ms", 50 }, { "p90_ms", 90 }, { "p99_ms", 99 } };
	double median = t[o->runs / 2], batch = m->nin && m->in[0].rank > 1 && m->in[0].dim[0] > 0 ? m->in[0].dim[0] : 1;
	json_object *j = o->json ? json_object_new_object() : NULL;
	struct tuff_memory mem;

	tuff_session_memory(m->s, &mem);
	inputs_print(o, m, j);
	if (!j) {
		printf("%s, %d runs after %d to warm up\n", tuff_session_device(m->s), o->runs, WARM_UP);
		printf("median %.3f ms, min %.3f, 10%% %.3f, 90%% %.3f, 99%% %.3f\n", median, t[0], t[o->runs / 10], t[o->runs * 9 / 10],
		       t[o->runs * 99 / 100]);
		printf("%.1f samples per second (%.0f in a run)\n", batch * 1e3 / median, batch);
		if (mem.device_peak)
			printf("peak memory: %.1f MB on the device, %.1f MB of the process\n", mem.device_peak / 1e6, peak_rss() / 1e6);
		else
			printf("peak memory: %.1f MB of the process\n", peak_rss() / 1e6);
		return;
	}
	json_object_object_add(j, "device", json_object_new_string(tuff_session_device(m->s)));
	json_object_object_add(j, "runs", json_object_new_int(o->runs));
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		json_number(j, points[i].key, t[o->runs * points[i].percent / 100]);
	json_number(j, "samples_per_s", batch * 1e3 / median);
	json_object_object_add(j, "batch", json_object_new_int64(batch));
	json_object_object_add(j, "device_peak", json_object_new_uint64(mem.device_peak));
	json_object_object_add(j, "peak_rss", json_object_new_int64(peak_rss()));
	json_print(j);
	json_object_put(j);
}

int cmd_bench(const struct opts *o)
{
	double *t = calloc(o->runs, sizeof(*t));
	struct model m = { 0 };
	int ret = t ? model_open(o, o->device ? o->device : "auto", &m) : fail("out of memory");

	ret = ret ? ret : inputs_read(o, &m);
	ret = ret ? ret : time_runs(&m, t, o->runs);
	if (!ret)
		print(o, &m, t);
	model_close(&m);
	free(t);
	return ret;
}
