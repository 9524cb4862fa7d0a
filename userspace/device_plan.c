// SPDX-License-Identifier: MIT
/*
 * A plan on the device: two arenas, the dims block, and the command buffers of
 * each run of dispatches. Made once per set of shapes; a run submits them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "uapi/tuff_trace.h"
#include "userspace/session.h"

#define ALIGN 256u		/* the specification's largest offset alignment */
#define DIMS_B (4 * TUFF_DIMS_WORDS)
#define CUT_MACS 2000000000ll	/* a command buffer's worth: the scheduler may switch between */
#define CUT_STEPS 256

static bool is_output(const struct tuff_program *p, uint32_t buf)
{
	for (uint32_t i = 0; i < p->noutputs; i++)
		if (p->tensors[p->outputs[i].tensor].buffer == buf)
			return true;
	return false;
}

static uint64_t up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

/* kernels move four elements at a time: the slack up to 16 bytes is the buffer's own */
static uint64_t range16(uint64_t size)
{
	return size < 16 ? 16 : up(size, 16);
}

/*
 * Inputs and outputs get slots, as long as there are any, so that a run can
 * bind the caller's memory. Their homes lie behind the shared arena and are
 * theirs alone, since what is in one slot is not ordered against another.
 */
static int slots(struct tuff_session *s, struct plan *pl, struct tuff_buf *bufs, const uint64_t *sizes)
{
	const struct tuff_program *p = s->p;
	struct device_plan *dp = pl->dev;

	dp->slot = calloc(p->nbufs + 1, sizeof(*dp->slot));
	dp->io = calloc(TUFF_MAX_SLOTS, sizeof(*dp->io));
	if (!dp->slot || !dp->io)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->nbufs; i++) {
		bool in = bufs[i].kind == TUFF_BUF_INPUT;

		if (!in && (bufs[i].kind != TUFF_BUF_SHARED || !is_output(p, i)))
			continue;
		if (SLOT_IO + dp->nio == TUFF_MAX_SLOTS) {
			bufs[i].kind = TUFF_BUF_SHARED;
			bufs[i].first = in ? 0 : bufs[i].first;	/* the host writes it before the first step */
			continue;
		}
		dp->io[dp->nio] = (struct device_io){ .buf = i, .flags = TUFF_SLOT_READ | (in ? 0 : TUFF_SLOT_WRITE), .range = range16(sizes[i]) };
		dp->slot[i] = SLOT_IO + dp->nio++;
		bufs[i].kind = TUFF_BUF_OUTPUT;	/* not the planner's */
	}
	return 0;
}

static int arenas(struct tuff_session *s, struct plan *pl, const uint64_t *sizes)
{
	const struct tuff_program *p = s->p;
	struct device_plan *dp = pl->dev;
	struct tuff_buf *bufs = malloc((p->nbufs + 1) * sizeof(*bufs));
	struct tuff_memplan shared;
	uint64_t end;
	int ret;

	if (!bufs)
		return -ENOMEM;
	memcpy(bufs, p->bufs, p->nbufs * sizeof(*bufs));
	ret = slots(s, pl, bufs, sizes);
	ret = ret ? ret : tuff_memplan(bufs, p->nbufs, TUFF_BUF_ARENA, sizes, ALIGN, dp->offset, &pl->mem);
	ret = ret ? ret : tuff_memplan(bufs, p->nbufs, TUFF_BUF_SHARED, sizes, ALIGN, dp->offset, &shared);
	if (ret)
		goto out;
	end = dp->shared_size = up(shared.size + 16, ALIGN);
	for (uint32_t i = 0; i < dp->nio; i++) {
		dp->offset[dp->io[i].buf] = dp->io[i].home = end;
		end += up(dp->io[i].range, ALIGN);
	}
	ret = device_bo_create(s->dev, pl->mem.size + ALIGN, TUFF_PLACE_DEVICE, false, &dp->arena);
	ret = ret ? ret : device_bo_create(s->dev, end, TUFF_PLACE_SYSTEM, true, &dp->shared);
	ret = ret ? ret : device_bo_create(s->dev, (uint64_t)p->nsteps * DIMS_B, TUFF_PLACE_SYSTEM, true, &dp->dims);
	for (uint32_t i = 0; i < p->nbufs && !ret; i++) {
		if (bufs[i].kind == TUFF_BUF_SHARED || dp->slot[i])
			pl->data[i] = dp->shared.map + dp->offset[i];
		else if (bufs[i].kind == TUFF_BUF_WEIGHT)
			pl->data[i] = s->weights[bufs[i].index];
	}
out:
	free(bufs);
	return ret;
}

