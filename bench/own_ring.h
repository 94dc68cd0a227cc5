/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library without a writer, in a runtime directory of the bench's own, whose rings this process
 * empties between two bursts. For C++ too.
 */
#ifndef OTLPIPE_BENCH_OWN_RING_H
#define OTLPIPE_BENCH_OWN_RING_H

#include <otlpipe/otlpipe.h>

#ifdef __cplusplus
extern "C" {
#endif

/** $OTLPIPE_BENCH_DIR; without it one in /dev/shm, which goes with this process. */
const char *own_dir(void);

/** 0, or a negative errno or enum otlp_error. One at a time. */
int own_ring_open(struct otlp_library **ret);

/** Give back what was pushed, unread. 0 or a negative errno. */
int own_ring_drain(enum otlp_signal signal);

/** What was refused since it was opened: a burst that is too large, or a record that is wrong. */
uint64_t own_ring_dropped(struct otlp_library *library, enum otlp_signal signal);

void own_ring_close(struct otlp_library *library);

#ifdef __cplusplus
}
#endif

#endif
