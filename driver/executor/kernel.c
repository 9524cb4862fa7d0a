// SPDX-License-Identifier: MIT
/*
 * Kernels: validation and pipeline creation on threads of their own, as both
 * take milliseconds to seconds and a compiler may hang.
 */
#include <stdio.h>
#include <time.h>

#include "driver/executor/clamp.h"
#include "driver/executor/exec.h"
#include "driver/executor/spirv.h"
#include "uapi/tuff_trace.h"

struct exec_kernel *exec_kernel_get(struct exec_kernel *k)
{
	k->ref++;
	return k;
}

void exec_kernel_put(struct tuff_exec *x, struct exec_kernel *k)
{
	if (!k || --k->ref)
		return;
	if (k->be)
		x->be->kernel_destroy(x->dev, k->be);
	free(k->msg);
	free(k);
}

static void describe(const struct tuff_msg_kernel_create *m, struct tuff_be_kernel_desc *d)
{
	memset(d, 0, sizeof(*d));
	d->code = (const uint32_t *)(m + 1);
	d->size_B = m->code_size;
	d->entry = m->entry;
	d->storage_mask = m->storage_mask;
	d->uniform = m->uniform;
	d->nspec = m->nspec;
	d->hash = m->hash;
	for (uint32_t i = 0; i < m->nspec; i++) {
		d->spec_id[i] = m->spec[i].id;
		d->spec_value[i] = m->spec[i].value;
	}
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Called without the lock; k is held. */
static int make(struct tuff_exec *x, struct exec_kernel *k, char *text, size_t len)
{
	struct tuff_be_counters c0, c1;
	struct tuff_be_kernel_desc d;
	uint64_t t0;
	int ret;

	describe(k->msg, &d);
	ret = tuff_spirv_check(&d, x->info, text, len);
	if (ret)
		return ret;
	t0 = now_ns();
	pthread_mutex_lock(&x->lock);
	x->be->counters(x->dev, &c0);
	ret = x->dead ? x->dead : x->be->kernel_create(x->dev, &d, &k->be);
	pthread_mutex_unlock(&x->lock);
	if (!ret)
		ret = x->be->kernel_wait(k->be, x->compile_timeout);
	if (ret == -ETIME)
		snprintf(text, len, "the driver's compiler did not end in %lld s",
			 (long long)(x->compile_timeout / 1000000000));
	else if (ret)
		snprintf(text, len, "the driver refused the kernel: %s", strerror(-ret));
	pthread_mutex_lock(&x->lock);
	x->be->counters(x->dev, &c1);
	if (ret == -ETIME)
		k->be = NULL;	/* its compiler still holds it: left behind */
	pthread_mutex_unlock(&x->lock);
	TUFF_TRACE(pipeline_create, k->msg->hash, (int)(c1.cache_hits != c0.cache_hits),
		   now_ns() - t0);
	return ret;
}

static void *compiler(void *arg)
{
	struct tuff_exec *x = arg;
	struct exec_kernel *k;
	char text[TUFF_REPLY_TEXT];
	int ret;

	pthread_mutex_lock(&x->lock);
	for (;;) {
		while (!x->stop && list_empty(&x->compile))
			pthread_cond_wait(&x->compile_cond, &x->lock);
		k = list_first(&x->compile, struct exec_kernel, node);
		if (x->stop || !k)
			break;
		list_del(&k->node);	/* its reference is ours now */
		pthread_mutex_unlock(&x->lock);
		text[0] = 0;
		ret = make(x, k, text, sizeof(text));
		pthread_mutex_lock(&x->lock);
		k->error = ret;
		k->ready = !ret;
		free(k->msg);
		k->msg = NULL;
		if (k->cookie)
			exec_answer(x, TUFF_MSG_KERNEL_CREATE, k->cookie, ret, 0, text);
		else if (k == x->clamp)
			exec_clamp_made(x, ret, text);
		exec_kernel_put(x, k);
	}
	pthread_mutex_unlock(&x->lock);
	return NULL;
}

/* A kernel for the compilers, with one reference for them. Takes the message. */
static int start(struct tuff_exec *x, struct tuff_msg_kernel_create *m, struct exec_kernel **out)
{
	struct exec_kernel *k = calloc(1, sizeof(*k));

	while (x->ncompilers < EXEC_COMPILERS &&
	       !pthread_create(&x->compiler[x->ncompilers], NULL, compiler, x))
		x->ncompilers++;
	if (!k || !x->ncompilers) {
		free(k);
		free(m);
		return -ENOMEM;
	}
	k->ref = 1;
	k->msg = m;
	k->cookie = m->base.cookie;
	k->storage_mask = m->storage_mask;
	k->write_mask = m->write_mask;
	k->uniform = m->uniform;
	list_add_tail(&k->node, &x->compile);
	pthread_cond_signal(&x->compile_cond);
	*out = k;
	return 0;
}

int exec_kernel_create(struct tuff_exec *x, const struct tuff_msg_kernel_create *m)
{
	struct tuff_msg_kernel_create *copy;
	struct exec_kernel *k;
	int ret;

	if (m->base.size < sizeof(*m) || m->base.size != sizeof(*m) + m->code_size ||
	    m->code_size % 4 || m->code_size > TUFF_MAX_KERNEL_B || m->nspec > TUFF_MAX_SPEC ||
	    m->storage_mask >> TUFF_BE_MAX_STORAGE || (m->write_mask & ~m->storage_mask) ||
	    !memchr(m->entry, 0, sizeof(m->entry)) || !m->base.cookie)
		return -EINVAL;
	copy = malloc(m->base.size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, m, m->base.size);
	ret = start(x, copy, &k);
	if (ret)
		return ret;
	ret = idr_alloc_at(&x->kernels, exec_kernel_get(k), m->id);
	if (ret) {	/* no compiler has seen it: they need the lock */
		list_del(&k->node);
		exec_kernel_put(x, k);
		exec_kernel_put(x, k);
	}
	return ret;
}

void exec_compilers_stop(struct tuff_exec *x)
{
	struct exec_kernel *k;

	pthread_mutex_lock(&x->lock);
	x->stop = true;
	pthread_cond_broadcast(&x->compile_cond);
	pthread_mutex_unlock(&x->lock);
	for (uint32_t i = 0; i < x->ncompilers; i++)
		pthread_join(x->compiler[i], NULL);
	x->ncompilers = 0;
	while ((k = list_first(&x->compile, struct exec_kernel, node))) {
		list_del(&k->node);
		exec_kernel_put(x, k);
	}
}

/* Ours, but made as any other; the command buffers that need it wait. */
int exec_clamp(struct tuff_exec *x)
{
	const uint32_t *max = x->info->limits.max_group_count;
	struct tuff_msg_kernel_create *m;
	struct exec_kernel *k;
	int ret;

	if (x->clamp)
		return 0;
	m = calloc(1, sizeof(*m) + sizeof(clamp_spv));
	if (!m)
		return -ENOMEM;
	m->base.type = TUFF_MSG_KERNEL_CREATE;
	m->code_size = sizeof(clamp_spv);
	m->storage_mask = 3;
	m->write_mask = 2;
	m->nspec = 3;
	for (uint32_t i = 0; i < 3; i++)
		m->spec[i] = (struct tuff_spec){ i, max[i] };
	memcpy(m->entry, "main", 5);
	memcpy(m + 1, clamp_spv, sizeof(clamp_spv));
	ret = start(x, m, &k);
	if (!ret)
		x->clamp = exec_kernel_get(k);
	return ret;
}
