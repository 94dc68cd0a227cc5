/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is in the files in figures: for each kind of span calls, errors and how long they took; for
 * each metric its latest value and its rate; for each service how many log records of each
 * severity. Only the fields that this needs are decoded.
 */
#ifndef OTLPIPE_CLI_SUMMARY_DATA_H
#define OTLPIPE_CLI_SUMMARY_DATA_H

#include "cli/summary_kinds.h"

extern const char *const summary_by_names[SUMMARY_BY_COUNT];
extern const char *const summary_severity_names[SUMMARY_SEVERITIES];

void summary_begin(struct summary *summary, unsigned by, uint64_t since_ns);

/** One ResourceSpans, ResourceMetrics or ResourceLogs. 0, -EBADMSG or -ENOMEM. */
int summary_take(struct summary *summary, enum otlp_signal signal, struct view_bytes resource_data);

/** Once all is in it: what series make together. */
void summary_finish(struct summary *summary);
void summary_free(struct summary *summary);

#endif
