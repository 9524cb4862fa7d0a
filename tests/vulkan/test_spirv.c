// SPDX-License-Identifier: MIT
/* What the executor accepts as a kernel; needs no device. */
#include <errno.h>

#include "driver/executor/spirv.h"
#include "tests/harness.h"
#include "tests/vulkan/add.h"

static const struct tuff_be_info floors = { .limits = {
	.max_invocations = 128, .max_group_size = { 128, 128, 64 } } };

static int check(const char *entry, uint32_t mask, bool uniform, uint32_t local, size_t size)
{
	char err[512] = "";
	struct tuff_be_kernel_desc d = {
		.code = add_spv, .size_B = size, .entry = entry, .storage_mask = mask,
		.uniform = uniform, .nspec = 1, .spec_id = { 0 }, .spec_value = { local } };
	int ret = tuff_spirv_check(&d, &floors, err, sizeof(err));

	if (ret && !err[0])
		return -EBADMSG;	/* an error must say what is wrong */
	return ret;
}

TEST(valid) { CHECK_EQ(check("main", 3, true, 64, sizeof(add_spv)), 0); }
TEST(unused_binding_declared) { CHECK_EQ(check("main", 7, true, 64, sizeof(add_spv)), 0); }
TEST(undeclared_storage) { CHECK_EQ(check("main", 1, true, 64, sizeof(add_spv)), -EINVAL); }
TEST(undeclared_uniform) { CHECK_EQ(check("main", 3, false, 64, sizeof(add_spv)), -EINVAL); }
TEST(no_entry) { CHECK_EQ(check("mainly", 3, true, 64, sizeof(add_spv)), -EINVAL); }
TEST(group_too_large) { CHECK_EQ(check("main", 3, true, 129, sizeof(add_spv)), -EINVAL); }
TEST(group_zero) { CHECK_EQ(check("main", 3, true, 0, sizeof(add_spv)), -EINVAL); }
TEST(truncated)
{
	for (size_t s = 0; s < sizeof(add_spv); s += 4)
		CHECK_EQ(check("main", 3, true, 64, s), -EINVAL);
}
