/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT) */
/*
 * The USDT probes of provider "tuff": a stable interface, fields are appended
 * and never removed or reordered. Arguments are integers; names are resolved in
 * userspace. Join keys: client, ctx (fence context), seqno. Times are not
 * arguments: the tracer's own clock has them.
 *
 * A probe costs a load and a branch while nobody watches (a semaphore that the
 * tracer raises). Each shared object has its own set of semaphores.
 *
 *   probe (arguments)                                                where
 *   sched_job_queue(dev, ctx, seqno, ring, jobs, credits, client)    driver
 *   sched_job_run(dev, ctx, seqno, ring, jobs, credits, client)      driver
 *   sched_job_done(ctx, seqno, error)                                driver
 *   sched_job_add_dep(ctx, seqno, dep_ctx, dep_seqno)                driver
 *   sched_job_unschedulable(ctx, seqno, dep_ctx, dep_seqno)          driver
 *   sched_job_timeout(ctx, seqno, client, verdict)                   driver
 *   ctx_create(client, ctx, priority)  ctx_destroy(client, ctx)      driver
 *   bo_create(client, handle, size, flags)                           driver
 *   bo_map(client, handle, size, flags)                              driver
 *   bo_evict(client, handle, size, flags)                            driver
 *   bo_destroy(client, handle, size, flags)                          driver
 *   kernel_create(client, id, hash)                                  driver
 *   pipeline_create(hash, cache_hit, ns)                             driver
 *   pass_begin(pass)  pass_end(pass, nodes, error)                   compiler
 *   session_run_begin(session, run)  session_run_end(session, run, error)  userspace
 *   segment_begin(session, run, segment, device)                     userspace
 *   segment_end(session, run, segment, device)                       userspace
 *   cpu_op_begin(session, run, step, op)  cpu_op_end(session, run, step, op)  userspace
 *   request_begin(session, request)  request_end(session, request, error)  service
 */
#ifndef _UAPI_TUFF_TRACE_H
#define _UAPI_TUFF_TRACE_H

#define TUFF_TRACE_PROBES(X) \
	X(sched_job_queue) X(sched_job_run) X(sched_job_done) \
	X(sched_job_add_dep) X(sched_job_unschedulable) X(sched_job_timeout) \
	X(ctx_create) X(ctx_destroy) X(bo_create) X(bo_map) X(bo_evict) \
	X(bo_destroy) X(kernel_create) X(pipeline_create) X(pass_begin) \
	X(pass_end) X(session_run_begin) X(session_run_end) X(segment_begin) \
	X(segment_end) X(cpu_op_begin) X(cpu_op_end) X(request_begin) \
	X(request_end)

#define _SDT_HAS_SEMAPHORES 1
#define SDT_USE_VARIADIC
#include <sys/sdt.h>

/* weak: every file that includes this defines them, the linker keeps one */
#define TUFF_TRACE_SEMA(p) \
	__attribute__((weak, section(".probes"), visibility("hidden"))) \
	volatile unsigned short tuff_##p##_semaphore;
TUFF_TRACE_PROBES(TUFF_TRACE_SEMA)

/* TUFF_TRACE(sched_job_done, ctx, seqno, error): arguments are evaluated only
 * while someone watches. */
#define TUFF_TRACE(p, ...) do { \
	if (__builtin_expect(tuff_##p##_semaphore, 0)) \
		STAP_PROBEV(tuff, p, __VA_ARGS__); \
} while (0)

#endif
