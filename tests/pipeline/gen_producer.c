/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A producer of random telemetry for the test that two foreign decoders read
 * what was pushed: a stranger's program, on the public API alone. It goes
 * through every export call, and writes what was accepted to an expectation
 * file (expect.h). Everything must be accepted: it flushes before its rings
 * fill, so it needs a running writer, and fails where anything is dropped.
 *
 * usage: gen_producer RUNTIME_DIR INDEX SEED SPANS METRICS EXPECTATION [THREADS]
 * SPANS in all, and a log record with each export of them; METRICS exports of ResourceMetrics, all
 * by the first thread.
 * INDEX becomes an attribute of the library's own resource.
 */
#include "tests/gen.h"
#include "tests/pipeline/expect.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SPAN_RING_BYTES	  (4u << 20)
#define METRIC_RING_BYTES (1u << 20)		  /* so that a wide metric is not all too wide */
#define UNWRITTEN_MAX	  (METRIC_RING_BYTES / 8) /* then flush: what follows fits for certain */
#define WIDE_BYTES	  (METRIC_RING_BYTES / 2) /* a record takes at most half of this */
#define WIDE_EVERY	  50u
#define BATCH_MAX	  4u
#define THREADS_MAX	  8u
#define ATTRIBUTES_MAX	  64
#define RETRIES_MAX	  200
#define FLUSH_TIMEOUT_NS  (60 * INT64_C(1000000000))

struct producer {
	struct otlp_library *library;
	struct otlp_span_exporter *exporter;	   /* with the library's resource */
	struct otlp_span_exporter *other_exporter; /* with a resource of its own */
	struct otlp_metric_exporter *metric_exporter;
	struct otlp_log_exporter *log_exporter;	      /* with the library's resource */
	struct otlp_log_exporter *other_log_exporter; /* with a resource of its own */
	struct otlp_attribute attributes[3];
	struct otlp_resource resource, other_resource;
	FILE *expectations;
};

struct worker {
	struct producer *producer;
	pthread_t thread;
	unsigned index;
	uint64_t seed;
	unsigned long spans, metrics;
	uint64_t accepted_bytes[OTLP_SIGNAL_MAX]; /* when this thread flushed last */
	struct gen *gen;
};

static void die(const char *what, int error)
{
	fprintf(stderr, "gen_producer: %s: %s\n", what, otlp_strerror(error));
	exit(1);
}

static struct otlp_stats stats_of(struct worker *worker)
{
	struct otlp_stats stats;

	otlp_library_get_stats(worker->producer->library, &stats, sizeof(stats));
	return stats;
}

static void flush(struct worker *worker)
{
	const struct otlp_stats stats = stats_of(worker);
	int rc = otlp_library_flush(worker->producer->library, FLUSH_TIMEOUT_NS);

	if (rc != 0)
		die("flush", rc);
	for (int i = 0; i < OTLP_SIGNAL_MAX; i++)
		worker->accepted_bytes[i] = stats.signals[i].accepted_bytes;
}

/* So that an export of many records is never taken in part: it could not be repeated. */
static void make_room(struct worker *worker)
{
	const struct otlp_stats stats = stats_of(worker);

	for (int i = 0; i < OTLP_SIGNAL_MAX; i++) {
		if (stats.signals[i].accepted_bytes - worker->accepted_bytes[i] > UNWRITTEN_MAX) {
			flush(worker);
			return;
		}
	}
}

/* One whole line, or lines, of the file that the threads share. */
static void write_expectation(struct worker *worker, const char *text, size_t len)
{
	if (fwrite(text, 1, len, worker->producer->expectations) != len)
		die("the expectation file", OTLP_ERR_NO_SPACE);
}

static void expect_spans(struct worker *worker, const struct otlp_resource *own,
			 const struct otlp_span *spans, size_t count)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		die("an expectation", OTLP_ERR_NO_MEMORY);
	for (size_t i = 0; i < count; i++)
		expect_span(out, worker->index, spans[i].resource ? spans[i].resource : own,
			    &spans[i]);
	fclose(out);
	write_expectation(worker, text, len);
	free(text);
}

