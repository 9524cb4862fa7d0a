// SPDX-License-Identifier: MIT
/*
 * bench_memory DIR [KIND]: writes models of 400 MB, each of other layers, loads
 * and runs each in a process of its own, and prints the peak of that process
 * beside the file's size (a model's and its external data's); then the private
 * memory of the same from a .tuff file beside what its packed weights take.
 */
#include <sys/stat.h>

#include "tests/bench/big_model.h"

static double size_mb(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_size / MB;
}

static int one(const struct kind *k, const char *dir)
{
	char path[512], bin[512], tuff[512], cmd[1200];
	double r[3], t[3];
	pid_t pid;
	int status;

	snprintf(path, sizeof(path), "%s/big.onnx", dir);
	snprintf(bin, sizeof(bin), "%s/big.bin", dir);
	snprintf(tuff, sizeof(tuff), "%s/big.tuff", dir);
	/* in a child: its memory is not to count */
	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(write_model(k, 400ull << 20, path, bin) ? 1 : 0);
	waitpid(pid, &status, 0);
	if (status)
		fprintf(stderr, "bench_memory: cannot write %s\n", path);
	status = status ? status : measure(k, path, r);
	snprintf(cmd, sizeof(cmd), "%s compile '%s' -o '%s' >&2", getenv("TUFF") ? getenv("TUFF") : ".build/tuff", path, tuff);
	if (!status && !system(cmd) && !measure(k, tuff, t)) {
		printf("kind=%s file_mb=%.1f onnx_mb=%.1f packed_mb=%.1f", k->name, size_mb(path) + size_mb(bin), r[0], r[2]);
		printf(" tuff_mb=%.1f tuff_peak_mb=%.1f\n", t[1], t[0]);
	} else {
		status = 1;
	}
	unlink(path);
	unlink(bin);
	unlink(tuff);
	return status;
}

int main(int argc, char **argv)
{
	int bad = argc < 2;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && argc > 1; i++)
		if (argc < 3 || !strcmp(argv[2], kinds[i].name))
			bad |= one(&kinds[i], argv[1]);
	return bad;
}
