/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a push finds out between its claim and its commit, and what it finds out before. What it
 * takes and refuses by the rules of the model is tested through the library's functions, in
 * test_library.c.
 */
#include "core/record/signal.h"
#include "tests/unit/library_fixture.h"

/* So many bytes of what was lent are gone, or have come, after it was sized. */
static size_t changed_by;

int __real_record_size_span(const struct otlp_span *span, const struct otlp_resource *resource,
			    const struct otlp_scope *scope, size_t *ret_bytes);
int __wrap_record_size_span(const struct otlp_span *span, const struct otlp_resource *resource,
			    const struct otlp_scope *scope, size_t *ret_bytes);
int __real_record_size_shaped(const struct otlp_span *span, const struct record_shape *shape,
			      const struct otlp_resource *resource, size_t *ret_bytes);
int __wrap_record_size_shaped(const struct otlp_span *span, const struct record_shape *shape,
			      const struct otlp_resource *resource, size_t *ret_bytes);
int __real_record_size_point(const struct otlp_metric *metric, size_t index, size_t *ret_bytes);
int __wrap_record_size_point(const struct otlp_metric *metric, size_t index, size_t *ret_bytes);
int __real_record_size_log(const struct otlp_log_record *log, const struct otlp_resource *resource,
			   const struct otlp_scope *scope, size_t *ret_bytes);
int __wrap_record_size_log(const struct otlp_log_record *log, const struct otlp_resource *resource,
			   const struct otlp_scope *scope, size_t *ret_bytes);
int __real_record_size_shaped_log(const struct otlp_log_record *log,
				  const struct record_shape *shape,
				  const struct otlp_resource *resource, size_t *ret_bytes);
int __wrap_record_size_shaped_log(const struct otlp_log_record *log,
				  const struct record_shape *shape,
				  const struct otlp_resource *resource, size_t *ret_bytes);

int __wrap_record_size_log(const struct otlp_log_record *log, const struct otlp_resource *resource,
			   const struct otlp_scope *scope, size_t *ret_bytes)
{
	int rc = __real_record_size_log(log, resource, scope, ret_bytes);

	*ret_bytes += changed_by;
	return rc;
}

int __wrap_record_size_shaped_log(const struct otlp_log_record *log,
				  const struct record_shape *shape,
				  const struct otlp_resource *resource, size_t *ret_bytes)
{
	int rc = __real_record_size_shaped_log(log, shape, resource, ret_bytes);

	*ret_bytes += changed_by;
	return rc;
}

int __wrap_record_size_span(const struct otlp_span *span, const struct otlp_resource *resource,
			    const struct otlp_scope *scope, size_t *ret_bytes)
{
	int rc = __real_record_size_span(span, resource, scope, ret_bytes);

	*ret_bytes += changed_by;
	return rc;
}

int __wrap_record_size_shaped(const struct otlp_span *span, const struct record_shape *shape,
			      const struct otlp_resource *resource, size_t *ret_bytes)
{
	int rc = __real_record_size_shaped(span, shape, resource, ret_bytes);

	*ret_bytes += changed_by;
	return rc;
}

int __wrap_record_size_point(const struct otlp_metric *metric, size_t index, size_t *ret_bytes)
{
	int rc = __real_record_size_point(metric, index, ret_bytes);

	*ret_bytes += changed_by;
	return rc;
}

