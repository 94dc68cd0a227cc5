/* SPDX-License-Identifier: Apache-2.0 */
/* How many regions this process can hold at once, and which limit says so. */
#ifndef OTLPIPE_WRITER_CAPACITY_H
#define OTLPIPE_WRITER_CAPACITY_H

#include <stddef.h>

#define CAPACITY_REASON_BYTES 64

struct capacity {
	size_t regions;
	char reason[CAPACITY_REASON_BYTES]; /* such as "RLIMIT_NOFILE is 1024" */
};

/** @param regions_max  no more in any case, since a batch can name no more */
void capacity_measure(struct capacity *ret, size_t regions_max);

#endif
