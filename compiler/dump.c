// SPDX-License-Identifier: MIT
/*
 * Text of the graph: what --dump-after prints and tests compare.
 *
 *   %y: float32[N,4] = MatMul(%x, %w, %b={1,2,3,4}) {act=relu}
 *
 * Small constants show their content, channels-last values an @cl, nodes that
 * a device program runs on the CPU the reason.
 */
#include <stdio.h>
#include <string.h>

#include "compiler/ir.h"

#define SHOW 8		/* elements of a constant that are shown */

static void name(const struct ir_value *v, FILE *f)
{
	if (*v->name)
		fprintf(f, "%%%s", v->name);
	else
		fprintf(f, "%%%u", v->id);
}

static void element(const struct tuff_weight *w, const uint8_t *b, uint64_t i, FILE *f)
{
	size_t es = tuff_dtype_size(w->dtype);
	const uint8_t *p = b ? b + i * es : (const uint8_t *)&w->fill;
	int64_t v = 0;
	uint16_t h;
	double d;
	float x;

	switch (w->dtype) {
	case TUFF_F32:
		memcpy(&x, p, 4);
		fprintf(f, "%g", x);
		return;
	case TUFF_F64:
		memcpy(&d, p, 8);
		fprintf(f, "%g", d);
		return;
	case TUFF_F16:
		memcpy(&h, p, 2);
		fprintf(f, "%g", tuff_f16_to_f32(h));
		return;
	}
	memcpy(&v, p, es < 8 ? es : 8);
	if (w->dtype == TUFF_I32 || w->dtype == TUFF_I16 || w->dtype == TUFF_I8)
		v = (int64_t)((uint64_t)v << (64 - 8 * es)) >> (64 - 8 * es);
	fprintf(f, "%lld", (long long)v);
}

static void content(const struct ir_module *m, const struct ir_value *v, FILE *f)
{
	const struct tuff_weight *w = &m->weights[v->weight];
	const uint8_t *b = ir_weight_bytes(m, v->weight);
	size_t es = tuff_dtype_size(w->dtype);
	uint64_t n = es ? w->size / es : 0;

	if (n > SHOW && w->src == TUFF_W_FILL) {
		fputs("={all ", f);
		element(w, b, 0, f);
		fputc('}', f);
	}
	if (n > SHOW)
		return;
	fputs("={", f);
	for (uint64_t i = 0; i < n; i++) {
		fputs(i ? "," : "", f);
		element(w, b, i, f);
	}
	fputc('}', f);
}

static void value(const struct ir_module *m, const struct ir_value *v, FILE *f, bool type)
{
	char t[768];

	if (!v) {
		fputc('_', f);
		return;
	}
	name(v, f);
	if (type) {
		ir_shape_text(m, v, t, sizeof(t));
		fprintf(f, ": %s%s", t, v->layout == TUFF_CL ? "@cl" : "");
	} else if (v->layout == TUFF_CL) {
		fputs("@cl", f);
	}
	if (v->weight != TUFF_NONE && v->input < 0)
		content(m, v, f);
}

static const char *const ops[] = {
	"add", "sub", "mul", "div", "pow", "min", "max", "mod", "fmod", "eq", "lt", "le", "gt", "ge", "and", "or", "xor", "select",
	"not", "neg", "abs", "sign", "exp", "log", "sqrt", "recip", "rsqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
	"cosh", "tanh", "asinh", "acosh", "atanh", "erf", "floor", "ceil", "round", "relu", "sigmoid", "softplus", "softsign", "leaky",
	"elu", "selu", "celu", "clip", "hardsigmoid", "hardswish", "threshold", "gelu", "mish", "isnan", "isinf", "cast", "const",
	"identity", "swish",
};
_Static_assert(sizeof(ops) / sizeof(ops[0]) == TUFF_EW_COUNT, "a name for each operation");

static const char *ew_name(int64_t op)
{
	return op >= 0 && op < TUFF_EW_COUNT ? ops[op] : "?";
}

/* "3=mul(0,2)": register, operation, registers */
static void body(const struct ir_node *n, const struct ir_attr *a, FILE *f)
{
	const struct tuff_ew_insn *x = (const void *)a->i;

	for (uint64_t i = 0; i < a->n / 6; i++, x++) {
		uint32_t bits = (uint32_t)x->imm;
		float p;

		memcpy(&p, &bits, 4);
		fprintf(f, "%s%llu=%s", i ? " " : "", (unsigned long long)(n->nin + i), ew_name(x->op));
		if (x->op == TUFF_EW_CONST && x->dtype == TUFF_F32)
			fprintf(f, "(%g)", p);
		else if (x->op == TUFF_EW_CONST)
			fprintf(f, "(%lld)", (long long)x->imm);
		else if (x->op == TUFF_EW_SELECT)
			fprintf(f, "(%d,%d,%d)", (int)x->a, (int)x->b, (int)x->c);
		else if (x->op <= TUFF_EW_XOR)
			fprintf(f, "(%d,%d)", (int)x->a, (int)x->b);
		else
			fprintf(f, "(%d)", (int)x->a);
	}
}

static void attrs(const struct ir_module *m, const struct ir_node *n, FILE *f)
{
	for (uint32_t i = 0; i < n->nattr; i++) {
		const struct ir_attr *a = &n->attr[i];

		fprintf(f, "%s%s=", i ? ", " : " {", a->name);
		if (a->type == TUFF_A_INT && !strcmp(a->name, "act")) {
			fputs(ew_name(a->i1), f);
			continue;
		}
		if (n->op == TUFF_OP_FUSED && !strcmp(a->name, "body")) {
			body(n, a, f);
			continue;
		}
		switch (a->type) {
		case TUFF_A_INT:
			fprintf(f, "%lld", (long long)a->i1);
			break;
		case TUFF_A_FLOAT:
			fprintf(f, "%g", a->f1);
			break;
		case TUFF_A_TENSOR:
			fputs("tensor", f);
			break;
		default:
			fputc('[', f);
			for (uint64_t k = 0; k < a->n && k < 16; k++) {
				fputs(k ? "," : "", f);
				if (a->type == TUFF_A_INTS)
					fprintf(f, "%lld", (long long)a->i[k]);
				else if (a->type == TUFF_A_FLOATS)
					fprintf(f, "%g", a->f[k]);
				else
					fputs(a->s[k], f);
			}
			fputs(a->n > 16 ? ",..]" : "]", f);
		}
	}
	fputs(n->nattr ? "}" : "", f);
}

void ir_dump(const struct ir_module *m, void *file)
{
	FILE *f = file;

	for (uint32_t i = 0; i < m->nin; i++) {
		fputs("input ", f);
		value(m, m->in[i], f, true);
		fputc('\n', f);
	}
	for (const struct ir_node *n = m->first; n; n = n->next) {
		for (uint32_t i = 0; i < n->nout; i++) {
			fputs(i ? ", " : "", f);
			value(m, n->out[i], f, true);
		}
		fprintf(f, " = %s(", tuff_op_name(n->op));
		for (uint32_t i = 0; i < n->nin; i++) {
			fputs(i ? ", " : "", f);
			value(m, n->in[i], f, false);
		}
		fputc(')', f);
		attrs(m, n, f);
		if (n->reason && *n->reason && m->opt->device.target != TUFF_TARGET_CPU)
			fprintf(f, " on the CPU: %s", n->reason);
		fputc('\n', f);
	}
	for (uint32_t i = 0; i < m->nout; i++) {
		fputs("output ", f);
		value(m, m->out[i], f, true);
		fputc('\n', f);
	}
}
