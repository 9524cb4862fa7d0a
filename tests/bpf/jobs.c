// SPDX-License-Identifier: MIT
/*
 * Known work for tests/bpf/test_bpftrace.sh: on the mock device three contexts
 * run 5, 17 and 40 jobs, a fourth runs one that hangs for a while, and 4 jobs of
 * a fifth wait for it and are killed. With an argument instead: 3 buffer objects
 * of 64 KiB in all, one of which is mapped twice and closed, 2 kernels, 3
 * contexts, a job that never ends. Exit 1 when the driver disagrees.
 */
#include <stdio.h>
#include <unistd.h>

#include "driver/mock/mock.h"
#include "tests/client.h"
#include "tests/vulkan/add.h"

static int run_jobs(struct tuff_file *f, uint32_t n)
{
	uint32_t ctx = new_ctx(f, 0), so = new_so(f);
	uint64_t first = 0;

	if (!ctx || !so)
		return -1;
	for (uint32_t i = 1; i <= n; i++)
		if (submit1(f, ctx, 0, NULL, 0, so, i, &first))
			return -1;
	return wait_so(f, so, n, 10 * SEC, NULL);
}

/* n jobs behind one that hangs, killed with their context before it goes on */
static int killed_jobs(struct tuff_file *f, struct tuff_mock *m, uint32_t n)
{
	uint32_t slow = new_ctx(f, 0), ctx = new_ctx(f, 0), gate = new_so(f), so = new_so(f);
	struct tuff_ctx_destroy end = { .ctx_id = ctx };
	int error = 0;

	tuff_mock_lock();
	m->hang = true;
	tuff_mock_unlock();
	if (submit1(f, slow, 0, NULL, 0, gate, 1, NULL))
		return -1;
	for (uint32_t i = 1; i <= n; i++) {
		struct tuff_sync_op s[2] = { { TUFF_SYNC_TIMELINE, gate, 1 },
					     { TUFF_SYNC_SIGNAL | TUFF_SYNC_TIMELINE, so, i } };
		struct tuff_job j = { .syncs = ARRAY(s, 2) };
		struct tuff_submit a = { .ctx_id = ctx, .jobs = ARRAY(&j, 1) };

		if (CALL(f, SUBMIT, &a))
			return -1;
	}
	if (CALL(f, CTX_DESTROY, &end))
		return -1;
	tuff_mock_lock();
	m->hang = false;
	tuff_mock_unlock();
	return wait_so(f, so, n, 10 * SEC, &error) || !error;
}

static int objects(struct tuff_file *f)
{
	struct tuff_bo_close c = { 0 };
	char err[128];
	uint32_t k;

	if (!new_bo(f, 8192, 0, 0) || !new_bo(f, 40000, 0, 0))	/* 40960 */
		return -1;
	c.handle = new_bo(f, 16384, TUFF_BO_MAPPABLE, 0);
	if (!tuff_local_mmap(f, c.handle, NULL) || !tuff_local_mmap(f, c.handle, NULL) ||
	    CALL(f, BO_CLOSE, &c))
		return -1;
	for (int i = 0; i < 2; i++)
		if (new_kernel(f, add_spv, sizeof(add_spv), NULL, 0, TUFF_KERNEL_UNIFORM |
			       TUFF_KERNEL_WAIT_READY, 3, 2, &k, err, sizeof(err)))
			return -1;
	return 0;
}

/* the client of a file of its own; the device is lost with it */
static int timeout(struct tuff_file *f, struct tuff_mock *m)
{
	uint32_t ctx = new_ctx(f, 0), so = new_so(f);
	struct tuff_ctx_get_state s = { .ctx_id = ctx };
	int error = 0;

	tuff_mock_lock();
	m->hang = true;
	tuff_mock_unlock();
	if (submit1(f, ctx, 0, NULL, 0, so, 0, NULL))
		return -1;
	tuff_mock_advance(31 * SEC);
	return CALL(f, CTX_GET_STATE, &s) || wait_so(f, so, 0, SEC, &error) || error != -ETIME;
}

int main(int argc, char **argv)
{
	struct tuff_mock *m = tuff_mock_reset();
	struct tuff_file *f;
	char err[256] = "";
	int ret;

	m->self_advance = true;
	ret = tuff_local_open(&tuff_be_mock, 0, &f, err, sizeof(err));
	if (ret) {
		fprintf(stderr, "jobs: %s\n", err);
		return 1;
	}
	if (argc > 1 && (objects(f) || new_ctx(f, 0) != 1 || new_ctx(f, 0) != 2 || timeout(f, m))) {
		fprintf(stderr, "jobs: the driver did not make the objects\n");
		ret = 1;
	} else if (argc > 1) {
		printf("49152 bytes of 65536 are left\n");
	} else if (run_jobs(f, 5) || run_jobs(f, 17) || run_jobs(f, 40) || killed_jobs(f, m, 4)) {
		fprintf(stderr, "jobs: the driver did not do the work\n");
		ret = 1;
	}
	fflush(stdout);
	if (argc > 1)
		_exit(ret);	/* closing it would bring the live bytes to 0 */
	tuff_local_close(f);
	printf("jobs of contexts: 5 17 40 1 4, failed 4\n");
	return ret;
}
