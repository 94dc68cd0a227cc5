/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/library_fixture.h"

/* The newest, so that no leak is seen in a child that ends without giving it back. */
static struct otlp_library *volatile fixture_library;

struct otlp_options fixture_options(void)
{
	struct otlp_options options;

	otlp_options_init(&options, sizeof(options));
	options.runtime_dir = shm_fixture_path;
	return options;
}

struct otlp_library *fixture_open_rings(uint32_t span_bytes, uint32_t metric_bytes)
{
	struct otlp_options options = fixture_options();
	struct otlp_library *library = NULL;

	options.ring_bytes[OTLP_SIGNAL_TRACES] = span_bytes;
	options.ring_bytes[OTLP_SIGNAL_METRICS] = metric_bytes;
	options.ring_bytes[OTLP_SIGNAL_LOGS] = metric_bytes;
	options.lanes = 1;
	assert_int_equal(otlp_library_open(&library, &options), OTLP_OK);
	assert_non_null(library);
	fixture_library = library;
	return library;
}

struct otlp_library *fixture_open(void)
{
	return fixture_open_rings(64 << 10, 64 << 10);
}

struct otlp_stats fixture_stats(struct otlp_library *library)
{
	struct otlp_stats stats;

	otlp_library_get_stats(library, &stats, sizeof(stats));
	return stats;
}

struct otlp_span fixture_span(uint64_t number)
{
	struct otlp_span span = {
		.trace_id = {1},
		.span_id = {1},
		.name = OTLP_STR("span"),
		.start_time_unix_ns = number,
		.end_time_unix_ns = number + 1,
	};

	return span;
}

void fixture_gauge_init(struct fixture_gauge *gauge, const struct otlp_number_point *points,
			size_t count)
{
	memset(gauge, 0, sizeof(*gauge));
	gauge->metric.name = OTLP_STR("gauge");
	gauge->metric.type = OTLP_METRIC_GAUGE;
	gauge->metric.points.number = points;
	gauge->metric.point_count = count;
	gauge->scope.metrics = &gauge->metric;
	gauge->scope.metric_count = 1;
	gauge->metrics.scope_metrics = &gauge->scope;
	gauge->metrics.scope_metrics_count = 1;
}

struct otlp_number_point fixture_point(int64_t value)
{
	struct otlp_number_point point = {.point = {.time_unix_ns = 1},
					  .value = {.type = OTLP_NUMBER_INT}};

	point.value.as.integer = value;
	return point;
}
