/* SPDX-License-Identifier: Apache-2.0 */
/* Texts, made of the flows' counters. docs/send.md lists the metrics. */
#include "cli/send/report.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "cli/tool.h"

#define LINE_NS	   INT64_C(500000000)
#define METRICS_NS INT64_C(2000000000)

/* ---- numbers ---- */

static struct flow_counts sum(const struct report *report)
{
	struct flow_counts all = {0};

	for (unsigned s = 0; s < SIGNAL_COUNT; s++) {
		const struct flow_counts *counts = &report->flows[s].counts;

		if (!report->is_used[s])
			continue;
		all.taken_items += counts->taken_items;
		all.taken_requests += counts->taken_requests;
		all.taken_bytes += counts->taken_bytes;
		all.rejected_items += counts->rejected_items;
		all.refused_items += counts->refused_items;
		all.twice_items += counts->twice_items;
		all.retries += counts->retries;
	}
	return all;
}

/* How long ago the oldest batch was closed that is not acknowledged. */
static int64_t lag_ns(const struct flow *flow)
{
	uint64_t oldest_ns = lane_oldest_ns(&flow->lane);
	const uint64_t now_ns = (uint64_t)clock_now_ns(CLOCK_REALTIME);

	if (oldest_ns == 0 && flow->cutter.count > 0)
		oldest_ns = flow->closed_unix_ns;
	return oldest_ns == 0 || oldest_ns > now_ns ? 0 : (int64_t)(now_ns - oldest_ns);
}

static uint64_t lag_bytes(const struct flow *flow)
{
	uint64_t bytes = source_unread_bytes(&flow->source) + flow->cutter.bytes;

	for (const struct parcel *p = flow->lane.first; p != NULL; p = p->next)
		if (p->state != LANE_DONE)
			bytes += p->request.body_bytes;
	return bytes;
}

/* ---- the terminal ---- */

void report_clear_line(struct report *report)
{
	if (report->has_line)
		fputs("\r\033[K", stderr);
	report->has_line = false;
}

static void put_line(struct report *report, int64_t now_ns)
{
	const struct flow_counts all = sum(report);
	const double seconds = (double)(now_ns - report->last_ns) / 1e9;
	int64_t behind_ns = 0;
	uint64_t behind_bytes = 0;
	char behind[UNITS_TEXT_BYTES];

	for (unsigned s = 0; s < SIGNAL_COUNT; s++) {
		const int64_t ns = report->is_used[s] ? lag_ns(&report->flows[s]) : 0;

		behind_ns = ns > behind_ns ? ns : behind_ns;
		behind_bytes += report->is_used[s] ? lag_bytes(&report->flows[s]) : 0;
	}
	fprintf(stderr,
		"\r\033[K%" PRIu64 " sent, %.0f/s, behind by %s and %.1f MiB, %" PRIu64 " retries",
		all.taken_items,
		seconds > 0 ? (double)(all.taken_items - report->last_items) / seconds : 0.0,
		units_format_duration(behind_ns, behind), (double)behind_bytes / (1 << 20),
		all.retries);
	report->has_line = true;
	report->last_items = all.taken_items;
	report->last_ns = now_ns;
}

/* ---- metrics ---- */

struct metric {
	const char *name, *type, *help;
	double (*value)(const struct flow *flow);
};

static double taken_items(const struct flow *flow)
{
	return (double)flow->counts.taken_items;
}

static double taken_requests(const struct flow *flow)
{
	return (double)flow->counts.taken_requests;
}

static double taken_bytes(const struct flow *flow)
{
	return (double)flow->counts.taken_bytes;
}

static double rejected_items(const struct flow *flow)
{
	return (double)flow->counts.rejected_items;
}

static double refused_items(const struct flow *flow)
{
	return (double)flow->counts.refused_items;
}

static double twice_items(const struct flow *flow)
{
	return (double)flow->counts.twice_items;
}

static double old_items(const struct flow *flow)
{
	return (double)flow->source.old_items;
}

static double gaps(const struct flow *flow)
{
	return (double)flow->source.gaps;
}

static double retries(const struct flow *flow)
{
	return (double)flow->counts.retries;
}

static double under_way(const struct flow *flow)
{
	return (double)flow->lane.begun_count;
}

static double lag_seconds(const struct flow *flow)
{
	return (double)lag_ns(flow) / 1e9;
}

static double unsent_bytes(const struct flow *flow)
{
	return (double)lag_bytes(flow);
}

