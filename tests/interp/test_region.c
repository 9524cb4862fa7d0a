// SPDX-License-Identifier: MIT
/* If, Loop, Scan, functions: against answers computed here, on every way. */
#include "tests/interp/ways.h"

static float *floats(const struct tuff_tensor *t)
{
	return t->data;
}

/* a scalar input's value */
static void set_int(uint32_t i, int64_t v)
{
	*(int64_t *)km.data[i].data = v;
}

/* ---- If whose branches give other sizes, with captures of two levels ---- */

/* y = sum(x) > 0 ? x[:2] * w : concat(x, w) */
static void branches(void)
{
	struct km_graph b;
	Onnx__GraphProto *yes, *no;

	km_reset();
	km_input("x", F32, 2, -5, 3);
	km_weight("w", F32, 2, 2, 3);
	km_ints("from", 1, 0);
	km_ints("to", 1, 2);
	km_floats("zero", -1, 0.0);
	km_node("ReduceSum", "x", "sum");
	km_attr_i("keepdims", 0);
	km_node("Greater", "sum,zero", "positive");
	b = km_graph_begin();
	km_node("Slice", "x,from,to", "part");
	km_node("Mul", "part,w", "y1");
	km_output("y1", F32);
	yes = km_graph_end(b);
	b = km_graph_begin();
	km_node("Concat", "x,w", "y2");
	km_attr_i("axis", 0);
	km_output("y2", F32);
	no = km_graph_end(b);
	km_node("If", "positive", "y");
	km_attr_g("then_branch", yes);
	km_attr_g("else_branch", no);
	km_node("Neg", "y", "out");
	km_output("out", F32);
}

TEST(branches_of_different_sizes)
{
	branches();
	CHECK_EQ(write_model(), 0);
	for (int way = 0; way < WAYS; way++) {
		struct tuff_session *s = open_way(way);
		float *x = km.data[0].data, *w = (float *)km.pinit[0]->raw_data.data;
		struct tuff_tensor out;

		if (!s)
			continue;
		for (int round = 0; round < 4; round++) {
			double sum = 0;

			for (int i = 0; i < 15; i++)
				sum += x[i] = (km_rand() % 100) / 100.f - (round & 1);
			CHECK_EQ(run(s, &out), 0);
			CHECK_EQ(out.dim[0], sum > 0 ? 2 : 7);
			for (int i = 0; i < out.dim[0] * 3; i++)
				CHECK(floats(&out)[i] == (sum > 0 ? -x[i] * w[i] : i < 15 ? -x[i] : -w[i - 15]));
		}
		tuff_session_destroy(s);
	}
	drop_model();
}

TEST(a_constant_condition_leaves_no_if)
{
	struct tuff_session *s;
	struct tuff_tensor out;
	struct km_graph b;
	Onnx__GraphProto *yes, *no;

	km_reset();
	km_input("x", F32, 2, 5, 3);
	km_ints("five", 1, 5);
	km_ints("at", 1, 0);
	km_node("Shape", "x", "shape");
	km_node("Gather", "shape,at", "rows");
	km_node("Equal", "rows,five", "same");
	b = km_graph_begin();
	km_node("Identity", "x", "y1");
	km_output("y1", F32);
	yes = km_graph_end(b);
	b = km_graph_begin();
	km_node("Unsqueeze", "x,at", "y2");	/* another number of dimensions: never asked for */
	km_output("y2", F32);
	no = km_graph_end(b);
	km_node("If", "same", "y");
	km_attr_g("then_branch", yes);
	km_attr_g("else_branch", no);
	km_node("Neg", "y", "out");
	km_output("out", F32);
	CHECK_EQ(write_model(), 0);
	s = open_way(CPU);
	CHECK(s);
	CHECK(!tuff_program_scripted(s->p));
	CHECK_EQ(run(s, &out), 0);
	CHECK_EQ(out.rank, 2);
	for (int i = 0; i < 15; i++)
		CHECK(floats(&out)[i] == -floats(&km.data[0])[i]);
	tuff_session_destroy(s);
	drop_model();
}

/* ---- nested If in Loop, captures through both ---- */

/*
 * for i < n while go: y = i odd ? y + w : y * x (x from outside the loop);
 * go = sum(y) < limit; scans y. n is a graph input.
 */
