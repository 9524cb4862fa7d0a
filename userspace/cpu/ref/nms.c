// SPDX-License-Identifier: MIT
/*
 * NonMaxSuppression: for each batch and class, boxes in falling order of score
 * (equal scores: the lower index first), each kept unless it overlaps one kept
 * before by more than the threshold.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "userspace/cpu/dynamic.h"

struct box {
	float y0, x0, y1, x1, area;
};

/* either diagonal of corners, or centre and size */
static struct box box_at(const float *b, bool center)
{
	struct box r;

	if (center) {	/* x, y, width, height */
		r.x0 = b[0] - b[2] / 2, r.x1 = b[0] + b[2] / 2;
		r.y0 = b[1] - b[3] / 2, r.y1 = b[1] + b[3] / 2;
	} else {	/* y, x, y, x */
		r.y0 = b[0] < b[2] ? b[0] : b[2], r.y1 = b[0] < b[2] ? b[2] : b[0];
		r.x0 = b[1] < b[3] ? b[1] : b[3], r.x1 = b[1] < b[3] ? b[3] : b[1];
	}
	r.area = (r.y1 - r.y0) * (r.x1 - r.x0);
	return r;
}

static bool overlaps(const struct box *a, const struct box *b, float limit)
{
	float y0 = a->y0 > b->y0 ? a->y0 : b->y0, y1 = a->y1 < b->y1 ? a->y1 : b->y1;
	float x0 = a->x0 > b->x0 ? a->x0 : b->x0, x1 = a->x1 < b->x1 ? a->x1 : b->x1;
	float both, all;

	if (y1 <= y0 || x1 <= x0)
		return false;
	both = (y1 - y0) * (x1 - x0);
	all = a->area + b->area - both;
	return a->area > 0 && b->area > 0 && all > 0 && both / all > limit;
}

static int by_score(const void *a, const void *b, void *scores)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	const float *s = scores;

	return s[x] > s[y] ? -1 : s[x] < s[y] ? 1 : x < y ? -1 : x > y;
}

static float scalar(const struct dyn *d, uint32_t i, float def)
{
	return i < d->nin && d->in[i].dtype == TUFF_F32 && cpu_numel(&d->in[i]) ? *(float *)d->in[i].data : def;
}

int dyn_nms(struct dyn *d)
{
	const struct cpu_tensor *boxes = &d->in[0], *scores = &d->in[1];
	bool center = tuff_attr_int(d->p, d->s, "center_point_box", 0), floor = d->nin > 4 && d->in[4].dtype;
	float limit = scalar(d, 3, 0), least = scalar(d, 4, 0);
	int64_t most = d->nin > 2 && d->in[2].dtype == TUFF_I64 && cpu_numel(&d->in[2]) ? cpu_get_int(&d->in[2], 0) : 0;
	int64_t n, classes, dim[2] = { 0, 3 }, cap = 0, *order, *found = NULL, ret = 0;
	struct box *kept, *all;

	if (boxes->rank != 3 || boxes->dtype != TUFF_F32 || scores->rank != 3 || scores->dtype != TUFF_F32 || boxes->dim[2] != 4 ||
	    boxes->dim[0] != scores->dim[0] || boxes->dim[1] != scores->dim[2]) {
		snprintf(d->err, d->errlen, "needs float32 boxes [batch,n,4] and scores [batch,classes,n]");
		return -EINVAL;
	}
	n = boxes->dim[1];
	classes = scores->dim[1];
	order = malloc((n + 1) * sizeof(*order));
	all = malloc((n + 1) * sizeof(*all));
	kept = malloc((n + 1) * sizeof(*kept));
	ret = order && all && kept ? 0 : -ENOMEM;
	for (int64_t b = 0; b < scores->dim[0] && !ret; b++) {
		for (int64_t i = 0; i < n; i++)
			all[i] = box_at((float *)boxes->data + (b * n + i) * 4, center);
		for (int64_t c = 0; c < classes && !ret; c++) {
			const float *s = (float *)scores->data + (b * classes + c) * n;
			int64_t m = 0, k = 0;

			for (int64_t i = 0; i < n; i++)
				if (s[i] == s[i] && (!floor || s[i] > least))
					order[m++] = i;
			qsort_r(order, m, sizeof(*order), by_score, (void *)s);
			for (int64_t i = 0; i < m && k < most && !ret; i++) {
				const struct box *x = &all[order[i]];
				int64_t j = 0;

				while (j < k && !overlaps(&kept[j], x, limit))
					j++;
				if (j < k)
					continue;
				kept[k++] = *x;
				if (dim[0] == cap) {
					int64_t *p = realloc(found, (cap = cap ? 2 * cap : 64) * 3 * sizeof(*p));

					ret = p ? 0 : -ENOMEM;
					found = p ? p : found;
				}
				if (!ret)
					memcpy(found + 3 * dim[0]++, (int64_t []){ b, c, order[i] }, 3 * sizeof(*found));
			}
		}
	}
	ret = ret ? ret : d->make(d, 0, TUFF_I64, 2, dim);
	if (!ret && dim[0])
		memcpy(d->out[0].data, found, dim[0] * 3 * sizeof(*found));
	free(found);
	free(order);
	free(all);
	free(kept);
	return ret;
}
