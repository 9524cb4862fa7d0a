// SPDX-License-Identifier: MIT
/* tuff devices: what was found, what matters of it, what was rejected and why. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "driver/executor/backend.h"
#include "tools/tool.h"

static const char *const class_name[] = {
	"cpu", "software-wide", "software-small", "gpu", "gpu-coopmat" };
static const char *const reach_name[] = { "dma-buf", "host-pointer", "device-map", "staging" };
static const struct { uint32_t bit; const char *name; } features[] = {
	{ TUFF_BE_F_STORAGE16, "storage16" }, { TUFF_BE_F_STORAGE8, "storage8" },
	{ TUFF_BE_F_FLOAT16, "float16" }, { TUFF_BE_F_INT8, "int8" },
	{ TUFF_BE_F_INT16, "int16" }, { TUFF_BE_F_INT64, "int64" },
	{ TUFF_BE_F_FLOAT64, "float64" }, { TUFF_BE_F_SUBGROUP_ARITH, "subgroup-arithmetic" },
	{ TUFF_BE_F_SUBGROUP_SHUFFLE, "subgroup-shuffle" },
	{ TUFF_BE_F_SUBGROUP_BALLOT, "subgroup-ballot" }, { TUFF_BE_F_DOT8, "int8-dot-product" },
	{ TUFF_BE_F_COOPMAT, "cooperative-matrix" }, { TUFF_BE_F_TIMESTAMP, "timestamps" },
	{ TUFF_BE_F_TIMELINE, "timeline" }, { TUFF_BE_F_MEMORY_BUDGET, "memory-budget" },
	{ TUFF_BE_F_UNIFIED, "unified-memory" }, { TUFF_BE_F_COMPILE_ONLY, "compile-only" },
	{ TUFF_BE_F_SOFTWARE, "software" },
};
#define NFEATURES (sizeof(features) / sizeof(features[0]))

/* Only an open device says how it reaches host memory. */
static void probe(uint32_t index, struct tuff_be_info *info)
{
	struct tuff_be_device *dev;

	if (info->rejected[0])
		return;
	if (tuff_be_vulkan.open(index, &dev)) {
		snprintf(info->rejected, sizeof(info->rejected), "the device does not open");
		return;
	}
	info->reach = tuff_be_vulkan.info(dev)->reach;
	tuff_be_vulkan.close(dev);
}

/*
 * What libtuff makes of "auto" and "vulkan": the first real GPU; else the CPU,
 * and the first device that can run.
 */
static void choose(const struct tuff_be_info *d, int n, char automatic[24], char vulkan[24])
{
	int gpu = -1, first = -1;

	for (int i = n - 1; i >= 0; i--) {
		if (d[i].rejected[0] || d[i].features & TUFF_BE_F_COMPILE_ONLY)
			continue;
		first = i;
		if (!(d[i].features & TUFF_BE_F_SOFTWARE))
			gpu = i;
	}
	first = gpu < 0 ? first : gpu;
	snprintf(automatic, 24, gpu < 0 ? "cpu" : "vulkan:%d", gpu);
	snprintf(vulkan, 24, first < 0 ? "none" : "vulkan:%d", first);
}

static void print_text(uint32_t i, const struct tuff_be_info *d)
{
	const struct tuff_be_limits *l = &d->limits;

	printf("vulkan:%u  %s\n", i, d->name);
	printf("  driver     %s, Vulkan %u.%u.%u\n", d->driver, d->api_version >> 22,
	       (d->api_version >> 12) & 1023, d->api_version & 4095);
	if (d->rejected[0])
		printf("  rejected   %s\n", d->rejected);
	if (d->features & TUFF_BE_F_COMPILE_ONLY)
		printf("  rejected   no hardware behind its driver\n");
	if (d->drm_node[0])
		printf("  node       %s %s\n", d->drm_node, d->pci);
	printf("  class      %s, subgroups of %u\n", class_name[d->class], l->subgroup_size);
	printf("  features  ");
	for (size_t f = 0; f < NFEATURES; f++)
		if (d->features & features[f].bit)
			printf(" %s", features[f].name);
	printf("\n  limits     %u storage buffers of %llu MiB, %u invocations, %u KiB shared, "
	       "offsets aligned to %u\n", l->max_storage_buffers,
	       (unsigned long long)(l->max_storage_range >> 20), l->max_invocations,
	       l->shared_B >> 10, l->storage_align);
	for (uint32_t r = 0; r < d->nregions; r++)
		printf("  memory     %llu MiB%s%s, %llu MiB available\n",
		       (unsigned long long)(d->regions[r].size_B >> 20),
		       d->regions[r].device_local ? ", device-local" : "",
		       d->regions[r].host_visible ? ", host-visible" : "",
		       (unsigned long long)(d->regions[r].budget_B >> 20));
	if (d->reach) {
		printf("  reached by");
		for (int w = 0; w < TUFF_BE_REACH_COUNT; w++)
			if (d->reach & (1u << w))
				printf(" %s", reach_name[w]);
		printf("\n");
	}
}

