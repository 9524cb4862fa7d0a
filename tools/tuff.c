// SPDX-License-Identifier: MIT
/* The command: options, help, and the table of subcommands. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tools/tool.h"

int fail(const char *text)
{
	progress(NULL);
	fprintf(stderr, "tuff: %s\n", text);
	return 1;
}

double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

long peak_rss_kb(void)
{
	struct rusage u;

	return getrusage(RUSAGE_SELF, &u) ? 0 : u.ru_maxrss;
}

void progress(const char *what)
{
	static double since;
	static bool shown;

	if (!isatty(2))
		return;
	if (!what) {
		if (shown)
			fputs("\r\033[K", stderr);
		shown = false;
		since = 0;
		return;
	}
	if (!since)
		since = now_ms();
	if (now_ms() - since > 1000) {
		fprintf(stderr, "\r\033[K%s", what);
		shown = true;
	}
}

void print_shape(FILE *f, const struct tuff_tensor *t)
{
	fprintf(f, "%s [", tuff_type_name(t->dtype));
	for (uint32_t i = 0; i < t->rank; i++)
		fprintf(f, "%s%lld", i ? "," : "", (long long)t->dim[i]);
	fputs("]", f);
}

json_object *json_tensor(const char *name, const struct tuff_tensor *t)
{
	json_object *o = json_object_new_object(), *d = json_object_new_array();

	for (uint32_t i = 0; i < t->rank; i++)
		json_object_array_add(d, json_object_new_int64(t->dim[i]));
	json_object_object_add(o, "name", json_object_new_string(name));
	json_object_object_add(o, "type", json_object_new_string(tuff_type_name(t->dtype)));
	json_object_object_add(o, "shape", d);
	return o;
}

enum { OPT_TOP = 256, OPT_DEVICE, OPT_COMPARE, OPT_TOL, OPT_PROFILE, OPT_JSON, OPT_SHAPE, OPT_TARGET, OPT_DUMP,
       OPT_SIZE, OPT_MEAN, OPT_STD, OPT_SCALE, OPT_BGR, OPT_THREADS };

static const struct option all[] = {
	{ "input", 1, NULL, 'i' }, { "output", 1, NULL, 'o' }, { "runs", 1, NULL, 'n' }, { "help", 0, NULL, 'h' },
	{ "top", 1, NULL, OPT_TOP }, { "device", 1, NULL, OPT_DEVICE }, { "compare", 1, NULL, OPT_COMPARE },
	{ "tolerance", 1, NULL, OPT_TOL }, { "profile", 0, NULL, OPT_PROFILE }, { "json", 0, NULL, OPT_JSON },
	{ "shape", 1, NULL, OPT_SHAPE }, { "target", 1, NULL, OPT_TARGET }, { "dump-after", 1, NULL, OPT_DUMP },
	{ "size", 1, NULL, OPT_SIZE }, { "mean", 1, NULL, OPT_MEAN }, { "std", 1, NULL, OPT_STD },
	{ "scale", 1, NULL, OPT_SCALE }, { "bgr", 0, NULL, OPT_BGR }, { "threads", 1, NULL, OPT_THREADS }, { 0 },
};

static const struct command {
	const char *name, *takes;	/* letters of the options it takes, by first letter below */
	int (*run)(const struct opts *);
	const char *help;
} commands[] = {
	{ "run", "i o top device compare tolerance profile json shape size mean std scale bgr threads", cmd_run,
	  "usage: tuff run MODEL [-i [NAME=]FILE]... [-o NAME=FILE.npy|DIR]... [options]\n"
	  "Runs a model (.onnx, or .tuff made by tuff compile) once and prints its outputs.\n"
	  "  -i [NAME=]FILE      .npy, .npz (arrays by name), .pb (TensorProto), .png, .jpg; without a\n"
	  "                      name in the model's order. Inputs not given are generated: floats\n"
	  "                      uniform in [0,1) from a fixed seed, integers 0\n"
	  "  --shape NAME=1,3,H,W  sizes of a generated input (unknown ones are 1)\n"
	  "  --size WxH --scale S --mean R,G,B --std R,G,B --bgr\n"
	  "                      images: resized (bilinear) to WxH or to the model's size,\n"
	  "                      value = (pixel * S - mean) / std, S is 1/255, mean 0, std 1\n"
	  "  -o NAME=FILE, -o DIR  writes outputs as .npy\n"
	  "  --top K             prints the K largest elements (5)\n"
	  "  --device D          auto (a GPU if there is one, else the CPU), cpu, vulkan, vulkan:N\n"
	  "  --compare D         runs on D as well; prints the largest errors, fails beyond --tolerance (1e-3)\n"
	  "  --profile           a table of the time by kernel\n"
	  "  --threads N         of the CPU path\n  --json\n" },
	{ "bench", "i n device json shape size mean std scale bgr threads", cmd_bench,
	  "usage: tuff bench MODEL [-i [NAME=]FILE]... [-n RUNS] [--device D] [--threads N] [--json]\n"
	  "Times runs after three to warm up; inputs as for tuff run.\n" },
	{ "info", "i device json shape size mean std scale bgr threads", cmd_info,
	  "usage: tuff info MODEL [--device D] [--shape NAME=1,3,H,W] [--json]\n"
	  "Inputs, outputs, operators, parameters, multiply-adds, memory; with --device where every\n"
	  "step would run and why.\n" },
	{ "compile", "o target dump-after device", cmd_compile,
	  "usage: tuff compile MODEL.onnx -o MODEL.tuff [--target cpu|software-wide|software-small|gpu]\n"
	  "                    [--dump-after PASS|all]\n"
	  "Writes a program that runs without the compiler. --dump-after prints the graph.\n" },
};

