// SPDX-License-Identifier: MIT
/*
 * bench_model MODEL DEVICE SECONDS [busy]: times a session's runs; with "busy"
 * beside one neighbour process that keeps a processor. One line of key=value.
 */
#include "tests/bench/timing.h"
#include "userspace/tuff.h"

#define MAX_IO 64

static struct tuff_tensor in[MAX_IO], out[MAX_IO];
static struct times t;

static int make_inputs(struct tuff_session *s)
{
	struct tuff_io_info info;

	for (uint32_t i = 0; i < tuff_session_inputs(s); i++) {
		size_t n = 1;

		tuff_session_input(s, i, &info);
		in[i] = (struct tuff_tensor){ .dtype = info.dtype, .rank = info.rank };
		for (uint32_t d = 0; d < info.rank; d++)
			n *= in[i].dim[d] = info.dim[d] < 0 ? 1 : info.dim[d];
		in[i].size = n * tuff_type_size(info.dtype);
		in[i].data = generated(info.dtype, n, in[i].size);
		if (!in[i].data)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	double start = now_ms(), made, first = 0, end = 0, budget;
	struct tuff_session *s;
	struct tuff_error err;
	pid_t neighbour = 0;
	uint32_t nin, nout;

	if (argc < 4) {
		fprintf(stderr, "usage: bench_model MODEL DEVICE SECONDS [busy]\n");
		return 2;
	}
	budget = atof(argv[3]) * 1e3;
	if (tuff_session_create(argv[1], argv[2], &s, &err)) {
		fprintf(stderr, "bench_model: %s\n", err.text);
		return 1;
	}
	made = now_ms();
	nin = tuff_session_inputs(s);
	nout = tuff_session_outputs(s);
	if (nin > MAX_IO || nout > MAX_IO || make_inputs(s))
		return 1;
	for (int i = -3; t.n < MAX_RUNS; i++) {	/* three to warm up */
		double from = now_ms();

		if (!i) {
			end = from + budget;
			if (argc > 4)
				neighbour = timing_neighbour();
		}
		if (i > 4 && from > end)
			break;
		if (tuff_run(s, in, nin, out, nout, &err)) {
			fprintf(stderr, "bench_model: %s\n", err.text);
			timing_neighbour_end(neighbour);
			return 1;
		}
		if (i == -3)
			first = now_ms() - from;
		if (i >= 0)
			t.ms[t.n++] = now_ms() - from;
	}
	timing_neighbour_end(neighbour);
	times_print(&t, made - start, first);
	tuff_session_destroy(s);
	for (uint32_t i = 0; i < nin; i++)
		free(in[i].data);
	return 0;
}
