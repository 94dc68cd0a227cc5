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

static uint8_t *write_exemplar(uint8_t *to, uint8_t *end, const struct otlp_exemplar *exemplar,
			       uint64_t *high)
{
	const size_t count = record_length(&exemplar->filtered_attributes.count);
	uint8_t *const start = to + sizeof(uint32_t);
	struct record_exemplar_head *const head = (struct record_exemplar_head *)start;

	if (!record_fits(start, sizeof(*head), end))
		return record_over(end);
	head->time_unix_ns = exemplar->time_unix_ns;
	head->value = number_bits(&exemplar->value);
	memcpy(head->trace_id, exemplar->trace_id, sizeof(head->trace_id));
	memcpy(head->span_id, exemplar->span_id, sizeof(head->span_id));
	head->number_type = (uint32_t)exemplar->value.type;
	head->attribute_count = (uint32_t)count;
	to = record_write_attributes(start + sizeof(*head), end,
				     exemplar->filtered_attributes.items, count, high);
	bytes_store32(start - sizeof(uint32_t), (uint32_t)(to - start));
	return to;
}

static RECORD_APART uint8_t *write_exemplars(uint8_t *to, uint8_t *end,
					     const struct otlp_exemplar *exemplars, size_t count,
					     uint64_t *high)
{
	for (size_t i = 0; i < count && to <= end; i++)
		to = write_exemplar(to, end, &exemplars[i], high);
	return to;
}

/* What follows a point's head and arrays. */
static inline uint8_t *write_point_tail(uint8_t *to, uint8_t *end, const struct otlp_point *point,
					size_t exemplar_count, uint64_t *high)
{
	if (exemplar_count != 0)
		to = write_exemplars(to, end, point->exemplars, exemplar_count, high);
	return record_write_attributes(to, end, point->attributes.items,
				       record_length(&point->attributes.count), high);
}

/* In place, as the heads of spans; returns how many exemplars it has told of. */
static inline size_t write_point_head(struct record_point_head *head,
				      const struct otlp_point *point, uint32_t what)
{
	const size_t exemplar_count = record_length(&point->exemplar_count);

	head->start_time_unix_ns = point->start_time_unix_ns;
	head->time_unix_ns = point->time_unix_ns;
	head->flags = point->flags;
	head->what = what;
	head->exemplar_count = (uint32_t)exemplar_count;
	head->attribute_count = (uint32_t)record_length(&point->attributes.count);
	return exemplar_count;
}

static uint32_t what_bits(bool has_sum, bool has_min, bool has_max)
{
	return (has_sum ? RECORD_HAS_SUM : 0) | (has_min ? RECORD_HAS_MIN : 0) |
	       (has_max ? RECORD_HAS_MAX : 0);
}

static uint8_t *write_words(uint8_t *to, uint8_t *end, const void *words, size_t count)
{
	const size_t bytes = count * sizeof(uint64_t);

	return record_fits(to, bytes, end) ? bytes_copy(to, words, bytes) : record_over(end);
}

static int size_number(const struct otlp_number_point *p, size_t *bytes)
{
	*bytes += sizeof(struct record_number_head);
	return (unsigned int)p->value.type > OTLP_NUMBER_DOUBLE ? OTLP_ERR_INVALID : 0;
}

