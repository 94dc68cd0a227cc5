/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the exporter model (docs/model.md), one test each, named by their number. This
 * process is the producer, the writer is another.
 */
#include "tests/pipeline/model_fixture.h"

#include <pthread.h>

#include "tests/gen.h"

static struct otlp_span_exporter *span_exporter(struct otlp_library *library)
{
	struct otlp_span_exporter *exporter = NULL;

	assert_int_equal(otlp_library_span_exporter(library, &exporter), OTLP_OK);
	assert_non_null(exporter);
	return exporter;
}

static struct otlp_metric_exporter *metric_exporter(struct otlp_library *library)
{
	struct otlp_metric_exporter *exporter = NULL;

	assert_int_equal(otlp_library_metric_exporter(library, &exporter), OTLP_OK);
	assert_non_null(exporter);
	return exporter;
}

static void export_number(struct otlp_span_exporter *exporter, uint64_t number)
{
	struct otlp_span span = fixture_span(number);
	struct otlp_sdk_result result = otlp_span_exporter_export(exporter, &span, 1);

	assert_int_equal(result.status, OTLP_SDK_SUCCESS);
	assert_int_equal(result.cause, OTLP_OK);
}

static void rule_1_a_library_that_was_shut_down_makes_no_exporter(void **state)
{
	struct otlp_metric_exporter *metrics = NULL;
	struct otlp_span_exporter *spans = NULL;
	struct otlp_library *library;

	(void)state;
	MODEL_START("--interval", "10ms");
	library = fixture_open();
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	assert_int_equal(otlp_library_metric_exporter(library, &metrics), OTLP_ERR_SHUTDOWN);
	assert_int_equal(otlp_library_span_exporter(library, &spans), OTLP_ERR_SHUTDOWN);
	assert_null(metrics);
	assert_null(spans);
	assert_string_equal(otlp_strerror(OTLP_ERR_SHUTDOWN), "the library was shut down");
	otlp_library_unref(library);
	model_stop();
}

static bool resource_has(const PB_RESOURCE(Resource) * resource, const char *key, const char *value)
{
	size_t i;

	for (i = 0; i < resource->n_attributes; i++)
		if (text_is(resource->attributes[i]->key, key))
			return text_is(resource->attributes[i]->value->string_value, value);
	return false;
}

static void rule_2_exporters_keep_the_library_and_each_span_names_its_resource(void **state)
{
	struct otlp_attribute names[2] = {
		otlp_attr_str(OTLP_STR("service.name"), OTLP_STR("exporter's")),
		otlp_attr_str(OTLP_STR("service.name"), OTLP_STR("span's")),
	};
	struct otlp_resource resources[2] = {{.attributes = {.items = &names[0], .count = 1}},
					     {.attributes = {.items = &names[1], .count = 1}}};
	struct otlp_span_exporter *first, *second;
	struct otlp_library *library;
	struct otlp_span span = fixture_span(3);
	struct found found;
	size_t i;

	(void)state;
	setenv("OTEL_SERVICE_NAME", "library's", 1);
	library = fixture_open();
	unsetenv("OTEL_SERVICE_NAME");
	first = span_exporter(library);
	second = span_exporter(library);
	otlp_library_unref(library); /* both live on */
	export_number(first, 1);
	assert_int_equal(otlp_span_exporter_set_resource(first, &resources[0]).cause, OTLP_OK);
	export_number(first, 2);
	span.resource = &resources[1];
	assert_int_equal(otlp_span_exporter_export(first, &span, 1).status, OTLP_SDK_SUCCESS);
	otlp_span_exporter_unref(first);
	export_number(second, 4);
	otlp_span_exporter_unref(second);
	MODEL_START("--drain");
	assert_int_equal(wait_child(model_writer), 0);
	model_writer = 0;
	found_read(&found);
	EXPECT_NUMBERS(&found, 1, 2, 3, 4);
	for (i = 0; i < found.span_count; i++) {
		static const char *const expected[] = {"", "library's", "exporter's", "span's",
						       "library's"};

		assert_true(resource_has(found.spans[i].resource->resource, "service.name",
					 expected[found.spans[i].span->start_time_unix_nano]));
	}
	found_free(&found);
	assert_int_equal(count_regions(), 0);
}