bool device_slotted(const struct device_plan *dp, uint32_t buf)
{
	return dp->slot[buf];
}

bool device_place(struct device_plan *dp, uint32_t buf, const struct device_bo *bo, uint64_t offset)
{
	struct device_io *io = dp->slot[buf] ? &dp->io[dp->slot[buf] - SLOT_IO] : NULL;

	if (!io)
		return false;
	io->handle = bo ? bo->handle : 0;
	io->offset = bo ? offset : 0;
	return true;
}

int device_plan_create(struct tuff_session *s, struct plan *pl, const uint64_t *sizes, struct tuff_error *err)
{
	struct device_plan *dp = pl->dev = calloc(1, sizeof(*dp));
	int ret = -ENOMEM;

	if (dp)
		dp->offset = calloc(s->p->nbufs + 1, sizeof(*dp->offset));
	if (dp && dp->offset)
		ret = arenas(s, pl, sizes);
	if (ret)
		session_error(err, ret, "%s: no memory on %s for activations of %llu bytes: %s", s->path, s->dev->info.name,
			      (unsigned long long)pl->mem.size, strerror(-ret));
	return ret;
}

void device_plan_destroy(const struct tuff_session *s, struct device_plan *dp)
{
	if (!dp)
		return;
	for (uint32_t i = 0; i < dp->nsegments; i++) {
		struct device_segment *g = &dp->segments[i];

		for (uint32_t k = 0; k < g->ncmdbufs + g->ntimed; k++) {
			struct tuff_cmdbuf_destroy c = { .cmdbuf_id = k < g->ncmdbufs ? g->cmdbufs[k] : g->timed[k - g->ncmdbufs] };

			tuff_local_ioctl(s->dev->file, TUFF_IOCTL_CMDBUF_DESTROY, &c);
		}
		free(g->cmdbufs);
		free(g->timed);
	}
	device_bo_destroy(s->dev, &dp->arena);
	device_bo_destroy(s->dev, &dp->shared);
	device_bo_destroy(s->dev, &dp->dims);
	free(dp->segments);
	free(dp->offset);
	free(dp->slot);
	free(dp->io);
	free(dp);
}

/* the ranges touched since the last barrier */
struct touched {
	struct { uint32_t slot; bool write; uint64_t from, to; } r[64];
	uint32_t n;
};

static bool clash(const struct touched *t, const struct tuff_cmd_bind *b, bool write)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (t->r[i].slot == b->slot && (write || t->r[i].write) &&
		    t->r[i].from < b->offset + b->range && b->offset < t->r[i].to)
			return true;
	return false;
}

struct stream {
	uint8_t *p;
	size_t n, cap;
	bool oom;
};

static void put(struct stream *st, const void *bytes, size_t n)
{
	if (st->n + n > st->cap) {
		size_t cap = st->cap * 2 + n + 4096;
		void *p = realloc(st->p, cap);

		if (!p) {
			st->oom = true;
			return;
		}
		st->p = p;
		st->cap = cap;
	}
	memcpy(st->p + st->n, bytes, n);
	st->n += n;
}

static int range_of(const struct tuff_session *s, const struct plan *pl, uint32_t t, const uint64_t *sizes, struct tuff_cmd_bind *b)
{
	uint32_t i = s->p->tensors[t].buffer;
	const struct tuff_buf *buf = &s->p->bufs[i];

	memset(b, 0, sizeof(*b));
	b->range = range16(sizes[i]);
	if (buf->kind == TUFF_BUF_WEIGHT) {
		b->slot = SLOT_WEIGHTS;
		b->offset = s->on_dev->weight_offset[buf->index];
	} else if (pl->dev->slot[i]) {
		b->slot = pl->dev->slot[i];
	} else {
		b->slot = buf->kind == TUFF_BUF_ARENA ? SLOT_ARENA : SLOT_SHARED;
		b->offset = pl->dev->offset[i];
	}
	return b->range > s->dev->info.max_storage_range ? -E2BIG : 0;
}

