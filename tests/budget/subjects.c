/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thousand times the one thing that its argument names, in a function that callgrind is told to
 * count. Prints the bytes that a record takes: in the ring for a push, in the output for encoding.
 *
 * usage: subjects push_S|push_S_shaped|push_S0|push_M_point|push_L|push_L_shaped
 *        subjects push_S_no_scope|push_S0_no_scope|push_S0_lanes
 *        subjects encode_S|encode_M_point|encode_L|parse_S|parse_M_point|parse_L
 *        subjects find_of_500
 *        subjects drain_S|drain_S_shaped|drain_S0|drain_L|drain_M_point
 *        subjects turn_1_lane|turn_8_lanes|turn_8_lanes_used
 *
 * Pushes and drains are of a ring with one lane, but for push_S0_lanes.
 * A drain is all that the writer's processor does for a record: from the ring into a whole batch.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench_data.h"
#include "core/library.h"
#include "core/record/record.h"
#include "tests/budget/turn.h"
#include "writer/encode/encode.h"
#include "writer/file/batch.h"
#include "writer/source.h"
#include "writer/table.h"

#define TIMES		 1000u
#define METRICS_TIMES	 (TIMES / BENCH_METRICS_M_POINTS)
#define RECORD_BYTES_MAX 8192u
#define OUTPUT_BYTES	 (4u << 20)
#define ENTRIES		 500u
#define ENTRY_BYTES	 24u /* an empty resource in a region's table */

static struct otlp_library *library;
static struct otlp_shape *shape; /* NULL: none */
static struct otlp_log_shape *log_shape;
static struct record_view views[16];
static size_t view_count;
static uint8_t output[2 * RECORD_BYTES_MAX];

/* The counted functions: external, so that they keep their names, and never inlined. */
void counted_spans(const struct otlp_span *span);
void counted_metrics(void);
void counted_logs(void);
void counted_shaped_logs(void);
void counted_encode(uint64_t times);
void counted_parse(uint64_t times);
void counted_finds(struct table *table, const struct region_view *view);
void counted_drain(struct source *source, enum otlp_signal signal, const struct drain *drain,
		   struct stage *stage, uint8_t *to, uint8_t **ret_end);

__attribute__((noinline)) void counted_spans(const struct otlp_span *span)
{
	for (unsigned i = 0; i < TIMES; i++)
		otlp_library_export_shaped(library, shape, span, 1);
}

__attribute__((noinline)) void counted_metrics(void)
{
	for (unsigned i = 0; i < METRICS_TIMES; i++)
		otlp_library_export_metrics_ref(library, &bench_metrics_m);
}

__attribute__((noinline)) void counted_logs(void)
{
	for (unsigned i = 0; i < TIMES; i++)
		otlp_library_export_logs(library, &bench_log_l, 1);
}

__attribute__((noinline)) void counted_shaped_logs(void)
{
	for (unsigned i = 0; i < TIMES; i++)
		otlp_library_export_logs_shaped(library, log_shape, &bench_log_l, 1);
}

__attribute__((noinline)) void counted_encode(uint64_t times)
{
	for (uint64_t i = 0; i < times; i++)
		for (size_t v = 0; v < view_count; v++)
			encode_record(&views[v], output);
}

__attribute__((noinline)) void counted_parse(uint64_t times)
{
	for (uint64_t i = 0; i < times; i++)
		for (size_t v = 0; v < view_count; v++)
			if (record_parse(views[v].bytes, views[v].len, RECORD_BYTES_MAX,
					 &views[v]) < 0)
				abort();
}

__attribute__((noinline)) void counted_finds(struct table *table, const struct region_view *view)
{
	struct table_copy copy;

	for (uint32_t i = 0; i < TIMES; i++)
		if (table_find(table, view, i % ENTRIES * ENTRY_BYTES + 1, TABLE_RESOURCE, &copy) <
		    0)
			abort();
}

/* As the kernel would say it; callgrind's threads have no such number. */
static void take_lane(void)
{
	static _Thread_local uint32_t number = 5;

	library->producer.lanes.number_offset =
		(ptrdiff_t)((uintptr_t)&number - (uintptr_t)__builtin_thread_pointer());
}

