/* SPDX-License-Identifier: Apache-2.0 */
/* The record's write side: each rule of what is refused, and what is carried. */
#include "core/record/record.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after its prerequisites */
#include <cmocka.h>

#define BAD OTLP_STR("\xff")

static const struct otlp_resource no_resource;

static struct otlp_span valid_span(void)
{
	return (struct otlp_span){.trace_id = {1}, .span_id = {1}, .name = OTLP_STR("name")};
}

static struct otlp_span_link valid_link(void)
{
	return (struct otlp_span_link){.trace_id = {1}, .span_id = {1}};
}

static struct otlp_attributes one(const struct otlp_attribute *attribute)
{
	return (struct otlp_attributes){.items = attribute, .count = 1};
}

static struct otlp_attributes missing(void)
{
	return (struct otlp_attributes){.items = NULL, .count = 1};
}

static struct otlp_attribute bad_key(void)
{
	return otlp_attr_int(BAD, 1);
}

static int measure_with(const struct otlp_span *span, const struct otlp_resource *resource)
{
	size_t bytes;

	return record_measure_span(span, resource, &bytes);
}

static int measure(const struct otlp_span *span)
{
	return measure_with(span, NULL);
}

/* A span of one attribute with this value. */
static int measure_value(const struct otlp_value *value)
{
	const struct otlp_attribute attribute = {OTLP_STR("key"), *value};
	struct otlp_span span = valid_span();

	span.attributes = one(&attribute);
	return measure(&span);
}

/* Write, parse, and give back the view; the bytes are *ret_bytes, to be freed. */
static struct record_view carry(const struct otlp_span *span, const struct otlp_resource *resource,
				uint32_t resource_ref, uint8_t **ret_bytes)
{
	struct record_view view;
	size_t bytes;

	assert_int_equal(record_measure_span(span, resource, &bytes), 0);
	*ret_bytes = malloc(bytes);
	assert_non_null(*ret_bytes);
	assert_int_not_equal(record_write_span(*ret_bytes, span, resource, resource_ref, bytes),
			     RECORD_CHANGED);
	assert_int_equal(record_parse(*ret_bytes, bytes, bytes, &view), 0);
	return view;
}

static void span_with_a_name_alone_is_accepted(void **state)
{
	const struct otlp_span span = valid_span();
	size_t bytes;

	(void)state;
	assert_int_equal(record_measure_span(&span, NULL, &bytes), 0);
	assert_int_equal(bytes, sizeof(struct record_span_head) + 4);
}

static void zero_ids_of_spans_and_links_are_refused(void **state)
{
	struct otlp_span_link link = valid_link();
	struct otlp_span span = valid_span();

	(void)state;
	span.trace_id[0] = 0;
	assert_int_equal(measure(&span), -EINVAL);
	span.trace_id[15] = 1;
	assert_int_equal(measure(&span), 0);
	span.span_id[0] = 0;
	assert_int_equal(measure(&span), -EINVAL);
	span.span_id[7] = 1;
	span.links = &link;
	span.link_count = 1;
	assert_int_equal(measure(&span), 0);
	link.trace_id[0] = 0;
	assert_int_equal(measure(&span), -EINVAL);
	link = valid_link();
	link.span_id[0] = 0;
	assert_int_equal(measure(&span), -EINVAL);
}

static void unknown_enum_values_of_spans_are_refused(void **state)
{
	struct otlp_span span = valid_span();
	struct otlp_value value = {.type = (enum otlp_value_type)8};

	(void)state;
	span.kind = (enum otlp_span_kind)6;
	assert_int_equal(measure(&span), -EINVAL);
	span = valid_span();
	span.status = (enum otlp_status_code)3;
	assert_int_equal(measure(&span), -EINVAL);
	assert_int_equal(measure_value(&value), -EINVAL);
}

static void reserved_fields_of_spans_must_be_zero(void **state)
{
	for (size_t i = 0; i < 2; i++) {
		struct otlp_span span = valid_span();

		span.reserved[i] = &span;
		assert_int_equal(measure(&span), -EINVAL);
	}
	(void)state;
}

