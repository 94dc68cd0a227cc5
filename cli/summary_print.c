/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a summary; its JSON is summary_json.c's. */
#include "cli/summary_print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "cli/show_text.h"
#include "cli/summary_metric.h"

#define TEXT_COLUMNS_MAX 40u
#define NUMBER_COLUMNS	 10u

int summary_order_texts(const void *a, const void *b)
{
	return keyed_compare(*(const struct keyed_entry *const *)a,
			     *(const struct keyed_entry *const *)b);
}

int summary_order_spans(const void *a, const void *b)
{
	const struct summary_spans *x = *(const struct summary_spans *const *)a;
	const struct summary_spans *y = *(const struct summary_spans *const *)b;

	if (x->calls != y->calls)
		return x->calls > y->calls ? -1 : 1;
	return keyed_compare(&x->entry, &y->entry);
}

/* ---- columns of text ---- */

struct table {
	struct grow *grow;
	struct keyed_entry **rows;
	size_t count, shown;
	size_t widths[KEYED_TEXTS_MAX]; /* 0: no such column */
};

static int table_begin(struct table *table, struct grow *grow, const struct keyed *keyed,
		       int (*order)(const void *, const void *), uint64_t rows_max)
{
	*table = (struct table){.grow = grow, .rows = keyed_list(keyed)};
	if (table->rows == NULL)
		return -ENOMEM;
	table->count = keyed_count(keyed);
	table->shown = table->count < rows_max ? table->count : (size_t)rows_max;
	qsort(table->rows, table->count, sizeof(struct keyed_entry *), order);
	return 0;
}

/* As wide as what is in it, and its heading. */
static void table_text_column(struct table *table, size_t text, const char *heading)
{
	struct grow scratch = {0};
	size_t width = strlen(heading);

	for (size_t i = 0; i < table->shown; i++) {
		const size_t used =
			show_text(&scratch, table->rows[i]->texts[text], TEXT_COLUMNS_MAX);

		width = used > width ? used : width;
		scratch.len = 0;
	}
	grow_free(&scratch);
	table->widths[text] = width;
	grow_format(table->grow, "%-*s ", (int)width, heading);
}

static void table_texts(const struct table *table, size_t row)
{
	for (size_t text = 0; text < KEYED_TEXTS_MAX; text++) {
		if (table->widths[text] == 0)
			continue;
		show_padded(table->grow, table->rows[row]->texts[text], table->widths[text]);
		grow_char(table->grow, ' ');
	}
}

static void table_end(struct table *table)
{
	if (table->shown < table->count)
		grow_format(table->grow, "… and %zu more (--limit)\n", table->count - table->shown);
	grow_char(table->grow, '\n');
	free(table->rows);
}

static void put_number(struct grow *grow, uint64_t number)
{
	grow_format(grow, "%*" PRIu64, (int)NUMBER_COLUMNS, number);
}

static void put_text(struct grow *grow, const char *text)
{
	grow_format(grow, "%*s", (int)NUMBER_COLUMNS, text);
}

static void put_heading(struct grow *grow, const char *signal, const struct summary *summary,
			enum otlp_signal number)
{
	grow_format(grow, "%" PRIu64 " %s", summary->items[number], signal);
	if (summary->begin_ns[number] != 0) {
		grow_word(grow, ", ");
		show_time(grow, summary->begin_ns[number]);
		grow_word(grow, " to ");
		show_time(grow, summary->end_ns[number]);
	}
	if (summary->left_out[number] > 0)
		grow_format(grow, "; %" PRIu64 " of too many kinds are left out",
			    summary->left_out[number]);
	grow_char(grow, '\n');
}

/* ---- the tables ---- */

