/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text is put together in memory, family by family. Labels hold what producers and users chose:
 * whatever that is, the text stays UTF-8, and a label ends where it should.
 */
#include "cli/openmetrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/utf8.h"
#include "cli/stat_look.h"

#define LABELS_BYTES  (4 * STATUS_OUTPUT_BYTES)
#define NS_PER_SECOND 1e9

enum family_type { FAMILY_GAUGE, FAMILY_COUNTER, FAMILY_INFO, FAMILY_STATES };

/* Its lines of # follow; the samples are the caller's. */
static void family(FILE *out, const char *name, enum family_type type, const char *unit,
		   const char *help)
{
	static const char *const types[] = {"gauge", "counter", "info", "stateset"};

	fprintf(out, "# TYPE otlpipe_%s %s\n", name, types[type]);
	if (unit != NULL)
		fprintf(out, "# UNIT otlpipe_%s %s\n", name, unit);
	fprintf(out, "# HELP otlpipe_%s %s\n", name, help);
}

static void sample(FILE *out, const char *name, const char *labels, uint64_t value)
{
	fprintf(out, "otlpipe_%s%s%s%s %" PRIu64 "\n", name, labels[0] != '\0' ? "{" : "", labels,
		labels[0] != '\0' ? "}" : "", value);
}

static void sample_seconds(FILE *out, const char *name, const char *labels, uint64_t ns)
{
	fprintf(out, "otlpipe_%s%s%s%s %" PRIu64 ".%09" PRIu64 "\n", name,
		labels[0] != '\0' ? "{" : "", labels, labels[0] != '\0' ? "}" : "", ns / 1000000000,
		ns % 1000000000);
}

/* ---- labels ---- */

struct labels {
	char text[LABELS_BYTES];
	size_t used;
};

/* name="value", escaped; bytes that are no UTF-8 become question marks. */
static void label(struct labels *labels, const char *name, const char *value)
{
	const size_t length = strlen(value);
	const bool is_text = utf8_is_valid(value, length);
	size_t i;

	labels->used += (size_t)snprintf(labels->text + labels->used, 64, "%s%s=\"",
					 labels->used > 0 ? "," : "", name);
	for (i = 0; i < length && labels->used < sizeof(labels->text) - 80; i++) {
		const char c = value[i];

		if (c == '\\' || c == '"' || c == '\n') {
			labels->text[labels->used++] = '\\';
			labels->text[labels->used++] = c == '\n' ? 'n' : c;
		} else if (((unsigned char)c >= 0x80 && !is_text) || (unsigned char)c < ' ') {
			labels->text[labels->used++] = '?';
		} else {
			labels->text[labels->used++] = c;
		}
	}
	labels->text[labels->used++] = '"';
	labels->text[labels->used] = '\0';
}

static void labels_begin(struct labels *labels)
{
	labels->used = 0;
	labels->text[0] = '\0';
}

static const char *signal_label(struct labels *labels, enum otlp_signal signal)
{
	labels_begin(labels);
	label(labels, "signal", signal_name(signal));
	return labels->text;
}

/* ---- the writer ---- */

static void write_state(FILE *out, const struct stat_view *view, struct labels *labels)
{
	static const char *const states[] = {"none", "running", "stalled", "waiting", "stopped"};
	const char *state = stat_state_name(view);
	size_t i;

	family(out, "writer", FAMILY_INFO, NULL, "The writer, or the last one.");
	labels_begin(labels);
	label(labels, "version", view->page.version);
	label(labels, "io", view->page.io);
	label(labels, "output", view->page.output);
	label(labels, "runtime", view->path);
	sample(out, "writer_info", labels->text, 1);
	family(out, "writer_up", FAMILY_GAUGE, NULL, "1: a writer holds the runtime directory.");
	sample(out, "writer_up", "", view->is_running);
	family(out, "writer_state", FAMILY_STATES, NULL, "What it does.");
	for (i = 0; i < COUNT_OF(states); i++) {
		labels_begin(labels);
		label(labels, "otlpipe_writer_state", states[i]);
		sample(out, "writer_state", labels->text, strcmp(states[i], state) == 0);
	}
	family(out, "writer_start_time_seconds", FAMILY_GAUGE, "seconds",
	       "When it started, since 1970.");
	sample_seconds(out, "writer_start_time_seconds", "", view->page.start_unix_ns);
	family(out, "writer_regions_left_aside", FAMILY_COUNTER, NULL,
	       "Regions that made no sense, since it started.");
	sample(out, "writer_regions_left_aside_total", "", view->page.regions_broken);
	family(out, "writer_regions_waiting", FAMILY_GAUGE, NULL,
	       "Regions for which it has no room yet.");
	sample(out, "writer_regions_waiting", "",
	       view->is_running ? view->page.regions_waiting : 0);
	family(out, "writer_waits_for_producers", FAMILY_GAUGE, NULL,
	       "Told to stop with --wait-for-producers: how many still live.");
	sample(out, "writer_waits_for_producers", "",
	       view->is_running ? view->page.waits_for_producers : 0);
}

