/* SPDX-License-Identifier: Apache-2.0 */
/* What answers mean, and how long is waited. */
#include "cli/send/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/array.h"
#include "cli/send/backoff.h"

#define SECOND_NS INT64_C(1000000000)
#define NOW	  1767225600 /* Thu, 01 Jan 2026 00:00:00 GMT */
#define PROTOBUF  "application/x-protobuf"

static struct send_answer judge_with(long status, const char *type, const char *retry,
				     const void *body, size_t bytes)
{
	const struct http_answer answer = {
		.status = status,
		.content_type = type,
		.retry_after = retry,
		.location = "",
		.body = body,
		.body_bytes = bytes,
	};
	struct send_answer ret;

	answer_judge(&answer, NOW, &ret);
	return ret;
}

static struct send_answer judge(long status, const char *type, const char *body)
{
	return judge_with(status, type, "", body, strlen(body));
}

static void each_status_has_its_verdict(void **state)
{
	static const struct {
		long status;
		enum send_verdict verdict;
		bool is_doubtful;
	} rows[] = {
		{200, SEND_TAKEN, false},   {202, SEND_TAKEN, false},	  {204, SEND_TAKEN, false},
		{301, SEND_STOP, false},    {400, SEND_REFUSED, false},	  {401, SEND_STOP, false},
		{403, SEND_STOP, false},    {404, SEND_STOP, false},	  {405, SEND_STOP, false},
		{408, SEND_AGAIN, false},   {413, SEND_TOO_LARGE, false}, {415, SEND_STOP, false},
		{422, SEND_REFUSED, false}, {429, SEND_AGAIN, false},	  {500, SEND_AGAIN, true},
		{502, SEND_AGAIN, true},    {503, SEND_AGAIN, false},	  {504, SEND_AGAIN, true},
		{599, SEND_AGAIN, true},    {600, SEND_STOP, false},	  {999, SEND_STOP, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct send_answer found = judge(rows[i].status, "", "");

		assert_int_equal(found.verdict, rows[i].verdict);
		assert_int_equal(found.is_doubtful, rows[i].is_doubtful);
	}
}

static void success_counts_only_with_an_otlp_answer(void **state)
{
	(void)state;
	assert_int_equal(judge(200, PROTOBUF, "\x0a").verdict, SEND_AGAIN);
	assert_int_equal(judge_with(200, PROTOBUF, "", "\x0a\x00", 2).verdict, SEND_TAKEN);
	assert_int_equal(judge(200, "text/html", "<html>").verdict, SEND_AGAIN);
	assert_true(judge(200, "text/html", "<html>").is_doubtful);
	assert_int_equal(judge(200, "application/json", "{}").verdict, SEND_TAKEN);
	assert_int_equal(judge(200, "application/json; charset=utf-8", "{\"a\":").verdict,
			 SEND_AGAIN);
	assert_int_equal(judge(200, "application/json", "[]").verdict, SEND_AGAIN);
}

static void partial_success_says_how_many_and_why(void **state)
{
	static const char body[] = "\x0a\x0a\x08\x83\x01\x12\x05"
				   "a\x1b[0m";
	struct send_answer found;

	(void)state;
	found = judge_with(200, PROTOBUF, "", body, sizeof(body) - 1);
	assert_int_equal(found.verdict, SEND_TAKEN);
	assert_int_equal(found.rejected_items, 131);
	/* No control character reaches a terminal. */
	assert_string_equal(found.text, "partial success: a?[0m");
	found = judge(
		200, "application/json",
		"{\"partialSuccess\":{\"rejectedLogRecords\":\"7\",\"errorMessage\":\"no\"}}");
	assert_int_equal(found.rejected_items, 7);
	assert_string_equal(found.text, "partial success: no");
	/* A warning: nothing was rejected. */
	found = judge_with(200, PROTOBUF, "", "\x0a\x04\x12\x02hi", 6);
	assert_int_equal(found.rejected_items, 0);
	assert_string_equal(found.text, "partial success: hi");
	/* A count below zero is none. */
	found = judge_with(200, PROTOBUF, "",
			   "\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13);
	assert_int_equal(found.verdict, SEND_TAKEN);
	assert_int_equal(found.rejected_items, 0);
}

static void a_refusal_has_the_receivers_reason(void **state)
{
	(void)state;
	assert_string_equal(judge(400, PROTOBUF,
				  "\x08\x03\x12\x03"
				  "bad")
				    .text,
			    "400 Bad Request: bad");
	assert_string_equal(judge(400, "text/plain", "too large\n").text,
			    "400 Bad Request: too large?");
	assert_string_equal(judge(503, PROTOBUF, "\xff\xff").text, "503 Service Unavailable");
}

static void retry_after_is_seconds_or_a_date(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} rows[] = {
		{"0", 0},
		{"120", 120 * SECOND_NS},
		{" 7 ", 7 * SECOND_NS},
		{"Thu, 01 Jan 2026 00:01:00 GMT", 60 * SECOND_NS},
		{"Thu, 01 Jan 2015 00:01:00 GMT", 0},
		{"Thursday, 01-Jan-26 00:00:09 GMT", 9 * SECOND_NS},
		{"Thu Jan  1 00:00:10 2026", 10 * SECOND_NS},
		{"99999999999999999999", INT64_C(366) * 24 * 3600 * SECOND_NS},
		{"", -1},
		{"-1", -1},
		{"1.5", -1},
		{"soon", -1},
		{"Thu, 01 Jan 2026 00:01:00 GMT and more", -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(answer_retry_after_ns(rows[i].text, NOW), rows[i].ns);
	assert_int_equal(judge_with(429, "", "3", "", 0).retry_after_ns, 3 * SECOND_NS);
	assert_int_equal(judge(429, "", "").retry_after_ns, -1);
}

static void the_wait_doubles_up_to_its_limit_and_is_jittered(void **state)
{
	struct backoff backoff = {.max_ns = 30 * SECOND_NS};
	int64_t whole_ns = BACKOFF_MIN_NS, now_ns = 5;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		const uint64_t random = i % 2 == 0 ? 0 : (uint64_t)whole_ns / 2;
		const int64_t wait_ns = backoff_fail(&backoff, now_ns, -1, random);

		assert_int_equal(wait_ns, i % 2 == 0 ? whole_ns : whole_ns - whole_ns / 2);
		assert_false(backoff_is_over(&backoff, now_ns + wait_ns - 1));
		assert_true(backoff_is_over(&backoff, now_ns + wait_ns));
		now_ns += wait_ns;
		whole_ns = whole_ns * 2 < backoff.max_ns ? whole_ns * 2 : backoff.max_ns;
	}
	assert_int_equal(backoff_succeed(&backoff, now_ns), now_ns - 5);
	assert_true(backoff_is_over(&backoff, now_ns));
	assert_int_equal(backoff_succeed(&backoff, now_ns), 0);
	assert_int_equal(backoff_fail(&backoff, now_ns, -1, 0), BACKOFF_MIN_NS);
}

static void what_the_receiver_asks_for_is_the_least_up_to_an_hour(void **state)
{
	struct backoff backoff = {.max_ns = SECOND_NS};

	(void)state;
	assert_int_equal(backoff_fail(&backoff, 0, 0, 0), BACKOFF_MIN_NS);
	assert_int_equal(backoff_fail(&backoff, 0, 7 * SECOND_NS, 0), 7 * SECOND_NS);
	/* One that failed at the same time does not make it shorter, and does not count. */
	assert_int_equal(backoff_fail(&backoff, 0, -1, 0), 7 * SECOND_NS);
	assert_int_equal(backoff.failures, 1);
	backoff_succeed(&backoff, 0);
	assert_int_equal(backoff_fail(&backoff, 0, INT64_MAX, 0), BACKOFF_ASKED_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_status_has_its_verdict),
		cmocka_unit_test(success_counts_only_with_an_otlp_answer),
		cmocka_unit_test(partial_success_says_how_many_and_why),
		cmocka_unit_test(a_refusal_has_the_receivers_reason),
		cmocka_unit_test(retry_after_is_seconds_or_a_date),
		cmocka_unit_test(the_wait_doubles_up_to_its_limit_and_is_jittered),
		cmocka_unit_test(what_the_receiver_asks_for_is_the_least_up_to_an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
