/* SPDX-License-Identifier: MIT */
/* A circular doubly linked list whose links sit in the elements. */
#ifndef TUFF_DRIVER_LIST_H
#define TUFF_DRIVER_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

#ifndef container_of
#define container_of(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))
#endif

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

/* before `at`; with a list's head: at its end */
static inline void list_add_before(struct list *n, struct list *at)
{
	n->prev = at->prev;
	n->next = at;
	at->prev->next = n;
	at->prev = n;
}

static inline void list_add_tail(struct list *n, struct list *head)
{
	list_add_before(n, head);
}

static inline void list_add_head(struct list *n, struct list *head)
{
	list_add_before(n, head->next);
}

/* also harmless on one that is in no list */
static inline void list_del(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

static inline void list_move_all(struct list *from, struct list *to)
{
	list_init(to);
	if (list_empty(from))
		return;
	*to = *from;
	to->next->prev = to;
	to->prev->next = to;
	list_init(from);
}

#define list_first(head, type, member) \
	(list_empty(head) ? NULL : container_of((head)->next, type, member))
#define list_last(head, type, member) \
	(list_empty(head) ? NULL : container_of((head)->prev, type, member))
#define list_for_each(p, head, member) \
	for (p = container_of((head)->next, __typeof__(*p), member); &p->member != (head); \
	     p = container_of(p->member.next, __typeof__(*p), member))
#define list_for_each_safe(p, n, head, member) \
	for (p = container_of((head)->next, __typeof__(*p), member), \
	     n = container_of(p->member.next, __typeof__(*p), member); &p->member != (head); \
	     p = n, n = container_of(n->member.next, __typeof__(*n), member))
#endif
