// SPDX-License-Identifier: MIT
/*
 * Weights as the kernels read them. One tensor at a time, so that loading peaks
 * at the packed weights and one more.
 *
 * CONV  source [OC, IC/g, taps..]; tiles of C vec4 of output channels, none of
 *       which spans two groups: [tile][tap][input vec4][4][C] of vec4.
 *       param: C, groups, first tile, tiles.
 * GEMM  source [K, N], or [N, K] if transposed: as CONV with one tap, K for
 *       input and N for output channels. param: C, transposed, first tile,
 *       tiles, factor of the product (float bits), of the bias.
 * DW    source as CONV, or [IC, OC/g, taps..] if transposed:
 *       [tap][input channel of a group][output vec4]. param: groups,
 *       transposed, first vec4, vec4s.
 * CL    source [N, C, S..]: [N, S.., round_up(C, 4)].
 * The bias follows in the order of the output channels, a float each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "program/program.h"

struct pack {
	const struct tuff_weight_src *src;
	const struct tuff_weight *w;
	const float *v;		/* source, float */
	const float *scale;	/* by output channel or NULL */
	const float *bias;	/* or NULL */
	int64_t nscale, noc;	/* elements of scale and bias */
	float *out, *end;
	void *tmp[3];
};

static uint64_t numel(const struct tuff_weight *w)
{
	uint64_t n = 1;

	for (uint32_t i = 0; i < w->rank; i++)
		n *= w->dim[i];
	return n;
}

static float as_float(int32_t bits)
{
	float f;

	memcpy(&f, &bits, 4);
	return f;
}

/* a weight as floats: in place where it can be, else in *tmp */
static int floats(const struct tuff_weight_src *src, uint32_t i, const float **out, void **tmp)
{
	const struct tuff_weight *w = &src->p->weights[i];
	const void *b = tuff_weight_bytes(src, i);

	if (b && w->dtype == TUFF_F32 && !((uintptr_t)b & 3)) {
		*out = b;
		return 0;
	}
	*tmp = malloc(4 * numel(w) + 4);
	if (!*tmp)
		return -ENOMEM;
	*out = *tmp;
	return tuff_weight_read(src, i, TUFF_F32, *tmp);
}

/* scale and bias have an element for each output channel */
static bool fits(const struct pack *k, int64_t oc)
{
	return (!k->scale || k->nscale >= oc) && (!k->bias || k->noc == 1 || k->noc >= oc);
}

static int pack_conv(struct pack *k, int64_t oc, int64_t icg, int64_t taps, int64_t groups,
		     int64_t so, int64_t si, float alpha, float beta)
{
	const int32_t *p = k->w->param;
	int64_t C = p[0], t0 = p[2], nt = p[3], ocg, tiles_g, ic4 = (icg + 3) / 4;
	float *d = k->out;

	if (C < 1 || groups < 1 || oc % groups || nt < 0 || t0 < 0 || !fits(k, oc))
		return -EINVAL;
	ocg = oc / groups;
	tiles_g = ((ocg + 3) / 4 + C - 1) / C;
	if (t0 + nt > tiles_g * groups || nt * C > (k->end - d) / 4 / (taps * ic4 * 4 + 1))
		return -EINVAL;
	for (int64_t t = t0; t < t0 + nt; t++) {
		int64_t g = t / tiles_g, o0 = (t - g * tiles_g) * C * 4, n = ocg - o0 < 4 * C ? ocg - o0 : 4 * C;
		const float *v = k->v + (g * ocg + o0) * so;

		for (int64_t tap = 0; tap < taps; tap++)
			for (int64_t i = 0; i < 4 * ic4; i++, d += 4 * C) {
				int64_t l = 0;

				for (; i < icg && l < n; l++)
					d[l] = v[l * so + i * si + tap] * (k->scale ? k->scale[g * ocg + o0 + l] : 1) * alpha;
				for (; l < 4 * C; l++)
					d[l] = 0;
			}
	}
	for (int64_t t = t0; t < t0 + nt; t++) {
		int64_t g = t / tiles_g, o0 = (t - g * tiles_g) * C * 4;

		for (int64_t l = 0; l < 4 * C; l++)
			*d++ = k->bias && o0 + l < ocg ? k->bias[k->noc == 1 ? 0 : g * ocg + o0 + l] * beta : 0;
	}
	return 0;
}

static int pack_dw(struct pack *k)
{
	const struct tuff_weight *w = k->w;
	int64_t groups = w->param[0], c0 = w->param[2], n4 = w->param[3], taps = 1, oc, icg, ocg, so, si, sg;
	bool trans = w->param[1];
	float *d = k->out;

	if (w->rank < 3 || groups < 1 || (trans && (w->dim[0] % groups || w->dim[1] > 1 << 30)))
		return -EINVAL;
	for (uint32_t i = 2; i < w->rank; i++)
		taps *= w->dim[i];
	oc = trans ? w->dim[1] * groups : w->dim[0];
	icg = trans ? w->dim[0] / groups : w->dim[1];
	ocg = oc / groups;
	so = trans ? taps : icg * taps;		/* of an output channel, within its group */
	si = trans ? ocg * taps : taps;
	sg = ocg * icg * taps;
	if (!ocg || c0 < 0 || n4 < 0 || n4 > (k->end - d) / 4 / (taps * icg + 1) || !fits(k, oc) || (k->bias && k->noc < oc))
		return -EINVAL;
	for (int64_t tap = 0; tap < taps; tap++)
		for (int64_t i = 0; i < icg; i++)
			for (int64_t c = 4 * c0; c < 4 * (c0 + n4); c++)
				*d++ = c < oc ? k->v[c / ocg * sg + c % ocg * so + i * si + tap] * (k->scale ? k->scale[c] : 1) : 0;
	for (int64_t c = 4 * c0; c < 4 * (c0 + n4); c++)
		*d++ = k->bias && c < oc ? k->bias[c] : 0;
	return 0;
}

