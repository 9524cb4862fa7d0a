// SPDX-License-Identifier: MIT
/* The pipeline cache on disk: damaged, foreign, in the way, written by many; and that it helps. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver/vulkan/vk.h"
#include "tests/devices.h"
#include "tests/harness.h"
#include "tests/vulkan/add.h"

#define NS_SEC	1000000000ll

static char dir[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st, (void)type, (void)f;
	return remove(path);
}

static void remove_dir(void)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A folder of our own for all caches, before the first use of Vulkan. */
static void own_dir(void)
{
	strcpy(dir, "/tmp/tuff-cache-XXXXXX");
	if (!mkdtemp(dir))
		abort();
	setenv("XDG_CACHE_HOME", dir, 1);
	setenv("MESA_SHADER_CACHE_DIR", dir, 1);
}

static char *file(void)
{
	static __thread char path[128];

	snprintf(path, sizeof(path), "%s/blob", dir);
	return path;
}

static void *read_again(size_t want)
{
	size_t n = 0;
	void *p = vkb_blob_read(file(), &n);

	if (p && n != want) {
		free(p);
		p = NULL;
	}
	return p;
}

static void change(off_t at, const void *bytes, size_t n)
{
	int fd = open(file(), O_WRONLY | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, bytes, n, at) != (ssize_t)n)
		abort();
	close(fd);
}

TEST(blob_round_trip)
{
	char blob[1000];
	void *p;

	own_dir();
	memset(blob, 5, sizeof(blob));
	CHECK(!read_again(1000));	/* none yet */
	vkb_blob_write(file(), blob, sizeof(blob));
	p = read_again(1000);
	CHECK(p && !memcmp(p, blob, sizeof(blob)));
	free(p);
	remove_dir();
}

TEST(blob_truncated_or_longer)
{
	char blob[200];
	void *p;

	own_dir();
	memset(blob, 6, sizeof(blob));
	for (off_t n = 0; n < 230; n++) {
		vkb_blob_write(file(), blob, sizeof(blob));
		CHECK(!truncate(file(), n));
		p = read_again(200);
		CHECK(!p == (n != 224));	/* 24 of header */
		free(p);
	}
	remove_dir();
}

TEST(blob_with_any_bit_wrong)
{
	char blob[64], whole[88];
	int fd;

	own_dir();
	memset(blob, 7, sizeof(blob));
	vkb_blob_write(file(), blob, sizeof(blob));
	fd = open(file(), O_RDONLY);
	CHECK_EQ(read(fd, whole, sizeof(whole)), 88);
	close(fd);
	for (int bit = 0; bit < 88 * 8; bit++) {
		char c = (char)(whole[bit / 8] ^ (1 << bit % 8));

		change(bit / 8, &c, 1);
		CHECK(!read_again(64));
		change(bit / 8, &whole[bit / 8], 1);
	}
	remove_dir();
}

TEST(blob_that_says_it_is_huge)
{
	uint64_t huge[] = { 0, UINT64_MAX, UINT64_MAX - 23, 1ull << 40, 257ull << 20 };
	char blob[64] = "";

	own_dir();
	vkb_blob_write(file(), blob, sizeof(blob));
	for (int i = 0; i < 5; i++) {
		change(8, &huge[i], 8);
		CHECK(!read_again(64));
	}
	remove_dir();
}

TEST(blob_is_no_plain_file_of_ours)
{
	char blob[64] = "", other[128];

	own_dir();
	snprintf(other, sizeof(other), "%s/other", dir);
	CHECK(!mkfifo(file(), 0600));
	CHECK(!read_again(64));		/* and does not wait for a writer */
	unlink(file());
	CHECK(!mkdir(file(), 0700));
	CHECK(!read_again(64));
	vkb_blob_write(file(), blob, sizeof(blob));	/* cannot replace it: no trace is left */
	rmdir(file());
	CHECK(!rmdir(dir));
	CHECK(!mkdir(dir, 0700));
	vkb_blob_write(other, blob, sizeof(blob));
	CHECK(!symlink(other, file()));
	CHECK(!read_again(64));
	unlink(file());
	if (!geteuid()) {
		CHECK(!rename(other, file()));
		CHECK(!chown(file(), 12345, 12345));
		CHECK(!read_again(64));
	}
	remove_dir();
}

