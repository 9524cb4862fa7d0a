/* SPDX-License-Identifier: MIT */
/* Index of the hand-written shaders, generated at build time. */
#ifndef TUFF_SHADERS_INDEX_H
#define TUFF_SHADERS_INDEX_H

#include <stdint.h>

struct tuff_shader {
	const char *name;	/* file name without .comp */
	const uint32_t *code;	/* SPIR-V */
	uint32_t size_B;
};
extern const struct tuff_shader tuff_shaders[];
extern const uint32_t tuff_shader_count;

#endif
