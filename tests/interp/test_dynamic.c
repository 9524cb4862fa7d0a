// SPDX-License-Identifier: MIT
/*
 * Sizes that depend on data, in the main graph: on the CPU, on a device with
 * the segments there, and from a program file, against answers computed here.
 */
#include "tests/interp/ways.h"

/* ---- a detection head, as exporters write it ---- */
#define BOXES 60
#define CLASSES 3

static float iou(const float *a, const float *b)
{
	float y0 = fmaxf(a[0], b[0]), x0 = fmaxf(a[1], b[1]), y1 = fminf(a[2], b[2]), x1 = fminf(a[3], b[3]);
	float both = fmaxf(y1 - y0, 0) * fmaxf(x1 - x0, 0);

	return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both);
}

/* (class, box) pairs in the operator's order */
static int select_boxes(const float *boxes, const float *scores, float limit, float least, int most, int (*found)[2])
{
	int n = 0;

	for (int c = 0; c < CLASSES; c++) {
		char used[BOXES] = { 0 };
		int first = n;

		while (n - first < most) {
			int best = -1;

			for (int i = 0; i < BOXES; i++)
				if (!used[i] && scores[c * BOXES + i] > least && (best < 0 || scores[c * BOXES + i] > scores[c * BOXES + best]))
					best = i;
			if (best < 0)
				break;
			used[best] = 1;
			found[n][0] = c;
			found[n++][1] = best;
			for (int i = 0; i < BOXES; i++)
				used[i] |= iou(boxes + 4 * best, boxes + 4 * i) > limit;
		}
	}
	return n;
}

static void detection_head(void)
{
	km_reset();
	km_input("deltas", F32, 3, 1, BOXES, 4);
	km_input("scores", F32, 3, 1, CLASSES, BOXES);
	km_floats("half", -1, 0.5);
	km_ints("most", 1, 8);
	km_floats("iou", 1, 0.4);
	km_floats("least", 1, 0.25);
	km_ints("two", 1, 2);
	km_ints("flat", 2, BOXES, 4);
	km_ints("one", 1, 1);
	km_node("Mul", "deltas,half", "boxes");
	km_node("NonMaxSuppression", "boxes,scores,most,iou,least", "selected");
	km_node("Gather", "selected,two", "column");
	km_attr_i("axis", 1);
	km_node("Squeeze", "column,one", "index");
	km_node("Reshape", "boxes,flat", "all");
	km_node("Gather", "all,index", "kept");
	km_attr_i("axis", 0);
	km_node("Add", "kept,half", "moved");
	km_output("moved", F32);
	km_output("selected", I64);
}

TEST(detection_head_as_exporters_write_it)
{
	detection_head();
	CHECK_EQ(write_model(), 0);
	for (int way = 0; way < WAYS; way++) {
		struct tuff_session *s = open_way(way);
		float *d = km.data[0].data, *sc = km.data[1].data, boxes[BOXES * 4];
		int found[BOXES * CLASSES][2];
		struct tuff_tensor out[2];

		if (!s)
			continue;
		for (int round = 0; round < 4; round++) {
			int n;

			for (int i = 0; i < BOXES; i++) {	/* round 3: no score is high enough */
				float y = km_rand() % 100, x = km_rand() % 100;

				d[4 * i] = y, d[4 * i + 1] = x, d[4 * i + 2] = y + 10 + km_rand() % 50, d[4 * i + 3] = x + 10 + km_rand() % 50;
				for (int c = 0; c < CLASSES; c++)
					sc[c * BOXES + i] = round == 3 ? 0.1f : (km_rand() % 1000) / 1000.f + i * 1e-5f;
			}
			for (int i = 0; i < BOXES * 4; i++)
				boxes[i] = d[i] * 0.5f;
			n = select_boxes(boxes, sc, 0.4f, 0.25f, 8, found);
			CHECK_EQ(run(s, out), 0);
			CHECK_EQ(out[1].rank, 2);
			CHECK_EQ(out[1].dim[0], n);
			CHECK_EQ(out[0].dim[0], n);
			CHECK_EQ(out[0].dim[1], 4);
			CHECK(round == 3 ? n == 0 : n > 4);
			for (int i = 0; i < n; i++) {
				CHECK_EQ(((int64_t *)out[1].data)[3 * i], 0);
				CHECK_EQ(((int64_t *)out[1].data)[3 * i + 1], found[i][0]);
				CHECK_EQ(((int64_t *)out[1].data)[3 * i + 2], found[i][1]);
				for (int k = 0; k < 4; k++)
					CHECK(((float *)out[0].data)[4 * i + k] == boxes[4 * found[i][1] + k] + 0.5f);
			}
		}
		tuff_session_destroy(s);
	}
	drop_model();
}

