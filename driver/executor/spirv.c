// SPDX-License-Identifier: MIT
/*
 * SPIR-V of clients. SPIRV-Tools answers whether it is valid; the walk here
 * relies on that (ids below the bound, instruction lengths within the module).
 */
#include <errno.h>
#include <spirv-tools/libspirv.h>
#include <spirv/unified1/spirv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/executor/spirv.h"

#define MAX_SPIRV_B	(1u << 22)
#define MAX_BOUND	(1u << 20)

struct id_info {
	uint8_t has_set, has_binding, is_block, spec_default, unknown;
	uint32_t set, binding, spec_id;
	uint32_t type;		/* of a pointer: pointee; of a constant: value */
	uint32_t words[3];	/* WorkgroupSize: constituents */
	uint64_t size_B;	/* of a type, without padding; capped */
};

struct walk {
	const struct tuff_be_kernel_desc *desc;
	const struct tuff_be_info *info;
	struct id_info *ids;
	uint32_t bound, entry, size[3], size_id;
	bool have_size, shared_unknown;
	uint64_t shared_B;
	uint32_t seen;		/* bit per binding */
	char *err;
	size_t errlen;
};

#define FAIL(w, code, ...) (snprintf((w)->err, (w)->errlen, __VA_ARGS__), -(code))

static int capability(struct walk *w, uint32_t cap)
{
	uint32_t need = 0;

	switch (cap) {
	case SpvCapabilityMatrix:
	case SpvCapabilityShader:
	case SpvCapabilityGroupNonUniform:
	case SpvCapabilityGroupNonUniformVote:
		return 0;
	case SpvCapabilityGroupNonUniformArithmetic:
		need = TUFF_BE_F_SUBGROUP_ARITH;
		break;
	case SpvCapabilityGroupNonUniformShuffle:
		need = TUFF_BE_F_SUBGROUP_SHUFFLE;
		break;
	case SpvCapabilityGroupNonUniformBallot:
		need = TUFF_BE_F_SUBGROUP_BALLOT;
		break;
	case SpvCapabilityStorageBuffer16BitAccess:
		need = TUFF_BE_F_STORAGE16;
		break;
	case SpvCapabilityStorageBuffer8BitAccess:
		need = TUFF_BE_F_STORAGE8;
		break;
	case SpvCapabilityFloat16:
		need = TUFF_BE_F_FLOAT16;
		break;
	case SpvCapabilityInt8:
		need = TUFF_BE_F_INT8;
		break;
	case SpvCapabilityInt16:
		need = TUFF_BE_F_INT16;
		break;
	case SpvCapabilityInt64:
		need = TUFF_BE_F_INT64;
		break;
	case SpvCapabilityFloat64:
		need = TUFF_BE_F_FLOAT64;
		break;
	default:
		return FAIL(w, EOPNOTSUPP, "SPIR-V capability %u is not accepted", cap);
	}
	if ((w->info->features & need) != need)
		return FAIL(w, EOPNOTSUPP, "SPIR-V capability %u: the device lacks it", cap);
	return 0;
}

static void decorate(struct walk *w, const uint32_t *op, uint32_t n)
{
	struct id_info *id = op[1] < w->bound ? &w->ids[op[1]] : NULL;

	if (!id || n < 3)
		return;
	if (op[2] == SpvDecorationDescriptorSet && n > 3) {
		id->has_set = 1;
		id->set = op[3];
	} else if (op[2] == SpvDecorationBinding && n > 3) {
		id->has_binding = 1;
		id->binding = op[3];
	} else if (op[2] == SpvDecorationSpecId && n > 3) {
		id->spec_default = 1;
		id->spec_id = op[3];
	} else if (op[2] == SpvDecorationBlock) {
		id->is_block = 1;
	} else if (op[2] == SpvDecorationBuiltIn && n > 3 &&
		   op[3] == SpvBuiltInWorkgroupSize) {
		w->size_id = op[1];
	}
}

static uint32_t constant(const struct walk *w, uint32_t id)
{
	const struct id_info *i = id < w->bound ? &w->ids[id] : NULL;

	if (!i)
		return 0;
	for (uint32_t s = 0; i->spec_default && s < w->desc->nspec; s++)
		if (w->desc->spec_id[s] == i->spec_id)
			return w->desc->spec_value[s];
	return i->type;
}

