// SPDX-License-Identifier: MIT
/* Validated commands into a VkCommandBuffer that is replayed. */
#include <errno.h>
#include <stdlib.h>

#include "driver/vulkan/vk.h"

#define COMPUTE	VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT
#define XFER	VK_PIPELINE_STAGE_TRANSFER_BIT
#define INDIRECT VK_PIPELINE_STAGE_DRAW_INDIRECT_BIT

static void barrier(VkCommandBuffer cb, VkPipelineStageFlags dst, VkAccessFlags access)
{
	VkMemoryBarrier b = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
		.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
		.dstAccessMask = access };

	vkCmdPipelineBarrier(cb, COMPUTE | XFER, dst, 0, 1, &b, 0, NULL, 0, NULL);
}

static void barrier_all(VkCommandBuffer cb)
{
	barrier(cb, COMPUTE | XFER | INDIRECT, VK_ACCESS_INDIRECT_COMMAND_READ_BIT |
		VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT |
		VK_ACCESS_UNIFORM_READ_BIT | VK_ACCESS_TRANSFER_READ_BIT |
		VK_ACCESS_TRANSFER_WRITE_BIT);
}

static int make_pools(struct tuff_be_device *dev, const struct tuff_be_cmd *cmds,
		      uint32_t ncmds, struct tuff_be_rec *rec)
{
	VkDescriptorPoolSize sizes[2] = {
		{ VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1 },
		{ VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1 } };
	VkDescriptorPoolCreateInfo di = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
		.poolSizeCount = 2, .pPoolSizes = sizes };
	VkQueryPoolCreateInfo qi = {
		.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
		.queryType = VK_QUERY_TYPE_TIMESTAMP };
	int ret;

	for (uint32_t i = 0; i < ncmds; i++) {
		if (cmds[i].op == TUFF_BE_DISPATCH || cmds[i].op == TUFF_BE_DISPATCH_INDIRECT) {
			di.maxSets++;
			sizes[0].descriptorCount++;
			sizes[1].descriptorCount += TUFF_BE_MAX_STORAGE;
		} else if (cmds[i].op == TUFF_BE_TIMESTAMP && cmds[i].index >= rec->nqueries) {
			rec->nqueries = cmds[i].index + 1;
		}
	}
	if (di.maxSets) {
		ret = vkb_errno(vkCreateDescriptorPool(dev->dev, &di, NULL, &rec->descs));
		if (ret)
			return ret;
	}
	if (!dev->info.limits.timestamp_bits)
		rec->nqueries = 0;
	qi.queryCount = rec->nqueries;
	if (rec->nqueries)
		return vkb_errno(vkCreateQueryPool(dev->dev, &qi, NULL, &rec->queries));
	return 0;
}

static int dispatch(struct tuff_be_device *dev, struct tuff_be_rec *rec,
		    const struct tuff_be_cmd *c, const struct tuff_be_slot *slots)
{
	VkDescriptorBufferInfo info[TUFF_BE_MAX_BIND];
	VkWriteDescriptorSet w[TUFF_BE_MAX_BIND];
	VkDescriptorSetAllocateInfo ai = {
		.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
		.descriptorPool = rec->descs, .descriptorSetCount = 1,
		.pSetLayouts = &c->kernel->layout.set };
	VkDescriptorSet set;
	uint32_t n = 0;
	int ret;

	ret = vkb_kernel_wait(c->kernel, INT64_MAX / 4);
	if (!ret)
		ret = vkb_errno(vkAllocateDescriptorSets(dev->dev, &ai, &set));
	if (ret)
		return ret;
	for (uint32_t i = 0; i < TUFF_BE_MAX_BIND; i++) {
		const struct tuff_be_bind *b = &c->bind[i];
		const struct tuff_be_slot *s;

		if (i ? !(c->kernel->desc.storage_mask & (1u << (i - 1))) :
			!c->kernel->desc.uniform)
			continue;
		s = &slots[b->slot];
		info[n] = (VkDescriptorBufferInfo){ s->mem->buf, s->offset + b->offset, b->range };
		w[n] = (VkWriteDescriptorSet){
			.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET, .dstSet = set,
			.dstBinding = i, .descriptorCount = 1, .pBufferInfo = &info[n],
			.descriptorType = i ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER :
					      VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER };
		n++;
	}
	vkUpdateDescriptorSets(dev->dev, n, w, 0, NULL);
	vkCmdBindPipeline(rec->cb, VK_PIPELINE_BIND_POINT_COMPUTE, c->kernel->pipe);
	vkCmdBindDescriptorSets(rec->cb, VK_PIPELINE_BIND_POINT_COMPUTE, c->kernel->layout.pipe,
				0, 1, &set, 0, NULL);
	if (c->op == TUFF_BE_DISPATCH_INDIRECT)
		vkCmdDispatchIndirect(rec->cb, slots[c->src.slot].mem->buf,
				      slots[c->src.slot].offset + c->src.offset);
	else
		vkCmdDispatch(rec->cb, c->group[0], c->group[1], c->group[2]);
	return 0;
}

