/* SPDX-License-Identifier: MIT */
#ifndef TUFF_IO_NPY_H
#define TUFF_IO_NPY_H

#include <stdio.h>

#include "userspace/tuff.h"

/*
 * NumPy's .npy (format 1.0 to 3.0, little endian, C order). Reads into a tensor
 * whose data the caller frees. Returns 0 or -errno with a sentence in err.
 */
int npy_read(const char *path, struct tuff_tensor *t, char *err, size_t errlen);
/* the same from a stream of `size` bytes; path is for messages */
int npy_read_stream(FILE *f, uint64_t size, const char *path, struct tuff_tensor *t, char *err, size_t errlen);
int npy_write(const char *path, const struct tuff_tensor *t, char *err, size_t errlen);

#endif
