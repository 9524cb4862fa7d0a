// SPDX-License-Identifier: MIT
/* tuff compile */
#include "tools/tool.h"

int cmd_compile(const struct opts *o)
{
	struct tuff_error err;

	if (o->noutputs != 1 && !o->dump_after) {
		fputs("tuff compile: -o FILE.tuff says where to write (or --dump-after PASS)\n", stderr);
		return 2;
	}
	progress("compiling");
	if (tuff_compile(o->model, o->target, o->noutputs ? o->outputs[0] : NULL, o->dump_after, &err))
		return fail(err.text);
	progress(NULL);
	return 0;
}
