// SPDX-License-Identifier: MIT
/* Kernels: compute pipelines, made on worker threads. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "driver/vulkan/vk.h"

int vkb_layout_get(struct tuff_be_device *dev, uint32_t mask, bool uniform,
		   struct vkb_layout *out)
{
	VkDescriptorSetLayoutBinding b[TUFF_BE_MAX_BIND];
	VkDescriptorSetLayoutCreateInfo si = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .pBindings = b };
	VkPipelineLayoutCreateInfo pi = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, .setLayoutCount = 1 };
	struct vkb_layout *l = &dev->layouts[(mask & 15) | (uniform ? 16 : 0)];
	uint32_t n = 0;
	int ret = 0;

	memset(b, 0, sizeof(b));
	for (uint32_t i = 0; i < TUFF_BE_MAX_BIND; i++) {
		if (i ? !(mask & (1u << (i - 1))) : !uniform)
			continue;
		b[n].binding = i;
		b[n].descriptorType = i ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER :
					  VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER;
		b[n].descriptorCount = 1;
		b[n++].stageFlags = VK_SHADER_STAGE_COMPUTE_BIT;
	}
	si.bindingCount = n;
	pthread_mutex_lock(&dev->layout_lock);
	if (!l->set)
		ret = vkb_errno(vkCreateDescriptorSetLayout(dev->dev, &si, NULL, &l->set));
	if (!ret && !l->pipe) {
		pi.pSetLayouts = &l->set;
		ret = vkb_errno(vkCreatePipelineLayout(dev->dev, &pi, NULL, &l->pipe));
	}
	*out = *l;
	pthread_mutex_unlock(&dev->layout_lock);
	return ret;
}

/*
 * lavapipe compiles at the first dispatch of a pipeline: dispatch nothing now,
 * so that the first run does not pay.
 */
static int warm_up(struct tuff_be_device *dev, struct tuff_be_kernel *k)
{
	VkCommandPoolCreateInfo ci = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
		.queueFamilyIndex = dev->family };
	VkFenceCreateInfo fi = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
	VkCommandBufferAllocateInfo ai = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY, .commandBufferCount = 1 };
	VkCommandBufferBeginInfo bi = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
	VkDescriptorPoolSize sizes[2] = {
		{ VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1 },
		{ VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, TUFF_BE_MAX_STORAGE } };
	VkDescriptorPoolCreateInfo di = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.maxSets = 1, .poolSizeCount = 2, .pPoolSizes = sizes };
	VkDescriptorSetAllocateInfo dai = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorSetCount = 1, .pSetLayouts = &k->layout.set };
	VkDescriptorBufferInfo buf = { dev->dummy->buf, 0, dev->dummy->size };
	VkSubmitInfo si = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1 };
	VkCommandPool pool = VK_NULL_HANDLE;
	VkDescriptorPool dp = VK_NULL_HANDLE;
	VkFence fence = VK_NULL_HANDLE;
	VkDescriptorSet set;
	VkCommandBuffer cb;
	VkResult r;

	if ((r = vkCreateCommandPool(dev->dev, &ci, NULL, &pool)) ||
	    (r = vkCreateFence(dev->dev, &fi, NULL, &fence)) ||
	    (r = vkCreateDescriptorPool(dev->dev, &di, NULL, &dp)))
		goto out;
	ai.commandPool = pool;
	dai.descriptorPool = dp;
	if ((r = vkAllocateCommandBuffers(dev->dev, &ai, &cb)) ||
	    (r = vkAllocateDescriptorSets(dev->dev, &dai, &set)) ||
	    (r = vkBeginCommandBuffer(cb, &bi)))
		goto out;
	for (uint32_t i = 0; i < TUFF_BE_MAX_BIND; i++) {
		VkWriteDescriptorSet w = {
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET, .dstSet = set,
			.dstBinding = i, .descriptorCount = 1, .pBufferInfo = &buf,
			.descriptorType = i ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER :
					      VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER };

		if (i ? k->desc.storage_mask & (1u << (i - 1)) : k->desc.uniform)
			vkUpdateDescriptorSets(dev->dev, 1, &w, 0, NULL);
	}
	vkCmdBindPipeline(cb, VK_PIPELINE_BIND_POINT_COMPUTE, k->pipe);
	vkCmdBindDescriptorSets(cb, VK_PIPELINE_BIND_POINT_COMPUTE, k->layout.pipe, 0, 1,
				&set, 0, NULL);
	vkCmdDispatch(cb, 0, 0, 0);
	r = vkEndCommandBuffer(cb);
	if (r)
		goto out;
	si.pCommandBuffers = &cb;
	pthread_mutex_lock(&dev->qlock);
	r = vkQueueSubmit(dev->queue, 1, &si, fence);
	pthread_mutex_unlock(&dev->qlock);
	if (!r)
		r = vkWaitForFences(dev->dev, 1, &fence, VK_TRUE, UINT64_MAX);
out:
	vkDestroyDescriptorPool(dev->dev, dp, NULL);
	vkDestroyFence(dev->dev, fence, NULL);
	vkDestroyCommandPool(dev->dev, pool, NULL);
	return vkb_errno(r);
}

