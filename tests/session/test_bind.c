// SPDX-License-Identifier: MIT
/* Bindings: the caller's memory in and out, what is copied and what is not, what is refused. */
#include "tests/session/session.h"

#define BATCH 4

static struct text t;
static float px[2][BATCH * 192];

/* the same answer through memory of every kind */
static int kinds(const char *arg, enum test_device d)
{
	struct tuff_tensor want[2], got, in;
	struct tuff_session *s;
	struct tuff_binding *b;
	float *y, *r, *mem[3];

	OK(!reference(seeds_1, BATCH, 7, want));
	network(&t, seeds_1, false);
	GIVES(open_text(&t, test_device_arg(d), NULL, &s), 0);
	GIVES(tuff_binding_create(s, &b, &err), 0);
	GIVES(tuff_bound_output(b, 0, &got), -ENODATA);
	in = image(px[0], BATCH, 7);
	GIVES(tuff_bind_input(b, tuff_session_find_input(s, "x"), &in, &err), 0);
	/* the session's own memory */
	GIVES(tuff_run_bound(b, &err), 0);
	for (int i = 0; i < 2; i++) {
		GIVES(tuff_bound_output(b, i, &got), 0);
		OK(!same(&got, &want[i], 1e-4));
	}
	/* the caller's; one of the two, odd addresses */
	y = malloc(want[0].size + 4);
	r = malloc(want[1].size + 16);
	GIVES(tuff_bind_output(b, tuff_session_find_output(s, "y"), y, want[0].size + 4, &err), 0);
	GIVES(tuff_bind_output(b, 1, (char *)r + 1, want[1].size, &err), 0);
	y[want[0].size / 4] = 77;
	GIVES(tuff_run_bound(b, &err), 0);
	GIVES(tuff_bound_output(b, 0, &got), 0);
	OK(got.data == y && got.size == want[0].size && !same(&got, &want[0], 1e-4));
	OK(y[want[0].size / 4] == 77);
	GIVES(tuff_bound_output(b, 1, &got), 0);
	OK(got.data == (char *)r + 1);
	memmove(r, (char *)r + 1, want[1].size);
	got.data = r;
	OK(!same(&got, &want[1], 1e-4));
	/* memory that device and caller reach; twice from other places */
	for (int k = 0; k < 2; k++) {
		mem[0] = tuff_session_alloc(s, in.size + 256);
		mem[1] = tuff_session_alloc(s, want[0].size);
		mem[2] = tuff_session_alloc(s, want[1].size);
		OK(mem[0] && mem[1] && mem[2]);
		in.data = memcpy(mem[0] + k * 64, px[0], in.size);
		GIVES(tuff_bind_input(b, 0, &in, &err), 0);
		GIVES(tuff_bind_output(b, 0, mem[1], want[0].size, &err), 0);
		GIVES(tuff_bind_output(b, 1, mem[2], want[1].size, &err), 0);
		GIVES(tuff_run_bound(b, &err), 0);
		for (int i = 0; i < 2; i++) {
			GIVES(tuff_bound_output(b, i, &got), 0);
			OK(got.data == mem[1 + i] && !same(&got, &want[i], 1e-4));
			OK(binding_direct(s, s->last, b, i, got.size));
		}
		/* the plan looks at the caller's memory itself */
		OK(s->last->data[s->p->tensors[s->p->inputs[0].tensor].buffer] == in.data);
		OK(s->last->data[s->p->tensors[s->p->outputs[0].tensor].buffer] == mem[1]);
	}
	/* what was freed is bound no more */
	tuff_session_free(s, mem[1]);
	GIVES(tuff_run_bound(b, &err), 0);
	GIVES(tuff_bound_output(b, 0, &got), 0);
	OK(got.data != mem[1] && !same(&got, &want[0], 1e-4));
	tuff_session_free(s, mem[0]);
	GIVES(tuff_run_bound(b, &err), -EINVAL);
	OK(strstr(err.text, "'x' is not bound") && !strcmp(err.tensor, "x"));
	tuff_session_free(s, NULL);
	tuff_binding_destroy(b);
	tuff_binding_destroy(NULL);
	close_session(s);
	free_outputs(want, 2);
	free(y);
	free(r);
	return 0;
}
TEST_DEVICES(memory_of_every_kind, kinds, NULL)

