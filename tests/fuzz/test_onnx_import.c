// SPDX-License-Identifier: MIT
/*
 * Mutated models through the compiler, for the CPU, a software and a real GPU,
 * and those that it takes through a session with runs: never a crash, a hang or
 * a leak, and each refusal says why. See fuzz.h for how it is steered.
 */
#include "compiler/tuffc.h"
#include "tests/fuzz/onnx_mutate.h"
#include "tests/fuzz/run.h"
#include "tests/fuzz/seeds.h"

static const struct tuffc_device devices[] = {
	{ .target = TUFF_TARGET_CPU },
	{ .target = TUFF_TARGET_SW_WIDE, .subgroup_size = 8, .max_invocations = 128, .max_groups = { 65535, 65535, 65535 }, .max_storage_range = 128u << 20 },
	{ .target = TUFF_TARGET_GPU, .subgroup_size = 32, .max_invocations = 128, .max_groups = { 65535, 65535, 65535 }, .max_storage_range = 128u << 20 },
};

/* bytes anywhere: what does not parse */
static unsigned char *mutate_wire(const struct seed *s, size_t *n)
{
	unsigned char *b = malloc(s->size + 64);

	*n = s->size;
	memcpy(b, s->b, s->size);
	for (uint32_t k = 1 + rnd(4); k && *n; k--) {
		size_t at = rnd(2) && *n > 4096 ? rnd(4096) : rnd(*n);	/* structure is dense at the head */

		switch (rnd(4)) {
		case 0:
			b[at] ^= 1 << rnd(8);
			break;
		case 1:
			b[at] = nasty();
			break;
		case 2:
			*n = at + 1;
			break;
		default:
			b[at] = b[at + rnd(*n - at)];
		}
	}
	return b;
}

extern int tuff_eval(void *priv, uint32_t op, const struct tuff_program *p, const struct tuff_step *s,
		     const struct tuffc_tensor *in, uint32_t nin, struct tuffc_tensor *out, uint32_t nout);

static bool compiles(struct fuzz *f, const unsigned char *b, size_t n)
{
	struct tuffc_options opt = { .device = devices[1 + rnd(2)], .eval.run = tuff_eval };
	struct tuff_program *p = NULL;
	struct tuffc_error err;
	char why[256] = "";
	int ret = tuffc_compile_memory(b, n, "/nonexistent", &opt, &p, &err);
	bool ok = ret ? !p && fuzz_says(ret, err.text) : p && !tuff_program_check(p, why, sizeof(why));

	if (!ret && !ok)
		printf("  a program that its own check refuses: %s\n", why);
	f->accepted += !ret;
	f->rejected += !!ret;
	tuff_program_destroy(p);
	return ok;
}

static bool has(const struct seed *s, const char *word)
{
	return memmem(s->b, s->size, word, strlen(word));
}

/* graphs in attributes */
static void only_regions(struct seeds *seeds)
{
	size_t kept = 0, large = 0;

	for (size_t i = 0; i < seeds->n; i++) {
		if (!has(&seeds->s[i], "then_branch") && !has(&seeds->s[i], "body")) {
			free(seeds->s[i].b);
			continue;
		}
		large += i < seeds->large;
		seeds->s[kept++] = seeds->s[i];
	}
	seeds->n = kept;
	seeds->large = large;
}

static bool fuzz(const char *name, bool regions)
{
	struct seeds seeds;
	struct fuzz f;
	bool ok = true;

	seeds_open(&seeds);
	if (regions)
		only_regions(&seeds);
	if (!seeds.n)
		return false;
	fuzz_begin(&f, name);
	while (ok && fuzz_next(&f)) {
		const struct seed *s = seeds_pick(&seeds);
		size_t n;
		unsigned char *b = rnd(8) ? mutate_model(s->b, s->size, &n) : mutate_wire(s, &n);

		if (!b || fuzz_input(&f, b, n)) {
			free(b);
			f.at++;
			continue;
		}
		ok = rnd(3) ? fuzz_session(&f, f.path) : compiles(&f, b, n);
		ok = fuzz_done(&f, !ok);
		free(b);
	}
	fuzz_end(&f);
	seeds_close(&seeds);
	return ok && (f.accepted + f.rejected < 500 || (f.rejected && f.accepted && f.ran));
}

TEST(mutated_models)
{
	CHECK(fuzz("onnx", false));
}

TEST(mutated_regions)
{
	if (access("/usr/share/libonnx-testdata/data/node/test_if/model.onnx", R_OK))
		SKIP("libonnx-testdata is not installed");
	CHECK(fuzz("onnx-regions", true));
}

/* small models cut short at every length */
TEST(truncated)
{
	const struct tuffc_options opt = { .device = devices[0], .eval.run = tuff_eval };
	struct seeds seeds;
	int models = 0;
	bool ok = true;

	seeds_open(&seeds);
	for (size_t i = 0; i < seeds.n && models < 16 && ok; i += 31) {
		const struct seed *s = &seeds.s[i];

		if (s->size > 1000)
			continue;
		models++;
		for (size_t n = 0; n < s->size && ok; n++) {
			unsigned char *cut = malloc(n + !n);	/* of that length: a byte more is outside */
			struct tuff_program *p;
			struct tuffc_error err;
			int ret;

			memcpy(cut, s->b, n);
			ret = tuffc_compile_memory(cut, n, NULL, &opt, &p, &err);
			ok = ret ? !p && fuzz_says(ret, err.text) : !!p;
			tuff_program_destroy(p);
			free(cut);
		}
	}
	seeds_close(&seeds);
	CHECK(ok && models > 4);
}

