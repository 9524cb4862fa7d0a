// SPDX-License-Identifier: MIT
/*
 * Runs cases in the form of ONNX's backend tests (model.onnx and
 * test_data_set_N/{input,output}_M.pb), each in a process of its own. A case
 * that does not pass must stand in expected-failures.cpu.txt; a case that
 * passes must not. TUFF_UPDATE=1 writes the list anew.
 */
#include <dirent.h>
#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

#include "onnx.pb-c.h"
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

static int run_case(const char *dir)
{
	struct tuff_tensor in[MAX_IO] = { 0 }, out[MAX_IO] = { 0 }, ref;
	struct tuff_session *s;
	struct tuff_error err;
	char path[600];
	int ret;

	snprintf(path, sizeof(path), "%s/model.onnx", dir);
	ret = tuff_session_create(path, "cpu", &s, &err);
	if (ret)
		return ret == -95 || ret == -11 ? UNSUPPORTED : FAIL;
	if (tuff_session_inputs(s) > MAX_IO || tuff_session_outputs(s) > MAX_IO)
		return UNSUPPORTED;
	for (uint32_t i = 0; i < tuff_session_inputs(s); i++) {
		Onnx__TensorProto *p = read_tensor(dir, "input", i);

		if (!p || !dense(p, &in[i]))
			return UNSUPPORTED;
	}
	ret = tuff_run(s, in, tuff_session_inputs(s), out, tuff_session_outputs(s), &err);
	if (ret)
		return ret == -95 ? UNSUPPORTED : FAIL;
	for (uint32_t i = 0; i < tuff_session_outputs(s); i++) {
		Onnx__TensorProto *p = read_tensor(dir, "output", i);

		if (!p || !dense(p, &ref) || !equal(&out[i], &ref))
			return FAIL;
	}
	return PASS;
}

static int forked(const char *dir)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		alarm(20);
		_exit(run_case(dir));
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return FAIL;
	return WIFEXITED(status) && WEXITSTATUS(status) <= UNSUPPORTED ? WEXITSTATUS(status) : FAIL;
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

static int all(const char *base, const char *list_path)
{
	static const char *const words[] = { "passed", "failed", "unsupported" };
	struct dirent **names;
	char *list = slurp(list_path);
	int n = scandir(base, &names, NULL, alphasort), count[3] = { 0 }, bad = 0;
	FILE *update = getenv("TUFF_UPDATE") ? fopen(list_path, "w") : NULL;

	if (n < 0 || !list) {
		free(list);
		return -1;
	}
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;
		char dir[512];
		int r;

		if (!strncmp(name, "test_", 5)) {
			snprintf(dir, sizeof(dir), "%s/%s", base, name);
			r = forked(dir);
			count[r]++;
			if (update && r)
				fprintf(update, "%s %s\n", name, words[r]);
			if (!update && (r == PASS) == listed(list, name)) {
				printf("  %s: %s, the list says otherwise\n", name, words[r]);
				bad = 1;
			}
		}
		free(names[i]);
	}
	free(names);
	free(list);
	if (update)
		fclose(update);
	printf("cpu: %d passed, %d failed, %d unsupported (%s)\n", count[PASS], count[FAIL], count[UNSUPPORTED], base);
	return bad || !count[PASS];
}

TEST(onnx_1_12_nodes_cpu)
{
	if (access(DEBIAN, R_OK))
		SKIP("libonnx-testdata is not installed");
	CHECK(!all(DEBIAN, "tests/conformance/expected-failures.cpu.txt"));
}

TEST(onnx_next_nodes_cpu)
{
	const char *d = getenv("TUFF_TEST_DATA");
	char p[400];

	if (!d)
		SKIP("TUFF_TEST_DATA is not set");
	snprintf(p, sizeof(p), "%s/onnx-node-next", d);
	CHECK(!all(p, "tests/conformance/expected-failures-next.cpu.txt"));
}