/* an output over an input: the input is read to its end first */
static int overlapping(const char *arg, enum test_device d)
{
	struct tuff_session *s;
	struct tuff_binding *b;
	struct tuff_tensor in = { .dtype = TUFF_F32, .rank = 2, .dim = { 64, 64 }, .size = 64 * 64 * 4 };
	float *x, want[64];

	t.n = 0;
	/* reversed by a product: row 0 needs row 63 */
	line(&t, "opset 17\ninput x float32[64,64]\nnode Transpose x -> y perm=[1,0]\nnode Relu y -> z\noutput z\n");
	GIVES(open_text(&t, test_device_arg(d), NULL, &s), 0);
	GIVES(tuff_binding_create(s, &b, &err), 0);
	in.data = x = tuff_session_alloc(s, in.size);
	for (int run = 0; run < 2; run++) {
		for (int i = 0; i < 64 * 64; i++)
			x[i] = i;
		for (int i = 0; i < 64; i++)
			want[i] = i * 64;
		GIVES(tuff_bind_input(b, 0, &in, &err), 0);
		GIVES(tuff_bind_output(b, 0, x, in.size, &err), 0);
		GIVES(tuff_run_bound(b, &err), 0);
		OK(!memcmp(x, want, sizeof(want)));
	}
	close_session(s);
	return 0;
}
TEST_DEVICES(output_over_input, overlapping, NULL)

/* outputs that are inputs, constants, or one another are copied */
static int aliases(const char *arg, enum test_device d)
{
	struct tuff_session *s;
	struct tuff_binding *b;
	struct tuff_tensor in = { .dtype = TUFF_F32, .rank = 2, .dim = { 2, 3 }, .size = 24 }, got;
	float x[6] = { 1, -2, 3, -4, 5, -6 }, out[4][6], relu[6] = { 1, 0, 3, 0, 5, 0 }, w[6] = { 7, 8, 9, 10, 11, 12 };

	t.n = 0;
	line(&t, "opset 17\ninput x float32[2,3]\nconst w float32[2,3] 7 8 9 10 11 12\nnode Identity x -> same\nnode Relu x -> r\n"
		 "node Identity r -> r2\noutput same\noutput w\noutput r\noutput r2\n");
	GIVES(open_text(&t, test_device_arg(d), NULL, &s), 0);
	GIVES(tuff_binding_create(s, &b, &err), 0);
	in.data = x;
	GIVES(tuff_bind_input(b, 0, &in, &err), 0);
	for (int i = 0; i < 4; i++)
		GIVES(tuff_bind_output(b, i, out[i], sizeof(out[i]), &err), 0);
	GIVES(tuff_run_bound(b, &err), 0);
	for (int i = 0; i < 4; i++) {
		GIVES(tuff_bound_output(b, i, &got), 0);
		OK(got.data == out[i] && got.size == 24);
	}
	OK(!memcmp(out[0], x, 24) && !memcmp(out[1], w, 24) && !memcmp(out[2], relu, 24) && !memcmp(out[3], relu, 24));
	close_session(s);
	return 0;
}
TEST_DEVICES(outputs_that_are_copies, aliases, NULL)

/* the model's halves; the CPU path has float32 inside */
static int halves(const char *arg, enum test_device d)
{
	struct tuff_session *s;
	struct tuff_binding *b;
	uint16_t x[4] = { 0x3c00, 0xc000, 0x3800, 0x0000 }, y[5] = { 0, 0, 0, 0, 0x1234 }, want[4] = { 0x4000, 0xbc00, 0x3e00, 0x3c00 };
	struct tuff_tensor in = { .dtype = TUFF_F16, .rank = 1, .dim = { 4 }, .data = x, .size = 8 };

	t.n = 0;
	line(&t, "opset 17\ninput x float16[N]\nconst one float16[1] 15360\nnode Add x one -> y\noutput y\n");
	GIVES(open_text(&t, test_device_arg(d), NULL, &s), 0);
	GIVES(tuff_binding_create(s, &b, &err), 0);
	GIVES(tuff_bind_input(b, 0, &in, &err), 0);
	GIVES(tuff_bind_output(b, 0, y, 7, &err), 0);
	GIVES(tuff_run_bound(b, &err), -ENOSPC);
	GIVES(tuff_bind_output(b, 0, y, 8, &err), 0);
	GIVES(tuff_run_bound(b, &err), 0);
	OK(!memcmp(y, want, 8) && y[4] == 0x1234);
	close_session(s);
	return 0;
}
TEST_DEVICES(halves_are_converted, halves, NULL)

