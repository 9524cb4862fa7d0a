// SPDX-License-Identifier: MIT
/*
 * The local transport: both halves in one process, no thread between them. A
 * request is handled on the caller's thread; answers go through a queue. Who
 * waits for something also waits for the device (the pump), so that a run takes
 * no switch of threads. A background thread does so for those who do not wait:
 * after a grace, or at once when something queued or an eventfd needs it.
 */
#include <stdio.h>
#include <time.h>

#include "driver/broker.h"
#include "driver/executor/exec.h"

#define MAX_ANSWERS	(1u << 16)	/* nobody is asked for as many */
#define ASKED_NS	2000000		/* turns of a pump while answers are awaited */
#define PUMP_NS		50000000	/* the background thread's turns */
#define IDLE_TURNS	50		/* without work before it sleeps */

/* --- answers ------------------------------------------------------------------ */

static void bg_signal(struct tuff_device *dev, bool kick)
{
	pthread_mutex_lock(&dev->bg_lock);
	dev->bg_kick |= kick;
	__atomic_store_n(&dev->bg_active, true, __ATOMIC_RELAXED);
	pthread_cond_signal(&dev->bg_cond);
	pthread_mutex_unlock(&dev->bg_lock);
}

/* Room for one more; the lock is held. */
static bool grow(struct tuff_device *dev)
{
	uint32_t n = dev->rcap ? 2 * dev->rcap : 64, k = 0;
	struct tuff_answer *ring;

	if (dev->rtail - dev->rhead < dev->rcap)
		return true;
	ring = n <= MAX_ANSWERS ? malloc(n * sizeof(*ring)) : NULL;
	if (!ring)
		return false;
	for (uint32_t i = dev->rhead; i != dev->rtail; i++)
		ring[k++] = dev->answers[i & (dev->rcap - 1)];
	free(dev->answers);
	dev->answers = ring;
	dev->rcap = n;
	__atomic_store_n(&dev->rhead, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&dev->rtail, k, __ATOMIC_RELAXED);
	return true;
}

