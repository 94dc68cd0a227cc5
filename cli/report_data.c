/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers what a report shows. */
#include "cli/report_data.h"

#include <errno.h>
#include <stdlib.h>

#define BY (1u << SUMMARY_BY_SERVICE | 1u << SUMMARY_BY_NAME)

static void take_point(void *context, struct summary_metric *metric, uint64_t time_ns,
		       double value);

void report_data_begin(struct report_data *data)
{
	summary_begin(&data->summary, BY, 0);
	summary_begin(&data->again, BY, 0);
	data->again.point = take_point;
	data->again.point_context = data;
}

/* ---- the first pass ---- */

static int index_span(void *context, const struct view_place *place, struct view_bytes message)
{
	struct report_data *const data = context;
	struct view_span span;
	int rc = view_span(message, &span);

	(void)place;
	return rc < 0 ? rc : trace_index_add(&data->index, &span);
}

int report_data_first(struct report_data *data, enum otlp_signal signal,
		      struct view_bytes resource_data)
{
	int rc = summary_take(&data->summary, signal, resource_data);

	if (rc < 0 || signal != OTLP_SIGNAL_TRACES)
		return rc;
	return view_records(resource_data, index_span, data);
}

static int compare_ids(const void *a, const void *b)
{
	return memcmp(((const struct report_trace *)a)->sum.id,
		      ((const struct report_trace *)b)->sum.id, TRACE_ID_BYTES);
}

int report_data_choose(struct report_data *data, size_t slowest)
{
	struct trace_sum *sums = NULL;
	const int64_t found = trace_index_slowest(
		&data->index, slowest < REPORT_TRACES_MAX ? slowest : REPORT_TRACES_MAX, false,
		&sums);

	if (found < 0)
		return (int)found;
	for (size_t i = 0; i < (size_t)found; i++)
		data->traces[i].sum = sums[i];
	data->trace_count = (size_t)found;
	free(sums);
	qsort(data->traces, data->trace_count, sizeof(data->traces[0]), compare_ids);
	for (unsigned signal = 0; signal < SIGNAL_COUNT; signal++) {
		data->begin_ns[signal] = data->summary.begin_ns[signal];
		data->end_ns[signal] = data->summary.end_ns[signal];
	}
	summary_finish(&data->summary);
	return 0;
}

/* ---- the second pass ---- */

/* Which of the buckets a time is in. Times of 0 and those that came since are in the nearest one.
 */
static unsigned bucket_of(const struct report_data *data, enum otlp_signal signal, uint64_t time_ns)
{
	const uint64_t begin = data->begin_ns[signal], end = data->end_ns[signal];
	double share;

	if (time_ns <= begin || end <= begin)
		return 0;
	share = (double)(time_ns - begin) / (double)(end - begin);
	return share >= 1 ? REPORT_BUCKETS - 1 : (unsigned)(share * REPORT_BUCKETS);
}

static int gather_span(struct report_data *data, const struct view_place *place,
		       struct view_bytes message, const struct view_span *span)
{
	struct report_trace key, *found;

	if (span->trace_id.len != TRACE_ID_BYTES)
		return 0;
	memcpy(key.sum.id, span->trace_id.data, TRACE_ID_BYTES);
	found = bsearch(&key, data->traces, data->trace_count, sizeof(key), compare_ids);
	if (found == NULL || found->tree.count == REPORT_GATHER_MAX)
		return 0;
	return tree_add(&found->tree, message, place->service);
}

static int take_span(void *context, const struct view_place *place, struct view_bytes message)
{
	struct report_data *const data = context;
	struct view_span span;
	unsigned bucket;
	int rc = view_span(message, &span);

	if (rc < 0)
		return rc;
	bucket = bucket_of(data, OTLP_SIGNAL_TRACES, span.start_ns);
	data->calls[bucket]++;
	data->errors[bucket] += span.status == VIEW_STATUS_ERROR;
	return gather_span(data, place, message, &span);
}

static int take_log(void *context, const struct view_place *place, struct view_bytes message)
{
	struct report_data *const data = context;
	struct view_log log;
	int rc = view_log(message, &log);

	(void)place;
	if (rc < 0)
		return rc;
	data->logs[summary_severity(log.severity)][bucket_of(
		data, OTLP_SIGNAL_LOGS, log.time_ns != 0 ? log.time_ns : log.observed_ns)]++;
	return 0;
}

/* Of a gauge the last value of each bucket, of the others what was added in it. */
static void take_point(void *context, struct summary_metric *metric, uint64_t time_ns, double value)
{
	struct report_data *const data = context;
	const unsigned bucket = bucket_of(data, OTLP_SIGNAL_METRICS, time_ns);
	struct report_metric *slot;

	if (metric->slot == 0) {
		if (data->metric_count == REPORT_METRICS_MAX)
			return;
		metric->slot = (unsigned)++data->metric_count;
		data->metrics[metric->slot - 1].metric = metric;
	}
	slot = &data->metrics[metric->slot - 1];
	slot->values[bucket] = metric->kind == VIEW_GAUGE ? value : slot->values[bucket] + value;
	slot->has_value[bucket] = true;
}

int report_data_second(struct report_data *data, enum otlp_signal signal,
		       struct view_bytes resource_data)
{
	if (signal == OTLP_SIGNAL_METRICS)
		return summary_take(&data->again, signal, resource_data);
	return view_records(resource_data, signal == OTLP_SIGNAL_TRACES ? take_span : take_log,
			    data);
}

static int compare_traces(const void *a, const void *b)
{
	const struct trace_sum *x = &((const struct report_trace *)a)->sum;
	const struct trace_sum *y = &((const struct report_trace *)b)->sum;
	const uint64_t x_ns = x->end_ns - x->begin_ns, y_ns = y->end_ns - y->begin_ns;

	if (x_ns != y_ns)
		return x_ns > y_ns ? -1 : 1;
	return x->begin_ns < y->begin_ns ? -1 : x->begin_ns > y->begin_ns;
}

static int compare_metrics(const void *a, const void *b)
{
	return keyed_compare(&((const struct report_metric *)a)->metric->entry,
			     &((const struct report_metric *)b)->metric->entry);
}

int report_data_finish(struct report_data *data)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < data->trace_count; i++)
		rc = tree_build(&data->traces[i].tree);
	qsort(data->traces, data->trace_count, sizeof(data->traces[0]), compare_traces);
	qsort(data->metrics, data->metric_count, sizeof(data->metrics[0]), compare_metrics);
	return rc;
}

void report_data_free(struct report_data *data)
{
	for (size_t i = 0; i < data->trace_count; i++)
		tree_free(&data->traces[i].tree);
	trace_index_free(&data->index);
	summary_free(&data->summary);
	summary_free(&data->again);
}
