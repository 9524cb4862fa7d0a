// SPDX-License-Identifier: MIT
/* Device memory: one VkBuffer over one VkDeviceMemory per object. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver/vulkan/vk.h"

#define BUF_USAGE (VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT | \
		   VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT | \
		   VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT)
#define VIS	VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT
#define COH	VK_MEMORY_PROPERTY_HOST_COHERENT_BIT
#define CACHED	VK_MEMORY_PROPERTY_HOST_CACHED_BIT
#define LOCAL	VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT

/* Memory that may only be allocated with features that we do not ask for. */
#define SPECIAL	(VK_MEMORY_PROPERTY_PROTECTED_BIT | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT | \
		 VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD | \
		 VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD)

static int find_type(const VkPhysicalDeviceMemoryProperties *p, uint32_t bits,
		     VkMemoryPropertyFlags want, VkMemoryPropertyFlags not)
{
	for (uint32_t i = 0; i < p->memoryTypeCount; i++)
		if ((bits & (1u << i)) && (p->memoryTypes[i].propertyFlags & want) == want &&
		    !(p->memoryTypes[i].propertyFlags & (not | SPECIAL)))
			return (int)i;
	return -1;
}

/* The best of an ordered list of wishes; the last is what is really needed. */
int vkb_choose_type(const VkPhysicalDeviceMemoryProperties *p, uint32_t bits,
		    const struct tuff_be_mem_desc *desc)
{
	static const struct wish {
		VkMemoryPropertyFlags want, not;
	} sys[] = { { VIS | COH | CACHED, LOCAL }, { VIS | COH | CACHED, 0 },
		    { VIS | COH, LOCAL }, { VIS | COH, 0 } },
	/* what can be mapped may be a small window of the device's memory */
	  local[] = { { LOCAL, VIS }, { LOCAL, 0 }, { 0, 0 } },
	  local_map[] = { { LOCAL | VIS | COH | CACHED, 0 }, { LOCAL | VIS | COH, 0 },
			  { VIS | COH | CACHED, 0 }, { VIS | COH, 0 } };
	const struct wish *w = sys;
	int n = 4, t = -1;

	if (desc->placement == TUFF_BE_DEVICE) {
		w = desc->flags & TUFF_BE_MEM_MAP ? local_map : local;
		n = desc->flags & TUFF_BE_MEM_MAP ? 4 : 3;
	}
	for (int i = 0; i < n && t < 0; i++)
		t = find_type(p, bits, w[i].want, w[i].not);
	return t;
}

static int make_buffer(struct tuff_be_device *dev, struct tuff_be_mem *m, uint64_t size,
		       const void *next, VkMemoryRequirements *req)
{
	VkBufferCreateInfo bi = {
		.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, .pNext = next,
		.size = size, .usage = BUF_USAGE };
	VkResult r = vkCreateBuffer(dev->dev, &bi, NULL, &m->buf);

	if (r) {
		m->buf = VK_NULL_HANDLE;
		return vkb_errno(r);
	}
	vkGetBufferMemoryRequirements(dev->dev, m->buf, req);
	return 0;
}

static int bind_memory(struct tuff_be_device *dev, struct tuff_be_mem *m, uint64_t size,
		       uint32_t type, const void *next)
{
	VkMemoryAllocateInfo ai = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, .pNext = next,
		.allocationSize = size, .memoryTypeIndex = type };
	VkResult r;

	r = vkAllocateMemory(dev->dev, &ai, NULL, &m->mem);
	if (r) {
		m->mem = VK_NULL_HANDLE;
		return vkb_errno(r);
	}
	vkb_count(dev, allocs);
	__atomic_add_fetch(&dev->cnt.mem_B, m->size, __ATOMIC_RELAXED);
	return vkb_errno(vkBindBufferMemory(dev->dev, m->buf, m->mem, 0));
}

int vkb_mem_alloc(struct tuff_be_device *dev, const struct tuff_be_mem_desc *desc,
		  struct tuff_be_mem **out)
{
	struct tuff_be_mem *m;
	VkMemoryRequirements req;
	int type, ret;

	if (!desc->size || desc->size > dev->info.limits.max_alloc_B)
		return -ENOSPC;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->dev = dev;
	m->size = desc->size;
	ret = make_buffer(dev, m, desc->size, NULL, &req);
	if (ret)
		goto err_mem;
	type = vkb_choose_type(&dev->memprops, req.memoryTypeBits, desc);
	ret = type < 0 ? -ENOSPC : bind_memory(dev, m, req.size, (uint32_t)type, NULL);
	if (ret)
		goto err_mem;
	if (dev->memprops.memoryTypes[type].propertyFlags & VIS &&
	    dev->memprops.memoryTypes[type].propertyFlags & COH) {
		ret = vkb_errno(vkMapMemory(dev->dev, m->mem, 0, VK_WHOLE_SIZE, 0, &m->map));
		if (ret)
			goto err_mem;
	}
	*out = m;
	return 0;

err_mem:
	vkb_mem_free(dev, m);
	return ret;
}