static const struct metric metrics[] = {
	{"taken_items_total", "counter", "Items that the receiver has acknowledged.", taken_items},
	{"taken_requests_total", "counter", "Requests that it has acknowledged.", taken_requests},
	{"taken_bytes_total", "counter", "Bytes of these requests, decompressed.", taken_bytes},
	{"rejected_items_total", "counter", "Acknowledged items that it has thrown away.",
	 rejected_items},
	{"refused_items_total", "counter", "Items that it refused, set aside.", refused_items},
	{"maybe_twice_items_total", "counter", "Items sent again that may be there already.",
	 twice_items},
	{"too_old_items_total", "counter", "Items passed over by --max-age.", old_items},
	{"gaps_total", "counter", "Places where batches are missing in the files.", gaps},
	{"retries_total", "counter", "Requests that were not taken and sent again.", retries},
	{"requests_under_way", "gauge", "Requests without an answer so far.", under_way},
	{"lag_seconds", "gauge", "Age of the oldest batch that is not acknowledged.", lag_seconds},
	{"lag_bytes", "gauge", "Bytes of complete files that are not acknowledged.", unsent_bytes},
};

static void put_metrics(const struct report *report, FILE *to)
{
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		const struct metric *metric = &metrics[i];

		fprintf(to, "# HELP otlpipe_send_%s %s\n# TYPE otlpipe_send_%s %s\n", metric->name,
			metric->help, metric->name, metric->type);
		for (enum otlp_signal s = 0; s < SIGNAL_COUNT; s++)
			if (report->is_used[s])
				fprintf(to, "otlpipe_send_%s{signal=\"%s\"} %.17g\n", metric->name,
					signal_name(s), metric->value(&report->flows[s]));
	}
	fprintf(to,
		"# HELP otlpipe_send_wire_bytes_total Bytes of bodies that went out.\n"
		"# TYPE otlpipe_send_wire_bytes_total counter\n"
		"otlpipe_send_wire_bytes_total %" PRIu64 "\n",
		report->destination->wire_bytes);
}

/* A reader sees the old ones or the new ones, never a part. */
static int write_metrics(const struct report *report)
{
	char aside[PATH_MAX];
	FILE *to;
	int rc = 0;

	if (snprintf(aside, sizeof(aside), "%s.new", report->metrics) >= (int)sizeof(aside))
		return -ENAMETOOLONG;
	to = fopen(aside, "we");
	if (to == NULL)
		return -errno;
	put_metrics(report, to);
	if (ferror(to) != 0)
		rc = -EIO;
	if (fclose(to) != 0)
		rc = -errno;
	if (rc == 0 && rename(aside, report->metrics) < 0)
		rc = -errno;
	if (rc < 0)
		(void)unlink(aside);
	return rc;
}

static void look_at_metrics(struct report *report)
{
	int rc;

	if (strcmp(report->metrics, "-") == 0) {
		put_metrics(report, stdout);
		(void)tool_flush();
		return;
	}
	rc = write_metrics(report);
	if (rc < 0 && !report->has_failed)
		(void)tool_path_error(report->metrics, "the metrics cannot be written", rc);
	report->has_failed = rc < 0;
}

/* ---- all of it ---- */

void report_begin(struct report *report)
{
	report->begin_ns = report->last_ns = clock_monotonic_ns();
	report->is_terminal = isatty(STDERR_FILENO) != 0;
}

void report_look(struct report *report)
{
	const int64_t now_ns = clock_monotonic_ns();

	if (report->is_terminal && now_ns >= report->next_line_ns) {
		put_line(report, now_ns);
		report->next_line_ns = now_ns + LINE_NS;
	}
	if (report->metrics != NULL && now_ns >= report->next_metrics_ns) {
		look_at_metrics(report);
		report->next_metrics_ns = now_ns + METRICS_NS;
	}
}

/* " and 3 spans": of each signal that has any. */
static void put_items(const struct report *report, FILE *to)
{
	bool is_first = true;

	for (unsigned s = 0; s < SIGNAL_COUNT; s++) {
		if (!report->is_used[s])
			continue;
		fprintf(to, "%s%" PRIu64 " %s", is_first ? "" : ", ",
			report->flows[s].counts.taken_items, signal_rows[s].item_name);
		is_first = false;
	}
}

void report_end(struct report *report, bool is_complete)
{
	const double seconds = (double)(clock_monotonic_ns() - report->begin_ns) / 1e9;
	const struct flow_counts all = sum(report);
	FILE *to = report->metrics != NULL && strcmp(report->metrics, "-") == 0 ? stderr : stdout;
	uint64_t old = 0, missing = 0;

	for (unsigned s = 0; s < SIGNAL_COUNT; s++) {
		old += report->is_used[s] ? report->flows[s].source.old_items : 0;
		missing += report->is_used[s] ? report->flows[s].source.gaps : 0;
	}
	report_clear_line(report);
	if (report->metrics != NULL)
		look_at_metrics(report);
	fprintf(to, "sent ");
	put_items(report, to);
	fprintf(to,
		" in %" PRIu64 " requests and %.1f s (%.0f/s); %" PRIu64 " retries, %" PRIu64
		" maybe twice, %" PRIu64 " rejected, %" PRIu64 " set aside, %" PRIu64
		" too old, %" PRIu64 " gaps%s\n",
		all.taken_requests, seconds, seconds > 0 ? (double)all.taken_items / seconds : 0.0,
		all.retries, all.twice_items, all.rejected_items, all.refused_items, old, missing,
		is_complete ? "" : "; not all was sent");
}
