// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/io_file.h"
#include "tools/io_npy.h"
#include "tools/io_number.h"

static const struct {
	char descr[3];	/* after the byte order */
	uint32_t dtype;
} types[] = {
	{ "f4", 1 }, { "u1", 2 }, { "i1", 3 }, { "u2", 4 }, { "i2", 5 }, { "i4", 6 }, { "i8", 7 },
	{ "b1", 9 }, { "f2", 10 }, { "f8", 11 }, { "u4", 12 }, { "u8", 13 },
	{ "V2", 16 },	/* ml_dtypes.bfloat16, which NumPy knows as two bytes */
};

/* what follows 'KEY': in the header's dictionary, NULL if it has no such key */
static const char *value_of(const char *h, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = strstr(h, key); p; p = strstr(p + 1, key)) {
		if (p == h || (p[-1] != '\'' && p[-1] != '"') || (p[n] != '\'' && p[n] != '"'))
			continue;
		for (p += n + 1; isspace((unsigned char)*p) || *p == ':'; p++)
			;
		return p;
	}
	return NULL;
}

static bool shape(const char *s, struct tuff_tensor *t, size_t *count)
{
	*count = 1;
	t->rank = 0;
	if (!s || *s != '(')
		return false;
	for (s++; *s && *s != ')';) {
		char *end;
		unsigned long long v = strtoull(s, &end, 10);

		if (end == s || *s == '-' || v > INT64_MAX || __builtin_mul_overflow(*count, v, count))
			return false;
		if (t->rank == TUFF_DIMS) {
			t->rank++;
			return false;
		}
		t->dim[t->rank++] = v;
		for (s = end; *s == ',' || *s == ' ' || *s == 'L'; s++)
			;
	}
	return *s == ')';
}

/* Column-major to row-major: the index runs along the last dimension first. */
static void from_fortran(const struct tuff_tensor *t, const uint8_t *from, size_t es, size_t count)
{
	size_t stride[TUFF_DIMS], at[TUFF_DIMS] = { 0 }, src = 0;

	for (uint32_t i = 0; i < t->rank; i++)
		stride[i] = i ? stride[i - 1] * t->dim[i - 1] : es;
	for (size_t n = 0; n < count; n++) {
		memcpy((uint8_t *)t->data + n * es, from + src, es);
		for (uint32_t i = t->rank; i--;) {
			src += stride[i];
			if (++at[i] < (size_t)t->dim[i])
				break;
			src -= stride[i] * t->dim[i];
			at[i] = 0;
		}
	}
}

static void swap_bytes(uint8_t *p, size_t es, size_t count)
{
	for (size_t n = 0; n < count; n++, p += es)
		for (size_t i = 0; i < es / 2; i++) {
			uint8_t b = p[i];

			p[i] = p[es - 1 - i];
			p[es - 1 - i] = b;
		}
}

static int parse(const char *h, const uint8_t *body, size_t size, const char *path, struct tuff_tensor *t, char *err, size_t errlen)
{
	const char *d = value_of(h, "descr"), *order = value_of(h, "fortran_order");
	size_t count, es;

	if (!d || !order)
		return io_error(err, errlen, -EINVAL, "%s: the header of this .npy file is damaged", path);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((*d == '\'' || *d == '"') && strchr("<>|=", d[1]) && !strncmp(d + 2, types[i].descr, 2) && d[4] == *d)
			t->dtype = types[i].dtype;
	if (!t->dtype)
		return io_error(err, errlen, -EINVAL, "%s: elements of type %.*s are not numbers that tuff knows", path, (int)strcspn(d, ",}"), d);
	if (!shape(value_of(h, "shape"), t, &count))
		return io_error(err, errlen, -EINVAL, t->rank > TUFF_DIMS ? "%s: more than 8 dimensions" :
				"%s: the header of this .npy file is damaged", path);
	es = tuff_type_size(t->dtype);
	if (__builtin_mul_overflow(count, es, &t->size) || size < t->size)
		return io_error(err, errlen, -EINVAL, "%s: the file is shorter than its shape", path);
	t->data = malloc(t->size ? t->size : 1);
	if (!t->data)
		return io_error(err, errlen, -ENOMEM, "%s: out of memory", path);
	if (!strncmp(order, "True", 4) && t->rank > 1)
		from_fortran(t, body, es, count);
	else
		memcpy(t->data, body, t->size);
	if (d[1] == '>')	/* this machine is little endian */
		swap_bytes(t->data, es, count);
	return 0;
}

