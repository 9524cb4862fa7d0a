/* SPDX-License-Identifier: MIT */
/* What the subcommands of tuff share: options, opened models, output. */
#ifndef TUFF_TOOL_H
#define TUFF_TOOL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "tools/io_image.h"
#include "userspace/tuff.h"

#define MAX_IO 64

struct opts {
	const char *model, *device, *compare, *target, *dump_after;
	const char *inputs[MAX_IO], *outputs[MAX_IO], *shapes[MAX_IO];
	int ninputs, noutputs, nshapes, top, runs, threads;
	double tolerance;
	bool json, profile, device_given;
	struct image_opts image;
};

struct model {
	struct tuff_session *s;
	uint32_t nin, nout;
	struct tuff_tensor in[MAX_IO], out[MAX_IO];
};

int cmd_run(const struct opts *o);
int cmd_bench(const struct opts *o);
int cmd_info(const struct opts *o);
int cmd_compile(const struct opts *o);
int tuff_cmd_devices(int argc, char **argv);

/* model.c: sessions with inputs read or generated; prints why and returns 1 */
int model_open(const struct opts *o, const char *device, struct model *m);
void model_close(struct model *m);
int model_run(struct model *m);

/* tuff.c */
int fail(const char *text);
double now_ms(void);
long peak_rss_kb(void);
/* a line on the terminal while something takes longer than a second; NULL ends it */
void progress(const char *what);
json_object *json_tensor(const char *name, const struct tuff_tensor *t);
void print_shape(FILE *f, const struct tuff_tensor *t);

#endif
