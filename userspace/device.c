// SPDX-License-Identifier: MIT
/* Opening a device, its buffer objects, and waiting for it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "uapi/tuff_trace.h"
#include "userspace/session.h"

int device_open(uint32_t index, uint32_t priority, struct device **out, struct tuff_error *err)
{
	struct tuff_ctx_create ctx = { .priority = priority };
	struct tuff_syncobj_create sync = { 0 };
	struct device *d;
	char why[256] = "";
	int ret;

	*out = NULL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return session_error(err, -ENOMEM, "out of memory");
	ret = tuff_local_open(&tuff_be_vulkan, index, &d->file, why, sizeof(why));
	if (ret) {
		session_error(err, ret, "device 'vulkan:%u': %s", index, *why ? why : strerror(-ret));
		goto err_device;
	}
	{
		struct tuff_dev_query q = { .type = TUFF_QUERY_DEV, .size = sizeof(d->info), .pointer = (uintptr_t)&d->info };

		ret = tuff_local_ioctl(d->file, TUFF_IOCTL_DEV_QUERY, &q);
	}
	ret = ret ? ret : tuff_local_ioctl(d->file, TUFF_IOCTL_CTX_CREATE, &ctx);
	ret = ret ? ret : tuff_local_ioctl(d->file, TUFF_IOCTL_SYNCOBJ_CREATE, &sync);
	if (ret) {
		session_error(err, ret, "device 'vulkan:%u': a context cannot be made: %s", index, strerror(-ret));
		goto err_device;
	}
	d->ctx = ctx.ctx_id;
	d->timeline = sync.handle;
	*out = d;
	return 0;
err_device:
	device_close(d);
	return ret;
}

void device_close(struct device *d)
{
	if (!d)
		return;
	if (d->file)
		tuff_local_close(d->file);	/* frees all that the session made there */
	free(d);
}

void device_describe(const struct device *d, struct tuffc_device *to)
{
	memset(to, 0, sizeof(*to));
	to->target = d->info.dev_class;
	to->subgroup_size = d->info.subgroup_size;
	to->max_invocations = d->info.max_invocations;
	memcpy(to->max_groups, d->info.max_group_count, sizeof(to->max_groups));
	to->max_storage_range = d->info.max_storage_range > UINT32_MAX ? UINT32_MAX : d->info.max_storage_range;
	if (d->info.features & TUFF_FEATURE_SUBGROUP_BALLOT)
		to->features |= TUFFC_FEAT_SUBGROUP_BROADCAST;
}

int device_bo_create(struct device *d, uint64_t size, uint32_t placement, bool map, struct device_bo *out)
{
	struct tuff_bo_create c = { .size = size ? size : 4096, .placement = placement, .flags = map ? TUFF_BO_MAPPABLE : 0 };
	struct tuff_bo_info i = { 0 };
	uint64_t mapped;
	int ret;

	memset(out, 0, sizeof(*out));
	ret = tuff_local_ioctl(d->file, TUFF_IOCTL_BO_CREATE, &c);
	if (ret)
		return ret;
	out->handle = i.handle = c.handle;
	out->size = c.size;
	d->bytes += c.size;
	if (d->bytes > d->peak_bytes)
		d->peak_bytes = d->bytes;
	ret = tuff_local_ioctl(d->file, TUFF_IOCTL_BO_INFO, &i);
	out->staged = i.status & TUFF_BO_STATUS_STAGED;
	if (!ret && map) {
		out->map = tuff_local_mmap(d->file, c.handle, &mapped);
		if (!out->map)
			ret = -ENOMEM;
	}
	if (ret)
		device_bo_destroy(d, out);
	return ret;
}

void device_bo_destroy(struct device *d, struct device_bo *bo)
{
	struct tuff_bo_close c = { .handle = bo->handle };

	if (bo->handle)
		tuff_local_ioctl(d->file, TUFF_IOCTL_BO_CLOSE, &c);
	d->bytes -= bo->size;
	memset(bo, 0, sizeof(*bo));
}

int device_wait(struct tuff_session *s, struct tuff_error *err)
{
	struct device *d = s->dev;
	struct tuff_syncobj_wait w = { .timeout_ns = INT64_MAX, .count = 1, .flags = TUFF_WAIT_ALL };
	int ret;

	if (!d || d->point == d->waited)
		return 0;
	w.handles = (uintptr_t)&d->timeline;
	w.points = (uintptr_t)&d->point;
	ret = tuff_local_ioctl(d->file, TUFF_IOCTL_SYNCOBJ_WAIT, &w);
	for (; d->seg_from < d->seg_to; d->seg_from++)
		TUFF_TRACE(segment_end, (uint64_t)(uintptr_t)s, s->clock, d->seg_from, 1);
	d->waited = d->point;
	if (ret)
		return session_error(err, ret, "%s: waiting for %s: %s", s->path, d->info.name, strerror(-ret));
	if (w.error == -ETIME)
		return session_error(err, w.error, "%s: a job on %s did not end in time; the device is not used any more", s->path, d->info.name);
	if (w.error)
		return session_error(err, w.error, "%s: a job on %s failed: %s", s->path, d->info.name, strerror(-w.error));
	return 0;
}

int device_sync(struct tuff_session *s, struct plan *pl, bool end)
{
	struct tuff_bo_sync b = { .handle = pl->dev->shared.handle, .size = pl->dev->shared.size,
				  .flags = TUFF_BO_READ | TUFF_BO_WRITE | (end ? TUFF_BO_SYNC_END : 0) };

	return pl->dev->shared.staged ? tuff_local_ioctl(s->dev->file, TUFF_IOCTL_BO_SYNC, &b) : 0;
}
