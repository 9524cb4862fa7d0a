// SPDX-License-Identifier: MIT
/* Initializers replaced at run time: the answer must be that of a model which has the new values in it. */
#include "tests/session/session.h"

#define BATCH 2
static struct text t;
static float px[BATCH * 192], v[512];

/* runs s and compares with a model of these seeds */
static int agrees(struct tuff_session *s, const uint32_t *seed)
{
	struct tuff_tensor in = image(px, BATCH, 7), out[2], want[2];

	OK(!reference(seed, BATCH, 7, want));
	GIVES(tuff_run(s, &in, 1, out, 2, &err), 0);
	for (int i = 0; i < 2; i++)
		OK(!same(&out[i], &want[i], 1e-4));
	free_outputs(want, 2);
	return 0;
}

static struct tuff_tensor new_value(int which, uint32_t seed)
{
	switch (which) {
	case W: return values(v, 216, seed, 0, 4, 8, 3, 3, 3);
	case SCALE: return values(v, 8, seed, 1, 1, 8);
	case M: return values(v, 40, seed, 0, 2, 8, 5);
	default: return values(v, 8, seed, 0, 1, 8);
	}
}
static const char *const names[SEEDS] = { "w", "scale", "b", "mean", "m" };

/* each in turn, on top of those before it: all were folded, fused or packed */
static int each(const char *arg, enum test_device d)
{
	uint32_t seed[SEEDS];
	struct tuff_session *s;
	struct tuff_tensor n;
	uint32_t steps;

	memcpy(seed, seeds_1, sizeof(seed));
	network(&t, seeds_1, false);
	GIVES(open_text(&t, test_device_arg(d), NULL, &s), 0);
	OK(!agrees(s, seeds_1));
	steps = tuff_session_steps(s);
	/* the model's values, which it has: nothing is compiled for that */
	GIVES(tuff_session_override(s, "w", NULL, &err), 0);
	GIVES(tuff_session_steps(s), steps);
	for (int i = 0; i < SEEDS; i++) {
		n = new_value(i, seed[i] = 100 + i);
		GIVES(tuff_session_override(s, names[i], &n, &err), 0);
		memset(v, 0, sizeof(v));	/* it was copied */
		GIVES(tuff_session_inputs(s), 1);
		OK(!agrees(s, seed));
	}
	/* again: another value, and nothing is compiled */
	{
		struct tuff_program *p = s->p;

		n = new_value(W, seed[W] = 200);
		GIVES(tuff_session_override(s, "w", &n, &err), 0);
		OK(s->p == p && !agrees(s, seed));
		for (int i = 0; i < SEEDS; i++) {
			GIVES(tuff_session_override(s, names[i], NULL, &err), 0);
			seed[i] = seeds_1[i];
			OK(s->p == p && !agrees(s, seed));
		}
	}
	close_session(s);
	return 0;
}
TEST_DEVICES(each_initializer, each, NULL)