static void *writer(void *arg)
{
	char blob[50000];

	for (int i = 0; i < 200; i++) {
		memset(blob, (int)(intptr_t)arg, sizeof(blob));
		vkb_blob_write(file(), blob, sizeof(blob) - (size_t)(intptr_t)arg);
	}
	return NULL;
}

TEST(blob_of_many_writers_is_one_of_theirs)
{
	pthread_t t[4];

	own_dir();
	vkb_blob_write(file(), "", 1);
	for (intptr_t i = 0; i < 4; i++)
		CHECK(!pthread_create(&t[i], NULL, writer, (void *)(i + 1)));
	for (int i = 0; i < 2000; i++) {
		size_t n = 0;
		char *p = vkb_blob_read(file(), &n);

		CHECK(p);	/* there is always one */
		CHECK_EQ(n, p[0] ? 50000 - p[0] : 1);
		for (size_t k = 0; k < n; k++)
			CHECK_EQ(p[k], p[0]);
		free(p);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	remove_dir();
}

/* --- devices ----------------------------------------------------------------------- */

static int make(struct tuff_be_device *dev, uint32_t local)
{
	struct tuff_be_kernel_desc desc = {
		.code = add_spv, .size_B = sizeof(add_spv), .entry = "main",
		.storage_mask = 3, .uniform = true, .nspec = 1, .spec_value = { local } };
	struct tuff_be_kernel *k;
	int ret = tuff_be_vulkan.kernel_create(dev, &desc, &k);

	if (ret)
		return ret;
	ret = tuff_be_vulkan.kernel_wait(k, 60 * NS_SEC);
	tuff_be_vulkan.kernel_destroy(dev, k);
	return ret;
}

/* A checksum that is right over nonsense, whole or behind a true header: the driver's to refuse. */
static int nonsense(const char *arg, enum test_device d)
{
	struct tuff_be_device *dev;
	unsigned char blob[5000];
	char path[4096];
	int bad = 0;

	(void)arg, (void)d;
	own_dir();
	if (tuff_be_vulkan.open(0, &dev))
		return -1;
	for (uint32_t i = 0; i < 4; i++) {
		size_t n = sizeof(blob);

		memset(blob, i == 2 ? 0xff : (int)i, sizeof(blob));
		if (i == 3 && vkGetPipelineCacheData(dev->dev, dev->cache, &n, blob) < 0)
			bad = -1;
		bad |= vkb_cache_path(dev, path, sizeof(path));
		vkb_blob_write(path, blob, sizeof(blob));
		tuff_be_vulkan.close(dev);
		if (tuff_be_vulkan.open(0, &dev))
			return -1;
		bad |= make(dev, 32 + i);
	}
	tuff_be_vulkan.close(dev);
	remove_dir();
	return bad;
}
TEST_DEVICE(nonsense_lavapipe, nonsense, "", DEV_LAVAPIPE)
TEST_DEVICE(nonsense_swiftshader, nonsense, "", DEV_SWIFTSHADER)

/* Where the folder cannot be made or written there is no cache, and no complaint. */
static int unwritable(const char *arg, enum test_device d)
{
	static const char *const where[] = { "/proc/tuff", "/dev/null", "/tmp/tuff/../../dev/null/x" };
	struct tuff_be_device *dev;
	int bad = 0;

	(void)arg, (void)d;
	for (int i = 0; i < 3; i++) {
		setenv("XDG_CACHE_HOME", where[i], 1);
		if (tuff_be_vulkan.open(0, &dev))
			return -1;
		bad |= make(dev, 64);
		tuff_be_vulkan.close(dev);
	}
	unsetenv("HOME");
	unsetenv("XDG_CACHE_HOME");
	if (tuff_be_vulkan.open(0, &dev))
		return -1;
	tuff_be_vulkan.close(dev);
	return bad;
}
TEST_DEVICE(no_folder_no_cache, unwritable, "", DEV_LAVAPIPE)

static int files;
static int count_file(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)path, (void)f;
	files += type == FTW_F && st->st_size > 0;
	return 0;
}

