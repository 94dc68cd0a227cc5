/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The usual record in one pass: what is taken is what the long way makes of it, byte for byte, what
 * the long way refuses is never taken, and a producer that changes its record meanwhile gets
 * nothing but OTLP into a batch.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "base/array.h"
#include "base/utf8.h"
#include "bench/bench_data.h"
#include "opentelemetry/proto/logs/v1/logs.pb-c.h"
#include "opentelemetry/proto/trace/v1/trace.pb-c.h"
#include "tests/gen.h"
#include "writer/encode/encode.h"
#include "writer/encode/encode_usual.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after its prerequisites */
#include <cmocka.h>

#define SEED		 UINT64_C(20261128)
#define RECORDS		 1000u
#define RECORDS_SHORT	 250u /* with OTLPIPE_TEST_SHORT, as under valgrind */
#define MUTATIONS	 20u
#define RACED_RECORDS	 20000u
#define REFS		 RECORD_REFS(1, 9)
#define SHAPE_ATTRIBUTES 64u
#define RECORD_BYTES	 4096u
#define NOT_UTF8	 "\xc3("
#define VALID_NOT_ASCII	 "gr\xc3\xbc\xc3\x9f"

/* In memory of its size and the slack alone, so that a sanitizer sees a read behind it. */
struct sample {
	uint8_t *bytes;
	size_t len;
	enum otlp_signal signal;
};

static unsigned records(void)
{
	return getenv("OTLPIPE_TEST_SHORT") != NULL ? RECORDS_SHORT : RECORDS;
}

static struct sample sample_new(enum otlp_signal signal, size_t len)
{
	struct sample ret = {malloc(len + RECORD_SLACK_BYTES), len, signal};

	assert_non_null(ret.bytes);
	memset(ret.bytes, 0xff, len + RECORD_SLACK_BYTES);
	return ret;
}

static struct sample span_sample(const struct otlp_span *span)
{
	struct sample ret;
	size_t len;

	assert_int_equal(record_size_span(span, NULL, NULL, &len), 0);
	ret = sample_new(OTLP_SIGNAL_TRACES, len);
	assert_int_not_equal(record_write_span(ret.bytes, span, NULL, REFS, len), RECORD_CHANGED);
	return ret;
}

static struct sample log_sample(const struct otlp_log_record *log)
{
	struct sample ret;
	size_t len;

	assert_int_equal(record_size_log(log, NULL, NULL, &len), 0);
	ret = sample_new(OTLP_SIGNAL_LOGS, len);
	assert_int_not_equal(record_write_log(ret.bytes, log, NULL, REFS, len), RECORD_CHANGED);
	return ret;
}

/* Is it usual? If so it is what the long way makes. */
static bool check_sample(const struct sample *sample)
{
	const size_t bound = ENCODE_GROWTH_MAX * sample->len + ENCODE_SLACK_BYTES;
	uint8_t *const to = malloc(bound), *const expected = malloc(bound);
	uint32_t refs = 0;
	uint8_t *const end = encode_usual(sample->signal, sample->bytes, sample->len, to, &refs);
	struct record_view view;

	if (end != NULL) {
		assert_int_equal(record_parse(sample->bytes, sample->len,
					      sample->len + RECORD_SLACK_BYTES, &view),
				 0);
		assert_int_equal(view.signal, sample->signal);
		assert_null(view.resource);
		assert_null(view.scope);
		assert_int_equal(refs, RECORD_REFS(view.resource_ref, view.scope_ref));
		assert_int_equal(encode_record(&view, expected) - expected, end - to);
		assert_memory_equal(to, expected, (size_t)(end - to));
	}
	free(to);
	free(expected);
	return end != NULL;
}

static bool is_usual(struct sample sample)
{
	const bool ret = check_sample(&sample);

	free(sample.bytes);
	return ret;
}

/* A shape as it stands in the writer's copy of a table, and what was made from it. */
struct shape_sample {
	uint8_t *bytes;
	size_t len;
	struct record_shape record;
	uint16_t texts[SHAPE_ATTRIBUTES];
	uint8_t types[SHAPE_ATTRIBUTES];
};

