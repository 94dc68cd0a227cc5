/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peer: borrowed structs to protobuf-c's trees, as fast as that can be done with it. Messages
 * come from an arena that is emptied by setting a number, strings are borrowed. (The tests' oracle
 * copies everything, which would flatter us.) For what is in bench_data.h, not for all of OTLP.
 */
#ifndef OTLPIPE_BENCH_PB_BUILD_H
#define OTLPIPE_BENCH_PB_BUILD_H

#include "opentelemetry/proto/metrics/v1/metrics.pb-c.h"
#include "opentelemetry/proto/trace/v1/trace.pb-c.h"
#include <otlpipe/otlpipe.h>

#define PB_ARENA_BYTES (64u << 10)

struct pb_arena {
	size_t used;
	_Alignas(64) uint8_t bytes[PB_ARENA_BYTES];
};

/* Both empty the arena first. */
Opentelemetry__Proto__Trace__V1__Span *pb_build_span(struct pb_arena *arena,
						     const struct otlp_span *span);
Opentelemetry__Proto__Metrics__V1__Metric *pb_build_metric(struct pb_arena *arena,
							   const struct otlp_metric *metric);

#endif
