/* SPDX-License-Identifier: MIT */
/*
 * A program: what the compiler makes of a model and what a session runs.
 *
 * Flat arrays that refer to each other by index, so that the same structs are
 * what the compiler emits, what a .tuff file holds (page-aligned sections) and
 * what the loader maps. Sizes are data: every dimension, size and count is an
 * expression over the program's symbols; instantiating a program for given
 * input shapes evaluates them and makes no kernel.
 *
 * Depends on nothing but libc. Linked into libtuff and libtuffc.
 */
#ifndef TUFF_PROGRAM_H
#define TUFF_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TUFF_MAX_RANK 8
#define TUFF_NONE UINT32_MAX	/* no tensor / no index */
#define TUFF_DIMS_WORDS 64	/* int32 words of a dispatch's dims block */

/* Element types: numbers of onnx.TensorProto.DataType. */
enum tuff_dtype {
	TUFF_UNDEFINED = 0, TUFF_F32 = 1, TUFF_U8 = 2, TUFF_I8 = 3,
	TUFF_U16 = 4, TUFF_I16 = 5, TUFF_I32 = 6, TUFF_I64 = 7,
	TUFF_STRING = 8, TUFF_BOOL = 9, TUFF_F16 = 10, TUFF_F64 = 11,
	TUFF_U32 = 12, TUFF_U64 = 13, TUFF_C64 = 14, TUFF_C128 = 15,
	TUFF_BF16 = 16,
};
size_t tuff_dtype_size(uint32_t dtype);	/* bytes; 0 for string, unknown */
const char *tuff_dtype_name(uint32_t dtype);	/* "float32", ... */
float tuff_f16_to_f32(uint16_t h);
uint16_t tuff_f32_to_f16(float f);	/* nearest even */

#define TUFF_RATIO_MAX 8191
/* The shortest p / q that is f as float32, for f > 0: true. False: none up to
 * TUFF_RATIO_MAX; p / q is as close as such come. */
bool tuff_ratio(float f, int64_t *p, int64_t *q);

enum tuff_layout {
	TUFF_PLAIN = 0,	/* dense, row-major, ONNX order */
	TUFF_CL = 1,	/* [N,C,S..] stored [N,S..,Cp]; Cp = C on the CPU,
			 * round_up(C,4) with zero pad lanes on Vulkan */
	TUFF_SEQUENCE = 2,	/* of a script: tensors of dtype, rank means nothing */
};

/* ---- expressions: int64, operands have smaller indices ---- */
enum tuff_expr_op {
	TUFF_E_CONST,	/* value */
	TUFF_E_SYM,	/* a = symbol index */
	TUFF_E_ADD, TUFF_E_SUB, TUFF_E_MUL,
	TUFF_E_DIV,	/* floor(a / b) */
	TUFF_E_CDIV,	/* ceil(a / b) */
	TUFF_E_MOD,	/* floor modulo */
	TUFF_E_MIN, TUFF_E_MAX,
	TUFF_E_EQ, TUFF_E_LT,	/* 1 or 0 */
	TUFF_E_SELECT,	/* a ? b : c */
};
struct tuff_expr {
	uint32_t op;
	uint32_t a, b, c;
	int64_t value;
};
/*
 * Evaluates expressions 0..n-1 in order into out[]. Division by zero or
 * overflow gives -EDOM and *bad = the index.
 */
int tuff_expr_eval(const struct tuff_expr *e, uint32_t n, const int64_t *syms,
		   uint32_t nsyms, int64_t *out, uint32_t *bad);

/*
 * A condition on the sizes is the expression 1 / condition: where it does not
 * hold, evaluation fails at that index. Its text says what must hold.
 */
void tuff_expr_text(const struct tuff_expr *e, uint32_t i, const char *(*name)(void *priv, uint32_t sym),
		    void *priv, char *buf, size_t n);

struct tuff_symbol {
	uint32_t name;		/* string offset: "batch", or of the tensor that it is measured from */
	uint32_t flags;
	int64_t max;		/* planned bound, 0 = none */
	uint32_t tensor;	/* DATA: measured when this tensor of the script is there, */
	uint32_t at;		/* its dimension `at`, or its element `at` - TUFF_MAX_RANK */
};
#define TUFF_SYM_DATA 1u	/* known only after a step of the script ran */
#define TUFF_SYM_SIGNED 2u	/* an element, not a size: may be negative */

