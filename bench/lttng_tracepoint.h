/* SPDX-License-Identifier: Apache-2.0 */
/* A tracepoint with 128 bytes in one array: the cheapest that LTTng-UST can make of as many. */
#undef LTTNG_UST_TRACEPOINT_PROVIDER
#define LTTNG_UST_TRACEPOINT_PROVIDER otlpipe_bench

#undef LTTNG_UST_TRACEPOINT_INCLUDE
#define LTTNG_UST_TRACEPOINT_INCLUDE "bench/lttng_tracepoint.h"

#if !defined(BENCH_LTTNG_TRACEPOINT_H) || defined(LTTNG_UST_TRACEPOINT_HEADER_MULTI_READ)
#define BENCH_LTTNG_TRACEPOINT_H

#include <lttng/tracepoint.h>
#include <stdint.h>

#define LTTNG_PAYLOAD_BYTES 128

LTTNG_UST_TRACEPOINT_EVENT(otlpipe_bench, record, LTTNG_UST_TP_ARGS(const uint8_t *, payload),
			   LTTNG_UST_TP_FIELDS(lttng_ust_field_array(uint8_t, payload, payload,
								     LTTNG_PAYLOAD_BYTES)))

#endif

#include <lttng/tracepoint-event.h>
