/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Something that records refer to: a resource, a shape. It is kept by the process, and put into a
 * region's table when the first record of that region needs it. Other regions come: a child's, or a
 * new one after the writer abandoned the old.
 */
#ifndef CORE_TABLE_H
#define CORE_TABLE_H

#include "shm/region.h"

struct table_entry {
	const uint8_t *bytes;
	size_t bytes_count;
	uint64_t reference; /* in which region it stands where */
};

/**
 * Where it stands in this region's table; added there on first use. Threads may call it at once;
 * async-signal-safe.
 *
 * @return 0: the table is full, and the record has to say it itself
 */
uint32_t table_entry_reference(struct table_entry *entry, struct region *region);

#endif
