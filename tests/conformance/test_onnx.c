// SPDX-License-Identifier: MIT
/*
 * Runs cases in the form of ONNX's backend tests (model.onnx and
 * test_data_set_N/{input,output}_M.pb) on every device, in a process that is
 * replaced when a case kills it. On the CPU path a case that does not pass must
 * stand in expected-failures.cpu.txt, and a case that passes must not. The lists
 * of Vulkan devices hold only what fails there and passes on the CPU path.
 * TUFF_UPDATE=1 writes the lists anew (cpu first).
 */
#include <dirent.h>
#include <math.h>
#include <sys/mman.h>

#include "driver/driver.h"
#include "onnx.pb-c.h"
#include "tests/devices.h"
#include "tests/harness.h"
#include "userspace/tuff.h"

#define DEBIAN "/usr/share/libonnx-testdata/data/node"
#define MAX_IO 32

enum { PASS, FAIL, UNSUPPORTED };

static Onnx__TensorProto *read_tensor(const char *dir, const char *what, int i)
{
	Onnx__TensorProto *t = NULL;
	unsigned char *b = malloc(8 << 20);
	char path[600];
	FILE *f;

	snprintf(path, sizeof(path), "%s/test_data_set_0/%s_%d.pb", dir, what, i);
	f = fopen(path, "rb");
	if (f && b)
		t = onnx__tensor_proto__unpack(NULL, fread(b, 1, 8 << 20, f), b);
	if (f)
		fclose(f);
	free(b);
	return t;
}

/* raw or typed fields to a dense tensor; 0 when it is not a tensor of numbers */
static int dense(const Onnx__TensorProto *p, struct tuff_tensor *t)
{
	size_t es = tuff_type_size(p->data_type), n = 1;

	if (!es || p->n_dims > TUFF_DIMS)
		return 0;
	*t = (struct tuff_tensor){ .dtype = p->data_type, .rank = p->n_dims };
	for (size_t i = 0; i < p->n_dims; i++)
		n *= t->dim[i] = p->dims[i];
	t->size = n * es;
	t->data = calloc(t->size + 1, 1);
	if (!t->data)
		return 0;
	if (p->raw_data.len) {
		if (p->raw_data.len != t->size)
			return 0;
		memcpy(t->data, p->raw_data.data, t->size);
		return 1;
	}
	for (size_t i = 0; i < n; i++) {
		char *to = (char *)t->data + i * es;

		if (p->n_float_data == n)
			memcpy(to, &p->float_data[i], es);
		else if (p->n_int64_data == n)
			memcpy(to, &p->int64_data[i], es);
		else if (p->n_int32_data == n)
			memcpy(to, &p->int32_data[i], es);
		else if (p->n_double_data == n)
			memcpy(to, &p->double_data[i], es);
		else if (p->n_uint64_data == n)
			memcpy(to, &p->uint64_data[i], es);
		else
			return 0;
	}
	return 1;
}

static double get(const struct tuff_tensor *t, size_t i)
{
	unsigned short h;
	double d;
	int e;

	switch (t->dtype) {
	case 1: return ((float *)t->data)[i];
	case 11: return ((double *)t->data)[i];
	case 7: return ((long long *)t->data)[i];
	case 13: return ((unsigned long long *)t->data)[i];
	case 6: return ((int *)t->data)[i];
	case 12: return ((unsigned *)t->data)[i];
	case 4: return ((unsigned short *)t->data)[i];
	case 5: return ((short *)t->data)[i];
	case 3: return ((signed char *)t->data)[i];
	case 10:
		memcpy(&h, (char *)t->data + 2 * i, 2);
		e = h >> 10 & 31;
		d = e == 31 ? (h & 1023 ? NAN : INFINITY) : e ? ldexp(1 + (h & 1023) / 1024., e - 15) : ldexp(h & 1023, -24);
		return h & 0x8000 ? -d : d;
	case 16:
		memcpy(&h, (char *)t->data + 2 * i, 2);
		e = h << 16;
		{
			float f;

			memcpy(&f, &e, 4);
			return f;
		}
	}
	return ((unsigned char *)t->data)[i];
}

