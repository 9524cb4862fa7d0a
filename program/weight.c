// SPDX-License-Identifier: MIT
/*
 * Source bytes of weights: files are mapped, never read whole, and pages are
 * dropped once a tensor is packed, so that loading peaks at packed weights
 * plus one tensor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program/program.h"

int tuff_weight_src_open(const struct tuff_program *p, struct tuff_weight_src *src,
			 char *err, size_t errlen)
{
	memset(src, 0, sizeof(*src));
	src->p = p;
	src->files = calloc(p->nfiles ? p->nfiles : 1, sizeof(*src->files));
	if (!src->files)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->nfiles; i++)
		src->files[i].fd = -1;
	for (uint32_t i = 0; i < p->nfiles; i++) {
		const char *path = tuff_str(p, p->files[i]);
		struct stat st;
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		void *map;
		int ret;

		if (fd < 0 || fstat(fd, &st)) {
			ret = -errno;
			snprintf(err, errlen, "%s: %s", path, strerror(-ret));
			if (fd >= 0)
				close(fd);
			tuff_weight_src_close(src);
			return ret;
		}
		src->files[i].fd = fd;
		src->files[i].size = st.st_size;
		if (!st.st_size)
			continue;
		map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map == MAP_FAILED) {
			ret = -errno;
			snprintf(err, errlen, "%s: mmap: %s", path, strerror(-ret));
			tuff_weight_src_close(src);
			return ret;
		}
		src->files[i].map = map;
	}
	/* a file may have shrunk since the program was made */
	for (uint32_t i = 0; i < p->nweights; i++) {
		const struct tuff_weight *w = &p->weights[i];
		uint64_t size;

		if (w->src != TUFF_W_FILE)
			continue;
		size = w->file < p->nfiles ? src->files[w->file].size : 0;
		if (w->offset > size || w->size > size - w->offset) {
			snprintf(err, errlen, "%s: tensor '%s' ends at byte %llu of a file of %llu",
				 w->file < p->nfiles ? tuff_str(p, p->files[w->file]) : "?",
				 tuff_str(p, w->name), (unsigned long long)(w->offset + w->size),
				 (unsigned long long)size);
			tuff_weight_src_close(src);
			return -EINVAL;
		}
	}
	return 0;
}

void tuff_weight_src_close(struct tuff_weight_src *src)
{
	for (uint32_t i = 0; src->files && i < src->p->nfiles; i++) {
		if (src->files[i].map)
			munmap((void *)src->files[i].map, src->files[i].size);
		if (src->files[i].fd >= 0)
			close(src->files[i].fd);
	}
	free(src->files);
	memset(src, 0, sizeof(*src));
}

const void *tuff_weight_bytes(const struct tuff_weight_src *src, uint32_t i)
{
	const struct tuff_weight *w = &src->p->weights[i];

	if (w->src == TUFF_W_FILE)
		return src->files[w->file].map + w->offset;
	return w->src == TUFF_W_DATA ? src->p->data + w->offset : NULL;
}

void tuff_weight_drop(const struct tuff_weight_src *src, uint32_t i)
{
	const struct tuff_weight *w = &src->p->weights[i];
	uintptr_t page = sysconf(_SC_PAGESIZE), from, to;

	if (w->src != TUFF_W_FILE && !(w->src == TUFF_W_DATA && src->p->mapped))
		return;
	from = ((uintptr_t)tuff_weight_bytes(src, i) + page - 1) & -page;
	to = ((uintptr_t)tuff_weight_bytes(src, i) + w->size) & -page;
	if (to > from)
		madvise((void *)from, to - from, MADV_DONTNEED);
}

/* one element to its stored form: halves to float, integers to 32 bits (int64 clamps) */
static bool convert(const uint8_t *b, uint32_t dtype, uint32_t storage, void *dst)
{
	uint32_t u;
	uint16_t h;
	int64_t i;

	memcpy(&h, b, tuff_dtype_size(dtype) >= 2 ? 2 : 1);
	switch (dtype) {
	case TUFF_F16:
		*(float *)dst = tuff_f16_to_f32(h);
		return storage == TUFF_F32;
	case TUFF_BF16:
		u = (uint32_t)h << 16;
		break;
	case TUFF_I8:
		u = (int32_t)(int8_t)*b;
		break;
	case TUFF_U8: case TUFF_BOOL:
		u = *b;
		break;
	case TUFF_I16:
		u = (int32_t)(int16_t)h;
		break;
	case TUFF_U16:
		u = h;
		break;
	case TUFF_I64:
		memcpy(&i, b, 8);
		u = (int32_t)(i > INT32_MAX ? INT32_MAX : i < INT32_MIN ? INT32_MIN : i);
		break;
	default:
		return false;
	}
	memcpy(dst, &u, 4);
	return dtype == TUFF_BF16 ? storage == TUFF_F32 : storage == TUFF_I32 || storage == TUFF_U32;
}

int tuff_weight_read(const struct tuff_weight_src *src, uint32_t i, uint32_t storage, void *dst)
{
	const struct tuff_weight *w = &src->p->weights[i];
	size_t es = tuff_dtype_size(w->dtype), n = 1;
	const uint8_t *b = tuff_weight_bytes(src, i);

	for (uint32_t d = 0; d < w->rank; d++)
		n *= w->dim[d];
	if (!es)
		return -EOPNOTSUPP;
	if (storage == w->dtype) {
		if (b)
			memcpy(dst, b, n * es);
		else
			for (size_t k = 0; k < n; k++)
				memcpy((uint8_t *)dst + k * es, &w->fill, es);
		return 0;
	}
	for (size_t k = 0; k < n; k++)
		if (!convert(b ? b + k * es : (const uint8_t *)&w->fill, w->dtype, storage, (uint8_t *)dst + 4 * k))
			return -EOPNOTSUPP;
	return 0;
}

void tuff_program_destroy(struct tuff_program *p)
{
	if (p && p->destroy)
		p->destroy(p);
}
