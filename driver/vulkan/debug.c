// SPDX-License-Identifier: MIT
/* TUFF_DEBUG: words separated by commas, for people who look for a fault and for tests. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/executor/floors.h"
#include "driver/vulkan/vk.h"

static const struct {
	const char *name;
	uint32_t flag;
	const char *help;
} words[] = {
	{ "validate", VKB_DEBUG_VALIDATE, "Khronos' validation layer, barriers too; what it says goes to standard error" },
	{ "floors", VKB_DEBUG_FLOORS, "devices have the specification's minimum limits and no optional features" },
	{ "nodevmap", VKB_DEBUG_NODEVMAP, "device memory is not mapped for clients" },
	{ "nodmabuf", VKB_DEBUG_NODMABUF, "shared memory is not imported as a dma-buf" },
	{ "nohostptr", VKB_DEBUG_NOHOSTPTR, "shared memory is not imported by its address" },
	{ "nostaging", VKB_DEBUG_NOSTAGING, "shared memory is not copied around jobs" },
};
#define NWORDS (sizeof(words) / sizeof(words[0]))

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint32_t flags;

static void parse(void)
{
	const char *p = getenv("TUFF_DEBUG");

	while (p && *p) {
		size_t n = strcspn(p, ","), i;

		for (i = 0; i < NWORDS; i++)
			if (strlen(words[i].name) == n && !memcmp(words[i].name, p, n))
				break;
		if (i < NWORDS) {
			flags |= words[i].flag;
		} else if (n) {
			fprintf(stderr, "tuff: TUFF_DEBUG has no '%.*s'; there are\n",
				(int)(n < 40 ? n : 40), p);
			for (i = 0; i < NWORDS; i++)
				fprintf(stderr, "  %-10s %s\n", words[i].name, words[i].help);
		}
		p += n + (p[n] == ',');
	}
}

uint32_t vkb_debug(void)
{
	pthread_once(&once, parse);
	return flags;
}

static void at_most32(uint32_t *v, uint32_t max)
{
	if (*v > max)
		*v = max;
}

static void at_most(uint64_t *v, uint64_t max)
{
	if (*v > max)
		*v = max;
}

/* The least that a device may have, as far as this one has it. */
void vkb_debug_floors(struct tuff_be_info *info)
{
	const struct tuff_be_limits *f = &tuff_be_floors;
	struct tuff_be_limits *l = &info->limits;

	at_most32(&l->max_storage_buffers, f->max_storage_buffers);
	at_most32(&l->max_uniform_range, f->max_uniform_range);
	at_most(&l->max_storage_range, f->max_storage_range);
	at_most(&l->max_alloc_B, f->max_alloc_B);
	at_most(&l->max_buffer_B, f->max_buffer_B);
	l->storage_align = f->storage_align;
	l->uniform_align = f->uniform_align;
	if (l->import_align)
		l->import_align = f->import_align;
	at_most32(&l->shared_B, f->shared_B);
	at_most32(&l->max_invocations, f->max_invocations);
	for (int i = 0; i < 3; i++) {
		at_most32(&l->max_group_size[i], f->max_group_size[i]);
		at_most32(&l->max_group_count[i], f->max_group_count[i]);
	}
	l->subgroup_size = l->subgroup_min = l->subgroup_max = 1;
	l->timestamp_bits = 0;
	info->features &= TUFF_BE_F_SOFTWARE | TUFF_BE_F_COMPILE_ONLY;
}
