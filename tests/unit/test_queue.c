/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queue over a disk that fails: whatever goes wrong and whenever, each span is in the files
 * once, the positions of each ring are contiguous, and what is gone is reported.
 */
#include "core/record/signal.h"
#include "tests/unit/pipe_fixture.h"

#include "base/log.h"

#include <limits.h>

#define RING_BYTES (UINT64_C(256) << 10)
#define SPANS	   160u
#define SPAN_BYTES 2000u

/*
 * At any moment: what was committed is what its writer has given back as written, and what still
 * lies in the ring. Nothing is invalid or torn here, and what is lost is counted as it was written.
 */
static void check_identity(struct pipe *pipe)
{
	for (unsigned region = 0; region < 2; region++) {
		const struct ring *ring = &pipe->producers[region].rings[OTLP_SIGNAL_TRACES];
		struct ring_reader monitor;
		struct ring_entry entry;
		struct ring_done done;
		uint64_t tail, held = 0;

		assert_int_equal(
			ring_reader_init(&monitor, ring->shared, ring->data, RING_BYTES, false), 0);
		assert_int_equal(ring_reader_tail(&monitor, &tail), 0);
		ring_reader_get_done(&monitor, &done);
		do {
			assert_int_equal(ring_reader_peek(&monitor, tail, false, &entry), 0);
			held += entry.kind == RING_ENTRY_RECORD;
			ring_reader_next(&monitor, &entry);
		} while (entry.bytes != 0);
		assert_int_equal(done.totals.written_items + done.totals.invalid_items +
					 done.totals.lost_items + held,
				 pipe->pushed[region]);
	}
}

static void push_and_settle(struct pipe *pipe)
{
	for (unsigned i = 0; i < SPANS; i++) {
		for (unsigned region = 0; region < 2; region++)
			while (!pipe_push(pipe, region, SPAN_BYTES)) {
				pipe_reap(pipe);
				pipe_drain(pipe);
				pipe_pump(pipe);
				pipe->now_ns += 50000000;
				check_identity(pipe);
			}
	}
	pipe_settle(pipe);
	check_identity(pipe);
}

/* One run with a plan; the operations that there were, or 0 if the plan came too late. */
static unsigned run_with(const struct fault_plan *plan, enum destination_sync sync, bool reversed)
{
	static struct pipe pipe;
	unsigned struck;

	pipe_open(&pipe, 2, RING_BYTES);
	pipe.options.sync = sync;
	pipe.files.rotate_bytes = 192 << 10;
	pipe_open_queue(&pipe);
	pipe.fault->plan = *plan;
	pipe.fault->is_reversed = reversed;
	push_and_settle(&pipe);
	struck = pipe.fault->struck;
	assert_int_equal(pipe.status.signals[OTLP_SIGNAL_TRACES].written_items, 2 * SPANS);
	assert_int_equal(pipe.status.signals[OTLP_SIGNAL_TRACES].lost_items, 0);
	pipe_check_all_once(&pipe);
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
	return struck;
}

static void spans_come_once_from_a_disk_that_is_well(void **state)
{
	static const enum destination_sync syncs[] = {SYNC_INTERVAL, SYNC_BATCH, SYNC_NONE};
	const struct fault_plan none = {.times = 0};
	unsigned descriptors = count_descriptors();

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(syncs); i++) {
		assert_int_equal(run_with(&none, syncs[i], false), 0);
		assert_int_equal(run_with(&none, syncs[i], true), 0);
	}
	assert_int_equal(count_descriptors(), descriptors);
}

static const struct fault_plan spoils[] = {
	{.error = -EIO},
	{.error = -EIO, .is_half_done = true},
	{.error = -ENOSPC},
	{.error = -ENOSPC, .is_half_done = true},
	{.error = -EINTR},
	{.error = -EAGAIN},
	{.error = -EDQUOT, .is_half_done = true},
	{.error = -EROFS},
	{.error = 0, .how_short = FAULT_SHORT_HALF},
	{.error = 0, .how_short = FAULT_SHORT_EMPTY},
	{.error = 0, .how_short = FAULT_SHORT_UNALIGNED},
};
static unsigned spoiled_runs;

