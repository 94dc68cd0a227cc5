/* SPDX-License-Identifier: Apache-2.0 */
/* The rings of fuzz_drain's region, which fuzz_seeds fills. */
#ifndef OTLPIPE_TESTS_FUZZ_FUZZ_RINGS_H
#define OTLPIPE_TESTS_FUZZ_FUZZ_RINGS_H

#include "core/record/signal.h"
#include "shm/layout.h"

/* One of each signal, and a second lane of the spans. */
#define FUZZ_RINGS (SIGNAL_COUNT + 1u)

static inline unsigned fuzz_ring_number(unsigned ring)
{
	return ring < SIGNAL_COUNT ? ring : ring_number(OTLP_SIGNAL_TRACES, 1);
}

#endif
