// SPDX-License-Identifier: MIT
/* Versions, device queries, and text in the format of drm-usage-stats. */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "driver/broker.h"

int tuff_ioctl_get_version(struct tuff_file *f, void *arg)
{
	struct tuff_get_version *a = arg;

	(void)f;
	a->major = TUFF_VERSION_MAJOR;
	a->minor = TUFF_VERSION_MINOR;
	a->patch = TUFF_VERSION_PATCH;
	snprintf(a->name, sizeof(a->name), "tuff");
	return 0;
}

static void query_dev(struct tuff_device *dev, struct tuff_query_dev *q)
{
	const struct tuff_be_info *i = &dev->info;
	const struct tuff_be_limits *l = &i->limits;

	snprintf(q->name, sizeof(q->name), "%s", i->name);
	snprintf(q->driver, sizeof(q->driver), "%s", i->driver);
	q->vendor_id = i->vendor_id;
	q->device_id = i->device_id;
	q->driver_version = i->driver_version;
	q->api_version = i->api_version;
	memcpy(q->uuid, i->uuid, sizeof(q->uuid));
	q->dev_class = i->class;
	q->features = i->features;
	q->reach = i->reach;
	q->nengines = 1;
	q->max_storage_buffers = l->max_storage_buffers;
	q->max_uniform_range = l->max_uniform_range;
	q->max_storage_range = l->max_storage_range;
	q->max_alloc = l->max_alloc_B;
	q->max_buffer = l->max_buffer_B;
	q->storage_align = l->storage_align;
	q->uniform_align = l->uniform_align;
	q->import_align = l->import_align;
	q->shared_size = l->shared_B;
	q->max_invocations = l->max_invocations;
	memcpy(q->max_group_size, l->max_group_size, sizeof(q->max_group_size));
	memcpy(q->max_group_count, l->max_group_count, sizeof(q->max_group_count));
	q->subgroup_size = l->subgroup_size;
	q->subgroup_min = l->subgroup_min;
	q->subgroup_max = l->subgroup_max;
	q->timestamp_bits = l->timestamp_bits;
	q->timestamp_period_ps = (uint32_t)(l->timestamp_ns * 1000.0f);
	memcpy(q->drm_primary, i->drm_primary, sizeof(q->drm_primary));
	memcpy(q->drm_render, i->drm_render, sizeof(q->drm_render));
	snprintf(q->drm_node, sizeof(q->drm_node), "%s", i->drm_node);
	snprintf(q->pci, sizeof(q->pci), "%s", i->pci);
}

static uint32_t query_mem(struct tuff_device *dev, const struct tuff_be_region *r,
			  struct tuff_query_mem *q)
{
	for (uint32_t i = 0; i < dev->info.nregions; i++) {
		bool local = r[i].device_local;

		q[i].size = r[i].size_B;
		q[i].budget = r[i].budget_B;
		q[i].used = dev->used_B[local && dev->info.nregions > 1 ? 1 : 0] +
			    (dev->info.nregions > 1 ? 0 : dev->used_B[1]);
		q[i].device_local = r[i].device_local;
		q[i].host_visible = r[i].host_visible;
	}
	return dev->info.nregions * (uint32_t)sizeof(*q);
}

static void query_stats(struct tuff_device *dev, const struct tuff_exec_stats *s,
			struct tuff_query_stats *q)
{
	const struct tuff_be_counters *c = &s->counters;
	struct tuff_file *f;

	q->record_hits = s->rec_hits;
	list_for_each(f, &dev->files, node) {
		q->jobs_queued += f->jobs_queued;
		q->jobs_running += f->jobs_running;
	}
	q->jobs_done = dev->jobs_done;
	q->jobs_failed = dev->jobs_failed;
	q->resets = dev->resets;
	q->records = c->records;
	q->pipelines = c->pipelines;
	q->pipeline_cache_hits = c->cache_hits;
	q->allocs = c->allocs;
	q->memory = c->mem_B;
	q->dead = (uint32_t)-dev->dead;
}