static uint8_t *write_number(uint8_t *to, uint8_t *end, const struct otlp_number_point *p,
			     uint64_t *high)
{
	struct record_number_head *const head = (struct record_number_head *)to;
	const uint32_t type = (uint32_t)p->value.type;
	size_t exemplar_count;

	if (!record_fits(to, sizeof(*head), end))
		return record_over(end);
	exemplar_count = write_point_head(&head->point, &p->point, type);
	head->value = type == OTLP_NUMBER_NONE ? 0 : bytes_load64(&p->value.as);
	if (type == OTLP_NUMBER_NONE)
		head->point.flags |= RECORD_POINT_NO_VALUE;
	return write_point_tail(to + sizeof(*head), end, &p->point, exemplar_count, high);
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

static uint8_t *write_histogram(uint8_t *to, uint8_t *end, const struct otlp_histogram_point *p,
				uint64_t *high)
{
	struct record_histogram_head *const head = (struct record_histogram_head *)to;
	const size_t bucket_count = record_length(&p->bucket_count);
	const size_t bound_count = record_length(&p->bound_count);
	size_t exemplar_count;

	if (!record_fits(to, sizeof(*head), end))
		return record_over(end);
	exemplar_count = write_point_head(&head->point, &p->point,
					  what_bits(p->has_sum, p->has_min, p->has_max));
	head->count = p->count;
	head->sum = p->has_sum ? p->sum : 0;
	head->min = p->has_min ? p->min : 0;
	head->max = p->has_max ? p->max : 0;
	head->bucket_count = (uint32_t)bucket_count;
	head->bound_count = (uint32_t)bound_count;
	to = write_words(to + sizeof(*head), end, p->bucket_counts, bucket_count);
	to = write_words(to, end, p->bounds, bound_count);
	return write_point_tail(to, end, &p->point, exemplar_count, high);
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

static uint8_t *write_exp_histogram(uint8_t *to, uint8_t *end,
				    const struct otlp_exp_histogram_point *p, uint64_t *high)
{
	struct record_exp_histogram_head *const head = (struct record_exp_histogram_head *)to;
	const size_t positive_count = record_length(&p->positive.count);
	const size_t negative_count = record_length(&p->negative.count);
	size_t exemplar_count;

	if (!record_fits(to, sizeof(*head), end))
		return record_over(end);
	exemplar_count = write_point_head(&head->point, &p->point,
					  what_bits(p->has_sum, p->has_min, p->has_max));
	head->count = p->count;
	head->sum = p->has_sum ? p->sum : 0;
	head->min = p->has_min ? p->min : 0;
	head->max = p->has_max ? p->max : 0;
	head->zero_count = p->zero_count;
	head->zero_threshold = p->zero_threshold;
	head->scale = p->scale;
	head->positive_offset = p->positive.offset;
	head->negative_offset = p->negative.offset;
	head->positive_count = (uint32_t)positive_count;
	head->negative_count = (uint32_t)negative_count;
	to = write_words(to + sizeof(*head), end, p->positive.counts, positive_count);
	to = write_words(to, end, p->negative.counts, negative_count);
	return write_point_tail(to, end, &p->point, exemplar_count, high);
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

static uint8_t *write_summary(uint8_t *to, uint8_t *end, const struct otlp_summary_point *p,
			      uint64_t *high)
{
	struct record_summary_head *const head = (struct record_summary_head *)to;
	const size_t quantile_count = record_length(&p->quantile_count);

	if (!record_fits(to, sizeof(*head), end))
		return record_over(end);
	(void)write_point_head(&head->point, &p->point, 0);
	head->point.exemplar_count = 0;
	head->count = p->count;
	head->sum = p->sum;
	head->quantile_count = (uint32_t)quantile_count;
	/* Each is two words. */
	to = write_words(to + sizeof(*head), end, p->quantiles, 2 * quantile_count);
	return write_point_tail(to, end, &p->point, 0, high);
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

static uint8_t *write_point(uint8_t *to, uint8_t *end, const struct otlp_metric *metric,
			    size_t index, uint64_t *high)
{
	uint8_t *const start = to + sizeof(uint32_t);

	if (start > end)
		return record_over(end);
	to = start;

	switch (metric->type) {
	case OTLP_METRIC_GAUGE:
	case OTLP_METRIC_SUM:
		to = write_number(start, end, &metric->points.number[index], high);
		break;
	case OTLP_METRIC_HISTOGRAM:
		to = write_histogram(start, end, &metric->points.histogram[index], high);
		break;
	case OTLP_METRIC_EXP_HISTOGRAM:
		to = write_exp_histogram(start, end, &metric->points.exp_histogram[index], high);
		break;
	case OTLP_METRIC_SUMMARY:
		to = write_summary(start, end, &metric->points.summary[index], high);
		break;
	}
	bytes_store32(start - sizeof(uint32_t), (uint32_t)(to - start));
	return to;
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
					const struct otlp_resource *inline_resource, uint32_t refs,
					size_t first_point, size_t point_count, size_t bytes)
{
	uint8_t *const end = to + bytes;
	struct record_metric_head *const head = (struct record_metric_head *)to;
	const size_t metadata_count = record_length(&metric->metadata.count);
	const size_t name = record_length(&metric->name.len);
	const size_t description = record_length(&metric->description.len);
	const size_t unit = record_length(&metric->unit.len);
	const enum otlp_metric_type type = metric->type;
	uint64_t high = 0, high_of_parts = 0; /* as in record_write_span() */

	head->kind = RECORD_METRIC;
	head->has = record_has_sections(inline_resource, scope);
	if (type == OTLP_METRIC_SUM && metric->is_monotonic)
		head->has |= RECORD_IS_MONOTONIC;
	head->metric_type = (uint8_t)type;
	head->temporality = has_temporality(type) ? (uint8_t)metric->temporality : 0;
	record_write_refs(head, record_refs(inline_resource, refs));
	head->name_bytes = (uint32_t)name;
	head->description_bytes = (uint32_t)description;
	head->unit_bytes = (uint32_t)unit;
	head->metadata_count = (uint32_t)metadata_count;
	head->point_count = (uint32_t)point_count;
	to = record_write_sections(to + sizeof(*head), end, inline_resource, scope, &high_of_parts);
	if (!record_fits(to, name + description + unit, end))
		return RECORD_CHANGED;
	to = bytes_copy_text(to, metric->name.ptr, name, &high);
	to = bytes_copy_text(to, metric->description.ptr, description, &high);
	to = bytes_copy_text(to, metric->unit.ptr, unit, &high);
	to = record_write_attributes(to, end, metric->metadata.items, metadata_count,
				     &high_of_parts);
	for (size_t i = first_point; i < first_point + point_count && to <= end; i++)
		to = write_point(to, end, metric, i, &high_of_parts);
	return record_written(to == end, high | high_of_parts);
}
