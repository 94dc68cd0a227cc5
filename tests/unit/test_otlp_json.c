/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP protobuf to JSON lines: the OTLP/JSON rules, the cutting into lines, hostile bytes. */
#include "base/array.h"
#include "cli/otlp_json.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/wire.h"
#include <opentelemetry/proto/metrics/v1/metrics.pb-c.h>
#include <opentelemetry/proto/trace/v1/trace.pb-c.h>

typedef Opentelemetry__Proto__Common__V1__AnyValue AnyValue;
typedef Opentelemetry__Proto__Common__V1__ArrayValue ArrayValue;
typedef Opentelemetry__Proto__Common__V1__InstrumentationScope Scope;
typedef Opentelemetry__Proto__Common__V1__KeyValue KeyValue;
typedef Opentelemetry__Proto__Metrics__V1__HistogramDataPoint HistogramDataPoint;
typedef Opentelemetry__Proto__Metrics__V1__ExponentialHistogramDataPoint ExpDataPoint;
typedef Opentelemetry__Proto__Metrics__V1__Metric Metric;
typedef Opentelemetry__Proto__Metrics__V1__NumberDataPoint NumberDataPoint;
typedef Opentelemetry__Proto__Metrics__V1__ResourceMetrics ResourceMetrics;
typedef Opentelemetry__Proto__Metrics__V1__ScopeMetrics ScopeMetrics;
typedef Opentelemetry__Proto__Metrics__V1__Sum Sum;
typedef Opentelemetry__Proto__Resource__V1__Resource Resource;
typedef Opentelemetry__Proto__Trace__V1__ResourceSpans ResourceSpans;
typedef Opentelemetry__Proto__Trace__V1__ScopeSpans ScopeSpans;
typedef Opentelemetry__Proto__Trace__V1__Span Span;
typedef Opentelemetry__Proto__Trace__V1__Span__Event Event;
typedef Opentelemetry__Proto__Trace__V1__Status Status;

#define TEXT(literal)  ((ProtobufCBinaryData){sizeof(literal) - 1, (uint8_t *)(uintptr_t)(literal)})
#define V(name)	       OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_##name
#define KEY_VALUE_INIT OPENTELEMETRY__PROTO__COMMON__V1__KEY_VALUE__INIT
#define ANY_VALUE_INIT OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT
#define SPAN_INIT      OPENTELEMETRY__PROTO__TRACE__V1__SPAN__INIT
#define RESOURCE_SPANS (&opentelemetry__proto__trace__v1__resource_spans__descriptor)

/* Every line that was emitted. */
struct sink {
	char *text;
	size_t bytes;
	size_t lines;
	size_t longest;
	int answer;
};

static int sink_line(void *context, const char *line, size_t bytes)
{
	struct sink *sink = context;

	if (sink->answer < 0)
		return sink->answer;
	assert_int_equal(line[bytes - 1], '\n');
	assert_null(memchr(line, '\n', bytes - 1));
	sink->text = realloc(sink->text, sink->bytes + bytes + 1);
	assert_non_null(sink->text);
	memcpy(sink->text + sink->bytes, line, bytes);
	sink->bytes += bytes;
	sink->text[sink->bytes] = '\0';
	sink->lines++;
	if (bytes > sink->longest)
		sink->longest = bytes;
	return 0;
}

static void assert_lines(const ProtobufCMessage *message, const char *expected)
{
	struct sink sink = {0};

	assert_int_equal(otlp_json_lines(message, OTLP_JSON_LINE_BYTES_MAX, sink_line, &sink), 0);
	assert_string_equal(sink.text, expected);
	free(sink.text);
}

