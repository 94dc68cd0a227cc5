/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts the data of a report into its page. In the JSON < > and & are escaped, so that no text of
 * others ends the script element that it stands in; what the page's script shows is never read as
 * HTML.
 */
#include "cli/report_page.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "cli/show_text.h"
#include "cli/summary_print.h"
#include "cli/view_json.h"

#define PLACEHOLDER	   "@DATA@"
#define HISTOGRAMS_MAX	   12u
#define HISTOGRAM_BARS_MAX 64u
#define EVENTS_MAX	   16u

static void put_text(struct grow *grow, const char *key, struct view_bytes text)
{
	grow_word(grow, key);
	view_json_string(grow, view_cut(text, REPORT_TEXT_BYTES_MAX));
}

static void put_word(struct grow *grow, const char *key, const char *word)
{
	put_text(grow, key, (struct view_bytes){(const uint8_t *)word, strlen(word)});
}

static void put_number(struct grow *grow, const char *key, uint64_t number)
{
	grow_word(grow, key);
	grow_u64(grow, number);
}

static void put_numbers(struct grow *grow, const char *key, const uint64_t *numbers, size_t count)
{
	grow_word(grow, key);
	for (size_t i = 0; i < count; i++) {
		grow_char(grow, i == 0 ? '[' : ',');
		grow_u64(grow, numbers[i]);
	}
	grow_char(grow, ']');
}

/* ---- how long spans took ---- */

static void put_histogram(struct grow *grow, const struct summary_spans *spans)
{
	uint64_t counts[HISTOGRAM_BARS_MAX] = {0}, seen = 0, last_ns = 1024;
	size_t count = 0;

	/* Bars that double, from about 1 us on; those that have nothing in front are left out. */
	put_text(grow, "{\"service\":", spans->entry.texts[SUMMARY_TEXT_SERVICE]);
	put_text(grow, ",\"name\":", spans->entry.texts[SUMMARY_TEXT_NAME]);
	put_number(grow, ",\"calls\":", spans->calls);
	while (seen == 0 && last_ns < UINT64_MAX / 2) {
		seen = quantile_count_to(&spans->durations_ns, last_ns);
		last_ns *= seen == 0 ? 2 : 1;
	}
	put_number(grow, ",\"first_ns\":", last_ns / 2);
	counts[count++] = seen;
	while (seen < spans->calls && count < HISTOGRAM_BARS_MAX) {
		uint64_t up_to;

		last_ns = last_ns > UINT64_MAX / 2 ? UINT64_MAX : last_ns * 2;
		up_to = quantile_count_to(&spans->durations_ns, last_ns);
		counts[count++] = up_to - seen;
		seen = up_to;
	}
	put_number(grow, ",\"last_ns\":", last_ns);
	put_numbers(grow, ",\"counts\":", counts, count);
	grow_char(grow, '}');
}

static int put_histograms(struct grow *grow, const struct summary *summary)
{
	const size_t count = keyed_count(&summary->spans);
	struct keyed_entry **rows = keyed_list(&summary->spans);

	if (rows == NULL)
		return -ENOMEM;
	qsort(rows, count, sizeof(struct keyed_entry *), summary_order_spans);
	grow_word(grow, ",\"histograms\":[");
	for (size_t i = 0; i < count && i < HISTOGRAMS_MAX; i++) {
		if (i > 0)
			grow_char(grow, ',');
		put_histogram(grow, (const struct summary_spans *)(const void *)rows[i]);
	}
	grow_char(grow, ']');
	free(rows);
	return 0;
}

/* ---- traces ---- */

static int put_events(struct grow *grow, const struct tree *tree, const struct tree_span *span)
{
	struct view_bytes rest = {span->bytes, span->bytes_len}, message;
	size_t count = 0;
	int rc;

	grow_word(grow, ",\"events\":[");
	while ((rc = view_find(&rest, VIEW_SPAN_EVENTS, &message)) == 1 && count < EVENTS_MAX) {
		struct view_event event;

		rc = view_event(message, &event);
		if (rc < 0)
			return rc;
		if (event.time_ns < tree->begin_ns)
			continue;
		if (count++ > 0)
			grow_char(grow, ',');
		grow_u64(grow, event.time_ns - tree->begin_ns);
	}
	grow_char(grow, ']');
	return rc < 0 ? rc : 0;
}

