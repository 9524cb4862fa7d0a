// SPDX-License-Identifier: MIT
/* tuff run */
#include <string.h>

#include "tools/tool.h"

static void print_times(const struct model *m, double load, double took, json_object *to)
{
	struct tuff_memory mem;

	tuff_session_memory(m->s, &mem);
	if (to) {
		json_object_object_add(to, "device", json_object_new_string(tuff_session_device(m->s)));
		json_number(to, "load_ms", load);
		json_number(to, "run_ms", took);
		json_object_object_add(to, "weights", json_object_new_uint64(mem.weights));
		json_object_object_add(to, "arena", json_object_new_uint64(mem.arena));
		json_object_object_add(to, "device_peak", json_object_new_uint64(mem.device_peak));
		json_object_object_add(to, "peak_rss", json_object_new_int64(peak_rss()));
		return;
	}
	printf("on %s: loaded in %.1f ms, run in %.2f ms\n", tuff_session_device(m->s), load, took);
	printf("memory: weights %.1f kB, activations %.1f kB, ", mem.weights / 1e3, mem.arena / 1e3);
	if (mem.device_peak)
		printf("peak on the device %.1f MB, ", mem.device_peak / 1e6);
	printf("peak of the process %.1f MB\n", peak_rss() / 1e6);
}

int cmd_run(const struct opts *o)
{
	json_object *j = o->json ? json_object_new_object() : NULL;
	double start = now_ms(), loaded, from, took;
	struct model m;
	int ret = model_open(o, o->device ? o->device : "auto", &m);

	loaded = now_ms() - start;
	ret = ret ? ret : outputs_check(o, &m);
	ret = ret ? ret : inputs_read(o, &m);
	if (ret)
		goto out;
	from = now_ms();
	progress("running %s on %s", o->model, tuff_session_device(m.s));
	ret = model_run(&m, m.in);
	progress_end();
	took = now_ms() - from;
	if (ret)
		goto out;
	inputs_print(o, &m, j);
	ret = outputs_print(o, &m, j);
	ret = ret ? ret : outputs_save(o, &m);
	if (ret)
		goto out;
	print_times(&m, loaded, took, j);
	if (o->compare)
		ret = compare_print(o, &m, j);
	if (o->profile)
		ret |= profile_print(&m, j);
	if (j)
		json_print(j);
out:
	json_object_put(j);
	model_close(&m);
	return ret;
}