/*
 * The Nth operation goes wrong, for every N until there is none. Errors of syncs are among them.
 * With OTLPIPE_TEST_SHORT, as under valgrind, not each of them.
 */
static void spoil_each(enum destination_sync sync, unsigned times, unsigned stride)
{
	unsigned descriptors = count_descriptors();

	if (getenv("OTLPIPE_TEST_SHORT") != NULL)
		stride *= 3;
	for (unsigned i = 0; i < COUNT_OF(spoils); i += stride) {
		struct fault_plan plan = spoils[i];

		plan.what = FAULT_ANY;
		plan.times = times;
		while (run_with(&plan, sync, plan.first % 2 != 0) > 0) {
			spoiled_runs++;
			plan.first++;
		}
		assert_true(plan.first > 8);
	}
	assert_int_equal(count_descriptors(), descriptors);
}

static void every_operation_may_fail_once(void **state)
{
	(void)state;
	spoil_each(SYNC_INTERVAL, 1, 1);
}

static void every_operation_may_fail_once_where_each_batch_is_synced(void **state)
{
	(void)state;
	spoil_each(SYNC_BATCH, 1, 1);
}

static void every_two_operations_in_a_row_may_fail(void **state)
{
	(void)state;
	spoil_each(SYNC_INTERVAL, 2, 3);
}

/* scripts/reliability.py finds it in the log of the tests. */
static void what_was_spoiled_is_counted(void **state)
{
	(void)state;
	assert_true(spoiled_runs > 100);
	printf("# RELIABILITY {\"fault\":\"the Nth operation on a file fails or is cut short, "
	       "for every N\",\"how\":\"a back end beside io_uring and pwrite: EIO, ENOSPC, "
	       "EDQUOT, EROFS, EINTR, EAGAIN, short writes, failed syncs\",\"runs\":%u,"
	       "\"lost\":0,\"test\":\"queue\"}\n",
	       spoiled_runs);
}

/* What the writer says goes into a file for as long as that. */
static FILE *said_file;
static int said_before;

static void said_begin(void)
{
	/* What was said before does not limit what is said now. */
	log_end();
	said_file = tmpfile();
	assert_non_null(said_file);
	fflush(stderr);
	said_before = dup(STDERR_FILENO);
	assert_int_equal(dup2(fileno(said_file), STDERR_FILENO), STDERR_FILENO);
}

static unsigned said_times(const char *text)
{
	char line[512];
	unsigned times = 0;

	fflush(stderr);
	rewind(said_file);
	while (fgets(line, sizeof(line), said_file) != NULL)
		times += strstr(line, text) != NULL;
	return times;
}

static void said_end(void)
{
	assert_int_equal(dup2(said_before, STDERR_FILENO), STDERR_FILENO);
	close(said_before);
	fclose(said_file);
}

static void a_fault_that_lasts_is_said_once_and_so_is_its_end(void **state)
{
	static const struct {
		enum fault_what what;
		int error;
		enum destination_sync sync;
	} faults[] = {
		{FAULT_WRITE, -EIO, SYNC_INTERVAL},    {FAULT_WRITE, -EROFS, SYNC_BATCH},
		{FAULT_WRITE, -ENOSPC, SYNC_INTERVAL}, {FAULT_WRITE, -EDQUOT, SYNC_BATCH},
		{FAULT_FSYNC, -EIO, SYNC_INTERVAL},    {FAULT_FSYNC, -EIO, SYNC_BATCH},
		{FAULT_FSYNC, -ENOSPC, SYNC_BATCH},    {FAULT_ANY, -EIO, SYNC_NONE},
	};
	static struct pipe pipe;

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(faults); i++) {
		unsigned stalled, again;

		pipe_open(&pipe, 2, RING_BYTES);
		pipe.options.sync = faults[i].sync;
		pipe_open_queue(&pipe);
		pipe.fault->plan = (struct fault_plan){
			.what = faults[i].what, .times = UINT_MAX, .error = faults[i].error};
		said_begin();
		for (unsigned turn = 0; turn < 100; turn++) {
			if (turn % 10 == 0)
				assert_true(pipe_push(&pipe, turn / 10 % 2, SPAN_BYTES));
			pipe_reap(&pipe);
			pipe_drain(&pipe);
			(void)queue_close_batch(&pipe.queue, pipe.regions.sources);
			pipe_pump(&pipe);
			pipe.now_ns += 100000000;
		}
		stalled = said_times("the rings keep what they have");
		again = said_times("writing again");
		pipe.fault->plan.times = 0;
		for (unsigned turn = 0; turn < 100 && pipe.queue.is_stalled; turn++) {
			pipe_reap(&pipe);
			pipe_pump(&pipe);
			pipe.now_ns += 100000000;
		}
		again += 100 * said_times("writing again");
		stalled += said_times("is given up behind") > 1;
		said_end();
		assert_true(pipe.fault->struck > 3);
		assert_int_equal(stalled, 1);
		assert_int_equal(again, 100);
		pipe_settle(&pipe);
		pipe_check_all_once(&pipe);
		pipe_close_queue(&pipe);
		pipe_close(&pipe);
	}
}

