// SPDX-License-Identifier: MIT
/*
 * Canonical form: one form per meaning, that of the newest operator set, so
 * that no later pass asks for an opset. Attributes that became inputs are
 * made inputs; identities go; variadic sums become chains.
 */
#include <errno.h>
#include <string.h>

#include "compiler/ir.h"

static struct ir_value *const_i64(struct ir_module *m, const char *name, const int64_t *v, uint64_t n, int rank)
{
	int64_t dim = n;

	return ir_const(m, ir_weight_data(m, name, TUFF_I64, rank, &dim, v, n * 8));
}

static int grow_inputs(struct ir_module *m, struct ir_node *n, uint32_t count)
{
	struct ir_value **in;

	if (count <= n->nin)
		return 0;
	in = ir_alloc(m, (count + 4) * sizeof(*in));
	if (!in)
		return -ENOMEM;
	if (n->nin)
		memcpy(in, n->in, n->nin * sizeof(*in));
	n->in = in;
	n->nin = count;
	return 0;
}

/* attribute INTS `name` becomes input `at` */
static int ints_to_input(struct ir_module *m, struct ir_node *n, const char *name, uint32_t at)
{
	const int64_t *v;
	uint64_t cnt;

	if (n->nin > at && n->in[at])
		return 0;
	v = ir_attr_ints(n, name, &cnt);
	if (!v)
		return 0;
	if (grow_inputs(m, n, at + 1))
		return -ENOMEM;
	n->in[at] = const_i64(m, name, v, cnt, 1);
	return 0;
}

static int float_to_input(struct ir_module *m, struct ir_node *n, const char *name, uint32_t at)
{
	float f = ir_attr_float(n, name, 0);

	if (!ir_attr_find(n, name) || (n->nin > at && n->in[at]))
		return 0;
	if (grow_inputs(m, n, at + 1))
		return -ENOMEM;
	n->in[at] = ir_const(m, ir_weight_data(m, name, TUFF_F32, 0, NULL, &f, 4));
	return 0;
}

static int constant(struct ir_module *m, struct ir_node *n)
{
	struct ir_attr *a = n->nattr == 1 ? &n->attr[0] : NULL;
	const char *name = n->nout ? n->out[0]->name : "";
	int64_t dim = a ? a->n : 0;
	uint32_t w;

	if (!a || n->nout != 1)
		return ir_error(m, -EINVAL, n, NULL, "exactly one attribute gives the value");
	if (a->type == TUFF_A_TENSOR)
		w = a->weight;
	else if (!strcmp(a->name, "value_float") && a->type == TUFF_A_FLOAT)
		w = ir_weight_data(m, name, TUFF_F32, 0, NULL, &a->f1, 4);
	else if (!strcmp(a->name, "value_int") && a->type == TUFF_A_INT)
		w = ir_weight_data(m, name, TUFF_I64, 0, NULL, &a->i1, 8);
	else if (!strcmp(a->name, "value_floats") && a->type == TUFF_A_FLOATS)
		w = ir_weight_data(m, name, TUFF_F32, 1, &dim, a->f, 4 * a->n);
	else if (!strcmp(a->name, "value_ints") && a->type == TUFF_A_INTS)
		w = ir_weight_data(m, name, TUFF_I64, 1, &dim, a->i, 8 * a->n);
	else
		return ir_error(m, -EOPNOTSUPP, n, NULL, "a value by attribute '%.40s' is not supported", a->name);
	if (w == TUFF_NONE)
		return -ENOMEM;
	ir_node_remove(m, n);
	ir_make_const(m, n->out[0], w);
	return 0;
}

static int forward(struct ir_module *m, struct ir_node *n)
{
	n->out[0]->fwd = n->in[0];
	ir_node_remove(m, n);
	return 0;
}

static int has_element(struct ir_module *m, struct ir_node *n)
{
	uint8_t yes = n->nin && n->in[0];
	uint32_t w = ir_weight_data(m, n->out[0]->name, TUFF_BOOL, 0, NULL, &yes, 1);

	if (w == TUFF_NONE)
		return -ENOMEM;
	ir_node_remove(m, n);
	ir_make_const(m, n->out[0], w);
	return 0;
}

/* Sum, Min, Max of many: a chain of pairs, left to right. */
static int chain(struct ir_module *m, struct ir_node *n, uint32_t op)
{
	struct ir_value *acc = n->in[0];

	if (n->nin == 1)
		return forward(m, n);
	for (uint32_t i = 1; i + 1 < n->nin; i++) {
		struct ir_node *b = ir_node_new(m, op, n->name, 2, 1, n);

		b->onnx_op = n->onnx_op;
		b->opset = n->opset;
		b->in[0] = acc;
		b->in[1] = n->in[i];
		acc = b->out[0] = ir_value_new(m, "");
		acc->def = b;
	}
	n->in[1] = n->in[n->nin - 1];
	n->in[0] = acc;
	n->nin = 2;
	n->op = op;
	return 0;
}

