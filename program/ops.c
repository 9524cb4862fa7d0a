// SPDX-License-Identifier: MIT
#include "compiler/ops.h"

static const char *const names[] = {
#define X(id, name, lo, hi, out, rule) name,
	TUFF_OPS(X)
#undef X
};

/* what the session's interpreter runs, and how many regions it has */
int tuff_op_regions(unsigned int op)
{
	switch (op) {
	case TUFF_OP_NONZERO: case TUFF_OP_COMPRESS: case TUFF_OP_UNIQUE: case TUFF_OP_NMS: case TUFF_OP_SIZED:
	case TUFF_OP_SEQ_EMPTY: case TUFF_OP_SEQ_CONSTRUCT: case TUFF_OP_SEQ_INSERT: case TUFF_OP_SEQ_ERASE: case TUFF_OP_SEQ_AT:
	case TUFF_OP_SEQ_LENGTH: case TUFF_OP_SEQ_CONCAT: case TUFF_OP_SEQ_SPLIT: case TUFF_OP_PASS:
		return 0;
	case TUFF_OP_IF:
		return 2;
	case TUFF_OP_LOOP: case TUFF_OP_SCAN:
		return 1;
	}
	return -1;
}

const char *tuff_op_name(unsigned int op)
{
	return op < TUFF_OP_COUNT ? names[op] : "unknown operator";
}
