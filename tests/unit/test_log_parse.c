/* SPDX-License-Identifier: Apache-2.0 */
/* A line of a program's output as a log record: any bytes make one that a push takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/array.h"
#include "cli/log_parse.h"
#include "core/record/record.h"

#define LINE_BYTES_MAX 4096
#define REPLACEMENT    "\xef\xbf\xbd"

static struct log_parser parser;
static struct otlp_log_record record;

static int setup(void **state)
{
	(void)state;
	return log_parser_init(&parser, LINE_BYTES_MAX);
}

static int teardown(void **state)
{
	(void)state;
	log_parser_free(&parser);
	return 0;
}

/* A copy of exactly its size, so that a sanitizer sees who reads on. */
static bool parse_bytes(const char *line, size_t bytes, enum log_parse_as as)
{
	static char *exact;
	bool is_json;

	free(exact);
	exact = malloc(bytes != 0 ? bytes : 1);
	assert_non_null(exact);
	memcpy(exact, line, bytes);
	is_json = log_parse(&parser, exact, bytes, as, &record);
	return is_json;
}

static bool parse(const char *line)
{
	return parse_bytes(line, strlen(line), LOG_PARSE_LINE);
}

static void expect_text(struct otlp_str text, const char *expected)
{
	assert_int_equal(text.len, strlen(expected));
	assert_memory_equal(text.ptr, expected, text.len);
}

static void expect_body(const char *expected)
{
	assert_int_equal(record.body.type, OTLP_VALUE_STRING);
	expect_text(record.body.as.string, expected);
}

static const struct otlp_value *attribute(const char *key)
{
	size_t i;

	for (i = 0; i < record.attributes.count; i++) {
		const struct otlp_attribute *const a = &record.attributes.items[i];

		if (a->key.len == strlen(key) && memcmp(a->key.ptr, key, a->key.len) == 0)
			return &a->value;
	}
	return NULL;
}

static void a_line_of_text_is_the_body_as_it_is(void **state)
{
	static const char *const lines[] = {
		"",	      " ",	   "text",
		"  text  ",   "<",	   "<>text",
		"<x>text",    "<192>text", "<014>text",
		"<1234>text", "< 4>text",  "<4",
		"{",	      "{}x",	   "{\"a\":1",
		"[1]",	      "\"a\"",	   "{\"a\":1} {\"b\":2}",
		"null",
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(lines); i++) {
		assert_false(parse(lines[i]));
		expect_body(lines[i]);
		assert_int_equal(record.severity_number, OTLP_SEVERITY_UNSPECIFIED);
		assert_int_equal(record.attributes.count, 0);
	}
}

static void a_priority_is_cut_off_and_is_the_severity(void **state)
{
	(void)state;
	assert_false(parse("<3>disk failed"));
	expect_body("disk failed");
	assert_int_equal(record.severity_number, OTLP_SEVERITY_ERROR);
	expect_text(record.severity_text, "err");
	assert_int_equal(record.attributes.count, 0);
	assert_false(parse("<191>"));
	expect_body("");
	assert_int_equal(record.severity_number, OTLP_SEVERITY_DEBUG);
	assert_int_equal(attribute("syslog.facility")->as.integer, 23);
	assert_false(parse("<0>x"));
	assert_int_equal(record.severity_number, OTLP_SEVERITY_FATAL);
}

static void a_piece_of_a_line_is_text_whatever_it_looks_like(void **state)
{
	(void)state;
	assert_false(parse_bytes("<3>x", 4, LOG_PARSE_PIECE));
	expect_body("<3>x");
	assert_false(parse_bytes("{\"a\":1}", 7, LOG_PARSE_PIECE));
	expect_body("{\"a\":1}");
	assert_false(parse_bytes("<3>{\"a\":1}", 10, LOG_PARSE_TEXT));
	expect_body("{\"a\":1}");
	assert_int_equal(record.severity_number, OTLP_SEVERITY_ERROR);
}

static void bytes_that_are_not_utf8_become_replacements(void **state)
{
	static const char nul[] = "a\0b";

	(void)state;
	assert_false(parse("caf\xe9 \xff"));
	expect_body("caf" REPLACEMENT " " REPLACEMENT);
	assert_true(parse("{\"msg\":\"\xff\",\"k\xff\":1}"));
	expect_body(REPLACEMENT);
	assert_int_equal(attribute("k" REPLACEMENT)->as.integer, 1);
	assert_false(parse_bytes(nul, 3, LOG_PARSE_LINE));
	assert_int_equal(record.body.as.string.len, 3);
	assert_memory_equal(record.body.as.string.ptr, nul, 3);
}

static void usual_keys_of_json_are_fields_and_the_others_attributes(void **state)
{
	(void)state;
	assert_true(
		parse("<4> {\"time\":\"1970-01-01T00:00:01Z\",\"level\":\"Error\",\"msg\":\"slow\","
		      "\"trace_id\":\"0123456789abcdef0123456789abcdef\","
		      "\"span_id\":\"0123456789abcdef\",\"ms\":120,\"ok\":false,\"x\":1.5,"
		      "\"none\":null,\"who\":\"bob\"} \r"));
	assert_int_equal(record.time_unix_ns, 1000000000);
	assert_int_equal(record.severity_number, OTLP_SEVERITY_ERROR);
	expect_text(record.severity_text, "Error");
	expect_body("slow");
	assert_int_equal(record.trace_id[0], 0x01);
	assert_int_equal(record.span_id[7], 0xef);
	assert_int_equal(record.attributes.count, 5);
	assert_int_equal(attribute("ms")->as.integer, 120);
	assert_int_equal(attribute("ok")->type, OTLP_VALUE_BOOL);
	assert_true(attribute("x")->as.real == 1.5);
	assert_int_equal(attribute("none")->type, OTLP_VALUE_EMPTY);
	expect_text(attribute("who")->as.string, "bob");
}

