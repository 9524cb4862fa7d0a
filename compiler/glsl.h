/* SPDX-License-Identifier: MIT */
#ifndef TUFF_GLSL_H
#define TUFF_GLSL_H

#include <stddef.h>
#include <stdint.h>

/**
 * glsl_compile - compute shader text to optimised SPIR-V for Vulkan 1.1
 * @cache: directory for results keyed by the text's hash, NULL for none
 * @code: malloc()ed words, the caller frees
 * @err: the compiler's first message on failure
 *
 * 0, -EINVAL (the text is wrong), -ENOMEM.
 */
int glsl_compile(const char *text, const char *cache, uint32_t **code, size_t *size, char *err, size_t errlen);

#endif
