/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record's reader against hostile bytes: cut short, changed, too long, or wrong in one field.
 * What it accepts is encoded too, as the encoder trusts it: within the bound, under a sanitizer.
 */
#include "base/array.h"
#include "tests/gen.h"
#include "writer/encode/encode.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after its prerequisites */
#include <cmocka.h>

#define SEED	 UINT64_C(20240607)
#define RECORDS	 300
#define ITEM_AT	 sizeof(struct record_span_head)
#define FIELD(f) offsetof(struct record_span_head, f)

/* A record in memory of its exact size, so that a sanitizer sees a read behind it. */
struct sample {
	uint8_t *bytes;
	size_t len;
};

static struct sample sample_of(const void *bytes, size_t len)
{
	const struct sample sample = {malloc(len ? len : 1), len};

	assert_non_null(sample.bytes);
	memcpy(sample.bytes, bytes, len);
	return sample;
}

static struct sample span_sample(const struct otlp_span *span, const struct otlp_resource *resource)
{
	struct sample sample;

	assert_int_equal(record_measure_span(span, resource, &sample.len), 0);
	sample.bytes = malloc(sample.len);
	assert_non_null(sample.bytes);
	assert_int_not_equal(record_write_span(sample.bytes, span, resource, 1, sample.len),
			     RECORD_CHANGED);
	return sample;
}

static struct sample metric_sample(const struct otlp_metric *metric, const struct otlp_scope *scope,
				   const struct otlp_resource *resource)
{
	struct sample sample;

	assert_int_equal(record_measure_metric(metric, scope, resource, &sample.len), 0);
	for (size_t i = 0; i < metric->point_count; i++) {
		size_t bytes;

		assert_int_equal(record_measure_point(metric, i, &bytes), 0);
		sample.len += bytes;
	}
	sample.bytes = malloc(sample.len);
	assert_non_null(sample.bytes);
	assert_int_not_equal(record_write_metric(sample.bytes, metric, scope, resource, 1, 0,
						 metric->point_count, sample.len),
			     RECORD_CHANGED);
	return sample;
}

static struct sample log_sample(const struct otlp_log_record *log,
				const struct otlp_resource *resource)
{
	struct sample sample;

	assert_int_equal(record_measure_log(log, resource, &sample.len), 0);
	sample.bytes = malloc(sample.len);
	assert_non_null(sample.bytes);
	assert_int_not_equal(record_write_log(sample.bytes, log, resource, 1, sample.len),
			     RECORD_CHANGED);
	return sample;
}

/* A record of each signal in turn, with and without an inline resource. */
static struct sample any_sample(struct gen *gen, unsigned int turn)
{
	const struct otlp_resource *const resource = turn & 4 ? gen_resource(gen) : NULL;

	switch (turn % 3) {
	case 0:
		return span_sample(gen_span(gen), resource);
	case 1:
		return metric_sample(gen_metric(gen), turn & 8 ? gen_scope(gen) : NULL, resource);
	default:
		return log_sample(gen_log(gen), resource);
	}
}

/* The same bytes with others behind them, as in the writer's buffer: these have no influence. */
static bool is_accepted_with_slack(const uint8_t *bytes, size_t len, const uint8_t *encoded,
				   size_t encoded_bytes)
{
	uint8_t *const copy = malloc(len + RECORD_SLACK_BYTES);
	struct record_view view;
	uint8_t *to;
	int rc;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	memset(copy + len, encoded != NULL ? 0xff : 0, RECORD_SLACK_BYTES);
	rc = record_parse(copy, len, len + RECORD_SLACK_BYTES, &view);
	if (rc == 0 && encoded != NULL) {
		to = malloc(encode_bound(&view));
		assert_non_null(to);
		assert_int_equal(encode_record(&view, to) - to, encoded_bytes);
		assert_memory_equal(to, encoded, encoded_bytes);
		free(to);
	}
	free(copy);
	return rc == 0;
}

