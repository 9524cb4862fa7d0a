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
	char d[600];
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

/* what an operator is called: of the model's nodes, or of the program's steps */
static const char *op_of(const struct model *m, bool steps, uint32_t i)
{
	struct tuff_node_info n;
	struct tuff_step_info s;

	if (steps)
		return tuff_session_step(m->s, i, &s) ? "" : s.op;
	return tuff_session_node(m->s, i, &n) ? "" : n.op;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* operators with their counts, by name */
static int operators(const struct model *m, bool steps, json_object *to)
{
	uint32_t n = steps ? tuff_session_steps(m->s) : tuff_session_nodes(m->s);
	const char **op = malloc((n + 1) * sizeof(*op));

	if (!op)
		return fail("out of memory");
	for (uint32_t i = 0; i < n; i++)
		op[i] = op_of(m, steps, i);
	qsort(op, n, sizeof(*op), by_text);
	if (!to)
		printf("%u %s:", n, steps ? "steps" : "operators");
	for (uint32_t i = 0, k; i < n; i = k) {
		for (k = i; k < n && !strcmp(op[i], op[k]); k++)
			;
		if (to)
			json_object_object_add(to, op[i], json_object_new_int(k - i));
		else
			printf("%s %s %u", i ? "," : "", op[i], k - i);
	}
	if (!to)
		puts("");
	free(op);
	return 0;
}

/* every node of the model, the step that computes it, and why there */
static void placement(const struct model *m, json_object *to)
{
	if (!to)
		printf("%-8s %-24s %-24s %s\n", "where", "operator", "kernel", "node");
	for (uint32_t i = 0; i < tuff_session_nodes(m->s); i++) {
		struct tuff_step_info s = { .kernel = "", .reason = "", .node = "" };
		const char *where = "nowhere", *with = "";
		struct tuff_node_info n;

		tuff_session_node(m->s, i, &n);
		if (n.step >= 0) {
			tuff_session_step(m->s, n.step, &s);
			where = s.on_device ? "device" : "cpu";
			with = strcmp(s.node, n.node) ? s.node : "";
		}
		if (to) {
			json_object *o = json_object_new_object();

			json_object_object_add(o, "node", json_object_new_string(n.node));
			json_object_object_add(o, "op", json_object_new_string(n.op));
			json_object_object_add(o, "where", json_object_new_string(where));
			json_object_object_add(o, "kernel", json_object_new_string(s.kernel));
			json_object_object_add(o, "with", json_object_new_string(with));
			json_object_object_add(o, "reason", json_object_new_string(n.step >= 0 ? s.reason : n.why));
			json_object_array_add(to, o);
		} else {
			printf("%-8s %-24s %-24s %s%s%s%s%s\n", where, n.op, *s.kernel ? s.kernel : "-", n.node, *with ? ", with " : "", with,
			       n.step < 0 || *s.reason ? ": " : "", n.step < 0 ? n.why : s.reason);
		}
	}
}

static void numbers(const struct model *m, json_object *to)
{
	struct tuff_model_info mi;
	struct tuff_memory mem;

	tuff_session_info(m->s, &mi);
	tuff_session_memory(m->s, &mem);
	if (to) {
		json_object_object_add(to, "opset", json_object_new_int(mi.opset));
		json_object_object_add(to, "parameters", json_object_new_uint64(mi.parameters));
		json_object_object_add(to, "macs", mi.macs < 0 ? NULL : json_object_new_int64(mi.macs));
		json_object_object_add(to, "weights", json_object_new_uint64(mem.weights));
		json_object_object_add(to, "arena", json_object_new_uint64(mem.arena));
		json_object_object_add(to, "live_peak", json_object_new_uint64(mem.live_peak));
		json_object_object_add(to, "pipelines", json_object_new_int(tuff_session_kernels(m->s)));
		return;
	}
	printf("opset %u, %llu parameters, ", mi.opset, (unsigned long long)mi.parameters);
	if (mi.macs < 0)
		printf("multiply-adds not known\n");
	else
		printf("%lld multiply-adds\n", (long long)mi.macs);
	printf("weights %llu bytes, activation arena %llu bytes, largest sum of live tensors %llu bytes\n",
	       (unsigned long long)mem.weights, (unsigned long long)mem.arena, (unsigned long long)mem.live_peak);
}

int cmd_info(const struct opts *o)
{
	json_object *j = o->json ? json_object_new_object() : NULL, *part = NULL;
	struct tuff_io_info info;
	struct model m;
	int ret = model_open(o, o->device ? o->device : "cpu", &m), unsized;

	ret = ret ? ret : inputs_read(o, &m);
	if (ret)
		goto out;
	/* arena and multiply-adds need sizes, which inputs decide; what a run cannot do, the rest can */
	progress("running %s once for its sizes", o->model);
	unsized = model_run(&m, m.in);
	progress_end();
	if (j)
		json_object_object_add(j, "inputs", part = json_object_new_array());
	for (uint32_t i = 0; !tuff_session_input(m.s, i, &info); i++)
		io("input", &info, part);
	if (j)
		json_object_object_add(j, "outputs", part = json_object_new_array());
	for (uint32_t i = 0; !tuff_session_output(m.s, i, &info); i++)
		io("output", &info, part);
	for (int steps = 0; steps < 2; steps++) {
		if (j)
			json_object_object_add(j, steps ? "steps" : "operators", part = json_object_new_object());
		operators(&m, steps, part);
	}
	numbers(&m, j);
	if (unsized && !j)
		puts("the run that was to tell the sizes failed: multiply-adds and arena are not known");
	if (o->device) {
		if (j)
			json_object_object_add(j, "placement", part = json_object_new_array());
		else
			printf("on %s, %u pipelines:\n", tuff_session_device(m.s), tuff_session_kernels(m.s));
		placement(&m, part);
	}
	if (j)
		json_print(j);
out:
	json_object_put(j);
	model_close(&m);
	return ret;
}
