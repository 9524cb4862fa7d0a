/* SPDX-License-Identifier: MIT */
/* Clock, percentiles, memory and generated inputs: the same for every runtime that is compared. */
#ifndef TUFF_TESTS_BENCH_TIMING_H
#define TUFF_TESTS_BENCH_TIMING_H

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_RUNS 4096

struct times {
	double ms[MAX_RUNS];
	int n;
};

static inline double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int timing_cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static inline void times_sort(struct times *t)
{
	qsort(t->ms, t->n, sizeof(t->ms[0]), timing_cmp);
}

/* of a sorted series; p in percent */
static inline double times_at(const struct times *t, int p)
{
	int i = t->n * p / 100;

	return t->n ? t->ms[i < t->n ? i : t->n - 1] : 0;
}

static inline double peak_mb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmHWM:", 6))
			kb = atol(line + 6);
	if (f)
		fclose(f);
	return kb / 1024.0;
}

/* element i of n is i / n (float32), 0 otherwise */
static inline void *generated(uint32_t dtype, size_t elems, size_t bytes)
{
	float *p = calloc(bytes ? bytes : 1, 1);

	for (size_t i = 0; p && dtype == 1 && i < elems; i++)
		p[i] = (float)((double)i / elems);
	return p;
}

/* a process that computes and never yields, until timing_neighbour_end() or our death */
static inline pid_t timing_neighbour(void)
{
	pid_t pid = fork();

	if (!pid) {
		volatile double x = 1;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			x = x * 1.0000001 + 1e-9;
	}
	return pid;
}

static inline void timing_neighbour_end(pid_t pid)
{
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

/* One line for tests/bench/bench.sh: key=value, times in ms. */
static inline void times_print(struct times *t, double create_ms, double first_ms)
{
	times_sort(t);
	printf("median=%.4f p90=%.4f min=%.4f runs=%d create=%.2f first=%.2f peak_mb=%.1f\n", times_at(t, 50), times_at(t, 90),
	       times_at(t, 0), t->n, create_ms, first_ms, peak_mb());
}

#endif
