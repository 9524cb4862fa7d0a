// SPDX-License-Identifier: MIT
/* tuff compile */
#include "tools/tool.h"

int cmd_compile(const struct opts *o)
{
	struct tuff_error err;
	int ret;

	if (o->noutputs > 1 || (!o->noutputs && !o->dump_after)) {
		fputs("tuff compile: one -o FILE says where to write (or --dump-after PASS)\n", stderr);
		return 2;
	}
	progress("compiling %s", o->model);
	ret = tuff_compile(o->model, o->target, o->noutputs ? o->outputs[0] : NULL, o->dump_after, &err);
	progress_end();
	return ret ? fail("%s", err.text) : 0;
}
