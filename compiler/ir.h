/* SPDX-License-Identifier: MIT */
/*
 * The graph IR: SSA values and nodes, symbolic dimensions. One header for all
 * passes (QBE's manner): types first, then what each file exports.
 *
 * Memory: everything hangs off struct ir_module's arena and dies with it.
 */
#ifndef TUFF_IR_H
#define TUFF_IR_H

#include "compiler/tuffc.h"
#include "compiler/ops.h"

typedef uint32_t ir_expr;	/* index into ir_module.exprs; hash-consed, folded */
#define IR_MAX_IVAL 64		/* integer tensors up to this many elements propagate */

#define IR_A_GRAPH 5		/* beside enum tuff_attr_type */
struct ir_attr {
	const char *name;
	uint32_t type;		/* enum tuff_attr_type */
	uint64_t n;
	union {
		const int64_t *i;
		const float *f;
		const char **s;
		uint32_t weight;	/* TENSOR: index in module weights */
		const void *graph;	/* IR_A_GRAPH: Onnx__GraphProto, until region.c has made a module of it */
		int64_t i1;		/* n == 1 INT */
		float f1;		/* n == 1 FLOAT */
	};
};

struct ir_value {
	uint32_t id;
	const char *name;
	uint32_t dtype;		/* TUFF_UNDEFINED until inferred */
	uint32_t storage;	/* set by precision.c */
	uint32_t layout;	/* set by layout.c */
	int32_t rank;		/* -1 unknown */
	ir_expr dim[TUFF_MAX_RANK];
	ir_expr *ival;		/* known integer content, row-major, or NULL */
	uint32_t nival;
	bool narrow;		/* int64 of the interpreter's that fits 32 bits: positions, counts */
	bool seq;		/* a sequence of tensors of dtype: rank is 0 then, and */
	int32_t erank;		/* of its elements, or */
#define IR_RANK_NONE (-1)	/* there are none */
#define IR_RANK_MIXED (-2)	/* they differ */
	uint32_t weight;	/* constant: module weight index, else TUFF_NONE */
	int32_t input;		/* graph input index or -1 */
	struct ir_node *def;	/* producer or NULL */
	uint32_t nuses;		/* uses by nodes and as graph outputs; ir_count_uses() */
	struct ir_node *user;	/* a node that uses it: the one, if nuses is 1; NULL = graph output only */
	struct ir_value *fwd;	/* replaced by; ir_resolve() */
};

struct ir_node {
	struct ir_node *prev, *next;	/* program order, topological */
	uint32_t op;		/* enum tuff_op */
	const char *name;	/* ONNX node name, or op type and index */
	const char *onnx_op;	/* op_type as written, for messages */
	uint32_t opset;		/* version of the node's domain */
	uint32_t nin, nout;
	struct ir_value **in;	/* NULL = absent optional */
	struct ir_value **out;
	uint32_t nattr;
	struct ir_attr *attr;
	uint32_t seq;		/* position, set by ir_count_uses() */
	uint32_t device;	/* set by lower: 1 = device, 0 = CPU */
	const char *reason;	/* why on the CPU */
	struct scope *scope;	/* of names, for the graphs inside (import.h) */
	uint32_t nregion;	/* graphs inside: bodies, the branches of If, a segment (split.c) */
	struct ir_module **region;
};

struct ir_module {
	struct ir_arena *arena;
	uint32_t nexprs, cap_exprs;
	struct tuff_expr *exprs;
	uint32_t *expr_hash;	/* expr.c */
	uint32_t nsyms;
	struct ir_sym {
		const char *name;
		uint32_t flags;
		int64_t max;
		struct ir_value *of;	/* DATA: what it is measured from, */
		uint32_t at;		/* as tuff_symbol.at says */
	} *syms;
	uint32_t nvalues;
	struct ir_value **values;
	struct ir_node *first, *last;
	uint32_t nin, nout;
	struct ir_value **in, **out;
	uint32_t *in_default;	/* weight, by input; TUFF_NONE: the caller must give it */
	const char **outname;	/* the graph's: a value may be known by another */
	uint32_t nweights, cap_weights;
	struct tuff_weight *weights;	/* names are offsets into `strings` of emit: use wname */
	const char **wname;
	uint32_t nfiles;
	const char **files;	/* [0] = the model itself */
	uint8_t *data; size_t data_size, data_cap;	/* W_DATA bytes */
	uint32_t opset, ir_version;
	const char *producer;
	const struct tuffc_options *opt;
	struct tuffc_error *err;
	bool oom;		/* an allocation failed: compile.c gives -ENOMEM after the pass */
	uint32_t nnodes;
	struct ir_origin *nodes;	/* nodes.c: the model's nodes as imported */
	struct ir_map { const uint8_t *map; size_t size; } *maps;	/* of files[] */
	bool borrowed;		/* the maps are another module's */
	struct import *import;	/* the file, until the module is destroyed; its owner's */
	struct ir_module *script;	/* what split.c made of this module; owned */
	struct ir_module *next_region, *regions;	/* modules to destroy with this one */
};

