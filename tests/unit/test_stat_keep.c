/* SPDX-License-Identifier: Apache-2.0 */
/* Regions that stay open from one look to the next: what is kept, for how long, and what is not. */
#include "cli/stat_keep.h"

#include <sys/resource.h>

#include "cli/stat_look.h"
#include "tests/unit/shm_fixture.h"

#define REGIONS 8u

static const struct region_options options = {
	.ring_bytes = {RING_BYTES_MIN, RING_BYTES_MIN},
	.program = "test",
};

static struct region regions[REGIONS];
static unsigned region_count;
static struct stat_keep keep;
static struct stat_view view;

static int setup(void **state)
{
	shm_fixture_setup(state);
	memset(&keep, 0, sizeof(keep));
	for (region_count = 0; region_count < REGIONS; region_count++)
		assert_int_equal(region_create(&regions[region_count], *state, &options), 0);
	return 0;
}

static int teardown(void **state)
{
	stat_keep_forget(&keep);
	free(view.regions);
	memset(&view, 0, sizeof(view));
	while (region_count > 0)
		region_close(&regions[--region_count]);
	return shm_fixture_teardown(state);
}

static void look(struct stat_keep *with)
{
	free(view.regions);
	memset(&view, 0, sizeof(view));
	view.keep = with;
	assert_int_equal(stat_look_regions(&view, &shm_fixture_dir), 0);
}

static void name_of(unsigned i, char ret[REGION_NAME_BYTES_MAX])
{
	region_format_name(ret, regions[i].header->pid, regions[i].header->region_id);
}

static void a_look_keeps_them_open_and_the_next_one_opens_none(void **state)
{
	const unsigned before = count_descriptors();
	void *mapped[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct stat_open own, *open;
		char name[REGION_NAME_BYTES_MAX];

		look(&keep);
		assert_int_equal(view.region_count, REGIONS);
		assert_int_equal(view.unreadable_count, 0);
		assert_int_equal(count_descriptors(), before + REGIONS);
		name_of(3, name);
		stat_keep_begin(&keep);
		assert_int_equal(stat_keep_open(&keep, &shm_fixture_dir, name, &own, &open), 0);
		assert_ptr_not_equal(open, &own);
		mapped[i] = open->view.header;
		stat_keep_close(&keep, open);
	}
	assert_ptr_equal(mapped[0], mapped[1]);
	stat_keep_forget(&keep);
	assert_int_equal(count_descriptors(), before);
	/* And what is looked at without is closed each time. */
	look(NULL);
	assert_int_equal(view.region_count, REGIONS);
	assert_int_equal(count_descriptors(), before);
}

static void what_has_changed_since_is_seen(void **state)
{
	(void)state;
	look(&keep);
	assert_int_equal(view.total.accepted_items, 0);
	assert_false(view.is_asleep);
	atomic_store_relaxed_u64(&regions[2].rings[0].shared->accepted_items, 77);
	look(&keep);
	assert_int_equal(view.total.accepted_items, 77);
	assert_int_equal(view.memory.ended_regions, 0);
}

static void one_that_is_gone_is_let_go_at_the_next_look(void **state)
{
	const unsigned before = count_descriptors();
	char name[REGION_NAME_BYTES_MAX];

	(void)state;
	look(&keep);
	name_of(0, name);
	assert_int_equal(unlinkat(shm_fixture_dir.fd, name, 0), 0);
	look(&keep);
	assert_int_equal(view.region_count, REGIONS - 1);
	assert_int_equal(view.unreadable_count, 0);
	assert_int_equal(count_descriptors(), before + REGIONS - 1);
}

static void another_file_by_the_name_is_opened(void **state)
{
	char name[REGION_NAME_BYTES_MAX], other[REGION_NAME_BYTES_MAX];

	(void)state;
	look(&keep);
	name_of(0, name);
	name_of(1, other);
	/* Which says of itself that it is not what its name says. */
	assert_int_equal(renameat(shm_fixture_dir.fd, other, shm_fixture_dir.fd, name), 0);
	look(&keep);
	assert_int_equal(view.region_count, REGIONS - 2);
	assert_int_equal(view.unreadable.damaged, 1);
	assert_string_equal(view.unreadable.damaged_name, name);
}

static void one_that_is_cut_is_damaged_and_ends_nothing(void **state)
{
	char name[REGION_NAME_BYTES_MAX];
	int fd;

	(void)state;
	look(&keep);
	name_of(5, name);
	fd = openat(shm_fixture_dir.fd, name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, LAYOUT_PAGE_BYTES), 0);
	for (unsigned i = 0; i < 2; i++) {
		look(&keep);
		assert_int_equal(view.region_count, REGIONS - 1);
		assert_int_equal(view.unreadable.damaged, 1);
	}
	/* Its own process would meet the hole too. */
	assert_int_equal(ftruncate(fd, (off_t)regions[5].bytes), 0);
	close(fd);
}

