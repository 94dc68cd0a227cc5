/* SPDX-License-Identifier: Apache-2.0 */
/*
 * treewalk: walks directory trees and tells what it saw as telemetry.
 *
 *   treewalk [--delay-us N] DIRECTORY…
 *
 * One trace for each argument, one span for each directory, a child of the span of the directory
 * that holds it. Once a second and at the end: files and bytes as sums, the directories that are
 * open as a gauge, file sizes as a histogram.
 *
 * Built as any other program: cc treewalk.c $(pkg-config --cflags --libs otlpipe)
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <otlpipe/otlpipe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS	UINT64_C(1000000000)
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Upper bounds of the buckets of file sizes; one more bucket is above the last. */
static const double bounds[] = {1 << 10, 1 << 14, 1 << 18, 1 << 22, 1 << 26};

static const struct otlp_scope scope = {
	.name = OTLP_STR_INIT("otlpipe.examples.treewalk"),
	.version = OTLP_STR_INIT("1.0.0"),
};

struct walk {
	struct otlp_library *library;
	unsigned long delay_us; /* in each directory, so that a demo can be watched */
	char path[PATH_MAX];	/* of the directory that is being walked */
	uint8_t trace_id[16];
	uint64_t start_ns, exported_ns;
	int64_t directories, files, bytes, depth;
	uint64_t buckets[COUNT_OF(bounds) + 1];
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* Ids are random and never all zero: OTLP takes that for "absent". */
static void new_id(uint8_t *id, size_t len)
{
	if (getrandom(id, len, 0) != (ssize_t)len)
		abort();
	id[len - 1] |= 1;
}

static struct otlp_metric metric(struct otlp_str name, struct otlp_str unit,
				 enum otlp_metric_type type, const void *point)
{
	struct otlp_metric m = {.name = name, .unit = unit, .type = type, .point_count = 1};

