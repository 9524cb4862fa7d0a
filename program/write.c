// SPDX-License-Identifier: MIT
/*
 * Writing a program file. Weights come last and a piece at a time; source bytes
 * are written as they are (with their recipe), so that any target can pack them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program/file.h"

#define CHUNK (1u << 20)	/* copied at a time */

struct out {
	int fd;
	uint64_t at;
};

static int put(struct out *o, const void *bytes, uint64_t size)
{
	while (size) {
		ssize_t n = write(o->fd, bytes, size > 1 << 30 ? 1 << 30 : size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		bytes = (const char *)bytes + n;
		size -= n;
		o->at += n;
	}
	return 0;
}

static int align(struct out *o, uint32_t to)
{
	static const uint8_t zero[TUFF_FILE_PAGE];

	return o->at % to ? put(o, zero, to - o->at % to) : 0;
}

/* every weight's bytes, once each; recipes then point into the data section */
static int data(struct out *o, const struct tuff_program *p, struct tuff_weight *w, uint64_t *size, char *err, size_t errlen)
{
	struct tuff_weight_src src;
	uint64_t start = o->at;
	void *chunk = malloc(CHUNK);
	int ret = chunk ? tuff_weight_src_open(p, &src, err, errlen) : -ENOMEM;

	for (uint32_t i = 0; i < p->nweights && !ret; i++) {
		uint32_t same = i;

		if (w[i].src == TUFF_W_FILL)
			continue;
		for (uint32_t k = i > 64 ? i - 64 : 0; k < i && same == i; k++)	/* one tensor, several recipes */
			if (p->weights[k].src == p->weights[i].src && p->weights[k].offset == p->weights[i].offset &&
			    p->weights[k].file == p->weights[i].file && p->weights[k].size == p->weights[i].size)
				same = k;
		w[i].src = TUFF_W_DATA;
		w[i].file = 0;
		if (same != i) {
			w[i].offset = w[same].offset;
			continue;
		}
		ret = align(o, w[i].size >= TUFF_FILE_PAGE ? TUFF_FILE_PAGE : 64);
		w[i].offset = o->at - start;
		for (uint64_t at = 0, n; at < w[i].size && !ret; at += n) {
			n = w[i].size - at < CHUNK ? w[i].size - at : CHUNK;
			ret = tuff_weight_fetch(&src, i, at, chunk, n);
			ret = ret ? ret : put(o, chunk, n);
		}
	}
	if (chunk)
		tuff_weight_src_close(&src);
	free(chunk);
	*size = o->at - start;
	return ret;
}

/* the hash, over the file as it is */
static int seal(int fd)
{
	struct tuff_file_head *h;
	struct stat st;
	uint64_t hash;
	int ret;

	if (fstat(fd, &st))
		return -errno;
	h = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (h == MAP_FAILED)
		return -errno;
	ret = tuff_file_hash(h, &hash);
	h->hash = hash;
	munmap(h, st.st_size);
	return ret;
}

static int all(struct out *o, const struct tuff_program *p, char *err, size_t errlen)
{
	const void *sec[SEC_COUNT] = { p->syms, p->exprs, p->tensors, p->bufs, NULL, p->kernels, p->steps, p->args, p->attrs,
				       p->inputs, p->outputs, p->strings, p->attr_data, p->spirv, NULL };
	uint64_t count[SEC_COUNT] = { p->nsyms, p->nexprs, p->ntensors, p->nbufs, p->nweights, p->nkernels, p->nsteps, p->nargs,
				      p->nattrs, p->ninputs, p->noutputs, p->strings_size, p->attr_data_size, p->spirv_size, 0 };
	struct tuff_file_head h = { .magic = TUFF_FILE_MAGIC, .version = TUFF_FILE_VERSION, .target = p->target,
				    .nsections = SEC_COUNT, .info = p->info };
	struct tuff_weight *w = malloc((p->nweights + 1) * sizeof(*w));
	int ret = w ? put(o, &h, sizeof(h)) : -ENOMEM;

	h.layout = tuff_file_layout();
	for (int i = 0; i < SEC_COUNT && !ret; i++) {
		ret = align(o, TUFF_FILE_PAGE);
		h.section[i].offset = o->at;
		h.section[i].count = count[i];
		if (i == SEC_WEIGHTS && p->nweights)
			memcpy(w, p->weights, p->nweights * sizeof(*w));
		if (ret)
			break;
		if (i == SEC_DATA)
			ret = data(o, p, w, &h.section[i].count, err, errlen);
		else
			ret = put(o, i == SEC_WEIGHTS ? w : sec[i], count[i] * tuff_section_size[i]);
	}
	/* recipes and head again, now that offsets are known */
	if (!ret && (lseek(o->fd, h.section[SEC_WEIGHTS].offset, SEEK_SET) < 0))
		ret = -errno;
	ret = ret ? ret : put(o, w, p->nweights * sizeof(*w));
	if (!ret && lseek(o->fd, 0, SEEK_SET) < 0)
		ret = -errno;
	ret = ret ? ret : put(o, &h, sizeof(h));
	ret = ret ? ret : seal(o->fd);
	free(w);
	return ret;
}

int tuff_program_write(const struct tuff_program *p, const char *path, char *err, size_t errlen)
{
	struct out o = { 0 };
	char tmp[4096];
	struct stat st;
	mode_t mask = umask(0);
	int ret;

	umask(mask);
	*err = 0;
	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {	/* the rename would replace a device or pipe */
		snprintf(err, errlen, "not a regular file");
		return -EINVAL;
	}
	if (snprintf(tmp, sizeof(tmp), "%s.XXXXXX", path) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	o.fd = mkostemp(tmp, O_CLOEXEC);
	if (o.fd < 0)
		return -errno;
	ret = all(&o, p, err, errlen);
	if (!ret && (fchmod(o.fd, 0666 & ~mask) || fsync(o.fd)))
		ret = -errno;
	if (close(o.fd) && !ret)
		ret = -errno;
	if (!ret && rename(tmp, path))
		ret = -errno;
	if (ret)
		unlink(tmp);
	return ret;
}
