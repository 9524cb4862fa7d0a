// SPDX-License-Identifier: MIT
/* Physical devices: what each can do, and why one cannot be used. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <xf86drm.h>

#include "driver/vulkan/vk.h"

int vkb_physical(VkPhysicalDevice *out, uint32_t max)
{
	VkInstance inst = vkb_instance();
	uint32_t n = max;
	VkResult r;

	if (!inst)
		return -ENODEV;
	r = vkEnumeratePhysicalDevices(inst, &n, out);
	if (r < 0)
		return r == VK_ERROR_INITIALIZATION_FAILED ? -ENODEV : vkb_errno(r);
	return (int)n;
}

bool vkb_has_ext(VkPhysicalDevice phys, const char *name)
{
	VkExtensionProperties *ext;
	uint32_t n = 0;
	bool found = false;

	if (vkEnumerateDeviceExtensionProperties(phys, NULL, &n, NULL) || !n)
		return false;
	ext = calloc(n, sizeof(*ext));
	if (!ext)
		return false;
	if (vkEnumerateDeviceExtensionProperties(phys, NULL, &n, ext) >= 0)
		for (uint32_t i = 0; i < n && !found; i++)
			found = !strcmp(ext[i].extensionName, name);
	free(ext);
	return found;
}

/* A family with compute, the one without graphics first: less to share. */
int vkb_family(VkPhysicalDevice phys, uint32_t *family, uint32_t *ts_bits)
{
	VkQueueFamilyProperties q[16];
	uint32_t n = 16;
	int best = -1;

	vkGetPhysicalDeviceQueueFamilyProperties(phys, &n, q);
	for (uint32_t i = 0; i < n; i++) {
		if (!(q[i].queueFlags & VK_QUEUE_COMPUTE_BIT) || !q[i].queueCount)
			continue;
		if (best < 0 || ((q[best].queueFlags & VK_QUEUE_GRAPHICS_BIT) &&
				 !(q[i].queueFlags & VK_QUEUE_GRAPHICS_BIT)))
			best = (int)i;
	}
	if (best < 0)
		return -ENODEV;
	*family = (uint32_t)best;
	*ts_bits = q[best].timestampValidBits;
	return 0;
}

static void describe_drm(const VkPhysicalDeviceDrmPropertiesEXT *drm, struct tuff_be_info *info)
{
	drmDevicePtr devs[16];
	int n;

	if (drm->hasPrimary) {
		info->drm_primary[0] = (int32_t)drm->primaryMajor;
		info->drm_primary[1] = (int32_t)drm->primaryMinor;
	}
	if (!drm->hasRender)
		return;
	info->drm_render[0] = (int32_t)drm->renderMajor;
	info->drm_render[1] = (int32_t)drm->renderMinor;
	snprintf(info->drm_node, sizeof(info->drm_node), "/dev/dri/renderD%d",
		 (int)drm->renderMinor);
	n = drmGetDevices2(0, devs, 16);
	for (int i = 0; i < n; i++) {
		if (!(devs[i]->available_nodes & (1 << DRM_NODE_RENDER)) ||
		    strcmp(devs[i]->nodes[DRM_NODE_RENDER], info->drm_node) ||
		    devs[i]->bustype != DRM_BUS_PCI)
			continue;
		snprintf(info->pci, sizeof(info->pci), "%04x:%02x:%02x.%x",
			 devs[i]->businfo.pci->domain, devs[i]->businfo.pci->bus,
			 devs[i]->businfo.pci->dev, devs[i]->businfo.pci->func);
	}
	if (n > 0)
		drmFreeDevices(devs, n);
}

