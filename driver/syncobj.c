// SPDX-License-Identifier: MIT
/*
 * Syncobjs: a binary state (one fence) and a timeline (points that grow) in one
 * object, as in DRM; each carries the error of the work behind it.
 */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "driver/broker.h"

struct efd {
	struct list node;
	uint64_t point;
	bool available;
	int fd;
};

/* --- state ------------------------------------------------------------------ */

enum so_state { SO_NONE, SO_SUBMITTED, SO_REACHED };

static enum so_state state(const struct tuff_syncobj *so, uint64_t point)
{
	if (!point)
		return !so->fence ? SO_NONE : so->fence->signaled ? SO_REACHED : SO_SUBMITTED;
	return point <= so->value ? SO_REACHED : point <= so->last ? SO_SUBMITTED : SO_NONE;
}

static int error_of(const struct tuff_syncobj *so, uint64_t point)
{
	if (!point)
		return so->fence ? so->fence->error : 0;
	for (int i = 0; i < TUFF_SYNC_ERRORS; i++)
		if (so->errors[i].lo < point && point <= so->errors[i].hi)
			return so->errors[i].error;
	return 0;
}

static void check_eventfds(struct tuff_syncobj *so)
{
	struct efd *e, *n;
	uint64_t one = 1;
	ssize_t n_ignored;

	list_for_each_safe(e, n, &so->eventfds, node) {
		enum so_state s = state(so, e->point);

		if (s != SO_REACHED && !(e->available && s == SO_SUBMITTED))
			continue;
		list_del(&e->node);
		/* full: then it is readable, which is all it says */
		n_ignored = write(e->fd, &one, sizeof(one));
		(void)n_ignored;
		close(e->fd);
		free(e);
	}
}

/* The points after so->value, up to this one, failed. */
static void keep_error(struct tuff_syncobj *so, uint64_t point, int32_t error)
{
	uint32_t i = (so->next_error + TUFF_SYNC_ERRORS - 1) % TUFF_SYNC_ERRORS;

	/* a row of them, as when a context goes, is one */
	if (!so->errors[i].error || so->errors[i].hi != so->value || so->errors[i].error != error) {
		i = so->next_error++ % TUFF_SYNC_ERRORS;
		so->errors[i].lo = so->value;
		so->errors[i].error = error;
	}
	so->errors[i].hi = point;
}

static void advance(struct tuff_syncobj *so)
{
	struct tuff_sync_point *p;

	while ((p = list_first(&so->points, struct tuff_sync_point, node)) &&
	       p->fence->signaled) {
		if (p->fence->error)
			keep_error(so, p->point, p->fence->error);
		so->value = p->point;
		tuff_sync_point_free(p);
	}
	check_eventfds(so);
}

static void point_signaled(struct tuff_fence *f, struct tuff_fence_cb *cb)
{
	(void)f;
	advance(container_of(cb, struct tuff_sync_point, cb)->so);
}

static void binary_signaled(struct tuff_fence *f, struct tuff_fence_cb *cb)
{
	(void)f;
	check_eventfds(container_of(cb, struct tuff_syncobj, cb));
}

static void set_binary(struct tuff_syncobj *so, struct tuff_fence *f)
{
	if (so->fence) {
		tuff_fence_remove_cb(so->fence, &so->cb);
		tuff_fence_put(so->fence);
	}
	so->fence = tuff_fence_get(f);
	if (f)
		tuff_fence_add_cb(f, &so->cb, binary_signaled);
	check_eventfds(so);
}

struct tuff_sync_point *tuff_sync_point_new(struct tuff_syncobj *so, uint64_t point)
{
	struct tuff_sync_point *p = so->dev->point_pool;

	if (p)
		so->dev->point_pool = p->next;
	else
		p = malloc(sizeof(*p));
	if (!p)
		return NULL;
	p->so = so;
	p->point = point;
	p->fence = NULL;
	list_init(&p->node);
	list_init(&p->cb.node);
	so->ref++;
	return p;
}

