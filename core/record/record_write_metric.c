/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record's write side for metrics: the head and the five kinds of points. Attributes, scope and
 * resource are written by record_write.c; how many points a record takes is the caller's choice.
 */
#include "core/record/record_write.h"
#include <math.h>

static uint64_t number_bits(const struct otlp_number *number)
{
	return number->type == OTLP_NUMBER_NONE ? 0 : bytes_load64(&number->as);
}

static int size_exemplars(const struct otlp_exemplar *exemplars, size_t count, size_t *bytes)
{
	int rc = record_check_count(exemplars, count);

	for (size_t i = 0; rc == 0 && i < count; i++) {
		const struct otlp_exemplar *const e = &exemplars[i];

		if (e->value.type != OTLP_NUMBER_INT && e->value.type != OTLP_NUMBER_DOUBLE)
			return OTLP_ERR_INVALID;
		*bytes += sizeof(uint32_t) + sizeof(struct record_exemplar_head);
		rc = record_size_attributes(e->filtered_attributes.items,
					    e->filtered_attributes.count, 1, bytes);
	}
	return rc;
}

static uint8_t *write_exemplar(uint8_t *to, const struct otlp_exemplar *exemplar, uint64_t *high)
{
	uint8_t *const start = to + sizeof(uint32_t);
	struct record_exemplar_head head = {
		.time_unix_ns = exemplar->time_unix_ns,
		.value = number_bits(&exemplar->value),
		.number_type = (uint32_t)exemplar->value.type,
		.attribute_count = (uint32_t)exemplar->filtered_attributes.count,
	};
	uint8_t *end;

	memcpy(head.trace_id, exemplar->trace_id, sizeof(head.trace_id));
	memcpy(head.span_id, exemplar->span_id, sizeof(head.span_id));
	memcpy(start, &head, sizeof(head));
	end = record_write_attributes(start + sizeof(head), exemplar->filtered_attributes.items,
				      exemplar->filtered_attributes.count, high);
	bytes_store32(to, (uint32_t)(end - start));
	return end;
}

/* What follows a point's head and arrays. */
static uint8_t *write_point_tail(uint8_t *to, const struct otlp_point *point, size_t exemplar_count,
				 uint64_t *high)
{
	for (size_t i = 0; i < exemplar_count; i++)
		to = write_exemplar(to, &point->exemplars[i], high);
	return record_write_attributes(to, point->attributes.items, point->attributes.count, high);
}

static struct record_point_head point_head(const struct otlp_point *point, uint32_t what)
{
	return (struct record_point_head){
		.start_time_unix_ns = point->start_time_unix_ns,
		.time_unix_ns = point->time_unix_ns,
		.flags = point->flags,
		.what = what,
		.exemplar_count = (uint32_t)point->exemplar_count,
		.attribute_count = (uint32_t)point->attributes.count,
	};
}

static uint32_t what_bits(bool has_sum, bool has_min, bool has_max)
{
	return (has_sum ? RECORD_HAS_SUM : 0) | (has_min ? RECORD_HAS_MIN : 0) |
	       (has_max ? RECORD_HAS_MAX : 0);
}

static uint8_t *write_words(uint8_t *to, const void *words, size_t count)
{
	return bytes_copy(to, words, count * sizeof(uint64_t));
}

static int size_number(const struct otlp_number_point *p, size_t *bytes)
{
	*bytes += sizeof(struct record_number_head);
	return (unsigned int)p->value.type > OTLP_NUMBER_DOUBLE ? OTLP_ERR_INVALID : 0;
}

static uint8_t *write_number(uint8_t *to, const struct otlp_number_point *p, uint64_t *high)
{
	struct record_number_head head = {
		.point = point_head(&p->point, (uint32_t)p->value.type),
		.value = number_bits(&p->value),
	};

	if (p->value.type == OTLP_NUMBER_NONE)
		head.point.flags |= RECORD_POINT_NO_VALUE;
	memcpy(to, &head, sizeof(head));
	return write_point_tail(to + sizeof(head), &p->point, p->point.exemplar_count, high);
}

static int size_histogram(const struct otlp_histogram_point *p, size_t *bytes)
{
	int rc = record_check_count(p->bucket_counts, p->bucket_count);

	if (rc == 0)
		rc = record_check_count(p->bounds, p->bound_count);
	if (rc < 0)
		return rc;
	if (p->bucket_count != p->bound_count + 1 && (p->bucket_count | p->bound_count) != 0)
		return OTLP_ERR_INVALID;
	for (size_t i = 0; i < p->bound_count; i++) {
		if (isnan(p->bounds[i]) || (i > 0 && !(p->bounds[i - 1] < p->bounds[i])))
			return OTLP_ERR_INVALID;
	}
	*bytes += sizeof(struct record_histogram_head) +
		  (p->bucket_count + p->bound_count) * sizeof(uint64_t);
	return 0;
}

