/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink over a disk that fails: whatever goes wrong and whenever, each span is in the files
 * once, the positions of each ring are contiguous, and what is gone is reported.
 */
#include "tests/unit/pipe_fixture.h"

#include <limits.h>

#define RING_BYTES (UINT64_C(256) << 10)
#define SPANS	   160u
#define SPAN_BYTES 2000u

static void push_and_settle(struct pipe *pipe)
{
	for (unsigned i = 0; i < SPANS; i++) {
		for (unsigned region = 0; region < 2; region++)
			while (!pipe_push(pipe, region, SPAN_BYTES)) {
				pipe_reap(pipe);
				pipe_drain(pipe);
				pipe_pump(pipe);
				pipe->now_ns += 50000000;
			}
	}
	pipe_settle(pipe);
}

/* One run with a plan; the operations that there were, or 0 if the plan came too late. */
static unsigned run_with(const struct fault_plan *plan, enum sink_sync sync, bool reversed)
{
	static struct pipe pipe;
	unsigned struck;

	pipe_open(&pipe, 2, RING_BYTES);
	pipe.options.sync = sync;
	pipe.options.rotate_bytes = 192 << 10;
	pipe_open_sink(&pipe);
	pipe.fault->plan = *plan;
	pipe.fault->is_reversed = reversed;
	push_and_settle(&pipe);
	struck = pipe.fault->struck;
	assert_int_equal(pipe.status.signals[BATCH_TRACES].written_items, 2 * SPANS);
	assert_int_equal(pipe.status.signals[BATCH_TRACES].lost_items, 0);
	pipe_check_all_once(&pipe);
	pipe_close_sink(&pipe);
	pipe_close(&pipe);
	return struck;
}

static void spans_come_once_from_a_disk_that_is_well(void **state)
{
	static const enum sink_sync syncs[] = {SINK_SYNC_INTERVAL, SINK_SYNC_BATCH, SINK_SYNC_NONE};
	const struct fault_plan none = {.times = 0};
	unsigned descriptors = count_descriptors();

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(syncs); i++) {
		assert_int_equal(run_with(&none, syncs[i], false), 0);
		assert_int_equal(run_with(&none, syncs[i], true), 0);
	}
	assert_int_equal(count_descriptors(), descriptors);
}

static void every_operation_may_fail_once(void **state)
{
	static const int errors[] = {-EIO, -ENOSPC, -EINTR, -EAGAIN, -EDQUOT, -EROFS, 0};
	unsigned descriptors = count_descriptors();

	(void)state;
	for (unsigned e = 0; e < COUNT_OF(errors); e++) {
		for (unsigned half = 0; half < 2; half++) {
			struct fault_plan plan = {.what = FAULT_ANY,
						  .times = 1,
						  .error = errors[e],
						  .is_half_done = half != 0};

			while (run_with(&plan, SINK_SYNC_INTERVAL, half != 0) > 0)
				plan.first += 2 - half;
			assert_true(plan.first > 8);
		}
	}
	assert_int_equal(count_descriptors(), descriptors);
}

