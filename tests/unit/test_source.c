/* SPDX-License-Identifier: Apache-2.0 */
/* One region's way through the writer: what is taken, given back, closed, and not believed. */
#include "core/record/signal.h"
#include "tests/unit/pipe_fixture.h"

#include "base/guard.h"

#define RING_BYTES (UINT64_C(64) << 10)

static struct pipe fixture;

static int setup(void **state)
{
	pipe_open(&fixture, 1, RING_BYTES);
	pipe_open_queue(&fixture);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pipe_close_queue(&fixture);
	pipe_close(&fixture);
	return 0;
}

static struct source *only_source(struct pipe *pipe)
{
	assert_int_equal(pipe->regions.count, 1);
	return pipe->regions.sources;
}

static enum drain_end drain(struct pipe *pipe, enum otlp_signal signal)
{
	return source_drain(only_source(pipe), signal, &pipe->drain, pipe->queue.stage, 0);
}

static struct ring_shared *shared(struct pipe *pipe)
{
	return pipe->producers[0].rings[OTLP_SIGNAL_TRACES].shared;
}

/* Armed: at the next look at whether it lives, the producer has a last word first, and dies. */
static struct pipe *last_word;

int __real_region_is_alive(const struct region_view *view);
int __wrap_region_is_alive(const struct region_view *view);

int __wrap_region_is_alive(const struct region_view *view)
{
	struct pipe *pipe = last_word;

	last_word = NULL;
	if (pipe != NULL) {
		assert_true(pipe_push(pipe, 0, 100));
		region_close(&pipe->producers[0]);
	}
	return __real_region_is_alive(view);
}

/* Armed: the region is cut when its rings' positions are about to be read. */
static int cut_fd = -1;

int __real_ring_reader_init(struct ring_reader *reader, struct ring_shared *shared, uint8_t *data,
			    uint64_t bytes, bool writable);
int __wrap_ring_reader_init(struct ring_reader *reader, struct ring_shared *shared, uint8_t *data,
			    uint64_t bytes, bool writable);

int __wrap_ring_reader_init(struct ring_reader *reader, struct ring_shared *shared, uint8_t *data,
			    uint64_t bytes, bool writable)
{
	if (cut_fd >= 0)
		assert_int_equal(ftruncate(cut_fd, LAYOUT_PAGE_BYTES), 0);
	cut_fd = -1;
	return __real_ring_reader_init(reader, shared, data, bytes, writable);
}

static void die(struct pipe *pipe)
{
	region_close(&pipe->producers[0]);
	source_check_alive(only_source(pipe));
	assert_true(only_source(pipe)->is_dead);
}

static void a_record_is_taken_and_named_and_its_space_comes_back(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);
	struct batch_entry entry;
	struct ring_done done;

	assert_true(pipe_push(pipe, 0, 100));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_true(source_has_taken(source, OTLP_SIGNAL_TRACES));
	done = source_ring(source, OTLP_SIGNAL_TRACES)->staged;
	source_take_entry(source, OTLP_SIGNAL_TRACES, &entry);
	assert_false(source_has_taken(source, OTLP_SIGNAL_TRACES));
	assert_int_equal(entry.from, 0);
	assert_int_equal(entry.to, shared(pipe)->tail);
	assert_int_equal(entry.written_items, 1);
	assert_int_equal(entry.flags, 0);
	assert_int_equal(shared(pipe)->head, 0);
	assert_false(source_release(source, OTLP_SIGNAL_TRACES, &done, false));
	assert_int_equal(shared(pipe)->head, entry.to);
}

static void a_flush_is_wanted_until_its_records_are_released(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);
	struct batch_entry entry;
	struct ring_done done;

	assert_true(pipe_push(pipe, 0, 100));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_false(source_wants_flush(source, OTLP_SIGNAL_TRACES));
	assert_false(source_has_news(source));
	shared(pipe)->flush_to = shared(pipe)->tail;
	assert_true(source_has_news(source));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_false(source_has_news(source));
	assert_true(source_wants_flush(source, OTLP_SIGNAL_TRACES));
	done = source_ring(source, OTLP_SIGNAL_TRACES)->staged;
	source_take_entry(source, OTLP_SIGNAL_TRACES, &entry);
	assert_false(source_wants_flush(source, OTLP_SIGNAL_TRACES));
	assert_true(source_release(source, OTLP_SIGNAL_TRACES, &done, false));
}

