/* SPDX-License-Identifier: Apache-2.0 */
/* The record's write side for metrics: each rule of what is refused, and what is carried. */
#include "base/array.h"
#include "core/record/record.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after its prerequisites */
#include <cmocka.h>

#define BAD OTLP_STR("\xff")

static struct otlp_metric metric_of(enum otlp_metric_type type, const void *points)
{
	struct otlp_metric metric = {
		.name = OTLP_STR("m"),
		.type = type,
		.temporality = OTLP_TEMPORALITY_DELTA,
		.point_count = 1,
	};

	metric.points.number = points;
	return metric;
}

static int measure_head(const struct otlp_metric *metric)
{
	size_t bytes;

	return record_measure_metric(metric, NULL, NULL, &bytes);
}

static int measure_point(enum otlp_metric_type type, const void *point)
{
	const struct otlp_metric metric = metric_of(type, point);
	size_t bytes;

	return record_measure_point(&metric, 0, &bytes);
}

/* Write points [first, first + count), parse, and give back the view; *ret_bytes to be freed. */
static struct record_view carry(const struct otlp_metric *metric, size_t first, size_t count,
				uint8_t **ret_bytes)
{
	struct record_view view;
	size_t bytes, point_bytes;

	assert_int_equal(record_measure_metric(metric, NULL, NULL, &bytes), 0);
	for (size_t i = first; i < first + count; i++) {
		assert_int_equal(record_measure_point(metric, i, &point_bytes), 0);
		bytes += point_bytes;
	}
	*ret_bytes = malloc(bytes);
	assert_non_null(*ret_bytes);
	assert_int_not_equal(
		record_write_metric(*ret_bytes, metric, NULL, NULL, 1, first, count, bytes),
		RECORD_CHANGED);
	assert_int_equal(record_parse(*ret_bytes, bytes, bytes, &view), 0);
	return view;
}

static const uint8_t *first_point(const struct record_view *view)
{
	return view->body + view->head.metric.name_bytes + sizeof(uint32_t);
}

static void unknown_metric_types_are_refused(void **state)
{
	const struct otlp_number_point point = {.value.type = OTLP_NUMBER_INT};
	struct otlp_metric metric = metric_of(OTLP_METRIC_GAUGE, &point);
	size_t bytes;

	(void)state;
	assert_int_equal(measure_head(&metric), 0);
	metric.type = (enum otlp_metric_type)0;
	assert_int_equal(measure_head(&metric), -EINVAL);
	assert_int_equal(record_measure_point(&metric, 0, &bytes), -EINVAL);
	metric.type = (enum otlp_metric_type)6;
	assert_int_equal(measure_head(&metric), -EINVAL);
	assert_int_equal(record_measure_point(&metric, 0, &bytes), -EINVAL);
}

static void sums_and_histograms_need_a_temporality(void **state)
{
	const struct otlp_number_point point = {.value.type = OTLP_NUMBER_INT};

	(void)state;
	for (enum otlp_metric_type t = OTLP_METRIC_GAUGE; t <= OTLP_METRIC_SUMMARY; t++) {
		const bool needed = t != OTLP_METRIC_GAUGE && t != OTLP_METRIC_SUMMARY;
		struct otlp_metric metric = metric_of(t, &point);

		metric.temporality = OTLP_TEMPORALITY_CUMULATIVE;
		assert_int_equal(measure_head(&metric), 0);
		metric.temporality = OTLP_TEMPORALITY_UNSPECIFIED;
		assert_int_equal(measure_head(&metric), needed ? -EINVAL : 0);
		metric.temporality = (enum otlp_temporality)3;
		assert_int_equal(measure_head(&metric), -EINVAL);
	}
}

static void reserved_fields_of_metrics_must_be_zero(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct otlp_metric metric = metric_of(OTLP_METRIC_GAUGE, &metric);

		metric.reserved[i] = &metric;
		assert_int_equal(measure_head(&metric), -EINVAL);
	}
}

static void missing_points_with_a_count_are_refused(void **state)
{
	struct otlp_metric metric = metric_of(OTLP_METRIC_GAUGE, NULL);

	(void)state;
	assert_int_equal(measure_head(&metric), -EINVAL);
	metric.point_count = 0;
	assert_int_equal(measure_head(&metric), 0);
}

