/* SPDX-License-Identifier: Apache-2.0 */
/* verify on files and rings that are made by hand, each with one thing wrong. */
#include "base/guard.h"
#include "tests/unit/shm_fixture.h"
#include "tests/unit/verify_fixture.h"

#include <limits.h>

#define RING_BYTES (UINT64_C(16) << 10)

static int setup(void **state)
{
	return verify_fixture_setup() < 0 ? -1 : shm_fixture_setup(state);
}

static int teardown(void **state)
{
	verify_fixture_teardown();
	return shm_fixture_teardown(state);
}

/* ---- files ---- */

static void entries_that_adjoin_over_two_files_are_ok(void **state)
{
	struct batch_entry last = entry_make(160, 160, 0, 6);

	(void)state;
	last.flags = BATCH_ENTRY_FINAL | BATCH_ENTRY_CLOSED;
	batch_put(1, 0, entry_make(0, 80, 3, 0));
	batch_put(1, 1, entry_make(80, 160, 3, 3));
	batch_put(2, 2, last);
	look(NULL);
	assert_ok();
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].written_items, 6);
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].committed_items, 6);
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].batches, 3);
	assert_int_equal(verify.final_regions, 1);
	/* Of what is not there it cannot know. */
	assert_int_equal(verify.notes.count, 1);
	assert_true(is_found(&verify.notes, "has no manifest"));
}

static void a_gap_is_named_with_its_place(void **state)
{
	(void)state;
	batch_put(1, 0, entry_make(0, 80, 3, 0));
	batch_put(1, 1, entry_make(88, 160, 3, 4));
	look(NULL);
	assert_problem("a gap, positions 80 to 88 are missing",
		       "traces/traces-20260101T000000Z-00000001.binpb: offset 4096");
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].committed_items, 7);
}

static void what_is_written_twice_is_named(void **state)
{
	(void)state;
	batch_put(1, 0, entry_make(0, 80, 3, 0));
	batch_put(2, 1, entry_make(0, 80, 3, 0));
	look(NULL);
	assert_problem("positions 0 to 80 are written twice", "00000002.binpb: offset 0");
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].committed_items, 3);
}

static void a_batch_must_hold_what_its_ledger_says(void **state)
{
	struct batch_entry entry = entry_make(0, 80, 4, 0);
	uint8_t batch[BATCH_BUFFER] = {0};
	char name[96];

	(void)state;
	name_make(name, 1, "");
	file_write(name, batch, batch_make(batch, 0, &entry, 3));
	look(NULL);
	assert_problem("it holds 3 items, its ledger says 4", "offset 0");
}

static void the_running_sum_must_be_right(void **state)
{
	(void)state;
	batch_put(1, 0, entry_make(0, 80, 3, 0));
	batch_put(1, 1, entry_make(80, 160, 3, 5));
	look(NULL);
	assert_problem("3 items were before position 80, its ledger says 5", "offset 4096");
}

static void nothing_may_follow_the_last_entry(void **state)
{
	struct batch_entry last = entry_make(0, 80, 3, 0);

	(void)state;
	last.flags = BATCH_ENTRY_FINAL;
	batch_put(1, 0, last);
	batch_put(1, 1, entry_make(80, 160, 3, 3));
	look(NULL);
	assert_problem("positions 80 to 160 behind its last entry", "offset 4096");
}

static void the_last_entry_may_be_repeated(void **state)
{
	struct batch_entry last = entry_make(0, 80, 3, 0), again = entry_make(80, 80, 0, 3);

	(void)state;
	last.flags = again.flags = BATCH_ENTRY_FINAL;
	batch_put(1, 0, last);
	batch_put(1, 1, again);
	look(NULL);
	assert_ok();
}

static void more_accepted_than_written_is_a_loss(void **state)
{
	struct batch_entry last = entry_make(0, 80, 3, 0);

	(void)state;
	last.flags = BATCH_ENTRY_FINAL;
	last.accepted_items = 5;
	batch_put(1, 0, last);
	look(NULL);
	assert_problem("accepted 5 items, 3 are accounted for: 2 are gone", NULL);
}