static void a_flush_of_what_has_its_space_back_is_told_once(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);
	struct batch_entry entry;
	struct ring_done done;

	assert_true(pipe_push(pipe, 0, 100));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	done = source_ring(source, OTLP_SIGNAL_TRACES)->staged;
	source_take_entry(source, OTLP_SIGNAL_TRACES, &entry);
	assert_false(source_release(source, OTLP_SIGNAL_TRACES, &done, false));
	assert_false(source_take_late_flush(source));
	/* It looked at the head before the release, and its own word came behind it. */
	shared(pipe)->flush_to = shared(pipe)->tail;
	assert_true(source_has_news(source));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_false(source_wants_flush(source, OTLP_SIGNAL_TRACES));
	assert_true(source_take_late_flush(source));
	assert_false(source_take_late_flush(source));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_false(source_take_late_flush(source));
	/* One that has something to wait for is told by the release. */
	assert_true(pipe_push(pipe, 0, 100));
	shared(pipe)->flush_to = shared(pipe)->tail;
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_false(source_take_late_flush(source));
	assert_true(source_wants_flush(source, OTLP_SIGNAL_TRACES));
}

/* Its commit wakes nobody, and no claim behind it passes half any more. */
static void a_claim_that_holds_up_more_than_half_a_ring_or_a_flush_is_waited_for(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);
	struct ring_claim claim = {0};

	assert_true(ring_claim(&pipe->producers[0].rings[OTLP_SIGNAL_TRACES], 100, 1, &claim));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_true(source_ring(source, OTLP_SIGNAL_TRACES)->is_busy);
	assert_false(source_waits_for_claim(source));
	shared(pipe)->flush_to = shared(pipe)->tail;
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_true(source_waits_for_claim(source));
	shared(pipe)->flush_to = 0;
	while (shared(pipe)->tail <= RING_BYTES / 2)
		assert_true(pipe_push(pipe, 0, 1000));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_false(source_has_news(source));
	assert_true(source_waits_for_claim(source));
	ring_abort(&pipe->producers[0].rings[OTLP_SIGNAL_TRACES], &claim);
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_QUOTA);
	assert_false(source_waits_for_claim(source));
}

static void a_quarter_of_a_ring_wants_its_release(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);

	for (unsigned i = 0; i < 8; i++)
		assert_true(pipe_push(pipe, 0, 1900));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_false(source_wants_release(source, OTLP_SIGNAL_TRACES));
	for (unsigned i = 0; i < 2; i++)
		assert_true(pipe_push(pipe, 0, 1900));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_true(source_wants_release(source, OTLP_SIGNAL_TRACES));
}

static void a_limited_source_takes_nothing_that_is_pushed_later(void **state)
{
	struct pipe *pipe = *state;
	uint64_t limit;

	assert_true(pipe_push(pipe, 0, 100));
	limit = shared(pipe)->tail;
	source_limit(only_source(pipe));
	assert_true(pipe_push(pipe, 0, 100));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_int_equal(source_ring(only_source(pipe), OTLP_SIGNAL_TRACES)->reader.read, limit);
	die(pipe);
	/* Dead, and yet not over: the rest is for the next writer. */
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_false(source_is_final_due(only_source(pipe), OTLP_SIGNAL_TRACES));
}

/* Where the writer stops, what it waits for would never come. */
static void a_tail_that_goes_back_breaks_its_region(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);
	uint64_t tail;

	assert_true(pipe_push(pipe, 0, 100));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	tail = shared(pipe)->tail;
	assert_true(pipe_push(pipe, 0, 100));
	source_limit(source);
	shared(pipe)->tail = tail;
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_BROKEN);
}

