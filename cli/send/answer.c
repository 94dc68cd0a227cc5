/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules: https://opentelemetry.io/docs/specs/otlp/#otlphttp-response. One is bent: what OTLP
 * does not want to be sent again (500, say) is sent again all the same, and seldom. The other ways
 * would be to lose it or to end.
 */
#include "cli/send/answer.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <json-c/json.h>

#include "base/text.h"
#include "cli/wire.h"

#define SECOND_NS     INT64_C(1000000000)
#define SECONDS_MAX   (INT64_C(366) * 24 * 3600)
#define FIELD_PARTIAL 1u /* of Export…ServiceResponse */
#define FIELD_COUNT   1u /* of Export…PartialSuccess */
#define FIELD_MESSAGE 2u
#define FIELD_STATUS  2u /* of google.rpc.Status: its message */

/* ---- Retry-After ---- */

int64_t answer_retry_after_ns(const char *text, time_t now)
{
	static const char *const formats[] = {"%a, %d %b %Y %H:%M:%S GMT",
					      "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"};

	while (*text == ' ' || *text == '\t')
		text++;
	if (isdigit((unsigned char)*text)) {
		char *end;
		unsigned long long seconds;

		errno = 0;
		seconds = strtoull(text, &end, 10);
		if (end[strspn(end, " \t")] != '\0')
			return -1;
		if (errno != 0 || seconds > (unsigned long long)SECONDS_MAX)
			return SECONDS_MAX * SECOND_NS;
		return (int64_t)seconds * SECOND_NS;
	}
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm tm = {0};
		const char *end = strptime(text, formats[i], &tm);
		time_t at;

		if (end == NULL || *end != '\0')
			continue;
		at = timegm(&tm);
		if (at <= now)
			return 0;
		return (at - now > SECONDS_MAX ? SECONDS_MAX : at - now) * SECOND_NS;
	}
	return -1;
}

/* ---- bodies ---- */

/* Texts of others reach a terminal here. */
static void put_text(struct send_answer *ret, const char *before, const uint8_t *text, size_t bytes)
{
	struct text line;

	text_begin(&line, ret->text, sizeof(ret->text));
	text_add(&line, before);
	if (bytes == 0)
		return;
	text_add(&line, ": ");
	text_add_quoted(&line, (const char *)text, bytes, 160);
}

static const char *status_name(long status)
{
	static const struct {
		long status;
		const char *name;
	} names[] = {
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{413, "Content Too Large"},
		{415, "Unsupported Media Type"},
		{422, "Unprocessable Content"},
		{429, "Too Many Requests"},
		{500, "Internal Server Error"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].status == status)
			return names[i].name;
	return "";
}

/* The text in a google.rpc.Status, or the body as it is if it is text. */
static void put_reason(const struct http_answer *answer, struct send_answer *ret)
{
	const uint8_t *text = answer->body;
	size_t bytes = answer->body_bytes;
	char before[64];

	snprintf(before, sizeof(before), "%ld %s", answer->status, status_name(answer->status));
	if (strncasecmp(answer->content_type, "application/x-protobuf", 22) == 0) {
		size_t at = 0;

		text = NULL;
		bytes = 0;
		while (at < answer->body_bytes) {
			struct wire_field field;

			if (wire_field(answer->body + at, answer->body_bytes - at, &field) < 0)
				break;
			at += field.head_bytes;
			if (field.number == FIELD_STATUS && field.type == WIRE_BYTES) {
				text = answer->body + at;
				bytes = (size_t)field.payload_bytes;
			}
			at += (size_t)field.payload_bytes;
		}
	}
	put_text(ret, before, text, bytes);
}

static uint64_t varint_value(const uint8_t *data, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes && i < 10; i++)
		value |= (uint64_t)(data[i] & 0x7f) << (7 * i);
	return value;
}

static int read_partial(const uint8_t *data, size_t bytes, struct send_answer *ret)
{
	for (size_t at = 0; at < bytes;) {
		struct wire_field field;
		int rc = wire_field(data + at, bytes - at, &field);

		if (rc < 0)
			return rc;
		at += field.head_bytes;
		if (field.number == FIELD_COUNT && field.type == WIRE_VARINT) {
			const int64_t count =
				(int64_t)varint_value(data + at, (size_t)field.payload_bytes);

			ret->rejected_items = count > 0 ? (uint64_t)count : 0;
		} else if (field.number == FIELD_MESSAGE && field.type == WIRE_BYTES) {
			put_text(ret, "partial success", data + at, (size_t)field.payload_bytes);
		}
		at += (size_t)field.payload_bytes;
	}
	return 0;
}

