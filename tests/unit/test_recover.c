/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery from every state that a killed writer can leave: N batches in an open file, and the
 * ring's space given back for the first k of them, or half given back.
 */
#include "tests/unit/recover_fixture.h"

#include <sys/mman.h>
#include <xxhash.h>

#include "writer/file/dataname.h"

static void corrupt_batch(unsigned batch)
{
	struct batch_scan scan;
	struct batch_head head;
	struct data_name name;
	int fd = open_file(&name);
	uint64_t at = 0;

	batch_scan_open(&scan, fd, UINT64_MAX);
	for (unsigned i = 0; i <= batch; i++) {
		at = scan.offset;
		assert_int_equal(batch_scan_next(&scan, &head), 0);
	}
	assert_int_equal(pwrite(fd, "torn", 4, (off_t)at + 1000), 4);
	batch_scan_close(&scan);
	close(fd);
}

/* As the rings have them: a batch has one span of each. */
static void expect_totals(uint64_t batches)
{
	const struct source *source;
	struct ring_done done;

	for (source = states.pipe.regions.sources; source != NULL; source = source->next) {
		ring_reader_get_done(&source_ring(source, OTLP_SIGNAL_TRACES)->reader, &done);
		assert_int_equal(done.totals.written_items, batches);
		assert_int_equal(done.position,
				 source_ring(source, OTLP_SIGNAL_TRACES)->reader.head);
	}
}

/* Each test makes the states anew: recovery changes the files. */
static void each_state_is_recovered(void **state)
{
	for (unsigned k = 0; k <= BATCHES; k++) {
		struct recover_report report;

		if (k > 0)
			make_states(state);
		restore_regions(k);
		assert_int_equal(recover(&report), 0);
		assert_int_equal(report.files, 1);
		assert_int_equal(report.batches, BATCHES);
		expect_totals(BATCHES);
		assert_int_equal(recover(&report), 0);
		assert_int_equal(report.files, 0);
		expect_totals(BATCHES);
		go_on_and_check();
		if (k < BATCHES)
			drop_states(state);
	}
}

static void a_release_that_was_cut_short_is_finished(void **state)
{
	(void)state;
	/* Done says k + 1, half of the bytes are zeroed, the head says k. */
	for (unsigned i = 0; i < REGION_COUNT; i++) {
		struct region *region = &states.pipe.producers[i];
		struct ring_shared *shared = region->rings[OTLP_SIGNAL_TRACES].shared;
		uint64_t head;

		restore_regions(2);
		head = shared->head;
		restore_regions(3);
		memcpy(region->rings[OTLP_SIGNAL_TRACES].data + head + 400,
		       states.regions[2][i] +
			       (region->rings[OTLP_SIGNAL_TRACES].data -
				(uint8_t *)region->header) +
			       head + 400,
		       200);
		shared->head = head;
		memcpy(states.regions[4][i], region->header, region->bytes);
	}
	restore_regions(4);
	assert_int_equal(recover(&(struct recover_report){0}), 0);
	go_on_and_check();
}

static void a_batch_that_is_torn_is_written_again(void **state)
{
	struct recover_report report;

	(void)state;
	corrupt_batch(BATCHES - 1);
	restore_regions(BATCHES - 1);
	assert_int_equal(recover(&report), 0);
	assert_int_equal(report.batches, BATCHES - 1);
	go_on_and_check();
}

/* A batch with a good checksum that the writer of this file did not write like that. */
static void forge_batch(unsigned batch, void (*change)(struct batch_head *, struct batch_entry *))
{
	const size_t from = offsetof(struct batch_head, batch_bytes);
	struct batch_scan scan;
	struct batch_head head;
	struct data_name name;
	int fd = open_file(&name);
	uint64_t at = 0;

	batch_scan_open(&scan, fd, UINT64_MAX);
	for (unsigned i = 0; i <= batch; i++) {
		at = scan.offset;
		assert_int_equal(batch_scan_next(&scan, &head), 0);
	}
	change(&head, (struct batch_entry *)(void *)(scan.bytes + sizeof(head)));
	memcpy(scan.bytes, &head, sizeof(head));
	head.checksum = XXH3_64bits(scan.bytes + from, head.batch_bytes - from);
	memcpy(scan.bytes + offsetof(struct batch_head, checksum), &head.checksum,
	       sizeof(head.checksum));
	assert_int_equal(pwrite(fd, scan.bytes, head.batch_bytes, (off_t)at), head.batch_bytes);
	batch_scan_close(&scan);
	close(fd);
}

