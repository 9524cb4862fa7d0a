// SPDX-License-Identifier: MIT
/*
 * Runs behind a fence. Where a whole run is one job of the device and nothing
 * is copied when it ends, the caller's thread submits it and the fence is a
 * point of the session's timeline. All else is run by the session's one
 * worker, in the order of the calls; it sleeps while there is nothing to do.
 *
 * Order: the caller submits only while the worker has nothing, and jobs of a
 * context run in order; the worker waits for the device before it touches
 * memory. The lock guards the queue and the fences' states; what a queued
 * binding points to is the worker's until its fence is signaled.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "uapi/tuff_trace.h"
#include "userspace/session.h"

static struct tuff_binding *binding_of(struct tuff_fence *f)
{
	return (struct tuff_binding *)((char *)f - offsetof(struct tuff_binding, fence));
}

int async_init(struct tuff_session *s)
{
	pthread_condattr_t attr;
	int ret;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	ret = pthread_mutex_init(&s->async.lock, NULL);
	ret = ret ? ret : pthread_cond_init(&s->async.work, NULL);
	ret = ret ? ret : pthread_cond_init(&s->async.done, &attr);
	pthread_condattr_destroy(&attr);
	return -ret;
}

/* the lock is held */
static void end(struct tuff_session *s, struct tuff_fence *f)
{
	uint64_t one = 1;

	f->state = FENCE_DONE;
	if (f->fd >= 0 && write(f->fd, &one, sizeof(one)) < 0) {
		/* it is readable already */
	}
	pthread_cond_broadcast(&s->async.done);
}

static void run_one(struct tuff_session *s, struct tuff_binding *b)
{
	struct tuff_error *err = &b->fence.err;
	int ret;

	memset(err, 0, sizeof(*err));
	device_wait(s, NULL);	/* its error is that run's own */
	s->cancel = &b->fence.cancel;
	if (__atomic_load_n(s->cancel, __ATOMIC_RELAXED))
		ret = session_error(err, -ECANCELED, "%s: the run was cancelled", s->path);
	else
		ret = session_run(s, b, err);
	s->cancel = NULL;
	session_result(s, err, ret);
}

