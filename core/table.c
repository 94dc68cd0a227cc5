/* SPDX-License-Identifier: Apache-2.0 */
/* References into a region's table, remembered in one word so that threads need no lock. */
#include "core/table.h"

#include "shm/atomic.h"

/* The upper bits of the region's random id, and the reference in that region. */
#define REFERENCE_BITS 18
static_assert(TABLE_BYTES + 1 < UINT64_C(1) << REFERENCE_BITS, "a reference fits");

uint32_t table_entry_reference(struct table_entry *entry, struct region *region)
{
	const uint64_t mask = (UINT64_C(1) << REFERENCE_BITS) - 1;
	const uint64_t id = region->header->region_id & ~mask;
	/* PAIR(table-reference): with ourselves in another thread: who commits a record with
	 * a reference that another thread made shows the writer that thread's entry too. */
	uint64_t known = atomic_load_acquire_u64(&entry->reference);
	uint32_t added;

	if (known != 0 && (known & ~mask) == id)
		return (uint32_t)(known & mask);
	if (entry->bytes_count > TABLE_BYTES)
		return 0;
	/* Two threads may both add it, which wastes a little of the table and no more. */
	added = region_table_add(region, entry->bytes, (uint32_t)entry->bytes_count);
	/* PAIR(table-reference): see above; the entry comes before its reference. */
	if (added != 0)
		atomic_store_release_u64(&entry->reference, id | added);
	return added;
}
