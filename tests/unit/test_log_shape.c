/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log records with a shape: what a shaped record and its shape make together is, to the byte, the
 * record of the whole log; and no shaped record can make the reader do anything else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/record/record.h"
#include "core/shape.h"
#include "tests/gen.h"

#define LOGS	       5000
#define ATTRIBUTES_MAX 64
#define SHAPE_REF      7

/* A log of the generator with nothing in it that a shape cannot have. */
static struct otlp_log_record shapeable(const struct otlp_log_record *from,
					struct otlp_attribute *attributes)
{
	struct otlp_log_record log = *from;
	size_t i, kept = 0;

	for (i = 0; i < log.attributes.count && kept < ATTRIBUTES_MAX; i++) {
		const enum otlp_value_type type = log.attributes.items[i].value.type;

		if (type != OTLP_VALUE_ARRAY && type != OTLP_VALUE_KVLIST &&
		    type != OTLP_VALUE_EMPTY)
			attributes[kept++] = log.attributes.items[i];
	}
	log.attributes.items = attributes;
	log.attributes.count = kept;
	return log;
}

static uint8_t *new_record(const struct otlp_log_record *log, size_t *ret_len)
{
	uint8_t *record;

	assert_int_equal(record_measure_log(log, log->resource, ret_len), 0);
	record = malloc(*ret_len);
	assert_non_null(record);
	assert_int_not_equal(record_write_log(record, log, log->resource, 1, *ret_len),
			     RECORD_CHANGED);
	return record;
}

static uint8_t *new_shaped(const struct otlp_log_record *log, const struct otlp_log_shape *of,
			   size_t *ret_len)
{
	uint8_t *record;

	assert_int_equal(record_size_shaped_log(log, &of->shape.record, log->resource, ret_len), 0);
	record = malloc(*ret_len);
	assert_non_null(record);
	assert_int_not_equal(
		record_write_shaped_log(record, log, log->resource, 1, SHAPE_REF, *ret_len),
		RECORD_CHANGED);
	return record;
}

static void view_of(const struct otlp_log_shape *of, struct record_view *ret)
{
	assert_int_equal(
		record_parse_shape(of->shape.entry.bytes, of->shape.entry.bytes_count, ret), 0);
}

static void a_shaped_log_and_its_shape_make_the_record_of_the_whole_log(void **state)
{
	struct gen *gen = gen_new(13);
	struct otlp_attribute attributes[ATTRIBUTES_MAX];
	unsigned i;

	(void)state;
	for (i = 0; i < LOGS; i++) {
		uint8_t *whole, *shaped, *expanded;
		size_t whole_len, shaped_len, expanded_len;
		struct otlp_log_record log;
		struct otlp_log_shape *shape;
		struct record_view view;

		gen_reset(gen);
		log = shapeable(gen_log(gen), attributes);
		assert_int_equal(otlp_log_shape_register(&log, &shape), OTLP_OK);
		whole = new_record(&log, &whole_len);
		shaped = new_shaped(&log, shape, &shaped_len);
		assert_int_equal(record_shape_ref(shaped, shaped_len), SHAPE_REF);
		assert_int_equal(record_shape_ref(whole, whole_len), 0);
		view_of(shape, &view);
		assert_int_equal(view.kind, RECORD_LOG);
		expanded = malloc(record_expand_bound(shaped_len, &view));
		assert_non_null(expanded);
		assert_int_equal(record_expand(shaped, shaped_len, &view, expanded, &expanded_len),
				 0);
		assert_int_equal(expanded_len, whole_len);
		assert_memory_equal(expanded, whole, whole_len);
		free(expanded);
		free(shaped);
		free(whole);
		otlp_log_shape_unref(shape);
	}
	gen_free(gen);
}

