/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose ring is drained when, and for how long: a little from each in turn, so that no producer can
 * take the writer's time from others, whatever its records cost.
 *
 *   - A region's turn ends with a quota of bytes, or with DRAIN_SLICE_NS.
 *   - Where there are several users (a group directory), each has DRAIN_OWNER_SLICE_NS, however
 *     many regions it has.
 *   - Who took longer, since a record is not cut, owes that, and waits for as long: but only for
 *     others that have something to drain.
 *   - After DRAIN_TURN_NS the writer looks after all else, and goes on with whose turn it is.
 */
#ifndef OTLPIPE_WRITER_DRAIN_H
#define OTLPIPE_WRITER_DRAIN_H

#include "writer/queue.h"
#include "writer/regions.h"

#define DRAIN_SLICE_NS	     INT64_C(200000)
#define DRAIN_OWNER_SLICE_NS INT64_C(1000000)
#define DRAIN_TURN_NS	     INT64_C(10000000)
#define DRAIN_OWED_MAX_NS    (10 * DRAIN_OWNER_SLICE_NS)
#define DRAIN_BUSY_BYTES     (UINT64_C(64) << 10)

/**
 * Take what the rings of one signal hold. Where there is no room for more, it stays there.
 *
 * @return is it worth to look again at once? A trickle is not: the producers wake us when a ring is
 *         half full, and until then a round costs more than it brings
 */
bool drain_rings(struct drain *drain, struct regions *regions, struct queue *queue);

#endif