/* integers and truth values in four bytes; floats are 1:1 */
static int widen(const struct tuff_weight_src *src, uint32_t i, uint32_t storage, void *dst)
{
	const struct tuff_weight *w = &src->p->weights[i];
	size_t es = tuff_dtype_size(w->dtype), n = numel(w);
	uint32_t *o = dst;
	uint8_t *b;
	int ret;

	if (storage == w->dtype || (storage == TUFF_F32 && (w->dtype == TUFF_F16 || w->dtype == TUFF_BF16)))
		return tuff_weight_read(src, i, storage, dst);
	if (storage != TUFF_I32 && storage != TUFF_U32)
		return -EOPNOTSUPP;
	b = malloc(n * es + 1);
	ret = b ? tuff_weight_fetch(src, i, 0, b, n * es) : -ENOMEM;
	for (size_t k = 0; k < n && !ret; k++) {
		const uint8_t *p = b + k * es;
		int64_t v;
		int16_t s;
		uint16_t u;

		switch (w->dtype) {
		case TUFF_I64: case TUFF_U64:
			memcpy(&v, p, 8);
			/* INT64_MAX is "to the end" in slices: the nearest there is */
			v = v > INT32_MAX && storage == TUFF_I32 ? INT32_MAX : v < INT32_MIN ? INT32_MIN : v;
			break;
		case TUFF_BOOL: v = *p != 0; break;
		case TUFF_U8: v = *p; break;
		case TUFF_I8: v = (int8_t)*p; break;
		case TUFF_U16: memcpy(&u, p, 2); v = u; break;
		case TUFF_I16: memcpy(&s, p, 2); v = s; break;
		case TUFF_U32: case TUFF_I32: memcpy(o + k, p, 4); continue;
		default: v = 0; ret = -EOPNOTSUPP;
		}
		o[k] = (uint32_t)v;
	}
	free(b);
	return ret;
}

static int pack_cl(const struct tuff_weight_src *src, uint32_t i, void *dst, uint64_t room)
{
	const struct tuff_weight *w = &src->p->weights[i];
	uint64_t C = w->rank > 1 ? w->dim[1] : 1, N = w->rank ? w->dim[0] : 1, Cp = (C + 3) / 4 * 4, S = 1;
	uint32_t *tmp, *d = dst;
	int ret;

	for (uint32_t k = 2; k < w->rank; k++)
		S *= w->dim[k];
	if (N * S * Cp * 4 > room)
		return -EINVAL;
	tmp = malloc(4 * N * C * S + 4);
	if (!tmp)
		return -ENOMEM;
	ret = widen(src, i, w->storage, tmp);
	for (uint64_t n = 0; n < N && !ret; n++)
		for (uint64_t s = 0; s < S; s++)
			for (uint64_t c = 0; c < Cp; c++)
				*d++ = c < C ? tmp[(n * C + c) * S + s] : 0;
	free(tmp);
	return ret;
}

static int pack_floats(struct pack *k, uint32_t i)
{
	const struct tuff_weight *w = k->w;
	int64_t taps = 1;
	bool trans;
	int ret = floats(k->src, i, &k->v, &k->tmp[0]);

	if (!ret && w->scale != TUFF_NONE) {
		ret = floats(k->src, w->scale, &k->scale, &k->tmp[1]);
		k->nscale = numel(&k->src->p->weights[w->scale]);
	}
	if (!ret && w->bias != TUFF_NONE) {
		ret = floats(k->src, w->bias, &k->bias, &k->tmp[2]);
		k->noc = numel(&k->src->p->weights[w->bias]);
	}
	if (ret)
		return ret;
	switch (w->pack) {
	case TUFF_PACK_CONV:
		if (w->rank < 3)
			return -EINVAL;
		for (uint32_t d = 2; d < w->rank; d++)
			taps *= w->dim[d];
		return pack_conv(k, w->dim[0], w->dim[1], taps, w->param[1], w->dim[1] * taps, taps, 1, 1);
	case TUFF_PACK_GEMM:
		if (w->rank != 2)
			return -EINVAL;
		trans = w->param[1];
		return pack_conv(k, w->dim[!trans], w->dim[trans], 1, 1, trans ? w->dim[1] : 1,
				 trans ? 1 : w->dim[1], as_float(w->param[4]), as_float(w->param[5]));
	default:
		return pack_dw(k);
	}
}

int tuff_weight_pack(const struct tuff_weight_src *src, uint32_t i, void *dst)
{
	const struct tuff_weight *w = &src->p->weights[i];
	uint64_t used = numel(w) * tuff_dtype_size(w->storage);
	struct pack k = { .src = src, .w = w, .out = dst, .end = (float *)dst + w->packed_size / 4 };
	int ret;

	if (w->flags & TUFF_W_PACKED) {
		if (w->size != w->packed_size)
			return -EINVAL;
		return tuff_weight_fetch(src, i, 0, dst, w->size);
	}
	switch (w->pack) {
	case TUFF_PACK_NONE:
		if (used > w->packed_size)
			return -EINVAL;
		ret = widen(src, i, w->storage, dst);
		memset((char *)dst + used, 0, w->packed_size - used);
		break;
	case TUFF_PACK_CL:
		ret = pack_cl(src, i, dst, w->packed_size);
		break;
	case TUFF_PACK_CONV: case TUFF_PACK_DW: case TUFF_PACK_GEMM:
		ret = pack_floats(&k, i);
		break;
	default:
		ret = -EINVAL;
	}
	for (int t = 0; t < 3; t++)
		free(k.tmp[t]);
	return ret;
}
