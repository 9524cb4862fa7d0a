// SPDX-License-Identifier: MIT
/* What went wrong, and where. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "userspace/session.h"

int session_error(struct tuff_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return code;
	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

/* where a caller passed NULL for something that is needed */
int session_null(struct tuff_error *err)
{
	if (err)
		memset(err, 0, sizeof(*err));
	return session_error(err, -EINVAL, "NULL is passed where something is needed");
}

void session_error_step(struct tuff_error *err, const struct tuff_program *p, const struct tuff_step *st)
{
	if (!err)
		return;
	snprintf(err->node, sizeof(err->node), "%s", tuff_str(p, st->node));
	snprintf(err->op, sizeof(err->op), "%s", tuff_op_name(st->op));
}

void session_error_tensor(struct tuff_error *err, const char *name, const int64_t *dim, uint32_t rank)
{
	size_t at = 0;

	if (!err)
		return;
	snprintf(err->tensor, sizeof(err->tensor), "%s", name);
	for (uint32_t i = 0; i <= rank && at < sizeof(err->shape); i++) {
		if (i == rank || rank > TUFF_DIMS)
			at += snprintf(err->shape + at, sizeof(err->shape) - at, at ? "]" : "[]");
		else if (dim[i] < 0)
			at += snprintf(err->shape + at, sizeof(err->shape) - at, "%s?", i ? "," : "[");
		else
			at += snprintf(err->shape + at, sizeof(err->shape) - at, "%s%lld", i ? "," : "[", (long long)dim[i]);
		if (rank > TUFF_DIMS)
			break;
	}
}

int session_result(const struct tuff_session *s, struct tuff_error *err, int ret)
{
	if (ret < 0 && err) {
		err->code = ret;
		if (!err->text[0])
			snprintf(err->text, sizeof(err->text), "%.300s: %s", s->path, strerror(-ret));
		if (!err->file[0])
			snprintf(err->file, sizeof(err->file), "%.255s", s->path);
	}
	return ret;
}
