/* SPDX-License-Identifier: MIT */
/* The importer's insides, for graphs that are imported later (region.c) and functions. */
#ifndef TUFF_IMPORT_H
#define TUFF_IMPORT_H

#include "compiler/ir.h"
#include "onnx.pb-c.h"

#define IMPORT_MAX_DEPTH 16		/* graphs and functions inside each other */
#define IMPORT_MAX_NODES (1u << 20)	/* functions and regions may multiply */
#define IMPORT_MAX_REGIONS 4096		/* imports of bodies, a few for each Loop */
#define IMPORT_MAX_FILES 1024

/* Largest tensor: sizes in bytes stay far from overflow. */
#define IMPORT_MAX_BYTES (1ull << 46)

struct import {
	struct ir_module *root;	/* owns files and maps */
	const uint8_t *bytes;
	size_t size;
	const char *path;	/* NULL: the bytes are copied */
	const char *dir;
	Onnx__ModelProto *model;
	uint8_t *skeleton;
	struct scope *scopes;	/* all of them */
	uint32_t nnodes, nregions;
};

/*
 * Names of one graph. A graph inside sees those of the graph around it; where
 * it is a module of its own, a name from outside becomes an input of the region
 * (region_capture()). The body of a function sees nothing outside.
 */
struct scope {
	struct import *im;
	struct scope *all;	/* next in im->scopes */
	struct scope *outer;
	struct ir_module *m;	/* where its nodes go */
	struct region *region;	/* the module starts here; else NULL */
	struct { const char *name; struct ir_value *v; bool known; } *map;	/* open addressing; v NULL: an absent input */
	size_t cap, used;
	uint32_t depth, opset;
	/* of the function around it: */
	const Onnx__NodeProto *call;
	const Onnx__FunctionProto *fn;
	struct scope *caller;
};

struct scope *scope_new(struct import *im, struct scope *outer, struct ir_module *m, size_t names);
/* false: there is no such name; the value may be NULL, of an absent input */
int scope_find(struct scope *sc, const char *name, bool *known, struct ir_value **v);
int scope_set(struct scope *sc, const char *name, struct ir_value *v);	/* -EEXIST */
int import_initializers(struct scope *sc, const Onnx__GraphProto *g);
/* nodes go before `at` (NULL: the end) */
int import_nodes(struct scope *sc, Onnx__NodeProto *const *nodes, size_t n, struct ir_node *at);
size_t import_names(const Onnx__GraphProto *g);

/* import_tensor.c: *index of a file in m's files; the root has it mapped */
int import_file(struct import *im, struct ir_module *m, const char *path, uint32_t *index);
int import_tensor(struct import *im, struct ir_module *m, const Onnx__TensorProto *t, uint32_t *w);
/* of an attribute: one that is small is not left in the file, so that kernels can read it */
int import_small_tensor(struct import *im, struct ir_module *m, const Onnx__TensorProto *t, uint32_t *w);
int import_tensor_error(struct ir_module *m, const Onnx__TensorProto *t, const char *what);

/* region.c: value v of the graph around sc, as an input of sc's module */
int region_capture(struct scope *sc, struct ir_value *v, struct ir_value **out);

#endif
