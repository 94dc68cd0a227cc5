/* SPDX-License-Identifier: Apache-2.0 */
/* What the Kafka destination is told by the command line. */
#ifndef OTLPIPE_CLI_SEND_KAFKA_OPTIONS_H
#define OTLPIPE_CLI_SEND_KAFKA_OPTIONS_H

#include <stddef.h>

#include "core/record/signal.h"

#define KAFKA_SCHEME "kafka://"

struct kafka_options {
	const char *url;
	/* NULL: the prefix of the URL, and otlp_spans, otlp_metrics, otlp_logs behind it. */
	const char *topics[SIGNAL_COUNT];
	/* Each "key=value": of librdkafka, passed through. */
	const char *const *settings;
	size_t setting_count;
};

#endif
