// SPDX-License-Identifier: MIT
/*
 * bench_submit [device [n]]: submit to complete of an empty command buffer
 * through the driver, beside a bare vkQueueSubmit of one with a fence, taking
 * turns in one process. Prints median and 99th percentile in microseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <vulkan/vulkan.h>

#include "tests/client.h"

struct bare {
	VkInstance inst;
	VkDevice dev;
	VkQueue queue;
	VkCommandPool pool;
	VkCommandBuffer cb;
	VkFence fence;
};

static int bare_open(struct bare *b, uint32_t index)
{
	VkApplicationInfo app = { .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
				  .apiVersion = VK_API_VERSION_1_1 };
	VkInstanceCreateInfo ii = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
				    .pApplicationInfo = &app };
	float prio = 1;
	VkDeviceQueueCreateInfo qi = { .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
				       .queueCount = 1, .pQueuePriorities = &prio };
	VkDeviceCreateInfo di = { .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
				  .queueCreateInfoCount = 1, .pQueueCreateInfos = &qi };
	VkCommandPoolCreateInfo pi = { .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO };
	VkCommandBufferAllocateInfo ai = {
		.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, .commandBufferCount = 1 };
	VkCommandBufferBeginInfo bi = { .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO };
	VkFenceCreateInfo fi = { .sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO };
	VkPhysicalDevice phys[16];
	uint32_t n = 16;

	if (vkCreateInstance(&ii, NULL, &b->inst) ||
	    vkEnumeratePhysicalDevices(b->inst, &n, phys) < 0 || index >= n ||
	    vkCreateDevice(phys[index], &di, NULL, &b->dev))
		return -1;
	vkGetDeviceQueue(b->dev, 0, 0, &b->queue);
	if (vkCreateCommandPool(b->dev, &pi, NULL, &b->pool))
		return -1;
	ai.commandPool = b->pool;
	return vkAllocateCommandBuffers(b->dev, &ai, &b->cb) ||
	       vkBeginCommandBuffer(b->cb, &bi) || vkEndCommandBuffer(b->cb) ||
	       vkCreateFence(b->dev, &fi, NULL, &b->fence) ? -1 : 0;
}

static void bare_close(struct bare *b)
{
	vkDestroyFence(b->dev, b->fence, NULL);
	vkDestroyCommandPool(b->dev, b->pool, NULL);
	vkDestroyDevice(b->dev, NULL);
	vkDestroyInstance(b->inst, NULL);
}

static int bare_run(struct bare *b)
{
	VkSubmitInfo si = { .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1,
			    .pCommandBuffers = &b->cb };

	return vkQueueSubmit(b->queue, 1, &si, b->fence) ||
	       vkWaitForFences(b->dev, 1, &b->fence, VK_TRUE, UINT64_MAX) ||
	       vkResetFences(b->dev, 1, &b->fence) ? -1 : 0;
}

static int cmp(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	uint32_t index = argc > 1 ? (uint32_t)atoi(argv[1]) : 0, ctx, so, cb;
	int n = argc > 2 ? atoi(argv[2]) : 20000;
	int64_t *tb = malloc((size_t)n * 8), *td = malloc((size_t)n * 8), t;
	struct tuff_be_counters c0, c1;
	struct tuff_file *f;
	struct bare b;
	char err[256];

	if (!tb || !td || n < 100 || bare_open(&b, index)) {
		fprintf(stderr, "bench_submit: no Vulkan device %u\n", index);
		return 77;
	}
	if (tuff_local_open(&tuff_be_vulkan, index, &f, err, sizeof(err))) {
		fprintf(stderr, "bench_submit: %s\n", err);
		return 1;
	}
	ctx = new_ctx(f, 0);
	so = new_so(f);
	if (!ctx || !so || new_cmdbuf(f, NULL, 0, NULL, 0, &cb, err, sizeof(err)))
		return 1;
	/* turns of 100 each: one right after the other finds a thread still awake */
	for (int i = -1000; i < n; i++) {
		if (!i)
			tuff_local_counters(f, &c0);
		for (int k = 0; !(i % 100) && k < 100 && i + k < n; k++) {
			t = now();
			if (bare_run(&b))
				return 1;
			if (i >= 0)
				tb[i + k] = now() - t;
		}
		t = now();
		if (submit1(f, ctx, cb, NULL, 0, so, 0, NULL) || wait_so(f, so, 0, 10 * SEC, NULL))
			return 1;
		if (i >= 0)
			td[i] = now() - t;
	}
	tuff_local_counters(f, &c1);
	qsort(tb, (size_t)n, 8, cmp);
	qsort(td, (size_t)n, 8, cmp);
	printf("empty submit, microseconds    median     p99\n");
	printf("  vkQueueSubmit and fence   %8.1f%8.1f\n", tb[n / 2] / 1e3, tb[n * 99 / 100] / 1e3);
	printf("  through the driver        %8.1f%8.1f\n", td[n / 2] / 1e3, td[n * 99 / 100] / 1e3);
	printf("  more                      %8.1f%8.1f   (at most 15)\n",
	       (td[n / 2] - tb[n / 2]) / 1e3, (td[n * 99 / 100] - tb[n * 99 / 100]) / 1e3);
	printf("  allocations %llu, pipelines %llu, recordings %llu in %d runs\n",
	       (unsigned long long)(c1.allocs - c0.allocs),
	       (unsigned long long)(c1.pipelines - c0.pipelines),
	       (unsigned long long)(c1.records - c0.records), n);
	tuff_local_close(f);
	bare_close(&b);
	free(tb);
	free(td);
	return 0;
}
