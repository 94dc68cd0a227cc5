/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The faults of earlier implementations that ours must not have, one test each.
 * This process is a producer, the writer is another, and so are the children.
 */
#include "core/record/signal.h"
#include "tests/pipeline/model_fixture.h"

#include <sys/resource.h>

static void export_after_shutdown_is_no_success(void **state)
{
	struct otlp_library *library;
	struct otlp_span span = fixture_span(2);
	struct found found;

	(void)state;
	MODEL_START("--interval", "10ms");
	library = fixture_open();
	push_number(library, 1);
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_ERR_SHUTDOWN);
	assert_int_equal(fixture_stats(library).rejected_after_shutdown, 1);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	EXPECT_NUMBERS(&found, 1);
	found_free(&found);
}

static void fail_writes(uint32_t count, int error)
{
	model_preload->writes_error = (uint32_t)error;
	__atomic_store_n(&model_preload->writes_left, count, __ATOMIC_RELEASE);
}

static void a_batch_whose_write_fails_is_not_lost(void **state)
{
	static const int errors[] = {ENOSPC, EIO, EINTR, EAGAIN};
	struct otlp_library *library;
	struct found found;
	uint64_t i;

	(void)state;
	MODEL_START_PRELOADED("--interval", "10ms", "--io", "pwrite");
	library = fixture_open();
	push_number(library, 0);
	assert_int_equal(otlp_library_flush(library, WAIT_NS), OTLP_OK);
	for (i = 0; i < COUNT_OF(errors); i++) {
		fail_writes(2, errors[i]);
		push_number(library, i + 1);
		assert_int_equal(otlp_library_flush(library, WAIT_NS), OTLP_OK);
		if (model_preload->wall_calls == 0) { /* linked before it: nothing can be failed */
			otlp_library_unref(library);
			skip();
		}
		assert_int_equal(model_preload->writes_left, 0);
	}
	assert_int_equal(model_preload->writes_failed, 2 * COUNT_OF(errors));
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	EXPECT_NUMBERS(&found, 0, 1, 2, 3, 4);
	assert_int_equal(found.written_items, 5);
	found_free(&found);
}

static void a_batch_that_does_not_fit_whole_is_taken_as_far_as_it_fits(void **state)
{
	struct otlp_library *library = fixture_open_rings(4096, 4096);
	struct otlp_span spans[100];
	struct otlp_stats stats;
	struct found found;
	uint64_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(spans); i++)
		spans[i] = fixture_span(i);
	assert_int_equal(otlp_library_export_traces(library, spans, COUNT_OF(spans)),
			 OTLP_ERR_FULL);
	stats = fixture_stats(library);
	assert_true(stats.signals[OTLP_SIGNAL_TRACES].accepted > 0);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].accepted +
				 stats.signals[OTLP_SIGNAL_TRACES].dropped_full,
			 COUNT_OF(spans));
	MODEL_START("--interval", "10ms");
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	assert_int_equal(found.span_count, stats.signals[OTLP_SIGNAL_TRACES].accepted);
	for (i = 0; i < stats.signals[OTLP_SIGNAL_TRACES].accepted; i++)
		assert_int_equal(found_count(&found, i), 1);
	found_free(&found);
}

/* What follows is compared by hand, with literal values, and with no help of a generator. */
static void expect_rich_span(const struct found_span *have)
{
	const PB_TRACE(Span) *span = have->span;

	assert_true(text_is(have->resource->schema_url, "urn:resource"));
	assert_true(text_is(have->resource->resource->attributes[0]->key, "host"));
	assert_true(text_is(have->scope->schema_url, "urn:scope"));
	assert_true(text_is(have->scope->scope->name, "lib"));
	assert_true(text_is(have->scope->scope->version, "1.2"));
	assert_true(text_is(span->trace_state, "a=b"));
	assert_int_equal(span->flags, 0x301);
	assert_int_equal(span->parent_span_id.len, 8);
	assert_int_equal(span->parent_span_id.data[7], 9);
	assert_int_equal(span->kind, 3);
	assert_int_equal(span->end_time_unix_nano, 7);
	assert_int_equal(span->n_attributes, 1);
	assert_true(span->attributes[0]->value->int_value == -5);
	assert_int_equal(span->dropped_attributes_count, 2);
	assert_int_equal(span->n_events, 1);
	assert_true(text_is(span->events[0]->name, "event"));
	assert_int_equal(span->events[0]->time_unix_nano, 6);
	assert_int_equal(span->dropped_events_count, 3);
	assert_int_equal(span->n_links, 1);
	assert_int_equal(span->links[0]->trace_id.data[0], 4);
	assert_true(text_is(span->links[0]->trace_state, "l=1"));
	assert_int_equal(span->dropped_links_count, 4);
	assert_int_equal(span->status->code, 2);
	assert_true(text_is(span->status->message, "bad"));
}

