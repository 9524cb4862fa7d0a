// SPDX-License-Identifier: MIT
/*
 * Program files: the tables are read and checked once, in memory of ours; the
 * weights' bytes stay in the file, which stays open.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "program/file.h"

#define SLICE 65536	/* read at a time */

const uint32_t tuff_section_size[SEC_COUNT] = {
	sizeof(struct tuff_symbol), sizeof(struct tuff_expr), sizeof(struct tuff_tens), sizeof(struct tuff_buf),
	sizeof(struct tuff_weight), sizeof(struct tuff_kernel), sizeof(struct tuff_step), 4, sizeof(struct tuff_attr),
	sizeof(struct tuff_io), sizeof(struct tuff_io), 1, 1, 1, sizeof(struct tuff_file_sub), 1, 1,
};
const char *const tuff_section_name[SEC_COUNT] = {
	"symbols", "expressions", "tensors", "buffers", "weights", "kernels", "steps", "arguments", "attributes",
	"inputs", "outputs", "strings", "attribute data", "SPIR-V", "programs", "data", "images",
};

uint32_t tuff_file_layout(void)
{
	uint32_t h = 2166136261u;

	for (int i = 0; i < SEC_COUNT; i++)
		h = (h ^ tuff_section_size[i]) * 16777619u;
	return (h ^ (uint32_t)sizeof(struct tuff_file_head)) * 16777619u;
}

/*
 * Head, tables, and those weights that decide what is done (indices, shapes).
 * Numbers that are only computed with are not read twice.
 */
static int hash_of(const struct tuff_file_head *head, const void *const *sec, const struct tuff_program *data, uint64_t *out)
{
	struct tuff_file_head h = *head;
	const struct tuff_weight *w = sec[SEC_WEIGHTS];
	XXH64_state_t *st = XXH64_createState();
	char *b = malloc(SLICE);
	int ret = st && b ? 0 : -ENOMEM;
	uint64_t hash;

	h.hash = 0;
	hash = XXH64(&h, sizeof(h), 1);
	for (int i = 0; i < SEC_DATA; i++)
		hash = XXH64(sec[i], h.section[i].count * tuff_section_size[i], hash);
	for (uint64_t i = 0; i < h.section[SEC_WEIGHTS].count && !ret; i++) {
		if (w[i].src != TUFF_W_DATA || w[i].dtype == TUFF_F32 || w[i].dtype == TUFF_F16 || w[i].dtype == TUFF_BF16 ||
		    w[i].offset > data->data_size || w[i].size > data->data_size - w[i].offset)
			continue;
		XXH64_reset(st, hash);
		for (uint64_t at = 0, n; at < w[i].size && !ret; at += n) {
			n = w[i].size - at < SLICE ? w[i].size - at : SLICE;
			ret = tuff_program_data(data, w[i].offset + at, b, n);
			if (!ret)
				XXH64_update(st, b, n);
		}
		hash = XXH64_digest(st);
	}
	XXH64_freeState(st);
	free(b);
	*out = hash;
	return ret;
}

int tuff_file_hash(const void *bytes, uint64_t *hash)
{
	const struct tuff_file_head *h = bytes;
	const void *sec[SEC_COUNT];
	struct tuff_program data = { 0 };

	for (int i = 0; i < SEC_COUNT; i++)
		sec[i] = (const char *)bytes + h->section[i].offset;
	data.data = sec[SEC_DATA];
	data.data_size = h->section[SEC_DATA].count;
	return hash_of(h, sec, &data, hash);
}

/* where a program lies: a file or memory, from `base` on `size` bytes */
struct image {
	const char *bytes;	/* NULL: in fd */
	int fd;
	uint64_t base, size;
};

struct loaded {
	struct tuff_program p;
	void *tables;	/* of a file */
	bool owns;	/* the file; programs inside read what the outermost one has open */
};

static void destroy(struct tuff_program *p)
{
	struct loaded *l = p->priv;

	for (uint32_t i = 0; i < p->nsubs; i++)
		tuff_program_destroy(p->subs[i]);
	free((void *)p->subs);
	if (l->owns)
		close(p->data_fd);
	free(l->tables);
	free(l);
}

