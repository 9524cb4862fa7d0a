// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "onnx.pb-c.h"
#include "tools/io_pb.h"

/* elements that lie in a typed field, each as wide as that field */
static int typed(const Onnx__TensorProto *p, struct tuff_tensor *t, size_t n)
{
	size_t es = tuff_type_size(t->dtype);
	uint8_t *to = t->data;

	if (!n)
		return 0;
	if (p->n_float_data == n && t->dtype == 1) {
		memcpy(to, p->float_data, t->size);
		return 0;
	}
	if (p->n_double_data == n && t->dtype == 11) {
		memcpy(to, p->double_data, t->size);
		return 0;
	}
	if (p->n_int64_data == n && t->dtype == 7) {
		memcpy(to, p->int64_data, t->size);
		return 0;
	}
	for (size_t i = 0; i < n; i++)	/* little-endian: the low bytes */
		if (p->n_int32_data == n && es <= 4)
			memcpy(to + i * es, &p->int32_data[i], es);
		else if (p->n_uint64_data == n && (t->dtype == 12 || t->dtype == 13))
			memcpy(to + i * es, &p->uint64_data[i], es);
		else
			return -EINVAL;
	return 0;
}

int pb_read(const char *path, struct tuff_tensor *t, char *err, size_t errlen)
{
	FILE *f = fopen(path, "rb");
	Onnx__TensorProto *p = NULL;
	uint8_t *bytes = NULL;
	struct stat st;
	size_t n = 1;
	int ret = -EINVAL;

	memset(t, 0, sizeof(*t));
	if (!f || fstat(fileno(f), &st)) {
		ret = -errno;
		snprintf(err, errlen, "%s: %s", path, strerror(-ret));
		goto out;
	}
	snprintf(err, errlen, "%s: not a TensorProto of numbers", path);
	bytes = st.st_size > 0 ? malloc(st.st_size) : NULL;
	if (!bytes || fread(bytes, 1, st.st_size, f) != (size_t)st.st_size)
		goto out;
	p = onnx__tensor_proto__unpack(NULL, st.st_size, bytes);
	if (!p || p->n_dims > TUFF_DIMS || !tuff_type_size(p->data_type))
		goto out;
	t->dtype = p->data_type;
	t->rank = p->n_dims;
	for (uint32_t i = 0; i < t->rank; i++) {
		t->dim[i] = p->dims[i];
		if (t->dim[i] < 0 || __builtin_mul_overflow(n, (size_t)t->dim[i], &n) || n > (size_t)1 << 40)
			goto out;
	}
	t->size = n * tuff_type_size(t->dtype);
	t->data = malloc(t->size ? t->size : 1);
	if (!t->data) {
		ret = -ENOMEM;
		goto out;
	}
	if (p->has_raw_data && p->raw_data.len == t->size) {
		if (t->size)
			memcpy(t->data, p->raw_data.data, t->size);
		ret = 0;
	} else {
		ret = typed(p, t, n);
	}
	if (ret) {
		free(t->data);
		t->data = NULL;
	}
out:
	if (p)
		onnx__tensor_proto__free_unpacked(p, NULL);
	free(bytes);
	if (f)
		fclose(f);
	return ret;
}