/* ---- a shape that is an input decides what a convolution works on ---- */
static void set_shape(int64_t n, int64_t c, int64_t h, int64_t w)
{
	memcpy(km.data[1].data, (int64_t []){ n, c, h, w }, 32);
}

static void measured_convolution(void)
{
	km_reset();
	km_input("x", F32, 1, -288);
	km_input("shape", I64, 1, 4);
	km_weight("w", F32, 4, 4, 2, 3, 3);
	km_node("Reshape", "x,shape", "image");
	km_node("Conv", "image,w", "conv");
	km_attr_ints("pads", 4, 1, 1, 1, 1);
	km_node("Relu", "conv", "y");
	km_output("y", F32);
}

TEST(measured_shape_feeds_a_convolution)
{
	measured_convolution();
	CHECK_EQ(write_model(), 0);
	for (int way = 0; way < WAYS; way++) {
		static const int64_t sizes[][4] = { { 1, 2, 12, 12 }, { 4, 2, 9, 4 }, { 1, 2, -1, 8 }, { -1, 2, 3, 3 }, { 1, 2, 12, 12 } };
		struct tuff_session *s = open_way(way);
		const float *x = km.data[0].data, *w = (float *)km.pinit[0]->raw_data.data;

		if (!s)
			continue;
		for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
			int64_t n = sizes[k][0], h = sizes[k][2], wd = sizes[k][3];
			struct tuff_tensor out;

			set_shape(n, 2, h, wd);
			CHECK_EQ(run(s, &out), 0);
			h = h < 0 ? 288 / (n * 2 * wd) : h;
			n = n < 0 ? 288 / (2 * h * wd) : n;
			CHECK_EQ(out.rank, 4);
			CHECK(out.dim[0] == n && out.dim[1] == 4 && out.dim[2] == h && out.dim[3] == wd);
			for (int64_t i = 0; i < n * 4 * h * wd; i++) {
				int64_t px = i % wd, py = i / wd % h, oc = i / wd / h % 4, b = i / wd / h / 4;
				double acc = 0;

				for (int64_t c = 0; c < 2; c++)
					for (int64_t ky = 0; ky < 3; ky++)
						for (int64_t kx = 0; kx < 3; kx++) {
							int64_t yy = py + ky - 1, xx = px + kx - 1;

							if (yy >= 0 && yy < h && xx >= 0 && xx < wd)
								acc += (double)x[((b * 2 + c) * h + yy) * wd + xx] * w[((oc * 2 + c) * 3 + ky) * 3 + kx];
						}
				acc = acc > 0 ? acc : 0;
				CHECK(fabs(((float *)out.data)[i] - acc) < 1e-4);
			}
		}
		if (way == VULKAN) {	/* the segment's steps are on the device */
			CHECK(tuff_session_steps(s) > 1 && tuff_session_kernels(s) > 0);
			for (uint32_t i = 0; i < tuff_session_steps(s); i++) {
				struct tuff_step_info info;

				CHECK_EQ(tuff_session_step(s, i, &info), 0);
				CHECK(info.on_device);
			}
		}
		tuff_session_destroy(s);
	}
	drop_model();
}

