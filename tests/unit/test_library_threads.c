/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One library, one exporter of each kind, many threads and no lock of theirs:
 * also under ThreadSanitizer. Nothing drains the rings, which fill up.
 */
#include "tests/unit/library_fixture.h"

#include <pthread.h>
#include <sched.h>

#include "core/library.h"
#include "core/table_entry.h"

#define THREADS 8
#define ROUNDS	300

static struct {
	struct otlp_library *library;
	struct otlp_span_exporter *spans;
	struct otlp_metric_exporter *metrics;
	uint32_t finished;
} shared;

struct pusher {
	pthread_t thread;
	uint64_t spans_ok, spans_full, points_ok, points_full, other;
};

static void count_result(int cause, uint64_t *ok, uint64_t *full, uint64_t *other)
{
	if (cause == OTLP_OK)
		(*ok)++;
	else if (cause == OTLP_ERR_FULL)
		(*full)++;
	else
		(*other)++;
}

static void *push_both(void *context)
{
	struct pusher *pusher = context;
	struct otlp_number_point point = fixture_point(1);
	struct fixture_gauge gauge;
	uint64_t i;

	fixture_gauge_init(&gauge, &point, 1);
	for (i = 0; i < ROUNDS; i++) {
		struct otlp_span span = fixture_span(i);

		count_result(otlp_span_exporter_export(shared.spans, &span, 1).cause,
			     &pusher->spans_ok, &pusher->spans_full, &pusher->other);
		count_result(otlp_library_export_traces(shared.library, &span, 1),
			     &pusher->spans_ok, &pusher->spans_full, &pusher->other);
		count_result(otlp_metric_exporter_export(shared.metrics, &gauge.metrics).cause,
			     &pusher->points_ok, &pusher->points_full, &pusher->other);
	}
	atomic_add_relaxed_u32(&shared.finished, 1);
	return NULL;
}

/* Everything else that may be called at the same time; returns what was not as it should be. */
static void *meddle(void *context)
{
	uint64_t *wrong = context, rounds = 0;

	do {
		struct otlp_attribute attribute =
			otlp_attr_int(OTLP_STR("n"), (int64_t)(rounds % 16));
		struct otlp_resource resource = {.attributes = {.items = &attribute, .count = 1}};
		struct otlp_metric_exporter *metrics = NULL;
		struct otlp_span_exporter *spans = NULL;
		struct otlp_span span = fixture_span(1);
		int rc = otlp_library_flush(shared.library, 0);

		*wrong += rc != OTLP_OK && rc != OTLP_ERR_NO_WRITER;
		*wrong += otlp_span_exporter_set_resource(shared.spans, &resource).cause != OTLP_OK;
		*wrong += otlp_library_span_exporter(shared.library, &spans) != OTLP_OK;
		*wrong += otlp_library_metric_exporter(shared.library, &metrics) != OTLP_OK;
		memset(span.span_id, 0, sizeof(span.span_id));
		*wrong += otlp_span_exporter_export(spans, &span, 1).cause != OTLP_ERR_INVALID;
		otlp_span_exporter_unref(otlp_span_exporter_ref(spans));
		otlp_span_exporter_unref(spans);
		otlp_metric_exporter_unref(otlp_metric_exporter_ref(metrics));
		otlp_metric_exporter_unref(metrics);
		otlp_library_unref(otlp_library_ref(shared.library));
		rounds++;
		*wrong +=
			fixture_stats(shared.library).signals[OTLP_SIGNAL_TRACES].dropped_invalid !=
			rounds;
	} while (atomic_load_relaxed_u32(&shared.finished) < THREADS);
	return NULL;
}

