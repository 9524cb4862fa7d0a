/* SPDX-License-Identifier: MIT */
/* A small piece of work for tests on the mock: copies and fills, checked byte by byte. */
#ifndef TUFF_TESTS_DRIVER_RUN_H
#define TUFF_TESTS_DRIVER_RUN_H

#include "driver/mock/mock.h"
#include "tests/client.h"

static struct tuff_mock *m;
static __thread char err[256];

static inline struct tuff_file *open_file(void)
{
	struct tuff_file *f = NULL;

	if (tuff_local_open(&tuff_be_mock, 0, &f, err, sizeof(err)))
		return NULL;
	return f;
}

/* Copies slot 0 to slot 1, adding a fill behind it. */
static inline int make_copy(struct tuff_file *f, uint32_t *cb)
{
	struct {
		struct tuff_cmd_copy c;
		struct tuff_cmd_fill f;
	} p = { { TUFF_CMD_COPY, 10, 0, 1, 0, 0, 0, 1024 },
		{ TUFF_CMD_FILL, 8, 1, 0x55aa, 0, 1024, 1024 } };
	struct tuff_cmdbuf_slot s[2] = { { 0, TUFF_SLOT_READ, 4096 }, { 1, TUFF_SLOT_WRITE, 4096 } };

	return new_cmdbuf(f, &p, sizeof(p), s, 2, cb, err, sizeof(err));
}

struct run {
	uint32_t ctx, so, in, out, cb;
	uint64_t point;
	char *pin, *pout;
};

static inline int run_init(struct tuff_file *f, struct run *r, uint32_t flags)
{
	memset(r, 0, sizeof(*r));
	r->ctx = new_ctx(f, 0);
	r->so = new_so(f);
	r->in = new_bo(f, 4096, TUFF_BO_MAPPABLE | flags, TUFF_PLACE_SYSTEM);
	r->out = new_bo(f, 8192, TUFF_BO_MAPPABLE | flags, TUFF_PLACE_SYSTEM);
	r->pin = tuff_local_mmap(f, r->in, NULL);
	r->pout = tuff_local_mmap(f, r->out, NULL);
	return !r->ctx || !r->so || !r->pin || !r->pout ? -ENOMEM : make_copy(f, &r->cb);
}

static inline int run_submit(struct tuff_file *f, struct run *r)
{
	struct tuff_job_slot s[2] = { { 0, r->in, TUFF_SLOT_READ, 0, 0, 4096 },
				      { 1, r->out, TUFF_SLOT_WRITE, 0, 4096, 4096 } };

	return submit1(f, r->ctx, r->cb, s, 2, r->so, ++r->point, NULL);
}

static inline int run_once(struct tuff_file *f, struct run *r)
{
	uint32_t word = 0x55aa;
	int error = 0, ret;

	memset(r->pin, (int)r->point + 1, 4096);
	memset(r->pout, 0, 8192);
	r->pout[4096 + 3000] = 77;	/* not touched: must survive a staging copy */
	ret = run_submit(f, r);
	if (!ret)
		ret = wait_so(f, r->so, r->point, 10 * SEC, &error);
	if (ret || error)
		return ret ? ret : error;
	if (memcmp(r->pin, r->pout + 4096, 1024) || memcmp(r->pout + 4096 + 1024, &word, 4) ||
	    r->pout[4096 + 3000] != 77 || r->pout[4095])
		return -EBADMSG;
	return 0;
}

static inline int get_state(struct tuff_file *f, uint32_t ctx, struct tuff_ctx_get_state *s)
{
	*s = (struct tuff_ctx_get_state){ .ctx_id = ctx };
	return CALL(f, CTX_GET_STATE, s);
}
#endif
