/* SPDX-License-Identifier: MIT */
#ifndef TUFF_IO_NPZ_H
#define TUFF_IO_NPZ_H

#include "userspace/tuff.h"

/* NumPy's .npz: array `name`. 0 or -errno with a sentence in err; the caller frees data. */
int npz_read(const char *path, const char *name, struct tuff_tensor *t, char *err, size_t errlen);
/* Every array of the file to the session's input of its name; one that fits none is an error. */
int npz_read_all(const char *path, const struct tuff_session *s, struct tuff_tensor *in, char *err, size_t errlen);

#endif
