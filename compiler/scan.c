// SPDX-License-Identifier: MIT
/*
 * Bounded scan of the protobuf wire format, before protobuf-c sees the file:
 * protobuf-c 1.4 recurses without a limit and copies every byte field.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/scan.h"

enum msg { LEAF, MODEL, GRAPH, NODE, ATTR, TENSOR, SPARSE, VALUE, TYPE, TTYPE, ELEM, MAP, SHAPE, FUNC };

/* Fields that hold messages; all others are copied as they are. */
static const struct {
	uint8_t in, field, is;
} children[] = {
	{ MODEL, 7, GRAPH }, { MODEL, 25, FUNC }, { MODEL, 8, LEAF },
	{ GRAPH, 1, NODE }, { GRAPH, 5, TENSOR }, { GRAPH, 15, SPARSE },
	{ GRAPH, 11, VALUE }, { GRAPH, 12, VALUE }, { GRAPH, 13, VALUE },
	{ NODE, 5, ATTR }, { ATTR, 5, TENSOR }, { ATTR, 6, GRAPH },
	{ ATTR, 22, SPARSE }, { ATTR, 10, TENSOR }, { ATTR, 11, GRAPH },
	{ SPARSE, 1, TENSOR }, { SPARSE, 2, TENSOR }, { VALUE, 2, TYPE },
	{ TYPE, 1, TTYPE }, { TYPE, 4, ELEM }, { TYPE, 5, MAP },
	{ TYPE, 9, ELEM }, { ELEM, 1, TYPE }, { MAP, 2, TYPE },
	{ TTYPE, 2, SHAPE }, { SHAPE, 1, LEAF }, { TENSOR, 13, LEAF },
	{ FUNC, 7, NODE }, { FUNC, 11, ATTR }, { FUNC, 9, LEAF },
};

struct scan {
	const uint8_t *base;
	uint8_t *out;
	size_t len, cap;
	char *err;
	size_t errlen;
};

static int fail(struct scan *s, const uint8_t *at, const char *what)
{
	snprintf(s->err, s->errlen, "not a valid ONNX file: %s at byte %zu", what, (size_t)(at - s->base));
	return -EINVAL;
}

static int put(struct scan *s, const void *b, size_t n)
{
	if (n > s->cap - s->len) {
		size_t cap = s->cap * 2 > s->len + n ? s->cap * 2 : s->len + n;
		uint8_t *p = realloc(s->out, cap);

		if (!p)
			return -ENOMEM;
		s->out = p;
		s->cap = cap;
	}
	memcpy(s->out + s->len, b, n);
	s->len += n;
	return 0;
}

static int varint(const uint8_t **p, const uint8_t *end, uint64_t *v)
{
	*v = 0;
	for (int shift = 0; shift < 64 && *p < end; shift += 7) {
		uint8_t b = *(*p)++;

		*v |= (uint64_t)(b & 127) << shift;
		if (!(b & 128))
			return 0;
	}
	return -EINVAL;
}

/* A length as a varint of fixed width, so that it can be filled in later. */
static void fixed_length(uint8_t b[5], uint64_t n)
{
	for (int i = 0; i < 5; i++, n >>= 7)
		b[i] = (n & 127) | (i < 4 ? 128 : 0);
}

static int child_of(enum msg m, uint64_t field)
{
	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++)
		if (children[i].in == m && children[i].field == field)
			return children[i].is;
	return -1;
}

static int message(struct scan *s, enum msg m, const uint8_t *p, const uint8_t *end, int depth)
{
	if (depth > SCAN_MAX_DEPTH) {
		snprintf(s->err, s->errlen, "messages nested deeper than %d at byte %zu",
			 SCAN_MAX_DEPTH, (size_t)(p - s->base));
		return -EINVAL;
	}
	while (p < end) {
		const uint8_t *start = p;
		uint64_t key, n;
		uint8_t len[5];
		size_t hole;
		int ret, child;

		if (varint(&p, end, &key) || !(key >> 3) || key >> 3 > 0x1fffffff)
			return fail(s, start, "bad field key");
		switch (key & 7) {
		case 0:
			if (varint(&p, end, &n))
				return fail(s, start, "bad integer");
			break;
		case 1:
		case 5:
			n = (key & 7) == 1 ? 8 : 4;
			if ((size_t)(end - p) < n)
				return fail(s, start, "number cut short");
			p += n;
			break;
		case 2:
			if (varint(&p, end, &n) || n > (size_t)(end - p))
				return fail(s, start, "field longer than the message around it");
			p += n;
			break;
		default:
			return fail(s, start, "unknown wire type");
		}
		child = (key & 7) == 2 ? child_of(m, key >> 3) : -1;
		if (m == TENSOR && key == (9 << 3 | 2)) {
			struct scan_raw raw = { (uint64_t)(p - n - s->base), n };
			uint8_t head[2] = { 9 << 3 | 2, sizeof(raw) };

			ret = put(s, head, 2);
			ret = ret ? ret : put(s, &raw, sizeof(raw));
		} else if (child < 0) {
			ret = put(s, start, p - start);
		} else {
			uint8_t k[5];
			int kn = 0;

			for (uint64_t v = key; ; v >>= 7) {
				k[kn++] = (v & 127) | (v > 127 ? 128 : 0);
				if (v <= 127)
					break;
			}
			ret = put(s, k, kn);
			hole = s->len;
			ret = ret ? ret : put(s, "\0\0\0\0\0", 5);
			ret = ret ? ret : message(s, child, p - n, p, depth + 1);
			if (!ret) {
				fixed_length(len, s->len - hole - 5);
				memcpy(s->out + hole, len, 5);
			}
		}
		if (ret)
			return ret;
	}
	return 0;
}

int onnx_scan(const uint8_t *bytes, size_t size, uint8_t **skeleton,
	      size_t *skeleton_size, char *err, size_t errlen)
{
	struct scan s = { .base = bytes, .cap = 65536, .err = err, .errlen = errlen };
	int ret;

	s.out = malloc(s.cap);
	if (!s.out)
		return -ENOMEM;
	ret = message(&s, MODEL, bytes, bytes + size, 1);
	if (!ret && s.len > INT32_MAX) {
		snprintf(err, errlen, "more than 2 GiB besides raw tensor data");
		ret = -EINVAL;
	}
	if (ret) {
		free(s.out);
		return ret;
	}
	*skeleton = s.out;
	*skeleton_size = s.len;
	return 0;
}
