// SPDX-License-Identifier: MIT
/*
 * Elementwise bodies as GLSL. Functions whose precision or range Vulkan does
 * not promise (Vulkan 1.1, "Precision and Operation of SPIR-V Instructions")
 * are written out; tests on bits survive compilers that assume no NaN.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "compiler/ew.h"

/* name of a helper and its text; emitted where used, in this order */
static const struct { const char *name, *text; } helpers[] = {
	{ "t_nan", "bool t_nan(float x) { return (floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u; }\n" },
	{ "t_inf", "bool t_inf(float x) { return (floatBitsToUint(x) & 0x7fffffffu) == 0x7f800000u; }\n" },
	{ "t_exp", "float t_exp(float x) { if (x > 88.72284) return uintBitsToFloat(0x7f800000u); if (x < -87.3) return exp(x + 24.0) * 3.7751345e-11;\n"
		   "float k = floor(x * 1.44269504 + 0.5), r = (x - k * 0.693359375) + k * 2.12194440e-4;\n"
		   "float p = 1.0 + r * (1.0 + r * (0.5 + r * (0.16666665 + r * (4.1665795e-2 + r * (8.3334519e-3 + r * 1.3981999e-3)))));\n"
		   "int a = int(k) / 2, b = int(k) - a; return p * uintBitsToFloat(uint(a + 127) << 23) * uintBitsToFloat(uint(b + 127) << 23); }\n" },
	{ "t_expm1", "float t_expm1(float x) { return abs(x) < 0.05 ? x * (1.0 + x * (0.5 + x * (0.16666667 + x * (0.041666667 + x * 0.0083333333)))) : t_exp(x) - 1.0; }\n" },
	{ "t_log1p", "float t_log1p(float x) { float u = 1.0 + x; return abs(x) < 1e-4 ? x - 0.5 * x * x : log(u); }\n" },
	{ "t_tanh", "float t_tanh(float x) { float a = abs(x); if (a > 9.1) return sign(x); if (a < 0.02) return x * (1.0 - a * a * (0.33333333 - a * a * 0.13333333));\n"
		    "float e = t_exp(2.0 * a); return sign(x) * (1.0 - 2.0 / (e + 1.0)); }\n" },
	{ "t_sigmoid", "float t_sigmoid(float x) { return 1.0 / (1.0 + t_exp(-x)); }\n" },
	{ "t_softplus", "float t_softplus(float x) { return max(x, 0.0) + t_log1p(t_exp(-abs(x))); }\n" },
	/* Abramowitz and Stegun 7.1.26's form with W. J. Cody's intervals: series below 1, continued exponential above */
	{ "t_erf", "float t_erf(float x) { float a = abs(x); if (a > 3.9) return sign(x); if (a < 1.0) { float z = x * x;\n"
		   "return x * (1.12837917 + z * (-0.376126389 + z * (0.112837917 + z * (-0.0268661706 + z * (0.00522397763 + z * (-0.000854832702 + z * (0.000120553329 + z * (-1.49256504e-5 + z * 1.63657e-6)))))))); }\n"
		   "float t = 1.0 / (1.0 + 0.5 * a);\n"
		   "float y = t * t_exp(-a * a - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807 + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))));\n"
		   "return sign(x) * (1.0 - y); }\n" },
	{ "t_pow", "float t_pow(float x, float y) { if (y == 0.0) return 1.0; if (y == 1.0) return x; if (y == 2.0) return x * x; if (y == 0.5) return sqrt(x); if (y == 3.0) return x * x * x;\n"
		   "if (x == 0.0) return y > 0.0 ? 0.0 : uintBitsToFloat(0x7f800000u); float r = exp2(y * log2(abs(x)));\n"
		   "if (x < 0.0) { if (floor(y) != y) return uintBitsToFloat(0x7fc00000u); if (mod(y, 2.0) != 0.0) r = -r; } return r; }\n" },
	{ "t_imod", "int t_imod(int a, int b) { if (b == 0) return 0; int r = a - (a / b) * b; return r != 0 && (r < 0) != (b < 0) ? r + b : r; }\n" },
	{ "t_idiv", "int t_idiv(int a, int b) { return b == 0 ? 0 : a / b; }\n" },
	{ "t_fmod", "float t_fmod(float a, float b) { return a - b * trunc(a / b); }\n" },
	{ "t_f2i", "int t_f2i(float x) { return x >= 2147483520.0 ? 2147483647 : x <= -2147483648.0 ? int(0x80000000u) : int(x); }\n" },
	{ "t_f2u", "uint t_f2u(float x) { return x < 0.0 ? uint(t_f2i(x)) : x >= 4294967040.0 ? 0xffffffffu : uint(x); }\n" },
};

