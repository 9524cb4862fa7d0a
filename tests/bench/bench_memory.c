// SPDX-License-Identifier: MIT
/*
 * bench_memory DIR: writes a model of 400 MB (25 products with 2048 x 2048
 * weights), loads and runs it in a process of its own, and prints the peak of
 * that process beside the file's size; then the same from a .tuff file.
 */
#include <sys/stat.h>

#include "onnx.pb-c.h"
#include "tests/bench/timing.h"
#include "userspace/tuff.h"

#define N 2048
#define LAYERS 25

static void put_varint(FILE *f, uint64_t v)
{
	while (v >= 128) {
		fputc((int)(v & 127) | 128, f);
		v >>= 7;
	}
	fputc((int)v, f);
}

static void put_message(FILE *f, int field, const void *bytes, size_t n)
{
	put_varint(f, (uint64_t)field << 3 | 2);
	put_varint(f, n);
	fwrite(bytes, 1, n, f);
}

/*
 * Written by hand, tensor by tensor: a serialiser would hold 400 MB twice. A
 * GraphProto has to know its length first, so its pieces are measured before.
 */
static size_t tensor_head(char *buf, int layer)
{
	char name[16];
	size_t n = 0;
	uint64_t bytes = 4ull * N * N;

	/* dims 2048, 2048; data_type float; name; raw_data's tag and length */
	for (int d = 0; d < 2; d++) {
		buf[n++] = 1 << 3;
		buf[n++] = (char)0x80;
		buf[n++] = N >> 7;
	}
	buf[n++] = 2 << 3;
	buf[n++] = 1;
	buf[n++] = 8 << 3 | 2;
	buf[n++] = (char)snprintf(name, sizeof(name), "w%02d", layer);
	memcpy(buf + n, name, 3);
	n += 3;
	buf[n++] = 9 << 3 | 2;
	for (; bytes >= 128; bytes >>= 7)
		buf[n++] = (char)(bytes & 127) | (char)128;
	buf[n++] = (char)bytes;
	return n;
}

static size_t varint_len(uint64_t v)
{
	size_t n = 1;

	for (; v >= 128; v >>= 7)
		n++;
	return n;
}

static size_t node_pack(unsigned char *buf, int layer)
{
	char in[16], w[16], out[16];
	char *ins[2] = { in, w }, *outs[1] = { out };
	Onnx__NodeProto node = ONNX__NODE_PROTO__INIT;

	snprintf(in, sizeof(in), "x%d", layer);
	snprintf(w, sizeof(w), "w%02d", layer);
	snprintf(out, sizeof(out), "x%d", layer + 1);
	node.n_input = 2;
	node.input = ins;
	node.n_output = 1;
	node.output = outs;
	node.op_type = "MatMul";
	return onnx__node_proto__pack(&node, buf);
}

/* ValueInfoProto of float32 [1,N], by hand as well: two of them */
static size_t value_pack(char *buf, int layer)
{
	/* name; type { tensor_type { elem_type 1, shape { dim 1, dim N } } } */
	static const unsigned char type[] = { 0x12, 17, 0x0a, 15, 0x08, 1, 0x12, 11,
		0x0a, 2, 0x08, 1, 0x0a, 3, 0x08, 0x80, 0x10, 0, 0 };
	char name[16];
	int n = snprintf(name, sizeof(name), "x%d", layer);

	buf[0] = 1 << 3 | 2;
	buf[1] = (char)n;
	memcpy(buf + 2, name, (size_t)n);
	memcpy(buf + 2 + n, type, sizeof(type));
	/* lengths: shape 9, tensor_type 13, type 15 */
	buf[2 + n + 1] = 15;
	buf[2 + n + 3] = 13;
	buf[2 + n + 7] = 9;
	return 2 + (size_t)n + 17;
}