static void describe_memory(VkPhysicalDevice phys, struct tuff_be_info *info)
{
	VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT };
	VkPhysicalDeviceMemoryProperties2 m = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2 };
	bool has = vkb_has_ext(phys, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
	bool unified = true;

	if (has) {
		m.pNext = &budget;
		info->features |= TUFF_BE_F_MEMORY_BUDGET;
	}
	vkGetPhysicalDeviceMemoryProperties2(phys, &m);
	for (uint32_t i = 0; i < m.memoryProperties.memoryHeapCount; i++) {
		const VkMemoryHeap *h = &m.memoryProperties.memoryHeaps[i];
		struct tuff_be_region *r;

		if (info->nregions == TUFF_BE_MAX_REGIONS)
			break;
		r = &info->regions[info->nregions++];
		r->size_B = h->size;
		r->budget_B = has ? budget.heapBudget[i] : h->size;
		r->device_local = !!(h->flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT);
		for (uint32_t t = 0; t < m.memoryProperties.memoryTypeCount; t++)
			if (m.memoryProperties.memoryTypes[t].heapIndex == i &&
			    (m.memoryProperties.memoryTypes[t].propertyFlags &
			     VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT))
				r->host_visible = 1;
		if (r->device_local && !r->host_visible)
			unified = false;
	}
	if (unified)
		info->features |= TUFF_BE_F_UNIFIED;
}

static void describe_features(VkPhysicalDevice phys, struct tuff_be_info *info, bool *robust)
{
	VkPhysicalDevice16BitStorageFeatures s16 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES };
	VkPhysicalDevice8BitStorageFeatures s8 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES };
	VkPhysicalDeviceShaderFloat16Int8Features f16 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES };
	VkPhysicalDeviceFeatures2 f = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &s16 };

	if (vkb_has_ext(phys, VK_KHR_8BIT_STORAGE_EXTENSION_NAME)) {
		s8.pNext = f.pNext;
		f.pNext = &s8;
	}
	if (vkb_has_ext(phys, VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME)) {
		f16.pNext = f.pNext;
		f.pNext = &f16;
	}
	vkGetPhysicalDeviceFeatures2(phys, &f);
	*robust = f.features.robustBufferAccess;
	if (s16.storageBuffer16BitAccess)
		info->features |= TUFF_BE_F_STORAGE16;
	if (s8.storageBuffer8BitAccess)
		info->features |= TUFF_BE_F_STORAGE8;
	if (f16.shaderFloat16)
		info->features |= TUFF_BE_F_FLOAT16;
	if (f16.shaderInt8)
		info->features |= TUFF_BE_F_INT8;
	if (f.features.shaderInt16)
		info->features |= TUFF_BE_F_INT16;
	if (f.features.shaderInt64)
		info->features |= TUFF_BE_F_INT64;
	if (f.features.shaderFloat64)
		info->features |= TUFF_BE_F_FLOAT64;
	if (vkb_has_ext(phys, VK_KHR_TIMELINE_SEMAPHORE_EXTENSION_NAME))
		info->features |= TUFF_BE_F_TIMELINE;
	if (vkb_has_ext(phys, "VK_KHR_cooperative_matrix"))
		info->features |= TUFF_BE_F_COOPMAT;
}

static void describe_limits(const VkPhysicalDeviceLimits *l, uint64_t max_alloc,
			    uint32_t subgroup, uint32_t ts_bits, struct tuff_be_limits *o)
{
	o->max_storage_buffers = l->maxPerStageDescriptorStorageBuffers;
	o->max_uniform_range = l->maxUniformBufferRange;
	o->max_storage_range = l->maxStorageBufferRange;
	o->max_alloc_B = max_alloc;
	o->max_buffer_B = max_alloc;
	o->storage_align = (uint32_t)l->minStorageBufferOffsetAlignment;
	o->uniform_align = (uint32_t)l->minUniformBufferOffsetAlignment;
	o->shared_B = l->maxComputeSharedMemorySize;
	o->max_invocations = l->maxComputeWorkGroupInvocations;
	for (int i = 0; i < 3; i++) {
		o->max_group_size[i] = l->maxComputeWorkGroupSize[i];
		o->max_group_count[i] = l->maxComputeWorkGroupCount[i];
	}
	o->subgroup_size = o->subgroup_min = o->subgroup_max = subgroup;
	o->timestamp_bits = ts_bits;
	o->timestamp_ns = l->timestampPeriod;
}

static void reject(struct tuff_be_info *info, const char *why)
{
	if (!info->rejected[0])
		snprintf(info->rejected, sizeof(info->rejected), "%s", why);
}