static void a_shaped_log_is_smaller_by_what_its_shape_says(void **state)
{
	const struct otlp_attribute attributes[] = {
		otlp_attr_str(OTLP_STR("key1"), OTLP_STR("value")),
		otlp_attr_int(OTLP_STR("key2"), 3),
		otlp_attr_bool(OTLP_STR("key3"), true),
	};
	const struct otlp_scope scope = {.name = OTLP_STR_INIT("scope")};
	const struct otlp_log_record log = {
		.scope = &scope,
		.severity_number = OTLP_SEVERITY_INFO,
		.severity_text = OTLP_STR_INIT("INFO"),
		.event_name = OTLP_STR_INIT("an event"),
		.body = {OTLP_VALUE_STRING, {OTLP_STR_INIT("a body")}},
		.attributes = {attributes, 3, 0},
	};
	struct otlp_log_shape *shape;
	size_t whole, shaped;

	(void)state;
	assert_int_equal(otlp_log_shape_register(&log, &shape), OTLP_OK);
	assert_int_equal(record_size_log(&log, NULL, log.scope, &whole), 0);
	assert_int_equal(record_size_shaped_log(&log, &shape->shape.record, NULL, &shaped), 0);
	/* What is left: the head, the body with its own, and the values. */
	assert_int_equal(shaped, sizeof(struct record_log_head) + 4 + 6 + 4 + 5 + 8 + 1);
	assert_int_equal(whole - shaped,
			 (4 + sizeof(struct record_scope_head) + 5) + 4 + 8 + 3 * (4 + 4) - 4 - 1);
	otlp_log_shape_unref(shape);
}

static int size_of(const struct otlp_log_record *log, const struct otlp_log_shape *of)
{
	size_t bytes;

	return record_size_shaped_log(log, &of->shape.record, log->resource, &bytes);
}

static void logs_of_another_shape_are_invalid(void **state)
{
	struct otlp_attribute attributes[] = {
		otlp_attr_str(OTLP_STR("key1"), OTLP_STR("value")),
		otlp_attr_int(OTLP_STR("key2"), 3),
	};
	struct otlp_log_record log = {.attributes = {attributes, 2, 0}};
	struct otlp_log_shape *shape;

	(void)state;
	assert_int_equal(otlp_log_shape_register(&log, &shape), OTLP_OK);
	assert_int_equal(size_of(&log, shape), 0);
	log.attributes.count = 1;
	assert_int_equal(size_of(&log, shape), OTLP_ERR_INVALID);
	log.attributes.count = 2;
	log.attributes.items = NULL;
	assert_int_equal(size_of(&log, shape), OTLP_ERR_INVALID);
	log.attributes.items = attributes;
	attributes[1].value = otlp_value_double(3);
	assert_int_equal(size_of(&log, shape), OTLP_ERR_INVALID);
	attributes[1].value = otlp_value_int(3);
	attributes[0].value.as.string.ptr = NULL;
	assert_int_equal(size_of(&log, shape), OTLP_ERR_INVALID);
	attributes[0].value = otlp_value_str((struct otlp_str){"", OTLP_RECORD_BYTES_MAX + 1});
	assert_int_equal(size_of(&log, shape), OTLP_ERR_TOO_LARGE);
	attributes[0].value = otlp_value_str(OTLP_STR("value"));
	log.severity_number = OTLP_SEVERITY_FATAL4 + 1;
	assert_int_equal(size_of(&log, shape), OTLP_ERR_INVALID);
	log.severity_number = OTLP_SEVERITY_FATAL4;
	log.reserved[1] = "";
	assert_int_equal(size_of(&log, shape), OTLP_ERR_INVALID);
	log.reserved[1] = NULL;
	log.body = (struct otlp_value){OTLP_VALUE_STRING, {{NULL, 1}}};
	assert_int_equal(size_of(&log, shape), OTLP_ERR_INVALID);
	log.body.type = OTLP_VALUE_EMPTY;
	assert_int_equal(size_of(&log, shape), 0);
	otlp_log_shape_unref(shape);
}

static void expect_refused(const struct otlp_log_record *example, int error)
{
	struct otlp_log_shape *shape = NULL;

	assert_int_equal(otlp_log_shape_register(example, &shape), error);
	assert_null(shape);
}