static void every_operation_may_fail_once_where_each_batch_is_synced(void **state)
{
	static const int errors[] = {-EIO, -ENOSPC};

	(void)state;
	for (unsigned e = 0; e < COUNT_OF(errors); e++) {
		struct fault_plan plan = {.what = FAULT_ANY, .times = 2, .error = errors[e]};

		while (run_with(&plan, SINK_SYNC_BATCH, true) > 0)
			plan.first += 2;
		assert_true(plan.first > 8);
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
	pipe_open_sink(&pipe);
	pipe.fault->plan =
		(struct fault_plan){.what = FAULT_WRITE, .times = UINT_MAX, .error = -EIO};
	assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
	pipe_drain(&pipe);
	assert_int_equal(sink_close_batch(&pipe.sink, pipe.regions.sources), 0);
	for (unsigned second = 0; second < 20; second++) {
		unsigned struck = pipe.fault->struck;

		pipe_pump(&pipe);
		pipe_reap(&pipe);
		pipe_pump(&pipe);
		assert_true(pipe.fault->struck - struck <= 1);
		/* Said to be stalled all the time: no file that was made changes that. */
		assert_true(pipe.sink.is_stalled);
		/* The writer may sleep until then. */
		assert_true(sink_deadline_ns(&pipe.sink) > pipe.now_ns);
		pipe.now_ns += SINK_RETRY_NS;
	}
	assert_true(pipe.fault->struck > 10);
	assert_int_equal(data_dir_open(pipe.out.fd, "traces", &dir), 0);
	assert_int_equal(data_dir_list(&dir, DATA_ALL_KINDS, &names, &count), 0);
	assert_true(count <= 1);
	free(names);
	data_dir_close(&dir);
	pipe.fault->plan.times = 0;
	pipe_settle(&pipe);
	assert_false(pipe.sink.is_stalled);
	pipe_check_all_once(&pipe);
	pipe_close_sink(&pipe);
	pipe_close(&pipe);
}

static void a_full_disk_keeps_what_is_written_and_goes_on_when_there_is_room(void **state)
{
	static struct pipe pipe;
	uint64_t released;

	(void)state;
	pipe_open(&pipe, 2, RING_BYTES);
	pipe_open_sink(&pipe);
	for (unsigned i = 0; i < 40; i++)
		assert_true(pipe_push(&pipe, i % 2, SPAN_BYTES));
	pipe.fault->plan = (struct fault_plan){
		.what = FAULT_WRITE, .first = 1, .times = UINT_MAX, .error = -ENOSPC};
	for (unsigned i = 0; i < 50; i++) {
		pipe_drain(&pipe);
		(void)sink_close_batch(&pipe.sink, pipe.regions.sources);
		pipe_pump(&pipe);
		pipe_reap(&pipe);
		pipe.now_ns += 100000000;
	}
	assert_true(pipe.want_space_calls > 0);
	assert_true(pipe.sink.is_stalled);
	released = pipe.status.signals[BATCH_TRACES].written_items;
	assert_true(released > 0 && released < 40);
	pipe.fault->plan.times = 0;
	pipe_settle(&pipe);
	pipe_check_all_once(&pipe);
	pipe_close_sink(&pipe);
	pipe_close(&pipe);
}

static void what_a_failed_sync_lost_is_reported_exactly(void **state)
{
	static struct pipe pipe;
	static struct pipe_found found;
	uint64_t missing = 0;

	(void)state;
	pipe_open(&pipe, 2, RING_BYTES);
	pipe.options.sync = SINK_SYNC_INTERVAL;
	pipe_open_sink(&pipe);
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
		assert_int_equal(found.next[region],
				 pipe.producers[region].rings[RING_SPANS].shared->tail);
	}
	assert_true(missing > 0);
	assert_int_equal(found.lost, missing);
	assert_true(found.final_flags & BATCH_ENTRY_LOST);
	assert_int_equal(pipe.status.signals[BATCH_TRACES].lost_items, missing);
	assert_int_equal(pipe.status.signals[BATCH_TRACES].written_items, 2 * SPANS - missing);
	pipe_close_sink(&pipe);
	pipe_close(&pipe);
}

static void nothing_is_released_behind_a_write_that_is_not_complete(void **state)
{
	static struct pipe pipe;
	struct io_result results[8];
	uint64_t head;

	(void)state;
	pipe_open(&pipe, 1, RING_BYTES);
	pipe_open_sink(&pipe);
	pipe.fault->is_reversed = true;
	for (unsigned batch = 0; batch < 3; batch++) {
		assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
		pipe_drain(&pipe);
		assert_int_equal(sink_close_batch(&pipe.sink, pipe.regions.sources), 0);
	}
	pipe_pump(&pipe);
	assert_int_equal(pipe.sink.writes_in_flight, 3);
	head = pipe.producers[0].rings[RING_SPANS].shared->head;
	for (unsigned done = 0; done < 3; done++) {
		assert_int_equal(pipe.producers[0].rings[RING_SPANS].shared->head, head);
		/* The fault backend gives the last one first; io hands them on one by one. */
		assert_int_equal(io_reap(pipe.io, results, 1, 0), 1);
		sink_complete(&results[0], pipe.now_ns);
		pipe_pump(&pipe);
	}
	assert_true(pipe.producers[0].rings[RING_SPANS].shared->head > head);
	pipe_settle(&pipe);
	pipe_check_all_once(&pipe);
	pipe_close_sink(&pipe);
	pipe_close(&pipe);
}