static void rule_3_the_shutdown_of_an_exporter_changes_nothing(void **state)
{
	struct otlp_metric_exporter *metrics;
	struct otlp_span_exporter *spans, *other;
	struct otlp_library *library;
	struct otlp_number_point point = fixture_point(1);
	struct fixture_gauge gauge;
	struct found found;

	(void)state;
	MODEL_START("--interval", "10ms");
	fixture_gauge_init(&gauge, &point, 1);
	library = fixture_open();
	metrics = metric_exporter(library);
	spans = span_exporter(library);
	other = span_exporter(library);
	assert_int_equal(otlp_span_exporter_shutdown(spans, 0).status, OTLP_SDK_SUCCESS);
	assert_int_equal(otlp_span_exporter_shutdown(spans, WAIT_NS).status, OTLP_SDK_SUCCESS);
	assert_int_equal(otlp_metric_exporter_shutdown(metrics, 0).status, OTLP_SDK_SUCCESS);
	export_number(spans, 1);
	export_number(other, 2);
	push_number(library, 3);
	assert_int_equal(otlp_metric_exporter_export(metrics, &gauge.metrics).status,
			 OTLP_SDK_SUCCESS);
	assert_int_equal(otlp_metric_exporter_force_flush(metrics, WAIT_NS).status,
			 OTLP_SDK_SUCCESS);
	/* The library ends by its own call; twice is harmless. */
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	assert_int_equal(otlp_span_exporter_shutdown(spans, 0).status, OTLP_SDK_SUCCESS);
	otlp_metric_exporter_unref(metrics);
	otlp_span_exporter_unref(spans);
	otlp_span_exporter_unref(other);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	EXPECT_NUMBERS(&found, 1, 2, 3);
	assert_int_equal(found.metric_count, 1);
	found_free(&found);
}

static void rule_4_after_the_shutdown_each_export_fails_and_is_counted(void **state)
{
	struct otlp_metric_exporter *metrics;
	struct otlp_span_exporter *spans;
	struct otlp_library *library;
	struct otlp_number_point point = fixture_point(1);
	struct otlp_span span = fixture_span(2);
	struct otlp_sdk_result result;
	struct fixture_gauge gauge;
	struct otlp_stats stats;
	struct found found;

	(void)state;
	MODEL_START("--interval", "10ms");
	fixture_gauge_init(&gauge, &point, 1);
	library = fixture_open();
	metrics = metric_exporter(library);
	spans = span_exporter(library);
	export_number(spans, 1);
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	result = otlp_span_exporter_export(spans, &span, 1);
	assert_int_equal(result.status, OTLP_SDK_INTERNAL_FAILURE);
	assert_int_equal(result.cause, OTLP_ERR_SHUTDOWN);
	result = otlp_metric_exporter_export(metrics, &gauge.metrics);
	assert_int_equal(result.status, OTLP_SDK_INTERNAL_FAILURE);
	assert_int_equal(result.cause, OTLP_ERR_SHUTDOWN);
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_ERR_SHUTDOWN);
	stats = fixture_stats(library);
	assert_int_equal(stats.rejected_after_shutdown, 3);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].accepted, 1);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].accepted, 0);
	/* Still valid objects. */
	assert_int_equal(otlp_span_exporter_force_flush(spans, WAIT_NS).status, OTLP_SDK_SUCCESS);
	assert_int_equal(otlp_metric_exporter_temporality(metrics, OTLP_COUNTER),
			 OTLP_TEMPORALITY_CUMULATIVE);
	otlp_library_unref(library);
	otlp_span_exporter_unref(spans);
	otlp_metric_exporter_unref(metrics);
	model_stop();
	found_read(&found);
	EXPECT_NUMBERS(&found, 1);
	assert_int_equal(found.metric_count, 0);
	found_free(&found);
}

