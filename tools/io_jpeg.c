// SPDX-License-Identifier: MIT
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "tools/io_file.h"
#include "tools/io_image.h"

struct jpeg_fail {
	struct jpeg_error_mgr mgr;
	jmp_buf back;
};

static void on_error(j_common_ptr c)
{
	longjmp(((struct jpeg_fail *)c->err)->back, 1);
}

/* a picture that is cut short is an error; what else libjpeg remarks is not */
static void on_message(j_common_ptr c, int level)
{
	if (level < 0 && (c->err->msg_code == JWRN_JPEG_EOF || c->err->msg_code == JWRN_HIT_MARKER))
		c->err->error_exit(c);
}

/* Four channels to three in place; Adobe's programs store them inverted. */
static void from_cmyk(uint8_t *to, const uint8_t *from, uint32_t w, bool inverted)
{
	for (uint32_t x = 0; x < w; x++, to += 3, from += 4)
		for (int c = 0; c < 3; c++) {
			uint32_t v = inverted ? from[c] : 255 - from[c], k = inverted ? from[3] : 255 - from[3];

			to[c] = (v * k + 127) / 255;
		}
}

/* line: a row of four channels, the caller's to free however this ends */
static bool decode(struct jpeg_decompress_struct *d, struct jpeg_fail *e, const uint8_t *bytes, size_t size,
		   struct image *im, uint8_t **line)
{
	bool cmyk;

	if (setjmp(e->back))
		return false;
	jpeg_create_decompress(d);
	jpeg_mem_src(d, bytes, size);
	jpeg_read_header(d, TRUE);
	cmyk = d->jpeg_color_space == JCS_CMYK || d->jpeg_color_space == JCS_YCCK;
	d->out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
	if ((uint64_t)d->image_width * d->image_height > IMAGE_MAX_PIXELS)
		ERREXIT1(d, JERR_IMAGE_TOO_BIG, IMAGE_MAX_PIXELS);
	jpeg_start_decompress(d);
	im->w = d->output_width;
	im->h = d->output_height;
	im->px = malloc(3 * (size_t)im->w * im->h);
	*line = malloc(4 * (size_t)im->w);
	if (!im->px || !*line)
		ERREXIT1(d, JERR_OUT_OF_MEMORY, 0);
	while (d->output_scanline < d->output_height) {
		uint8_t *to = im->px + (size_t)d->output_scanline * im->w * 3;
		JSAMPROW row = cmyk ? *line : to;

		jpeg_read_scanlines(d, &row, 1);
		if (cmyk)
			from_cmyk(to, row, im->w, d->saw_Adobe_marker);
	}
	jpeg_finish_decompress(d);
	return true;
}

int jpeg_parse(const uint8_t *bytes, size_t size, const char *path, struct image *im, char *err, size_t errlen)
{
	struct jpeg_decompress_struct d = { 0 };
	char text[JMSG_LENGTH_MAX];
	uint8_t *line = NULL;
	struct jpeg_fail e;
	int ret = 0;

	memset(im, 0, sizeof(*im));
	d.err = jpeg_std_error(&e.mgr);
	e.mgr.error_exit = on_error;
	e.mgr.emit_message = on_message;
	if (!decode(&d, &e, bytes, size, im, &line)) {
		e.mgr.format_message((j_common_ptr)&d, text);
		ret = io_error(err, errlen, -EINVAL, "%s: this JPEG cannot be read: %s", path, text);
		free(im->px);
		im->px = NULL;
	}
	jpeg_destroy_decompress(&d);
	free(line);
	return ret;
}
