/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics and their points where they lie, as otlp_view.h has spans and log records. */
#ifndef OTLPIPE_CLI_OTLP_VIEW_METRIC_H
#define OTLPIPE_CLI_OTLP_VIEW_METRIC_H

#include "cli/otlp_view.h"

enum view_metric_kind {
	VIEW_GAUGE,
	VIEW_SUM,
	VIEW_HISTOGRAM,
	VIEW_EXP_HISTOGRAM,
	VIEW_SUMMARY,
	VIEW_METRIC_KINDS
};

#define VIEW_DELTA	     1
#define VIEW_CUMULATIVE	     2
#define VIEW_POINT_NO_VALUE  1u /* of the flags: nothing was measured */
#define VIEW_POINT_OF_METRIC 1u /* the field of each kind's points */

/* Of each kind, as in the schema: gauge, sum, histogram, exponential_histogram, summary. */
extern const char *const view_metric_kind_names[VIEW_METRIC_KINDS];
extern const uint32_t view_point_attributes[VIEW_METRIC_KINDS]; /* the field's number */
extern const uint32_t view_point_exemplars[VIEW_METRIC_KINDS];	/* 0: there are none */

struct view_metric {
	struct view_bytes name, description, unit;
	bool has_data;
	enum view_metric_kind kind;
	struct view_bytes data; /* the points are in it */
	int32_t temporality;
	bool is_monotonic;
};

int view_metric(struct view_bytes message, struct view_metric *ret);

struct view_buckets {
	int32_t offset;
	struct view_bytes message;
};

struct view_point {
	struct view_bytes message;
	uint64_t start_ns, time_ns;
	uint32_t flags;
	bool has_int, has_double; /* of a gauge and a sum */
	int64_t as_int;
	double as_double;
	uint64_t count; /* of the others */
	bool has_sum, has_min, has_max;
	double sum, min, max;
	int32_t scale;
	uint64_t zero_count;
	double zero_threshold;
	struct view_buckets positive, negative;
};

int view_point(enum view_metric_kind kind, struct view_bytes message, struct view_point *ret);

/** The value of a gauge's or a sum's point. */
static inline double view_point_value(const struct view_point *point)
{
	return point->has_int ? (double)point->as_int : point->as_double;
}

struct view_exemplar {
	uint64_t time_ns;
	struct view_bytes trace_id, span_id;
	bool has_value;
	double value;
};

#define VIEW_EXEMPLAR_ATTRIBUTES 7u
int view_exemplar(struct view_bytes message, struct view_exemplar *ret);

/**
 * The numbers of a repeated field, packed or not.
 *
 * @param is_varint  else 8 bytes each
 * @return 0, -EBADMSG, or what the call gave
 */
int view_numbers(struct view_bytes message, uint32_t number, bool is_varint,
		 int (*call)(void *context, uint64_t bits), void *context);

double view_double(uint64_t bits);

#endif