static int dispatch(struct tuff_session *s, struct plan *pl, uint32_t i, const uint64_t *sizes,
		    struct stream *st, struct touched *seen, struct tuff_error *err)
{
	static const struct tuff_cmd_barrier barrier = { TUFF_CMD_BARRIER, sizeof(barrier) / 4, 0 };
	const struct tuff_program *p = s->p;
	const struct tuff_step *step = &p->steps[i];
	const struct tuff_kernel *k = &p->kernels[step->kernel];
	struct {
		struct tuff_cmd_dispatch d;
		struct tuff_cmd_bind b[TUFF_CMD_MAX_BIND];
	} c = { .d = { .opcode = TUFF_CMD_DISPATCH, .kernel_id = s->on_dev->kernels[step->kernel], .nbind = k->nbind + 1 } };
	int32_t *dims = (int32_t *)(pl->dev->dims.map + (uint64_t)i * DIMS_B);
	bool wait = seen->n + k->nbind > 64;

	c.d.size_dw = (sizeof(c.d) + c.d.nbind * sizeof(c.b[0])) / 4;
	for (uint32_t j = 0; j < step->ndims; j++) {
		int64_t v = pl->vals[p->args[step->dims + j]];

		if (v < INT32_MIN || v > INT32_MAX)
			return session_error(err, -EOVERFLOW, "%s: node '%s' (%s): a size of %lld does not fit the device's 32 bits", s->path,
					     tuff_str(p, step->node), tuff_op_name(step->op), (long long)v);
		dims[j] = v;
	}
	for (int j = 0; j < 3; j++) {
		int64_t v = pl->vals[step->grid[j]];

		if (v <= 0)
			return 0;	/* an empty tensor */
		if (v > s->dev->info.max_group_count[j])
			return session_error(err, -E2BIG, "%s: node '%s' (%s): %lld workgroups, the device takes %u", s->path,
					     tuff_str(p, step->node), tuff_op_name(step->op), (long long)v, s->dev->info.max_group_count[j]);
		c.d.group[j] = v;
	}
	c.b[0] = (struct tuff_cmd_bind){ .slot = SLOT_DIMS, .offset = (uint64_t)i * DIMS_B, .range = DIMS_B };
	for (uint32_t j = 0; j < k->nbind; j++) {
		uint32_t t = p->args[step->bind + j];

		if (range_of(s, pl, t, sizes, &c.b[1 + j]))
			return session_error(err, -E2BIG, "%s: node '%s' (%s): tensor '%s' has %llu bytes, a binding of %s takes %llu", s->path,
					     tuff_str(p, step->node), tuff_op_name(step->op), tuff_str(p, p->tensors[t].name),
					     (unsigned long long)c.b[1 + j].range, s->dev->info.name, (unsigned long long)s->dev->info.max_storage_range);
		wait |= clash(seen, &c.b[1 + j], k->write_mask >> j & 1);
	}
	if (wait) {
		put(st, &barrier, sizeof(barrier));
		seen->n = 0;
	}
	for (uint32_t j = 0; j < k->nbind; j++) {
		if (c.b[1 + j].slot == SLOT_WEIGHTS)
			continue;
		seen->r[seen->n].slot = c.b[1 + j].slot;
		seen->r[seen->n].write = k->write_mask >> j & 1;
		seen->r[seen->n].from = c.b[1 + j].offset;
		seen->r[seen->n++].to = c.b[1 + j].offset + c.b[1 + j].range;
	}
	put(st, &c, c.d.size_dw * 4);
	return 0;
}

/* all slots, as they are bound in the next run; returns how many */
static uint32_t bindings(const struct tuff_session *s, const struct device_plan *dp, struct tuff_job_slot *slots)
{
	const uint32_t rw = TUFF_SLOT_READ | TUFF_SLOT_WRITE;

	slots[0] = (struct tuff_job_slot){ SLOT_WEIGHTS, s->on_dev->weights.handle, TUFF_SLOT_READ, 0, 0, s->on_dev->weights.size };
	slots[1] = (struct tuff_job_slot){ SLOT_ARENA, dp->arena.handle, rw, 0, 0, dp->arena.size };
	slots[2] = (struct tuff_job_slot){ SLOT_SHARED, dp->shared.handle, rw, 0, 0, dp->shared_size };
	slots[3] = (struct tuff_job_slot){ SLOT_DIMS, dp->dims.handle, TUFF_SLOT_READ, 0, 0, dp->dims.size };
	for (uint32_t i = 0; i < dp->nio; i++) {
		const struct device_io *io = &dp->io[i];

		slots[SLOT_IO + i] = (struct tuff_job_slot){ SLOT_IO + i, io->handle ? io->handle : dp->shared.handle, io->flags, 0,
							     io->handle ? io->offset : io->home, io->range };
	}
	return SLOT_IO + dp->nio;
}

