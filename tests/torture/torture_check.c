/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compares what is on the disk with the ledger. Every file is decoded whole by
 * protobuf-c, as a stranger would; only ….bad files, which are trusted up to
 * the byte in their name, are cut there first. Then the batches' own ledger:
 * the ranges of each ring, over all directories, must adjoin from 0 on.
 *
 * usage: torture_check LEDGER [--subset|--lost] [--liar ID]… OUTPUT_DIR…
 * --subset  records may be missing (a power cut): what is there must still be
 *           whole, there once, and for each slot the numbers 1 to n.
 * --lost    as many as the batches' ledger reports as lost are missing, in each signal; no
 *           thread was killed.
 * --liar    a region (its id in hex) whose producer lied: what its ranges are is not looked at, and
 *           its spans, known by their trace id, are only counted.
 * Exit 0: equal; 1: the differences are printed. The last line is JSON.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/record/signal.h"
#include "opentelemetry/proto/logs/v1/logs.pb-c.h"
#include "opentelemetry/proto/metrics/v1/metrics.pb-c.h"
#include "opentelemetry/proto/trace/v1/trace.pb-c.h"
#include "shm/layout.h"
#include "tests/torture/ledger.h"
#include "writer/file/batch_scan.h"
#include "writer/file/dataname.h"

#define PROBLEMS_MAX 20
#define LIARS_MAX    64
#define LIAR_MARK    "ring_liar" /* tests/attack/ring_liar.c */

struct slot_seen {
	uint8_t *counts; /* by number */
	uint64_t capacity;
	uint64_t last; /* the largest number */
};

struct range {
	uint64_t region_id, from, to;
	uint16_t ring, flags;
	uint64_t written, lost;
};

static struct slot_seen seen[LEDGER_SLOTS_MAX];
static struct range *ranges;
static size_t range_count, range_capacity;
static uint64_t problems, items, file_count, lost_items, invalid_items, torn_bytes;
static uint64_t lost_of[SIGNAL_COUNT], missing_of[SIGNAL_COUNT], accepted_items;
static uint64_t liars[LIARS_MAX], liar_items;
static unsigned liar_count;
enum check_mode { CHECK_ALL, CHECK_SUBSET, CHECK_LOST };

#define PROBLEM(...)                                  \
	do {                                          \
		if (problems++ < PROBLEMS_MAX) {      \
			printf("FAIL: " __VA_ARGS__); \
			printf("\n");                 \
		}                                     \
	} while (0)

static void see(const char *file, uint64_t slot, uint64_t number, const char *text, size_t bytes)
{
	char expected[LEDGER_TEXT_BYTES_MAX];
	struct slot_seen *at;
	size_t n;

	items++;
	if (slot >= LEDGER_SLOTS_MAX || number == 0 || number > UINT64_C(1) << 32) {
		PROBLEM("%s: slot %llu, number %llu: never pushed", file, (unsigned long long)slot,
			(unsigned long long)number);
		return;
	}
	n = ledger_text((uint32_t)slot, number, expected);
	if (n != bytes || (n != 0 && memcmp(text, expected, n) != 0))
		PROBLEM("%s: slot %llu, number %llu: it is damaged", file, (unsigned long long)slot,
			(unsigned long long)number);
	at = &seen[slot];
	if (number >= at->capacity) {
		uint64_t capacity = (number + 1) * 2;

		at->counts = realloc(at->counts, capacity);
		memset(at->counts + at->capacity, 0, capacity - at->capacity);
		at->capacity = capacity;
	}
	if (at->counts[number]++ == 1)
		PROBLEM("%s: slot %llu, number %llu: it is there twice", file,
			(unsigned long long)slot, (unsigned long long)number);
	if (number > at->last)
		at->last = number;
}

/* What spans and log records share: their ids say which they are. */
static void see_ids(const char *file, const ProtobufCBinaryData *trace_id,
		    const ProtobufCBinaryData *span_id, uint64_t time_ns,
		    const ProtobufCBinaryData *text)
{
	uint64_t number = 0;
	uint32_t slot = UINT32_MAX;

	if (trace_id->len == 16 && memcmp(trace_id->data, LEDGER_TRACE_MARK, 8) == 0)
		memcpy(&slot, trace_id->data + 8, sizeof(slot));
	if (span_id->len == 8)
		memcpy(&number, span_id->data, sizeof(number));
	if (time_ns != number)
		number = 0;
	see(file, slot, number, (const char *)text->data, text->len);
}

