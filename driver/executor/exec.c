// SPDX-License-Identifier: MIT
/* Messages to the back end, completions to answers. */
#include <stdio.h>
#include <unistd.h>

#include "driver/executor/exec.h"

#define COMPILE_TIMEOUT	(120 * 1000000000ll)

void exec_answer(struct tuff_exec *x, uint32_t type, uint64_t cookie, int error,
		 uint64_t value, const char *text)
{
	struct tuff_reply r = { .cookie = cookie, .type = type, .error = error, .value = value,
				.size = error && text ? (uint32_t)strlen(text) : 0 };

	x->reply(x->arg, &r, text);
}

/* --- memory ------------------------------------------------------------------ */

static int mem_create(struct tuff_exec *x, const struct tuff_msg_mem_create *m, bool *staged)
{
	struct tuff_be_mem_desc desc = {
		.size = m->size_B, .flags = m->map ? TUFF_BE_MEM_MAP : 0,
		.placement = m->placement == TUFF_PLACE_DEVICE ? TUFF_BE_DEVICE : TUFF_BE_SYSTEM };
	struct exec_mem *mem;
	int ret;

	if (m->base.size != sizeof(*m) || !m->size_B || m->reach >= TUFF_BE_REACH_COUNT)
		return -EINVAL;
	mem = calloc(1, sizeof(*mem));
	if (!mem)
		return -ENOMEM;
	if (m->reach == TUFF_BE_REACH_DEVMAP || m->placement == TUFF_PLACE_DEVICE)
		ret = x->be->mem_alloc(x->dev, &desc, &mem->be);
	else
		ret = x->be->mem_import(x->dev, m->fd, m->size_B, m->reach, &mem->be);
	if (ret)
		goto err_mem;
	if (m->map && !x->be->mem_map(mem->be)) {
		ret = -EOPNOTSUPP;
		goto err_be;
	}
	mem->size_B = m->size_B;
	mem->staged = x->be->mem_staged(mem->be);
	ret = idr_alloc_at(&x->mems, mem, m->id);
	if (ret)
		goto err_be;
	*staged = mem->staged;
	return 0;

err_be:
	x->be->mem_free(x->dev, mem->be);
err_mem:
	free(mem);
	return ret;
}

static bool mem_busy(struct tuff_exec *x, uint32_t id)
{
	for (uint64_t i = x->head; i < x->tail; i++) {
		const struct exec_flight *f = &x->flights[i % EXEC_FLIGHTS];

		for (uint32_t r = 0; r < f->nrecs; r++)
			for (uint32_t s = 0; s < f->recs[r]->nslots; s++)
				if (f->recs[r]->key[s].mem == id)
					return true;
	}
	return false;
}

static void mem_destroy(struct tuff_exec *x, uint32_t id)
{
	struct exec_mem *mem;

	if (mem_busy(x, id))	/* the broker knows better */
		return;
	mem = idr_remove(&x->mems, id);
	if (!mem)
		return;
	exec_rec_purge(x, NULL, id);
	x->be->mem_free(x->dev, mem->be);
	free(mem);
}

void *tuff_exec_map(struct tuff_exec *x, uint32_t id)
{
	struct exec_mem *mem;
	void *p = NULL;

	pthread_mutex_lock(&x->lock);
	mem = idr_find(&x->mems, id);
	if (mem)
		p = x->be->mem_map(mem->be);
	pthread_mutex_unlock(&x->lock);
	return p;
}

/* --- command buffers ------------------------------------------------------------ */

void exec_cmdbuf_free(struct tuff_exec *x, struct exec_cmdbuf *cb)
{
	for (uint32_t i = 0; i < cb->ncmds; i++)
		exec_kernel_put(x, cb->kernels[i]);
	free(cb->kernels);
	free(cb->cmds);
	free(cb);
}

static int cmdbuf_create(struct tuff_exec *x, const struct tuff_msg_cmdbuf_create *m,
			 char *err, size_t errlen)
{
	struct exec_cmdbuf *cb;
	int ret;

	if (m->base.size < sizeof(*m) || m->base.size != sizeof(*m) + m->stream_size ||
	    m->nslots > TUFF_MAX_SLOTS)
		return -EINVAL;
	cb = calloc(1, sizeof(*cb));
	if (!cb)
		return -ENOMEM;
	cb->id = m->id;
	cb->nslots = m->nslots;
	memcpy(cb->slots, m->slots, m->nslots * sizeof(m->slots[0]));
	ret = exec_cmd_validate(x, (const uint32_t *)(m + 1), m->stream_size, cb, err, errlen);
	if (!ret)
		ret = idr_alloc_at(&x->cmdbufs, cb, m->id);
	if (ret) {
		exec_cmdbuf_free(x, cb);
		return ret;
	}
	if (cb->nindirect && !x->clamp->ready)
		cb->cookie = m->base.cookie;
	else
		exec_answer(x, TUFF_MSG_CMDBUF_CREATE, m->base.cookie, 0, cb->ntimestamps, NULL);
	return 0;
}

