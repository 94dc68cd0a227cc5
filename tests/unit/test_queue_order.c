/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of what the queue does: what is written, synced, given back and named when one step is
 * held up, fails, or is the last one before a kill.
 */
#include "core/record/signal.h"
#include "tests/unit/pipe_fixture.h"

#define RING_BYTES (UINT64_C(256) << 10)
#define SPAN_BYTES 2000u

static void close_one_batch(struct pipe *pipe)
{
	assert_true(pipe_push(pipe, 0, SPAN_BYTES));
	pipe_drain(pipe);
	assert_int_equal(queue_close_batch(&pipe->queue, pipe->regions.sources), 0);
}

/* What it checks in a child, where some call fails; and the end of the pipe. */
static void expect_in_child(int (*check)(void *), struct pipe *pipe)
{
	int rc = run_in_child(check, pipe);

	pipe_close_queue(pipe);
	pipe_close(pipe);
	if (rc == CHILD_SKIP)
		skip();
	assert_int_equal(rc, 0);
}

/* One batch is written and not synced; the next one fails for want of space, or wants a new file.
 */
static uint64_t prepare_two_batches(struct pipe *pipe, bool next_fails)
{
	uint64_t first;

	pipe_open(pipe, 1, RING_BYTES);
	pipe->options.sync = SYNC_BATCH;
	pipe_open_queue(pipe);
	close_one_batch(pipe);
	first = pipe->producers[0].rings[OTLP_SIGNAL_TRACES].shared->tail;
	assert_true(pipe_push(pipe, 0, SPAN_BYTES));
	pipe_drain(pipe);
	if (next_fails) {
		assert_int_equal(queue_close_batch(&pipe->queue, pipe->regions.sources), 0);
		pipe->fault->plan = (struct fault_plan){
			.what = FAULT_WRITE, .first = 1, .times = 1, .error = -ENOSPC};
	}
	pipe_pump(pipe);
	pipe_reap(pipe);
	if (!next_fails) {
		assert_int_equal(queue_close_batch(&pipe->queue, pipe->regions.sources), 0);
		queue_rotate(&pipe->queue);
	}
	return first;
}

struct until {
	struct pipe *pipe;
	long call;
};

static int pump_until(void *context)
{
	const struct until *until = context;

	if (refuse(until->call, ANY_ARGUMENT, 0, 0) < 0)
		return CHILD_SKIP;
	for (unsigned i = 0; i < 100; i++) {
		pipe_reap(until->pipe);
		pipe_pump(until->pipe);
	}
	return 0;
}

/* In a child that is killed at that call: how far is the ring given back by then? */
static void expect_head_at(bool next_fails, long call, bool is_given_back)
{
	static struct pipe pipe;
	struct until until = {.pipe = &pipe, .call = call};
	uint64_t first = prepare_two_batches(&pipe, next_fails);
	int rc = run_in_child(pump_until, &until);

	if (rc != CHILD_SKIP) {
		assert_int_equal(rc, KILLED);
		assert_int_equal(pipe.producers[0].rings[OTLP_SIGNAL_TRACES].shared->head,
				 is_given_back ? first : 0);
	}
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
	if (rc == CHILD_SKIP)
		skip();
}

/* Recovery looks into open files alone: what is sealed must have been given back. */
static void with_sync_batch_a_full_file_is_synced_and_given_back_before_it_is_sealed(void **state)
{
	(void)state;
	expect_head_at(true, SYS_fdatasync, false);
	expect_head_at(true, SYS_renameat2, true);
}

static void with_sync_batch_a_rotated_file_is_given_back_before_it_is_sealed(void **state)
{
	(void)state;
	expect_head_at(false, SYS_fdatasync, false);
	expect_head_at(false, SYS_renameat2, true);
}

static int make_no_file(void *context)
{
	struct pipe *pipe = context;

	if (refuse(SYS_fallocate, ANY_ARGUMENT, 0, ENOSPC) < 0)
		return CHILD_SKIP;
	pipe_pump(pipe);
	CHECK(pipe->queue.is_stalled);
	CHECK(!pipe->file.destination.is_open);
	CHECK(pipe->want_space_calls == 1);
	return 0;
}

static void a_file_that_finds_no_room_asks_for_some(void **state)
{
	static struct pipe pipe;

	(void)state;
	pipe_open(&pipe, 1, RING_BYTES);
	pipe_open_queue(&pipe);
	close_one_batch(&pipe);
	expect_in_child(make_no_file, &pipe);
}

