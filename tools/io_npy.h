/* SPDX-License-Identifier: MIT */
#ifndef TUFF_IO_NPY_H
#define TUFF_IO_NPY_H

#include "userspace/tuff.h"

/*
 * NumPy's .npy, formats 1.0 to 3.0: numbers and booleans in either byte order,
 * C or Fortran order. Gives a row-major tensor of this machine's byte order whose
 * data the caller frees. Returns 0 or -errno with a sentence in err.
 */
int npy_read(const char *path, struct tuff_tensor *t, char *err, size_t errlen);
/* the same from bytes in memory; path is for messages */
int npy_parse(const uint8_t *bytes, size_t size, const char *path, struct tuff_tensor *t, char *err, size_t errlen);
/* bfloat16, which .npy does not have, is written as float32. No half file is left behind. */
int npy_write(const char *path, const struct tuff_tensor *t, char *err, size_t errlen);

#endif
