// SPDX-License-Identifier: MIT
/*
 * LSTM, GRU and RNN: what the gates get from the input for all times in one
 * dispatch, then the steps, a workgroup for each sequence and direction, as
 * many in a dispatch as an invocation's iterations allow.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "compiler/lower_util.h"

#define H_MAX 768		/* of five rows in shared memory: 15 KiB */
#define DISPATCHES_MAX 64

static struct ir_value *input(const struct ir_node *n, uint32_t i)
{
	return n->nin > i ? n->in[i] : NULL;
}

/* iterations of one invocation in one step, of four gates at most */
static int64_t step_cost(int64_t h)
{
	return (4 * h + 127) / 128 * (1 + (h % 4 ? h : h / 4)) + (h + 127) / 128;
}

static bool activations_are(const struct ir_node *n, const char *const *want, uint64_t period)
{
	const struct ir_attr *a = ir_attr_find(n, "activations");

	for (uint64_t i = 0; a && a->type == TUFF_A_STRINGS && i < a->n; i++)
		if (strcasecmp(a->s[i], want[i % period]))
			return false;
	return true;
}

static const char *const lstm_acts[] = { "sigmoid", "tanh", "tanh" }, *const relu_act[] = { "relu" }, *const tanh_act[] = { "tanh" };

static bool usual_activations(const struct ir_node *n)
{
	switch (n->op) {
	case TUFF_OP_LSTM:
		return activations_are(n, lstm_acts, 3);
	case TUFF_OP_GRU:
		return activations_are(n, lstm_acts, 2);
	}
	return activations_are(n, tanh_act, 1) || activations_are(n, relu_act, 1);
}

static const char *rnn_can(struct ir_module *m, const struct ir_node *n)
{
	const struct ir_value *x = n->in[0], *r = n->in[2];
	int64_t h, i, s, per;

	for (uint32_t k = 0; k < n->nin; k++)
		if (n->in[k] && k != 4 && !lt_float(n->in[k]))
			return "a recurrent network of a type that is not a float";
	if (!usual_activations(n) || ir_attr_find(n, "clip") || ir_attr_int(n, "input_forget", 0) || ir_attr_int(n, "layout", 0))
		return "activations, clip, input_forget or layout of a recurrent network";
	if (input(n, 4) || input(n, 7))
		return "sequence lengths or peepholes of a recurrent network";
	if (x->rank != 3 || r->rank != 3 || !ex_value(m, r->dim[2], &h) || !ex_value(m, x->dim[2], &i) || h < 1 || h > H_MAX || i > LT_LOOP)
		return "a recurrent network of more than 768 units";
	if (!ex_value(m, x->dim[0], &s))
		return "a recurrent network over a length that varies";
	per = LT_LOOP / step_cost(h);
	if (per < 1 || (s + per - 1) / per > DISPATCHES_MAX)
		return "a recurrent network over so many steps";
	return NULL;
}

/* part of the state [D,parts,B,H], h or c, to or from a tensor [D,B,H]; no tensor: zeros into it */
static int state_copy(struct launch *l, struct ir_node *n, struct ir_value *v, uint32_t part, uint32_t parts, uint32_t state, bool in,
		      ir_expr D, ir_expr bh)
{
	struct ir_module *m = launch_module(l);
	ir_expr one = ex_const(m, 1), zero = ex_const(m, 0), far = ex_mul(m, bh, ex_const(m, parts)), off = part ? bh : zero;
	struct lt_box b = { .rank = 2, .in = zero, .out = zero, .lanes = LT_NO_LANES };

	if (v) {
		b.dim[0] = (struct lt_dim){ D, in ? bh : far, in ? far : bh, zero, D, true };
		b.dim[1] = (struct lt_dim){ bh, one, one, zero, bh, true };
	} else {	/* nothing is inside */
		b.mode = LT_FILL;
		b.dim[0] = (struct lt_dim){ D, zero, far, zero, D, true };
		b.dim[1] = (struct lt_dim){ bh, zero, one, zero, zero, false };
	}
	*(in ? &b.out : &b.in) = off;
	if (!v)
		return lt_copy(l, n, &b, launch_tensor(l, n->in[0]), state);
	return lt_copy(l, n, &b, in ? launch_tensor(l, v) : state, in ? state : launch_tensor(l, v));
}

