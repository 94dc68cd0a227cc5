/* SPDX-License-Identifier: Apache-2.0 */
/* What one turn of the writer costs for each producer that is idle. */
#ifndef OTLPIPE_TESTS_BUDGET_TURN_H
#define OTLPIPE_TESTS_BUDGET_TURN_H

/**
 * Prints operations, a look at one region each, and the bytes of a region.
 *
 * @param lanes  of each signal
 * @param used   in so many of them something was pushed, and is written
 * @return 0 or a negative errno
 */
int turn_count(unsigned lanes, unsigned used);

#endif
