/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two threads that do the same at the same time, one on the first and one on the second of the
 * processors: what a record costs each of them, when another one does the same.
 */
#ifndef OTLPIPE_BENCH_PAIR_H
#define OTLPIPE_BENCH_PAIR_H

#include <stdint.h>

/** Starts the threads, which wait. */
void pair_open(void (*run)(uint64_t operations));

/** Half of the operations each. @return the processor time of both together, in nanoseconds */
uint64_t pair_burst(uint64_t operations);

void pair_close(void);

#endif
