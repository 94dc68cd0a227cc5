/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator's data: what each record promises to whoever counts them. */
#include "cli/load_data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOW_NS	UINT64_C(1700000000000000000)
#define RECORDS 2000

static const struct otlp_value *find(const struct otlp_attributes *attributes, const char *key)
{
	for (size_t i = 0; i < attributes->count; i++) {
		const struct otlp_attribute *a = &attributes->items[i];

		if (a->key.len == strlen(key) && memcmp(a->key.ptr, key, a->key.len) == 0)
			return &a->value;
	}
	return NULL;
}

static void assert_numbered(const struct otlp_attributes *attributes, int64_t producer, int64_t seq)
{
	const struct otlp_value *p = find(attributes, "otlpipe.load.producer");
	const struct otlp_value *s = find(attributes, "otlpipe.load.seq");

	assert_non_null(p);
	assert_non_null(s);
	assert_int_equal(p->type, OTLP_VALUE_INT);
	assert_int_equal(s->type, OTLP_VALUE_INT);
	assert_int_equal(p->as.integer, producer);
	assert_int_equal(s->as.integer, seq);
	assert_true(attributes->count <= LOAD_ATTRIBUTES_MAX);
}

static const struct otlp_point *point_of(const struct otlp_metric *metric)
{
	switch (metric->type) {
	case OTLP_METRIC_GAUGE:
	case OTLP_METRIC_SUM:
		return &metric->points.number->point;
	case OTLP_METRIC_HISTOGRAM:
		return &metric->points.histogram->point;
	case OTLP_METRIC_EXP_HISTOGRAM:
		return &metric->points.exp_histogram->point;
	case OTLP_METRIC_SUMMARY:
		return &metric->points.summary->point;
	}
	fail();
	return NULL;
}

static void each_span_is_numbered_and_some_have_events_links_and_errors(void **state)
{
	struct load_producer p;
	size_t events = 0, links = 0, errors = 0, clients = 0;

	(void)state;
	load_producer_init(&p, 1, 7, 0, NOW_NS);
	for (int64_t i = 0; i < RECORDS; i++) {
		const struct otlp_span *span = load_next_span(&p, NOW_NS);

		assert_numbered(&span->attributes, 7, i);
		assert_true(span->start_time_unix_ns < span->end_time_unix_ns);
		assert_true(span->name.len > 0);
		events += span->event_count;
		links += span->link_count;
		errors += span->status == OTLP_STATUS_ERROR;
		clients += span->kind == OTLP_SPAN_KIND_CLIENT;
	}
	assert_true(events > 0 && events < RECORDS / 10);
	assert_true(links > 0 && links < RECORDS / 5);
	assert_true(errors >= events);
	assert_true(clients > RECORDS / 4 && clients < RECORDS * 3 / 4);
}

static void calls_come_before_their_server_span_and_name_it_as_parent(void **state)
{
	static const uint8_t none[8];
	struct load_producer p;
	uint8_t trace[16];
	uint8_t parent[8];
	size_t calls = 0;

	(void)state;
	load_producer_init(&p, 1, 0, 0, NOW_NS);
	for (int i = 0; i < RECORDS; i++) {
		const struct otlp_span *span = load_next_span(&p, NOW_NS);

		if (calls > 0)
			assert_memory_equal(span->trace_id, trace, sizeof(trace));
		if (span->kind == OTLP_SPAN_KIND_CLIENT) {
			memcpy(trace, span->trace_id, sizeof(trace));
			memcpy(parent, span->parent_span_id, sizeof(parent));
			calls++;
			continue;
		}
		assert_int_equal(span->kind, OTLP_SPAN_KIND_SERVER);
		assert_memory_equal(span->parent_span_id, none, sizeof(none));
		if (calls > 0)
			assert_memory_equal(span->span_id, parent, sizeof(parent));
		calls = 0;
	}
}

static void points_are_numbered_and_of_all_five_kinds(void **state)
{
	struct load_producer p;
	size_t kinds[OTLP_METRIC_SUMMARY + 1] = {0};

	(void)state;
	load_producer_init(&p, 1, 3, 0, NOW_NS);
	for (int64_t i = 0; i < RECORDS; i++) {
		const struct otlp_resource_metrics *rm = load_next_point(&p, NOW_NS);
		const struct otlp_metric *metric = rm->scope_metrics->metrics;

		assert_int_equal(rm->scope_metrics_count, 1);
		assert_int_equal(rm->scope_metrics->metric_count, 1);
		assert_int_equal(metric->point_count, 1);
		assert_numbered(&point_of(metric)->attributes, 3, i);
		kinds[metric->type]++;
	}
	for (int kind = OTLP_METRIC_GAUGE; kind <= OTLP_METRIC_SUMMARY; kind++)
		assert_true(kinds[kind] >= RECORDS / 6);
}