static void put_notes(struct grow *grow, const struct tree_span *span)
{
	static const struct {
		enum tree_mark mark;
		const char *text;
	} marks[] = {
		{TREE_ORPHAN, "its parent is not in these files"},
		{TREE_CIRCLE, "its parents form a circle, which is cut here"},
		{TREE_TWICE, "another span has the same id"},
		{TREE_EARLY, "it starts before its parent: another clock?"},
		{TREE_BACKWARDS, "it ends before it starts"},
	};
	const char *key = ",\"notes\":[";

	if (span->view.status == VIEW_STATUS_ERROR && span->view.status_message.len > 0) {
		put_text(grow, key, span->view.status_message);
		key = ",";
	}
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		if ((span->marks & marks[i].mark) == 0)
			continue;
		put_word(grow, key, marks[i].text);
		key = ",";
	}
	grow_word(grow, key[1] != '\0' ? ",\"notes\":[]" : "]");
}

static struct view_bytes service_of(const struct tree_span *span)
{
	return (struct view_bytes){(const uint8_t *)span->service, span->service_len};
}

static int put_line(struct grow *grow, const struct tree *tree, const struct tree_line *line)
{
	const struct tree_span *const span = &tree->spans[line->span];
	const bool is_same = span->parent != TREE_NONE &&
			     view_equal(service_of(span), service_of(&tree->spans[span->parent]));
	int rc;

	put_number(grow, "{\"depth\":", line->depth);
	put_text(grow, ",\"service\":", is_same ? (struct view_bytes){0} : service_of(span));
	put_text(grow, ",\"name\":", span->view.name);
	put_number(grow, ",\"at_ns\":",
		   span->view.start_ns > tree->begin_ns ? span->view.start_ns - tree->begin_ns : 0);
	put_number(grow, ",\"took_ns\":", view_duration_ns(&span->view));
	grow_word(grow,
		  span->view.status == VIEW_STATUS_ERROR ? ",\"error\":true" : ",\"error\":false");
	put_notes(grow, span);
	rc = put_events(grow, tree, span);
	grow_char(grow, '}');
	return rc;
}

static int put_trace(struct grow *grow, const struct report_trace *trace)
{
	const struct trace_sum *const sum = &trace->sum;
	int rc = 0;

	grow_word(grow, "{\"id\":\"");
	grow_hex(grow, sum->id, sizeof(sum->id));
	put_number(grow, "\",\"begin\":", sum->begin_ns);
	put_number(grow, ",\"duration_ns\":", sum->end_ns - sum->begin_ns);
	put_number(grow, ",\"spans\":", sum->spans);
	put_number(grow, ",\"errors\":", sum->errors);
	grow_word(grow, ",\"lines\":[");
	for (size_t i = 0; rc == 0 && i < trace->tree.count && i < REPORT_SPANS_MAX; i++) {
		if (i > 0)
			grow_char(grow, ',');
		rc = put_line(grow, &trace->tree, &trace->tree.lines[i]);
	}
	grow_word(grow, "]}");
	return rc;
}

/* ---- over time ---- */

static void put_range(struct grow *grow, const char *key, const struct report_data *data,
		      enum otlp_signal signal)
{
	grow_word(grow, key);
	put_number(grow, "{\"begin\":", data->begin_ns[signal]);
	put_number(grow, ",\"end\":", data->end_ns[signal]);
}