static int refusals(const char *arg, enum test_device d)
{
	struct tuff_session *s;
	struct tuff_binding *b;
	struct tuff_tensor in = image(px[0], 2, 1), bad;
	static float y[64], r[2 * 512];

	network(&t, seeds_1, false);
	GIVES(open_text(&t, test_device_arg(d), NULL, &s), 0);
	GIVES(tuff_session_find_input(s, "y"), -ENOENT);
	GIVES(tuff_session_find_output(s, "x"), -ENOENT);
	GIVES(tuff_session_find_output(s, "r"), 1);
	GIVES(tuff_binding_create(s, &b, &err), 0);
	GIVES(tuff_run_bound(b, &err), -EINVAL);
	GIVES(tuff_bind_input(b, 1, &in, &err), -EINVAL);
	OK(strstr(err.text, "input 1") && strstr(err.file, "tuff-session"));
	GIVES(tuff_bind_output(b, 2, y, sizeof(y), &err), -EINVAL);
	bad = in;
	bad.dtype = TUFF_I32;
	GIVES(tuff_bind_input(b, 0, &bad, &err), -EINVAL);
	OK(strstr(err.text, "int32") && !strcmp(err.tensor, "x") && !strcmp(err.shape, "[2,3,8,8]"));
	bad = in;
	bad.rank = 3;
	GIVES(tuff_bind_input(b, 0, &bad, &err), -EINVAL);
	OK(!strcmp(err.shape, "[2,3,8]"));
	bad.rank = 4000;
	GIVES(tuff_bind_input(b, 0, &bad, &err), -EINVAL);
	bad = in;
	bad.dim[1] = 4;
	GIVES(tuff_bind_input(b, 0, &bad, &err), -EINVAL);
	OK(strstr(err.text, "dimension 1") && !strcmp(err.shape, "[2,4,8,8]"));
	bad = in;
	bad.dim[0] = -1;
	GIVES(tuff_bind_input(b, 0, &bad, &err), -EINVAL);
	bad.dim[0] = INT64_MAX / 2;
	GIVES(tuff_bind_input(b, 0, &bad, &err), -EINVAL);
	bad = in;
	bad.size--;
	GIVES(tuff_bind_input(b, 0, &bad, &err), -EINVAL);
	bad = in;
	bad.data = NULL;
	GIVES(tuff_bind_input(b, 0, &bad, NULL), -EINVAL);
	GIVES(tuff_bind_input(b, 0, &in, &err), 0);
	GIVES(tuff_bind_output(b, 0, y, 39, &err), 0);
	GIVES(tuff_run_bound(b, &err), -ENOSPC);
	OK(!strcmp(err.tensor, "y") && !strcmp(err.shape, "[2,5]") && strstr(err.text, "40 bytes, 39 are bound"));
	GIVES(tuff_bound_output(b, 0, &bad), -ENODATA);
	GIVES(tuff_bound_output(b, 2, &bad), -EINVAL);
	GIVES(tuff_bind_output(b, 1, (char *)y + 38, 100, &err), -EINVAL);
	OK(strstr(err.text, "'r' is bound to memory of output 'y'") && !strcmp(err.tensor, "r"));
	GIVES(tuff_bind_output(b, 0, y, 40, &err), 0);
	GIVES(tuff_bind_output(b, 1, r, sizeof(r), &err), 0);
	GIVES(tuff_run_bound(b, &err), 0);
	/* no elements at all */
	bad = in;
	bad.dim[0] = 0;
	bad.size = 0;
	bad.data = NULL;
	GIVES(tuff_bind_input(b, 0, &bad, &err), 0);
	GIVES(tuff_run_bound(b, &err), 0);
	GIVES(tuff_bound_output(b, 0, &bad), 0);
	OK(bad.size == 0 && bad.dim[0] == 0 && bad.data == y);
	close_session(s);	/* with its binding */
	return 0;
}
TEST_DEVICES(what_is_refused, refusals, NULL)

