/* SPDX-License-Identifier: MIT */
#ifndef TUFF_DRIVER_EXECUTOR_SPIRV_H
#define TUFF_DRIVER_EXECUTOR_SPIRV_H

#include "driver/executor/backend.h"

/**
 * tuff_spirv_check - may this module run on a device?
 * @desc: module, entry point and declared bindings, all untrusted
 * @info: the device
 * @err: receives what is wrong
 *
 * Validates with SPIRV-Tools for Vulkan 1.1, then checks that the entry point
 * exists, that set 0 holds exactly the declared bindings, and that capabilities
 * are the device's. Returns 0, -EINVAL or -EOPNOTSUPP.
 */
int tuff_spirv_check(const struct tuff_be_kernel_desc *desc, const struct tuff_be_info *info,
		     char *err, size_t errlen);
#endif