static int write_model(const char *path)
{
	static float row[N * N];
	static char graph[1 << 16], head[64], model[64];
	FILE *f = fopen(path, "wb");
	uint64_t total = 0;
	size_t hn, used = 0;
	FILE *g = fmemopen(graph, sizeof(graph), "w");

	if (!f || !g)
		return -1;
	for (int i = 0; i < LAYERS; i++) {
		unsigned char buf[256];
		size_t n = node_pack(buf, i);

		put_message(g, 1, buf, n);
	}
	put_message(g, 2, "big", 3);
	for (int i = 0; i < 2; i++) {
		char buf[64];
		size_t n = value_pack(buf, i ? LAYERS : 0);

		put_message(g, i ? 12 : 11, buf, n);
	}
	fflush(g);
	used = (size_t)ftell(g);
	hn = tensor_head(head, 0);
	total = used + LAYERS * (1 + varint_len(hn + sizeof(row)) + hn + sizeof(row));
	/* ir_version 8, opset_import { version 13 }, graph */
	memcpy(model, "\x08\x08\x42\x02\x10\x0d", 6);
	fwrite(model, 1, 6, f);
	put_varint(f, 7 << 3 | 2);
	put_varint(f, total);
	fwrite(graph, 1, used, f);
	for (size_t i = 0; i < N * N; i++)
		row[i] = (float)((int)(i * 2654435761u >> 20) - 2048) / (2048 * 32.f);
	for (int i = 0; i < LAYERS; i++) {
		hn = tensor_head(head, i);
		put_varint(f, 5 << 3 | 2);
		put_varint(f, hn + sizeof(row));
		fwrite(head, 1, hn, f);
		fwrite(row, 1, sizeof(row), f);
	}
	fclose(g);
	return fclose(f);
}

/* "VmHWM" or "RssAnon" of this process, MB */
static double status_mb(const char *key)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	double mb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			mb = atol(line + strlen(key) + 1) / 1024.0;
	if (f)
		fclose(f);
	return mb;
}

/* loads and runs; to the pipe: peak, anonymous memory, weights (MB) */
static void load(const char *path, int to)
{
	static float x[N];
	struct tuff_tensor in = { .dtype = 1, .rank = 2, .dim = { 1, N }, .data = x, .size = sizeof(x) }, out;
	struct tuff_session *s;
	struct tuff_memory m;
	struct tuff_error err;
	double r[3];

	for (int i = 0; i < N; i++)
		x[i] = (float)i / N;
	if (tuff_session_create(path, "cpu", &s, &err) || tuff_run(s, &in, 1, &out, 1, &err)) {
		fprintf(stderr, "bench_memory: %s\n", err.text);
		_exit(1);
	}
	tuff_session_memory(s, &m);
	r[0] = status_mb("VmHWM");
	r[1] = status_mb("RssAnon");
	r[2] = m.weights / 1048576.0;
	_exit(write(to, r, sizeof(r)) != sizeof(r));
}

static int measure(const char *path, double r[3])
{
	int fd[2], status;
	pid_t pid;

	if (pipe(fd))
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid)
		load(path, fd[1]);
	close(fd[1]);
	status = read(fd[0], r, 3 * sizeof(double)) == 3 * sizeof(double) ? 0 : -1;
	close(fd[0]);
	waitpid(pid, NULL, 0);
	return status;
}

int main(int argc, char **argv)
{
	char path[512], tuff[512], cmd[1200];
	struct stat st;
	double r[3];
	pid_t pid;
	int status;

	if (argc < 2)
		return 2;
	snprintf(path, sizeof(path), "%s/big.onnx", argv[1]);
	snprintf(tuff, sizeof(tuff), "%s/big.tuff", argv[1]);
	/* in a child: its memory is not to count */
	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(write_model(path) ? 1 : 0);
	waitpid(pid, &status, 0);
	if (status || stat(path, &st)) {
		fprintf(stderr, "bench_memory: cannot write %s\n", path);
		return 1;
	}
	if (measure(path, r))
		return 1;
	printf("file_mb=%.1f onnx_mb=%.1f packed_mb=%.1f", st.st_size / 1048576.0, r[0], r[2]);
	snprintf(cmd, sizeof(cmd), "%s compile '%s' -o '%s' >&2", getenv("TUFF") ? getenv("TUFF") : ".build/tuff", path, tuff);
	if (!system(cmd) && !measure(tuff, r))
		printf(" tuff_mb=%.1f tuff_peak_mb=%.1f", r[1], r[0]);
	printf("\n");
	unlink(path);
	unlink(tuff);
	return 0;
}