/*
 * The guard's: between the check and the look. Valgrind restarts the instruction that met the hole
 * with registers that are not up to date.
 */
static void one_that_is_cut_while_it_is_looked_at_is_not_kept(void **state)
{
	const unsigned before = count_descriptors();
	struct stat_open own, *open;
	char name[REGION_NAME_BYTES_MAX];
	volatile uint32_t word;
	int fd;

	(void)state;
	if (under_valgrind())
		skip();
	/* Here, as cmocka has handlers of its own for each test. */
	assert_int_equal(guard_install(), 0);
	name_of(5, name);
	stat_keep_begin(&keep);
	assert_int_equal(stat_keep_open(&keep, &shm_fixture_dir, name, &own, &open), 0);
	fd = openat(shm_fixture_dir.fd, name, O_RDWR | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, 0), 0);
	word = open->view.header->writer_state;
	assert_int_equal(word, 0);
	assert_true(open->guard.has_failed);
	stat_keep_close(&keep, open);
	assert_int_equal(ftruncate(fd, (off_t)regions[5].bytes), 0);
	close(fd);
	assert_int_equal(count_descriptors(), before);
}

static void holes_are_not_read(void **state)
{
	const struct region_header *header = regions[4].header;
	char name[REGION_NAME_BYTES_MAX];
	struct stat st;
	uint64_t held;
	int fd;

	(void)state;
	look(&keep);
	name_of(4, name);
	fd = openat(shm_fixture_dir.fd, name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)header->rings[0].data_offset, RING_BYTES_MIN),
			 0);
	assert_int_equal(fstat(fd, &st), 0);
	held = (uint64_t)st.st_blocks;
	look(&keep);
	assert_int_equal(view.region_count, REGIONS - 1);
	assert_int_equal(view.unreadable_count, 1);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_blocks, held);
	close(fd);
}

static void a_copy_is_looked_at_without_being_kept(void **state)
{
	const unsigned before = count_descriptors();
	char name[REGION_NAME_BYTES_MAX], copy[REGION_NAME_BYTES_MAX];
	struct region_header *header = regions[1].header;
	int fd;

	(void)state;
	/* The same id, of another process. */
	region_format_name(copy, 1, header->region_id);
	fd = openat(shm_fixture_dir.fd, copy, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	header->pid = 1;
	assert_int_equal(pwrite(fd, header, regions[1].bytes, 0), (ssize_t)regions[1].bytes);
	header->pid = (uint32_t)getpid();
	close(fd);
	name_of(1, name);
	for (unsigned i = 0; i < 2; i++) {
		look(&keep);
		assert_int_equal(view.region_count, REGIONS + 1);
		assert_int_equal(count_descriptors(), before + REGIONS);
	}
}

static void few_descriptors_are_enough(void **state)
{
	const unsigned before = count_descriptors();
	struct rlimit limit, low;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	/* Half of them for five regions; the others are opened and closed. */
	low.rlim_cur = 10;
	if (before + 5 + 3 > 4096 || setrlimit(RLIMIT_NOFILE, &low) < 0)
		skip();
	stat_keep_begin(&keep);
	assert_int_equal(keep.room, 5);
	low.rlim_cur = limit.rlim_cur;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	keep.room = 5;
	view.keep = NULL;
	for (unsigned i = 0; i < REGIONS; i++) {
		struct stat_open own, *open;
		char name[REGION_NAME_BYTES_MAX];

		name_of(i, name);
		assert_int_equal(stat_keep_open(&keep, &shm_fixture_dir, name, &own, &open), 0);
		assert_int_equal(open == &own, i >= 5);
		assert_int_equal(open->view.region_id, regions[i].header->region_id);
		stat_keep_close(&keep, open);
	}
	assert_int_equal(count_descriptors(), before + 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_look_keeps_them_open_and_the_next_one_opens_none),
		TEST(what_has_changed_since_is_seen),
		TEST(one_that_is_gone_is_let_go_at_the_next_look),
		TEST(another_file_by_the_name_is_opened),
		TEST(one_that_is_cut_is_damaged_and_ends_nothing),
		TEST(one_that_is_cut_while_it_is_looked_at_is_not_kept),
		TEST(holes_are_not_read),
		TEST(a_copy_is_looked_at_without_being_kept),
		TEST(few_descriptors_are_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
