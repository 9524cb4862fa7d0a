// SPDX-License-Identifier: MIT
/* The one VkInstance of a process; lives until exit, drivers dislike less. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/vulkan/vk.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static VkInstance the_instance;
static uint64_t validation_messages;

int vkb_errno(VkResult r)
{
	switch (r) {
	case VK_SUCCESS:
		return 0;
	case VK_ERROR_OUT_OF_HOST_MEMORY:
		return -ENOMEM;
	case VK_ERROR_OUT_OF_DEVICE_MEMORY:
	case VK_ERROR_TOO_MANY_OBJECTS:
		return -ENOSPC;
	case VK_ERROR_DEVICE_LOST:
		return -EIO;
	case VK_TIMEOUT:
	case VK_NOT_READY:
		return -ETIME;
	case VK_ERROR_FEATURE_NOT_PRESENT:
	case VK_ERROR_EXTENSION_NOT_PRESENT:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
}

static VKAPI_ATTR VkBool32 VKAPI_CALL
on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
	   VkDebugUtilsMessageTypeFlagsEXT types,
	   const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
	(void)severity;
	(void)user;
	/* The loader's own remarks are of type general. */
	if (!(types & ~VK_DEBUG_UTILS_MESSAGE_TYPE_GENERAL_BIT_EXT))
		return VK_FALSE;
	__atomic_add_fetch(&validation_messages, 1, __ATOMIC_RELAXED);
	fprintf(stderr, "tuff: validation: %.2000s\n", data->pMessage ? data->pMessage : "");
	return VK_FALSE;
}

uint64_t vkb_validation_count(void)
{
	return __atomic_load_n(&validation_messages, __ATOMIC_RELAXED);
}

static bool layer_present(const char *name)
{
	VkLayerProperties layers[64];
	uint32_t n = 64;

	if (vkEnumerateInstanceLayerProperties(&n, layers) < 0)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!strcmp(layers[i].layerName, name))
			return true;
	return false;
}

static void create_instance(void)
{
	static const char *layer = "VK_LAYER_KHRONOS_validation";
	static const char *ext = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
	static const VkValidationFeatureEnableEXT sync =
		VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
	static const VkValidationFeaturesEXT features = {
		.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
		.enabledValidationFeatureCount = 1, .pEnabledValidationFeatures = &sync };
	bool validate = vkb_debug() & VKB_DEBUG_VALIDATE;
	VkApplicationInfo app = {
		.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
		.pApplicationName = "tuff",
		.apiVersion = VK_API_VERSION_1_1,
	};
	VkDebugUtilsMessengerCreateInfoEXT mi = {
		.sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
		.messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
				   VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
		.messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
		.pfnUserCallback = on_message,
	};
	VkInstanceCreateInfo ci = {
		.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
		.pApplicationInfo = &app,
	};
	PFN_vkCreateDebugUtilsMessengerEXT create;
	VkDebugUtilsMessengerEXT messenger;

	if (validate && !layer_present(layer)) {
		fprintf(stderr, "tuff: TUFF_DEBUG=validate: %s is not installed\n", layer);
		validate = false;
	}
	if (validate) {
		ci.pNext = &features;
		ci.enabledLayerCount = 1;
		ci.ppEnabledLayerNames = &layer;
		ci.enabledExtensionCount = 1;
		ci.ppEnabledExtensionNames = &ext;
	}
	if (vkCreateInstance(&ci, NULL, &the_instance) != VK_SUCCESS) {
		the_instance = VK_NULL_HANDLE;
		return;
	}
	if (!validate)
		return;
	create = (PFN_vkCreateDebugUtilsMessengerEXT)
		vkGetInstanceProcAddr(the_instance, "vkCreateDebugUtilsMessengerEXT");
	if (create)
		create(the_instance, &mi, NULL, &messenger);
}

/* VK_NULL_HANDLE where there is no usable Vulkan. */
VkInstance vkb_instance(void)
{
	pthread_once(&once, create_instance);
	return the_instance;
}
