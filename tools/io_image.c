// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

#include "tools/io_image.h"

#define MAX_PIXELS (1u << 28)

struct image {
	uint32_t w, h, c;
	unsigned char *px;	/* rows of interleaved channels */
};

static int read_png(const char *path, struct image *im, char *err, size_t errlen)
{
	png_image p = { .version = PNG_IMAGE_VERSION };
	int ret = -EINVAL;

	if (!png_image_begin_read_from_file(&p, path))
		goto out;
	p.format = im->c == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
	im->w = p.width;
	im->h = p.height;
	if ((uint64_t)p.width * p.height <= MAX_PIXELS)
		im->px = malloc(PNG_IMAGE_SIZE(p));
	if (!im->px)
		ret = -ENOMEM;
	else if (png_image_finish_read(&p, NULL, im->px, 0, NULL))
		ret = 0;
out:
	if (ret)
		snprintf(err, errlen, "%s: %s", path, *p.message ? p.message : "the image is too large");
	png_image_free(&p);
	return ret;
}

struct jpeg_fail {
	struct jpeg_error_mgr mgr;
	jmp_buf back;
};

static void jpeg_exit(j_common_ptr c)
{
	longjmp(((struct jpeg_fail *)c->err)->back, 1);
}

static void jpeg_quiet(j_common_ptr c, int level)
{
}

static int read_jpeg(const char *path, struct image *im, char *err, size_t errlen)
{
	struct jpeg_decompress_struct d;
	struct jpeg_fail e;
	FILE *f = fopen(path, "rb");
	volatile int ret = -EINVAL;

	if (!f) {
		ret = -errno;
		snprintf(err, errlen, "%s: %s", path, strerror(-ret));
		return ret;
	}
	d.err = jpeg_std_error(&e.mgr);
	e.mgr.error_exit = jpeg_exit;
	e.mgr.emit_message = jpeg_quiet;
	if (setjmp(e.back)) {
		char text[JMSG_LENGTH_MAX];

		e.mgr.format_message((j_common_ptr)&d, text);
		snprintf(err, errlen, "%s: %s", path, text);
		goto out;
	}
	jpeg_create_decompress(&d);
	jpeg_stdio_src(&d, f);
	jpeg_read_header(&d, TRUE);
	d.out_color_space = im->c == 1 ? JCS_GRAYSCALE : JCS_RGB;
	jpeg_start_decompress(&d);
	im->w = d.output_width;
	im->h = d.output_height;
	if ((uint64_t)im->w * im->h <= MAX_PIXELS)
		im->px = malloc((size_t)im->w * im->h * im->c);
	if (!im->px) {
		snprintf(err, errlen, "%s: the image is too large", path);
		ret = -ENOMEM;
		goto out;
	}
	while (d.output_scanline < d.output_height) {
		JSAMPROW row = im->px + (size_t)d.output_scanline * im->w * im->c;

		jpeg_read_scanlines(&d, &row, 1);
	}
	jpeg_finish_decompress(&d);
	ret = 0;
out:
	jpeg_destroy_decompress(&d);
	fclose(f);
	return ret;
}

/* channel c at output pixel (x, y) of a w x h picture, half-pixel centres */
static float sample(const struct image *im, int x, int y, int w, int h, uint32_t c)
{
	float fx = (x + 0.5f) * im->w / w - 0.5f, fy = (y + 0.5f) * im->h / h - 0.5f;
	int x0, y0, x1, y1;
	float a, b;

	if ((uint32_t)w == im->w && (uint32_t)h == im->h)
		return im->px[((size_t)y * im->w + x) * im->c + c];
	fx = fx < 0 ? 0 : fx > im->w - 1 ? im->w - 1 : fx;
	fy = fy < 0 ? 0 : fy > im->h - 1 ? im->h - 1 : fy;
	x0 = fx, y0 = fy;
	x1 = x0 + 1 < (int)im->w ? x0 + 1 : x0;
	y1 = y0 + 1 < (int)im->h ? y0 + 1 : y0;
	a = fx - x0, b = fy - y0;
#define P(X, Y) im->px[((size_t)(Y) * im->w + (X)) * im->c + c]
	return (P(x0, y0) * (1 - a) + P(x1, y0) * a) * (1 - b) + (P(x0, y1) * (1 - a) + P(x1, y1) * a) * b;
#undef P
}

int image_read(const char *path, const struct image_opts *o, const struct tuff_io_info *info,
	       struct tuff_tensor *t, char *err, size_t errlen)
{
	bool last = info->rank == 4 && info->dim[1] != 1 && info->dim[1] != 3 && (info->dim[3] == 1 || info->dim[3] == 3);
	int64_t c = info->rank == 4 ? info->dim[last ? 3 : 1] : 0;
	int64_t mh = info->rank == 4 ? info->dim[last ? 1 : 2] : 0, mw = info->rank == 4 ? info->dim[last ? 2 : 3] : 0;
	struct image im = { 0 };
	size_t len = strlen(path);
	int w, h, ret;

	memset(t, 0, sizeof(*t));
	if ((c != 1 && c != 3) || (info->dtype != 1 && info->dtype != 2)) {
		snprintf(err, errlen, "%s: input '%s' does not take an image (float32 or uint8, rank 4, 1 or 3 channels)", path, info->name);
		return -EINVAL;
	}
	im.c = c;
	ret = len > 4 && !strcmp(path + len - 4, ".png") ? read_png(path, &im, err, errlen) : read_jpeg(path, &im, err, errlen);
	if (ret)
		goto out;
	w = o->width ? o->width : mw > 0 ? mw : im.w;
	h = o->height ? o->height : mh > 0 ? mh : im.h;
	if (w < 1 || h < 1 || (uint64_t)w * h > MAX_PIXELS || mw > INT32_MAX || mh > INT32_MAX) {
		snprintf(err, errlen, "%s: input '%s' is no picture of %lld by %lld", path, info->name, (long long)mw, (long long)mh);
		ret = -EINVAL;
		goto out;
	}
	*t = (struct tuff_tensor){ .dtype = info->dtype, .rank = 4 };
	t->dim[0] = 1;
	t->dim[last ? 3 : 1] = c;
	t->dim[last ? 1 : 2] = h;
	t->dim[last ? 2 : 3] = w;
	t->size = (size_t)w * h * c * tuff_type_size(info->dtype);
	t->data = malloc(t->size);
	if (!t->data) {
		ret = -ENOMEM;
		snprintf(err, errlen, "%s: out of memory", path);
		goto out;
	}
	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++)
			for (uint32_t k = 0; k < c; k++) {
				size_t at = last ? ((size_t)y * w + x) * c + k : ((size_t)k * h + y) * w + x;
				float p = sample(&im, x, y, w, h, o->bgr ? c - 1 - k : k);

				if (info->dtype == 2)
					((uint8_t *)t->data)[at] = lrintf(p);
				else
					((float *)t->data)[at] = (p * o->scale - o->mean[k]) / o->std[k];
			}
out:
	free(im.px);
	return ret;
}
