// SPDX-License-Identifier: MIT
/*
 * Elementwise operators as generated kernels. The text depends on structure
 * only: the body, the rank after merging dimensions, and for each operand how
 * it is read. Extents and strides are in the dims block:
 *   d[0] invocations, d[1] C (pad lanes beyond are written as zero),
 *   then `rank` extents (outermost first; the innermost in units of the
 *   width), then for each operand `rank` strides, or its one value.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "compiler/ew.h"
#include "compiler/launch.h"

enum read {
	READ_VEC,	/* vec4 at unit stride */
	READ_SPLAT,	/* one element for all lanes */
	READ_LANES,	/* four elements, a stride apart, bounded by C */
	READ_WORD,	/* a constant of one element: a word of the dims block */
};

struct geometry {
	int rank, nin, width;	/* width 4 or 1 */
	bool mask;		/* CL with pad lanes */
	ir_expr extent[TUFF_MAX_RANK];	/* elements, memory order */
	ir_expr stride[EW_MAX_IN][TUFF_MAX_RANK];
	bool full[EW_MAX_IN][TUFF_MAX_RANK];	/* as wide as the output */
	bool loose[EW_MAX_IN];	/* a dimension that may or may not be 1 */
	enum read read[EW_MAX_IN];
	uint32_t word[EW_MAX_IN];
};

static const char *can(struct ir_module *m, const struct ir_node *n)
{
	struct ew_body b;
	const char *why = ew_body(m, n, &b);

	for (uint32_t i = 0; !why && i < b.nin; i++)
		if (!ew_class(b.in[i]->dtype))
			why = "no kernel for this element type";
	return why ? why : ew_class(n->out[0]->dtype) ? NULL : "no kernel for this element type";
}

/* a constant of one element, as it is stored on the device */
static bool one_word(struct ir_module *m, const struct ir_value *v, uint32_t *word)
{
	const struct tuff_weight *w;
	const uint8_t *p;
	uint16_t h;
	int64_t i = 0;
	float f;

	if (v->weight == TUFF_NONE)
		return false;
	w = &m->weights[v->weight];
	for (uint32_t d = 0; d < w->rank; d++)
		if (w->dim[d] != 1)
			return false;
	p = ir_weight_bytes(m, v->weight);
	if (!p)
		p = (const uint8_t *)&w->fill;
	switch (w->dtype) {
	case TUFF_F32: case TUFF_I32: case TUFF_U32:
		memcpy(word, p, 4);
		return true;
	case TUFF_F16:
		memcpy(&h, p, 2);
		f = tuff_f16_to_f32(h);
		memcpy(word, &f, 4);
		return true;
	case TUFF_BF16:
		memcpy(&h, p, 2);
		*word = (uint32_t)h << 16;
		return true;
	case TUFF_I64:
		memcpy(&i, p, 8);
		break;
	case TUFF_I16:
		memcpy(&h, p, 2);
		i = (int16_t)h;
		break;
	case TUFF_U16:
		memcpy(&h, p, 2);
		i = h;
		break;
	case TUFF_I8:
		i = (int8_t)*p;
		break;
	case TUFF_U8: case TUFF_BOOL:
		i = *p;
		break;
	default:
		return false;
	}
	*word = (uint32_t)(int32_t)(i > INT32_MAX ? INT32_MAX : i < INT32_MIN ? INT32_MIN : i);
	return true;
}

static void operand(struct ir_module *m, struct geometry *g, int k, const struct ir_value *v,
		    const struct ir_value *o, const int *order)
{
	ir_expr st[TUFF_MAX_RANK];

	launch_strides(m, v, st);
	for (int j = 0; j < g->rank; j++) {
		int d = order[j], di = d - (o->rank - v->rank);

		g->stride[k][j] = ex_const(m, 0);
		if (di < 0 || (ex_is(m, v->dim[di], 1) && !ex_is(m, o->dim[d], 1)))
			continue;
		g->full[k][j] = v->dim[di] == o->dim[d];
		g->stride[k][j] = st[di];
		if (!g->full[k][j]) {
			g->loose[k] = true;
			g->stride[k][j] = ex_select(m, ex_op(m, TUFF_E_EQ, v->dim[di], ex_const(m, 1)), ex_const(m, 0), st[di]);
		}
	}
}

