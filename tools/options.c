// SPDX-License-Identifier: MIT
/* Every option of every subcommand, once: how it is written, what it means, who takes it. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "tools/tool.h"

static bool number(const char *s, double lo, double hi, double *out)
{
	char *end;

	errno = 0;
	*out = strtod(s, &end);
	return end != s && !*end && !errno && *out >= lo && *out <= hi;
}

static bool whole(const char *s, double lo, double hi, int *out)
{
	double v;
	bool ok = number(s, lo, hi, &v) && v == (int)v;

	*out = ok ? (int)v : 0;
	return ok;
}

static bool three(const char *s, float v[3])
{
	char rest;

	if (sscanf(s, "%f,%f,%f%c", &v[0], &v[1], &v[2], &rest) == 3)
		return true;
	if (sscanf(s, "%f%c", &v[0], &rest) != 1)
		return false;
	v[1] = v[2] = v[0];
	return true;
}

static bool device_name(const char *s)
{
	unsigned int n;
	char rest;

	return !strcmp(s, "auto") || !strcmp(s, "cpu") || !strcmp(s, "vulkan") || sscanf(s, "vulkan:%u%c", &n, &rest) == 1;
}

static bool set_input(struct opts *o, const char *a)
{
	o->inputs[o->ninputs++] = a;
	return true;
}

static bool set_output(struct opts *o, const char *a)
{
	o->outputs[o->noutputs++] = a;
	return *a;
}

static bool set_shape(struct opts *o, const char *a)
{
	o->shapes[o->nshapes++] = a;
	return *a;
}

static bool set_seed(struct opts *o, const char *a)
{
	char *end;

	errno = 0;
	o->seed = strtoull(a, &end, 10);
	return end != a && !*end && !errno && *a != '-';
}

static bool set_device(struct opts *o, const char *a)
{
	o->device = a;
	return device_name(a);
}

static bool set_compare(struct opts *o, const char *a)
{
	o->compare = a;
	return device_name(a);
}

static bool set_tolerance(struct opts *o, const char *a)
{
	return number(a, 0, 1e9, &o->tolerance);
}

static bool set_top(struct opts *o, const char *a)
{
	return whole(a, 0, 1e6, &o->top);
}

static bool set_runs(struct opts *o, const char *a)
{
	return whole(a, 1, 1e6, &o->runs);
}

static bool set_threads(struct opts *o, const char *a)
{
	return whole(a, 1, 256, &o->threads);
}

static bool set_labels(struct opts *o, const char *a)
{
	o->labels = a;
	return *a;
}

static bool set_profile(struct opts *o, const char *a)
{
	return o->profile = true;
}

static bool set_json(struct opts *o, const char *a)
{
	return o->json = true;
}

static bool set_target(struct opts *o, const char *a)
{
	o->target = a;
	return !strcmp(a, "cpu") || !strcmp(a, "software-wide") || !strcmp(a, "software-small") || !strcmp(a, "gpu");
}

static bool set_dump(struct opts *o, const char *a)
{
	o->dump_after = a;
	return *a;
}

static bool set_size(struct opts *o, const char *a)
{
	char rest;

	return sscanf(a, "%dx%d%c", &o->image.width, &o->image.height, &rest) == 2 && o->image.width > 0 &&
	       o->image.height > 0 && o->image.width <= 1 << 14 && o->image.height <= 1 << 14;
}

static bool set_fit(struct opts *o, const char *a)
{
	static const struct { const char *name; int fit, lo, hi; } fits[] = {
		{ "stretch", FIT_STRETCH, 1, 0 }, { "crop", FIT_CROP, 1, 1 << 14 }, { "pad", FIT_PAD, 0, 255 } };

	for (size_t i = 0; i < sizeof(fits) / sizeof(fits[0]); i++) {
		size_t n = strlen(fits[i].name);

		if (strncmp(a, fits[i].name, n))
			continue;
		o->image.fit = fits[i].fit;
		o->image.fit_arg = 0;
		if (!a[n] || (a[n] == ':' && whole(a + n + 1, fits[i].lo, fits[i].hi, &o->image.fit_arg)))
			return true;
	}
	return false;
}

static bool set_scale(struct opts *o, const char *a)
{
	double v;
	bool ok = number(a, -1e9, 1e9, &v);

	o->image.scale = v;
	return o->image.norm = ok;
}

static bool set_mean(struct opts *o, const char *a)
{
	o->image.norm = true;
	return three(a, o->image.mean);
}

static bool set_std(struct opts *o, const char *a)
{
	const float *s = o->image.std;

	o->image.norm = true;
	return three(a, o->image.std) && s[0] != 0 && s[1] != 0 && s[2] != 0;
}

static bool set_imagenet(struct opts *o, const char *a)
{
	return set_fit(o, "crop:256") && set_mean(o, "0.485,0.456,0.406") && set_std(o, "0.229,0.224,0.225");
}

static bool set_bgr(struct opts *o, const char *a)
{
	return o->image.bgr = true;
}

static bool set_layout(struct opts *o, const char *a)
{
	o->image.layout = !strcmp(a, "nchw") ? LAYOUT_NCHW : LAYOUT_NHWC;
	return !strcmp(a, "nchw") || !strcmp(a, "nhwc");
}

#define MODEL (CMD_RUN | CMD_BENCH | CMD_INFO)
static const struct option_row {
	const char *name;	/* --name */
	char letter;		/* -letter, or 0 */
	const char *arg;	/* what its value is, NULL = it has none */
	unsigned int commands;
	bool (*set)(struct opts *o, const char *arg);	/* false: the value is not understood */
	const char *help;
} rows[] = {
	{ "input", 'i', "[NAME=]FILE", MODEL, set_input,
	  "an input: .npy, .npz, .pb (TensorProto), PNG or JPEG, told apart by content. Without a\n"
	  "name they go to the inputs in the model's order; arrays of a .npz go by their names.\n"
	  "Inputs not given are generated: floats uniform in [0,1), integers and booleans 0" },
	{ "shape", 0, "[NAME=]1,3,H,W", MODEL, set_shape,
	  "sizes of a generated input; those the model leaves open are 1 otherwise" },
	{ "seed", 0, "N", MODEL, set_seed, "of generated inputs (1)" },
	{ "output", 'o', "NAME=FILE|DIR", CMD_RUN, set_output,
	  "writes an output, or all of them into a folder, as .npy" },
	{ "output", 'o', "FILE", CMD_COMPILE, set_output, "where the program is written" },
	{ "runs", 'n', "N", CMD_BENCH, set_runs, "timed runs (50), after three to warm up" },
	{ "device", 0, "DEVICE", MODEL, set_device,
	  "auto (a GPU if there is one, else the CPU), cpu, vulkan or vulkan:N (auto)" },
	{ "compare", 0, "DEVICE", CMD_RUN, set_compare,
	  "runs there as well, prints the largest absolute and relative errors" },
	{ "tolerance", 0, "R", CMD_RUN, set_tolerance, "relative error beyond which --compare fails (1e-3)" },
	{ "top", 0, "K", CMD_RUN, set_top,
	  "the K largest elements of every output (5 for vectors; else minimum, mean, maximum)" },
	{ "labels", 0, "FILE", CMD_RUN, set_labels, "names of the elements, one a line" },
	{ "profile", 0, NULL, CMD_RUN, set_profile,
	  "the time by kernel, from the device's timestamps; by operator on the CPU" },
	{ "target", 0, "CLASS", CMD_COMPILE, set_target, "cpu, software-wide, software-small or gpu (cpu)" },
	{ "dump-after", 0, "PASS", CMD_COMPILE, set_dump, "prints the graph after a pass, or after all, on standard error" },
	{ "size", 0, "WxH", MODEL, set_size, "of images (the model's size, else the image's own)" },
	{ "fit", 0, "HOW", MODEL, set_fit,
	  "stretch to that size; crop: keep the aspect and cut the middle out, crop:N after the\n"
	  "shorter side became N; pad or pad:V: keep it, V (0) around (stretch)" },
	{ "scale", 0, "S", MODEL, set_scale, "images: value = (pixel * S - mean) / std (1/255)" },
	{ "mean", 0, "M|M,M,M", MODEL, set_mean, "for all, or for each of the model's channels in their order (0)" },
	{ "std", 0, "D|D,D,D", MODEL, set_std, "likewise (1)" },
	{ "imagenet", 0, NULL, MODEL, set_imagenet,
	  "--fit crop:256 --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225" },
	{ "bgr", 0, NULL, MODEL, set_bgr, "the model's channels are blue, green, red" },
	{ "layout", 0, "nchw|nhwc", MODEL, set_layout, "where its channels are (where it has 1 or 3)" },
	{ "threads", 0, "N", MODEL, set_threads, "of the CPU path (the number of processors)" },
	{ "json", 0, NULL, MODEL | CMD_DEVICES, set_json, "for machines" },
};
#define NROWS (sizeof(rows) / sizeof(rows[0]))
enum { OPT_HELP = 'h', OPT_FIRST = 256 };	/* rows[i] is OPT_FIRST + i to getopt */

