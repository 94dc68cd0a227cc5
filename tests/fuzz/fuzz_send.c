/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `otlpipe send` reads: any bytes as a batch that is cut into requests, as a cursor, and as a
 * receiver's answer. The first byte chooses which, the signal and the limit of a request. Requests
 * together have all records, and each is read again as what it was cut from.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/send/answer.h"
#include "cli/send/cutter.h"
#include "tests/fuzz/fuzz.h"
#include "writer/file/cursor.h"

#define IS_CURSOR   0x40
#define IS_ANSWER   0x80
#define IS_LIMITED  0x04
#define LIMIT_BYTES 512u

static void check_request(struct cutter *cutter, enum otlp_signal signal, size_t *total)
{
	const uint64_t count = cutter->count;
	struct records records = {0};
	size_t bytes = 0;
	uint8_t *body = cutter_take(cutter, &bytes);

	FUZZ_CHECK(body != NULL);
	FUZZ_CHECK(bytes <= cutter->limit_bytes || count == 1);
	FUZZ_CHECK(records_find(&records, signal, body, bytes) == 0);
	FUZZ_CHECK(records.count == count);
	*total += records.count;
	records_free(&records);
	free(body);
}

static void cut(enum otlp_signal signal, size_t limit, const uint8_t *data, size_t bytes)
{
	struct records records = {0};
	struct cutter cutter = {.limit_bytes = limit};
	const int rc = records_find(&records, signal, data, bytes);
	size_t total = 0, at = 0;

	FUZZ_CHECK(rc == 0 || rc == -EBADMSG);
	while (rc == 0 && at < records.count) {
		const int added = cutter_add(&cutter, &records, at);

		FUZZ_CHECK(added >= 0);
		at += (size_t)added;
		if (added == 0)
			check_request(&cutter, signal, &total);
	}
	if (cutter.count > 0)
		check_request(&cutter, signal, &total);
	FUZZ_CHECK(rc < 0 || total == records.count);
	cutter_free(&cutter);
	records_free(&records);
}

static void parse_cursor(const uint8_t *data, size_t bytes)
{
	struct cursor cursor = {0};
	const int rc = cursor_parse(&cursor, (const char *)data, bytes);
	size_t text_bytes;
	char *text;

	FUZZ_CHECK(rc == 0 || rc == -EBADMSG || rc == -EPROTO);
	if (rc == 0) {
		FUZZ_CHECK(cursor_format(&cursor, &text, &text_bytes) == 0);
		free(text);
	}
	cursor_free(&cursor);
}

static void judge(const uint8_t *data, size_t bytes)
{
	static const char *const types[] = {"application/x-protobuf", "application/json", ""};
	const size_t status = bytes > 0 ? data[0] : 0;
	struct http_answer answer = {
		.status = status % 2 == 0 ? 200 : 400,
		.content_type = types[status / 2 % 3],
		.retry_after = "1",
		.location = "",
		.body = bytes > 0 ? data + 1 : data,
		.body_bytes = bytes > 0 ? bytes - 1 : 0,
	};
	struct send_answer ret;

	answer_judge(&answer, 0, &ret);
	FUZZ_CHECK(memchr(ret.text, '\0', sizeof(ret.text)) != NULL);
	FUZZ_CHECK(strpbrk(ret.text, "\n\r\x1b") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t how = size > 0 ? data[0] : 0;

	if (size == 0)
		return 0;
	if (how & IS_CURSOR)
		parse_cursor(data + 1, size - 1);
	else if (how & IS_ANSWER)
		judge(data + 1, size - 1);
	else
		cut((enum otlp_signal)(how % 4 % SIGNAL_COUNT),
		    how & IS_LIMITED ? LIMIT_BYTES : SIZE_MAX, data + 1, size - 1);
	return 0;
}
