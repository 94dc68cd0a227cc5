/* SPDX-License-Identifier: Apache-2.0 */
/* Texts, values and attributes, so that no record moves a terminal's cursor or looks like two. */
#include "cli/text_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/utf8.h"
#include "cli/otlp_json.h"

#define NS_PER_S UINT64_C(1000000000)

void text_put(struct text_line *line, const void *bytes, size_t len)
{
	if (line->rc == 0 && len > 0)
		line->rc = line->emit(line->context, bytes, len);
}

void text_put_word(struct text_line *line, const char *word)
{
	text_put(line, word, strlen(word));
}

void text_colour(struct text_line *line, const char *sequence)
{
	if (line->is_coloured)
		text_put_word(line, sequence);
}

/* ---- text ---- */

/* How many bytes the character there has, 0: it is not UTF-8. */
static size_t character_bytes(const uint8_t *at, size_t left)
{
	for (size_t bytes = 1; bytes <= 4 && bytes <= left; bytes++)
		if (utf8_is_valid((const char *)at, bytes))
			return bytes;
	return 0;
}

/* Would a terminal do something with it instead of showing it? C0, DEL and C1. */
static bool is_control(const uint8_t *at, size_t bytes)
{
	return (bytes == 1 && (at[0] < 0x20 || at[0] == 0x7f)) ||
	       (bytes == 2 && at[0] == 0xc2 && at[1] < 0xa0);
}

static void put_escape(struct text_line *line, uint8_t byte)
{
	char text[8];

	if (byte == '\n')
		text_put_word(line, "\\n");
	else if (byte == '\t')
		text_put_word(line, "\\t");
	else if (byte == '\r')
		text_put_word(line, "\\r");
	else
		text_put(line, text, (size_t)snprintf(text, sizeof(text), "\\x%02x", byte));
}

/* @param is_quoted  between quotes, so that a quote and a backslash are escaped too */
void text_put_text(struct text_line *line, const ProtobufCBinaryData *text, bool is_quoted)
{
	size_t shown = 0, at = 0;

	while (at < text->len) {
		const uint8_t *const c = text->data + at;
		const size_t bytes = character_bytes(c, text->len - at);

		if (bytes != 0 && !is_control(c, bytes) &&
		    !(is_quoted && (*c == '"' || *c == '\\'))) {
			at += bytes;
			continue;
		}
		text_put(line, text->data + shown, at - shown);
		if (is_quoted && (*c == '"' || *c == '\\')) {
			text_put_word(line, *c == '"' ? "\\\"" : "\\\\");
			at++;
		} else {
			/* A control character of two bytes is shown by its second one. */
			at += bytes == 0 ? 1 : bytes;
			put_escape(line, text->data[at - 1]);
		}
		shown = at;
	}
	if (text->len > 0) /* else there may be no data */
		text_put(line, text->data + shown, text->len - shown);
}

void text_put_quoted(struct text_line *line, const ProtobufCBinaryData *text)
{
	text_put_word(line, "\"");
	text_put_text(line, text, true);
	text_put_word(line, "\"");
}