static void what_a_killed_producer_was_pushing_is_torn(void **state)
{
	struct batch_entry last = entry_make(0, 80, 3, 0);

	(void)state;
	last.flags = BATCH_ENTRY_FINAL;
	last.accepted_items = 5;
	last.torn_bytes = 2 * VERIFY_ITEM_BYTES_MIN;
	batch_put(1, 0, last);
	look(NULL);
	assert_ok();
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].torn_items, 2);
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].committed_items, 3);
	assert_true(is_found(&verify.notes, "torn: 2 items"));
	assert_int_equal(verify.unclosed_regions, 1);
}

static void no_more_is_torn_than_fits_there(void **state)
{
	struct batch_entry last = entry_make(0, 80, 3, 0);

	(void)state;
	last.flags = BATCH_ENTRY_FINAL;
	last.accepted_items = 5;
	last.torn_bytes = 2 * VERIFY_ITEM_BYTES_MIN - 1;
	batch_put(1, 0, last);
	look(NULL);
	assert_problem("accepted 5 items, 3 are accounted for: 2 are gone", NULL);
}

static void a_dead_producers_counter_is_not_behind(void **state)
{
	struct batch_entry last = entry_make(0, 80, 3, 0);

	(void)state;
	last.accepted_items = 2;
	last.flags = BATCH_ENTRY_FINAL | BATCH_ENTRY_CLOSED;
	batch_put(1, 0, last);
	last.region_id++;
	last.flags = BATCH_ENTRY_FINAL;
	batch_put(1, 1, last);
	look(NULL);
	assert_int_equal(verify.problems.count, 2);
	assert_problem("accepted 2 items, but 3 are there", NULL);
}

static void invalid_records_and_lost_items_are_failures(void **state)
{
	struct batch_entry invalid = entry_make(0, 80, 3, 0), lost = entry_make(80, 160, 0, 4);

	(void)state;
	invalid.invalid_items = 1;
	lost.lost_items = 2;
	lost.flags = BATCH_ENTRY_LOST;
	batch_put(1, 0, invalid);
	batch_put(1, 1, lost);
	look(NULL);
	assert_problem("2 items were lost", "offset 4096");
	assert_problem("1 records were invalid", "offset 0");
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].lost_items, 2);
}

static void a_start_in_removed_files_is_noted(void **state)
{
	(void)state;
	batch_put(5, 9, entry_make(80, 160, 3, 4));
	look(NULL);
	assert_ok();
	assert_true(is_found(&verify.notes, "start removed by retention"));
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].removed_items, 4);
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].committed_items, 7);
}

static void a_missing_batch_is_found_by_its_number(void **state)
{
	struct batch_entry other = entry_make(0, 80, 3, 0);

	(void)state;
	other.region_id++;
	batch_put(1, 0, entry_make(0, 80, 3, 0));
	batch_put(3, 2, other);
	look(NULL);
	assert_problem("batch 2 of its run follows on batch 0", "00000003.binpb: offset 0");
}

static void the_tail_of_an_open_file_may_be_torn_and_of_a_sealed_one_not(void **state)
{
	struct batch_entry entry = entry_make(80, 160, 3, 3);
	uint8_t batch[BATCH_BUFFER] = {0};
	char open_name[96], name[96];
	size_t bytes;

	(void)state;
	batch_put(1, 0, entry_make(0, 80, 3, 0));
	bytes = batch_make(batch, 1, &entry, 3);
	batch[bytes - 1] ^= 1;
	name_make(name, 1, "");
	name_make(open_name, 1, ".open");
	file_write(name, batch, bytes);
	look(NULL);
	assert_problem("wrong checksum", "offset 4096");
	assert_int_equal(renameat(out_fd, name, out_fd, open_name), 0);
	look(NULL);
	assert_ok();
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].written_items, 3);
	assert_true(is_found(&verify.notes, "not whole"));
}