static int push(const char *subject)
{
	const bool has_lanes = strcmp(subject, "push_S0_lanes") == 0;
	const struct otlp_span *span = NULL;
	enum otlp_signal signal = OTLP_SIGNAL_TRACES;
	const struct otlp_signal_stats *of;
	struct otlp_options options;
	struct otlp_stats stats;
	int rc;

	if (strcmp(subject, "push_S_shaped") == 0 && otlp_shape_register(&bench_span_s, &shape) < 0)
		return -EINVAL;
	if (strcmp(subject, "push_L_shaped") == 0 &&
	    otlp_log_shape_register(&bench_log_l, &log_shape) < 0)
		return -EINVAL;
	if (shape != NULL || strcmp(subject, "push_S") == 0)
		span = &bench_span_s;
	else if (has_lanes || strcmp(subject, "push_S0") == 0)
		span = &bench_span_s0;
	else if (strcmp(subject, "push_S_no_scope") == 0)
		span = &bench_span_s_no_scope;
	else if (strcmp(subject, "push_S0_no_scope") == 0)
		span = &bench_span_s0_no_scope;
	else if (log_shape != NULL || strcmp(subject, "push_L") == 0)
		signal = OTLP_SIGNAL_LOGS;
	else if (strcmp(subject, "push_M_point") == 0)
		signal = OTLP_SIGNAL_METRICS;
	else
		return -EINVAL;
	otlp_options_init(&options, sizeof(options));
	options.lanes = has_lanes ? OTLP_LANES_MAX : 1;
	rc = otlp_library_open(&library, &options);
	if (rc < 0)
		return rc;
	take_lane();
	/* The first push does what no other does. */
	if (span != NULL) {
		otlp_library_export_shaped(library, shape, span, 1);
		counted_spans(span);
	} else if (log_shape != NULL) {
		otlp_library_export_logs_shaped(library, log_shape, &bench_log_l, 1);
		counted_shaped_logs();
	} else if (signal == OTLP_SIGNAL_LOGS) {
		otlp_library_export_logs(library, &bench_log_l, 1);
		counted_logs();
	} else {
		otlp_library_export_metrics_ref(library, &bench_metrics_m);
		counted_metrics();
	}
	otlp_library_get_stats(library, &stats, sizeof(stats));
	of = &stats.signals[signal];
	printf("operations %u\n",
	       signal != OTLP_SIGNAL_METRICS ? TIMES : METRICS_TIMES * BENCH_METRICS_M_POINTS);
	printf("bytes %g\n", (double)of->accepted_bytes / (double)of->accepted);
	if (of->dropped_full != 0)
		return -ENOBUFS;
	otlp_library_shutdown(library, 0);
	otlp_shape_unref(shape);
	otlp_log_shape_unref(log_shape);
	otlp_library_unref(library);
	return 0;
}

/* A record as the writer finds it, resource and scope by reference: written by the producer's side,
 * then parsed. */
#define REFS RECORD_REFS(1, 9)

static int add_span(uint8_t *record, const struct otlp_span *span)
{
	size_t bytes;
	int rc = record_size_span(span, NULL, NULL, &bytes);

	if (rc < 0 || bytes > RECORD_BYTES_MAX)
		return -EINVAL;
	if (record_write_span(record, span, NULL, REFS, bytes) == RECORD_CHANGED)
		return -EINVAL;
	return record_parse(record, bytes, RECORD_BYTES_MAX, &views[view_count++]);
}

static int add_log(uint8_t *record, const struct otlp_log_record *log)
{
	size_t bytes;
	int rc = record_measure_log(log, NULL, &bytes);

	if (rc < 0 || bytes > RECORD_BYTES_MAX)
		return -EINVAL;
	if (!record_write_log(record, log, NULL, 1, bytes))
		return -EINVAL;
	return record_parse(record, bytes, RECORD_BYTES_MAX, &views[view_count++]);
}