static void see_traces(const char *file, const uint8_t *bytes, size_t count)
{
	Opentelemetry__Proto__Trace__V1__TracesData *data =
		opentelemetry__proto__trace__v1__traces_data__unpack(NULL, count, bytes);
	size_t r, s, i;

	if (data == NULL) {
		PROBLEM("%s: it cannot be decoded", file);
		return;
	}
	for (r = 0; r < data->n_resource_spans; r++)
		for (s = 0; s < data->resource_spans[r]->n_scope_spans; s++)
			for (i = 0; i < data->resource_spans[r]->scope_spans[s]->n_spans; i++) {
				const Opentelemetry__Proto__Trace__V1__Span *span =
					data->resource_spans[r]->scope_spans[s]->spans[i];

				if (liar_count > 0 && span->trace_id.len == 16 &&
				    memcmp(span->trace_id.data, LIAR_MARK, strlen(LIAR_MARK)) ==
					    0) {
					liar_items++;
					continue;
				}
				see_ids(file, &span->trace_id, &span->span_id,
					span->start_time_unix_nano, &span->name);
			}
	opentelemetry__proto__trace__v1__traces_data__free_unpacked(data, NULL);
}

static void see_logs(const char *file, const uint8_t *bytes, size_t count)
{
	Opentelemetry__Proto__Logs__V1__LogsData *data =
		opentelemetry__proto__logs__v1__logs_data__unpack(NULL, count, bytes);
	size_t r, s, i;

	if (data == NULL) {
		PROBLEM("%s: it cannot be decoded", file);
		return;
	}
	for (r = 0; r < data->n_resource_logs; r++)
		for (s = 0; s < data->resource_logs[r]->n_scope_logs; s++)
			for (i = 0; i < data->resource_logs[r]->scope_logs[s]->n_log_records; i++) {
				const Opentelemetry__Proto__Logs__V1__LogRecord *log =
					data->resource_logs[r]->scope_logs[s]->log_records[i];
				const ProtobufCBinaryData none = {0};

				see_ids(file, &log->trace_id, &log->span_id,
					log->observed_time_unix_nano,
					log->body != NULL ? &log->body->string_value : &none);
			}
	opentelemetry__proto__logs__v1__logs_data__free_unpacked(data, NULL);
}

static void see_metric(const char *file, const Opentelemetry__Proto__Metrics__V1__Metric *metric)
{
	size_t i;

	if (metric->data_case != OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_GAUGE) {
		PROBLEM("%s: a metric that is no gauge", file);
		return;
	}
	for (i = 0; i < metric->gauge->n_data_points; i++) {
		const Opentelemetry__Proto__Metrics__V1__NumberDataPoint *point =
			metric->gauge->data_points[i];
		ProtobufCBinaryData text = {0};

		if (point->n_attributes == 1 && point->attributes[0]->value != NULL &&
		    point->attributes[0]->value->value_case ==
			    OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE)
			text = point->attributes[0]->value->string_value;
		see(file, point->start_time_unix_nano - 1,
		    point->as_int == (int64_t)point->time_unix_nano ? point->time_unix_nano : 0,
		    (const char *)text.data, text.len);
	}
}

static void see_metrics(const char *file, const uint8_t *bytes, size_t count)
{
	Opentelemetry__Proto__Metrics__V1__MetricsData *data =
		opentelemetry__proto__metrics__v1__metrics_data__unpack(NULL, count, bytes);
	size_t r, s, i;

	if (data == NULL) {
		PROBLEM("%s: it cannot be decoded", file);
		return;
	}
	for (r = 0; r < data->n_resource_metrics; r++)
		for (s = 0; s < data->resource_metrics[r]->n_scope_metrics; s++)
			for (i = 0; i < data->resource_metrics[r]->scope_metrics[s]->n_metrics; i++)
				see_metric(file,
					   data->resource_metrics[r]->scope_metrics[s]->metrics[i]);
	opentelemetry__proto__metrics__v1__metrics_data__free_unpacked(data, NULL);
}