void tuff_sync_point_free(struct tuff_sync_point *p)
{
	struct tuff_syncobj *so = p->so;

	list_del(&p->node);
	if (p->fence) {
		tuff_fence_remove_cb(p->fence, &p->cb);
		tuff_fence_put(p->fence);
	} else {
		tuff_syncobj_unref(so);	/* it was never set */
	}
	p->next = so->dev->point_pool;
	so->dev->point_pool = p;
}

void tuff_sync_point_set(struct tuff_sync_point *p, struct tuff_fence *f)
{
	struct tuff_syncobj *so = p->so;

	if (!p->point) {
		set_binary(so, f);
		tuff_sync_point_free(p);
		return;
	}
	/* from here the object's list holds it, not it the object */
	so->last = p->point;
	p->fence = tuff_fence_get(f);
	list_add_tail(&p->node, &so->points);
	tuff_fence_add_cb(f, &p->cb, point_signaled);
	advance(so);
	tuff_syncobj_unref(so);
}

static void clear(struct tuff_syncobj *so)
{
	struct tuff_sync_point *p;

	set_binary(so, NULL);
	while ((p = list_first(&so->points, struct tuff_sync_point, node)))
		tuff_sync_point_free(p);
	so->value = so->last = 0;
	memset(so->errors, 0, sizeof(so->errors));
}

void tuff_syncobj_unref(struct tuff_syncobj *so)
{
	struct efd *e;

	if (--so->ref)
		return;
	clear(so);
	while ((e = list_first(&so->eventfds, struct efd, node))) {
		list_del(&e->node);
		close(e->fd);
		free(e);
	}
	free(so);
}

int tuff_syncobj_depend(struct tuff_syncobj *so, uint64_t point, struct tuff_sched_job *job)
{
	struct tuff_sync_point *p;
	enum so_state s = state(so, point);
	int ret = 0;

	if (s == SO_NONE)
		return -EINVAL;
	if (s == SO_REACHED)
		return 0;
	if (!point)
		return tuff_sched_job_add_dependency(job, tuff_fence_get(so->fence));
	/* a point is reached with all before it */
	list_for_each(p, &so->points, node) {
		ret = tuff_sched_job_add_dependency(job, tuff_fence_get(p->fence));
		if (ret || p->point >= point)
			break;
	}
	return ret;
}

/* A fence that is signalled already, for what the client signals itself. */
static void release_stub(struct tuff_fence *f)
{
	free(f);
}

static struct tuff_fence *stub(void)
{
	struct tuff_fence *f = malloc(sizeof(*f));

	if (!f)
		return NULL;
	tuff_fence_init(f, tuff_fence_context_alloc(1), 1, release_stub);
	tuff_fence_signal(f, tuff_now());
	return f;
}

/* --- ioctls -------------------------------------------------------------------- */

int tuff_ioctl_syncobj_create(struct tuff_file *f, void *arg)
{
	struct tuff_syncobj_create *a = arg;
	struct tuff_syncobj *so;
	struct tuff_fence *s;
	int ret = -ENOMEM;

	if ((a->flags & ~TUFF_SYNCOBJ_SIGNALED) || a->handle)
		return -EINVAL;
	so = calloc(1, sizeof(*so));
	if (!so)
		return -ENOMEM;
	so->ref = 1;
	so->dev = f->dev;
	list_init(&so->points);
	list_init(&so->eventfds);
	list_init(&so->cb.node);
	if (a->flags & TUFF_SYNCOBJ_SIGNALED) {
		s = stub();
		if (!s)
			goto err_so;
		set_binary(so, s);
		tuff_fence_put(s);
	}
	ret = idr_alloc(&f->syncobjs, so, &a->handle);
	if (!ret)
		return 0;
err_so:
	tuff_syncobj_unref(so);
	return ret;
}

int tuff_ioctl_syncobj_destroy(struct tuff_file *f, void *arg)
{
	struct tuff_syncobj_destroy *a = arg;
	struct tuff_syncobj *so;

	if (a->pad)
		return -EINVAL;
	so = idr_remove(&f->syncobjs, a->handle);
	if (!so)
		return -ENOENT;
	tuff_syncobj_unref(so);
	return 0;
}

struct wait {
	uint32_t count, flags, first;
	struct tuff_syncobj **so;
	uint64_t *points;
};

