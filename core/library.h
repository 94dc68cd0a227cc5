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

/** otlp_library_export_logs() with the resource of an exporter. */
int library_export_logs(struct otlp_library *library, struct resource *resource,
			const struct otlp_log_record *records, size_t count);

/** otlp_library_export_logs_shaped() with the resource of an exporter. */
int library_export_shaped_logs(struct otlp_library *library, struct resource *resource,
			       struct otlp_log_shape *shape, const struct otlp_log_record *records,
			       size_t count);

#endif
