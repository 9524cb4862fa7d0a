// SPDX-License-Identifier: MIT
/* The VkDevice, and the table that the executor holds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "driver/vulkan/vk.h"

static int vkb_enumerate(struct tuff_be_info *infos, uint32_t max)
{
	VkPhysicalDevice phys[TUFF_BE_MAX_DEVICES];
	int n = vkb_physical(phys, max < TUFF_BE_MAX_DEVICES ? max : TUFF_BE_MAX_DEVICES);

	for (int i = 0; i < n; i++)
		vkb_describe(phys[i], &infos[i]);
	return n;
}

/* Can the host's clock be read together with the device's? */
static bool has_clocks(VkPhysicalDevice phys)
{
	PFN_vkGetPhysicalDeviceCalibrateableTimeDomainsEXT get;
	VkTimeDomainEXT d[16];
	uint32_t n = 16, both = 0;

	if (!vkb_has_ext(phys, VK_EXT_CALIBRATED_TIMESTAMPS_EXTENSION_NAME))
		return false;
	get = (PFN_vkGetPhysicalDeviceCalibrateableTimeDomainsEXT)vkGetInstanceProcAddr(
		vkb_instance(), "vkGetPhysicalDeviceCalibrateableTimeDomainsEXT");
	if (!get || get(phys, &n, d) < 0)
		return false;
	for (uint32_t i = 0; i < n; i++)
		both |= d[i] == VK_TIME_DOMAIN_DEVICE_EXT ? 1 :
			d[i] == VK_TIME_DOMAIN_CLOCK_MONOTONIC_EXT ? 2 : 0;
	return both == 3;
}

static int create_device(struct tuff_be_device *dev)
{
	const char *ext[12];
	float prio = 1.0f;
	uint32_t f = dev->info.features;
	VkPhysicalDevice16BitStorageFeatures s16 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES,
		.storageBuffer16BitAccess = !!(f & TUFF_BE_F_STORAGE16) };
	VkPhysicalDevice8BitStorageFeatures s8 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES,
		.storageBuffer8BitAccess = !!(f & TUFF_BE_F_STORAGE8) };
	VkPhysicalDeviceShaderFloat16Int8Features f16 = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES,
		.shaderFloat16 = !!(f & TUFF_BE_F_FLOAT16), .shaderInt8 = !!(f & TUFF_BE_F_INT8) };
	VkPhysicalDeviceFeatures want = {
		.robustBufferAccess = VK_TRUE, .shaderInt16 = !!(f & TUFF_BE_F_INT16),
		.shaderInt64 = !!(f & TUFF_BE_F_INT64), .shaderFloat64 = !!(f & TUFF_BE_F_FLOAT64) };
	VkDeviceQueueCreateInfo qi = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
		.queueFamilyIndex = dev->family, .queueCount = 1, .pQueuePriorities = &prio };
	VkDeviceCreateInfo ci = {
		.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .pNext = &s16, .queueCreateInfoCount = 1,
		.pQueueCreateInfos = &qi, .pEnabledFeatures = &want,
		.ppEnabledExtensionNames = ext };
	bool clocks;
	VkResult r;

	dev->has_hostptr = vkb_has_ext(dev->phys, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
	dev->has_dmabuf = vkb_has_ext(dev->phys, VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME) &&
			  vkb_has_ext(dev->phys, VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME);
	if (dev->has_hostptr)
		ext[ci.enabledExtensionCount++] = VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME;
	if (dev->has_dmabuf) {
		ext[ci.enabledExtensionCount++] = VK_EXT_EXTERNAL_MEMORY_DMA_BUF_EXTENSION_NAME;
		ext[ci.enabledExtensionCount++] = VK_KHR_EXTERNAL_MEMORY_FD_EXTENSION_NAME;
	}
	if (f & TUFF_BE_F_STORAGE8) {
		ext[ci.enabledExtensionCount++] = VK_KHR_8BIT_STORAGE_EXTENSION_NAME;
		s8.pNext = s16.pNext;
		s16.pNext = &s8;
	}
	if (f & (TUFF_BE_F_FLOAT16 | TUFF_BE_F_INT8)) {
		ext[ci.enabledExtensionCount++] = VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME;
		f16.pNext = s16.pNext;
		s16.pNext = &f16;
	}
	if (f & TUFF_BE_F_MEMORY_BUDGET)
		ext[ci.enabledExtensionCount++] = VK_EXT_MEMORY_BUDGET_EXTENSION_NAME;
	dev->has_feedback = vkb_has_ext(dev->phys, VK_EXT_PIPELINE_CREATION_FEEDBACK_EXTENSION_NAME);
	if (dev->has_feedback)
		ext[ci.enabledExtensionCount++] = VK_EXT_PIPELINE_CREATION_FEEDBACK_EXTENSION_NAME;
	clocks = (f & TUFF_BE_F_TIMESTAMP) && !(f & TUFF_BE_F_COMPILE_ONLY) && has_clocks(dev->phys);
	if (clocks)
		ext[ci.enabledExtensionCount++] = VK_EXT_CALIBRATED_TIMESTAMPS_EXTENSION_NAME;
	r = vkCreateDevice(dev->phys, &ci, NULL, &dev->dev);
	if (r)
		return vkb_errno(r);
	if (clocks)
		dev->get_clocks = (PFN_vkGetCalibratedTimestampsEXT)
			vkGetDeviceProcAddr(dev->dev, "vkGetCalibratedTimestampsEXT");
	if (dev->has_hostptr)
		dev->get_hostptr = (PFN_vkGetMemoryHostPointerPropertiesEXT)
			vkGetDeviceProcAddr(dev->dev, "vkGetMemoryHostPointerPropertiesEXT");
	if (dev->has_dmabuf)
		dev->get_fd = (PFN_vkGetMemoryFdPropertiesKHR)
			vkGetDeviceProcAddr(dev->dev, "vkGetMemoryFdPropertiesKHR");
	dev->has_hostptr = dev->get_hostptr != NULL;
	dev->has_dmabuf = dev->get_fd != NULL;
	vkGetDeviceQueue(dev->dev, dev->family, 0, &dev->queue);
	return 0;
}

