/* SPDX-License-Identifier: Apache-2.0 */
/* The library handle, as its parts see it. */
#ifndef OTLPIPE_CORE_LIBRARY_H
#define OTLPIPE_CORE_LIBRARY_H

#include <otlpipe/otlpipe.h>

#include "core/producer.h"
#include "core/resource.h"

struct otlp_library {
	uint32_t references;
	uint32_t is_shut_down;
	enum otlp_temporality_preference temporality;
	struct resource *resource;
	struct producer producer;
};

/** otlp_library_export_traces() with the resource of an exporter. */
int library_export_spans(struct otlp_library *library, struct resource *resource,
			 struct otlp_shape *shape, const struct otlp_span *spans, size_t count);

/**
 * Push borrowed records; async-signal-safe.
 *
 * @param resource  of records that name none
 * @param shape     of all of them, or NULL
 * @return what otlp_library_export_traces() documents
 */
int push_spans(struct otlp_library *library, struct resource *resource, struct otlp_shape *shape,
	       const struct otlp_span *spans, size_t count);
int push_metrics(struct otlp_library *library, const struct otlp_resource_metrics *metrics);

#endif