static int create(struct tuff_session *s, struct plan *pl, const struct stream *st, uint32_t *id, struct tuff_error *err)
{
	char why[256] = "";
	struct tuff_job_slot bound[TUFF_MAX_SLOTS];
	struct tuff_cmdbuf_slot slots[TUFF_MAX_SLOTS];
	uint32_t n = bindings(s, pl->dev, bound);
	struct tuff_cmdbuf_create c = { .stream = (uintptr_t)st->p, .stream_size = st->n,
					.slots = { sizeof(slots[0]), n, (uintptr_t)slots },
					.error = (uintptr_t)why, .error_size = sizeof(why) };
	int ret;

	for (uint32_t i = 0; i < n; i++)
		slots[i] = (struct tuff_cmdbuf_slot){ i, bound[i].flags, bound[i].range };
	ret = st->oom ? -ENOMEM : tuff_local_ioctl(s->dev->file, TUFF_IOCTL_CMDBUF_CREATE, &c);
	*id = c.cmdbuf_id;
	return ret ? session_error(err, ret, "%s: the device refuses the command buffer: %s", s->path, *why ? why : strerror(-ret)) : 0;
}

/* the command buffers of one segment; timed: TIMESTAMP packets around every dispatch */
static int segment(struct tuff_session *s, struct plan *pl, struct device_segment *g, bool timed,
		   const uint64_t *sizes, struct tuff_error *err)
{
	static const struct tuff_cmd_barrier barrier = { TUFF_CMD_BARRIER, sizeof(barrier) / 4, 0 };
	const struct tuff_program *p = s->p;
	struct stream st = { 0 };
	struct touched seen = { .n = 0 };
	uint32_t *ids = calloc(g->count + 1, sizeof(*ids)), n = 0, steps = 0;
	int64_t macs = 0, work;
	int ret = ids ? 0 : -ENOMEM;

	for (uint32_t i = g->first; i < g->first + g->count && !ret; i++) {
		struct tuff_cmd_timestamp ts = { TUFF_CMD_TIMESTAMP, sizeof(ts) / 4, 2 * steps };

		if (!st.n && n)	/* what the command buffer before it wrote */
			put(&st, &barrier, sizeof(barrier));
		if (timed) {	/* one after the other, or the times would overlap */
			put(&st, &barrier, sizeof(barrier));
			put(&st, &ts, sizeof(ts));
		}
		ret = dispatch(s, pl, i, sizes, &st, &seen, err);
		if (timed) {
			put(&st, &barrier, sizeof(barrier));
			ts.index++;
			put(&st, &ts, sizeof(ts));
		}
		steps++;
		work = p->steps[i].macs == TUFF_NONE ? 0 : pl->vals[p->steps[i].macs];
		macs += work > CUT_MACS ? CUT_MACS + 1 : work < 0 ? 0 : work;
		if (!ret && (macs > CUT_MACS || steps == CUT_STEPS || i + 1 == g->first + g->count)) {
			ret = create(s, pl, &st, &ids[n], err);
			n += !ret;
			st.n = 0;
			seen.n = 0;
			macs = 0;
			steps = 0;
		}
	}
	free(st.p);
	if (timed) {
		g->timed = ids;
		g->ntimed = n;
	} else {
		g->cmdbufs = ids;
		g->ncmdbufs = n;
	}
	return ret;
}

