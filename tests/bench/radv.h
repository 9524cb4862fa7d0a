/* SPDX-License-Identifier: MIT */
/*
 * What RADV's compiler makes of a kernel, without an AMD GPU: RADV_FORCE_FAMILY
 * opens a device that only compiles, VK_KHR_pipeline_executable_properties
 * tells what came out. One family a process (the driver reads it once).
 */
#ifndef TUFF_TESTS_BENCH_RADV_H
#define TUFF_TESTS_BENCH_RADV_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vulkan/vulkan.h>

#include "compiler/tuffc.h"
#include "userspace/session.h"

#define RADV_ICD "/usr/share/vulkan/icd.d/radeon_icd.x86_64.json"

static const char *const radv_families[] = { "navi21", "vega10", "gfx1100", "polaris10" };
#define RADV_NFAMILIES (sizeof(radv_families) / sizeof(radv_families[0]))

struct radv {
	VkInstance inst;
	VkPhysicalDevice phys;
	VkDevice dev;
	PFN_vkGetPipelineExecutableStatisticsKHR stats;
	uint64_t seen[1024];	/* kernels of models before, by hash */
	uint32_t nseen;
};

struct radv_stats {
	uint64_t vgprs, sgprs, vgpr_spills, sgpr_spills, scratch_B, lds_B, code_B;
	uint64_t waves;		/* subgroups a SIMD holds at once */
	uint64_t latency, inverse_throughput;	/* RADV's estimates, in cycles */
};

struct radv_kernel {
	const uint32_t *code;
	size_t size_B;
	uint32_t nbind, nspec;
	const uint32_t *spec_id, *spec_value;
};

static inline const char *radv_open(struct radv *r, const char *family)
{
	static const char *ext = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
	VkApplicationInfo app = { .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO, .apiVersion = VK_API_VERSION_1_1 };
	VkInstanceCreateInfo ii = { .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, .pApplicationInfo = &app };
	VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR exe = {
		.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR,
		.pipelineExecutableInfo = VK_TRUE };
	VkPhysicalDeviceFeatures want = { .robustBufferAccess = VK_TRUE };
	float prio = 1;
	VkDeviceQueueCreateInfo qi = { .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, .queueCount = 1, .pQueuePriorities = &prio };
	VkDeviceCreateInfo di = { .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, .pNext = &exe, .queueCreateInfoCount = 1,
		.pQueueCreateInfos = &qi, .enabledExtensionCount = 1, .ppEnabledExtensionNames = &ext, .pEnabledFeatures = &want };
	uint32_t n = 1;

	if (access(RADV_ICD, R_OK))
		return "mesa-vulkan-drivers' RADV is not installed";
	setenv("VK_ICD_FILENAMES", RADV_ICD, 1);
	unsetenv("VK_DRIVER_FILES");
	setenv("RADV_FORCE_FAMILY", family, 1);
	if (vkCreateInstance(&ii, NULL, &r->inst))
		return "no Vulkan instance";
	if (vkEnumeratePhysicalDevices(r->inst, &n, &r->phys) < 0 || !n)
		return "RADV does not know this family";
	if (vkCreateDevice(r->phys, &di, NULL, &r->dev))
		return "RADV makes no device";
	r->stats = (PFN_vkGetPipelineExecutableStatisticsKHR)vkGetDeviceProcAddr(r->dev, "vkGetPipelineExecutableStatisticsKHR");
	return r->stats ? NULL : "RADV has no pipeline statistics";
}

static inline void radv_collect(const VkPipelineExecutableStatisticKHR *s, struct radv_stats *o)
{
	static const struct { const char *name; size_t at; } rows[] = {
		{ "VGPRs", offsetof(struct radv_stats, vgprs) }, { "SGPRs", offsetof(struct radv_stats, sgprs) },
		{ "Spilled VGPRs", offsetof(struct radv_stats, vgpr_spills) },
		{ "Spilled SGPRs", offsetof(struct radv_stats, sgpr_spills) },
		{ "Scratch size", offsetof(struct radv_stats, scratch_B) }, { "LDS size", offsetof(struct radv_stats, lds_B) },
		{ "Code size", offsetof(struct radv_stats, code_B) }, { "Subgroups per SIMD", offsetof(struct radv_stats, waves) },
		{ "Latency", offsetof(struct radv_stats, latency) },
		{ "Inverse Throughput", offsetof(struct radv_stats, inverse_throughput) },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(s->name, rows[i].name))
			*(uint64_t *)((char *)o + rows[i].at) = s->value.u64;
}

