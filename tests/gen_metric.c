/* SPDX-License-Identifier: Apache-2.0 */
/* Random borrowed metrics of all five kinds; gen.c says what for. */
#include "base/array.h"
#include "tests/gen.h"
#include "tests/gen_internal.h"

/* A name that must not be empty. */
static struct otlp_str gen_name(struct gen *gen)
{
	struct otlp_str name = gen_text(gen);

	return name.len ? name : OTLP_STR("http.server.request.duration");
}

static struct otlp_number gen_number(struct gen *gen, bool may_be_none)
{
	struct otlp_number number = {.type = OTLP_NUMBER_INT};

	if (may_be_none && gen_one_in(gen, 8)) {
		number.type = OTLP_NUMBER_NONE;
	} else if (gen_one_in(gen, 2)) {
		number.as.integer = (int64_t)gen_any_u64(gen);
	} else {
		number.type = OTLP_NUMBER_DOUBLE;
		number.as.real = gen_any_double(gen);
	}
	return number;
}

static void fill_point(struct gen *gen, struct otlp_point *point, bool has_exemplars)
{
	struct otlp_exemplar *exemplars;

	point->attributes = gen_pairs(gen, 10);
	point->start_time_unix_ns = gen_one_in(gen, 3) ? 0 : gen_any_time(gen);
	point->time_unix_ns = gen_any_time(gen);
	if (gen_one_in(gen, 6))
		point->flags = gen_one_in(gen, 4) ? (uint32_t)gen_any_u64(gen) : 1;
	if (!has_exemplars)
		return;
	point->exemplar_count = gen_one_in(gen, 2) ? 0 : gen_some(gen, 6);
	point->exemplars = exemplars = gen_make(gen, point->exemplar_count, sizeof(*exemplars));
	for (size_t i = 0; i < point->exemplar_count; i++) {
		exemplars[i].time_unix_ns = gen_any_time(gen);
		exemplars[i].value = gen_number(gen, false);
		if (!gen_one_in(gen, 3))
			gen_fill_id(gen, exemplars[i].trace_id, sizeof(exemplars[i].trace_id));
		if (!gen_one_in(gen, 3))
			gen_fill_id(gen, exemplars[i].span_id, sizeof(exemplars[i].span_id));
		exemplars[i].filtered_attributes = gen_pairs(gen, 4);
	}
}

static const struct otlp_number_point *number_points(struct gen *gen, size_t count)
{
	struct otlp_number_point *points = gen_make(gen, count, sizeof(*points));

	for (size_t i = 0; i < count; i++) {
		fill_point(gen, &points[i].point, true);
		points[i].value = gen_number(gen, true);
	}
	return points;
}

/* Bucket counts whose sum goes on top of *total, without overflow. */
static const uint64_t *bucket_counts(struct gen *gen, size_t count, uint64_t *total)
{
	uint64_t *counts = gen_make(gen, count, sizeof(*counts));

	for (size_t i = 0; i < count; i++) {
		counts[i] = gen_one_in(gen, 4) ? 0 : gen_u64(gen) >> (20 + gen_below(gen, 44));
		*total += counts[i];
	}
	if (count && gen_one_in(gen, 16)) { /* ten bytes as a varint */
		counts[gen_below(gen, count)] += UINT64_MAX - *total;
		*total = UINT64_MAX;
	}
	return counts;
}

static const struct otlp_histogram_point *histogram_points(struct gen *gen, size_t count)
{
	struct otlp_histogram_point *points = gen_make(gen, count, sizeof(*points));
	unsigned has;
	double *bounds;

	for (size_t i = 0; i < count; i++) {
		fill_point(gen, &points[i].point, true);
		has = (unsigned)gen_below(gen, 8);
		points[i].has_sum = has & 1;
		points[i].has_min = has & 2;
		points[i].has_max = has & 4;
		points[i].sum = points[i].has_sum ? gen_any_double(gen) : 0;
		points[i].min = points[i].has_min ? gen_any_double(gen) : 0;
		points[i].max = points[i].has_max ? gen_any_double(gen) : 0;
		if (gen_one_in(gen, 4)) { /* no buckets at all: a count stands alone */
			points[i].count = gen_any_u64(gen);
			continue;
		}
		points[i].bound_count = gen_some(gen, gen->current == GEN_LARGE ? 200 : 20);
		bounds = gen_make(gen, points[i].bound_count, sizeof(*bounds));
		for (size_t j = 0; j < points[i].bound_count; j++)
			bounds[j] =
				(j ? bounds[j - 1] : -20.0) + 0.005 + (double)gen_below(gen, 40);
		points[i].bounds = bounds;
		points[i].bucket_count = points[i].bound_count + 1;
		points[i].bucket_counts =
			bucket_counts(gen, points[i].bucket_count, &points[i].count);
	}
	return points;
}

static int32_t any_i32(struct gen *gen, int32_t usual)
{
	static const int32_t edges[] = {0, -1, 1, INT32_MIN, INT32_MAX, 63, 64, -64, -65};

	if (gen_one_in(gen, 3))
		return edges[gen_below(gen, COUNT_OF(edges))];
	return (int32_t)gen_below(gen, 2 * (uint64_t)usual) - usual;
}