static void nested(void)
{
	struct km_graph l, b;
	Onnx__GraphProto *yes, *no, *body;

	km_reset();
	km_input("n", I64, 0);
	km_input("x", F32, 1, 4);
	km_input("limit", F32, 0);
	km_weight("w", F32, 1, 4);
	km_ints("two", 1, 2);
	km_ints("one", 1, 1);
	l = km_graph_begin();
	km_formal("i", I64);
	km_formal("go", BOOL);
	km_formal("y", F32);
	km_node("Mod", "i,two", "rest");
	km_node("Equal", "rest,one", "odd");
	b = km_graph_begin();
	km_node("Add", "y,w", "z1");
	km_output("z1", F32);
	yes = km_graph_end(b);
	b = km_graph_begin();
	km_node("Mul", "y,x", "z2");
	km_output("z2", F32);
	no = km_graph_end(b);
	km_node("If", "odd", "z");
	km_attr_g("then_branch", yes);
	km_attr_g("else_branch", no);
	km_node("ReduceSum", "z", "sum");
	km_attr_i("keepdims", 0);
	km_node("Less", "sum,limit", "next");
	km_node("Identity", "z", "kept");
	km_output("next", BOOL);
	km_output("z", F32);
	km_output("kept", F32);
	body = km_graph_end(l);
	km_node("Loop", "n,-,x", "last,all");
	km_attr_g("body", body);
	km_node("Neg", "last", "out");
	km_output("out", F32);
	km_output("all", F32);
}

TEST(if_in_loop_with_captures)
{
	nested();
	CHECK_EQ(write_model(), 0);
	for (int way = 0; way < WAYS; way++) {
		struct tuff_session *s = open_way(way);
		float *x = km.data[1].data, *w = (float *)km.pinit[0]->raw_data.data;
		struct tuff_tensor out[2];

		if (!s)
			continue;
		for (int n = 0; n < 9; n += 2) {
			float y[4], all[8][4];
			int rounds = 0, go = 1;

			set_int(0, n);
			*floats(&km.data[2]) = n == 8 ? 0 : 1e9f;	/* ends early */
			memcpy(y, x, sizeof(y));
			for (; rounds < n && go; rounds++) {
				double sum = 0;

				for (int k = 0; k < 4; k++)
					sum += all[rounds][k] = y[k] = rounds % 2 ? y[k] + w[k] : y[k] * x[k];
				go = sum < *floats(&km.data[2]);
			}
			CHECK_EQ(run(s, out), 0);
			CHECK_EQ(out[1].dim[0], rounds);
			CHECK_EQ(out[1].dim[1], 4);
			CHECK(n < 8 || rounds < 8);
			for (int k = 0; k < 4; k++)
				CHECK(floats(&out[0])[k] == -y[k]);
			CHECK(!memcmp(out[1].data, all, rounds * sizeof(*all)));
		}
		tuff_session_destroy(s);
	}
	drop_model();
}

/* a value that grows, and a condition that is the body's own */
TEST(loop_carries_a_growing_value)
{
	struct km_graph l;
	Onnx__GraphProto *body;

	km_reset();
	km_input("n", I64, 0);
	km_input("x", F32, 2, -2, 3);
	km_floats("half", -1, 0.5);
	l = km_graph_begin();
	km_formal("i", I64);
	km_formal("go", BOOL);
	km_formal("y", F32);
	km_node("Mul", "x,half", "more");
	km_node("Concat", "y,more", "z");
	km_attr_i("axis", 0);
	km_node("Identity", "go", "on");
	km_output("on", BOOL);
	km_output("z", F32);
	body = km_graph_end(l);
	km_node("Loop", "n,-,x", "y_last");
	km_attr_g("body", body);
	km_node("Relu", "y_last", "out");
	km_output("out", F32);
	CHECK_EQ(write_model(), 0);
	for (int way = 0; way < WAYS; way++) {
		struct tuff_session *s = open_way(way);
		const float *x = floats(&km.data[1]);
		struct tuff_tensor out;

		if (!s)
			continue;
		for (int n = 0; n < 12; n += 5) {
			set_int(0, n);
			CHECK_EQ(run(s, &out), 0);
			CHECK_EQ(out.dim[0], 2 + 2 * n);
			for (int i = 0; i < out.dim[0] * 3; i++)
				CHECK(floats(&out)[i] == fmaxf(0, i < 6 ? x[i] : x[i % 6] * 0.5f));
		}
		tuff_session_destroy(s);
	}
	drop_model();
}

