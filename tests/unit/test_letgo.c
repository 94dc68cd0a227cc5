/* SPDX-License-Identifier: Apache-2.0 */
/* The account of what a flight recorder lets go of, by ledgers that are made by hand. */
#include "writer/file/letgo.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/remove_tree.h"
#include "writer/file/batch_scan.h"

#define MANY 100u

static char path[] = "letgo-XXXXXX";
static int dirfd = -1;
static struct letgo letgo;

static int setup(void **state)
{
	(void)state;
	strcpy(path, "letgo-XXXXXX");
	if (mkdtemp(path) == NULL)
		return -1;
	dirfd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	letgo_open(&letgo, OTLP_SIGNAL_LOGS);
	return dirfd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	letgo_close(&letgo);
	close(dirfd);
	return remove_tree(path);
}

/* The range [from, to) of a ring that has an item in each 8 bytes. */
static struct batch_entry range(uint64_t region, uint16_t ring, uint64_t from, uint64_t to,
				uint16_t flags)
{
	return (struct batch_entry){.region_id = region,
				    .ring = ring,
				    .pid = 7,
				    .flags = flags,
				    .from = from,
				    .to = to,
				    .items_before = from / 8,
				    .written_items = (to - from) / 8,
				    .accepted_items = to / 8};
}

static void add(uint64_t region, uint16_t ring, uint64_t from, uint64_t to, uint16_t flags)
{
	const struct batch_entry entry = range(region, ring, from, to, flags);

	assert_int_equal(letgo_add(&letgo, &entry, 1), 0);
}

static void ranges_of_a_ring_that_adjoin_become_one(void **state)
{
	(void)state;
	add(5, 2, 80, 160, 0);
	add(5, 6, 0, 40, 0);
	add(5, 2, 160, 160, BATCH_ENTRY_FINAL | BATCH_ENTRY_CLOSED);
	add(5, 2, 0, 80, 0);
	assert_int_equal(letgo_settle(&letgo, 3, LETGO_ENTRIES_MAX), 0);
	assert_int_equal(letgo.count, 2);
	assert_int_equal(letgo.entries[0].from, 0);
	assert_int_equal(letgo.entries[0].to, 160);
	assert_int_equal(letgo.entries[0].let_go_items, 20);
	assert_int_equal(letgo.entries[0].written_items, 0);
	assert_int_equal(letgo.entries[0].accepted_items, 20);
	assert_int_equal(letgo.entries[0].flags,
			 BATCH_ENTRY_LET_GO | BATCH_ENTRY_FINAL | BATCH_ENTRY_CLOSED);
	assert_int_equal(letgo.entries[1].ring, 6);
	assert_int_equal(letgo.entries[1].let_go_items, 5);
	assert_int_equal(letgo_items(&letgo), 25);
	assert_int_equal(letgo.up_to, 3);
}

static void what_is_invalid_or_lost_stays_so(void **state)
{
	struct batch_entry entry = range(5, 2, 0, 80, 0);

	(void)state;
	entry.written_items = 7;
	entry.invalid_items = 2;
	entry.lost_items = 1;
	entry.torn_bytes = 16;
	assert_int_equal(letgo_add(&letgo, &entry, 1), 0);
	add(5, 2, 80, 160, 0);
	assert_int_equal(letgo_settle(&letgo, 1, LETGO_ENTRIES_MAX), 0);
	assert_int_equal(letgo.count, 1);
	assert_int_equal(letgo.entries[0].let_go_items, 17);
	assert_int_equal(letgo.entries[0].invalid_items, 2);
	assert_int_equal(letgo.entries[0].lost_items, 1);
	assert_int_equal(letgo.entries[0].torn_bytes, 16);
	assert_int_equal(batch_entry_items(&letgo.entries[0]), 20);
}

static void ranges_with_a_gap_between_stay_two(void **state)
{
	(void)state;
	add(5, 2, 0, 80, 0);
	add(5, 2, 88, 160, 0);
	assert_int_equal(letgo_settle(&letgo, 1, LETGO_ENTRIES_MAX), 0);
	assert_int_equal(letgo.count, 2);
}

static void many_ended_producers_are_added_up_and_others_are_not(void **state)
{
	uint64_t i;

	(void)state;
	for (i = 1; i <= MANY; i++)
		add(i, 2, 0, 80, BATCH_ENTRY_FINAL);
	add(MANY + 1, 2, 0, 80, 0);
	add(MANY + 2, 2, 80, 160, BATCH_ENTRY_FINAL);
	assert_int_equal(letgo_settle(&letgo, 1, MANY), 0);
	assert_int_equal(letgo.count, 3);
	assert_int_equal(letgo.entries[0].region_id, MANY + 1);
	assert_int_equal(letgo.entries[1].region_id, MANY + 2);
	assert_true(letgo.entries[2].region_id == BATCH_REGION_SUMMED);
	assert_int_equal(letgo.entries[2].summed_regions, MANY);
	assert_int_equal(letgo.entries[2].let_go_items, MANY * 10);
	assert_int_equal(letgo.entries[2].ring, OTLP_SIGNAL_LOGS);

	/* And once more, with what is added up already. */
	for (i = 1; i <= MANY; i++)
		add(1000 + i, 2, 0, 80, BATCH_ENTRY_FINAL);
	assert_int_equal(letgo_settle(&letgo, 2, MANY), 0);
	assert_int_equal(letgo.count, 3);
	assert_int_equal(letgo.entries[2].summed_regions, 2 * MANY);
	assert_int_equal(letgo.entries[2].let_go_items, 2 * MANY * 10);
}

