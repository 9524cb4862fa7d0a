/* SPDX-License-Identifier: MIT */
/*
 * A back end for tests: one device whose clock the test holds. Jobs take
 * job_ns of that clock each, one after the other; COPY and FILL happen for
 * real, dispatches are shown to a hook.
 */
#ifndef TUFF_DRIVER_MOCK_H
#define TUFF_DRIVER_MOCK_H

#include "driver/executor/backend.h"

struct tuff_mock {
	/* read when the device is opened */
	uint32_t reach;			/* ways that work */
	uint32_t features;
	bool floors;			/* the specification's minimum limits */
	void (*describe)(struct tuff_be_info *info);	/* may say anything */
	int open_error;

	/* read at every use */
	int64_t job_ns;
	bool self_advance;		/* the clock jumps to what is waited for */
	bool hang;			/* nothing ends any more */
	bool lost;			/* -EIO from now on */
	int alloc_error, record_error, submit_error, kernel_error;
	bool kernel_hang;		/* pipelines are never made */
	uint64_t budget_B;
	void (*dispatch)(const struct tuff_be_cmd *cmd, const struct tuff_be_slot *slots,
			 void *const *host);	/* host[i] = address of slot i */
};

/* Defaults, clock at one second. Returns what may be changed, under lock/unlock
 * where other threads run. */
struct tuff_mock *tuff_mock_reset(void);
void tuff_mock_lock(void);
void tuff_mock_unlock(void);
void tuff_mock_advance(int64_t ns);
int64_t tuff_mock_clock(void);
/* Memory objects alive, of all devices: leaks. */
uint32_t tuff_mock_objects(void);

#endif
