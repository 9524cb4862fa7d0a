// SPDX-License-Identifier: MIT
/* Runs behind a fence: order, waiting, polling, file descriptors, cancelling, and what is refused. */
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>

#include "tests/session/session.h"

#define N 3
static struct text t;
static float px[N][2 * 192];

static int64_t in_ms(int64_t ms)
{
	return session_now() + ms * 1000000;
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

/* N bindings of one session, all in flight at once, in the session's memory or the caller's */
static int queue(const char *arg, enum test_device d)
{
	bool shared = *arg == 's';
	struct tuff_tensor want[N][2], in, got;
	struct tuff_binding *b[N];
	struct tuff_fence *f[N];
	struct tuff_session *s;

	network(&t, seeds_1, false);
	GIVES(open_text(&t, test_device_arg(d), NULL, &s), 0);
	for (int i = 0; i < N; i++) {
		OK(!reference(seeds_1, i ? 1 : 2, 7 + i, want[i]));
		in = image(px[i], i ? 1 : 2, 7 + i);
		GIVES(tuff_binding_create(s, &b[i], &err), 0);
		if (shared)
			in.data = memcpy(tuff_session_alloc(s, in.size), px[i], in.size);
		GIVES(tuff_bind_input(b[i], 0, &in, &err), 0);
		for (int k = 0; k < 2; k++)
			GIVES(tuff_bind_output(b[i], k, shared ? tuff_session_alloc(s, want[i][k].size) : malloc(want[i][k].size),
					       want[i][k].size, &err), 0);
	}
	for (int run = 0; run < 20; run++) {
		for (int i = 0; i < N; i++) {
			memset(b[i]->to[0].data, 0xff, b[i]->to[0].room);
			GIVES(tuff_run_async(b[i], &f[i], &err), 0);
		}
		/* the whole network is one job: no thread was needed */
		if (shared && s->dev)
			OK(!s->async.started);
		for (int i = run % 2 ? 0 : N - 1; i >= 0 && i < N; i += run % 2 ? 1 : -1) {
			int ret = -ETIME;

			while (run % 3 == 1 && ret == -ETIME)	/* polling */
				ret = tuff_fence_wait(f[i], 0, NULL);
			GIVES(tuff_fence_wait(f[i], run % 3 ? INT64_MAX : in_ms(60000), &err), 0);
			for (int k = 0; k < 2; k++) {
				GIVES(tuff_bound_output(b[i], k, &got), 0);
				OK(!same(&got, &want[i][k], 1e-4));
			}
		}
		/* a plain run in between, behind what is in flight */
		GIVES(tuff_run_async(b[0], &f[0], &err), 0);
		in = image(px[1], 1, 8);
		GIVES(tuff_run(s, &in, 1, (struct tuff_tensor [2]){ 0 }, 2, &err), 0);
		GIVES(tuff_fence_wait(f[0], 0, &err), 0);
	}
	for (int i = 0; i < N; i++) {
		for (int k = 0; k < 2 && !shared; k++)
			free(b[i]->to[k].data);
		free_outputs(want[i], 2);
	}
	close_session(s);
	return 0;
}
TEST_DEVICES(a_queue_in_the_callers_memory, queue, "caller")
TEST_DEVICES(a_queue_in_shared_memory, queue, "shared")

/* an eventfd for epoll: at the end of each run, whenever it was asked for */
static int descriptors(const char *arg, enum test_device d)
{
	bool shared = *arg == 's';
	struct tuff_tensor in = image(px[0], 2, 1);
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(EPOLL_CLOEXEC), fd;
	struct tuff_session *s;
	struct tuff_binding *b[2];
	struct tuff_fence *f, *late;

	network(&t, seeds_1, false);
	GIVES(open_text(&t, test_device_arg(d), NULL, &s), 0);
	if (shared)
		in.data = memcpy(tuff_session_alloc(s, in.size), px[0], in.size);
	for (int i = 0; i < 2; i++) {
		GIVES(tuff_binding_create(s, &b[i], &err), 0);
		GIVES(tuff_bind_input(b[i], 0, &in, &err), 0);
		if (!shared)	/* copied at the end: the worker's */
			GIVES(tuff_bind_output(b[i], 0, px[1 + i], 40, &err), 0);
	}
	GIVES(tuff_run_async(b[0], &f, &err), 0);
	fd = tuff_fence_fd(f);
	OK(fd >= 0 && tuff_fence_fd(f) == fd);
	OK(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	for (int run = 0; run < 10; run++) {
		GIVES(epoll_wait(ep, &e, 1, 20000), 1);
		GIVES(tuff_fence_wait(f, 0, &err), 0);
		OK(readable(fd));	/* until the next run */
		GIVES(tuff_run_async(b[0], &f, &err), 0);
	}
	GIVES(tuff_fence_wait(f, INT64_MAX, &err), 0);
	GIVES(epoll_wait(ep, &e, 1, 20000), 1);
	/* asked for when the run has ended */
	GIVES(tuff_run_async(b[1], &late, &err), 0);
	GIVES(tuff_fence_wait(late, INT64_MAX, &err), 0);
	OK(readable(tuff_fence_fd(late)));
	close(ep);
	close_session(s);
	return 0;
}
TEST_DEVICES(descriptors_of_copied_runs, descriptors, "caller")
TEST_DEVICES(descriptors_of_shared_runs, descriptors, "shared")

struct waiter {
	struct tuff_fence *f;
	int ret;
};

static void *wait_thread(void *arg)
{
	struct waiter *w = arg;

	w->ret = tuff_fence_wait(w->f, INT64_MAX, NULL);
	return NULL;
}

static bool runs(struct tuff_session *s, const struct tuff_binding *b)
{
	bool yes;

	pthread_mutex_lock(&s->async.lock);
	yes = s->async.running == b;
	pthread_mutex_unlock(&s->async.lock);
	return yes;
}

/* runs that take a while: deadlines, what is busy, cancelling, waiting elsewhere, the end */
static int slow(const char *arg, enum test_device d)
{
	static float x[384 * 1024];
	struct tuff_tensor in = { .dtype = TUFF_F32, .rank = 2, .dim = { 384, 1024 }, .data = x, .size = sizeof(x) }, got;
	struct tuff_session *s;
	struct tuff_binding *b[3];
	struct tuff_fence *f[3], *again;
	struct waiter w[2];
	pthread_t thread[2];
	uint64_t start;
	float *out;

	slow_network(&t, d == DEV_CPU ? 24 : d == DEV_LAVAPIPE ? 6 : 2);
	for (int i = 0; i < 384 * 1024; i++)
		x[i] = noise(1, i);
	GIVES(open_text(&t, test_device_arg(d), NULL, &s), 0);
	out = malloc(sizeof(x));
	for (int i = 0; i < 3; i++) {
		GIVES(tuff_binding_create(s, &b[i], &err), 0);
		GIVES(tuff_bind_input(b[i], 0, &in, &err), 0);
	}
	/* copied at the end, so that it is the worker's on every device */
	GIVES(tuff_bind_output(b[0], 0, out, sizeof(x), &err), 0);
	for (int i = 0; i < 3; i++)
		GIVES(tuff_run_async(b[i], &f[i], &err), 0);
	GIVES(tuff_fence_wait(f[0], 0, &err), -ETIME);
	GIVES(tuff_fence_wait(f[2], session_now() + 1000000, &err), -ETIME);
	OK(strstr(err.text, "has not ended"));
	GIVES(tuff_run_async(b[1], &again, &err), -EBUSY);
	OK(!again);
	GIVES(tuff_bind_input(b[2], 0, &in, &err), -EBUSY);
	GIVES(tuff_bind_output(b[2], 0, out, sizeof(x), &err), -EBUSY);
	GIVES(tuff_bound_output(b[0], 0, &got), -EBUSY);
	/* queued: at once, and the others go on */
	tuff_fence_cancel(f[1]);
	GIVES(tuff_fence_wait(f[1], 0, &err), -ECANCELED);
	OK(strstr(err.text, "cancelled"));
	for (int i = 0; i < 2; i++) {
		w[i] = (struct waiter){ f[2 * i], 1 };
		OK(!pthread_create(&thread[i], NULL, wait_thread, &w[i]));
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		GIVES(w[i].ret, 0);
	}
	GIVES(tuff_bound_output(b[0], 0, &got), 0);
	OK(got.data == out && got.size == sizeof(x));
	GIVES(tuff_bound_output(b[1], 0, &got), -ENODATA);
	/* after a cancelled run the binding runs again */
	GIVES(tuff_run_async(b[1], &f[1], &err), 0);
	GIVES(tuff_fence_wait(f[1], INT64_MAX, &err), 0);
	/* under way: stops at the next operator */
	if (d == DEV_CPU) {
		GIVES(tuff_run_async(b[0], &f[0], &err), 0);
		start = session_now();
		while (!runs(s, b[0]) && session_now() - start < 5000000000)
			usleep(100);
		tuff_fence_cancel(f[0]);
		GIVES(tuff_fence_wait(f[0], INT64_MAX, &err), -ECANCELED);
	}
	/* cancelling what has ended changes nothing */
	GIVES(tuff_run_bound(b[2], &err), 0);
	GIVES(tuff_run_async(b[2], &f[2], &err), 0);
	GIVES(tuff_fence_wait(f[2], INT64_MAX, &err), 0);
	tuff_fence_cancel(f[2]);
	GIVES(tuff_fence_wait(f[2], 0, &err), 0);
	/* a binding and a session end with their runs */
	for (int i = 0; i < 3; i++)
		GIVES(tuff_run_async(b[i], &f[i], &err), 0);
	tuff_binding_destroy(b[1]);
	close_session(s);
	free(out);
	return 0;
}
TEST_DEVICES(runs_that_take_a_while, slow, NULL)

/* what goes wrong with a run is the fence's to tell, whoever ran it */
static int failures(const char *arg, enum test_device d)
{
	struct tuff_tensor x = { .dtype = TUFF_F32, .rank = 1, .dim = { 4 }, .data = px[0], .size = 16 }, y = x, got;
	struct tuff_session *s;
	struct tuff_binding *b;
	struct tuff_fence *f;
	int fd;

	t.n = 0;
	line(&t, "opset 17\ninput x float32[N]\ninput y float32[N]\nnode Add x y -> z\noutput z\n");
	GIVES(open_text(&t, test_device_arg(d), NULL, &s), 0);
	GIVES(tuff_binding_create(s, &b, &err), 0);
	y.dim[0] = 3;
	y.size = 12;
	GIVES(tuff_bind_input(b, 0, &x, &err), 0);
	GIVES(tuff_run_async(b, &f, &err), 0);
	GIVES(tuff_fence_wait(f, INT64_MAX, &err), -EINVAL);
	OK(strstr(err.text, "'y' is not bound") && !strcmp(err.tensor, "y") && err.file[0]);
	fd = tuff_fence_fd(f);
	OK(readable(fd));
	GIVES(tuff_bind_input(b, 1, &y, &err), 0);
	GIVES(tuff_run_async(b, &f, &err), 0);
	GIVES(tuff_fence_wait(f, INT64_MAX, &err), -EINVAL);
	OK(strstr(err.text, "make N 4") && !strcmp(err.shape, "[3]") && readable(fd));
	GIVES(tuff_bound_output(b, 0, &got), -ENODATA);
	GIVES(tuff_bind_input(b, 1, &x, &err), 0);
	GIVES(tuff_run_async(b, &f, &err), 0);
	GIVES(tuff_fence_wait(f, INT64_MAX, &err), 0);
	OK(!err.code && !err.text[0]);
	close_session(s);
	return 0;
}
TEST_DEVICES(failures_are_the_fences, failures, NULL)

/* a child of fork() is told; what it destroys stays the parent's */
static int forked(const char *arg, enum test_device d)
{
	struct tuff_tensor in = image(px[0], 1, 1), out[2];
	struct tuff_session *s;
	struct tuff_binding *b, *other;
	struct tuff_fence *f;
	int status;
	pid_t pid;

	network(&t, seeds_1, false);
	GIVES(open_text(&t, test_device_arg(d), NULL, &s), 0);
	GIVES(tuff_binding_create(s, &b, &err), 0);
	GIVES(tuff_bind_input(b, 0, &in, &err), 0);
	GIVES(tuff_bind_output(b, 0, px[1], 20, &err), 0);
	GIVES(tuff_run_async(b, &f, &err), 0);	/* the worker is there, or was */
	GIVES(tuff_fence_wait(f, INT64_MAX, &err), 0);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		int bad = tuff_run(s, &in, 1, out, 2, &err) != -ECHILD || !strstr(err.text, "fork");

		bad |= tuff_run_bound(b, &err) != -ECHILD || tuff_run_async(b, &f, &err) != -ECHILD;
		bad |= tuff_binding_create(s, &other, &err) != -ECHILD || tuff_session_override(s, "b", NULL, &err) != -ECHILD;
		tuff_session_destroy(s);
		_exit(bad);
	}
	OK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status));
	GIVES(tuff_run_bound(b, &err), 0);
	close_session(s);
	return 0;
}
TEST_DEVICES(children_of_fork, forked, NULL)