/*
 * lavapipe's own VkPipelineCache is empty: a kernel is dispatched once with no
 * work when it is made, and that fills Mesa's cache before any job runs.
 */
static int warms_mesa(const char *arg, enum test_device d)
{
	struct tuff_be_device *dev;
	int before, bad;

	(void)arg, (void)d;
	own_dir();
	if (tuff_be_vulkan.open(0, &dev))
		return -1;
	nftw(dir, count_file, 16, FTW_PHYS);
	before = files;
	bad = make(dev, 48);
	for (int i = 0; i < 200 && files <= before; i++) {	/* written by a thread of Mesa's */
		files = 0;
		usleep(10000);
		nftw(dir, count_file, 16, FTW_PHYS);
	}
	if (files <= before)
		printf("  %d files in Mesa's cache before, %d after the kernel was made\n", before, files);
	bad |= files <= before ? -1 : 0;
	tuff_be_vulkan.close(dev);
	remove_dir();
	return bad;
}
TEST_DEVICE(kernel_creation_warms_mesa, warms_mesa, "", DEV_LAVAPIPE)

/* A driver with a real VkPipelineCache: RADV's compiler, without hardware. */
static int radv(const char *arg, enum test_device d)
{
	struct tuff_be_counters c;
	struct tuff_be_device *dev;
	int bad = 0;

	(void)arg, (void)d;
	own_dir();
	setenv("VK_ICD_FILENAMES", "/usr/share/vulkan/icd.d/radeon_icd.x86_64.json", 1);
	setenv("RADV_FORCE_FAMILY", "navi21", 1);
	setenv("MESA_SHADER_CACHE_DISABLE", "true", 1);
	for (uint64_t run = 0; run < 2 && !bad; run++) {
		if (tuff_be_vulkan.open(0, &dev))
			return run ? -1 : 77;
		bad = make(dev, 64);
		tuff_be_vulkan.counters(dev, &c);
		if (c.pipelines != 1 || c.cache_hits != run) {
			printf("  run %d: %d pipelines, %d from the cache\n", (int)run,
			       (int)c.pipelines, (int)c.cache_hits);
			bad = -1;
		}
		tuff_be_vulkan.close(dev);
	}
	remove_dir();
	return bad;
}
TEST_DEVICE(second_process_finds_it, radv, "", DEV_LAVAPIPE)

/* Its worker is inside the driver's compiler: the device may not be destroyed under it. */
static int hung(const char *arg, enum test_device d)
{
	struct tuff_be_kernel_desc desc = {
		.code = add_spv, .size_B = sizeof(add_spv), .entry = "main",
		.storage_mask = 3, .uniform = true, .nspec = 1, .spec_value = { 17 } };
	struct tuff_be_device *dev;
	struct tuff_be_kernel *k;
	int ret;

	(void)arg, (void)d;
	own_dir();
	if (tuff_be_vulkan.open(0, &dev) || tuff_be_vulkan.kernel_create(dev, &desc, &k))
		return -1;
	ret = tuff_be_vulkan.kernel_wait(k, 1);
	tuff_be_vulkan.close(dev);	/* the true end comes after this */
	if (ret != -ETIME)
		return -1;
	ret = tuff_be_vulkan.kernel_wait(k, 60 * NS_SEC);
	if (!ret && !tuff_be_vulkan.open(0, &dev)) {	/* another one works */
		ret = make(dev, 64);
		tuff_be_vulkan.close(dev);
	}
	remove_dir();
	return ret;
}
TEST_DEVICE(compiler_that_hangs_keeps_its_device, hung, "", DEV_LAVAPIPE)