#define SHAPE_REF 64u

static void shape_room(struct shape_sample *ret, size_t len)
{
	ret->bytes = calloc(1, len + RECORD_SLACK_BYTES);
	ret->len = len;
	assert_non_null(ret->bytes);
}

/* False: it has something that no shape has. */
static bool span_shape(struct shape_sample *ret, const struct otlp_span *span)
{
	size_t len;

	*ret = (struct shape_sample){0};
	ret->record.types = ret->types;
	ret->record.texts = ret->texts;
	if (span->attributes.count > SHAPE_ATTRIBUTES ||
	    record_measure_shape(span, &ret->record, &len) < 0)
		return false;
	shape_room(ret, len);
	assert_true(record_write_shape(ret->bytes, span, len));
	return true;
}

static bool log_shape(struct shape_sample *ret, const struct otlp_log_record *log)
{
	size_t len;

	*ret = (struct shape_sample){0};
	ret->record.types = ret->types;
	ret->record.texts = ret->texts;
	if (log->attributes.count > SHAPE_ATTRIBUTES ||
	    record_measure_log_shape(log, &ret->record, &len) < 0)
		return false;
	shape_room(ret, len);
	assert_true(record_write_log_shape(ret->bytes, log, len));
	return true;
}

static struct sample shaped_span(const struct shape_sample *shape, const struct otlp_span *span)
{
	struct sample ret;
	size_t len;

	assert_int_equal(record_size_shaped(span, &shape->record, NULL, &len), 0);
	ret = sample_new(OTLP_SIGNAL_TRACES, len);
	assert_int_not_equal(
		record_write_shaped(ret.bytes, span, NULL, RECORD_REFS(1, 0), SHAPE_REF, len),
		RECORD_CHANGED);
	return ret;
}

static struct sample shaped_log(const struct shape_sample *shape, const struct otlp_log_record *log)
{
	struct sample ret;
	size_t len;

	assert_int_equal(record_size_shaped_log(log, &shape->record, NULL, &len), 0);
	ret = sample_new(OTLP_SIGNAL_LOGS, len);
	assert_int_not_equal(
		record_write_shaped_log(ret.bytes, log, NULL, RECORD_REFS(1, 0), SHAPE_REF, len),
		RECORD_CHANGED);
	return ret;
}

/* Behind the tag and the length, which may be wider than it has to be. */
static const uint8_t *item_body(const uint8_t *at, const uint8_t *end)
{
	size_t len = 0;
	unsigned shift = 0;

	assert_int_equal(*at++, 0x12);
	for (;; shift += 7) {
		assert_true(at < end);
		len |= (size_t)(*at & 0x7f) << shift;
		if (*at++ < 0x80)
			break;
	}
	assert_int_equal(end - at, len);
	return at;
}

/* Is it usual? If so it is what the whole record becomes. */
static bool check_shaped(const struct shape_sample *shape, const struct sample *sample)
{
	const uint8_t *body, *expected_body;
	uint8_t *whole, *to, *expected, *end, *expected_end;
	struct record_view of_shape, view;
	size_t bound, whole_bytes;
	uint32_t refs;

	/* A shape that the writer would not keep. */
	if (record_parse_shape(shape->bytes, shape->len, &of_shape) < 0)
		return false;
	bound = record_expand_bound(sample->len, &of_shape);
	whole = malloc(bound + RECORD_SLACK_BYTES);
	to = malloc(ENCODE_GROWTH_MAX * bound + ENCODE_SLACK_BYTES);
	expected = malloc(ENCODE_GROWTH_MAX * bound + ENCODE_SLACK_BYTES);
	end = encode_usual_shaped(sample->bytes, sample->len, &of_shape, to, &refs);
	if (end != NULL) {
		assert_int_equal(
			record_expand(sample->bytes, sample->len, &of_shape, whole, &whole_bytes),
			0);
		assert_int_equal(record_parse(whole, whole_bytes, whole_bytes, &view), 0);
		assert_int_equal(view.signal, sample->signal);
		assert_int_equal(refs, RECORD_REFS(view.resource_ref, 0));
		assert_null(view.resource);
		expected_end = encode_record(&view, expected);
		body = item_body(to, end);
		expected_body = item_body(expected, expected_end);
		assert_int_equal(end - body, expected_end - expected_body);
		assert_memory_equal(body, expected_body, (size_t)(end - body));
	}
	free(whole);
	free(to);
	free(expected);
	return end != NULL;
}