/* listed in the options: no second compilation; through bindings that were made before; from a program file */
static int listed(const char *arg, enum test_device d)
{
	static const char *const target[] = { "cpu", "software-wide", "software-small" };
	const char *open[] = { "scale", "m", "scale" };
	struct tuff_session_options o = { .size = sizeof(o), .overridable = open, .noverridable = 3, .device = test_device_arg(d) };
	struct tuff_compile_options c = { .size = sizeof(c), .overridable = open, .noverridable = 2, .target = target[d] };
	uint32_t seed[SEEDS];
	struct tuff_session *s;
	struct tuff_binding *b;
	struct tuff_tensor n, in = image(px, BATCH, 7), want[2], got;
	struct tuff_io_info info;
	char file[] = "/tmp/tuff-program-XXXXXX";
	struct tuff_program *p;

	memcpy(seed, seeds_1, sizeof(seed));
	seed[SCALE] = 50;
	seed[M] = 51;
	OK(!reference(seed, BATCH, 7, want));
	network(&t, seeds_1, false);
	GIVES(open_text(&t, test_device_arg(d), &o, &s), 0);
	close(mkstemp(file));
	GIVES(tuff_compile_with(s->path, &c, file, &err), 0);
	for (int k = 0; k < 2; k++) {
		if (k) {
			close_session(s);
			GIVES(tuff_session_create_with(file, NULL, &s, &err), d == DEV_CPU ? 0 : -ENOEXEC);
			if (d != DEV_CPU)
				GIVES(tuff_session_create_with(file, &o, &s, &err), 0);
			/* only what it was compiled for */
			GIVES(tuff_session_initializers(s), 2);
			GIVES(tuff_session_initializer(s, 1, &info), 0);
			OK(!strcmp(info.name, "m") && info.rank == 2 && info.dim[1] == 5 && info.dtype == TUFF_F32);
			GIVES(tuff_session_initializer(s, 2, &info), -EINVAL);
			n = new_value(W, 9);
			GIVES(tuff_session_override(s, "w", &n, &err), -ENOENT);
			OK(strstr(err.text, "'w' cannot be overridden: the program was not compiled for that") && !strcmp(err.tensor, "w"));
			GIVES(tuff_session_override(s, "w", NULL, &err), -ENOENT);
		}
		p = s->p;
		OK(!agrees(s, seeds_1));
		GIVES(tuff_binding_create(s, &b, &err), 0);
		GIVES(tuff_bind_input(b, 0, &in, &err), 0);
		GIVES(tuff_run_bound(b, &err), 0);
		n = new_value(SCALE, seed[SCALE]);
		GIVES(tuff_session_override(s, "scale", &n, &err), 0);
		n = new_value(M, seed[M]);
		GIVES(tuff_session_override(s, "m", &n, &err), 0);
		OK(s->p == p);
		GIVES(tuff_run_bound(b, &err), 0);
		for (int i = 0; i < 2; i++) {
			GIVES(tuff_bound_output(b, i, &got), 0);
			OK(!same(&got, &want[i], 1e-4));
		}
		if (k)
			break;
		/* a binding outlives what is compiled again */
		n = new_value(B, seed[B]);
		GIVES(tuff_session_override(s, "b", &n, &err), 0);
		OK(s->p != p);
		GIVES(tuff_run_bound(b, &err), 0);
		GIVES(tuff_bound_output(b, 0, &got), 0);
		OK(!same(&got, &want[0], 1e-4));
	}
	tuff_session_destroy(s);
	open[1] = "nothing";
	GIVES(tuff_session_create_with(file, &o, &s, &err), -ENOENT);
	OK(strstr(err.text, "'nothing'") && !strcmp(err.tensor, "nothing") && !strcmp(err.file, file));
	network(&t, seeds_1, false);
	GIVES(open_text(&t, test_device_arg(d), &o, &s), -ENOENT);
	OK(strstr(err.text, "there is no initializer 'nothing'"));
	unlink(file);
	free_outputs(want, 2);
	return 0;
}
TEST_DEVICES(what_the_options_list, listed, NULL)

/* IR versions before 4 list all initializers as inputs: they are none, and stay folded */
static int old_models(const char *arg, enum test_device d)
{
	struct tuff_session *s[2];
	struct tuff_io_info info;
	uint32_t steps[2];

	for (int i = 0; i < 2; i++) {
		network(&t, seeds_1, i);
		GIVES(open_text(&t, test_device_arg(d), NULL, &s[i]), 0);
		steps[i] = tuff_session_steps(s[i]);
		GIVES(tuff_session_inputs(s[i]), 1);
		OK(!tuff_session_input(s[i], 0, &info) && !strcmp(info.name, "x"));
		OK(!agrees(s[i], seeds_1));
	}
	GIVES(steps[1], steps[0]);
	GIVES(tuff_session_initializers(s[1]), 6);
	for (int i = 0; i < 6; i++) {
		GIVES(tuff_session_initializer(s[1], i, &info), 0);
		OK(info.dtype == TUFF_F32 && info.dim[0] == 8);
	}
	{
		struct tuff_tensor n = new_value(SCALE, 77);
		uint32_t seed[SEEDS];

		memcpy(seed, seeds_1, sizeof(seed));
		seed[SCALE] = 77;
		GIVES(tuff_session_override(s[1], "scale", &n, &err), 0);
		OK(!agrees(s[1], seed));
	}
	close_session(s[0]);
	close_session(s[1]);
	return 0;
}
TEST_DEVICES(initializers_listed_as_inputs, old_models, NULL)