void print_help(const struct command *c, FILE *f)
{
	fprintf(f, "usage: tuff %s%s%s [options]\n%s\n", c->name, c->takes ? " " : "", c->takes ? c->takes : "", c->about);
	for (size_t i = 0; i < NROWS; i++) {
		const struct option_row *r = &rows[i];
		int at = 0;

		if (!(r->commands & c->bit))
			continue;
		at += fprintf(f, "  ");
		if (r->letter)
			at += fprintf(f, "-%c, ", r->letter);
		at += fprintf(f, "--%s%s%s", r->name, r->arg ? " " : "", r->arg ? r->arg : "");
		fprintf(f, "%s%*s", at < 26 ? "" : "\n", at < 26 ? 26 - at : 26, "");
		for (const char *p = r->help; *p; p++) {
			fputc(*p, f);
			if (*p == '\n')
				fprintf(f, "%26s", "");
		}
		fputc('\n', f);
	}
}

/* a mistake in the arguments */
static int wrong(const struct command *c, const char *what, const char *arg)
{
	fprintf(stderr, "tuff %s: ", c->name);
	fprintf(stderr, what, arg);
	fprintf(stderr, "\ntuff %s --help says more\n", c->name);
	return 2;
}

static const struct option_row *row_of(const struct command *c, int opt)
{
	for (size_t i = 0; i < NROWS; i++)
		if ((rows[i].commands & c->bit) && (opt >= OPT_FIRST ? i == (size_t)opt - OPT_FIRST : rows[i].letter && opt == rows[i].letter))
			return &rows[i];
	return NULL;
}