static void assert_json(const ProtobufCMessage *message, const char *expected)
{
	json_object *json;

	assert_int_equal(otlp_json_message(message, 0, &json), 0);
	assert_string_equal(json_object_to_json_string_ext(
				    json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
			    expected);
	json_object_put(json);
}

static void ids_are_hex_enums_integers_and_times_strings(void **state)
{
	Span span = SPAN_INIT;
	Status status = OPENTELEMETRY__PROTO__TRACE__V1__STATUS__INIT;

	(void)state;
	span.trace_id = TEXT("\x00\x01\xab\xff");
	span.span_id = TEXT("\x0f");
	span.parent_span_id = TEXT("\xf0");
	span.name = TEXT("GET /");
	span.kind = OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_SERVER;
	span.start_time_unix_nano = UINT64_MAX;
	span.flags = UINT32_MAX;
	status.code = OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR;
	span.status = &status;
	assert_json(&span.base, "{\"traceId\":\"0001abff\",\"spanId\":\"0f\",\"parentSpanId\":"
				"\"f0\",\"name\":\"GET /\",\"kind\":2,\"startTimeUnixNano\":"
				"\"18446744073709551615\",\"status\":{\"code\":2},\"flags\":"
				"4294967295}");
}

static void default_values_are_left_out_but_empty_messages_are_not(void **state)
{
	Span span = SPAN_INIT;
	Status status = OPENTELEMETRY__PROTO__TRACE__V1__STATUS__INIT;

	(void)state;
	assert_json(&span.base, "{}");
	span.status = &status;
	assert_json(&span.base, "{\"status\":{}}");
}

static void every_kind_of_value_is_shown_with_its_presence(void **state)
{
	AnyValue value = ANY_VALUE_INIT;
	ArrayValue array = OPENTELEMETRY__PROTO__COMMON__V1__ARRAY_VALUE__INIT;
	AnyValue item = ANY_VALUE_INIT;
	AnyValue *items[] = {&item, &item};

	(void)state;
	assert_json(&value.base, "{}");
	value.value_case = V(STRING_VALUE);
	value.string_value = TEXT("");
	assert_json(&value.base, "{\"stringValue\":\"\"}");
	value.value_case = V(BOOL_VALUE);
	value.bool_value = 0;
	assert_json(&value.base, "{\"boolValue\":false}");
	value.value_case = V(INT_VALUE);
	value.int_value = 0;
	assert_json(&value.base, "{\"intValue\":\"0\"}");
	value.int_value = INT64_MIN;
	assert_json(&value.base, "{\"intValue\":\"-9223372036854775808\"}");
	value.value_case = V(BYTES_VALUE);
	value.bytes_value = TEXT("");
	assert_json(&value.base, "{\"bytesValue\":\"\"}");
	value.bytes_value = TEXT("\xff");
	assert_json(&value.base, "{\"bytesValue\":\"/w==\"}");
	value.bytes_value = TEXT("\xff\xfe");
	assert_json(&value.base, "{\"bytesValue\":\"//4=\"}");
	value.bytes_value = TEXT("\x00\x10\x83\xfb");
	assert_json(&value.base, "{\"bytesValue\":\"ABCD+w==\"}");
	value.value_case = V(ARRAY_VALUE);
	value.array_value = &array;
	assert_json(&value.base, "{\"arrayValue\":{}}");
	item.value_case = V(BOOL_VALUE);
	item.bool_value = 1;
	array.n_values = COUNT_OF(items);
	array.values = items;
	assert_json(&value.base,
		    "{\"arrayValue\":{\"values\":[{\"boolValue\":true},{\"boolValue\":true}]}}");
}

static void doubles_are_shortest_and_odd_ones_are_strings(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0, "0"},
		{-0.0, "-0.0"},
		{1, "1"},
		{0.1, "0.1"},
		{1.0 / 3, "0.3333333333333333"},
		{5e-324, "4.94065645841247e-324"},
		{1.7976931348623157e308, "1.7976931348623157e+308"},
		{NAN, "\"NaN\""},
		{INFINITY, "\"Infinity\""},
		{-INFINITY, "\"-Infinity\""},
	};
	AnyValue value = ANY_VALUE_INIT;
	char expected[64];

	(void)state;
	value.value_case = V(DOUBLE_VALUE);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		value.double_value = cases[i].value;
		snprintf(expected, sizeof(expected), "{\"doubleValue\":%s}", cases[i].text);
		assert_json(&value.base, expected);
	}
}

static void points_show_presence_lists_and_64_bit_strings(void **state)
{
	HistogramDataPoint h = OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__INIT;
	NumberDataPoint n = OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__INIT;
	ExpDataPoint e = OPENTELEMETRY__PROTO__METRICS__V1__EXPONENTIAL_HISTOGRAM_DATA_POINT__INIT;
	uint64_t counts[] = {0, UINT64_MAX};
	double bounds[] = {0.5};

	(void)state;
	n.value_case = OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_INT;
	assert_json(&n.base, "{\"asInt\":\"0\"}");
	h.count = 7;
	h.n_bucket_counts = COUNT_OF(counts);
	h.bucket_counts = counts;
	h.n_explicit_bounds = COUNT_OF(bounds);
	h.explicit_bounds = bounds;
	h.optional_sum_case =
		OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__OPTIONAL_SUM_SUM;
	assert_json(&h.base, "{\"count\":\"7\",\"sum\":0,\"bucketCounts\":[\"0\","
			     "\"18446744073709551615\"],\"explicitBounds\":[0.5]}");
	e.scale = -3;
	e.zero_count = 1;
	assert_json(&e.base, "{\"scale\":-3,\"zeroCount\":\"1\"}");
}