static void misalign(struct batch_head *head, struct batch_entry *entries)
{
	(void)head;
	entries[0].to -= ENTRY_ALIGN_BYTES / 2;
}

static void of_another_writer(struct batch_head *head, struct batch_entry *entries)
{
	(void)entries;
	head->epoch++;
}

static void of_another_place(struct batch_head *head, struct batch_entry *entries)
{
	(void)entries;
	head->sequence++;
}

static void of_the_other_signal(struct batch_head *head, struct batch_entry *entries)
{
	(void)entries;
	head->signal = OTLP_SIGNAL_METRICS;
}

static void a_batch_that_ends_between_two_records_does_not_count(void **state)
{
	struct recover_report report;

	(void)state;
	restore_regions(0);
	forge_batch(BATCHES - 1, misalign);
	assert_int_equal(recover(&report), 0);
	assert_int_equal(report.batches, BATCHES - 1);
	go_on_and_check();
}

static void a_batch_that_does_not_go_on_the_one_before_it_does_not_count(void **state)
{
	static void (*const changes[])(struct batch_head *, struct batch_entry *) = {
		of_another_writer,
		of_another_place,
		of_the_other_signal,
	};

	for (unsigned i = 0; i < COUNT_OF(changes); i++) {
		struct recover_report report;

		if (i > 0)
			make_states(state);
		restore_regions(0);
		forge_batch(BATCHES - 1, changes[i]);
		assert_int_equal(recover(&report), 0);
		assert_int_equal(report.batches, BATCHES - 1);
		expect_totals(BATCHES - 1);
		go_on_and_check();
		if (i + 1 < COUNT_OF(changes))
			drop_states(state);
	}
}

static void batches_behind_a_torn_one_do_not_count(void **state)
{
	struct recover_report report;

	(void)state;
	corrupt_batch(1);
	restore_regions(0);
	assert_int_equal(recover(&report), 0);
	assert_int_equal(report.batches, 1);
	go_on_and_check();
}

static void a_file_with_nothing_in_it_is_removed(void **state)
{
	struct recover_report report;
	struct data_name name;
	struct data_name *names;
	struct data_dir dir;
	size_t count;
	int fd;

	(void)state;
	fd = open_file(&name);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	close(fd);
	restore_regions(0);
	assert_int_equal(recover(&report), 0);
	assert_int_equal(data_dir_open(states.pipe.out.fd, "traces", &dir), 0);
	assert_int_equal(data_dir_list(&dir, DATA_ALL_KINDS, &names, &count), 0);
	assert_int_equal(count, 0);
	free(names);
	data_dir_close(&dir);
	go_on_and_check();
}

static void entries_of_regions_that_are_gone_count(void **state)
{
	struct recover_report report;
	static struct pipe_found found;
	char name[REGION_NAME_BYTES_MAX];

	(void)state;
	restore_regions(2);
	snprintf(name, sizeof(name), "%u-%016llx.region", states.pipe.producers[0].header->pid,
		 (unsigned long long)states.pipe.producers[0].header->region_id);
	assert_int_equal(unlinkat(states.pipe.dir.fd, name, 0), 0);
	assert_int_equal(recover(&report), 0);
	assert_int_equal(report.batches, BATCHES);
	pipe_open_queue(&states.pipe);
	pipe_settle(&states.pipe);
	pipe_find(&states.pipe, &found);
	assert_int_equal(found.written, BATCHES + states.pipe.pushed[1]);
	pipe_close_queue(&states.pipe);
}