/* is this the head of a file of `size` bytes that this library reads? */
static int check_head(const struct tuff_file_head *h, uint64_t size, char *err, size_t errlen)
{
	if (size < sizeof(*h) || memcmp(h->magic, TUFF_FILE_MAGIC, 8)) {
		snprintf(err, errlen, "not a tuff program");
		return -EINVAL;
	}
	if (h->version != TUFF_FILE_VERSION || h->layout != tuff_file_layout() || h->nsections != SEC_COUNT) {
		snprintf(err, errlen, "a program of version %u, this library reads %u: compile the model again", h->version, TUFF_FILE_VERSION);
		return -EPROTONOSUPPORT;
	}
	for (int i = 0; i < SEC_COUNT; i++) {
		uint64_t off = h->section[i].offset, n = h->section[i].count;

		if (off % TUFF_FILE_PAGE || off > size || n > (size - off) / tuff_section_size[i] || (i < SEC_DATA && n > UINT32_MAX - 1)) {
			snprintf(err, errlen, "section '%s': %llu elements at byte %llu of a file of %llu", tuff_section_name[i],
				 (unsigned long long)n, (unsigned long long)off, (unsigned long long)size);
			return -EINVAL;
		}
	}
	return 0;
}

static int read_at(const struct image *im, uint64_t at, void *to, size_t n)
{
	const struct tuff_program file = { .data_in_file = true, .data_fd = im->fd };

	if (!im->bytes)
		return tuff_program_data(&file, im->base + at, to, n);
	memcpy(to, im->bytes + im->base + at, n);
	return 0;
}

/* the tables behind the head, one after the other in one block */
static int read_tables(const struct image *im, const struct tuff_file_head *h, struct loaded *l, const void **sec)
{
	size_t size = 0, at = 0;
	int ret = 0;

	for (int i = 0; i < SEC_DATA; i++)	/* within the file: no overflow */
		size += (h->section[i].count * tuff_section_size[i] + 63) / 64 * 64;
	l->tables = aligned_alloc(64, size + 64);
	if (!l->tables)
		return -ENOMEM;
	for (int i = 0; i < SEC_DATA && !ret; i++) {
		size_t n = h->section[i].count * tuff_section_size[i];

		sec[i] = (char *)l->tables + at;
		ret = read_at(im, h->section[i].offset, (char *)l->tables + at, n);
		at += (n + 63) / 64 * 64;
	}
	return ret;
}

static int parse(const struct image *im, int depth, struct tuff_program **out, char *err, size_t errlen);

/* the programs inside: each a file of its own, behind the one before */
static int subs(struct tuff_program *p, const struct image *im, const struct tuff_file_head *h, const struct tuff_file_sub *t,
		int depth, char *err, size_t errlen)
{
	uint64_t size = h->section[SEC_IMAGES].count, n = h->section[SEC_SUBS].count, end = 0;
	struct tuff_program **sub = calloc(n + 1, sizeof(*sub));

	p->subs = sub;
	if (!sub) {
		snprintf(err, errlen, "out of memory");
		return -ENOMEM;
	}
	for (uint64_t i = 0; i < n; i++) {
		struct image in = *im;
		struct tuff_file_head head;
		int ret;

		if (t[i].offset % TUFF_FILE_PAGE || t[i].offset < end || t[i].offset > size || t[i].size > size - t[i].offset ||
		    t[i].size < sizeof(head)) {
			snprintf(err, errlen, "program %llu: %llu bytes at byte %llu of %llu", (unsigned long long)i, (unsigned long long)t[i].size,
				 (unsigned long long)t[i].offset, (unsigned long long)size);
			return -EINVAL;
		}
		end = t[i].offset + t[i].size;
		in.base = im->base + h->section[SEC_IMAGES].offset + t[i].offset;
		in.size = t[i].size;
		ret = read_at(&in, 0, &head, sizeof(head));
		if (ret) {
			snprintf(err, errlen, "the file cannot be read: %s", strerror(-ret));
			return ret;
		}
		if (head.hash != t[i].hash) {
			snprintf(err, errlen, "the file is damaged: the hash of program %llu does not match", (unsigned long long)i);
			return -EBADMSG;
		}
		ret = parse(&in, depth + 1, &sub[i], err, errlen);
		if (ret)
			return ret;
		p->nsubs++;
	}
	return 0;
}

