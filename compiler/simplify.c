// SPDX-License-Identifier: MIT
/* Dead code, and inputs that shape inference has used up. */
#include <string.h>

#include "compiler/ir.h"

int pass_simplify(struct ir_module *m)
{
	bool changed = true;

	/* the output's dimensions say it all */
	for (struct ir_node *n = m->first; n; n = n->next)
		if (n->op == TUFF_OP_RESHAPE || n->op == TUFF_OP_EXPAND ||
		    n->op == TUFF_OP_SQUEEZE || n->op == TUFF_OP_UNSQUEEZE)
			n->nin = 1;
	while (changed) {
		changed = false;
		ir_count_uses(m);
		for (struct ir_node *n = m->last, *prev; n; n = prev) {
			uint32_t used = 0;

			prev = n->prev;
			for (uint32_t i = 0; i < n->nout; i++)
				used += n->out[i] ? n->out[i]->nuses : 0;
			if (used)
				continue;
			for (uint32_t i = 0; i < n->nin; i++)
				if (n->in[i])
					n->in[i]->nuses--;
			ir_node_remove(m, n);
			changed = true;
		}
	}
	return 0;
}
