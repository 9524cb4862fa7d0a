// SPDX-License-Identifier: MIT
/* The thread pool: every chunk once, whoever calls, however often. */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/harness.h"
#include "userspace/cpu/pool.h"

#define RUNS 2000
#define CHUNKS 37

struct count {
	_Atomic int seen[CHUNKS];
	_Atomic int wrong;
	unsigned int threads;
};

static void mark(void *arg, int64_t i, unsigned int worker)
{
	struct count *c = arg;

	if (worker >= c->threads || i < 0 || i >= CHUNKS)
		c->wrong = 1;
	else
		c->seen[i]++;
}

static int many(struct cpu_pool *p, unsigned int threads, int runs)
{
	struct count c = { .threads = threads };

	for (int r = 1; r <= runs; r++) {
		int n = 1 + r % CHUNKS;

		for (int i = 0; i < CHUNKS; i++)
			c.seen[i] = 0;
		cpu_pool_run(p, threads, n, mark, &c);
		for (int i = 0; i < CHUNKS; i++)
			if (c.seen[i] != (i < n))
				return 1;
	}
	return c.wrong;
}

TEST(pool_every_chunk_once)
{
	struct cpu_pool *p = cpu_pool_get(0);

	CHECK(p);
	CHECK(!many(p, cpu_pool_threads(0), RUNS));
	CHECK(!many(p, 1, 10));
	cpu_pool_put(p);
}

static void *caller(void *arg)
{
	return (void *)(intptr_t)many(arg, cpu_pool_threads(0), RUNS / 4);
}

TEST(pool_callers_at_once)
{
	struct cpu_pool *p = cpu_pool_get(0);
	pthread_t t[4];
	void *bad;

	CHECK(p);
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&t[i], NULL, caller, p));
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &bad);
		CHECK(!bad);
	}
	cpu_pool_put(p);
}

TEST(pool_come_and_go)
{
	for (int i = 0; i < 50; i++) {
		struct cpu_pool *p = cpu_pool_get(0), *q = cpu_pool_get(0);

		CHECK(p && p == q);
		cpu_pool_put(q);
		CHECK(!many(p, cpu_pool_threads(0), 5));
		cpu_pool_put(p);
	}
}

static void nothing(void *arg, int64_t i, unsigned int worker)
{
}

TEST(pool_no_work)
{
	struct cpu_pool *p = cpu_pool_get(0);

	CHECK(p);
	cpu_pool_run(p, 2, 0, nothing, NULL);
	cpu_pool_run(NULL, 2, 3, nothing, NULL);
	cpu_pool_put(p);
}
