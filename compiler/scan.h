/* SPDX-License-Identifier: MIT */
#ifndef TUFF_SCAN_H
#define TUFF_SCAN_H

#include <stddef.h>
#include <stdint.h>

#define SCAN_MAX_DEPTH 64

/* What stands in the skeleton instead of a raw_data field's bytes. */
struct scan_raw {
	uint64_t offset, size;	/* in the file */
};

/*
 * Walks an ONNX ModelProto and makes its skeleton: the same message with every
 * TensorProto.raw_data replaced by a struct scan_raw. Bounded: nesting at most
 * SCAN_MAX_DEPTH, every length checked, skeleton freed by the caller.
 * Returns 0, -EINVAL with a sentence in err, or -ENOMEM.
 */
int onnx_scan(const uint8_t *bytes, size_t size, uint8_t **skeleton,
	      size_t *skeleton_size, char *err, size_t errlen);

#endif
