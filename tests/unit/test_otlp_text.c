/* SPDX-License-Identifier: Apache-2.0 */
/* Log records as lines of text: each field, what is missing, and what would move a terminal. */
#include "cli/otlp_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/otlp_json.h"
#include "tests/oracle.h"

#define TIME UINT64_C(1700000000000000007) /* 2023-11-14T22:13:20Z */

static char lines[4096];
static size_t lines_len;

static int gather(void *context, const char *piece, size_t bytes)
{
	(void)context;
	assert_true(lines_len + bytes < sizeof(lines));
	memcpy(lines + lines_len, piece, bytes);
	lines_len += bytes;
	lines[lines_len] = '\0';
	return 0;
}

static int refuse(void *context, const char *piece, size_t bytes)
{
	(void)piece;
	(void)bytes;
	++*(unsigned *)context;
	return -EPIPE;
}

/* A ResourceLogs of one record; resource and scope may be NULL. */
static PB_LOGS(ResourceLogs) * message_of(const struct otlp_log_record *log)
{
	PB_LOGS(ResourceLogs) *all = calloc(1, sizeof(*all));
	PB_LOGS(ScopeLogs) *scope = calloc(1, sizeof(*scope));

	opentelemetry__proto__logs__v1__resource_logs__init(all);
	opentelemetry__proto__logs__v1__scope_logs__init(scope);
	if (log->resource != NULL)
		all->resource = oracle_resource(log->resource);
	if (log->scope != NULL)
		scope->scope = oracle_scope(log->scope);
	all->n_scope_logs = 1;
	all->scope_logs = calloc(1, sizeof(*all->scope_logs));
	all->scope_logs[0] = scope;
	scope->n_log_records = 1;
	scope->log_records = calloc(1, sizeof(*scope->log_records));
	scope->log_records[0] = oracle_log(log);
	return all;
}

static void expect_line(const struct otlp_log_record *log, bool is_coloured, const char *line)
{
	PB_LOGS(ResourceLogs) *all = message_of(log);

	lines_len = 0;
	assert_int_equal(otlp_text_lines(&all->base, is_coloured, gather, NULL), 0);
	assert_string_equal(lines, line);
	oracle_free(all);
}

static void a_line_has_all_fields_in_their_order(void **state)
{
	const struct otlp_attribute name =
		otlp_attr_str(OTLP_STR("service.name"), OTLP_STR("shop"));
	const struct otlp_resource resource = {.attributes = {&name, 1, 0}};
	const struct otlp_scope scope = {.name = OTLP_STR("shop.cart")};
	const struct otlp_attribute attributes[] = {
		otlp_attr_str(OTLP_STR("route"), OTLP_STR("/cart/{id}")),
		otlp_attr_int(OTLP_STR("status"), -200),
		otlp_attr_bool(OTLP_STR("ok"), true),
		otlp_attr_double(OTLP_STR("took"), 0.5),
	};
	const struct otlp_log_record log = {
		.resource = &resource,
		.scope = &scope,
		.time_unix_ns = TIME,
		.observed_time_unix_ns = TIME + 1,
		.severity_number = OTLP_SEVERITY_WARN,
		.severity_text = OTLP_STR("warning"),
		.body = otlp_value_str(OTLP_STR("the cart is full")),
		.attributes = {attributes, 4, 0},
		.trace_id = {0xab, [15] = 1},
		.span_id = {0xcd, [7] = 2},
		.event_name = OTLP_STR("cart.full"),
	};

	(void)state;
	expect_line(&log, false,
		    "2023-11-14T22:13:20.000000007Z warning shop shop.cart the cart is full "
		    "event_name=cart.full route=/cart/{id} status=-200 ok=true took=0.5 "
		    "trace_id=ab000000000000000000000000000001 span_id=cd00000000000002\n");
}

static void what_is_missing_is_a_dash(void **state)
{
	struct otlp_log_record log = {0};

	(void)state;
	expect_line(&log, false, "- - - - -\n");
	log.observed_time_unix_ns = TIME; /* stands in */
	log.severity_number = OTLP_SEVERITY_ERROR3;
	expect_line(&log, false, "2023-11-14T22:13:20.000000007Z ERROR3 - - -\n");
	log.time_unix_ns = UINT64_MAX;
	log.severity_number = OTLP_SEVERITY_TRACE;
	log.body = otlp_value_str(OTLP_STR(""));
	expect_line(&log, false, "2554-07-21T23:34:33.709551615Z TRACE - - -\n");
}

