// SPDX-License-Identifier: MIT
/* Where memory goes on devices that are not here: their lists of types, as drivers report them. */
#include <stdint.h>

#include "driver/vulkan/vk.h"
#include "tests/harness.h"

#define L	VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT
#define V	(VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT)
#define NC	VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT	/* not coherent */
#define C	VK_MEMORY_PROPERTY_HOST_CACHED_BIT
#define AMD	(VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD | VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD)
#define PROT	VK_MEMORY_PROPERTY_PROTECTED_BIT
#define LAZY	VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT

static const struct device {
	const char *name;
	uint32_t n, bits;
	VkMemoryPropertyFlags type[8];
	int sys, local, local_map;	/* what each placement should get */
} devices[] = {
	{ "lavapipe", 1, ~0u, { L | V | C }, 0, 0, 0 },
	{ "discrete, small window", 4, ~0u, { L, V, L | V, V | C }, 3, 0, 2 },
	{ "discrete, all of it mapped", 3, ~0u, { V, L | V, V | C }, 2, 1, 1 },
	{ "discrete, nothing mapped", 4, ~0u, { 0, L, V, V | C }, 3, 1, 3 },
	{ "discrete, no cached memory", 3, ~0u, { L, V, L | V }, 1, 0, 2 },
	{ "AMD with coherent types", 8, ~0u, { L | AMD, L, V | AMD, V, L | V | AMD, L | V, V | C | AMD, V | C }, 7, 1, 5 },
	{ "integrated", 3, ~0u, { L, L | V, L | V | C }, 2, 0, 2 },
	{ "protected and lazy first", 4, ~0u, { PROT | L, LAZY | L, L, L | V | C }, 3, 2, 3 },
	{ "not coherent first", 3, ~0u, { NC | C, L, V }, 2, 1, 2 },
	{ "a buffer that fits few types", 4, 0xa, { L, V, L | V, V | C }, 3, 1, 3 },
	{ "none that can be mapped", 2, ~0u, { L, NC }, -1, 0, -1 },
};

TEST(placement)
{
	static const struct tuff_be_mem_desc sys = { 4096, TUFF_BE_SYSTEM, TUFF_BE_MEM_MAP },
		local = { 4096, TUFF_BE_DEVICE, 0 }, map = { 4096, TUFF_BE_DEVICE, TUFF_BE_MEM_MAP };

	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		const struct device *d = &devices[i];
		VkPhysicalDeviceMemoryProperties p = { .memoryTypeCount = d->n };
		int got[3];

		for (uint32_t t = 0; t < d->n; t++)
			p.memoryTypes[t].propertyFlags = d->type[t];
		got[0] = vkb_choose_type(&p, d->bits, &sys);
		got[1] = vkb_choose_type(&p, d->bits, &local);
		got[2] = vkb_choose_type(&p, d->bits, &map);
		if (got[0] != d->sys || got[1] != d->local || got[2] != d->local_map)
			printf("  %s: %d %d %d, not %d %d %d\n", d->name, got[0], got[1], got[2],
			       d->sys, d->local, d->local_map);
		CHECK(got[0] == d->sys && got[1] == d->local && got[2] == d->local_map);
	}
}