static void a_disk_that_fails_for_long_is_tried_each_second_and_leaves_no_files(void **state)
{
	static struct pipe pipe;
	struct data_name *names;
	struct data_dir dir;
	size_t count;

	(void)state;
	pipe_open(&pipe, 1, RING_BYTES);
	pipe_open_queue(&pipe);
	pipe.fault->plan =
		(struct fault_plan){.what = FAULT_WRITE, .times = UINT_MAX, .error = -EIO};
	assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
	pipe_drain(&pipe);
	assert_int_equal(queue_close_batch(&pipe.queue, pipe.regions.sources), 0);
	for (unsigned second = 0; second < 20; second++) {
		unsigned struck = pipe.fault->struck;

		pipe_pump(&pipe);
		pipe_reap(&pipe);
		pipe_pump(&pipe);
		assert_true(pipe.fault->struck - struck <= 1);
		/* Said to be stalled all the time: no file that was made changes that. */
		assert_true(pipe.queue.is_stalled);
		/* The writer may sleep until then. */
		assert_true(queue_deadline_ns(&pipe.queue) > pipe.now_ns);
		pipe.now_ns += QUEUE_RETRY_NS;
	}
	assert_true(pipe.fault->struck > 10);
	assert_int_equal(data_dir_open(pipe.out.fd, "traces", &dir), 0);
	assert_int_equal(data_dir_list(&dir, DATA_ALL_KINDS, &names, &count), 0);
	assert_true(count <= 1);
	free(names);
	data_dir_close(&dir);
	pipe.fault->plan.times = 0;
	pipe_settle(&pipe);
	assert_false(pipe.queue.is_stalled);
	pipe_check_all_once(&pipe);
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
}

static void a_full_disk_keeps_what_is_written_and_goes_on_when_there_is_room(void **state)
{
	static struct pipe pipe;
	uint64_t released;

	(void)state;
	pipe_open(&pipe, 2, RING_BYTES);
	pipe_open_queue(&pipe);
	for (unsigned i = 0; i < 40; i++)
		assert_true(pipe_push(&pipe, i % 2, SPAN_BYTES));
	pipe.fault->plan = (struct fault_plan){
		.what = FAULT_WRITE, .first = 1, .times = UINT_MAX, .error = -ENOSPC};
	for (unsigned i = 0; i < 50; i++) {
		pipe_drain(&pipe);
		(void)queue_close_batch(&pipe.queue, pipe.regions.sources);
		pipe_pump(&pipe);
		pipe_reap(&pipe);
		pipe.now_ns += 100000000;
	}
	assert_true(pipe.want_space_calls > 0);
	assert_true(pipe.queue.is_stalled);
	released = pipe.status.signals[OTLP_SIGNAL_TRACES].written_items;
	assert_true(released > 0 && released < 40);
	pipe.fault->plan.times = 0;
	pipe_settle(&pipe);
	pipe_check_all_once(&pipe);
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
}

