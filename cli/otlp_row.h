/* SPDX-License-Identifier: Apache-2.0 */
/* What the tool needs to know of each signal's OTLP: the message in a batch, and what is counted.
 */
#ifndef OTLPIPE_CLI_OTLP_ROW_H
#define OTLPIPE_CLI_OTLP_ROW_H

#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "core/record/signal.h"

struct otlp_row {
	const ProtobufCMessageDescriptor *type;			   /* ResourceSpans … */
	uint64_t (*count_items)(const ProtobufCMessage *resource); /* spans, points */
};

extern const struct otlp_row otlp_rows[SIGNAL_COUNT];

#endif