/* merges dimension j+1 into j where every operand walks both as one */
static void merge(struct ir_module *m, struct geometry *g)
{
	for (int j = g->rank - 2; j >= 0; j--) {
		bool ok = !(g->mask && j == g->rank - 2);

		for (int k = 0; k < g->nin && ok; k++) {
			if (g->read[k] == READ_WORD)
				continue;
			if (ex_is(m, g->extent[j], 1) || ex_is(m, g->extent[j + 1], 1))
				ok = g->full[k][j] == g->full[k][j + 1] || !g->loose[k];
			ok = ok && ((ex_is(m, g->stride[k][j], 0) && ex_is(m, g->stride[k][j + 1], 0)) ||
				    ex_is(m, g->extent[j], 1) ||
				    (g->full[k][j] && g->full[k][j + 1] &&
				     g->stride[k][j] == ex_mul(m, g->stride[k][j + 1], g->extent[j + 1])));
		}
		if (!ok)
			continue;
		g->extent[j] = ex_mul(m, g->extent[j], g->extent[j + 1]);
		for (int k = 0; k < g->nin; k++) {
			g->stride[k][j] = g->stride[k][j + 1];
			g->full[k][j] = g->full[k][j + 1];
			for (int i = j + 1; i + 1 < g->rank; i++) {
				g->stride[k][i] = g->stride[k][i + 1];
				g->full[k][i] = g->full[k][i + 1];
			}
		}
		for (int i = j + 1; i + 1 < g->rank; i++)
			g->extent[i] = g->extent[i + 1];
		g->rank--;
	}
}

static void look(struct ir_module *m, struct geometry *g, const struct ew_body *b, const struct ir_value *o)
{
	bool cl = o->layout == TUFF_CL && o->rank >= 2, flat, four;
	int order[TUFF_MAX_RANK], last;
	int64_t c;

	memset(g, 0, sizeof(*g));
	g->nin = b->nin;
	g->rank = o->rank ? o->rank : 1;
	order[0] = 0;
	for (int j = 0; j < o->rank; j++)
		order[j] = !cl || !j ? j : j == o->rank - 1 ? 1 : j + 1;
	g->extent[0] = ex_const(m, 1);
	for (int j = 0; j < o->rank; j++)
		g->extent[j] = cl && order[j] == 1 ? launch_cp(m, o) : o->dim[order[j]];
	g->mask = cl && !(ex_value(m, o->dim[1], &c) && c % 4 == 0);
	for (int k = 0; k < g->nin; k++) {
		if (one_word(m, b->in[k], &g->word[k])) {
			g->read[k] = READ_WORD;
			continue;
		}
		if (o->rank)
			operand(m, g, k, b->in[k], o, order);
		else
			g->stride[k][0] = ex_const(m, 1), g->full[k][0] = true;
	}
	merge(m, g);
	last = g->rank - 1;
	flat = !cl && g->rank == 1;
	four = ex_value(m, g->extent[last], &c) && c % 4 == 0;
	g->width = cl || flat || four ? 4 : 1;
	for (int k = 0; k < g->nin && !cl; k++)	/* rows of four must be four in a row */
		if (g->read[k] != READ_WORD && !ex_is(m, g->stride[k][last], 0) &&
		    (!ex_is(m, g->stride[k][last], 1) || !g->full[k][last] || g->loose[k]))
			g->width = 1;
	for (int k = 0; k < g->nin; k++) {
		if (g->read[k] == READ_WORD)
			continue;
		if (ex_is(m, g->stride[k][last], 0) || g->width == 1)
			g->read[k] = READ_SPLAT;
		else if (!cl || (b->in[k]->layout == TUFF_CL && b->in[k]->rank == o->rank && g->full[k][last] && !g->loose[k]))
			g->read[k] = READ_VEC;
		else
			g->read[k] = READ_LANES;
	}
}

static const char *vec(char k, int width)
{
	if (width == 1)
		return k == 'f' ? "float" : k == 'i' ? "int" : "uint";
	return k == 'f' ? "vec4" : k == 'i' ? "ivec4" : "uvec4";
}

struct text {
	char p[32768];
	size_t at;
};

static void __attribute__((format(printf, 2, 3))) say(struct text *t, const char *fmt, ...)
{
	size_t left = t->at < sizeof(t->p) ? sizeof(t->p) - t->at : 0;
	va_list ap;

	va_start(ap, fmt);
	t->at += vsnprintf(t->p + sizeof(t->p) - left, left, fmt, ap);
	va_end(ap);
}

