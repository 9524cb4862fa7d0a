/* SPDX-License-Identifier: MIT */
#ifndef TUFF_IO_PNG_H
#define TUFF_IO_PNG_H

#include "userspace/tuff.h"

/*
 * Reads a PNG into a float32 tensor [1,channels,height,width], values 0 to 1
 * (pixel / 255), grey for 1 channel, red-green-blue for 3. The caller frees
 * data. Returns 0 or -errno with a sentence in err.
 */
int png_read(const char *path, int64_t channels, struct tuff_tensor *t, char *err, size_t errlen);

#endif