/* A constant computed from others, as sizes of arrays are. */
static void compute(struct walk *w, const uint32_t *op, uint32_t n)
{
	struct id_info *to = &w->ids[op[2]];
	uint32_t a, b;

	to->unknown = 1;
	if (n != 6 || op[4] >= w->bound || op[5] >= w->bound || w->ids[op[4]].unknown ||
	    w->ids[op[5]].unknown)
		return;
	a = constant(w, op[4]);
	b = constant(w, op[5]);
	to->unknown = 0;
	switch (op[3]) {
	case SpvOpIAdd:
		to->type = a + b;
		break;
	case SpvOpISub:
		to->type = a - b;
		break;
	case SpvOpIMul:
		to->type = a * b;
		break;
	case SpvOpUDiv:
		to->type = b ? a / b : 0;
		break;
	case SpvOpSDiv:
		to->type = b && b != ~0u ? (uint32_t)((int32_t)a / (int32_t)b) : 0;
		break;
	case SpvOpUMod:
		to->type = b ? a % b : 0;
		break;
	case SpvOpShiftLeftLogical:
		to->type = b < 32 ? a << b : 0;
		break;
	case SpvOpShiftRightLogical:
		to->type = b < 32 ? a >> b : 0;
		break;
	default:
		to->unknown = 1;
	}
}

#define MAX_TYPE_B	(1ull << 40)

static uint64_t product(uint64_t size_B, uint32_t n)
{
	return n && size_B > MAX_TYPE_B / n ? MAX_TYPE_B : size_B * n;
}

/* Sizes, which bound workgroup memory; spirv-val has checked the shape. */
static void type(struct walk *w, const uint32_t *op, uint32_t code, uint32_t n)
{
	struct id_info *t = &w->ids[op[1]];

	switch (code) {
	case SpvOpTypeBool:
		t->size_B = 4;
		break;
	case SpvOpTypeInt:
	case SpvOpTypeFloat:
		t->size_B = op[2] / 8;
		break;
	case SpvOpTypeVector:
	case SpvOpTypeMatrix:
		t->size_B = product(w->ids[op[2]].size_B, op[3]);
		break;
	case SpvOpTypeArray:
		t->size_B = product(w->ids[op[2]].size_B, constant(w, op[3]));
		t->unknown = w->ids[op[2]].unknown || w->ids[op[3]].unknown;
		break;
	case SpvOpTypeStruct:
		for (uint32_t i = 2; i < n && t->size_B < MAX_TYPE_B; i++) {
			t->size_B += w->ids[op[i]].size_B;
			t->unknown |= w->ids[op[i]].unknown;
		}
	}
}

static int variable(struct walk *w, const uint32_t *op, uint32_t n)
{
	uint32_t storage = op[3], b;
	const struct id_info *id = &w->ids[op[2]];

	(void)n;
	switch (storage) {
	case SpvStorageClassInput:
	case SpvStorageClassPrivate:
	case SpvStorageClassFunction:
		return 0;
	case SpvStorageClassWorkgroup:
		w->shared_B += w->ids[w->ids[op[1]].type].size_B;
		w->shared_unknown |= w->ids[w->ids[op[1]].type].unknown;
		return w->shared_B > MAX_TYPE_B ? FAIL(w, EINVAL, "workgroup memory without end") : 0;
	case SpvStorageClassUniform:
	case SpvStorageClassStorageBuffer:
		break;
	case SpvStorageClassPushConstant:
		return FAIL(w, EINVAL, "push constants are not accepted: use the dims block");
	default:
		return FAIL(w, EINVAL, "storage class %u is not accepted", storage);
	}
	if (!id->has_binding || !id->has_set || id->set)
		return FAIL(w, EINVAL, "a buffer without set 0 and a binding");
	b = id->binding;
	if (b >= TUFF_BE_MAX_BIND)
		return FAIL(w, EINVAL, "binding %u: bindings are 0 (dims) to %u", b,
			    TUFF_BE_MAX_STORAGE);
	/* In Uniform, BufferBlock is SPIR-V 1.0's storage buffer: refused. */
	if ((b == 0) != (storage == SpvStorageClassUniform) ||
	    w->ids[op[1]].type >= w->bound || !w->ids[w->ids[op[1]].type].is_block)
		return FAIL(w, EINVAL, "binding %u: 0 is a uniform block, the others storage "
			    "blocks, none an array", b);
	if (b ? !(w->desc->storage_mask & (1u << (b - 1))) : !w->desc->uniform)
		return FAIL(w, EINVAL, "binding %u is used and was not declared", b);
	w->seen |= 1u << b;
	return 0;
}