static int put_spans(struct grow *grow, const struct summary *summary, uint64_t rows_max)
{
	static const char *const numbers[] = {"calls", "errors", "p50", "p95", "p99", "max"};
	static const double shares[] = {0.5, 0.95, 0.99};
	struct table table;
	int rc;

	if (summary->items[OTLP_SIGNAL_TRACES] == 0)
		return 0;
	put_heading(grow, "spans", summary, OTLP_SIGNAL_TRACES);
	rc = table_begin(&table, grow, &summary->spans, summary_order_spans, rows_max);
	if (rc < 0)
		return rc;
	for (unsigned by = 0; by < SUMMARY_BY_COUNT; by++)
		if ((summary->by & 1u << by) != 0)
			table_text_column(&table, by, summary_by_names[by]);
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		put_text(grow, numbers[i]);
	grow_char(grow, '\n');
	for (size_t row = 0; row < table.shown; row++) {
		const struct summary_spans *const spans =
			(const struct summary_spans *)(const void *)table.rows[row];
		char text[SHOW_DURATION_BYTES];

		table_texts(&table, row);
		put_number(grow, spans->calls);
		put_number(grow, spans->errors);
		for (size_t i = 0; i < COUNT_OF(shares); i++)
			put_text(grow,
				 show_duration(quantile_at(&spans->durations_ns, shares[i]), text));
		put_text(grow, show_duration(spans->durations_ns.max, text));
		grow_char(grow, '\n');
	}
	table_end(&table);
	return 0;
}

static void put_metric(struct grow *grow, const struct summary_metric *metric)
{
	const bool is_number = metric->kind == VIEW_GAUGE || metric->kind == VIEW_SUM;
	char text[SHOW_NUMBER_BYTES];
	double rate;

	grow_format(grow, "%-13s ", view_metric_kind_names[metric->kind]);
	put_number(grow, metric->series);
	put_number(grow, metric->points);
	put_text(grow, is_number ? show_number(metric->latest, text) : "");
	put_text(grow, summary_rate(metric, &rate) ? show_number(rate, text) : "-");
	put_text(grow, is_number	   ? ""
		       : metric->count > 0 ? show_number(metric->sum / (double)metric->count, text)
					   : "-");
	grow_char(grow, '\n');
}

static int put_metrics(struct grow *grow, const struct summary *summary, uint64_t rows_max)
{
	static const char *const numbers[] = {"series", "points", "latest", "rate/s", "mean"};
	struct table table;
	int rc;

	if (summary->items[OTLP_SIGNAL_METRICS] == 0)
		return 0;
	put_heading(grow, "points of metrics", summary, OTLP_SIGNAL_METRICS);
	rc = table_begin(&table, grow, &summary->metrics, summary_order_texts, rows_max);
	if (rc < 0)
		return rc;
	if ((summary->by & 1u << SUMMARY_BY_SERVICE) != 0)
		table_text_column(&table, SUMMARY_TEXT_SERVICE, "service");
	table_text_column(&table, SUMMARY_TEXT_NAME, "name");
	table_text_column(&table, SUMMARY_TEXT_UNIT, "unit");
	grow_format(grow, "%-13s ", "kind");
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		put_text(grow, numbers[i]);
	grow_char(grow, '\n');
	for (size_t row = 0; row < table.shown; row++) {
		table_texts(&table, row);
		put_metric(grow, (const struct summary_metric *)(const void *)table.rows[row]);
	}
	table_end(&table);
	return 0;
}

static int put_logs(struct grow *grow, const struct summary *summary, uint64_t rows_max)
{
	struct table table;
	int rc;

	if (summary->items[OTLP_SIGNAL_LOGS] == 0)
		return 0;
	put_heading(grow, "log records", summary, OTLP_SIGNAL_LOGS);
	rc = table_begin(&table, grow, &summary->logs, summary_order_texts, rows_max);
	if (rc < 0)
		return rc;
	if ((summary->by & 1u << SUMMARY_BY_SERVICE) != 0)
		table_text_column(&table, SUMMARY_TEXT_SERVICE, "service");
	for (size_t i = 0; i < SUMMARY_SEVERITIES; i++)
		put_text(grow, summary_severity_names[i]);
	grow_char(grow, '\n');
	for (size_t row = 0; row < table.shown; row++) {
		const struct summary_logs *const logs =
			(const struct summary_logs *)(const void *)table.rows[row];

		table_texts(&table, row);
		for (size_t i = 0; i < SUMMARY_SEVERITIES; i++)
			put_number(grow, logs->counts[i]);
		grow_char(grow, '\n');
	}
	table_end(&table);
	return 0;
}

int summary_print_table(struct grow *grow, const struct summary *summary, uint64_t rows_max)
{
	int rc = put_spans(grow, summary, rows_max);

	if (rc == 0)
		rc = put_metrics(grow, summary, rows_max);
	if (rc == 0)
		rc = put_logs(grow, summary, rows_max);
	if (rc == 0 && grow->len == 0)
		grow_word(grow, "nothing\n");
	return rc == 0 && grow->is_failed ? -ENOMEM : rc;
}
