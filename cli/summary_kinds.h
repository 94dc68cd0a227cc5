/* SPDX-License-Identifier: Apache-2.0 */
/* What a summary keeps of each kind of record. */
#ifndef OTLPIPE_CLI_SUMMARY_KINDS_H
#define OTLPIPE_CLI_SUMMARY_KINDS_H

#include "cli/keyed.h"
#include "cli/otlp_view_metric.h"
#include "cli/quantile.h"
#include "core/record/signal.h"

/* What spans are told apart by. Metrics are by their name always, and as logs by service if that
 * is among these. */
enum summary_by {
	SUMMARY_BY_SERVICE,
	SUMMARY_BY_NAME,
	SUMMARY_BY_KIND,
	SUMMARY_BY_SCOPE,
	SUMMARY_BY_COUNT
};

/* What others chose the number of is bounded: what is beyond is counted as left out. */
#define SUMMARY_GROUPS_MAX 100000u
#define SUMMARY_SERIES_MAX 1000000u

/* Texts that a group does not have are empty. */
#define SUMMARY_TEXT_SERVICE 0
#define SUMMARY_TEXT_NAME    1
#define SUMMARY_TEXT_KIND    2 /* of spans */
#define SUMMARY_TEXT_SCOPE   3 /* of spans */
#define SUMMARY_TEXT_UNIT    2 /* of metrics */

struct summary_spans {
	struct keyed_entry entry;
	uint64_t calls, errors;
	uint64_t backwards; /* they end before they start, and count as 0 ns */
	struct quantile durations_ns;
};

struct summary_metric {
	struct keyed_entry entry;
	enum view_metric_kind kind;
	int32_t temporality;
	bool is_monotonic;
	uint64_t series, points;
	uint64_t late_points; /* not after the one before of their series: left out */
	uint64_t resets;      /* cumulative series that began again */
	uint64_t begin_ns, end_ns;
	double latest; /* gauge: of the newest point; sum: of all series together */
	uint64_t latest_ns;
	double increase; /* a sum's, or a histogram's count, within these points */
	bool has_increase;
	unsigned slot;	/* for who has a place for each */
	uint64_t count; /* of histograms and summaries: measurements */
	double sum;	/* of them */
};

#define SUMMARY_SEVERITIES 7 /* none, and TRACE to FATAL */

struct summary_logs {
	struct keyed_entry entry;
	uint64_t counts[SUMMARY_SEVERITIES];
};

struct summary {
	unsigned by;	   /* 1 << enum summary_by */
	uint64_t since_ns; /* what is before it is left out; 0: nothing */
	struct keyed spans, metrics, logs;
	struct keyed series, places;
	/* Told of each point of a gauge, and of what each point of the others adds; NULL: nobody.
	 */
	void (*point)(void *context, struct summary_metric *metric, uint64_t time_ns, double value);
	void *point_context;
	const uint8_t *place_seen; /* the resource and scope that place_id stands for */
	const uint8_t *scope_seen;
	uint64_t place_id;
	uint64_t items[SIGNAL_COUNT];
	uint64_t begin_ns[SIGNAL_COUNT], end_ns[SIGNAL_COUNT]; /* of the times that are not 0 */
	uint64_t left_out[SIGNAL_COUNT];		       /* of too many kinds or series */
};

/** Counts an item and its time. Returns false if it is before since_ns. */
static inline bool summary_is_wanted(struct summary *summary, enum otlp_signal signal,
				     uint64_t time_ns)
{
	if (time_ns < summary->since_ns)
		return false;
	summary->items[signal]++;
	if (time_ns == 0)
		return true;
	if (summary->begin_ns[signal] == 0 || time_ns < summary->begin_ns[signal])
		summary->begin_ns[signal] = time_ns;
	if (time_ns > summary->end_ns[signal])
		summary->end_ns[signal] = time_ns;
	return true;
}

/** Of a severity number: 0 for none, 1 to 6 for TRACE to FATAL. */
static inline unsigned summary_severity(int32_t number)
{
	return number >= 1 && number <= 24 ? (unsigned)(number - 1) / 4 + 1 : 0;
}

#endif