/* Parse; if accepted, encode all of it into exactly the bounds. */
static bool is_accepted(const uint8_t *bytes, size_t len)
{
	struct record_view view;
	uint8_t *to, *end;

	if (record_parse(bytes, len, len, &view) < 0) {
		assert_false(is_accepted_with_slack(bytes, len, NULL, 0));
		return false;
	}
	to = malloc(encode_bound(&view));
	assert_non_null(to);
	end = encode_record(&view, to);
	assert_true((size_t)(end - to) <= encode_bound(&view));
	assert_true(is_accepted_with_slack(bytes, len, to, (size_t)(end - to)));
	if (view.resource) {
		end = encode_resource(view.resource, view.resource_bytes, to);
		end = encode_resource_schema_url(view.resource, end);
		assert_true((size_t)(end - to) <= encode_section_bound(view.resource_bytes));
	}
	if (view.scope) {
		end = encode_scope(view.scope, view.scope_bytes, to);
		end = encode_scope_schema_url(view.scope, end);
		assert_true((size_t)(end - to) <= encode_section_bound(view.scope_bytes));
	}
	free(to);
	return true;
}

static void whatever_is_written_is_accepted(void **state)
{
	struct gen *const gen = gen_new(SEED);

	(void)state;
	for (unsigned int i = 0; i < RECORDS; i++) {
		struct sample sample = any_sample(gen, i);

		assert_true(is_accepted(sample.bytes, sample.len));
		free(sample.bytes);
		gen_reset(gen);
	}
	gen_free(gen);
}

static void record_cut_at_any_byte_is_refused(void **state)
{
	struct gen *const gen = gen_new(SEED);

	(void)state;
	gen_set_size(gen, GEN_SMALL);
	for (unsigned int i = 0; i < 60; i++) {
		struct sample whole = any_sample(gen, i);

		for (size_t len = 0; len < whole.len; len++) {
			struct sample cut = sample_of(whole.bytes, len);

			if (is_accepted(cut.bytes, cut.len))
				fail_msg("record %u cut to %zu of %zu", i, len, whole.len);
			free(cut.bytes);
		}
		free(whole.bytes);
		gen_reset(gen);
	}
	gen_free(gen);
}

static void record_with_a_byte_more_is_refused(void **state)
{
	struct gen *const gen = gen_new(SEED);

	(void)state;
	gen_set_size(gen, GEN_SMALL);
	for (unsigned int i = 0; i < 60; i++) {
		struct sample sample = any_sample(gen, i);

		sample.bytes = realloc(sample.bytes, sample.len + 1);
		assert_non_null(sample.bytes);
		sample.bytes[sample.len] = 0;
		assert_false(is_accepted(sample.bytes, sample.len + 1));
		free(sample.bytes);
		gen_reset(gen);
	}
	gen_free(gen);
}

/* The values that lengths, counts and types break at, in every byte of some records. */
static void changed_byte_never_leads_outside_the_record_or_the_bound(void **state)
{
	struct gen *const gen = gen_new(SEED);
	size_t refused = 0;

	(void)state;
	gen_set_size(gen, GEN_SMALL);
	for (unsigned int i = 0; i < 60; i++) {
		struct sample sample = any_sample(gen, i);

		for (size_t at = 0; at < sample.len; at++) {
			const uint8_t old = sample.bytes[at];
			const uint8_t changes[] = {0,
						   0x7f,
						   0xff,
						   (uint8_t)(old + 1),
						   (uint8_t)(old - 1),
						   (uint8_t)(old ^ (1u << gen_below(gen, 8)))};

			for (size_t c = 0; c < sizeof(changes); c++) {
				sample.bytes[at] = changes[c];
				refused += !is_accepted(sample.bytes, sample.len);
			}
			sample.bytes[at] = old;
		}
		assert_true(is_accepted(sample.bytes, sample.len));
		free(sample.bytes);
		gen_reset(gen);
	}
	assert_true(refused > 10000);
	gen_free(gen);
}

static struct otlp_span valid_span(void)
{
	return (struct otlp_span){.trace_id = {1}, .span_id = {1}};
}

/* Is a span record with one byte set to this accepted? */
static bool span_with_byte(size_t at, uint8_t value)
{
	const struct otlp_span span = valid_span();
	struct sample sample = span_sample(&span, NULL);
	bool accepted;

	sample.bytes[at] = value;
	accepted = is_accepted(sample.bytes, sample.len);
	free(sample.bytes);
	return accepted;
}