static void values_of_each_type_are_readable(void **state)
{
	static const uint8_t raw[] = {0x0a, 0xff};
	const struct otlp_value items[] = {
		otlp_value_int(1), otlp_value_str(OTLP_STR("a")), {OTLP_VALUE_EMPTY, {{NULL, 0}}}};
	const struct otlp_attribute inner = otlp_attr_array(OTLP_STR("list"), items, 3);
	const struct otlp_attribute attributes[] = {
		otlp_attr_kvlist(OTLP_STR("map"), &inner, 1),
		otlp_attr_bytes(OTLP_STR("raw"), (struct otlp_bytes){raw, 2}),
		otlp_attr_str(OTLP_STR("two words"), OTLP_STR("")),
		otlp_attr_str(OTLP_STR("quoted"), OTLP_STR("a \"b\" \\ c")),
		otlp_attr_str(OTLP_STR(""), OTLP_STR("x=y")),
	};
	const struct otlp_log_record log = {.body = otlp_value_kvlist(&inner, 1),
					    .attributes = {attributes, 5, 0}};

	(void)state;
	expect_line(&log, false,
		    "- - - - {\"list\":[1,\"a\",null]} map={\"list\":[1,\"a\",null]} raw=0x0aff "
		    "\"two words\"=\"\" quoted=\"a \\\"b\\\" \\\\ c\" \"\"=\"x=y\"\n");
}

static void a_record_stays_on_its_line_and_moves_no_terminal(void **state)
{
	const struct otlp_attribute attribute =
		otlp_attr_str(OTLP_STR("k\x1b"), OTLP_STR("\xc2\x9b"
							  "2J \xf0\x9f\x98\x80 \xc3\xa9"));
	const struct otlp_log_record log = {
		.severity_text = OTLP_STR("a\nb"),
		.body = otlp_value_str(OTLP_STR("one\ntwo\t\x1b[2J\r\x7f \xff\xc3 \xe2\x82\xac")),
		.attributes = {&attribute, 1, 0},
	};

	(void)state;
	expect_line(&log, false,
		    "- \"a\\nb\" - - one\\ntwo\\t\\x1b[2J\\r\\x7f \\xff\\xc3 \xe2\x82\xac "
		    "\"k\\x1b\"=\"\\x9b2J \xf0\x9f\x98\x80 \xc3\xa9\"\n");
}

static void a_terminal_gets_a_colour_for_each_range_of_severities(void **state)
{
	static const char *const severities[] = {
		"\033[2mTRACE\033[0m", "\033[34mDEBUG\033[0m", "\033[32mINFO\033[0m",
		"\033[33mWARN\033[0m", "\033[31mERROR\033[0m", "\033[1;31mFATAL\033[0m",
	};
	struct otlp_log_record log = {0};
	char line[256];

	(void)state;
	for (int i = 0; i < 6; i++) {
		log.severity_number = (enum otlp_severity_number)(1 + 4 * i);
		snprintf(line, sizeof(line), "\033[2m-\033[0m %s \033[36m- -\033[0m -\n",
			 severities[i]);
		expect_line(&log, true, line);
	}
}

static void nothing_is_put_behind_the_first_error(void **state)
{
	const struct otlp_log_record log = {.body = otlp_value_str(OTLP_STR("text"))};
	PB_LOGS(ResourceLogs) *all = message_of(&log);
	unsigned calls = 0;

	(void)state;
	assert_int_equal(otlp_text_lines(&all->base, false, refuse, &calls), -EPIPE);
	assert_int_equal(calls, 1);
	oracle_free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_all_fields_in_their_order),
		cmocka_unit_test(what_is_missing_is_a_dash),
		cmocka_unit_test(values_of_each_type_are_readable),
		cmocka_unit_test(a_record_stays_on_its_line_and_moves_no_terminal),
		cmocka_unit_test(a_terminal_gets_a_colour_for_each_range_of_severities),
		cmocka_unit_test(nothing_is_put_behind_the_first_error),
	};

	return cmocka_run_group_tests_name("otlp_text", tests, NULL, NULL);
}
