/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spans, data points and log records as lines of text, for people:
 *
 *   time STATUS   service scope name duration key=value…     a span
 *   time kind     service scope name value key=value…        a data point
 *   time SEVERITY service scope body key=value…              a log record
 *
 *   time       of the event, else when it was observed: 2026-11-28T09:15:44.123456789Z; of a span
 *              when it began
 *   STATUS     ERROR or OK
 *   kind       gauge, sum, histogram, exp_histogram, summary
 *   value      a number; of the last three count=…, and sum, min, max or quantiles behind it
 *   SEVERITY   the source's own name, else that of the number
 *   service    the resource's service.name
 *   body       text as it is; arrays and lists as [1,"a"] and {"k":1}, bytes as 0x0a0b
 *   key=value  the event's name, the attributes, trace_id and span_id; what is no plain word is in
 *              quotes
 *
 * What is not there is "-". A record is one line: control characters and bytes that are not UTF-8
 * are escaped (\n, \x1b), so that no record moves a terminal's cursor or looks like two.
 */
#ifndef OTLPIPE_CLI_OTLP_TEXT_H
#define OTLPIPE_CLI_OTLP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

#include "cli/text_line.h"

/* Takes a piece of a line. A negative value ends the conversion and is its result. */

/**
 * One ResourceSpans, ResourceMetrics or ResourceLogs as lines.
 *
 * @param is_coloured  by ANSI sequences, for a terminal
 * @return 0, or emit's
 */
int otlp_text_lines(const ProtobufCMessage *resource_data, bool is_coloured, otlp_text_emit_fn emit,
		    void *context);

#endif