static void put_timelines(struct grow *grow, const struct report_data *data)
{
	put_range(grow, ",\"timeline\":", data, OTLP_SIGNAL_TRACES);
	put_numbers(grow, ",\"calls\":", data->calls, REPORT_BUCKETS);
	put_numbers(grow, ",\"errors\":", data->errors, REPORT_BUCKETS);
	put_range(grow, "},\"logs_timeline\":", data, OTLP_SIGNAL_LOGS);
	grow_word(grow, ",\"counts\":{");
	for (size_t i = 0; i < SUMMARY_SEVERITIES; i++) {
		grow_format(grow, "%s\"%s\":", i > 0 ? "," : "", summary_severity_names[i]);
		put_numbers(grow, "", data->logs[i], REPORT_BUCKETS);
	}
	put_range(grow, "}},\"metrics_range\":", data, OTLP_SIGNAL_METRICS);
	grow_word(grow, "},\"metrics_timeline\":[");
	for (size_t i = 0; i < data->metric_count; i++) {
		const struct report_metric *const slot = &data->metrics[i];
		const struct keyed_entry *const entry = &slot->metric->entry;

		put_text(grow, i > 0 ? ",{\"service\":" : "{\"service\":",
			 entry->texts[SUMMARY_TEXT_SERVICE]);
		put_text(grow, ",\"name\":", entry->texts[SUMMARY_TEXT_NAME]);
		put_text(grow, ",\"unit\":", entry->texts[SUMMARY_TEXT_UNIT]);
		put_word(grow, ",\"kind\":", view_metric_kind_names[slot->metric->kind]);
		grow_word(grow, ",\"values\":");
		for (size_t k = 0; k < REPORT_BUCKETS; k++) {
			grow_char(grow, k == 0 ? '[' : ',');
			view_json_double(grow, slot->has_value[k] ? slot->values[k] : NAN);
		}
		grow_word(grow, "]}");
	}
	grow_char(grow, ']');
}

/* ---- the page ---- */

static int put_data(struct grow *grow, const struct report_data *data, const char *title,
		    const char *source)
{
	struct grow generated = {0};
	int rc;

	show_time(&generated, (uint64_t)clock_now_ns(CLOCK_REALTIME));
	grow_char(&generated, '\0');
	put_word(grow, "{\"title\":", title);
	put_word(grow, ",\"source\":", source);
	put_word(grow, ",\"generated\":", generated.is_failed ? "" : generated.data);
	grow_free(&generated);
	grow_format(
		grow,
		",\"limits\":\"At most %u rows of each table, %u metrics, %u spans of a trace and "
		"%u bytes of a text are shown.\"",
		REPORT_ROWS_MAX, REPORT_METRICS_MAX, REPORT_SPANS_MAX, REPORT_TEXT_BYTES_MAX);
	grow_word(grow, ",\"summary\":");
	rc = summary_print_json(grow, &data->summary, REPORT_ROWS_MAX, REPORT_TEXT_BYTES_MAX);
	if (rc == 0)
		rc = put_histograms(grow, &data->summary);
	put_timelines(grow, data);
	grow_word(grow, ",\"traces\":[");
	for (size_t i = 0; rc == 0 && i < data->trace_count; i++) {
		if (i > 0)
			grow_char(grow, ',');
		rc = put_trace(grow, &data->traces[i]);
	}
	grow_word(grow, "]}");
	return rc == 0 && grow->is_failed ? -ENOMEM : rc;
}

static void put_escaped(struct grow *grow, const struct grow *json)
{
	size_t shown = 0;

	for (size_t i = 0; i < json->len; i++) {
		const char c = json->data[i];

		if (c != '<' && c != '>' && c != '&')
			continue;
		grow_add(grow, json->data + shown, i - shown);
		grow_format(grow, "\\u%04x", (unsigned)c);
		shown = i + 1;
	}
	grow_add(grow, json->data + shown, json->len - shown);
}

int report_page(struct grow *grow, const struct report_data *data, const char *title,
		const char *source)
{
	const char *const at = strstr(report_html, PLACEHOLDER);
	struct grow json = {0};
	int rc = put_data(&json, data, title, source);

	if (rc == 0) {
		const size_t before = (size_t)(at - report_html);
		const size_t behind = before + sizeof(PLACEHOLDER) - 1;

		grow_add(grow, report_html, before);
		put_escaped(grow, &json);
		grow_add(grow, report_html + behind, report_html_bytes - behind);
	}
	grow_free(&json);
	return rc == 0 && grow->is_failed ? -ENOMEM : rc;
}