void exec_clamp_made(struct tuff_exec *x, int error, const char *text)
{
	struct exec_cmdbuf *cb;
	uint32_t id;

	idr_for_each(&x->cmdbufs, id, cb) {
		if (!cb->cookie)
			continue;
		exec_answer(x, TUFF_MSG_CMDBUF_CREATE, cb->cookie, error, cb->ntimestamps, text);
		cb->cookie = 0;
		if (!error)
			continue;
		idr_remove(&x->cmdbufs, id);
		exec_cmdbuf_free(x, cb);
	}
	if (error) {	/* the next one tries again */
		exec_kernel_put(x, x->clamp);
		x->clamp = NULL;
	}
}

static void cmdbuf_destroy(struct tuff_exec *x, uint32_t id)
{
	struct exec_cmdbuf *cb = idr_find(&x->cmdbufs, id);

	if (!cb)
		return;
	for (uint64_t i = x->head; i < x->tail; i++)
		for (uint32_t r = 0; r < x->flights[i % EXEC_FLIGHTS].nrecs; r++)
			if (x->flights[i % EXEC_FLIGHTS].recs[r]->cb == cb)
				return;
	idr_remove(&x->cmdbufs, id);
	exec_rec_purge(x, cb, 0);
	exec_cmdbuf_free(x, cb);
}

/* --- jobs ------------------------------------------------------------------------ */

static int resolve(struct tuff_exec *x, const struct tuff_msg_run *m,
		   struct tuff_msg_slot *slots, struct tuff_be_slot *be, uint64_t *have,
		   struct exec_flight *f)
{
	*have = 0;
	for (uint32_t i = 0; i < m->nslots; i++) {
		const struct tuff_msg_slot *s = &m->slots[i];
		struct exec_mem *mem = idr_find(&x->mems, s->mem);

		if (s->slot >= TUFF_MAX_SLOTS || (*have >> s->slot & 1) || !mem ||
		    s->offset % x->info->limits.storage_align ||
		    s->offset % x->info->limits.uniform_align ||
		    s->offset > mem->size_B || s->range > mem->size_B - s->offset)
			return -EINVAL;
		*have |= 1ull << s->slot;
		slots[s->slot] = *s;
		be[s->slot] = (struct tuff_be_slot){ mem->be, s->offset, s->range };
		if (!mem->staged)
			continue;
		if (!f->staged)
			f->staged = malloc(TUFF_MAX_SLOTS * sizeof(*f->staged));
		if (!f->staged)
			return -ENOMEM;
		f->staged[f->nstaged++] = *s;
	}
	return 0;
}

static int check_cmdbuf(const struct exec_cmdbuf *cb, const struct tuff_msg_slot *slots,
			uint64_t have)
{
	for (uint32_t i = 0; i < cb->nslots; i++) {
		const struct tuff_cmdbuf_slot *d = &cb->slots[i];

		if (!(have >> d->slot & 1) || slots[d->slot].range < d->size ||
		    (d->flags & ~slots[d->slot].flags))
			return -EINVAL;
	}
	return 0;
}

static int stage(struct tuff_exec *x, const struct exec_flight *f, bool to_device)
{
	int ret = 0;

	for (uint32_t i = 0; i < f->nstaged && !ret; i++) {
		const struct tuff_msg_slot *s = &f->staged[i];
		struct exec_mem *mem = idr_find(&x->mems, s->mem);

		/* in also for what is written: it may be written in part */
		if (mem && (to_device || (s->flags & TUFF_SLOT_WRITE)))
			ret = x->be->mem_sync(mem->be, s->offset, s->range, to_device);
	}
	return ret;
}

