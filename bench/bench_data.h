/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records that every figure of the benchmarks is about, the same in all of
 * them and in all versions: a change here makes earlier results another subject.
 */
#ifndef OTLPIPE_BENCH_BENCH_DATA_H
#define OTLPIPE_BENCH_BENCH_DATA_H

#include <otlpipe/otlpipe.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A 20-character name, 8 attributes (5 strings, 2 integers, 1 bool; keys and strings of about 16
 * bytes), 1 event with 2 attributes, a status; and the scope of its library. */
extern const struct otlp_span bench_span_s;

/* The same without attributes, event and status; with the scope. */
extern const struct otlp_span bench_span_s0;

/* The same with one attribute and no scope: a record of 128 bytes, for peers that carry as many. */
extern const struct otlp_span bench_span_128;
#define BENCH_PAYLOAD_BYTES 128

/* S and S0 without the scope, for what that costs. */
extern const struct otlp_span bench_span_s_no_scope;
extern const struct otlp_span bench_span_s0_no_scope;

/* 10 metrics: 5 sums of 4 points, 3 gauges of 2, 2 histograms of 2 with 15 buckets; 3 string
 * attributes a point. */
extern const struct otlp_resource_metrics bench_metrics_m;
#define BENCH_METRICS_M_POINTS 30u

/* A line of a log: 128 bytes of text, its trace, and 4 attributes (2 strings, 2 integers). */
extern const struct otlp_log_record bench_log_l;

/* S with strings of 12 to 20 characters and other ids in each: no branch learns their lengths. */
#define BENCH_VARIED_COUNT 1024u
const struct otlp_span *bench_spans_varied(void);

#ifdef __cplusplus
}
#endif

#endif