/* From here on: by shape. */
#define WAY_SHAPED 3
#define WAYS	   5

/* Leave out of attributes what a shape cannot have. */
static void make_shapeable(struct otlp_attributes *attributes,
			   struct otlp_attribute room[ATTRIBUTES_MAX])
{
	size_t kept = 0;

	for (size_t i = 0; i < attributes->count && kept < ATTRIBUTES_MAX; i++) {
		const struct otlp_attribute *const a = &attributes->items[i];

		if (a->value.type != OTLP_VALUE_ARRAY && a->value.type != OTLP_VALUE_KVLIST &&
		    a->value.type != OTLP_VALUE_EMPTY)
			room[kept++] = *a;
	}
	attributes->items = room;
	attributes->count = kept;
}

/*
 * A new shape for each span: the region's table is full of them soon, so that both a reference and
 * the fallback to a whole span are met.
 */
static int export_shaped(struct producer *producer, unsigned way, const struct otlp_span *spans,
			 size_t count)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct otlp_shape *shape;

		rc = otlp_shape_register(&spans[i], &shape);
		if (rc != 0)
			break;
		if (way == WAY_SHAPED)
			rc = otlp_library_export_shaped(producer->library, shape, &spans[i], 1);
		else
			rc = otlp_span_exporter_export_shaped(producer->exporter, shape, &spans[i],
							      1)
				     .cause;
		otlp_shape_unref(shape);
	}
	return rc;
}

/* The call that pushes; which one is drawn by lot. Returns what it answered. */
static int export_spans(struct worker *worker, unsigned way, const struct otlp_span *spans,
			size_t count)
{
	struct producer *producer = worker->producer;
	struct otlp_sdk_result result;

	if (way == 0)
		return otlp_library_export_traces(producer->library, spans, count);
	if (way >= WAY_SHAPED)
		return export_shaped(producer, way, spans, count);
	result = otlp_span_exporter_export(way == 1 ? producer->exporter : producer->other_exporter,
					   spans, count);
	return result.cause;
}

static void push_spans(struct worker *worker, size_t count)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	const unsigned way = (unsigned)gen_below(worker->gen, WAYS);
	static _Thread_local struct otlp_attribute rooms[BATCH_MAX][ATTRIBUTES_MAX];
	struct otlp_span spans[BATCH_MAX];
	int rc;

	for (size_t i = 0; i < count; i++) {
		spans[i] = *gen_span(worker->gen);
		if (way >= WAY_SHAPED)
			make_shapeable(&spans[i].attributes, rooms[i]);
	}
	make_room(worker);
	rc = export_spans(worker, way, spans, count);
	for (int i = 0; rc == OTLP_ERR_FULL && count == 1 && i < RETRIES_MAX; i++) {
		nanosleep(&pause, NULL);
		rc = export_spans(worker, way, spans, count);
	}
	if (rc != 0)
		die("spans", rc);
	expect_spans(worker,
		     way == 2 ? &worker->producer->other_resource : &worker->producer->resource,
		     spans, count);
	gen_reset(worker->gen);
}

static int export_shaped_log(struct producer *producer, unsigned way,
			     const struct otlp_log_record *log)
{
	struct otlp_log_shape *shape;
	int rc = otlp_log_shape_register(log, &shape);

	if (rc != 0)
		return rc;
	if (way == WAY_SHAPED)
		rc = otlp_library_export_logs_shaped(producer->library, shape, log, 1);
	else
		rc = otlp_log_exporter_export_shaped(producer->log_exporter, shape, log, 1).cause;
	otlp_log_shape_unref(shape);
	return rc;
}

