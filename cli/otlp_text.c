/* SPDX-License-Identifier: Apache-2.0 */
/* Log records as lines of text. Decoding them is otlp_json.c's, which files are read cat.c's. */
#include "cli/otlp_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <opentelemetry/proto/logs/v1/logs.pb-c.h>

#include "base/array.h"
#include "base/utf8.h"
#include "cli/otlp_json.h"

#define PB_LOGS(name)	Opentelemetry__Proto__Logs__V1__##name
#define PB_COMMON(name) Opentelemetry__Proto__Common__V1__##name

#define NS_PER_S	UINT64_C(1000000000)

struct text_line {
	otlp_text_emit_fn emit;
	void *context;
	bool is_coloured;
	int rc; /* the first error; then nothing more is put */
};

static void put(struct text_line *line, const void *bytes, size_t len)
{
	if (line->rc == 0 && len > 0)
		line->rc = line->emit(line->context, bytes, len);
}

static void put_word(struct text_line *line, const char *word)
{
	put(line, word, strlen(word));
}

static void colour(struct text_line *line, const char *sequence)
{
	if (line->is_coloured)
		put_word(line, sequence);
}

#define COLOUR_DIM  "\033[2m"
#define COLOUR_NAME "\033[36m"
#define COLOUR_NONE "\033[0m"

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
		put_word(line, "\\n");
	else if (byte == '\t')
		put_word(line, "\\t");
	else if (byte == '\r')
		put_word(line, "\\r");
	else
		put(line, text, (size_t)snprintf(text, sizeof(text), "\\x%02x", byte));
}

/* @param is_quoted  between quotes, so that a quote and a backslash are escaped too */
static void put_text(struct text_line *line, const ProtobufCBinaryData *text, bool is_quoted)
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
		put(line, text->data + shown, at - shown);
		if (is_quoted && (*c == '"' || *c == '\\')) {
			put_word(line, *c == '"' ? "\\\"" : "\\\\");
			at++;
		} else {
			/* A control character of two bytes is shown by its second one. */
			at += bytes == 0 ? 1 : bytes;
			put_escape(line, text->data[at - 1]);
		}
		shown = at;
	}
	if (text->len > 0) /* else there may be no data */
		put(line, text->data + shown, text->len - shown);
}

static void put_quoted(struct text_line *line, const ProtobufCBinaryData *text)
{
	put_word(line, "\"");
	put_text(line, text, true);
	put_word(line, "\"");
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
static void put_field(struct text_line *line, const ProtobufCBinaryData *text)
{
	if (text == NULL || text->len == 0)
		put_word(line, "-");
	else if (is_plain(text))
		put_text(line, text, false);
	else
		put_quoted(line, text);
}

/* ---- values ---- */

static void put_hex(struct text_line *line, const ProtobufCBinaryData *bytes)
{
	char text[4];

	for (size_t i = 0; i < bytes->len; i++)
		put(line, text, (size_t)snprintf(text, sizeof(text), "%02x", bytes->data[i]));
}

static void put_value(struct text_line *line, const PB_COMMON(AnyValue) * value);

/* They nest no deeper than wire_check() allows. */
static void put_array(struct text_line *line, const PB_COMMON(ArrayValue) * array)
{
	put_word(line, "[");
	for (size_t i = 0; i < array->n_values; i++) {
		put_word(line, i > 0 ? "," : "");
		put_value(line, array->values[i]);
	}
	put_word(line, "]");
}

static void put_kvlist(struct text_line *line, const PB_COMMON(KeyValueList) * list)
{
	put_word(line, "{");
	for (size_t i = 0; i < list->n_values; i++) {
		put_word(line, i > 0 ? "," : "");
		put_quoted(line, &list->values[i]->key);
		put_word(line, ":");
		put_value(line, list->values[i]->value);
	}
	put_word(line, "}");
}

static void put_number(struct text_line *line, const PB_COMMON(AnyValue) * value)
{
	char text[OTLP_JSON_DOUBLE_BYTES];

	if (value->value_case == OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE)
		snprintf(text, sizeof(text), "%" PRId64, value->int_value);
	else
		otlp_json_double(value->double_value, text);
	put_word(line, text);
}

static void put_value(struct text_line *line, const PB_COMMON(AnyValue) * value)
{
	switch (value != NULL ? value->value_case
			      : OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE__NOT_SET) {
	case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE:
		put_quoted(line, &value->string_value);
		break;
	case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE:
		put_word(line, value->bool_value ? "true" : "false");
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
		put_word(line, "0x");
		put_hex(line, &value->bytes_value);
		break;
	default:
		put_word(line, "null");
		break;
	}
}

static bool is_string(const PB_COMMON(AnyValue) * value)
{
	return value != NULL &&
	       value->value_case == OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
}

/* ---- lines ---- */

static void put_time(struct text_line *line, const PB_LOGS(LogRecord) * record)
{
	const uint64_t time_ns = record->time_unix_nano != 0 ? record->time_unix_nano
							     : record->observed_time_unix_nano;
	const time_t seconds = (time_t)(time_ns / NS_PER_S);
	char text[40];
	struct tm tm;
	size_t len;

	if (time_ns == 0 || gmtime_r(&seconds, &tm) == NULL) {
		put_word(line, "-");
		return;
	}
	len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, sizeof(text) - len, ".%09" PRIu64 "Z", time_ns % NS_PER_S);
	put_word(line, text);
}

