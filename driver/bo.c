// SPDX-License-Identifier: MIT
/*
 * Buffer objects. System memory is a sealed memfd, which the device reaches in
 * the best way that works, or device memory that the client maps where both
 * share a process and nobody else is to see it.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver/broker.h"
#include "uapi/tuff_trace.h"

#define PAGE	4096ull
/* Host pointers are imported in units of up to 64 KiB. */
#define IMPORT_UNIT	65536ull

static int make_memfd(uint64_t size)
{
	int fd = memfd_create("tuff-bo", MFD_CLOEXEC | MFD_ALLOW_SEALING), err;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW)) {
		err = errno;
		close(fd);
		return -err;
	}
	return fd;
}

static void destroy_mem(struct tuff_device *dev, struct tuff_bo *bo)
{
	struct tuff_msg_id m = { .base = { TUFF_MSG_MEM_DESTROY, sizeof(m), 0 }, .id = bo->mem };

	tuff_send(dev, &m.base);
}

static int create_mem(struct tuff_file *f, struct tuff_bo *bo, uint32_t reach)
{
	struct tuff_msg_mem_create m = {
		.base = { .type = TUFF_MSG_MEM_CREATE, .size = sizeof(m) },
		.id = bo->mem, .placement = bo->placement, .reach = reach,
		.map = bo->placement == TUFF_PLACE_SYSTEM || (bo->flags & TUFF_BO_MAPPABLE),
		.size_B = bo->size_B, .fd = bo->fd };
	struct tuff_reply r;
	int ret = tuff_call(f->dev, &m.base, &r, NULL, 0);

	if (!ret) {
		bo->staged = r.value == 1;
		bo->reach = bo->placement == TUFF_PLACE_DEVICE ? 0 : 1u << reach;
	} else {
		destroy_mem(f->dev, bo);	/* it may come to exist: the answer was late */
	}
	return ret;
}

/* The ways in order of what they cost; the first that works. */
static int reach_system(struct tuff_file *f, struct tuff_bo *bo)
{
	static const uint32_t ways[] = { TUFF_BE_REACH_DEVMAP, TUFF_BE_REACH_DMABUF,
					 TUFF_BE_REACH_HOSTPTR, TUFF_BE_REACH_STAGING };
	int ret = -EOPNOTSUPP;

	for (int i = 0; i < 4 && ret; i++) {
		if (!(f->dev->info.reach & (1u << ways[i])))
			continue;
		if (ways[i] == TUFF_BE_REACH_DEVMAP) {
			if (bo->fd >= 0 || (bo->flags & TUFF_BO_EXPORTABLE))
				continue;
		} else if (bo->fd < 0) {
			bo->fd = make_memfd(bo->size_B);
			if (bo->fd < 0)
				return bo->fd;
		}
		ret = create_mem(f, bo, ways[i]);
	}
	return ret;
}

/* The memory exists; the file's table and accounts get it. */
static int publish(struct tuff_file *f, struct tuff_bo *bo)
{
	int ret = idr_alloc(&f->bos, bo, &bo->handle);

	if (ret)
		return ret;
	tuff_file_ref(f);
	f->total_B[bo->placement] += bo->size_B;
	f->dev->used_B[bo->placement] += bo->size_B;
	if (bo->shared)
		f->shared_B += bo->size_B;
	TUFF_TRACE(bo_create, f->client, bo->handle, bo->size_B, bo->flags);
	return 0;
}

static struct tuff_bo *bo_new(struct tuff_file *f)
{
	struct tuff_bo *bo = calloc(1, sizeof(*bo));

	if (!bo)
		return NULL;
	bo->ref = 1;
	bo->file = f;
	bo->fd = -1;
	if (idr_alloc(&f->dev->mems, bo, &bo->mem)) {
		free(bo);
		return NULL;
	}
	return bo;
}

static void bo_discard(struct tuff_file *f, struct tuff_bo *bo)
{
	idr_remove(&f->dev->mems, bo->mem);
	if (bo->fd >= 0)
		close(bo->fd);
	free(bo);
}

/* Publishes what was made (ret = 0), or gives everything back. */
static int bo_finish(struct tuff_file *f, struct tuff_bo *bo, int ret)
{
	if (!ret) {
		ret = publish(f, bo);
		if (ret)
			destroy_mem(f->dev, bo);
	}
	if (ret)
		bo_discard(f, bo);
	return ret;
}

