/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy of lanes on a machine that we do not have: 128 threads on up to 128 processors push
 * through the library itself, and the writer's own turns drain what they pushed. One real thread
 * plays all of them, one push at a time, in an order that a seed decides; the number that the
 * kernel would give to the thread whose turn it is stands where the library reads the kernel's.
 * Threads that hold a claim without committing it, as a preempted one does, are among them. What
 * is checked is exact: which lane each push takes, that it is refused when all lanes are full and
 * not before, that no lane waits for its turn longer than all others together take, and each
 * record once, a thread's own in order within a lane.
 */
#include "core/library.h"

#include "core/record/signal.h"
#include "opentelemetry/proto/trace/v1/trace.pb-c.h"
#include "tests/unit/pipe_fixture.h"
#include "writer/drain.h"
#include "writer/file/dataname.h"

#define THREADS	     128u
#define SPANS_BYTES  (UINT32_C(1) << 20)
#define PUSHES	     12000u
#define SIZES	     4u
#define MOVE_ONE_IN  16u /* pushes: then a thread is on another processor */
#define STALL_PUSHES 700u
#define QUOTA_BYTES  (UINT64_C(8) << 10)
#define NO_LANE	     UINT32_MAX

struct scenario {
	unsigned lanes, processors;
	unsigned busy;		  /* threads that push */
	unsigned pushes_per_turn; /* of the writer */
	int64_t look_ns;	  /* that pass between two looks of it at its clock */
	bool stalls;		  /* some claims are left uncommitted for STALL_PUSHES */
	bool drops;		  /* it must come to that, or must not */
};

/* What was pushed, by its number. */
struct pushed {
	unsigned thread, lane;
	uint64_t position;
};

static struct pipe fixture;
static struct otlp_library *library;
static uint32_t kernel_number; /* where the library looks for it */
static uint64_t random_state;
static int64_t now_ns, look_ns;
static size_t entry_bytes_of[SIZES];
static struct pushed pushed[PUSHES];
static uint8_t seen[PUSHES];
static uint32_t count, refused;

static unsigned random_below(unsigned limit)
{
	random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)((random_state >> 33) % limit);
}

/* Each look takes time: so turns and slices end by it. */
static int64_t fake_clock(void)
{
	now_ns += look_ns;
	return now_ns;
}

static struct ring *lane_ring(unsigned lane)
{
	return &library->producer.regions[0].rings[ring_number(OTLP_SIGNAL_TRACES, lane)];
}

static struct source *the_source(void)
{
	return fixture.regions.sources;
}

static const struct ring_reader *lane_reader(unsigned lane)
{
	return &source_ring(the_source(), ring_number(OTLP_SIGNAL_TRACES, lane))->reader;
}

static int push_span_of(uint64_t number, unsigned size)
{
	static const char text[SIZES * 256];
	const struct otlp_attribute attribute = {
		.key = {"k", 1},
		.value = {.type = OTLP_VALUE_BYTES,
			  .as.bytes = {(const uint8_t *)text, size * 256 + 40}}};
	struct otlp_span span = {.trace_id = {1}, .span_id = {1}, .name = {"s", 1}};

	span.start_time_unix_ns = number;
	span.attributes.items = &attribute;
	span.attributes.count = 1;
	return otlp_library_export_traces(library, &span, 1);
}

/* Would an entry of that size fit, by what stands in the lane's words alone? */
static bool lane_fits(unsigned lane, uint64_t bytes)
{
	const struct ring *ring = lane_ring(lane);
	const uint64_t tail = ring->shared->tail, offset = tail & (ring->bytes - 1);
	const uint64_t padding = bytes > ring->bytes - offset ? ring->bytes - offset : 0;

	return tail + padding + bytes - ring->shared->head <= ring->bytes;
}

static unsigned lane_expected(const struct scenario *of, unsigned processor, uint64_t bytes)
{
	for (unsigned n = 0; n < of->lanes; n++)
		if (lane_fits((processor + n) % of->lanes, bytes))
			return (processor + n) % of->lanes;
	return NO_LANE;
}

static uint64_t lane_dropped(unsigned lane)
{
	return lane_ring(lane)->shared->dropped_full_items;
}

static void push_one(const struct scenario *of, unsigned thread, unsigned processor)
{
	const unsigned size = random_below(SIZES);
	const unsigned expected = lane_expected(of, processor, entry_bytes_of[size]);
	const uint64_t dropped = lane_dropped(processor % of->lanes);
	uint64_t tails[REGION_LANES_MAX];
	int rc;

	for (unsigned lane = 0; lane < of->lanes; lane++)
		tails[lane] = lane_ring(lane)->shared->tail;
	kernel_number = processor;
	rc = push_span_of(count, size);
	assert_int_equal(rc, expected == NO_LANE ? OTLP_ERR_FULL : OTLP_OK);
	for (unsigned lane = 0; lane < of->lanes; lane++)
		assert_int_equal(lane_ring(lane)->shared->tail != tails[lane], lane == expected);
	assert_int_equal(lane_dropped(processor % of->lanes) - dropped, expected == NO_LANE);
	if (expected == NO_LANE) {
		refused++;
		return;
	}
	pushed[count++] = (struct pushed){thread, expected, lane_ring(expected)->shared->tail};
}

