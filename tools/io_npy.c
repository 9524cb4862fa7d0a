// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/io_npy.h"

static const struct {
	const char *descr;
	uint32_t dtype;
} types[] = {
	{ "<f4", 1 }, { "|u1", 2 }, { "|i1", 3 }, { "<u2", 4 }, { "<i2", 5 }, { "<i4", 6 }, { "<i8", 7 },
	{ "|b1", 9 }, { "<f2", 10 }, { "<f8", 11 }, { "<u4", 12 }, { "<u8", 13 },
};

static int header(const char *h, struct tuff_tensor *t, uint64_t *count)
{
	const char *d = strstr(h, "'descr'"), *s = strstr(h, "'shape'");

	if (!d || !s || !strstr(h, "'fortran_order': False"))
		return -EINVAL;
	d = strchr(d + 7, '\'');
	s = strchr(s, '(');
	if (!d || !s)
		return -EINVAL;
	t->dtype = 0;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (!strncmp(d + 1, types[i].descr, 3) && d[4] == '\'')
			t->dtype = types[i].dtype;
	t->rank = 0;
	*count = 1;
	for (s++; *s && *s != ')';) {
		char *end;
		unsigned long long v = strtoull(s, &end, 10);

		if (end == s || t->rank == TUFF_DIMS || v > INT64_MAX || __builtin_mul_overflow(*count, v, count))
			return -EINVAL;
		t->dim[t->rank++] = v;
		for (s = end; *s == ',' || *s == ' ' || *s == 'L'; s++)
			;
	}
	return t->dtype ? 0 : -EINVAL;
}

int npy_read_stream(FILE *f, uint64_t size, const char *path, struct tuff_tensor *t, char *err, size_t errlen)
{
	unsigned char head[12];
	uint64_t count;
	size_t hlen, pre = 10;
	char *text = NULL;
	int ret = -EINVAL;

	memset(t, 0, sizeof(*t));
	snprintf(err, errlen, "%s: not a .npy file of numbers in C order", path);
	if (fread(head, 1, 10, f) != 10 || memcmp(head, "\x93NUMPY", 6) || head[6] < 1 || head[6] > 3)
		goto out;
	hlen = head[8] | head[9] << 8;
	if (head[6] > 1) {
		if (fread(head + 10, 1, 2, f) != 2)
			goto out;
		hlen |= (size_t)head[10] << 16 | (size_t)head[11] << 24;
		pre = 12;
	}
	if (hlen > 1 << 16)
		goto out;
	text = calloc(1, hlen + 1);
	if (!text || fread(text, 1, hlen, f) != hlen || header(text, t, &count))
		goto out;
	if (__builtin_mul_overflow(count, tuff_type_size(t->dtype), &t->size) || t->size > size || size - t->size < pre + hlen) {
		snprintf(err, errlen, "%s: the file is shorter than its shape", path);
		goto out;
	}
	t->data = malloc(t->size ? t->size : 1);
	ret = t->data ? 0 : -ENOMEM;
	if (ret)
		snprintf(err, errlen, "%s: no memory for %zu bytes", path, t->size);
	if (!ret && fread(t->data, 1, t->size, f) != t->size) {
		snprintf(err, errlen, "%s: the file ends before its %zu bytes do", path, t->size);
		free(t->data);
		t->data = NULL;
		ret = -EIO;
	}
out:
	free(text);
	return ret;
}

int npy_read(const char *path, struct tuff_tensor *t, char *err, size_t errlen)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	int ret;

	memset(t, 0, sizeof(*t));
	if (!f || fstat(fileno(f), &st)) {
		ret = -errno;
		snprintf(err, errlen, "%s: %s", path, strerror(errno));
	} else {
		ret = npy_read_stream(f, st.st_size, path, t, err, errlen);
	}
	if (f)
		fclose(f);
	return ret;
}

int npy_write(const char *path, const struct tuff_tensor *t, char *err, size_t errlen)
{
	const char *descr = NULL;
	char h[512];
	int at;
	FILE *f;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].dtype == t->dtype)
			descr = types[i].descr;
	if (!descr) {
		snprintf(err, errlen, "%s: .npy has no %s", path, tuff_type_name(t->dtype));
		return -EINVAL;
	}
	at = snprintf(h, sizeof(h), "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
	for (uint32_t i = 0; i < t->rank; i++)
		at += snprintf(h + at, sizeof(h) - at, "%lld,", (long long)t->dim[i]);
	at += snprintf(h + at, sizeof(h) - at, "), }");
	while ((at + 11) % 64)
		h[at++] = ' ';
	h[at++] = '\n';
	f = fopen(path, "wb");
	if (!f) {
		at = -errno;
		snprintf(err, errlen, "%s: %s", path, strerror(-at));
		return at;
	}
	fwrite("\x93NUMPY\1\0", 1, 8, f);
	fputc(at & 255, f);
	fputc(at >> 8, f);
	fwrite(h, 1, at, f);
	fwrite(t->data, 1, t->size, f);
	at = ferror(f);
	if (fclose(f) || at) {
		snprintf(err, errlen, "%s: write error", path);
		return -EIO;
	}
	return 0;
}
