/* SPDX-License-Identifier: MIT */
/* What the subcommands of tuff share: options, opened models, output. */
#ifndef TUFF_TOOL_H
#define TUFF_TOOL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "tools/io_image.h"
#include "userspace/tuff.h"

struct opts {
	const char *model, *device, *compare, *target, *dump_after, *labels;
	const char **inputs, **outputs, **shapes;	/* in the order given */
	int ninputs, noutputs, nshapes;
	int top;		/* -1: not given */
	int runs, threads;	/* threads 0: not given */
	uint64_t seed;
	double tolerance;
	bool json, profile;
	struct image_opts image;
};

struct command {
	const char *name;
	unsigned int bit;	/* in struct option_row's commands */
	const char *takes;	/* operand, for the usage line; NULL: none */
	int (*run)(const struct opts *o);
	const char *about;
};

int cmd_run(const struct opts *o);
int cmd_bench(const struct opts *o);
int cmd_info(const struct opts *o);
int cmd_compile(const struct opts *o);
int cmd_devices(const struct opts *o);

/*
 * options.c: fills *o from argv[1..] of the command; opts_fini() frees it. 0, 2
 * after saying what is wrong, or -1 after printing the help that was asked for.
 */
enum { CMD_RUN = 1, CMD_BENCH = 2, CMD_INFO = 4, CMD_COMPILE = 8, CMD_DEVICES = 16 };
int opts_parse(const struct command *c, int argc, char **argv, struct opts *o);
void opts_fini(struct opts *o);
void print_help(const struct command *c, FILE *f);

/* model.c: a session with its inputs. Functions print why and return 1. */
struct model {
	struct tuff_session *s;
	uint32_t nin, nout;
	struct tuff_tensor *in, *out;
	const char **from;	/* by input: its file, NULL = generated */
};
int model_open(const struct opts *o, const char *device, struct model *m);
void model_close(struct model *m);	/* zeroed is fine */
/* outputs are the session's until its next run */
int model_run(struct model *m, const struct tuff_tensor *in);
/*
 * "NAME=REST" with the longest name of an input (or output) that fits, since
 * names may hold '='. Its index and *rest, or -1.
 */
int model_name(const struct model *m, bool output, const char *arg, const char **rest);
int model_no_such(const struct model *m, bool output, const char *option, const char *arg);	/* says so, returns 1 */

/* inputs.c: m->in, from files or generated */
int inputs_read(const struct opts *o, struct model *m);
/* what each input is and where it comes from; JSON into `to` if that is not NULL */
void inputs_print(const struct opts *o, const struct model *m, json_object *to);

/* parts of tuff run */
int outputs_print(const struct opts *o, const struct model *m, json_object *to);
int outputs_check(const struct opts *o, const struct model *m);	/* before a run; makes the folder */
int outputs_save(const struct opts *o, const struct model *m);
int compare_print(const struct opts *o, const struct model *m, json_object *to);
int profile_print(struct model *m, json_object *to);

/* tuff.c */
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));	/* returns 1 */
double now_ms(void);
double peak_rss(void);	/* bytes */
json_object *json_tensor(const char *name, const struct tuff_tensor *t);
void json_print(json_object *j);
void json_number(json_object *to, const char *key, double v);	/* null where JSON has no such number */
void print_tensor(const char *name, const struct tuff_tensor *t);

/*
 * progress.c: what is under way, on a terminal, once it takes longer than a
 * second; silent otherwise. progress_end() clears the line.
 */
void progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void progress_end(void);

#endif