static void rule_5_empty_input_is_a_success_that_writes_nothing(void **state)
{
	struct otlp_resource_metrics no_scopes = {0}, no_metrics = {0}, no_points = {0};
	struct otlp_scope_metrics empty_scope = {0}, one_metric = {0};
	struct otlp_metric no_point = {.name = OTLP_STR("m"), .type = OTLP_METRIC_GAUGE};
	struct otlp_library *library;
	struct otlp_stats stats;
	struct found found;

	(void)state;
	MODEL_START("--interval", "10ms");
	library = fixture_open();
	no_metrics.scope_metrics = &empty_scope;
	no_metrics.scope_metrics_count = 1;
	one_metric.metrics = &no_point;
	one_metric.metric_count = 1;
	no_points.scope_metrics = &one_metric;
	no_points.scope_metrics_count = 1;
	assert_int_equal(otlp_library_export_metrics_ref(library, &no_scopes), OTLP_OK);
	assert_int_equal(otlp_library_export_metrics_ref(library, &no_metrics), OTLP_OK);
	assert_int_equal(otlp_library_export_metrics_ref(library, &no_points), OTLP_OK);
	assert_int_equal(otlp_library_export_traces(library, NULL, 0), OTLP_OK);
	assert_int_equal(otlp_library_flush(library, WAIT_NS), OTLP_OK);
	stats = fixture_stats(library);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].accepted_bytes +
				 stats.signals[OTLP_SIGNAL_METRICS].accepted_bytes,
			 0);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].dropped_invalid +
				 stats.signals[OTLP_SIGNAL_METRICS].dropped_invalid,
			 0);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	assert_int_equal(found.span_count + found.metric_count, 0);
	assert_int_equal(found.written_items, 0);
	found_free(&found);
}

/* Each of these makes a valid span bad; all of them are refused whole. */
static size_t make_bad_spans(struct otlp_span *bad)
{
	static const struct otlp_attribute no_text = {{NULL, 1}, {OTLP_VALUE_INT, {{0, 0}}}};
	static const struct otlp_attribute bad_type = {OTLP_STR_INIT("k"),
						       {(enum otlp_value_type)8, {{0, 0}}}};
	static const struct otlp_attribute bad_text = {
		OTLP_STR_INIT("k"), {OTLP_VALUE_STRING, {OTLP_STR_INIT("\xed\xa0\x80")}}};
	static const struct otlp_span_link zero_link = {.span_id = {1}};
	size_t count = 14, i;

	for (i = 0; i < count; i++)
		bad[i] = fixture_span(100 + i);
	memset(bad[0].trace_id, 0, 16);
	memset(bad[1].span_id, 0, 8);
	bad[2].name = (struct otlp_str){NULL, 4};
	bad[3].name = OTLP_STR("\xff");
	bad[4].kind = (enum otlp_span_kind)6;
	bad[5].status = (enum otlp_status_code)3;
	bad[6].attributes.count = 1;
	bad[7].event_count = 1;
	bad[8].link_count = 1;
	bad[9].attributes = (struct otlp_attributes){.items = &no_text, .count = 1};
	bad[10].attributes = (struct otlp_attributes){.items = &bad_type, .count = 1};
	bad[11].attributes = (struct otlp_attributes){.items = &bad_text, .count = 1};
	bad[12].links = &zero_link;
	bad[12].link_count = 1;
	bad[13].reserved[1] = "later";
	return count;
}

static size_t make_bad_metrics(struct otlp_metric *bad, const struct otlp_metric *good)
{
	static const double bounds[] = {1, 2};
	static const uint64_t counts[] = {1, 2};
	static struct otlp_histogram_point histogram;
	static struct otlp_number_point unknown;
	size_t count = 6, i;

	histogram.bounds = bounds;
	histogram.bound_count = 2;
	histogram.bucket_counts = counts;
	histogram.bucket_count = 2; /* must be 3 */
	unknown = fixture_point(1);
	unknown.value.type = (enum otlp_number_type)3;
	for (i = 0; i < count; i++)
		bad[i] = *good;
	bad[0].type = (enum otlp_metric_type)6;
	bad[1].type = OTLP_METRIC_SUM; /* without a temporality */
	bad[2].points.number = NULL;
	bad[3].type = OTLP_METRIC_HISTOGRAM;
	bad[3].temporality = OTLP_TEMPORALITY_DELTA;
	bad[3].points.histogram = &histogram;
	bad[4].unit = OTLP_STR("\xc3");
	bad[5].points.number = &unknown;
	return count;
}

