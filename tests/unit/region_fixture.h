/* SPDX-License-Identifier: Apache-2.0 */
/* A look into the regions of the test's runtime directory, as a monitor has it. */
#ifndef OTLPIPE_TESTS_UNIT_REGION_FIXTURE_H
#define OTLPIPE_TESTS_UNIT_REGION_FIXTURE_H

#include "core/record/record.h"
#include "tests/unit/shm_fixture.h"

unsigned count_regions(void);

/** The name of the region of that process. */
bool find_region_of(pid_t of, char ret[REGION_NAME_BYTES_MAX]);

/** Take the next committed record; false: there is none. Padding is skipped. */
bool fixture_next_record(struct ring_reader *reader, struct ring_entry *ret);

/** How many items the lanes of a signal of that region hold; each record must be valid. */
uint64_t count_items(const char *region, enum otlp_signal signal);

#endif