/* Of each range of four severities. */
static const struct {
	const char *name;
	const char *colour;
} ranges[] = {
	{"TRACE", "\033[2m"}, {"DEBUG", "\033[34m"}, {"INFO", "\033[32m"},
	{"WARN", "\033[33m"}, {"ERROR", "\033[31m"}, {"FATAL", "\033[1;31m"},
};

static void put_severity(struct text_line *line, const PB_LOGS(LogRecord) * record)
{
	const int number = (int)record->severity_number;
	const bool is_known = number >= 1 && number <= 4 * (int)COUNT_OF(ranges);
	char text[16];

	if (is_known)
		colour(line, ranges[(number - 1) / 4].colour);
	if (record->severity_text.len > 0) {
		put_field(line, &record->severity_text);
	} else if (is_known) {
		/* INFO, INFO2, INFO3, INFO4 */
		put_word(line, ranges[(number - 1) / 4].name);
		snprintf(text, sizeof(text), "%d", (number - 1) % 4 + 1);
		if ((number - 1) % 4 > 0)
			put_word(line, text);
	} else {
		put_word(line, "-");
	}
	if (is_known)
		colour(line, COLOUR_NONE);
}

static void put_key(struct text_line *line, const ProtobufCBinaryData *key)
{
	put_word(line, " ");
	colour(line, COLOUR_DIM);
	if (key->len == 0)
		put_word(line, "\"\"");
	else
		put_field(line, key);
	put_word(line, "=");
	colour(line, COLOUR_NONE);
}

static void put_pair(struct text_line *line, const PB_COMMON(KeyValue) * pair)
{
	put_key(line, &pair->key);
	if (is_string(pair->value) && is_plain(&pair->value->string_value))
		put_text(line, &pair->value->string_value, false);
	else
		put_value(line, pair->value);
}

/* What is not among the attributes, under the names that the schema has for it. */
static void put_named(struct text_line *line, const char *name, const ProtobufCBinaryData *value,
		      bool is_hex)
{
	const ProtobufCBinaryData key = {strlen(name), (uint8_t *)name};

	if (value->len == 0)
		return;
	put_key(line, &key);
	if (is_hex)
		put_hex(line, value);
	else
		put_field(line, value);
}

static void put_body(struct text_line *line, const PB_COMMON(AnyValue) * body)
{
	if (is_string(body) && body->string_value.len > 0)
		put_text(line, &body->string_value, false);
	else if (body == NULL || is_string(body) ||
		 body->value_case == OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE__NOT_SET)
		put_word(line, "-");
	else
		put_value(line, body);
}

static void put_record(struct text_line *line, const ProtobufCBinaryData *service,
		       const ProtobufCBinaryData *scope, const PB_LOGS(LogRecord) * record)
{
	colour(line, COLOUR_DIM);
	put_time(line, record);
	colour(line, COLOUR_NONE);
	put_word(line, " ");
	put_severity(line, record);
	put_word(line, " ");
	colour(line, COLOUR_NAME);
	put_field(line, service);
	put_word(line, " ");
	put_field(line, scope);
	colour(line, COLOUR_NONE);
	put_word(line, " ");
	put_body(line, record->body);
	put_named(line, "event_name", &record->event_name, false);
	for (size_t i = 0; i < record->n_attributes; i++)
		put_pair(line, record->attributes[i]);
	put_named(line, "trace_id", &record->trace_id, true);
	put_named(line, "span_id", &record->span_id, true);
	put_word(line, "\n");
}

static const ProtobufCBinaryData *service_of(const PB_LOGS(ResourceLogs) * logs)
{
	static const char key[] = "service.name";

	for (size_t i = 0; logs->resource != NULL && i < logs->resource->n_attributes; i++) {
		const PB_COMMON(KeyValue) *pair = logs->resource->attributes[i];

		if (pair->key.len == sizeof(key) - 1 &&
		    memcmp(pair->key.data, key, pair->key.len) == 0 && is_string(pair->value))
			return &pair->value->string_value;
	}
	return NULL;
}

int otlp_text_lines(const ProtobufCMessage *resource_logs, bool is_coloured, otlp_text_emit_fn emit,
		    void *context)
{
	const PB_LOGS(ResourceLogs) *logs = (const void *)resource_logs;
	const ProtobufCBinaryData *service = service_of(logs);
	struct text_line line = {.emit = emit, .context = context, .is_coloured = is_coloured};

	for (size_t s = 0; line.rc == 0 && s < logs->n_scope_logs; s++) {
		const PB_LOGS(ScopeLogs) *scope = logs->scope_logs[s];

		for (size_t i = 0; line.rc == 0 && i < scope->n_log_records; i++)
			put_record(&line, service,
				   scope->scope != NULL ? &scope->scope->name : NULL,
				   scope->log_records[i]);
	}
	return line.rc;
}
