// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx.pb-c.h"
#include "tools/io_file.h"
#include "tools/io_pb.h"

/* elements that lie in a typed field, each as wide as that field */
static int typed(const Onnx__TensorProto *p, struct tuff_tensor *t, size_t n)
{
	size_t es = tuff_type_size(t->dtype);
	uint8_t *to = t->data;

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

static int convert(const Onnx__TensorProto *p, const char *path, struct tuff_tensor *t, char *err, size_t errlen)
{
	size_t n = 1;
	int ret = 0;

	if (!tuff_type_size(p->data_type))
		return io_error(err, errlen, -EINVAL, "%s: not a .npy, .npz, PNG, JPEG or TensorProto (.pb) file of numbers", path);
	if (p->n_dims > TUFF_DIMS)
		return io_error(err, errlen, -EINVAL, "%s: more than 8 dimensions", path);
	t->dtype = p->data_type;
	t->rank = p->n_dims;
	for (uint32_t i = 0; i < t->rank; i++) {
		t->dim[i] = p->dims[i];
		if (t->dim[i] < 0 || __builtin_mul_overflow(n, (size_t)t->dim[i], &n) || n > (size_t)1 << 40)
			return io_error(err, errlen, -EINVAL, "%s: dimension %u is %lld", path, i, (long long)t->dim[i]);
	}
	if (p->has_data_location && p->data_location == 1)	/* EXTERNAL */
		return io_error(err, errlen, -EINVAL, "%s: the tensor's data is in another file", path);
	t->size = n * tuff_type_size(t->dtype);
	t->data = malloc(t->size ? t->size : 1);
	if (!t->data)
		return io_error(err, errlen, -ENOMEM, "%s: out of memory", path);
	if (!n)
		ret = 0;	/* no elements: in no field */
	else if (p->has_raw_data && p->raw_data.len == t->size)
		memcpy(t->data, p->raw_data.data, t->size);
	else
		ret = typed(p, t, n);
	if (!ret)
		return 0;
	free(t->data);
	t->data = NULL;
	return io_error(err, errlen, ret, "%s: the tensor's data does not fit its shape", path);
}

int pb_parse(const uint8_t *bytes, size_t size, const char *path, struct tuff_tensor *t, char *err, size_t errlen)
{
	Onnx__TensorProto *p = onnx__tensor_proto__unpack(NULL, size, bytes);
	int ret;

	memset(t, 0, sizeof(*t));
	if (!p)
		return io_error(err, errlen, -EINVAL, "%s: not a .npy, .npz, PNG, JPEG or TensorProto (.pb) file", path);
	ret = convert(p, path, t, err, errlen);
	onnx__tensor_proto__free_unpacked(p, NULL);
	return ret;
}
