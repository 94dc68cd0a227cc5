/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans with a shape: what a shaped record and its shape make together is, to the byte, the record
 * of the whole span; and no shaped record can make the reader do anything else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/record/record.h"
#include "core/shape.h"
#include "tests/gen.h"

#define SPANS 20000

/* A span of the generator with nothing in it that a shape cannot have. */
static struct otlp_span shapeable(const struct otlp_span *from, struct otlp_attribute *attributes)
{
	struct otlp_span span = *from;
	size_t i, kept = 0;

	for (i = 0; i < span.attributes.count && kept < 64; i++) {
		const enum otlp_value_type type = span.attributes.items[i].value.type;

		if (type != OTLP_VALUE_ARRAY && type != OTLP_VALUE_KVLIST &&
		    type != OTLP_VALUE_EMPTY)
			attributes[kept++] = span.attributes.items[i];
	}
	span.attributes.items = attributes;
	span.attributes.count = kept;
	return span;
}

static uint8_t *new_record(const struct otlp_span *span, size_t *ret_len)
{
	uint8_t *record;

	assert_int_equal(record_measure_span(span, span->resource, ret_len), 0);
	record = malloc(*ret_len);
	assert_non_null(record);
	assert_int_not_equal(record_write_span(record, span, span->resource, 1, *ret_len),
			     RECORD_CHANGED);
	return record;
}

static uint8_t *new_shaped(const struct otlp_span *span, const struct otlp_shape *shape,
			   size_t *ret_len)
{
	uint8_t *record;

	assert_int_equal(record_size_shaped(span, &shape->record, span->resource, ret_len), 0);
	record = malloc(*ret_len);
	assert_non_null(record);
	assert_int_not_equal(record_write_shaped(record, span, span->resource, 1, 7, *ret_len),
			     RECORD_CHANGED);
	return record;
}

static void a_shaped_span_and_its_shape_make_the_record_of_the_whole_span(void **state)
{
	struct gen *gen = gen_new(77);
	struct otlp_attribute attributes[64];
	unsigned i;

	(void)state;
	for (i = 0; i < SPANS; i++) {
		struct otlp_span span;
		struct otlp_shape *shape;
		struct record_view view;
		uint8_t *whole, *shaped, *expanded;
		size_t whole_len, shaped_len, expanded_len;

		gen_reset(gen);
		span = shapeable(gen_span(gen), attributes);
		assert_int_equal(otlp_shape_register(&span, &shape), OTLP_OK);
		whole = new_record(&span, &whole_len);
		shaped = new_shaped(&span, shape, &shaped_len);
		assert_int_equal(record_shape_ref(shaped, shaped_len), 7);
		assert_int_equal(record_shape_ref(whole, whole_len), 0);
		assert_int_equal(
			record_parse_shape(shape->entry.bytes, shape->entry.bytes_count, &view), 0);
		/* The exact room that is promised, so that a sanitizer sees a byte too many. */
		expanded = malloc(record_expand_bound(shaped_len, &view));
		assert_non_null(expanded);
		assert_int_equal(record_expand(shaped, shaped_len, &view, expanded, &expanded_len),
				 0);
		assert_int_equal(expanded_len, whole_len);
		assert_memory_equal(expanded, whole, whole_len);
		free(expanded);
		free(shaped);
		free(whole);
		otlp_shape_unref(shape);
	}
	gen_free(gen);
}

static void a_shaped_record_is_smaller_by_its_keys_its_name_and_its_scope(void **state)
{
	static const struct otlp_scope scope = {
		OTLP_STR_INIT("scope"), OTLP_STR_INIT("1"), {NULL, 0}, {NULL, 0, 0}};
	struct otlp_attribute attributes[] = {
		otlp_attr_str(OTLP_STR("key.of.a.string"), OTLP_STR("value")),
		otlp_attr_int(OTLP_STR("key.of.an.int"), 5),
		otlp_attr_bool(OTLP_STR("key.of.a.bool"), true),
	};
	struct otlp_span span = {.scope = &scope,
				 .trace_id = {1},
				 .span_id = {1},
				 .name = OTLP_STR("name of the span"),
				 .attributes = {attributes, 3, 0}};
	struct otlp_shape *shape;
	size_t whole, shaped;

	(void)state;
	assert_int_equal(otlp_shape_register(&span, &shape), OTLP_OK);
	assert_int_equal(record_measure_span(&span, NULL, &whole), 0);
	assert_int_equal(record_size_shaped(&span, &shape->record, NULL, &shaped), 0);
	/* Left: the head, u32 and five bytes, eight bytes, one byte. */
	assert_int_equal(shaped, sizeof(struct record_span_head) + 4 + 5 + 8 + 1);
	assert_int_equal(whole - shaped, (4 + sizeof(struct record_scope_head) + 5 + 1) + 16 +
						 (15 + 13 + 13) + 3 * 4 - 4 - 1);
	otlp_shape_unref(shape);
}