/* onnx's own tolerances: rtol 1e-3, atol 1e-7, a little wider near zero */
static int equal(const struct tuff_tensor *a, const struct tuff_tensor *b)
{
	if (a->dtype != b->dtype || a->rank != b->rank || a->size != b->size || memcmp(a->dim, b->dim, 8 * a->rank))
		return 0;
	for (size_t i = 0; i < a->size / tuff_type_size(a->dtype); i++) {
		double x = get(a, i), y = get(b, i);

		if (isnan(x) && isnan(y))
			continue;
		if (x != y && !(fabs(x - y) <= 1e-6 + 1e-3 * fabs(y)))
			return 0;
	}
	return 1;
}

static int check_outputs(const char *dir, const struct tuff_tensor *out, uint32_t n)
{
	int ret = PASS;

	for (uint32_t i = 0; i < n && ret == PASS; i++) {
		Onnx__TensorProto *p = read_tensor(dir, "output", i);
		struct tuff_tensor ref = { 0 };

		if (!p || !dense(p, &ref) || !equal(&out[i], &ref))
			ret = FAIL;
		free(ref.data);
		if (p)
			onnx__tensor_proto__free_unpacked(p, NULL);
	}
	return ret;
}

static int run_case(const char *dir, enum test_device dev)
{
	struct tuff_tensor in[MAX_IO] = { 0 }, out[MAX_IO] = { 0 };
	struct tuff_session *s;
	struct tuff_error err;
	uint32_t nin, nout;
	char path[600];
	int ret;

	snprintf(path, sizeof(path), "%s/model.onnx", dir);
	ret = tuff_session_create(path, test_device_arg(dev), &s, &err);
	if (ret)
		return ret == -95 || ret == -11 ? UNSUPPORTED : FAIL;
	nin = tuff_session_inputs(s);
	nout = tuff_session_outputs(s);
	ret = nin > MAX_IO || nout > MAX_IO ? UNSUPPORTED : PASS;
	for (uint32_t i = 0; i < nin && ret == PASS; i++) {
		Onnx__TensorProto *p = read_tensor(dir, "input", i);

		if (!p || !dense(p, &in[i]))
			ret = UNSUPPORTED;
		if (p)
			onnx__tensor_proto__free_unpacked(p, NULL);
	}
	if (ret == PASS) {
		int r = tuff_run(s, in, nin, out, nout, &err);

		ret = r ? r == -95 ? UNSUPPORTED : FAIL : check_outputs(dir, out, nout);
	}
	for (uint32_t i = 0; i < MAX_IO; i++)
		free(in[i].data);
	tuff_session_destroy(s);
	return ret;
}

/* What the process that runs cases tells the one that waits for it. */
struct progress {
	int at;
	signed char result[2048];
};

static void run_cases(const char *base, struct dirent **names, int n, enum test_device dev, struct progress *pr)
{
	struct tuff_file *keep = NULL;
	char dir[512], why[200];

	/* the device stays open from case to case */
	if (dev != DEV_CPU)
		tuff_local_open(&tuff_be_vulkan, 0, &keep, why, sizeof(why));
	for (; pr->at < n; pr->at++) {
		alarm(30);
		snprintf(dir, sizeof(dir), "%s/%s", base, names[pr->at]->d_name);
		pr->result[pr->at] = !strncmp(names[pr->at]->d_name, "test_", 5) ? run_case(dir, dev) : -1;
	}
	alarm(0);
	if (keep)
		tuff_local_close(keep);
	fflush(NULL);
	exit(0);
}

/* 0, or 77 where the device is not there */
static int all_cases(const char *base, struct dirent **names, int n, enum test_device dev, struct progress *pr)
{
	for (pr->at = 0; pr->at < n; pr->at++) {
		const char *why;
		int status;
		pid_t pid;

		fflush(NULL);
		pid = fork();
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			why = test_device_use(dev);
			if (why) {
				printf("  skipped: %s\n", why);
				fflush(NULL);
				_exit(77);
			}
			run_cases(base, names, n, dev, pr);
		}
		if (pid < 0 || waitpid(pid, &status, 0) < 0)
			return -1;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
			return 77;
		if (pr->at >= n)
			/* a leak is found at exit */
			return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
		pr->result[pr->at] = FAIL;	/* it killed the process */
		printf("  %s: the process ended (%s %d)\n", names[pr->at]->d_name, WIFSIGNALED(status) ? "signal" : "status",
		       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
	return 0;
}

static int listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; (p = strstr(p, name)); p += n)
		if ((p == list || p[-1] == '\n') && (p[n] == '\n' || p[n] == ' '))
			return 1;
	return 0;
}

