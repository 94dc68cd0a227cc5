/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Something that records refer to: a resource, a shape. It is kept by the process, and put into a
 * region's table when the first record of that region needs it. Other regions come: a child's, or a
 * new one after the writer abandoned the old.
 */
#ifndef OTLPIPE_CORE_TABLE_ENTRY_H
#define OTLPIPE_CORE_TABLE_ENTRY_H

#include "shm/atomic.h"
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
static inline uint32_t table_entry_reference(struct table_entry *entry, struct region *region);

uint32_t table_entry_add(struct table_entry *entry, struct region *region);

/* The upper bits of the region's random id, and the reference in that region. */
#define TABLE_REFERENCE_BITS 18
#define TABLE_REFERENCE_MASK ((UINT64_C(1) << TABLE_REFERENCE_BITS) - 1)

static inline uint32_t table_entry_reference(struct table_entry *entry, struct region *region)
{
	/* PAIR(table-reference): with table_entry_add() in another thread: who commits a record
	 * with a reference that another thread made shows the writer that thread's entry too. */
	const uint64_t known = atomic_load_acquire_u64(&entry->reference);

	if (__builtin_expect(((known ^ region->header->region_id) & ~TABLE_REFERENCE_MASK) == 0 &&
				     known != 0,
			     1))
		return (uint32_t)(known & TABLE_REFERENCE_MASK);
	return table_entry_add(entry, region);
}

#endif