static void wrong_fields_of_a_span_are_refused(void **state)
{
	(void)state;
	assert_true(span_with_byte(FIELD(kind), RECORD_SPAN));
	assert_false(span_with_byte(FIELD(kind), 0));
	assert_false(span_with_byte(FIELD(kind), 3));
	assert_false(span_with_byte(FIELD(has), RECORD_IS_MONOTONIC));
	assert_true(span_with_byte(FIELD(span_kind), 5));
	assert_false(span_with_byte(FIELD(span_kind), 6));
	assert_true(span_with_byte(FIELD(status), 2));
	assert_false(span_with_byte(FIELD(status), 3));
	assert_false(span_with_byte(FIELD(trace_id), 0));
	assert_false(span_with_byte(FIELD(span_id), 0));
	assert_true(span_with_byte(FIELD(flags) + 1, 3));
	assert_false(span_with_byte(FIELD(flags) + 1, 4));
	assert_false(span_with_byte(FIELD(resource_ref), 0)); /* and no inline one */
	assert_false(span_with_byte(FIELD(name_bytes) + 3, 0xff));
	assert_false(span_with_byte(FIELD(event_count) + 3, 0xff));
}

static void record_with_both_kinds_of_resource_is_refused(void **state)
{
	const struct otlp_resource resource = {.schema_url = {NULL, 0}};
	const struct otlp_span span = valid_span();
	struct sample sample = span_sample(&span, &resource);

	(void)state;
	assert_true(is_accepted(sample.bytes, sample.len));
	sample.bytes[FIELD(resource_ref)] = 1;
	assert_false(is_accepted(sample.bytes, sample.len));
	free(sample.bytes);
}

static void record_with_both_kinds_of_scope_is_refused(void **state)
{
	const struct otlp_scope scope = {.name = OTLP_STR_INIT("scope")};
	struct otlp_log_record log = {.scope = &scope};
	struct otlp_number_point point = {.value = {.type = OTLP_NUMBER_INT}};
	const struct otlp_metric metric = {
		.type = OTLP_METRIC_GAUGE, .points = {.number = &point}, .point_count = 1};
	struct otlp_span span = valid_span();
	struct sample samples[3];

	(void)state;
	span.scope = &scope;
	samples[0] = span_sample(&span, NULL);
	samples[1] = metric_sample(&metric, &scope, NULL);
	samples[2] = log_sample(&log, NULL);
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		uint8_t *const bytes = samples[i].bytes;

		assert_true(is_accepted(bytes, samples[i].len));
		bytes[FIELD(scope_ref)] = 1;
		assert_false(is_accepted(bytes, samples[i].len));
		/* By reference alone, what is inline would be something else. */
		bytes[FIELD(has)] &= (uint8_t)~RECORD_HAS_SCOPE;
		assert_false(is_accepted(bytes, samples[i].len));
		free(bytes);
	}
	span.scope = NULL;
	samples[0] = span_sample(&span, NULL);
	samples[0].bytes[FIELD(scope_ref) + 1] = 1;
	assert_true(is_accepted(samples[0].bytes, samples[0].len));
	free(samples[0].bytes);
}

/* Is a span record accepted whose one attribute is these bytes? */
static bool span_with_item(const void *item, size_t item_bytes)
{
	const struct otlp_span span = valid_span();
	struct sample sample = span_sample(&span, NULL);
	bool accepted;

	sample.bytes[FIELD(attribute_count)] = 1;
	sample.bytes = realloc(sample.bytes, sample.len + item_bytes);
	assert_non_null(sample.bytes);
	memcpy(sample.bytes + sample.len, item, item_bytes);
	accepted = is_accepted(sample.bytes, sample.len + item_bytes);
	free(sample.bytes);
	return accepted;
}

#define ITEM(literal) span_with_item(literal, sizeof(literal) - 1)

static void items_have_one_form_alone(void **state)
{
	(void)state;
	assert_true(ITEM("\x11\0\1\0ks"));
	assert_false(ITEM("\x19\0\0\0\1\0\0\0\1\0\0\0ks"));	 /* long for no reason */
	assert_true(ITEM("\x0d\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0")); /* an empty array */
	assert_false(ITEM("\x05\0\4\0\0\0\0\0"));		 /* with a short head */
	assert_false(ITEM("\x0d\1\0\0\0\0\0\0\4\0\0\0\0\0\0\0"));
	assert_true(ITEM("\x02\0\1\0"));
	assert_false(ITEM("\x02\0\2\0")); /* a bool of 2 */
	assert_false(ITEM("\x00\0\1\0")); /* nothing, of length 1 */
	assert_false(ITEM("\x03\0\1\0\0\0\0\0\0\0\0\0"));
}

