/* SPDX-License-Identifier: Apache-2.0 */
/* Log records: each rule of what is refused, on the write side and by the reader. */
#include "core/record/record.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after its prerequisites */
#include <cmocka.h>

#define BAD	 OTLP_STR("\xff")
#define FIELD(f) offsetof(struct record_log_head, f)

static struct otlp_log_record valid_log(void)
{
	return (struct otlp_log_record){.time_unix_ns = 7,
					.severity_number = OTLP_SEVERITY_INFO,
					.body = otlp_value_str(OTLP_STR("it happened"))};
}

static int measure(const struct otlp_log_record *log)
{
	size_t bytes;

	return record_measure_log(log, NULL, &bytes);
}

/* The record's bytes, to be freed, in memory of exactly their size. */
static uint8_t *written(const struct otlp_log_record *log, size_t *ret_len)
{
	uint8_t *bytes;

	assert_int_equal(record_measure_log(log, NULL, ret_len), 0);
	bytes = malloc(*ret_len);
	assert_non_null(bytes);
	assert_int_not_equal(record_write_log(bytes, log, NULL, 1, *ret_len), RECORD_CHANGED);
	return bytes;
}

static struct record_view carry(const struct otlp_log_record *log, uint8_t **ret_bytes)
{
	struct record_view view;
	size_t len;

	*ret_bytes = written(log, &len);
	assert_int_equal(record_parse(*ret_bytes, len, len, &view), 0);
	assert_int_equal(view.kind, RECORD_LOG);
	assert_int_equal(view.signal, OTLP_SIGNAL_LOGS);
	assert_int_equal(view.item_count, 1);
	return view;
}

static void a_record_with_nothing_in_it_is_accepted(void **state)
{
	const struct otlp_log_record log = {0};
	struct record_view view;
	uint8_t *bytes;

	(void)state;
	view = carry(&log, &bytes);
	assert_int_equal(view.len, sizeof(struct record_log_head));
	assert_int_equal(view.head.log.has, 0);
	free(bytes);
}

static void severity_numbers_are_0_to_24_and_no_other(void **state)
{
	struct otlp_log_record log = valid_log();
	int number;

	(void)state;
	for (number = 0; number <= 24; number++) {
		struct record_view view;
		uint8_t *bytes;

		log.severity_number = (enum otlp_severity_number)number;
		view = carry(&log, &bytes);
		assert_int_equal(view.head.log.severity_number, number);
		free(bytes);
	}
	log.severity_number = (enum otlp_severity_number)25;
	assert_int_equal(measure(&log), OTLP_ERR_INVALID);
	log.severity_number = (enum otlp_severity_number) - 1;
	assert_int_equal(measure(&log), OTLP_ERR_INVALID);
	log.severity_number = (enum otlp_severity_number)256;
	assert_int_equal(measure(&log), OTLP_ERR_INVALID);
}

static void ids_may_be_there_or_not_each_on_its_own(void **state)
{
	struct otlp_log_record log = valid_log();
	struct record_view view;
	uint8_t *bytes;

	(void)state;
	log.trace_id[15] = 1;
	view = carry(&log, &bytes);
	assert_int_equal(view.head.log.trace_id[15], 1);
	free(bytes);
	log = valid_log();
	log.span_id[0] = 1;
	view = carry(&log, &bytes);
	assert_int_equal(view.head.log.span_id[0], 1);
	free(bytes);
}