/* Scan along dimension 1, backward in and backward out, the result along 1 */
TEST(scan_axes_and_directions)
{
	struct km_graph l;
	Onnx__GraphProto *body;

	km_reset();
	km_input("init", F32, 1, 2);
	km_input("x", F32, 2, 2, -6);
	l = km_graph_begin();
	km_formal("acc", F32);
	km_formal("one", F32);
	km_node("Add", "acc,one", "sum");
	km_node("Neg", "sum", "minus");
	km_output("sum", F32);
	km_output("minus", F32);
	body = km_graph_end(l);
	km_node("Scan", "init,x", "final,all");
	km_attr_i("num_scan_inputs", 1);
	km_attr_ints("scan_input_axes", 1, 1);
	km_attr_ints("scan_input_directions", 1, 1);
	km_attr_ints("scan_output_axes", 1, -1);
	km_attr_ints("scan_output_directions", 1, 1);
	km_attr_g("body", body);
	km_output("final", F32);
	km_output("all", F32);
	CHECK_EQ(write_model(), 0);
	for (int way = 0; way < WAYS; way++) {
		struct tuff_session *s = open_way(way);
		struct tuff_tensor out[2];

		if (!s)
			continue;
		CHECK_EQ(run(s, out), 0);
		CHECK(out[1].rank == 2 && out[1].dim[0] == 2 && out[1].dim[1] == 6);
		for (int r = 0; r < 2; r++) {
			float acc = floats(&km.data[0])[r];

			for (int k = 0; k < 6; k++) {	/* from the last to the first; each result stands where its input did */
				acc += floats(&km.data[1])[r * 6 + 5 - k];
				CHECK(floats(&out[1])[r * 6 + 5 - k] == -acc);
			}
			CHECK(floats(&out[0])[r] == acc);
		}
		tuff_session_destroy(s);
	}
	drop_model();
}

/* a function of the model: f(a, b) = a * alpha + b, alpha an attribute of the call or 2 */
TEST(functions_are_inlined)
{
	Onnx__FunctionProto f = ONNX__FUNCTION_PROTO__INIT;
	Onnx__AttributeProto def = ONNX__ATTRIBUTE_PROTO__INIT, *pdef = &def;
	char *in[2] = { (char *)"a", (char *)"b" }, *outs[1] = { (char *)"c" };
	Onnx__AttributeProto *ref;
	struct km_graph b;
	Onnx__GraphProto *g;

	km_reset();
	km_input("x", F32, 1, 8);
	b = km_graph_begin();
	km_node("Constant", "", "alpha");
	ref = km_attr("value_float", 1);
	ref->ref_attr_name = (char *)"alpha";
	km_node("Mul", "a,alpha", "scaled");
	km_node("Add", "scaled,b", "c");
	g = km_graph_end(b);
	f.name = (char *)"axpy";
	f.domain = (char *)"test.local";
	f.n_input = 2;
	f.input = in;
	f.n_output = 1;
	f.output = outs;
	f.n_node = g->n_node;
	f.node = g->node;
	def.name = (char *)"alpha";
	def.has_type = def.has_f = 1;
	def.type = 1;
	def.f = 2;
	f.n_attribute_proto = 1;
	f.attribute_proto = &pdef;
	km.function = &f;
	km_node("axpy", "x,x", "y");		/* 3 x */
	km.pnode[km.nnode - 1]->domain = (char *)"test.local";
	km_node("axpy", "y,x", "z");		/* 0.5 * 3 x + x */
	km.pnode[km.nnode - 1]->domain = (char *)"test.local";
	km_attr_f("alpha", 0.5);
	km_output("z", F32);
	CHECK_EQ(write_model(), 0);
	for (int way = 0; way < WAYS; way++) {
		struct tuff_session *s = open_way(way);
		struct tuff_tensor out;

		if (!s)
			continue;
		CHECK(!tuff_program_scripted(s->p));
		CHECK_EQ(run(s, &out), 0);
		for (int i = 0; i < 8; i++)
			CHECK(floats(&out)[i] == 2.5f * floats(&km.data[0])[i]);
		tuff_session_destroy(s);
	}
	drop_model();
	f.node[1]->op_type = (char *)"axpy";	/* a function that calls itself */
	f.node[1]->domain = (char *)"test.local";
	CHECK_EQ(write_model(), 0);
	{
		struct tuff_session *s;

		CHECK_EQ(tuff_session_create(model, "cpu", &s, &err), -E2BIG);
		CHECK(strstr(err.text, "axpy") && strstr(err.text, "nested"));
	}
	drop_model();
}

