// SPDX-License-Identifier: MIT
/* Outputs: printed as the largest elements or as a summary, written as .npy. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/io_file.h"
#include "tools/io_npy.h"
#include "tools/io_number.h"
#include "tools/tool.h"

#define ROWS 16		/* of a matrix whose rows are ranked one by one */

/* lines of --labels */
struct labels {
	char *bytes;
	char **line;
	size_t n;
};

static int labels_read(struct labels *l, const char *path)
{
	char err[700];
	size_t size;
	char *p;

	memset(l, 0, sizeof(*l));
	if (!path)
		return 0;
	if (file_read(path, (uint8_t **)&l->bytes, &size, err, sizeof(err)))
		return fail("%s", err);
	p = realloc(l->bytes, size + 1);
	l->line = malloc((size + 1) * sizeof(*l->line));
	l->bytes = p ? p : l->bytes;
	if (!p || !l->line)
		return fail("out of memory");
	p[size] = 0;
	while (*p) {
		size_t n = strcspn(p, "\r\n");

		l->line[l->n++] = p;
		p += n;
		if (*p == '\r' && p[1] == '\n')
			*p++ = 0;
		if (*p)
			*p++ = 0;
	}
	return 0;
}

static void labels_free(struct labels *l)
{
	free(l->bytes);
	free(l->line);
}

struct ranked {
	double v;
	size_t i;
};

/* largest first, not-a-numbers last */
static int by_rank(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (isnan(x->v) != isnan(y->v))
		return isnan(x->v) ? 1 : -1;
	if (x->v != y->v && !isnan(x->v))
		return x->v < y->v ? 1 : -1;
	return (x->i > y->i) - (x->i < y->i);
}

/* the k largest of n elements from `first` on */
static int print_top(const struct tuff_tensor *t, size_t first, size_t n, size_t k, size_t row, const struct labels *l, json_object *to)
{
	struct ranked *r = malloc((n + 1) * sizeof(*r));
	char text[32];

	if (!r)
		return fail("out of memory");
	for (size_t i = 0; i < n; i++)
		r[i] = (struct ranked){ number_get(t, first + i), i };
	qsort(r, n, sizeof(*r), by_rank);
	for (size_t i = 0; i < k && i < n; i++) {
		const char *label = r[i].i < l->n ? l->line[r[i].i] : "";

		if (to) {
			json_object *e = json_object_new_object();

			json_object_object_add(e, "row", json_object_new_uint64(row));
			json_object_object_add(e, "index", json_object_new_uint64(r[i].i));
			if (*label)
				json_object_object_add(e, "label", json_object_new_string(label));
			if (number_is_float(t->dtype))
				json_number(e, "value", r[i].v);
			else	/* exactly */
				json_object_object_add(e, "value", json_tokener_parse(number_text(t, first + r[i].i, text)));
			json_object_array_add(to, e);
		} else {
			printf("  %zu: %s%s%s\n", r[i].i, number_text(t, first + r[i].i, text), *label ? "  " : "", label);
		}
	}
	free(r);
	return 0;
}

static void print_summary(const struct tuff_tensor *t, size_t n, json_object *to)
{
	double least = INFINITY, most = -INFINITY, sum = 0;
	size_t odd = 0;

	for (size_t i = 0; i < n; i++) {
		double v = number_get(t, i);

		if (!isfinite(v)) {
			odd++;
			continue;
		}
		least = v < least ? v : least;
		most = v > most ? v : most;
		sum += v;
	}
	if (to) {
		json_number(to, "min", n > odd ? least : NAN);
		json_number(to, "mean", n > odd ? sum / (n - odd) : NAN);
		json_number(to, "max", n > odd ? most : NAN);
		json_object_object_add(to, "not_finite", json_object_new_uint64(odd));
		return;
	}
	if (!n)
		printf("  %s\n", tuff_type_size(t->dtype) ? "empty" : "not numbers");
	if (n > odd)
		printf("  from %g to %g, mean %g\n", least, most, sum / (n - odd));
	if (odd)
		printf("  %zu infinite or not a number\n", odd);
}

/*
 * A vector, or a few rows, is a classifier's answer: its largest elements. Of
 * anything else a summary, and the largest if --top asks for them.
 */