static void text_of_metrics_that_is_not_utf8_is_refused(void **state)
{
	const struct otlp_attribute key = otlp_attr_int(BAD, 1);
	const struct otlp_attributes attributes = {.items = &key, .count = 1};
	const struct otlp_exemplar exemplar = {.value.type = OTLP_NUMBER_INT,
					       .filtered_attributes = attributes};
	struct otlp_number_point point = {.point.attributes = attributes};
	struct otlp_metric metric = metric_of(OTLP_METRIC_GAUGE, &point);

	(void)state;
	metric.name = BAD;
	assert_int_equal(measure_head(&metric), -EINVAL);
	metric = metric_of(OTLP_METRIC_GAUGE, &point);
	metric.description = BAD;
	assert_int_equal(measure_head(&metric), -EINVAL);
	metric = metric_of(OTLP_METRIC_GAUGE, &point);
	metric.unit = BAD;
	assert_int_equal(measure_head(&metric), -EINVAL);
	metric = metric_of(OTLP_METRIC_GAUGE, &point);
	metric.metadata = attributes;
	assert_int_equal(measure_head(&metric), -EINVAL);
	assert_int_equal(measure_point(OTLP_METRIC_GAUGE, &point), -EINVAL);
	point.point = (struct otlp_point){.exemplars = &exemplar, .exemplar_count = 1};
	assert_int_equal(measure_point(OTLP_METRIC_GAUGE, &point), -EINVAL);
}

static void unknown_number_types_are_refused(void **state)
{
	struct otlp_number_point point = {.value.type = OTLP_NUMBER_DOUBLE};

	(void)state;
	assert_int_equal(measure_point(OTLP_METRIC_SUM, &point), 0);
	point.value.type = (enum otlp_number_type)3;
	assert_int_equal(measure_point(OTLP_METRIC_SUM, &point), -EINVAL);
}

static void number_without_a_value_says_so_in_its_flags(void **state)
{
	const struct otlp_number_point point = {
		.point.flags = 2, .value = {.type = OTLP_NUMBER_NONE, .as.integer = 5}};
	const struct otlp_metric metric = metric_of(OTLP_METRIC_GAUGE, &point);
	struct record_number_head head;
	struct record_view view;
	uint8_t *bytes;

	(void)state;
	view = carry(&metric, 0, 1, &bytes);
	memcpy(&head, first_point(&view), sizeof(head));
	assert_int_equal(head.point.flags, 3);
	assert_int_equal(head.value, 0);
	free(bytes);
}

static void exemplars_need_a_value_and_an_array(void **state)
{
	struct otlp_exemplar exemplar = {.value.type = OTLP_NUMBER_INT};
	struct otlp_number_point point = {.point = {.exemplars = &exemplar, .exemplar_count = 1}};

	(void)state;
	assert_int_equal(measure_point(OTLP_METRIC_GAUGE, &point), 0);
	exemplar.value.type = OTLP_NUMBER_NONE;
	assert_int_equal(measure_point(OTLP_METRIC_GAUGE, &point), -EINVAL);
	exemplar.value.type = (enum otlp_number_type)3;
	assert_int_equal(measure_point(OTLP_METRIC_GAUGE, &point), -EINVAL);
	point.point.exemplars = NULL;
	assert_int_equal(measure_point(OTLP_METRIC_GAUGE, &point), -EINVAL);
}

static void bucket_counts_must_match_the_bounds(void **state)
{
	const uint64_t counts[3] = {1, 2, 3};
	const double bounds[2] = {1, 2};
	struct otlp_histogram_point point = {.bucket_counts = counts, .bounds = bounds};

	(void)state;
	for (size_t buckets = 0; buckets <= 3; buckets++) {
		for (size_t n = 0; n <= 2; n++) {
			const bool valid = buckets == n + 1 || (buckets == 0 && n == 0);

			point.bucket_count = buckets;
			point.bound_count = n;
			assert_int_equal(measure_point(OTLP_METRIC_HISTOGRAM, &point),
					 valid ? 0 : -EINVAL);
		}
	}
	point.bounds = NULL; /* and bound_count is 2, bucket_count 3 */
	assert_int_equal(measure_point(OTLP_METRIC_HISTOGRAM, &point), -EINVAL);
	point.bounds = bounds;
	point.bucket_counts = NULL;
	assert_int_equal(measure_point(OTLP_METRIC_HISTOGRAM, &point), -EINVAL);
}

static void bounds_must_ascend_and_be_numbers(void **state)
{
	const uint64_t counts[3] = {1, 2, 3};
	const double bad[][2] = {{1, 1}, {2, 1}, {NAN, 1}, {1, NAN}};
	const double good[][2] = {{1, 2}, {-INFINITY, INFINITY}, {-1, 0}};
	struct otlp_histogram_point point = {
		.bucket_counts = counts, .bucket_count = 3, .bound_count = 2};
	const double nan_alone = NAN;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		point.bounds = bad[i];
		assert_int_equal(measure_point(OTLP_METRIC_HISTOGRAM, &point), -EINVAL);
	}
	for (size_t i = 0; i < 3; i++) {
		point.bounds = good[i];
		assert_int_equal(measure_point(OTLP_METRIC_HISTOGRAM, &point), 0);
	}
	point.bounds = &nan_alone;
	point.bound_count = 1;
	point.bucket_count = 2;
	assert_int_equal(measure_point(OTLP_METRIC_HISTOGRAM, &point), -EINVAL);
}