static void (*const see_rows[SIGNAL_COUNT])(const char *file, const uint8_t *bytes,
					    size_t count) = {
	[OTLP_SIGNAL_TRACES] = see_traces,
	[OTLP_SIGNAL_METRICS] = see_metrics,
	[OTLP_SIGNAL_LOGS] = see_logs,
};

static bool is_liar(uint64_t region_id)
{
	for (unsigned i = 0; i < liar_count; i++)
		if (liars[i] == region_id)
			return true;
	return false;
}

static void see_entry(const struct batch_entry *entry)
{
	if (is_liar(entry->region_id))
		return;
	if (range_count == range_capacity) {
		range_capacity = range_capacity * 2 + 1024;
		ranges = realloc(ranges, range_capacity * sizeof(*ranges));
	}
	ranges[range_count++] = (struct range){
		.region_id = entry->region_id,
		.from = entry->from,
		.to = entry->to,
		.ring = entry->ring,
		.flags = entry->flags,
		.written = entry->written_items,
		.lost = entry->lost_items,
	};
	lost_items += entry->lost_items;
	if (ring_signal(entry->ring) < SIGNAL_COUNT)
		lost_of[ring_signal(entry->ring)] += entry->lost_items;
	if (entry->lost_items != 0 && !(entry->flags & BATCH_ENTRY_LOST))
		PROBLEM("an entry has lost items, and is not marked");
	invalid_items += entry->invalid_items;
	torn_bytes += entry->torn_bytes;
}

/* @return the bytes of whole batches at the file's start */
static uint64_t scan_ledger(const char *file, int fd, uint64_t limit, bool is_open)
{
	struct batch_scan scan;
	struct batch_head head;
	uint64_t end;
	int rc;

	batch_scan_open(&scan, fd, limit);
	while ((rc = batch_scan_next(&scan, &head)) == 0) {
		uint32_t i;

		for (i = 0; i < head.entry_count; i++)
			see_entry(&batch_entries(scan.bytes)[i]);
	}
	if (rc != -ENODATA && !is_open)
		PROBLEM("%s: a bad batch at %llu: %s", file, (unsigned long long)scan.offset,
			strerror(-rc));
	end = scan.offset;
	batch_scan_close(&scan);
	return end;
}

static void check_file(const char *path, enum otlp_signal signal, const struct data_name *name)
{
	uint64_t limit = name->kind == DATA_BAD ? name->trusted_bytes : UINT64_MAX;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *bytes;
	uint64_t end;

	if (fd < 0) {
		PROBLEM("%s: %s", path, strerror(errno));
		return;
	}
	if (name->kind == DATA_OPEN)
		PROBLEM("%s: a file was left open", path);
	file_count++;
	end = scan_ledger(path, fd, limit, name->kind == DATA_OPEN);
	bytes = malloc(end + 1);
	if (pread(fd, bytes, end, 0) != (ssize_t)end)
		PROBLEM("%s: %s", path, strerror(errno));
	else
		see_rows[signal](path, bytes, end);
	free(bytes);
	close(fd);
}