static void what_a_failed_sync_lost_is_reported_exactly(void **state)
{
	static struct pipe pipe;
	static struct pipe_found found;
	uint64_t missing = 0;

	(void)state;
	pipe_open(&pipe, 2, RING_BYTES);
	pipe.options.sync = SYNC_INTERVAL;
	pipe_open_queue(&pipe);
	pipe.fault->plan = (struct fault_plan){.what = FAULT_FSYNC,
					       .first = 1,
					       .times = 1,
					       .error = -EIO,
					       .loses_pages = true,
					       .kept_bytes = 4096};
	push_and_settle(&pipe);
	assert_int_equal(pipe.fault->struck, 1);
	pipe_find(&pipe, &found);
	for (unsigned region = 0; region < 2; region++) {
		for (uint32_t i = 0; i < SPANS; i++) {
			assert_true(found.seen[region][i] <= 1);
			missing += found.seen[region][i] == 0;
		}
		assert_int_equal(found.next[region][0],
				 pipe.producers[region].rings[OTLP_SIGNAL_TRACES].shared->tail);
	}
	assert_true(missing > 0);
	assert_int_equal(found.lost, missing);
	assert_true(found.final_flags & BATCH_ENTRY_LOST);
	assert_int_equal(pipe.status.signals[OTLP_SIGNAL_TRACES].lost_items, missing);
	assert_int_equal(pipe.status.signals[OTLP_SIGNAL_TRACES].written_items,
			 2 * SPANS - missing);
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
}

static void nothing_is_released_behind_a_write_that_is_not_complete(void **state)
{
	static struct pipe pipe;
	struct io_result results[8];
	uint64_t head;

	(void)state;
	pipe_open(&pipe, 1, RING_BYTES);
	pipe_open_queue(&pipe);
	pipe.fault->is_reversed = true;
	for (unsigned batch = 0; batch < 3; batch++) {
		assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
		pipe_drain(&pipe);
		assert_int_equal(queue_close_batch(&pipe.queue, pipe.regions.sources), 0);
	}
	pipe_pump(&pipe);
	assert_int_equal(pipe.file.destination.writes_in_flight, 3);
	head = pipe.producers[0].rings[OTLP_SIGNAL_TRACES].shared->head;
	for (unsigned done = 0; done < 3; done++) {
		assert_int_equal(pipe.producers[0].rings[OTLP_SIGNAL_TRACES].shared->head, head);
		/* The fault backend gives the last one first; io hands them on one by one. */
		assert_int_equal(io_reap(pipe.io, results, 1, 0), 1);
		queue_complete(&results[0], pipe.now_ns);
		pipe_pump(&pipe);
	}
	assert_true(pipe.producers[0].rings[OTLP_SIGNAL_TRACES].shared->head > head);
	pipe_settle(&pipe);
	pipe_check_all_once(&pipe);
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
}

static void a_new_file_waits_for_the_last_write_of_the_old(void **state)
{
	static struct pipe pipe;

	(void)state;
	pipe_open(&pipe, 1, RING_BYTES);
	pipe_open_queue(&pipe);
	pipe.fault->is_held = true;
	assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
	pipe_drain(&pipe);
	assert_int_equal(queue_close_batch(&pipe.queue, pipe.regions.sources), 0);
	pipe_pump(&pipe);
	queue_rotate(&pipe.queue);
	assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
	pipe_drain(&pipe);
	assert_int_equal(queue_close_batch(&pipe.queue, pipe.regions.sources), 0);
	pipe_pump(&pipe);
	assert_int_equal(pipe.fault->counts[FAULT_WRITE], 1);
	pipe.fault->is_held = false;
	pipe_reap(&pipe);
	pipe_pump(&pipe);
	assert_int_equal(pipe.fault->counts[FAULT_WRITE], 2);
	assert_int_equal(pipe.status.signals[OTLP_SIGNAL_TRACES].files_sealed, 1);
	pipe_settle(&pipe);
	pipe_check_all_once(&pipe);
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
}

/* The next writer, after a kill; then each span is there once. */
static void kill_and_go_on(struct pipe *pipe)
{
	struct recover_report report;

	pipe_close_queue(pipe);
	pipe_recover(pipe, &report);
	pipe_open_queue(pipe);
	pipe_settle(pipe);
	pipe_check_all_once(pipe);
	pipe_close_queue(pipe);
	pipe_close(pipe);
}