static void zeros_end_an_open_file_and_are_wrong_in_a_sealed_one(void **state)
{
	static const uint8_t zeros[BATCH_BLOCK_BYTES];
	char open_name[96], name[96];

	(void)state;
	batch_put(1, 0, entry_make(0, 80, 3, 0));
	name_make(name, 1, "");
	name_make(open_name, 1, ".open");
	file_write(name, zeros, sizeof(zeros));
	look(NULL);
	assert_problem("zeros behind the last batch", "offset 4096");
	assert_int_equal(renameat(out_fd, name, out_fd, open_name), 0);
	look(NULL);
	assert_ok();
}

static void a_bad_file_counts_up_to_its_trusted_bytes(void **state)
{
	char bad[96], name[96];

	(void)state;
	batch_put(1, 0, entry_make(0, 80, 3, 0));
	batch_put(1, 1, entry_make(80, 160, 3, 3));
	batch_put(2, 1, entry_make(80, 160, 3, 3));
	name_make(name, 1, "");
	name_make(bad, 1, ".4096.bad");
	assert_int_equal(renameat(out_fd, name, out_fd, bad), 0);
	look(NULL);
	assert_ok();
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].written_items, 6);
	name_make(name, 1, ".12288.bad");
	assert_int_equal(renameat(out_fd, bad, out_fd, name), 0);
	look(NULL);
	assert_problem("cut short", "offset 8192");
}

static void a_field_that_does_not_belong_there_is_found(void **state)
{
	struct batch_entry entry = entry_make(0, 80, 0, 0);
	struct batch_head head = {.epoch = EPOCH, .signal = OTLP_SIGNAL_TRACES, .entry_count = 1};
	uint8_t batch[BATCH_BUFFER] = {0};
	char name[96];
	size_t bytes;

	(void)state;
	memcpy(batch + batch_head_bytes(1), "\x12\x00", 2);
	bytes = batch_seal(batch, head, &entry, 2);
	name_make(name, 1, "");
	file_write(name, batch, bytes);
	look(NULL);
	assert_problem("field 2 does not belong there", "offset 0");
}

static void an_entry_that_makes_no_sense_is_found(void **state)
{
	(void)state;
	batch_put(1, 0, entry_make(80, 0, 0, 0));
	look(NULL);
	assert_problem("makes no sense", "offset 0");
}

static void what_is_no_output_directory_is_no_success(void **state)
{
	(void)state;
	assert_int_equal(unlinkat(out_fd, "traces", AT_REMOVEDIR), 0);
	assert_int_equal(unlinkat(out_fd, "metrics", AT_REMOVEDIR), 0);
	look(NULL);
	assert_problem("no output directory", NULL);
	assert_int_equal(mkdirat(out_fd, "traces", 0700), 0);
	assert_int_equal(mkdirat(out_fd, "metrics", 0700), 0);
}

/* ---- rings ---- */

static struct region region_make(void)
{
	const struct region_options options = {.ring_bytes = {RING_BYTES, RING_BYTES},
					       .program = "test"};
	struct region region;

	assert_int_equal(region_create(&region, &shm_fixture_dir, &options), 0);
	return region;
}

/* A record that is none, and counts as one item: what counts here is its place. */
static struct ring_claim claim(struct region *region)
{
	struct ring_claim ret;

	assert_true(ring_claim(&region->rings[OTLP_SIGNAL_TRACES], 8, 1, &ret));
	return ret;
}

static void push(struct region *region)
{
	struct ring_claim ret = claim(region);

	memset(ret.payload, 0xff, ret.payload_bytes);
	ring_commit(&ret);
}

/* The entry of a batch that took these positions, one item each 16 bytes. */
static struct batch_entry region_entry(const struct region *region, uint64_t from, uint64_t to)
{
	struct batch_entry entry = entry_make(from, to, (to - from) / 16, from / 16);

