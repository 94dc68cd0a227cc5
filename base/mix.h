/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash of numbers that others choose. It has a key that is new in each process, so nobody can
 * choose numbers that fall into one bucket.
 */
#ifndef OTLPIPE_BASE_MIX_H
#define OTLPIPE_BASE_MIX_H

#include <stdint.h>

/** From one thread only, at least the first time. */
uint64_t mix_u64(uint64_t value);

#endif
