// SPDX-License-Identifier: MIT
/* Sessions in several threads at once; runs also under ThreadSanitizer, on the CPU path. */
#include <pthread.h>

#include "tests/session/session.h"

#define THREADS 4
static struct text text;
static char model[] = "/tmp/tuff-session-XXXXXX";

struct job {
	int index;
	enum test_device d;
	int failed;
};

static int work(struct job *j)
{
	float *px = malloc(3 * 768);
	struct tuff_tensor want[2], out[2], in;
	struct tuff_error e;
	struct tuff_session_options o = { .size = sizeof(o), .threads = 1 + j->index % 2 };
	struct tuff_binding *b;
	struct tuff_fence *f;
	struct tuff_session *s;
	int bad = 0;

	o.device = test_device_arg(j->d);
	in = image(px, 1 + j->index % 3, 20 + j->index);
	if (tuff_session_create_with(model, &o, &s, &e))
		return 1;
	bad |= tuff_run(s, &in, 1, out, 2, &e);
	for (int i = 0; i < 2 && !bad; i++) {
		want[i] = out[i];
		want[i].data = memcpy(malloc(out[i].size), out[i].data, out[i].size);
	}
	bad = bad || tuff_binding_create(s, &b, &e) || tuff_bind_input(b, 0, &in, &e);
	for (int run = 0; run < 30 && !bad; run++) {
		if (run % 2) {
			bad |= tuff_run_async(b, &f, &e) || tuff_fence_wait(f, INT64_MAX, &e);
			for (int i = 0; i < 2 && !bad; i++)
				bad |= tuff_bound_output(b, i, &out[i]);
		} else {
			bad |= tuff_run(s, &in, 1, out, 2, &e);
		}
		for (int i = 0; i < 2 && !bad; i++)
			bad |= same(&out[i], &want[i], 1e-6);
	}
	if (bad)
		printf("  thread %d: %s\n", j->index, e.text);
	else
		free_outputs(want, 2);
	tuff_session_destroy(s);
	free(px);
	return bad;
}

static void *thread(void *arg)
{
	struct job *j = arg;

	j->failed = work(j);
	return NULL;
}

static int sessions(const char *arg, enum test_device d)
{
	struct job j[THREADS];
	pthread_t t[THREADS];
	int bad = 0;

	network(&text, seeds_1, false);
	OK(!write_model(model, &text));
	for (int i = 0; i < THREADS; i++) {
		j[i] = (struct job){ i, d, 1 };
		if (pthread_create(&t[i], NULL, thread, &j[i]))
			return 1;
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], NULL);
		bad |= j[i].failed;
	}
	unlink(model);
	return bad;
}
TEST_DEVICES(sessions_in_threads, sessions, NULL)