static void rule_6_bad_input_is_refused_whole_and_its_neighbours_are_taken(void **state)
{
	struct otlp_number_point point = fixture_point(7);
	struct otlp_metric bad_metrics[16], three[3];
	struct otlp_span bad[16], spans[3];
	struct otlp_library *library;
	struct fixture_gauge gauge;
	size_t count, i, metric_count;
	struct otlp_stats stats;
	struct found found;

	(void)state;
	MODEL_START("--interval", "10ms");
	library = fixture_open();
	count = make_bad_spans(bad);
	for (i = 0; i < count; i++) {
		spans[0] = fixture_span(2 * i);
		spans[1] = bad[i];
		spans[2] = fixture_span(2 * i + 1);
		assert_int_equal(otlp_library_export_traces(library, spans, 3), OTLP_ERR_INVALID);
		stats = fixture_stats(library);
		assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].dropped_invalid, i + 1);
		assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].accepted, 2 * (i + 1));
	}
	fixture_gauge_init(&gauge, &point, 1);
	metric_count = make_bad_metrics(bad_metrics, &gauge.metric);
	for (i = 0; i < metric_count; i++) {
		three[0] = three[2] = gauge.metric;
		three[1] = bad_metrics[i];
		gauge.scope.metrics = three;
		gauge.scope.metric_count = 3;
		assert_int_equal(otlp_library_export_metrics_ref(library, &gauge.metrics),
				 OTLP_ERR_INVALID);
		stats = fixture_stats(library);
		assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].dropped_invalid, i + 1);
		assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].accepted, 2 * (i + 1));
	}
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	assert_int_equal(found.span_count, 2 * count);
	for (i = 0; i < 2 * count; i++)
		assert_int_equal(found_count(&found, i), 1);
	assert_int_equal(found.metric_count, 2 * metric_count);
	assert_int_equal(found.invalid_items, 0); /* the writer had nothing to refuse */
	found_free(&found);
}

static void rule_7_each_error_is_the_sdks_failure_with_its_cause(void **state)
{
	struct otlp_library *library = fixture_open_rings(4096, 4096);
	struct otlp_span_exporter *spans = span_exporter(library);
	static char large[4000];
	struct otlp_span span = fixture_span(1), bad = fixture_span(1);
	struct otlp_sdk_result result;

	(void)state;
	bad.status = (enum otlp_status_code)9;
	result = otlp_span_exporter_export(spans, &bad, 1);
	assert_int_equal(result.status, OTLP_SDK_INTERNAL_FAILURE);
	assert_int_equal(result.cause, OTLP_ERR_INVALID);
	memset(large, 'a', sizeof(large));
	bad = fixture_span(1);
	bad.name = (struct otlp_str){large, sizeof(large)};
	result = otlp_span_exporter_export(spans, &bad, 1);
	assert_int_equal(result.status, OTLP_SDK_INTERNAL_FAILURE);
	assert_int_equal(result.cause, OTLP_ERR_TOO_LARGE);
	do
		result = otlp_span_exporter_export(spans, &span, 1);
	while (result.status == OTLP_SDK_SUCCESS);
	assert_int_equal(result.cause, OTLP_ERR_FULL);
	result = otlp_span_exporter_force_flush(spans, WAIT_NS);
	assert_int_equal(result.status, OTLP_SDK_INTERNAL_FAILURE);
	assert_int_equal(result.cause, OTLP_ERR_NO_WRITER);
	/* With a writer that stands still. */
	MODEL_START("--interval", "1h");
	assert_int_equal(kill(model_writer, SIGSTOP), 0);
	assert_int_equal(waitpid(model_writer, NULL, WUNTRACED), model_writer);
	while (otlp_span_exporter_export(spans, &span, 1).status == OTLP_SDK_SUCCESS)
		;
	result = otlp_span_exporter_force_flush(spans, 1000000);
	assert_int_equal(result.status, OTLP_SDK_INTERNAL_FAILURE);
	assert_int_equal(result.cause, OTLP_ERR_TIMEOUT);
	assert_int_equal(kill(model_writer, SIGCONT), 0);
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	result = otlp_span_exporter_export(spans, &span, 1);
	assert_int_equal(result.status, OTLP_SDK_INTERNAL_FAILURE);
	assert_int_equal(result.cause, OTLP_ERR_SHUTDOWN);
	otlp_span_exporter_unref(spans);
	otlp_library_unref(library);
	model_stop();
}

#define RULE_8_THREADS 4
#define RULE_8_SPANS   2000

struct rule_8 {
	pthread_t thread;
	struct otlp_span_exporter *exporter;
	unsigned number, failed;
};

static void *rule_8_push(void *context)
{
	struct rule_8 *self = context;
	unsigned i;

	for (i = 0; i < RULE_8_SPANS; i++) {
		struct otlp_span span = fixture_span(self->number * RULE_8_SPANS + i);

		self->failed +=
			otlp_span_exporter_export(self->exporter, &span, 1).cause != OTLP_OK;
	}
	return NULL;
}

