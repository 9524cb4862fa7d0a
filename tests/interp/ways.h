/* SPDX-License-Identifier: MIT */
/* One model on the CPU, on a Vulkan device, and from a program file. */
#ifndef TUFF_TESTS_INTERP_WAYS_H
#define TUFF_TESTS_INTERP_WAYS_H

#include "tests/kernels/model.h"
#include "userspace/session.h"

enum { CPU, VULKAN, PROGRAM, WAYS };

static char model[] = "/tmp/tuff-interp-XXXXXX", program[64];
static struct tuff_error err;

static int write_model(void)
{
	int fd, ret;

	strcpy(model + strlen(model) - 6, "XXXXXX");
	fd = mkstemp(model);
	ret = km_write(fd);
	close(fd);
	snprintf(program, sizeof(program), "%s.tuff", model);
	return ret;
}

static void drop_model(void)
{
	unlink(model);
	unlink(program);
}

/* NULL: there is no such device, or it failed and said so */
static struct tuff_session *open_way(int way)
{
	struct tuff_session *s = NULL;
	int ret = way == PROGRAM ? tuff_compile(model, "cpu", program, NULL, &err) : 0;

	ret = ret ? ret : tuff_session_create(way == PROGRAM ? program : model, way == VULKAN ? "vulkan" : "cpu", &s, &err);
	if (ret && !(way == VULKAN && ret == -ENODEV)) {
		printf("  %s\n", err.text);
		failed_ = 1;
	}
	return s;
}

static int run(struct tuff_session *s, struct tuff_tensor *out)
{
	int ret = tuff_run(s, km.data, km.nin, out, km.nout, &err);

	if (ret)
		printf("  %s\n", err.text);
	return ret;
}

#endif