static void missing_text_of_some_length_is_refused(void **state)
{
	const struct otlp_str text = {NULL, 1};
	const struct otlp_attribute attribute = {text, {OTLP_VALUE_EMPTY, {{0}}}};
	struct otlp_span span = valid_span();
	struct otlp_value value = {.type = OTLP_VALUE_STRING, .as.string = text};

	(void)state;
	span.name = text;
	assert_int_equal(measure(&span), -EINVAL);
	span.name = (struct otlp_str){NULL, 0};
	assert_int_equal(measure(&span), 0);
	span.attributes = one(&attribute);
	assert_int_equal(measure(&span), -EINVAL);
	assert_int_equal(measure_value(&value), -EINVAL);
	value = (struct otlp_value){.type = OTLP_VALUE_BYTES, .as.bytes = {NULL, 1}};
	assert_int_equal(measure_value(&value), -EINVAL);
	value.as.bytes.len = 0;
	assert_int_equal(measure_value(&value), 0);
}

static void missing_arrays_with_a_count_are_refused(void **state)
{
	struct otlp_span span = valid_span();
	struct otlp_span_event event = {.attributes = missing()};
	struct otlp_value value = {.type = OTLP_VALUE_ARRAY, .as.array = {NULL, 1}};
	const struct otlp_scope scope = {.attributes = missing()};
	const struct otlp_resource resource = {.attributes = missing()};

	(void)state;
	span.attributes = missing();
	assert_int_equal(measure(&span), -EINVAL);
	span = valid_span();
	span.event_count = 1;
	assert_int_equal(measure(&span), -EINVAL);
	span.events = &event;
	assert_int_equal(measure(&span), -EINVAL);
	span = valid_span();
	span.link_count = 1;
	assert_int_equal(measure(&span), -EINVAL);
	span = valid_span();
	span.scope = &scope;
	assert_int_equal(measure(&span), -EINVAL);
	span.scope = NULL;
	assert_int_equal(measure_with(&span, &resource), -EINVAL);
	assert_int_equal(measure_value(&value), -EINVAL);
	value = (struct otlp_value){.type = OTLP_VALUE_KVLIST, .as.kvlist = {NULL, 1}};
	assert_int_equal(measure_value(&value), -EINVAL);
}

static void text_of_spans_that_is_not_utf8_is_refused(void **state)
{
	const struct otlp_attribute key = bad_key();
	struct otlp_span span = valid_span();
	struct otlp_span_event event = {.name = BAD};
	struct otlp_span_link link = valid_link();

	(void)state;
	span.name = BAD;
	assert_int_equal(measure(&span), -EINVAL);
	span = valid_span();
	span.trace_state = BAD;
	assert_int_equal(measure(&span), -EINVAL);
	span = valid_span();
	span.status_message = BAD;
	assert_int_equal(measure(&span), -EINVAL);
	span = valid_span();
	span.attributes = one(&key);
	assert_int_equal(measure(&span), -EINVAL);
	span = valid_span();
	span.events = &event;
	span.event_count = 1;
	assert_int_equal(measure(&span), -EINVAL);
	event = (struct otlp_span_event){.attributes = one(&key)};
	assert_int_equal(measure(&span), -EINVAL);
	span = valid_span();
	span.links = &link;
	span.link_count = 1;
	link.trace_state = BAD;
	assert_int_equal(measure(&span), -EINVAL);
	link = valid_link();
	link.attributes = one(&key);
	assert_int_equal(measure(&span), -EINVAL);
}

static void text_of_values_that_is_not_utf8_is_refused_at_any_depth(void **state)
{
	const struct otlp_attribute key = bad_key();
	const struct otlp_value text = {.type = OTLP_VALUE_STRING, .as.string = BAD};
	struct otlp_value value = {.type = OTLP_VALUE_ARRAY, .as.array = {&text, 1}};

	(void)state;
	assert_int_equal(measure_value(&text), -EINVAL);
	assert_int_equal(measure_value(&value), -EINVAL);
	value = (struct otlp_value){.type = OTLP_VALUE_KVLIST, .as.kvlist = {&key, 1}};
	assert_int_equal(measure_value(&value), -EINVAL);
	value = (struct otlp_value){.type = OTLP_VALUE_BYTES,
				    .as.bytes = {(const uint8_t *)"\xff", 1}};
	assert_int_equal(measure_value(&value), 0);
}