static void nothing_of_a_span_is_lost_on_the_way(void **state)
{
	struct otlp_attribute host = otlp_attr_str(OTLP_STR("host"), OTLP_STR("h"));
	struct otlp_attribute number = otlp_attr_int(OTLP_STR("n"), -5);
	struct otlp_resource resource = {.attributes = {.items = &host, .count = 1},
					 .schema_url = OTLP_STR_INIT("urn:resource")};
	struct otlp_scope scope = {.name = OTLP_STR_INIT("lib"),
				   .version = OTLP_STR_INIT("1.2"),
				   .schema_url = OTLP_STR_INIT("urn:scope")};
	struct otlp_span_event event = {.time_unix_ns = 6, .name = OTLP_STR_INIT("event")};
	struct otlp_span_link link = {
		.trace_id = {4}, .span_id = {5}, .trace_state = OTLP_STR_INIT("l=1")};
	struct otlp_span span = fixture_span(5);
	struct otlp_library *library;
	struct found found;

	(void)state;
	span.resource = &resource;
	span.scope = &scope;
	span.parent_span_id[7] = 9;
	span.trace_state = OTLP_STR("a=b");
	span.kind = OTLP_SPAN_KIND_CLIENT;
	span.flags = 0x301;
	span.end_time_unix_ns = 7;
	span.attributes = (struct otlp_attributes){.items = &number, .count = 1, .dropped = 2};
	span.events = &event;
	span.event_count = 1;
	span.dropped_event_count = 3;
	span.links = &link;
	span.link_count = 1;
	span.dropped_link_count = 4;
	span.status = OTLP_STATUS_ERROR;
	span.status_message = OTLP_STR("bad");
	MODEL_START("--interval", "10ms");
	library = fixture_open();
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_OK);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	assert_int_equal(found.span_count, 1);
	expect_rich_span(&found.spans[0]);
	found_free(&found);
}

static void a_histogram_stays_a_histogram_and_an_integer_an_integer(void **state)
{
	static const uint64_t counts[] = {1, 2, 3};
	static const double bounds[] = {0.5, 10};
	struct otlp_histogram_point histogram = {
		.point = {.start_time_unix_ns = 1, .time_unix_ns = 2},
		.count = 6,
		.has_sum = true,
		.has_min = true,
		.sum = 12.5,
		.min = -1,
		.bucket_counts = counts,
		.bucket_count = 3,
		.bounds = bounds,
		.bound_count = 2};
	struct otlp_number_point number = fixture_point(INT64_MAX);
	struct otlp_metric metrics[2] = {
		{.name = OTLP_STR_INIT("h"),
		 .unit = OTLP_STR_INIT("By"),
		 .type = OTLP_METRIC_HISTOGRAM,
		 .temporality = OTLP_TEMPORALITY_DELTA,
		 .points = {.histogram = &histogram},
		 .point_count = 1},
		{.name = OTLP_STR_INIT("s"),
		 .type = OTLP_METRIC_SUM,
		 .temporality = OTLP_TEMPORALITY_CUMULATIVE,
		 .is_monotonic = true,
		 .points = {.number = &number},
		 .point_count = 1},
	};
	struct otlp_scope_metrics scope = {.metrics = metrics, .metric_count = 2};
	struct otlp_resource_metrics all = {.scope_metrics = &scope, .scope_metrics_count = 1};
	const PB_METRICS(HistogramDataPoint) * point;
	struct otlp_library *library;
	struct found found;

	(void)state;
	MODEL_START("--interval", "10ms");
	library = fixture_open();
	assert_int_equal(otlp_library_export_metrics_ref(library, &all), OTLP_OK);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	assert_int_equal(found.metric_count, 2);
	assert_true(text_is(found.metrics[0].metric->unit, "By"));
	assert_non_null(found.metrics[0].metric->histogram);
	assert_int_equal(found.metrics[0].metric->histogram->aggregation_temporality, 1);
	point = found.metrics[0].metric->histogram->data_points[0];
	assert_int_equal(point->n_bucket_counts, 3);
	assert_int_equal(point->bucket_counts[2], 3);
	assert_int_equal(point->n_explicit_bounds, 2);
	assert_true(point->explicit_bounds[0] == 0.5 && point->sum == 12.5 && point->min == -1);
	assert_int_equal(point->count, 6);
	assert_int_equal(point->optional_max_case, 0); /* was not recorded */
	assert_true(found.metrics[1].metric->sum->data_points[0]->as_int == INT64_MAX);
	assert_int_equal(found.metrics[1].metric->sum->aggregation_temporality, 2);
	assert_true(found.metrics[1].metric->sum->is_monotonic);
	found_free(&found);
}

