// SPDX-License-Identifier: MIT
/*
 * How each value is stored. Device kernels take 4-byte elements only, the CPU
 * path native ones (halves as float32), the model's inputs and outputs what the
 * model says; where two sides meet, a Convert node, which runs on the device.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ew.h"

static uint32_t device_form(const struct ir_value *v)
{
	char k = ew_class(v->dtype);

	return k == 'f' ? TUFF_F32 : k == 'i' ? TUFF_I32 : k == 'u' ? TUFF_U32 : v->dtype;
}

static uint32_t cpu_form(const struct ir_value *v)
{
	return v->dtype == TUFF_F16 || v->dtype == TUFF_BF16 ? TUFF_F32 : v->dtype;
}

/* v in another storage: a clone of a constant, or a Convert after its definition */
static struct ir_value *converted(struct ir_module *m, struct ir_value *v, uint32_t storage, struct ir_node *at)
{
	struct ir_value *c;
	struct ir_node *n;

	if (v->weight != TUFF_NONE) {
		c = ir_const(m, v->weight);
		c->name = v->name;
		c->layout = v->layout;
		c->storage = storage;
		return c;
	}
	n = ir_node_new(m, TUFF_OP_CONVERT, v->name, 1, 1, v->def ? v->def->next : at);
	n->device = 1;
	n->in[0] = v;
	c = ir_value_like(m, v, v->name);
	c->storage = storage;
	c->def = n;
	n->out[0] = c;
	return c;
}

static int inputs(struct ir_module *m, struct ir_value **other, uint32_t nvalues)
{
	for (struct ir_node *n = m->first; n; n = n->next) {
		if (n->op == TUFF_OP_CONVERT)
			continue;
		for (uint32_t i = 0; i < n->nin; i++) {
			struct ir_value *v = n->in[i];
			uint32_t want;

			if (!v || v->id >= nvalues || (n->device && v->weight == TUFF_NONE && ir_is_parameter(n, i)))
				continue;
			want = n->device ? device_form(v) : cpu_form(v);
			if (v->weight != TUFF_NONE && !v->storage)
				v->storage = want;
			if (v->storage == want)
				continue;
			if (!other[v->id] || other[v->id]->storage != want)
				other[v->id] = converted(m, v, want, m->first);
			n->in[i] = other[v->id];
			if (m->oom)
				return -ENOMEM;
		}
	}
	return 0;
}

static int outputs(struct ir_module *m)
{
	for (uint32_t i = 0; i < m->nout; i++) {
		struct ir_value *v = m->out[i], *c;
		bool copy = v->weight != TUFF_NONE || v->input >= 0;
		struct ir_node *n;

		for (uint32_t k = 0; k < i; k++)
			copy |= m->out[k] == v;
		if (!copy && v->storage == v->dtype)
			continue;
		if (copy && !v->storage)
			v->storage = cpu_form(v);
		/* the host's copy of a constant or of an input; else to the model's type */
		n = ir_node_new(m, v->storage == v->dtype ? TUFF_OP_IDENTITY : TUFF_OP_CONVERT, v->name, 1, 1, NULL);
		n->device = n->op == TUFF_OP_CONVERT;
		n->reason = "an output that is a copy";
		n->in[0] = v;
		c = ir_value_like(m, v, v->name);
		c->storage = v->dtype;
		c->def = n;
		n->out[0] = c;
		m->out[i] = c;
	}
	return m->oom ? -ENOMEM : 0;
}

int pass_precision(struct ir_module *m)
{
	struct ir_value **other;
	uint32_t nvalues = m->nvalues;
	int ret;

	if (m->opt->device.target == TUFF_TARGET_CPU)
		return 0;
	other = calloc(nvalues + 1, sizeof(*other));
	if (!other)
		return -ENOMEM;
	for (uint32_t i = 0; i < nvalues; i++)
		m->values[i]->storage = m->values[i]->input >= 0 ? m->values[i]->dtype : 0;
	for (struct ir_node *n = m->first; n; n = n->next)
		for (uint32_t i = 0; i < n->nout; i++)
			if (n->out[i])
				n->out[i]->storage = n->device ? device_form(n->out[i]) : cpu_form(n->out[i]);
	ret = inputs(m, other, nvalues);
	ret = ret ? ret : outputs(m);
	free(other);
	return ret;
}
