// SPDX-License-Identifier: MIT
/*
 * The thread pool. One 32-bit word is the gate that helpers enter by: bits 0..7
 * count those inside, bit 8 says that a run is open, the rest is its number. A
 * run ends when the caller has closed the gate and nobody is inside, so a
 * helper that comes late finds it closed and touches nothing. The word is a
 * futex: helpers sleep on it, and so does the caller that waits for the last.
 *
 * Chunks are shared out before they are taken: each worker has a share of
 * neighbours, the same one in every run of as many chunks, and takes from the
 * front of it; who has nothing left takes from the back of another's. So what
 * one operator wrote is read by the next from the same core's cache.
 */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "userspace/cpu/cpu.h"
#include "userspace/cpu/pool.h"

#define MAX_WORKERS 64
#define INSIDE 0xffu
#define OPEN 0x100u
#define RUN 0x200u
/*
 * How long a worker looks for work before it sleeps: longer than the gap
 * between two operators (a wake across cores takes 33 us and the operators of
 * small networks not much more), far shorter than a scheduler's slice, so that
 * a neighbour loses nothing that it would notice.
 */
#define SPIN_NS 50000
#define PAUSES 16		/* between two looks at the clock */
/*
 * A helper whose processor somebody else wants is taken off it in the middle of
 * a chunk, for a tick or more, and the run waits for that chunk: two threads are
 * then slower than one. A wait that no chunk explains is taken as such, and the
 * caller works alone for a while, longer each time it happens again.
 */
#define STALL_NS 1000000
#define ALONE_MIN_NS 50000000
#define ALONE_MAX_NS 1600000000

extern void omp_set_num_threads(int) __attribute__((weak));

struct cpu_pool {
	_Atomic uint32_t gate;
	_Atomic uint32_t sleepers;
	_Atomic uint32_t caller_waits;
	_Atomic bool quit;
	unsigned int limit;	/* of the run, as fn and arg: written before the gate opens */
	cpu_chunk_fn fn;
	void *arg;
	pthread_mutex_t busy;	/* held by the thread whose run it is */
	int64_t alone_until, alone_ns;	/* under busy: after a stall; how long the next one counts */
	unsigned int nthreads;	/* helpers started */
	struct helper {
		struct cpu_pool *p;
		unsigned int index;
		pthread_t thread;
	} helper[MAX_WORKERS];
	struct share {		/* chunks not taken: front in the low half, end in the high one */
		_Alignas(64) _Atomic uint64_t range;
	} share[MAX_WORKERS];
};

static pthread_mutex_t global_lock = PTHREAD_MUTEX_INITIALIZER;
static struct cpu_pool *global;
static unsigned int global_refs;

static void futex_wait(_Atomic uint32_t *word, uint32_t seen)
{
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, MAX_WORKERS, NULL, NULL, 0);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#else
	atomic_signal_fence(memory_order_seq_cst);
#endif
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* false: it has been long enough; *until starts at 0 */
static bool spin(int64_t *until)
{
	int64_t now = now_ns();

	if (!*until)
		*until = now + SPIN_NS;
	for (int i = 0; i < PAUSES; i++)
		relax();
	return now < *until;
}

/* a chunk of s: its first, or its last for who helps out; -1: none is left */
static int64_t take(struct share *s, bool last)
{
	uint64_t r = atomic_load_explicit(&s->range, memory_order_relaxed), to;

	do {
		if ((uint32_t)r >= r >> 32)
			return -1;
		to = last ? r - (1ull << 32) : r + 1;
	} while (!atomic_compare_exchange_weak_explicit(&s->range, &r, to, memory_order_relaxed, memory_order_relaxed));
	return last ? (int64_t)(to >> 32) : (int64_t)(uint32_t)r;
}

static void work(struct cpu_pool *p, unsigned int worker)
{
	int64_t i;

	for (unsigned int k = 0; k < p->limit; k++)
		while ((i = take(&p->share[(worker + k) % p->limit], k)) >= 0)
			p->fn(p->arg, i, worker);
}

