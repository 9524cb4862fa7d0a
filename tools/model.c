// SPDX-License-Identifier: MIT
/* A session and the names of its inputs and outputs. */
#include <stdlib.h>
#include <string.h>

#include "tools/tool.h"

int model_open(const struct opts *o, const char *device, struct model *m)
{
	struct tuff_error err;
	int ret;

	memset(m, 0, sizeof(*m));
	progress("preparing %s for %s (compiler, weights, pipelines)", o->model, device);
	ret = tuff_session_create(o->model, device, &m->s, &err);
	progress_end();
	if (ret)
		return fail("%s", err.text);
	m->nin = tuff_session_inputs(m->s);
	m->nout = tuff_session_outputs(m->s);
	m->in = calloc(m->nin + 1, sizeof(*m->in));
	m->out = calloc(m->nout + 1, sizeof(*m->out));
	m->from = calloc(m->nin + 1, sizeof(*m->from));
	return m->in && m->out && m->from ? 0 : fail("out of memory");
}

void model_close(struct model *m)
{
	for (uint32_t i = 0; m->in && i < m->nin; i++)
		free(m->in[i].data);
	free(m->in);
	free(m->out);
	free(m->from);
	tuff_session_destroy(m->s);
}

int model_run(struct model *m, const struct tuff_tensor *in)
{
	struct tuff_error err;

	return tuff_run(m->s, in, m->nin, m->out, m->nout, &err) ? fail("%s", err.text) : 0;
}

static int io_info(const struct model *m, bool output, uint32_t i, struct tuff_io_info *info)
{
	return output ? tuff_session_output(m->s, i, info) : tuff_session_input(m->s, i, info);
}

int model_name(const struct model *m, bool output, const char *arg, const char **rest)
{
	struct tuff_io_info info;
	size_t longest = 0;
	int found = -1;

	for (uint32_t i = 0; !io_info(m, output, i, &info); i++) {
		size_t n = strlen(info.name);

		if (!strncmp(arg, info.name, n) && arg[n] == '=' && (found < 0 || n > longest)) {
			found = i;
			longest = n;
			*rest = arg + n + 1;
		}
	}
	return found;
}

int model_no_such(const struct model *m, bool output, const char *option, const char *arg)
{
	const char *what = output ? "output" : "input";
	struct tuff_io_info info;

	fprintf(stderr, "tuff: %s %s: the model has no such %s; its %ss:", option, arg, what, what);
	for (uint32_t i = 0; !io_info(m, output, i, &info); i++)
		fprintf(stderr, "%s %s", i ? "," : "", info.name);
	fputs("\n", stderr);
	return 1;
}
