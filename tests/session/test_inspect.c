// SPDX-License-Identifier: MIT
/* Devices, options, memory, steps: what a session tells, and what it takes. */
#include <dirent.h>

#include "tests/session/session.h"

static struct text t;
static float px[4 * 192];

static int devices(const char *arg, enum test_device d)
{
	struct tuff_device_info list[1 + TUFF_BE_MAX_DEVICES], one;
	int n = tuff_devices(list, 1 + TUFF_BE_MAX_DEVICES), chosen = 0, sw = 0;
	struct tuff_session *s;

	OK(n >= 1 && n <= 1 + TUFF_BE_MAX_DEVICES);
	GIVES(tuff_devices(NULL, 0), n);
	GIVES(tuff_devices(&one, 1), n);
	OK(!strcmp(one.id, "cpu") && one.threads >= 1 && one.memory > 1 << 20 && one.flags & TUFF_DEVICE_USABLE);
	OK(d == DEV_CPU || n > 1);
	for (int i = 0; i < n; i++) {
		const struct tuff_device_info *v = &list[i];

		OK(v->name[0] && v->device_class[0] && v->reason[0]);
		chosen += !!(v->flags & TUFF_DEVICE_AUTO);
		OK(!(v->flags & TUFF_DEVICE_AUTO) || v->flags & TUFF_DEVICE_USABLE);
		for (size_t k = 0; k < sizeof(v->reserved) / sizeof(v->reserved[0]); k++)
			OK(!v->reserved[k]);
		sw += i && v->flags & TUFF_DEVICE_SOFTWARE;
		network(&t, seeds_1, false);
		/* what the list says is what a session does */
		if (v->flags & TUFF_DEVICE_USABLE) {
			GIVES(open_text(&t, v->id, NULL, &s), 0);
			OK(!strcmp(tuff_session_device(s), v->name) && strstr(tuff_session_why(s), "was asked for"));
			close_session(s);
		} else {
			GIVES(open_text(&t, v->id, NULL, &s), -ENODEV);
			OK(strstr(err.text, v->reason));
		}
	}
	GIVES(chosen, 1);
	network(&t, seeds_1, false);
	GIVES(open_text(&t, NULL, NULL, &s), 0);
	OK(!strncmp(tuff_session_why(s), "auto: ", 6));
	/* no real GPU is there in these processes */
	OK(!strcmp(tuff_session_device(s), "cpu") && list[0].flags & TUFF_DEVICE_AUTO);
	OK(!sw || strstr(tuff_session_why(s), "software"));
	OK(!strcmp(tuff_session_why(s), list[0].reason));
	close_session(s);
	network(&t, seeds_1, false);
	GIVES(open_text(&t, "vulkanic", NULL, &s), -ENODEV);
	OK(strstr(err.text, "'vulkanic'") && !s);
	return 0;
}
TEST_DEVICES(devices_and_reasons, devices, NULL)

