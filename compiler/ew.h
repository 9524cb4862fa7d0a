/* SPDX-License-Identifier: MIT */
/* Elementwise bodies: from nodes (ew_body.c), to GLSL (ew_glsl.c). */
#ifndef TUFF_EW_H
#define TUFF_EW_H

#include "compiler/ir.h"

#define EW_MAX_INSN 64
#define EW_MAX_IN 3

struct ew_body {
	uint32_t nin;				/* operands: values of the node */
	struct ir_value *in[EW_MAX_IN];
	uint32_t ninsn;
	struct tuff_ew_insn insn[EW_MAX_INSN];
};

/* what kind of 4-byte register holds a type: 'f', 'i', 'u', or 0 */
char ew_class(uint32_t dtype);
/* the body of an elementwise node; NULL or why it has none */
const char *ew_body(struct ir_module *m, const struct ir_node *n, struct ew_body *b);
/* `T body(T0 r0, ..)` in GLSL on scalars; returns the length or -ENOSPC */
int ew_glsl(const struct ew_body *b, char *out, size_t size);

#endif
