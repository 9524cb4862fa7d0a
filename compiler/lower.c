// SPDX-License-Identifier: MIT
/* The builder that lowerings use (launch.h): kernels, packed constants, dispatches. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "compiler/emit.h"
#include "compiler/glsl.h"
#include "shaders/index.h"

#define GRID_MAX 65535		/* groups an axis, the specification's floor */

struct ir_module *launch_module(struct launch *l)
{
	return l->m;
}

/* The kernel of these bytes and constants; equal ones are one. */
static uint32_t kernel(struct launch *l, const char *name, const void *code, size_t size, uint32_t nbind,
		       uint32_t write_mask, const uint32_t *id, const uint32_t *value, uint32_t nspec)
{
	struct tuff_kernel k = { .nbind = nbind, .write_mask = write_mask, .nspec = nspec, .spirv_size = size };
	const struct tuff_kernel *had = l->kernels.p;
	uint64_t code_hash = XXH64(code, size, 0);
	XXH64_state_t *st;

	if (nspec > TUFF_KERNEL_SPECS || nbind > 4) {
		ir_error(l->m, -EINVAL, l->node, NULL, "kernel %s: too many constants or bindings", name);
		return TUFF_NONE;
	}
	if (nspec) {
		memcpy(k.spec_id, id, nspec * sizeof(*id));
		memcpy(k.spec_value, value, nspec * sizeof(*value));
	}
	st = XXH64_createState();
	if (!st) {
		l->oom = true;
		return TUFF_NONE;
	}
	XXH64_reset(st, code_hash);
	XXH64_update(st, k.spec_id, sizeof(k.spec_id));
	XXH64_update(st, k.spec_value, sizeof(k.spec_value));
	k.hash = XXH64_digest(st);
	XXH64_freeState(st);
	for (uint32_t i = 0; i < l->kernels.n; i++)
		if (had[i].hash == k.hash && had[i].nbind == nbind && had[i].write_mask == write_mask)
			return i;
	k.spirv = l->spirv.n;
	for (uint32_t i = 0; i < l->kernels.n; i++)	/* the same module, other constants */
		if (had[i].spirv_size == size && !memcmp((char *)l->spirv.p + had[i].spirv, code, size)) {
			k.spirv = had[i].spirv;
			break;
		}
	if (k.spirv == l->spirv.n)
		emit_push(l, &l->spirv, code, size);
	k.name = emit_str(l, name);
	emit_push(l, &l->kernels, &k, 1);
	return l->kernels.n - 1;
}

uint32_t launch_kernel(struct launch *l, const char *shader, uint32_t nbind, uint32_t write_mask,
		       const uint32_t *spec_id, const uint32_t *spec_value, uint32_t nspec)
{
	for (uint32_t i = 0; i < tuff_shader_count; i++)
		if (!strcmp(tuff_shaders[i].name, shader))
			return kernel(l, shader, tuff_shaders[i].code, tuff_shaders[i].size_B, nbind, write_mask,
				      spec_id, spec_value, nspec);
	ir_error(l->m, -ENOENT, l->node, NULL, "shader '%s' is not built in", shader);
	return TUFF_NONE;
}

uint32_t launch_kernel_glsl(struct launch *l, const char *name, const char *glsl, uint32_t nbind, uint32_t write_mask)
{
	uint32_t *code, k;
	size_t size;
	char why[400];
	int ret = glsl_compile(glsl, l->m->opt->cache_dir, &code, &size, why, sizeof(why));

	if (ret) {
		ir_error(l->m, ret, l->node, NULL, "generated kernel %s: %s", name, why);
		return TUFF_NONE;
	}
	k = kernel(l, name, code, size, nbind, write_mask, NULL, NULL, 0);
	free(code);
	return k;
}

uint32_t launch_tensor(struct launch *l, struct ir_value *v)
{
	return emit_tensor(l, v, TUFF_NONE);
}

/* a tensor of flat bytes in its own buffer */
static uint32_t flat_tensor(struct launch *l, const char *name, uint32_t storage, ir_expr bytes, uint32_t kind, uint32_t index)
{
	struct tuff_buf b = { .kind = kind, .index = index, .size = bytes, .first = l->steps.n, .last = l->steps.n };
	struct tuff_tens t = { .dtype = storage, .storage = storage, .rank = 1, .offset = TUFF_NONE };

	t.name = emit_str(l, name);
	t.dim[0] = ex_op(l->m, TUFF_E_DIV, bytes, ex_const(l->m, 4));
	t.buffer = l->bufs.n;
	emit_push(l, &l->bufs, &b, 1);
	emit_push(l, &l->tensors, &t, 1);
	return l->tensors.n - 1;
}

