/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file
 * Borrowed metrics. The rules of data.h are those of these structs.
 *
 * Source: opentelemetry-proto 1.x, metrics.proto.
 */
#ifndef OTLPIPE_METRIC_H
#define OTLPIPE_METRIC_H

#include <otlpipe/data.h>

/** Source: metrics.proto, AggregationTemporality. */
enum otlp_temporality {
	OTLP_TEMPORALITY_UNSPECIFIED = 0, /**< Refused for sums and histograms. */
	OTLP_TEMPORALITY_DELTA = 1,	  /**< Since the last report. */
	OTLP_TEMPORALITY_CUMULATIVE = 2	  /**< Since a fixed start. */
};

/**
 * Which temporality each kind of instrument reports in. Source: metrics/sdk_exporters/otlp.md,
 * $OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE.
 */
enum otlp_temporality_preference {
	OTLP_PREFER_CUMULATIVE = 0, /**< All instruments cumulative. */
	OTLP_PREFER_DELTA = 1,	    /**< All but up-down counters delta. */
	OTLP_PREFER_LOW_MEMORY =
		2 /**< Delta for counters and histograms that are not observable. */
};

/** Source: metrics/api.md, the kinds of instruments. */
enum otlp_instrument_kind {
	OTLP_COUNTER = 0,		     /**< Counter. */
	OTLP_UP_DOWN_COUNTER = 1,	     /**< UpDownCounter. */
	OTLP_HISTOGRAM = 2,		     /**< Histogram. */
	OTLP_GAUGE = 3,			     /**< Gauge. */
	OTLP_OBSERVABLE_COUNTER = 4,	     /**< Asynchronous Counter. */
	OTLP_OBSERVABLE_UP_DOWN_COUNTER = 5, /**< Asynchronous UpDownCounter. */
	OTLP_OBSERVABLE_GAUGE = 6	     /**< Asynchronous Gauge. */
};

/** What an otlp_number is. */
enum otlp_number_type {
	OTLP_NUMBER_NONE = 0,  /**< None: NO_RECORDED_VALUE is set for it. Not in an exemplar. */
	OTLP_NUMBER_INT = 1,   /**< as.integer, signed, 64 bits. */
	OTLP_NUMBER_DOUBLE = 2 /**< as.real. */
};

/** The content of an otlp_number; its type says which member counts. */
union otlp_number_content {
	int64_t integer; /**< #OTLP_NUMBER_INT. */
	double real;	 /**< #OTLP_NUMBER_DOUBLE. */
};

/** The value of a data point or an exemplar. */
struct otlp_number {
	enum otlp_number_type type;   /**< Which member of `as` counts. */
	union otlp_number_content as; /**< The content. */
};

/** One measurement that stands for many. Source: metrics.proto, Exemplar. */
struct otlp_exemplar {
	uint64_t time_unix_ns;			    /**< When. */
	struct otlp_number value;		    /**< #OTLP_NUMBER_NONE is refused. */
	uint8_t trace_id[16];			    /**< All zero: absent. */
	uint8_t span_id[8];			    /**< All zero: absent. */
	struct otlp_attributes filtered_attributes; /**< Their `dropped` is not carried. */
	const void *reserved[2];		    /**< Must be zero. */
};

/** What each kind of data point has. */
struct otlp_point {
	struct otlp_attributes attributes; /**< Of the series. Their `dropped` is not carried. */
	uint64_t start_time_unix_ns;	   /**< 0: unknown. */
	uint64_t time_unix_ns;		   /**< When. */
	uint32_t flags;			   /**< Source: metrics.proto, DataPointFlags. */
	const struct otlp_exemplar *exemplars; /**< exemplar_count of them; NULL only with 0. */
	size_t exemplar_count;		       /**< Of exemplars. */
	const void *reserved[2];	       /**< Must be zero. */
};

/** A point of a gauge or a sum. Source: metrics.proto, NumberDataPoint. */
struct otlp_number_point {
	struct otlp_point point;  /**< What each point has. */
	struct otlp_number value; /**< The value. */
};

/** A point of a histogram. Source: metrics.proto, HistogramDataPoint. */
struct otlp_histogram_point {
	struct otlp_point point;       /**< What each point has. */
	uint64_t count;		       /**< Of measurements. */
	bool has_sum;		       /**< Whether sum counts. */
	bool has_min;		       /**< Whether min counts. */
	bool has_max;		       /**< Whether max counts. */
	double sum;		       /**< Of measurements. */
	double min;		       /**< The smallest. */
	double max;		       /**< The largest. */
	const uint64_t *bucket_counts; /**< bucket_count of them. */
	size_t bucket_count;	       /**< bound_count + 1; or both are 0. */
	const double *bounds;	       /**< bound_count of them, strictly ascending, no NaN. */
	size_t bound_count;	       /**< Of bounds. */
	const void *reserved[2];       /**< Must be zero. */
};

