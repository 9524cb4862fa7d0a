// SPDX-License-Identifier: MIT
/* The uapi headers as C and C++, 64 and 32 bits: same sizes and offsets, no hidden padding. */
#include <unistd.h>

#include "tests/harness.h"
#include "uapi/tuff_accel.h"

static const char *const probe =
	"#include \"uapi/tuff_accel.h\"\n"
	"#include <stdio.h>\n#include <stddef.h>\n"
	"#define S(t) printf(#t \" %u\\n\", (unsigned)sizeof(struct t));\n"
	"#define O(t, m) printf(#t \".\" #m \" %u\\n\", (unsigned)offsetof(struct t, m));\n"
	"int main(void){S(tuff_get_version)S(tuff_dev_query)S(tuff_query_dev)S(tuff_query_mem)"
	"S(tuff_query_engine)S(tuff_query_stats)S(tuff_ctx_create)S(tuff_ctx_set_param)"
	"S(tuff_ctx_get_state)S(tuff_bo_create)S(tuff_bo_info)S(tuff_bo_wait)S(tuff_bo_sync)"
	"S(tuff_bo_export)S(tuff_bo_import)S(tuff_kernel_create)S(tuff_kernel_wait)"
	"S(tuff_cmdbuf_slot)S(tuff_cmdbuf_create)S(tuff_job_slot)S(tuff_sync_op)S(tuff_job)"
	"S(tuff_submit)S(tuff_job_timestamps)S(tuff_syncobj_wait)S(tuff_syncobj_query)"
	"S(tuff_syncobj_eventfd)S(tuff_query_fdinfo)S(tuff_cmd_bind)S(tuff_cmd_dispatch)"
	"S(tuff_cmd_dispatch_indirect)S(tuff_cmd_copy)S(tuff_cmd_fill)"
	"O(tuff_query_dev, max_storage_range)O(tuff_query_dev, drm_node)O(tuff_job, deadline_ns)"
	"O(tuff_job, tag)O(tuff_kernel_create, hash)O(tuff_cmdbuf_create, cmdbuf_id)"
	"O(tuff_cmd_copy, size)O(tuff_syncobj_wait, error)O(tuff_submit, first_seqno)"
	"printf(\"%lx %lx\\n\", (unsigned long)TUFF_IOCTL_SUBMIT,"
	" (unsigned long)TUFF_IOCTL_SYNCOBJ_WAIT);return 0;}\n";

static char dir[] = "/tmp/tuff-abi-XXXXXX";

/* Builds and runs the probe; its output, "" = did not compile, NULL = no compiler. */
static char *run(const char *cc, const char *lang, const char *flags)
{
	static char out[4][8192];
	static int n;
	char cmd[512], *o = out[n++ & 3];
	size_t got = 0;
	FILE *f;

	snprintf(cmd, sizeof(cmd), "%s/p.%s", dir, lang);
	f = fopen(cmd, "w");
	if (!f)
		return NULL;
	fputs(probe, f);
	fclose(f);
	snprintf(cmd, sizeof(cmd), "echo 'int main(void){return 0;}' >%s/e.%s && %s %s %s/e.%s -o %s/e "
		 "2>/dev/null && %s/e", dir, lang, cc, flags, dir, lang, dir, dir);
	if (system(cmd))
		return NULL;
	snprintf(cmd, sizeof(cmd), "%s %s -Wall -Wextra -Werror -Wpadded -I. %s/p.%s -o %s/p && %s/p",
		 cc, flags, dir, lang, dir, dir);
	f = popen(cmd, "r");
	if (f) {
		got = fread(o, 1, 8191, f);
		pclose(f);
	}
	o[got] = 0;
	return o;
}

static void compare(const char *cc, const char *lang, const char *flags)
{
	static char base[8192];
	char *o;

	if (!base[0]) {
		CHECK(mkdtemp(dir));
		o = run("gcc", "c", "-std=gnu11 -m64");
		CHECK(o && *o);
		strcpy(base, o);
	}
	o = run(cc, lang, flags);
	if (!o)
		SKIP("this compiler does not build for this target");
	CHECK(*o);
	CHECK(!strcmp(o, base));
}

TEST(c_64) { compare("gcc", "c", "-std=gnu11 -m64"); }
TEST(cxx_64) { compare("g++", "cc", "-std=c++17 -m64"); }
TEST(c_32) { compare("gcc", "c", "-std=gnu11 -m32"); }
/* linked as C: nothing of a 32-bit libstdc++ is needed */
TEST(cxx_32) { compare("gcc -x c++", "cc", "-std=c++17 -m32"); }
static char *read_header(const char *name)
{
	static char text[1 << 17];
	char path[64];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "uapi/%s", name);
	f = fopen(path, "r");
	if (!f)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	return text;
}

static const char *const headers[] = { "tuff_accel.h", "tuff_cmd.h", "tuff_trace.h" };

TEST(dual_licence)
{
	static const char spdx[] =
		"/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT) */\n";

	for (int i = 0; i < 3; i++) {
		char *t = read_header(headers[i]);

		CHECK(t && !strncmp(t, spdx, sizeof(spdx) - 1));
	}
}

TEST(says_that_it_is_not_stable)
{
	char *t = read_header("tuff_accel.h");

	CHECK(t && strstr(t, "version 0.1: NOT YET STABLE"));
}

/* Sizes are asserted where they are declared: every compiler that sees the header checks them. */
TEST(every_struct_has_its_size_asserted)
{
	int n = 0;

	for (int i = 0; i < 2; i++) {
		char *t = read_header(headers[i]), name[64], want[128];

		CHECK(t);
		for (char *p = t; (p = strstr(p, "\nstruct ")); p++) {
			if (sscanf(p, "\nstruct %63[a-z0-9_] {", name) != 1 ||
			    strncmp(p + 8 + strlen(name), " {", 2))
				continue;
			n++;
			snprintf(want, sizeof(want), "TUFF_STATIC_ASSERT(sizeof(struct %s) == ", name);
			if (!strstr(t, want))
				printf("  struct %s\n", name);
			CHECK(strstr(t, want));
		}
	}
	CHECK(n > 40);
}

TEST(only_fixed_types)
{
	static const char *const bad[] = { "\tlong ", "\tint ", "\tunsigned ", "\tsize_t ", "\tbool ",
					   "\tuint32_t ", "\tuint64_t ", "\tvoid *", "\tenum " };

	for (int i = 0; i < 2; i++) {
		char *t = read_header(headers[i]);

		for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
			CHECK(t && !strstr(t, bad[k]));
	}
}

TEST(clean_up)
{
	char cmd[64];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	CHECK_EQ(system(cmd), 0);
}
