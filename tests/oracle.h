/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What protobuf-c makes of the same borrowed data: trees built straight from
 * the public structs, by way of no record and no encoder of ours, and a
 * comparison of two trees field by field.
 */
#ifndef OTLPIPE_TESTS_ORACLE_H
#define OTLPIPE_TESTS_ORACLE_H

#include "opentelemetry/proto/common/v1/common.pb-c.h"
#include "opentelemetry/proto/logs/v1/logs.pb-c.h"
#include "opentelemetry/proto/metrics/v1/metrics.pb-c.h"
#include "opentelemetry/proto/resource/v1/resource.pb-c.h"
#include "opentelemetry/proto/trace/v1/trace.pb-c.h"
#include <otlpipe/otlpipe.h>

/* protobuf-c's names are long. */
#define PB_COMMON(name)	  Opentelemetry__Proto__Common__V1__##name
#define PB_RESOURCE(name) Opentelemetry__Proto__Resource__V1__##name
#define PB_TRACE(name)	  Opentelemetry__Proto__Trace__V1__##name
#define PB_METRICS(name)  Opentelemetry__Proto__Metrics__V1__##name
#define PB_LOGS(name)	  Opentelemetry__Proto__Logs__V1__##name

/*
 * Trees of malloc()ed messages that borrow nothing; give them back with
 * oracle_free(). Presence as otlpipe writes it: an attribute always has a
 * value message; a status that is unset and has no text is absent; exponential
 * buckets with offset zero and no counts are absent; a log record's empty body is absent.
 */
PB_TRACE(Span) * oracle_span(const struct otlp_span *span);
PB_LOGS(LogRecord) * oracle_log(const struct otlp_log_record *log);
PB_METRICS(Metric) * oracle_metric(const struct otlp_metric *metric);
/* Some of the metric's points, as in one record of a metric that was split. */
PB_METRICS(Metric) *
	oracle_metric_part(const struct otlp_metric *metric, size_t first, size_t count);
PB_RESOURCE(Resource) * oracle_resource(const struct otlp_resource *resource);
PB_COMMON(InstrumentationScope) * oracle_scope(const struct otlp_scope *scope);

void oracle_free(void *message); /* NULL is fine */

/**
 * Equal in each field: doubles bit by bit, presence respected, and no unknown
 * field in either. If they differ and where is not NULL, the path of the first
 * difference is written there, such as "Span.events[2].name".
 */
bool oracle_equal(const void *a, const void *b, char *where, size_t where_bytes);

#endif
