/* SPDX-License-Identifier: Apache-2.0 */
/* The list of regions follows the runtime directory. */
#include "writer/regions.h"

#include "tests/unit/shm_fixture.h"

static const struct region_options options = {.ring_bytes = {RING_BYTES_MIN, RING_BYTES_MIN},
					      .program = "test"};

static bool has_file(const char *name)
{
	return faccessat(shm_fixture_dir.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void regions_are_found_once_and_gone_when_unused(void **state)
{
	unsigned descriptors = count_descriptors();
	char name[REGION_NAME_BYTES_MAX];
	struct region region;
	struct regions regions;

	regions_open(&regions, *state);
	assert_null(regions_at(&regions, 3));
	assert_int_equal(regions_discover(&regions), 0);
	assert_int_equal(regions.count, 0);
	assert_int_equal(region_create(&region, *state, &options), 0);
	find_region(name);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(regions_discover(&regions), 0);
		assert_int_equal(regions.count, 1);
	}
	assert_ptr_equal(regions_at(&regions, 3), regions.sources);
	regions_reap(&regions);
	assert_int_equal(regions.count, 1);
	region_close(&region);
	assert_true(wait_for_death(&regions.sources->view));
	source_check_alive(regions.sources);
	/* Dead is not enough: its rings have to be looked at once more. */
	regions_reap(&regions);
	assert_int_equal(regions.count, 1);
	for (unsigned signal = 0; signal < RING_SIGNAL_COUNT; signal++) {
		static uint8_t record[1];
		const struct drain drain = {.record = record, .quota_bytes = 1000};

		assert_int_equal(
			source_drain(regions.sources, (enum ring_signal)signal, &drain, NULL, 0),
			DRAIN_EMPTY);
	}
	regions_reap(&regions);
	assert_int_equal(regions.count, 0);
	assert_false(has_file(name));
	regions_close(&regions);
	assert_int_equal(count_descriptors(), descriptors);
}

static void a_file_that_only_looks_like_a_region_is_left_aside(void **state)
{
	static const char name[] = "1-00000000000000aa.region";
	struct regions regions;
	int fd = openat(shm_fixture_dir.fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 8192), 0);
	/* A header that is ready, and nonsense. */
	assert_int_equal(pwrite(fd, "RDYS", 4, offsetof(struct region_header, producer_state)), 4);
	close(fd);
	regions_open(&regions, *state);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(regions_discover(&regions), 0);
		assert_int_equal(regions.count, 0);
		assert_int_equal(regions.broken_count, 1);
	}
	assert_true(has_file(name));
	regions_close(&regions);
}

static void a_broken_region_is_renamed_and_not_found_again(void **state)
{
	char name[REGION_NAME_BYTES_MAX], broken[REGION_NAME_BYTES_MAX + 8];
	struct region region;
	struct regions regions;

	assert_int_equal(region_create(&region, *state, &options), 0);
	find_region(name);
	snprintf(broken, sizeof broken, "%s.broken", name);
	regions_open(&regions, *state);
	assert_int_equal(regions_discover(&regions), 0);
	regions_break(&regions, regions.sources, "a test says so");
	regions_break(&regions, regions.sources, "and again");
	assert_int_equal(regions.broken_count, 1);
	assert_true(region_is_abandoned(&region));
	assert_false(has_file(name));
	assert_true(has_file(broken));
	regions_close(&regions);
	regions_open(&regions, *state);
	assert_int_equal(regions_discover(&regions), 0);
	assert_int_equal(regions.count, 0);
	regions_close(&regions);
	region_close(&region);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define REGIONS_TEST(name) \
	cmocka_unit_test_setup_teardown(name, shm_fixture_setup, shm_fixture_teardown)
		REGIONS_TEST(regions_are_found_once_and_gone_when_unused),
		REGIONS_TEST(a_file_that_only_looks_like_a_region_is_left_aside),
		REGIONS_TEST(a_broken_region_is_renamed_and_not_found_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