static void shaped_records_become_what_their_whole_records_become(void **state)
{
	struct gen *const gen = gen_new(SEED);
	unsigned taken = 0, taken_changed = 0;
	struct shape_sample shape;
	struct sample sample;

	(void)state;
	assert_true(span_shape(&shape, &bench_span_s));
	sample = shaped_span(&shape, &bench_span_s);
	assert_int_equal(encode_usual_shape_ref(OTLP_SIGNAL_TRACES, sample.bytes, sample.len),
			 SHAPE_REF);
	assert_int_equal(encode_usual_shape_ref(OTLP_SIGNAL_LOGS, sample.bytes, sample.len), 0);
	assert_true(check_shaped(&shape, &sample));
	free(sample.bytes);
	free(shape.bytes);
	assert_true(log_shape(&shape, &bench_log_l));
	sample = shaped_log(&shape, &bench_log_l);
	assert_int_equal(encode_usual_shape_ref(OTLP_SIGNAL_LOGS, sample.bytes, sample.len),
			 SHAPE_REF);
	assert_true(check_shaped(&shape, &sample));
	free(sample.bytes);
	free(shape.bytes);
	for (unsigned i = 0; i < 4 * records(); i++, gen_reset(gen)) {
		struct otlp_span span = *gen_span(gen);
		struct otlp_log_record log = *gen_log(gen);

		span.resource = log.resource = NULL;
		if (i % 2 == 0 ? !span_shape(&shape, &span) : !log_shape(&shape, &log))
			continue;
		sample = i % 2 == 0 ? shaped_span(&shape, &span) : shaped_log(&shape, &log);
		taken += check_shaped(&shape, &sample);
		/* Either of both. */
		for (unsigned m = 0; m < MUTATIONS; m++) {
			uint8_t *const at = m % 4 == 0 ? &shape.bytes[gen_below(gen, shape.len)]
						       : &sample.bytes[gen_below(gen, sample.len)];
			const uint8_t before = *at;

			*at = (uint8_t)gen_u64(gen);
			taken_changed += check_shaped(&shape, &sample);
			*at = before;
		}
		for (unsigned m = 0; m < MUTATIONS; m++) {
			struct sample cut = sample;

			cut.len = gen_below(gen, sample.len);
			(void)check_shaped(&shape, &cut);
		}
		free(sample.bytes);
		free(shape.bytes);
	}
	gen_free(gen);
	assert_true(taken > records() / 10);
	assert_true(taken_changed > records() / 2);
}

/* Only its keys take it beyond the limit, and those stand in the shape. */
static void what_is_too_large_whole_is_never_taken(void **state)
{
	struct otlp_attribute attributes[SHAPE_ATTRIBUTES];
	char keys[SHAPE_ATTRIBUTES][900];
	const struct otlp_span span = {.trace_id = {1},
				       .span_id = {1},
				       .name = OTLP_STR("span"),
				       .attributes = {attributes, SHAPE_ATTRIBUTES, 0}};
	const size_t text_bytes = OTLP_RECORD_BYTES_MAX / SHAPE_ATTRIBUTES - 100;
	char *const text = malloc(text_bytes);
	struct shape_sample shape;
	struct sample sample;

	(void)state;
	assert_non_null(text);
	memset(text, 't', text_bytes);
	memset(keys, 'k', sizeof(keys));
	for (unsigned i = 0; i < SHAPE_ATTRIBUTES; i++)
		attributes[i] = otlp_attr_str((struct otlp_str){keys[i], sizeof(keys[i])},
					      (struct otlp_str){text, text_bytes});
	assert_true(span_shape(&shape, &span));
	sample = shaped_span(&shape, &span);
	assert_false(check_shaped(&shape, &sample));
	free(sample.bytes);
	/* With shorter texts it is taken. */
	for (unsigned i = 0; i < SHAPE_ATTRIBUTES; i++)
		attributes[i].value.as.string.len = text_bytes - sizeof(keys[i]);
	sample = shaped_span(&shape, &span);
	assert_true(check_shaped(&shape, &sample));
	free(sample.bytes);
	free(shape.bytes);
	free(text);
}

