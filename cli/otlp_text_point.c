/* SPDX-License-Identifier: Apache-2.0 */
/* Data points as lines of text, one for each point of a metric. */
#include "cli/otlp_text_point.h"

#include <inttypes.h>
#include <stdio.h>

#define PB(name)      Opentelemetry__Proto__Metrics__V1__##name
#define PB_DATA(name) OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_##name

struct metric_line {
	struct text_line *line;
	const ProtobufCBinaryData *service;
	const ProtobufCBinaryData *scope;
	const PB(Metric) * metric;
	const char *kind;
};

static void begin(const struct metric_line *metric, uint64_t time_ns)
{
	struct text_line *line = metric->line;

	text_colour(line, COLOUR_DIM);
	text_put_time(line, time_ns);
	text_colour(line, COLOUR_NONE);
	text_put_word(line, " ");
	text_put_word(line, metric->kind);
	text_put_source(line, metric->service, metric->scope);
	text_put_field(line, &metric->metric->name);
	text_put_word(line, " ");
}

static void end(const struct metric_line *metric, PB_COMMON(KeyValue) *const *attributes,
		size_t count)
{
	text_put_named(metric->line, "unit", &metric->metric->unit, false);
	for (size_t i = 0; i < count; i++)
		text_put_pair(metric->line, attributes[i]);
	text_put_word(metric->line, "\n");
}

static void put_numbers(const struct metric_line *metric, PB(NumberDataPoint) *const *points,
			size_t count)
{
	for (size_t i = 0; metric->line->rc == 0 && i < count; i++) {
		const PB(NumberDataPoint) *point = points[i];
		char text[24];

		begin(metric, point->time_unix_nano);
		switch (point->value_case) {
		case OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_INT:
			snprintf(text, sizeof(text), "%" PRId64, point->as_int);
			text_put_word(metric->line, text);
			break;
		case OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_DOUBLE:
			text_put_double(metric->line, point->as_double);
			break;
		default:
			text_put_word(metric->line, "-");
			break;
		}
		end(metric, point->attributes, point->n_attributes);
	}
}

static void put_count(const struct metric_line *metric, uint64_t count)
{
	text_put_word(metric->line, "count=");
	text_put_u64(metric->line, count);
}

/* A member that a point may lack. */
static void put_part(const struct metric_line *metric, const char *name, bool is_set, double value)
{
	if (!is_set)
		return;
	text_put_key(metric->line, name);
	text_put_double(metric->line, value);
}

static void put_histograms(const struct metric_line *metric, PB(HistogramDataPoint) *const *points,
			   size_t count)
{
	for (size_t i = 0; metric->line->rc == 0 && i < count; i++) {
		const PB(HistogramDataPoint) *point = points[i];

		begin(metric, point->time_unix_nano);
		put_count(metric, point->count);
		put_part(metric, "sum", point->optional_sum_case != 0, point->sum);
		put_part(metric, "min", point->optional_min_case != 0, point->min);
		put_part(metric, "max", point->optional_max_case != 0, point->max);
		end(metric, point->attributes, point->n_attributes);
	}
}

static void put_exp_histograms(const struct metric_line *metric,
			       PB(ExponentialHistogramDataPoint) *const *points, size_t count)
{
	for (size_t i = 0; metric->line->rc == 0 && i < count; i++) {
		const PB(ExponentialHistogramDataPoint) *point = points[i];

		begin(metric, point->time_unix_nano);
		put_count(metric, point->count);
		put_part(metric, "sum", point->optional_sum_case != 0, point->sum);
		put_part(metric, "min", point->optional_min_case != 0, point->min);
		put_part(metric, "max", point->optional_max_case != 0, point->max);
		end(metric, point->attributes, point->n_attributes);
	}
}

static void put_summaries(const struct metric_line *metric, PB(SummaryDataPoint) *const *points,
			  size_t count)
{
	for (size_t i = 0; metric->line->rc == 0 && i < count; i++) {
		const PB(SummaryDataPoint) *point = points[i];

		begin(metric, point->time_unix_nano);
		put_count(metric, point->count);
		put_part(metric, "sum", true, point->sum);
		for (size_t q = 0; q < point->n_quantile_values; q++) {
			char name[40];

			snprintf(name, sizeof(name), "p%g",
				 point->quantile_values[q]->quantile * 100);
			put_part(metric, name, true, point->quantile_values[q]->value);
		}
		end(metric, point->attributes, point->n_attributes);
	}
}

void text_put_metric(struct text_line *line, const ProtobufCBinaryData *service,
		     const ProtobufCBinaryData *scope, const PB(Metric) * metric)
{
	struct metric_line out = {
		.line = line, .service = service, .scope = scope, .metric = metric};

	switch (metric->data_case) {
	case PB_DATA(GAUGE):
		out.kind = "gauge";
		put_numbers(&out, metric->gauge->data_points, metric->gauge->n_data_points);
		break;
	case PB_DATA(SUM):
		out.kind = "sum";
		put_numbers(&out, metric->sum->data_points, metric->sum->n_data_points);
		break;
	case PB_DATA(HISTOGRAM):
		out.kind = "histogram";
		put_histograms(&out, metric->histogram->data_points,
			       metric->histogram->n_data_points);
		break;
	case PB_DATA(EXPONENTIAL_HISTOGRAM):
		out.kind = "exp_histogram";
		put_exp_histograms(&out, metric->exponential_histogram->data_points,
				   metric->exponential_histogram->n_data_points);
		break;
	case PB_DATA(SUMMARY):
		out.kind = "summary";
		put_summaries(&out, metric->summary->data_points, metric->summary->n_data_points);
		break;
	default: /* without points */
		break;
	}
}
