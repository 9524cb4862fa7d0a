// SPDX-License-Identifier: MIT
/* Shapes of operators with bodies: If, Loop, Scan. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/region.h"
#include "compiler/shape.h"

/* a size of output `at` of a body, outside: the same expression, or measured */
static ir_expr outside(struct ir_module *m, struct region *r, ir_expr inner, struct ir_value *out, uint32_t at)
{
	ir_expr e;

	return region_size(r, inner, &e) ? e : ex_data(m, out, at);
}

/* ---- If ---- */

/* the branch's nodes instead of n */
static int inlined(struct ir_module *m, struct ir_node *n, const char *branch)
{
	const struct ir_attr *a = ir_attr_find(n, branch);
	const Onnx__GraphProto *g = a && a->type == IR_A_GRAPH ? a->graph : NULL;
	struct ir_node *before = n->prev;
	struct scope *sc;
	int ret;

	if (!g || !n->scope)
		return ir_error(m, -EINVAL, n, NULL, "attribute '%s' must be a graph", branch);
	if (g->n_output < n->nout || g->n_input)
		return ir_error(m, -EINVAL, n, NULL, "its branch has %zu inputs and %zu outputs", g->n_input, g->n_output);
	if (n->scope->depth >= IMPORT_MAX_DEPTH)
		return ir_error(m, -E2BIG, n, NULL, "graphs and functions nested deeper than %d", IMPORT_MAX_DEPTH);
	if (m->import->nregions++ == IMPORT_MAX_REGIONS)
		return ir_error(m, -E2BIG, n, NULL, "more than %d graphs in nodes", IMPORT_MAX_REGIONS);
	sc = scope_new(m->import, n->scope, m, import_names(g));
	if (!sc)
		return -ENOMEM;
	ret = import_initializers(sc, g);
	ret = ret ? ret : import_nodes(sc, g->node, g->n_node, n);
	ret = ret ? ret : canon_nodes(m, before ? before->next : m->first, n);
	for (struct ir_node *x = before ? before->next : m->first, *next; x != n && !ret; x = next) {
		for (uint32_t i = 0; i < x->nin && !ret; i++)
			if (x->in[i] && (x->in[i]->rank < 0 || !x->in[i]->dtype))
				ret = ir_error(m, -EINVAL, n, x->in[i], "its branch uses a value that no node before it makes");
		ret = ret ? ret : shape_node(m, x);
		next = x->next;
		if (ret > 0) {	/* made of others */
			ir_node_remove(m, x);
			ret = 0;
		} else if (!ret) {
			ret = fold_small(m, x);
		}
	}
	for (uint32_t i = 0; i < n->nout && !ret; i++) {
		struct ir_value *v = NULL;
		struct ir_node *id;
		bool known = false;

		ret = g->output[i]->name ? scope_find(sc, g->output[i]->name, &known, &v) : 0;
		if (!ret && (!known || !v || v->rank < 0))
			return ir_error(m, -EINVAL, n, NULL, "output %u of its branch is made by no node", i);
		if (ret || !n->out[i])
			continue;
		id = ir_node_new(m, TUFF_OP_IDENTITY, n->name, 1, 1, n);
		id->in[0] = v;
		id->out[0] = n->out[i];
		n->out[i]->def = id;
		ret = shape_node(m, id);
	}
	return ret ? ret : m->oom ? -ENOMEM : 1;
}

int shape_if(struct ir_module *m, struct ir_node *n)
{
	static const char *const branch[2] = { "then_branch", "else_branch" };
	struct ir_value *c = n->nin ? n->in[0] : NULL;
	struct region *r[2];
	int64_t v;
	int ret = 0;

	if (!c || c->seq || c->dtype != TUFF_BOOL || n->nin != 1)
		return ir_error(m, -EINVAL, n, c, "needs one bool condition");
	if (c->ival && c->nival == 1 && ex_value(m, c->ival[0], &v))
		return inlined(m, n, branch[!v]);
	ret = size_same(m, n, c, ex_numel(m, c, 0, c->rank), ex_const(m, 1));
	for (int i = 0; i < 2 && !ret; i++) {
		ret = region_begin(m, n, branch[i], &r[i]);
		ret = ret ? ret : region_end(r[i]);
		if (!ret && r[i]->m->nout != n->nout)
			ret = ir_error(m, -EINVAL, n, NULL, "%s has %u outputs, not %u", branch[i], r[i]->m->nout, n->nout);
	}
	for (uint32_t i = 0; i < n->nout && !ret; i++) {
		const struct ir_value *a = r[0]->m->out[i], *b = r[1]->m->out[i];
		ir_expr d[TUFF_MAX_RANK];

		if (!n->out[i])
			continue;
		if (a->dtype != b->dtype)
			return ir_error(m, -EINVAL, n, n->out[i], "the branches give %s and %s", tuff_dtype_name(a->dtype), tuff_dtype_name(b->dtype));
		if (a->seq != b->seq)
			return ir_error(m, -EINVAL, n, n->out[i], "one branch gives a sequence, the other a tensor");
		if (a->seq) {
			ir_set_sequence(n->out[i], a->dtype, ir_rank_join(a->erank, b->erank));
			continue;
		}
		if (a->rank != b->rank)
			return ir_error(m, -EOPNOTSUPP, n, n->out[i], "the branches give %d and %d dimensions", a->rank, b->rank);
		for (int k = 0; k < a->rank; k++) {
			ir_expr x, y;

			d[k] = region_size(r[0], a->dim[k], &x) && region_size(r[1], b->dim[k], &y) && x == y ? x : ex_data(m, n->out[i], k);
		}
		set_shape(n->out[i], a->dtype, a->rank, d);
	}
	return ret ? ret : region_attach(m, n, r, 2);
}