/* ---- tensors and buffers ---- */
struct tuff_tens {
	uint32_t name;		/* string offset; ONNX value name, may be "" */
	uint32_t dtype;		/* logical element type */
	uint32_t storage;	/* stored element type (F32/I32/U32 on Vulkan) */
	uint32_t layout;	/* enum tuff_layout */
	uint32_t rank;
	uint32_t dim[TUFF_MAX_RANK];	/* expr: logical dims, ONNX order */
	uint32_t buffer;
	uint32_t offset;	/* expr: byte offset in the buffer, TUFF_NONE = 0 */
};

enum tuff_buf_kind {
	TUFF_BUF_WEIGHT,	/* weights slot; see struct tuff_weight */
	TUFF_BUF_ARENA,		/* device arena, planned */
	TUFF_BUF_SHARED,	/* arena in shared (host visible) memory, planned */
	TUFF_BUF_INPUT,		/* bound by the caller, io index in `index` */
	TUFF_BUF_OUTPUT,
};
struct tuff_buf {
	uint32_t kind;
	uint32_t index;		/* weight index / input index / output index */
	uint32_t size;		/* expr: bytes */
	uint32_t first, last;	/* live from step `first` to step `last`, inclusive */
	uint32_t pad;
};

/* ---- weights: recipes, packed one by one when a session loads ---- */
enum tuff_wsrc { TUFF_W_FILE, TUFF_W_DATA, TUFF_W_FILL };
enum tuff_pack {
	TUFF_PACK_NONE,		/* plain row-major, converted to `storage` */
	TUFF_PACK_CONV,		/* see program/pack.c; Vulkan conv weights */
	TUFF_PACK_DW,
	TUFF_PACK_GEMM,
	TUFF_PACK_CL,		/* TUFF_CL of a constant activation */
	TUFF_PACK_LAST = 31,
};
struct tuff_weight {
	uint32_t name;
	uint32_t src;		/* enum tuff_wsrc */
	uint32_t file;		/* W_FILE: index in files[] */
	uint32_t dtype;		/* type of the source bytes */
	uint32_t rank;
	uint32_t pack;		/* enum tuff_pack */
	int64_t dim[TUFF_MAX_RANK];	/* source dims */
	uint64_t offset;	/* W_FILE: in the file; W_DATA: in data section */
	uint64_t size;		/* source bytes */
	uint64_t packed_size;	/* bytes after packing, multiple of 16 */
	uint64_t fill;		/* W_FILL: element bits */
	int32_t param[8];	/* of the packing; meaning by pack */
	uint32_t storage;	/* element type after packing */
	uint32_t scale;		/* weight index of a per-output-channel multiplier
				 * folded in while packing (batch norm), or TUFF_NONE */
	uint32_t bias;		/* weight index appended after the packed weight
				 * (zero padded), or TUFF_NONE */
	uint32_t flags;
};
#define TUFF_W_PACKED 1u	/* source bytes are packed already (.tuff of this target) */
#define TUFF_W_INITIALIZER 2u	/* the model's, by its name there */
/* Reads source bytes of weight w; see tuff_program_weight_src(). */

/* ---- kernels ---- */
#define TUFF_KERNEL_SPECS 24
struct tuff_kernel {
	uint32_t name;		/* "conv3x3_s1_relu", for people */
	uint32_t nbind;		/* storage buffers 1..nbind */
	uint32_t write_mask;	/* bit i: binding i+1 is written */
	uint32_t nspec;
	uint64_t spirv;		/* byte offset in the spirv section */
	uint64_t spirv_size;	/* bytes */
	uint32_t spec_id[TUFF_KERNEL_SPECS];
	uint32_t spec_value[TUFF_KERNEL_SPECS];
	uint64_t hash;		/* xxh64 of code, entry and constants */
};