static void init_locks(struct tuff_be_device *dev)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&dev->layout_lock, NULL);
	pthread_mutex_init(&dev->qlock, NULL);
	pthread_mutex_init(&dev->wlock, NULL);
	pthread_cond_init(&dev->wcond, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&dev->kcond, &attr);
	pthread_condattr_destroy(&attr);
	dev->wlast = &dev->wfirst;
}

/* Devices that something still runs on or compiles for; for the process's life. */
static struct tuff_be_device *quarantine;
static pthread_mutex_t quarantine_lock = PTHREAD_MUTEX_INITIALIZER;

static void vkb_close(struct tuff_be_device *dev)
{
	if (!dev)
		return;
	pthread_mutex_lock(&quarantine_lock);
	if (dev->poisoned || dev->hung) {
		dev->next = quarantine;
		quarantine = dev;
		dev = NULL;
	}
	pthread_mutex_unlock(&quarantine_lock);
	if (!dev)
		return;
	vkb_workers_stop(dev);
	if (dev->dev) {
		/* RADV without hardware has no queue to wait for, and crashes */
		if (!(dev->info.features & TUFF_BE_F_COMPILE_ONLY))
			vkDeviceWaitIdle(dev->dev);
		vkb_cache_save(dev);
		vkb_mem_free(dev, dev->dummy);
		for (int i = 0; i < VKB_LAYOUTS; i++) {
			vkDestroyPipelineLayout(dev->dev, dev->layouts[i].pipe, NULL);
			vkDestroyDescriptorSetLayout(dev->dev, dev->layouts[i].set, NULL);
		}
		vkb_queue_fini(dev);
		vkDestroyPipelineCache(dev->dev, dev->cache, NULL);
		vkDestroyCommandPool(dev->dev, dev->pool, NULL);
		vkDestroyDevice(dev->dev, NULL);
	}
	pthread_cond_destroy(&dev->kcond);
	pthread_cond_destroy(&dev->wcond);
	pthread_mutex_destroy(&dev->wlock);
	pthread_mutex_destroy(&dev->qlock);
	pthread_mutex_destroy(&dev->layout_lock);
	free(dev);
}

static int vkb_open(uint32_t index, struct tuff_be_device **out)
{
	VkPhysicalDevice phys[TUFF_BE_MAX_DEVICES];
	VkCommandPoolCreateInfo ci = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO };
	struct tuff_be_mem_desc dummy = { .size = 4096, .placement = TUFF_BE_DEVICE };
	struct tuff_be_device *dev;
	uint32_t ts_bits;
	int n, ret;

	n = vkb_physical(phys, TUFF_BE_MAX_DEVICES);
	if (n < 0)
		return n;
	if (index >= (uint32_t)n)
		return -ENODEV;
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	init_locks(dev);
	dev->phys = phys[index];
	vkb_describe(dev->phys, &dev->info);
	ret = dev->info.rejected[0] ? -EOPNOTSUPP : 0;
	if (!ret)
		ret = vkb_family(dev->phys, &dev->family, &ts_bits);
	if (!ret)
		ret = create_device(dev);
	if (ret)
		goto err_dev;
	vkGetPhysicalDeviceMemoryProperties(dev->phys, &dev->memprops);
	ci.queueFamilyIndex = dev->family;
	ret = vkb_errno(vkCreateCommandPool(dev->dev, &ci, NULL, &dev->pool));
	if (!ret && !(dev->info.features & TUFF_BE_F_COMPILE_ONLY))
		ret = vkb_queue_init(dev);
	if (!ret && !(dev->info.features & TUFF_BE_F_COMPILE_ONLY))
		ret = vkb_mem_alloc(dev, &dummy, &dev->dummy);
	if (ret)
		goto err_dev;
	dev->warm = dev->info.class == TUFF_BE_SOFTWARE_WIDE;
	vkb_cache_load(dev);
	vkb_probe_reach(dev);
	memset(&dev->cnt, 0, sizeof(dev->cnt));
	*out = dev;
	return 0;

