/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions that are not attached while a file of theirs is recovered: what the file has of them is
 * claimed, and told to them when they come. Each way, at each state that a killed writer can leave.
 */
#include "tests/unit/recover_fixture.h"

#include "writer/claims.h"

static void region_name_of(unsigned region, char ret[REGION_NAME_BYTES_MAX])
{
	const struct region_header *header = states.pipe.producers[region].header;

	region_format_name(ret, header->pid, header->region_id);
}

/* A second name, and it cannot be attached for as long as it has one. */
static void hide(unsigned region)
{
	char name[REGION_NAME_BYTES_MAX];

	region_name_of(region, name);
	assert_int_equal(linkat(states.pipe.dir.fd, name, states.pipe.dir.fd, "second", 0), 0);
}

static void bring_back(void)
{
	assert_int_equal(unlinkat(states.pipe.dir.fd, "second", 0), 0);
}

static bool has_claims(void)
{
	return faccessat(states.pipe.out.fd, CLAIMFILE_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void a_region_that_comes_later_has_nothing_twice(void **state)
{
	for (unsigned released = 0; released <= BATCHES; released++) {
		struct recover_report report;

		if (released > 0)
			make_states(state);
		restore_regions(released);
		hide(1);
		assert_int_equal(recover(&report), 0);
		assert_int_equal(report.batches, BATCHES);
		assert_int_equal(states.pipe.regions.count, REGION_COUNT - 1);
		assert_true(has_claims());
		/* Another writer, in the same state: nothing is forgotten. */
		assert_int_equal(recover(&report), 0);
		assert_true(has_claims());
		bring_back();
		assert_int_equal(recover(&report), 0);
		assert_int_equal(states.pipe.regions.count, REGION_COUNT);
		assert_int_equal(states.pipe.regions.broken_count, 0);
		assert_false(has_claims());
		go_on_and_check();
		if (released < BATCHES)
			drop_states(state);
	}
}

/* There are more regions than may be attached: one comes when another goes. */
static void a_region_that_comes_to_a_writer_at_work_is_told_before_it_is_drained(void **state)
{
	for (unsigned released = 0; released <= BATCHES; released++) {
		struct recover_report report;

		if (released > 0)
			make_states(state);
		restore_regions(released);
		hide(1);
		assert_int_equal(recover(&report), 0);
		bring_back();
		/* As one that was not there before, and not as one that was refused. */
		idset_clear(&states.pipe.regions.known);
		go_on_and_check();
		assert_int_equal(recover_save_claims(&states.pipe.regions, states.pipe.out.fd), 0);
		assert_false(has_claims());
		if (released < BATCHES)
			drop_states(state);
	}
}

static void a_writer_of_another_runtime_directory_that_comes_first_doubles_nothing(void **state)
{
	for (unsigned released = 0; released <= BATCHES; released++) {
		char path[] = "/dev/shm/otlpipe-test-other-XXXXXX";
		struct runtime_dir other;
		struct recover_report report;
		struct regions regions;

		if (released > 0)
			make_states(state);
		restore_regions(released);
		assert_non_null(mkdtemp(path));
		assert_int_equal(runtime_open(&other, path, false), 0);
		regions_open(&regions, &other);
		regions.claims.runtime_id = 2;
		regions.claims.file_runtime_id = 1;
		assert_int_equal(recover_output(states.pipe.out.fd, NULL, &regions, &report), 0);
		assert_int_equal(report.batches, BATCHES);
		regions_close(&regions);
		runtime_close(&other);
		assert_int_equal(rmdir(path), 0);
		assert_true(has_claims());

		forget_sources();
		states.pipe.regions.claims.runtime_id = 1;
		states.pipe.regions.claims.file_runtime_id = 2;
		assert_int_equal(pipe_recover_output(&states.pipe, &report), 0);
		assert_int_equal(report.files, 0);
		assert_false(has_claims());
		go_on_and_check();
		if (released < BATCHES)
			drop_states(state);
	}
}

static void nothing_is_claimed_of_a_region_that_is_gone(void **state)
{
	char name[REGION_NAME_BYTES_MAX];
	struct recover_report report;

	(void)state;
	restore_regions(1);
	region_name_of(1, name);
	assert_int_equal(unlinkat(states.pipe.dir.fd, name, 0), 0);
	assert_int_equal(recover(&report), 0);
	assert_int_equal(report.batches, BATCHES);
	assert_false(has_claims());
}

static void a_claim_goes_with_its_region(void **state)
{
	char name[REGION_NAME_BYTES_MAX];
	struct recover_report report;

	(void)state;
	restore_regions(1);
	hide(1);
	assert_int_equal(recover(&report), 0);
	assert_true(has_claims());
	region_name_of(1, name);
	assert_int_equal(unlinkat(states.pipe.dir.fd, name, 0), 0);
	bring_back();
	assert_int_equal(recover(&report), 0);
	assert_false(has_claims());
}

/* Its name tells it from the one that is meant: that one may still come. */
static void a_copy_with_the_same_id_settles_nothing(void **state)
{
	struct region_header *header = states.pipe.producers[1].header;
	char name[REGION_NAME_BYTES_MAX], copied[REGION_NAME_BYTES_MAX];
	struct recover_report report;
	struct region_header forged;
	int fd;

	(void)state;
	restore_regions(1);
	hide(1);
	region_name_of(1, name);
	region_format_name(copied, header->pid + 1, header->region_id);
	fd = openat(states.pipe.dir.fd, copied, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, header, states.pipe.producers[1].bytes),
			 states.pipe.producers[1].bytes);
	forged = *header;
	forged.pid++;
	assert_int_equal(pwrite(fd, &forged, sizeof(forged), 0), sizeof(forged));
	close(fd);
	assert_int_equal(recover(&report), 0);
	assert_true(has_claims());
	assert_int_equal(faccessat(states.pipe.dir.fd, copied, F_OK, 0), -1);
	bring_back();
	assert_int_equal(recover(&report), 0);
	assert_false(has_claims());
	go_on_and_check();
}

/* It was set back while nobody looked: it loses its own, as if it had been there. */
static void a_region_that_comes_later_and_lies_is_broken(void **state)
{
	struct ring_shared *shared = states.pipe.producers[1].rings[OTLP_SIGNAL_TRACES].shared;
	static struct pipe_found found;
	struct recover_report report;

	(void)state;
	restore_regions(2);
	hide(1);
	assert_int_equal(recover(&report), 0);
	bring_back();
	shared->tail = shared->head = 0;
	memset(shared->done, 0, sizeof(shared->done));
	assert_int_equal(recover(&report), 0);
	assert_int_equal(states.pipe.regions.broken_count, 1);
	pipe_open_queue(&states.pipe);
	pipe_settle(&states.pipe);
	pipe_close_queue(&states.pipe);
	pipe_find(&states.pipe, &found);
	assert_int_equal(found.written, states.pipe.pushed[0] + BATCHES);
	assert_int_equal(found.final_flags, BATCH_ENTRY_FINAL | BATCH_ENTRY_BROKEN);
}

/* The calls by which claims are made durable; after which the writer is killed. */
static const long calls[] = {SYS_fchmod,   SYS_write,	  SYS_fsync,
			     SYS_renameat, SYS_ftruncate, SYS_renameat2};

static int recover_and_die(void *context)
{
	struct recover_report report;

	regions_open(&states.pipe.regions, &states.pipe.dir);
	CHECK(regions_discover(&states.pipe.regions) == 0);
	if (refuse(calls[*(const unsigned *)context], ANY_ARGUMENT, 0, 0) < 0)
		return CHILD_SKIP;
	CHECK(pipe_recover_output(&states.pipe, &report) == 0);
	return 0;
}

static void a_recovery_that_is_killed_while_it_claims_is_done_again(void **state)
{
	for (unsigned call = 0; call < COUNT_OF(calls); call++) {
		struct recover_report report;
		int rc;

		if (call > 0)
			make_states(state);
		restore_regions(1);
		hide(1);
		regions_close(&states.pipe.regions);
		regions_open(&states.pipe.regions, &states.pipe.dir);
		rc = run_in_child(recover_and_die, &call);
		if (rc == CHILD_SKIP)
			skip();
		assert_int_equal(rc, KILLED);
		assert_int_equal(recover(&report), 0);
		assert_true(has_claims());
		bring_back();
		assert_int_equal(recover(&report), 0);
		assert_false(has_claims());
		go_on_and_check();
		if (call + 1 < COUNT_OF(calls))
			drop_states(state);
	}
}

static int recover_without_claims(void *context)
{
	struct recover_report report;

	(void)context;
	regions_open(&states.pipe.regions, &states.pipe.dir);
	CHECK(regions_discover(&states.pipe.regions) == 0);
	if (refuse(SYS_renameat, ANY_ARGUMENT, 0, ENOSPC) < 0)
		return CHILD_SKIP;
	CHECK(pipe_recover_output(&states.pipe, &report) == -ENOSPC);
	return 0;
}

/* Sealing the file without them would have its records written twice. */
static void claims_that_cannot_be_written_stop_the_writer(void **state)
{
	struct recover_report report;
	int rc;

	(void)state;
	restore_regions(1);
	hide(1);
	regions_close(&states.pipe.regions);
	regions_open(&states.pipe.regions, &states.pipe.dir);
	rc = run_in_child(recover_without_claims, NULL);
	if (rc == CHILD_SKIP)
		skip();
	assert_int_equal(rc, 0);
	bring_back();
	assert_int_equal(recover(&report), 0);
	assert_int_equal(report.batches, BATCHES);
	go_on_and_check();
}

static void damaged_claims_are_a_clear_error(void **state)
{
	struct recover_report report;
	uint8_t byte;
	struct stat st;
	int fd;

	(void)state;
	restore_regions(1);
	hide(1);
	assert_int_equal(recover(&report), 0);
	fd = openat(states.pipe.out.fd, CLAIMFILE_NAME, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	for (off_t at = 0; at < st.st_size; at += 7) {
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 0x40;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		/* Another version is said to be one, whatever else it is. */
		assert_true(recover(&report) == (at == 8 || at == 9 ? -EPROTO : -EBADMSG) ||
			    (at >= 10 && at < 16));
		byte ^= 0x40;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	for (off_t size = st.st_size - 1; size >= 0; size -= 11) {
		assert_int_equal(ftruncate(fd, size), 0);
		assert_int_equal(recover(&report), -EBADMSG);
	}
	close(fd);
	assert_int_equal(unlinkat(states.pipe.out.fd, CLAIMFILE_NAME, 0), 0);
	assert_int_equal(symlinkat("/dev/null", states.pipe.out.fd, CLAIMFILE_NAME), 0);
	assert_int_equal(recover(&report), -EBADMSG);
	assert_int_equal(unlinkat(states.pipe.out.fd, CLAIMFILE_NAME, 0), 0);
}

/* ---- the set ---- */

static struct batch_entry entry_of(uint64_t id, uint16_t ring, uint64_t from, uint64_t to)
{
	return (struct batch_entry){
		.region_id = id, .pid = 1, .ring = ring, .from = from, .to = to};
}

static void only_the_last_batches_of_a_file_are_claimed(void **state)
{
	struct runtime_dir none = {.fd = -1}; /* where it is not known what is gone */
	struct claims_draft draft = {0};
	struct claims claims = {0};
	const struct claim *first;
	const uint64_t batches = 100000;

	(void)state;
	for (uint64_t batch = 0; batch < batches; batch++) {
		const struct batch_entry entry = entry_of(7, 0, 8 * batch, 8 * batch + 8);

		assert_int_equal(claims_draft_add(&draft, &entry, batch), 0);
	}
	assert_true(draft.capacity <= 4 * CLAIMS_BATCHES);
	assert_int_equal(claims_take(&claims, &draft, &none, batches), 0);
	claims_draft_close(&draft);
	assert_int_equal(claims_of(&claims, 7, &first), CLAIMS_BATCHES);
	assert_int_equal(first->entry.from, 8 * (batches - CLAIMS_BATCHES));
	assert_int_equal(claims_of(&claims, 6, &first), 0);
	assert_int_equal(claims_of(&claims, 8, &first), 0);
	claims_close(&claims);
}

static void newer_claims_of_a_ring_take_the_place_of_older_ones(void **state)
{
	struct runtime_dir none = {.fd = -1};
	struct claims claims = {0};
	const struct claim *first;

	(void)state;
	for (unsigned file = 0; file < 3; file++) {
		struct claims_draft draft = {0};

		for (uint64_t id = 1 + file; id <= 9; id += 2) {
			const struct batch_entry entry = entry_of(id, 0, 8 * file, 8 * file + 8);
			const struct batch_entry other = entry_of(id, 1, 8, 16);

			assert_int_equal(claims_draft_add(&draft, &entry, 0), 0);
			assert_int_equal(claims_draft_add(&draft, &other, 0), 0);
		}
		assert_int_equal(claims_take(&claims, &draft, &none, 1), 0);
		claims_draft_close(&draft);
	}
	assert_int_equal(claims.count, 2 * 9);
	for (uint64_t id = 1; id <= 9; id++) {
		assert_int_equal(claims_of(&claims, id, &first), 2);
		assert_int_equal(first[0].entry.ring, 0);
		assert_int_equal(first[0].entry.from, id % 2 == 0 ? 8 : id == 1 ? 0 : 16);
		assert_int_equal(first[1].entry.ring, 1);
	}
	claims_close(&claims);
}

static void the_oldest_claims_make_room(void **state)
{
	struct runtime_dir none = {.fd = -1};
	struct claims claims = {0};
	const struct claim *first;
	struct scratch scratch;

	(void)state;
	assert_int_equal(scratch_open(&scratch), 0);
	for (unsigned file = 0; file < 2; file++) {
		struct claims_draft draft = {0};

		for (uint64_t n = 0; n < CLAIMFILE_CLAIMS_MAX - 1; n++) {
			const struct batch_entry entry = entry_of(2 * n + 1 + file, 0, 0, 8);

			assert_int_equal(claims_draft_add(&draft, &entry, 0), 0);
		}
		assert_int_equal(claims_take(&claims, &draft, &none, 1), 0);
		claims_draft_close(&draft);
		assert_int_equal(claims_save(&claims, scratch.fd), 0);
	}
	assert_int_equal(claims.count, CLAIMFILE_CLAIMS_MAX);
	assert_int_equal(claims_of(&claims, 2, &first), 1);
	assert_int_equal(claims_of(&claims, 2 * CLAIMFILE_CLAIMS_MAX - 2, &first), 1);
	claims_close(&claims);
	assert_int_equal(claims_load(&claims, scratch.fd), 0);
	assert_int_equal(claims.count, CLAIMFILE_CLAIMS_MAX);
	claims_close(&claims);
	assert_int_equal(scratch_close(&scratch), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CLAIMS_TEST(name) cmocka_unit_test_setup_teardown(name, make_states, drop_states)
		CLAIMS_TEST(a_region_that_comes_later_has_nothing_twice),
		CLAIMS_TEST(a_region_that_comes_to_a_writer_at_work_is_told_before_it_is_drained),
		CLAIMS_TEST(a_writer_of_another_runtime_directory_that_comes_first_doubles_nothing),
		CLAIMS_TEST(nothing_is_claimed_of_a_region_that_is_gone),
		CLAIMS_TEST(a_claim_goes_with_its_region),
		CLAIMS_TEST(a_copy_with_the_same_id_settles_nothing),
		CLAIMS_TEST(a_region_that_comes_later_and_lies_is_broken),
		CLAIMS_TEST(a_recovery_that_is_killed_while_it_claims_is_done_again),
		CLAIMS_TEST(claims_that_cannot_be_written_stop_the_writer),
		CLAIMS_TEST(damaged_claims_are_a_clear_error),
		cmocka_unit_test(only_the_last_batches_of_a_file_are_claimed),
		cmocka_unit_test(newer_claims_of_a_ring_take_the_place_of_older_ones),
		cmocka_unit_test(the_oldest_claims_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
