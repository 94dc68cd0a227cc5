/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's work on a record that it has copied out of the ring.
 *
 *   encode/…         the encoder alone, into a batch buffer's place
 *   parse_encode/…   with the validation in front of it: what each record goes through
 *   expand_encode/…  the same for a shaped span, which is made whole first
 *   stage/…          the same through the stage: grouped, then written as one ResourceSpans
 *   memcpy_output/…  the speed of light: as many bytes as the encoder writes
 *   protobuf_c/…     build, get_packed_size and pack of the same data (pb_build.h)
 *
 * Records lie one behind the other, as they come from a ring; the output wanders through a buffer
 * of a batch's size. M is counted per data point.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench_data.h"
#include "bench/micro.h"
#include "bench/pb_build.h"
#include "core/record/record.h"
#include "writer/encode/encode.h"
#include "writer/encode/stage.h"

#define OUTPUT_BYTES	 (1u << 20)
#define OUTPUT_MARGIN	 (64u << 10) /* more than the longest item takes */
#define SPAN_COPIES	 256u	     /* so that not all of it lies in the L1 cache */
#define METRIC_COPIES	 128u	     /* of 10 metrics each */
#define RECORDS_MAX	 1280u
#define BURST_RECORDS	 5120u
#define RECORD_BYTES_MAX 4096u
#define RESOURCE_BYTES	 256u
#define SCOPE_BYTES	 256u
#define SHAPE_BYTES	 1024u
#define SHAPE_ITEMS	 16u

enum method {
	METHOD_ENCODE,
	METHOD_PARSE_ENCODE,
	METHOD_EXPAND_ENCODE,
	METHOD_STAGE,
	METHOD_COPY,
	METHOD_PROTOBUF_C
};

struct encode_case {
	const struct otlp_span *span; /* NULL: M */
	enum method method;
	bool is_varied;
};

static struct {
	uint8_t *records;
	struct record_view views[RECORDS_MAX];
	size_t lengths[RECORDS_MAX];	    /* of the records as encoded */
	const void *originals[RECORDS_MAX]; /* struct otlp_span or otlp_metric */
	size_t count;
	uint8_t *output;
	struct stage *stage;
	uint8_t resource[RESOURCE_BYTES];
	size_t resource_bytes;
	uint8_t scope[SCOPE_BYTES];
	size_t scope_bytes;
	uint8_t shape_bytes[SHAPE_BYTES];
	struct record_view shape;
	uint8_t shaped[SHAPE_BYTES]; /* S without what its shape says */
	size_t shaped_bytes;
	uint64_t output_bytes; /* of one of each record */
	uint64_t items;
} data;

static struct pb_arena arena;

/* As the writer finds it: resource and scope by reference. */
#define REFS RECORD_REFS(1, 9)

static int prepare_scope(const struct otlp_scope *scope)
{
	const int rc = record_size_scope(scope, &data.scope_bytes);

	if (rc < 0 || data.scope_bytes > sizeof(data.scope) ||
	    !record_write_scope(data.scope, scope, data.scope_bytes))
		return -EINVAL;
	return 0;
}

static int add_record(const void *original, bool is_span, uint8_t **at)
{
	const struct otlp_metric *metric = original;
	size_t bytes = 0, point_bytes;
	int rc;

	if (is_span) {
		rc = record_size_span(original, NULL, NULL, &bytes);
		if (rc == 0 &&
		    record_write_span(*at, original, NULL, REFS, bytes) == RECORD_CHANGED)
			rc = -EINVAL;
	} else {
		rc = record_measure_metric(metric, NULL, NULL, &bytes);
		for (size_t i = 0; rc == 0 && i < metric->point_count; i++) {
			rc = record_measure_point(metric, i, &point_bytes);
			bytes += point_bytes;
		}
		if (rc == 0 && record_write_metric(*at, metric, NULL, NULL, REFS, 0,
						   metric->point_count, bytes) == RECORD_CHANGED)
			rc = -EINVAL;
	}
	if (rc == 0)
		rc = record_parse(*at, bytes, bytes + RECORD_SLACK_BYTES, &data.views[data.count]);
	if (rc < 0)
		return rc;
	*at += (bytes + 7) & ~(size_t)7;
	data.originals[data.count] = original;
	data.lengths[data.count] =
		(size_t)(encode_record(&data.views[data.count], data.output) - data.output);
	data.output_bytes += data.lengths[data.count];
	data.items += data.views[data.count].item_count;
	data.count++;
	return 0;
}