static void spans_of_another_shape_are_invalid(void **state)
{
	struct otlp_attribute attributes[] = {
		otlp_attr_str(OTLP_STR("a"), OTLP_STR("v")),
		otlp_attr_int(OTLP_STR("b"), 5),
	};
	struct otlp_attribute other[] = {
		otlp_attr_str(OTLP_STR("a"), OTLP_STR("v")),
		otlp_attr_double(OTLP_STR("b"), 5),
	};
	struct otlp_span span = {.trace_id = {1}, .span_id = {1}, .attributes = {attributes, 2, 0}};
	struct otlp_shape *shape;
	size_t bytes;

	(void)state;
	assert_int_equal(otlp_shape_register(&span, &shape), OTLP_OK);
	span.attributes.count = 1;
	assert_int_equal(record_size_shaped(&span, &shape->record, NULL, &bytes), OTLP_ERR_INVALID);
	span.attributes = (struct otlp_attributes){other, 2, 0};
	assert_int_equal(record_size_shaped(&span, &shape->record, NULL, &bytes), OTLP_ERR_INVALID);
	span.attributes = (struct otlp_attributes){NULL, 2, 0};
	assert_int_equal(record_size_shaped(&span, &shape->record, NULL, &bytes), OTLP_ERR_INVALID);
	attributes[0].value.as.string.ptr = NULL;
	span.attributes = (struct otlp_attributes){attributes, 2, 0};
	assert_int_equal(record_size_shaped(&span, &shape->record, NULL, &bytes), OTLP_ERR_INVALID);
	memset(span.trace_id, 0, sizeof(span.trace_id));
	span.attributes.count = 0;
	assert_int_equal(record_size_shaped(&span, &shape->record, NULL, &bytes), OTLP_ERR_INVALID);
	otlp_shape_unref(shape);
}

static void what_no_shape_can_have_is_refused_when_it_is_registered(void **state)
{
	struct otlp_attribute attribute = {OTLP_STR("k"), {OTLP_VALUE_ARRAY, {{NULL, 0}}}};
	struct otlp_span span = {.trace_id = {1}, .span_id = {1}, .attributes = {&attribute, 1, 0}};
	struct otlp_shape *shape = NULL;

	(void)state;
	assert_int_equal(otlp_shape_register(&span, &shape), OTLP_ERR_INVALID);
	attribute.value.type = OTLP_VALUE_KVLIST;
	assert_int_equal(otlp_shape_register(&span, &shape), OTLP_ERR_INVALID);
	attribute.value.type = (enum otlp_value_type)99;
	assert_int_equal(otlp_shape_register(&span, &shape), OTLP_ERR_INVALID);
	attribute = otlp_attr_int((struct otlp_str){"\xff", 1}, 0);
	assert_int_equal(otlp_shape_register(&span, &shape), OTLP_ERR_INVALID);
	attribute = otlp_attr_int((struct otlp_str){NULL, 1}, 0);
	assert_int_equal(otlp_shape_register(&span, &shape), OTLP_ERR_INVALID);
	attribute = otlp_attr_int(OTLP_STR("k"), 0);
	span.name = (struct otlp_str){"\xc0\x80", 2};
	assert_int_equal(otlp_shape_register(&span, &shape), OTLP_ERR_INVALID);
	span.name = (struct otlp_str){NULL, 0};
	span.kind = (enum otlp_span_kind)9;
	assert_int_equal(otlp_shape_register(&span, &shape), OTLP_ERR_INVALID);
	span.kind = OTLP_SPAN_KIND_CLIENT;
	span.attributes.count = OTLP_SHAPE_ATTRIBUTES_MAX + 1;
	assert_int_equal(otlp_shape_register(&span, &shape), OTLP_ERR_TOO_LARGE);
	assert_int_equal(otlp_shape_register(NULL, &shape), OTLP_ERR_INVALID);
	assert_int_equal(otlp_shape_register(&span, NULL), OTLP_ERR_INVALID);
	assert_null(shape);
	otlp_shape_unref(NULL);
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
	static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
	struct gen *gen = gen_new(99);
	struct otlp_attribute attributes[64];
	unsigned i;

	(void)state;
	gen_set_size(gen, GEN_SMALL);
	for (i = 0; i < 60; i++) {
		struct otlp_span span;
		struct otlp_shape *shape;
		struct record_view view;
		size_t len, at, v;
		uint8_t *record;

		gen_reset(gen);
		span = shapeable(gen_span(gen), attributes);
		assert_int_equal(otlp_shape_register(&span, &shape), OTLP_OK);
		record = new_shaped(&span, shape, &len);
		assert_int_equal(
			record_parse_shape(shape->entry.bytes, shape->entry.bytes_count, &view), 0);
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
		otlp_shape_unref(shape);
	}
	gen_free(gen);
}