static void histogram_counts_are_the_sum_of_their_buckets(void **state)
{
	struct load_producer p;

	(void)state;
	load_producer_init(&p, 1, 3, 0, NOW_NS);
	for (int i = 0; i < RECORDS; i++) {
		const struct otlp_metric *metric =
			load_next_point(&p, NOW_NS)->scope_metrics->metrics;
		uint64_t sum = 0;

		if (metric->type == OTLP_METRIC_HISTOGRAM) {
			const struct otlp_histogram_point *h = metric->points.histogram;

			assert_int_equal(h->bucket_count, h->bound_count + 1);
			for (size_t b = 0; b < h->bucket_count; b++)
				sum += h->bucket_counts[b];
			assert_int_equal(h->count, sum);
		} else if (metric->type == OTLP_METRIC_EXP_HISTOGRAM) {
			const struct otlp_exp_histogram_point *h = metric->points.exp_histogram;

			for (size_t b = 0; b < h->positive.count; b++)
				sum += h->positive.counts[b];
			assert_int_equal(h->count, h->zero_count + sum);
		}
	}
}

static void log_records_are_numbered_of_all_severities_and_of_the_request(void **state)
{
	size_t severities[7] = {0}, events = 0;
	struct load_producer p;

	(void)state;
	load_producer_init(&p, 1, 3, 0, NOW_NS);
	for (int64_t i = 0; i < RECORDS; i++) {
		const struct otlp_span *span = load_next_span(&p, NOW_NS);
		uint8_t trace_id[16];
		const struct otlp_log_record *log;

		memcpy(trace_id, span->trace_id, sizeof(trace_id));
		log = load_next_log(&p, NOW_NS);
		assert_numbered(&log->attributes, 3, i);
		assert_memory_equal(log->trace_id, trace_id, sizeof(trace_id));
		assert_int_equal(log->time_unix_ns, NOW_NS);
		assert_true(log->body.type == OTLP_VALUE_STRING ||
			    log->body.type == OTLP_VALUE_KVLIST);
		events += log->event_name.len != 0;
		severities[((size_t)log->severity_number + 3) / 4]++;
	}
	assert_int_equal(severities[0], 0);
	for (size_t i = 1; i < 7; i++)
		assert_true(severities[i] > 0);
	assert_true(events > RECORDS / 20 && events < RECORDS / 5);
}

static void the_same_seed_makes_the_same_ids_and_another_does_not(void **state)
{
	struct load_producer a, b, other_seed, other_index;

	(void)state;
	load_producer_init(&a, 1, 0, 0, NOW_NS);
	load_producer_init(&b, 1, 0, 0, NOW_NS + 5);
	load_producer_init(&other_seed, 2, 0, 0, NOW_NS);
	load_producer_init(&other_index, 1, 1, 0, NOW_NS);
	for (int i = 0; i < RECORDS; i++) {
		const struct otlp_span *span = load_next_span(&a, NOW_NS);

		assert_memory_equal(span->span_id, load_next_span(&b, NOW_NS + 9)->span_id, 8);
		assert_memory_not_equal(span->span_id, load_next_span(&other_seed, NOW_NS)->span_id,
					8);
		assert_memory_not_equal(span->span_id,
					load_next_span(&other_index, NOW_NS)->span_id, 8);
	}
}

static void a_steady_series_grows_and_keeps_its_attributes(void **state)
{
	enum { SERIES = 7 };
	struct load_producer p;
	int64_t last[SERIES] = {0};

	(void)state;
	load_producer_init(&p, 1, 3, SERIES, NOW_NS);
	for (int64_t i = 0; i < RECORDS; i++) {
		const struct otlp_metric *metric =
			load_next_point(&p, NOW_NS + (uint64_t)i)->scope_metrics->metrics;
		const struct otlp_number_point *number = metric->points.number;
		const struct otlp_value *series =
			find(&number->point.attributes, "otlpipe.load.series");
		const struct otlp_exemplar *exemplar = number->point.exemplars;

		assert_int_equal(metric->type, OTLP_METRIC_SUM);
		assert_int_equal(metric->temporality, OTLP_TEMPORALITY_CUMULATIVE);
		assert_true(metric->is_monotonic);
		assert_int_equal(number->point.start_time_unix_ns, NOW_NS);
		assert_int_equal(number->point.time_unix_ns, NOW_NS + (uint64_t)i);
		assert_int_equal(number->point.attributes.count, 4);
		assert_int_equal(
			find(&number->point.attributes, "otlpipe.load.producer")->as.integer, 3);
		assert_int_equal(series->as.integer, i % SERIES);
		assert_true(number->value.as.integer > last[i % SERIES]);
		last[i % SERIES] = number->value.as.integer;
		/* The number is not lost: each record can still be told from all others. */
		assert_int_equal(number->point.exemplar_count, 1);
		assert_int_equal(
			find(&exemplar->filtered_attributes, "otlpipe.load.seq")->as.integer, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_records_are_numbered_of_all_severities_and_of_the_request),
		cmocka_unit_test(each_span_is_numbered_and_some_have_events_links_and_errors),
		cmocka_unit_test(calls_come_before_their_server_span_and_name_it_as_parent),
		cmocka_unit_test(points_are_numbered_and_of_all_five_kinds),
		cmocka_unit_test(histogram_counts_are_the_sum_of_their_buckets),
		cmocka_unit_test(the_same_seed_makes_the_same_ids_and_another_does_not),
		cmocka_unit_test(a_steady_series_grows_and_keeps_its_attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