static void a_new_file_waits_for_the_last_write_of_the_old(void **state)
{
	static struct pipe pipe;

	(void)state;
	pipe_open(&pipe, 1, RING_BYTES);
	pipe_open_sink(&pipe);
	pipe.fault->is_held = true;
	assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
	pipe_drain(&pipe);
	assert_int_equal(sink_close_batch(&pipe.sink, pipe.regions.sources), 0);
	pipe_pump(&pipe);
	pipe.sink.wants_rotation = true;
	assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
	pipe_drain(&pipe);
	assert_int_equal(sink_close_batch(&pipe.sink, pipe.regions.sources), 0);
	pipe_pump(&pipe);
	assert_int_equal(pipe.fault->counts[FAULT_WRITE], 1);
	pipe.fault->is_held = false;
	pipe_reap(&pipe);
	pipe_pump(&pipe);
	assert_int_equal(pipe.fault->counts[FAULT_WRITE], 2);
	assert_int_equal(pipe.status.signals[BATCH_TRACES].files_sealed, 1);
	pipe_settle(&pipe);
	pipe_check_all_once(&pipe);
	pipe_close_sink(&pipe);
	pipe_close(&pipe);
}

static void with_sync_batch_nothing_is_released_before_it_is_synced(void **state)
{
	static struct pipe pipe;

	(void)state;
	pipe_open(&pipe, 1, RING_BYTES);
	pipe.options.sync = SINK_SYNC_BATCH;
	pipe_open_sink(&pipe);
	assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
	pipe_drain(&pipe);
	assert_int_equal(sink_close_batch(&pipe.sink, pipe.regions.sources), 0);
	pipe_pump(&pipe);
	pipe_reap(&pipe);
	pipe.fault->is_held = true;
	pipe_pump(&pipe);
	assert_int_equal(pipe.fault->counts[FAULT_FSYNC], 1);
	pipe_reap(&pipe);
	pipe_pump(&pipe);
	assert_int_equal(pipe.producers[0].rings[RING_SPANS].shared->head, 0);
	pipe.fault->is_held = false;
	pipe_reap(&pipe);
	pipe_pump(&pipe);
	assert_true(pipe.producers[0].rings[RING_SPANS].shared->head > 0);
	pipe_settle(&pipe);
	pipe_close_sink(&pipe);
	pipe_close(&pipe);
}

static void a_failed_file_is_kept_while_anything_of_it_is_in_flight(void **state)
{
	static struct pipe pipe;
	struct io_result result;

	(void)state;
	pipe_open(&pipe, 1, RING_BYTES);
	pipe_open_sink(&pipe);
	pipe.fault->plan = (struct fault_plan){.what = FAULT_WRITE, .times = 1, .error = -EIO};
	for (unsigned batch = 0; batch < 3; batch++) {
		assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
		pipe_drain(&pipe);
		assert_int_equal(sink_close_batch(&pipe.sink, pipe.regions.sources), 0);
	}
	pipe_pump(&pipe);
	for (unsigned left = 3; left > 0; left--) {
		assert_int_equal(pipe.sink.writes_in_flight, left);
		assert_int_equal(pipe.fault->counts[FAULT_WRITE], 3);
		assert_true(pipe.sink.file.fd >= 0);
		assert_int_equal(io_reap(pipe.io, &result, 1, 0), 1);
		sink_complete(&result, pipe.now_ns);
		pipe_pump(&pipe);
	}
	assert_int_equal(pipe.sink.file.fd, -1);
	pipe_settle(&pipe);
	pipe_check_all_once(&pipe);
	pipe_close_sink(&pipe);
	pipe_close(&pipe);
}