static void records_as_programs_make_them_are_usual(void **state)
{
	static const struct otlp_str texts[] = {
		OTLP_STR_INIT(""),
		OTLP_STR_INIT("a"),
		OTLP_STR_INIT("0123456789abcdef0123456789abcdef"),
		OTLP_STR_INIT("0123456789abcdef0123456789abcdef0"),
		OTLP_STR_INIT(VALID_NOT_ASCII),
		OTLP_STR_INIT("0123456789abcdef0123456789abcdef" VALID_NOT_ASCII),
	};
	char large[2048];

	(void)state;
	memset(large, 'x', sizeof(large));
	assert_true(is_usual(span_sample(&bench_span_s)));
	assert_true(is_usual(span_sample(&bench_span_s0)));
	assert_true(is_usual(log_sample(&bench_log_l)));
	for (size_t i = 0; i <= COUNT_OF(texts); i++) {
		const struct otlp_str text =
			i < COUNT_OF(texts) ? texts[i] : (struct otlp_str){large, sizeof(large)};
		const struct otlp_str key = text.len != 0 ? text : texts[1];
		const struct otlp_attribute attributes[] = {
			{key, {OTLP_VALUE_STRING, {.string = text}}},
			{texts[1], {OTLP_VALUE_STRING, {.string = text}}},
			{key, {OTLP_VALUE_STRING, {.string = texts[1]}}},
			{texts[2], {OTLP_VALUE_INT, {.integer = INT64_MIN}}},
			{texts[4], {OTLP_VALUE_DOUBLE, {.real = -0.0}}},
			{texts[1], {OTLP_VALUE_BOOL, {.boolean = true}}},
		};
		const struct otlp_span_event event = {.name = text,
						      .attributes = {attributes, 6, 2}};
		const struct otlp_span span = {.trace_id = {1},
					       .span_id = {1},
					       .name = text,
					       .trace_state = text,
					       .attributes = {attributes, 6, 3},
					       .events = &event,
					       .event_count = 1,
					       .dropped_event_count = 300,
					       .dropped_link_count = UINT32_MAX,
					       .flags = 0x301,
					       .status_message = text,
					       .status = OTLP_STATUS_ERROR};
		const struct otlp_log_record log = {.span_id = {1},
						    .severity_text = text,
						    .event_name = text,
						    .flags = 1,
						    .body = {OTLP_VALUE_STRING, {.string = text}},
						    .attributes = {attributes, 6, 1}};

		assert_true(is_usual(span_sample(&span)));
		assert_true(is_usual(log_sample(&log)));
	}
}

