// SPDX-License-Identifier: MIT
/* tuff run */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/io_npy.h"
#include "tools/tool.h"

/* element i as a number; half formats are shown by their value */
static double element(const struct tuff_tensor *t, size_t i)
{
	const void *p = (char *)t->data + i * tuff_type_size(t->dtype);

	switch (t->dtype) {
	case 1: return *(const float *)p;
	case 2: case 9: return *(const uint8_t *)p;
	case 3: return *(const int8_t *)p;
	case 4: return *(const uint16_t *)p;
	case 5: return *(const int16_t *)p;
	case 6: return *(const int32_t *)p;
	case 7: return *(const int64_t *)p;
	case 11: return *(const double *)p;
	case 12: return *(const uint32_t *)p;
	case 13: return *(const uint64_t *)p;
	case 10: {
		uint16_t h = *(const uint16_t *)p;
		int e = h >> 10 & 31;
		double v = e == 31 ? (h & 1023 ? NAN : INFINITY) : e ? ldexp(1024 + (h & 1023), e - 25) : ldexp(h & 1023, -24);

		return h & 0x8000 ? -v : v;
	}
	case 16: {
		uint32_t u = (uint32_t)*(const uint16_t *)p << 16;
		float f;

		memcpy(&f, &u, 4);
		return f;
	}
	}
	return NAN;
}

struct ranked {
	double v;
	size_t i;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->v != y->v)
		return x->v < y->v || isnan(x->v) ? 1 : -1;
	return (x->i > y->i) - (x->i < y->i);
}

static int print_output(const char *name, const struct tuff_tensor *t, int k, json_object *to)
{
	size_t n = t->size / tuff_type_size(t->dtype), top = (size_t)k < n ? (size_t)k : n;
	struct ranked *r = malloc((n + 1) * sizeof(*r));
	json_object *list = json_object_new_array(), *o = to ? json_tensor(name, t) : NULL;

	if (!r)
		return fail("out of memory");
	for (size_t i = 0; i < n; i++)
		r[i] = (struct ranked){ element(t, i), i };
	qsort(r, n, sizeof(*r), by_rank);
	if (!to) {
		printf("%s: ", name);
		print_shape(stdout, t);
		puts("");
	}
	for (size_t i = 0; i < top; i++) {
		if (to) {
			json_object *e = json_object_new_object();

			json_object_object_add(e, "index", json_object_new_int64(r[i].i));
			json_object_object_add(e, "value", json_object_new_double(r[i].v));
			json_object_array_add(list, e);
		} else {
			printf("  %zu: %g\n", r[i].i, r[i].v);
		}
	}
	if (to) {
		json_object_object_add(o, "top", list);
		json_object_array_add(to, o);
	} else {
		json_object_put(list);
	}
	free(r);
	return 0;
}

static int save(const struct model *m, const struct opts *o)
{
	for (int k = 0; k < o->noutputs; k++) {
		const char *eq = strchr(o->outputs[k], '=');
		bool found = false;

		if (!eq)
			mkdir(o->outputs[k], 0777);
		for (uint32_t i = 0; i < m->nout; i++) {
			struct tuff_io_info info;
			char path[4096], why[4200];

			tuff_session_output(m->s, i, &info);
			if (eq && (strlen(info.name) != (size_t)(eq - o->outputs[k]) || memcmp(info.name, o->outputs[k], eq - o->outputs[k])))
				continue;
			found = true;
			if (eq) {
				snprintf(path, sizeof(path), "%s", eq + 1);
			} else {
				int at = snprintf(path, sizeof(path), "%s/", o->outputs[k]);

				/* a name may hold slashes */
				snprintf(path + at, sizeof(path) - at, "%s.npy", info.name);
				for (char *c = path + at; *c; c++)
					if (*c == '/')
						*c = '_';
			}
			if (npy_write(path, &m->out[i], why, sizeof(why)))
				return fail(why);
		}
		if (!found) {
			fprintf(stderr, "tuff: the model has no output for '%s'\n", o->outputs[k]);
			return 1;
		}
	}
	return 0;
}

/* Largest absolute and relative error; relative to the largest magnitude of the reference. */
static int compare(const struct opts *o, const struct model *m, json_object *to)
{
	json_object *list = json_object_new_array();
	struct model ref;
	bool far = false;
	int ret = model_open(o, o->compare, &ref);

	ret = ret ? ret : model_run(&ref);
	for (uint32_t i = 0; i < m->nout && !ret; i++) {
		size_t n = m->out[i].size / tuff_type_size(m->out[i].dtype);
		double abs = 0, scale = 0, rel;
		struct tuff_io_info info;

		tuff_session_output(m->s, i, &info);
		if (m->out[i].size != ref.out[i].size || m->out[i].dtype != ref.out[i].dtype) {
			ret = fail("the two devices give different shapes");
			break;
		}
		for (size_t k = 0; k < n; k++) {
			double a = element(&m->out[i], k), b = element(&ref.out[i], k);
			double d = a == b || (isnan(a) && isnan(b)) ? 0 : fabs(a - b);

			abs = d > abs || isnan(d) ? d : abs;
			scale = fabs(b) > scale ? fabs(b) : scale;
		}
		rel = abs == 0 ? 0 : abs / (scale > 1e-30 ? scale : 1e-30);
		far |= !(rel <= o->tolerance);
		if (to) {
			json_object *e = json_object_new_object();

			json_object_object_add(e, "output", json_object_new_string(info.name));
			json_object_object_add(e, "absolute", json_object_new_double(abs));
			json_object_object_add(e, "relative", json_object_new_double(rel));
			json_object_array_add(list, e);
		} else {
			printf("%s: %s against %s: largest error %.3g absolute, %.3g relative%s\n", info.name, tuff_session_device(m->s),
			       tuff_session_device(ref.s), abs, rel, rel <= o->tolerance ? "" : "  BEYOND TOLERANCE");
		}
	}
	if (to)
		json_object_object_add(to, "compare", list);
	else
		json_object_put(list);
	model_close(&ref);
	if (!ret && far)
		ret = fail("the two devices differ beyond the tolerance");
	return ret;
}