static void a_claim_holds_up_its_ring_until_its_producer_is_dead(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);
	struct batch_entry entry;
	struct ring_claim claim = {0};

	assert_true(ring_claim(&pipe->producers[0].rings[OTLP_SIGNAL_TRACES], 100, 1, &claim));
	assert_true(pipe_push(pipe, 0, 100));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_true(source_ring(source, OTLP_SIGNAL_TRACES)->is_busy);
	assert_false(source_has_taken(source, OTLP_SIGNAL_TRACES));
	assert_false(source_has_news(source));
	die(pipe);
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_false(source_ring(source, OTLP_SIGNAL_TRACES)->is_busy);
	source_take_entry(source, OTLP_SIGNAL_TRACES, &entry);
	assert_int_equal(entry.written_items, 1);
	assert_int_equal(entry.torn_bytes, entry_bytes(100));
	assert_int_equal(entry.flags, BATCH_ENTRY_FINAL | BATCH_ENTRY_CLOSED);
}

/* Dead and then empty is the end. Empty and then dead is not: there was time for one more. */
static void what_is_pushed_just_before_the_death_is_taken(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);
	struct batch_entry entry;

	assert_true(pipe_push(pipe, 0, 100));
	last_word = pipe;
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_false(source_is_final_due(source, OTLP_SIGNAL_TRACES));
	source_check_alive(source);
	assert_true(source->is_dead);
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	source_take_entry(source, OTLP_SIGNAL_TRACES, &entry);
	assert_int_equal(entry.written_items, 2);
	assert_int_equal(entry.flags, BATCH_ENTRY_FINAL | BATCH_ENTRY_CLOSED);
}

static void a_claim_that_was_given_up_counts_as_nothing(void **state)
{
	struct pipe *pipe = *state;
	struct ring_claim claim = {0};
	struct batch_entry entry;

	assert_true(ring_claim(&pipe->producers[0].rings[OTLP_SIGNAL_TRACES], 100, 1, &claim));
	ring_abort(&pipe->producers[0].rings[OTLP_SIGNAL_TRACES], &claim);
	assert_true(pipe_push(pipe, 0, 100));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	source_take_entry(only_source(pipe), OTLP_SIGNAL_TRACES, &entry);
	assert_int_equal(entry.written_items, 1);
	assert_int_equal(entry.invalid_items, 0);
	assert_int_equal(entry.torn_bytes, 0);
	assert_int_equal(entry.to, shared(pipe)->tail);
}

static void an_entry_says_how_many_items_came_before_it(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);
	struct batch_entry entry;

	/* As a recovery may leave them. */
	source_ring(source, OTLP_SIGNAL_TRACES)->staged.totals =
		(struct ring_totals){.written_items = 100, .invalid_items = 20, .lost_items = 3};
	source_take_entry(source, OTLP_SIGNAL_TRACES, &entry);
	assert_true(pipe_push(pipe, 0, 100));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	source_take_entry(source, OTLP_SIGNAL_TRACES, &entry);
	assert_int_equal(entry.items_before, 123);
	assert_int_equal(entry.written_items, 1);
	source_take_entry(source, OTLP_SIGNAL_TRACES, &entry);
	assert_int_equal(entry.items_before, 124);
}

/* Its drops are news, though nothing ever went through it. */
static void a_ring_that_only_dropped_has_a_last_entry_too(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);
	struct batch_entry entry;

	atomic_store_relaxed_u64(&shared(pipe)->dropped_full_items, 1);
	atomic_store_relaxed_u64(&shared(pipe)->dropped_too_large_items, 2);
	atomic_store_relaxed_u64(&shared(pipe)->dropped_invalid_items, 3);
	atomic_store_relaxed_u64(&shared(pipe)->accepted_items, 4);
	die(pipe);
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_int_equal(drain(pipe, OTLP_SIGNAL_METRICS), DRAIN_EMPTY);
	assert_true(source_is_final_due(source, OTLP_SIGNAL_TRACES));
	assert_false(source_is_final_due(source, OTLP_SIGNAL_METRICS));
	assert_false(source_is_finished(source));
	source_take_entry(source, OTLP_SIGNAL_TRACES, &entry);
	assert_int_equal(entry.dropped_full_items, 1);
	assert_int_equal(entry.dropped_too_large_items, 2);
	assert_int_equal(entry.dropped_invalid_items, 3);
	assert_int_equal(entry.accepted_items, 4);
	assert_int_equal(entry.from, entry.to);
	assert_int_equal(entry.flags, BATCH_ENTRY_FINAL | BATCH_ENTRY_CLOSED);
}

