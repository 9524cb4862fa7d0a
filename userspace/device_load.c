// SPDX-License-Identifier: MIT
/* A program on its device: kernels, and weights packed one by one into one buffer object. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/session.h"

#define WEIGHT_ALIGN 256	/* the specification's largest offset alignment */
#define CHUNK (16u << 20)	/* staged at a time */
#define MAX_WEIGHTS (1ull << 46)	/* sums of sizes stay far from overflow */

static int kernels(struct tuff_session *s, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	struct device *d = s->dev;
	struct device_program *o = s->on_dev;
	char why[512] = "";

	o->kernels = calloc(p->nkernels + 1, sizeof(*o->kernels));
	if (!o->kernels)
		return session_error(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < p->nkernels; i++) {	/* all under way at once */
		const struct tuff_kernel *k = &p->kernels[i];
		struct tuff_spec spec[TUFF_KERNEL_SPECS];
		struct tuff_kernel_create c = {
			.code = (uintptr_t)(p->spirv + k->spirv), .code_size = k->spirv_size,
			.entry = (uintptr_t)"main", .entry_len = 4, .flags = TUFF_KERNEL_UNIFORM,
			.storage_mask = (1u << k->nbind) - 1, .write_mask = k->write_mask,
			.spec = { sizeof(spec[0]), k->nspec, (uintptr_t)spec },
			.error = (uintptr_t)why, .error_size = sizeof(why),
		};
		int ret;

		for (uint32_t j = 0; j < k->nspec; j++)
			spec[j] = (struct tuff_spec){ k->spec_id[j], k->spec_value[j] };
		ret = tuff_local_ioctl(d->file, TUFF_IOCTL_KERNEL_CREATE, &c);
		if (ret)
			return session_error(err, ret, "%s: kernel '%s': %s", s->path, tuff_str(p, k->name), *why ? why : strerror(-ret));
		o->kernels[i] = c.kernel_id;
	}
	for (uint32_t i = 0; i < p->nkernels; i++) {
		struct tuff_kernel_wait w = { .kernel_id = o->kernels[i], .timeout_ns = INT64_MAX,
					      .error = (uintptr_t)why, .error_size = sizeof(why) };
		int ret = tuff_local_ioctl(d->file, TUFF_IOCTL_KERNEL_WAIT, &w);

		if (ret)
			return session_error(err, ret, "%s: kernel '%s' on %s: %s", s->path, tuff_str(p, p->kernels[i].name),
					     d->info.name, *why ? why : strerror(-ret));
	}
	return 0;
}

/* what weight i takes on the device */
static uint64_t packed_size(const struct tuff_session *s, uint32_t i, uint32_t storage)
{
	const struct tuff_weight *w = &s->p->weights[i];
	uint64_t n = tuff_dtype_size(storage);

	if (w->pack != TUFF_PACK_NONE)
		return w->packed_size;
	for (uint32_t k = 0; k < w->rank; k++)
		n *= w->dim[k];
	return n;
}

/* bytes to the weights' buffer, through a copy where it cannot be mapped */
static int upload(struct device *d, struct device_bo *dst, struct device_bo *stage, uint64_t to, const uint8_t *bytes, uint64_t size)
{
	while (size) {
		uint64_t n = size < CHUNK ? size : CHUNK, n4 = (n + 3) & ~3ull;
		struct tuff_cmd_copy c = { .opcode = TUFF_CMD_COPY, .size_dw = sizeof(c) / 4, .src_slot = 1, .dst_slot = 0,
					   .dst_offset = to, .size = n4 };
		struct tuff_cmdbuf_slot use[2] = { { 0, TUFF_SLOT_WRITE, to + n4 }, { 1, TUFF_SLOT_READ, n4 } };
		struct tuff_cmdbuf_create cb = { .stream = (uintptr_t)&c, .stream_size = sizeof(c), .slots = { sizeof(use[0]), 2, (uintptr_t)use } };
		struct tuff_job_slot slots[2] = { { 0, dst->handle, TUFF_SLOT_WRITE, 0, 0, dst->size },
						  { 1, stage->handle, TUFF_SLOT_READ, 0, 0, stage->size } };
		struct tuff_sync_op sig = { TUFF_SYNC_TIMELINE | TUFF_SYNC_SIGNAL, d->timeline, d->point + 1 };
		struct tuff_job job = { .slots = { sizeof(slots[0]), 2, (uintptr_t)slots }, .syncs = { sizeof(sig), 1, (uintptr_t)&sig } };
		struct tuff_submit sub = { .ctx_id = d->ctx, .jobs = { sizeof(job), 1, (uintptr_t)&job } };
		struct tuff_bo_sync sync = { .handle = stage->handle, .flags = TUFF_BO_WRITE | TUFF_BO_SYNC_END, .size = stage->size };
		struct tuff_cmdbuf_destroy del = { 0 };
		struct tuff_syncobj_wait w = { .handles = (uintptr_t)&d->timeline, .points = (uintptr_t)&d->point,
					       .timeout_ns = INT64_MAX, .count = 1, .flags = TUFF_WAIT_ALL };
		int ret;

		memcpy(stage->map, bytes, n);
		ret = stage->staged ? tuff_local_ioctl(d->file, TUFF_IOCTL_BO_SYNC, &sync) : 0;
		ret = ret ? ret : tuff_local_ioctl(d->file, TUFF_IOCTL_CMDBUF_CREATE, &cb);
		if (ret)
			return ret;
		job.cmdbufs = (struct tuff_array){ 4, 1, (uintptr_t)&cb.cmdbuf_id };
		ret = tuff_local_ioctl(d->file, TUFF_IOCTL_SUBMIT, &sub);
		if (!ret) {
			d->point++;
			ret = tuff_local_ioctl(d->file, TUFF_IOCTL_SYNCOBJ_WAIT, &w);
			ret = ret ? ret : w.error;
		}
		del.cmdbuf_id = cb.cmdbuf_id;
		tuff_local_ioctl(d->file, TUFF_IOCTL_CMDBUF_DESTROY, &del);
		if (ret)
			return ret;
		to += n;
		bytes += n;
		size -= n;
	}
	return 0;
}