static char *slurp(const char *path)
{
	char *b = calloc(1 << 20, 1);
	FILE *f = fopen(path, "r");

	if (f && b)
		b[fread(b, 1, (1 << 20) - 1, f)] = 0;
	if (f)
		fclose(f);
	return b;
}

/* set: "" or "-next"; 0, 77, or failed */
static int all(const char *base, const char *set, enum test_device dev)
{
	static const char *const words[] = { "passed", "failed", "unsupported" };
	struct progress *pr = mmap(NULL, sizeof(*pr), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char cpu_path[256], own_path[256], *cpu_list, *own_list;
	int n, count[3] = { 0 }, ret, bad = 0;
	struct dirent **names;
	FILE *update = NULL;

	snprintf(cpu_path, sizeof(cpu_path), "tests/conformance/expected-failures%s.cpu.txt", set);
	snprintf(own_path, sizeof(own_path), "tests/conformance/expected-failures%s.%s.txt", set, test_device_name[dev]);
	cpu_list = slurp(cpu_path);
	own_list = slurp(own_path);
	n = scandir(base, &names, NULL, alphasort);
	if (pr == MAP_FAILED || n < 0 || n > (int)sizeof(pr->result) || !cpu_list || !own_list)
		return -1;
	ret = all_cases(base, names, n, dev, pr);
	if (!ret && getenv("TUFF_UPDATE"))
		update = fopen(own_path, "w");
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;
		int r = pr->result[i], own = listed(own_list, name), any = own || listed(cpu_list, name);

		if (!ret && r >= 0) {
			count[r]++;
			if (update && r && (dev == DEV_CPU || !listed(cpu_list, name)))
				fprintf(update, "%s %s\n", name, words[r]);
			if (!update && (r ? !any : own)) {
				printf("  %s on %s: %s, the list says otherwise\n", name, test_device_name[dev], words[r]);
				bad = 1;
			}
		}
	}
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	free(cpu_list);
	free(own_list);
	munmap(pr, sizeof(*pr));
	if (update)
		fclose(update);
	if (ret == 77)
		return 77;
	printf("%s: %d passed, %d failed, %d unsupported (%s)\n", test_device_name[dev], count[PASS], count[FAIL], count[UNSUPPORTED], base);
	return ret || bad || !count[PASS];
}

static void debian(enum test_device dev)
{
	int ret;

	if (access(DEBIAN, R_OK))
		SKIP("libonnx-testdata is not installed");
	ret = all(DEBIAN, "", dev);
	if (ret == 77) {
		skipped_ = 1;
		return;
	}
	CHECK_EQ(ret, 0);
}

static void next(enum test_device dev)
{
	const char *d = getenv("TUFF_TEST_DATA");
	char p[400];
	int ret;

	if (!d)
		SKIP("TUFF_TEST_DATA is not set");
	snprintf(p, sizeof(p), "%s/onnx-node-next", d);
	ret = all(p, "-next", dev);
	if (ret == 77) {
		skipped_ = 1;
		return;
	}
	CHECK_EQ(ret, 0);
}

TEST(onnx_1_12_nodes_cpu) { debian(DEV_CPU); }
TEST(onnx_1_12_nodes_lavapipe) { debian(DEV_LAVAPIPE); }
TEST(onnx_1_12_nodes_swiftshader) { debian(DEV_SWIFTSHADER); }
TEST(onnx_next_nodes_cpu) { next(DEV_CPU); }
TEST(onnx_next_nodes_lavapipe) { next(DEV_LAVAPIPE); }
TEST(onnx_next_nodes_swiftshader) { next(DEV_SWIFTSHADER); }
