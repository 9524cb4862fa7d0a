/* SPDX-License-Identifier: MIT */
/* Small ids for pointers, from 1; the lowest free one is given. */
#ifndef TUFF_DRIVER_IDR_H
#define TUFF_DRIVER_IDR_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct idr {
	void **p;
	uint32_t cap, free;	/* below free: all taken */
};

#define IDR_MAX	(1u << 20)

/* Places p at a free id, or returns -ENOMEM, -ENOSPC. */
static inline int idr_alloc(struct idr *r, void *p, uint32_t *id)
{
	uint32_t i = r->free, cap;
	void **n;

	while (i < r->cap && r->p[i])
		i++;
	if (i == r->cap) {
		if (r->cap == IDR_MAX)
			return -ENOSPC;
		cap = r->cap ? 2 * r->cap : 16;
		n = realloc(r->p, cap * sizeof(*n));
		if (!n)
			return -ENOMEM;
		memset(n + r->cap, 0, (cap - r->cap) * sizeof(*n));
		r->p = n;
		r->cap = cap;
	}
	r->p[i] = p;
	r->free = i + 1;
	*id = i + 1;
	return 0;
}

/* Places p at the id that the peer chose; it must be free. */
static inline int idr_alloc_at(struct idr *r, void *p, uint32_t id)
{
	uint32_t cap = r->cap ? r->cap : 16;
	void **n;

	if (!id || id > IDR_MAX)
		return -EINVAL;
	while (cap < id)
		cap *= 2;
	if (cap != r->cap) {
		n = realloc(r->p, cap * sizeof(*n));
		if (!n)
			return -ENOMEM;
		memset(n + r->cap, 0, (cap - r->cap) * sizeof(*n));
		r->p = n;
		r->cap = cap;
	}
	if (r->p[id - 1])
		return -EEXIST;
	r->p[id - 1] = p;
	return 0;
}

static inline void *idr_find(const struct idr *r, uint32_t id)
{
	return id && id <= r->cap ? r->p[id - 1] : NULL;
}

static inline void *idr_remove(struct idr *r, uint32_t id)
{
	void *p = idr_find(r, id);

	if (p) {
		r->p[id - 1] = NULL;
		if (id - 1 < r->free)
			r->free = id - 1;
	}
	return p;
}

static inline void idr_fini(struct idr *r)
{
	free(r->p);
	memset(r, 0, sizeof(*r));
}

#define idr_for_each(r, id, ptr) \
	for (id = 1; id <= (r)->cap; id++) \
		if (((ptr) = (__typeof__(ptr))(r)->p[id - 1]))
#endif