/* One that finds no room is lost, as any answer may be: its time runs out. */
void tuff_reply_push(struct tuff_device *dev, const struct tuff_reply *r, const void *payload)
{
	void *copy = r->size ? malloc(r->size) : NULL;
	struct tuff_answer *a;

	if (copy)
		memcpy(copy, payload, r->size);
	pthread_mutex_lock(&dev->reply_lock);
	if (grow(dev)) {
		a = &dev->answers[dev->rtail & (dev->rcap - 1)];
		a->r = *r;
		a->r.size = copy ? r->size : 0;
		a->payload = copy;
		copy = NULL;
		__atomic_store_n(&dev->rtail, dev->rtail + 1, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&dev->reply_lock);
	free(copy);
	/* these may come from a compiler's thread, with nobody looking */
	if ((r->type == TUFF_MSG_KERNEL_CREATE || r->type == TUFF_MSG_CMDBUF_CREATE) &&
	    __atomic_load_n(&dev->bg_started, __ATOMIC_ACQUIRE))
		bg_signal(dev, true);
}

static void on_reply(void *arg, const struct tuff_reply *r, const void *payload)
{
	tuff_reply_push(arg, r, payload);
}

void tuff_drain(struct tuff_device *dev)
{
	struct tuff_answer a;
	bool any = false;

	while (__atomic_load_n(&dev->rtail, __ATOMIC_ACQUIRE) !=
	       __atomic_load_n(&dev->rhead, __ATOMIC_RELAXED)) {
		pthread_mutex_lock(&dev->reply_lock);
		a = dev->answers[dev->rhead & (dev->rcap - 1)];
		__atomic_store_n(&dev->rhead, dev->rhead + 1, __ATOMIC_RELAXED);
		pthread_mutex_unlock(&dev->reply_lock);
		tuff_answered(dev, &a);
		any = true;
	}
	if (any && dev->waiters)
		pthread_cond_broadcast(&dev->cond);
}

void tuff_send(struct tuff_device *dev, struct tuff_msg *msg)
{
	tuff_exec_handle(dev->exec, msg);
}

/* --- waiting ------------------------------------------------------------------------ */

void tuff_look(struct tuff_device *dev)
{
	if (dev->flights)
		tuff_exec_wait(dev->exec, 0);
	tuff_drain(dev);
}

static void check_time(struct tuff_device *dev)
{
	tuff_sched_check_timeout(&dev->sched);
	if (dev->expiry && tuff_sched_clock(dev) >= dev->expiry)
		tuff_give_up(dev, -ETIME, tuff_sched_clock(dev));
	tuff_drain(dev);
}

void tuff_poll(struct tuff_device *dev)
{
	tuff_look(dev);
	check_time(dev);
}

/* Waits for the device without the lock; the caller has seen that nobody does. */
static void pump(struct tuff_device *dev, int64_t timeout)
{
	int64_t timer = dev->sched.timer;

	if (timer && !dev->manual) {
		int64_t left = timer - tuff_now();

		if (left < timeout)
			timeout = left > 0 ? left : 0;
	}
	/* another answer than a job's may be what its caller waits for */
	if (dev->asked && timeout > ASKED_NS)
		timeout = ASKED_NS;
	dev->pump = true;
	pthread_mutex_unlock(&dev->lock);
	tuff_exec_wait(dev->exec, timeout);
	pthread_mutex_lock(&dev->lock);
	dev->pump = false;
	tuff_drain(dev);
	check_time(dev);
	if (dev->waiters)	/* somebody else's turn, perhaps */
		pthread_cond_broadcast(&dev->cond);
}

static void cond_wait(struct tuff_device *dev, int64_t deadline)
{
	struct timespec ts = { deadline / 1000000000, deadline % 1000000000 };

	dev->waiters++;
	if (deadline == INT64_MAX)
		pthread_cond_wait(&dev->cond, &dev->lock);
	else
		pthread_cond_timedwait(&dev->cond, &dev->lock, &ts);
	dev->waiters--;
}

int tuff_wait(struct tuff_device *dev, bool (*cond)(void *arg), void *arg, int64_t deadline)
{
	int64_t left;

	for (;;) {
		if (cond(arg))
			return 0;
		left = deadline > 0 ? deadline - tuff_now() : 0;
		if (left <= 0) {
			tuff_poll(dev);
			return cond(arg) ? 0 : -ETIME;
		}
		if (dev->pump || !dev->flights)
			cond_wait(dev, deadline);
		else
			pump(dev, left);
	}
}

/* --- the background thread -------------------------------------------------------------- */

static void nap(struct tuff_device *dev, bool active)
{
	int64_t until = dev->manual ? 0 : __atomic_load_n(&dev->expiry, __ATOMIC_RELAXED);
	struct timespec ts;

	if (!active && !until) {
		pthread_cond_wait(&dev->bg_cond, &dev->bg_lock);
		return;
	}
	if (active)
		until = tuff_now() + TUFF_GRACE_NS;
	ts = (struct timespec){ until / 1000000000, until % 1000000000 };
	pthread_cond_timedwait(&dev->bg_cond, &dev->bg_lock, &ts);
}

/* One turn; true while there is something on the device. */
static bool turn(struct tuff_device *dev, bool kicked, uint64_t *seen)
{
	bool busy;

	pthread_mutex_lock(&dev->lock);
	tuff_drain(dev);
	if (!dev->manual)
		check_time(dev);
	busy = dev->flights > 0;
	/* by itself it waits only for what was there a grace ago */
	if (busy && !dev->pump && !dev->manual && !dev->dead &&
	    (kicked || *seen == dev->jobs_done))
		pump(dev, PUMP_NS);
	*seen = dev->jobs_done;
	pthread_mutex_unlock(&dev->lock);
	return busy;
}

static void *background(void *arg)
{
	struct tuff_device *dev = arg;
	uint64_t seen = UINT64_MAX;
	uint32_t idle = IDLE_TURNS;

	pthread_mutex_lock(&dev->bg_lock);
	while (!dev->bg_stop) {
		bool kicked;

		if (!dev->bg_kick)
			nap(dev, dev->bg_active);
		if (dev->bg_stop)
			break;
		kicked = dev->bg_kick;
		dev->bg_kick = false;
		pthread_mutex_unlock(&dev->bg_lock);
		idle = turn(dev, kicked, &seen) ? 0 : idle + 1;
		pthread_mutex_lock(&dev->bg_lock);
		if (idle >= IDLE_TURNS && !dev->bg_kick) {
			__atomic_store_n(&dev->bg_active, false, __ATOMIC_RELAXED);
			idle = 0;
		}
	}
	pthread_mutex_unlock(&dev->bg_lock);
	return NULL;
}

/* device->lock is held */
int tuff_bg_start(struct tuff_device *dev)
{
	if (dev->bg_started)
		return 0;
	if (pthread_create(&dev->bg, NULL, background, dev))
		return -ENOMEM;
	__atomic_store_n(&dev->bg_started, true, __ATOMIC_RELEASE);
	return 0;
}

/*
 * The thread looks every 2 ms while there is work, so that a steady row of runs
 * wakes nobody. Without a thread (no memory) work waits for someone who asks.
 */
void tuff_bg_active(struct tuff_device *dev, bool urgent)
{
	if (dev->manual || tuff_bg_start(dev))
		return;
	if (urgent || !__atomic_load_n(&dev->bg_active, __ATOMIC_RELAXED))
		bg_signal(dev, urgent);
}

/* --- life ----------------------------------------------------------------------------------- */

static void transport_free(struct tuff_device *dev)
{
	pthread_cond_destroy(&dev->bg_cond);
	pthread_mutex_destroy(&dev->bg_lock);
	pthread_mutex_destroy(&dev->reply_lock);
}

int tuff_transport_init(struct tuff_device *dev)
{
	pthread_condattr_t attr;
	int ret;

	pthread_mutex_init(&dev->reply_lock, NULL);
	pthread_mutex_init(&dev->bg_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&dev->bg_cond, &attr);
	pthread_condattr_destroy(&attr);
	ret = tuff_exec_create(dev->be, dev->index, on_reply, dev, &dev->exec);
	if (ret)
		transport_free(dev);
	return ret;
}

void tuff_transport_fini(struct tuff_device *dev)
{
	if (dev->bg_started) {
		pthread_mutex_lock(&dev->bg_lock);
		dev->bg_stop = true;
		pthread_cond_signal(&dev->bg_cond);
		pthread_mutex_unlock(&dev->bg_lock);
		pthread_join(dev->bg, NULL);
	}
	exec_compilers_stop(dev->exec);
	pthread_mutex_lock(&dev->lock);
	tuff_drain(dev);
	tuff_give_up(dev, -ECANCELED, INT64_MAX);
	pthread_mutex_unlock(&dev->lock);
	tuff_exec_destroy(dev->exec);
	for (uint32_t i = dev->rhead; i != dev->rtail; i++)
		free(dev->answers[i & (dev->rcap - 1)].payload);
	free(dev->answers);
	transport_free(dev);
}

/* --- what a process calls ------------------------------------------------------------------------ */

int tuff_local_open(const struct tuff_be_ops *be, uint32_t index, struct tuff_file **out,
		    char *err, size_t errlen)
{
	struct tuff_device *dev;
	int ret;

	if (errlen)
		err[0] = 0;
	ret = tuff_device_get(be, index, &dev, err, errlen);
	if (ret)
		return ret;
	ret = tuff_file_open(dev, out);
	if (ret)
		tuff_device_put(dev);
	return ret;
}

void tuff_local_close(struct tuff_file *f)
{
	struct tuff_device *dev;

	if (!f)
		return;
	dev = f->dev;
	pthread_mutex_lock(&dev->lock);
	tuff_file_close(f);
	tuff_drain(dev);
	pthread_mutex_unlock(&dev->lock);
	tuff_device_put(dev);
}

int tuff_local_ioctl(struct tuff_file *f, uint32_t nr, void *arg)
{
	return tuff_ioctl(f, nr, arg);
}

void *tuff_local_mmap(struct tuff_file *f, uint32_t bo_handle, uint64_t *size)
{
	struct tuff_bo *bo;
	void *p = NULL;

	pthread_mutex_lock(&f->dev->lock);
	bo = idr_find(&f->bos, bo_handle);
	if (bo && (bo->flags & TUFF_BO_MAPPABLE)) {
		p = tuff_exec_map(f->dev->exec, bo->mem);
		if (size)
			*size = bo->size_B;
		tuff_bo_mapped(bo);
	}
	pthread_mutex_unlock(&f->dev->lock);
	return p;
}

int tuff_local_counters(struct tuff_file *f, struct tuff_be_counters *out)
{
	struct tuff_exec_stats s;
	int ret;

	pthread_mutex_lock(&f->dev->lock);
	ret = tuff_device_stats(f->dev, &s);
	pthread_mutex_unlock(&f->dev->lock);
	*out = s.counters;
	return ret;
}
