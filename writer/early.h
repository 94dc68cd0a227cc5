/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches that are closed before their time: since a flush waits for what is in them, or since a
 * ring wants its space back. A small batch costs the writer and the disk nearly what a large one
 * does, and who asks for one after the other is a producer. So who asked rests EARLY_REST times as
 * long as it took: at most a ninth of the writer's time goes into what one region asks for, and in
 * a group directory what one user asks for. Others that ask meanwhile are not held up by it.
 *
 * A ring that is not small and wants its space back rests never: it has paid, with what it holds. A
 * lane that wants it is half full, and has paid as a ring of twice its size would.
 */
#ifndef OTLPIPE_WRITER_EARLY_H
#define OTLPIPE_WRITER_EARLY_H

#include "writer/regions.h"

#define EARLY_REST	       8
#define EARLY_SMALL_RING_BYTES (UINT64_C(64) << 10)

/**
 * Does a region want the batch closed now that is being made, and may?
 *
 * @param ret_next_ns  lowered to when one may that wants to and may not yet
 */
bool early_is_wanted(const struct regions *regions, enum otlp_signal signal, int64_t now_ns,
		     int64_t *ret_next_ns);

/** It was closed for those that wanted it, and took so long. */
void early_pay(struct regions *regions, enum otlp_signal signal, int64_t cost_ns, int64_t now_ns);

#endif
