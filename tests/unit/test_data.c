/* SPDX-License-Identifier: Apache-2.0 */
/* The small functions of <otlpipe/data.h>, inlined here, and exported by the library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <otlpipe/otlpipe.h>

static const struct otlp_str key = OTLP_STR_INIT("key");
static const struct otlp_str text = OTLP_STR_INIT("text");
static const uint8_t raw[3] = {1, 2, 3};
static const struct otlp_bytes bytes = {raw, sizeof(raw)};
static const struct otlp_attribute attributes[2] = {
	{OTLP_STR_INIT("a"), {OTLP_VALUE_EMPTY, {{NULL, 0}}}},
	{OTLP_STR_INIT("b"), {OTLP_VALUE_EMPTY, {{NULL, 0}}}},
};
static const struct otlp_value values[3];

static void expect_key(struct otlp_attribute attribute, enum otlp_value_type type)
{
	assert_ptr_equal(attribute.key.ptr, key.ptr);
	assert_int_equal(attribute.key.len, key.len);
	assert_int_equal(attribute.value.type, type);
}

static void expect_str(struct otlp_value value)
{
	assert_int_equal(value.type, OTLP_VALUE_STRING);
	assert_ptr_equal(value.as.string.ptr, text.ptr);
	assert_int_equal(value.as.string.len, 4);
}

static void expect_bytes(struct otlp_value value)
{
	assert_int_equal(value.type, OTLP_VALUE_BYTES);
	assert_ptr_equal(value.as.bytes.ptr, raw);
	assert_int_equal(value.as.bytes.len, 3);
}

static void expect_array(struct otlp_value value)
{
	assert_int_equal(value.type, OTLP_VALUE_ARRAY);
	assert_ptr_equal(value.as.array.items, values);
	assert_int_equal(value.as.array.count, 3);
}

static void expect_kvlist(struct otlp_value value)
{
	assert_int_equal(value.type, OTLP_VALUE_KVLIST);
	assert_ptr_equal(value.as.kvlist.items, attributes);
	assert_int_equal(value.as.kvlist.count, 2);
}

static void inlined_functions_make_values_of_their_type(void **state)
{
	(void)state;
	expect_str(otlp_value_str(text));
	assert_int_equal(otlp_value_int(INT64_MIN).type, OTLP_VALUE_INT);
	assert_int_equal(otlp_value_int(INT64_MIN).as.integer, INT64_MIN);
	assert_int_equal(otlp_value_double(-0.5).type, OTLP_VALUE_DOUBLE);
	assert_true(otlp_value_double(-0.5).as.real == -0.5);
	assert_int_equal(otlp_value_bool(true).type, OTLP_VALUE_BOOL);
	assert_true(otlp_value_bool(true).as.boolean);
	assert_false(otlp_value_bool(false).as.boolean);
	expect_bytes(otlp_value_bytes(bytes));
	expect_array(otlp_value_array(values, 3));
	expect_kvlist(otlp_value_kvlist(attributes, 2));
}

static void inlined_functions_make_attributes_of_a_key_and_a_value(void **state)
{
	(void)state;
	expect_key(otlp_attr_str(key, text), OTLP_VALUE_STRING);
	expect_str(otlp_attr_str(key, text).value);
	expect_key(otlp_attr_int(key, -7), OTLP_VALUE_INT);
	assert_int_equal(otlp_attr_int(key, -7).value.as.integer, -7);
	expect_key(otlp_attr_double(key, 2.5), OTLP_VALUE_DOUBLE);
	assert_true(otlp_attr_double(key, 2.5).value.as.real == 2.5);
	expect_key(otlp_attr_bool(key, true), OTLP_VALUE_BOOL);
	assert_true(otlp_attr_bool(key, true).value.as.boolean);
	expect_key(otlp_attr_bytes(key, bytes), OTLP_VALUE_BYTES);
	expect_bytes(otlp_attr_bytes(key, bytes).value);
	expect_key(otlp_attr_array(key, values, 3), OTLP_VALUE_ARRAY);
	expect_array(otlp_attr_array(key, values, 3).value);
	expect_key(otlp_attr_kvlist(key, attributes, 2), OTLP_VALUE_KVLIST);
	expect_kvlist(otlp_attr_kvlist(key, attributes, 2).value);
}

/* Through pointers, that the compiler may not look through: what a binding calls. */
static void exported_functions_do_the_same(void **state)
{
	struct otlp_value (*volatile of_str)(struct otlp_str) = otlp_value_str;
	struct otlp_value (*volatile of_bytes)(struct otlp_bytes) = otlp_value_bytes;
	struct otlp_value (*volatile of_array)(const struct otlp_value *, size_t) =
		otlp_value_array;
	struct otlp_value (*volatile of_kvlist)(const struct otlp_attribute *, size_t) =
		otlp_value_kvlist;
	struct otlp_attribute (*volatile attr_int)(struct otlp_str, int64_t) = otlp_attr_int;
	struct otlp_attribute (*volatile attr_double)(struct otlp_str, double) = otlp_attr_double;
	struct otlp_attribute (*volatile attr_bool)(struct otlp_str, bool) = otlp_attr_bool;
	struct otlp_attribute (*volatile attr_kvlist)(
		struct otlp_str, const struct otlp_attribute *, size_t) = otlp_attr_kvlist;

	(void)state;
	expect_str(of_str(text));
	expect_bytes(of_bytes(bytes));
	expect_array(of_array(values, 3));
	expect_kvlist(of_kvlist(attributes, 2));
	expect_key(attr_int(key, INT64_MAX), OTLP_VALUE_INT);
	assert_int_equal(attr_int(key, INT64_MAX).value.as.integer, INT64_MAX);
	assert_true(attr_double(key, 1e300).value.as.real == 1e300);
	assert_true(attr_bool(key, true).value.as.boolean);
	expect_kvlist(attr_kvlist(key, attributes, 2).value);
}

static void a_text_ends_at_its_nul_and_none_is_empty(void **state)
{
	struct otlp_str (*volatile from)(const char *) = otlp_str_from;
	static const char some[] = "some\0more";

	(void)state;
	assert_ptr_equal(otlp_str_from(some).ptr, some);
	assert_int_equal(otlp_str_from(some).len, 4);
	assert_int_equal(otlp_str_from("").len, 0);
	assert_null(otlp_str_from(NULL).ptr);
	assert_int_equal(otlp_str_from(NULL).len, 0);
	assert_int_equal(from(some).len, 4);
	assert_int_equal(from(NULL).len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inlined_functions_make_values_of_their_type),
		cmocka_unit_test(inlined_functions_make_attributes_of_a_key_and_a_value),
		cmocka_unit_test(exported_functions_do_the_same),
		cmocka_unit_test(a_text_ends_at_its_nul_and_none_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
