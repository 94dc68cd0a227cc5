/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a report shows, gathered in two passes over the files: first the figures, the times and
 * which traces there are, then what happened when, and the spans of the slowest traces. All of it
 * is bounded, whatever the files hold.
 */
#ifndef OTLPIPE_CLI_REPORT_DATA_H
#define OTLPIPE_CLI_REPORT_DATA_H

#include "cli/summary_data.h"
#include "cli/trace_index.h"

#define REPORT_BUCKETS	   60u
#define REPORT_METRICS_MAX 40u
#define REPORT_TRACES_MAX  50u
#define REPORT_SPANS_MAX   200u	 /* of a trace that are shown */
#define REPORT_GATHER_MAX  5000u /* of a trace that are looked at for it */

struct report_trace {
	struct trace_sum sum;
	struct tree tree;
};

struct report_metric {
	const struct summary_metric *metric; /* of the second pass; NULL: none */
	double values[REPORT_BUCKETS];
	bool has_value[REPORT_BUCKETS];
};

struct report_data {
	struct summary summary; /* of the first pass */
	struct summary again;	/* of the second, for what came when */
	struct trace_index index;
	struct report_trace traces[REPORT_TRACES_MAX];
	size_t trace_count;
	uint64_t calls[REPORT_BUCKETS], errors[REPORT_BUCKETS];
	uint64_t logs[SUMMARY_SEVERITIES][REPORT_BUCKETS];
	struct report_metric metrics[REPORT_METRICS_MAX];
	size_t metric_count;
	uint64_t begin_ns[SIGNAL_COUNT], end_ns[SIGNAL_COUNT];
};

void report_data_begin(struct report_data *data);

/** A ResourceSpans, ResourceMetrics or ResourceLogs of the first pass. 0, -EBADMSG or -ENOMEM. */
int report_data_first(struct report_data *data, enum otlp_signal signal,
		      struct view_bytes resource_data);

/** Between the passes. 0 or -ENOMEM. */
int report_data_choose(struct report_data *data, size_t slowest);

int report_data_second(struct report_data *data, enum otlp_signal signal,
		       struct view_bytes resource_data);

/** At the end. 0 or -ENOMEM. */
int report_data_finish(struct report_data *data);
void report_data_free(struct report_data *data);

#endif
