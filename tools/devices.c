// SPDX-License-Identifier: MIT
/* tuff devices: what was found, what matters of it, what was rejected and why. */
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <unistd.h>

#include "driver/executor/backend.h"

int tuff_cmd_devices(int argc, char **argv);

static const char *const class_name[] = {
	"cpu", "software-wide", "software-small", "gpu", "gpu-coopmat" };
static const char *const reach_name[] = { "dma-buf", "host-pointer", "device-map", "staging" };
static const struct { uint32_t bit; const char *name; } features[] = {
	{ TUFF_BE_F_STORAGE16, "storage16" }, { TUFF_BE_F_STORAGE8, "storage8" },
	{ TUFF_BE_F_FLOAT16, "float16" }, { TUFF_BE_F_INT8, "int8" },
	{ TUFF_BE_F_INT16, "int16" }, { TUFF_BE_F_INT64, "int64" },
	{ TUFF_BE_F_FLOAT64, "float64" }, { TUFF_BE_F_SUBGROUP_ARITH, "subgroup-arithmetic" },
	{ TUFF_BE_F_SUBGROUP_SHUFFLE, "subgroup-shuffle" },
	{ TUFF_BE_F_SUBGROUP_BALLOT, "subgroup-ballot" },
	{ TUFF_BE_F_COOPMAT, "cooperative-matrix" }, { TUFF_BE_F_TIMESTAMP, "timestamps" },
	{ TUFF_BE_F_TIMELINE, "timeline" }, { TUFF_BE_F_MEMORY_BUDGET, "memory-budget" },
	{ TUFF_BE_F_UNIFIED, "unified-memory" }, { TUFF_BE_F_COMPILE_ONLY, "compile-only" },
	{ TUFF_BE_F_SOFTWARE, "software" },
};
#define NFEATURES (sizeof(features) / sizeof(features[0]))

/* Only an open device says how it reaches host memory. */
static uint32_t probe(uint32_t index, struct tuff_be_info *info)
{
	struct tuff_be_device *dev;
	uint32_t reach = 0;

	if (info->rejected[0])
		return 0;
	if (tuff_be_vulkan.open(index, &dev)) {
		snprintf(info->rejected, sizeof(info->rejected), "the device does not open");
		return 0;
	}
	reach = tuff_be_vulkan.info(dev)->reach;
	tuff_be_vulkan.close(dev);
	return reach;
}

static void print_text(uint32_t i, const struct tuff_be_info *d, uint32_t reach)
{
	const struct tuff_be_limits *l = &d->limits;

	printf("vulkan:%u  %s\n", i, d->name);
	printf("  driver     %s, Vulkan %u.%u.%u\n", d->driver, d->api_version >> 22,
	       (d->api_version >> 12) & 1023, d->api_version & 4095);
	if (d->rejected[0])
		printf("  rejected   %s\n", d->rejected);
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
	if (reach) {
		printf("  reached by");
		for (int w = 0; w < TUFF_BE_REACH_COUNT; w++)
			if (reach & (1u << w))
				printf(" %s", reach_name[w]);
		printf("\n");
	}
}

static json_object *to_json(uint32_t i, const struct tuff_be_info *d, uint32_t reach)
{
	json_object *o = json_object_new_object(), *f = json_object_new_array();
	json_object *r = json_object_new_array(), *m = json_object_new_array();
	char id[24];

	snprintf(id, sizeof(id), "vulkan:%u", i);
	json_object_object_add(o, "id", json_object_new_string(id));
	json_object_object_add(o, "name", json_object_new_string(d->name));
	json_object_object_add(o, "driver", json_object_new_string(d->driver));
	json_object_object_add(o, "class", json_object_new_string(class_name[d->class]));
	json_object_object_add(o, "rejected", json_object_new_string(d->rejected));
	json_object_object_add(o, "drm_node", json_object_new_string(d->drm_node));
	json_object_object_add(o, "subgroup_size", json_object_new_int64(d->limits.subgroup_size));
	json_object_object_add(o, "max_storage_range",
			       json_object_new_int64((int64_t)d->limits.max_storage_range));
	json_object_object_add(o, "max_invocations",
			       json_object_new_int64(d->limits.max_invocations));
	for (size_t k = 0; k < NFEATURES; k++)
		if (d->features & features[k].bit)
			json_object_array_add(f, json_object_new_string(features[k].name));
	for (int w = 0; w < TUFF_BE_REACH_COUNT; w++)
		if (reach & (1u << w))
			json_object_array_add(r, json_object_new_string(reach_name[w]));
	for (uint32_t k = 0; k < d->nregions; k++)
		json_object_array_add(m, json_object_new_int64((int64_t)d->regions[k].size_B));
	json_object_object_add(o, "features", f);
	json_object_object_add(o, "reach", r);
	json_object_object_add(o, "memory", m);
	return o;
}

int tuff_cmd_devices(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { 0 } };
	static struct tuff_be_info d[TUFF_BE_MAX_DEVICES];
	json_object *all = NULL;
	int c, n;

	while ((c = getopt_long(argc, argv, "h", opts, NULL)) != -1) {
		if (c == 'j') {
			if (!all)
				all = json_object_new_array();
			continue;
		}
		fprintf(c == 'h' ? stdout : stderr, "usage: tuff devices [--json]\n");
		json_object_put(all);
		return c == 'h' ? 0 : 2;
	}
	n = tuff_be_vulkan.enumerate(d, TUFF_BE_MAX_DEVICES);
	if (!all)
		printf("cpu  %ld processors\n", sysconf(_SC_NPROCESSORS_ONLN));
	for (int i = 0; i < n; i++) {
		uint32_t reach = probe((uint32_t)i, &d[i]);

		if (all)
			json_object_array_add(all, to_json((uint32_t)i, &d[i], reach));
		else
			print_text((uint32_t)i, &d[i], reach);
	}
	if (all)
		puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PRETTY));
	else if (n <= 0)
		printf("no Vulkan device\n");
	json_object_put(all);
	return 0;
}