static void what_no_shape_can_have_is_refused_when_it_is_registered(void **state)
{
	struct otlp_attribute attribute = otlp_attr_array(OTLP_STR("key"), NULL, 0);
	struct otlp_scope scope = {.reserved = {""}};
	struct otlp_log_record log = {.attributes = {&attribute, 1, 0}};
	struct otlp_log_shape *shape;

	(void)state;
	expect_refused(&log, OTLP_ERR_INVALID);
	attribute.value.type = OTLP_VALUE_EMPTY;
	expect_refused(&log, OTLP_ERR_INVALID);
	attribute = otlp_attr_int(OTLP_STR("\xff"), 1);
	expect_refused(&log, OTLP_ERR_INVALID);
	attribute.key = (struct otlp_str){NULL, 1};
	expect_refused(&log, OTLP_ERR_INVALID);
	attribute.key = OTLP_STR("key");
	log.event_name = OTLP_STR("\xff");
	expect_refused(&log, OTLP_ERR_INVALID);
	log.event_name = OTLP_STR("");
	log.severity_number = OTLP_SEVERITY_FATAL4 + 1;
	expect_refused(&log, OTLP_ERR_INVALID);
	log.severity_number = OTLP_SEVERITY_INFO;
	log.scope = &scope;
	expect_refused(&log, OTLP_ERR_INVALID);
	log.scope = NULL;
	log.reserved[0] = "";
	expect_refused(&log, OTLP_ERR_INVALID);
	log.reserved[0] = NULL;
	log.attributes.count = OTLP_SHAPE_ATTRIBUTES_MAX + 1;
	expect_refused(&log, OTLP_ERR_TOO_LARGE);
	expect_refused(NULL, OTLP_ERR_INVALID);
	log.attributes.count = 1;
	assert_int_equal(otlp_log_shape_register(&log, NULL), OTLP_ERR_INVALID);
	assert_int_equal(otlp_log_shape_register(&log, &shape), OTLP_OK);
	assert_ptr_equal(otlp_log_shape_ref(shape), shape);
	otlp_log_shape_unref(shape);
	otlp_log_shape_unref(shape);
	assert_null(otlp_log_shape_ref(NULL));
	otlp_log_shape_unref(NULL);
}

/* Whatever a record says: expanded into its promised room and parsed, or refused. */
static void try_record(const uint8_t *record, size_t len, const struct record_view *shape)
{
	uint8_t *exact = malloc(len != 0 ? len : 1);
	uint8_t *room = malloc(record_expand_bound(len, shape));
	struct record_view view;
	size_t whole;

	assert_non_null(exact);
	assert_non_null(room);
	memcpy(exact, record, len);
	if (record_shape_ref(exact, len) != 0 &&
	    record_expand(exact, len, shape, room, &whole) == 0) {
		assert_true(whole <= record_expand_bound(len, shape));
		(void)record_parse(room, whole, whole, &view);
	}
	free(room);
	free(exact);
}

static void hostile_shaped_records_stay_within_their_bounds(void **state)
{
	static const uint8_t values[] = {0x00, 0x01, 0x0d, 0x7f, 0x80, 0xff};
	struct gen *gen = gen_new(98);
	struct otlp_attribute attributes[ATTRIBUTES_MAX];
	unsigned i;

	(void)state;
	gen_set_size(gen, GEN_SMALL);
	for (i = 0; i < 60; i++) {
		struct otlp_log_record log;
		struct otlp_log_shape *shape;
		struct record_view view;
		size_t len, at, v;
		uint8_t *record;

		gen_reset(gen);
		log = shapeable(gen_log(gen), attributes);
		assert_int_equal(otlp_log_shape_register(&log, &shape), OTLP_OK);
		record = new_shaped(&log, shape, &len);
		view_of(shape, &view);
		for (at = 0; at <= len; at++)
			try_record(record, at, &view);
		for (at = 0; at < len; at++) {
			const uint8_t old = record[at];

			for (v = 0; v < sizeof(values); v++) {
				record[at] = values[v];
				try_record(record, len, &view);
			}
			record[at] = old;
		}
		free(record);
		otlp_log_shape_unref(shape);
	}
	gen_free(gen);
}

