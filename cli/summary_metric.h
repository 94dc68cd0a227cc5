/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics of a summary. */
#ifndef OTLPIPE_CLI_SUMMARY_METRIC_H
#define OTLPIPE_CLI_SUMMARY_METRIC_H

#include "cli/summary_kinds.h"

/** The metrics' part of summary_take() and summary_finish(). */
int summary_take_metric(struct summary *summary, const struct view_place *place,
			struct view_bytes message);
void summary_finish_metrics(struct summary *summary);

/** The sum of points over the time that they cover, a second; false: there is none to tell. */
bool summary_rate(const struct summary_metric *metric, double *ret);

#endif
