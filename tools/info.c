// SPDX-License-Identifier: MIT
/* tuff info */
#include <stdlib.h>
#include <string.h>

#include "tools/tool.h"

static void dims(const struct tuff_io_info *info, char *buf, size_t size)
{
	size_t at = 0;

	*buf = 0;
	for (uint32_t i = 0; i < info->rank && at < size; i++)
		if (info->dim[i] >= 0)
			at += snprintf(buf + at, size - at, "%s%lld", i ? "," : "", (long long)info->dim[i]);
		else
			at += snprintf(buf + at, size - at, "%s%s", i ? "," : "", info->symbol[i] ? info->symbol[i] : "?");
}

static void io(const char *what, const struct tuff_io_info *info, json_object *to)
{
	char d[256];
	json_object *o;

	dims(info, d, sizeof(d));
	if (!to) {
		printf("%s %s: %s [%s]\n", what, info->name, tuff_type_name(info->dtype), d);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "name", json_object_new_string(info->name));
	json_object_object_add(o, "type", json_object_new_string(tuff_type_name(info->dtype)));
	json_object_object_add(o, "shape", json_object_new_string(d));
	json_object_array_add(to, o);
}

/* operators with their counts, by name */
static void operators(const struct model *m, json_object *to)
{
	uint32_t n = tuff_session_steps(m->s);

	if (!to)
		printf("steps:");
	for (uint32_t i = 0; i < n; i++) {
		struct tuff_step_info a, b;
		uint32_t count = 0, first = i;

		tuff_session_step(m->s, i, &a);
		for (uint32_t k = 0; k < n; k++) {
			tuff_session_step(m->s, k, &b);
			if (!strcmp(a.op, b.op)) {
				first = k < first ? k : first;
				count++;
			}
		}
		if (first != i)
			continue;
		if (to)
			json_object_object_add(to, a.op, json_object_new_int(count));
		else
			printf(" %s %u", a.op, count);
	}
	if (!to)
		puts("");
}

static void placement(const struct model *m, json_object *to)
{
	for (uint32_t i = 0; i < tuff_session_steps(m->s); i++) {
		struct tuff_step_info s;

		tuff_session_step(m->s, i, &s);
		if (to) {
			json_object *o = json_object_new_object();

			json_object_object_add(o, "node", json_object_new_string(s.node));
			json_object_object_add(o, "op", json_object_new_string(s.op));
			json_object_object_add(o, "where", json_object_new_string(s.on_device ? "device" : "cpu"));
			json_object_object_add(o, "kernel", json_object_new_string(s.kernel));
			json_object_object_add(o, "reason", json_object_new_string(s.reason));
			json_object_array_add(to, o);
		} else {
			printf("%4u  %-6s %-20s %-24s %s%s%s\n", i, s.on_device ? "device" : "cpu", s.op, s.on_device ? s.kernel : "-",
			       s.node, *s.reason ? ": " : "", s.reason);
		}
	}
}

int cmd_info(const struct opts *o)
{
	json_object *j = o->json ? json_object_new_object() : NULL;
	json_object *jin = json_object_new_array(), *jout = json_object_new_array(), *jops = json_object_new_object(), *jsteps = NULL;
	struct tuff_model_info mi;
	struct tuff_io_info info;
	struct tuff_memory mem;
	struct model m;
	int ret = model_open(o, o->device_given ? o->device : "cpu", &m);

	/* sizes that inputs decide are known once there is an input */
	ret = ret ? ret : model_run(&m);
	if (ret)
		goto out;
	for (uint32_t i = 0; !tuff_session_input(m.s, i, &info); i++)
		io("input", &info, j ? jin : NULL);
	for (uint32_t i = 0; !tuff_session_output(m.s, i, &info); i++)
		io("output", &info, j ? jout : NULL);
	tuff_session_info(m.s, &mi);
	tuff_session_memory(m.s, &mem);
	operators(&m, j ? jops : NULL);
	if (j) {
		json_object_object_add(j, "inputs", json_object_get(jin));
		json_object_object_add(j, "outputs", json_object_get(jout));
		json_object_object_add(j, "steps", json_object_get(jops));
		json_object_object_add(j, "opset", json_object_new_int(mi.opset));
		json_object_object_add(j, "parameters", json_object_new_int64(mi.parameters));
		json_object_object_add(j, "macs", json_object_new_int64(mi.macs));
		json_object_object_add(j, "weights", json_object_new_int64(mem.weights));
		json_object_object_add(j, "arena", json_object_new_int64(mem.arena));
		json_object_object_add(j, "live_peak", json_object_new_int64(mem.live_peak));
		json_object_object_add(j, "pipelines", json_object_new_int(tuff_session_kernels(m.s)));
	} else {
		printf("opset %u, %u steps, %llu parameters, %lld multiply-adds\n", mi.opset, mi.steps,
		       (unsigned long long)mi.parameters, (long long)mi.macs);
		printf("weights %llu bytes, activation arena %llu bytes, largest sum of live tensors %llu bytes\n",
		       (unsigned long long)mem.weights, (unsigned long long)mem.arena, (unsigned long long)mem.live_peak);
	}
	if (o->device_given) {
		if (j)
			jsteps = json_object_new_array();
		else
			printf("on %s, %u pipelines:\n", tuff_session_device(m.s), tuff_session_kernels(m.s));
		placement(&m, jsteps);
		if (j)
			json_object_object_add(j, "placement", jsteps);
	}
	if (j)
		puts(json_object_to_json_string_ext(j, JSON_C_TO_STRING_PRETTY));
out:
	json_object_put(jin);
	json_object_put(jout);
	json_object_put(jops);
	json_object_put(j);
	model_close(&m);
	return ret;
}
