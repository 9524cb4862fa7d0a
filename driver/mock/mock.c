// SPDX-License-Identifier: MIT
/* The mock back end (mock.h). */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "driver/executor/floors.h"
#include "driver/list.h"
#include "driver/mock/mock.h"

#define MAX_FLIGHTS	256
#define MAX_RECS	64

struct tuff_be_mem {
	struct list node;
	uint64_t size;
	char *bytes;		/* what the device sees */
	char *host;		/* the client's memfd, NULL = none */
	bool staged;
};

struct tuff_be_kernel {
	struct list node;
	int error;
};

struct tuff_be_rec {
	struct list node;
	struct tuff_be_cmd *cmds;
	struct tuff_be_slot *slots;
	uint32_t ncmds, nslots;
	uint64_t stamp;
	bool busy;
};

struct flight {
	uint64_t seqno;
	int64_t end;
	struct tuff_be_rec *recs[MAX_RECS];
	uint32_t n;
};

struct tuff_be_device {
	struct tuff_be_info info;
	struct tuff_be_counters cnt;
	struct list mems, kernels, recs;
	struct flight flights[MAX_FLIGHTS];
	uint64_t head, tail, done;
	int64_t last_end;
	bool poisoned, closed;
};

/* One lock for everything: this is for tests. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static struct tuff_mock mock;
static int64_t the_clock;
static uint64_t ticks;		/* of tuff_mock_advance */
static uint32_t objects;

void tuff_mock_lock(void)
{
	pthread_mutex_lock(&lock);
}

void tuff_mock_unlock(void)
{
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&lock);
}

struct tuff_mock *tuff_mock_reset(void)
{
	tuff_mock_lock();
	memset(&mock, 0, sizeof(mock));
	mock.reach = (1u << TUFF_BE_REACH_COUNT) - 1;
	mock.features = TUFF_BE_F_TIMESTAMP | TUFF_BE_F_UNIFIED | TUFF_BE_F_SOFTWARE;
	mock.job_ns = 1000000;
	mock.self_advance = true;
	mock.budget_B = 1ull << 32;
	the_clock = 1000000000;
	tuff_mock_unlock();
	return &mock;
}

void tuff_mock_advance(int64_t ns)
{
	tuff_mock_lock();
	the_clock += ns;
	ticks++;
	tuff_mock_unlock();
}

int64_t tuff_mock_clock(void)
{
	int64_t t;

	pthread_mutex_lock(&lock);
	t = the_clock;
	pthread_mutex_unlock(&lock);
	return t;
}

uint32_t tuff_mock_objects(void)
{
	return __atomic_load_n(&objects, __ATOMIC_RELAXED);
}

static void count_object(int n)
{
	__atomic_add_fetch(&objects, (uint32_t)n, __ATOMIC_RELAXED);
}

static int mock_enumerate(struct tuff_be_info *infos, uint32_t max)
{
	static const struct tuff_be_limits roomy = {
		.max_storage_buffers = 16, .max_uniform_range = 65536,
		.max_storage_range = 1ull << 30, .max_alloc_B = 1ull << 32,
		.max_buffer_B = 1ull << 32, .storage_align = 16, .uniform_align = 16,
		.import_align = 4096, .shared_B = 32768, .max_invocations = 1024,
		.max_group_size = { 1024, 1024, 64 }, .subgroup_size = 32, .subgroup_min = 32,
		.max_group_count = { 65535, 65535, 65535 },
		.subgroup_max = 32, .timestamp_bits = 64, .timestamp_ns = 1.0f };
	struct tuff_be_info *i = infos;

	if (!max)
		return 1;
	memset(i, 0, sizeof(*i));
	snprintf(i->name, sizeof(i->name), "mock");
	snprintf(i->driver, sizeof(i->driver), "mock 1");
	i->class = TUFF_BE_GPU;
	i->limits = mock.floors ? tuff_be_floors : roomy;
	i->features = mock.features;
	if (mock.floors)
		i->features &= ~TUFF_BE_F_TIMESTAMP;
	if (!(i->features & TUFF_BE_F_TIMESTAMP))
		i->limits.timestamp_bits = 0;
	i->reach = mock.reach;
	i->nregions = 1;
	i->regions[0] = (struct tuff_be_region){ mock.budget_B, mock.budget_B, 1, 1 };
	i->drm_primary[0] = i->drm_primary[1] = -1;
	i->drm_render[0] = i->drm_render[1] = -1;
	if (mock.describe)
		mock.describe(i);
	return 1;
}