static int export_log(struct producer *producer, unsigned way, const struct otlp_log_record *log)
{
	if (way == 0)
		return otlp_library_export_logs(producer->library, log, 1);
	if (way >= WAY_SHAPED)
		return export_shaped_log(producer, way, log);
	return otlp_log_exporter_export(
		       way == 1 ? producer->log_exporter : producer->other_log_exporter, log, 1)
		.cause;
}

static void push_log(struct worker *worker)
{
	const unsigned way = (unsigned)gen_below(worker->gen, WAYS);
	static _Thread_local struct otlp_attribute room[ATTRIBUTES_MAX];
	struct otlp_log_record log = *gen_log(worker->gen);
	const struct otlp_resource *own =
		way == 2 ? &worker->producer->other_resource : &worker->producer->resource;
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	int rc;

	if (way >= WAY_SHAPED)
		make_shapeable(&log.attributes, room);
	make_room(worker);
	rc = export_log(worker->producer, way, &log);
	if (rc != 0)
		die("logs", rc);
	out = open_memstream(&text, &len);
	if (!out)
		die("an expectation", OTLP_ERR_NO_MEMORY);
	expect_log(out, worker->index, log.resource ? log.resource : own, &log);
	fclose(out);
	write_expectation(worker, text, len);
	free(text);
	gen_reset(worker->gen);
}

static void push_metrics(struct worker *worker, const struct otlp_resource_metrics *metrics)
{
	struct producer *producer = worker->producer;
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	int rc;

	if (gen_below(worker->gen, 2))
		rc = otlp_library_export_metrics_ref(producer->library, metrics);
	else
		rc = otlp_metric_exporter_export(producer->metric_exporter, metrics).cause;
	if (rc != 0)
		die("metrics", rc);
	out = open_memstream(&text, &len);
	if (!out)
		die("an expectation", OTLP_ERR_NO_MEMORY);
	expect_metrics(out, worker->index,
		       metrics->resource ? metrics->resource : &producer->resource, metrics);
	fclose(out);
	write_expectation(worker, text, len);
	free(text);
}

static size_t point_size(enum otlp_metric_type type)
{
	switch (type) {
	case OTLP_METRIC_HISTOGRAM:
		return sizeof(struct otlp_histogram_point);
	case OTLP_METRIC_EXP_HISTOGRAM:
		return sizeof(struct otlp_exp_histogram_point);
	case OTLP_METRIC_SUMMARY:
		return sizeof(struct otlp_summary_point);
	default:
		return sizeof(struct otlp_number_point);
	}
}

/* The same point again and again, at another time each; any member of the union is a pointer. */
static void push_repeated(struct worker *worker, struct otlp_resource_metrics *metrics,
			  struct otlp_metric *metric, size_t count)
{
	const struct otlp_number_point *one = metric->points.number;
	const size_t size = point_size(metric->type);
	char *points = malloc(count * size);

	if (!points)
		die("points", OTLP_ERR_NO_MEMORY);
	for (size_t i = 0; i < count; i++) {
		memcpy(points + i * size, one, size);
		/* Each kind of point begins with the common part. */
		((struct otlp_point *)(void *)(points + i * size))->time_unix_ns = i;
	}
	metric->points.number = (const struct otlp_number_point *)(void *)points;
	metric->point_count = count;
	push_metrics(worker, metrics);
	metric->points.number = one;
	free(points);
}

/*
 * How many bytes a point takes in the ring, asked of the library: one, two and
 * three of it are pushed. Padding at the ring's end makes the steps differ by
 * more than an alignment; then it is asked again.
 */
static uint64_t measure_point(struct worker *worker, struct otlp_resource_metrics *metrics,
			      struct otlp_metric *metric)
{
	uint64_t before, bytes[3];

