/* SPDX-License-Identifier: MIT */
#ifndef TUFF_IO_IMAGE_H
#define TUFF_IO_IMAGE_H

#include <stdbool.h>

#include "userspace/tuff.h"

enum image_fit {
	FIT_STRETCH,	/* to the size, each side for itself */
	FIT_CROP,	/* aspect kept: covers the size, or shorter side = fit_arg; then the middle is cut out */
	FIT_PAD,	/* aspect kept: within the size, in the middle; pixels of fit_arg around */
};
enum image_layout { LAYOUT_AUTO, LAYOUT_NCHW, LAYOUT_NHWC };

/* value = (pixel * scale - mean[c]) / std[c], channels red, green, blue unless bgr */
struct image_opts {
	int width, height;	/* 0: the model's, else the image's own */
	int fit, fit_arg;	/* enum image_fit; 0 of FIT_CROP: no larger than it must be */
	int layout;		/* enum image_layout; LAYOUT_AUTO: where the model has 1 or 3 channels */
	float scale, mean[3], std[3];
	bool bgr, norm;		/* norm: scale, mean or std was given */
};

/* Decoded to 8 bits of red, green, blue; alpha dropped, gamma and orientation left alone. */
struct image {
	uint32_t w, h;
	uint8_t *px;	/* rows of interleaved channels */
};
#define IMAGE_MAX_PIXELS (1u << 28)
int png_parse(const uint8_t *bytes, size_t size, const char *path, struct image *im, char *err, size_t errlen);
int jpeg_parse(const uint8_t *bytes, size_t size, const char *path, struct image *im, char *err, size_t errlen);

/*
 * A picture for the input `info` ([N,C,H,W], [N,H,W,C], or these without N; 1 or
 * 3 channels; float32, float16 or uint8). Grey is 0.299 R + 0.587 G + 0.114 B.
 * Resizing is bilinear, over all the pixels an output pixel covers (as Pillow's).
 * The caller frees t->data. Returns 0 or -errno with a sentence in err.
 */
int image_tensor(const struct image *im, const char *path, const struct image_opts *o, const struct tuff_io_info *info,
		 struct tuff_tensor *t, char *err, size_t errlen);

#endif
