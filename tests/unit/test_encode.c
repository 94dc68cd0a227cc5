/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one-pass encoder: golden bytes that protoc made, for a span and a log record with everything
 * and each kind of metric, and the bound at its worst cases. Random data against protobuf-c are
 * another test's.
 */
#include "tests/unit/encode_golden.h"
#include "writer/encode/encode.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after its prerequisites */
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Ids and times with all bytes different. */
#define TRACE_ID                                                      \
	{                                                             \
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 \
	}
#define SPAN_ID                                                \
	{                                                      \
		0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18 \
	}
#define TIME UINT64_C(0x0102030405060708)

static const struct otlp_resource no_resource;

static const struct otlp_attribute string_attribute = {
	OTLP_STR_INIT("k"), {OTLP_VALUE_STRING, {.string = OTLP_STR_INIT("v")}}};

/* The record, in an allocation of its exact size. */
static uint8_t *span_record(const struct otlp_span *span, const struct otlp_resource *resource,
			    size_t *ret_len)
{
	uint8_t *bytes;

	assert_int_equal(record_measure_span(span, resource, ret_len), 0);
	bytes = malloc(*ret_len);
	assert_non_null(bytes);
	assert_int_not_equal(record_write_span(bytes, span, resource, 1, *ret_len), RECORD_CHANGED);
	return bytes;
}

static uint8_t *log_record(const struct otlp_log_record *log, size_t *ret_len)
{
	uint8_t *bytes;

	assert_int_equal(record_measure_log(log, NULL, ret_len), 0);
	bytes = malloc(*ret_len);
	assert_non_null(bytes);
	assert_int_not_equal(record_write_log(bytes, log, NULL, 1, *ret_len), RECORD_CHANGED);
	return bytes;
}

static uint8_t *metric_record(const struct otlp_metric *metric, size_t *ret_len)
{
	uint8_t *bytes;
	size_t point_bytes;

	assert_int_equal(record_measure_metric(metric, NULL, NULL, ret_len), 0);
	for (size_t i = 0; i < metric->point_count; i++) {
		assert_int_equal(record_measure_point(metric, i, &point_bytes), 0);
		*ret_len += point_bytes;
	}
	bytes = malloc(*ret_len);
	assert_non_null(bytes);
	assert_int_not_equal(
		record_write_metric(bytes, metric, NULL, NULL, 1, 0, metric->point_count, *ret_len),
		RECORD_CHANGED);
	return bytes;
}

/* Encode into exactly the bound, and compare with `golden`; NULL: the bound alone. */
static size_t check_record(uint8_t *record, size_t len, const uint8_t *golden, size_t golden_len)
{
	struct record_view view;
	uint8_t *to, *end;
	size_t otlp_len;

	assert_int_equal(record_parse(record, len, len, &view), 0);
	to = malloc(encode_bound(&view));
	assert_non_null(to);
	end = encode_record(&view, to);
	otlp_len = (size_t)(end - to);
	assert_true(otlp_len <= encode_bound(&view));
	if (golden) {
		assert_memory_equal(to, golden, golden_len < otlp_len ? golden_len : otlp_len);
		assert_int_equal(otlp_len, golden_len);
	}
	free(to);
	free(record);
	return otlp_len;
}

static void check_span(const struct otlp_span *span, const uint8_t *golden, size_t golden_len)
{
	size_t len;
	uint8_t *const record = span_record(span, NULL, &len);

	check_record(record, len, golden, golden_len);
}

static void check_log(const struct otlp_log_record *log, const uint8_t *golden, size_t golden_len)
{
	size_t len;
	uint8_t *const record = log_record(log, &len);

	check_record(record, len, golden, golden_len);
}

static void check_metric(const struct otlp_metric *metric, const uint8_t *golden, size_t golden_len)
{
	size_t len;
	uint8_t *const record = metric_record(metric, &len);

	check_record(record, len, golden, golden_len);
}