/* The bytes of all files of traces, and their number. */
static uint64_t trace_bytes(unsigned *ret_count)
{
	uint64_t bytes = 0;
	struct dirent *entry;
	struct stat st;
	char path[96];
	DIR *dir;

	*ret_count = 0;
	snprintf(path, sizeof(path), "%s/traces", model_output);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		const char *end = strstr(entry->d_name, ".binpb");

		if (end == NULL || strcmp(end, ".binpb") != 0 ||
		    fstatat(dirfd(dir), entry->d_name, &st, 0) < 0)
			continue;
		bytes += (uint64_t)st.st_size;
		(*ret_count)++;
	}
	closedir(dir);
	return bytes;
}

static void retention_deletes_the_files_that_rotation_writes(void **state)
{
	const uint64_t limit = 256 << 10;
	struct otlp_library *library;
	struct found found;
	unsigned count, i;
	uint64_t number;

	(void)state;
	MODEL_START("--interval", "10ms", "--batch-bytes", "64KiB", "--rotate-bytes", "64KiB",
		    "--retain-bytes", "256KiB");
	library = fixture_open_rings(1 << 20, 4096);
	for (number = 0; number < 20000; number++) {
		push_number(library, number);
		if (number % 1000 == 999)
			assert_int_equal(otlp_library_flush(library, WAIT_NS), OTLP_OK);
	}
	for (i = 0; trace_bytes(&count) > limit; i++) {
		assert_true(i < WAIT_NS / 10000000);
		usleep(10000);
	}
	assert_true(count > 0);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	assert_int_equal(found_count(&found, 0), 0); /* the oldest went, the newest stay */
	assert_int_equal(found_count(&found, number - 1), 1);
	found_free(&found);
}

static void a_restart_in_the_same_second_keeps_the_last_file(void **state)
{
	struct otlp_library *library = fixture_open();
	struct found found;
	uint64_t i;

	(void)state;
	model_preload->wall_frozen_seconds = 1700000000;
	for (i = 0; i < 3; i++) {
		MODEL_START_PRELOADED("--interval", "10ms");
		push_number(library, i);
		assert_int_equal(otlp_library_flush(library, WAIT_NS), OTLP_OK);
		model_stop();
	}
	otlp_library_unref(library);
	if (model_preload->wall_calls == 0)
		skip();
	found_read(&found);
	EXPECT_NUMBERS(&found, 0, 1, 2);
	assert_true(found.file_count >= 3);
	found_free(&found);
}

static void the_interval_goes_on_when_the_wall_clock_is_set_back(void **state)
{
	struct otlp_library *library;
	struct found found;

	(void)state;
	MODEL_START_PRELOADED("--interval", "50ms");
	library = fixture_open();
	push_number(library, 1);
	found_wait(&found, 1);
	found_free(&found);
	__atomic_store_n(&model_preload->wall_offset_seconds, -24 * 3600, __ATOMIC_RELAXED);
	push_number(library, 2);
	found_wait(&found, 2);
	EXPECT_NUMBERS(&found, 1, 2);
	found_free(&found);
	otlp_library_unref(library);
	model_stop();
	if (model_preload->wall_calls == 0)
		skip();
}