static void an_invalid_record_is_counted_and_skipped(void **state)
{
	struct pipe *pipe = *state;
	struct batch_entry entry;
	struct ring_claim claim = {0};

	assert_true(ring_claim(&pipe->producers[0].rings[OTLP_SIGNAL_TRACES], 64, 1, &claim));
	memset(claim.payload, 0xff, 64);
	ring_commit(&claim);
	assert_true(pipe_push(pipe, 0, 100));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	source_take_entry(only_source(pipe), OTLP_SIGNAL_TRACES, &entry);
	assert_int_equal(entry.invalid_items, 1);
	assert_int_equal(entry.written_items, 1);
}

/* Whoever reads a hole makes a page of it, and pays for it. */
static void what_gave_its_space_back_is_read_no_further(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);
	struct stat st;

	for (unsigned i = 0; i < 4; i++)
		assert_true(pipe_push(pipe, 0, 9000));
	assert_int_equal(fallocate(source->view.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)(source->view.bytes - RING_BYTES_MIN - RING_BYTES),
				   RING_BYTES),
			 0);
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_BROKEN);
	assert_string_equal(source->fault, "its space is not reserved");
	/* Where nothing is to be read, nothing is asked. */
	assert_int_equal(drain(pipe, OTLP_SIGNAL_METRICS), DRAIN_EMPTY);
	assert_int_equal(fstat(source->view.fd, &st), 0);
	assert_int_equal(st.st_blocks * 512, source->view.bytes - RING_BYTES);
}

static void a_closed_region_with_holes_behind_its_records_is_drained_to_its_end(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);
	struct batch_entry entry;

	for (unsigned i = 0; i < 2; i++)
		assert_true(pipe_push(pipe, 0, 9000));
	die(pipe);
	assert_int_equal(fallocate(source->view.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)(source->view.bytes - RING_BYTES_MIN - RING_BYTES / 2),
				   RING_BYTES / 2),
			 0);
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_QUOTA);
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	source_take_entry(source, OTLP_SIGNAL_TRACES, &entry);
	assert_int_equal(entry.written_items, 2);
	assert_int_equal(entry.flags, BATCH_ENTRY_FINAL | BATCH_ENTRY_CLOSED);
}

static void a_record_in_the_other_signals_ring_is_invalid(void **state)
{
	struct pipe *pipe = *state;
	struct ring *spans = &pipe->producers[0].rings[OTLP_SIGNAL_TRACES], kept = *spans;
	struct batch_entry entry;

	*spans = pipe->producers[0].rings[OTLP_SIGNAL_METRICS];
	assert_true(pipe_push(pipe, 0, 100));
	*spans = kept;
	assert_int_equal(drain(pipe, OTLP_SIGNAL_METRICS), DRAIN_EMPTY);
	source_take_entry(only_source(pipe), OTLP_SIGNAL_METRICS, &entry);
	assert_int_equal(entry.invalid_items, 1);
	assert_int_equal(entry.written_items, 0);
}

/* A second look at shared memory may differ: the room for the entries was counted at the first. */
static void what_is_final_stays_final_whatever_the_ring_says_later(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);
	struct ring_shared *as_seen;

	assert_true(pipe_push(pipe, 0, 100));
	die(pipe);
	as_seen = source->view.rings[OTLP_SIGNAL_TRACES].shared;
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_true(source_is_final_due(source, OTLP_SIGNAL_TRACES));
	as_seen->tail += 8;
	assert_true(source_is_final_due(source, OTLP_SIGNAL_TRACES));
	assert_int_equal(queue_count_parts(&pipe->queue, source), 1);
	/* The ring that nothing went through says suddenly that something was dropped. */
	assert_int_equal(drain(pipe, OTLP_SIGNAL_METRICS), DRAIN_EMPTY);
	assert_false(source_is_final_due(source, OTLP_SIGNAL_METRICS));
	source->view.rings[OTLP_SIGNAL_METRICS].shared->dropped_full_items = 1;
	assert_false(source_is_final_due(source, OTLP_SIGNAL_METRICS));
	/* Nor is it news: nobody would look at it, and the writer would never sleep. */
	as_seen->flush_to = 8;
	as_seen->tail = as_seen->head + RING_BYTES;
	assert_false(source_has_news(source));
}

