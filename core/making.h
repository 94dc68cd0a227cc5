/* SPDX-License-Identifier: Apache-2.0 */
/* Making a region, one thread at a time. Async-signal-safe; errno is kept. */
#ifndef OTLPIPE_CORE_MAKING_H
#define OTLPIPE_CORE_MAKING_H

#include "core/producer_state.h"
#include "shm/failure.h"

/**
 * Make the first one, at open, before other threads know of the producer.
 *
 * @return 0, or a negative errno, and ret_failure says more
 */
int making_first(struct producer *producer, struct failure *ret_failure);

/**
 * Make the region after `count` of them, if no other thread is at it or has made it. What
 * goes wrong is remembered in the producer's page.
 *
 * @return 0: it is there; -EALREADY: another thread is at it; else an enum otlp_error
 */
int making_try(struct producer *producer, uint32_t count);

/** Has a making failed, and is it too early for a push to try again? */
bool making_must_wait(const struct producer_page *page);

#endif