/* 0, or -1 where the driver refuses the kernel */
static inline int radv_compile(struct radv *r, const struct radv_kernel *k, struct radv_stats *out)
{
	VkDescriptorSetLayoutBinding b[5] = { 0 };
	VkDescriptorSetLayoutCreateInfo li = { .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
		.bindingCount = 1 + k->nbind, .pBindings = b };
	VkPipelineLayoutCreateInfo pi = { .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO, .setLayoutCount = 1 };
	VkShaderModuleCreateInfo mi = { .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = k->size_B, .pCode = k->code };
	VkSpecializationMapEntry map[TUFF_KERNEL_SPECS];
	VkSpecializationInfo spec = { k->nspec, map, 4 * k->nspec, k->spec_value };
	VkComputePipelineCreateInfo ci = { .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
		.flags = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR,
		.stage = { .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO, .stage = VK_SHADER_STAGE_COMPUTE_BIT,
			   .pName = "main", .pSpecializationInfo = k->nspec ? &spec : NULL } };
	VkPipelineExecutableInfoKHR ei = { .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR };
	VkPipelineExecutableStatisticKHR s[64];
	VkDescriptorSetLayout set = VK_NULL_HANDLE;
	VkPipelineLayout layout = VK_NULL_HANDLE;
	uint32_t n = 64;
	int ret = -1;

	*out = (struct radv_stats){ 0 };
	if (k->nbind > 4 || k->nspec > TUFF_KERNEL_SPECS)
		return -1;
	for (uint32_t i = 0; i <= k->nbind; i++)
		b[i] = (VkDescriptorSetLayoutBinding){ i, i ? VK_DESCRIPTOR_TYPE_STORAGE_BUFFER : VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER,
						       1, VK_SHADER_STAGE_COMPUTE_BIT, NULL };
	for (uint32_t i = 0; i < k->nspec; i++)
		map[i] = (VkSpecializationMapEntry){ k->spec_id[i], 4 * i, 4 };
	pi.pSetLayouts = &set;
	if (vkCreateDescriptorSetLayout(r->dev, &li, NULL, &set) || vkCreatePipelineLayout(r->dev, &pi, NULL, &layout) ||
	    vkCreateShaderModule(r->dev, &mi, NULL, &ci.stage.module))
		goto out;
	ci.layout = layout;
	if (vkCreateComputePipelines(r->dev, VK_NULL_HANDLE, 1, &ci, NULL, &ei.pipeline))
		goto out;
	for (uint32_t i = 0; i < n; i++)
		s[i] = (VkPipelineExecutableStatisticKHR){ .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR };
	if (r->stats(r->dev, &ei, &n, s) >= 0 && n) {
		for (uint32_t i = 0; i < n; i++)
			radv_collect(&s[i], out);
		ret = 0;
	}
	vkDestroyPipeline(r->dev, ei.pipeline, NULL);
out:
	vkDestroyShaderModule(r->dev, ci.stage.module, NULL);
	vkDestroyPipelineLayout(r->dev, layout, NULL);
	vkDestroyDescriptorSetLayout(r->dev, set, NULL);
	return ret;
}

static inline int radv_spills(const struct radv_stats *s)
{
	return s->vgpr_spills || s->sgpr_spills || s->scratch_B;
}

/* not one of a model before? those are not compiled again */
static inline int radv_new_kernel(struct radv *r, uint64_t hash)
{
	for (uint32_t i = 0; i < r->nseen; i++)
		if (r->seen[i] == hash)
			return 0;
	if (r->nseen < sizeof(r->seen) / sizeof(r->seen[0]))
		r->seen[r->nseen++] = hash;
	return 1;
}

/* What the compiler may assume of an AMD GPU: its device class, not lavapipe's tiles. */
static inline struct tuffc_options radv_options(void)
{
	return (struct tuffc_options){ .device = { .target = TUFF_TARGET_GPU, .subgroup_size = 64, .max_invocations = 1024,
		.max_groups = { 65535, 65535, 65535 }, .max_storage_range = 1u << 31, .features = TUFFC_FEAT_SUBGROUP_BROADCAST },
		.eval.run = tuff_eval };
}

static inline int radv_program(const char *model, struct tuff_program **out, struct tuffc_error *err)
{
	struct tuffc_options opt = radv_options();

	return tuffc_compile(model, &opt, out, err);
}

static inline struct radv_kernel radv_kernel_of(const struct tuff_program *p, uint32_t i)
{
	const struct tuff_kernel *k = &p->kernels[i];

	return (struct radv_kernel){ (const uint32_t *)(p->spirv + k->spirv), k->spirv_size, k->nbind, k->nspec, k->spec_id, k->spec_value };
}

#endif
