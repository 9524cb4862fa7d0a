// SPDX-License-Identifier: MIT
/*
 * An executor that lies: it sits between the true one and the broker, and may
 * change, drop, repeat or invent answers. The broker must stay whole, account
 * for every job and give the client an error.
 */
#include "driver/broker.h"
#include "driver/executor/exec.h"
#include "tests/driver/run.h"
#include "tests/harness.h"
#include "tests/vulkan/add.h"

/* What becomes of the answers of one type. */
static struct lie {
	uint32_t type;
	bool drop, once;
	int error;
	bool change_value;
	uint64_t value;
	bool change_payload;
	const void *payload;
	uint32_t size;
} lie;

static void liar(void *dev, const struct tuff_reply *r, const void *payload)
{
	struct tuff_reply w = *r;

	if (w.type == lie.type) {
		if (lie.drop)
			return;
		if (lie.error)
			w.error = lie.error;
		if (lie.change_value)
			w.value = lie.value;
		if (lie.change_payload) {
			w.size = lie.size;
			payload = lie.payload;
		}
		if (lie.once)
			lie.type = 0;
	}
	tuff_reply_push(dev, &w, payload);
}

static struct tuff_file *open_liar(void)
{
	struct tuff_file *f;

	memset(&lie, 0, sizeof(lie));
	m = tuff_mock_reset();
	f = open_file();
	if (f)
		f->dev->exec->reply = liar;
	return f;
}

static int stats(struct tuff_file *f, struct tuff_query_stats *st)
{
	struct tuff_dev_query q = { TUFF_QUERY_STATS, sizeof(*st), PTR(st) };

	return CALL(f, DEV_QUERY, &q);
}

/* Nothing is queued, nothing runs, and the truth works again. */
#define CHECK_WHOLE(f, r) do { \
	struct tuff_query_stats st_; \
	memset(&lie, 0, sizeof(lie)); \
	CHECK_EQ(stats(f, &st_), 0); \
	CHECK_EQ(st_.jobs_queued, 0); \
	CHECK_EQ(st_.jobs_running, 0); \
	CHECK_EQ(st_.dead, 0); \
	CHECK_EQ(run_once(f, r), 0); \
	tuff_local_close(f); \
	CHECK_EQ(tuff_mock_objects(), 0); } while (0)

TEST(answers_that_nobody_asked_for)
{
	struct tuff_reply r = { 0 };
	struct tuff_query_stats st;
	struct tuff_file *f = open_liar();
	char junk[64] = "";
	struct run w;
	int error = 0;

	m->self_advance = false;
	CHECK_EQ(run_init(f, &w, 0), 0);
	CHECK_EQ(run_submit(f, &w), 0);
	for (uint64_t c = 0; c < 300; c++) {
		r.cookie = c << 18;
		r.type = (uint32_t)(c % 12);
		r.error = c & 1 ? 0 : -EIO;
		r.size = sizeof(junk);
		tuff_reply_push(f->dev, &r, junk);
	}
	CHECK_EQ(stats(f, &st), 0);
	CHECK_EQ(st.jobs_running, 1);
	CHECK_EQ(st.dead, 0);
	/* the right cookie under another type, then twice, with an error that is none */
	r = (struct tuff_reply){ .cookie = to_tuff_kjob(list_first(&f->dev->sched.pending,
				 struct tuff_sched_job, node))->pend.cookie, .type = TUFF_MSG_INFO };
	tuff_reply_push(f->dev, &r, NULL);
	CHECK_EQ(stats(f, &st), 0);
	CHECK_EQ(st.jobs_running, 1);
	r.type = TUFF_MSG_RUN;
	r.error = 12345;
	tuff_reply_push(f->dev, &r, NULL);
	tuff_reply_push(f->dev, &r, NULL);
	CHECK_EQ(wait_so(f, w.so, 1, SEC, &error), 0);
	CHECK_EQ(error, -EPROTO);
	/* the true answer comes late and finds nothing */
	tuff_mock_advance(SEC);
	CHECK_EQ(stats(f, &st), 0);
	CHECK_EQ(st.jobs_done, 1);
	m->self_advance = true;
	CHECK_WHOLE(f, &w);
}

TEST(a_flood_is_bounded)
{
	struct tuff_reply r = { .cookie = 77, .type = TUFF_MSG_RUN };
	struct tuff_file *f = open_liar();
	struct run w;

	CHECK_EQ(run_init(f, &w, 0), 0);
	for (int i = 0; i < 200000; i++)
		tuff_reply_push(f->dev, &r, NULL);
	CHECK(f->dev->rcap <= 1u << 16);
	CHECK_WHOLE(f, &w);
}