static void any_utf8_text_is_escaped_and_anything_else_is_refused(void **state)
{
	AnyValue value = ANY_VALUE_INIT;
	json_object *json = NULL;

	(void)state;
	value.value_case = V(STRING_VALUE);
	value.string_value = TEXT("a\0b\"\\/\n\x01\x7f\xc3\xa9\xf0\x9f\x98\x80");
	assert_json(&value.base, "{\"stringValue\":\"a\\u0000b\\\"\\\\/\\n\\u0001\x7f\xc3\xa9"
				 "\xf0\x9f\x98\x80\"}");
	value.string_value = TEXT("\xc3(");
	assert_int_equal(otlp_json_message(&value.base, 0, &json), -EILSEQ);
	value.string_value = TEXT("cut \xe2\x82");
	assert_int_equal(otlp_json_message(&value.base, 0, &json), -EILSEQ);
	assert_null(json);
}

static void a_resource_with_its_scopes_is_one_line(void **state)
{
	Span span = SPAN_INIT;
	Span *spans[] = {&span, &span};
	Scope scope = OPENTELEMETRY__PROTO__COMMON__V1__INSTRUMENTATION_SCOPE__INIT;
	ScopeSpans first = OPENTELEMETRY__PROTO__TRACE__V1__SCOPE_SPANS__INIT;
	ScopeSpans empty = OPENTELEMETRY__PROTO__TRACE__V1__SCOPE_SPANS__INIT;
	ScopeSpans *scopes[] = {&first, &empty, &first};
	Resource resource = OPENTELEMETRY__PROTO__RESOURCE__V1__RESOURCE__INIT;
	ResourceSpans rs = OPENTELEMETRY__PROTO__TRACE__V1__RESOURCE_SPANS__INIT;

	(void)state;
	assert_lines(&rs.base, "{\"resourceSpans\":[{}]}\n");
	span.name = TEXT("x");
	scope.name = TEXT("s");
	first.scope = &scope;
	first.n_spans = COUNT_OF(spans);
	first.spans = spans;
	empty.schema_url = TEXT("u");
	rs.resource = &resource;
	rs.n_scope_spans = COUNT_OF(scopes);
	rs.scope_spans = scopes;
	assert_lines(&rs.base,
		     "{\"resourceSpans\":[{\"resource\":{},\"scopeSpans\":["
		     "{\"scope\":{\"name\":\"s\"},\"spans\":[{\"name\":\"x\"},{\"name\":\"x\"}]},"
		     "{\"schemaUrl\":\"u\"},"
		     "{\"scope\":{\"name\":\"s\"},\"spans\":[{\"name\":\"x\"},{\"name\":\"x\"}]}"
		     "]}]}\n");
}

/* How often the text stands in what was emitted. */
static size_t occurrences(const struct sink *sink, const char *text)
{
	size_t count = 0;

	for (const char *p = sink->text; (p = strstr(p, text)) != NULL; p++)
		count++;
	return count;
}

static void long_data_is_cut_at_spans_and_each_line_has_resource_and_scope(void **state)
{
	enum { SPANS = 100, MAX = 400 };
	Span span = SPAN_INIT;
	Span *spans[SPANS];
	Scope scope = OPENTELEMETRY__PROTO__COMMON__V1__INSTRUMENTATION_SCOPE__INIT;
	ScopeSpans part = OPENTELEMETRY__PROTO__TRACE__V1__SCOPE_SPANS__INIT;
	ScopeSpans *scopes[] = {&part, &part, &part};
	ResourceSpans rs = OPENTELEMETRY__PROTO__TRACE__V1__RESOURCE_SPANS__INIT;
	struct sink sink = {0};

	(void)state;
	span.name = TEXT("name");
	for (size_t i = 0; i < SPANS; i++)
		spans[i] = &span;
	scope.name = TEXT("scope");
	part.scope = &scope;
	part.n_spans = SPANS;
	part.spans = spans;
	rs.schema_url = TEXT("resource");
	rs.n_scope_spans = COUNT_OF(scopes);
	rs.scope_spans = scopes;
	assert_int_equal(otlp_json_lines(&rs.base, MAX, sink_line, &sink), 0);
	assert_true(sink.longest <= MAX);
	assert_true(sink.longest > MAX - 100);
	assert_true(sink.lines > 3);
	assert_int_equal(occurrences(&sink, "\"name\":\"name\""), 3 * SPANS);
	assert_int_equal(occurrences(&sink, "\"schemaUrl\":\"resource\""), sink.lines);
	assert_true(occurrences(&sink, "\"name\":\"scope\"") >= sink.lines);
	for (char *line = strtok(sink.text, "\n"); line; line = strtok(NULL, "\n")) {
		json_object *json = json_tokener_parse(line);

		assert_non_null(json);
		json_object_put(json);
	}
	free(sink.text);
}

