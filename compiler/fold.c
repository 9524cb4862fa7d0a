// SPDX-License-Identifier: MIT
/*
 * Constants: known integer content becomes data, ConstantOfShape becomes a
 * fill that nobody materialises, views of weights become weights.
 */
#include <errno.h>
#include <string.h>

#include "compiler/ir.h"

static bool const_dims(struct ir_module *m, const struct ir_value *v, int64_t *dim, uint64_t *n)
{
	*n = 1;
	for (int i = 0; i < v->rank; i++) {
		if (!ex_value(m, v->dim[i], &dim[i]) || dim[i] < 0 || dim[i] > 1ll << 40 ||
		    __builtin_mul_overflow(*n, (uint64_t)dim[i], n) || *n > 1ull << 40)
			return false;
	}
	return true;
}

static uint32_t from_ival(struct ir_module *m, const struct ir_value *v, uint32_t rank, const int64_t *dim)
{
	uint8_t bytes[8 * IR_MAX_IVAL];
	size_t es = tuff_dtype_size(v->dtype);

	for (uint32_t i = 0; i < v->nival; i++) {
		int64_t x;

		if (!ex_value(m, v->ival[i], &x))
			return TUFF_NONE;
		memcpy(bytes + i * es, &x, es);
	}
	return ir_weight_data(m, v->name, v->dtype, rank, dim, bytes, v->nival * es);
}

static uint32_t from_fill(struct ir_module *m, const struct ir_node *n, const int64_t *dim, uint64_t count)
{
	struct ir_attr *a = ir_attr_find(n, "value");
	const struct ir_value *v = n->out[0];
	size_t es = tuff_dtype_size(v->dtype);
	uint64_t bits = 0;
	uint32_t w;

	if (a && a->type == TUFF_A_TENSOR) {
		const void *b = ir_weight_bytes(m, a->weight);

		if (m->weights[a->weight].size != es)
			return TUFF_NONE;
		if (b)
			memcpy(&bits, b, es);
		else
			bits = m->weights[a->weight].fill;
	}
	w = ir_weight_new(m, v->name, v->dtype, v->rank, dim, count * es);
	if (w != TUFF_NONE) {
		m->weights[w].src = TUFF_W_FILL;
		m->weights[w].fill = bits;
	}
	return w;
}

static uint32_t view_of(struct ir_module *m, const struct ir_node *n, const int64_t *dim)
{
	struct tuff_weight src = m->weights[n->in[0]->weight];
	uint32_t w = ir_weight_new(m, n->out[0]->name, src.dtype, n->out[0]->rank, dim, src.size);

	if (w != TUFF_NONE) {
		m->weights[w].src = src.src;
		m->weights[w].file = src.file;
		m->weights[w].offset = src.offset;
		m->weights[w].fill = src.fill;
	}
	return w;
}

int pass_fold(struct ir_module *m)
{
	for (struct ir_node *n = m->first, *next; n; n = next) {
		struct ir_value *v = n->out[0];
		int64_t dim[TUFF_MAX_RANK];
		uint32_t w = TUFF_NONE;
		ir_expr *ival;
		uint64_t count;

		next = n->next;
		if (n->nout != 1 || !v || !const_dims(m, v, dim, &count))
			continue;
		if (v->ival)
			w = from_ival(m, v, v->rank, dim);
		else if (n->op == TUFF_OP_CONSTANT_OF_SHAPE)
			w = from_fill(m, n, dim, count);
		else if ((n->op == TUFF_OP_RESHAPE || n->op == TUFF_OP_SQUEEZE || n->op == TUFF_OP_UNSQUEEZE ||
			  n->op == TUFF_OP_FLATTEN) && n->in[0]->weight != TUFF_NONE)
			w = view_of(m, n, dim);
		if (w == TUFF_NONE)
			continue;
		ival = v->ival;
		ir_node_remove(m, n);
		ir_make_const(m, v, w);
		if (ival)
			v->ival = ival;
	}
	return 0;
}