/* A number of each signal, by its place on the writer's page. */
struct signal_family {
	const char *name;
	const char *unit;
	size_t offset; /* in struct status_signal */
	const char *help;
};

#define OF_SIGNAL(member) offsetof(struct status_signal, member)

static const struct signal_family signal_families[] = {
	{"writer_batches", NULL, OF_SIGNAL(batches), "Batches that count."},
	{"writer_batch_bytes", "bytes", OF_SIGNAL(batch_bytes), "Bytes of the batches that count."},
	{"writer_written_items", "items", OF_SIGNAL(written_items),
	 "Spans, data points or log records in the files."},
	{"writer_invalid_items", "items", OF_SIGNAL(invalid_items), "Refused by the writer."},
	{"writer_lost_items", "items", OF_SIGNAL(lost_items), "Gone by a failed disk."},
	{"writer_torn_bytes", "bytes", OF_SIGNAL(torn_bytes),
	 "Claimed by producers that were killed, and not committed."},
	{"writer_files_sealed", NULL, OF_SIGNAL(files_sealed), "Files sealed."},
	{"writer_errors", NULL, OF_SIGNAL(errors), "Failures of reading and writing files."},
};

static void write_signals(FILE *out, const struct stat_view *view, struct labels *labels)
{
	enum otlp_signal signal;
	size_t i;

	for (i = 0; i < COUNT_OF(signal_families); i++) {
		const struct signal_family *row = &signal_families[i];
		char name[64];

		family(out, row->name, FAMILY_COUNTER, row->unit, row->help);
		snprintf(name, sizeof(name), "%s_total", row->name);
		for (signal = 0; signal < SIGNAL_COUNT; signal++) {
			uint64_t value;

			memcpy(&value, (const char *)&view->page.signals[signal] + row->offset,
			       sizeof(value));
			sample(out, name, signal_label(labels, signal), value);
		}
	}
	family(out, "writer_problem", FAMILY_GAUGE, NULL,
	       "1: it cannot write, and `otlpipe stat` says why.");
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		sample(out, "writer_problem", signal_label(labels, signal),
		       view->page.problems[signal][0] != '\0');
}

static void write_drops(FILE *out, const struct stat_view *view, struct labels *labels)
{
	enum otlp_signal signal;

	family(out, "writer_dropped_items", FAMILY_COUNTER, "items",
	       "Dropped by the producers that this writer has seen.");
	for (signal = 0; signal < SIGNAL_COUNT; signal++) {
		const struct status_drops *drops = &view->page.drops[signal];
		const struct {
			const char *reason;
			uint64_t items;
		} rows[] = {{"full", drops->full_items},
			    {"too_large", drops->too_large_items},
			    {"invalid", drops->invalid_items}};
		size_t i;

		for (i = 0; i < COUNT_OF(rows); i++) {
			(void)signal_label(labels, signal);
			label(labels, "reason", rows[i].reason);
			sample(out, "writer_dropped_items_total", labels->text, rows[i].items);
		}
	}
}

static void write_syncs(FILE *out, const struct stat_view *view, struct labels *labels)
{
	enum otlp_signal signal;

	family(out, "writer_syncs", FAMILY_COUNTER, NULL,
	       "Syncs of files being written that ended well.");
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		sample(out, "writer_syncs_total", signal_label(labels, signal),
		       view->page.syncs[signal].count);
	family(out, "writer_sync_seconds", FAMILY_COUNTER, "seconds",
	       "That all of these took together.");
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		sample_seconds(out, "writer_sync_seconds_total", signal_label(labels, signal),
			       view->page.syncs[signal].total_ns);
	family(out, "writer_last_sync_seconds", FAMILY_GAUGE, "seconds", "That the last one took.");
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		sample_seconds(out, "writer_last_sync_seconds", signal_label(labels, signal),
			       view->page.syncs[signal].last_ns);
	family(out, "writer_longest_sync_seconds", FAMILY_GAUGE, "seconds",
	       "That the longest one took, since the writer started.");
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		sample_seconds(out, "writer_longest_sync_seconds", signal_label(labels, signal),
			       view->page.syncs[signal].longest_ns);
}

