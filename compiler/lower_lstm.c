// SPDX-License-Identifier: MIT
/*
 * LSTM: what the gates get from the input for all times in one dispatch, then
 * the steps, a workgroup for each sequence and direction, as many in a
 * dispatch as an invocation's iterations allow.
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

/* iterations of one invocation in one step */
static int64_t step_cost(int64_t h)
{
	return (4 * h + 127) / 128 * (1 + (h % 4 ? h : h / 4)) + (h + 127) / 128;
}

static bool other_activations(const struct ir_node *n)
{
	static const char *const def[] = { "sigmoid", "tanh", "tanh" };
	const struct ir_attr *a = ir_attr_find(n, "activations");

	for (uint64_t i = 0; a && a->type == TUFF_A_STRINGS && i < a->n; i++)
		if (strcasecmp(a->s[i], def[i % 3]))
			return true;
	return false;
}

static const char *lstm_can(struct ir_module *m, const struct ir_node *n)
{
	const struct ir_value *x = n->in[0], *r = n->in[2];
	int64_t h, i, s, per;

	for (uint32_t k = 0; k < n->nin; k++)
		if (n->in[k] && k != 4 && !lt_float(n->in[k]))
			return "an LSTM of a type that is not a float";
	if (other_activations(n) || ir_attr_find(n, "clip") || ir_attr_int(n, "input_forget", 0) || ir_attr_int(n, "layout", 0))
		return "activations, clip, input_forget or layout of LSTM";
	if (input(n, 4) || input(n, 7))
		return "sequence lengths or peepholes of LSTM";
	if (x->rank != 3 || r->rank != 3 || !ex_value(m, r->dim[2], &h) || !ex_value(m, x->dim[2], &i) || h < 1 || h > H_MAX || i > LT_LOOP)
		return "an LSTM of more than 768 units";
	if (!ex_value(m, x->dim[0], &s))
		return "an LSTM over a length that varies";
	per = LT_LOOP / step_cost(h);
	if (per < 1 || (s + per - 1) / per > DISPATCHES_MAX)
		return "an LSTM over so many steps";
	return NULL;
}

/* h (part 0) or c (part 1) between the state [D,2,B,H] and a tensor [D,B,H] */
static int state_copy(struct launch *l, struct ir_node *n, struct ir_value *v, uint32_t part, uint32_t state, bool in, ir_expr D, ir_expr bh)
{
	struct ir_module *m = launch_module(l);
	ir_expr one = ex_const(m, 1), zero = ex_const(m, 0), far = ex_mul(m, bh, ex_const(m, 2)), off = part ? bh : zero;
	struct lt_box b = { .rank = 2, .in = zero, .out = zero, .lanes = LT_NO_LANES };

	if (v) {
		b.dim[0] = (struct lt_dim){ D, in ? bh : far, in ? far : bh, zero, D, true };
		b.dim[1] = (struct lt_dim){ bh, one, one, zero, bh, true };
	} else {	/* nothing is inside: zeros */
		b.mode = LT_FILL;
		b.dim[0] = (struct lt_dim){ D, zero, far, zero, D, true };
		b.dim[1] = (struct lt_dim){ bh, zero, one, zero, zero, false };
	}
	*(in ? &b.out : &b.in) = off;
	if (!v)
		return lt_copy(l, n, &b, launch_tensor(l, n->in[0]), state);
	return lt_copy(l, n, &b, in ? launch_tensor(l, v) : state, in ? state : launch_tensor(l, v));
}

static int lstm_emit(struct launch *l, struct ir_node *n)
{
	struct ir_module *m = launch_module(l);
	struct ir_value *x = n->in[0], *r = n->in[2], *b = input(n, 3);
	const char *dir = ir_attr_str(n, "direction", "forward");
	ir_expr S = x->dim[0], B = x->dim[1], D = r->dim[0], H = r->dim[2], H4 = ex_mul(m, H, ex_const(m, 4)), bh = ex_mul(m, B, H);
	ir_expr dbh = ex_mul(m, D, bh), count = ex_mul(m, ex_mul(m, S, B), ex_mul(m, D, H4)), d[5] = { count, H4, D, x->dim[2] };
	uint32_t state = launch_scratch(l, ex_mul(m, dbh, ex_const(m, 8))), gates = launch_scratch(l, lt_bytes(m, count)), y;
	uint32_t id[] = { 0, 1, 2 }, bias = b != NULL, spec[3];
	uint32_t in_bind[] = { launch_tensor(l, x), launch_tensor(l, n->in[1]), launch_tensor(l, b ? b : x), gates };
	int64_t h, s, per;
	int ret;

	if (!ex_value(m, H, &h) || !ex_value(m, S, &s))
		return ir_error(m, -EINVAL, n, x, "a length that varies");
	y = n->nout && n->out[0] ? launch_tensor(l, n->out[0]) : launch_scratch(l, lt_bytes(m, ex_mul(m, S, dbh)));
	ret = lt_grid(l, n, launch_kernel(l, "lstm_in", 4, 8, id, &bias, 1), in_bind, 4, d, 4, count, LT_LOCAL);
	for (uint32_t part = 0; part < 2 && !ret; part++)
		ret = state_copy(l, n, input(n, 5 + part), part, state, true, D, bh);
	per = LT_LOOP / step_cost(h);
	spec[0] = h;
	spec[1] = !strcmp(dir, "bidirectional") ? 2 : !strcmp(dir, "reverse") ? 1 : 0;
	spec[2] = h % 4 ? 1 : 4;
	for (int64_t t = 0; t < s && !ret; t += per) {
		uint32_t bind[] = { gates, launch_tensor(l, r), state, y };
		ir_expr w[5] = { B, D, ex_const(m, t), ex_const(m, t + per < s ? t + per : s), S }, grid[3] = { B, D, ex_const(m, 1) };

		ret = launch_dispatch(l, n, launch_kernel(l, "lstm", 4, 12, id, spec, 3), bind, 4, w, 5, grid);
	}
	for (uint32_t part = 0; part < 2 && !ret; part++)
		if (n->nout > 1 + part && n->out[1 + part])
			ret = state_copy(l, n, n->out[1 + part], part, state, false, D, bh);
	return ret;
}
const struct lower_ops lower_lstm = { lstm_can, lstm_emit };