/* ---- Loop and Scan: values that go round ---- */

/* which dimensions of the carried values change; a bit each */
struct carried {
	uint32_t n;
	uint8_t *vary;
	int32_t *erank;		/* of a sequence's elements, as far as rounds have shown */
	bool again;
};

static int carried_init(struct ir_module *m, struct carried *c, struct ir_value *const *init)
{
	c->vary = ir_alloc(m, c->n + 1);
	c->erank = ir_alloc(m, (c->n + 1) * sizeof(*c->erank));
	for (uint32_t i = 0; i < c->n && c->erank; i++)
		c->erank[i] = init[i] ? init[i]->erank : 0;
	return c->vary && c->erank ? 0 : -ENOMEM;
}

/* inputs of the body for what n carries from input `first` on */
static int carry_in(struct region *r, struct carried *c, struct ir_value *const *init)
{
	int ret = 0;

	for (uint32_t i = 0; i < c->n && !ret; i++) {
		struct ir_value *v;

		if (!init[i])
			return ir_error(r->outer, -EINVAL, r->n, NULL, "an initial value is missing");
		ret = region_input(r, init[i], c->vary[i], &v);
		if (!ret)
			v->erank = c->erank[i];
	}
	return ret;
}

/* do they come back as they went in? */
static int carry_out(struct region *r, struct carried *c, uint32_t in, uint32_t out)
{
	c->again = false;
	for (uint32_t i = 0; i < c->n; i++) {
		const struct ir_value *a = r->m->in[in + i], *b = r->m->out[out + i];

		if (a->dtype != b->dtype)
			return ir_error(r->outer, -EINVAL, r->n, b, "a value of %s comes back as %s", tuff_dtype_name(a->dtype), tuff_dtype_name(b->dtype));
		if (a->seq != b->seq)
			return ir_error(r->outer, -EINVAL, r->n, b, "a sequence comes back as a tensor, or a tensor as one");
		if (a->seq && ir_rank_join(a->erank, b->erank) != a->erank) {
			c->erank[i] = ir_rank_join(a->erank, b->erank);
			c->again = true;
		}
		if (a->rank != b->rank)
			return ir_error(r->outer, -EOPNOTSUPP, r->n, b, "a value of %d dimensions comes back with %d", a->rank, b->rank);
		for (int k = 0; k < a->rank; k++) {
			if (a->dim[k] == b->dim[k] || c->vary[i] >> k & 1)
				continue;
			c->vary[i] |= 1u << k;
			c->again = true;
		}
	}
	return 0;
}

static void carried_shapes(struct ir_module *m, struct ir_node *n, const struct carried *c, struct ir_value *const *init)
{
	for (uint32_t i = 0; i < c->n && i < n->nout; i++) {
		ir_expr d[TUFF_MAX_RANK];

		if (!n->out[i])
			continue;
		if (init[i]->seq) {
			ir_set_sequence(n->out[i], init[i]->dtype, c->erank[i]);
			continue;
		}
		for (int k = 0; k < init[i]->rank; k++)
			d[k] = c->vary[i] >> k & 1 ? ex_data(m, n->out[i], k) : init[i]->dim[k];
		set_shape(n->out[i], init[i]->dtype, init[i]->rank, d);
	}
}

static bool is_true(const struct ir_module *m, const struct ir_value *v)
{
	return v->ival && v->nival == 1 && ex_is(m, v->ival[0], 1);
}