/* A claim that its thread does not commit for now. Given up then, so it is no record. */
static bool stall(unsigned lane, struct ring_claim *ret)
{
	return ring_claim(lane_ring(lane), 64, 1, ret);
}

/* What each lane has that the writer could take: up to its tail, or to the stalled claim. */
static bool lane_waits(unsigned lane, unsigned stalled)
{
	return lane != stalled && lane_reader(lane)->read != lane_ring(lane)->shared->tail;
}

/*
 * One turn of the writer as its main loop has it. A lane that has something is left aside for no
 * longer than each other lane may take one quota, and what one record is beyond that.
 */
static void writer_turn(const struct scenario *of, unsigned stalled, uint64_t *left_aside)
{
	uint64_t before[REGION_LANES_MAX], taken = 0;
	bool waited[REGION_LANES_MAX];

	pipe_reap(&fixture);
	for (unsigned lane = 0; lane < of->lanes; lane++) {
		before[lane] = lane_reader(lane)->read;
		waited[lane] = lane_waits(lane, stalled);
	}
	(void)drain_rings(&fixture.drain, &fixture.regions, &fixture.queue);
	for (unsigned lane = 0; lane < of->lanes; lane++)
		taken += lane_reader(lane)->read - before[lane];
	for (unsigned lane = 0; lane < of->lanes; lane++) {
		const uint64_t own = lane_reader(lane)->read - before[lane];

		left_aside[lane] = own == 0 && waited[lane] ? left_aside[lane] + taken : 0;
		assert_true(left_aside[lane] <=
			    of->lanes * (QUOTA_BYTES + entry_bytes_of[SIZES - 1]));
	}
	if (queue_count_parts(&fixture.queue, fixture.regions.sources) > 0)
		(void)queue_close_batch(&fixture.queue, fixture.regions.sources);
	pipe_pump(&fixture);
	fixture.now_ns += 1000000;
}

static void open_all(const struct scenario *of)
{
	struct otlp_options options;
	struct otlp_stats stats;

	pipe_open(&fixture, 0, RING_BYTES_MIN);
	otlp_options_init(&options, sizeof(options));
	options.runtime_dir = fixture.shm_path;
	options.lanes = of->lanes;
	options.ring_bytes[OTLP_SIGNAL_TRACES] = SPANS_BYTES;
	assert_int_equal(otlp_library_open(&library, &options), OTLP_OK);
	assert_int_equal(library->producer.lanes.masks[OTLP_SIGNAL_TRACES], of->lanes - 1);
	library->producer.lanes.number_offset =
		(ptrdiff_t)((uintptr_t)&kernel_number - (uintptr_t)__builtin_thread_pointer());
	random_state = of->lanes * 1000 + of->processors;
	count = refused = 0;
	memset(seen, 0, sizeof(seen));
	kernel_number = 0;
	for (unsigned size = 0; size < SIZES; size++) {
		const uint64_t tail = lane_ring(0)->shared->tail;

		assert_int_equal(push_span_of(count, size), OTLP_OK);
		entry_bytes_of[size] = lane_ring(0)->shared->tail - tail;
		pushed[count++] = (struct pushed){0, 0, lane_ring(0)->shared->tail};
	}
	otlp_library_get_stats(library, &stats, sizeof(stats));
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].accepted, SIZES);
	now_ns = 0;
	look_ns = of->look_ns;
	fixture.drain.now_ns = fake_clock;
	fixture.drain.batch_bytes_max = 64 << 10;
	fixture.drain.quota_bytes = QUOTA_BYTES;
	pipe_open_queue(&fixture);
	assert_non_null(the_source());
}

/* A thread's own records within a lane come in the order in which it pushed them. */
static void see_batch(const uint8_t *batch, size_t bytes, uint64_t *positions)
{
	Opentelemetry__Proto__Trace__V1__TracesData *data =
		opentelemetry__proto__trace__v1__traces_data__unpack(NULL, bytes, batch);

	assert_non_null(data);
	for (size_t r = 0; r < data->n_resource_spans; r++) {
		assert_int_equal(data->resource_spans[r]->n_scope_spans, 1);
		for (size_t i = 0; i < data->resource_spans[r]->scope_spans[0]->n_spans; i++) {
			const uint64_t number = data->resource_spans[r]
							->scope_spans[0]
							->spans[i]
							->start_time_unix_nano;

			assert_true(number < count);
			seen[number]++;
			assert_true(pushed[number].position > positions[pushed[number].lane]);
			positions[pushed[number].lane] = pushed[number].position;
		}
	}
	opentelemetry__proto__trace__v1__traces_data__free_unpacked(data, NULL);
}

