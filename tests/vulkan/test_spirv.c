// SPDX-License-Identifier: MIT
/* What the executor accepts as a kernel; needs no device. */
#include <errno.h>

#include "driver/executor/spirv.h"
#include "tests/harness.h"
#include "tests/vulkan/add.h"
#include "tests/vulkan/shared.h"

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
/* The module with one more capability, and the extension that it is from. */
static int with(uint32_t cap, const char *ext, uint32_t features)
{
	static uint32_t code[sizeof(add_spv) / 4 + 16];
	struct tuff_be_info info = floors;
	struct tuff_be_kernel_desc d = { .code = code, .entry = "main", .storage_mask = 3,
					 .uniform = true, .nspec = 1, .spec_value = { 64 } };
	uint32_t n = 5, words = ext ? (uint32_t)strlen(ext) / 4 + 1 : 0;
	char err[512] = "";
	int ret;

	memset(code, 0, sizeof(code));
	memcpy(code, add_spv, 28);		/* header and capability */
	n = 7;
	code[n++] = 2 << 16 | 17;		/* OpCapability */
	code[n++] = cap;
	if (ext) {
		code[n++] = (1 + words) << 16 | 10;	/* OpExtension */
		memcpy(&code[n], ext, strlen(ext));
		n += words;
	}
	memcpy(&code[n], add_spv + 7, sizeof(add_spv) - 28);
	d.size_B = (n - 7) * 4 + sizeof(add_spv);
	info.features = features;
	ret = tuff_spirv_check(&d, &info, err, sizeof(err));
	return ret && !err[0] ? -EBADMSG : ret;
}

/* What DEV_QUERY promises a kernel may use; what it does not, it may not. */
TEST(capabilities_are_the_devices)
{
	static const struct { uint32_t cap, feature; const char *ext; } caps[] = {
		{ 4433, TUFF_BE_F_STORAGE16, "SPV_KHR_16bit_storage" },
		{ 4448, TUFF_BE_F_STORAGE8, "SPV_KHR_8bit_storage" },
		{ 9, TUFF_BE_F_FLOAT16, NULL }, { 39, TUFF_BE_F_INT8, NULL },
		{ 22, TUFF_BE_F_INT16, NULL }, { 11, TUFF_BE_F_INT64, NULL },
		{ 10, TUFF_BE_F_FLOAT64, NULL } };

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
		CHECK_EQ(with(caps[i].cap, caps[i].ext, caps[i].feature), 0);
		CHECK_EQ(with(caps[i].cap, caps[i].ext, ~caps[i].feature), -EOPNOTSUPP);
	}
}
/* physical addresses are never wanted: a kernel could reach what is not its own */
TEST(addresses_are_refused)
{
	CHECK_EQ(with(5347, "SPV_KHR_physical_storage_buffer", ~0u), -EOPNOTSUPP);
	CHECK(with(4, NULL, ~0u) < 0);	/* Addresses */
}

static int shared(uint32_t n)
{
	struct tuff_be_info info = floors;
	struct tuff_be_kernel_desc d = { .code = shared_spv, .size_B = sizeof(shared_spv),
					 .entry = "main", .storage_mask = 1, .nspec = 1,
					 .spec_value = { n } };
	char err[512] = "";
	int ret;

	info.limits.shared_B = 16384;
	ret = tuff_spirv_check(&d, &info, err, sizeof(err));
	return !ret || strstr(err, "workgroup memory, limit 16384") ? ret : -EBADMSG;
}

TEST(workgroup_memory)
{
	CHECK_EQ(shared(2022), 0);	/* 8 * 2022 + 208 = 16384 */
	CHECK_EQ(shared(2023), -EINVAL);
	CHECK_EQ(shared(0x20000000), -EINVAL);
	CHECK_EQ(shared(0x7fffffff), -EINVAL);
}

TEST(truncated)
{
	for (size_t s = 0; s < sizeof(add_spv); s += 4)
		CHECK_EQ(check("main", 3, true, 64, s), -EINVAL);
}