int npy_parse(const uint8_t *bytes, size_t size, const char *path, struct tuff_tensor *t, char *err, size_t errlen)
{
	size_t hlen, pre;
	char *text;
	int ret;

	memset(t, 0, sizeof(*t));
	if (size < 12 || memcmp(bytes, "\x93NUMPY", 6) || bytes[6] < 1 || bytes[6] > 3)
		return io_error(err, errlen, -EINVAL, "%s: not a .npy file", path);
	pre = bytes[6] > 1 ? 12 : 10;
	hlen = bytes[8] | bytes[9] << 8;
	if (bytes[6] > 1)
		hlen |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
	if (hlen > size - pre)
		return io_error(err, errlen, -EINVAL, "%s: the header of this .npy file is damaged", path);
	text = strndup((const char *)bytes + pre, hlen);
	if (!text)
		return io_error(err, errlen, -ENOMEM, "%s: out of memory", path);
	ret = parse(text, bytes + pre + hlen, size - pre - hlen, path, t, err, errlen);
	free(text);
	return ret;
}

int npy_read(const char *path, struct tuff_tensor *t, char *err, size_t errlen)
{
	uint8_t *bytes;
	size_t size;
	int ret = file_read(path, &bytes, &size, err, errlen);

	memset(t, 0, sizeof(*t));
	ret = ret ? ret : npy_parse(bytes, size, path, t, err, errlen);
	free(bytes);
	return ret;
}

static void write_all(FILE *f, const struct tuff_tensor *t, const char *descr)
{
	char h[512];
	int at = snprintf(h, sizeof(h), "{'descr': '%c%s', 'fortran_order': False, 'shape': (", descr[1] == '1' ? '|' : '<', descr);

	for (uint32_t i = 0; i < t->rank; i++)
		at += snprintf(h + at, sizeof(h) - at, "%lld,", (long long)t->dim[i]);
	at += snprintf(h + at, sizeof(h) - at, "), }");
	while ((at + 11) % 64)
		h[at++] = ' ';
	h[at++] = '\n';
	fwrite("\x93NUMPY\1\0", 1, 8, f);
	fputc(at & 255, f);
	fputc(at >> 8, f);
	fwrite(h, 1, at, f);
	if (t->dtype != TYPE_BF16) {
		fwrite(t->data, 1, t->size, f);
		return;
	}
	for (size_t i = 0; i < t->size / 2; i++) {
		float v = number_get(t, i);

		fwrite(&v, sizeof(v), 1, f);
	}
}

int npy_write(const char *path, const struct tuff_tensor *t, char *err, size_t errlen)
{
	const char *descr = NULL;
	struct stat st;
	int code;
	FILE *f;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].dtype == (t->dtype == TYPE_BF16 ? TYPE_F32 : t->dtype))
			descr = types[i].descr;
	if (!descr || !tuff_type_size(t->dtype))
		return io_error(err, errlen, -EINVAL, "%s: .npy has no %s", path, tuff_type_name(t->dtype));
	f = fopen(path, "wb");
	if (!f)
		return io_error(err, errlen, -errno, "%s: %s", path, strerror(errno));
	code = fstat(fileno(f), &st) ? -errno : 0;
	errno = 0;
	write_all(f, t, descr);
	if (fflush(f) || ferror(f))
		code = errno ? -errno : -EIO;
	if (fclose(f) && !code)
		code = -errno;
	if (!code)
		return 0;
	if (S_ISREG(st.st_mode))
		unlink(path);
	return io_error(err, errlen, code, "%s: %s", path, strerror(-code));
}
