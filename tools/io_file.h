/* SPDX-License-Identifier: MIT */
#ifndef TUFF_IO_FILE_H
#define TUFF_IO_FILE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Reads a whole file or pipe; the caller frees *bytes. Returns 0 or -errno with
 * a sentence in err, as all tools/io_*.h do.
 */
int file_read(const char *path, uint8_t **bytes, size_t *size, char *err, size_t errlen);
/* Fills err and returns code. */
int io_error(char *err, size_t errlen, int code, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