static int generate(struct text *t, const struct ew_body *b, const struct geometry *g, char out)
{
	int words = 2 + g->rank, binding = 1, n;

	say(t, "#version 450\nlayout(local_size_x = 64) in;\n"
	    "layout(set = 0, binding = 0, std140) uniform Dims { ivec4 d[16]; };\n"
	    "#define D(i) d[(i) >> 2][(i) & 3]\n");
	for (int k = 0; k < g->nin; k++)
		if (g->read[k] != READ_WORD) {
			say(t, "layout(set = 0, binding = %d, std430) readonly buffer B%d { %s b%d[]; };\n", binding, k,
			    vec(ew_class(b->in[k]->dtype), g->read[k] == READ_VEC ? 4 : 1), k);
			binding++;
		}
	say(t, "layout(set = 0, binding = %d, std430) writeonly buffer O { %s o[]; };\n", binding, vec(out, g->width));
	n = ew_glsl(b, t->p + t->at, sizeof(t->p) - t->at);
	if (n < 0)
		return n;
	t->at += n;
	say(t, "void main() {\nint g = int((gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x) * 64u + gl_LocalInvocationID.x);\n"
	    "if (g >= D(0)) return;\nint t = g;\n");
	for (int j = g->rank - 1; j >= 0; j--)
		say(t, j ? "int i%d = t %% D(%d); t /= D(%d);\n" : "int i%d = t;\n", j, 2 + j, 2 + j);
	for (int k = 0; k < g->nin; k++) {
		char c = ew_class(b->in[k]->dtype);

		if (g->read[k] == READ_WORD) {
			say(t, c == 'f' ? "float x%d = intBitsToFloat(D(%d));\n" : c == 'i' ? "int x%d = D(%d);\n" : "uint x%d = uint(D(%d));\n", k, words);
			words++;
			continue;
		}
		say(t, "int a%d = ", k);
		for (int j = 0; j < g->rank; j++)
			if (g->read[k] != READ_LANES || j < g->rank - 1)
				say(t, "%si%d * D(%d)", j ? " + " : "", j, words + j);
		say(t, g->read[k] == READ_LANES && g->rank == 1 ? "0;\n" : ";\n");
		if (g->read[k] == READ_LANES) {
			say(t, "%s x%d;\nfor (int j = 0; j < 4; j++) x%d[j] = i%d * 4 + j < D(1) ? b%d[a%d + (i%d * 4 + j) * D(%d)] : %s;\n",
			    vec(c, 4), k, k, g->rank - 1, k, k, g->rank - 1, words + g->rank - 1, c == 'f' ? "0.0" : c == 'i' ? "0" : "0u");
		} else {
			say(t, "%s x%d = b%d[a%d];\n", vec(c, g->read[k] == READ_VEC ? 4 : 1), k, k, k);
		}
		words += g->rank;
	}
	if (g->width == 4)
		say(t, "%s y;\n", vec(out, 4));
	for (int j = 0; j < g->width; j++) {
		say(t, g->width == 4 ? "y[%d] = " : "o[g] = ", j);
		if (g->mask)
			say(t, "i%d * 4 + %d >= D(1) ? %s : ", g->rank - 1, j, out == 'f' ? "0.0" : out == 'i' ? "0" : "0u");
		say(t, "body(");
		for (int k = 0; k < g->nin; k++) {
			bool lanes = g->width == 4 && (g->read[k] == READ_VEC || g->read[k] == READ_LANES);

			say(t, lanes ? "%sx%d[%d]" : "%sx%d", k ? ", " : "", k, j);
		}
		say(t, ");\n");
	}
	say(t, g->width == 4 ? "o[g] = y;\n}\n" : "}\n");
	return t->at < sizeof(t->p) ? 0 : -ENOSPC;
}

static int emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *o = n->out[0];
	struct ew_body b;
	struct geometry g;
	struct text *t = ir_alloc(m, sizeof(*t));
	ir_expr dims[TUFF_DIMS_WORDS], grid[3], total, four = ex_const(m, 4);
	uint32_t bind[EW_MAX_IN + 1], nbind = 0, nd = 2, k;
	char name[64];
	int ret;

	if (!t || ew_body(m, n, &b))
		return -ENOMEM;
	look(m, &g, &b, o);
	ret = generate(t, &b, &g, ew_class(o->dtype));
	if (ret)
		return ir_error(m, -EOPNOTSUPP, n, NULL, "the elementwise body is too long for a kernel");
	total = ex_const(m, 1);
	for (int j = 0; j < g.rank; j++) {
		ir_expr e = g.extent[j];

		if (g.width == 4 && j == g.rank - 1)
			e = ex_op(m, TUFF_E_CDIV, e, four);
		dims[nd++] = e;
		total = ex_mul(m, total, e);
	}
	dims[0] = total;
	dims[1] = o->rank >= 2 ? o->dim[1] : ex_const(m, 1);
	for (int i = 0; i < g.nin; i++) {
		if (g.read[i] == READ_WORD) {
			dims[nd++] = ex_const(m, (int32_t)g.word[i]);
			continue;
		}
		for (int j = 0; j < g.rank; j++) {
			ir_expr s = g.stride[i][j];
			bool inner = j == g.rank - 1;

			if (g.read[i] == READ_VEC && !inner)
				s = ex_op(m, TUFF_E_DIV, s, four);
			dims[nd++] = s;
		}
		bind[nbind++] = launch_tensor(l, b.in[i]);
	}
	bind[nbind++] = launch_tensor(l, o);
	snprintf(name, sizeof(name), "ew_%s", n->op == TUFF_OP_FUSED ? "fused" : tuff_op_name(n->op));
	k = launch_kernel_glsl(l, name, t->p, nbind, 1u << (nbind - 1));
	launch_grid1(l, total, 64, grid);
	return launch_dispatch(l, n, k, bind, nbind, dims, nd, grid);
}

const struct lower_ops lower_ew = { can, emit };
