// SPDX-License-Identifier: MIT
/* External data: what is read, and what a location may not lead to. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/tuffc.h"
#include "onnx.pb-c.h"
#include "tests/harness.h"

static char dir[64];

static void put(const char *name, const void *b, size_t n)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	if (f) {
		fwrite(b, 1, n, f);
		fclose(f);
	}
}

/* y = x + w, float32[4], w's bytes elsewhere; keys and values in pairs, ended by NULL */
static int compile(const char *const *kv, struct tuffc_error *err)
{
	const struct tuffc_options opt = { .device.target = TUFF_TARGET_CPU };
	Onnx__StringStringEntryProto entry[4], *entries[4];
	Onnx__TensorProto w = ONNX__TENSOR_PROTO__INIT, *ws[] = { &w };
	Onnx__TensorShapeProto__Dimension dim = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT, *dims[] = { &dim };
	Onnx__TensorShapeProto shape = ONNX__TENSOR_SHAPE_PROTO__INIT;
	Onnx__TypeProto__Tensor tt = ONNX__TYPE_PROTO__TENSOR__INIT;
	Onnx__TypeProto type = ONNX__TYPE_PROTO__INIT;
	Onnx__ValueInfoProto x = ONNX__VALUE_INFO_PROTO__INIT, y = ONNX__VALUE_INFO_PROTO__INIT, *xs[] = { &x }, *ys[] = { &y };
	Onnx__NodeProto node = ONNX__NODE_PROTO__INIT, *nodes[] = { &node };
	Onnx__GraphProto graph = ONNX__GRAPH_PROTO__INIT;
	Onnx__OperatorSetIdProto set = ONNX__OPERATOR_SET_ID_PROTO__INIT, *sets[] = { &set };
	Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
	char *in[] = { "x", "w" }, *out[] = { "y" }, path[256];
	uint8_t buf[2048];
	int64_t four = 4;
	struct tuff_program *p = NULL;
	int ret;

	for (; kv[2 * w.n_external_data]; w.n_external_data++) {
		size_t i = w.n_external_data;

		onnx__string_string_entry_proto__init(&entry[i]);
		entry[i].key = (char *)kv[2 * i];
		entry[i].value = (char *)kv[2 * i + 1];
		entries[i] = &entry[i];
	}
	w.name = "w", w.n_dims = 1, w.dims = &four, w.has_data_type = 1, w.data_type = 1;
	w.external_data = entries, w.has_data_location = 1, w.data_location = 1;
	dim.has_dim_value = 1, dim.dim_value = 4;
	shape.n_dim = 1, shape.dim = dims;
	tt.has_elem_type = 1, tt.elem_type = 1, tt.shape = &shape;
	type.tensor_type = &tt;
	x.name = "x", x.type = &type, y.name = "y", y.type = &type;
	node.op_type = "Add", node.n_input = 2, node.input = in, node.n_output = 1, node.output = out;
	graph.n_node = 1, graph.node = nodes, graph.n_initializer = 1, graph.initializer = ws;
	graph.n_input = 1, graph.input = xs, graph.n_output = 1, graph.output = ys;
	set.has_version = 1, set.version = 13;
	model.n_opset_import = 1, model.opset_import = sets, model.graph = &graph;
	put("m.onnx", buf, onnx__model_proto__pack(&model, buf));
	snprintf(path, sizeof(path), "%s/m.onnx", dir);
	ret = tuffc_compile(path, &opt, &p, err);
	if (!ret) {	/* the bytes are the file's */
		struct tuff_weight_src src;
		float got[4] = { 0 };
		char why[128];

		ret = tuff_weight_src_open(p, &src, why, sizeof(why));
		for (uint32_t i = 0; !ret && i < p->nweights; i++)
			if (p->weights[i].src == TUFF_W_FILE)
				ret = tuff_weight_read(&src, i, TUFF_F32, got);
		if (!ret && (got[0] != 1 || got[3] != 4))
			ret = -EILSEQ;
		tuff_weight_src_close(&src);
	}
	tuff_program_destroy(p);
	return ret;
}

#define TRY(...) compile((const char *const []){ __VA_ARGS__, NULL }, &err)
#define REFUSED(what, ...) do { CHECK(TRY(__VA_ARGS__) < 0); \
	if (!strstr(err.text, what) || !strstr(err.text, "'w'")) { printf("  %s\n", err.text); CHECK(!#what); } } while (0)

static void make(void)
{
	static const float eight[] = { 0, 0, 1, 2, 3, 4, 0, 0 };
	char path[256], to[256];

	snprintf(dir, sizeof(dir), "/tmp/tuff-external-XXXXXX");
	if (!mkdtemp(dir))
		return;
	put("w.bin", eight + 2, 16);
	put("eight.bin", eight, 32);
	put("a..b", eight + 2, 16);
	snprintf(path, sizeof(path), "%s/sub", dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/fifo", dir);
	mkfifo(path, 0644);
	snprintf(path, sizeof(path), "%s/inside", dir);
	snprintf(to, sizeof(to), "%s/w.bin", dir);
	(void)!symlink(to, path);
	snprintf(path, sizeof(path), "%s/outside", dir);
	(void)!symlink("/etc/passwd", path);
}

static void clean(void)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	(void)!system(cmd);
}

TEST(external_data)
{
	struct tuffc_error err;

	make();
	CHECK_EQ(TRY("location", "w.bin"), 0);
	CHECK_EQ(TRY("location", "eight.bin", "offset", "8", "length", "16"), 0);
	CHECK_EQ(TRY("location", "a..b"), 0);
	CHECK_EQ(TRY("location", "inside"), 0);
	REFUSED("below the model's folder", "location", "../x");
	REFUSED("below the model's folder", "location", "sub/../../x");
	REFUSED("below the model's folder", "location", "/etc/passwd");
	REFUSED("below the model's folder", "offset", "8");
	REFUSED("link out of the model's folder", "location", "outside");
	REFUSED("ends beyond its file", "location", "w.bin", "offset", "4");
	REFUSED("ends beyond its file", "location", "w.bin", "offset", "18446744073709551600");
	REFUSED("is not a number", "location", "w.bin", "offset", " -16");
	REFUSED("is not a number", "location", "w.bin", "offset", "99999999999999999999");
	REFUSED("12 bytes of external data, its shape needs 16", "location", "w.bin", "length", "12");
	clean();
}

TEST(external_data_that_is_no_file)
{
	struct tuffc_error err;

	make();
	CHECK(TRY("location", "missing") == -ENOENT && strstr(err.text, "missing"));
	CHECK(TRY("location", "sub") == -EINVAL && strstr(err.text, "sub: not a regular file"));
	CHECK(TRY("location", "fifo") == -EINVAL && strstr(err.text, "fifo: not a regular file"));
	clean();
}