static int print_output(const char *name, const struct tuff_tensor *t, int top, const struct labels *l, json_object *to)
{
	size_t n = number_count(t), rows = 1, sides = 0;
	json_object *o = to ? json_tensor(name, t) : NULL, *list = to ? json_object_new_array() : NULL;
	int ret = 0;
	bool ranked;

	for (uint32_t i = 0; i < t->rank; i++)
		sides += t->dim[i] > 1;
	if (t->rank == 2 && t->dim[0] > 0)
		rows = t->dim[0];
	ranked = top >= 0 || sides <= 1 || (t->rank == 2 && rows <= ROWS);
	if (!to) {
		print_tensor(name, t);
		puts("");
	}
	if (to || !ranked || !n)
		print_summary(t, n, o);
	for (size_t r = 0; r < rows && ranked && n && !ret; r++) {
		if (!to && rows > 1)
			printf(" row %zu\n", r);
		ret = print_top(t, r * (n / rows), n / rows, top >= 0 ? top : 5, r, l, list);
	}
	if (to) {
		json_object_object_add(o, "top", list);
		json_object_array_add(to, o);
	}
	return ret;
}

int outputs_print(const struct opts *o, const struct model *m, json_object *to)
{
	json_object *list = to ? json_object_new_array() : NULL;
	struct labels l;
	int ret = labels_read(&l, o->labels);

	for (uint32_t i = 0; i < m->nout && !ret; i++) {
		struct tuff_io_info info;

		tuff_session_output(m->s, i, &info);
		ret = print_output(info.name, &m->out[i], o->top, &l, list);
	}
	labels_free(&l);
	if (to)
		json_object_object_add(to, "outputs", list);
	return ret;
}

/* What "-o arg" means: one output and its file, or -1 and a folder for all. */
static int destination(const struct model *m, const char *arg, int *which, const char **path)
{
	size_t n = strlen(arg);
	struct stat st;

	*path = arg;
	*which = model_name(m, true, arg, path);
	if (*which >= 0 || (!stat(arg, &st) && S_ISDIR(st.st_mode)))
		return 0;
	if (n > 4 && !strcmp(arg + n - 4, ".npy") && !strchr(arg, '=')) {
		if (m->nout > 1)
			return model_no_such(m, true, "-o", arg);
		*which = 0;
		return 0;
	}
	return strchr(arg, '=') ? model_no_such(m, true, "-o", arg) : 0;
}

/* A name in a folder: names of values may be paths themselves. */
static void file_name(const struct model *m, uint32_t i, char *buf, size_t size)
{
	struct tuff_io_info info;

	tuff_session_output(m->s, i, &info);
	snprintf(buf, size, "%s", info.name);
	for (char *c = buf; *c; c++)
		if (*c == '/')
			*c = '_';
}

static int distinct_names(const struct model *m)
{
	char a[NAME_MAX + 1], b[NAME_MAX + 1];

	for (uint32_t i = 0; i < m->nout; i++)
		for (uint32_t k = 0; k < i; k++) {
			file_name(m, i, a, sizeof(a));
			file_name(m, k, b, sizeof(b));
			if (!strcmp(a, b))
				return fail("two outputs would be the file %s.npy: -o NAME=FILE writes them one by one", a);
		}
	return 0;
}

int outputs_check(const struct opts *o, const struct model *m)
{
	const char *path;
	int which;

	if (o->labels && access(o->labels, R_OK))
		return fail("--labels %s: %s", o->labels, strerror(errno));
	for (int k = 0; k < o->noutputs; k++) {
		if (destination(m, o->outputs[k], &which, &path))
			return 1;
		if (which < 0 && distinct_names(m))
			return 1;
		if (which < 0 && mkdir(path, 0777) && errno != EEXIST)
			return fail("-o %s: %s", path, strerror(errno));
	}
	return 0;
}

static int save(const struct model *m, uint32_t i, const char *path)
{
	char why[PATH_MAX + 100];

	return npy_write(path, &m->out[i], why, sizeof(why)) ? fail("%s", why) : 0;
}

int outputs_save(const struct opts *o, const struct model *m)
{
	const char *to;
	int which, ret = 0;

	for (int k = 0; k < o->noutputs && !ret; k++) {
		ret = destination(m, o->outputs[k], &which, &to);
		if (!ret && which >= 0)
			ret = save(m, which, to);
		for (uint32_t i = 0; i < m->nout && !ret && which < 0; i++) {
			char name[NAME_MAX + 1], path[PATH_MAX];

			file_name(m, i, name, sizeof(name));
			if (snprintf(path, sizeof(path), "%s/%s.npy", to, name) >= (int)sizeof(path))
				return fail("-o %s: the path is too long", to);
			ret = save(m, i, path);
		}
	}
	return ret;
}
