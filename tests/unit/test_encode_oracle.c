/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole way of a record without a process: borrowed data, record, checked
 * view, OTLP bytes; then protobuf-c decodes these bytes, and the tree must be
 * the one it would have packed from the same data. Golden bytes and the edges
 * of the record are in the tests of those modules.
 *
 * usage: test_encode_oracle [RECORDS [SEED]]
 *
 * With OTLPIPE_TEST_SHORT, as under valgrind, fewer of the random records.
 */
#include "core/record/record.h"
#include "tests/gen.h"
#include "tests/oracle.h"
#include "writer/encode/encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SCOPE_REF    9
#define RESOURCE_REF 64u

static unsigned long record_goal = 100000;
static unsigned long seed = 1;

static void check_equal(const void *decoded, const void *expected, unsigned long index)
{
	char where[512];

	if (!decoded)
		fail_msg("record %lu of seed %lu: protobuf-c refuses the bytes", index, seed);
	if (!oracle_equal(decoded, expected, where, sizeof(where)))
		fail_msg("record %lu of seed %lu differs at %s", index, seed, where);
}

/* Packing again gives the shortest form; ours may be longer by the padding of lengths alone. */
static void check_packed_size(const void *expected, size_t encoded_bytes)
{
	assert_true(protobuf_c_message_get_packed_size(expected) <= encoded_bytes);
}

static PB_RESOURCE(Resource) *
	decode_resource(const uint8_t *section, size_t bytes, struct otlp_str schema_url)
{
	uint8_t *to = malloc(encode_section_bound(bytes) + 1);
	uint8_t *const middle = encode_resource(section, bytes, to);
	uint8_t *const end = encode_resource_schema_url(section, middle);
	PB_TRACE(ResourceSpans) * spans;
	PB_METRICS(ResourceMetrics) * metrics;
	PB_LOGS(ResourceLogs) * logs;
	PB_RESOURCE(Resource) * resource;

	assert_true((size_t)(end - to) <= encode_section_bound(bytes));
	spans = opentelemetry__proto__trace__v1__resource_spans__unpack(NULL, (size_t)(end - to),
									to);
	metrics = opentelemetry__proto__metrics__v1__resource_metrics__unpack(
		NULL, (size_t)(end - to), to);
	assert_non_null(spans);
	logs = opentelemetry__proto__logs__v1__resource_logs__unpack(NULL, (size_t)(end - to), to);
	assert_non_null(metrics);
	assert_non_null(logs);
	assert_int_equal(spans->schema_url.len, schema_url.len);
	if (schema_url.len)
		assert_memory_equal(spans->schema_url.data, schema_url.ptr, schema_url.len);
	assert_true(oracle_equal(spans->resource, metrics->resource, NULL, 0));
	assert_true(oracle_equal(spans->resource, logs->resource, NULL, 0));
	resource = spans->resource;
	spans->resource = NULL;
	oracle_free(spans);
	oracle_free(metrics);
	oracle_free(logs);
	free(to);
	return resource;
}

static void check_resource(const struct record_view *view, const struct otlp_resource *resource,
			   unsigned long index)
{
	PB_RESOURCE(Resource) * decoded, *expected;

	if (!resource) {
		assert_null(view->resource);
		assert_int_equal(view->resource_ref, RESOURCE_REF);
		return;
	}
	assert_non_null(view->resource);
	decoded = decode_resource(view->resource, view->resource_bytes, resource->schema_url);
	expected = oracle_resource(resource);
	check_equal(decoded, expected, index);
	oracle_free(decoded);
	oracle_free(expected);
}

/* By reference: as its entry in a region's table would be. */
static void take_scope(struct record_view *view, const struct otlp_scope *scope, uint8_t **ret)
{
	*ret = NULL;
	if (view->scope_ref == 0)
		return;
	assert_int_equal(view->scope_ref, SCOPE_REF);
	assert_null(view->scope);
	assert_int_equal(record_size_scope(scope, &view->scope_bytes), 0);
	*ret = malloc(view->scope_bytes);
	assert_true(record_write_scope(*ret, scope, view->scope_bytes));
	assert_int_equal(record_parse_scope(*ret, view->scope_bytes), 0);
	view->scope = *ret;
}

/* Each other record has its scope by reference. */
static uint32_t refs_of(const struct otlp_scope *scope, unsigned long index)
{
	return RECORD_REFS(RESOURCE_REF, scope != NULL && index % 2 != 0 ? SCOPE_REF : 0);
}

static const struct otlp_scope *inline_scope(const struct otlp_scope *scope, uint32_t refs)
{
	return refs >> RECORD_SCOPE_REF_SHIFT != 0 ? NULL : scope;
}