int tuff_ioctl_dev_query(struct tuff_file *f, void *arg)
{
	union {
		struct tuff_query_dev dev;
		struct tuff_query_mem mem[TUFF_BE_MAX_REGIONS];
		struct tuff_query_engine engine;
		struct tuff_query_stats stats;
		struct tuff_query_timestamp time;
	} q;
	struct tuff_dev_query *a = arg;
	struct tuff_exec_stats s;
	uint32_t size;
	int ret = 0;

	memset(&q, 0, sizeof(q));
	if (a->type == TUFF_QUERY_MEM || a->type == TUFF_QUERY_STATS ||
	    a->type == TUFF_QUERY_TIMESTAMP)
		ret = tuff_device_stats(f->dev, &s);
	if (ret)
		return ret;
	switch (a->type) {
	case TUFF_QUERY_DEV:
		query_dev(f->dev, &q.dev);
		size = sizeof(q.dev);
		break;
	case TUFF_QUERY_MEM:
		size = query_mem(f->dev, s.regions, q.mem);
		break;
	case TUFF_QUERY_ENGINE:
		snprintf(q.engine.name, sizeof(q.engine.name), "compute");
		q.engine.capacity = 1;
		q.engine.credits = f->dev->sched.credit_limit;
		size = sizeof(q.engine);
		break;
	case TUFF_QUERY_STATS:
		tuff_poll(f->dev);
		query_stats(f->dev, &s, &q.stats);
		size = sizeof(q.stats);
		break;
	case TUFF_QUERY_TIMESTAMP:
		q.time.cpu_ns = s.device_ns ? s.cpu_ns : (uint64_t)tuff_now();
		q.time.device_ns = s.device_ns;
		size = sizeof(q.time);
		break;
	default:
		return -EINVAL;
	}
	if (!a->pointer) {
		a->size = size;
		return 0;
	}
	if (size > a->size)
		size = a->size;
	ret = tuff_copy_out(f, a->pointer, &q, size);
	if (!ret)
		a->size = size;
	return ret;
}

struct text {
	char *buf;
	size_t size, len;
};

static void __attribute__((format(printf, 2, 3))) put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len = t->len + (size_t)n < t->size ? t->len + (size_t)n : t->size - 1;
}

static uint64_t active(const struct tuff_file *f)
{
	struct tuff_bo *bo;
	uint64_t sum = 0;
	uint32_t id;

	idr_for_each(&f->bos, id, bo)
		for (uint32_t i = 0; i < bo->nuses; i++)
			if (!bo->uses[i].fence->signaled) {
				sum += bo->size_B;
				break;
			}
	return sum;
}

static void fdinfo(const struct tuff_file *f, struct text *t)
{
	const struct tuff_device *dev = f->dev;
	uint64_t kib = (f->total_B[0] + f->total_B[1]) >> 10;

	put(t, "drm-driver:\ttuff\ndrm-client-id:\t%llu\n", (unsigned long long)f->client);
	if (f->name[0])
		put(t, "drm-client-name:\t%s\n", f->name);
	if (dev->info.pci[0])
		put(t, "drm-pdev:\t%s\n", dev->info.pci);
	put(t, "drm-engine-compute:\t%llu ns\ndrm-engine-capacity-compute:\t1\n",
	    (unsigned long long)f->busy_ns);
	put(t, "drm-total-memory:\t%llu KiB\n", (unsigned long long)kib);
	put(t, "drm-shared-memory:\t%llu KiB\n", (unsigned long long)(f->shared_B >> 10));
	put(t, "drm-resident-memory:\t%llu KiB\n", (unsigned long long)kib);
	put(t, "drm-active-memory:\t%llu KiB\n", (unsigned long long)(active(f) >> 10));
	put(t, "drm-purgeable-memory:\t0 KiB\n");
	put(t, "tuff-device-memory:\t%llu KiB\n", (unsigned long long)(f->total_B[1] >> 10));
	put(t, "tuff-jobs-queued:\t%llu\ntuff-jobs-running:\t%llu\ntuff-resets:\t%llu\n",
	    (unsigned long long)f->jobs_queued, (unsigned long long)f->jobs_running,
	    (unsigned long long)f->resets);
	if (dev->dead)
		put(t, "tuff-device-dead:\t%s\n", dev->dead == -ETIME ? "poisoned" : "lost");
}

int tuff_ioctl_query_fdinfo(struct tuff_file *f, void *arg)
{
	struct tuff_query_fdinfo *a = arg;
	struct text t = { .size = 1024 };
	struct tuff_file *o;
	int ret = 0;

	if (a->flags & ~TUFF_FDINFO_ALL)
		return -EINVAL;
	if ((a->flags & TUFF_FDINFO_ALL) && geteuid())
		return -EACCES;
	list_for_each(o, &f->dev->files, node)
		t.size += a->flags & TUFF_FDINFO_ALL ? 1024 : 0;
	t.buf = malloc(t.size);
	if (!t.buf)
		return -ENOMEM;
	t.buf[0] = 0;
	tuff_poll(f->dev);
	list_for_each(o, &f->dev->files, node) {
		if (o != f && !(a->flags & TUFF_FDINFO_ALL))
			continue;
		if (t.len)
			put(&t, "\n");
		fdinfo(o, &t);
	}
	if (a->pointer && a->size) {
		uint32_t n = t.len + 1 < a->size ? (uint32_t)t.len + 1 : a->size;

		t.buf[n - 1] = 0;
		ret = tuff_copy_out(f, a->pointer, t.buf, n);
	}
	if (!ret)
		a->size = (uint32_t)t.len + 1;
	free(t.buf);
	return ret;
}
