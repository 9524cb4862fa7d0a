// SPDX-License-Identifier: MIT
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/io_png.h"

int png_read(const char *path, int64_t channels, struct tuff_tensor *t, char *err, size_t errlen)
{
	png_image im = { .version = PNG_IMAGE_VERSION };
	unsigned char *px = NULL;
	float *out = NULL;
	size_t plane;
	int ret = -EINVAL;

	memset(t, 0, sizeof(*t));
	if (channels != 1 && channels != 3) {
		snprintf(err, errlen, "%s: the model takes %lld channels, an image has 1 or 3", path, (long long)channels);
		return -EINVAL;
	}
	if (!png_image_begin_read_from_file(&im, path))
		goto out;
	im.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
	plane = (size_t)im.width * im.height;
	ret = -ENOMEM;
	if (plane > 1 << 28)
		goto out;
	px = malloc(PNG_IMAGE_SIZE(im));
	out = malloc(plane * channels * sizeof(*out));
	if (!px || !out)
		goto out;
	ret = -EINVAL;
	if (!png_image_finish_read(&im, NULL, px, 0, NULL))
		goto out;
	for (size_t i = 0; i < plane; i++)
		for (int64_t c = 0; c < channels; c++)
			out[c * plane + i] = px[i * channels + c] / 255.f;
	*t = (struct tuff_tensor){ .dtype = 1, .rank = 4, .dim = { 1, channels, im.height, im.width },
				   .data = out, .size = plane * channels * sizeof(*out) };
	out = NULL;
	ret = 0;
out:
	if (ret)
		snprintf(err, errlen, "%s: %s", path, *im.message ? im.message : ret == -ENOMEM ? "too large" : "not a PNG");
	png_image_free(&im);
	free(px);
	free(out);
	return ret;
}
