// SPDX-License-Identifier: MIT
/* The command: its subcommands, and what they all print with. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "tools/tool.h"

int fail(const char *fmt, ...)
{
	va_list ap;

	progress_end();
	fflush(stdout);
	fputs("tuff: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\n", stderr);
	return 1;
}

double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

double peak_rss(void)
{
	struct rusage u;

	return getrusage(RUSAGE_SELF, &u) ? 0 : u.ru_maxrss * 1024.;
}

void print_tensor(const char *name, const struct tuff_tensor *t)
{
	printf("%s: %s [", name, tuff_type_name(t->dtype));
	for (uint32_t i = 0; i < t->rank; i++)
		printf("%s%lld", i ? "," : "", (long long)t->dim[i]);
	printf("]");
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

void json_number(json_object *to, const char *key, double v)
{
	json_object_object_add(to, key, isfinite(v) ? json_object_new_double(v) : NULL);
}

void json_print(json_object *j)
{
	puts(json_object_to_json_string_ext(j, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static const struct command commands[] = {
	{ "run", CMD_RUN, "MODEL", cmd_run,
	  "Runs a model (.onnx, or .tuff made by tuff compile) once and prints its outputs." },
	{ "bench", CMD_BENCH, "MODEL", cmd_bench,
	  "Times a model: median and percentiles, samples per second, peak memory." },
	{ "info", CMD_INFO, "MODEL", cmd_info,
	  "Says what is in a model: inputs, outputs, operators, opset, parameters, multiply-adds,\n"
	  "memory; with --device where every node would run, and why." },
	{ "compile", CMD_COMPILE, "MODEL.onnx", cmd_compile,
	  "Writes a program that runs without the compiler, for one class of devices." },
	{ "devices", CMD_DEVICES, NULL, cmd_devices,
	  "Lists the devices: what was found, what matters of it, what was rejected and why." },
};

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	fprintf(stderr, "tuff: no command '%s'\n", name);
	return NULL;
}

static int usage(FILE *f)
{
	fputs("usage: tuff COMMAND ...\n"
	      "  run       run a model\n"
	      "  bench     time a model\n"
	      "  info      what is in a model, where it would run\n"
	      "  compile   a model to a program file\n"
	      "  devices   what was found\n"
	      "tuff COMMAND --help says more; tuff --version says which this is.\n", f);
	return f == stdout ? 0 : 2;
}

static int command(int argc, char **argv)
{
	const struct command *c;
	struct opts o;
	int ret;

	if (argc < 2)
		return usage(stderr);
	if (!strcmp(argv[1], "--version"))
		return puts("tuff " TUFF_VERSION) < 0;
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		if (argc == 2)
			return usage(stdout);
		c = find(argv[2]);
		if (c)
			print_help(c, stdout);
		return c ? 0 : 2;
	}
	c = find(argv[1]);
	if (!c)
		return usage(stderr);
	ret = opts_parse(c, argc - 1, argv + 1, &o);
	if (!ret && o.threads) {
		char n[16];

		snprintf(n, sizeof(n), "%d", o.threads);
		setenv("TUFF_THREADS", n, 1);	/* what libtuff reads */
	}
	if (!ret)
		ret = c->run(&o);
	opts_fini(&o);
	return ret < 0 ? 0 : ret;
}

int main(int argc, char **argv)
{
	int ret = command(argc, argv);

	errno = 0;
	if ((fflush(stdout) || ferror(stdout)) && errno != EPIPE) {	/* a full disk: a result that nobody got is none */
		int failed = fail("standard output: %s", strerror(errno ? errno : EIO));

		return ret ? ret : failed;
	}
	return ret;
}