static int usage(FILE *f)
{
	fputs("usage: tuff COMMAND ...\n"
	      "  run       run a model\n"
	      "  bench     time a model\n"
	      "  info      what is in a model, where it would run\n"
	      "  compile   a model to a program file\n"
	      "  devices   what was found\n"
	      "tuff COMMAND --help says more.\n", f);
	return f == stdout ? 0 : 2;
}

static int bad(const struct command *c, const char *opt, const char *arg)
{
	fprintf(stderr, "tuff %s: --%s: '%s' is not understood\n", c->name, opt, arg);
	return 2;
}

static bool number(const char *s, double lo, double hi, double *out)
{
	char *end;

	errno = 0;
	*out = strtod(s, &end);
	return end != s && !*end && !errno && *out >= lo && *out <= hi;
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

static bool takes(const struct command *c, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = c->takes; p; p = strchr(p, ' ') ? strchr(p, ' ') + 1 : NULL)
		if (!strncmp(p, name, n) && (p[n] == ' ' || !p[n]))
			return true;
	return false;
}

static int option(const struct command *c, struct opts *o, int opt, const char *name)
{
	double v = 0;
	char rest;
	bool ok = true;

	switch (opt) {
	case 'i':
		ok = o->ninputs < MAX_IO;
		if (ok)
			o->inputs[o->ninputs++] = optarg;
		break;
	case 'o':
		ok = o->noutputs < MAX_IO;
		if (ok)
			o->outputs[o->noutputs++] = optarg;
		break;
	case OPT_SHAPE:
		ok = o->nshapes < MAX_IO && strchr(optarg, '=');
		if (ok)
			o->shapes[o->nshapes++] = optarg;
		break;
	case 'n':
		ok = number(optarg, 1, 1e6, &v) && v == (int)v;
		o->runs = v;
		break;
	case OPT_TOP:
		ok = number(optarg, 0, 1e6, &v) && v == (int)v;
		o->top = v;
		break;
	case OPT_THREADS:
		ok = number(optarg, 1, 256, &v) && v == (int)v;
		o->threads = v;
		break;
	case OPT_TOL:
		ok = number(optarg, 0, 1e9, &o->tolerance);
		break;
	case OPT_DEVICE:
		o->device = optarg;
		o->device_given = true;
		break;
	case OPT_COMPARE:
		o->compare = optarg;
		break;
	case OPT_TARGET:
		o->target = optarg;
		break;
	case OPT_DUMP:
		o->dump_after = optarg;
		break;
	case OPT_PROFILE:
		o->profile = true;
		break;
	case OPT_JSON:
		o->json = true;
		break;
	case OPT_BGR:
		o->image.bgr = true;
		break;
	case OPT_SIZE:
		ok = sscanf(optarg, "%dx%d%c", &o->image.width, &o->image.height, &rest) == 2 &&
		     o->image.width > 0 && o->image.height > 0 && o->image.width <= 1 << 14 && o->image.height <= 1 << 14;
		break;
	case OPT_SCALE:
		ok = number(optarg, -1e9, 1e9, &v);
		o->image.scale = v;
		break;
	case OPT_MEAN:
		ok = three(optarg, o->image.mean);
		break;
	case OPT_STD:
		ok = three(optarg, o->image.std) && o->image.std[0] != 0 && o->image.std[1] != 0 && o->image.std[2] != 0;
		break;
	}
	return ok ? 0 : bad(c, name, optarg);
}