/* Is it read as one word where words are separated by blanks? */
static bool is_plain(const ProtobufCBinaryData *text)
{
	for (size_t i = 0; i < text->len; i++) {
		const uint8_t c = text->data[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=')
			return false;
	}
	return text->len > 0;
}

/* One word of the line; "-" for none. */
void text_put_field(struct text_line *line, const ProtobufCBinaryData *text)
{
	if (text == NULL || text->len == 0)
		text_put_word(line, "-");
	else if (is_plain(text))
		text_put_text(line, text, false);
	else
		text_put_quoted(line, text);
}

/* ---- values ---- */

void text_put_hex(struct text_line *line, const ProtobufCBinaryData *bytes)
{
	char text[4];

	for (size_t i = 0; i < bytes->len; i++)
		text_put(line, text, (size_t)snprintf(text, sizeof(text), "%02x", bytes->data[i]));
}

/* They nest no deeper than wire_check() allows. */
static void put_array(struct text_line *line, const PB_COMMON(ArrayValue) * array)
{
	text_put_word(line, "[");
	for (size_t i = 0; i < array->n_values; i++) {
		text_put_word(line, i > 0 ? "," : "");
		text_put_value(line, array->values[i]);
	}
	text_put_word(line, "]");
}

static void put_kvlist(struct text_line *line, const PB_COMMON(KeyValueList) * list)
{
	text_put_word(line, "{");
	for (size_t i = 0; i < list->n_values; i++) {
		text_put_word(line, i > 0 ? "," : "");
		text_put_quoted(line, &list->values[i]->key);
		text_put_word(line, ":");
		text_put_value(line, list->values[i]->value);
	}
	text_put_word(line, "}");
}

static void put_number(struct text_line *line, const PB_COMMON(AnyValue) * value)
{
	char text[OTLP_JSON_DOUBLE_BYTES];

	if (value->value_case == OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE)
		snprintf(text, sizeof(text), "%" PRId64, value->int_value);
	else
		otlp_json_double(value->double_value, text);
	text_put_word(line, text);
}

void text_put_value(struct text_line *line, const PB_COMMON(AnyValue) * value)
{
	switch (value != NULL ? value->value_case
			      : OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE__NOT_SET) {
	case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE:
		text_put_quoted(line, &value->string_value);
		break;
	case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE:
		text_put_word(line, value->bool_value ? "true" : "false");
		break;
	case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE:
	case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_DOUBLE_VALUE:
		put_number(line, value);
		break;
	case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_ARRAY_VALUE:
		put_array(line, value->array_value);
		break;
	case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_KVLIST_VALUE:
		put_kvlist(line, value->kvlist_value);
		break;
	case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BYTES_VALUE:
		text_put_word(line, "0x");
		text_put_hex(line, &value->bytes_value);
		break;
	default:
		text_put_word(line, "null");
		break;
	}
}

bool text_is_string(const PB_COMMON(AnyValue) * value)
{
	return value != NULL &&
	       value->value_case == OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
}

static void put_key(struct text_line *line, const ProtobufCBinaryData *key)
{
	text_put_word(line, " ");
	text_colour(line, COLOUR_DIM);
	if (key->len == 0)
		text_put_word(line, "\"\"");
	else
		text_put_field(line, key);
	text_put_word(line, "=");
	text_colour(line, COLOUR_NONE);
}

void text_put_pair(struct text_line *line, const PB_COMMON(KeyValue) * pair)
{
	put_key(line, &pair->key);
	if (text_is_string(pair->value) && is_plain(&pair->value->string_value))
		text_put_text(line, &pair->value->string_value, false);
	else
		text_put_value(line, pair->value);
}

/* What is not among the attributes, under the names that the schema has for it. */
void text_put_named(struct text_line *line, const char *name, const ProtobufCBinaryData *value,
		    bool is_hex)
{
	const ProtobufCBinaryData key = {strlen(name), (uint8_t *)name};

	if (value->len == 0)
		return;
	put_key(line, &key);
	if (is_hex)
		text_put_hex(line, value);
	else
		text_put_field(line, value);
}

void text_put_key(struct text_line *line, const char *key)
{
	const ProtobufCBinaryData bytes = {strlen(key), (uint8_t *)(uintptr_t)key};

	put_key(line, &bytes);
}

void text_put_double(struct text_line *line, double value)
{
	char text[OTLP_JSON_DOUBLE_BYTES];

	otlp_json_double(value, text);
	text_put_word(line, text);
}

void text_put_u64(struct text_line *line, uint64_t value)
{
	char text[24];

	text_put(line, text, (size_t)snprintf(text, sizeof(text), "%" PRIu64, value));
}

void text_put_time(struct text_line *line, uint64_t time_ns)
{
	const time_t seconds = (time_t)(time_ns / NS_PER_S);
	char text[40];
	struct tm tm;
	size_t len;

	if (time_ns == 0 || gmtime_r(&seconds, &tm) == NULL) {
		text_put_word(line, "-");
		return;
	}
	len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, sizeof(text) - len, ".%09" PRIu64 "Z", time_ns % NS_PER_S);
	text_put_word(line, text);
}

void text_put_source(struct text_line *line, const ProtobufCBinaryData *service,
		     const ProtobufCBinaryData *scope)
{
	text_put_word(line, " ");
	text_colour(line, COLOUR_NAME);
	text_put_field(line, service);
	text_put_word(line, " ");
	text_put_field(line, scope);
	text_colour(line, COLOUR_NONE);
	text_put_word(line, " ");
}
