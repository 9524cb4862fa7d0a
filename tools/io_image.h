/* SPDX-License-Identifier: MIT */
#ifndef TUFF_IO_IMAGE_H
#define TUFF_IO_IMAGE_H

#include <stdbool.h>

#include "userspace/tuff.h"

/* value = (pixel * scale - mean[c]) / std[c], channels red, green, blue unless bgr */
struct image_opts {
	int width, height;	/* 0: the model's, else the image's own */
	float scale, mean[3], std[3];
	bool bgr;
};

/*
 * Reads a PNG or JPEG for the input `info` ([N,C,H,W] or [N,H,W,C], 1 or 3
 * channels, float32 or uint8), resized bilinearly where sizes differ. The
 * caller frees t->data. Returns 0 or -errno with a sentence in err.
 */
int image_read(const char *path, const struct image_opts *o, const struct tuff_io_info *info,
	       struct tuff_tensor *t, char *err, size_t errlen);

#endif