static int build(struct tuff_be_device *dev, struct tuff_be_kernel *k)
{
	VkSpecializationMapEntry map[TUFF_BE_MAX_SPEC];
	VkSpecializationInfo spec = {
		.mapEntryCount = k->desc.nspec, .pMapEntries = map,
		.dataSize = 4u * k->desc.nspec, .pData = k->desc.spec_value };
	VkShaderModuleCreateInfo mi = {
		.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
		.codeSize = k->desc.size_B, .pCode = k->code };
	VkComputePipelineCreateInfo ci = {
		.sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.stage = { .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
			   .stage = VK_SHADER_STAGE_COMPUTE_BIT, .pName = k->entry } };
	VkPipelineCreationFeedbackEXT fb[2] = { { 0 } };
	VkPipelineCreationFeedbackCreateInfoEXT fi = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_CREATION_FEEDBACK_CREATE_INFO_EXT,
		.pPipelineCreationFeedback = &fb[0], .pipelineStageCreationFeedbackCount = 1,
		.pPipelineStageCreationFeedbacks = &fb[1] };
	VkShaderModule mod;
	VkResult r;
	int ret;

	ret = vkb_layout_get(dev, k->desc.storage_mask, k->desc.uniform, &k->layout);
	if (ret)
		return ret;
	r = vkCreateShaderModule(dev->dev, &mi, NULL, &mod);
	if (r)
		return vkb_errno(r);
	for (uint32_t i = 0; i < k->desc.nspec; i++)
		map[i] = (VkSpecializationMapEntry){ k->desc.spec_id[i], 4 * i, 4 };
	ci.layout = k->layout.pipe;
	ci.stage.module = mod;
	if (k->desc.nspec)
		ci.stage.pSpecializationInfo = &spec;
	if (dev->has_feedback)
		ci.pNext = &fi;
	r = vkCreateComputePipelines(dev->dev, dev->cache, 1, &ci, NULL, &k->pipe);
	vkDestroyShaderModule(dev->dev, mod, NULL);
	if (r) {
		k->pipe = VK_NULL_HANDLE;
		return vkb_errno(r);
	}
	vkb_count(dev, pipelines);
	if ((fb[0].flags & VK_PIPELINE_CREATION_FEEDBACK_VALID_BIT_EXT) &&
	    (fb[0].flags & VK_PIPELINE_CREATION_FEEDBACK_APPLICATION_PIPELINE_CACHE_HIT_BIT_EXT))
		vkb_count(dev, cache_hits);
	return dev->warm ? warm_up(dev, k) : 0;
}

static void *worker(void *arg)
{
	struct tuff_be_device *dev = arg;
	struct tuff_be_kernel *k;
	int ret;

	pthread_mutex_lock(&dev->wlock);
	for (;;) {
		while (!dev->wfirst && !dev->wstop)
			pthread_cond_wait(&dev->wcond, &dev->wlock);
		k = dev->wfirst;
		if (!k)
			break;
		dev->wfirst = k->next;
		if (!dev->wfirst)
			dev->wlast = &dev->wfirst;
		pthread_mutex_unlock(&dev->wlock);
		ret = build(dev, k);
		pthread_mutex_lock(&dev->wlock);
		k->state = ret ? ret : 1;
		pthread_cond_broadcast(&dev->kcond);
	}
	pthread_mutex_unlock(&dev->wlock);
	return NULL;
}

int vkb_kernel_create(struct tuff_be_device *dev, const struct tuff_be_kernel_desc *desc,
		      struct tuff_be_kernel **out)
{
	struct tuff_be_kernel *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	k->dev = dev;
	k->desc = *desc;
	k->code = malloc(desc->size_B);
	k->entry = strdup(desc->entry);
	if (!k->code || !k->entry)
		goto err_kernel;
	memcpy(k->code, desc->code, desc->size_B);
	pthread_mutex_lock(&dev->wlock);
	while (dev->nworkers < VKB_WORKERS &&
	       !pthread_create(&dev->worker[dev->nworkers], NULL, worker, dev))
		dev->nworkers++;
	if (!dev->nworkers) {
		pthread_mutex_unlock(&dev->wlock);
		goto err_kernel;
	}
	*dev->wlast = k;
	dev->wlast = &k->next;
	pthread_cond_signal(&dev->wcond);
	pthread_mutex_unlock(&dev->wlock);
	*out = k;
	return 0;

err_kernel:
	free(k->code);
	free(k->entry);
	free(k);
	return -ENOMEM;
}

int vkb_kernel_wait(struct tuff_be_kernel *k, int64_t timeout_ns)
{
	struct tuff_be_device *dev = k->dev;
	struct timespec ts;
	int ret = 0;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (timeout_ns < 0)
		timeout_ns = 0;
	ts.tv_sec += timeout_ns / 1000000000;
	ts.tv_nsec += timeout_ns % 1000000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&dev->wlock);
	while (!k->state && ret != ETIMEDOUT)
		ret = pthread_cond_timedwait(&dev->kcond, &dev->wlock, &ts);
	ret = !k->state ? -ETIME : k->state < 0 ? k->state : 0;
	if (timeout_ns && ret == -ETIME && !k->left) {
		/* its worker is in the driver's compiler: both stay with the device */
		k->left = true;
		k->next_left = dev->hung;
		dev->hung = k;
	}
	pthread_mutex_unlock(&dev->wlock);
	return ret;
}

void vkb_kernel_destroy(struct tuff_be_device *dev, struct tuff_be_kernel *k)
{
	if (!k || dev->poisoned)
		return;
	pthread_mutex_lock(&dev->wlock);
	while (!k->state)
		pthread_cond_wait(&dev->kcond, &dev->wlock);
	pthread_mutex_unlock(&dev->wlock);
	if (k->pipe)
		vkDestroyPipeline(dev->dev, k->pipe, NULL);
	free(k->code);
	free(k->entry);
	free(k);
}

void vkb_workers_stop(struct tuff_be_device *dev)
{
	pthread_mutex_lock(&dev->wlock);
	dev->wstop = true;
	pthread_cond_broadcast(&dev->wcond);
	pthread_mutex_unlock(&dev->wlock);
	for (uint32_t i = 0; i < dev->nworkers; i++)
		pthread_join(dev->worker[i], NULL);
	dev->nworkers = 0;
}
