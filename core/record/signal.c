/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the table of signals. What their records look like is record.h's. */
#include "core/record/signal.h"

#include <string.h>

const struct signal_row signal_rows[SIGNAL_COUNT] = {
	[OTLP_SIGNAL_TRACES] =
		{
			.name = "traces",
			.ring_name = "spans",
			.item_name = "spans",
			.ring_variable = "OTLPIPE_SPAN_RING_BYTES",
			.ring_bytes_default = OTLP_SPAN_RING_BYTES_DEFAULT,
		},
	[OTLP_SIGNAL_METRICS] =
		{
			.name = "metrics",
			.ring_name = "metrics",
			.item_name = "points",
			.ring_variable = "OTLPIPE_METRIC_RING_BYTES",
			.ring_bytes_default = OTLP_METRIC_RING_BYTES_DEFAULT,
		},
	[OTLP_SIGNAL_LOGS] =
		{
			.name = "logs",
			.ring_name = "logs",
			.item_name = "logs",
			.ring_variable = "OTLPIPE_LOG_RING_BYTES",
			.ring_bytes_default = OTLP_LOG_RING_BYTES_DEFAULT,
		},
};

enum otlp_signal signal_by_name(const char *name)
{
	enum otlp_signal signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		if (strcmp(name, signal_rows[signal].name) == 0)
			return signal;
	return SIGNAL_NONE;
}
