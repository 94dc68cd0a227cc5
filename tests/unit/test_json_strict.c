/* SPDX-License-Identifier: Apache-2.0 */
/* Strict JSON by one look and by two, as a json-c of 0.18 needs it: both take and refuse the same.
 */
#include "cli/json_strict.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/array.h"

#define DEPTH_MAX 4
#define FLAGS	  (JSON_TOKENER_ALLOW_TRAILING_CHARS | JSON_TOKENER_VALIDATE_UTF8)

/* By two looks always; by one where this json-c can do that. */
static void each_way(void (*try)(struct json_strict *json))
{
	struct json_strict json;

	for (unsigned masks = json_strict_must_mask(); masks <= 1; masks++) {
		assert_int_equal(json_strict_init(&json, DEPTH_MAX, FLAGS, masks != 0), 0);
		try(&json);
		json_strict_free(&json);
	}
}

static void take(struct json_strict *json)
{
	static const struct {
		const char *text, *key, *value;
		size_t end;
	} good[] = {
		{"{\"a\":\"b\"}", "a", "b", 9},
		{"{\"gr\xc3\xbc\xc3\x9f\":\"\xe2\x82\xac\"}{", "gr\xc3\xbc\xc3\x9f", "\xe2\x82\xac",
		 16},
		{" {\t\"a\" :\n\"b\\u00fc\\t\" }x", "a", "b\xc3\xbc\t", 22},
		{"{\"a\":\"//\"}", "a", "//", 10},
	};

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		json_object *value,
			*document = json_strict_parse(json, good[i].text, strlen(good[i].text));

		assert_non_null(document);
		assert_int_equal(json->error, 0);
		assert_int_equal(json->end, good[i].end);
		assert_true(json_object_object_get_ex(document, good[i].key, &value));
		assert_string_equal(json_object_get_string(value), good[i].value);
		json_object_put(document);
		json_strict_reset(json);
	}
}

static void documents_are_taken_with_what_is_not_ascii(void **state)
{
	(void)state;
	each_way(take);
}

static void refuse(struct json_strict *json)
{
	static const struct {
		const char *text;
		size_t bytes;
		int error;
	} bad[] = {
		{"{\"a\":1,}", 8, -EBADMSG},
		{"/* x */ {}", 10, -EBADMSG},
		{"{\"a\":\xc3\xbc}", 8, -EBADMSG},
		{"\xc3\xbc", 2, -EBADMSG},
		{"{\"a\":NULL}", 10, -EBADMSG},
		{"null", 4, 0}, /* the next byte could be one of it: it is not whole */
		{"null ", 5, -EBADMSG},
		{"{\"a\":\"\xff\xff\"}", 10, -EBADMSG},
		{"[[[[[[1]]]]]]", 13, -ELOOP},
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_null(json_strict_parse(json, bad[i].text, bad[i].bytes));
		assert_int_equal(json->error, bad[i].error);
		json_strict_reset(json);
	}
}

static void what_is_no_json_is_refused_with_its_reason(void **state)
{
	(void)state;
	each_way(refuse);
}

static void pieces(struct json_strict *json)
{
	static const char text[] = "{\"a\":[1,\"\xc3\xbc\"],\"b\":{\"c\":true}}";
	const size_t bytes = sizeof(text) - 1;

	for (size_t cut = 1; cut < bytes; cut++) {
		json_object *document;

		if (((unsigned char)text[cut] & 0xc0) == 0x80)
			continue; /* in a character: nobody cuts there */
		assert_null(json_strict_parse(json, text, cut));
		assert_int_equal(json->error, 0);
		document = json_strict_parse(json, text + cut, bytes - cut);
		assert_non_null(document);
		assert_int_equal(json->end, bytes - cut);
		assert_string_equal(
			json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN), text);
		json_object_put(document);
		/* And the next one begins anew, without a reset. */
	}
	/* A document that is given up is forgotten. */
	assert_null(json_strict_parse(json, text, 7));
	json_strict_reset(json);
	json_object_put(json_strict_parse(json, "{}", 2));
	assert_int_equal(json->error, 0);
	assert_int_equal(json->end, 2);
}

static void a_document_may_come_in_pieces(void **state)
{
	(void)state;
	each_way(pieces);
}

static void a_byte_zero_is_no_json_where_two_looks_would_differ(void **state)
{
	struct json_strict json;

	(void)state;
	assert_int_equal(json_strict_init(&json, DEPTH_MAX, FLAGS, true), 0);
	assert_null(json_strict_parse(&json, "{\0}", 3));
	assert_int_equal(json.error, -EBADMSG);
	json_strict_free(&json);
	/* What has been freed may be freed again. */
	json_strict_free(&json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_taken_with_what_is_not_ascii),
		cmocka_unit_test(what_is_no_json_is_refused_with_its_reason),
		cmocka_unit_test(a_document_may_come_in_pieces),
		cmocka_unit_test(a_byte_zero_is_no_json_where_two_looks_would_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
