/* SPDX-License-Identifier: Apache-2.0 */
/* The list of regions follows the runtime directory. */
#include "writer/regions.h"

#include <sys/resource.h>

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
	for (unsigned signal = 0; signal < SIGNAL_COUNT; signal++) {
		static uint8_t record[1];
		const struct drain drain = {.record = record, .quota_bytes = 1000};

		assert_int_equal(source_drain(regions.sources, signal, &drain, NULL, 0),
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
	snprintf(broken, sizeof(broken), "%s.broken", name);
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

/* Ours, and it passes: the region has done nothing wrong. */
static void a_shortage_of_descriptors_is_not_held_against_a_region(void **state)
{
	struct regions regions;
	struct region region;
	struct rlimit before, low;
	int next;

	assert_int_equal(region_create(&region, *state, &options), 0);
	regions_open(&regions, *state);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	next = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(next >= 0);
	close(next);
	low = before;
	low.rlim_cur = (rlim_t)next + 1; /* one more, for the directory */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(regions_discover(&regions), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(regions.count, 0);
	assert_int_equal(regions.broken_count, 0);
	assert_int_equal(regions_discover(&regions), 0);
	assert_int_equal(regions.count, 1);
	regions_close(&regions);
	region_close(&region);
}

static void set_directory_time(struct timespec mtime)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, mtime};

	assert_int_equal(futimens(shm_fixture_dir.fd, times), 0);
}

static int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Looks for news as the writer does, for as long as it may take. */
static bool finds(struct regions *regions, size_t count)
{
	for (unsigned i = 0; i < 5000 && regions->count != count; i++) {
		assert_int_equal(regions_discover_some(regions, monotonic_ns(), false), 0);
		usleep(1000);
	}
	return regions->count == count;
}

/* Armed: the region that appears when the directory has been read to its end. */
static struct region *appearing;

struct dirent *__real_readdir64(DIR *stream);
struct dirent *__wrap_readdir64(DIR *stream);

struct dirent *__wrap_readdir64(DIR *stream)
{
	struct dirent *entry = __real_readdir64(stream);
	struct region *region = appearing;

	if (entry == NULL && region != NULL) {
		appearing = NULL;
		assert_int_equal(region_create(region, &shm_fixture_dir, &options), 0);
	}
	return entry;
}

static void a_region_that_appears_while_the_directory_is_read_is_found_later(void **state)
{
	static struct region region;
	struct regions regions;

	set_directory_time((struct timespec){.tv_sec = 1000000000});
	regions_open(&regions, *state);
	appearing = &region;
	assert_int_equal(regions_discover_some(&regions, monotonic_ns(), true), 0);
	assert_null(appearing);
	assert_int_equal(regions.count, 0);
	assert_true(finds(&regions, 1));
	regions_close(&regions);
	region_close(&region);
}

/* The kernel's clock ticks each few milliseconds: two changes may leave the same time. */
static void a_region_of_the_same_tick_as_the_last_look_is_found_later(void **state)
{
	static struct region region;
	struct regions regions;
	struct timespec now;

	regions_open(&regions, *state);
	/* A look that is late sees a time that is old enough: once more. */
	for (unsigned i = 0; i < 100 && (i == 0 || regions.look_ns == INT64_MAX); i++) {
		clock_gettime(CLOCK_REALTIME, &now);
		set_directory_time(now);
		assert_int_equal(regions_discover(&regions), 0);
	}
	assert_int_equal(region_create(&region, *state, &options), 0);
	set_directory_time(regions.seen_mtime);
	assert_true(finds(&regions, 1));
	regions_close(&regions);
	region_close(&region);
}

/* Reserved as each is, and with nothing in it: there are thousands of them. */
static void make_empty_region(struct region_header *header, uint64_t id)
{
	char name[REGION_NAME_BYTES_MAX];
	int fd;

	header->region_id = id;
	snprintf(name, sizeof(name), "%u-%016llx.region", header->pid, (unsigned long long)id);
	fd = openat(shm_fixture_dir.fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, (off_t)header->region_bytes), 0);
	assert_int_equal(pwrite(fd, header, sizeof(*header), 0), sizeof(*header));
	close(fd);
}

static void one_user_of_a_group_has_so_many_regions_and_no_more(void **state)
{
	struct runtime_dir group = shm_fixture_dir;
	struct region_header header;
	struct region region;
	struct regions regions;
	struct rlimit before, most;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	most = before;
	most.rlim_cur = most.rlim_max;
	if (most.rlim_max < REGIONS_PER_USER_MAX + 100)
		skip();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &most), 0);
	assert_int_equal(region_create(&region, *state, &options), 0);
	header = *region.header;
	for (uint64_t id = 1; id <= REGIONS_PER_USER_MAX; id++)
		make_empty_region(&header, id);
	group.group = true;
	regions_open(&regions, &group);
	assert_int_equal(regions_discover(&regions), 0);
	assert_int_equal(regions.count, REGIONS_PER_USER_MAX);
	assert_int_equal(regions.broken_count, 0);
	regions_close(&regions);
	/* Alone with its directory nobody takes anything from others. */
	regions_open(&regions, *state);
	assert_int_equal(regions_discover(&regions), 0);
	assert_int_equal(regions.count, REGIONS_PER_USER_MAX + 1);
	regions_close(&regions);
	region_close(&region);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void a_region_with_a_ring_of_a_later_signal_is_let_go_of_after_the_recovery(void **state)
{
	struct region_options later = options;
	char name[REGION_NAME_BYTES_MAX];
	struct regions regions;
	struct region region;

	later.ring_bytes[SIGNAL_COUNT] = RING_BYTES_MIN;
	assert_int_equal(region_create(&region, *state, &later), 0);
	find_region(name);
	regions_open(&regions, *state);
	/* Recovery needs it: the rings that this writer knows are to hear what is in the files. */
	assert_int_equal(regions_discover(&regions), 0);
	assert_int_equal(regions.count, 1);
	assert_true(regions.sources->rings[OTLP_SIGNAL_TRACES].is_present);
	assert_int_equal(regions.sources->unknown_ring, SIGNAL_COUNT);
	for (unsigned i = 0; i < 2; i++) {
		regions_leave_unknown(&regions);
		assert_int_equal(regions.count, 0);
		assert_null(regions.sources);
		assert_int_equal(regions.broken_count, 1);
		assert_int_equal(regions_discover(&regions), 0);
	}
	region_close(&region);
	regions_reap(&regions);
	assert_true(has_file(name));
	regions_close(&regions);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define REGIONS_TEST(name) \
	cmocka_unit_test_setup_teardown(name, shm_fixture_setup, shm_fixture_teardown)
		REGIONS_TEST(regions_are_found_once_and_gone_when_unused),
		REGIONS_TEST(a_file_that_only_looks_like_a_region_is_left_aside),
		REGIONS_TEST(a_broken_region_is_renamed_and_not_found_again),
		REGIONS_TEST(a_shortage_of_descriptors_is_not_held_against_a_region),
		REGIONS_TEST(a_region_that_appears_while_the_directory_is_read_is_found_later),
		REGIONS_TEST(a_region_of_the_same_tick_as_the_last_look_is_found_later),
		REGIONS_TEST(
			a_region_with_a_ring_of_a_later_signal_is_let_go_of_after_the_recovery),
		REGIONS_TEST(one_user_of_a_group_has_so_many_regions_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