static void close_one_batch(struct pipe *pipe)
{
	assert_true(pipe_push(pipe, 0, SPAN_BYTES));
	pipe_drain(pipe);
	assert_int_equal(queue_close_batch(&pipe->queue, pipe->regions.sources), 0);
	pipe_pump(pipe);
}

/* Three writes, one of which never reaches the disk; they come back the last one first, and the
 * kill comes behind each of them. */
static void writes_out_of_order_and_a_kill_between_them_leave_each_span_once(void **state)
{
	static struct pipe pipe;
	struct io_result result;

	(void)state;
	for (unsigned missing = 0; missing < 4; missing++) {
		for (unsigned done = 0; done <= 3; done++) {
			pipe_open(&pipe, 1, RING_BYTES);
			pipe_open_queue(&pipe);
			pipe.fault->is_reversed = true;
			pipe.fault->plan = (struct fault_plan){
				.what = FAULT_WRITE, .first = missing, .times = 1, .error = -EIO};
			for (unsigned batch = 0; batch < 3; batch++)
				close_one_batch(&pipe);
			for (unsigned i = 0; i < done; i++) {
				assert_int_equal(io_reap(pipe.io, &result, 1, 0), 1);
				queue_complete(&result, pipe.now_ns);
				(void)queue_release(&pipe.queue);
			}
			kill_and_go_on(&pipe);
		}
	}
}

/* The old file's last write is under way, done, or never reaches the disk. */
static void a_kill_at_a_rotation_leaves_each_span_once(void **state)
{
	static struct pipe pipe;

	(void)state;
	for (unsigned missing = 0; missing < 3; missing++) {
		for (unsigned turns = 0; turns < 6; turns++) {
			pipe_open(&pipe, 1, RING_BYTES);
			pipe_open_queue(&pipe);
			pipe.fault->plan = (struct fault_plan){
				.what = FAULT_WRITE, .first = missing, .times = 1, .error = -EIO};
			pipe.fault->is_held = true;
			close_one_batch(&pipe);
			queue_rotate(&pipe.queue);
			close_one_batch(&pipe);
			assert_int_equal(pipe.fault->counts[FAULT_WRITE], 1);
			pipe.fault->is_held = false;
			for (unsigned turn = 0; turn < turns; turn++) {
				if (turn % 2 == 0)
					pipe_reap(&pipe);
				else
					(void)queue_pump(&pipe.queue, pipe.now_ns);
			}
			kill_and_go_on(&pipe);
		}
	}
}

/*
 * The page says so from before the write on until the rings have their space back: that is what a
 * later writer goes by that does not find the directory. A batch that waits for a file is in none.
 */
static void what_stands_in_files_and_the_rings_do_not_know_is_in_the_page(void **state)
{
	static const enum destination_sync syncs[] = {SYNC_INTERVAL, SYNC_BATCH, SYNC_NONE};

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(syncs); i++) {
		static struct pipe pipe;
		const uint64_t *unsettled = &pipe.status.memory.unsettled;

		pipe_open(&pipe, 1, RING_BYTES);
		pipe.options.sync = syncs[i];
		pipe_open_queue(&pipe);
		pipe.fault->is_held = true;
		assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
		pipe_drain(&pipe);
		assert_int_equal(queue_close_batch(&pipe.queue, pipe.regions.sources), 0);
		assert_int_equal(*unsettled, 0);
		pipe_pump(&pipe);
		assert_int_equal(*unsettled, UINT64_C(1) << OTLP_SIGNAL_TRACES);
		pipe.fault->is_held = false;
		for (unsigned n = 0; n < 3; n++) {
			/* As long as the ring has not its space back. */
			assert_int_equal(*unsettled != 0,
					 source_ring(pipe.regions.sources, OTLP_SIGNAL_TRACES)
							 ->reader.head == 0);
			pipe_reap(&pipe);
			pipe_pump(&pipe);
		}
		assert_int_equal(*unsettled, 0);
		pipe_settle(&pipe);
		pipe_close_queue(&pipe);
		pipe_close(&pipe);
	}
}

