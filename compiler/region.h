/* SPDX-License-Identifier: MIT */
/* Bodies of operators: modules whose inputs are what the operator hands over, then captures. */
#ifndef TUFF_REGION_H
#define TUFF_REGION_H

#include "compiler/import.h"

struct region {
	struct ir_module *m;		/* the body */
	struct ir_module *outer;	/* the graph around the operator */
	struct ir_node *n;		/* the operator */
	struct scope *sc;
	const Onnx__GraphProto *g;
	uint32_t nformal;		/* inputs of the body's own, before the captures */
	uint32_t ncapture, cap_capture;
	struct ir_value **capture;	/* of the outer graph, one for each input behind the formal ones */
	uint32_t nsize, cap_size;
	struct { ir_expr outer, inner; } *size;	/* the same size on both sides */
};

/* the body of n by attribute `name`, without inputs yet; everything is freed with the module */
int region_begin(struct ir_module *m, struct ir_node *n, const char *name, struct region **out);
/* the next formal input: type and rank of `like`, its dimensions as the body knows them; a bit of vary: it changes */
int region_input(struct region *r, const struct ir_value *like, uint32_t vary, struct ir_value **out);
int region_scalar(struct region *r, uint32_t dtype, struct ir_value **out);
/* nodes, canonical form, shapes; then the outputs are typed */
int region_end(struct region *r);
/* an inner size in terms of the outer graph, if it can be said there */
bool region_size(struct region *r, ir_expr inner, ir_expr *outer);
ir_expr region_inner(struct region *r, ir_expr outer);	/* an outer size, in the body */
/* n runs these bodies: their captures become inputs of n behind the nformal ones */
int region_attach(struct ir_module *m, struct ir_node *n, struct region *const *r, uint32_t nr);

#endif