err_dev:
	vkb_close(dev);
	return ret;
}

static const struct tuff_be_info *vkb_info(struct tuff_be_device *dev)
{
	return &dev->info;
}

static void vkb_budget(struct tuff_be_device *dev, struct tuff_be_region *regions)
{
	VkPhysicalDeviceMemoryBudgetPropertiesEXT b = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT };
	VkPhysicalDeviceMemoryProperties2 m = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, .pNext = &b };

	memcpy(regions, dev->info.regions, sizeof(dev->info.regions));
	if (!(dev->info.features & TUFF_BE_F_MEMORY_BUDGET))
		return;
	vkGetPhysicalDeviceMemoryProperties2(dev->phys, &m);
	for (uint32_t i = 0; i < dev->info.nregions; i++)
		regions[i].budget_B = b.heapBudget[i];
}

/* The mask and the period, as for TIMESTAMP packets. */
uint64_t vkb_ticks_ns(const struct tuff_be_device *dev, uint64_t ticks)
{
	uint32_t bits = dev->info.limits.timestamp_bits;

	if (bits < 64)
		ticks &= (1ull << bits) - 1;
	return (uint64_t)((double)ticks * dev->info.limits.timestamp_ns);
}

static int vkb_clocks(struct tuff_be_device *dev, uint64_t *cpu_ns, uint64_t *device_ns)
{
	static const VkCalibratedTimestampInfoEXT which[2] = {
		{ .sType = VK_STRUCTURE_TYPE_CALIBRATED_TIMESTAMP_INFO_EXT,
		  .timeDomain = VK_TIME_DOMAIN_CLOCK_MONOTONIC_EXT },
		{ .sType = VK_STRUCTURE_TYPE_CALIBRATED_TIMESTAMP_INFO_EXT,
		  .timeDomain = VK_TIME_DOMAIN_DEVICE_EXT } };
	uint64_t t[2], off;
	VkResult r;

	if (!dev->get_clocks || dev->poisoned)
		return -EOPNOTSUPP;
	r = dev->get_clocks(dev->dev, 2, which, t, &off);
	if (r)
		return vkb_errno(r);
	*cpu_ns = t[0];
	*device_ns = vkb_ticks_ns(dev, t[1]);
	return 0;
}

static void vkb_poison(struct tuff_be_device *dev)
{
	pthread_mutex_lock(&dev->qlock);
	dev->poisoned = true;
	pthread_mutex_unlock(&dev->qlock);
}

static void vkb_counters(struct tuff_be_device *dev, struct tuff_be_counters *out)
{
	const uint64_t *from = (const uint64_t *)&dev->cnt;
	uint64_t *to = (uint64_t *)out;

	/* workers count too */
	for (size_t i = 0; i < sizeof(*out) / sizeof(*to); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	out->validation = vkb_validation_count();
}

const struct tuff_be_ops tuff_be_vulkan = {
	.name = "vulkan",
	.enumerate = vkb_enumerate,
	.open = vkb_open,
	.close = vkb_close,
	.info = vkb_info,
	.budget = vkb_budget,
	.mem_alloc = vkb_mem_alloc,
	.mem_import = vkb_mem_import,
	.mem_free = vkb_mem_free,
	.mem_map = vkb_mem_map,
	.mem_sync = vkb_mem_sync,
	.mem_staged = vkb_mem_staged,
	.kernel_create = vkb_kernel_create,
	.kernel_wait = vkb_kernel_wait,
	.kernel_destroy = vkb_kernel_destroy,
	.record = vkb_record,
	.rec_destroy = vkb_rec_destroy,
	.submit = vkb_submit,
	.wait = vkb_wait,
	.timestamps = vkb_timestamps,
	.clocks = vkb_clocks,
	.poison = vkb_poison,
	.counters = vkb_counters,
};