static int take(const struct command *c, struct opts *o, const struct option_row *r, const char *arg)
{
	if (r->set(o, arg))
		return 0;
	fprintf(stderr, "tuff %s: --%s: '%s' is not understood; %s: %s\n", c->name, r->name, arg, r->arg, r->help);
	return 2;
}

int opts_parse(const struct command *c, int argc, char **argv, struct opts *o)
{
	struct option longs[NROWS + 2] = { { "help", 0, NULL, OPT_HELP } };
	char shorts[2 * NROWS + 4] = ":h";
	int opt, n = 1;

	*o = (struct opts){ .runs = 50, .top = -1, .tolerance = 1e-3, .seed = 1,
			    .image = { .scale = 1 / 255.f, .std = { 1, 1, 1 } } };
	o->inputs = calloc(3 * argc, sizeof(*o->inputs));
	if (!o->inputs)
		return fail("out of memory");
	o->outputs = o->inputs + argc;
	o->shapes = o->outputs + argc;
	for (size_t i = 0; i < NROWS; i++) {
		if (!(rows[i].commands & c->bit))
			continue;
		longs[n++] = (struct option){ rows[i].name, rows[i].arg ? required_argument : no_argument, NULL, OPT_FIRST + i };
		if (rows[i].letter)
			snprintf(shorts + strlen(shorts), 3, "%c:", rows[i].letter);
	}
	opterr = 0;
	while ((opt = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_row *r;

		if (opt == OPT_HELP) {
			print_help(c, stdout);
			return -1;
		}
		if (opt == ':')
			return wrong(c, "%s needs a value", argv[optind - 1]);
		r = row_of(c, opt);
		if (!r)
			return wrong(c, "option '%s' is not known", argv[optind - 1]);
		if (take(c, o, r, optarg))
			return 2;
	}
	if (optind + !!c->takes < argc)
		return wrong(c, "'%s' is one argument too many", argv[argc - 1]);
	if (optind + !!c->takes > argc)
		return wrong(c, "no %s given", "model");
	o->model = c->takes ? argv[optind] : NULL;
	return 0;
}

void opts_fini(struct opts *o)
{
	free(o->inputs);	/* outputs and shapes are in it */
}