/* halves and integers: converted when they are set, not in each run */
static int types(const char *arg, enum test_device d)
{
	uint16_t x[2] = { 0x3c00, 0x4000 }, h[1] = { 0x4200 }, want[2] = { 0x4400, 0x4500 };
	int64_t k[2] = { 1, 0 };
	float f[4] = { 1, 2, 3, 4 }, got[4];
	struct tuff_tensor in[2] = { { .dtype = TUFF_F16, .rank = 1, .dim = { 2 }, .data = x, .size = 4 },
				     { .dtype = TUFF_F32, .rank = 2, .dim = { 2, 2 }, .data = f, .size = 16 } }, out[2];
	struct tuff_tensor half = { .dtype = TUFF_F16, .rank = 1, .dim = { 1 }, .data = h, .size = 2 };
	struct tuff_tensor index = { .dtype = TUFF_I64, .rank = 1, .dim = { 2 }, .data = k, .size = 16 };
	struct tuff_session *s;

	t.n = 0;
	line(&t, "opset 17\ninput x float16[2]\ninput f float32[2,2]\nconst h float16[1] 15360\nconst i int64[2] 0 1\n"
		 "node Add x h -> y\nnode Gather f i -> g axis=0\noutput y\noutput g\n");
	GIVES(open_text(&t, test_device_arg(d), NULL, &s), 0);
	GIVES(tuff_session_override(s, "h", &half, &err), 0);
	GIVES(tuff_session_override(s, "i", &index, &err), 0);
	GIVES(tuff_run(s, in, 2, out, 2, &err), 0);
	OK(!memcmp(out[0].data, want, 4));
	memcpy(got, out[1].data, 16);
	OK(got[0] == 3 && got[1] == 4 && got[2] == 1 && got[3] == 2);
	GIVES(tuff_session_override(s, "h", NULL, &err), 0);
	GIVES(tuff_run(s, in, 2, out, 2, &err), 0);
	OK(((uint16_t *)out[0].data)[0] == 0x4000);
	close_session(s);
	return 0;
}
TEST_DEVICES(halves_and_integers, types, NULL)

/* a whole model with every float initializer open: other kernels, the same answer */
static int whole(const char *path, enum test_device d)
{
	struct tuff_session_options o = { .size = sizeof(o), .device = test_device_arg(d) };
	struct tuff_tensor in[8] = { 0 }, out[2][8];
	struct tuff_session *s[2];
	struct tuff_io_info io;
	const char *open[512];
	uint32_t nin, nout;

	GIVES(tuff_session_create_with(path, &o, &s[0], &err), 0);
	nin = tuff_session_inputs(s[0]);
	nout = tuff_session_outputs(s[0]);
	OK(nin <= 8 && nout <= 8);
	for (uint32_t i = 0; i < tuff_session_initializers(s[0]); i++) {
		GIVES(tuff_session_initializer(s[0], i, &io), 0);
		if (io.dtype == TUFF_F32 && o.noverridable < 512)
			open[o.noverridable++] = io.name;
	}
	OK(o.noverridable > 5);
	o.overridable = open;
	GIVES(tuff_session_create_with(path, &o, &s[1], &err), 0);
	GIVES(s[1]->p->ninputs, nin + o.noverridable);
	for (uint32_t i = 0; i < nin; i++) {
		size_t n = 1;

		GIVES(tuff_session_input(s[1], i, &io), 0);
		in[i] = (struct tuff_tensor){ .dtype = io.dtype, .rank = io.rank };
		for (uint32_t k = 0; k < io.rank; k++)
			n *= in[i].dim[k] = io.dim[k] < 0 ? 2 : io.dim[k];
		in[i].size = n * tuff_type_size(io.dtype);
		in[i].data = calloc(in[i].size + 1, 1);
		for (size_t k = 0; k < n && io.dtype == TUFF_F32; k++)
			((float *)in[i].data)[k] = noise(3, k);
	}
	for (int i = 0; i < 2; i++)
		GIVES(tuff_run(s[i], in, nin, out[i], nout, &err), 0);
	for (uint32_t i = 0; i < nout; i++)
		OK(!same(&out[1][i], &out[0][i], 1e-3));
	for (uint32_t i = 0; i < nin; i++)
		free(in[i].data);
	tuff_session_destroy(s[1]);
	tuff_session_destroy(s[0]);
	return 0;
}
TEST_DEVICES(all_of_digits, whole, "demo/digits.onnx")
TEST_DEVICES(all_of_fcn, whole, "tests/models/fcn_13/model.onnx")
TEST_DEVICES(all_of_vit, whole, "tests/models/vit_16/model.onnx")
TEST_DEVICES(all_of_bert, whole, "tests/models/bert_13/model.onnx")