static void force_flush_returns_when_the_data_are_in_the_file(void **state)
{
	struct otlp_span_exporter *exporter = NULL;
	struct otlp_library *library;
	struct found found;
	uint64_t i;

	(void)state;
	MODEL_START("--interval", "1h");
	library = fixture_open();
	assert_int_equal(otlp_library_span_exporter(library, &exporter), OTLP_OK);
	for (i = 0; i < 20; i++) {
		push_number(library, i);
		assert_int_equal(otlp_span_exporter_force_flush(exporter, WAIT_NS).status,
				 OTLP_SDK_SUCCESS);
		found_read(&found);
		assert_int_equal(found.span_count, i + 1);
		assert_int_equal(found_count(&found, i), 1);
		found_free(&found);
	}
	otlp_span_exporter_unref(exporter);
	otlp_library_unref(library);
	model_stop();
}

static void a_record_larger_than_the_ring_blocks_nothing(void **state)
{
	static char large[8192];
	struct otlp_span span = fixture_span(2);
	struct otlp_library *library;
	struct found found;

	(void)state;
	memset(large, 'a', sizeof(large));
	MODEL_START("--interval", "10ms");
	library = fixture_open_rings(4096, 4096);
	push_number(library, 1);
	span.name = (struct otlp_str){large, sizeof(large)};
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_ERR_TOO_LARGE);
	assert_int_equal(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].dropped_too_large, 1);
	push_number(library, 3);
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	EXPECT_NUMBERS(&found, 1, 3);
	found_free(&found);
}

/* The payload of the n-th record of this process's span ring, to write to. */
static uint8_t *record_payload(const struct region_view *view, unsigned n)
{
	struct ring_reader reader;
	struct ring_entry entry;

	assert_int_equal(ring_reader_init(&reader, view->rings[OTLP_SIGNAL_TRACES].shared,
					  view->rings[OTLP_SIGNAL_TRACES].data,
					  view->rings[OTLP_SIGNAL_TRACES].bytes, false),
			 0);
	do
		assert_true(fixture_next_record(&reader, &entry));
	while (n-- > 0);
	return view->rings[OTLP_SIGNAL_TRACES].data +
	       (entry.payload - view->rings[OTLP_SIGNAL_TRACES].data);
}

static void a_record_that_cannot_be_decoded_blocks_nothing(void **state)
{
	struct otlp_library *library = fixture_open();
	char name[REGION_NAME_BYTES_MAX];
	struct region_view view;
	struct found found;

	(void)state;
	push_number(library, 0);
	push_number(library, 1);
	push_number(library, 2);
	find_region(name);
	assert_int_equal(region_attach(&view, &shm_fixture_dir, name, true), 0);
	memset(record_payload(&view, 1), 0xee, 16);
	region_detach(&view);
	MODEL_START("--interval", "10ms");
	push_number(library, 3);
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	EXPECT_NUMBERS(&found, 0, 2, 3);
	assert_int_equal(found.invalid_items, 1);
	found_free(&found);
}

/* A claim that is never committed, in the middle of this process's span ring. */
static void claim_and_stop_there(void)
{
	char name[REGION_NAME_BYTES_MAX];
	struct ring_claim claim;
	struct region_view view;
	struct ring ring;

	if (!find_region_of(getpid(), name) ||
	    region_attach(&view, &shm_fixture_dir, name, true) < 0)
		_exit(10);
	ring_init(&ring, view.rings[OTLP_SIGNAL_TRACES].shared, view.rings[OTLP_SIGNAL_TRACES].data,
		  view.rings[OTLP_SIGNAL_TRACES].bytes);
	if (!ring_claim(&ring, 100, 1, &claim))
		_exit(11);
	/* Not kept: the region's lock is the library's mapping. */
	region_detach(&view);
}

static void a_producer_killed_between_claim_and_commit_blocks_nobody(void **state)
{
	uint32_t *ready = share(sizeof(*ready));
	struct otlp_library *library;
	struct found found;
	uint64_t i;
	pid_t pid;

	(void)state;
	MODEL_START("--interval", "10ms");
	library = fixture_open();
	pid = fork_child();
	if (pid == 0) {
		push_number(library, 1);
		claim_and_stop_there();
		/* As another thread of that process: it is not blocked. */
		for (i = 2; i < 6; i++)
			push_number(library, i);
		atomic_store_release_u32(ready, 1);
		pause();
		_exit(1);
	}
	assert_true(wait_for_word(ready, 1));
	/* Nor is any other producer, while that one stands still and lives. */
	push_number(library, 100);
	assert_int_equal(otlp_library_flush(library, WAIT_NS), OTLP_OK);
	found_read(&found);
	assert_int_equal(found_count(&found, 100), 1);
	found_free(&found);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(WIFSIGNALED(wait_child(pid)));
	found_wait(&found, 6); /* what it had committed behind the hole, too */
	EXPECT_NUMBERS(&found, 1, 2, 3, 4, 5, 100);
	assert_int_equal(found.torn_bytes, entry_bytes(100));
	found_free(&found);
	otlp_library_unref(library);
	model_stop();
}