static int mock_open(uint32_t index, struct tuff_be_device **out)
{
	struct tuff_be_device *dev;

	if (index)
		return -ENODEV;
	if (mock.open_error)
		return mock.open_error;
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;
	list_init(&dev->mems);
	list_init(&dev->kernels);
	list_init(&dev->recs);
	mock_enumerate(&dev->info, 1);
	*out = dev;
	return 0;
}

static void free_mem(struct tuff_be_device *dev, struct tuff_be_mem *m)
{
	list_del(&m->node);
	if (m->host)
		munmap(m->host, m->size);
	if (m->bytes != m->host)
		free(m->bytes);
	dev->cnt.frees++;
	dev->cnt.mem_B -= m->size;
	free(m);
	count_object(-1);
}

static void free_rec(struct tuff_be_rec *r)
{
	list_del(&r->node);
	free(r->cmds);
	free(r->slots);
	free(r);
	count_object(-1);
}

/* Here nothing really uses what was quarantined. */
static void mock_close(struct tuff_be_device *dev)
{
	struct tuff_be_mem *m;
	struct tuff_be_rec *r;
	struct tuff_be_kernel *k;

	while ((r = list_first(&dev->recs, struct tuff_be_rec, node)))
		free_rec(r);
	while ((k = list_first(&dev->kernels, struct tuff_be_kernel, node))) {
		list_del(&k->node);
		free(k);
		count_object(-1);
	}
	while ((m = list_first(&dev->mems, struct tuff_be_mem, node)))
		free_mem(dev, m);
	free(dev);
}

static const struct tuff_be_info *mock_info(struct tuff_be_device *dev)
{
	return &dev->info;
}

static void mock_budget(struct tuff_be_device *dev, struct tuff_be_region *regions)
{
	memcpy(regions, dev->info.regions, sizeof(dev->info.regions));
	regions[0].budget_B = mock.budget_B;
}

static struct tuff_be_mem *new_mem(struct tuff_be_device *dev, uint64_t size)
{
	struct tuff_be_mem *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->size = size;
	list_add_tail(&m->node, &dev->mems);
	dev->cnt.allocs++;
	dev->cnt.mem_B += size;
	count_object(1);
	return m;
}

static int mock_mem_alloc(struct tuff_be_device *dev, const struct tuff_be_mem_desc *desc,
			  struct tuff_be_mem **out)
{
	struct tuff_be_mem *m;

	if (mock.alloc_error)
		return mock.alloc_error;
	if (dev->cnt.mem_B + desc->size > mock.budget_B)
		return -ENOSPC;
	m = new_mem(dev, desc->size);
	if (!m)
		return -ENOMEM;
	m->bytes = calloc(1, desc->size);
	if (!m->bytes) {
		free_mem(dev, m);
		return -ENOMEM;
	}
	*out = m;
	return 0;
}

static int mock_mem_import(struct tuff_be_device *dev, int fd, uint64_t size, uint32_t reach,
			   struct tuff_be_mem **out)
{
	uint32_t align = dev->info.limits.import_align;
	struct tuff_be_mem *m;
	char *host;

	if (!(dev->info.reach & (1u << reach)) ||
	    (reach == TUFF_BE_REACH_HOSTPTR && size % align))
		return -EOPNOTSUPP;
	host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (host == MAP_FAILED)
		return -errno;
	m = new_mem(dev, size);
	if (!m) {
		munmap(host, size);
		return -ENOMEM;
	}
	m->host = m->bytes = host;
	if (reach == TUFF_BE_REACH_STAGING) {
		m->staged = true;
		m->bytes = calloc(1, size);
		if (!m->bytes) {
			free_mem(dev, m);
			return -ENOMEM;
		}
	}
	dev->cnt.imports++;
	*out = m;
	return 0;
}

static void mock_mem_free(struct tuff_be_device *dev, struct tuff_be_mem *m)
{
	if (m && !dev->poisoned)
		free_mem(dev, m);
}

static void *mock_mem_map(struct tuff_be_mem *m)
{
	return m->host ? m->host : m->bytes;
}

static int mock_mem_sync(struct tuff_be_mem *m, uint64_t offset, uint64_t size, bool to_device)
{
	if (offset > m->size || size > m->size - offset)
		return -EINVAL;
	if (m->staged && to_device)
		memcpy(m->bytes + offset, m->host + offset, size);
	else if (m->staged)
		memcpy(m->host + offset, m->bytes + offset, size);
	return 0;
}