struct text {
	char *p;
	size_t at, size;
};

static void __attribute__((format(printf, 2, 3))) say(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->p + (t->at < t->size ? t->at : t->size), t->at < t->size ? t->size - t->at : 0, fmt, ap);
	va_end(ap);
	t->at += n;
}

/* format of the expression by operation: A B C operands, P Q parameters */
static const char *form(int64_t op, char k)
{
	switch (op) {
	case TUFF_EW_ADD: return "A + B";
	case TUFF_EW_SUB: return "A - B";
	case TUFF_EW_MUL: return "A * B";
	case TUFF_EW_DIV: return k == 'i' ? "t_idiv(A, B)" : k == 'u' ? "(B == 0u ? 0u : A / B)" : "A / B";
	case TUFF_EW_POW: return "t_pow(A, B)";
	case TUFF_EW_MIN: return k == 'f' ? "(t_nan(A) || t_nan(B) ? A + B : min(A, B))" : "min(A, B)";
	case TUFF_EW_MAX: return k == 'f' ? "(t_nan(A) || t_nan(B) ? A + B : max(A, B))" : "max(A, B)";
	case TUFF_EW_MOD: return k == 'i' ? "t_imod(A, B)" : k == 'u' ? "(B == 0u ? 0u : A % B)" : "(A - B * floor(A / B))";
	case TUFF_EW_FMOD: return k == 'i' ? "(A - t_idiv(A, B) * B)" : k == 'u' ? "(B == 0u ? 0u : A % B)" : "t_fmod(A, B)";
	case TUFF_EW_EQ: return "uint(A == B)";
	case TUFF_EW_LT: return "uint(A < B)";
	case TUFF_EW_LE: return "uint(A <= B)";
	case TUFF_EW_GT: return "uint(A > B)";
	case TUFF_EW_GE: return "uint(A >= B)";
	case TUFF_EW_AND: return "(A & B)";
	case TUFF_EW_OR: return "(A | B)";
	case TUFF_EW_XOR: return "(A ^ B)";
	case TUFF_EW_SELECT: return "(A != 0u ? B : C)";
	case TUFF_EW_NOT: return "uint(A == 0u)";
	case TUFF_EW_NEG: return "-A";
	case TUFF_EW_ABS: return k == 'u' ? "A" : "abs(A)";
	case TUFF_EW_SIGN: return k == 'u' ? "min(A, 1u)" : "sign(A)";
	case TUFF_EW_EXP: return "t_exp(A)";
	case TUFF_EW_LOG: return "log(A)";
	case TUFF_EW_SQRT: return "sqrt(A)";
	case TUFF_EW_RECIP: return "1.0 / A";
	case TUFF_EW_RSQRT: return "1.0 / sqrt(A)";
	case TUFF_EW_SIN: return "sin(A)";
	case TUFF_EW_COS: return "cos(A)";
	case TUFF_EW_TAN: return "tan(A)";
	case TUFF_EW_ASIN: return "(abs(A) < 0.5 ? atan(A / sqrt(1.0 - A * A)) : sign(A) * (1.57079633 - 2.0 * atan(sqrt((1.0 - abs(A)) / (1.0 + abs(A))))))";
	case TUFF_EW_ACOS: return "2.0 * atan(sqrt(1.0 - A), sqrt(1.0 + A))";
	case TUFF_EW_ATAN: return "atan(A)";
	case TUFF_EW_SINH: return "(abs(A) < 0.2 ? A * (1.0 + A * A * (0.16666667 + A * A * 0.0083333333)) : 0.5 * (t_exp(A) - t_exp(-A)))";
	case TUFF_EW_COSH: return "0.5 * (t_exp(A) + t_exp(-A))";
	case TUFF_EW_TANH: return "t_tanh(A)";
	case TUFF_EW_ASINH: return "sign(A) * t_log1p(abs(A) + A * A / (1.0 + sqrt(A * A + 1.0)))";
	case TUFF_EW_ACOSH: return "log(A + sqrt(A * A - 1.0))";
	case TUFF_EW_ATANH: return "0.5 * t_log1p(2.0 * A / (1.0 - A))";
	case TUFF_EW_ERF: return "t_erf(A)";
	case TUFF_EW_FLOOR: return k == 'f' ? "floor(A)" : "A";
	case TUFF_EW_CEIL: return k == 'f' ? "ceil(A)" : "A";
	case TUFF_EW_ROUND: return k == 'f' ? "roundEven(A)" : "A";
	case TUFF_EW_RELU: return k == 'f' ? "(A < 0.0 ? 0.0 : A)" : k == 'i' ? "max(A, 0)" : "A";
	case TUFF_EW_SIGMOID: return "t_sigmoid(A)";
	case TUFF_EW_SOFTPLUS: return "t_softplus(A)";
	case TUFF_EW_SOFTSIGN: return "A / (1.0 + abs(A))";
	case TUFF_EW_LEAKY: return "(A < 0.0 ? P * A : A)";
	case TUFF_EW_ELU: return "(A < 0.0 ? P * t_expm1(A) : A)";
	case TUFF_EW_SELU: return "Q * (A < 0.0 ? P * t_expm1(A) : A)";
	case TUFF_EW_CELU: return "(max(A, 0.0) + min(0.0, P * t_expm1(A / P)))";
	case TUFF_EW_CLIP: return "min(max(A, P), Q)";
	case TUFF_EW_HARDSIGMOID: return "clamp(P * A + Q, 0.0, 1.0)";
	case TUFF_EW_HARDSWISH: return "A * clamp(A / 6.0 + 0.5, 0.0, 1.0)";
	case TUFF_EW_THRESHOLD: return "(A > P ? A : 0.0)";
	case TUFF_EW_GELU: return "(P == 0.0 ? 0.5 * A * (1.0 + t_erf(A * 0.70710678)) : 0.5 * A * (1.0 + t_tanh(0.79788456 * (A + 0.044715 * A * A * A))))";
	case TUFF_EW_MISH: return "A * t_tanh(t_softplus(A))";
	case TUFF_EW_SWISH: return "A * t_sigmoid(A)";
	case TUFF_EW_ISNAN: return "uint(t_nan(A))";
	case TUFF_EW_ISINF: return "uint(t_inf(A))";
	case TUFF_EW_IDENTITY: return "A";
	}
	return NULL;
}