static void text_of_scopes_and_resources_that_is_not_utf8_is_refused(void **state)
{
	const struct otlp_attribute key = bad_key();
	const struct otlp_scope scopes[] = {
		{.name = BAD}, {.version = BAD}, {.schema_url = BAD}, {.attributes = one(&key)}};
	const struct otlp_resource resources[] = {{.schema_url = BAD}, {.attributes = one(&key)}};
	struct otlp_span span = valid_span();
	size_t bytes;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(measure_with(&span, &resources[i]), -EINVAL);
		assert_int_equal(record_measure_resource(&resources[i], &bytes), -EINVAL);
	}
	for (size_t i = 0; i < 4; i++) {
		span.scope = &scopes[i];
		assert_int_equal(measure(&span), -EINVAL);
	}
}

static void text_with_a_nul_inside_is_carried_whole(void **state)
{
	struct otlp_span span = valid_span();
	struct record_view view;
	uint8_t *bytes;

	(void)state;
	span.name = OTLP_STR("a\0b");
	view = carry(&span, NULL, 1, &bytes);
	assert_int_equal(view.head.span.name_bytes, 3);
	assert_memory_equal(view.body, "a\0b", 3);
	free(bytes);
}

static void values_nest_to_the_stated_depth_and_no_deeper(void **state)
{
	struct otlp_value values[OTLP_VALUE_DEPTH_MAX + 1] = {{.type = OTLP_VALUE_INT}};
	struct otlp_attribute lists[OTLP_VALUE_DEPTH_MAX + 1] = {{.value.type = OTLP_VALUE_INT}};

	(void)state;
	for (size_t i = 1; i <= OTLP_VALUE_DEPTH_MAX; i++) {
		const int expected = i < OTLP_VALUE_DEPTH_MAX ? 0 : -EINVAL; /* depth is i + 1 */

		values[i].type = OTLP_VALUE_ARRAY;
		values[i].as.array.items = &values[i - 1];
		values[i].as.array.count = 1;
		assert_int_equal(measure_value(&values[i]), expected);
		lists[i].value.type = OTLP_VALUE_KVLIST;
		lists[i].value.as.kvlist.items = &lists[i - 1];
		lists[i].value.as.kvlist.count = 1;
		assert_int_equal(measure_value(&lists[i].value), expected);
	}
	values[0] = (struct otlp_value){.type = OTLP_VALUE_ARRAY, .as.array = {NULL, 0}};
	assert_int_equal(measure_value(&values[OTLP_VALUE_DEPTH_MAX - 1]), 0);
}

static void deepest_value_is_accepted_by_the_reader(void **state)
{
	struct otlp_value values[OTLP_VALUE_DEPTH_MAX] = {{.type = OTLP_VALUE_INT}};
	struct otlp_attribute attribute = {.key = OTLP_STR("key")};
	struct otlp_span span = valid_span();
	uint8_t *bytes;

	(void)state;
	for (size_t i = 1; i < OTLP_VALUE_DEPTH_MAX; i++) {
		values[i].type = OTLP_VALUE_ARRAY;
		values[i].as.array.items = &values[i - 1];
		values[i].as.array.count = 1;
	}
	attribute.value = values[OTLP_VALUE_DEPTH_MAX - 1];
	span.attributes = one(&attribute);
	assert_int_equal(carry(&span, NULL, 1, &bytes).item_count, 1);
	free(bytes);
}

static void record_over_the_limit_is_too_large(void **state)
{
	const size_t limit = OTLP_RECORD_BYTES_MAX;
	char *const text = malloc(limit + 1);
	struct otlp_span span = valid_span();
	struct otlp_value value = {.type = OTLP_VALUE_BYTES};

	(void)state;
	assert_non_null(text);
	memset(text, 'a', limit + 1);
	span.name = (struct otlp_str){text, limit - sizeof(struct record_span_head)};
	assert_int_equal(measure(&span), 0);
	span.name.len++;
	assert_int_equal(measure(&span), -EMSGSIZE);
	span.name.len = SIZE_MAX; /* not read, nor added to anything */
	assert_int_equal(measure(&span), -EMSGSIZE);
	value.as.bytes.ptr = (const uint8_t *)text;
	value.as.bytes.len = SIZE_MAX;
	assert_int_equal(measure_value(&value), -EMSGSIZE);
	free(text);
}