static struct otlp_exp_buckets exp_buckets(struct gen *gen, uint64_t *total)
{
	struct otlp_exp_buckets buckets = {0};

	if (gen_one_in(gen, 4))
		return buckets;
	buckets.offset = any_i32(gen, 1000);
	buckets.count = gen_one_in(gen, 8) ? 160 : gen_some(gen, 40);
	buckets.counts = bucket_counts(gen, buckets.count, total);
	return buckets;
}

static const struct otlp_exp_histogram_point *exp_points(struct gen *gen, size_t count)
{
	struct otlp_exp_histogram_point *points = gen_make(gen, count, sizeof(*points));
	unsigned has;

	for (size_t i = 0; i < count; i++) {
		fill_point(gen, &points[i].point, true);
		has = (unsigned)gen_below(gen, 8);
		points[i].has_sum = has & 1;
		points[i].has_min = has & 2;
		points[i].has_max = has & 4;
		points[i].sum = points[i].has_sum ? gen_any_double(gen) : 0;
		points[i].min = points[i].has_min ? gen_any_double(gen) : 0;
		points[i].max = points[i].has_max ? gen_any_double(gen) : 0;
		points[i].scale = any_i32(gen, 20);
		points[i].zero_count = gen_one_in(gen, 2) ? 0 : gen_below(gen, 1000);
		points[i].count = points[i].zero_count;
		points[i].zero_threshold = gen_one_in(gen, 2) ? 0 : gen_any_double(gen);
		points[i].positive = exp_buckets(gen, &points[i].count);
		points[i].negative = exp_buckets(gen, &points[i].count);
	}
	return points;
}

static const struct otlp_summary_point *summary_points(struct gen *gen, size_t count)
{
	struct otlp_summary_point *points = gen_make(gen, count, sizeof(*points));
	struct otlp_quantile *quantiles;

	for (size_t i = 0; i < count; i++) {
		fill_point(gen, &points[i].point, false);
		points[i].count = gen_any_u64(gen);
		points[i].sum = gen_any_double(gen);
		points[i].quantile_count = gen_some(gen, 10);
		quantiles = gen_make(gen, points[i].quantile_count, sizeof(*quantiles));
		for (size_t j = 0; j < points[i].quantile_count; j++) {
			quantiles[j].quantile = (double)j / 9.0;
			quantiles[j].value = gen_any_double(gen);
		}
		points[i].quantiles = quantiles;
	}
	return points;
}

static void fill_metric(struct gen *gen, struct otlp_metric *metric, size_t point_count)
{
	metric->name = gen_name(gen);
	metric->description = gen_text(gen);
	metric->unit = gen_text(gen);
	metric->metadata = gen_one_in(gen, 3) ? gen_pairs(gen, 4) : (struct otlp_attributes){0};
	metric->type = (enum otlp_metric_type)(1 + gen_below(gen, 5));
	metric->point_count = point_count;
	switch (metric->type) {
	case OTLP_METRIC_SUM:
		metric->is_monotonic = gen_one_in(gen, 2);
		metric->temporality = (enum otlp_temporality)(1 + gen_below(gen, 2));
		metric->points.number = number_points(gen, point_count);
		break;
	case OTLP_METRIC_HISTOGRAM:
		metric->temporality = (enum otlp_temporality)(1 + gen_below(gen, 2));
		metric->points.histogram = histogram_points(gen, point_count);
		break;
	case OTLP_METRIC_EXP_HISTOGRAM:
		metric->temporality = (enum otlp_temporality)(1 + gen_below(gen, 2));
		metric->points.exp_histogram = exp_points(gen, point_count);
		break;
	case OTLP_METRIC_SUMMARY:
		metric->points.summary = summary_points(gen, point_count);
		break;
	case OTLP_METRIC_GAUGE:
		metric->points.number = number_points(gen, point_count);
		break;
	}
}

const struct otlp_metric *gen_metric(struct gen *gen)
{
	struct otlp_metric *metric;

	gen_begin(gen);
	metric = gen_make(gen, 1, sizeof(*metric));
	fill_metric(gen, metric, 1 + gen_some(gen, gen->current == GEN_LARGE ? 60 : 6));
	return metric;
}

const struct otlp_resource_metrics *gen_metrics(struct gen *gen)
{
	struct otlp_resource_metrics *all;
	struct otlp_scope_metrics *scopes;
	struct otlp_metric *metrics;

	gen_begin(gen);
	all = gen_make(gen, 1, sizeof(*all));
	all->resource = gen_one_in(gen, 2) ? NULL : gen_resource(gen);
	all->scope_metrics_count = gen_some(gen, 3);
	all->scope_metrics = scopes = gen_make(gen, all->scope_metrics_count, sizeof(*scopes));
	for (size_t i = 0; i < all->scope_metrics_count; i++) {
		scopes[i].scope = *gen_scope(gen);
		scopes[i].metric_count = gen_some(gen, 5);
		scopes[i].metrics = metrics =
			gen_make(gen, scopes[i].metric_count, sizeof(*metrics));
		for (size_t j = 0; j < scopes[i].metric_count; j++)
			fill_metric(gen, &metrics[j],
				    gen_some(gen, gen->current == GEN_LARGE ? 60 : 6));
	}
	return all;
}