/* more inputs and outputs than a job has slots */
static int many(const char *arg, enum test_device d)
{
	enum { N = 70 };
	static float x[N], y[N];
	struct tuff_session *s;
	struct tuff_binding *b;

	t.n = 0;
	line(&t, "opset 17\n");
	for (int i = 0; i < N; i++)
		line(&t, "input x%d float32[1]\n", i);
	for (int i = 0; i < N; i++)
		line(&t, "node Add x%d x%d -> y%d\noutput y%d\n", i, (i + 1) % N, i, i);
	GIVES(open_text(&t, test_device_arg(d), NULL, &s), 0);
	GIVES(tuff_session_inputs(s), N);
	GIVES(tuff_binding_create(s, &b, &err), 0);
	for (int i = 0; i < N; i++) {
		float *mem = tuff_session_alloc(s, 4);
		struct tuff_tensor in = { .dtype = TUFF_F32, .rank = 1, .dim = { 1 }, .data = i % 2 ? (void *)mem : &x[i], .size = 4 };

		x[i] = *mem = i * i;
		GIVES(tuff_bind_input(b, i, &in, &err), 0);
		GIVES(tuff_bind_output(b, i, &y[i], 4, &err), 0);
	}
	for (int run = 0; run < 2; run++) {
		GIVES(tuff_run_bound(b, &err), 0);
		for (int i = 0; i < N; i++)
			OK(y[i] == i * i + ((i + 1) % N) * ((i + 1) % N));
	}
	close_session(s);
	return 0;
}
TEST_DEVICES(more_than_there_are_slots, many, NULL)

/* ---- what a seen run may do ---- */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTS_MALLOC 1
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
static int allocations;
void *malloc(size_t n) { __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED); return __libc_malloc(n); }
void *calloc(size_t k, size_t n) { __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED); return __libc_calloc(k, n); }
void *realloc(void *p, size_t n) { __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED); return __libc_realloc(p, n); }
void *aligned_alloc(size_t a, size_t n) { __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED); return __libc_memalign(a, n); }
#else
#define COUNTS_MALLOC 0
static int allocations;
#endif

/* two bindings, one in shared memory and one in the caller's, in turns, also behind fences */
static int counted(const char *arg, enum test_device d)
{
	struct tuff_be_counters before = { 0 }, after = { 0 };
	struct tuff_binding *b[2];
	struct tuff_tensor in[2];
	/* one thread: a helper of the pool makes its scratch memory when it first gets a chunk, which may be late */
	struct tuff_session_options o = { .size = sizeof(o), .threads = 1 };
	struct tuff_session *s;
	static float out[BATCH * 5];
	float *mem[3];
	int allocs = 0;

	network(&t, seeds_1, false);
	GIVES(open_text(&t, test_device_arg(d), &o, &s), 0);
	mem[0] = tuff_session_alloc(s, sizeof(px[0]));
	mem[1] = tuff_session_alloc(s, sizeof(out));
	mem[2] = tuff_session_alloc(s, BATCH * 512 * 4);
	for (int i = 0; i < 2; i++) {
		in[i] = image(px[i], BATCH, i);
		if (!i)
			in[i].data = memcpy(mem[0], px[0], in[i].size);
		GIVES(tuff_binding_create(s, &b[i], &err), 0);
		GIVES(tuff_bind_input(b[i], 0, &in[i], &err), 0);
		GIVES(tuff_bind_output(b[i], 0, i ? out : mem[1], sizeof(out), &err), 0);
	}
	GIVES(tuff_bind_output(b[0], 1, mem[2], BATCH * 512 * 4, &err), 0);
	for (int run = 0; run < 24; run++) {
		struct tuff_fence *f[2];

		if (run == 4) {	/* all was seen, in both ways */
			allocs = allocations;
			if (s->dev)
				tuff_local_counters(s->dev->file, &before);
		}
		for (int i = 0; i < 2 && run % 2; i++)
			GIVES(tuff_run_async(b[i], &f[i], &err), 0);
		for (int i = 0; i < 2; i++)
			GIVES(run % 2 ? tuff_fence_wait(f[i], INT64_MAX, &err) : tuff_run_bound(b[i], &err), 0);
	}
	OK(!COUNTS_MALLOC || allocs > 0);
	if (COUNTS_MALLOC && !s->dev)
		GIVES(allocations - allocs, 0);
	if (s->dev) {
		tuff_local_counters(s->dev->file, &after);
		GIVES(after.submits - before.submits, 40);
		GIVES(after.allocs - before.allocs, 0);
		GIVES(after.imports - before.imports, 0);
		GIVES(after.pipelines - before.pipelines, 0);
		GIVES(after.records - before.records, 0);
	}
	close_session(s);
	return 0;
}
TEST_DEVICES(seen_bindings_allocate_record_and_compile_nothing, counted, NULL)
