/* SPDX-License-Identifier: MIT */
/*
 * The devices that whole models are tested on: the CPU path, lavapipe,
 * SwiftShader. A test runs in a process of its own, where only that one device
 * is there: the loader reads its list of drivers once a process.
 */
#ifndef TUFF_TESTS_DEVICES_H
#define TUFF_TESTS_DEVICES_H

#include <glob.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum test_device { DEV_CPU, DEV_LAVAPIPE, DEV_SWIFTSHADER, DEV_COUNT };
static const char *const test_device_name[] = { "cpu", "lavapipe", "swiftshader" };

/* what tuff_session_create() takes */
static inline const char *test_device_arg(enum test_device d)
{
	return d == DEV_CPU ? "cpu" : "vulkan";
}

/* Before the first use of Vulkan in this process. NULL, or why the device is not there. */
static inline const char *test_device_use(enum test_device d)
{
	const char *only = getenv("TUFF_TEST_DEVICES"), *icd = getenv("TUFF_SWIFTSHADER_ICD");
	glob_t g;

	if (only && !strstr(only, test_device_name[d]))
		return "TUFF_TEST_DEVICES does not name it";
	if (d == DEV_CPU)
		return NULL;
	unsetenv("VK_DRIVER_FILES");
	unsetenv("VK_ADD_DRIVER_FILES");
	if (d == DEV_SWIFTSHADER) {
		if (!icd || access(icd, R_OK))
			return "no SwiftShader (TUFF_SWIFTSHADER_ICD, tools/swiftshader.sh)";
		setenv("VK_ICD_FILENAMES", icd, 1);
		return NULL;
	}
	if (glob("/usr/share/vulkan/icd.d/lvp_icd*.json", 0, NULL, &g))
		return "no lavapipe (mesa-vulkan-drivers)";
	setenv("VK_ICD_FILENAMES", g.gl_pathv[0], 1);
	globfree(&g);
	return NULL;
}

/* Exit status of fn(arg, device) in a process of its own: 0 passed, 77 not there, else failed. */
static inline int test_device_run(int (*fn)(const char *arg, enum test_device d), const char *arg, enum test_device d, unsigned int seconds)
{
	const char *why;
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		alarm(seconds);
		why = test_device_use(d);
		if (why)
			printf("  skipped: %s\n", why);
		status = why ? 77 : fn(arg, d) ? 1 : 0;
		fflush(NULL);
		exit(status);	/* leak checkers run at exit */
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 1;
	if (WIFSIGNALED(status))
		printf("  %s: ended by signal %d (%s)\n", test_device_name[d], WTERMSIG(status), strsignal(WTERMSIG(status)));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

#define TEST_DEVICE(id, fn, arg, d) TEST(id) { \
	int ret_ = test_device_run(fn, arg, d, 240); \
	if (ret_ == 77) { skipped_ = 1; return; } \
	CHECK_EQ(ret_, 0); }
/* id_cpu, id_lavapipe, id_swiftshader */
#define TEST_DEVICES(id, fn, arg) \
	TEST_DEVICE(id##_cpu, fn, arg, DEV_CPU) TEST_DEVICE(id##_lavapipe, fn, arg, DEV_LAVAPIPE) \
	TEST_DEVICE(id##_swiftshader, fn, arg, DEV_SWIFTSHADER)

#endif