/* Rb of the hidden row [D,H], out of B [D,6H], behind the state; zeros without a bias */
static int reset_bias(struct launch *l, struct ir_node *n, uint32_t state, ir_expr D, ir_expr H, ir_expr dbh)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *b = input(n, 3);
	ir_expr one = ex_const(m, 1), zero = ex_const(m, 0), w = ex_mul(m, H, ex_const(m, 6));
	struct lt_box box = { .rank = 2, .in = b ? ex_mul(m, H, ex_const(m, 5)) : zero, .out = dbh, .lanes = LT_NO_LANES,
			      .mode = b ? LT_PLAIN : LT_FILL };

	box.dim[0] = (struct lt_dim){ D, b ? w : zero, H, zero, D, true };
	box.dim[1] = (struct lt_dim){ H, b ? one : zero, one, zero, b ? H : zero, b != NULL };
	return lt_copy(l, n, &box, launch_tensor(l, b ? b : n->in[0]), state);
}

static int rnn_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *r = n->in[2], *b = input(n, 3);
	const char *dir = ir_attr_str(n, "direction", "forward");
	uint32_t gates_n = n->op == TUFF_OP_LSTM ? 4 : n->op == TUFF_OP_GRU ? 3 : 1, parts = n->op == TUFF_OP_LSTM ? 2 : 1;
	bool linear = n->op == TUFF_OP_GRU && ir_attr_int(n, "linear_before_reset", 0);
	ir_expr S = x->dim[0], B = x->dim[1], D = r->dim[0], H = r->dim[2], GH = ex_mul(m, H, ex_const(m, gates_n)), bh = ex_mul(m, B, H);
	ir_expr dbh = ex_mul(m, D, bh), count = ex_mul(m, ex_mul(m, S, B), ex_mul(m, D, GH));
	ir_expr d[5] = { count, GH, D, x->dim[2], linear ? ex_mul(m, H, ex_const(m, 2)) : GH };
	uint32_t state = launch_scratch(l, lt_bytes(m, ex_add(m, ex_mul(m, dbh, ex_const(m, parts)), ex_mul(m, D, H))));
	uint32_t gates = launch_scratch(l, lt_bytes(m, count)), y, id[] = { 0, 1, 2, 3 }, bias = b != NULL, spec[4], kernel;
	uint32_t in_bind[] = { launch_tensor(l, x), launch_tensor(l, n->in[1]), launch_tensor(l, b ? b : x), gates };
	int64_t h, s, per;
	int ret;

	if (!ex_value(m, H, &h) || !ex_value(m, S, &s))
		return ir_error(m, -EINVAL, n, x, "a length that varies");
	y = n->nout && n->out[0] ? launch_tensor(l, n->out[0]) : launch_scratch(l, lt_bytes(m, ex_mul(m, S, dbh)));
	ret = lt_grid(l, n, launch_kernel(l, "rnn_in", 4, 8, id, &bias, 1), in_bind, 4, d, 5, count, LT_LOCAL);
	for (uint32_t part = 0; part < parts && !ret; part++)
		ret = state_copy(l, n, input(n, 5 + part), part, parts, state, true, D, bh);
	if (linear && !ret)
		ret = reset_bias(l, n, state, D, H, dbh);
	per = LT_LOOP / step_cost(h);
	spec[0] = h;
	spec[1] = !strcmp(dir, "bidirectional") ? 2 : !strcmp(dir, "reverse") ? 1 : 0;
	spec[2] = h % 4 ? 1 : 4;
	spec[3] = n->op == TUFF_OP_GRU ? 2 + linear : !activations_are(n, tanh_act, 1);
	kernel = n->op == TUFF_OP_LSTM ? launch_kernel(l, "lstm", 4, 12, id, spec, 3) : launch_kernel(l, "gru", 4, 12, id, spec, 4);
	for (int64_t t = 0; t < s && !ret; t += per) {
		uint32_t bind[] = { gates, launch_tensor(l, r), state, y };
		ir_expr w[5] = { B, D, ex_const(m, t), ex_const(m, t + per < s ? t + per : s), S }, grid[3] = { B, D, ex_const(m, 1) };

		ret = launch_dispatch(l, n, kernel, bind, 4, w, 5, grid);
	}
	for (uint32_t part = 0; part < parts && !ret; part++)
		if (n->nout > 1 + part && n->out[1 + part])
			ret = state_copy(l, n, n->out[1 + part], part, parts, state, false, D, bh);
	return ret;
}
const struct lower_ops lower_rnn = { rnn_can, rnn_emit };