static void rule_8_threads_share_an_exporter_without_a_lock(void **state)
{
	struct otlp_library *library;
	struct otlp_span_exporter *spans;
	struct rule_8 threads[RULE_8_THREADS] = {0};
	uint64_t next[RULE_8_THREADS] = {0};
	struct found found;
	size_t i;

	(void)state;
	MODEL_START("--interval", "10ms");
	library = fixture_open_rings(4 << 20, 4096);
	spans = span_exporter(library);
	for (i = 0; i < RULE_8_THREADS; i++) {
		threads[i].exporter = spans;
		threads[i].number = (unsigned)i;
		assert_int_equal(pthread_create(&threads[i].thread, NULL, rule_8_push, &threads[i]),
				 0);
	}
	for (i = 0; i < RULE_8_THREADS; i++) {
		assert_int_equal(pthread_join(threads[i].thread, NULL), 0);
		assert_int_equal(threads[i].failed, 0);
	}
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	otlp_span_exporter_unref(spans);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	assert_int_equal(found.span_count, RULE_8_THREADS * RULE_8_SPANS);
	for (i = 0; i < found.span_count; i++) { /* each once, and in its thread's order */
		uint64_t number = found.spans[i].span->start_time_unix_nano;

		assert_int_equal(number % RULE_8_SPANS, next[number / RULE_8_SPANS]++);
	}
	found_free(&found);
}

#define RULE_9_SPANS   200
#define RULE_9_METRICS 200

static const struct found_span *find_span(const struct found *found, uint64_t number)
{
	size_t i;

	for (i = 0; i < found->span_count; i++)
		if (found->spans[i].span->start_time_unix_nano == number)
			return &found->spans[i];
	fail_msg("span %" PRIu64 " is not written", number);
	return NULL;
}

static void expect_same(const void *found, void *expected)
{
	char where[256] = "";

	if (!oracle_equal(found, expected, where, sizeof(where)))
		fail_msg("not what was exported: %s", where);
	oracle_free(expected);
}

static void expect_span(const struct found *found, const struct otlp_span *span)
{
	const struct found_span *have = find_span(found, span->start_time_unix_ns);

	expect_same(have->span, oracle_span(span));
	if (span->resource != NULL)
		expect_same(have->resource->resource, oracle_resource(span->resource));
	if (span->scope != NULL)
		expect_same(have->scope->scope, oracle_scope(span->scope));
	else
		assert_null(have->scope->scope);
}

/* The same spans one by one, in a batch, and by way of an exporter. */
static void rule_9_each_way_of_exporting_spans_gives_the_same_otlp(void **state)
{
	static struct otlp_span spans[3][RULE_9_SPANS];
	struct gen *gen = gen_new(9);
	struct otlp_library *library;
	struct otlp_span_exporter *exporter;
	struct found found;
	size_t i, way;

	(void)state;
	gen_set_size(gen, GEN_TYPICAL);
	MODEL_START("--interval", "10ms");
	library = fixture_open_rings(8 << 20, 4096);
	exporter = span_exporter(library);
	for (i = 0; i < RULE_9_SPANS; i++) {
		for (way = 0; way < 3; way++) {
			spans[way][i] = way == 0 ? *gen_span(gen) : spans[0][i];
			spans[way][i].start_time_unix_ns = way * RULE_9_SPANS + i;
		}
		assert_int_equal(otlp_library_export_traces(library, &spans[0][i], 1), OTLP_OK);
	}
	assert_int_equal(otlp_library_export_traces(library, spans[1], RULE_9_SPANS), OTLP_OK);
	assert_int_equal(otlp_span_exporter_export(exporter, spans[2], RULE_9_SPANS).cause,
			 OTLP_OK);
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	otlp_span_exporter_unref(exporter);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	assert_int_equal(found.span_count, 3 * RULE_9_SPANS);
	for (way = 0; way < 3; way++)
		for (i = 0; i < RULE_9_SPANS; i++)
			expect_span(&found, &spans[way][i]);
	found_free(&found);
	gen_free(gen);
}

static const struct found_metric *find_metric(const struct found *found, const char *name)
{
	size_t i;

	for (i = 0; i < found->metric_count; i++)
		if (text_is(found->metrics[i].metric->name, name))
			return &found->metrics[i];
	fail_msg("metric %s is not written", name);
	return NULL;
}

