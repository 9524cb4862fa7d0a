// SPDX-License-Identifier: MIT
/*
 * The VkPipelineCache on disk, one file per driver build:
 * $XDG_CACHE_HOME/tuff/pipe-<uuid>-<version>. Ours is a header with a checksum
 * in front, because drivers are not robust against a damaged blob.
 */
#define XXH_INLINE_ALL
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "driver/vulkan/vk.h"

#define CACHE_MAGIC	0x3063706675747475ull
#define CACHE_MAX_B	(256u << 20)

struct cache_header {
	uint64_t magic, size_B, hash;
};

static int cache_dir(char *dir, size_t len)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n;

	if (xdg && xdg[0] == '/')
		n = snprintf(dir, len, "%s", xdg);
	else if (home && home[0] == '/')
		n = snprintf(dir, len, "%s/.cache", home);
	else
		return -ENOENT;
	if (n < 0 || (size_t)n + 6 > len)
		return -ENAMETOOLONG;
	mkdir(dir, 0700);
	memcpy(dir + n, "/tuff", 6);
	mkdir(dir, 0700);
	return 0;
}

static int cache_path(struct tuff_be_device *dev, char *path, size_t len)
{
	char dir[3072], uuid[33];
	int n, ret = cache_dir(dir, sizeof(dir));

	if (ret)
		return ret;
	for (int i = 0; i < 16; i++)
		snprintf(uuid + 2 * i, 3, "%02x", dev->info.uuid[i]);
	n = snprintf(path, len, "%s/pipe-%s-%08x-%08x", dir, uuid, dev->info.device_id,
		     dev->info.driver_version);
	return n < 0 || (size_t)n >= len ? -ENAMETOOLONG : 0;
}

static void *read_blob(const char *path, size_t *size)
{
	struct cache_header h;
	struct stat st;
	void *blob = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    read(fd, &h, sizeof(h)) != sizeof(h) || h.magic != CACHE_MAGIC ||
	    !h.size_B || h.size_B > CACHE_MAX_B ||
	    (uint64_t)st.st_size != h.size_B + sizeof(h))
		goto out;
	blob = malloc(h.size_B);
	if (blob && (read(fd, blob, h.size_B) != (ssize_t)h.size_B ||
		     XXH64(blob, h.size_B, 0) != h.hash)) {
		free(blob);
		blob = NULL;
	}
	*size = h.size_B;
out:
	close(fd);
	return blob;
}

/* Never fails: without a file, or a cache at all, pipelines just take longer. */
void vkb_cache_load(struct tuff_be_device *dev)
{
	VkPipelineCacheCreateInfo ci = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO };
	char path[3200];
	void *blob = NULL;

	if (!cache_path(dev, path, sizeof(path)))
		blob = read_blob(path, &ci.initialDataSize);
	if (blob)
		ci.pInitialData = blob;
	else
		ci.initialDataSize = 0;
	if (vkCreatePipelineCache(dev->dev, &ci, NULL, &dev->cache))
		dev->cache = VK_NULL_HANDLE;
	free(blob);
}

void vkb_cache_save(struct tuff_be_device *dev)
{
	char path[3200], tmp[3264];
	struct cache_header h = { .magic = CACHE_MAGIC };
	size_t size = 0;
	void *blob;
	int fd;

	if (!dev->cache || !dev->cnt.pipelines || cache_path(dev, path, sizeof(path)) ||
	    vkGetPipelineCacheData(dev->dev, dev->cache, &size, NULL) ||
	    size <= 32 || size > CACHE_MAX_B)	/* 32: a header alone */
		return;
	blob = malloc(size);
	if (!blob)
		return;
	snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path);
	if (vkGetPipelineCacheData(dev->dev, dev->cache, &size, blob))
		goto out;
	h.size_B = size;
	h.hash = XXH64(blob, size, 0);
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		goto out;
	if (write(fd, &h, sizeof(h)) != sizeof(h) || write(fd, blob, size) != (ssize_t)size) {
		close(fd);
		unlink(tmp);
		goto out;
	}
	close(fd);
	if (rename(tmp, path))
		unlink(tmp);
out:
	free(blob);
}