uint32_t launch_weight(struct launch *l, struct ir_value *v, uint32_t pack, const int32_t param[8],
		       uint32_t storage, uint64_t packed_size, uint32_t bias)
{
	struct ir_module *m = l->m;
	struct launch_pack *k;
	struct tuff_weight src;
	uint32_t w;

	for (k = l->packs; k; k = k->next)
		if (k->weight == v->weight && k->pack == pack && k->bias == bias && k->storage == storage &&
		    !memcmp(k->param, param, sizeof(k->param)))
			return k->tensor;
	k = ir_alloc(m, sizeof(*k));
	src = m->weights[v->weight];
	w = ir_weight_new(m, m->wname[v->weight], src.dtype, src.rank, src.dim, src.size);
	if (m->oom || w == TUFF_NONE)
		return TUFF_NONE;
	src.pack = pack;
	src.storage = storage;
	src.packed_size = packed_size;
	src.bias = bias;
	src.flags &= ~TUFF_W_INITIALIZER;	/* a form of it */
	memcpy(src.param, param, sizeof(src.param));
	m->weights[w] = src;
	*k = (struct launch_pack){ .next = l->packs, .weight = v->weight, .pack = pack, .bias = bias, .storage = storage };
	memcpy(k->param, param, sizeof(k->param));
	k->tensor = flat_tensor(l, m->wname[w], storage, ex_const(m, packed_size), TUFF_BUF_WEIGHT, w);
	l->packs = k;
	return k->tensor;
}

uint32_t launch_rows(struct launch *l, struct ir_value *v, int64_t first, int64_t rows)
{
	struct ir_module *m = l->m;
	struct tuff_weight src = m->weights[v->weight];
	uint64_t row = src.size / src.dim[0], elements = row / tuff_dtype_size(src.dtype);
	uint32_t w;

	src.dim[0] = rows;
	w = ir_weight_new(m, m->wname[v->weight], src.dtype, src.rank, src.dim, row * rows);
	if (m->oom || w == TUFF_NONE)
		return TUFF_NONE;
	m->weights[w].src = src.src;
	m->weights[w].file = src.file;
	m->weights[w].fill = src.fill;
	m->weights[w].offset = src.offset + row * first;
	return flat_tensor(l, m->wname[w], v->storage, ex_const(m, elements * rows * 4), TUFF_BUF_WEIGHT, w);
}

uint64_t launch_range(const struct ir_module *m)
{
	uint64_t r = m->opt->device.max_storage_range;

	return !r ? 128u << 20 : r < 1u << 31 ? r : 1u << 31;	/* 0: the specification's floor */
}

uint32_t launch_scratch(struct launch *l, ir_expr size)
{
	return flat_tensor(l, "", TUFF_F32, size, TUFF_BUF_ARENA, 0);
}

int launch_dispatch(struct launch *l, struct ir_node *n, uint32_t kernel, const uint32_t *bind, uint32_t nbind,
		    const ir_expr *dims, uint32_t ndims, const ir_expr grid[3])
{
	struct tuff_step s = { .kind = TUFF_STEP_DISPATCH, .op = n->op, .kernel = kernel, .ndims = ndims, .macs = TUFF_NONE };

	if (kernel == TUFF_NONE || l->oom || l->m->oom)
		return l->m->err->text[0] ? -EINVAL : -ENOMEM;
	if (ndims > TUFF_DIMS_WORDS || nbind != ((struct tuff_kernel *)l->kernels.p)[kernel].nbind)
		return ir_error(l->m, -EINVAL, n, NULL, "a dispatch of %u sizes and %u bindings", ndims, nbind);
	for (uint32_t i = 0; i < nbind; i++) {
		if (bind[i] == TUFF_NONE)
			return ir_error(l->m, -EINVAL, n, NULL, "binding %u has no tensor", i);
		if (emit_buf_of(l, bind[i])->last != TUFF_NONE)
			emit_buf_of(l, bind[i])->last = l->steps.n;
	}
	s.node = emit_str(l, n->name);
	s.bind = s.arg = l->args.n;
	emit_push(l, &l->args, bind, nbind);
	s.dims = l->args.n;
	emit_push(l, &l->args, dims, ndims);
	memcpy(s.grid, grid, sizeof(s.grid));
	emit_push(l, &l->steps, &s, 1);
	return 0;
}