/* ---- sequences ---- */

/*
 * A loop collects x * i for i < n at the front; then the last one, the number,
 * all but the one at 1 joined, and the pieces of a split by lengths.
 */
static void collected(void)
{
	struct km_graph l;
	Onnx__GraphProto *body;

	km_reset();
	km_input("n", I64, 0);
	km_input("x", F32, 2, -2, 3);
	km_ints("first", 1, 0);
	km_ints("one", 1, 1);
	km_ints("minus", 1, -1);
	km_node("SequenceEmpty", "", "none");
	l = km_graph_begin();
	km_formal("i", I64);
	km_formal("go", BOOL);
	km_formal("s", F32);
	km_node("Cast", "i", "f");
	km_attr_i("to", F32);
	km_node("Mul", "x,f", "y");
	km_node("SequenceInsert", "s,y,first", "t");
	km_node("Identity", "go", "on");
	km_output("on", BOOL);
	km_output("t", F32);
	body = km_graph_end(l);
	km_node("Loop", "n,-,none", "all");
	km_attr_g("body", body);
	km_node("SequenceAt", "all,minus", "last");
	km_node("SequenceLength", "all", "count");
	km_node("SequenceErase", "all,one", "fewer");
	km_node("ConcatFromSequence", "fewer", "joined");
	km_attr_i("axis", 1);
	km_node("ConcatFromSequence", "all", "stacked");
	km_attr_i("axis", -1);
	km_attr_i("new_axis", 1);
	km_node("SplitToSequence", "joined", "columns");
	km_attr_i("axis", 1);
	km_attr_i("keepdims", 0);
	km_node("SequenceAt", "columns,minus", "column");
	km_node("Neg", "last", "out");
	km_output("out", F32);
	km_output("count", I64);
	km_output("joined", F32);
	km_output("stacked", F32);
	km_output("column", F32);
}

TEST(sequences)
{
	collected();
	CHECK_EQ(write_model(), 0);
	for (int way = 0; way < WAYS; way++) {
		struct tuff_session *s = open_way(way);
		const float *x = floats(&km.data[1]);
		struct tuff_tensor out[5];

		if (!s)
			continue;
		for (int n = 2; n < 7; n += 2) {
			set_int(0, n);	/* element k is x * (n - 1 - k) */
			CHECK_EQ(run(s, out), 0);
			CHECK(out[0].dim[0] == 2 && out[0].dim[1] == 3 && floats(&out[0])[1] == 0);
			CHECK_EQ(*(int64_t *)out[1].data, n);
			CHECK(out[2].dim[0] == 2 && out[2].dim[1] == 3 * (n - 1));
			for (int r = 0; r < 2; r++)
				for (int k = 0; k < n - 1; k++)
					for (int c = 0; c < 3; c++)
						CHECK(floats(&out[2])[(r * (n - 1) + k) * 3 + c] == x[r * 3 + c] * (n - 1 - (k ? k + 1 : 0)));
			CHECK(out[3].rank == 3 && out[3].dim[2] == n);
			for (int i = 0; i < 6; i++)
				for (int k = 0; k < n; k++)
					CHECK(floats(&out[3])[i * n + k] == x[i] * (n - 1 - k));
			CHECK(out[4].rank == 1 && out[4].dim[0] == 2);
			CHECK(floats(&out[4])[1] == floats(&out[2])[6 * (n - 1) - 1]);
		}
		set_int(0, 1);	/* nothing to erase at 1 */
		CHECK_EQ(tuff_run(s, km.data, 2, out, 5, &err), -EINVAL);
		CHECK(strstr(err.text, "SequenceErase") && strstr(err.text, "position 1"));
		CHECK_EQ(s->value_bytes, 0);
		tuff_session_destroy(s);
	}
	drop_model();
}

/* ---- what is refused, and where ---- */

static Onnx__GraphProto *doubling(void)
{
	struct km_graph l = km_graph_begin();

	km_formal("i", I64);
	km_formal("go", BOOL);
	km_formal("y", F32);
	km_node("Concat", "y,y", "z");
	km_attr_i("axis", 0);
	km_node("Identity", "go", "on");
	km_output("on", BOOL);
	km_output("z", F32);
	return km_graph_end(l);
}

