/* SPDX-License-Identifier: MIT */
/* Memory of a model that a test puts together: given back at once when its bytes are written. */
#ifndef TUFF_TESTS_HEAP_H
#define TUFF_TESTS_HEAP_H

#include <stdlib.h>

struct heap_block {
	_Alignas(16) struct heap_block *next;
};
static struct heap_block *heap_blocks;

/* zeroes */
static inline void *heap_new(size_t n)
{
	struct heap_block *b = calloc(1, sizeof(*b) + n);

	if (!b)
		exit(98);
	b->next = heap_blocks;
	heap_blocks = b;
	return b + 1;
}

static inline void heap_free(void)
{
	for (struct heap_block *b = heap_blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	heap_blocks = NULL;
}

#endif
