/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics with their points. */
#ifndef OTLPIPE_WRITER_ENCODE_ENCODE_METRIC_H
#define OTLPIPE_WRITER_ENCODE_ENCODE_METRIC_H

#include "core/record/record.h"

/** The Metric of a metric record, as a whole field of ScopeMetrics. @return the end */
uint8_t *encode_metric(const struct record_view *view, uint8_t *to);

#endif