/* ---- steps ---- */
/*
 * Where sizes depend on data a program is a script: all its steps are RUN (a
 * segment: a program of which all symbols are known when it starts) or DYNAMIC
 * (an operator that sizes its own outputs, or runs a region), its tensors are
 * what the session holds between them. Other programs have neither.
 */
enum tuff_step_kind { TUFF_STEP_DISPATCH, TUFF_STEP_CPU, TUFF_STEP_RUN, TUFF_STEP_DYNAMIC };
#define TUFF_MAX_NESTING 16	/* programs inside programs */
struct tuff_step {
	uint32_t kind;
	uint32_t op;		/* enum tuff_op (compiler/ops.h); OP of origin */
	uint32_t node;		/* string offset: ONNX node name(s), for people */
	uint32_t reason;	/* string offset: why on the CPU; "" */
	uint32_t flags;
	uint32_t kernel;	/* DISPATCH; RUN, DYNAMIC: the first of its programs in subs[] */
	uint32_t nin, nout;	/* tensor indices: args[arg .. +nin] inputs (may be */
	uint32_t arg;		/* TUFF_NONE), then nout outputs */
	uint32_t bind;		/* DISPATCH: args[bind + i] = tensor of binding i+1 */
	uint32_t ndims;		/* DISPATCH: dims words, exprs in args[dims ..];
				 * RUN, DYNAMIC: number of programs. Attribute "syms" of a RUN:
				 * the script's symbol for each of the segment's */
	uint32_t dims;
	uint32_t grid[3];	/* DISPATCH: exprs, workgroup counts */
	uint32_t nattr, attr;	/* all but DISPATCH: attrs[attr .. +nattr] */
	uint32_t macs;		/* expr: multiply-adds, or TUFF_NONE */
};
enum tuff_attr_type {	/* onnx AttributeProto numbers */
	TUFF_A_FLOAT = 1, TUFF_A_INT = 2, TUFF_A_STRING = 3, TUFF_A_TENSOR = 4,
	TUFF_A_FLOATS = 6, TUFF_A_INTS = 7, TUFF_A_STRINGS = 8,
};
struct tuff_attr {
	uint32_t name;		/* string offset */
	uint32_t type;
	uint64_t count;
	uint64_t data;		/* byte offset in the attribute data section, 8-aligned:
				 * int64[], float[], strings: u32 string offsets;
				 * TENSOR: u32 weight index */
};

/* ---- fused elementwise bodies (attribute "body" = INTS, 6 per insn) ---- */
enum tuff_ew {
	TUFF_EW_ADD, TUFF_EW_SUB, TUFF_EW_MUL, TUFF_EW_DIV, TUFF_EW_POW,
	TUFF_EW_MIN, TUFF_EW_MAX, TUFF_EW_MOD, TUFF_EW_FMOD,
	TUFF_EW_EQ, TUFF_EW_LT, TUFF_EW_LE, TUFF_EW_GT, TUFF_EW_GE,
	TUFF_EW_AND, TUFF_EW_OR, TUFF_EW_XOR, TUFF_EW_SELECT,
	TUFF_EW_NOT, TUFF_EW_NEG, TUFF_EW_ABS, TUFF_EW_SIGN,
	TUFF_EW_EXP, TUFF_EW_LOG, TUFF_EW_SQRT, TUFF_EW_RECIP, TUFF_EW_RSQRT,
	TUFF_EW_SIN, TUFF_EW_COS, TUFF_EW_TAN, TUFF_EW_ASIN, TUFF_EW_ACOS,
	TUFF_EW_ATAN, TUFF_EW_SINH, TUFF_EW_COSH, TUFF_EW_TANH, TUFF_EW_ASINH,
	TUFF_EW_ACOSH, TUFF_EW_ATANH, TUFF_EW_ERF, TUFF_EW_FLOOR, TUFF_EW_CEIL,
	TUFF_EW_ROUND,	/* half to even */
	TUFF_EW_RELU, TUFF_EW_SIGMOID, TUFF_EW_SOFTPLUS, TUFF_EW_SOFTSIGN,
	TUFF_EW_LEAKY,		/* p0 = alpha */
	TUFF_EW_ELU,		/* p0 = alpha */
	TUFF_EW_SELU,		/* p0 = alpha, p1 = gamma */
	TUFF_EW_CELU,		/* p0 = alpha */
	TUFF_EW_CLIP,		/* p0 = min, p1 = max */
	TUFF_EW_HARDSIGMOID,	/* p0 = alpha, p1 = beta */
	TUFF_EW_HARDSWISH,
	TUFF_EW_THRESHOLD,	/* ThresholdedRelu, p0 = alpha */
	TUFF_EW_GELU,		/* p0 = 0 erf, 1 tanh */
	TUFF_EW_MISH,
	TUFF_EW_ISNAN, TUFF_EW_ISINF,
	TUFF_EW_CAST,		/* to dtype of the insn */
	TUFF_EW_CONST,		/* p0 bits as float (dtype F32) or int */
	TUFF_EW_IDENTITY,
	TUFF_EW_SWISH,		/* x * sigmoid(x): convolutions of YOLOX, EfficientNet; also an epilogue */
	TUFF_EW_COUNT,
};
/*
 * Registers: 0..nin-1 are the inputs (broadcast to the output shape), insn i
 * writes register nin+i, the last one is the output. Encoded as 6 int64:
 * op, dtype of the result, a, b, c, imm where imm packs p0 (low 32 bits) and
 * p1 (high) as float bits; CONST of an integer type: imm is the value.
 */