static void a_shape_that_is_no_outline_is_refused_by_the_reader(void **state)
{
	const struct otlp_span_event event = {.name = OTLP_STR_INIT("e")};
	struct otlp_resource resource = {0};
	struct otlp_span span = {.trace_id = {1}, .span_id = {1}};
	struct record_view view;
	uint8_t *record;
	size_t len;

	(void)state;
	record = new_record(&span, &len);
	assert_int_equal(record_parse_shape(record, len, &view), 0);
	assert_int_equal(record_parse_shape(record, len - 1, &view), -EBADMSG);
	free(record);
	span.events = &event;
	span.event_count = 1;
	record = new_record(&span, &len);
	assert_int_equal(record_parse_shape(record, len, &view), -EBADMSG);
	free(record);
	span.event_count = 0;
	span.resource = &resource;
	record = new_record(&span, &len);
	assert_int_equal(record_parse_shape(record, len, &view), -EBADMSG);
	free(record);
	span.resource = NULL;
	/* Its scope is in it: another entry may be anything at any time. */
	record = new_record(&span, &len);
	record[offsetof(struct record_span_head, scope_ref)] = 1;
	assert_int_equal(record_parse_shape(record, len, &view), -EBADMSG);
	free(record);
	span.dropped_link_count = 1;
	record = new_record(&span, &len);
	assert_int_equal(record_parse_shape(record, len, &view), -EBADMSG);
	free(record);
}

static void a_shaped_span_with_a_scope_of_its_own_is_refused_by_the_reader(void **state)
{
	struct otlp_span span = {.trace_id = {1}, .span_id = {1}};
	struct otlp_shape *shape;
	struct record_view view;
	uint8_t *shaped, expanded[1024];
	size_t len, expanded_len;

	(void)state;
	assert_int_equal(otlp_shape_register(&span, &shape), OTLP_OK);
	assert_int_equal(record_parse_shape(shape->entry.bytes, shape->entry.bytes_count, &view),
			 0);
	shaped = new_shaped(&span, shape, &len);
	assert_true(record_expand_bound(len, &view) <= sizeof(expanded));
	assert_int_equal(record_expand(shaped, len, &view, expanded, &expanded_len), 0);
	shaped[offsetof(struct record_span_head, scope_ref)] = 1;
	assert_int_equal(record_expand(shaped, len, &view, expanded, &expanded_len), -EBADMSG);
	free(shaped);
	otlp_shape_unref(shape);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shaped_span_and_its_shape_make_the_record_of_the_whole_span),
		cmocka_unit_test(a_shaped_record_is_smaller_by_its_keys_its_name_and_its_scope),
		cmocka_unit_test(spans_of_another_shape_are_invalid),
		cmocka_unit_test(what_no_shape_can_have_is_refused_when_it_is_registered),
		cmocka_unit_test(hostile_shaped_records_stay_within_their_bounds),
		cmocka_unit_test(a_shape_that_is_no_outline_is_refused_by_the_reader),
		cmocka_unit_test(a_shaped_span_with_a_scope_of_its_own_is_refused_by_the_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