/* The sync begins while the second batch is being written, and ends before that or after it. */
static void sync_beside_a_write(bool write_ends_first)
{
	static struct pipe pipe;
	const struct ring_shared *shared;
	struct io_result result;
	uint64_t first;

	pipe_open(&pipe, 1, RING_BYTES);
	pipe.options.sync = SINK_SYNC_BATCH;
	pipe_open_sink(&pipe);
	shared = pipe.producers[0].rings[RING_SPANS].shared;
	assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
	first = shared->tail;
	pipe_drain(&pipe);
	assert_int_equal(sink_close_batch(&pipe.sink, pipe.regions.sources), 0);
	pipe_pump(&pipe);
	pipe_reap(&pipe);
	assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
	pipe_drain(&pipe);
	assert_int_equal(sink_close_batch(&pipe.sink, pipe.regions.sources), 0);
	pipe.fault->is_reversed = !write_ends_first;
	pipe_pump(&pipe);
	assert_true(pipe.sink.sync_in_flight);
	assert_int_equal(pipe.sink.writes_in_flight, 1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(io_reap(pipe.io, &result, 1, 0), 1);
		sink_complete(&result, pipe.now_ns);
		(void)sink_release_ready(&pipe.sink);
	}
	assert_false(pipe.sink.sync_in_flight);
	assert_int_equal(pipe.sink.writes_in_flight, 0);
	assert_int_equal(shared->head, first);
	pipe_settle(&pipe);
	assert_int_equal(shared->head, shared->tail);
	pipe_check_all_once(&pipe);
	pipe_close_sink(&pipe);
	pipe_close(&pipe);
}

static void a_sync_covers_what_was_written_when_it_began(void **state)
{
	(void)state;
	sync_beside_a_write(false);
	sync_beside_a_write(true);
}

static void a_sync_under_way_or_a_stall_with_nothing_to_do_lets_the_writer_sleep(void **state)
{
	static struct pipe pipe;

	(void)state;
	pipe_open(&pipe, 1, RING_BYTES);
	pipe.options.rotate_age_ns = 1000;
	pipe_open_sink(&pipe);
	assert_int_equal(sink_deadline_ns(&pipe.sink), INT64_MAX);
	assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
	pipe_drain(&pipe);
	assert_int_equal(sink_close_batch(&pipe.sink, pipe.regions.sources), 0);
	pipe_pump(&pipe);
	pipe_reap(&pipe);
	pipe.fault->is_held = true;
	pipe.now_ns += 2 * SINK_SYNC_NS;
	/* The sync is started, and the rotation by age waits for it. */
	pipe.fault->plan = (struct fault_plan){.what = FAULT_FSYNC, .times = 1, .error = -EIO};
	(void)sink_release_ready(&pipe.sink);
	assert_true(pipe.sink.written_bytes > 0);
	pipe.options.rotate_age_ns = 0;
	pipe_pump(&pipe);
	pipe.options.rotate_age_ns = 1000;
	pipe_pump(&pipe);
	assert_true(pipe.sink.sync_in_flight);
	assert_true(sink_deadline_ns(&pipe.sink) > pipe.now_ns);
	pipe.fault->is_held = false;
	pipe_settle(&pipe);
	/* It failed: the file was given up, what was in it is written again, all is well. */
	assert_int_equal(pipe.fault->struck, 1);
	pipe.sink.is_stalled = true;
	pipe.sink.retry_ns = 0;
	assert_int_equal(sink_deadline_ns(&pipe.sink), INT64_MAX);
	pipe_check_all_once(&pipe);
	pipe_close_sink(&pipe);
	pipe_close(&pipe);
}

static void a_stalled_sink_leaves_buffers_to_the_other(void **state)
{
	static struct pipe pipe;
	struct iobuf *buffer;

	(void)state;
	pipe_open(&pipe, 1, UINT64_C(4) << 20);
	pipe_open_sink(&pipe);
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
	assert_int_equal(sink_close_batch(&pipe.sink, pipe.regions.sources), -EAGAIN);
	assert_int_equal(pipe.sink.writes_in_flight, 3);
	pipe.fault->is_held = false;
	pipe_settle(&pipe);
	pipe_check_all_once(&pipe);
	pipe_close_sink(&pipe);
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
		cmocka_unit_test(nothing_is_released_behind_a_write_that_is_not_complete),
		cmocka_unit_test(a_new_file_waits_for_the_last_write_of_the_old),
		cmocka_unit_test(with_sync_batch_nothing_is_released_before_it_is_synced),
		cmocka_unit_test(a_failed_file_is_kept_while_anything_of_it_is_in_flight),
		cmocka_unit_test(a_sync_covers_what_was_written_when_it_began),
		cmocka_unit_test(
			a_sync_under_way_or_a_stall_with_nothing_to_do_lets_the_writer_sleep),
		cmocka_unit_test(a_stalled_sink_leaves_buffers_to_the_other),
		/* The slow ones last. */
		cmocka_unit_test(every_operation_may_fail_once),
		cmocka_unit_test(every_operation_may_fail_once_where_each_batch_is_synced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