static int visit(struct walk *w, const uint32_t *op, uint32_t code, uint32_t n)
{
	switch (code) {
	case SpvOpCapability:
		return capability(w, op[1]);
	case SpvOpExtension:
		return 0;
	case SpvOpEntryPoint:
		if (op[1] != SpvExecutionModelGLCompute)
			return FAIL(w, EINVAL, "an entry point that is no compute shader");
		if (!strncmp((const char *)&op[3], w->desc->entry, 4 * (n - 3)))
			w->entry = op[2];
		return 0;
	case SpvOpExecutionMode:
		if (n == 6 && op[1] == w->entry && op[2] == SpvExecutionModeLocalSize) {
			memcpy(w->size, &op[3], 12);
			w->have_size = true;
		}
		return 0;
	case SpvOpDecorate:
		decorate(w, op, n);
		return 0;
	case SpvOpTypeBool:
	case SpvOpTypeInt:
	case SpvOpTypeFloat:
	case SpvOpTypeVector:
	case SpvOpTypeMatrix:
	case SpvOpTypeArray:
	case SpvOpTypeStruct:
		type(w, op, code, n);
		return 0;
	case SpvOpSpecConstantOp:
		compute(w, op, n);
		return 0;
	case SpvOpTypePointer:
		w->ids[op[1]].type = op[3];
		return 0;
	case SpvOpConstant:
	case SpvOpSpecConstant:
		w->ids[op[2]].type = op[3];
		return 0;
	case SpvOpConstantComposite:
	case SpvOpSpecConstantComposite:
		if (n == 6)
			memcpy(w->ids[op[2]].words, &op[3], 12);
		return 0;
	case SpvOpVariable:
		return variable(w, op, n);
	}
	return 0;
}

static int check_size(struct walk *w)
{
	const struct tuff_be_limits *l = &w->info->limits;
	uint64_t total = 1;

	if (w->size_id)
		for (int i = 0; i < 3; i++)
			w->size[i] = constant(w, w->ids[w->size_id].words[i]);
	else if (!w->have_size)
		return FAIL(w, EINVAL, "no workgroup size");
	for (int i = 0; i < 3; i++) {
		if (!w->size[i] || w->size[i] > l->max_group_size[i])
			return FAIL(w, EINVAL, "workgroup size %u in axis %d, limit %u",
				    w->size[i], i, l->max_group_size[i]);
		total *= w->size[i];
	}
	if (total > l->max_invocations)
		return FAIL(w, EINVAL, "%llu invocations in a workgroup, limit %u",
			    (unsigned long long)total, l->max_invocations);
	if (w->shared_unknown)
		return FAIL(w, EOPNOTSUPP, "workgroup memory of a size that is not understood");
	if (w->shared_B > l->shared_B)
		return FAIL(w, EINVAL, "%llu bytes of workgroup memory, limit %u",
			    (unsigned long long)w->shared_B, l->shared_B);
	return 0;
}

static int validate(const struct tuff_be_kernel_desc *desc, char *err, size_t errlen)
{
	spv_context ctx = spvContextCreate(SPV_ENV_VULKAN_1_1);
	spv_const_binary_t bin = { desc->code, desc->size_B / 4 };
	spv_diagnostic diag = NULL;
	int ret = 0;

	if (!ctx)
		return -ENOMEM;
	if (spvValidate(ctx, &bin, &diag) != SPV_SUCCESS) {
		snprintf(err, errlen, "SPIR-V word %zu: %.400s", diag ? diag->position.index : 0,
			 diag && diag->error ? diag->error : "invalid");
		ret = -EINVAL;
	}
	spvDiagnosticDestroy(diag);
	spvContextDestroy(ctx);
	return ret;
}

int tuff_spirv_check(const struct tuff_be_kernel_desc *desc, const struct tuff_be_info *info,
		     char *err, size_t errlen)
{
	struct walk w = { .desc = desc, .info = info, .err = err, .errlen = errlen };
	size_t nwords = desc->size_B / 4, at = 5;
	uint32_t want = (desc->storage_mask << 1) | (desc->uniform ? 1 : 0);
	int ret;

	if (desc->size_B % 4 || nwords < 5 || desc->size_B > MAX_SPIRV_B ||
	    desc->code[0] != SpvMagicNumber || desc->code[3] > MAX_BOUND)
		return FAIL(&w, EINVAL, "not a SPIR-V module of at most %u bytes", MAX_SPIRV_B);
	if (desc->nspec > TUFF_BE_MAX_SPEC || desc->storage_mask >> TUFF_BE_MAX_STORAGE)
		return FAIL(&w, EINVAL, "too many constants or bindings declared");
	ret = validate(desc, err, errlen);
	if (ret)
		return ret;
	w.bound = desc->code[3];
	w.ids = calloc(w.bound + 1, sizeof(*w.ids));
	if (!w.ids)
		return -ENOMEM;
	while (!ret && at < nwords) {
		uint32_t n = desc->code[at] >> 16;

		if (!n || n > nwords - at) {
			ret = FAIL(&w, EINVAL, "SPIR-V word %zu: bad length", at);
			break;
		}
		ret = visit(&w, &desc->code[at], desc->code[at] & 0xffff, n);
		at += n;
	}
	if (!ret && !w.entry)
		ret = FAIL(&w, EINVAL, "no entry point '%.64s'", desc->entry);
	if (!ret)
		ret = check_size(&w);
	if (!ret && (w.seen & ~want))
		ret = FAIL(&w, EINVAL, "bindings 0x%x used, 0x%x declared", w.seen, want);
	free(w.ids);
	return ret;
}
