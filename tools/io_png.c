// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "tools/io_file.h"
#include "tools/io_image.h"

struct source {
	const uint8_t *at;
	size_t left;
	char text[160];	/* libpng's message */
};

static void give(png_structp p, png_bytep to, png_size_t n)
{
	struct source *s = png_get_io_ptr(p);

	if (n > s->left)
		png_error(p, "the file ends too early");
	memcpy(to, s->at, n);
	s->at += n;
	s->left -= n;
}

static void on_error(png_structp p, png_const_charp text)
{
	struct source *s = png_get_error_ptr(p);

	io_error(s->text, sizeof(s->text), 0, "%s", text);
	png_longjmp(p, 1);
}

static void on_warning(png_structp p, png_const_charp text)
{
}

/* what libpng allocates or fills between its longjmps */
struct work {
	png_structp p;
	png_infop i;
	png_bytep *rows;
	struct image *im;
};

static bool decode(struct work *w, struct source *s)
{
	if (setjmp(png_jmpbuf(w->p)))
		return false;
	png_set_read_fn(w->p, s, give);
	png_read_info(w->p, w->i);
	w->im->w = png_get_image_width(w->p, w->i);
	w->im->h = png_get_image_height(w->p, w->i);
	if ((uint64_t)w->im->w * w->im->h > IMAGE_MAX_PIXELS)
		png_error(w->p, "the image is too large");
	png_set_expand(w->p);	/* palettes, 1 to 4 bits, transparent colours */
	png_set_scale_16(w->p);
	png_set_strip_alpha(w->p);
	png_set_gray_to_rgb(w->p);
	png_set_interlace_handling(w->p);
	png_read_update_info(w->p, w->i);
	if (png_get_rowbytes(w->p, w->i) != 3 * (size_t)w->im->w)
		png_error(w->p, "the pixels have an unknown form");
	w->im->px = malloc(3 * (size_t)w->im->w * w->im->h);
	w->rows = malloc(w->im->h * sizeof(*w->rows));
	if (!w->im->px || !w->rows)
		png_error(w->p, "out of memory");
	for (uint32_t y = 0; y < w->im->h; y++)
		w->rows[y] = w->im->px + (size_t)y * w->im->w * 3;
	png_read_image(w->p, w->rows);
	png_read_end(w->p, NULL);
	return true;
}

int png_parse(const uint8_t *bytes, size_t size, const char *path, struct image *im, char *err, size_t errlen)
{
	struct source s = { .at = bytes, .left = size };
	struct work w = { .im = im };
	bool ok = false;

	memset(im, 0, sizeof(*im));
	w.p = png_create_read_struct(PNG_LIBPNG_VER_STRING, &s, on_error, on_warning);
	w.i = w.p ? png_create_info_struct(w.p) : NULL;
	if (w.i)
		ok = decode(&w, &s);
	png_destroy_read_struct(w.p ? &w.p : NULL, &w.i, NULL);
	free(w.rows);
	if (ok)
		return 0;
	free(im->px);
	im->px = NULL;
	return io_error(err, errlen, -EINVAL, "%s: this PNG cannot be read: %s", path, *s.text ? s.text : "out of memory");
}
