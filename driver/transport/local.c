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

#define CALL_TIMEOUT	(60 * 1000000000ll)
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

void tuff_reply_push(struct tuff_device *dev, const struct tuff_reply *r)
{
	bool lost = false;

	pthread_mutex_lock(&dev->reply_lock);
	if (dev->rtail - dev->rhead == dev->rcap) {
		uint32_t n = dev->rcap ? 2 * dev->rcap : 64, k = 0;
		struct tuff_reply *ring = malloc(n * sizeof(*ring));

		if (ring) {
			for (uint32_t i = dev->rhead; i != dev->rtail; i++)
				ring[k++] = dev->replies[i & (dev->rcap - 1)];
			free(dev->replies);
			dev->replies = ring;
			dev->rcap = n;
			__atomic_store_n(&dev->rhead, 0, __ATOMIC_RELAXED);
			__atomic_store_n(&dev->rtail, k, __ATOMIC_RELAXED);
		}
		lost = !ring;	/* as with any answer that never comes: it times out */
	}
	if (!lost) {
		struct tuff_reply *to = &dev->replies[dev->rtail & (dev->rcap - 1)];

		memcpy(to, r, r->has_text ? sizeof(*r) : offsetof(struct tuff_reply, text));
		__atomic_store_n(&dev->rtail, dev->rtail + 1, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&dev->reply_lock);
	if (lost)
		free(r->payload);
	/* these may come from a compiler's thread, with nobody looking */
	if (r->type == TUFF_MSG_KERNEL_CREATE && dev->bg_started)
		bg_signal(dev, true);
}

static void on_reply(void *arg, const struct tuff_reply *r)
{
	tuff_reply_push(arg, r);
}

int tuff_pend_add(struct tuff_device *dev, struct tuff_pend *p, struct tuff_msg *msg)
{
	uint32_t id;
	int ret = idr_alloc(&dev->pends, p, &id);

	if (ret)
		return ret;
	/* ids are reused, cookies are not: late answers find nothing */
	p->cookie = ++dev->cookie << 20 | (id - 1);
	p->type = msg->type;
	msg->cookie = p->cookie;
	return 0;
}

void tuff_pend_del(struct tuff_device *dev, struct tuff_pend *p)
{
	if (!p->cookie)
		return;
	idr_remove(&dev->pends, (uint32_t)(p->cookie & (IDR_MAX - 1)) + 1);
	p->cookie = 0;
}

/* Nothing of an answer is believed: cookie, type, error. */
static void handle(struct tuff_device *dev, struct tuff_reply *r)
{
	struct tuff_pend *p = idr_find(&dev->pends, (uint32_t)(r->cookie & (IDR_MAX - 1)) + 1);

	if (!p || p->cookie != r->cookie || p->type != r->type) {
		free(r->payload);
		return;
	}
	if (r->error > 0 || r->error < -4095)
		r->error = -EPROTO;
	if (r->has_text)
		r->text[sizeof(r->text) - 1] = 0;
	if (r->type != TUFF_MSG_RUN) {
		free(r->payload);
		r->payload = NULL;
	}
	tuff_pend_del(dev, p);
	p->done(dev, p, r);
}

void tuff_drain(struct tuff_device *dev)
{
	struct tuff_reply r;
	bool any = false;

	while (__atomic_load_n(&dev->rtail, __ATOMIC_ACQUIRE) !=
	       __atomic_load_n(&dev->rhead, __ATOMIC_RELAXED)) {
		struct tuff_reply *from;

		pthread_mutex_lock(&dev->reply_lock);
		from = &dev->replies[dev->rhead & (dev->rcap - 1)];
		memcpy(&r, from, from->has_text ? sizeof(r) : offsetof(struct tuff_reply, text));
		__atomic_store_n(&dev->rhead, dev->rhead + 1, __ATOMIC_RELAXED);
		pthread_mutex_unlock(&dev->reply_lock);
		handle(dev, &r);
		any = true;
	}
	if (any && dev->waiters)
		pthread_cond_broadcast(&dev->cond);
}

/* --- requests -------------------------------------------------------------------- */

void tuff_send(struct tuff_device *dev, struct tuff_msg *msg)
{
	tuff_exec_handle(dev->exec, msg);
}

struct call {
	struct tuff_pend pend;
	struct tuff_reply *r;
	bool done;
};

static void call_answered(struct tuff_device *dev, struct tuff_pend *p,
			  const struct tuff_reply *r)
{
	struct call *c = container_of(p, struct call, pend);

	(void)dev;
	memcpy(c->r, r, r->has_text ? sizeof(*r) : offsetof(struct tuff_reply, text));
	c->done = true;
}

static bool call_done(void *arg)
{
	return ((struct call *)arg)->done;
}

int tuff_call(struct tuff_device *dev, struct tuff_msg *msg, struct tuff_reply *r)
{
	struct call c = { .pend = { .done = call_answered }, .r = r };
	int ret;

	r->has_text = 0;
	r->value = 0;
	ret = tuff_pend_add(dev, &c.pend, msg);
	if (ret)
		return ret;
	tuff_send(dev, msg);
	tuff_drain(dev);
	ret = tuff_wait(dev, call_done, &c, tuff_now() + CALL_TIMEOUT);
	tuff_pend_del(dev, &c.pend);
	return ret ? ret : r->error;
}

/* --- waiting ------------------------------------------------------------------------ */

void tuff_look(struct tuff_device *dev)
{
	if (dev->flights)
		tuff_exec_wait(dev->exec, 0);
	tuff_drain(dev);
}

void tuff_poll(struct tuff_device *dev)
{
	tuff_look(dev);
	tuff_sched_check_timeout(&dev->sched);
	tuff_drain(dev);
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
	dev->pump = true;
	pthread_mutex_unlock(&dev->lock);
	tuff_exec_wait(dev->exec, timeout);
	pthread_mutex_lock(&dev->lock);
	dev->pump = false;
	tuff_drain(dev);
	tuff_sched_check_timeout(&dev->sched);
	tuff_drain(dev);
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
	struct timespec ts;
	int64_t until;

	if (!active) {
		pthread_cond_wait(&dev->bg_cond, &dev->bg_lock);
		return;
	}
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
	dev->bg_started = true;
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
		return ret;
	dev->info = dev->exec->info;
	return 0;
}

void tuff_transport_fini(struct tuff_device *dev)
{
	struct tuff_pend *p;
	uint32_t id;

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
	idr_for_each(&dev->pends, id, p) {	/* what nobody will answer any more */
		struct tuff_reply r = { .cookie = p->cookie, .type = p->type,
					.error = -ECANCELED };

		handle(dev, &r);
	}
	pthread_mutex_unlock(&dev->lock);
	tuff_exec_destroy(dev->exec);
	for (uint32_t i = dev->rhead; i != dev->rtail; i++)
		free(dev->replies[i & (dev->rcap - 1)].payload);
	free(dev->replies);
	pthread_cond_destroy(&dev->bg_cond);
	pthread_mutex_destroy(&dev->bg_lock);
	pthread_mutex_destroy(&dev->reply_lock);
}

void tuff_counters(struct tuff_device *dev, struct tuff_be_counters *out, uint64_t *rec_hits)
{
	pthread_mutex_lock(&dev->exec->lock);
	dev->be->counters(dev->exec->dev, out);
	*rec_hits = dev->exec->rec_hits;
	pthread_mutex_unlock(&dev->exec->lock);
}

void tuff_budget(struct tuff_device *dev, struct tuff_be_region *regions)
{
	pthread_mutex_lock(&dev->exec->lock);
	dev->be->budget(dev->exec->dev, regions);
	pthread_mutex_unlock(&dev->exec->lock);
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
	uint64_t hits;

	tuff_counters(f->dev, out, &hits);
	return 0;
}