static void flags_beyond_the_known_bits_are_left_out(void **state)
{
	struct otlp_span_link link = valid_link();
	struct otlp_span span = valid_span();
	struct record_link_head head;
	struct record_view view;
	uint8_t *bytes;

	(void)state;
	span.flags = link.flags = 0xffffffff;
	span.links = &link;
	span.link_count = 1;
	view = carry(&span, NULL, 1, &bytes);
	assert_int_equal(view.head.span.flags, 0x3ff);
	memcpy(&head, view.body + span.name.len + sizeof(uint32_t), sizeof(head));
	assert_int_equal(head.flags, 0x3ff);
	free(bytes);
}

static void resource_is_inline_or_a_reference(void **state)
{
	const struct otlp_span span = valid_span();
	struct record_view view;
	uint8_t *bytes;

	(void)state;
	view = carry(&span, NULL, 77, &bytes);
	assert_int_equal(view.resource_ref, 77);
	assert_null(view.resource);
	free(bytes);
	view = carry(&span, &no_resource, 77, &bytes);
	assert_int_equal(view.resource_ref, 0);
	assert_non_null(view.resource);
	assert_int_equal(view.resource_bytes, sizeof(struct record_resource_head));
	free(bytes);
}

static void resource_has_the_same_bytes_inline_and_in_the_table(void **state)
{
	const struct otlp_attribute attribute = otlp_attr_str(OTLP_STR("k"), OTLP_STR("v"));
	const struct otlp_resource resource = {.attributes = {&attribute, 1, 9},
					       .schema_url = OTLP_STR("url")};
	const struct otlp_span span = valid_span();
	struct record_view view;
	uint8_t entry[64];
	uint8_t *bytes;
	size_t entry_bytes;

	(void)state;
	view = carry(&span, &resource, 0, &bytes);
	assert_int_equal(record_measure_resource(&resource, &entry_bytes), 0);
	assert_int_equal(entry_bytes, view.resource_bytes);
	assert_true(record_write_resource(entry, &resource, entry_bytes));
	assert_memory_equal(entry, view.resource, entry_bytes);
	assert_int_equal(record_parse_resource(entry, entry_bytes), 0);
	free(bytes);
}

static void empty_scope_is_not_the_same_as_none(void **state)
{
	const struct otlp_scope scope = {.name = {NULL, 0}};
	struct otlp_span span = valid_span();
	struct record_view view;
	uint8_t *bytes;

	(void)state;
	view = carry(&span, NULL, 1, &bytes);
	assert_null(view.scope);
	free(bytes);
	span.scope = &scope;
	view = carry(&span, NULL, 1, &bytes);
	assert_non_null(view.scope);
	assert_int_equal(view.scope_bytes, sizeof(struct record_scope_head));
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(span_with_a_name_alone_is_accepted),
		cmocka_unit_test(zero_ids_of_spans_and_links_are_refused),
		cmocka_unit_test(unknown_enum_values_of_spans_are_refused),
		cmocka_unit_test(reserved_fields_of_spans_must_be_zero),
		cmocka_unit_test(missing_text_of_some_length_is_refused),
		cmocka_unit_test(missing_arrays_with_a_count_are_refused),
		cmocka_unit_test(text_of_spans_that_is_not_utf8_is_refused),
		cmocka_unit_test(text_of_values_that_is_not_utf8_is_refused_at_any_depth),
		cmocka_unit_test(text_of_scopes_and_resources_that_is_not_utf8_is_refused),
		cmocka_unit_test(text_with_a_nul_inside_is_carried_whole),
		cmocka_unit_test(values_nest_to_the_stated_depth_and_no_deeper),
		cmocka_unit_test(deepest_value_is_accepted_by_the_reader),
		cmocka_unit_test(record_over_the_limit_is_too_large),
		cmocka_unit_test(flags_beyond_the_known_bits_are_left_out),
		cmocka_unit_test(resource_is_inline_or_a_reference),
		cmocka_unit_test(resource_has_the_same_bytes_inline_and_in_the_table),
		cmocka_unit_test(empty_scope_is_not_the_same_as_none),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
