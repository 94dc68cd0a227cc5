/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP JSON as chunks of protobuf. json-c finds where a document ends, so it may stand on one line
 * or on several; what it means as OTLP is otlp_parse.c's.
 */
#include "cli/input_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/input_read.h"
#include "cli/json_strict.h"
#include "cli/otlp_parse.h"

struct input_json {
	struct json_strict strict;
	uint64_t offset;		     /* of the document */
	struct wire_out parts[SIGNAL_COUNT]; /* of each signal, empty: none, or handed out */
	struct wire_out handed_out;
};

static void parts_free(struct input_json *json)
{
	for (unsigned i = 0; i < SIGNAL_COUNT; i++)
		wire_out_free(&json->parts[i]);
}

void input_json_forget(struct input_json *json)
{
	if (json != NULL)
		parts_free(json);
}

void input_json_close(struct input_json *json)
{
	if (json == NULL)
		return;
	parts_free(json);
	wire_out_free(&json->handed_out);
	json_strict_free(&json->strict);
	free(json);
}

static int json_open(struct input *input)
{
	struct input_json *json;
	int rc;

	if (input->json != NULL) {
		json_strict_reset(&input->json->strict);
		return 0;
	}
	json = calloc(1, sizeof(*json));
	if (json == NULL)
		return -ENOMEM;
	rc = json_strict_init(&json->strict, OTLP_PARSE_JSON_DEPTH_MAX,
			      JSON_TOKENER_ALLOW_TRAILING_CHARS | JSON_TOKENER_VALIDATE_UTF8,
			      json_strict_must_mask());
	if (rc < 0) {
		free(json);
		return rc;
	}
	input->json = json;
	return 0;
}

/* A document, as what it has of each signal. Takes it over. */
static int take_document(struct input_json *json, json_object *document, uint64_t offset)
{
	int rc = json_object_is_type(document, json_type_object) ? 0 : -EBADMSG;

	json->offset = offset;
	for (enum otlp_signal signal = 0; rc == 0 && signal < SIGNAL_COUNT; signal++)
		rc = otlp_parse(document, signal, &json->parts[signal]);
	json_object_put(document);
	if (rc < 0)
		parts_free(json);
	return rc;
}

bool input_json_take(struct input *input, struct chunk *ret)
{
	struct input_json *json = input->json;

	for (enum otlp_signal signal = 0; json != NULL && signal < SIGNAL_COUNT; signal++) {
		if (json->parts[signal].count == 0)
			continue;
		wire_out_free(&json->handed_out);
		json->handed_out = json->parts[signal];
		json->parts[signal] = (struct wire_out){0};
		*ret = (struct chunk){.data = json->handed_out.data,
				      .bytes = json->handed_out.count,
				      .offset = json->offset,
				      .signal = signal,
				      .is_made = true};
		return true;
	}
	return false;
}

int input_json_begin(struct input *input, const uint8_t *text, size_t bytes, uint64_t offset)
{
	json_object *document;
	int rc;

	if (bytes > INPUT_JSON_BYTES_MAX)
		return -EFBIG;
	rc = json_open(input);
	if (rc < 0)
		return rc;
	document = json_strict_parse(&input->json->strict, (const char *)text, bytes);
	if (document == NULL)
		return input->json->strict.error < 0 ? input->json->strict.error : -ENODATA;
	return take_document(input->json, document, offset);
}

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Go to where a document begins. 1: there is one, 0: the end, or -errno. */
static int skip_blanks(struct input *input)
{
	for (;;) {
		int rc = input_fill(input, 1);

		if (rc < 0)
			return rc;
		if (input->filled == 0)
			return 0;
		if (input->offset == 0 && input->filled >= 3 &&
		    memcmp(input->buffer + input->begin, "\xef\xbb\xbf", 3) == 0)
			input_consume(input, 3);
		else if (is_blank(input->buffer[input->begin]))
			input_consume(input, 1);
		else
			return 1;
	}
}

/*
 * Where the next piece for the tokener ends: behind a newline, where no character is cut in two.
 * A line that is very long is cut before a character.
 */
static size_t piece_end(const struct input *input, size_t from)
{
	const uint8_t *bytes = input->buffer + input->begin;
	const uint8_t *newline = memchr(bytes + from, '\n', input->filled - from);
	size_t end = input->filled;

	if (newline != NULL)
		return (size_t)(newline - bytes) + 1;
	for (unsigned i = 0; i < 4 && end > from; i++) {
		end--;
		if ((bytes[end] & 0xc0) != 0x80)
			break;
	}
	/* Before the last character, which may not be whole; all of it where it is ASCII. */
	return bytes[end] < 0x80 ? end + 1 : end;
}

/* Parse the document that begins here. 1: it is whole, and consumed; or -errno. */
static int document_here(struct input *input)
{
	struct json_strict *strict = &input->json->strict;
	const uint64_t offset = input->offset;
	json_object *document = NULL;
	size_t at = 0, end;
	int rc;

	do {
		const size_t before = input->filled;

		if (at > INPUT_JSON_BYTES_MAX)
			return -EFBIG;
		if (input->filled == at || piece_end(input, at) == at) {
			rc = input_fill(input, input->filled + 1);
			if (rc < 0)
				return rc;
			if (input->filled == before)
				return -ENODATA;
		}
		end = piece_end(input, at);
		if (end == at)
			continue;
		document = json_strict_parse(
			strict, (const char *)input->buffer + input->begin + at, end - at);
		if (document == NULL && strict->error < 0) {
			input_consume(input, at + strict->end);
			return strict->error;
		}
		at = document == NULL ? end : at + strict->end;
	} while (document == NULL);
	rc = take_document(input->json, document, offset);
	if (rc == 0)
		input_consume(input, at);
	return rc < 0 ? rc : 1;
}

int input_json_next(struct input *input, struct chunk *ret)
{
	for (;;) {
		int rc;

		if (input_json_take(input, ret))
			return 1;
		rc = json_open(input);
		if (rc == 0)
			rc = skip_blanks(input);
		if (rc <= 0)
			return rc;
		rc = document_here(input);
		if (rc < 0)
			return rc;
	}
}