static int import_hostptr(struct tuff_be_device *dev, struct tuff_be_mem *m)
{
	VkExternalMemoryBufferCreateInfo eb = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
		.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT };
	VkMemoryHostPointerPropertiesEXT props = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT };
	VkImportMemoryHostPointerInfoEXT imp = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT,
		.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT,
		.pHostPointer = m->host };
	uint64_t align = dev->info.limits.import_align;
	VkMemoryRequirements req;
	int ret, type;

	/* Software drivers take anything; real ones fault. */
	if (!dev->has_hostptr || !align || m->size % align || (uintptr_t)m->host % align)
		return -EOPNOTSUPP;
	ret = make_buffer(dev, m, m->size, &eb, &req);
	if (ret)
		return ret;
	ret = vkb_errno(dev->get_hostptr(dev->dev, imp.handleType, m->host, &props));
	if (ret)
		return ret;
	type = find_type(&dev->memprops, req.memoryTypeBits & props.memoryTypeBits, VIS | COH, 0);
	if (type < 0 || req.size > m->size)
		return -EOPNOTSUPP;
	return bind_memory(dev, m, m->size, (uint32_t)type, &imp);
}

static int import_dmabuf(struct tuff_be_device *dev, struct tuff_be_mem *m, int memfd)
{
	VkExternalMemoryBufferCreateInfo eb = {
		.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO,
		.handleTypes = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT };
	VkMemoryFdPropertiesKHR props = {
		.sType = VK_STRUCTURE_TYPE_MEMORY_FD_PROPERTIES_KHR };
	VkImportMemoryFdInfoKHR imp = {
		.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR,
		.handleType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT };
	VkMemoryRequirements req;
	int ret, type, fd;

	if (!dev->has_dmabuf)
		return -EOPNOTSUPP;
	fd = vkb_udmabuf(memfd, m->size);
	if (fd < 0)
		return fd;
	ret = make_buffer(dev, m, m->size, &eb, &req);
	if (!ret)
		ret = vkb_errno(dev->get_fd(dev->dev, imp.handleType, fd, &props));
	if (ret)
		goto err_fd;
	type = find_type(&dev->memprops, req.memoryTypeBits & props.memoryTypeBits, 0, 0);
	if (type < 0 || req.size > m->size) {
		ret = -EOPNOTSUPP;
		goto err_fd;
	}
	imp.fd = fd;
	ret = bind_memory(dev, m, m->size, (uint32_t)type, &imp);
	if (!m->mem)
		goto err_fd;
	return ret;	/* the fd is the driver's now */

err_fd:
	close(fd);
	return ret;
}

/* The client's pages, at an address that can be imported; MAP_FAILED with errno. */
static void *map_aligned(int fd, uint64_t size, uint64_t align)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), room = size + align - page, before;
	char *area, *at;
	void *p;

	if (align <= page)
		return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	area = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		return area;
	at = (char *)(((uintptr_t)area + align - 1) & ~(uintptr_t)(align - 1));
	before = (uint64_t)(at - area);
	p = mmap(at, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	if (p == MAP_FAILED) {
		munmap(area, room);
		return p;
	}
	if (before)
		munmap(area, before);
	if (room - before > size)
		munmap(at + size, room - before - size);
	return p;
}

int vkb_mem_import(struct tuff_be_device *dev, int fd, uint64_t size, uint32_t reach,
		   struct tuff_be_mem **out)
{
	struct tuff_be_mem_desc desc = {
		.size = size, .placement = TUFF_BE_SYSTEM, .flags = TUFF_BE_MEM_MAP };
	struct tuff_be_mem *m;
	void *host;
	int ret;

	if (!size || size > SIZE_MAX / 2 || size % (uint64_t)sysconf(_SC_PAGESIZE))
		return -EINVAL;
	host = map_aligned(fd, size, reach == TUFF_BE_REACH_HOSTPTR ? dev->info.limits.import_align : 0);
	if (host == MAP_FAILED)
		return -errno;
	if (reach == TUFF_BE_REACH_STAGING) {
		ret = vkb_mem_alloc(dev, &desc, &m);
		if (ret) {
			munmap(host, size);
			return ret;
		}
		m->host = host;
		m->staged = true;
		vkb_count(dev, imports);
		*out = m;
		return 0;
	}
	m = calloc(1, sizeof(*m));
	if (!m) {
		munmap(host, size);
		return -ENOMEM;
	}
	m->dev = dev;
	m->size = size;
	m->host = host;
	m->imported = true;
	if (reach == TUFF_BE_REACH_HOSTPTR)
		ret = import_hostptr(dev, m);
	else if (reach == TUFF_BE_REACH_DMABUF)
		ret = import_dmabuf(dev, m, fd);
	else
		ret = -EINVAL;
	if (ret) {
		vkb_mem_free(dev, m);
		return ret;
	}
	vkb_count(dev, imports);
	*out = m;
	return 0;
}

void vkb_mem_free(struct tuff_be_device *dev, struct tuff_be_mem *m)
{
	if (!m || dev->poisoned)	/* the device may still write to it */
		return;
	if (m->buf)
		vkDestroyBuffer(dev->dev, m->buf, NULL);
	if (m->mem) {
		vkFreeMemory(dev->dev, m->mem, NULL);
		vkb_count(dev, frees);
		__atomic_sub_fetch(&dev->cnt.mem_B, m->size, __ATOMIC_RELAXED);
	}
	if (m->host)
		munmap(m->host, m->size);
	free(m);
}

void *vkb_mem_map(struct tuff_be_mem *m)
{
	return m->host ? m->host : m->map;
}

int vkb_mem_sync(struct tuff_be_mem *m, uint64_t offset, uint64_t size, bool to_device)
{
	if (offset > m->size || size > m->size - offset)
		return -EINVAL;
	if (!m->staged)
		return 0;
	if (to_device)
		memcpy((char *)m->map + offset, (char *)m->host + offset, size);
	else
		memcpy((char *)m->host + offset, (char *)m->map + offset, size);
	return 0;
}

bool vkb_mem_staged(struct tuff_be_mem *m)
{
	return m->staged;
}
