/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resource of the environment: a table of cases for $OTEL_RESOURCE_ATTRIBUTES
 * and $OTEL_SERVICE_NAME. Source: OpenTelemetry specification, resource/sdk.md,
 * "Specifying resource information via an environment variable", and
 * configuration/sdk-environment-variables.md.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/array.h"
#include "core/resource.h"

#define UNKNOWN "service.name=unknown_service:test_resource_env"

static unsigned told;
static char told_text[1024];

static void tell(void *context, int error, const char *text)
{
	(void)context;
	assert_int_equal(error, OTLP_ERR_INVALID);
	assert_non_null(strstr(text, "OTEL_"));
	snprintf(told_text, sizeof(told_text), "%s", text);
	told++;
}

/* "key=value|key=value", for a comparison that prints well. */
static void format_resource(char *ret, size_t bytes, const struct otlp_resource *resource)
{
	size_t at = 0, i;

	ret[0] = '\0';
	for (i = 0; i < resource->attributes.count; i++) {
		const struct otlp_attribute *a = &resource->attributes.items[i];

		assert_int_equal(a->value.type, OTLP_VALUE_STRING);
		at += (size_t)snprintf(ret + at, bytes - at, "%s%.*s=%.*s", i > 0 ? "|" : "",
				       (int)a->key.len, a->key.ptr, (int)a->value.as.string.len,
				       a->value.as.string.ptr);
		assert_true(at < bytes);
	}
}