static int run(struct tuff_exec *x, const struct tuff_msg_run *m)
{
	struct exec_flight *f = &x->flights[x->tail % EXEC_FLIGHTS];
	struct tuff_msg_slot slots[TUFF_MAX_SLOTS];
	struct tuff_be_slot be[TUFF_MAX_SLOTS];
	struct tuff_be_rec *recs[TUFF_MAX_CMDBUFS];
	uint64_t have;
	int ret;

	if (x->dead)
		return x->dead;
	if (m->base.size != sizeof(*m) || m->ncmdbufs > TUFF_MAX_CMDBUFS ||
	    m->nslots > TUFF_MAX_SLOTS)
		return -EINVAL;
	if (x->tail - x->head == EXEC_FLIGHTS)
		return -EBUSY;
	f->nrecs = f->nstaged = 0;
	ret = resolve(x, m, slots, be, &have, f);
	if (ret)
		return ret;
	if (f->nstaged && x->head != x->tail)
		return -EBUSY;	/* copies want an idle device */
	for (uint32_t i = 0; i < m->ncmdbufs; i++) {
		struct exec_cmdbuf *cb = idr_find(&x->cmdbufs, m->cmdbufs[i]);

		ret = cb ? check_cmdbuf(cb, slots, have) : -EINVAL;
		if (!ret)
			ret = exec_rec_get(x, cb, slots, be, &f->recs[i]);
		if (ret)
			goto err_recs;
		f->nrecs++;
		recs[i] = f->recs[i]->be;
	}
	ret = stage(x, f, true);
	if (!ret)
		ret = x->be->submit(x->dev, recs, f->nrecs, x->seqno + 1);
	if (ret)
		goto err_recs;
	f->seqno = ++x->seqno;
	f->cookie = m->base.cookie;
	x->tail++;
	return 0;

err_recs:
	for (uint32_t i = 0; i < f->nrecs; i++)
		exec_rec_put(x, f->recs[i]);
	if (ret == -EIO)
		x->dead = -EIO;
	return ret;
}

/* How many x->stamps has of the flight; none where there is no memory for them. */
static uint32_t read_stamps(struct tuff_exec *x, const struct exec_flight *f)
{
	uint32_t n = 0, at = 0;
	uint64_t *ns;

	for (uint32_t i = 0; i < f->nrecs; i++)
		n += f->recs[i]->cb->ntimestamps;
	if (n > x->cap_stamps) {
		ns = realloc(x->stamps, n * sizeof(*ns));
		if (!ns)
			return 0;
		x->stamps = ns;
		x->cap_stamps = n;
	}
	for (uint32_t i = 0; i < f->nrecs; i++) {
		uint32_t k = f->recs[i]->cb->ntimestamps;

		if (k && x->be->timestamps(x->dev, f->recs[i]->be, x->stamps + at, k))
			memset(x->stamps + at, 0, k * sizeof(*ns));
		at += k;
	}
	return n;
}

static void complete(struct tuff_exec *x, struct exec_flight *f, int error)
{
	struct tuff_reply r = { .cookie = f->cookie, .type = TUFF_MSG_RUN, .error = error };

	if (!error)
		r.error = stage(x, f, false);
	if (!r.error)
		r.size = read_stamps(x, f) * (uint32_t)sizeof(*x->stamps);
	for (uint32_t i = 0; i < f->nrecs; i++)
		exec_rec_put(x, f->recs[i]);
	x->head++;
	x->reply(x->arg, &r, x->stamps);
}

int tuff_exec_wait(struct tuff_exec *x, int64_t timeout_ns)
{
	uint64_t seqno, done = 0;
	int ret;

	pthread_mutex_lock(&x->lock);
	if (x->head == x->tail || x->poisoned) {
		pthread_mutex_unlock(&x->lock);
		return -ENOENT;
	}
	seqno = x->flights[x->head % EXEC_FLIGHTS].seqno;
	pthread_mutex_unlock(&x->lock);
	ret = x->be->wait(x->dev, seqno, timeout_ns, &done);
	pthread_mutex_lock(&x->lock);
	if (ret == -EIO && !x->dead)
		x->dead = -EIO;
	while (x->head != x->tail && !x->poisoned) {
		struct exec_flight *f = &x->flights[x->head % EXEC_FLIGHTS];

		if (f->seqno <= done)
			complete(x, f, 0);
		else if (x->dead)
			complete(x, f, x->dead);
		else
			break;
	}
	pthread_mutex_unlock(&x->lock);
	return ret;
}

/* --- messages ------------------------------------------------------------------------ */

static void destroy(struct tuff_exec *x, const struct tuff_msg *msg)
{
	const struct tuff_msg_id *m = (const void *)msg;

	if (msg->size != sizeof(*m))
		return;
	if (msg->type == TUFF_MSG_MEM_DESTROY)
		mem_destroy(x, m->id);
	else if (msg->type == TUFF_MSG_KERNEL_DESTROY)
		exec_kernel_put(x, idr_remove(&x->kernels, m->id));
	else
		cmdbuf_destroy(x, m->id);
}