/* The shape of S, and an S that refers to it. */
static int prepare_shaped(void)
{
	uint8_t types[SHAPE_ITEMS];
	uint16_t texts[SHAPE_ITEMS];
	struct record_shape shape = {.types = types, .texts = texts};
	size_t bytes;
	int rc;

	rc = record_measure_shape(&bench_span_s, &shape, &bytes);
	if (rc < 0 || bytes > sizeof(data.shape_bytes) || shape.count > SHAPE_ITEMS)
		return -EINVAL;
	if (!record_write_shape(data.shape_bytes, &bench_span_s, bytes))
		return -EINVAL;
	rc = record_parse_shape(data.shape_bytes, bytes, &data.shape);
	if (rc == 0)
		rc = record_size_shaped(&bench_span_s, &shape, NULL, &data.shaped_bytes);
	if (rc < 0 || data.shaped_bytes > sizeof(data.shaped))
		return -EINVAL;
	if (record_write_shaped(data.shaped, &bench_span_s, NULL, 1, 1, data.shaped_bytes) ==
	    RECORD_CHANGED)
		return -EINVAL;
	return 0;
}

static size_t build_and_pack(const void *original, bool is_span, uint8_t *to)
{
	ProtobufCMessage *message = is_span ? &pb_build_span(&arena, original)->base
					    : &pb_build_metric(&arena, original)->base;

	/* The length goes in front of the message, so it is asked for. */
	bench_use(&(size_t){protobuf_c_message_get_packed_size(message)});
	return protobuf_c_message_pack(message, to);
}

/* Both must say the same: protobuf-c reads what the encoder wrote, and packs it to its own size. */
static int check_equal(bool is_span)
{
	const ProtobufCMessageDescriptor *descriptor =
		is_span ? &opentelemetry__proto__trace__v1__span__descriptor
			: &opentelemetry__proto__metrics__v1__metric__descriptor;
	const uint8_t *body = data.output + 1;
	size_t len = data.lengths[0] - 1, expected;
	ProtobufCMessage *message;
	int rc = 0;

	encode_record(&data.views[0], data.output);
	while (*body++ & 0x80)
		len--;
	message = protobuf_c_message_unpack(descriptor, NULL, len - 1, body);
	if (message == NULL)
		return -EBADMSG;
	expected = build_and_pack(data.originals[0], is_span, data.output);
	if (protobuf_c_message_get_packed_size(message) != expected)
		rc = -EBADMSG;
	protobuf_c_message_free_unpacked(message, NULL);
	return rc;
}

static int encode_setup(const struct bench *bench)
{
	static const struct otlp_attribute service = {
		OTLP_STR_INIT("service.name"),
		{OTLP_VALUE_STRING, {OTLP_STR_INIT("bench")}},
	};
	const struct otlp_resource resource = {.attributes = {&service, 1, 0}};
	const struct encode_case *of = bench->argument;
	const struct otlp_span *varied = bench_spans_varied();
	const size_t copies = of->span != NULL ? SPAN_COPIES : METRIC_COPIES;
	uint8_t *at;
	int rc;

	memset(&data, 0, sizeof(data));
	data.records = malloc(RECORDS_MAX * (size_t)RECORD_BYTES_MAX);
	data.output = malloc(OUTPUT_BYTES + OUTPUT_MARGIN);
	if (data.records == NULL || data.output == NULL || stage_open(&data.stage) < 0)
		return -ENOMEM;
	memset(data.output, 0, OUTPUT_BYTES + OUTPUT_MARGIN);
	rc = record_measure_resource(&resource, &data.resource_bytes);
	if (rc < 0 || data.resource_bytes > sizeof(data.resource))
		return -EINVAL;
	if (!record_write_resource(data.resource, &resource, data.resource_bytes))
		return -EINVAL;
	rc = prepare_scope(of->span != NULL ? of->span->scope
					    : &bench_metrics_m.scope_metrics->scope);

	at = data.records;
	for (size_t i = 0; i < copies && rc == 0; i++) {
		const struct otlp_scope_metrics *m = bench_metrics_m.scope_metrics;

		if (of->span != NULL)
			rc = add_record(of->is_varied ? &varied[i] : of->span, true, &at);
		for (size_t k = 0; of->span == NULL && k < m->metric_count && rc == 0; k++)
			rc = add_record(&m->metrics[k], false, &at);
	}
	if (rc == 0)
		rc = prepare_shaped();
	return rc < 0 ? rc : check_equal(of->span != NULL);
}

static uint8_t *wrap(uint8_t *to)
{
	return to - data.output >= (ptrdiff_t)OUTPUT_BYTES ? data.output : to;
}

static void encode_all(uint8_t *to)
{
	for (size_t i = 0; i < data.count; i++) {
		to = wrap(encode_record(&data.views[i], to));
		bench_use(to);
	}
}

static void parse_and_encode_all(uint8_t *to)
{
	struct record_view view;

	for (size_t i = 0; i < data.count; i++) {
		if (record_parse(data.views[i].bytes, data.views[i].len,
				 data.views[i].len + RECORD_SLACK_BYTES, &view) < 0)
			abort();
		to = wrap(encode_record(&view, to));
		bench_use(to);
	}
}

