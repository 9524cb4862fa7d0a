/* SPDX-License-Identifier: MIT */
/* What Vulkan 1.1 promises of every device, in the worst case. */
#ifndef TUFF_DRIVER_EXECUTOR_FLOORS_H
#define TUFF_DRIVER_EXECUTOR_FLOORS_H

#include "driver/executor/backend.h"

static const struct tuff_be_limits tuff_be_floors = {
	.max_storage_buffers = 4, .max_uniform_range = 16384,
	.max_storage_range = 1ull << 27, .max_alloc_B = 1ull << 30,
	.max_buffer_B = 1ull << 30, .storage_align = 256, .uniform_align = 256,
	.import_align = 65536, .shared_B = 16384, .max_invocations = 128,
	.max_group_size = { 128, 128, 64 }, .max_group_count = { 65535, 65535, 65535 },
	.subgroup_size = 1, .subgroup_min = 1, .subgroup_max = 1, .timestamp_ns = 1.0f };
#endif