static void span_with_everything_has_the_golden_bytes(void **state)
{
	static const struct otlp_value inner = {OTLP_VALUE_BOOL, {.boolean = false}};
	static const struct otlp_value items[] = {
		{OTLP_VALUE_INT, {.integer = 1}},
		{OTLP_VALUE_STRING, {.string = {NULL, 0}}},
		{OTLP_VALUE_ARRAY, {.array = {&inner, 1}}},
	};
	static const struct otlp_attribute zero = {{NULL, 0}, {OTLP_VALUE_INT, {.integer = 0}}};
	static const struct otlp_attribute nested = {OTLP_STR_INIT("k"),
						     {OTLP_VALUE_KVLIST, {.kvlist = {&zero, 1}}}};
	static const uint8_t raw[] = {0x00, 0xff};
	static const struct otlp_attribute attributes[] = {
		{OTLP_STR_INIT("e"), {OTLP_VALUE_EMPTY, {{0}}}},
		{OTLP_STR_INIT("s"), {OTLP_VALUE_STRING, {.string = OTLP_STR_INIT("x")}}},
		{OTLP_STR_INIT("b"), {OTLP_VALUE_BOOL, {.boolean = true}}},
		{OTLP_STR_INIT("i"), {OTLP_VALUE_INT, {.integer = -1}}},
		{OTLP_STR_INIT("d"), {OTLP_VALUE_DOUBLE, {.real = 1.5}}},
		{OTLP_STR_INIT("a"), {OTLP_VALUE_ARRAY, {.array = {items, COUNT(items)}}}},
		{OTLP_STR_INIT("m"), {OTLP_VALUE_KVLIST, {.kvlist = {&nested, 1}}}},
		{OTLP_STR_INIT("y"), {OTLP_VALUE_BYTES, {.bytes = {raw, sizeof(raw)}}}},
		{{NULL, 0}, {OTLP_VALUE_STRING, {.string = {NULL, 0}}}},
	};
	static const struct otlp_attribute number = {OTLP_STR_INIT("k"),
						     {OTLP_VALUE_INT, {.integer = 300}}};
	static const struct otlp_attribute no = {OTLP_STR_INIT("k"),
						 {OTLP_VALUE_BOOL, {.boolean = false}}};
	static const struct otlp_span_event event = {5, OTLP_STR_INIT("ev"), {&number, 1, 1}};
	static const struct otlp_span_link link = {
		TRACE_ID, SPAN_ID, OTLP_STR_INIT("t"), {&no, 1, 2}, 0x101};
	const struct otlp_span span = {
		.trace_id = TRACE_ID,
		.span_id = SPAN_ID,
		.parent_span_id = {0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28},
		.trace_state = OTLP_STR("k=v"),
		.name = OTLP_STR("GET /"),
		.kind = OTLP_SPAN_KIND_SERVER,
		.flags = 0xffff0301,
		.start_time_unix_ns = TIME,
		.end_time_unix_ns = TIME + 1,
		.attributes = {attributes, COUNT(attributes), 3},
		.events = &event,
		.event_count = 1,
		.dropped_event_count = 300,
		.links = &link,
		.link_count = 1,
		.dropped_link_count = 2,
		.status = OTLP_STATUS_ERROR,
		.status_message = OTLP_STR("bad"),
	};

	(void)state;
	check_span(&span, golden_span, sizeof(golden_span));
}

static void span_without_anything_has_its_ids_alone(void **state)
{
	const struct otlp_span span = {.trace_id = TRACE_ID, .span_id = SPAN_ID};

	(void)state;
	check_span(&span, golden_bare_span, sizeof(golden_bare_span));
}

static void log_record_with_everything_has_the_golden_bytes(void **state)
{
	static const struct otlp_value items[] = {
		{OTLP_VALUE_INT, {.integer = 1}},
		{OTLP_VALUE_STRING, {.string = OTLP_STR_INIT("x")}},
	};
	const struct otlp_log_record log = {
		.time_unix_ns = TIME,
		.observed_time_unix_ns = TIME + 1,
		.severity_number = OTLP_SEVERITY_WARN2,
		.flags = 0xffffff01,
		.severity_text = OTLP_STR("warn"),
		.body = otlp_value_array(items, COUNT(items)),
		.attributes = {&string_attribute, 1, 300},
		.trace_id = TRACE_ID,
		.span_id = SPAN_ID,
		.event_name = OTLP_STR("ev"),
	};

	(void)state;
	check_log(&log, golden_log, sizeof(golden_log));
}