/** Buckets of an exponential histogram. Source: metrics.proto, Buckets. */
struct otlp_exp_buckets {
	int32_t offset;		/**< Of the first bucket. */
	const uint64_t *counts; /**< count of them; NULL only with count 0. */
	size_t count;		/**< Of buckets. */
};

/** A point of an exponential histogram. Source: metrics.proto, ExponentialHistogramDataPoint. */
struct otlp_exp_histogram_point {
	struct otlp_point point;	  /**< What each point has. */
	uint64_t count;			  /**< Of measurements. */
	bool has_sum;			  /**< Whether sum counts. */
	bool has_min;			  /**< Whether min counts. */
	bool has_max;			  /**< Whether max counts. */
	double sum;			  /**< Of measurements. */
	double min;			  /**< The smallest. */
	double max;			  /**< The largest. */
	int32_t scale;			  /**< The base of the buckets is 2 to the 2^-scale. */
	uint64_t zero_count;		  /**< Measurements near 0. */
	double zero_threshold;		  /**< How near. */
	struct otlp_exp_buckets positive; /**< Of measurements above 0. */
	struct otlp_exp_buckets negative; /**< Of measurements below 0. */
	const void *reserved[2];	  /**< Must be zero. */
};

/** One quantile of a summary. Source: metrics.proto, ValueAtQuantile. */
struct otlp_quantile {
	double quantile; /**< 0.0 to 1.0; anything else is refused. */
	double value;	 /**< The measurement there. */
};

/** A point of a summary. Source: metrics.proto, SummaryDataPoint. */
struct otlp_summary_point {
	struct otlp_point point; /**< Its exemplars are not used: OTLP has none here. */
	uint64_t count;		 /**< Of measurements. */
	double sum;		 /**< Of measurements. */
	const struct otlp_quantile *quantiles; /**< quantile_count of them; NULL only with 0. */
	size_t quantile_count;		       /**< Of quantiles. */
	const void *reserved[2];	       /**< Must be zero. */
};

/** What a metric is. Source: metrics.proto, Metric. */
enum otlp_metric_type {
	OTLP_METRIC_GAUGE = 1,	       /**< points.number. */
	OTLP_METRIC_SUM = 2,	       /**< points.number. */
	OTLP_METRIC_HISTOGRAM = 3,     /**< points.histogram. */
	OTLP_METRIC_EXP_HISTOGRAM = 4, /**< points.exp_histogram. */
	OTLP_METRIC_SUMMARY = 5	       /**< points.summary. */
};

/** The points of a metric; its type says which member counts. */
union otlp_metric_points {
	const struct otlp_number_point *number;		      /**< Gauge, sum. */
	const struct otlp_histogram_point *histogram;	      /**< Histogram. */
	const struct otlp_exp_histogram_point *exp_histogram; /**< Exponential histogram. */
	const struct otlp_summary_point *summary;	      /**< Summary. */
};

/** One metric and its points. Source: metrics.proto, Metric. */
struct otlp_metric {
	struct otlp_str name;		   /**< Of the instrument. */
	struct otlp_str description;	   /**< For people. */
	struct otlp_str unit;		   /**< UCUM. */
	enum otlp_metric_type type;	   /**< What is none is refused. */
	enum otlp_temporality temporality; /**< Sums, histograms: unspecified is refused. */
	bool is_monotonic;		   /**< Sums. */
	struct otlp_attributes metadata;   /**< Their `dropped` is not carried. */
	union otlp_metric_points points;   /**< point_count of them; NULL only with count 0. */
	size_t point_count;		   /**< 0: the metric is left out. */
	const void *reserved[2];	   /**< Must be zero. */
};

/** The metrics of one scope. Source: metrics.proto, ScopeMetrics. */
struct otlp_scope_metrics {
	struct otlp_scope scope;	   /**< Always there; perhaps an empty one. */
	const struct otlp_metric *metrics; /**< metric_count of them; NULL only with count 0. */
	size_t metric_count;		   /**< Of metrics. */
	const void *reserved[2];	   /**< Must be zero. */
};

/** What the SDKs hand to a metric exporter. Source: metrics.proto, ResourceMetrics. */
struct otlp_resource_metrics {
	const struct otlp_resource *resource;		/**< NULL: the library's own. */
	const struct otlp_scope_metrics *scope_metrics; /**< scope_metrics_count of them. */
	size_t scope_metrics_count;			/**< 0: nothing to do, and success. */
	const void *reserved[2];			/**< Must be zero. */
};

#endif
