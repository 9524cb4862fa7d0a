/* SPDX-License-Identifier: MIT */
/*
 * Dims blocks of the convolution kernels (shaders/include/conv.glsl,
 * convdw.comp, convg.comp) and what their lowerings share.
 */
#ifndef TUFF_LOWER_CONV_H
#define TUFF_LOWER_CONV_H

#include "compiler/launch.h"

enum conv_word {
	CW_NPIX,	/* output pixels; convdw: images */
	CW_OW, CW_OHW,	/* convdw: OH */
	CW_TILES,	/* channel tiles of this dispatch; convdw: tiles along the width */
	CW_IH, CW_IW,
	CW_XROW,	/* vec4 of an input pixel */
	CW_OROW,	/* vec4 of an output pixel */
	CW_IC4,		/* input vec4 of a group */
	CW_TILES_G,	/* tiles of a group */
	CW_OC4G,	/* output vec4 of a group */
	CW_OC,		/* output channels */
	CW_KH, CW_KW, CW_SH, CW_SW, CW_DH, CW_DW, CW_PH, CW_PW,
	CW_I0, CW_I1,	/* input vec4 summed by this dispatch */
	CW_FLAGS,	/* CF_* */
	CW_BIAS,	/* vec4 index of the bias in the weights */
	CW_P0, CW_P1,	/* floats: of the activation */
	CW_SPARE,
	CW_TILE0,	/* first tile of this dispatch */
	CW_COUNT,
};
#define CF_RESIDUAL	1
#define CF_MORE		2	/* add what the output holds, not the bias */
#define CF_LOW		4	/* at least p0 */
#define CF_HIGH		8	/* at most p1 */

enum convg_word {		/* where it differs */
	CG_NPIX, CG_OW, CG_OH, CG_OD, CG_ID, CG_IH, CG_IW, CG_OROW, CG_ICG, CG_OCG, CG_XROW, CG_OC,
	CG_KD, CG_KH, CG_SH, CG_SW, CG_DH, CG_DW, CG_PH, CG_PW, CG_ROW, CG_KW, CG_FLAGS, CG_BIAS, CG_P0, CG_P1,
	CG_SPARE, CG_C40, CG_N4, CG_GROUPS, CG_SD, CG_DD, CG_PD,
	CG_COUNT,
};

/* Steps of a sum in one dispatch: an invocation makes fewer than 2^15 iterations,
 * all loops together, and convs.glsl two a step. */
#define LOOP_BOUND 16383

/* A register tile of shaders/include/conv.glsl and what it is called. */
struct conv_tile {
	const char *shader;
	uint32_t p, c;		/* pixels (rows), vec4 of channels; of a group if shared */
	uint32_t local;		/* invocations of a group */
	bool shared;		/* a group, not an invocation, works on one tile */
	bool pads;		/* one kernel for padded and other windows: a pipeline less, which
				 * takes lavapipe two seconds, for a twentieth of the time */
};
/* for `rows` pixels (-1: not known) of `oc4` vec4 */
const struct conv_tile *conv_tile(struct ir_module *m, int64_t rows, int64_t oc4);

struct conv_geometry {
	int ns;			/* spatial dimensions */
	int64_t k[3], s[3], d[3];	/* the last ns of z, y, x; the others 1 */
	ir_expr p[3];		/* pads in front */
	int64_t ic, oc, group;
	ir_expr in[3], out[3], batch;
};
/* reason it cannot be read (sizes not constant..) or NULL */
const char *conv_geometry(struct ir_module *m, const struct ir_node *n, bool transposed, struct conv_geometry *g);

/*
 * Rows by a constant: x [rows, 4 * ic4] to o [rows, oc], both dense vec4. One
 * dispatch for each part of the channels and of the sum. Fills what is the
 * same for all (dims) beforehand.
 */
struct conv_parts {
	const struct conv_tile *tile;
	struct ir_value *w;
	uint32_t pack;
	int32_t param[8];	/* [2], [3] = first tile, tiles are set here */
	uint32_t bias_weight;
	int64_t taps, ic4, tiles;
	int act;
	float p[2];
	bool pad;
	uint32_t x, o, r;	/* tensors; r TUFF_NONE: no residual */
};
int conv_emit_parts(struct launch *l, struct ir_node *n, const struct conv_parts *c, ir_expr dims[CW_COUNT], ir_expr rows);

/* one output vec4 an invocation, whatever the geometry (convg.comp) */
int conv_emit_general(struct launch *l, struct ir_node *n, const struct conv_geometry *g, bool transposed);

/* what the epilogue of a convolution kernel can do */
bool conv_act_ok(int act);

#endif
