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

int vkb_cache_path(struct tuff_be_device *dev, char *path, size_t len)
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

static bool read_all(int fd, void *to, size_t n)
{
	for (ssize_t got; n; n -= (size_t)got, to = (char *)to + got)
		if ((got = read(fd, to, n)) <= 0)
			return false;
	return true;
}

static bool write_all(int fd, const void *from, size_t n)
{
	for (ssize_t put; n; n -= (size_t)put, from = (const char *)from + put)
		if ((put = write(fd, from, n)) <= 0)
			return false;
	return true;
}

/* O_NONBLOCK: a pipe in its place must not stop us. */
void *vkb_blob_read(const char *path, size_t *size)
{
	struct cache_header h;
	struct stat st;
	void *blob = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    !read_all(fd, &h, sizeof(h)) || h.magic != CACHE_MAGIC ||
	    !h.size_B || h.size_B > CACHE_MAX_B ||
	    (uint64_t)st.st_size != h.size_B + sizeof(h))
		goto out;
	blob = malloc(h.size_B);
	if (blob && (!read_all(fd, blob, h.size_B) || XXH64(blob, h.size_B, 0) != h.hash)) {
		free(blob);
		blob = NULL;
	}
	*size = h.size_B;
out:
	close(fd);
	return blob;
}

/* Whole or not at all, whoever else writes. */
void vkb_blob_write(const char *path, const void *blob, size_t size)
{
	struct cache_header h = { CACHE_MAGIC, size, XXH64(blob, size, 0) };
	char tmp[3264];
	bool ok;
	int fd;

	if (snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path) >= (int)sizeof(tmp))
		return;
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return;
	ok = write_all(fd, &h, sizeof(h)) && write_all(fd, blob, size);
	if (close(fd) || !ok || rename(tmp, path))
		unlink(tmp);
}

/* Never fails: without a file, or a cache at all, pipelines just take longer. */
void vkb_cache_load(struct tuff_be_device *dev)
{
	VkPipelineCacheCreateInfo ci = {
		.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO };
	char path[3200];
	void *blob = NULL;

	if (!vkb_cache_path(dev, path, sizeof(path)))
		blob = vkb_blob_read(path, &ci.initialDataSize);
	if (blob)
		ci.pInitialData = blob;
	else
		ci.initialDataSize = 0;
	if (vkCreatePipelineCache(dev->dev, &ci, NULL, &dev->cache))
		dev->cache = VK_NULL_HANDLE;
	free(blob);
}

/* Only what is new: a process that made nothing, or found it all, writes nothing. */
void vkb_cache_save(struct tuff_be_device *dev)
{
	char path[3200];
	size_t size = 0;
	void *blob;

	if (!dev->cache || dev->cnt.pipelines == dev->cnt.cache_hits ||
	    vkb_cache_path(dev, path, sizeof(path)) ||
	    vkGetPipelineCacheData(dev->dev, dev->cache, &size, NULL) ||
	    size <= 32 || size > CACHE_MAX_B)	/* 32: a header alone */
		return;
	blob = malloc(size);
	if (blob && !vkGetPipelineCacheData(dev->dev, dev->cache, &size, blob))
		vkb_blob_write(path, blob, size);
	free(blob);
}