static uint8_t *write_histogram(uint8_t *to, const struct otlp_histogram_point *p, uint64_t *high)
{
	const struct record_histogram_head head = {
		.point = point_head(&p->point, what_bits(p->has_sum, p->has_min, p->has_max)),
		.count = p->count,
		.sum = p->has_sum ? p->sum : 0,
		.min = p->has_min ? p->min : 0,
		.max = p->has_max ? p->max : 0,
		.bucket_count = (uint32_t)p->bucket_count,
		.bound_count = (uint32_t)p->bound_count,
	};

	memcpy(to, &head, sizeof(head));
	to = write_words(to + sizeof(head), p->bucket_counts, p->bucket_count);
	to = write_words(to, p->bounds, p->bound_count);
	return write_point_tail(to, &p->point, p->point.exemplar_count, high);
}

static int size_exp_histogram(const struct otlp_exp_histogram_point *p, size_t *bytes)
{
	int rc = record_check_count(p->positive.counts, p->positive.count);

	if (rc == 0)
		rc = record_check_count(p->negative.counts, p->negative.count);
	*bytes += sizeof(struct record_exp_histogram_head) +
		  (p->positive.count + p->negative.count) * sizeof(uint64_t);
	return rc;
}

static uint8_t *write_exp_histogram(uint8_t *to, const struct otlp_exp_histogram_point *p,
				    uint64_t *high)
{
	const struct record_exp_histogram_head head = {
		.point = point_head(&p->point, what_bits(p->has_sum, p->has_min, p->has_max)),
		.count = p->count,
		.sum = p->has_sum ? p->sum : 0,
		.min = p->has_min ? p->min : 0,
		.max = p->has_max ? p->max : 0,
		.zero_count = p->zero_count,
		.zero_threshold = p->zero_threshold,
		.scale = p->scale,
		.positive_offset = p->positive.offset,
		.negative_offset = p->negative.offset,
		.positive_count = (uint32_t)p->positive.count,
		.negative_count = (uint32_t)p->negative.count,
	};

	memcpy(to, &head, sizeof(head));
	to = write_words(to + sizeof(head), p->positive.counts, p->positive.count);
	to = write_words(to, p->negative.counts, p->negative.count);
	return write_point_tail(to, &p->point, p->point.exemplar_count, high);
}

static int size_summary(const struct otlp_summary_point *p, size_t *bytes)
{
	int rc = record_check_count(p->quantiles, p->quantile_count);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < p->quantile_count; i++) {
		if (!(p->quantiles[i].quantile >= 0 && p->quantiles[i].quantile <= 1))
			return OTLP_ERR_INVALID;
	}
	*bytes += sizeof(struct record_summary_head) +
		  p->quantile_count * sizeof(struct otlp_quantile);
	return 0;
}

static uint8_t *write_summary(uint8_t *to, const struct otlp_summary_point *p, uint64_t *high)
{
	struct record_summary_head head = {
		.point = point_head(&p->point, 0),
		.count = p->count,
		.sum = p->sum,
		.quantile_count = (uint32_t)p->quantile_count,
	};

	head.point.exemplar_count = 0;
	memcpy(to, &head, sizeof(head));
	to = bytes_copy(to + sizeof(head), p->quantiles,
			p->quantile_count * sizeof(struct otlp_quantile));
	return write_point_tail(to, &p->point, 0, high);
}

const struct otlp_point *record_metric_point(const struct otlp_metric *metric, size_t index)
{
	switch (metric->type) {
	case OTLP_METRIC_GAUGE:
	case OTLP_METRIC_SUM:
		return &metric->points.number[index].point;
	case OTLP_METRIC_HISTOGRAM:
		return &metric->points.histogram[index].point;
	case OTLP_METRIC_EXP_HISTOGRAM:
		return &metric->points.exp_histogram[index].point;
	case OTLP_METRIC_SUMMARY:
		return &metric->points.summary[index].point;
	}
	return NULL;
}

int record_size_point(const struct otlp_metric *metric, size_t index, size_t *ret_bytes)
{
	const struct otlp_point *const point = record_metric_point(metric, index);
	size_t bytes = sizeof(uint32_t);
	int rc = OTLP_ERR_INVALID;

	if (!point)
		return rc;
	switch (metric->type) {
	case OTLP_METRIC_GAUGE:
	case OTLP_METRIC_SUM:
		rc = size_number(&metric->points.number[index], &bytes);
		break;
	case OTLP_METRIC_HISTOGRAM:
		rc = size_histogram(&metric->points.histogram[index], &bytes);
		break;
	case OTLP_METRIC_EXP_HISTOGRAM:
		rc = size_exp_histogram(&metric->points.exp_histogram[index], &bytes);
		break;
	case OTLP_METRIC_SUMMARY:
		rc = size_summary(&metric->points.summary[index], &bytes);
		break;
	}
	if (rc == 0 && metric->type != OTLP_METRIC_SUMMARY)
		rc = size_exemplars(point->exemplars, point->exemplar_count, &bytes);
	if (rc == 0)
		rc = record_size_attributes(point->attributes.items, point->attributes.count, 1,
					    &bytes);
	return record_sized(rc, bytes, ret_bytes);
}