/* Answers out of order: each job still gets its own, and all are accounted for. */
TEST(jobs_end_in_another_order)
{
	struct tuff_file *f = open_liar();
	struct tuff_sched_job *job;
	struct tuff_reply r[3];
	struct run w;
	int n = 0, error;

	CHECK_EQ(run_init(f, &w, 0), 0);
	lie = (struct lie){ .type = TUFF_MSG_RUN, .drop = true };
	m->self_advance = false;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(run_submit(f, &w), 0);
	list_for_each(job, &f->dev->sched.pending, node) {
		r[n] = (struct tuff_reply){ .cookie = to_tuff_kjob(job)->pend.cookie,
					    .type = TUFF_MSG_RUN, .error = n == 1 ? -ENOSPC : 0 };
		n++;
	}
	CHECK_EQ(n, 3);
	tuff_mock_advance(5 * 1000000);	/* really done; the answers are dropped */
	for (n = 2; n >= 0; n--)
		tuff_reply_push(f->dev, &r[n], NULL);
	CHECK_EQ(wait_so(f, w.so, 2, SEC, &error), 0);
	CHECK_EQ(error, -ENOSPC);
	CHECK_EQ(wait_so(f, w.so, 3, SEC, &error), 0);
	CHECK_EQ(error, 0);
	m->self_advance = true;
	CHECK_WHOLE(f, &w);
}

/* -ESRCH is the scheduler's word for a job that was killed in the queue. */
TEST(errors_that_mean_something_here)
{
	static const int errors[] = { -ESRCH, -ECANCELED, -ETIME, -EBUSY, -4095 };
	struct tuff_file *f = open_liar();
	struct run w;
	int error;

	CHECK_EQ(run_init(f, &w, 0), 0);
	for (int i = 0; i < 5; i++) {
		lie = (struct lie){ .type = TUFF_MSG_RUN, .error = errors[i] };
		CHECK_EQ(run_submit(f, &w), 0);
		CHECK_EQ(wait_so(f, w.so, w.point, SEC, &error), 0);
		CHECK_EQ(error, errors[i]);
	}
	CHECK_WHOLE(f, &w);
}

/*
 * Three jobs in a chain, the first of which fails; then one that is not in it.
 * `ahead` may be on the device when it fails: those that are not never run.
 */
static void chain(uint32_t ahead, uint64_t submits)
{
	struct tuff_file *f = open_liar();
	struct tuff_sync_op y[4];
	struct tuff_job_slot s[2];
	struct tuff_be_counters c0, c1;
	struct tuff_job j[4];
	struct tuff_submit a = { .jobs = ARRAY(j, 4) };
	struct run w;
	int error;

	CHECK_EQ(run_init(f, &w, 0), 0);
	s[0] = (struct tuff_job_slot){ 0, w.in, TUFF_SLOT_READ, 0, 0, 4096 };
	s[1] = (struct tuff_job_slot){ 1, w.out, TUFF_SLOT_WRITE, 0, 0, 4096 };
	for (uint32_t i = 0; i < 4; i++) {
		y[i] = (struct tuff_sync_op){ TUFF_SYNC_SIGNAL | TUFF_SYNC_TIMELINE, w.so, i + 1 };
		j[i] = (struct tuff_job){ .cmdbufs = ARRAY(&w.cb, 1), .slots = ARRAY(s, 2),
					  .syncs = ARRAY(&y[i], 1),
					  .flags = i == 1 || i == 2 ? TUFF_JOB_CHAIN : 0 };
	}
	a.ctx_id = w.ctx;
	f->dev->sched.credit_limit = ahead;
	lie = (struct lie){ .type = TUFF_MSG_RUN, .error = -ENOSPC, .once = true };
	m->self_advance = false;
	tuff_local_counters(f, &c0);
	CHECK_EQ(CALL(f, SUBMIT, &a), 0);
	tuff_mock_advance(SEC);
	m->self_advance = true;
	for (uint64_t i = 1; i <= 4; i++) {
		CHECK_EQ(wait_so(f, w.so, i, SEC, &error), 0);
		CHECK_EQ(error, i < 4 ? -ENOSPC : 0);
	}
	tuff_local_counters(f, &c1);
	CHECK_EQ(c1.submits - c0.submits, submits);
	w.point = 4;
	CHECK_WHOLE(f, &w);
}
TEST(chain_fails_with_all_on_the_device) { chain(4, 4); }
TEST(chain_fails_before_the_others_start) { chain(1, 2); }

