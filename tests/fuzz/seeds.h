/* SPDX-License-Identifier: MIT */
/* Real models to mutate: the tree's own, ONNX's node tests, the corpus. */
#ifndef TUFF_TESTS_SEEDS_H
#define TUFF_TESTS_SEEDS_H

#include <glob.h>

#include "tests/fuzz/fuzz.h"

struct seeds {
	glob_t g;
	size_t n;
	struct seed {
		unsigned char *b;
		size_t size;
	} *s;
	size_t large;		/* from here on: whole networks, taken less often */
};

static inline void seeds_add(struct seeds *s, const char *pattern, size_t most)
{
	glob_t g;

	if (glob(pattern, 0, NULL, &g))
		return;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct seed x;

		x.b = slurp(g.gl_pathv[i], &x.size);
		if (!x.b || !x.size || x.size > most) {
			free(x.b);
			continue;
		}
		s->s = realloc(s->s, (s->n + 1) * sizeof(*s->s));
		s->s[s->n++] = x;
	}
	globfree(&g);
}

static inline void seeds_open(struct seeds *s)
{
	const char *corpus = getenv("TUFF_TEST_DATA");
	char path[4096];

	memset(s, 0, sizeof(*s));
	seeds_add(s, "/usr/share/libonnx-testdata/data/node/*/model.onnx", 1 << 20);
	if (corpus) {
		snprintf(path, sizeof(path), "%s/onnx-node-next/*/model.onnx", corpus);
		seeds_add(s, path, 1 << 20);
	}
	s->large = s->n;
	seeds_add(s, "demo/*.onnx", 1 << 20);
	seeds_add(s, "tests/models/*/model.onnx", 1 << 20);
	if (corpus) {
		snprintf(path, sizeof(path), "%s/models/*/*.onnx", corpus);
		seeds_add(s, path, 1 << 20);
	}
}

static inline const struct seed *seeds_pick(const struct seeds *s)
{
	if (!s->large || (s->n > s->large && !rnd(8)))
		return &s->s[s->large + rnd(s->n - s->large)];
	return &s->s[rnd(s->large)];
}

static inline void seeds_close(struct seeds *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->s[i].b);
	free(s->s);
}

#endif
