/* SPDX-License-Identifier: Apache-2.0 */
/* A summary as one JSON object, which docs/cli.md describes. */
#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "cli/summary_metric.h"
#include "cli/summary_print.h"
#include "cli/view_json.h"

static void put_key(struct grow *grow, const char *key)
{
	if (grow->len > 0 && !grow->is_failed && grow->data[grow->len - 1] != '{' &&
	    grow->data[grow->len - 1] != '[')
		grow_char(grow, ',');
	if (key == NULL)
		return;
	grow_char(grow, '"');
	grow_word(grow, key);
	grow_word(grow, "\":");
}

static void put_number(struct grow *grow, const char *key, uint64_t number)
{
	put_key(grow, key);
	grow_u64(grow, number);
}

static void put_double(struct grow *grow, const char *key, double number)
{
	put_key(grow, key);
	view_json_double(grow, number);
}

static void put_text(struct grow *grow, const char *key, struct view_bytes text)
{
	put_key(grow, key);
	view_json_string(grow, text);
}

static void put_word(struct grow *grow, const char *key, const char *word)
{
	put_text(grow, key, (struct view_bytes){(const uint8_t *)word, strlen(word)});
}

static void put_spans(struct grow *grow, const struct summary *summary,
		      const struct keyed_entry *entry, size_t text_bytes_max)
{
	const struct summary_spans *const spans = (const struct summary_spans *)(const void *)entry;
	const struct quantile *const durations = &spans->durations_ns;

	for (unsigned by = 0; by < SUMMARY_BY_COUNT; by++)
		if ((summary->by & 1u << by) != 0)
			put_text(grow, summary_by_names[by],
				 view_cut(entry->texts[by], text_bytes_max));
	put_number(grow, "calls", spans->calls);
	put_number(grow, "errors", spans->errors);
	put_number(grow, "ends_before_it_starts", spans->backwards);
	put_number(grow, "p50_ns", quantile_at(durations, 0.5));
	put_number(grow, "p95_ns", quantile_at(durations, 0.95));
	put_number(grow, "p99_ns", quantile_at(durations, 0.99));
	put_number(grow, "max_ns", durations->max);
	put_double(grow, "mean_ns", durations->sum / (double)durations->count);
}

static void put_metric(struct grow *grow, const struct summary *summary,
		       const struct keyed_entry *entry, size_t text_bytes_max)
{
	static const char *const temporalities[] = {"unspecified", "delta", "cumulative"};
	const struct summary_metric *const metric =
		(const struct summary_metric *)(const void *)entry;
	const bool is_number = metric->kind == VIEW_GAUGE || metric->kind == VIEW_SUM;
	double rate;

	if ((summary->by & 1u << SUMMARY_BY_SERVICE) != 0)
		put_text(grow, "service",
			 view_cut(entry->texts[SUMMARY_TEXT_SERVICE], text_bytes_max));
	put_text(grow, "name", view_cut(entry->texts[SUMMARY_TEXT_NAME], text_bytes_max));
	put_text(grow, "unit", view_cut(entry->texts[SUMMARY_TEXT_UNIT], text_bytes_max));
	put_word(grow, "kind", view_metric_kind_names[metric->kind]);
	if (metric->kind != VIEW_GAUGE && metric->kind != VIEW_SUMMARY)
		put_word(grow, "temporality",
			 temporalities[(uint32_t)metric->temporality < COUNT_OF(temporalities)
					       ? (uint32_t)metric->temporality
					       : 0]);
	put_number(grow, "series", metric->series);
	put_number(grow, "points", metric->points);
	put_number(grow, "late_points", metric->late_points);
	put_number(grow, "resets", metric->resets);
	put_number(grow, "latest_time_unix_nano", metric->latest_ns);
	if (is_number) {
		put_double(grow, "latest", metric->latest);
	} else {
		put_number(grow, "count", metric->count);
		put_double(grow, "sum", metric->sum);
	}
	put_key(grow, "rate");
	if (summary_rate(metric, &rate))
		view_json_double(grow, rate);
	else
		grow_word(grow, "null");
}

static void put_logs(struct grow *grow, const struct summary *summary,
		     const struct keyed_entry *entry, size_t text_bytes_max)
{
	const struct summary_logs *const logs = (const struct summary_logs *)(const void *)entry;

	if ((summary->by & 1u << SUMMARY_BY_SERVICE) != 0)
		put_text(grow, "service",
			 view_cut(entry->texts[SUMMARY_TEXT_SERVICE], text_bytes_max));
	for (size_t i = 0; i < SUMMARY_SEVERITIES; i++)
		put_number(grow, summary_severity_names[i], logs->counts[i]);
}

struct section {
	enum otlp_signal signal;
	const struct keyed *keyed;
	int (*order)(const void *, const void *);
	void (*put)(struct grow *grow, const struct summary *summary,
		    const struct keyed_entry *entry, size_t text_bytes_max);
};

static int put_section(struct grow *grow, const struct summary *summary,
		       const struct section *section, uint64_t rows_max, size_t text_bytes_max)
{
	const size_t count = keyed_count(section->keyed);
	struct keyed_entry **rows = keyed_list(section->keyed);

	if (rows == NULL)
		return -ENOMEM;
	qsort(rows, count, sizeof(struct keyed_entry *), section->order);
	put_key(grow, signal_name(section->signal));
	grow_char(grow, '{');
	put_number(grow, "items", summary->items[section->signal]);
	put_number(grow, "left_out_items", summary->left_out[section->signal]);
	put_number(grow, "begin_unix_nano", summary->begin_ns[section->signal]);
	put_number(grow, "end_unix_nano", summary->end_ns[section->signal]);
	put_number(grow, "row_count", count);
	put_key(grow, "rows");
	grow_char(grow, '[');
	for (size_t i = 0; i < count && i < rows_max; i++) {
		put_key(grow, NULL);
		grow_char(grow, '{');
		section->put(grow, summary, rows[i], text_bytes_max);
		grow_char(grow, '}');
	}
	grow_word(grow, "]}");
	free(rows);
	return 0;
}

int summary_print_json(struct grow *grow, const struct summary *summary, uint64_t rows_max,
		       size_t text_bytes_max)
{
	const struct section sections[] = {
		{OTLP_SIGNAL_TRACES, &summary->spans, summary_order_spans, put_spans},
		{OTLP_SIGNAL_METRICS, &summary->metrics, summary_order_texts, put_metric},
		{OTLP_SIGNAL_LOGS, &summary->logs, summary_order_texts, put_logs},
	};
	int rc = 0;

	grow_char(grow, '{');
	for (size_t i = 0; rc == 0 && i < COUNT_OF(sections); i++)
		rc = put_section(grow, summary, &sections[i], rows_max, text_bytes_max);
	grow_char(grow, '}');
	return rc == 0 && grow->is_failed ? -ENOMEM : rc;
}
