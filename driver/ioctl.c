// SPDX-License-Identifier: MIT
/* The table of ioctls: sizes, directions, and growing structs. */
#include "driver/broker.h"

#define MAX_ARG	256

struct entry {
	int (*fn)(struct tuff_file *f, void *arg);
	uint32_t nr;
};

#define E(id, NAME, fn) [TUFF_##NAME] = { tuff_ioctl_##fn, TUFF_IOCTL_##NAME }
static const struct entry table[TUFF_IOCTL_COUNT] = {
	E(0x00, GET_VERSION, get_version),
	E(0x01, DEV_QUERY, dev_query),
	E(0x02, CTX_CREATE, ctx_create),
	E(0x03, CTX_DESTROY, ctx_destroy),
	E(0x04, CTX_SET_PARAM, ctx_set_param),
	E(0x05, CTX_GET_STATE, ctx_get_state),
	E(0x06, BO_CREATE, bo_create),
	E(0x07, BO_MMAP_OFFSET, bo_mmap_offset),
	E(0x08, BO_INFO, bo_info),
	E(0x09, BO_WAIT, bo_wait),
	E(0x0a, BO_SYNC, bo_sync),
	E(0x0b, BO_CLOSE, bo_close),
	E(0x0c, BO_EXPORT, bo_export),
	E(0x0d, BO_IMPORT, bo_import),
	E(0x0e, KERNEL_CREATE, kernel_create),
	E(0x0f, KERNEL_WAIT, kernel_wait),
	E(0x10, KERNEL_DESTROY, kernel_destroy),
	E(0x11, CMDBUF_CREATE, cmdbuf_create),
	E(0x12, CMDBUF_DESTROY, cmdbuf_destroy),
	E(0x13, SUBMIT, submit),
	E(0x14, JOB_TIMESTAMPS, job_timestamps),
	E(0x15, SYNCOBJ_CREATE, syncobj_create),
	E(0x16, SYNCOBJ_DESTROY, syncobj_destroy),
	E(0x17, SYNCOBJ_WAIT, syncobj_wait),
	E(0x18, SYNCOBJ_RESET, syncobj_reset),
	E(0x19, SYNCOBJ_SIGNAL, syncobj_signal),
	E(0x1a, SYNCOBJ_QUERY, syncobj_query),
	E(0x1b, SYNCOBJ_EVENTFD, syncobj_eventfd),
	E(0x1c, QUERY_FDINFO, query_fdinfo),
	E(0x1d, SET_CLIENT_NAME, set_client_name),
};

/*
 * Short structs are extended with zeros; the tail of long ones must be zero.
 * The caller's struct is written only when the call succeeded.
 */
int tuff_ioctl(struct tuff_file *f, uint32_t nr, void *arg)
{
	uint32_t id = _IOC_NR(nr), size = _IOC_SIZE(nr), ours, n;
	uint64_t buf[MAX_ARG / 8];
	const struct entry *e;
	int ret;

	if (_IOC_TYPE(nr) != 't' || id >= TUFF_IOCTL_COUNT)
		return -ENOTTY;
	e = &table[id];
	if (_IOC_DIR(nr) != _IOC_DIR(e->nr) || !size)
		return -ENOTTY;
	if (!arg)
		return -EFAULT;
	ours = _IOC_SIZE(e->nr);
	n = size < ours ? size : ours;
	memset(buf, 0, ours);
	if (_IOC_DIR(nr) & _IOC_WRITE) {
		memcpy(buf, arg, n);
		for (uint32_t i = ours; i < size; i++)
			if (((const char *)arg)[i])
				return -E2BIG;
	}
	pthread_mutex_lock(&f->dev->lock);
	ret = e->fn(f, buf);
	pthread_mutex_unlock(&f->dev->lock);
	if (!ret && (_IOC_DIR(nr) & _IOC_READ))
		memcpy(arg, buf, n);
	return ret;
}