struct tuff_ew_insn {
	int64_t op, dtype, a, b, c, imm;
};

/* Activations of the conv/gemm/bn epilogue: attr "act" = enum tuff_ew or -1,
 * "act_p" = FLOATS {p0, p1}. Residual is input index 3 of CONV/GEMM/MATMUL
 * nodes ("residual" before activation). */

struct tuff_io {
	uint32_t name;
	uint32_t tensor;	/* boundary tensor: PLAIN, dtype as the model says */
	uint32_t flags;		/* TUFF_IO_OPTIONAL: an initializer gives the default */
	uint32_t weight;	/* default value or TUFF_NONE */
};
#define TUFF_IO_OPTIONAL 1u	/* inputs only; they come after all others */

/* what computes a node that no step does */
#define TUFF_NODE_CONSTANT (TUFF_NONE - 1)	/* the compiler */
#define TUFF_NODE_SIZES (TUFF_NONE - 2)	/* the expressions of sizes; or it is a view */
#define TUFF_NODE_UNUSED (TUFF_NONE - 3)
#define TUFF_NODE_PART (TUFF_NONE - 4)	/* a part of the program that is one for itself */
struct tuff_info {		/* what `tuff info` prints */
	uint64_t parameters;	/* elements in initializers */
	uint32_t opset, ir_version;
	uint32_t producer;	/* string */
	uint32_t nnodes;	/* the model's nodes: triples in args[nodes ..] of the strings */
	uint32_t nodes;		/* name and operator, and a step or one of TUFF_NODE_* */
	uint32_t macs;		/* expr or TUFF_NONE */
};

enum tuff_target {	/* device class a program is for */
	TUFF_TARGET_CPU, TUFF_TARGET_SW_WIDE, TUFF_TARGET_SW_SMALL,
	TUFF_TARGET_GPU, TUFF_TARGET_GPU_COOPMAT,
};

struct tuff_program {
	uint32_t target;
	uint32_t nsyms, nexprs, ntensors, nbufs, nweights, nkernels, nsteps;
	uint32_t nargs, nattrs, ninputs, noutputs, nfiles, nsubs;
	const struct tuff_symbol *syms;
	const struct tuff_expr *exprs;
	const struct tuff_tens *tensors;
	const struct tuff_buf *bufs;
	const struct tuff_weight *weights;
	const struct tuff_kernel *kernels;
	const struct tuff_step *steps;
	const uint32_t *args;
	const struct tuff_attr *attrs;
	const struct tuff_io *inputs, *outputs;
	const uint32_t *files;	/* string offsets: paths of weight files */
	struct tuff_program *const *subs;	/* segments and regions of a script; its own */
	const char *strings;	size_t strings_size;	/* [0] is '\0' */
	const uint8_t *attr_data;	size_t attr_data_size;
	const uint8_t *spirv;	size_t spirv_size;
	const uint8_t *data;	size_t data_size;	/* W_DATA bytes */
	struct tuff_info info;
	bool data_in_file;	/* then data is NULL: data_size bytes from data_at on in data_fd */
	int data_fd;
	uint64_t data_at;
	void *priv;		/* owner's: mapping or heap block */
	void (*destroy)(struct tuff_program *);
};

