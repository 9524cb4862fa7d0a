/* SPDX-License-Identifier: MIT */
/*
 * The .tuff file: a head, a table of sections, then page-aligned sections that
 * are the arrays of struct tuff_program. All little-endian, native structs:
 * `layout` tells a reader whose structs differ that it cannot map it.
 */
#ifndef TUFF_PROGRAM_FILE_H
#define TUFF_PROGRAM_FILE_H

#include "program/program.h"

#define TUFF_FILE_MAGIC "tuff\r\n\x1a"	/* with the final 0: eight bytes, broken by text transfer */
#define TUFF_FILE_VERSION 2u
#define TUFF_FILE_PAGE 4096u

enum tuff_section {
	SEC_SYMS, SEC_EXPRS, SEC_TENSORS, SEC_BUFS, SEC_WEIGHTS, SEC_KERNELS, SEC_STEPS, SEC_ARGS, SEC_ATTRS,
	SEC_INPUTS, SEC_OUTPUTS, SEC_STRINGS, SEC_ATTR_DATA, SEC_SPIRV, SEC_SUBS, SEC_DATA, SEC_IMAGES,
	SEC_COUNT,
};

/* a segment or region: a whole file inside the section of images */
struct tuff_file_sub {
	uint64_t offset, size;	/* bytes, from the section's start; offset page-aligned */
	uint64_t hash;		/* of its head: what is inside is sealed by it */
};

struct tuff_file_head {
	char magic[8];
	uint32_t version;
	uint32_t layout;	/* sum over sizes of the structs */
	uint32_t target;	/* enum tuff_target */
	uint32_t nsections;	/* SEC_COUNT */
	uint64_t hash;		/* tuff_file_hash() */
	struct tuff_info info;
	struct {
		uint64_t offset;	/* multiple of TUFF_FILE_PAGE */
		uint64_t count;		/* elements */
	} section[SEC_COUNT];
};

extern const uint32_t tuff_section_size[SEC_COUNT];	/* bytes of an element */
extern const char *const tuff_section_name[SEC_COUNT];
uint32_t tuff_file_layout(void);
/*
 * XXH64 of everything that decides what a program does: the head without this
 * field, all sections but the data, and integer weights. A damaged file is
 * found before it runs. It is no signature: what a forger makes of a file is
 * checked where it is used (program/check.c, userspace/cpu/check.c, the driver),
 * but for kernels, which are code: their buffers are theirs, and what one does
 * beyond them (an array in shared memory overrun) only a process confines.
 * bytes: a whole file whose sections are in it. 0, -ENOMEM.
 */
int tuff_file_hash(const void *bytes, uint64_t *hash);

#endif