/* into the run that is open, unless it is the one already seen */
static bool enter(struct cpu_pool *p, uint32_t seen)
{
	uint32_t g = atomic_load(&p->gate);

	while ((g & OPEN) && (g & ~INSIDE) != (seen & ~INSIDE))
		if (atomic_compare_exchange_weak(&p->gate, &g, g + 1))
			return true;
	return false;
}

static void leave(struct cpu_pool *p)
{
	uint32_t g = atomic_fetch_sub(&p->gate, 1) - 1;

	if (!(g & (INSIDE | OPEN)) && atomic_load(&p->caller_waits))
		futex_wake(&p->gate);
}

static void *helper(void *arg)
{
	struct helper *h = arg;
	struct cpu_pool *p = h->p;
	uint32_t seen = 0;
	int64_t until = 0;

	if (omp_set_num_threads)
		omp_set_num_threads(1);
	while (!atomic_load(&p->quit)) {
		uint32_t g = atomic_load(&p->gate);

		if ((g & OPEN) && (g & ~INSIDE) != (seen & ~INSIDE) && enter(p, seen)) {
			seen = g;
			if (h->index < p->limit)
				work(p, h->index);
			leave(p);
			until = 0;
			continue;
		}
		if (spin(&until))
			continue;
		atomic_fetch_add(&p->sleepers, 1);
		g = atomic_load(&p->gate);
		if (!atomic_load(&p->quit) && (!(g & OPEN) || (g & ~INSIDE) == (seen & ~INSIDE)))
			futex_wait(&p->gate, g);
		atomic_fetch_sub(&p->sleepers, 1);
		until = 0;
	}
	return NULL;
}

/* the caller ended at `mine`, the last helper at `end`; chunks explain `fair` ns between the two */
static void stalled(struct cpu_pool *p, int64_t mine, int64_t end, int64_t fair)
{
	if (end - mine > fair) {
		p->alone_ns = p->alone_ns ? 4 * p->alone_ns : ALONE_MIN_NS;
		if (p->alone_ns > ALONE_MAX_NS)
			p->alone_ns = ALONE_MAX_NS;
		p->alone_until = end + p->alone_ns;
	} else if (p->alone_ns && end > p->alone_until + p->alone_ns) {
		p->alone_ns = 0;	/* as long without one */
	}
}

void cpu_pool_run(struct cpu_pool *p, unsigned int threads, int64_t n, cpu_chunk_fn fn, void *arg)
{
	int64_t until = 0, start, mine;
	uint32_t g;

	if (!p || threads < 2 || n < 2 || n > INT32_MAX || !p->nthreads || pthread_mutex_trylock(&p->busy)) {
		for (int64_t i = 0; i < n; i++)
			fn(arg, i, 0);
		return;
	}
	start = now_ns();
	if (start < p->alone_until) {
		pthread_mutex_unlock(&p->busy);
		for (int64_t i = 0; i < n; i++)
			fn(arg, i, 0);
		return;
	}
	p->fn = fn;
	p->arg = arg;
	p->limit = threads > p->nthreads + 1 ? p->nthreads + 1 : threads;
	for (unsigned int i = 0; i < p->limit; i++)
		atomic_store_explicit(&p->share[i].range, (uint64_t)(n * (i + 1) / p->limit) << 32 | (uint64_t)(n * i / p->limit),
				      memory_order_relaxed);
	g = atomic_load(&p->gate);	/* closed, nobody inside */
	atomic_store(&p->gate, (g + RUN) | OPEN);
	if (atomic_load(&p->sleepers))
		futex_wake(&p->gate);
	work(p, 0);
	mine = now_ns();
	atomic_fetch_and(&p->gate, ~OPEN);
	while ((g = atomic_load(&p->gate)) & INSIDE) {
		if (spin(&until))
			continue;
		atomic_store(&p->caller_waits, 1);
		g = atomic_load(&p->gate);
		if (g & INSIDE)
			futex_wait(&p->gate, g);
		atomic_store(&p->caller_waits, 0);
	}
	stalled(p, mine, now_ns(), STALL_NS + 2 * (mine - start) * p->limit / n);
	pthread_mutex_unlock(&p->busy);
}