/* p's tables and data, of which the hash is checked first */
static int fill(struct tuff_program *p, const struct image *im, const struct tuff_file_head *h, const void *const *sec, int depth,
		char *err, size_t errlen)
{
	uint64_t hash;
	int ret;

	p->target = h->target;
	p->info = h->info;
	p->data_size = h->section[SEC_DATA].count;
	ret = hash_of(h, sec, p, &hash);
	if (!ret && hash != h->hash)
		ret = -EBADMSG;
	if (ret) {
		snprintf(err, errlen, ret == -EBADMSG ? "the file is damaged: its hash does not match" :
			 ret == -ENOMEM ? "out of memory" : "the file cannot be read, or changes while it is");
		return ret;
	}
#define SET(field, n, s) p->field = sec[s], p->n = h->section[s].count
	SET(syms, nsyms, SEC_SYMS), SET(exprs, nexprs, SEC_EXPRS), SET(tensors, ntensors, SEC_TENSORS);
	SET(bufs, nbufs, SEC_BUFS), SET(weights, nweights, SEC_WEIGHTS), SET(kernels, nkernels, SEC_KERNELS);
	SET(steps, nsteps, SEC_STEPS), SET(args, nargs, SEC_ARGS), SET(attrs, nattrs, SEC_ATTRS);
	SET(inputs, ninputs, SEC_INPUTS), SET(outputs, noutputs, SEC_OUTPUTS), SET(strings, strings_size, SEC_STRINGS);
	SET(attr_data, attr_data_size, SEC_ATTR_DATA), SET(spirv, spirv_size, SEC_SPIRV);
#undef SET
	ret = subs(p, im, h, sec[SEC_SUBS], depth, err, errlen);
	ret = ret ? ret : tuff_program_check(p, err, errlen);
	for (uint32_t i = 0; !ret && i < p->nweights; i++)	/* a file holds its weights itself */
		if (p->weights[i].src == TUFF_W_FILE) {
			snprintf(err, errlen, "weight %u: it lies in another file", i);
			ret = -EINVAL;
		}
	return ret;
}

static int parse(const struct image *im, int depth, struct tuff_program **out, char *err, size_t errlen)
{
	const void *sec[SEC_COUNT] = { NULL };
	struct tuff_file_head h = { 0 };
	struct loaded *l;
	int ret;

	*out = NULL;
	if (depth > TUFF_MAX_NESTING) {
		snprintf(err, errlen, "programs nested deeper than %d", TUFF_MAX_NESTING);
		return -EINVAL;
	}
	ret = im->size < sizeof(h) ? 0 : read_at(im, 0, &h, sizeof(h));
	if (ret)
		snprintf(err, errlen, "the file cannot be read: %s", strerror(-ret));
	ret = ret ? ret : check_head(&h, im->size, err, errlen);
	if (ret)
		return ret;
	l = calloc(1, sizeof(*l));
	if (!l) {
		snprintf(err, errlen, "out of memory");
		return -ENOMEM;
	}
	l->p.priv = l;
	l->p.destroy = destroy;
	if (im->bytes) {
		for (int i = 0; i < SEC_COUNT; i++)
			sec[i] = im->bytes + im->base + h.section[i].offset;
		l->p.data = sec[SEC_DATA];
	} else {
		l->p.data_in_file = true;
		l->p.data_fd = im->fd;
		l->p.data_at = im->base + h.section[SEC_DATA].offset;
		ret = read_tables(im, &h, l, sec);
		if (ret)
			snprintf(err, errlen, "the file cannot be read: %s", strerror(-ret));
	}
	ret = ret ? ret : fill(&l->p, im, &h, sec, depth, err, errlen);
	if (ret)
		destroy(&l->p);
	else
		*out = &l->p;
	return ret;
}

int tuff_program_parse(const void *bytes, size_t size, struct tuff_program **out, char *err, size_t errlen)
{
	return parse(&(struct image){ .bytes = bytes, .fd = -1, .size = size }, 0, out, err, errlen);
}

int tuff_program_load(const char *path, struct tuff_program **out, char *err, size_t errlen)
{
	struct image im = { .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
	struct stat st;
	int ret = 0;

	*out = NULL;
	if (im.fd < 0 || fstat(im.fd, &st)) {
		ret = -errno;
		snprintf(err, errlen, "%s", strerror(-ret));
	} else if (!S_ISREG(st.st_mode) || !st.st_size) {
		ret = -EINVAL;
		snprintf(err, errlen, "%s", S_ISREG(st.st_mode) ? "the file is empty" : "not a regular file");
	} else {
		im.size = st.st_size;
		ret = parse(&im, 0, out, err, errlen);
	}
	if (!ret)
		((struct loaded *)(*out)->priv)->owns = true;
	else if (im.fd >= 0)
		close(im.fd);
	return ret;
}