/* graph in attribute in node in graph, 10,000 deep, lengths from the inside out */
TEST(nested_ten_thousand_deep)
{
	static const unsigned char keys[] = { 7 << 3 | 2, 1 << 3 | 2, 5 << 3 | 2, 6 << 3 | 2 };
	const struct tuffc_options opt = { .device.target = TUFF_TARGET_CPU };
	size_t cap = 10000 * 8, at = cap;
	unsigned char *b = calloc(1, cap);
	struct tuff_program *p;
	struct tuffc_error err;

	CHECK(b);
	for (int i = 9999; i >= 0; i--) {
		size_t len = cap - at;
		unsigned char v[5];
		int n = 0;

		do
			v[n++] = (len & 127) | (len > 127 ? 128 : 0);
		while (len >>= 7);
		at -= n;
		memcpy(b + at, v, n);
		b[--at] = i ? keys[1 + (i - 1) % 3] : keys[0];
	}
	CHECK_EQ(tuffc_compile_memory(b + at, cap - at, NULL, &opt, &p, &err), -EINVAL);
	free(b);
	CHECK(strstr(err.text, "nested deeper than 64"));
}

TEST(empty_and_garbage)
{
	const struct tuffc_options opt = { .device.target = TUFF_TARGET_CPU };
	struct tuff_program *p;
	struct tuffc_error err;

	CHECK_EQ(tuffc_compile_memory("", 0, NULL, &opt, &p, &err), -EINVAL);
	CHECK(strstr(err.text, "no graph"));
	CHECK_EQ(tuffc_compile_memory("GIF89a", 6, NULL, &opt, &p, &err), -EINVAL);
	CHECK(strstr(err.text, "not a valid ONNX file"));
	CHECK_EQ(tuffc_compile("/nonexistent/x.onnx", &opt, &p, &err), -ENOENT);
	CHECK(strstr(err.text, "/nonexistent/x.onnx"));
}

/* found by fuzzing: eight bytes were read of each four, and sixteen written into eight */
static int compile_constant(Onnx__TensorProto *t, bool fill, struct tuffc_error *err)
{
	const struct tuffc_options opt = { .device = devices[0], .eval.run = tuff_eval };
	Onnx__AttributeProto a = ONNX__ATTRIBUTE_PROTO__INIT, *as[] = { &a };
	Onnx__NodeProto node = ONNX__NODE_PROTO__INIT, *nodes[] = { &node };
	Onnx__TensorProto shape = ONNX__TENSOR_PROTO__INIT, *inits[] = { &shape, t };
	Onnx__ValueInfoProto y = ONNX__VALUE_INFO_PROTO__INIT, *ys[] = { &y };
	Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
	Onnx__OperatorSetIdProto set = ONNX__OPERATOR_SET_ID_PROTO__INIT, *sets[] = { &set };
	Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
	char *in[] = { "s" }, *out[] = { "y" };
	int64_t one = 1, two = 2;
	struct tuff_program *p = NULL;
	uint8_t *b;
	size_t n;
	int ret;

	shape.name = "s", shape.n_dims = 1, shape.dims = &one, shape.has_data_type = 1, shape.data_type = 7;
	shape.n_int64_data = 1, shape.int64_data = &two;
	t->name = "t";
	a.name = "value", a.has_type = 1, a.type = 4, a.t = t;
	node.op_type = fill ? "ConstantOfShape" : "Identity", node.n_input = 1, node.input = in, node.n_output = 1, node.output = out;
	node.n_attribute = fill, node.attribute = as;
	y.name = "y";
	graph.n_node = 1, graph.node = nodes, graph.n_initializer = fill ? 1 : 2, graph.initializer = inits, graph.n_output = 1, graph.output = ys;
	set.has_version = 1, set.version = 13;
	model.n_opset_import = 1, model.opset_import = sets, model.graph = &graph;
	n = onnx__model_proto__get_packed_size(&model);
	b = malloc(n);
	onnx__model_proto__pack(&model, b);
	ret = tuffc_compile_memory(b, n, NULL, &opt, &p, err);
	free(b);
	tuff_program_destroy(p);
	return ret;
}

TEST(complex_numbers)
{
	Onnx__TensorProto t = ONNX__TENSOR_PROTO__INIT;
	int32_t ints[2] = { 1, 2 };
	double reals[2] = { 3, 4 };
	int64_t two = 2, one = 1;
	struct tuffc_error err;

	t.n_dims = 1, t.dims = &two, t.has_data_type = 1, t.data_type = TUFF_C64;
	t.n_int32_data = 2, t.int32_data = ints;
	CHECK_EQ(compile_constant(&t, false, &err), -EINVAL);
	CHECK(strstr(err.text, "tensor 't': number of elements does not match its dims"));
	t.n_int32_data = 0;
	t.dims = &one, t.data_type = TUFF_C128, t.n_double_data = 2, t.double_data = reals;
	CHECK_EQ(compile_constant(&t, true, &err), 0);
}
