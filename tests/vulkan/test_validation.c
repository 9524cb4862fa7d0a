// SPDX-License-Identifier: MIT
/*
 * The validation layer is there and would say something: two fills of the same
 * bytes without a barrier. Its messages are counted, and kept off standard
 * error, where tests/run.sh takes them for failures.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "driver/executor/backend.h"
#include "tests/harness.h"

static int fills(struct tuff_be_device *dev, struct tuff_be_mem *mem, bool barrier)
{
	struct tuff_be_cmd c[3] = {
		{ .op = TUFF_BE_FILL, .value = 1, .dst = { 0, 0, 0, 4096 } },
		{ .op = TUFF_BE_BARRIER },
		{ .op = TUFF_BE_FILL, .value = 2, .dst = { 0, 0, 0, 4096 } } };
	struct tuff_be_slot slot = { mem, 0, 4096 };
	struct tuff_be_rec *rec;
	int ret;

	if (!barrier)
		c[1] = c[2];
	ret = tuff_be_vulkan.record(dev, c, barrier ? 3 : 2, &slot, 1, &rec);
	if (!ret)
		tuff_be_vulkan.rec_destroy(dev, rec);
	return ret;
}

TEST(the_layer_notices_a_missing_barrier)
{
	struct tuff_be_mem_desc desc = { 4096, TUFF_BE_DEVICE, 0 };
	struct tuff_be_info infos[TUFF_BE_MAX_DEVICES];
	struct tuff_be_counters c;
	struct tuff_be_device *dev;
	struct tuff_be_mem *mem;
	int n, null, old = dup(2);

	setenv("TUFF_DEBUG", "validate", 1);
	n = tuff_be_vulkan.enumerate(infos, TUFF_BE_MAX_DEVICES);
	if (n <= 0 || infos[0].rejected[0] || tuff_be_vulkan.open(0, &dev))
		SKIP("no device");
	CHECK_EQ(tuff_be_vulkan.mem_alloc(dev, &desc, &mem), 0);
	CHECK_EQ(fills(dev, mem, true), 0);
	tuff_be_vulkan.counters(dev, &c);
	CHECK_EQ(c.validation, 0);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, 2);
	CHECK_EQ(fills(dev, mem, false), 0);
	dup2(old, 2);
	close(null);
	close(old);
	tuff_be_vulkan.counters(dev, &c);
	tuff_be_vulkan.mem_free(dev, mem);
	tuff_be_vulkan.close(dev);
	CHECK(c.validation > 0);
}