static void a_dead_writer_makes_nobody_wait(void **state)
{
	const uint64_t pushes = 100000;
	struct otlp_library *library;
	struct otlp_stats stats;
	uint64_t accepted = 0, i;
	struct found found;

	(void)state;
	MODEL_START("--interval", "1h");
	library = fixture_open_rings(16 << 10, 4096);
	model_end_writer();
	for (i = 0; i < pushes; i++) {
		struct otlp_span span = fixture_span(i);
		int rc = otlp_library_export_traces(library, &span, 1);

		assert_int_equal(rc, accepted == i && rc == OTLP_OK ? OTLP_OK : OTLP_ERR_FULL);
		accepted += rc == OTLP_OK;
	}
	stats = fixture_stats(library);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].accepted, accepted);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].dropped_full, pushes - accepted);
	assert_int_equal(otlp_library_flush(library, OTLP_FOREVER), OTLP_ERR_NO_WRITER);
	assert_int_equal(otlp_library_shutdown(library, OTLP_FOREVER), OTLP_ERR_NO_WRITER);
	otlp_library_unref(library);
	MODEL_START("--interval", "10ms"); /* and nothing that was accepted is lost */
	model_stop();
	found_read(&found);
	assert_int_equal(found.span_count, accepted);
	for (i = 0; i < accepted; i++)
		assert_int_equal(found_count(&found, i), 1);
	found_free(&found);
}

/* Children of each kind; all push to rings of their own, and each span is written once. */
static void forked_children_push_to_rings_of_their_own(void **state)
{
	struct otlp_library *library;
	struct found found;
	pid_t pid, quiet;

	(void)state;
	MODEL_START("--interval", "10ms");
	library = fixture_open();
	push_number(library, 0);
	quiet = fork_child();
	if (quiet == 0) { /* never pushes, and takes nothing of its parent's along */
		otlp_library_unref(library);
		_exit(0);
	}
	expect_child_succeeds(quiet);
	pid = fork_child();
	if (pid == 0) {
		push_number(library, 1);
		pid = fork();
		if (pid == 0) {
			push_number(library, 2);
			_exit(0); /* and leaves its region to the writer */
		}
		push_number(library, 3);
		if (wait_child(pid) != 0 || otlp_library_flush(library, WAIT_NS) != OTLP_OK)
			_exit(1);
		otlp_library_unref(library);
		_exit(0);
	}
	push_number(library, 4);
	expect_child_succeeds(pid);
	pid = vfork();
	if (pid == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	assert_int_equal(wait_child(pid), 0);
	push_number(library, 5);
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	EXPECT_NUMBERS(&found, 0, 1, 2, 3, 4, 5);
	found_free(&found);
	assert_int_equal(count_regions(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MODEL_TEST(export_after_shutdown_is_no_success),
		MODEL_TEST(a_batch_whose_write_fails_is_not_lost),
		MODEL_TEST(a_batch_that_does_not_fit_whole_is_taken_as_far_as_it_fits),
		MODEL_TEST(nothing_of_a_span_is_lost_on_the_way),
		MODEL_TEST(a_histogram_stays_a_histogram_and_an_integer_an_integer),
		MODEL_TEST(retention_deletes_the_files_that_rotation_writes),
		MODEL_TEST(a_restart_in_the_same_second_keeps_the_last_file),
		MODEL_TEST(the_interval_goes_on_when_the_wall_clock_is_set_back),
		MODEL_TEST(force_flush_returns_when_the_data_are_in_the_file),
		MODEL_TEST(a_record_larger_than_the_ring_blocks_nothing),
		MODEL_TEST(a_record_that_cannot_be_decoded_blocks_nothing),
		MODEL_TEST(a_producer_killed_between_claim_and_commit_blocks_nobody),
		MODEL_TEST(a_dead_writer_makes_nobody_wait),
		MODEL_TEST(forked_children_push_to_rings_of_their_own),
	};

	model_clean_environment();
	return cmocka_run_group_tests_name("model_faults", tests, NULL, NULL);
}
