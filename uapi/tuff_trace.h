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
 * Arguments that recur
 *   client	u64: of an open file, the drm-client-id of its fdinfo; from 1
 *   ctx	u64: fence context of a context's finished fences: fence_ctx of
 *		CTX_GET_STATE, unique in the process; 0 = none
 *   seqno	u64: of a job within its context, first_seqno + i of SUBMIT
 *   dev, ring	u32: index of the device; of its scheduler, 0
 *   handle, id	u32: the client's handle of a buffer object, id of a kernel
 *   size	u64: bytes
 *   hash	u64: of all that makes a kernel, KERNEL_CREATE's; 0: the driver's own
 *   error	s32: 0 or -errno
 *   session	u64: names a session, unique in the process while it lives
 *   run	u64: of a session, grows with each
 *
 * Driver: as the kernel's gpu_scheduler events of the same names
 *   sched_job_queue(dev, ctx, seqno, ring, jobs, credits, client)
 *	pushed; jobs (u32): of its context in the queue with it; credits (u32):
 *	taken on the device at that time
 *   sched_job_run(dev, ctx, seqno, ring, jobs, credits, client)
 *	given to the device; jobs: left in the queue; credits: with its own
 *   sched_job_done(ctx, seqno, error)	ended: also those that never ran
 *   sched_job_add_dep(ctx, seqno, dep_ctx, dep_seqno)
 *	for each thing that it waits for, right after sched_job_queue; dep_ctx and
 *	dep_seqno are a job's, or a fence's of no job (a kernel being made)
 *   sched_job_unschedulable(ctx, seqno, dep_ctx, dep_seqno)
 *	at the head of its queue, and this keeps it; a dep_ctx that is a ctx - 1
 *	waits for the start of that job only
 *   sched_job_timeout(ctx, seqno, client, verdict)
 *	verdict (u32): 0 the device was reset, 1 it is gone, 2 no hang after all
 *   reset_begin(dev, ring)  reset_end(dev, ring, error)
 *	error: what jobs that were lost with it end with
 *   ctx_create(client, ctx, priority)	priority (u32): the scheduler's, 0 kernel,
 *	1 high, 2 normal, 3 low
 *   ctx_destroy(client, ctx)
 *   bo_create(client, handle, size, flags)  bo_map(..)  bo_destroy(..)
 *	flags (u32): as created; bo_destroy: the handle is closed, jobs may still
 *	use the memory; size: rounded up to pages
 *   bo_evict(client, handle, size, flags)	the service's: nothing else evicts
 *   kernel_create(client, id, hash)	asked for
 *   pipeline_create(hash, cache_hit, ns)	made by the device's driver;
 *	cache_hit (u32): 1 found in the pipeline cache on disk; ns (u64): it took
 * Compiler (libtuffc.so)
 *   pass_begin(pass)  pass_end(pass, nodes, error)
 *	pass (u32): its place in the list of compiler/compile.c; nodes (u32):
 *	values of the graph after it
 * Userspace
 *   session_run_begin(session, run)  session_run_end(session, run, error)
 *   segment_begin(session, run, segment, device)  segment_end(..)
 *	a row of steps on one device, from submit to the end of waiting for it;
 *	segment (u32): from 0; device (u32): 0 the CPU, 1 the session's device
 *   cpu_op_begin(session, run, step, op)  cpu_op_end(..)
 *	step (u32): of the program; op (u32): enum of compiler/ops.h, append only
 * Service
 *   request_begin(session, request)  request_end(session, request, error)
 */
#ifndef _UAPI_TUFF_TRACE_H
#define _UAPI_TUFF_TRACE_H

#define TUFF_TRACE_PROBES(X) \
	X(sched_job_queue) X(sched_job_run) X(sched_job_done) \
	X(sched_job_add_dep) X(sched_job_unschedulable) X(sched_job_timeout) \
	X(reset_begin) X(reset_end) \
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
