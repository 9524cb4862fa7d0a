// SPDX-License-Identifier: MIT
/* Devices: one for all files of a process, its clock and its end. */
#include <stdio.h>
#include <time.h>

#include "driver/broker.h"

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct tuff_device *devices;	/* list_lock; poisoned ones stay for ever */

int64_t tuff_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t tuff_sched_clock(void *arg)
{
	struct tuff_device *dev = arg;

	return dev->be->now ? dev->be->now() : tuff_now();
}

/* Said once, on standard error too: it is the device's fault, not the client's. */
void tuff_device_kill(struct tuff_device *dev, int why)
{
	struct tuff_msg m = { TUFF_MSG_POISON, sizeof(m), 0 };

	if (dev->dead)
		return;
	dev->dead = why;
	dev->resets++;
	if (why == -ETIME) {
		tuff_send(dev, &m);
		if (!dev->manual)
			fprintf(stderr, "tuff: %s: a job did not end in time; the device is "
				"poisoned until this process ends\n", dev->info.name);
	} else if (!dev->manual) {
		fprintf(stderr, "tuff: %s: the device was lost\n", dev->info.name);
	}
}

static void device_free(struct tuff_device *dev)
{
	idr_fini(&dev->pends);
	idr_fini(&dev->mems);
	idr_fini(&dev->kernels);
	idr_fini(&dev->cmdbufs);
	pthread_cond_destroy(&dev->cond);
	pthread_mutex_destroy(&dev->lock);
	free(dev);
}

static bool power_of_two(uint32_t n)
{
	return n && !(n & (n - 1)) && n <= 65536;
}

/* What is divided by, indexed with or printed must be what it should be. */
static int check_info(struct tuff_be_info *i)
{
	const struct tuff_be_limits *l = &i->limits;

	i->name[sizeof(i->name) - 1] = i->driver[sizeof(i->driver) - 1] = 0;
	i->drm_node[sizeof(i->drm_node) - 1] = i->pci[sizeof(i->pci) - 1] = 0;
	tuff_text(i->name, sizeof(i->name), i->name, sizeof(i->name));
	tuff_text(i->driver, sizeof(i->driver), i->driver, sizeof(i->driver));
	tuff_text(i->drm_node, sizeof(i->drm_node), i->drm_node, sizeof(i->drm_node));
	tuff_text(i->pci, sizeof(i->pci), i->pci, sizeof(i->pci));
	i->reach &= (1u << TUFF_BE_REACH_COUNT) - 1;
	return i->nregions > TUFF_BE_MAX_REGIONS || !power_of_two(l->storage_align) ||
	       !power_of_two(l->uniform_align) || !l->max_alloc_B || !l->max_buffer_B ||
	       i->class < TUFF_BE_SOFTWARE_WIDE || i->class > TUFF_BE_GPU_COOPMAT ? -EPROTO : 0;
}

static int ask_info(struct tuff_device *dev)
{
	struct tuff_msg m = { TUFF_MSG_INFO, sizeof(m), 0 };
	struct tuff_reply r;
	int ret;

	pthread_mutex_lock(&dev->lock);
	ret = tuff_call(dev, &m, &r, &dev->info, sizeof(dev->info));
	if (!ret && r.size != sizeof(dev->info))
		ret = -EPROTO;
	pthread_mutex_unlock(&dev->lock);
	return ret ? ret : check_info(&dev->info);
}

/* Counters and budgets of the moment. */
int tuff_device_stats(struct tuff_device *dev, struct tuff_exec_stats *s)
{
	struct tuff_msg m = { TUFF_MSG_STATS, sizeof(m), 0 };
	struct tuff_reply r;
	int ret;

	memset(s, 0, sizeof(*s));
	ret = tuff_call(dev, &m, &r, s, sizeof(*s));
	return ret ? ret : r.size == sizeof(*s) ? 0 : -EPROTO;
}

static int device_create(const struct tuff_be_ops *be, uint32_t index,
			 struct tuff_device **out)
{
	struct tuff_device *dev = calloc(1, sizeof(*dev));
	pthread_condattr_t attr;
	int ret;

	if (!dev)
		return -ENOMEM;
	dev->ref = 1;
	dev->be = be;
	dev->index = index;
	dev->manual = be->now != NULL;
	dev->call_ns = TUFF_CALL_NS;
	pthread_mutex_init(&dev->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&dev->cond, &attr);
	pthread_condattr_destroy(&attr);
	list_init(&dev->files);
	tuff_sched_init(&dev->sched, &tuff_job_ops, dev, tuff_sched_clock, TUFF_CREDITS,
			TUFF_TIMEOUT_NS);
	dev->sched.dev = index;
	dev->sched.exclusive = true;
	dev->sched_list[0] = &dev->sched;
	ret = tuff_transport_init(dev);
	if (ret)
		goto err_free;
	ret = ask_info(dev);
	if (ret)
		goto err_transport;
	*out = dev;
	return 0;

err_transport:
	tuff_transport_fini(dev);
err_free:
	device_free(dev);
	return ret;
}

int tuff_device_get(const struct tuff_be_ops *be, uint32_t index, struct tuff_device **out,
		    char *err, size_t errlen)
{
	struct tuff_device *dev;
	int ret = 0;

	pthread_mutex_lock(&list_lock);
	for (dev = devices; dev; dev = dev->next)
		if (dev->be == be && dev->index == index)
			break;
	if (dev && dev->dead == -ETIME) {
		snprintf(err, errlen, "%s is poisoned: a job did not end in time, and only the "
			 "end of this process frees the device", dev->info.name);
		ret = -EIO;
	} else if (dev) {
		dev->ref++;
	} else {
		ret = device_create(be, index, &dev);
		if (!ret) {
			dev->next = devices;
			devices = dev;
		} else {
			snprintf(err, errlen, "device %s:%u does not open: %s", be->name, index,
				 strerror(-ret));
		}
	}
	pthread_mutex_unlock(&list_lock);
	if (!ret)
		*out = dev;
	return ret;
}

static bool no_flights(void *arg)
{
	return !((struct tuff_device *)arg)->flights;
}

/* The last file is closed: what is on the device may end, within a second. */
static bool settle(struct tuff_device *dev)
{
	pthread_mutex_lock(&dev->lock);
	if (!dev->dead && tuff_wait(dev, no_flights, dev,
				    dev->manual ? 0 : tuff_now() + 1000000000))
		tuff_device_kill(dev, -ETIME);
	tuff_sched_fini(&dev->sched);
	tuff_drain(dev);
	tuff_job_pool_free(dev);
	while (dev->point_pool) {
		struct tuff_sync_point *p = dev->point_pool;

		dev->point_pool = p->next;
		free(p);
	}
	pthread_mutex_unlock(&dev->lock);
	return dev->dead != -ETIME || dev->manual;
}

void tuff_device_put(struct tuff_device *dev)
{
	struct tuff_device **p;

	pthread_mutex_lock(&list_lock);
	if (--dev->ref) {
		pthread_mutex_unlock(&list_lock);
		return;
	}
	if (settle(dev)) {
		for (p = &devices; *p != dev; p = &(*p)->next)
			;
		*p = dev->next;
		tuff_transport_fini(dev);
		device_free(dev);
	}
	pthread_mutex_unlock(&list_lock);
}
