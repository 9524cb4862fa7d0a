// SPDX-License-Identifier: MIT
/*
 * IR text tests, in QBE's manner: the .ir files beside this hold a small model and
 * what the graph must look like after passes, compared exactly. A section
 * "after PASS [on TARGET]" follows the model; "error" expects the message.
 * TUFF_UPDATE=1 writes what came out into the files: read the diff.
 */
#include <glob.h>

#include "compiler/tuffc.h"
#include "tests/compiler/model.h"
#include "tests/harness.h"
#include "userspace/session.h"

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *b = calloc(1, 1 << 20);

	if (f && b)
		b[fread(b, 1, (1 << 20) - 1, f)] = 0;
	if (f)
		fclose(f);
	return b;
}

/* the text after `pass`, or "error: .." */
static char *compile(const char *model, const char *pass, uint32_t target)
{
	struct tuffc_options opt = { .device = { .target = target, .max_invocations = 128, .max_groups = { 65535, 65535, 65535 },
						 .max_storage_range = 128u << 20 }, .eval.run = tuff_eval };
	char *text = strdup(model), *out = NULL;
	struct tuff_program *p = NULL;
	struct tuffc_error err;
	unsigned char *bytes;
	size_t size, n = 0;
	FILE *f = open_memstream(&out, &n);
	int ret;

	bytes = model_text(text, &size);
	opt.dump_after = strcmp(pass, "error") ? pass : NULL;
	opt.dump_file = f;
	ret = bytes ? tuffc_compile_memory(bytes, size, NULL, &opt, &p, &err) : -1;
	if (ret && bytes && (!strcmp(pass, "error") || !ftell(f)))
		fprintf(f, "error: %s\n", err.text);
	fclose(f);
	tuff_program_destroy(p);
	free(bytes);
	free(text);
	return out;
}

static void first_difference(const char *want, const char *got)
{
	while (*want && *got) {
		size_t a = strcspn(want, "\n"), b = strcspn(got, "\n");

		if (a != b || memcmp(want, got, a))
			break;
		want += a + (want[a] == '\n');
		got += b + (got[b] == '\n');
	}
	printf("  want: %.*s\n  got:  %.*s\n", (int)strcspn(want, "\n"), want, (int)strcspn(got, "\n"), got);
}

static int one(const char *path)
{
	char *all = slurp(path), *section = all ? strstr(all, "\nafter ") : NULL, *model;
	FILE *update = NULL;
	int bad = !section;

	if (!section)
		return printf("  %s: no section\n", path), 1;
	model = strndup(all, section + 1 - all);
	if (getenv("TUFF_UPDATE"))
		update = fopen(path, "w");
	if (update)
		fputs(model, update);
	while (section) {
		char *line = section + 1, *body = line + strcspn(line, "\n") + 1, *next, pass[32] = "", on[32] = "", *want, *got;

		next = strstr(body - 1, "\nafter ");
		want = strndup(body, next ? (size_t)(next + 1 - body) : strlen(body));
		sscanf(line, "after %31s on %31s", pass, on);
		got = compile(model, pass, !strcmp(on, "vulkan") ? TUFF_TARGET_GPU : TUFF_TARGET_CPU);
		if (update)
			fprintf(update, "%.*s\n%s", (int)strcspn(line, "\n"), line, got);
		else if (strcmp(want, got)) {
			printf("  %s, after %s:\n", path, pass);
			first_difference(want, got);
			bad = 1;
		}
		free(want);
		free(got);
		section = next;
	}
	if (update)
		fclose(update);
	free(model);
	free(all);
	return bad;
}

static int folder(const char *pattern)
{
	glob_t g;
	int bad = 0;

	if (glob(pattern, 0, NULL, &g))
		return 1;
	for (size_t i = 0; i < g.gl_pathc; i++)
		bad |= one(g.gl_pathv[i]);
	globfree(&g);
	return bad;
}

#define FILES(id, pattern) TEST(id) { CHECK(!folder("tests/compiler/" pattern)); }
FILES(canon, "canon_*.ir")
FILES(shape, "shape_*.ir")
FILES(fold, "fold_*.ir")
FILES(simplify, "simplify_*.ir")
FILES(match, "match_*.ir")
FILES(fuse, "fuse_*.ir")
FILES(layout, "layout_*.ir")
FILES(errors, "error_*.ir")
