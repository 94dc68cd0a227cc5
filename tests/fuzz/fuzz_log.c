/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `otlpipe log`'s reading of a line: any bytes make a record that a push takes, but for JSON that
 * nests deeper than a value may. The first byte says how the line is to be read and how many
 * attributes come on top; two lines follow each other, so that what the first left behind is met.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/log_fields.h"
#include "cli/log_parse.h"
#include "core/record/record.h"
#include "tests/fuzz/fuzz.h"

#define LINE_BYTES_MAX 65536u

/* A copy of exactly its size, and with a NUL behind it: a sanitizer sees who reads on. */
static char *copy(const uint8_t *from, size_t bytes, bool has_end)
{
	char *const to = malloc(bytes + 1);

	FUZZ_CHECK(to != NULL);
	memcpy(to, from, bytes);
	if (!has_end)
		return realloc(to, bytes != 0 ? bytes : 1);
	to[bytes] = '\0';
	return to;
}

static void check_line(struct log_parser *parser, const uint8_t *line, size_t bytes, uint8_t how)
{
	const enum log_parse_as as = how % 3;
	char *const exact = copy(line, bytes, false);
	struct otlp_log_record record;
	size_t record_bytes;
	bool is_json;
	int rc;

	is_json = log_parse(parser, exact, bytes, as, &record);
	FUZZ_CHECK(!is_json || as == LOG_PARSE_LINE);
	FUZZ_CHECK(is_json || record.body.type == OTLP_VALUE_STRING);
	FUZZ_CHECK(is_json || record.attributes.count <= 1);
	/* One stands there of a priority already, in the worst case. */
	for (unsigned i = 1; i < LOG_PARSE_EXTRA_MAX; i++)
		log_parse_add(parser, &record, otlp_attr_int(OTLP_STR("extra"), i));
	rc = record_measure_log(&record, NULL, &record_bytes);
	FUZZ_CHECK(rc == 0 || is_json);
	/* All that may be wrong with a record of JSON is how deep it nests. */
	FUZZ_CHECK(rc == 0 || rc == OTLP_ERR_INVALID);
	free(exact);
}

static void check_fields(const uint8_t *bytes, size_t count)
{
	char *const text = copy(bytes, count, true);
	enum otlp_severity_number severity;
	int64_t integer = 0;
	uint64_t ns;
	uint8_t id[16];
	double number;

	(void)log_time_of_text(text, &ns);
	FUZZ_CHECK(log_severity_of_word(text) <= OTLP_SEVERITY_FATAL4);
	if (log_id_of_text(text, count, id, sizeof(id)))
		FUZZ_CHECK(count == 2 * sizeof(id));
	memcpy(&integer, bytes, count < sizeof(integer) ? count : sizeof(integer));
	memcpy(&number, &integer, sizeof(number));
	(void)log_time_of_number(number, 0, false, &ns);
	(void)log_time_of_number((double)integer, integer, true, &ns);
	if (log_severity_of_level(integer, &severity))
		FUZZ_CHECK(severity > OTLP_SEVERITY_UNSPECIFIED &&
			   severity <= OTLP_SEVERITY_FATAL4);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct log_parser parser;
	const uint8_t *line, *second;
	size_t bytes;

	if (size == 0 || size > LINE_BYTES_MAX)
		return 0;
	if (parser.text == NULL)
		FUZZ_CHECK(log_parser_init(&parser, LINE_BYTES_MAX) == 0);
	line = data + 1;
	bytes = size - 1;
	check_fields(line, bytes);
	second = memchr(line, '\n', bytes);
	if (second == NULL) {
		check_line(&parser, line, bytes, data[0]);
		return 0;
	}
	check_line(&parser, line, (size_t)(second - line), data[0]);
	check_line(&parser, second + 1, bytes - (size_t)(second + 1 - line), data[0] / 3);
	return 0;
}