static void counter(FILE *out, const char *name, const char *unit, const char *help, uint64_t value)
{
	char total[80];

	family(out, name, FAMILY_COUNTER, unit, help);
	snprintf(total, sizeof(total), "%s_total", name);
	sample(out, total, "", value);
}

static void gauge(FILE *out, const char *name, const char *unit, const char *help, uint64_t value)
{
	family(out, name, FAMILY_GAUGE, unit, help);
	sample(out, name, "", value);
}

static void write_retention(FILE *out, const struct status_retention *retention)
{
	counter(out, "retention_runs", NULL, "How often it has looked at all files.",
		retention->runs);
	counter(out, "retention_removed_files", "files", "Files that it removed.",
		retention->removed_files);
	counter(out, "retention_removed_bytes", "bytes", "Bytes of those.",
		retention->removed_bytes);
	counter(out, "retention_missing_files", "files", "Files that somebody else has removed.",
		retention->missing_files);
	counter(out, "retention_failures", NULL, "Runs that could not list or remove something.",
		retention->failures);
	gauge(out, "retention_waits_on_clock", NULL,
	      "1: nothing is removed for its age until the clock has kept its pace.",
	      retention->waits_on_clock != 0);
	gauge(out, "retention_problem", NULL,
	      "1: the last run could not remove what it should, and `otlpipe stat` says why.",
	      retention->problem[0] != '\0');
}

/* Of each signal. */
static void signal_items(FILE *out, const char *name, bool is_counter, const char *help,
			 const uint64_t *items, struct labels *labels)
{
	enum otlp_signal signal;
	char full[80];

	snprintf(full, sizeof(full), "%s%s", name, is_counter ? "_total" : "");
	family(out, name, is_counter ? FAMILY_COUNTER : FAMILY_GAUGE, "items", help);
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		sample(out, full, signal_label(labels, signal), items[signal]);
}

static void write_flight(FILE *out, const struct status_flight *flight, struct labels *labels)
{
	gauge(out, "flight_recorder", NULL,
	      "1: what is written is held in memory, until a snapshot is asked for.",
	      flight->is_on != 0);
	gauge(out, "flight_keep_bytes", "bytes", "What it may hold.", flight->keep_bytes);
	gauge(out, "flight_held_bytes", "bytes", "What it holds.", flight->held_bytes);
	signal_items(out, "flight_held_items", false, "Records that it holds.", flight->held_items,
		     labels);
	signal_items(out, "flight_let_go_items", true,
		     "Records that were let go before a snapshot was asked for.",
		     flight->let_go_items, labels);
	counter(out, "flight_snapshots", NULL, "Snapshots that have ended.",
		flight->snapshots_done);
}

/* ---- the output directory ---- */

static void write_senders(FILE *out, const struct stat_output *output, struct labels *labels)
{
	enum otlp_signal signal;
	size_t i;

	family(out, "sender_up", FAMILY_GAUGE, NULL, "1: a sender has the cursor now.");
	for (i = 0; i < output->sender_count; i++) {
		labels_begin(labels);
		label(labels, "sender", output->senders[i].name);
		sample(out, "sender_up", labels->text, output->senders[i].is_running);
	}
	family(out, "sender_unsent_files", FAMILY_GAUGE, "files",
	       "Files that are newer than the one that the cursor is in.");
	for (i = 0; i < output->sender_count; i++)
		for (signal = 0; signal < SIGNAL_COUNT; signal++) {
			if (!output->senders[i].signals[signal].is_sent)
				continue;
			labels_begin(labels);
			label(labels, "sender", output->senders[i].name);
			label(labels, "signal", signal_name(signal));
			sample(out, "sender_unsent_files", labels->text,
			       output->senders[i].signals[signal].unsent_files);
		}
}