/* The objects of an array of handles, referenced; points may be 0. */
static int get_all(struct tuff_file *f, uint64_t handles, uint64_t points, uint32_t count,
		   struct wait *w, struct tuff_syncobj **so, uint64_t *pt, uint32_t room)
{
	uint32_t small[16], *h = small;
	int ret;

	w->count = 0;
	w->so = so;
	w->points = pt;
	if (!count || count > TUFF_MAX_WAIT)
		return -EINVAL;
	if (count > room) {
		w->so = calloc(count, sizeof(*w->so));
		w->points = calloc(count, sizeof(*w->points));
		h = calloc(count, sizeof(*h));
		if (!w->so || !w->points || !h) {
			ret = -ENOMEM;
			goto out;
		}
	} else {
		memset(pt, 0, count * sizeof(*pt));
	}
	ret = tuff_copy_in(f, h, handles, count * 4ull);
	if (!ret && points)
		ret = tuff_copy_in(f, w->points, points, count * 8ull);
	for (; !ret && w->count < count; w->count++) {
		w->so[w->count] = idr_find(&f->syncobjs, h[w->count]);
		if (!w->so[w->count]) {
			ret = -ENOENT;
			break;
		}
		w->so[w->count]->ref++;
	}
out:
	if (h != small)
		free(h);
	return ret;
}

static void put_all(struct wait *w, struct tuff_syncobj **so)
{
	for (uint32_t i = 0; i < w->count; i++)
		tuff_syncobj_unref(w->so[i]);
	if (w->so != so) {
		free(w->so);
		free(w->points);
	}
}

#define ROOM	16

static bool wait_done(void *arg)
{
	struct wait *w = arg;
	bool all = w->flags & TUFF_WAIT_ALL;

	for (uint32_t i = 0; i < w->count; i++) {
		enum so_state s = state(w->so[i], w->points[i]);
		bool done = s == SO_REACHED || ((w->flags & TUFF_WAIT_AVAILABLE) &&
						s == SO_SUBMITTED);

		if (done && !all) {
			w->first = i;
			return true;
		}
		if (!done && all)
			return false;
	}
	return all;
}

int tuff_ioctl_syncobj_wait(struct tuff_file *f, void *arg)
{
	struct tuff_syncobj_wait *a = arg;
	struct tuff_syncobj *so[ROOM];
	uint64_t points[ROOM];
	struct wait w;
	int ret;

	if ((a->flags & ~(TUFF_WAIT_ALL | TUFF_WAIT_FOR_SUBMIT | TUFF_WAIT_AVAILABLE)) ||
	    a->first_signaled || a->error)
		return -EINVAL;
	ret = get_all(f, a->handles, a->points, a->count, &w, so, points, ROOM);
	w.flags = a->flags;
	w.first = 0;
	for (uint32_t i = 0; !ret && i < w.count; i++)
		if (!(a->flags & (TUFF_WAIT_FOR_SUBMIT | TUFF_WAIT_AVAILABLE)) &&
		    state(w.so[i], w.points[i]) == SO_NONE)
			ret = -EINVAL;
	if (!ret)
		ret = tuff_wait(f->dev, wait_done, &w, a->timeout_ns);
	if (!ret) {
		a->first_signaled = w.first;
		if (!(w.flags & TUFF_WAIT_ALL))
			a->error = error_of(w.so[w.first], w.points[w.first]);
		for (uint32_t i = 0; (w.flags & TUFF_WAIT_ALL) && i < w.count && !a->error; i++)
			a->error = error_of(w.so[i], w.points[i]);
	}
	put_all(&w, so);
	return ret;
}

int tuff_ioctl_syncobj_reset(struct tuff_file *f, void *arg)
{
	struct tuff_syncobj_reset *a = arg;
	struct tuff_syncobj *so[ROOM];
	uint64_t points[ROOM];
	struct wait w;
	int ret;

	if (a->pad)
		return -EINVAL;
	ret = get_all(f, a->handles, 0, a->count, &w, so, points, ROOM);
	for (uint32_t i = 0; !ret && i < w.count; i++)
		clear(w.so[i]);
	put_all(&w, so);
	return ret;
}