/* opset < 7: B is aligned to A's dimensions from `axis`; append ones to it. */
static int old_broadcast(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *a = n->in[0], *b = n->in[1];
	int64_t axis = ir_attr_int(n, "axis", -1), axes[TUFF_MAX_RANK];
	struct ir_node *u;
	int count = 0;

	if (!ir_attr_int(n, "broadcast", 0) || axis == -1)
		return 0;
	if (b->rank < 0 || a->rank < 0) {
		/* ranks are known after shape inference: it aligns by this */
		return ir_attr_set_int(m, n, "tuff.axis", axis);
	}
	axis += axis < 0 ? a->rank : 0;
	for (int i = axis + b->rank; i < a->rank && count < TUFF_MAX_RANK; i++)
		axes[count++] = i - axis;
	if (!count)
		return 0;
	u = ir_node_new(m, TUFF_OP_UNSQUEEZE, n->name, 2, 1, n);
	u->in[0] = b;
	u->in[1] = const_i64(m, "axes", axes, count, 1);
	u->out[0] = n->in[1] = ir_value_new(m, "");
	u->out[0]->def = u;
	return 0;
}

static int resize(struct ir_module *m, struct ir_node *n)
{
	if (strcmp(n->onnx_op, "Upsample") && n->opset > 10) {
		if (n->nin < 4)
			return grow_inputs(m, n, 4);
		return 0;
	}
	if (n->nin < 2) {
		struct ir_attr *a = ir_attr_find(n, "scales");
		int64_t dim = a ? a->n : 0;

		if (!a || a->type != TUFF_A_FLOATS || grow_inputs(m, n, 2))
			return ir_error(m, -EINVAL, n, NULL, "no scales are given");
		n->in[1] = ir_const(m, ir_weight_data(m, "scales", TUFF_F32, 1, &dim, a->f, 4 * a->n));
	}
	if (grow_inputs(m, n, 4))
		return -ENOMEM;
	n->in[2] = n->in[1];
	n->in[1] = NULL;
	{
		static const char *const kv[][2] = { { "coordinate_transformation_mode", "asymmetric" },
						     { "nearest_mode", "floor" } };
		struct ir_attr *all = ir_alloc(m, (n->nattr + 2) * sizeof(*all));

		if (n->nattr)
			memcpy(all, n->attr, n->nattr * sizeof(*all));
		for (int i = 0; i < 2; i++) {
			struct ir_attr *a = &all[n->nattr + i];

			a->name = kv[i][0];
			a->type = TUFF_A_STRING;
			a->n = 1;
			a->s = ir_alloc(m, sizeof(*a->s));
			a->s[0] = kv[i][1];
		}
		n->attr = all;
		n->nattr += 2;
	}
	return 0;
}

static int slice(struct ir_module *m, struct ir_node *n)
{
	int ret;

	if (n->nin >= 3)
		return 0;
	ret = grow_inputs(m, n, 3);
	ret = ret ? ret : ints_to_input(m, n, "starts", 1);
	ret = ret ? ret : ints_to_input(m, n, "ends", 2);
	return ret ? ret : ints_to_input(m, n, "axes", 3);
}