TEST(timestamps_of_another_size)
{
	struct tuff_cmd_timestamp p[2] = { { TUFF_CMD_TIMESTAMP, 2, 0 },
					   { TUFF_CMD_TIMESTAMP, 2, 1 } };
	static const uint32_t sizes[] = { 0, 1, 8, 15, 24, 4096 };
	static const uint64_t words[512];
	struct tuff_job_timestamps a = { 0 };
	struct tuff_file *f = open_liar();
	struct run w;
	uint32_t cb;

	CHECK_EQ(run_init(f, &w, 0), 0);
	CHECK_EQ(new_cmdbuf(f, p, sizeof(p), NULL, 0, &cb, NULL, 0), 0);
	for (int i = 0; i < 6; i++) {
		lie = (struct lie){ .type = TUFF_MSG_RUN, .change_payload = true,
				    .payload = words, .size = sizes[i] };
		a = (struct tuff_job_timestamps){ .ctx_id = w.ctx };
		CHECK_EQ(submit1(f, w.ctx, cb, NULL, 0, w.so, ++w.point, (uint64_t *)&a.seqno), 0);
		CHECK_EQ(wait_so(f, w.so, w.point, SEC, NULL), 0);
		CHECK_EQ(CALL(f, JOB_TIMESTAMPS, &a), -ENOENT);
	}
	CHECK_WHOLE(f, &w);
}

TEST(more_timestamps_than_a_stream_can_have)
{
	struct tuff_file *f = open_liar();
	struct run w;
	uint32_t cb;

	CHECK_EQ(run_init(f, &w, 0), 0);
	lie = (struct lie){ .type = TUFF_MSG_CMDBUF_CREATE, .change_value = true,
			    .value = TUFF_CMD_MAX_TIMESTAMPS + 1 };
	CHECK_EQ(new_cmdbuf(f, NULL, 0, NULL, 0, &cb, NULL, 0), -EPROTO);
	lie.value = UINT64_MAX;
	CHECK_EQ(new_cmdbuf(f, NULL, 0, NULL, 0, &cb, NULL, 0), -EPROTO);
	memset(&lie, 0, sizeof(lie));
	/* their ids are free again on both sides */
	CHECK_EQ(new_cmdbuf(f, NULL, 0, NULL, 0, &cb, NULL, 0), 0);
	CHECK_WHOLE(f, &w);
}

TEST(staged_is_yes_or_no)
{
	struct tuff_file *f = open_liar();
	struct tuff_bo_info i = { 0 };
	struct run w;

	lie = (struct lie){ .type = TUFF_MSG_MEM_CREATE, .change_value = true, .value = 7 };
	CHECK_EQ(run_init(f, &w, 0), 0);
	i.handle = w.in;
	CHECK_EQ(CALL(f, BO_INFO, &i), 0);
	CHECK(!(i.status & TUFF_BO_STATUS_STAGED));
	CHECK_WHOLE(f, &w);
}

/* Text that is long, has no end and would move a terminal's cursor. */
TEST(error_texts_are_cut_and_cleaned)
{
	static char text[100000];
	struct tuff_file *f = open_liar();
	struct tuff_kernel_create c = { .code = PTR(add_spv), .code_size = sizeof(add_spv),
		.entry = PTR("main"), .entry_len = 4, .storage_mask = 3, .write_mask = 2,
		.flags = TUFF_KERNEL_UNIFORM | TUFF_KERNEL_WAIT_READY };
	char got[1024];
	struct run w;
	uint32_t cb;

	CHECK_EQ(run_init(f, &w, 0), 0);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 3 ? 'x' : (char)(i % 2 ? 27 : 200);
	c.error = PTR(got);
	c.error_size = sizeof(got);
	for (uint32_t type = 0; type < 2; type++) {
		lie = (struct lie){ .type = type ? TUFF_MSG_CMDBUF_CREATE : TUFF_MSG_KERNEL_CREATE,
				    .error = -EINVAL, .change_payload = true, .payload = text,
				    .size = sizeof(text) };
		memset(got, 1, sizeof(got));
		if (type)
			CHECK_EQ(new_cmdbuf(f, NULL, 0, NULL, 0, &cb, got, sizeof(got)), -EINVAL);
		else
			CHECK_EQ(CALL(f, KERNEL_CREATE, &c), -EINVAL);
		CHECK_EQ(strnlen(got, sizeof(got)), TUFF_REPLY_TEXT - 1);
		for (const char *p = got; *p; p++)
			CHECK(*p >= ' ' && *p <= '~');
	}
	CHECK_WHOLE(f, &w);
}