static void a_span_that_is_too_long_stands_alone_on_its_line(void **state)
{
	static char name[2000];
	Span small = SPAN_INIT;
	Span large = SPAN_INIT;
	Span *spans[] = {&small, &large, &small};
	ScopeSpans part = OPENTELEMETRY__PROTO__TRACE__V1__SCOPE_SPANS__INIT;
	ScopeSpans *scopes[] = {&part};
	ResourceSpans rs = OPENTELEMETRY__PROTO__TRACE__V1__RESOURCE_SPANS__INIT;
	struct sink sink = {0};

	(void)state;
	memset(name, 'x', sizeof(name));
	large.name = (ProtobufCBinaryData){sizeof(name), (uint8_t *)name};
	small.name = TEXT("small");
	part.n_spans = COUNT_OF(spans);
	part.spans = spans;
	rs.n_scope_spans = 1;
	rs.scope_spans = scopes;
	assert_int_equal(otlp_json_lines(&rs.base, 1000, sink_line, &sink), 0);
	assert_int_equal(sink.lines, 3);
	assert_int_equal(occurrences(&sink, "small"), 2);
	free(sink.text);
}

static void a_metric_that_is_too_long_is_cut_at_its_points(void **state)
{
	enum { POINTS = 77, MAX = 500 };
	NumberDataPoint points[POINTS];
	NumberDataPoint *list[POINTS];
	Sum sum = OPENTELEMETRY__PROTO__METRICS__V1__SUM__INIT;
	Metric metric = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__INIT;
	Metric *metrics[] = {&metric};
	ScopeMetrics part = OPENTELEMETRY__PROTO__METRICS__V1__SCOPE_METRICS__INIT;
	ScopeMetrics *scopes[] = {&part};
	ResourceMetrics rm = OPENTELEMETRY__PROTO__METRICS__V1__RESOURCE_METRICS__INIT;
	struct sink sink = {0};
	const char *at;

	(void)state;
	for (size_t i = 0; i < POINTS; i++) {
		opentelemetry__proto__metrics__v1__number_data_point__init(&points[i]);
		points[i].value_case =
			OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_INT;
		points[i].as_int = (int64_t)i;
		list[i] = &points[i];
	}
	sum.n_data_points = POINTS;
	sum.data_points = list;
	sum.is_monotonic = 1;
	metric.name = TEXT("m");
	metric.data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUM;
	metric.sum = &sum;
	part.n_metrics = 1;
	part.metrics = metrics;
	rm.n_scope_metrics = 1;
	rm.scope_metrics = scopes;
	assert_int_equal(otlp_json_lines(&rm.base, MAX, sink_line, &sink), 0);
	assert_true(sink.longest <= MAX);
	assert_true(sink.lines > 3);
	assert_int_equal(occurrences(&sink, "\"isMonotonic\":true"),
			 occurrences(&sink, "\"name\":\"m\""));
	at = sink.text;
	for (size_t i = 0; i < POINTS; i++) {
		char point[32];

		snprintf(point, sizeof(point), "{\"asInt\":\"%zu\"}", i);
		at = strstr(at, point); /* each once, in order */
		assert_non_null(at);
		assert_int_equal(occurrences(&sink, point), 1);
	}
	assert_int_equal(sum.n_data_points, POINTS);
	free(sink.text);
}

static void an_answer_of_the_emitter_ends_the_conversion(void **state)
{
	ResourceSpans rs = OPENTELEMETRY__PROTO__TRACE__V1__RESOURCE_SPANS__INIT;
	struct sink sink = {.answer = -EPIPE};

	(void)state;
	assert_int_equal(otlp_json_lines(&rs.base, OTLP_JSON_LINE_BYTES_MAX, sink_line, &sink),
			 -EPIPE);
}

