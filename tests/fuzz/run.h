/* SPDX-License-Identifier: MIT */
/* A session of a model that may be hostile, with inputs of the shapes it asks for, twice. */
#ifndef TUFF_TESTS_RUN_H
#define TUFF_TESTS_RUN_H

#include <sys/time.h>

#include "tests/fuzz/fuzz.h"
#include "userspace/session.h"

#define INPUT_BYTES (1 << 20)	/* of one input: more is not run */

/* an input of small numbers, unknown sizes by `size` */
static bool fuzz_tensor(const struct tuff_io_info *info, uint32_t size, struct tuff_tensor *t)
{
	uint64_t n = tuff_type_size(info->dtype);

	*t = (struct tuff_tensor){ .dtype = info->dtype, .rank = info->rank };
	for (uint32_t d = 0; d < info->rank; d++) {
		t->dim[d] = info->dim[d] < 0 ? size : info->dim[d];
		if (__builtin_mul_overflow(n, (uint64_t)t->dim[d], &n) || n > INPUT_BYTES)
			return false;
	}
	t->size = n;
	t->data = malloc(n + !n);
	for (uint64_t i = 0; i < n; i++)	/* bytes that make small numbers of every type */
		((uint8_t *)t->data)[i] = i % tuff_type_size(info->dtype) ? 0 : rnd(4);
	if (info->dtype == 1)
		for (uint64_t i = 0; i < n / 4; i++)
			((float *)t->data)[i] = (float)rnd(1000) / 100 - 5;
	return true;
}

static bool fuzz_stop;

static void fuzz_late(int sig)
{
	__atomic_store_n(&fuzz_stop, true, __ATOMIC_RELAXED);
}

/* a Loop need not end: a run is cancelled after a second of work */
static int fuzz_run(struct tuff_session *s, const struct tuff_tensor *in, uint32_t nin, struct tuff_tensor *out, uint32_t nout, struct tuff_error *err)
{
	struct itimerval second = { .it_value.tv_sec = 1 }, none = { 0 };
	int ret;

	fuzz_stop = false;
	signal(SIGPROF, fuzz_late);
	s->cancel = &fuzz_stop;
	setitimer(ITIMER_PROF, &second, NULL);
	ret = tuff_run(s, in, nin, out, nout, err);
	setitimer(ITIMER_PROF, &none, NULL);
	s->cancel = NULL;
	return ret;
}

/* false: a refusal without a reason */
static bool fuzz_session(struct fuzz *f, const char *path)
{
	struct tuff_tensor in[32], out[64];
	struct tuff_session *s = NULL;
	struct tuff_error err;
	uint32_t nin, nout, made = 0;
	bool ok = true, fits;
	int ret = tuff_session_create(path, "cpu", &s, &err);

	if (ret) {
		f->rejected++;
		return !s && fuzz_says(ret, err.text);
	}
	f->accepted++;
	nin = tuff_session_inputs(s);
	nout = tuff_session_outputs(s);
	fits = nin <= 32 && nout <= 64;
	for (uint32_t size = 1 + rnd(2), k = 0; fits && ok && k < 2; k++, size += 2) {
		for (made = 0; made < nin && fits; made += fits) {
			struct tuff_io_info info;

			tuff_session_input(s, made, &info);
			fits = fuzz_tensor(&info, size, &in[made]);
		}
		if (fits)
			ret = fuzz_run(s, in, nin, out, nout, &err);
		if (fits && ret)
			ok = fuzz_says(ret, err.text);
		else if (fits)
			f->ran++;
		for (uint32_t i = 0; fits && !ret && i < nout; i++) {	/* all of every result can be read */
			volatile uint8_t sum = 0;

			for (size_t b = 0; b < out[i].size; b++)
				sum += ((uint8_t *)out[i].data)[b];
		}
		while (made)
			free(in[--made].data);
	}
	tuff_session_destroy(s);
	return ok;
}

#endif