static const char *glsl_type(char k)
{
	return k == 'f' ? "float" : k == 'i' ? "int" : "uint";
}

static void cast(struct text *t, uint32_t from, uint32_t to, int64_t a)
{
	char f = ew_class(from), k = ew_class(to);

	if (to == TUFF_BOOL)
		say(t, f == 'f' ? "uint(r%d != 0.0)" : f == 'i' ? "uint(r%d != 0)" : "uint(r%d != 0u)", (int)a);
	else if (k == 'f' && to == TUFF_F16)
		say(t, "unpackHalf2x16(packHalf2x16(vec2(float(r%d), 0.0))).x", (int)a);
	else if (k == 'f' && to == TUFF_BF16 && from != TUFF_BF16)
		say(t, "uintBitsToFloat((floatBitsToUint(float(r%d)) + 0x7fffu + (floatBitsToUint(float(r%d)) >> 16 & 1u)) & 0xffff0000u)", (int)a, (int)a);
	else if (k == 'f')
		say(t, "float(r%d)", (int)a);
	else if (f == 'f')
		say(t, k == 'i' ? "t_f2i(r%d)" : "t_f2u(r%d)", (int)a);
	else
		say(t, k == 'i' ? "int(r%d)" : "uint(r%d)", (int)a);
}

/* narrow integers wrap at their own width */
static void wrap(struct text *t, uint32_t dtype, int reg)
{
	int bits = dtype == TUFF_I8 || dtype == TUFF_U8 ? 8 : dtype == TUFF_I16 || dtype == TUFF_U16 ? 16 : 0;

	if (bits)
		say(t, "r%d = bitfieldExtract(r%d, 0, %d);\n", reg, reg, bits);
}