/* An AnyValue in arrays: `levels` messages, written from the inside out. */
static size_t nested(uint8_t *end, size_t levels)
{
	uint8_t *p = end;

	while (levels-- > 0) {
		size_t bytes = (size_t)(end - p);

		/* AnyValue.array_value is field 5, ArrayValue.values field 1. */
		*--p = (uint8_t)(bytes >> 7);
		*--p = (uint8_t)(bytes & 0x7f) | 0x80;
		*--p = levels & 1 ? 0x0a : 0x2a;
	}
	return (size_t)(end - p);
}

static void nesting_is_decoded_up_to_its_limit_and_refused_beyond(void **state)
{
	static uint8_t bytes[4096];
	uint8_t *end = bytes + sizeof(bytes);
	const ProtobufCMessageDescriptor *type =
		&opentelemetry__proto__common__v1__any_value__descriptor;
	ProtobufCMessage *message = NULL;
	size_t n;

	(void)state;
	n = nested(end, WIRE_DEPTH_MAX - 1);
	assert_int_equal(otlp_decode(type, end - n, n, &message), 0);
	otlp_free(message);
	message = NULL;
	n = nested(end, WIRE_DEPTH_MAX);
	assert_int_equal(otlp_decode(type, end - n, n, &message), -ELOOP);
	n = nested(end, 1000);
	assert_int_equal(otlp_decode(type, end - n, n, &message), -ELOOP);
	assert_null(message);
}

static void malformed_bytes_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{"\x0a", 1},						  /* no length */
		{"\x0a\x05", 2},					  /* too short */
		{"\x00\x00", 2},					  /* field 0 */
		{"\x0b", 1},						  /* a group */
		{"\x0f", 1},						  /* no such type */
		{"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},	  /* 2^64 - 1 */
		{"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11},	  /* beyond 64 bits */
		{"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 12}, /* no varint */
		{"\x12\x02\x12\x01", 4},				  /* a span cut short */
		{"\x12\x04\x12\x02\x39\x00", 6},			  /* fixed64 of 1 byte */
	};
	ProtobufCMessage *message = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		/* On the heap, so that a read beyond the end is seen. */
		uint8_t *copy = malloc(cases[i].len);

		assert_non_null(copy);
		memcpy(copy, cases[i].bytes, cases[i].len);
		assert_int_equal(otlp_decode(RESOURCE_SPANS, copy, cases[i].len, &message),
				 -EBADMSG);
		free(copy);
	}
	assert_null(message);
}

static void random_bytes_never_do_harm(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15u;
	size_t decoded = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		/* Mostly the tags that OTLP has, so that some get deep. */
		static const uint8_t tags[] = {0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x3a, 0x4a, 0x01,
					       0x02, 0x04, 0x08, 0x00, 0x39, 0x30, 0x80, 0xff};
		uint8_t bytes[24];
		ProtobufCMessage *message;
		size_t n;

		for (n = 0; n < sizeof(bytes); n++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			bytes[n] = tags[seed >> 60];
		}
		n = seed >> 32 & 15;
		if (otlp_decode(RESOURCE_SPANS, bytes, n, &message) == 0) {
			struct sink sink = {0};
			int rc = otlp_json_lines(message, 64, sink_line, &sink);

			assert_true(rc == 0 || rc == -EILSEQ);
			free(sink.text);
			otlp_free(message);
			decoded++;
		}
	}
	assert_true(decoded > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_hex_enums_integers_and_times_strings),
		cmocka_unit_test(default_values_are_left_out_but_empty_messages_are_not),
		cmocka_unit_test(every_kind_of_value_is_shown_with_its_presence),
		cmocka_unit_test(doubles_are_shortest_and_odd_ones_are_strings),
		cmocka_unit_test(points_show_presence_lists_and_64_bit_strings),
		cmocka_unit_test(any_utf8_text_is_escaped_and_anything_else_is_refused),
		cmocka_unit_test(a_resource_with_its_scopes_is_one_line),
		cmocka_unit_test(long_data_is_cut_at_spans_and_each_line_has_resource_and_scope),
		cmocka_unit_test(a_span_that_is_too_long_stands_alone_on_its_line),
		cmocka_unit_test(a_metric_that_is_too_long_is_cut_at_its_points),
		cmocka_unit_test(an_answer_of_the_emitter_ends_the_conversion),
		cmocka_unit_test(nesting_is_decoded_up_to_its_limit_and_refused_beyond),
		cmocka_unit_test(malformed_bytes_are_refused),
		cmocka_unit_test(random_bytes_never_do_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
