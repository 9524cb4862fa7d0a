/* SPDX-License-Identifier: MIT */
#ifndef TUFF_IO_NPZ_H
#define TUFF_IO_NPZ_H

#include "userspace/tuff.h"

/*
 * NumPy's .npz in memory: calls `array` for every array of the file, which takes
 * t->data over, until it returns non-zero. 0 or -errno with a sentence in err.
 */
typedef int (*npz_array)(void *priv, const char *name, struct tuff_tensor *t, char *err, size_t errlen);
int npz_parse(const uint8_t *bytes, size_t size, const char *path, npz_array array, void *priv, char *err, size_t errlen);

#endif
