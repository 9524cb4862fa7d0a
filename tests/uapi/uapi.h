/* SPDX-License-Identifier: MIT */
/* Tests of ioctls in IGT's manner: what each does, then one subtest per check. */
#ifndef TUFF_TESTS_UAPI_H
#define TUFF_TESTS_UAPI_H

#include "driver/mock/mock.h"
#include "tests/client.h"
#include "tests/harness.h"
#include "tests/vulkan/add.h"

static struct tuff_mock *m;

static struct tuff_file *open_mock(void)
{
	struct tuff_file *f = NULL;
	char err[128];

	m = tuff_mock_reset();
	if (tuff_local_open(&tuff_be_mock, 0, &f, err, sizeof(err)))
		printf("  %s\n", err);
	return f;
}

/* Body of a test with a fresh device; leaks nothing. */
#define MOCK_TEST(name) \
	static void name##_body(struct tuff_file *f); \
	TEST(name) \
	{ \
		struct tuff_file *f = open_mock(); \
		CHECK(f); \
		name##_body(f); \
		tuff_local_close(f); \
		if (!failed_) \
			CHECK_EQ(tuff_mock_objects(), 0); \
	} \
	static void name##_body(struct tuff_file *f)
/* One wrong field in an otherwise good argument. */
#define BAD(name, NAME, type, good, change, ret) \
	MOCK_TEST(name) \
	{ \
		struct type a = good(f); \
		change; \
		CHECK_EQ(CALL(f, NAME, &a), ret); \
	}

static const struct tuff_cmd_fill fill4k = { TUFF_CMD_FILL, 8, 0, 7, 0, 0, 4096 };
static const struct tuff_cmdbuf_slot slot_w[2] = { { 0, TUFF_SLOT_WRITE, 4096 },
						   { 1, TUFF_SLOT_READ, 4096 } };

static inline struct tuff_cmdbuf_create good_cmdbuf(struct tuff_file *f)
{
	(void)f;
	return (struct tuff_cmdbuf_create){ .stream = PTR(&fill4k), .stream_size = sizeof(fill4k),
					    .slots = ARRAY(slot_w, 1) };
}

/* A job that fills half of a buffer object and signals a syncobj. */
struct sub {
	struct tuff_submit a;
	struct tuff_job j;
	struct tuff_job_slot s;
	struct tuff_sync_op y;
	uint32_t cb, bo, so;
};

static inline void good_submit(struct tuff_file *f, struct sub *s)
{
	struct tuff_cmdbuf_create c = good_cmdbuf(f);

	memset(s, 0, sizeof(*s));
	CALL(f, CMDBUF_CREATE, &c);
	s->cb = c.cmdbuf_id;
	s->bo = new_bo(f, 8192, TUFF_BO_MAPPABLE, 0);
	s->so = new_so(f);
	s->s = (struct tuff_job_slot){ 0, s->bo, TUFF_SLOT_WRITE, 0, 4096, 4096 };
	s->y = (struct tuff_sync_op){ TUFF_SYNC_SIGNAL, s->so, 0 };
	s->j = (struct tuff_job){ .cmdbufs = ARRAY(&s->cb, 1), .slots = ARRAY(&s->s, 1),
				  .syncs = ARRAY(&s->y, 1) };
	s->a = (struct tuff_submit){ .ctx_id = new_ctx(f, 0), .jobs = ARRAY(&s->j, 1) };
}
#endif
