/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans and log records as lines of text; points are otlp_text_point.c's. Decoding them is
 * otlp_json.c's, which files are read cat.c's.
 */
#include "cli/otlp_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <opentelemetry/proto/logs/v1/logs.pb-c.h>
#include <opentelemetry/proto/metrics/v1/metrics.pb-c.h>
#include <opentelemetry/proto/trace/v1/trace.pb-c.h>

#include "base/array.h"
#include "base/units.h"
#include "cli/otlp_row.h"
#include "cli/otlp_text_point.h"
#include "cli/text_line.h"

#define PB_LOGS(name)	 Opentelemetry__Proto__Logs__V1__##name
#define PB_TRACE(name)	 Opentelemetry__Proto__Trace__V1__##name
#define PB_METRICS(name) Opentelemetry__Proto__Metrics__V1__##name

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
		text_colour(line, ranges[(number - 1) / 4].colour);
	if (record->severity_text.len > 0) {
		text_put_field(line, &record->severity_text);
	} else if (is_known) {
		/* INFO, INFO2, INFO3, INFO4 */
		text_put_word(line, ranges[(number - 1) / 4].name);
		snprintf(text, sizeof(text), "%d", (number - 1) % 4 + 1);
		if ((number - 1) % 4 > 0)
			text_put_word(line, text);
	} else {
		text_put_word(line, "-");
	}
	if (is_known)
		text_colour(line, COLOUR_NONE);
}

static void put_body(struct text_line *line, const PB_COMMON(AnyValue) * body)
{
	if (text_is_string(body) && body->string_value.len > 0)
		text_put_text(line, &body->string_value, false);
	else if (body == NULL || text_is_string(body) ||
		 body->value_case == OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE__NOT_SET)
		text_put_word(line, "-");
	else
		text_put_value(line, body);
}

static void put_record(struct text_line *line, const ProtobufCBinaryData *service,
		       const ProtobufCBinaryData *scope, const PB_LOGS(LogRecord) * record)
{
	text_colour(line, COLOUR_DIM);
	text_put_time(line, record->time_unix_nano != 0 ? record->time_unix_nano
							: record->observed_time_unix_nano);
	text_colour(line, COLOUR_NONE);
	text_put_word(line, " ");
	put_severity(line, record);
	text_put_source(line, service, scope);
	put_body(line, record->body);
	text_put_named(line, "event_name", &record->event_name, false);
	for (size_t i = 0; i < record->n_attributes; i++)
		text_put_pair(line, record->attributes[i]);
	text_put_named(line, "trace_id", &record->trace_id, true);
	text_put_named(line, "span_id", &record->span_id, true);
	text_put_word(line, "\n");
}

/* ---- spans ---- */

static void put_status(struct text_line *line, const PB_TRACE(Status) * status)
{
	const int code = status != NULL ? (int)status->code : 0;

	if (code == OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR) {
		text_colour(line, ranges[4].colour);
		text_put_word(line, "ERROR");
		text_colour(line, COLOUR_NONE);
	} else if (code == OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_OK) {
		text_put_word(line, "OK");
	} else {
		text_put_word(line, "-");
	}
}

static void put_duration(struct text_line *line, const PB_TRACE(Span) * span)
{
	const uint64_t start_ns = span->start_time_unix_nano, end_ns = span->end_time_unix_nano;
	char text[UNITS_TEXT_BYTES];

	if (start_ns == 0 || end_ns < start_ns || end_ns - start_ns > INT64_MAX)
		text_put_word(line, "-");
	else
		text_put_word(line, units_format_duration((int64_t)(end_ns - start_ns), text));
}

static void put_kind(struct text_line *line, int kind)
{
	static const char *const kinds[] = {NULL,     "internal", "server",
					    "client", "producer", "consumer"};

	if (kind < 1 || kind >= (int)COUNT_OF(kinds))
		return;
	text_put_key(line, "kind");
	text_put_word(line, kinds[kind]);
}

