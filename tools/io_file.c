// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/io_file.h"

int io_error(char *err, size_t errlen, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, errlen, fmt, ap);
	va_end(ap);
	return code;
}

int file_read(const char *path, uint8_t **bytes, size_t *size, char *err, size_t errlen)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret = 0;
	size_t room = 0;
	uint8_t *p;
	ssize_t n = 1;
	struct stat st;

	*bytes = NULL;
	*size = 0;
	if (fd < 0 || fstat(fd, &st))
		ret = -errno;
	while (!ret && n) {
		if (*size == room) {	/* a file's size and one more tells its end; a pipe doubles */
			room = room ? room * 2 : S_ISREG(st.st_mode) ? (size_t)st.st_size + 1 : 1 << 16;
			p = realloc(*bytes, room);
			if (!p) {
				ret = -ENOMEM;
				break;
			}
			*bytes = p;
		}
		n = read(fd, *bytes + *size, room - *size);
		if (n < 0)
			ret = errno == EINTR ? 0 : -errno;
		else
			*size += n;
	}
	if (fd >= 0)
		close(fd);
	if (ret) {
		free(*bytes);
		*bytes = NULL;
		io_error(err, errlen, ret, "%s: %s", path, strerror(-ret));
	}
	return ret;
}
