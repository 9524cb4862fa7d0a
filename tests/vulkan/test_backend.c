// SPDX-License-Identifier: MIT
/* The Vulkan back end by itself, on every usable device. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver/executor/backend.h"
#include "tests/harness.h"
#include "tests/vulkan/add.h"

#define N	1000
#define PAGE	65536
#define NS_SEC	1000000000ll

static const struct tuff_be_ops *be = &tuff_be_vulkan;

static struct tuff_be_device *open_any(uint32_t want)
{
	struct tuff_be_info infos[TUFF_BE_MAX_DEVICES];
	struct tuff_be_device *dev;
	int n = be->enumerate(infos, TUFF_BE_MAX_DEVICES);

	for (int i = 0; i < n; i++) {
		if (infos[i].rejected[0] || (infos[i].features & TUFF_BE_F_COMPILE_ONLY) ||
		    (want && infos[i].class != want))
			continue;
		if (!be->open((uint32_t)i, &dev))
			return dev;
	}
	return NULL;
}

static int make_kernel(struct tuff_be_device *dev, struct tuff_be_kernel **k)
{
	float f = 2.0f;
	struct tuff_be_kernel_desc desc = {
		.code = add_spv, .size_B = sizeof(add_spv), .entry = "main",
		.storage_mask = 3, .uniform = true, .nspec = 2,
		.spec_id = { 0, 1 }, .spec_value = { 64, 0 } };
	int ret;

	memcpy(&desc.spec_value[1], &f, 4);
	ret = be->kernel_create(dev, &desc, k);
	return ret ? ret : be->kernel_wait(*k, 60 * NS_SEC);
}

static struct tuff_be_cmd add_cmd(struct tuff_be_kernel *k)
{
	return (struct tuff_be_cmd){
		.op = TUFF_BE_DISPATCH, .kernel = k, .group = { (N + 63) / 64, 1, 1 },
		.bind = { { 0, 0, 0, 256 }, { 0, 0, 4096, 4 * N }, { 0, 0, 16384, 4 * N },
			  { UINT32_MAX, 0, 0, 0 }, { UINT32_MAX, 0, 0, 0 } } };
}

/* Runs the shader on memory reached the given way; checks every element. */
static int run_on(struct tuff_be_device *dev, struct tuff_be_mem *mem, void *host)
{
	struct tuff_be_slot slot = { mem, 0, PAGE };
	struct tuff_be_counters c0, c1;
	struct tuff_be_kernel *k;
	struct tuff_be_rec *rec;
	struct tuff_be_cmd cmd;
	float *a = (float *)((char *)host + 4096), *o = (float *)((char *)host + 16384);
	uint64_t done;
	int ret = make_kernel(dev, &k);

	if (ret)
		return ret;
	cmd = add_cmd(k);
	*(int *)host = N;
	ret = be->record(dev, &cmd, 1, &slot, 1, &rec);
	if (ret)
		goto out;
	be->counters(dev, &c0);
	for (int run = 1; run <= 3 && !ret; run++) {
		for (int i = 0; i < N + 1; i++) {
			a[i] = (float)(i * run);
			o[i] = -1;
		}
		be->mem_sync(mem, 0, PAGE, true);
		ret = be->submit(dev, &rec, 1, (uint64_t)run);
		if (!ret)
			ret = be->wait(dev, (uint64_t)run, 10 * NS_SEC, &done);
		be->mem_sync(mem, 0, PAGE, false);
		for (int i = 0; i < N && !ret; i++)
			ret = o[i] == 2.0f * i * run + 1 ? 0 : -EBADMSG;
		if (!ret && o[N] != -1)
			ret = -ERANGE;
	}
	be->counters(dev, &c1);
	if (!ret && (c0.allocs != c1.allocs || c0.records != c1.records ||
		     c0.pipelines != c1.pipelines))
		ret = -E2BIG;	/* a replay did more than submit */
	be->rec_destroy(dev, rec);
out:
	be->kernel_destroy(dev, k);
	return ret;
}