	if (type != OTLP_METRIC_GAUGE)
		m.temporality = OTLP_TEMPORALITY_CUMULATIVE;
	m.is_monotonic = type == OTLP_METRIC_SUM;
	m.points.number = point; /* a union of pointers: the type says which */
	return m;
}

/*
 * Export by reference: all of this lives on the stack, and the library has copied it into shared
 * memory when the call returns. What does not fit is dropped and counted there, so that no result
 * needs to be checked here.
 */
static void export_metrics(struct walk *w)
{
	const struct otlp_point at = {.start_time_unix_ns = w->start_ns, .time_unix_ns = now_ns()};
	const struct otlp_number_point files = {at, {OTLP_NUMBER_INT, {w->files}}};
	const struct otlp_number_point bytes = {at, {OTLP_NUMBER_INT, {w->bytes}}};
	const struct otlp_number_point depth = {at, {OTLP_NUMBER_INT, {w->depth}}};
	const struct otlp_histogram_point sizes = {
		.point = at,
		.count = (uint64_t)w->files,
		.has_sum = true,
		.sum = (double)w->bytes,
		.bucket_counts = w->buckets,
		.bucket_count = COUNT_OF(w->buckets),
		.bounds = bounds,
		.bound_count = COUNT_OF(bounds),
	};
	const struct otlp_str file = OTLP_STR("{file}"), byte = OTLP_STR("By");
	const struct otlp_metric metrics[] = {
		metric(OTLP_STR("treewalk.files"), file, OTLP_METRIC_SUM, &files),
		metric(OTLP_STR("treewalk.bytes"), byte, OTLP_METRIC_SUM, &bytes),
		metric(OTLP_STR("treewalk.depth"), OTLP_STR("{directory}"), OTLP_METRIC_GAUGE,
		       &depth),
		metric(OTLP_STR("treewalk.file.size"), byte, OTLP_METRIC_HISTOGRAM, &sizes),
	};
	const struct otlp_scope_metrics in_scope = {scope, metrics, COUNT_OF(metrics)};
	const struct otlp_resource_metrics all = {NULL, &in_scope, 1}; /* the library's resource */

	otlp_library_export_metrics_ref(w->library, &all);
	w->exported_ns = at.time_unix_ns;
}

static void count_file(struct walk *w, int64_t size)
{
	size_t bucket = 0;

	while (bucket < COUNT_OF(bounds) && (double)size > bounds[bucket])
		bucket++;
	w->buckets[bucket]++;
	w->files++;
	w->bytes += size;
}

/* A span is exported when it has ended; here it gets what was not known when it began. */
static void end_span(struct walk *w, struct otlp_span *span, int64_t entries, int error)
{
	const struct otlp_str path = {w->path, strlen(w->path)};
	const char *text = strerror(error);
	const struct otlp_attribute attributes[] = {
		otlp_attr_str(OTLP_STR("file.directory"), path),
		otlp_attr_int(OTLP_STR("treewalk.entries"), entries),
	};
	const struct otlp_attribute detail =
		otlp_attr_str(OTLP_STR("exception.message"), (struct otlp_str){text, strlen(text)});
	const struct otlp_span_event event = {now_ns(), OTLP_STR("exception"), {&detail, 1, 0}};

	span->end_time_unix_ns = event.time_unix_ns;
	span->attributes = (struct otlp_attributes){attributes, COUNT_OF(attributes), 0};
	span->status = error == 0 ? OTLP_STATUS_OK : OTLP_STATUS_ERROR;
	if (error != 0) {
		span->status_message = detail.value.as.string;
		span->events = &event;
		span->event_count = 1;
	}
	otlp_library_export_traces(w->library, span, 1);
}

/* The directory w->path and what is below it. A symbolic link is an entry, and never followed. */
static int visit(struct walk *w, const uint8_t parent_id[8])
{
	struct otlp_span span = {.scope = &scope,
				 .name = OTLP_STR("walk directory"),
				 .kind = OTLP_SPAN_KIND_INTERNAL,
				 .flags = 1, /* sampled */
				 .start_time_unix_ns = now_ns()};
	const size_t len = strlen(w->path);
	DIR *directory = opendir(w->path);
	int error = directory == NULL ? errno : 0;
	struct dirent *entry;
	int64_t entries = 0;
	struct stat st;

	memcpy(span.trace_id, w->trace_id, sizeof(span.trace_id));
	memcpy(span.parent_span_id, parent_id, sizeof(span.parent_span_id));
	new_id(span.span_id, sizeof(span.span_id));
	w->directories++;
	w->depth++;
	while (directory != NULL && !stopped && (entry = readdir(directory)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		entries++;
		if (len + 1 + strlen(entry->d_name) >= sizeof(w->path))
			continue;
		sprintf(w->path + len, "/%s", entry->d_name);
		if (lstat(w->path, &st) == 0 && S_ISDIR(st.st_mode))
			visit(w, span.span_id);
		else if (lstat(w->path, &st) == 0 && S_ISREG(st.st_mode))
			count_file(w, st.st_size);
		w->path[len] = '\0';
	}
	if (directory != NULL)
		closedir(directory);
	if (w->delay_us > 0)
		usleep((useconds_t)w->delay_us);
	end_span(w, &span, entries, stopped ? EINTR : error);
	w->depth--;
	if (now_ns() - w->exported_ns >= SECOND_NS)
		export_metrics(w);
	return error;
}

int main(int argc, char **argv)
{
	static struct walk w;
	static const uint8_t no_parent[8];
	int first = argc > 2 && strcmp(argv[1], "--delay-us") == 0 ? 3 : 1, error, i;
	struct otlp_stats stats;

	w.delay_us = first == 3 ? strtoul(argv[2], NULL, 10) : 0;
	if (argc <= first || argv[first][0] == '-' || w.delay_us > 999999) {
		fprintf(stderr, "usage: treewalk [--delay-us 0..999999] DIRECTORY...\n");
		return 2;
	}
	error = otlp_library_open(&w.library, NULL); /* the defaults, and the environment */
	if (error != 0) {
		fprintf(stderr, "treewalk: %s\n", otlp_strerror(error));
		return 1;
	}
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	w.start_ns = w.exported_ns = now_ns();
	for (i = first; i < argc && !stopped; i++) {
		snprintf(w.path, sizeof(w.path), "%s", argv[i]);
		new_id(w.trace_id, sizeof(w.trace_id));
		if (visit(&w, no_parent) != 0)
			fprintf(stderr, "treewalk: %s: cannot be read\n", argv[i]);
	}
	export_metrics(&w);
	/* Where no writer runs, what was accepted waits in the rings until one comes. */
	error = otlp_library_shutdown(w.library, 5 * (int64_t)SECOND_NS);
	otlp_library_get_stats(w.library, &stats, sizeof(stats));
	printf("treewalk: %s: %lld directories, %lld files, %lld bytes, spans accepted %llu, "
	       "dropped %llu\n",
	       argv[first], (long long)w.directories, (long long)w.files, (long long)w.bytes,
	       (unsigned long long)stats.signals[OTLP_SIGNAL_TRACES].accepted,
	       (unsigned long long)(stats.signals[OTLP_SIGNAL_TRACES].dropped_full +
				    stats.signals[OTLP_SIGNAL_TRACES].dropped_invalid));
	otlp_library_unref(w.library);
	return error == 0 || error == OTLP_ERR_NO_WRITER ? 0 : 1;
}
