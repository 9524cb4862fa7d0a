// SPDX-License-Identifier: MIT
/* A session and its inputs: read from files, or generated. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/io_npy.h"
#include "tools/io_npz.h"
#include "tools/io_pb.h"
#include "tools/tool.h"

static bool ends(const char *s, const char *with)
{
	size_t n = strlen(s), k = strlen(with);

	return n > k && !strcmp(s + n - k, with);
}

/* "NAME=1,3,224,224" of --shape for this input */
static int shape_option(const struct opts *o, const struct tuff_io_info *info, struct tuff_tensor *t)
{
	size_t len = strlen(info->name);

	for (int i = 0; i < o->nshapes; i++) {
		const char *p = o->shapes[i];
		uint32_t r = 0;

		if (strncmp(p, info->name, len) || p[len] != '=')
			continue;
		for (p += len + 1; r < TUFF_DIMS; p++) {
			char *end;

			t->dim[r++] = strtoll(p, &end, 10);
			if (end == p || t->dim[r - 1] < 0)
				r = TUFF_DIMS + 1;
			p = end;
			if (*p != ',')
				break;
		}
		if (*p || r != info->rank) {
			fprintf(stderr, "tuff: --shape %s: input '%s' has %u dimensions\n", o->shapes[i], info->name, info->rank);
			return 1;
		}
	}
	return 0;
}

static int generate(const struct opts *o, const struct tuff_io_info *info, struct tuff_tensor *t)
{
	uint64_t seed = 88172645463325252ull;
	size_t n = 1;

	*t = (struct tuff_tensor){ .dtype = info->dtype, .rank = info->rank };
	for (uint32_t i = 0; i < info->rank; i++)
		t->dim[i] = info->dim[i] < 0 ? 1 : info->dim[i];
	if (shape_option(o, info, t))
		return 1;
	t->size = tuff_type_size(t->dtype);
	for (uint32_t i = 0; i < info->rank; i++)
		if (__builtin_mul_overflow(n, (size_t)t->dim[i], &n) || n > (size_t)1 << 40)
			return fail("a generated input would be too large");
	t->size *= n;
	t->data = calloc(t->size ? t->size : 1, 1);
	if (!t->data)
		return fail("out of memory");
	for (size_t i = 0; i < n; i++) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		if (t->dtype == 1)
			((float *)t->data)[i] = (seed >> 40) / 16777216.f;
		else if (t->dtype == 11)
			((double *)t->data)[i] = (seed >> 40) / 16777216.;
		else if (t->dtype == 10)	/* float16: halves from 0x3000 (0.125) to 0x3bff (<1) */
			((uint16_t *)t->data)[i] = 0x3000 + (seed >> 40) % 0xc00;
	}
	return 0;
}

static int read_input(const struct opts *o, struct model *m, const char *arg, int order)
{
	const char *eq = strchr(arg, '='), *file = eq ? eq + 1 : arg;
	struct tuff_io_info info;
	uint32_t at = order;
	char why[600] = "";
	int ret;

	if (ends(file, ".npz") && !eq)
		return npz_read_all(file, m->s, m->in, why, sizeof(why)) ? fail(why) : 0;
	if (eq)
		for (at = 0; !tuff_session_input(m->s, at, &info); at++)
			if (strlen(info.name) == (size_t)(eq - arg) && !memcmp(info.name, arg, eq - arg))
				break;
	if (tuff_session_input(m->s, at, &info)) {
		fprintf(stderr, "tuff: the model has no input for '%s'; it has:", arg);
		for (at = 0; !tuff_session_input(m->s, at, &info); at++)
			fprintf(stderr, " %s", info.name);
		fputs("\n", stderr);
		return 1;
	}
	free(m->in[at].data);
	m->in[at].data = NULL;
	if (ends(file, ".png") || ends(file, ".jpg") || ends(file, ".jpeg"))
		ret = image_read(file, &o->image, &info, &m->in[at], why, sizeof(why));
	else if (ends(file, ".pb"))
		ret = pb_read(file, &m->in[at], why, sizeof(why));
	else if (ends(file, ".npz"))
		ret = npz_read(file, info.name, &m->in[at], why, sizeof(why));
	else
		ret = npy_read(file, &m->in[at], why, sizeof(why));
	return ret ? fail(why) : 0;
}

int model_open(const struct opts *o, const char *device, struct model *m)
{
	struct tuff_error err;

	memset(m, 0, sizeof(*m));
	progress("loading");
	if (tuff_session_create(o->model, device, &m->s, &err))
		return fail(err.text);
	m->nin = tuff_session_inputs(m->s);
	m->nout = tuff_session_outputs(m->s);
	if (m->nin > MAX_IO || m->nout > MAX_IO)
		return fail("more than 64 inputs or outputs");
	for (int i = 0; i < o->ninputs; i++)
		if (read_input(o, m, o->inputs[i], i))
			return 1;
	for (uint32_t i = 0; i < m->nin; i++) {
		struct tuff_io_info info;

		if (!m->in[i].data && (tuff_session_input(m->s, i, &info) || generate(o, &info, &m->in[i])))
			return 1;
	}
	progress(NULL);
	return 0;
}

void model_close(struct model *m)
{
	for (int i = 0; i < MAX_IO; i++)
		free(m->in[i].data);
	tuff_session_destroy(m->s);
}

int model_run(struct model *m)
{
	struct tuff_error err;

	return tuff_run(m->s, m->in, m->nin, m->out, m->nout, &err) ? fail(err.text) : 0;
}
