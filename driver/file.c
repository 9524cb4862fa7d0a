// SPDX-License-Identifier: MIT
/* Client files: handles, and everything that goes when one is closed. */
#include <ctype.h>

#include "driver/broker.h"

int tuff_file_open(struct tuff_device *dev, struct tuff_file **out)
{
	struct tuff_file *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->ref = 1;
	f->dev = dev;
	pthread_mutex_lock(&dev->lock);
	f->client = ++dev->next_client;
	list_add_tail(&f->node, &dev->files);
	pthread_mutex_unlock(&dev->lock);
	*out = f;
	return 0;
}

struct tuff_file *tuff_file_ref(struct tuff_file *f)
{
	f->ref++;
	return f;
}

void tuff_file_unref(struct tuff_file *f)
{
	if (!--f->ref)
		free(f);
}

/* The device's lock is held. Jobs on the device keep what they use. */
void tuff_file_close(struct tuff_file *f)
{
	struct tuff_syncobj *so;
	struct tuff_cmdbuf *cb;
	struct tuff_kernel *k;
	struct tuff_ctx *ctx;
	struct tuff_bo *bo;
	uint32_t id;

	f->closed = true;
	idr_for_each(&f->ctxs, id, ctx)
		tuff_ctx_kill(ctx);
	idr_for_each(&f->syncobjs, id, so)
		tuff_syncobj_unref(so);
	idr_for_each(&f->cmdbufs, id, cb)
		tuff_cmdbuf_unref(cb);
	idr_for_each(&f->kernels, id, k)
		tuff_kernel_unref(k);
	idr_for_each(&f->bos, id, bo) {
		tuff_bo_forget(bo);
		tuff_bo_unref(bo);
	}
	idr_fini(&f->ctxs);
	idr_fini(&f->syncobjs);
	idr_fini(&f->cmdbufs);
	idr_fini(&f->kernels);
	idr_fini(&f->bos);
	list_del(&f->node);
	tuff_file_unref(f);
}

/*
 * In one process the client's memory is ours to read; another transport puts
 * what the client sent behind these.
 */
int tuff_copy_in(struct tuff_file *f, void *dst, uint64_t src, size_t n)
{
	(void)f;
	if (!n)
		return 0;
	if (!src || src != (uintptr_t)src)
		return -EFAULT;
	memcpy(dst, (const void *)(uintptr_t)src, n);
	return 0;
}

int tuff_copy_out(struct tuff_file *f, uint64_t dst, const void *src, size_t n)
{
	(void)f;
	if (!n)
		return 0;
	if (!dst || dst != (uintptr_t)dst)
		return -EFAULT;
	memcpy((void *)(uintptr_t)dst, src, n);
	return 0;
}

int tuff_check_array(const struct tuff_array *a, uint32_t max, uint32_t min_stride)
{
	if (!a->count)
		return a->stride || a->array ? (a->stride < min_stride ? -EINVAL : 0) : 0;
	if (a->count > max || a->stride < min_stride || a->stride > 4096 || a->stride % 4)
		return -EINVAL;
	return a->array ? 0 : -EFAULT;
}

int tuff_copy_element(struct tuff_file *f, const struct tuff_array *a, uint32_t i, void *dst,
		      size_t size_B)
{
	uint64_t src = a->array + (uint64_t)a->stride * i;
	char tail[64];
	int ret = tuff_copy_in(f, dst, src, size_B);

	for (size_t at = size_B; !ret && at < a->stride; at += sizeof(tail)) {
		size_t n = a->stride - at < sizeof(tail) ? a->stride - at : sizeof(tail);

		ret = tuff_copy_in(f, tail, src + at, n);
		for (size_t k = 0; !ret && k < n; k++)
			ret = tail[k] ? -E2BIG : 0;
	}
	return ret;
}

/* Best effort: what it explains is returned in any case. */
void tuff_copy_text(struct tuff_file *f, uint64_t dst, uint32_t size, const char *text)
{
	size_t n = strlen(text) + 1;
	char end = 0;

	if (!dst || !size)
		return;
	if (n > size)
		n = size;
	if (!tuff_copy_out(f, dst, text, n - 1))
		tuff_copy_out(f, dst + n - 1, &end, 1);
}

int tuff_ioctl_set_client_name(struct tuff_file *f, void *arg)
{
	struct tuff_set_client_name *a = arg;
	char name[65] = "";
	int ret;

	if (a->pad || a->len > 64)
		return -EINVAL;
	ret = tuff_copy_in(f, name, a->name, a->len);
	for (uint32_t i = 0; !ret && i < a->len; i++)
		if (!isascii(name[i]) || !isprint((unsigned char)name[i]))
			return -EINVAL;
	if (!ret)
		memcpy(f->name, name, sizeof(name));
	return ret;
}
