/* SPDX-License-Identifier: MIT */
#ifndef TUFF_IO_PB_H
#define TUFF_IO_PB_H

#include "userspace/tuff.h"

/* One onnx.TensorProto in memory. 0 or -errno with a sentence in err; the caller frees data. */
int pb_parse(const uint8_t *bytes, size_t size, const char *path, struct tuff_tensor *t, char *err, size_t errlen);

#endif