static void check_dir(const char *output, enum otlp_signal signal)
{
	const char *directory = signal_name(signal);
	struct dirent *entry;
	char path[8192];
	DIR *stream;

	snprintf(path, sizeof(path), "%s/%s", output, directory);
	stream = opendir(path);
	if (stream == NULL)
		return; /* no record of this signal, or a writer that was killed at its start */
	while ((entry = readdir(stream)) != NULL) {
		struct data_name name;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", output, directory, entry->d_name);
		if (data_name_parse(directory, entry->d_name, &name) < 0)
			PROBLEM("%s: no data file has such a name", path);
		else
			check_file(path, signal, &name);
	}
	closedir(stream);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	if (x->region_id != y->region_id)
		return x->region_id < y->region_id ? -1 : 1;
	if (x->ring != y->ring)
		return x->ring < y->ring ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

static void check_ranges(void)
{
	size_t i;

	qsort(ranges, range_count, sizeof(*ranges), compare_ranges);
	for (i = 0; i < range_count; i++) {
		const struct range *at = &ranges[i];
		bool is_first =
			i == 0 || at[-1].region_id != at->region_id || at[-1].ring != at->ring;
		uint64_t expected = is_first ? 0 : at[-1].to;

		if (at->from != expected)
			PROBLEM("region %016llx, ring %u: %s of positions %llu to %llu",
				(unsigned long long)at->region_id, at->ring,
				at->from > expected ? "a gap" : "an overlap",
				(unsigned long long)(at->from > expected ? expected : at->from),
				(unsigned long long)(at->from > expected ? at->from : expected));
	}
}

static uint64_t check_slots(const struct ledger *ledger, enum check_mode mode)
{
	uint64_t missing = 0, n;
	uint32_t slot;

	for (slot = 0; slot < LEDGER_SLOTS_MAX; slot++) {
		uint64_t word = ledger->words[slot];
		uint64_t last = mode == CHECK_SUBSET ? seen[slot].last : word;

		for (n = 1; n <= last; n++) {
			if (n < seen[slot].capacity && seen[slot].counts[n] != 0)
				continue;
			missing++;
			missing_of[ledger_signal_of(slot)]++;
			if (mode == CHECK_LOST)
				continue;
			PROBLEM("slot %u, number %llu: accepted, and not there (accepted 1 to "
				"%llu, there up to %llu)",
				slot, (unsigned long long)n, (unsigned long long)word,
				(unsigned long long)seen[slot].last);
		}
		accepted_items += word;
		if (seen[slot].last > word + (mode != CHECK_LOST))
			PROBLEM("slot %u: %llu are there, %llu were accepted", slot,
				(unsigned long long)seen[slot].last, (unsigned long long)word);
	}
	return missing;
}

/* @return the index of the first directory */
static int parse(int argc, char **argv, enum check_mode *ret_mode)
{
	int i;

	*ret_mode = CHECK_ALL;
	for (i = 2; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		if (strcmp(argv[i], "--subset") == 0)
			*ret_mode = CHECK_SUBSET;
		else if (strcmp(argv[i], "--lost") == 0)
			*ret_mode = CHECK_LOST;
		else if (strcmp(argv[i], "--liar") == 0 && i + 1 < argc && liar_count < LIARS_MAX)
			liars[liar_count++] = strtoull(argv[++i], NULL, 16);
		else
			return argc;
	}
	return i;
}

int main(int argc, char **argv)
{
	enum check_mode mode;
	struct ledger ledger;
	uint64_t missing;
	int i;

	i = parse(argc, argv, &mode);
	if (i >= argc || ledger_open(&ledger, argv[1]) < 0)
		return 2;
	for (; i < argc; i++)
		for (enum otlp_signal signal = 0; signal < SIGNAL_COUNT; signal++)
			check_dir(argv[i], signal);
	check_ranges();
	missing = check_slots(&ledger, mode);
	for (i = 0; mode == CHECK_LOST && i < (int)SIGNAL_COUNT; i++)
		if (missing_of[i] != lost_of[i])
			PROBLEM("signal %d: %llu are missing, %llu are reported as lost", i,
				(unsigned long long)missing_of[i], (unsigned long long)lost_of[i]);
	for (i = 0; i < (int)LEDGER_SLOTS_MAX; i++)
		free(seen[i].counts);
	free(ranges);
	ledger_close(&ledger);
	printf("{\"accepted\":%llu,\"items\":%llu,\"files\":%llu,\"missing\":%llu,\"problems\":%"
	       "llu,\"lost\":%llu,"
	       "\"invalid\":%llu,\"torn_bytes\":%llu,\"of_liars\":%llu}\n",
	       (unsigned long long)accepted_items, (unsigned long long)items,
	       (unsigned long long)file_count, (unsigned long long)missing,
	       (unsigned long long)problems, (unsigned long long)lost_items,
	       (unsigned long long)invalid_items, (unsigned long long)torn_bytes,
	       (unsigned long long)liar_items);
	return problems != 0;
}