/* After a good sync a bad one, and the failed file cannot get its name. */
static int give_up_without_renaming(void *context)
{
	struct pipe *pipe = context;
	struct data_name *names;
	struct data_dir dir;
	size_t count;

	if (refuse(SYS_renameat2, ANY_ARGUMENT, 0, EIO) < 0)
		return CHILD_SKIP;
	for (unsigned i = 0; i < 100; i++) {
		pipe_reap(pipe);
		pipe_pump(pipe);
		pipe->now_ns += 100000000;
	}
	CHECK(pipe->fault->struck == 1);
	CHECK(pipe->queue.is_stalled);
	CHECK(!pipe->file.destination.is_open);
	CHECK(data_dir_open(pipe->out.fd, "traces", &dir) == 0);
	CHECK(data_dir_list(&dir, DATA_ALL_KINDS, &names, &count) == 0);
	CHECK(count == 1);
	free(names);
	return 0;
}

static void a_failed_file_gets_its_name_before_there_is_another(void **state)
{
	static struct pipe pipe;

	(void)state;
	pipe_open(&pipe, 1, RING_BYTES);
	pipe.options.sync = SYNC_BATCH;
	pipe_open_queue(&pipe);
	for (unsigned batch = 0; batch < 2; batch++) {
		close_one_batch(&pipe);
		for (unsigned i = 0; i < 3 && batch == 0; i++) {
			pipe_pump(&pipe);
			pipe_reap(&pipe);
		}
	}
	assert_true(pipe.file.destination.synced_bytes > 0);
	pipe.fault->plan =
		(struct fault_plan){.what = FAULT_FSYNC, .first = 1, .times = 1, .error = -EIO};
	expect_in_child(give_up_without_renaming, &pipe);
}

static void a_failed_file_is_kept_while_anything_of_it_is_in_flight(void **state)
{
	static struct pipe pipe;
	struct io_result result;

	(void)state;
	pipe_open(&pipe, 1, RING_BYTES);
	pipe_open_queue(&pipe);
	pipe.fault->plan = (struct fault_plan){.what = FAULT_WRITE, .times = 1, .error = -EIO};
	for (unsigned batch = 0; batch < 3; batch++) {
		assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
		pipe_drain(&pipe);
		assert_int_equal(queue_close_batch(&pipe.queue, pipe.regions.sources), 0);
	}
	pipe_pump(&pipe);
	for (unsigned left = 3; left > 0; left--) {
		assert_int_equal(pipe.file.destination.writes_in_flight, left);
		assert_int_equal(pipe.fault->counts[FAULT_WRITE], 3);
		assert_true(pipe.file.destination.is_open);
		assert_int_equal(io_reap(pipe.io, &result, 1, 0), 1);
		queue_complete(&result, pipe.now_ns);
		pipe_pump(&pipe);
	}
	assert_int_equal(pipe.file.file.fd, -1);
	pipe_settle(&pipe);
	pipe_check_all_once(&pipe);
	pipe_close_queue(&pipe);
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
	pipe.options.sync = SYNC_BATCH;
	pipe_open_queue(&pipe);
	shared = pipe.producers[0].rings[OTLP_SIGNAL_TRACES].shared;
	assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
	first = shared->tail;
	pipe_drain(&pipe);
	assert_int_equal(queue_close_batch(&pipe.queue, pipe.regions.sources), 0);
	pipe_pump(&pipe);
	pipe_reap(&pipe);
	assert_true(pipe_push(&pipe, 0, SPAN_BYTES));
	pipe_drain(&pipe);
	assert_int_equal(queue_close_batch(&pipe.queue, pipe.regions.sources), 0);
	pipe.fault->is_reversed = !write_ends_first;
	pipe_pump(&pipe);
	assert_true(pipe.file.destination.sync_in_flight);
	assert_int_equal(pipe.file.destination.writes_in_flight, 1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(io_reap(pipe.io, &result, 1, 0), 1);
		queue_complete(&result, pipe.now_ns);
		(void)queue_release(&pipe.queue);
	}
	assert_false(pipe.file.destination.sync_in_flight);
	assert_int_equal(pipe.file.destination.writes_in_flight, 0);
	assert_int_equal(shared->head, first);
	pipe_settle(&pipe);
	assert_int_equal(shared->head, shared->tail);
	pipe_check_all_once(&pipe);
	pipe_close_queue(&pipe);
	pipe_close(&pipe);
}

static void a_sync_covers_what_was_written_when_it_began(void **state)
{
	(void)state;
	sync_beside_a_write(false);
	sync_beside_a_write(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			with_sync_batch_a_full_file_is_synced_and_given_back_before_it_is_sealed),
		cmocka_unit_test(with_sync_batch_a_rotated_file_is_given_back_before_it_is_sealed),
		cmocka_unit_test(a_file_that_finds_no_room_asks_for_some),
		cmocka_unit_test(a_failed_file_gets_its_name_before_there_is_another),
		cmocka_unit_test(a_failed_file_is_kept_while_anything_of_it_is_in_flight),
		cmocka_unit_test(a_sync_covers_what_was_written_when_it_began),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