/* At each place of text there is, short and long. */
static void text_that_is_not_utf8_is_never_taken(void **state)
{
	static const struct otlp_str good = OTLP_STR_INIT("good");
	static const struct otlp_str bad[] = {
		OTLP_STR_INIT(NOT_UTF8),
		OTLP_STR_INIT("\xff"),
		OTLP_STR_INIT("0123456789abcdef0123456789abcd" NOT_UTF8),
		OTLP_STR_INIT("0123456789abcdef0123456789abcdef" NOT_UTF8),
		OTLP_STR_INIT("cut short \xe2\x82"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		for (unsigned place = 0; place < 7; place++) {
#define AT(n) (place == (n) ? bad[i] : good)
			const struct otlp_attribute of_event = {
				AT(0), {OTLP_VALUE_STRING, {.string = AT(1)}}};
			const struct otlp_attribute attributes[] = {
				{good, {OTLP_VALUE_STRING, {.string = good}}},
				{AT(2), {OTLP_VALUE_STRING, {.string = AT(3)}}},
				{good, {OTLP_VALUE_INT, {.integer = 1}}}};
			const struct otlp_span_event event = {.name = AT(4),
							      .attributes = {&of_event, 1, 0}};
			const struct otlp_span span = {.trace_id = {1},
						       .span_id = {1},
						       .trace_state = good,
						       .name = AT(5),
						       .status_message = AT(6),
						       .attributes = {attributes, 3, 0},
						       .events = &event,
						       .event_count = 1};
			const struct otlp_log_record log = {
				.severity_text = AT(0),
				.event_name = AT(1),
				.attributes = {attributes, 3, 0},
				.body = {OTLP_VALUE_STRING, {.string = AT(4)}}};
#undef AT

			assert_false(is_usual(span_sample(&span)));
			if (place < 5)
				assert_false(is_usual(log_sample(&log)));
		}
	}
}

static void what_is_taken_is_what_the_long_way_makes(void **state)
{
	struct gen *const gen = gen_new(SEED);
	unsigned taken = 0, taken_changed = 0;

	(void)state;
	for (unsigned i = 0; i < records(); i++) {
		struct otlp_span span = *gen_span(gen);
		struct otlp_log_record log = *gen_log(gen);
		struct sample samples[2];

		span.resource = log.resource = NULL;
		samples[0] = span_sample(&span);
		samples[1] = log_sample(&log);
		for (unsigned s = 0; s < COUNT_OF(samples); s++) {
			struct sample *const sample = &samples[s];

			taken += check_sample(sample);
			for (unsigned m = 0; m < MUTATIONS; m++) {
				uint8_t *const at = &sample->bytes[gen_below(gen, sample->len)];
				const uint8_t before = *at;

				*at = (uint8_t)gen_u64(gen);
				taken_changed += check_sample(sample);
				*at = before;
			}
			for (unsigned m = 0; m < MUTATIONS; m++) {
				struct sample cut = *sample;

				cut.len = gen_below(gen, sample->len);
				(void)check_sample(&cut);
			}
			free(sample->bytes);
		}
		gen_reset(gen);
	}
	gen_free(gen);
	assert_true(taken > records() / 10);
	assert_true(taken_changed > records());
}

/* What another thread does to a record. */
struct liar {
	struct sample sample;
	const uint8_t *honest;
	atomic_bool is_over;
};

static void *lie(void *argument)
{
	struct liar *const liar = argument;
	uint64_t random = SEED;

	while (!atomic_load_explicit(&liar->is_over, memory_order_relaxed)) {
		volatile uint8_t *const bytes = liar->sample.bytes;
		size_t at;

		random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
		at = (size_t)(random >> 33) % liar->sample.len;
		bytes[at] = (uint8_t)(random >> 25);
		bytes[at] = liar->honest[at];
	}
	return NULL;
}

static void check_text(ProtobufCBinaryData text)
{
	assert_true(utf8_is_valid_any(text.data, text.len));
}

static void check_attributes(Opentelemetry__Proto__Common__V1__KeyValue **attributes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const Opentelemetry__Proto__Common__V1__AnyValue *value = attributes[i]->value;

		check_text(attributes[i]->key);
		assert_non_null(value);
		if (value->value_case ==
		    OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE)
			check_text(value->string_value);
	}
}

static void check_spans(const uint8_t *bytes, size_t count)
{
	Opentelemetry__Proto__Trace__V1__ScopeSpans *const spans =
		opentelemetry__proto__trace__v1__scope_spans__unpack(NULL, count, bytes);
	const Opentelemetry__Proto__Trace__V1__Span *span;

	assert_non_null(spans);
	assert_int_equal(spans->base.n_unknown_fields, 0);
	assert_int_equal(spans->n_spans, 1);
	span = spans->spans[0];
	assert_int_equal(span->base.n_unknown_fields, 0);
	check_text(span->name);
	check_text(span->trace_state);
	if (span->status != NULL)
		check_text(span->status->message);
	check_attributes(span->attributes, span->n_attributes);
	for (size_t i = 0; i < span->n_events; i++) {
		check_text(span->events[i]->name);
		check_attributes(span->events[i]->attributes, span->events[i]->n_attributes);
	}
	opentelemetry__proto__trace__v1__scope_spans__free_unpacked(spans, NULL);
}

