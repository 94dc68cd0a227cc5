/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and attributes are those of OpenTelemetry's SDKs (semantic conventions,
 * otel/sdk-metrics.md): to whoever looks at the files the writer is an exporter. What these have no
 * name for is otlpipe.producer.dropped.
 */
#include "writer/self.h"

#include <string.h>
#include <time.h>

#include <otlpipe/otlpipe.h>

#include "base/array.h"
#include "base/log.h"

#define SELF_RING_BYTES	   65536u
#define SELF_SERVICE	   "otlpipe-writer"
#define SELF_COMPONENT	   "otlpipe_writer"
#define SELF_POINTS	   (3u * SIGNAL_COUNT) /* of a metric, at most */
#define SELF_ATTRIBUTES	   3u
#define SELF_DROPPED_AT	   (2u * SIGNAL_COUNT) /* behind two metrics of each signal */
#define SELF_METRICS	   (SELF_DROPPED_AT + 1u)
#define SELF_DROPPED	   "otlpipe.producer.dropped"
#define SELF_INFLIGHT_HELP "Items that are in a closed batch, which is not in a file yet."
#define SELF_DROPPED_HELP  "Items that producers dropped, by the counters of their rings."
#define SELF_EXPORTED_HELP "Items for which the export has finished, either successful or failed."
#define STR(text)	   ((struct otlp_str){(text), strlen(text)})

/* One report, whose parts point into each other. */
struct report {
	struct otlp_attribute attributes[SELF_METRICS][SELF_POINTS][SELF_ATTRIBUTES + 1];
	struct otlp_number_point points[SELF_METRICS][SELF_POINTS];
	struct otlp_metric metrics[SELF_METRICS];
	struct otlp_scope_metrics scope;
	struct otlp_resource_metrics resource;
	uint64_t start_unix_ns, now_unix_ns;
};

static uint64_t realtime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What others have made of the counters: without the points of our own, once these are written. */
static uint64_t foreign_count(const struct self *self, const struct status_page *page)
{
	uint64_t count = 0;
	enum otlp_signal signal;

	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		const struct status_signal *sums = &page->signals[signal];
		const struct status_drops *drops = &page->drops[signal];

		count += sums->written_items + sums->invalid_items + sums->lost_items;
		count += drops->full_items + drops->too_large_items + drops->invalid_items;
	}
	return count - self->own_points;
}

/* ---- a report ---- */

static void set_point(struct report *report, unsigned metric, uint64_t value, const char *error,
		      const char *signal)
{
	const size_t number = report->metrics[metric].point_count++;
	struct otlp_attribute *attributes = report->attributes[metric][number];
	struct otlp_number_point *point = &report->points[metric][number];
	uint32_t count = 0;

	attributes[count++] =
		otlp_attr_str(OTLP_STR("otel.component.type"), OTLP_STR(SELF_COMPONENT));
	attributes[count++] =
		otlp_attr_str(OTLP_STR("otel.component.name"), OTLP_STR(SELF_COMPONENT "/0"));
	if (error != NULL)
		attributes[count++] = otlp_attr_str(OTLP_STR("error.type"), STR(error));
	if (signal != NULL)
		attributes[count++] = otlp_attr_str(OTLP_STR("otlpipe.signal"), STR(signal));
	point->point.attributes.items = attributes;
	point->point.attributes.count = count;
	point->point.start_time_unix_ns = report->start_unix_ns;
	point->point.time_unix_ns = report->now_unix_ns;
	point->value.type = OTLP_NUMBER_INT;
	point->value.as.integer = (int64_t)value;
}

static void begin_metric(struct report *report, unsigned number, const char *name, const char *unit,
			 const char *help, bool is_counter)
{
	struct otlp_metric *metric = &report->metrics[number];

	metric->name = STR(name);
	metric->unit = STR(unit);
	metric->description = STR(help);
	metric->type = OTLP_METRIC_SUM;
	metric->temporality = OTLP_TEMPORALITY_CUMULATIVE;
	metric->is_monotonic = is_counter;
	metric->points.number = report->points[number];
}