/* ---- nodes.c ---- */
void nodes_note(struct ir_module *m);	/* after import: remembers every node */

/* ---- ir.c ---- */
void *ir_alloc(struct ir_module *m, size_t n);	/* zeroed; NULL = out of memory */
char *ir_strdup(struct ir_module *m, const char *s);
char *ir_printf(struct ir_module *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct ir_module *ir_module_create(const struct tuffc_options *opt, struct tuffc_error *err);
void ir_module_destroy(struct ir_module *m);
struct ir_value *ir_value_new(struct ir_module *m, const char *name);
struct ir_value *ir_value_like(struct ir_module *m, const struct ir_value *v, const char *name);
/* new node before `at` (NULL: at the end), in/out arrays allocated */
struct ir_node *ir_node_new(struct ir_module *m, uint32_t op, const char *name,
			    uint32_t nin, uint32_t nout, struct ir_node *at);
void ir_node_unlink(struct ir_module *m, struct ir_node *n);	/* out of the list, its outputs stay */
void ir_node_remove(struct ir_module *m, struct ir_node *n);
void ir_count_uses(struct ir_module *m);
static inline struct ir_value *ir_resolve(struct ir_value *v)
{
	while (v->fwd)
		v = v->fwd;
	return v;
}
/* integers known as expressions that no node makes: a parameter, never bound */
static inline bool ir_is_content(const struct ir_value *v)
{
	return v->ival && !v->def && v->weight == TUFF_NONE && v->input < 0;
}
struct ir_attr *ir_attr_find(const struct ir_node *n, const char *name);
int64_t ir_attr_int(const struct ir_node *n, const char *name, int64_t def);
float ir_attr_float(const struct ir_node *n, const char *name, float def);
const int64_t *ir_attr_ints(const struct ir_node *n, const char *name, uint64_t *cnt);
const char *ir_attr_str(const struct ir_node *n, const char *name, const char *def);
int ir_attr_set_int(struct ir_module *m, struct ir_node *n, const char *name, int64_t v);
int ir_attr_set_float(struct ir_module *m, struct ir_node *n, const char *name, float v);
int ir_attr_set_str(struct ir_module *m, struct ir_node *n, const char *name, const char *v);
int ir_attr_set_ints(struct ir_module *m, struct ir_node *n, const char *name, const int64_t *v, uint64_t cnt);
int ir_attr_set_floats(struct ir_module *m, struct ir_node *n, const char *name, const float *v, uint64_t cnt);
uint32_t ir_weight_data(struct ir_module *m, const char *name, uint32_t dtype,
			uint32_t rank, const int64_t *dim, const void *bytes, size_t size);
uint32_t ir_weight_new(struct ir_module *m, const char *name, uint32_t dtype,
		       uint32_t rank, const int64_t *dim, uint64_t size);
/* source bytes, NULL for FILL */
const void *ir_weight_bytes(const struct ir_module *m, uint32_t w);
/* v becomes the constant w */
void ir_make_const(struct ir_module *m, struct ir_value *v, uint32_t w);
void ir_shape_text(const struct ir_module *m, const struct ir_value *v, char *buf, size_t n);
/* the constant value of weight w */
struct ir_value *ir_const(struct ir_module *m, uint32_t w);
/* fills err with node, operator, tensor, shape; returns code */
int ir_error(struct ir_module *m, int code, const struct ir_node *n,
	     const struct ir_value *v, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* the value of a constant of one floating-point element (match.c) */
bool ir_scalar(const struct ir_module *m, const struct ir_value *v, double *out);
void ir_remove_dead(struct ir_module *m);	/* simplify.c */

/* ---- region.c ---- */
/* a module that shares m's options, files and maps, and dies with it */
struct ir_module *ir_module_inside(struct ir_module *m);

/* ---- canon.c: also for nodes that region.c puts into a graph ---- */
int canon_nodes(struct ir_module *m, struct ir_node *from, struct ir_node *end);

/* ---- dynamic.c ---- */
/* known content of v, an integer parameter: symbols that are measured where nothing is known */
int ir_content(struct ir_module *m, struct ir_node *n, struct ir_value *v);

/* ---- expr.c: hash-consed constructors that fold; commutative operands sorted ---- */
ir_expr ex_const(struct ir_module *m, int64_t v);
ir_expr ex_sym(struct ir_module *m, const char *name, uint32_t flags);	/* by name */
ir_expr ex_new(struct ir_module *m, const char *name);	/* equal to no other, whatever its name */
/* a symbol measured at run time: dimension `at` of v, or element at - TUFF_MAX_RANK */
ir_expr ex_data(struct ir_module *m, struct ir_value *v, uint32_t at);
bool ex_signed(const struct ir_module *m, ir_expr e);	/* made of elements, which may be negative */
/*
 * The expressions of `from` that need[] marks, and their operands (which it marks too), in m: memo[i] is
 * expression i there, sym[i] symbol i (TUFF_NONE: not there yet).
 */
void ex_extract(struct ir_module *m, const struct ir_module *from, uint8_t *need, uint32_t *sym, uint32_t *memo);
ir_expr ex_op(struct ir_module *m, uint32_t op, ir_expr a, ir_expr b);
ir_expr ex_select(struct ir_module *m, ir_expr c, ir_expr a, ir_expr b);
static inline ir_expr ex_add(struct ir_module *m, ir_expr a, ir_expr b) { return ex_op(m, TUFF_E_ADD, a, b); }
static inline ir_expr ex_sub(struct ir_module *m, ir_expr a, ir_expr b) { return ex_op(m, TUFF_E_SUB, a, b); }
static inline ir_expr ex_mul(struct ir_module *m, ir_expr a, ir_expr b) { return ex_op(m, TUFF_E_MUL, a, b); }
static inline ir_expr ex_cdiv(struct ir_module *m, ir_expr a, int64_t b) { return ex_op(m, TUFF_E_CDIV, a, ex_const(m, b)); }
bool ex_value(const struct ir_module *m, ir_expr e, int64_t *v);	/* constant? */
bool ex_is(const struct ir_module *m, ir_expr e, int64_t v);
bool ex_not_negative(const struct ir_module *m, ir_expr e);	/* surely, for any sizes */
ir_expr ex_numel(struct ir_module *m, const struct ir_value *v, int from, int to);
void ex_text(const struct ir_module *m, ir_expr e, char *buf, size_t n);

/* ---- passes, in order (compile.c) ---- */
void import_close(struct import *im);	/* NULL is fine */
int import_onnx(struct ir_module *m, const void *bytes, size_t size, const char *path, const char *dir);
int pass_canon(struct ir_module *m);	/* one form per meaning: opset differences, attributes vs inputs */
int pass_shape(struct ir_module *m);	/* types, shapes, ivals; fresh symbols for data-dependent */
int pass_fold(struct ir_module *m);	/* constants, through opt->eval; ivals */
int pass_simplify(struct ir_module *m);	/* identities, dead code, common subexpressions */
int pass_match(struct ir_module *m);	/* spelt-out GELU, LayerNormalization, Swish, HardSwish */
int pass_fuse(struct ir_module *m);	/* bn/bias/act/residual into conv/gemm/matmul; elementwise -> OP_FUSED */
int pass_fuse_ew(struct ir_module *m);	/* elementwise graphs -> OP_FUSED */
int pass_precision(struct ir_module *m);	/* storage types; boundary converts */
int pass_layout(struct ir_module *m);	/* CL or PLAIN; OP_LAYOUT nodes */
bool ir_layout_ok(const struct ir_module *m, const struct ir_node *n, const struct ir_value **bad);
int pass_split(struct ir_module *m);	/* segments where sizes depend on data: m->script */
int pass_place(struct ir_module *m);	/* device or CPU with the reason */
bool ir_is_parameter(const struct ir_node *n, uint32_t i);	/* read by the lowering, not by the kernel */
int ir_emit(struct ir_module *m, struct tuff_program **out);	/* lower + memory plan + emit */
int ir_verify(struct ir_module *m, const char *after);	/* after every pass */
void ir_dump(const struct ir_module *m, void *file);

/* ---- launch.h has the builder that lower_*.c use ---- */
#endif
