// SPDX-License-Identifier: MIT
/*
 * Command buffers: the broker's side. It only translates the client's kernel
 * ids; what the packets say is the executor's to check.
 */
#include <stdio.h>

#include "driver/broker.h"

static void destroy(struct tuff_device *dev, uint32_t exec_id)
{
	struct tuff_msg_id m = { .base = { TUFF_MSG_CMDBUF_DESTROY, sizeof(m), 0 },
				 .id = exec_id };

	tuff_send(dev, &m.base);
	idr_remove(&dev->cmdbufs, exec_id);
}

void tuff_cmdbuf_unref(struct tuff_cmdbuf *cb)
{
	if (--cb->ref)
		return;
	destroy(cb->dev, cb->exec_id);
	for (uint32_t i = 0; i < cb->nkernels; i++)
		tuff_kernel_unref(cb->kernels[i]);
	free(cb->kernels);
	free(cb);
}

static int add_kernel(struct tuff_cmdbuf *cb, struct tuff_kernel *k)
{
	struct tuff_kernel **n;

	for (uint32_t i = 0; i < cb->nkernels; i++)
		if (cb->kernels[i] == k)
			return 0;
	if (!(cb->nkernels & (cb->nkernels - 1))) {	/* full at powers of two */
		n = realloc(cb->kernels, (cb->nkernels ? 2 * cb->nkernels : 1) * sizeof(*n));
		if (!n)
			return -ENOMEM;
		cb->kernels = n;
	}
	k->ref++;
	cb->kernels[cb->nkernels++] = k;
	return 0;
}

/* Stops at the first malformed packet, where the executor will too. */
static int translate(struct tuff_file *f, struct tuff_cmdbuf *cb, uint32_t *w, uint32_t n,
		     char *text, size_t len)
{
	uint32_t packet = 0;
	int ret = 0;

	for (uint32_t at = 0; !ret && at < n;) {
		uint32_t op = w[at] & 0xffff, dw = w[at] >> 16;
		struct tuff_kernel *k;

		if (dw < 2 || dw > n - at)
			break;
		if (op == TUFF_CMD_DISPATCH || op == TUFF_CMD_DISPATCH_INDIRECT) {
			k = idr_find(&f->kernels, w[at + 1]);
			if (!k) {
				snprintf(text, len, "packet %u: no kernel %u", packet, w[at + 1]);
				return -EINVAL;
			}
			ret = add_kernel(cb, k);
			w[at + 1] = k->exec_id;
		}
		at += dw;
		packet++;
	}
	return ret;
}

static int check(const struct tuff_cmdbuf_create *a)
{
	if (a->flags || a->cmdbuf_id || a->timestamps || a->stream_size % 8 ||
	    a->stream_size > TUFF_MAX_STREAM_B)
		return -EINVAL;
	return tuff_check_array(&a->slots, TUFF_MAX_SLOTS, sizeof(struct tuff_cmdbuf_slot));
}

int tuff_ioctl_cmdbuf_create(struct tuff_file *f, void *arg)
{
	struct tuff_cmdbuf_create *a = arg;
	struct tuff_msg_cmdbuf_create *m = NULL;
	struct tuff_cmdbuf *cb = NULL;
	struct tuff_reply r;
	char text[TUFF_REPLY_TEXT] = "", said[TUFF_REPLY_TEXT];
	int ret = check(a);

	if (ret) {
		if (ret == -EINVAL)
			tuff_copy_text(f, a->error, a->error_size,
				       "bad flags, slots, or size of the stream");
		return ret;
	}
	if (f->dev->dead)
		return -EIO;
	ret = tuff_bg_start(f->dev);	/* the answer may come from a compiler's thread */
	if (ret)
		return ret;
	m = calloc(1, sizeof(*m) + a->stream_size);
	cb = calloc(1, sizeof(*cb));
	if (!m || !cb) {
		ret = -ENOMEM;
		goto err_free;
	}
	cb->ref = 1;
	cb->dev = f->dev;
	m->base.type = TUFF_MSG_CMDBUF_CREATE;
	m->base.size = (uint32_t)(sizeof(*m) + a->stream_size);
	m->stream_size = (uint32_t)a->stream_size;
	m->nslots = cb->nslots = a->slots.count;
	ret = tuff_copy_in(f, m + 1, a->stream, a->stream_size);
	for (uint32_t i = 0; !ret && i < m->nslots; i++)
		ret = tuff_copy_element(f, &a->slots, i, &m->slots[i], sizeof(m->slots[i]));
	memcpy(cb->slots, m->slots, sizeof(cb->slots));
	if (!ret)
		ret = translate(f, cb, (uint32_t *)(m + 1), m->stream_size / 4, text,
				sizeof(text));
	if (!ret)
		ret = idr_alloc(&f->dev->cmdbufs, cb, &cb->exec_id);
	if (ret)
		goto err_kernels;
	m->id = cb->exec_id;
	ret = tuff_call(f->dev, &m->base, &r, said, sizeof(said));
	if (ret)
		tuff_text(text, sizeof(text), said, r.size);
	else if (r.value > TUFF_CMD_MAX_TIMESTAMPS)
		ret = -EPROTO;
	if (ret)
		goto err_exec;
	cb->timestamps = (uint32_t)r.value;
	ret = idr_alloc(&f->cmdbufs, cb, &a->cmdbuf_id);
	if (ret) {
		tuff_cmdbuf_unref(cb);
		free(m);
		return ret;
	}
	a->timestamps = cb->timestamps;
	free(m);
	return 0;

err_exec:
	destroy(f->dev, cb->exec_id);	/* it may exist, or come to */
err_kernels:
	if (text[0])
		tuff_copy_text(f, a->error, a->error_size, text);
	for (uint32_t i = 0; i < cb->nkernels; i++)
		tuff_kernel_unref(cb->kernels[i]);
	free(cb->kernels);
err_free:
	free(cb);
	free(m);
	return ret;
}

int tuff_ioctl_cmdbuf_destroy(struct tuff_file *f, void *arg)
{
	struct tuff_cmdbuf_destroy *a = arg;
	struct tuff_cmdbuf *cb;

	if (a->pad)
		return -EINVAL;
	cb = idr_remove(&f->cmdbufs, a->cmdbuf_id);
	if (!cb)
		return -ENOENT;
	tuff_cmdbuf_unref(cb);
	return 0;
}