int shape_loop(struct ir_module *m, struct ir_node *n)
{
	struct ir_value *trip = n->nin > 0 ? n->in[0] : NULL, *cond = n->nin > 1 ? n->in[1] : NULL, *v;
	struct carried c = { .n = n->nin > 2 ? n->nin - 2 : 0 };
	struct region *r;
	bool counted;
	int ret = 0;

	if (n->nin < 2)
		return ir_error(m, -EINVAL, n, NULL, "needs a trip count and a condition");
	if (!trip && !cond)
		return ir_error(m, -EINVAL, n, NULL, "neither a trip count nor a condition: it would never end");
	if (!trip) {
		int64_t most = INT64_MAX;

		trip = n->in[0] = ir_const(m, ir_weight_data(m, "trip", TUFF_I64, 0, NULL, &most, 8));
	}
	if (!cond) {
		uint8_t yes = 1;

		cond = n->in[1] = ir_const(m, ir_weight_data(m, "cond", TUFF_BOOL, 0, NULL, &yes, 1));
	}
	if (m->oom)
		return -ENOMEM;
	if (trip->seq || cond->seq || trip->dtype != TUFF_I64 || cond->dtype != TUFF_BOOL)
		return ir_error(m, -EINVAL, n, trip->dtype != TUFF_I64 ? trip : cond, "the trip count is int64, the condition bool");
	for (int i = 0; i < 2 && !ret; i++)
		ret = size_same(m, n, n->in[i], ex_numel(m, n->in[i], 0, n->in[i]->rank), ex_const(m, 1));
	ret = ret ? ret : carried_init(m, &c, n->in + 2);
	if (ret)
		return ret;
	do {
		ret = region_begin(m, n, "body", &r);
		ret = ret ? ret : region_scalar(r, TUFF_I64, &v);
		ret = ret ? ret : region_scalar(r, TUFF_BOOL, &v);
		ret = ret ? ret : carry_in(r, &c, n->in + 2);
		ret = ret ? ret : region_end(r);
		if (!ret && (r->m->nout < 1 + c.n || r->m->nout - 1 != n->nout))
			ret = ir_error(m, -EINVAL, n, NULL, "its body has %u outputs beside the condition, the node %u", r->m->nout ? r->m->nout - 1 : 0, n->nout);
		if (!ret && r->m->out[0]->dtype != TUFF_BOOL)
			ret = ir_error(m, -EINVAL, n, NULL, "its body's first output is the condition, a bool");
		ret = ret ? ret : carry_out(r, &c, 2, 1);
	} while (!ret && c.again);
	if (ret)
		return ret;
	carried_shapes(m, n, &c, n->in + 2);
	counted = trip->ival && trip->nival == 1 && is_true(m, cond) && (is_true(r->m, r->m->out[0]) || r->m->out[0] == r->m->in[1]);
	for (uint32_t i = c.n; i < n->nout; i++) {
		const struct ir_value *o = r->m->out[1 + i];
		ir_expr d[TUFF_MAX_RANK];

		if (o->seq || o->rank == TUFF_MAX_RANK)
			return ir_error(m, -EINVAL, n, o, o->seq ? "a sequence cannot be a scan output" : "more than 8 dimensions");
		if (!n->out[i])
			continue;
		d[0] = counted ? ex_op(m, TUFF_E_MAX, trip->ival[0], ex_const(m, 0)) : ex_data(m, n->out[i], 0);
		for (int k = 0; k < o->rank; k++)
			d[k + 1] = outside(m, r, o->dim[k], n->out[i], k + 1);
		set_shape(n->out[i], o->dtype, o->rank + 1, d);
	}
	ret = ir_attr_set_int(m, n, "tuff.carried", c.n);
	return ret ? ret : region_attach(m, n, &r, 1);
}

/* entry i of an INTS attribute of Scan; 0 where it is not given */
static int64_t entry(const struct ir_node *n, const char *name, uint32_t i)
{
	uint64_t cnt;
	const int64_t *v = ir_attr_ints(n, name, &cnt);

	return i < cnt ? v[i] : 0;
}

/* x without dimension `axis`, as a value to take a type from */
static struct ir_value without(const struct ir_value *x, int axis)
{
	struct ir_value v = *x;

	for (int i = axis; i + 1 < x->rank; i++)
		v.dim[i] = x->dim[i + 1];
	v.rank--;
	return v;
}

/*
 * Operator set 8 has a batch in front of everything, sequence lengths as input
 * 0 and scans along dimension 1; from 9 on axes are attributes.
 */