	for (int attempt = 0; attempt < 4; attempt++) {
		for (size_t i = 0; i < 3; i++) {
			before = stats_of(worker).signals[OTLP_SIGNAL_METRICS].accepted_bytes;
			push_repeated(worker, metrics, metric, i + 1);
			bytes[i] = stats_of(worker).signals[OTLP_SIGNAL_METRICS].accepted_bytes -
				   before;
		}
		if (bytes[1] > bytes[0] && bytes[2] + bytes[0] <= 2 * bytes[1] + 16 &&
		    bytes[2] + bytes[0] + 16 >= 2 * bytes[1])
			return bytes[1] - bytes[0];
	}
	die("the size of a point", OTLP_ERR_INVALID);
	return 0;
}

/* A metric with so many points that it takes several records. */
static void push_wide_metric(struct worker *worker)
{
	struct otlp_metric metric;
	struct otlp_scope_metrics scope = {.metrics = &metric, .metric_count = 1};
	struct otlp_resource_metrics all = {.scope_metrics = &scope, .scope_metrics_count = 1};
	uint64_t point_bytes;

	gen_set_size(worker->gen, GEN_SMALL);
	metric = *gen_metric(worker->gen);
	gen_set_size(worker->gen, GEN_MIXED);
	scope.scope = *gen_scope(worker->gen);
	point_bytes = measure_point(worker, &all, &metric);
	flush(worker);
	push_repeated(worker, &all, &metric, WIDE_BYTES / point_bytes);
	flush(worker);
}

static void *work(void *context)
{
	struct worker *worker = context;
	unsigned long spans = worker->spans, metrics = 0;
	size_t count;

	worker->gen = gen_new(worker->seed);
	while (spans || metrics < worker->metrics) {
		count = 1 + gen_below(worker->gen, BATCH_MAX);
		count = count < spans ? count : spans;
		if (count) {
			push_spans(worker, count);
			push_log(worker);
		}
		spans -= count;
		if (metrics == worker->metrics)
			continue;
		make_room(worker);
		if (metrics++ % WIDE_EVERY == WIDE_EVERY - 1)
			push_wide_metric(worker);
		else
			push_metrics(worker, gen_metrics(worker->gen));
		gen_reset(worker->gen);
	}
	gen_free(worker->gen);
	return NULL;
}

static void open_library(struct producer *producer, const char *runtime_dir, int64_t index)
{
	struct otlp_options options;
	int rc;

	producer->attributes[0] = otlp_attr_str(OTLP_STR("service.name"), OTLP_STR("gen_producer"));
	producer->attributes[1] = otlp_attr_int(OTLP_STR("producer.index"), index);
	producer->attributes[2] = otlp_attr_bool(OTLP_STR("exporter.own_resource"), true);
	producer->resource = (struct otlp_resource){
		.attributes = {.items = producer->attributes, .count = 2},
		.schema_url = OTLP_STR("https://opentelemetry.io/schemas/1.27.0"),
	};
	producer->other_resource = (struct otlp_resource){
		.attributes = {.items = producer->attributes, .count = 3, .dropped = 1},
	};
	otlp_options_init(&options, sizeof(options));
	options.runtime_dir = runtime_dir;
	options.resource = &producer->resource;
	options.ring_bytes[OTLP_SIGNAL_TRACES] = SPAN_RING_BYTES;
	options.ring_bytes[OTLP_SIGNAL_METRICS] = METRIC_RING_BYTES;
	options.ring_bytes[OTLP_SIGNAL_LOGS] = METRIC_RING_BYTES;
	options.lanes = 1; /* each thread's records are compared in their order */
	rc = otlp_library_open(&producer->library, &options);
	if (rc == 0)
		rc = otlp_library_span_exporter(producer->library, &producer->exporter);
	if (rc == 0)
		rc = otlp_library_span_exporter(producer->library, &producer->other_exporter);
	if (rc == 0)
		rc = otlp_span_exporter_set_resource(producer->other_exporter,
						     &producer->other_resource)
			     .cause;
	if (rc == 0)
		rc = otlp_library_metric_exporter(producer->library, &producer->metric_exporter);
	if (rc == 0)
		rc = otlp_library_log_exporter(producer->library, &producer->log_exporter);
	if (rc == 0)
		rc = otlp_library_log_exporter(producer->library, &producer->other_log_exporter);
	if (rc == 0)
		rc = otlp_log_exporter_set_resource(producer->other_log_exporter,
						    &producer->other_resource)
			     .cause;
	if (rc != 0)
		die("open", rc);
}

