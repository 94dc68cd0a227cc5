/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of spans and log records; those of metrics are summary_metric.c's. */
#include "cli/summary_data.h"

#include <errno.h>

#include "base/array.h"
#include "cli/summary_metric.h"

const char *const summary_by_names[SUMMARY_BY_COUNT] = {"service", "name", "kind", "scope"};
const char *const summary_severity_names[SUMMARY_SEVERITIES] = {"none", "TRACE", "DEBUG", "INFO",
								"WARN", "ERROR", "FATAL"};

static const struct view_bytes kinds[] = {
	VIEW_BYTES("UNSPECIFIED"), VIEW_BYTES("INTERNAL"), VIEW_BYTES("SERVER"),
	VIEW_BYTES("CLIENT"),	   VIEW_BYTES("PRODUCER"), VIEW_BYTES("CONSUMER"),
};

void summary_begin(struct summary *summary, unsigned by, uint64_t since_ns)
{
	*summary = (struct summary){
		.by = by,
		.since_ns = since_ns,
		.spans.count_max = SUMMARY_GROUPS_MAX,
		.metrics.count_max = SUMMARY_GROUPS_MAX,
		.logs.count_max = SUMMARY_GROUPS_MAX,
		.series.count_max = SUMMARY_SERIES_MAX,
		.places.count_max = SUMMARY_SERIES_MAX,
	};
}

static bool is_by(const struct summary *summary, enum summary_by by)
{
	return (summary->by & 1u << by) != 0;
}

static int take_span(void *context, const struct view_place *place, struct view_bytes message)
{
	struct summary *const summary = context;
	struct view_bytes texts[SUMMARY_BY_COUNT] = {0};
	struct keyed_entry *entry;
	struct summary_spans *spans;
	struct view_span span;
	struct view_scope scope;
	int rc = view_span(message, &span);

	if (rc < 0 || !summary_is_wanted(summary, OTLP_SIGNAL_TRACES, span.start_ns))
		return rc;
	if (is_by(summary, SUMMARY_BY_SERVICE))
		texts[SUMMARY_TEXT_SERVICE] = place->service;
	if (is_by(summary, SUMMARY_BY_NAME))
		texts[SUMMARY_TEXT_NAME] = span.name;
	if (is_by(summary, SUMMARY_BY_KIND))
		texts[SUMMARY_TEXT_KIND] =
			kinds[(uint32_t)span.kind < COUNT_OF(kinds) ? (uint32_t)span.kind : 0];
	if (is_by(summary, SUMMARY_BY_SCOPE)) {
		rc = view_scope(place->scope, &scope);
		if (rc < 0)
			return rc;
		texts[SUMMARY_TEXT_SCOPE] = scope.name;
	}
	rc = keyed_take(&summary->spans, texts, SUMMARY_BY_COUNT, sizeof(*spans), &entry);
	summary->left_out[OTLP_SIGNAL_TRACES] += rc == -ENOSPC;
	if (rc < 0)
		return rc == -ENOSPC ? 0 : rc;
	spans = (struct summary_spans *)(void *)entry;
	spans->calls++;
	spans->errors += span.status == VIEW_STATUS_ERROR;
	spans->backwards += span.end_ns < span.start_ns;
	return quantile_add(&spans->durations_ns,
			    span.end_ns > span.start_ns ? span.end_ns - span.start_ns : 0);
}

static int take_log(void *context, const struct view_place *place, struct view_bytes message)
{
	struct summary *const summary = context;
	const struct view_bytes service =
		is_by(summary, SUMMARY_BY_SERVICE) ? place->service : (struct view_bytes){0};
	struct keyed_entry *entry;
	struct view_log log;
	int rc = view_log(message, &log);

	if (rc < 0 || !summary_is_wanted(summary, OTLP_SIGNAL_LOGS,
					 log.time_ns != 0 ? log.time_ns : log.observed_ns))
		return rc;
	rc = keyed_take(&summary->logs, &service, 1, sizeof(struct summary_logs), &entry);
	summary->left_out[OTLP_SIGNAL_LOGS] += rc == -ENOSPC;
	if (rc < 0)
		return rc == -ENOSPC ? 0 : rc;
	((struct summary_logs *)(void *)entry)->counts[summary_severity(log.severity)]++;
	return 0;
}

static int take_metric(void *context, const struct view_place *place, struct view_bytes message)
{
	return summary_take_metric(context, place, message);
}

int summary_take(struct summary *summary, enum otlp_signal signal, struct view_bytes resource_data)
{
	static const view_record_fn takes[SIGNAL_COUNT] = {
		[OTLP_SIGNAL_TRACES] = take_span,
		[OTLP_SIGNAL_METRICS] = take_metric,
		[OTLP_SIGNAL_LOGS] = take_log,
	};

	/* Other bytes may be at the same address now. */
	summary->place_seen = NULL;
	return view_records(resource_data, takes[signal], summary);
}

void summary_finish(struct summary *summary)
{
	summary_finish_metrics(summary);
}

static void end_spans(struct keyed_entry *entry)
{
	quantile_free(&((struct summary_spans *)(void *)entry)->durations_ns);
}

void summary_free(struct summary *summary)
{
	keyed_free(&summary->spans, end_spans);
	keyed_free(&summary->metrics, NULL);
	keyed_free(&summary->logs, NULL);
	keyed_free(&summary->series, NULL);
	keyed_free(&summary->places, NULL);
}