static int refusals(const char *arg, enum test_device d)
{
	struct tuff_session *s;
	struct tuff_tensor n, bad, in = { .dtype = TUFF_F32, .rank = 2, .dim = { 2, 6 }, .data = px, .size = 48 }, out;
	int64_t shape[2] = { 6, 2 };
	struct tuff_tensor sizes = { .dtype = TUFF_I64, .rank = 1, .dim = { 2 }, .data = shape, .size = 16 };
	float w = 2;
	struct tuff_tensor scalar = { .dtype = TUFF_F32, .rank = 0, .data = &w, .size = 4 };
	struct tuff_program *p;
	int ret;

	network(&t, seeds_1, false);
	GIVES(open_text(&t, test_device_arg(d), NULL, &s), 0);
	p = s->p;
	n = new_value(W, 3);
	GIVES(tuff_session_override(s, "c", &n, &err), -ENOENT);
	GIVES(tuff_session_override(s, "x", &n, &err), -ENOENT);
	OK(strstr(err.text, "there is no initializer 'x'") && err.file[0]);
	bad = n;
	bad.dtype = TUFF_F16;
	GIVES(tuff_session_override(s, "w", &bad, &err), -EINVAL);
	OK(strstr(err.text, "float16") && !strcmp(err.tensor, "w") && !strcmp(err.shape, "[8,3,3,3]"));
	bad = n;
	bad.rank = 3;
	GIVES(tuff_session_override(s, "w", &bad, &err), -EINVAL);
	bad = n;
	bad.dim[3] = 5;
	GIVES(tuff_session_override(s, "w", &bad, &err), -EINVAL);
	OK(strstr(err.text, "dimension 3 is 3, 5 is given"));
	bad = n;
	bad.size -= 4;
	GIVES(tuff_session_override(s, "w", &bad, &err), -EINVAL);
	bad = n;
	bad.data = NULL;
	GIVES(tuff_session_override(s, "w", &bad, &err), -EINVAL);
	OK(s->p == p && !agrees(s, seeds_1));
	/* another model, or none, is in the file's place: the session stays as it was */
	{
		char other[] = "/tmp/tuff-session-XXXXXX";

		t.n = 0;
		line(&t, "opset 17\ninput x float32[2]\ninput z float32[2]\nconst w float32[8,3,3,3] 1\nnode Add x z -> y\noutput y\noutput w\n");
		OK(!write_model(other, &t) && !rename(other, s->path));
		GIVES(tuff_session_override(s, "w", &n, &err), -ESTALE);
		OK(strstr(err.text, "2 inputs and 2 outputs, not 1 and 2") && s->p == p);
	}
	unlink(s->path);
	GIVES(tuff_session_override(s, "w", &n, &err), -ENOENT);
	OK(s->p == p && !agrees(s, seeds_1) && !s->noverridable);
	tuff_session_destroy(s);

	/* a shape that comes from it: whether or not that can be done, the session lives on */
	t.n = 0;
	line(&t, "opset 17\ninput x float32[2,6]\nconst k int64[2] 3 4\nconst w float32[] 1\n"
		 "node Reshape x k -> r\nnode Mul r w -> y\noutput y\n");
	GIVES(open_text(&t, test_device_arg(d), NULL, &s), 0);
	p = s->p;
	ret = tuff_session_override(s, "k", &sizes, &err);
	if (ret) {
		GIVES(ret, -EOPNOTSUPP);
		OK(s->p == p);
	}
	GIVES(tuff_run(s, &in, 1, &out, 1, &err), ret && s->p != p ? ret : 0);
	OK(out.rank == 2 && out.dim[0] == (ret ? 3 : 6) && out.dim[1] == (ret ? 4 : 2));
	/* a scalar */
	for (int i = 0; i < 12; i++)
		px[i] = i;
	GIVES(tuff_session_override(s, "w", &scalar, &err), 0);
	GIVES(tuff_run(s, &in, 1, &out, 1, &err), 0);
	OK(((float *)out.data)[11] == 22);
	close_session(s);
	return 0;
}
TEST_DEVICES(what_is_refused, refusals, NULL)