static void write_output(FILE *out, const struct stat_output *output, struct labels *labels)
{
	enum otlp_signal signal;

	if (!output->is_there)
		return;
	gauge(out, "disk_free_bytes", "bytes", "Left on the file system of the output directory.",
	      output->free_bytes);
	gauge(out, "disk_size_bytes", "bytes", "Size of that file system.", output->total_bytes);
	family(out, "output_files", FAMILY_GAUGE, "files", "Files of the output directory.");
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		sample(out, "output_files", signal_label(labels, signal),
		       output->signals[signal].files);
	family(out, "output_bad_files", FAMILY_GAUGE, "files",
	       "Files given up after an error of the disk.");
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		sample(out, "output_bad_files", signal_label(labels, signal),
		       output->signals[signal].bad_files);
	family(out, "output_bytes", FAMILY_GAUGE, "bytes", "Bytes of all files.");
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		sample(out, "output_bytes", signal_label(labels, signal),
		       output->signals[signal].bytes);
	write_senders(out, output, labels);
}

/* ---- rings ---- */

/* A number of a ring, by its place. */
struct ring_family {
	const char *name; /* behind rings_ for the sum, and ring_ for one */
	const char *unit;
	size_t offset; /* in struct stat_ring */
	const char *help;
};

#define OF_RING(member) offsetof(struct stat_ring, member)

static const struct ring_family ring_families[] = {
	{"size_bytes", "bytes", OF_RING(size_bytes), "Size of the ring."},
	{"used_bytes", "bytes", OF_RING(used_bytes), "Not given back by the writer."},
	{"waiting_bytes", "bytes", OF_RING(waiting_bytes), "In no batch that counts."},
	{"accepted_items", "items", OF_RING(accepted_items), "Accepted since the region was made."},
};

static const struct {
	const char *reason;
	size_t offset;
} drop_reasons[] = {
	{"full", OF_RING(dropped_full_items)},
	{"too_large", OF_RING(dropped_too_large_items)},
	{"invalid", OF_RING(dropped_invalid_items)},
};

static uint64_t ring_field(const struct stat_ring *ring, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)ring + offset, sizeof(value));
	return value;
}

static void write_total(FILE *out, const struct stat_view *view, struct labels *labels)
{
	size_t i;

	for (i = 0; i < COUNT_OF(ring_families); i++) {
		char name[64], help[160];

		snprintf(name, sizeof(name), "rings_%s", ring_families[i].name);
		snprintf(help, sizeof(help), "Of all rings that are there now: %s",
			 ring_families[i].help);
		gauge(out, name, ring_families[i].unit, help,
		      ring_field(&view->total, ring_families[i].offset));
	}
	family(out, "rings_dropped_items", FAMILY_GAUGE, "items",
	       "Of all rings that are there now: dropped by the producers.");
	for (i = 0; i < COUNT_OF(drop_reasons); i++) {
		labels_begin(labels);
		label(labels, "reason", drop_reasons[i].reason);
		sample(out, "rings_dropped_items", labels->text,
		       ring_field(&view->total, drop_reasons[i].offset));
	}
	gauge(out, "rings_blocked", NULL,
	      "1: in some ring a push was begun and has not ended, and what is behind it waits.",
	      view->total.is_blocked);
}

static void write_memory(FILE *out, const struct stat_view *view, struct labels *labels)
{
	const struct stat_memory *memory = &view->memory;
	enum otlp_signal signal;

	gauge(out, "regions", NULL, "Regions in the runtime directory.", memory->regions);
	gauge(out, "ended_regions", NULL, "Regions whose program has ended.",
	      memory->ended_regions);
	gauge(out, "unreadable_regions", NULL,
	      "Regions that are damaged, of another version, or another user's.",
	      view->unreadable_count);
	gauge(out, "held_bytes", "bytes", "Memory that all regions hold.", memory->held_bytes);
	if (memory->budget_bytes != UINT64_MAX)
		gauge(out, "budget_bytes", "bytes", "What the runtime directory may hold.",
		      memory->budget_bytes);
	gauge(out, "ended_held_bytes", "bytes", "Memory of regions whose program has ended.",
	      memory->ended_held_bytes);
	gauge(out, "ended_waiting_bytes", "bytes",
	      "Records in those that are in no batch that counts.", memory->ended_waiting_bytes);
	family(out, "without_ring_dropped_items", FAMILY_COUNTER, "items",
	       "Dropped by processes that could make no ring.");
	for (signal = 0; signal < SIGNAL_COUNT; signal++)
		sample(out, "without_ring_dropped_items_total", signal_label(labels, signal),
		       view->without_ring.dropped_items[signal]);
	counter(out, "refused_opens", NULL, "Programs that could not open the library.",
		view->without_ring.refused_opens);
}

