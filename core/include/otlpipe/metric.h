/* SPDX-License-Identifier: Apache-2.0 */
/* <otlpipe/metric.h>: borrowed metric records. Source: opentelemetry-proto 1.x, metrics.proto. */
#ifndef OTLPIPE_METRIC_H
#define OTLPIPE_METRIC_H

#include <otlpipe/data.h>

enum otlp_temporality {
	OTLP_TEMPORALITY_UNSPECIFIED = 0,
	OTLP_TEMPORALITY_DELTA = 1,
	OTLP_TEMPORALITY_CUMULATIVE = 2
};

/*
 * $OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "cumulative", "delta" or
 * "lowmemory", in any case. Source: metrics/sdk_exporters/otlp.md.
 */
enum otlp_temporality_preference {
	OTLP_PREFER_CUMULATIVE = 0,
	OTLP_PREFER_DELTA,     /* up-down counters stay cumulative */
	OTLP_PREFER_LOW_MEMORY /* delta for counters and histograms that are not observable */
};

enum otlp_instrument_kind {
	OTLP_COUNTER,
	OTLP_UP_DOWN_COUNTER,
	OTLP_HISTOGRAM,
	OTLP_GAUGE,
	OTLP_OBSERVABLE_COUNTER,
	OTLP_OBSERVABLE_UP_DOWN_COUNTER,
	OTLP_OBSERVABLE_GAUGE
};

enum otlp_number_type {
	OTLP_NUMBER_NONE = 0, /* NO_RECORDED_VALUE is set for it; refused in an exemplar */
	OTLP_NUMBER_INT,
	OTLP_NUMBER_DOUBLE
};

union otlp_number_content {
	int64_t integer;
	double real;
};

struct otlp_number {
	enum otlp_number_type type;
	union otlp_number_content as;
};

struct otlp_exemplar {
	uint64_t time_unix_ns;
	struct otlp_number value;
	uint8_t trace_id[16];			    /* all zero: absent */
	uint8_t span_id[8];			    /* all zero: absent */
	struct otlp_attributes filtered_attributes; /* their `dropped` is not carried */
	const void *reserved[2];
};

/* What every kind of data point has. OTLP has no field for attributes.dropped here. */
struct otlp_point {
	struct otlp_attributes attributes;
	uint64_t start_time_unix_ns; /* 0: unknown */
	uint64_t time_unix_ns;
	uint32_t flags;
	const struct otlp_exemplar *exemplars;
	size_t exemplar_count;
	const void *reserved[2];
};

struct otlp_number_point {
	struct otlp_point point;
	struct otlp_number value;
};

struct otlp_histogram_point {
	struct otlp_point point;
	uint64_t count;
	bool has_sum, has_min, has_max;
	double sum, min, max;
	const uint64_t *bucket_counts;
	size_t bucket_count;  /* bound_count + 1, or 0 */
	const double *bounds; /* strictly ascending, no NaN */
	size_t bound_count;
	const void *reserved[2];
};

struct otlp_exp_buckets {
	int32_t offset;
	const uint64_t *counts;
	size_t count;
};

struct otlp_exp_histogram_point {
	struct otlp_point point;
	uint64_t count;
	bool has_sum, has_min, has_max;
	double sum, min, max;
	int32_t scale;
	uint64_t zero_count;
	double zero_threshold;
	struct otlp_exp_buckets positive, negative;
	const void *reserved[2];
};

struct otlp_quantile {
	double quantile; /* 0.0 to 1.0 */
	double value;
};

struct otlp_summary_point {
	struct otlp_point point; /* its exemplars are not used: OTLP has none here */
	uint64_t count;
	double sum;
	const struct otlp_quantile *quantiles;
	size_t quantile_count;
	const void *reserved[2];
};

enum otlp_metric_type {
	OTLP_METRIC_GAUGE = 1,
	OTLP_METRIC_SUM,
	OTLP_METRIC_HISTOGRAM,
	OTLP_METRIC_EXP_HISTOGRAM,
	OTLP_METRIC_SUMMARY
};

/* The points of a metric, by its type. */
union otlp_metric_points {
	const struct otlp_number_point *number; /* gauge, sum */
	const struct otlp_histogram_point *histogram;
	const struct otlp_exp_histogram_point *exp_histogram;
	const struct otlp_summary_point *summary;
};

struct otlp_metric {
	struct otlp_str name;
	struct otlp_str description;
	struct otlp_str unit; /* UCUM */
	enum otlp_metric_type type;
	enum otlp_temporality temporality; /* sums and both histograms: unspecified is refused */
	bool is_monotonic;		   /* sums */
	struct otlp_attributes metadata;   /* its `dropped` is not carried */
	union otlp_metric_points points;
	size_t point_count;
	const void *reserved[2];
};

struct otlp_scope_metrics {
	struct otlp_scope scope;
	const struct otlp_metric *metrics;
	size_t metric_count;
	const void *reserved[2];
};

/*
 * What the SDKs hand to a metric exporter: ResourceMetrics. Metrics and scopes without points are
 * left out. A scope here is always there, if need be an empty one.
 */
struct otlp_resource_metrics {
	const struct otlp_resource *resource; /* NULL: the library's own */
	const struct otlp_scope_metrics *scope_metrics;
	size_t scope_metrics_count; /* 0: nothing to do, and success */
	const void *reserved[2];
};

#endif
