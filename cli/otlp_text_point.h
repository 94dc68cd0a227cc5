/* SPDX-License-Identifier: Apache-2.0 */
/* Data points as lines of text. */
#ifndef OTLPIPE_CLI_OTLP_TEXT_POINT_H
#define OTLPIPE_CLI_OTLP_TEXT_POINT_H

#include "cli/text_line.h"

/** A line for each of its points. */
void text_put_metric(struct text_line *line, const ProtobufCBinaryData *service,
		     const ProtobufCBinaryData *scope,
		     const Opentelemetry__Proto__Metrics__V1__Metric *metric);

#endif