/* ---- producers ---- */

struct chosen {
	const struct stat_region *regions[OPENMETRICS_REGIONS_MAX];
	size_t count;
};

/* The regions are sorted by their age. */
static void choose(const struct stat_view *view, struct chosen *ret)
{
	unsigned is_ended;
	size_t i;

	ret->count = 0;
	for (is_ended = 0; is_ended < 2; is_ended++)
		for (i = 0; i < view->region_count; i++)
			if (view->regions[i].is_alive != (is_ended != 0) &&
			    ret->count < OPENMETRICS_REGIONS_MAX)
				ret->regions[ret->count++] = &view->regions[i];
}

static const char *region_labels(struct labels *labels, const struct stat_region *region,
				 enum otlp_signal signal)
{
	char text[32];

	labels_begin(labels);
	snprintf(text, sizeof(text), "%016" PRIx64, region->id);
	label(labels, "region", text);
	snprintf(text, sizeof(text), "%" PRIu32, region->pid);
	label(labels, "pid", text);
	label(labels, "program", region->program);
	label(labels, "service", region->service);
	label(labels, "signal", signal_name(signal));
	return labels->text;
}

static void write_ring_family(FILE *out, const struct chosen *chosen, struct labels *labels,
			      const struct ring_family *row)
{
	const bool is_counter = row->offset == OF_RING(accepted_items);
	enum otlp_signal signal;
	char name[64];
	size_t i;

	snprintf(name, sizeof(name), "ring_%s", row->name);
	family(out, name, is_counter ? FAMILY_COUNTER : FAMILY_GAUGE, row->unit, row->help);
	if (is_counter)
		snprintf(name, sizeof(name), "ring_%s_total", row->name);
	for (i = 0; i < chosen->count; i++)
		for (signal = 0; signal < SIGNAL_COUNT; signal++) {
			const struct stat_ring *ring = &chosen->regions[i]->rings[signal];

			if (ring->is_present)
				sample(out, name, region_labels(labels, chosen->regions[i], signal),
				       ring_field(ring, row->offset));
		}
}

static void write_ring_drops(FILE *out, const struct chosen *chosen, struct labels *labels)
{
	enum otlp_signal signal;
	size_t i, reason;

	family(out, "ring_dropped_items", FAMILY_COUNTER, "items",
	       "Dropped by the producer since the region was made.");
	for (i = 0; i < chosen->count; i++)
		for (signal = 0; signal < SIGNAL_COUNT; signal++) {
			const struct stat_ring *ring = &chosen->regions[i]->rings[signal];

			for (reason = 0; ring->is_present && reason < COUNT_OF(drop_reasons);
			     reason++) {
				(void)region_labels(labels, chosen->regions[i], signal);
				label(labels, "reason", drop_reasons[reason].reason);
				sample(out, "ring_dropped_items_total", labels->text,
				       ring_field(ring, drop_reasons[reason].offset));
			}
		}
}

static void write_regions(FILE *out, const struct stat_view *view, struct labels *labels)
{
	struct chosen chosen;
	size_t i;

	choose(view, &chosen);
	for (i = 0; i < COUNT_OF(ring_families); i++)
		write_ring_family(out, &chosen, labels, &ring_families[i]);
	write_ring_drops(out, &chosen, labels);
	gauge(out, "unlisted_regions", NULL,
	      "Regions without rows of their own: what they have is in the sums.",
	      view->region_count - chosen.count + view->unlisted_count);
}

int openmetrics_write(const struct stat_view *view, char **ret, size_t *ret_bytes)
{
	struct labels *labels = malloc(sizeof(*labels));
	FILE *out = open_memstream(ret, ret_bytes);
	bool failed;

	if (labels == NULL || out == NULL) {
		if (out != NULL) {
			fclose(out);
			free(*ret);
		}
		free(labels);
		return -ENOMEM;
	}
	write_state(out, view, labels);
	write_signals(out, view, labels);
	write_drops(out, view, labels);
	write_syncs(out, view, labels);
	write_retention(out, &view->page.retention);
	write_flight(out, &view->page.flight, labels);
	write_output(out, &view->output, labels);
	write_total(out, view, labels);
	write_memory(out, view, labels);
	write_regions(out, view, labels);
	fputs("# EOF\n", out);
	free(labels);
	failed = ferror(out) != 0;
	if (fclose(out) == 0 && !failed)
		return 0;
	free(*ret);
	return -ENOMEM;
}