	entry.region_id = region->header->region_id;
	entry.pid = region->header->pid;
	entry.start_unix_ns = region->header->start_unix_ns;
	return entry;
}

static void what_no_file_names_yet_is_in_the_rings(void **state)
{
	struct region region = region_make();

	push(&region);
	push(&region);
	look(*state);
	assert_ok();
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].held_items, 2);
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].committed_items, 2);
	assert_int_equal(verify.alive_regions, 1);
	region_close(&region);
	look(*state);
	assert_ok();
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].held_items, 2);
	assert_int_equal(verify.alive_regions, 0);
	assert_int_equal(verify.unclosed_regions, 0);
}

static void what_is_in_a_file_and_not_released_counts_once(void **state)
{
	struct region region = region_make();

	push(&region);
	push(&region);
	push(&region);
	batch_put(1, 0, region_entry(&region, 0, 32));
	look(*state);
	assert_ok();
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].written_items, 2);
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].held_items, 1);
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].committed_items, 3);
	region_close(&region);
}

static void what_stands_behind_a_claim_is_counted(void **state)
{
	struct region region = region_make();
	struct ring_claim open_claim;

	push(&region);
	open_claim = claim(&region);
	push(&region);
	look(*state);
	assert_ok();
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].held_items, 2);
	/* And one whose header is not stored yet. */
	memset(open_claim.word, 0, 8);
	look(*state);
	assert_ok();
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].held_items, 2);
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].torn_items, 0);
	region_close(&region); /* with the claim still open: it is torn now */
	look(*state);
	assert_ok();
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].committed_items, 2);
	assert_int_equal(verify.signals[OTLP_SIGNAL_TRACES].torn_items, 1);
}

static void what_was_released_and_is_in_no_file_is_missing(void **state)
{
	struct region region = region_make();
	struct ring_reader reader;
	struct ring_done done = {.position = 32, .totals = {.written_items = 2}};

	push(&region);
	push(&region);
	batch_put(1, 0, region_entry(&region, 0, 16));
	assert_int_equal(ring_reader_init(&reader, region.rings[OTLP_SIGNAL_TRACES].shared,
					  region.rings[OTLP_SIGNAL_TRACES].data, RING_BYTES, true),
			 0);
	reader.read = 32;
	ring_reader_release(&reader, &done);
	look(*state);
	assert_problem("positions 16 to 32 were written, and are in no file", NULL);
	region_close(&region);
}

static void more_accepted_than_the_rings_hold_is_a_loss(void **state)
{
	struct region region = region_make();

	push(&region);
	atomic_add_relaxed_u64(&region.rings[OTLP_SIGNAL_TRACES].shared->accepted_items, 3);
	look(*state);
	assert_problem("accepted 4 items, 1 are accounted for: 3 are gone", NULL);
	assert_true(verify.may_have_raced);
	region_close(&region);
}

static void a_ring_that_makes_no_sense_is_found(void **state)
{
	struct region region = region_make();

	push(&region);
	atomic_store_relaxed_u64(&region.rings[OTLP_SIGNAL_TRACES].shared->tail, 3);
	look(*state);
	assert_problem("its ring of traces makes no sense", NULL);
	region_close(&region);
}

static void a_region_that_was_cut_is_found(void **state)
{
	struct region region = region_make();
	struct dirent *entry;
	DIR *stream = opendir(shm_fixture_path);

	push(&region);
	while ((entry = readdir(stream)) != NULL) {
		if (strstr(entry->d_name, ".region") != NULL) {
			int fd = openat(dirfd(stream), entry->d_name, O_RDWR);

			assert_int_equal(ftruncate(fd, LAYOUT_PAGE_BYTES), 0);
			close(fd);
		}
	}
	closedir(stream);
	look(*state);
	assert_problem("it is no valid region", NULL);
	munmap(region.header, region.bytes);
}