static void usual_keys_that_say_something_else_are_attributes(void **state)
{
	(void)state;
	assert_true(parse(
		"{\"time\":\"noon\",\"level\":1000,\"severity_number\":25,\"trace_id\":\"none\","
		"\"span_id\":7,\"msg\":\"first\",\"message\":\"second\"}"));
	assert_int_equal(record.time_unix_ns, 0);
	assert_int_equal(record.severity_number, OTLP_SEVERITY_UNSPECIFIED);
	expect_body("first");
	assert_int_equal(record.attributes.count, 6);
	expect_text(attribute("time")->as.string, "noon");
	assert_int_equal(attribute("level")->as.integer, 1000);
	assert_int_equal(attribute("severity_number")->as.integer, 25);
	expect_text(attribute("trace_id")->as.string, "none");
	assert_int_equal(attribute("span_id")->as.integer, 7);
	expect_text(attribute("message")->as.string, "second");
	assert_true(parse("{\"level\":50,\"severity_number\":24,\"n\":18446744073709551615}"));
	assert_int_equal(record.severity_number, OTLP_SEVERITY_FATAL4);
	expect_text(attribute("n")->as.string, "18446744073709551615");
}

static void values_nest_and_the_record_is_one_that_a_push_takes(void **state)
{
	const struct otlp_value *list, *deep;
	size_t bytes;

	(void)state;
	assert_true(
		parse("{\"list\":[1,[2,{\"in\":[]}],\"x\"],\"map\":{\"a\":{\"b\":true}},\"last\":1,"
		      "\"body\":{\"k\":[null]}}"));
	assert_int_equal(record.attributes.count, 3);
	list = attribute("list");
	assert_int_equal(list->type, OTLP_VALUE_ARRAY);
	assert_int_equal(list->as.array.count, 3);
	assert_int_equal(list->as.array.items[0].as.integer, 1);
	expect_text(list->as.array.items[1].as.array.items[1].as.kvlist.items[0].key, "in");
	deep = &attribute("map")->as.kvlist.items[0].value;
	expect_text(deep->as.kvlist.items[0].key, "b");
	assert_true(deep->as.kvlist.items[0].value.as.boolean);
	assert_int_equal(record.body.type, OTLP_VALUE_KVLIST);
	assert_int_equal(record.body.as.kvlist.items[0].value.as.array.count, 1);
	assert_int_equal(record_measure_log(&record, NULL, &bytes), OTLP_OK);
}

static void there_is_room_for_more_attributes_behind_those_of_any_json(void **state)
{
	char line[LINE_BYTES_MAX];
	size_t at, bytes, i, count;

	(void)state;
	for (count = 0; count < 200; count += 7) {
		at = (size_t)sprintf(line, "<30>{");
		for (i = 0; i < count; i++)
			at += (size_t)sprintf(line + at, "\"k%zu\":[{\"a\":1}],", i);
		sprintf(line + at, "\"end\":1}");
		assert_true(parse(line));
		assert_int_equal(record.attributes.count, count + 2);
		for (i = 0; i < LOG_PARSE_EXTRA_MAX - 1; i++)
			log_parse_add(&parser, &record, otlp_attr_int(OTLP_STR("extra"), 1));
		assert_int_equal(record.attributes.count, count + 1 + LOG_PARSE_EXTRA_MAX);
		for (i = 0; i < count; i++)
			assert_int_equal(record.attributes.items[1 + i].value.type,
					 OTLP_VALUE_ARRAY);
		assert_int_equal(record_measure_log(&record, NULL, &bytes), OTLP_OK);
	}
}

static void json_that_nests_without_end_is_text(void **state)
{
	char line[LINE_BYTES_MAX] = "{\"a\":";
	size_t depth = 200, at = strlen(line);

	(void)state;
	memset(line + at, '[', depth);
	memset(line + at + depth, ']', depth);
	strcpy(line + at + 2 * depth, "}");
	assert_false(parse(line));
	expect_body(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_of_text_is_the_body_as_it_is),
		cmocka_unit_test(a_priority_is_cut_off_and_is_the_severity),
		cmocka_unit_test(a_piece_of_a_line_is_text_whatever_it_looks_like),
		cmocka_unit_test(bytes_that_are_not_utf8_become_replacements),
		cmocka_unit_test(usual_keys_of_json_are_fields_and_the_others_attributes),
		cmocka_unit_test(usual_keys_that_say_something_else_are_attributes),
		cmocka_unit_test(values_nest_and_the_record_is_one_that_a_push_takes),
		cmocka_unit_test(there_is_room_for_more_attributes_behind_those_of_any_json),
		cmocka_unit_test(json_that_nests_without_end_is_text),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
