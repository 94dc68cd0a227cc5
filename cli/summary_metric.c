/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures of metrics. A series is a metric with one set of attributes of one resource and scope.
 *
 *   delta       each point is what came since the one before
 *   cumulative  each point is all since its start; what came is the difference to the point before,
 *               and all of it where the series began again (another start, or a smaller value of
 * one that only grows)
 */
#include "cli/summary_metric.h"

#include <errno.h>

#define NS_PER_S 1e9

struct place {
	struct keyed_entry entry;
	uint64_t id;
};

struct series {
	struct keyed_entry entry;
	struct summary_metric *metric;
	uint64_t start_ns, time_ns, points;
	double value; /* of a sum and a gauge; of the others, how many measurements */
	double sum;   /* of the others */
};

/* A number for the resource and scope: a key of all their bytes for each point would be long. */
static int find_place(struct summary *summary, const struct view_place *place, uint64_t *ret)
{
	const struct view_bytes texts[] = {place->resource, place->scope};
	struct keyed_entry *entry;
	struct place *found;
	int rc;

	if (summary->place_seen != NULL && summary->place_seen == place->resource.data &&
	    summary->scope_seen == place->scope.data) {
		*ret = summary->place_id;
		return 0;
	}
	rc = keyed_take(&summary->places, texts, 2, sizeof(*found), &entry);
	if (rc < 0)
		return rc;
	found = (struct place *)(void *)entry;
	if (found->id == 0)
		found->id = keyed_count(&summary->places);
	summary->place_seen = place->resource.data;
	summary->scope_seen = place->scope.data;
	summary->place_id = found->id;
	*ret = found->id;
	return 0;
}

static int find_metric(struct summary *summary, const struct view_place *place,
		       const struct view_metric *view, struct summary_metric **ret)
{
	/* Metrics of one name that are not of one kind are different ones. */
	const uint8_t what[] = {(uint8_t)view->kind, (uint8_t)view->temporality,
				view->is_monotonic};
	const struct view_bytes texts[] = {(summary->by & 1u << SUMMARY_BY_SERVICE) != 0
						   ? place->service
						   : (struct view_bytes){0},
					   view->name,
					   view->unit,
					   {what, sizeof(what)}};
	struct keyed_entry *entry;
	int rc = keyed_take(&summary->metrics, texts, 4, sizeof(**ret), &entry);

	if (rc < 0)
		return rc;
	*ret = (struct summary_metric *)(void *)entry;
	(*ret)->kind = view->kind;
	(*ret)->temporality = view->temporality;
	(*ret)->is_monotonic = view->is_monotonic;
	return 0;
}

/* The attributes of a point as one text, in the order in which they are there. */
static int gather_attributes(enum view_metric_kind kind, struct view_bytes point, struct grow *to)
{
	struct view_bytes one;
	int rc;

	to->len = 0;
	while ((rc = view_find(&point, view_point_attributes[kind], &one)) == 1) {
		const uint64_t len = one.len;

		grow_add(to, &len, sizeof(len));
		if (one.len > 0)
			grow_add(to, one.data, one.len);
	}
	return rc < 0 ? rc : to->is_failed ? -ENOMEM : 0;
}

static int find_series(struct summary *summary, struct summary_metric *metric, uint64_t place,
		       struct view_bytes point, struct series **ret)
{
	struct grow *const attributes = &summary->metrics.scratch;
	struct keyed_entry *entry;
	int rc = gather_attributes(metric->kind, point, attributes);

	if (rc < 0)
		return rc;
	const struct view_bytes texts[] = {{(const uint8_t *)&metric, sizeof(metric)},
					   {(const uint8_t *)&place, sizeof(place)},
					   {(const uint8_t *)attributes->data, attributes->len}};

	rc = keyed_take(&summary->series, texts, 3, sizeof(**ret), &entry);
	if (rc < 0)
		return rc;
	*ret = (struct series *)(void *)entry;
	if ((*ret)->metric == NULL) {
		(*ret)->metric = metric;
		metric->series++;
	}
	return 0;
}

/* What came between the point before and this one. false: there was none before. */
static bool increase_of(struct series *series, const struct view_point *point, double value,
			double *ret)
{
	struct summary_metric *const metric = series->metric;
	const bool only_grows = metric->is_monotonic || metric->kind != VIEW_SUM;

	if (metric->kind != VIEW_SUMMARY && metric->temporality == VIEW_DELTA) {
		*ret = value;
		return true;
	}
	if (series->points == 0)
		return false;
	if (only_grows &&
	    (value < series->value ||
	     (point->start_ns > series->start_ns && point->start_ns > 0 && series->start_ns > 0))) {
		metric->resets++;
		*ret = value;
		return true;
	}
	*ret = value - series->value;
	return true;
}