static int memory(const char *arg, enum test_device d)
{
	struct tuff_session *s;
	struct tuff_memory a, b;
	struct tuff_model_info mi;
	struct tuff_step_info step;
	struct tuff_io_info io;
	struct tuff_tensor in = image(px, 4, 1), out[2];
	void *mem;

	network(&t, seeds_1, false);
	GIVES(open_text(&t, test_device_arg(d), NULL, &s), 0);
	tuff_session_memory(s, &a);
	OK(!a.arena && !a.plans && !a.bound);
	OK(d == DEV_CPU ? !a.device && !a.device_peak : a.device >= a.weights && a.device_peak >= a.device);
	tuff_session_info(s, &mi);
	GIVES(mi.macs, -1);
	GIVES(tuff_run(s, &in, 1, out, 2, &err), 0);
	tuff_session_memory(s, &b);
	OK(b.weights >= 216 * 4 && b.arena >= b.live_peak && b.live_peak > 0 && b.plans == 1);
	OK(d == DEV_CPU || b.device >= a.device + b.arena);
	tuff_session_info(s, &mi);
	/* 4 images, 64 pixels, 8 channels of 3 x 9; the product of 8 x 5 */
	GIVES(mi.macs, 4 * (64 * 8 * 27 + 40));
	OK(mi.opset == 17 && mi.steps == tuff_session_steps(s) && mi.parameters >= 216 + 40);
	in = image(px, 2, 1);
	GIVES(tuff_run(s, &in, 1, out, 2, &err), 0);
	mem = tuff_session_alloc(s, 1 << 20);
	OK(mem && !((char *)mem)[(1 << 20) - 1]);
	tuff_session_memory(s, &b);
	OK(b.plans == 2 && b.bound == 1 << 20);
	OK(d == DEV_CPU || b.device >= a.device + (1 << 20));
	tuff_session_free(s, mem);
	a = b;
	tuff_session_memory(s, &b);
	OK(!b.bound && b.device_peak == a.device_peak && (d == DEV_CPU || b.device + (1 << 20) <= a.device));
	for (size_t k = 0; k < sizeof(b.reserved) / 4; k++)
		OK(!b.reserved[k]);
	for (uint32_t i = 0; i < mi.steps; i++) {
		GIVES(tuff_session_step(s, i, &step), 0);
		OK(step.node[0] && step.op[0] && step.on_device == (d != DEV_CPU) && !step.kernel[0] == (d == DEV_CPU));
	}
	GIVES(tuff_session_step(s, mi.steps, &step), -EINVAL);
	OK(d == DEV_CPU ? !tuff_session_kernels(s) : tuff_session_kernels(s) > 0);
	GIVES(tuff_session_input(s, 1, &io), -EINVAL);
	GIVES(tuff_session_output(s, 2, &io), -EINVAL);
	GIVES(tuff_session_output(s, 1, &io), 0);
	OK(!strcmp(io.name, "r") && io.rank == 4 && io.dim[0] == -1 && !strcmp(io.symbol[0], "N") && io.dim[1] == 8 && !io.symbol[1]);
	close_session(s);
	return 0;
}
TEST_DEVICES(memory_and_steps, memory, NULL)

static int files_in(const char *dir)
{
	DIR *o = opendir(dir);
	int n = 0;

	for (struct dirent *e; o && (e = readdir(o));)
		n += e->d_name[0] != '.';
	if (o)
		closedir(o);
	return n;
}

static int options(const char *arg, enum test_device d)
{
	struct { struct tuff_session_options o; uint32_t later; } big = { .o = { .size = sizeof(big) }, .later = 0 };
	struct tuff_session_options o = { .size = sizeof(o) };
	struct tuff_shape shape = { .input = "x", .rank = 4, .dim = { 2, -1, -1, 8 } };
	struct tuff_tensor in = image(px, 2, 1), out[2];
	struct tuff_session *s;
	struct tuff_io_info io;
	char dir[] = "/tmp/tuff-cache-XXXXXX", model[] = "/tmp/tuff-model-XXXXXX", cmd[64];

	network(&t, seeds_1, false);
	OK(!write_model(model, &t));
	big.o.device = test_device_arg(d);
	GIVES(tuff_session_create_with(model, &big.o, &s, &err), 0);
	OK(tuff_session_threads(s) >= 1);
	tuff_session_destroy(s);
	big.later = 1;
	GIVES(tuff_session_create_with(model, &big.o, &s, &err), -E2BIG);
	big.o.size = offsetof(struct tuff_session_options, shapes);	/* an older, shorter struct: what follows is not looked at */
	big.o.nshapes = 7;
	GIVES(tuff_session_create_with(model, &big.o, &s, &err), 0);
	close_session(s);
	o.size = 0;
	GIVES(tuff_session_create_with("x", &o, &s, &err), -EINVAL);
	OK(strstr(err.text, "size"));
	o.size = 2;
	GIVES(tuff_session_create_with("x", &o, &s, &err), -EINVAL);
	o.size = sizeof(o);
	o.reserved = 1;
	GIVES(tuff_session_create_with("x", &o, &s, &err), -EINVAL);
	o.reserved = 0;
	o.priority = 3;
	GIVES(tuff_session_create_with("x", &o, &s, &err), -EINVAL);
	o.priority = 0;
	o.nshapes = 1;
	GIVES(tuff_session_create_with("x", &o, &s, &err), -EINVAL);
	o.nshapes = 0;
	o.noverridable = 1;
	GIVES(tuff_session_create_with("x", &o, &s, &err), -EINVAL);
	o.noverridable = 0;
	GIVES(tuff_session_create_with("/nowhere/m.onnx", &o, &s, &err), -ENOENT);
	OK(!strcmp(err.file, "/nowhere/m.onnx") && err.code == -ENOENT && strstr(err.text, "/nowhere/m.onnx"));

	/* threads, and a size that is given early */
	o.threads = 1;
	o.priority = d == DEV_LAVAPIPE ? TUFF_SESSION_HIGH : TUFF_SESSION_LOW;
	o.shapes = &shape;
	o.nshapes = 1;
	network(&t, seeds_1, false);
	GIVES(open_text(&t, test_device_arg(d), &o, &s), 0);
	shape.dim[0] = 9;	/* it was copied */
	GIVES(tuff_session_threads(s), 1);
	GIVES(tuff_session_input(s, 0, &io), 0);
	OK(io.dim[0] == 2 && !io.symbol[0]);
	GIVES(tuff_run(s, &in, 1, out, 2, &err), 0);
	in = image(px, 3, 1);
	GIVES(tuff_run(s, &in, 1, out, 2, &err), -EINVAL);
	OK(strstr(err.text, "dimension 0 is 3, the model takes 2") && !strcmp(err.tensor, "x") && !strcmp(err.shape, "[3,3,8,8]"));
	GIVES(tuff_run(s, &in, 2, out, 2, &err), -EINVAL);
	OK(err.file[0]);
	close_session(s);
	shape.dim[1] = 5;
	network(&t, seeds_1, false);
	GIVES(open_text(&t, test_device_arg(d), &o, &s), -EINVAL);
	shape = (struct tuff_shape){ .input = "z", .rank = 1 };
	network(&t, seeds_1, false);
	GIVES(open_text(&t, test_device_arg(d), &o, &s), -EINVAL);
	OK(strstr(err.text, "'z', which is no input"));
	shape.rank = 9;
	GIVES(tuff_session_create_with("x", &o, &s, &err), -EINVAL);
	o.nshapes = 0;

	/* generated kernels: in the caller's folder, or nowhere */
	OK(mkdtemp(dir));
	for (int k = 0; k < 2; k++) {
		setenv("XDG_CACHE_HOME", dir, 1);
		o.cache_dir = k ? dir : "";
		t.n = 0;
		line(&t, "opset 17\ninput x float32[N]\ninput y float32[N]\nnode Mul x y -> a\nnode Exp a -> b\nnode Add b x -> z\noutput z\n");
		GIVES(open_text(&t, test_device_arg(d), &o, &s), 0);
		OK(!(files_in(dir) - (k ? 0 : access(strcat(strcpy(cmd, dir), "/tuff"), F_OK) == 0)) == (d == DEV_CPU || !k));
		close_session(s);
	}
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	OK(!system(cmd));
	return 0;
}
TEST_DEVICES(options_of_a_session, options, NULL)