/* An Export…ServiceResponse. 0, or -EBADMSG: it is none. */
static int read_response(const struct http_answer *answer, struct send_answer *ret)
{
	for (size_t at = 0; at < answer->body_bytes;) {
		struct wire_field field;
		int rc = wire_field(answer->body + at, answer->body_bytes - at, &field);

		if (rc == 0 && field.number == FIELD_PARTIAL && field.type == WIRE_BYTES)
			rc = read_partial(answer->body + at + field.head_bytes,
					  (size_t)field.payload_bytes, ret);
		if (rc < 0)
			return rc;
		at += field.head_bytes + (size_t)field.payload_bytes;
	}
	return 0;
}

/* The same as JSON, which some receivers answer with whatever they are asked in. */
static int read_json(const struct http_answer *answer, struct send_answer *ret)
{
	static const char *const counts[] = {"rejectedSpans", "rejectedDataPoints",
					     "rejectedLogRecords"};
	json_tokener *tokener = json_tokener_new();
	json_object *document, *partial, *value;
	int rc = -EBADMSG;

	if (tokener == NULL)
		return -ENOMEM;
	document =
		json_tokener_parse_ex(tokener, (const char *)answer->body, (int)answer->body_bytes);
	if (json_object_is_type(document, json_type_object)) {
		rc = 0;
		if (json_object_object_get_ex(document, "partialSuccess", &partial) &&
		    json_object_is_type(partial, json_type_object)) {
			for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
				if (json_object_object_get_ex(partial, counts[i], &value) &&
				    json_object_get_int64(value) > 0)
					ret->rejected_items =
						(uint64_t)json_object_get_int64(value);
			if (json_object_object_get_ex(partial, "errorMessage", &value) &&
			    json_object_is_type(value, json_type_string))
				put_text(ret, "partial success",
					 (const uint8_t *)json_object_get_string(value),
					 (size_t)json_object_get_string_len(value));
		}
	}
	json_object_put(document);
	json_tokener_free(tokener);
	return rc;
}

/* 2xx: taken, if it is an OTLP receiver that says so, and not some page of a proxy. */
static void judge_success(const struct http_answer *answer, struct send_answer *ret)
{
	const char *type = answer->content_type;
	int rc;

	if (strncasecmp(type, "application/json", 16) == 0 && answer->body_bytes > 0)
		rc = read_json(answer, ret);
	else if (type[0] == '\0' || answer->body_bytes == 0 ||
		 strncasecmp(type, "application/x-protobuf", 22) == 0 ||
		 strncasecmp(type, "application/octet-stream", 24) == 0)
		rc = read_response(answer, ret);
	else
		rc = -EBADMSG;
	if (rc == 0) {
		ret->verdict = SEND_TAKEN;
		if (ret->rejected_items > 0 && ret->text[0] == '\0')
			put_text(ret, "partial success", NULL, 0);
		return;
	}
	*ret = (struct send_answer){
		.verdict = SEND_AGAIN, .retry_after_ns = -1, .is_doubtful = true};
	snprintf(ret->text, sizeof(ret->text),
		 "it answered %ld, and what it sent with that is no OTLP answer: is it an OTLP "
		 "receiver?",
		 answer->status);
}

void answer_judge(const struct http_answer *answer, time_t now, struct send_answer *ret)
{
	const long status = answer->status;

	*ret = (struct send_answer){.verdict = SEND_STOP, .retry_after_ns = -1};
	if (status >= 200 && status < 300) {
		judge_success(answer, ret);
		return;
	}
	put_reason(answer, ret);
	switch (status) {
	case 400:
	case 422:
		ret->verdict = SEND_REFUSED;
		return;
	case 413:
		ret->verdict = SEND_TOO_LARGE;
		return;
	case 408:
	case 429:
	case 503:
		ret->verdict = SEND_AGAIN;
		break;
	default:
		if (status >= 300 && status < 400 && answer->location[0] != '\0')
			put_text(ret, "it redirects, which is not followed; give that address",
				 (const uint8_t *)answer->location, strlen(answer->location));
		if (status < 500 || status > 599)
			return;
		/* A proxy in between: what is behind it may have taken the request. */
		ret->verdict = SEND_AGAIN;
		ret->is_doubtful = true;
		break;
	}
	ret->retry_after_ns = answer_retry_after_ns(answer->retry_after, now);
}
