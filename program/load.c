// SPDX-License-Identifier: MIT
/* Program files are mapped, checked once, and used where they lie. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "program/file.h"

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

uint64_t tuff_file_hash(const void *bytes)
{
	struct tuff_file_head h;
	const struct tuff_weight *w;
	uint64_t hash, n;

	memcpy(&h, bytes, sizeof(h));
	h.hash = 0;
	hash = XXH64(&h, sizeof(h), 1);
	for (int i = 0; i < SEC_DATA; i++)
		hash = XXH64((const char *)bytes + h.section[i].offset, h.section[i].count * tuff_section_size[i], hash);
	w = (const void *)((const char *)bytes + h.section[SEC_WEIGHTS].offset);
	n = h.section[SEC_WEIGHTS].count;
	for (uint64_t i = 0; i < n; i++)
		if (w[i].src == TUFF_W_DATA && w[i].dtype != TUFF_F32 && w[i].dtype != TUFF_F16 && w[i].dtype != TUFF_BF16 &&
		    w[i].offset <= h.section[SEC_DATA].count && w[i].size <= h.section[SEC_DATA].count - w[i].offset)
			hash = XXH64((const char *)bytes + h.section[SEC_DATA].offset + w[i].offset, w[i].size, hash);
	return hash;
}

struct mapped {
	struct tuff_program p;
	void *map;
	size_t size;
};

static void destroy(struct tuff_program *p)
{
	struct mapped *m = p->priv;

	for (uint32_t i = 0; i < p->nsubs; i++)
		tuff_program_destroy(p->subs[i]);
	free((void *)p->subs);
	if (m->map)
		munmap(m->map, m->size);
	free(m);
}

static int parse(const void *bytes, size_t size, int depth, struct tuff_program **out, char *err, size_t errlen);

/* the programs inside: each a file of its own */
static int subs(struct tuff_program *p, const struct tuff_file_sub *t, uint32_t n, const char *images, uint64_t size,
		int depth, char *err, size_t errlen)
{
	struct tuff_program **sub = calloc(n + 1, sizeof(*sub));

	p->subs = sub;
	for (uint32_t i = 0; sub && i < n; i++) {
		struct tuff_file_head h;
		int ret;

		if (t[i].offset % TUFF_FILE_PAGE || t[i].offset > size || t[i].size > size - t[i].offset || t[i].size < sizeof(h)) {
			snprintf(err, errlen, "program %u: %llu bytes at byte %llu of %llu", i, (unsigned long long)t[i].size,
				 (unsigned long long)t[i].offset, (unsigned long long)size);
			return -EINVAL;
		}
		memcpy(&h, images + t[i].offset, sizeof(h));
		if (h.hash != t[i].hash) {
			snprintf(err, errlen, "the file is damaged: the hash of program %u does not match", i);
			return -EBADMSG;
		}
		ret = parse(images + t[i].offset, t[i].size, depth + 1, &sub[i], err, errlen);
		if (ret)
			return ret;
		p->nsubs++;
	}
	return sub ? 0 : -ENOMEM;
}

static int parse(const void *bytes, size_t size, int depth, struct tuff_program **out, char *err, size_t errlen)
{
	const struct tuff_file_head *h = bytes;
	const void *sec[SEC_COUNT];
	struct mapped *m;
	struct tuff_program *p;
	int ret;

	*out = NULL;
	if (depth > TUFF_MAX_NESTING) {
		snprintf(err, errlen, "programs nested deeper than %d", TUFF_MAX_NESTING);
		return -EINVAL;
	}
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
			snprintf(err, errlen, "section '%s': %llu elements at byte %llu of a file of %zu", tuff_section_name[i],
				 (unsigned long long)n, (unsigned long long)off, size);
			return -EINVAL;
		}
		sec[i] = (const char *)bytes + off;
	}
	if (tuff_file_hash(bytes) != h->hash) {
		snprintf(err, errlen, "the file is damaged: its hash does not match");
		return -EBADMSG;
	}
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	p = &m->p;
	p->target = h->target;
	p->info = h->info;
#define SET(field, n, s) p->field = sec[s], p->n = h->section[s].count
	SET(syms, nsyms, SEC_SYMS), SET(exprs, nexprs, SEC_EXPRS), SET(tensors, ntensors, SEC_TENSORS);
	SET(bufs, nbufs, SEC_BUFS), SET(weights, nweights, SEC_WEIGHTS), SET(kernels, nkernels, SEC_KERNELS);
	SET(steps, nsteps, SEC_STEPS), SET(args, nargs, SEC_ARGS), SET(attrs, nattrs, SEC_ATTRS);
	SET(inputs, ninputs, SEC_INPUTS), SET(outputs, noutputs, SEC_OUTPUTS), SET(strings, strings_size, SEC_STRINGS);
	SET(attr_data, attr_data_size, SEC_ATTR_DATA), SET(spirv, spirv_size, SEC_SPIRV), SET(data, data_size, SEC_DATA);
#undef SET
	p->priv = m;
	p->destroy = destroy;
	ret = subs(p, sec[SEC_SUBS], h->section[SEC_SUBS].count, sec[SEC_IMAGES], h->section[SEC_IMAGES].count, depth, err, errlen);
	ret = ret ? ret : tuff_program_check(p, err, errlen);
	for (uint32_t i = 0; !ret && i < p->nweights; i++)	/* a file holds its weights itself */
		if (p->weights[i].src == TUFF_W_FILE) {
			snprintf(err, errlen, "weight %u: it lies in another file", i);
			ret = -EINVAL;
		}
	if (ret) {
		destroy(p);
		return ret;
	}
	*out = p;
	return 0;
}

int tuff_program_parse(const void *bytes, size_t size, struct tuff_program **out, char *err, size_t errlen)
{
	return parse(bytes, size, 0, out, err, errlen);
}

static void set_mapped(struct tuff_program *p)
{
	p->mapped = true;
	for (uint32_t i = 0; i < p->nsubs; i++)
		set_mapped(p->subs[i]);
}

int tuff_program_load(const char *path, struct tuff_program **out, char *err, size_t errlen)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ret;
	struct stat st;
	void *map;

	*out = NULL;
	if (fd < 0 || fstat(fd, &st)) {
		ret = -errno;
		snprintf(err, errlen, "%s", strerror(-ret));
		if (fd >= 0)
			close(fd);
		return ret;
	}
	if (!S_ISREG(st.st_mode) || !st.st_size) {
		snprintf(err, errlen, "%s", S_ISREG(st.st_mode) ? "the file is empty" : "not a regular file");
		close(fd);
		return -EINVAL;
	}
	map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	ret = map == MAP_FAILED ? -errno : 0;
	close(fd);
	if (ret) {
		snprintf(err, errlen, "mmap: %s", strerror(-ret));
		return ret;
	}
	ret = tuff_program_parse(map, st.st_size, out, err, errlen);
	if (ret) {
		munmap(map, st.st_size);
		return ret;
	}
	((struct mapped *)(*out)->priv)->map = map;
	((struct mapped *)(*out)->priv)->size = st.st_size;
	set_mapped(*out);
	return 0;
}
