// SPDX-License-Identifier: MIT
/* Values of the interpreter. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "userspace/interp.h"

#define MAX_BYTES (1ll << 40)

static struct tuff_session *root(struct tuff_session *s)
{
	while (s->parent)
		s = s->parent;
	return s;
}

/* what all values of a session may hold together: the machine's memory */
static uint64_t budget(void)
{
	static uint64_t all;

	if (!all)
		all = (uint64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	return all;
}

int value_make(struct tuff_session *s, uint32_t dtype, uint32_t rank, const int64_t *dim, struct value **out, char *err, size_t errlen)
{
	uint64_t size = tuff_dtype_size(dtype);
	struct value *v;

	*out = NULL;
	if (!size || rank > TUFF_MAX_RANK) {
		snprintf(err, errlen, "a result of %s with %u dimensions", tuff_dtype_name(dtype), rank);
		return -EINVAL;
	}
	for (uint32_t i = 0; i < rank; i++)
		if (dim[i] < 0 || __builtin_mul_overflow(size, (uint64_t)dim[i], &size) || size > MAX_BYTES) {
			snprintf(err, errlen, "the result is too large: dimension %u is %lld", i, (long long)dim[i]);
			return -E2BIG;
		}
	s = root(s);
	v = calloc(1, sizeof(*v));
	if (v && s->value_bytes + size <= budget())
		v->t.data = aligned_alloc(64, (size + 127) / 64 * 64);
	if (!v || !v->t.data) {
		snprintf(err, errlen, "no memory for a result of %llu bytes beside %llu that are held", (unsigned long long)size,
			 (unsigned long long)s->value_bytes);
		free(v);
		return -ENOMEM;
	}
	s->value_bytes += size;
	v->refs = 1;
	v->owner = s;
	v->t.dtype = dtype;
	v->t.rank = rank;
	v->t.size = size;
	if (rank)
		memcpy(v->t.dim, dim, rank * sizeof(*dim));
	*out = v;
	return 0;
}

int value_sequence(struct tuff_session *s, uint32_t dtype, uint64_t n, struct value **out, char *err, size_t errlen)
{
	int64_t dim = n;
	/* its table is what it takes: a tensor of pointers as far as the budget goes */
	int ret = n > INT64_MAX / sizeof(void *) ? -E2BIG : value_make(s, TUFF_U64, 1, &dim, out, err, errlen);

	if (ret)
		return ret;
	(*out)->seq = true;
	(*out)->item = (*out)->t.data;
	(*out)->n = n;
	(*out)->t.dtype = dtype;
	(*out)->t.rank = 0;
	memset((*out)->item, 0, (*out)->t.size);
	return 0;
}

int value_borrow(const struct tuff_tensor *t, struct value **out)
{
	struct value *v = calloc(1, sizeof(*v));

	*out = v;
	if (!v)
		return -ENOMEM;
	v->refs = 1;
	v->t = *t;
	return 0;
}

struct value *value_get(struct value *v)
{
	v->refs++;
	return v;
}

void value_put(struct value *v)
{
	if (!v || --v->refs)
		return;
	for (uint64_t i = 0; i < v->n; i++)	/* elements are tensors: no deeper than this */
		value_put(v->item[i]);
	if (v->owner) {
		v->owner->value_bytes -= v->t.size;
		free(v->t.data);
	}
	value_put(v->base);
	free(v);
}
