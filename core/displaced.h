/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions whose names are gone: the runtime directory was emptied, removed, moved away or replaced
 * while the program runs. The writer that has such a region mapped drains it on, but no later
 * writer could find it. So the program makes another one, in the directory that is there now.
 *
 * It is looked for where a push is slow anyway (a ring that is half full, or full) and in a flush;
 * a push itself does not look.
 */
#ifndef OTLPIPE_CORE_DISPLACED_H
#define OTLPIPE_CORE_DISPLACED_H

#include "core/producer_state.h"

/**
 * Is the name of the region to push to gone? Its control page is looked after at the same time.
 * Async-signal-safe, keeps errno.
 *
 * @param anyway  look, also if that was done just now
 */
bool displaced_look(struct producer *producer, bool anyway);

/** Is that one of the regions whose names were found to be gone? */
bool displaced_is(const struct producer *producer, uint32_t index);

/**
 * Of the regions whose names are gone: which run of a writer is there, so that what another one had
 * mapped is given up?
 *
 * @return 0, or negative: it cannot be told
 */
int displaced_epoch(const struct producer *producer, uint64_t *ret);

#endif
