// SPDX-License-Identifier: MIT
/* From a picture to a tensor: grey, resizing, normalisation, layout. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/io_file.h"
#include "tools/io_image.h"
#include "tools/io_number.h"

/* Along one side: what every output pixel is a weighted sum of. */
struct axis {
	uint32_t *first, *count;	/* source pixels; count 0: outside the picture */
	float *weight;			/* `most` for each output pixel */
	uint32_t n, most;
};

static void axis_fini(struct axis *a)
{
	free(a->first);
	free(a->count);
	free(a->weight);
}

/*
 * `in` source pixels scaled to `scaled`, of which n are kept from `offset` on. A
 * triangle as wide as two source or two output pixels, whichever is wider.
 */
static int axis_init(struct axis *a, uint32_t in, double scaled, double offset, uint32_t n)
{
	double ratio = in / scaled, wide = ratio > 1 ? ratio : 1;

	*a = (struct axis){ .n = n, .most = 2 * (uint32_t)ceil(wide) + 1 };
	a->first = calloc(n, sizeof(*a->first));
	a->count = calloc(n, sizeof(*a->count));
	a->weight = calloc((size_t)n * a->most, sizeof(*a->weight));
	if (!a->first || !a->count || !a->weight)
		return -ENOMEM;
	for (uint32_t x = 0; x < n; x++) {
		double at = x + offset + 0.5, mid = at * ratio, sum = 0;
		double lo = floor(mid - wide + 0.5), hi = floor(mid + wide + 0.5);
		float *w = a->weight + (size_t)x * a->most;

		if (at < 0 || at > scaled)
			continue;
		a->first[x] = lo < 0 ? 0 : lo;
		a->count[x] = (hi > in ? in : hi) - a->first[x];
		for (uint32_t i = 0; i < a->count[x]; i++) {
			double d = fabs((a->first[x] + i + 0.5 - mid) / wide);

			w[i] = d < 1 ? 1 - d : 0;
			sum += w[i];
		}
		for (uint32_t i = 0; i < a->count[x]; i++)
			w[i] /= sum;
	}
	return 0;
}

/* pixels of c channels, first along the rows, then along the columns */
static float *resize(const uint8_t *px, uint32_t w, uint32_t h, uint32_t c, const struct axis *ax, const struct axis *ay, float outside)
{
	float *rows = malloc((size_t)h * ax->n * c * sizeof(*rows)), *out = malloc((size_t)ay->n * ax->n * c * sizeof(*out));
	size_t line = (size_t)ax->n * c;

	for (size_t y = 0; rows && out && y < h; y++)
		for (size_t x = 0; x < ax->n; x++)
			for (uint32_t k = 0; k < c; k++) {
				const uint8_t *from = px + (y * w + ax->first[x]) * c + k;
				float v = 0;

				for (uint32_t i = 0; i < ax->count[x]; i++)
					v += ax->weight[x * ax->most + i] * from[i * c];
				rows[y * line + x * c + k] = v;
			}
	for (size_t y = 0; rows && out && y < ay->n; y++)
		for (size_t i = 0; i < line; i++) {
			const float *from = rows + ay->first[y] * line + i;
			float v = 0;

			for (uint32_t j = 0; j < ay->count[y]; j++)
				v += ay->weight[y * ay->most + j] * from[j * line];
			out[y * line + i] = ay->count[y] && ax->count[i / c] ? v : outside;
		}
	free(rows);
	if (!rows) {
		free(out);
		return NULL;
	}
	return out;
}

/* The picture as w x h pixels of c channels, by o->fit. */
static float *fitted(const struct image *im, const uint8_t *px, uint32_t c, const struct image_opts *o, uint32_t w, uint32_t h)
{
	double sw = w, sh = h, fx = (double)w / im->w, fy = (double)h / im->h;
	struct axis ax = { 0 }, ay = { 0 };
	float *out = NULL;

	if (o->fit != FIT_STRETCH) {
		double f = o->fit == FIT_PAD ? fmin(fx, fy) : fmax(fx, fy);

		if (o->fit == FIT_CROP && o->fit_arg)
			f = (double)o->fit_arg / (im->w < im->h ? im->w : im->h);
		sw = fmax(1, floor(im->w * f + 1e-6));
		sh = fmax(1, floor(im->h * f + 1e-6));
	}
	/* halves to even, as torchvision cuts */
	if (!axis_init(&ax, im->w, sw, rint((sw - w) / 2), w) && !axis_init(&ay, im->h, sh, rint((sh - h) / 2), h))
		out = resize(px, im->w, im->h, c, &ax, &ay, o->fit_arg);
	axis_fini(&ax);
	axis_fini(&ay);
	return out;
}