static void a_body_is_of_any_type_and_as_deep_as_any_value(void **state)
{
	static struct otlp_value nest[OTLP_VALUE_DEPTH_MAX + 1];
	static const uint8_t raw[] = {0, 0xff};
	const struct otlp_attribute pair = otlp_attr_int(OTLP_STR("k"), 1);
	const struct otlp_value bodies[] = {
		otlp_value_str(OTLP_STR("")),
		otlp_value_bool(true),
		otlp_value_int(-1),
		otlp_value_double(0.5),
		otlp_value_array(NULL, 0),
		otlp_value_kvlist(&pair, 1),
		otlp_value_bytes((struct otlp_bytes){raw, sizeof(raw)}),
	};
	struct otlp_log_record log = valid_log();
	struct record_view view;
	uint8_t *bytes;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		log.body = bodies[i];
		view = carry(&log, &bytes);
		assert_int_equal(view.head.log.has, RECORD_HAS_BODY);
		free(bytes);
	}
	nest[0] = otlp_value_int(1);
	for (i = 1; i <= OTLP_VALUE_DEPTH_MAX; i++)
		nest[i] = otlp_value_array(&nest[i - 1], 1);
	log.body = nest[OTLP_VALUE_DEPTH_MAX - 1];
	carry(&log, &bytes);
	free(bytes);
	log.body = nest[OTLP_VALUE_DEPTH_MAX];
	assert_int_equal(measure(&log), OTLP_ERR_INVALID);
	log.body = (struct otlp_value){(enum otlp_value_type)8, {{NULL, 0}}};
	assert_int_equal(measure(&log), OTLP_ERR_INVALID);
}

static void text_that_is_missing_or_not_utf8_is_refused(void **state)
{
	const struct otlp_str missing = {NULL, 1};
	const struct otlp_value bad = otlp_value_str(BAD);
	const struct otlp_attribute bad_key = otlp_attr_int(BAD, 1);
	struct otlp_log_record log;

	(void)state;
	log = valid_log();
	log.severity_text = missing;
	assert_int_equal(measure(&log), OTLP_ERR_INVALID);
	log.severity_text = BAD;
	assert_int_equal(measure(&log), OTLP_ERR_INVALID);
	log = valid_log();
	log.event_name = missing;
	assert_int_equal(measure(&log), OTLP_ERR_INVALID);
	log.event_name = BAD;
	assert_int_equal(measure(&log), OTLP_ERR_INVALID);
	log = valid_log();
	log.body = otlp_value_str(missing);
	assert_int_equal(measure(&log), OTLP_ERR_INVALID);
	log.body = bad;
	assert_int_equal(measure(&log), OTLP_ERR_INVALID);
	log.body = otlp_value_array(&bad, 1);
	assert_int_equal(measure(&log), OTLP_ERR_INVALID);
	log.body = otlp_value_kvlist(&bad_key, 1);
	assert_int_equal(measure(&log), OTLP_ERR_INVALID);
	log = valid_log();
	log.attributes = (struct otlp_attributes){&bad_key, 1, 0};
	assert_int_equal(measure(&log), OTLP_ERR_INVALID);
	log.attributes.items = NULL;
	assert_int_equal(measure(&log), OTLP_ERR_INVALID);
}

static void reserved_fields_must_be_zero(void **state)
{
	struct otlp_log_record log;

	(void)state;
	for (size_t i = 0; i < sizeof(log.reserved) / sizeof(log.reserved[0]); i++) {
		log = valid_log();
		log.reserved[i] = "later";
		assert_int_equal(measure(&log), OTLP_ERR_INVALID);
	}
}

static void flags_beyond_the_known_bits_are_left_out(void **state)
{
	struct otlp_log_record log = valid_log();
	struct record_view view;
	uint8_t *bytes;

	(void)state;
	log.flags = 0xffffff01;
	view = carry(&log, &bytes);
	assert_int_equal(view.head.log.flags, 1);
	free(bytes);
}

static void a_record_over_the_limit_is_too_large(void **state)
{
	struct otlp_log_record log = valid_log();
	char *text = calloc(1, OTLP_RECORD_BYTES_MAX + 1);

	(void)state;
	assert_non_null(text);
	log.body = otlp_value_str((struct otlp_str){text, OTLP_RECORD_BYTES_MAX - 100});
	assert_int_equal(measure(&log), 0);
	log.body = otlp_value_str((struct otlp_str){text, OTLP_RECORD_BYTES_MAX - 50});
	assert_int_equal(measure(&log), OTLP_ERR_TOO_LARGE);
	log.body = otlp_value_str((struct otlp_str){text, OTLP_RECORD_BYTES_MAX + 1});
	assert_int_equal(measure(&log), OTLP_ERR_TOO_LARGE);
	free(text);
}

