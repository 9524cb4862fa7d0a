// SPDX-License-Identifier: MIT
/* Kernels: the broker's side. Being made is a fence that jobs can wait for. */
#define XXH_INLINE_ALL
#include <stdio.h>
#include <xxhash.h>

#include "driver/broker.h"
#include "uapi/tuff_trace.h"

static void made(struct tuff_device *dev, struct tuff_pend *p, const struct tuff_reply *r,
		 const void *payload)
{
	struct tuff_kernel *k = container_of(p, struct tuff_kernel, pend);

	if (r->error) {
		tuff_text(k->text, sizeof(k->text), payload, r->size);
		if (!k->text[0])
			snprintf(k->text, sizeof(k->text), "%s", strerror(-r->error));
		tuff_fence_set_error(&k->made, r->error);
	}
	tuff_fence_signal(&k->made, tuff_sched_clock(dev));
	tuff_kernel_unref(k);
}

void tuff_kernel_unref(struct tuff_kernel *k)
{
	struct tuff_msg_id m = { .base = { TUFF_MSG_KERNEL_DESTROY, sizeof(m), 0 } };

	if (--k->ref)
		return;
	m.id = k->exec_id;
	tuff_send(k->dev, &m.base);
	idr_remove(&k->dev->kernels, k->exec_id);
	free(k);
}

static bool is_made(void *arg)
{
	return ((struct tuff_kernel *)arg)->made.signaled;
}

static int check(const struct tuff_kernel_create *a)
{
	if (!a->code_size || a->code_size % 4 || a->code_size > TUFF_MAX_KERNEL_B ||
	    (a->flags & ~(TUFF_KERNEL_WAIT_READY | TUFF_KERNEL_UNIFORM)) ||
	    a->storage_mask >> TUFF_BE_MAX_STORAGE || (a->write_mask & ~a->storage_mask) ||
	    !a->entry_len || a->entry_len > 127 || a->kernel_id || a->hash)
		return -EINVAL;
	return tuff_check_array(&a->spec, TUFF_MAX_SPEC, sizeof(struct tuff_spec));
}

static int fill(struct tuff_file *f, const struct tuff_kernel_create *a,
		struct tuff_msg_kernel_create *m)
{
	int ret;

	m->base.type = TUFF_MSG_KERNEL_CREATE;
	m->base.size = (uint32_t)(sizeof(*m) + a->code_size);
	m->code_size = (uint32_t)a->code_size;
	m->storage_mask = a->storage_mask;
	m->write_mask = a->write_mask;
	m->uniform = !!(a->flags & TUFF_KERNEL_UNIFORM);
	m->nspec = a->spec.count;
	ret = tuff_copy_in(f, m + 1, a->code, a->code_size);
	if (!ret)
		ret = tuff_copy_in(f, m->entry, a->entry, a->entry_len);
	for (uint32_t i = 0; !ret && i < m->nspec; i++) {
		ret = tuff_copy_element(f, &a->spec, i, &m->spec[i], sizeof(m->spec[i]));
		for (uint32_t k = 0; !ret && k < i; k++)
			if (m->spec[k].id == m->spec[i].id)
				ret = -EINVAL;
	}
	if (!ret && memchr(m->entry, 0, a->entry_len))
		ret = -EINVAL;
	if (!ret)
		m->hash = XXH64(&m->code_size, m->base.size -
				offsetof(struct tuff_msg_kernel_create, code_size), 0);
	return ret;
}

int tuff_ioctl_kernel_create(struct tuff_file *f, void *arg)
{
	struct tuff_kernel_create *a = arg;
	struct tuff_msg_kernel_create *m;
	struct tuff_kernel *k;
	uint32_t id;
	int ret = check(a);

	if (ret)
		return ret;
	if (f->dev->dead)
		return -EIO;
	ret = tuff_bg_start(f->dev);
	if (ret)
		return ret;
	m = calloc(1, sizeof(*m) + a->code_size);
	k = calloc(1, sizeof(*k));
	ret = m && k ? fill(f, a, m) : -ENOMEM;
	if (ret)
		goto err_free;
	k->dev = f->dev;
	k->ref = 2;	/* the client's and the answer's */
	/* who holds the fence holds a job, hence the kernel */
	tuff_fence_init(&k->made, tuff_fence_context_alloc(1), 1, NULL);
	k->pend.done = made;
	ret = idr_alloc(&f->dev->kernels, k, &k->exec_id);
	if (ret)
		goto err_free;
	m->id = k->exec_id;
	ret = idr_alloc(&f->kernels, k, &id);
	if (ret)
		goto err_exec;
	ret = tuff_pend_add(f->dev, &k->pend, &m->base, TUFF_MAKE_NS);
	if (ret)
		goto err_id;
	a->hash = m->hash;
	TUFF_TRACE(kernel_create, f->client, id, m->hash);
	tuff_send(f->dev, &m->base);
	tuff_drain(f->dev);
	tuff_bg_active(f->dev, false);	/* it also watches the time */
	free(m);
	if (a->flags & TUFF_KERNEL_WAIT_READY) {
		k->ref++;
		tuff_wait(f->dev, is_made, k, INT64_MAX);
		ret = k->made.error;
		if (ret) {
			tuff_copy_text(f, a->error, a->error_size, k->text);
			/* closed meanwhile by another thread? then it is gone */
			if (idr_find(&f->kernels, id) == k) {
				idr_remove(&f->kernels, id);
				tuff_kernel_unref(k);
			}
		}
		tuff_kernel_unref(k);
	}
	a->kernel_id = id;
	return ret;

err_id:
	idr_remove(&f->kernels, id);
err_exec:
	idr_remove(&f->dev->kernels, k->exec_id);
err_free:
	free(m);
	free(k);
	return ret;
}

int tuff_ioctl_kernel_wait(struct tuff_file *f, void *arg)
{
	struct tuff_kernel_wait *a = arg;
	struct tuff_kernel *k = idr_find(&f->kernels, a->kernel_id);
	int ret;

	if (!k)
		return -ENOENT;
	if (a->pad || a->pad2)
		return -EINVAL;
	k->ref++;
	ret = tuff_wait(f->dev, is_made, k, a->timeout_ns);
	if (ret == -ETIME && a->timeout_ns <= 0)
		ret = -EBUSY;
	if (!ret && k->made.error) {
		ret = k->made.error;
		tuff_copy_text(f, a->error, a->error_size, k->text);
	}
	tuff_kernel_unref(k);
	return ret;
}

int tuff_ioctl_kernel_destroy(struct tuff_file *f, void *arg)
{
	struct tuff_kernel_destroy *a = arg;
	struct tuff_kernel *k;

	if (a->pad)
		return -EINVAL;
	k = idr_remove(&f->kernels, a->kernel_id);
	if (!k)
		return -ENOENT;
	tuff_kernel_unref(k);
	return 0;
}