/* Kept beside the file, and on its way into the next one. */
static void what_was_rescued_is_unsettled_until_it_is_synced(void **state)
{
	const struct fault_plan plan = {.what = FAULT_FSYNC, .times = 1, .error = -EIO};
	static struct pipe pipe;
	bool was_rescued = false;

	(void)state;
	pipe_open(&pipe, 2, RING_BYTES);
	pipe_open_queue(&pipe);
	pipe.fault->plan = plan;
	for (unsigned i = 0; i < 30; i++) {
		if (i < 3)
			assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
		pipe_reap(&pipe);
		pipe_drain(&pipe);
		(void)queue_close_batch(&pipe.queue, pipe.regions.sources);
		pipe_pump(&pipe);
		pipe.now_ns += 150000000;
		was_rescued |= pipe.queue.has_rescued;
		if (pipe.queue.has_rescued)
			assert_int_not_equal(pipe.status.memory.unsettled, 0);
	}
	assert_true(was_rescued);
	pipe_settle(&pipe);
	pipe_pump(&pipe);
	assert_int_equal(pipe.status.memory.unsettled, 0);
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
}

static void with_sync_batch_nothing_is_released_before_it_is_synced(void **state)
{
	static struct pipe pipe;

	(void)state;
	pipe_open(&pipe, 1, RING_BYTES);
	pipe.options.sync = SYNC_BATCH;
	pipe_open_queue(&pipe);
	assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
	pipe_drain(&pipe);
	assert_int_equal(queue_close_batch(&pipe.queue, pipe.regions.sources), 0);
	pipe_pump(&pipe);
	pipe_reap(&pipe);
	pipe.fault->is_held = true;
	pipe_pump(&pipe);
	assert_int_equal(pipe.fault->counts[FAULT_FSYNC], 1);
	pipe_reap(&pipe);
	pipe_pump(&pipe);
	assert_int_equal(pipe.producers[0].rings[OTLP_SIGNAL_TRACES].shared->head, 0);
	pipe.fault->is_held = false;
	pipe_reap(&pipe);
	pipe_pump(&pipe);
	assert_true(pipe.producers[0].rings[OTLP_SIGNAL_TRACES].shared->head > 0);
	pipe_settle(&pipe);
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
}

/* Written, and no sync failed that would matter to it: yet only what was synced is trusted. */
static void what_is_behind_the_last_good_sync_is_not_trusted(void **state)
{
	static struct pipe pipe;
	struct data_name *names;
	struct data_dir dir;
	size_t count;

	(void)state;
	pipe_open(&pipe, 2, RING_BYTES);
	pipe.options.sync = SYNC_INTERVAL;
	pipe_open_queue(&pipe);
	pipe.fault->plan =
		(struct fault_plan){.what = FAULT_FSYNC, .first = 1, .times = 1, .error = -EIO};
	push_and_settle(&pipe);
	assert_int_equal(pipe.fault->struck, 1);
	pipe_check_all_once(&pipe);
	assert_int_equal(data_dir_open(pipe.out.fd, "traces", &dir), 0);
	assert_int_equal(data_dir_list(&dir, DATA_BAD, &names, &count), 0);
	assert_int_equal(count, 1);
	assert_true(names[0].trusted_bytes > 0);
	assert_int_equal(names[0].bytes, names[0].trusted_bytes);
	free(names);
	data_dir_close(&dir);
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
}

