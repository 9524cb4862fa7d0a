// SPDX-License-Identifier: MIT
#include "compiler/ops.h"

static const char *const names[] = {
#define X(id, name, lo, hi, out, rule) name,
	TUFF_OPS(X)
#undef X
};

const char *tuff_op_name(unsigned int op)
{
	return op < TUFF_OP_COUNT ? names[op] : "unknown operator";
}