int shape_scan(struct ir_module *m, struct ir_node *n)
{
	bool old = n->opset < 9;
	uint32_t total, nscan = ir_attr_int(n, "num_scan_inputs", 0);
	struct ir_value **in, *v, *init;
	struct carried c = { 0 };
	ir_expr length = 0;
	struct region *r;
	int64_t *axes = ir_alloc(m, (n->nin + n->nout + 1) * sizeof(*axes)), *outs = axes + n->nin;
	int ret = 0;

	if (old && n->nin && n->in[0])
		return ir_error(m, -EOPNOTSUPP, n, n->in[0], "sequence lengths are not supported");
	if (old && n->nin) {
		n->in++;
		n->nin--;
	}
	in = n->in;
	total = n->nin;
	if (!nscan || nscan > total)
		return ir_error(m, -EINVAL, n, NULL, "%u scan inputs of %u", nscan, total);
	c.n = total - nscan;
	init = ir_alloc(m, (c.n + 1) * sizeof(*init));
	if (!axes || !init || carried_init(m, &c, in))
		return -ENOMEM;
	for (uint32_t i = 0; i < total; i++)
		if (!in[i] || in[i]->seq || (old && in[i]->rank < 1))
			return ir_error(m, -EINVAL, n, in[i], "input %u is missing or has no batch", i);
	for (uint32_t i = 0; i < nscan; i++) {
		struct ir_value *x = in[c.n + i];
		int64_t axis = old ? 1 : entry(n, "scan_input_axes", i);

		axis += axis < 0 ? x->rank : 0;
		if (axis < 0 || axis >= x->rank)
			return ir_error(m, -EINVAL, n, x, "axis %lld is out of range", (long long)axis);
		axes[i] = axis;
		ret = i ? size_same(m, n, x, length, x->dim[axis]) : 0;
		length = i ? length : x->dim[axis];
		if (!ret && old)
			ret = size_same(m, n, x, x->dim[0], in[c.n]->dim[0]);
		if (ret)
			return ret;
	}
	for (uint32_t i = 0; i < c.n && !ret; i++) {
		init[i] = old ? without(in[i], 0) : *in[i];
		ret = old ? size_same(m, n, in[i], in[i]->dim[0], in[c.n]->dim[0]) : 0;
	}
	if (ret)
		return ret;
	do {
		struct ir_value **list = ir_alloc(m, (c.n + 1) * sizeof(*list));

		for (uint32_t i = 0; i < c.n && list; i++)
			list[i] = &init[i];
		ret = list ? region_begin(m, n, "body", &r) : -ENOMEM;
		ret = ret ? ret : carry_in(r, &c, list);
		for (uint32_t i = 0; i < nscan && !ret; i++) {
			struct ir_value x = without(in[c.n + i], axes[i]);

			if (old)
				x = without(&x, 0);
			ret = region_input(r, &x, 0, &v);
		}
		ret = ret ? ret : region_end(r);
		if (!ret && (r->m->nout < c.n || r->m->nout != n->nout))
			ret = ir_error(m, -EINVAL, n, NULL, "its body has %u outputs, the node %u", r->m->nout, n->nout);
		ret = ret ? ret : carry_out(r, &c, 0, 0);
		if (!ret && c.again && old)	/* the batch's results are joined */
			ret = ir_error(m, -EINVAL, n, NULL, "a state changes its size");
	} while (!ret && c.again);
	if (ret)
		return ret;
	if (!old) {
		carried_shapes(m, n, &c, in);
	} else {
		for (uint32_t i = 0; i < c.n; i++)
			if (n->out[i])
				set_shape(n->out[i], in[i]->dtype, in[i]->rank, in[i]->dim);
	}
	for (uint32_t i = c.n; i < n->nout; i++) {
		const struct ir_value *o = r->m->out[i];
		int64_t axis = old ? 0 : entry(n, "scan_output_axes", i - c.n);
		ir_expr d[TUFF_MAX_RANK];
		int rank = o->rank + 1 + old, at = 0;

		axis += axis < 0 ? o->rank + 1 : 0;
		if (o->seq || rank > TUFF_MAX_RANK || axis < 0 || axis > o->rank)
			return ir_error(m, -EINVAL, n, o, "axis %lld is out of range, or more than 8 dimensions", (long long)axis);
		outs[i - c.n] = axis;
		if (!n->out[i])
			continue;
		if (old)
			d[at++] = in[c.n]->dim[0];
		for (int k = 0, from = 0; k <= o->rank; k++, at++)
			d[at] = k == axis ? length : outside(m, r, o->dim[from++], n->out[i], at);
		set_shape(n->out[i], o->dtype, rank, d);
	}
	ret = ir_attr_set_ints(m, n, "tuff.in_axes", axes, nscan);
	ret = ret ? ret : ir_attr_set_ints(m, n, "tuff.out_axes", outs, n->nout - c.n);
	ret = ret ? ret : ir_attr_set_int(m, n, "tuff.carried", c.n);
	ret = ret ? ret : ir_attr_set_int(m, n, "tuff.batch", old);
	return ret ? ret : region_attach(m, n, &r, 1);
}