static void values_of_an_array_have_no_keys(void **state)
{
	(void)state;
	assert_true(ITEM("\x0d\0\0\0\0\0\0\0\x08\0\0\0\1\0\0\0\x02\0\1\0"));
	assert_false(ITEM("\x0d\0\0\0\0\0\0\0\x09\0\0\0\1\0\0\0\x12\0\1\0k"));
	assert_true(ITEM("\x0e\0\0\0\0\0\0\0\x09\0\0\0\1\0\0\0\x12\0\1\0k"));
	assert_false(ITEM("\x0e\0\0\0\0\0\0\0\x09\0\0\0\2\0\0\0\x12\0\1\0k"));
	assert_false(ITEM("\x0e\0\0\0\0\0\0\0\x0a\0\0\0\1\0\0\0\x12\0\1\0kx"));
}

static void text_that_is_not_utf8_is_refused(void **state)
{
	(void)state;
	assert_true(ITEM("\x17\0\1\0k\xff")); /* bytes */
	assert_false(ITEM("\x11\0\1\0k\xff"));
	assert_false(ITEM("\x11\0\1\0\xffs"));
}

static void deeper_values_than_the_write_side_takes_are_refused(void **state)
{
	uint8_t item[(OTLP_VALUE_DEPTH_MAX + 1) * 16];

	(void)state;
	for (unsigned int depth = 1; depth <= OTLP_VALUE_DEPTH_MAX + 1; depth++) {
		uint8_t *to = item;

		for (unsigned int level = 1; level <= depth; level++) {
			const uint32_t inside = (depth - level) * 16;

			to = bytes_store32(to, OTLP_VALUE_ARRAY | RECORD_ATTRIBUTE_LONG);
			to = bytes_store32(to, 0);
			to = bytes_store32(to, 4 + inside);
			to = bytes_store32(to, level < depth);
		}
		assert_int_equal(span_with_item(item, (size_t)(to - item)),
				 depth <= OTLP_VALUE_DEPTH_MAX);
	}
}

static void metric_without_points_or_temporality_is_refused(void **state)
{
	const struct otlp_number_point point = {.value.type = OTLP_NUMBER_INT};
	const struct otlp_metric metric = {.type = OTLP_METRIC_SUM,
					   .temporality = OTLP_TEMPORALITY_DELTA,
					   .points.number = &point,
					   .point_count = 1};
	struct sample sample = metric_sample(&metric, NULL, NULL);
	struct record_metric_head head;

	(void)state;
	assert_true(is_accepted(sample.bytes, sample.len));
	memcpy(&head, sample.bytes, sizeof(head));
	head.temporality = 0;
	memcpy(sample.bytes, &head, sizeof(head));
	assert_false(is_accepted(sample.bytes, sample.len));
	head.temporality = 3;
	memcpy(sample.bytes, &head, sizeof(head));
	assert_false(is_accepted(sample.bytes, sample.len));
	head.temporality = 0;
	head.metric_type = OTLP_METRIC_GAUGE;
	memcpy(sample.bytes, &head, sizeof(head));
	assert_true(is_accepted(sample.bytes, sample.len));
	head.point_count = 0;
	memcpy(sample.bytes, &head, sizeof(head));
	assert_false(is_accepted(sample.bytes, sizeof(head)));
	free(sample.bytes);
}

static void record_over_the_limit_is_refused(void **state)
{
	const size_t len = (size_t)OTLP_RECORD_BYTES_MAX + 1;
	uint8_t *const bytes = calloc(1, len);
	const struct otlp_span span = valid_span();
	struct record_view view;

	(void)state;
	assert_non_null(bytes);
	assert_int_not_equal(
		record_write_span(bytes, &span, NULL, 1, sizeof(struct record_span_head)),
		RECORD_CHANGED);
	bytes_store32(bytes + FIELD(name_bytes), (uint32_t)(len - ITEM_AT - 1));
	assert_int_equal(record_parse(bytes, len - 1, len - 1, &view), 0);
	bytes_store32(bytes + FIELD(name_bytes), (uint32_t)(len - ITEM_AT));
	assert_int_equal(record_parse(bytes, len, len, &view), -EBADMSG);
	free(bytes);
}