void vkb_describe(VkPhysicalDevice phys, struct tuff_be_info *info)
{
	VkPhysicalDeviceDrmPropertiesEXT drm = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRM_PROPERTIES_EXT };
	VkPhysicalDeviceExternalMemoryHostPropertiesEXT host = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT };
	VkPhysicalDeviceDriverProperties drv = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES };
	VkPhysicalDeviceMaintenance3Properties m3 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES };
	VkPhysicalDeviceSubgroupProperties sub = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES, .pNext = &m3 };
	VkPhysicalDeviceProperties2 p = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &sub };
	VkPhysicalDeviceProperties p1;
	uint32_t family, ts_bits = 0;
	bool robust = false;

	memset(info, 0, sizeof(*info));
	info->drm_primary[0] = info->drm_primary[1] = -1;
	info->drm_render[0] = info->drm_render[1] = -1;
	vkGetPhysicalDeviceProperties(phys, &p1);
	snprintf(info->name, sizeof(info->name), "%s", p1.deviceName);
	info->vendor_id = p1.vendorID;
	info->device_id = p1.deviceID;
	info->driver_version = p1.driverVersion;
	info->api_version = p1.apiVersion;
	memcpy(info->uuid, p1.pipelineCacheUUID, 16);
	info->class = TUFF_BE_GPU;
	if (p1.apiVersion < VK_API_VERSION_1_1) {
		reject(info, "Vulkan 1.1 is needed");
		return;
	}
	if (vkb_has_ext(phys, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME)) {
		drv.pNext = p.pNext;
		p.pNext = &drv;
	}
	if (vkb_has_ext(phys, VK_EXT_PHYSICAL_DEVICE_DRM_EXTENSION_NAME)) {
		drm.pNext = p.pNext;
		p.pNext = &drm;
	}
	if (vkb_has_ext(phys, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME)) {
		host.pNext = p.pNext;
		p.pNext = &host;
	}
	vkGetPhysicalDeviceProperties2(phys, &p);
	snprintf(info->driver, sizeof(info->driver), "%.60s %.60s", drv.driverName, drv.driverInfo);
	describe_features(phys, info, &robust);
	describe_memory(phys, info);
	describe_drm(&drm, info);
	if (vkb_family(phys, &family, &ts_bits))
		reject(info, "no compute queue");
	describe_limits(&p1.limits, m3.maxMemoryAllocationSize, sub.subgroupSize, ts_bits,
			&info->limits);
	info->limits.import_align = (uint32_t)host.minImportedHostPointerAlignment;
	if (ts_bits)
		info->features |= TUFF_BE_F_TIMESTAMP;
	if (sub.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) {
		if (sub.supportedOperations & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT)
			info->features |= TUFF_BE_F_SUBGROUP_ARITH;
		if (sub.supportedOperations & VK_SUBGROUP_FEATURE_SHUFFLE_BIT)
			info->features |= TUFF_BE_F_SUBGROUP_SHUFFLE;
		if (sub.supportedOperations & VK_SUBGROUP_FEATURE_BALLOT_BIT)
			info->features |= TUFF_BE_F_SUBGROUP_BALLOT;
	}
	if (p1.deviceType == VK_PHYSICAL_DEVICE_TYPE_CPU) {
		info->features |= TUFF_BE_F_SOFTWARE;
		info->class = drv.driverID == VK_DRIVER_ID_GOOGLE_SWIFTSHADER ?
			TUFF_BE_SOFTWARE_SMALL : TUFF_BE_SOFTWARE_WIDE;
	}
	if (drv.driverID == VK_DRIVER_ID_GOOGLE_SWIFTSHADER)
		info->class = TUFF_BE_SOFTWARE_SMALL;
	if (drv.driverID == VK_DRIVER_ID_MESA_RADV && getenv("RADV_FORCE_FAMILY"))
		info->features |= TUFF_BE_F_COMPILE_ONLY;
	if (vkb_debug() & VKB_DEBUG_FLOORS)
		vkb_debug_floors(info);
	if (!robust)
		reject(info, "robustBufferAccess is needed");
	if (info->limits.max_storage_buffers < TUFF_BE_MAX_STORAGE)
		reject(info, "fewer than 4 storage buffers per stage");
	if (info->limits.max_invocations < 128)
		reject(info, "fewer than 128 invocations per workgroup");
}
