// SPDX-License-Identifier: MIT
/* Loading takes the weights as they are packed and little more, whatever layers they are of. */
#include "tests/bench/big_model.h"
#include "tests/harness.h"

#define SIZE (64ull << 20)
#define OTHER 24.0	/* MB: the process, one tensor, oneDNN's code */

static void loads(const char *name)
{
	char dir[] = "/tmp/tuff-memory-XXXXXX", path[64], bin[64], tuff[64], cmd[128];
	const struct kind *k = kinds;
	struct tuff_error err;
	double r[3], t[3];
	int status = 1;
	pid_t pid;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	SKIP("a sanitizer's own memory is in the way");
#endif
	while (strcmp(k->name, name))
		k++;
	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/big.onnx", dir);
	snprintf(bin, sizeof(bin), "%s/big.bin", dir);
	snprintf(tuff, sizeof(tuff), "%s/big.tuff", dir);
	pid = fork();
	if (!pid)
		_exit(write_model(k, SIZE, path, bin) ? 1 : 0);
	waitpid(pid, &status, 0);
	if (!status)
		status = measure(k, path, r);
	pid = fork();
	if (!pid)
		_exit(tuff_compile(path, "cpu", tuff, NULL, &err) ? 1 : 0);
	if (!status)
		waitpid(pid, &status, 0);
	if (!status)
		status = measure(k, tuff, t);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	status |= system(cmd);
	CHECK_EQ(status, 0);
	printf("  weights %.1f MB; .onnx: peak %.1f; .tuff: peak %.1f, private %.1f\n", r[2], r[0], t[0], t[1]);
	CHECK(r[2] < SIZE / MB * 1.05);
	CHECK(r[0] < r[2] + OTHER);
	CHECK(t[0] < r[2] + OTHER && t[1] < r[2] + OTHER);
}

TEST(products) { loads("matmul"); }
TEST(products_of_weights_used_twice) { loads("weights-used-twice"); }
TEST(products_of_external_data) { loads("external-data"); }
TEST(convolutions) { loads("conv3x3"); }
TEST(convolutions_1x1) { loads("conv1x1"); }
TEST(convolutions_with_norms) { loads("conv-batchnorm"); }