static int parse(const struct command *c, int argc, char **argv, struct opts *o)
{
	int opt, at;

	*o = (struct opts){ .device = "auto", .runs = 50, .top = 5, .tolerance = 1e-3,
			    .image = { .scale = 1 / 255.f, .std = { 1, 1, 1 } } };
	opterr = 0;
	for (at = -1; (opt = getopt_long(argc, argv, ":i:o:n:h", all, &at)) != -1; at = -1) {
		char letter[2] = { opt, 0 };
		const char *name = at >= 0 ? all[at].name : letter;

		if (opt == 'h') {
			fputs(c->help, stdout);
			exit(0);
		}
		if (opt == ':') {
			fprintf(stderr, "tuff %s: %s needs a value\n", c->name, argv[optind - 1]);
			return 2;
		}
		if (opt < 256 && opt != '?' && at >= 0)
			name = letter;
		if (opt == '?' || !takes(c, name)) {
			if (opt == '?')
				fprintf(stderr, "tuff %s: option '%s' is not known\n%s", c->name, argv[optind - 1], c->help);
			else
				fprintf(stderr, "tuff %s: option '%s%s' is not known here\n%s", c->name, name[1] ? "--" : "-", name, c->help);
			return 2;
		}
		if (option(c, o, opt, name))
			return 2;
	}
	if (optind + 1 != argc) {
		fprintf(stderr, optind == argc ? "tuff %s: no model given\n%s" : "tuff %s: more than one model given\n%s", c->name, c->help);
		return 2;
	}
	o->model = argv[optind];
	return 0;
}

static int command(int argc, char **argv)
{
	struct opts o;

	if (argc < 2)
		return usage(stderr);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return usage(stdout);
	if (!strcmp(argv[1], "--version"))
		return puts("tuff " TUFF_VERSION), 0;
	if (!strcmp(argv[1], "devices"))
		return tuff_cmd_devices(argc - 1, argv + 1);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name)) {
			if (parse(&commands[i], argc - 1, argv + 1, &o))
				return 2;
			if (o.threads) {
				char n[16];

				snprintf(n, sizeof(n), "%d", o.threads);
				setenv("TUFF_THREADS", n, 1);
			}
			return commands[i].run(&o);
		}
	fprintf(stderr, "tuff: no command '%s'\n", argv[1]);
	return usage(stderr);
}

int main(int argc, char **argv)
{
	int ret = command(argc, argv);

	if ((fflush(stdout) || ferror(stdout)) && errno != EPIPE) {	/* a result that nobody got is none */
		fprintf(stderr, "tuff: standard output: %s\n", strerror(errno));
		return ret ? ret : 1;
	}
	return ret;
}
