/* SPDX-License-Identifier: MIT */
/*
 * A test program is a row of TEST(name) { ... } bodies; names in IGT's manner:
 * TEST(submit_bad_flags) prints "submit-bad-flags: SUCCESS". Exit 77 = all skipped.
 * The last line counts the subtests.
 */
#ifndef TUFF_TESTS_HARNESS_H
#define TUFF_TESTS_HARNESS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test {
	const char *name;
	void (*fn)(void);
	struct test *next;
};
static struct test *tests_, **tests_tail_ = &tests_;
static int failed_, skipped_;

#define TEST(id) \
	static void id(void); \
	static struct test t_##id = { #id, id, NULL }; \
	__attribute__((constructor)) static void reg_##id(void) \
	{ *tests_tail_ = &t_##id; tests_tail_ = &t_##id.next; } \
	static void id(void)

#define CHECK(cond) do { if (!(cond)) { \
	printf("  %s:%d: %s\n", __FILE__, __LINE__, #cond); failed_ = 1; return; } } while (0)
#define CHECK_EQ(a, b) do { long long a_ = (long long)(a), b_ = (long long)(b); if (a_ != b_) { \
	printf("  %s:%d: %s = %lld, not %s = %lld\n", __FILE__, __LINE__, #a, a_, #b, b_); \
	failed_ = 1; return; } } while (0)
#define SKIP(why) do { printf("  skipped: %s\n", why); skipped_ = 1; return; } while (0)

int main(int argc, char **argv)
{
	int bad = 0, ran = 0, n = 0;

	for (struct test *t = tests_; t; t = t->next) {
		char name[128];

		snprintf(name, sizeof(name), "%s", t->name);
		for (char *c = name; *c; c++)
			if (*c == '_')
				*c = '-';
		if (argc > 1 && strcmp(argv[1], name))
			continue;
		failed_ = skipped_ = 0;
		t->fn();
		printf("%s: %s\n", name, failed_ ? "FAIL" : skipped_ ? "SKIP" : "SUCCESS");
		fflush(stdout);
		bad |= failed_;
		ran += !skipped_;
		n++;
	}
	printf("subtests to the end: %d\n", n);	/* run.sh: nothing left the program before */
	return bad ? 1 : ran ? 0 : 77;
}

#endif
