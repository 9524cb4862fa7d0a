// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "tools/io_npy.h"
#include "tools/io_npz.h"

#define MAX_ENTRY (4ull << 30)

static zip_t *open_zip(const char *path, char *err, size_t errlen)
{
	int code;
	zip_t *z = zip_open(path, ZIP_RDONLY, &code);

	if (!z) {
		zip_error_t e;

		zip_error_init_with_code(&e, code);
		snprintf(err, errlen, "%s: %s", path, zip_error_strerror(&e));
		zip_error_fini(&e);
	}
	return z;
}

static int entry(zip_t *z, zip_int64_t i, const char *path, struct tuff_tensor *t, char *err, size_t errlen)
{
	zip_file_t *f = NULL;
	zip_stat_t st;
	void *bytes = NULL;
	FILE *mem = NULL;
	int ret = -EINVAL;

	snprintf(err, errlen, "%s: a damaged or too large entry", path);
	if (i < 0 || zip_stat_index(z, i, 0, &st) || !(st.valid & ZIP_STAT_SIZE) || !st.size || st.size > MAX_ENTRY)
		return ret;
	bytes = malloc(st.size);
	f = zip_fopen_index(z, i, 0);
	if (!bytes || !f || zip_fread(f, bytes, st.size) != (zip_int64_t)st.size)
		goto out;
	mem = fmemopen(bytes, st.size, "rb");
	if (mem)
		ret = npy_read_stream(mem, st.size, path, t, err, errlen);
out:
	if (mem)
		fclose(mem);
	if (f)
		zip_fclose(f);
	free(bytes);
	return ret;
}

int npz_read(const char *path, const char *name, struct tuff_tensor *t, char *err, size_t errlen)
{
	zip_t *z = open_zip(path, err, errlen);
	char want[300];
	zip_int64_t i;
	int ret;

	if (!z)
		return -EINVAL;
	snprintf(want, sizeof(want), "%.250s.npy", name);
	i = zip_name_locate(z, want, 0);
	ret = entry(z, i, path, t, err, errlen);
	if (i < 0)
		snprintf(err, errlen, "%s: no array '%.250s'", path, name);
	zip_discard(z);
	return ret;
}

int npz_read_all(const char *path, const struct tuff_session *s, struct tuff_tensor *in, char *err, size_t errlen)
{
	zip_t *z = open_zip(path, err, errlen);
	int ret = z ? 0 : -EINVAL;

	for (zip_int64_t i = 0; z && !ret && i < zip_get_num_entries(z, 0); i++) {
		const char *name = zip_get_name(z, i, 0);
		size_t len = name ? strlen(name) : 0;
		struct tuff_io_info info;
		uint32_t k = 0;

		len = len > 4 && !strcmp(name + len - 4, ".npy") ? len - 4 : len;
		while (!tuff_session_input(s, k, &info) && (strlen(info.name) != len || memcmp(info.name, name, len)))
			k++;
		if (tuff_session_input(s, k, &info)) {
			snprintf(err, errlen, "%s: the model has no input '%.*s'", path, (int)len, name ? name : "");
			ret = -EINVAL;
			break;
		}
		free(in[k].data);
		in[k].data = NULL;
		ret = entry(z, i, path, &in[k], err, errlen);
	}
	if (z)
		zip_discard(z);
	return ret;
}