static void log_record_without_anything_is_an_empty_message(void **state)
{
	static const uint8_t golden[] = {0x12, 0x80, 0x00};
	const struct otlp_log_record log = {0};

	(void)state;
	check_log(&log, golden, sizeof(golden));
}

static void resource_and_scope_have_the_golden_bytes(void **state)
{
	const struct otlp_attribute seven = otlp_attr_int(OTLP_STR("k"), 7);
	const struct otlp_resource resource = {{&string_attribute, 1, 4}, OTLP_STR("r")};
	const struct otlp_scope scope = {
		OTLP_STR("n"), OTLP_STR("1"), OTLP_STR("url"), {&seven, 1, 5}};
	const struct otlp_span span = {.trace_id = {1}, .span_id = {1}, .scope = &scope};
	struct record_view view;
	uint8_t to[128];
	size_t len;
	uint8_t *const record = span_record(&span, &resource, &len);

	(void)state;
	assert_int_equal(record_parse(record, len, len, &view), 0);
	assert_ptr_equal(encode_resource(view.resource, view.resource_bytes, to),
			 to + sizeof(golden_resource));
	assert_memory_equal(to, golden_resource, sizeof(golden_resource));
	assert_ptr_equal(encode_resource_schema_url(view.resource, to), to + 3);
	assert_memory_equal(to, "\x1a\x01r", 3);
	assert_ptr_equal(encode_scope(view.scope, view.scope_bytes, to), to + sizeof(golden_scope));
	assert_memory_equal(to, golden_scope, sizeof(golden_scope));
	assert_ptr_equal(encode_scope_schema_url(view.scope, to), to + 5);
	assert_memory_equal(to, "\x1a\x03url", 5);
	free(record);
}

static void empty_resource_and_scope_are_still_messages(void **state)
{
	const struct otlp_scope scope = {.name = {NULL, 0}};
	const struct otlp_span span = {.trace_id = {1}, .span_id = {1}, .scope = &scope};
	struct record_view view;
	uint8_t to[64];
	size_t len;
	uint8_t *const record = span_record(&span, &no_resource, &len);

	(void)state;
	assert_int_equal(record_parse(record, len, len, &view), 0);
	assert_ptr_equal(encode_resource(view.resource, view.resource_bytes, to), to + 2);
	assert_memory_equal(to, "\x0a\x00", 2);
	assert_ptr_equal(encode_resource_schema_url(view.resource, to), to);
	assert_ptr_equal(encode_scope(view.scope, view.scope_bytes, to), to + 2);
	assert_memory_equal(to, "\x0a\x00", 2);
	assert_ptr_equal(encode_scope_schema_url(view.scope, to), to);
	free(record);
}

static void gauge_has_the_golden_bytes(void **state)
{
	const struct otlp_attribute metadata = otlp_attr_str(OTLP_STR("m"), OTLP_STR("x"));
	const struct otlp_attribute filtered = otlp_attr_bool(OTLP_STR("f"), true);
	const struct otlp_exemplar exemplar = {
		3, {OTLP_NUMBER_DOUBLE, {.real = 2.5}}, TRACE_ID, SPAN_ID, {&filtered, 1, 0}};
	const struct otlp_number_point points[] = {
		{{{&string_attribute, 1, 9}, 1, 2, 2, &exemplar, 1},
		 {OTLP_NUMBER_INT, {.integer = 0}}},
		{{.time_unix_ns = 2}, {OTLP_NUMBER_DOUBLE, {.real = -0.0}}},
		{{.time_unix_ns = 2}, {OTLP_NUMBER_NONE, {0}}},
	};
	const struct otlp_metric metric = {
		.name = OTLP_STR("g"),
		.description = OTLP_STR("d"),
		.unit = OTLP_STR("1"),
		.type = OTLP_METRIC_GAUGE,
		.metadata = {&metadata, 1, 9},
		.points.number = points,
		.point_count = COUNT(points),
	};

	(void)state;
	check_metric(&metric, golden_gauge, sizeof(golden_gauge));
}