static void a_ring_that_is_final_after_recovery_has_no_news(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);

	assert_true(pipe_push(pipe, 0, 100));
	shared(pipe)->flush_to = 8;
	assert_true(source_has_news(source));
	source_ring(source, OTLP_SIGNAL_TRACES)->final_taken =
		source_ring(source, OTLP_SIGNAL_TRACES)->final_done = true;
	assert_false(source_has_news(source));
}

static void a_source_is_finished_when_its_last_entries_count(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);

	assert_true(pipe_push(pipe, 0, 100));
	assert_false(source_is_finished(source));
	pipe_settle(pipe);
	assert_false(source_is_finished(source));
	die(pipe);
	assert_false(source_is_finished(source));
	pipe_drain(pipe);
	assert_int_equal(queue_close_batch(&pipe->queue, source), 0);
	assert_false(source_is_finished(source));
	pipe_pump(pipe);
	pipe_reap(pipe);
	pipe_pump(pipe);
	assert_true(source_is_finished(source));
	regions_reap(&pipe->regions);
	assert_int_equal(pipe->regions.count, 0);
}

static void a_batch_from_before_the_death_is_not_the_last_one(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);

	assert_true(pipe_push(pipe, 0, 100));
	pipe_drain(pipe);
	assert_int_equal(queue_close_batch(&pipe->queue, source), 0);
	pipe_pump(pipe);
	die(pipe);
	pipe_drain(pipe);
	assert_true(source_is_final_due(source, OTLP_SIGNAL_TRACES));
	pipe_reap(pipe);
	pipe_pump(pipe);
	assert_int_equal(source->jobs, 0);
	assert_false(source_is_finished(source));
	assert_int_equal(queue_close_batch(&pipe->queue, source), 0);
	pipe_pump(pipe);
	pipe_reap(pipe);
	pipe_pump(pipe);
	assert_true(source_is_finished(source));
}

static void a_broken_ring_is_drained_no_further_and_closed_as_broken(void **state)
{
	struct pipe *pipe = *state;
	struct source *source = only_source(pipe);
	struct batch_entry entry;

	assert_true(pipe_push(pipe, 0, 100));
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	shared(pipe)->tail += 4;
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_BROKEN);
	regions_break(&pipe->regions, source, "test");
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_EMPTY);
	assert_true(region_is_abandoned(&pipe->producers[0]));
	source_take_entry(source, OTLP_SIGNAL_TRACES, &entry);
	assert_int_equal(entry.flags, BATCH_ENTRY_FINAL | BATCH_ENTRY_BROKEN);
	assert_int_equal(entry.written_items, 1);
	assert_false(source_is_final_due(source, OTLP_SIGNAL_TRACES));
}

/* It restarts the instruction that met the hole with registers that are not up to date. */
static bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

/* Its producer is us, and has no guard when it closes it. */
static void restore_size(const struct pipe *pipe, int fd)
{
	assert_int_equal(ftruncate(fd, (off_t)pipe->producers[0].bytes), 0);
}

static void a_region_that_is_cut_off_breaks_and_nothing_else(void **state)
{
	struct pipe *pipe = *state;

	if (under_valgrind())
		skip();
	assert_int_equal(guard_install(), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_true(pipe_push(pipe, 0, 8000));
	assert_int_equal(ftruncate(only_source(pipe)->view.fd, LAYOUT_PAGE_BYTES), 0);
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_BROKEN);
	assert_true(only_source(pipe)->guard.has_failed);
	assert_false(source_has_taken(only_source(pipe), OTLP_SIGNAL_TRACES));
	restore_size(pipe, only_source(pipe)->view.fd);
}

