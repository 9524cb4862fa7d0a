/* SPDX-License-Identifier: MIT */
#ifndef TUFF_IO_PB_H
#define TUFF_IO_PB_H

#include "userspace/tuff.h"

/* A file with one onnx.TensorProto. 0 or -errno with a sentence in err; the caller frees data. */
int pb_read(const char *path, struct tuff_tensor *t, char *err, size_t errlen);

#endif