static void a_sync_under_way_or_a_stall_with_nothing_to_do_lets_the_writer_sleep(void **state)
{
	static struct pipe pipe;

	(void)state;
	pipe_open(&pipe, 1, RING_BYTES);
	pipe.files.rotate_age_ns = 1000;
	pipe_open_queue(&pipe);
	assert_int_equal(queue_deadline_ns(&pipe.queue), INT64_MAX);
	assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
	pipe_drain(&pipe);
	assert_int_equal(queue_close_batch(&pipe.queue, pipe.regions.sources), 0);
	pipe_pump(&pipe);
	pipe_reap(&pipe);
	pipe.fault->is_held = true;
	pipe.now_ns += 2 * QUEUE_SYNC_NS;
	/* The sync is started, and the rotation by age waits for it. */
	pipe.fault->plan = (struct fault_plan){.what = FAULT_FSYNC, .times = 1, .error = -EIO};
	(void)queue_release(&pipe.queue);
	assert_true(pipe.file.destination.written_bytes > 0);
	pipe.file.destination.seal_at_ns = INT64_MAX;
	pipe_pump(&pipe);
	pipe.file.destination.seal_at_ns = pipe.now_ns;
	pipe_pump(&pipe);
	assert_true(pipe.file.destination.sync_in_flight);
	assert_true(queue_deadline_ns(&pipe.queue) > pipe.now_ns);
	pipe.fault->is_held = false;
	pipe_settle(&pipe);
	/* It failed: the file was given up, what was in it is written again, all is well. */
	assert_int_equal(pipe.fault->struck, 1);
	pipe.queue.is_stalled = true;
	pipe.queue.retry_ns = 0;
	assert_int_equal(queue_deadline_ns(&pipe.queue), INT64_MAX);
	pipe_check_all_once(&pipe);
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
}

static void a_stalled_queue_leaves_buffers_to_the_other(void **state)
{
	static struct pipe pipe;
	struct iobuf *buffer;

	(void)state;
	pipe_open(&pipe, 1, UINT64_C(4) << 20);
	pipe_open_queue(&pipe);
	pipe.fault->is_held = true;
	/* Each is larger than a buffer of the pool. */
	for (unsigned i = 0; i < 12; i++)
		assert_true(pipe_push(&pipe, 0, 100000));
	for (unsigned i = 0; i < 40; i++) {
		pipe_drain(&pipe);
		pipe_pump(&pipe);
	}
	assert_int_equal(iobuf_get(pipe.pool, 100000, &buffer), 0);
	iobuf_put(pipe.pool, buffer);
	pipe_drain(&pipe);
	assert_int_equal(queue_close_batch(&pipe.queue, pipe.regions.sources), -EAGAIN);
	assert_int_equal(pipe.file.destination.writes_in_flight, 3);
	pipe.fault->is_held = false;
	pipe_settle(&pipe);
	pipe_check_all_once(&pipe);
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
}

/* The stage's buffer is the job's then, and the job's the stage's. */
static void a_batch_of_one_group_is_written_from_where_it_was_encoded(void **state)
{
	static struct pipe pipe;

	(void)state;
	pipe_open(&pipe, 1, RING_BYTES);
	pipe_open_queue(&pipe);
	for (unsigned batch = 0; batch < 8; batch++) {
		const struct iobuf *const staged = pipe.queue.staged;

		for (unsigned i = 0; i < 5; i++)
			assert_true(pipe_push(&pipe, 0, 1000));
		pipe_drain(&pipe);
		assert_int_equal(queue_close_batch(&pipe.queue, pipe.regions.sources), 0);
		assert_non_null(pipe.queue.jobs);
		/* The first one does not know yet what will stand before its records. */
		assert_int_equal(pipe.queue.jobs->buffer == staged, batch > 0);
		assert_int_equal(pipe.queue.staged == staged, batch == 0);
		assert_true(pipe.queue.staged->in_use);
		pipe_settle(&pipe);
	}
	pipe_check_all_once(&pipe);
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
}

static void what_is_in_a_closed_batch_is_in_flight_until_it_counts(void **state)
{
	static struct pipe pipe;

	(void)state;
	pipe_open(&pipe, 1, RING_BYTES);
	pipe_open_queue(&pipe);
	pipe.fault->is_held = true;
	for (unsigned batch = 1; batch <= 3; batch++) {
		for (unsigned i = 0; i < 5; i++)
			assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
		pipe_drain(&pipe);
		assert_int_equal(queue_inflight_items(&pipe.queue), 5 * (batch - 1));
		assert_int_equal(queue_close_batch(&pipe.queue, pipe.regions.sources), 0);
		assert_int_equal(queue_inflight_items(&pipe.queue), 5 * batch);
		pipe_pump(&pipe);
	}
	/* Each is written to the disk, and none is known to be there. */
	assert_int_equal(queue_inflight_items(&pipe.queue), 15);
	/* What goes wrong is in flight as before, and is tried again. */
	pipe.fault->plan = (struct fault_plan){.what = FAULT_WRITE, .times = 1, .error = -EIO};
	pipe.fault->is_held = false;
	pipe_reap(&pipe);
	assert_int_equal(queue_inflight_items(&pipe.queue) +
				 pipe.status.signals[OTLP_SIGNAL_TRACES].written_items,
			 15);
	pipe_settle(&pipe);
	assert_int_equal(queue_inflight_items(&pipe.queue), 0);
	assert_int_equal(pipe.status.signals[OTLP_SIGNAL_TRACES].written_items, 15);
	pipe_check_all_once(&pipe);
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
}