/* a program file's optional inputs are what they say, or the file is refused */
TEST(optional_inputs_of_program_files)
{
	const char *open[] = { "w", "m" };
	struct tuff_compile_options o = { .size = sizeof(o), .overridable = open, .noverridable = 2 };
	char model[] = "/tmp/tuff-model-XXXXXX", file[] = "/tmp/tuff-program-XXXXXX", text[256];
	struct tuff_program *p, q;
	struct tuff_io io[3], out[2];
	struct tuff_tens *tensors;
	static const struct {
		const char *says;
		uint32_t index, flags, weight;	/* weight 0: as it is */
	} bad[] = {
		{ "input 1: flags 0x3 are unknown", 1, 3, 0 },
		{ "input 2: comes after an optional one", 2, 0, 0 },
		{ "input 1: is optional and has no default", 1, 1, TUFF_NONE },
		{ "input 1: name, tensor or weight out of range", 1, 1, 9999 },
		{ "input 1: its default has another type or rank", 1, 1, 1 },
		{ "input 0: is optional and has no default", 0, 1, TUFF_NONE },
	};

	network(&t, seeds_1, false);
	CHECK(!write_model(model, &t));
	close(mkstemp(file));
	CHECK_EQ(tuff_compile_with(model, &o, file, &err), 0);
	CHECK_EQ(tuff_program_load(file, &p, text, sizeof(text)), 0);
	CHECK_EQ(p->ninputs, 3);
	CHECK_EQ(tuff_program_check(p, text, sizeof(text)), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		q = *p;
		memcpy(io, p->inputs, sizeof(io));
		q.inputs = io;
		io[bad[i].index].flags = bad[i].flags;
		io[bad[i].index].weight = bad[i].weight ? bad[i].weight : io[bad[i].index].weight;
		CHECK_EQ(tuff_program_check(&q, text, sizeof(text)), -EINVAL);
		if (strcmp(text, bad[i].says))
			printf("  %s\n", text);
		CHECK(!strcmp(text, bad[i].says));
	}
	q = *p;
	tensors = memcpy(malloc(p->ntensors * sizeof(*tensors)), p->tensors, p->ntensors * sizeof(*tensors));
	q.tensors = tensors;
	tensors[p->inputs[2].tensor].dim[0] = tensors[p->inputs[2].tensor].dim[1];	/* [5,5] for [8,5] */
	CHECK_EQ(tuff_program_check(&q, text, sizeof(text)), -EINVAL);
	CHECK(!strcmp(text, "input 2: dimension 0 is not that of its default"));
	free(tensors);
	q = *p;
	memcpy(out, p->outputs, sizeof(out));
	q.outputs = out;
	out[1].flags = TUFF_IO_OPTIONAL;
	CHECK_EQ(tuff_program_check(&q, text, sizeof(text)), -EINVAL);
	CHECK(!strcmp(text, "output 1: flags 0x1 are unknown"));
	tuff_program_destroy(p);
	unlink(model);
	unlink(file);
}