static int add_metric(uint8_t *record, const struct otlp_metric *metric)
{
	size_t bytes, point_bytes;
	int rc = record_measure_metric(metric, NULL, NULL, &bytes);

	for (size_t i = 0; rc == 0 && i < metric->point_count; i++) {
		rc = record_measure_point(metric, i, &point_bytes);
		bytes += point_bytes;
	}
	if (rc < 0 || bytes > RECORD_BYTES_MAX)
		return -EINVAL;
	if (!record_write_metric(record, metric, NULL, NULL, 1, 0, metric->point_count, bytes))
		return -EINVAL;
	return record_parse(record, bytes, RECORD_BYTES_MAX, &views[view_count++]);
}

/* Parsing and encoding. */
static int read_side(const char *subject)
{
	const struct otlp_scope_metrics *m = bench_metrics_m.scope_metrics;
	static uint8_t records[16][RECORD_BYTES_MAX];
	uint64_t times = TIMES, bytes = 0, items = 0;
	int rc = 0;

	if (strcmp(subject, "encode_S") == 0 || strcmp(subject, "parse_S") == 0) {
		rc = add_span(records[0], &bench_span_s);
	} else if (strcmp(subject, "encode_L") == 0 || strcmp(subject, "parse_L") == 0) {
		rc = add_log(records[0], &bench_log_l);
	} else {
		times = METRICS_TIMES;
		for (size_t i = 0; rc == 0 && i < m->metric_count; i++)
			rc = add_metric(records[i], &m->metrics[i]);
	}
	if (rc < 0)
		return rc;
	if (strncmp(subject, "parse", strlen("parse")) == 0)
		counted_parse(times);
	else
		counted_encode(times);
	for (size_t v = 0; v < view_count; v++) {
		bytes += (uint64_t)(encode_record(&views[v], output) - output);
		items += views[v].item_count;
	}
	printf("operations %llu\n", (unsigned long long)(times * items));
	printf("bytes %g\n", (double)bytes / (double)items);
	return 0;
}

/* What many resources or shapes in one region's table cost each record that refers to one. */
static int find(void)
{
	static _Alignas(LAYOUT_LINE_BYTES) uint8_t bytes[TABLE_BYTES];
	const uint64_t word = entry_word(ENTRY_COMMITTED, sizeof(struct record_resource_head));
	const struct region_view view = {.header = (struct region_header *)(void *)bytes,
					 .table_bytes = sizeof(bytes)};
	struct table table = {0};
	struct table_copy copy;

	static_assert(ENTRY_BYTES == ENTRY_HEADER_BYTES + ENTRY_ALIGN_BYTES * 2, "an entry");
	for (size_t i = 0; i < ENTRIES; i++)
		memcpy(bytes + i * ENTRY_BYTES, &word, sizeof(word));
	/* The first look copies them. */
	for (uint32_t i = 0; i < ENTRIES; i++)
		if (table_find(&table, &view, i * ENTRY_BYTES + 1, TABLE_RESOURCE, &copy) < 0)
			return -EINVAL;
	counted_finds(&table, &view);
	printf("operations %u\n", TIMES);
	printf("bytes %u\n", ENTRY_BYTES);
	table_close(&table);
	return 0;
}

__attribute__((noinline)) void counted_drain(struct source *source, enum otlp_signal signal,
					     const struct drain *drain, struct stage *stage,
					     uint8_t *to, uint8_t **ret_end)
{
	while (source_drain(source, signal, drain, stage, 0) == DRAIN_QUOTA)
		;
	*ret_end = stage_write_in_place(stage, batch_head_bytes(1));
	if (*ret_end == NULL)
		*ret_end = stage_write(stage, to);
}

/* This process's region; others have left theirs in the directory. */
static int drain_open(struct runtime_dir *dir, struct source **ret)
{
	struct dirent *entry;
	uint32_t pid;
	uint64_t id;
	DIR *names;
	int rc;

	rc = runtime_open(dir, getenv("OTLPIPE_DIR"), false);
	if (rc < 0)
		return rc;
	names = opendir(getenv("OTLPIPE_DIR"));
	rc = -ENOENT;
	while (names != NULL && rc == -ENOENT && (entry = readdir(names)) != NULL)
		if (region_parse_name(entry->d_name, &pid, &id) && pid == (uint32_t)getpid())
			rc = source_open(ret, dir, entry->d_name, 1);
	if (names != NULL)
		closedir(names);
	return rc;
}