static void rule_9_each_way_of_exporting_metrics_gives_the_same_otlp(void **state)
{
	static struct otlp_metric metrics[RULE_9_METRICS];
	static struct otlp_scope_metrics scopes[RULE_9_METRICS];
	static char names[RULE_9_METRICS][16];
	struct otlp_metric_exporter *exporter;
	struct gen *gen = gen_new(10);
	struct otlp_library *library;
	struct found found;
	size_t i;

	(void)state;
	gen_set_size(gen, GEN_TYPICAL);
	MODEL_START("--interval", "10ms");
	library = fixture_open_rings(4096, 8 << 20);
	exporter = metric_exporter(library);
	for (i = 0; i < RULE_9_METRICS; i++) {
		struct otlp_resource_metrics all = {.resource = gen_resource(gen),
						    .scope_metrics = &scopes[i],
						    .scope_metrics_count = 1};

		/* Each metric twice: by reference, and by the exporter. */
		metrics[i] = i % 2 == 0 ? *gen_metric(gen) : metrics[i - 1];
		snprintf(names[i], sizeof(names[i]), "m%zu", i);
		metrics[i].name = (struct otlp_str){names[i], strlen(names[i])};
		scopes[i].scope = i % 2 == 0 ? *gen_scope(gen) : scopes[i - 1].scope;
		scopes[i].metrics = &metrics[i];
		scopes[i].metric_count = 1;
		if (i % 2 == 0)
			assert_int_equal(otlp_library_export_metrics_ref(library, &all), OTLP_OK);
		else
			assert_int_equal(otlp_metric_exporter_export(exporter, &all).cause,
					 OTLP_OK);
	}
	assert_int_equal(otlp_library_shutdown(library, WAIT_NS), OTLP_OK);
	otlp_metric_exporter_unref(exporter);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	assert_int_equal(found.metric_count, RULE_9_METRICS);
	for (i = 0; i < RULE_9_METRICS; i++) {
		const struct found_metric *have = find_metric(&found, names[i]);

		expect_same(have->metric, oracle_metric(&metrics[i]));
		expect_same(have->scope->scope, oracle_scope(&scopes[i].scope));
	}
	found_free(&found);
	gen_free(gen);
}

static void rule_10_data_flow_to_the_disk_at_the_interval(void **state)
{
	struct otlp_library *library;
	struct found found;

	(void)state;
	MODEL_START("--interval", "20ms");
	library = fixture_open();
	push_number(library, 1);
	found_wait(&found, 1); /* nobody flushes */
	EXPECT_NUMBERS(&found, 1);
	found_free(&found);
	otlp_library_unref(library);
	model_stop();
}

static void rule_10_data_flow_to_the_disk_when_a_batch_is_full(void **state)
{
	struct otlp_library *library;
	struct found found;
	uint64_t i;

	(void)state;
	MODEL_START("--interval", "1h", "--batch-bytes", "64KiB");
	library = fixture_open_rings(4 << 20, 4096);
	for (i = 0; i < 8000; i++) /* less than a quarter of the ring, more than ten batches */
		push_number(library, i);
	assert_true(fixture_stats(library).signals[OTLP_SIGNAL_TRACES].accepted_bytes < 1 << 20);
	found_wait(&found, 1000);
	found_free(&found);
	otlp_library_unref(library);
	model_stop();
	found_read(&found);
	assert_int_equal(found.span_count, 8000);
	found_free(&found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MODEL_TEST(rule_1_a_library_that_was_shut_down_makes_no_exporter),
		MODEL_TEST(rule_2_exporters_keep_the_library_and_each_span_names_its_resource),
		MODEL_TEST(rule_3_the_shutdown_of_an_exporter_changes_nothing),
		MODEL_TEST(rule_4_after_the_shutdown_each_export_fails_and_is_counted),
		MODEL_TEST(rule_5_empty_input_is_a_success_that_writes_nothing),
		MODEL_TEST(rule_6_bad_input_is_refused_whole_and_its_neighbours_are_taken),
		MODEL_TEST(rule_7_each_error_is_the_sdks_failure_with_its_cause),
		MODEL_TEST(rule_8_threads_share_an_exporter_without_a_lock),
		MODEL_TEST(rule_9_each_way_of_exporting_spans_gives_the_same_otlp),
		MODEL_TEST(rule_9_each_way_of_exporting_metrics_gives_the_same_otlp),
		MODEL_TEST(rule_10_data_flow_to_the_disk_at_the_interval),
		MODEL_TEST(rule_10_data_flow_to_the_disk_when_a_batch_is_full),
	};

	model_clean_environment();
	return cmocka_run_group_tests_name("model_rules", tests, NULL, NULL);
}
