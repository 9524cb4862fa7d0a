// SPDX-License-Identifier: MIT
/*
 * The kernels that models select on an AMD GPU compile without spilling
 * registers, for four families, by RADV without the hardware: the models in the
 * tree, and the corpus where TUFF_TEST_DATA is set. resnet50 needs at most 12
 * pipelines on every class of device.
 */
#include <glob.h>
#include <sys/wait.h>

#include "tests/bench/radv.h"
#include "tests/harness.h"

#define RESNET50_PIPELINES 12

/* 0 = none spills */
static int model(struct radv *r, const char *path)
{
	struct tuff_program *p;
	struct tuffc_error err;
	int bad = 0;

	if (radv_program(path, &p, &err)) {
		printf("  %s\n", err.text);
		return 1;
	}
	for (uint32_t i = 0; i < p->nkernels; i++) {
		struct radv_kernel k = radv_kernel_of(p, i);
		struct radv_stats s;

		if (!radv_new_kernel(r, p->kernels[i].hash))
			continue;
		if (radv_compile(r, &k, &s)) {
			printf("  %s: %s does not compile\n", path, tuff_str(p, p->kernels[i].name));
			bad = 1;
		} else if (radv_spills(&s)) {
			printf("  %s: %s spills %llu VGPRs, %llu SGPRs; %llu bytes of scratch\n", path, tuff_str(p, p->kernels[i].name),
			       (unsigned long long)s.vgpr_spills, (unsigned long long)s.sgpr_spills, (unsigned long long)s.scratch_B);
			bad = 1;
		}
	}
	tuff_program_destroy(p);
	return bad;
}

static int models(const char *family)
{
	static const char *const corpus[] = { "light/*.onnx", "models/*/model.onnx" };
	const char *data = getenv("TUFF_TEST_DATA"), *why;
	struct radv r = { 0 };
	char pattern[512];
	glob_t g = { 0 };
	int bad = 0;

	glob("tests/models/*/model.onnx", 0, NULL, &g);
	for (int i = 0; data && i < 2; i++) {
		snprintf(pattern, sizeof(pattern), "%s/%s", data, corpus[i]);
		glob(pattern, GLOB_APPEND, NULL, &g);
	}
	if (!g.gl_pathc) {
		printf("  no models\n");
		return 1;
	}
	why = radv_open(&r, family);
	if (why) {
		printf("  skipped: %s\n", why);
		return 77;
	}
	for (size_t i = 0; i < g.gl_pathc; i++)
		bad |= model(&r, g.gl_pathv[i]);
	if (!r.nseen) {
		printf("  no kernel was compiled\n");
		bad = 1;
	}
	return bad;
}

/* RADV reads the family once a process, and without hardware does not like to be taken down */
static int in_process(const char *family)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		status = models(family);
		fflush(NULL);
		_exit(status);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}

#define FAMILY(name) TEST(name) { int ret = in_process(#name); \
	if (ret == 77) { skipped_ = 1; return; } CHECK_EQ(ret, 0); }
FAMILY(navi21) FAMILY(vega10) FAMILY(gfx1100) FAMILY(polaris10)

TEST(resnet50_pipelines)
{
	static const uint32_t targets[] = { TUFF_TARGET_SW_WIDE, TUFF_TARGET_SW_SMALL, TUFF_TARGET_GPU };
	const char *data = getenv("TUFF_TEST_DATA");
	char path[512];

	if (!data)
		SKIP("TUFF_TEST_DATA is not set");
	snprintf(path, sizeof(path), "%s/light/light_resnet50.onnx", data);
	for (int i = 0; i < 3; i++) {
		struct tuffc_options opt = radv_options();
		struct tuff_program *p;
		struct tuffc_error err;
		uint32_t n;

		opt.device.target = targets[i];
		if (tuffc_compile(path, &opt, &p, &err)) {
			printf("  %s\n", err.text);
			CHECK(0);
		}
		n = p->nkernels;
		tuff_program_destroy(p);
		if (n < 2 || n > RESNET50_PIPELINES)
			printf("  target %u: %u pipelines\n", targets[i], n);
		CHECK(n >= 2 && n <= RESNET50_PIPELINES);
	}
}