static void add(json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

static json_object *to_json(uint32_t i, const struct tuff_be_info *d)
{
	json_object *o = json_object_new_object(), *f = json_object_new_array();
	json_object *r = json_object_new_array(), *m = json_object_new_array();
	char id[24];

	snprintf(id, sizeof(id), "vulkan:%u", i);
	add(o, "id", id);
	add(o, "name", d->name);
	add(o, "driver", d->driver);
	add(o, "class", class_name[d->class]);
	add(o, "rejected", d->rejected[0] ? d->rejected : d->features & TUFF_BE_F_COMPILE_ONLY ? "no hardware behind its driver" : "");
	add(o, "drm_node", d->drm_node);
	json_object_object_add(o, "subgroup_size", json_object_new_int64(d->limits.subgroup_size));
	json_object_object_add(o, "max_storage_range",
			       json_object_new_int64((int64_t)d->limits.max_storage_range));
	json_object_object_add(o, "max_invocations",
			       json_object_new_int64(d->limits.max_invocations));
	for (size_t k = 0; k < NFEATURES; k++)
		if (d->features & features[k].bit)
			json_object_array_add(f, json_object_new_string(features[k].name));
	for (int w = 0; w < TUFF_BE_REACH_COUNT; w++)
		if (d->reach & (1u << w))
			json_object_array_add(r, json_object_new_string(reach_name[w]));
	for (uint32_t k = 0; k < d->nregions; k++)
		json_object_array_add(m, json_object_new_int64((int64_t)d->regions[k].size_B));
	json_object_object_add(o, "features", f);
	json_object_object_add(o, "reach", r);
	json_object_object_add(o, "memory", m);
	return o;
}

int cmd_devices(const struct opts *o)
{
	static struct tuff_be_info d[TUFF_BE_MAX_DEVICES];
	json_object *j = o->json ? json_object_new_object() : NULL, *list = NULL;
	char automatic[24], vulkan[24];
	int n = tuff_be_vulkan.enumerate(d, TUFF_BE_MAX_DEVICES);

	if (n < 0 && n != -ENODEV)	/* that is: no loader, no driver */
		fprintf(stderr, "tuff: Vulkan: %s\n", strerror(-n));
	n = n < 0 ? 0 : n > TUFF_BE_MAX_DEVICES ? TUFF_BE_MAX_DEVICES : n;
	for (int i = 0; i < n; i++)
		probe(i, &d[i]);
	choose(d, n, automatic, vulkan);
	if (j) {
		add(j, "auto", automatic);
		add(j, "vulkan", vulkan);
		json_object_object_add(j, "processors", json_object_new_int64(sysconf(_SC_NPROCESSORS_ONLN)));
		json_object_object_add(j, "devices", list = json_object_new_array());
	} else {
		printf("auto      %s\nvulkan    %s\ncpu       %ld processors\n", automatic, vulkan, sysconf(_SC_NPROCESSORS_ONLN));
	}
	for (int i = 0; i < n; i++)
		if (j)
			json_object_array_add(list, to_json(i, &d[i]));
		else
			print_text(i, &d[i]);
	if (!j && !n)
		printf("no Vulkan device\n");
	if (j)
		json_print(j);
	json_object_put(j);
	return 0;
}
