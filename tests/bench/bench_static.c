// SPDX-License-Identifier: MIT
/*
 * make bench-static: registers, LDS, waves and RADV's own estimates for every
 * kernel that the given models select on an AMD GPU, for four families; a guide
 * to real GPUs on a machine that has none. Exit 1 where a kernel spills.
 */
#include <sys/wait.h>

#include "tests/bench/radv.h"

static const char *short_name(const char *path, char *buf, size_t len)
{
	const char *slash = strrchr(path, '/'), *from = slash ? slash + 1 : path;

	/* .../yolox_nano/model.onnx is yolox_nano */
	if (!strcmp(from, "model.onnx") && slash) {
		const char *s = slash;

		while (s > path && s[-1] != '/')
			s--;
		snprintf(buf, len, "%.*s", (int)(slash - s), s);
	} else {
		snprintf(buf, len, "%s", from);
		if (strlen(buf) > 5 && !strcmp(buf + strlen(buf) - 5, ".onnx"))
			buf[strlen(buf) - 5] = 0;
	}
	return buf;
}

static int one_model(struct radv *r, const char *family, const char *path)
{
	struct tuff_program *p;
	struct tuffc_error err;
	char name[64];
	int bad = 0;

	if (radv_program(path, &p, &err)) {
		fprintf(stderr, "bench-static: %s\n", err.text);
		return 1;
	}
	short_name(path, name, sizeof(name));
	printf("%s, %s: %u kernels\n", family, name, p->nkernels);
	for (uint32_t i = 0; i < p->nkernels; i++) {
		struct radv_kernel k = radv_kernel_of(p, i);
		struct radv_stats s;

		if (!radv_new_kernel(r, p->kernels[i].hash))
			continue;
		if (radv_compile(r, &k, &s)) {
			printf("  %-34s does not compile\n", tuff_str(p, p->kernels[i].name));
			bad = 1;
			continue;
		}
		printf("  %-34s %5llu %5llu %6llu %6llu %5llu %7llu %9llu %9llu%s\n", tuff_str(p, p->kernels[i].name),
		       (unsigned long long)s.vgprs, (unsigned long long)s.sgprs,
		       (unsigned long long)(s.vgpr_spills + s.sgpr_spills), (unsigned long long)s.lds_B, (unsigned long long)s.waves,
		       (unsigned long long)s.code_B, (unsigned long long)s.latency, (unsigned long long)s.inverse_throughput,
		       radv_spills(&s) ? "  SPILLS" : "");
		bad |= radv_spills(&s);
	}
	tuff_program_destroy(p);
	return bad;
}

static int family_run(const char *family, char **models, int n)
{
	struct radv r = { 0 };
	const char *why = radv_open(&r, family);
	int bad = 0;

	if (why) {
		printf("%s: skipped: %s\n", family, why);
		return 77;
	}
	printf("  %-34s %5s %5s %6s %6s %5s %7s %9s %9s\n", "kernel", "VGPR", "SGPR", "spills", "LDS B", "waves", "code B", "latency", "inv.thr.");
	for (int i = 0; i < n; i++)
		bad |= one_model(&r, family, models[i]);
	return bad;
}

int main(int argc, char **argv)
{
	int bad = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_static MODEL.onnx...\n");
		return 2;
	}
	for (size_t f = 0; f < RADV_NFAMILIES; f++) {
		int status;
		pid_t pid;

		fflush(NULL);
		pid = fork();
		if (!pid) {
			status = family_run(radv_families[f], argv + 1, argc - 1);
			fflush(NULL);
			_exit(status);	/* RADV without hardware does not like to be taken down */
		}
		if (pid < 0 || waitpid(pid, &status, 0) < 0)
			return 1;
		if (!WIFEXITED(status) || (WEXITSTATUS(status) && WEXITSTATUS(status) != 77)) {
			printf("%s: FAILED\n", radv_families[f]);
			bad = 1;
		}
	}
	return bad;
}
