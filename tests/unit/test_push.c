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

#define LARGE_RING_BYTES (16u << 20)
#define LARGE_KEY_BYTES	 1000u

/* One attribute of each size that a shape can have, the first with so long a text. */
struct large {
	char key[LARGE_KEY_BYTES];
	char *text;
	struct otlp_attribute attributes[2];
	struct otlp_span span;
	struct otlp_log_record log;
	struct otlp_shape *shape;
	struct otlp_log_shape *log_shape;
};

static void large_init(struct large *ret)
{
	memset(ret, 0, sizeof(*ret));
	memset(ret->key, 'k', sizeof(ret->key));
	ret->text = malloc(OTLP_RECORD_BYTES_MAX);
	assert_non_null(ret->text);
	memset(ret->text, 't', OTLP_RECORD_BYTES_MAX);
	ret->attributes[0] = otlp_attr_str((struct otlp_str){ret->key, sizeof(ret->key)},
					   (struct otlp_str){ret->text, 1});
	ret->attributes[1] = otlp_attr_bool(OTLP_STR("bool"), true);
	ret->span = fixture_span(1);
	ret->span.attributes = (struct otlp_attributes){ret->attributes, 2, 0};
	ret->log.event_name = OTLP_STR("event");
	ret->log.attributes = ret->span.attributes;
	assert_int_equal(otlp_shape_register(&ret->span, &ret->shape), OTLP_OK);
	assert_int_equal(otlp_log_shape_register(&ret->log, &ret->log_shape), OTLP_OK);
}

static void large_free(struct large *large)
{
	otlp_shape_unref(large->shape);
	otlp_log_shape_unref(large->log_shape);
	free(large->text);
}

static int push_large(struct otlp_library *library, const struct large *large,
		      enum otlp_signal signal, bool is_shaped)
{
	if (signal == OTLP_SIGNAL_TRACES)
		return otlp_library_export_shaped(library, is_shaped ? large->shape : NULL,
						  &large->span, 1);
	return otlp_library_export_logs_shaped(library, is_shaped ? large->log_shape : NULL,
					       &large->log, 1);
}

/* As the writer reads it: whole, with what its shape has. */
static bool entry_is_valid(const struct region_view *region, const struct ring_entry *entry)
{
	const uint32_t reference = record_shape_ref(entry->payload, entry->payload_bytes);
	struct record_view shape, whole;
	const uint8_t *of_shape;
	uint32_t of_shape_bytes;
	size_t bytes;
	uint8_t *to;
	bool ret;

	if (reference == 0)
		return record_parse(entry->payload, entry->payload_bytes, entry->payload_bytes,
				    &whole) == 0;
	assert_int_equal(region_table_get(region, reference, &of_shape, &of_shape_bytes), 0);
	assert_int_equal(record_parse_shape(of_shape, of_shape_bytes, &shape), 0);
	to = malloc(record_expand_bound(entry->payload_bytes, &shape));
	assert_non_null(to);
	assert_int_equal(record_expand(entry->payload, entry->payload_bytes, &shape, to, &bytes),
			 0);
	ret = record_parse(to, bytes, bytes, &whole) == 0;
	free(to);
	return ret;
}

/* @return how many there were */
static unsigned expect_valid_records(enum otlp_signal signal)
{
	char name[REGION_NAME_BYTES_MAX];
	struct ring_reader reader;
	struct region_view view;
	struct ring_entry entry;
	unsigned count = 0;

	find_region(name);
	assert_int_equal(region_attach(&view, &shm_fixture_dir, name, false), 0);
	assert_int_equal(ring_reader_init(&reader, view.rings[signal].shared,
					  view.rings[signal].data, view.rings[signal].bytes, false),
			 0);
	for (; fixture_next_record(&reader, &entry); count++)
		assert_true(entry_is_valid(&view, &entry));
	region_detach(&view);
	/* Nobody drains it: the next region is to be the only one again. */
	assert_int_equal(unlinkat(shm_fixture_dir.fd, name, 0), 0);
	return count;
}

/* @return whether a record with so much text is taken, which a shape must not change */
static bool large_is_taken(struct large *large, enum otlp_signal signal, size_t text_bytes)
{
	const bool is_span = signal == OTLP_SIGNAL_TRACES;
	struct otlp_library *library =
		fixture_open_rings(is_span ? LARGE_RING_BYTES : OTLP_RING_BYTES_MIN,
				   is_span ? OTLP_RING_BYTES_MIN : LARGE_RING_BYTES);
	int rc;

	large->attributes[0].value.as.string.len = text_bytes;
	rc = push_large(library, large, signal, false);
	assert_int_equal(push_large(library, large, signal, true), rc);
	assert_true(rc == OTLP_OK || rc == OTLP_ERR_TOO_LARGE);
	assert_int_equal(expect_valid_records(signal), rc == OTLP_OK ? 2 : 0);
	otlp_library_unref(library);
	return rc == OTLP_OK;
}

/* A shaped record is smaller than the whole one, which is what the limit is for: the reader takes
 * no larger one. */
static void what_is_too_large_whole_is_too_large_with_a_shape(void **state)
{
	static const enum otlp_signal signals[] = {OTLP_SIGNAL_TRACES, OTLP_SIGNAL_LOGS};
	struct large large;

	(void)state;
	large_init(&large);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		unsigned taken = 0, refused = 0;

		for (size_t less = 100; less < 2 * LARGE_KEY_BYTES; less += 150) {
			if (large_is_taken(&large, signals[i], OTLP_RECORD_BYTES_MAX - less))
				taken++;
			else
				refused++;
		}
		assert_true(taken > 3 && refused > 3);
	}
	large_free(&large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_too_large_whole_is_too_large_with_a_shape,
						shm_fixture_setup, shm_fixture_teardown),
		cmocka_unit_test_setup_teardown(text_that_is_not_utf8_takes_no_room,
						shm_fixture_setup, shm_fixture_teardown),
		cmocka_unit_test_setup_teardown(data_that_change_during_the_push_are_refused,
						shm_fixture_setup, shm_fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