struct tuff_error;		/* userspace/tuff.h has the same as public */

/* load.c: reads and checks a .tuff file but for its weights' bytes, which stay
 * in the open file; every index, offset and string is in range afterwards, and
 * stays so: what was checked is memory of ours, whatever becomes of the file.
 * err text names section and index at fault. */
int tuff_program_load(const char *path, struct tuff_program **out, char *err, size_t errlen);
int tuff_program_parse(const void *bytes, size_t size, struct tuff_program **out,
		       char *err, size_t errlen);	/* bytes stay the caller's */
int tuff_program_check(const struct tuff_program *p, char *err, size_t errlen);
/* write.c: writes all, weights' bytes read through their sources (packed when
 * pack != NONE). tmp file + rename. */
int tuff_program_write(const struct tuff_program *p, const char *path, char *err, size_t errlen);
void tuff_program_destroy(struct tuff_program *p);
/* is it a script? */
static inline bool tuff_program_scripted(const struct tuff_program *p)
{
	return p->nsteps && p->steps[0].kind >= TUFF_STEP_RUN;
}
static inline const char *tuff_str(const struct tuff_program *p, uint32_t off)
{
	return off < p->strings_size ? p->strings + off : "";
}

/* attr.c: attribute look-ups of a step; defaults when absent or wrong type */
const struct tuff_attr *tuff_attr_find(const struct tuff_program *p, const struct tuff_step *s, const char *name);
int64_t tuff_attr_int(const struct tuff_program *p, const struct tuff_step *s, const char *name, int64_t def);
float tuff_attr_float(const struct tuff_program *p, const struct tuff_step *s, const char *name, float def);
const int64_t *tuff_attr_ints(const struct tuff_program *p, const struct tuff_step *s, const char *name, size_t *n);
const float *tuff_attr_floats(const struct tuff_program *p, const struct tuff_step *s, const char *name, size_t *n);
const char *tuff_attr_str(const struct tuff_program *p, const struct tuff_step *s, const char *name, const char *def);

/* memplan.c: offsets for the buffers of one arena kind. */
struct tuff_memplan {
	uint64_t size;		/* arena bytes */
	uint64_t live_peak;	/* largest sum of simultaneously live bytes */
};
/* sizes[i], offsets[i] per buffer; only buffers of `kind` with size > 0 are
 * placed, aligned to `align`. */
int tuff_memplan(const struct tuff_buf *bufs, uint32_t n, uint32_t kind,
		 const uint64_t *sizes, uint64_t align, uint64_t *offsets,
		 struct tuff_memplan *out);

/*
 * Bytes of weights. They are read, never mapped: a file that is cut short
 * while it is used gives -EIO, not a signal.
 */
struct tuff_weight_src {	/* opened files of a program */
	const struct tuff_program *p;
	struct { int fd; uint64_t size; } *files;
};
int tuff_weight_src_open(const struct tuff_program *p, struct tuff_weight_src *src, char *err, size_t errlen);
void tuff_weight_src_close(struct tuff_weight_src *src);
/* the raw source bytes if they are in memory, else NULL */
const void *tuff_weight_bytes(const struct tuff_weight_src *src, uint32_t w);
/* n raw source bytes of weight w from byte `at` of it on; a fill is written out */
int tuff_weight_fetch(const struct tuff_weight_src *src, uint32_t w, uint64_t at, void *dst, size_t n);
/* n bytes of the data section, wherever that is */
int tuff_program_data(const struct tuff_program *p, uint64_t at, void *dst, size_t n);
/* any source to float32/int32/uint32/native elements, row-major */
int tuff_weight_read(const struct tuff_weight_src *src, uint32_t w, uint32_t storage, void *dst);
/* pack.c: as its recipe says, packed_size bytes */
int tuff_weight_pack(const struct tuff_weight_src *src, uint32_t w, void *dst);

#endif