static void check_scope(struct record_view *view, const struct otlp_scope *scope,
			unsigned long index)
{
	uint8_t *entry;
	PB_COMMON(InstrumentationScope) * expected;
	PB_TRACE(ScopeSpans) * spans;
	uint8_t *to, *end;

	if (!scope) {
		assert_null(view->scope);
		return;
	}
	take_scope(view, scope, &entry);
	assert_non_null(view->scope);
	to = malloc(encode_section_bound(view->scope_bytes) + 1);
	end = encode_scope(view->scope, view->scope_bytes, to);
	end = encode_scope_schema_url(view->scope, end);
	assert_true((size_t)(end - to) <= encode_section_bound(view->scope_bytes));
	spans = opentelemetry__proto__trace__v1__scope_spans__unpack(NULL, (size_t)(end - to), to);
	assert_non_null(spans);
	expected = oracle_scope(scope);
	check_equal(spans->scope, expected, index);
	assert_int_equal(spans->schema_url.len, scope->schema_url.len);
	if (scope->schema_url.len)
		assert_memory_equal(spans->schema_url.data, scope->schema_url.ptr,
				    scope->schema_url.len);
	oracle_free(expected);
	oracle_free(spans);
	free(to);
	free(entry);
}

/* The item as field 2 of its scope message; the caller decodes. */
static uint8_t *encode(const struct record_view *view, size_t *ret_bytes)
{
	uint8_t *to = malloc(encode_bound(view));
	uint8_t *end = encode_record(view, to);

	*ret_bytes = (size_t)(end - to);
	assert_true(*ret_bytes <= encode_bound(view));
	return to;
}

static void check_span(const struct otlp_span *span, unsigned long index)
{
	PB_TRACE(Span) *expected = oracle_span(span);
	PB_TRACE(ScopeSpans) * decoded;
	struct record_view view;
	uint8_t *record, *encoded;
	const uint32_t refs = refs_of(span->scope, index);
	size_t bytes;

	assert_int_equal(
		record_size_span(span, span->resource, inline_scope(span->scope, refs), &bytes), 0);
	record = malloc(bytes);
	assert_int_not_equal(record_write_span(record, span, span->resource, refs, bytes),
			     RECORD_CHANGED);
	assert_int_equal(record_parse(record, bytes, bytes, &view), 0);
	assert_int_equal(view.kind, RECORD_SPAN);
	assert_int_equal(view.item_count, 1);
	check_resource(&view, span->resource, index);
	check_scope(&view, span->scope, index);

	encoded = encode(&view, &bytes);
	decoded = opentelemetry__proto__trace__v1__scope_spans__unpack(NULL, bytes, encoded);
	assert_non_null(decoded);
	assert_int_equal(decoded->n_spans, 1);
	assert_null(decoded->scope);
	check_equal(decoded->spans[0], expected, index);
	check_packed_size(expected, bytes);
	oracle_free(decoded);
	oracle_free(expected);
	free(encoded);
	free(record);
}

static void check_log(const struct otlp_log_record *log, unsigned long index)
{
	PB_LOGS(LogRecord) *expected = oracle_log(log);
	PB_LOGS(ScopeLogs) * decoded;
	struct record_view view;
	uint8_t *record, *encoded;
	const uint32_t refs = refs_of(log->scope, index);
	size_t bytes;

	assert_int_equal(
		record_size_log(log, log->resource, inline_scope(log->scope, refs), &bytes), 0);
	record = malloc(bytes);
	assert_int_not_equal(record_write_log(record, log, log->resource, refs, bytes),
			     RECORD_CHANGED);
	assert_int_equal(record_parse(record, bytes, bytes, &view), 0);
	assert_int_equal(view.kind, RECORD_LOG);
	assert_int_equal(view.signal, OTLP_SIGNAL_LOGS);
	assert_int_equal(view.item_count, 1);
	check_resource(&view, log->resource, index);
	check_scope(&view, log->scope, index);

	encoded = encode(&view, &bytes);
	decoded = opentelemetry__proto__logs__v1__scope_logs__unpack(NULL, bytes, encoded);
	assert_non_null(decoded);
	assert_int_equal(decoded->n_log_records, 1);
	assert_null(decoded->scope);
	check_equal(decoded->log_records[0], expected, index);
	check_packed_size(expected, bytes);
	oracle_free(decoded);
	oracle_free(expected);
	free(encoded);
	free(record);
}

/* One record of a metric: its points [first, first + count). */
static void check_metric_part(const struct otlp_metric *metric, const struct otlp_scope *scope,
			      const struct otlp_resource *resource, size_t first, size_t count,
			      unsigned long index)
{
	PB_METRICS(Metric) *expected = oracle_metric_part(metric, first, count);
	PB_METRICS(ScopeMetrics) * decoded;
	struct record_view view;
	uint8_t *record, *encoded;
	const uint32_t refs = refs_of(scope, index);
	size_t bytes, point_bytes;

	assert_int_equal(record_measure_metric(metric, inline_scope(scope, refs), resource, &bytes),
			 0);
	for (size_t i = first; i < first + count; i++) {
		assert_int_equal(record_measure_point(metric, i, &point_bytes), 0);
		bytes += point_bytes;
	}
	record = malloc(bytes);
	assert_int_not_equal(record_write_metric(record, metric, inline_scope(scope, refs),
						 resource, refs, first, count, bytes),
			     RECORD_CHANGED);
	assert_int_equal(record_parse(record, bytes, bytes, &view), 0);
	assert_int_equal(view.kind, RECORD_METRIC);
	assert_int_equal(view.item_count, count);
	check_resource(&view, resource, index);
	check_scope(&view, scope, index);

	encoded = encode(&view, &bytes);
	decoded = opentelemetry__proto__metrics__v1__scope_metrics__unpack(NULL, bytes, encoded);
	assert_non_null(decoded);
	assert_int_equal(decoded->n_metrics, 1);
	assert_null(decoded->scope);
	check_equal(decoded->metrics[0], expected, index);
	check_packed_size(expected, bytes);
	oracle_free(decoded);
	oracle_free(expected);
	free(encoded);
	free(record);
}