/* ---- several cuts: what is kept decides the next size ---- */
TEST(sizes_of_sizes)
{
	km_reset();
	km_input("x", F32, 2, 5, 7);
	km_floats("zero", -1, 0.0);
	km_ints("last", 1, -1);
	km_ints("first", 1, 0);
	km_node("Greater", "x,zero", "positive");
	km_node("Reshape", "positive,last", "flags");
	km_node("Compress", "x,flags", "kept");		/* the positive ones */
	km_node("Shape", "kept", "count");
	km_node("ConstantOfShape", "count", "zeros");
	km_node("Floor", "kept", "whole");
	km_node("Concat", "whole,zeros", "both");
	km_attr_i("axis", 0);
	km_node("Unique", "both", "distinct,index,inverse,times");
	km_node("NonZero", "distinct", "where");
	km_node("Cast", "times", "many");
	km_attr_i("to", F32);
	km_node("ReduceSum", "many,first", "total");	/* all of them again */
	km_output("kept", F32);
	km_output("distinct", F32);
	km_output("where", I64);
	km_output("total", F32);
	CHECK_EQ(write_model(), 0);
	for (int way = 0; way < WAYS; way++) {
		struct tuff_session *s = open_way(way);
		const float *x = km.data[0].data;
		struct tuff_tensor out[4];

		if (!s)
			continue;
		for (int round = 0; round < 3; round++) {
			int64_t n = 0, distinct = 0;
			char seen[3] = { 1 };	/* the zeros */

			for (int i = 0; i < 35; i++)	/* round 2: nothing is positive */
				((float *)km.data[0].data)[i] = round == 2 ? -1.f : (int)(km_rand() % 4096 - 2048) / 1024.f;
			CHECK_EQ(run(s, out), 0);
			for (int i = 0; i < 35; i++)
				if (x[i] > 0) {
					CHECK(n < out[0].dim[0] && ((float *)out[0].data)[n] == x[i]);
					n++;
					seen[(int)x[i]] = 1;
				}
			CHECK_EQ(out[0].dim[0], n);
			if (!n)
				seen[0] = 0;
			for (int i = 0; i < 3; i++)
				if (seen[i]) {
					CHECK(distinct < out[1].dim[0] && ((float *)out[1].data)[distinct] == i);
					distinct++;
				}
			CHECK_EQ(out[1].dim[0], distinct);
			CHECK_EQ(out[2].dim[1], distinct - seen[0]);
			CHECK(((float *)out[3].data)[0] == 2 * n);
		}
		tuff_session_destroy(s);
	}
	drop_model();
}

/* found by fuzzing: what a dead node demands of sizes that nobody else measures */
TEST(a_dead_node_demands_nothing)
{
	km_reset();
	km_input("size", I64, 1, 5);
	km_ints("from", 1, 2);
	km_ints("to", 1, 5);
	km_node("Abs", "size", "sizes");
	km_node("Slice", "sizes,from,to", "shape");
	km_node("ConstantOfShape", "shape", "zeros");
	km_node("Reshape", "zeros,sizes", "dead");
	km_output("zeros", F32);
	CHECK_EQ(write_model(), 0);
	for (int way = 0; way < WAYS; way++) {
		struct tuff_session *s = open_way(way);
		struct tuff_tensor out;

		if (!s)
			continue;
		for (int i = 0; i < 5; i++)
			((int64_t *)km.data[0].data)[i] = i + 2;
		CHECK_EQ(run(s, &out), 0);
		CHECK(out.rank == 3 && out.dim[0] == 4 && out.dim[1] == 5 && out.dim[2] == 6);
		tuff_session_destroy(s);
	}
	drop_model();
}