static int one_weight(struct tuff_session *s, struct device_bo *stage, uint32_t i, uint32_t storage, uint64_t size)
{
	struct device_program *o = s->on_dev;
	uint64_t at = o->weight_offset[i];
	uint8_t *tmp = o->weights.map ? o->weights.map + at : malloc(size + 64);
	int ret;

	if (!tmp)
		return -ENOMEM;
	ret = s->p->weights[i].pack == TUFF_PACK_NONE ? tuff_weight_read(&s->src, i, storage, tmp)
						       : tuff_weight_pack(&s->src, i, tmp);
	if (!o->weights.map) {
		ret = ret ? ret : upload(s->dev, &o->weights, stage, at, tmp, size);
		free(tmp);
	}
	return ret;
}

static int weights(struct tuff_session *s, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	struct device *d = s->dev;
	struct device_program *o = s->on_dev;
	uint32_t *storage = calloc(p->nweights + 1, sizeof(*storage));
	struct device_bo stage = { 0 };
	uint64_t total = 0;
	bool map = d->info.features & TUFF_FEATURE_UNIFIED;
	int ret;

	o->weight_offset = malloc((p->nweights + 1) * sizeof(*o->weight_offset));
	if (!o->weight_offset || !storage) {
		free(storage);
		return session_error(err, -ENOMEM, "out of memory");
	}
	memset(o->weight_offset, 0xff, (p->nweights + 1) * sizeof(*o->weight_offset));
	for (uint32_t i = 0; i < p->nsteps; i++) {
		const struct tuff_step *st = &p->steps[i];

		if (st->kind != TUFF_STEP_DISPATCH)
			continue;
		for (uint32_t k = 0; k < p->kernels[st->kernel].nbind; k++) {
			const struct tuff_tens *t = &p->tensors[p->args[st->bind + k]];
			const struct tuff_buf *b = &p->bufs[t->buffer];

			if (b->kind != TUFF_BUF_WEIGHT || o->weight_offset[b->index] != UINT64_MAX)
				continue;
			storage[b->index] = t->storage;
			o->weight_offset[b->index] = total;
			total += (packed_size(s, b->index, t->storage) + 16 + WEIGHT_ALIGN - 1) / WEIGHT_ALIGN * WEIGHT_ALIGN;
			if (total > MAX_WEIGHTS) {
				free(storage);
				return session_error(err, -E2BIG, "%s: its weights have more than %llu bytes", s->path, MAX_WEIGHTS);
			}
		}
	}
	ret = device_bo_create(d, total, TUFF_PLACE_DEVICE, map, &o->weights);
	if (ret && map)	/* unified, but this driver maps no device memory */
		ret = device_bo_create(d, total, TUFF_PLACE_DEVICE, false, &o->weights);
	if (!ret && !o->weights.map)
		ret = device_bo_create(d, CHUNK, TUFF_PLACE_SYSTEM, true, &stage);
	if (ret)
		session_error(err, ret, "%s: no device memory for weights of %llu bytes", s->path, (unsigned long long)total);
	for (uint32_t i = 0; i < p->nweights && !ret; i++) {
		if (o->weight_offset[i] == UINT64_MAX)
			continue;
		ret = one_weight(s, &stage, i, storage[i], packed_size(s, i, storage[i]));
		if (ret)
			session_error(err, ret, "%s: weight '%s': %s", s->path, tuff_str(p, p->weights[i].name), strerror(-ret));
	}
	s->weight_bytes += total;
	device_bo_destroy(d, &stage);
	free(storage);
	return ret;
}

int device_load(struct tuff_session *s, struct tuff_error *err)
{
	int ret;

	s->on_dev = calloc(1, sizeof(*s->on_dev));
	if (!s->on_dev)
		return session_error(err, -ENOMEM, "out of memory");
	ret = kernels(s, err);
	return ret ? ret : weights(s, err);
}

void device_unload(struct tuff_session *s)
{
	struct device_program *o = s->on_dev;

	if (!o)
		return;
	for (uint32_t i = 0; o->kernels && i < s->p->nkernels; i++) {
		struct tuff_kernel_destroy k = { .kernel_id = o->kernels[i] };

		if (k.kernel_id)
			tuff_local_ioctl(s->dev->file, TUFF_IOCTL_KERNEL_DESTROY, &k);
	}
	device_bo_destroy(s->dev, &o->weights);
	free(o->kernels);
	free(o->weight_offset);
	free(o);
	s->on_dev = NULL;
}
