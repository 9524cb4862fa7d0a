/* SPDX-License-Identifier: MIT */
/*
 * Mutations of a model as a message, by protobuf's own descriptors: any field
 * anywhere gets a nasty number, another name of the model, an operator that it
 * was not, a type that it did not have; parts are left out, doubled, swapped
 * and moved. What results parses, so that it reaches the passes.
 */
#ifndef TUFF_TESTS_ONNX_MUTATE_H
#define TUFF_TESTS_ONNX_MUTATE_H

#include "compiler/ops.h"
#include "onnx.pb-c.h"
#include "tests/fuzz/fuzz.h"

#define NAMES 64

struct names {
	const char *s[NAMES];
	uint32_t n;
};

static void *member(ProtobufCMessage *m, unsigned int offset)
{
	return (char *)m + offset;
}

/* names of values and operators, a sample: where strings may point instead */
static void collect(ProtobufCMessage *m, struct names *names, int depth)
{
	for (unsigned int i = 0; i < m->descriptor->n_fields && depth < 12; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		bool list = f->label == PROTOBUF_C_LABEL_REPEATED;
		size_t n = list ? *(size_t *)member(m, f->quantifier_offset) : 1;
		void *at = list ? *(void **)member(m, f->offset) : member(m, f->offset);

		for (size_t k = 0; k < n && at; k++) {
			void *p = f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE ? ((void **)at)[k] : NULL;

			if (p && f->type == PROTOBUF_C_TYPE_MESSAGE)
				collect(p, names, depth + 1);
			else if (p && names->n < NAMES)
				names->s[names->n++] = p;
			else if (p && !rnd(4))
				names->s[rnd(NAMES)] = p;
		}
	}
}

static char *other_name(const struct names *names)
{
	static const char *const odd[] = { "", "..", "../../../etc/passwd", "/etc/passwd", "%s%n", "a", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID",
					   "cubic", "linear", "wrap", "reflect", "edge", "reverse", "bidirectional", "add", "ai.onnx", "com.microsoft",
					   "location", "offset", "length", "0", "-1", "99999999999999999999", "." };
	uint32_t k = rnd(8);

	if (k == 0)
		return strdup(odd[rnd(sizeof(odd) / sizeof(odd[0]))]);
	if (k < 3)
		return strdup(tuff_op_name(rnd(TUFF_OP_COUNT)));
	return strdup(names->n ? names->s[rnd(names->n)] : "");
}

static void mutate_bytes(ProtobufCBinaryData *b)
{
	static const char *const words[] = { "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", "cubic", "linear", "reflect", "edge", "wrap", "bidirectional",
					     "reverse", "ij->ji", "ii", "...a,a...", "a,b,c,d->abcd", "nearest", "align_corners", "tanh", "", "mul" };

	switch (rnd(4)) {
	case 0:
		if (b->len)
			b->data[rnd(b->len < 64 ? b->len : 64)] = nasty();
		break;
	case 1:	/* elements of an index or shape tensor */
		if (b->len >= 8) {
			int64_t v = nasty();

			memcpy(b->data + rnd(b->len / 8) * 8, &v, 8);
		}
		break;
	case 2:
		if (b->len)
			b->len -= rnd(2) ? 1 + rnd(b->len < 8 ? b->len : 8) % b->len : rnd(b->len);
		break;
	default: {
		const char *w = words[rnd(sizeof(words) / sizeof(words[0]))];

		if (b->len > 64)
			break;
		free(b->data);
		b->len = strlen(w);
		b->data = (uint8_t *)strdup(w);
	}
	}
}

static size_t width(ProtobufCType t)
{
	switch (t) {
	case PROTOBUF_C_TYPE_FLOAT: case PROTOBUF_C_TYPE_INT32: return 4;
	case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
	default: return 8;	/* numbers and pointers */
	}
}

static void drop(const ProtobufCFieldDescriptor *f, void *p)
{
	if (f->type == PROTOBUF_C_TYPE_STRING)
		free(*(char **)p);
	else if (f->type == PROTOBUF_C_TYPE_BYTES)
		free(((ProtobufCBinaryData *)p)->data);
	else if (f->type == PROTOBUF_C_TYPE_MESSAGE)
		protobuf_c_message_free_unpacked(*(ProtobufCMessage **)p, NULL);
}

/* a copy of element p into to */
static void copy_element(const ProtobufCFieldDescriptor *f, const void *p, void *to)
{
	memcpy(to, p, width(f->type));
	if (f->type == PROTOBUF_C_TYPE_STRING) {
		*(char **)to = strdup(*(char **)p);
	} else if (f->type == PROTOBUF_C_TYPE_BYTES) {
		ProtobufCBinaryData *b = to;

		b->data = memcpy(malloc(b->len + 1), b->data, b->len);
	} else if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
		ProtobufCMessage *m = *(ProtobufCMessage **)p;
		size_t n = protobuf_c_message_get_packed_size(m);
		uint8_t *b = malloc(n + 1);

		protobuf_c_message_pack(m, b);
		*(ProtobufCMessage **)to = protobuf_c_message_unpack(m->descriptor, NULL, n, b);
		free(b);
	}
}