static void a_shape_that_is_no_outline_is_refused_by_the_reader(void **state)
{
	struct otlp_resource resource = {0};
	struct otlp_log_record log = {.severity_number = OTLP_SEVERITY_INFO};
	struct record_view view;
	uint8_t *record;
	size_t len;

	(void)state;
	record = new_record(&log, &len);
	assert_int_equal(record_parse_shape(record, len, &view), 0);
	assert_int_equal(record_parse_shape(record, len - 1, &view), -EBADMSG);
	free(record);
	log.body = otlp_value_int(1);
	record = new_record(&log, &len);
	assert_int_equal(record_parse_shape(record, len, &view), -EBADMSG);
	free(record);
	log.body.type = OTLP_VALUE_EMPTY;
	log.resource = &resource;
	record = new_record(&log, &len);
	assert_int_equal(record_parse_shape(record, len, &view), -EBADMSG);
	free(record);
	log.resource = NULL;
	record = new_record(&log, &len);
	record[offsetof(struct record_log_head, scope_ref)] = 1;
	assert_int_equal(record_parse_shape(record, len, &view), -EBADMSG);
	free(record);
}

static void a_shaped_log_with_a_scope_of_its_own_is_refused_by_the_reader(void **state)
{
	struct otlp_log_record log = {.severity_number = OTLP_SEVERITY_INFO};
	struct otlp_log_shape *shape;
	uint8_t *shaped, expanded[1024];
	struct record_view view;
	size_t len, expanded_len;

	(void)state;
	assert_int_equal(otlp_log_shape_register(&log, &shape), OTLP_OK);
	view_of(shape, &view);
	shaped = new_shaped(&log, shape, &len);
	assert_true(record_expand_bound(len, &view) <= sizeof(expanded));
	assert_int_equal(record_expand(shaped, len, &view, expanded, &expanded_len), 0);
	shaped[offsetof(struct record_log_head, scope_ref)] = 1;
	assert_int_equal(record_expand(shaped, len, &view, expanded, &expanded_len), -EBADMSG);
	free(shaped);
	otlp_log_shape_unref(shape);
}

/* A span's shape has no severity, a log's no name: neither stands in for the other. */
static void a_shape_of_the_other_signal_is_refused_by_the_reader(void **state)
{
	const struct otlp_span span = {.trace_id = {1}, .span_id = {1}};
	const struct otlp_log_record log = {.severity_number = OTLP_SEVERITY_INFO};
	struct otlp_shape *span_shape;
	struct otlp_log_shape *log_shape;
	struct record_view of_span, of_log;
	uint8_t record[256], room[512];
	size_t bytes, whole;

	(void)state;
	assert_int_equal(otlp_shape_register(&span, &span_shape), OTLP_OK);
	assert_int_equal(otlp_log_shape_register(&log, &log_shape), OTLP_OK);
	assert_int_equal(record_parse_shape(span_shape->entry.bytes, span_shape->entry.bytes_count,
					    &of_span),
			 0);
	view_of(log_shape, &of_log);
	assert_int_equal(record_size_shaped(&span, &span_shape->record, NULL, &bytes), 0);
	record_write_shaped(record, &span, NULL, 1, SHAPE_REF, bytes);
	assert_int_equal(record_expand(record, bytes, &of_span, room, &whole), 0);
	assert_int_equal(record_expand(record, bytes, &of_log, room, &whole), -EBADMSG);
	assert_int_equal(record_size_shaped_log(&log, &log_shape->shape.record, NULL, &bytes), 0);
	record_write_shaped_log(record, &log, NULL, 1, SHAPE_REF, bytes);
	assert_int_equal(record_expand(record, bytes, &of_log, room, &whole), 0);
	assert_int_equal(record_expand(record, bytes, &of_span, room, &whole), -EBADMSG);
	otlp_shape_unref(span_shape);
	otlp_log_shape_unref(log_shape);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shaped_log_and_its_shape_make_the_record_of_the_whole_log),
		cmocka_unit_test(a_shaped_log_is_smaller_by_what_its_shape_says),
		cmocka_unit_test(logs_of_another_shape_are_invalid),
		cmocka_unit_test(what_no_shape_can_have_is_refused_when_it_is_registered),
		cmocka_unit_test(hostile_shaped_records_stay_within_their_bounds),
		cmocka_unit_test(a_shape_that_is_no_outline_is_refused_by_the_reader),
		cmocka_unit_test(a_shaped_log_with_a_scope_of_its_own_is_refused_by_the_reader),
		cmocka_unit_test(a_shape_of_the_other_signal_is_refused_by_the_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