static void missing_exponential_buckets_with_a_count_are_refused(void **state)
{
	struct otlp_exp_histogram_point point = {.positive.count = 1};

	(void)state;
	assert_int_equal(measure_point(OTLP_METRIC_EXP_HISTOGRAM, &point), -EINVAL);
	point = (struct otlp_exp_histogram_point){.negative.count = 1};
	assert_int_equal(measure_point(OTLP_METRIC_EXP_HISTOGRAM, &point), -EINVAL);
	point.negative.count = 0;
	assert_int_equal(measure_point(OTLP_METRIC_EXP_HISTOGRAM, &point), 0);
}

static void quantiles_lie_within_zero_and_one(void **state)
{
	const double bad[] = {-0.1, 1.1, NAN, INFINITY};
	struct otlp_quantile quantiles[2] = {{0, 5}, {1, NAN}};
	struct otlp_summary_point point = {.quantiles = quantiles, .quantile_count = 2};

	(void)state;
	assert_int_equal(measure_point(OTLP_METRIC_SUMMARY, &point), 0);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		quantiles[1].quantile = bad[i];
		assert_int_equal(measure_point(OTLP_METRIC_SUMMARY, &point), -EINVAL);
	}
	point.quantiles = NULL;
	assert_int_equal(measure_point(OTLP_METRIC_SUMMARY, &point), -EINVAL);
}

static void exemplars_of_summaries_are_not_looked_at(void **state)
{
	const struct otlp_summary_point point = {.point.exemplar_count = 3};
	const struct otlp_metric metric = metric_of(OTLP_METRIC_SUMMARY, &point);
	uint8_t *bytes;

	(void)state;
	assert_int_equal(carry(&metric, 0, 1, &bytes).item_count, 1);
	free(bytes);
}

static void metric_is_split_at_point_boundaries(void **state)
{
	const struct otlp_number_point points[3] = {
		{.value = {.type = OTLP_NUMBER_INT, .as.integer = 10}},
		{.value = {.type = OTLP_NUMBER_INT, .as.integer = 11}},
		{.value = {.type = OTLP_NUMBER_INT, .as.integer = 12}},
	};
	struct otlp_metric metric = metric_of(OTLP_METRIC_SUM, points);
	struct record_number_head head;
	struct record_view view;
	uint8_t *bytes;

	(void)state;
	metric.point_count = 3;
	metric.is_monotonic = true;
	view = carry(&metric, 1, 2, &bytes);
	assert_int_equal(view.item_count, 2);
	assert_int_equal(view.head.metric.temporality, OTLP_TEMPORALITY_DELTA);
	assert_true(view.head.metric.has & RECORD_IS_MONOTONIC);
	memcpy(&head, first_point(&view), sizeof(head));
	assert_int_equal(head.value, 11);
	memcpy(&head, first_point(&view) + sizeof(head) + sizeof(uint32_t), sizeof(head));
	assert_int_equal(head.value, 12);
	free(bytes);
}

static void point_over_the_limit_is_too_large(void **state)
{
	const size_t count = OTLP_RECORD_BYTES_MAX / sizeof(uint64_t);
	uint64_t *const counts = calloc(count, sizeof(*counts));
	struct otlp_exp_histogram_point point = {.positive = {0, counts, count}};

	(void)state;
	assert_non_null(counts);
	assert_int_equal(measure_point(OTLP_METRIC_EXP_HISTOGRAM, &point), -EMSGSIZE);
	point.positive.count = count / 2;
	assert_int_equal(measure_point(OTLP_METRIC_EXP_HISTOGRAM, &point), 0);
	point.negative = (struct otlp_exp_buckets){0, counts, SIZE_MAX};
	assert_int_equal(measure_point(OTLP_METRIC_EXP_HISTOGRAM, &point), -EMSGSIZE);
	free(counts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_metric_types_are_refused),
		cmocka_unit_test(sums_and_histograms_need_a_temporality),
		cmocka_unit_test(reserved_fields_of_metrics_must_be_zero),
		cmocka_unit_test(missing_points_with_a_count_are_refused),
		cmocka_unit_test(text_of_metrics_that_is_not_utf8_is_refused),
		cmocka_unit_test(unknown_number_types_are_refused),
		cmocka_unit_test(number_without_a_value_says_so_in_its_flags),
		cmocka_unit_test(exemplars_need_a_value_and_an_array),
		cmocka_unit_test(bucket_counts_must_match_the_bounds),
		cmocka_unit_test(bounds_must_ascend_and_be_numbers),
		cmocka_unit_test(missing_exponential_buckets_with_a_count_are_refused),
		cmocka_unit_test(quantiles_lie_within_zero_and_one),
		cmocka_unit_test(exemplars_of_summaries_are_not_looked_at),
		cmocka_unit_test(metric_is_split_at_point_boundaries),
		cmocka_unit_test(point_over_the_limit_is_too_large),
	};

	return cmocka_run_group_tests_name("record_metric", tests, NULL, NULL);
}