static void what_is_saved_is_loaded_and_cleared(void **state)
{
	struct letgo again;
	uint64_t epoch;

	(void)state;
	add(5, 2, 0, 80, 0);
	add(6, 2, 0, 160, BATCH_ENTRY_FINAL);
	assert_int_equal(letgo_settle(&letgo, 42, LETGO_ENTRIES_MAX), 0);
	epoch = letgo.epoch;
	assert_true(epoch != 0);
	assert_int_equal(letgo_save(&letgo, dirfd), 0);

	assert_int_equal(letgo_load(&again, OTLP_SIGNAL_LOGS, dirfd), 0);
	assert_true(again.epoch == epoch);
	assert_int_equal(again.up_to, 42);
	assert_int_equal(again.count, 2);
	assert_memory_equal(again.entries, letgo.entries, 2 * sizeof(*letgo.entries));
	/* It is another signal's, to whoever takes it for that. */
	letgo_close(&again);
	assert_int_equal(letgo_load(&again, OTLP_SIGNAL_TRACES, dirfd), -EBADMSG);

	assert_int_equal(letgo_clear(&letgo, dirfd), 0);
	assert_int_equal(letgo.count, 0);
	assert_int_equal(letgo.epoch, 0);
	assert_int_equal(faccessat(dirfd, LETGO_NAME, F_OK, 0), -1);
	assert_int_equal(letgo_load(&again, OTLP_SIGNAL_LOGS, dirfd), 0);
	assert_int_equal(again.count, 0);
}

static void a_file_that_is_cut_is_damaged(void **state)
{
	struct letgo again;
	int fd;

	(void)state;
	add(5, 2, 0, 80, 0);
	assert_int_equal(letgo_settle(&letgo, 1, LETGO_ENTRIES_MAX), 0);
	assert_int_equal(letgo_save(&letgo, dirfd), 0);
	fd = openat(dirfd, LETGO_NAME, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(letgo_load(&again, OTLP_SIGNAL_LOGS, dirfd), -EBADMSG);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(letgo_load(&again, OTLP_SIGNAL_LOGS, dirfd), -EBADMSG);
	close(fd);
}

static void it_is_written_as_batches_of_a_run_of_its_own(void **state)
{
	struct batch_head head;
	struct batch_scan scan;
	int64_t bytes;
	int fd;

	(void)state;
	add(5, 2, 0, 80, 0);
	assert_int_equal(letgo_settle(&letgo, 9, LETGO_ENTRIES_MAX), 0);
	fd = openat(dirfd, "written", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	bytes = letgo_write(&letgo, fd);
	assert_int_equal(bytes, BATCH_BLOCK_BYTES);
	batch_scan_open(&scan, fd, UINT64_MAX);
	assert_int_equal(batch_scan_next(&scan, &head), 0);
	assert_true(head.epoch == letgo.epoch);
	assert_int_equal(head.sequence, 0);
	assert_int_equal(head.signal, OTLP_SIGNAL_LOGS);
	assert_int_equal(head.entry_count, 1);
	assert_int_equal(batch_entries(scan.bytes)->let_go_items, 10);
	assert_int_equal(batch_scan_next(&scan, &head), -ENODATA);
	batch_scan_close(&scan);
	close(fd);
}

static void what_was_added_is_forgotten_again(void **state)
{
	(void)state;
	add(5, 2, 0, 80, 0);
	assert_int_equal(letgo_settle(&letgo, 1, LETGO_ENTRIES_MAX), 0);
	add(5, 2, 80, 160, 0);
	letgo_forget_added(&letgo, 1);
	assert_int_equal(letgo_settle(&letgo, 1, LETGO_ENTRIES_MAX), 0);
	assert_int_equal(letgo.count, 1);
	assert_int_equal(letgo.entries[0].to, 80);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ranges_of_a_ring_that_adjoin_become_one),
		TEST(what_is_invalid_or_lost_stays_so),
		TEST(ranges_with_a_gap_between_stay_two),
		TEST(many_ended_producers_are_added_up_and_others_are_not),
		TEST(what_is_saved_is_loaded_and_cleared),
		TEST(a_file_that_is_cut_is_damaged),
		TEST(it_is_written_as_batches_of_a_run_of_its_own),
		TEST(what_was_added_is_forgotten_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