/* Another thread may not touch them; if it does, the host is not what has to die of it. */
static void data_that_change_during_the_push_are_refused(void **state)
{
	struct otlp_library *library = fixture_open();
	struct otlp_span span = fixture_span(1);
	struct otlp_number_point point = fixture_point(1);
	char region[REGION_NAME_BYTES_MAX];
	struct fixture_gauge gauge;
	/* With a resource of their own they go the long way: sized, claimed, written. */
	const struct otlp_resource resource = {0};
	const struct otlp_log_record log = {.resource = &resource,
					    .body = otlp_value_str(OTLP_STR("a body"))};
	struct otlp_log_shape *log_shape;
	struct otlp_shape *shape;
	struct otlp_stats stats;

	(void)state;
	span.resource = &resource;
	fixture_gauge_init(&gauge, &point, 1);
	assert_int_equal(otlp_shape_register(&span, &shape), OTLP_OK);
	assert_int_equal(otlp_log_shape_register(&log, &log_shape), OTLP_OK);
	changed_by = 24;
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_ERR_INVALID);
	assert_int_equal(otlp_library_export_shaped(library, shape, &span, 1), OTLP_ERR_INVALID);
	assert_int_equal(otlp_library_export_metrics_ref(library, &gauge.metrics),
			 OTLP_ERR_INVALID);
	assert_int_equal(otlp_library_export_logs(library, &log, 1), OTLP_ERR_INVALID);
	assert_int_equal(otlp_library_export_logs_shaped(library, log_shape, &log, 1),
			 OTLP_ERR_INVALID);
	changed_by = 0;
	assert_int_equal(otlp_library_export_logs(library, &log, 1), OTLP_OK);
	assert_int_equal(otlp_library_export_logs_shaped(library, log_shape, &log, 1), OTLP_OK);
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_OK);
	assert_int_equal(otlp_library_export_metrics_ref(library, &gauge.metrics), OTLP_OK);
	stats = fixture_stats(library);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].accepted, 1);
	assert_int_equal(stats.signals[OTLP_SIGNAL_TRACES].dropped_invalid, 2);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].accepted, 1);
	assert_int_equal(stats.signals[OTLP_SIGNAL_METRICS].dropped_invalid, 1);
	assert_int_equal(stats.signals[OTLP_SIGNAL_LOGS].accepted, 2);
	assert_int_equal(stats.signals[OTLP_SIGNAL_LOGS].dropped_invalid, 2);
	find_region(region);
	assert_int_equal(count_items(region, OTLP_SIGNAL_TRACES), 1);
	assert_int_equal(count_items(region, OTLP_SIGNAL_METRICS), 1);
	otlp_shape_unref(shape);
	otlp_log_shape_unref(log_shape);
	otlp_library_unref(library);
}

/* Where the record is built before the claim, nothing in the ring has to be skipped. */
static void text_that_is_not_utf8_takes_no_room(void **state)
{
	struct otlp_library *library = fixture_open();
	struct otlp_span span = fixture_span(1);
	struct otlp_log_record log = {.body = otlp_value_str(OTLP_STR("body \xff"))};
	struct otlp_log_shape *log_shape;
	struct otlp_shape *shape;
	struct otlp_stats stats;

	(void)state;
	assert_int_equal(otlp_shape_register(&span, &shape), OTLP_OK);
	assert_int_equal(otlp_log_shape_register(&log, &log_shape), OTLP_OK);
	span.name = OTLP_STR("name \xff");
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_ERR_INVALID);
	span.status_message = OTLP_STR("\xff");
	assert_int_equal(otlp_library_export_shaped(library, shape, &span, 1), OTLP_ERR_INVALID);
	assert_int_equal(otlp_library_export_logs(library, &log, 1), OTLP_ERR_INVALID);
	assert_int_equal(otlp_library_export_logs_shaped(library, log_shape, &log, 1),
			 OTLP_ERR_INVALID);
	stats = fixture_stats(library);
	for (size_t i = 0; i < 2; i++) {
		const enum otlp_signal signal = i == 0 ? OTLP_SIGNAL_TRACES : OTLP_SIGNAL_LOGS;

		assert_int_equal(stats.signals[signal].accepted, 0);
		assert_int_equal(stats.signals[signal].accepted_bytes, 0);
		assert_int_equal(stats.signals[signal].dropped_invalid, 2);
	}
	/* What is UTF-8 beyond ASCII is taken. */
	span = fixture_span(1);
	span.name = OTLP_STR("na\xc3\xafve");
	assert_int_equal(otlp_library_export_traces(library, &span, 1), OTLP_OK);
	otlp_shape_unref(shape);
	otlp_log_shape_unref(log_shape);
	otlp_library_unref(library);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(text_that_is_not_utf8_takes_no_room,
						shm_fixture_setup, shm_fixture_teardown),
		cmocka_unit_test_setup_teardown(data_that_change_during_the_push_are_refused,
						shm_fixture_setup, shm_fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
