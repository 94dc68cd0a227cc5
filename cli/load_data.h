/* SPDX-License-Identifier: Apache-2.0 */
/* `otlpipe load`: the spans, points and log records of one producer, an imagined web shop's HTTP
 * server. */
#ifndef OTLPIPE_CLI_LOAD_DATA_H
#define OTLPIPE_CLI_LOAD_DATA_H

#include <otlpipe/otlpipe.h>

#define LOAD_ATTRIBUTES_MAX 16
#define LOAD_BUCKETS	    10

struct load_producer {
	uint64_t random;
	int64_t index;
	int64_t span_seq;
	int64_t point_seq;
	int64_t log_seq;
	int64_t cpu_ns;
	int64_t active;
	uint64_t begin_ns; /* of its cumulative metrics, since the epoch */
	uint64_t series;   /* 0: each point is one of its own */

	/* The request whose spans are being made: its calls first, as they end first. */
	unsigned int calls_left;
	unsigned int route;
	unsigned int status;
	uint64_t request_ns;
	uint8_t trace_id[16];
	uint8_t server_span_id[8];

	/* What the span or the metric handed out borrows. */
	struct otlp_attribute attributes[LOAD_ATTRIBUTES_MAX];
	struct otlp_attribute event_attributes[3];
	struct otlp_attribute link_attributes[1];
	struct otlp_span_event event;
	struct otlp_span_link link;
	char path[48];
	char address[24];
	struct otlp_span span;

	char log_text[96];
	struct otlp_log_record log;

	struct otlp_exemplar exemplar;
	struct otlp_attribute exemplar_attributes[1];
	uint64_t buckets[LOAD_BUCKETS + 1];
	uint64_t exp_buckets[LOAD_BUCKETS];
	struct otlp_quantile quantiles[3];
	union {
		struct otlp_number_point number;
		struct otlp_histogram_point histogram;
		struct otlp_exp_histogram_point exp_histogram;
		struct otlp_summary_point summary;
	} point;
	struct otlp_metric metric;
	struct otlp_scope_metrics scope_metrics;
	struct otlp_resource_metrics resource_metrics;
};

/**
 * The same seed and index make the same data, but for the times and what follows from them.
 *
 * @param series  0: points of all kinds, each a series of its own by its number; else so many
 *                steady series of a counter, whose numbers are in their exemplars
 */
void load_producer_init(struct load_producer *producer, uint64_t seed, uint32_t index,
			uint64_t series, uint64_t now_ns);

/**
 * The next span; the next metric with one point, of one kind after the other; the next log record,
 * which belongs to the request whose spans are being made, if there is one. Each carries
 * otlpipe.load.producer and otlpipe.load.seq (0, 1, 2…). Borrowed until the next call.
 */
const struct otlp_span *load_next_span(struct load_producer *producer, uint64_t now_ns);
const struct otlp_resource_metrics *load_next_point(struct load_producer *producer,
						    uint64_t now_ns);
const struct otlp_log_record *load_next_log(struct load_producer *producer, uint64_t now_ns);

#endif
