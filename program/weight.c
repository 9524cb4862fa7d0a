// SPDX-License-Identifier: MIT
/* Source bytes of weights: read from where they lie, in memory or in files, a slice at a time. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program/program.h"

#define SLICE 65536	/* bytes converted at a time; a multiple of every element */

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
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ret;

		if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
			ret = fd < 0 ? -errno : -EINVAL;
			snprintf(err, errlen, "%s: %s", path, fd < 0 ? strerror(-ret) : "not a regular file");
			if (fd >= 0)
				close(fd);
			tuff_weight_src_close(src);
			return ret;
		}
		src->files[i].fd = fd;
		src->files[i].size = st.st_size;
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
	for (uint32_t i = 0; src->files && i < src->p->nfiles; i++)
		if (src->files[i].fd >= 0)
			close(src->files[i].fd);
	free(src->files);
	memset(src, 0, sizeof(*src));
}

const void *tuff_weight_bytes(const struct tuff_weight_src *src, uint32_t i)
{
	const struct tuff_weight *w = &src->p->weights[i];

	return w->src == TUFF_W_DATA && !src->p->data_in_file ? src->p->data + w->offset : NULL;
}

static int read_all(int fd, uint64_t at, void *dst, size_t n)
{
	while (n) {
		ssize_t got = pread(fd, dst, n, at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)	/* the file ends before what was there when it was opened */
			return got ? -errno : -EIO;
		dst = (char *)dst + got;
		at += got;
		n -= got;
	}
	return 0;
}

int tuff_program_data(const struct tuff_program *p, uint64_t at, void *dst, size_t n)
{
	if (p->data_in_file)
		return read_all(p->data_fd, p->data_at + at, dst, n);
	if (n)
		memcpy(dst, p->data + at, n);
	return 0;
}

int tuff_weight_fetch(const struct tuff_weight_src *src, uint32_t i, uint64_t at, void *dst, size_t n)
{
	const struct tuff_weight *w = &src->p->weights[i];
	size_t es = tuff_dtype_size(w->dtype), from = es > 8 ? 8 : es;

	if (w->src == TUFF_W_FILE)
		return read_all(src->files[w->file].fd, w->offset + at, dst, n);
	if (w->src == TUFF_W_DATA)
		return tuff_program_data(src->p, w->offset + at, dst, n);
	for (size_t k = 0; k + es <= n && es; k += es) {
		memcpy((char *)dst + k, &w->fill, from);
		memset((char *)dst + k + from, 0, es - from);
	}
	return 0;
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
	uint8_t *b;
	int ret = 0;

	for (uint32_t d = 0; d < w->rank; d++)
		n *= w->dim[d];
	if (!es)
		return -EOPNOTSUPP;
	if (storage == w->dtype)
		return tuff_weight_fetch(src, i, 0, dst, n * es);
	b = malloc(SLICE);
	if (!b)
		return -ENOMEM;
	for (size_t at = 0; at < n && !ret; at += SLICE / es) {
		size_t count = n - at < SLICE / es ? n - at : SLICE / es;

		ret = tuff_weight_fetch(src, i, at * es, b, count * es);
		for (size_t k = 0; k < count && !ret; k++)
			if (!convert(b + k * es, w->dtype, storage, (uint8_t *)dst + 4 * (at + k)))
				ret = -EOPNOTSUPP;
	}
	free(b);
	return ret;
}

void tuff_program_destroy(struct tuff_program *p)
{
	if (p && p->destroy)
		p->destroy(p);
}
