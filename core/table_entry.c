/* SPDX-License-Identifier: Apache-2.0 */
/* References into a region's table, remembered in one word so that threads need no lock. */
#include "core/table_entry.h"

static_assert(TABLE_BYTES + 1 < UINT64_C(1) << TABLE_REFERENCE_BITS, "a reference fits");

uint32_t table_entry_add(struct table_entry *entry, struct region *region)
{
	const uint64_t id = region->header->region_id & ~TABLE_REFERENCE_MASK;
	uint32_t added;

	if (entry->bytes_count > TABLE_BYTES)
		return 0;
	/* Two threads may both add it, which wastes a little of the table and no more. */
	added = region_table_add(region, entry->bytes, (uint32_t)entry->bytes_count);
	/* PAIR(table-reference): with table_entry_reference(): the entry comes before it. */
	if (added != 0)
		atomic_store_release_u64(&entry->reference, id | added);
	return added;
}