static bool mock_mem_staged(struct tuff_be_mem *m)
{
	return m->staged;
}

static int mock_kernel_create(struct tuff_be_device *dev, const struct tuff_be_kernel_desc *desc,
			      struct tuff_be_kernel **out)
{
	struct tuff_be_kernel *k = calloc(1, sizeof(*k));

	(void)desc;
	if (!k)
		return -ENOMEM;
	k->error = mock.kernel_error;
	list_add_tail(&k->node, &dev->kernels);
	dev->cnt.pipelines++;
	count_object(1);
	*out = k;
	return 0;
}

/* A hang ends when the test says so, or after the time (of the real clock). */
static int mock_kernel_wait(struct tuff_be_kernel *k, int64_t timeout_ns)
{
	struct timespec ts;
	int ret = 0;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += timeout_ns / 1000000000;
	ts.tv_nsec += timeout_ns % 1000000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&lock);
	while (mock.kernel_hang && ret != ETIMEDOUT)
		ret = pthread_cond_timedwait(&cond, &lock, &ts);
	ret = mock.kernel_hang ? -ETIME : k->error;
	pthread_mutex_unlock(&lock);
	return ret;
}

static void mock_kernel_destroy(struct tuff_be_device *dev, struct tuff_be_kernel *k)
{
	if (!k || dev->poisoned)
		return;
	list_del(&k->node);
	free(k);
	count_object(-1);
}

static int mock_record(struct tuff_be_device *dev, const struct tuff_be_cmd *cmds, uint32_t ncmds,
		       const struct tuff_be_slot *slots, uint32_t nslots,
		       struct tuff_be_rec **out)
{
	struct tuff_be_rec *r;

	if (mock.record_error)
		return mock.record_error;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	list_add_tail(&r->node, &dev->recs);
	count_object(1);
	r->cmds = malloc(ncmds * sizeof(*cmds) + 1);
	r->slots = malloc(nslots * sizeof(*slots) + 1);
	if (!r->cmds || !r->slots) {
		free_rec(r);
		return -ENOMEM;
	}
	if (ncmds)
		memcpy(r->cmds, cmds, ncmds * sizeof(*cmds));
	if (nslots)
		memcpy(r->slots, slots, nslots * sizeof(*slots));
	r->ncmds = ncmds;
	r->nslots = nslots;
	dev->cnt.records++;
	*out = r;
	return 0;
}

static void mock_rec_destroy(struct tuff_be_device *dev, struct tuff_be_rec *r)
{
	if (r && !dev->poisoned)
		free_rec(r);
}

static char *at(const struct tuff_be_rec *r, const struct tuff_be_bind *b)
{
	const struct tuff_be_slot *s = &r->slots[b->slot];

	return s->mem->bytes + s->offset + b->offset;
}

static void execute(const struct tuff_be_rec *r)
{
	void *host[128] = { NULL };

	for (uint32_t i = 0; i < r->nslots && i < 128; i++)
		if (r->slots[i].mem)
			host[i] = r->slots[i].mem->bytes + r->slots[i].offset;
	for (uint32_t i = 0; i < r->ncmds; i++) {
		const struct tuff_be_cmd *c = &r->cmds[i];

		if (c->op == TUFF_BE_COPY)
			memmove(at(r, &c->dst), at(r, &c->src), c->dst.range);
		else if (c->op == TUFF_BE_FILL)
			for (uint64_t k = 0; k < c->dst.range; k += 4)
				memcpy(at(r, &c->dst) + k, &c->value, 4);
		else if (c->op == TUFF_BE_DISPATCH && mock.dispatch)
			mock.dispatch(c, r->slots, host);
	}
}

