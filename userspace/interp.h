/* SPDX-License-Identifier: MIT */
/*
 * The interpreter: runs the scripts that compiler/split.c makes. Between its
 * steps tensors are values: host memory, reference counted, never changed once
 * made. A program inside a script has a session of its own.
 */
#ifndef TUFF_INTERP_H
#define TUFF_INTERP_H

#include "userspace/cpu/dynamic.h"
#include "userspace/session.h"

struct value {
	unsigned int refs;
	struct tuff_tensor t;
	struct tuff_session *owner;	/* whose budget the bytes count in; NULL: borrowed memory, */
	struct value *base;	/* of this one, or of somebody who outlives it */
	bool seq;		/* a sequence of tensors of t.dtype */
	uint64_t n;
	struct value **item;
};

struct interp {
	uint32_t nsubs;
	struct tuff_session **sub;	/* by program index */
	struct value **slot;		/* by tensor: what is alive now */
	int64_t *syms;			/* UNKNOWN: not measured yet */
	struct value **held;		/* the last run's outputs */
	uint32_t *first, *next;		/* symbols measured from a tensor: by tensor, by symbol */
};
#define SYM_UNKNOWN INT64_MIN
#define SYM_BOUND (1ll << 48)	/* elements are clamped to this: none that matters is larger */

/* value.c; put(NULL) is fine. make: -E2BIG or -ENOMEM, with the reason in err */
int value_make(struct tuff_session *s, uint32_t dtype, uint32_t rank, const int64_t *dim, struct value **out, char *err, size_t errlen);
/* n elements, all NULL yet */
int value_sequence(struct tuff_session *s, uint32_t dtype, uint64_t n, struct value **out, char *err, size_t errlen);
/* memory stays the caller's */
int value_borrow(const struct tuff_tensor *t, struct value **out);
struct value *value_get(struct value *v);
void value_put(struct value *v);

/* interp.c: sessions of the programs inside; s->interp */
int interp_open(struct tuff_session *s, struct tuff_error *err);
void interp_close(struct tuff_session *s);
int interp_run(struct tuff_session *s, struct tuff_binding *b, struct tuff_error *err);
void interp_release(struct tuff_session *s);	/* the last run's outputs */
void interp_adopt(struct tuff_session *s);	/* s has got its interp from another session */
/* any session, script or not: out[] are the caller's references */
int interp_call(struct tuff_session *s, struct value *const *in, uint32_t nin, struct value **out, uint32_t nout, struct tuff_error *err);

/* interp_region.c: step i, an operator with bodies. said: err is filled already, else `why` is */
int interp_region(struct tuff_session *s, uint32_t i, struct value *const *in, struct value **out, char *why, size_t len,
		  bool *said, struct tuff_error *err);

/* interp_sequence.c: step i, an operator on sequences */
int interp_sequence(struct tuff_session *s, uint32_t i, struct value *const *in, struct value **out, char *why, size_t len);

#endif