static void sum_has_the_golden_bytes(void **state)
{
	const struct otlp_number_point point = {{.time_unix_ns = 2},
						{OTLP_NUMBER_INT, {.integer = -7}}};
	const struct otlp_metric metric = {
		.name = OTLP_STR("s"),
		.type = OTLP_METRIC_SUM,
		.temporality = OTLP_TEMPORALITY_CUMULATIVE,
		.is_monotonic = true,
		.points.number = &point,
		.point_count = 1,
	};

	(void)state;
	check_metric(&metric, golden_sum, sizeof(golden_sum));
}

static void histogram_has_the_golden_bytes(void **state)
{
	const struct otlp_exemplar exemplar = {.time_unix_ns = 3,
					       .value = {OTLP_NUMBER_INT, {.integer = -4}}};
	const uint64_t counts[] = {1, 2};
	const double bound = 0.5;
	const struct otlp_histogram_point points[] = {
		{
			.point = {{&string_attribute, 1, 0}, 0, 2, 1, &exemplar, 1},
			.count = 3,
			.has_sum = true,
			.has_min = true,
			.has_max = true,
			.max = 3,
			.bucket_counts = counts,
			.bucket_count = 2,
			.bounds = &bound,
			.bound_count = 1,
		},
		{.count = 1, .sum = 5, .min = 5, .max = 5},
	};
	const struct otlp_metric metric = {
		.name = OTLP_STR("h"),
		.type = OTLP_METRIC_HISTOGRAM,
		.temporality = OTLP_TEMPORALITY_DELTA,
		.points.histogram = points,
		.point_count = COUNT(points),
	};

	(void)state;
	check_metric(&metric, golden_histogram, sizeof(golden_histogram));
}

static void exponential_histogram_has_the_golden_bytes(void **state)
{
	const uint64_t counts[] = {1, 300};
	const struct otlp_exp_histogram_point point = {
		.point = {.attributes = {&string_attribute, 1, 0}, .time_unix_ns = 2, .flags = 1},
		.count = 305,
		.has_sum = true,
		.has_min = true,
		.has_max = true,
		.sum = 1.5,
		.min = 0.25,
		.max = 3,
		.scale = -1,
		.zero_count = 4,
		.zero_threshold = 0.25,
		.positive = {-2, counts, 2},
		.negative = {3, NULL, 0},
	};
	const struct otlp_metric metric = {
		.name = OTLP_STR("x"),
		.type = OTLP_METRIC_EXP_HISTOGRAM,
		.temporality = OTLP_TEMPORALITY_CUMULATIVE,
		.points.exp_histogram = &point,
		.point_count = 1,
	};

	(void)state;
	check_metric(&metric, golden_exp_histogram, sizeof(golden_exp_histogram));
}

static void summary_has_the_golden_bytes(void **state)
{
	const struct otlp_quantile quantiles[] = {{0, 0}, {0.5, 1.5}};
	const struct otlp_summary_point point = {
		.point = {.attributes = {&string_attribute, 1, 0}, 1, 2, 1, NULL, 0},
		.count = 2,
		.sum = 3.5,
		.quantiles = quantiles,
		.quantile_count = 2,
	};
	const struct otlp_metric metric = {
		.name = OTLP_STR("u"),
		.type = OTLP_METRIC_SUMMARY,
		.points.summary = &point,
		.point_count = 1,
	};

	(void)state;
	check_metric(&metric, golden_summary, sizeof(golden_summary));
}