static void set_or_unset(const char *name, const char *value)
{
	if (value != NULL)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

static void expect_resource(const char *list, const char *name, const char *expected,
			    unsigned expected_told)
{
	struct otlp_options options = {.diagnostic = tell};
	struct resource *resource = NULL;
	char text[8192];

	set_or_unset("OTEL_RESOURCE_ATTRIBUTES", list);
	set_or_unset("OTEL_SERVICE_NAME", name);
	told = 0;
	assert_int_equal(resource_new_from_environment(&resource, &options), OTLP_OK);
	format_resource(text, sizeof(text), &resource->value);
	assert_string_equal(text, expected);
	assert_int_equal(told, expected_told);
	assert_int_equal(resource->value.attributes.dropped, 0);
	assert_int_equal(resource->value.schema_url.len, 0);
	resource_free(resource);
	unsetenv("OTEL_RESOURCE_ATTRIBUTES");
	unsetenv("OTEL_SERVICE_NAME");
}

struct env_case {
	const char *list, *expected;
	unsigned told;
};

static void expect_cases(const struct env_case *cases, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		expect_resource(cases[i].list, "n", cases[i].expected, cases[i].told);
}

static void pairs_are_read_in_their_order(void **state)
{
	static const struct env_case cases[] = {
		{"a=1", "a=1|service.name=n", 0},
		{"a=1,b=2,c=3", "a=1|b=2|c=3|service.name=n", 0},
		{"a=", "a=|service.name=n", 0},
		{"deployment.environment.name=prod",
		 "deployment.environment.name=prod|service.name=n", 0},
		{"a=1;x", "a=1;x|service.name=n", 0}, /* metadata is not supported: no separator */
		{"a=\"q\"", "a=\"q\"|service.name=n", 0},
	};

	(void)state;
	expect_cases(cases, COUNT_OF(cases));
}

static void blanks_around_keys_and_values_are_cut_off(void **state)
{
	static const struct env_case cases[] = {
		{"  a = 1 \t,\tb=2 ", "a=1|b=2|service.name=n", 0},
		{"a=1,\n  b=2\n", "a=1|b=2|service.name=n", 0}, /* a block of YAML */
		{"\r\na\v=\f1\r\n", "a=1|service.name=n", 0},
		{"a=x y", "a=x y|service.name=n", 0},
		{"a=%20x%20", "a= x |service.name=n", 0}, /* an encoded one is meant */
	};

	(void)state;
	expect_cases(cases, COUNT_OF(cases));
}

static void keys_and_values_are_percent_decoded(void **state)
{
	static const struct env_case cases[] = {
		{"a=%2C%3D%25", "a=,=%|service.name=n", 0},
		{"a%2Cb=1", "a,b=1|service.name=n", 0},
		{"a=%c3%A9", "a=\xc3\xa9|service.name=n", 0},
		{"a=\xc3\xa9", "a=\xc3\xa9|service.name=n", 0},
		{"a=%2541", "a=%41|service.name=n", 0}, /* once */
		{"a=1+1", "a=1+1|service.name=n", 0},
	};

	(void)state;
	expect_cases(cases, COUNT_OF(cases));
}

static void any_error_discards_the_whole_value_and_is_told(void **state)
{
	static const struct env_case cases[] = {
		{"a", "service.name=n", 1},	  {"a=1,b", "service.name=n", 1},
		{"b,a=1", "service.name=n", 1},	  {"=1", "service.name=n", 1},
		{" =1", "service.name=n", 1},	  {"a=%", "service.name=n", 1},
		{"a=%4", "service.name=n", 1},	  {"a=%4g", "service.name=n", 1},
		{"a=%g4", "service.name=n", 1},	  {"a=1,b=%zz,c=3", "service.name=n", 1},
		{"a=b=c", "service.name=n", 1},	  {"a==", "service.name=n", 1},
		{"a=1 b=2", "service.name=n", 1},
	};

	(void)state;
	expect_cases(cases, COUNT_OF(cases));
}

static void an_empty_value_is_as_good_as_none(void **state)
{
	static const struct env_case cases[] = {
		{NULL, "service.name=n", 0},	   {"", "service.name=n", 0},
		{" ", "service.name=n", 0},	   {",", "service.name=n", 0},
		{"a=1,", "a=1|service.name=n", 0},
	};

	(void)state;
	expect_cases(cases, COUNT_OF(cases));
	expect_resource("a=1", "", "a=1|" UNKNOWN, 0);
}

static void the_last_value_of_a_key_counts(void **state)
{
	static const struct env_case cases[] = {
		{"a=1,b=2,a=3", "a=3|b=2|service.name=n", 0},
		{"a=1,%61=2", "a=2|service.name=n", 0},
	};

	(void)state;
	expect_cases(cases, COUNT_OF(cases));
}

static void the_service_name_variable_wins(void **state)
{
	(void)state;
	expect_resource("service.name=list,a=1", "name", "service.name=name|a=1", 0);
	expect_resource("service.name=list", NULL, "service.name=list", 0);
	expect_resource("service.name=list", "", "service.name=list", 0);
	expect_resource("service.name=list,a=%", "name", "service.name=name", 1);
	/* It is the name as it stands, not a list and not encoded, but for white space around it.
	 */
	expect_resource(NULL, " a%20b,c=d\n", "service.name=a%20b,c=d", 0);
	expect_resource(NULL, " \n", UNKNOWN, 0);
}

#define WRONG "\xef\xbf\xbd" /* U+FFFD */

/* One that is not UTF-8 does not cost the others, nor the program its telemetry. */
static void text_that_is_not_utf8_is_repaired_and_told(void **state)
{
	static const struct env_case cases[] = {
		{"a=M\xfcller,b=2", "a=M" WRONG "ller|b=2|service.name=n", 1},
		{"a=%ff", "a=" WRONG "|service.name=n", 1},
		{"%ff=1", WRONG "=1|service.name=n", 1},
		{"a=%c3", "a=" WRONG "|service.name=n", 1},
		{"a=\xc3\xa9\xff\xc3\xa9", "a=\xc3\xa9" WRONG "\xc3\xa9|service.name=n", 1},
		{"a=\xff\xfe\xfd,\xf0\x9f=\xed\xa0\x80",
		 "a=" WRONG WRONG WRONG "|" WRONG WRONG "=" WRONG WRONG WRONG "|service.name=n", 1},
	};

	(void)state;
	expect_cases(cases, COUNT_OF(cases));
	assert_non_null(strstr(told_text, "\"a\" and 1 more is not UTF-8"));
	expect_resource("a=1", "caf\xe9", "a=1|service.name=caf" WRONG, 1);
	assert_non_null(strstr(told_text, "OTEL_SERVICE_NAME is not UTF-8"));
}

static void the_longest_values_are_repaired_in_whole(void **state)
{
	static char list[1002], expected[4096];
	size_t i;

	(void)state;
	memset(list, 0xff, sizeof(list) - 1);
	memcpy(list, "a=", 2);
	strcpy(expected, "a=");
	for (i = 2; i < sizeof(list) - 1; i++)
		strcat(expected, WRONG);
	strcat(expected, "|service.name=n");
	expect_resource(list, "n", expected, 1);
}

static void what_is_wrong_is_told_with_its_pair(void **state)
{
	static const struct {
		const char *list, *text;
	} cases[] = {
		{"a=1,team,b=2", "its pair 2, \"team\", has no \"=\""},
		{",, team", "its pair 3, \"team\", has no \"=\""},
		{"a=1,secret=b=c", "its pair 2, \"secret=...\", has a second \"=\""},
		{"a=1,%41=secret%4g", "its pair 2, \"%41=...\", has a \"%\""},
		{"a=1, =2", "its pair 2, \"=...\", has no key"},
		{"t\xff\n", "\"t" WRONG "\", has no"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(cases); i++) {
		expect_resource(cases[i].list, "n", "service.name=n", 1);
		if (strstr(told_text, cases[i].text) == NULL)
			fail_msg("%s: without %s", told_text, cases[i].text);
		assert_null(strstr(told_text, "secret%"));
	}
}

static void without_a_name_it_is_unknown_service_and_the_program(void **state)
{
	(void)state;
	expect_resource(NULL, NULL, UNKNOWN, 0);
	expect_resource("service.name=", NULL, UNKNOWN, 0);
	expect_resource("%", NULL, UNKNOWN, 1);
}

static void a_program_name_that_is_no_text_is_repaired(void **state)
{
	char *saved = program_invocation_short_name;
	static char not_utf8[] = "\xff", none[] = "", long_name[600], expected[700];

	(void)state;
	program_invocation_short_name = not_utf8;
	expect_resource(NULL, NULL, "service.name=unknown_service:" WRONG, 0);
	program_invocation_short_name = none;
	expect_resource(NULL, NULL, "service.name=unknown_service", 0);
	memset(long_name, 'a', sizeof(long_name) - 1);
	program_invocation_short_name = long_name;
	snprintf(expected, sizeof(expected), "service.name=unknown_service:%.495s", long_name);
	expect_resource(NULL, NULL, expected, 0);
	program_invocation_short_name = saved;
}

int main(void)
{
	static char name[] = "test_resource_env";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pairs_are_read_in_their_order),
		cmocka_unit_test(blanks_around_keys_and_values_are_cut_off),
		cmocka_unit_test(keys_and_values_are_percent_decoded),
		cmocka_unit_test(any_error_discards_the_whole_value_and_is_told),
		cmocka_unit_test(an_empty_value_is_as_good_as_none),
		cmocka_unit_test(the_last_value_of_a_key_counts),
		cmocka_unit_test(the_service_name_variable_wins),
		cmocka_unit_test(text_that_is_not_utf8_is_repaired_and_told),
		cmocka_unit_test(the_longest_values_are_repaired_in_whole),
		cmocka_unit_test(what_is_wrong_is_told_with_its_pair),
		cmocka_unit_test(without_a_name_it_is_unknown_service_and_the_program),
		cmocka_unit_test(a_program_name_that_is_no_text_is_repaired),
	};

	/* Whatever the binary is called where this runs. */
	program_invocation_short_name = name;
	return cmocka_run_group_tests_name("resource_env", tests, NULL, NULL);
}