static void info(struct tuff_exec *x, const struct tuff_msg *msg)
{
	struct tuff_reply r = { .cookie = msg->cookie, .type = msg->type,
				.size = sizeof(*x->info) };

	x->reply(x->arg, &r, x->info);
}

static void stats(struct tuff_exec *x, const struct tuff_msg *msg)
{
	struct tuff_exec_stats s = { .rec_hits = x->rec_hits };
	struct tuff_reply r = { .cookie = msg->cookie, .type = msg->type, .size = sizeof(s) };

	x->be->counters(x->dev, &s.counters);
	x->be->budget(x->dev, s.regions);
	x->be->clocks(x->dev, &s.cpu_ns, &s.device_ns);
	x->reply(x->arg, &r, &s);
}

void tuff_exec_handle(struct tuff_exec *x, const struct tuff_msg *msg)
{
	char text[TUFF_REPLY_TEXT] = "";
	bool staged = false;
	int ret = 0;

	pthread_mutex_lock(&x->lock);
	switch (msg->type) {
	case TUFF_MSG_RUN:
		ret = run(x, (const void *)msg);
		break;
	case TUFF_MSG_MEM_CREATE:
		ret = mem_create(x, (const void *)msg, &staged);
		if (!ret)
			exec_answer(x, msg->type, msg->cookie, 0, staged, NULL);
		break;
	case TUFF_MSG_KERNEL_CREATE:
		ret = exec_kernel_create(x, (const void *)msg);
		break;
	case TUFF_MSG_CMDBUF_CREATE:
		ret = cmdbuf_create(x, (const void *)msg, text, sizeof(text));
		break;
	case TUFF_MSG_MEM_DESTROY:
	case TUFF_MSG_KERNEL_DESTROY:
	case TUFF_MSG_CMDBUF_DESTROY:
		destroy(x, msg);
		break;
	case TUFF_MSG_POISON:
		x->poisoned = true;
		x->dead = -EIO;
		x->be->poison(x->dev);
		break;
	case TUFF_MSG_INFO:
		info(x, msg);
		break;
	case TUFF_MSG_STATS:
		stats(x, msg);
		break;
	default:
		ret = -ENOSYS;
	}
	if (ret)	/* the others answer, or will */
		exec_answer(x, msg->type, msg->cookie, ret, 0, text);
	pthread_mutex_unlock(&x->lock);
}

/* --- life ------------------------------------------------------------------------------ */

int tuff_exec_create(const struct tuff_be_ops *be, uint32_t index,
		     void (*reply)(void *arg, const struct tuff_reply *r, const void *payload),
		     void *arg, struct tuff_exec **out)
{
	struct tuff_exec *x = calloc(1, sizeof(*x));
	int ret;

	if (!x)
		return -ENOMEM;
	ret = be->open(index, &x->dev);
	if (ret) {
		free(x);
		return ret;
	}
	x->be = be;
	x->info = be->info(x->dev);
	x->reply = reply;
	x->arg = arg;
	x->compile_timeout = COMPILE_TIMEOUT;
	pthread_mutex_init(&x->lock, NULL);
	pthread_cond_init(&x->compile_cond, NULL);
	list_init(&x->lru);
	list_init(&x->compile);
	for (int i = 0; i < EXEC_BUCKETS; i++)
		list_init(&x->buckets[i]);
	*out = x;
	return 0;
}

/* Nobody calls any more. What a poisoned device may use stays for ever. */
void tuff_exec_destroy(struct tuff_exec *x)
{
	struct exec_cmdbuf *cb;
	struct exec_kernel *k;
	struct exec_mem *mem;
	uint32_t id;

	if (!x)
		return;
	exec_compilers_stop(x);
	exec_rec_purge(x, NULL, 0);
	idr_for_each(&x->cmdbufs, id, cb)
		exec_cmdbuf_free(x, cb);
	idr_for_each(&x->kernels, id, k)
		exec_kernel_put(x, k);
	exec_kernel_put(x, x->clamp);
	idr_for_each(&x->mems, id, mem) {
		x->be->mem_free(x->dev, mem->be);
		free(mem);
	}
	for (int i = 0; i < EXEC_FLIGHTS; i++)
		free(x->flights[i].staged);
	free(x->stamps);
	idr_fini(&x->mems);
	idr_fini(&x->kernels);
	idr_fini(&x->cmdbufs);
	x->be->close(x->dev);
	pthread_cond_destroy(&x->compile_cond);
	pthread_mutex_destroy(&x->lock);
	free(x);
}