struct line {
	const char *name;
	uint64_t ns, count;
	int64_t macs;
};

static int by_time(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	return (x->ns < y->ns) - (x->ns > y->ns);
}

/* time by kernel (on a device) or operator (on the CPU), longest first */
static int profile(struct model *m, json_object *to)
{
	uint32_t n = tuff_session_steps(m->s), lines = 0;
	uint64_t *ns = calloc(n + 1, sizeof(*ns)), total = 0;
	struct line *l = calloc(n + 1, sizeof(*l));
	json_object *list = json_object_new_array();
	struct tuff_error err;
	int ret = ns && l ? 0 : fail("out of memory");

	if (!ret && tuff_run_profiled(m->s, m->in, m->nin, m->out, m->nout, ns, &err))
		ret = fail(err.text);
	for (uint32_t i = 0; i < n && !ret; i++) {
		struct tuff_step_info s;
		const char *name;
		uint32_t k = 0;

		tuff_session_step(m->s, i, &s);
		name = s.on_device ? s.kernel : s.op;
		while (k < lines && strcmp(l[k].name, name))
			k++;
		lines += k == lines;
		l[k].name = name;
		l[k].ns += ns[i];
		l[k].count++;
		l[k].macs += s.macs > 0 ? s.macs : 0;
		total += ns[i];
	}
	if (!ret)
		qsort(l, lines, sizeof(*l), by_time);
	if (!ret && !to)
		printf("%-28s %6s %12s %7s %9s\n", "kernel or operator", "count", "time us", "%", "GFLOP/s");
	for (uint32_t i = 0; i < lines && !ret; i++) {
		if (to) {
			json_object *e = json_object_new_object();

			json_object_object_add(e, "name", json_object_new_string(l[i].name));
			json_object_object_add(e, "count", json_object_new_int64(l[i].count));
			json_object_object_add(e, "ns", json_object_new_int64(l[i].ns));
			json_object_object_add(e, "macs", json_object_new_int64(l[i].macs));
			json_object_array_add(list, e);
		} else {
			printf("%-28s %6llu %12.1f %7.1f %9.1f\n", l[i].name, (unsigned long long)l[i].count, l[i].ns / 1e3,
			       total ? 100. * l[i].ns / total : 0, l[i].ns ? 2. * l[i].macs / l[i].ns : 0);
		}
	}
	if (to)
		json_object_object_add(to, "profile", list);
	else
		json_object_put(list);
	free(ns);
	free(l);
	return ret;
}

int cmd_run(const struct opts *o)
{
	json_object *j = o->json ? json_object_new_object() : NULL, *outs = NULL;
	double start = now_ms(), loaded, first, again;
	struct tuff_memory mem;
	struct model m;
	int ret = model_open(o, o->device, &m);

	if (ret)
		goto out;
	loaded = now_ms();
	ret = model_run(&m);
	first = now_ms();
	ret = ret ? ret : model_run(&m);
	again = now_ms();
	if (ret)
		goto out;
	if (j) {
		outs = json_object_new_array();
		json_object_object_add(j, "outputs", outs);
	}
	for (uint32_t i = 0; i < m.nout && !ret; i++) {
		struct tuff_io_info info;

		tuff_session_output(m.s, i, &info);
		ret = print_output(info.name, &m.out[i], o->top, outs);
	}
	tuff_session_memory(m.s, &mem);
	if (j) {
		json_object_object_add(j, "device", json_object_new_string(tuff_session_device(m.s)));
		json_object_object_add(j, "load_ms", json_object_new_double(loaded - start));
		json_object_object_add(j, "first_run_ms", json_object_new_double(first - loaded));
		json_object_object_add(j, "next_run_ms", json_object_new_double(again - first));
		json_object_object_add(j, "weights", json_object_new_int64(mem.weights));
		json_object_object_add(j, "arena", json_object_new_int64(mem.arena));
		json_object_object_add(j, "peak_rss", json_object_new_int64(peak_rss_kb() * 1024));
	} else {
		printf("device %s, load %.1f ms, first run %.2f ms, next %.2f ms\n"
		       "memory: weights %.1f kB, activations %.1f kB, process peak %.1f MB\n",
		       tuff_session_device(m.s), loaded - start, first - loaded, again - first, mem.weights / 1e3, mem.arena / 1e3,
		       peak_rss_kb() / 1e3);
	}
	ret = ret ? ret : save(&m, o);
	if (!ret && o->compare)
		ret = compare(o, &m, j);
	if (!ret && o->profile)
		ret = profile(&m, j);
	if (j && ret <= 1)
		puts(json_object_to_json_string_ext(j, JSON_C_TO_STRING_PRETTY));
out:
	json_object_put(j);
	model_close(&m);
	return ret;
}