/* which of the input's dimensions are channels, rows and columns */
static bool find_dims(const struct tuff_io_info *info, int layout, int *c, int *y, int *x)
{
	int n = info->rank - 3;
	bool first, last;

	if (n != 0 && n != 1)
		return false;
	first = info->dim[n] == 1 || info->dim[n] == 3;
	last = info->dim[n + 2] == 1 || info->dim[n + 2] == 3;
	if (layout == LAYOUT_AUTO)
		layout = first ? LAYOUT_NCHW : last ? LAYOUT_NHWC : info->dim[n] < 0 ? LAYOUT_NCHW : LAYOUT_AUTO;
	*c = layout == LAYOUT_NHWC ? n + 2 : n;
	*y = layout == LAYOUT_NHWC ? n : n + 1;
	*x = *y + 1;
	return layout != LAYOUT_AUTO && (info->dim[*c] == 1 || info->dim[*c] == 3 || info->dim[*c] < 0);
}

int image_tensor(const struct image *im, const char *path, const struct image_opts *o, const struct tuff_io_info *info,
		 struct tuff_tensor *t, char *err, size_t errlen)
{
	bool number = info->dtype == TYPE_F32 || info->dtype == TYPE_F16;
	int dc, dy, dx, side = im->w < im->h ? im->w : im->h;
	uint32_t w, h, c;
	uint8_t *grey = NULL;
	float *px;

	memset(t, 0, sizeof(*t));
	if (!find_dims(info, o->layout, &dc, &dy, &dx) || (!number && info->dtype != TYPE_U8))
		return io_error(err, errlen, -EINVAL, "%s: input '%s' does not take an image: that is float32, float16 or uint8 with "
				"1 or 3 channels, [N,C,H,W] or [N,H,W,C]", path, info->name);
	if (!number && o->norm)
		return io_error(err, errlen, -EINVAL, "%s: input '%s' is uint8 and takes the pixels as they are: "
				"--scale, --mean and --std do not apply", path, info->name);
	c = info->dim[dc] < 0 ? 3 : info->dim[dc];
	w = o->width ? o->width : info->dim[dx] > 0 ? info->dim[dx] : im->w;
	h = o->height ? o->height : info->dim[dy] > 0 ? info->dim[dy] : im->h;
	if ((uint64_t)w * h > IMAGE_MAX_PIXELS || (uint64_t)w * im->h > IMAGE_MAX_PIXELS)
		return io_error(err, errlen, -EINVAL, "%s: %ux%u is too large", path, w, h);
	if (o->fit == FIT_CROP && o->fit_arg) {
		double f = (double)o->fit_arg / side;

		if (floor(im->w * f + 1e-6) < w || floor(im->h * f + 1e-6) < h)
			return io_error(err, errlen, -EINVAL, "%s: with its shorter side scaled to %d the picture has no %ux%u to cut out", path, o->fit_arg, w, h);
	}
	*t = (struct tuff_tensor){ .dtype = info->dtype, .rank = info->rank };
	t->dim[0] = 1;
	t->dim[dc] = c;
	t->dim[dy] = h;
	t->dim[dx] = w;
	t->size = (size_t)w * h * c * tuff_type_size(info->dtype);
	t->data = malloc(t->size);
	if (c == 1)
		grey = malloc((size_t)im->w * im->h);
	for (size_t i = 0; grey && i < (size_t)im->w * im->h; i++)	/* 299, 587, 114 thousandths in 65536ths */
		grey[i] = (im->px[3 * i] * 19595u + im->px[3 * i + 1] * 38470u + im->px[3 * i + 2] * 7471u + 0x8000) >> 16;
	px = t->data && (grey || c == 3) ? fitted(im, grey ? grey : im->px, c, o, w, h) : NULL;
	for (size_t i = 0; px && i < (size_t)w * h; i++)
		for (uint32_t k = 0; k < c; k++) {
			size_t at = dc > dy ? i * c + k : k * (size_t)w * h + i;
			float pixel = px[i * c + (o->bgr ? c - 1 - k : k)];

			if (number)
				number_set(t, at, (pixel * o->scale - o->mean[k]) / o->std[k]);
			else
				((uint8_t *)t->data)[at] = lrintf(pixel);
		}
	free(grey);
	if (px) {
		free(px);
		return 0;
	}
	free(t->data);
	t->data = NULL;
	return io_error(err, errlen, -ENOMEM, "%s: out of memory", path);
}