static int record_one(struct tuff_be_device *dev, struct tuff_be_rec *rec,
		      const struct tuff_be_cmd *c, const struct tuff_be_slot *slots)
{
	switch (c->op) {
	case TUFF_BE_DISPATCH:
	case TUFF_BE_DISPATCH_INDIRECT:
		return dispatch(dev, rec, c, slots);
	case TUFF_BE_COPY: {
		const struct tuff_be_slot *s = &slots[c->src.slot], *d = &slots[c->dst.slot];
		VkBufferCopy r = { s->offset + c->src.offset, d->offset + c->dst.offset,
				   c->dst.range };

		vkCmdCopyBuffer(rec->cb, s->mem->buf, d->mem->buf, 1, &r);
		return 0;
	}
	case TUFF_BE_FILL: {
		const struct tuff_be_slot *d = &slots[c->dst.slot];

		vkCmdFillBuffer(rec->cb, d->mem->buf, d->offset + c->dst.offset, c->dst.range,
				c->value);
		return 0;
	}
	case TUFF_BE_BARRIER:
		barrier_all(rec->cb);
		return 0;
	case TUFF_BE_TIMESTAMP:
		if (rec->queries)
			vkCmdWriteTimestamp(rec->cb, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT,
					    rec->queries, c->index);
		return 0;
	}
	return -EOPNOTSUPP;
}

int vkb_record(struct tuff_be_device *dev, const struct tuff_be_cmd *cmds, uint32_t ncmds,
	       const struct tuff_be_slot *slots, uint32_t nslots, struct tuff_be_rec **out)
{
	VkCommandBufferAllocateInfo ai = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
		.commandPool = dev->pool, .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
		.commandBufferCount = 1 };
	VkCommandBufferBeginInfo bi = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
	struct tuff_be_rec *rec = calloc(1, sizeof(*rec));
	int ret;

	(void)nslots;
	if (!rec)
		return -ENOMEM;
	ret = make_pools(dev, cmds, ncmds, rec);
	if (!ret)
		ret = vkb_errno(vkAllocateCommandBuffers(dev->dev, &ai, &rec->cb));
	if (!ret)
		ret = vkb_errno(vkBeginCommandBuffer(rec->cb, &bi));
	if (ret)
		goto err_rec;
	if (rec->queries)
		vkCmdResetQueryPool(rec->cb, rec->queries, 0, rec->nqueries);
	if (ncmds)
		barrier_all(rec->cb);	/* against the submission before */
	for (uint32_t i = 0; i < ncmds; i++) {
		ret = record_one(dev, rec, &cmds[i], slots);
		if (ret)
			goto err_rec;
	}
	if (ncmds)
		barrier(rec->cb, VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);
	ret = vkb_errno(vkEndCommandBuffer(rec->cb));
	if (ret)
		goto err_rec;
	vkb_count(dev, records);
	*out = rec;
	return 0;

err_rec:
	vkb_rec_destroy(dev, rec);
	return ret;
}

void vkb_rec_destroy(struct tuff_be_device *dev, struct tuff_be_rec *rec)
{
	if (!rec || dev->poisoned)
		return;
	if (rec->cb)
		vkFreeCommandBuffers(dev->dev, dev->pool, 1, &rec->cb);
	vkDestroyDescriptorPool(dev->dev, rec->descs, NULL);
	vkDestroyQueryPool(dev->dev, rec->queries, NULL);
	free(rec);
}

int vkb_timestamps(struct tuff_be_device *dev, struct tuff_be_rec *rec, uint64_t *ns,
		   uint32_t count)
{
	int ret;

	if (!rec->queries)
		return -EOPNOTSUPP;
	if (count > rec->nqueries)
		return -EINVAL;
	ret = vkb_errno(vkGetQueryPoolResults(dev->dev, rec->queries, 0, count, count * 8, ns, 8,
					      VK_QUERY_RESULT_64_BIT));
	for (uint32_t i = 0; !ret && i < count; i++)
		ns[i] = vkb_ticks_ns(dev, ns[i]);
	return ret;
}