/* Nothing may have been dropped; the handles are given back. */
static void close_library(struct producer *producer)
{
	struct otlp_stats stats;
	int rc = otlp_library_shutdown(producer->library, FLUSH_TIMEOUT_NS);

	if (rc != 0)
		die("shutdown", rc);
	otlp_library_get_stats(producer->library, &stats, sizeof(stats));
	if (stats.signals[OTLP_SIGNAL_TRACES].dropped_invalid ||
	    stats.signals[OTLP_SIGNAL_TRACES].dropped_too_large ||
	    stats.signals[OTLP_SIGNAL_METRICS].dropped_full ||
	    stats.signals[OTLP_SIGNAL_METRICS].dropped_invalid ||
	    stats.signals[OTLP_SIGNAL_METRICS].dropped_too_large ||
	    stats.signals[OTLP_SIGNAL_LOGS].dropped_full ||
	    stats.signals[OTLP_SIGNAL_LOGS].dropped_invalid ||
	    stats.signals[OTLP_SIGNAL_LOGS].dropped_too_large)
		die("records were dropped", OTLP_ERR_FULL);
	otlp_span_exporter_unref(producer->exporter);
	otlp_span_exporter_unref(producer->other_exporter);
	otlp_metric_exporter_unref(producer->metric_exporter);
	otlp_log_exporter_unref(producer->log_exporter);
	otlp_log_exporter_unref(producer->other_log_exporter);
	otlp_library_unref(producer->library);
	printf("{\"spans\":%llu,\"points\":%llu,\"logs\":%llu}\n",
	       (unsigned long long)stats.signals[OTLP_SIGNAL_TRACES].accepted,
	       (unsigned long long)stats.signals[OTLP_SIGNAL_METRICS].accepted,
	       (unsigned long long)stats.signals[OTLP_SIGNAL_LOGS].accepted);
}

int main(int argc, char **argv)
{
	struct worker workers[THREADS_MAX] = {0};
	struct producer producer = {0};
	unsigned long numbers[5] = {0, 0, 0, 0, 1}; /* index, seed, spans, metrics, threads */
	unsigned threads;

	if (argc != 7 && argc != 8) {
		fprintf(stderr, "usage: gen_producer RUNTIME_DIR INDEX SEED SPANS METRICS "
				"EXPECTATION [THREADS]\n");
		return 2;
	}
	for (int i = 0; i < 4; i++)
		numbers[i] = strtoul(argv[2 + i], NULL, 10);
	if (argc == 8)
		numbers[4] = strtoul(argv[7], NULL, 10);
	if (numbers[4] < 1 || numbers[4] > THREADS_MAX) {
		fprintf(stderr, "gen_producer: 1 to %u threads\n", THREADS_MAX);
		return 2;
	}
	threads = (unsigned)numbers[4];
	producer.expectations = fopen(argv[6], "w");
	if (!producer.expectations) {
		perror(argv[6]);
		return 1;
	}
	open_library(&producer, argv[1], (int64_t)numbers[0]);
	for (unsigned i = 0; i < threads; i++) {
		workers[i].producer = &producer;
		workers[i].index = i;
		/* Another sequence for each producer and thread. */
		workers[i].seed = numbers[1] * 1000003 + numbers[0] * THREADS_MAX + i;
		workers[i].spans = numbers[2] / threads + (i < numbers[2] % threads);
		workers[i].metrics = i == 0 ? numbers[3] : 0;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			die("a thread", OTLP_ERR_NO_MEMORY);
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	close_library(&producer);
	return fclose(producer.expectations) ? 1 : 0;
}
