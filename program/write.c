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
	uint64_t base;		/* where this program starts in the file */
	uint64_t at;		/* from there */
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

/* a script names all initializers of the model; the bytes are in the programs that read them */
static void only_names(const struct tuff_program *p, struct tuff_weight *w, uint8_t *read)
{
	for (uint32_t i = 0; i < p->nbufs; i++)
		if (p->bufs[i].kind == TUFF_BUF_WEIGHT)
			read[p->bufs[i].index] = 1;
	for (uint32_t i = 0; i < p->ninputs; i++)
		if (p->inputs[i].weight != TUFF_NONE)
			read[p->inputs[i].weight] = 1;
	for (uint32_t i = 0; i < p->nattrs; i++) {
		uint32_t t;

		if (p->attrs[i].type != TUFF_A_TENSOR)
			continue;
		memcpy(&t, p->attr_data + p->attrs[i].data, 4);
		read[t] = 1;
	}
	for (uint32_t i = 0; i < p->nweights; i++)
		if (!read[i]) {
			w[i].src = TUFF_W_FILL;
			w[i].fill = 0;
			w[i].scale = w[i].bias = TUFF_NONE;
		}
}

/* every weight's bytes, once each; recipes then point into the data section */
static int data(struct out *o, const struct tuff_program *p, struct tuff_weight *w, uint64_t *size, char *err, size_t errlen)
{
	struct tuff_weight_src src;
	uint64_t start = o->at;
	uint8_t *read = calloc(p->nweights + 1, 1);
	void *chunk = malloc(CHUNK);
	int ret = read && chunk ? tuff_weight_src_open(p, &src, err, errlen) : -ENOMEM;

	if (ret) {
		free(read);
		free(chunk);
		return ret;
	}
	if (tuff_program_scripted(p))
		only_names(p, w, read);
	free(read);
	for (uint32_t i = 0; i < p->nweights && !ret; i++) {
		uint32_t same = i;

		if (w[i].src == TUFF_W_FILL)
			continue;
		for (uint32_t k = i > 64 ? i - 64 : 0; k < i && same == i; k++)	/* one tensor, several recipes */
			if (w[k].src != TUFF_W_FILL && p->weights[k].src == p->weights[i].src && p->weights[k].offset == p->weights[i].offset &&
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
	tuff_weight_src_close(&src);
	free(chunk);
	*size = o->at - start;
	return ret;
}

/* the hash, over the program as it stands in the file */
static int seal(const struct out *o, uint64_t *hash)
{
	uint64_t size = o->base + o->at;
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, o->fd, 0);
	int ret;

	if (map == MAP_FAILED)
		return -errno;
	ret = tuff_file_hash(map + o->base, hash);
	((struct tuff_file_head *)(map + o->base))->hash = *hash;
	munmap(map, size);
	return ret;
}

static int rewrite(const struct out *o, uint64_t at, const void *bytes, uint64_t size)
{
	struct out back = { .fd = o->fd };
	int ret;

	if (lseek(o->fd, o->base + at, SEEK_SET) < 0)
		return -errno;
	ret = put(&back, bytes, size);
	return ret ? ret : lseek(o->fd, o->base + o->at, SEEK_SET) < 0 ? -errno : 0;
}

static int all(struct out *o, const struct tuff_program *p, uint64_t *hash, char *err, size_t errlen);

static int images(struct out *o, const struct tuff_program *p, struct tuff_file_sub *t, uint64_t *size, char *err, size_t errlen)
{
	uint64_t start = o->at;
	int ret = 0;

	for (uint32_t i = 0; i < p->nsubs && !ret; i++) {
		struct out in = { .fd = o->fd };

		ret = align(o, TUFF_FILE_PAGE);
		in.base = o->base + o->at;
		ret = ret ? ret : all(&in, p->subs[i], &t[i].hash, err, errlen);
		t[i].offset = o->at - start;
		t[i].size = in.at;
		o->at += in.at;
	}
	*size = o->at - start;
	return ret;
}

static int all(struct out *o, const struct tuff_program *p, uint64_t *hash, char *err, size_t errlen)
{
	const void *sec[SEC_COUNT] = { p->syms, p->exprs, p->tensors, p->bufs, NULL, p->kernels, p->steps, p->args, p->attrs,
				       p->inputs, p->outputs, p->strings, p->attr_data, p->spirv };
	uint64_t count[SEC_COUNT] = { p->nsyms, p->nexprs, p->ntensors, p->nbufs, p->nweights, p->nkernels, p->nsteps, p->nargs,
				      p->nattrs, p->ninputs, p->noutputs, p->strings_size, p->attr_data_size, p->spirv_size, p->nsubs };
	struct tuff_file_head h = { .magic = TUFF_FILE_MAGIC, .version = TUFF_FILE_VERSION, .target = p->target,
				    .nsections = SEC_COUNT, .info = p->info };
	struct tuff_weight *w = malloc((p->nweights + 1) * sizeof(*w));
	struct tuff_file_sub *t = calloc(p->nsubs + 1, sizeof(*t));
	int ret = w && t ? put(o, &h, sizeof(h)) : -ENOMEM;

	h.layout = tuff_file_layout();
	if (!ret && p->nweights)
		memcpy(w, p->weights, p->nweights * sizeof(*w));
	sec[SEC_WEIGHTS] = w;
	sec[SEC_SUBS] = t;
	for (int i = 0; i < SEC_COUNT && !ret; i++) {
		ret = align(o, TUFF_FILE_PAGE);
		h.section[i].offset = o->at;
		h.section[i].count = count[i];
		if (ret)
			break;
		if (i == SEC_DATA)
			ret = data(o, p, w, &h.section[i].count, err, errlen);
		else if (i == SEC_IMAGES)
			ret = images(o, p, t, &h.section[i].count, err, errlen);
		else
			ret = put(o, sec[i], count[i] * tuff_section_size[i]);
	}
	/* recipes, programs and head again, now that offsets are known */
	ret = ret ? ret : rewrite(o, h.section[SEC_WEIGHTS].offset, w, p->nweights * sizeof(*w));
	ret = ret ? ret : rewrite(o, h.section[SEC_SUBS].offset, t, p->nsubs * sizeof(*t));
	ret = ret ? ret : rewrite(o, 0, &h, sizeof(h));
	ret = ret ? ret : seal(o, hash);
	free(w);
	free(t);
	return ret;
}

int tuff_program_write(const struct tuff_program *p, const char *path, char *err, size_t errlen)
{
	struct out o = { 0 };
	char tmp[4096];
	struct stat st;
	mode_t mask = umask(0);
	uint64_t hash;
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
	ret = all(&o, p, &hash, err, errlen);
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
