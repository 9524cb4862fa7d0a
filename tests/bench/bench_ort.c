// SPDX-License-Identifier: MIT
/*
 * bench_ort LIBRARY MODEL THREADS SECONDS [busy]: the same measurement of ONNX
 * Runtime, through its C interface. The library comes out of an npm package that
 * has no header, so the few entries of its function table that are used are
 * named here by their index; the table only ever grows at its end.
 */
#include <dlfcn.h>

#include "tests/bench/timing.h"

#define MAX_IO 64
#define API_VERSION 4

enum {
	GET_ERROR_MESSAGE = 2, CREATE_ENV = 3, CREATE_SESSION = 7, RUN = 9, CREATE_OPTIONS = 10, SET_OPTIMIZATION = 23,
	SET_INTRA_THREADS = 24, SET_INTER_THREADS = 25, INPUT_COUNT = 30, OUTPUT_COUNT = 31, INPUT_TYPE_INFO = 33,
	INPUT_NAME = 36, OUTPUT_NAME = 37, CREATE_TENSOR = 49, CAST_TYPE_TO_TENSOR = 55, ELEMENT_TYPE = 60, DIM_COUNT = 61,
	DIMS = 62, CPU_MEMORY_INFO = 69, DEFAULT_ALLOCATOR = 78, RELEASE_VALUE = 96,
};

typedef void *(*entry)();
struct ort_base {
	const void *(*get_api)(uint32_t version);
	const char *(*version)(void);
};

static const entry *api;
static struct times t;

static void check(void *status)
{
	if (!status)
		return;
	fprintf(stderr, "bench_ort: %s\n", (const char *)api[GET_ERROR_MESSAGE](status));
	exit(1);
}

/* bytes of an onnx.TensorProto.DataType that a model takes */
static size_t type_size(int type)
{
	switch (type) {
	case 1: case 6: case 12: return 4;
	case 7: case 11: case 13: return 8;
	case 4: case 5: case 10: case 16: return 2;
	}
	return 1;
}

static void *make_input(void *session, size_t i, void *mem)
{
	int64_t dim[16] = { 0 };
	void *info, *value;
	const void *tensor;
	size_t rank, n = 1;
	int type;

	check(api[INPUT_TYPE_INFO](session, i, &info));
	check(api[CAST_TYPE_TO_TENSOR](info, &tensor));
	check(api[ELEMENT_TYPE](tensor, &type));
	check(api[DIM_COUNT](tensor, &rank));
	if (rank > 16)
		exit(1);
	check(api[DIMS](tensor, dim, rank));
	for (size_t d = 0; d < rank; d++) {
		dim[d] = dim[d] < 0 ? 1 : dim[d];
		n *= (size_t)dim[d];
	}
	check(api[CREATE_TENSOR](mem, generated((uint32_t)type, n, n * type_size(type)), n * type_size(type), dim, rank, type, &value));
	return value;
}

int main(int argc, char **argv)
{
	void *lib, *env, *opt, *session, *alloc, *mem, *in[MAX_IO], *out[MAX_IO];
	const char *in_name[MAX_IO], *out_name[MAX_IO];
	double start, made, first = 0, end = 0, budget;
	const struct ort_base *base;
	pid_t neighbour = 0;
	size_t nin, nout;

	if (argc < 5) {
		fprintf(stderr, "usage: bench_ort LIBRARY MODEL THREADS SECONDS [busy]\n");
		return 2;
	}
	lib = dlopen(argv[1], RTLD_NOW);
	base = lib ? ((const struct ort_base *(*)(void))dlsym(lib, "OrtGetApiBase"))() : NULL;
	api = base ? base->get_api(API_VERSION) : NULL;
	if (!api) {
		fprintf(stderr, "bench_ort: %s\n", lib ? "the library is too old" : dlerror());
		return 1;
	}
	if (!strcmp(argv[2], "version")) {
		puts(base->version());
		return 0;
	}
	budget = atof(argv[4]) * 1e3;
	check(api[CREATE_ENV](3, "bench", &env));
	start = now_ms();
	check(api[CREATE_OPTIONS](&opt));
	check(api[SET_OPTIMIZATION](opt, 99));
	check(api[SET_INTRA_THREADS](opt, atoi(argv[3])));
	check(api[SET_INTER_THREADS](opt, 1));
	check(api[CREATE_SESSION](env, argv[2], opt, &session));
	made = now_ms();
	check(api[DEFAULT_ALLOCATOR](&alloc));
	check(api[CPU_MEMORY_INFO](1, 0, &mem));
	check(api[INPUT_COUNT](session, &nin));
	check(api[OUTPUT_COUNT](session, &nout));
	if (nin > MAX_IO || nout > MAX_IO)
		return 1;
	for (size_t i = 0; i < nin; i++) {
		check(api[INPUT_NAME](session, i, alloc, &in_name[i]));
		in[i] = make_input(session, i, mem);
	}
	for (size_t i = 0; i < nout; i++)
		check(api[OUTPUT_NAME](session, i, alloc, &out_name[i]));
	for (int r = -3; t.n < MAX_RUNS; r++) {	/* three to warm up */
		double from = now_ms();

		if (!r) {
			end = from + budget;
			if (argc > 5)
				neighbour = timing_neighbour();
		}
		if (r > 4 && from > end)
			break;
		memset(out, 0, sizeof(out));
		check(api[RUN](session, NULL, in_name, in, nin, out_name, nout, out));
		if (r == -3)
			first = now_ms() - from;
		if (r >= 0)
			t.ms[t.n++] = now_ms() - from;
		for (size_t i = 0; i < nout; i++)
			api[RELEASE_VALUE](out[i]);
	}
	timing_neighbour_end(neighbour);
	times_print(&t, made - start, first);
	return 0;
}
