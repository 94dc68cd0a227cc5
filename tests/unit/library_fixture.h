/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library handle in the test's own runtime directory, the smallest valid
 * data, and a look into the regions as a monitor has it.
 */
#ifndef OTLPIPE_TESTS_UNIT_LIBRARY_FIXTURE_H
#define OTLPIPE_TESTS_UNIT_LIBRARY_FIXTURE_H

#include <otlpipe/otlpipe.h>

#include "core/record/record.h"
#include "shm/atomic.h"
#include "tests/unit/shm_fixture.h"

/* What otlp_options_init() sets, in the test's directory. */
static inline struct otlp_options fixture_options(void)
{
	struct otlp_options options;

	otlp_options_init(&options, sizeof(options));
	options.runtime_dir = shm_fixture_path;
	return options;
}

/* The newest, so that no leak is seen in a child that ends without giving it back. */
static struct otlp_library *volatile fixture_library;

static inline struct otlp_library *fixture_open_rings(uint32_t span_bytes, uint32_t metric_bytes)
{
	struct otlp_options options = fixture_options();
	struct otlp_library *library = NULL;

	options.ring_bytes[OTLP_SIGNAL_TRACES] = span_bytes;
	options.ring_bytes[OTLP_SIGNAL_METRICS] = metric_bytes;
	assert_int_equal(otlp_library_open(&library, &options), OTLP_OK);
	assert_non_null(library);
	fixture_library = library;
	return library;
}

static inline struct otlp_library *fixture_open(void)
{
	return fixture_open_rings(64 << 10, 64 << 10);
}

static inline struct otlp_stats fixture_stats(struct otlp_library *library)
{
	struct otlp_stats stats;

	otlp_library_get_stats(library, &stats, sizeof(stats));
	return stats;
}

/* A valid span whose number can be read back from its start time. */
static inline struct otlp_span fixture_span(uint64_t number)
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

/* A gauge over the caller's points, and all that is around it. */
struct fixture_gauge {
	struct otlp_metric metric;
	struct otlp_scope_metrics scope;
	struct otlp_resource_metrics metrics;
};

static inline void fixture_gauge_init(struct fixture_gauge *gauge,
				      const struct otlp_number_point *points, size_t count)
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

static inline struct otlp_number_point fixture_point(int64_t value)
{
	struct otlp_number_point point = {.point = {.time_unix_ns = 1},
					  .value = {.type = OTLP_NUMBER_INT}};

	point.value.as.integer = value;
	return point;
}

static inline unsigned count_regions(void)
{
	DIR *dir = opendir(shm_fixture_path);
	struct dirent *entry;
	unsigned count = 0;
	uint32_t pid;
	uint64_t id;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += region_parse_name(entry->d_name, &pid, &id);
	closedir(dir);
	return count;
}

/* The name of the region of that process. */
static inline bool find_region_of(pid_t of, char ret[REGION_NAME_BYTES_MAX])
{
	DIR *dir = opendir(shm_fixture_path);
	struct dirent *entry;
	bool found = false;
	uint32_t pid;
	uint64_t id;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (!region_parse_name(entry->d_name, &pid, &id) || pid != (uint32_t)of)
			continue;
		strcpy(ret, entry->d_name);
		found = true;
	}
	closedir(dir);
	return found;
}

/* Take the next committed record; false: there is none. Padding is skipped. */
static inline bool fixture_next_record(struct ring_reader *reader, struct ring_entry *ret)
{
	uint64_t tail;

	assert_int_equal(ring_reader_tail(reader, &tail), 0);
	for (;;) {
		assert_int_equal(ring_reader_peek(reader, tail, false, ret), 0);
		if (ret->kind == RING_ENTRY_NONE || ret->kind == RING_ENTRY_BUSY)
			return false;
		ring_reader_next(reader, ret);
		if (ret->kind == RING_ENTRY_RECORD)
			return true;
	}
}

/* How many items a ring of that region holds; each record must be valid. */
static inline uint64_t count_items(const char *region, enum otlp_signal signal)
{
	struct region_view view;
	struct ring_reader reader;
	struct ring_entry entry;
	uint64_t count = 0;

	assert_int_equal(region_attach(&view, &shm_fixture_dir, region, false), 0);
	assert_int_equal(ring_reader_init(&reader, view.rings[signal].shared,
					  view.rings[signal].data, view.rings[signal].bytes, false),
			 0);
	while (fixture_next_record(&reader, &entry)) {
		struct record_view record;

		assert_int_equal(record_parse(entry.payload, entry.payload_bytes,
					      entry.payload_bytes, &record),
				 0);
		count += record.item_count;
	}
	region_detach(&view);
	return count;
}

#endif