/* The writer died between the last entry's write and its release: it is in the file already. */
static void a_last_entry_in_the_file_is_not_made_again(void **state)
{
	struct pipe *pipe = &states.pipe;
	struct recover_report report;
	static struct pipe_found found;
	struct source *source;

	(void)state;
	assert_int_equal(recover(&report), 0);
	pipe_open_queue(pipe);
	for (source = pipe->regions.sources; source != NULL; source = source->next)
		source->is_dead = true;
	pipe_drain(pipe);
	assert_int_equal(queue_close_batch(&pipe->queue, pipe->regions.sources), 0);
	pipe_pump(pipe);
	pipe_reap(pipe);
	pipe_close_queue(pipe);
	assert_int_equal(recover(&report), 0);
	assert_int_equal(report.batches, 1);
	for (source = pipe->regions.sources; source != NULL; source = source->next)
		source->is_dead = true;
	pipe_open_queue(pipe);
	pipe_drain(pipe);
	pipe_settle(pipe);
	for (source = pipe->regions.sources; source != NULL; source = source->next)
		assert_true(source_is_finished(source));
	pipe_find(pipe, &found);
	assert_int_equal(found.finals, REGION_COUNT);
	pipe_check_all_once(pipe);
	pipe_close_queue(pipe);
}

static int recover_and_die(void *context)
{
	static const long calls[] = {SYS_fsync, SYS_ftruncate, SYS_renameat2};
	struct recover_report report;

	regions_open(&states.pipe.regions, &states.pipe.dir);
	CHECK(regions_discover(&states.pipe.regions) == 0);
	if (refuse(calls[*(const unsigned *)context], ANY_ARGUMENT, 0, 0) < 0)
		return CHILD_SKIP;
	CHECK(pipe_recover_output(&states.pipe, &report) == 0);
	return 0;
}

static void a_recovery_that_is_killed_is_done_again(void **state)
{
	int rc;

	(void)state;
	for (unsigned call = 0; call < 3; call++) {
		if (call > 0)
			make_states(state);
		restore_regions(2);
		regions_close(&states.pipe.regions);
		regions_open(&states.pipe.regions, &states.pipe.dir);
		rc = run_in_child(recover_and_die, &call);
		if (rc == CHILD_SKIP)
			skip();
		assert_int_equal(rc, KILLED);
		assert_int_equal(recover(&(struct recover_report){0}), 0);
		go_on_and_check();
		if (call < 2)
			drop_states(state);
	}
}

static int recover_without_cutting(void *context)
{
	struct recover_report report;

	(void)context;
	regions_open(&states.pipe.regions, &states.pipe.dir);
	CHECK(regions_discover(&states.pipe.regions) == 0);
	if (refuse(SYS_ftruncate, ANY_ARGUMENT, 0, EIO) < 0)
		return CHILD_SKIP;
	CHECK(pipe_recover_output(&states.pipe, &report) == -EIO);
	return 0;
}

/* Draining before it is done would write again what is in the file. */
static void a_file_that_cannot_be_recovered_stops_the_writer(void **state)
{
	int rc;

	(void)state;
	restore_regions(2);
	regions_close(&states.pipe.regions);
	regions_open(&states.pipe.regions, &states.pipe.dir);
	rc = run_in_child(recover_without_cutting, NULL);
	if (rc == CHILD_SKIP)
		skip();
	assert_int_equal(rc, 0);
	assert_int_equal(recover(&(struct recover_report){0}), 0);
	go_on_and_check();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define RECOVER_TEST(name) cmocka_unit_test_setup_teardown(name, make_states, drop_states)
		RECOVER_TEST(each_state_is_recovered),
		RECOVER_TEST(a_release_that_was_cut_short_is_finished),
		RECOVER_TEST(a_batch_that_is_torn_is_written_again),
		RECOVER_TEST(a_batch_that_ends_between_two_records_does_not_count),
		RECOVER_TEST(a_batch_that_does_not_go_on_the_one_before_it_does_not_count),
		RECOVER_TEST(batches_behind_a_torn_one_do_not_count),
		RECOVER_TEST(a_file_with_nothing_in_it_is_removed),
		RECOVER_TEST(entries_of_regions_that_are_gone_count),
		RECOVER_TEST(a_last_entry_in_the_file_is_not_made_again),
		RECOVER_TEST(a_recovery_that_is_killed_is_done_again),
		RECOVER_TEST(a_file_that_cannot_be_recovered_stops_the_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
