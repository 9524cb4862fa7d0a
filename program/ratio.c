// SPDX-License-Identifier: MIT
/* A scale as the fraction that its author meant: 0.6f is 3 / 5. */
#include <math.h>

#include "program/program.h"

bool tuff_ratio(float f, int64_t *p, int64_t *q)
{
	int64_t p0 = 0, q0 = 1, p1 = 1, q1 = 0;
	double x = f;
	bool same = false;

	for (int i = 0; i < 32 && !same; i++) {	/* the continued fraction */
		int64_t a, p2, q2;

		if (!(x <= TUFF_RATIO_MAX))	/* nor is infinity cast */
			break;
		a = (int64_t)floor(x);
		p2 = a * p1 + p0;
		q2 = a * q1 + q0;
		if (p2 > TUFF_RATIO_MAX || q2 > TUFF_RATIO_MAX)
			break;
		p0 = p1; q0 = q1; p1 = p2; q1 = q2;
		same = (float)((double)p1 / q1) == f;
		if (x - a < 1e-9)
			break;
		x = 1 / (x - a);
	}
	*p = p1 ? p1 : 1;
	*q = q1 ? q1 : 1;
	return same;
}