int tuff_ioctl_bo_create(struct tuff_file *f, void *arg)
{
	struct tuff_bo_create *a = arg;
	uint64_t size = (a->size + PAGE - 1) & ~(PAGE - 1);
	struct tuff_bo *bo;
	int ret;

	if (!a->size || size < a->size || (a->flags & ~(TUFF_BO_MAPPABLE | TUFF_BO_EXPORTABLE)) ||
	    a->placement > TUFF_PLACE_DEVICE || a->handle || a->pad)
		return -EINVAL;
	if (a->placement == TUFF_PLACE_DEVICE && (a->flags & TUFF_BO_EXPORTABLE))
		return -EOPNOTSUPP;
	if (f->dev->dead)
		return -EIO;
	if (size > f->dev->info.limits.max_alloc_B || size > f->dev->info.limits.max_buffer_B)
		return -ENOSPC;
	bo = bo_new(f);
	if (!bo)
		return -ENOMEM;
	if (a->placement == TUFF_PLACE_SYSTEM && f->dev->info.limits.import_align > PAGE)
		size = (size + IMPORT_UNIT - 1) & ~(IMPORT_UNIT - 1);
	bo->size_B = size;
	bo->flags = a->flags;
	bo->placement = a->placement;
	ret = a->placement == TUFF_PLACE_SYSTEM ? reach_system(f, bo) :
						  create_mem(f, bo, TUFF_BE_REACH_DEVMAP);
	ret = bo_finish(f, bo, ret);
	if (ret)
		return ret;
	a->size = size;
	a->handle = bo->handle;
	return 0;
}

