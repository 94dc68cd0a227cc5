/* SPDX-License-Identifier: Apache-2.0 */
/*
 * treewalk: walks directory trees and tells what it saw as telemetry.
 *
 *   treewalk [--delay-us N] DIRECTORY…
 *
 * One trace for each argument; one span for each directory, a child of the span
 * of the directory that holds it. Once a second and at the end: files and bytes
 * as sums, the directories that are open as a gauge, file sizes as a histogram.
 *
 * Built as any other program: cc treewalk.c $(pkg-config --cflags --libs otlpipe)
 */
#include <errno.h>
#include <fts.h>
#include <getopt.h>
#include <inttypes.h>
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

/* A directory that is open: what its span will need when it ends. */
struct visit {
	uint8_t span_id[8];
	uint64_t start_ns;
	int64_t entries;
};

struct walk {
	struct otlp_span_exporter *spans;
	struct otlp_metric_exporter *metrics;
	uint8_t trace_id[16];
	unsigned long delay_us; /* in each directory, so that a demo can be watched */
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

static struct otlp_str str(const char *text)
{
	return (struct otlp_str){text, strlen(text)};
}

static struct otlp_number_point number(struct otlp_point point, int64_t value)
{
	return (struct otlp_number_point){point, {OTLP_NUMBER_INT, {value}}};
}

static struct otlp_metric sum(struct otlp_str name, struct otlp_str unit,
			      const struct otlp_number_point *point)
{
	return (struct otlp_metric){
		.name = name,
		.unit = unit,
		.type = OTLP_METRIC_SUM,
		.temporality = OTLP_TEMPORALITY_CUMULATIVE,
		.is_monotonic = true,
		.points.number = point,
		.point_count = 1,
	};
}

/*
 * Export by reference: all of this lives on the stack, and the library has
 * copied it into shared memory when the call returns. What does not fit is
 * dropped and counted there (otlp_library_get_stats), so no result is checked.
 */
static void export_metrics(struct walk *w)
{
	const struct otlp_point point = {.start_time_unix_ns = w->start_ns,
					 .time_unix_ns = now_ns()};
	const struct otlp_number_point files = number(point, w->files);
	const struct otlp_number_point bytes = number(point, w->bytes);
	const struct otlp_number_point depth = number(point, w->depth);
	const struct otlp_histogram_point sizes = {
		.point = point,
		.count = (uint64_t)w->files,
		.has_sum = true,
		.sum = (double)w->bytes,
		.bucket_counts = w->buckets,
		.bucket_count = COUNT_OF(w->buckets),
		.bounds = bounds,
		.bound_count = COUNT_OF(bounds),
	};
	const struct otlp_metric metrics[] = {
		sum(OTLP_STR("treewalk.files"), OTLP_STR("{file}"), &files),
		sum(OTLP_STR("treewalk.bytes"), OTLP_STR("By"), &bytes),
		{.name = OTLP_STR("treewalk.depth"),
		 .unit = OTLP_STR("{directory}"),
		 .type = OTLP_METRIC_GAUGE,
		 .points.number = &depth,
		 .point_count = 1},
		{.name = OTLP_STR("treewalk.file.size"),
		 .unit = OTLP_STR("By"),
		 .type = OTLP_METRIC_HISTOGRAM,
		 .temporality = OTLP_TEMPORALITY_CUMULATIVE,
		 .points.histogram = &sizes,
		 .point_count = 1},
	};
	const struct otlp_scope_metrics in_scope = {scope, metrics, COUNT_OF(metrics)};
	const struct otlp_resource_metrics all = {NULL, &in_scope, 1}; /* the library's resource */

	otlp_metric_exporter_export(w->metrics, &all);
	w->exported_ns = point.time_unix_ns;
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

/* A span is exported when it has ended: at the second visit of its directory. */
static void export_span(struct walk *w, const FTSENT *entry, int error)
{
	const struct visit *visit = entry->fts_pointer, *parent = entry->fts_parent->fts_pointer;
	const struct otlp_str path = {entry->fts_path, entry->fts_pathlen};
	const struct otlp_attribute attributes[] = {
		otlp_attr_str(OTLP_STR("file.directory"), path),
		otlp_attr_int(OTLP_STR("treewalk.entries"), visit->entries),
	};
	const struct otlp_attribute details[] = {
		otlp_attr_str(OTLP_STR("exception.message"), str(strerror(error))),
	};
	const struct otlp_span_event event = {now_ns(), OTLP_STR("exception"), {details, 1, 0}};
	struct otlp_span span = {
		.scope = &scope,
		.name = OTLP_STR("walk directory"),
		.kind = OTLP_SPAN_KIND_INTERNAL,
		.flags = 1, /* sampled */
		.start_time_unix_ns = visit->start_ns,
		.end_time_unix_ns = now_ns(),
		.attributes = {attributes, COUNT_OF(attributes), 0},
		.status = OTLP_STATUS_OK,
	};

	memcpy(span.trace_id, w->trace_id, sizeof(span.trace_id));
	memcpy(span.span_id, visit->span_id, sizeof(span.span_id));
	if (parent != NULL)
		memcpy(span.parent_span_id, parent->span_id, sizeof(span.parent_span_id));
	if (error != 0) {
		span.status = OTLP_STATUS_ERROR;
		span.status_message = str(strerror(error));
		span.events = &event;
		span.event_count = 1;
	}
	otlp_span_exporter_export(w->spans, &span, 1);
}

static void enter_directory(struct walk *w, FTSENT *entry)
{
	struct visit *visit = calloc(1, sizeof(*visit));

	if (visit == NULL)
		abort();
	if (entry->fts_level == FTS_ROOTLEVEL) /* a trace for each argument */
		new_id(w->trace_id, sizeof(w->trace_id));
	new_id(visit->span_id, sizeof(visit->span_id));
	visit->start_ns = now_ns();
	entry->fts_pointer = visit;
	w->depth++;
	w->directories++;
}

static void leave_directory(struct walk *w, FTSENT *entry, int error)
{
	if (entry->fts_pointer == NULL)
		return; /* never entered: an argument that is not there */
	if (w->delay_us > 0)
		usleep((useconds_t)w->delay_us);
	export_span(w, entry, error);
	free(entry->fts_pointer);
	entry->fts_pointer = NULL;
	w->depth--;
	if (now_ns() - w->exported_ns >= SECOND_NS)
		export_metrics(w);
}

/*
 * 0 or a negative errno. A symbolic link is an entry and never followed, so no
 * link makes a loop. Asked to stop, it ends the spans of all open directories.
 */
static int walk_trees(struct walk *w, char *const *arguments)
{
	FTS *tree = fts_open(arguments, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry = NULL;
	int error = 0;

	if (tree == NULL)
		return -errno;
	w->start_ns = w->exported_ns = now_ns();
	while (!stopped && (entry = fts_read(tree)) != NULL) {
		struct visit *parent = entry->fts_parent->fts_pointer;

		if (entry->fts_info == FTS_DP) {
			leave_directory(w, entry, 0);
			continue;
		}
		if (entry->fts_info == FTS_DNR) { /* entered, and then could not be read */
			leave_directory(w, entry, entry->fts_errno);
			continue;
		}
		if (parent != NULL) {
			parent->entries++;
		} else if (entry->fts_info != FTS_D) {
			fprintf(stderr, "treewalk: %s: not a directory\n", entry->fts_path);
			error = OTLP_ERR_INVALID;
		}
		if (entry->fts_info == FTS_D)
			enter_directory(w, entry);
		else if (entry->fts_info == FTS_F)
			count_file(w, entry->fts_statp->st_size);
	}
	for (; entry != NULL && entry->fts_level >= FTS_ROOTLEVEL; entry = entry->fts_parent)
		leave_directory(w, entry, EINTR);
	export_metrics(w);
	fts_close(tree);
	return error;
}

/* Exports everything, and waits for the writer for as long as is bearable. */
static int run(struct otlp_library *library, struct walk *w, char *const *arguments)
{
	struct otlp_stats stats;
	int error, walked;

	error = otlp_library_span_exporter(library, &w->spans);
	if (error == 0)
		error = otlp_library_metric_exporter(library, &w->metrics);
	if (error != 0)
		return error;
	walked = walk_trees(w, arguments);
	error = otlp_library_shutdown(library, 5 * (int64_t)SECOND_NS);
	if (error == OTLP_ERR_NO_WRITER)
		error = 0; /* what was accepted waits in the rings until one comes */
	otlp_library_get_stats(library, &stats, sizeof(stats));
	printf("treewalk: %s: %" PRId64 " directories, %" PRId64 " files, %" PRId64
	       " bytes, spans accepted %" PRIu64 ", dropped %" PRIu64 "\n",
	       arguments[0], w->directories, w->files, w->bytes, stats.spans.accepted,
	       stats.spans.dropped_full + stats.spans.dropped_too_large +
		       stats.spans.dropped_invalid);
	return walked != 0 ? walked : error;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {{"delay-us", required_argument, NULL, 'd'},
						     {NULL, 0, NULL, 0}};
	const struct sigaction action = {.sa_handler = stop};
	struct otlp_library *library = NULL;
	struct walk walk = {0};
	char *end = NULL;
	int error, option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) == 'd') {
		walk.delay_us = strtoul(optarg, &end, 10);
		if (end == optarg || *end != '\0' || walk.delay_us >= 1000000)
			break;
	}
	if (option != -1 || optind == argc) {
		fprintf(stderr, "usage: treewalk [--delay-us 0..999999] DIRECTORY...\n");
		return 2;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);

	error = otlp_library_open(&library, NULL); /* the defaults, and the environment */
	if (error == 0)
		error = run(library, &walk, argv + optind);
	if (error != 0)
		fprintf(stderr, "treewalk: %s\n", otlp_strerror(error));

	/* The exporters hold the library, so any order is right, and NULL is fine. */
	otlp_library_unref(library);
	otlp_span_exporter_unref(walk.spans);
	otlp_metric_exporter_unref(walk.metrics);
	return error == 0 ? 0 : 1;
}
