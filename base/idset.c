/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing. Ids are random, but not all of those who choose them are honest: so they are
 * mixed, and a bucket that was made long on purpose costs the writer at most IDSET_PROBES_MAX
 * looks.
 */
#include "base/idset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mix.h"

#define IDSET_CAPACITY_MIN 64u
#define IDSET_PROBES_MAX   512u

static size_t idset_slot(const struct idset *set, uint64_t id)
{
	return (size_t)mix_u64(id) & (set->capacity - 1);
}

void idset_clear(struct idset *set)
{
	free(set->slots);
	memset(set, 0, sizeof(*set));
}

/* The slot with the id, or the free one for it, or NULL: too many collide. */
static uint64_t *idset_find(const struct idset *set, uint64_t id)
{
	size_t at, probes;

	if (set->capacity == 0)
		return NULL;
	at = idset_slot(set, id);
	for (probes = 0; probes < IDSET_PROBES_MAX && probes < set->capacity; probes++) {
		uint64_t *slot = &set->slots[(at + probes) & (set->capacity - 1)];

		if (*slot == id || *slot == 0)
			return slot;
	}
	return NULL;
}

bool idset_has(const struct idset *set, uint64_t id)
{
	const uint64_t *slot = idset_find(set, id);

	return slot != NULL && *slot == id;
}

static int idset_grow(struct idset *set)
{
	struct idset larger = {.capacity =
				       set->capacity != 0 ? set->capacity * 2 : IDSET_CAPACITY_MIN};
	size_t i;

	larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
	if (larger.slots == NULL)
		return -ENOMEM;
	for (i = 0; i < set->capacity; i++) {
		uint64_t *slot = set->slots[i] != 0 ? idset_find(&larger, set->slots[i]) : NULL;

		if (slot != NULL) {
			*slot = set->slots[i];
			larger.count++;
		}
	}
	free(set->slots);
	*set = larger;
	return 0;
}

int idset_add(struct idset *set, uint64_t id)
{
	uint64_t *slot;
	int rc;

	if (idset_has(set, id))
		return 0;
	if (set->count == IDSET_MAX)
		return -ENOSPC;
	if (set->count >= set->capacity / 2) {
		rc = idset_grow(set);
		if (rc < 0)
			return rc;
	}
	slot = idset_find(set, id);
	if (slot == NULL)
		return -ENOSPC;
	*slot = id;
	set->count++;
	return 0;
}
