// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "tools/io_file.h"
#include "tools/io_npy.h"
#include "tools/io_npz.h"

#define MAX_ENTRY (4ull << 30)

static int entry(zip_t *z, zip_uint64_t i, const char *path, struct tuff_tensor *t, char *err, size_t errlen)
{
	zip_file_t *f = NULL;
	uint8_t *bytes = NULL;
	zip_stat_t st;
	int ret;

	if (zip_stat_index(z, i, 0, &st) || !(st.valid & ZIP_STAT_SIZE) || st.size > MAX_ENTRY)
		return io_error(err, errlen, -EINVAL, "%s: a damaged or too large entry", path);
	bytes = malloc(st.size + 1);
	f = bytes ? zip_fopen_index(z, i, 0) : NULL;
	if (!bytes)
		ret = io_error(err, errlen, -ENOMEM, "%s: out of memory", path);
	else if (!f)
		ret = io_error(err, errlen, -EINVAL, "%s: %s", path, zip_strerror(z));
	else if (zip_fread(f, bytes, st.size) != (zip_int64_t)st.size || zip_fread(f, bytes + st.size, 1) != 0)	/* reading on checks the sum */
		ret = io_error(err, errlen, -EINVAL, "%s: damaged: %s", path, zip_file_strerror(f));
	else
		ret = npy_parse(bytes, st.size, path, t, err, errlen);
	if (f)
		zip_fclose(f);
	free(bytes);
	return ret;
}

int npz_parse(const uint8_t *bytes, size_t size, const char *path, npz_array array, void *priv, char *err, size_t errlen)
{
	zip_error_t e;
	zip_source_t *src;
	zip_t *z = NULL;
	int ret = 0;

	zip_error_init(&e);
	src = zip_source_buffer_create(bytes, size, 0, &e);
	if (src)
		z = zip_open_from_source(src, ZIP_RDONLY, &e);
	if (!z) {
		ret = io_error(err, errlen, -EINVAL, "%s: %s", path, zip_error_strerror(&e));
		zip_source_free(src);
	}
	if (z && zip_get_num_entries(z, 0) < 1)
		ret = io_error(err, errlen, -EINVAL, "%s: no array is in it", path);
	for (zip_int64_t i = 0; z && !ret && i < zip_get_num_entries(z, 0); i++) {
		const char *name = zip_get_name(z, i, 0);
		char plain[300], where[700];
		struct tuff_tensor t = { 0 };
		int len;

		len = snprintf(plain, sizeof(plain), "%s", name ? name : "");
		if (len > 4 && len < (int)sizeof(plain) && !strcmp(plain + len - 4, ".npy"))
			plain[len - 4] = 0;
		snprintf(where, sizeof(where), "%.350s: array '%s'", path, plain);
		ret = entry(z, i, where, &t, err, errlen);
		ret = ret ? ret : array(priv, plain, &t, err, errlen);
	}
	if (z)
		zip_discard(z);
	zip_error_fini(&e);
	return ret;
}
