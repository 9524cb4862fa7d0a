// SPDX-License-Identifier: MIT
/* What devices there are, and which one a name means. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "userspace/session.h"

static const char *const class_name[] = { "cpu", "software-wide", "software-small", "gpu", "gpu" };

/* the Vulkan devices; *n of them, NULL if there is no memory */
static struct tuff_be_info *enumerate(int *n)
{
	struct tuff_be_info *list = calloc(TUFF_BE_MAX_DEVICES, sizeof(*list));

	*n = list ? tuff_be_vulkan.enumerate(list, TUFF_BE_MAX_DEVICES) : -ENOMEM;
	if (*n > TUFF_BE_MAX_DEVICES)
		*n = TUFF_BE_MAX_DEVICES;
	return list;
}

/* why it cannot run, NULL if it can */
static const char *unusable(const struct tuff_be_info *d)
{
	if (d->rejected[0])
		return d->rejected;
	return d->features & TUFF_BE_F_COMPILE_ONLY ? "no hardware behind its driver: it compiles only" : NULL;
}

/* the first that can run, real ones only or any; -1 if there is none */
static int first(const struct tuff_be_info *list, int n, bool software)
{
	for (int i = 0; i < n; i++)
		if (!unusable(&list[i]) && (software || !(list[i].features & TUFF_BE_F_SOFTWARE)))
			return i;
	return -1;
}

static void explain_auto(const struct tuff_be_info *list, int n, int gpu, char *why, size_t size)
{
	if (gpu >= 0)
		snprintf(why, size, "auto: %.100s is the first GPU that can run", list[gpu].name);
	else if (n <= 0)
		snprintf(why, size, "auto: the CPU, as there is no Vulkan device");
	else if (unusable(&list[0]))
		snprintf(why, size, "auto: the CPU, as no GPU can run: %.80s: %.100s", list[0].name, unusable(&list[0]));
	else
		snprintf(why, size, "auto: the CPU, as %.80s is software and slower", list[0].name);
}

static int numbered(const struct tuff_be_info *list, int n, const char *name, int *index, struct tuff_error *err)
{
	unsigned int want;
	char rest;

	if (sscanf(name, "vulkan:%u%c", &want, &rest) != 1 || want >= (unsigned int)n)
		return session_error(err, -ENODEV, "device '%.40s' is not there: there are vulkan:0 to vulkan:%d, cpu, auto", name, n - 1);
	if (unusable(&list[want]))
		return session_error(err, -ENODEV, "device '%.40s' (%.80s) cannot run: %s", name, list[want].name, unusable(&list[want]));
	*index = want;
	return 0;
}

int device_choose(const char *name, int *index, char *why, size_t size, struct tuff_error *err)
{
	struct tuff_be_info *list;
	int n, ret = 0;

	*index = -1;
	if (!name)
		name = "auto";
	if (!strcmp(name, "cpu")) {
		snprintf(why, size, "cpu was asked for");
		return 0;
	}
	if (strcmp(name, "auto") && strcmp(name, "vulkan") && strncmp(name, "vulkan:", 7))
		return session_error(err, -ENODEV, "device '%.40s' is unknown: auto, cpu, vulkan or vulkan:N", name);
	list = enumerate(&n);
	if (!strcmp(name, "auto")) {
		*index = first(list, n, false);
		explain_auto(list, n, *index, why, size);
	} else if (n <= 0) {
		ret = session_error(err, n ? n : -ENODEV, "no Vulkan device is there%s%s", n < 0 ? ": " : "", n < 0 ? strerror(-n) : "");
	} else if (!strcmp(name, "vulkan")) {
		*index = first(list, n, false);
		if (*index >= 0)
			snprintf(why, size, "vulkan: %.100s is the first GPU that can run", list[*index].name);
		else
			*index = first(list, n, true);
		if (*index < 0)
			ret = session_error(err, -ENODEV, "no Vulkan device can run: %s: %s", list[0].name, unusable(&list[0]));
		else if (list[*index].features & TUFF_BE_F_SOFTWARE)
			snprintf(why, size, "vulkan: %.100s (software), as there is no GPU that can run", list[*index].name);
	} else {
		ret = numbered(list, n, name, index, err);
		snprintf(why, size, "%.20s was asked for", name);
	}
	free(list);
	return ret;
}

static void describe(const struct tuff_be_info *d, int i, int taken, struct tuff_device_info *to)
{
	bool usable = !unusable(d);

	snprintf(to->id, sizeof(to->id), "vulkan:%d", i);
	snprintf(to->name, sizeof(to->name), "%s", d->name);
	snprintf(to->driver, sizeof(to->driver), "%s", d->driver);
	snprintf(to->device_class, sizeof(to->device_class), "%s", d->class < 5 ? class_name[d->class] : "");
	snprintf(to->drm_node, sizeof(to->drm_node), "%s", d->drm_node);
	snprintf(to->pci, sizeof(to->pci), "%s", d->pci);
	to->flags = (usable ? TUFF_DEVICE_USABLE : 0) | (d->features & TUFF_BE_F_SOFTWARE ? TUFF_DEVICE_SOFTWARE : 0) |
		    (i == taken ? TUFF_DEVICE_AUTO : 0) | (d->features & TUFF_BE_F_UNIFIED ? TUFF_DEVICE_UNIFIED : 0);
	to->vendor_id = d->vendor_id;
	to->device_id = d->device_id;
	to->api_version = d->api_version;
	for (uint32_t r = 0; r < d->nregions; r++) {
		if (!d->regions[r].device_local)
			continue;
		to->memory += d->regions[r].size_B;
		to->memory_budget += d->regions[r].budget_B;
	}
	snprintf(to->reason, sizeof(to->reason), "%s", !usable ? unusable(d) : i == taken ? "the first GPU that can run" :
		 d->features & TUFF_BE_F_SOFTWARE ? "software: slower than the CPU path" : "a GPU comes before it");
}

EXPORT int tuff_devices(struct tuff_device_info *out, uint32_t room)
{
	struct tuff_be_info *list;
	int n, gpu;

	list = enumerate(&n);
	if (!list)
		return -ENOMEM;
	if (n < 0)
		n = 0;
	gpu = first(list, n, false);
	room = out ? room : 0;
	for (uint32_t i = 0; i < room && i <= (uint32_t)n; i++) {
		memset(&out[i], 0, sizeof(out[i]));
		if (i)
			describe(&list[i - 1], i - 1, gpu, &out[i]);
	}
	if (room) {
		snprintf(out->id, sizeof(out->id), "cpu");
		snprintf(out->name, sizeof(out->name), "cpu");
		snprintf(out->device_class, sizeof(out->device_class), "cpu");
		out->flags = TUFF_DEVICE_USABLE | TUFF_DEVICE_SOFTWARE | TUFF_DEVICE_UNIFIED | (gpu < 0 ? TUFF_DEVICE_AUTO : 0);
		out->threads = cpu_pool_threads(0);
		out->memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
		out->memory_budget = (uint64_t)sysconf(_SC_AVPHYS_PAGES) * sysconf(_SC_PAGESIZE);
		if (gpu < 0)
			explain_auto(list, n, gpu, out->reason, sizeof(out->reason));
		else
			snprintf(out->reason, sizeof(out->reason), "a GPU comes before it");
	}
	free(list);
	return n + 1;
}
