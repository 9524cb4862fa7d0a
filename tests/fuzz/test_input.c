// SPDX-License-Identifier: MIT
/* Mutated input files of the command: .npy, .npz, .pb, PNG, JPEG. See fuzz.h for how it is steered. */
#include <stdio.h>

#include <jpeglib.h>
#include <zip.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/seeds.h"
#include "tools/io_image.h"
#include "tools/io_npy.h"
#include "tools/io_npz.h"
#include "tools/io_pb.h"

enum { NPY, NPZ, PB, PNG, JPEG, KINDS };

static void mutate(unsigned char *b, size_t *n)
{
	for (uint32_t k = 1 + rnd(4); k && *n; k--) {
		size_t at = rnd(2) && *n > 128 ? rnd(128) : rnd(*n);

		switch (rnd(6)) {
		case 0:
			b[at] = nasty();
			break;
		case 1:
			*n = at + 1;
			break;
		case 2:	/* digits of a header stay digits */
			b[at] = '0' + rnd(10);
			break;
		case 3:
			b[at] = b[rnd(*n)];
			break;
		default:
			b[at] ^= 1 << rnd(8);
		}
	}
}

/* an array of a .npz: read like one of its own */
static int array(void *priv, const char *name, struct tuff_tensor *t, char *err, size_t errlen)
{
	volatile uint8_t sum = 0;

	for (size_t i = 0; i < t->size; i++)	/* as long as it says */
		sum += ((uint8_t *)t->data)[i];
	free(t->data);
	return 0;
}

static bool reads(struct fuzz *f, int kind, const uint8_t *b, size_t n)
{
	static const struct tuff_io_info infos[] = {
		{ "x", 1, 4, { 1, 3, 8, 8 } }, { "x", 2, 4, { 1, -1, -1, 1 } }, { "x", 1, 4, { 1, 1, 1ll << 40, 1ll << 33 } }
	};
	const struct image_opts o = { .scale = 1, .std = { 1, 1, 1 }, .fit = rnd(3), .fit_arg = rnd(300) };
	struct tuff_tensor t = { 0 };
	struct image im = { 0 };
	char err[512] = "";
	int ret;

	switch (kind) {
	case NPY:
		ret = npy_parse(b, n, "/x", &t, err, sizeof(err));
		break;
	case NPZ:
		ret = npz_parse(b, n, "/x", array, NULL, err, sizeof(err));
		break;
	case PB:
		ret = pb_parse(b, n, "/x", &t, err, sizeof(err));
		break;
	default:
		ret = (kind == PNG ? png_parse : jpeg_parse)(b, n, "/x", &im, err, sizeof(err));
		if (!ret)
			ret = image_tensor(&im, "/x", &o, &infos[rnd(3)], &t, err, sizeof(err));
		free(im.px);
	}
	if (!ret && t.data)
		array(NULL, "x", &t, err, sizeof(err));
	f->accepted += !ret;
	f->rejected += !!ret;
	return !ret || (*err && strstr(err, "/x"));
}

/* demo/digit_3.png's pixels as a JPEG */
static int jpeg(const struct seed *png, struct seed *out)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr mgr;
	unsigned char *bytes = NULL;
	unsigned long size = 0;
	struct image im;
	char err[256];

	if (png_parse(png->b, png->size, "/x", &im, err, sizeof(err)))
		return -1;
	c.err = jpeg_std_error(&mgr);
	jpeg_create_compress(&c);
	jpeg_mem_dest(&c, &bytes, &size);
	c.image_width = im.w;
	c.image_height = im.h;
	c.input_components = 3;
	c.in_color_space = JCS_RGB;
	jpeg_set_defaults(&c);
	jpeg_start_compress(&c, TRUE);
	while (c.next_scanline < im.h) {
		JSAMPROW row = im.px + (size_t)c.next_scanline * im.w * 3;

		jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	free(im.px);
	out->b = bytes;
	out->size = size;
	return 0;
}

static int npz(const unsigned char *npy, size_t n, struct seed *out)
{
	char path[] = "/tmp/tuff-fuzz-XXXXXX";
	zip_t *z;
	int code;

	close(mkstemp(path));
	unlink(path);
	z = zip_open(path, ZIP_CREATE, &code);
	if (!z)
		return -1;
	zip_file_add(z, "x.npy", zip_source_buffer(z, npy, n, 0), 0);
	if (zip_close(z))
		return -1;
	out->b = slurp(path, &out->size);
	unlink(path);
	return 0;
}

TEST(mutated_inputs)
{
	static float numbers[24];
	const struct tuff_tensor x = { .dtype = 1, .rank = 3, .dim = { 2, 3, 4 }, .data = numbers, .size = sizeof(numbers) };
	struct seed s[KINDS] = { { NULL, 0 } };
	char path[] = "/tmp/tuff-fuzz-XXXXXX", err[256];
	struct fuzz f;
	bool ok = true;

	close(mkstemp(path));
	CHECK_EQ(npy_write(path, &x, err, sizeof(err)), 0);
	s[NPY].b = slurp(path, &s[NPY].size);
	unlink(path);
	CHECK_EQ(npz(s[NPY].b, s[NPY].size, &s[NPZ]), 0);
	/* dims 2,3,4; float; raw_data of 96 bytes */
	s[PB].size = 8 + 2 + 96;
	s[PB].b = calloc(1, s[PB].size);
	memcpy(s[PB].b, "\x08\x02\x08\x03\x08\x04\x10\x01\x4a\x60", 10);
	s[PNG].b = slurp("demo/digit_3.png", &s[PNG].size);
	CHECK_EQ(jpeg(&s[PNG], &s[JPEG]), 0);
	fuzz_begin(&f, "input");
	f.until -= FUZZ_SECONDS / 2;
	while (ok && fuzz_next(&f)) {
		int kind = rnd(KINDS);
		unsigned char *b = malloc(s[kind].size);
		size_t n = s[kind].size;

		memcpy(b, s[kind].b, n);
		if (rnd(64))
			mutate(b, &n);
		fuzz_input(&f, b, n);
		ok = fuzz_done(&f, !reads(&f, kind, b, n));
		free(b);
	}
	fuzz_end(&f);
	for (int i = 0; i < KINDS; i++)
		free(s[i].b);
	CHECK(ok && (f.accepted + f.rejected < 500 || (f.accepted && f.rejected)));
}