static void fill(struct report *report, const struct self *self, const struct status_page *page)
{
	static const struct {
		const char *exported, *inflight, *unit;
	} names[SIGNAL_COUNT] = {
		[OTLP_SIGNAL_TRACES] = {"otel.sdk.exporter.span.exported",
					"otel.sdk.exporter.span.inflight", "{span}"},
		[OTLP_SIGNAL_METRICS] = {"otel.sdk.exporter.metric_data_point.exported",
					 "otel.sdk.exporter.metric_data_point.inflight",
					 "{data_point}"},
		[OTLP_SIGNAL_LOGS] = {"otel.sdk.exporter.log.exported",
				      "otel.sdk.exporter.log.inflight", "{log_record}"},
	};
	const unsigned dropped = SELF_DROPPED_AT;
	enum otlp_signal signal;

	memset(report, 0, sizeof(*report));
	report->start_unix_ns = page->start_unix_ns;
	report->now_unix_ns = realtime_ns();
	begin_metric(report, dropped, SELF_DROPPED, "{item}", SELF_DROPPED_HELP, true);
	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		const struct status_signal *sums = &page->signals[signal];
		const struct status_drops *drops = &page->drops[signal];

		begin_metric(report, signal, names[signal].exported, names[signal].unit,
			     SELF_EXPORTED_HELP, true);
		begin_metric(report, SIGNAL_COUNT + signal, names[signal].inflight,
			     names[signal].unit, SELF_INFLIGHT_HELP, false);
		set_point(report, signal, sums->written_items, NULL, NULL);
		set_point(report, signal, sums->invalid_items, "rejected", NULL);
		set_point(report, signal, sums->lost_items, "io_error", NULL);
		set_point(report, SIGNAL_COUNT + signal,
			  queue_inflight_items(&self->queues[signal]), NULL, NULL);
		set_point(report, dropped, drops->full_items, "queue_full", signal_name(signal));
		set_point(report, dropped, drops->too_large_items, "too_large",
			  signal_name(signal));
		set_point(report, dropped, drops->invalid_items, "invalid", signal_name(signal));
	}
	report->scope.scope.name = OTLP_STR("otlpipe");
	report->scope.scope.version = OTLP_STR(OTLPIPE_VERSION);
	report->scope.metrics = report->metrics;
	report->scope.metric_count = SELF_METRICS;
	report->resource.scope_metrics = &report->scope;
	report->resource.scope_metrics_count = 1;
}

static int push(struct self *self, const struct status_page *page)
{
	const struct otlp_attribute service =
		otlp_attr_str(OTLP_STR("service.name"), OTLP_STR(SELF_SERVICE));
	const struct otlp_resource resource = {.attributes = {&service, 1, 0}};
	struct otlp_library *library;
	struct otlp_options options;
	struct otlp_stats stats;
	struct report report;
	unsigned i;
	int rc;

	fill(&report, self, page);
	(void)otlp_options_init(&options, sizeof(options));
	options.runtime_dir = self->runtime;
	options.resource = &resource;
	for (i = 0; i < SIGNAL_COUNT; i++)
		options.ring_bytes[i] = SELF_RING_BYTES;
	rc = otlp_library_open(&library, &options);
	if (rc < 0)
		return rc;
	rc = otlp_library_export_metrics_ref(library, &report.resource);
	if (otlp_library_get_stats(library, &stats, sizeof(stats)) == 0)
		self->own_points += stats.signals[OTLP_SIGNAL_METRICS].accepted;
	/* No wait for what only we can write. */
	otlp_library_unref(library);
	return rc;
}

/* ---- when ---- */

void self_set_interval(struct self *self, int64_t every_ns, int64_t now_ns)
{
	self->every_ns = every_ns;
	self->next_ns =
		every_ns == 0 || every_ns > INT64_MAX - now_ns ? INT64_MAX : now_ns + every_ns;
}

void self_open(struct self *self, const char *runtime, const struct queue *queues, int64_t every_ns,
	       int64_t now_ns)
{
	memset(self, 0, sizeof(*self));
	self->runtime = runtime;
	self->queues = queues;
	self_set_interval(self, every_ns, now_ns);
}

int64_t self_deadline_ns(const struct self *self, const struct status_page *page)
{
	return foreign_count(self, page) != self->seen ? self->next_ns : INT64_MAX;
}

int self_report(struct self *self, const struct status_page *page, int64_t now_ns)
{
	int rc;

	if (now_ns < self->next_ns || foreign_count(self, page) == self->seen)
		return 0;
	self->seen = foreign_count(self, page);
	rc = push(self, page);
	if (rc < 0 && rc != self->said)
		log_line("the writer's metrics about itself cannot be pushed: %s",
			 otlp_strerror(rc));
	self->said = rc;
	self_set_interval(self, self->every_ns, now_ns);
	return rc == 0;
}
