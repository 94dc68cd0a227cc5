/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a record: the reader stays inside them, what it accepts is encoded into a buffer of
 * exactly the promised bound, and protobuf-c takes the result. The first byte chooses a record, a
 * resource as an entry of the table is one, or a shape (two bytes of length before it) with a span
 * or a log of that shape behind it.
 */
#include <stdlib.h>
#include <string.h>

#include "core/record/record.h"
#include "opentelemetry/proto/logs/v1/logs.pb-c.h"
#include "opentelemetry/proto/metrics/v1/metrics.pb-c.h"
#include "opentelemetry/proto/trace/v1/trace.pb-c.h"
#include "tests/fuzz/fuzz.h"
#include "writer/encode/encode.h"
#include "writer/encode/encode_usual.h"

/* Of an item: its record has 4 MiB at most. */
#define LENGTH_BYTES_MAX 4u

/* protobuf-c recurses once a level; the record's reader bounds the levels. */
static void check_message(const ProtobufCMessageDescriptor *type, const uint8_t *bytes,
			  size_t count)
{
	ProtobufCMessage *message = protobuf_c_message_unpack(type, NULL, count, bytes);

	FUZZ_CHECK(message != NULL);
	FUZZ_CHECK(message->n_unknown_fields == 0);
	protobuf_c_message_free_unpacked(message, NULL);
}

static void check_resource(const uint8_t *section, size_t bytes)
{
	uint8_t *const to = malloc(encode_section_bound(bytes));
	uint8_t *end;

	FUZZ_CHECK(to != NULL);
	end = encode_resource_schema_url(section, encode_resource(section, bytes, to));
	check_message(&opentelemetry__proto__trace__v1__resource_spans__descriptor, to,
		      (size_t)(end - to));
	check_message(&opentelemetry__proto__metrics__v1__resource_metrics__descriptor, to,
		      (size_t)(end - to));
	check_message(&opentelemetry__proto__logs__v1__resource_logs__descriptor, to,
		      (size_t)(end - to));
	free(to);
}

static void check_scope(const uint8_t *section, size_t bytes)
{
	uint8_t *const to = malloc(encode_section_bound(bytes));
	uint8_t *end;

	FUZZ_CHECK(to != NULL);
	end = encode_scope_schema_url(section, encode_scope(section, bytes, to));
	check_message(&opentelemetry__proto__trace__v1__scope_spans__descriptor, to,
		      (size_t)(end - to));
	free(to);
}

/* Behind the same record there may be anything, as in the writer: it has no influence. */
static void check_with_slack(const struct record_view *view, const uint8_t *encoded,
			     size_t encoded_bytes)
{
	uint8_t *const record = malloc(view->len + RECORD_SLACK_BYTES);
	uint8_t *const to = malloc(encode_bound(view));
	struct record_view wide;

	FUZZ_CHECK(record != NULL && to != NULL);
	memcpy(record, view->bytes, view->len);
	memset(record + view->len, 0xff, RECORD_SLACK_BYTES);
	FUZZ_CHECK(record_parse(record, view->len, view->len + RECORD_SLACK_BYTES, &wide) == 0);
	FUZZ_CHECK((size_t)(encode_record(&wide, to) - to) == encoded_bytes);
	FUZZ_CHECK(memcmp(to, encoded, encoded_bytes) == 0);
	free(to);
	free(record);
}

static void check_item(const struct record_view *view)
{
	static const ProtobufCMessageDescriptor *const types[SIGNAL_COUNT] = {
		[OTLP_SIGNAL_TRACES] = &opentelemetry__proto__trace__v1__scope_spans__descriptor,
		[OTLP_SIGNAL_METRICS] =
			&opentelemetry__proto__metrics__v1__scope_metrics__descriptor,
		[OTLP_SIGNAL_LOGS] = &opentelemetry__proto__logs__v1__scope_logs__descriptor,
	};
	uint8_t *const to = malloc(encode_bound(view));
	uint8_t *end;

	FUZZ_CHECK(to != NULL);
	end = encode_record(view, to);
	check_message(types[view->signal], to, (size_t)(end - to));
	check_with_slack(view, to, (size_t)(end - to));
	free(to);
}

static void check_refused_with_slack(const uint8_t *bytes, size_t count)
{
	uint8_t *const record = malloc(count + RECORD_SLACK_BYTES);
	struct record_view view;

	FUZZ_CHECK(record != NULL);
	if (count > 0)
		memcpy(record, bytes, count);
	memset(record + count, 0, RECORD_SLACK_BYTES);
	FUZZ_CHECK(record_parse(record, count, count + RECORD_SLACK_BYTES, &view) < 0);
	free(record);
}

/* In one pass: what is taken is what the other way makes of it, and nothing else is taken. */
static void check_usual(enum otlp_signal signal, const uint8_t *bytes, size_t count)
{
	const size_t bound = ENCODE_GROWTH_MAX * count + ENCODE_SLACK_BYTES;
	uint8_t *const record = malloc(count + RECORD_SLACK_BYTES);
	uint8_t *const to = malloc(bound), *const expected = malloc(bound);
	struct record_view view;
	uint8_t *end;
	uint32_t refs;

	FUZZ_CHECK(record != NULL && to != NULL && expected != NULL);
	if (count > 0)
		memcpy(record, bytes, count);
	memset(record + count, 0xff, RECORD_SLACK_BYTES);
	end = encode_usual(signal, record, count, to, &refs);
	if (end != NULL) {
		FUZZ_CHECK(record_parse(bytes, count, count, &view) == 0);
		FUZZ_CHECK(view.signal == signal && view.resource == NULL && view.scope == NULL);
		FUZZ_CHECK(refs == RECORD_REFS(view.resource_ref, view.scope_ref));
		FUZZ_CHECK(encode_record(&view, expected) - expected == end - to);
		FUZZ_CHECK(memcmp(expected, to, (size_t)(end - to)) == 0);
	}
	free(expected);
	free(to);
	free(record);
}

