/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share. Iteration i of a run is a function of
 * TUFF_FUZZ_SEED and i alone. TUFF_FUZZ=N runs N iterations (from TUFF_FUZZ_FROM
 * on); without it a target runs for some seconds. A crash, a sanitizer's
 * report, a leak or a minute without an end leaves the iteration's input in
 * fuzz-TARGET-NUMBER beside the current directory's .build (TUFF_FUZZ_OUT).
 */
#ifndef TUFF_TESTS_FUZZ_H
#define TUFF_TESTS_FUZZ_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/harness.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
/* what a mutation asks for in gigabytes is refused, as malloc refuses it */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:max_allocation_size_mb=64:detect_leaks=1:quarantine_size_mb=16";
}
#endif

#define FUZZ_SECONDS 8
#define FUZZ_HANG 120	/* seconds of one iteration */

static uint64_t fuzz_state;

static uint32_t rnd(uint32_t n)
{
	fuzz_state = fuzz_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(fuzz_state >> 33) % n;
}

static inline uint64_t nasty(void)
{
	static const int64_t v[] = { 0, 1, -1, 2, 3, 4, 7, 8, 9, 16, 63, 64, 65, 127, 128, 255, 256, 4096, 32767, 32768, 65535, 65536,
				     1 << 20, (1 << 20) + 1, INT32_MAX, INT32_MIN, UINT32_MAX, 1ll << 32, 1ll << 40, (1ll << 40) + 1, 1ll << 46,
				     INT64_MAX, INT64_MIN, INT64_MAX / 2, -2, -3, -8, -128, 5, 6, 10, 11, 12, 14, 22, 1 << 30 };

	return v[rnd(sizeof(v) / sizeof(v[0]))];
}

static inline unsigned char *slurp(const char *path, size_t *n)
{
	unsigned char *b = NULL;
	FILE *f = fopen(path, "rb");

	*n = 0;
	if (f && !fseek(f, 0, SEEK_END)) {
		*n = ftell(f);
		rewind(f);
		b = aligned_alloc(4096, (*n + 8191) / 4096 * 4096);
		if (b && fread(b, 1, *n, f) != *n)
			*n = 0;
	}
	if (f)
		fclose(f);
	return b;
}

struct fuzz {
	const char *target;
	uint64_t seed, at, end;	/* end: UINT64_MAX where time decides */
	time_t until;
	const void *bytes;	/* of the iteration under way */
	size_t size;
	unsigned long accepted, rejected, ran;
	int fd;			/* a file of the bytes: fuzz_path() */
	char path[64];
};
static struct fuzz *fuzz_now;

/* async-signal-safe, but for the name, which is made before */
static void fuzz_dump(void)
{
	static char name[256];
	const char *dir = getenv("TUFF_FUZZ_OUT");
	int fd;

	if (!fuzz_now || !fuzz_now->bytes)
		return;
	snprintf(name, sizeof(name), "%s/fuzz-%s-%llu", dir ? dir : ".build", fuzz_now->target, (unsigned long long)fuzz_now->at);
	fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	if (fd >= 0 && write(fd, fuzz_now->bytes, fuzz_now->size) == (ssize_t)fuzz_now->size)
		fprintf(stderr, "  iteration %llu of %s, seed %llu: its input is in %s\n", (unsigned long long)fuzz_now->at,
			fuzz_now->target, (unsigned long long)fuzz_now->seed, name);
}

static void fuzz_hung(int sig)
{
	fuzz_dump();
	fprintf(stderr, "  %s\n", sig == SIGALRM ? "it does not end" : "it crashed");
	signal(sig, SIG_DFL);
	raise(sig == SIGALRM ? SIGABRT : sig);
}

static void fuzz_begin(struct fuzz *f, const char *target)
{
	const char *n = getenv("TUFF_FUZZ"), *from = getenv("TUFF_FUZZ_FROM"), *seed = getenv("TUFF_FUZZ_SEED");

	*f = (struct fuzz){ .target = target, .seed = seed ? strtoull(seed, NULL, 0) : 1, .at = from ? strtoull(from, NULL, 0) : 0 };
	f->end = n ? f->at + strtoull(n, NULL, 0) : UINT64_MAX;
	f->until = time(NULL) + FUZZ_SECONDS;
	f->fd = memfd_create("fuzz", MFD_CLOEXEC);
	snprintf(f->path, sizeof(f->path), "/proc/self/fd/%d", f->fd);
	fuzz_now = f;
	signal(SIGALRM, fuzz_hung);
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_set_death_callback(fuzz_dump);
#else
	signal(SIGSEGV, fuzz_hung);
	signal(SIGBUS, fuzz_hung);
	signal(SIGFPE, fuzz_hung);
	signal(SIGABRT, fuzz_hung);
	setrlimit(RLIMIT_AS, &(struct rlimit){ 6ull << 30, 6ull << 30 });
#endif
}

static bool fuzz_next(struct fuzz *f)
{
	f->bytes = NULL;
	if (f->at >= f->end || (f->end == UINT64_MAX && time(NULL) >= f->until))
		return false;
	fuzz_state = (f->seed << 40) ^ (f->at * 0x9e3779b97f4a7c15ull) ^ 0x1234567;
	rnd(2), rnd(2);
	alarm(FUZZ_HANG);
	return true;
}

/* the iteration's bytes as they are going to be used, also as a file */
static int fuzz_input(struct fuzz *f, const void *bytes, size_t size)
{
	f->bytes = bytes;
	f->size = size;
	return ftruncate(f->fd, 0) || pwrite(f->fd, bytes, size, 0) != (ssize_t)size ? -1 : 0;
}

/* done with iteration f->at; leaks are looked for now and then; false: stop */
static bool fuzz_done(struct fuzz *f, bool bad)
{
	if (bad)
		fuzz_dump();
#ifdef __SANITIZE_ADDRESS__
	if (f->at % 1024 == 1023 && __lsan_do_recoverable_leak_check()) {
		printf("  a leak in the 1024 iterations before %llu\n", (unsigned long long)f->at);
		bad = true;
	}
#endif
	f->at++;
	return !bad;
}

static void fuzz_end(struct fuzz *f)
{
	alarm(0);
	f->bytes = NULL;
	fuzz_now = NULL;
	close(f->fd);
	printf("  %s: %lu accepted, %lu ran, %lu rejected\n", f->target, f->accepted, f->ran, f->rejected);
}

/* Does the text of a refusal say what is wrong (no bare strerror) and name the thing at fault? */
static inline bool fuzz_says(int ret, const char *text)
{
	const char *errno_text = strerror(-ret);
	size_t n = strlen(text), e = strlen(errno_text);
	bool names = strpbrk(text, "0123456789'") || strstr(text, "the graph") || strstr(text, "the model") || strstr(text, "the file") || strstr(text, "ONNX file: ") ||
		     strstr(text, "tuff program");

	if (ret == -ENOMEM)	/* of what is enough */
		return n > 0;
	if (n > 12 && strchr(text, ' ') && strcmp(text, errno_text) && names && !(n > e + 2 && n < e + 8 && !strcmp(text + n - e, errno_text)))
		return true;
	printf("  a poor reason (%d): '%s'\n", ret, text);
	return false;
}

#endif
