/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a killed writer leaves: batches in an open file, and the rings' space given back for the
 * first k of them.
 */
#ifndef OTLPIPE_TESTS_UNIT_RECOVER_FIXTURE_H
#define OTLPIPE_TESTS_UNIT_RECOVER_FIXTURE_H

#include "core/record/signal.h"
#include "tests/unit/pipe_fixture.h"
#include "writer/file/datafile.h"

#define BATCHES	     4u
#define RING_BYTES   (UINT64_C(64) << 10)
#define REGION_COUNT 2u

struct states {
	struct pipe pipe;
	/* After each release; [0] is before the first. */
	uint8_t *regions[BATCHES + 1][REGION_COUNT];
};

extern struct states states;

/** For cmocka, as setup and teardown. Each batch has a span of each region, and there are more. */
int make_states(void **state);
int drop_states(void **state);

/** The regions as they were when so many batches had been given back. */
void restore_regions(unsigned at);

/** A new writer comes: it knows nothing but what is in the files and in the regions. */
void forget_sources(void);
int recover(struct recover_report *report);

/** It drains what is left; then everything is there once. */
void go_on_and_check(void);

/** The only file of the directory that is open. @return a descriptor */
int open_file(struct data_name *ret);

#endif