static void run_way(uint32_t class, uint32_t way)
{
	struct tuff_be_mem_desc desc = { PAGE, TUFF_BE_SYSTEM, TUFF_BE_MEM_MAP };
	struct tuff_be_device *dev = open_any(class);
	struct tuff_be_counters c;
	struct tuff_be_mem *mem;
	void *host = NULL;
	int fd = -1, ret;

	if (!dev)
		SKIP("no such device");
	if (!(be->info(dev)->reach & (1u << way))) {
		be->close(dev);
		SKIP("not reached this way");
	}
	if (way == TUFF_BE_REACH_DEVMAP) {
		ret = be->mem_alloc(dev, &desc, &mem);
	} else {
		fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		CHECK(fd >= 0 && !ftruncate(fd, PAGE));
		CHECK(!fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
		ret = be->mem_import(dev, fd, PAGE, way, &mem);
	}
	CHECK_EQ(ret, 0);
	host = be->mem_map(mem);
	CHECK(host);
	CHECK_EQ(run_on(dev, mem, host), 0);
	be->mem_free(dev, mem);
	be->counters(dev, &c);
	CHECK_EQ(c.allocs, c.frees);
	CHECK_EQ(c.validation, 0);
	be->close(dev);
	if (fd >= 0)
		close(fd);
}

TEST(reach_devmap) { run_way(0, TUFF_BE_REACH_DEVMAP); }
TEST(reach_staging) { run_way(0, TUFF_BE_REACH_STAGING); }
TEST(reach_hostptr) { run_way(0, TUFF_BE_REACH_HOSTPTR); }
TEST(reach_dmabuf) { run_way(0, TUFF_BE_REACH_DMABUF); }
TEST(swiftshader) { run_way(TUFF_BE_SOFTWARE_SMALL, TUFF_BE_REACH_DEVMAP); }

TEST(import_misaligned)
{
	struct tuff_be_device *dev = open_any(0);
	struct tuff_be_mem *mem;
	int fd;

	if (!dev)
		SKIP("no device");
	fd = memfd_create("test", MFD_CLOEXEC);
	CHECK(fd >= 0 && !ftruncate(fd, 5000));
	CHECK_EQ(be->mem_import(dev, fd, 5000, TUFF_BE_REACH_HOSTPTR, &mem), -EINVAL);
	CHECK_EQ(be->mem_import(dev, fd, 0, TUFF_BE_REACH_STAGING, &mem), -EINVAL);
	close(fd);
	be->close(dev);
}

TEST(submit_empty_and_wait)
{
	struct tuff_be_device *dev = open_any(0);
	struct tuff_be_rec *rec;
	uint64_t done = 0;

	if (!dev)
		SKIP("no device");
	CHECK_EQ(be->wait(dev, 1, 0, &done), -ETIME);
	CHECK_EQ(be->record(dev, NULL, 0, NULL, 0, &rec), 0);
	for (uint64_t s = 1; s < 1000; s++) {
		CHECK_EQ(be->submit(dev, s & 1 ? &rec : NULL, s & 1, s), 0);
		CHECK_EQ(be->wait(dev, s, NS_SEC, &done), 0);
		CHECK_EQ(done, s);
	}
	be->rec_destroy(dev, rec);
	be->close(dev);
}

TEST(timestamps)
{
	struct tuff_be_device *dev = open_any(0);
	struct tuff_be_cmd cmd[2] = { { .op = TUFF_BE_TIMESTAMP, .index = 0 },
				      { .op = TUFF_BE_TIMESTAMP, .index = 1 } };
	struct tuff_be_rec *rec;
	uint64_t ns[2], done;

	if (!dev)
		SKIP("no device");
	if (!be->info(dev)->limits.timestamp_bits) {
		be->close(dev);
		SKIP("the device has no timestamps");
	}
	CHECK_EQ(be->record(dev, cmd, 2, NULL, 0, &rec), 0);
	CHECK_EQ(be->submit(dev, &rec, 1, 1), 0);
	CHECK_EQ(be->wait(dev, 1, NS_SEC, &done), 0);
	CHECK_EQ(be->timestamps(dev, rec, ns, 2), 0);
	CHECK(ns[1] >= ns[0]);
	CHECK_EQ(be->timestamps(dev, rec, ns, 3), -EINVAL);
	be->rec_destroy(dev, rec);
	be->close(dev);
}