static void what_one_signal_stalls_for_is_not_taken_away_when_another_goes_on(void **state)
{
	static const char other[] = "metrics: no file can be made: Read-only file system";
	static struct pipe pipe;

	(void)state;
	pipe_open(&pipe, 1, RING_BYTES);
	pipe_open_queue(&pipe);
	strcpy(pipe.status.problems[OTLP_SIGNAL_METRICS], other);
	assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
	pipe.fault->plan = (struct fault_plan){.what = FAULT_WRITE, .times = 1, .error = -ENOSPC};
	pipe_drain(&pipe);
	assert_int_equal(queue_close_batch(&pipe.queue, pipe.regions.sources), 0);
	pipe_pump(&pipe);
	pipe_reap(&pipe);
	pipe_pump(&pipe);
	assert_true(pipe.queue.is_stalled);
	assert_non_null(
		strstr(pipe.status.problems[OTLP_SIGNAL_TRACES], "traces: the disk takes no"));
	pipe_settle(&pipe);
	assert_false(pipe.queue.is_stalled);
	assert_string_equal(pipe.status.problems[OTLP_SIGNAL_TRACES], "");
	assert_string_equal(pipe.status.problems[OTLP_SIGNAL_METRICS], other);
	pipe_check_all_once(&pipe);
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_come_once_from_a_disk_that_is_well),
		cmocka_unit_test(
			a_disk_that_fails_for_long_is_tried_each_second_and_leaves_no_files),
		cmocka_unit_test(a_full_disk_keeps_what_is_written_and_goes_on_when_there_is_room),
		cmocka_unit_test(what_a_failed_sync_lost_is_reported_exactly),
		cmocka_unit_test(what_is_behind_the_last_good_sync_is_not_trusted),
		cmocka_unit_test(nothing_is_released_behind_a_write_that_is_not_complete),
		cmocka_unit_test(a_new_file_waits_for_the_last_write_of_the_old),
		cmocka_unit_test(writes_out_of_order_and_a_kill_between_them_leave_each_span_once),
		cmocka_unit_test(a_kill_at_a_rotation_leaves_each_span_once),
		cmocka_unit_test(with_sync_batch_nothing_is_released_before_it_is_synced),
		cmocka_unit_test(what_stands_in_files_and_the_rings_do_not_know_is_in_the_page),
		cmocka_unit_test(what_was_rescued_is_unsettled_until_it_is_synced),
		cmocka_unit_test(
			a_sync_under_way_or_a_stall_with_nothing_to_do_lets_the_writer_sleep),
		cmocka_unit_test(what_is_in_a_closed_batch_is_in_flight_until_it_counts),
		cmocka_unit_test(what_one_signal_stalls_for_is_not_taken_away_when_another_goes_on),
		cmocka_unit_test(a_stalled_queue_leaves_buffers_to_the_other),
		cmocka_unit_test(a_batch_of_one_group_is_written_from_where_it_was_encoded),
		/* The slow ones last. */
		cmocka_unit_test(every_operation_may_fail_once),
		cmocka_unit_test(every_operation_may_fail_once_where_each_batch_is_synced),
		cmocka_unit_test(every_two_operations_in_a_row_may_fail),
		cmocka_unit_test(what_was_spoiled_is_counted),
		cmocka_unit_test(a_fault_that_lasts_is_said_once_and_so_is_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
