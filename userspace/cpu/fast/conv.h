/* SPDX-License-Identifier: MIT */
/*
 * A convolution prepared for the pool. conv_cut.c says into which chunks,
 * conv_dnnl.c how oneDNN computes each kind of them, conv.c packs the weights
 * and runs it.
 */
#ifndef TUFF_CPU_CONV_H
#define TUFF_CPU_CONV_H

#include "userspace/cpu/cpu.h"
#include "userspace/cpu/fast/dnnl.h"

#define CONV_VARIANTS 8

enum { SRC, WEI, BIAS, DST, SCRATCH, NMEM };	/* of a primitive */

struct conv_variant {		/* one shape of chunk */
	int64_t rows, in_rows, pad0, pad1;
	dnnl_primitive_desc_t pd;
	dnnl_primitive_t prim;
	dnnl_memory_t (*mem)[NMEM];	/* by worker */
	size_t scratch;
};

struct conv_block {			/* of output rows */
	int64_t out, in;
	int variant;
};

struct conv {
	unsigned int workers;
	int nvar;
	struct conv_variant var[CONV_VARIANTS];
	int64_t nblocks, parts;	/* row blocks; parts of the output channels */
	struct conv_block *block;
	int64_t oc, row_in, row_out, image_in, image_out;	/* elements; oc of a part */
	size_t part_bytes;	/* packed weights of a part */
	char *weights;
	void *own;		/* weights that are not constant: packed at each run */
	dnnl_primitive_t reorder;
	dnnl_memory_t plain, packed;
	int act;
	float p0, p1;
	bool act_done, sum;	/* by the primitive */
	int error;		/* of reading the weights */
};

struct conv_geometry {
	int n;			/* spatial dimensions */
	dnnl_dims_t s, d, p0, p1, k;
	int64_t group;
};

/* conv_cut.c */
void cpu_conv_geometry(const struct cpu_args *a, struct conv_geometry *g);
/* parts and the number of row blocks that would be best */
void cpu_conv_cut(const struct cpu_args *a, const struct conv_geometry *g, struct conv *c);
/* c->nblocks row blocks and the variants they need; false: too many kinds */
bool cpu_conv_blocks(const struct cpu_args *a, const struct conv_geometry *g, struct conv *c);

/* conv_dnnl.c */
/* weights of one part, as the model has them or in whatever form suits */
dnnl_status_t cpu_conv_weights_md(const struct cpu_args *a, const struct conv_geometry *g, int64_t oc, bool any, dnnl_memory_desc_t *md);
/*
 * Blocks and descriptions of their kernels: as many blocks as cpu_conv_cut() would
 * like, fewer where no form of the weights suits all of them. *md: that form,
 * which is `given` if weights are packed already.
 */
dnnl_status_t cpu_conv_choose(const struct cpu_args *a, const struct conv_geometry *g, struct conv *c, dnnl_memory_desc_t *md, bool given);
/* the primitive of a variant that cpu_conv_choose() described */
dnnl_status_t cpu_conv_make(const struct conv *c, struct conv_variant *v);
void cpu_conv_forget(struct conv *c);	/* descriptions */

#endif
