// SPDX-License-Identifier: MIT
/* tuff run --profile: time by kernel on a device, by operator on the CPU, longest first. */
#include <stdlib.h>
#include <string.h>

#include "tools/tool.h"

struct line {
	const char *name;
	bool on_device;
	uint64_t ns, count;
	int64_t macs;
};

static int by_time(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return (x->ns < y->ns) - (x->ns > y->ns);
}

static uint32_t collect(const struct model *m, const uint64_t *ns, struct line *l, uint64_t *total)
{
	uint32_t lines = 0;

	*total = 0;
	for (uint32_t i = 0; i < tuff_session_steps(m->s); i++) {
		struct tuff_step_info s;
		const char *name;
		uint32_t k = 0;

		tuff_session_step(m->s, i, &s);
		name = s.on_device ? s.kernel : s.op;
		while (k < lines && (strcmp(l[k].name, name) || l[k].on_device != s.on_device))
			k++;
		lines += k == lines;
		l[k].name = name;
		l[k].on_device = s.on_device;
		l[k].ns += ns[i];
		l[k].count++;
		l[k].macs += s.macs > 0 ? s.macs : 0;
		*total += ns[i];
	}
	qsort(l, lines, sizeof(*l), by_time);
	return lines;
}

static json_object *to_json(const struct line *l)
{
	json_object *e = json_object_new_object();

	json_object_object_add(e, "name", json_object_new_string(l->name));
	json_object_object_add(e, "where", json_object_new_string(l->on_device ? "device" : "cpu"));
	json_object_object_add(e, "count", json_object_new_uint64(l->count));
	json_object_object_add(e, "ns", json_object_new_uint64(l->ns));
	json_object_object_add(e, "macs", json_object_new_int64(l->macs));
	return e;
}

int profile_print(struct model *m, json_object *to)
{
	uint32_t n = tuff_session_steps(m->s), lines;
	uint64_t *ns = calloc(n + 1, sizeof(*ns)), total;
	struct line *l = calloc(n + 1, sizeof(*l));
	json_object *list = NULL;
	struct tuff_error err;
	int ret = ns && l ? 0 : fail("out of memory");

	if (!ret && tuff_run_profiled(m->s, m->in, m->nin, m->out, m->nout, ns, &err))
		ret = fail("%s", err.text);
	if (ret)
		goto out;
	lines = collect(m, ns, l, &total);
	if (to)
		json_object_object_add(to, "profile", list = json_object_new_array());
	else
		printf("%-28s %-6s %6s %12s %7s %9s\n", "kernel or operator", "where", "count", "time us", "%", "GFLOP/s");
	for (uint32_t i = 0; i < lines; i++)
		if (to)
			json_object_array_add(list, to_json(&l[i]));
		else
			printf("%-28s %-6s %6llu %12.1f %7.1f %9.1f\n", l[i].name, l[i].on_device ? "device" : "cpu",
			       (unsigned long long)l[i].count, l[i].ns / 1e3, total ? 100. * l[i].ns / total : 0,
			       l[i].ns ? 2. * l[i].macs / l[i].ns : 0);
	if (!to)
		printf("%-28s %-6s %6u %12.1f %7.1f\n", "total", "", n, total / 1e3, 100.);
out:
	free(ns);
	free(l);
	return ret;
}
