/* SPDX-License-Identifier: Apache-2.0 */
/* The tables that make up bench_micro, each at the end of the file of its name. */
#ifndef OTLPIPE_BENCH_MICRO_H
#define OTLPIPE_BENCH_MICRO_H

#include <stdbool.h>

#include "bench/harness.h"

extern const struct bench bench_copy_table[];	 /* memcpy: the speed of light */
extern const struct bench bench_push_table[];	 /* push, alone and beside a writer */
extern const struct bench bench_threads_table[]; /* push by several threads */
extern const struct bench bench_encode_table[];	 /* the writer's encoder, and protobuf-c */
extern const struct bench bench_ring_table[];	 /* our ring alone: the floor of a push */
extern const struct bench bench_rings_table[];	 /* ck_ring */
extern const struct bench bench_calls_table[];	 /* a system call for each record */
extern const struct bench bench_logs_table[];	 /* the C library's ways to log a line */

/* Bytes that a record of each kind takes in the ring, header and padding included; measured once,
 * through a library of its own. 0: that failed. */
enum bench_record {
	BENCH_RECORD_S,
	BENCH_RECORD_S0,
	BENCH_RECORD_128,
	BENCH_RECORD_S_SHAPED,
	BENCH_RECORD_M_POINT
};
uint64_t bench_record_bytes(enum bench_record record);

#endif
