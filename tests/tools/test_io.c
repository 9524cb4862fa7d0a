// SPDX-License-Identifier: MIT
/* Files of tensors and pictures: every form that people have, and broken ones. */
#include <math.h>
#include <png.h>
#include <stdbool.h>
#include <stdint.h>
#include <zip.h>

#include "tests/harness.h"
/* after stdio.h */
#include <jpeglib.h>

#include "tools/io_image.h"
#include "tools/io_npy.h"
#include "tools/io_npz.h"
#include "tools/io_number.h"
#include "tools/io_pb.h"

static char err[700];

/* --- .npy */

static uint8_t file[1 << 16];

static size_t npy(const char *dict, const void *body, size_t size, int version)
{
	size_t n = strlen(dict), pre = version > 1 ? 12 : 10;

	memcpy(file, "\x93NUMPY", 6);
	file[6] = version;
	memset(file + 7, 0, 5);
	file[8] = n & 255;
	file[9] = n >> 8;
	memcpy(file + pre, dict, n);
	memcpy(file + pre + n, body, size);
	return pre + n + size;
}

static bool npy_is(size_t size, uint32_t dtype, uint32_t rank, const double *want, size_t n)
{
	struct tuff_tensor t;
	bool same = !npy_parse(file, size, "f", &t, err, sizeof(err)) && t.dtype == dtype && t.rank == rank &&
		    t.size == n * tuff_type_size(dtype);

	for (size_t i = 0; same && i < n; i++)
		same = number_get(&t, i) == want[i];
	free(t.data);
	return same;
}

static bool npy_fails(size_t size, const char *says)
{
	struct tuff_tensor t;
	int ret = npy_parse(file, size, "f", &t, err, sizeof(err));

	free(t.data);
	return ret == -22 && strstr(err, says) && !strncmp(err, "f: ", 3);
}

TEST(npy_types)
{
	static const double want[] = { 1, 0, 1 };
	static const struct { const char *descr; uint32_t dtype; uint8_t bytes[24]; } c[] = {
		{ "<f4", 1, { 0, 0, 128, 63, 0, 0, 0, 0, 0, 0, 128, 63 } }, { ">f4", 1, { 63, 128, 0, 0, 0, 0, 0, 0, 63, 128, 0, 0 } },
		{ "<f2", 10, { 0, 60, 0, 0, 0, 60 } }, { ">f2", 10, { 60, 0, 0, 0, 60, 0 } }, { "|b1", 9, { 1, 0, 1 } },
		{ "|u1", 2, { 1, 0, 1 } }, { "|i1", 3, { 1, 0, 1 } }, { "<u2", 4, { 1, 0, 0, 0, 1, 0 } }, { ">i2", 5, { 0, 1, 0, 0, 0, 1 } },
		{ "<i4", 6, { 1, 0, 0, 0, 0, 0, 0, 0, 1 } }, { ">i8", 7, { 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } },
		{ "<u4", 12, { 1, 0, 0, 0, 0, 0, 0, 0, 1 } }, { "<V2", 16, { 128, 63, 0, 0, 128, 63 } },
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++)
		for (int version = 1; version <= 3; version++) {
			char dict[128];

			snprintf(dict, sizeof(dict), "{'descr': '%s', 'fortran_order': False, 'shape': (3,), }\n", c[i].descr);
			CHECK(npy_is(npy(dict, c[i].bytes, 3 * tuff_type_size(c[i].dtype), version), c[i].dtype, 1, want, 3));
		}
}

TEST(npy_fortran_order)
{
	static const uint8_t body[] = { 0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11 };	/* [2,2,3] by columns */
	static const double want[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };

	CHECK(npy_is(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2, 3), }", body, 12, 1), 2, 3, want, 12));
}