/* The proof's worst line: booleans with keys of one byte. */
static void bound_holds_for_thousands_of_tiny_attributes(void **state)
{
	struct otlp_attribute attributes[4000];
	struct otlp_span span = {.trace_id = {1}, .span_id = {1}};
	size_t len, otlp_len;
	uint8_t *record;

	(void)state;
	for (size_t i = 0; i < COUNT(attributes); i++)
		attributes[i] = otlp_attr_bool(OTLP_STR("k"), true);
	span.attributes.items = attributes;
	span.attributes.count = COUNT(attributes);
	record = span_record(&span, NULL, &len);
	otlp_len = check_record(record, len, NULL, 0);
	assert_true(otlp_len > COUNT(attributes) * 9);
	for (size_t i = 0; i < COUNT(attributes); i++)
		attributes[i] = otlp_attr_bool(OTLP_STR(""), true);
	check_span(&span, NULL, 0);
	for (size_t i = 0; i < COUNT(attributes); i++)
		attributes[i].value = (struct otlp_value){.type = OTLP_VALUE_ARRAY};
	check_span(&span, NULL, 0);
}

static void bound_holds_for_the_largest_varints(void **state)
{
	enum { COUNTS = 50000 };
	uint64_t *const counts = malloc(COUNTS * sizeof(*counts));
	struct otlp_exp_histogram_point point = {.scale = INT32_MIN};
	const struct otlp_metric metric = {
		.type = OTLP_METRIC_EXP_HISTOGRAM,
		.temporality = OTLP_TEMPORALITY_DELTA,
		.points.exp_histogram = &point,
		.point_count = 1,
	};

	(void)state;
	assert_non_null(counts);
	memset(counts, 0xff, COUNTS * sizeof(*counts));
	point.positive = (struct otlp_exp_buckets){INT32_MIN, counts, COUNTS};
	point.negative = (struct otlp_exp_buckets){INT32_MIN, NULL, 0};
	check_metric(&metric, NULL, 0);
	point.positive.count = 0;
	check_metric(&metric, NULL, 0);
	free(counts);
}

static void bound_holds_at_every_width_of_a_length(void **state)
{
	const size_t limits[] = {0, 127, 128, 16383, 16384, 2097151, 2097152};
	uint8_t *const raw = calloc(1, 2097152 + 8);
	struct otlp_attribute attribute = {.value.type = OTLP_VALUE_BYTES};
	struct otlp_span span = {
		.trace_id = {1}, .span_id = {1}, .attributes = {&attribute, 1, UINT32_MAX}};

	(void)state;
	assert_non_null(raw);
	memset(raw, 'k', 8);
	for (size_t i = 0; i < COUNT(limits); i++) {
		for (size_t back = 0; back < 12 && back <= limits[i]; back++) {
			for (size_t key_len = 0; key_len <= 1; key_len++) {
				attribute.key = (struct otlp_str){(const char *)raw, key_len};
				attribute.value.as.bytes.ptr = raw;
				attribute.value.as.bytes.len = limits[i] - back;
				check_span(&span, NULL, 0);
			}
		}
	}
	free(raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(span_with_everything_has_the_golden_bytes),
		cmocka_unit_test(span_without_anything_has_its_ids_alone),
		cmocka_unit_test(log_record_with_everything_has_the_golden_bytes),
		cmocka_unit_test(log_record_without_anything_is_an_empty_message),
		cmocka_unit_test(resource_and_scope_have_the_golden_bytes),
		cmocka_unit_test(empty_resource_and_scope_are_still_messages),
		cmocka_unit_test(gauge_has_the_golden_bytes),
		cmocka_unit_test(sum_has_the_golden_bytes),
		cmocka_unit_test(histogram_has_the_golden_bytes),
		cmocka_unit_test(exponential_histogram_has_the_golden_bytes),
		cmocka_unit_test(summary_has_the_golden_bytes),
		cmocka_unit_test(bound_holds_for_thousands_of_tiny_attributes),
		cmocka_unit_test(bound_holds_for_the_largest_varints),
		cmocka_unit_test(bound_holds_at_every_width_of_a_length),
	};

	return cmocka_run_group_tests_name("encode", tests, NULL, NULL);
}