/* The reader, against what no write side makes. */
static void wrong_fields_are_refused_by_the_reader(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		bool accepted;
	} cases[] = {
		{FIELD(kind), 0, false},
		{FIELD(kind), 5, false},
		{FIELD(has), RECORD_HAS_BODY, true},
		{FIELD(has), 0, false},
		{FIELD(has), 0x04, false},
		{FIELD(has), 0x20, false},
		{FIELD(severity_number), 24, true},
		{FIELD(severity_number), 25, false},
		{FIELD(reserved), 1, false},
		{FIELD(flags), 0xff, true},
		{FIELD(flags) + 1, 1, false},
		{FIELD(severity_text_bytes), 1, false},
		{FIELD(event_name_bytes), 1, false},
		{FIELD(attribute_count), 1, false},
		{FIELD(resource_ref), 0, false}, /* neither inline nor by reference */
		{FIELD(dropped_attribute_count), 9, true},
	};
	const struct otlp_log_record log = valid_log();
	struct record_view view;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t *bytes = written(&log, &len);

		bytes[cases[i].at] = cases[i].value;
		if ((record_parse(bytes, len, len, &view) == 0) != cases[i].accepted)
			fail_msg("byte %zu set to %u", cases[i].at, cases[i].value);
		free(bytes);
	}
}

/* An empty body is said in the head: equal records have one form. */
static void a_body_that_is_there_and_empty_is_refused_by_the_reader(void **state)
{
	struct otlp_log_record log = valid_log();
	struct record_view view;
	uint8_t *bytes;
	size_t len;

	(void)state;
	log.body = otlp_value_bool(false); /* as long as an empty one */
	bytes = written(&log, &len);
	assert_int_equal(record_parse(bytes, len, len, &view), 0);
	memset(bytes + sizeof(struct record_log_head), 0, RECORD_ATTRIBUTE_SHORT_BYTES);
	assert_int_equal(record_parse(bytes, len, len, &view), -EBADMSG);
	free(bytes);
}

/* A body is a value that stands alone. */
static void a_body_with_a_key_is_refused_by_the_reader(void **state)
{
	struct otlp_log_record log = valid_log();
	struct record_view view;
	uint8_t *bytes, *body;
	size_t len;

	(void)state;
	log.body = otlp_value_str(OTLP_STR("ab"));
	bytes = written(&log, &len);
	body = bytes + sizeof(struct record_log_head);
	/* The same bytes: a key of one and a value of one. */
	record_attribute_write(body, OTLP_VALUE_STRING, 1, 1);
	assert_int_equal(record_parse(bytes, len, len, &view), -EBADMSG);
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_with_nothing_in_it_is_accepted),
		cmocka_unit_test(severity_numbers_are_0_to_24_and_no_other),
		cmocka_unit_test(ids_may_be_there_or_not_each_on_its_own),
		cmocka_unit_test(a_body_is_of_any_type_and_as_deep_as_any_value),
		cmocka_unit_test(text_that_is_missing_or_not_utf8_is_refused),
		cmocka_unit_test(reserved_fields_must_be_zero),
		cmocka_unit_test(flags_beyond_the_known_bits_are_left_out),
		cmocka_unit_test(a_record_over_the_limit_is_too_large),
		cmocka_unit_test(wrong_fields_are_refused_by_the_reader),
		cmocka_unit_test(a_body_that_is_there_and_empty_is_refused_by_the_reader),
		cmocka_unit_test(a_body_with_a_key_is_refused_by_the_reader),
	};

	return cmocka_run_group_tests_name("record_log", tests, NULL, NULL);
}
