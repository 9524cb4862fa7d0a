// SPDX-License-Identifier: MIT
/* tuff bench */
#include <stdlib.h>

#include "tools/tool.h"

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int cmd_bench(const struct opts *o)
{
	double *t = calloc(o->runs, sizeof(*t)), batch;
	struct tuff_memory mem;
	struct model m = { 0 };
	int ret = t ? model_open(o, o->device, &m) : fail("out of memory");

	for (int i = -3; !ret && i < o->runs; i++) {	/* three to warm up */
		double from = now_ms();

		ret = model_run(&m);
		if (i >= 0)
			t[i] = now_ms() - from;
		progress("timing");
	}
	progress(NULL);
	if (ret)
		goto out;
	qsort(t, o->runs, sizeof(*t), by_value);
	batch = m.nin && m.in[0].rank > 1 && m.in[0].dim[0] > 0 ? m.in[0].dim[0] : 1;
	tuff_session_memory(m.s, &mem);
	if (o->json) {
		json_object *j = json_object_new_object();

		json_object_object_add(j, "device", json_object_new_string(tuff_session_device(m.s)));
		json_object_object_add(j, "runs", json_object_new_int(o->runs));
		json_object_object_add(j, "median_ms", json_object_new_double(t[o->runs / 2]));
		json_object_object_add(j, "min_ms", json_object_new_double(t[0]));
		json_object_object_add(j, "p90_ms", json_object_new_double(t[o->runs * 9 / 10]));
		json_object_object_add(j, "p99_ms", json_object_new_double(t[o->runs * 99 / 100]));
		json_object_object_add(j, "samples_per_s", json_object_new_double(batch * 1e3 / t[o->runs / 2]));
		json_object_object_add(j, "device_memory", json_object_new_int64(mem.weights + mem.arena));
		json_object_object_add(j, "peak_rss", json_object_new_int64(peak_rss_kb() * 1024));
		puts(json_object_to_json_string_ext(j, JSON_C_TO_STRING_PRETTY));
		json_object_put(j);
	} else {
		printf("%s, %d runs: median %.3f ms, min %.3f, 90%% %.3f, 99%% %.3f; %.1f samples per second; "
		       "weights and activations %.1f MB, process peak %.1f MB\n", tuff_session_device(m.s), o->runs,
		       t[o->runs / 2], t[0], t[o->runs * 9 / 10], t[o->runs * 99 / 100], batch * 1e3 / t[o->runs / 2],
		       (mem.weights + mem.arena) / 1e6, peak_rss_kb() / 1e3);
	}
out:
	model_close(&m);
	free(t);
	return ret;
}