static void mutate_message(ProtobufCMessage *m, const struct names *names, int depth);

static void mutate_value(const ProtobufCFieldDescriptor *f, void *p, const struct names *names, int depth)
{
	uint64_t v = nasty();
	float x;

	switch (f->type) {
	case PROTOBUF_C_TYPE_FLOAT:
		x = rnd(4) ? (float)(int64_t)v : rnd(2) ? __builtin_nanf("") : __builtin_inff();
		memcpy(p, &x, 4);
		break;
	case PROTOBUF_C_TYPE_INT32:
		memcpy(p, &v, 4);
		break;
	case PROTOBUF_C_TYPE_STRING: {
		char *name = other_name(names);	/* a copy, perhaps of this one */

		free(*(char **)p);
		*(char **)p = name;
		break;
	}
	case PROTOBUF_C_TYPE_BYTES:
		mutate_bytes(p);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		mutate_message(*(ProtobufCMessage **)p, names, depth + 1);
		break;
	default:
		memcpy(p, &v, 8);
	}
}

static void mutate_list(ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, const struct names *names, int depth)
{
	size_t *n = member(m, f->quantifier_offset), w = width(f->type), at, to;
	char **list = member(m, f->offset), swap[sizeof(ProtobufCBinaryData)];
	uint32_t k = rnd(16);

	if (!*n || (k == 0 && *n < 1 << 16)) {	/* one more: a copy, or a new number */
		char *more = malloc((*n + 1) * w);

		if (*n)
			memcpy(more, *list, *n * w);
		memset(more + *n * w, 0, w);
		if (*n) {
			copy_element(f, more + rnd(*n) * w, more + *n * w);
		} else if (f->type == PROTOBUF_C_TYPE_STRING) {
			*(char **)(more + *n * w) = other_name(names);
		} else if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
			*(void **)(more + *n * w) = malloc(((ProtobufCMessageDescriptor *)f->descriptor)->sizeof_message);
			protobuf_c_message_init(f->descriptor, *(void **)(more + *n * w));
		}
		free(*list);
		*list = more;
		++*n;
		return;
	}
	at = rnd(*n);
	to = rnd(*n);
	if (k == 1) {
		drop(f, *list + at * w);
		memmove(*list + at * w, *list + (at + 1) * w, (*n - at - 1) * w);
		--*n;
	} else if (k == 2) {
		memcpy(swap, *list + at * w, w);
		memcpy(*list + at * w, *list + to * w, w);
		memcpy(*list + to * w, swap, w);
	} else {
		mutate_value(f, *list + at * w, names, depth);
	}
}

static void mutate_message(ProtobufCMessage *m, const struct names *names, int depth)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;

	for (int tries = 0; tries < 20; tries++) {
		const ProtobufCFieldDescriptor *f = &d->fields[rnd(d->n_fields)];
		void *p = member(m, f->offset);
		bool pointer = f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE;

		if (f->label == PROTOBUF_C_LABEL_REPEATED) {
			if (!*(size_t *)member(m, f->quantifier_offset) && rnd(8))
				continue;	/* rather what is there */
			mutate_list(m, f, names, depth);
			return;
		}
		if (pointer ? !*(void **)p : !*(protobuf_c_boolean *)member(m, f->quantifier_offset)) {
			if (rnd(8))
				continue;
			if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
				*(void **)p = malloc(((ProtobufCMessageDescriptor *)f->descriptor)->sizeof_message);
				protobuf_c_message_init(f->descriptor, *(void **)p);
			} else if (f->type == PROTOBUF_C_TYPE_STRING) {
				*(char **)p = other_name(names);
			} else {
				*(protobuf_c_boolean *)member(m, f->quantifier_offset) = 1;
				mutate_value(f, p, names, depth);
			}
			return;
		}
		if (depth && !rnd(12)) {	/* left out */
			if (f->type == PROTOBUF_C_TYPE_BYTES) {
				free(((ProtobufCBinaryData *)p)->data);
				memset(p, 0, sizeof(ProtobufCBinaryData));
			}
			if (pointer) {
				drop(f, p);
				*(void **)p = NULL;
			} else {
				*(protobuf_c_boolean *)member(m, f->quantifier_offset) = 0;
			}
			return;
		}
		mutate_value(f, p, names, depth);
		return;
	}
}

/* a mutated model's bytes (malloc), NULL if the seed is none */
static unsigned char *mutate_model(const unsigned char *seed, size_t size, size_t *n)
{
	Onnx__ModelProto *m = onnx__model_proto__unpack(NULL, size, seed);
	struct names names = { .n = 0 };
	unsigned char *b = NULL;

	if (m && m->graph) {
		collect(&m->graph->base, &names, 0);
		for (uint32_t k = 1 + rnd(3); k; k--) {
			mutate_message(rnd(16) && m->graph ? &m->graph->base : &m->base, &names, 1);
			names.n = 0;
			if (m->graph)
				collect(&m->graph->base, &names, 0);
		}
		*n = onnx__model_proto__get_packed_size(m);
		b = malloc(*n + 64);
		onnx__model_proto__pack(m, b);
	}
	if (m)
		onnx__model_proto__free_unpacked(m, NULL);
	return b;
}

#endif