TEST(no_answer_to_a_kernel)
{
	struct { struct tuff_cmd_dispatch d; struct tuff_cmd_bind b[3]; } p = {
		{ TUFF_CMD_DISPATCH, 24, 0, { 1, 1, 1 }, 3 },
		{ { 0, 0, 0, 256 }, { 0, 0, 0, 64 }, { 1, 0, 0, 64 } } };
	struct tuff_cmdbuf_slot decl[2] = { { 0, TUFF_SLOT_READ, 4096 }, { 1, TUFF_SLOT_WRITE, 4096 } };
	struct tuff_file *f = open_liar();
	struct tuff_kernel_wait k = { 0 };
	char text[128] = "";
	struct run w, v;
	int error = 0;

	CHECK_EQ(run_init(f, &w, 0), 0);
	lie = (struct lie){ .type = TUFF_MSG_KERNEL_CREATE, .drop = true };
	CHECK_EQ(new_kernel(f, add_spv, sizeof(add_spv), NULL, 0, TUFF_KERNEL_UNIFORM, 3, 2,
			    &p.d.kernel_id, err, sizeof(err)), 0);
	v = w;
	CHECK_EQ(new_cmdbuf(f, &p, sizeof(p), decl, 2, &v.cb, err, sizeof(err)), 0);
	CHECK_EQ(run_submit(f, &v), 0);	/* waits for the kernel */
	w.point = v.point;
	k.kernel_id = p.d.kernel_id;
	k.error = PTR(text);
	k.error_size = sizeof(text);
	CHECK_EQ(CALL(f, KERNEL_WAIT, &k), -EBUSY);
	tuff_mock_advance(TUFF_MAKE_NS - 1);
	CHECK_EQ(CALL(f, KERNEL_WAIT, &k), -EBUSY);
	tuff_mock_advance(1);
	CHECK_EQ(CALL(f, KERNEL_WAIT, &k), -ETIME);
	CHECK(strstr(text, "did not answer"));
	CHECK_EQ(wait_so(f, v.so, v.point, SEC, &error), 0);
	CHECK_EQ(error, -ETIME);
	CHECK_WHOLE(f, &w);
}

TEST(no_answer_to_a_call)
{
	struct tuff_file *f = open_liar();
	struct tuff_query_stats st;
	struct run w;
	uint32_t cb, objects;

	CHECK_EQ(run_init(f, &w, 0), 0);
	objects = tuff_mock_objects();
	f->dev->call_ns = 3000000;
	lie = (struct lie){ .type = TUFF_MSG_MEM_CREATE, .drop = true };
	CHECK(!new_bo(f, 4096, 0, 0));
	CHECK_EQ(tuff_mock_objects(), objects);	/* what was made all the same is gone */
	lie.type = TUFF_MSG_CMDBUF_CREATE;
	CHECK_EQ(new_cmdbuf(f, NULL, 0, NULL, 0, &cb, NULL, 0), -ETIME);
	lie.type = TUFF_MSG_STATS;
	CHECK_EQ(stats(f, &st), -ETIME);
	f->dev->call_ns = TUFF_CALL_NS;
	CHECK_WHOLE(f, &w);
}

TEST(stats_of_another_size)
{
	struct tuff_file *f = open_liar();
	struct tuff_query_stats st;
	struct run w;

	CHECK_EQ(run_init(f, &w, 0), 0);
	lie = (struct lie){ .type = TUFF_MSG_STATS, .change_payload = true, .payload = &st,
			    .size = 8 };
	CHECK_EQ(stats(f, &st), -EPROTO);
	CHECK_WHOLE(f, &w);
}

/* --- what the executor says of its device ------------------------------------------ */

static int which;

static void describe(struct tuff_be_info *i)
{
	switch (which) {
	case 0: i->limits.storage_align = 0; break;
	case 1: i->limits.uniform_align = 48; break;
	case 2: i->limits.storage_align = 1u << 31; break;
	case 3: i->nregions = TUFF_BE_MAX_REGIONS + 1; break;
	case 4: i->nregions = UINT32_MAX; break;
	case 5: i->class = 0; break;
	case 6: i->class = 9; break;
	case 7: i->limits.max_alloc_B = 0; break;
	case 8: i->limits.max_buffer_B = 0; break;
	default:	/* believed, as far as it can be */
		memset(i->name, 'n', sizeof(i->name));
		memset(i->driver, 27, sizeof(i->driver));
		memset(i->pci, '\n', sizeof(i->pci));
		i->reach = UINT32_MAX;
	}
}

TEST(impossible_devices_do_not_open)
{
	struct tuff_query_dev d;
	struct tuff_dev_query q = { TUFF_QUERY_DEV, sizeof(d), PTR(&d) };
	struct tuff_file *f;
	struct run w;

	for (which = 0; which < 9; which++) {
		m = tuff_mock_reset();
		m->describe = describe;
		CHECK(!open_file());
		CHECK(strstr(err, strerror(EPROTO)));
		CHECK_EQ(tuff_mock_objects(), 0);
	}
	m = tuff_mock_reset();
	m->describe = describe;
	f = open_file();
	CHECK(f);
	CHECK_EQ(CALL(f, DEV_QUERY, &q), 0);
	CHECK_EQ(strnlen(d.name, sizeof(d.name)), sizeof(d.name) - 1);
	CHECK(d.driver[0] == '?' && d.pci[0] == '?');
	CHECK_EQ(d.reach, 15);
	m->describe = NULL;
	CHECK_EQ(run_init(f, &w, 0), 0);
	CHECK_WHOLE(f, &w);
}