static void random_spans_decode_to_protobuf_c_s_own_tree(void **state)
{
	struct gen *gen = gen_new(seed);

	(void)state;
	for (unsigned long i = 0; i < record_goal; i++) {
		check_span(gen_span(gen), i);
		gen_reset(gen);
	}
	gen_free(gen);
}

static void random_logs_decode_to_protobuf_c_s_own_tree(void **state)
{
	struct gen *gen = gen_new(seed + 4);
	unsigned long with_body[OTLP_VALUE_BYTES + 1] = {0};

	(void)state;
	for (unsigned long i = 0; i < record_goal; i++) {
		const struct otlp_log_record *log = gen_log(gen);

		check_log(log, i);
		with_body[log->body.type]++;
		gen_reset(gen);
	}
	for (int type = OTLP_VALUE_EMPTY; record_goal >= 100 && type <= OTLP_VALUE_BYTES; type++)
		assert_true(with_body[type] > 0);
	gen_free(gen);
}

static void random_metrics_of_each_kind_decode_to_protobuf_c_s_own_tree(void **state)
{
	struct gen *gen = gen_new(seed + 1);
	unsigned long of_kind[OTLP_METRIC_SUMMARY + 1] = {0};

	(void)state;
	for (unsigned long i = 0; i < record_goal; i++) {
		const struct otlp_metric *metric = gen_metric(gen);
		const struct otlp_resource *resource = gen_below(gen, 2) ? gen_resource(gen) : NULL;
		const struct otlp_scope *scope = gen_below(gen, 4) ? gen_scope(gen) : NULL;

		check_metric_part(metric, scope, resource, 0, metric->point_count, i);
		of_kind[metric->type]++;
		gen_reset(gen);
	}
	for (int kind = OTLP_METRIC_GAUGE; record_goal >= 100 && kind <= OTLP_METRIC_SUMMARY;
	     kind++)
		assert_true(of_kind[kind] > 0);
	gen_free(gen);
}

static void a_metric_split_at_point_boundaries_keeps_each_point(void **state)
{
	struct gen *gen = gen_new(seed + 2);

	(void)state;
	for (unsigned long i = 0; i < record_goal / 20 + 1; i++) {
		const struct otlp_metric *metric = gen_metric(gen);
		size_t first = 0, count;

		while (first < metric->point_count) {
			count = 1 + gen_below(gen, metric->point_count - first);
			check_metric_part(metric, NULL, NULL, first, count, i);
			first += count;
		}
		gen_reset(gen);
	}
	gen_free(gen);
}

/* The comparison itself: each changed bit of what was encoded must show. */
static void the_comparison_sees_a_single_changed_field(void **state)
{
	struct gen *gen = gen_new(seed + 3);

	(void)state;
	for (int i = 0; i < 500; i++) {
		struct otlp_span span = *gen_span(gen);
		PB_TRACE(Span) *before = oracle_span(&span), *after;
		char where[512];

		span.end_time_unix_ns ^= UINT64_C(1) << 63;
		after = oracle_span(&span);
		assert_false(oracle_equal(before, after, where, sizeof(where)));
		assert_string_equal(where, "Span.end_time_unix_nano");
		oracle_free(after);
		span.end_time_unix_ns ^= UINT64_C(1) << 63;
		after = oracle_span(&span);
		assert_true(oracle_equal(before, after, where, sizeof(where)));
		oracle_free(before);
		oracle_free(after);
		gen_reset(gen);
	}
	gen_free(gen);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_spans_decode_to_protobuf_c_s_own_tree),
		cmocka_unit_test(random_logs_decode_to_protobuf_c_s_own_tree),
		cmocka_unit_test(random_metrics_of_each_kind_decode_to_protobuf_c_s_own_tree),
		cmocka_unit_test(a_metric_split_at_point_boundaries_keeps_each_point),
		cmocka_unit_test(the_comparison_sees_a_single_changed_field),
	};

	if (getenv("OTLPIPE_TEST_SHORT") != NULL)
		record_goal /= 60;
	if (argc > 1)
		record_goal = strtoul(argv[1], NULL, 10);
	if (argc > 2)
		seed = strtoul(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