int device_plan_record(struct tuff_session *s, struct plan *pl, const uint64_t *sizes, struct tuff_error *err)
{
	const struct tuff_program *p = s->p;
	struct device_plan *dp = pl->dev;
	struct tuff_bo_sync sync = { .handle = dp->dims.handle, .size = dp->dims.size, .flags = TUFF_BO_WRITE | TUFF_BO_SYNC_END };
	int ret = 0;

	dp->segments = calloc(p->nsteps + 1, sizeof(*dp->segments));
	if (!dp->segments)
		return session_error(err, -ENOMEM, "out of memory");
	for (uint32_t i = 0; i < p->nsteps && !ret; i++) {
		struct device_segment *g = dp->nsegments ? &dp->segments[dp->nsegments - 1] : NULL;

		if (p->steps[i].kind != TUFF_STEP_DISPATCH)
			continue;
		if (g && g->first + g->count == i) {
			g->count++;
			continue;
		}
		dp->segments[dp->nsegments++] = (struct device_segment){ .first = i, .count = 1 };
	}
	for (uint32_t i = 0; i < dp->nsegments && !ret; i++)
		ret = segment(s, pl, &dp->segments[i], false, sizes, err);
	if (!ret && dp->dims.staged)
		ret = tuff_local_ioctl(s->dev->file, TUFF_IOCTL_BO_SYNC, &sync);
	return ret;
}

int device_submit(struct tuff_session *s, struct plan *pl, uint32_t i, bool timed, uint64_t *seqno, struct tuff_error *err)
{
	struct device *d = s->dev;
	struct device_plan *dp = pl->dev;
	struct device_segment *g = &dp->segments[i];
	struct tuff_job_slot slots[TUFF_MAX_SLOTS];
	struct tuff_sync_op sig = { TUFF_SYNC_TIMELINE | TUFF_SYNC_SIGNAL, d->timeline, d->point + 1 };
	struct tuff_job jobs[TUFF_MAX_JOBS];
	struct tuff_submit sub = { .ctx_id = d->ctx };
	uint32_t nslots = bindings(s, dp, slots), n = timed ? 1 : g->ncmdbufs, per = timed ? g->ntimed : 1;
	int ret = n > TUFF_MAX_JOBS ? -E2BIG : 0;

	/* between two of them the device may go to another client */
	for (uint32_t k = 0; k < n && !ret; k++)
		jobs[k] = (struct tuff_job){
			.cmdbufs = { 4, per, (uintptr_t)(timed ? g->timed : &g->cmdbufs[k]) },
			.slots = { sizeof(slots[0]), nslots, (uintptr_t)slots },
			.syncs = { sizeof(sig), k + 1 == n, (uintptr_t)&sig },
			.flags = k ? TUFF_JOB_CHAIN : 0 };
	sub.jobs = (struct tuff_array){ sizeof(jobs[0]), n, (uintptr_t)jobs };
	TUFF_TRACE(segment_begin, (uint64_t)(uintptr_t)s, s->clock, i, 1);
	ret = ret ? ret : tuff_local_ioctl(d->file, TUFF_IOCTL_SUBMIT, &sub);
	if (ret)
		return session_error(err, ret, "%s: submit to %s: %s", s->path, d->info.name, strerror(-ret));
	d->point++;
	if (!i)
		d->seg_from = 0;
	d->seg_to = i + 1;
	if (seqno)
		*seqno = sub.first_seqno;
	return 0;
}

int device_plan_time(struct tuff_session *s, struct plan *pl, struct tuff_error *err)
{
	struct device_plan *dp = pl->dev;
	uint64_t *sizes = malloc((s->p->nbufs + 1) * sizeof(*sizes));
	int ret = sizes ? 0 : session_error(err, -ENOMEM, "out of memory");

	for (uint32_t i = 0; i < s->p->nbufs && !ret; i++)
		sizes[i] = pl->vals[s->p->bufs[i].size];
	for (uint32_t i = 0; i < dp->nsegments && !ret; i++)
		if (!dp->segments[i].timed)
			ret = segment(s, pl, &dp->segments[i], true, sizes, err);
	free(sizes);
	return ret;
}

int device_times(struct tuff_session *s, struct plan *pl, uint32_t i, uint64_t seqno, uint64_t *ns, struct tuff_error *err)
{
	const struct device_segment *g = &pl->dev->segments[i];
	uint64_t *t = calloc(2 * g->count, sizeof(*t));
	struct tuff_job_timestamps q = { .ctx_id = s->dev->ctx, .count = 2 * g->count, .seqno = seqno, .array = (uintptr_t)t };
	int ret = t ? tuff_local_ioctl(s->dev->file, TUFF_IOCTL_JOB_TIMESTAMPS, &q) : -ENOMEM;

	for (uint32_t k = 0; k < g->count && !ret; k++)
		ns[g->first + k] = t[2 * k + 1] - t[2 * k];
	free(t);
	return ret ? session_error(err, ret, "%s has no timestamps: %s", s->dev->info.name, strerror(-ret)) : 0;
}