void launch_grid1(struct launch *l, ir_expr invocations, uint32_t local, ir_expr grid[3])
{
	struct ir_module *m = l->m;
	ir_expr groups = ex_cdiv(m, invocations, local), max = ex_const(m, GRID_MAX);

	grid[1] = ex_cdiv(m, groups, GRID_MAX);
	grid[0] = ex_op(m, TUFF_E_MIN, groups, max);
	grid[2] = ex_const(m, 1);
}

ir_expr launch_f32(struct ir_module *m, float f)
{
	int32_t bits;

	memcpy(&bits, &f, 4);
	return ex_const(m, bits);
}

ir_expr launch_cp(struct ir_module *m, const struct ir_value *v)
{
	if (m->opt->device.target == TUFF_TARGET_CPU)
		return v->dim[1];
	return ex_mul(m, ex_cdiv(m, v->dim[1], 4), ex_const(m, 4));
}

ir_expr launch_numel(struct ir_module *m, const struct ir_value *v)
{
	if (v->layout != TUFF_CL || v->rank < 2)
		return ex_numel(m, v, 0, v->rank);
	return ex_mul(m, ex_mul(m, v->dim[0], launch_cp(m, v)), ex_numel(m, v, 2, v->rank));
}

void launch_strides(struct ir_module *m, const struct ir_value *v, ir_expr stride[TUFF_MAX_RANK])
{
	ir_expr s = ex_const(m, 1);

	if (v->layout == TUFF_CL && v->rank >= 2) {
		stride[1] = s;
		s = launch_cp(m, v);
		for (int i = v->rank - 1; i >= 2; i--) {
			stride[i] = s;
			s = ex_mul(m, s, v->dim[i]);
		}
		stride[0] = s;
		return;
	}
	for (int i = v->rank - 1; i >= 0; i--) {
		stride[i] = s;
		s = ex_mul(m, s, v->dim[i]);
	}
}

int launch_act(const struct ir_node *n, float p[2])
{
	const struct ir_attr *a = ir_attr_find(n, "act_p");

	p[0] = a && a->n > 0 ? a->f[0] : 0;
	p[1] = a && a->n > 1 ? a->f[1] : 0;
	return ir_attr_int(n, "act", -1);
}

int lower_node(struct launch *l, struct ir_node *n)
{
	uint32_t first = l->steps.n, nbufs = l->bufs.n, shared = TUFF_NONE, list[16];
	struct tuff_step *s;
	int ret;

	if (!lower_table[n->op])
		return ir_error(l->m, -EOPNOTSUPP, n, NULL, "no lowering for this operator");
	l->node = n;
	for (uint32_t i = 0; i < n->nin && i < 16; i++)
		list[i] = n->in[i] && !ir_is_content(n->in[i]) ? launch_tensor(l, n->in[i]) : TUFF_NONE;
	if (n->nin <= 16 && !l->oom)
		shared = emit_in_place(l, n, list);
	for (uint32_t i = 0; i < n->nout; i++)
		if (n->out[i])
			emit_tensor(l, n->out[i], i ? TUFF_NONE : shared);
	ret = lower_table[n->op]->emit(l, n);
	if (ret || l->oom)
		return ret ? ret : -ENOMEM;
	s = (struct tuff_step *)l->steps.p + first;
	if (l->steps.n > first)
		s->macs = emit_macs(l->m, n);
	/* what a node touches lives through all of its dispatches */
	for (uint32_t i = 0; i < n->nin; i++)
		if (n->in[i] && !ir_is_content(n->in[i]) && emit_buf_of(l, l->tensor[n->in[i]->id])->last != TUFF_NONE &&
		    emit_buf_of(l, l->tensor[n->in[i]->id])->last + 1 < l->steps.n)
			emit_buf_of(l, l->tensor[n->in[i]->id])->last = l->steps.n - 1;
	for (uint32_t i = 0; i < n->nout; i++)
		if (n->out[i] && emit_buf_of(l, l->tensor[n->out[i]->id])->last + 1 < l->steps.n)
			emit_buf_of(l, l->tensor[n->out[i]->id])->last = l->steps.n - 1;
	for (uint32_t i = nbufs; i < l->bufs.n; i++) {
		struct tuff_buf *b = (struct tuff_buf *)l->bufs.p + i;

		if (b->kind == TUFF_BUF_ARENA && b->last + 1 < l->steps.n)
			b->last = l->steps.n - 1;
	}
	return 0;
}
