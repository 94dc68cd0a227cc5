/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP protobuf to OTLP JSON lines (opentelemetry-proto docs/specification.md,
 * "JSON Protobuf Encoding"; the file exporter's rules for lines).
 *
 *   ids            hex in lower case         other bytes    base64
 *   enums          integers                  64-bit values  decimal strings
 *   doubles        shortest text that reads back the same; NaN, Infinity and
 *                  -Infinity as strings
 *   keys           lowerCamelCase
 *   default value  left out, except where the field has presence (oneof)
 */
#ifndef OTLPIPE_CLI_OTLP_JSON_H
#define OTLPIPE_CLI_OTLP_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>
#include <protobuf-c/protobuf-c.h>

/* With its newline: a Collector's otlp_json_file receiver tears lines of 1 MiB and more. */
#define OTLP_JSON_LINE_BYTES_MAX ((1u << 20) - 1)

/* What one decoded message may take. */
#define OTLP_DECODED_BYTES_MAX ((size_t)1 << 30)

/**
 * Decode untrusted bytes.
 *
 * @param type  the descriptor of ResourceSpans, ResourceMetrics or ResourceLogs
 * @param ret   set on success only; give it back with otlp_free()
 * @return 0; -EBADMSG: malformed; -ELOOP: nested too deep; -ENOMEM: more than
 *         OTLP_DECODED_BYTES_MAX, or no memory
 */
int otlp_decode(const ProtobufCMessageDescriptor *type, const uint8_t *data, size_t bytes,
		ProtobufCMessage **ret);
void otlp_free(ProtobufCMessage *message); /* NULL is fine */

/**
 * One message as a JSON object, without its field of that number (0: with all).
 *
 * @param ret  set on success only; give it back with json_object_put()
 * @return 0, -EILSEQ or -ENOMEM
 */
int otlp_json_message(const ProtobufCMessage *message, uint32_t without, json_object **ret);

/* The shortest text that reads back the same; NaN, Infinity, -Infinity. */
#define OTLP_JSON_DOUBLE_BYTES 32
void otlp_json_double(double value, char ret[OTLP_JSON_DOUBLE_BYTES]);

/* A field's name in JSON: lowerCamelCase. */
#define OTLP_JSON_NAME_BYTES_MAX 64
void otlp_json_name(const char *name, char ret[OTLP_JSON_NAME_BYTES_MAX]);

/* Takes one line with its newline. A negative value ends the conversion and is its result. */
typedef int (*otlp_json_emit_fn)(void *context, const char *line, size_t bytes);

/**
 * One ResourceSpans, ResourceMetrics or ResourceLogs as lines {"resourceSpans":[…]},
 * {"resourceMetrics":[…]} or {"resourceLogs":[…]}. What does not fit one line becomes several, cut
 * between scopes, spans, log records, metrics, and at last the points of a metric, each line with
 * its resource and scope. A span, point or log record that is too long by itself stands alone.
 *
 * @return 0; -EILSEQ: a text is not UTF-8 (of that line and later ones nothing was
 *         emitted); -ENOMEM; or emit's
 */
int otlp_json_lines(const ProtobufCMessage *resource_data, size_t line_bytes_max,
		    otlp_json_emit_fn emit, void *context);

#endif