static void expand_and_encode_all(uint8_t *to)
{
	static uint8_t whole[RECORD_BYTES_MAX];
	struct record_view view;
	size_t len;

	for (size_t i = 0; i < data.count; i++) {
		if (record_expand(data.shaped, data.shaped_bytes, &data.shape, whole, &len) < 0 ||
		    record_parse(whole, len, sizeof(whole), &view) < 0)
			abort();
		to = wrap(encode_record(&view, to));
		bench_use(to);
	}
}

static void stage_all(uint8_t *to)
{
	static const struct stage_origin origin = {1, REFS};
	struct record_view view;
	uint8_t *room;
	uint32_t group;

	for (size_t i = 0; i < data.count; i++) {
		if (record_parse(data.views[i].bytes, data.views[i].len,
				 data.views[i].len + RECORD_SLACK_BYTES, &view) < 0)
			abort();
		view.scope = data.scope;
		view.scope_bytes = data.scope_bytes;
		group = stage_find(data.stage, &origin);
		if (group == STAGE_NO_GROUP) {
			if (stage_add(data.stage, &view, data.resource, data.resource_bytes,
				      &origin) < 0)
				abort();
			continue;
		}
		room = stage_room(data.stage, encode_bound(&view));
		if (room == NULL)
			abort();
		stage_take(data.stage, group, encode_record(&view, room));
	}
	bench_use(stage_write(data.stage, to));
}

static void copy_all(uint8_t *to)
{
	for (size_t i = 0; i < data.count; i++) {
		memcpy(to, data.views[i].bytes, data.lengths[i]);
		bench_use(to);
		to = wrap(to + data.lengths[i]);
	}
}

static void protobuf_c_all(uint8_t *to, bool is_span)
{
	for (size_t i = 0; i < data.count; i++) {
		to = wrap(to + build_and_pack(data.originals[i], is_span, to));
		bench_use(to);
	}
}

static int64_t encode_burst(const struct bench *bench, uint64_t operations)
{
	const struct encode_case *of = bench->argument;
	static size_t position;
	uint64_t started_ns;

	/* A stage writes all at once: from the start. */
	position = of->method == METHOD_STAGE ? 0 : (position + 4096) % OUTPUT_BYTES;
	if (data.output_bytes > OUTPUT_BYTES && of->method == METHOD_STAGE)
		return -EINVAL;
	started_ns = bench_cpu_ns();
	for (uint64_t done = 0; done < operations; done += data.items) {
		uint8_t *to = data.output + position;

		switch (of->method) {
		case METHOD_ENCODE:
			encode_all(to);
			break;
		case METHOD_PARSE_ENCODE:
			parse_and_encode_all(to);
			break;
		case METHOD_EXPAND_ENCODE:
			expand_and_encode_all(to);
			break;
		case METHOD_STAGE:
			stage_all(to);
			break;
		case METHOD_COPY:
			copy_all(to);
			break;
		case METHOD_PROTOBUF_C:
			protobuf_c_all(to, of->span != NULL);
			break;
		}
	}
	return (int64_t)(bench_cpu_ns() - started_ns);
}

static size_t encode_counters(const struct bench *bench, struct bench_counter *ret)
{
	(void)bench;
	ret[0] = (struct bench_counter){"output_bytes", data.output_bytes / data.items};
	return 1;
}

static void encode_teardown(const struct bench *bench)
{
	(void)bench;
	stage_close(data.stage);
	free(data.records);
	free(data.output);
}

#define ENCODE(title, what, method, is_varied, count)                             \
	{                                                                         \
		.name = title, .setup = encode_setup, .burst = encode_burst,      \
		.counters = encode_counters, .teardown = encode_teardown,         \
		.argument = &(const struct encode_case){what, method, is_varied}, \
		.burst_operations = count                                         \
	}
#define ALL(suffix, what, is_varied, count)                                                  \
	ENCODE("encode/" suffix, what, METHOD_ENCODE, is_varied, count),                     \
		ENCODE("parse_encode/" suffix, what, METHOD_PARSE_ENCODE, is_varied, count), \
		ENCODE("stage/" suffix, what, METHOD_STAGE, is_varied, count),               \
		ENCODE("memcpy_output/" suffix, what, METHOD_COPY, is_varied, count),        \
		ENCODE("protobuf_c/" suffix, what, METHOD_PROTOBUF_C, is_varied, count)

const struct bench bench_encode_table[] = {
	ALL("S", &bench_span_s, false, BURST_RECORDS),
	ALL("S0", &bench_span_s0, false, BURST_RECORDS),
	ALL("M_point", NULL, false, METRIC_COPIES *BENCH_METRICS_M_POINTS),
	ENCODE("encode/S_varied", &bench_span_s, METHOD_ENCODE, true, BURST_RECORDS),
	ENCODE("protobuf_c/S_varied", &bench_span_s, METHOD_PROTOBUF_C, true, BURST_RECORDS),
	ENCODE("expand_encode/S", &bench_span_s, METHOD_EXPAND_ENCODE, false, BURST_RECORDS),
	{.name = NULL},
};