static void resource_of_the_table_is_checked_like_any_part(void **state)
{
	const uint8_t entry[] = {1, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 'u', 0x12, 0, 1, 0, 'k'};
	uint8_t changed[sizeof(entry)];

	(void)state;
	assert_int_equal(record_parse_resource(entry, sizeof(entry)), 0);
	for (size_t len = 0; len < sizeof(entry); len++) {
		struct sample cut = sample_of(entry, len);

		assert_int_equal(record_parse_resource(cut.bytes, len), -EBADMSG);
		free(cut.bytes);
	}
	memcpy(changed, entry, sizeof(entry));
	changed[12] = 0xff;
	assert_int_equal(record_parse_resource(changed, sizeof(entry)), -EBADMSG);
}

static void wrong_fields_of_a_link_are_refused(void **state)
{
	const struct otlp_span_link link = {.trace_id = {1}, .span_id = {1}};
	const size_t at = ITEM_AT + sizeof(struct record_span_extra) + sizeof(uint32_t);
	struct otlp_span span = valid_span();
	struct sample sample;

	(void)state;
	span.links = &link;
	span.link_count = 1;
	sample = span_sample(&span, NULL);
	assert_true(is_accepted(sample.bytes, sample.len));
	sample.bytes[at + offsetof(struct record_link_head, flags) + 1] = 4;
	assert_false(is_accepted(sample.bytes, sample.len));
	sample.bytes[at + offsetof(struct record_link_head, flags) + 1] = 0;
	sample.bytes[at + offsetof(struct record_link_head, span_id)] = 0;
	assert_false(is_accepted(sample.bytes, sample.len));
	sample.bytes[at + offsetof(struct record_link_head, span_id)] = 1;
	sample.bytes[at + offsetof(struct record_link_head, trace_id)] = 0;
	assert_false(is_accepted(sample.bytes, sample.len));
	free(sample.bytes);
}

/* Is a metric of one point accepted with a word of the point set to this? */
static bool point_with_word(enum otlp_metric_type type, const void *point, size_t at,
			    uint32_t value)
{
	struct otlp_metric metric = {
		.type = type, .temporality = OTLP_TEMPORALITY_DELTA, .point_count = 1};
	struct sample sample;
	bool accepted;

	metric.points.number = point;
	sample = metric_sample(&metric, NULL, NULL);
	assert_true(is_accepted(sample.bytes, sample.len));
	bytes_store32(sample.bytes + sizeof(struct record_metric_head) + sizeof(uint32_t) + at,
		      value);
	accepted = is_accepted(sample.bytes, sample.len);
	free(sample.bytes);
	return accepted;
}

#define WHAT offsetof(struct record_point_head, what)

static void wrong_fields_of_number_points_are_refused(void **state)
{
	const struct otlp_exemplar exemplar = {.value.type = OTLP_NUMBER_INT};
	const struct otlp_number_point one = {
		.value.type = OTLP_NUMBER_INT,
		.point = {.exemplars = &exemplar, .exemplar_count = 1}};
	const struct otlp_number_point none = {.value.type = OTLP_NUMBER_NONE};
	const size_t exemplar_type = sizeof(struct record_number_head) + sizeof(uint32_t) +
				     offsetof(struct record_exemplar_head, number_type);

	(void)state;
	assert_true(point_with_word(OTLP_METRIC_GAUGE, &one, WHAT, OTLP_NUMBER_DOUBLE));
	assert_false(point_with_word(OTLP_METRIC_GAUGE, &one, WHAT, 3));
	assert_true(point_with_word(OTLP_METRIC_GAUGE, &one, exemplar_type, OTLP_NUMBER_DOUBLE));
	assert_false(point_with_word(OTLP_METRIC_GAUGE, &one, exemplar_type, OTLP_NUMBER_NONE));
	assert_false(point_with_word(OTLP_METRIC_GAUGE, &one, exemplar_type, 3));
	assert_false(point_with_word(OTLP_METRIC_GAUGE, &none,
				     offsetof(struct record_point_head, flags), 0));
	assert_false(point_with_word(OTLP_METRIC_GAUGE, &none,
				     offsetof(struct record_number_head, value), 1));
}