static void *worker(void *arg)
{
	struct tuff_session *s = arg;
	struct async *a = &s->async;

	pthread_setname_np(pthread_self(), "tuff-run");
	pthread_mutex_lock(&a->lock);
	for (;;) {
		struct tuff_binding *b = a->head;

		if (!b && a->stop)
			break;
		if (!b) {
			pthread_cond_wait(&a->work, &a->lock);
			continue;
		}
		a->head = b->queue;
		if (!a->head)
			a->tail = NULL;
		a->running = b;
		b->fence.state = FENCE_RUNNING;
		pthread_mutex_unlock(&a->lock);
		run_one(s, b);
		pthread_mutex_lock(&a->lock);
		a->running = NULL;
		end(s, &b->fence);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* signals are for the program's own threads */
static int start(struct tuff_session *s)
{
	sigset_t all, old;
	int ret;

	if (s->async.started)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&s->async.thread, NULL, worker, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	s->async.started = !ret;
	return -ret;
}

/* FENCE_DEVICE: 0 or -errno of the job, or -ETIME; without the lock */
static int device_point(const struct tuff_session *s, uint64_t point, int64_t deadline, int *error)
{
	struct tuff_syncobj_wait w = { .handles = (uintptr_t)&s->dev->timeline, .points = (uintptr_t)&point,
				       .timeout_ns = deadline, .count = 1, .flags = TUFF_WAIT_ALL };
	int ret = tuff_local_ioctl(s->dev->file, TUFF_IOCTL_SYNCOBJ_WAIT, &w);

	*error = ret ? ret : w.error;
	return ret;
}

/* the job at the fence's point has ended so */
static void device_ended(struct tuff_session *s, struct tuff_fence *f, int error)
{
	if (f->state != FENCE_DEVICE)
		return;
	TUFF_TRACE(session_run_end, (uint64_t)(uintptr_t)s, f->run, error);
	memset(&f->err, 0, sizeof(f->err));
	if (error) {
		session_error(&f->err, error, "%s: a job on %s %s", s->path, s->dev->info.name,
			      error == -ETIME ? "did not end in time; the device is not used any more" : strerror(-error));
		session_result(s, &f->err, error);
		binding_of(f)->ran = false;
	}
	f->state = FENCE_DONE;
	pthread_cond_broadcast(&s->async.done);
}

/* the lock is held; true: a run is in flight */
static bool in_flight(struct tuff_session *s, struct tuff_fence *f)
{
	int error;

	if (f->state == FENCE_DEVICE && device_point(s, f->point, 0, &error) != -ETIME)
		device_ended(s, f, error);
	return f->state == FENCE_QUEUED || f->state == FENCE_RUNNING || f->state == FENCE_DEVICE;
}

bool binding_busy(struct tuff_binding *b)
{
	bool yes;

	pthread_mutex_lock(&b->s->async.lock);
	yes = in_flight(b->s, &b->fence);
	pthread_mutex_unlock(&b->s->async.lock);
	return yes;
}

void session_idle(const struct tuff_session *cs)
{
	struct tuff_session *s = (struct tuff_session *)cs;

	if (s->async.started) {
		pthread_mutex_lock(&s->async.lock);
		while (s->async.head || s->async.running)
			pthread_cond_wait(&s->async.done, &s->async.lock);
		pthread_mutex_unlock(&s->async.lock);
	}
	device_wait(s, NULL);
}

/* Is a run of pl by b one job, with nothing to do on this side when it ends? */
static bool one_job(struct tuff_session *s, const struct plan *pl, const struct tuff_binding *b)
{
	const struct device_plan *dp = pl->dev;
	uint64_t offset;
	int error;

	if (!dp || dp->nsegments != 1 || dp->segments[0].first || dp->segments[0].count != s->p->nsteps)
		return false;
	for (uint32_t i = 0; i < s->p->noutputs; i++) {
		uint64_t size = pl->vals[s->p->bufs[s->p->tensors[s->p->outputs[i].tensor].buffer].size];

		if (pl->out_convert[i] || (b->to[i].data && (b->to[i].room < size || !binding_direct(s, pl, b, i, size))))
			return false;
	}
	if (s->dev->point != s->dev->waited && device_point(s, s->dev->point, 0, &error) != -ETIME)
		device_wait(s, NULL);	/* returns at once */
	if (s->dev->point == s->dev->waited)
		return true;
	/* the plan's own inputs may be those of a run in flight */
	for (uint32_t i = 0; i < s->nreq; i++)
		if (!device_slotted(dp, s->p->tensors[s->p->inputs[i].tensor].buffer) ||
		    !session_mem_bo(s, b->in[i].data, b->in[i].size, &offset))
			return false;
	for (uint32_t i = s->nreq; i < s->p->ninputs; i++)
		if (!device_slotted(dp, s->p->tensors[s->p->inputs[i].tensor].buffer))
			return false;
	return true;
}

/* the worker has nothing, and this thread alone can give it something; 1: it must do it */
static int submit(struct tuff_session *s, struct tuff_binding *b, struct tuff_error *err)
{
	struct plan *pl;
	int ret;

	if (!s->dev || s->interp)
		return 1;
	ret = session_plan(s, b, &pl, err);
	if (ret)
		return ret;
	if (!one_job(s, pl, b))
		return 1;
	ret = session_place(s, pl, b, err);
	if (ret)
		return ret;
	b->fence.run = s->clock;
	TUFF_TRACE(session_run_begin, (uint64_t)(uintptr_t)s, s->clock);
	ret = device_submit(s, pl, 0, false, NULL, err);
	if (ret) {
		TUFF_TRACE(session_run_end, (uint64_t)(uintptr_t)s, s->clock, ret);
		return ret;
	}
	return session_collect(s, pl, b, err);	/* shapes only: nothing is copied */
}

static int arm(struct tuff_session *s, struct tuff_fence *f)
{
	struct tuff_syncobj_eventfd e = { .handle = s->dev->timeline, .point = f->point, .fd = f->fd };

	return tuff_local_ioctl(s->dev->file, TUFF_IOCTL_SYNCOBJ_EVENTFD, &e);
}

EXPORT int tuff_run_async(struct tuff_binding *b, struct tuff_fence **fence, struct tuff_error *err)
{
	struct tuff_session *s;
	struct tuff_fence *f;
	struct async *a;
	uint64_t n;
	int ret = 0;

	if (fence)
		*fence = NULL;
	if (!b || !fence)
		return session_null(err);
	s = b->s;
	a = &s->async;
	f = &b->fence;
	if (err)
		memset(err, 0, sizeof(*err));
	if (s->pid != getpid())
		return session_result(s, err, session_error(err, -ECHILD, "%s: a child of fork() cannot run a session of its parent", s->path));
	pthread_mutex_lock(&a->lock);
	if (in_flight(s, f)) {
		ret = session_error(err, -EBUSY, "a run of this binding is in flight");
		goto out;
	}
	if (f->fd >= 0 && read(f->fd, &n, sizeof(n)) < 0 && errno != EAGAIN) {
		ret = session_error(err, -errno, "%s: the fence's eventfd: %s", s->path, strerror(errno));
		goto out;
	}
	f->state = FENCE_NONE;
	b->ran = false;
	__atomic_store_n(&f->cancel, false, __ATOMIC_RELAXED);
	if (!a->head && !a->running) {
		pthread_mutex_unlock(&a->lock);
		memset(&f->err, 0, sizeof(f->err));
		ret = submit(s, b, &f->err);
		pthread_mutex_lock(&a->lock);
		if (ret < 0) {	/* a run that failed, as it would in the worker */
			session_result(s, &f->err, ret);
			end(s, f);
			ret = 0;
			goto out;
		}
		if (!ret) {
			f->point = s->dev->point;
			f->state = FENCE_DEVICE;
			if (f->fd >= 0 && arm(s, f))	/* out of memory: a late signal is better than none */
				device_ended(s, f, device_wait(s, NULL)), end(s, f);
			goto out;
		}
	}
	ret = start(s);
	if (ret) {
		session_error(err, ret, "%s: no thread for the run: %s", s->path, strerror(-ret));
		goto out;
	}
	ret = 0;
	f->state = FENCE_QUEUED;
	b->queue = NULL;
	if (a->tail)
		a->tail->queue = b;
	else
		a->head = b;
	a->tail = b;
	pthread_cond_signal(&a->work);
out:
	pthread_mutex_unlock(&a->lock);
	if (!ret)
		*fence = f;
	return session_result(s, err, ret);
}

static bool past(int64_t deadline)
{
	return deadline <= 0 || (deadline != INT64_MAX && (int64_t)session_now() >= deadline);
}

EXPORT int tuff_fence_wait(struct tuff_fence *f, int64_t deadline, struct tuff_error *err)
{
	struct timespec ts = { deadline / 1000000000, deadline % 1000000000 };
	struct tuff_session *s;
	struct async *a;
	int ret = 0, error = 0;

	if (!f)
		return session_null(err);
	s = binding_of(f)->s;
	a = &s->async;
	if (err)
		memset(err, 0, sizeof(*err));
	pthread_mutex_lock(&a->lock);
	while (f->state == FENCE_QUEUED || f->state == FENCE_RUNNING) {
		if (past(deadline)) {
			pthread_mutex_unlock(&a->lock);
			return session_error(err, -ETIME, "%s: the run has not ended yet", s->path);
		}
		if (deadline == INT64_MAX)
			pthread_cond_wait(&a->done, &a->lock);
		else
			pthread_cond_timedwait(&a->done, &a->lock, &ts);
	}
	if (f->state == FENCE_DEVICE) {
		uint64_t point = f->point;

		pthread_mutex_unlock(&a->lock);
		if (device_point(s, point, deadline, &error) == -ETIME)
			return session_error(err, -ETIME, "%s: the run has not ended yet", s->path);
		pthread_mutex_lock(&a->lock);
		if (f->point == point)
			device_ended(s, f, error);
	}
	if (f->state == FENCE_DONE) {
		ret = f->err.code;
		if (err)
			*err = f->err;
	} else if (f->state == FENCE_NONE) {
		ret = session_error(err, -ENODATA, "this binding was not run");
	}
	pthread_mutex_unlock(&a->lock);
	return ret;
}

EXPORT int tuff_fence_fd(struct tuff_fence *f)
{
	struct tuff_session *s;
	uint64_t one = 1;
	int ret = 0;

	if (!f)
		return -EINVAL;
	s = binding_of(f)->s;
	pthread_mutex_lock(&s->async.lock);
	if (f->fd < 0) {
		f->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (f->fd < 0)
			ret = -errno;
		else if (f->state == FENCE_DONE && write(f->fd, &one, sizeof(one)) < 0)
			ret = -errno;
		else if (f->state == FENCE_DEVICE)
			ret = arm(s, f);
		if (ret && f->fd >= 0) {
			close(f->fd);
			f->fd = -1;
		}
	}
	ret = ret ? ret : f->fd;
	pthread_mutex_unlock(&s->async.lock);
	return ret;
}

EXPORT void tuff_fence_cancel(struct tuff_fence *f)
{
	struct tuff_binding *b, *before = NULL;
	struct tuff_session *s;
	struct async *a;

	if (!f)
		return;
	b = binding_of(f);
	s = b->s;
	a = &s->async;
	pthread_mutex_lock(&a->lock);
	__atomic_store_n(&f->cancel, true, __ATOMIC_RELAXED);
	if (f->state == FENCE_QUEUED) {
		for (struct tuff_binding *k = a->head; k != b; k = k->queue)
			before = k;
		if (before)
			before->queue = b->queue;
		else
			a->head = b->queue;
		if (a->tail == b)
			a->tail = before;
		memset(&f->err, 0, sizeof(f->err));
		session_error(&f->err, -ECANCELED, "%s: the run was cancelled", s->path);
		session_result(s, &f->err, -ECANCELED);
		end(s, f);
	}
	pthread_mutex_unlock(&a->lock);
}

void async_end(struct tuff_session *s)
{
	struct async *a = &s->async;

	for (struct tuff_binding *b = s->bindings; b; b = b->next)
		tuff_fence_cancel(&b->fence);
	if (a->started) {
		pthread_mutex_lock(&a->lock);
		a->stop = true;
		pthread_cond_signal(&a->work);
		pthread_mutex_unlock(&a->lock);
		pthread_join(a->thread, NULL);
	}
	if (s->dev)
		device_wait(s, NULL);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->work);
	pthread_cond_destroy(&a->done);
}