int tuff_ioctl_bo_import(struct tuff_file *f, void *arg)
{
	struct tuff_bo_import *a = arg;
	struct tuff_bo *bo;
	struct stat st;
	int seals, ret;

	if (a->handle || (a->flags & ~TUFF_BO_FD_CLOEXEC) || a->pad || a->size)
		return -EINVAL;
	if (f->dev->dead)
		return -EIO;
	if (fstat(a->fd, &st))
		return -EBADF;
	seals = fcntl(a->fd, F_GET_SEALS);
	if (seals < 0 || st.st_size <= 0 || st.st_size % (off_t)PAGE)
		return -EINVAL;
	/* a peer that shrinks it would make us fault */
	if (!(seals & F_SEAL_SHRINK) && fcntl(a->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
		return -EINVAL;
	if (seals & F_SEAL_WRITE)
		return -EACCES;
	bo = bo_new(f);
	if (!bo)
		return -ENOMEM;
	bo->size_B = (uint64_t)st.st_size;
	bo->flags = TUFF_BO_MAPPABLE | TUFF_BO_EXPORTABLE;
	bo->shared = true;
	bo->fd = fcntl(a->fd, F_DUPFD_CLOEXEC, 0);
	ret = bo_finish(f, bo, bo->fd < 0 ? -errno : reach_system(f, bo));
	if (ret)
		return ret;
	a->size = bo->size_B;
	a->handle = bo->handle;
	return 0;
}

int tuff_ioctl_bo_export(struct tuff_file *f, void *arg)
{
	struct tuff_bo_export *a = arg;
	struct tuff_bo *bo = idr_find(&f->bos, a->handle);
	int fd;

	if (!bo)
		return -ENOENT;
	if ((a->flags & ~TUFF_BO_FD_CLOEXEC) || a->fd || a->pad)
		return -EINVAL;
	if (!(bo->flags & TUFF_BO_EXPORTABLE))
		return -EACCES;
	fd = fcntl(bo->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!bo->shared)
		f->shared_B += bo->size_B;
	bo->shared = true;
	a->fd = fd;
	return 0;
}

/* The offset that names the object to mmap(); pages leave room for every handle. */
int tuff_ioctl_bo_mmap_offset(struct tuff_file *f, void *arg)
{
	struct tuff_bo_mmap_offset *a = arg;
	struct tuff_bo *bo = idr_find(&f->bos, a->handle);

	if (!bo)
		return -ENOENT;
	if (a->flags || a->offset)
		return -EINVAL;
	if (!(bo->flags & TUFF_BO_MAPPABLE))
		return -EACCES;
	a->offset = (uint64_t)a->handle << 40;
	return 0;
}

static void retire(struct tuff_bo *bo)
{
	for (uint32_t i = 0; i < bo->nuses;) {
		if (!bo->uses[i].fence->signaled) {
			i++;
			continue;
		}
		tuff_fence_put(bo->uses[i].fence);
		bo->uses[i] = bo->uses[--bo->nuses];
	}
}

int tuff_ioctl_bo_info(struct tuff_file *f, void *arg)
{
	struct tuff_bo_info *a = arg;
	struct tuff_bo *bo = idr_find(&f->bos, a->handle);

	if (!bo)
		return -ENOENT;
	if (a->flags || a->size || a->placement || a->status || a->reach || a->pad)
		return -EINVAL;
	tuff_poll(f->dev);
	retire(bo);
	a->flags = bo->flags;
	a->size = bo->size_B;
	a->placement = bo->placement;
	a->reach = bo->reach;
	a->status = TUFF_BO_STATUS_RESIDENT | (bo->nuses ? TUFF_BO_STATUS_ACTIVE : 0) |
		    (bo->shared ? TUFF_BO_STATUS_SHARED : 0) |
		    (bo->staged ? TUFF_BO_STATUS_STAGED : 0);
	return 0;
}

struct bo_cond {
	struct tuff_bo *bo;
	bool write;
};

static bool bo_idle(void *arg)
{
	struct bo_cond *c = arg;

	retire(c->bo);
	for (uint32_t i = 0; i < c->bo->nuses; i++)
		if (c->write || c->bo->uses[i].write)
			return false;
	return true;
}

int tuff_ioctl_bo_wait(struct tuff_file *f, void *arg)
{
	struct tuff_bo_wait *a = arg;
	struct bo_cond c = { idr_find(&f->bos, a->handle), !!(a->flags & TUFF_BO_WRITE) };
	int ret;

	if (!c.bo)
		return -ENOENT;
	if (!a->flags || (a->flags & ~(TUFF_BO_READ | TUFF_BO_WRITE)))
		return -EINVAL;
	c.bo->ref++;
	ret = tuff_wait(f->dev, bo_idle, &c, a->timeout_ns);
	tuff_bo_unref(c.bo);
	return ret == -ETIME && a->timeout_ns <= 0 ? -EBUSY : ret;
}

/* Every way we reach memory is coherent, or copied around jobs. */
int tuff_ioctl_bo_sync(struct tuff_file *f, void *arg)
{
	struct tuff_bo_sync *a = arg;
	struct bo_cond c = { idr_find(&f->bos, a->handle), !!(a->flags & TUFF_BO_WRITE) };

	if (!c.bo)
		return -ENOENT;
	if ((a->flags & ~(TUFF_BO_READ | TUFF_BO_WRITE | TUFF_BO_SYNC_END)) ||
	    !(a->flags & (TUFF_BO_READ | TUFF_BO_WRITE)) || a->offset > c.bo->size_B ||
	    a->size > c.bo->size_B - a->offset)
		return -EINVAL;
	if (a->flags & TUFF_BO_SYNC_END)
		return 0;
	tuff_poll(f->dev);
	return bo_idle(&c) ? 0 : -EBUSY;
}

int tuff_bo_reserve(struct tuff_bo *bo)
{
	struct tuff_bo_use *u;
	uint32_t cap;

	if (bo->nuses == bo->cap_uses)
		retire(bo);
	if (bo->nuses < bo->cap_uses)
		return 0;
	cap = bo->cap_uses ? 2 * bo->cap_uses : 4;
	u = realloc(bo->uses, cap * sizeof(*u));
	if (!u)
		return -ENOMEM;
	bo->uses = u;
	bo->cap_uses = cap;
	return 0;
}

/* There is room: one place per context, reserved before. */
void tuff_bo_attach(struct tuff_bo *bo, struct tuff_fence *f, bool write)
{
	for (uint32_t i = 0; i < bo->nuses; i++) {
		struct tuff_bo_use *u = &bo->uses[i];

		if (u->fence->context != f->context)
			continue;
		u->write = write || (u->write && !u->fence->signaled);
		tuff_fence_get(f);
		tuff_fence_put(u->fence);
		u->fence = f;
		return;
	}
	bo->uses[bo->nuses++] = (struct tuff_bo_use){ tuff_fence_get(f), write };
}

void tuff_bo_mapped(const struct tuff_bo *bo)
{
	TUFF_TRACE(bo_map, bo->file->client, bo->handle, bo->size_B, bo->flags);
}

void tuff_bo_forget(struct tuff_bo *bo)
{
	TUFF_TRACE(bo_destroy, bo->file->client, bo->handle, bo->size_B, bo->flags);
	bo->handle = 0;
}

void tuff_bo_unref(struct tuff_bo *bo)
{
	struct tuff_file *f = bo->file;

	if (--bo->ref)
		return;
	for (uint32_t i = 0; i < bo->nuses; i++)
		tuff_fence_put(bo->uses[i].fence);
	free(bo->uses);
	destroy_mem(f->dev, bo);
	f->total_B[bo->placement] -= bo->size_B;
	f->dev->used_B[bo->placement] -= bo->size_B;
	if (bo->shared)
		f->shared_B -= bo->size_B;
	bo_discard(f, bo);
	tuff_file_unref(f);
}

int tuff_ioctl_bo_close(struct tuff_file *f, void *arg)
{
	struct tuff_bo_close *a = arg;
	struct tuff_bo *bo;

	if (a->pad)
		return -EINVAL;
	bo = idr_remove(&f->bos, a->handle);
	if (!bo)
		return -ENOENT;
	tuff_bo_forget(bo);
	tuff_bo_unref(bo);
	return 0;
}