static void wrong_fields_of_histogram_points_are_refused(void **state)
{
	const enum otlp_metric_type type = OTLP_METRIC_HISTOGRAM;
	const uint64_t counts[3] = {0};
	const double bounds[2] = {1, 2};
	const struct otlp_histogram_point point = {
		.bucket_counts = counts, .bucket_count = 3, .bounds = bounds, .bound_count = 2};
	const struct otlp_exp_histogram_point exponential = {.count = 0};
	const size_t last_bound = sizeof(struct record_histogram_head) + sizeof(counts) + 8;
	const size_t buckets = offsetof(struct record_histogram_head, bucket_count);
	const uint32_t high_of_one = 0x3ff00000, high_of_nan = 0x7ff80000;

	(void)state;
	assert_true(point_with_word(type, &point, WHAT, 7));
	assert_false(point_with_word(type, &point, WHAT, 8));
	assert_false(point_with_word(OTLP_METRIC_EXP_HISTOGRAM, &exponential, WHAT, 8));
	assert_false(point_with_word(type, &point, last_bound + 4, high_of_one));
	assert_false(point_with_word(type, &point, last_bound + 4, high_of_nan));
	assert_false(point_with_word(type, &point, buckets, 2));
	assert_false(point_with_word(type, &point, buckets, 0));
}

static void bucket_without_its_bound_is_refused(void **state)
{
	const uint64_t counts[2] = {0};
	const double bound = 1;
	const struct otlp_histogram_point point = {
		.bucket_counts = counts, .bucket_count = 2, .bounds = &bound, .bound_count = 1};
	const struct otlp_metric metric = {.type = OTLP_METRIC_HISTOGRAM,
					   .temporality = OTLP_TEMPORALITY_DELTA,
					   .points.histogram = &point,
					   .point_count = 1};
	struct sample sample = metric_sample(&metric, NULL, NULL);
	uint8_t *const part = sample.bytes + sizeof(struct record_metric_head);

	(void)state;
	/* The same words as three buckets and no bound: all lengths are right. */
	bytes_store32(part + 4 + offsetof(struct record_histogram_head, bucket_count), 3);
	bytes_store32(part + 4 + offsetof(struct record_histogram_head, bound_count), 0);
	assert_false(is_accepted(sample.bytes, sample.len));
	free(sample.bytes);
}

static void wrong_fields_of_summary_points_are_refused(void **state)
{
	const struct otlp_quantile quantile = {0.5, 1};
	const struct otlp_summary_point point = {.quantiles = &quantile, .quantile_count = 1};
	const size_t high_of_quantile = sizeof(struct record_summary_head) + 4;

	(void)state;
	assert_true(point_with_word(OTLP_METRIC_SUMMARY, &point, high_of_quantile, 0x3ff00000));
	assert_false(point_with_word(OTLP_METRIC_SUMMARY, &point, high_of_quantile, 0x40000000));
	assert_false(point_with_word(OTLP_METRIC_SUMMARY, &point, high_of_quantile, 0xbff00000));
	assert_false(point_with_word(OTLP_METRIC_SUMMARY, &point, WHAT, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_is_written_is_accepted),
		cmocka_unit_test(record_cut_at_any_byte_is_refused),
		cmocka_unit_test(record_with_a_byte_more_is_refused),
		cmocka_unit_test(changed_byte_never_leads_outside_the_record_or_the_bound),
		cmocka_unit_test(wrong_fields_of_a_span_are_refused),
		cmocka_unit_test(record_with_both_kinds_of_resource_is_refused),
		cmocka_unit_test(record_with_both_kinds_of_scope_is_refused),
		cmocka_unit_test(items_have_one_form_alone),
		cmocka_unit_test(values_of_an_array_have_no_keys),
		cmocka_unit_test(text_that_is_not_utf8_is_refused),
		cmocka_unit_test(deeper_values_than_the_write_side_takes_are_refused),
		cmocka_unit_test(metric_without_points_or_temporality_is_refused),
		cmocka_unit_test(wrong_fields_of_a_link_are_refused),
		cmocka_unit_test(wrong_fields_of_number_points_are_refused),
		cmocka_unit_test(wrong_fields_of_histogram_points_are_refused),
		cmocka_unit_test(bucket_without_its_bound_is_refused),
		cmocka_unit_test(wrong_fields_of_summary_points_are_refused),
		cmocka_unit_test(record_over_the_limit_is_refused),
		cmocka_unit_test(resource_of_the_table_is_checked_like_any_part),
	};

	return cmocka_run_group_tests_name("record_read", tests, NULL, NULL);
}
