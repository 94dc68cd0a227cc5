/* SPDX-License-Identifier: Apache-2.0 */
/* The list of regions follows the runtime directory. */
#include "writer/regions.h"

#include <sys/resource.h>

#include "base/clock.h"
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
	assert_int_equal(regions_discover(&regions), 0);
	assert_int_equal(regions.count, 0);
	assert_int_equal(region_create(&region, *state, &options), 0);
	find_region(name);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(regions_discover(&regions), 0);
		assert_int_equal(regions.count, 1);
	}
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
	assert_int_equal(regions_discover(&regions), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(regions.count, 0);
	assert_int_equal(regions.waiting, 1);
	assert_int_equal(regions.broken_count, 0);
	assert_int_equal(regions_discover(&regions), 0);
	assert_int_equal(regions.count, 1);
	assert_int_equal(regions.waiting, 0);
	regions_close(&regions);
	region_close(&region);
}

static void set_directory_time(struct timespec mtime)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, mtime};

	assert_int_equal(futimens(shm_fixture_dir.fd, times), 0);
}

/* Looks for news as the writer does, for as long as it may take. */
static bool finds(struct regions *regions, size_t count)
{
	for (unsigned i = 0; i < 5000 && regions->count != count; i++) {
		assert_int_equal(regions_discover_some(regions, clock_monotonic_ns(), false), 0);
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
	assert_int_equal(regions_discover_some(&regions, clock_monotonic_ns(), true), 0);
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

/* Regions here have ids that are easy to tell apart; whose an id is, test_identity.c knows. */
int __wrap_identity_check(int fd, uint32_t flags, uint64_t id);

int __wrap_identity_check(int fd, uint32_t flags, uint64_t id)
{
	(void)fd;
	(void)flags;
	(void)id;
	return 0;
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

/* The regions that are attached, by the lowest byte of their ids. */
static uint64_t attached(const struct regions *regions)
{
	const struct source *source;
	uint64_t bits = 0;

	for (source = regions->sources; source != NULL; source = source->next)
		bits |= UINT64_C(1) << source->view.region_id;
	return bits;
}

static void give_to(uint64_t id, uid_t uid)
{
	char name[REGION_NAME_BYTES_MAX];

	snprintf(name, sizeof(name), "%u-%016llx.region", (unsigned)getpid(),
		 (unsigned long long)id);
	assert_int_equal(fchownat(shm_fixture_dir.fd, name, uid, (gid_t)-1, 0), 0);
}

/* Whoever comes later finds room, however many the others have. */
static void what_one_user_of_a_group_may_have_is_less_than_all(void **state)
{
	struct runtime_dir group = shm_fixture_dir;
	struct region_header header;
	struct region region;
	struct regions regions;
	uint64_t of[3] = {0};
	size_t room = 16;

	if (geteuid() != 0)
		skip();
	assert_int_equal(region_create(&region, *state, &options), 0);
	header = *region.header;
	region_unlink(&region, *state);
	for (uint64_t id = 1; id <= 20; id++)
		make_empty_region(&header, id);
	group.group = true;
	regions_open(&regions, &group);
	regions.capacity.regions = room;
	assert_int_equal(regions_discover(&regions), 0);
	assert_int_equal(regions.count, room / 2);
	assert_int_equal(regions.waiting, 20 - room / 2);
	/* The next user gets a half of what is left, and so does each one that comes. */
	for (uint64_t id = 21; id <= 30; id++) {
		make_empty_region(&header, id);
		give_to(id, 1001);
	}
	assert_int_equal(regions_discover(&regions), 0);
	assert_int_equal(regions.count, room / 2 + room / 4);
	make_empty_region(&header, 40);
	give_to(40, 1002);
	assert_int_equal(regions_discover(&regions), 0);
	assert_true(attached(&regions) >> 40 & 1);
	assert_int_equal(regions.owners.count, 3);
	for (struct source *source = regions.sources; source != NULL; source = source->next)
		of[source->view.uid % 1000]++;
	assert_int_equal(of[0], room / 2);
	assert_int_equal(of[1], room / 4);
	assert_int_equal(of[2], 1);
	regions_close(&regions);
	region_close(&region);
}

/* A region that waits is not gone, nor is it refused. */
static void what_there_is_no_room_for_comes_when_there_is(void **state)
{
	struct region_header header;
	struct region region;
	struct regions regions;
	uint64_t before;

	assert_int_equal(region_create(&region, *state, &options), 0);
	header = *region.header;
	region_unlink(&region, *state);
	for (uint64_t id = 1; id <= 5; id++)
		make_empty_region(&header, id);
	regions_open(&regions, *state);
	regions.capacity.regions = 3;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(regions_discover(&regions), 0);
		assert_int_equal(regions.count, 3);
		assert_int_equal(regions.waiting, 2);
	}
	before = attached(&regions);
	/* Nothing was ever in them, so they are over at the first look. */
	for (struct source *source = regions.sources; source != NULL; source = source->next) {
		static uint8_t record[1];
		const struct drain drain = {.record = record, .quota_bytes = 1000};

		source_check_alive(source);
		for (unsigned signal = 0; signal < SIGNAL_COUNT; signal++)
			assert_int_equal(source_drain(source, signal, &drain, NULL, 0),
					 DRAIN_EMPTY);
	}
	regions_reap(&regions);
	assert_int_equal(regions.count, 0);
	assert_int_equal(regions_discover(&regions), 0);
	assert_int_equal(regions.count, 2);
	assert_int_equal(regions.waiting, 0);
	assert_int_equal(regions.broken_count, 0);
	assert_int_equal(before | attached(&regions), 0x3e);
	regions_close(&regions);
	region_close(&region);
}

static unsigned count_broken(void)
{
	DIR *dir = opendir(shm_fixture_path);
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += strstr(entry->d_name, ".broken") != NULL;
	closedir(dir);
	return count;
}

static void break_all(struct regions *regions, bool is_unreadable)
{
	for (struct source *source = regions->sources; source != NULL; source = source->next) {
		source->fault = "a test says so";
		if (is_unreadable)
			regions_break_unreadable(regions, source);
		else
			regions_break(regions, source, "a test says so");
	}
}

static void of_the_files_that_nobody_can_read_the_newest_are_kept(void **state)
{
	struct region_header header;
	struct region region;
	struct regions regions;
	char name[OWNER_NAME_BYTES];

	assert_int_equal(region_create(&region, *state, &options), 0);
	header = *region.header;
	region_unlink(&region, *state);
	regions_open(&regions, *state);
	for (uint64_t id = 1; id <= 3 * OWNER_BROKEN_KEPT; id++) {
		make_empty_region(&header, id);
		assert_int_equal(regions_discover(&regions), 0);
		break_all(&regions, true);
	}
	assert_int_equal(regions.broken_count, 3 * OWNER_BROKEN_KEPT);
	assert_int_equal(count_broken(), OWNER_BROKEN_KEPT);
	for (uint64_t id = 1; id <= 3 * OWNER_BROKEN_KEPT; id++) {
		snprintf(name, sizeof(name), "%u-%016llx.region.broken", (unsigned)getpid(),
			 (unsigned long long)id);
		assert_int_equal(has_file(name), id > 2 * OWNER_BROKEN_KEPT);
	}
	regions_close(&regions);
	region_close(&region);
}

/* What the files contradict can be read, and may be all that there is of it. */
static void of_the_files_that_can_be_read_none_is_removed(void **state)
{
	struct region_header header;
	struct region region;
	struct regions regions;

	assert_int_equal(region_create(&region, *state, &options), 0);
	header = *region.header;
	region_unlink(&region, *state);
	regions_open(&regions, *state);
	for (uint64_t id = 1; id <= 3 * OWNER_BROKEN_KEPT; id++)
		make_empty_region(&header, id);
	assert_int_equal(regions_discover(&regions), 0);
	break_all(&regions, false);
	assert_int_equal(count_broken(), 3 * OWNER_BROKEN_KEPT);
	regions_close(&regions);
	region_close(&region);
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
	assert_non_null(source_ring(regions.sources, OTLP_SIGNAL_TRACES));
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
		REGIONS_TEST(what_one_user_of_a_group_may_have_is_less_than_all),
		REGIONS_TEST(what_there_is_no_room_for_comes_when_there_is),
		REGIONS_TEST(of_the_files_that_nobody_can_read_the_newest_are_kept),
		REGIONS_TEST(of_the_files_that_can_be_read_none_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
