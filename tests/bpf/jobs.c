// SPDX-License-Identifier: MIT
/*
 * Known work for tests/bpf/test_bpftrace.sh: on the mock device three contexts
 * run 5, 17 and 40 jobs, a fourth runs one that hangs for a while, and 4 jobs of
 * a fifth wait for it and are killed. Exit 1 when the driver disagrees.
 */
#include <stdio.h>

#include "driver/mock/mock.h"
#include "tests/client.h"

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

int main(void)
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
	if (run_jobs(f, 5) || run_jobs(f, 17) || run_jobs(f, 40) || killed_jobs(f, m, 4)) {
		fprintf(stderr, "jobs: the driver did not do the work\n");
		ret = 1;
	}
	tuff_local_close(f);
	printf("jobs of contexts: 5 17 40 1 4, failed 4\n");
	return ret;
}
