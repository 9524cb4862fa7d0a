/* SPDX-License-Identifier: MIT */
/* What check.c leaves to check_script.c. */
#ifndef TUFF_PROGRAM_SCRIPT_H
#define TUFF_PROGRAM_SCRIPT_H

#include "program/program.h"

/* segments, regions and measured symbols of a script; of other programs, that there are none */
int tuff_program_check_script(const struct tuff_program *p, char *err, size_t errlen);

#endif