static void a_record_that_is_cut_off_in_its_middle_is_not_taken(void **state)
{
	struct pipe *pipe = *state;
	const struct region_header *header = pipe->producers[0].header;
	uint64_t data = header->rings[OTLP_SIGNAL_TRACES].data_offset;

	if (under_valgrind())
		skip();
	assert_int_equal(guard_install(), 0);
	assert_true(pipe_push(pipe, 0, 8000));
	assert_int_equal(ftruncate(only_source(pipe)->view.fd, (off_t)(data + LAYOUT_PAGE_BYTES)),
			 0);
	assert_int_equal(drain(pipe, OTLP_SIGNAL_TRACES), DRAIN_BROKEN);
	assert_false(source_has_taken(only_source(pipe), OTLP_SIGNAL_TRACES));
}

/* Its positions would be zeros, which no ring had: the ledger would begin anew. */
static void a_region_that_is_cut_off_while_it_is_opened_is_refused(void **state)
{
	struct pipe *pipe = *state;
	char name[REGION_NAME_BYTES_MAX];
	struct source *again;
	int fd;

	if (under_valgrind())
		skip();
	assert_int_equal(guard_install(), 0);
	assert_true(pipe_push(pipe, 0, 8000));
	strcpy(name, only_source(pipe)->name);
	cut_fd = fd = openat(pipe->dir.fd, name, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	/* One at a time drains it. */
	assert_int_equal(source_open(&again, &pipe->dir, name, 0), -EBUSY);
	regions_close(&pipe->regions);
	regions_open(&pipe->regions, &pipe->dir);
	assert_int_equal(source_open(&again, &pipe->dir, name, 0), -EBADMSG);
	assert_int_equal(cut_fd, -1);
	restore_size(pipe, fd);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define SOURCE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		SOURCE_TEST(a_record_is_taken_and_named_and_its_space_comes_back),
		SOURCE_TEST(a_flush_is_wanted_until_its_records_are_released),
		SOURCE_TEST(a_flush_of_what_has_its_space_back_is_told_once),
		SOURCE_TEST(a_claim_that_holds_up_more_than_half_a_ring_or_a_flush_is_waited_for),
		SOURCE_TEST(a_quarter_of_a_ring_wants_its_release),
		SOURCE_TEST(a_limited_source_takes_nothing_that_is_pushed_later),
		SOURCE_TEST(a_tail_that_goes_back_breaks_its_region),
		SOURCE_TEST(a_claim_holds_up_its_ring_until_its_producer_is_dead),
		SOURCE_TEST(what_is_pushed_just_before_the_death_is_taken),
		SOURCE_TEST(a_claim_that_was_given_up_counts_as_nothing),
		SOURCE_TEST(an_entry_says_how_many_items_came_before_it),
		SOURCE_TEST(a_ring_that_only_dropped_has_a_last_entry_too),
		SOURCE_TEST(an_invalid_record_is_counted_and_skipped),
		SOURCE_TEST(what_gave_its_space_back_is_read_no_further),
		SOURCE_TEST(a_closed_region_with_holes_behind_its_records_is_drained_to_its_end),
		SOURCE_TEST(a_record_in_the_other_signals_ring_is_invalid),
		SOURCE_TEST(what_is_final_stays_final_whatever_the_ring_says_later),
		SOURCE_TEST(a_ring_that_is_final_after_recovery_has_no_news),
		SOURCE_TEST(a_source_is_finished_when_its_last_entries_count),
		SOURCE_TEST(a_batch_from_before_the_death_is_not_the_last_one),
		SOURCE_TEST(a_broken_ring_is_drained_no_further_and_closed_as_broken),
		SOURCE_TEST(a_region_that_is_cut_off_breaks_and_nothing_else),
		SOURCE_TEST(a_record_that_is_cut_off_in_its_middle_is_not_taken),
		SOURCE_TEST(a_region_that_is_cut_off_while_it_is_opened_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
