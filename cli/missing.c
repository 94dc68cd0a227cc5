/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers how far each ring has been seen: a hash table by region and ring. */
#include "cli/missing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "writer/file/batch.h"

struct missing_key {
	uint64_t region_id;
	uint64_t ring;
};

struct missing_ring {
	struct missing_key key;
	uint64_t position; /* everything before it was seen, or found missing */
	uint64_t items;	   /* in all of that, whatever became of them */
	UT_hash_handle hh;
};

/* The one that was seen last is the last in the table's own order. */
static struct missing_ring *ring_find(struct missing *missing, const struct missing_key *key)
{
	struct missing_ring *ring;

	HASH_FIND(hh, missing->rings, key, sizeof(*key), ring);
	if (ring != NULL)
		HASH_DELETE(hh, missing->rings, ring);
	return ring;
}

static int ring_put(struct missing *missing, struct missing_ring *ring)
{
	struct missing_ring *oldest = missing->rings;
	const size_t before = HASH_COUNT(missing->rings);

	HASH_ADD(hh, missing->rings, key, sizeof(ring->key), ring);
	if (HASH_COUNT(missing->rings) == before) {
		free(ring);
		return -ENOMEM;
	}
	if (before >= MISSING_RINGS_MAX) {
		HASH_DELETE(hh, missing->rings, oldest);
		free(oldest);
	}
	return 0;
}

static void gap_add(struct missing_gap *gap, const struct batch_entry *entry, uint64_t from,
		    uint64_t items)
{
	if (gap->rings++ == 0) {
		gap->region_id = entry->region_id;
		gap->pid = entry->pid;
		gap->from = from;
		gap->to = entry->from;
	}
	gap->items += items;
}

/*
 * A ring that was not seen before may have begun long ago, and what was removed then is not
 * missing here. Only one whose region was made since the first batch must be there from 0 on.
 */
static int check_entry(struct missing *missing, const struct batch_entry *entry,
		       struct missing_gap *gap)
{
	const struct missing_key key = {entry->region_id, entry->ring};
	const uint64_t items = entry->items_before + batch_entry_items(entry);
	struct missing_ring *ring = ring_find(missing, &key);

	if (ring == NULL) {
		if (entry->from > 0 && entry->start_unix_ns >= missing->since_unix_ns)
			gap_add(gap, entry, 0, entry->items_before);
		ring = calloc(1, sizeof(*ring));
		if (ring == NULL)
			return -ENOMEM;
		ring->key = key;
	} else if (entry->from > ring->position) {
		gap_add(gap, entry, ring->position,
			entry->items_before > ring->items ? entry->items_before - ring->items : 0);
	}
	/* A batch of a file that was given up is seen again in another. */
	if (entry->to > ring->position) {
		ring->position = entry->to;
		ring->items = items;
	}
	return ring_put(missing, ring);
}

int missing_check(struct missing *missing, const struct chunk *chunk, struct missing_gap *ret)
{
	struct batch_head head;
	struct batch_entry entry;

	memset(ret, 0, sizeof(*ret));
	if (batch_parse_head(chunk->data, chunk->bytes, &head) < 0)
		return 0;
	if (missing->since_unix_ns == 0)
		missing->since_unix_ns = head.closed_unix_ns;
	for (uint32_t i = 0; i < head.entry_count; i++) {
		int rc;

		memcpy(&entry, chunk->data + batch_head_bytes(i), sizeof(entry));
		rc = check_entry(missing, &entry, ret);
		if (rc < 0)
			return rc;
	}
	missing->items += ret->items;
	return 0;
}

void missing_free(struct missing *missing)
{
	struct missing_ring *ring, *next;

	HASH_ITER(hh, missing->rings, ring, next)
	{
		HASH_DELETE(hh, missing->rings, ring);
		free(ring);
	}
	memset(missing, 0, sizeof(*missing));
}
