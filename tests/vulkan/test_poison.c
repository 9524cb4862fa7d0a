// SPDX-License-Identifier: MIT
/*
 * A job that does not end in time, on a real driver: in one process nothing can
 * stop it. The device is poisoned: never destroyed, its memory stays while the
 * job goes on writing, and whoever asks is told so.
 */
#include <fcntl.h>
#include <unistd.h>

#include "tests/client.h"
#include "tests/devices.h"
#include "tests/harness.h"
#include "tests/vulkan/slow.h"

#define CHILD(cond) do { if (!(cond)) { \
	printf("  %s:%d: %s\n", __FILE__, __LINE__, #cond); fflush(stdout); _exit(1); } } while (0)

static int poison(const char *arg, enum test_device d)
{
	struct { struct tuff_cmd_dispatch d; struct tuff_cmd_bind b[2]; } p = {
		{ TUFF_CMD_DISPATCH, 18, 0, { 65535, 16, 1 }, 2 },
		{ { TUFF_SLOT_NONE, 0, 0, 0 }, { 0, 0, 0, 4096 } } };
	struct tuff_cmdbuf_slot decl = { 0, TUFF_SLOT_READ | TUFF_SLOT_WRITE, 4096 };
	struct tuff_ctx_set_param t = { 0, TUFF_CTX_TIMEOUT_MS, 200 };
	struct tuff_bo_create more = { .size = 4096 };
	struct tuff_ctx_get_state s = { 0 };
	struct tuff_query_stats st;
	struct tuff_dev_query q = { TUFF_QUERY_STATS, sizeof(st), PTR(&st) };
	struct tuff_job_slot slot;
	struct tuff_bo_close c = { 0 };
	struct tuff_file *f, *g;
	uint32_t ctx, so, bo, cb;
	volatile uint32_t *m;
	char err[256] = "";
	int error = 0, old = dup(2);

	(void)arg, (void)d;
	CHILD(!tuff_local_open(&tuff_be_vulkan, 0, &f, err, sizeof(err)));
	CHILD((ctx = new_ctx(f, 0)) && (so = new_so(f)));
	CHILD((bo = new_bo(f, 4096, TUFF_BO_MAPPABLE, TUFF_PLACE_SYSTEM)));
	CHILD((m = tuff_local_mmap(f, bo, NULL)));
	m[0] = 1;
	t.ctx_id = s.ctx_id = ctx;
	CHILD(!CALL(f, CTX_SET_PARAM, &t));
	CHILD(!new_kernel(f, slow_spv, sizeof(slow_spv), NULL, 0, TUFF_KERNEL_WAIT_READY, 1, 1,
			  &p.d.kernel_id, err, sizeof(err)));
	CHILD(!new_cmdbuf(f, &p, sizeof(p), &decl, 1, &cb, err, sizeof(err)));
	slot = (struct tuff_job_slot){ 0, bo, decl.flags, 0, 0, 4096 };
	/* the driver says it on standard error, once */
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
	for (uint64_t i = 1; i <= 3; i++)
		CHILD(!submit1(f, ctx, cb, &slot, 1, so, i, NULL));
	CHILD(!wait_so(f, so, 1, 20 * SEC, &error));
	dup2(old, 2);
	CHILD(error == -ETIME);
	CHILD(!wait_so(f, so, 3, SEC, &error));
	CHILD(error == -ECANCELED);
	CHILD(!CALL(f, CTX_GET_STATE, &s));
	CHILD(s.state == (TUFF_CTX_STATE_TIMEDOUT | TUFF_CTX_STATE_GUILTY | TUFF_CTX_STATE_FATAL));
	CHILD(!CALL(f, DEV_QUERY, &q));
	CHILD(st.dead == ETIME);
	CHILD(submit1(f, ctx, cb, &slot, 1, so, 4, NULL) == -EIO);
	CHILD(CALL(f, BO_CREATE, &more) == -EIO);
	CHILD(tuff_local_open(&tuff_be_vulkan, 0, &g, err, sizeof(err)) == -EIO);
	CHILD(strstr(err, "poisoned") && strstr(err, "end of this process"));
	/* the job still writes here, closed or not */
	c.handle = bo;
	CHILD(!CALL(f, BO_CLOSE, &c));
	m[1000] = 7;
	CHILD(m[1000] == 7);
	tuff_local_close(f);
	m[1001] = 8;
	CHILD(m[1001] == 8);
	fflush(stdout);
	_exit(0);	/* the job goes on in the driver's threads: no handlers */
}
TEST_DEVICE(poisoned_lavapipe, poison, "", DEV_LAVAPIPE)
TEST_DEVICE(poisoned_swiftshader, poison, "", DEV_SWIFTSHADER)
