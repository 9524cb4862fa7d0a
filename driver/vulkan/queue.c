// SPDX-License-Identifier: MIT
/* The queue: a ring of fences made at open, one per submission in flight. */
#include <errno.h>

#include "driver/vulkan/vk.h"

#define MAX_RECS 64	/* recordings in one vkQueueSubmit */

int vkb_queue_init(struct tuff_be_device *dev)
{
	VkFenceCreateInfo fi = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };

	for (int i = 0; i < VKB_FENCES; i++) {
		int ret = vkb_errno(vkCreateFence(dev->dev, &fi, NULL, &dev->ring[i].fence));

		if (ret)
			return ret;
	}
	return 0;
}

void vkb_queue_fini(struct tuff_be_device *dev)
{
	for (int i = 0; i < VKB_FENCES; i++)
		vkDestroyFence(dev->dev, dev->ring[i].fence, NULL);
}

/*
 * Takes completed submissions off the ring, oldest first. A fence someone waits
 * on stays, as resetting it under the waiter is undefined.
 */
static int retire_locked(struct tuff_be_device *dev)
{
	while (dev->head < dev->tail) {
		struct vkb_flight *f = &dev->ring[dev->head % VKB_FENCES];
		VkResult r = vkGetFenceStatus(dev->dev, f->fence);

		if (r == VK_NOT_READY)
			break;
		if (r) {
			dev->lost = true;
			return -EIO;
		}
		dev->done = f->seqno;
		if (f->waiters)
			break;
		if (vkResetFences(dev->dev, 1, &f->fence))
			return -ENOMEM;
		dev->head++;
	}
	return 0;
}

int vkb_submit(struct tuff_be_device *dev, struct tuff_be_rec *const *recs, uint32_t n,
	       uint64_t seqno)
{
	VkCommandBuffer cbs[MAX_RECS];
	VkSubmitInfo si = {
		.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = n,
		.pCommandBuffers = cbs };
	struct vkb_flight *f;
	int ret = 0;

	if (n > MAX_RECS)
		return -EINVAL;
	if (dev->info.features & TUFF_BE_F_COMPILE_ONLY)
		return -EOPNOTSUPP;
	for (uint32_t i = 0; i < n; i++)
		cbs[i] = recs[i]->cb;
	pthread_mutex_lock(&dev->qlock);
	if (dev->lost || dev->poisoned)
		ret = -EIO;
	if (!ret && dev->tail - dev->head == VKB_FENCES)
		ret = retire_locked(dev);
	if (!ret && dev->tail - dev->head == VKB_FENCES)
		ret = -EBUSY;
	if (ret)
		goto out;
	f = &dev->ring[dev->tail % VKB_FENCES];
	ret = vkb_errno(vkQueueSubmit(dev->queue, n ? 1 : 0, &si, f->fence));
	if (ret) {
		dev->lost = dev->lost || ret == -EIO;
		goto out;
	}
	f->seqno = seqno;
	dev->tail++;
	vkb_count(dev, submits);
	__atomic_add_fetch(&dev->cnt.recs_submitted, n, __ATOMIC_RELAXED);
out:
	pthread_mutex_unlock(&dev->qlock);
	return ret;
}

int vkb_wait(struct tuff_be_device *dev, uint64_t seqno, int64_t timeout_ns, uint64_t *done)
{
	struct vkb_flight *f = NULL;
	VkResult r = VK_SUCCESS;
	int ret;

	pthread_mutex_lock(&dev->qlock);
	if (dev->done < seqno && !dev->lost && !dev->poisoned && timeout_ns > 0) {
		for (uint64_t i = dev->head; i < dev->tail && !f; i++)
			if (dev->ring[i % VKB_FENCES].seqno >= seqno)
				f = &dev->ring[i % VKB_FENCES];
		if (f) {
			f->waiters++;
			pthread_mutex_unlock(&dev->qlock);
			r = vkWaitForFences(dev->dev, 1, &f->fence, VK_TRUE,
					    (uint64_t)timeout_ns);
			pthread_mutex_lock(&dev->qlock);
			f->waiters--;
		}
	}
	if (r < 0 || dev->poisoned)
		dev->lost = true;
	ret = dev->lost ? -EIO : retire_locked(dev);
	*done = dev->done;
	if (!ret && dev->done < seqno)
		ret = -ETIME;
	pthread_mutex_unlock(&dev->qlock);
	return ret;
}
