// SPDX-License-Identifier: MIT
/* Look-ups of a step's attributes by ONNX name. */
#include <string.h>

#include "program/program.h"

const struct tuff_attr *tuff_attr_find(const struct tuff_program *p,
				       const struct tuff_step *s, const char *name)
{
	for (uint32_t i = 0; i < s->nattr; i++)
		if (!strcmp(tuff_str(p, p->attrs[s->attr + i].name), name))
			return &p->attrs[s->attr + i];
	return NULL;
}

static const void *data_of(const struct tuff_program *p, const struct tuff_step *s,
			   const char *name, uint32_t type, uint32_t type1, size_t *n)
{
	const struct tuff_attr *a = tuff_attr_find(p, s, name);

	*n = 0;
	if (!a || (a->type != type && a->type != type1))
		return NULL;
	*n = a->count;
	return p->attr_data + a->data;
}

const int64_t *tuff_attr_ints(const struct tuff_program *p, const struct tuff_step *s,
			      const char *name, size_t *n)
{
	return data_of(p, s, name, TUFF_A_INTS, TUFF_A_INT, n);
}

const float *tuff_attr_floats(const struct tuff_program *p, const struct tuff_step *s,
			      const char *name, size_t *n)
{
	return data_of(p, s, name, TUFF_A_FLOATS, TUFF_A_FLOAT, n);
}

int64_t tuff_attr_int(const struct tuff_program *p, const struct tuff_step *s,
		      const char *name, int64_t def)
{
	size_t n;
	const int64_t *v = data_of(p, s, name, TUFF_A_INT, TUFF_A_INT, &n);

	return n ? *v : def;
}

float tuff_attr_float(const struct tuff_program *p, const struct tuff_step *s,
		      const char *name, float def)
{
	size_t n;
	const float *v = data_of(p, s, name, TUFF_A_FLOAT, TUFF_A_FLOAT, &n);

	return n ? *v : def;
}

const char *tuff_attr_str(const struct tuff_program *p, const struct tuff_step *s,
			  const char *name, const char *def)
{
	size_t n;
	const uint32_t *v = data_of(p, s, name, TUFF_A_STRING, TUFF_A_STRING, &n);

	return n ? tuff_str(p, *v) : def;
}
