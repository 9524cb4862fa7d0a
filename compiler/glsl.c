// SPDX-License-Identifier: MIT
/*
 * Generated GLSL through glslang's C interface, in process, with results on
 * disk. A cache file is written under a temporary name and renamed, carries
 * a magic number, its size and a hash, and is thrown away if it does not match.
 */
#include <errno.h>
#include <fcntl.h>
#include <glslang/Include/glslang_c_interface.h>
#include <glslang/Public/resource_limits_c.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "compiler/glsl.h"

#define CACHE_MAGIC 0x3176707366667574ull	/* "tuffspv1" */
#define CACHE_MAX (16u << 20)

struct cache_head {
	uint64_t magic, key, size, hash;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int started;

static int cache_read(const char *path, uint64_t key, uint32_t **code, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), ret = -ENOENT;
	struct cache_head h;
	void *p = NULL;

	if (fd < 0)
		return ret;
	if (read(fd, &h, sizeof(h)) == sizeof(h) && h.magic == CACHE_MAGIC && h.key == key &&
	    h.size && h.size % 4 == 0 && h.size <= CACHE_MAX)
		p = malloc(h.size);
	if (p && read(fd, p, h.size) == (ssize_t)h.size && XXH64(p, h.size, key) == h.hash) {
		*code = p;
		*size = h.size;
		p = NULL;
		ret = 0;
	}
	free(p);
	close(fd);
	return ret;
}

/* Failure to cache is no failure to compile. */
static void cache_write(const char *dir, const char *path, uint64_t key, const uint32_t *code, size_t size)
{
	struct cache_head h = { CACHE_MAGIC, key, size, XXH64(code, size, key) };
	char tmp[4200];
	int fd;

	mkdir(dir, 0700);
	snprintf(tmp, sizeof(tmp), "%s.%d", path, (int)getpid());
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write(fd, &h, sizeof(h)) != sizeof(h) || write(fd, code, size) != (ssize_t)size || close(fd)) {
		unlink(tmp);
		return;
	}
	if (rename(tmp, path))
		unlink(tmp);
}

static int compile(const char *text, uint32_t **code, size_t *size, char *err, size_t errlen)
{
	const glslang_input_t in = {
		.language = GLSLANG_SOURCE_GLSL, .stage = GLSLANG_STAGE_COMPUTE, .client = GLSLANG_CLIENT_VULKAN,
		.client_version = GLSLANG_TARGET_VULKAN_1_1, .target_language = GLSLANG_TARGET_SPV,
		.target_language_version = GLSLANG_TARGET_SPV_1_3, .code = text, .default_version = 450,
		.default_profile = GLSLANG_NO_PROFILE, .messages = GLSLANG_MSG_DEFAULT_BIT,
		.resource = glslang_default_resource(),
	};
	glslang_shader_t *sh = glslang_shader_create(&in);
	glslang_program_t *pr = NULL;
	glslang_spv_options_t opt = { .disable_optimizer = false };
	int ret = -ENOMEM;

	if (!sh)
		return ret;
	ret = -EINVAL;
	if (!glslang_shader_preprocess(sh, &in) || !glslang_shader_parse(sh, &in)) {
		snprintf(err, errlen, "%s", glslang_shader_get_info_log(sh));
		goto out;
	}
	pr = glslang_program_create();
	if (!pr) {
		ret = -ENOMEM;
		goto out;
	}
	glslang_program_add_shader(pr, sh);
	if (!glslang_program_link(pr, GLSLANG_MSG_SPV_RULES_BIT | GLSLANG_MSG_VULKAN_RULES_BIT)) {
		snprintf(err, errlen, "%s", glslang_program_get_info_log(pr));
		goto out;
	}
	glslang_program_SPIRV_generate_with_options(pr, GLSLANG_STAGE_COMPUTE, &opt);
	*size = glslang_program_SPIRV_get_size(pr) * 4;
	*code = malloc(*size ? *size : 4);
	ret = !*code ? -ENOMEM : *size ? 0 : -EINVAL;
	if (!ret)
		glslang_program_SPIRV_get(pr, *code);
out:
	if (pr)
		glslang_program_delete(pr);
	glslang_shader_delete(sh);
	return ret;
}

int glsl_compile(const char *text, const char *cache, uint32_t **code, size_t *size, char *err, size_t errlen)
{
	uint64_t key = XXH64(text, strlen(text), 11);
	char path[4096] = "";
	int ret;

	err[0] = 0;
	if (cache && snprintf(path, sizeof(path), "%s/%016llx.spv", cache, (unsigned long long)key) >= (int)sizeof(path))
		path[0] = 0;
	if (*path && !cache_read(path, key, code, size))
		return 0;
	pthread_mutex_lock(&lock);	/* glslang's tables are the process's */
	if (!started)
		started = glslang_initialize_process();
	ret = started ? compile(text, code, size, err, errlen) : -ENOMEM;
	pthread_mutex_unlock(&lock);
	if (!ret && *path)
		cache_write(cache, path, key, *code, *size);
	return ret;
}