static void check_files(void)
{
	uint64_t positions[REGION_LANES_MAX] = {0};
	struct data_name *names;
	struct data_dir dir;
	size_t files;

	assert_int_equal(data_dir_open(fixture.out.fd, "traces", &dir), 0);
	assert_int_equal(data_dir_list(&dir, DATA_ALL_KINDS, &names, &files), 0);
	for (size_t i = 0; i < files; i++) {
		const int fd = openat(dir.fd, names[i].name, O_RDONLY | O_CLOEXEC);
		struct batch_scan scan;
		struct batch_head head;

		assert_true(fd >= 0);
		batch_scan_open(&scan, fd, UINT64_MAX);
		while (batch_scan_next(&scan, &head) == 0)
			see_batch(scan.bytes, head.batch_bytes, positions);
		batch_scan_close(&scan);
		close(fd);
	}
	free(names);
	data_dir_close(&dir);
	for (uint32_t number = 0; number < count; number++)
		assert_int_equal(seen[number], 1);
}

static void check_counts(const struct scenario *of, unsigned given_up)
{
	uint64_t accepted = 0, dropped = 0;

	for (unsigned lane = 0; lane < of->lanes; lane++) {
		const struct ring_shared *shared = lane_ring(lane)->shared;

		accepted += shared->accepted_items;
		dropped += shared->dropped_full_items;
		assert_int_equal(shared->head, shared->tail);
		/* Each had its part of the threads, so none stayed empty. */
		if (of->busy == THREADS)
			assert_int_not_equal(shared->tail, 0);
	}
	assert_int_equal(accepted, count);
	assert_int_equal(dropped, refused);
	assert_int_equal(refused > 0, of->drops);
	assert_int_equal(given_up > 0, of->stalls);
}

static void close_all(void)
{
	pipe_close_queue(&fixture);
	otlp_library_unref(library);
	pipe_close(&fixture);
}

static void play(const struct scenario *of)
{
	unsigned processors[THREADS], stalled = NO_LANE, stalls = 0, stalled_since = 0;
	uint64_t left_aside[REGION_LANES_MAX] = {0};
	struct ring_claim claim = {0};

	open_all(of);
	for (unsigned thread = 0; thread < THREADS; thread++)
		processors[thread] = thread % of->processors;
	for (unsigned n = 0; n < PUSHES - SIZES; n++) {
		const unsigned thread = random_below(of->busy);

		if (random_below(MOVE_ONE_IN) == 0)
			processors[thread] = random_below(of->processors);
		if (of->stalls && stalled == NO_LANE && n % (2 * STALL_PUSHES) == STALL_PUSHES) {
			stalled = random_below(of->lanes);
			stalled_since = n;
			if (stall(stalled, &claim))
				stalls++;
			else
				stalled = NO_LANE;
		}
		if (stalled != NO_LANE && n - stalled_since == STALL_PUSHES) {
			ring_abort(lane_ring(stalled), &claim);
			stalled = NO_LANE;
		}
		push_one(of, thread, processors[thread]);
		if (n % of->pushes_per_turn == 0)
			writer_turn(of, stalled, left_aside);
	}
	if (stalled != NO_LANE)
		ring_abort(lane_ring(stalled), &claim);
	fixture.lanes = of->lanes;
	pipe_settle(&fixture);
	check_counts(of, stalls);
	check_files();
	close_all();
}

/* As under valgrind: what differs from other scenarios by numbers alone is left out. */
static bool is_short(void)
{
	return getenv("OTLPIPE_TEST_SHORT") != NULL;
}

static void a_writer_that_keeps_up_drops_nothing_of_128_threads(void **state)
{
	(void)state;
	play(&(struct scenario){8, 128, THREADS, 100, 1000, false, false});
	if (is_short())
		return;
	play(&(struct scenario){8, 32, THREADS, 100, 1000, false, false});
	play(&(struct scenario){4, 128, THREADS, 100, 1000, false, false});
}

static void a_writer_that_is_too_slow_drops_only_when_all_lanes_are_full(void **state)
{
	(void)state;
	play(&(struct scenario){8, 128, THREADS, 40, 3000000, false, true});
	if (is_short())
		return;
	play(&(struct scenario){8, 8, THREADS, 40, 3000000, false, true});
	play(&(struct scenario){4, 128, THREADS, 40, 3000000, false, true});
	play(&(struct scenario){2, 128, THREADS, 40, 3000000, false, true});
	play(&(struct scenario){1, 128, THREADS, 40, 3000000, false, true});
}

static void one_busy_thread_uses_all_lanes_before_it_drops(void **state)
{
	(void)state;
	play(&(struct scenario){8, 128, 1, 40, 3000000, false, true});
	play(&(struct scenario){2, 2, 1, 40, 3000000, false, true});
}

static void a_claim_that_is_not_committed_holds_up_its_own_lane_alone(void **state)
{
	(void)state;
	play(&(struct scenario){8, 128, THREADS, 100, 1000, true, false});
	play(&(struct scenario){8, 128, THREADS, 40, 3000000, true, true});
	play(&(struct scenario){2, 32, THREADS, 40, 3000000, true, true});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_writer_that_keeps_up_drops_nothing_of_128_threads),
		cmocka_unit_test(a_writer_that_is_too_slow_drops_only_when_all_lanes_are_full),
		cmocka_unit_test(one_busy_thread_uses_all_lanes_before_it_drops),
		cmocka_unit_test(a_claim_that_is_not_committed_holds_up_its_own_lane_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