int tuff_ioctl_syncobj_signal(struct tuff_file *f, void *arg)
{
	struct tuff_syncobj_signal *a = arg;
	struct tuff_sync_point **p = NULL;
	struct tuff_fence *s = NULL;
	struct tuff_syncobj *so[ROOM];
	uint64_t points[ROOM];
	struct wait w;
	int ret;

	if (a->pad)
		return -EINVAL;
	ret = get_all(f, a->handles, a->points, a->count, &w, so, points, ROOM);
	for (uint32_t i = 0; !ret && i < w.count; i++) {
		if (w.points[i] && w.points[i] <= w.so[i]->last)
			ret = -EINVAL;
		for (uint32_t k = 0; k < i; k++)	/* twice: the points would not grow */
			if (w.so[k] == w.so[i] && w.points[i] && w.points[k] >= w.points[i])
				ret = -EINVAL;
	}
	if (!ret) {
		s = stub();
		p = calloc(w.count, sizeof(*p));
		ret = s && p ? 0 : -ENOMEM;
	}
	for (uint32_t i = 0; !ret && i < w.count; i++) {
		p[i] = tuff_sync_point_new(w.so[i], w.points[i]);
		ret = p[i] ? 0 : -ENOMEM;
	}
	for (uint32_t i = 0; p && i < w.count; i++) {
		if (!p[i])
			continue;
		if (ret)
			tuff_sync_point_free(p[i]);
		else
			tuff_sync_point_set(p[i], s);
	}
	tuff_fence_put(s);
	free(p);
	put_all(&w, so);
	if (!ret)
		pthread_cond_broadcast(&f->dev->cond);
	return ret;
}

int tuff_ioctl_syncobj_query(struct tuff_file *f, void *arg)
{
	struct tuff_syncobj_query *a = arg;
	struct tuff_syncobj *so[ROOM];
	uint64_t points[ROOM], v;
	struct wait w;
	int32_t err;
	int ret;

	if (a->flags & ~TUFF_QUERY_LAST_SUBMITTED)
		return -EINVAL;
	if (!a->points)
		return -EFAULT;
	ret = get_all(f, a->handles, 0, a->count, &w, so, points, ROOM);
	if (!ret)
		tuff_poll(f->dev);
	for (uint32_t i = 0; !ret && i < w.count; i++) {
		struct tuff_syncobj *o = w.so[i];

		if (a->flags & TUFF_QUERY_LAST_SUBMITTED)
			v = o->last ? o->last : o->fence ? 1 : 0;
		else
			v = o->last ? o->value : state(o, 0) == SO_REACHED;
		err = error_of(o, o->last ? o->value : 0);
		ret = tuff_copy_out(f, a->points + 8ull * i, &v, 8);
		if (!ret && a->errors)
			ret = tuff_copy_out(f, a->errors + 4ull * i, &err, 4);
	}
	put_all(&w, so);
	return ret;
}

int tuff_ioctl_syncobj_eventfd(struct tuff_file *f, void *arg)
{
	struct tuff_syncobj_eventfd *a = arg;
	struct tuff_syncobj *so = idr_find(&f->syncobjs, a->handle);
	struct efd *e;
	uint64_t zero = 0;
	int ret;

	if (!so)
		return -ENOENT;
	if ((a->flags & ~TUFF_WAIT_AVAILABLE) || a->pad)
		return -EINVAL;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->point = a->point;
	e->available = a->flags & TUFF_WAIT_AVAILABLE;
	e->fd = fcntl(a->fd, F_DUPFD_CLOEXEC, 0);
	if (e->fd < 0) {
		free(e);
		return -EBADF;
	}
	/* an eventfd takes a 0 without effect; nothing else does */
	ret = write(e->fd, &zero, sizeof(zero)) == sizeof(zero) ? tuff_bg_start(f->dev) : -EINVAL;
	if (ret) {
		close(e->fd);
		free(e);
		return ret;
	}
	list_add_tail(&e->node, &so->eventfds);
	check_eventfds(so);
	if (!list_empty(&so->eventfds))
		tuff_bg_active(f->dev, true);
	return 0;
}
