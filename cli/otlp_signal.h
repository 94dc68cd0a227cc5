/* SPDX-License-Identifier: Apache-2.0 */
/* What the tool needs to know of each signal's OTLP: the message in a batch, and what is counted.
 */
#ifndef OTLPIPE_CLI_OTLP_SIGNAL_H
#define OTLPIPE_CLI_OTLP_SIGNAL_H

#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "core/record/signal.h"

struct otlp_signal {
	const ProtobufCMessageDescriptor *type;			   /* ResourceSpans … */
	uint64_t (*count_items)(const ProtobufCMessage *resource); /* spans, points */
};

extern const struct otlp_signal otlp_signals[SIGNAL_COUNT];

#endif
