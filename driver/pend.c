// SPDX-License-Identifier: MIT
/*
 * Requests to the executor and what comes back. Of an answer nothing is
 * believed: not its cookie, type, error, size or text, nor that it comes.
 */
#include <stdio.h>

#include "driver/broker.h"

int tuff_pend_add(struct tuff_device *dev, struct tuff_pend *p, struct tuff_msg *msg,
		  int64_t within)
{
	uint32_t id;
	int ret = idr_alloc(&dev->pends, p, &id);

	if (ret)
		return ret;
	/* ids are reused, cookies are not: late answers find nothing */
	p->cookie = ++dev->cookie << 20 | (id - 1);
	p->type = msg->type;
	p->expiry = within ? tuff_sched_clock(dev) + within : 0;
	if (within && (!dev->expiry || p->expiry < dev->expiry))
		__atomic_store_n(&dev->expiry, p->expiry, __ATOMIC_RELAXED);
	dev->asked += msg->type != TUFF_MSG_RUN;
	msg->cookie = p->cookie;
	return 0;
}

void tuff_pend_del(struct tuff_device *dev, struct tuff_pend *p)
{
	if (!p->cookie)
		return;
	idr_remove(&dev->pends, (uint32_t)(p->cookie & (IDR_MAX - 1)) + 1);
	dev->asked -= p->type != TUFF_MSG_RUN;
	p->cookie = 0;
}

void tuff_answered(struct tuff_device *dev, struct tuff_answer *a)
{
	struct tuff_reply *r = &a->r;
	struct tuff_pend *p = idr_find(&dev->pends, (uint32_t)(r->cookie & (IDR_MAX - 1)) + 1);

	if (p && p->cookie == r->cookie && p->type == r->type) {
		if (r->error > 0 || r->error < -4095)
			r->error = -EPROTO;
		tuff_pend_del(dev, p);
		p->done(dev, p, r, a->payload);
	}
	free(a->payload);
	a->payload = NULL;
}

/* Answers for the executor: none came in time, or none will come any more. */
void tuff_give_up(struct tuff_device *dev, int error, int64_t until)
{
	static const char text[] = "the executor did not answer";
	struct tuff_pend *p;
	int64_t next = 0;
	uint32_t id;

	idr_for_each(&dev->pends, id, p) {
		struct tuff_reply r = { .cookie = p->cookie, .type = p->type, .error = error,
					.size = sizeof(text) - 1 };

		if (p->expiry ? p->expiry > until : until != INT64_MAX) {
			if (p->expiry && (!next || p->expiry < next))
				next = p->expiry;
			continue;
		}
		tuff_pend_del(dev, p);
		p->done(dev, p, &r, text);
	}
	__atomic_store_n(&dev->expiry, next, __ATOMIC_RELAXED);
}

struct call {
	struct tuff_pend pend;
	struct tuff_reply *r;
	void *buf;
	uint32_t size;
	bool done;
};

static void call_answered(struct tuff_device *dev, struct tuff_pend *p,
			  const struct tuff_reply *r, const void *payload)
{
	struct call *c = container_of(p, struct call, pend);

	(void)dev;
	*c->r = *r;
	if (c->r->size > c->size)
		c->r->size = c->size;
	if (c->r->size)
		memcpy(c->buf, payload, c->r->size);
	c->done = true;
}

static bool call_done(void *arg)
{
	return ((struct call *)arg)->done;
}

int tuff_call(struct tuff_device *dev, struct tuff_msg *msg, struct tuff_reply *r, void *buf,
	      uint32_t size)
{
	struct call c = { .pend = { .done = call_answered }, .r = r, .buf = buf, .size = size };
	int ret;

	memset(r, 0, sizeof(*r));
	tuff_drain(dev);	/* room for the answer, whatever came before */
	ret = tuff_pend_add(dev, &c.pend, msg, 0);
	if (ret)
		return ret;
	tuff_send(dev, msg);
	tuff_drain(dev);
	ret = tuff_wait(dev, call_done, &c, tuff_now() + dev->call_ns);
	tuff_pend_del(dev, &c.pend);
	return ret ? ret : r->error;
}

void tuff_text(char *dst, size_t room, const void *text, uint32_t size)
{
	const unsigned char *from = text;
	size_t n = 0;

	for (; n < size && n + 1 < room && from[n]; n++)
		dst[n] = from[n] < ' ' || from[n] > '~' ? '?' : (char)from[n];
	dst[n] = 0;
}