static void check_record(const uint8_t *bytes, size_t count)
{
	struct record_view view;

	check_usual(OTLP_SIGNAL_TRACES, bytes, count);
	check_usual(OTLP_SIGNAL_LOGS, bytes, count);
	if (record_parse(bytes, count, count, &view) < 0) {
		check_refused_with_slack(bytes, count);
		return;
	}
	FUZZ_CHECK(view.item_count > 0);
	check_item(&view);
	if (view.resource != NULL)
		check_resource(view.resource, view.resource_bytes);
	else
		FUZZ_CHECK(view.resource_ref != 0);
	if (view.scope != NULL)
		check_scope(view.scope, view.scope_bytes);
}

/* A copy of exactly its size, so that a sanitizer sees a read behind it. */
static uint8_t *copy(const uint8_t *from, size_t bytes)
{
	uint8_t *const to = malloc(bytes);

	FUZZ_CHECK(to != NULL || bytes == 0);
	if (bytes > 0)
		memcpy(to, from, bytes);
	return to;
}

/* What follows may be read with it. */
static uint8_t *copy_with_slack(const uint8_t *from, size_t bytes)
{
	uint8_t *const to = malloc(bytes + RECORD_SLACK_BYTES);

	FUZZ_CHECK(to != NULL);
	if (bytes > 0)
		memcpy(to, from, bytes);
	memset(to + bytes, 0xff, RECORD_SLACK_BYTES);
	return to;
}

/* Is what is taken in one pass what the whole record is? whole NULL: there is none. */
static void check_usual_shaped(const uint8_t *shape_bytes, size_t shape_count, const uint8_t *bytes,
			       size_t count, const uint8_t *whole, size_t whole_bytes)
{
	uint8_t *const shape = copy_with_slack(shape_bytes, shape_count);
	uint8_t *const record = copy_with_slack(bytes, count);
	struct record_view of_shape, view;
	size_t bound;
	uint8_t *to, *end;
	uint32_t refs;

	FUZZ_CHECK(record_parse_shape(shape, shape_count, &of_shape) == 0);
	bound = ENCODE_GROWTH_MAX * record_expand_bound(count, &of_shape) + ENCODE_SLACK_BYTES;
	to = malloc(bound);
	FUZZ_CHECK(to != NULL);
	end = encode_usual_shaped(record, count, &of_shape, to, &refs);
	if (end != NULL) {
		uint8_t *const expected = malloc(bound);
		size_t expected_bytes;

		FUZZ_CHECK(expected != NULL && whole != NULL);
		FUZZ_CHECK(record_parse(whole, whole_bytes, whole_bytes, &view) == 0);
		FUZZ_CHECK(refs == RECORD_REFS(view.resource_ref, 0) && view.resource == NULL);
		expected_bytes = (size_t)(encode_record(&view, expected) - expected);
		/* But for the width of the length, which may be one more. */
		FUZZ_CHECK((size_t)(end - to) - expected_bytes <= 1);
		expected_bytes -= 1 + LENGTH_BYTES_MAX;
		FUZZ_CHECK(memcmp(end - expected_bytes, expected + 1 + LENGTH_BYTES_MAX,
				  expected_bytes) == 0);
		free(expected);
	}
	free(to);
	free(record);
	free(shape);
}

static void check_shape(struct fuzz_input input)
{
	const size_t wanted = fuzz_take_u16(&input);
	const size_t shape_bytes = wanted < input.left ? wanted : input.left;
	uint8_t *const shape = copy(input.at, shape_bytes);
	const size_t bytes = input.left - shape_bytes;
	uint8_t *const record = copy(input.at + shape_bytes, bytes);
	struct record_view view;
	size_t whole_bytes;
	uint8_t *whole;

	if (record_parse_shape(shape, shape_bytes, &view) == 0 &&
	    record_shape_ref(record, bytes) != 0) {
		whole = malloc(record_expand_bound(bytes, &view));
		FUZZ_CHECK(whole != NULL);
		if (record_expand(record, bytes, &view, whole, &whole_bytes) == 0) {
			uint8_t *const exact = copy(whole, whole_bytes);

			FUZZ_CHECK(whole_bytes <= record_expand_bound(bytes, &view));
			check_record(exact, whole_bytes);
			check_usual_shaped(shape, shape_bytes, record, bytes, exact, whole_bytes);
			free(exact);
		} else {
			check_usual_shaped(shape, shape_bytes, record, bytes, NULL, 0);
		}
		free(whole);
	}
	free(record);
	free(shape);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes;

	if (size < 2)
		return 0;
	if (data[0] & 2) {
		check_shape((struct fuzz_input){data + 1, size - 1});
		return 0;
	}
	bytes = copy(data + 1, size - 1);
	if ((data[0] & 1) == 0)
		check_record(bytes, size - 1);
	else if (record_parse_resource(bytes, size - 1) == 0)
		check_resource(bytes, size - 1);
	free(bytes);
	return 0;
}