TEST(npy_scalar_and_empty)
{
	static const double want[] = { 7 };
	static const uint8_t seven[] = { 7 };

	CHECK(npy_is(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (), }", seven, 1, 1), 2, 0, want, 1));
	CHECK(npy_is(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (0, 4), }", seven, 0, 1), 2, 2, want, 0));
}

TEST(npy_broken)
{
	static const uint8_t body[64];

	CHECK(npy_fails(npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", body, 64, 1), "'|O'"));
	CHECK(npy_fails(npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", body, 64, 1), "'<c8'"));
	CHECK(npy_fails(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", body, 64, 1), "not numbers"));
	CHECK(npy_fails(npy("{'descr': '<f4', 'shape': (1,), }", body, 64, 1), "damaged"));
	CHECK(npy_fails(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", body, 64, 1), "damaged"));
	CHECK(npy_fails(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1", body, 0, 1), "damaged"));
	CHECK(npy_fails(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", body, 64, 1), "8 dimensions"));
	CHECK(npy_fails(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (17,), }", body, 64, 1), "shorter"));
	CHECK(npy_fails(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", body, 64, 1), "damaged"));
	CHECK(npy_fails(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,), }", body, 64, 1), "shorter"));
	CHECK(npy_fails(npy("", body, 0, 4), "not a .npy"));
	for (size_t n = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }", body, 16, 1); n--;)
		CHECK(npy_fails(n, "f: "));
}

TEST(npy_round_trip)
{
	uint16_t halves[] = { 0x3f80, 0xc000 };	/* bfloat16 1 and -2: written as float32 */
	struct tuff_tensor t = { .dtype = TYPE_BF16, .rank = 1, .dim = { 2 }, .data = halves, .size = 4 }, back;
	char path[] = "/tmp/tuff-io-XXXXXX";
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	CHECK_EQ(npy_write(path, &t, err, sizeof(err)), 0);
	CHECK_EQ(npy_read(path, &back, err, sizeof(err)), 0);
	CHECK(back.dtype == TYPE_F32 && back.rank == 1 && number_get(&back, 0) == 1 && number_get(&back, 1) == -2);
	free(back.data);
	remove(path);
	t.data = file;
	t.size = sizeof(file);
	t.dtype = 2;
	CHECK_EQ(npy_write("/dev/full", &t, err, sizeof(err)), -28);
	CHECK(!strcmp(err, "/dev/full: No space left on device"));
}

/* --- .npz, .pb */

static int count_arrays(void *priv, const char *name, struct tuff_tensor *t, char *e, size_t n)
{
	strcat(priv, name);
	free(t->data);
	return 0;
}

TEST(npz)
{
	static const uint8_t body[4] = { 1, 2, 3, 4 };
	size_t n = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (4,), }", body, 4, 1), size;
	char path[] = "/tmp/tuff-io-XXXXXX", names[64] = "";
	uint8_t bytes[4096];
	int code;
	zip_t *z;
	FILE *f;

	CHECK(mkstemp(path) >= 0);
	z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
	CHECK(z && zip_file_add(z, "a=b.npy", zip_source_buffer(z, file, n, 0), 0) >= 0);
	CHECK(zip_file_add(z, "x/y.npy", zip_source_buffer(z, file, n, 0), 0) >= 0 && !zip_close(z));
	f = fopen(path, "rb");
	size = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	remove(path);
	CHECK_EQ(npz_parse(bytes, size, "z", count_arrays, names, err, sizeof(err)), 0);
	CHECK(!strcmp(names, "a=bx/y"));
	/* whatever byte is wrong, the answer is an error or an array, never a crash */
	for (size_t i = 0; i < size; i++) {
		bytes[i] ^= 0x55;
		names[0] = err[0] = 0;
		if (npz_parse(bytes, size, "z", count_arrays, names, err, sizeof(err)))
			CHECK(!strncmp(err, "z: ", 3) && err[3]);
		bytes[i] ^= 0x55;
	}
	for (size_t i = 0; i < size; i++) {
		names[0] = 0;
		CHECK(npz_parse(bytes, i, "z", count_arrays, names, err, sizeof(err)));
	}
}

TEST(pb)
{
	/* dims 2, float_data 1 and -2 */
	static const uint8_t typed[] = { 8, 2, 16, 1, 34, 8, 0, 0, 128, 63, 0, 0, 0, 192 }, raw[] = { 8, 3, 16, 2, 74, 3, 5, 6, 7 };
	static const uint8_t external[] = { 8, 3, 16, 2, 112, 1 }, text[] = { 8, 1, 16, 8, 50, 1, 'a' };
	struct tuff_tensor t;

	CHECK_EQ(pb_parse(typed, sizeof(typed), "p", &t, err, sizeof(err)), 0);
	CHECK(t.dtype == TYPE_F32 && t.rank == 1 && t.dim[0] == 2 && number_get(&t, 0) == 1 && number_get(&t, 1) == -2);
	free(t.data);
	CHECK_EQ(pb_parse(raw, sizeof(raw), "p", &t, err, sizeof(err)), 0);
	CHECK(t.dtype == TYPE_U8 && t.dim[0] == 3 && number_get(&t, 2) == 7);
	free(t.data);
	CHECK(pb_parse(raw, sizeof(raw) - 1, "p", &t, err, sizeof(err)) && strstr(err, "p: "));
	CHECK(pb_parse(typed, 4, "p", &t, err, sizeof(err)) && strstr(err, "does not fit its shape"));
	CHECK(pb_parse(external, sizeof(external), "p", &t, err, sizeof(err)) && strstr(err, "another file"));
	CHECK(pb_parse(text, sizeof(text), "p", &t, err, sizeof(err)) && strstr(err, "numbers"));
	CHECK(pb_parse(text, 0, "p", &t, err, sizeof(err)) && strstr(err, "not a .npy"));
}

/* --- pictures */

static void put(png_structp p, png_bytep from, png_size_t n)
{
	uint8_t **at = png_get_io_ptr(p);

	memcpy(*at, from, n);
	*at += n;
}

static void no_flush(png_structp p)
{
}

/* a PNG of 4 x 2 pixels in file[] */
static size_t make_png(int depth, int colour, int interlace, const uint8_t *rows, size_t stride)
{
	png_structp p = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop i = png_create_info_struct(p);
	png_color palette[4] = { { 10, 20, 30 }, { 200, 100, 50 }, { 0, 0, 0 }, { 255, 255, 255 } };
	png_bytep row[2] = { (png_bytep)rows, (png_bytep)rows + stride };
	uint8_t *at = file;

	png_set_write_fn(p, &at, put, no_flush);
	png_set_IHDR(p, i, 4, 2, depth, colour, interlace, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	if (colour == PNG_COLOR_TYPE_PALETTE)
		png_set_PLTE(p, i, palette, 4);
	png_write_info(p, i);
	png_write_image(p, row);
	png_write_end(p, i);
	png_destroy_write_struct(&p, &i);
	return at - file;
}

/* pixel (x, y) of the PNG in file[] */
static bool png_pixel(size_t size, int x, int y, int r, int g, int b)
{
	struct image im;
	const uint8_t *px;
	bool same;

	if (png_parse(file, size, "p", &im, err, sizeof(err)))
		return false;
	px = im.px + 3 * (y * im.w + x);
	same = im.w == 4 && im.h == 2 && px[0] == r && px[1] == g && px[2] == b;
	free(im.px);
	return same;
}

TEST(png_kinds)
{
	static const uint8_t grey[] = { 0, 50, 100, 255, 1, 2, 3, 4 }, deep[] = { 0x80, 0x80, 0, 0, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x40 };
	static const uint8_t alpha[] = { 9, 0, 50, 255, 100, 128, 255, 0, 1, 1, 2, 2, 3, 3, 77, 0 };
	static const uint8_t index[] = { 0x1b, 0xe4 }, bits[] = { 0xa0, 0x50 };	/* 0 1 2 3; 3 2 1 0, two bits each */
	static const uint8_t rgba[32] = { 1, 2, 3, 0, 4, 5, 6, 255, 7, 8, 9, 128 };

	CHECK(png_pixel(make_png(8, PNG_COLOR_TYPE_GRAY, 0, grey, 4), 1, 0, 50, 50, 50));
	CHECK(png_pixel(make_png(8, PNG_COLOR_TYPE_GRAY, 1, grey, 4), 3, 1, 4, 4, 4));	/* interlaced */
	CHECK(png_pixel(make_png(16, PNG_COLOR_TYPE_GRAY, 0, deep, 8), 0, 0, 128, 128, 128));
	CHECK(png_pixel(make_png(16, PNG_COLOR_TYPE_GRAY, 0, deep, 8), 3, 1, 64, 64, 64));
	CHECK(png_pixel(make_png(8, PNG_COLOR_TYPE_GRAY_ALPHA, 0, alpha, 8), 0, 0, 9, 9, 9));	/* dropped, not blended */
	CHECK(png_pixel(make_png(8, PNG_COLOR_TYPE_GRAY_ALPHA, 1, alpha, 8), 3, 1, 77, 77, 77));
	CHECK(png_pixel(make_png(2, PNG_COLOR_TYPE_PALETTE, 0, index, 1), 1, 0, 200, 100, 50));
	CHECK(png_pixel(make_png(2, PNG_COLOR_TYPE_PALETTE, 1, index, 1), 3, 1, 10, 20, 30));
	CHECK(png_pixel(make_png(1, PNG_COLOR_TYPE_GRAY, 0, bits, 1), 0, 0, 255, 255, 255));
	CHECK(png_pixel(make_png(8, PNG_COLOR_TYPE_RGB_ALPHA, 0, rgba, 16), 0, 0, 1, 2, 3));
	CHECK(png_pixel(make_png(8, PNG_COLOR_TYPE_RGB_ALPHA, 1, rgba, 16), 2, 0, 7, 8, 9));
}

TEST(png_broken)
{
	static const uint8_t grey[] = { 0, 50, 100, 255, 1, 2, 3, 4 };
	size_t size = make_png(8, PNG_COLOR_TYPE_GRAY, 0, grey, 4);
	struct image im;

	for (size_t n = 0; n < size; n++) {
		CHECK(png_parse(file, n, "p", &im, err, sizeof(err)) && strstr(err, "p: this PNG cannot be read") && !im.px);
	}
	for (size_t i = 0; i < size; i++) {
		file[i] ^= 0x55;
		if (!png_parse(file, size, "p", &im, err, sizeof(err)))
			free(im.px);
		file[i] ^= 0x55;
	}
}

/* a JPEG of 16 x 8 pixels of one colour in file[] */
static size_t make_jpeg(J_COLOR_SPACE space, int channels, const uint8_t *colour, bool adobe)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr e;
	uint8_t row[16 * 4], *out = NULL;
	unsigned long size = 0;
	JSAMPROW line = row;

	c.err = jpeg_std_error(&e);
	jpeg_create_compress(&c);
	jpeg_mem_dest(&c, &out, &size);
	c.image_width = 16;
	c.image_height = 8;
	c.input_components = channels;
	c.in_color_space = space;
	jpeg_set_defaults(&c);
	jpeg_set_quality(&c, 100, TRUE);
	c.write_Adobe_marker = adobe;
	for (int i = 0; i < 16 * channels; i++)
		row[i] = colour[i % channels];
	jpeg_start_compress(&c, TRUE);
	while (c.next_scanline < 8)
		jpeg_write_scanlines(&c, &line, 1);
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	memcpy(file, out, size);
	free(out);
	return size;
}

static bool jpeg_colour(size_t size, int r, int g, int b)
{
	struct image im;
	bool same = true;

	if (jpeg_parse(file, size, "j", &im, err, sizeof(err)))
		return false;
	for (uint32_t i = 0; i < im.w * im.h; i++)
		same &= abs(im.px[3 * i] - r) < 3 && abs(im.px[3 * i + 1] - g) < 3 && abs(im.px[3 * i + 2] - b) < 3;
	same &= im.w == 16 && im.h == 8;
	free(im.px);
	return same;
}

TEST(jpeg_kinds)
{
	static const uint8_t rgb[] = { 200, 100, 50 }, grey[] = { 77 }, ink[] = { 255, 128, 51, 204 };

	CHECK(jpeg_colour(make_jpeg(JCS_RGB, 3, rgb, false), 200, 100, 50));
	CHECK(jpeg_colour(make_jpeg(JCS_GRAYSCALE, 1, grey, false), 77, 77, 77));
	CHECK(jpeg_colour(make_jpeg(JCS_CMYK, 4, ink, true), 204, 102, 41));	/* Adobe's: inverted */
	CHECK(jpeg_colour(make_jpeg(JCS_CMYK, 4, ink, false), 0, 25, 41));
}

TEST(jpeg_broken)
{
	static const uint8_t rgb[] = { 200, 100, 50 };
	size_t size = make_jpeg(JCS_RGB, 3, rgb, false);
	struct image im;

	for (size_t n = 0; n + 2 < size; n++)	/* the last two bytes are the end's marker */
		CHECK(jpeg_parse(file, n, "j", &im, err, sizeof(err)) && strstr(err, "j: this JPEG cannot be read") && !im.px);
	for (size_t i = 0; i < size; i++) {
		file[i] ^= 0x55;
		if (!jpeg_parse(file, size, "j", &im, err, sizeof(err)))
			free(im.px);
		file[i] ^= 0x55;
	}
}

/* --- from pictures to tensors */

static const struct image_opts plain = { .scale = 1, .std = { 1, 1, 1 } };

/* 4 x 2 pixels, red 0 10 20 30 / 40 50 60 70, green red + 1, blue red + 2 */
static struct image ramp(void)
{
	static uint8_t px[24];

	for (int i = 0; i < 24; i++)
		px[i] = i / 3 * 10 + i % 3;
	return (struct image){ 4, 2, px };
}

static bool tensor_is(const struct image_opts *o, struct tuff_io_info info, const double *want, size_t n)
{
	struct image im = ramp();
	struct tuff_tensor t;
	bool same = !image_tensor(&im, "i", o, &info, &t, err, sizeof(err)) && t.size == n * tuff_type_size(t.dtype);

	for (size_t i = 0; i < n && same; i++)
		same = fabs(number_get(&t, i) - want[i]) < 1e-3;
	free(t.data);
	return same;
}

TEST(image_layouts)
{
	static const double planes[] = { 0, 10, 20, 30, 40, 50, 60, 70, 1, 11, 21, 31, 41, 51, 61, 71, 2, 12, 22, 32, 42, 52, 62, 72 };
	double pixels[24], bgr[24], normal[24];
	struct image_opts o = plain;

	for (int i = 0; i < 24; i++)
		pixels[i] = i / 3 * 10 + i % 3;
	for (int i = 0; i < 24; i++)
		bgr[i] = planes[(2 - i / 8) * 8 + i % 8];
	CHECK(tensor_is(&o, (struct tuff_io_info){ "x", 1, 4, { 1, 3, 2, 4 } }, planes, 24));
	CHECK(tensor_is(&o, (struct tuff_io_info){ "x", 1, 4, { -1, 3, -1, -1 } }, planes, 24));
	CHECK(tensor_is(&o, (struct tuff_io_info){ "x", 10, 3, { 3, 2, 4 } }, planes, 24));
	CHECK(tensor_is(&o, (struct tuff_io_info){ "x", 1, 4, { 1, 2, 4, 3 } }, pixels, 24));
	CHECK(tensor_is(&o, (struct tuff_io_info){ "x", 2, 3, { -1, -1, 3 } }, pixels, 24));
	o.layout = LAYOUT_NHWC;
	CHECK(tensor_is(&o, (struct tuff_io_info){ "x", 1, 4, { -1, -1, -1, -1 } }, pixels, 24));
	o = plain;
	o.bgr = true;
	CHECK(tensor_is(&o, (struct tuff_io_info){ "x", 1, 4, { 1, 3, 2, 4 } }, bgr, 24));
	o = (struct image_opts){ .scale = 0.5, .mean = { 1, 2, 3 }, .std = { 2, 4, 8 }, .norm = true };
	for (int i = 0; i < 24; i++)
		normal[i] = (planes[i] * 0.5 - (1 + i / 8)) / (2 << i / 8);
	CHECK(tensor_is(&o, (struct tuff_io_info){ "x", 1, 4, { 1, 3, 2, 4 } }, normal, 24));
}

TEST(image_grey)
{
	double want[8];

	for (int i = 0; i < 8; i++)
		want[i] = floor(10 * i + 0.587 + 2 * 0.114 + 0.5);
	CHECK(tensor_is(&plain, (struct tuff_io_info){ "x", 1, 4, { 1, 1, 2, 4 } }, want, 8));
}

TEST(image_sizes)
{
	static const double crop[] = { 10, 20, 50, 60 };
	struct image_opts o = plain;
	double want[12];

	/* 4 x 2 to 2 x 2: a triangle two source pixels to each side, cut off at the edges: 3, 3, 1 of 7 */
	want[0] = (0 * 3 + 10 * 3 + 20 * 1) / 7.;
	want[1] = (10 * 1 + 20 * 3 + 30 * 3) / 7.;
	want[2] = want[0] + 40;
	want[3] = want[1] + 40;
	for (int k = 1; k < 3; k++)
		for (int i = 0; i < 4; i++)
			want[4 * k + i] = want[i] + k;
	CHECK(tensor_is(&o, (struct tuff_io_info){ "x", 1, 4, { 1, 3, 2, 2 } }, want, 12));
	o.width = o.height = 2;
	CHECK(tensor_is(&o, (struct tuff_io_info){ "x", 1, 4, { 1, 3, -1, -1 } }, want, 12));
	/* the middle 2 x 2 */
	o.fit = FIT_CROP;
	for (int k = 0; k < 3; k++)
		for (int i = 0; i < 4; i++)
			want[4 * k + i] = crop[i] + k;
	CHECK(tensor_is(&o, (struct tuff_io_info){ "x", 1, 4, { 1, 3, -1, -1 } }, want, 12));
	o.fit_arg = 2;
	CHECK(tensor_is(&o, (struct tuff_io_info){ "x", 1, 4, { 1, 3, -1, -1 } }, want, 12));
}

TEST(image_pad)
{
	struct image_opts o = plain;
	double want[48];

	o.fit = FIT_PAD;
	o.fit_arg = 114;
	for (int i = 0; i < 48; i++) {	/* 4 x 4: a row of 114 above and below */
		int y = i % 16 / 4;

		want[i] = y == 0 || y == 3 ? 114 : (y - 1) * 40 + i % 4 * 10 + i / 16;
	}
	CHECK(tensor_is(&o, (struct tuff_io_info){ "x", 1, 4, { 1, 3, 4, 4 } }, want, 48));
}

TEST(image_refused)
{
	struct image_opts o = plain;
	static const double none[1];

	CHECK(!tensor_is(&o, (struct tuff_io_info){ "x", 7, 4, { 1, 3, 2, 4 } }, none, 1) && strstr(err, "input 'x' does not take an image"));
	CHECK(!tensor_is(&o, (struct tuff_io_info){ "x", 1, 2, { 2, 4 } }, none, 1) && strstr(err, "does not take an image"));
	CHECK(!tensor_is(&o, (struct tuff_io_info){ "x", 1, 4, { 1, 4, 2, 4 } }, none, 1) && strstr(err, "1 or 3 channels"));
	o.fit = FIT_CROP;
	o.fit_arg = 1;
	CHECK(!tensor_is(&o, (struct tuff_io_info){ "x", 1, 4, { 1, 3, 2, 2 } }, none, 1) && strstr(err, "2x2 to cut out"));
	o = plain;
	o.norm = true;
	CHECK(!tensor_is(&o, (struct tuff_io_info){ "x", 2, 4, { 1, 3, 2, 4 } }, none, 1) && strstr(err, "--scale"));
}