static int mock_submit(struct tuff_be_device *dev, struct tuff_be_rec *const *recs, uint32_t n,
		       uint64_t seqno)
{
	struct flight *f = &dev->flights[dev->tail % MAX_FLIGHTS];
	int ret;

	pthread_mutex_lock(&lock);
	ret = mock.lost || dev->poisoned ? -EIO : mock.submit_error;
	if (!ret && dev->tail - dev->head == MAX_FLIGHTS)
		ret = -EBUSY;
	for (uint32_t i = 0; i < n && !ret; i++)
		ret = recs[i]->busy ? -EEXIST : 0;	/* a broken promise of the caller's */
	if (ret)
		goto out;
	if (dev->last_end < the_clock)
		dev->last_end = the_clock;
	dev->last_end += mock.job_ns;
	f->end = dev->last_end;
	f->seqno = seqno;
	f->n = n;
	for (uint32_t i = 0; i < n; i++) {
		f->recs[i] = recs[i];
		recs[i]->busy = true;
	}
	dev->tail++;
	dev->cnt.submits++;
	dev->cnt.recs_submitted += n;
out:
	pthread_mutex_unlock(&lock);
	return ret;
}

static void retire_locked(struct tuff_be_device *dev)
{
	while (dev->head != dev->tail && !mock.hang) {
		struct flight *f = &dev->flights[dev->head % MAX_FLIGHTS];

		if (f->end > the_clock)
			break;
		for (uint32_t i = 0; i < f->n; i++) {
			execute(f->recs[i]);
			f->recs[i]->stamp = (uint64_t)f->end;
			f->recs[i]->busy = false;
		}
		dev->done = f->seqno;
		dev->head++;
	}
}

/* Also returns when the clock was moved: whoever waits has timers on it. */
static int mock_wait(struct tuff_be_device *dev, uint64_t seqno, int64_t timeout_ns,
		     uint64_t *done)
{
	struct timespec ts;
	uint64_t start;
	int ret = 0;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (timeout_ns > 3600000000000ll)
		timeout_ns = 3600000000000ll;
	ts.tv_sec += timeout_ns / 1000000000;
	ts.tv_nsec += timeout_ns % 1000000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&lock);
	start = ticks;
	if (mock.self_advance && timeout_ns > 0 && !mock.hang)
		for (uint64_t i = dev->head; i < dev->tail; i++)
			if (dev->flights[i % MAX_FLIGHTS].seqno <= seqno &&
			    dev->flights[i % MAX_FLIGHTS].end > the_clock)
				the_clock = dev->flights[i % MAX_FLIGHTS].end;
	retire_locked(dev);
	while (timeout_ns > 0 && dev->done < seqno && !mock.lost && !dev->poisoned &&
	       ticks == start && ret != ETIMEDOUT) {
		ret = pthread_cond_timedwait(&cond, &lock, &ts);
		retire_locked(dev);
	}
	*done = dev->done;
	ret = mock.lost || dev->poisoned ? -EIO : dev->done < seqno ? -ETIME : 0;
	pthread_mutex_unlock(&lock);
	return ret;
}

static int mock_timestamps(struct tuff_be_device *dev, struct tuff_be_rec *r, uint64_t *ns,
			   uint32_t count)
{
	if (!dev->info.limits.timestamp_bits)
		return -EOPNOTSUPP;
	for (uint32_t i = 0; i < count; i++)
		ns[i] = r->stamp;
	return 0;
}

static int mock_clocks(struct tuff_be_device *dev, uint64_t *cpu_ns, uint64_t *device_ns)
{
	if (!dev->info.limits.timestamp_bits)
		return -EOPNOTSUPP;
	*cpu_ns = *device_ns = (uint64_t)tuff_mock_clock();
	return 0;
}

static void mock_poison(struct tuff_be_device *dev)
{
	tuff_mock_lock();
	dev->poisoned = true;
	tuff_mock_unlock();
}

static void mock_counters(struct tuff_be_device *dev, struct tuff_be_counters *out)
{
	*out = dev->cnt;
}

const struct tuff_be_ops tuff_be_mock = {
	.name = "mock",
	.enumerate = mock_enumerate,
	.open = mock_open,
	.close = mock_close,
	.info = mock_info,
	.budget = mock_budget,
	.mem_alloc = mock_mem_alloc,
	.mem_import = mock_mem_import,
	.mem_free = mock_mem_free,
	.mem_map = mock_mem_map,
	.mem_sync = mock_mem_sync,
	.mem_staged = mock_mem_staged,
	.kernel_create = mock_kernel_create,
	.kernel_wait = mock_kernel_wait,
	.kernel_destroy = mock_kernel_destroy,
	.record = mock_record,
	.rec_destroy = mock_rec_destroy,
	.submit = mock_submit,
	.wait = mock_wait,
	.timestamps = mock_timestamps,
	.clocks = mock_clocks,
	.poison = mock_poison,
	.counters = mock_counters,
	.now = tuff_mock_clock,
};