static int canon_node(struct ir_module *m, struct ir_node *n)
{
	int ret = 0;

	switch (n->op) {
	case TUFF_OP_CONSTANT:
		return constant(m, n);
	case TUFF_OP_IDENTITY:
		return forward(m, n);
	case TUFF_OP_DROPOUT:
		if (n->nout > 1 && n->out[1]) {
			if (n->out[1]->nuses)
				return ir_error(m, -EOPNOTSUPP, n, n->out[1], "the mask of Dropout is not supported");
		}
		return forward(m, n);
	case TUFF_OP_OPTIONAL: case TUFF_OP_OPTIONAL_GET:	/* what is there is known: no input is optional */
		return forward(m, n);
	case TUFF_OP_OPTIONAL_HAS:
		return has_element(m, n);
	case TUFF_OP_SUM:
		return chain(m, n, TUFF_OP_ADD);
	case TUFF_OP_MIN:
	case TUFF_OP_MAX:
		return chain(m, n, n->op);
	case TUFF_OP_ADD: case TUFF_OP_SUB: case TUFF_OP_MUL: case TUFF_OP_DIV:
	case TUFF_OP_POW: case TUFF_OP_AND: case TUFF_OP_OR: case TUFF_OP_XOR:
	case TUFF_OP_EQUAL: case TUFF_OP_LESS: case TUFF_OP_GREATER:
		return n->opset < 7 ? old_broadcast(m, n) : 0;
	case TUFF_OP_SQUEEZE: case TUFF_OP_UNSQUEEZE:
	case TUFF_OP_REDUCE_SUM: case TUFF_OP_REDUCE_MEAN: case TUFF_OP_REDUCE_MAX:
	case TUFF_OP_REDUCE_MIN: case TUFF_OP_REDUCE_PROD: case TUFF_OP_REDUCE_L1:
	case TUFF_OP_REDUCE_L2: case TUFF_OP_REDUCE_SUMSQ: case TUFF_OP_REDUCE_LOGSUM:
	case TUFF_OP_REDUCE_LOGSUMEXP:
		return ints_to_input(m, n, "axes", 1);
	case TUFF_OP_RESHAPE:
		return ints_to_input(m, n, "shape", 1);
	case TUFF_OP_SPLIT:
		return ints_to_input(m, n, "split", 1);
	case TUFF_OP_SLICE:
		return slice(m, n);
	case TUFF_OP_PAD:
		ret = ints_to_input(m, n, ir_attr_find(n, "paddings") ? "paddings" : "pads", 1);
		return ret ? ret : float_to_input(m, n, "value", 2);
	case TUFF_OP_CLIP:
		ret = float_to_input(m, n, "min", 1);
		return ret ? ret : float_to_input(m, n, "max", 2);
	case TUFF_OP_SOFTMAX: case TUFF_OP_LOGSOFTMAX:
		if (n->opset < 13)
			ret = ir_attr_set_int(m, n, "tuff.flat", 1);
		return ret ? ret : ir_attr_set_int(m, n, "axis", ir_attr_int(n, "axis", n->opset < 13 ? 1 : -1));
	case TUFF_OP_RESIZE:
		return resize(m, n);
	}
	return 0;
}

/* Dropout with training_mode false, or with a ratio of 0, as torchvision's Swin exports it */
static bool drops_nothing(const struct ir_module *m, const struct ir_node *n)
{
	const struct ir_value *t = n->in[2];
	const uint8_t *b;
	double ratio;

	if (ir_scalar(m, n->in[1], &ratio) && ratio == 0)
		return true;
	if (t->weight == TUFF_NONE || t->input >= 0 || m->weights[t->weight].size != 1)
		return false;
	b = ir_weight_bytes(m, t->weight);
	return !(b ? *b : (uint8_t)m->weights[t->weight].fill);
}

int canon_nodes(struct ir_module *m, struct ir_node *from, struct ir_node *end)
{
	for (struct ir_node *n = from, *next; n != end; n = next) {
		uint32_t must = n->op == TUFF_OP_CONSTANT || tuff_op_regions(n->op) > 0 || n->op == TUFF_OP_SEQ_EMPTY || n->op == TUFF_OP_OPTIONAL_HAS ? 0 : 1;
		int ret;

		next = n->next;
		for (uint32_t i = 0; i < n->nin; i++)
			n->in[i] = n->in[i] ? ir_resolve(n->in[i]) : NULL;
		for (uint32_t i = 0; i < must; i++)
			if (n->nin <= i || !n->in[i])
				return ir_error(m, -EINVAL, n, NULL, "input %u is missing", i);
		if (n->op == TUFF_OP_BATCHNORM && (ir_attr_int(n, "training_mode", 0) || n->nout > 1))
			return ir_error(m, -EOPNOTSUPP, n, NULL, "training is not supported");
		if (n->op == TUFF_OP_DROPOUT && n->nin > 2 && n->in[2] && !drops_nothing(m, n))
			return ir_error(m, -EOPNOTSUPP, n, n->in[2], "training is not supported");
		if (!n->nout || (!n->out[0] && n->op != TUFF_OP_LSTM && n->op != TUFF_OP_GRU && n->op != TUFF_OP_RNN && tuff_op_regions(n->op) < 0))
			return ir_error(m, -EINVAL, n, NULL, "output 0 is missing");
		ret = canon_node(m, n);
		if (ret)
			return ret;
	}
	return 0;
}

int pass_canon(struct ir_module *m)
{
	int ret;

	ir_count_uses(m);
	ret = canon_nodes(m, m->first, NULL);
	for (uint32_t i = 0; i < m->nout && !ret; i++)
		m->out[i] = ir_resolve(m->out[i]);
	return ret;
}
