/* SPDX-License-Identifier: Apache-2.0 */
/* The validating reader of metrics and their points. */
#include "core/record/record_read_metric.h"

#include <math.h>

static bool take_exemplar(struct cursor *c)
{
	struct record_exemplar_head head;
	struct cursor exemplar;

	return cursor_take_part(c, &exemplar) && cursor_take_copy(&exemplar, &head, sizeof(head)) &&
	       (head.number_type == OTLP_NUMBER_INT || head.number_type == OTLP_NUMBER_DOUBLE) &&
	       cursor_take_last_attributes(&exemplar, head.attribute_count);
}

/* What follows a point's head and arrays. */
static bool take_point_tail(struct cursor *c, const struct record_point_head *point)
{
	for (uint32_t i = 0; i < point->exemplar_count; i++) {
		if (!take_exemplar(c))
			return false;
	}
	return cursor_take_last_attributes(c, point->attribute_count);
}

static bool check_number(struct cursor *c)
{
	struct record_number_head head;

	if (!cursor_take_copy(c, &head, sizeof(head)) || head.point.what > OTLP_NUMBER_DOUBLE)
		return false;
	if (head.point.what == OTLP_NUMBER_NONE &&
	    (head.value != 0 || !(head.point.flags & RECORD_POINT_NO_VALUE)))
		return false;
	return take_point_tail(c, &head.point);
}

static bool bounds_ascend(const uint8_t *bounds, uint32_t count)
{
	double last = 0;

	for (uint32_t i = 0; i < count; i++) {
		double bound;

		memcpy(&bound, bounds + i * sizeof(bound), sizeof(bound));
		if (isnan(bound) || (i > 0 && !(last < bound)))
			return false;
		last = bound;
	}
	return true;
}

static inline bool what_is_valid(uint32_t what)
{
	return !(what & ~(RECORD_HAS_SUM | RECORD_HAS_MIN | RECORD_HAS_MAX));
}

static bool check_histogram(struct cursor *c)
{
	struct record_histogram_head head;
	const uint8_t *bounds;

	if (!cursor_take_copy(c, &head, sizeof(head)) || !what_is_valid(head.point.what))
		return false;
	if (head.bucket_count != (uint64_t)head.bound_count + 1 &&
	    (head.bucket_count | head.bound_count) != 0)
		return false;
	if (!cursor_take(c, (size_t)head.bucket_count * sizeof(uint64_t)))
		return false;
	bounds = cursor_take(c, (size_t)head.bound_count * sizeof(double));
	return bounds && bounds_ascend(bounds, head.bound_count) && take_point_tail(c, &head.point);
}

static bool check_exp_histogram(struct cursor *c)
{
	struct record_exp_histogram_head head;

	return cursor_take_copy(c, &head, sizeof(head)) && what_is_valid(head.point.what) &&
	       cursor_take(c, (size_t)head.positive_count * sizeof(uint64_t)) &&
	       cursor_take(c, (size_t)head.negative_count * sizeof(uint64_t)) &&
	       take_point_tail(c, &head.point);
}

static bool check_summary(struct cursor *c)
{
	struct record_summary_head head;

	if (!cursor_take_copy(c, &head, sizeof(head)) || head.point.what ||
	    head.point.exemplar_count)
		return false;
	for (uint32_t i = 0; i < head.quantile_count; i++) {
		double pair[2];

		if (!cursor_take_copy(c, pair, sizeof(pair)) || !(pair[0] >= 0 && pair[0] <= 1))
			return false;
	}
	return take_point_tail(c, &head.point);
}

static bool take_point(struct cursor *c, uint8_t metric_type)
{
	struct cursor point;

	if (!cursor_take_part(c, &point))
		return false;
	switch (metric_type) {
	case OTLP_METRIC_GAUGE:
	case OTLP_METRIC_SUM:
		return check_number(&point);
	case OTLP_METRIC_HISTOGRAM:
		return check_histogram(&point);
	case OTLP_METRIC_EXP_HISTOGRAM:
		return check_exp_histogram(&point);
	default:
		return check_summary(&point);
	}
}

static bool metric_head_is_valid(const struct record_metric_head *head)
{
	const uint8_t sections = RECORD_HAS_RESOURCE | RECORD_HAS_SCOPE;

	if (head->point_count == 0 || head->temporality > OTLP_TEMPORALITY_CUMULATIVE)
		return false;
	switch (head->metric_type) {
	case OTLP_METRIC_SUM:
		return !(head->has & ~(sections | RECORD_IS_MONOTONIC)) && head->temporality;
	case OTLP_METRIC_HISTOGRAM:
	case OTLP_METRIC_EXP_HISTOGRAM:
		return !(head->has & ~sections) && head->temporality;
	case OTLP_METRIC_GAUGE:
	case OTLP_METRIC_SUMMARY:
		return !(head->has & ~sections) && !head->temporality;
	default:
		return false;
	}
}

bool record_read_metric(struct cursor *c, struct record_view *view)
{
	struct record_metric_head *const head = &view->head.metric;

	if (!cursor_take_copy(c, head, sizeof(*head)) || !metric_head_is_valid(head))
		return false;
	view->item_count = head->point_count;
	view->resource_ref = head->resource_ref;
	view->scope_ref = head->scope_ref;
	if (!cursor_take_sections(c, head->has, view))
		return false;
	view->body = c->at;
	if (!cursor_take_texts(c, head->name_bytes, head->description_bytes, head->unit_bytes) ||
	    !cursor_take_attributes(c, head->metadata_count))
		return false;
	for (uint32_t i = 0; i < head->point_count; i++) {
		if (!take_point(c, head->metric_type))
			return false;
	}
	return cursor_left(c) == 0;
}