static void every_call_may_be_made_from_any_thread_at_any_time(void **state)
{
	struct pusher pushers[THREADS] = {0}, sum = {0};
	char name[REGION_NAME_BYTES_MAX];
	struct otlp_stats stats;
	pthread_t meddler;
	uint64_t wrong = 0;
	unsigned i;

	(void)state;
	memset(&shared, 0, sizeof(shared));
	shared.library = fixture_open_rings(128 << 10, 32 << 10);
	assert_int_equal(otlp_library_span_exporter(shared.library, &shared.spans), OTLP_OK);
	assert_int_equal(otlp_library_metric_exporter(shared.library, &shared.metrics), OTLP_OK);
	assert_int_equal(pthread_create(&meddler, NULL, meddle, &wrong), 0);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&pushers[i].thread, NULL, push_both, &pushers[i]),
				 0);
	for (i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(pushers[i].thread, NULL), 0);
		sum.spans_ok += pushers[i].spans_ok;
		sum.spans_full += pushers[i].spans_full;
		sum.points_ok += pushers[i].points_ok;
		sum.points_full += pushers[i].points_full;
		sum.other += pushers[i].other;
	}
	assert_int_equal(pthread_join(meddler, NULL), 0);
	assert_int_equal(wrong, 0);
	assert_int_equal(sum.other, 0);
	stats = fixture_stats(shared.library);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].accepted, sum.spans_ok);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].dropped_full, sum.spans_full);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].accepted, sum.points_ok);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].dropped_full, sum.points_full);
	assert_int_equal(sum.spans_ok + sum.spans_full, 2 * THREADS * ROUNDS);
	find_region(name);
	assert_int_equal(count_items(name, OTLP_SIGNAL_TRACES), sum.spans_ok);
	assert_int_equal(count_items(name, OTLP_SIGNAL_METRICS), sum.points_ok);
	otlp_span_exporter_unref(shared.spans);
	otlp_metric_exporter_unref(shared.metrics);
	otlp_library_unref(shared.library);
}

static void *push_until_shutdown(void *context)
{
	struct pusher *pusher = context;
	struct otlp_span span = fixture_span(1);
	int rc;

	do {
		rc = otlp_library_export_traces(shared.library, &span, 1);
		pusher->spans_ok += rc == OTLP_OK;
	} while (rc != OTLP_ERR_SHUTDOWN);
	return NULL;
}

/* The shutdown ends all of them, and what they were told is what is counted. */
static void a_shutdown_may_come_in_the_middle_of_pushes(void **state)
{
	struct pusher pushers[4] = {0};
	uint64_t accepted = 0;
	struct otlp_stats stats;
	unsigned i;

	(void)state;
	shared.library = fixture_open();
	for (i = 0; i < COUNT_OF(pushers); i++)
		assert_int_equal(
			pthread_create(&pushers[i].thread, NULL, push_until_shutdown, &pushers[i]),
			0);
	while (fixture_stats(shared.library).signals[OTLP_SIGNAL_TRACES].accepted == 0)
		usleep(100);
	assert_int_equal(otlp_library_shutdown(shared.library, 0), OTLP_ERR_NO_WRITER);
	for (i = 0; i < COUNT_OF(pushers); i++) {
		assert_int_equal(pthread_join(pushers[i].thread, NULL), 0);
		accepted += pushers[i].spans_ok;
	}
	stats = fixture_stats(shared.library);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].accepted, accepted);
	assert_int_equal(stats.rejected_after_shutdown, COUNT_OF(pushers));
	otlp_library_unref(shared.library);
}

/*
 * What one thread made and another uses, with no other order between them than ours: for
 * ThreadSanitizer, which then needs no luck.
 */
static struct {
	struct region region;
	struct table_entry entry;
	uint32_t made;
} made;

static void *refer(void *context)
{
	(void)context;
	(void)table_entry_reference(&made.entry, &made.region);
	return NULL;
}

