/* SPDX-License-Identifier: MIT */
/* What the files of the Vulkan back end share. */
#ifndef TUFF_DRIVER_VULKAN_VK_H
#define TUFF_DRIVER_VULKAN_VK_H

#include <pthread.h>
#include <vulkan/vulkan.h>

#include "driver/executor/backend.h"

#define VKB_FENCES	256	/* submissions in flight */
#define VKB_LAYOUTS	32	/* storage mask (4 bits) and uniform (1 bit) */
#define VKB_WORKERS 1

struct vkb_layout {
	VkDescriptorSetLayout set;
	VkPipelineLayout pipe;
};

struct vkb_flight {
	VkFence fence;
	uint64_t seqno;
	uint32_t waiters;	/* a fence is reset only when nobody waits on it */
};

struct tuff_be_device {
	struct tuff_be_device *next;	/* in quarantine */
	VkPhysicalDevice phys;
	VkDevice dev;
	VkQueue queue;
	uint32_t family;
	bool has_hostptr, has_dmabuf, has_feedback, warm, poisoned, lost;
	struct tuff_be_kernel *hung;	/* wlock: whose compiler did not end in time */
	VkPhysicalDeviceMemoryProperties memprops;
	struct tuff_be_info info;
	struct tuff_be_counters cnt;		/* atomics where workers touch them */
	PFN_vkGetMemoryHostPointerPropertiesEXT get_hostptr;
	PFN_vkGetMemoryFdPropertiesKHR get_fd;
	PFN_vkGetCalibratedTimestampsEXT get_clocks;	/* NULL: not both at one instant */

	VkCommandPool pool;
	VkPipelineCache cache;
	pthread_mutex_t layout_lock;
	struct vkb_layout layouts[VKB_LAYOUTS];	/* layout_lock */
	struct tuff_be_mem *dummy;		/* bound by warm-up dispatches */

	pthread_mutex_t qlock;			/* the queue and what follows */
	struct vkb_flight ring[VKB_FENCES];
	uint64_t head, tail;			/* in flight: [head, tail) */
	uint64_t done;				/* last completed seqno */

	pthread_mutex_t wlock;			/* worker queue, kernel states */
	pthread_cond_t wcond, kcond;
	struct tuff_be_kernel *wfirst, **wlast;
	pthread_t worker[VKB_WORKERS];
	uint32_t nworkers;
	bool wstop;
};

struct tuff_be_mem {
	struct tuff_be_device *dev;
	VkDeviceMemory mem;
	VkBuffer buf;
	uint64_t size;
	void *map;		/* of the device memory */
	void *host;		/* of the client's memfd, when imported or staged */
	bool staged, imported;
};

struct tuff_be_kernel {
	struct tuff_be_device *dev;
	struct tuff_be_kernel *next;	/* wlock */
	struct tuff_be_kernel_desc desc;
	uint32_t *code;
	char *entry;
	VkPipeline pipe;
	struct vkb_layout layout;
	int state;			/* wlock: 0 queued, 1 ready, -errno */
	bool left;			/* wlock: nobody destroys it */
	struct tuff_be_kernel *next_left;
};

struct tuff_be_rec {
	VkCommandBuffer cb;
	VkDescriptorPool descs;
	VkQueryPool queries;
	uint32_t nqueries;
};

/* debug.c: TUFF_DEBUG */
#define VKB_DEBUG_VALIDATE	(1u << 0)
#define VKB_DEBUG_FLOORS	(1u << 1)
#define VKB_DEBUG_NODEVMAP	(1u << 2)
#define VKB_DEBUG_NODMABUF	(1u << 3)
#define VKB_DEBUG_NOHOSTPTR	(1u << 4)
#define VKB_DEBUG_NOSTAGING	(1u << 5)
uint32_t vkb_debug(void);
void vkb_debug_floors(struct tuff_be_info *info);
int vkb_errno(VkResult r);
/* instance.c */
VkInstance vkb_instance(void);
uint64_t vkb_validation_count(void);
/* select.c: physical devices */
int vkb_physical(VkPhysicalDevice *out, uint32_t max);
void vkb_describe(VkPhysicalDevice phys, struct tuff_be_info *info);
bool vkb_has_ext(VkPhysicalDevice phys, const char *name);
int vkb_family(VkPhysicalDevice phys, uint32_t *family, uint32_t *ts_bits);
/* memory.c: the index of a memory type, -1 = none will do */
int vkb_choose_type(const VkPhysicalDeviceMemoryProperties *p, uint32_t bits,
		    const struct tuff_be_mem_desc *desc);
int vkb_mem_alloc(struct tuff_be_device *dev, const struct tuff_be_mem_desc *desc,
		  struct tuff_be_mem **out);
int vkb_mem_import(struct tuff_be_device *dev, int fd, uint64_t size, uint32_t reach,
		   struct tuff_be_mem **out);
void vkb_mem_free(struct tuff_be_device *dev, struct tuff_be_mem *mem);
void *vkb_mem_map(struct tuff_be_mem *mem);
int vkb_mem_sync(struct tuff_be_mem *mem, uint64_t offset, uint64_t size, bool to_device);
bool vkb_mem_staged(struct tuff_be_mem *mem);
/* reach.c */
void vkb_probe_reach(struct tuff_be_device *dev);
int vkb_udmabuf(int memfd, uint64_t size);
/* cache.c: blobs are files with a checksum; NULL where there is no good one */
void *vkb_blob_read(const char *path, size_t *size);
void vkb_blob_write(const char *path, const void *blob, size_t size);
int vkb_cache_path(struct tuff_be_device *dev, char *path, size_t len);
void vkb_cache_load(struct tuff_be_device *dev);
void vkb_cache_save(struct tuff_be_device *dev);
/* pipeline.c */
int vkb_layout_get(struct tuff_be_device *dev, uint32_t mask, bool uniform,
		   struct vkb_layout *out);
int vkb_kernel_create(struct tuff_be_device *dev, const struct tuff_be_kernel_desc *desc,
		      struct tuff_be_kernel **out);
int vkb_kernel_wait(struct tuff_be_kernel *k, int64_t timeout_ns);
void vkb_kernel_destroy(struct tuff_be_device *dev, struct tuff_be_kernel *k);
void vkb_workers_stop(struct tuff_be_device *dev);
uint64_t vkb_ticks_ns(const struct tuff_be_device *dev, uint64_t ticks);	/* device.c */
/* record.c */
int vkb_record(struct tuff_be_device *dev, const struct tuff_be_cmd *cmds, uint32_t ncmds,
	       const struct tuff_be_slot *slots, uint32_t nslots, struct tuff_be_rec **out);
void vkb_rec_destroy(struct tuff_be_device *dev, struct tuff_be_rec *rec);
int vkb_timestamps(struct tuff_be_device *dev, struct tuff_be_rec *rec, uint64_t *ns,
		   uint32_t count);
/* queue.c */
int vkb_queue_init(struct tuff_be_device *dev);
void vkb_queue_fini(struct tuff_be_device *dev);
int vkb_submit(struct tuff_be_device *dev, struct tuff_be_rec *const *recs, uint32_t n,
	       uint64_t seqno);
int vkb_wait(struct tuff_be_device *dev, uint64_t seqno, int64_t timeout_ns, uint64_t *done);

#define vkb_count(dev, field) __atomic_add_fetch(&(dev)->cnt.field, 1, __ATOMIC_RELAXED)
#endif