static void check_logs(const uint8_t *bytes, size_t count)
{
	Opentelemetry__Proto__Logs__V1__ScopeLogs *const logs =
		opentelemetry__proto__logs__v1__scope_logs__unpack(NULL, count, bytes);
	const Opentelemetry__Proto__Logs__V1__LogRecord *log;

	assert_non_null(logs);
	assert_int_equal(logs->base.n_unknown_fields, 0);
	assert_int_equal(logs->n_log_records, 1);
	log = logs->log_records[0];
	assert_int_equal(log->base.n_unknown_fields, 0);
	check_text(log->severity_text);
	check_text(log->event_name);
	check_attributes(log->attributes, log->n_attributes);
	opentelemetry__proto__logs__v1__scope_logs__free_unpacked(logs, NULL);
}

/* shape: of the record, or NULL. */
static void race(struct sample sample, const struct shape_sample *shape)
{
	size_t bound = ENCODE_GROWTH_MAX * sample.len + ENCODE_SLACK_BYTES;
	struct record_view of_shape;
	uint8_t *const honest = malloc(sample.len);
	struct liar liar = {.sample = sample, .honest = honest};
	pthread_t thread;
	uint32_t refs;
	uint8_t *to;

	if (shape != NULL) {
		assert_int_equal(record_parse_shape(shape->bytes, shape->len, &of_shape), 0);
		bound = ENCODE_GROWTH_MAX * record_expand_bound(sample.len, &of_shape) +
			ENCODE_SLACK_BYTES;
	}
	to = malloc(bound);
	memcpy(honest, sample.bytes, sample.len);
	assert_int_equal(pthread_create(&thread, NULL, lie, &liar), 0);
	for (unsigned i = 0; i < RACED_RECORDS; i++) {
		const uint8_t *const end =
			shape != NULL
				? encode_usual_shaped(sample.bytes, sample.len, &of_shape, to,
						      &refs)
				: encode_usual(sample.signal, sample.bytes, sample.len, to, &refs);

		if (end == NULL)
			continue;
		assert_true((size_t)(end - to) <= bound);
		if (sample.signal == OTLP_SIGNAL_TRACES)
			check_spans(to, (size_t)(end - to));
		else
			check_logs(to, (size_t)(end - to));
	}
	atomic_store_explicit(&liar.is_over, true, memory_order_relaxed);
	assert_int_equal(pthread_join(thread, NULL), 0);
	/* Left alone it is what it was. */
	assert_memory_equal(sample.bytes, honest, sample.len);
	assert_true(shape != NULL ? check_shaped(shape, &sample) : check_sample(&sample));
	free(honest);
	free(to);
	free(sample.bytes);
}

static void a_record_that_changes_meanwhile_is_otlp_or_not_taken(void **state)
{
	struct shape_sample shape;

	(void)state;
	race(span_sample(&bench_span_s), NULL);
	race(log_sample(&bench_log_l), NULL);
	assert_true(span_shape(&shape, &bench_span_s));
	race(shaped_span(&shape, &bench_span_s), &shape);
	free(shape.bytes);
	assert_true(log_shape(&shape, &bench_log_l));
	race(shaped_log(&shape, &bench_log_l), &shape);
	free(shape.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_too_large_whole_is_never_taken),
		cmocka_unit_test(shaped_records_become_what_their_whole_records_become),
		cmocka_unit_test(records_as_programs_make_them_are_usual),
		cmocka_unit_test(text_that_is_not_utf8_is_never_taken),
		cmocka_unit_test(what_is_taken_is_what_the_long_way_makes),
		cmocka_unit_test(a_record_that_changes_meanwhile_is_otlp_or_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
