/* SPDX-License-Identifier: Apache-2.0 */
/* The push: borrowed records into the rings. Async-signal-safe. */
#ifndef OTLPIPE_CORE_PUSH_H
#define OTLPIPE_CORE_PUSH_H

#include <otlpipe/otlpipe.h>

#include "core/producer.h"
#include "core/resource.h"

/**
 * Push spans.
 *
 * @param resource  of spans that name none
 * @param shape     of all of them, or NULL
 * @return what otlp_library_export_traces() documents
 */
int push_spans(struct producer *producer, struct resource *resource, struct otlp_shape *shape,
	       const struct otlp_span *spans, size_t count);

/**
 * Push log records.
 *
 * @param resource  of records that name none
 * @return what otlp_library_export_logs() documents
 */
int push_logs(struct producer *producer, struct resource *resource,
	      const struct otlp_log_record *records, size_t count);

/**
 * Push log records of one shape.
 *
 * @param resource  of records that name none
 * @param shape     of all of them, or NULL
 * @return what otlp_library_export_logs_shaped() documents
 */
int push_shaped_logs(struct producer *producer, struct resource *resource,
		     struct otlp_log_shape *shape, const struct otlp_log_record *records,
		     size_t count);

/**
 * Push metrics.
 *
 * @param resource  of metrics that name none
 * @return what otlp_library_export_metrics_ref() documents
 */
int push_metrics(struct producer *producer, struct resource *resource,
		 const struct otlp_resource_metrics *metrics);

#endif