static void put_span(struct text_line *line, const ProtobufCBinaryData *service,
		     const ProtobufCBinaryData *scope, const PB_TRACE(Span) * span)
{
	text_colour(line, COLOUR_DIM);
	text_put_time(line, span->start_time_unix_nano);
	text_colour(line, COLOUR_NONE);
	text_put_word(line, " ");
	put_status(line, span->status);
	text_put_source(line, service, scope);
	text_put_field(line, &span->name);
	text_put_word(line, " ");
	put_duration(line, span);
	put_kind(line, (int)span->kind);
	if (span->status != NULL)
		text_put_named(line, "status", &span->status->message, false);
	for (size_t i = 0; i < span->n_attributes; i++)
		text_put_pair(line, span->attributes[i]);
	for (size_t i = 0; i < span->n_events; i++)
		text_put_named(line, "event", &span->events[i]->name, false);
	text_put_named(line, "trace_id", &span->trace_id, true);
	text_put_named(line, "span_id", &span->span_id, true);
	text_put_named(line, "parent_span_id", &span->parent_span_id, true);
	text_put_word(line, "\n");
}

/* ---- resources ---- */

static const ProtobufCBinaryData *
service_of(const Opentelemetry__Proto__Resource__V1__Resource *resource)
{
	static const char key[] = "service.name";

	for (size_t i = 0; resource != NULL && i < resource->n_attributes; i++) {
		const PB_COMMON(KeyValue) *pair = resource->attributes[i];

		if (pair->key.len == sizeof(key) - 1 &&
		    memcmp(pair->key.data, key, pair->key.len) == 0 && text_is_string(pair->value))
			return &pair->value->string_value;
	}
	return NULL;
}

static const ProtobufCBinaryData *name_of(const PB_COMMON(InstrumentationScope) * scope)
{
	return scope != NULL ? &scope->name : NULL;
}

static void put_logs(struct text_line *line, const PB_LOGS(ResourceLogs) * logs)
{
	const ProtobufCBinaryData *service = service_of(logs->resource);

	for (size_t s = 0; line->rc == 0 && s < logs->n_scope_logs; s++) {
		const PB_LOGS(ScopeLogs) *scope = logs->scope_logs[s];

		for (size_t i = 0; line->rc == 0 && i < scope->n_log_records; i++)
			put_record(line, service, name_of(scope->scope), scope->log_records[i]);
	}
}

static void put_spans(struct text_line *line, const PB_TRACE(ResourceSpans) * spans)
{
	const ProtobufCBinaryData *service = service_of(spans->resource);

	for (size_t s = 0; line->rc == 0 && s < spans->n_scope_spans; s++) {
		const PB_TRACE(ScopeSpans) *scope = spans->scope_spans[s];

		for (size_t i = 0; line->rc == 0 && i < scope->n_spans; i++)
			put_span(line, service, name_of(scope->scope), scope->spans[i]);
	}
}

static void put_metrics(struct text_line *line, const PB_METRICS(ResourceMetrics) * metrics)
{
	const ProtobufCBinaryData *service = service_of(metrics->resource);

	for (size_t s = 0; line->rc == 0 && s < metrics->n_scope_metrics; s++) {
		const PB_METRICS(ScopeMetrics) *scope = metrics->scope_metrics[s];

		for (size_t i = 0; line->rc == 0 && i < scope->n_metrics; i++)
			text_put_metric(line, service, name_of(scope->scope), scope->metrics[i]);
	}
}

int otlp_text_lines(const ProtobufCMessage *resource_data, bool is_coloured, otlp_text_emit_fn emit,
		    void *context)
{
	struct text_line line = {.emit = emit, .context = context, .is_coloured = is_coloured};

	if (resource_data->descriptor == otlp_rows[OTLP_SIGNAL_TRACES].type)
		put_spans(&line, (const void *)resource_data);
	else if (resource_data->descriptor == otlp_rows[OTLP_SIGNAL_METRICS].type)
		put_metrics(&line, (const void *)resource_data);
	else
		put_logs(&line, (const void *)resource_data);
	return line.rc;
}