/* ---- memory ---- */

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);

static unsigned allocations_left = UINT_MAX;

/* The one that fails is the last that is counted. */
static bool is_refused(void)
{
	if (allocations_left == UINT_MAX || allocations_left == 0 || --allocations_left != 0)
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t bytes)
{
	return is_refused() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return is_refused() ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
	return is_refused() ? NULL : __real_realloc(old, bytes);
}

static void an_allocation_that_fails_wherever_it_is_ends_the_look_with_that_error(void **state)
{
	struct batch_entry other = entry_make(0, 80, 1, 0);
	struct region region = region_make();
	unsigned failed = 0, nth = 1;
	bool was_reached;

	other.region_id = ID + 1;
	push(&region);
	batch_put(1, 0, entry_make(0, 80, 3, 0));
	batch_put(1, 1, entry_make(80, 160, 3, 3));
	batch_put(2, 2, other);
	do {
		int rc;

		verify_free(&verify);
		allocations_left = nth++;
		rc = verify_run(&verify,
				&(struct verify_input){.paths = (const char *const[]){"out"},
						       .fds = &out_fd,
						       .dir_count = 1,
						       .runtimes = *state,
						       .runtime_count = 1});
		was_reached = allocations_left == 0;
		allocations_left = UINT_MAX;
		if (was_reached) {
			assert_int_equal(rc, -ENOMEM);
			failed++;
		} else {
			assert_int_equal(rc, 0);
		}
	} while (was_reached);
	assert_true(failed >= 6); /* three regions, batches, messages, what the ring holds */
	region_close(&region);
}

#define VERIFY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		VERIFY_TEST(entries_that_adjoin_over_two_files_are_ok),
		VERIFY_TEST(a_gap_is_named_with_its_place),
		VERIFY_TEST(what_is_written_twice_is_named),
		VERIFY_TEST(a_batch_must_hold_what_its_ledger_says),
		VERIFY_TEST(the_running_sum_must_be_right),
		VERIFY_TEST(nothing_may_follow_the_last_entry),
		VERIFY_TEST(the_last_entry_may_be_repeated),
		VERIFY_TEST(more_accepted_than_written_is_a_loss),
		VERIFY_TEST(what_a_killed_producer_was_pushing_is_torn),
		VERIFY_TEST(no_more_is_torn_than_fits_there),
		VERIFY_TEST(a_dead_producers_counter_is_not_behind),
		VERIFY_TEST(invalid_records_and_lost_items_are_failures),
		VERIFY_TEST(a_start_in_removed_files_is_noted),
		VERIFY_TEST(a_missing_batch_is_found_by_its_number),
		VERIFY_TEST(the_tail_of_an_open_file_may_be_torn_and_of_a_sealed_one_not),
		VERIFY_TEST(zeros_end_an_open_file_and_are_wrong_in_a_sealed_one),
		VERIFY_TEST(a_bad_file_counts_up_to_its_trusted_bytes),
		VERIFY_TEST(a_field_that_does_not_belong_there_is_found),
		VERIFY_TEST(an_entry_that_makes_no_sense_is_found),
		VERIFY_TEST(what_is_no_output_directory_is_no_success),
		VERIFY_TEST(what_no_file_names_yet_is_in_the_rings),
		VERIFY_TEST(what_is_in_a_file_and_not_released_counts_once),
		VERIFY_TEST(what_stands_behind_a_claim_is_counted),
		VERIFY_TEST(what_was_released_and_is_in_no_file_is_missing),
		VERIFY_TEST(more_accepted_than_the_rings_hold_is_a_loss),
		VERIFY_TEST(a_ring_that_makes_no_sense_is_found),
		VERIFY_TEST(a_region_that_was_cut_is_found),
		VERIFY_TEST(an_allocation_that_fails_wherever_it_is_ends_the_look_with_that_error),
	};

	if (guard_install() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
