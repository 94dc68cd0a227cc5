/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP JSON to OTLP protobuf: the way back from otlp_json.h, by the same rules
 * (opentelemetry-proto docs/specification.md, "JSON Protobuf Encoding"). Keys that the schema does
 * not have are passed over. What others write is taken too: names of fields with underscores,
 * 64-bit integers as numbers, enums by name, ids in capitals, base64 of either alphabet.
 */
#ifndef OTLPIPE_CLI_OTLP_PARSE_H
#define OTLPIPE_CLI_OTLP_PARSE_H

#include <json-c/json.h>

#include "cli/wire_out.h"
#include "core/record/signal.h"

/* Levels of JSON: a list in a list is three of them, and two messages. */
#define OTLP_PARSE_JSON_DEPTH_MAX 300

/**
 * What a document has of a signal, as the fields of a TracesData, MetricsData or LogsData.
 *
 * @param ret  added to; nothing where the document has none of the signal
 * @return 0; -EBADMSG: a value is not of the kind that its key asks for; -ELOOP; -ENOMEM
 */
int otlp_parse(json_object *document, enum otlp_signal signal, struct wire_out *ret);

#endif