TEST(what_does_not_fit_is_said)
{
	struct tuff_session *s;
	struct tuff_tensor out;

	measured_convolution();
	CHECK_EQ(write_model(), 0);
	s = open_way(CPU);
	CHECK(s);
	set_shape(1, 2, 12, 11);	/* not 288 */
	CHECK_EQ(tuff_run(s, km.data, 2, &out, 1, &err), -EINVAL);
	CHECK(strstr(err.text, "do not fit"));
	set_shape(1, 3, 12, 8);		/* not the weights' channels */
	CHECK_EQ(tuff_run(s, km.data, 2, &out, 1, &err), -EINVAL);
	set_shape(-1, -1, 12, 8);
	CHECK_EQ(tuff_run(s, km.data, 2, &out, 1, &err), -EINVAL);
	set_shape(-3, 2, -12, 4);	/* the right number of elements */
	CHECK_EQ(tuff_run(s, km.data, 2, &out, 1, &err), -EINVAL);
	set_shape(INT64_MAX, INT64_MAX, INT64_MIN, INT64_MAX);
	CHECK_EQ(tuff_run(s, km.data, 2, &out, 1, &err), -EINVAL);
	set_shape(1, 2, 12, 12);	/* and nothing is left behind */
	CHECK_EQ(tuff_run(s, km.data, 2, &out, 1, &err), 0);
	tuff_session_destroy(s);
	drop_model();
}

TEST(steps_and_times_of_a_script)
{
	detection_head();
	CHECK_EQ(write_model(), 0);
	for (int way = 0; way < WAYS; way++) {
		struct tuff_session *s = open_way(way);
		uint64_t ns[32] = { 0 }, before = 0, after = 0;
		struct tuff_tensor out[2];
		uint32_t n, nms = 32;

		if (!s)
			continue;
		n = tuff_session_steps(s);
		CHECK(n > 3 && n <= 32);
		CHECK_EQ(tuff_run_profiled(s, km.data, km.nin, out, km.nout, ns, &err), 0);
		for (uint32_t i = 0; i < n; i++) {
			struct tuff_step_info info;

			CHECK_EQ(tuff_session_step(s, i, &info), 0);
			CHECK(strcmp(info.op, "tuff.Run"));
			if (!strcmp(info.op, "NonMaxSuppression")) {
				nms = i;
				CHECK(way != VULKAN || *info.reason);
			}
			(nms == 32 ? &before : &after)[0] += ns[i];
		}
		CHECK(nms < n && ns[nms] > 0 && before > 0 && after > ns[nms]);
		tuff_session_destroy(s);
	}
	drop_model();
}

TEST(sizes_that_were_seen_record_and_compile_nothing)
{
	struct tuff_session *s;
	struct tuff_be_counters a = { 0 }, b = { 0 };
	struct tuff_tensor out;

	measured_convolution();
	CHECK_EQ(write_model(), 0);
	s = open_way(VULKAN);
	if (!s) {
		drop_model();
		SKIP("no Vulkan device");
	}
	for (int round = 0; round < 4; round++) {
		if (round == 2)
			tuff_local_counters(s->dev->file, &a);
		set_shape(1, 2, round & 1 ? 12 : 9, round & 1 ? 12 : 16);
		((float *)km.data[0].data)[round] += 1;
		CHECK_EQ(run(s, &out), 0);
	}
	tuff_local_counters(s->dev->file, &b);
	CHECK(b.submits > a.submits);
	CHECK_EQ(b.allocs, a.allocs);
	CHECK_EQ(b.pipelines, a.pipelines);
	CHECK_EQ(b.records, a.records);
	tuff_session_destroy(s);
	drop_model();
}

TEST(a_static_model_is_no_script)
{
	struct tuff_session *s;

	CHECK_EQ(tuff_session_create("demo/digits.onnx", "cpu", &s, &err), 0);
	CHECK(!tuff_program_scripted(s->p));
	CHECK(!s->interp);
	CHECK_EQ(s->p->nsubs, 0);
	tuff_session_destroy(s);
}
