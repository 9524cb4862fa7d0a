// SPDX-License-Identifier: MIT
/*
 * What became of every node of the model: the table behind `tuff info --device`.
 * Passes rewrite the graph freely and know nothing of this; a node is traced by
 * the values it made when it was imported.
 */
#include <string.h>

#include "compiler/emit.h"

struct ir_origin {
	const char *name, *op;
	uint32_t nin, nout;
	struct ir_value **in, **out;
};

static struct ir_value **copy(struct ir_module *m, struct ir_value *const *v, uint32_t n)
{
	struct ir_value **c = ir_alloc(m, (n + 1) * sizeof(*c));

	if (c && n)
		memcpy(c, v, n * sizeof(*c));
	return c;
}

void nodes_note(struct ir_module *m)
{
	uint32_t n = 0;

	for (const struct ir_node *p = m->first; p; p = p->next)
		n++;
	m->nodes = ir_alloc(m, (n + 1) * sizeof(*m->nodes));
	for (const struct ir_node *p = m->first; p && m->nodes; p = p->next) {
		struct ir_origin *o = &m->nodes[m->nnodes];

		*o = (struct ir_origin){ p->name, p->onnx_op, p->nin, p->nout, copy(m, p->in, p->nin), copy(m, p->out, p->nout) };
		if (!o->in || !o->out)
			return;		/* the module is out of memory and says so */
		m->nnodes++;
	}
}

static bool is_step(uint32_t fate)
{
	return fate < TUFF_NODE_PART;
}

/* a pass may have moved it to another module, where ids are others */
static bool here(const struct ir_module *m, const struct ir_value *v)
{
	return v->id < m->nvalues && m->values[v->id] == v;
}

/*
 * A step makes what the node made, or what the node's users became part of; or
 * it is a constant, or content that sizes are computed from.
 */
static uint32_t fate_of(const struct launch *e, const struct ir_origin *o, const uint32_t *use)
{
	uint32_t fate = TUFF_NODE_UNUSED;

	for (uint32_t i = 0; i < o->nout; i++) {
		const struct ir_value *v = o->out[i] ? ir_resolve(o->out[i]) : NULL;

		if (!v)
			continue;
		if (!here(e->m, v) || !here(e->m, o->out[i])) {
			fate = TUFF_NODE_PART;
			continue;
		}
		if (is_step(e->step[v->id]))
			return e->step[v->id];
		if (v->weight != TUFF_NONE)
			fate = TUFF_NODE_CONSTANT;
		else if (v->ival || e->step[v->id] == TUFF_NODE_SIZES)
			fate = TUFF_NODE_SIZES;
		else if (use[o->out[i]->id] != TUFF_NONE)
			fate = use[o->out[i]->id];
	}
	return fate;
}

void nodes_emit(struct launch *e)
{
	struct ir_module *m = e->m;
	uint32_t *use = ir_alloc(m, (m->nvalues + 1) * sizeof(*use));	/* by value: what a user became, a step if one did */
	uint32_t *fate = ir_alloc(m, (m->nnodes + 1) * sizeof(*fate));

	if (!use || !fate) {
		e->oom = true;
		return;
	}
	memset(use, 0xff, (m->nvalues + 1) * sizeof(*use));
	for (uint32_t i = m->nnodes; i--;) {
		const struct ir_origin *o = &m->nodes[i];

		fate[i] = fate_of(e, o, use);
		for (uint32_t k = 0; k < o->nin && fate[i] != TUFF_NODE_UNUSED; k++)
			if (o->in[k] && here(m, o->in[k]) && !is_step(use[o->in[k]->id]))
				use[o->in[k]->id] = fate[i];
	}
	for (uint32_t i = 0; i < m->nnodes && !e->oom; i++) {
		const struct ir_origin *o = &m->nodes[i];
		uint32_t row[3] = { emit_str(e, o->name), emit_str(e, o->op), fate[i] };

		emit_push(e, &e->args, row, 3);
	}
}
