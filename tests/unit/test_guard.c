/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is truncated while it is read. */
#include "base/guard.h"

#include <sys/mman.h>

#include "tests/unit/io_testing.h"

/* cmocka wants these before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BYTES 16384

static uint8_t *map_file(int *ret_fd)
{
	int fd = memfd_create("guard", MFD_CLOEXEC);
	uint8_t *map;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, BYTES), 0);
	map = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	*ret_fd = fd;
	return map;
}

static void an_access_behind_the_end_reads_zeros_and_is_told(void **state)
{
	struct guard first, second;
	uint8_t *map[2];
	int fd[2];

	(void)state;
	assert_int_equal(guard_install(), 0);
	map[0] = map_file(&fd[0]);
	map[1] = map_file(&fd[1]);
	guard_add(&first, map[0], BYTES);
	guard_add(&second, map[1], BYTES);
	map[0][BYTES - 1] = 1;
	map[1][BYTES - 1] = 2;
	assert_int_equal(ftruncate(fd[0], 0), 0);
	errno = 77;
	assert_int_equal(*(volatile uint8_t *)&map[0][BYTES - 1], 0);
	assert_int_equal(errno, 77);
	assert_true(first.has_failed);
	assert_false(second.has_failed);
	assert_int_equal(map[1][BYTES - 1], 2);
	/* And writes go nowhere, without harm. */
	map[0][0] = 3;
	guard_remove(&first);
	guard_remove(&second);
	for (unsigned i = 0; i < 2; i++) {
		munmap(map[i], BYTES);
		close(fd[i]);
	}
}

static int touch_unguarded(void *context)
{
	struct guard guard;
	uint8_t *map;
	int fd;

	(void)context;
	CHECK(guard_install() == 0);
	fd = memfd_create("guard", MFD_CLOEXEC);
	CHECK(fd >= 0 && ftruncate(fd, BYTES) == 0);
	map = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED && ftruncate(fd, 0) == 0);
	guard_add(&guard, map, BYTES);
	guard_remove(&guard);
	return *(volatile uint8_t *)map;
}

static void memory_that_is_not_guarded_kills_as_ever(void **state)
{
	(void)state;
	assert_int_equal(run_in_child(touch_unguarded, NULL), 256 + SIGBUS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_access_behind_the_end_reads_zeros_and_is_told),
		cmocka_unit_test(memory_that_is_not_guarded_kills_as_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