static uint8_t *write_point(uint8_t *to, const struct otlp_metric *metric, size_t index,
			    uint64_t *high)
{
	uint8_t *const start = to + sizeof(uint32_t);
	uint8_t *end = start;

	switch (metric->type) {
	case OTLP_METRIC_GAUGE:
	case OTLP_METRIC_SUM:
		end = write_number(start, &metric->points.number[index], high);
		break;
	case OTLP_METRIC_HISTOGRAM:
		end = write_histogram(start, &metric->points.histogram[index], high);
		break;
	case OTLP_METRIC_EXP_HISTOGRAM:
		end = write_exp_histogram(start, &metric->points.exp_histogram[index], high);
		break;
	case OTLP_METRIC_SUMMARY:
		end = write_summary(start, &metric->points.summary[index], high);
		break;
	}
	bytes_store32(to, (uint32_t)(end - start));
	return end;
}

static bool has_temporality(enum otlp_metric_type type)
{
	return type == OTLP_METRIC_SUM || type == OTLP_METRIC_HISTOGRAM ||
	       type == OTLP_METRIC_EXP_HISTOGRAM;
}

int record_size_metric(const struct otlp_metric *metric, const struct otlp_scope *scope,
		       const struct otlp_resource *inline_resource, size_t *ret_head_bytes)
{
	size_t bytes = sizeof(struct record_metric_head);
	int rc;

	if (metric->type < OTLP_METRIC_GAUGE || metric->type > OTLP_METRIC_SUMMARY ||
	    (unsigned int)metric->temporality > OTLP_TEMPORALITY_CUMULATIVE ||
	    metric->reserved[0] || metric->reserved[1])
		return OTLP_ERR_INVALID;
	if (has_temporality(metric->type) && metric->temporality == OTLP_TEMPORALITY_UNSPECIFIED)
		return OTLP_ERR_INVALID;
	if (!metric->points.number && metric->point_count)
		return OTLP_ERR_INVALID;
	rc = record_size_sections(inline_resource, scope, &bytes);
	if (rc == 0)
		rc = record_size_text(metric->name, &bytes);
	if (rc == 0)
		rc = record_size_text(metric->description, &bytes);
	if (rc == 0)
		rc = record_size_text(metric->unit, &bytes);
	if (rc == 0)
		rc = record_size_attributes(metric->metadata.items, metric->metadata.count, 1,
					    &bytes);
	return record_sized(rc, bytes, ret_head_bytes);
}

enum record_written record_write_metric(uint8_t *to, const struct otlp_metric *metric,
					const struct otlp_scope *scope,
					const struct otlp_resource *inline_resource,
					uint32_t resource_ref, size_t first_point,
					size_t point_count, size_t bytes)
{
	const uint8_t *const start = to;
	uint64_t gathered = 0, *const high = &gathered;
	struct record_metric_head head = {
		.kind = RECORD_METRIC,
		.has = record_has_sections(inline_resource, scope),
		.metric_type = (uint8_t)metric->type,
		.resource_ref = inline_resource ? 0 : resource_ref,
		.name_bytes = (uint32_t)metric->name.len,
		.description_bytes = (uint32_t)metric->description.len,
		.unit_bytes = (uint32_t)metric->unit.len,
		.metadata_count = (uint32_t)metric->metadata.count,
		.point_count = (uint32_t)point_count,
	};

	if (has_temporality(metric->type))
		head.temporality = (uint8_t)metric->temporality;
	if (metric->type == OTLP_METRIC_SUM && metric->is_monotonic)
		head.has |= RECORD_IS_MONOTONIC;
	memcpy(to, &head, sizeof(head));
	to = record_write_sections(to + sizeof(head), inline_resource, scope, high);
	to = bytes_copy_text(to, metric->name.ptr, metric->name.len, high);
	to = bytes_copy_text(to, metric->description.ptr, metric->description.len, high);
	to = bytes_copy_text(to, metric->unit.ptr, metric->unit.len, high);
	to = record_write_attributes(to, metric->metadata.items, metric->metadata.count, high);
	for (size_t i = first_point; i < first_point + point_count; i++)
		to = write_point(to, metric, i, high);
	return record_written((size_t)(to - start) == bytes, gathered);
}