/* A record that refers to it may be committed by a thread that did not put it there. */
static void a_reference_of_another_thread_comes_with_its_entry(void **state)
{
	static const struct region_options options = {
		.ring_bytes = {RING_BYTES_MIN, RING_BYTES_MIN}};
	static const uint8_t bytes[] = "0123456789abcdef";
	pthread_t thread;

	memset(&made, 0, sizeof(made));
	assert_int_equal(region_create(&made.region, *state, &options), 0);
	for (unsigned i = 0; i < 300; i++) {
		uint32_t reference;

		made.entry = (struct table_entry){.bytes = bytes, .bytes_count = sizeof(bytes)};
		assert_int_equal(pthread_create(&thread, NULL, refer, NULL), 0);
		for (unsigned looks = 0; atomic_load_relaxed_u64(&made.entry.reference) == 0;)
			if (++looks > 1000)
				sched_yield();
		reference = table_entry_reference(&made.entry, &made.region);
		assert_int_equal(reference, 1 + i * entry_bytes(sizeof(bytes)));
		/* Our own look: the library of the assertions is not instrumented. */
		assert_int_equal(memcmp(made.region.table + reference - 1 + ENTRY_HEADER_BYTES,
					bytes, sizeof(bytes)),
				 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
	region_close(&made.region);
}

static void *push_into_a_new_region(void *context)
{
	struct otlp_span span = fixture_span(1);
	unsigned i;

	(void)context;
	/* Half of the ring, and one more, which finds that the writer left it. */
	for (i = 0; i < 1000 &&
		    fixture_stats(shared.library).signals[OTLP_SIGNAL_TRACES].dropped_full == 0;
	     i++)
		(void)otlp_library_export_traces(shared.library, &span, 1);
	atomic_store_relaxed_u32(&made.made, 1);
	return NULL;
}

static void use_a_region_of_another_thread(bool by_pushing)
{
	struct otlp_span span = fixture_span(2);
	char name[REGION_NAME_BYTES_MAX];
	struct region_view view;
	pthread_t thread;

	memset(&made, 0, sizeof(made));
	shared.library = fixture_open_rings(RING_BYTES_MIN, RING_BYTES_MIN);
	find_region(name);
	assert_int_equal(region_attach(&view, &shm_fixture_dir, name, true), 0);
	region_abandon(&view);
	region_detach(&view);
	assert_int_equal(pthread_create(&thread, NULL, push_into_a_new_region, NULL), 0);
	while (atomic_load_relaxed_u32(&made.made) == 0)
		sched_yield();
	assert_int_equal(count_regions(), 2);
	if (by_pushing)
		assert_int_equal(otlp_library_export_traces(shared.library, &span, 1),
				 OTLP_ERR_FULL);
	else
		assert_true(fixture_stats(shared.library).signals[OTLP_SIGNAL_TRACES].accepted > 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	otlp_library_unref(shared.library);
}

static void a_region_of_another_thread_can_be_pushed_to(void **state)
{
	(void)state;
	use_a_region_of_another_thread(true);
}

static void a_region_of_another_thread_can_be_counted(void **state)
{
	(void)state;
	use_a_region_of_another_thread(false);
}

static void *push_until_finished(void *context)
{
	struct pusher *pusher = context;
	struct otlp_span span = fixture_span(1);

	while (atomic_load_relaxed_u32(&shared.finished) == 0) {
		count_result(otlp_library_export_traces(shared.library, &span, 1),
			     &pusher->spans_ok, &pusher->spans_full, &pusher->other);
		sched_yield();
	}
	return NULL;
}

/* One thread makes the next region, all others find it whole. */
static void a_region_that_one_thread_makes_is_used_by_all(void **state)
{
	struct pusher pushers[4] = {0};
	struct producer *producer;
	uint64_t accepted = 0;
	uint32_t count;
	unsigned i;

	(void)state;
	memset(&shared, 0, sizeof(shared));
	shared.library = fixture_open_rings(RING_BYTES_MIN, RING_BYTES_MIN);
	producer = &shared.library->producer;
	for (i = 0; i < COUNT_OF(pushers); i++)
		assert_int_equal(
			pthread_create(&pushers[i].thread, NULL, push_until_finished, &pushers[i]),
			0);
	for (count = 1; count < PRODUCER_REGIONS_MAX; count++) {
		struct region_view view = {.header = producer->regions[count - 1].header};

		region_abandon(&view);
		while (producer_region_count(producer) == count)
			sched_yield();
	}
	atomic_store_relaxed_u32(&shared.finished, 1);
	for (i = 0; i < COUNT_OF(pushers); i++) {
		assert_int_equal(pthread_join(pushers[i].thread, NULL), 0);
		assert_int_equal(pushers[i].other, 0);
		accepted += pushers[i].spans_ok;
	}
	assert_int_equal(producer_region_count(producer), PRODUCER_REGIONS_MAX);
	assert_int_equal(fixture_stats(shared.library).signals[OTLP_SIGNAL_TRACES].accepted,
			 accepted);
	otlp_library_unref(shared.library);
}

static void *push_and_give_back_exporter(void *context)
{
	struct otlp_span_exporter *spans = context;
	struct otlp_span span = fixture_span(1);

	(void)otlp_span_exporter_export(spans, &span, 1);
	otlp_span_exporter_unref(spans);
	return NULL;
}

static void *push_and_give_back_library(void *context)
{
	struct otlp_library *library = context;
	struct otlp_span span = fixture_span(1);

	(void)otlp_library_export_traces(library, &span, 1);
	otlp_library_unref(library);
	return NULL;
}

/* Whoever gives back last frees it, behind all that the others did with it. */
static void the_last_of_many_threads_to_give_back_frees(void **state)
{
	const unsigned descriptors = count_descriptors();

	(void)state;
	for (unsigned round = 0; round < ROUNDS / 10; round++) {
		struct otlp_span_exporter *spans;
		pthread_t threads[4];
		unsigned i;

		shared.library = fixture_open_rings(RING_BYTES_MIN, RING_BYTES_MIN);
		assert_int_equal(otlp_library_span_exporter(shared.library, &spans), OTLP_OK);
		for (i = 0; i < COUNT_OF(threads); i++) {
			void *(*act)(void *) = round % 2 == 0 ? push_and_give_back_exporter
							      : push_and_give_back_library;
			void *reference = round % 2 == 0 ? (void *)otlp_span_exporter_ref(spans)
							 : (void *)otlp_library_ref(shared.library);

			assert_int_equal(pthread_create(&threads[i], NULL, act, reference), 0);
		}
		otlp_library_unref(shared.library);
		otlp_span_exporter_unref(spans);
		for (i = 0; i < COUNT_OF(threads); i++)
			assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	assert_int_equal(count_descriptors(), descriptors);
}

/* All threads set the same new resource at once: one of them adds it, the others find it. */
#define SAME_ROUNDS (4 * ROUNDS)
static pthread_barrier_t same_round;

static void *set_the_same_resources(void *context)
{
	struct otlp_span_exporter *spans = context;

	for (int64_t round = 0; round < SAME_ROUNDS; round++) {
		const struct otlp_attribute number = otlp_attr_int(OTLP_STR("n"), round);
		const struct otlp_resource resource = {
			.attributes = {.items = &number, .count = 1}};
		struct otlp_span span = fixture_span(1);

		pthread_barrier_wait(&same_round);
		if (otlp_span_exporter_set_resource(spans, &resource).cause != OTLP_OK)
			abort();
		(void)otlp_span_exporter_export(spans, &span, 1);
	}
	return NULL;
}

static void a_resource_that_threads_set_at_once_frees_no_older_one(void **state)
{
	struct otlp_span_exporter *spans;
	pthread_t threads[4];
	unsigned i;

	(void)state;
	shared.library = fixture_open_rings(4 << 20, RING_BYTES_MIN);
	assert_int_equal(otlp_library_span_exporter(shared.library, &spans), OTLP_OK);
	assert_int_equal(pthread_barrier_init(&same_round, NULL, COUNT_OF(threads)), 0);
	for (i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, set_the_same_resources, spans),
				 0);
	for (i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(fixture_stats(shared.library).signals[OTLP_SIGNAL_TRACES].accepted,
			 SAME_ROUNDS * COUNT_OF(threads));
	assert_int_equal(pthread_barrier_destroy(&same_round), 0);
	/* Each is given back once: a second free() would be found here, or by a sanitizer. */
	otlp_span_exporter_unref(spans);
	otlp_library_unref(shared.library);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shm_fixture_setup, shm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_call_may_be_made_from_any_thread_at_any_time),
		TEST(a_shutdown_may_come_in_the_middle_of_pushes),
		TEST(a_reference_of_another_thread_comes_with_its_entry),
		TEST(a_region_of_another_thread_can_be_pushed_to),
		TEST(a_region_of_another_thread_can_be_counted),
		TEST(a_region_that_one_thread_makes_is_used_by_all),
		TEST(the_last_of_many_threads_to_give_back_frees),
		TEST(a_resource_that_threads_set_at_once_frees_no_older_one),
	};

	return cmocka_run_group_tests_name("library_threads", tests, NULL, NULL);
}
