// SPDX-License-Identifier: MIT
/* tuff run --compare: the same inputs on a second device. */
#include <math.h>
#include <string.h>

#include "tools/io_number.h"
#include "tools/tool.h"

struct difference {
	double absolute;	/* largest; NaN where only one side has a number */
	double relative;	/* that, over the largest magnitude of the reference */
	size_t at;		/* where */
};

static void measure(const struct tuff_tensor *a, const struct tuff_tensor *b, struct difference *d)
{
	size_t n = number_count(a);
	double most = 0;

	*d = (struct difference){ 0 };
	for (size_t i = 0; i < n; i++) {
		double x = number_get(a, i), y = number_get(b, i);
		double diff = x == y || (isnan(x) && isnan(y)) ? 0 : fabs(x - y);

		if (isfinite(y) && fabs(y) > most)
			most = fabs(y);
		if (!isnan(d->absolute) && !(diff <= d->absolute)) {
			d->absolute = diff;
			d->at = i;
		}
	}
	d->relative = d->absolute == 0 ? 0 : d->absolute / fmax(most, 1e-30);
}

static bool same_form(const struct tuff_tensor *a, const struct tuff_tensor *b)
{
	return a->dtype == b->dtype && a->rank == b->rank && !memcmp(a->dim, b->dim, a->rank * sizeof(a->dim[0]));
}

int compare_print(const struct opts *o, const struct model *m, json_object *to)
{
	json_object *list = json_object_new_array();
	struct model ref;
	bool far = false;
	int ret = model_open(o, o->compare, &ref);

	progress("running %s on %s", o->model, o->compare);
	ret = ret ? ret : model_run(&ref, m->in);
	progress_end();
	for (uint32_t i = 0; i < m->nout && !ret; i++) {
		struct tuff_io_info info;
		struct difference d;

		tuff_session_output(m->s, i, &info);
		if (!same_form(&m->out[i], &ref.out[i])) {
			ret = fail("output '%s' has another type or shape on %s", info.name, o->compare);
			break;
		}
		measure(&m->out[i], &ref.out[i], &d);
		far |= !(d.relative <= o->tolerance);
		if (to) {
			json_object *e = json_object_new_object();

			json_object_object_add(e, "output", json_object_new_string(info.name));
			json_object_object_add(e, "device", json_object_new_string(tuff_session_device(ref.s)));
			json_number(e, "absolute", d.absolute);
			json_number(e, "relative", d.relative);
			json_object_object_add(e, "at", json_object_new_uint64(d.at));
			json_object_object_add(e, "within", json_object_new_boolean(d.relative <= o->tolerance));
			json_object_array_add(list, e);
		} else {
			printf("%s: %s against %s: largest error %.3g absolute (element %zu), %.3g relative to the largest magnitude%s\n",
			       info.name, tuff_session_device(m->s), tuff_session_device(ref.s), d.absolute, d.at, d.relative,
			       d.relative <= o->tolerance ? "" : "  BEYOND TOLERANCE");
		}
	}
	if (to)
		json_object_object_add(to, "compare", json_object_get(list));
	json_object_put(list);
	model_close(&ref);
	if (!ret && far)
		ret = fail("the two devices differ by more than the tolerance, %g", o->tolerance);
	return ret;
}
