/* SPDX-License-Identifier: MIT */
/*
 * The driver as one process uses it: the local transport. What a device node
 * is to open(), ioctl() and mmap(), these are in-process.
 */
#ifndef TUFF_DRIVER_DRIVER_H
#define TUFF_DRIVER_DRIVER_H

#include "driver/executor/backend.h"
#include "uapi/tuff_accel.h"

struct tuff_file;	/* an open client file */

/**
 * tuff_local_open - opens a client file on device `index` of a back end
 * @err: receives why it failed
 *
 * All files of one device in a process share one device: one VkDevice, one
 * scheduler. Thread safe, as is every function here.
 */
int tuff_local_open(const struct tuff_be_ops *be, uint32_t index, struct tuff_file **out,
		    char *err, size_t errlen);
/* Frees everything of the client; its jobs that are not yet on the device end. */
void tuff_local_close(struct tuff_file *f);
/* nr = TUFF_IOCTL_*; 0 or -errno */
int tuff_local_ioctl(struct tuff_file *f, uint32_t nr, void *arg);
/* Address in this process, NULL if not mappable; valid until BO_CLOSE. */
void *tuff_local_mmap(struct tuff_file *f, uint32_t bo_handle, uint64_t *size);
/* For tests. */
int tuff_local_counters(struct tuff_file *f, struct tuff_be_counters *out);

#endif