static void flt(struct text *t, uint32_t bits)
{
	say(t, "uintBitsToFloat(%uu)", bits);
}

int ew_glsl(const struct ew_body *b, char *out, size_t size)
{
	struct text t = { .p = out, .size = size }, body = { .size = 0 };
	static _Thread_local char buf[16384];
	uint32_t type[EW_MAX_IN + EW_MAX_INSN], last = 0;

	body.p = buf;
	body.size = sizeof(buf);
	for (uint32_t i = 0; i < b->nin; i++)
		type[i] = b->in[i]->dtype;
	for (uint32_t i = 0; i < b->ninsn; i++) {
		const struct tuff_ew_insn *x = &b->insn[i];
		int reg = b->nin + i;
		const char *f;

		if (x->a < 0 || x->b < 0 || x->c < 0 || x->a >= reg || (x->op != TUFF_EW_CONST && reg == 0))
			return -EINVAL;
		type[reg] = x->dtype;
		say(&body, "%s r%d = ", glsl_type(ew_class(x->dtype)), reg);
		if (x->op == TUFF_EW_CONST) {
			if (ew_class(x->dtype) == 'f')
				flt(&body, (uint32_t)x->imm);
			else
				say(&body, ew_class(x->dtype) == 'i' ? "int(%uu)" : "%uu", (uint32_t)x->imm);
		} else if (x->op == TUFF_EW_CAST) {
			cast(&body, type[x->a], x->dtype, x->a);
		} else {
			f = form(x->op, ew_class(type[x->a]));
			if (!f)
				return -EINVAL;
			for (; *f; f++) {
				bool word = (f[1] >= 'a' && f[1] <= 'z') || f[1] == '_';

				if (*f >= 'A' && *f <= 'C' && !word)
					say(&body, "r%d", (int)(*f == 'A' ? x->a : *f == 'B' ? x->b : x->c));
				else if (*f == 'P' || *f == 'Q')
					flt(&body, (uint32_t)(*f == 'P' ? x->imm : x->imm >> 32));
				else
					say(&body, "%c", *f);
			}
		}
		say(&body, ";\n");
		wrap(&body, x->dtype, reg);
		last = reg;
	}
	if (body.at >= body.size)
		return -ENOSPC;
	{
		bool need[sizeof(helpers) / sizeof(helpers[0])] = { 0 };

		for (int i = sizeof(helpers) / sizeof(helpers[0]) - 1; i >= 0; i--) {
			need[i] |= strstr(buf, helpers[i].name) != NULL;
			for (int k = 0; need[i] && k < i; k++)
				need[k] |= strstr(helpers[i].text, helpers[k].name) != NULL;
		}
		for (size_t i = 0; i < sizeof(need) / sizeof(need[0]); i++)
			if (need[i])
				say(&t, "%s", helpers[i].text);
	}
	say(&t, "%s body(", glsl_type(ew_class(type[last])));
	for (uint32_t i = 0; i < b->nin; i++)
		say(&t, "%s%s r%u", i ? ", " : "", glsl_type(ew_class(type[i])), i);
	say(&t, ") {\n%sreturn r%u;\n}\n", buf, last);
	return t.at < t.size ? (int)t.at : -ENOSPC;
}