static void take_value(struct summary *summary, struct series *series,
		       const struct view_point *point)
{
	struct summary_metric *const metric = series->metric;
	const bool is_number = metric->kind == VIEW_GAUGE || metric->kind == VIEW_SUM;
	const bool is_delta = metric->kind != VIEW_GAUGE && metric->temporality == VIEW_DELTA;
	const double value = is_number ? view_point_value(point) : (double)point->count;
	/* A delta covers the time since its start. */
	const uint64_t from_ns =
		is_delta && point->start_ns != 0 ? point->start_ns : point->time_ns;
	double increase;

	if (series->points > 0 && point->time_ns <= series->time_ns) {
		metric->late_points++;
		return;
	}
	if (metric->kind != VIEW_GAUGE && increase_of(series, point, value, &increase)) {
		metric->increase += increase;
		metric->has_increase = true;
		if (summary->point != NULL)
			summary->point(summary->point_context, metric, point->time_ns, increase);
	}
	if (metric->kind == VIEW_GAUGE && summary->point != NULL)
		summary->point(summary->point_context, metric, point->time_ns, value);
	if (metric->begin_ns == 0 || from_ns < metric->begin_ns)
		metric->begin_ns = from_ns;
	if (point->time_ns > metric->end_ns)
		metric->end_ns = point->time_ns;
	series->value = is_delta && !is_number ? series->value + value : value;
	series->sum = is_delta && !is_number ? series->sum + point->sum : point->sum;
	series->start_ns = point->start_ns;
	series->time_ns = point->time_ns;
	series->points++;
}

struct points_of {
	struct summary *summary;
	struct summary_metric *metric;
	uint64_t place;
};

static int take_point(const struct points_of *of, struct view_bytes message)
{
	struct summary *const summary = of->summary;
	struct series *series;
	struct view_point point;
	int rc = view_point(of->metric->kind, message, &point);

	if (rc < 0 || !summary_is_wanted(summary, OTLP_SIGNAL_METRICS, point.time_ns))
		return rc;
	of->metric->points++;
	if ((point.flags & VIEW_POINT_NO_VALUE) != 0)
		return 0;
	rc = find_series(summary, of->metric, of->place, message, &series);
	summary->left_out[OTLP_SIGNAL_METRICS] += rc == -ENOSPC;
	if (rc < 0)
		return rc == -ENOSPC ? 0 : rc;
	take_value(summary, series, &point);
	return 0;
}

int summary_take_metric(struct summary *summary, const struct view_place *place,
			struct view_bytes message)
{
	struct points_of of = {.summary = summary};
	struct view_metric view;
	struct view_bytes rest, point;
	int rc = view_metric(message, &view);

	if (rc < 0 || !view.has_data)
		return rc;
	rc = find_metric(summary, place, &view, &of.metric);
	if (rc == 0)
		rc = find_place(summary, place, &of.place);
	if (rc < 0 && rc != -ENOSPC)
		return rc;
	if (rc == -ENOSPC) {
		summary->left_out[OTLP_SIGNAL_METRICS]++;
		return 0;
	}
	rest = view.data;
	while ((rc = view_find(&rest, VIEW_POINT_OF_METRIC, &point)) == 1) {
		rc = take_point(&of, point);
		if (rc < 0)
			break;
	}
	return rc;
}

/* Counts are doubles in a series, as sums are; a cast of what does not fit would be undefined. */
static uint64_t to_count(double value)
{
	return value >= 0 && value < (double)INT64_MAX ? (uint64_t)value : INT64_MAX;
}

void summary_finish_metrics(struct summary *summary)
{
	for (struct keyed_entry *entry = summary->series.entries; entry != NULL;
	     entry = entry->hh.next) {
		const struct series *const series = (const struct series *)(void *)entry;
		struct summary_metric *const metric = series->metric;
		const bool is_newest = series->time_ns >= metric->latest_ns;

		if (series->points == 0)
			continue;
		if (metric->kind == VIEW_GAUGE)
			metric->latest = is_newest ? series->value : metric->latest;
		else
			metric->latest += series->value;
		if (metric->kind != VIEW_GAUGE && metric->kind != VIEW_SUM) {
			metric->count += to_count(series->value);
			metric->sum += series->sum;
		}
		if (is_newest)
			metric->latest_ns = series->time_ns;
	}
}

bool summary_rate(const struct summary_metric *metric, double *ret)
{
	if (!metric->has_increase || metric->end_ns <= metric->begin_ns)
		return false;
	*ret = metric->increase / ((double)(metric->end_ns - metric->begin_ns) / NS_PER_S);
	return true;
}