TEST(options_of_compiling)
{
	struct tuff_compile_options o = { .size = sizeof(o) };
	struct tuff_shape shape = { .input = "x", .rank = 4, .dim = { 2, -1, -1, 8 } };
	struct tuff_session_options so = { .size = sizeof(so), .device = "cpu", .shapes = &shape, .nshapes = 1 };
	struct tuff_session *s;
	struct tuff_io_info io;
	char model[] = "/tmp/tuff-model-XXXXXX", file[] = "/tmp/tuff-program-XXXXXX";

	network(&t, seeds_1, false);
	CHECK(!write_model(model, &t));
	close(mkstemp(file));
	o.shapes = &shape;
	o.nshapes = 1;
	CHECK_EQ(tuff_compile_with(model, &o, file, &err), 0);
	CHECK_EQ(tuff_session_create(file, "cpu", &s, &err), 0);
	CHECK_EQ(tuff_session_input(s, 0, &io), 0);
	CHECK_EQ(io.dim[0], 2);
	tuff_session_destroy(s);
	CHECK_EQ(tuff_session_create_with(file, &so, &s, &err), -EINVAL);
	CHECK(strstr(err.text, "shapes are given when a model is compiled"));
	CHECK_EQ(tuff_compile_with(model, NULL, NULL, &err), 0);
	CHECK_EQ(tuff_compile_with(model, NULL, "/nowhere/p.tuff", &err), -ENOENT);
	CHECK(!strcmp(err.file, "/nowhere/p.tuff"));
	o.reserved = 1;
	CHECK_EQ(tuff_compile_with(model, &o, NULL, &err), -EINVAL);
	o.reserved = 0;
	o.size = 0;
	CHECK_EQ(tuff_compile_with(model, &o, NULL, &err), -EINVAL);
	o.size = sizeof(o);
	o.target = "toaster";
	CHECK_EQ(tuff_compile_with(model, &o, NULL, &err), -EINVAL);
	unlink(model);
	unlink(file);
}