static void push_for_drain(const char *subject, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		if (strcmp(subject, "drain_L") == 0)
			otlp_library_export_logs(library, &bench_log_l, 1);
		else if (strcmp(subject, "drain_M_point") == 0)
			otlp_library_export_metrics_ref(library, &bench_metrics_m);
		else
			otlp_library_export_shaped(library, shape,
						   strcmp(subject, "drain_S0") == 0 ? &bench_span_s0
										    : &bench_span_s,
						   1);
	}
}

/* The first round copies what is in the table, and its memory is new. */
static int drain(const char *subject)
{
	const bool is_metric = strcmp(subject, "drain_M_point") == 0;
	const enum otlp_signal signal = is_metric			  ? OTLP_SIGNAL_METRICS
					: strcmp(subject, "drain_L") == 0 ? OTLP_SIGNAL_LOGS
									  : OTLP_SIGNAL_TRACES;
	struct drain drain = {.batch_bytes_max = OUTPUT_BYTES, .quota_bytes = OUTPUT_BYTES};
	uint8_t *const batch = malloc(OUTPUT_BYTES), *const lent = malloc(OUTPUT_BYTES);
	uint64_t items = TIMES;
	struct otlp_options options;
	struct runtime_dir dir;
	struct source *source;
	struct stage *stage;
	uint8_t *end = NULL;
	int rc;

	if (strcmp(subject, "drain_S_shaped") == 0 &&
	    otlp_shape_register(&bench_span_s, &shape) < 0)
		return -EINVAL;
	if (is_metric)
		items = METRICS_TIMES * BENCH_METRICS_M_POINTS;
	drain.record = malloc(DRAIN_RECORD_ROOM_BYTES);
	drain.whole = malloc(DRAIN_WHOLE_ROOM_BYTES);
	if (batch == NULL || lent == NULL || drain.record == NULL || drain.whole == NULL)
		return -ENOMEM;
	otlp_options_init(&options, sizeof(options));
	options.lanes = 1;
	rc = otlp_library_open(&library, &options);
	if (rc == 0)
		rc = stage_open(&stage);
	if (rc == 0)
		rc = drain_open(&dir, &source);
	if (rc < 0)
		return rc;
	stage_lend(stage, lent, OUTPUT_BYTES);
	for (unsigned round = 0; round < 2; round++) {
		push_for_drain(subject, is_metric ? METRICS_TIMES : TIMES);
		if (round == 0) {
			while (source_drain(source, signal, &drain, stage, 0) == DRAIN_QUOTA)
				;
			(void)stage_write_in_place(stage, batch_head_bytes(1));
			(void)stage_write(stage, batch);
		} else {
			counted_drain(source, signal, &drain, stage, batch, &end);
		}
	}
	if (source_ring(source, signal)->staged.totals.written_items != 2 * items)
		return -EBADMSG;
	printf("operations %llu\n", (unsigned long long)items);
	printf("bytes %g\n", (double)(end - lent - (ptrdiff_t)batch_head_bytes(1)) / (double)items);
	source_close(source);
	runtime_close(&dir);
	stage_close(stage);
	free(batch);
	free(lent);
	free(drain.record);
	free(drain.whole);
	otlp_library_shutdown(library, 0);
	otlp_shape_unref(shape);
	otlp_library_unref(library);
	return 0;
}

int main(int argc, char **argv)
{
	int rc = -EINVAL;

	if (argc == 2 && strcmp(argv[1], "find_of_500") == 0)
		rc = find();
	else if (argc == 2 && strncmp(argv[1], "drain", strlen("drain")) == 0)
		rc = drain(argv[1]);
	else if (argc == 2 && strcmp(argv[1], "turn_1_lane") == 0)
		rc = turn_count(1, 1);
	else if (argc == 2 && strncmp(argv[1], "turn_8_lanes", strlen("turn_8_lanes")) == 0)
		rc = turn_count(8, strcmp(argv[1], "turn_8_lanes_used") == 0 ? 8 : 1);
	else if (argc == 2)
		rc = strncmp(argv[1], "push", strlen("push")) == 0 ? push(argv[1])
								   : read_side(argv[1]);
	if (rc < 0)
		fprintf(stderr, "subjects: %s\n", strerror(-rc));
	return rc < 0;
}
