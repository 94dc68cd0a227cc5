/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OTLPIPE_TESTS_UNIT_DESCRIPTORS_H
#define OTLPIPE_TESTS_UNIT_DESCRIPTORS_H

/** How many this process has open: to see that a test leaves none. 0: it cannot be told. */
unsigned count_descriptors(void);

#endif
