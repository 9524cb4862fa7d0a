/* SPDX-License-Identifier: MIT */
/*
 * The one thread pool: work in chunks, taken one by one by whoever is free.
 * The caller works too, so a helper that the machine does not schedule costs
 * nothing but its share; helpers spin for microseconds, then sleep.
 */
#ifndef TUFF_POOL_H
#define TUFF_POOL_H

#include <stddef.h>
#include <stdint.h>

struct cpu_args;
struct cpu_pool;

/* The process's pool, with `threads` workers at least; 0: as many as there are
 * processors, or TUFF_THREADS. NULL: out of memory. Give it back with put. */
struct cpu_pool *cpu_pool_get(unsigned int threads);
void cpu_pool_put(struct cpu_pool *p);
/* what a request for `threads` comes to on this machine */
unsigned int cpu_pool_threads(unsigned int threads);
/* fn(arg, i, worker) for i in [0, n), in any order, on up to `threads` workers;
 * worker < threads. Another run under way: this thread does it all. */
typedef void (*cpu_chunk_fn)(void *arg, int64_t i, unsigned int worker);
void cpu_pool_run(struct cpu_pool *p, unsigned int threads, int64_t n, cpu_chunk_fn fn, void *arg);

/* the same for the operator under way */
void cpu_for(const struct cpu_args *a, int64_t n, cpu_chunk_fn fn, void *arg);
/* this thread's scratch memory, 64-byte aligned; NULL: out of memory */
void *cpu_scratch(size_t size);

#endif