TEST(a_loop_that_fills_memory_ends_with_its_name)
{
	struct tuff_session *s;
	struct tuff_tensor out;
	Onnx__GraphProto *body;

	km_reset();
	km_input("n", I64, 0);
	km_input("x", F32, 1, -1024);
	body = doubling();
	km_node("Loop", "n,-,x", "out");
	km.pnode[km.nnode - 1]->name = (char *)"the_loop";
	km_attr_g("body", body);
	km_output("out", F32);
	CHECK_EQ(write_model(), 0);
	s = open_way(CPU);
	CHECK(s);
	set_int(0, 1000);
	s->value_bytes = (uint64_t)1 << 60;	/* as if others held it: no test fills the machine */
	CHECK_EQ(tuff_run(s, km.data, 2, &out, 1, &err), -ENOMEM);
	CHECK(strstr(err.text, "the_loop"));
	s->value_bytes = 0;
	set_int(0, 3);
	CHECK_EQ(run(s, &out), 0);
	CHECK_EQ(out.dim[0], 8192);
	tuff_session_destroy(s);
	drop_model();
}

TEST(an_endless_loop_is_refused)
{
	struct tuff_session *s;
	Onnx__GraphProto *body;

	km_reset();
	km_input("x", F32, 1, 4);
	body = doubling();
	km_node("Loop", "-,-,x", "out");
	km_attr_g("body", body);
	km_output("out", F32);
	CHECK_EQ(write_model(), 0);
	CHECK_EQ(tuff_session_create(model, "cpu", &s, &err), -EINVAL);
	CHECK(strstr(err.text, "never end"));
	drop_model();
}

TEST(a_body_sees_no_later_values)
{
	struct tuff_session *s;
	struct km_graph b;
	Onnx__GraphProto *yes;

	km_reset();
	km_input("c", BOOL, 0);
	km_input("x", F32, 1, 4);
	b = km_graph_begin();
	km_node("Neg", "later", "y1");
	km_output("y1", F32);
	yes = km_graph_end(b);
	km_node("If", "c", "y");
	km_attr_g("then_branch", yes);
	km_attr_g("else_branch", yes);
	km_node("Abs", "x", "later");
	km_node("Add", "y,later", "out");
	km_output("out", F32);
	CHECK_EQ(write_model(), 0);
	CHECK_EQ(tuff_session_create(model, "cpu", &s, &err), -EINVAL);
	CHECK(strstr(err.text, "later"));
	drop_model();
}

/* If in If in If .. */
TEST(nesting_is_bounded)
{
	for (int depth = 8; depth <= 18; depth += 10) {
		struct tuff_session *s;
		struct tuff_tensor out;
		Onnx__GraphProto *g;
		struct km_graph b;
		char name[32], op[32];

		km_reset();
		km_input("c", BOOL, 0);
		km_input("x", F32, 1, 4);
		b = km_graph_begin();
		km_node("Neg", "x", "y0");
		km_output("y0", F32);
		g = km_graph_end(b);
		for (int i = 1; i < depth; i++) {
			b = km_graph_begin();
			snprintf(name, sizeof(name), "y%d", i);
			km_node("If", "c", name);
			km_attr_g("then_branch", g);
			snprintf(op, sizeof(op), "e%d", i);
			{
				struct km_graph e = km_graph_begin();
				Onnx__GraphProto *other;

				km_node("Abs", "x", op);
				km_output(op, F32);
				other = km_graph_end(e);
				km_attr_g("else_branch", other);
			}
			km_output(name, F32);
			g = km_graph_end(b);
		}
		km_node("If", "c", "out");
		km_attr_g("then_branch", g);
		km_attr_g("else_branch", g);
		km_output("out", F32);
		CHECK_EQ(write_model(), 0);
		*(uint8_t *)km.data[0].data = 1;
		if (depth > 16) {
			CHECK_EQ(tuff_session_create(model, "cpu", &s, &err), -E2BIG);
			CHECK(strstr(err.text, "nested deeper"));
		} else {
			s = open_way(PROGRAM);
			CHECK(s);
			CHECK_EQ(run(s, &out), 0);
			CHECK(floats(&out)[3] == -floats(&km.data[1])[3]);
			tuff_session_destroy(s);
		}
		drop_model();
	}
}