unsigned int cpu_pool_threads(unsigned int threads)
{
	const char *env = getenv("TUFF_THREADS");
	unsigned int cores = 1;
	cpu_set_t set;

	if (!sched_getaffinity(0, sizeof(set), &set))
		cores = CPU_COUNT(&set);
	if (!threads && env) {
		long n = strtol(env, NULL, 10);

		threads = n < 0 ? 0 : n > MAX_WORKERS ? MAX_WORKERS : n;
	}
	if (!threads || threads > cores)
		threads = cores;
	return threads > MAX_WORKERS ? MAX_WORKERS : threads;
}

static void stop(struct cpu_pool *p)
{
	atomic_store(&p->quit, true);
	atomic_fetch_add(&p->gate, RUN);	/* whoever is about to sleep sees a new word */
	futex_wake(&p->gate);
	for (unsigned int i = 0; i < p->nthreads; i++)
		pthread_join(p->helper[i].thread, NULL);
	pthread_mutex_destroy(&p->busy);
	free(p);
}

struct cpu_pool *cpu_pool_get(unsigned int threads)
{
	struct cpu_pool *p;

	threads = cpu_pool_threads(threads);
	pthread_mutex_lock(&global_lock);
	p = global;
	if (!p) {
		p = aligned_alloc(64, sizeof(*p));
		if (p) {
			memset(p, 0, sizeof(*p));
			pthread_mutex_init(&p->busy, NULL);
		}
		global = p;
	}
	if (p) {
		global_refs++;
		/* a helper that cannot be started is one that never comes */
		while (p->nthreads + 1 < threads) {
			struct helper *h = &p->helper[p->nthreads];

			h->p = p;
			h->index = p->nthreads + 1;
			if (pthread_create(&h->thread, NULL, helper, h))
				break;
			pthread_mutex_lock(&p->busy);
			p->nthreads++;
			pthread_mutex_unlock(&p->busy);
		}
	}
	pthread_mutex_unlock(&global_lock);
	return p;
}

void cpu_pool_put(struct cpu_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&global_lock);
	if (!--global_refs) {
		stop(p);
		global = NULL;
	}
	pthread_mutex_unlock(&global_lock);
}

void cpu_for(const struct cpu_args *a, int64_t n, cpu_chunk_fn fn, void *arg)
{
	cpu_pool_run(a->pool, a->threads, n, fn, arg);
}

struct scratch {
	size_t size;
	void *mem;
};

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static bool scratch_ok;

static void scratch_free(void *arg)
{
	struct scratch *s = arg;

	free(s->mem);
	free(s);
}

static void scratch_init(void)
{
	scratch_ok = !pthread_key_create(&scratch_key, scratch_free);
}

/* the main thread's goes when the library is unloaded or the process ends */
static void __attribute__((destructor)) scratch_exit(void)
{
	struct scratch *s;

	if (!scratch_ok)
		return;
	s = pthread_getspecific(scratch_key);
	if (s)
		scratch_free(s);
	pthread_key_delete(scratch_key);
}

void *cpu_scratch(size_t size)
{
	struct scratch *s;

	pthread_once(&scratch_once, scratch_init);
	if (!scratch_ok)
		return NULL;
	s = pthread_getspecific(scratch_key);
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s || pthread_setspecific(scratch_key, s)) {
			free(s);
			return NULL;
		}
	}
	if (s->size < size) {
		free(s->mem);
		s->size = 0;
		s->mem = aligned_alloc(64, (size + 63) / 64 * 64);
		if (s->mem)
			s->size = size;
	}
	return s->mem;
}
