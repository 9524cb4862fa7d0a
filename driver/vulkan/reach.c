// SPDX-License-Identifier: MIT
/*
 * Which ways this device reaches a client's memfd: each is tried once on a
 * page, since extension strings promise more than drivers do (amdgpu refuses
 * file-backed host pointers).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver/vulkan/vk.h"

/* A dma-buf over a memfd sealed against shrinking, or -errno. */
int vkb_udmabuf(int memfd, uint64_t size)
{
	struct udmabuf_create c = {
		.memfd = (__u32)memfd, .flags = UDMABUF_FLAGS_CLOEXEC, .size = size };
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int fd, err;

	if (dev < 0)
		return -errno;
	fd = ioctl(dev, UDMABUF_CREATE, &c);
	err = errno;
	close(dev);
	return fd < 0 ? -err : fd;
}

void vkb_probe_reach(struct tuff_be_device *dev)
{
	static const struct {
		uint32_t way, refused;
	} ways[] = { { TUFF_BE_REACH_DMABUF, VKB_DEBUG_NODMABUF },
		     { TUFF_BE_REACH_HOSTPTR, VKB_DEBUG_NOHOSTPTR },
		     { TUFF_BE_REACH_STAGING, VKB_DEBUG_NOSTAGING } };
	uint64_t size = 65536;	/* the largest import alignment in the wild */
	struct tuff_be_mem *m;
	int fd;

	if (!(vkb_debug() & VKB_DEBUG_NODEVMAP))
		dev->info.reach = 1u << TUFF_BE_REACH_DEVMAP;
	if (dev->info.features & TUFF_BE_F_COMPILE_ONLY)
		return;
	fd = memfd_create("tuff-probe", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return;
	if (ftruncate(fd, (off_t)size) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW))
		goto out;
	for (int i = 0; i < 3; i++) {
		if ((vkb_debug() & ways[i].refused) ||
		    vkb_mem_import(dev, fd, size, ways[i].way, &m))
			continue;
		dev->info.reach |= 1u << ways[i].way;
		vkb_mem_free(dev, m);
	}
out:
	close(fd);
}
