/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end of this process's own region, without a writer: empties its
 * rings between two bursts (uncontended pushes), or only looks how full they are.
 */
#ifndef OTLPIPE_BENCH_TAP_H
#define OTLPIPE_BENCH_TAP_H

#include "core/record/signal.h"
#include "shm/region_view.h"

struct tap {
	struct region_view view;
	struct ring_reader readers[REGION_RINGS_MAX]; /* by number */
};

/**
 * @param writable  false: a writer is at work, only look
 * @return 0 or a negative errno
 */
int tap_open(struct tap *ret, const char *runtime_dir, bool writable);
void tap_close(struct tap *tap);

/** Bytes that are claimed and not yet given back. */
uint64_t tap_fill(const struct tap *tap, enum otlp_signal signal);

/** Give everything back, unread; no push may be under way. 0 or a negative errno. */
int tap_drain(struct tap *tap, enum otlp_signal signal);

#endif
